/*
 * The debug information of two files, compared: what is told is consistent, and a file does not differ from itself.
 */
#include "fuzz.h"
#include "pair.h"

#include "../compare/compare.h"

static void check(const struct debug_comparison *debug)
{
    FUZZ_ASSERT(debug->verdict != DEBUG_SAME || (debug->root_count == 0 && debug->why == NULL));
    FUZZ_ASSERT(debug->verdict != DEBUG_SAME || (debug->differing_entries == 0 && debug->differing_units == 0));
    FUZZ_ASSERT(debug->verdict != DEBUG_UNDECIDED || debug->why != NULL);
    for (size_t i = 0; i < debug->root_count; i++) {
        const struct debug_root *root = &debug->roots[i];
        FUZZ_ASSERT(root->kind < DEBUG_ROOT_KINDS && root->what != NULL);
        FUZZ_ASSERT(root->units <= root->count || root->count == 0);
        for (const char *at = root->vendor != NULL ? root->vendor : ""; *at != '\0'; at++)
            FUZZ_ASSERT(*at >= 0x20 && *at < 0x7f);
        for (const char *at = root->entry != NULL ? root->entry : ""; *at != '\0'; at++)
            FUZZ_ASSERT(*at >= 0x20 && *at < 0x7f);
    }
}

struct files {
    struct image images[2];
};

static int compare_all(void *argument)
{
    struct files *files = argument;
    for (unsigned vendor = 0; vendor < 2; vendor++) {
        for (unsigned rebuilt = 0; rebuilt < 2; rebuilt++) {
            struct arena arena = {0};
            struct debug_comparison debug;
            debug_compare(&files->images[vendor], &files->images[rebuilt], NULL, &arena, &debug);
            check(&debug);
            if (vendor == rebuilt && debug.root_count > 0)
                fprintf(stderr, "%s of %s: %s, %s\n", debug.roots[0].what, debug.roots[0].entry, debug.roots[0].vendor,
                        debug.roots[0].rebuilt);
            FUZZ_ASSERT(vendor != rebuilt || debug.verdict != DEBUG_DIFFERENT);
            arena_free(&arena);
        }
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pair_input pair;
    struct files files;
    struct compare_error error;
    bool parsed = true;
    pair_open(&pair, data, size);
    for (size_t i = 0; i < 2; i++)
        fuzz_open(&files.images[i], pair.files[i].bytes, pair.files[i].size);
    for (size_t i = 0; i < 2; i++)
        parsed = fuzz_parse(&files.images[i]) == 0 && parsed;
    if (parsed)
        FUZZ_ASSERT(image_guard(compare_all, &files, &error) == 0);
    for (size_t i = 0; i < 2; i++)
        fuzz_close(&files.images[i]);
    pair_close(&pair);
    return 0;
}

#define STRETCH 32

/* Most changes stay in place, so that offsets into debug information lead where they did. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    if (seed % 8 == 0 || size < 7 + STRETCH)
        return pair_mutate(data, size, most, seed / 8);
    LLVMFuzzerMutate(data + 7 + seed / 8 % (size - 6 - STRETCH), seed % 3 == 0 ? 1 : STRETCH, STRETCH);
    return size;
}
