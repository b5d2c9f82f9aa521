/*
 * The dynamic section (gABI chapter 5; glibc elf/get-dynamic-info.h): the entries up to DT_NULL, the n-th of a tag with
 * the n-th of the other side. An address must lead to the counterpart, a size or count must be right for its own side,
 * a string must be the same, and all else equal.
 */
#include "tables.h"

#ifndef DT_AARCH64_BTI_PLT /* newer than some elf.h */
#define DT_AARCH64_BTI_PLT 0x70000001
#define DT_AARCH64_PAC_PLT 0x70000003
#endif

/* What is no address in any file, however high it is, must only be equal. */
#define LOWEST_ADDRESS 64

enum kind {
    KIND_OTHER = 0, /* equal, and where it could be an address, one that leads to the counterpart */
    KIND_VALUE,     /* equal */
    KIND_ADDRESS,
    KIND_STRING,
    KIND_SIZE,   /* of the section at the address that another tag has */
    KIND_TABLE,  /* of relocations that another tag has the address of */
    KIND_COUNT,  /* recomputed */
    KIND_OFFSET, /* an address less that of the entry itself */
};

static const struct row {
    int64_t tag, of; /* of: the tag that a size belongs to */
    enum kind kind;
    uint16_t machine; /* 0: all */
} rows[] = {
    {DT_NEEDED, 0, KIND_STRING, 0},
    {DT_SONAME, 0, KIND_STRING, 0},
    {DT_RPATH, 0, KIND_STRING, 0},
    {DT_RUNPATH, 0, KIND_STRING, 0},
    {DT_AUXILIARY, 0, KIND_STRING, 0},
    {DT_FILTER, 0, KIND_STRING, 0},
    {DT_AUDIT, 0, KIND_STRING, 0},
    {DT_DEPAUDIT, 0, KIND_STRING, 0},
    {DT_CONFIG, 0, KIND_STRING, 0},
    {DT_INIT, 0, KIND_ADDRESS, 0},
    {DT_FINI, 0, KIND_ADDRESS, 0},
    {DT_INIT_ARRAY, 0, KIND_ADDRESS, 0},
    {DT_FINI_ARRAY, 0, KIND_ADDRESS, 0},
    {DT_PREINIT_ARRAY, 0, KIND_ADDRESS, 0},
    {DT_INIT_ARRAYSZ, DT_INIT_ARRAY, KIND_SIZE, 0},
    {DT_FINI_ARRAYSZ, DT_FINI_ARRAY, KIND_SIZE, 0},
    {DT_PREINIT_ARRAYSZ, DT_PREINIT_ARRAY, KIND_SIZE, 0},
    {DT_HASH, 0, KIND_ADDRESS, 0},
    {DT_GNU_HASH, 0, KIND_ADDRESS, 0},
    {DT_STRTAB, 0, KIND_ADDRESS, 0},
    {DT_SYMTAB, 0, KIND_ADDRESS, 0},
    {DT_STRSZ, DT_STRTAB, KIND_SIZE, 0},
    {DT_SYMENT, 0, KIND_VALUE, 0},
    {DT_PLTGOT, 0, KIND_ADDRESS, 0},
    {DT_RELA, 0, KIND_ADDRESS, 0},
    {DT_REL, 0, KIND_ADDRESS, 0},
    {DT_RELR, 0, KIND_ADDRESS, 0},
    {DT_JMPREL, 0, KIND_ADDRESS, 0},
    {DT_RELASZ, DT_RELA, KIND_TABLE, 0},
    {DT_RELSZ, DT_REL, KIND_TABLE, 0},
    {DT_PLTRELSZ, DT_JMPREL, KIND_TABLE, 0},
    {DT_RELRSZ, DT_RELR, KIND_SIZE, 0},
    {DT_RELAENT, 0, KIND_VALUE, 0},
    {DT_RELENT, 0, KIND_VALUE, 0},
    {DT_RELRENT, 0, KIND_VALUE, 0},
    {DT_PLTREL, 0, KIND_VALUE, 0},
    {DT_RELACOUNT, 0, KIND_COUNT, 0},
    {DT_RELCOUNT, 0, KIND_COUNT, 0},
    {DT_VERNEEDNUM, 0, KIND_COUNT, 0},
    {DT_VERDEFNUM, 0, KIND_COUNT, 0},
    {DT_VERSYM, 0, KIND_ADDRESS, 0},
    {DT_VERNEED, 0, KIND_ADDRESS, 0},
    {DT_VERDEF, 0, KIND_ADDRESS, 0},
    {DT_TLSDESC_PLT, 0, KIND_ADDRESS, 0},
    {DT_TLSDESC_GOT, 0, KIND_ADDRESS, 0},
    {DT_SYMBOLIC, 0, KIND_VALUE, 0},
    {DT_DEBUG, 0, KIND_VALUE, 0},
    {DT_TEXTREL, 0, KIND_VALUE, 0},
    {DT_BIND_NOW, 0, KIND_VALUE, 0},
    {DT_FLAGS, 0, KIND_VALUE, 0},
    {DT_FLAGS_1, 0, KIND_VALUE, 0},
    {DT_MIPS_RLD_VERSION, 0, KIND_VALUE, EM_MIPS},
    {DT_MIPS_FLAGS, 0, KIND_VALUE, EM_MIPS},
    {DT_MIPS_BASE_ADDRESS, 0, KIND_VALUE, EM_MIPS},
    {DT_MIPS_LOCAL_GOTNO, 0, KIND_VALUE, EM_MIPS},
    {DT_MIPS_UNREFEXTNO, 0, KIND_VALUE, EM_MIPS},
    {DT_MIPS_SYMTABNO, 0, KIND_COUNT, EM_MIPS},
    {DT_MIPS_GOTSYM, 0, KIND_VALUE, EM_MIPS},
    {DT_MIPS_RLD_MAP, 0, KIND_ADDRESS, EM_MIPS},
    {DT_MIPS_RLD_MAP_REL, 0, KIND_OFFSET, EM_MIPS},
    {DT_MIPS_PLTGOT, 0, KIND_ADDRESS, EM_MIPS},
    {DT_PPC_GOT, 0, KIND_ADDRESS, EM_PPC},
    {DT_PPC_OPT, 0, KIND_VALUE, EM_PPC},
    {DT_PPC64_GLINK, 0, KIND_ADDRESS, EM_PPC64},
    {DT_PPC64_OPD, 0, KIND_ADDRESS, EM_PPC64},
    {DT_PPC64_OPDSZ, DT_PPC64_OPD, KIND_SIZE, EM_PPC64},
    {DT_PPC64_OPT, 0, KIND_VALUE, EM_PPC64},
    {DT_AARCH64_BTI_PLT, 0, KIND_VALUE, EM_AARCH64},
    {DT_AARCH64_PAC_PLT, 0, KIND_VALUE, EM_AARCH64},
    {DT_AARCH64_VARIANT_PCS, 0, KIND_VALUE, EM_AARCH64},
};

