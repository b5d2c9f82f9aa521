/*
 * The comparison of pairs. A pair is walked in stretches over which nothing changes but the bytes: set aside on both
 * sides or staying on both, at one place of the normal forms or at two. Each stretch yields its runs.
 */
#include "compare.h"

#include <stdlib.h>
#include <string.h>

/*
 * A pair in which every few bytes differ has one finding for many kilobytes in the end: after this many findings the
 * gap that joins runs doubles, so that memory grows with the logarithm of what a crafted file asks for.
 */
#define FINDINGS_BEFORE_WIDER_GAP 65536

struct sides {
    const struct normal_form *vendor, *rebuilt;
    struct list findings, vendor_entries, rebuilt_entries;
    bool proven_different, out_of_memory;
    bool moved;    /* equal bytes of the load view say nothing */
    uint64_t most; /* findings */
    bool too_many;
    size_t pair, findings_before;
};

/* What the normal form makes of a byte, and up to where that holds. */
struct state {
    const struct aside *aside; /* NULL: it stays */
    const struct piece *piece;
    uint64_t end;
};

static struct state state_at(const struct normal_form *form, uint64_t offset, uint64_t end)
{
    struct state state = {.end = end};
    const struct aside *aside = normal_form_aside(form, offset);
    if (aside != NULL && aside->range.begin <= offset) {
        state.aside = aside;
        state.end = aside->range.end < end ? aside->range.end : end;
        return state;
    }
    if (aside != NULL && aside->range.begin < end)
        state.end = aside->range.begin;
    state.piece = normal_form_piece(form, offset);
    if (state.piece != NULL && state.piece->source.end < state.end)
        state.end = state.piece->source.end;
    return state;
}

static uint64_t piece_place(const struct piece *piece, uint64_t offset)
{
    return piece->offset + (offset - piece->source.begin);
}

static bool one_place(const struct state *a, uint64_t offset_a, const struct state *b, uint64_t offset_b)
{
    return a->piece != NULL && b->piece != NULL && a->piece->anchor == b->piece->anchor &&
           piece_place(a->piece, offset_a) == piece_place(b->piece, offset_b);
}

static void add_entry(struct sides *sides, struct list *entries, struct entry entry)
{
    if (range_empty(entry.range))
        return;
    struct entry *last = entries->count > 0 ? (struct entry *)entries->items + entries->count - 1 : NULL;
    if (last != NULL && last->standing == STANDING_IDENTICAL && entry.standing == STANDING_IDENTICAL &&
        last->range.end == entry.range.begin && last->peer + range_size(last->range) == entry.peer) {
        last->range.end = entry.range.end;
        return;
    }
    struct entry *added = list_add(entries);
    sides->out_of_memory |= added == NULL;
    if (added != NULL)
        *added = entry;
}

static void add_identical(struct sides *sides, struct range vendor, struct range rebuilt)
{
    add_entry(
        sides, &sides->vendor_entries,
        (struct entry){.range = vendor, .standing = STANDING_IDENTICAL, .rule = RULE_COUNT, .peer = rebuilt.begin});
    add_entry(
        sides, &sides->rebuilt_entries,
        (struct entry){.range = rebuilt, .standing = STANDING_IDENTICAL, .rule = RULE_COUNT, .peer = vendor.begin});
}

static void add_finding(struct sides *sides, struct finding finding)
{
    finding.pair = sides->pair;
    if (finding.kind != FINDING_ONE_SIDED)
        finding.one_sided = RULE_COUNT;
    size_t index = sides->findings.count;
    sides->too_many |= index >= sides->most;
    if (sides->too_many)
        return;
    struct finding *added = list_add(&sides->findings);
    sides->out_of_memory |= added == NULL;
    if (added == NULL)
        return;
    *added = finding;
    struct entry entry = {.standing = finding.standing, .rule = finding.rule, .finding = index};
    entry.range = finding.vendor;
    add_entry(sides, &sides->vendor_entries, entry);
    entry.range = finding.rebuilt;
    add_entry(sides, &sides->rebuilt_entries, entry);
}

