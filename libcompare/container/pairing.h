/* Which of the vendor's members is which of the rebuilt ones. Private to this room. */
#ifndef CONTAINER_PAIRING_H
#define CONTAINER_PAIRING_H

#include "listing.h"

struct span {
    const char *bytes;
    size_t size;
};

/* "PATTERN=PATTERN" with as many stars on both sides. */
bool map_is_sound(const char *map);
/* The name that the map makes of this one; 0 where it does not fit, or there is no room. */
size_t map_name(const char *map, const char *name, size_t size, char *mapped, size_t mapped_size);

struct couple {
    uint32_t vendor, rebuilt; /* NO_MEMBER: none there */
    enum tree_pairing pairing;
};

struct pairing_input {
    const struct inventory *vendor, *rebuilt;
    const char *const *maps; /* NULL-terminated; NULL: none */
    /*
     * The SHA-256 of a member's content: false where it cannot be read. Candidates alone are found by it: that contents
     * are equal is seen when they are compared.
     */
    bool (*digest)(void *state, bool rebuilt, uint32_t member, uint8_t digest[32]);
    /* The same of a build ID: what has none is false. */
    bool (*build_id)(void *state, bool rebuilt, uint32_t member, uint8_t id[32]);
    void *state;
};

/* All members of both sides, each once, in the order of their paths. The caller frees *couples. */
int pair_members(const struct pairing_input *input, struct couple **couples, size_t *count,
                 struct compare_error *error);

#endif
