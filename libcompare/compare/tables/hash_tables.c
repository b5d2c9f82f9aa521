/*
 * DT_HASH (gABI chapter 5, "Hash Table") and DT_GNU_HASH (binutils bfd/elflink.c, glibc elf/dl-lookup.c): each is made
 * from its own side's symbols and nothing else. What is checked is that it finds every symbol that can be found, and
 * that no bit of it is free. The number of buckets is the linker's choice; so is the order of a chain, which is noted
 * for symbols of one name.
 */
#include "tables.h"

uint32_t sysv_hash(const char *name, uint64_t length)
{
    uint32_t hash = 0;
    for (uint64_t i = 0; i < length; i++) {
        hash = (hash << 4) + (uint8_t)name[i];
        uint32_t high = hash & 0xf0000000;
        hash = (hash ^ (high >> 24)) & ~high;
    }
    return hash;
}

static uint32_t gnu_hash(const struct dynamic_symbol *symbol)
{
    uint32_t hash = 5381;
    for (uint32_t i = 0; i < symbol->length; i++)
        hash = hash * 33 + (uint8_t)symbol->name[i];
    return hash;
}

static bool must_be_found(const struct dynamic_symbol *symbol)
{
    return symbol->sym.st_shndx != SHN_UNDEF && ELF64_ST_BIND(symbol->sym.st_info) != STB_LOCAL;
}

/* One table of one side. */
struct hash_table {
    struct dynamic_side *side;
    const uint8_t *bytes;
    uint64_t size;
    uint64_t shift;  /* of DT_GNU_HASH */
    uint32_t hashed; /* symbols that it finds; 0: nothing depends on its shift */
};

/* ---- DT_HASH ---- */

/* Its words have 8 bytes on two machines. */
static uint64_t word_size(const struct image *image)
{
    return image->is64 && (image->header.e_machine == EM_ALPHA || image->header.e_machine == EM_S390) ? 8 : 4;
}

static uint64_t word(const struct hash_table *table, uint64_t index)
{
    const struct image *image = table->side->image;
    return word_size(image) == 8 ? image_u64(image, table->bytes + 8 * index)
                                 : image_u32(image, table->bytes + 4 * index);
}

/* Each chain ends and has symbols of its bucket alone; the ranks are the order in which all are come by. */
static bool chains_are_right(struct hash_table *table, uint64_t buckets)
{
    struct dynamic_side *side = table->side;
    uint32_t rank = 0;
    for (uint64_t bucket = 0; bucket < buckets; bucket++) {
        for (uint64_t at = word(table, 2 + bucket); at != STN_UNDEF; at = word(table, 2 + buckets + at)) {
            if (at >= side->count || side->symbols[at].rank != 0 ||
                sysv_hash(side->symbols[at].name, side->symbols[at].length) % buckets != bucket)
                return false;
            side->symbols[at].rank = ++rank;
        }
    }
    return true;
}

static bool sysv_is_right(struct hash_table *table)
{
    struct dynamic_side *side = table->side;
    uint64_t width = word_size(side->image);
    if (table->size < 2 * width)
        return false;
    uint64_t buckets = word(table, 0), chains = word(table, 1);
    if (buckets == 0 || chains != side->count || buckets > table->size ||
        table->size != (2 + buckets + chains) * width || !chains_are_right(table, buckets))
        return false;
    bool right = true;
    for (uint32_t i = 0; i < side->count; i++)
        right &= side->symbols[i].rank != 0 ||
                 (word(table, 2 + buckets + i) == 0 && (i == STN_UNDEF || !must_be_found(&side->symbols[i])));
    return right;
}

/* ---- DT_GNU_HASH ---- */

struct gnu_table {
    uint64_t buckets, first, words, shift; /* as its header has them */
    uint64_t bloom, bucket, chain;         /* where its parts begin */
    uint64_t bits;                         /* of a word of the bloom filter */
};

static bool gnu_header(const struct hash_table *table, struct gnu_table *gnu)
{
    const struct image *image = table->side->image;
    if (table->size < 16)
        return false;
    *gnu = (struct gnu_table){.buckets = image_u32(image, table->bytes),
                              .first = image_u32(image, table->bytes + 4),
                              .words = image_u32(image, table->bytes + 8),
                              .shift = image_u32(image, table->bytes + 12),
                              .bits = image->is64 ? 64 : 32,
                              .bloom = 16};
    gnu->bucket = gnu->bloom + gnu->words * (gnu->bits / 8);
    gnu->chain = gnu->bucket + 4 * gnu->buckets;
    return gnu->buckets > 0 && gnu->words > 0 && (gnu->words & (gnu->words - 1)) == 0 && gnu->shift < 32 &&
           gnu->first > 0 && gnu->chain <= table->size;
}

static uint64_t bloom_word(const struct hash_table *table, const struct gnu_table *gnu, uint64_t index)
{
    const struct image *image = table->side->image;
    const uint8_t *at = table->bytes + gnu->bloom + index * (gnu->bits / 8);
    return gnu->bits == 64 ? image_u64(image, at) : image_u32(image, at);
}

