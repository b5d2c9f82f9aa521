/*
 * cpio archives in the "new" formats, with and without checksums, as initramfs images and RPM payloads have them (linux
 * Documentation/driver-api/early-userspace/buffer-format.rst, init/initramfs.c). The kernel reads several, joined, each
 * compressed or not, with zeros between: such a file has its parts as members, each a file of its own kind. Early
 * microcode is the first of them.
 */
#include "kinds.h"

#include <string.h>

#define HEADER_SIZE 110
#define FIELD_SIZE  8
#define TRAILER     "TRAILER!!!"

enum field {
    INO,
    MODE,
    UID,
    GID,
    NLINK,
    MTIME,
    FILESIZE,
    DEVMAJOR,
    DEVMINOR,
    RDEVMAJOR,
    RDEVMINOR,
    NAMESIZE,
    CHECK,
    FIELDS
};

struct header {
    uint64_t fields[FIELDS];
    const uint8_t *name;
    uint64_t name_padding, size_padding;
    bool summed; /* 070702 */
};

static bool is_magic(const uint8_t *bytes)
{
    return memcmp(bytes, "070701", 6) == 0 || memcmp(bytes, "070702", 6) == 0;
}

static bool hexadecimal(const uint8_t *digits, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < FIELD_SIZE; i++) {
        uint8_t digit = digits[i];
        unsigned number = digit >= '0' && digit <= '9'   ? digit - (unsigned)'0'
                          : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10U
                          : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10U
                                                         : 16U;
        if (number > 15)
            return false;
        *value = *value << 4 | number;
    }
    return true;
}

/* Where what begins at `begin` in the archive has its end filled up to four bytes. */
static uint64_t padding(uint64_t size)
{
    return (4 - size % 4) % 4;
}

/* The entry at an offset, counted from the archive's beginning, which is at `base`. All of it lies in the file. */
static bool read_entry(const struct lister *lister, uint64_t base, uint64_t at, struct header *entry)
{
    const uint8_t *header = lister->bytes + at;
    uint64_t left = lister->size - at;
    if (left < HEADER_SIZE || !is_magic(header))
        return false;
    entry->summed = header[5] == '2';
    for (size_t i = 0; i < FIELDS; i++) {
        if (!hexadecimal(header + 6 + i * FIELD_SIZE, &entry->fields[i]))
            return false;
    }
    uint64_t name_size = entry->fields[NAMESIZE];
    left -= HEADER_SIZE;
    if (name_size == 0 || name_size > 4096 || left < name_size)
        return false;
    entry->name = header + HEADER_SIZE;
    entry->name_padding = padding(at - base + HEADER_SIZE + name_size);
    entry->size_padding = padding(entry->fields[FILESIZE]);
    left -= name_size;
    return memchr(entry->name, '\0', name_size) == entry->name + name_size - 1 && left >= entry->name_padding &&
           left - entry->name_padding >= entry->fields[FILESIZE];
}

static uint64_t entry_size(const struct header *entry)
{
    return HEADER_SIZE + entry->fields[NAMESIZE] + entry->name_padding + entry->fields[FILESIZE] + entry->size_padding;
}

static bool is_trailer(const struct header *entry)
{
    return entry->fields[NAMESIZE] == sizeof(TRAILER) && memcmp(entry->name, TRAILER, sizeof(TRAILER)) == 0;
}

static uint64_t skip_zeros(const struct lister *lister, uint64_t at)
{
    while (at < lister->size && lister->bytes[at] == 0)
        at++;
    return at;
}

/* Where the archive at `base`, and the zeros behind it, end; 0 where it has no sound end. */
static uint64_t archive_end(const struct lister *lister, uint64_t base)
{
    struct header entry;
    for (uint64_t at = base; at < lister->size && read_entry(lister, base, at, &entry); at += entry_size(&entry)) {
        if (is_trailer(&entry)) {
            uint64_t end = at + entry_size(&entry);
            return skip_zeros(lister, end < lister->size ? end : lister->size);
        }
    }
    return 0;
}

