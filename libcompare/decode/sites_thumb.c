/*
 * Sites of Thumb ("ARM Architecture Reference Manual", A6). TBB and TBH have their tables behind them: numbers relative to
 * the pc, which do not change when the function moves; they are data, and tell where it goes on.
 */
#include "sites_arm.h"

#define CALL_BITS 0x07ff2fffu
#define COND_BITS 0x043f2fffu
#define MOVE_BITS 0x040f70ffu
#define ADR_BITS  0x040070ffu
#define LOAD_BITS 0x00800fffu
#define PAIR_BITS 0x008000ffu

static uint64_t pc_of(const struct flow *flow)
{
    return arm_here(flow) + 4;
}

static uint64_t aligned_pc(const struct flow *flow)
{
    return pc_of(flow) & ~(uint64_t)3;
}

/* Bits of a halfword. */
static void tell_half(struct flow *flow, uint16_t bits, enum site_kind kind, uint64_t target, bool exact)
{
    if (!flow->telling)
        return;
    bool big_endian = flow->search->decoder->big_endian;
    struct site *site = site_add(flow->search, flow->at, 2, kind, (uint32_t)target);
    site->mask[big_endian ? 0 : 1] = (uint8_t)(bits >> 8);
    site->mask[big_endian ? 1 : 0] = (uint8_t)bits;
    site->exact = exact;
}

static void write_unless_pc(struct flow *flow, unsigned reg)
{
    if (reg != ARM_PC)
        arm_write(flow, reg);
}

static void compare(struct flow *flow, uint64_t value)
{
    flow->bound = value;
    flow->bound_at = flow->at;
}

/* ---- 16 bits ---- */

/* Shifts, and additions of registers and small numbers. */
static void shift_or_add(struct flow *flow, uint16_t half)
{
    unsigned rd = half & 7, rn = half >> 3 & 7, third = half >> 6 & 7;
    const struct held held = *flow_held(flow, rn);
    if (half < 0x1800) {
        if (half < 0x0040) {
            flow_copy(flow, rd, rn); /* MOVS */
            return;
        }
        flow_use(flow, rn);
        arm_write(flow, rd);
    } else if ((half & 0x0600) == 0) {
        arm_add(flow, rd, rn, third, 0);
    } else {
        flow_use(flow, rn);
        if ((half & 0x0400) == 0)
            flow_use(flow, third);
        if ((half & 0x0600) == 0x0400 && held.kind == HELD_WHOLE)
            flow_set(flow, rd, HELD_WHOLE, held.address + third);
        else
            arm_write(flow, rd);
    }
}

static void with_number(struct flow *flow, uint16_t half)
{
    unsigned rd = half >> 8 & 7, op = half >> 11 & 3;
    const struct held held = *flow_held(flow, rd);
    if (op != 0)
        flow_use(flow, rd);
    if (op == 1)
        compare(flow, half & 0xff);
    else if (op == 2 && held.kind == HELD_WHOLE)
        flow_set(flow, rd, HELD_WHOLE, held.address + (half & 0xff));
    else
        arm_write(flow, rd);
}

static void data_processing(struct flow *flow, uint16_t half)
{
    unsigned rd = half & 7, op = half >> 6 & 15;
    flow_use(flow, half >> 3 & 7);
    if (op != 9 && op != 15)
        flow_use(flow, rd);
    if (op != 8 && op != 10 && op != 11)
        arm_write(flow, rd);
}

/* ADD, CMP, MOV, BX and BLX with any registers. */
static void high_registers(struct flow *flow, uint16_t half)
{
    unsigned rd = (half & 7) | (half >> 4 & 8), rm = half >> 3 & 15;
    switch (half >> 8 & 3) {
    case 0:
        arm_add(flow, rd, rd, rm, pc_of(flow));
        if (rd == ARM_PC) {
            arm_jump_register(flow, rd);
            arm_write(flow, rd);
        }
        return;
    case 1:
        arm_uses(flow, rd, rm);
        return;
    case 2:
        if (rd == ARM_PC)
            arm_jump_register(flow, rm);
        else if (rm == ARM_PC)
            arm_write(flow, rd);
        else
            flow_copy(flow, rd, rm);
        return;
    default:
        if ((half & 0x80) == 0) {
            arm_jump_register(flow, rm);
        } else {
            flow_use(flow, rm);
            arm_call(flow);
        }
    }
}

