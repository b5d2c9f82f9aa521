/* The own bytes of two containers. Private to this room. */
#ifndef CONTAINER_ACCOUNT_H
#define CONTAINER_ACCOUNT_H

#include "facts.h"
#include "pairing.h"
#include "sources.h"

struct account_side {
    const struct inventory *listing;
    struct stretch bytes;
};

struct account_input {
    struct account_side sides[2]; /* vendor, rebuilt */
    const struct couple *couples;
    size_t couple_count;
    const struct permits *permits;
};

/*
 * Compares the bytes that are no member's content. tally: of each side, what is the container's own. differs: by couple,
 * whether the bytes that belong to it (its header) differ in what no rule sets aside. facts: what differs of the
 * container itself. COMPARE_ERROR_INTERNAL where the sums are not right.
 */
int account_compare(const struct account_input *input, struct tally tally[2], bool *differs, struct facts *facts,
                    struct compare_error *error);

#endif
