/*
 * Line tables (DWARF 5, 6.2): the rows that both programs make, aligned by the addresses that stand for each other. How
 * the programs are written, and the numbers of files in them, say nothing.
 */
#include "parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MOST ((size_t)8 << 20) /* of one table */

struct row {
    uint64_t address, key;
    uint64_t place, isa, flags; /* what the key is made of; place: the address that the row has on the rebuilt side */
    uint64_t file, column, discriminator;
    uint32_t line;
};

struct rows {
    struct row *items; /* malloc */
    size_t count, capacity;
    bool whole;
};

/* ---- Files ---- */

static bool open_table(struct unit_pair *pair, size_t side)
{
    struct debug_side *from = &pair->d->sides[side];
    struct debug_entry entry;
    struct debug_unit_entries *unit = pair->units[side];
    if (unit->count == 0 || !debug_cursor_entry_at(&pair->cursors[side], unit->header.begin + unit->offsets[0], &entry))
        return false;
    const struct debug_attribute *lines = debug_entry_attribute(&entry, DW_AT_stmt_list);
    if (lines == NULL || lines->class != DEBUG_CLASS_LINES)
        return false;
    pair->line_offsets[side] = lines->number;
    if (pair->d->work == 0)
        return false;
    if (!line_table_at(from->debug, lines->number, (size_t)(unit - from->units), &pair->own, &pair->lines[side])) {
        debug_incomplete(pair->d, "a line table could not be read");
        debug_afford(pair->d, from->image->size); /* up to where it fails it was read */
        return false;
    }
    /* Many units can share a long one. */
    const struct line_table *table = &pair->lines[side];
    return debug_afford(pair->d, (table->file_count + table->directory_count) * sizeof(*table->files));
}

void lines_open(struct unit_pair *pair)
{
    for (size_t side = 0; side < 2; side++)
        pair->has_lines[side] = open_table(pair, side);
    if (pair->has_lines[0])
        pair->files_told = arena_alloc(&pair->own, pair->lines[0].file_count + 2, sizeof(*pair->files_told));
}

const char *file_name(const struct unit_pair *pair, size_t side, uint64_t number)
{
    const struct line_file *file = pair->has_lines[side] ? line_table_file(&pair->lines[side], number) : NULL;
    return file != NULL && file->name != NULL ? file->name : "?";
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static void tell_digest(struct unit_pair *pair, const char *name)
{
    struct debug_root *made;
    const char *slash = strrchr(name, '/');
    name = slash != NULL ? slash + 1 : name;
    root_count(pair, DEBUG_ROOT_VALUE, root_key(DEBUG_ROOT_VALUE, (const char *const[]){"md5", name}, 2), 1, &made);
    if (made != NULL) {
        made->what = "DW_LNCT_MD5";
        made->entry = root_escaped(pair->d, name, strlen(name));
    }
}

/* A relative directory is below the compilation directory, whose change is told where the unit states it. */
bool files_agree(struct unit_pair *pair, uint64_t vendor, uint64_t rebuilt)
{
    const struct line_file *a = pair->has_lines[0] ? line_table_file(&pair->lines[0], vendor) : NULL;
    const struct line_file *b = pair->has_lines[1] ? line_table_file(&pair->lines[1], rebuilt) : NULL;
    /* 0 before version 5: no file (DWARF 4, 2.14). */
    if (a == NULL || b == NULL)
        return a == NULL && b == NULL && vendor == rebuilt;
    size_t index = (size_t)(a - pair->lines[0].files);
    if (pair->files_told != NULL && pair->files_told[index] == (uint32_t)rebuilt + 1)
        return true;
    if (pair->files_told != NULL)
        pair->files_told[index] = (uint32_t)rebuilt + 1;
    const char *name_a = or_empty(a->name), *name_b = or_empty(b->name);
    const char *directory_a = or_empty(line_table_directory(&pair->lines[0], a));
    const char *directory_b = or_empty(line_table_directory(&pair->lines[1], b));
    if (!debug_afford(pair->d, strlen(name_a) + strlen(name_b) + strlen(directory_a) + strlen(directory_b)))
        return false;
    if (strcmp(name_a, name_b) != 0)
        root_path(pair, name_a, name_b);
    if (strcmp(directory_a, directory_b) != 0)
        root_path(pair, directory_a, directory_b);
    if ((a->md5 != NULL) != (b->md5 != NULL) || (a->md5 != NULL && memcmp(a->md5, b->md5, 16) != 0))
        tell_digest(pair, name_b);
    return true;
}

/* ---- Rows ---- */

static uint64_t row_flags(const struct line_state *state, bool known)
{
    return (uint64_t)state->is_stmt | (uint64_t)state->basic_block << 1 | (uint64_t)state->prologue_end << 2 |
           (uint64_t)state->epilogue_begin << 3 | (uint64_t)state->end << 4 | (uint64_t)!known << 5 |
           (uint64_t)state->operation << 40;
}

/* What must be equal, whatever the line. */
static uint64_t row_key(const struct row *row)
{
    uint64_t key = row->place * 0x9e3779b97f4a7c15 ^ (row->flags | row->isa << 8);
    key *= 0xd6e8feb86659fd93;
    return key ^ key >> 31;
}

/* The same, itself: a key can be made to fit. */
static bool same_place(const struct row *a, const struct row *b)
{
    return a->place == b->place && a->isa == b->isa && a->flags == b->flags;
}

/* The rebuilt's address for a row of the vendor's: the end of a sequence is behind its last instruction. */
static bool row_partner(struct unit_pair *pair, const struct line_state *state, uint64_t *address)
{
    uint64_t end = state->end && state->address > 0;
    if (!place_partner(&pair->d->places, state->address - end, address))
        return false;
    *address += end;
    return true;
}

static bool add_row(struct rows *rows, const struct row *row)
{
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity == 0 ? 512 : rows->capacity * 2;
        struct row *larger = realloc(rows->items, capacity * sizeof(*larger));
        if (larger == NULL)
            return false;
        rows->items = larger;
        rows->capacity = capacity;
    }
    rows->items[rows->count++] = *row;
    return true;
}

