/*
 * Causes that show as names and orders: what link-time optimisation, rustc and parallel builds make of the same
 * functions; and bytes that nobody wrote.
 */
#include "families.h"

#include <stdlib.h>
#include <string.h>

/* ---- Names that are equal but for a part ---- */

/* Writes the name without the part that varies; returns its size. to has room for the name. */
typedef size_t (*normalise_name)(struct text name, uint8_t *to);

/* Without the digits behind each of these suffixes. */
static size_t without_numbers(struct text name, const char *const *suffixes, size_t count, uint8_t *to)
{
    size_t size = 0;
    for (size_t at = 0; at < name.size;) {
        size_t matched = 0;
        for (size_t i = 0; i < count && matched == 0; i++)
            matched = text_begins(text_part(name, at, name.size), suffixes[i]) ? strlen(suffixes[i]) : 0;
        if (matched == 0) {
            to[size++] = name.bytes[at++];
            continue;
        }
        memcpy(to + size, name.bytes + at, matched);
        size += matched;
        for (at += matched; at < name.size && is_alphanumeric(name.bytes[at]); at++)
            ;
    }
    return size;
}

static size_t without_lto_number(struct text name, uint8_t *to)
{
    static const char *const suffixes[] = {".lto_priv.", ".constprop.", ".isra.", ".part."};
    return without_numbers(name, suffixes, ARRAY_COUNT(suffixes), to);
}

static size_t without_llvm_hash(struct text name, uint8_t *to)
{
    static const char *const suffixes[] = {".llvm."};
    return without_numbers(name, suffixes, ARRAY_COUNT(suffixes), to);
}

/* _GLOBAL__sub_I_NAME: what stands for the file's first name is made of a random number. */
static size_t without_init_name(struct text name, uint8_t *to)
{
    static const char *const beginnings[] = {"_GLOBAL__sub_I_", "_GLOBAL__sub_D_", "_GLOBAL__I_", "_GLOBAL__D_",
                                             "_GLOBAL__N_"};
    size_t size = name.size;
    for (size_t i = 0; i < ARRAY_COUNT(beginnings); i++) {
        if (text_begins(name, beginnings[i]))
            size = strlen(beginnings[i]);
    }
    memcpy(to, name.bytes, size);
    return size;
}

/* h and 16 digits of the legacy mangling, and the disambiguators Cs..._ of crates in the newer one. */
static size_t rust_hash_size(struct text rest)
{
    size_t size = 0;
    if (text_begins(rest, "17h")) {
        while (size < 16 && 3 + size < rest.size && is_hex_digit(rest.bytes[3 + size]))
            size++;
        return size == 16 && rest.size > 19 && rest.bytes[19] == 'E' ? 19 : 0;
    }
    if (!text_begins(rest, "Cs"))
        return 0;
    while (2 + size < rest.size && is_alphanumeric(rest.bytes[2 + size]) && size < 14)
        size++;
    return size >= 6 && 2 + size < rest.size && rest.bytes[2 + size] == '_' ? 2 + size : 0;
}

/* A codegen unit's symbol: CRATE.HASH-cgu.N, or its hash alone, of 14 to 17 digits in base 36, which are no words. */
static bool is_rust_unit(struct text name)
{
    size_t digits = 0, letters = 0, vowels = 0;
    for (size_t i = 0; i < name.size; i++) {
        digits += is_digit(name.bytes[i]);
        letters += name.bytes[i] >= 'a' && name.bytes[i] <= 'z';
        vowels += name.bytes[i] != '\0' && strchr("aeiou", name.bytes[i]) != NULL;
    }
    return text_has(name, "-cgu.") || (name.size >= 14 && name.size <= 17 && digits + letters == name.size &&
                                       ((digits >= 2 && letters >= 2) || vowels * 4 < name.size));
}

