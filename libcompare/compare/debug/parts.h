/*
 * What the comparison of debug information is made of. Private to this room.
 *
 *   debug.c        the steps, and which units are each other's
 *   pairing.c      which entries (DIEs) of two units are each other's
 *   entries.c      two entries, attribute by attribute
 *   expressions.c  two expressions of DWARF, operation by operation;  lists.c  range and location lists
 *   lines.c        the rows of two line tables
 *   aranges.c, frames.c  .debug_aranges, .debug_frame
 *   places.c       which address is which
 *   entry_names.c, names.c  what entries, tags and attributes are called
 *   roots.c        differences of one reason, told once
 */
#ifndef COMPARE_DEBUG_PARTS_H
#define COMPARE_DEBUG_PARTS_H

#include <dwarf.h>

#include "../compare.h"

#define NO_ENTRY   UINT32_MAX
#define DEPTH_MOST 500u /* of entries in entries */

/* ---- Addresses: places.c ---- */

struct named_place {
    uint64_t address;
    const char *name;
    size_t partner; /* index on the other side; SIZE_MAX: none */
};

struct debug_places {
    const struct correspondence *map; /* NULL: not made */
    const struct counterpart *last;
    struct named_place *named[2]; /* by address */
    size_t counts[2];
    size_t last_named[2];
    const struct section *last_section[2];
    const struct section *last_named_section, *section_partner; /* of what was asked last */
    const struct image *images[2];
    struct debug *debugs[2];
};

/* ---- Sides ---- */

/* The entries of a unit, in their order. */
struct debug_unit_entries {
    struct debug_unit_header header;
    uint32_t *offsets;  /* from the unit's begin */
    uint32_t *partners; /* the index in the partner's; NO_ENTRY: none */
    uint32_t count;
    size_t partner;     /* the unit on the other side; SIZE_MAX: none */
    bool whole;         /* all were read */
    size_t layout_root; /* as in struct unit_pair */
};

struct debug_side {
    const struct image *image; /* which has the debug information */
    struct debug *debug;
    struct debug_abbreviations abbreviations;
    struct debug_unit_entries *units;
    size_t unit_count;
};

#define CODE_PARTS_MOST 4 /* ranges of a function's code that are looked at: hot, cold */

/* A function of both sides. */
struct function_pair {
    bool any;
    unsigned depth; /* of its entry */
    uint64_t offsets[2];
    struct range code[2][CODE_PARTS_MOST]; /* addresses */
    size_t counts[2];
    size_t root; /* why its code is told to differ; NO_ROOT: it is not */
};

/* Code that is told to differ. */
struct changed_range {
    struct range sides[2]; /* addresses */
    size_t root;
};

struct debugging {
    struct debug_side sides[2]; /* vendor, rebuilt */
    struct arena *arena;        /* of the result */
    struct arena own;           /* until the end */
    struct debug_places places;
    struct list roots;       /* of struct debug_root */
    struct list changed;     /* of struct changed_range, of all units */
    struct list differing;   /* of struct debug_differing */
    struct root_slot *slots; /* a hash table of roots by their keys */
    uint64_t last_lines[2];  /* the line tables that were compared last */
    bool lines_known;
    struct debug_comparison *result;
    uint64_t entry_count; /* of both sides */
    uint64_t work;        /* bytes of texts, lists and tables that may yet be compared */
    bool out_of_memory;
    const char *incomplete;
};

/* Two units that are each other's, while they are compared. */
struct unit_pair {
    struct debugging *d;
    struct arena own; /* until the units are compared */
    struct debug_unit_entries *units[2];
    struct debug_cursor cursors[2];
    const char *name; /* escaped */
    struct line_table lines[2];
    bool has_lines[2];
    uint64_t line_offsets[2];
    uint64_t parents[2][DEPTH_MOST]; /* offsets of the entries around the one that is compared, by depth */
    struct list changed;             /* of struct changed_range */
    struct function_pair function;   /* that is compared */
    size_t layout_root;   /* why functions of this unit stand elsewhere: one of another size, or of one side only */
    uint32_t *files_told; /* by the vendor's file number: the rebuilt's that it was last compared with, from 1 on */
    bool entry_differs, differs;
};

