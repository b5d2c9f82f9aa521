/*
 * Changed functions in the text report: the vendor's instructions in the left column and the rebuilt ones in the right,
 * with sdiff's marks between them.
 */
#include <string.h>

#include "text.h"

#define INDENT       4
#define COLUMN_LEAST 20
#define LEFT_LEAST   36 /* for the place of a difference, where there is so much room */
#define BETWEEN      3  /* " | " */

/* The widths that all lines of a listing share. */
struct columns {
    int address, left, right;
};

static const char marks[LISTED_KINDS] = {
    [LISTED_GAP] = ' ',     [LISTED_EQUAL] = ' ',       [LISTED_MOVED] = '~',
    [LISTED_CHANGED] = '|', [LISTED_ONLY_VENDOR] = '<', [LISTED_ONLY_REBUILT] = '>',
};

static int address_width(const struct listing *listing)
{
    uint64_t highest = 0;
    int width = 1;
    for (size_t i = 0; i < listing->line_count; i++) {
        const struct listed_line *line = &listing->lines[i];
        highest = line->vendor.address > highest ? line->vendor.address : highest;
        highest = line->rebuilt.address > highest ? line->rebuilt.address : highest;
    }
    for (; highest > 15; highest /= 16)
        width++;
    return width;
}

/* No wider than the text in it needs, so that both sides stay near each other. */
static struct columns columns_of(const struct text *text, const struct listing *listing)
{
    struct columns columns = {.address = address_width(listing)};
    int most = ((int)text->width - INDENT - BETWEEN) / 2;
    columns.right = most > COLUMN_LEAST ? most : COLUMN_LEAST;
    columns.left = columns.right < LEFT_LEAST ? columns.right : LEFT_LEAST;
    for (size_t i = 0; i < listing->line_count; i++) {
        size_t length = listing->lines[i].vendor.text != NULL ? strlen(listing->lines[i].vendor.text) : 0;
        int needed = length < (size_t)columns.right ? (int)length + columns.address + 2 : columns.right;
        columns.left = needed > columns.left ? needed : columns.left;
    }
    columns.left = columns.left > columns.right ? columns.right : columns.left;
    return columns;
}

/* As much of it as the column holds; the right one is not filled up. */
static void write_cell(const struct text *text, const char *cell, int width, bool fill, const char *color)
{
    int length = (int)strlen(cell);
    bool whole = length <= width;
    fprintf(text->out, "%s%.*s%s%s", text_paint(text, color), whole ? length : width - 3, cell, whole ? "" : "...",
            color[0] != '\0' ? text_paint(text, PLAIN) : "");
    if (fill && whole)
        fprintf(text->out, "%*s", width - length, "");
}

static const char *instruction_cell(const struct listed_instruction *instruction, int address_width, char *buffer,
                                    size_t size)
{
    if (instruction->text == NULL)
        return "";
    snprintf(buffer, size, "%*jx  %s", address_width, (uintmax_t)instruction->address, instruction->text);
    return buffer;
}

static void write_line(const struct text *text, const struct listed_line *line, const struct columns *columns)
{
    char left[512], right[512];
    bool differs = line->kind > LISTED_MOVED, both = line->rebuilt.text != NULL;
    instruction_cell(&line->vendor, columns->address, left, sizeof(left));
    fprintf(text->out, "%*s", INDENT, "");
    write_cell(text, line->vendor.text != NULL ? left : "", columns->left, true, differs ? RED : "");
    if (both || marks[line->kind] != ' ')
        fprintf(text->out, " %c", marks[line->kind]);
    if (both) {
        fputc(' ', text->out);
        write_cell(text, instruction_cell(&line->rebuilt, columns->address, right, sizeof(right)), columns->right,
                   false, differs ? GREEN : "");
    }
    fputc('\n', text->out);
}

/* ---- Where a difference is ---- */

/* Of a long path the beginning gives way: file and line tell more. */
static const char *where_cell(const struct listed_instruction *instruction, const struct place *function, int width,
                              char *buffer, size_t size)
{
    char place[32], line[16];
    if (instruction->text == NULL)
        return "";
    int used =
        snprintf(place, sizeof(place), "@@ +%#jx", (uintmax_t)(instruction->file_offset - function->bytes.begin));
    if (instruction->line == 0) {
        snprintf(buffer, size, "%s", place);
        return buffer;
    }
    used += snprintf(line, sizeof(line), ":%u", instruction->line) + 2;
    int length = (int)strlen(instruction->source), room = width > used ? width - used : 0;
    bool whole = length <= room || room < 8;
    snprintf(buffer, size, "%s, %s%s%s", place, whole ? "" : "...",
             instruction->source + (whole ? 0 : length - (room - 3)), line);
    return buffer;
}

/* Before the lines of a hunk: the place of its first difference. */
static void write_where(const struct text *text, const struct listing *listing, size_t first,
                        const struct columns *columns)
{
    char left[1024], right[1024];
    while (first < listing->line_count && listing->lines[first].kind <= LISTED_MOVED)
        first++;
    if (first == listing->line_count)
        return;
    const struct listed_line *line = &listing->lines[first];
    fprintf(text->out, "%*s", INDENT, "");
    write_cell(text, where_cell(&line->vendor, &listing->vendor, columns->left, left, sizeof(left)), columns->left,
               true, YELLOW);
    fprintf(text->out, "%*s", BETWEEN, "");
    write_cell(text, where_cell(&line->rebuilt, &listing->rebuilt, columns->right, right, sizeof(right)),
               columns->right, false, YELLOW);
    fputc('\n', text->out);
}

void text_listing(const struct text *text, const struct listing *listing)
{
    struct columns columns = columns_of(text, listing);
    for (size_t i = 0; i < listing->line_count; i++) {
        bool gap = listing->lines[i].kind == LISTED_GAP;
        if (gap || i == 0)
            write_where(text, listing, i, &columns);
        if (!gap)
            write_line(text, &listing->lines[i], &columns);
    }
    if (listing->left_out > 0)
        fprintf(text->out, "%*s%zu more line%s that differ%s: too many to show\n", INDENT, "", listing->left_out,
                text_plural(listing->left_out), listing->left_out == 1 ? "s" : "");
}
