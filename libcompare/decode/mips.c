/*
 * MIPS: what refers to an address ("MIPS Architecture for Programmers", volume II, and the System V ABI's MIPS
 * supplement). lui loads the upper half; gp points into the GOT, whose local entries hold pages that a rest is added to.
 */
#include "parts.h"

#define GP       28
#define IMM_BITS 0x0000ffffu
/* $at, $v0 to $t7, $t8 and $t9. */
#define CALL_CLOBBERED 0x0300fffeu

enum {
    OP_SPECIAL = 0,
    OP_REGIMM = 1,
    OP_J = 2,
    OP_JAL = 3,
    OP_ADDIU = 9,
    OP_ORI = 13,
    OP_LUI = 15,
    OP_COP1 = 17,
    OP_DADDIU = 25,
    OP_LOADS = 32,
    OP_STORES = 40,
    OP_LOADS64 = 48
};

static bool refer_branch(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    unsigned op = word >> 26, rs = word >> 21 & 31, rt = word >> 16 & 31;
    uint64_t pc = instruction->address + 4;
    bool link = op == OP_REGIMM && rt >= 16 && rt <= 19;
    if (op == OP_J || op == OP_JAL) {
        uint64_t target = (pc & ~(uint64_t)0x0fffffff) | (uint64_t)(word & 0x03ffffff) << 2;
        refer_to(instruction, op == OP_JAL ? REFERENCE_CALL : REFERENCE_JUMP, decode_wrap(decoder, target));
        operand_word(decoder, instruction, 0x03ffffff);
        return true;
    }
    if (!(op >= 4 && op <= 7) && !(op >= 20 && op <= 23) && !(op == OP_REGIMM && rt <= 3) && !link &&
        !(op == OP_COP1 && rs == 8))
        return false;
    refer_to(instruction, link ? REFERENCE_CALL : REFERENCE_JUMP,
             decode_wrap(decoder, pc + ((uint64_t)sign_extend(word, 16) << 2)));
    operand_word(decoder, instruction, IMM_BITS);
    return true;
}

static bool is_access(unsigned op)
{
    return op >= OP_LOADS || op == 26 || op == 27;
}

static bool is_store(unsigned op)
{
    return (op >= OP_STORES && op < OP_LOADS64) || op >= 56;
}

/* Of a function that sets up its own gp: what it adds to its address. */
static bool is_gp_setup(const struct decoder *decoder, uint64_t value)
{
    return decoder->gp != 0 && decode_wrap(decoder, decoder->address + value) == decode_wrap(decoder, decoder->gp);
}

static bool refer_rest(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    unsigned op = word >> 26, rs = word >> 21 & 31;
    const struct known *known = &decoder->registers[rs];
    if (!known->set || (op != OP_ADDIU && op != OP_DADDIU && op != OP_ORI && !is_access(op)))
        return false;
    uint64_t rest = op == OP_ORI ? word & IMM_BITS : (uint64_t)sign_extend(word, 16);
    uint64_t whole = decode_wrap(decoder, known->value + rest);
    /* What the GOT gave is an address already; a half from lui could be that of a number. */
    bool address = known->operand == 0 || decoder->first[known->index].reference != REFERENCE_NONE
                       ? decode_is_loaded(decoder, whole)
                       : decode_is_absolute(decoder, whole);
    if (!address && !is_gp_setup(decoder, whole))
        return false;
    if (!address)
        whole = decode_wrap(decoder, decoder->gp);
    known_complete(decoder, instruction, rs, whole, IMM_BITS);
    instruction->got = !address;
    return true;
}

/* An entry of the GOT, or small data. */
static bool refer_to_gp(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    unsigned op = word >> 26, rs = word >> 21 & 31, rt = word >> 16 & 31;
    struct range range;
    if (rs != GP || decoder->gp == 0 || decoder->registers[GP].set ||
        (op != OP_ADDIU && op != OP_DADDIU && !is_access(op)))
        return false;
    uint64_t target = decode_wrap(decoder, decoder->gp + (uint64_t)sign_extend(word, 16));
    refer_to(instruction, REFERENCE_DATA, target);
    operand_word(decoder, instruction, IMM_BITS);
    bool pointer = op == 35 || op == 55; /* lw, ld */
    uint64_t size = op == 55 ? 8 : 4;
    if (!pointer)
        return true;
    known_clear(decoder, rt);
    if (image_file_range(decoder->image, target, size, &range) && image_bytes(decoder->image, range) != NULL) {
        const uint8_t *entry = image_bytes(decoder->image, range);
        uint64_t value = size == 8 ? image_u64(decoder->image, entry) : image_u32(decoder->image, entry);
        if (decode_is_loaded(decoder, value))
            known_set(decoder, rt, value, IMM_BITS);
    }
    return true;
}

static void clear_written(struct decoder *decoder, uint32_t word)
{
    unsigned op = word >> 26;
    if (op == OP_SPECIAL)
        known_clear(decoder, word >> 11 & 31);
    else if (!is_store(op) && op != OP_REGIMM && op != OP_J && op != OP_JAL && !(op >= 4 && op <= 7))
        known_clear(decoder, word >> 16 & 31);
}

static bool is_call(uint32_t word, const struct instruction *instruction)
{
    return instruction->reference == REFERENCE_CALL || (word >> 26 == OP_SPECIAL && (word & 0x3f) == 9);
}

/* What is relocated stands for itself; REL has its addend in the field. */
static bool refer_relocated(struct decoder *decoder, uint32_t word, struct instruction *instruction)
{
    unsigned op = word >> 26;
    if (!instruction->relocated || op == OP_SPECIAL)
        return false;
    refer_to(instruction, REFERENCE_DATA, word & IMM_BITS);
    operand_word(decoder, instruction, IMM_BITS);
    return true;
}

void refer_mips(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    uint32_t word = decode_u32(decoder, bytes);
    bool delayed = decoder->delayed, branch = refer_branch(decoder, word, instruction);
    decoder->delayed = is_call(word, instruction);
    if (!branch && !refer_relocated(decoder, word, instruction)) {
        unsigned rt = word >> 16 & 31;
        if (word >> 26 == OP_LUI) {
            known_set(decoder, rt, (uint64_t)sign_extend(word, 16) << 16, IMM_BITS);
        } else if (!refer_to_gp(decoder, word, instruction)) {
            bool keeps_page = refer_rest(decoder, word, instruction) && is_store(word >> 26);
            if (!keeps_page)
                clear_written(decoder, word);
        } else if (!decoder->registers[rt].set || decoder->registers[rt].index != decoder->index) {
            clear_written(decoder, word);
        }
    }
    if (delayed)
        known_clear_set(decoder, CALL_CLOBBERED);
}
