/*
 * Numbers and pointers of unwind tables (Linux Standard Base Core, chapter 10.5, "DWARF Extensions"; libgcc's
 * unwind-pe.h): those that gcc and clang write into linked files. Pointers relative to text, data or function, and
 * aligned ones, are not read.
 */
#include <dwarf.h>
#include <string.h>

#include "../tables/tables.h"

struct reader reader_of(const struct image *image, const struct section *section)
{
    const uint8_t *bytes = image_bytes(image, section->bytes);
    return (struct reader){
        .image = image,
        .bytes = bytes,
        .size = bytes != NULL ? range_size(section->bytes) : 0,
        .address = section->address,
        .failed = bytes == NULL,
    };
}

uint64_t reader_left(const struct reader *reader)
{
    return reader->failed ? 0 : reader->size - reader->at;
}

const uint8_t *take_bytes(struct reader *reader, uint64_t count)
{
    reader->failed = reader->failed || count > reader->size - reader->at;
    if (reader->failed)
        return NULL;
    reader->at += count;
    return reader->bytes + reader->at - count;
}

uint8_t take_u8(struct reader *reader)
{
    const uint8_t *bytes = take_bytes(reader, 1);
    return bytes != NULL ? bytes[0] : 0;
}

uint16_t take_u16(struct reader *reader)
{
    const uint8_t *bytes = take_bytes(reader, 2);
    return bytes != NULL ? image_u16(reader->image, bytes) : 0;
}

uint32_t take_u32(struct reader *reader)
{
    const uint8_t *bytes = take_bytes(reader, 4);
    return bytes != NULL ? image_u32(reader->image, bytes) : 0;
}

static uint64_t take_u64(struct reader *reader)
{
    const uint8_t *bytes = take_bytes(reader, 8);
    return bytes != NULL ? image_u64(reader->image, bytes) : 0;
}

/* Readers differ in what they make of more than 64 bits; no one writes that. */
static uint64_t take_leb128(struct reader *reader, bool is_signed)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte = 0x80;
    for (; (byte & 0x80) != 0 && !reader->failed; shift += 7) {
        byte = take_u8(reader);
        reader->failed = reader->failed || shift > 56;
        if (!reader->failed)
            value |= (uint64_t)(byte & 0x7f) << shift;
    }
    if (is_signed && (byte & 0x40) != 0 && shift < 64)
        value |= UINT64_MAX << shift;
    return reader->failed ? 0 : value;
}

uint64_t take_uleb128(struct reader *reader)
{
    return take_leb128(reader, false);
}

int64_t take_sleb128(struct reader *reader)
{
    return (int64_t)take_leb128(reader, true);
}

struct reader take_part(struct reader *reader, uint64_t count)
{
    struct reader part = *reader;
    part.bytes = take_bytes(reader, count);
    part.failed = part.bytes == NULL;
    part.address = reader->address + part.at;
    part.size = part.failed ? 0 : count;
    part.at = 0;
    return part;
}

uint64_t take_number(struct reader *reader, uint8_t encoding)
{
    bool wide = reader->image->is64;
    switch (encoding & 0x0f) {
    case DW_EH_PE_absptr:
        return wide ? take_u64(reader) : take_u32(reader);
    case DW_EH_PE_uleb128:
        return take_uleb128(reader);
    case DW_EH_PE_udata2:
        return take_u16(reader);
    case DW_EH_PE_udata4:
        return take_u32(reader);
    case DW_EH_PE_udata8:
    case DW_EH_PE_sdata8:
        return take_u64(reader);
    case DW_EH_PE_sleb128:
        return (uint64_t)take_sleb128(reader);
    case DW_EH_PE_sdata2:
        return (uint64_t)(int64_t)(int16_t)take_u16(reader);
    case DW_EH_PE_sdata4:
        return (uint64_t)(int64_t)(int32_t)take_u32(reader);
    default:
        reader->failed = true;
        return 0;
    }
}

uint64_t take_encoded(struct reader *reader, uint8_t encoding)
{
    uint64_t place = reader->address + reader->at, mask = reader->image->is64 ? UINT64_MAX : UINT32_MAX;
    uint8_t relative = encoding & 0x70;
    if (encoding == DW_EH_PE_omit || (relative != 0 && relative != DW_EH_PE_pcrel)) {
        reader->failed = true;
        return 0;
    }
    uint64_t value = take_number(reader, encoding);
    if (value != 0 && relative == DW_EH_PE_pcrel)
        value += place;
    return value & mask;
}

unsigned encoded_size(const struct image *image, uint8_t encoding)
{
    uint8_t relative = encoding & 0x70;
    if (encoding == DW_EH_PE_omit || (relative != 0 && relative != DW_EH_PE_pcrel))
        return 0;
    switch (encoding & 0x0f) {
    case DW_EH_PE_absptr:
        return image->is64 ? 8 : 4;
    case DW_EH_PE_udata2:
    case DW_EH_PE_sdata2:
        return 2;
    case DW_EH_PE_udata4:
    case DW_EH_PE_sdata4:
        return 4;
    case DW_EH_PE_udata8:
    case DW_EH_PE_sdata8:
        return 8;
    default:
        return 0;
    }
}
