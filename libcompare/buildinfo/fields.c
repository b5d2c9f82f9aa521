/*
 * The fields of a .buildinfo file (deb-buildinfo(5), dpkg-genbuildinfo(1)): lists of packages, of environment
 * variables and of built files, and all others as settings of one value. A list that is cut short would tell of
 * packages that one side only seems to lack, so what does not fit is refused, with its line.
 */
#include <stdlib.h>
#include <string.h>

#include "deb822.h"

#define ENTRIES_MOST 100000u /* of one list; the largest real ones have some 2,000 */
#define NAME_MOST    200u    /* characters; dpkg's own names are far shorter */

struct fields {
    const char *path;
    struct arena *arena;
    struct compare_error *error;
    const struct deb822 *deb822;
};

static int malformed(const struct fields *f, unsigned line, const char *what, struct span span)
{
    char shown[NAME_SHOWN];
    return error_set(f->error, COMPARE_ERROR_MALFORMED, f->path, "line %u: %s: \"%s\"", line, what,
                     span_shown(span, shown));
}

static int no_memory(const struct fields *f)
{
    return error_set(f->error, COMPARE_ERROR_MEMORY, f->path, "no memory");
}

static char *copied(const struct fields *f, struct span span)
{
    char *copy = arena_alloc(f->arena, span.size + 1, 1);
    if (copy != NULL && span.size > 0)
        memcpy(copy, span.bytes, span.size);
    return copy;
}

/* ---- Lists ---- */

static int list_take(const struct fields *f, struct list *list, struct span name, const char *value, unsigned line)
{
    if (list->count >= ENTRIES_MOST)
        return error_set(f->error, COMPARE_ERROR_LIMIT, f->path, "line %u: more than %u entries of one list", line,
                         ENTRIES_MOST);
    struct buildinfo_entry *entry = value != NULL ? list_add(list) : NULL;
    if (entry == NULL)
        return no_memory(f);
    *entry = (struct buildinfo_entry){copied(f, name), value, line};
    return entry->name != NULL ? 0 : no_memory(f);
}

