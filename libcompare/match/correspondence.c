/* The making of the correspondence, step by step, and looking up counterparts. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define TEXT_MOST   256 /* characters of a text that tells two things apart */
#define INDEX_LEAST 64  /* items */
#define INDEX_MOST  ((uint64_t)1 << 16)

/* ---- Making ---- */

void counterpart_add(struct matchmaking *m, uint64_t vendor, uint64_t rebuilt, uint64_t size, enum evidence evidence,
                     bool code)
{
    struct counterpart *added = size == 0 ? NULL : list_add(&m->found);
    m->out_of_memory |= size != 0 && added == NULL;
    if (added != NULL)
        *added = (struct counterpart){vendor, rebuilt, size, evidence, code};
}

uint64_t hash_text(const struct image *image, uint64_t address)
{
    struct range byte;
    if (!image_file_range(image, address, 1, &byte))
        return 0;
    uint64_t end = byte.begin;
    while (end < image->size && end - byte.begin < TEXT_MOST && is_text(image->bytes[end]))
        end++;
    bool text = end > byte.begin && end < image->size && image->bytes[end] == 0;
    return text ? XXH3_64bits(image->bytes + byte.begin, end - byte.begin) | 1 : 0;
}

static const struct section *only_one(const struct image *image, const struct section *like)
{
    const struct section *found = NULL;
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if ((section->flags & SHF_ALLOC) == 0 || strcmp(section->name, like->name) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = section;
    }
    return found;
}

/*
 * What both sides' sections are aligned for (sh_addralign), they must be. An edit can ask for more on one side: then the
 * lesser alignment is what both have in common.
 */
static bool keeps_alignment(const struct section *vendor, const struct section *rebuilt)
{
    uint64_t alignment = vendor->alignment < rebuilt->alignment ? vendor->alignment : rebuilt->alignment;
    return alignment <= 1 || rebuilt->address % alignment != 0 || vendor->address % alignment == 0;
}

const struct section *section_partner(const struct image *image, const struct image *other,
                                      const struct section *section)
{
    const struct section *partner = only_one(other, section);
    return partner != NULL && only_one(image, section) == section && partner->type == section->type &&
                   partner->flags == section->flags && keeps_alignment(section, partner)
               ? partner
               : NULL;
}

static int vendor_order(const void *left, const void *right)
{
    const struct counterpart *a = left, *b = right;
    return (a->vendor > b->vendor) - (a->vendor < b->vendor);
}

static int rebuilt_order(const void *left, const void *right)
{
    const struct counterpart *const *a = left, *const *b = right;
    return ((*a)->rebuilt > (*b)->rebuilt) - ((*a)->rebuilt < (*b)->rebuilt);
}

static uint64_t vendor_begin(const void *items, size_t i)
{
    return ((const struct counterpart *)items)[i].vendor;
}

static uint64_t rebuilt_begin(const void *items, size_t i)
{
    return ((const struct counterpart *const *)items)[i]->rebuilt;
}

bool correspondence_settle(struct matchmaking *m, struct correspondence *map)
{
    /* Of two that overlap one must be wrong. */
    map->items = m->found.items;
    map->count = m->found.count;
    map->by_rebuilt = arena_alloc(m->arena, map->count + 1, sizeof(*map->by_rebuilt));
    if (map->by_rebuilt == NULL)
        return false;
    bool clean = false;
    while (!clean) {
        size_t kept = 0;
        clean = true;
        sort_items(map->items, map->count, sizeof(*map->items), vendor_order);
        for (size_t i = 0; i < map->count; i++)
            map->by_rebuilt[i] = &map->items[i];
        sort_items(map->by_rebuilt, map->count, sizeof(*map->by_rebuilt), rebuilt_order);
        bool *wrong = calloc(map->count + 1, sizeof(*wrong));
        if (wrong == NULL)
            return false;
        for (size_t i = 1; i < map->count; i++) {
            const struct counterpart *a = &map->items[i - 1], *b = map->by_rebuilt[i - 1];
            if (map->items[i].vendor - a->vendor < a->size)
                wrong[i] = wrong[i - 1] = true;
            if (map->by_rebuilt[i]->rebuilt - b->rebuilt < b->size)
                wrong[map->by_rebuilt[i] - map->items] = wrong[b - map->items] = true;
        }
        for (size_t i = 0; i < map->count; i++) {
            if (!wrong[i])
                map->items[kept++] = map->items[i];
        }
        clean = kept == map->count;
        map->count = kept;
        free(wrong);
    }
    m->found.count = map->count;
    address_index_make(&map->indexes[0], m->arena, map->items, map->count, vendor_begin);
    address_index_make(&map->indexes[1], m->arena, map->by_rebuilt, map->count, rebuilt_begin);
    return true;
}

/* The file's headers, at the begin of what is loaded: __ehdr_start, __executable_start, the base of the image. */
static uint64_t headers_address(const struct image *image)
{
    uint64_t address;
    return image_address(image, 0, &address) ? address : UINT64_MAX;
}

