/* Digests of a file that stand in the file itself. Private to this room. */
#ifndef EXPLAIN_OWN_DIGEST_H
#define EXPLAIN_OWN_DIGEST_H

#include "../explain.h"

/*
 * What these 32 bytes are a digest of, recomputed: "HMAC-SHA256 of the file, as fipscheck makes it". NULL: of nothing
 * that is known here. A static string.
 */
const char *own_digest(const struct image *image, struct range digest);

#endif
