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

/*
 * Tables that ld.so finds by address. Those without a stated size are taken to reach to the next one; a note behind
 * the last of them is refused, for nothing says where that one ends.
 */
static bool dynamic_may_cover(const struct image *image, uint64_t address, uint64_t size)
{
    static const struct {
        int64_t begin, size;
    } tables[] = {
        {DT_STRTAB, DT_STRSZ},
        {DT_RELA, DT_RELASZ},
        {DT_REL, DT_RELSZ},
        {DT_JMPREL, DT_PLTRELSZ},
        {DT_RELR, DT_RELRSZ},
        {DT_INIT_ARRAY, DT_INIT_ARRAYSZ},
        {DT_FINI_ARRAY, DT_FINI_ARRAYSZ},
        {DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ},
        {DT_GNU_CONFLICT, DT_GNU_CONFLICTSZ},
        {DT_GNU_LIBLIST, DT_GNU_LIBLISTSZ},
        {DT_MOVETAB, DT_MOVESZ},
        {DT_SYMINFO, DT_SYMINSZ},
        {DT_SYMTAB, 0},
        {DT_HASH, 0},
        {DT_GNU_HASH, 0},
        {DT_VERSYM, 0},
        {DT_VERNEED, 0},
        {DT_VERDEF, 0},
        {DT_INIT, 0},
        {DT_FINI, 0},
    };
    struct range range, nearest = {0, 0};
    bool below = false, unsized = false;
    if (!range_make(address, size, &range))
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        const struct dynamic_entry *begin = image_dynamic(image, tables[i].begin);
        const struct dynamic_entry *extent = tables[i].size != 0 ? image_dynamic(image, tables[i].size) : NULL;
        struct range table;
        if (begin == NULL || begin->value >= range.end)
            continue;
        if (!range_make(begin->value, extent != NULL ? extent->value : 1, &table) || range_overlaps(table, range))
            return true;
        if (!below || table.begin > nearest.begin) {
            nearest = table;
            unsized = extent == NULL && tables[i].begin != DT_INIT && tables[i].begin != DT_FINI;
            below = true;
        }
    }
    return below && unsized;
}

bool is_acted_on(const struct image *image, struct range range, uint32_t own_type)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        struct range pages = segment->bytes;
        if (segment->type != PT_LOAD) {
            if (segment->type != own_type && range_overlaps(segment->bytes, range))
                return true;
            continue;
        }
        pages.begin -= pages.begin % image->page_size;
        pages.end += (image->page_size - pages.end % image->page_size) % image->page_size;
        /* Each mapping gives the bytes an address of its own, by whose arithmetic ld.so may come to them. */
        if (range_overlaps(pages, range) &&
            dynamic_may_cover(image, segment->address + (range.begin - segment->file_offset), range_size(range)))
            return true;
    }
    return false;
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

static bool build_id_is_canonical(const struct image *image, const struct note *note)
{
    uint64_t address;
    if (!is_owned_as_note(image, note->whole))
        return false;
    if (image_is_relocatable(image))
        return note->section != UINT32_MAX &&
               notes_fill(image, UINT32_MAX, note->section, image->sections[note->section].bytes);
    if (note->segment == UINT32_MAX)
        return false;
    const struct segment *segment = &image->segments[note->segment];
    return notes_fill(image, note->segment, UINT32_MAX, segment->bytes) && (segment->flags & (PF_W | PF_X)) == 0 &&
           !is_writable(image, note->whole) && image_address(image, note->descriptor.begin, &address) &&
           !is_acted_on(image, note->descriptor, PT_NOTE);
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
