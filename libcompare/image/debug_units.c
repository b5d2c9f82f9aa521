/*
 * The units of debug information (DWARF 5, 7.5): listed from their headers before libdw sees them, and shown one by one.
 * libdw has no limits of its own: what would take it without end is cut off here.
 */
#include <stdlib.h>

#include "debug_parts.h"

/* libdw keeps each abbreviation of each unit, some 64 bytes of memory for 5 of the file; units can share a table. */
#define ABBREVIATIONS_FIXED ((uint64_t)16 << 20)
#define ABBREVIATIONS_TIMES 4
/* Honest ones have some 30. Attributes of a flag take no bytes, so that one byte of .debug_info can be any work. */
#define ATTRIBUTE_LIMIT DEBUG_ATTRIBUTES_MOST
#define UNIT_LIMIT      ((size_t)1 << 18)

struct listing {
    struct debug *debug;
    size_t capacity;
    uint64_t abbreviations;          /* bytes of tables that may yet be taken */
    uint64_t last_offset, last_size; /* the table looked at before: neighbours often share it */
    bool last_known;
};

/* The size of an abbreviation table, or 0 where it is not sound. */
static uint64_t table_size(const struct listing *listing, uint64_t offset)
{
    const struct debug_bytes *section = &listing->debug->sections[DEBUG_ABBREV];
    struct debug_reader reader = {.image = listing->debug->image, .bytes = section->bytes, .at = offset};
    reader.end = section->size;
    if (section->bytes == NULL || offset >= section->size)
        return 0;
    while (!reader.failed && reader.at < reader.end && debug_take_uleb(&reader) != 0) {
        unsigned count = 0;
        uint64_t name, form;
        debug_take_uleb(&reader);
        debug_take(&reader, 1);
        do {
            name = debug_take_uleb(&reader);
            form = debug_take_uleb(&reader);
            if (form == DW_FORM_implicit_const)
                debug_take_sleb(&reader);
            if (++count > ATTRIBUTE_LIMIT || reader.at - offset > listing->abbreviations)
                return 0;
        } while (!reader.failed && (name != 0 || form != 0));
    }
    return reader.failed ? 0 : reader.at - offset;
}

static bool afford_abbreviations(struct listing *listing, uint64_t offset)
{
    if (!listing->last_known || listing->last_offset != offset) {
        listing->last_known = true;
        listing->last_offset = offset;
        listing->last_size = table_size(listing, offset);
    }
    if (listing->last_size == 0 || listing->last_size > listing->abbreviations)
        return false;
    listing->abbreviations -= listing->last_size;
    return true;
}

/* Unit headers: DWARF 5, 7.5.1; DWARF 4, 7.5.1.1 and 7.5.1.2. */
static bool read_header(struct debug_reader *reader, struct debug_unit_view *unit)
{
    unit->offset_size = (uint8_t)debug_take_length(reader);
    unit->version = (uint16_t)debug_take(reader, 2);
    if (reader->failed || unit->version < 2 || unit->version > 5 || (unit->in_types && unit->version != 4))
        return false;
    if (unit->version == 5) {
        unit->type = (uint8_t)debug_take(reader, 1);
        unit->address_size = (uint8_t)debug_take(reader, 1);
        unit->abbreviations = debug_take(reader, unit->offset_size);
    } else {
        unit->type = unit->in_types ? DW_UT_type : DW_UT_compile;
        unit->abbreviations = debug_take(reader, unit->offset_size);
        unit->address_size = (uint8_t)debug_take(reader, 1);
    }
    unit->has_dwo_id = unit->type == DW_UT_skeleton || unit->type == DW_UT_split_compile;
    if (unit->has_dwo_id)
        unit->dwo_id = debug_take(reader, 8);
    if (unit->type == DW_UT_type || unit->type == DW_UT_split_type) {
        unit->signature = debug_take(reader, 8);
        unit->type_entry = unit->begin + debug_take(reader, unit->offset_size);
    }
    unit->root = reader->at;
    unit->end = reader->end;
    return !reader->failed && unit->root < unit->end && unit->type >= DW_UT_compile && unit->type <= DW_UT_split_type &&
           (unit->address_size == 4 || unit->address_size == 8);
}

