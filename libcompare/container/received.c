/*
 * A listing between two processes: written by a worker that may have been taken over, read by the parent, which
 * believes nothing of it. Counts are held to the size of the file, ranges to the container's, texts to the strings,
 * members to their number; the pieces must partition the container. What passes can still be a lie about the
 * container's meaning, but none about where bytes are.
 */
#include "listing.h"
#include "sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTING_MAGIC 0x656c6c69

struct head {
    uint32_t magic, flags;
    uint64_t size, member_count, piece_count, oddity_count, strings_size;
};

static struct head head_of(const struct lister *lister)
{
    return (struct head){.magic = LISTING_MAGIC,
                         .flags = lister->flags,
                         .size = lister->size,
                         .member_count = lister->members.count,
                         .piece_count = lister->pieces.count,
                         .oddity_count = lister->oddities.count,
                         .strings_size = lister->strings_size};
}

/* The arrays, one behind the other, and where they lie in the memory of a listing. */
static void lay_out(const struct head *head, struct inventory *listing)
{
    uint8_t *at = listing->memory;
    listing->size = head->size;
    listing->flags = head->flags;
    listing->member_count = head->member_count;
    listing->piece_count = head->piece_count;
    listing->oddity_count = head->oddity_count;
    listing->strings_size = head->strings_size;
    listing->members = (const struct member *)(const void *)at;
    at += head->member_count * sizeof(struct member);
    listing->pieces = (const struct parcel *)(const void *)at;
    at += head->piece_count * sizeof(struct parcel);
    listing->oddities = (const struct oddity *)(const void *)at;
    at += head->oddity_count * sizeof(struct oddity);
    listing->strings = at;
}

/* Bytes of the arrays together; false where that is more than there can be. */
static bool size_of(const struct head *head, size_t *size)
{
    const struct {
        uint64_t count, size;
    } parts[] = {{head->member_count, sizeof(struct member)},
                 {head->piece_count, sizeof(struct parcel)},
                 {head->oddity_count, sizeof(struct oddity)},
                 {head->strings_size, 1}};
    size_t total = 0;
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        size_t bytes;
        if (__builtin_mul_overflow(parts[i].count, parts[i].size, &bytes) ||
            __builtin_add_overflow(total, bytes, &total))
            return false;
    }
    *size = total;
    return true;
}

static bool send_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = write(fd, at, size);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

int listing_send(struct lister *lister, int fd)
{
    struct head head = head_of(lister);
    if (lister->failure != 0)
        return lister->failure;
    if (!send_all(fd, &head, sizeof(head)) ||
        !send_all(fd, lister->members.items, lister->members.count * sizeof(struct member)) ||
        !send_all(fd, lister->pieces.items, lister->pieces.count * sizeof(struct parcel)) ||
        !send_all(fd, lister->oddities.items, lister->oddities.count * sizeof(struct oddity)) ||
        !send_all(fd, lister->strings, lister->strings_size))
        return lister_fail(lister, COMPARE_ERROR_SYSTEM, 0, "cannot write the list of members: %s", strerror(errno));
    return 0;
}

static void *copy_part(void *to, const void *from, size_t size)
{
    if (size > 0)
        memcpy(to, from, size);
    return (char *)to + size;
}

int listing_of(struct lister *lister, struct inventory *listing)
{
    struct head head = head_of(lister);
    size_t size;
    *listing = (struct inventory){0};
    if (lister->failure != 0)
        return lister->failure;
    listing->memory = size_of(&head, &size) ? malloc(size > 0 ? size : 1) : NULL;
    if (listing->memory == NULL)
        return lister_no_memory(lister);
    void *at = listing->memory;
    at = copy_part(at, lister->members.items, lister->members.count * sizeof(struct member));
    at = copy_part(at, lister->pieces.items, lister->pieces.count * sizeof(struct parcel));
    at = copy_part(at, lister->oddities.items, lister->oddities.count * sizeof(struct oddity));
    copy_part(at, lister->strings, lister->strings_size);
    lay_out(&head, listing);
    return 0;
}

/* ---- Checking ---- */

struct bounds {
    const struct inventory *listing;
    uint64_t contents_size;
};

static bool text_fits(const struct bounds *bounds, struct text_at text)
{
    return text.offset <= bounds->listing->strings_size && text.size <= bounds->listing->strings_size - text.offset;
}

