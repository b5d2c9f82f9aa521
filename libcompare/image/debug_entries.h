/*
 * Debug information entry by entry, for those who compare it: units, their entries (DIEs) with their attributes by
 * class, range and location lists, rows of line tables. For questions of people about single places there is image.h.
 *
 * libdw is not asked here: it walks each entry's attributes again for each step and for each attribute, keeps every
 * expression of every location list until the end, and has no limits.
 */
#ifndef IMAGE_DEBUG_ENTRIES_H
#define IMAGE_DEBUG_ENTRIES_H

#include "image.h"

/* ---- Reading: within bounds, or failed ---- */

struct debug_reader {
    const struct image *image;
    const uint8_t *bytes;
    uint64_t at, end;
    bool failed;
};

/* Numbers of 1 to 4 or 8 bytes and LEB128; 0 once it failed. */
uint64_t debug_take(struct debug_reader *reader, unsigned size);
uint64_t debug_take_uleb(struct debug_reader *reader);
int64_t debug_take_sleb(struct debug_reader *reader);
void debug_skip(struct debug_reader *reader, uint64_t size);
/* A string that ends before the reader does; NULL once it failed. */
const char *debug_take_text(struct debug_reader *reader);
/* unit_length of DWARF: the size of offsets, 4 or 8, with the reader's end set to the unit's. */
unsigned debug_take_length(struct debug_reader *reader);

/* ---- Units ---- */

struct debug_unit_view; /* debug_parts.h */

/* Of .debug_info, then of .debug_types; whole: none had to be left out. */
size_t debug_unit_count(const struct debug *debug, bool *whole);

struct debug_unit_header {
    uint64_t begin, end; /* in its section */
    uint64_t signature;  /* of a type unit; 0 */
    uint64_t type_entry; /* of a type unit: the offset of the type's entry in the section; 0 */
    uint16_t version;
    uint8_t type; /* DW_UT_ */
    uint8_t address_size, offset_size;
    bool in_types; /* .debug_types */
};

struct debug_unit_header debug_unit_header_at(const struct debug *debug, size_t unit);

/* Objects: the address that is given to this place of a section here; false where it has none. Linked files: false. */
bool debug_object_address(const struct debug *debug, uint64_t section, uint64_t offset, uint64_t *address);

/* Other tables, from their beginning; failed: there is none. */
enum debug_table { DEBUG_TABLE_ARANGES, DEBUG_TABLE_FRAME };

struct debug_reader debug_table_reader(const struct debug *debug, enum debug_table table);

/* ---- Entries ---- */

/* What a value is: DWARF 5, 7.5.5, by form and attribute. */
enum debug_class {
    DEBUG_CLASS_NUMBER = 0,
    DEBUG_CLASS_TEXT,       /* bytes: without the NUL; NULL where the string cannot be read */
    DEBUG_CLASS_ADDRESS,    /* number */
    DEBUG_CLASS_ENTRY,      /* number: the offset of an entry, in .debug_info or in its own unit of .debug_types */
    DEBUG_CLASS_BLOCK,      /* bytes */
    DEBUG_CLASS_EXPRESSION, /* bytes: DWARF 5, 2.5 */
    DEBUG_CLASS_RANGES,     /* number: the offset of a list */
    DEBUG_CLASS_LOCATIONS,  /* likewise */
    DEBUG_CLASS_LINES,      /* number: the offset of a line table */
    DEBUG_CLASS_FILE,       /* number: of a file in the unit's line table */
    DEBUG_CLASS_SIGNATURE,  /* number: of a type unit */
    DEBUG_CLASS_ELSEWHERE,  /* in a supplementary file, which is never opened */
    DEBUG_CLASS_MACROS,     /* number: the offset of a macro unit, which is not read */
    DEBUG_CLASS_LAYOUT,     /* where this file has its tables and entries: says nothing of the program */
    DEBUG_CLASS_UNKNOWN,    /* refers to something that is not there */
};

struct debug_attribute {
    uint16_t name, form;
    enum debug_class class;
    uint64_t number;
    const uint8_t *bytes;
    uint64_t size;
};

#define DEBUG_ATTRIBUTES_MOST 200

struct debug_entry {
    uint64_t offset; /* in its section */
    unsigned depth;  /* 0: the unit's own */
    uint16_t tag;
    bool has_children;
    size_t count;
    struct debug_attribute attributes[DEBUG_ATTRIBUTES_MOST];
};

/* NULL where the entry has no such attribute. */
const struct debug_attribute *debug_entry_attribute(const struct debug_entry *entry, unsigned name);

