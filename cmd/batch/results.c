/*
 * A file of results, one line of JSON each. Lines are appended whole, each by one write; what an interruption left of
 * one, at the end of the file and without its newline, is dropped when the run goes on. A later line about a pair
 * stands in the place of an earlier one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "batch.h"

#define DUMP (JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII)

struct entry {
    struct key key;
    struct place place;
};

struct results {
    const char *path; /* NULL: the standard output */
    int fd;
    struct entry *entries; /* of what was there before, sorted */
    size_t count, capacity;
    bool unsynced;
    time_t synced;
};

/* ---- Reading ---- */

static int take_line(char *text, size_t size, const char *path, size_t number, struct place place,
                     int (*take)(void *state, json_t *line, struct place place), void *state)
{
    json_error_t error;
    const char *why = error.text;
    json_t *line = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (line == NULL || !line_is_sound(line, &why)) {
        json_decref(line);
        return fail("%s: line %zu: %s", path, number, why);
    }
    int status = take(state, line, place);
    json_decref(line);
    return status;
}

int results_each(int fd, const char *path, int (*take)(void *state, json_t *line, struct place place), void *state,
                 bool *torn)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), status = 0;
    FILE *file = copy >= 0 && lseek(copy, 0, SEEK_SET) == 0 ? fdopen(copy, "r") : NULL;
    char *text = NULL;
    size_t capacity = 0, number = 0;
    ssize_t size;
    off_t offset = 0;
    *torn = false;
    if (file == NULL)
        return fail("%s: cannot read: %s", path, strerror(errno));
    while (status == 0 && !*torn && (size = getline(&text, &capacity, file)) > 0) {
        *torn = text[size - 1] != '\n';
        if (!*torn)
            status = take_line(text, (size_t)size, path, ++number, (struct place){offset, (size_t)size}, take, state);
        offset += size;
    }
    /* Without memory for a line, getline sets no error; but then it has not come to the end. */
    if (status == 0 && !*torn && !feof(file))
        status = fail("%s: cannot read: %s", path, strerror(errno));
    free(text);
    fclose(file);
    return status;
}

json_t *results_line_at(int fd, const char *path, struct place place)
{
    char *text = malloc(place.size);
    if (text == NULL)
        give_up("no memory");
    size_t size = read_from(fd, place.offset, text, place.size);
    const char *why = "it changed while it was read";
    json_t *line = size == place.size ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(text);
    if (line != NULL && line_is_sound(line, &why))
        return line;
    json_decref(line);
    fail("%s: at offset %jd: %s", path, (intmax_t)place.offset, why);
    return NULL;
}

/* ---- What was there before ---- */

static int take_entry(void *state, json_t *line, struct place place)
{
    struct results *results = state;
    if (results->count == results->capacity) {
        results->capacity = results->capacity == 0 ? 256 : results->capacity * 2;
        struct entry *larger = realloc(results->entries, results->capacity * sizeof(*larger));
        if (larger == NULL)
            return fail("no memory");
        results->entries = larger;
    }
    results->entries[results->count++] = (struct entry){key_of(line_id(line)), place};
    return 0;
}

static int by_key_and_place(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    int order = memcmp(&left->key, &right->key, sizeof(left->key));
    return order != 0 ? order : (left->place.offset > right->place.offset) - (left->place.offset < right->place.offset);
}

static int drop_torn_line(struct results *results)
{
    off_t end = 0;
    for (size_t i = 0; i < results->count; i++) {
        off_t after = results->entries[i].place.offset + (off_t)results->entries[i].place.size;
        end = after > end ? after : end;
    }
    if (ftruncate(results->fd, end) != 0)
        return fail("%s: cannot drop its torn last line: %s", results->path, strerror(errno));
    fprintf(stderr, "elftally: %s: its last line was torn and is dropped\n", results->path);
    return 0;
}

static int read_before(struct results *results)
{
    bool torn;
    int status = results_each(results->fd, results->path, take_entry, results, &torn);
    if (status == 0 && torn)
        status = drop_torn_line(results);
    if (status == 0 && results->count > 0)
        qsort(results->entries, results->count, sizeof(*results->entries), by_key_and_place);
    return status;
}

json_t *results_find(const struct results *results, const struct key *key)
{
    size_t low = 0, high = results->count;
    /* The first that stands behind all of this key; before it is the last of them. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(&results->entries[middle].key, key, sizeof(*key)) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || memcmp(&results->entries[low - 1].key, key, sizeof(*key)) != 0)
        return NULL;
    return results_line_at(results->fd, results->path, results->entries[low - 1].place);
}

/* ---- Writing ---- */

static int open_file(struct results *results, bool resume)
{
    struct stat status;
    results->fd = open(results->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (results->fd < 0 || fstat(results->fd, &status) != 0)
        return fail("%s: cannot open: %s", results->path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return fail("%s: is not a regular file", results->path);
    if (flock(results->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return fail("%s: another run writes to it", results->path);
    /* Only now: a run that has just ended may have written to it. */
    if (fstat(results->fd, &status) != 0)
        return fail("%s: cannot examine: %s", results->path, strerror(errno));
    if (!resume && status.st_size > 0)
        return fail("%s: holds results already; --resume goes on with them", results->path);
    return resume ? read_before(results) : 0;
}

struct results *results_open(const char *path, bool resume)
{
    struct results *results = calloc(1, sizeof(*results));
    if (results == NULL)
        give_up("no memory");
    results->path = path;
    results->fd = STDOUT_FILENO;
    results->synced = time(NULL);
    if (path == NULL || open_file(results, resume) == 0)
        return results;
    results_close(results);
    return NULL;
}

static int cannot_write(const struct results *results, int reason)
{
    return fail("%s: cannot write: %s", results->path != NULL ? results->path : "standard output", strerror(reason));
}

static int write_text(const struct results *results, const char *text, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t wrote = write(results->fd, text + done, size - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return errno;
        done += (size_t)wrote;
    }
    return 0;
}

int results_append(struct results *results, json_t *line)
{
    char *text = json_dumps(line, DUMP);
    if (text == NULL)
        give_up("no memory");
    size_t size = strlen(text);
    text[size] = '\n';
    off_t before = results->path != NULL ? lseek(results->fd, 0, SEEK_END) : 0;
    int reason = write_text(results, text, size + 1);
    /* A full disk takes a part of it. */
    if (reason != 0 && results->path != NULL && before >= 0 && ftruncate(results->fd, before) != 0)
        fail("%s: its last line is torn; --resume drops it", results->path);
    free(text);
    results->unsynced = true;
    return reason == 0 ? 0 : cannot_write(results, reason);
}

int results_sync(struct results *results, bool now)
{
    time_t time_now = time(NULL);
    if (results->path == NULL || !results->unsynced || (!now && time_now == results->synced))
        return 0;
    results->synced = time_now;
    results->unsynced = false;
    return fdatasync(results->fd) == 0 ? 0 : cannot_write(results, errno);
}

int results_close(struct results *results)
{
    int status = results_sync(results, true);
    if (results->path != NULL && results->fd >= 0 && close(results->fd) != 0 && status == 0)
        status = cannot_write(results, errno);
    free(results->entries);
    free(results);
    return status;
}