static struct range part(uint64_t begin, uint64_t from, uint64_t to)
{
    return (struct range){begin + from, begin + to};
}

/* A stretch of equal length: its runs become findings like the given one, and what is between them `equal`. */
static void compare_stretch(struct sides *sides, struct range vendor, struct range rebuilt, struct finding differing,
                            enum standing equal)
{
    const uint8_t *a = image_bytes(sides->vendor->image, vendor), *b = image_bytes(sides->rebuilt->image, rebuilt);
    uint64_t size = range_size(vendor), at = 0, done = 0;
    for (;;) {
        size_t made = sides->findings.count - sides->findings_before;
        uint64_t gap =
            (uint64_t)RUN_GAP << (made / FINDINGS_BEFORE_WIDER_GAP < 24 ? made / FINDINGS_BEFORE_WIDER_GAP : 24);
        struct run run = {.begin = size, .end = size};
        bool found = run_next(a, b, size, gap, &at, &run);
        if (run.begin > done) {
            struct range same_a = part(vendor.begin, done, run.begin), same_b = part(rebuilt.begin, done, run.begin);
            if (equal == STANDING_IDENTICAL)
                add_identical(sides, same_a, same_b);
            else
                add_finding(sides,
                            (struct finding){.kind = sides->moved && same_a.begin == same_b.begin ? FINDING_UNPROVEN
                                                                                                  : FINDING_MOVED,
                                             .rule = RULE_COUNT,
                                             .vendor = same_a,
                                             .rebuilt = same_b});
        }
        if (!found)
            return;
        differing.vendor = part(vendor.begin, run.begin, run.end);
        differing.rebuilt = part(rebuilt.begin, run.begin, run.end);
        differing.differing = run.differing;
        add_finding(sides, differing);
        done = run.end;
    }
}

static uint64_t count_differing(const struct sides *sides, struct range vendor, struct range rebuilt)
{
    const uint8_t *a = image_bytes(sides->vendor->image, vendor), *b = image_bytes(sides->rebuilt->image, rebuilt);
    uint64_t at = 0, differing = 0;
    struct run run;
    while (run_next(a, b, range_size(vendor), RUN_GAP, &at, &run))
        differing += run.differing;
    return differing;
}

/* The bytes of one side that have no partner. */
static void compare_alone(struct sides *sides, const struct normal_form *form, struct range range)
{
    bool vendor = form == sides->vendor;
    while (!range_empty(range)) {
        struct state state = state_at(form, range.begin, range.end);
        struct range stretch = {range.begin, state.end};
        add_finding(sides, (struct finding){
                               .kind = vendor ? FINDING_ONLY_VENDOR : FINDING_ONLY_REBUILT,
                               .standing = state.aside != NULL ? STANDING_SET_ASIDE : STANDING_UNEXPLAINED,
                               .rule = state.aside != NULL ? state.aside->rule : RULE_COUNT,
                               .restated = state.aside != NULL && state.aside->restated,
                               .vendor = vendor ? stretch : (struct range){0, 0},
                               .rebuilt = vendor ? (struct range){0, 0} : stretch,
                               .differing = range_size(stretch),
                           });
        range.begin = state.end;
    }
}

/* What is proven to say the same: what is equal at one place is identical, too. */
static void compare_moved(struct sides *sides, const struct pair *pair)
{
    struct range vendor = pair->vendor.range, rebuilt = pair->rebuilt.range;
    uint64_t size_a = range_size(vendor), size_b = range_size(rebuilt);
    bool placed = size_a == size_b && vendor.begin == rebuilt.begin;
    struct finding finding = {.kind = FINDING_BYTES,
                              .standing = STANDING_SET_ASIDE,
                              .rule = (enum rule_index)pair->rule,
                              .vendor = vendor,
                              .rebuilt = rebuilt};
    if (placed) {
        compare_stretch(sides, vendor, rebuilt, finding, STANDING_IDENTICAL);
        return;
    }
    if (size_a == 0 || size_b == 0)
        finding.kind = size_b == 0 ? FINDING_ONLY_VENDOR : FINDING_ONLY_REBUILT;
    finding.differing = size_a > size_b ? size_a : size_b;
    if (size_a == size_b) {
        finding.differing = count_differing(sides, vendor, rebuilt);
        finding.kind = finding.differing == 0 ? FINDING_MOVED : FINDING_BYTES;
    }
    add_finding(sides, finding);
}

