/*
 * Data that moved: counterparts with equal bytes, but for pointers (words that relocations fill in; in executables that
 * are not moved, and in the GOT, words that are addresses) and entries of tables of places, which were looked at with
 * the code that selects from them.
 *
 * A piece of data counts from where something refers to it: what stands elsewhere than before, but is found only by
 * counting from something else, is another thing.
 */
#include "parts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define BESIDE 2 /* pointers: how far the end can stand from the begin */

#ifndef R_RISCV_RELATIVE
#define R_RISCV_RELATIVE 3
#endif

/* A word that is no plain number, by its place in the piece. */
struct special {
    uint64_t offset, size;
    bool proven;
};

struct data_piece {
    const struct counterpart *counterpart;
    struct range bytes[2]; /* of the files */
    const struct section_pair *sections;
    struct list specials;
};

/* ---- Pointers ---- */

/* System V psABI supplements: the type by which ld.so adds the load address alone. 0: RELR. */
static bool is_relative(const struct image *image, const struct relocation *relocation)
{
    uint32_t type = relocation->type;
    static const struct {
        uint16_t machine;
        uint32_t type, other;
    } types[] = {
        {EM_X86_64, R_X86_64_RELATIVE, R_X86_64_IRELATIVE},
        {EM_386, R_386_RELATIVE, R_386_IRELATIVE},
        {EM_AARCH64, R_AARCH64_RELATIVE, R_AARCH64_IRELATIVE},
        {EM_ARM, R_ARM_RELATIVE, R_ARM_IRELATIVE},
        {EM_MIPS, R_MIPS_REL32, R_MIPS_64 << 8 | R_MIPS_REL32},
        {EM_PPC, R_PPC_RELATIVE, R_PPC_IRELATIVE},
        {EM_PPC64, R_PPC64_RELATIVE, R_PPC64_IRELATIVE},
        {EM_RISCV, R_RISCV_RELATIVE, 58},
        {EM_S390, R_390_RELATIVE, R_390_IRELATIVE},
    };
    /* MIPS has one type for this and for what a symbol is added to (System V ABI, MIPS supplement, "Relocation"). */
    bool symbol = relocation->symbol[0] != '\0' || relocation->symbol_section != 0 || relocation->symbol_value != 0;
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (types[i].machine == image->header.e_machine && (!symbol || types[i].machine != EM_MIPS))
            return type == 0 || type == types[i].type || type == types[i].other;
    }
    return false;
}

static bool is_jump_slot(const struct image *image, uint32_t type)
{
    switch (image->header.e_machine) {
    case EM_X86_64:
    case EM_386:
        return type == R_X86_64_JUMP_SLOT; /* R_386_JMP_SLOT is 7, too */
    case EM_AARCH64:
        return type == R_AARCH64_JUMP_SLOT;
    case EM_ARM:
        return type == R_ARM_JUMP_SLOT;
    case EM_PPC:
        return type == R_PPC_JMP_SLOT; /* the word leads to the code that resolves it (binutils, elf32-ppc.c) */
    default:
        return false;
    }
}

/* ld.so fills in the word; of RELA what stands there before counts for nothing, but it must tell the same story. */
static bool pointer_proven(struct moving *m, const struct data_piece *piece, const struct relocation *a,
                           const struct relocation *b)
{
    const struct image *image = m->images[0];
    uint64_t word = image->is64 ? 8 : 4, at_a, at_b;
    if (a->type != b->type || a->implicit_addend != b->implicit_addend || strcmp(a->symbol, b->symbol) != 0 ||
        a->file_offset + word > piece->bytes[0].end || b->file_offset + word > piece->bytes[1].end)
        return false;
    at_a = image_word(m->images[0], a->file_offset);
    at_b = image_word(m->images[1], b->file_offset);
    if (is_relative(image, a)) {
        bool same = at_a == at_b || (at_a == (uint64_t)a->addend && at_b == (uint64_t)b->addend);
        return (a->implicit_addend || same) && moving_pointer(m, (uint64_t)a->addend, (uint64_t)b->addend);
    }
    if (is_jump_slot(image, a->type))
        return a->addend == b->addend && (at_a == at_b || addresses_correspond(m->map, at_a, at_b));
    return a->addend == b->addend && at_a == at_b;
}

/* The same of a pointer: one that stands beside it, as in a pair of begin and end, leads to the other thing. */
static bool may_be_end(struct moving *m, const struct relocation *a, const struct relocation *b,
                       const struct relocation *first, size_t count)
{
    const struct counterpart *before = moving_ends_at(m, (uint64_t)a->addend, (uint64_t)b->addend);
    size_t place = (size_t)(b - first);
    if (before == NULL || b->symbol[0] != '\0')
        return false;
    for (size_t i = place > BESIDE ? place - BESIDE : 0; i < count && i <= place + BESIDE; i++) {
        if (first[i].symbol[0] == '\0' && (uint64_t)first[i].addend - before->rebuilt < before->size)
            return true;
    }
    return false;
}

