/*
 * Two lists of digests that are known to be right about their own packages (deb.c): whether they differ in the digests
 * alone. Names, their order and all else are compared as bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "tree.h"

#define DIGEST_DIGITS 32
#define SIZE_MOST     ((uint64_t)64 << 20) /* a hundred times what the largest package has */

static bool is_digest(const uint8_t *digits)
{
    for (size_t i = 0; i < DIGEST_DIGITS; i++) {
        if ((digits[i] < '0' || digits[i] > '9') && (digits[i] < 'a' || digits[i] > 'f'))
            return false;
    }
    return true;
}

/* Line by line; how many digests differ. False where something else does. */
static bool lists_match(const uint8_t *vendor, const uint8_t *rebuilt, uint64_t size, uint64_t *differing)
{
    *differing = 0;
    for (uint64_t at = 0; at < size;) {
        const uint8_t *end = memchr(vendor + at, '\n', size - at);
        uint64_t line = end != NULL ? (uint64_t)(end - (vendor + at)) + 1 : 0;
        if (line <= DIGEST_DIGITS || !is_digest(vendor + at) || !is_digest(rebuilt + at) ||
            memcmp(vendor + at + DIGEST_DIGITS, rebuilt + at + DIGEST_DIGITS, line - DIGEST_DIGITS) != 0)
            return false;
        *differing += memcmp(vendor + at, rebuilt + at, DIGEST_DIGITS) != 0;
        at += line;
    }
    return true;
}

bool content_as_digests(struct tree_run *run, size_t index, const struct stretch stretches[2])
{
    uint64_t size = stretch_size(&stretches[0]), differing = 0;
    if (size != stretch_size(&stretches[1]) || size > SIZE_MOST)
        return false;
    uint8_t *bytes = malloc(2 * size + 1);
    struct tally *tally = arena_alloc(&run->tree->arena, 2, sizeof(*tally));
    bool match = bytes != NULL && tally != NULL && stretch_read(&stretches[0], 0, bytes, size) &&
                 stretch_read(&stretches[1], 0, bytes + size, size) &&
                 lists_match(bytes, bytes + size, size, &differing);
    free(bytes);
    if (!match)
        return false;
    for (int side = 0; side < 2; side++) {
        tally[side] = (struct tally){.size = size, .set_aside = differing * DIGEST_DIGITS};
        tally[side].identical = size - tally[side].set_aside;
        tally[side].by_rule[RULE_PACKAGE_DIGESTS] = tally[side].set_aside;
    }
    run_pair(run, index)->tally = tally;
    return true;
}
