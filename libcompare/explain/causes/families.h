/* The table of causes, by family: each file of a family holds its rows beside their detectors. Private to this room. */
#ifndef EXPLAIN_FAMILIES_H
#define EXPLAIN_FAMILIES_H

#include "text_pairs.h"

struct family {
    const struct cause *causes;
    size_t count;
};

extern const struct family causes_paths, causes_times, causes_identity, causes_links, causes_toolchain, causes_linking,
    causes_kernel;

#define FOLLOWS(kind) (1u << DIFFERENCE_##kind)
/* What the place of everything behind a longer string moves. */
#define FOLLOWS_FROM_SIZE FOLLOWS(DERIVED)
/* What changes when the code does. */
#define FOLLOWS_FROM_CODE                                                                                              \
    (FOLLOWS(BYTES) | FOLLOWS(CODE) | FOLLOWS(DATA) | FOLLOWS(ORDER) | FOLLOWS(NOTE) | FOLLOWS(SYMBOLS) |              \
     FOLLOWS(SECTION) | FOLLOWS(DEBUG) | FOLLOWS(DERIVED) | FOLLOWS(LINK))

#endif
