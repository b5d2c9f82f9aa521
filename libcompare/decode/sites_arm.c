/*
 * Sites of ARM ("ARM Architecture Reference Manual", A5), and what Thumb shares. Addresses stand in literal pools: whole,
 * or relative to where an ADD or a load adds the pc, or to the GOT; MOVW and MOVT make whole ones. A word of a pool has
 * its site where it stands, with the address that it is completed to. Tables of switches stand behind LDR pc or ADD pc.
 */
#include "sites_arm.h"

#include <string.h>

static const struct form forms[] = {
    {0x0f000000, 0x0a000000, 0x00ffffff, 2, REFERENCE_JUMP}, /* B */
    {0x0f000000, 0x0b000000, 0x00ffffff, 2, REFERENCE_CALL}, /* BL */
};

#define MOVE_BITS   0x000f0fffu
#define LOAD_BITS   0x00800fffu
#define HALF_BITS   0x00800f0fu
#define VECTOR_BITS 0x008000ffu

/* ---- What both have ---- */

void arm_uses(struct flow *flow, unsigned a, unsigned b)
{
    flow_use(flow, a);
    flow_use(flow, b);
}

void arm_write(struct flow *flow, unsigned reg)
{
    flow_write(flow, reg);
}

static bool in_code(const struct flow *flow, uint64_t address, uint64_t size, uint64_t *offset)
{
    *offset = (uint32_t)(address - flow->search->address);
    return *offset < flow->search->size && flow->search->size - *offset >= size;
}

void arm_load_literal(struct flow *flow, unsigned rt, uint64_t slot)
{
    uint64_t offset;
    slot = (uint32_t)slot;
    arm_write(flow, rt);
    if (!in_code(flow, slot, 4, &offset) || slot % 4 != 0)
        return;
    flow_data(flow, slot, 4);
    uint32_t value = image_u32(flow->search->decoder->image, flow->search->bytes + offset);
    flow->registers[rt] = flow_number(flow, (struct held){.kind = HELD_HALF, .address = value, .base = slot});
}

void arm_skip_literal(struct flow *flow, uint64_t slot, uint64_t size)
{
    flow_data(flow, (uint32_t)slot, size);
}

void arm_move_low(struct flow *flow, unsigned rd, uint32_t value, uint32_t bits)
{
    /* Each of these is its own: what the upper half adds may differ. */
    flow->registers[rd] =
        flow_number(flow, (struct held){.kind = HELD_HALF, .address = value, .base = flow->at << 1 | 1});
    flow_site_part(flow, flow->at, bits, flow->registers[rd]);
}

/* Of a whole address that is not known: whether it could be one. */
static bool could_be_absolute(const struct flow *flow, uint64_t high)
{
    const struct decoder *decoder = flow->search->decoder;
    for (uint64_t low = 0; low <= 0xffff; low += 0xfff) {
        if (decode_is_absolute(decoder, high << 16 | low))
            return true;
    }
    return false;
}

void arm_move_high(struct flow *flow, unsigned rd, uint32_t value, uint32_t bits)
{
    const struct held low = *flow_held(flow, rd);
    uint32_t low_number = flow->registers[rd];
    uint64_t whole = (uint64_t)value << 16 | low.address;
    if (low.kind != HELD_HALF || (low.base & 1) == 0 || low.address > 0xffff) {
        flow_spoil(flow, rd);
        if (could_be_absolute(flow, value))
            flow_site(flow, bits, SITE_OPAQUE, whole);
        arm_write(flow, rd);
    } else if (decode_is_absolute(flow->search->decoder, whole)) {
        flow_complete(flow, rd);
        flow_site(flow, bits, SITE_DATA, whole);
        flow_set(flow, rd, HELD_WHOLE, whole);
    } else { /* a number, or a distance to the pc */
        enum site_kind kind;
        struct held both = {.kind = HELD_HALF, .address = whole, .base = flow->at << 1 | 1};
        uint32_t number = flow->registers[rd] = flow_number(flow, both);
        flow->held[number].low = low_number;
        flow_join(flow, low_number, number);
        if (flow_part_kind(flow, number, &kind))
            flow_site(flow, bits, kind == SITE_PART ? SITE_DATA : kind, flow->held[number].whole);
    }
}

bool arm_is_whole(const struct flow *flow, const struct held *held)
{
    bool pool = held->kind == HELD_HALF && (held->base & 1) == 0 && !held->completed;
    return held->kind == HELD_WHOLE || (pool && decode_is_absolute(flow->search->decoder, held->address));
}

