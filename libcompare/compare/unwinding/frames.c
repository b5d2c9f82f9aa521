/*
 * The records of .eh_frame (Linux Standard Base Core, chapter 10.6; libgcc's unwind-dw2.c and unwind-dw2-fde.c). Read
 * strictly: a record of a version, augmentation or encoding that is not known, or that has bytes to spare, is left
 * unknown.
 */
#include <dwarf.h>
#include <string.h>

#include "../tables/tables.h"

/* Honest ones have a few dozen bytes, and each is compared as often as functions refer to it. */
#define CIE_LIMIT 4096

/* ---- CIEs ---- */

/* What 'z' begins: one letter for each thing. */
static void read_augmentation(struct cie *cie, struct reader *reader)
{
    struct reader data = take_part(reader, take_uleb128(reader));
    for (const char *letter = cie->augmentation + 1; *letter != '\0' && !data.failed; letter++) {
        switch (*letter) {
        case 'R':
            cie->pointer_encoding = take_u8(&data);
            break;
        case 'L':
            cie->lsda_encoding = take_u8(&data);
            break;
        case 'P':
            cie->personality_encoding = take_u8(&data);
            cie->personality = take_encoded(&data, cie->personality_encoding & (uint8_t)~DW_EH_PE_indirect);
            break;
        case 'S': /* the frame of a signal */
        case 'B': /* AArch64: return addresses are signed with the other key */
        case 'G': /* AArch64: frames with memory tags */
            break;
        default:
            data.failed = true;
        }
    }
    reader->failed = reader->failed || data.failed || reader_left(&data) > 0;
}

static const char *take_text(struct reader *reader)
{
    const uint8_t *text = reader->failed ? NULL : reader->bytes + reader->at;
    const uint8_t *end = text != NULL ? memchr(text, 0, reader_left(reader)) : NULL;
    take_bytes(reader, end != NULL ? (uint64_t)(end - text) + 1 : UINT64_MAX);
    return end != NULL ? (const char *)text : "";
}

static void read_cie(struct cie *cie, struct reader reader)
{
    cie->version = take_u8(&reader);
    cie->augmentation = take_text(&reader);
    cie->code_alignment = take_uleb128(&reader);
    cie->data_alignment = take_sleb128(&reader);
    cie->return_register = cie->version == 1 ? take_u8(&reader) : take_uleb128(&reader);
    cie->pointer_encoding = DW_EH_PE_absptr;
    cie->lsda_encoding = cie->personality_encoding = DW_EH_PE_omit;
    if (cie->augmentation[0] == 'z')
        read_augmentation(cie, &reader);
    else
        reader.failed = reader.failed || cie->augmentation[0] != '\0';
    cie->instructions = take_part(&reader, reader_left(&reader));
    cie->known = (cie->version == 1 || cie->version == 3) && cie->size <= CIE_LIMIT && !reader.failed;
}

/* ---- FDEs ---- */

static const struct cie *cie_at(const struct frames *frames, uint64_t offset)
{
    const struct cie *cies = frames->cies.items;
    size_t low = 0, high = frames->cies.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cies[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < frames->cies.count && cies[low].offset == offset ? &cies[low] : NULL;
}

static void read_fde(struct fde *fde, const struct cie *cie, struct reader reader)
{
    fde->begin = take_encoded(&reader, cie->pointer_encoding);
    fde->range = take_number(&reader, cie->pointer_encoding);
    if (cie->augmentation[0] == 'z') {
        struct reader data = take_part(&reader, take_uleb128(&reader));
        if (cie->lsda_encoding != DW_EH_PE_omit)
            fde->lsda = take_encoded(&data, cie->lsda_encoding);
        reader.failed = reader.failed || data.failed || reader_left(&data) > 0;
    }
    fde->instructions = take_part(&reader, reader_left(&reader));
    bool indirect = (cie->pointer_encoding & DW_EH_PE_indirect) != 0 ||
                    (cie->lsda_encoding != DW_EH_PE_omit && (cie->lsda_encoding & DW_EH_PE_indirect) != 0);
    fde->known = cie->known && !indirect && !reader.failed;
}

/* ---- Both ---- */

static bool add_record(struct frames *frames, struct reader *section, uint64_t offset, struct reader body)
{
    uint64_t size = section->at - offset, place = offset + 4;
    uint32_t id = take_u32(&body);
    if (id == 0) {
        struct cie *cie = list_add(&frames->cies);
        if (cie == NULL)
            return false;
        *cie = (struct cie){.offset = offset, .size = size, .partner = NO_PARTNER};
        read_cie(cie, body);
        frames->whole = frames->whole && cie->known;
        return true;
    }
    struct fde *fde = list_add(&frames->fdes);
    if (fde == NULL)
        return false;
    const struct cie *cie = id <= place ? cie_at(frames, place - id) : NULL;
    *fde = (struct fde){.offset = offset, .size = size, .partner = NO_PARTNER};
    if (cie != NULL) {
        fde->cie = (uint32_t)(cie - (const struct cie *)frames->cies.items);
        read_fde(fde, cie, body);
    }
    frames->whole = frames->whole && fde->known;
    return true;
}

/* False: no memory. */
static bool read_records(const struct image *image, const struct section *section, struct arena *arena,
                         struct frames *frames)
{
    struct reader reader = reader_of(image, section);
    *frames = (struct frames){.section = section, .whole = true, .end = reader.size};
    frames->cies = (struct list){.arena = arena, .item_size = sizeof(struct cie)};
    frames->fdes = (struct list){.arena = arena, .item_size = sizeof(struct fde)};
    while (reader_left(&reader) > 0) {
        uint64_t offset = reader.at;
        uint32_t length = take_u32(&reader);
        if (length == 0 && !reader.failed) {
            frames->end = offset;
            return true;
        }
        /* 0xffffffff would begin a length of 64 bits, which libgcc does not read. */
        struct reader body = take_part(&reader, length);
        if (body.failed)
            break;
        if (!add_record(frames, &reader, offset, body))
            return false;
    }
    frames->whole = frames->whole && !reader.failed;
    return true;
}

static int begin_order(const void *left, const void *right)
{
    const struct fde *a = *(const struct fde *const *)left, *b = *(const struct fde *const *)right;
    return a->begin != b->begin ? (a->begin < b->begin ? -1 : 1) : (a > b) - (a < b);
}

bool frames_read(const struct image *image, const struct section *section, struct arena *arena, struct frames *frames)
{
    if (!read_records(image, section, arena, frames))
        return false;
    size_t count = frames->fdes.count;
    frames->by_begin = arena_alloc(arena, count, sizeof(struct fde *));
    for (size_t i = 0; frames->by_begin != NULL && i < count; i++)
        frames->by_begin[i] = (const struct fde *)frames->fdes.items + i;
    sort_items(frames->by_begin, frames->by_begin != NULL ? count : 0, sizeof(struct fde *), begin_order);
    return frames->by_begin != NULL;
}
