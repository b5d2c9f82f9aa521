/*
 * A control file of one paragraph (deb822(5)): fields, lines that continue them, comments. It may be clear-signed
 * (RFC 9580, 7): then the text is taken out of its frame. The signature is not checked, and what is read is not
 * believed for it. Whatever does not fit is refused with its line; what the fields mean is said elsewhere (fields.c).
 */
#include "deb822.h"

#include <string.h>
#include <strings.h>

/* Far above real files, and small enough that the table of a file made of line ends stays small. */
#define LINES_MOST  200000u
#define FIELDS_MOST 1000u

#define BEGIN_SIGNED    "-----BEGIN PGP SIGNED MESSAGE-----"
#define BEGIN_SIGNATURE "-----BEGIN PGP SIGNATURE-----"
#define END_SIGNATURE   "-----END PGP SIGNATURE-----"

enum part { PART_BEFORE = 0, PART_ARMOUR, PART_FIELDS, PART_BEHIND, PART_SIGNATURE, PART_END };

struct field {
    struct span name;
    size_t first_line, line_count;
    unsigned number;
};

struct reader {
    const char *path;
    struct arena *arena;
    struct compare_error *error;
    enum part part;
    bool clearsigned;
    unsigned number;    /* of the line */
    struct list lines;  /* of struct deb822_line */
    struct list fields; /* of struct field */
};

/* ---- Spans ---- */

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r';
}

static struct span trimmed_behind(struct span span)
{
    while (span.size > 0 && is_blank(span.bytes[span.size - 1]))
        span.size--;
    return span;
}

struct span span_trimmed(struct span span)
{
    span = trimmed_behind(span);
    while (span.size > 0 && is_blank(span.bytes[0])) {
        span.bytes++;
        span.size--;
    }
    return span;
}

const char *span_shown(struct span span, char buffer[NAME_SHOWN])
{
    return escape_bytes(buffer, NAME_SHOWN, span.bytes, span.size);
}

static bool span_is(struct span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.bytes, text, span.size) == 0;
}

static bool same_name(struct span a, struct span b)
{
    return a.size == b.size && strncasecmp(a.bytes, b.bytes, a.size) == 0;
}

/* ---- Lines of the paragraph ---- */

static int malformed(struct reader *r, const char *what)
{
    return error_set(r->error, COMPARE_ERROR_MALFORMED, r->path, "line %u: %s", r->number, what);
}

static int no_memory(struct reader *r)
{
    return error_set(r->error, COMPARE_ERROR_MEMORY, r->path, "no memory");
}

static int add_line(struct reader *r, struct span text)
{
    struct deb822_line *line = list_add(&r->lines);
    if (line == NULL)
        return no_memory(r);
    *line = (struct deb822_line){span_trimmed(text), r->number};
    return 0;
}

/* Printable ASCII without the colon, and no beginning that stands for something else (deb822(5)). */
static bool is_field_name(struct span name)
{
    if (name.size == 0 || name.bytes[0] == '-' || name.bytes[0] == '#')
        return false;
    for (size_t i = 0; i < name.size; i++) {
        if (name.bytes[i] <= ' ' || name.bytes[i] > '~')
            return false;
    }
    return true;
}

static const struct field *find_field(const struct reader *r, struct span name)
{
    const struct field *fields = r->fields.items;
    for (size_t i = 0; i < r->fields.count; i++) {
        if (same_name(fields[i].name, name))
            return &fields[i];
    }
    return NULL;
}

static int begin_field(struct reader *r, struct span line)
{
    char shown[NAME_SHOWN];
    const char *colon = memchr(line.bytes, ':', line.size);
    struct span name = {line.bytes, colon != NULL ? (size_t)(colon - line.bytes) : 0};
    if (!is_field_name(name))
        return malformed(r, "neither a field (\"Name: value\") nor a line that continues one");
    const struct field *before = find_field(r, name);
    if (before != NULL)
        return error_set(r->error, COMPARE_ERROR_MALFORMED, r->path,
                         "line %u: the field %s a second time, after line %u", r->number, span_shown(name, shown),
                         before->number);
    if (r->fields.count >= FIELDS_MOST)
        return error_set(r->error, COMPARE_ERROR_LIMIT, r->path, "line %u: more than %u fields", r->number,
                         FIELDS_MOST);
    struct field *field = list_add(&r->fields);
    if (field == NULL)
        return no_memory(r);
    *field = (struct field){name, r->lines.count, 1, r->number};
    return add_line(r, (struct span){colon + 1, line.size - name.size - 1});
}

static int continue_field(struct reader *r, struct span line)
{
    struct field *fields = r->fields.items;
    if (r->fields.count == 0)
        return malformed(r, "it continues a field, but none stands before it");
    fields[r->fields.count - 1].line_count++;
    return add_line(r, line);
}

