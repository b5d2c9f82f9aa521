/*
 * Sites of MIPS ("MIPS Architecture for Programmers", volume II; System V ABI, MIPS supplement). LUI makes an upper half,
 * of an address or a number; gp is made from t9, the function's own address, and points into the GOT. What the GOT's
 * local part gives is a page that a signed 16-bit rest is added to, or an address. Tables of switches: words relative to
 * gp, or whole ones. An instruction behind a branch runs before it takes effect.
 */
#include "sites_flow.h"

#include <string.h>

#define IMM_BITS  0x0000ffffu
#define JUMP_BITS 0x03ffffffu

#define LW   35 /* opcodes */
#define SW   43
#define SWC1 57
#define SDC1 61
#define SD   63

#define RESULT 2
#define T9     25
#define GP     28
#define SP     29
#define FP     30
#define RA     31
/* $at, $a0 to $t7, $t8 and $t9; $v0 and $v1 have the result. */
#define CALL_CHANGED 0x0300fff2u
#define ALL          0xeffffffeu

static unsigned rs_of(uint32_t word)
{
    return word >> 21 & 31;
}

static unsigned rt_of(uint32_t word)
{
    return word >> 16 & 31;
}

static unsigned rd_of(uint32_t word)
{
    return word >> 11 & 31;
}

static uint64_t here(const struct flow *flow)
{
    return flow->search->address + flow->at;
}

static uint64_t wrapped(const struct flow *flow, uint64_t address)
{
    return decode_wrap(flow->search->decoder, address);
}

static uint64_t gp_of(const struct flow *flow)
{
    return wrapped(flow, flow->search->decoder->gp);
}

static void use2(struct flow *flow, uint32_t word)
{
    flow_use(flow, rs_of(word));
    flow_use(flow, rt_of(word));
}

static void move_stack(struct flow *flow);

static void write_reg(struct flow *flow, unsigned reg)
{
    flow_write(flow, reg);
    if (reg == SP)
        move_stack(flow);
}

static void set_held(struct flow *flow, unsigned reg, struct held held)
{
    held.address = wrapped(flow, held.address);
    flow->registers[reg] = reg == 0 ? HELD_OTHER : flow_number(flow, held);
}

/* ---- Places on the stack ---- */

#define FIRST_PLACE 32 /* pseudo-registers */
#define PLACES      (FLOW_REGISTERS - FIRST_PLACE)

/* Where addresses of data are kept meanwhile, relative to sp, which stays where it is behind a function's begin. */
struct mips {
    int64_t offsets[PLACES];
    unsigned count;
};

/* The pseudo-register of a place; FLOW_REGISTERS: it has none. */
static unsigned place_of(struct flow *flow, int64_t offset, bool add)
{
    struct mips *mips = flow->machine.state;
    for (unsigned i = 0; i < mips->count; i++) {
        if (mips->offsets[i] == offset)
            return FIRST_PLACE + i;
    }
    if (!add || mips->count == PLACES || flow->telling)
        return FLOW_REGISTERS;
    mips->offsets[mips->count] = offset;
    return FIRST_PLACE + mips->count++;
}

/* Of data, which code does not jump to but by a table. */
static bool is_data(const struct flow *flow, const struct held *held)
{
    const struct image *image = flow->search->decoder->image;
    struct range byte;
    if (held->kind != HELD_WHOLE || !image_file_range(image, held->address, 1, &byte))
        return false;
    const struct extent *extent = image_extent_at(image, byte.begin);
    return extent != NULL && extent->owner == OWNER_SECTION &&
           (image->sections[extent->index].flags & SHF_EXECINSTR) == 0;
}

/* Pages are kept there, too: a compiler's own places, whose addresses nobody has. */
static bool is_kept(const struct flow *flow, const struct held *held)
{
    return held->kind == HELD_SLOT || is_data(flow, held);
}