static void add_special(struct moving *m, struct data_piece *piece, uint64_t offset, uint64_t size, bool proven)
{
    struct special *special = list_add(&piece->specials);
    m->out_of_memory |= special == NULL;
    if (special != NULL)
        *special = (struct special){offset, size, proven};
    m->counts.pointers += proven;
}

/* The relocations of both sides, side by side; one that only one side has is not proven. */
static void add_relocated(struct moving *m, struct data_piece *piece)
{
    size_t count[2], i = 0, k = 0;
    uint64_t word = m->images[0]->is64 ? 8 : 4;
    const struct relocation *a = relocations_in(m->relocations[0], m->relocation_counts[0], piece->bytes[0], &count[0]);
    const struct relocation *b = relocations_in(m->relocations[1], m->relocation_counts[1], piece->bytes[1], &count[1]);
    while (i < count[0] || k < count[1]) {
        uint64_t x = i < count[0] ? a[i].file_offset - piece->bytes[0].begin : UINT64_MAX;
        uint64_t y = k < count[1] ? b[k].file_offset - piece->bytes[1].begin : UINT64_MAX;
        add_special(m, piece, x < y ? x : y, word,
                    x == y && pointer_proven(m, piece, &a[i], &b[k]) && !may_be_end(m, &a[i], &b[k], b, count[1]));
        i += x <= y;
        k += y <= x;
    }
}

/* Those entries of tables that lie in the piece. */
static void add_entries(struct moving *m, struct data_piece *piece)
{
    const struct table_entry *entries = m->entries.items;
    uint64_t begin = piece->counterpart->vendor, end = begin + piece->counterpart->size;
    size_t low = 0, high = m->entries.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries[middle].address < begin)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < m->entries.count && entries[low].address < end; low++) {
        add_special(m, piece, entries[low].address - begin, entries[low].size, entries[low].proven);
        m->counts.pointers -= entries[low].proven; /* counted when it was looked at */
    }
}

/* An address of what is loaded, or its end, which a pointer behind the last variable is. */
static bool is_loaded(const struct image *image, uint64_t value)
{
    for (size_t i = 0; value >= 4096 && i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        if (segment->type == PT_LOAD && value >= segment->addresses.begin && value <= segment->addresses.end)
            return true;
    }
    return false;
}

/* Whether the words at this offset of both sides are addresses: that of one (bit 0), that of the other (bit 1). */
static unsigned addresses_at(const struct moving *m, const struct data_piece *piece, uint64_t at)
{
    uint64_t word = m->images[0]->is64 ? 8 : 4;
    unsigned found = 0;
    for (size_t side = 0; side < 2 && at <= range_size(piece->bytes[side]) - word; side++)
        found |= (unsigned)is_loaded(m->images[side], image_word(m->images[side], piece->bytes[side].begin + at))
                 << side;
    return found;
}

/* As may_be_end, of words without relocations. */
static bool word_may_be_end(struct moving *m, const struct data_piece *piece, uint64_t at, uint64_t x, uint64_t y)
{
    const struct counterpart *before = moving_ends_at(m, x, y);
    uint64_t word = m->images[1]->is64 ? 8 : 4, size = range_size(piece->bytes[1]);
    uint64_t first = at > BESIDE * word ? at - BESIDE * word : at % word;
    for (uint64_t i = first; before != NULL && i + word <= size && i <= at + BESIDE * word; i += word) {
        if (image_word(m->images[1], piece->bytes[1].begin + i) - before->rebuilt < before->size)
            return true;
    }
    return false;
}

static void add_address(struct moving *m, struct data_piece *piece, uint64_t at, unsigned found)
{
    const struct image *a = m->images[0], *b = m->images[1];
    uint64_t x = image_word(a, piece->bytes[0].begin + at), y = image_word(b, piece->bytes[1].begin + at);
    bool proven = found == 3 && moving_pointer(m, x, y) && !word_may_be_end(m, piece, at, x, y);
    add_special(m, piece, at, a->is64 ? 8 : 4, proven);
}

/*
 * Words that no relocation tells of: those of executables that are not moved, and of the GOT. Where both are addresses
 * they must be counterparts, also where they are equal as numbers: what they stood for may have moved. Words are where
 * they are in the rebuilt file; the vendor's may stand otherwise. In packed structures they are between words, too: in
 * 64 bits hardly a number looks like one.
 */