static void access_indexed(struct flow *flow, uint16_t half)
{
    unsigned rt = half & 7, op = half >> 9 & 7;
    arm_indexed(flow, half >> 3 & 7, half >> 6 & 7, 0, 0);
    if (op < 3)
        flow_use(flow, rt);
    else
        arm_write(flow, rt);
}

static void access_number(struct flow *flow, uint16_t half, unsigned rt, unsigned rn)
{
    flow_use(flow, rn);
    if ((half & 0x0800) == 0)
        flow_use(flow, rt);
    else
        arm_write(flow, rt);
}

static bool miscellaneous(struct flow *flow, uint16_t half)
{
    unsigned rd = half & 7, rm = half >> 3 & 7;
    switch (half >> 8 & 15) {
    case 0: /* ADD and SUB of sp */
        return true;
    case 1:
    case 3:
    case 9:
    case 11: { /* CBZ, CBNZ */
        uint64_t target = pc_of(flow) + (half >> 3 & 0x40) + (half >> 2 & 0x3e);
        flow_use(flow, rd);
        tell_half(flow, 0x02f8, SITE_JUMP, target, false);
        arm_jump(flow, (uint32_t)target, true);
        return true;
    }
    case 2:
    case 10: /* SXTH, REV and the like */
        flow_use(flow, rm);
        arm_write(flow, rd);
        return true;
    case 4:
    case 5:
        flow_use_set(flow, half & 0xff);
        return true;
    case 6: /* SETEND, CPS */
        return true;
    case 12:
    case 13:
        flow_write_set(flow, half & 0xff);
        if ((half & 0x100) != 0)
            arm_end(flow);
        return true;
    case 14: /* BKPT */
        arm_end(flow);
        return true;
    case 15:
        if ((half & 15) == 0) {
            flow_idle(flow);
        } else {
            unsigned mask = half & 15;
            unsigned left = (mask & 1) != 0 ? 4 : (mask & 2) != 0 ? 3 : (mask & 4) != 0 ? 2 : 1;
            arm_of(flow)->it_left = left;
            /* The condition's lowest bit, and those of the mask, from the highest. */
            arm_of(flow)->it_odd = (half >> 4 & 1) | (mask >> 3 & 1) << 1 | (mask >> 2 & 1) << 2 | (mask >> 1 & 1) << 3;
        }
        return true;
    default:
        return false;
    }
}

static void many(struct flow *flow, uint16_t half)
{
    unsigned rn = half >> 8 & 7;
    flow_use(flow, rn);
    if ((half & 0x0800) == 0)
        flow_use_set(flow, half & 0xff);
    arm_write(flow, rn);
    if ((half & 0x0800) != 0)
        flow_write_set(flow, half & 0xff);
}

static void branch_or_trap(struct flow *flow, uint16_t half)
{
    unsigned condition = half >> 8 & 15;
    uint64_t target = pc_of(flow) + ((uint64_t)sign_extend(half, 8) << 1);
    if (condition == 14) { /* UDF */
        arm_end(flow);
    } else if (condition == 15) {
        arm_system_call(flow);
    } else {
        tell_half(flow, 0x00ff, SITE_JUMP, target, false);
        arm_jump(flow, (uint32_t)target, true);
    }
}