/* A store by sp: what stood there is gone. False where the register's value is used otherwise than by coming back. */
static bool store_place(struct flow *flow, int64_t offset, unsigned op, unsigned reg)
{
    int64_t size = op == SDC1 || op == SD ? 8 : 4; /* at most */
    for (int64_t at = offset - 3; at < offset + size; at++) {
        unsigned place = place_of(flow, at, false);
        if (place < FLOW_REGISTERS)
            flow_write(flow, place);
    }
    unsigned place = op == SW && is_kept(flow, flow_held(flow, reg)) ? place_of(flow, offset, true) : FLOW_REGISTERS;
    if (place < FLOW_REGISTERS)
        flow_copy(flow, place, reg);
    return place < FLOW_REGISTERS;
}

/* A load by sp of something else than a word: of a part of what is kept. */
static void load_place(struct flow *flow, int64_t offset)
{
    for (int64_t at = offset - 3; at < offset + 8; at++) {
        unsigned place = place_of(flow, at, false);
        if (place < FLOW_REGISTERS)
            flow_use(flow, place);
    }
}

static void use_places(struct flow *flow)
{
    for (unsigned i = FIRST_PLACE; i < FLOW_REGISTERS; i++)
        flow_use(flow, i);
}

/* Behind ADDIU of more than 0 what was there is gone for good; else it may be found by another distance from sp. */
static void move_stack(struct flow *flow)
{
    uint32_t word = flow_word(flow, flow->at);
    if (word >> 16 != 0x27bd || (word & 0x8000) != 0)
        use_places(flow);
    for (unsigned i = FIRST_PLACE; i < FLOW_REGISTERS; i++)
        flow_write(flow, i);
}

/* ---- Halves ---- */

/* The value is part of a whole address, with what it was made of. */
static void complete_all(struct flow *flow, uint32_t number)
{
    for (unsigned i = 0; i < 3 && number > HELD_SUM; i++) {
        flow->held[number].completed = true;
        number = flow->held[number].low;
    }
}

/* A sum of a half and something: not an address yet, so that it is a half as well. */
static void set_sum(struct flow *flow, unsigned reg, uint64_t value, uint32_t made_of)
{
    set_held(flow, reg, (struct held){.kind = HELD_HALF, .address = value, .base = flow->at << 1 | 1});
    if (reg == 0)
        return;
    uint32_t number = flow->registers[reg];
    if (flow->held[number].low == 0 && number != made_of)
        flow->held[number].low = made_of;
}

/* A page or a half, and an index: what is added yet makes an address of both. */
static void set_indexed(struct flow *flow, unsigned reg, uint32_t made_of)
{
    struct held held = flow->held[made_of];
    held.shift = 1;
    set_held(flow, reg, held);
    if (reg == 0 || flow->registers[reg] == made_of)
        return;
    flow->held[flow->registers[reg]].low = made_of;
    flow_join(flow, made_of, flow->registers[reg]);
}

static void set_gp(struct flow *flow, unsigned reg)
{
    set_held(flow, reg, (struct held){.kind = HELD_BASE, .address = gp_of(flow)});
}

static enum site_kind gp_kind(struct flow *flow)
{
    return flow_base_kind(flow, flow_number(flow, (struct held){.kind = HELD_BASE, .address = gp_of(flow)}), SITE_GOT);
}

/* ---- The GOT ---- */

static bool file_word(const struct flow *flow, uint64_t address, uint64_t *value)
{
    const struct image *image = flow->search->decoder->image;
    struct range range;
    if (!image_file_range(image, address, image->is64 ? 8 : 4, &range) || image_bytes(image, range) == NULL)
        return false;
    *value = image_word(image, range.begin);
    return true;
}

