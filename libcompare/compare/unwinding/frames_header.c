/*
 * .eh_frame_hdr (Linux Standard Base Core, chapter 10.6.2; libgcc's unwind-dw2-fde-dip.c): a table of all functions by
 * address. It is made from .eh_frame alone, and is right when it has each record once, in the order of addresses, in
 * the encodings that every linker uses.
 */
#include <dwarf.h>
#include <stdlib.h>

#include "../tables/tables.h"

#define POINTER_ENCODING (DW_EH_PE_pcrel | DW_EH_PE_sdata4)
#define COUNT_ENCODING   DW_EH_PE_udata4
#define TABLE_ENCODING   (DW_EH_PE_datarel | DW_EH_PE_sdata4)

static bool take_header(struct reader *reader, uint64_t *frames, bool *table)
{
    uint8_t version = take_u8(reader), pointer = take_u8(reader), count = take_u8(reader), entries = take_u8(reader);
    *frames = take_encoded(reader, POINTER_ENCODING);
    *table = count == COUNT_ENCODING && entries == TABLE_ENCODING;
    return !reader->failed && version == 1 && pointer == POINTER_ENCODING &&
           (*table || (count == DW_EH_PE_omit && entries == DW_EH_PE_omit));
}

bool frames_header_leads_to(const struct image *image, const struct section *header, const struct section *section)
{
    struct reader reader = reader_of(image, header);
    uint64_t address;
    bool table;
    return take_header(&reader, &address, &table) && address == section->address;
}

static int begin_order(const void *left, const void *right)
{
    const struct fde *a = *(const struct fde *const *)left, *b = *(const struct fde *const *)right;
    return (a->begin > b->begin) - (a->begin < b->begin);
}

static const struct fde **by_begin(const struct frames *frames, struct arena *arena)
{
    size_t count = frames->fdes.count;
    const struct fde **order = arena_alloc(arena, count, sizeof(*order));
    for (size_t i = 0; order != NULL && i < count; i++)
        order[i] = (const struct fde *)frames->fdes.items + i;
    sort_items(order, count, sizeof(*order), begin_order);
    return order;
}

static uint64_t take_entry(struct reader *reader, const struct image *image, uint64_t base)
{
    uint64_t value = base + take_number(reader, DW_EH_PE_sdata4);
    return image->is64 ? value : (uint32_t)value;
}

/* Of records of one address lld lists the first (SyntheticSections.cpp, getFdeData), and leaves room for all of them. */
static size_t without_more(const struct fde **order, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || order[kept - 1]->begin != order[i]->begin)
            order[kept++] = order[i];
    }
    return kept;
}

static bool only_zeros_left(struct reader *reader)
{
    while (reader_left(reader) > 0) {
        if (take_u8(reader) != 0)
            return false;
    }
    return true;
}

bool frames_header_is_right(const struct image *image, const struct section *header, const struct frames *frames,
                            struct arena *arena, bool *table)
{
    struct reader reader = reader_of(image, header);
    uint64_t address;
    if (!take_header(&reader, &address, table) || address != frames->section->address || !frames->whole)
        return false;
    if (!*table)
        return reader_left(&reader) == 0;
    const struct fde **order = by_begin(frames, arena);
    size_t count = order != NULL ? without_more(order, frames->fdes.count) : 0;
    bool right = order != NULL && take_u32(&reader) == count && reader_left(&reader) == 8 * frames->fdes.count;
    for (size_t i = 0; i < count && right; i++) {
        uint64_t begin = take_entry(&reader, image, header->address);
        uint64_t record = take_entry(&reader, image, header->address);
        right = begin == order[i]->begin && record == frames->section->address + order[i]->offset;
    }
    return right && only_zeros_left(&reader);
}
