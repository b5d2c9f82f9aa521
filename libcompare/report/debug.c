/* The text report's account of debug information: whether it says the same, and for which reasons it does not. */
#include <string.h>

#include "text.h"

#define ROOTS_SHOWN 12

static void write_pair(const struct text *text, const struct debug_root *root)
{
    if (root->vendor != NULL && root->rebuilt != NULL)
        fprintf(text->out, " %s became %s", root->vendor, root->rebuilt);
    else if (root->vendor != NULL || root->rebuilt != NULL)
        fprintf(text->out, " %s only: %s", root->vendor != NULL ? "vendor" : "rebuilt",
                root->vendor != NULL ? root->vendor : root->rebuilt);
}

static void write_root(const struct text *text, const struct debug_root *root)
{
    char count[32], units[32];
    fprintf(text->out, "  ");
    switch (root->kind) {
    case DEBUG_ROOT_PATH:
        fprintf(text->out, "path %s became %s", root->vendor, root->rebuilt);
        break;
    case DEBUG_ROOT_LINES:
        fprintf(text->out, "lines of %s from %u on: %+jd", root->entry, root->line, (intmax_t)root->shift);
        break;
    case DEBUG_ROOT_CODE:
        if (strcmp(root->vendor, root->rebuilt) == 0)
            fprintf(text->out, "code of %s: other instructions", root->entry);
        else
            fprintf(text->out, "code of %s: %s became %s", root->entry, root->vendor, root->rebuilt);
        break;
    case DEBUG_ROOT_ENTRY:
    case DEBUG_ROOT_UNIT:
        fprintf(text->out, "%s %s: %s only", root->what, root->entry != NULL ? root->entry : root->unit,
                root->offsets[0] != UINT64_MAX ? "vendor" : "rebuilt");
        break;
    default:
        fprintf(text->out, "%s%s%s:", root->what, root->entry != NULL ? " of " : "",
                root->entry != NULL ? root->entry : "");
        write_pair(text, root);
    }
    fprintf(text->out, " (%s", text_grouped(root->count, count));
    if (root->units > 1)
        fprintf(text->out, " in %s units)\n", text_grouped(root->units, units));
    else
        fprintf(text->out, root->unit != NULL ? ", %s)\n" : ")\n", root->unit);
}

void text_debug(const struct text *text)
{
    const struct debug_comparison *debug = &text->result->debug;
    bool all = text->options->all_findings || text->options->explain_all;
    size_t most = all ? SIZE_MAX : ROOTS_SHOWN;
    char units[32], entries[32];
    switch (debug->verdict) {
    case DEBUG_NOT_COMPARED:
        if (debug->why != NULL)
            fprintf(text->out, "debug info  not compared: %s\n", debug->why);
        return;
    case DEBUG_SAME:
        fprintf(text->out, "debug info  says the same: %s units, %s entries\n", text_grouped(debug->units[0], units),
                text_grouped(debug->entries[0], entries));
        return;
    case DEBUG_UNDECIDED:
        fprintf(text->out, "debug info  nothing differs, but not all was compared: %s\n", debug->why);
        return;
    default:
        break;
    }
    fprintf(text->out, "debug info  differs in %s of ", text_grouped(debug->differing_units, units));
    fprintf(text->out, "%s units, in ", text_grouped(debug->units[0], units));
    fprintf(text->out, "%s of ", text_grouped(debug->differing_entries, entries));
    fprintf(text->out, "%s entries%s%s:\n", text_grouped(debug->entries[0], entries), debug->why != NULL ? "; " : "",
            debug->why != NULL ? debug->why : "");
    for (size_t i = 0; i < debug->root_count && i < most; i++)
        write_root(text, &debug->roots[i]);
    size_t more = debug->root_count > most ? debug->root_count - most : 0;
    if (more > 0)
        fprintf(text->out, "  and %s more reasons: --all shows them\n", text_grouped(more, units));
    if (debug->roots_left_out > 0)
        fprintf(text->out, "  and %s differences more, of too many reasons to keep\n",
                text_grouped(debug->roots_left_out, units));
}
