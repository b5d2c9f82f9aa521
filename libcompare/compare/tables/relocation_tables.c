/*
 * DT_RELA, DT_REL and DT_JMPREL (gABI chapter 5; glibc elf/do-rel.h): an entry is proven when the other side
 * has one, and only one, that does the same to the counterpart of its place. ld.so's order has no meaning but for
 * entries at one place, and for IRELATIVE, whose functions it calls. An addend that stands in the place (DT_REL)
 * is a part of the data there, and checked with it.
 */
#include <stdlib.h>
#include <string.h>

#include "tables.h"

#ifndef EM_LOONGARCH /* newer than some elf.h */
#define EM_LOONGARCH 258
#endif

/* ---- What types mean ---- */

static const struct relocation_types {
    uint16_t machine;
    bool is64;
    uint32_t relative, irelative, copy, descriptor; /* descriptor: two words, the second an offset as in tls */
    uint32_t tls[2];                                /* an offset in the template of PT_TLS */
} types_of_machines[] = {
    {EM_X86_64,
     true,
     R_X86_64_RELATIVE,
     R_X86_64_IRELATIVE,
     R_X86_64_COPY,
     R_X86_64_TLSDESC,
     {R_X86_64_TPOFF64, R_X86_64_DTPOFF64}},
    {EM_X86_64,
     false,
     R_X86_64_RELATIVE,
     R_X86_64_IRELATIVE,
     R_X86_64_COPY,
     R_X86_64_TLSDESC,
     {R_X86_64_TPOFF64, R_X86_64_DTPOFF64}},
    {EM_386, false, R_386_RELATIVE, R_386_IRELATIVE, R_386_COPY, R_386_TLS_DESC, {0, 0}},
    {EM_AARCH64,
     true,
     R_AARCH64_RELATIVE,
     R_AARCH64_IRELATIVE,
     R_AARCH64_COPY,
     R_AARCH64_TLSDESC,
     {R_AARCH64_TLS_TPREL, R_AARCH64_TLS_DTPREL}},
    {EM_ARM, false, R_ARM_RELATIVE, R_ARM_IRELATIVE, R_ARM_COPY, R_ARM_TLS_DESC, {0, 0}},
    {EM_PPC, false, R_PPC_RELATIVE, R_PPC_IRELATIVE, R_PPC_COPY, 0, {R_PPC_TPREL32, R_PPC_DTPREL32}},
    {EM_PPC64, true, R_PPC64_RELATIVE, R_PPC64_IRELATIVE, R_PPC64_COPY, 0, {R_PPC64_TPREL64, R_PPC64_DTPREL64}},
    {EM_S390, true, R_390_RELATIVE, R_390_IRELATIVE, R_390_COPY, 0, {R_390_TLS_TPOFF, R_390_TLS_DTPOFF}},
    {EM_S390, false, R_390_RELATIVE, R_390_IRELATIVE, R_390_COPY, 0, {R_390_TLS_TPOFF, R_390_TLS_DTPOFF}},
    {EM_RISCV,
     true,
     R_RISCV_RELATIVE,
     58 /* R_RISCV_IRELATIVE */,
     R_RISCV_COPY,
     12 /* R_RISCV_TLSDESC */,
     {R_RISCV_TLS_TPREL64, R_RISCV_TLS_DTPREL64}},
    {EM_RISCV, false, R_RISCV_RELATIVE, 58, R_RISCV_COPY, 12, {R_RISCV_TLS_TPREL32, R_RISCV_TLS_DTPREL32}},
    {EM_LOONGARCH,
     true,
     3 /* R_LARCH_RELATIVE */,
     12 /* R_LARCH_IRELATIVE */,
     4 /* R_LARCH_COPY */,
     0,
     {11 /* R_LARCH_TLS_TPREL64 */, 9 /* R_LARCH_TLS_DTPREL64 */}},
    {EM_SPARC,
     false,
     R_SPARC_RELATIVE,
     R_SPARC_IRELATIVE,
     R_SPARC_COPY,
     0,
     {R_SPARC_TLS_TPOFF32, R_SPARC_TLS_DTPOFF32}},
    {EM_SPARCV9,
     true,
     R_SPARC_RELATIVE,
     R_SPARC_IRELATIVE,
     R_SPARC_COPY,
     0,
     {R_SPARC_TLS_TPOFF64, R_SPARC_TLS_DTPOFF64}},
    {EM_MIPS, false, R_MIPS_REL32, 128 /* R_MIPS_IRELATIVE */, R_MIPS_COPY, 0, {0, 0}},
    {EM_MIPS, true, R_MIPS_64 << 8 | R_MIPS_REL32, 128, R_MIPS_COPY, 0, {0, 0}},
};

