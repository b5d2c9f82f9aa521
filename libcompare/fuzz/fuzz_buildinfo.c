/* Any bytes as two .buildinfo files: sorted lists and printable differences between them, or an error to be shown. */
#include <string.h>

#include "../buildinfo/buildinfo.h"
#include "fuzz.h"

static void check_list(const struct buildinfo_list *list, size_t size)
{
    for (size_t i = 0; i < list->count; i++) {
        FUZZ_ASSERT(strlen(list->items[i].name) <= size && strlen(list->items[i].value) <= size);
        FUZZ_ASSERT(list->items[i].line > 0);
        FUZZ_ASSERT(i == 0 || strcmp(list->items[i - 1].name, list->items[i].name) < 0);
    }
}

static bool read_side(const uint8_t *bytes, size_t size, struct arena *arena, struct buildinfo *buildinfo)
{
    struct compare_error error = {0};
    char *copy = malloc(size + (size == 0));
    FUZZ_ASSERT(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes, size);
    int status = buildinfo_read("fuzz.buildinfo", copy, size, arena, buildinfo, &error);
    free(copy);
    FUZZ_ASSERT(status == 0 || status == COMPARE_ERROR_MALFORMED || status == COMPARE_ERROR_LIMIT);
    if (status != 0) {
        fuzz_check_text(error.message, sizeof(error.message));
        return false;
    }
    check_list(&buildinfo->settings, size);
    check_list(&buildinfo->variables, size);
    check_list(&buildinfo->packages, size);
    check_list(&buildinfo->artifacts, size);
    return true;
}

static void check_environments(const struct environments *environments)
{
    size_t counts[ENVIRONMENT_KINDS] = {0};
    for (size_t i = 0; i < environments->difference_count; i++) {
        const struct environment_difference *difference = &environments->differences[i];
        FUZZ_ASSERT(difference->vendor != NULL || difference->rebuilt != NULL);
        fuzz_check_text(difference->name, 4096);
        if (difference->vendor != NULL)
            fuzz_check_text(difference->vendor, 20000);
        if (difference->rebuilt != NULL)
            fuzz_check_text(difference->rebuilt, 20000);
        FUZZ_ASSERT(difference->weight >= 1 && difference->weight <= 100 && difference->kind < ENVIRONMENT_KINDS);
        FUZZ_ASSERT(i == 0 || difference[-1].weight >= difference->weight);
        counts[difference->kind]++;
    }
    FUZZ_ASSERT(memcmp(counts, environments->counts, sizeof(counts)) == 0);
    FUZZ_ASSERT(environments->artifacts_equal <= environments->artifacts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct arena arena = {0};
    struct buildinfo sides[2];
    struct environments environments;
    size_t first = input_u16(&input);
    first = first < input.size ? first : input.size;
    bool vendor = read_side(input.bytes, first, &arena, &sides[0]);
    bool rebuilt = read_side(input.bytes + first, input.size - first, &arena, &sides[1]);
    if (vendor && rebuilt) {
        FUZZ_ASSERT(environments_compare(&sides[0], &sides[1], &arena, &environments));
        check_environments(&environments);
        FUZZ_ASSERT(environments_compare(&sides[0], &sides[0], &arena, &environments));
        FUZZ_ASSERT(environments.difference_count == 0);
    }
    arena_free(&arena);
    return 0;
}
