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

static uint64_t take_entry(struct reader *reader, const struct image *image, uint64_t base)
{
    uint64_t value = base + take_number(reader, DW_EH_PE_sdata4);
    return image->is64 ? value : (uint32_t)value;
}

/* Of records of one address lld lists the first (SyntheticSections.cpp, getFdeData), and leaves room for all of them. */
static bool is_listed(const struct frames *frames, size_t i)
{
    return i == 0 || frames->by_begin[i - 1]->begin != frames->by_begin[i]->begin;
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
                            bool *table)
{
    struct reader reader = reader_of(image, header);
    size_t all = frames->fdes.count, count = 0;
    uint64_t address;
    if (!take_header(&reader, &address, table) || address != frames->section->address || !frames->whole)
        return false;
    if (!*table)
        return reader_left(&reader) == 0;
    for (size_t i = 0; i < all; i++)
        count += is_listed(frames, i);
    bool right = take_u32(&reader) == count && reader_left(&reader) == 8 * all;
    for (size_t i = 0; i < all && right; i++) {
        if (!is_listed(frames, i))
            continue;
        uint64_t begin = take_entry(&reader, image, header->address);
        uint64_t record = take_entry(&reader, image, header->address);
        right = begin == frames->by_begin[i]->begin && record == frames->section->address + frames->by_begin[i]->offset;
    }
    return right && only_zeros_left(&reader);
}
