/* What the readers of tar's headers and of pax records share. Private to this room. */
#ifndef CONTAINER_TAR_H
#define CONTAINER_TAR_H

#include "attributes.h"
#include "kinds.h"

#define TAR_BLOCK 512

/* Bytes of the archive; NULL: not given. */
struct tar_text {
    const uint8_t *bytes;
    size_t size;
};

/* What extension headers say of the next member. */
struct tar_extension {
    struct tar_text path, target, owner, group;
    bool has_size, has_uid, has_gid, has_time;
    uint64_t size, uid, gid;
    int64_t seconds;
    uint32_t nanoseconds;
    struct attribute *attributes;
    size_t attribute_count;
    bool any; /* some header was there, and waits for its member */
};

/* A number of a header: octal with spaces or NULs behind it, or big-endian (GNU). False where it is no such number. */
bool tar_number(const uint8_t *field, size_t size, uint64_t *value);

/*
 * Gives pieces to the records of a pax header of `size` bytes, which are the next ones, and takes what they say.
 * is_global: for all members to come, where only a comment is expected.
 */
int pax_records(struct lister *lister, uint64_t size, bool is_global, struct tar_extension *extension);

#endif