/* An abbreviation (7.5.3): its attributes are read where they stand. */
struct debug_abbreviation {
    uint64_t code, attributes;
    uint16_t tag;
    bool has_children;
};

struct debug_abbreviations {
    bool known;
    uint64_t offset; /* of the table */
    struct debug_abbreviation *items;
    size_t count, capacity;
    bool by_code; /* items[code - 1] has that code */
};

/* The entries of one unit, in their order. */
struct debug_cursor {
    const struct debug *debug;
    const struct debug_unit_view *unit;
    struct debug_reader reader;
    struct debug_abbreviations *abbreviations; /* kept from unit to unit: neighbours can share a table */
    unsigned depth;
    bool ended;          /* at the end of the unit's entries, and nothing failed */
    uint64_t text_bytes; /* of all texts so far: entries can share a long one */
    /* What the unit's own entry says */
    uint64_t low, text_offsets, addresses, range_lists, location_lists;
};

/* abbreviations: zeroed before their first use; debug_abbreviations_free when all is done. False: no memory. */
bool debug_cursor_open(struct debug_cursor *cursor, const struct debug *debug, size_t unit,
                       struct debug_abbreviations *abbreviations);
/* False at the end, and where what comes cannot be read: then `ended` is false. */
bool debug_cursor_next(struct debug_cursor *cursor, struct debug_entry *entry);
/* Reads the entry at this offset, which debug_cursor_next gave; its depth is not known. */
bool debug_cursor_entry_at(struct debug_cursor *cursor, uint64_t offset, struct debug_entry *entry);
void debug_abbreviations_free(struct debug_abbreviations *abbreviations);

/* The n-th address of a unit in .debug_addr. */
bool debug_cursor_address(const struct debug_cursor *cursor, uint64_t index, uint64_t *address);

/* ---- Lists: of ranges (DWARF 5, 2.17.3) and of locations (2.6.2) ---- */

struct debug_list {
    const struct debug_cursor *cursor;
    struct debug_reader reader;
    bool locations, old; /* old: before version 5 */
    uint64_t base;
    bool ended;
};

struct debug_list_item {
    bool everywhere;      /* a default location */
    bool views;           /* a pair of view numbers, low and high: GNU's */
    uint64_t low, high;   /* addresses */
    const uint8_t *bytes; /* of locations: the expression */
    uint64_t size;
};

bool debug_list_open(struct debug_list *list, const struct debug_cursor *cursor, uint64_t offset, bool locations);
/* False at the end, and where what comes cannot be read: then `ended` is false. */
bool debug_list_next(struct debug_list *list, struct debug_list_item *item);

/* ---- Line tables ---- */

struct line_file {
    const char *name; /* raw; can be NULL */
    uint64_t directory;
    const uint8_t *md5; /* of the file's text, 16 bytes; NULL: not told */
};

struct line_table {
    uint16_t version;
    uint8_t address_size, minimum_length, operations, line_range, opcode_base;
    int8_t line_base;
    bool default_is_stmt;
    const uint8_t *opcode_lengths;
    const char **directories; /* as in the table: [0] is the compilation directory from version 5 on */
    size_t directory_count;
    struct line_file *files; /* as in the table: [0] is file 1 before version 5 */
    size_t file_count;
    struct debug_reader program;
};

/* The registers of the state machine (6.2.2) where it adds a row. */
struct line_state {
    uint64_t address, file, column, isa, discriminator;
    uint32_t line;
    unsigned operation;
    bool is_stmt, basic_block, prologue_end, epilogue_begin;
    bool end; /* of a sequence: no instruction is here */
};

struct line_program {
    const struct line_table *table;
    struct debug_reader reader;
    struct line_state state;
};

/* The header of the line table at this offset; its lists are in the arena. False: it cannot be read. */
bool line_table_at(struct debug *debug, uint64_t offset, size_t unit, struct arena *arena, struct line_table *table);
void line_program_open(struct line_program *program, const struct line_table *table);
/* To the next row: false at the end, and where what comes cannot be read (reader.failed). */
bool line_program_next(struct line_program *program);
/* A file by its number in rows and entries; NULL. Its directory as it stands, NULL for the compilation directory. */
const struct line_file *line_table_file(const struct line_table *table, uint64_t number);
/* The part of a path below a directory; the path where it is not below it. directory may be NULL. */
const char *debug_path_below(const char *path, const char *directory);
const char *line_table_directory(const struct line_table *table, const struct line_file *file);

#endif