/* What a distance can be added to: the pc, the GOT's address, or that of a place in this code. */
static bool is_origin(const struct flow *flow, unsigned reg, uint64_t pc, uint64_t *address)
{
    const struct held *held = flow_held(flow, reg);
    uint64_t offset;
    *address = reg == ARM_PC ? pc : held->address;
    return reg == ARM_PC || held->kind == HELD_BASE ||
           (held->kind == HELD_WHOLE && in_code(flow, held->address, 1, &offset));
}

/* The pc, or the GOT's address, and a word of a pool make an address. */
static bool completes(struct flow *flow, unsigned rn, unsigned rm, uint64_t pc, uint64_t *whole)
{
    for (unsigned turn = 0; turn < 2; turn++) {
        unsigned base = turn == 0 ? rn : rm, rest = turn == 0 ? rm : rn;
        const struct held distance = *flow_held(flow, rest);
        if (!is_origin(flow, base, pc, whole) || rest == ARM_PC)
            continue;
        if (distance.kind != HELD_HALF) {
            flow_spoil(flow, rest);
            continue;
        }
        *whole = (uint32_t)(*whole + distance.address);
        flow_complete_to(flow, rest, *whole);
        if (distance.low != 0)
            flow->held[distance.low].completed = true;
        else if ((distance.base & 1) != 0)
            flow_use(flow, rest); /* MOVW alone is too short */
        return true;
    }
    return false;
}

/* The pc and something that is not known make some address; of a jump, the jump tells. */
static void unknown_origin(struct flow *flow, unsigned rd, unsigned rn, unsigned rm)
{
    if (flow->telling && rd != ARM_PC && (rn == ARM_PC || rm == ARM_PC))
        flow->search->sites->unfollowed = true;
}

void arm_add(struct flow *flow, unsigned rd, unsigned rn, unsigned rm, uint64_t pc)
{
    const struct held a = *flow_held(flow, rn), b = *flow_held(flow, rm);
    uint64_t whole;
    if (completes(flow, rn, rm, pc, &whole)) {
        bool got = arm_of(flow)->got != 0 && whole == arm_of(flow)->got;
        flow_set(flow, rd, got ? HELD_BASE : HELD_WHOLE, whole);
        return;
    }
    unknown_origin(flow, rd, rn, rm);
    arm_uses(flow, rn, rm);
    const struct held *entry = a.kind == HELD_ENTRY ? &a : &b, *base = a.kind == HELD_ENTRY ? &b : &a;
    flow->registers[rd] = HELD_SUM;
    if (entry->kind == HELD_ENTRY && arm_is_whole(flow, base))
        flow->registers[rd] = flow_number(flow, (struct held){.kind = HELD_PLACE,
                                                              .address = entry->address,
                                                              .base = base->address,
                                                              .entry_size = entry->entry_size,
                                                              .is_signed = entry->is_signed});
}

void arm_add_shifted(struct flow *flow, unsigned rd, unsigned rn, unsigned rm)
{
    const struct held base = *flow_held(flow, rn), index = *flow_held(flow, rm);
    uint64_t offset;
    bool number = index.kind == HELD_OTHER || index.kind == HELD_SUM || index.kind == HELD_BOUND;
    bool inside = number && base.kind == HELD_WHOLE && in_code(flow, base.address, 1, &offset);
    arm_uses(flow, rn, rm);
    flow->registers[rd] = HELD_SUM;
    if (inside)
        flow_set(flow, rd, HELD_INDEXED, base.address);
}

void arm_indexed(struct flow *flow, unsigned rn, unsigned rm, unsigned shift, uint64_t pc)
{
    uint64_t whole;
    if (shift != 0 || !completes(flow, rn, rm, pc, &whole)) {
        unknown_origin(flow, 0, rn, rm);
        arm_uses(flow, rn, rm);
    }
}

bool arm_load_entry(struct flow *flow, unsigned rt, unsigned rn, unsigned rm, unsigned shift, unsigned size,
                    bool is_signed)
{
    const struct held base = *flow_held(flow, rn);
    if (!arm_is_whole(flow, &base) || 1u << shift != size || rm == ARM_PC)
        return false;
    flow->registers[rt] = flow_number(
        flow, (struct held){
                  .kind = HELD_ENTRY, .address = base.address, .entry_size = (uint8_t)size, .is_signed = is_signed});
    return true;
}

/* ---- Control flow ---- */

void arm_end(struct flow *flow)
{
    flow_open(flow);
    if (!arm_of(flow)->conditional)
        flow_end(flow);
}

