/*
 * tar archives, block by block (POSIX ustar and pax; GNU tar's long names; the format before POSIX). Every byte is given
 * to a piece: headers are kept but for the fields that a rule names, which were checked; what pads must be zero. Where two
 * readers could see two archives (a link with a size, a lone zero block, data behind the end) it is not read, or odd.
 */
#include "tar.h"

#include <string.h>

struct field {
    size_t offset, size;
};

static const struct field NAME = {0, 100}, MODE = {100, 8}, UID = {108, 8}, GID = {116, 8}, SIZE = {124, 12},
                          MTIME = {136, 12}, SUM = {148, 8}, LINK = {157, 100}, UNAME = {265, 32}, GNAME = {297, 32},
                          MAJOR = {329, 8}, MINOR = {337, 8}, PREFIX = {345, 155};
#define TYPE_OFFSET  156
#define MAGIC_OFFSET 257

bool tar_number(const uint8_t *field, size_t size, uint64_t *value)
{
    size_t at = 0;
    *value = 0;
    if (field[0] == 0x80) {
        for (at = 1; at < size; at++) {
            if (*value >> 56 != 0)
                return false;
            *value = *value << 8 | field[at];
        }
        return true;
    }
    while (at < size && field[at] == ' ')
        at++;
    for (; at < size && field[at] >= '0' && field[at] <= '7'; at++)
        *value = *value << 3 | (uint64_t)(field[at] - '0');
    while (at < size && (field[at] == ' ' || field[at] == '\0'))
        at++;
    return at == size;
}

static bool number(const uint8_t *header, struct field field, uint64_t *value)
{
    return tar_number(header + field.offset, field.size, value);
}

static struct tar_text text(const uint8_t *header, struct field field)
{
    return (struct tar_text){header + field.offset, strnlen((const char *)header + field.offset, field.size)};
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && bytes[at] == 0)
        at++;
    return at == size;
}

static bool sum_is_right(const uint8_t *header)
{
    uint64_t sum = 0, told;
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i >= SUM.offset && i < SUM.offset + SUM.size ? ' ' : header[i];
    return number(header, SUM, &told) && told == sum;
}

static uint64_t padded(uint64_t size)
{
    return (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}

static bool is_posix(const uint8_t *header)
{
    return memcmp(header + MAGIC_OFFSET,
                  "ustar\0"
                  "00",
                  8) == 0;
}

static void header_pieces(struct lister *lister, const uint8_t *header, uint32_t member)
{
    uint64_t ignored;
    lister_piece(lister, NAME.size, PIECE_NAME, 0, member);
    lister_keep(lister, SIZE.offset - MODE.offset, member);
    lister_aside(lister, SIZE.size, RULE_ARCHIVE_LAYOUT, member);
    if (number(header, MTIME, &ignored))
        lister_aside(lister, MTIME.size, RULE_MEMBER_TIMES, member);
    else
        lister_keep(lister, MTIME.size, member);
    lister_aside(lister, SUM.size, RULE_ARCHIVE_LAYOUT, member);
    lister_keep(lister, PREFIX.offset - TYPE_OFFSET, member);
    lister_piece(lister, PREFIX.size, is_posix(header) ? PIECE_NAME : PIECE_KEPT, 0, member);
    lister_keep(lister, TAR_BLOCK - PREFIX.offset - PREFIX.size, member);
}

/* ---- Extension headers: what they say is of the next member ---- */

/* GNU's long names end in one NUL, which is the last byte. */
static int long_name(struct lister *lister, uint64_t size, bool of_link, struct tar_extension *extension)
{
    const uint8_t *bytes = lister->bytes + lister->accounted;
    struct tar_text *to = of_link ? &extension->target : &extension->path;
    if (size < 2 || memchr(bytes, '\0', size) != bytes + size - 1 || to->bytes != NULL)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "a long name that is not sound");
    *to = (struct tar_text){bytes, size - 1};
    return lister_piece(lister, size, of_link ? PIECE_KEPT : PIECE_NAME, 0, (uint32_t)lister->members.count);
}