static void add_absolute(struct moving *m, struct data_piece *piece)
{
    bool got = strncmp(piece->sections->sides[0]->name, ".got", 4) == 0, fixed = m->images[0]->header.e_type == ET_EXEC;
    uint64_t word = m->images[0]->is64 ? 8 : 4, size = range_size(piece->bytes[0]);
    if ((!fixed && !got) || size < word)
        return;
    uint64_t first = (word - piece->counterpart->rebuilt % word) % word;
    for (uint64_t at = 0; at <= size - word; at++) {
        uint64_t beyond = (at + word - first) % word;
        unsigned found = beyond == 0 || (fixed && word == 8) ? addresses_at(m, piece, at) : 0;
        if (found == 0)
            continue;
        bool overlaps =
            beyond != 0 && ((at >= beyond && addresses_at(m, piece, at - beyond) != 0) ||
                            (at - beyond + 2 * word <= size && addresses_at(m, piece, at - beyond + word) != 0));
        if (!overlaps && (beyond == 0 || found == 3))
            add_address(m, piece, at, found);
    }
}

/* .reginfo: its last word is what gp is; of each file it must be its own. */
static void add_gp(struct moving *m, struct data_piece *piece)
{
    static const uint64_t place = offsetof(Elf32_RegInfo, ri_gp_value);
    const struct section *const *sides = piece->sections->sides;
    uint64_t at = sides[0]->address + place - piece->counterpart->vendor;
    if (sides[0]->type != SHT_MIPS_REGINFO || at > range_size(piece->bytes[0]) || range_size(piece->bytes[0]) - at < 4)
        return;
    bool same = piece->counterpart->rebuilt + at == sides[1]->address + place;
    for (size_t side = 0; side < 2; side++)
        same = same && image_u32(m->images[side], m->images[side]->bytes + piece->bytes[side].begin + at) ==
                           (uint32_t)decoder_gp(m->spaces[side].decoders[0]);
    add_special(m, piece, at, 4, same);
}

/* ---- A piece ---- */

static int special_order(const void *left, const void *right)
{
    const struct special *a = left, *b = right;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return (a->proven > b->proven) - (a->proven < b->proven);
}

static struct range part(const struct data_piece *piece, size_t side, uint64_t from, uint64_t to)
{
    return (struct range){piece->bytes[side].begin + from, piece->bytes[side].begin + to};
}

static void prove_part(struct moving *m, const struct data_piece *piece, uint64_t from, uint64_t to)
{
    moving_prove(m, part(piece, 0, from, to), part(piece, 1, from, to), RULE_MOVED_DATA);
}

/* Plain bytes: those that are equal. */
static void prove_plain(struct moving *m, const struct data_piece *piece, uint64_t from, uint64_t to)
{
    const uint8_t *a = m->images[0]->bytes + piece->bytes[0].begin, *b = m->images[1]->bytes + piece->bytes[1].begin;
    uint64_t at = 0, done = from;
    struct run run;
    while (run_next(a + from, b + from, to - from, 1, &at, &run)) {
        prove_part(m, piece, done, from + run.begin);
        done = from + run.end;
    }
    prove_part(m, piece, done, to);
}

static void prove_piece(struct moving *m, struct data_piece *piece, uint64_t from)
{
    uint64_t size = range_size(piece->bytes[0]), done = from;
    struct special *specials = piece->specials.items;
    for (size_t i = 0; i < piece->specials.count; i++) {
        const struct special *special = &specials[i];
        /* What overlaps another one, or is only in part behind the first reference, is no pointer of this piece. */
        bool proven = special->proven && special->offset >= done && special->offset + special->size <= size;
        if (special->offset > done) {
            prove_plain(m, piece, done, special->offset);
            done = special->offset;
        }
        uint64_t end = special->offset + special->size < size ? special->offset + special->size : size;
        if (end <= done)
            continue;
        if (proven)
            prove_part(m, piece, done, end);
        done = end;
    }
    prove_plain(m, piece, done, size);
}

static bool has_own_comparator(const struct section *section)
{
    return strcmp(section->name, ".gcc_except_table") == 0 || strcmp(section->name, ".ARM.extab") == 0;
}

static bool piece_of(struct moving *m, const struct counterpart *counterpart, struct data_piece *piece)
{
    *piece = (struct data_piece){.counterpart = counterpart};
    piece->bytes[0] = moving_bytes(m, 0, counterpart->vendor, counterpart->size);
    piece->bytes[1] = moving_bytes(m, 1, counterpart->rebuilt, counterpart->size);
    if (!is_data(counterpart) || range_empty(piece->bytes[0]) || range_empty(piece->bytes[1]))
        return false;
    const struct extent *extent = image_extent_at(m->images[0], piece->bytes[0].begin);
    piece->sections = extent != NULL && extent->owner == OWNER_SECTION ? moving_section(m, 0, extent->index) : NULL;
    return piece->sections != NULL && !has_own_comparator(piece->sections->sides[0]);
}

