/* Half-open ranges and sorted lists of them. */
#include "base.h"

#include <stdlib.h>

bool range_make(uint64_t begin, uint64_t size, struct range *range)
{
    range->begin = begin;
    return !__builtin_add_overflow(begin, size, &range->end);
}

static int range_order(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    return a->begin != b->begin ? (a->begin < b->begin ? -1 : 1) : (a->end > b->end) - (a->end < b->end);
}

size_t ranges_merge(struct range *ranges, size_t count)
{
    size_t kept = 0;
    if (count > 1)
        qsort(ranges, count, sizeof(*ranges), range_order);
    for (size_t i = 0; i < count; i++) {
        if (range_empty(ranges[i]))
            continue;
        if (kept > 0 && ranges[i].begin <= ranges[kept - 1].end) {
            if (ranges[i].end > ranges[kept - 1].end)
                ranges[kept - 1].end = ranges[i].end;
        } else {
            ranges[kept++] = ranges[i];
        }
    }
    return kept;
}

/* The first range that ends behind this position: all before it lie below. */
static size_t ranges_find(const struct range *ranges, size_t count, uint64_t position)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].end > position)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

bool ranges_overlap(const struct range *ranges, size_t count, struct range range)
{
    if (range_empty(range))
        return false;
    size_t found = ranges_find(ranges, count, range.begin);
    return found < count && range_overlaps(ranges[found], range);
}

bool ranges_hold(const struct range *ranges, size_t count, struct range range)
{
    if (range_empty(range))
        return true;
    size_t found = ranges_find(ranges, count, range.begin);
    return found < count && range_contains(ranges[found], range);
}