void arm_jump(struct flow *flow, uint64_t target, bool conditional)
{
    conditional |= arm_of(flow)->conditional;
    /* A part of this function may go on there with all that is held, if it is not in the PLT. */
    if ((uint32_t)(target - flow->search->address) >= flow->search->size)
        flow_leave(flow, flow_is_stub(flow, target) ? ARM_KEPT : ARM_ALL);
    flow_jump(flow, target, conditional);
}

/* A label of this function may be jumped to; the GOT's address, of which there is one, would be the same there. */
static void leave_by_register(struct flow *flow)
{
    uint64_t left = ARM_ALL;
    for (unsigned i = 0; i < ARM_PC; i++) {
        if (flow_held(flow, i)->kind == HELD_BASE && (ARM_KEPT >> i & 1) == 0)
            left &= ~((uint64_t)1 << i);
    }
    flow_leave(flow, left);
}

void arm_jump_register(struct flow *flow, unsigned reg)
{
    const struct held held = *flow_held(flow, reg);
    bool conditional = arm_of(flow)->conditional;
    if (reg == ARM_LR && held.kind != HELD_PLACE && held.kind != HELD_SUM) {
        arm_end(flow);
        return;
    }
    if (held.kind == HELD_INDEXED) {
        flow_jump_inside(flow);
        flow->ended = !conditional;
        return;
    }
    /* A whole word of data is a pointer, which is looked at where it stands. */
    bool loaded = held.kind == HELD_ENTRY && held.entry_size == 4 && reg != ARM_PC;
    bool unknown = loaded || flow_is_unknown(flow, reg);
    if (loaded)
        flow_write(flow, reg);
    if (unknown && !conditional)
        leave_by_register(flow);
    flow_jump_register(flow, reg);
    if (conditional)
        flow->ended = false;
}

/* Each word of a table in this code has its site here; of one elsewhere, the table tells. */
void arm_jump_by_table(struct flow *flow, uint64_t table)
{
    uint64_t count = flow_bound(flow), offset, thumb = flow->search->decoder->machine->thumb ? 1 : 0;
    if (!in_code(flow, table, 4, &offset)) {
        struct held place = {.kind = HELD_PLACE, .address = table, .entry_size = 4};
        flow->registers[ARM_PC] = flow_number(flow, place);
        flow_jump_register(flow, ARM_PC);
        flow_write(flow, ARM_PC);
        flow->ended = !arm_of(flow)->conditional;
        return;
    }
    for (uint64_t i = 0; i < count && in_code(flow, table + i * 4, 4, &offset); i++) {
        uint64_t entry = image_u32(flow->search->decoder->image, flow->search->bytes + offset) & ~thumb;
        if (!flow_data(flow, table + i * 4, 4) || !flow_jump_within(flow, entry))
            break;
        if (flow->telling) { /* Thumb's bit is no part of the place, and must be the same */
            struct site *site = site_add(flow->search, offset, 4, SITE_JUMP, entry);
            site->mask[flow->search->decoder->image->big_endian ? 3 : 0] &= (uint8_t)~thumb;
        }
    }
    if (count == 0)
        flow->search->sites->unfollowed |= flow->telling;
    arm_end(flow);
}

void arm_call(struct flow *flow)
{
    flow_result(flow, 0);
    flow_result(flow, 1);
    flow_keep(flow, 2);
    flow_keep(flow, 3);
    flow_keep(flow, 12);
    flow_write(flow, ARM_LR);
    flow_call(flow);
}

void arm_called(struct flow *flow, uint64_t target)
{
    if (!arm_of(flow)->conditional)
        flow_called(flow, target, ARM_CHANGED);
}

/* SVC, which returns in r0. */
void arm_system_call(struct flow *flow)
{
    flow_open(flow);
    flow_result(flow, 0);
}

/* ---- Coprocessors ---- */

/* VLDR, VLDM and the like, and moves of two registers. */
static void coprocessor_access(struct flow *flow, uint32_t word, uint64_t pc)
{
    unsigned rn = word >> 16 & 15, rt = word >> 12 & 15;
    bool load = (word & 0x00100000) != 0, back = (word & 0x00200000) != 0;
    if ((word & 0x0fe00000) == 0x0c400000) {
        if (load) {
            arm_write(flow, rt);
            arm_write(flow, rn);
        } else {
            arm_uses(flow, rt, rn);
        }
        return;
    }
    if (rn == ARM_PC && !back) {
        uint64_t distance = (uint64_t)(word & 0xff) << 2;
        uint64_t slot = (word & 0x00800000) != 0 ? pc + distance : pc - distance;
        bool vector = (word & 0x0f000e00) == 0x0d000a00;
        if (vector)
            flow_access(flow, VECTOR_BITS, slot);
        else
            flow_site(flow, VECTOR_BITS, SITE_OPAQUE, slot);
        arm_skip_literal(flow, slot, (word & 0x100) != 0 ? 8 : 4);
        return;
    }
    flow_use(flow, rn);
    if (back)
        arm_write(flow, rn);
}