/*
 * Equal bytes of what is loaded. What no program header means to load, and comes into memory because it stands on the
 * same page, nothing refers to: each reference is proven to lead to what is meant.
 */
static bool is_unproven(const struct sides *sides, struct range vendor)
{
    const struct image *image = sides->vendor->image;
    const struct extent *extent = image_extent_at(image, vendor.begin);
    bool apart =
        extent != NULL && (extent->owner == OWNER_SECTION_HEADERS ||
                           (extent->owner == OWNER_SECTION && (image->sections[extent->index].flags & SHF_ALLOC) == 0));
    return sides->moved && !apart && image_in_load_view(image, vendor);
}

static void compare_both(struct sides *sides, struct range vendor, struct range rebuilt)
{
    while (!range_empty(vendor) && !range_empty(rebuilt)) {
        struct state a = state_at(sides->vendor, vendor.begin, vendor.end);
        struct state b = state_at(sides->rebuilt, rebuilt.begin, rebuilt.end);
        uint64_t size_a = a.end - vendor.begin, size_b = b.end - rebuilt.begin,
                 size = size_a < size_b ? size_a : size_b;
        struct range stretch_a = part(vendor.begin, 0, size), stretch_b = part(rebuilt.begin, 0, size);
        struct finding finding = {.kind = FINDING_BYTES, .rule = RULE_COUNT};
        if (a.aside != NULL && b.aside != NULL) {
            finding.standing = STANDING_SET_ASIDE;
            finding.rule = a.aside->rule;
            finding.restated = a.aside->restated || b.aside->restated;
            compare_stretch(sides, stretch_a, stretch_b, finding, STANDING_IDENTICAL);
        } else if (a.aside != NULL || b.aside != NULL) {
            finding.kind = FINDING_ONE_SIDED;
            finding.one_sided = a.aside != NULL ? a.aside->rule : b.aside->rule;
            finding.vendor = stretch_a;
            finding.rebuilt = stretch_b;
            add_finding(sides, finding);
        } else {
            bool placed = one_place(&a, vendor.begin, &b, rebuilt.begin);
            bool counts = placed && !is_unproven(sides, stretch_a);
            size_t before = sides->findings.count;
            compare_stretch(sides, stretch_a, stretch_b, finding, counts ? STANDING_IDENTICAL : STANDING_UNEXPLAINED);
            if (counts && a.piece->anchor == 0 && sides->findings.count > before)
                sides->proven_different = true;
        }
        vendor.begin += size;
        rebuilt.begin += size;
    }
    compare_alone(sides, sides->vendor, vendor);
    compare_alone(sides, sides->rebuilt, rebuilt);
}

/* ---- Sections that are compared by their plain content ---- */

static const struct content *content_of(const struct normal_form *form, uint32_t section)
{
    for (size_t i = 0; i < form->content_count; i++) {
        if (form->contents[i].section == section)
            return &form->contents[i];
    }
    return NULL;
}

/* A side's plain content: decompressed, or as it stands; false where it is set aside by another rule. */
static bool plain_side(const struct normal_form *form, const struct pair_side *side, struct content *plain)
{
    const struct content *content = content_of(form, side->section);
    const struct aside *aside = normal_form_aside(form, side->range.begin);
    if (content != NULL) {
        *plain = *content;
        return true;
    }
    plain->bytes = image_bytes(form->image, side->range);
    plain->size = range_size(side->range);
    return aside == NULL || aside->range.begin >= side->range.end;
}

