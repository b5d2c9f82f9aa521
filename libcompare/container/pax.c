/*
 * The records of pax headers (POSIX pax, "pax Extended Header"): "LENGTH KEY=VALUE\n". Each is held to its length
 * exactly. Times are set aside by their rule, and a record's length with them, which follows from its value; all else is
 * kept. A key that is given twice lets two readers see two files: the archive is odd.
 */
#include "tar.h"

#include <string.h>

struct record {
    uint64_t length_size, size; /* of the digits, and of the whole */
    const uint8_t *key, *value;
    size_t key_size, value_size;
};

static bool decimal(const uint8_t *bytes, size_t size, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < '0' || bytes[i] > '9' || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, bytes[i] - '0', value))
            return false;
    }
    return size > 0;
}

static bool read_record(const uint8_t *at, uint64_t left, struct record *record)
{
    uint64_t digits = 0;
    while (digits < left && digits < 20 && at[digits] >= '0' && at[digits] <= '9')
        digits++;
    if (digits == left || at[digits] != ' ' || at[0] == '0' || !decimal(at, digits, &record->size) ||
        record->size > left || record->size < digits + 4 || at[record->size - 1] != '\n')
        return false;
    record->length_size = digits;
    record->key = at + digits + 1;
    const uint8_t *equals = memchr(record->key, '=', record->size - digits - 2);
    if (equals == NULL || equals == record->key)
        return false;
    record->key_size = (size_t)(equals - record->key);
    record->value = equals + 1;
    record->value_size = (size_t)(at + record->size - 1 - record->value);
    return true;
}

/* "1234567890.123456789", with a sign perhaps. */
static bool read_time(const struct record *record, int64_t *seconds, uint32_t *nanoseconds)
{
    const uint8_t *at = record->value;
    size_t left = record->value_size;
    bool negative = left > 0 && *at == '-';
    uint64_t whole, part = 0, unit = 100000000;
    at += negative;
    left -= negative;
    const uint8_t *dot = memchr(at, '.', left);
    size_t digits = dot != NULL ? (size_t)(dot - at) : left;
    if (!decimal(at, digits, &whole) || whole > INT64_MAX / 2 || (dot != NULL && left - digits > 20))
        return false;
    for (size_t i = digits + 1; i < left; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        part += (at[i] - '0') * unit;
        unit /= 10;
    }
    *seconds = negative ? -(int64_t)whole : (int64_t)whole;
    *nanoseconds = (uint32_t)part;
    return true;
}

static bool key_is(const struct record *record, const char *key)
{
    return record->key_size == strlen(key) && memcmp(record->key, key, record->key_size) == 0;
}

static bool key_begins(const struct record *record, const char *prefix)
{
    return record->key_size > strlen(prefix) && memcmp(record->key, prefix, strlen(prefix)) == 0;
}

/* Attributes by the name that the kernel has for them; other keys by their own, for they may mean something. */
static int add_attribute(struct lister *lister, const struct record *record, struct tar_extension *extension)
{
    static const char schily[] = "SCHILY.xattr.";
    size_t skip = key_begins(record, schily) ? sizeof(schily) - 1 : 0, count = extension->attribute_count;
    if ((count & (count - 1)) == 0) {
        struct attribute *larger =
            arena_alloc(&lister->arena, count == 0 ? 1 : count * 2, sizeof(*extension->attributes));
        if (larger == NULL)
            return lister_no_memory(lister);
        if (count > 0)
            memcpy(larger, extension->attributes, count * sizeof(*larger));
        extension->attributes = larger;
    }
    for (size_t i = 0; i < count && i < 64; i++) {
        if (extension->attributes[i].name_size == record->key_size - skip &&
            memcmp(extension->attributes[i].name, record->key + skip, record->key_size - skip) == 0)
            lister_oddity(lister, "duplicate-record", NO_MEMBER, "a pax header gives one key twice, at offset %#jx",
                          (uintmax_t)(record->key - lister->bytes));
    }
    extension->attributes[count] = (struct attribute){.name = record->key + skip,
                                                      .value = record->value,
                                                      .name_size = (uint32_t)(record->key_size - skip),
                                                      .value_size = (uint32_t)record->value_size};
    extension->attribute_count++;
    return 0;
}

