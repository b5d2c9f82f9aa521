/*
 * The manifest: one pair a line, as JSON Lines where its first line begins with a brace, else as TSV whose head line
 * names the columns. All of it is checked before any work begins: a run of hours does not end at a misspelt column.
 *
 * Of each line its place and the digest of its id are held; a pair is read again when its turn comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch.h"

#define ERRORS_MOST 10
#define ID_MOST     4096

static const struct {
    const char *name;
    size_t place; /* in struct pair */
    bool needed;
} fields[] = {
    {"id", offsetof(struct pair, id), true},
    {"vendor", offsetof(struct pair, vendor), true},
    {"rebuilt", offsetof(struct pair, rebuilt), true},
    {"vendor_debug", offsetof(struct pair, vendor_debug), false},
    {"rebuilt_debug", offsetof(struct pair, rebuilt_debug), false},
    {"policy", offsetof(struct pair, policy), false},
    {"package", offsetof(struct pair, package), false},
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

struct row {
    size_t offset, size, line;
    struct key key;
};

struct manifest {
    const char *path;
    char *text;
    size_t size;
    bool json;
    size_t columns[FIELDS]; /* TSV: the field of each column */
    size_t column_count;
    struct row *rows;
    size_t count, capacity;
    size_t errors;
};

static const char **field_of(struct pair *pair, size_t field)
{
    return (const char **)(void *)((char *)pair + fields[field].place);
}

static size_t field_named(const char *name)
{
    size_t i = 0;
    while (i < FIELDS && strcmp(fields[i].name, name) != 0)
        i++;
    return i;
}

static void *grown(void *memory, size_t size)
{
    void *larger = realloc(memory, size);
    if (larger == NULL)
        give_up("no memory");
    return larger;
}

/* ---- Keys and shards ---- */

struct key key_of(const char *id)
{
    struct key key;
    struct compare_error error;
    if (compare_bytes_digest(id, strlen(id), key.bytes, &error) != 0)
        give_up(error.message);
    return key;
}

char *key_text(const struct key *key, char text[KEY_TEXT])
{
    for (size_t i = 0; i < sizeof(key->bytes); i++)
        snprintf(text + 2 * i, 3, "%02x", key->bytes[i]);
    return text;
}

bool shard_parse(const char *text, struct shard *shard)
{
    char *end;
    errno = 0;
    shard->index = strtoull(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || end[0] != '/' || end[1] < '0' || end[1] > '9')
        return false;
    shard->count = strtoull(end + 1, &end, 10);
    return errno == 0 && *end == '\0' && shard->index < shard->count;
}

bool shard_holds(const struct shard *shard, const struct key *key)
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | key->bytes[i];
    return shard->count == 0 || number % shard->count == shard->index;
}

/* ---- Errors, each with its line ---- */

static void complain(struct manifest *manifest, size_t line, const char *what, const char *which)
{
    char shown[200] = "";
    if (manifest->errors++ >= ERRORS_MOST)
        return;
    for (size_t i = 0; which != NULL && which[i] != '\0' && strlen(shown) < sizeof(shown) - 5; i++) {
        bool plain = which[i] >= ' ' && which[i] <= '~' && which[i] != '\\';
        sprintf(shown + strlen(shown), plain ? "%c" : "\\x%02x", (unsigned char)which[i]);
    }
    fail("%s: line %zu: %s%s%s%s", manifest->path, line, what, which != NULL ? " '" : "", shown,
         which != NULL ? "'" : "");
}

/* ---- Reading one line ---- */

/* Sets the fields of a TSV line, whose text is changed; the number of its columns. */
static size_t split(const struct manifest *manifest, char *text, struct pair *pair)
{
    size_t count = 0;
    for (char *next = text; next != NULL; count++) {
        char *value = next;
        next = strchr(value, '\t');
        if (next != NULL)
            *next++ = '\0';
        if (count < manifest->column_count && value[0] != '\0')
            *field_of(pair, manifest->columns[count]) = value;
    }
    return count;
}