static bool compare_plain(struct sides *sides, const struct pair *pair)
{
    struct content a, b;
    if (!pair->vendor.present || !pair->rebuilt.present ||
        (content_of(sides->vendor, pair->vendor.section) == NULL &&
         content_of(sides->rebuilt, pair->rebuilt.section) == NULL) ||
        !plain_side(sides->vendor, &pair->vendor, &a) || !plain_side(sides->rebuilt, &pair->rebuilt, &b))
        return false;
    bool equal = a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
    struct range vendor = pair->vendor.range, rebuilt = pair->rebuilt.range;
    uint64_t larger = range_size(vendor) > range_size(rebuilt) ? range_size(vendor) : range_size(rebuilt);
    if (range_size(vendor) == range_size(rebuilt) &&
        memcmp(image_bytes(sides->vendor->image, vendor), image_bytes(sides->rebuilt->image, rebuilt), larger) == 0)
        add_identical(sides, vendor, rebuilt);
    else
        add_finding(sides, (struct finding){
                               .kind = FINDING_BYTES,
                               .standing = equal ? STANDING_SET_ASIDE : STANDING_UNEXPLAINED,
                               .rule = equal ? RULE_COMPRESSION : RULE_COUNT,
                               .vendor = vendor,
                               .rebuilt = rebuilt,
                               .differing = larger,
                           });
    return true;
}

/* ---- The accounts ---- */

static int entry_order(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return (a->range.begin > b->range.begin) - (a->range.begin < b->range.begin);
}

static struct account account_of(struct list *entries)
{
    struct account account = {.entries = entries->items, .count = entries->count};
    sort_items(account.entries, account.count, sizeof(*account.entries), entry_order);
    return account;
}

int compare_pairs(const struct pair *pairs, size_t count, bool moved, const struct normal_form *vendor,
                  const struct normal_form *rebuilt, uint64_t most, struct arena *arena, struct comparison *comparison,
                  struct compare_error *error)
{
    struct sides sides = {
        .most = most,
        .moved = moved,
        .vendor = vendor,
        .rebuilt = rebuilt,
        .findings = {.arena = arena, .item_size = sizeof(struct finding)},
        .vendor_entries = {.arena = arena, .item_size = sizeof(struct entry)},
        .rebuilt_entries = {.arena = arena, .item_size = sizeof(struct entry)},
    };
    /* Most of what is cut apart by a proof is one finding. */
    size_t likely = count < most ? count : (size_t)most;
    sides.out_of_memory = !list_reserve(&sides.findings, likely) || !list_reserve(&sides.vendor_entries, likely) ||
                          !list_reserve(&sides.rebuilt_entries, likely);
    for (size_t i = 0; i < count && !sides.out_of_memory && !sides.too_many; i++) {
        sides.pair = i;
        sides.findings_before = sides.findings.count;
        if (pairs[i].moved)
            compare_moved(&sides, &pairs[i]);
        else if (!compare_plain(&sides, &pairs[i]))
            compare_both(&sides, pairs[i].vendor.range, pairs[i].rebuilt.range);
    }
    if (sides.too_many)
        return limit_hit(error, vendor->image->path, "findings", most, "differences");
    if (sides.out_of_memory)
        return error_set(error, COMPARE_ERROR_MEMORY, vendor->image->path, "no memory for the findings");
    comparison->findings = sides.findings.items;
    comparison->finding_count = sides.findings.count;
    comparison->vendor = account_of(&sides.vendor_entries);
    comparison->rebuilt = account_of(&sides.rebuilt_entries);
    comparison->proven_different = sides.proven_different;
    return 0;
}

int compare_equal(const struct image *vendor, struct arena *arena, struct comparison *comparison,
                  struct compare_error *error)
{
    struct entry *entry = arena_alloc(arena, 1, sizeof(*entry));
    if (entry == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, vendor->path, "no memory");
    *entry = (struct entry){.range = {0, vendor->size}, .standing = STANDING_IDENTICAL, .rule = RULE_COUNT};
    *comparison = (struct comparison){.vendor = {entry, 1}, .rebuilt = {entry, 1}};
    return 0;
}
