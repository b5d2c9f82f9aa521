/* Causes of the Linux kernel and its modules. */
#include "btf.h"
#include "families.h"
#include "kernel_config.h"

#include <string.h>

#define SIGNATURE_MAGIC "~Module signature appended~\n"

/* ---- module-vermagic, randstruct ---- */

/* Linux include/linux/vermagic.h: a digest of the seed stands behind all else that must be the same. */
static bool seed_of(struct text vermagic, struct text *before, struct text *behind)
{
    static const char mark[] = "RANDSTRUCT_";
    const uint8_t *found = vermagic.size == 0 ? NULL : memmem(vermagic.bytes, vermagic.size, mark, sizeof(mark) - 1);
    if (found == NULL)
        return false;
    size_t begin = (size_t)(found - vermagic.bytes) + sizeof(mark) - 1, end = begin;
    while (end < vermagic.size && is_alphanumeric(vermagic.bytes[end]))
        end++;
    *before = text_part(vermagic, 0, begin);
    *behind = text_part(vermagic, end, vermagic.size);
    return end > begin;
}

/* Whether the two are equal but for the seed of the layout of structures. */
static bool differ_in_seed(const struct text_pair *pair)
{
    struct text before[2], behind[2];
    return text_begins(pair->vendor, "vermagic=") && seed_of(pair->vendor, &before[0], &behind[0]) &&
           seed_of(pair->rebuilt, &before[1], &behind[1]) && text_equal(before[0], before[1]) &&
           text_equal(behind[0], behind[1]);
}

static unsigned fits_vermagic(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    if (difference->kind != DIFFERENCE_STRING || difference->vendor.section == NULL ||
        strcmp(difference->vendor.section, ".modinfo") != 0 || !text_pair_of(difference, &pair) ||
        differ_in_seed(&pair))
        return 0;
    if (text_begins(pair.vendor, "vermagic=") && text_begins(pair.rebuilt, "vermagic="))
        return guess_pair(clues, guess, 90, "modinfo", pair.vendor, pair.rebuilt);
    /* It is a digest of the module's source: another one is no accident. */
    if (text_begins(pair.vendor, "srcversion=") && text_begins(pair.rebuilt, "srcversion="))
        return guess_pair(clues, guess, 40, "modinfo", pair.vendor, pair.rebuilt);
    return 0;
}

/* ---- module-signature ---- */

/* Linux include/linux/module_signature.h: 12 bytes before the magic, of which the last four are the size. */
static bool signature_of(const struct image *image, struct range *signature)
{
    const uint64_t magic = sizeof(SIGNATURE_MAGIC) - 1, trailer = magic + 12;
    if (image == NULL || image->size < trailer)
        return false;
    const uint8_t *end = image_bytes(image, (struct range){image->size - trailer, image->size});
    if (end == NULL || memcmp(end + 12, SIGNATURE_MAGIC, magic) != 0)
        return false;
    uint64_t size = (uint64_t)end[8] << 24 | (uint64_t)end[9] << 16 | (uint64_t)end[10] << 8 | end[11];
    if (size > image->size - trailer)
        return false;
    *signature = (struct range){image->size - trailer - size, image->size};
    return true;
}

static bool is_in_signature(const struct image *image, const struct place *place)
{
    struct range signature;
    return range_empty(place->bytes) || (signature_of(image, &signature) && range_contains(signature, place->bytes));
}

static unsigned fits_signature(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    bool somewhere = !range_empty(difference->vendor.bytes) || !range_empty(difference->rebuilt.bytes);
    if (!somewhere || difference->kind == DIFFERENCE_CODE ||
        !is_in_signature(clues->vendor.image, &difference->vendor) ||
        !is_in_signature(clues->rebuilt.image, &difference->rebuilt))
        return 0;
    return guess_text(clues, guess, 95, "the bytes lie between the end of the module and its signature's trailer");
}

/* ---- Things inside the kernel that would have to be unpacked ---- */

static bool is_in(const struct difference *difference, const char *section)
{
    return difference->vendor.section != NULL && difference->rebuilt.section != NULL &&
           strcmp(difference->vendor.section, section) == 0 && strcmp(difference->rebuilt.section, section) == 0;
}

/* ---- An archive that is not compressed: cpio, "newc" (Linux Documentation/driver-api/early-userspace) ---- */

#define CPIO_HEADER 110
#define CPIO_FIELDS 13

struct cpio_entry {
    struct text name, content;
    uint64_t fields[CPIO_FIELDS]; /* ino, mode, uid, gid, nlink, mtime, filesize, 2 * dev, 2 * rdev, namesize, check */
};

