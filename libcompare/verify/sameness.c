/*
 * What must hold of two files that are called equivalent, beside what holds of each by itself: they load the same
 * bytes to the same places, and the sections that no rule excuses are the same ones, in the same order, with the same
 * content.
 */
#include <stdlib.h>
#include <string.h>

#include "reading.h"

#define HIGHEST_ALIGNMENT 65536

struct sameness {
    const struct side *vendor, *rebuilt;
    bool (*accepted)(void *, const char *);
    void *policy;
    uint64_t at;
};

const struct line *line_at(const struct side *side, uint64_t at)
{
    size_t low = 0, high = side->line_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (side->lines[middle].range.end > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low < side->line_count ? &side->lines[low] : NULL;
}

/* ---- The headers and the load view ---- */

static const char *headers_differ(const struct elf *a, const struct elf *b)
{
    if (a->wide != b->wide || a->big != b->big || a->type != b->type || a->machine != b->machine)
        return "the files are of another class, byte order, type or machine";
    /* Of the ELF header everything but what names the section headers. */
    uint64_t offset = a->wide ? 40 : 32, behind = offset + (a->wide ? 8 : 4);
    uint64_t counts = a->linked ? a->header_size - 6 : a->header_size;
    if (memcmp(a->bytes, b->bytes, offset) != 0 || memcmp(a->bytes + behind, b->bytes + behind, counts - behind) != 0)
        return "the ELF headers differ";
    if (!a->linked && !a->relocatable)
        return "only programs, shared objects and relocatable files can be equivalent";
    if (a->segment_count != b->segment_count ||
        (a->linked &&
         (a->load_count != b->load_count || memcmp(a->load, b->load, a->load_count * sizeof(*a->load)) != 0)))
        return "the files do not load the same ranges";
    return NULL;
}

/* Whether places have a meaning of their own: bytes behind everything, or sections that refer to others. */
static bool nothing_may_move(const struct sameness *same, const struct elf *elf)
{
    if (elf->relocatable)
        return !same->accepted(same->policy, "section-placement");
    if (!same->accepted(same->policy, "section-headers") || elf->claimed_end < elf->size)
        return true;
    for (size_t i = 1; i < elf->section_count; i++) {
        const struct sec *section = &elf->sections[i];
        if ((section->flags & SHF_ALLOC) == 0 && !range_empty(section->bytes) &&
            (section->link != 0 || section->info != 0 || section->address != 0 || section->align > HIGHEST_ALIGNMENT) &&
            i != elf->shstrndx && !section_excusable(elf, section, same->accepted, same->policy))
            return true;
    }
    return false;
}

/*
 * What is loaded stands at one place on both sides. *placed: so does everything else. *restated: something is set aside
 * by a rule that says the same in other words, so that the words must be compared.
 */
static const char *places_differ(struct sameness *same, const struct side *side, bool *placed, bool *restated)
{
    static const char *const restating[] = {"section-headers", "section-placement", "compression"};
    for (size_t i = 0; i < side->line_count; i++) {
        const struct line *line = &side->lines[i];
        bool moved = line->standing == LINE_IDENTICAL && line->peer != line->range.begin;
        same->at = line->range.begin;
        if (line->standing == LINE_UNEXPLAINED)
            return "there is an unexplained byte";
        if (moved && side->elf.linked && ranges_overlap(side->elf.load, side->elf.load_count, line->range))
            return "what is loaded is at another place";
        *placed = *placed && !moved;
        for (size_t k = 0; k < ARRAY_COUNT(restating) && line->standing == LINE_ASIDE; k++)
            *restated = *restated || strcmp(line->rule, restating[k]) == 0;
    }
    return NULL;
}

/* ---- Sections ---- */

static uint64_t plain_alignment(const struct elf *elf, const struct sec *section)
{
    uint64_t begin = section->bytes.begin;
    if ((section->flags & SHF_COMPRESSED) == 0)
        return section->align;
    return elf_number(elf, begin + (elf->wide ? 16 : 8), elf->wide ? 8 : 4);
}

static bool plain_contents_equal(const struct elf *a, const struct sec *x, const struct elf *b, const struct sec *y)
{
    uint64_t size_a, size_b;
    uint8_t *owned_a, *owned_b;
    const uint8_t *plain_a = elf_plain(a, x, &size_a, &owned_a), *plain_b = elf_plain(b, y, &size_b, &owned_b);
    bool equal = plain_a != NULL && plain_b != NULL && size_a == size_b && memcmp(plain_a, plain_b, size_a) == 0;
    free(owned_a);
    free(owned_b);
    return equal;
}

static bool headers_agree(const struct sameness *same, const struct sec *x, const struct sec *y, bool excused)
{
    const struct elf *a = &same->vendor->elf, *b = &same->rebuilt->elf;
    bool unpacking = same->accepted(same->policy, "compression") && section_is_unpacked(a, x);
    uint64_t packed = excused || unpacking ? SHF_COMPRESSED : 0;
    bool unpacked = packed != 0 && ((x->flags | y->flags) & SHF_COMPRESSED) != 0;
    const char *name_x = elf_section_name(a, x), *name_y = elf_section_name(b, y);
    if (x->type != y->type || (x->flags & ~packed) != (y->flags & ~packed) || x->entry_size != y->entry_size ||
        name_x == NULL || name_y == NULL || strcmp(name_x, name_y) != 0)
        return false;
    if (a->relocatable && (x->address != y->address || x->link != y->link || x->info != y->info))
        return false;
    if (excused)
        return true;
    return unpacked ? plain_alignment(a, x) == plain_alignment(b, y) : x->align == y->align && x->size == y->size;
}

/* The content of two sections that nothing excuses: compared as bytes, here once more. */
static bool sections_agree(const struct sameness *same, const struct sec *x, const struct sec *y)
{
    const struct elf *a = &same->vendor->elf, *b = &same->rebuilt->elf;
    if (!headers_agree(same, x, y, false))
        return false;
    if (range_empty(x->bytes) || range_empty(y->bytes))
        return range_empty(x->bytes) && range_empty(y->bytes);
    if (((x->flags | y->flags) & SHF_COMPRESSED) != 0 && same->accepted(same->policy, "compression") &&
        section_is_unpacked(a, x) && plain_contents_equal(a, x, b, y))
        return true;
    return x->size == y->size && memcmp(a->bytes + x->bytes.begin, b->bytes + y->bytes.begin, x->size) == 0;
}

/* One that is compared by its plain content is not excused beside. */
static bool excusable(const struct sameness *same, const struct elf *elf, const struct sec *section)
{
    const struct side *side = elf == &same->vendor->elf ? same->vendor : same->rebuilt;
    const struct line *line = range_empty(section->bytes) ? NULL : line_at(side, section->bytes.begin);
    if (line != NULL && line->standing == LINE_ASIDE && strcmp(line->rule, "compression") == 0)
        return false;
    return section_excusable(elf, section, same->accepted, same->policy);
}

/* Objects: section by section, for their indices have a meaning. */
static const char *objects_differ(struct sameness *same)
{
    const struct elf *a = &same->vendor->elf, *b = &same->rebuilt->elf;
    uint64_t overlay_a = a->size - a->claimed_end, overlay_b = b->size - b->claimed_end;
    if (a->section_count != b->section_count)
        return "the files have not the same number of sections";
    if (overlay_a != overlay_b || memcmp(a->bytes + a->claimed_end, b->bytes + b->claimed_end, overlay_a) != 0)
        return "what lies behind everything else differs";
    for (size_t i = 1; i < a->section_count; i++) {
        const struct sec *x = &a->sections[i], *y = &b->sections[i];
        bool excused_a = excusable(same, a, x), excused_b = excusable(same, b, y);
        /* An empty section is what is left of one in a normal form. */
        bool excused =
            (excused_a || range_empty(x->bytes)) && (excused_b || range_empty(y->bytes)) && (excused_a || excused_b);
        same->at = x->offset;
        if (excused ? !headers_agree(same, x, y, true) : !sections_agree(same, x, y))
            return "sections that no rule excuses differ";
    }
    return NULL;
}

struct kept {
    const struct sec *section;
};

static int kept_order(const void *left, const void *right)
{
    const struct sec *a = ((const struct kept *)left)->section, *b = ((const struct kept *)right)->section;
    return (a->bytes.begin > b->bytes.begin) - (a->bytes.begin < b->bytes.begin);
}

/* The unloaded sections that nothing excuses, by their place. The section names go with the section headers. */
static struct kept *kept_sections(const struct sameness *same, const struct elf *elf, size_t *count)
{
    struct kept *kept = arena_alloc(elf->arena, elf->section_count + 1, sizeof(*kept));
    *count = 0;
    for (size_t i = 1; kept != NULL && i < elf->section_count; i++) {
        const struct sec *section = &elf->sections[i];
        if ((section->flags & SHF_ALLOC) == 0 && !range_empty(section->bytes) && i != elf->shstrndx &&
            !excusable(same, elf, section))
            kept[(*count)++].section = section;
    }
    if (*count > 1)
        qsort(kept, *count, sizeof(*kept), kept_order);
    return kept;
}

static const char *programs_differ(struct sameness *same)
{
    size_t count_a, count_b;
    struct kept *a = kept_sections(same, &same->vendor->elf, &count_a);
    struct kept *b = kept_sections(same, &same->rebuilt->elf, &count_b);
    if (a == NULL || b == NULL)
        return "there is no memory to tell";
    for (size_t i = 0; i < count_a || i < count_b; i++) {
        same->at = i < count_a ? a[i].section->offset : 0;
        if (i >= count_a || i >= count_b || !sections_agree(same, a[i].section, b[i].section))
            return "unloaded sections that no rule excuses differ";
    }
    return NULL;
}

const char *sameness_broken(const struct side *vendor, const struct side *rebuilt,
                            bool (*accepted)(void *, const char *), void *policy, uint64_t *at)
{
    struct sameness same = {vendor, rebuilt, accepted, policy, 0};
    const char *why = headers_differ(&vendor->elf, &rebuilt->elf);
    bool placed = vendor->elf.size == rebuilt->elf.size, restated = false;
    if (why == NULL)
        why = places_differ(&same, vendor, &placed, &restated);
    if (why == NULL)
        why = places_differ(&same, rebuilt, &placed, &restated);
    if (why == NULL && !placed && (nothing_may_move(&same, &vendor->elf) || nothing_may_move(&same, &rebuilt->elf)))
        why = "something in them has moved, and nothing may";
    if (why == NULL && (!placed || restated))
        why = vendor->elf.relocatable ? objects_differ(&same) : programs_differ(&same);
    *at = same.at;
    return why;
}