/* Readers may go by the table's own lengths of the opcodes that they know: 6.2.4, standard_opcode_lengths. */
static bool has_usual_opcodes(const struct line_table *table)
{
    static const uint8_t usual[] = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};
    size_t count = table->opcode_base - 1U < ARRAY_COUNT(usual) ? table->opcode_base - 1U : ARRAY_COUNT(usual);
    return memcmp(table->opcode_lengths, usual, count) == 0;
}

static void read_rows(struct unit_pair *pair, size_t side, struct rows *rows)
{
    struct line_program program;
    const struct line_state *state = &program.state;
    line_program_open(&program, &pair->lines[side]);
    while (line_program_next(&program)) {
        uint64_t address = state->address;
        bool known = side == 1 || row_partner(pair, state, &address);
        struct row row = {.address = state->address,
                          .place = address,
                          .isa = state->isa,
                          .flags = row_flags(state, known),
                          .file = state->file,
                          .column = state->column,
                          .discriminator = state->discriminator,
                          .line = state->line};
        row.key = row_key(&row);
        if (rows->count >= ROWS_MOST) {
            debug_incomplete(pair->d, "a line table has too many rows");
            return;
        }
        if (!add_row(rows, &row)) {
            pair->d->out_of_memory = true;
            return;
        }
    }
    rows->whole = !program.reader.failed && has_usual_opcodes(&pair->lines[side]);
}

/* Why the code that this address is in is told to differ; NO_ROOT. */
static size_t changed_at(struct unit_pair *pair, size_t side, uint64_t address)
{
    const struct changed_range *changed = pair->changed.items;
    bool affordable = debug_afford(pair->d, changed_work(pair));
    for (size_t i = 0; i < pair->changed.count && affordable; i++) {
        if (address >= changed[i].sides[side].begin && address <= changed[i].sides[side].end)
            return changed[i].root;
    }
    return NO_ROOT;
}

static void show_row(const struct unit_pair *pair, size_t side, const struct row *row, char text[ENTRY_TEXT])
{
    char name[200];
    escape_text(name, sizeof(name), file_name(pair, side, row->file));
    snprintf(text, ENTRY_TEXT, "%#" PRIx64 " %s:%u column %" PRIu64 "%s", row->address, name, row->line, row->column,
             row->discriminator != 0 ? " with a discriminator" : "");
}

/* A row of one side, or two of one place: NULL where the side has none. */
static void tell_row(struct unit_pair *pair, const struct row *vendor, const struct row *rebuilt)
{
    struct debug_root *made;
    char text[ENTRY_TEXT];
    size_t root = vendor != NULL ? changed_at(pair, 0, vendor->address) : changed_at(pair, 1, rebuilt->address);
    if (root != NO_ROOT) {
        root_add(pair, root, 1);
        return;
    }
    root_count(pair, DEBUG_ROOT_ROWS, root_key(DEBUG_ROOT_ROWS, (const char *const[]){pair->name}, 1), 1, &made);
    if (made == NULL)
        return;
    made->what = "line table";
    const struct row *rows[2] = {vendor, rebuilt};
    for (size_t side = 0; side < 2; side++) {
        if (rows[side] == NULL)
            continue;
        show_row(pair, side, rows[side], text);
        *(side == 0 ? &made->vendor : &made->rebuilt) = root_text(pair->d, text);
    }
}

