/* The configuration that a Linux kernel carries in itself. Private to this room. */
#ifndef EXPLAIN_KERNEL_CONFIG_H
#define EXPLAIN_KERNEL_CONFIG_H

#include "causes.h"

struct config_change {
    size_t count;     /* lines that only one side has; of the side that has more */
    char vendor[128]; /* the first of them, escaped; empty where a side has none */
    char rebuilt[128];
};

/* What stands between the marks, of the file; empty where there are none. */
struct range config_find(const struct image *image);

/* Whether a difference lies in it; what is on one side only, for it looks like text there, too. */
bool config_holds(const struct clues *clues, const struct difference *difference);

/* What differs between the two configurations; false where one cannot be unpacked. */
bool config_compare(const struct clues *clues, struct config_change *change);

#endif