/* anon.HASH.N is a constant of a unit, and .llvm.HASH the unit that a name belongs to. */
static size_t rust_suffix_size(struct text rest)
{
    size_t size = 0;
    if (text_begins(rest, "anon.")) {
        while (5 + size < rest.size && is_hex_digit(rest.bytes[5 + size]))
            size++;
        return size == 32 ? 5 + size : 0;
    }
    if (!text_begins(rest, ".llvm."))
        return 0;
    while (6 + size < rest.size && is_digit(rest.bytes[6 + size]))
        size++;
    return 6 + size == rest.size ? rest.size : 0;
}

static size_t without_rust_hash(struct text name, uint8_t *to)
{
    size_t size = 0;
    if (is_rust_unit(name))
        return 0;
    for (size_t at = 0; at < name.size;) {
        size_t hash = rust_hash_size(text_part(name, at, name.size));
        size_t suffix = rust_suffix_size(text_part(name, at, name.size));
        if (suffix > 0) {
            at += suffix;
            continue;
        }
        at += hash;
        if (hash > 0)
            to[size++] = '#';
        else
            to[size++] = name.bytes[at++];
    }
    return size;
}

/* .gnu.lto_NAME.HASH */
static size_t without_lto_hash(struct text name, uint8_t *to)
{
    size_t size = name.size;
    while (text_begins(name, ".gnu.lto_") && size > 0 && is_hex_digit(name.bytes[size - 1]))
        size--;
    if (size < 9 || name.bytes[size - 1] != '.')
        size = name.size;
    memcpy(to, name.bytes, size);
    return size;
}

static int compare_texts(const void *a, const void *b)
{
    const struct text *left = a, *right = b;
    size_t size = left->size < right->size ? left->size : right->size;
    int order = size == 0 ? 0 : memcmp(left->bytes, right->bytes, size);
    return order != 0 ? order : (left->size > right->size) - (left->size < right->size);
}

struct lines {
    struct text *items;
    size_t count;
};

/* The lines of a text, each normalised, sorted. NULL items: no memory. */
static struct lines normalised_lines(struct arena *arena, struct text text, normalise_name normalise)
{
    struct lines lines = {NULL, 0};
    size_t most = 1;
    for (size_t i = 0; i < text.size; i++)
        most += text.bytes[i] == '\n';
    struct text *items = arena_alloc(arena, most, sizeof(*items));
    uint8_t *to = arena_alloc(arena, text.size + 1, 1);
    if (items == NULL || to == NULL)
        return lines;
    for (size_t begin = 0, i = 0; i <= text.size; i++) {
        if (i < text.size && text.bytes[i] != '\n')
            continue;
        if (i > begin) {
            size_t size = normalise(text_part(text, begin, i - begin), to);
            if (size > 0)
                items[lines.count++] = (struct text){to, size};
            to += size;
        }
        begin = i + 1;
    }
    qsort(items, lines.count, sizeof(*items), compare_texts);
    lines.items = items;
    return lines;
}

/* Lists of names are no longer than this where they are whole. */
#define NAMES_MOST (64 * 1024)
#define FILES_MOST 64 /* names of files that are looked for among them */

static bool equal_names_but(const struct clues *clues, const struct text_pair *pair, normalise_name normalise)
{
    if (pair->vendor.size == 0 || pair->vendor.size > NAMES_MOST || pair->rebuilt.size > NAMES_MOST)
        return false;
    struct lines vendor = normalised_lines(clues->arena, pair->vendor, normalise);
    struct lines rebuilt = normalised_lines(clues->arena, pair->rebuilt, normalise);
    if (vendor.items == NULL || rebuilt.items == NULL || vendor.count != rebuilt.count || vendor.count == 0)
        return false;
    for (size_t i = 0; i < vendor.count; i++) {
        if (!text_equal(vendor.items[i], rebuilt.items[i]))
            return false;
    }
    return true;
}

static struct text first_line(struct text text)
{
    const uint8_t *end = text.size == 0 ? NULL : memchr(text.bytes, '\n', text.size);
    return end == NULL ? text : text_part(text, 0, (size_t)(end - text.bytes));
}

static bool has_one_of(struct text text, const char *const *needles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_has(text, needles[i]))
            return true;
    }
    return false;
}

