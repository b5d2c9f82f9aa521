/*
 * .ARM.exidx and .ARM.extab (Exception Handling ABI for the Arm Architecture, chapters 6 to 10; libgcc's
 * unwind-arm-common.inc): for each function its instructions, in place or in an entry of .ARM.extab, behind which
 * stands what its personality routine reads. An index entry holds up to where the next begins.
 */
#include <stdlib.h>
#include <string.h>

#include "../tables/tables.h"

#define CANNOT_UNWIND 1
#define COMPACT       0x80000000

struct index_entry {
    uint64_t begin;
    uint32_t content;  /* the second word, as it stands */
    uint64_t extended; /* the address that it leads to; 0: none */
};

struct exidx {
    struct moving *m;
    struct arena arena;
    struct finder finder;
    const struct section_pair *pair, *extab; /* extab NULL: none */
    struct index_entry *entries[2];
    uint64_t counts[2];
    struct exception_tables exceptions;
    struct list shared; /* of struct shared_bytes, in .ARM.extab */
};

static uint32_t prel31(uint32_t word, uint64_t address)
{
    return (uint32_t)address + (uint32_t)((int32_t)(word << 1) >> 1);
}

/* ---- Reading ---- */

/* The unwinder goes by PT_ARM_EXIDX, and searches by halves: entries must be in the order of addresses. */
static bool segment_is(const struct image *image, const struct section *section)
{
    bool found = false;
    for (size_t i = 0; i < image->segment_count && !found; i++)
        found = image->segments[i].type == PT_ARM_EXIDX && image->segments[i].address == section->address &&
                image->segments[i].memory_size == section->size;
    return found;
}

static bool read_index(struct exidx *exidx, size_t side)
{
    const struct section *section = exidx->pair->sides[side];
    struct reader reader = reader_of(exidx->m->images[side], section);
    uint64_t count = reader.size / 8;
    exidx->counts[side] = count;
    exidx->entries[side] = arena_alloc(&exidx->arena, count, sizeof(struct index_entry));
    exidx->m->out_of_memory |= exidx->entries[side] == NULL;
    bool sound = exidx->entries[side] != NULL && reader.size % 8 == 0 && segment_is(exidx->m->images[side], section);
    for (uint64_t i = 0; i < count && sound; i++) {
        struct index_entry *entry = &exidx->entries[side][i];
        uint64_t address = section->address + 8 * i;
        uint32_t begin = take_u32(&reader);
        entry->begin = prel31(begin, address);
        entry->content = take_u32(&reader);
        bool placed = entry->content != CANNOT_UNWIND && (entry->content & COMPACT) == 0;
        entry->extended = placed ? prel31(entry->content, address + 4) : 0;
        sound = (begin & COMPACT) == 0 && (i == 0 || entry[-1].begin < entry->begin);
    }
    return sound;
}

/* ---- .ARM.extab ---- */

/* Words of instructions behind the first, by its model: those of the ABI's three routines, or of another. */
static bool take_instructions(struct reader readers[2], uint32_t first, bool *generic)
{
    uint32_t words, kind = first >> 24 & 0x0f;
    *generic = (first & COMPACT) == 0;
    if (*generic) {
        uint32_t counts[2] = {take_u32(&readers[0]), take_u32(&readers[1])};
        if (counts[0] != counts[1])
            return false;
        words = counts[0] >> 24;
    } else {
        if (kind > 2 || (first >> 28) != 8)
            return false;
        words = kind == 0 ? 0 : first >> 16 & 0xff;
    }
    const uint8_t *bytes[2] = {take_bytes(&readers[0], UINT64_C(4) * words),
                               take_bytes(&readers[1], UINT64_C(4) * words)};
    return bytes[0] != NULL && bytes[1] != NULL && memcmp(bytes[0], bytes[1], (size_t)4 * words) == 0;
}

/* Behind the instructions of the ABI's routines stand descriptors up to a zero, which C has none of. */
static bool descriptors_end(struct reader readers[2])
{
    bool end = true;
    for (size_t side = 0; side < 2; side++)
        end = take_u32(&readers[side]) == 0 && !readers[side].failed && end;
    return end;
}

