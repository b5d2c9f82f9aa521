/*
 * The tally of containers: every byte that is no member's content is identical, set aside by one rule, or unexplained.
 * Members' own bytes (headers, padding) are compared with those of their partners, wherever they stand; what belongs to
 * no member with what belongs to none. What is kept is compared as bytes, one behind the other: that is the container's
 * normal form. Where a format is not understood byte for byte, all that differs is unexplained.
 */
#include "account.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 65536

/* Which pieces belong to which member: those of member i are order[first[i]] to order[first[i + 1]]; the last are none's. */
struct index {
    uint32_t *first, *order;
    size_t bucket_count;
};

struct accounting {
    const struct account_input *input;
    struct index indices[2];
    struct tally *tally;
    uint8_t *blocks[2];
    struct facts *facts;
    struct compare_error *error;
};

static size_t bucket_of(const struct inventory *listing, uint32_t member)
{
    return member == NO_MEMBER ? listing->member_count : member;
}

static bool index_make(const struct inventory *listing, struct index *index)
{
    index->bucket_count = listing->member_count + 1;
    index->first = calloc(index->bucket_count + 2, sizeof(*index->first));
    index->order = calloc(listing->piece_count + 1, sizeof(*index->order));
    if (index->first == NULL || index->order == NULL)
        return false;
    /* Counted one place behind, so that filling in moves each to its beginning. */
    for (size_t i = 0; i < listing->piece_count; i++)
        index->first[bucket_of(listing, listing->pieces[i].member) + 2]++;
    for (size_t i = 2; i < index->bucket_count + 2; i++)
        index->first[i] += index->first[i - 1];
    for (size_t i = 0; i < listing->piece_count; i++)
        index->order[index->first[bucket_of(listing, listing->pieces[i].member) + 1]++] = (uint32_t)i;
    return true;
}

/* ---- Pieces of one kind, read one behind the other ---- */

enum wanted { WANTED_KEPT, WANTED_NAME, WANTED_ASIDE };

struct reader {
    const struct account_side *side;
    const struct index *index;
    uint32_t at, end; /* in index->order */
    enum wanted wanted;
    enum rule_index rule; /* of what is set aside */
    uint64_t inside;      /* of the current piece */
};

static struct reader reader_of(const struct accounting *work, int side, uint32_t member, enum wanted wanted,
                               enum rule_index rule)
{
    const struct account_side *there = &work->input->sides[side];
    const struct index *index = &work->indices[side];
    size_t bucket = bucket_of(there->listing, member);
    return (struct reader){.side = there,
                           .index = index,
                           .at = index->first[bucket],
                           .end = index->first[bucket + 1],
                           .wanted = wanted,
                           .rule = rule};
}

static bool is_wanted(const struct reader *reader, const struct parcel *piece)
{
    return piece->kind == PIECE_KEPT    ? reader->wanted == WANTED_KEPT
           : piece->kind == PIECE_NAME  ? reader->wanted == WANTED_NAME
           : piece->kind == PIECE_ASIDE ? reader->wanted == WANTED_ASIDE && piece->rule == reader->rule
                                        : false;
}

static uint64_t reader_total(struct reader reader)
{
    uint64_t total = 0;
    for (; reader.at < reader.end; reader.at++) {
        const struct parcel *piece = &reader.side->listing->pieces[reader.index->order[reader.at]];
        total += is_wanted(&reader, piece) ? piece->end - piece->begin : 0;
    }
    return total;
}

/* As many bytes as there are, up to the size; SIZE_MAX where they cannot be read any more. */
static size_t reader_next(struct reader *reader, uint8_t *bytes, size_t size)
{
    size_t used = 0;
    while (used < size && reader->at < reader->end) {
        const struct parcel *piece = &reader->side->listing->pieces[reader->index->order[reader->at]];
        uint64_t left = is_wanted(reader, piece) ? piece->end - piece->begin - reader->inside : 0;
        size_t part = left < size - used ? (size_t)left : size - used;
        if (part > 0 && !stretch_read(&reader->side->bytes, piece->begin + reader->inside, bytes + used, part))
            return SIZE_MAX;
        used += part;
        reader->inside += part;
        if (part == left) {
            reader->at++;
            reader->inside = 0;
        }
    }
    return used;
}

