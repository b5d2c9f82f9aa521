/* What the files of the correspondence share. Private to this room. */
#ifndef MATCH_PARTS_H
#define MATCH_PARTS_H

#include "match.h"

struct matchmaking {
    struct space *spaces; /* vendor, rebuilt */
    struct arena *arena;
    struct list found;     /* of struct counterpart: in any order, without overlap */
    struct list left_over; /* of struct left_over */
    bool out_of_memory;
};

/* ---- Where functions begin that nothing names: entries.c ---- */

enum { ENTRY_PLAIN = 1, ENTRY_THUMB, ENTRY_LABEL /* of a computed goto: none */ };

struct entries {
    uint8_t *marks; /* for every two bytes of the file; NULL: none are known */
};

/* The space's code is not read yet. False: no memory. */
bool entries_find(const struct space *space, struct arena *arena, struct entries *entries);
/* The next entry behind this offset of the file, or the end; the state in which code there is entered. */
uint64_t entries_next(const struct entries *entries, uint64_t offset, uint64_t end);
bool entries_thumb(const struct entries *entries, uint64_t offset);

/* ---- Code: functions.c, changed.c ---- */

void functions_pair(struct matchmaking *m);

/* Counterparts within two functions that are not equal: runs of instructions that are, and the two begins. */
void changed_pair(struct matchmaking *m, const struct code_piece *vendor, const struct code_piece *rebuilt);

/* ---- Objects: objects.c ---- */

struct object {
    struct range addresses;
    const char *name; /* NULL: paired before */
    size_t partner;   /* in the other side's list; SIZE_MAX: none */
};

/* Of one section, by address, without overlap. */
struct objects {
    struct object *items;
    size_t count;
};

/*
 * Lists the objects of two sections, with what was among the first `before` counterparts, and pairs them. They live in
 * the arena. False: no memory.
 */
bool objects_pair(const struct matchmaking *m, const struct section *const sections[2], size_t before,
                  struct arena *arena, struct objects objects[2]);

/* ---- Data: data.c ---- */

void data_pair(struct matchmaking *m);

/* A pointer, a text, a number: what data is cut into. */
struct token {
    uint64_t address, hash;
    uint32_t size;
    uint32_t number; /* counts up by one where only zero bytes are between it and the one before */
    bool named;      /* a pointer that ld.so binds by a symbol's name */
    bool paired;     /* of one that is left over: by its content, later */
};

/* What no alignment found of a pair of sections, in its order on either side. */
struct left_over {
    struct list sides[2]; /* of struct token */
};

/* ---- What stands elsewhere: elsewhere.c ---- */

/* Single tokens. */
void leftovers_pair(struct matchmaking *m, struct list leftovers[2]);

/* Rows of them, of what has no counterpart by now. Whether there were any. */
bool rows_pair(struct matchmaking *m, const struct correspondence *map);

/* Whether a section is loaded and holds data, rather than a table with a comparator of its own. */
bool section_is_data(const struct section *section);

/* Whether a byte may stand in a text of ASCII. */
static inline bool is_text(uint8_t byte)
{
    return (byte >= 0x20 && byte < 0x7f) || (byte >= 0x07 && byte <= 0x0d) || byte == 0x1b;
}

/* ---- What others refer to: references.c ---- */

/* The tables of places of functions that are each other's: before all other data. */
void tables_pair(struct matchmaking *m);
void references_pair(struct matchmaking *m);

/* ---- Shared ---- */

/* Of a symbol's name without what counts up in it, nor what link-time optimisation adds: names.c. */
uint64_t hash_plain_name(const char *name);

/* What is found so far, sorted; of two that overlap neither stays. False: no memory. */
bool correspondence_settle(struct matchmaking *m, struct correspondence *map);

/* Of the text of ASCII that begins at this address and ends with a NUL; 0: there is none. */
uint64_t hash_text(const struct image *image, uint64_t address);

void counterpart_add(struct matchmaking *m, uint64_t vendor, uint64_t rebuilt, uint64_t size, enum evidence evidence,
                     bool code);

#endif
