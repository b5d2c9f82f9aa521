/*
 * The dynamic segment and the notes, as ld.so reads them: by the program headers (glibc elf/dl-load.c,
 * elf/get-dynamic-info.h, elf/dl-load.h), not by sections.
 */
#include <string.h>

#include "parts.h"

int dynamic_parse(struct image *image, struct compare_error *error)
{
    size_t entry = image->is64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
    struct list entries = {.arena = &image->arena, .item_size = sizeof(struct dynamic_entry)};
    for (size_t i = 0; i < image->segment_count; i++) {
        if (image->segments[i].type != PT_DYNAMIC)
            continue;
        struct range bytes = image->segments[i].bytes;
        for (uint64_t at = bytes.begin; bytes.end - at >= entry; at += entry) {
            Elf64_Dyn dyn;
            decode_dyn(image, image->bytes + at, &dyn);
            image->dynamic_ended = dyn.d_tag == DT_NULL;
            if (image->dynamic_ended)
                break;
            struct dynamic_entry *added = list_add(&entries);
            if (added == NULL)
                return image_no_memory(image, error);
            *added = (struct dynamic_entry){.tag = dyn.d_tag, .value = dyn.d_un.d_val};
        }
        break; /* a second PT_DYNAMIC is an anomaly of its own */
    }
    image->dynamic = entries.items;
    image->dynamic_count = entries.count;
    return 0;
}

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

/*
 * The notes of one segment or section, up to the first that does not fit (gABI chapter 5, "Note Section"; alignment
 * 8 only where the holder says so, as in glibc's elf/dl-load.c). Sizes are below 2^32, so the sums cannot overflow.
 */
static int notes_of(struct image *image, struct list *notes, struct range holder, uint64_t alignment, uint32_t segment,
                    uint32_t section, struct compare_error *error)
{
    uint64_t at = holder.begin, unit = alignment == 8 ? 8 : 4;
    while (holder.end - at >= 12) {
        const uint8_t *header = image->bytes + at;
        uint64_t name_size = image_u32(image, header), descriptor_size = image_u32(image, header + 4);
        struct note note = {.type = image_u32(image, header + 8), .segment = segment, .section = section};
        uint64_t descriptor = align_up(12 + name_size, unit), next = align_up(descriptor + descriptor_size, unit);
        if (descriptor + descriptor_size > holder.end - at)
            break;
        if (next > holder.end - at)
            next = holder.end - at;
        note.name = (struct range){at + 12, at + 12 + name_size};
        note.descriptor = (struct range){at + descriptor, at + descriptor + descriptor_size};
        note.whole = (struct range){at, at + next};
        struct note *added = list_add(notes);
        if (added == NULL)
            return image_no_memory(image, error);
        *added = note;
        at += next;
    }
    return 0;
}

int notes_parse(struct image *image, struct compare_error *error)
{
    struct list notes = {.arena = &image->arena, .item_size = sizeof(struct note)};
    int status = 0;
    for (size_t i = 0; i < image->segment_count && status == 0; i++) {
        const struct segment *segment = &image->segments[i];
        if (segment->type == PT_NOTE)
            status = notes_of(image, &notes, segment->bytes, segment->alignment, segment->index, UINT32_MAX, error);
    }
    for (uint64_t i = 1; i < image->section_count && status == 0; i++) {
        const struct section *section = &image->sections[i];
        bool loaded = !image->separate_debug && image_is_linked(image) && (section->flags & SHF_ALLOC) != 0;
        if (section->type == SHT_NOTE && !loaded && (section->flags & SHF_COMPRESSED) == 0)
            status = notes_of(image, &notes, section->bytes, section->alignment, UINT32_MAX, section->index, error);
    }
    image->notes = notes.items;
    image->note_count = notes.count;
    return status;
}

bool image_build_id(const struct image *image, struct range *descriptor)
{
    for (size_t i = 0; i < image->note_count; i++) {
        const struct note *note = &image->notes[i];
        const uint8_t *name = image_bytes(image, note->name);
        uint64_t size = range_size(note->descriptor);
        *descriptor = note->descriptor;
        if (note->type == NT_GNU_BUILD_ID && range_size(note->name) == 4 && name != NULL &&
            memcmp(name, "GNU", 4) == 0 && size >= BUILD_ID_LEAST && size <= BUILD_ID_MOST)
            return true;
    }
    return false;
}
