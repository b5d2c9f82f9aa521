/* Two contents as bytes. Private to this room. */
#ifndef CONTAINER_CONTENTS_H
#define CONTAINER_CONTENTS_H

#include "sources.h"

struct content_difference {
    uint64_t equal;               /* bytes, at the same place */
    uint64_t first;               /* offset of the first that are not */
    uint64_t line;                /* of a text, from 1; 0: not text */
    const char *vendor, *rebuilt; /* that line, or the bytes there; escaped, in the arena */
};

/* Whether two contents are equal byte for byte. COMPARE_ERROR_CHANGED where bytes are gone. */
int contents_equal(const struct stretch *vendor, const struct stretch *rebuilt, bool *equal,
                   struct compare_error *error);

/* Where and how they differ. */
int contents_differ(const struct stretch *vendor, const struct stretch *rebuilt, struct arena *arena,
                    struct content_difference *difference, struct compare_error *error);

bool contents_digest(const struct stretch *stretch, uint8_t digest[32]);

#endif
