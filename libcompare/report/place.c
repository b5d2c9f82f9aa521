/* Where a difference is, in one line: the same words for people and for machines. */
#include "report.h"

struct words {
    char *buffer;
    size_t size, used; /* used may come to more than size: the rest is cut */
};

static void append(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void append(struct words *words, const char *format, ...)
{
    va_list arguments;
    if (words->used >= words->size)
        return;
    va_start(arguments, format);
    int wrote = vsnprintf(words->buffer + words->used, words->size - words->used, format, arguments);
    va_end(arguments);
    words->used += wrote > 0 ? (size_t)wrote : 0;
}

static const char *comma(const struct words *words)
{
    return words->used > 0 ? ", " : "";
}

static void append_symbol(struct words *words, const struct difference *difference, const struct place *place)
{
    const struct place *named = place->symbol != NULL ? place : &difference->rebuilt;
    if (named->symbol != NULL)
        append(words, "%s+%#jx", named->symbol, (uintmax_t)named->inside);
    if (place->borrowed)
        append(words, " (named by the other side)");
}

static void append_source(struct words *words, const struct difference *difference)
{
    const struct place *lined = difference->vendor.line != 0 ? &difference->vendor : &difference->rebuilt;
    if (lined->line != 0)
        append(words, "%s%s:%u%s", comma(words), lined->source, lined->line,
               lined == &difference->rebuilt && difference->vendor.present ? " (by the rebuilt side)" : "");
    if (difference->user != NULL)
        append(words, "%sused by %s", comma(words), difference->user);
}

static void append_section(struct words *words, const struct place *place)
{
    if (place->section != NULL && !range_empty(place->bytes))
        append(words, words->used > 0 ? " (%s, offset %#jx)" : "%s, offset %#jx", place->section,
               (uintmax_t)place->bytes.begin);
    else if (place->section != NULL)
        append(words, words->used > 0 ? " (%s)" : "%s", place->section);
}

char *report_place(const struct difference *difference, char *buffer, size_t size)
{
    const struct place *place = difference->vendor.present ? &difference->vendor : &difference->rebuilt;
    struct words words = {buffer, size, 0};
    buffer[0] = '\0';
    append_symbol(&words, difference, place);
    append_source(&words, difference);
    append_section(&words, place);
    if (!difference->vendor.present || !difference->rebuilt.present)
        append(&words, "%s%s", comma(&words), difference->vendor.present ? "vendor only" : "rebuilt only");
    return buffer;
}
