/*
 * s390x: what refers to an address ("z/Architecture Principles of Operation"). All of it is relative to the instruction's
 * beginning, in halfwords.
 */
#include "parts.h"

struct opcode {
    uint8_t first, second, second_mask; /* the first two bytes */
    uint8_t last;                       /* the last of six; 0: any */
    uint8_t size;                       /* of the distance, at byte 2 */
    enum reference_kind kind;
};

static const struct opcode opcodes[] = {
    {0xc0, 0x00, 0x0f, 0, 4, REFERENCE_DATA},    /* LARL */
    {0xc0, 0x04, 0x0f, 0, 4, REFERENCE_JUMP},    /* BRCL */
    {0xc0, 0x05, 0x0f, 0, 4, REFERENCE_CALL},    /* BRASL */
    {0xc4, 0x00, 0x00, 0, 4, REFERENCE_DATA},    /* LRL, LGRL, STRL, ... */
    {0xc6, 0x00, 0x00, 0, 4, REFERENCE_DATA},    /* EXRL, CRL, CGRL, ... */
    {0xcc, 0x06, 0x0f, 0, 4, REFERENCE_JUMP},    /* BRCTH */
    {0xa7, 0x04, 0x0f, 0, 2, REFERENCE_JUMP},    /* BRC */
    {0xa7, 0x05, 0x0f, 0, 2, REFERENCE_CALL},    /* BRAS */
    {0xa7, 0x06, 0x0e, 0, 2, REFERENCE_JUMP},    /* BRCT, BRCTG */
    {0x84, 0x00, 0x00, 0, 2, REFERENCE_JUMP},    /* BRXH */
    {0x85, 0x00, 0x00, 0, 2, REFERENCE_JUMP},    /* BRXLE */
    {0xec, 0x00, 0x00, 0x44, 2, REFERENCE_JUMP}, /* BRXHG */
    {0xec, 0x00, 0x00, 0x45, 2, REFERENCE_JUMP}, /* BRXLG */
    {0xec, 0x00, 0x00, 0x64, 2, REFERENCE_JUMP}, /* CGRJ */
    {0xec, 0x00, 0x00, 0x65, 2, REFERENCE_JUMP}, /* CLGRJ */
    {0xec, 0x00, 0x00, 0x76, 2, REFERENCE_JUMP}, /* CRJ */
    {0xec, 0x00, 0x00, 0x77, 2, REFERENCE_JUMP}, /* CLRJ */
    {0xec, 0x00, 0x00, 0x7c, 2, REFERENCE_JUMP}, /* CGIJ */
    {0xec, 0x00, 0x00, 0x7d, 2, REFERENCE_JUMP}, /* CLGIJ */
    {0xec, 0x00, 0x00, 0x7e, 2, REFERENCE_JUMP}, /* CIJ */
    {0xec, 0x00, 0x00, 0x7f, 2, REFERENCE_JUMP}, /* CLIJ */
};

void refer_s390(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
        const struct opcode *opcode = &opcodes[i];
        if (instruction->size < 2 + opcode->size || bytes[0] != opcode->first ||
            (bytes[1] & opcode->second_mask) != opcode->second ||
            (opcode->last != 0 && (instruction->size != 6 || bytes[5] != opcode->last)))
            continue;
        uint32_t field = opcode->size == 4 ? decode_u32(decoder, bytes + 2) : decode_u16(decoder, bytes + 2);
        uint64_t distance = (uint64_t)sign_extend(field, opcode->size * 8u) << 1;
        refer_to(instruction, opcode->kind, decode_wrap(decoder, instruction->address + distance));
        operand_bytes(instruction, 2, opcode->size);
        return;
    }
}
