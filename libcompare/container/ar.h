/* The symbol table of a static library. Private to this room. */
#ifndef CONTAINER_AR_H
#define CONTAINER_AR_H

#include "kinds.h"

/* Whether the table is exactly what the members, as listed, make it. wide: places of 64 bits. */
bool ar_symbols_right(struct lister *lister, uint64_t offset, uint64_t size, bool wide);

#endif