/* Of an entry of the GOT's local part: what the file has there. */
static bool local_entry(const struct flow *flow, uint64_t slot, uint64_t *value)
{
    const struct image *image = flow->search->decoder->image;
    const struct dynamic_entry *count = image_dynamic(image, DT_MIPS_LOCAL_GOTNO);
    uint64_t size = image->is64 ? 8 : 4, index = wrapped(flow, slot - (gp_of(flow) - 0x7ff0)) / size;
    /* Without ld.so all are as they stand. */
    return (count == NULL || index < count->value) && file_word(flow, slot, value);
}

/* Whether something is loaded that a signed rest could lead to. */
static bool is_page(const struct flow *flow, uint64_t value)
{
    for (uint64_t rest = 0; (value & 0xffff) == 0 && rest < 0x10000; rest += 0x1000) {
        if (decode_is_loaded(flow->search->decoder, wrapped(flow, value - 0x8000 + rest)))
            return true;
    }
    return false;
}

static void load_from_got(struct flow *flow, uint32_t word)
{
    unsigned rt = rt_of(word);
    uint64_t slot = wrapped(flow, flow_held(flow, rs_of(word))->address + (uint64_t)sign_extend(word, 16)), value;
    enum site_kind kind;
    flow_complete(flow, rs_of(word));
    write_reg(flow, rt);
    if (rt == 0 || !local_entry(flow, slot, &value)) {
        flow_access(flow, IMM_BITS, slot);
        /* Of an imported function, until ld.so knows it: its stub's address. */
        if (rt != 0 && file_word(flow, slot, &value))
            set_held(flow, rt, (struct held){.kind = HELD_STUB, .address = value});
        return;
    }
    if (!is_page(flow, value)) {
        flow_site(flow, IMM_BITS, SITE_DATA, slot);
        if (decode_is_loaded(flow->search->decoder, value))
            set_held(flow, rt, (struct held){.kind = HELD_WHOLE, .address = value});
        return;
    }
    set_held(flow, rt, (struct held){.kind = HELD_SLOT, .address = value, .base = slot});
    /* Where a rest is always added, that tells the whole address. */
    flow_part_kind(flow, flow->registers[rt], &kind);
    bool unused = !flow_held(flow, rt)->completed && flow_base_kind(flow, flow->registers[rt], SITE_DATA) == SITE_DATA;
    flow_site(flow, IMM_BITS, unused ? SITE_DATA : kind, slot);
}

/* ---- Numbers added, loads and stores ---- */

/* What stands at rest from the register. True where that is an address: its whole, and the site is told. */
static bool complete(struct flow *flow, unsigned rs, uint64_t rest, uint64_t *whole)
{
    const struct held held = *flow_held(flow, rs);
    *whole = wrapped(flow, held.address + rest);
    bool address = held.kind == HELD_BASE || held.kind == HELD_SLOT ||
                   (held.kind == HELD_HALF && decode_is_absolute(flow->search->decoder, *whole));
    if (!address)
        return false;
    complete_all(flow, flow->registers[rs]);
    flow_site(flow, IMM_BITS, SITE_DATA, *whole);
    return true;
}

/*
 * What is at a number from gp is an address, also where a function has gp from who jumps to it (its part that is seldom
 * run), or from the program's begin (small data: System V ABI, MIPS supplement, "Global Data Area").
 */
static bool is_handed_over(const struct flow *flow, unsigned reg)
{
    return reg == GP && flow_held(flow, GP)->kind != HELD_BASE;
}