static bool extended_same(struct exidx *exidx, uint64_t vendor, uint64_t rebuilt)
{
    const uint64_t addresses[2] = {vendor, rebuilt};
    struct reader readers[2];
    uint32_t first[2];
    struct shared_bytes shared;
    if (exidx->extab == NULL)
        return false;
    for (size_t side = 0; side < 2; side++) {
        readers[side] = exidx->exceptions.sides[side];
        shared.offsets[side] = addresses[side] - readers[side].address;
        take_bytes(&readers[side], shared.offsets[side]);
        first[side] = take_u32(&readers[side]);
    }
    bool generic, same = !readers[0].failed && !readers[1].failed && (first[0] & COMPACT) == (first[1] & COMPACT) &&
                         take_instructions(readers, first[0], &generic);
    if (!same)
        return false;
    uint64_t table = 0;
    if (generic)
        same = finder_reference(&exidx->finder, prel31(first[0], vendor), prel31(first[1], rebuilt)) &&
               exceptions_same(&exidx->exceptions, readers[0].at, readers[1].at, &table);
    else
        same = first[0] == first[1] && descriptors_end(readers);
    shared.size = readers[0].at + table - shared.offsets[0];
    struct shared_bytes *added = same ? list_add(&exidx->shared) : NULL;
    exidx->m->out_of_memory |= same && added == NULL;
    if (added != NULL)
        *added = shared;
    return added != NULL;
}

/* ---- Pairing ---- */

static const struct index_entry *entry_at(const struct exidx *exidx, uint64_t begin)
{
    uint64_t low = 0, high = exidx->counts[1];
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (exidx->entries[1][middle].begin < begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low < exidx->counts[1] && exidx->entries[1][low].begin == begin ? &exidx->entries[1][low] : NULL;
}

/* What is at the end of a section of code is no function's: where that of the other side ends. */
static bool section_end(const struct moving *m, uint64_t vendor, uint64_t *rebuilt)
{
    for (size_t i = 0; i < m->section_count; i++) {
        const struct section *const *sides = m->sections[i].sides;
        if ((sides[0]->flags & SHF_EXECINSTR) == 0 || sides[0]->address + sides[0]->size != vendor)
            continue;
        *rebuilt = sides[1]->address + sides[1]->size;
        return true;
    }
    return false;
}

static bool entries_same(struct exidx *exidx, const struct index_entry *a, const struct index_entry *b)
{
    if (a->extended == 0 || b->extended == 0)
        return a->content == b->content && a->extended == b->extended;
    return extended_same(exidx, a->extended, b->extended);
}

/* Bit 0 of the address is no part of it: the ABI leaves it clear. */
static void prove_index(struct exidx *exidx)
{
    struct table table = table_of(exidx->m, RULE_MOVED_UNWIND, exidx->pair);
    for (uint64_t i = 0; i < exidx->counts[0] && !exidx->m->out_of_memory; i++) {
        const struct index_entry *a = &exidx->entries[0][i], *b = NULL;
        uint64_t begin;
        if (finder_counterpart(&exidx->finder, a->begin, &begin))
            b = entry_at(exidx, begin);
        if (b == NULL && i + 1 == exidx->counts[0] && a->content == CANNOT_UNWIND &&
            section_end(exidx->m, a->begin, &begin))
            b = entry_at(exidx, begin);
        if (b == NULL || !entries_same(exidx, a, b))
            continue;
        exidx->m->counts.unwind_records++;
        table_prove(&table, part_of(table.sides[0], 8 * i, 8),
                    part_of(table.sides[1], 8 * (uint64_t)(b - exidx->entries[1]), 8));
    }
}

void exidx_prove(struct moving *m)
{
    struct exidx exidx = {.m = m, .finder = {.m = m}};
    if (m->images[0]->header.e_machine != EM_ARM || m->images[0]->is64)
        return;
    exidx.pair = named_pair(m, ".ARM.exidx", SHT_ARM_EXIDX);
    exidx.extab = named_pair(m, ".ARM.extab", SHT_PROGBITS);
    exidx.shared = (struct list){.arena = &exidx.arena, .item_size = sizeof(struct shared_bytes)};
    exidx.exceptions.finder.m = m;
    exidx.exceptions.words = true;
    for (size_t side = 0; side < 2 && exidx.extab != NULL; side++)
        exidx.exceptions.sides[side] = reader_of(m->images[side], exidx.extab->sides[side]);
    bool sound = exidx.pair != NULL && read_index(&exidx, 0) && read_index(&exidx, 1);
    if (!sound)
        exidx.counts[0] = 0;
    if (exidx.pair != NULL && !m->out_of_memory)
        prove_index(&exidx);
    if (exidx.extab != NULL && !m->out_of_memory)
        exceptions_prove(&exidx.exceptions, m, exidx.extab, &exidx.shared);
    arena_free(&exidx.arena);
}
