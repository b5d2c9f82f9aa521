/* Entries of debug information (DIEs), one after the other, with their attributes by class: DWARF 5, chapter 7. */
#include <stdlib.h>
#include <string.h>

#include "debug_parts.h"

/* ---- Units ---- */

size_t debug_unit_count(const struct debug *debug, bool *whole)
{
    *whole = !debug->incomplete;
    return debug->unit_count;
}

struct debug_unit_header debug_unit_header_at(const struct debug *debug, size_t unit)
{
    const struct debug_unit_view *view = &debug->units[unit];
    return (struct debug_unit_header){.begin = view->begin,
                                      .end = view->end,
                                      .signature = view->signature,
                                      .type_entry = view->type_entry,
                                      .version = view->version,
                                      .type = view->type,
                                      .address_size = view->address_size,
                                      .offset_size = view->offset_size,
                                      .in_types = view->in_types};
}

bool debug_object_address(const struct debug *debug, uint64_t section, uint64_t offset, uint64_t *address)
{
    if (debug->bases == NULL || section >= debug->image->section_count || debug->bases[section] == 0)
        return false;
    *address = debug->bases[section] + offset;
    return true;
}

struct debug_reader debug_table_reader(const struct debug *debug, enum debug_table table)
{
    const struct debug_bytes *section = &debug->sections[table == DEBUG_TABLE_FRAME ? DEBUG_FRAME : DEBUG_ARANGES];
    return (struct debug_reader){debug->image, section->bytes, 0, section->size, section->bytes == NULL};
}

/* ---- Abbreviations ---- */

static bool keep_abbreviation(struct debug_abbreviations *table, const struct debug_abbreviation *abbreviation)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        struct debug_abbreviation *larger = realloc(table->items, capacity * sizeof(*larger));
        if (larger == NULL)
            return false;
        table->items = larger;
        table->capacity = capacity;
    }
    table->by_code &= abbreviation->code == table->count + 1;
    table->items[table->count++] = *abbreviation;
    return true;
}

static int by_code(const void *left, const void *right)
{
    const struct debug_abbreviation *a = left, *b = right;
    return (a->code > b->code) - (a->code < b->code);
}

/* debug_list_units has found the table sound. */
static bool read_abbreviations(const struct debug *debug, uint64_t offset, struct debug_abbreviations *table)
{
    const struct debug_bytes *section = &debug->sections[DEBUG_ABBREV];
    struct debug_reader reader = {debug->image, section->bytes, offset, section->size, false};
    if (table->known && table->offset == offset)
        return true;
    table->known = false;
    table->count = 0;
    table->by_code = true;
    while (!reader.failed && reader.at < reader.end) {
        struct debug_abbreviation abbreviation = {.code = debug_take_uleb(&reader)};
        uint64_t name, form;
        if (abbreviation.code == 0)
            break;
        uint64_t tag = debug_take_uleb(&reader), children = debug_take(&reader, 1);
        abbreviation.has_children = children == DW_CHILDREN_yes;
        /* 0: an entry with it cannot be read. */
        abbreviation.tag = tag > DW_TAG_hi_user || children > DW_CHILDREN_yes ? 0 : (uint16_t)tag;
        abbreviation.attributes = reader.at;
        do {
            name = debug_take_uleb(&reader);
            form = debug_take_uleb(&reader);
            if (form == DW_FORM_implicit_const)
                debug_take_sleb(&reader);
        } while (!reader.failed && (name != 0 || form != 0));
        if (!keep_abbreviation(table, &abbreviation))
            return false;
    }
    if (!table->by_code)
        sort_items(table->items, table->count, sizeof(*table->items), by_code);
    /* Which of two with one code is meant, readers tell differently. */
    for (size_t i = 1; i < table->count && !table->by_code; i++) {
        if (table->items[i].code == table->items[i - 1].code)
            table->items[i].tag = table->items[i - 1].tag = 0;
    }
    table->known = true;
    table->offset = offset;
    return true;
}

void debug_abbreviations_free(struct debug_abbreviations *abbreviations)
{
    free(abbreviations->items);
    *abbreviations = (struct debug_abbreviations){0};
}

static const struct debug_abbreviation *find_abbreviation(const struct debug_abbreviations *table, uint64_t code)
{
    if (table->by_code)
        return code <= table->count ? &table->items[code - 1] : NULL;
    struct debug_abbreviation key = {.code = code};
    return bsearch(&key, table->items, table->count, sizeof(key), by_code);
}

/* ---- Values ---- */

