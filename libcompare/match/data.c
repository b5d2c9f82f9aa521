/*
 * Which data is which. Objects by a name that each side has once; what stands between them, and all of it in a stripped
 * file, by its content: cut into tokens at zero bytes and at pointers, and aligned. What stands between two aligned
 * tokens, as far from both, is the counterpart by that order, whatever it holds: to compare it is another's work.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#ifndef SHT_MIPS_ABIFLAGS
#define SHT_MIPS_ABIFLAGS 0x7000002a
#endif

#define TOKEN_MOST  64       /* bytes */
#define TOKENS_MOST 2000000u /* of one side, in what is aligned as a whole: more take too much memory */

/* A stretch of one section on both sides. */
struct stretch {
    struct range sides[2]; /* addresses */
};

struct data_side {
    const struct space *space;
    const struct section *section;
};

/* Two tokens that changed between two that did not: places in the lists of what is left over. */
struct begins {
    size_t sides[2];
};

/* The tables of places that a side's code selects from, by address. */
struct tables {
    const struct site_table **items;
    size_t count;
};

struct data_work {
    struct matchmaking *m;
    struct data_side sides[2];
    const struct tables *tables; /* of both sides */
    uint32_t numbers[2];         /* of the next token */
    struct list leftovers[2];    /* of struct token; they stay */
    struct list begins;          /* of struct begins */
    struct list tokens[2];       /* of struct token: those of one stretch after the other */
};

/* ---- Which sections ---- */

static bool has_own_comparator(const struct section *section)
{
    static const char *const names[] = {".eh_frame", ".eh_frame_hdr", ".ARM.exidx"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(section->name, names[i]) == 0)
            return true;
    }
    /* What MIPS's files say of registers and instructions (System V ABI, MIPS supplement; glibc, dl-machine-reject-phdr.h). */
    if (section->type == SHT_MIPS_REGINFO || section->type == SHT_MIPS_ABIFLAGS)
        return false;
    return section->type != SHT_PROGBITS && section->type != SHT_NOBITS && section->type != SHT_NOTE &&
           section->type != SHT_INIT_ARRAY && section->type != SHT_FINI_ARRAY && section->type != SHT_PREINIT_ARRAY;
}

bool section_is_data(const struct section *section)
{
    /* .tbss takes no room in the address space. */
    bool takes_room = section->type != SHT_NOBITS || (section->flags & SHF_TLS) == 0;
    return (section->flags & SHF_ALLOC) != 0 && (section->flags & SHF_EXECINSTR) == 0 && section->size > 0 &&
           takes_room && !has_own_comparator(section);
}

static uint64_t word_size(const struct space *space)
{
    return space->image->is64 ? 8 : 4;
}

/* ---- Tokens ---- */

/* What an address is, in words that both sides share: a place in a pair of functions, a text. 0: no such is known. */
static uint64_t identity(const struct data_work *work, size_t side, uint64_t address)
{
    const struct code_piece *piece = space_code_by(work->sides[side].space, address);
    if (piece == NULL)
        return hash_text(work->sides[side].space->image, address);
    if (piece->partner == SIZE_MAX)
        return 0;
    uint64_t shown[2] = {side == 0 ? (uint64_t)(piece - work->sides[0].space->code) : piece->partner,
                         address - piece->address};
    return XXH3_64bits(shown, sizeof(shown)) | 1;
}

static uint64_t hash_relocation(const struct data_work *work, size_t side, const struct relocation *relocation)
{
    uint64_t shown[3] = {relocation->type, 0, 0};
    if (relocation->symbol[0] != '\0') {
        shown[1] = XXH3_64bits(relocation->symbol, strlen(relocation->symbol));
        shown[2] = (uint64_t)relocation->addend;
    } else {
        shown[1] = identity(work, side, (uint64_t)relocation->addend);
    }
    return XXH3_64bits(shown, sizeof(shown));
}

struct scan {
    const struct data_work *work;
    size_t side;
    struct range bytes; /* of the file, what is left */
    uint64_t address;   /* of its begin */
    const struct relocation *relocations;
    size_t relocation_count;
    const struct site_table *table; /* in which it is; NULL: none */
    size_t next_table;
};

static bool is_code_at(const struct scan *scan, uint64_t address)
{
    return space_code_by(scan->work->sides[scan->side].space, address) != NULL;
}