void arm_coprocessor(struct flow *flow, uint32_t word, uint64_t pc)
{
    unsigned rt = word >> 12 & 15;
    if ((word & 0x0e000000) == 0x0c000000) {
        coprocessor_access(flow, word, pc);
    } else if ((word & 0x0f000010) == 0x0e000010) {
        if ((word & 0x00100000) == 0)
            flow_use(flow, rt);
        else if (rt != ARM_PC)
            arm_write(flow, rt);
    }
}

/* ---- ARM ---- */

static unsigned rd_of(uint32_t word)
{
    return word >> 12 & 15;
}

static unsigned rn_of(uint32_t word)
{
    return word >> 16 & 15;
}

static unsigned rs_of(uint32_t word)
{
    return word >> 8 & 15;
}

static unsigned rm_of(uint32_t word)
{
    return word & 15;
}

static uint64_t pc_of(const struct flow *flow)
{
    return arm_here(flow) + 8;
}

static uint32_t immediate(uint32_t word)
{
    unsigned turn = word >> 7 & 30;
    return turn == 0 ? word & 0xff : (word & 0xff) >> turn | (word & 0xff) << (32 - turn);
}

static void data_immediate(struct flow *flow, uint32_t word)
{
    unsigned op = word >> 21 & 15, rd = rd_of(word), rn = rn_of(word);
    bool add = op == 4, subtract = op == 2;
    if (rn == ARM_PC && (add || subtract) && rd != ARM_PC) { /* ADR */
        uint64_t target = add ? pc_of(flow) + immediate(word) : pc_of(flow) - immediate(word);
        flow_site(flow, 0x00c00fff, SITE_DATA, target);
        flow_set(flow, rd, HELD_WHOLE, target);
        return;
    }
    if (op == 10) {
        flow->bound = immediate(word);
        flow->bound_at = flow->at;
    }
    const struct held held = *flow_held(flow, rn);
    if (op != 13 && op != 15)
        flow_use(flow, rn);
    if (op >= 8 && op <= 11)
        return;
    if (rd == ARM_PC)
        arm_end(flow);
    else if (add && held.kind == HELD_WHOLE)
        flow_set(flow, rd, HELD_WHOLE, held.address + immediate(word));
    else
        arm_write(flow, rd);
}

/* ADD pc, pc, rm, lsl #2: branches to each place follow. */
static void jump_among_branches(struct flow *flow)
{
    uint64_t count = flow_bound(flow);
    for (uint64_t i = 0; i < (count == 0 ? 256 : count); i++) {
        uint64_t target = pc_of(flow) + i * 4, offset;
        if (!in_code(flow, target, 4, &offset) || (flow_word(flow, offset) & 0x0f000000) != 0x0a000000 ||
            !flow_jump_within(flow, target))
            break;
    }
    arm_end(flow);
}

static void data_register(struct flow *flow, uint32_t word)
{
    unsigned op = word >> 21 & 15, rd = rd_of(word), rn = rn_of(word), rm = rm_of(word);
    bool shifted = (word & 0xff0) != 0;
    if ((word & 0x0ffffff0) == 0x008ff100 && rm != ARM_PC) {
        flow_use(flow, rm);
        jump_among_branches(flow);
        return;
    }
    if (op == 13 && !shifted && rd != ARM_PC && rm != ARM_PC) {
        flow_copy(flow, rd, rm);
        return;
    }
    if (op == 4 && !shifted && (word & 0x00100000) == 0) {
        arm_add(flow, rd, rn, rm, pc_of(flow));
        if (rd == ARM_PC)
            arm_jump_register(flow, rd);
        if (rd == ARM_PC)
            arm_write(flow, rd);
        return;
    }
    if (op == 4 && (word & 0x00100010) == 0 && rd != ARM_PC && rn != ARM_PC && rm != ARM_PC) {
        arm_add_shifted(flow, rd, rn, rm);
        return;
    }
    if (op == 13 && !shifted && rd == ARM_PC) {
        arm_jump_register(flow, rm);
        return;
    }
    if (op != 13 && op != 15)
        flow_use(flow, rn);
    flow_use(flow, rm);
    if ((word & 0x10) != 0)
        flow_use(flow, rs_of(word));
    if (op >= 8 && op <= 11)
        return;
    if (rd == ARM_PC) {
        flow->search->sites->unfollowed |= flow->telling;
        arm_end(flow);
        return;
    }
    arm_write(flow, rd);
    if (op == 4)
        flow->registers[rd] = HELD_SUM;
}

