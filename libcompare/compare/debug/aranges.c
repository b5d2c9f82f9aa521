/* .debug_aranges (DWARF 5, 6.1.2 and 7.21): for each unit, the addresses that it has code or data at. */
#include "parts.h"

#include <stdlib.h>

/* The addresses of one unit. */
struct set {
    struct debug_reader tuples;
    unsigned address_size;
    size_t unit;
};

struct sets {
    struct list list; /* of struct set, by unit */
    bool whole;
};

static size_t unit_at(const struct debug_side *side, uint64_t offset)
{
    for (size_t low = 0, high = side->unit_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct debug_unit_header *unit = &side->units[middle].header;
        if (!unit->in_types && unit->begin == offset)
            return middle;
        if (!unit->in_types && unit->begin < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

static bool read_set(const struct debug_side *side, struct debug_reader *reader, struct set *set)
{
    uint64_t begin = reader->at, end = reader->end;
    unsigned offset_size = debug_take_length(reader);
    bool known = debug_take(reader, 2) == 2;
    set->unit = unit_at(side, debug_take(reader, offset_size));
    set->address_size = (unsigned)debug_take(reader, 1);
    known = debug_take(reader, 1) == 0 && known && set->unit != SIZE_MAX;
    if (!known || reader->failed || (set->address_size != 4 && set->address_size != 8))
        return false;
    /* The first tuple begins at a multiple of its size from the set's beginning. */
    uint64_t tuple = 2 * set->address_size, behind = (reader->at - begin) % tuple;
    debug_skip(reader, behind == 0 ? 0 : tuple - behind);
    set->tuples = *reader;
    reader->at = reader->end;
    reader->end = end;
    return !reader->failed;
}

static int by_unit(const void *left, const void *right)
{
    const struct set *a = left, *b = right;
    if (a->unit != b->unit)
        return a->unit < b->unit ? -1 : 1;
    return (a->tuples.at > b->tuples.at) - (a->tuples.at < b->tuples.at);
}

static void read_sets(struct debugging *d, size_t side, struct sets *sets)
{
    struct debug_reader reader = debug_table_reader(d->sides[side].debug, DEBUG_TABLE_ARANGES);
    sets->list = (struct list){.arena = &d->own, .item_size = sizeof(struct set)};
    sets->whole = true;
    while (!reader.failed && reader.at < reader.end) {
        struct set set, *added;
        if (!read_set(&d->sides[side], &reader, &set)) {
            sets->whole = false;
            break;
        }
        added = list_add(&sets->list);
        d->out_of_memory |= added == NULL;
        if (added == NULL)
            return;
        *added = set;
    }
    sort_items(sets->list.items, sets->list.count, sizeof(struct set), by_unit);
}

/* The next tuple; false at the end: two zeros. */
static bool next_tuple(struct set *set, uint64_t *low, uint64_t *size)
{
    *low = debug_take(&set->tuples, set->address_size);
    *size = debug_take(&set->tuples, set->address_size);
    return !set->tuples.failed && (*low != 0 || *size != 0);
}

static bool sets_agree(struct debugging *d, struct set a, struct set b)
{
    for (;;) {
        uint64_t low_a, low_b, size_a, size_b;
        bool more = next_tuple(&a, &low_a, &size_a);
        if (more != next_tuple(&b, &low_b, &size_b))
            return false;
        if (!more) {
            bool whole_a = !a.tuples.failed && a.tuples.at == a.tuples.end;
            bool whole_b = !b.tuples.failed && b.tuples.at == b.tuples.end;
            if (!whole_a && !whole_b)
                debug_incomplete(d, ".debug_aranges could not be read");
            return whole_a == whole_b;
        }
        if (!place_agrees(&d->places, low_a, low_b, false) ||
            !place_agrees(&d->places, low_a + size_a, low_b + size_b, size_a > 0 && size_b > 0))
            return false;
    }
}

/* A set of one side, or two that do not agree; NULL where the side has none. */
static void tell(struct debugging *d, const struct set *vendor, const struct set *rebuilt)
{
    struct debug_root *made;
    struct unit_pair pair = {.d = d};
    if (vendor != NULL)
        pair.units[0] = &d->sides[0].units[vendor->unit];
    else
        pair.units[1] = &d->sides[1].units[rebuilt->unit];
    /* What follows from a function of another size, or from a unit of one side, has been told. */
    bool alone =
        (vendor == NULL || rebuilt == NULL) && (vendor != NULL ? pair.units[0] : pair.units[1])->partner == SIZE_MAX;
    if (alone)
        return;
    if (vendor != NULL && pair.units[0]->layout_root != NO_ROOT) {
        root_add(&pair, pair.units[0]->layout_root, 1);
        return;
    }
    root_count(&pair, DEBUG_ROOT_TABLE, root_key(DEBUG_ROOT_TABLE, (const char *const[]){".debug_aranges"}, 1), 1,
               &made);
    if (made != NULL)
        made->what = ".debug_aranges";
}

void aranges_compare(struct debugging *d)
{
    struct sets sets[2];
    read_sets(d, 0, &sets[0]);
    read_sets(d, 1, &sets[1]);
    if (d->out_of_memory || (sets[0].list.count == 0 && sets[1].list.count == 0 && sets[0].whole && sets[1].whole))
        return;
    if (!sets[0].whole || !sets[1].whole) {
        debug_incomplete(d, ".debug_aranges could not be read");
        return;
    }
    const struct set *a = sets[0].list.items, *b = sets[1].list.items;
    bool *taken = arena_alloc(&d->own, sets[1].list.count + 1, sizeof(*taken));
    d->out_of_memory |= taken == NULL;
    for (size_t i = 0; taken != NULL && i < sets[0].list.count; i++) {
        struct set key = {.unit = d->sides[0].units[a[i].unit].partner};
        size_t low = 0, high = sets[1].list.count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (b[middle].unit < key.unit || (b[middle].unit == key.unit && taken[middle]))
                low = middle + 1;
            else
                high = middle;
        }
        bool found = low < sets[1].list.count && b[low].unit == key.unit && key.unit != SIZE_MAX;
        if (found)
            taken[low] = true;
        if (!found || !sets_agree(d, a[i], b[low]))
            tell(d, &a[i], found ? &b[low] : NULL);
    }
    for (size_t i = 0; taken != NULL && i < sets[1].list.count; i++) {
        if (!taken[i])
            tell(d, NULL, &b[i]);
    }
}
