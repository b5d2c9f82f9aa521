/*
 * x86-64 and i386: what refers to an address. Capstone tells where displacement and immediate stand in the bytes, and
 * is wrong about their size after a prefix 66, so that each is believed only where its bytes say the same.
 */
#include "parts.h"

struct field {
    size_t at, size;
    uint64_t value; /* sign extended */
};

static bool field_read(const uint8_t *bytes, size_t instruction_size, size_t at, size_t size, struct field *field)
{
    if (at == 0 || size == 0 || size > 8 || at + size > instruction_size)
        return false;
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[at + i];
    *field = (struct field){at, size, (uint64_t)sign_extend(value, (unsigned)size * 8)};
    return true;
}

static bool in_group(const cs_detail *detail, uint8_t group)
{
    for (size_t i = 0; i < detail->groups_count; i++) {
        if (detail->groups[i] == group)
            return true;
    }
    return false;
}

/* A jump or a call whose only operand is its target. */
static bool refer_branch(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    const cs_x86 *x86 = &decoder->insn->detail->x86;
    bool call = in_group(decoder->insn->detail, CS_GRP_CALL);
    struct field field;
    if (x86->op_count != 1 || x86->operands[0].type != X86_OP_IMM ||
        (!call && !in_group(decoder->insn->detail, CS_GRP_JUMP)) ||
        !field_read(bytes, instruction->size, x86->encoding.imm_offset, x86->encoding.imm_size, &field) ||
        field.at + field.size != instruction->size)
        return false;
    uint64_t target = decode_wrap(decoder, instruction->address + instruction->size + field.value);
    if (target != decode_wrap(decoder, (uint64_t)x86->operands[0].imm))
        return false;
    refer_to(instruction, call ? REFERENCE_CALL : REFERENCE_JUMP, target);
    operand_bytes(instruction, field.at, field.size);
    uint8_t first = bytes[0];
    instruction->plain_jump = instruction->size == 2 ? first == 0xeb || (first & 0xf0) == 0x70
                              : instruction->size == 5
                                  ? first == 0xe9
                                  : instruction->size == 6 && first == 0x0f && (bytes[1] & 0xf0) == 0x80;
    return true;
}

static bool is_address(const struct decoder *decoder, const uint8_t *bytes, const struct field *field, uint64_t value)
{
    return decode_is_absolute(decoder, value) || relocation_in(decoder, bytes + field->at, field->size);
}

/* A displacement: relative to the pc, or in an executable that is not moved. */
static bool refer_memory(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    const cs_x86 *x86 = &decoder->insn->detail->x86;
    struct field field;
    for (size_t i = 0; i < x86->op_count; i++) {
        const x86_op_mem *memory = &x86->operands[i].mem;
        bool movabs = x86->encoding.disp_size == 8 && decoder->image->is64;
        if (x86->operands[i].type != X86_OP_MEM ||
            !field_read(bytes, instruction->size, x86->encoding.disp_offset, movabs ? 8 : 4, &field))
            continue;
        bool relative = memory->base == X86_REG_RIP || memory->base == X86_REG_EIP;
        if ((uint32_t)field.value != (uint32_t)memory->disp)
            continue;
        uint64_t target =
            decode_wrap(decoder, relative ? instruction->address + instruction->size + field.value : field.value);
        if (memory->base == X86_REG_EIP)
            target = (uint32_t)target;
        if (!relative && (memory->segment == X86_REG_FS || memory->segment == X86_REG_GS ||
                          !is_address(decoder, bytes, &field, target)))
            continue;
        refer_to(instruction, REFERENCE_DATA, target);
        operand_bytes(instruction, field.at, field.size);
        return true;
    }
    return false;
}

