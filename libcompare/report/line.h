/* What the lines of pairs of files (line.c) and of trees (tree_line.c) have in common. Private to this room. */
#ifndef REPORT_LINE_H
#define REPORT_LINE_H

#include <jansson.h>

#include "report.h"

#define DUMP (JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII)

/* More roots are counted; the full report has them. */
#define ROOTS_MOST 20
#define PLACE_MOST 400

/* NULL, which json_pack passes on, without memory. */
json_t *line_pair(uint64_t vendor, uint64_t rebuilt);
/* digest: NULL where none was taken. */
json_t *line_side(const uint8_t *digest, uint64_t size);
json_t *line_tally(const struct tally *vendor, const struct tally *rebuilt);

#endif
