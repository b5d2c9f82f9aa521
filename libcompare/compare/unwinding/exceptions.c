/*
 * Tables of exceptions: what the personality routines of gcc's and clang's languages read of a function (Itanium C++
 * ABI, "Exception Handling Tables"; libgcc's unwind-c.c, libstdc++'s eh_personality.cc; libstdc++ for ARM's EHABI).
 * Call sites and landing pads are relative to the function and so must be equal bytes; types are pointers and must lead
 * to counterparts. The table of types grows downwards and has no count: the largest that an action names is its last.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "../tables/tables.h"

/* Exception specifications of one table, and steps from action to action. */
#define STEPS_LIMIT 65536

/* One side's table. */
struct lsda {
    struct reader reader;  /* of what is left of the section from its begin */
    uint64_t landing_pads; /* where they are relative to; 0: to the function */
    uint8_t type_encoding, site_encoding;
    uint64_t types;            /* where they end and specifications begin; 0: none */
    uint64_t sites, sites_end; /* the table of call sites */
    uint64_t actions_end;      /* behind the last action that is reached */
    uint64_t type_count;       /* the highest that is named */
    uint64_t end;
    uint64_t steps; /* of what it took to read it */
};

static void read_header(struct lsda *lsda)
{
    struct reader *reader = &lsda->reader;
    uint8_t base_encoding = take_u8(reader);
    if (base_encoding != DW_EH_PE_omit)
        lsda->landing_pads = take_encoded(reader, base_encoding);
    lsda->type_encoding = take_u8(reader);
    if (lsda->type_encoding != DW_EH_PE_omit) {
        uint64_t offset = take_uleb128(reader);
        reader->failed = reader->failed || offset == 0 || offset > reader->size - reader->at;
        lsda->types = reader->at + offset;
    }
    lsda->site_encoding = take_u8(reader);
    uint64_t size = take_uleb128(reader);
    lsda->sites = reader->at;
    take_bytes(reader, size);
    lsda->sites_end = lsda->actions_end = reader->at;
}

/* ---- Actions ---- */

/* Those that a call site leads to, from one to the next; each step must come to a record that is not too far. */
struct walk {
    struct lsda *lsda;
    bool words;
    uint64_t unit; /* bytes of an entry of the table of types */
    uint64_t steps;
    uint8_t *seen; /* a bit for each byte of the actions' table that was an action; may end early */
    uint64_t seen_size;
};

/* A specification: types, by number or as words, up to a zero. It stands behind the table of types. */
static void read_specification(struct walk *walk, uint64_t filter)
{
    struct lsda *lsda = walk->lsda;
    struct reader reader = lsda->reader;
    uint64_t offset = (filter - 1) * (walk->words ? 4 : 1);
    reader.failed =
        reader.failed || lsda->types == 0 || filter > lsda->reader.size || offset > reader.size - lsda->types;
    reader.at = reader.failed ? 0 : lsda->types + offset;
    uint64_t type = 1;
    while (type != 0 && !reader.failed && walk->steps < STEPS_LIMIT) {
        type = walk->words ? take_u32(&reader) : take_uleb128(&reader);
        walk->steps++;
        if (!walk->words && type > lsda->type_count)
            lsda->type_count = type;
    }
    lsda->reader.failed = lsda->reader.failed || reader.failed || type != 0;
    lsda->end = reader.at > lsda->end ? reader.at : lsda->end;
}

static bool was_seen(struct walk *walk, uint64_t at)
{
    uint64_t index = at - walk->lsda->sites_end;
    bool seen = index / 8 < walk->seen_size && (walk->seen[index / 8] >> (index % 8) & 1) != 0;
    if (index / 8 < walk->seen_size)
        walk->seen[index / 8] |= (uint8_t)(1u << (index % 8));
    return seen;
}

static void walk_actions(struct walk *walk, uint64_t first)
{
    struct lsda *lsda = walk->lsda;
    struct reader reader = lsda->reader;
    reader.failed = reader.failed || first - 1 > reader.size - lsda->sites_end;
    reader.at = reader.failed ? 0 : lsda->sites_end + (first - 1);
    bool more = true;
    while (more && !reader.failed && !was_seen(walk, reader.at)) {
        int64_t filter = take_sleb128(&reader);
        uint64_t from = reader.at;
        int64_t next = take_sleb128(&reader);
        reader.failed = reader.failed || walk->steps++ >= STEPS_LIMIT || filter == INT64_MIN;
        if (reader.failed)
            break;
        if (filter > 0 && (uint64_t)filter > lsda->type_count)
            lsda->type_count = (uint64_t)filter;
        if (filter < 0)
            read_specification(walk, (uint64_t)-filter);
        lsda->actions_end = reader.at > lsda->actions_end ? reader.at : lsda->actions_end;
        more = next != 0;
        reader.failed = more && ((next < 0 && (uint64_t)-next > from - lsda->sites_end) ||
                                 (next > 0 && (uint64_t)next > reader.size - from));
        reader.at = reader.failed ? 0 : from + (uint64_t)next;
    }
    lsda->reader.failed = lsda->reader.failed || reader.failed;
}

