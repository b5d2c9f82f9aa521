/* The text report's account of what moved: which functions did not only move, and what was checked of all else. */
#include <string.h>

#include "text.h"

#define CHANGED_SHOWN 8

static const char *name_of(const struct changed_function *function)
{
    const struct place *named = function->vendor.symbol != NULL ? &function->vendor : &function->rebuilt;
    return named->symbol != NULL ? named->symbol : "a function without a name";
}

/* "parse_header (+7 bytes, http.c:212)" */
static void write_changed(const struct text *text, const struct changed_function *function)
{
    const struct place *lined = function->rebuilt.line != 0 ? &function->rebuilt : &function->vendor;
    int64_t grown = (int64_t)(range_size(function->rebuilt.bytes) - range_size(function->vendor.bytes));
    const struct place *shown = function->vendor.present ? &function->vendor : &function->rebuilt;
    fprintf(text->out, "%s", name_of(function));
    if (shown->symbol == NULL || shown->inside != 0)
        fprintf(text->out, " at offset %#jx", (uintmax_t)shown->bytes.begin);
    if (!function->vendor.present || !function->rebuilt.present)
        fprintf(text->out, " (%s only, %ju bytes", function->vendor.present ? "vendor" : "rebuilt",
                (uintmax_t)range_size(shown->bytes));
    else if (function->equal)
        fprintf(text->out, " (refers to something else");
    else
        fprintf(text->out, " (%+jd bytes", (intmax_t)grown);
    if (lined->line != 0)
        fprintf(text->out, ", %s:%u", lined->source, lined->line);
    fprintf(text->out, ")");
}

static void write_list(const struct text *text, const char *label, bool equal)
{
    const struct explanation *explanation = &text->result->explanation;
    bool all = text->options->all_findings || text->options->explain_all;
    size_t most = all ? SIZE_MAX : CHANGED_SHOWN, count = 0;
    for (size_t i = 0; i < explanation->changed_count; i++) {
        if (explanation->changed[i].equal != equal || count++ >= most)
            continue;
        fprintf(text->out, "%s", count == 1 ? label : ", ");
        write_changed(text, &explanation->changed[i]);
    }
    if (count > most)
        fprintf(text->out, " and %zu more", count - most);
    if (count > 0)
        fprintf(text->out, "\n");
}

static void write_count(const struct text *text, const char **separator, uint64_t count, const char *one,
                        const char *more)
{
    char number[32];
    if (count == 0)
        return;
    fprintf(text->out, "%s%s %s", *separator, text_grouped(count, number), count == 1 ? one : more);
    *separator = ", ";
}

void text_moved(const struct text *text)
{
    const struct moved *moved = &text->result->moved;
    const struct moved_counts *counts = &moved->counts;
    const char *separator = "";
    if (moved->not_tried != NULL)
        fprintf(text->out, "moved       nothing was looked at: %s\n", moved->not_tried);
    if (!moved->tried)
        return;
    write_list(text, "changed     ", false);
    write_list(text, "leads away  ", true);
    if (text->result->explanation.changed_left_out > 0)
        fprintf(text->out, "            and %zu more functions\n", text->result->explanation.changed_left_out);
    fprintf(text->out, "moved       and checked: ");
    write_count(text, &separator, counts->functions, "function", "functions");
    write_count(text, &separator, counts->references, "reference in code", "references in code");
    write_count(text, &separator, counts->pointers, "pointer", "pointers");
    write_count(text, &separator, counts->unwind_records, "unwind record", "unwind records");
    write_count(text, &separator, counts->exception_tables, "exception table", "exception tables");
    write_count(text, &separator, counts->symbols, "dynamic symbol", "dynamic symbols");
    write_count(text, &separator, counts->relocations, "relocation", "relocations");
    fprintf(text->out, "%s\n", separator[0] == '\0' ? "nothing" : "");
}