static void add_number(struct flow *flow, uint32_t word)
{
    unsigned rs = rs_of(word), rt = rt_of(word);
    uint64_t rest = (uint64_t)sign_extend(word, 16), whole;
    const struct held held = *flow_held(flow, rs);
    uint32_t number = flow->registers[rs];
    enum site_kind kind;
    if (is_handed_over(flow, rs) && held.kind != HELD_HALF)
        flow_site(flow, IMM_BITS, SITE_OPAQUE, gp_of(flow) + rest);
    if (held.kind == HELD_HALF && gp_of(flow) != 0 && wrapped(flow, held.address + rest) == gp_of(flow)) {
        complete_all(flow, number);
        flow_site(flow, IMM_BITS, gp_kind(flow), gp_of(flow));
        set_gp(flow, rt);
    } else if (complete(flow, rs, rest, &whole)) {
        bool indexed = held.kind != HELD_BASE && held.shift != 0;
        set_held(flow, rt, (struct held){.kind = indexed ? HELD_OTHER : HELD_WHOLE, .address = indexed ? 0 : whole});
    } else if (held.kind == HELD_HALF && held.shift == 0 && rt != 0) {
        set_sum(flow, rt, held.address + rest, number);
        if (flow_part_kind(flow, flow->registers[rt], &kind))
            flow_site(flow, IMM_BITS, kind == SITE_PART && gp_kind(flow) == SITE_GOT ? SITE_GOT : SITE_OPAQUE,
                      gp_of(flow));
    } else {
        flow_use(flow, rs);
        if (held.kind == HELD_WHOLE && rs != 0)
            set_held(flow, rt, (struct held){.kind = HELD_WHOLE, .address = held.address + rest});
        else
            write_reg(flow, rt);
    }
}

static void or_number(struct flow *flow, uint32_t word)
{
    unsigned rs = rs_of(word), rt = rt_of(word);
    const struct held held = *flow_held(flow, rs);
    uint64_t whole;
    if (held.kind == HELD_HALF && complete(flow, rs, word & IMM_BITS, &whole)) {
        set_held(flow, rt, (struct held){.kind = HELD_WHOLE, .address = whole});
    } else {
        if (held.kind != HELD_HALF) /* of which a number is made */
            flow_use(flow, rs);
        write_reg(flow, rt);
    }
}

enum transfer { LOADS, STORES, BOTH, NO_REGISTER };

/* A load from a table by an index that was added to its address. */
static bool load_entry(struct flow *flow, uint32_t word, const struct held *base, uint64_t whole)
{
    bool indexed =
        base->kind == HELD_INDEXED || (base->kind != HELD_BASE && base->kind != HELD_WHOLE && base->shift != 0);
    if (word >> 26 != 35 || !indexed || rt_of(word) == 0)
        return false;
    set_held(flow, rt_of(word),
             (struct held){.kind = HELD_ENTRY, .address = whole, .entry_size = 4, .is_signed = true});
    return true;
}

static void access_number(struct flow *flow, uint32_t word, enum transfer transfer)
{
    unsigned rs = rs_of(word), rt = rt_of(word), op = word >> 26;
    const struct held base = *flow_held(flow, rs);
    bool on_stack = rs == SP || rs == FP;
    uint64_t whole = wrapped(flow, base.address + (uint64_t)sign_extend(word, 16));
    if (base.kind == HELD_BASE && (op == 35 || op == 55)) {
        load_from_got(flow, word);
        return;
    }
    bool completed = complete(flow, rs, (uint64_t)sign_extend(word, 16), &whole);
    if (!completed)
        flow_use(flow, rs);
    if (!completed && is_handed_over(flow, rs))
        flow_site(flow, IMM_BITS, SITE_OPAQUE, gp_of(flow) + (uint64_t)sign_extend(word, 16));
    /* gp is saved and brought back after calls. */
    if (transfer == LOADS && rt == GP && on_stack && gp_of(flow) != 0) {
        set_gp(flow, GP);
        return;
    }
    bool stores = transfer == STORES || transfer == BOTH || op == SWC1 || op == SDC1;
    if (rs == SP && (transfer == BOTH || (!stores && op != LW)))
        load_place(flow, sign_extend(word, 16));
    bool kept = rs == SP && stores && store_place(flow, sign_extend(word, 16), op, rt);
    if (((transfer == STORES && !(rt == GP && on_stack)) || transfer == BOTH) && !kept)
        flow_use(flow, rt);
    unsigned place = rs == SP && op == LW ? place_of(flow, sign_extend(word, 16), false) : FLOW_REGISTERS;
    if (place < FLOW_REGISTERS && rt != 0) {
        flow_copy(flow, rt, place);
        return;
    }
    if (transfer == LOADS || transfer == BOTH) {
        if (!load_entry(flow, word, &base, whole))
            write_reg(flow, rt);
    }
}