/* The entry of a table here, as long as it leads to code, or the table says how many it has. */
static uint64_t table_entry(struct scan *scan, uint64_t *hash)
{
    const struct tables *tables = &scan->work->tables[scan->side];
    while (scan->next_table < tables->count && tables->items[scan->next_table]->address < scan->address)
        scan->next_table++;
    if (scan->next_table < tables->count && tables->items[scan->next_table]->address == scan->address)
        scan->table = tables->items[scan->next_table++];
    const struct site_table *table = scan->table;
    uint64_t target;
    if (table == NULL || range_size(scan->bytes) < table->entry_size ||
        !site_table_target(scan->work->sides[scan->side].space->image, table, scan->bytes.begin, &target) ||
        (table->count != 0 ? (scan->address - table->address) / table->entry_size >= table->count
                           : table->code && !is_code_at(scan, target)) ||
        (!table->code && table->count == 0)) {
        scan->table = NULL;
        return 0;
    }
    *hash = identity(scan->work, scan->side, target) ^ table->entry_size;
    return table->entry_size;
}

/*
 * A word that may be an address without a relocation: in an executable that is not moved, and in MIPS's GOT, which ld.so
 * moves as a whole (System V ABI, MIPS supplement, "Global Offset Table").
 */
static bool is_absolute(const struct scan *scan, uint64_t *value)
{
    const struct space *space = scan->work->sides[scan->side].space;
    uint64_t word = word_size(space);
    bool got =
        space->image->header.e_machine == EM_MIPS && strcmp(scan->work->sides[scan->side].section->name, ".got") == 0;
    if ((space->image->header.e_type != ET_EXEC && !got) || scan->address % word != 0 || range_size(scan->bytes) < word)
        return false;
    *value = image_word(space->image, scan->bytes.begin);
    struct range byte;
    return *value >= 4096 && image_file_range(space->image, *value, 1, &byte);
}

/* A text to its NUL, or numbers up to a zero byte or a word's end: what stands behind them may be another thing. */
static uint64_t plain_token(const struct scan *scan, uint64_t stop)
{
    const struct tables *tables = &scan->work->tables[scan->side];
    const uint8_t *bytes = scan->work->sides[scan->side].space->image->bytes + scan->bytes.begin;
    uint64_t room = stop - scan->bytes.begin, size = 1;
    if (scan->next_table < tables->count && tables->items[scan->next_table]->address - scan->address < room)
        room = tables->items[scan->next_table]->address - scan->address;
    room = room < TOKEN_MOST ? room : TOKEN_MOST;
    if (is_text(bytes[0])) {
        while (size < room && bytes[size] != 0 && is_text(bytes[size]))
            size++;
        return size + (size < room && bytes[size] == 0);
    }
    while (size < room && bytes[size] != 0 && (scan->address + size) % 4 != 0)
        size++;
    return size;
}

static bool next_token(struct scan *scan, struct token *token)
{
    const struct space *space = scan->work->sides[scan->side].space;
    const uint8_t *bytes = space->image->bytes;
    uint64_t value;
    while (!range_empty(scan->bytes)) {
        while (scan->relocation_count > 0 && scan->relocations->file_offset < scan->bytes.begin) {
            scan->relocations++;
            scan->relocation_count--;
        }
        uint64_t stop = scan->relocation_count > 0 && scan->relocations->file_offset < scan->bytes.end
                            ? scan->relocations->file_offset
                            : scan->bytes.end;
        bool relocated = stop == scan->bytes.begin;
        uint64_t size = relocated ? word_size(space) : 0, hash = 0;
        if (!relocated && (size = table_entry(scan, &hash)) > 0) {
            /* as it is */
        } else if (relocated) {
            hash = hash_relocation(scan->work, scan->side, scan->relocations);
        } else if (is_absolute(scan, &value)) {
            size = word_size(space);
            hash = identity(scan->work, scan->side, value);
        } else if (bytes[scan->bytes.begin] != 0) {
            size = plain_token(scan, stop);
            hash = XXH3_64bits(bytes + scan->bytes.begin, size);
        }
        if (size > range_size(scan->bytes))
            size = range_size(scan->bytes);
        bool named = relocated && scan->relocations->symbol[0] != '\0';
        *token = (struct token){scan->address, hash, (uint32_t)size, 0, named, false};
        uint64_t step = size > 0 ? size : 1;
        scan->bytes.begin += step;
        scan->address += step;
        if (size > 0)
            return true;
    }
    return false;
}

