/*
 * DT_SYMTAB and DT_VERSYM: symbols are paired by what ld.so looks up, which is name and version, and by whether they
 * are defined and bound alike (glibc elf/dl-lookup.c). Indexes are each file's own: every table that has them is
 * compared by what they stand for. An entry is proven when all else of it says the same, too.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "tables.h"

/* Of names together: tables share the ends of names, but a crafted one could make all of them long. */
#define NAMES_BUDGET ((uint64_t)64 << 20)

static size_t entry_size(const struct image *image)
{
    return image->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

static Elf64_Sym read_sym(const struct image *image, const uint8_t *bytes)
{
    bool wide = image->is64;
    return (Elf64_Sym){
        .st_name = image_u32(image, bytes),
        .st_info = bytes[wide ? 4 : 12],
        .st_other = bytes[wide ? 5 : 13],
        .st_shndx = image_u16(image, bytes + (wide ? 6 : 14)),
        .st_value = wide ? image_u64(image, bytes + 8) : image_u32(image, bytes + 4),
        .st_size = wide ? image_u64(image, bytes + 16) : image_u32(image, bytes + 8),
    };
}

/* ---- Reading ---- */

/* False where some name or version cannot be told. */
static bool read_symbols(struct dynamic_tables *tables, size_t side)
{
    struct dynamic_side *read = &tables->sides[side];
    const struct image *image = read->image;
    struct range bytes = tables->symbols->sides[side]->bytes;
    uint64_t count = range_size(bytes) / entry_size(image), spent = 0;
    const uint8_t *versions = NULL;
    if (tables->versions != NULL) {
        struct range range = tables->versions->sides[side]->bytes;
        versions = image->bytes + range.begin;
        if (range_size(range) != 2 * count)
            return false;
    }
    if (count >= NO_PARTNER || range_size(bytes) % entry_size(image) != 0)
        return false;
    read->symbols = arena_alloc(tables->m->arena, count, sizeof(*read->symbols));
    tables->m->out_of_memory |= read->symbols == NULL;
    for (uint64_t i = 0; read->symbols != NULL && i < count; i++) {
        struct dynamic_symbol *symbol = &read->symbols[i];
        uint64_t length;
        symbol->sym = read_sym(image, image->bytes + bytes.begin + i * entry_size(image));
        symbol->name = strtab_string(read, symbol->sym.st_name, NAMES_BUDGET - spent, &length);
        if (symbol->name == NULL)
            return false;
        spent += length;
        symbol->length = (uint32_t)length;
        symbol->digest = XXH3_64bits(symbol->name, length);
        symbol->version = versions != NULL ? image_u16(image, versions + 2 * i) : VER_NDX_GLOBAL;
        symbol->partner = NO_PARTNER;
    }
    read->count = read->symbols != NULL ? (uint32_t)count : 0;
    return read->symbols != NULL;
}

/* ---- Pairing ---- */

static bool is_defined(const struct dynamic_symbol *symbol)
{
    return symbol->sym.st_shndx != SHN_UNDEF;
}

static const struct version *version_of(const struct dynamic_side *side, const struct dynamic_symbol *symbol)
{
    static const struct version plain[] = {{true, false, "", ""}, {true, true, "", ""}};
    static const struct version unknown = {false, false, "", ""};
    uint16_t index = symbol->version & 0x7fff;
    if (index <= VER_NDX_GLOBAL)
        return &plain[index];
    return side->versions != NULL && side->versions[index].known ? &side->versions[index] : &unknown;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_names(const struct dynamic_symbol *a, const struct dynamic_symbol *b)
{
    int order = compare_numbers(a->digest, b->digest);
    order = order != 0 ? order : compare_numbers(a->length, b->length);
    return order != 0 ? order : memcmp(a->name, b->name, a->length);
}

struct key {
    const struct dynamic_symbol *symbol;
    const struct version *version;
};

/* All that makes two symbols the same to ld.so. */
static int compare_keys(const struct key *a, const struct key *b)
{
    int order = compare_names(a->symbol, b->symbol);
    if (order != 0)
        return order;
    order = compare_numbers(a->symbol->sym.st_info, b->symbol->sym.st_info);
    order = order != 0 ? order : compare_numbers(is_defined(a->symbol), is_defined(b->symbol));
    order = order != 0 ? order : compare_numbers(a->symbol->version & 0x8000, b->symbol->version & 0x8000);
    order = order != 0 ? order : compare_numbers(a->version->defined, b->version->defined);
    order =
        order != 0 ? order : compare_numbers((a->symbol->version & 0x7fff) == 0, (b->symbol->version & 0x7fff) == 0);
    order = order != 0 ? order : strcmp(a->version->library, b->version->library);
    return order != 0 ? order : strcmp(a->version->name, b->version->name);
}

/* Symbols of one key stay in the order of their indexes. */
static int key_order(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    int order = compare_keys(a, b);
    return order != 0 ? order : (a->symbol > b->symbol) - (a->symbol < b->symbol);
}

static struct key *keys_of(struct dynamic_tables *tables, size_t side)
{
    const struct dynamic_side *read = &tables->sides[side];
    struct key *keys = arena_alloc(tables->m->arena, read->count, sizeof(*keys));
    tables->m->out_of_memory |= keys == NULL;
    for (uint32_t i = 0; keys != NULL && i < read->count; i++)
        keys[i] = (struct key){&read->symbols[i], version_of(read, &read->symbols[i])};
    sort_items(keys, read->count, sizeof(*keys), key_order);
    return keys;
}

static size_t group_end(const struct key *keys, size_t begin, size_t count)
{
    size_t end = begin + 1;
    while (end < count && compare_keys(&keys[begin], &keys[end]) == 0)
        end++;
    return end;
}

/* Of several with one key, as many on both sides: by their order. */
static void pair_groups(struct dynamic_tables *tables, const struct key *vendor, const struct key *rebuilt)
{
    struct dynamic_side *sides = tables->sides;
    for (size_t i = 0, k = 0; i < sides[0].count && k < sides[1].count;) {
        int order = compare_keys(&vendor[i], &rebuilt[k]);
        size_t end = order <= 0 ? group_end(vendor, i, sides[0].count) : i;
        size_t other_end = order >= 0 ? group_end(rebuilt, k, sides[1].count) : k;
        bool same = order == 0 && end - i == other_end - k && vendor[i].version->known && rebuilt[k].version->known;
        for (size_t n = 0; same && n < end - i; n++) {
            size_t a = (size_t)(vendor[i + n].symbol - sides[0].symbols);
            size_t b = (size_t)(rebuilt[k + n].symbol - sides[1].symbols);
            sides[0].symbols[a].partner = (uint32_t)b;
            sides[1].symbols[b].partner = (uint32_t)a;
        }
        i = end;
        k = other_end;
    }
}

void dynamic_symbols_pair(struct dynamic_tables *tables)
{
    tables->symbols = tables->strings != NULL ? tagged_pair(tables->m, DT_SYMTAB, SHT_DYNSYM) : NULL;
    if (tables->symbols == NULL || tables->m->out_of_memory)
        return;
    if (!read_symbols(tables, 0) || !read_symbols(tables, 1)) {
        tables->sides[0].count = tables->sides[1].count = 0;
        return;
    }
    struct key *keys[2] = {keys_of(tables, 0), keys_of(tables, 1)};
    if (keys[0] != NULL && keys[1] != NULL && !tables->versions_unknown)
        pair_groups(tables, keys[0], keys[1]);
    tables->keys[0] = keys[0];
    tables->keys[1] = keys[1];
}

/* ---- Places ---- */

static const struct segment *tls_segment(const struct image *image)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        if (image->segments[i].type == PT_TLS)
            return &image->segments[i];
    }
    return NULL;
}

