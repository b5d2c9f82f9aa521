/*
 * Versions of symbols (Linux Standard Base Core, "Symbol Versioning"; glibc elf/dl-version.c): which libraries and
 * versions are needed, which are defined here. The numbers that DT_VERSYM has for them are each file's own. Records are
 * compared by name, and links between them only serve to find the next: all are found, each once.
 */
#include <stdlib.h>
#include <string.h>

#include "tables.h"

/* A Verneed or Verdef, or one of the records that hang on it. */
struct record {
    uint64_t offset; /* in the section */
    const char *library, *name;
    uint64_t name_offset, library_offset; /* in DT_STRTAB */
    uint32_t hash;
    uint16_t flags, count, index;
    uint16_t
        place; /* of a Verdaux among those of its Verdef; of a Verdef its flags, which tell two of one name apart */
};

enum taken { FREE = 0, TAKEN, NAME_BEGINS };

/* One section of one side. */
struct walk {
    const struct dynamic_side *side;
    const uint8_t *bytes;
    uint64_t size;
    struct list heads, parts; /* of struct record */
    uint8_t *taken;           /* for each unit of 4 bytes whether a record has it: enum taken */
    uint64_t shared;          /* records that were come by again */
    uint64_t at;              /* that of the head */
    struct record *parent;
    bool sound;
};

static const char *name_at(const struct dynamic_side *side, uint64_t offset)
{
    uint64_t length;
    return strtab_string(side, offset, VERSION_NAME, &length);
}

/* Every record has its bytes for itself, so that no walk can go round, and what is proven does not overlap. */
static const uint8_t *take_record(struct walk *walk, uint64_t offset, uint64_t size)
{
    walk->sound = walk->sound && offset % 4 == 0 && offset <= walk->size && walk->size - offset >= size;
    for (uint64_t i = offset / 4; walk->sound && i < (offset + size) / 4; i++) {
        walk->sound = walk->taken[i] == FREE;
        walk->taken[i] = TAKEN;
    }
    return walk->sound ? walk->bytes + offset : NULL;
}

static struct record *add_record(struct moving *m, struct walk *walk, struct list *list, struct record record)
{
    walk->sound = walk->sound && record.library != NULL && record.name != NULL;
    struct record *added = walk->sound ? list_add(list) : NULL;
    m->out_of_memory |= walk->sound && added == NULL;
    walk->sound = added != NULL;
    if (added != NULL)
        *added = record;
    return added;
}

/* A number stands for one version only, or symbols with it would have two. */
static void number(struct walk *walk, uint16_t index, bool defined, const struct record *record)
{
    uint16_t plain = index & 0x7fff;
    struct version *version = &walk->side->versions[plain];
    walk->sound = walk->sound && !version->known && plain != 0;
    if (walk->sound)
        *version = (struct version){true, defined, defined ? "" : record->library, record->name};
}

/* ---- DT_VERNEED ---- */

static uint64_t take_need_version(struct moving *m, struct walk *walk, uint64_t offset)
{
    const struct image *image = walk->side->image;
    const uint8_t *bytes = take_record(walk, offset, sizeof(Elf64_Vernaux));
    if (bytes == NULL)
        return 0;
    struct record record = {
        .offset = offset,
        .hash = image_u32(image, bytes),
        .flags = image_u16(image, bytes + 4),
        .index = image_u16(image, bytes + 6),
        .name_offset = image_u32(image, bytes + 8),
        .library_offset = walk->parent->library_offset,
        .library = walk->parent->library,
    };
    record.name = name_at(walk->side, record.name_offset);
    if (add_record(m, walk, &walk->parts, record) == NULL)
        return 0;
    walk->sound = record.hash == sysv_hash(record.name, strlen(record.name));
    number(walk, record.index, false, &record);
    return image_u32(image, bytes + 12);
}

static uint64_t take_need(struct moving *m, struct walk *walk)
{
    const struct image *image = walk->side->image;
    const uint8_t *bytes = take_record(walk, walk->at, sizeof(Elf64_Verneed));
    if (bytes == NULL)
        return 0;
    struct record record = {.offset = walk->at, .name = "", .library_offset = image_u32(image, bytes + 4)};
    record.count = image_u16(image, bytes + 2);
    record.library = name_at(walk->side, record.library_offset);
    walk->sound = image_u16(image, bytes) == VER_NEED_CURRENT;
    struct record parent = record;
    walk->parent = &parent;
    add_record(m, walk, &walk->heads, record);
    uint64_t at = walk->at, next = image_u32(image, bytes + 8);
    for (uint32_t i = 0; i < record.count && walk->sound; i++) {
        at += next;
        next = next != 0 ? take_need_version(m, walk, at) : 0;
        walk->sound = walk->sound && (next != 0) == (i + 1u < record.count);
    }
    return image_u32(image, bytes + 12);
}

