/*
 * Pairs, with what is proven to have moved cut out of them. What is left of one side is paired with what is left of the
 * other before the same proven bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "../compare.h"

/* A piece of one side's file: proven, or a part of a pair that is not. */
struct cut {
    struct range range;
    size_t pair;   /* it was in */
    size_t proven; /* SIZE_MAX: not */
};

struct cuts {
    struct list items;
    bool out_of_memory;
};

static int by_vendor(const void *left, const void *right)
{
    const struct proven *a = *(const struct proven *const *)left, *b = *(const struct proven *const *)right;
    return (a->vendor.begin > b->vendor.begin) - (a->vendor.begin < b->vendor.begin);
}

static int by_rebuilt(const void *left, const void *right)
{
    const struct proven *a = *(const struct proven *const *)left, *b = *(const struct proven *const *)right;
    return (a->rebuilt.begin > b->rebuilt.begin) - (a->rebuilt.begin < b->rebuilt.begin);
}

static struct range side_of(const struct proven *proven, size_t side)
{
    return side == 0 ? proven->vendor : proven->rebuilt;
}

static void add_cut(struct cuts *cuts, struct range range, size_t pair, size_t proven)
{
    struct cut *added = range_empty(range) ? NULL : list_add(&cuts->items);
    cuts->out_of_memory |= added == NULL && !range_empty(range);
    if (added != NULL)
        *added = (struct cut){range, pair, proven};
}

static const struct pair_side *pair_side_of(const struct pair *pair, size_t side)
{
    return side == 0 ? &pair->vendor : &pair->rebuilt;
}

struct placed {
    struct range range;
    size_t pair;
};

static int placed_order(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    return (a->range.begin > b->range.begin) - (a->range.begin < b->range.begin);
}

/* The pairs of one side by their place, cut where something proven begins and ends. */
static bool cut_side(const struct moved *moved, const struct pair *pairs, size_t count, size_t side,
                     struct arena *scratch, struct cuts *cuts)
{
    struct placed *placed = arena_alloc(scratch, count + 1, sizeof(*placed));
    const struct proven **sorted = arena_alloc(scratch, moved->proven_count + 1, sizeof(*sorted));
    size_t placed_count = 0, sorted_count = 0, next = 0;
    if (placed == NULL || sorted == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct pair_side *s = pair_side_of(&pairs[i], side);
        if (s->present && !range_empty(s->range))
            placed[placed_count++] = (struct placed){s->range, i};
    }
    for (size_t i = 0; i < moved->proven_count; i++) {
        if (!range_empty(side_of(&moved->proven[i], side)))
            sorted[sorted_count++] = &moved->proven[i];
    }
    sort_items(placed, placed_count, sizeof(*placed), placed_order);
    sort_items(sorted, sorted_count, sizeof(*sorted), side == 0 ? by_vendor : by_rebuilt);
    for (size_t i = 0; i < placed_count; i++) {
        uint64_t at = placed[i].range.begin;
        while (at < placed[i].range.end) {
            bool more = next < sorted_count && side_of(sorted[next], side).begin < placed[i].range.end;
            struct range proven = more ? side_of(sorted[next], side) : placed[i].range;
            uint64_t until = more ? (proven.begin > at ? proven.begin : at) : placed[i].range.end;
            add_cut(cuts, (struct range){at, until}, placed[i].pair, SIZE_MAX);
            if (!more)
                break;
            at = proven.end < placed[i].range.end ? proven.end : placed[i].range.end;
            add_cut(cuts, (struct range){until, at}, placed[i].pair, (size_t)(sorted[next] - moved->proven));
            next += proven.end <= placed[i].range.end;
        }
    }
    return !cuts->out_of_memory;
}

/* ---- Pairs anew ---- */

struct splitting {
    const struct moved *moved;
    const struct pair *pairs;
    struct cuts cuts[2];
    size_t *before; /* for each proven thing of both sides: 1 + the rebuilt's cut that is left before it; 0: none */
    struct list out;
    bool out_of_memory;
};

static bool has_both(const struct proven *proven)
{
    return !range_empty(proven->vendor) && !range_empty(proven->rebuilt);
}

/* The next thing that both sides have behind this cut, within its pair; proven_count: none. */
static size_t next_of_both(const struct splitting *s, size_t side, size_t index)
{
    const struct cut *cuts = s->cuts[side].items.items;
    for (size_t i = index + 1; i < s->cuts[side].items.count && cuts[i].pair == cuts[index].pair; i++) {
        if (cuts[i].proven != SIZE_MAX && has_both(&s->moved->proven[cuts[i].proven]))
            return cuts[i].proven;
    }
    return s->moved->proven_count;
}

static struct pair *add_pair(struct splitting *s, const struct pair *like)
{
    struct pair *pair = list_add(&s->out);
    s->out_of_memory |= pair == NULL;
    if (pair == NULL)
        return NULL;
    *pair = *like;
    pair->vendor.present = pair->rebuilt.present = false;
    pair->vendor.range = pair->rebuilt.range = (struct range){0, 0};
    return pair;
}

