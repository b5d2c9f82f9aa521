/*
 * The way of two .buildinfo files: opened with all others, read after the verdict, which does not rest on them. One
 * that cannot be opened is an error as any other file's; whatever is in it can at most make it useless.
 */
#include "buildinfo_files.h"

#include <stddef.h>
#include <string.h>

static const char *asked_for(const struct compare_options *options, size_t side)
{
    /* Callers that were compiled before these options have none. */
    if (options == NULL || options->size < offsetof(struct compare_options, rebuilt_buildinfo) + sizeof(char *))
        return NULL;
    return side == 0 ? options->vendor_buildinfo : options->rebuilt_buildinfo;
}

static int open_side(struct compare_result *result, const struct compare_options *options, size_t side,
                     struct compare_error *error)
{
    struct compare_limits limits = limits_for(options != NULL ? options->limits : NULL, 0);
    const char *asked = asked_for(options, side);
    if (asked == NULL)
        return 0;
    const char *path = arena_strdup(&result->arena, asked);
    if (path == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    /* Of a pipe no more than is of use. Beyond that, what was read is enough to say that it is too much. */
    limits.stream = limits.stream < BUILDINFO_SIZE_MOST ? limits.stream : BUILDINFO_SIZE_MOST;
    int status = image_open(path, &limits, &result->buildinfo[side], error);
    bool too_large = status == COMPARE_ERROR_LIMIT && result->buildinfo[side].size > BUILDINFO_SIZE_MOST;
    result->has_buildinfo[side] = status == 0 || too_large;
    return too_large ? 0 : status;
}

int buildinfo_files_open(struct compare_result *result, const struct compare_options *options,
                         struct compare_error *error)
{
    int status = open_side(result, options, 0, error);
    return status == 0 ? open_side(result, options, 1, error) : status;
}

/* ---- Reading ---- */

/* made: NULL where there was no memory for it. */
static void note_set(struct compare_result *result, size_t side, const char *made)
{
    static const char *const without[] = {"the vendor's .buildinfo file is not used: no memory",
                                          "the rebuilt .buildinfo file is not used: no memory"};
    result->buildinfo_note[side] = made != NULL ? made : without[side];
}

static void note(struct compare_result *result, size_t side, const char *text)
{
    char path[600];
    escape_text(path, sizeof(path), result->buildinfo[side].path);
    note_set(result, side, arena_printf(&result->arena, "%s %s", path, text));
}

static bool read_side(struct compare_result *result, size_t side, struct buildinfo *buildinfo)
{
    const struct image *file = &result->buildinfo[side];
    struct compare_error error;
    if (buildinfo_read(file->path, file->bytes, file->size, &result->arena, buildinfo, &error) == 0)
        return true;
    note_set(result, side, arena_printf(&result->arena, "%s (not used)", error.message));
    return false;
}

static const char *shown_path(struct compare_result *result, size_t side)
{
    char path[1000];
    return arena_strdup(&result->arena, escape_text(path, sizeof(path), result->buildinfo[side].path));
}

static void compare_both(struct compare_result *result, const struct buildinfo sides[2])
{
    struct environments *environments = &result->environments;
    bool compared = environments_compare(&sides[0], &sides[1], &result->arena, environments);
    environments->vendor.path = shown_path(result, 0);
    environments->rebuilt.path = shown_path(result, 1);
    result->has_environments = compared && environments->vendor.path != NULL && environments->rebuilt.path != NULL;
    for (size_t side = 0; side < 2 && !result->has_environments; side++)
        note_set(result, side, NULL);
}

void buildinfo_files_read(struct compare_result *result)
{
    struct buildinfo sides[2];
    bool all = true;
    for (size_t side = 0; side < 2; side++)
        all = result->has_buildinfo[side] && read_side(result, side, &sides[side]) && all;
    for (size_t side = 0; side < 2; side++) {
        if (result->has_buildinfo[side] && !result->has_buildinfo[1 - side] && result->buildinfo_note[side] == NULL)
            note(result, side, "is not used: there is no other .buildinfo file to compare it with");
    }
    if (all && image_same_file(&result->buildinfo[0], &result->buildinfo[1]))
        note(result, 1, "is not used: it is the vendor's .buildinfo file, too");
    else if (all)
        compare_both(result, sides);
}

int buildinfo_files_check_unchanged(const struct compare_result *result, struct compare_error *error)
{
    int status = 0;
    for (size_t side = 0; side < 2 && status == 0; side++)
        status = result->has_buildinfo[side] ? image_check_unchanged(&result->buildinfo[side], error) : 0;
    return status;
}

uint64_t buildinfo_files_size(const struct compare_result *result)
{
    return result->buildinfo[0].size + result->buildinfo[1].size;
}