static bool take_number(const struct record *record, bool *has, uint64_t *value)
{
    *has = true;
    return decimal(record->value, record->value_size, value);
}

/* What a record says. False where its value is not what its key asks for, or was given before. */
static bool take_meaning(struct lister *lister, const struct record *record, struct tar_extension *extension)
{
    struct tar_extension *to = extension;
    struct {
        const char *key;
        struct tar_text *text;
    } texts[] = {{"path", &to->path}, {"linkpath", &to->target}, {"uname", &to->owner}, {"gname", &to->group}};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        if (!key_is(record, texts[i].key))
            continue;
        bool again = texts[i].text->bytes != NULL;
        *texts[i].text = (struct tar_text){record->value, record->value_size};
        return !again;
    }
    if (key_is(record, "size"))
        return !to->has_size && take_number(record, &to->has_size, &to->size);
    if (key_is(record, "uid"))
        return !to->has_uid && take_number(record, &to->has_uid, &to->uid);
    if (key_is(record, "gid"))
        return !to->has_gid && take_number(record, &to->has_gid, &to->gid);
    if (key_is(record, "mtime")) {
        bool again = to->has_time;
        to->has_time = true;
        return read_time(record, &to->seconds, &to->nanoseconds) && !again;
    }
    if (key_is(record, "atime") || key_is(record, "ctime") || key_is(record, "comment"))
        return true;
    return add_attribute(lister, record, to) == 0;
}

static bool is_time(const struct record *record)
{
    int64_t seconds;
    uint32_t nanoseconds;
    return (key_is(record, "mtime") || key_is(record, "atime") || key_is(record, "ctime")) &&
           read_time(record, &seconds, &nanoseconds);
}

static void give_pieces(struct lister *lister, const struct record *record, uint32_t member)
{
    uint64_t front = 2 + record->key_size; /* " KEY=" */
    lister_aside(lister, record->length_size, RULE_ARCHIVE_LAYOUT, member);
    lister_keep(lister, front, member);
    if (is_time(record))
        lister_aside(lister, record->value_size, RULE_MEMBER_TIMES, member);
    else
        lister_piece(lister, record->value_size, key_is(record, "path") ? PIECE_NAME : PIECE_KEPT, 0, member);
    lister_keep(lister, 1, member);
}

int pax_records(struct lister *lister, uint64_t size, bool is_global, struct tar_extension *extension)
{
    uint64_t end = lister->accounted + size;
    uint32_t member = is_global ? NO_MEMBER : (uint32_t)lister->members.count;
    while (lister->accounted < end && lister->failure == 0) {
        uint64_t at = lister->accounted;
        struct record record;
        if (!read_record(lister->bytes + at, end - at, &record))
            return lister_fail(lister, COMPARE_ERROR_MALFORMED, at, "a pax record that is not sound");
        if (key_begins(&record, "GNU.sparse."))
            return lister_fail(lister, COMPARE_ERROR_UNSUPPORTED, at, "a sparse member, which is not read");
        if (is_global && !key_is(&record, "comment"))
            lister_oddity(lister, "global-header", NO_MEMBER,
                          "a global pax header changes what members are, at offset %#jx", (uintmax_t)at);
        else if (!is_global && !take_meaning(lister, &record, extension) && lister->failure == 0)
            lister_oddity(lister, "pax-record", NO_MEMBER,
                          "a pax header gives one key twice, or no number where one must be, at offset %#jx",
                          (uintmax_t)at);
        give_pieces(lister, &record, member);
    }
    return lister->failure;
}