static bool accesses(struct flow *flow, uint32_t word)
{
    switch (word >> 26) {
    case 32:
    case 33:
    case 35:
    case 36:
    case 37:
    case 39:
    case 48:
    case 52:
    case 55:
        access_number(flow, word, LOADS);
        return true;
    case 26: /* parts of what is not aligned; SC */
    case 27:
    case 34:
    case 38:
    case 56:
    case 60:
        access_number(flow, word, BOTH);
        return true;
    case 40:
    case 41:
    case 42:
    case 43:
    case 44:
    case 45:
    case 46:
    case 63:
        access_number(flow, word, STORES);
        return true;
    case 47:
    case 49:
    case 51:
    case 53:
    case 57:
    case 61:
        access_number(flow, word, NO_REGISTER);
        return true;
    default:
        return false;
    }
}

/* ---- Registers ---- */

static bool is_index(const struct held *held)
{
    return held->kind == HELD_OTHER || held->kind == HELD_SUM || held->kind == HELD_BOUND || held->kind == HELD_STUB;
}

/* ADDU of what is followed, and something. */
static bool add_followed(struct flow *flow, unsigned rd, unsigned rs, unsigned rt)
{
    const struct held a = *flow_held(flow, rs), b = *flow_held(flow, rt);
    uint32_t number = flow->registers[rs];
    uint64_t sum = wrapped(flow, a.address + b.address), offset = wrapped(flow, b.address - flow->search->address);
    if (a.kind == HELD_HALF && b.kind == HELD_WHOLE && offset < flow->search->size && a.shift == 0) {
        if (gp_of(flow) != 0 && sum == gp_of(flow)) {
            complete_all(flow, number);
            set_gp(flow, rd);
        } else {
            set_sum(flow, rd, sum, number);
        }
        return true;
    }
    if (a.kind == HELD_ENTRY && b.kind == HELD_BASE) {
        struct held place = a;
        place.kind = HELD_PLACE;
        place.base = b.address;
        set_held(flow, rd, place);
        return true;
    }
    if ((a.kind == HELD_SLOT || a.kind == HELD_HALF) && is_index(&b) && a.shift == 0) {
        set_indexed(flow, rd, number);
        return true;
    }
    if (a.kind == HELD_WHOLE && is_index(&b)) {
        set_held(flow, rd, (struct held){.kind = HELD_INDEXED, .address = a.address});
        return true;
    }
    return false;
}

static void add_registers(struct flow *flow, uint32_t word)
{
    unsigned rs = rs_of(word), rt = rt_of(word), rd = rd_of(word);
    bool followed = flow_held(flow, GP)->kind == HELD_HALF; /* gp is being made */
    if (!followed && (is_handed_over(flow, rs) || is_handed_over(flow, rt)))
        flow_site(flow, 0, SITE_OPAQUE, gp_of(flow));
    if (rs == 0 || rt == 0) { /* MOVE */
        flow->registers[rd] = rd == 0 ? HELD_OTHER : flow->registers[rs == 0 ? rt : rs];
        return;
    }
    if (add_followed(flow, rd, rs, rt) || add_followed(flow, rd, rt, rs))
        return;
    use2(flow, word);
    flow->registers[rd] = rd == 0 ? HELD_OTHER : HELD_SUM;
}