static int keep_unit(struct listing *listing, const struct debug_unit_view *unit)
{
    struct debug *debug = listing->debug;
    if (debug->unit_count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 64 : listing->capacity * 2;
        struct debug_unit_view *larger = realloc(debug->units, capacity * sizeof(*larger));
        if (larger == NULL)
            return COMPARE_ERROR_MEMORY;
        debug->units = larger;
        listing->capacity = capacity;
    }
    debug->units[debug->unit_count++] = *unit;
    return 0;
}

static int list_section(struct listing *listing, enum debug_section which)
{
    struct debug *debug = listing->debug;
    struct debug_bytes *section = &debug->sections[which];
    uint64_t at = 0;
    int status = 0;
    while (section->bytes != NULL && at < section->size && status == 0) {
        struct debug_reader reader = {debug->image, section->bytes, at, section->size, false};
        struct debug_unit_view unit = {.begin = at, .in_types = which == DEBUG_TYPES};
        if (debug->unit_count == UNIT_LIMIT || !read_header(&reader, &unit) ||
            !afford_abbreviations(listing, unit.abbreviations))
            break;
        status = keep_unit(listing, &unit);
        at = unit.end;
    }
    debug->incomplete |= at < section->size;
    section->size = at;
    return status;
}

int debug_list_units(struct debug *debug)
{
    struct listing listing = {.debug = debug};
    listing.abbreviations = ABBREVIATIONS_FIXED + ABBREVIATIONS_TIMES * debug->sections[DEBUG_ABBREV].size;
    int status = list_section(&listing, DEBUG_INFO);
    return status == 0 ? list_section(&listing, DEBUG_TYPES) : status;
}

/* ---- Showing them ---- */

static const struct {
    uint64_t code;
    const char *name;
} languages[] = {
    {DW_LANG_C89, "C89"},
    {DW_LANG_C, "C"},
    {DW_LANG_Ada83, "Ada83"},
    {DW_LANG_C_plus_plus, "C++"},
    {DW_LANG_Cobol74, "Cobol74"},
    {DW_LANG_Cobol85, "Cobol85"},
    {DW_LANG_Fortran77, "Fortran77"},
    {DW_LANG_Fortran90, "Fortran90"},
    {DW_LANG_Pascal83, "Pascal"},
    {DW_LANG_Modula2, "Modula2"},
    {DW_LANG_Java, "Java"},
    {DW_LANG_C99, "C99"},
    {DW_LANG_Ada95, "Ada95"},
    {DW_LANG_Fortran95, "Fortran95"},
    {DW_LANG_PLI, "PL/I"},
    {DW_LANG_ObjC, "Objective-C"},
    {DW_LANG_ObjC_plus_plus, "Objective-C++"},
    {DW_LANG_UPC, "UPC"},
    {DW_LANG_D, "D"},
    {DW_LANG_Python, "Python"},
    {DW_LANG_OpenCL, "OpenCL"},
    {DW_LANG_Go, "Go"},
    {DW_LANG_Modula3, "Modula3"},
    {DW_LANG_Haskell, "Haskell"},
    {DW_LANG_C_plus_plus_03, "C++03"},
    {DW_LANG_C_plus_plus_11, "C++11"},
    {DW_LANG_OCaml, "OCaml"},
    {DW_LANG_Rust, "Rust"},
    {DW_LANG_C11, "C11"},
    {DW_LANG_Swift, "Swift"},
    {DW_LANG_Julia, "Julia"},
    {DW_LANG_Dylan, "Dylan"},
    {DW_LANG_C_plus_plus_14, "C++14"},
    {DW_LANG_Fortran03, "Fortran03"},
    {DW_LANG_Fortran08, "Fortran08"},
    {DW_LANG_RenderScript, "RenderScript"},
    {DW_LANG_BLISS, "BLISS"},
    {DW_LANG_Mips_Assembler, "asm"},
    /* Registered since DWARF 5 (dwarfstd.org, languages). */
    {0x26, "Kotlin"},
    {0x27, "Zig"},
    {0x28, "Crystal"},
    {0x2a, "C++17"},
    {0x2b, "C++20"},
    {0x2c, "C17"},
    {0x2d, "Fortran18"},
    {0x2e, "Ada2005"},
    {0x2f, "Ada2012"},
    {0x31, "asm"},
};