/* Where nothing else is: what a program or a table calls the begin or the end of a section. */
static void add_borders(struct matchmaking *m, const struct correspondence *map)
{
    const struct image *vendor = m->spaces[0].image, *rebuilt = m->spaces[1].image;
    uint64_t headers[2] = {headers_address(vendor), headers_address(rebuilt)};
    if (headers[0] != UINT64_MAX && headers[1] != UINT64_MAX)
        counterpart_add(m, headers[0], headers[1], 1, EVIDENCE_SECTION, false);
    for (uint64_t i = 1; i < vendor->section_count; i++) {
        const struct section *section = &vendor->sections[i];
        const struct section *partner =
            (section->flags & SHF_ALLOC) != 0 ? section_partner(vendor, rebuilt, section) : NULL;
        for (size_t end = 0; partner != NULL && end < 2; end++) {
            uint64_t a = section->address + (end ? section->size : 0), b = partner->address + (end ? partner->size : 0);
            bool taken = counterpart_at(map, 0, a) != NULL || counterpart_at(map, 1, b) != NULL;
            for (size_t k = 0; k < m->found.count - map->count && !taken; k++) {
                const struct counterpart *border = (struct counterpart *)m->found.items + map->count + k;
                taken = border->vendor == a || border->rebuilt == b;
            }
            if (!taken && (section->flags & SHF_TLS) == 0)
                counterpart_add(m, a, b, 1, EVIDENCE_SECTION, false);
        }
    }
}

bool correspondence_make(struct space spaces[2], struct arena *arena, struct correspondence *map)
{
    struct matchmaking m = {.spaces = spaces,
                            .arena = arena,
                            .found = {.arena = arena, .item_size = sizeof(struct counterpart)},
                            .left_over = {.arena = arena, .item_size = sizeof(struct left_over)}};
    functions_pair(&m);
    tables_pair(&m);
    data_pair(&m);
    references_pair(&m);
    if (m.out_of_memory || !correspondence_settle(&m, map))
        return false;
    if (rows_pair(&m, map)) {
        references_pair(&m);
        if (m.out_of_memory || !correspondence_settle(&m, map))
            return false;
    }
    add_borders(&m, map);
    return !m.out_of_memory && correspondence_settle(&m, map);
}

struct correspondence *correspondence_copy(const struct correspondence *map, struct arena *arena)
{
    struct correspondence *copy = arena_alloc(arena, 1, sizeof(*copy));
    struct counterpart *items = arena_alloc(arena, map->count, sizeof(*items));
    const struct counterpart **by_rebuilt = arena_alloc(arena, map->count, sizeof(*by_rebuilt));
    if (copy == NULL || items == NULL || by_rebuilt == NULL)
        return NULL;
    for (size_t i = 0; i < map->count; i++) {
        items[i] = map->items[i];
        by_rebuilt[i] = items + (map->by_rebuilt[i] - map->items);
    }
    *copy = (struct correspondence){.items = items, .count = map->count, .by_rebuilt = by_rebuilt};
    address_index_make(&copy->indexes[0], arena, items, map->count, vendor_begin);
    address_index_make(&copy->indexes[1], arena, by_rebuilt, map->count, rebuilt_begin);
    return copy;
}

/* ---- Looking up ---- */

void address_index_make(struct address_index *index, struct arena *arena, const void *items, size_t count,
                        uint64_t (*begin_of)(const void *items, size_t i))
{
    *index = (struct address_index){0};
    if (count < INDEX_LEAST || count > UINT32_MAX)
        return;
    uint64_t lowest = begin_of(items, 0), span = begin_of(items, count - 1) - lowest;
    uint64_t wanted = count / 4 < INDEX_MOST ? count / 4 : INDEX_MOST;
    unsigned shift = 0;
    while (span >> shift >= wanted)
        shift++;
    size_t stretches = (size_t)(span >> shift) + 1, next = 0;
    uint32_t *first = arena_alloc(arena, stretches + 1, sizeof(*first));
    for (size_t i = 0; first != NULL && i < count; i++) {
        size_t stretch = (size_t)((begin_of(items, i) - lowest) >> shift);
        while (next <= stretch)
            first[next++] = (uint32_t)i;
    }
    while (first != NULL && next <= stretches)
        first[next++] = (uint32_t)count;
    if (first != NULL)
        *index = (struct address_index){lowest, shift, stretches, first};
}

const struct counterpart *counterpart_at(const struct correspondence *map, size_t side, uint64_t address)
{
    size_t low, high = map->count;
    address_index_bounds(&map->indexes[side], address, &low, &high);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t begin = side == 0 ? map->items[middle].vendor : map->by_rebuilt[middle]->rebuilt;
        if (begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct counterpart *found = side == 0 ? &map->items[low - 1] : map->by_rebuilt[low - 1];
    return address - (side == 0 ? found->vendor : found->rebuilt) < found->size ? found : NULL;
}

bool addresses_correspond(const struct correspondence *map, uint64_t vendor, uint64_t rebuilt)
{
    const struct counterpart *found = counterpart_at(map, 0, vendor);
    return found != NULL && found->rebuilt + (vendor - found->vendor) == rebuilt;
}
