/* Lines and fields of a control file. Private to this room. */
#ifndef BUILDINFO_DEB822_H
#define BUILDINFO_DEB822_H

#include "buildinfo.h"

/* Bytes of the file, without an end. */
struct span {
    const char *bytes;
    size_t size;
};

struct deb822_line {
    struct span text; /* without white space at its ends */
    unsigned number;
};

struct deb822_field {
    struct span name;
    const struct deb822_line *lines; /* the first holds what stands behind the colon, and may be empty */
    size_t line_count;
};

struct deb822 {
    bool clearsigned;
    struct deb822_field *fields;
    size_t field_count;
};

/* The one paragraph of a file. It refers to the bytes. Errors as of buildinfo_read. */
int deb822_read(const char *path, struct span bytes, struct arena *arena, struct deb822 *deb822,
                struct compare_error *error);

/* The field of this name, in any case of letters; NULL: none. */
const struct deb822_field *deb822_find(const struct deb822 *deb822, const char *name);

struct span span_trimmed(struct span span);

/* For messages: escaped, and cut where it is long. */
#define NAME_SHOWN 64
const char *span_shown(struct span span, char buffer[NAME_SHOWN]);

#endif
