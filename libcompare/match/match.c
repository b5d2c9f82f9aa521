/* Pairing of extents. */
#include "match.h"

#include <stdlib.h>
#include <string.h>

struct side {
    const struct image *image;
    struct extent *extents; /* those that are left to be paired by what they are */
    size_t count;
    size_t *partner; /* for each: the index of its partner on the other side, or SIZE_MAX */
};

struct matching {
    struct arena *arena;
    struct side vendor, rebuilt;
    struct list pairs;
};

static uint32_t section_of(const struct extent *extent)
{
    return extent->owner == OWNER_SECTION ? extent->index : UINT32_MAX;
}

static bool add_pair(struct matching *matching, const struct extent *vendor, const struct extent *rebuilt)
{
    struct pair *pair = list_add(&matching->pairs);
    char name[1100];
    if (pair == NULL)
        return false;
    /* The side that has section headers knows better what the bytes are. */
    bool vendor_names =
        vendor != NULL && (rebuilt == NULL || vendor->owner == OWNER_SECTION || rebuilt->owner != OWNER_SECTION);
    const struct extent *named = vendor_names ? vendor : rebuilt;
    pair->owner = named->owner;
    image_owner_name(vendor_names ? matching->vendor.image : matching->rebuilt.image, named, name, sizeof(name));
    pair->name = arena_strdup(matching->arena, name);
    if (vendor != NULL)
        pair->vendor = (struct pair_side){true, vendor->range, section_of(vendor)};
    if (rebuilt != NULL)
        pair->rebuilt = (struct pair_side){true, rebuilt->range, section_of(rebuilt)};
    return pair->name != NULL;
}

/* ---- By place ---- */

static bool same_program_headers(const struct image *a, const struct image *b)
{
    struct range table = {a->header.e_phoff, a->header.e_phoff + a->segment_count * a->header.e_phentsize};
    return image_is_linked(a) && a->header.e_type == b->header.e_type && a->segment_count > 0 &&
           a->segment_count == b->segment_count && a->header.e_phoff == b->header.e_phoff && a->is64 == b->is64 &&
           a->big_endian == b->big_endian &&
           memcmp(image_bytes(a, table), image_bytes(b, table), range_size(table)) == 0;
}

/* What both sides load, up to the end of the shorter: whole extents, and the parts in which they overlap. */
static bool pair_by_place(struct matching *matching, uint64_t end)
{
    const struct image *a = matching->vendor.image, *b = matching->rebuilt.image;
    const struct extent *x = a->extents, *y = b->extents;
    for (uint64_t at = 0; at < end;) {
        while (x->range.end <= at)
            x++;
        while (y->range.end <= at)
            y++;
        uint64_t to = x->range.end < y->range.end ? x->range.end : y->range.end;
        struct extent left = *x, right = *y;
        left.range = right.range = (struct range){at, to < end ? to : end};
        if (!add_pair(matching, &left, &right))
            return false;
        at = left.range.end;
    }
    return true;
}

/* ---- By what they are ---- */

static bool side_begin(struct side *side, const struct image *image, uint64_t from, struct arena *arena)
{
    side->image = image;
    side->extents = arena_alloc(arena, image->extent_count, sizeof(*side->extents));
    side->partner = arena_alloc(arena, image->extent_count, sizeof(*side->partner));
    if (side->extents == NULL || side->partner == NULL)
        return false;
    for (size_t i = 0; i < image->extent_count; i++) {
        struct extent extent = image->extents[i];
        if (extent.range.begin < from)
            extent.range.begin = from;
        if (range_empty(extent.range))
            continue;
        side->partner[side->count] = SIZE_MAX;
        side->extents[side->count++] = extent;
    }
    return true;
}

struct keyed {
    const struct section *section; /* NULL for owners that occur once */
    enum owner owner;
    size_t extent;
};

static int key_order(const struct keyed *a, const struct keyed *b)
{
    if (a->owner != b->owner)
        return a->owner < b->owner ? -1 : 1;
    if (a->section == NULL || b->section == NULL)
        return 0;
    int names = strcmp(a->section->name, b->section->name);
    if (names != 0)
        return names;
    if (a->section->type != b->section->type)
        return a->section->type < b->section->type ? -1 : 1;
    uint64_t flags_a = a->section->flags & ~(uint64_t)SHF_COMPRESSED;
    uint64_t flags_b = b->section->flags & ~(uint64_t)SHF_COMPRESSED;
    return (flags_a > flags_b) - (flags_a < flags_b);
}

/* Sections of one name (groups in objects have hundreds) are told apart by their order among themselves. */
static int keyed_order(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    int keys = key_order(a, b);
    if (keys != 0 || a->section == NULL || b->section == NULL)
        return keys;
    return (a->section->index > b->section->index) - (a->section->index < b->section->index);
}

