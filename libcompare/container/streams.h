/*
 * What the decoders of compressed files share: they begin the one content, write to it, and end it. Private to this
 * room.
 */
#ifndef CONTAINER_STREAMS_H
#define CONTAINER_STREAMS_H

#include "kinds.h"

#define STREAM_BLOCK ((size_t)256 * 1024)

/* The one member of a layer. Its content begins where contents were written to so far. */
int stream_begin(struct lister *lister);
/* The content is complete; what is left of the container is data behind the stream: kept, and odd. */
int stream_end(struct lister *lister);

/* What is left of the container from an offset on, at most what a library's 32-bit counts hold. */
static inline size_t stream_left(const struct lister *lister, uint64_t offset)
{
    uint64_t left = lister->size - offset;
    return left < (uint64_t)1 << 30 ? (size_t)left : (size_t)1 << 30;
}

#endif