/*
 * From where the piece counts: its begin, if it has a name, stands at its section's begin, or follows at the same
 * distance; else the first place that is referred to, and zeros before it. UINT64_MAX: nowhere.
 */
static uint64_t first_that_counts(const struct moving *m, const struct data_piece *piece)
{
    size_t index = (size_t)(piece->counterpart - m->map->items);
    const struct section_pair *sections = piece->sections;
    const uint8_t *bytes = m->images[0]->bytes + piece->bytes[0].begin;
    if (piece->counterpart->evidence == EVIDENCE_NAME || (piece->counterpart->vendor == sections->sides[0]->address &&
                                                          piece->counterpart->rebuilt == sections->sides[1]->address))
        return 0;
    if (m->first_references[index] == UINT64_MAX)
        return UINT64_MAX;
    uint64_t first = m->first_references[index] - piece->counterpart->vendor, zeros = 0;
    while (zeros < first && bytes[zeros] == 0)
        zeros++;
    return zeros == first ? 0 : first;
}

/* Whether the piece before it ends where this one begins, on both sides. */
static bool follows(const struct moving *m, size_t index)
{
    const struct counterpart *items = m->map->items;
    return index > 0 && !items[index - 1].code &&
           items[index - 1].vendor + items[index - 1].size == items[index].vendor &&
           items[index - 1].rebuilt + items[index - 1].size == items[index].rebuilt;
}

static int entry_order(const void *left, const void *right)
{
    const struct table_entry *a = left, *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

/* Once to see what is referred to, and once more to prove, when that is known. */
static void look_at_pieces(struct moving *m, bool prove)
{
    bool counted = false;
    struct list specials = {.arena = m->arena, .item_size = sizeof(struct special)}; /* those of one after the other */
    for (size_t i = 0; i < m->map->count && !m->out_of_memory; i++) {
        struct data_piece piece;
        if (!piece_of(m, &m->map->items[i], &piece)) {
            counted = false;
            continue;
        }
        piece.specials = specials;
        add_relocated(m, &piece);
        if (prove)
            add_entries(m, &piece);
        add_absolute(m, &piece);
        if (m->images[0]->header.e_machine == EM_MIPS)
            add_gp(m, &piece);
        if (prove) {
            sort_items(piece.specials.items, piece.specials.count, sizeof(struct special), special_order);
            uint64_t first = counted && follows(m, i) ? 0 : first_that_counts(m, &piece);
            counted = first == 0;
            if (first != UINT64_MAX)
                prove_piece(m, &piece, first);
        }
        specials = piece.specials;
        specials.count = 0;
    }
}

/* ---- What code refers to that is not proven ---- */

/* The data that a side's code refers to where it has no equal, by the addresses; malloc, NULL: no memory. */
static uint64_t *open_references(const struct moving *m, size_t side, size_t *count)
{
    const struct space *space = &m->spaces[side];
    size_t most = 1;
    for (size_t i = 0; i < space->code_count; i++)
        most += space->code[i].equal ? 0 : space->code[i].site_count;
    uint64_t *targets = calloc(most, sizeof(*targets));
    *count = 0;
    for (size_t i = 0; targets != NULL && i < space->code_count; i++) {
        const struct code_piece *piece = &space->code[i];
        for (size_t k = 0; !piece->equal && k < piece->site_count; k++) {
            const struct site *site = &space->sites[piece->site + k];
            const struct counterpart *found =
                site->kind == SITE_DATA ? counterpart_at(m->map, side, site->target) : NULL;
            if (found != NULL && is_data(found))
                targets[(*count)++] = site->target;
        }
    }
    sort_items(targets, *count, sizeof(*targets), number_order);
    return targets;
}

/*
 * A string that only changed functions use is still the same string: it counts from where such code of both sides
 * refers to it. The code itself stays what it is, a difference.
 */
static void note_open_references(struct moving *m)
{
    size_t counts[2];
    uint64_t *targets[2] = {open_references(m, 0, &counts[0]), open_references(m, 1, &counts[1])};
    m->out_of_memory |= targets[0] == NULL || targets[1] == NULL;
    for (size_t i = 0; !m->out_of_memory && i < counts[0]; i++) {
        const struct counterpart *found = moving_find(m, targets[0][i]);
        uint64_t rebuilt = found->rebuilt + (targets[0][i] - found->vendor);
        if (bsearch(&rebuilt, targets[1], counts[1], sizeof(rebuilt), number_order) != NULL)
            moving_note(m, found, targets[0][i]);
    }
    free(targets[0]);
    free(targets[1]);
}

void data_prove(struct moving *m)
{
    note_open_references(m);
    sort_items(m->entries.items, m->entries.count, sizeof(struct table_entry), entry_order);
    uint64_t pointers = m->counts.pointers;
    look_at_pieces(m, false);
    m->counts.pointers = pointers;
    look_at_pieces(m, true);
}