static unsigned guess_names(const struct clues *clues, const struct difference *difference, struct guess *guess,
                            const char *const *needles, size_t count, normalise_name normalise)
{
    struct text_pair pair;
    if (difference->kind != DIFFERENCE_SYMBOLS || !text_pair_of(difference, &pair) ||
        !has_one_of(pair.vendor, needles, count) || !has_one_of(pair.rebuilt, needles, count) ||
        !equal_names_but(clues, &pair, normalise))
        return 0;
    return guess_pair(clues, guess, 90, "names that are equal but for a part, as", first_line(pair.vendor),
                      first_line(pair.rebuilt));
}

static unsigned fits_lto_private(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    static const char *const needles[] = {".lto_priv.", ".constprop.", ".isra.", ".part."};
    return guess_names(clues, difference, guess, needles, ARRAY_COUNT(needles), without_lto_number);
}

/* What gcc makes of a file's name for a symbol (gcc/tree.cc, clean_symbol_name). */
static bool stands_for_file(struct text name, struct text file)
{
    for (size_t i = 0; i < file.size && name.size == file.size; i++) {
        uint8_t byte = file.bytes[i];
        bool kept = is_alphanumeric(byte) || byte == '_' || byte == '.' || byte == '$';
        if (name.bytes[i] != (kept ? byte : '_'))
            return false;
    }
    return name.size == file.size && file.size > 0;
}

/* The part of _GLOBAL__sub_I_NAME that may stand for a file; of no size where there is none. */
static struct text named_for(struct text name)
{
    size_t beginning = strlen("_GLOBAL__sub_I_");
    return text_begins(name, "_GLOBAL__sub_") ? text_part(name, beginning, name.size) : (struct text){NULL, 0};
}

static size_t files_named(struct text names, struct text *files)
{
    size_t count = 0;
    for (size_t at = 0; at < names.size && count < FILES_MOST;) {
        struct text name = first_line(text_part(names, at, names.size)), file = named_for(name);
        if (file.size > 0)
            files[count++] = file;
        at += name.size + 1;
    }
    return count;
}

/* The list without the names of files that initialisers are named for; *count: how many they were. */
static struct text without_files(const struct clues *clues, struct text names, size_t *count)
{
    struct text files[FILES_MOST];
    size_t file_count = files_named(names, files);
    uint8_t *left = arena_alloc(clues->arena, names.size + 1, 1);
    struct text kept = {left, 0};
    *count = 0;
    for (size_t at = 0; left != NULL && at < names.size;) {
        struct text name = first_line(text_part(names, at, names.size));
        bool is_file = false;
        for (size_t i = 0; i < file_count && !is_file; i++)
            is_file = stands_for_file(files[i], name);
        *count += is_file;
        if (!is_file) {
            memcpy(left + kept.size, name.bytes, name.size);
            left[kept.size + name.size] = '\n';
            kept.size += name.size + 1;
        }
        at += name.size + 1;
    }
    return kept;
}

/* The symbol of a source file is named for it, too. */
static unsigned fits_static_init(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    static const char *const needles[] = {"_GLOBAL__"};
    struct difference names = *difference;
    struct text_pair pair;
    size_t files[2];
    if (difference->kind != DIFFERENCE_SYMBOLS || !text_pair_of(difference, &pair) || pair.vendor.size > NAMES_MOST ||
        pair.rebuilt.size > NAMES_MOST)
        return 0;
    struct text vendor = without_files(clues, pair.vendor, &files[0]);
    struct text rebuilt = without_files(clues, pair.rebuilt, &files[1]);
    if (files[0] != files[1] || vendor.bytes == NULL || rebuilt.bytes == NULL)
        return 0;
    names.vendor_value = (struct value){.bytes = vendor.bytes, .size = vendor.size};
    names.rebuilt_value = (struct value){.bytes = rebuilt.bytes, .size = rebuilt.size};
    return guess_names(clues, &names, guess, needles, ARRAY_COUNT(needles), without_init_name);
}

