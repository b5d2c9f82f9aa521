/*
 * MiniDebugInfo (gdb, "Debugging information in a special section"): .gnu_debugdata is an ELF file in xz, whose symbol
 * table has what .dynsym has not. Its section headers are read, its program headers are not: they speak of the outer
 * file.
 */
#include <stdlib.h>

#include "parts.h"
#include "symbols.h"

static bool fits(const struct image *outer, const struct image *inner)
{
    return inner->is64 == outer->is64 && inner->big_endian == outer->big_endian &&
           inner->header.e_machine == outer->header.e_machine && inner->header.e_type == outer->header.e_type;
}

static void collect_inner(struct collection *collection, const uint8_t *bytes, uint64_t size)
{
    struct image inner = {.path = collection->image->path, .bytes = bytes, .size = size};
    struct compare_error ignored;
    struct symbol_table table;
    inner.limits = collection->image->limits;
    int status = headers_parse(&inner, &ignored);
    if (status == 0)
        status = sections_parse(&inner, &ignored);
    if (status == COMPARE_ERROR_MEMORY)
        collection->status = status;
    else if (status == 0 && fits(collection->image, &inner) && symbol_table_of_type(&inner, SHT_SYMTAB, &table))
        collection_add_table(collection, &table, SYMBOL_MINIDEBUGINFO);
    arena_free(&inner.arena);
}

void minidebuginfo_collect(struct collection *collection)
{
    const struct image *image = collection->image;
    const struct section *section = image_section_named(image, ".gnu_debugdata");
    const uint8_t *packed = section != NULL ? image_bytes(image, section->bytes) : NULL;
    uint64_t size = 0, again;
    if (packed == NULL || range_empty(section->bytes))
        return;
    /* Twice: the first time tells the size, so that no stream takes memory before it is known to be sound. */
    int status = image_unxz(packed, range_size(section->bytes), image->limits.decompressed, NULL, 0, &size);
    uint8_t *plain = status == 0 ? malloc(size + 1) : NULL;
    if (plain != NULL)
        status = image_unxz(packed, range_size(section->bytes), size, plain, size, &again);
    if (status == COMPARE_ERROR_SYSTEM || (status == 0 && plain == NULL))
        collection->status = COMPARE_ERROR_MEMORY;
    else if (status == 0)
        collect_inner(collection, plain, size);
    free(plain);
}
