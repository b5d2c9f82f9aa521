/*
 * What one container holds, as a list: its members with all that is known of them, and to whom each of its own bytes
 * belongs. Made by a worker from an archive, or by the parent from a directory; passed on as plain arrays without
 * pointers, which the parent checks (listing_take) before it looks at any of it. Private to this room.
 */
#ifndef CONTAINER_LISTING_H
#define CONTAINER_LISTING_H

#include "container.h"

#define NO_MEMBER UINT32_MAX

/* Bytes in the listing's strings: names are data, and may hold any byte. */
struct text_at {
    uint32_t offset, size;
};

enum content_place {
    CONTENT_NONE = 0,
    CONTENT_INPUT,  /* a range of the container itself */
    CONTENT_OUTPUT, /* a range of the file that the worker wrote contents to */
    CONTENT_PATH,   /* of a directory: to be opened by its path */
};

/* What is known of a member; what is not known is compared with nothing. */
enum known {
    KNOWN_MODE = 1 << 0,
    KNOWN_OWNER = 1 << 1,
    KNOWN_NAMES = 1 << 2, /* of owner and group */
    KNOWN_TIME = 1 << 3,
    KNOWN_ATTRIBUTES = 1 << 4,
    KNOWN_LINKS = 1 << 5,
    KNOWN_ALL = (1 << 6) - 1,
};

struct member {
    struct text_at path;   /* without "./" before and "/" behind it; empty: the one content of a layer */
    struct text_at target; /* of a symbolic link */
    struct text_at owner, group;
    struct text_at attributes; /* extended attributes with capabilities and ACLs: see attributes.h */
    uint64_t uid, gid, major, minor;
    int64_t seconds;
    uint32_t nanoseconds;
    uint32_t type; /* enum member_type */
    uint32_t mode; /* 12 bits */
    uint32_t known;
    uint32_t link_leader; /* of hard links to one file, the member whose path comes first; NO_MEMBER: no such links */
    uint32_t place;       /* enum content_place */
    uint32_t opaque;      /* the content is compared as bytes, whatever it looks like: it is stored in another form */
    uint64_t begin, end;  /* of the content */
    uint64_t changed;     /* CONTENT_PATH: ctime in nanoseconds */
    uint64_t device, inode;
};

enum piece_kind {
    PIECE_KEPT = 0, /* compared as bytes */
    PIECE_NAME,     /* the same, but that --map may set it aside */
    PIECE_ASIDE,    /* set aside by a rule */
    PIECE_CONTENT,  /* a member's content */
};

/* The pieces of a container partition [0, size). */
struct parcel {
    uint64_t begin, end;
    uint32_t member; /* NO_MEMBER: the container's own */
    uint16_t kind, rule;
};

/* What is wrong with a container: no rule applies to one that has any. */
struct oddity {
    struct text_at id, message; /* escaped */
    uint32_t member;            /* or NO_MEMBER */
    uint32_t reserved;
};

enum listing_flag {
    LISTING_ORDER_FREE = 1 << 0,    /* the order of the members means nothing (rule member-order) */
    LISTING_DIGESTS_RIGHT = 1 << 2, /* a package's digests are those of its files (rule package-digests) */
    LISTING_ACCOUNTED = 1 << 1, /* pieces say to whom each byte belongs; else the format is not understood bytewise */
};

struct inventory {
    void *memory;  /* holds all of it */
    uint64_t size; /* of the container; 0 for a directory */
    uint32_t flags;
    const struct member *members;
    const struct parcel *pieces;
    const struct oddity *oddities;
    const uint8_t *strings;
    size_t member_count, piece_count, oddity_count, strings_size;
};

/* ---- Making one ---- */

struct lister {
    const char *name; /* for messages */
    const uint8_t *bytes;
    uint64_t size;
    int contents;    /* file for what is not in the container as it is; -1: none */
    uint8_t *window; /* where contents may be mapped, each at its own place; NULL: anywhere */
    uint64_t window_size;
    uint64_t written;
    uint64_t accounted; /* the pieces so far end here */
    uint32_t flags;
    struct compare_limits limits;
    struct arena arena;
    struct list members, pieces, oddities;
    uint8_t *strings;
    size_t strings_size, strings_capacity;
    int failure;
    struct compare_error *error;
};

void lister_begin(struct lister *lister, const char *name, const struct compare_limits *limits,
                  struct compare_error *error);
void lister_end(struct lister *lister);

/* Ends it all with a message that names the offset; returns the status, so that a failure is one statement. */
int lister_fail(struct lister *lister, int status, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int lister_no_memory(struct lister *lister);

/* A copy of bytes among the strings. Without memory the lister has failed. */
struct text_at lister_text(struct lister *lister, const void *bytes, size_t size);

/* A new member of this path, or NULL. Only the last one can be changed: adding moves the others. */
struct member *lister_member(struct lister *lister, const void *path, size_t size);
uint32_t lister_last(const struct lister *lister);

/* The next `size` bytes of the container; 0, or the failure. */
int lister_piece(struct lister *lister, uint64_t size, enum piece_kind kind, enum rule_index rule, uint32_t member);
int lister_keep(struct lister *lister, uint64_t size, uint32_t member);
int lister_aside(struct lister *lister, uint64_t size, enum rule_index rule, uint32_t member);
/* The next bytes are the content of the last member, which learns of it. */
int lister_content(struct lister *lister, uint64_t size);
/* A new member of this name, a file, of which nothing is known but its content: the next bytes. */
int lister_part(struct lister *lister, const char *name, uint64_t size);
/* The next bytes, zeros: set aside as layout; others: kept, and odd. */
int lister_padding(struct lister *lister, uint64_t size, uint32_t member);

/* Writes to the file of contents; the caller notes where it began (lister->written). */
int lister_write(struct lister *lister, const void *bytes, size_t size);

/* Something odd: an ID, and a message, which is escaped here. */
void lister_oddity(struct lister *lister, const char *id, uint32_t member, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* names.c: looks at all paths and links when the members are complete: duplicates, "..", control characters. */
int names_check(struct lister *lister, bool duplicates_may_be);
/* The canonical form of a path of an archive or directory: without "./" before, "/" behind, "//" within. */
size_t names_canonical(const uint8_t *path, size_t size, uint8_t *canonical);
int names_compare(const uint8_t *strings, struct text_at a, const uint8_t *other_strings, struct text_at b);

/* Writes a finished listing to a file. */
int listing_send(struct lister *lister, int fd);
/* A finished listing in memory. */
int listing_of(struct lister *lister, struct inventory *listing);
/* Reads one that a worker wrote, and checks all of it. contents_size: of the file that it wrote contents to. */
int listing_take(int fd, const char *name, uint64_t size, uint64_t contents_size, const struct compare_limits *limits,
                 struct inventory *listing, struct compare_error *error);
void listing_free(struct inventory *listing);

/* ---- What is in a text of the listing ---- */

static inline const uint8_t *listing_bytes(const struct inventory *listing, struct text_at text)
{
    return listing->strings + text.offset;
}

static inline bool listing_same(const struct inventory *a, struct text_at of_a, const struct inventory *b,
                                struct text_at of_b)
{
    return of_a.size == of_b.size &&
           __builtin_memcmp(a->strings + of_a.offset, b->strings + of_b.offset, of_a.size) == 0;
}

#endif
