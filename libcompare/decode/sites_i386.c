/*
 * Sites of i386, by Zydis, with position-independent code (System V psABI i386, "position-independent function
 * prologue"): the address behind a call of __x86.get_pc_thunk, or of a call of what stands behind it, plus a distance is
 * the GOT's; displacements from that are addresses. The register, its copies and the places of the stack that it is
 * spilled to are followed. Tables of switches: GOT-relative, added to the GOT's address.
 */
#include <string.h>

#include <Zydis/Zydis.h>

#include "sites_flow.h"

#define EAX   0
#define ECX   1
#define EDX   2
#define ESP   4
#define EBP   5
#define DEPTH 8  /* a pseudo-register: by how much ESP is below its first value */
#define FRAME 9  /* the same of EBP, where it is a frame pointer */
#define TOP   10 /* the address that a call of what stands behind it pushed */
#define SLOTS 11 /* places of the stack that the GOT's address was spilled to */
#define LAST  FLOW_REGISTERS
#define KEPT  0xe8u /* ebx, ebp, esi, edi */
#define ALL   0xffu

struct i386 {
    ZydisDecoder plain, full;
    ZydisDecodedInstruction now;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    uint64_t slots[LAST - SLOTS]; /* depth of each place */
    unsigned slot_count;
};

/* ---- What is held ---- */

static bool is_based(const struct held *held)
{
    return held->kind == HELD_BASE || held->kind == HELD_MIXED;
}

static void use_slots(struct flow *flow)
{
    for (unsigned i = SLOTS; i < LAST; i++)
        flow_use(flow, i);
}

static void set_number(struct flow *flow, unsigned reg, uint64_t value)
{
    flow_set(flow, reg, HELD_WHOLE, value);
}

static bool known_depth(const struct flow *flow, unsigned reg, uint64_t *depth)
{
    const struct held *held = flow_held(flow, reg);
    *depth = held->address;
    return held->kind == HELD_WHOLE;
}

static void deepen(struct flow *flow, uint64_t bytes)
{
    uint64_t depth;
    if (known_depth(flow, DEPTH, &depth))
        set_number(flow, DEPTH, depth + bytes);
}

/* The place of the stack of this depth; 0: none. */
static unsigned slot_of(struct flow *flow, uint64_t depth, bool make)
{
    struct i386 *i386 = flow->machine.state;
    for (unsigned i = 0; i < i386->slot_count; i++) {
        if (i386->slots[i] == (uint32_t)depth)
            return SLOTS + i;
    }
    if (!make || i386->slot_count == ARRAY_COUNT(i386->slots))
        return 0;
    i386->slots[i386->slot_count] = (uint32_t)depth;
    return SLOTS + i386->slot_count++;
}

/* ---- Operands ---- */

static unsigned number_of(ZydisRegister reg)
{
    ZydisRegister large = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LEGACY_32, reg);
    return large >= ZYDIS_REGISTER_EAX && large <= ZYDIS_REGISTER_EDI ? (unsigned)(large - ZYDIS_REGISTER_EAX) : LAST;
}

static bool is_reg32(const ZydisDecodedOperand *operand)
{
    return operand->type == ZYDIS_OPERAND_TYPE_REGISTER && operand->reg.value >= ZYDIS_REGISTER_EAX &&
           operand->reg.value <= ZYDIS_REGISTER_EDI;
}

static void tell_bytes(struct flow *flow, uint8_t offset, uint8_t bits, enum site_kind kind, uint64_t target)
{
    if (flow->telling)
        site_add(flow->search, flow->at + offset, bits / 8, kind, (uint32_t)target);
}

static bool is_absolute(const struct flow *flow, uint64_t value)
{
    return decode_is_absolute(flow->search->decoder, (uint32_t)value);
}

static bool has_prefix(const ZydisDecodedInstruction *now, uint8_t value)
{
    for (size_t i = 0; i < now->raw.prefix_count; i++) {
        if (now->raw.prefixes[i].value == value)
            return true;
    }
    return false;
}

