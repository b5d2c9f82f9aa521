/*
 * Extended attributes as one text that can be compared as bytes: sorted by name, each as the size of its name (32 bits),
 * the name, the size of its value and the value. File capabilities and ACLs are among them, as the kernel names them.
 * Private to this room.
 */
#ifndef CONTAINER_ATTRIBUTES_H
#define CONTAINER_ATTRIBUTES_H

#include "listing.h"

struct attribute {
    const uint8_t *name, *value;
    uint32_t name_size, value_size;
};

/* The text of these attributes, which are sorted here. */
struct text_at attributes_pack(struct lister *lister, struct attribute *items, size_t count);

/* Takes the next attribute from a text; false at its end, or where it is not sound. */
bool attributes_next(const uint8_t **at, size_t *left, struct attribute *attribute);

#endif
