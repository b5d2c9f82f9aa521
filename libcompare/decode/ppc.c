/*
 * PowerPC: what refers to an address (Power ISA, book I, and the ELFv2 ABI). lis and addis load the upper half; r2 is the
 * TOC of 64 bits; code of 32 bits that can be moved gets its address from LR.
 */
#include "parts.h"

static const struct form forms[] = {
    {0xfc000003, 0x48000000, 0x03fffffc, 2, REFERENCE_JUMP}, /* b */
    {0xfc000003, 0x48000001, 0x03fffffc, 2, REFERENCE_CALL}, /* bl */
    {0xfc000003, 0x40000000, 0x0000fffc, 2, REFERENCE_JUMP}, /* bc */
    {0xfc000003, 0x40000001, 0x0000fffc, 2, REFERENCE_CALL}, /* bcl */
};
static const struct form absolute_forms[] = {
    {0xfc000003, 0x48000002, 0x03fffffc, 2, REFERENCE_JUMP}, /* ba */
    {0xfc000003, 0x48000003, 0x03fffffc, 2, REFERENCE_CALL}, /* bla */
};

#define TOC      2
#define GOT      30
#define LR       32
#define IMM_BITS 0x0000ffffu
/* r0, r3 to r12, LR. */
#define CALL_CLOBBERED 0x100001ff9u

enum {
    OP_ADDI = 14,
    OP_ADDIS = 15,
    OP_ORI = 24,
    OP_XORIS = 27,
    OP_ANDIS = 29,
    OP_X = 31,
    OP_ACCESS = 32,
    OP_LMW = 46,
    OP_ACCESS_END = 56,
    OP_LD = 58,
    OP_STD = 62
};

static bool is_access(unsigned op)
{
    return (op >= OP_ACCESS && op < OP_ACCESS_END) || op == OP_LD || op == OP_STD;
}

static bool is_store(unsigned op)
{
    return (op >= 36 && op <= 39) || op == 44 || op == 45 || op == 47 || op >= 52;
}

static uint32_t rest_bits(unsigned op)
{
    return op == OP_LD || op == OP_STD ? 0x0000fffc : IMM_BITS;
}

static void refer_upper(struct decoder *decoder, uint32_t word)
{
    unsigned rt = word >> 21 & 31, ra = word >> 16 & 31;
    uint64_t value = (uint64_t)sign_extend(word, 16) << 16;
    const struct known base = decoder->registers[ra];
    known_clear(decoder, rt);
    if (ra == 0)
        known_set(decoder, rt, value, IMM_BITS);
    else if (ra == TOC && decoder->image->is64 && decoder->gp != 0)
        known_set(decoder, rt, decoder->gp + value, IMM_BITS);
    else if (ra == 12 && decoder->index == 0 && decoder->image->is64)
        known_set(decoder, rt, decoder->address + value, IMM_BITS);
    else if (base.set && base.whole)
        known_set(decoder, rt, decode_wrap(decoder, base.value + value), IMM_BITS);
}

/* Whether the upper half was a number on its own, so that only what cannot be moved tells an address. */
static bool is_lis(const struct decoder *decoder, const struct known *known)
{
    uint64_t offset = decode_wrap(decoder, decoder->first[known->index].address - decoder->address);
    return !known->whole && (decode_u32(decoder, decoder->bytes + offset) >> 16 & 31) == 0;
}

static bool refer_rest(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    unsigned op = word >> 26, base = op == OP_ORI ? word >> 21 & 31 : word >> 16 & 31, rt = word >> 21 & 31;
    uint32_t bits = rest_bits(op);
    if ((op != OP_ADDI && op != OP_ORI && !is_access(op)) || (base == 0 && op != OP_ORI))
        return false;
    uint64_t rest = op == OP_ORI ? word & bits : (uint64_t)sign_extend(word & bits, 16);
    if (base == TOC && op != OP_ORI && decoder->image->is64 && decoder->gp != 0 && !decoder->registers[TOC].set) {
        refer_to(instruction, REFERENCE_DATA, decoder->gp + rest);
        operand_word(decoder, instruction, bits);
        return true;
    }
    const struct known known = decoder->registers[base];
    uint64_t whole = decode_wrap(decoder, known.value + rest);
    bool lis = known.set && is_lis(decoder, &known);
    /* The register that code of 32 bits keeps the GOT in, some way into it; what is loaded by it is looked at. */
    bool got = known.set && !lis && !known.whole && op == OP_ADDI && rt == GOT && base == GOT &&
               !decoder->image->is64 && decoder->image->header.e_type == ET_DYN;
    if (!known.set || (lis && !decode_is_absolute(decoder, whole)) ||
        (!lis && !got && !decode_is_loaded(decoder, whole)))
        return false;
    known_complete(decoder, instruction, base, whole, bits);
    instruction->got = got || (base == TOC && rt == TOC && op == OP_ADDI && decoder->gp != 0 && whole == decoder->gp);
    if (got)
        known_set_whole(decoder, rt, whole);
    else if (!is_store(op))
        known_clear(decoder, op == OP_ORI ? word >> 16 & 31 : rt);
    return true;
}

static void clear_written(struct decoder *decoder, uint32_t word)
{
    unsigned op = word >> 26, rt = word >> 21 & 31, ra = word >> 16 & 31;
    if (op == OP_LMW) {
        known_clear_set(decoder, 0xffffffffu & ~(((uint64_t)1 << rt) - 1));
    } else if (is_access(op)) {
        if (!is_store(op))
            known_clear(decoder, rt);
        if ((op & 1) != 0 && op < OP_ACCESS_END)
            known_clear(decoder, ra);
    } else if (op >= 20 && op <= OP_ANDIS) {
        known_clear(decoder, ra);
    } else {
        known_clear(decoder, rt);
        known_clear(decoder, ra);
    }
}

static bool refer_branch(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    if (!form_refer(decoder, forms, ARRAY_COUNT(forms), word, instruction->address, instruction) &&
        !form_refer(decoder, absolute_forms, ARRAY_COUNT(absolute_forms), word, 0, instruction))
        return false;
    if (instruction->reference == REFERENCE_CALL) {
        bool here = instruction->target == decode_wrap(decoder, instruction->address + 4);
        known_clear_set(decoder, here ? 0 : CALL_CLOBBERED);
        if (here)
            known_set_whole(decoder, LR, instruction->target);
    }
    return true;
}

void refer_ppc(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    uint32_t word = decode_u32(decoder, bytes);
    if (refer_branch(decoder, word, instruction))
        return;
    if (word >> 26 == OP_ADDIS) {
        refer_upper(decoder, word);
    } else if ((word & 0xfc1fffff) == 0x7c0802a6) { /* mflr */
        unsigned rt = word >> 21 & 31;
        known_clear(decoder, rt);
        if (decoder->registers[LR].set)
            known_set_whole(decoder, rt, decoder->registers[LR].value);
    } else if ((word & 0xfc0007fe) == 0x4c000420 || (word & 0xfc0007fe) == 0x4c000020) { /* bcctr, bclr */
        known_clear_set(decoder, (word & 1) != 0 ? CALL_CLOBBERED : 0);
    } else if (instruction->relocated || !refer_rest(decoder, word, instruction)) {
        clear_written(decoder, word);
    }
}
