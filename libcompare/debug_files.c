/*
 * Separate debug files lie where the build ID says (gdb, "Separate Debug Files"; Debian's -dbgsym packages). The ID is
 * in the file that is not to be parsed by a process that can still open files: a worker reads it, confined, and leaves
 * it in shared memory; of that, only hexadecimal digits are made into a path.
 */
#include "debug_files.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "confine/confine.h"

#define HEX_LEAST ((size_t)2 * BUILD_ID_LEAST)
#define HEX_MOST  ((size_t)2 * BUILD_ID_MOST)

/* ---- The build ID, read elsewhere ---- */

struct reading {
    const struct image *opened;
    const struct compare_options *options;
    struct image image; /* the worker's */
    char *shared;       /* HEX_MOST digits and a NUL */
    struct compare_error *error;
};

static int read_step(void *argument)
{
    struct reading *reading = argument;
    struct range id;
    int status = image_parse(&reading->image, reading->error);
    if (status != 0 || !image_build_id(&reading->image, &id))
        return status;
    const uint8_t *bytes = reading->image.bytes + id.begin;
    for (uint64_t i = 0; i < range_size(id); i++)
        snprintf(reading->shared + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static int read_in_worker(void *argument, int *outcome, struct compare_error *error)
{
    struct reading *reading = argument;
    struct compare_confinement got = {0};
    const struct compare_options *options = reading->options;
    uint64_t memory = limits_for(options->limits, reading->opened->size).memory;
    int status = options->confine ? confine_process(memory, &got, error) : 0;
    *outcome = 0;
    reading->image = *reading->opened;
    reading->error = error;
    return status == 0 ? image_guard(read_step, reading, error) : status;
}

static bool is_hex(const char *text)
{
    size_t size = strnlen(text, HEX_MOST + 1);
    return size >= HEX_LEAST && size <= HEX_MOST && size % 2 == 0 && strspn(text, "0123456789abcdef") == size;
}

/* hex is left empty where there is no build ID. */
static int read_build_id(const struct image *opened, const struct compare_options *options, char hex[HEX_MOST + 1],
                         struct compare_error *error)
{
    struct reading reading = {.opened = opened, .options = options};
    /* The file is read already; what this process writes, another has no business with. */
    static const int nothing[] = {-1};
    struct compare_work work = {.what = opened->path,
                                .size = opened->size,
                                .limits = options->limits,
                                .run = read_in_worker,
                                .argument = &reading,
                                .keep = nothing};
    int outcome;
    reading.shared = mmap(NULL, HEX_MOST + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    hex[0] = '\0';
    if (reading.shared == MAP_FAILED)
        return error_set(error, COMPARE_ERROR_MEMORY, opened->path, "no memory");
    int status = compare_in_worker(&work, &outcome, error);
    /* The worker is gone, so that nothing changes any more. */
    if (status == 0 && is_hex(reading.shared))
        memcpy(hex, reading.shared, strlen(reading.shared) + 1);
    munmap(reading.shared, HEX_MOST + 1);
    return status;
}

/* ---- Finding and opening ---- */

static int no_memory(struct compare_error *error)
{
    return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
}

/* What is said of a path, or NULL without memory. */
static const char *note(struct compare_result *result, const char *path, const char *text, const char *detail)
{
    char escaped[600];
    return arena_printf(&result->arena, "%s %s%s", escape_text(escaped, sizeof(escaped), path), text, detail);
}

/* The file in the directory, or NULL. */
static const char *search(struct compare_result *result, const char *directory, const char *hex)
{
    static const char *const layouts[] = {".build-id/", "", "usr/lib/debug/.build-id/"};
    for (size_t i = 0; i < ARRAY_COUNT(layouts); i++) {
        struct stat status;
        size_t size = strlen(directory) + strlen(layouts[i]) + strlen(hex) + sizeof("//.debug");
        char *path = arena_alloc(&result->arena, size, 1);
        if (path == NULL)
            return NULL;
        snprintf(path, size, "%s/%s%.2s/%s.debug", directory, layouts[i], hex, hex + 2);
        if (stat(path, &status) == 0)
            return path;
    }
    return NULL;
}

struct side {
    const char *asked;
    const struct image *image;
    struct image *debug;
    bool *has;
    const char **note;
};

/* path is left NULL, with a note, where the directory does not have it. */
static int search_side(struct compare_result *result, const struct compare_options *options, const struct side *side,
                       const char **path, struct compare_error *error)
{
    char hex[HEX_MOST + 1];
    *path = NULL;
    int status = read_build_id(side->image, options, hex, error);
    if (status != 0)
        return status;
    if (hex[0] != '\0')
        *path = search(result, side->asked, hex);
    if (*path != NULL)
        return 0;
    *side->note = hex[0] != '\0'
                      ? note(result, side->asked, "has no debug file for build ID ", hex)
                      : note(result, side->image->path, "has no build ID by which to find its debug file", "");
    return *side->note != NULL ? 0 : no_memory(error);
}

static int open_side(struct compare_result *result, const struct compare_options *options, const struct side *side,
                     struct compare_error *error)
{
    struct stat status;
    const char *path = side->asked;
    int done = 0;
    if (path != NULL && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        done = search_side(result, options, side, &path, error);
    if (done != 0 || path == NULL)
        return done;
    path = arena_strdup(&result->arena, path);
    done = path != NULL ? image_open(path, options->limits, side->debug, error) : no_memory(error);
    *side->has = done == 0;
    return done;
}

static void sides_of(struct compare_result *result, const struct compare_options *options, struct side sides[2])
{
    /* Callers that were compiled before these options have none. */
    bool known = options != NULL && options->size >= offsetof(struct compare_options, rebuilt_debug) + sizeof(char *);
    sides[0] = (struct side){known ? options->vendor_debug : NULL, &result->vendor, &result->vendor_debug,
                             &result->has_vendor_debug, &result->debug_note[0]};
    sides[1] = (struct side){known ? options->rebuilt_debug : NULL, &result->rebuilt, &result->rebuilt_debug,
                             &result->has_rebuilt_debug, &result->debug_note[1]};
}

int debug_files_open(struct compare_result *result, const struct compare_options *options, struct compare_error *error)
{
    struct side sides[2];
    sides_of(result, options, sides);
    int status = open_side(result, options, &sides[0], error);
    return status == 0 ? open_side(result, options, &sides[1], error) : status;
}

/* ---- Whether they belong to the files ---- */

static bool belongs(const struct image *image, const struct image *debug)
{
    struct range ours, theirs;
    bool have_ours = image_build_id(image, &ours), have_theirs = image_build_id(debug, &theirs);
    if (image->header.e_machine != debug->header.e_machine || image->is64 != debug->is64 ||
        image->big_endian != debug->big_endian || have_ours != have_theirs)
        return false;
    return !have_ours || (range_size(ours) == range_size(theirs) &&
                          memcmp(image->bytes + ours.begin, debug->bytes + theirs.begin, range_size(ours)) == 0);
}

int debug_files_parse(struct compare_result *result, struct compare_error *error)
{
    struct side sides[2];
    int status = 0;
    sides_of(result, NULL, sides);
    for (size_t i = 0; i < ARRAY_COUNT(sides) && status == 0; i++) {
        if (!*sides[i].has)
            continue;
        status = image_parse_debug(sides[i].debug, error);
        if (status != 0 || belongs(sides[i].image, sides[i].debug))
            continue;
        *sides[i].has = false;
        *sides[i].note = note(result, sides[i].debug->path, "is not used: it is the debug file of another build", "");
        status = *sides[i].note != NULL ? 0 : no_memory(error);
    }
    return status;
}

int debug_files_check_unchanged(const struct compare_result *result, struct compare_error *error)
{
    int status = result->has_vendor_debug ? image_check_unchanged(&result->vendor_debug, error) : 0;
    if (status == 0 && result->has_rebuilt_debug)
        status = image_check_unchanged(&result->rebuilt_debug, error);
    return status;
}
