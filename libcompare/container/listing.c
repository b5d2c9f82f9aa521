/*
 * Making a listing: members, pieces, texts. Every limit is held here, so that no reader of a format need think of it:
 * the count of members, what contents come to, what all of it takes.
 */
#include "listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Texts have 32-bit offsets. */
#define STRINGS_MOST ((size_t)1 << 31)

void lister_begin(struct lister *lister, const char *name, const struct compare_limits *limits,
                  struct compare_error *error)
{
    *lister = (struct lister){.name = name, .contents = -1, .limits = *limits, .error = error};
    lister->members = (struct list){.arena = &lister->arena, .item_size = sizeof(struct member)};
    lister->pieces = (struct list){.arena = &lister->arena, .item_size = sizeof(struct parcel)};
    lister->oddities = (struct list){.arena = &lister->arena, .item_size = sizeof(struct oddity)};
}

void lister_end(struct lister *lister)
{
    arena_free(&lister->arena);
    free(lister->strings);
    lister->strings = NULL;
}

int lister_fail(struct lister *lister, int status, uint64_t offset, const char *format, ...)
{
    char text[400];
    va_list arguments;
    if (lister->failure != 0)
        return lister->failure;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    lister->failure = error_set(lister->error, status, lister->name, "%s (offset %#jx)", text, (uintmax_t)offset);
    return lister->failure;
}

int lister_no_memory(struct lister *lister)
{
    if (lister->failure == 0)
        lister->failure = error_set(lister->error, COMPARE_ERROR_MEMORY, lister->name, "no memory");
    return lister->failure;
}

static int hit(struct lister *lister, const char *limit, uint64_t value, const char *what)
{
    if (lister->failure == 0)
        lister->failure = limit_hit(lister->error, lister->name, limit, value, what);
    return lister->failure;
}

static bool make_room(struct lister *lister, size_t size)
{
    size_t capacity = lister->strings_capacity == 0 ? 4096 : lister->strings_capacity;
    if (size > STRINGS_MOST - lister->strings_size)
        return false;
    while (capacity < lister->strings_size + size)
        capacity *= 2;
    if (capacity == lister->strings_capacity)
        return true;
    uint8_t *larger = realloc(lister->strings, capacity);
    if (larger == NULL)
        return false;
    lister->strings = larger;
    lister->strings_capacity = capacity;
    return true;
}

struct text_at lister_text(struct lister *lister, const void *bytes, size_t size)
{
    struct text_at text = {(uint32_t)lister->strings_size, (uint32_t)size};
    if (lister->failure != 0 || size == 0)
        return (struct text_at){0, 0};
    if (!make_room(lister, size)) {
        lister_no_memory(lister);
        return (struct text_at){0, 0};
    }
    memcpy(lister->strings + lister->strings_size, bytes, size);
    lister->strings_size += size;
    return text;
}

struct member *lister_member(struct lister *lister, const void *path, size_t size)
{
    if (lister->failure != 0)
        return NULL;
    if (lister->members.count >= lister->limits.members || lister->members.count >= NO_MEMBER) {
        hit(lister, "members", lister->limits.members, "members of a container");
        return NULL;
    }
    struct text_at text = lister_text(lister, path, size);
    struct member *member = lister->failure == 0 ? list_add(&lister->members) : NULL;
    if (member == NULL) {
        lister_no_memory(lister);
        return NULL;
    }
    member->path = text;
    member->link_leader = NO_MEMBER;
    return member;
}

uint32_t lister_last(const struct lister *lister)
{
    return lister->members.count > 0 ? (uint32_t)(lister->members.count - 1) : NO_MEMBER;
}

