/*
 * Sites of AArch64 ("Arm Architecture Reference Manual", C4.1: the encoding index, by which what an instruction reads and
 * writes is told here). ADRP's page is completed by ADD, or by a load or store with an unsigned offset below a page, as
 * the ELF psABI's :lo12: and :got_lo12: relocations have it. Tables of switches: LDRB, LDRH or LDRSW from the table and
 * an index, ADD of that to ADR's label, BR.
 */
#include "sites_flow.h"

#include <string.h>

#define ADR_BITS   0x60ffffe0u
#define IMM12_BITS 0x003ffc00u
#define IMM19_BITS 0x00ffffe0u
#define IMM14_BITS 0x0007ffe0u
#define IMM26_BITS 0x03ffffffu

#define ZERO 31 /* as a base it is the stack pointer, which holds no address that is followed */
#define LINK 30
/* x2 to x18, which a call may change; x0 and x1 it returns in. */
#define CALL_CHANGED 0x0007fffcu
/* x19 to x29. */
#define CALL_KEPT 0x3ff80000u
#define ALL       0x7fffffffu

static unsigned rd_of(uint32_t word)
{
    return word & 31;
}

static unsigned rn_of(uint32_t word)
{
    return word >> 5 & 31;
}

static unsigned rm_of(uint32_t word)
{
    return word >> 16 & 31;
}

static unsigned ra_of(uint32_t word)
{
    return word >> 10 & 31;
}

static void set(struct flow *flow, unsigned reg, uint32_t number)
{
    flow->registers[reg] = reg == ZERO ? HELD_OTHER : number;
}

static void write_reg(struct flow *flow, unsigned reg)
{
    set(flow, reg, HELD_OTHER);
}

static uint64_t here(const struct flow *flow)
{
    return flow->search->address + flow->at;
}

static uint64_t target_of(const struct flow *flow, uint32_t word, uint32_t bits)
{
    return here(flow) + ((uint64_t)sign_extend(form_field(word, bits), (unsigned)__builtin_popcount(bits)) << 2);
}

/* ---- Branches ---- */

static void jump(struct flow *flow, uint32_t word, uint32_t bits, bool conditional)
{
    uint64_t target = target_of(flow, word, bits);
    flow_site(flow, bits, SITE_JUMP, target);
    /* A part of this function may go on there with all that is held, if it is not in the PLT. */
    if (decode_wrap(flow->search->decoder, target - flow->search->address) >= flow->search->size)
        flow_leave(flow, flow_is_stub(flow, target) ? CALL_KEPT : ALL);
    flow_jump(flow, target, conditional);
}

static void call(struct flow *flow)
{
    flow_keep_set(flow, CALL_CHANGED);
    flow_result(flow, 0);
    flow_result(flow, 1);
    write_reg(flow, LINK);
    flow_call(flow);
}

static bool branch_register(struct flow *flow, uint32_t word)
{
    switch (word >> 21 & 15) {
    case 0: /* BR, BRAA, ... */
    case 8:
        if (flow_is_unknown(flow, rn_of(word)))
            flow_leave(flow, ALL);
        flow_jump_register(flow, rn_of(word));
        return true;
    case 1: /* BLR, BLRAA, ... */
    case 9:
        flow_use(flow, rn_of(word));
        call(flow);
        return true;
    case 2: /* RET, RETAA, ERET, DRPS */
    case 4:
    case 5:
        flow_end(flow);
        return true;
    default:
        return false;
    }
}

static bool system_or_trap(struct flow *flow, uint32_t word)
{
    if ((word & 0xff000000) == 0xd4000000) {
        /* SVC and the like return in x0; BRK and HLT do not. */
        flow_open(flow);
        if ((word & 0x00e00000) == 0)
            flow_result(flow, 0);
        else
            flow_end(flow);
        return true;
    }
    if ((word & 0xffc00000) != 0xd5000000)
        return false;
    if (word == 0xd503201f)
        flow_idle(flow);
    if ((word & 0x00200000) != 0)
        write_reg(flow, rd_of(word));
    else
        flow_use(flow, rd_of(word));
    return true;
}

