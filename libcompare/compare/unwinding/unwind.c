/*
 * .eh_frame, .eh_frame_hdr and .gcc_except_table: a record is proven when the other side has one for the counterpart of
 * its function, with the same instructions, the same CIE by meaning, and a table of exceptions that says the same.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "../tables/tables.h"

#ifndef SHT_X86_64_UNWIND
#define SHT_X86_64_UNWIND 0x70000001
#endif

/* Sections of code that one record is for as a whole: .plt and its like. */
#define WHOLE_LIMIT 64

struct unwinding {
    struct moving *m;
    struct arena arena;
    struct finder finder;
    struct frames sides[2];
    const struct section_pair *pair, *header;
    bool header_right, listed;         /* listed: the unwinder finds a record by its table alone */
    const struct section_pair *except; /* NULL: none */
    struct exception_tables exceptions;
    struct list shared; /* of struct shared_bytes: tables of exceptions */
    const struct section_pair *code[WHOLE_LIMIT];
    size_t code_count;
};

/* ---- What is looked at ---- */

static const struct section_pair *unwind_pair(const struct moving *m, const char *name)
{
    const struct section_pair *pair = named_pair(m, name, SHT_PROGBITS);
    if (pair == NULL && m->images[0]->header.e_machine == EM_X86_64)
        pair = named_pair(m, name, SHT_X86_64_UNWIND);
    return pair;
}

static const struct segment *header_segment(const struct image *image)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        if (image->segments[i].type == PT_GNU_EH_FRAME)
            return &image->segments[i];
    }
    return NULL;
}

/* The unwinder goes by PT_GNU_EH_FRAME, to a header and by that to the records; without one, by a symbol. */
static bool header_find(struct unwinding *unwinding)
{
    const struct moving *m = unwinding->m;
    const struct segment *segments[2] = {header_segment(m->images[0]), header_segment(m->images[1])};
    if (segments[0] == NULL || segments[1] == NULL)
        return segments[0] == segments[1];
    const struct section_pair *header = unwinding->header = unwind_pair(m, ".eh_frame_hdr");
    bool found = header != NULL;
    for (size_t side = 0; side < 2 && found; side++)
        found = segments[side]->address == header->sides[side]->address &&
                segments[side]->memory_size == header->sides[side]->size &&
                frames_header_leads_to(m->images[side], header->sides[side], unwinding->pair->sides[side]);
    return found;
}

static void find_code(struct unwinding *unwinding)
{
    const struct moving *m = unwinding->m;
    for (size_t i = 0; i < m->section_count && unwinding->code_count < WHOLE_LIMIT; i++) {
        const struct section *const *sides = m->sections[i].sides;
        if ((sides[0]->flags & sides[1]->flags & SHF_EXECINSTR) != 0 && sides[0]->size > 0 && sides[1]->size > 0)
            unwinding->code[unwinding->code_count++] = &m->sections[i];
    }
}

/* ---- CIEs ---- */

static bool cies_same(struct unwinding *unwinding, const struct cie *a, const struct cie *b)
{
    return a->known && b->known && a->version == b->version && strcmp(a->augmentation, b->augmentation) == 0 &&
           a->code_alignment == b->code_alignment && a->data_alignment == b->data_alignment &&
           a->return_register == b->return_register && a->pointer_encoding == b->pointer_encoding &&
           a->lsda_encoding == b->lsda_encoding && a->personality_encoding == b->personality_encoding &&
           (a->personality == 0 ? b->personality == 0
                                : finder_reference(&unwinding->finder, a->personality, b->personality)) &&
           cfi_same(a->instructions, b->instructions);
}

/* ---- FDEs ---- */

/* The records for the address of one of them: a part of the list. */
struct same_begin {
    const struct fde *const *first;
    size_t count;
};

static struct same_begin same_begin(const struct frames *frames, uint64_t begin)
{
    const struct fde *const *order = frames->by_begin;
    size_t count = frames->fdes.count, low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order[middle]->begin < begin)
            low = middle + 1;
        else
            high = middle;
    }
    struct same_begin found = {order + low, 0};
    while (low + found.count < count && order[low + found.count]->begin == begin)
        found.count++;
    return found;
}

/*
 * Of several records for one address the unwinder takes whichever it finds; a table that lists the first of them leaves
 * it no choice. Then they are paired in their order.
 */