static bool special(struct flow *flow, uint32_t word)
{
    unsigned funct = word & 63, rd = rd_of(word);
    uint32_t before = flow->registers[rd];
    switch (funct) {
    case 33:
    case 45:
        add_registers(flow, word);
        return true;
    case 37: /* OR: MOVE */
        if (rt_of(word) == 0 || rs_of(word) == 0) {
            add_registers(flow, word);
            return true;
        }
        break;
    case 10: /* MOVZ, MOVN, and on a condition of floating point */
    case 11:
    case 1:
        flow_use(flow, rs_of(word));
        if (funct != 1)
            flow_use(flow, rt_of(word));
        write_reg(flow, rd);
        flow_perhaps(flow, rd, before);
        return true;
    case 12: /* SYSCALL */
        flow_open(flow);
        flow_keep_set(flow, CALL_CHANGED);
        flow_result(flow, RESULT);
        flow_result(flow, RESULT + 1);
        return true;
    case 13: /* BREAK */
        flow_end(flow);
        return true;
    case 15:
        return true;
    case 52: /* TEQ: with the same register, always */
        use2(flow, word);
        if (rs_of(word) == rt_of(word))
            flow_open(flow);
        return true;
    case 48:
    case 49:
    case 50:
    case 51:
    case 54:
        use2(flow, word);
        return true;
    case 14:
    case 21:
    case 40:
    case 41:
    case 57:
    case 61:
        return false;
    default:
        break;
    }
    if (word == 0) {
        flow_idle(flow);
        return true;
    }
    use2(flow, word);
    write_reg(flow, rd);
    return true;
}

static bool special2(struct flow *flow, uint32_t word)
{
    unsigned funct = word & 63;
    use2(flow, word);
    if (funct == 2 || (funct >= 32 && funct <= 37))
        write_reg(flow, rd_of(word));
    return funct < 6 || (funct >= 32 && funct <= 37) || funct == 63;
}

static bool special3(struct flow *flow, uint32_t word)
{
    switch (word & 63) {
    case 0: /* EXT */
    case 1:
    case 2:
    case 3:
        flow_use(flow, rs_of(word));
        write_reg(flow, rt_of(word));
        return true;
    case 4: /* INS */
    case 5:
    case 6:
    case 7:
        use2(flow, word);
        write_reg(flow, rt_of(word));
        return true;
    case 32: /* SEB, SEH, WSBH */
    case 36:
        flow_use(flow, rt_of(word));
        write_reg(flow, rd_of(word));
        return true;
    case 59: /* RDHWR */
        write_reg(flow, rt_of(word));
        return true;
    default:
        return false;
    }
}

static bool floating(struct flow *flow, uint32_t word)
{
    unsigned kind = rs_of(word), funct = word & 63;
    if (word >> 26 == 19) {
        if (funct < 16)
            use2(flow, word);
        return true;
    }
    if (kind < 4)
        write_reg(flow, rt_of(word));
    else if (kind < 8 || funct == 18 || funct == 19)
        flow_use(flow, rt_of(word));
    return kind < 8 || kind >= 16;
}

/* ---- Branches ---- */

enum branch { NO_BRANCH, CONDITIONAL, LIKELY, JUMP, CALL, REGISTER, REGISTER_CALL };

static enum branch branch_of(uint32_t word)
{
    unsigned op = word >> 26, rt = rt_of(word);
    switch (op) {
    case 0:
        return (word & 63) == 8 ? REGISTER : (word & 63) == 9 ? REGISTER_CALL : NO_BRANCH;
    case 1:
        return rt < 2 ? CONDITIONAL : rt < 4 ? LIKELY : rt == 16 || rt == 17 ? CALL : NO_BRANCH;
    case 2:
        return JUMP;
    case 3:
        return CALL;
    case 4:
        return rs_of(word) == rt ? JUMP : CONDITIONAL;
    case 5:
    case 6:
    case 7:
        return CONDITIONAL;
    case 20:
    case 21:
    case 22:
    case 23:
        return LIKELY;
    case 17:
        return rs_of(word) != 8 ? NO_BRANCH : (word & 0x20000) != 0 ? LIKELY : CONDITIONAL;
    default:
        return NO_BRANCH;
    }
}