static bool branches(struct flow *flow, uint32_t word)
{
    if ((word & 0x7c000000) == 0x14000000) {
        if (word >> 31 == 0) {
            jump(flow, word, IMM26_BITS, false);
        } else {
            flow_site(flow, IMM26_BITS, SITE_CALL, target_of(flow, word, IMM26_BITS));
            call(flow);
            flow_called(flow, target_of(flow, word, IMM26_BITS), CALL_CHANGED | 3);
        }
        return true;
    }
    if ((word & 0x7e000000) == 0x34000000 || (word & 0x7e000000) == 0x36000000) {
        flow_use(flow, rd_of(word));
        jump(flow, word, (word & 0x02000000) != 0 ? IMM14_BITS : IMM19_BITS, true);
        return true;
    }
    if ((word & 0xff000000) == 0x54000000) {
        if ((word & 14) == 2 || (word & 14) == 8) /* CS, CC; HI, LS */
            flow_branch_bound(flow, (word & 14) == 2);
        jump(flow, word, IMM19_BITS, true);
        return true;
    }
    if ((word & 0xfe000000) == 0xd6000000)
        return branch_register(flow, word);
    return system_or_trap(flow, word);
}

/* ---- Immediates ---- */

static void page(struct flow *flow, uint32_t word)
{
    uint32_t field = form_field(word, IMM19_BITS) << 2 | form_field(word, 0x60000000);
    uint64_t distance = (uint64_t)sign_extend(field, 21);
    unsigned rd = rd_of(word);
    if (word >> 31 == 0) {
        flow_site(flow, ADR_BITS, SITE_DATA, here(flow) + distance);
        flow_set(flow, rd, HELD_WHOLE, here(flow) + distance);
    } else {
        flow_set(flow, rd, HELD_PART, (here(flow) & ~(uint64_t)0xfff) + (distance << 12));
        flow_site_part(flow, flow->at, ADR_BITS, flow->registers[rd]);
    }
    if (rd == ZERO)
        write_reg(flow, rd);
}

static void add_immediate(struct flow *flow, uint32_t word)
{
    unsigned rd = rd_of(word), rn = rn_of(word);
    uint64_t rest = form_field(word, IMM12_BITS);
    const struct held held = *flow_held(flow, rn);
    bool plain = (word & 0xffc00000) == 0x91000000;
    if ((word & 0x7fc00000) == 0x71000000) /* CMP, or SUBS for its flags */
        flow_compare(flow, rd == ZERO && rn != ZERO ? rn : FLOW_REGISTERS, rest);
    if (plain && held.kind == HELD_PART) {
        flow_complete(flow, rn);
        flow_site(flow, IMM12_BITS, SITE_DATA, held.address + rest);
        flow_set(flow, rd, HELD_WHOLE, held.address + rest);
        if (rd == ZERO)
            write_reg(flow, rd);
        return;
    }
    flow_use(flow, rn);
    if ((word & 0x20000000) != 0 && rd == ZERO)
        return;
    if (plain && held.kind == HELD_WHOLE && rd != ZERO)
        flow_set(flow, rd, HELD_WHOLE, held.address + rest);
    else
        set(flow, rd, rn == ZERO ? HELD_OTHER : HELD_SUM);
}

/* MOVZ and MOVK of what cannot be moved: no compiler does it for addresses, but in the large code model. */
static void move_wide(struct flow *flow, uint32_t word)
{
    unsigned rd = rd_of(word), shift = (word >> 21 & 3) * 16;
    uint64_t field = (uint64_t)(word >> 5 & 0xffff) << shift, value = field;
    const struct held held = *flow_held(flow, rd);
    bool keep = (word & 0x60000000) == 0x60000000, zero = (word & 0x60000000) == 0x40000000;
    if (keep) {
        flow_use(flow, rd);
        value = held.kind == HELD_WHOLE ? (held.address & ~((uint64_t)0xffff << shift)) | field : 0;
    }
    bool known = rd != ZERO && (zero || (keep && held.kind == HELD_WHOLE));
    if (known && decode_is_absolute(flow->search->decoder, value))
        flow_site(flow, 0x001fffe0, SITE_OPAQUE, value);
    write_reg(flow, rd);
    if (known && flow->search->decoder->image->header.e_type == ET_EXEC)
        flow_set(flow, rd, HELD_WHOLE, value);
}

