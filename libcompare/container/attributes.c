/* Extended attributes, packed and read again; what is read may come from a worker, and is held to its bounds. */
#include "attributes.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    const struct attribute *one = a, *other = b;
    uint32_t shorter = one->name_size < other->name_size ? one->name_size : other->name_size;
    int order = memcmp(one->name, other->name, shorter);
    return order != 0 ? order : one->name_size < other->name_size ? -1 : one->name_size > other->name_size;
}

static void add(uint8_t *buffer, size_t *used, const uint8_t *bytes, uint32_t size)
{
    memcpy(buffer + *used, &size, sizeof(size));
    *used += sizeof(size);
    if (size > 0)
        memcpy(buffer + *used, bytes, size);
    *used += size;
}

struct text_at attributes_pack(struct lister *lister, struct attribute *items, size_t count)
{
    size_t size = 0, used = 0;
    if (count == 0)
        return (struct text_at){0, 0};
    qsort(items, count, sizeof(*items), by_name);
    for (size_t i = 0; i < count; i++)
        size += 2 * sizeof(uint32_t) + items[i].name_size + items[i].value_size;
    uint8_t *buffer = malloc(size);
    if (buffer == NULL) {
        lister_no_memory(lister);
        return (struct text_at){0, 0};
    }
    for (size_t i = 0; i < count; i++) {
        add(buffer, &used, items[i].name, items[i].name_size);
        add(buffer, &used, items[i].value, items[i].value_size);
    }
    struct text_at text = lister_text(lister, buffer, used);
    free(buffer);
    return text;
}

static bool take(const uint8_t **at, size_t *left, const uint8_t **bytes, uint32_t *size)
{
    if (*left < sizeof(*size))
        return false;
    memcpy(size, *at, sizeof(*size));
    *at += sizeof(*size);
    *left -= sizeof(*size);
    if (*left < *size)
        return false;
    *bytes = *at;
    *at += *size;
    *left -= *size;
    return true;
}

bool attributes_next(const uint8_t **at, size_t *left, struct attribute *attribute)
{
    return take(at, left, &attribute->name, &attribute->name_size) &&
           take(at, left, &attribute->value, &attribute->value_size);
}
