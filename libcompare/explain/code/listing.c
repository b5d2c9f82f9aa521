/* The lines of two functions side by side, where they differ. */
#include "parts.h"

/* A line of the listing, before its text is made. */
struct row {
    size_t vendor, rebuilt; /* ALIGN_NONE: nothing there */
    enum listed_kind kind;
};

static bool differs(const struct row *row)
{
    return row->kind > LISTED_MOVED;
}

static enum listed_kind kind_of(const struct code_step *step, const struct row *row)
{
    if (step->skipped || (step->paired && step->relation == RELATION_MOVED))
        return LISTED_MOVED;
    if (step->paired && step->relation == RELATION_EQUAL)
        return LISTED_EQUAL;
    if (row->vendor == ALIGN_NONE)
        return LISTED_ONLY_REBUILT;
    return row->rebuilt == ALIGN_NONE ? LISTED_ONLY_VENDOR : LISTED_CHANGED;
}

static bool add_rows(const struct code_step *step, struct list *rows)
{
    size_t i = step->vendor_begin, j = step->rebuilt_begin;
    for (; i < step->vendor_end || j < step->rebuilt_end; i++, j++) {
        struct row *row = list_add(rows);
        if (row == NULL)
            return false;
        row->vendor = i < step->vendor_end ? i : ALIGN_NONE;
        row->rebuilt = j < step->rebuilt_end ? j : ALIGN_NONE;
        row->kind = kind_of(step, row);
    }
    return true;
}

static bool set_instruction(const struct code_pairing *pairing, bool rebuilt, size_t index, struct arena *arena,
                            struct listed_instruction *instruction)
{
    const struct code_side *side = rebuilt ? &pairing->rebuilt : &pairing->vendor;
    char text[CODE_TEXT];
    if (index == ALIGN_NONE)
        return true;
    instruction->file_offset = side->code->bytes.begin + side->offsets[index];
    instruction->address = side->items[index].address;
    instruction->text = arena_strdup(arena, code_text(pairing, rebuilt, index, text, sizeof(text)));
    return instruction->text != NULL;
}

static bool add_line(const struct code_pairing *pairing, const struct row *row, struct arena *arena, struct list *lines)
{
    struct listed_line *line = list_add(lines);
    if (line == NULL)
        return false;
    line->kind = row->kind;
    return set_instruction(pairing, false, row->vendor, arena, &line->vendor) &&
           set_instruction(pairing, true, row->rebuilt, arena, &line->rebuilt);
}

/* Whether a row is a difference, or near one. *next is the first difference at or behind the row, *last that before. */
static bool is_near(const struct row *rows, size_t count, size_t index, size_t around, size_t *last, size_t *next)
{
    while (*next < count && (*next < index || !differs(&rows[*next])))
        (*next)++;
    if (*next == index)
        *last = index;
    return (*last != ALIGN_NONE && index - *last <= around) || (*next < count && *next - index <= around);
}

static bool add_lines(const struct code_pairing *pairing, const struct row *rows, size_t count, struct arena *arena,
                      struct code_listing *listing)
{
    size_t last = ALIGN_NONE, next = 0, behind = 0; /* behind: the row behind the last that is listed */
    bool full = false;
    for (size_t i = 0; i < count; i++) {
        if (!is_near(rows, count, i, listing->around, &last, &next))
            continue;
        bool gap = listing->lines.count > 0 && behind != i;
        full = full || listing->lines.count + gap >= listing->most;
        listing->left_out += full && differs(&rows[i]);
        if (full)
            continue;
        if ((gap && list_add(&listing->lines) == NULL) || !add_line(pairing, &rows[i], arena, &listing->lines))
            return false;
        behind = i + 1;
    }
    return true;
}

bool code_list(struct decoder *vendor_decoder, const struct code *vendor, struct decoder *rebuilt_decoder,
               const struct code *rebuilt, const struct code_context *context, struct arena *arena,
               struct code_listing *listing)
{
    struct code_pairing pairing;
    struct code_step step = {0};
    bool made = code_pair(vendor_decoder, vendor, rebuilt_decoder, rebuilt, context, &pairing);
    struct list rows = {.arena = &pairing.scratch, .item_size = sizeof(struct row)};
    listing->lines = (struct list){.arena = arena, .item_size = sizeof(struct listed_line)};
    listing->left_out = 0;
    while (made && code_step_next(&pairing, &step))
        made = add_rows(&step, &rows);
    made = made && add_lines(&pairing, rows.items, rows.count, arena, listing);
    code_pairing_close(&pairing);
    return made;
}
