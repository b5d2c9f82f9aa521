/*
 * What registers hold, over the control flow of a function: a forward analysis of constants, block by block, until
 * nothing changes. Values have numbers; where two ways meet with different ones, of which one is a part of an address,
 * the register is mixed, and a use of it makes all that was mixed opaque. Code that no known way leads to (landing pads
 * of exceptions) begins with all that may be held at calls and at jumps through tables. Work is bounded: beyond it, all
 * is opaque.
 */
#include "sites_flow.h"

#include <stdlib.h>
#include <string.h>

enum unit_flag {
    UNIT_DONE = 1,
    UNIT_INNER = 2,
    UNIT_DATA = 4,
    UNIT_DIRTY = 8,
    UNIT_SEEDED = 16,
    UNIT_FILLING = 32,
    UNIT_WEAK = 64
};

#define MOST_UNITS   (1u << 22) /* a function of 16 MiB */
#define MOST_STATES  (1u << 20)
#define MOST_ENTRIES 1024 /* of a table of unknown size */
#define BOUND_WINDOW 96   /* bytes between a comparison and the load from a table */
#define INDEX_SIZE   64
#define STEPS        8 /* that each unit may be run, on average; of a long function fewer */
#define LONG_STEPS   (1u << 20)

/* ---- Memory ---- */

static bool grow(void **items, size_t *capacity, size_t wanted, size_t size)
{
    if (wanted <= *capacity)
        return true;
    size_t larger = *capacity < 64 ? 64 : *capacity;
    while (larger < wanted)
        larger *= 2;
    void *grown = realloc(*items, larger * size);
    if (grown == NULL)
        return false;
    *items = grown;
    *capacity = larger;
    return true;
}

static bool grow_units(struct flow *flow, size_t count)
{
    size_t capacity = flow->unit_capacity;
    if (count <= capacity)
        return true;
    capacity = count < 256 ? 256 : count * 2;
    uint8_t *units = realloc(flow->units, capacity);
    if (units != NULL)
        flow->units = units;
    uint32_t *states_at = realloc(flow->states_at, capacity * sizeof(*states_at));
    if (states_at != NULL)
        flow->states_at = states_at;
    uint32_t *blocks = realloc(flow->blocks, capacity * sizeof(*blocks));
    if (blocks != NULL)
        flow->blocks = blocks;
    if (units == NULL || states_at == NULL || blocks == NULL)
        return false;
    flow->unit_capacity = capacity;
    return true;
}

void flow_free(struct flow *flow)
{
    if (flow == NULL)
        return;
    free(flow->held);
    free(flow->index);
    free(flow->units);
    free(flow->states_at);
    free(flow->blocks);
    free(flow->states);
    free(flow);
}

/* ---- Values ---- */

static uint32_t group_of(struct flow *flow, uint32_t number)
{
    while (flow->held[number].group != number)
        number = flow->held[number].group = flow->held[flow->held[number].group].group;
    return number;
}

void flow_join(struct flow *flow, uint32_t a, uint32_t b)
{
    a = group_of(flow, a);
    b = group_of(flow, b);
    flow->held[b].group = a;
    flow->held[a].escaped |= flow->held[b].escaped;
    flow->held[a].spoiled |= flow->held[b].spoiled;
}