static bool narrow(struct flow *flow, uint16_t half)
{
    unsigned rt = half >> 8 & 7;
    switch (half >> 12) {
    case 0:
    case 1:
        shift_or_add(flow, half);
        return true;
    case 2:
    case 3:
        with_number(flow, half);
        return true;
    case 4:
        if (half < 0x4400) {
            data_processing(flow, half);
        } else if (half < 0x4800) {
            if (half == 0x46c0)
                flow_idle(flow);
            high_registers(flow, half);
        } else {
            uint64_t slot = aligned_pc(flow) + ((uint64_t)(half & 0xff) << 2);
            tell_half(flow, 0x00ff, SITE_DATA, slot, true);
            arm_load_literal(flow, rt, slot);
        }
        return true;
    case 5:
        access_indexed(flow, half);
        return true;
    case 6:
    case 7:
    case 8:
        access_number(flow, half, half & 7, half >> 3 & 7);
        return true;
    case 9:
        access_number(flow, half, rt, ARM_SP);
        return true;
    case 10:
        if ((half & 0x0800) == 0) {
            uint64_t target = aligned_pc(flow) + ((uint64_t)(half & 0xff) << 2);
            tell_half(flow, 0x00ff, SITE_DATA, target, false);
            flow_set(flow, rt, HELD_WHOLE, target);
        } else {
            arm_write(flow, rt);
        }
        return true;
    case 11:
        return miscellaneous(flow, half);
    case 12:
        many(flow, half);
        return true;
    case 13:
        branch_or_trap(flow, half);
        return true;
    default: {
        uint64_t target = pc_of(flow) + ((uint64_t)sign_extend(half, 11) << 1);
        tell_half(flow, 0x07ff, SITE_JUMP, target, false);
        arm_jump(flow, (uint32_t)target, false);
        return true;
    }
    }
}

/* ---- 32 bits ---- */

static unsigned rn_of(uint32_t word)
{
    return word >> 16 & 15;
}

static unsigned rt_of(uint32_t word)
{
    return word >> 12 & 15;
}

static unsigned rd_of(uint32_t word)
{
    return word >> 8 & 15;
}

static unsigned rm_of(uint32_t word)
{
    return word & 15;
}

static void use_unless_pc(struct flow *flow, unsigned reg)
{
    if (reg != ARM_PC)
        flow_use(flow, reg);
}

static void many_wide(struct flow *flow, uint32_t word)
{
    bool load = (word & 0x00100000) != 0;
    flow_use(flow, rn_of(word));
    if (!load)
        flow_use_set(flow, word & ARM_ALL);
    if ((word & 0x00200000) != 0)
        arm_write(flow, rn_of(word));
    if (load)
        flow_write_set(flow, word & ARM_ALL);
    if (load && (word & 0x8000) != 0)
        arm_end(flow);
}

/*
 * TBB and TBH. Of a table behind the instruction as many entries are taken as a comparison tells, or else as stand before
 * the first place that it leads to.
 */
static void table_branch(struct flow *flow, uint32_t word)
{
    unsigned size = (word & 0x10) != 0 ? 2 : 1;
    flow_use(flow, rm_of(word));
    if (rn_of(word) != ARM_PC) {
        flow_use(flow, rn_of(word));
        flow->search->sites->unfollowed |= flow->telling;
        arm_end(flow);
        return;
    }
    uint64_t begin = flow->at + 4, end = flow->search->size, count = flow_bound(flow), i = 0;
    for (; (count == 0 || i < count) && begin + (i + 1) * size <= end; i++) {
        const uint8_t *bytes = flow->search->bytes + begin + i * size;
        uint64_t entry = size == 1 ? *bytes : image_u16(flow->search->decoder->image, bytes);
        uint64_t target = begin + entry * 2;
        if (target < begin + (i + 1) * size || !flow_jump_within(flow, flow->search->address + target))
            break;
        if (target < end)
            end = target;
    }
    flow_data(flow, flow->search->address + begin, (i * size + 1) & ~(uint64_t)1);
    if (i == 0)
        flow->search->sites->unfollowed |= flow->telling;
    arm_end(flow);
}

static bool exclusive(struct flow *flow, uint32_t word)
{
    bool load = (word & 0x00100000) != 0;
    unsigned kind = word >> 4 & 15, rt = rt_of(word), rt2 = rd_of(word);
    if (load && (word & 0x00800000) != 0 && kind < 2) {
        table_branch(flow, word);
        return true;
    }
    flow_use(flow, rn_of(word));
    if ((word & 0x00800000) == 0) { /* words: with an offset, and the status elsewhere */
        if (load) {
            write_unless_pc(flow, rt);
        } else {
            flow_use(flow, rt);
            write_unless_pc(flow, rt2);
        }
        return true;
    }
    bool pair = (kind & 3) == 3;
    if (load) {
        write_unless_pc(flow, rt);
        if (pair)
            write_unless_pc(flow, rt2);
    } else {
        flow_use(flow, rt);
        if (pair)
            flow_use(flow, rt2);
        write_unless_pc(flow, rm_of(word));
    }
    return true;
}