/* Of code that is not moved: whole addresses in displacement and immediate. */
static void tell_absolute(struct flow *flow, const ZydisDecodedInstruction *now)
{
    bool segment = has_prefix(now, 0x64) || has_prefix(now, 0x65);
    uint64_t value = (uint64_t)now->raw.disp.value;
    if (now->raw.disp.size == 32 && !segment && is_absolute(flow, value))
        tell_bytes(flow, now->raw.disp.offset, 32, SITE_DATA, value);
    uint64_t index;
    if (pushes_index_x86(flow->search, flow->at, &index)) {
        tell_bytes(flow, now->raw.imm[0].offset, 32, SITE_INDEX, index);
        return;
    }
    value = now->raw.imm[0].value.u;
    if (now->raw.imm[0].size == 32 && !now->raw.imm[0].is_relative && is_absolute(flow, value))
        tell_bytes(flow, now->raw.imm[0].offset, 32, SITE_DATA, value);
}

/*
 * The address of a memory operand whose base or index is the GOT's; false: it has none. The distance of what the GOT's
 * address leads to (R_386_GOTOFF, R_386_GOT32) always has 32 bits; without them it is in another register.
 */
static bool based_address(struct flow *flow, const ZydisDecodedOperand *operand, uint64_t *address)
{
    unsigned base = number_of(operand->mem.base), index = number_of(operand->mem.index);
    bool by_base = base < LAST && flow_held(flow, base)->kind == HELD_BASE;
    bool by_index = index < LAST && flow_held(flow, index)->kind == HELD_BASE && operand->mem.scale == 1;
    bool computes = operand->mem.type == ZYDIS_MEMOP_TYPE_AGEN; /* LEA: a copy, or an index is added */
    uint8_t bits = ((const struct i386 *)flow->machine.state)->now.raw.disp.size;
    if (by_base == by_index || (bits != 32 && (bits != 0 || !computes)))
        return false;
    *address = flow_held(flow, by_base ? base : index)->address + (uint64_t)operand->mem.disp.value;
    return true;
}

/* A function's result, in a register that held the GOT's address before, and may hold it still. */
static bool doubtful(const struct flow *flow, unsigned reg)
{
    return reg < LAST && flow_held(flow, reg)->kind == HELD_RESULT;
}

static void memory(struct flow *flow, const ZydisDecodedOperand *operand)
{
    const struct i386 *i386 = flow->machine.state;
    uint64_t address;
    unsigned base = number_of(operand->mem.base), index = number_of(operand->mem.index);
    bool odd = has_prefix(&i386->now, 0x67) || operand->mem.segment == ZYDIS_REGISTER_GS ||
               operand->mem.segment == ZYDIS_REGISTER_FS;
    if (!odd && based_address(flow, operand, &address)) {
        unsigned by = base < LAST && flow_held(flow, base)->kind == HELD_BASE ? base : index,
                 other = by == base ? index : base;
        flow_complete(flow, by);
        if (i386->now.raw.disp.size != 0)
            tell_bytes(flow, i386->now.raw.disp.offset, i386->now.raw.disp.size, SITE_DATA, address);
        if (other < LAST)
            flow_use(flow, other);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        unsigned reg = i == 0 ? base : index;
        if (reg < LAST && doubtful(flow, reg) && i386->now.raw.disp.size == 32)
            flow->registers[reg] = (uint32_t)flow_held(flow, reg)->address;
        if (reg < LAST)
            flow_use(flow, reg);
    }
}

/* The place of the stack that a memory operand is, by its depth; false: it is none, or none that is known. */
static bool stack_place(struct flow *flow, const ZydisDecodedOperand *operand, bool *is_stack, uint64_t *depth)
{
    unsigned base = number_of(operand->mem.base);
    *is_stack = operand->type == ZYDIS_OPERAND_TYPE_MEMORY && operand->mem.index == ZYDIS_REGISTER_NONE &&
                (base == ESP || (base == EBP && flow_held(flow, FRAME)->kind == HELD_WHOLE));
    if (!*is_stack || !known_depth(flow, base == ESP ? DEPTH : FRAME, depth))
        return false;
    *depth = (uint32_t)(*depth - (uint64_t)operand->mem.disp.value);
    return true;
}