static void read_sites(struct walk *walk)
{
    struct lsda *lsda = walk->lsda;
    struct reader reader = lsda->reader;
    reader.at = lsda->sites;
    reader.size = lsda->sites_end;
    bool plain = (lsda->site_encoding & 0xf0) == 0;
    lsda->reader.failed = lsda->reader.failed || !plain;
    while (!lsda->reader.failed && reader_left(&reader) > 0) {
        for (unsigned i = 0; i < 3; i++)
            take_number(&reader, lsda->site_encoding);
        uint64_t action = take_uleb128(&reader);
        lsda->reader.failed = reader.failed;
        if (action != 0)
            walk_actions(walk, action);
    }
}

/* All but the types' meaning: where everything ends. */
static bool read_lsda(struct lsda *lsda, struct reader section, uint64_t offset, bool words)
{
    uint8_t seen[256] = {0};
    *lsda = (struct lsda){.reader = section};
    if (offset >= section.size)
        return false;
    take_bytes(&section, offset);
    lsda->reader = take_part(&section, section.size - offset);
    read_header(lsda);
    struct walk walk = {.lsda = lsda, .words = words, .seen = seen, .seen_size = sizeof(seen)};
    if (!lsda->reader.failed)
        read_sites(&walk);
    uint64_t least = lsda->types != 0 ? lsda->types : lsda->actions_end;
    lsda->end = lsda->end > least ? lsda->end : least;
    lsda->steps = walk.steps + lsda->sites_end;
    return !lsda->reader.failed;
}

/* ---- Types ---- */

/* ARM: R_ARM_TARGET2, which is relative and indirect on Linux; 0 is none. */
static uint64_t take_type(struct reader *reader, uint8_t encoding, bool words)
{
    return take_encoded(reader, words ? DW_EH_PE_pcrel | DW_EH_PE_sdata4 : encoding);
}

static bool types_correspond(struct exception_tables *tables, const struct lsda *vendor, const struct lsda *rebuilt,
                             uint64_t begin, uint64_t end)
{
    struct reader readers[2] = {vendor->reader, rebuilt->reader};
    bool same = true;
    readers[0].at = readers[1].at = begin;
    while (same && readers[0].at < end) {
        uint64_t a = take_type(&readers[0], vendor->type_encoding, tables->words);
        uint64_t b = take_type(&readers[1], vendor->type_encoding, tables->words);
        same = !readers[0].failed && !readers[1].failed && (a == 0 ? b == 0 : finder_reference(&tables->finder, a, b));
    }
    return same;
}

/* Specifications of ARM are types, too. */
static bool rest_corresponds(struct exception_tables *tables, const struct lsda *vendor, const struct lsda *rebuilt)
{
    uint64_t from = vendor->types, size = vendor->end - from;
    if (tables->words)
        return size % 4 == 0 && types_correspond(tables, vendor, rebuilt, from, vendor->end);
    return memcmp(vendor->reader.bytes + from, rebuilt->reader.bytes + from, size) == 0;
}

/*
 * Where the types begin: at the last that is named, or where the first byte differs. Compilers leave types behind that no
 * action names any longer, which no one reads: they are taken for types, too.
 */
static uint64_t types_begin(const struct lsda *vendor, const struct lsda *rebuilt, unsigned unit)
{
    uint64_t begin = vendor->types - vendor->type_count * unit, same = vendor->actions_end;
    while (same < begin && vendor->reader.bytes[same] == rebuilt->reader.bytes[same])
        same++;
    return same < begin ? vendor->types - (vendor->types - same + unit - 1) / unit * unit : begin;
}

static bool lsdas_correspond(struct exception_tables *tables, const struct lsda *vendor, const struct lsda *rebuilt)
{
    if (vendor->types != rebuilt->types || vendor->sites != rebuilt->sites || vendor->sites_end != rebuilt->sites_end ||
        vendor->end != rebuilt->end || vendor->type_count != rebuilt->type_count ||
        vendor->type_encoding != rebuilt->type_encoding)
        return false;
    /* The pads' base would be an address, of which only the usual absence is known to be equal. */
    if (vendor->landing_pads != 0 || rebuilt->landing_pads != 0)
        return false;
    uint64_t plain = vendor->end;
    if (vendor->types != 0) {
        unsigned unit = tables->words ? 4 : encoded_size(vendor->reader.image, vendor->type_encoding);
        if (unit == 0 || vendor->type_count > (vendor->types - vendor->sites_end) / unit)
            return false;
        plain = types_begin(vendor, rebuilt, unit);
        if (plain < vendor->actions_end)
            return false;
    } else if (vendor->type_count != 0) {
        return false;
    }
    return memcmp(vendor->reader.bytes, rebuilt->reader.bytes, plain) == 0 &&
           (vendor->types == 0 || (types_correspond(tables, vendor, rebuilt, plain, vendor->types) &&
                                   rest_corresponds(tables, vendor, rebuilt)));
}

