/* What a file is, told by its content; and for each kind of container, what lists it. Private to this room. */
#ifndef CONTAINER_KINDS_H
#define CONTAINER_KINDS_H

#include "listing.h"

enum kind {
    KIND_DATA = 0, /* whatever is compared as bytes */
    KIND_ELF,
    KIND_DIRECTORY,
    KIND_GZIP,
    KIND_XZ,
    KIND_ZSTD,
    KIND_BZIP2,
    KIND_LZ4,
    KIND_AR,
    KIND_DEB,
    KIND_TAR,
    KIND_CPIO,
    KIND_RPM,
    KIND_MODULE, /* an ELF file with an appended signature */
    KIND_ZIP,
    KIND_ISO,
    KIND_SQUASHFS,
    KIND_COUNT,
};

struct kind_info {
    const char *name;
    int (*list)(struct lister *lister); /* NULL: no container */
    bool layer;                         /* holds one content, which has no name of its own */
};

extern const struct kind_info kind_table[KIND_COUNT];

/* By magic numbers in a file at a place. Reads some bytes and parses nothing. */
enum kind kind_tell(int fd, uint64_t offset, uint64_t size);

int list_gzip(struct lister *lister);
int list_xz(struct lister *lister);
int list_zstd(struct lister *lister);
int list_bzip2(struct lister *lister);
int list_lz4(struct lister *lister);
int list_ar(struct lister *lister);
int list_deb(struct lister *lister);
int list_tar(struct lister *lister);
int list_cpio(struct lister *lister);
int list_rpm(struct lister *lister);
int list_module(struct lister *lister);
int list_zip(struct lister *lister);
int list_iso(struct lister *lister);
int list_squashfs(struct lister *lister);

#endif
