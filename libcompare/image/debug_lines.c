/*
 * Line tables (DWARF 5, 6.2; versions 2 to 5). libdw is not asked: it joins the names of all files to their directories
 * at once, so that a table of 1 MB can make it take 50 GB, and it does not show the names as they stand in the table.
 */
#include <stdlib.h>
#include <string.h>

#include "debug_parts.h"

/* All tables that are held: beyond it they are dropped and read again. */
#define ROWS_HELD ((size_t)4 << 20)
#define ROWS_MOST ((size_t)3 << 20)

/* ---- The header ---- */

#define FORMATS 16

struct format {
    uint64_t content, form;
};

/* A value of one of the forms that DWARF 5, 6.2.4.1 allows here. */
static void take_form(struct debug *debug, struct debug_reader *reader, uint64_t form, unsigned offset_size,
                      const char **text, uint64_t *number)
{
    switch (form) {
    case DW_FORM_string:
        *text = debug_take_text(reader);
        break;
    case DW_FORM_line_strp:
        *text = debug_text_at(debug, DEBUG_LINE_STR, debug_take(reader, offset_size));
        break;
    case DW_FORM_strp:
        *text = debug_text_at(debug, DEBUG_STR, debug_take(reader, offset_size));
        break;
    case DW_FORM_udata:
        *number = debug_take_uleb(reader);
        break;
    case DW_FORM_data1:
        *number = debug_take(reader, 1);
        break;
    case DW_FORM_data2:
        *number = debug_take(reader, 2);
        break;
    case DW_FORM_data4:
        *number = debug_take(reader, 4);
        break;
    case DW_FORM_data8:
        *number = debug_take(reader, 8);
        break;
    case DW_FORM_data16:
        debug_skip(reader, 16);
        break;
    case DW_FORM_block:
        debug_skip(reader, debug_take_uleb(reader));
        break;
    default:
        reader->failed = true;
    }
}

/* A list of version 5: its format, its length, its entries. Each takes a byte at least. */
static struct line_file *take_entries(struct debug *debug, struct debug_reader *reader, unsigned offset_size,
                                      struct arena *arena, size_t *count)
{
    struct format formats[FORMATS];
    uint64_t format_count = debug_take(reader, 1);
    reader->failed |= format_count > FORMATS;
    for (uint64_t i = 0; i < format_count && !reader->failed; i++) {
        formats[i].content = debug_take_uleb(reader);
        formats[i].form = debug_take_uleb(reader);
    }
    uint64_t entries = debug_take_uleb(reader);
    *count = 0;
    if (reader->failed || entries > reader->end - reader->at || (format_count == 0 && entries > 0)) {
        reader->failed = true;
        return NULL;
    }
    struct line_file *list = arena_alloc(arena, entries, sizeof(*list));
    for (uint64_t i = 0; list != NULL && i < entries && !reader->failed; i++) {
        for (uint64_t k = 0; k < format_count && !reader->failed; k++) {
            const char *text = NULL;
            uint64_t number = 0;
            take_form(debug, reader, formats[k].form, offset_size, &text, &number);
            if (formats[k].content == DW_LNCT_path)
                list[i].name = text;
            else if (formats[k].content == DW_LNCT_directory_index)
                list[i].directory = number;
            else if (formats[k].content == DW_LNCT_MD5 && formats[k].form == DW_FORM_data16 && !reader->failed)
                list[i].md5 = reader->bytes + reader->at - 16;
        }
    }
    *count = list != NULL ? entries : 0;
    return list;
}

static bool take_lists(struct debug *debug, struct debug_reader *reader, unsigned offset_size, struct arena *arena,
                       struct line_table *table)
{
    struct line_file *directories = take_entries(debug, reader, offset_size, arena, &table->directory_count);
    table->directories = arena_alloc(arena, table->directory_count, sizeof(*table->directories));
    for (size_t i = 0; table->directories != NULL && i < table->directory_count; i++)
        table->directories[i] = directories[i].name;
    if (!reader->failed)
        table->files = take_entries(debug, reader, offset_size, arena, &table->file_count);
    return table->directories != NULL && table->files != NULL;
}