/* Where a section's tables and entries are is told by these; the tables' contents are compared, not their places. */
static bool is_layout(unsigned name)
{
    return name == DW_AT_sibling || name == DW_AT_str_offsets_base || name == DW_AT_addr_base ||
           name == DW_AT_rnglists_base || name == DW_AT_loclists_base || name == DW_AT_GNU_addr_base ||
           name == DW_AT_GNU_ranges_base;
}

static bool is_file(unsigned name)
{
    return name == DW_AT_decl_file || name == DW_AT_call_file;
}

/* What an offset into another section is of: by attribute, DWARF 5, 7.5.4 and 7.5.5. */
static enum debug_class class_of_offset(unsigned name)
{
    switch (name) {
    case DW_AT_stmt_list:
        return DEBUG_CLASS_LINES;
    case DW_AT_ranges:
    case DW_AT_start_scope:
        return DEBUG_CLASS_RANGES;
    case DW_AT_macro_info:
    case DW_AT_macros:
    case DW_AT_GNU_macros:
        return DEBUG_CLASS_MACROS;
    default:
        return is_layout(name) ? DEBUG_CLASS_LAYOUT : DEBUG_CLASS_LOCATIONS;
    }
}

/* Before version 4, offsets into other sections have the form of numbers: DWARF 3, 7.5.4. */
static bool is_old_offset(const struct debug_cursor *cursor, unsigned name, unsigned size)
{
    static const uint16_t names[] = {
        DW_AT_stmt_list,   DW_AT_ranges,     DW_AT_macro_info,    DW_AT_location,        DW_AT_string_length,
        DW_AT_return_addr, DW_AT_frame_base, DW_AT_static_link,   DW_AT_use_location,    DW_AT_vtable_elem_location,
        DW_AT_segment,     DW_AT_GNU_macros, DW_AT_GNU_addr_base, DW_AT_GNU_ranges_base, DW_AT_data_member_location,
    };
    if (cursor->unit->version > 3 || size != cursor->unit->offset_size)
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (names[i] == name)
            return true;
    }
    return false;
}

static void take_number(struct debug_cursor *cursor, struct debug_attribute *value, unsigned size)
{
    value->number = debug_take(&cursor->reader, size);
    if ((size == 4 || size == 8) && is_old_offset(cursor, value->name, size))
        value->class = class_of_offset(value->name);
}

static void take_block(struct debug_cursor *cursor, struct debug_attribute *value, uint64_t size)
{
    value->class = DEBUG_CLASS_BLOCK;
    value->bytes = cursor->reader.bytes + cursor->reader.at;
    value->size = size;
    debug_skip(&cursor->reader, size);
}

static void set_text(struct debug_cursor *cursor, struct debug_attribute *value, const char *text)
{
    value->class = text != NULL ? DEBUG_CLASS_TEXT : DEBUG_CLASS_UNKNOWN;
    value->bytes = (const uint8_t *)text;
    value->size = text != NULL ? strlen(text) : 0;
    cursor->text_bytes += value->size;
}

/* An entry of a table of numbers in another section. */
static bool table_number(const struct debug_cursor *cursor, enum debug_section which, uint64_t base, uint64_t index,
                         unsigned size, uint64_t *number)
{
    const struct debug_bytes *section = &cursor->debug->sections[which];
    struct debug_reader reader = {cursor->debug->image, section->bytes, base, section->size, false};
    if (section->bytes == NULL || base > section->size || index > (section->size - base) / size)
        return false;
    reader.at += index * size;
    *number = debug_take(&reader, size);
    return !reader.failed;
}

bool debug_cursor_address(const struct debug_cursor *cursor, uint64_t index, uint64_t *address)
{
    return table_number(cursor, DEBUG_ADDR, cursor->addresses, index, cursor->unit->address_size, address);
}

static void set_indexed_text(struct debug_cursor *cursor, struct debug_attribute *value, uint64_t index)
{
    uint64_t offset = UINT64_MAX;
    table_number(cursor, DEBUG_STR_OFFSETS, cursor->text_offsets, index, cursor->unit->offset_size, &offset);
    set_text(cursor, value, debug_text_at(cursor->debug, DEBUG_STR, offset));
}

static void set_indexed_address(struct debug_cursor *cursor, struct debug_attribute *value, uint64_t index)
{
    bool known = debug_cursor_address(cursor, index, &value->number);
    value->class = known ? DEBUG_CLASS_ADDRESS : DEBUG_CLASS_UNKNOWN;
}