static void multiplies(struct flow *flow, uint32_t word)
{
    unsigned op = word >> 21 & 7;
    arm_uses(flow, rs_of(word), rm_of(word));
    if (op != 0 && op != 4 && op != 6)
        flow_use(flow, rd_of(word));
    if (op == 2 || op == 5 || op == 7)
        flow_use(flow, rn_of(word));
    arm_write(flow, rn_of(word));
    if (op == 2 || op >= 4)
        arm_write(flow, rd_of(word));
}

static void exclusives(struct flow *flow, uint32_t word)
{
    bool load = (word & 0x00100000) != 0, pair = (word & 0x00600000) == 0x00200000, swap = (word & 0x00800000) == 0;
    unsigned rt = load ? rd_of(word) : rm_of(word);
    flow_use(flow, rn_of(word));
    if (!load) {
        flow_use(flow, rt);
        if (pair)
            flow_use(flow, (rt + 1) & 15);
    }
    if (load || swap || rd_of(word) != ARM_PC)
        arm_write(flow, rd_of(word));
    if (load && pair)
        arm_write(flow, (rt + 1) & 15);
}

/* Halfwords, signed bytes and two words. */
static void access_extra(struct flow *flow, uint32_t word)
{
    unsigned rt = rd_of(word), rn = rn_of(word), kind = word >> 5 & 3;
    bool load = (word & 0x00100000) != 0, by_number = (word & 0x00400000) != 0;
    bool pre = (word & 0x01000000) != 0, back = !pre || (word & 0x00200000) != 0;
    bool load_two = !load && kind == 2, store_two = !load && kind == 3;
    if (rn == ARM_PC && by_number && !back) {
        uint64_t distance = (word >> 4 & 0xf0) | (word & 15);
        uint64_t slot = (word & 0x00800000) != 0 ? pc_of(flow) + distance : pc_of(flow) - distance;
        flow_access(flow, HALF_BITS, slot);
        arm_skip_literal(flow, slot & ~(uint64_t)3, load_two ? 8 : 4);
    } else if (by_number) {
        flow_use(flow, rn);
    } else {
        arm_indexed(flow, rn, rm_of(word), back || (word & 0x00800000) == 0 ? 1 : 0, pc_of(flow));
    }
    if (!load && !load_two)
        flow_use(flow, rt);
    if (store_two)
        flow_use(flow, (rt + 1) & 15);
    if (back)
        arm_write(flow, rn);
    if (load || load_two)
        arm_write(flow, rt);
    if (load_two)
        arm_write(flow, (rt + 1) & 15);
}

static bool miscellaneous(struct flow *flow, uint32_t word)
{
    unsigned kind = word >> 4 & 15, op = word >> 21 & 3;
    if ((word & 0x90) == 0x80) { /* SMLA and the like */
        arm_uses(flow, rs_of(word), rm_of(word));
        if (op == 0 || op == 2 || (op == 1 && (word & 0x20) == 0))
            flow_use(flow, rd_of(word));
        if (op == 2)
            flow_use(flow, rn_of(word));
        arm_write(flow, rn_of(word));
        if (op == 2)
            arm_write(flow, rd_of(word));
        return true;
    }
    switch (kind) {
    case 0:
        if ((op & 1) == 0)
            arm_write(flow, rd_of(word)); /* MRS */
        else
            flow_use(flow, rm_of(word)); /* MSR */
        return true;
    case 1:
        if (op == 1) {
            arm_jump_register(flow, rm_of(word));
            return true;
        }
        flow_use(flow, rm_of(word)); /* CLZ */
        arm_write(flow, rd_of(word));
        return op == 3;
    case 3:
        flow_use(flow, rm_of(word)); /* BLX */
        arm_call(flow);
        return op == 1;
    case 4: /* CRC32 */
    case 5: /* QADD */
        arm_uses(flow, rn_of(word), rm_of(word));
        arm_write(flow, rd_of(word));
        return true;
    case 7: /* BKPT */
        arm_end(flow);
        return op == 1;
    default:
        return false;
    }
}