static bool read_tsv(struct manifest *manifest, const char *text, size_t size, size_t line, struct pair *pair)
{
    pair->storage = grown(NULL, size + 1);
    memcpy(pair->storage, text, size);
    pair->storage[size] = '\0';
    if (strlen(pair->storage) != size) {
        complain(manifest, line, "has a NUL byte", NULL);
        return false;
    }
    size_t count = split(manifest, pair->storage, pair);
    if (count == manifest->column_count)
        return true;
    char counts[80];
    snprintf(counts, sizeof(counts), "has %zu column%s, where the head line has %zu", count, count == 1 ? "" : "s",
             manifest->column_count);
    complain(manifest, line, counts, NULL);
    return false;
}

static bool read_json(struct manifest *manifest, const char *text, size_t size, size_t line, struct pair *pair)
{
    json_error_t error;
    const char *key;
    json_t *value;
    pair->owner = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(pair->owner)) {
        complain(manifest, line, pair->owner == NULL ? "is no JSON:" : "is no JSON object",
                 pair->owner == NULL ? error.text : NULL);
        return false;
    }
    json_object_foreach(pair->owner, key, value)
    {
        size_t field = field_named(key);
        if (field == FIELDS || !(json_is_string(value) || (json_is_null(value) && !fields[field].needed))) {
            complain(manifest, line, field == FIELDS ? "unknown key" : "must be a string:", key);
            return false;
        }
        if (json_is_string(value) && json_string_length(value) > 0)
            *field_of(pair, field) = json_string_value(value);
    }
    return true;
}

static bool read_pair(struct manifest *manifest, const struct row *row, struct pair *pair)
{
    *pair = (struct pair){0};
    return (manifest->json ? read_json : read_tsv)(manifest, manifest->text + row->offset, row->size, row->line, pair);
}

void pair_free(struct pair *pair)
{
    json_decref(pair->owner);
    free(pair->storage);
    *pair = (struct pair){0};
}

/* ---- Checking all of them ---- */

static bool is_utf8(const char *text)
{
    json_t *string = json_string(text);
    json_decref(string);
    return string != NULL;
}

static void check(struct manifest *manifest, struct row *row)
{
    struct pair pair;
    bool sound = read_pair(manifest, row, &pair);
    for (size_t i = 0; i < FIELDS && sound; i++) {
        if (fields[i].needed && *field_of(&pair, i) == NULL) {
            complain(manifest, row->line, "has no", fields[i].name);
            sound = false;
        }
    }
    if (sound && strlen(pair.id) > ID_MOST) {
        complain(manifest, row->line, "its id is longer than 4096 bytes", NULL);
        sound = false;
    }
    if (sound && (!is_utf8(pair.id) || (pair.package != NULL && !is_utf8(pair.package)))) {
        complain(manifest, row->line, "its id or package is not UTF-8:", pair.id);
        sound = false;
    }
    if (sound)
        row->key = key_of(pair.id);
    pair_free(&pair);
}

static bool read_head(struct manifest *manifest, char *text, size_t line)
{
    bool seen[FIELDS] = {false};
    for (char *next = text; next != NULL;) {
        char *name = next;
        next = strchr(name, '\t');
        if (next != NULL)
            *next++ = '\0';
        size_t field = field_named(name);
        if (field == FIELDS || seen[field]) {
            complain(manifest, line, field == FIELDS ? "unknown column" : "a column that occurs twice:", name);
            return false;
        }
        seen[field] = true;
        manifest->columns[manifest->column_count++] = field;
    }
    for (size_t i = 0; i < FIELDS; i++) {
        if (fields[i].needed && !seen[i])
            complain(manifest, line, "the head line names no column", fields[i].name);
    }
    return manifest->errors == 0;
}

static struct row *new_row(struct manifest *manifest)
{
    if (manifest->count == manifest->capacity) {
        manifest->capacity = manifest->capacity == 0 ? 256 : manifest->capacity * 2;
        manifest->rows = grown(manifest->rows, manifest->capacity * sizeof(*manifest->rows));
    }
    struct row *row = &manifest->rows[manifest->count++];
    *row = (struct row){0};
    return row;
}