/* Of as many bytes on both sides, how many are equal at their place. */
static int count_equal(struct accounting *work, struct reader vendor, struct reader rebuilt, uint64_t *equal)
{
    *equal = 0;
    for (;;) {
        size_t one = reader_next(&vendor, work->blocks[0], BLOCK),
               other = reader_next(&rebuilt, work->blocks[1], BLOCK);
        if (one == SIZE_MAX || other == SIZE_MAX || one != other)
            return error_set(work->error, COMPARE_ERROR_CHANGED, NULL, "the file changed while it was being compared");
        if (memcmp(work->blocks[0], work->blocks[1], one) == 0)
            *equal += one;
        else
            for (size_t i = 0; i < one; i++)
                *equal += work->blocks[0][i] == work->blocks[1][i];
        if (one < BLOCK)
            return 0;
    }
}

/* ---- Members ---- */

/* What a rule sets aside it sets aside as a whole; of what is compared as bytes, those that differ are unexplained. */
static void count(struct tally *tally, uint64_t size, uint64_t equal, enum rule_index rule)
{
    tally->size += size;
    if (equal == size || rule == RULE_COUNT) {
        tally->identical += equal;
        tally->unexplained += size - equal;
        return;
    }
    tally->set_aside += size;
    tally->by_rule[rule] += size;
}

/* The pieces of one kind of two partners. A side that is not there (NO_MEMBER of a couple) has none. */
static int compare_kind(struct accounting *work, const struct couple *couple, enum wanted wanted,
                        enum rule_index piece_rule, enum rule_index rule, bool *differs)
{
    struct reader readers[2] = {reader_of(work, 0, couple->vendor, wanted, piece_rule),
                                reader_of(work, 1, couple->rebuilt, wanted, piece_rule)};
    bool whole = couple->vendor == NO_MEMBER && couple->rebuilt == NO_MEMBER && couple->pairing == PAIRED_BY_PATH;
    uint64_t equal = 0;
    for (int side = 0; side < 2; side++) {
        if (!whole && (side == 0 ? couple->vendor : couple->rebuilt) == NO_MEMBER)
            readers[side].at = readers[side].end;
    }
    uint64_t sizes[2] = {reader_total(readers[0]), reader_total(readers[1])};
    int status = sizes[0] == sizes[1] ? count_equal(work, readers[0], readers[1], &equal) : 0;
    count(&work->tally[0], sizes[0], equal, rule);
    count(&work->tally[1], sizes[1], equal, rule);
    *differs |= rule == RULE_COUNT && (equal != sizes[0] || equal != sizes[1]);
    return status;
}

static int compare_couple(struct accounting *work, const struct couple *couple, bool *differs)
{
    const struct permits *permits = work->input->permits;
    bool mapped = couple->pairing == PAIRED_BY_MAP && permitted(permits, RULE_MAPPED_NAME);
    int status = compare_kind(work, couple, WANTED_KEPT, 0, RULE_COUNT, differs);
    if (status == 0)
        status = compare_kind(work, couple, WANTED_NAME, 0, mapped ? RULE_MAPPED_NAME : RULE_COUNT, differs);
    for (int rule = RULE_FILES; rule < RULE_COUNT && status == 0; rule++)
        status = compare_kind(work, couple, WANTED_ASIDE, rule,
                              permitted(permits, rule) ? (enum rule_index)rule : RULE_COUNT, differs);
    return status;
}

static int compare_all(struct accounting *work, bool *differs)
{
    const struct couple own = {NO_MEMBER, NO_MEMBER, PAIRED_BY_PATH};
    bool own_differs = false;
    int status = compare_couple(work, &own, &own_differs);
    if (own_differs)
        fact_add(work->facts, "bytes that belong to no member", NULL, NULL, RULE_COUNT);
    for (size_t i = 0; i < work->input->couple_count && status == 0; i++)
        status = compare_couple(work, &work->input->couples[i], &differs[i]);
    return status;
}