static bool run(struct flow *flow, uint32_t word);

/* The instruction behind the branch. */
static bool run_slot(struct flow *flow)
{
    bool known = false;
    flow->at += 4;
    uint32_t word = flow_word(flow, flow->at);
    if (branch_of(word) == NO_BRANCH)
        known = run(flow, word);
    flow->at -= 4;
    flow->idle = flow->ended = false;
    return known;
}

static void call(struct flow *flow)
{
    flow_keep_set(flow, CALL_CHANGED);
    flow_result(flow, RESULT);
    flow_result(flow, RESULT + 1);
    write_reg(flow, RA);
    flow_call(flow);
}

static void jump(struct flow *flow, uint64_t target, bool conditional)
{
    if (wrapped(flow, target - flow->search->address) >= flow->search->size) {
        flow_leave(flow, ALL);
        use_places(flow); /* a part of this function may go on there */
    }
    flow_jump(flow, target, conditional);
}

/* Which register is jumped to is read before the slot runs. */
static bool jump_register(struct flow *flow, uint32_t word)
{
    unsigned rs = rs_of(word);
    const struct held held = *flow_held(flow, rs);
    uint32_t number = flow->registers[rs];
    bool known;
    if (branch_of(word) == REGISTER_CALL) {
        flow_use(flow, rs);
        known = run_slot(flow);
        call(flow);
        if (held.kind == HELD_STUB || held.kind == HELD_OTHER) /* none that a compiler knew: it has a result */
            flow_write_set(flow, (uint64_t)3 << RESULT);
        if (held.kind == HELD_WHOLE || held.kind == HELD_STUB)
            flow_called(flow, held.address, 0);
        return known;
    }
    known = run_slot(flow);
    if (rs == RA) {
        flow_end(flow);
        return known;
    }
    if (held.kind == HELD_ENTRY) { /* a table of whole addresses */
        struct held place = held;
        place.kind = HELD_PLACE;
        number = flow_number(flow, place);
    }
    if (held.kind == HELD_OTHER || held.kind == HELD_STUB || held.kind == HELD_SLOT)
        flow_leave(flow, ALL);
    uint32_t after = flow->registers[0];
    flow->registers[0] = number;
    flow_jump_register(flow, 0);
    flow->registers[0] = after;
    return known;
}

static bool branches(struct flow *flow, uint32_t word, enum branch branch)
{
    unsigned op = word >> 26;
    bool far = op == 2 || op == 3, known;
    uint32_t bits = far ? JUMP_BITS : IMM_BITS, before[FLOW_REGISTERS];
    uint64_t pc = here(flow) + 4, target = far ? (pc & ~(uint64_t)0x0fffffff) | (uint64_t)(word & JUMP_BITS) << 2
                                               : pc + ((uint64_t)sign_extend(word, 16) << 2);
    target = wrapped(flow, target);
    if (!far && op != 17) {
        flow_use(flow, rs_of(word));
        if (op != 1)
            flow_use(flow, rt_of(word));
    }
    flow_site(flow, bits, branch == CALL ? SITE_CALL : SITE_JUMP, target);
    memcpy(before, flow->registers, sizeof(before));
    known = run_slot(flow);
    if (branch == CALL && target == wrapped(flow, here(flow) + 8)) {
        set_held(flow, RA, (struct held){.kind = HELD_WHOLE, .address = target});
    } else if (branch == CALL) {
        call(flow);
        flow_called(flow, target, 0);
    } else {
        jump(flow, target, branch != JUMP);
    }
    for (unsigned i = 0; branch == LIKELY && i < FLOW_REGISTERS; i++)
        flow_perhaps(flow, i, before[i]);
    return known;
}

