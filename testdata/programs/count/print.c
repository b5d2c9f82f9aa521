#include "count.h"

static const char *const units[] = {"B", "KiB", "MiB", "GiB"};

static unsigned long scaled(unsigned long bytes, const char **unit)
{
    unsigned step = 0;
    while (bytes >= 10240 && step < 3) {
        bytes /= 1024;
        step++;
    }
    *unit = units[step];
    return bytes;
}

void counts_print(const struct counts *counts, const char *name)
{
    const char *unit;
    unsigned long size = scaled(counts->bytes, &unit);
    printf("%8lu %8lu %8lu %s, longest line %lu, %s\n", counts->lines, counts->words, size, unit, counts->longest,
           name);
}