static struct range file_bytes(const struct data_side *side, struct range addresses)
{
    uint64_t offset = addresses.begin - side->section->address;
    return (struct range){side->section->bytes.begin + offset,
                          side->section->bytes.begin + offset + range_size(addresses)};
}

static bool read_tokens(struct data_work *work, size_t side, struct range addresses, struct list *tokens)
{
    const struct data_side *s = &work->sides[side];
    struct scan scan = {.work = work, .side = side, .bytes = file_bytes(s, addresses), .address = addresses.begin};
    scan.relocations =
        relocations_in(s->space->relocations, s->space->relocation_count, scan.bytes, &scan.relocation_count);
    struct token token;
    while (tokens->count <= TOKENS_MOST && next_token(&scan, &token)) {
        struct token *added = list_add(tokens);
        if (added == NULL)
            return false;
        *added = token;
        added->number = work->numbers[side]++;
    }
    work->numbers[side]++;
    return true;
}

/* ---- Counterparts of a stretch ---- */

static uint8_t byte_at(const struct data_side *side, uint64_t address)
{
    return side->space->image->bytes[side->section->bytes.begin + (address - side->section->address)];
}

/* A counterpart that grows while the distance stays what it is. */
struct growing {
    uint64_t a, b, size;
    enum evidence evidence;
};

static void settle(struct data_work *work, const struct growing *growing)
{
    if (growing->size > 0)
        counterpart_add(work->m, growing->a, growing->b, growing->size, growing->evidence, false);
}

/*
 * Zero bytes on both sides between what is and what comes: of the one before up to a word's end, of the next, as many as
 * stand before it on both sides.
 */
static void share_zeros(const struct data_work *work, struct growing *before, uint64_t a, uint64_t b, uint64_t *back)
{
    const struct data_side *x = &work->sides[0], *y = &work->sides[1];
    uint64_t end_a = before->a + before->size, end_b = before->b + before->size;
    /* The rest of a number's word; where the two do not stand alike in their words, it was no number. */
    while (end_a < a && end_b < b && end_a % 4 != 0 && end_a % 4 == end_b % 4 && byte_at(x, end_a) == 0 &&
           byte_at(y, end_b) == 0) {
        end_a++;
        end_b++;
    }
    *back = 0;
    while (a - *back > end_a && b - *back > end_b && byte_at(x, a - *back - 1) == 0 && byte_at(y, b - *back - 1) == 0)
        ++*back;
    before->size = end_a - before->a;
}

static void add_leftover(struct data_work *work, size_t side, const struct list *tokens, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        struct token *added = list_add(&work->leftovers[side]);
        work->m->out_of_memory |= added == NULL;
        if (added != NULL)
            *added = ((const struct token *)tokens->items)[i];
    }
}

/* What stands between two aligned tokens, by their places. One alone on either side: each may be the other, changed. */
static void add_leftovers(struct data_work *work, const struct list tokens[2], const size_t from[2], const size_t to[2])
{
    bool alone = to[0] - from[0] == 1 && to[1] - from[1] == 1;
    struct begins begins = {{work->leftovers[0].count, work->leftovers[1].count}};
    struct begins *added = alone ? list_add(&work->begins) : NULL;
    work->m->out_of_memory |= alone && added == NULL;
    if (added != NULL)
        *added = begins;
    for (size_t side = 0; side < 2; side++)
        add_leftover(work, side, &tokens[side], from[side], to[side]);
}

static void build_counterparts(struct data_work *work, const struct stretch *stretch, const struct list tokens[2],
                               const size_t *partner)
{
    const struct token *x = tokens[0].items, *y = tokens[1].items;
    struct growing growing = {stretch->sides[0].begin, stretch->sides[1].begin, 0, EVIDENCE_ORDER};
    size_t done[2] = {0, 0};
    for (size_t i = 0; i <= tokens[0].count; i++) {
        bool last = i == tokens[0].count;
        if (!last && partner[i] == SIZE_MAX)
            continue;
        uint64_t a = last ? stretch->sides[0].end : x[i].address;
        uint64_t b = last ? stretch->sides[1].end : y[partner[i]].address;
        uint64_t size = last ? 0 : x[i].size, back = 0;
        if (a - growing.a == b - growing.b) {
            growing.size = a + size - growing.a;
        } else {
            share_zeros(work, &growing, a, b, &back);
            settle(work, &growing);
            add_leftovers(work, tokens, done, (size_t[2]){i, last ? tokens[1].count : partner[i]});
            growing = (struct growing){a - back, b - back, size + back, EVIDENCE_ORDER};
        }
        growing.evidence = EVIDENCE_CONTENT;
        done[0] = i + 1;
        done[1] = last ? tokens[1].count : partner[i] + 1;
    }
    settle(work, &growing);
}