/* Initialised variables are found by the map where that knows of them; others, and all else, by their offset. */
bool tls_offsets_correspond(struct dynamic_tables *tables, uint64_t vendor, uint64_t rebuilt)
{
    const struct segment *segments[2] = {tls_segment(tables->m->images[0]), tls_segment(tables->m->images[1])};
    if (segments[0] == NULL || segments[1] == NULL)
        return false;
    bool initialised[2] = {vendor < segments[0]->file_size, rebuilt < segments[1]->file_size};
    if (initialised[0] != initialised[1])
        return false;
    if (!initialised[0])
        return vendor == rebuilt;
    uint64_t addresses[2] = {segments[0]->address + vendor, segments[1]->address + rebuilt};
    if (counterpart_at(tables->m->map, 0, addresses[0]) == NULL &&
        counterpart_at(tables->m->map, 1, addresses[1]) == NULL)
        return vendor == rebuilt;
    return finder_reference(&tables->finder, addresses[0], addresses[1]);
}

/* Symbols that a linker makes for the ends of sections are at an address that is no one's. */
static bool at_the_ends(const struct section_pair *pair, const Elf64_Sym *a, const Elf64_Sym *b)
{
    return a->st_size == 0 && b->st_size == 0 && ELF64_ST_TYPE(a->st_info) == STT_NOTYPE &&
           a->st_value == pair->sides[0]->address + pair->sides[0]->size &&
           b->st_value == pair->sides[1]->address + pair->sides[1]->size;
}

