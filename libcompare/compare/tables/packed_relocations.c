/*
 * DT_RELR (gABI chapter 5, "Relative Relocation Table"): places alone, of which an even word is one, and an odd one a bitmap
 * of the words behind. The table is proven as a whole, when the places of one side are the counterparts of the other's.
 * What is added to stands in the places, and is checked with the data there.
 */
#include <stdlib.h>

#include "tables.h"

/* Without places it only counts them. */
static uint64_t expand_relative(const struct image *image, struct range bytes, uint64_t *places)
{
    unsigned word = image->is64 ? 8 : 4;
    uint64_t found = 0, next = 0, mask = image->is64 ? UINT64_MAX : UINT32_MAX;
    for (uint64_t at = bytes.begin; at < bytes.end; at += word) {
        uint64_t entry = image_word(image, at);
        if ((entry & 1) == 0) {
            if (places != NULL)
                places[found] = entry;
            found++;
            next = entry + word;
            continue;
        }
        for (unsigned bit = 1; bit < 8 * word; bit++) {
            if ((entry >> bit & 1) == 0)
                continue;
            if (places != NULL)
                places[found] = (next + (bit - UINT64_C(1)) * word) & mask;
            found++;
        }
        next += (8 * word - UINT64_C(1)) * word;
    }
    return found;
}

static void read_relative(struct moving *m, size_t side, const struct section *section, struct dynamic_side *read)
{
    const struct image *image = m->images[side];
    uint64_t count = expand_relative(image, section->bytes, NULL);
    /* Each is a word of the image, and none twice. */
    if (count > image->size / (image->is64 ? 8 : 4))
        return;
    read->relative = arena_alloc(m->arena, count, sizeof(*read->relative));
    m->out_of_memory |= read->relative == NULL;
    if (read->relative == NULL)
        return;
    read->relative_count = expand_relative(image, section->bytes, read->relative);
    sort_items(read->relative, read->relative_count, sizeof(*read->relative), number_order);
}

bool packed_relocations_have(const struct dynamic_side *side, uint64_t address)
{
    return side->relative_count > 0 &&
           bsearch(&address, side->relative, side->relative_count, sizeof(address), number_order) != NULL;
}

/* A place that stands there twice would be changed twice. */
static bool relative_corresponds(struct dynamic_tables *tables)
{
    const struct dynamic_side *vendor = &tables->sides[0], *rebuilt = &tables->sides[1];
    unsigned word = vendor->image->is64 ? 8 : 4;
    bool same = vendor->relative_count == rebuilt->relative_count;
    for (uint64_t i = 0; same && i < vendor->relative_count; i++) {
        uint64_t address = vendor->relative[i], other;
        same = (i == 0 || (vendor->relative[i - 1] < address && rebuilt->relative[i - 1] < rebuilt->relative[i])) &&
               finder_counterpart(&tables->finder, address, &other) && packed_relocations_have(rebuilt, other) &&
               finder_correspond_range(&tables->finder, address, other, word);
    }
    return same;
}

static const struct section_pair *relative_pair(const struct moving *m)
{
    const struct section_pair *pair = tagged_pair(m, DT_RELR, SHT_RELR);
    for (size_t side = 0; side < 2 && pair != NULL; side++) {
        const struct section *section = pair->sides[side];
        unsigned word = m->images[side]->is64 ? 8 : 4;
        if (!dynamic_value_is(m->images[side], DT_RELRSZ, section->size) ||
            !dynamic_value_is(m->images[side], DT_RELRENT, word) || section->size % word != 0 ||
            range_size(section->bytes) != section->size)
            return NULL;
    }
    return pair;
}

void packed_relocations_pair(struct dynamic_tables *tables)
{
    const struct section_pair *pair = relative_pair(tables->m);
    if (pair == NULL)
        return;
    for (size_t side = 0; side < 2; side++)
        read_relative(tables->m, side, pair->sides[side], &tables->sides[side]);
    tables->relative_proven =
        !tables->m->out_of_memory && tables->sides[0].relative_count > 0 && relative_corresponds(tables);
}

void packed_relocations_prove(struct dynamic_tables *tables)
{
    const struct section_pair *pair = relative_pair(tables->m);
    if (pair == NULL || !tables->relative_proven)
        return;
    moving_prove(tables->m, pair->sides[0]->bytes, pair->sides[1]->bytes, RULE_MOVED_TABLES);
    tables->m->counts.relocations += tables->sides[0].relative_count;
}