static bool data_processing(struct flow *flow, uint32_t word)
{
    if ((word & 0x02000000) != 0) {
        if ((word & 0x0ff00000) == 0x03000000) {
            arm_move_low(flow, rd_of(word), (word >> 4 & 0xf000) | (word & 0xfff), MOVE_BITS);
        } else if ((word & 0x0ff00000) == 0x03400000) {
            arm_move_high(flow, rd_of(word), (word >> 4 & 0xf000) | (word & 0xfff), MOVE_BITS);
        } else if ((word & 0x0fb00000) == 0x03200000) {
            if ((word & 0x0fffffff) == 0x0320f000)
                flow_idle(flow);
        } else {
            data_immediate(flow, word);
        }
        return true;
    }
    if ((word & 0x90) == 0x90) {
        if ((word & 0x60) != 0)
            access_extra(flow, word);
        else if ((word & 0x01000000) == 0)
            multiplies(flow, word);
        else
            exclusives(flow, word);
        return true;
    }
    if ((word & 0x01900000) == 0x01000000)
        return miscellaneous(flow, word);
    if ((word & 0x0fffffff) == 0x01a00000) {
        flow_idle(flow); /* MOV r0, r0 */
        return true;
    }
    data_register(flow, word);
    return true;
}

/* ---- Loads and stores ---- */

static void access_word(struct flow *flow, uint32_t word)
{
    unsigned rt = rd_of(word), rn = rn_of(word), rm = rm_of(word), shift = word >> 7 & 31;
    bool load = (word & 0x00100000) != 0, byte = (word & 0x00400000) != 0, up = (word & 0x00800000) != 0;
    bool by_register = (word & 0x02000000) != 0, plain = (word & 0x60) == 0 && up;
    bool back = (word & 0x01200000) != 0x01000000, entry = false;
    if (rn == ARM_PC && !by_register && !back) {
        uint64_t slot = up ? pc_of(flow) + (word & 0xfff) : pc_of(flow) - (word & 0xfff);
        flow_access(flow, LOAD_BITS, slot);
        if (load && !byte && rt != ARM_PC) {
            arm_load_literal(flow, rt, slot);
            return;
        }
        arm_skip_literal(flow, slot & ~(uint64_t)3, 4);
    } else if (rn == ARM_PC && by_register && load && !byte && rt == ARM_PC && plain && shift == 2 && !back) {
        flow_use(flow, rm);
        arm_jump_by_table(flow, pc_of(flow));
        return;
    } else if (by_register) {
        entry = load && !byte && plain && !back && arm_is_whole(flow, flow_held(flow, rn)) && shift == 2;
        if (entry)
            flow_use(flow, rn);
        if (entry)
            flow_use(flow, rm);
        else
            arm_indexed(flow, rn, rm, back || !plain ? 1 : shift, pc_of(flow));
    } else {
        flow_use(flow, rn);
    }
    if (!load)
        flow_use(flow, rt);
    const struct held base = *flow_held(flow, rn);
    if (back)
        arm_write(flow, rn);
    if (!load)
        return;
    if (rt == ARM_PC && entry)
        arm_jump_by_table(flow, base.address);
    else if (rt == ARM_PC)
        arm_end(flow);
    else if (!entry || !arm_load_entry(flow, rt, rn, rm, 2, 4, true))
        arm_write(flow, rt);
}

static void access_many(struct flow *flow, uint32_t word)
{
    uint32_t list = word & 0xffff;
    bool load = (word & 0x00100000) != 0;
    flow_use(flow, rn_of(word));
    if (!load)
        flow_use_set(flow, list & ARM_ALL);
    if ((word & 0x00200000) != 0)
        arm_write(flow, rn_of(word));
    if (load)
        flow_write_set(flow, list & ARM_ALL);
    if (load && (list & 0x8000) != 0)
        arm_end(flow);
}

static bool media(struct flow *flow, uint32_t word)
{
    unsigned op = word >> 20 & 31;
    if ((word & 0x0ff000f0) == 0x07f000f0) { /* UDF */
        arm_end(flow);
        return true;
    }
    flow_use(flow, rm_of(word));
    if (op >= 16 && op < 26) { /* multiplies, divisions, USAD8 */
        flow_use(flow, rs_of(word));
        flow_use(flow, rd_of(word));
        arm_write(flow, rn_of(word));
        if ((op & 7) == 4) {
            flow_use(flow, rn_of(word));
            arm_write(flow, rd_of(word));
        }
        return true;
    }
    if (op < 16)
        flow_use(flow, rn_of(word));
    if (op >= 28 && op < 30) /* BFI */
        flow_use(flow, rd_of(word));
    arm_write(flow, rd_of(word));
    return true;
}

