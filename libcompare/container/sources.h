/* Open files, shared by what lies in them, and ranges of them. Private to this room. */
#ifndef CONTAINER_SOURCES_H
#define CONTAINER_SOURCES_H

#include <sys/stat.h>

#include "listing.h"

struct source {
    int fd;
    unsigned users;
    bool anonymous; /* made here: nobody else can change it */
    struct stat status;
};

/* Bytes [begin, end) of a source. */
struct stretch {
    struct source *source; /* NULL: none */
    uint64_t begin, end;
};

/* Takes the descriptor. NULL without memory, or where it cannot be examined; the descriptor is closed then. */
struct source *source_new(int fd, bool anonymous);
struct source *source_use(struct source *source);
/* Whether it is as it was when it was opened. */
bool source_unchanged(const struct source *source);
void source_drop(struct source *source);

/* A file without a name, for what a worker writes; -1 where none can be made. */
int source_anonymous(void);

/*
 * A member of a directory, by its path from there: no component is followed where it is a link, and the file must be
 * the one that was listed.
 */
int source_open_member(int directory, const struct inventory *listing, const struct member *member,
                       struct source **source, struct compare_error *error);

static inline uint64_t stretch_size(const struct stretch *stretch)
{
    return stretch->end - stretch->begin;
}

/* Reads size bytes from an offset of a file; false where they are not there. */
bool source_read(int fd, uint64_t offset, void *bytes, size_t size);

/* Reads size bytes from an offset of the stretch; false where they are not there any more. */
bool stretch_read(const struct stretch *stretch, uint64_t offset, void *bytes, size_t size);

/* ---- Directories (directory.c) ---- */

/* Lists all that a directory holds, at any depth, into a lister. */
int list_directory(struct lister *lister, int directory);

int64_t status_nanoseconds(struct timespec time);

#endif