static unsigned fits_rust_metadata(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    static const char *const needles[] = {"17h", "Cs"};
    struct text_pair pair;
    /* Names of one hash that differ in their unit alone are told of below. */
    if (text_pair_of(difference, &pair) && equal_names_but(clues, &pair, without_llvm_hash))
        return 0;
    return guess_names(clues, difference, guess, needles, ARRAY_COUNT(needles), without_rust_hash);
}

static unsigned fits_rust_threads(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    static const char *const needles[] = {".llvm."};
    return guess_names(clues, difference, guess, needles, ARRAY_COUNT(needles), without_llvm_hash);
}

static bool same_bytes(const struct clues *clues, const struct difference *difference)
{
    const struct image *a = clues->vendor.image, *b = clues->rebuilt.image;
    struct range x = difference->vendor.bytes, y = difference->rebuilt.bytes;
    const uint8_t *left = a != NULL ? image_bytes(a, x) : NULL, *right = b != NULL ? image_bytes(b, y) : NULL;
    return left != NULL && right != NULL && range_size(x) == range_size(y) && memcmp(left, right, range_size(x)) == 0;
}

/*
 * Sections of one name but for the hash, and of one content: another source shows in the content alone, for the hash
 * is random.
 */
static unsigned fits_lto_section(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    uint8_t vendor[256], rebuilt[256];
    if (difference->kind != DIFFERENCE_SECTION || difference->vendor.section == NULL ||
        difference->rebuilt.section == NULL)
        return 0;
    struct text a = text_of(difference->vendor.section), b = text_of(difference->rebuilt.section);
    if (!text_begins(a, ".gnu.lto_") || a.size > sizeof(vendor) || b.size > sizeof(rebuilt) || text_equal(a, b) ||
        !text_equal((struct text){vendor, without_lto_hash(a, vendor)},
                    (struct text){rebuilt, without_lto_hash(b, rebuilt)}) ||
        !same_bytes(clues, difference))
        return 0;
    return guess_pair(clues, guess, 90, "sections of one content", a, b);
}

/* ---- Orders ---- */

static bool is_order_of_things(const struct difference *difference)
{
    return difference_is(difference, DIFFERENCE_ORDER, "order of functions") ||
           difference_is(difference, DIFFERENCE_ORDER, "order of objects");
}

static unsigned guess_order(const struct clues *clues, const struct difference *difference, struct guess *guess,
                            unsigned confidence)
{
    const char *vendor = difference->vendor_value.text, *rebuilt = difference->rebuilt_value.text;
    if (vendor == NULL || rebuilt == NULL)
        return guess_text(clues, guess, confidence, "the same ones on both sides, in another order");
    return guess_text(clues, guess, confidence, "%.200s; and %.200s", vendor, rebuilt);
}

static unsigned fits_link_order(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    return is_order_of_things(difference) ? guess_order(clues, difference, guess, 80) : 0;
}

/* -j4 and -j16: all but the number is equal. */
static bool differ_in_jobs(const struct text_pair *pair)
{
    size_t begin = text_common_prefix(pair->vendor, pair->rebuilt), i = begin, j = begin;
    while (begin > 0 && begin <= pair->vendor.size && is_digit(pair->vendor.bytes[begin - 1]))
        begin--;
    while (i < pair->vendor.size && is_digit(pair->vendor.bytes[i]))
        i++;
    while (j < pair->rebuilt.size && is_digit(pair->rebuilt.bytes[j]))
        j++;
    return begin >= 2 && i > begin && j > begin && text_equal(text_part(pair->vendor, begin - 2, 2), text_of("-j")) &&
           text_equal(text_part(pair->vendor, i, pair->vendor.size), text_part(pair->rebuilt, j, pair->rebuilt.size));
}

/* From two builds alone it looks like the order of the command line; a third build would tell. */
static unsigned fits_race(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    if (difference->kind == DIFFERENCE_STRING && text_pair_of(difference, &pair) && differ_in_jobs(&pair) &&
        (pair_mentions(&pair, "make|flags|makeflags|jobs|build") ||
         difference_mentions(difference, "make|flags|makeflags|jobs|build")))
        return guess_pair(clues, guess, 65, "numbers of jobs", pair.vendor, pair.rebuilt);
    return is_order_of_things(difference) ? guess_order(clues, difference, guess, 40) : 0;
}

