/* Two lists of ranges or of locations, one item after the other. */
#include "parts.h"

static bool items_agree(struct unit_pair *pair, const struct debug_list_item *a, const struct debug_list_item *b)
{
    struct debug_places *places = &pair->d->places;
    if (a->everywhere != b->everywhere || a->views != b->views)
        return false;
    if (a->views)
        return a->low == b->low && a->high == b->high;
    /* An item of no length holds between two views of one address. */
    bool empty = a->low == a->high && b->low == b->high;
    if (!a->everywhere &&
        (!place_agrees(places, a->low, b->low, false) || !place_agrees(places, a->high, b->high, !empty)))
        return false;
    const struct debug_attribute vendor = {.bytes = a->bytes, .size = a->size},
                                 rebuilt = {.bytes = b->bytes, .size = b->size};
    return a->bytes == NULL || expressions_agree(pair, &vendor, &rebuilt);
}

/* What neither side's readers can read is no difference, and was not compared. */
static bool both_failed(struct unit_pair *pair, bool vendor, bool rebuilt)
{
    if (vendor && rebuilt)
        debug_incomplete(pair->d, "a list could not be read");
    return vendor && rebuilt;
}

bool lists_agree(struct unit_pair *pair, uint64_t vendor, uint64_t rebuilt, bool locations)
{
    struct debug_list lists[2];
    struct debug_list_item items[2];
    uint64_t begins[2] = {vendor, rebuilt};
    bool open[2];
    for (size_t side = 0; side < 2; side++)
        open[side] = debug_list_open(&lists[side], &pair->cursors[side], begins[side], locations);
    if (!open[0] || !open[1])
        return both_failed(pair, !open[0], !open[1]);
    while (pair->d->work > 0) {
        uint64_t begin_a = lists[0].reader.at, begin_b = lists[1].reader.at;
        bool more = debug_list_next(&lists[0], &items[0]);
        bool more_b = debug_list_next(&lists[1], &items[1]);
        /* Many entries can share one long list, also of bases alone. */
        if (!debug_afford(pair->d, lists[0].reader.at - begin_a + lists[1].reader.at - begin_b))
            return false;
        if (more != more_b)
            return false;
        if (!more)
            return (lists[0].ended && lists[1].ended) || both_failed(pair, !lists[0].ended, !lists[1].ended);
        if (!items_agree(pair, &items[0], &items[1]))
            return false;
    }
    return false;
}