static bool pairs(struct flow *flow, uint32_t word)
{
    bool load = (word & 0x00100000) != 0, back = (word & 0x00200000) != 0, up = (word & 0x00800000) != 0;
    if ((word & 0x01200000) == 0)
        return exclusive(flow, word);
    if (rn_of(word) == ARM_PC) {
        uint64_t distance = (uint64_t)(word & 0xff) << 2,
                 slot = up ? aligned_pc(flow) + distance : aligned_pc(flow) - distance;
        flow_access(flow, PAIR_BITS, slot);
        arm_skip_literal(flow, slot, 8);
    } else {
        /* gcc -O0 makes the address of a number of 64 bits by ADR first. */
        const struct held *base = flow_held(flow, rn_of(word));
        if (load && !back && up && base->kind == HELD_WHOLE)
            arm_skip_literal(flow, base->address + ((uint64_t)(word & 0xff) << 2), 8);
        flow_use(flow, rn_of(word));
    }
    if (!load)
        arm_uses(flow, rt_of(word), rd_of(word));
    if (back)
        arm_write(flow, rn_of(word));
    if (load) {
        write_unless_pc(flow, rt_of(word));
        write_unless_pc(flow, rd_of(word));
    }
    return true;
}

/* What AND, ADD and the like write, by their opcode; with pc as destination and flags they only compare. */
static bool only_compares(uint32_t word)
{
    unsigned op = word >> 21 & 15;
    return rd_of(word) == ARM_PC && (word & 0x00100000) != 0 && (op == 0 || op == 4 || op == 8 || op == 13);
}

static void shifted(struct flow *flow, uint32_t word)
{
    unsigned op = word >> 21 & 15, rn = rn_of(word), rm = rm_of(word);
    bool plain = (word & 0x70f0) == 0;
    if (op == 2 && rn == ARM_PC && plain) {
        flow_copy(flow, rd_of(word), rm);
        return;
    }
    if (op == 8 && plain && rd_of(word) != ARM_PC) {
        arm_add(flow, rd_of(word), rn, rm, aligned_pc(flow));
        return;
    }
    if (op == 8 && rd_of(word) != ARM_PC && rn != ARM_PC) {
        arm_add_shifted(flow, rd_of(word), rn, rm);
        return;
    }
    use_unless_pc(flow, rn);
    flow_use(flow, rm);
    if (!only_compares(word))
        arm_write(flow, rd_of(word));
    if (op == 8 && rd_of(word) != ARM_PC)
        flow->registers[rd_of(word)] = HELD_SUM;
}

static bool plain_immediate(struct flow *flow, uint32_t word)
{
    unsigned op = word >> 20 & 31, rd = rd_of(word), rn = rn_of(word);
    uint64_t value = (word >> 15 & 0x800) | (word >> 4 & 0x700) | (word & 0xff);
    const struct held held = *flow_held(flow, rn);
    switch (op) {
    case 0: /* ADDW, SUBW, ADR */
    case 10:
        if (rn == ARM_PC) {
            uint64_t target = op == 0 ? aligned_pc(flow) + value : aligned_pc(flow) - value;
            flow_site(flow, ADR_BITS, SITE_DATA, target);
            flow_set(flow, rd, HELD_WHOLE, target);
            return true;
        }
        flow_use(flow, rn);
        if (op == 0 && held.kind == HELD_WHOLE)
            flow_set(flow, rd, HELD_WHOLE, held.address + value);
        else
            arm_write(flow, rd);
        return true;
    case 4:
        arm_move_low(flow, rd, (uint32_t)value | (word >> 4 & 0xf000), MOVE_BITS);
        return true;
    case 12:
        arm_move_high(flow, rd, (uint32_t)value | (word >> 4 & 0xf000), MOVE_BITS);
        return true;
    default: /* SSAT, SBFX, BFI, ... */
        if (op == 22)
            flow_use(flow, rd);
        use_unless_pc(flow, rn);
        arm_write(flow, rd);
        return op >= 16 && op % 2 == 0;
    }
}