static bool at_the_begins(const struct section_pair *pair, const Elf64_Sym *a, const Elf64_Sym *b)
{
    return pair->sides[0]->size > 0 && pair->sides[1]->size > 0 && a->st_size == 0 && b->st_size == 0 &&
           a->st_value == pair->sides[0]->address && b->st_value == pair->sides[1]->address;
}

static bool defined_places_correspond(struct dynamic_tables *tables, const Elf64_Sym *a, const Elf64_Sym *b)
{
    bool reserved = a->st_shndx >= SHN_LORESERVE || b->st_shndx >= SHN_LORESERVE;
    if (reserved)
        return a->st_shndx == b->st_shndx && a->st_shndx != SHN_XINDEX && a->st_value == b->st_value;
    const struct section_pair *pair =
        a->st_shndx < tables->m->images[0]->section_count ? tables->by_section[a->st_shndx] : NULL;
    if (pair == NULL || pair->sides[1]->index != b->st_shndx)
        return false;
    if (ELF64_ST_TYPE(a->st_info) == STT_TLS)
        return tls_offsets_correspond(tables, a->st_value, b->st_value);
    bool function = ELF64_ST_TYPE(a->st_info) == STT_FUNC || ELF64_ST_TYPE(a->st_info) == STT_GNU_IFUNC;
    bool (*correspond)(struct finder *, uint64_t, uint64_t, uint64_t) =
        function ? finder_begin_corresponds : finder_correspond_range;
    return (correspond(&tables->finder, a->st_value, b->st_value, a->st_size) &&
            finder_reference(&tables->finder, a->st_value, b->st_value)) ||
           at_the_ends(pair, a, b) || at_the_begins(pair, a, b);
}

/* An undefined function can have the address of its PLT entry, for all to compare it by. */
static bool places_correspond(struct dynamic_tables *tables, const struct dynamic_symbol *a,
                              const struct dynamic_symbol *b)
{
    if (is_defined(a))
        return defined_places_correspond(tables, &a->sym, &b->sym);
    return a->sym.st_value == 0 ? b->sym.st_value == 0
                                : finder_reference(&tables->finder, a->sym.st_value, b->sym.st_value);
}

/* ---- MIPS: the last symbols have the last slots of the GOT, in their order (psABI chapter 5) ---- */