static bool cpio_number(const uint8_t *digits, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < 8; i++) {
        if (!is_hex_digit(digits[i]))
            return false;
        *number = *number << 4 | (uint64_t)(digits[i] <= '9' ? digits[i] - '0' : (digits[i] | 0x20) - 'a' + 10);
    }
    return true;
}

/* The entry at *at, which is moved behind it; false where there is none. */
static bool cpio_next(struct text archive, size_t *at, struct cpio_entry *entry)
{
    if (archive.size < CPIO_HEADER || *at > archive.size - CPIO_HEADER ||
        (memcmp(archive.bytes + *at, "070701", 6) != 0 && memcmp(archive.bytes + *at, "070702", 6) != 0))
        return false;
    for (size_t i = 0; i < CPIO_FIELDS; i++) {
        if (!cpio_number(archive.bytes + *at + 6 + 8 * i, &entry->fields[i]))
            return false;
    }
    uint64_t name = *at + CPIO_HEADER, content = (name + entry->fields[11] + 3) & ~(uint64_t)3;
    uint64_t end = (content + entry->fields[6] + 3) & ~(uint64_t)3;
    if (content > archive.size || content + entry->fields[6] > archive.size)
        return false;
    entry->name = text_part(archive, name, entry->fields[11]);
    entry->content = text_part(archive, content, entry->fields[6]);
    *at = end < archive.size ? end : archive.size;
    return true;
}

/* Equal but for who owned the files and when they were written: inode, owner, group, time, device, a checksum of none. */
static bool same_but_for_origin(const struct cpio_entry *a, const struct cpio_entry *b)
{
    static const size_t said[] = {1, 4, 6, 9, 10, 11};
    bool same = text_equal(a->name, b->name) && text_equal(a->content, b->content);
    for (size_t i = 0; i < ARRAY_COUNT(said); i++)
        same = same && a->fields[said[i]] == b->fields[said[i]];
    return same;
}

static struct text archive_of(const struct image *image)
{
    const struct section *section = image != NULL ? image_section_named(image, ".init.ramfs") : NULL;
    return section != NULL ? (struct text){image->bytes + section->bytes.begin, (size_t)range_size(section->bytes)}
                           : (struct text){NULL, 0};
}

static bool archives_differ_in_origin(const struct clues *clues)
{
    struct text a = archive_of(clues->vendor.image), b = archive_of(clues->rebuilt.image);
    struct cpio_entry x, y;
    size_t i = 0, j = 0;
    bool more = true, last = false;
    while (more && !last) {
        bool first = cpio_next(a, &i, &x), second = cpio_next(b, &j, &y);
        more = first && second && same_but_for_origin(&x, &y);
        last = more && text_begins(x.name, "TRAILER!!!");
    }
    return last && text_equal(text_part(a, i, a.size), text_part(b, j, b.size));
}

static unsigned fits_initramfs(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    if (!is_in(difference, ".init.ramfs") && !difference_mentions(difference, "__initramfs_start|kernel_headers_data"))
        return 0;
    if (is_in(difference, ".init.ramfs") && archives_differ_in_origin(clues))
        return guess_text(clues, guess, 92, "the archives have the same files, of other owners or times");
    return guess_text(clues, guess, 45, "the bytes of an archive in the kernel, which was not unpacked");
}

static unsigned fits_config(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct config_change change;
    if (difference->kind == DIFFERENCE_CODE ||
        (!config_holds(clues, difference) && !difference_mentions(difference, "kernel_config_data")))
        return 0;
    guess->key = "configuration";
    if (!config_compare(clues, &change))
        return guess_text(clues, guess, 45, "the configuration in the kernel, which cannot be unpacked");
    if (change.count == 0)
        return guess_text(clues, guess, 92, "one configuration, packed in two ways");
    return guess_text(clues, guess, 88, "%zu option%s: \"%s\" and \"%s\"", change.count,
                      change.count > 1 ? "s, the first of which are" : "", change.vendor, change.rebuilt);
}

static unsigned fits_btf(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    uint64_t count;
    bool types = is_in(difference, ".BTF");
    if (!types && !is_in(difference, ".BTF.ext"))
        return 0;
    guess->key = "type information";
    if (btf_has_same_types(clues->vendor.image, clues->rebuilt.image, &count))
        return guess_text(clues, guess, types ? 92 : 60,
                          "the same %ju types on both sides, by hashes of what they refer to", (uintmax_t)count);
    return guess_text(clues, guess, 45, "type information of both sides, which has not the same types");
}