static void modified_immediate(struct flow *flow, uint32_t word)
{
    unsigned op = word >> 21 & 15, rd = rd_of(word), rn = rn_of(word);
    uint64_t value = word & 0xff;
    const struct held held = *flow_held(flow, rn);
    bool small = (word & 0x04007000) == 0;
    use_unless_pc(flow, rn);
    if (only_compares(word)) {
        if (op == 13 && small)
            compare(flow, value);
        return;
    }
    if (op == 8 && small && held.kind == HELD_WHOLE)
        flow_set(flow, rd, HELD_WHOLE, held.address + value);
    else
        arm_write(flow, rd);
}

static bool branches(struct flow *flow, uint32_t word)
{
    uint32_t sign = word >> 26 & 1, j1 = word >> 13 & 1, j2 = word >> 11 & 1, kind = word & 0xf800d000;
    bool exchange = kind == 0xf000c000, call = exchange || kind == 0xf000d000, jump = kind == 0xf0009000;
    if (kind == 0xf0008000 && (word >> 22 & 15) < 14) {
        uint32_t field = sign << 19 | j2 << 18 | j1 << 17 | (word >> 16 & 0x3f) << 11 | (word & 0x7ff);
        uint64_t target = pc_of(flow) + ((uint64_t)sign_extend(field, 20) << 1);
        flow_site(flow, COND_BITS, SITE_JUMP, target);
        arm_jump(flow, (uint32_t)target, true);
        return true;
    }
    if (call || jump) {
        uint32_t field =
            sign << 23 | (j1 ^ sign ^ 1) << 22 | (j2 ^ sign ^ 1) << 21 | (word >> 16 & 0x3ff) << 11 | (word & 0x7ff);
        uint64_t target = (exchange ? aligned_pc(flow) : pc_of(flow)) + ((uint64_t)sign_extend(field, 24) << 1);
        flow_site(flow, CALL_BITS, call ? SITE_CALL : SITE_JUMP, target);
        if (exchange)
            flow_exchange(flow);
        if (call) {
            arm_call(flow);
            arm_called(flow, target);
        } else {
            arm_jump(flow, (uint32_t)target, false);
        }
        return true;
    }
    switch (word >> 20 & 0x7f) {
    case 0x38: /* MSR */
    case 0x39:
    case 0x3c:
        flow_use(flow, rn_of(word));
        return true;
    case 0x3a: /* hints */
        if ((word & 0xffff) == 0x8000)
            flow_idle(flow);
        return true;
    case 0x3b: /* barriers */
        return true;
    case 0x3e: /* MRS */
    case 0x3f:
        arm_write(flow, rd_of(word));
        return true;
    case 0x7f: /* UDF */
        arm_end(flow);
        return true;
    default:
        return false;
    }
}

/* The address of a load or store; true where the base is written back. */
static bool access_address(struct flow *flow, uint32_t word, bool *indexed)
{
    unsigned rn = rn_of(word);
    *indexed = false;
    if ((word & 0x00800000) != 0) {
        flow_use(flow, rn);
        return false;
    }
    if ((word & 0x800) != 0) {
        flow_use(flow, rn);
        return (word & 0x100) != 0;
    }
    *indexed = true;
    return false;
}

