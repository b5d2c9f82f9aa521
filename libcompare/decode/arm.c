/*
 * ARM and Thumb: what refers to an address ("ARM Architecture Reference Manual", A5, A6). Addresses stand in literal
 * pools behind the function, whole or relative to the pc, or are made by MOVW and MOVT.
 */
#include "parts.h"

#define PC 15
/* r0 to r3, r12, lr. */
#define CALL_CLOBBERED 0x500fu

/* ---- What both have ---- */

/* A load from a literal pool. What the word means is seen where it is used, and where it stands. */
static void load_from_pool(struct decoder *decoder, unsigned rt, uint64_t slot, struct instruction *instruction)
{
    slot = decode_wrap(decoder, slot);
    uint64_t offset = decode_wrap(decoder, slot - decoder->address);
    refer_to(instruction, REFERENCE_DATA, slot);
    known_clear(decoder, rt);
    if (offset >= decoder->size || decoder->size - offset < 4)
        return;
    const uint8_t *bytes = decoder->bytes + offset;
    uint32_t value = image_u32(decoder->image, bytes);
    if (slot > instruction->address && decoder->pool_count < POOL_WORDS)
        decoder->pool[decoder->pool_count++] = (struct pool_word){.address = slot};
    if (relocation_in(decoder, bytes, 4))
        return;
    if (decode_is_absolute(decoder, value)) {
        instruction->target = value;
    } else {
        known_set(decoder, rt, value, 0);
        decoder->registers[rt].slot = slot;
    }
}

static void move_low(struct decoder *decoder, unsigned rd, uint32_t value, uint32_t bits,
                     struct instruction *instruction)
{
    if (instruction->relocated) {
        refer_to(instruction, REFERENCE_DATA, value);
        operand_word(decoder, instruction, bits);
        known_clear(decoder, rd);
    } else {
        known_set(decoder, rd, value, bits);
    }
}

/* The upper half: the address is whole, or what is added to the pc. */
static void move_high(struct decoder *decoder, unsigned rd, uint32_t value, uint32_t bits,
                      struct instruction *instruction)
{
    const struct known low = decoder->registers[rd];
    known_clear(decoder, rd);
    if (instruction->relocated) {
        move_low(decoder, rd, value, bits, instruction);
    } else if (low.set && low.slot == 0 && low.value <= 0xffff) {
        uint64_t whole = (uint64_t)value << 16 | low.value;
        if (decode_is_absolute(decoder, whole)) {
            decoder->registers[rd].set = true;
            known_complete(decoder, instruction, rd, whole, bits);
            known_clear(decoder, rd);
        } else {
            known_set(decoder, rd, whole, bits);
            decoder->registers[rd].low = low.index + 1;
        }
    }
}

/* Something from a pool, or from MOVW and MOVT, is added to the pc. */
static bool add_to_pc(struct decoder *decoder, unsigned number, uint64_t pc, struct instruction *instruction)
{
    const struct known known = decoder->registers[number];
    if (!known.set)
        return false;
    known_complete(decoder, instruction, number, decode_wrap(decoder, known.value + pc), 0);
    if (known.low != 0) {
        struct known low = {.value = known.value & 0xffff, .index = known.low - 1, .operand = known.operand};
        decoder->first[known.index].pair = (uint32_t)(known.index - low.index);
        known_make_partial(decoder, &low);
    }
    return true;
}

/* ---- ARM ---- */

static const struct form arm_forms[] = {
    {0x0f000000, 0x0a000000, 0x00ffffff, 2, REFERENCE_JUMP}, /* B */
    {0x0f000000, 0x0b000000, 0x00ffffff, 2, REFERENCE_CALL}, /* BL */
};

#define ARM_MOVE_BITS 0x000f0fffu
#define ARM_LOAD_BITS 0x00800fffu

static uint32_t arm_move_value(uint32_t word)
{
    return (word >> 4 & 0xf000) | (word & 0xfff);
}

static void arm_clear_written(struct decoder *decoder, uint32_t word)
{
    unsigned kind = word >> 25 & 7;
    bool load = (word & 0x00100000) != 0;
    if (kind == 5) {
        known_clear_set(decoder, (word & 0x01000000) != 0 ? CALL_CLOBBERED : 0);
    } else if (kind == 4) {
        known_clear_set(decoder, load ? word & 0xffff : 0);
        known_clear(decoder, word >> 16 & 15);
    } else if (kind == 2 || kind == 3) {
        if (load)
            known_clear(decoder, word >> 12 & 15);
        if ((word & 0x01200000) != 0x01000000)
            known_clear(decoder, word >> 16 & 15);
    } else if ((word & 0x0ffffff0) == 0x012fff30) { /* BLX */
        known_clear_set(decoder, CALL_CLOBBERED);
    } else {
        known_clear(decoder, word >> 12 & 15);
        if ((word & 0x0e000090) == 0x00000090)
            known_clear(decoder, word >> 16 & 15);
    }
}