/* ---- Order ---- */

/* To whom the bytes belong, from the first to the last, members that are alone left out. */
struct sequence {
    uint32_t *owners; /* vendor's members, or NO_MEMBER */
    size_t count;
};

/* partners: of this side's members, the vendor's index; NO_MEMBER: it is alone. */
static bool sequence_make(const struct inventory *listing, const uint32_t *partners, struct sequence *sequence)
{
    sequence->owners = malloc((listing->piece_count + 1) * sizeof(*sequence->owners));
    for (size_t i = 0; i < listing->piece_count && sequence->owners != NULL; i++) {
        uint32_t member = listing->pieces[i].member, owner = NO_MEMBER;
        if (member != NO_MEMBER)
            owner = partners[member];
        if (member != NO_MEMBER && owner == NO_MEMBER)
            continue;
        if (sequence->count == 0 || sequence->owners[sequence->count - 1] != owner)
            sequence->owners[sequence->count++] = owner;
    }
    return sequence->owners != NULL;
}

/* Members stand each in one place, and what is no member's at the beginning or the end alone: as tar and cpio have it. */
static bool may_be_sorted(const struct sequence *sequence, bool *seen)
{
    for (size_t i = 0; i < sequence->count; i++) {
        uint32_t owner = sequence->owners[i];
        if (owner == NO_MEMBER ? i > 0 && i + 1 < sequence->count : seen[owner])
            return false;
        if (owner != NO_MEMBER)
            seen[owner] = true;
    }
    return true;
}

static bool same_ends(const struct sequence *a, const struct sequence *b)
{
    return a->count == b->count && (a->owners[0] == NO_MEMBER) == (b->owners[0] == NO_MEMBER) &&
           (a->owners[a->count - 1] == NO_MEMBER) == (b->owners[b->count - 1] == NO_MEMBER);
}

static void judge_order(struct accounting *work, const struct sequence sequences[2], bool *seen[2])
{
    const struct account_input *input = work->input;
    const struct sequence *vendor = &sequences[0], *rebuilt = &sequences[1];
    bool same =
        vendor->count == rebuilt->count &&
        (vendor->count == 0 || memcmp(vendor->owners, rebuilt->owners, vendor->count * sizeof(*vendor->owners)) == 0);
    if (same)
        return;
    bool free_order = (input->sides[0].listing->flags & input->sides[1].listing->flags & LISTING_ORDER_FREE) != 0 &&
                      vendor->count > 0 && rebuilt->count > 0 && same_ends(vendor, rebuilt) &&
                      may_be_sorted(vendor, seen[0]) && may_be_sorted(rebuilt, seen[1]);
    fact_add(work->facts, "order of members", NULL, NULL,
             free_order && permitted(input->permits, RULE_MEMBER_ORDER) ? RULE_MEMBER_ORDER : RULE_COUNT);
}

static int compare_order(struct accounting *work)
{
    const struct account_input *input = work->input;
    struct sequence sequences[2] = {{0}};
    uint32_t *partners[2] = {NULL, NULL};
    bool *seen[2] = {NULL, NULL}, made = true;
    size_t most = input->sides[0].listing->member_count + 1;
    for (int side = 0; side < 2; side++) {
        size_t count = input->sides[side].listing->member_count;
        partners[side] = malloc((count + 1) * sizeof(uint32_t));
        seen[side] = calloc(most, sizeof(bool));
        made = made && partners[side] != NULL && seen[side] != NULL;
        if (partners[side] != NULL)
            memset(partners[side], 0xff, (count + 1) * sizeof(uint32_t));
    }
    for (size_t i = 0; i < input->couple_count && made; i++) {
        const struct couple *couple = &input->couples[i];
        if (couple->vendor == NO_MEMBER || couple->rebuilt == NO_MEMBER)
            continue;
        partners[0][couple->vendor] = couple->vendor;
        partners[1][couple->rebuilt] = couple->vendor;
    }
    for (int side = 0; side < 2 && made; side++)
        made = sequence_make(input->sides[side].listing, partners[side], &sequences[side]);
    if (made)
        judge_order(work, sequences, seen);
    for (int side = 0; side < 2; side++) {
        free(sequences[side].owners);
        free(partners[side]);
        free(seen[side]);
    }
    return made ? 0 : error_set(work->error, COMPARE_ERROR_MEMORY, NULL, "no memory");
}