/* What is written there is no longer what was. */
static void overwrite(struct flow *flow, uint64_t depth, uint64_t bytes)
{
    struct i386 *i386 = flow->machine.state;
    for (unsigned i = 0; i < i386->slot_count; i++) {
        uint64_t distance = (uint32_t)(i386->slots[i] - depth); /* the slot is below what is written by this */
        if ((int32_t)distance < 4 && -(int32_t)distance < (int32_t)bytes)
            flow_write(flow, SLOTS + i);
    }
}

/* ---- Instructions that are followed ---- */

static bool move(struct flow *flow)
{
    struct i386 *i386 = flow->machine.state;
    const ZydisDecodedOperand *to = &i386->operands[0], *from = &i386->operands[1];
    uint64_t depth;
    bool is_stack;
    if (is_reg32(to) && is_reg32(from)) {
        unsigned rd = number_of(to->reg.value), rs = number_of(from->reg.value);
        if (rd == EBP)
            flow->registers[FRAME] = rs == ESP ? flow->registers[DEPTH] : HELD_OTHER;
        if (rd == ESP)
            flow->registers[DEPTH] = rs == EBP ? flow->registers[FRAME] : HELD_OTHER;
        flow_copy(flow, rd, rs);
        return true;
    }
    if (is_reg32(to) && from->type == ZYDIS_OPERAND_TYPE_MEMORY) {
        unsigned rd = number_of(to->reg.value);
        bool known = stack_place(flow, from, &is_stack, &depth);
        unsigned slot = known ? slot_of(flow, depth, false) : 0;
        if (is_stack && !known)
            use_slots(flow);
        if (slot == 0)
            return false;
        flow->registers[rd] = flow->registers[slot];
        if (rd == EBP)
            flow_write(flow, FRAME);
        return true;
    }
    if (to->type == ZYDIS_OPERAND_TYPE_MEMORY && is_reg32(from)) {
        unsigned rs = number_of(from->reg.value);
        if (!stack_place(flow, to, &is_stack, &depth))
            return false;
        overwrite(flow, depth, 4);
        if (!is_based(flow_held(flow, rs)))
            return true;
        unsigned slot = slot_of(flow, depth, true);
        if (slot == 0)
            return false;
        flow->registers[slot] = flow->registers[rs];
        return true;
    }
    return false;
}

/* The GOT's address and an index: what is added yet makes an address of both. */
static void set_indexed(struct flow *flow, unsigned reg, uint32_t base)
{
    struct held held = flow->held[base];
    held.base = 1;
    flow->registers[reg] = flow_number(flow, held);
    flow_join(flow, base, flow->registers[reg]);
}

/* A jump table's entry, which is an address relative to the GOT's. */
static bool load_entry(struct flow *flow, const ZydisDecodedOperand *from, struct held *entry)
{
    uint64_t address;
    if (from->type != ZYDIS_OPERAND_TYPE_MEMORY || from->size != 32 || from->mem.index == ZYDIS_REGISTER_NONE ||
        !based_address(flow, from, &address) || (from->mem.scale != 4 && from->mem.scale != 1))
        return false;
    const struct held *base = flow_held(flow, number_of(from->mem.base));
    *entry = (struct held){.kind = HELD_ENTRY,
                           .address = (uint32_t)address,
                           .base = (uint32_t)(address - (uint64_t)from->mem.disp.value),
                           .entry_size = 4,
                           .is_signed = true};
    return base->kind == HELD_BASE || from->mem.scale == 1; /* an index of scale 1 was scaled before */
}