/* One entry of both sides. */
struct entries {
    struct dynamic_tables *tables;
    int64_t tag;
    uint64_t values[2], addresses[2]; /* addresses: of the entries */
};

static const struct row *row_of(const struct image *image, int64_t tag)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].tag == tag && (rows[i].machine == 0 || rows[i].machine == image->header.e_machine))
            return &rows[i];
    }
    return NULL;
}

/* Tables that are no data of the program have no counterpart but each other: where both begin. */
static bool sections_begin(const struct moving *m, uint64_t vendor, uint64_t rebuilt)
{
    for (size_t i = 0; i < m->section_count; i++) {
        const struct section *const *sides = m->sections[i].sides;
        if ((sides[0]->flags & sides[1]->flags & SHF_ALLOC) != 0 && sides[0]->size > 0 && sides[1]->size > 0 &&
            sides[0]->address == vendor && sides[1]->address == rebuilt)
            return true;
    }
    return false;
}

static bool lead_to_counterparts(const struct entries *entries, uint64_t vendor, uint64_t rebuilt)
{
    return sections_begin(entries->tables->m, vendor, rebuilt) ||
           finder_reference(&entries->tables->finder, vendor, rebuilt);
}

/* ---- Sizes and counts ---- */

/* Of a pair of sections that tag leads to. */
static bool size_is_right(const struct moving *m, size_t side, int64_t tag, uint64_t size)
{
    const struct dynamic_entry *begin = image_dynamic(m->images[side], tag);
    for (size_t i = 0; begin != NULL && i < m->section_count; i++) {
        const struct section *section = m->sections[i].sides[side];
        if ((section->flags & SHF_ALLOC) != 0 && section->size > 0 && section->address == begin->value)
            return section->size == size;
    }
    return false;
}

static bool table_is_right(const struct moving *m, size_t side, int64_t tag, uint64_t size)
{
    const struct dynamic_entry *begin = image_dynamic(m->images[side], tag);
    struct range addresses;
    return begin != NULL && range_make(begin->value, size, &addresses) &&
           (relocation_sections_make(m, side, addresses, SHT_RELA) ||
            relocation_sections_make(m, side, addresses, SHT_REL));
}

static uint64_t count_of(const struct dynamic_side *side, int64_t tag)
{
    switch (tag) {
    case DT_RELACOUNT:
        return leading_relative(side, RELOCATIONS_RELA);
    case DT_RELCOUNT:
        return leading_relative(side, RELOCATIONS_REL);
    case DT_VERNEEDNUM:
        return side->needs;
    case DT_VERDEFNUM:
        return side->definitions;
    default:
        return side->count;
    }
}

/* ---- Entries ---- */

static bool others_correspond(const struct entries *entries)
{
    uint64_t value = entries->values[0];
    struct range ignored;
    bool address = value >= LOWEST_ADDRESS && (image_file_range(entries->tables->m->images[0], value, 1, &ignored) ||
                                               image_file_range(entries->tables->m->images[1], value, 1, &ignored));
    return value == entries->values[1] && (!address || lead_to_counterparts(entries, value, value));
}

