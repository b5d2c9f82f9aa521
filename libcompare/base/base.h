/*
 * The ground floor: error messages, memory that lives as long as a result, SHA-256, half-open ranges, escaping. Knows
 * nothing of ELF.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../libcompare.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Errors ---- */

/* Fills in *error and returns status, so that a failure is one statement. file may be NULL; it is escaped here. */
int error_set(struct compare_error *error, int status, const char *file, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The error for a limit that is hit, named so that it can be changed. what: of what there is too much. */
int limit_hit(struct compare_error *error, const char *file, const char *name, uint64_t value, const char *what);

/* The limits that apply: the caller's where given, else the defaults for files of this many bytes together. */
struct compare_limits limits_for(const struct compare_limits *wanted, uint64_t file_size);

/* ---- Memory: an arena is freed as a whole ---- */

struct arena {
    struct arena_block *blocks;
    bool exhausted; /* there was no memory, here or for what is kept beside it */
};

/* Zeroed memory for count things of size bytes, aligned for any type; NULL when there is none or on overflow. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *arena);
/* What lives in the second arena lives as long as the first from now on. */
void arena_join(struct arena *arena, struct arena *joined);

/* A growing list of things of one size, in an arena (whose discarded copies stay until it is freed). */
struct list {
    struct arena *arena;
    void *items;
    size_t count, capacity, item_size;
};

/* A zeroed new last item, or NULL when there is no memory. */
void *list_add(struct list *list);

/* Room for so many items in all, where that is known beforehand: no copies are discarded then. False: no memory. */
bool list_reserve(struct list *list, size_t capacity);

/* ---- Sorting ---- */

/* As qsort, but in one pass where the items are in their order already. items may be NULL where there are none. */
void sort_items(void *items, size_t count, size_t size, int (*order)(const void *left, const void *right));

/* Of uint64_t, the smaller one first: for sort_items and bsearch. */
int number_order(const void *left, const void *right);

/* ---- Digests ---- */

/* False where OpenSSL has no memory; nothing of it may be called then. */
bool digest_is_possible(void);
bool sha256(const void *bytes, size_t size, uint8_t digest[32]);

/* ---- Ranges: [begin, end), in bytes of a file or of an address space ---- */

struct range {
    uint64_t begin, end;
};

static inline uint64_t range_size(struct range range)
{
    return range.end - range.begin;
}

static inline bool range_empty(struct range range)
{
    return range.begin >= range.end;
}

static inline bool range_contains(struct range outer, struct range inner)
{
    return outer.begin <= inner.begin && inner.end <= outer.end;
}

static inline bool range_overlaps(struct range a, struct range b)
{
    return !range_empty(a) && !range_empty(b) && a.begin < b.end && b.begin < a.end;
}

/* [begin, begin + size), unless that overflows: the one helper that makes a range of two numbers from a file. */
bool range_make(uint64_t begin, uint64_t size, struct range *range);

/* Sorts ranges and merges those that touch; empty ones go. Returns the new count. */
size_t ranges_merge(struct range *ranges, size_t count);

/* Whether some range of a merged list overlaps this one, and whether one of them holds it whole. */
bool ranges_overlap(const struct range *ranges, size_t count, struct range range);
bool ranges_hold(const struct range *ranges, size_t count, struct range range);

/* ---- Escaping: whatever comes from a file, before a person or a terminal sees it ---- */

/*
 * Writes bytes as printable ASCII: control characters, the backslash and all bytes from 0x7f as \xNN. Always
 * terminates the buffer; a text cut short ends in "...". Returns buffer.
 */
char *escape_bytes(char *buffer, size_t buffer_size, const void *bytes, size_t count);
char *escape_text(char *buffer, size_t buffer_size, const char *text);

#endif
