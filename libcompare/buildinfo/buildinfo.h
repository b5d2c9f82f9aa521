/*
 * buildinfo: what the .buildinfo files of two builds (deb-buildinfo(5), format 1.0) say of where they were made, and
 * what differs between them. Evidence for people: no verdict rests on it. Knows nothing of ELF and of causes.
 *
 *   deb822.c        lines and fields (deb822(5)), out of an OpenPGP clear-signed text where it is one
 *   fields.c        what the fields mean
 *   environments.c  what differs between two of them, and what each difference bears on
 */
#ifndef BUILDINFO_BUILDINFO_H
#define BUILDINFO_BUILDINFO_H

#include "../base/base.h"

/* More than any real file has by far: those of the largest packages come to some 200 KiB. */
#define BUILDINFO_SIZE_MOST ((uint64_t)16 << 20)

/* ---- One file ---- */

struct buildinfo_entry {
    const char *name, *value; /* as in the file, not escaped */
    unsigned line;
};

/* Sorted by name, each name once. */
struct buildinfo_list {
    struct buildinfo_entry *items;
    size_t count;
};

struct buildinfo {
    bool clearsigned;
    struct buildinfo_list settings;  /* "Build-Path": the fields of one value */
    struct buildinfo_list variables; /* of Environment */
    struct buildinfo_list packages;  /* of Installed-Build-Depends: "gcc-12" or "libc6:i386", and the version */
    struct buildinfo_list artifacts; /* of Checksums-Sha256: the file's name, and the digest */
};

/*
 * Reads the bytes of a .buildinfo file; path is for messages, which name the line. What is made lives in the arena and
 * refers to nothing of the bytes. COMPARE_ERROR_MALFORMED, COMPARE_ERROR_LIMIT, COMPARE_ERROR_MEMORY. Reentrant.
 */
int buildinfo_read(const char *path, const void *bytes, uint64_t size, struct arena *arena, struct buildinfo *buildinfo,
                   struct compare_error *error);

/* ---- Two of them ---- */

enum environment_kind {
    ENVIRONMENT_SETTING = 0,
    ENVIRONMENT_VARIABLE,
    ENVIRONMENT_PACKAGE,
    ENVIRONMENT_KINDS,
};

/* What a difference bears on, as a bit set. */
enum {
    BEARS_ON_GCC = 1u << 0,
    BEARS_ON_CLANG = 1u << 1,
    BEARS_ON_RUST = 1u << 2,
    BEARS_ON_GO = 1u << 3,
    BEARS_ON_OCAML = 1u << 4,
    BEARS_ON_HASKELL = 1u << 5,
    BEARS_ON_LINKER = 1u << 6,
    BEARS_ON_FLAGS = 1u << 7,
    BEARS_ON_PROCESSOR = 1u << 8,
    BEARS_ON_PATH = 1u << 9,
    BEARS_ON_DATE = 1u << 10,
    BEARS_ON_LOCALE = 1u << 11,
    BEARS_ON_KERNEL = 1u << 12,
    BEARS_ON_ORDER = 1u << 13, /* in which order, and how many at a time, things are built */
    BEARS_ON_USER = 1u << 14,
    BEARS_ON_VERSION = 1u << 15, /* of the source itself */
    BEARS_ON_STRIP = 1u << 16,
    BEARS_ON_DWZ = 1u << 17,
    BEARS_ON_COMPILERS = (1u << 6) - 1, /* any of them */
};

struct environment_difference {
    enum environment_kind kind;
    const char *name;             /* escaped */
    const char *vendor, *rebuilt; /* values, escaped; NULL: that side has none */
    unsigned weight;              /* 1 to 100: how much it can bear on a binary */
    unsigned bears;               /* BEARS_ON_... */
    bool usual;                   /* any two builds differ in it: that it differs tells nothing */
    bool supports;                /* a root's cause is what it bears on */
};

struct environment_side {
    const char *path;       /* escaped */
    bool clearsigned;       /* by whom is not checked */
    const char *build_path; /* not escaped; NULL: not told */
};

struct environments {
    struct environment_side vendor, rebuilt;
    struct environment_difference *differences; /* as environments_sort leaves them */
    size_t difference_count;
    size_t counts[ENVIRONMENT_KINDS];
    size_t artifacts, artifacts_equal; /* files that both list, and those of them with one digest */
};

/* What differs. The paths of the sides are the caller's to set. False without memory. */
bool environments_compare(const struct buildinfo *vendor, const struct buildinfo *rebuilt, struct arena *arena,
                          struct environments *environments);

/* What supports a root first, then by weight. */
void environments_sort(struct environments *environments);

#endif