static size_t hash_held(const struct held *held)
{
    uint64_t hash = held->address * 0x9e3779b97f4a7c15u + held->base * 0xc2b2ae3d27d4eb4fu + held->kind;
    hash += (uint64_t)held->entry_size << 8 | (uint64_t)held->shift << 16 | (uint64_t)held->is_signed << 24 |
            (uint64_t)held->count << 32;
    return (size_t)((hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u >> 32);
}

static bool same_held(const struct held *a, const struct held *b)
{
    return a->kind == b->kind && a->address == b->address && a->base == b->base && a->entry_size == b->entry_size &&
           a->shift == b->shift && a->is_signed == b->is_signed && a->count == b->count;
}

static void index_held(struct flow *flow, uint32_t number)
{
    size_t at = hash_held(&flow->held[number]) & (flow->index_size - 1);
    while (flow->index[at] != 0)
        at = (at + 1) & (flow->index_size - 1);
    flow->index[at] = number;
}

static bool add_held(struct flow *flow, struct held held)
{
    void *items = flow->held;
    if (!grow(&items, &flow->held_capacity, flow->held_count + 1, sizeof(*flow->held)))
        return false;
    flow->held = items;
    held.group = (uint32_t)flow->held_count;
    held.completed = held.escaped = held.spoiled = false;
    flow->held[flow->held_count++] = held;
    if (flow->held_count * 2 <= flow->index_size) {
        index_held(flow, held.group);
        return true;
    }
    uint32_t *index = calloc(flow->index_size * 2, sizeof(*index));
    if (index == NULL)
        return false;
    free(flow->index);
    flow->index = index;
    flow->index_size *= 2;
    for (size_t i = HELD_SUM + 1; i < flow->held_count; i++)
        index_held(flow, (uint32_t)i);
    return true;
}

uint32_t flow_number(struct flow *flow, struct held held)
{
    if (held.kind <= HELD_SUM)
        return held.kind;
    size_t at = hash_held(&held) & (flow->index_size - 1);
    for (; flow->index[at] != 0; at = (at + 1) & (flow->index_size - 1)) {
        if (same_held(&flow->held[flow->index[at]], &held))
            return flow->index[at];
    }
    if (!add_held(flow, held)) {
        flow->failed = true;
        return HELD_OTHER;
    }
    return (uint32_t)(flow->held_count - 1);
}

void flow_set(struct flow *flow, unsigned reg, enum held_kind kind, uint64_t address)
{
    address = decode_wrap(flow->search->decoder, address);
    flow->registers[reg] = flow_number(flow, (struct held){.kind = (uint8_t)kind, .address = address});
}

void flow_write_set(struct flow *flow, uint64_t registers)
{
    for (; registers != 0; registers &= registers - 1)
        flow_write(flow, (unsigned)__builtin_ctzll(registers));
}

/* Whether each use of it must be seen. */
static bool is_followed(const struct held *held)
{
    return held->kind == HELD_PART || held->kind == HELD_HALF || held->kind == HELD_BASE || held->kind == HELD_MIXED ||
           held->kind == HELD_SLOT || held->kind == HELD_RESULT;
}

/* The number by which the groups of a mixed value, or of a plain one, are known. */
static uint32_t source_of(const struct flow *flow, uint32_t number)
{
    const struct held *held = &flow->held[number];
    return held->kind == HELD_MIXED || held->kind == HELD_RESULT ? (uint32_t)held->address : number;
}

void flow_use(struct flow *flow, unsigned reg)
{
    uint32_t number = flow->registers[reg];
    if (number > HELD_SUM && is_followed(&flow->held[number]))
        flow->held[group_of(flow, source_of(flow, number))].escaped = true;
}

void flow_use_set(struct flow *flow, uint64_t registers)
{
    for (; registers != 0; registers &= registers - 1)
        flow_use(flow, (unsigned)__builtin_ctzll(registers));
}

void flow_complete(struct flow *flow, unsigned reg)
{
    flow->held[flow->registers[reg]].completed = true;
}

void flow_spoil(struct flow *flow, unsigned reg)
{
    uint32_t number = flow->registers[reg];
    flow_use(flow, reg);
    if (number > HELD_SUM && is_followed(&flow->held[number]))
        flow->held[group_of(flow, source_of(flow, number))].spoiled = true;
}

void flow_complete_to(struct flow *flow, unsigned reg, uint64_t whole)
{
    struct held *held = &flow->held[flow->registers[reg]];
    whole = decode_wrap(flow->search->decoder, whole);
    if (held->completed && held->whole != whole)
        flow->held[group_of(flow, flow->registers[reg])].escaped = true;
    held->completed = true;
    held->whole = whole;
}

static uint32_t mixed(struct flow *flow, uint32_t number)
{
    return flow_number(flow, (struct held){.kind = HELD_MIXED, .address = source_of(flow, number)});
}

/* Whether nothing would be known of a jump to it. */
static bool is_sum(const struct held *held)
{
    return held->kind == HELD_SUM || held->kind == HELD_PLACE || held->kind == HELD_INDEXED ||
           (held->kind == HELD_BOUND && held->base != 0);
}

/* What a register holds where two ways meet. Each can change a few times only: called, plain, unknown, mixed. */
static uint32_t merged(struct flow *flow, uint32_t old, uint32_t new)
{
    if (old == new)
        return old;
    const struct held *a = &flow->held[old], *b = &flow->held[new];
    /* What calls for it here was kept by the call, or the call did not return. */
    if (a->kind == HELD_RESULT && a->address == new)
        return new;
    if (b->kind == HELD_RESULT && b->address == old)
        return old;
    bool sum = is_sum(a) || is_sum(b);
    if (!is_followed(a) && !is_followed(b))
        return sum ? HELD_SUM : HELD_OTHER;
    if (is_followed(a) && is_followed(b))
        flow_join(flow, source_of(flow, old), source_of(flow, new));
    return a->kind == HELD_MIXED ? old : mixed(flow, is_followed(a) ? old : new);
}

void flow_perhaps(struct flow *flow, unsigned reg, uint32_t before)
{
    flow->registers[reg] = merged(flow, before, flow->registers[reg]);
}

void flow_blur(struct flow *flow, unsigned reg)
{
    uint32_t number = flow->registers[reg];
    flow->registers[reg] = number > HELD_SUM && is_followed(&flow->held[number]) ? mixed(flow, number) : HELD_OTHER;
}

void flow_keep(struct flow *flow, unsigned reg)
{
    if (!is_followed(flow_held(flow, reg)))
        flow->registers[reg] = HELD_OTHER;
}

void flow_result(struct flow *flow, unsigned reg)
{
    uint32_t number = flow->registers[reg];
    const struct held *held = &flow->held[number];
    if (!is_followed(held) || held->kind == HELD_MIXED)
        flow->registers[reg] = HELD_OTHER;
    else if (held->kind != HELD_RESULT)
        flow->registers[reg] = flow_number(flow, (struct held){.kind = HELD_RESULT, .address = number});
}

void flow_keep_set(struct flow *flow, uint64_t registers)
{
    for (; registers != 0; registers &= registers - 1)
        flow_keep(flow, (unsigned)__builtin_ctzll(registers));
}

/*
 * True where the state changes. A way that comes from a call is weak: where it differs in how deep the stack is, or in
 * what was compared, the call is one that does not return. Parts of addresses it mixes like any other.
 */
static bool merge(struct flow *flow, uint32_t *into, const uint32_t *from, bool weak)
{
    bool changed = false;
    if (memcmp(into, from, sizeof(flow->registers)) == 0)
        return false;
    for (size_t i = 0; i < FLOW_REGISTERS; i++) {
        const struct held *old = &flow->held[into[i]];
        bool keeps = weak && (old->kind == HELD_BOUND || (flow->machine.steady >> i & 1) != 0);
        uint32_t value = keeps ? into[i] : merged(flow, into[i], from[i]);
        changed |= value != into[i];
        into[i] = value;
    }
    return changed;
}

/* ---- Sites ---- */

void flow_site(struct flow *flow, uint32_t bits, enum site_kind kind, uint64_t target)
{
    if (flow->telling)
        site_add_word(flow->search, flow->at, bits, kind, decode_wrap(flow->search->decoder, target));
}

void flow_access(struct flow *flow, uint32_t bits, uint64_t target)
{
    if (flow->telling)
        site_add_word(flow->search, flow->at, bits, SITE_DATA, decode_wrap(flow->search->decoder, target))->exact =
            true;
}

void flow_exchange(struct flow *flow)
{
    struct sites *sites = flow->search->sites;
    if (flow->telling && sites->count > 0)
        sites->items[sites->count - 1].exchanges = true;
}

/* Whether a rest could make an address of this upper half. */
static bool could_be_absolute(const struct flow *flow, uint64_t upper)
{
    for (uint64_t rest = 0; rest <= 0x18000; rest += 0x1000) {
        uint64_t whole = decode_wrap(flow->search->decoder, upper - 0x8000 + rest);
        if (decode_is_absolute(flow->search->decoder, whole))
            return true;
    }
    return false;
}

bool flow_part_kind(struct flow *flow, uint32_t number, enum site_kind *kind)
{
    const struct held *held = &flow->held[number], *group = &flow->held[group_of(flow, number)];
    *kind = group->escaped || !held->completed ? SITE_OPAQUE : SITE_PART;
    if (held->kind != HELD_HALF || held->completed || group->spoiled)
        return true;
    /* A number, or an upper half that becomes an address where it is not followed. */
    return group->escaped && held->base == 0 && could_be_absolute(flow, held->address);
}

void flow_site_part(struct flow *flow, uint64_t offset, uint32_t bits, uint32_t number)
{
    enum site_kind kind;
    if (flow->telling && number > HELD_SUM && flow_part_kind(flow, number, &kind))
        site_add_word(flow->search, offset, bits, kind, flow->held[number].address);
}

enum site_kind flow_base_kind(struct flow *flow, uint32_t number, enum site_kind kind)
{
    return flow->held[group_of(flow, number)].escaped ? SITE_OPAQUE : kind;
}

/* ---- Control flow ---- */

static void set_dirty(struct flow *flow, uint64_t unit)
{
    flow->units[unit] |= UNIT_DIRTY;
    if (unit < flow->lowest_dirty)
        flow->lowest_dirty = unit;
}

static bool add_state(struct flow *flow, uint64_t unit)
{
    void *states = flow->states;
    if (flow->state_count == MOST_STATES ||
        !grow(&states, &flow->state_capacity, flow->state_count + 1, sizeof(*flow->states))) {
        flow->failed = true;
        return false;
    }
    flow->states = states;
    memcpy(flow->states[flow->state_count], flow->registers, sizeof(flow->registers));
    flow->states_at[unit] = (uint32_t)++flow->state_count;
    return true;
}

/* The registers as they are go there. Weak: behind a call, which may not return. */
static void flow_into(struct flow *flow, uint64_t unit, bool weak)
{
    if ((flow->units[unit] & (UNIT_INNER | UNIT_DATA)) != 0) {
        flow->overlaps = true;
        return;
    }
    if (flow->states_at[unit] != 0) {
        uint32_t *state = flow->states[flow->states_at[unit] - 1];
        if ((flow->units[unit] & UNIT_WEAK) != 0 && !weak) {
            flow->units[unit] &= (uint8_t)~UNIT_WEAK;
            memcpy(flow->merging, state, sizeof(flow->merging));
            memcpy(state, flow->registers, sizeof(flow->registers));
            merge(flow, state, flow->merging, true);
            set_dirty(flow, unit);
        } else if (merge(flow, state, flow->registers, weak && (flow->units[unit] & UNIT_WEAK) == 0)) {
            set_dirty(flow, unit);
        }
        return;
    }
    if (weak)
        flow->units[unit] |= UNIT_WEAK;
    if ((flow->units[unit] & (UNIT_DONE | UNIT_FILLING)) == UNIT_DONE)
        set_dirty(flow, flow->blocks[unit]); /* it is cut in two: what came before flows in here */
    if (add_state(flow, unit))
        set_dirty(flow, unit);
}

/* Only where some code is reached by no known way does it matter what is held at calls. */
static void flow_anywhere(struct flow *flow)
{
    if (!flow->collects)
        return;
    if (!flow->is_anywhere) {
        memcpy(flow->anywhere, flow->registers, sizeof(flow->anywhere));
        flow->is_anywhere = true;
        return;
    }
    merge(flow, flow->anywhere, flow->registers, false);
}

void flow_open(struct flow *flow)
{
    flow->opened = true;
}

void flow_end(struct flow *flow)
{
    flow->opened = flow->ended = true;
}

void flow_idle(struct flow *flow)
{
    flow->idle = true;
}

void flow_call(struct flow *flow)
{
    flow->called = true;
    if (!flow->telling)
        flow_anywhere(flow);
}

bool flow_is_stub(const struct flow *flow, uint64_t target)
{
    const struct decoder *decoder = flow->search->decoder;
    target = decode_wrap(decoder, target);
    for (size_t i = 0; i < decoder->stub_count; i++) {
        if (target >= decoder->stubs[i].begin && target < decoder->stubs[i].end)
            return true;
    }
    return false;
}

void flow_called(struct flow *flow, uint64_t target, uint64_t changed)
{
    const struct decoder *decoder = flow->search->decoder;
    target = decode_wrap(decoder, target);
    if (flow_is_stub(flow, target))
        flow_write_set(flow, changed);
    if (decoder->endless_count > 0 &&
        bsearch(&target, decoder->endless, decoder->endless_count, sizeof(target), number_order) != NULL)
        flow->ended = true;
}

void flow_leave(struct flow *flow, uint64_t kept)
{
    flow_use_set(flow, kept);
}

/* Whether this address is in the function, and where. */
static bool unit_of(const struct flow *flow, uint64_t address, uint64_t *unit)
{
    uint64_t offset = decode_wrap(flow->search->decoder, address - flow->search->address);
    *unit = offset / flow->machine.unit;
    return offset < flow->search->size && offset % flow->machine.unit == 0 && *unit < flow->unit_count;
}

void flow_jump(struct flow *flow, uint64_t target, bool conditional)
{
    uint64_t unit;
    if (!conditional)
        flow->ended = true;
    if (!flow->telling && unit_of(flow, target, &unit))
        flow_into(flow, unit, false);
}

void flow_jump_inside(struct flow *flow)
{
    flow_end(flow);
    flow->inside = true;
    if (!flow->telling)
        flow_anywhere(flow);
}

static bool holds_parts(const struct flow *flow)
{
    for (size_t i = 0; i < flow->held_count; i++) {
        if (is_followed(&flow->held[i]))
            return true;
    }
    return false;
}

bool flow_jump_within(struct flow *flow, uint64_t target)
{
    uint64_t unit;
    if (!unit_of(flow, target, &unit) || (flow->units[unit] & UNIT_DATA) != 0)
        return false;
    if (!flow->telling)
        flow_into(flow, unit, false);
    if (flow->budget > 0)
        flow->budget--;
    return flow->budget > 0;
}

uint64_t flow_bound(const struct flow *flow)
{
    bool near = flow->bound_at != UINT64_MAX && flow->at - flow->bound_at <= BOUND_WINDOW;
    return near && flow->bound < MOST_ENTRIES ? flow->bound + 1 : 0;
}

void flow_compare(struct flow *flow, unsigned reg, uint64_t number)
{
    flow->bound = number;
    flow->bound_at = flow->at;
    flow->bound_register = reg;
}

bool flow_is_unknown(const struct flow *flow, unsigned reg)
{
    const struct held *held = flow_held(flow, reg);
    return held->kind == HELD_OTHER || held->kind == HELD_STUB || (held->kind == HELD_BOUND && held->base == 0);
}

void flow_branch_bound(struct flow *flow, bool below)
{
    unsigned reg = flow->bound_register;
    uint64_t number = flow->bound - below;
    if (reg >= FLOW_REGISTERS || flow->bound_at == UINT64_MAX || flow->at - flow->bound_at > BOUND_WINDOW ||
        number >= MOST_ENTRIES || flow_held(flow, reg)->kind > HELD_SUM)
        return;
    flow->registers[reg] =
        flow_number(flow, (struct held){.kind = HELD_BOUND, .address = number, .base = flow->registers[reg]});
}

uint64_t flow_bound_of(const struct flow *flow, unsigned reg)
{
    const struct held *held = flow_held(flow, reg);
    return held->kind == HELD_BOUND ? held->address + 1 : flow_bound(flow);
}

static uint64_t entry_at(const struct flow *flow, const struct held *place, const uint8_t *bytes)
{
    const struct image *image = flow->search->decoder->image;
    unsigned width = place->entry_size * 8u;
    uint64_t value = place->entry_size == 1   ? bytes[0]
                     : place->entry_size == 2 ? image_u16(image, bytes)
                     : place->entry_size == 4 ? image_u32(image, bytes)
                                              : image_u64(image, bytes);
    if (place->is_signed && width < 64)
        value = (uint64_t)sign_extend(value, width);
    /* Thumb's bit tells BX the state, and is no part of the place. */
    uint64_t thumb = flow->search->decoder->machine->thumb ? 1 : 0;
    return decode_wrap(flow->search->decoder, place->base + (value << place->shift)) & ~thumb;
}

/*
 * A table in this code is compared as it stands, by its bytes. That is enough where each of its entries leads to a place
 * of this code, and it is known which are its entries: one that leads out of it would be a reference that nothing checks.
 */
static bool leads_inside(const struct flow *flow, const struct held *place)
{
    uint64_t begin = decode_wrap(flow->search->decoder, place->address - flow->search->address), unit;
    uint64_t count = place->count != 0 ? place->count : flow_bound(flow);
    if (begin >= flow->search->size)
        return true; /* elsewhere: its entries are compared one by one */
    bool inside = count > 0 && flow->search->size - begin >= count * place->entry_size;
    for (uint64_t i = 0; inside && i < count; i++)
        inside = unit_of(flow, entry_at(flow, place, flow->search->bytes + begin + i * place->entry_size), &unit);
    return inside;
}

/* Where a table leads. Of a table whose size no comparison tells: up to the first entry that leads elsewhere. */
static void flow_through(struct flow *flow, const struct held *place)
{
    uint64_t count = place->count != 0 ? place->count : flow_bound(flow), unit;
    if (count == 0)
        count = MOST_ENTRIES;
    for (uint64_t i = 0; i < count && flow->budget > 0; i++, flow->budget--) {
        struct range bytes;
        uint64_t address = decode_wrap(flow->search->decoder, place->address + i * place->entry_size);
        if (!image_file_range(flow->search->decoder->image, address, place->entry_size, &bytes) ||
            image_bytes(flow->search->decoder->image, bytes) == NULL ||
            !unit_of(flow, entry_at(flow, place, image_bytes(flow->search->decoder->image, bytes)), &unit) ||
            (flow->units[unit] & (UNIT_INNER | UNIT_DATA)) != 0)
            return;
        /* A table can stand in the code. */
        if (decode_wrap(flow->search->decoder, address - flow->search->address) < flow->search->size &&
            !flow_data(flow, address, place->entry_size))
            return;
        flow_into(flow, unit, false);
    }
}

void flow_jump_register(struct flow *flow, unsigned reg)
{
    const struct held held = *flow_held(flow, reg);
    flow_end(flow);
    if (held.kind == HELD_WHOLE) {
        flow_jump(flow, held.address, false);
        return;
    }
    flow_use(flow, reg);
    /* Through a pointer: another function, or a label of this one that stands in data. */
    if (!flow->telling)
        flow_anywhere(flow);
    if (flow_is_unknown(flow, reg) || held.kind == HELD_SLOT || held.kind == HELD_HALF)
        return;
    if (held.kind == HELD_PLACE && !flow->telling) {
        flow_through(flow, &held);
    } else if (held.kind == HELD_PLACE && leads_inside(flow, &held)) {
        site_table_add(flow->search, (struct site_table){.address = held.address,
                                                         .base = held.base,
                                                         .entry_size = held.entry_size,
                                                         .shift = held.shift,
                                                         .is_signed = held.is_signed,
                                                         .code = true});
    } else {
        flow->search->sites->unfollowed = true;
    }
}

bool flow_data(struct flow *flow, uint64_t address, uint64_t size)
{
    uint64_t offset = decode_wrap(flow->search->decoder, address - flow->search->address);
    if (offset >= flow->search->size || flow->search->size - offset < size || (offset | size) % flow->machine.unit != 0)
        return false;
    uint64_t first = offset / flow->machine.unit, count = size / flow->machine.unit;
    for (uint64_t i = first; i < first + count; i++) {
        if ((flow->units[i] & UNIT_DONE) != 0 || flow->states_at[i] != 0)
            return false;
    }
    memset(flow->units + first, UNIT_DATA, count);
    return true;
}

uint32_t flow_word(const struct flow *flow, uint64_t offset)
{
    return decode_u32(flow->search->decoder, flow->search->bytes + offset);
}

/* ---- Running ---- */

/* Runs one instruction; how many units it has. */
static uint64_t run_step(struct flow *flow, uint64_t unit)
{
    flow->at = unit * flow->machine.unit;
    bool called = flow->called;
    flow->ended = flow->idle = flow->called = false;
    unsigned size = flow->machine.step(flow);
    if (flow->idle)
        flow->called = called;
    if (size == 0) {
        /* Whatever it does, it may do with every register. */
        for (unsigned i = 0; i < FLOW_REGISTERS; i++) {
            flow_use(flow, i);
            flow_blur(flow, i);
        }
        if (flow->telling)
            flow->search->sites->undecoded = true;
        size = flow->machine.unit;
    }
    return size / flow->machine.unit;
}

static void run_block(struct flow *flow, uint64_t block)
{
    uint64_t unit = block;
    flow->called = false;
    memcpy(flow->registers, flow->states[flow->states_at[block] - 1], sizeof(flow->registers));
    while (flow->budget > 0 && !flow->failed) {
        flow->budget--;
        uint64_t next = unit + run_step(flow, unit);
        flow->units[unit] |= UNIT_DONE;
        flow->blocks[unit] = (uint32_t)block;
        for (uint64_t i = unit + 1; i < next && i < flow->unit_count; i++) {
            if (flow->states_at[i] != 0 || (flow->units[i] & (UNIT_DATA | UNIT_INNER)) == UNIT_DATA)
                flow->overlaps = true;
            flow->units[i] |= UNIT_DONE | UNIT_INNER;
        }
        /* What goes on behind this code may use whatever is held; a call at its end is one that does not return. */
        bool goes_on = next >= flow->unit_count && !flow->ended && !flow->called;
        for (unsigned i = 0; goes_on && i < FLOW_REGISTERS; i++)
            flow_use(flow, i);
        if (flow->ended || next >= flow->unit_count || (flow->units[next] & UNIT_DATA) != 0)
            return;
        if ((flow->units[next] & UNIT_INNER) != 0) {
            flow->overlaps = true;
            return;
        }
        if (flow->states_at[next] != 0) {
            flow_into(flow, next, flow->called);
            return;
        }
        unit = next;
    }
}

static void run_dirty(struct flow *flow)
{
    while (flow->lowest_dirty < flow->unit_count && flow->budget > 0 && !flow->failed) {
        uint64_t unit = flow->lowest_dirty;
        flow->lowest_dirty = UINT64_MAX;
        for (; unit < flow->unit_count && flow->budget > 0 && !flow->failed; unit++) {
            if ((flow->units[unit] & UNIT_DIRTY) == 0)
                continue;
            flow->units[unit] &= (uint8_t)~UNIT_DIRTY;
            if (flow->lowest_dirty == unit)
                flow->lowest_dirty = UINT64_MAX;
            run_block(flow, unit);
        }
    }
}

/* Filling between blocks: nothing comes from it. How many units it has; 0: it is something else. */
static uint64_t filling(struct flow *flow, uint64_t unit)
{
    memset(flow->registers, 0, sizeof(flow->registers));
    uint64_t count = run_step(flow, unit);
    if (!flow->idle || count > flow->unit_count - unit)
        return 0;
    for (uint64_t i = unit; i < unit + count; i++) {
        if ((flow->units[i] & (UNIT_DONE | UNIT_DATA)) != 0)
            return 0;
    }
    flow->units[unit] |= UNIT_DONE | UNIT_FILLING;
    for (uint64_t i = unit + 1; i < unit + count; i++)
        flow->units[i] |= UNIT_DONE | UNIT_INNER;
    return count;
}

/* Runs all that was reached again, to see what is held at calls. */
static void collect(struct flow *flow)
{
    flow->collects = true;
    for (uint64_t unit = 0; unit < flow->unit_count; unit++) {
        if (flow->states_at[unit] != 0)
            set_dirty(flow, unit);
    }
    run_dirty(flow);
}

/* What is not reached yet may be, from anywhere. */
static void run_rest(struct flow *flow)
{
    uint32_t seed[FLOW_REGISTERS] = {0};
    uint64_t filled;
    for (uint64_t unit = 0; unit < flow->unit_count && flow->budget > 0 && !flow->failed; unit++) {
        if ((flow->units[unit] & (UNIT_DONE | UNIT_DATA)) != 0)
            continue;
        if ((filled = filling(flow, unit)) != 0) {
            unit += filled - 1;
            continue;
        }
        if (!flow->collects)
            collect(flow);
        if (flow->is_anywhere)
            memcpy(seed, flow->anywhere, sizeof(seed));
        memcpy(flow->registers, seed, sizeof(seed));
        flow_into(flow, unit, false);
        flow->units[unit] |= UNIT_SEEDED;
        run_dirty(flow);
    }
    for (bool again = flow->is_anywhere; again && flow->budget > 0 && !flow->failed;) {
        again = false;
        for (uint64_t unit = 0; unit < flow->unit_count; unit++) {
            if ((flow->units[unit] & UNIT_SEEDED) == 0)
                continue;
            memcpy(flow->registers, flow->anywhere, sizeof(flow->registers));
            flow_into(flow, unit, false);
        }
        if (flow->lowest_dirty < flow->unit_count) {
            run_dirty(flow);
            again = true;
        }
        flow->budget -= flow->budget < flow->unit_count ? flow->budget : flow->unit_count;
    }
}

static void tell(struct flow *flow)
{
    bool ended = false;
    flow->telling = true;
    flow->bound_at = UINT64_MAX;
    for (uint64_t unit = 0; unit < flow->unit_count && !flow->failed;) {
        bool passed = flow->search->reached && (flow->units[unit] & (UNIT_DONE | UNIT_INNER)) != UNIT_DONE;
        if ((flow->units[unit] & UNIT_DATA) != 0 || passed) {
            unit++;
            continue;
        }
        if (flow->states_at[unit] != 0)
            memcpy(flow->registers, flow->states[flow->states_at[unit] - 1], sizeof(flow->registers));
        site_start(flow->search, unit * flow->machine.unit);
        unit += run_step(flow, unit);
        if (!flow->idle)
            ended = flow->ended;
    }
    flow->search->sites->falls_through = !ended;
    flow->search->sites->closed = !flow->opened && !flow->search->sites->undecoded;
}

static struct flow *flow_of(struct decoder *decoder)
{
    if (decoder->flow == NULL) {
        struct flow *flow = calloc(1, sizeof(*flow));
        if (flow == NULL)
            return NULL;
        flow->index = calloc(INDEX_SIZE, sizeof(*flow->index));
        if (flow->index == NULL) {
            free(flow);
            return NULL;
        }
        decoder->flow = flow;
    }
    return decoder->flow;
}

static bool flow_begin(struct flow *flow, struct site_search *search, struct flow_machine machine)
{
    flow->search = search;
    flow->machine = machine;
    flow->unit_count = (size_t)(search->size / machine.unit);
    flow->held_count = flow->state_count = 0;
    flow->telling = flow->collects = flow->is_anywhere = flow->opened = flow->inside = false;
    flow->overlaps = flow->failed = false;
    flow->bound_at = UINT64_MAX;
    flow->lowest_dirty = UINT64_MAX;
    flow->budget = (uint64_t)flow->unit_count * STEPS + 4096;
    if (flow->budget > flow->unit_count * (uint64_t)2 + LONG_STEPS)
        flow->budget = flow->unit_count * (uint64_t)2 + LONG_STEPS;
    if (flow->unit_count > MOST_UNITS || !grow_units(flow, flow->unit_count))
        return false;
    flow->index_size = INDEX_SIZE; /* of more, which a large function needed, only these */
    memset(flow->index, 0, flow->index_size * sizeof(*flow->index));
    if (flow->unit_count > 0) {
        memset(flow->units, 0, flow->unit_count);
        memset(flow->states_at, 0, flow->unit_count * sizeof(*flow->states_at));
    }
    memset(flow->registers, 0, sizeof(flow->registers));
    return add_held(flow, (struct held){.kind = HELD_OTHER}) && add_held(flow, (struct held){.kind = HELD_SUM});
}

bool flow_run(struct site_search *search, struct flow_machine machine)
{
    struct flow *flow = flow_of(search->decoder);
    if (flow == NULL || !flow_begin(flow, search, machine)) {
        search->sites->out_of_memory = flow == NULL;
        return false;
    }
    if (flow->unit_count > 0) {
        if (machine.begin != NULL)
            machine.begin(flow);
        flow_into(flow, 0, false);
        run_dirty(flow);
        if (!search->reached)
            run_rest(flow);
    }
    tell(flow);
    if (machine.finish != NULL)
        machine.finish(flow);
    search->sites->unfollowed |= flow->inside && holds_parts(flow);
    if (search->size % machine.unit != 0) {
        search->sites->undecoded = true;
        search->sites->closed = false;
    }
    /* Not followed to the end, or two instructions that share bytes: nothing that was told is certain. */
    if (flow->budget == 0 || flow->overlaps) {
        search->sites->undecoded = search->sites->unfollowed = true;
        search->sites->closed = false;
        for (size_t i = 0; i < search->sites->count; i++)
            search->sites->items[i].kind = SITE_OPAQUE;
    }
    return !flow->failed;
}
