/* How much was proven to have only moved, as the JSON reports of files and of trees tell it. Private to this room. */
#ifndef REPORT_JSON_MOVED_H
#define REPORT_JSON_MOVED_H

#include <jansson.h>

#include "../compare/compare.h"

/* The counts, and of how many functions not all is proven; or why nothing was looked at. NULL: no memory. */
json_t *json_moved_counts(const struct moved_counts *counts, uint64_t changed_functions);
json_t *json_moved_not_tried(const char *why);

#endif