static bool content_fits(const struct bounds *bounds, const struct member *member)
{
    uint64_t end = member->place == CONTENT_INPUT ? bounds->listing->size : bounds->contents_size;
    if (member->place == CONTENT_NONE)
        return member->begin == 0 && member->end == 0;
    return (member->place == CONTENT_INPUT || member->place == CONTENT_OUTPUT) && member->begin <= member->end &&
           member->end <= end && member->type == MEMBER_FILE;
}

static bool member_fits(const struct bounds *bounds, const struct member *member)
{
    const struct text_at texts[] = {member->path, member->target, member->owner, member->group, member->attributes};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        if (!text_fits(bounds, texts[i]))
            return false;
    }
    return member->type < MEMBER_TYPES && member->mode <= 07777 && member->known <= KNOWN_ALL && member->opaque <= 1 &&
           member->nanoseconds < 1000000000 && content_fits(bounds, member) &&
           (member->link_leader == NO_MEMBER || member->link_leader < bounds->listing->member_count);
}

/* Each content once, where its member says that it is. */
static bool content_piece_fits(const struct inventory *listing, const struct parcel *piece)
{
    if (piece->member >= listing->member_count)
        return false;
    const struct member *member = &listing->members[piece->member];
    return member->place == CONTENT_INPUT && member->begin == piece->begin && member->end == piece->end;
}

static bool pieces_fit(const struct inventory *listing)
{
    uint64_t end = 0;
    for (size_t i = 0; i < listing->piece_count; i++) {
        const struct parcel *piece = &listing->pieces[i];
        if (piece->begin != end || piece->end <= piece->begin || piece->kind > PIECE_CONTENT ||
            (piece->member != NO_MEMBER && piece->member >= listing->member_count))
            return false;
        if (piece->kind == PIECE_ASIDE && (piece->rule < RULE_FILES || piece->rule >= RULE_COUNT))
            return false;
        if (piece->kind == PIECE_CONTENT && !content_piece_fits(listing, piece))
            return false;
        end = piece->end;
    }
    return (listing->flags & LISTING_ACCOUNTED) == 0 ? listing->piece_count == 0 : end == listing->size;
}

static bool is_sound(const struct bounds *bounds)
{
    const struct inventory *listing = bounds->listing;
    for (size_t i = 0; i < listing->member_count; i++) {
        if (!member_fits(bounds, &listing->members[i]))
            return false;
    }
    for (size_t i = 0; i < listing->oddity_count; i++) {
        const struct oddity *oddity = &listing->oddities[i];
        if (!text_fits(bounds, oddity->id) || !text_fits(bounds, oddity->message) ||
            (oddity->member != NO_MEMBER && oddity->member >= listing->member_count))
            return false;
    }
    return listing->flags <= (LISTING_ORDER_FREE | LISTING_ACCOUNTED | LISTING_DIGESTS_RIGHT) && pieces_fit(listing);
}

static int refuse(const char *name, struct compare_error *error)
{
    return error_set(error, COMPARE_ERROR_CRASHED, name, "the worker gave a list of members that is not sound");
}

int listing_take(int fd, const char *name, uint64_t size, uint64_t contents_size, const struct compare_limits *limits,
                 struct inventory *listing, struct compare_error *error)
{
    struct head head;
    struct stat status;
    size_t memory = 0;
    *listing = (struct inventory){0};
    if (fstat(fd, &status) != 0 || !source_read(fd, 0, &head, sizeof(head)))
        return refuse(name, error);
    if (head.magic != LISTING_MAGIC || head.size != size || head.member_count > limits->members ||
        !size_of(&head, &memory) || (uint64_t)status.st_size != sizeof(head) + (uint64_t)memory)
        return refuse(name, error);
    if (memory > limits->memory)
        return limit_hit(error, name, "memory", limits->memory, "the list of members");
    listing->memory = malloc(memory > 0 ? memory : 1);
    if (listing->memory == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, name, "no memory");
    lay_out(&head, listing);
    struct bounds bounds = {.listing = listing, .contents_size = contents_size};
    if (source_read(fd, sizeof(head), listing->memory, memory) && is_sound(&bounds))
        return 0;
    listing_free(listing);
    return refuse(name, error);
}

void listing_free(struct inventory *listing)
{
    free(listing->memory);
    *listing = (struct inventory){0};
}
