/* What two .buildinfo files say for the causes of roots. Private to this room. */
#ifndef EXPLAIN_SUPPORT_H
#define EXPLAIN_SUPPORT_H

#include "causes.h"

/*
 * Sorts the environments' differences by what they say for the roots, lists with each root those that support its
 * cause, and makes that cause a little surer. Roots without a cause stay without. False without memory.
 */
bool support_find(const struct clues *clues, struct environments *environments, struct root *roots, size_t root_count);

/* The causes that can have support; NULL past the last. */
const char *support_cause_at(size_t index);

#endif
