/* What the proof of what moved is made of. Private to this room. */
#ifndef COMPARE_PARTS_H
#define COMPARE_PARTS_H

#include "compare.h"

/* Two sections of one name, type and flags, each the only one of its name on its side. */
struct section_pair {
    const struct section *sides[2]; /* vendor, rebuilt */
};

struct moving {
    const struct image *images[2];
    struct arena *arena;
    const struct correspondence *map;
    struct symbols symbols[2];
    const struct relocation *relocations[2];
    size_t relocation_counts[2];
    const struct section_pair *sections;
    size_t section_count;
    struct list proven;       /* of struct proven */
    struct list contradicted; /* of struct contradicted */
    struct moved_counts counts;
    bool out_of_memory;
};

/*
 * Bytes of both files that are proven to say the same: nothing in them is left unchecked. They must not be empty on
 * both sides; a table that each side makes from its own content (a hash table) may have two sizes.
 */
void moving_prove(struct moving *m, struct range vendor, struct range rebuilt, enum rule_index rule);

/* Bytes that refer to something that is not the counterpart: they differ, whether or not they are equal as bytes. */
void moving_contradict(struct moving *m, struct range vendor, struct range rebuilt);

/* The pair of this section of a side; NULL. */
const struct section_pair *moving_section(const struct moving *m, size_t side, uint32_t section);

#endif
