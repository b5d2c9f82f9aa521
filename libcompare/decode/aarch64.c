/*
 * AArch64: what refers to an address ("Arm Architecture Reference Manual", C4). ADRP loads a page; what adds the rest is
 * ADD, or a load or store with an unsigned offset.
 */
#include "parts.h"

static const struct form forms[] = {
    {0xfc000000, 0x14000000, 0x03ffffff, 2, REFERENCE_JUMP}, /* B */
    {0xfc000000, 0x94000000, 0x03ffffff, 2, REFERENCE_CALL}, /* BL */
    {0xff000000, 0x54000000, 0x00ffffe0, 2, REFERENCE_JUMP}, /* B.cond */
    {0x7e000000, 0x34000000, 0x00ffffe0, 2, REFERENCE_JUMP}, /* CBZ, CBNZ */
    {0x7e000000, 0x36000000, 0x0007ffe0, 2, REFERENCE_JUMP}, /* TBZ, TBNZ */
    {0x3b000000, 0x18000000, 0x00ffffe0, 2, REFERENCE_DATA}, /* LDR (literal) */
};

#define ADR_BITS   0x60ffffe0u
#define IMM12_BITS 0x003ffc00u
/* x0 to x18, and x30. */
#define CALL_CLOBBERED 0x4007ffffu
#define ZERO_REGISTER  31

static bool refer_page(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    bool page = (word & 0x9f000000) == 0x90000000;
    if (!page && (word & 0x9f000000) != 0x10000000)
        return false;
    unsigned rd = word & 31;
    uint32_t field = form_field(word, 0x00ffffe0) << 2 | form_field(word, 0x60000000);
    uint64_t distance = (uint64_t)sign_extend(field, 21);
    uint64_t target =
        page ? (instruction->address & ~(uint64_t)0xfff) + (distance << 12) : instruction->address + distance;
    target = decode_wrap(decoder, target);
    refer_to(instruction, REFERENCE_DATA, target);
    operand_word(decoder, instruction, ADR_BITS);
    instruction->partial = page && !instruction->relocated;
    known_clear(decoder, rd);
    if (page && rd != ZERO_REGISTER)
        known_set(decoder, rd, target, ADR_BITS);
    return true;
}

static unsigned access_scale(uint32_t word)
{
    bool quad = (word & 0xc4800000) == 0x04800000;
    return quad ? 4 : word >> 30;
}

static bool refer_rest(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    unsigned rn = word >> 5 & 31;
    bool add = (word & 0xffc00000) == 0x91000000, access = (word & 0x3b000000) == 0x39000000;
    if ((!add && !access) || !decoder->registers[rn].set || instruction->relocated)
        return false;
    uint64_t rest = (uint64_t)form_field(word, IMM12_BITS) << (add ? 0 : access_scale(word));
    known_complete(decoder, instruction, rn, decode_wrap(decoder, decoder->registers[rn].value + rest), IMM12_BITS);
    return true;
}

static void clear_access(struct decoder *decoder, uint32_t word)
{
    bool simd = (word & 0x04000000) != 0;
    if ((word & 0x3a000000) == 0x28000000) { /* pairs */
        if (!simd && (word & 0x00400000) != 0)
            known_clear_set(decoder, (uint64_t)1 << (word & 31) | (uint64_t)1 << (word >> 10 & 31));
        if ((word & 0x00800000) != 0)
            known_clear(decoder, word >> 5 & 31);
        return;
    }
    bool plain_store = (word & 0x3a000000) == 0x38000000 && (word & 0x00c00000) == 0;
    if (!simd && !plain_store)
        known_clear(decoder, word & 31);
    if ((word & 0x3f000000) == 0x08000000 || (word & 0x3b200c00) == 0x38200000)
        known_clear(decoder, word >> 16 & 31);
    if ((word & 0x3b200400) == 0x38000400)
        known_clear(decoder, word >> 5 & 31);
}

/* What the instruction may write no longer holds a page. */
static void clear_written(struct decoder *decoder, uint32_t word)
{
    if ((word & 0x0a000000) == 0x08000000) {
        clear_access(decoder, word);
    } else if ((word & 0x1c000000) == 0x14000000) {
        bool call = (word & 0xfc000000) == 0x94000000 || (word & 0xfffffc1f) == 0xd63f0000;
        known_clear_set(decoder, call ? CALL_CLOBBERED : 0);
        if ((word & 0xffe00000) == 0xd5200000)
            known_clear(decoder, word & 31);
    } else {
        known_clear(decoder, word & 31);
    }
}

void refer_aarch64(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    uint32_t word = decode_u32(decoder, bytes);
    if (refer_page(decoder, word, instruction))
        return;
    if (!form_refer(decoder, forms, ARRAY_COUNT(forms), word, instruction->address, instruction))
        refer_rest(decoder, word, instruction);
    clear_written(decoder, word);
}