/* ---- Joined archives ---- */

static int part(struct lister *lister, uint64_t size)
{
    char name[32];
    int used = snprintf(name, sizeof(name), "part-%zu", lister->members.count + 1);
    struct member *member = lister_member(lister, name, (size_t)used);
    if (member == NULL)
        return lister->failure;
    member->type = MEMBER_FILE;
    return lister_content(lister, size);
}

static int joined(struct lister *lister)
{
    uint64_t at = 0;
    lister->flags |= LISTING_ACCOUNTED;
    while (at < lister->size && lister->failure == 0) {
        bool archive = lister->size - at >= HEADER_SIZE && is_magic(lister->bytes + at);
        uint64_t end = archive ? archive_end(lister, at) : lister->size;
        /* What is no archive, a compressed one for example, goes to the end. */
        end = end > at ? end : lister->size;
        part(lister, end - at);
        at = end;
    }
    return lister->failure;
}

/* ---- One archive ---- */

static enum member_type type_of(uint64_t mode)
{
    static const struct {
        uint64_t bits;
        enum member_type type;
    } types[] = {{0100000, MEMBER_FILE},         {0040000, MEMBER_DIRECTORY},
                 {0120000, MEMBER_LINK},         {0020000, MEMBER_CHARACTER_DEVICE},
                 {0060000, MEMBER_BLOCK_DEVICE}, {0010000, MEMBER_FIFO},
                 {0140000, MEMBER_SOCKET}};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if ((mode & 0170000) == types[i].bits)
            return types[i].type;
    }
    return MEMBER_OTHER;
}

static bool check_is_right(const struct lister *lister, const struct header *entry, uint64_t content)
{
    uint32_t sum = 0;
    for (uint64_t i = 0; entry->summed && i < entry->fields[FILESIZE]; i++)
        sum += lister->bytes[content + i];
    return sum == entry->fields[CHECK];
}

static void header_pieces(struct lister *lister, const struct header *entry, uint32_t member)
{
    static const struct {
        enum rule_index rule; /* RULE_COUNT: kept */
    } fields[FIELDS] = {
        [INO] = {RULE_ARCHIVE_LAYOUT},
        [MODE] = {RULE_COUNT},
        [UID] = {RULE_COUNT},
        [GID] = {RULE_COUNT},
        [NLINK] = {RULE_COUNT},
        [MTIME] = {RULE_MEMBER_TIMES},
        [FILESIZE] = {RULE_ARCHIVE_LAYOUT},
        [DEVMAJOR] = {RULE_ARCHIVE_LAYOUT},
        [DEVMINOR] = {RULE_ARCHIVE_LAYOUT},
        [RDEVMAJOR] = {RULE_COUNT},
        [RDEVMINOR] = {RULE_COUNT},
        [NAMESIZE] = {RULE_COUNT},
        [CHECK] = {RULE_ARCHIVE_LAYOUT},
    };
    uint64_t content = lister->accounted + HEADER_SIZE + entry->fields[NAMESIZE] + entry->name_padding;
    lister_keep(lister, 6, member);
    for (size_t i = 0; i < FIELDS; i++) {
        bool kept = fields[i].rule == RULE_COUNT || (i == CHECK && !check_is_right(lister, entry, content));
        if (kept)
            lister_piece(lister, FIELD_SIZE, i == NAMESIZE ? PIECE_NAME : PIECE_KEPT, 0, member);
        else
            lister_aside(lister, FIELD_SIZE, fields[i].rule, member);
    }
    lister_piece(lister, entry->fields[NAMESIZE], PIECE_NAME, 0, member);
    lister_padding(lister, entry->name_padding, member);
}