/* For a machine that is not known, types that no entry has. */
static const struct relocation_types *types_of(const struct image *image)
{
    static const struct relocation_types unknown = {
        .relative = UINT32_MAX, .irelative = UINT32_MAX, .copy = UINT32_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(types_of_machines); i++) {
        if (types_of_machines[i].machine == image->header.e_machine && types_of_machines[i].is64 == image->is64)
            return &types_of_machines[i];
    }
    return &unknown;
}

/* ld.so does not look at the symbol; on MIPS the type without one is another. */
static bool is_relative(const struct relocation_types *types, const struct relocation_entry *entry)
{
    return entry->type == types->relative && (entry->symbol == STN_UNDEF || types->machine != EM_MIPS);
}

static bool is_irelative(const struct relocation_types *types, const struct relocation_entry *entry)
{
    return entry->type == types->irelative;
}

static bool is_tls_offset(const struct relocation_types *types, uint32_t type)
{
    return type != 0 && (type == types->tls[0] || type == types->tls[1] || type == types->descriptor);
}

/* ---- Reading ---- */

static uint64_t entry_size(const struct image *image, bool explicit)
{
    return (image->is64 ? 8 : 4) * (explicit ? 3 : 2);
}

/* MIPS 64 has no r_info but a 32-bit symbol and four bytes, of which the last is r_type (its ABI, section 2.9.1). */
static void split_info(const struct image *image, const uint8_t *bytes, struct relocation_entry *entry)
{
    if (!image->is64) {
        uint32_t info = image_u32(image, bytes);
        entry->symbol = ELF32_R_SYM(info);
        entry->type = ELF32_R_TYPE(info);
    } else if (image->header.e_machine == EM_MIPS) {
        entry->symbol = image_u32(image, bytes);
        entry->type = (uint32_t)bytes[4] << 24 | (uint32_t)bytes[5] << 16 | (uint32_t)bytes[6] << 8 | bytes[7];
    } else {
        uint64_t info = image_u64(image, bytes);
        entry->symbol = (uint32_t)ELF64_R_SYM(info);
        entry->type = (uint32_t)ELF64_R_TYPE(info);
    }
}

static struct relocation_entry read_entry(const struct image *image, const uint8_t *bytes, bool explicit,
                                          uint32_t index)
{
    unsigned width = image->is64 ? 8 : 4;
    struct relocation_entry entry = {.index = index, .partner = NO_PARTNER};
    entry.offset = width == 8 ? image_u64(image, bytes) : image_u32(image, bytes);
    split_info(image, bytes + width, &entry);
    if (explicit)
        entry.addend = width == 8 ? (int64_t)image_u64(image, bytes + 16) : (int32_t)image_u32(image, bytes + 8);
    return entry;
}