static bool immediates(struct flow *flow, uint32_t word)
{
    switch (word >> 23 & 7) {
    case 0:
    case 1:
        page(flow, word);
        return true;
    case 2:
        add_immediate(flow, word);
        return true;
    case 3: /* ADDG, SUBG */
    case 4:
    case 6:
        flow_use(flow, rn_of(word));
        /* BFM keeps bits of what it writes. */
        if ((word & 0x7f800000) == 0x33000000)
            flow_use(flow, rd_of(word));
        if ((word >> 23 & 7) != 4 || (word & 0x60000000) != 0x60000000 || rd_of(word) != ZERO)
            write_reg(flow, rd_of(word));
        return true;
    case 5:
        move_wide(flow, word);
        return true;
    default: /* EXTR */
        flow_use(flow, rn_of(word));
        flow_use(flow, rm_of(word));
        write_reg(flow, rd_of(word));
        return true;
    }
}

/* ---- Loads and stores ---- */

static unsigned access_scale(uint32_t word)
{
    bool quad = (word & 0xc4800000) == 0x04800000;
    return quad ? 4 : word >> 30;
}

/* What is loaded or stored by the forms with size, V and opc in their usual places. */
static void transfer(struct flow *flow, uint32_t word)
{
    bool simd = (word & 0x04000000) != 0, prefetch = (word & 0xc4c00000) == 0xc0800000;
    if (simd || prefetch)
        return;
    if ((word & 0x00c00000) == 0)
        flow_use(flow, rd_of(word));
    else
        write_reg(flow, rd_of(word));
}

static void access_unsigned(struct flow *flow, uint32_t word)
{
    unsigned rn = rn_of(word);
    const struct held *held = flow_held(flow, rn);
    uint64_t rest = (uint64_t)form_field(word, IMM12_BITS) << access_scale(word);
    /* A low part is below a page, so that the whole address tells the page. */
    if (held->kind == HELD_PART && rest < 0x1000) {
        flow_complete(flow, rn);
        flow_access(flow, IMM12_BITS, held->address + rest);
    } else {
        flow_use(flow, rn);
    }
    transfer(flow, word);
}

/* An index into a table whose address is known. */
static void access_indexed(struct flow *flow, uint32_t word)
{
    unsigned rn = rn_of(word), rm = rm_of(word);
    unsigned size = word >> 30, opc = word >> 22 & 3, scale = (word & 0x1000) != 0 ? size : 0;
    const struct held base = *flow_held(flow, rn);
    uint64_t count = flow_bound_of(flow, rm);
    flow_use(flow, rn);
    flow_use(flow, rm);
    transfer(flow, word);
    if ((word & 0x04000000) == 0 && opc != 0 && opc != 3 && size < 3 && scale == size && base.kind == HELD_WHOLE &&
        rd_of(word) != ZERO)
        flow->registers[rd_of(word)] = flow_number(flow, (struct held){.kind = HELD_ENTRY,
                                                                       .address = base.address,
                                                                       .entry_size = (uint8_t)(1u << size),
                                                                       .is_signed = opc >= 2,
                                                                       .count = (uint32_t)count});
}

static void exclusives(struct flow *flow, uint32_t word)
{
    bool load = (word & 0x00400000) != 0, pair = (word & 0x00200000) != 0, ordered = (word & 0x00800000) != 0;
    unsigned rs = rm_of(word), rt = rd_of(word), rt2 = ra_of(word);
    flow_use(flow, rn_of(word));
    if (pair && (ordered || word >> 31 == 0)) { /* CAS, CASP */
        flow_use(flow, rs);
        flow_use(flow, rt);
        write_reg(flow, rs);
        if (!ordered) {
            flow_use(flow, (rs + 1) & 31);
            flow_use(flow, (rt + 1) & 31);
            write_reg(flow, (rs + 1) & 31);
        }
    } else if (load) {
        write_reg(flow, rt);
        if (pair)
            write_reg(flow, rt2);
    } else {
        flow_use(flow, rt);
        if (pair)
            flow_use(flow, rt2);
        if (!ordered)
            write_reg(flow, rs);
    }
}

static void pairs(struct flow *flow, uint32_t word)
{
    bool simd = (word & 0x04000000) != 0, load = (word & 0x00400000) != 0;
    flow_use(flow, rn_of(word));
    if (!simd && !load) {
        flow_use(flow, rd_of(word));
        flow_use(flow, ra_of(word));
    }
    if ((word & 0x00800000) != 0) /* before what is loaded: both into one register is not defined */
        write_reg(flow, rn_of(word));
    if (!simd && load) {
        write_reg(flow, rd_of(word));
        write_reg(flow, ra_of(word));
    }
}