/* Where the code differs, rows of one place can be of different calls that are inlined there. */
static void compare_rows(struct unit_pair *pair, const struct row *a, const struct row *b)
{
    bool other_file = strcmp(file_name(pair, 0, a->file), file_name(pair, 1, b->file)) != 0;
    pair->d->result->rows++;
    if (!same_place(a, b))
        tell_row(pair, a, b);
    else if ((other_file || a->line != b->line) && changed_at(pair, 0, a->address) != NO_ROOT)
        tell_row(pair, a, b);
    else if (!files_agree(pair, a->file, b->file) || a->column != b->column || a->discriminator != b->discriminator)
        tell_row(pair, a, b);
    else if (a->line != b->line)
        root_lines(pair, file_name(pair, 1, b->file), a->line, b->line);
}

static bool align_rows(const struct rows rows[2], size_t *partner)
{
    bool same = rows[0].count == rows[1].count;
    for (size_t i = 0; i < rows[0].count && same; i++) {
        same = rows[0].items[i].key == rows[1].items[i].key;
        partner[i] = i;
    }
    if (same)
        return true;
    uint64_t *keys[2] = {malloc((rows[0].count + 1) * sizeof(*keys[0])),
                         malloc((rows[1].count + 1) * sizeof(*keys[1]))};
    bool done = keys[0] != NULL && keys[1] != NULL;
    for (size_t side = 0; side < 2 && done; side++) {
        for (size_t i = 0; i < rows[side].count; i++)
            keys[side][i] = rows[side].items[i].key;
    }
    done = done && align_sequences(keys[0], rows[0].count, keys[1], rows[1].count, partner);
    free(keys[0]);
    free(keys[1]);
    return done;
}

static void compare_aligned(struct unit_pair *pair, const struct rows rows[2], const size_t *partner, bool *taken)
{
    for (size_t i = 0; i < rows[0].count; i++) {
        if (partner[i] == SIZE_MAX) {
            tell_row(pair, &rows[0].items[i], NULL);
            continue;
        }
        taken[partner[i]] = true;
        compare_rows(pair, &rows[0].items[i], &rows[1].items[partner[i]]);
    }
    for (size_t i = 0; i < rows[1].count; i++) {
        if (!taken[i])
            tell_row(pair, NULL, &rows[1].items[i]);
    }
}

/* From version 5 on, the first directory and file are the unit's own (6.2.4). */
static void compare_own_file(struct unit_pair *pair)
{
    const struct line_table *a = &pair->lines[0], *b = &pair->lines[1];
    if (a->version < 5 || b->version < 5)
        return;
    const char *directory_a = or_empty(a->directory_count > 0 ? a->directories[0] : NULL);
    const char *directory_b = or_empty(b->directory_count > 0 ? b->directories[0] : NULL);
    if (strcmp(directory_a, directory_b) != 0)
        root_path(pair, directory_a, directory_b);
    if (!files_agree(pair, 0, 0))
        root_path(pair, file_name(pair, 0, 0), file_name(pair, 1, 0));
}

void lines_compare(struct unit_pair *pair)
{
    struct debugging *d = pair->d;
    struct rows rows[2] = {{0}, {0}};
    /* Partial units and type units share the table of a unit that is compared itself. */
    bool again =
        d->lines_known && pair->line_offsets[0] == d->last_lines[0] && pair->line_offsets[1] == d->last_lines[1];
    uint8_t type = pair->units[0]->header.type;
    if (!pair->has_lines[0] || !pair->has_lines[1] || again || type == DW_UT_type || type == DW_UT_split_type)
        return;
    compare_own_file(pair);
    d->lines_known = true;
    memcpy(d->last_lines, pair->line_offsets, sizeof(d->last_lines));
    for (size_t side = 0; side < 2; side++) {
        read_rows(pair, side, &rows[side]);
        if (!rows[side].whole)
            debug_incomplete(d, "a line table could not be read as a whole");
    }
    size_t *partner = malloc((rows[0].count + 1) * sizeof(*partner));
    bool *taken = calloc(rows[1].count + 1, sizeof(*taken));
    if (partner != NULL && taken != NULL && align_rows(rows, partner))
        compare_aligned(pair, rows, partner, taken);
    else
        d->out_of_memory = true;
    free(partner);
    free(taken);
    free(rows[0].items);
    free(rows[1].items);
}
