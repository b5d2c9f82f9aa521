/* Any bytes as a file: every view of an image, that its extents partition it, and what its symbols say of each byte. */
#include "fuzz.h"

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
    struct image image;
    fuzz_open(&image, data, size);
    if (fuzz_parse(&image) == 0) {
        read_symbols(&image);
        read_relocations(&image);
    }
    fuzz_close(&image);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    return fuzz_mutate_elf(data, size, most, seed);
}