static void literal(struct flow *flow, uint32_t word)
{
    unsigned opc = word >> 30;
    bool simd = (word & 0x04000000) != 0;
    uint64_t target = target_of(flow, word, IMM19_BITS);
    flow_access(flow, IMM19_BITS, target);
    flow_data(flow, target, simd ? 4u << opc : opc == 1 ? 8 : 4);
    if (!simd && opc != 3)
        write_reg(flow, rd_of(word));
}

/* Structures of SIMD registers, with and without writing back. */
static bool structures(struct flow *flow, uint32_t word)
{
    flow_use(flow, rn_of(word));
    if ((word & 0x00800000) != 0) {
        flow_use(flow, rm_of(word));
        write_reg(flow, rn_of(word));
    }
    return (word & 0x80000000) == 0;
}

static bool accesses_single(struct flow *flow, uint32_t word)
{
    if ((word & 0x01000000) != 0) {
        access_unsigned(flow, word);
        return true;
    }
    if ((word & 0x00200000) == 0) { /* 9 bits of offset: written back in two of the forms */
        flow_use(flow, rn_of(word));
        if ((word & 0x400) != 0)
            write_reg(flow, rn_of(word));
        transfer(flow, word);
        return true;
    }
    switch (word >> 10 & 3) {
    case 0: /* LDADD, SWP, LDAPR, ... */
        flow_use(flow, rn_of(word));
        flow_use(flow, rm_of(word));
        write_reg(flow, rd_of(word));
        /* LD64B and ST64B have eight registers. */
        return (word & 0x04000000) == 0 && ((word & 0x8000) == 0 || (word & 0x7000) == 0 || (word & 0x7000) == 0x4000);
    case 2:
        access_indexed(flow, word);
        return true;
    default: /* LDRAA, LDRAB */
        flow_use(flow, rn_of(word));
        if ((word & 0x800) != 0)
            write_reg(flow, rn_of(word));
        write_reg(flow, rd_of(word));
        return (word & 0xc4000000) == 0xc0000000;
    }
}

static bool accesses(struct flow *flow, uint32_t word)
{
    switch (word >> 28 & 3) {
    case 0:
        if ((word & 0x04000000) != 0)
            return structures(flow, word);
        exclusives(flow, word);
        return (word & 0x01000000) == 0;
    case 1:
        if ((word & 0x01000000) == 0) {
            literal(flow, word);
            return true;
        }
        if ((word & 0x04200c00) != 0)
            return false;            /* memory tags, MOPS */
        flow_use(flow, rn_of(word)); /* LDAPUR, STLUR */
        transfer(flow, word);
        return true;
    case 2:
        pairs(flow, word);
        return true;
    default:
        return accesses_single(flow, word);
    }
}

/* ---- Registers ---- */

/* Base and entry of a table, as ADD has them; ADD's own shift, and how it extends. */
static bool add_entry(struct flow *flow, uint32_t word)
{
    const struct held base = *flow_held(flow, rn_of(word)), entry = *flow_held(flow, rm_of(word));
    bool extended = (word & 0xffe00000) == 0x8b200000, plain = (word & 0xffe00000) == 0x8b000000;
    unsigned shift = extended ? word >> 10 & 7 : word >> 10 & 63, option = word >> 13 & 7;
    if ((!extended && !plain) || rd_of(word) == ZERO)
        return false;
    if (base.kind == HELD_ENTRY && entry.kind == HELD_WHOLE && plain && shift == 0) {
        flow->registers[rd_of(word)] = flow_number(flow, (struct held){.kind = HELD_PLACE,
                                                                       .address = base.address,
                                                                       .base = entry.address,
                                                                       .entry_size = base.entry_size,
                                                                       .is_signed = base.is_signed,
                                                                       .count = base.count});
        return true;
    }
    if (base.kind != HELD_WHOLE || entry.kind != HELD_ENTRY || shift > 4 ||
        (extended && 1u << (option & 3) < entry.entry_size))
        return false;
    /* Bits above the entry are its sign, or zero; extending from just its size makes it signed. */
    bool narrow = extended && option >= 4 && 1u << (option & 3) == entry.entry_size;
    flow->registers[rd_of(word)] = flow_number(flow, (struct held){.kind = HELD_PLACE,
                                                                   .address = entry.address,
                                                                   .base = base.address,
                                                                   .entry_size = entry.entry_size,
                                                                   .shift = (uint8_t)shift,
                                                                   .is_signed = narrow || entry.is_signed,
                                                                   .count = entry.count});
    return true;
}