static bool entries_correspond(const struct entries *entries)
{
    struct dynamic_tables *tables = entries->tables;
    const struct row *row = row_of(tables->m->images[0], entries->tag);
    const uint64_t *values = entries->values;
    switch (row != NULL ? row->kind : KIND_OTHER) {
    case KIND_VALUE:
        return values[0] == values[1];
    case KIND_ADDRESS:
        return lead_to_counterparts(entries, values[0], values[1]);
    case KIND_OFFSET:
        return lead_to_counterparts(entries, entries->addresses[0] + values[0], entries->addresses[1] + values[1]);
    case KIND_STRING:
        return tables->strings != NULL && dynamic_strings_share(tables, values[0], values[1]);
    case KIND_SIZE:
        return values[0] == values[1] ||
               (size_is_right(tables->m, 0, row->of, values[0]) && size_is_right(tables->m, 1, row->of, values[1]));
    case KIND_TABLE:
        return values[0] == values[1] ||
               (table_is_right(tables->m, 0, row->of, values[0]) && table_is_right(tables->m, 1, row->of, values[1]));
    case KIND_COUNT:
        return values[0] == count_of(&tables->sides[0], entries->tag) &&
               values[1] == count_of(&tables->sides[1], entries->tag);
    default:
        return others_correspond(entries);
    }
}

/* PT_DYNAMIC is what ld.so reads; these are its bytes on both sides. */
static const struct section_pair *dynamic_pair(const struct moving *m)
{
    const struct section_pair *pair = named_pair(m, ".dynamic", SHT_DYNAMIC);
    for (size_t side = 0; side < 2 && pair != NULL; side++) {
        const struct segment *found = NULL;
        for (size_t i = 0; i < m->images[side]->segment_count && found == NULL; i++) {
            if (m->images[side]->segments[i].type == PT_DYNAMIC)
                found = &m->images[side]->segments[i];
        }
        size_t size = m->images[side]->is64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
        if (found == NULL || found->address != pair->sides[side]->address ||
            found->file_offset != pair->sides[side]->bytes.begin || !m->images[side]->dynamic_ended ||
            range_size(pair->sides[side]->bytes) / size <= m->images[side]->dynamic_count ||
            m->images[side]->dynamic_count > DYNAMIC_LIMIT)
            return NULL;
    }
    return pair;
}

/* The next entry of the rebuilt side with this tag; tags are few, but a crafted table has many. */
struct next {
    int64_t tag;
    size_t at;
};

static size_t next_of(struct list *nexts, const struct image *image, int64_t tag)
{
    struct next *next = NULL;
    for (size_t i = 0; i < nexts->count && next == NULL; i++) {
        struct next *seen = (struct next *)nexts->items + i;
        next = seen->tag == tag ? seen : NULL;
    }
    const size_t most = 256; /* kinds of tags */
    if (next == NULL && nexts->count < most)
        next = list_add(nexts);
    if (next == NULL)
        return SIZE_MAX;
    next->tag = tag;
    while (next->at < image->dynamic_count && image->dynamic[next->at].tag != tag)
        next->at++;
    return next->at < image->dynamic_count ? next->at++ : SIZE_MAX;
}

static void prove_entries(struct dynamic_tables *tables, const struct section_pair *pair, struct list *nexts,
                          const struct table *table)
{
    const struct image *const *images = tables->m->images;
    size_t size = images[0]->is64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
    for (size_t i = 0; i < images[0]->dynamic_count; i++) {
        int64_t tag = images[0]->dynamic[i].tag;
        size_t other = next_of(nexts, images[1], tag);
        if (other == SIZE_MAX)
            continue;
        struct entries entries = {
            .tables = tables,
            .tag = tag,
            .values = {images[0]->dynamic[i].value, images[1]->dynamic[other].value},
            .addresses = {pair->sides[0]->address + i * size, pair->sides[1]->address + other * size},
        };
        if (entries_correspond(&entries))
            table_prove(table, part_of(table->sides[0], i * size, size), part_of(table->sides[1], other * size, size));
    }
}

/* DT_NULL and the spare ones behind it, which are zero. */
static void prove_end(const struct dynamic_tables *tables, const struct table *table)
{
    struct range ends[2];
    for (size_t side = 0; side < 2; side++) {
        const struct image *image = tables->m->images[side];
        size_t size = image->is64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
        ends[side] = table->sides[side];
        ends[side].begin += image->dynamic_count * size;
        if (!image_all_zero(image, ends[side]))
            return;
    }
    table_prove(table, ends[0], ends[1]);
}

void dynamic_section_prove(struct dynamic_tables *tables)
{
    const struct section_pair *pair = dynamic_pair(tables->m);
    struct arena scratch = {0};
    struct list nexts = {.arena = &scratch, .item_size = sizeof(struct next)};
    if (pair == NULL)
        return;
    struct table table = table_of(tables->m, RULE_MOVED_TABLES, pair);
    prove_entries(tables, pair, &nexts, &table);
    prove_end(tables, &table);
    arena_free(&scratch);
}