/* DW_FORM_rnglistx and loclistx: an index into the offsets that the unit's part of the section begins with (7.28). */
static void set_indexed_list(struct debug_cursor *cursor, struct debug_attribute *value, bool locations)
{
    uint64_t index = debug_take_uleb(&cursor->reader), offset;
    uint64_t base = locations ? cursor->location_lists : cursor->range_lists;
    bool known = table_number(cursor, locations ? DEBUG_LOCLISTS : DEBUG_RNGLISTS, base, index,
                              cursor->unit->offset_size, &offset);
    value->class = !known ? DEBUG_CLASS_UNKNOWN : locations ? DEBUG_CLASS_LOCATIONS : DEBUG_CLASS_RANGES;
    value->number = known ? base + offset : 0;
}

static void take_reference(struct debug_cursor *cursor, struct debug_attribute *value, uint64_t offset)
{
    value->class = DEBUG_CLASS_ENTRY;
    value->number = cursor->unit->begin + offset;
}

static void take_elsewhere(struct debug_cursor *cursor, struct debug_attribute *value, unsigned size)
{
    value->class = DEBUG_CLASS_ELSEWHERE;
    value->number = debug_take(&cursor->reader, size);
}

/* Forms: DWARF 5, 7.5.6, and GNU's of version 4. False: an unknown one. */
static bool take_form(struct debug_cursor *cursor, struct debug_attribute *value)
{
    struct debug_reader *reader = &cursor->reader;
    unsigned offset_size = cursor->unit->offset_size, address_size = cursor->unit->address_size;
    switch (value->form) {
    case DW_FORM_addr:
        value->number = debug_take(reader, address_size);
        value->class = DEBUG_CLASS_ADDRESS;
        return true;
    case DW_FORM_addrx:
    case DW_FORM_GNU_addr_index:
        set_indexed_address(cursor, value, debug_take_uleb(reader));
        return true;
    case DW_FORM_addrx1:
    case DW_FORM_addrx2:
    case DW_FORM_addrx3:
    case DW_FORM_addrx4:
        set_indexed_address(cursor, value, debug_take(reader, value->form - DW_FORM_addrx1 + 1U));
        return true;
    case DW_FORM_flag:
    case DW_FORM_data1:
        take_number(cursor, value, 1);
        return true;
    case DW_FORM_data2:
        take_number(cursor, value, 2);
        return true;
    case DW_FORM_data4:
        take_number(cursor, value, 4);
        return true;
    case DW_FORM_data8:
        take_number(cursor, value, 8);
        return true;
    case DW_FORM_data16:
        take_block(cursor, value, 16);
        return true;
    case DW_FORM_sdata:
        value->number = (uint64_t)debug_take_sleb(reader);
        return true;
    case DW_FORM_udata:
        value->number = debug_take_uleb(reader);
        return true;
    case DW_FORM_flag_present:
        value->number = 1;
        return true;
    case DW_FORM_block1:
        take_block(cursor, value, debug_take(reader, 1));
        return true;
    case DW_FORM_block2:
        take_block(cursor, value, debug_take(reader, 2));
        return true;
    case DW_FORM_block4:
        take_block(cursor, value, debug_take(reader, 4));
        return true;
    case DW_FORM_block:
        take_block(cursor, value, debug_take_uleb(reader));
        return true;
    case DW_FORM_exprloc:
        take_block(cursor, value, debug_take_uleb(reader));
        value->class = DEBUG_CLASS_EXPRESSION;
        return true;
    case DW_FORM_string:
        set_text(cursor, value, debug_take_text(reader));
        return true;
    case DW_FORM_strp:
        set_text(cursor, value, debug_text_at(cursor->debug, DEBUG_STR, debug_take(reader, offset_size)));
        return true;
    case DW_FORM_line_strp:
        set_text(cursor, value, debug_text_at(cursor->debug, DEBUG_LINE_STR, debug_take(reader, offset_size)));
        return true;
    case DW_FORM_strx:
    case DW_FORM_GNU_str_index:
        set_indexed_text(cursor, value, debug_take_uleb(reader));
        return true;
    case DW_FORM_strx1:
    case DW_FORM_strx2:
    case DW_FORM_strx3:
    case DW_FORM_strx4:
        set_indexed_text(cursor, value, debug_take(reader, value->form - DW_FORM_strx1 + 1U));
        return true;
    case DW_FORM_ref1:
        take_reference(cursor, value, debug_take(reader, 1));
        return true;
    case DW_FORM_ref2:
        take_reference(cursor, value, debug_take(reader, 2));
        return true;
    case DW_FORM_ref4:
        take_reference(cursor, value, debug_take(reader, 4));
        return true;
    case DW_FORM_ref8:
        take_reference(cursor, value, debug_take(reader, 8));
        return true;
    case DW_FORM_ref_udata:
        take_reference(cursor, value, debug_take_uleb(reader));
        return true;
    case DW_FORM_ref_addr:
        value->class = DEBUG_CLASS_ENTRY;
        value->number = debug_take(reader, cursor->unit->version == 2 ? address_size : offset_size);
        return true;
    case DW_FORM_ref_sig8:
        value->class = DEBUG_CLASS_SIGNATURE;
        value->number = debug_take(reader, 8);
        return true;
    case DW_FORM_sec_offset:
        value->class = class_of_offset(value->name);
        value->number = debug_take(reader, offset_size);
        return true;
    case DW_FORM_rnglistx:
        set_indexed_list(cursor, value, false);
        return true;
    case DW_FORM_loclistx:
        set_indexed_list(cursor, value, true);
        return true;
    case DW_FORM_ref_sup4:
        take_elsewhere(cursor, value, 4);
        return true;
    case DW_FORM_ref_sup8:
        take_elsewhere(cursor, value, 8);
        return true;
    case DW_FORM_strp_sup:
    case DW_FORM_GNU_strp_alt:
    case DW_FORM_GNU_ref_alt:
        take_elsewhere(cursor, value, offset_size);
        return true;
    default:
        return false;
    }
}