static bool add(struct flow *flow)
{
    struct i386 *i386 = flow->machine.state;
    const ZydisDecodedOperand *to = &i386->operands[0], *from = &i386->operands[1];
    if (!is_reg32(to))
        return false;
    unsigned rd = number_of(to->reg.value);
    const struct held held = *flow_held(flow, rd);
    struct held entry;
    if (from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        if (held.kind != HELD_BASE || i386->now.raw.imm[0].size != 32)
            return false;
        uint64_t whole = (uint32_t)(held.address + i386->now.raw.imm[0].value.u);
        bool got = flow->search->decoder->got != 0 && whole == (uint32_t)flow->search->decoder->got;
        got = got && held.base == 0;
        flow_complete(flow, rd);
        flow_set(flow, rd, got ? HELD_BASE : held.base == 0 ? HELD_WHOLE : HELD_OTHER, whole);
        enum site_kind kind = got ? flow_base_kind(flow, flow->registers[rd], SITE_GOT) : SITE_DATA;
        tell_bytes(flow, i386->now.raw.imm[0].offset, 32, kind, whole);
        return true;
    }
    if (load_entry(flow, from, &entry) && held.kind == HELD_BASE && held.base == 0 && held.address == entry.base) {
        memory(flow, from);
        entry.kind = HELD_PLACE;
        flow->registers[rd] = flow_number(flow, entry);
        return true;
    }
    if (!is_reg32(from))
        return false;
    const struct held other = *flow_held(flow, number_of(from->reg.value));
    if ((held.kind == HELD_ENTRY && other.kind == HELD_BASE && other.base == 0 && other.address == held.base) ||
        (other.kind == HELD_ENTRY && held.kind == HELD_BASE && held.base == 0 && held.address == other.base)) {
        entry = held.kind == HELD_ENTRY ? held : other;
        entry.kind = HELD_PLACE;
        flow->registers[rd] = flow_number(flow, entry);
        return true;
    }
    if ((held.kind == HELD_BASE) != (other.kind == HELD_BASE)) {
        unsigned base = held.kind == HELD_BASE ? rd : number_of(from->reg.value);
        flow_use(flow, base == rd ? number_of(from->reg.value) : rd);
        set_indexed(flow, rd, flow->registers[base]);
        return true;
    }
    return false;
}

/* LEA of the GOT's address and a displacement: a whole address. */
static bool lea(struct flow *flow)
{
    struct i386 *i386 = flow->machine.state;
    const ZydisDecodedOperand *from = &i386->operands[1];
    uint64_t address;
    unsigned rd = number_of(i386->operands[0].reg.value), base = number_of(from->mem.base);
    if (!is_reg32(&i386->operands[0]))
        return false;
    if (rd == ESP && base == EBP && from->mem.index == ZYDIS_REGISTER_NONE) {
        uint64_t depth;
        if (known_depth(flow, FRAME, &depth))
            set_number(flow, DEPTH, depth - (uint64_t)from->mem.disp.value);
        else
            flow_write(flow, DEPTH);
        return true;
    }
    if (!based_address(flow, from, &address))
        return false;
    unsigned index = number_of(from->mem.index);
    bool by_base = base < LAST && flow_held(flow, base)->kind == HELD_BASE;
    if (index < LAST || flow_held(flow, base)->base != 0) {
        uint32_t number = flow->registers[by_base ? base : index];
        memory(flow, from);
        if (i386->now.raw.disp.size == 0)
            set_indexed(flow, rd, number);
        else
            flow_write(flow, rd);
        if (rd == EBP)
            flow_write(flow, FRAME);
        return true;
    }
    bool got = i386->now.raw.disp.size == 0; /* a copy */
    /* From the address behind the thunk's call, LEA can make the GOT's. */
    bool makes_got = flow->search->decoder->got != 0 && (uint32_t)address == (uint32_t)flow->search->decoder->got &&
                     flow_held(flow, base)->address != (uint32_t)address;
    bool told = makes_got && !got;
    if (rd == EBP)
        flow_write(flow, FRAME);
    if (!told)
        memory(flow, from);
    flow_set(flow, rd, got || makes_got ? HELD_BASE : HELD_WHOLE, address);
    if (told)
        tell_bytes(flow, i386->now.raw.disp.offset, i386->now.raw.disp.size,
                   flow_base_kind(flow, flow->registers[rd], SITE_GOT), address);
    return true;
}

/* ---- The stack ---- */