static unsigned fits_randstruct(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    if (difference->kind == DIFFERENCE_STRING && text_pair_of(difference, &pair) && differ_in_seed(&pair))
        return guess_pair(clues, guess, 92, "digests of the seed", pair.vendor, pair.rebuilt);
    if (difference->kind == DIFFERENCE_STRING && difference_mentions(difference, "randstruct|randomize_layout"))
        return guess_text(clues, guess, 80, "the seed of the layout of structures");
    if (!difference_is(difference, DIFFERENCE_CODE, "code") ||
        (!names_mention(&clues->vendor.symbols, "randomize_layout|randstruct") &&
         !names_mention(&clues->rebuilt.symbols, "randomize_layout|randstruct")))
        return 0;
    return guess_text(clues, guess, 60, "code differs widely in a kernel with a seed for the layout of structures");
}

/* ---- nested-build-id ---- */

/* Whether the bytes are in the descriptor of a build-ID note, whose type and name stand before them. */
static bool is_in_build_id(const struct image *image, struct range place)
{
    static const uint8_t head[] = {3, 0, 0, 0, 'G', 'N', 'U', 0};
    if (image == NULL || image->big_endian || range_empty(place) || range_size(place) > 20)
        return false;
    for (uint64_t back = 0; back <= 20 && back + sizeof(head) + 8 <= place.begin; back++) {
        uint64_t descriptor = place.begin - back;
        const uint8_t *note = image_bytes(image, (struct range){descriptor - sizeof(head) - 8, descriptor});
        if (note != NULL && image_u32(image, note) == 4 && memcmp(note + 8, head, sizeof(head)) == 0 &&
            image_u32(image, note + 4) <= 20 && place.end <= descriptor + image_u32(image, note + 4))
            return true;
    }
    return false;
}

/* Part of a random ID can look like a string, on one side only: then its place is looked at on both. */
static bool is_in_both_build_ids(const struct clues *clues, const struct difference *difference)
{
    struct range vendor = difference->vendor.bytes, rebuilt = difference->rebuilt.bytes;
    return is_in_build_id(clues->vendor.image, range_empty(vendor) ? rebuilt : vendor) &&
           is_in_build_id(clues->rebuilt.image, range_empty(rebuilt) ? vendor : rebuilt);
}

static unsigned fits_nested(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    if ((difference->kind != DIFFERENCE_DATA && difference->kind != DIFFERENCE_BYTES &&
         difference->kind != DIFFERENCE_STRING) ||
        !is_in_both_build_ids(clues, difference))
        return 0;
    guess->key = "build IDs inside";
    return guess_text(clues, guess, 85, "the bytes are the descriptor of a build-ID note inside data");
}

static const struct cause rows[] = {
    {
        .info = {"kernel-initramfs", "the archive inside the kernel differs", ".init.ramfs, kheaders",
                 "an archive that is not compressed has the same files, of other owners or times; of others, only the "
                 "place tells",
                 "build the archive reproducibly", "users_and_groups_in_cpio_archive", false},
        .fits = fits_initramfs,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"kernel-config", "the configuration inside the kernel differs", "between IKCFG_ST and IKCFG_ED",
                 "both are unpacked, and compared option by option", "pin the configuration", NULL, false},
        .fits = fits_config,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"module-signature", "the module's signature differs, or is on one side only",
                 "bytes before \"~Module signature appended~\"", "the trailer says where the signature begins",
                 "compare the modules without it, and sign them apart", "cryptographic_signature", false},
        .fits = fits_signature,
        .follows = 0,
    },
    {
        .info = {"module-vermagic", "the module names the kernel that it was built for",
                 ".modinfo: vermagic, srcversion", "the values of the keys; another srcversion means another source",
                 "build for the same kernel", NULL, false},
        .fits = fits_vermagic,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"btf-order", "type information lists the same types in another order", ".BTF: the numbers of types",
                 "as many types of each hash, which is one of their names, members and what they refer to",
                 "use the reproducible mode of pahole", NULL, false},
        .fits = fits_btf,
        .follows = 0,
    },
    {
        .info = {"randstruct", "the layout of structures was made at random", ".text widely",
                 "offsets in structures; a seed in the file", "keep the seed", NULL, true},
        .fits = fits_randstruct,
        .follows = FOLLOWS_FROM_CODE,
    },
    {
        .info = {"nested-build-id", "an ELF file inside the data has another build ID", "a vDSO in the kernel",
                 "the bytes are the descriptor of a build-ID note", "set CONFIG_BUILD_SALT, or link it without an ID",
                 NULL, false},
        .fits = fits_nested,
        .follows = 0,
    },
};

const struct family causes_kernel = {rows, ARRAY_COUNT(rows)};