static bool arm_refer_data(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    unsigned rd = word >> 12 & 15, rn = word >> 16 & 15, rm = word & 15;
    uint64_t pc = instruction->address + 8, distance = word & 0xfff;
    if ((word & 0x0f7f0000) == 0x051f0000) { /* LDR (literal) */
        operand_word(decoder, instruction, ARM_LOAD_BITS);
        load_from_pool(decoder, rd, (word & 0x00800000) != 0 ? pc + distance : pc - distance, instruction);
    } else if ((word & 0x0f3f0e00) == 0x0d1f0a00) { /* VLDR (literal) */
        distance = (uint64_t)(word & 0xff) << 2;
        refer_to(instruction, REFERENCE_DATA,
                 decode_wrap(decoder, (word & 0x00800000) != 0 ? pc + distance : pc - distance));
        operand_word(decoder, instruction, 0x008000ff);
    } else if ((word & 0x0fff0000) == 0x028f0000 || (word & 0x0fff0000) == 0x024f0000) { /* ADR */
        unsigned turn = word >> 7 & 30;
        distance = turn == 0 ? word & 0xff : (word & 0xff) >> turn | (word & 0xff) << (32 - turn);
        refer_to(instruction, REFERENCE_DATA,
                 decode_wrap(decoder, (word & 0x00800000) != 0 ? pc + distance : pc - distance));
        operand_word(decoder, instruction, 0x00000fff);
        known_clear(decoder, rd);
    } else if ((word & 0x0ff00000) == 0x03000000) {
        move_low(decoder, rd, arm_move_value(word), ARM_MOVE_BITS, instruction);
    } else if ((word & 0x0ff00000) == 0x03400000) {
        move_high(decoder, rd, arm_move_value(word), ARM_MOVE_BITS, instruction);
    } else if (((word & 0x0ff00ff0) == 0x00800000 || (word & 0x0ff00ff0) == 0x07900000) && (rn == PC || rm == PC)) {
        /* ADD with the pc, LDR from the pc and a register */
        if (rn == PC || (word & 0x0ff00ff0) == 0x00800000)
            add_to_pc(decoder, rn == PC ? rm : rn, pc, instruction);
        known_clear(decoder, rd);
    } else {
        return false;
    }
    return true;
}

void refer_arm(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    uint32_t word = decode_u32(decoder, bytes);
    uint64_t pc = instruction->address + 8;
    if ((word & 0xfe000000) == 0xfa000000) { /* BLX, to Thumb */
        uint64_t distance = (uint64_t)sign_extend(word & 0x00ffffff, 24) << 2;
        refer_to(instruction, REFERENCE_CALL, decode_wrap(decoder, pc + distance + (word >> 23 & 2)));
        operand_word(decoder, instruction, 0x01ffffff);
        known_clear_set(decoder, CALL_CLOBBERED);
        return;
    }
    if (word >> 28 != 15 && (form_refer(decoder, arm_forms, ARRAY_COUNT(arm_forms), word, pc, instruction) ||
                             !arm_refer_data(decoder, word, instruction)))
        arm_clear_written(decoder, word);
}

/* ---- Thumb ---- */

#define THUMB_CALL_BITS 0x07ff2fffu
#define THUMB_COND_BITS 0x043f2fffu
#define THUMB_MOVE_BITS 0x040f70ffu

static bool thumb_branch(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    uint64_t pc = instruction->address + 4;
    uint32_t sign = word >> 26 & 1, j1 = word >> 13 & 1, j2 = word >> 11 & 1, kind = word & 0xf800d000;
    bool conditional = kind == 0xf0008000 && (word >> 22 & 15) < 14, exchange = kind == 0xf000c000;
    if (!conditional && kind != 0xf000d000 && kind != 0xf0009000 && !exchange)
        return false;
    uint32_t field = conditional ? sign << 19 | j2 << 18 | j1 << 17 | (word >> 16 & 0x3f) << 11 | (word & 0x7ff)
                                 : sign << 23 | (j1 ^ sign ^ 1) << 22 | (j2 ^ sign ^ 1) << 21 |
                                       (word >> 16 & 0x3ff) << 11 | (word & 0x7ff);
    uint64_t distance = (uint64_t)sign_extend(field, conditional ? 20 : 24) << 1;
    bool call = exchange || kind == 0xf000d000;
    refer_to(instruction, call ? REFERENCE_CALL : REFERENCE_JUMP,
             decode_wrap(decoder, (exchange ? pc & ~(uint64_t)3 : pc) + distance));
    operand_word(decoder, instruction, conditional ? THUMB_COND_BITS : THUMB_CALL_BITS);
    known_clear_set(decoder, call ? CALL_CLOBBERED : 0);
    return true;
}

static uint32_t thumb_move_value(uint32_t word)
{
    return (word >> 4 & 0xf000) | (word >> 15 & 0x800) | (word >> 4 & 0x700) | (word & 0xff);
}