static int entry_order(const void *left, const void *right)
{
    const struct buildinfo_entry *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

static int list_finish(const struct fields *f, const struct list *list, struct buildinfo_list *out)
{
    *out = (struct buildinfo_list){list->items, list->count};
    if (out->count > 1)
        qsort(out->items, out->count, sizeof(*out->items), entry_order);
    for (size_t i = 1; i < out->count; i++) {
        const char *name = out->items[i].name;
        if (strcmp(out->items[i - 1].name, name) == 0)
            return malformed(f, out->items[i].line, "the same name a second time", (struct span){name, strlen(name)});
    }
    return 0;
}

static struct list entries_list(const struct fields *f)
{
    return (struct list){.arena = f->arena, .item_size = sizeof(struct buildinfo_entry)};
}

/* ---- Installed-Build-Depends ---- */

static bool is_of(struct span span, const char *characters, size_t most)
{
    for (size_t i = 0; i < span.size; i++) {
        if (strchr(characters, span.bytes[i]) == NULL)
            return false;
    }
    return span.size > 0 && span.size <= most;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

/* "gcc-12 (= 12.2.0-14)" */
static bool split_package(struct span entry, struct span *name, struct span *version)
{
    const char *open = memchr(entry.bytes, '(', entry.size);
    if (open == NULL || entry.bytes[entry.size - 1] != ')')
        return false;
    size_t before = (size_t)(open - entry.bytes);
    *name = span_trimmed((struct span){entry.bytes, before});
    *version = span_trimmed((struct span){open + 1, entry.size - before - 2});
    if (version->size == 0 || version->bytes[0] != '=')
        return false;
    *version = span_trimmed((struct span){version->bytes + 1, version->size - 1});
    return is_of(*name, LETTERS DIGITS "+-.:", NAME_MOST) && is_of(*version, LETTERS DIGITS "+-.:~", NAME_MOST);
}

static int take_package(const struct fields *f, struct list *list, struct span entry, unsigned line)
{
    struct span name, version;
    if (entry.size == 0 || !split_package(entry, &name, &version))
        return malformed(f, line, "no package with its version, \"name (= version)\"", entry);
    return list_take(f, list, name, copied(f, version), line);
}

/* Entries of one line, each but the last of the field with a comma behind it. */
static int take_packages_of(const struct fields *f, struct list *list, const struct deb822_line *line, bool *comma)
{
    struct span rest = line->text;
    int status = 0;
    while (rest.size > 0 && status == 0) {
        const char *end = memchr(rest.bytes, ',', rest.size);
        size_t size = end != NULL ? (size_t)(end - rest.bytes) : rest.size, taken = size + (end != NULL);
        if (!*comma)
            return malformed(f, line->number, "no comma stands before it", rest);
        status = take_package(f, list, span_trimmed((struct span){rest.bytes, size}), line->number);
        *comma = end != NULL;
        rest = (struct span){rest.bytes + taken, rest.size - taken};
    }
    return status;
}

static int read_packages(const struct fields *f, const struct deb822_field *field, struct buildinfo_list *packages)
{
    struct list list = entries_list(f);
    bool comma = true;
    int status = 0;
    for (size_t i = 0; i < field->line_count && status == 0; i++)
        status = take_packages_of(f, &list, &field->lines[i], &comma);
    const struct deb822_line *last = &field->lines[field->line_count - 1];
    if (status == 0 && comma && list.count > 0)
        return malformed(f, last->number, "the list ends with a comma: truncated?", last->text);
    return status == 0 ? list_finish(f, &list, packages) : status;
}

/* ---- Environment ---- */

struct variables {
    const struct fields *fields;
    const struct deb822_field *field;
    struct list list;
    char *out; /* room for all values, each of which is shorter than what stands in the file */
};

/*
 * Takes what a line has of a value; true where its end is there. dpkg escapes quotes and leaves backslashes, against
 * its manual: so only a quote at the end of a line ends a value.
 */
static bool take_value(struct variables *v, struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        bool escape = text.bytes[i] == '\\' && i + 1 < text.size;
        if (escape && (text.bytes[i + 1] == '"' || text.bytes[i + 1] == '\\'))
            i++;
        else if (text.bytes[i] == '"' && i + 1 == text.size)
            return true;
        *v->out++ = text.bytes[i];
    }
    *v->out++ = '\n';
    return false;
}

/* A variable and the lines that its value goes on for; *at is left behind them. */
static int take_variable(struct variables *v, size_t *at)
{
    const struct deb822_line *line = &v->field->lines[*at];
    const char *equals = memchr(line->text.bytes, '=', line->text.size), *value = v->out;
    size_t size = equals != NULL ? (size_t)(equals - line->text.bytes) : 0;
    struct span name = {line->text.bytes, size};
    if (equals == NULL || !is_of(name, LETTERS DIGITS "_", NAME_MOST) || size + 2 > line->text.size || equals[1] != '"')
        return malformed(v->fields, line->number, "no variable with its value, NAME=\"value\"", line->text);
    struct span text = {equals + 2, line->text.size - size - 2};
    while (!take_value(v, text)) {
        if (++*at >= v->field->line_count)
            return malformed(v->fields, line->number, "the value has no closing quote: truncated?", name);
        text = v->field->lines[*at].text;
    }
    *v->out++ = '\0';
    ++*at;
    return list_take(v->fields, &v->list, name, value, line->number);
}

static int read_variables(const struct fields *f, const struct deb822_field *field, struct buildinfo_list *variables)
{
    struct variables v = {.fields = f, .field = field, .list = entries_list(f)};
    size_t room = 0, at = 0;
    int status = 0;
    for (size_t i = 0; i < field->line_count; i++)
        room += field->lines[i].text.size + 2;
    v.out = arena_alloc(f->arena, room, 1);
    if (v.out == NULL)
        return no_memory(f);
    while (at < field->line_count && status == 0) {
        if (field->lines[at].text.size == 0)
            at++;
        else
            status = take_variable(&v, &at);
    }
    return status == 0 ? list_finish(f, &v.list, variables) : status;
}

/* ---- Checksums-Sha256 ---- */

static struct span next_word(struct span *rest)
{
    size_t size = 0;
    *rest = span_trimmed(*rest);
    while (size < rest->size && rest->bytes[size] != ' ' && rest->bytes[size] != '\t')
        size++;
    struct span word = {rest->bytes, size};
    *rest = (struct span){rest->bytes + size, rest->size - size};
    return word;
}

static int read_artifacts(const struct fields *f, const struct deb822_field *field, struct buildinfo_list *artifacts)
{
    struct list list = entries_list(f);
    int status = 0;
    for (size_t i = 0; i < field->line_count && status == 0; i++) {
        const struct deb822_line *line = &field->lines[i];
        struct span rest = line->text;
        if (rest.size == 0)
            continue;
        struct span digest = next_word(&rest), size = next_word(&rest), name = next_word(&rest);
        if (digest.size != 64 || !is_of(digest, DIGITS "abcdef", 64) || !is_of(size, DIGITS, 20) || name.size == 0 ||
            name.size > NAME_MOST || rest.size > 0)
            return malformed(f, line->number, "no digest, size and name of a file", line->text);
        status = list_take(f, &list, name, copied(f, digest), line->number);
    }
    return status == 0 ? list_finish(f, &list, artifacts) : status;
}

/* ---- Settings ---- */

/* The lines of a field with a space between them, or NULL. */
static char *joined(const struct fields *f, const struct deb822_field *field)
{
    size_t room = 1, used = 0;
    for (size_t i = 0; i < field->line_count; i++)
        room += field->lines[i].text.size + 1;
    char *value = arena_alloc(f->arena, room, 1);
    for (size_t i = 0; value != NULL && i < field->line_count; i++) {
        struct span text = field->lines[i].text;
        if (text.size == 0)
            continue;
        if (used > 0)
            value[used++] = ' ';
        memcpy(value + used, text.bytes, text.size);
        used += text.size;
    }
    return value;
}

static bool is_setting(const struct fields *f, const struct deb822_field *field)
{
    static const char *const others[] = {"Format",          "Installed-Build-Depends", "Environment",
                                         "Checksums-Md5",   "Checksums-Sha1",          "Checksums-Sha256",
                                         "Checksums-Sha512"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (field == deb822_find(f->deb822, others[i]))
            return false;
    }
    return true;
}

static int read_settings(const struct fields *f, struct buildinfo_list *settings)
{
    struct list list = entries_list(f);
    int status = 0;
    for (size_t i = 0; i < f->deb822->field_count && status == 0; i++) {
        const struct deb822_field *field = &f->deb822->fields[i];
        if (field->name.size > NAME_MOST)
            return malformed(f, field->lines[0].number, "a field with a very long name", field->name);
        if (is_setting(f, field))
            status = list_take(f, &list, field->name, joined(f, field), field->lines[0].number);
    }
    return status == 0 ? list_finish(f, &list, settings) : status;
}

/* ---- The file ---- */

/* Fields that each has to have: a file without them is another, or cut short. */
static int check_required(const struct fields *f)
{
    static const char *const required[] = {"Format", "Source", "Version", "Architecture", "Installed-Build-Depends"};
    for (size_t i = 0; i < ARRAY_COUNT(required); i++) {
        const struct deb822_field *field = deb822_find(f->deb822, required[i]);
        if (field == NULL)
            return error_set(f->error, COMPARE_ERROR_MALFORMED, f->path,
                             "no .buildinfo file, or a truncated one: there is no field %s", required[i]);
        struct span value = field->lines[0].text;
        if (i == 0 && (value.size < 2 || memcmp(value.bytes, "1.", 2) != 0))
            return malformed(f, field->lines[0].number, "a format that is not known (1.0 is)", value);
    }
    return 0;
}

int buildinfo_read(const char *path, const void *bytes, uint64_t size, struct arena *arena, struct buildinfo *buildinfo,
                   struct compare_error *error)
{
    static const struct {
        const char *name;
        int (*read)(const struct fields *f, const struct deb822_field *field, struct buildinfo_list *list);
        size_t place; /* of its list, in struct buildinfo */
    } lists[] = {
        {"Installed-Build-Depends", read_packages, offsetof(struct buildinfo, packages)},
        {"Environment", read_variables, offsetof(struct buildinfo, variables)},
        {"Checksums-Sha256", read_artifacts, offsetof(struct buildinfo, artifacts)},
    };
    struct deb822 deb822;
    struct fields f = {.path = path, .arena = arena, .error = error, .deb822 = &deb822};
    *buildinfo = (struct buildinfo){0};
    if (size > BUILDINFO_SIZE_MOST)
        return error_set(error, COMPARE_ERROR_LIMIT, path, "more than the %ju MiB that a .buildinfo file may have",
                         (uintmax_t)(BUILDINFO_SIZE_MOST >> 20));
    int status = deb822_read(path, (struct span){bytes, size}, arena, &deb822, error);
    if (status == 0)
        status = check_required(&f);
    if (status == 0)
        status = read_settings(&f, &buildinfo->settings);
    for (size_t i = 0; i < ARRAY_COUNT(lists) && status == 0; i++) {
        const struct deb822_field *field = deb822_find(&deb822, lists[i].name);
        if (field != NULL)
            status = lists[i].read(&f, field, (struct buildinfo_list *)(void *)((char *)buildinfo + lists[i].place));
    }
    buildinfo->clearsigned = status == 0 && deb822.clearsigned;
    return status;
}
