/*
 * Any bytes as a file: every view of an image, that its extents partition it, its symbols,
 * relocations and debug information.
 */
#include <string.h>

#include "fuzz.h"

#define QUERIES 12

static bool see_unit(void *state, const struct debug_unit *unit)
{
    size_t *bytes = state;
    const char *texts[] = {unit->name, unit->comp_dir, unit->producer, unit->dwo_name, unit->language};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        *bytes += texts[i] != NULL ? strlen(texts[i]) : 0;
    for (size_t i = 0; i < unit->directory_count; i++)
        *bytes += unit->directories[i] != NULL ? strlen(unit->directories[i]) : 0;
    for (size_t i = 0; i < unit->file_count; i++)
        *bytes += unit->files[i] != NULL ? strlen(unit->files[i]) : 0;
    return true;
}

static void check_frame(const struct debug_frame *frame)
{
    if (frame->function != NULL)
        fuzz_check_text(frame->function, 4096);
    if (frame->file != NULL)
        fuzz_check_text(frame->file, 4096);
}

static void check_place(struct debug *debug, uint64_t address, uint32_t section, struct arena *arena)
{
    struct debug_place place;
    bool found = debug_place_at(debug, address, section, arena, &place);
    FUZZ_ASSERT(found == (place.count > 0) && place.count <= ARRAY_COUNT(place.frames));
    for (size_t i = 0; i < place.count; i++)
        check_frame(&place.frames[i]);
}

static void check_object(struct debug *debug, uint64_t address, struct arena *arena)
{
    struct debug_frame declared;
    const char *name;
    bool found = debug_object_at(debug, address, arena, &name, &declared);
    FUZZ_ASSERT(found == (name != NULL));
    check_frame(&declared);
}

static void check_debug(const struct image *image)
{
    struct arena arena = {0};
    struct compare_error error;
    struct debug *debug;
    size_t bytes = 0;
    int status = debug_open(image, &debug, &error);
    FUZZ_ASSERT(status <= 0 && status != COMPARE_ERROR_INTERNAL && (status == 0 || debug == NULL));
    if (debug == NULL)
        return;
    debug_units(debug, 100, &arena, see_unit, &bytes);
    for (uint32_t i = 1; i < image->section_count && i < QUERIES; i++) {
        const struct section *section = &image->sections[i];
        for (uint64_t k = 0; k < QUERIES; k++) {
            check_place(debug, (image_is_relocatable(image) ? 0 : section->address) + 3 * k, i, &arena);
            check_object(debug, section->address + 4 * k, &arena);
        }
    }
    debug_close(debug);
    arena_free(&arena);
}

static void read_symbols(const struct image *image)
{
    struct arena arena = {0};
    struct symbols symbols;
    struct compare_error error;
    if (symbols_read(image, &arena, &symbols, &error) == 0) {
        for (uint64_t at = 0; at < image->size; at += 7) {
            const struct symbol *symbol = symbols_at_offset(&symbols, at);
            FUZZ_ASSERT(symbol == NULL || (symbol->bytes.begin <= at && at < symbol->bytes.end));
        }
        for (size_t i = 0; i < symbols.by_address_count; i++) {
            uint64_t address = symbols.by_address[i]->address;
            FUZZ_ASSERT(address == UINT64_MAX || symbols_at_address(&symbols, address) != NULL);
        }
    }
    arena_free(&arena);
}

static void read_relocations(const struct image *image)
{
    struct arena arena = {0};
    const struct relocation *items;
    struct compare_error error;
    size_t count, found;
    if (relocations_read(image, &arena, &items, &count, &error) == 0) {
        const struct relocation *first = relocations_in(items, count, (struct range){0, image->size}, &found);
        FUZZ_ASSERT(found == count && (count == 0 || first == items));
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct compare_error error;
    struct image image;
    fuzz_open(&image, data, size);
    image.limits = limits_for(&(struct compare_limits){.decompressed = (uint64_t)4 << 20}, size);
    if (fuzz_parse(&image) == 0) {
        check_debug(&image);
        read_symbols(&image);
        read_relocations(&image);
    }
    fuzz_close(&image);
    /* As a separate debug file, whose program headers are not its own. */
    fuzz_open(&image, data, size);
    image.limits = limits_for(&(struct compare_limits){.decompressed = (uint64_t)4 << 20}, size);
    if (image_parse_debug(&image, &error) == 0)
        check_debug(&image);
    fuzz_close(&image);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    return fuzz_mutate_elf(data, size, most, seed);
}