static bool registers_add(struct flow *flow, uint32_t word)
{
    bool flags = (word & 0x20000000) != 0;
    flow_use(flow, rn_of(word));
    flow_use(flow, rm_of(word));
    if (add_entry(flow, word))
        return true;
    if (!flags || rd_of(word) != ZERO)
        set(flow, rd_of(word), HELD_SUM);
    return true;
}

static bool registers_logical(struct flow *flow, uint32_t word)
{
    if ((word & 0xffe0ffe0) == 0xaa0003e0) { /* MOV */
        set(flow, rd_of(word), flow->registers[rm_of(word)]);
        return true;
    }
    flow_use(flow, rn_of(word));
    flow_use(flow, rm_of(word));
    write_reg(flow, rd_of(word));
    return true;
}

static bool registers(struct flow *flow, uint32_t word)
{
    if ((word & 0x11000000) == 0x01000000)
        return registers_add(flow, word);
    if ((word & 0x10000000) == 0)
        return registers_logical(flow, word);
    flow_use(flow, rn_of(word));
    if ((word & 0x01000000) != 0) { /* MADD and the like */
        flow_use(flow, rm_of(word));
        flow_use(flow, ra_of(word));
        write_reg(flow, rd_of(word));
        return true;
    }
    switch (word >> 21 & 7) {
    case 2: /* CCMP, with a register or a number */
        if ((word & 0x800) == 0)
            flow_use(flow, rm_of(word));
        return true;
    case 6:
        if ((word & 0x40000000) == 0)
            flow_use(flow, rm_of(word));
        write_reg(flow, rd_of(word));
        return true;
    case 0: /* ADC; RMIF and SETF have other bits there, and ADDPT */
        if ((word & 0xfc00) != 0)
            return (word & 0xe000) == 0;
        flow_use(flow, rm_of(word));
        set(flow, rd_of(word), HELD_SUM);
        return true;
    case 4:
        flow_use(flow, rm_of(word));
        write_reg(flow, rd_of(word));
        return true;
    default:
        return false;
    }
}

/* ---- Floating point: what comes from a general register, or goes to one ---- */

static bool floating(struct flow *flow, uint32_t word)
{
    unsigned opcode = word >> 16 & 7;
    if ((word & 0x5f20fc00) == 0x1e200000) {
        if (opcode == 2 || opcode == 3 || opcode == 7)
            flow_use(flow, rn_of(word));
        else
            write_reg(flow, rd_of(word));
    } else if ((word & 0x5f200000) == 0x1e000000) {
        if (opcode == 2 || opcode == 3)
            flow_use(flow, rn_of(word));
        else
            write_reg(flow, rd_of(word));
    } else if ((word & 0xbfe08400) == 0x0e000400) {
        unsigned form = word >> 11 & 15;
        if (form == 1 || form == 3)
            flow_use(flow, rn_of(word));
        else if (form == 5 || form == 7)
            write_reg(flow, rd_of(word));
    }
    return true;
}

static unsigned step(struct flow *flow)
{
    uint32_t word = flow_word(flow, flow->at);
    bool known = false;
    switch (word >> 25 & 15) {
    case 0: /* UDF; SME has bit 31 set */
        known = word >> 16 == 0;
        if (known)
            flow_end(flow);
        break;
    case 8:
    case 9:
        known = immediates(flow, word);
        break;
    case 10:
    case 11:
        known = branches(flow, word);
        break;
    case 4:
    case 6:
    case 12:
    case 14:
        known = accesses(flow, word);
        break;
    case 5:
    case 13:
        known = registers(flow, word);
        break;
    case 7:
    case 15:
        known = floating(flow, word);
        break;
    default: /* SVE */
        break;
    }
    return known ? 4 : 0;
}

bool sites_aarch64(struct site_search *search)
{
    return flow_run(search, (struct flow_machine){.unit = 4, .step = step});
}

/* NOP, and what is undefined. */
bool padding_aarch64(const uint8_t *bytes, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        static const uint8_t nop[] = {0x1f, 0x20, 0x03, 0xd5};
        uint64_t word = i / 4 * 4;
        bool whole = size - word >= 4 && memcmp(bytes + word, nop, 4) == 0;
        if (!whole && bytes[i] != 0)
            return false;
    }
    return true;
}