static void set_side(struct pair_side *side, const struct pair_side *like, struct range range)
{
    *side = *like;
    side->present = !range_empty(range);
    side->range = range;
}

static void add_proven(struct splitting *s, const struct cut *cut)
{
    const struct proven *proven = &s->moved->proven[cut->proven];
    const struct pair *like = &s->pairs[cut->pair];
    struct pair *pair = add_pair(s, like);
    if (pair == NULL)
        return;
    pair->moved = true;
    pair->rule = proven->rule;
    set_side(&pair->vendor, &like->vendor, proven->vendor);
    set_side(&pair->rebuilt, &like->rebuilt, proven->rebuilt);
}

/* What is left of the vendor's pair, with what is left of the rebuilt's before the same thing. */
static void add_rest(struct splitting *s, const struct cut *vendor, const struct cut *rebuilt)
{
    const struct pair *like = &s->pairs[vendor != NULL ? vendor->pair : rebuilt->pair];
    struct pair *pair = add_pair(s, like);
    if (pair == NULL)
        return;
    if (vendor != NULL)
        set_side(&pair->vendor, &like->vendor, vendor->range);
    if (rebuilt != NULL)
        set_side(&pair->rebuilt, &like->rebuilt, rebuilt->range);
}

/* First of each pair: where its cuts begin. */
static size_t *cuts_of_pairs(const struct cuts *cuts, size_t count, struct arena *scratch)
{
    const struct cut *items = cuts->items.items;
    size_t *first = arena_alloc(scratch, count + 1, sizeof(*first));
    for (size_t i = 0; first != NULL && i < count; i++)
        first[i] = SIZE_MAX;
    for (size_t i = cuts->items.count; first != NULL && i-- > 0;)
        first[items[i].pair] = i;
    return first;
}

static void split_pair(struct splitting *s, size_t pair, size_t first_a, size_t first_b)
{
    struct cut *a = s->cuts[0].items.items, *b = s->cuts[1].items.items;
    size_t last = 0; /* 1 + the rebuilt's cut that is left at the pair's end; 0: none */
    for (size_t i = first_b; i < s->cuts[1].items.count && b[i].pair == pair; i++) {
        if (b[i].proven != SIZE_MAX)
            continue;
        size_t next = next_of_both(s, 1, i);
        size_t *before = next < s->moved->proven_count ? &s->before[next] : &last;
        if (*before == 0)
            *before = i + 1;
    }
    for (size_t i = first_a; i < s->cuts[0].items.count && a[i].pair == pair; i++) {
        if (a[i].proven != SIZE_MAX) {
            add_proven(s, &a[i]);
            continue;
        }
        size_t next = next_of_both(s, 0, i);
        size_t *before = next < s->moved->proven_count ? &s->before[next] : &last;
        struct cut *other = *before != 0 && b[*before - 1].pair == pair ? &b[*before - 1] : NULL;
        add_rest(s, &a[i], other);
        if (other != NULL) {
            other->range.end = other->range.begin; /* taken */
            *before = 0;
        }
    }
    for (size_t i = first_b; i < s->cuts[1].items.count && b[i].pair == pair; i++) {
        if (b[i].proven == SIZE_MAX && !range_empty(b[i].range))
            add_rest(s, NULL, &b[i]);
        else if (b[i].proven != SIZE_MAX && range_empty(s->moved->proven[b[i].proven].vendor))
            add_proven(s, &b[i]);
    }
}

int moved_split(const struct moved *moved, const struct image *vendor, struct arena *arena, struct pair **pairs,
                size_t *count, struct compare_error *error)
{
    struct arena scratch = {0};
    struct splitting s = {.moved = moved, .pairs = *pairs, .out = {.arena = arena, .item_size = sizeof(struct pair)}};
    size_t *first[2] = {NULL, NULL};
    for (size_t side = 0; side < 2 && !s.out_of_memory; side++) {
        s.cuts[side].items = (struct list){.arena = &scratch, .item_size = sizeof(struct cut)};
        s.out_of_memory = !cut_side(moved, *pairs, *count, side, &scratch, &s.cuts[side]);
        first[side] = s.out_of_memory ? NULL : cuts_of_pairs(&s.cuts[side], *count, &scratch);
    }
    s.before = arena_alloc(&scratch, moved->proven_count + 1, sizeof(*s.before));
    s.out_of_memory |=
        !list_reserve(&s.out, *count + moved->proven_count) || s.before == NULL || first[0] == NULL || first[1] == NULL;
    for (size_t i = 0; i < *count && !s.out_of_memory; i++) {
        if (first[0][i] == SIZE_MAX && first[1][i] == SIZE_MAX) {
            struct pair *pair = list_add(&s.out);
            s.out_of_memory |= pair == NULL;
            if (pair != NULL)
                *pair = (*pairs)[i];
        } else {
            split_pair(&s, i, first[0][i], first[1][i]);
        }
    }
    if (!s.out_of_memory) {
        *pairs = s.out.items;
        *count = s.out.count;
    }
    arena_free(&scratch);
    return s.out_of_memory ? error_set(error, COMPARE_ERROR_MEMORY, vendor->path, "no memory to pair its sections") : 0;
}
