/*
 * The longest common subsequence of two sequences: Myers, "An O(ND) difference algorithm and its variations" (1986), in
 * linear space and without recursion. Private to this room.
 */
#ifndef EXPLAIN_ALIGN_H
#define EXPLAIN_ALIGN_H

#include "../../base/base.h"

/* Nothing of the other side belongs to it. */
#define ALIGN_NONE SIZE_MAX

/* A part of both sequences. */
struct align_box {
    size_t vendor_begin, vendor_end, rebuilt_begin, rebuilt_end;
};

struct align {
    bool (*same)(void *state, size_t vendor, size_t rebuilt);
    void *state;
    size_t *vendor, *rebuilt; /* the partner of each item; set to ALIGN_NONE before */
    int64_t most;             /* insertions and deletions before a box is given up */
    bool given_up;            /* some box was */
};

/* Finds the partners within a box. false: no memory. */
bool align_box(struct align *align, struct align_box box);

#endif