static uint64_t *hashes_of(const struct list *tokens)
{
    uint64_t *hashes = calloc(tokens->count + 1, sizeof(*hashes));
    for (size_t i = 0; hashes != NULL && i < tokens->count; i++)
        hashes[i] = ((const struct token *)tokens->items)[i].hash;
    return hashes;
}

static void align_stretch(struct data_work *work, const struct stretch *stretch)
{
    struct list *tokens = work->tokens;
    tokens[0].count = tokens[1].count = 0;
    bool read =
        read_tokens(work, 0, stretch->sides[0], &tokens[0]) && read_tokens(work, 1, stretch->sides[1], &tokens[1]);
    if (tokens[0].count > TOKENS_MOST || tokens[1].count > TOKENS_MOST)
        return;
    uint64_t *a = read ? hashes_of(&tokens[0]) : NULL, *b = read ? hashes_of(&tokens[1]) : NULL;
    size_t *partner = read ? calloc(tokens[0].count + 1, sizeof(*partner)) : NULL;
    if (a != NULL && b != NULL && partner != NULL && align_sequences(a, tokens[0].count, b, tokens[1].count, partner))
        build_counterparts(work, stretch, tokens, partner);
    else
        work->m->out_of_memory = true;
    free(a);
    free(b);
    free(partner);
}

/* Whether both hold pointers at the same places, and none that is known to be another: of RELA no byte tells them. */
static bool same_pointers(const struct data_work *work, const struct range bytes[2])
{
    const struct relocation *found[2];
    size_t count[2];
    for (size_t side = 0; side < 2; side++)
        found[side] = relocations_in(work->sides[side].space->relocations, work->sides[side].space->relocation_count,
                                     bytes[side], &count[side]);
    if (count[0] != count[1])
        return false;
    for (size_t i = 0; i < count[0]; i++) {
        if (found[0][i].file_offset - bytes[0].begin != found[1][i].file_offset - bytes[1].begin ||
            hash_relocation(work, 0, &found[0][i]) != hash_relocation(work, 1, &found[1][i]))
            return false;
    }
    return true;
}

/* Whether both hold the same. */
static bool is_rigid(const struct data_work *work, const struct stretch *stretch)
{
    const struct data_side *x = &work->sides[0], *y = &work->sides[1];
    uint64_t size = range_size(stretch->sides[0]);
    if (size != range_size(stretch->sides[1]))
        return false;
    if (x->section->type == SHT_NOBITS || (x->section->flags & SHF_TLS) != 0)
        return true;
    struct range bytes[2] = {file_bytes(x, stretch->sides[0]), file_bytes(y, stretch->sides[1])};
    return memcmp(x->space->image->bytes + bytes[0].begin, y->space->image->bytes + bytes[1].begin, size) == 0 &&
           same_pointers(work, bytes);
}

static void pair_stretch(struct data_work *work, const struct stretch *stretch)
{
    const struct section *section = work->sides[0].section;
    if (range_empty(stretch->sides[0]) && range_empty(stretch->sides[1]))
        return;
    if (is_rigid(work, stretch))
        counterpart_add(work->m, stretch->sides[0].begin, stretch->sides[1].begin, range_size(stretch->sides[0]),
                        EVIDENCE_ORDER, false);
    else if (section->type != SHT_NOBITS && (section->flags & SHF_TLS) == 0)
        align_stretch(work, stretch);
}

/* ---- A pair of sections ---- */

/* Objects without a partner are no borders. */
static size_t next_paired(const struct objects *objects, size_t from)
{
    while (from < objects->count && objects->items[from].partner == SIZE_MAX)
        from++;
    return from;
}

/* From the end of one object, or the section's begin, to the begin of the next, or the section's end. */
static struct range gap(const struct section *section, const struct objects *objects, size_t before, size_t next)
{
    return (struct range){before < objects->count ? objects->items[before].addresses.end : section->address,
                          next < objects->count ? objects->items[next].addresses.begin
                                                : section->address + section->size};
}