/* ---- DT_VERDEF ---- */

/* ld lets two versions of one name share their last record. */
static bool is_shared_name(struct walk *walk, uint64_t offset)
{
    const uint64_t most = 16;
    return offset % 4 == 0 && offset < walk->size && walk->taken[offset / 4] == NAME_BEGINS && walk->shared++ < most;
}

static uint64_t take_definition_name(struct moving *m, struct walk *walk, uint64_t offset, uint16_t place)
{
    const struct image *image = walk->side->image;
    bool shared = is_shared_name(walk, offset);
    const uint8_t *bytes = shared ? walk->bytes + offset : take_record(walk, offset, sizeof(Elf64_Verdaux));
    if (bytes == NULL)
        return 0;
    walk->taken[offset / 4] = NAME_BEGINS;
    struct record record = {.offset = offset, .place = place, .name_offset = image_u32(image, bytes)};
    record.name = name_at(walk->side, record.name_offset);
    if (place == 0)
        walk->parent->name = record.name;
    record.library = walk->parent->name; /* the version that this one is a name of */
    if (!shared)
        add_record(m, walk, &walk->parts, record);
    return image_u32(image, bytes + 4);
}

static uint64_t take_definition(struct moving *m, struct walk *walk)
{
    const struct image *image = walk->side->image;
    const uint8_t *bytes = take_record(walk, walk->at, sizeof(Elf64_Verdef));
    if (bytes == NULL)
        return 0;
    struct record record = {
        .offset = walk->at,
        .flags = image_u16(image, bytes + 2),
        .index = image_u16(image, bytes + 4),
        .count = image_u16(image, bytes + 6),
        .hash = image_u32(image, bytes + 8),
        .library = "",
    };
    walk->sound = image_u16(image, bytes) == VER_DEF_CURRENT && record.count > 0;
    walk->parent = &record;
    uint64_t at = walk->at, next = image_u32(image, bytes + 12);
    for (uint32_t i = 0; i < record.count && walk->sound; i++) {
        at += next;
        next = next != 0 ? take_definition_name(m, walk, at, (uint16_t)i) : 0;
        walk->sound = walk->sound && (next != 0) == (i + 1u < record.count);
    }
    record.place = record.flags;
    if (add_record(m, walk, &walk->heads, record) != NULL) {
        walk->sound = record.hash == sysv_hash(record.name, strlen(record.name));
        number(walk, record.index, true, &record);
    }
    return image_u32(image, bytes + 16);
}

/* ---- Both ---- */

static void walk_section(struct dynamic_tables *tables, size_t side, const struct section *section,
                         uint64_t (*take)(struct moving *m, struct walk *walk), struct walk *walk)
{
    struct moving *m = tables->m;
    *walk = (struct walk){.side = &tables->sides[side],
                          .bytes = m->images[side]->bytes + section->bytes.begin,
                          .size = range_size(section->bytes)};
    walk->heads = walk->parts = (struct list){.arena = m->arena, .item_size = sizeof(struct record)};
    walk->taken = arena_alloc(m->arena, walk->size / 4 + 1, 1);
    walk->sound = walk->taken != NULL;
    m->out_of_memory |= walk->taken == NULL;
    for (uint64_t next = 1; walk->sound && next != 0; walk->at += next)
        next = take(m, walk);
}

struct version_walks {
    struct walk needs[2], definitions[2];
};

/* False where something of them cannot be told: then no symbol has a version that is known. */
static bool walk_all(struct dynamic_tables *tables, struct version_walks *walks)
{
    bool sound = true;
    for (size_t side = 0; side < 2 && sound; side++) {
        if (tables->needs != NULL) {
            walk_section(tables, side, tables->needs->sides[side], take_need, &walks->needs[side]);
            sound = walks->needs[side].sound;
            tables->sides[side].needs = walks->needs[side].heads.count;
        }
        if (sound && tables->definitions != NULL) {
            walk_section(tables, side, tables->definitions->sides[side], take_definition, &walks->definitions[side]);
            sound = walks->definitions[side].sound;
            tables->sides[side].definitions = walks->definitions[side].heads.count;
        }
    }
    return sound;
}

static bool tag_is_absent(const struct moving *m, int64_t tag)
{
    return image_dynamic(m->images[0], tag) == NULL && image_dynamic(m->images[1], tag) == NULL;
}

/* A tag that both have, on a table that is a pair; or neither has it. */
static bool found_or_absent(const struct moving *m, int64_t tag, uint32_t type, const struct section_pair **pair)
{
    *pair = tagged_pair(m, tag, type);
    return *pair != NULL || tag_is_absent(m, tag);
}