/* Before version 5: strings up to an empty one. */
static bool take_old_lists(struct debug_reader *reader, struct arena *arena, struct line_table *table)
{
    struct list directories = {.arena = arena, .item_size = sizeof(char *)};
    struct list files = {.arena = arena, .item_size = sizeof(struct line_file)};
    const char *text;
    while ((text = debug_take_text(reader)) != NULL && text[0] != '\0') {
        const char **directory = list_add(&directories);
        if (directory == NULL)
            return false;
        *directory = text;
    }
    while ((text = debug_take_text(reader)) != NULL && text[0] != '\0') {
        struct line_file *file = list_add(&files);
        if (file == NULL)
            return false;
        file->name = text;
        file->directory = debug_take_uleb(reader);
        debug_take_uleb(reader); /* time */
        debug_take_uleb(reader); /* length */
    }
    table->directories = directories.items;
    table->directory_count = directories.count;
    table->files = files.items;
    table->file_count = files.count;
    return true;
}

static bool take_header(struct debug *debug, struct debug_reader *reader, const struct debug_unit_view *unit,
                        struct arena *arena, struct line_table *table)
{
    unsigned offset_size = debug_take_length(reader);
    table->version = (uint16_t)debug_take(reader, 2);
    table->address_size = unit->address_size;
    if (reader->failed || table->version < 2 || table->version > 5)
        return false;
    if (table->version == 5) {
        table->address_size = (uint8_t)debug_take(reader, 1);
        reader->failed |= debug_take(reader, 1) != 0; /* segment selectors */
    }
    uint64_t header_size = debug_take(reader, offset_size);
    if (reader->failed || header_size > reader->end - reader->at)
        return false;
    table->program = *reader;
    table->program.at = reader->at + header_size;
    reader->end = table->program.at;
    table->minimum_length = (uint8_t)debug_take(reader, 1);
    table->operations = table->version >= 4 ? (uint8_t)debug_take(reader, 1) : 1;
    table->default_is_stmt = debug_take(reader, 1) != 0;
    table->line_base = (int8_t)debug_take(reader, 1);
    table->line_range = (uint8_t)debug_take(reader, 1);
    table->opcode_base = (uint8_t)debug_take(reader, 1);
    table->opcode_lengths = reader->bytes + reader->at;
    debug_skip(reader, table->opcode_base > 0 ? table->opcode_base - 1U : 0);
    if (reader->failed || table->operations == 0 || table->line_range == 0 || table->opcode_base == 0 ||
        (table->address_size != 4 && table->address_size != 8))
        return false;
    bool taken = table->version == 5 ? take_lists(debug, reader, offset_size, arena, table)
                                     : take_old_lists(reader, arena, table);
    return taken && !reader->failed;
}

/* Bytes of tables that are read are counted: units can share one, or lie about it. */
static bool afford(struct debug *debug, uint64_t bytes)
{
    if (bytes > debug->line_work)
        return false;
    debug->line_work -= bytes;
    return true;
}

bool line_table_read(struct debug *debug, uint64_t offset, const struct debug_unit_view *unit, struct arena *arena,
                     struct line_table *table)
{
    const struct debug_bytes *section = &debug->sections[DEBUG_LINE];
    struct debug_reader reader = {debug->image, section->bytes, offset, section->size, false};
    *table = (struct line_table){0};
    if (section->bytes == NULL || offset >= section->size || debug->line_work == 0)
        return false;
    bool read = take_header(debug, &reader, unit, arena, table);
    return afford(debug, reader.at - offset) && read;
}

bool line_table_at(struct debug *debug, uint64_t offset, size_t unit, struct arena *arena, struct line_table *table)
{
    return line_table_read(debug, offset, &debug->units[unit], arena, table) &&
           afford(debug, table->program.end - table->program.at);
}

/* ---- The program: 6.2.5 ---- */

static void reset(struct line_program *program)
{
    program->state = (struct line_state){.file = 1, .line = 1, .is_stmt = program->table->default_is_stmt};
}