static const char *language_name(uint64_t code)
{
    for (size_t i = 0; i < ARRAY_COUNT(languages); i++) {
        if (languages[i].code == code)
            return languages[i].name;
    }
    return NULL;
}

struct showing {
    size_t most;
    struct arena *arena;
    bool (*take)(void *state, const struct debug_unit *unit);
    void *state;
    uint64_t lines_at; /* the table of the unit before: partial units share theirs */
    struct line_table lines;
    const char **names;
    bool lines_known, whole;
};

/* The lists of the line table, into the unit that is shown. */
static void show_lines(struct debug *debug, const struct debug_unit_view *view, Dwarf_Die *root,
                       struct showing *showing, struct debug_unit *unit)
{
    uint64_t offset;
    if (!debug_die_number(root, DW_AT_stmt_list, &offset))
        return;
    if (!showing->lines_known || showing->lines_at != offset) {
        showing->lines_known = true;
        showing->lines_at = offset;
        showing->names = NULL;
        if (line_table_read(debug, offset, view, showing->arena, &showing->lines))
            showing->names = arena_alloc(showing->arena, showing->lines.file_count, sizeof(*showing->names));
        for (size_t i = 0; showing->names != NULL && i < showing->lines.file_count; i++)
            showing->names[i] = showing->lines.files[i].name;
        showing->whole &= showing->names != NULL;
    }
    if (showing->names == NULL)
        return;
    unit->directories = showing->lines.directories;
    unit->directory_count = showing->lines.directory_count;
    unit->files = showing->names;
    unit->file_count = showing->lines.file_count;
}

static bool show(struct debug *debug, const struct debug_unit_view *view, struct showing *showing)
{
    Dwarf_Die root;
    struct debug_unit unit = {.version = view->version, .dwo_id = view->dwo_id, .has_dwo_id = view->has_dwo_id};
    uint64_t language;
    if (!debug_unit_root(debug, view, &root)) {
        showing->whole = false;
        return true;
    }
    unit.name = debug_die_text(debug, &root, DW_AT_name);
    unit.comp_dir = debug_die_text(debug, &root, DW_AT_comp_dir);
    unit.producer = debug_die_text(debug, &root, DW_AT_producer);
    if (debug_die_number(&root, DW_AT_language, &language))
        unit.language = language_name(language);
    unit.dwo_name = debug_die_text(debug, &root, DW_AT_dwo_name);
    if (unit.dwo_name == NULL)
        unit.dwo_name = debug_die_text(debug, &root, DW_AT_GNU_dwo_name);
    if (!unit.has_dwo_id)
        unit.has_dwo_id = debug_die_number(&root, DW_AT_GNU_dwo_id, &unit.dwo_id);
    show_lines(debug, view, &root, showing, &unit);
    return showing->take(showing->state, &unit);
}

static void show_all(struct debug *debug, void *argument)
{
    struct showing *showing = argument;
    size_t done = 0;
    while (done < debug->unit_count && done < showing->most && show(debug, &debug->units[done], showing))
        done++;
}

bool debug_units(struct debug *debug, size_t most, struct arena *arena,
                 bool (*take)(void *state, const struct debug_unit *unit), void *state)
{
    struct showing showing = {.most = most, .arena = arena, .take = take, .state = state, .whole = !debug->incomplete};
    return debug_run(debug, show_all, &showing) && showing.whole;
}