static int extension_header(struct lister *lister, const uint8_t *header, uint64_t size,
                            struct tar_extension *extension)
{
    uint8_t type = header[TYPE_OFFSET];
    uint32_t member = type == 'g' ? NO_MEMBER : (uint32_t)lister->members.count;
    header_pieces(lister, header, member);
    if (lister->failure != 0 || lister->size - lister->accounted < size)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "ends amid a header: truncated?");
    if (type == 'L' || type == 'K')
        long_name(lister, size, type == 'K', extension);
    else
        pax_records(lister, size, type == 'g', extension);
    extension->any |= type != 'g';
    return lister->failure != 0 ? lister->failure : lister_padding(lister, padded(size), member);
}

/* ---- Members ---- */

static const struct {
    char flag;
    enum member_type type;
} types[] = {{'0', MEMBER_FILE},         {'\0', MEMBER_FILE},     {'7', MEMBER_FILE},
             {'1', MEMBER_HARD_LINK},    {'2', MEMBER_LINK},      {'3', MEMBER_CHARACTER_DEVICE},
             {'4', MEMBER_BLOCK_DEVICE}, {'5', MEMBER_DIRECTORY}, {'6', MEMBER_FIFO}};

static bool type_of(const uint8_t *header, struct tar_text path, enum member_type *type)
{
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (header[TYPE_OFFSET] == (uint8_t)types[i].flag) {
            /* Before POSIX a directory was a file whose name ends in a slash. */
            bool folder = types[i].flag == '\0' && path.size > 0 && path.bytes[path.size - 1] == '/';
            *type = folder ? MEMBER_DIRECTORY : types[i].type;
            return true;
        }
    }
    return false;
}

/* The path of a member: what an extension says, or the header's prefix and name. */
static struct tar_text path_of(struct lister *lister, const uint8_t *header, const struct tar_extension *extension)
{
    struct tar_text name = text(header, NAME), prefix = text(header, PREFIX);
    if (extension->path.bytes != NULL)
        return extension->path;
    if (!is_posix(header) || prefix.size == 0)
        return name;
    uint8_t *joined = arena_alloc(&lister->arena, prefix.size + 1 + name.size, 1);
    if (joined == NULL) {
        lister_no_memory(lister);
        return name;
    }
    memcpy(joined, prefix.bytes, prefix.size);
    joined[prefix.size] = '/';
    memcpy(joined + prefix.size + 1, name.bytes, name.size);
    return (struct tar_text){joined, prefix.size + 1 + name.size};
}

static struct text_at keep_text(struct lister *lister, struct tar_text given, struct tar_text otherwise)
{
    return given.bytes != NULL ? lister_text(lister, given.bytes, given.size)
                               : lister_text(lister, otherwise.bytes, otherwise.size);
}

static struct member *new_member(struct lister *lister, struct tar_text path)
{
    uint8_t *canonical = arena_alloc(&lister->arena, path.size + 1, 1);
    if (canonical == NULL) {
        lister_no_memory(lister);
        return NULL;
    }
    return lister_member(lister, canonical, names_canonical(path.bytes, path.size, canonical));
}

static int describe(struct lister *lister, const uint8_t *header, const struct tar_extension *extension,
                    struct member *member)
{
    uint64_t mode, seconds;
    if (!number(header, MODE, &mode) || !number(header, UID, &member->uid) || !number(header, GID, &member->gid))
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "a header with a number that is none");
    member->mode = mode & 07777;
    member->uid = extension->has_uid ? extension->uid : member->uid;
    member->gid = extension->has_gid ? extension->gid : member->gid;
    member->owner = keep_text(lister, extension->owner, text(header, UNAME));
    member->group = keep_text(lister, extension->group, text(header, GNAME));
    if (member->type == MEMBER_LINK || member->type == MEMBER_HARD_LINK)
        member->target = keep_text(lister, extension->target, text(header, LINK));
    if ((member->type == MEMBER_CHARACTER_DEVICE || member->type == MEMBER_BLOCK_DEVICE) &&
        (!number(header, MAJOR, &member->major) || !number(header, MINOR, &member->minor)))
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "a device without numbers");
    member->known = KNOWN_MODE | KNOWN_OWNER | KNOWN_NAMES | KNOWN_ATTRIBUTES | KNOWN_LINKS;
    if (extension->has_time || number(header, MTIME, &seconds)) {
        member->known |= KNOWN_TIME;
        member->seconds = extension->has_time ? extension->seconds : (int64_t)seconds;
        member->nanoseconds = extension->has_time ? extension->nanoseconds : 0;
    }
    member->attributes = attributes_pack(lister, extension->attributes, extension->attribute_count);
    return lister->failure;
}