/* Blocks that are expressions have had a form of their own since version 4 (exprloc). */
static bool is_old_expression(const struct debug_cursor *cursor, const struct debug_attribute *value)
{
    if (value->class != DEBUG_CLASS_BLOCK || cursor->unit->version > 3)
        return false;
    return value->name != DW_AT_const_value && value->name != DW_AT_discr_list && value->name != DW_AT_default_value;
}

/* ---- Entries ---- */

/*
 * GNU's view numbers stand before the location list that they belong to (gcc/dwarf2out.cc, output_loc_list), a pair for
 * each location: they are compared as bytes.
 */
static void set_views(struct debug_cursor *cursor, struct debug_entry *entry, struct debug_attribute *views)
{
    const struct debug_attribute *list = debug_entry_attribute(entry, DW_AT_location);
    const struct debug_bytes *section =
        &cursor->debug->sections[cursor->unit->version < 5 ? DEBUG_LOC : DEBUG_LOCLISTS];
    if (list == NULL || list->class != DEBUG_CLASS_LOCATIONS || section->bytes == NULL ||
        list->number > section->size || views->number > list->number) {
        views->class = DEBUG_CLASS_UNKNOWN;
        return;
    }
    views->class = DEBUG_CLASS_BLOCK;
    views->bytes = section->bytes + views->number;
    views->size = list->number - views->number;
}

static bool take_attributes(struct debug_cursor *cursor, const struct debug_abbreviation *abbreviation,
                            struct debug_entry *entry)
{
    const struct debug_bytes *section = &cursor->debug->sections[DEBUG_ABBREV];
    struct debug_reader form = {cursor->debug->image, section->bytes, abbreviation->attributes, section->size, false};
    struct debug_attribute *views = NULL;
    entry->count = 0;
    for (;;) {
        uint64_t name = debug_take_uleb(&form), code = debug_take_uleb(&form);
        if (name == 0 && code == 0)
            break;
        if (form.failed || name > UINT16_MAX || entry->count == DEBUG_ATTRIBUTES_MOST)
            return false;
        struct debug_attribute *value = &entry->attributes[entry->count++];
        *value = (struct debug_attribute){.name = (uint16_t)name};
        bool constant = code == DW_FORM_implicit_const;
        if (constant)
            value->number = (uint64_t)debug_take_sleb(&form);
        else if (code == DW_FORM_indirect)
            code = debug_take_uleb(&cursor->reader);
        value->form = (uint16_t)code;
        if (code > UINT16_MAX || (!constant && !take_form(cursor, value)) || cursor->reader.failed)
            return false;
        if (is_layout(value->name))
            value->class = DEBUG_CLASS_LAYOUT;
        else if (is_file(value->name) && value->class == DEBUG_CLASS_NUMBER)
            value->class = DEBUG_CLASS_FILE;
        else if (is_old_expression(cursor, value))
            value->class = DEBUG_CLASS_EXPRESSION;
        if (value->name == DW_AT_GNU_locviews && value->class == DEBUG_CLASS_LOCATIONS)
            views = value;
    }
    if (views != NULL)
        set_views(cursor, entry, views);
    return true;
}

