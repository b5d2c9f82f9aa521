/* The lines of two functions side by side, where they differ. */
#include "code_parts.h"

/* A line of the listing, before its text is made. */
struct row {
    size_t vendor, rebuilt; /* ALIGN_NONE: nothing there */
    bool differs;
};

static bool add_row(struct list *rows, size_t vendor, size_t rebuilt, bool differs)
{
    struct row *row = list_add(rows);
    if (row == NULL)
        return false;
    *row = (struct row){vendor, rebuilt, differs};
    return true;
}

static bool add_rows(const struct code_step *step, struct list *rows)
{
    bool differs = !step->skipped && (!step->paired || step->relation < RELATION_MOVED);
    size_t i = step->vendor_begin, j = step->rebuilt_begin;
    for (; i < step->vendor_end || j < step->rebuilt_end; i++, j++) {
        if (!add_row(rows, i < step->vendor_end ? i : ALIGN_NONE, j < step->rebuilt_end ? j : ALIGN_NONE, differs))
            return false;
    }
    return true;
}

static const char *line_text(const struct code_pairing *pairing, bool rebuilt, size_t index, struct arena *arena)
{
    const struct code_side *side = rebuilt ? &pairing->rebuilt : &pairing->vendor;
    char text[CODE_TEXT];
    code_text(pairing, rebuilt, index, text, sizeof(text));
    return arena_printf(arena, "%llx  %s", (unsigned long long)side->items[index].address, text);
}

static bool add_line(const struct code_pairing *pairing, const struct row *row, struct arena *arena, struct list *lines)
{
    struct code_line *line = list_add(lines);
    if (line == NULL)
        return false;
    line->differs = row->differs;
    if (row->vendor != ALIGN_NONE)
        line->vendor = line_text(pairing, false, row->vendor, arena);
    if (row->rebuilt != ALIGN_NONE)
        line->rebuilt = line_text(pairing, true, row->rebuilt, arena);
    return (line->vendor != NULL) == (row->vendor != ALIGN_NONE) &&
           (line->rebuilt != NULL) == (row->rebuilt != ALIGN_NONE);
}

static bool add_lines(const struct code_pairing *pairing, const struct row *rows, size_t count, size_t around,
                      struct arena *arena, struct list *lines)
{
    size_t shown = 0; /* rows before this one are shown, or left out */
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].differs)
            continue;
        size_t begin = i > around ? i - around : 0;
        size_t end = count - i > around ? i + around + 1 : count;
        if (begin > shown && any && list_add(lines) == NULL)
            return false;
        for (size_t k = begin > shown ? begin : shown; k < end; k++) {
            if (!add_line(pairing, &rows[k], arena, lines))
                return false;
        }
        shown = end > shown ? end : shown;
        any = true;
    }
    return true;
}

bool code_listing(struct decoder *vendor_decoder, const struct code *vendor, struct decoder *rebuilt_decoder,
                  const struct code *rebuilt, const struct code_context *context, struct arena *arena, size_t around,
                  struct list *lines)
{
    struct code_pairing pairing;
    struct code_step step = {0};
    bool made = code_pair(vendor_decoder, vendor, rebuilt_decoder, rebuilt, context, &pairing);
    struct list rows = {.arena = &pairing.scratch, .item_size = sizeof(struct row)};
    while (made && code_step_next(&pairing, &step))
        made = add_rows(&step, &rows);
    made = made && add_lines(&pairing, rows.items, rows.count, around, arena, lines);
    code_pairing_close(&pairing);
    return made;
}
