/*
 * Where functions begin and end, by what unwinds the stack through them: .eh_frame (Linux Standard Base Core, chapter
 * 10.6), walked by libdw, and .ARM.exidx (Exception Handling ABI for the Arm Architecture, chapter 6). Without section
 * headers PT_GNU_EH_FRAME leads to the one, PT_ARM_EXIDX is the other. Relocatable files are left alone: their records
 * are filled by relocations, and they have symbols.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "symbols.h"

/* ---- Pointers as the records encode them ---- */

struct encoded {
    const struct image *image;
    const uint8_t *bytes, *end;
    uint64_t address;      /* of bytes: what DW_EH_PE_pcrel counts from */
    uint64_t data_address; /* what DW_EH_PE_datarel counts from; 0: not known */
};

/* Bytes that a pointer takes; 0 for kinds that no compiler uses here (LEB128). */
static unsigned encoded_size(const struct image *image, uint8_t encoding)
{
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

static bool take_number(struct encoded *from, uint8_t encoding, uint64_t *value)
{
    unsigned size = encoded_size(from->image, encoding);
    if (size == 0 || (uint64_t)(from->end - from->bytes) < size)
        return false;
    *value = size == 2   ? image_u16(from->image, from->bytes)
             : size == 4 ? image_u32(from->image, from->bytes)
                         : image_u64(from->image, from->bytes);
    if ((encoding & DW_EH_PE_signed) != 0 && size < 8) {
        uint64_t sign = UINT64_C(1) << (8 * size - 1);
        *value = (*value ^ sign) - sign;
    }
    from->bytes += size;
    from->address += size;
    return true;
}

static bool take_pointer(struct encoded *from, uint8_t encoding, uint64_t *value)
{
    uint64_t base, here = from->address;
    switch (encoding & 0xf0) { /* DW_EH_PE_indirect, 0x80, among the rest: the pointer is elsewhere */
    case DW_EH_PE_absptr:
        base = 0;
        break;
    case DW_EH_PE_pcrel:
        base = here;
        break;
    case DW_EH_PE_datarel:
        base = from->data_address;
        if (base == 0)
            return false;
        break;
    default:
        return false;
    }
    if (!take_number(from, encoding, value))
        return false;
    *value += base;
    if (!from->image->is64)
        *value = (uint32_t)*value;
    return true;
}

/* ---- .eh_frame ---- */

struct cie {
    uint64_t offset;
    uint8_t encoding; /* of the pointers of its FDEs; DW_EH_PE_omit: not known */
};

struct frames {
    struct collection *collection;
    const uint8_t *bytes;
    uint64_t size, address, data_address;
    struct cie *cies; /* malloc; by offset, as the walk meets them */
    size_t cie_count, cie_capacity;
};

/* The augmentation string says what stands in the augmentation data, in its order. */
static uint8_t encoding_of(const struct image *image, const Dwarf_CIE *cie)
{
    const uint8_t *data = cie->augmentation_data;
    const char *letter = cie->augmentation;
    uint64_t left = data != NULL ? cie->augmentation_data_size : 0;
    if (*letter == '\0')
        return DW_EH_PE_absptr;
    if (*letter++ != 'z')
        return DW_EH_PE_omit;
    for (; *letter != '\0'; letter++) {
        uint64_t size = *letter == 'L' || *letter == 'R' || *letter == 'P' ? 1 : 0;
        if (left < size || strchr("LRPSBG", *letter) == NULL)
            return DW_EH_PE_omit;
        if (*letter == 'R')
            return data[0];
        if (*letter == 'P') {
            unsigned pointer = encoded_size(image, data[0]);
            if (pointer == 0 || (data[0] & 0x70) == DW_EH_PE_aligned || left < 1 + (uint64_t)pointer)
                return DW_EH_PE_omit;
            size += pointer;
        }
        data += size;
        left -= size;
    }
    return DW_EH_PE_absptr;
}

static void add_cie(struct frames *frames, uint64_t offset, const Dwarf_CIE *cie)
{
    if (frames->cie_count == frames->cie_capacity) {
        size_t capacity = 2 * frames->cie_capacity + 64;
        struct cie *cies = realloc(frames->cies, capacity * sizeof(*cies));
        if (cies == NULL) {
            frames->collection->status = COMPARE_ERROR_MEMORY;
            return;
        }
        frames->cies = cies;
        frames->cie_capacity = capacity;
    }
    frames->cies[frames->cie_count++] =
        (struct cie){.offset = offset, .encoding = encoding_of(frames->collection->image, cie)};
}

/* In .eh_frame a CIE stands before its FDEs: one that the walk has not met is none. */
static uint8_t encoding_at(const struct frames *frames, uint64_t offset)
{
    size_t low = 0, high = frames->cie_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (frames->cies[middle].offset >= offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low < frames->cie_count && frames->cies[low].offset == offset ? frames->cies[low].encoding : DW_EH_PE_omit;
}

static void add_fde(struct frames *frames, const Dwarf_FDE *fde)
{
    uint8_t encoding = encoding_at(frames, fde->CIE_pointer);
    struct encoded from = {
        .image = frames->collection->image,
        .bytes = fde->start,
        .end = fde->end,
        .address = frames->address + (uint64_t)(fde->start - frames->bytes),
        .data_address = frames->data_address,
    };
    uint64_t begin, size;
    /* The range has the width of the location, and is no pointer. */
    if (encoding == DW_EH_PE_omit || !take_pointer(&from, encoding, &begin) ||
        !take_number(&from, encoding & 0x07, &size))
        return;
    collection_add_function(frames->collection, NULL, begin, size, SYMBOL_UNWIND);
}

static void walk(struct frames *frames)
{
    Elf_Data data = {.d_buf = (void *)(uintptr_t)frames->bytes,
                     .d_type = ELF_T_BYTE,
                     .d_size = frames->size,
                     .d_version = EV_CURRENT};
    Dwarf_Off offset = 0, next = 0;
    while (frames->collection->status == 0) {
        Dwarf_CFI_Entry entry;
        int status = dwarf_next_cfi(frames->collection->image->header.e_ident, &data, true, offset, &next, &entry);
        /* Past one that it cannot read it still says where the next is. */
        if (status > 0 || next == (Dwarf_Off)-1 || next <= offset)
            return;
        if (status == 0 && dwarf_cfi_cie_p(&entry))
            add_cie(frames, offset, &entry.cie);
        else if (status == 0)
            add_fde(frames, &entry.fde);
        offset = next;
    }
}

/* .eh_frame_hdr (chapter 10.6.2): version, three encodings, then the pointer. Its data is itself. */
static bool frames_by_segment(const struct image *image, struct frames *frames)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        const uint8_t *header = image_bytes(image, segment->bytes);
        if (segment->type != PT_GNU_EH_FRAME || header == NULL || range_size(segment->bytes) < 4 || header[0] != 1)
            continue;
        struct encoded from = {
            .image = image,
            .bytes = header + 4,
            .end = header + range_size(segment->bytes),
            .address = segment->address + 4,
            .data_address = segment->address,
        };
        if (!take_pointer(&from, header[1], &frames->address))
            return false;
        struct range bytes = places_bytes(&frames->collection->places, frames->address, UINT64_MAX);
        frames->bytes = image_bytes(image, bytes);
        frames->size = range_size(bytes);
        return frames->bytes != NULL && frames->size > 0;
    }
    return false;
}