/* Each object, and what stands behind it on both sides. */
static void pair_section(struct data_work *work, const struct objects *a, const struct objects *b)
{
    const struct section *x = work->sides[0].section, *y = work->sides[1].section;
    struct stretch stretch = {{gap(x, a, SIZE_MAX, next_paired(a, 0)), gap(y, b, SIZE_MAX, next_paired(b, 0))}};
    pair_stretch(work, &stretch);
    for (size_t i = next_paired(a, 0); i < a->count; i = next_paired(a, i + 1)) {
        const struct object *vendor = &a->items[i], *rebuilt = &b->items[vendor->partner];
        if (vendor->name != NULL)
            counterpart_add(work->m, vendor->addresses.begin, rebuilt->addresses.begin, range_size(vendor->addresses),
                            EVIDENCE_NAME, false);
        stretch.sides[0] = gap(x, a, i, next_paired(a, i + 1));
        stretch.sides[1] = gap(y, b, vendor->partner, next_paired(b, vendor->partner + 1));
        pair_stretch(work, &stretch);
    }
}

/*
 * What changed where it stood, and stands nowhere else: who refers to one refers to the other; of what stands there only
 * the first byte is looked at.
 */
static void pair_begins(struct data_work *work)
{
    const struct begins *begins = work->begins.items;
    for (size_t i = 0; i < work->begins.count && !work->m->out_of_memory; i++) {
        const struct token *a = (struct token *)work->leftovers[0].items + begins[i].sides[0];
        const struct token *b = (struct token *)work->leftovers[1].items + begins[i].sides[1];
        if (!a->paired && !b->paired)
            counterpart_add(work->m, a->address, b->address, 1, EVIDENCE_ORDER, false);
    }
}

/* before: so many counterparts were found before any data. */
static void pair_data(struct matchmaking *m, const struct tables tables[2], const struct section *vendor,
                      const struct section *rebuilt, size_t before)
{
    struct arena scratch = {0};
    struct data_work work = {.m = m, .tables = tables, .sides = {{&m->spaces[0], vendor}, {&m->spaces[1], rebuilt}}};
    const struct section *const sections[2] = {vendor, rebuilt};
    struct objects objects[2];
    for (size_t i = 0; i < 2; i++) {
        work.leftovers[i] = (struct list){.arena = m->arena, .item_size = sizeof(struct token)};
        work.tokens[i] = (struct list){.arena = &scratch, .item_size = sizeof(struct token)};
    }
    work.begins = (struct list){.arena = &scratch, .item_size = sizeof(struct begins)};
    if (objects_pair(m, sections, before, &scratch, objects)) {
        pair_section(&work, &objects[0], &objects[1]);
        leftovers_pair(m, work.leftovers);
        pair_begins(&work);
    } else {
        m->out_of_memory = true;
    }
    bool both = work.leftovers[0].count > 0 && work.leftovers[1].count > 0;
    struct left_over *left = both ? list_add(&m->left_over) : NULL;
    m->out_of_memory |= both && left == NULL;
    if (left != NULL)
        *left = (struct left_over){{work.leftovers[0], work.leftovers[1]}};
    arena_free(&scratch);
}

static int table_order(const void *left, const void *right)
{
    const struct site_table *a = *(const struct site_table *const *)left, *b = *(const struct site_table *const *)right;
    return (a->address > b->address) - (a->address < b->address);
}

static bool sort_tables(const struct space *space, struct tables *tables)
{
    tables->items = calloc(space->table_count + 1, sizeof(*tables->items));
    tables->count = tables->items != NULL ? space->table_count : 0;
    for (size_t i = 0; i < tables->count; i++)
        tables->items[i] = &space->tables[i];
    sort_items(tables->items, tables->count, sizeof(*tables->items), table_order);
    return tables->items != NULL;
}

void data_pair(struct matchmaking *m)
{
    struct tables tables[2];
    size_t before = m->found.count;
    m->out_of_memory |= !sort_tables(&m->spaces[0], &tables[0]);
    m->out_of_memory |= !sort_tables(&m->spaces[1], &tables[1]);
    const struct image *vendor = m->spaces[0].image, *rebuilt = m->spaces[1].image;
    for (uint64_t i = 1; i < vendor->section_count && !m->out_of_memory; i++) {
        const struct section *section = &vendor->sections[i];
        const struct section *partner = section_is_data(section) ? section_partner(vendor, rebuilt, section) : NULL;
        if (partner != NULL && section_is_data(partner))
            pair_data(m, tables, section, partner, before);
    }
    free(tables[0].items);
    free(tables[1].items);
}