void line_program_open(struct line_program *program, const struct line_table *table)
{
    *program = (struct line_program){.table = table, .reader = table->program};
    reset(program);
}

static void advance(struct line_program *program, uint64_t operations)
{
    const struct line_table *table = program->table;
    struct line_state *state = &program->state;
    state->address += table->minimum_length * ((state->operation + operations) / table->operations);
    state->operation = (unsigned)((state->operation + operations) % table->operations);
}

/* Whether it adds a row. */
static bool extended(struct line_program *program)
{
    struct debug_reader *reader = &program->reader;
    uint64_t size = debug_take_uleb(reader), begin = reader->at;
    if (reader->failed || size == 0 || size > reader->end - begin) {
        reader->failed = true;
        return false;
    }
    uint64_t opcode = debug_take(reader, 1);
    if (opcode == DW_LNE_end_sequence) {
        program->state.end = true;
    } else if (opcode == DW_LNE_set_address && (size == 5 || size == 9)) {
        program->state.address = debug_take(reader, (unsigned)size - 1);
        program->state.operation = 0;
    } else if (opcode == DW_LNE_set_discriminator) {
        program->state.discriminator = debug_take_uleb(reader);
    }
    reader->at = begin + size;
    return opcode == DW_LNE_end_sequence;
}

/* Whether it adds a row. */
static bool standard(struct line_program *program, unsigned opcode)
{
    const struct line_table *table = program->table;
    struct debug_reader *reader = &program->reader;
    struct line_state *state = &program->state;
    switch (opcode) {
    case DW_LNS_copy:
        return true;
    case DW_LNS_advance_pc:
        advance(program, debug_take_uleb(reader));
        break;
    case DW_LNS_advance_line:
        state->line += (uint32_t)debug_take_sleb(reader);
        break;
    case DW_LNS_set_file:
        state->file = debug_take_uleb(reader);
        break;
    case DW_LNS_set_column:
        state->column = debug_take_uleb(reader);
        break;
    case DW_LNS_negate_stmt:
        state->is_stmt = !state->is_stmt;
        break;
    case DW_LNS_set_basic_block:
        state->basic_block = true;
        break;
    case DW_LNS_const_add_pc:
        advance(program, (255U - table->opcode_base) / table->line_range);
        break;
    case DW_LNS_fixed_advance_pc:
        state->address += debug_take(reader, 2);
        state->operation = 0;
        break;
    case DW_LNS_set_prologue_end:
        state->prologue_end = true;
        break;
    case DW_LNS_set_epilogue_begin:
        state->epilogue_begin = true;
        break;
    case DW_LNS_set_isa:
        state->isa = debug_take_uleb(reader);
        break;
    default:
        for (unsigned i = table->opcode_lengths[opcode - 1]; i > 0; i--)
            debug_take_uleb(reader);
    }
    return false;
}

bool line_program_next(struct line_program *program)
{
    const struct line_table *table = program->table;
    struct debug_reader *reader = &program->reader;
    struct line_state *state = &program->state;
    if (state->end)
        reset(program);
    state->basic_block = state->prologue_end = state->epilogue_begin = false;
    state->discriminator = 0;
    while (!reader->failed && reader->at < reader->end) {
        unsigned opcode = (unsigned)debug_take(reader, 1);
        bool row;
        if (opcode >= table->opcode_base) {
            unsigned special = opcode - table->opcode_base;
            state->line += (uint32_t)(table->line_base + (int)(special % table->line_range));
            advance(program, special / table->line_range);
            row = true;
        } else {
            row = opcode == 0 ? extended(program) : standard(program, opcode);
        }
        if (row && !reader->failed)
            return true;
    }
    return false;
}

/* ---- Rows of a unit ---- */

struct rows {
    struct line_row *items;
    size_t count, capacity;
};

