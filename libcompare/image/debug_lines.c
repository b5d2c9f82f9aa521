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
    debug_take(reader, 1); /* default_is_stmt */
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

/* ---- The program: 6.2.5 ---- */

struct machine {
    struct debug *debug;
    struct line_table *table;
    struct line_row *rows;
    size_t count, capacity;
    uint64_t address;
    uint64_t file;
    uint32_t line;
    unsigned operation;
    bool full;
};

static void reset(struct machine *machine)
{
    machine->address = 0;
    machine->operation = 0;
    machine->file = 1;
    machine->line = 1;
}

static void add_row(struct machine *machine, bool end)
{
    if (machine->count == machine->capacity) {
        size_t capacity = machine->capacity == 0 ? 256 : machine->capacity * 2;
        struct line_row *larger = capacity <= 2 * ROWS_MOST ? realloc(machine->rows, capacity * sizeof(*larger)) : NULL;
        if (larger == NULL) {
            machine->full = true;
            return;
        }
        machine->rows = larger;
        machine->capacity = capacity;
    }
    machine->rows[machine->count] = (struct line_row){.address = machine->address,
                                                      .sequence = (uint32_t)machine->count,
                                                      .file = (uint32_t)machine->file,
                                                      .line = machine->line,
                                                      .end = end};
    machine->count++;
}

static void advance(struct machine *machine, uint64_t operations)
{
    const struct line_table *table = machine->table;
    machine->address += table->minimum_length * ((machine->operation + operations) / table->operations);
    machine->operation = (unsigned)((machine->operation + operations) % table->operations);
}

static void extended(struct machine *machine, struct debug_reader *program)
{
    uint64_t size = debug_take_uleb(program), begin = program->at;
    if (program->failed || size == 0 || size > program->end - begin) {
        program->failed = true;
        return;
    }
    uint64_t opcode = debug_take(program, 1);
    if (opcode == DW_LNE_end_sequence) {
        add_row(machine, true);
        reset(machine);
    } else if (opcode == DW_LNE_set_address && (size == 5 || size == 9)) {
        machine->address = debug_take(program, (unsigned)size - 1);
        machine->operation = 0;
    }
    program->at = begin + size;
}

static void standard(struct machine *machine, struct debug_reader *program, unsigned opcode)
{
    switch (opcode) {
    case DW_LNS_copy:
        add_row(machine, false);
        break;
    case DW_LNS_advance_pc:
        advance(machine, debug_take_uleb(program));
        break;
    case DW_LNS_advance_line:
        machine->line += (uint32_t)debug_take_sleb(program);
        break;
    case DW_LNS_set_file:
        machine->file = debug_take_uleb(program);
        break;
    case DW_LNS_const_add_pc:
        advance(machine, (255U - machine->table->opcode_base) / machine->table->line_range);
        break;
    case DW_LNS_fixed_advance_pc:
        machine->address += debug_take(program, 2);
        machine->operation = 0;
        break;
    default:
        for (unsigned i = machine->table->opcode_lengths[opcode - 1]; i > 0; i--)
            debug_take_uleb(program);
    }
}

static void run(struct machine *machine)
{
    const struct line_table *table = machine->table;
    struct debug_reader *program = &machine->table->program;
    reset(machine);
    while (!program->failed && program->at < program->end && !machine->full) {
        unsigned opcode = (unsigned)debug_take(program, 1);
        if (opcode >= table->opcode_base) {
            unsigned special = opcode - table->opcode_base;
            machine->line += (uint32_t)(table->line_base + (int)(special % table->line_range));
            advance(machine, special / table->line_range);
            add_row(machine, false);
        } else if (opcode == 0) {
            extended(machine, program);
        } else {
            standard(machine, program, opcode);
        }
    }
}

/* ---- Rows of a unit ---- */

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
    struct machine machine = {.debug = debug, .table = &unit->lines};
    run(&machine);
    if (machine.count > 1)
        qsort(machine.rows, machine.count, sizeof(*machine.rows), by_address);
    unit->rows = machine.rows;
    unit->row_count = machine.count;
    debug->rows_held += machine.capacity;
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

static const char *below(const char *path, const char *directory)
{
    size_t size = directory != NULL ? strlen(directory) : 0;
    while (size > 0 && directory[size - 1] == '/')
        size--;
    return size > 0 && strncmp(path, directory, size) == 0 && path[size] == '/' && path[size + 1] != '\0'
               ? path + size + 1
               : path;
}

/* The directory of a file: NULL for the compilation directory. */
static const char *directory_of(const struct line_table *table, const struct line_file *file)
{
    uint64_t index = file->directory;
    if (table->version < 5 && index > 0)
        return index <= table->directory_count ? table->directories[index - 1] : NULL;
    return index > 0 && index < table->directory_count ? table->directories[index] : NULL;
}

const char *debug_unit_file(struct debug *debug, const struct debug_unit_view *unit, uint64_t number,
                            struct arena *arena)
{
    const struct line_table *table = &unit->lines;
    uint64_t index = table->version < 5 ? number - 1 : number;
    char path[2048], escaped[2600];
    Dwarf_Die root;
    if (index >= table->file_count || table->files[index].name == NULL)
        return NULL;
    const char *name = table->files[index].name, *directory = directory_of(table, &table->files[index]);
    if (name[0] == '/' || directory == NULL || directory[0] == '\0')
        snprintf(path, sizeof(path), "%s", name);
    else
        snprintf(path, sizeof(path), "%s/%s", directory, name);
    const char *comp_dir = debug_unit_root(debug, unit, &root) ? debug_die_text(debug, &root, DW_AT_comp_dir) : NULL;
    return arena_strdup(arena, escape_text(escaped, sizeof(escaped), below(path, comp_dir)));
}