static bool got_slot(const struct image *image, uint32_t symbol, uint64_t *address)
{
    const struct dynamic_entry *got = image_dynamic(image, DT_PLTGOT), *first = image_dynamic(image, DT_MIPS_GOTSYM),
                               *locals = image_dynamic(image, DT_MIPS_LOCAL_GOTNO);
    if (got == NULL || first == NULL || locals == NULL || symbol < first->value)
        return false; /* it has none */
    *address = got->value + (locals->value + (symbol - first->value)) * (image->is64 ? 8 : 4);
    return true;
}

static bool slots_correspond(struct dynamic_tables *tables, uint32_t vendor, uint32_t rebuilt)
{
    uint64_t addresses[2] = {0, 0};
    if (tables->m->images[0]->header.e_machine != EM_MIPS)
        return true;
    if (tables->m->images[0]->dynamic_count > DYNAMIC_LIMIT || tables->m->images[1]->dynamic_count > DYNAMIC_LIMIT)
        return false;
    bool has[2] = {got_slot(tables->m->images[0], vendor, &addresses[0]),
                   got_slot(tables->m->images[1], rebuilt, &addresses[1])};
    return has[0] == has[1] && (!has[0] || finder_correspond(&tables->finder, addresses[0], addresses[1]));
}

/* ---- Proof ---- */

/*
 * Symbols of one name are found in an order, which tells which of them one without a version gets: it must be the same
 * in the table and in both kinds of hash table.
 */
static bool same_order(const struct dynamic_symbol *a, const struct dynamic_symbol *next_a,
                       const struct dynamic_symbol *b, const struct dynamic_symbol *next_b)
{
    return (a < next_a) == (b < next_b) && (a->rank < next_a->rank) == (b->rank < next_b->rank) &&
           (a->gnu_rank < next_a->gnu_rank) == (b->gnu_rank < next_b->gnu_rank);
}

/* keys are sorted by name first. A group of namesakes that are found in another order is not proven at all. */
static void check_namesakes(struct dynamic_tables *tables, bool *disordered)
{
    const struct key *keys = tables->keys[0];
    const struct dynamic_symbol *vendor = tables->sides[0].symbols, *rebuilt = tables->sides[1].symbols;
    uint32_t count = tables->sides[0].count;
    for (uint32_t begin = 0, end; begin < count; begin = end) {
        bool wrong = false;
        end = begin + 1;
        while (end < count && compare_names(keys[begin].symbol, keys[end].symbol) == 0)
            end++;
        /* As the orders are total, it is enough that each follows the one before alike. */
        for (uint32_t i = begin + 1; i < end && keys[begin].symbol->length > 0; i++) {
            const struct dynamic_symbol *a = keys[i - 1].symbol, *b = keys[i].symbol;
            wrong |= a->partner == NO_PARTNER || b->partner == NO_PARTNER ||
                     !same_order(a, b, &rebuilt[a->partner], &rebuilt[b->partner]);
        }
        for (uint32_t i = begin; i < end; i++)
            disordered[keys[i].symbol - vendor] = wrong;
    }
}

static bool entry_is_proven(struct dynamic_tables *tables, uint32_t index)
{
    const struct dynamic_symbol *a = &tables->sides[0].symbols[index];
    if (a->partner == NO_PARTNER)
        return false;
    const struct dynamic_symbol *b = &tables->sides[1].symbols[a->partner];
    return a->sym.st_other == b->sym.st_other && a->sym.st_size == b->sym.st_size && (a->rank != 0) == (b->rank != 0) &&
           (a->gnu_rank != 0) == (b->gnu_rank != 0) && places_correspond(tables, a, b) &&
           slots_correspond(tables, index, a->partner);
}

static void prove_versions(struct dynamic_tables *tables)
{
    if (tables->versions == NULL)
        return;
    struct table table = table_of(tables->m, RULE_MOVED_TABLES, tables->versions);
    for (uint32_t i = 0; i < tables->sides[0].count; i++) {
        uint32_t partner = tables->sides[0].symbols[i].partner;
        if (partner != NO_PARTNER)
            table_prove(&table, part_of(table.sides[0], UINT64_C(2) * i, 2),
                        part_of(table.sides[1], UINT64_C(2) * partner, 2));
    }
}

