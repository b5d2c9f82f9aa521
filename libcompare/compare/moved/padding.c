/*
 * Padding: what stands between things for the sake of their alignment, where nothing refers to it. Between functions
 * only instructions that do nothing, or traps; elsewhere zeros. Zeros that could be elements of a table are none: what
 * follows them must be found by a reference of its own.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define PADDING_MOST 64 /* bytes between two things of one section: no compiler aligns farther than a cache line */

struct ranges {
    struct range *items; /* of the file, sorted */
    size_t count;
};

static int range_order(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    return (a->begin > b->begin) - (a->begin < b->begin);
}

static bool proven_of(struct moving *m, size_t side, struct ranges *ranges)
{
    const struct proven *proven = m->proven.items;
    ranges->items = arena_alloc(m->arena, m->proven.count + 1, sizeof(*ranges->items));
    ranges->count = 0;
    for (size_t i = 0; ranges->items != NULL && i < m->proven.count; i++) {
        struct range range = side == 0 ? proven[i].vendor : proven[i].rebuilt;
        if (!range_empty(range))
            ranges->items[ranges->count++] = range;
    }
    sort_items(ranges->items, ranges->count, sizeof(*ranges->items), range_order);
    return ranges->items != NULL;
}

static void prove_alone(struct moving *m, size_t side, struct range range)
{
    struct range none = {0, 0};
    moving_prove(m, side == 0 ? range : none, side == 0 ? none : range, RULE_MOVED_PADDING);
}

/* ---- Between functions ---- */

/* The first piece that ends behind this address. */
static const struct code_piece *piece_behind(const struct space *space, uint64_t address)
{
    size_t low = 0, high = space->code_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (space->code[middle].address + space->code[middle].size <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < space->code_count ? &space->code[low] : NULL;
}

/* What of a gap lies between functions. */
static void look_between_functions(struct moving *m, size_t side, const struct section *section, struct range gap)
{
    const struct space *space = &m->spaces[side];
    uint64_t shift = section->address - section->bytes.begin; /* from the file to addresses */
    while (!range_empty(gap)) {
        const struct code_piece *next = piece_behind(space, gap.begin + shift);
        struct range between = gap;
        if (next != NULL && next->address - shift < gap.end && next->address >= section->address)
            between.end = next->address > gap.begin + shift ? next->address - shift : gap.begin;
        if (!range_empty(between) && range_size(between) < PADDING_MOST && space_is_padding(space, between))
            prove_alone(m, side, between);
        if (next == NULL || between.end == gap.end)
            return;
        gap.begin = next->address + next->size - shift < gap.end ? next->address + next->size - shift : gap.end;
    }
}

/* ---- Between data ---- */

/* What begins at this address, or behind zeros that belong to it, is found by its name or by a reference. */
static bool is_found(const struct moving *m, size_t side, uint64_t address)
{
    const struct counterpart *next = counterpart_at(m->map, side, address);
    if (next == NULL || (side == 0 ? next->vendor : next->rebuilt) != address)
        return false;
    return next->evidence == EVIDENCE_NAME || m->first_references[next - m->map->items] == next->vendor;
}

/*
 * Zeros of one side alone could be the last elements of what stands before them. As alignment they are explained only
 * where what follows is aligned on both sides so far that as many may be needed.
 */
static bool is_aligned_behind(const struct moving *m, size_t side, uint64_t address, uint64_t size)
{
    const struct counterpart *next = counterpart_at(m->map, side, address);
    uint64_t alignment = 1;
    while (alignment <= size)
        alignment *= 2;
    return next != NULL && next->vendor % alignment == 0 && next->rebuilt % alignment == 0;
}

static bool is_data_padding(const struct moving *m, size_t side, const struct section *section, struct range gap)
{
    uint64_t begin = section->address + (gap.begin - section->bytes.begin), end = begin + range_size(gap);
    for (uint64_t at = begin; at < end; at++) {
        if (counterpart_at(m->map, side, at) != NULL)
            return false;
    }
    return image_all_zero(m->images[side], gap) && is_found(m, side, end) &&
           is_aligned_behind(m, side, end, range_size(gap));
}

static void look_at_section(struct moving *m, size_t side, const struct section *section, const struct ranges *ranges)
{
    bool code = (section->flags & SHF_EXECINSTR) != 0;
    uint64_t done = section->bytes.begin;
    size_t low = 0, high = ranges->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->items[middle].end <= done)
            low = middle + 1;
        else
            high = middle;
    }
    for (; done < section->bytes.end; low++) {
        bool more = low < ranges->count && ranges->items[low].begin < section->bytes.end;
        struct range gap = {done, more ? ranges->items[low].begin : section->bytes.end};
        if (code)
            look_between_functions(m, side, section, gap);
        else if (!range_empty(gap) && range_size(gap) < PADDING_MOST && is_data_padding(m, side, section, gap))
            prove_alone(m, side, gap);
        done = more ? ranges->items[low].end : section->bytes.end;
    }
}

/* ---- Between sections ---- */

static void look_between_sections(struct moving *m, size_t side)
{
    const struct image *image = m->images[side];
    for (size_t i = 0; i < image->extent_count; i++) {
        const struct extent *extent = &image->extents[i];
        if ((extent->owner != OWNER_PADDING && extent->owner != OWNER_SEGMENT) ||
            !image_in_load_view(image, extent->range))
            continue;
        bool code = image_is_executable(image, extent->range);
        if (image_all_zero(image, extent->range) || (code && space_is_padding(&m->spaces[side], extent->range)))
            prove_alone(m, side, extent->range);
    }
}

void padding_prove(struct moving *m)
{
    for (size_t side = 0; side < 2; side++) {
        struct ranges ranges;
        if (!proven_of(m, side, &ranges)) {
            m->out_of_memory = true;
            return;
        }
        for (size_t i = 0; i < m->section_count; i++) {
            const struct section *section = m->sections[i].sides[side];
            if (!range_empty(section->bytes) && (section->type == SHT_PROGBITS || section->type == SHT_NOTE))
                look_at_section(m, side, section, &ranges);
        }
        look_between_sections(m, side);
    }
}