bool exceptions_same(struct exception_tables *tables, uint64_t vendor, uint64_t rebuilt, uint64_t *size)
{
    struct lsda sides[2];
    if (tables->spent / EXCEPTIONS_BUDGET > tables->sides[0].size + tables->sides[1].size)
        return false;
    bool read = read_lsda(&sides[0], tables->sides[0], vendor, tables->words);
    read = read_lsda(&sides[1], tables->sides[1], rebuilt, tables->words) && read;
    tables->spent += sides[0].steps + sides[1].steps + (read ? sides[0].end : 0) + 16;
    *size = read ? sides[0].end : 0;
    return read && lsdas_correspond(tables, &sides[0], &sides[1]);
}

/* ---- Proof ---- */

static int shared_order(const void *left, const void *right)
{
    const struct shared_bytes *a = left, *b = right;
    for (size_t side = 0; side < 2; side++) {
        if (a->offsets[side] != b->offsets[side])
            return a->offsets[side] < b->offsets[side] ? -1 : 1;
    }
    return (a->size > b->size) - (a->size < b->size);
}

static int rebuilt_order(const void *left, const void *right)
{
    const struct shared_bytes *a = *(const struct shared_bytes *const *)left,
                              *b = *(const struct shared_bytes *const *)right;
    return a->offsets[1] != b->offsets[1] ? (a->offsets[1] < b->offsets[1] ? -1 : 1) : 0;
}

/* Two functions can share a table, on either side: what is proven must not overlap. */
static size_t without_overlap(struct shared_bytes *shared, size_t count, const struct shared_bytes **by_rebuilt)
{
    uint64_t end = 0;
    size_t kept = 0, left = 0;
    for (size_t i = 0; i < count; i++) {
        if (shared[i].offsets[0] < end)
            continue;
        end = shared[i].offsets[0] + shared[i].size;
        shared[kept++] = shared[i];
    }
    for (size_t i = 0; i < kept; i++)
        by_rebuilt[i] = &shared[i];
    sort_items(by_rebuilt, kept, sizeof(*by_rebuilt), rebuilt_order);
    end = 0;
    for (size_t i = 0; i < kept; i++) {
        if (by_rebuilt[i]->offsets[1] < end)
            continue;
        end = by_rebuilt[i]->offsets[1] + by_rebuilt[i]->size;
        by_rebuilt[left++] = by_rebuilt[i];
    }
    return left;
}

/* Zeros that fill up to where the next begins, or to the end of the section. */
static uint64_t padding(const struct reader *section, uint64_t at, uint64_t next)
{
    const uint64_t alignment = 8;
    uint64_t size = next - at;
    for (uint64_t i = at; i < next && size < alignment; i++)
        size = section->bytes[i] == 0 ? size : alignment;
    return size < alignment ? size : 0;
}

static const struct shared_bytes **by_vendor_order(struct arena *arena, const struct shared_bytes *const *items,
                                                   size_t count, const struct shared_bytes *all, size_t all_count)
{
    const struct shared_bytes **order = arena_alloc(arena, count, sizeof(*order));
    bool *kept = arena_alloc(arena, all_count, sizeof(*kept));
    if (order == NULL || kept == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        kept[items[i] - all] = true;
    for (size_t i = 0, n = 0; i < all_count; i++) {
        if (kept[i])
            order[n++] = &all[i];
    }
    return order;
}

static void prove_padding(const struct table *table, const struct exception_tables *tables, size_t side,
                          const struct shared_bytes *const *order, size_t count)
{
    struct range none[2] = {{table->sides[0].begin, table->sides[0].begin},
                            {table->sides[1].begin, table->sides[1].begin}};
    for (size_t i = 0; i < count; i++) {
        uint64_t at = order[i]->offsets[side] + order[i]->size;
        uint64_t next = i + 1 < count ? order[i + 1]->offsets[side] : tables->sides[side].size;
        struct range padded = part_of(table->sides[side], at, padding(&tables->sides[side], at, next));
        if (!range_empty(padded))
            table_prove(table, side == 0 ? padded : none[0], side == 1 ? padded : none[1]);
    }
}

void exceptions_prove(const struct exception_tables *tables, struct moving *m, const struct section_pair *pair,
                      struct list *shared)
{
    struct shared_bytes *items = shared->items;
    sort_items(items, shared->count, sizeof(*items), shared_order);
    const struct shared_bytes **by_rebuilt = arena_alloc(shared->arena, shared->count, sizeof(*by_rebuilt)), **order;
    m->out_of_memory |= by_rebuilt == NULL;
    if (m->out_of_memory)
        return;
    size_t count = without_overlap(items, shared->count, by_rebuilt);
    order = by_vendor_order(shared->arena, by_rebuilt, count, items, shared->count);
    m->out_of_memory |= order == NULL;
    if (order == NULL)
        return;
    struct table table = table_of(m, RULE_MOVED_UNWIND, pair);
    for (size_t i = 0; i < count; i++)
        table_prove(&table, part_of(table.sides[0], order[i]->offsets[0], order[i]->size),
                    part_of(table.sides[1], order[i]->offsets[1], order[i]->size));
    m->counts.exception_tables += count;
    prove_padding(&table, tables, 0, order, count);
    prove_padding(&table, tables, 1, by_rebuilt, count);
}