static struct keyed *keys_of(const struct side *side, struct arena *arena, size_t *count)
{
    struct keyed *keys = arena_alloc(arena, side->count, sizeof(*keys));
    *count = 0;
    for (size_t i = 0; keys != NULL && i < side->count; i++) {
        const struct extent *extent = &side->extents[i];
        if (extent->owner == OWNER_PADDING || extent->owner == OWNER_SEGMENT)
            continue;
        keys[(*count)++] = (struct keyed){
            .section = extent->owner == OWNER_SECTION ? &side->image->sections[extent->index] : NULL,
            .owner = extent->owner,
            .extent = i,
        };
    }
    sort_items(keys, *count, sizeof(*keys), keyed_order);
    return keys;
}

static bool pair_by_key(struct matching *matching)
{
    size_t count_a, count_b, a = 0, b = 0;
    struct keyed *keys_a = keys_of(&matching->vendor, matching->arena, &count_a);
    struct keyed *keys_b = keys_of(&matching->rebuilt, matching->arena, &count_b);
    if (keys_a == NULL || keys_b == NULL)
        return false;
    while (a < count_a && b < count_b) {
        int order = key_order(&keys_a[a], &keys_b[b]);
        if (order == 0) {
            matching->vendor.partner[keys_a[a].extent] = keys_b[b].extent;
            matching->rebuilt.partner[keys_b[b].extent] = keys_a[a].extent;
        }
        a += order <= 0;
        b += order >= 0;
    }
    return true;
}

/* What no section claims has no name: it is paired by what stands before it. */
static void pair_by_predecessor(struct matching *matching)
{
    struct side *vendor = &matching->vendor, *rebuilt = &matching->rebuilt;
    for (size_t i = 0; i < vendor->count; i++) {
        /* SIZE_MAX + 1 is 0: the first of what is left follows what was paired by place. */
        size_t before = i > 0 ? vendor->partner[i - 1] : SIZE_MAX, candidate = before + 1;
        if ((vendor->extents[i].owner == OWNER_PADDING || vendor->extents[i].owner == OWNER_SEGMENT) &&
            (i == 0 || before != SIZE_MAX) && candidate < rebuilt->count && rebuilt->partner[candidate] == SIZE_MAX &&
            rebuilt->extents[candidate].owner == vendor->extents[i].owner) {
            vendor->partner[i] = candidate;
            rebuilt->partner[candidate] = i;
        }
    }
}

static bool add_pairs(struct matching *matching)
{
    bool added = true;
    for (size_t i = 0; i < matching->vendor.count && added; i++) {
        size_t partner = matching->vendor.partner[i];
        added = add_pair(matching, &matching->vendor.extents[i],
                         partner == SIZE_MAX ? NULL : &matching->rebuilt.extents[partner]);
    }
    for (size_t i = 0; i < matching->rebuilt.count && added; i++) {
        if (matching->rebuilt.partner[i] == SIZE_MAX)
            added = add_pair(matching, NULL, &matching->rebuilt.extents[i]);
    }
    return added;
}

static uint64_t load_end(const struct image *image)
{
    return image->load_count > 0 ? image->load[image->load_count - 1].end : 0;
}

int match_images(const struct image *vendor, const struct image *rebuilt, enum pair_by by, struct arena *arena,
                 struct pair **pairs, size_t *count, struct compare_error *error)
{
    struct matching matching = {.arena = arena, .pairs = {.arena = arena, .item_size = sizeof(struct pair)}};
    uint64_t placed = 0;
    bool paired = true;
    matching.vendor.image = vendor;
    matching.rebuilt.image = rebuilt;
    if (by == PAIR_BY_PLACE_ALONE)
        placed = vendor->size < rebuilt->size ? vendor->size : rebuilt->size;
    else if (by == PAIR_BY_PLACE && same_program_headers(vendor, rebuilt))
        placed = load_end(vendor) < load_end(rebuilt) ? load_end(vendor) : load_end(rebuilt);
    paired = pair_by_place(&matching, placed);
    paired = paired && side_begin(&matching.vendor, vendor, placed, arena) &&
             side_begin(&matching.rebuilt, rebuilt, placed, arena) && pair_by_key(&matching);
    if (paired) {
        pair_by_predecessor(&matching);
        paired = add_pairs(&matching);
    }
    *pairs = matching.pairs.items;
    *count = matching.pairs.count;
    return paired ? 0 : error_set(error, COMPARE_ERROR_MEMORY, vendor->path, "no memory to pair its sections");
}