static int take_in_paragraph(struct reader *r, struct span line)
{
    if (r->clearsigned && line.size > 0 && line.bytes[0] == '-') {
        if (span_is(line, BEGIN_SIGNATURE)) {
            r->part = PART_SIGNATURE;
            return 0;
        }
        if (line.size < 2 || line.bytes[1] != ' ')
            return malformed(r, "a dash that is not escaped, in a signed text");
        line = (struct span){line.bytes + 2, line.size - 2};
    }
    if (line.size == 0) {
        r->part = r->fields.count > 0 ? PART_BEHIND : r->part;
        return 0;
    }
    if (line.bytes[0] == '#')
        return 0;
    return line.bytes[0] == ' ' || line.bytes[0] == '\t' ? continue_field(r, line) : begin_field(r, line);
}

/* ---- The file ---- */

static int take_before(struct reader *r, struct span line)
{
    if (line.size == 0)
        return 0;
    if (span_is(line, BEGIN_SIGNED)) {
        r->clearsigned = true;
        r->part = PART_ARMOUR;
        return 0;
    }
    r->part = PART_FIELDS;
    return take_in_paragraph(r, line);
}

static int take_armour(struct reader *r, struct span line)
{
    if (line.size == 0)
        r->part = PART_FIELDS;
    return line.size == 0 || memchr(line.bytes, ':', line.size) != NULL
               ? 0
               : malformed(r, "no header of a signed text (\"Hash: SHA512\")");
}

static int take_behind(struct reader *r, struct span line)
{
    if (r->clearsigned && span_is(line, BEGIN_SIGNATURE))
        r->part = PART_SIGNATURE;
    else if (line.size > 0 && line.bytes[0] != '#')
        return malformed(r, "a second paragraph, where a .buildinfo file has one");
    return 0;
}

static int take_line(struct reader *r, struct span line)
{
    line = trimmed_behind(line);
    switch (r->part) {
    case PART_BEFORE:
        return take_before(r, line);
    case PART_ARMOUR:
        return take_armour(r, line);
    case PART_FIELDS:
        return take_in_paragraph(r, line);
    case PART_BEHIND:
        return take_behind(r, line);
    case PART_SIGNATURE:
        r->part = span_is(line, END_SIGNATURE) ? PART_END : r->part;
        return 0;
    case PART_END:
        break;
    }
    return line.size == 0 ? 0 : malformed(r, "something stands behind the signature");
}

static int take_lines(struct reader *r, struct span rest)
{
    int status = 0;
    while (rest.size > 0 && status == 0) {
        const char *end = memchr(rest.bytes, '\n', rest.size);
        struct span line = {rest.bytes, end != NULL ? (size_t)(end - rest.bytes) : rest.size};
        size_t taken = line.size + (end != NULL);
        if (++r->number > LINES_MOST)
            return error_set(r->error, COMPARE_ERROR_LIMIT, r->path, "more than %u lines", LINES_MOST);
        status = memchr(line.bytes, '\0', line.size) != NULL ? malformed(r, "a NUL byte") : take_line(r, line);
        rest = (struct span){rest.bytes + taken, rest.size - taken};
    }
    if (status == 0 && r->clearsigned && r->part != PART_END)
        return malformed(r, "the signature is missing or has no end: truncated?");
    if (status == 0 && r->fields.count == 0)
        return malformed(r, "there is no field in it");
    return status;
}

int deb822_read(const char *path, struct span bytes, struct arena *arena, struct deb822 *deb822,
                struct compare_error *error)
{
    struct reader r = {.path = path,
                       .arena = arena,
                       .error = error,
                       .lines = {.arena = arena, .item_size = sizeof(struct deb822_line)},
                       .fields = {.arena = arena, .item_size = sizeof(struct field)}};
    int status = take_lines(&r, bytes);
    const struct field *fields = r.fields.items;
    if (status != 0)
        return status;
    *deb822 = (struct deb822){.clearsigned = r.clearsigned, .field_count = r.fields.count};
    deb822->fields = arena_alloc(arena, r.fields.count, sizeof(*deb822->fields));
    if (deb822->fields == NULL)
        return no_memory(&r);
    for (size_t i = 0; i < r.fields.count; i++)
        deb822->fields[i] = (struct deb822_field){
            fields[i].name, (const struct deb822_line *)r.lines.items + fields[i].first_line, fields[i].line_count};
    return 0;
}

const struct deb822_field *deb822_find(const struct deb822 *deb822, const char *name)
{
    for (size_t i = 0; i < deb822->field_count; i++) {
        if (same_name(deb822->fields[i].name, (struct span){name, strlen(name)}))
            return &deb822->fields[i];
    }
    return NULL;
}