/* False: they are too many. */
static bool add_row(struct rows *rows, const struct line_state *state)
{
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity == 0 ? 256 : rows->capacity * 2;
        struct line_row *larger = capacity <= 2 * ROWS_MOST ? realloc(rows->items, capacity * sizeof(*larger)) : NULL;
        if (larger == NULL)
            return false;
        rows->items = larger;
        rows->capacity = capacity;
    }
    rows->items[rows->count] = (struct line_row){.address = state->address,
                                                 .sequence = (uint32_t)rows->count,
                                                 .file = (uint32_t)state->file,
                                                 .line = state->line,
                                                 .end = state->end};
    rows->count++;
    return true;
}

/* The end of a sequence stands before what begins there. */
static int by_address(const void *a, const void *b)
{
    const struct line_row *left = a, *right = b;
    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    if (left->end != right->end)
        return left->end ? -1 : 1;
    return left->sequence < right->sequence ? -1 : left->sequence > right->sequence;
}

static void drop_rows(struct debug *debug)
{
    for (size_t i = 0; i < debug->unit_count; i++) {
        free(debug->units[i].rows);
        debug->units[i].rows = NULL;
        debug->units[i].row_count = 0;
        debug->units[i].lines_read = false;
    }
    debug->rows_held = 0;
}

void debug_unit_lines(struct debug *debug, struct debug_unit_view *unit)
{
    Dwarf_Die root;
    uint64_t offset;
    if (unit->lines_read)
        return;
    if (debug->rows_held > ROWS_HELD)
        drop_rows(debug);
    unit->lines_read = true;
    if (!debug_unit_root(debug, unit, &root) || !debug_die_number(&root, DW_AT_stmt_list, &offset) ||
        !line_table_read(debug, offset, unit, &debug->arena, &unit->lines) ||
        !afford(debug, unit->lines.program.end - unit->lines.program.at))
        return;
    struct line_program program;
    struct rows rows = {0};
    line_program_open(&program, &unit->lines);
    while (line_program_next(&program) && add_row(&rows, &program.state))
        ;
    if (rows.count > 1)
        qsort(rows.items, rows.count, sizeof(*rows.items), by_address);
    unit->rows = rows.items;
    unit->row_count = rows.count;
    debug->rows_held += rows.capacity;
}

const struct line_row *debug_unit_row(const struct debug_unit_view *unit, uint64_t address)
{
    size_t low = 0, high = unit->row_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (unit->rows[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && !unit->rows[low - 1].end ? &unit->rows[low - 1] : NULL;
}

/* ---- Names of files ---- */

const char *debug_path_below(const char *path, const char *directory)
{
    size_t size = directory != NULL ? strlen(directory) : 0;
    while (size > 0 && directory[size - 1] == '/')
        size--;
    return size > 0 && strncmp(path, directory, size) == 0 && path[size] == '/' && path[size + 1] != '\0'
               ? path + size + 1
               : path;
}

const char *line_table_directory(const struct line_table *table, const struct line_file *file)
{
    uint64_t index = file->directory;
    if (table->version < 5 && index > 0)
        return index <= table->directory_count ? table->directories[index - 1] : NULL;
    return index > 0 && index < table->directory_count ? table->directories[index] : NULL;
}

const struct line_file *line_table_file(const struct line_table *table, uint64_t number)
{
    uint64_t index = table->version < 5 ? number - 1 : number;
    return index < table->file_count ? &table->files[index] : NULL;
}

const char *debug_unit_file(struct debug *debug, const struct debug_unit_view *unit, uint64_t number,
                            struct arena *arena)
{
    const struct line_table *table = &unit->lines;
    const struct line_file *file = line_table_file(table, number);
    char path[2048], escaped[2600];
    Dwarf_Die root;
    if (file == NULL || file->name == NULL)
        return NULL;
    const char *name = file->name, *directory = line_table_directory(table, file);
    if (name[0] == '/' || directory == NULL || directory[0] == '\0')
        snprintf(path, sizeof(path), "%s", name);
    else
        snprintf(path, sizeof(path), "%s/%s", directory, name);
    const char *comp_dir = debug_unit_root(debug, unit, &root) ? debug_die_text(debug, &root, DW_AT_comp_dir) : NULL;
    return arena_strdup(arena, escape_text(escaped, sizeof(escaped), debug_path_below(path, comp_dir)));
}