static int entry_order(const void *left, const void *right)
{
    const struct relocation_entry *a = left, *b = right;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static void read_table(struct moving *m, struct dynamic_side *side, struct relocation_table *table)
{
    const struct image *image = side->image;
    uint64_t size = entry_size(image, table->explicit), count = range_size(table->bytes) / size;
    if (count >= NO_PARTNER)
        return;
    table->entries = arena_alloc(m->arena, count, sizeof(*table->entries));
    table->partners = arena_alloc(m->arena, count, sizeof(*table->partners));
    if (table->entries == NULL || table->partners == NULL) {
        m->out_of_memory = true;
        return;
    }
    bool sorted = true;
    for (uint32_t i = 0; i < count; i++) {
        table->entries[i] = read_entry(image, image->bytes + table->bytes.begin + i * size, table->explicit, i);
        table->partners[i] = NO_PARTNER;
        sorted = sorted && (i == 0 || table->entries[i - 1].offset <= table->entries[i].offset);
    }
    table->count = (uint32_t)count;
    if (!sorted)
        sort_items(table->entries, count, sizeof(*table->entries), entry_order);
}

/* ---- Where ld.so finds them ---- */

static bool tagged_range(const struct image *image, int64_t tag, int64_t size_tag, struct range *addresses)
{
    const struct dynamic_entry *entry = image_dynamic(image, tag), *size = image_dynamic(image, size_tag);
    return entry != NULL && size != NULL && range_make(entry->value, size->value, addresses);
}

bool relocation_sections_make(const struct moving *m, size_t side, struct range addresses, uint32_t type)
{
    const unsigned most = 8; /* honest ones are one or two */
    uint64_t at = addresses.begin;
    for (unsigned n = 0; n < most && at < addresses.end; n++) {
        uint64_t begin = at;
        for (size_t i = 0; i < m->section_count && at == begin; i++) {
            const struct section *section = m->sections[i].sides[side];
            if (section->type == type && (section->flags & SHF_ALLOC) != 0 && section->address == at &&
                range_size(section->bytes) == section->size)
                at += section->size;
        }
    }
    return at == addresses.end && !range_empty(addresses);
}

bool dynamic_value_is(const struct image *image, int64_t tag, uint64_t value)
{
    const struct dynamic_entry *entry = image_dynamic(image, tag);
    return entry != NULL && entry->value == value;
}

static bool table_range(const struct moving *m, size_t side, bool explicit, struct range addresses, struct range *bytes)
{
    const struct image *image = m->images[side];
    return relocation_sections_make(m, side, addresses, explicit ? SHT_RELA : SHT_REL) &&
           range_size(addresses) % entry_size(image, explicit) == 0 &&
           image_file_range(image, addresses.begin, range_size(addresses), bytes);
}

/* Some linkers count DT_JMPREL's among the others, at their end. */
static bool without_plt(struct range *table, struct range plt)
{
    if (!range_overlaps(*table, plt))
        return true;
    bool at_end = range_contains(*table, plt) && plt.end == table->end;
    table->end = at_end ? plt.begin : table->end;
    return at_end;
}

/* A program without a dynamic section has those of IRELATIVE alone, and walks them itself: the only such section. */
static void find_static_table(struct moving *m, size_t side, struct relocation_table *table)
{
    const struct section_pair *found = NULL;
    for (size_t i = 0; i < m->section_count; i++) {
        const struct section_pair *pair = &m->sections[i];
        uint32_t type = pair->sides[side]->type;
        if ((type != SHT_RELA && type != SHT_REL) || (pair->sides[side]->flags & SHF_ALLOC) == 0)
            continue;
        if (found != NULL)
            return;
        found = pair;
    }
    if (found == NULL)
        return;
    table->explicit = found->sides[side]->type == SHT_RELA;
    if (range_size(found->sides[side]->bytes) % entry_size(m->images[side], table->explicit) == 0)
        table->bytes = found->sides[side]->bytes;
}

static void find_tables(struct moving *m, size_t side, struct dynamic_side *read)
{
    static const struct {
        int64_t tag, size, entry;
        bool explicit;
    } rows[] = {{DT_RELA, DT_RELASZ, DT_RELAENT, true}, {DT_REL, DT_RELSZ, DT_RELENT, false}};
    const struct image *image = m->images[side];
    const struct dynamic_entry *kind = image_dynamic(image, DT_PLTREL);
    struct relocation_table *tables = read->tables, *plt = &tables[RELOCATIONS_PLT];
    struct range addresses, plt_addresses = {0, 0};
    if (kind != NULL && (kind->value == DT_RELA || kind->value == DT_REL) &&
        tagged_range(image, DT_JMPREL, DT_PLTRELSZ, &plt_addresses)) {
        plt->explicit = kind->value == DT_RELA;
        if (!table_range(m, side, plt->explicit, plt_addresses, &plt->bytes))
            plt->bytes = (struct range){0, 0};
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        tables[i].explicit = rows[i].explicit;
        if (!tagged_range(image, rows[i].tag, rows[i].size, &addresses) ||
            !dynamic_value_is(image, rows[i].entry, entry_size(image, rows[i].explicit)) ||
            !without_plt(&addresses, plt_addresses) ||
            !table_range(m, side, rows[i].explicit, addresses, &tables[i].bytes))
            tables[i].bytes = (struct range){0, 0};
    }
}

/* ---- Pairing ---- */

/* How many bytes an entry changes at its place. */
static uint64_t place_size(const struct dynamic_tables *tables, size_t side, const struct relocation_entry *entry)
{
    const struct dynamic_side *read = &tables->sides[side];
    uint64_t word = read->image->is64 ? 8 : 4;
    if (entry->type == tables->types->copy && entry->symbol < read->count)
        return read->symbols[entry->symbol].sym.st_size;
    return entry->type == tables->types->descriptor && entry->type != 0 ? 2 * word : word;
}

static bool addends_correspond(struct dynamic_tables *tables, const struct relocation_entry *a,
                               const struct relocation_entry *b, bool explicit)
{
    const struct image *image = tables->m->images[0];
    uint64_t mask = image->is64 ? UINT64_MAX : UINT32_MAX, vendor = (uint64_t)a->addend & mask,
             rebuilt = (uint64_t)b->addend & mask;
    if (!explicit)
        return true;
    if (is_relative(tables->types, a) || is_irelative(tables->types, a))
        return finder_reference(&tables->targets, vendor, rebuilt);
    if (a->symbol == STN_UNDEF && is_tls_offset(tables->types, a->type))
        return tls_offsets_correspond(tables, vendor, rebuilt);
    /* What is not looked up is an address and all, and what is added to it may reach another thing. */
    uint64_t values[2];
    if (dynamic_symbols_fixed(tables, a->symbol, b->symbol, values) && (values[0] + vendor) != 0)
        return finder_reference(&tables->targets, (values[0] + vendor) & mask, (values[1] + rebuilt) & mask);
    return vendor == rebuilt;
}

static bool entries_correspond(struct dynamic_tables *tables, const struct relocation_entry *a,
                               const struct relocation_entry *b, bool explicit)
{
    return a->type == b->type && dynamic_symbols_same(tables, a->symbol, b->symbol) &&
           place_size(tables, 0, a) == place_size(tables, 1, b) &&
           finder_correspond_range(&tables->finder, a->offset, b->offset, place_size(tables, 0, a)) &&
           addends_correspond(tables, a, b, explicit);
}

/* The first entry at this place, or behind it. Most places follow each other on both sides. */
static uint32_t first_at(const struct relocation_table *table, uint64_t offset, uint32_t hint)
{
    uint32_t low = 0, high = table->count;
    if (hint < table->count && table->entries[hint].offset == offset &&
        (hint == 0 || table->entries[hint - 1].offset < offset))
        return hint;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (table->entries[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t count_at(const struct relocation_table *table, uint32_t first, uint64_t offset, uint32_t most)
{
    uint32_t end = first;
    while (end < table->count && end - first < most && table->entries[end].offset == offset)
        end++;
    return end - first;
}

/* Several at one place, of which later ones undo or add to earlier ones: all in their order, or none. */
static bool groups_correspond(struct dynamic_tables *tables, const struct relocation_entry *a,
                              const struct relocation_entry *b, uint32_t count, bool explicit)
{
    bool same = true;
    for (uint32_t i = 0; i < count && same; i++)
        same = entries_correspond(tables, &a[i], &b[i], explicit);
    return same;
}

static void pair_table(struct dynamic_tables *tables, enum relocation_tables which)
{
    struct relocation_table *vendor = &tables->sides[0].tables[which], *rebuilt = &tables->sides[1].tables[which];
    uint32_t hint = 0;
    if (vendor->explicit != rebuilt->explicit)
        return;
    for (uint32_t i = 0, count; i < vendor->count; i += count) {
        uint64_t offset;
        count = count_at(vendor, i, vendor->entries[i].offset, UINT32_MAX);
        if (!finder_counterpart(&tables->finder, vendor->entries[i].offset, &offset))
            continue;
        uint32_t first = first_at(rebuilt, offset, hint);
        hint = first + count;
        if (count_at(rebuilt, first, offset, UINT32_MAX) != count ||
            !groups_correspond(tables, &vendor->entries[i], &rebuilt->entries[first], count, vendor->explicit))
            continue;
        for (uint32_t n = 0; n < count; n++) {
            struct relocation_entry *a = &vendor->entries[i + n], *b = &rebuilt->entries[first + n];
            a->partner = vendor->partners[a->index] = b->index;
            b->partner = rebuilt->partners[b->index] = a->index;
        }
    }
}

/* The functions of IRELATIVE are called, and may see what those before them did. */
static bool calls_are_in_order(struct dynamic_tables *tables, enum relocation_tables which)
{
    const struct relocation_table *vendor = &tables->sides[0].tables[which];
    bool *calls = arena_alloc(tables->m->arena, vendor->count, sizeof(*calls));
    uint64_t least = 0;
    tables->m->out_of_memory |= calls == NULL;
    for (uint32_t i = 0; calls != NULL && i < vendor->count; i++)
        calls[vendor->entries[i].index] = is_irelative(tables->types, &vendor->entries[i]);
    for (uint32_t i = 0; calls != NULL && i < vendor->count; i++) {
        if (!calls[i] || vendor->partners[i] == NO_PARTNER)
            continue;
        if (vendor->partners[i] < least)
            return false;
        least = vendor->partners[i] + UINT64_C(1);
    }
    return calls != NULL;
}

static void part_irelative(struct dynamic_tables *tables, enum relocation_tables which)
{
    for (size_t side = 0; side < 2; side++) {
        struct relocation_table *table = &tables->sides[side].tables[which];
        for (uint32_t i = 0; i < table->count; i++) {
            if (!is_irelative(tables->types, &table->entries[i]))
                continue;
            table->entries[i].partner = NO_PARTNER;
            table->partners[table->entries[i].index] = NO_PARTNER;
        }
    }
}

void relocation_tables_pair(struct dynamic_tables *tables)
{
    struct moving *m = tables->m;
    tables->types = types_of(m->images[0]);
    bool dynamic = m->images[0]->dynamic_count > 0 || m->images[1]->dynamic_count > 0;
    for (size_t side = 0; side < 2 && !m->out_of_memory; side++) {
        if (dynamic)
            find_tables(m, side, &tables->sides[side]);
        else
            find_static_table(m, side, &tables->sides[side].tables[RELOCATIONS_PLT]);
        for (size_t i = 0; i < RELOCATIONS_TABLES && !m->out_of_memory; i++)
            read_table(m, &tables->sides[side], &tables->sides[side].tables[i]);
    }
    for (size_t i = 0; i < RELOCATIONS_TABLES && !m->out_of_memory; i++) {
        pair_table(tables, (enum relocation_tables)i);
        if (!calls_are_in_order(tables, (enum relocation_tables)i))
            part_irelative(tables, (enum relocation_tables)i);
    }
    if (!m->out_of_memory)
        packed_relocations_pair(tables);
}

uint64_t leading_relative(const struct dynamic_side *side, enum relocation_tables which)
{
    const struct relocation_table *table = &side->tables[which];
    uint64_t size = entry_size(side->image, table->explicit), count = 0;
    bool relative = true;
    while (count < table->count && relative) {
        struct relocation_entry entry =
            read_entry(side->image, side->image->bytes + table->bytes.begin + count * size, table->explicit, 0);
        relative = is_relative(types_of(side->image), &entry);
        count += relative;
    }
    return count;
}

/* ---- Proof ---- */

static void prove_table(struct dynamic_tables *tables, enum relocation_tables which)
{
    const struct relocation_table *vendor = &tables->sides[0].tables[which], *rebuilt = &tables->sides[1].tables[which];
    uint64_t size = entry_size(tables->m->images[0], vendor->explicit);
    for (uint32_t i = 0; i < vendor->count; i++) {
        if (vendor->partners[i] == NO_PARTNER)
            continue;
        tables->m->counts.relocations++;
        moving_prove(tables->m, part_of(vendor->bytes, i * size, size),
                     part_of(rebuilt->bytes, vendor->partners[i] * size, size), RULE_MOVED_TABLES);
    }
}

void relocation_tables_prove(struct dynamic_tables *tables)
{
    for (size_t i = 0; i < RELOCATIONS_TABLES; i++)
        prove_table(tables, (enum relocation_tables)i);
    packed_relocations_prove(tables);
}

/* ---- Questions of others ---- */

bool relocations_correspond_by_index(struct moving *m, uint64_t vendor, uint64_t rebuilt)
{
    const struct dynamic_tables *tables = dynamic_tables(m);
    if (tables == NULL)
        return false;
    const struct relocation_table *table = &tables->sides[0].tables[RELOCATIONS_PLT];
    return vendor < table->count && rebuilt < NO_PARTNER && table->partners[vendor] == rebuilt;
}

static bool table_corresponds_at(const struct dynamic_tables *tables, enum relocation_tables which,
                                 const uint64_t addresses[2], uint32_t *found)
{
    const struct relocation_table *vendor = &tables->sides[0].tables[which], *rebuilt = &tables->sides[1].tables[which];
    uint32_t first = first_at(vendor, addresses[0], 0), other = first_at(rebuilt, addresses[1], 0);
    const uint32_t most = 16; /* at one place: honest ones are one or two, and this is asked often */
    uint32_t count = count_at(vendor, first, addresses[0], most);
    bool same = count < most && count_at(rebuilt, other, addresses[1], most) == count;
    for (uint32_t i = 0; i < count && same; i++)
        same = vendor->entries[first + i].partner == rebuilt->entries[other + i].index;
    *found += count;
    return same;
}

bool relocations_correspond_at(struct moving *m, uint64_t vendor, uint64_t rebuilt)
{
    const struct dynamic_tables *tables = dynamic_tables(m);
    const uint64_t addresses[2] = {vendor, rebuilt};
    uint32_t found = 0;
    if (tables == NULL)
        return false;
    for (size_t i = 0; i < RELOCATIONS_TABLES; i++) {
        if (!table_corresponds_at(tables, (enum relocation_tables)i, addresses, &found))
            return false;
    }
    bool relative[2] = {packed_relocations_have(&tables->sides[0], vendor),
                        packed_relocations_have(&tables->sides[1], rebuilt)};
    return relative[0] == relative[1] && (!relative[0] || tables->relative_proven) && found + relative[0] > 0;
}
