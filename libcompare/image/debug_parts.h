/* What the files that make the view of debug information share. Private to this room. */
#ifndef IMAGE_DEBUG_PARTS_H
#define IMAGE_DEBUG_PARTS_H

#include <dwarf.h>
#include <elfutils/libdw.h>

#include "debug_entries.h"
#include "parts.h"

/* libdw and the readers here may look this far past what they were to read: so many zeros are behind each section. */
#define DEBUG_SLACK 64

enum debug_section {
    DEBUG_INFO,
    DEBUG_TYPES,
    DEBUG_ABBREV,
    DEBUG_STR,
    DEBUG_LINE,
    DEBUG_LINE_STR,
    DEBUG_RANGES,
    DEBUG_RNGLISTS,
    DEBUG_ADDR,
    DEBUG_STR_OFFSETS,
    DEBUG_LOC,
    DEBUG_LOCLISTS,
    DEBUG_ARANGES,
    DEBUG_FRAME,
    DEBUG_SECTIONS,
};

struct debug_bytes {
    const uint8_t *bytes; /* NULL: there is no such section */
    uint64_t size;
    void *owned; /* where they are not the image's own */
};

/* ---- Line tables ---- */

struct line_row {
    uint64_t address;
    uint32_t sequence, file, line;
    bool end; /* of a sequence: no instruction is here */
};

/* ---- Units ---- */

struct debug_function {
    uint64_t low, high;
    Dwarf_Off die;
};

struct debug_variable {
    uint64_t address;
    Dwarf_Off die;
};

struct debug_unit_view {
    uint64_t begin, end; /* in its section */
    uint64_t root;       /* offset of its first DIE */
    uint64_t abbreviations;
    uint64_t signature, type_entry; /* of a type unit */
    uint64_t dwo_id;
    uint16_t version;
    uint8_t type, address_size, offset_size;
    bool in_types, has_dwo_id;

    bool lines_read, functions_read, nested_functions_read, variables_read;
    struct line_table lines;
    struct line_row *rows; /* by address */
    size_t row_count;
    struct debug_function *functions; /* by low */
    size_t function_count;
    struct debug_variable *variables; /* by address */
    size_t variable_count;
};

struct debug_span {
    uint64_t low, high;
    uint32_t unit;
};

/* Bytes of .debug_info that look like the address of a variable. */
struct debug_candidate {
    uint64_t address;
    uint32_t unit;
};

struct debug {
    const struct image *image;
    struct arena arena;
    struct debug_bytes sections[DEBUG_SECTIONS];
    uint64_t *bases; /* ET_REL: the address that each section is given here; 0: none */
    Elf *seed, *elf;
    Dwarf *dwarf;
    bool broken;        /* libdw ran out of memory: it is not called again */
    bool incomplete;    /* some units are left out */
    uint64_t steps;     /* DIEs, ranges that may yet be looked at */
    uint64_t line_work; /* bytes of line tables that may yet be read */
    size_t rows_held;

    struct debug_unit_view *units; /* those of .debug_info, then those of .debug_types */
    size_t unit_count;
    bool spans_read, candidates_read;
    struct debug_span *spans; /* by low */
    size_t span_count;
    struct debug_candidate *candidates; /* by address */
    size_t candidate_count;
};

/* ---- Steps of debug_open ---- */

/*
 * Gives each allocated section of an object an address of its own and applies the relocations to copies of the debug
 * sections. In linked files does nothing.
 */
int debug_relocate(struct debug *debug, const uint64_t section_of[DEBUG_SECTIONS], struct compare_error *error);

/*
 * Lists the units, and cuts .debug_info and .debug_types before the first that libdw had better not see: their
 * headers must be sound, and their abbreviations few enough for its memory. 0, or COMPARE_ERROR_MEMORY.
 */
int debug_list_units(struct debug *debug);

/* Makes the bytes of a section this debug's own, to be written to, with slack behind them. */
uint8_t *debug_own(struct debug_bytes *section);

/* ---- DIEs ---- */

/* Runs work where libdw may run out of memory; false when it did, now or before. */
bool debug_run(struct debug *debug, void (*work)(struct debug *debug, void *argument), void *argument);

/* A string of .debug_str or .debug_line_str that ends there, or NULL. */
const char *debug_text_at(const struct debug *debug, enum debug_section section, uint64_t offset);
/* An attribute's string, or NULL: also where it is in a supplementary file (DWARF 5, 7.3.6), which is never opened. */
const char *debug_die_text(const struct debug *debug, Dwarf_Die *die, unsigned attribute);
/* The DIE that an attribute refers to, within .debug_info. */
bool debug_die_follow(Dwarf_Die *die, unsigned attribute, Dwarf_Die *to);
bool debug_die_number(Dwarf_Die *die, unsigned attribute, uint64_t *number);
/* linkage name or else name, also of the DIE's abstract origin or specification; raw, NULL where there is none. */
const char *debug_die_name(const struct debug *debug, Dwarf_Die *die);
bool debug_unit_root(struct debug *debug, const struct debug_unit_view *unit, Dwarf_Die *root);
bool debug_die_at(struct debug *debug, const struct debug_unit_view *unit, Dwarf_Off offset, Dwarf_Die *die);

/* DIEs of a unit in their order, without a stack: end marks are counted. */
struct debug_walk {
    const struct debug_unit_view *unit;
    Dwarf_Die die;
    unsigned depth; /* below where the walk began */
};

/* To the next DIE below where the walk began; its children are left out unless descend. */
bool debug_walk_next(struct debug *debug, struct debug_walk *walk, bool descend);

/* Functions and units call this for each of their address ranges; false from take ends it. */
void debug_each_range(struct debug *debug, Dwarf_Die *die, bool (*take)(void *state, uint64_t low, uint64_t high),
                      void *state);

/* ---- Lines ---- */

/* The header of the line table at this offset; its lists are in the arena, its names raw. */
bool line_table_read(struct debug *debug, uint64_t offset, const struct debug_unit_view *unit, struct arena *arena,
                     struct line_table *table);
/* Reads a unit's table once. */
void debug_unit_lines(struct debug *debug, struct debug_unit_view *unit);
const struct line_row *debug_unit_row(const struct debug_unit_view *unit, uint64_t address);
/* The path of a file by its number in lines and DIEs, below the compilation directory where it is; escaped, or NULL. */
const char *debug_unit_file(struct debug *debug, const struct debug_unit_view *unit, uint64_t file,
                            struct arena *arena);

#endif