void versions_read(struct dynamic_tables *tables)
{
    struct moving *m = tables->m;
    bool told = tables->strings != NULL && found_or_absent(m, DT_VERSYM, SHT_GNU_versym, &tables->versions) &&
                found_or_absent(m, DT_VERNEED, SHT_GNU_verneed, &tables->needs) &&
                found_or_absent(m, DT_VERDEF, SHT_GNU_verdef, &tables->definitions);
    if (!told || tables->versions == NULL) {
        tables->versions = tables->needs = tables->definitions = NULL;
        tables->versions_unknown = !told;
        return;
    }
    for (size_t side = 0; side < 2; side++) {
        tables->sides[side].versions = arena_alloc(m->arena, VERSION_LIMIT, sizeof(struct version));
        m->out_of_memory |= tables->sides[side].versions == NULL;
    }
    struct version_walks *walks = arena_alloc(m->arena, 1, sizeof(*walks));
    m->out_of_memory |= walks == NULL;
    tables->versions_unknown = m->out_of_memory || !walk_all(tables, walks);
    tables->walks = walks;
}

/* ---- Proof ---- */

static int record_order(const void *left, const void *right)
{
    const struct record *a = *(const struct record *const *)left, *b = *(const struct record *const *)right;
    int order = strcmp(a->library, b->library);
    order = order != 0 ? order : strcmp(a->name, b->name);
    order = order != 0 ? order : (a->place > b->place) - (a->place < b->place);
    return order != 0 ? order : (a->offset > b->offset) - (a->offset < b->offset);
}

static const struct record **sorted(struct dynamic_tables *tables, const struct list *list)
{
    const struct record **order = arena_alloc(tables->m->arena, list->count, sizeof(*order));
    tables->m->out_of_memory |= order == NULL;
    for (size_t i = 0; order != NULL && i < list->count; i++)
        order[i] = (const struct record *)list->items + i;
    sort_items(order, list->count, sizeof(*order), record_order);
    return order;
}

static bool same_key(const struct record *a, const struct record *b)
{
    return a->place == b->place && strcmp(a->library, b->library) == 0 && strcmp(a->name, b->name) == 0;
}

static int compare_keys(const struct record *a, const struct record *b)
{
    int order = strcmp(a->library, b->library);
    order = order != 0 ? order : strcmp(a->name, b->name);
    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

/* Index 1 is that of what has no version; others are each file's own. */
static bool same_meaning(const struct record *a, const struct record *b)
{
    return a->flags == b->flags && a->count == b->count && a->hash == b->hash &&
           (a->index == VER_NDX_GLOBAL) == (b->index == VER_NDX_GLOBAL) && (a->index & 0x8000) == (b->index & 0x8000);
}

static void prove_list(struct dynamic_tables *tables, const struct table *table, const struct list *vendor,
                       const struct list *rebuilt, uint64_t size)
{
    const struct record **lists[2] = {sorted(tables, vendor), sorted(tables, rebuilt)};
    for (size_t i = 0, k = 0; lists[0] != NULL && lists[1] != NULL && i < vendor->count && k < rebuilt->count;) {
        const struct record *a = lists[0][i], *b = lists[1][k];
        int order = compare_keys(a, b);
        bool single = (i + 1 == vendor->count || !same_key(a, lists[0][i + 1])) &&
                      (k + 1 == rebuilt->count || !same_key(b, lists[1][k + 1])) &&
                      (i == 0 || !same_key(a, lists[0][i - 1])) && (k == 0 || !same_key(b, lists[1][k - 1]));
        if (order == 0 && single && same_meaning(a, b) &&
            (a->name_offset == 0 || dynamic_strings_share(tables, a->name_offset, b->name_offset)) &&
            (a->library_offset == 0 || dynamic_strings_share(tables, a->library_offset, b->library_offset)))
            table_prove(table, part_of(table->sides[0], a->offset, size), part_of(table->sides[1], b->offset, size));
        i += order <= 0;
        k += order >= 0;
    }
}

static void prove_walks(struct dynamic_tables *tables, const struct section_pair *pair, const struct walk walks[2],
                        uint64_t head_size, uint64_t part_size)
{
    if (pair == NULL || tables->versions_unknown)
        return;
    struct table table = table_of(tables->m, RULE_MOVED_TABLES, pair);
    prove_list(tables, &table, &walks[0].heads, &walks[1].heads, head_size);
    prove_list(tables, &table, &walks[0].parts, &walks[1].parts, part_size);
}

void versions_prove(struct dynamic_tables *tables)
{
    const struct version_walks *walks = tables->walks;
    if (walks == NULL)
        return;
    prove_walks(tables, tables->needs, walks->needs, sizeof(Elf64_Verneed), sizeof(Elf64_Vernaux));
    prove_walks(tables, tables->definitions, walks->definitions, sizeof(Elf64_Verdef), sizeof(Elf64_Verdaux));
}