static unsigned fits_hash_order(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    return difference_is(difference, DIFFERENCE_ORDER, "order of instructions")
               ? guess_order(clues, difference, guess, 65)
               : 0;
}

/* ---- Bytes that nobody wrote ---- */

/* Between two objects a linker leaves less than an alignment. */
#define GAP_MOST 64

static bool is_writable_data(const char *section)
{
    return section != NULL && (strcmp(section, ".data") == 0 || strncmp(section, ".data.", 6) == 0);
}

/* Constants of the compiler have no symbol either, in .rodata; there nothing is called a gap. */
static unsigned fits_padding(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    if (!difference_is(difference, DIFFERENCE_DATA, "padding") || !text_pair_of(difference, &pair))
        return 0;
    bool sure = clues->vendor.has_symtab && clues->rebuilt.has_symtab && pair.vendor.size <= GAP_MOST &&
                pair.rebuilt.size <= GAP_MOST && is_writable_data(difference->vendor.section) &&
                is_writable_data(difference->rebuilt.section);
    return guess_pair(clues, guess, sure ? 60 : 25, "bytes that no symbol covers", pair.vendor, pair.rebuilt);
}

static uint64_t word_of(struct text text)
{
    uint64_t word = 0;
    for (size_t i = 0; i < 8; i++)
        word |= (uint64_t)text.bytes[i] << (8 * i);
    return word;
}

/* Where Linux on x86-64 puts programs (0x55..., 0x56...), and libraries and stacks (0x7f...). */
static unsigned address_area(uint64_t word)
{
    uint64_t top = word >> 40;
    return top == 0x55 || top == 0x56 ? 1 : top == 0x7f || top == 0x7e ? 2 : 0;
}

static bool hex_address(struct text text, size_t at, uint64_t *word)
{
    *word = 0;
    size_t size = 0;
    while (at + size < text.size && size < 13 && is_hex_digit(text.bytes[at + size])) {
        uint8_t digit = text.bytes[at + size++];
        *word = *word * 16 + (uint64_t)(is_digit(digit) ? digit - '0' : digit - 'a' + 10);
    }
    return size == 12;
}

/* Randomisation moves whole pages: the last 12 bits of one address are equal in all runs. */
static unsigned confidence_of_addresses(uint64_t vendor, uint64_t rebuilt)
{
    if (vendor == rebuilt || address_area(vendor) == 0 || address_area(vendor) != address_area(rebuilt))
        return 0;
    return (vendor & 0xfff) == (rebuilt & 0xfff) ? 85 : 45;
}

/* "0x55..." in a text of which nothing else differs. */
static unsigned confidence_of_hex(const struct text_pair *pair)
{
    size_t at = text_common_prefix(pair->vendor, pair->rebuilt);
    uint64_t vendor, rebuilt;
    while (at > 0 && is_hex_digit(pair->vendor.bytes[at - 1]))
        at--;
    if (at < 2 || pair->vendor.bytes[at - 1] != 'x' || !hex_address(pair->vendor, at, &vendor) ||
        !hex_address(pair->rebuilt, at, &rebuilt) ||
        !text_equal(text_part(pair->vendor, at + 12, pair->vendor.size),
                    text_part(pair->rebuilt, at + 12, pair->rebuilt.size)))
        return 0;
    return confidence_of_addresses(vendor, rebuilt);
}

