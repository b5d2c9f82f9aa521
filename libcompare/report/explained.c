/*
 * The text report's answer to "why": each root in a short block (cause, place, both values, remedy), then what follows
 * from the roots, in one line.
 */
#include <string.h>

#include "text.h"

#define ROOTS_SHOWN 12
#define LABEL_WIDTH 9
#define AROUND      24 /* characters that are alike, shown on either side of what differs */

static const char *paint_root(const struct text *text, const struct root *root)
{
    bool code = root->guess_count == 0 || cause_info(root->guesses[0].cause)->code;
    return text_paint(text, code ? RED : YELLOW);
}

static void line(const struct text *text, const char *label, const char *value)
{
    fprintf(text->out, "  %-*s %s\n", LABEL_WIDTH, label, value);
}

/* ---- Places ---- */

/* Of the source, the side that knows it tells. */
static void write_place(const struct text *text, const struct difference *difference)
{
    const struct place *lined = difference->vendor.line != 0 ? &difference->vendor : &difference->rebuilt;
    char buffer[2048];
    if (report_place(difference, buffer, sizeof(buffer))[0] != '\0')
        line(text, "where", buffer);
    if (lined->inlined != NULL)
        line(text, "", lined->inlined);
}

/* ---- Values ---- */

/* As git's word diff has it: [-vendor's-] and {+rebuilt's+}, in what both have in common. */
static void write_marked(const struct text *text, const char *label, const char *value, size_t front, size_t back,
                         const char *open, const char *close)
{
    size_t length = strlen(value), from = front > AROUND ? front - AROUND : 0;
    size_t behind = back > AROUND ? AROUND : back;
    fprintf(text->out, "  %-*s %s%.*s%s%.*s%s%.*s%s\n", LABEL_WIDTH, label, from > 0 ? "..." : "", (int)(front - from),
            value + from, open, (int)(length - front - back), value + front, close, (int)behind, value + length - back,
            back > behind ? "..." : "");
}

static void write_values(const struct text *text, const struct difference *difference)
{
    const char *a = difference->vendor_value.text, *b = difference->rebuilt_value.text;
    bool marked = a != NULL && b != NULL &&
                  (difference->kind == DIFFERENCE_STRING || difference->kind == DIFFERENCE_DYNAMIC ||
                   difference->kind == DIFFERENCE_DEBUG || difference->kind == DIFFERENCE_COMMENT);
    size_t front = 0, back = 0;
    if (marked) {
        size_t shorter = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
        while (front < shorter && a[front] == b[front])
            front++;
        while (back < shorter - front && a[strlen(a) - 1 - back] == b[strlen(b) - 1 - back])
            back++;
        /* Not within an escape: \xNN. */
        while (front > 0 && front < shorter && memchr(a + (front > 3 ? front - 3 : 0), '\\', front > 3 ? 3 : front))
            front--;
    }
    if (a != NULL && marked)
        write_marked(text, "vendor", a, front, back, "[-", "-]");
    else if (a != NULL)
        line(text, "vendor", a);
    if (b != NULL && marked)
        write_marked(text, "rebuilt", b, front, back, "{+", "+}");
    else if (b != NULL)
        line(text, "rebuilt", b);
}

/* ---- Listings ---- */

static const char *function_name(const struct listing *listing)
{
    if (listing->vendor.symbol != NULL)
        return listing->vendor.symbol;
    return listing->rebuilt.symbol != NULL ? listing->rebuilt.symbol : "a function without a name";
}

/* Each is shown once, by the root that is its first; the others refer to it. */
static void refer_to_listing(const struct text *text, size_t root, const struct difference *difference)
{
    const struct explanation *explanation = &text->result->explanation;
    if (!text->options->explain_all || difference->listing >= explanation->listing_count ||
        explanation->listings[difference->listing].root == root)
        return;
    fprintf(text->out, "  %-*s shown under root %zu\n", LABEL_WIDTH, "code",
            explanation->listings[difference->listing].root + 1);
}

static void write_listings(const struct text *text, size_t root)
{
    const struct explanation *explanation = &text->result->explanation;
    for (size_t i = 0; i < explanation->listing_count && text->options->explain_all; i++) {
        if (explanation->listings[i].root != root)
            continue;
        line(text, "code", function_name(&explanation->listings[i]));
        text_listing(text, &explanation->listings[i]);
    }
}

static void write_key_to_listings(const struct text *text)
{
    const struct explanation *explanation = &text->result->explanation;
    if (!text->options->explain_all || explanation->listing_count + explanation->listings_left_out == 0)
        return;
    if (explanation->listing_count > 0)
        fputs("code: | changed, < vendor only, > rebuilt only, ~ equal but for an address that means the same\n",
              text->out);
    if (explanation->listings_left_out > 0)
        fprintf(text->out, "code: %zu more function%s that differ%s: too many to show\n",
                explanation->listings_left_out, text_plural(explanation->listings_left_out),
                explanation->listings_left_out == 1 ? "s" : "");
}

/* ---- Roots ---- */