/* The rows; false where the head line makes no sense of them. */
static bool split_lines(struct manifest *manifest)
{
    bool headed = false;
    size_t line = 0;
    for (size_t at = 0, next; at < manifest->size; at = next) {
        const char *end = memchr(manifest->text + at, '\n', manifest->size - at);
        next = end != NULL ? (size_t)(end - manifest->text) + 1 : manifest->size;
        size_t size = (end != NULL ? next - 1 : next) - at;
        size -= size > 0 && manifest->text[at + size - 1] == '\r';
        line++;
        if (size == 0)
            continue;
        if (!headed)
            manifest->json = manifest->text[at] == '{';
        if (!headed && !manifest->json) {
            manifest->text[at + size] = '\0'; /* there is a byte behind the last line */
            if (!read_head(manifest, manifest->text + at, line))
                return false;
        } else {
            struct row *row = new_row(manifest);
            *row = (struct row){.offset = at, .size = size, .line = line};
        }
        headed = true;
    }
    if (!headed)
        complain(manifest, 1, "is empty: a head line or a JSON object is wanted", NULL);
    return headed;
}

static int by_key(const void *a, const void *b)
{
    const struct row *const *left = a, *const *right = b;
    int order = memcmp(&(*left)->key, &(*right)->key, sizeof(struct key));
    return order != 0 ? order : ((*left)->line > (*right)->line) - ((*left)->line < (*right)->line);
}

static void find_duplicates(struct manifest *manifest)
{
    if (manifest->count == 0)
        return;
    struct row **sorted = grown(NULL, manifest->count * sizeof(struct row *));
    for (size_t i = 0; i < manifest->count; i++)
        sorted[i] = &manifest->rows[i];
    qsort(sorted, manifest->count, sizeof(struct row *), by_key);
    for (size_t i = 1; i < manifest->count; i++) {
        if (memcmp(&sorted[i]->key, &sorted[i - 1]->key, sizeof(struct key)) != 0)
            continue;
        struct pair pair;
        char what[80];
        read_pair(manifest, sorted[i], &pair);
        snprintf(what, sizeof(what), "has the id of line %zu:", sorted[i - 1]->line);
        complain(manifest, sorted[i]->line, what, pair.id);
        pair_free(&pair);
    }
    free(sorted);
}

/* ---- The whole ---- */

static bool read_all(struct manifest *manifest, int fd)
{
    size_t capacity = 0;
    for (;;) {
        if (manifest->size + 1 >= capacity) {
            capacity = capacity == 0 ? 65536 : capacity * 2;
            manifest->text = grown(manifest->text, capacity);
        }
        ssize_t got = read(fd, manifest->text + manifest->size, capacity - 1 - manifest->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            fail("%s: cannot read: %s", manifest->path, strerror(errno));
        if (got <= 0)
            return got == 0;
        manifest->size += (size_t)got;
    }
}

static bool read_file(struct manifest *manifest, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    manifest->path = standard ? "standard input" : path;
    if (fd < 0) {
        fail("%s: cannot open: %s", path, strerror(errno));
        return false;
    }
    bool read = read_all(manifest, fd);
    if (!standard)
        close(fd);
    return read;
}

struct manifest *manifest_open(const char *path)
{
    struct manifest *manifest = grown(NULL, sizeof(*manifest));
    *manifest = (struct manifest){0};
    bool sound = read_file(manifest, path) && split_lines(manifest);
    for (size_t i = 0; i < manifest->count && sound; i++)
        check(manifest, &manifest->rows[i]);
    if (sound && manifest->errors == 0)
        find_duplicates(manifest);
    if (sound && manifest->errors == 0)
        return manifest;
    if (manifest->errors > ERRORS_MOST)
        fail("%s: %zu lines more are wrong", manifest->path, manifest->errors - ERRORS_MOST);
    manifest_free(manifest);
    return NULL;
}

void manifest_free(struct manifest *manifest)
{
    free(manifest->text);
    free(manifest->rows);
    free(manifest);
}

size_t manifest_count(const struct manifest *manifest)
{
    return manifest->count;
}

size_t manifest_line(const struct manifest *manifest, size_t index)
{
    return manifest->rows[index].line;
}

const struct key *manifest_key(const struct manifest *manifest, size_t index)
{
    return &manifest->rows[index].key;
}

void manifest_pair(const struct manifest *manifest, size_t index, struct pair *pair)
{
    struct manifest reading = *manifest; /* it was checked: nothing is complained of */
    read_pair(&reading, &manifest->rows[index], pair);
}
