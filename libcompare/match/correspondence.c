/* Looking up counterparts. */
#include "correspondence.h"

#include <stdlib.h>

const struct counterpart *counterpart_at(const struct correspondence *map, size_t side, uint64_t address)
{
    size_t low = 0, high = map->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t begin = side == 0 ? map->items[middle].vendor : map->by_rebuilt[middle]->rebuilt;
        if (begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct counterpart *found = side == 0 ? &map->items[low - 1] : map->by_rebuilt[low - 1];
    return address - (side == 0 ? found->vendor : found->rebuilt) < found->size ? found : NULL;
}

bool addresses_correspond(const struct correspondence *map, uint64_t vendor, uint64_t rebuilt)
{
    const struct counterpart *found = counterpart_at(map, 0, vendor);
    return found != NULL && found->rebuilt + (vendor - found->vendor) == rebuilt;
}