static void refer_thumb_wide(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    uint64_t pc = (instruction->address + 4) & ~(uint64_t)3;
    bool up = (word & 0x00800000) != 0;
    unsigned rt = word >> 12 & 15, rd = word >> 8 & 15;
    if (thumb_branch(decoder, word, instruction))
        return;
    if ((word & 0xff7f0000) == 0xf85f0000) { /* LDR (literal) */
        uint64_t distance = word & 0xfff;
        operand_word(decoder, instruction, 0x00800fff);
        load_from_pool(decoder, rt, up ? pc + distance : pc - distance, instruction);
    } else if ((word & 0xff3f0e00) == 0xed1f0a00) { /* VLDR (literal) */
        uint64_t distance = (uint64_t)(word & 0xff) << 2;
        refer_to(instruction, REFERENCE_DATA, decode_wrap(decoder, up ? pc + distance : pc - distance));
        operand_word(decoder, instruction, 0x008000ff);
    } else if ((word & 0xfb5f8000) == 0xf20f0000) { /* ADR */
        uint64_t distance = (word >> 15 & 0x800) | (word >> 4 & 0x700) | (word & 0xff);
        refer_to(instruction, REFERENCE_DATA, decode_wrap(decoder, up ? pc - distance : pc + distance));
        operand_word(decoder, instruction, 0x040070ff);
        known_clear(decoder, rd);
    } else if ((word & 0xfbf08000) == 0xf2400000) {
        move_low(decoder, rd, thumb_move_value(word), THUMB_MOVE_BITS, instruction);
    } else if ((word & 0xfbf08000) == 0xf2c00000) {
        move_high(decoder, rd, thumb_move_value(word), THUMB_MOVE_BITS, instruction);
    } else {
        known_clear(decoder, rt);
        known_clear(decoder, rd);
    }
}

static void thumb_clear_written(struct decoder *decoder, uint32_t half)
{
    unsigned low = half & 7, high = half >> 8 & 7;
    bool load = (half & 0x0800) != 0;
    if ((half & 0xff80) == 0x4780) /* BLX */
        known_clear_set(decoder, CALL_CLOBBERED);
    else if (half >= 0x4400 && half < 0x4800)
        known_clear(decoder, low | (half >> 4 & 8));
    else if (half >= 0x2000 && half < 0x4000)
        known_clear(decoder, high);
    else if (half >= 0x5000 && half < 0x6000)
        known_clear_set(decoder, (half >> 9 & 7) >= 3 ? (uint64_t)1 << low : 0);
    else if (half >= 0x6000 && half < 0x9000)
        known_clear_set(decoder, load ? (uint64_t)1 << low : 0);
    else if (half >= 0x9000 && half < 0xb000)
        known_clear_set(decoder, load || half >= 0xa000 ? (uint64_t)1 << high : 0);
    else if (half >= 0xbc00 && half < 0xbe00)
        known_clear_set(decoder, half & 0xff);
    else if (half >= 0xc000 && half < 0xd000)
        known_clear_set(decoder, (load ? half & 0xff : 0) | (uint64_t)1 << high);
    else
        known_clear(decoder, low);
}

static void refer_thumb_narrow(struct decoder *decoder, uint16_t half, struct instruction *instruction)
{
    uint64_t pc = instruction->address + 4;
    if ((half & 0xf800) == 0xe000) {
        refer_to(instruction, REFERENCE_JUMP, decode_wrap(decoder, pc + ((uint64_t)sign_extend(half, 11) << 1)));
        operand_half(decoder, instruction, 0, 0x07ff);
    } else if ((half & 0xf000) == 0xd000 && (half >> 8 & 15) < 14) {
        refer_to(instruction, REFERENCE_JUMP, decode_wrap(decoder, pc + ((uint64_t)sign_extend(half, 8) << 1)));
        operand_half(decoder, instruction, 0, 0x00ff);
    } else if ((half & 0xf500) == 0xb100) { /* CBZ, CBNZ */
        refer_to(instruction, REFERENCE_JUMP, decode_wrap(decoder, pc + (half >> 3 & 0x40) + (half >> 2 & 0x3e)));
        operand_half(decoder, instruction, 0, 0x02f8);
    } else if ((half & 0xf800) == 0x4800) { /* LDR (literal) */
        operand_half(decoder, instruction, 0, 0x00ff);
        load_from_pool(decoder, half >> 8 & 7, (pc & ~(uint64_t)3) + ((uint64_t)(half & 0xff) << 2), instruction);
    } else if ((half & 0xf800) == 0xa000) { /* ADR */
        refer_to(instruction, REFERENCE_DATA,
                 decode_wrap(decoder, (pc & ~(uint64_t)3) + ((uint64_t)(half & 0xff) << 2)));
        operand_half(decoder, instruction, 0, 0x00ff);
        known_clear(decoder, half >> 8 & 7);
    } else if ((half & 0xff78) == 0x4478) { /* ADD with the pc */
        unsigned rd = (half & 7) | (half >> 4 & 8);
        add_to_pc(decoder, rd, pc, instruction);
        known_clear(decoder, rd);
    } else {
        thumb_clear_written(decoder, half);
    }
}

void refer_thumb(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    uint16_t half = decode_u16(decoder, bytes);
    if (instruction->size == 4)
        refer_thumb_wide(decoder, (uint32_t)half << 16 | decode_u16(decoder, bytes + 2), instruction);
    else
        refer_thumb_narrow(decoder, half, instruction);
}
