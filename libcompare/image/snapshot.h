/* The bytes of one file as they were when it was opened. */
#ifndef IMAGE_SNAPSHOT_H
#define IMAGE_SNAPSHOT_H

#include "image.h"

int snapshot_open(const struct compare_input *input, uint64_t stream_limit, struct snapshot **snapshot,
                  const uint8_t **bytes, uint64_t *size, struct compare_error *error);
int snapshot_check(const struct snapshot *snapshot, const char *path, struct compare_error *error);
/* Whether both are of one file, and of the same bytes of it. */
bool snapshot_same_file(const struct snapshot *a, const struct snapshot *b);
void snapshot_close(struct snapshot *snapshot);

#endif