const struct debug_attribute *debug_entry_attribute(const struct debug_entry *entry, unsigned name)
{
    for (size_t i = 0; i < entry->count; i++) {
        if (entry->attributes[i].name == name)
            return &entry->attributes[i];
    }
    return NULL;
}

/* The next entry that is no end of siblings; depth is below the last's parents. */
static bool take_entry(struct debug_cursor *cursor, struct debug_entry *entry)
{
    struct debug_reader *reader = &cursor->reader;
    uint64_t code = 0;
    while (reader->at < reader->end) {
        entry->offset = reader->at;
        code = debug_take_uleb(reader);
        if (code != 0 || reader->failed)
            break;
        /* Zeros behind the end of the unit's own entry are padding. */
        cursor->depth -= cursor->depth > 0;
    }
    if (code == 0) {
        cursor->ended = !reader->failed;
        return false;
    }
    const struct debug_abbreviation *abbreviation =
        reader->failed ? NULL : find_abbreviation(cursor->abbreviations, code);
    if (abbreviation == NULL || abbreviation->tag == 0)
        return false;
    entry->depth = cursor->depth;
    entry->tag = abbreviation->tag;
    entry->has_children = abbreviation->has_children;
    return take_attributes(cursor, abbreviation, entry);
}

bool debug_cursor_next(struct debug_cursor *cursor, struct debug_entry *entry)
{
    bool first = cursor->reader.at == cursor->unit->root;
    /* One entry at the top, and none behind what it holds. */
    if (!take_entry(cursor, entry) || (cursor->depth == 0 && !first))
        return false;
    cursor->depth += entry->has_children;
    return true;
}

bool debug_cursor_entry_at(struct debug_cursor *cursor, uint64_t offset, struct debug_entry *entry)
{
    struct debug_reader before = cursor->reader;
    cursor->reader.at = offset;
    cursor->reader.failed = offset < cursor->unit->root || offset >= cursor->unit->end;
    bool taken = !cursor->reader.failed && take_entry(cursor, entry);
    cursor->reader = before;
    return taken;
}

/* The bases that the unit's own entry states; what comes before them there is read again. */
static void read_bases(struct debug_cursor *cursor)
{
    struct debug_entry root;
    static const struct {
        uint16_t name;
        size_t place;
    } bases[] = {
        {DW_AT_str_offsets_base, offsetof(struct debug_cursor, text_offsets)},
        {DW_AT_addr_base, offsetof(struct debug_cursor, addresses)},
        {DW_AT_GNU_addr_base, offsetof(struct debug_cursor, addresses)},
        {DW_AT_rnglists_base, offsetof(struct debug_cursor, range_lists)},
        {DW_AT_loclists_base, offsetof(struct debug_cursor, location_lists)},
    };
    if (!debug_cursor_entry_at(cursor, cursor->unit->root, &root))
        return;
    for (size_t i = 0; i < ARRAY_COUNT(bases); i++) {
        const struct debug_attribute *base = debug_entry_attribute(&root, bases[i].name);
        if (base != NULL)
            memcpy((char *)cursor + bases[i].place, &base->number, sizeof(base->number));
    }
    if (debug_cursor_entry_at(cursor, cursor->unit->root, &root)) {
        const struct debug_attribute *low = debug_entry_attribute(&root, DW_AT_low_pc);
        /* What GCC gives units of several ranges before version 4; libdw and gdb take it so. */
        low = low != NULL ? low : debug_entry_attribute(&root, DW_AT_entry_pc);
        cursor->low = low != NULL && low->class == DEBUG_CLASS_ADDRESS ? low->number : 0;
    }
}

bool debug_cursor_open(struct debug_cursor *cursor, const struct debug *debug, size_t unit,
                       struct debug_abbreviations *abbreviations)
{
    const struct debug_unit_view *view = &debug->units[unit];
    const struct debug_bytes *section = &debug->sections[view->in_types ? DEBUG_TYPES : DEBUG_INFO];
    /* Where no base is stated, a section's only table begins behind its header (7.26 to 7.29). */
    unsigned header = view->offset_size == 8 ? 16 : 8;
    *cursor = (struct debug_cursor){.debug = debug, .unit = view, .abbreviations = abbreviations};
    cursor->reader = (struct debug_reader){debug->image, section->bytes, view->root, view->end, false};
    if (view->version >= 5) {
        cursor->text_offsets = cursor->addresses = header;
        cursor->range_lists = cursor->location_lists = header + 4;
    }
    if (!read_abbreviations(debug, view->abbreviations, abbreviations))
        return false;
    read_bases(cursor);
    return true;
}