static const struct fde *rebuilt_fde(const struct unwinding *unwinding, struct same_begin vendor, size_t place,
                                     uint64_t begin)
{
    struct same_begin rebuilt = same_begin(&unwinding->sides[1], begin);
    return vendor.count == rebuilt.count && (vendor.count == 1 || unwinding->listed) ? rebuilt.first[place] : NULL;
}

/* A pair of sections that the record is for from begin to end; NULL. */
static const struct section_pair *whole_section(const struct unwinding *unwinding, const struct fde *fde)
{
    for (size_t i = 0; i < unwinding->code_count; i++) {
        const struct section *section = unwinding->code[i]->sides[0];
        if (section->address == fde->begin && section->size == fde->range)
            return unwinding->code[i];
    }
    return NULL;
}

/* A table of exceptions is data of its function alone: it corresponds when it says the same. */
static bool lsdas_same(struct unwinding *unwinding, const struct fde *a, const struct fde *b)
{
    if (a->lsda == 0 || b->lsda == 0)
        return a->lsda == b->lsda;
    if (unwinding->except == NULL)
        return false;
    struct shared_bytes shared = {
        .offsets = {a->lsda - unwinding->except->sides[0]->address, b->lsda - unwinding->except->sides[1]->address}};
    if (!exceptions_same(&unwinding->exceptions, shared.offsets[0], shared.offsets[1], &shared.size))
        return false;
    struct shared_bytes *added = list_add(&unwinding->shared);
    unwinding->m->out_of_memory |= added == NULL;
    if (added != NULL)
        *added = shared;
    return added != NULL;
}

static bool ranges_same(struct unwinding *unwinding, const struct fde *a, const struct fde *b)
{
    const struct section_pair *whole = whole_section(unwinding, a);
    return (whole != NULL && whole->sides[1]->address == b->begin && whole->sides[1]->size == b->range) ||
           (a->range == b->range && (a->range > 0 || unwinding->listed) &&
            finder_begin_corresponds(&unwinding->finder, a->begin, b->begin, a->range));
}

static const struct fde *partner_of(struct unwinding *unwinding, struct same_begin vendor, size_t place)
{
    const struct fde *fde = vendor.first[place];
    const struct section_pair *whole = whole_section(unwinding, fde);
    uint64_t begin;
    if (whole != NULL)
        begin = whole->sides[1]->address;
    else if (!finder_counterpart(&unwinding->finder, fde->begin, &begin))
        return NULL;
    return rebuilt_fde(unwinding, vendor, place, begin);
}

static void pair_cies(struct cie *a, struct cie *b, uint32_t a_index, uint32_t b_index)
{
    if (a->partner != NO_PARTNER || b->partner != NO_PARTNER || a->size != b->size)
        return;
    a->partner = b_index;
    b->partner = a_index;
}

static void pair_fdes(struct unwinding *unwinding, struct fde *a, struct fde *b)
{
    struct cie *cies[2] = {(struct cie *)unwinding->sides[0].cies.items + a->cie,
                           (struct cie *)unwinding->sides[1].cies.items + b->cie};
    /* The last record of an object is padded to what follows it: sizes may differ by that. */
    if (!a->known || !b->known || !ranges_same(unwinding, a, b) || !cies_same(unwinding, cies[0], cies[1]) ||
        !cfi_same(a->instructions, b->instructions) || !lsdas_same(unwinding, a, b))
        return;
    a->partner = (uint32_t)(b - (struct fde *)unwinding->sides[1].fdes.items);
    b->partner = (uint32_t)(a - (struct fde *)unwinding->sides[0].fdes.items);
    pair_cies(cies[0], cies[1], a->cie, b->cie);
}

static void pair_all(struct unwinding *unwinding)
{
    const struct fde *const *order = unwinding->sides[0].by_begin;
    size_t count = unwinding->sides[0].fdes.count;
    struct fde *fdes[2] = {unwinding->sides[0].fdes.items, unwinding->sides[1].fdes.items};
    struct same_begin group = {0};
    for (size_t i = 0; i < count && !unwinding->m->out_of_memory; i++) {
        if (i == 0 || order[i]->begin != order[i - 1]->begin)
            group = same_begin(&unwinding->sides[0], order[i]->begin);
        const struct fde *other =
            order[i]->known ? partner_of(unwinding, group, (size_t)(order + i - group.first)) : NULL;
        if (other != NULL)
            pair_fdes(unwinding, &fdes[0][order[i] - fdes[0]], &fdes[1][other - fdes[1]]);
    }
}