/* ---- Steps ---- */

/* Reads the entries of a unit and, with its partner's, pairs them (pairing.c). */
void entries_pair(struct debugging *d, struct debug_unit_entries *vendor, struct debug_unit_entries *rebuilt);

/* Compares all entries of two units (entries.c). */
void entries_compare(struct unit_pair *pair);

/* Whether two expressions say the same, and whether two lists do. */
bool expressions_agree(struct unit_pair *pair, const struct debug_attribute *vendor,
                       const struct debug_attribute *rebuilt);
bool lists_agree(struct unit_pair *pair, uint64_t vendor, uint64_t rebuilt, bool locations);

/* The rows of the units' line tables (lines.c). Files by number: whether they are of one name, or tells of it. */
void lines_open(struct unit_pair *pair);
void lines_compare(struct unit_pair *pair);
bool files_agree(struct unit_pair *pair, uint64_t vendor, uint64_t rebuilt);
/* "src/http.c", raw; "?" where it is not known. */
const char *file_name(const struct unit_pair *pair, size_t side, uint64_t file);

/* .debug_aranges and .debug_frame (aranges.c, frames.c): after all units. */
void aranges_compare(struct debugging *d);
void frames_compare(struct debugging *d);

/* Whether the vendor's entry at this offset is paired with the rebuilt's. Offsets within .debug_info or the unit. */
bool entries_correspond(struct unit_pair *pair, uint64_t vendor, uint64_t rebuilt);

/* ---- Addresses: places.c ---- */

bool places_open(struct debugging *d);
/* The rebuilt's address that the vendor's stands for: by the correspondence, or else by symbols. */
bool place_partner(struct debug_places *places, uint64_t vendor, uint64_t *rebuilt);
/* Whether these stand for each other; end: of what ends there, behind its last byte. */
bool place_agrees(struct debug_places *places, uint64_t vendor, uint64_t rebuilt, bool end);

/* ---- Names of entries, for people, escaped: entry_names.c ---- */

#define ENTRY_TEXT 400 /* bytes of a path that is shown */

/* "parse_header > limit"; what has no name goes by what it refers to, or by its tag. */
void entry_path(struct unit_pair *pair, size_t side, const struct debug_entry *entry, char text[ENTRY_TEXT]);
void entry_name_at(struct unit_pair *pair, size_t side, uint64_t offset, char text[ENTRY_TEXT]);
/* Whether the entry has a name of its own. */
bool entry_is_named(const struct debug_entry *entry);

/* Tags and attributes by their names in DWARF, or as numbers. */
const char *debug_tag_name(struct arena *arena, unsigned tag);
const char *debug_attribute_name(struct arena *arena, unsigned name);

/* ---- Roots: roots.c ---- */

#define NO_ROOT SIZE_MAX

uint64_t root_key(enum debug_root_kind kind, const char *const *texts, size_t count);

/*
 * Counts so many differences of the root with this key, which is made where it is new: then *made is its address, and
 * its texts are to be filled in. NO_ROOT where there are too many, or no memory.
 */
size_t root_count(struct unit_pair *pair, enum debug_root_kind kind, uint64_t key, uint64_t count,
                  struct debug_root **made);

/* One more difference of a root; nothing for NO_ROOT. */
void root_add(struct unit_pair *pair, size_t root, uint64_t count);

/* A path, raw, that became another: what is before and behind what differs does not count. */
void root_path(struct unit_pair *pair, const char *vendor, const char *rebuilt);
/* Lines of a file, by name, that stand elsewhere. */
void root_lines(struct unit_pair *pair, const char *file, uint32_t vendor, uint32_t rebuilt);

const char *root_text(struct debugging *d, const char *text);
const char *root_escaped(struct debugging *d, const void *bytes, uint64_t size);
size_t roots_finish(struct debugging *d);

void debug_incomplete(struct debugging *d, const char *why);

/* What it costs to look through all code of a unit that is told to differ (entries.c). */
uint64_t changed_work(const struct unit_pair *pair);

/* Whether so many bytes more may be looked at. */
bool debug_afford(struct debugging *d, uint64_t bytes);

#endif