static void describe(struct lister *lister, const struct header *entry, struct member *member)
{
    const uint64_t *fields = entry->fields;
    member->type = type_of(fields[MODE]);
    member->mode = fields[MODE] & 07777;
    member->uid = fields[UID];
    member->gid = fields[GID];
    member->seconds = (int64_t)fields[MTIME];
    member->known = KNOWN_MODE | KNOWN_OWNER | KNOWN_TIME | KNOWN_LINKS;
    if (member->type == MEMBER_CHARACTER_DEVICE || member->type == MEMBER_BLOCK_DEVICE) {
        member->major = fields[RDEVMAJOR];
        member->minor = fields[RDEVMINOR];
    }
    if (member->type == MEMBER_FILE && fields[NLINK] > 1) {
        member->inode = fields[INO];
        member->device = fields[DEVMAJOR] << 32 | fields[DEVMINOR];
    }
    if (member->type == MEMBER_LINK)
        member->target = lister_text(lister, entry->name + fields[NAMESIZE] + entry->name_padding, fields[FILESIZE]);
}

static int one_member(struct lister *lister, const struct header *entry)
{
    uint8_t canonical[4096];
    size_t size = names_canonical(entry->name, entry->fields[NAMESIZE] - 1, canonical);
    struct member *member = lister_member(lister, canonical, size);
    if (member == NULL)
        return lister->failure;
    uint32_t index = lister_last(lister);
    describe(lister, entry, member);
    enum member_type type = member->type;
    if (type != MEMBER_FILE && type != MEMBER_LINK && entry->fields[FILESIZE] != 0)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted,
                           "a member that is no file, and has a content");
    header_pieces(lister, entry, index);
    if (type == MEMBER_FILE) {
        member->place = CONTENT_INPUT;
        member->begin = member->end = lister->accounted;
        lister_content(lister, entry->fields[FILESIZE]);
    } else {
        lister_keep(lister, entry->fields[FILESIZE], index);
    }
    uint64_t left = lister->size - lister->accounted;
    return lister_padding(lister, entry->size_padding < left ? entry->size_padding : left, index);
}

/* Its fields mean nothing, and are kept nevertheless, but for what the rules say of any member's. */
static int the_end(struct lister *lister, const struct header *entry)
{
    header_pieces(lister, entry, NO_MEMBER);
    lister_keep(lister, entry->fields[FILESIZE], NO_MEMBER);
    return lister_padding(lister, lister->size - lister->accounted, NO_MEMBER);
}

/* Hard links to one file: the content stands with the last of them. */
static void share_contents(struct lister *lister)
{
    struct member *members = lister->members.items;
    for (size_t i = 0; i < lister->members.count; i++) {
        struct member *leader = members[i].link_leader != NO_MEMBER ? &members[members[i].link_leader] : NULL;
        if (leader != NULL && leader->begin == leader->end && members[i].end > members[i].begin) {
            leader->begin = members[i].begin;
            leader->end = members[i].end;
        }
    }
    for (size_t i = 0; i < lister->members.count; i++) {
        struct member *leader = members[i].link_leader != NO_MEMBER ? &members[members[i].link_leader] : NULL;
        if (leader != NULL && members[i].begin == members[i].end) {
            members[i].begin = leader->begin;
            members[i].end = leader->end;
        }
    }
}

static int whole_archive(struct lister *lister)
{
    struct header entry;
    lister->flags |= LISTING_ACCOUNTED | LISTING_ORDER_FREE;
    while (lister->accounted < lister->size && lister->failure == 0) {
        if (!read_entry(lister, 0, lister->accounted, &entry))
            return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "no sound cpio header");
        if (!is_trailer(&entry)) {
            one_member(lister, &entry);
            continue;
        }
        the_end(lister, &entry);
        if (lister->failure == 0 && names_check(lister, false) == 0)
            share_contents(lister);
        return lister->failure;
    }
    return lister->failure != 0
               ? lister->failure
               : lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "ends without a trailer");
}

int list_cpio(struct lister *lister)
{
    uint64_t end = archive_end(lister, 0);
    return end != 0 && end < lister->size ? joined(lister) : whole_archive(lister);
}
