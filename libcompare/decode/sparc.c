/* SPARC: what refers to an address ("The SPARC Architecture Manual", version 9, A). sethi loads the upper 22 bits. */
#include "parts.h"

static const struct form forms[] = {
    {0xc0000000, 0x40000000, 0x3fffffff, 2, REFERENCE_CALL}, /* CALL */
    {0xc1c00000, 0x00800000, 0x003fffff, 2, REFERENCE_JUMP}, /* Bicc */
    {0xc1c00000, 0x01800000, 0x003fffff, 2, REFERENCE_JUMP}, /* FBfcc */
    {0xc1c00000, 0x00400000, 0x0007ffff, 2, REFERENCE_JUMP}, /* BPcc */
    {0xc1c00000, 0x01400000, 0x0007ffff, 2, REFERENCE_JUMP}, /* FBPfcc */
};

#define SETHI_BITS 0x003fffffu
#define IMM_BITS   0x00001fffu
/* %g1 to %g5, %o0 to %o5, %o7. */
#define CALL_CLOBBERED 0x0000bf3eu

enum { OP3_ADD = 0, OP3_OR = 2, OP3_JMPL = 0x38, OP3_SAVE = 0x3c, OP3_RESTORE = 0x3d };

/* BPr has its distance in two fields. */
static bool refer_register_branch(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    if ((word & 0xd1c00000) != 0x00c00000)
        return false;
    uint64_t distance = (uint64_t)sign_extend((word >> 6 & 0xc000) | (word & 0x3fff), 16) << 2;
    refer_to(instruction, REFERENCE_JUMP, decode_wrap(decoder, instruction->address + distance));
    operand_word(decoder, instruction, 0x00303fff);
    return true;
}

static bool is_store(uint32_t word)
{
    unsigned op3 = word >> 19 & 0x3f;
    return word >> 30 == 3 && (op3 & 4) != 0 && (op3 & 0xf) != 0xd && (op3 & 0xf) != 0xf;
}

static bool refer_rest(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    unsigned op = word >> 30, op3 = word >> 19 & 0x3f, rs1 = word >> 14 & 31;
    bool fits = op == 3 || (op == 2 && (op3 == OP3_ADD || op3 == OP3_OR));
    if (!fits || (word & 0x2000) == 0 || !decoder->registers[rs1].set || instruction->relocated)
        return false;
    uint64_t rest = (uint64_t)sign_extend(word, 13), base = decoder->registers[rs1].value;
    uint64_t whole = decode_wrap(decoder, op == 2 && op3 == OP3_OR ? base | rest : base + rest);
    if (!decode_is_absolute(decoder, whole))
        return false;
    known_complete(decoder, instruction, rs1, whole, IMM_BITS);
    return true;
}

static void clear_written(struct decoder *decoder, uint32_t word)
{
    unsigned op = word >> 30, op3 = word >> 19 & 0x3f, rd = word >> 25 & 31;
    if (op == 2 && (op3 == OP3_SAVE || op3 == OP3_RESTORE))
        known_clear_all(decoder);
    else if (op >= 2 && !is_store(word))
        known_clear(decoder, rd);
    if (op == 3 && (op3 & 0xf) == 3)
        known_clear(decoder, rd | 1); /* ldd */
}

void refer_sparc(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    uint32_t word = decode_u32(decoder, bytes);
    bool delayed = decoder->delayed;
    bool branch = form_refer(decoder, forms, ARRAY_COUNT(forms), word, instruction->address, instruction) ||
                  refer_register_branch(decoder, word, instruction);
    decoder->delayed = instruction->reference == REFERENCE_CALL || (word & 0xfff80000) == 0x9fc00000;
    if ((word & 0xc1c00000) == 0x01000000) {
        if (word >> 25 != 0 && !instruction->relocated)
            known_set(decoder, word >> 25 & 31, (uint64_t)(word & SETHI_BITS) << 10, SETHI_BITS);
    } else if (!branch) {
        refer_rest(decoder, word, instruction);
        clear_written(decoder, word);
    }
    if (delayed)
        known_clear_set(decoder, CALL_CLOBBERED);
}
