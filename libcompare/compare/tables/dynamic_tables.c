/*
 * The tables by which ld.so links (gABI chapter 5, "Dynamic Section"; glibc elf/get-dynamic-info.h, elf/dl-lookup.c),
 * compared by meaning: what an entry refers to by an index is compared by name, so that tables may be in another order
 * and names at other offsets. Only the tables that DT_ tags lead to are looked at, and only where they are sections of
 * one pair.
 */
#include <stdlib.h>
#include <string.h>

#include "tables.h"

/* ---- Strings ---- */

const char *strtab_string(const struct dynamic_side *side, uint64_t offset, uint64_t most, uint64_t *length)
{
    if (offset >= side->strings_size)
        return NULL;
    const char *string = (const char *)side->strings + offset;
    uint64_t room = side->strings_size - offset;
    const char *end = memchr(string, 0, room < most ? room : most);
    if (end != NULL)
        *length = (uint64_t)(end - string);
    return end != NULL ? string : NULL;
}

bool dynamic_strings_share(struct dynamic_tables *tables, uint64_t vendor, uint64_t rebuilt)
{
    uint64_t lengths[2];
    const char *strings[2] = {strtab_string(&tables->sides[0], vendor, UINT64_MAX, &lengths[0]),
                              strtab_string(&tables->sides[1], rebuilt, UINT64_MAX, &lengths[1])};
    if (strings[0] == NULL || strings[1] == NULL || lengths[0] != lengths[1] ||
        memcmp(strings[0], strings[1], lengths[0]) != 0)
        return false;
    struct shared_string *added = list_add(&tables->shared);
    if (added == NULL)
        tables->m->out_of_memory = true;
    else
        *added = (struct shared_string){.offsets = {vendor, rebuilt}, .length = lengths[0]};
    return added != NULL;
}

/* ---- Opening ---- */

/* DT_STRSZ bounds it for ld.so's tools alone; ld.so itself reads on to a zero byte, which must be in the section. */
static void strings_open(struct dynamic_tables *tables)
{
    tables->strings = tagged_pair(tables->m, DT_STRTAB, SHT_STRTAB);
    for (size_t side = 0; side < 2 && tables->strings != NULL; side++) {
        struct range bytes = tables->strings->sides[side]->bytes;
        tables->sides[side].strings = tables->m->images[side]->bytes + bytes.begin;
        tables->sides[side].strings_size = range_size(bytes);
    }
}

static void index_sections(struct dynamic_tables *tables)
{
    struct moving *m = tables->m;
    tables->by_section = arena_alloc(m->arena, m->images[0]->section_count, sizeof(const struct section_pair *));
    m->out_of_memory |= tables->by_section == NULL;
    for (size_t i = 0; tables->by_section != NULL && i < m->section_count; i++)
        tables->by_section[m->sections[i].sides[0]->index] = &m->sections[i];
}

struct dynamic_tables *dynamic_tables(struct moving *m)
{
    if (m->dynamic != NULL || m->out_of_memory)
        return m->dynamic;
    struct dynamic_tables *tables = arena_alloc(m->arena, 1, sizeof(*tables));
    m->out_of_memory |= tables == NULL;
    if (tables == NULL)
        return NULL;
    tables->m = m;
    tables->finder.m = tables->targets.m = m;
    tables->shared = (struct list){.arena = m->arena, .item_size = sizeof(struct shared_string)};
    for (size_t side = 0; side < 2; side++)
        tables->sides[side].image = m->images[side];
    index_sections(tables);
    strings_open(tables);
    versions_read(tables);
    dynamic_symbols_pair(tables);
    relocation_tables_pair(tables);
    m->dynamic = m->out_of_memory ? NULL : tables;
    return m->dynamic;
}

void dynamic_tables_prove(struct moving *m)
{
    struct dynamic_tables *tables = dynamic_tables(m);
    if (tables == NULL)
        return;
    versions_prove(tables);
    hash_tables_prove(tables); /* says in which order namesakes are found */
    dynamic_symbols_prove(tables);
    relocation_tables_prove(tables);
    dynamic_section_prove(tables);
    dynamic_strings_prove(tables);
}

/* ---- DT_STRTAB: proven are the strings that the same users read on both sides ---- */

/* Strings may share their ends. A stretch goes from the first byte that a user reads to the zero byte behind. */
struct stretch {
    uint64_t begin, end; /* with its zero byte */
    uint64_t other;      /* where the string at begin lies on the other side */
    bool taken;
};

static int stretch_order(const void *left, const void *right)
{
    const struct stretch *a = left, *b = right;
    return a->end != b->end ? (a->end < b->end ? -1 : 1) : (a->begin > b->begin) - (a->begin < b->begin);
}

/* By their ends: of those that end at one byte, the longest holds all others. */
static size_t stretches_make(const struct dynamic_tables *tables, size_t side, struct stretch *stretches)
{
    const struct shared_string *shared = tables->shared.items;
    size_t kept = 0;
    for (size_t i = 0; i < tables->shared.count; i++)
        stretches[i] = (struct stretch){shared[i].offsets[side], shared[i].offsets[side] + shared[i].length + 1,
                                        shared[i].offsets[1 - side], false};
    sort_items(stretches, tables->shared.count, sizeof(*stretches), stretch_order);
    for (size_t i = 0; i < tables->shared.count; i++) {
        if (kept == 0 || stretches[kept - 1].end != stretches[i].end)
            stretches[kept++] = stretches[i];
    }
    return kept;
}

static struct stretch *stretch_ending(struct stretch *stretches, size_t count, uint64_t end)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stretches[middle].end < end)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && stretches[low].end == end ? &stretches[low] : NULL;
}

static void prove_stretches(const struct table *table, struct stretch *vendor, size_t vendor_count,
                            struct stretch *rebuilt, size_t rebuilt_count)
{
    struct range none[2] = {{table->sides[0].begin, table->sides[0].begin},
                            {table->sides[1].begin, table->sides[1].begin}};
    for (size_t i = 0; i < vendor_count; i++) {
        uint64_t size = vendor[i].end - vendor[i].begin;
        struct stretch *other = stretch_ending(rebuilt, rebuilt_count, vendor[i].other + size);
        bool whole = other != NULL && !other->taken && other->begin == vendor[i].other;
        table_prove(table, part_of(table->sides[0], vendor[i].begin, size),
                    whole ? part_of(table->sides[1], other->begin, size) : none[1]);
        if (whole)
            other->taken = true;
    }
    for (size_t i = 0; i < rebuilt_count; i++) {
        if (!rebuilt[i].taken)
            table_prove(table, none[0], part_of(table->sides[1], rebuilt[i].begin, rebuilt[i].end - rebuilt[i].begin));
    }
}

void dynamic_strings_prove(struct dynamic_tables *tables)
{
    struct moving *m = tables->m;
    struct arena scratch = {0};
    struct stretch *stretches[2];
    size_t counts[2];
    if (tables->strings == NULL)
        return;
    dynamic_strings_share(tables, 0, 0); /* the name of what has none */
    for (size_t side = 0; side < 2; side++) {
        stretches[side] = arena_alloc(&scratch, tables->shared.count, sizeof(struct stretch));
        m->out_of_memory |= stretches[side] == NULL;
    }
    for (size_t side = 0; side < 2 && !m->out_of_memory; side++)
        counts[side] = stretches_make(tables, side, stretches[side]);
    if (!m->out_of_memory) {
        struct table table = table_of(m, RULE_MOVED_TABLES, tables->strings);
        prove_stretches(&table, stretches[0], counts[0], stretches[1], counts[1]);
    }
    arena_free(&scratch);
}