/* ---- Stubs of lazy binding (System V ABI, MIPS supplement, "Procedure Linkage Table"; binutils, elfxx-mips.c) ---- */

#define STUB_SIZE 16

/* lw t9, -0x7ff0(gp); move t7, ra; jalr t9; li t8, the symbol's index. ld.so returns to t7. */
static bool is_stub(const struct flow *flow)
{
    if (flow->search->size - flow->at < STUB_SIZE || flow_word(flow, flow->at) != 0x8f998010)
        return false;
    uint32_t move = flow_word(flow, flow->at + 4), load = flow_word(flow, flow->at + 12);
    bool number = load >> 16 == 0x3418 || (load >> 16 == 0x2418 && (load & 0x8000) == 0);
    return (move == 0x03e07825 || move == 0x03e07821) && flow_word(flow, flow->at + 8) == 0x0320f809 && number;
}

static unsigned run_stub(struct flow *flow)
{
    uint32_t load = flow_word(flow, flow->at + 12);
    if (flow->telling)
        site_add_word(flow->search, flow->at + 12, IMM_BITS, SITE_SYMBOL, load & IMM_BITS);
    flow_end(flow);
    return STUB_SIZE;
}

/* ---- All ---- */

static bool run(struct flow *flow, uint32_t word)
{
    unsigned op = word >> 26, rt = rt_of(word);
    bool known = true;
    switch (op) {
    case 0:
        known = special(flow, word);
        break;
    case 1: /* traps, SYNCI */
        flow_use(flow, rs_of(word));
        known = (rt >= 8 && rt <= 14) || rt == 31;
        break;
    case 8:
    case 9:
    case 24:
    case 25:
        add_number(flow, word);
        break;
    case 11: /* SLTIU */
        flow->bound = (uint64_t)(word & IMM_BITS) - 1;
        flow->bound_at = flow->at;
        flow_use(flow, rs_of(word));
        write_reg(flow, rt);
        break;
    case 10:
    case 12:
    case 14:
        flow_use(flow, rs_of(word));
        write_reg(flow, rt);
        break;
    case 13:
        or_number(flow, word);
        break;
    case 15:
        set_held(flow, rt, (struct held){.kind = HELD_HALF, .address = (uint64_t)sign_extend(word, 16) << 16});
        flow_site_part(flow, flow->at, IMM_BITS, flow->registers[rt]);
        break;
    case 16: /* of the system's coprocessor */
        if (rs_of(word) == 0)
            write_reg(flow, rt);
        else
            flow_use(flow, rt);
        break;
    case 17:
    case 19:
        known = floating(flow, word);
        break;
    case 28:
        known = special2(flow, word);
        break;
    case 31:
        known = special3(flow, word);
        break;
    default:
        known = accesses(flow, word);
        break;
    }
    flow_write(flow, 0);
    return known;
}

static unsigned step(struct flow *flow)
{
    uint32_t word = flow_word(flow, flow->at);
    enum branch branch = branch_of(word);
    if (is_stub(flow))
        return run_stub(flow);
    if (branch == NO_BRANCH)
        return run(flow, word) ? 4 : 0;
    if (flow->search->size - flow->at < 8)
        return 0;
    if (flow->telling)
        site_start(flow->search, flow->at + 4);
    bool known = branch >= REGISTER ? jump_register(flow, word) : branches(flow, word, branch);
    if (!known && flow->telling)
        flow->search->sites->undecoded = true;
    flow_write(flow, 0);
    return 8;
}

/* t9 has the function's address where it is called by the ABI. */
static void begin(struct flow *flow)
{
    flow_set(flow, T9, HELD_WHOLE, flow->search->address);
}

bool sites_mips(struct site_search *search)
{
    struct mips mips = {.count = 0};
    return flow_run(search, (struct flow_machine){.unit = 4, .step = step, .begin = begin, .state = &mips});
}

/* NOP is zero. */
bool padding_zero(const uint8_t *bytes, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}
