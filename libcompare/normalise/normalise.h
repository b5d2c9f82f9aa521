/*
 * normalise: the one-sided rules and the normal form that they leave. Sees one image, never the other.
 *
 * A rule sets aside ranges of the file after it has verified the structure that it claims to know. What it sets aside
 * becomes zeros where the place must be kept, and nothing where it need not be; all else stays. The normal form is a
 * list of pieces (no copy) whose bytes, one after the other, are a valid ELF file that loads the same.
 */
#ifndef NORMALISE_NORMALISE_H
#define NORMALISE_NORMALISE_H

#include "../image/image.h"

enum rule_index {
    RULE_BUILD_ID = 0,
    RULE_ELF_HEADER_SECTIONS,
    RULE_SECTION_HEADERS,
    RULE_SECTION_PLACEMENT,
    RULE_COMMENT,
    RULE_SYMBOLS,
    RULE_DEBUG_INFO,
    RULE_DEBUGLINK,
    RULE_MINIDEBUGINFO,
    RULE_UNLOADED_NOTES,
    RULE_COMPRESSION,
    RULE_PADDING,
    RULE_MOVED_CODE, /* tier moved: by two sides, in compare/ */
    RULE_MOVED_DATA,
    RULE_MOVED_TABLES,
    RULE_MOVED_UNWIND,
    RULE_MOVED_HEADERS,
    RULE_MOVED_PADDING,
    RULE_FILES, /* so many are for ELF files; those for what holds files follow */
    RULE_MEMBER_TIMES = RULE_FILES,
    RULE_ARCHIVE_LAYOUT,
    RULE_ARCHIVE_COMPRESSION,
    RULE_GZIP_HEADER,
    RULE_AR_OWNERS,
    RULE_AR_SYMBOL_TABLE,
    RULE_MEMBER_ORDER,
    RULE_PACKAGE_DIGESTS,
    RULE_MAPPED_NAME,
    RULE_ARCHIVE_ALONE,
    RULE_COUNT,
};

/* Tier moved: by proof of correspondence, of both sides together. */
static inline bool rule_is_moved(enum rule_index rule)
{
    return rule >= RULE_MOVED_CODE && rule <= RULE_MOVED_PADDING;
}

/* What a policy accepts, as this room needs it. */
struct rule_set {
    bool accepted[RULE_COUNT];
};

/* The index of a rule, or RULE_COUNT. */
enum rule_index rule_named(const char *id);

/* A range that one rule has set aside. */
struct aside {
    struct range range;
    enum rule_index rule;
    const uint8_t *replacement; /* what stands in its place; NULL: zeros, or nothing */
    bool restated;              /* its meaning stands in the normal form in other words (decompressed, renumbered) */
};

/*
 * A piece of the normal form. Its place is told by an anchor and an offset: anchor 0 is the file itself, in which
 * nothing may move; anchor 1 + N the N-th section or table that is laid out anew.
 */
struct piece {
    const uint8_t *bytes; /* NULL: zeros */
    uint64_t size;
    struct range source; /* of the image's file; empty where the bytes are not the file's */
    uint32_t anchor;
    uint64_t offset;
};

struct normal_form {
    const struct image *image;
    struct arena arena;
    struct aside *asides; /* sorted, without overlap */
    size_t aside_count;
    struct piece *pieces;
    size_t piece_count;
    const struct piece **sourced; /* those with a source, by its place in the file */
    size_t sourced_count;
    uint64_t size;
    bool laid_out_anew;       /* sections outside the load view have no fixed place */
    struct content *contents; /* decompressed, by this form, to be freed */
    size_t content_count;
};

/*
 * Builds the normal form of an image. An image with anomalies is its own normal form: no rule applies. Close it with
 * normal_form_close, also after a failure; the image must outlive it.
 */
int normal_form_build(const struct image *image, const struct rule_set *rules, struct normal_form *form,
                      struct compare_error *error);
void normal_form_close(struct normal_form *form);

/* Whether two normal forms are equal byte for byte, however they are cut into pieces. */
bool normal_forms_equal(const struct normal_form *vendor, const struct normal_form *rebuilt);

/* Whether it holds something in other words than the file: headers of sections that were laid out anew. */
bool normal_form_restates(const struct normal_form *form);

/* The set-aside range that holds this offset, or the first behind it; NULL past the last. */
const struct aside *normal_form_aside(const struct normal_form *form, uint64_t file_offset);

/* The piece that shows the byte at this offset; NULL where it is set aside. */
const struct piece *normal_form_piece(const struct normal_form *form, uint64_t file_offset);

/* Hands every byte of the normal form to a function, in order, until that returns non-zero. */
int normal_form_each(const struct normal_form *form, int (*take)(void *state, const uint8_t *bytes, size_t size),
                     void *state);

#endif