static void prove_entries(struct dynamic_tables *tables, const bool *disordered)
{
    struct table table = table_of(tables->m, RULE_MOVED_TABLES, tables->symbols);
    size_t size = entry_size(tables->m->images[0]);
    for (uint32_t i = 0; i < tables->sides[0].count; i++) {
        struct dynamic_symbol *symbol = &tables->sides[0].symbols[i];
        if (symbol->partner == NO_PARTNER)
            continue;
        dynamic_strings_share(tables, symbol->sym.st_name, tables->sides[1].symbols[symbol->partner].sym.st_name);
        symbol->proven = !disordered[i] && entry_is_proven(tables, i);
        if (!symbol->proven)
            continue;
        tables->m->counts.symbols++;
        table_prove(&table, part_of(table.sides[0], i * size, size),
                    part_of(table.sides[1], symbol->partner * size, size));
    }
}

void dynamic_symbols_prove(struct dynamic_tables *tables)
{
    if (tables->symbols == NULL)
        return;
    bool *disordered = arena_alloc(tables->m->arena, tables->sides[0].count, sizeof(*disordered));
    tables->m->out_of_memory |= disordered == NULL;
    if (tables->m->out_of_memory)
        return;
    check_namesakes(tables, disordered);
    prove_versions(tables);
    prove_entries(tables, disordered);
}

/* Those that ld.so takes as they are, without a look at other objects: local ones, hidden ones, and number 0. */
static bool is_fixed(const struct dynamic_symbol *symbol)
{
    return ELF64_ST_BIND(symbol->sym.st_info) == STB_LOCAL || ELF64_ST_VISIBILITY(symbol->sym.st_other) != STV_DEFAULT;
}

bool dynamic_symbols_fixed(const struct dynamic_tables *tables, uint32_t vendor, uint32_t rebuilt, uint64_t values[2])
{
    const struct dynamic_side *sides = tables->sides;
    values[0] = values[1] = 0;
    if (vendor == STN_UNDEF || rebuilt == STN_UNDEF || vendor >= sides[0].count || rebuilt >= sides[1].count)
        return vendor == STN_UNDEF && rebuilt == STN_UNDEF;
    const struct dynamic_symbol *a = &sides[0].symbols[vendor], *b = &sides[1].symbols[rebuilt];
    values[0] = a->sym.st_value;
    values[1] = b->sym.st_value;
    return is_fixed(a) && is_defined(a) && a->sym.st_shndx != SHN_ABS && ELF64_ST_TYPE(a->sym.st_info) != STT_TLS;
}

bool dynamic_symbols_same(struct dynamic_tables *tables, uint32_t vendor, uint32_t rebuilt)
{
    const struct dynamic_side *sides = tables->sides;
    if (vendor == STN_UNDEF || rebuilt == STN_UNDEF)
        return vendor == rebuilt;
    if (vendor >= sides[0].count || rebuilt >= sides[1].count || sides[0].symbols[vendor].partner != rebuilt)
        return false;
    const struct dynamic_symbol *a = &sides[0].symbols[vendor], *b = &sides[1].symbols[rebuilt];
    return ELF64_ST_VISIBILITY(a->sym.st_other) == ELF64_ST_VISIBILITY(b->sym.st_other) &&
           (!is_fixed(a) || places_correspond(tables, a, b));
}

bool symbols_correspond_by_index(struct moving *m, uint64_t vendor, uint64_t rebuilt)
{
    struct dynamic_tables *tables = dynamic_tables(m);
    return tables != NULL && vendor != STN_UNDEF && vendor < NO_PARTNER && rebuilt < NO_PARTNER &&
           dynamic_symbols_same(tables, (uint32_t)vendor, (uint32_t)rebuilt);
}