int lister_piece(struct lister *lister, uint64_t size, enum piece_kind kind, enum rule_index rule, uint32_t member)
{
    struct range range;
    if (lister->failure != 0 || size == 0)
        return lister->failure;
    if (!range_make(lister->accounted, size, &range) || range.end > lister->size)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "ends amid a member: truncated?");
    struct parcel *last =
        lister->pieces.count > 0 ? (struct parcel *)lister->pieces.items + lister->pieces.count - 1 : NULL;
    lister->accounted = range.end;
    if (last != NULL && last->kind == kind && last->rule == rule && last->member == member && kind != PIECE_CONTENT) {
        last->end = range.end;
        return 0;
    }
    struct parcel *piece = list_add(&lister->pieces);
    if (piece == NULL)
        return lister_no_memory(lister);
    *piece = (struct parcel){.begin = range.begin,
                             .end = range.end,
                             .member = member,
                             .kind = (uint16_t)kind,
                             .rule = kind == PIECE_ASIDE ? (uint16_t)rule : 0};
    return 0;
}

int lister_keep(struct lister *lister, uint64_t size, uint32_t member)
{
    return lister_piece(lister, size, PIECE_KEPT, 0, member);
}

int lister_aside(struct lister *lister, uint64_t size, enum rule_index rule, uint32_t member)
{
    return lister_piece(lister, size, PIECE_ASIDE, rule, member);
}

int lister_content(struct lister *lister, uint64_t size)
{
    uint64_t begin = lister->accounted;
    uint32_t last = lister_last(lister);
    int status = lister_piece(lister, size, PIECE_CONTENT, 0, last);
    if (status != 0)
        return status;
    struct member *member = (struct member *)lister->members.items + last;
    member->place = CONTENT_INPUT;
    member->begin = begin;
    member->end = begin + size;
    return 0;
}

int lister_part(struct lister *lister, const char *name, uint64_t size)
{
    struct member *member = lister_member(lister, name, strlen(name));
    if (member == NULL)
        return lister->failure;
    member->type = MEMBER_FILE;
    member->place = CONTENT_INPUT;
    member->begin = member->end = lister->accounted;
    return lister_content(lister, size);
}

int lister_padding(struct lister *lister, uint64_t size, uint32_t member)
{
    struct range range;
    if (!range_make(lister->accounted, size, &range) || range.end > lister->size)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "ends amid its padding: truncated?");
    uint64_t at = range.begin;
    while (at < range.end && lister->bytes[at] == 0)
        at++;
    if (at == range.end)
        return lister_aside(lister, size, RULE_ARCHIVE_LAYOUT, member);
    lister_oddity(lister, "data-in-padding", member, "what should pad with zeros holds data at offset %#jx",
                  (uintmax_t)at);
    return lister_keep(lister, size, member);
}

int lister_write(struct lister *lister, const void *bytes, size_t size)
{
    const char *at = bytes;
    if (lister->failure != 0)
        return lister->failure;
    if (size > lister->limits.unpacked -
                   (lister->written < lister->limits.unpacked ? lister->written : lister->limits.unpacked))
        return hit(lister, "unpacked", lister->limits.unpacked, "bytes that a container comes to");
    for (size_t left = size; left > 0;) {
        ssize_t sent = write(lister->contents, at, left);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return lister_fail(lister, COMPARE_ERROR_SYSTEM, lister->accounted,
                               "cannot write what it holds to a temporary file: %s", strerror(errno));
        at += sent;
        left -= (size_t)sent;
    }
    lister->written += size;
    return 0;
}

void lister_oddity(struct lister *lister, const char *id, uint32_t member, const char *format, ...)
{
    char text[500], shown[1000];
    va_list arguments;
    /* Some tell of all; a hostile archive could have one for each member. */
    if (lister->oddities.count >= 1000 || lister->failure != 0)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    escape_text(shown, sizeof(shown), text);
    struct text_at id_text = lister_text(lister, id, strlen(id));
    struct text_at message = lister_text(lister, shown, strlen(shown));
    struct oddity *oddity = list_add(&lister->oddities);
    if (oddity == NULL)
        lister_no_memory(lister);
    else
        *oddity = (struct oddity){.id = id_text, .message = message, .member = member};
}