static bool refer_immediate(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    const cs_x86 *x86 = &decoder->insn->detail->x86;
    const cs_x86_op *last = x86->op_count == 0 ? NULL : &x86->operands[x86->op_count - 1];
    struct field field;
    if (last == NULL || last->type != X86_OP_IMM || x86->encoding.imm_size < 4 ||
        !field_read(bytes, instruction->size, x86->encoding.imm_offset, x86->encoding.imm_size, &field) ||
        field.at + field.size != instruction->size || (uint32_t)field.value != (uint32_t)last->imm)
        return false;
    uint64_t target = decode_wrap(decoder, field.size == 4 && last->size == 4 ? (uint32_t)field.value : field.value);
    if (!is_address(decoder, bytes, &field, target))
        return false;
    refer_to(instruction, REFERENCE_DATA, target);
    operand_bytes(instruction, field.at, field.size);
    return true;
}

/* ---- The GOT of i386: a call that leaves the pc in a register, then the distance is added ---- */

static bool is_32_bit(x86_reg number)
{
    return number == X86_REG_EAX || number == X86_REG_EBX || number == X86_REG_ECX || number == X86_REG_EDX ||
           number == X86_REG_ESI || number == X86_REG_EDI || number == X86_REG_EBP;
}

static bool refer_got(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    const cs_x86 *x86 = &decoder->insn->detail->x86;
    struct field field;
    if (decoder->got == 0 || decoder->insn->id != X86_INS_ADD || decoder->index == 0 || x86->op_count != 2 ||
        x86->operands[0].type != X86_OP_REG || !is_32_bit(x86->operands[0].reg) ||
        x86->operands[1].type != X86_OP_IMM || decoder->first[decoder->index - 1].reference != REFERENCE_CALL ||
        !field_read(bytes, instruction->size, x86->encoding.imm_offset, 4, &field) ||
        decode_wrap(decoder, instruction->address + field.value) != decoder->got)
        return false;
    refer_to(instruction, REFERENCE_DATA, decoder->got);
    instruction->got = true;
    operand_bytes(instruction, field.at, field.size);
    known_set_whole(decoder, x86->operands[0].reg, decoder->got);
    return true;
}

/* A displacement from the GOT. */
static bool refer_from_got(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    const cs_x86 *x86 = &decoder->insn->detail->x86;
    struct field field;
    for (size_t i = 0; i < x86->op_count; i++) {
        const x86_op_mem *memory = &x86->operands[i].mem;
        if (x86->operands[i].type != X86_OP_MEM || !is_32_bit(memory->base) || !decoder->registers[memory->base].set ||
            !field_read(bytes, instruction->size, x86->encoding.disp_offset, x86->encoding.disp_size, &field) ||
            (uint32_t)field.value != (uint32_t)memory->disp)
            continue;
        refer_to(instruction, REFERENCE_DATA, decode_wrap(decoder, decoder->got + field.value));
        operand_bytes(instruction, field.at, field.size);
        return true;
    }
    return false;
}

static void clear_written(struct decoder *decoder, const struct instruction *instruction)
{
    const cs_x86 *x86 = &decoder->insn->detail->x86;
    if (instruction->reference == REFERENCE_CALL || decoder->insn->id == X86_INS_CALL) {
        known_clear(decoder, X86_REG_EAX);
        known_clear(decoder, X86_REG_ECX);
        known_clear(decoder, X86_REG_EDX);
    }
    for (size_t i = 0; i < x86->op_count; i++) {
        const cs_x86_op *operand = &x86->operands[i];
        if (operand->type == X86_OP_REG && is_32_bit(operand->reg) && (operand->access & CS_AC_WRITE) != 0)
            known_clear(decoder, operand->reg);
    }
}

void refer_x86(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    instruction->nop = decoder->insn->id == X86_INS_NOP;
    instruction->trap = decoder->insn->id == X86_INS_INT3;
    if (refer_branch(decoder, bytes, instruction) || refer_memory(decoder, bytes, instruction) ||
        refer_immediate(decoder, bytes, instruction) || decoder->got == 0) {
        clear_written(decoder, instruction);
    } else if (!refer_got(decoder, bytes, instruction)) {
        refer_from_got(decoder, bytes, instruction);
        clear_written(decoder, instruction);
    }
}
