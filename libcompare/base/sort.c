/* Sorting what mostly is in its order already: what is found by walking two files. */
#include "base.h"

#include <stdlib.h>

void sort_items(void *items, size_t count, size_t size, int (*order)(const void *left, const void *right))
{
    const char *bytes = items;
    size_t sorted = 1;
    while (sorted < count && order(bytes + (sorted - 1) * size, bytes + sorted * size) <= 0)
        sorted++;
    if (sorted < count)
        qsort(items, count, size, order);
}

int number_order(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}