/* ---- All of it ---- */

static uint64_t contents_size(const struct inventory *listing)
{
    uint64_t size = 0;
    for (size_t i = 0; i < listing->piece_count; i++)
        size += listing->pieces[i].kind == PIECE_CONTENT ? listing->pieces[i].end - listing->pieces[i].begin : 0;
    return size;
}

static int check_sums(struct accounting *work)
{
    for (int side = 0; side < 2; side++) {
        const struct inventory *listing = work->input->sides[side].listing;
        const struct tally *tally = &work->tally[side];
        if (tally->size + contents_size(listing) != listing->size ||
            tally->identical + tally->set_aside + tally->unexplained != tally->size)
            return error_set(work->error, COMPARE_ERROR_INTERNAL, NULL,
                             "the bytes of a container do not add up: please report this");
    }
    return 0;
}

/* A format that is not understood byte for byte: what is not equal at its place is unexplained. */
static int compare_blindly(struct accounting *work)
{
    uint64_t sizes[2] = {work->input->sides[0].listing->size, work->input->sides[1].listing->size}, equal = 0;
    uint64_t common = sizes[0] < sizes[1] ? sizes[0] : sizes[1];
    for (uint64_t at = 0; at < common; at += BLOCK) {
        size_t part = common - at < BLOCK ? (size_t)(common - at) : BLOCK;
        if (!stretch_read(&work->input->sides[0].bytes, at, work->blocks[0], part) ||
            !stretch_read(&work->input->sides[1].bytes, at, work->blocks[1], part))
            return error_set(work->error, COMPARE_ERROR_CHANGED, NULL, "the file changed while it was being compared");
        for (size_t i = 0; i < part; i++)
            equal += work->blocks[0][i] == work->blocks[1][i];
    }
    for (int side = 0; side < 2; side++) {
        count(&work->tally[side], sizes[side], equal, RULE_COUNT);
    }
    fact_add(work->facts, "bytes of a format that is not accounted for byte by byte",
             arena_printf(work->facts->arena, "%" PRIu64 " of %" PRIu64, sizes[0] - equal, sizes[0]),
             arena_printf(work->facts->arena, "%" PRIu64 " of %" PRIu64, sizes[1] - equal, sizes[1]), RULE_COUNT);
    return 0;
}

int account_compare(const struct account_input *input, struct tally tally[2], bool *differs, struct facts *facts,
                    struct compare_error *error)
{
    struct accounting work = {.input = input, .tally = tally, .facts = facts, .error = error};
    const struct inventory *vendor = input->sides[0].listing, *rebuilt = input->sides[1].listing;
    bool accounted = (vendor->flags & rebuilt->flags & LISTING_ACCOUNTED) != 0;
    work.blocks[0] = malloc(BLOCK);
    work.blocks[1] = malloc(BLOCK);
    bool made = work.blocks[0] != NULL && work.blocks[1] != NULL && index_make(vendor, &work.indices[0]) &&
                index_make(rebuilt, &work.indices[1]);
    int status = made ? 0 : error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    if (status == 0)
        status = accounted ? compare_all(&work, differs) : compare_blindly(&work);
    if (status == 0 && accounted)
        status = compare_order(&work);
    if (status == 0 && accounted)
        status = check_sums(&work);
    for (int side = 0; side < 2; side++) {
        free(work.blocks[side]);
        free(work.indices[side].first);
        free(work.indices[side].order);
    }
    return status;
}