/* The space without conditions. */
static bool unconditional(struct flow *flow, uint32_t word)
{
    if ((word & 0xfe000000) == 0xfa000000) { /* BLX, to Thumb */
        uint64_t distance = (uint64_t)sign_extend(word & 0x00ffffff, 24) << 2;
        flow_site(flow, 0x01ffffff, SITE_CALL, pc_of(flow) + distance + (word >> 23 & 2));
        flow_exchange(flow);
        arm_call(flow);
        arm_called(flow, pc_of(flow) + distance + (word >> 23 & 2));
        return true;
    }
    if ((word & 0xfe000000) == 0xf2000000)
        return true;                         /* SIMD */
    if ((word & 0xff100000) == 0xf4000000) { /* its loads and stores */
        flow_use(flow, rn_of(word));
        if (rm_of(word) != ARM_PC) {
            if (rm_of(word) != ARM_SP)
                flow_use(flow, rm_of(word));
            arm_write(flow, rn_of(word));
        }
        return true;
    }
    if ((word & 0xfd70f000) == 0xf550f000 || (word & 0xfd70f000) == 0xf510f000) { /* PLD */
        flow_use(flow, rn_of(word));
        if ((word & 0x02000000) != 0)
            flow_use(flow, rm_of(word));
        return true;
    }
    if ((word & 0xffffff00) == 0xf57ff000)
        return true; /* barriers */
    if ((word & 0x0c000000) == 0x0c000000 && (word & 0x0f000000) != 0x0f000000) {
        arm_coprocessor(flow, word, pc_of(flow));
        return true;
    }
    return false;
}

static void branch(struct flow *flow, uint32_t word)
{
    const struct form *form = &forms[(word & 0x01000000) != 0];
    uint64_t target = pc_of(flow) + ((uint64_t)sign_extend(form_field(word, form->bits), 24) << form->shift);
    bool call = form->kind == REFERENCE_CALL;
    flow_site(flow, form->bits, call ? SITE_CALL : SITE_JUMP, target);
    if (call) {
        arm_call(flow);
        arm_called(flow, target);
    } else {
        arm_jump(flow, (uint32_t)target, false);
    }
}

static bool run(struct flow *flow, uint32_t word)
{
    switch (word >> 25 & 7) {
    case 0:
    case 1:
        return data_processing(flow, word);
    case 2:
        access_word(flow, word);
        return true;
    case 3:
        if ((word & 0x10) != 0)
            return media(flow, word);
        access_word(flow, word);
        return true;
    case 4:
        access_many(flow, word);
        return true;
    case 5:
        branch(flow, word);
        return true;
    default:
        if ((word & 0x0f000000) == 0x0f000000)
            arm_system_call(flow);
        else
            arm_coprocessor(flow, word, pc_of(flow));
        return true;
    }
}

static bool is_part(const struct flow *flow, uint32_t number)
{
    return flow->held[number].kind == HELD_HALF || flow->held[number].kind == HELD_BASE;
}

/* Without a condition again: what was held under one, perhaps is. */
static void end_conditions(struct flow *flow)
{
    static const uint32_t none[2 * ARM_PC];
    if (memcmp(flow->registers + ARM_EVEN, none, sizeof(none)) == 0)
        return;
    for (unsigned i = 0; i < 2 * ARM_PC; i++) {
        unsigned shadow = ARM_EVEN + i;
        if (flow->registers[shadow] == HELD_OTHER)
            continue;
        flow_perhaps(flow, i % ARM_PC, flow->registers[shadow]);
        flow_write(flow, shadow);
    }
}

/*
 * Runs one instruction under a condition. A part that is begun under it is completed under it too: meanwhile the register
 * holds it only there.
 */
static unsigned run_condition(struct flow *flow, unsigned condition, unsigned (*run_one)(struct flow *flow))
{
    unsigned shadows = (condition & 1) != 0 ? ARM_ODD : ARM_EVEN;
    uint32_t before[ARM_PC], under[ARM_PC];
    memcpy(before, flow->registers, sizeof(before));
    for (unsigned i = 0; i < ARM_PC; i++) {
        if (flow->registers[shadows + i] != HELD_OTHER)
            flow_copy(flow, i, shadows + i);
    }
    memcpy(under, flow->registers, sizeof(under));
    unsigned size = run_one(flow);
    for (unsigned i = 0; i < ARM_PC; i++) {
        uint32_t now = flow->registers[i];
        bool part = is_part(flow, now);
        if (now == under[i]) {
            flow->registers[i] = before[i];
            continue;
        }
        flow->registers[shadows + i] = part ? now : HELD_OTHER;
        flow->registers[i] = part ? HELD_OTHER : now;
        flow_perhaps(flow, i, before[i]);
    }
    return size;
}

