/* What a Debian package says of its own files. Private to this room. */
#ifndef CONTAINER_DEB_H
#define CONTAINER_DEB_H

#include "kinds.h"

/* Whether each digest of md5sums is that of the package's own file. The package is listed, and nothing odd about it. */
bool deb_digests_right(struct lister *package);

/* What OpenSSL reads from files at its first use, it reads now. */
void deb_warm_up(void);

#endif