static bool frames_by_section(const struct image *image, struct frames *frames)
{
    const struct section *section = image_section_named(image, ".eh_frame");
    if (section == NULL || (section->type != SHT_PROGBITS && section->type != SHT_X86_64_UNWIND) ||
        (section->flags & (SHF_ALLOC | SHF_COMPRESSED)) != SHF_ALLOC || range_empty(section->bytes))
        return false;
    frames->bytes = image_bytes(image, section->bytes);
    frames->size = range_size(section->bytes);
    frames->address = section->address;
    return frames->bytes != NULL;
}

static void frames_collect(struct collection *collection)
{
    const struct image *image = collection->image;
    const struct dynamic_entry *got = image_dynamic(image, DT_PLTGOT);
    struct frames frames = {.collection = collection, .data_address = got != NULL ? got->value : 0};
    if (frames_by_section(image, &frames) || frames_by_segment(image, &frames))
        walk(&frames);
    free(frames.cies);
}

/* ---- .ARM.exidx: pairs of words, the first the function's place, relative and of 31 bits ---- */

static uint64_t exidx_function(const struct image *image, const uint8_t *entry, uint64_t address)
{
    uint32_t offset = image_u32(image, entry) << 1;
    return (uint32_t)(address + (uint64_t)(int64_t)((int32_t)offset >> 1)) & ~UINT64_C(1);
}

static bool exidx_bytes(const struct image *image, struct range *bytes, uint64_t *address)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        *bytes = image->segments[i].bytes;
        *address = image->segments[i].address;
        if (image->segments[i].type == PT_ARM_EXIDX)
            return true;
    }
    return false;
}

/* ld merges entries that are alike, so that what is behind a function's end can still belong to the same entry. */
static void exidx_collect(struct collection *collection)
{
    const struct image *image = collection->image;
    const uint32_t cannot_unwind = 1; /* EXIDX_CANTUNWIND: what no table describes, ends of sections among it */
    struct range bytes;
    uint64_t address;
    if (image->header.e_machine != EM_ARM || image->is64 || !exidx_bytes(image, &bytes, &address))
        return;
    const uint8_t *entries = image_bytes(image, bytes);
    uint64_t count = entries != NULL ? range_size(bytes) / 8 : 0;
    for (uint64_t i = 0; i < count && collection->status == 0; i++) {
        uint64_t begin = exidx_function(image, entries + 8 * i, address + 8 * i), end = begin;
        const struct place *section = places_section(&collection->places, begin);
        const struct place *segment = places_segment(&collection->places, begin);
        if (i + 1 < count)
            end = exidx_function(image, entries + 8 * (i + 1), address + 8 * (i + 1));
        else if (section != NULL || segment != NULL)
            end = (section != NULL ? section : segment)->addresses.end;
        if (end > begin && image_u32(image, entries + 8 * i + 4) != cannot_unwind)
            collection_add_function(collection, NULL, begin, end - begin, SYMBOL_UNWIND);
    }
}

/* ---- Both ---- */

void unwind_collect(struct collection *collection)
{
    if (!image_is_linked(collection->image))
        return;
    frames_collect(collection);
    if (collection->status == 0)
        exidx_collect(collection);
}
