/*
 * Rules for notes: the build ID's descriptor inside the load view, and the toolchain's notes outside it. A note that
 * is not exactly what its rule knows stays.
 */
#include <string.h>

#include "rules.h"

#ifndef NT_GNU_BUILD_ATTRIBUTE_OPEN
#define NT_GNU_BUILD_ATTRIBUTE_OPEN 0x100
#define NT_GNU_BUILD_ATTRIBUTE_FUNC 0x101
#endif

/* annobin writes an option's name and value there. */
#define ATTRIBUTE_NAME_LIMIT 512

static bool owner_is(const struct image *image, const struct note *note, const char *owner, size_t size)
{
    return range_size(note->name) >= size && memcmp(image->bytes + note->name.begin, owner, size) == 0;
}

static bool is_build_id(const struct image *image, const struct note *note)
{
    uint64_t size = range_size(note->descriptor);
    return note->type == NT_GNU_BUILD_ID && range_size(note->name) == 4 && owner_is(image, note, "GNU", 4) &&
           (size == 8 || size == 16 || size == 20 || size == 32);
}

/* Whether the notes of one holder follow each other from its beginning to its end. */
static bool notes_fill(const struct image *image, uint32_t segment, uint32_t section, struct range holder)
{
    uint64_t end = holder.begin;
    for (size_t i = 0; i < image->note_count; i++) {
        const struct note *note = &image->notes[i];
        if (note->segment != segment || note->section != section)
            continue;
        if (note->whole.begin != end)
            return false;
        end = note->whole.end;
    }
    return end == holder.end;
}

/* Whether nothing but a note section, or without one a segment, owns these bytes. */
static bool is_owned_as_note(const struct image *image, struct range range)
{
    const struct extent *extent = image_extent_at(image, range.begin);
    if (extent == NULL || !range_contains(extent->range, range))
        return false;
    if (extent->owner != OWNER_SECTION)
        return extent->owner == OWNER_SEGMENT;
    const struct section *section = &image->sections[extent->index];
    return section->type == SHT_NOTE && (section->flags & (SHF_WRITE | SHF_EXECINSTR | SHF_ALLOC)) == SHF_ALLOC;
}

static bool is_writable(const struct image *image, struct range range)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        if (segment->type == PT_LOAD && (segment->flags & PF_W) != 0 && range_overlaps(segment->bytes, range))
            return true;
    }
    return false;
}

/*
 * Readers differ in where the next note begins once the alignment is not 4: glibc before 2.28 goes by 4 always, its
 * ldconfig by what stands there, be it 16. A note that is the only one, and ends at its descriptor, is one to all.
 */
static bool reads_one_way(const struct note *note, struct range holder, uint64_t alignment)
{
    return alignment <= 4 ||
           (alignment == 8 && note->whole.begin == holder.begin && note->descriptor.end == holder.end);
}

/* Linkers and the module loader go by names: a note that is called .modinfo is the module's information to them. */
static bool object_id_is_canonical(const struct image *image, const struct note *note)
{
    if (note->section == UINT32_MAX)
        return false;
    const struct section *section = &image->sections[note->section];
    return strcmp(section->name, ".note.gnu.build-id") == 0 &&
           notes_fill(image, UINT32_MAX, note->section, section->bytes) &&
           reads_one_way(note, section->bytes, section->alignment);
}

static bool build_id_is_canonical(const struct image *image, const struct note *note)
{
    uint64_t address;
    if (!is_owned_as_note(image, note->whole))
        return false;
    if (image_is_relocatable(image))
        return object_id_is_canonical(image, note);
    if (note->segment == UINT32_MAX)
        return false;
    const struct segment *segment = &image->segments[note->segment];
    return notes_fill(image, note->segment, UINT32_MAX, segment->bytes) &&
           reads_one_way(note, segment->bytes, segment->alignment) && segment->memory_size == segment->file_size &&
           (segment->flags & (PF_W | PF_X)) == 0 && !is_writable(image, note->whole) &&
           image_address(image, note->descriptor.begin, &address) &&
           !is_acted_on(image, note->descriptor, note->segment);
}

void claim_build_id(struct claims *claims)
{
    const struct image *image = claims->image;
    const struct note *found = NULL;
    for (size_t i = 0; i < image->note_count; i++) {
        const struct note *note = &image->notes[i];
        if (note->type != NT_GNU_BUILD_ID || !owner_is(image, note, "GNU", 4))
            continue;
        if (found != NULL)
            return;
        found = note;
    }
    if (found != NULL && found->section != UINT32_MAX && claims->referred[found->section])
        return;
    if (found != NULL && is_build_id(image, found) && build_id_is_canonical(image, found))
        claim_range(claims, RULE_BUILD_ID, found->descriptor);
}

/* A printable text and zeros, and nothing behind them. */
static bool is_text_descriptor(const struct image *image, struct range descriptor)
{
    const uint8_t *bytes = image->bytes + descriptor.begin;
    uint64_t length = strnlen((const char *)bytes, range_size(descriptor));
    return is_plain_text(bytes, length) &&
           image_all_zero(image, (struct range){descriptor.begin + length, descriptor.end});
}

static bool is_unloaded_note(const struct image *image, const struct note *note, const struct section *section)
{
    uint64_t name_size = range_size(note->name);
    if (!image_all_zero(image, (struct range){note->name.end, note->descriptor.begin}) ||
        !image_all_zero(image, (struct range){note->descriptor.end, note->whole.end}))
        return false;
    if (strcmp(section->name, ".note.gnu.gold-version") == 0)
        return note->type == NT_GNU_GOLD_VERSION && name_size == 4 && owner_is(image, note, "GNU", 4) &&
               is_text_descriptor(image, note->descriptor);
    return strcmp(section->name, ".gnu.build.attributes") == 0 && owner_is(image, note, "GA", 2) &&
           name_size <= ATTRIBUTE_NAME_LIMIT &&
           (note->type == NT_GNU_BUILD_ATTRIBUTE_OPEN || note->type == NT_GNU_BUILD_ATTRIBUTE_FUNC) &&
           range_size(note->descriptor) <= 16;
}

void claim_unloaded_notes(struct claims *claims)
{
    const struct image *image = claims->image;
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (section->type != SHT_NOTE || (section->flags & (SHF_ALLOC | SHF_COMPRESSED)) != 0 ||
            !notes_fill(image, UINT32_MAX, section->index, section->bytes))
            continue;
        bool known = true;
        for (size_t n = 0; n < image->note_count && known; n++) {
            const struct note *note = &image->notes[n];
            known = note->section != section->index || is_unloaded_note(image, note, section);
        }
        if (known)
            claim_section(claims, RULE_UNLOADED_NOTES, section);
    }
}