/* A header's size that says otherwise than the pax header's, where it need not, is one that other readers go by. */
static int settle_size(struct lister *lister, const struct tar_extension *extension, uint64_t *size)
{
    if (extension->has_size && *size != extension->size) {
        if (extension->size < (uint64_t)1 << 33)
            return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "two sizes of one member");
        *size = extension->size;
    }
    return 0;
}

static int one_member(struct lister *lister, const uint8_t *header, uint64_t size, struct tar_extension *extension)
{
    enum member_type type;
    struct tar_text path = path_of(lister, header, extension);
    if (!type_of(header, path, &type))
        return lister_fail(lister, COMPARE_ERROR_UNSUPPORTED, lister->accounted,
                           "a member of type %#x, which is not read", header[TYPE_OFFSET]);
    if (settle_size(lister, extension, &size) != 0)
        return lister->failure;
    if (type != MEMBER_FILE && size != 0)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted,
                           "a member that is no file, and has a content");
    struct member *member = new_member(lister, path);
    if (member == NULL)
        return lister->failure;
    member->type = type;
    uint32_t index = lister_last(lister);
    if (describe(lister, header, extension, member) != 0)
        return lister->failure;
    header_pieces(lister, header, index);
    if (type == MEMBER_FILE) {
        member->place = CONTENT_INPUT;
        member->begin = member->end = lister->accounted;
        lister_content(lister, size);
    }
    *extension = (struct tar_extension){0};
    return lister->failure != 0 ? lister->failure : lister_padding(lister, padded(size), index);
}

/* Two blocks of zeros end the archive, and zeros fill its last record; GNU tar goes on behind a single one. */
static int the_end(struct lister *lister)
{
    uint64_t rest = lister->size - lister->accounted;
    if (rest >= 2 * TAR_BLOCK && !is_zero(lister->bytes + lister->accounted + TAR_BLOCK, TAR_BLOCK))
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted,
                           "a lone block of zeros amid the archive");
    if (is_zero(lister->bytes + lister->accounted, rest))
        return lister_aside(lister, rest, RULE_ARCHIVE_LAYOUT, NO_MEMBER);
    lister_oddity(lister, "data-behind-end", NO_MEMBER, "data behind the end of the archive at offset %#jx",
                  (uintmax_t)lister->accounted);
    return lister_keep(lister, rest, NO_MEMBER);
}

static int next_header(struct lister *lister, struct tar_extension *extension)
{
    const uint8_t *header = lister->bytes + lister->accounted;
    uint64_t size;
    if (lister->size - lister->accounted < TAR_BLOCK)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "ends amid a header: truncated?");
    if (!sum_is_right(header) || !number(header, SIZE, &size))
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "no sound tar header");
    bool extends = header[TYPE_OFFSET] != '\0' && strchr("xgLK", header[TYPE_OFFSET]) != NULL;
    return extends ? extension_header(lister, header, size, extension) : one_member(lister, header, size, extension);
}

int list_tar(struct lister *lister)
{
    struct tar_extension extension = {0};
    lister->flags |= LISTING_ACCOUNTED | LISTING_ORDER_FREE;
    while (lister->accounted < lister->size && lister->failure == 0) {
        uint64_t left = lister->size - lister->accounted;
        bool ends = left >= TAR_BLOCK && is_zero(lister->bytes + lister->accounted, TAR_BLOCK);
        if (ends && extension.any)
            return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "a header that no member follows");
        if (ends)
            the_end(lister);
        else
            next_header(lister, &extension);
    }
    if (lister->failure == 0 && extension.any)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "a header that no member follows");
    return lister->failure != 0 ? lister->failure : names_check(lister, false);
}