static unsigned run_plain(struct flow *flow)
{
    return run(flow, flow_word(flow, flow->at)) ? 4 : 0;
}

static unsigned step(struct flow *flow)
{
    uint32_t word = flow_word(flow, flow->at);
    unsigned condition = word >> 28;
    arm_of(flow)->conditional = condition < 14;
    if (condition < 14)
        return run_condition(flow, condition, run_plain);
    end_conditions(flow);
    return condition == 15 ? unconditional(flow, word) ? 4 : 0 : run_plain(flow);
}

/* ---- Both ---- */

/* IT tells how many of the next are conditional, and for each whether the condition is odd. */
static unsigned step_thumb(struct flow *flow)
{
    struct arm *arm = arm_of(flow);
    arm->conditional = arm->it_left > 0 && arm->it_next == flow->at;
    unsigned left = arm->conditional ? arm->it_left - 1 : 0, odd = arm->it_odd & 1, size;
    arm->it_odd >>= 1;
    arm->it_left = 0;
    if (arm->conditional) {
        size = run_condition(flow, odd, thumb_step);
    } else {
        uint16_t half = decode_u16(flow->search->decoder, flow->search->bytes + flow->at);
        if ((half & 0xff00) != 0xbf00) /* IT itself */
            end_conditions(flow);
        size = thumb_step(flow);
    }
    if (arm->it_left == 0)
        arm->it_left = left;
    arm->it_next = flow->at + (size == 0 ? 2 : size);
    return size;
}

/* The words of pools: what they were completed to. */
static void finish(struct flow *flow)
{
    uint64_t offset, got = arm_of(flow)->got;
    for (uint32_t i = HELD_SUM + 1; i < flow->held_count; i++) {
        enum site_kind kind;
        const struct held *held = &flow->held[i];
        if (held->kind != HELD_HALF || (held->base & 1) != 0 || !in_code(flow, held->base, 4, &offset))
            continue;
        if (!flow_part_kind(flow, i, &kind)) {
            /* Nothing was added to it: whole, or a number. */
            if (decode_is_absolute(flow->search->decoder, held->address))
                site_add(flow->search, offset, 4, SITE_DATA, held->address);
            continue;
        }
        if (kind == SITE_PART)
            kind = got != 0 && held->whole == got ? SITE_GOT : SITE_DATA;
        if (got != 0 && held->whole == got) {
            struct held base = {.kind = HELD_BASE, .address = got};
            kind = flow_base_kind(flow, flow_number(flow, base), kind);
            held = &flow->held[i];
        }
        site_add(flow->search, offset, 4, kind, held->whole);
    }
}

bool sites_arm(struct site_search *search)
{
    const struct dynamic_entry *pltgot = image_dynamic(search->decoder->image, DT_PLTGOT);
    struct arm arm = {.got = pltgot == NULL ? 0 : (uint32_t)pltgot->value};
    bool thumb = search->decoder->machine->thumb;
    return flow_run(search,
                    (struct flow_machine){
                        .unit = thumb ? 2 : 4, .step = thumb ? step_thumb : step, .finish = finish, .state = &arm});
}

/* NOP in its forms, and zero. */
bool padding_arm(const struct decoder *decoder, const uint8_t *bytes, uint64_t size)
{
    bool thumb = decoder->machine->thumb;
    for (uint64_t at = 0; at < size;) {
        uint32_t word = size - at < 4 ? 0 : decode_u32(decoder, bytes + at);
        uint16_t half = size - at < 2 ? 0 : decode_u16(decoder, bytes + at);
        if (thumb && (half == 0xbf00 || half == 0x46c0))
            at += 2;
        else if (thumb && half == 0xf3af && size - at >= 4 && decode_u16(decoder, bytes + at + 2) == 0x8000)
            at += 4;
        else if (!thumb && (word == 0xe320f000 || word == 0xe1a00000))
            at += 4;
        else if (bytes[at] == 0) /* NOP of Thumb has a zero byte, too: it comes first */
            at++;
        else
            return false;
    }
    return true;
}