/* ---- Proof ---- */

/* Both lists are in the order of the section. */
static void prove_records(struct unwinding *unwinding, const struct table *table)
{
    const struct frames *sides = unwinding->sides;
    const struct cie *cies[2] = {sides[0].cies.items, sides[1].cies.items};
    const struct fde *fdes[2] = {sides[0].fdes.items, sides[1].fdes.items};
    for (size_t c = 0, f = 0; c < sides[0].cies.count || f < sides[0].fdes.count;) {
        bool is_cie = f == sides[0].fdes.count || (c < sides[0].cies.count && cies[0][c].offset < fdes[0][f].offset);
        uint32_t partner = is_cie ? cies[0][c].partner : fdes[0][f].partner;
        uint64_t offset = is_cie ? cies[0][c].offset : fdes[0][f].offset;
        uint64_t size = is_cie ? cies[0][c].size : fdes[0][f].size;
        if (partner != NO_PARTNER) {
            uint64_t other = is_cie ? cies[1][partner].offset : fdes[1][partner].offset;
            uint64_t other_size = is_cie ? cies[1][partner].size : fdes[1][partner].size;
            table_prove(table, part_of(table->sides[0], offset, size), part_of(table->sides[1], other, other_size));
            unwinding->m->counts.unwind_records += !is_cie;
        }
        c += is_cie;
        f += !is_cie;
    }
}

static void prove_end(const struct unwinding *unwinding, const struct table *table)
{
    struct range ends[2];
    for (size_t side = 0; side < 2; side++) {
        ends[side] = table->sides[side];
        ends[side].begin += unwinding->sides[side].end;
        if (range_empty(ends[side]) || !image_all_zero(unwinding->m->images[side], ends[side]))
            return;
    }
    table_prove(table, ends[0], ends[1]);
}

static void prove_frames(struct unwinding *unwinding)
{
    struct table table = table_of(unwinding->m, RULE_MOVED_UNWIND, unwinding->pair);
    prove_records(unwinding, &table);
    prove_end(unwinding, &table);
}

static void look_at_header(struct unwinding *unwinding)
{
    const struct section_pair *pair = unwinding->header;
    bool tables[2] = {false, false};
    unwinding->header_right = pair != NULL;
    for (size_t side = 0; side < 2 && unwinding->header_right; side++)
        unwinding->header_right = frames_header_is_right(unwinding->m->images[side], pair->sides[side],
                                                         &unwinding->sides[side], &tables[side]);
    unwinding->listed = unwinding->header_right && tables[0] && tables[1];
}

static void open_exceptions(struct unwinding *unwinding)
{
    struct moving *m = unwinding->m;
    unwinding->except = named_pair(m, ".gcc_except_table", SHT_PROGBITS);
    unwinding->exceptions.finder.m = m;
    for (size_t side = 0; side < 2 && unwinding->except != NULL; side++)
        unwinding->exceptions.sides[side] = reader_of(m->images[side], unwinding->except->sides[side]);
}

void unwind_prove(struct moving *m)
{
    struct unwinding unwinding = {.m = m, .finder = {.m = m}};
    unwinding.shared = (struct list){.arena = &unwinding.arena, .item_size = sizeof(struct shared_bytes)};
    unwinding.pair = unwind_pair(m, ".eh_frame");
    if (unwinding.pair == NULL || !header_find(&unwinding))
        return;
    for (size_t side = 0; side < 2; side++)
        m->out_of_memory |=
            !frames_read(m->images[side], unwinding.pair->sides[side], &unwinding.arena, &unwinding.sides[side]);
    find_code(&unwinding);
    open_exceptions(&unwinding);
    if (!m->out_of_memory)
        look_at_header(&unwinding);
    if (!m->out_of_memory)
        pair_all(&unwinding);
    if (!m->out_of_memory)
        prove_frames(&unwinding);
    if (!m->out_of_memory && unwinding.header_right)
        moving_prove(m, unwinding.header->sides[0]->bytes, unwinding.header->sides[1]->bytes, RULE_MOVED_UNWIND);
    if (!m->out_of_memory && unwinding.except != NULL)
        exceptions_prove(&unwinding.exceptions, m, unwinding.except, &unwinding.shared);
    m->out_of_memory |= unwinding.arena.exhausted;
    arena_free(&unwinding.arena);
}