static bool access_single(struct flow *flow, uint32_t word)
{
    unsigned rt = rt_of(word), rn = rn_of(word), rm = rm_of(word), size = word >> 21 & 3, shift = word >> 4 & 3;
    bool load = (word & 0x00100000) != 0, is_signed = (word & 0x01000000) != 0, indexed = false, back = false;
    bool hint = load && rt == ARM_PC && size != 2;
    if (size == 3)
        return false;
    if (load && rn == ARM_PC) {
        bool up = (word & 0x00800000) != 0;
        uint64_t slot = up ? aligned_pc(flow) + (word & 0xfff) : aligned_pc(flow) - (word & 0xfff);
        flow_access(flow, LOAD_BITS, slot);
        if (size == 2 && rt != ARM_PC) {
            arm_load_literal(flow, rt, slot);
            return true;
        }
        arm_skip_literal(flow, slot & ~(uint64_t)3, 4);
    } else {
        back = access_address(flow, word, &indexed);
    }
    const struct held base = *flow_held(flow, rn);
    bool entry = indexed && load && arm_is_whole(flow, &base) && shift == size && !hint;
    if (entry)
        arm_uses(flow, rn, rm);
    else if (indexed)
        arm_indexed(flow, rn, rm, shift, 0);
    if (!load)
        flow_use(flow, rt);
    if (back)
        arm_write(flow, rn);
    if (!load || hint)
        return true;
    if (entry)
        arm_load_entry(flow, rt, rn, rm, shift, 1u << size, is_signed || size == 2);
    else
        arm_write(flow, rt);
    if (rt == ARM_PC) {
        flow_write(flow, rt);
        if (entry && !arm_of(flow)->conditional)
            arm_jump_by_table(flow, base.address);
        else
            arm_end(flow);
    }
    return true;
}

static bool wide_registers(struct flow *flow, uint32_t word)
{
    unsigned rd = rd_of(word);
    bool accumulates = rt_of(word) != ARM_PC;
    use_unless_pc(flow, rn_of(word));
    flow_use(flow, rm_of(word));
    if ((word & 0xff800000) == 0xfb800000) { /* two results, or a division */
        unsigned op = word >> 20 & 7;
        if (op >= 4) {
            flow_use(flow, rt_of(word));
            flow_use(flow, rd);
        }
        if (op != 1 && op != 3)
            write_unless_pc(flow, rt_of(word));
    } else if ((word & 0xff000000) == 0xfb000000 && accumulates) {
        flow_use(flow, rt_of(word));
    }
    write_unless_pc(flow, rd);
    return true;
}

static bool wide(struct flow *flow, uint32_t word)
{
    switch (word >> 24 & 31) {
    case 0x08:
    case 0x09:
        if ((word & 0x00400000) != 0)
            return pairs(flow, word);
        many_wide(flow, word);
        return true;
    case 0x0a:
    case 0x0b:
        shifted(flow, word);
        return true;
    case 0x0c:
    case 0x0d:
    case 0x0e:
    case 0x1c:
    case 0x1d:
    case 0x1e:
        arm_coprocessor(flow, word, aligned_pc(flow));
        return true;
    case 0x0f:
    case 0x1f:
        return true; /* SIMD */
    case 0x10:
    case 0x11:
    case 0x12:
    case 0x13:
    case 0x14:
    case 0x15:
    case 0x16:
    case 0x17:
        if ((word & 0x8000) != 0)
            return branches(flow, word);
        if ((word & 0x02000000) != 0)
            return plain_immediate(flow, word);
        modified_immediate(flow, word);
        return true;
    case 0x19:
        if ((word & 0x00100000) == 0) { /* SIMD loads and stores */
            flow_use(flow, rn_of(word));
            if (rm_of(word) != ARM_PC) {
                if (rm_of(word) != ARM_SP)
                    flow_use(flow, rm_of(word));
                arm_write(flow, rn_of(word));
            }
            return true;
        }
        return access_single(flow, word);
    case 0x18:
        return access_single(flow, word);
    default:
        return wide_registers(flow, word);
    }
}

unsigned thumb_step(struct flow *flow)
{
    const struct site_search *search = flow->search;
    uint16_t half = decode_u16(search->decoder, search->bytes + flow->at);
    if (half < 0xe800)
        return narrow(flow, half) ? 2 : 0;
    if (search->size - flow->at < 4)
        return 0;
    uint32_t word = (uint32_t)half << 16 | decode_u16(search->decoder, search->bytes + flow->at + 2);
    return wide(flow, word) ? 4 : 0;
}