/* Its bits are those of the symbols: of no more, for a bit too many costs time, and none may be free to choose. */
static bool bloom_is_right(const struct dynamic_tables *tables, const struct hash_table *table,
                           const struct gnu_table *gnu)
{
    uint64_t *words = arena_alloc(tables->m->arena, gnu->words, sizeof(*words));
    bool right = words != NULL;
    tables->m->out_of_memory |= words == NULL;
    for (uint64_t i = gnu->first; words != NULL && i < table->side->count; i++) {
        uint32_t hash = gnu_hash(&table->side->symbols[i]);
        words[hash / gnu->bits % gnu->words] |=
            UINT64_C(1) << (hash % gnu->bits) | UINT64_C(1) << ((hash >> gnu->shift) % gnu->bits);
    }
    for (uint64_t i = 0; right && i < gnu->words; i++)
        right = words[i] == bloom_word(table, gnu, i);
    return right;
}

/* A bucket has the first of its symbols, which follow each other; bit 0 of a chain's word ends it. */
static bool buckets_are_right(struct hash_table *table, const struct gnu_table *gnu)
{
    const struct image *image = table->side->image;
    uint64_t next = gnu->first;
    for (uint64_t bucket = 0; bucket < gnu->buckets; bucket++) {
        uint64_t at = image_u32(image, table->bytes + gnu->bucket + 4 * bucket);
        if (at == 0)
            continue;
        if (at != next)
            return false;
        for (bool last = false; !last; next++) {
            if (next >= table->side->count)
                return false;
            uint32_t stated = image_u32(image, table->bytes + gnu->chain + 4 * (next - gnu->first));
            uint32_t hash = gnu_hash(&table->side->symbols[next]);
            if ((stated | 1) != (hash | 1) || hash % gnu->buckets != bucket)
                return false;
            table->side->symbols[next].gnu_rank = (uint32_t)next + 1;
            last = (stated & 1) != 0;
        }
    }
    return next == table->side->count || (next == gnu->first && gnu->chain == table->size);
}

static bool gnu_is_right(struct dynamic_tables *tables, struct hash_table *table)
{
    struct gnu_table gnu;
    uint32_t count = table->side->count;
    if (!gnu_header(table, &gnu))
        return false;
    /* One that finds nothing begins behind the null symbol, or behind all: no symbol has a word, nothing is shifted. */
    bool none = gnu.chain == table->size && (gnu.first == 1 || gnu.first == count);
    if (!none && (gnu.first > count || table->size - gnu.chain != 4 * (count - gnu.first)))
        return false;
    struct gnu_table found = gnu;
    found.first = none ? count : gnu.first;
    table->shift = gnu.shift;
    table->hashed = count - (uint32_t)found.first;
    if (!buckets_are_right(table, &found) || !bloom_is_right(tables, table, &found))
        return false;
    bool right = true;
    for (uint32_t i = 1; i < count && i < found.first; i++)
        right &= !must_be_found(&table->side->symbols[i]);
    return right;
}

/* ---- Proof ---- */

static struct hash_table hash_table_of(struct dynamic_tables *tables, const struct section_pair *pair, size_t side)
{
    struct range bytes = pair->sides[side]->bytes;
    return (struct hash_table){
        .side = &tables->sides[side],
        .bytes = tables->m->images[side]->bytes + bytes.begin,
        .size = range_size(bytes),
    };
}

/*
 * Linkers choose the shift by how many symbols there are (binutils, elflink.c, bfd_elf_size_dynsym_hash_dynstr). They
 * write the same into a table that is empty, or none.
 */
static bool shifts_agree(const struct hash_table *vendor, const struct hash_table *rebuilt)
{
    bool empty = vendor->hashed == 0 || rebuilt->hashed == 0;
    return vendor->shift == rebuilt->shift ||
           (vendor->hashed != rebuilt->hashed && (!empty || (vendor->hashed == 0 ? vendor : rebuilt)->shift == 0));
}

static void prove(struct dynamic_tables *tables, int64_t tag, uint32_t type,
                  bool (*is_right)(struct dynamic_tables *tables, struct hash_table *table))
{
    const struct section_pair *pair = tagged_pair(tables->m, tag, type);
    if (pair == NULL)
        return;
    struct hash_table vendor = hash_table_of(tables, pair, 0), rebuilt = hash_table_of(tables, pair, 1);
    if (vendor.side->count > 0 && rebuilt.side->count > 0 && is_right(tables, &vendor) && is_right(tables, &rebuilt) &&
        shifts_agree(&vendor, &rebuilt))
        moving_prove(tables->m, pair->sides[0]->bytes, pair->sides[1]->bytes, RULE_MOVED_TABLES);
}

static bool sysv(struct dynamic_tables *tables, struct hash_table *table)
{
    (void)tables;
    return sysv_is_right(table);
}

void hash_tables_prove(struct dynamic_tables *tables)
{
    if (tables->symbols == NULL)
        return;
    prove(tables, DT_HASH, SHT_HASH, sysv);
    prove(tables, DT_GNU_HASH, SHT_GNU_HASH, gnu_is_right);
}
