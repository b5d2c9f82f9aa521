/* Type information of the Linux kernel, type by type. Private to this room. */
#ifndef EXPLAIN_BTF_H
#define EXPLAIN_BTF_H

#include "../explain.h"

/* Whether the .BTF sections have the same types, in any order; *count: how many. False where one cannot be read. */
bool btf_has_same_types(const struct image *vendor, const struct image *rebuilt, uint64_t *count);

#endif
