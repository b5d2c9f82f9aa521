/* Runs of differing bytes, found at the speed of memory: blocks by memcmp, the differing ones by words, then bytes. */
#include <string.h>

#include "compare.h"

#define BLOCK ((uint64_t)32 * 1024)

static uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* The first differing byte at or behind at, or size. */
static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t size, uint64_t at)
{
    while (size - at >= BLOCK && memcmp(a + at, b + at, BLOCK) == 0)
        at += BLOCK;
    while (size - at >= 8 && word_at(a + at) == word_at(b + at))
        at += 8;
    while (at < size && a[at] == b[at])
        at++;
    return at;
}

bool run_next(const uint8_t *vendor, const uint8_t *rebuilt, uint64_t size, uint64_t gap, uint64_t *at, struct run *run)
{
    uint64_t begin = first_difference(vendor, rebuilt, size, *at);
    if (begin >= size)
        return false;
    *run = (struct run){.begin = begin, .end = begin + 1, .differing = 1};
    for (uint64_t i = begin + 1; i < size && i - run->end < gap; i++) {
        if (vendor[i] != rebuilt[i]) {
            run->end = i + 1;
            run->differing++;
        }
    }
    *at = run->end;
    return true;
}
