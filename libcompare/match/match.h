/*
 * match: pairs the extents of the two images by what they are, and their addresses. Knows nothing of what differs in them.
 *
 *   match.c           extents
 *   correspondence.h  which address is which: space.c (the code of a side, in pieces; entries.c: where they
 *                     begin, endless.c: which of them never return), functions.c, changed.c, data.c,
 *                     references.c; align.c aligns two sequences
 *
 * Where both sides have the same program headers, what is loaded is paired by its place: the loader knows no other.
 * All else, and everything where the program headers differ, is paired by owner, and sections by name, type and flags.
 * What has no partner is a pair with one side.
 */
#ifndef MATCH_MATCH_H
#define MATCH_MATCH_H

#include "../image/image.h"
#include "space.h"

struct pair_side {
    bool present;
    struct range range; /* of the file */
    uint32_t section;   /* index, or UINT32_MAX where the owner is no section */
};

struct pair {
    enum owner owner;
    const char *name; /* for reports; escaped */
    struct pair_side vendor, rebuilt;
    bool moved;    /* both sides are proven to say the same (compare/) */
    unsigned rule; /* then: by which rule */
};

enum pair_by {
    PAIR_BY_PLACE,       /* what both load at one place, where the program headers are the same; all else by owner */
    PAIR_BY_PLACE_ALONE, /* everything by its place in the file */
    PAIR_BY_OWNER,       /* everything by owner */
};

/* Every byte of each image is in exactly one pair. The pairs live in the arena. */
int match_images(const struct image *vendor, const struct image *rebuilt, enum pair_by by, struct arena *arena,
                 struct pair **pairs, size_t *count, struct compare_error *error);

/* ---- Sequences: align.c ---- */

/*
 * Which items of a sequence are which of another, in their order: partner[i] is the index in b of a[i], or SIZE_MAX.
 * First what each has once, then what stands beside that, then between. n log n. False: no memory.
 */
bool align_sequences(const uint64_t *a, size_t count_a, const uint64_t *b, size_t count_b, size_t *partner);

#endif