static void stack_changes(struct flow *flow)
{
    struct i386 *i386 = flow->machine.state;
    const ZydisDecodedOperand *first = &i386->operands[0], *second = &i386->operands[1];
    uint64_t depth, size = i386->now.operand_width / 8u;
    switch (i386->now.mnemonic) {
    case ZYDIS_MNEMONIC_PUSH:
        deepen(flow, size);
        if (known_depth(flow, DEPTH, &depth))
            overwrite(flow, depth, size);
        return;
    case ZYDIS_MNEMONIC_POP:
        deepen(flow, (uint64_t)0 - size);
        return;
    case ZYDIS_MNEMONIC_LEAVE:
        flow->registers[DEPTH] = flow->registers[FRAME];
        deepen(flow, (uint64_t)-4);
        flow_write(flow, FRAME);
        return;
    case ZYDIS_MNEMONIC_SUB:
    case ZYDIS_MNEMONIC_ADD:
    case ZYDIS_MNEMONIC_LEA:
        if (first->type != ZYDIS_OPERAND_TYPE_REGISTER || first->reg.value != ZYDIS_REGISTER_ESP)
            break;
        if (i386->now.mnemonic == ZYDIS_MNEMONIC_LEA && second->mem.base == ZYDIS_REGISTER_ESP &&
            second->mem.index == ZYDIS_REGISTER_NONE)
            deepen(flow, (uint64_t)0 - (uint64_t)second->mem.disp.value);
        else if (i386->now.mnemonic != ZYDIS_MNEMONIC_LEA && second->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
            deepen(flow,
                   i386->now.mnemonic == ZYDIS_MNEMONIC_SUB ? second->imm.value.u : (uint64_t)0 - second->imm.value.u);
        else
            flow_write(flow, DEPTH);
        return;
    default:
        break;
    }
    for (unsigned i = 0; i < i386->now.operand_count; i++) {
        const ZydisDecodedOperand *operand = &i386->operands[i];
        if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER || (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0)
            continue;
        unsigned reg = number_of(operand->reg.value);
        if (reg == ESP || reg == EBP)
            flow_write(flow, reg == ESP ? DEPTH : FRAME);
    }
}

/* PUSH and POP of a register spill it, and bring it back. */
static bool push_or_pop(struct flow *flow)
{
    struct i386 *i386 = flow->machine.state;
    uint64_t depth;
    unsigned reg = number_of(i386->operands[0].reg.value), slot;
    if (!is_reg32(&i386->operands[0]) || !known_depth(flow, DEPTH, &depth))
        return false;
    if (i386->now.mnemonic == ZYDIS_MNEMONIC_PUSH) {
        deepen(flow, 4);
        overwrite(flow, (uint32_t)(depth + 4), 4);
        if (!is_based(flow_held(flow, reg)))
            return true;
        slot = slot_of(flow, (uint32_t)(depth + 4), true);
        if (slot == 0)
            flow_use(flow, reg);
        else
            flow->registers[slot] = flow->registers[reg];
        return true;
    }
    slot = slot_of(flow, (uint32_t)depth, false);
    deepen(flow, (uint64_t)0 - 4);
    flow->registers[reg] = slot == 0 ? HELD_OTHER : flow->registers[slot];
    if (reg == EBP)
        flow_write(flow, FRAME);
    return reg != ESP;
}

/* ---- Any instruction ---- */

static bool is_followed_move(struct flow *flow)
{
    struct i386 *i386 = flow->machine.state;
    switch (i386->now.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
        return move(flow);
    case ZYDIS_MNEMONIC_ADD:
        return add(flow);
    case ZYDIS_MNEMONIC_LEA:
        return lea(flow);
    case ZYDIS_MNEMONIC_PUSH:
    case ZYDIS_MNEMONIC_POP:
        return push_or_pop(flow);
    default:
        return false;
    }
}

static void written(struct flow *flow, unsigned reg, const ZydisDecodedOperand *operand)
{
    struct i386 *i386 = flow->machine.state;
    struct held entry;
    bool conditional = (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == ZYDIS_OPERAND_ACTION_CONDWRITE;
    if (conditional && operand->size == 32) {
        flow_use(flow, reg);
        flow_write(flow, reg);
    } else if (i386->now.mnemonic == ZYDIS_MNEMONIC_MOV && load_entry(flow, &i386->operands[1], &entry)) {
        flow->registers[reg] = flow_number(flow, entry);
    } else if (i386->now.mnemonic == ZYDIS_MNEMONIC_ADD && i386->operands[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        flow->registers[reg] = HELD_SUM;
    } else {
        flow_write(flow, reg);
    }
}

/* Reads first, then what is written. */
static void all_operands(struct flow *flow)
{
    struct i386 *i386 = flow->machine.state;
    uint64_t depth;
    bool is_stack;
    for (unsigned i = 0; i < i386->now.operand_count; i++) {
        const ZydisDecodedOperand *operand = &i386->operands[i];
        if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY) {
            bool writes = (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
            /* What PUSH writes lies below ESP as it was. */
            if (i386->now.mnemonic != ZYDIS_MNEMONIC_PUSH && stack_place(flow, operand, &is_stack, &depth)) {
                unsigned slot = slot_of(flow, depth, false);
                if (slot != 0 && (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0)
                    flow_use(flow, slot);
                if (writes)
                    overwrite(flow, depth, operand->size / 8u);
            }
            memory(flow, operand);
        } else if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER && number_of(operand->reg.value) < LAST &&
                   (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0) {
            flow_use(flow, number_of(operand->reg.value));
        }
    }
    for (unsigned i = 0; i < i386->now.operand_count; i++) {
        const ZydisDecodedOperand *operand = &i386->operands[i];
        if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER && number_of(operand->reg.value) < LAST &&
            (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0)
            written(flow, number_of(operand->reg.value), operand);
    }
}

/* ---- Control flow ---- */

/* The register that a thunk returns its caller's address in: mov (%esp), %reg; ret. */
static bool thunk_register(const struct image *image, uint64_t target, unsigned *reg)
{
    struct range range;
    if (!image_file_range(image, (uint32_t)target, 4, &range))
        return false;
    const uint8_t *bytes = image_bytes(image, range);
    if (bytes == NULL || bytes[0] != 0x8b || (bytes[1] & 0xc7) != 0x04 || bytes[2] != 0x24 || bytes[3] != 0xc3)
        return false;
    *reg = bytes[1] >> 3 & 7;
    return *reg != ESP;
}

static void call(struct flow *flow)
{
    flow_keep(flow, ECX);
    flow_result(flow, EAX);
    flow_result(flow, EDX);
    flow_call(flow);
}

static void relative(struct flow *flow)
{
    struct i386 *i386 = flow->machine.state;
    const ZydisDecodedInstruction *now = &i386->now;
    uint8_t offset = now->raw.imm[0].offset, bits = now->raw.imm[0].size;
    uint64_t next = flow->search->address + flow->at + now->length;
    uint64_t target = (uint32_t)(next + (uint64_t)now->raw.imm[0].value.s);
    uint64_t depth;
    bool is_call = now->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && now->opcode == 0xe8;
    bool odd = bits == 16 || has_prefix(now, 0x66);
    unsigned reg;
    enum site_kind kind = odd ? SITE_OPAQUE : is_call ? SITE_CALL : SITE_JUMP;
    if (is_call && (target == (uint32_t)next || thunk_register(flow->search->decoder->image, target, &reg)))
        kind =
            flow_base_kind(flow, flow_number(flow, (struct held){.kind = HELD_BASE, .address = (uint32_t)next}), kind);
    tell_bytes(flow, offset, bits, kind, target);
    if (!is_call) {
        bool conditional =
            !(now->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && (now->opcode == 0xe9 || now->opcode == 0xeb));
        if ((uint32_t)(target - flow->search->address) >= flow->search->size) {
            /*
             * What is added to the GOT's address in a part of this function that stands elsewhere would not be seen.
             * Where the stack is as it was at first, at least its places are of no use any more.
             */
            bool ends = !conditional && known_depth(flow, DEPTH, &depth) && depth == 0;
            flow_leave(flow, ALL);
            if (!ends)
                use_slots(flow);
        }
        flow_jump(flow, target, conditional);
    } else if (target == (uint32_t)next) {
        deepen(flow, 4);
        flow_set(flow, TOP, HELD_BASE, next);
    } else if (thunk_register(flow->search->decoder->image, target, &reg)) {
        flow_set(flow, reg, HELD_BASE, next);
    } else {
        call(flow);
        flow_called(flow, target, (uint64_t)1 << EAX | (uint64_t)1 << ECX | (uint64_t)1 << EDX);
    }
}

static bool is_opcode(const ZydisDecodedInstruction *now, uint8_t opcode)
{
    return now->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && now->opcode == opcode;
}

/* The first jump of a lazy entry of the PLT, which all come to with the GOT's address in %ebx (psABI). */
static bool is_plt_jump(const struct flow *flow)
{
    const struct i386 *i386 = flow->machine.state;
    const ZydisDecodedOperand *target = &i386->operands[0];
    uint64_t index;
    return is_opcode(&i386->now, 0xff) && i386->now.raw.modrm.reg == 4 && flow->search->decoder->got != 0 &&
           target->mem.base == ZYDIS_REGISTER_EBX && target->mem.index == ZYDIS_REGISTER_NONE &&
           i386->now.raw.disp.size == 32 && flow->search->size - flow->at >= i386->now.length &&
           pushes_index_x86(flow->search, flow->at + i386->now.length, &index);
}

/* CALL and JMP to what a register or memory holds. */
static void indirect(struct flow *flow)
{
    struct i386 *i386 = flow->machine.state;
    const ZydisDecodedOperand *target = &i386->operands[0];
    bool is_call = i386->now.raw.modrm.reg == 2;
    struct held entry;
    uint64_t address;
    if (target->type == ZYDIS_OPERAND_TYPE_MEMORY) {
        uint64_t table = (uint32_t)i386->now.raw.disp.value;
        bool is_table =
            !is_call && target->mem.base == ZYDIS_REGISTER_NONE && target->mem.scale == 4 && is_absolute(flow, table);
        entry = (struct held){.kind = HELD_PLACE, .address = table, .entry_size = 4};
        bool through_got = based_address(flow, target, &address) && target->mem.index != ZYDIS_REGISTER_NONE;
        all_operands(flow);
        tell_absolute(flow, &i386->now);
        if (is_plt_jump(flow) && flow_held(flow, number_of(ZYDIS_REGISTER_EBX))->kind != HELD_BASE)
            tell_bytes(flow, i386->now.raw.disp.offset, 32, SITE_DATA,
                       (uint32_t)(flow->search->decoder->got + (uint64_t)i386->now.raw.disp.value));
        flow->registers[TOP] = is_table || through_got ? is_table ? flow_number(flow, entry) : HELD_SUM : HELD_OTHER;
        if (!is_call)
            flow_jump_register(flow, TOP);
    } else if (!is_call) {
        flow_jump_register(flow, number_of(target->reg.value));
        return;
    } else {
        flow_use(flow, number_of(target->reg.value));
    }
    flow_write(flow, TOP);
    if (is_call)
        call(flow);
    else
        flow_leave(flow, KEPT);
}

static bool control(struct flow *flow)
{
    struct i386 *i386 = flow->machine.state;
    const ZydisDecodedInstruction *now = &i386->now;
    uint64_t depth;
    if (now->raw.imm[0].is_relative && now->raw.imm[0].size != 0) {
        relative(flow);
        return true;
    }
    if (is_opcode(now, 0xff) && (now->raw.modrm.reg == 2 || now->raw.modrm.reg == 4)) {
        indirect(flow);
        return true;
    }
    if (is_opcode(now, 0xc3) || is_opcode(now, 0xc2)) {
        /* Where the stack is not where it was, what was taken for a place of it was another. */
        if (!known_depth(flow, DEPTH, &depth) || depth != 0)
            use_slots(flow);
        flow_end(flow);
        return true;
    }
    if (is_opcode(now, 0xcc) || is_opcode(now, 0xf4) ||
        (now->opcode_map == ZYDIS_OPCODE_MAP_0F && now->opcode == 0x0b) ||
        (is_opcode(now, 0xff) && now->raw.modrm.reg == 5)) {
        flow_end(flow);
        return true;
    }
    return false;
}

/* With what gas fills, which can be LEA or MOV of a register to itself. */
static bool is_nop(const struct i386 *i386)
{
    const ZydisDecodedInstruction *now = &i386->now;
    const ZydisDecodedOperand *to = &i386->operands[0], *from = &i386->operands[1];
    if ((now->opcode_map == ZYDIS_OPCODE_MAP_0F && now->opcode == 0x1f) || is_opcode(now, 0x90))
        return true;
    if (is_opcode(now, 0x8d))
        return is_reg32(to) && from->mem.base == to->reg.value && from->mem.index == ZYDIS_REGISTER_NONE &&
               from->mem.disp.value == 0;
    return is_opcode(now, 0x89) && is_reg32(to) && is_reg32(from) && to->reg.value == from->reg.value;
}

/* What it writes is the same whatever was there. */
static bool is_clearing(const struct i386 *i386)
{
    const ZydisDecodedOperand *to = &i386->operands[0], *from = &i386->operands[1];
    ZydisMnemonic mnemonic = i386->now.mnemonic;
    return (mnemonic == ZYDIS_MNEMONIC_XOR || mnemonic == ZYDIS_MNEMONIC_SUB || mnemonic == ZYDIS_MNEMONIC_SBB) &&
           is_reg32(to) && is_reg32(from) && to->reg.value == from->reg.value && to->reg.value != ZYDIS_REGISTER_ESP;
}

static unsigned step(struct flow *flow)
{
    struct i386 *i386 = flow->machine.state;
    const uint8_t *bytes = flow->search->bytes + flow->at;
    if (!ZYAN_SUCCESS(
            ZydisDecoderDecodeFull(&i386->full, bytes, flow->search->size - flow->at, &i386->now, i386->operands)))
        return 0;
    if (i386->now.meta.category == ZYDIS_CATEGORY_SYSCALL || i386->now.meta.category == ZYDIS_CATEGORY_SYSRET ||
        i386->now.meta.category == ZYDIS_CATEGORY_INTERRUPT || i386->now.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
        flow_open(flow);
    if (is_nop(i386)) {
        flow_idle(flow);
        return i386->now.length;
    }
    if (i386->now.mnemonic == ZYDIS_MNEMONIC_CMP && i386->now.raw.imm[0].size != 0) {
        flow->bound = (uint32_t)i386->now.raw.imm[0].value.u;
        flow->bound_at = flow->at;
    }
    if (control(flow))
        return i386->now.length;
    uint32_t top = flow->registers[TOP];
    bool pops = i386->now.mnemonic == ZYDIS_MNEMONIC_POP && is_reg32(&i386->operands[0]);
    flow_write(flow, TOP);
    tell_absolute(flow, &i386->now);
    if (is_clearing(i386))
        flow_write(flow, number_of(i386->operands[0].reg.value));
    bool followed = is_followed_move(flow);
    if (!followed)
        all_operands(flow);
    if (!followed || i386->now.mnemonic == ZYDIS_MNEMONIC_ADD)
        stack_changes(flow);
    if (pops && top != HELD_OTHER)
        flow->registers[number_of(i386->operands[0].reg.value)] = top;
    return i386->now.length;
}

static void begin(struct flow *flow)
{
    set_number(flow, DEPTH, 0);
}

/* Whether some call can give the code its own address: only then is there something to follow. */
static bool gets_address(const struct site_search *search)
{
    const struct image *image = search->decoder->image;
    unsigned reg;
    for (uint64_t at = 0; search->size >= 5 && at <= search->size - 5; at++) {
        if (search->bytes[at] != 0xe8)
            continue;
        uint32_t distance = image_u32(image, search->bytes + at + 1);
        if (distance == 0 || thunk_register(image, search->address + at + 5 + distance, &reg))
            return true;
    }
    return false;
}

bool sites_i386(struct site_search *search)
{
    if (!gets_address(search))
        return sites_x86(search);
    struct i386 i386 = {.slot_count = 0};
    if (!ZYAN_SUCCESS(ZydisDecoderInit(&i386.full, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32)))
        return false;
    return flow_run(search, (struct flow_machine){.unit = 1,
                                                  .step = step,
                                                  .steady = (uint64_t)1 << DEPTH | (uint64_t)1 << FRAME,
                                                  .begin = begin,
                                                  .state = &i386});
}