static const char *kind_name(const struct difference *difference)
{
    static const char *const names[DIFFERENCE_KINDS] = {
        [DIFFERENCE_BYTES] = "bytes",
        [DIFFERENCE_STRING] = "a string",
        [DIFFERENCE_CODE] = "code",
        [DIFFERENCE_DATA] = "data",
        [DIFFERENCE_ORDER] = "order",
        [DIFFERENCE_NOTE] = "a note",
        [DIFFERENCE_DYNAMIC] = "dynamic section",
        [DIFFERENCE_HEADER] = "a header",
        [DIFFERENCE_SYMBOLS] = "symbols",
        [DIFFERENCE_SECTION] = "a section",
        [DIFFERENCE_DEBUG] = "debug information",
        [DIFFERENCE_COMMENT] = ".comment",
        [DIFFERENCE_LINK] = "a debug link",
        [DIFFERENCE_DERIVED] = "a table",
    };
    return names[difference->kind];
}

static void write_title(const struct text *text, size_t number, const struct root *root)
{
    const struct difference *first = &text->result->explanation.differences[root->first];
    fprintf(text->out, "%sroot %zu%s  ", text_paint(text, BOLD), number, text_paint(text, PLAIN));
    if (root->guess_count > 0)
        fprintf(text->out, "%s%s%s (%u %%): %s", paint_root(text, root), cause_info(root->guesses[0].cause)->id,
                text_paint(text, PLAIN), root->guesses[0].confidence, cause_info(root->guesses[0].cause)->title);
    else
        fprintf(text->out, "%scause unknown%s: %s, %s", paint_root(text, root), text_paint(text, PLAIN),
                kind_name(first), first->what);
    if (root->difference_count > 1)
        fprintf(text->out, "; in %zu places", root->difference_count);
    fputc('\n', text->out);
}

/* The other places of the same root: the same cause, by the same key. */
static void write_others(const struct text *text, size_t index, const struct root *root)
{
    const struct explanation *explanation = &text->result->explanation;
    for (size_t i = 0; i < explanation->difference_count && text->options->explain_all; i++) {
        const struct difference *difference = &explanation->differences[i];
        if (difference->root != index || difference->consequence || i == root->first)
            continue;
        line(text, "and", difference->what);
        write_place(text, difference);
        write_values(text, difference);
        refer_to_listing(text, index, difference);
    }
}

static void write_root(const struct text *text, size_t index)
{
    const struct root *root = &text->result->explanation.roots[index];
    const struct difference *first = &text->result->explanation.differences[root->first];
    write_title(text, index + 1, root);
    write_place(text, first);
    write_values(text, first);
    refer_to_listing(text, index, first);
    if (root->guess_count > 0) {
        line(text, "why", root->guesses[0].evidence);
        line(text, "remedy", cause_info(root->guesses[0].cause)->remedy);
    } else if (root->ruled_out != NULL) {
        line(text, "why", root->ruled_out);
    }
    text_support(text, root);
    for (size_t i = 1; i < root->guess_count && text->options->explain_all; i++)
        fprintf(text->out, "  %-*s %s (%u %%): %s\n", LABEL_WIDTH, "or", cause_info(root->guesses[i].cause)->id,
                root->guesses[i].confidence, root->guesses[i].evidence);
    write_others(text, index, root);
    write_listings(text, index);
}

/* ---- Consequences ---- */

/* Each name once, in the order of the differences. */
static size_t list_consequences(const struct explanation *explanation, char *names, size_t size)
{
    size_t used = 0, count = 0;
    names[0] = '\0';
    for (size_t i = 0; i < explanation->difference_count && used + 64 < size; i++) {
        const struct difference *difference = &explanation->differences[i];
        bool plain = difference->kind == DIFFERENCE_CODE || difference->kind == DIFFERENCE_STRING;
        char name[64];
        snprintf(name, sizeof(name), ", %.50s", plain ? kind_name(difference) : difference->what);
        const char *seen = strstr(names, name);
        if (!difference->consequence || (seen != NULL && (seen[strlen(name)] == ',' || seen[strlen(name)] == '\0')))
            continue;
        used += (size_t)snprintf(names + used, size - used, "%s", name);
        count++;
    }
    return count;
}

static void write_consequences(const struct text *text)
{
    const struct explanation *explanation = &text->result->explanation;
    char names[2048], label[80];
    size_t count = list_consequences(explanation, names, sizeof(names));
    snprintf(label, sizeof(label), "%zu root%s, %zu consequence%s%s", explanation->root_count,
             text_plural(explanation->root_count), explanation->consequence_count,
             text_plural(explanation->consequence_count), count > 0 ? ": " : "");
    text_list(text, label, count > 0 ? names + 2 : "");
}

void text_explanation(const struct text *text)
{
    const struct explanation *explanation = &text->result->explanation;
    size_t most = text->options->explain_all || text->options->all_findings ? SIZE_MAX : ROOTS_SHOWN;
    if (!explanation->made || (explanation->root_count == 0 && explanation->incomplete == NULL))
        return;
    fprintf(text->out, "\n");
    for (size_t i = 0; i < explanation->root_count && i < most; i++)
        write_root(text, i);
    if (explanation->root_count > most)
        fprintf(text->out, "%zu more roots are not shown (--explain all)\n", explanation->root_count - most);
    write_key_to_listings(text);
    if (explanation->root_count > 0)
        write_consequences(text);
    text_environments(text);
    if (explanation->incomplete != NULL)
        fprintf(text->out, "the explanation is not complete: %s\n", explanation->incomplete);
}