static unsigned fits_address(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    if ((difference->kind != DIFFERENCE_DATA && difference->kind != DIFFERENCE_STRING) ||
        !text_pair_of(difference, &pair))
        return 0;
    if (difference->kind == DIFFERENCE_STRING) {
        unsigned confidence = confidence_of_hex(&pair);
        return confidence == 0 ? 0 : guess_pair(clues, guess, confidence, "addresses", pair.vendor, pair.rebuilt);
    }
    if (pair.vendor.size != 8 || pair.rebuilt.size != 8)
        return 0;
    uint64_t vendor = word_of(pair.vendor), rebuilt = word_of(pair.rebuilt);
    unsigned confidence = confidence_of_addresses(vendor, rebuilt);
    return confidence == 0 ? 0
                           : guess_text(clues, guess, confidence, "addresses of a process: 0x%llx and 0x%llx",
                                        (unsigned long long)vendor, (unsigned long long)rebuilt);
}

static const struct cause rows[] = {
    {
        .info = {"link-order", "the linker was given the same objects in another order",
                 ".text, .rodata, .eh_frame, .init_array, .rela.dyn, .symtab; sizes are equal",
                 "the same functions or objects, permuted", "sort the inputs: $(sort $(wildcard *.o))", NULL, false},
        .fits = fits_link_order,
        .follows = FOLLOWS(ORDER) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"parallel-race", "the order of a parallel build is in the file", "as link-order",
                 "a permutation that varies from run to run; two files cannot tell it from link-order",
                 "mend the dependencies of the rule, or build with -j1", NULL, false},
        .fits = fits_race,
        .follows = FOLLOWS(ORDER) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"compiler-hash-order", "the compiler went through a hash table in the order of addresses",
                 "few functions of .text, labels", "the same instructions of one function, permuted",
                 "use a newer compiler; to find the place, build without address randomisation", NULL, true},
        .fits = fits_hash_order,
        .follows = FOLLOWS(CODE) | FOLLOWS(DEBUG) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"lto-section-suffix", "link-time optimisation named its sections at random",
                 ".gnu.lto_*.HASH in objects", "section names that are equal but for the hash",
                 "build with -frandom-seed=FILE", NULL, false},
        .fits = fits_lto_section,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"lto-private-suffix", "link-time optimisation numbered local symbols differently",
                 ".lto_priv.N, .constprop.N, .isra.N, .part.N in .symtab", "names that are equal but for the number",
                 "pin the partitions: -flto-partition, the same -flto=N", NULL, false},
        .fits = fits_lto_private,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"static-init-name", "the compiler named an initialiser at random", "_GLOBAL__sub_I_NAME in .symtab",
                 "names that are equal but for what follows this prefix",
                 "build with the same file names, or "
                 "-frandom-seed=FILE",
                 NULL, false},
        .fits = fits_static_init,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"rust-metadata", "rustc put a hash of its options and paths into the names of symbols",
                 "17h, 16 digits and E in symbols, or Cs..._ of the newer mangling; the build ID",
                 "names that are equal but for the hash", "pin -C metadata, and remap paths", NULL, false},
        .fits = fits_rust_metadata,
        .follows = FOLLOWS(ORDER) | FOLLOWS(SYMBOLS) | FOLLOWS(DEBUG) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"rust-threads", "the compiler named local symbols by a hash of their unit", ".llvm.HASH in .strtab",
                 "names that are equal but for the hash", "build without the parallel front end", NULL, false},
        .fits = fits_rust_threads,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"uninitialised-padding", "bytes between objects were never initialised", "gaps of .data",
                 "no symbol covers the bytes, which are fewer than an alignment", "zero the gaps", NULL, false},
        .fits = fits_padding,
        .follows = 0,
    },
    {
        .info = {"leaked-address", "an address of the process that built it is in the file",
                 "words 0x55... or 0x7f... in data, or their text",
                 "two addresses of one area with the same last 12 bits", "do not store addresses", NULL, false},
        .fits = fits_address,
        .follows = 0,
    },
    {
        .info = {"ar-metadata", "the headers of an archive's members differ", "time, owner, group and mode of members",
                 "not looked for: archives are not compared", "use ar with the modifier D",
                 "timestamps_in_static_libraries", false},
    },
    {
        .info = {"ar-order", "an archive has its members in another order", "offsets, the symbol index",
                 "not looked for: archives are not compared", "sort the list of members", NULL, false},
    },
};

const struct family causes_linking = {rows, ARRAY_COUNT(rows)};
