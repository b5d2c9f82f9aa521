/*
 * What the comparators of tables share: how tables are found, by what the loader goes by and never by a name alone, and
 * looking up counterparts.
 */
#include <string.h>

#include "tables.h"

void table_prove(const struct table *table, struct range vendor, struct range rebuilt)
{
    moving_prove(table->m, vendor, rebuilt, table->rule);
}

/* ---- Finding ---- */

static bool in_memory(const struct section *section, uint32_t type)
{
    return section->type == type && (section->flags & SHF_ALLOC) != 0 && !range_empty(section->bytes);
}

const struct section_pair *tagged_pair(const struct moving *m, int64_t tag, uint32_t type)
{
    const struct dynamic_entry *entries[2] = {image_dynamic(m->images[0], tag), image_dynamic(m->images[1], tag)};
    if (entries[0] == NULL || entries[1] == NULL)
        return NULL;
    for (size_t i = 0; i < m->section_count; i++) {
        const struct section_pair *pair = &m->sections[i];
        if (in_memory(pair->sides[0], type) && in_memory(pair->sides[1], type) &&
            pair->sides[0]->address == entries[0]->value && pair->sides[1]->address == entries[1]->value)
            return pair;
    }
    return NULL;
}

const struct section_pair *named_pair(const struct moving *m, const char *name, uint32_t type)
{
    for (size_t i = 0; i < m->section_count; i++) {
        const struct section_pair *pair = &m->sections[i];
        if (in_memory(pair->sides[0], type) && in_memory(pair->sides[1], type) &&
            strcmp(pair->sides[0]->name, name) == 0 && strcmp(pair->sides[1]->name, name) == 0)
            return pair;
    }
    return NULL;
}

/* ---- Counterparts ---- */

bool finder_counterpart(struct finder *finder, uint64_t vendor, uint64_t *rebuilt)
{
    const struct counterpart *last = finder->last;
    if (last == NULL || vendor - last->vendor >= last->size)
        last = counterpart_at(finder->m->map, 0, vendor);
    if (last == NULL)
        return false;
    finder->last = last;
    *rebuilt = last->rebuilt + (vendor - last->vendor);
    return true;
}

bool finder_correspond(struct finder *finder, uint64_t vendor, uint64_t rebuilt)
{
    uint64_t found;
    return finder_counterpart(finder, vendor, &found) && found == rebuilt;
}

bool finder_reference(struct finder *finder, uint64_t vendor, uint64_t rebuilt)
{
    bool same = finder_correspond(finder, vendor, rebuilt);
    if (same)
        moving_note(finder->m, finder->last, vendor);
    return same;
}

bool finder_begin_corresponds(struct finder *finder, uint64_t vendor, uint64_t rebuilt, uint64_t size)
{
    uint64_t last_vendor = vendor + size - (size > 0), last_rebuilt = rebuilt + size - (size > 0);
    return finder_correspond(finder, vendor, rebuilt) && (finder_correspond(finder, last_vendor, last_rebuilt) ||
                                                          (counterpart_at(finder->m->map, 0, last_vendor) == NULL &&
                                                           counterpart_at(finder->m->map, 1, last_rebuilt) == NULL));
}

bool finder_correspond_range(struct finder *finder, uint64_t vendor, uint64_t rebuilt, uint64_t size)
{
    return finder_correspond(finder, vendor, rebuilt) &&
           (size <= 1 || finder_correspond(finder, vendor + (size - 1), rebuilt + (size - 1)));
}
