/*
 * Sites of PowerPC (Power ISA, book I and its opcode maps; ELFv2 ABI; System V psABI of 32 bits). The TOC's address in r2
 * is followed like a part: ADDIS of it, or of nothing, makes an upper half, and what adds a signed 16-bit rest completes
 * it. Code of 32 bits gets an address from LR behind BCL 20,31. Tables of switches: words relative to the table, added to
 * its address.
 */
#include "sites_ppc.h"

#include "sites_flow.h"

#include <stdlib.h>
#include <string.h>

#define STACK 1
#define TOC   2
#define SMALL 13 /* what small data is addressed from (System V psABI, "Small Data Area"): set at the program's begin */
#define ENTRY 12 /* ELFv2: the address of the function, at its global entry */
#define LWZ   32 /* an opcode */
#define LR    32
#define CTR   33

#define IMM_BITS    0x0000ffffu
#define DS_BITS     0x0000fffcu
#define DQ_BITS     0x0000fff0u
#define BRANCH_BITS 0x03fffffcu
#define COND_BITS   0x0000fffcu

/* r0, r5 to r12. r3 and r4 have the result. */
#define CALL_CHANGED 0x00001fe1u
#define ALL          0xfffffffbu /* without r2, which is the same everywhere */

static unsigned rt_of(uint32_t word)
{
    return word >> 21 & 31;
}

static unsigned ra_of(uint32_t word)
{
    return word >> 16 & 31;
}

static unsigned rb_of(uint32_t word)
{
    return word >> 11 & 31;
}

static uint64_t here(const struct flow *flow)
{
    return flow->search->address + flow->at;
}

static bool is_wide(const struct flow *flow)
{
    return flow->search->decoder->image->is64;
}

static uint64_t toc_of(const struct flow *flow)
{
    return is_wide(flow) ? flow->search->decoder->gp : 0;
}

/* Small data: of 32 bits, r13 is the same everywhere, and what is at a number from it an address. */
static bool is_small_data(const struct flow *flow, unsigned ra)
{
    return ra == SMALL && !is_wide(flow);
}

/* As a base, r0 is zero. */
static void use_base(struct flow *flow, unsigned ra)
{
    if (ra != 0)
        flow_use(flow, ra);
}

/* ---- Stubs (binutils, elf32-ppc.c, write_glink_stub) ---- */

#define PIC   30 /* what the GOT is addressed from */
#define MTCTR 0x7d6903a6u
#define BCTR  0x4e800420u
#define NOP   0x60000000u

bool site_is_stub(const struct decoder *decoder, uint64_t address)
{
    struct range range;
    const struct image *image = decoder->image;
    if (image->header.e_machine != EM_PPC || !image_file_range(image, address, SITE_STUB_SIZE, &range))
        return false;
    const uint8_t *bytes = image_bytes(image, range);
    uint32_t words[SITE_STUB_SIZE / 4];
    for (size_t i = 0; bytes != NULL && i < ARRAY_COUNT(words); i++)
        words[i] = decode_u32(decoder, bytes + i * 4);
    if (bytes == NULL)
        return false;
    /* lwz r11, x(r30); mtctr r11; bctr; nop. Or addis r11, r30, x; lwz r11, x(r11); mtctr r11; bctr. */
    return (words[0] >> 16 == 0x817e && words[1] == MTCTR && words[2] == BCTR && words[3] == NOP) ||
           (words[0] >> 16 == 0x3d7e && words[1] >> 16 == 0x816b && words[2] == MTCTR && words[3] == BCTR);
}

static int stub_order(const void *left, const void *right)
{
    const struct site_stub *a = left, *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

static const struct site_stub *base_of_stub(const struct decoder *decoder, uint64_t address)
{
    struct site_stub key = {.address = address};
    return decoder->based_count == 0 ? NULL
                                     : bsearch(&key, decoder->based, decoder->based_count, sizeof(key), stub_order);
}

/* A call of one: it reads what it does relative to r30. False where that is not known. */
static bool hand_over_base(struct flow *flow, uint64_t stub)
{
    const struct held *held = flow_held(flow, PIC);
    if (held->kind != HELD_BASE)
        return false;
    flow_complete(flow, PIC);
    if (flow->telling)
        site_stub_add(flow->search, (struct site_stub){stub, held->address});
    return true;
}

/* ---- Addresses ---- */

static bool is_base(const struct held *held)
{
    return held->kind == HELD_BASE;
}

/*
 * What stands at rest from the register. True where that is an address: its whole, and the site of the instruction is
 * told.
 */
static bool complete(struct flow *flow, unsigned ra, uint64_t rest, uint32_t bits, bool access, uint64_t *whole)
{
    if (ra == 0)
        return false;
    const struct held held = *flow_held(flow, ra);
    *whole = decode_wrap(flow->search->decoder, held.address + rest);
    bool address = held.kind == HELD_PART || is_base(&held) ||
                   (held.kind == HELD_HALF && decode_is_absolute(flow->search->decoder, *whole));
    if (!address)
        return false;
    flow_complete(flow, ra);
    if (access)
        flow_access(flow, bits, *whole);
    else
        flow_site(flow, bits, SITE_DATA, *whole);
    return true;
}

static void upper(struct flow *flow, uint32_t word)
{
    unsigned rt = rt_of(word), ra = ra_of(word);
    uint64_t value = (uint64_t)sign_extend(word, 16) << 16;
    const struct held base = *flow_held(flow, ra);
    if (ra == 0) {
        flow_set(flow, rt, HELD_HALF, value);
        flow_site_part(flow, flow->at, IMM_BITS, flow->registers[rt]);
    } else if (is_base(&base)) {
        flow_complete(flow, ra);
        flow_set(flow, rt, HELD_PART, base.address + value);
        flow_site_part(flow, flow->at, IMM_BITS, flow->registers[rt]);
    } else {
        if (is_small_data(flow, ra))
            flow_site(flow, IMM_BITS, SITE_OPAQUE, value);
        flow_use(flow, ra);
        flow_write(flow, rt);
    }
}

/*
 * A base that code addresses the GOT from: r2, or what is made of LR. Each object has its own .got2, and its base 0x8000
 * behind the begin of that, where nothing in particular stands: it is a part of what is addressed from it.
 */
static void set_base(struct flow *flow, unsigned rt, uint64_t whole, uint64_t offset)
{
    flow_set(flow, rt, HELD_BASE, whole);
    bool part = !is_wide(flow) && flow_held(flow, rt)->completed;
    if (flow->telling)
        site_add_word(flow->search, offset, IMM_BITS,
                      flow_base_kind(flow, flow->registers[rt], part ? SITE_PART : SITE_GOT), whole);
}

static void add_rest(struct flow *flow, uint32_t word)
{
    unsigned rt = rt_of(word), ra = ra_of(word);
    uint64_t rest = (uint64_t)sign_extend(word, 16), whole;
    const struct held held = *flow_held(flow, ra);
    if (ra == 0) {
        flow_write(flow, rt);
        return;
    }
    bool from_link = held.kind == HELD_PART && !is_wide(flow);
    bool makes_toc = toc_of(flow) != 0 && (held.kind == HELD_HALF || held.kind == HELD_PART) && rt == TOC &&
                     held.address + rest == toc_of(flow);
    if (from_link || makes_toc) {
        flow_complete(flow, ra);
        set_base(flow, rt, decode_wrap(flow->search->decoder, held.address + rest), flow->at);
    } else if (complete(flow, ra, rest, IMM_BITS, false, &whole)) {
        flow_set(flow, rt, HELD_WHOLE, whole);
    } else {
        if (is_small_data(flow, ra) && held.kind != HELD_HALF)
            flow_site(flow, IMM_BITS, SITE_OPAQUE, rest);
        if (held.kind != HELD_HALF) /* of which a number is made */
            flow_use(flow, ra);
        if (held.kind == HELD_WHOLE)
            flow_set(flow, rt, HELD_WHOLE, held.address + rest);
        else
            flow->registers[rt] = ra == STACK ? HELD_OTHER : HELD_SUM;
    }
}

static void or_rest(struct flow *flow, uint32_t word)
{
    unsigned rs = rt_of(word), ra = ra_of(word);
    uint64_t whole;
    if (rs == ra && (word & IMM_BITS) == 0) { /* NOP in its forms */
        flow_idle(flow);
    } else if (rs != 0 && flow_held(flow, rs)->kind == HELD_HALF &&
               complete(flow, rs, word & IMM_BITS, IMM_BITS, false, &whole)) {
        flow_set(flow, ra, HELD_WHOLE, whole);
    } else {
        if (rs == 0 || flow_held(flow, rs)->kind != HELD_HALF)
            flow_use(flow, rs);
        flow_write(flow, ra);
    }
}

/* ---- Loads and stores with a number ---- */

enum transfer { LOADS, STORES, NO_REGISTER };

/*
 * What stands at this place of .got2 and is loaded from there: the address of data, which ld.so makes of the load address
 * and an addend. The word is looked at where it stands. Of functions nothing is said: who jumps to one has a pointer.
 */
static bool loaded_address(const struct flow *flow, uint64_t slot, uint64_t *value)
{
    const struct decoder *decoder = flow->search->decoder;
    const struct image *image = decoder->image;
    struct range word, code;
    size_t count;
    if (is_wide(flow) || !image_file_range(image, slot, 4, &word))
        return false;
    const struct relocation *filled = relocations_in(decoder->filled, decoder->filled_count, word, &count);
    if (count != 1 || filled->type != R_PPC_RELATIVE || filled->address != slot)
        return false;
    *value = (uint32_t)filled->addend;
    const struct extent *extent = image_file_range(image, *value, 1, &code) ? image_extent_at(image, code.begin) : NULL;
    return extent != NULL && extent->owner == OWNER_SECTION &&
           (image->sections[extent->index].flags & SHF_EXECINSTR) == 0;
}

static void access_rest(struct flow *flow, uint32_t word, uint32_t bits, enum transfer transfer, bool update)
{
    unsigned rt = rt_of(word), ra = ra_of(word);
    uint64_t whole, value;
    const struct held base = *flow_held(flow, ra);
    bool completed = !update && complete(flow, ra, (uint64_t)sign_extend(word & bits, 16), bits, true, &whole);
    /* After a call the TOC's address comes back from where the ABI has it saved. */
    bool restores = is_wide(flow) && transfer == LOADS && rt == TOC && ra == STACK && bits == DS_BITS &&
                    ((word & bits) == 24 || (word & bits) == 40);
    bool saves = is_wide(flow) && transfer == STORES && rt == TOC && ra == STACK && bits == DS_BITS &&
                 ((word & bits) == 24 || (word & bits) == 40);
    if (!completed)
        use_base(flow, ra);
    if (!completed && is_small_data(flow, ra))
        flow_site(flow, bits, SITE_OPAQUE, word & bits);
    if (transfer == STORES && !saves)
        flow_use(flow, rt);
    if (update)
        flow_write(flow, ra);
    if (restores && toc_of(flow) != 0)
        flow_set(flow, rt, HELD_BASE, toc_of(flow));
    else if (transfer == LOADS)
        flow_write(flow, rt);
    if (completed && transfer == LOADS && word >> 26 == LWZ && loaded_address(flow, whole, &value))
        flow_set(flow, rt, HELD_WHOLE, value);
    /* Of a table, whose address and index gcc -O0 adds first. */
    if (transfer == LOADS && word >> 26 == LWZ && (word & IMM_BITS) == 0 && ra != 0 && base.kind == HELD_INDEXED)
        flow->registers[rt] = flow_number(
            flow, (struct held){.kind = HELD_ENTRY, .address = base.address, .entry_size = 4, .is_signed = true});
}

static bool accesses(struct flow *flow, uint32_t word)
{
    unsigned op = word >> 26, rt = rt_of(word);
    switch (op) {
    case 46: /* LMW */
        use_base(flow, ra_of(word));
        flow_write_set(flow, 0xffffffffu & ~(((uint64_t)1 << rt) - 1));
        return true;
    case 47: /* STMW */
        use_base(flow, ra_of(word));
        flow_use_set(flow, 0xffffffffu & ~(((uint64_t)1 << rt) - 1));
        return true;
    case 56: /* LQ */
        access_rest(flow, word, DQ_BITS, LOADS, false);
        flow_write(flow, (rt + 1) & 31);
        return true;
    case 57:
        access_rest(flow, word, DS_BITS, NO_REGISTER, false);
        return true;
    case 58:
        access_rest(flow, word, DS_BITS, LOADS, (word & 3) == 1);
        return (word & 3) != 3;
    case 61:
        access_rest(flow, word, (word & 3) == 1 ? DQ_BITS : DS_BITS, NO_REGISTER, false);
        return true;
    case 62:
        if ((word & 3) == 2)
            flow_use(flow, (rt + 1) & 31);
        access_rest(flow, word, DS_BITS, STORES, (word & 3) == 1);
        return (word & 3) != 3;
    default: {
        bool floats = op >= 48, store = floats ? op >= 52 : (op >= 36 && op < 40) || op == 44 || op == 45;
        access_rest(flow, word, IMM_BITS, floats ? NO_REGISTER : store ? STORES : LOADS, (op & 1) != 0);
        return true;
    }
    }
}

/* ---- Branches ---- */

static void call(struct flow *flow)
{
    flow_keep_set(flow, CALL_CHANGED);
    flow_result(flow, 3);
    flow_result(flow, 4);
    flow_write(flow, LR);
    flow_write(flow, CTR);
    flow_call(flow);
}

/* _restgpr and its kin, which a function jumps to for its end: they begin with a load by r1, r11 or r12. */
static bool restores_registers(const struct flow *flow, uint64_t target)
{
    struct range range;
    const struct image *image = flow->search->decoder->image;
    if (!image_file_range(image, target, 4, &range) || image_bytes(image, range) == NULL)
        return false;
    uint32_t word = decode_u32(flow->search->decoder, image_bytes(image, range));
    unsigned op = word >> 26, ra = ra_of(word), rt = rt_of(word);
    return (op == 32 || op == 58) && (ra == STACK || ra == 11 || ra == 12) && rt >= 14 && (word & 0x8000) != 0;
}

static void branch(struct flow *flow, uint32_t word)
{
    bool conditional = word >> 26 == 16, absolute = (word & 2) != 0, always = !conditional || (rt_of(word) & 20) == 20;
    uint32_t bits = conditional ? COND_BITS : BRANCH_BITS;
    uint64_t distance = (uint64_t)sign_extend(word & bits, conditional ? 16 : 26);
    uint64_t target = decode_wrap(flow->search->decoder, (absolute ? 0 : here(flow)) + distance);
    bool calls = (word & 1) != 0, next = calls && target == decode_wrap(flow->search->decoder, here(flow) + 4);
    if (next) {
        flow_set(flow, LR, HELD_BASE, target);
        flow_site(flow, bits, flow_base_kind(flow, flow->registers[LR], SITE_CALL), target);
        return;
    }
    bool certain = !site_is_stub(flow->search->decoder, target) || hand_over_base(flow, target);
    flow_site(flow, bits, !certain ? SITE_OPAQUE : calls ? SITE_CALL : SITE_JUMP, target);
    if (calls) {
        call(flow);
        if (always)
            flow_called(flow, target, CALL_CHANGED | 0x18);
    } else {
        bool outside = decode_wrap(flow->search->decoder, target - flow->search->address) >= flow->search->size;
        if (outside && !(always && restores_registers(flow, target)))
            flow_leave(flow, ALL);
        flow_jump(flow, target, !always);
    }
}

static bool branch_register(struct flow *flow, uint32_t word)
{
    bool always = (rt_of(word) & 20) == 20, calls = (word & 1) != 0;
    switch (word >> 1 & 0x3ff) {
    case 16: /* BCLR */
        flow_open(flow);
        if (calls)
            call(flow);
        else if (always)
            flow_end(flow);
        return true;
    case 528: /* BCCTR */
        if (calls) {
            flow_use(flow, CTR);
            call(flow);
            return true;
        }
        /* A whole word of data is a pointer, which is looked at where it stands. */
        if (flow_held(flow, CTR)->kind == HELD_ENTRY && !is_wide(flow))
            flow_write(flow, CTR);
        if (flow_held(flow, CTR)->kind == HELD_OTHER)
            flow_leave(flow, ALL);
        flow_jump_register(flow, CTR);
        if (!always)
            flow->ended = false;
        return true;
    case 0: /* MCRF, operations on conditions, ISYNC */
    case 33:
    case 129:
    case 150:
    case 193:
    case 225:
    case 257:
    case 289:
    case 417:
    case 449:
        return true;
    default:
        if ((word >> 1 & 31) != 2) /* ADDPCIS */
            return false;
        flow_site(flow, 0x001fffc1, SITE_OPAQUE, here(flow));
        flow_write(flow, rt_of(word));
        return true;
    }
}

/* ---- Opcode 31 ---- */

/* What an index of a table can be: nothing is known of it. */
static bool is_index(const struct held *held)
{
    return held->kind == HELD_OTHER || held->kind == HELD_SUM || held->kind == HELD_BOUND;
}

/* NEG, ADDZE and the like have no second operand, but zero in its place: r0 is used for nothing, which is of no harm. */
static void arithmetic(struct flow *flow, uint32_t word)
{
    unsigned rt = rt_of(word), ra = ra_of(word), rb = rb_of(word);
    const struct held a = *flow_held(flow, ra), b = *flow_held(flow, rb);
    const struct held *entry = a.kind == HELD_ENTRY ? &a : &b, *base = a.kind == HELD_ENTRY ? &b : &a;
    bool add = (word >> 1 & 0x1ff) == 266;
    flow_use(flow, ra);
    flow_use(flow, rb);
    flow->registers[rt] = add ? HELD_SUM : HELD_OTHER;
    if (add && entry->kind == HELD_ENTRY && base->kind == HELD_WHOLE)
        flow->registers[rt] = flow_number(flow, (struct held){.kind = HELD_PLACE,
                                                              .address = entry->address,
                                                              .base = base->address,
                                                              .entry_size = entry->entry_size,
                                                              .is_signed = entry->is_signed});
    else if (add && !is_wide(flow) && a.kind == HELD_WHOLE && is_index(&b))
        flow_set(flow, rt, HELD_INDEXED, a.address);
    else if (add && !is_wide(flow) && b.kind == HELD_WHOLE && is_index(&a))
        flow_set(flow, rt, HELD_INDEXED, b.address);
}

static void logical(struct flow *flow, uint32_t word, bool unary)
{
    unsigned rs = rt_of(word), ra = ra_of(word), rb = rb_of(word);
    if ((word >> 1 & 0x3ff) == 444 && rs == rb) { /* MR */
        flow_copy(flow, ra, rs);
        return;
    }
    flow_use(flow, rs);
    if (!unary) /* what stands there is a register's number */
        flow_use(flow, rb);
    flow_write(flow, ra);
}

/* A load of an index: perhaps from a table. */
static void load_indexed(struct flow *flow, uint32_t word)
{
    unsigned rt = rt_of(word), ra = ra_of(word), rb = rb_of(word), xo = word >> 1 & 0x3ff;
    const struct held a = *flow_held(flow, ra), b = *flow_held(flow, rb);
    bool is_entry = (xo == 341 || xo == 23) && ra != 0 && (a.kind == HELD_WHOLE) != (b.kind == HELD_WHOLE);
    use_base(flow, ra);
    flow_use(flow, rb);
    flow_write(flow, rt);
    if (is_entry)
        flow->registers[rt] = flow_number(flow, (struct held){.kind = HELD_ENTRY,
                                                              .address = a.kind == HELD_WHOLE ? a.address : b.address,
                                                              .entry_size = 4,
                                                              .is_signed = xo == 341 || !is_wide(flow)});
}

static void move_special(struct flow *flow, uint32_t word)
{
    unsigned rt = rt_of(word), number = ra_of(word) | rb_of(word) << 5;
    bool to = (word >> 1 & 0x3ff) == 467;
    unsigned special = number == 8 ? LR : number == 9 ? CTR : 0;
    if (to && special != 0)
        flow_copy(flow, special, rt);
    else if (to)
        flow_use(flow, rt);
    else if (special != 0)
        flow_copy(flow, rt, special);
    else
        flow_write(flow, rt);
}

/* Moves between general and vector registers: their general one is in the place of ra. */
static bool vector_moves(struct flow *flow, uint32_t word)
{
    switch (word >> 1 & 0x3ff) {
    case 51:
    case 115:
    case 307:
        flow_write(flow, ra_of(word));
        return true;
    case 435:
        flow_use(flow, rb_of(word));
        use_base(flow, ra_of(word));
        return true;
    case 179:
    case 211:
    case 243:
    case 403:
        flow_use(flow, ra_of(word));
        return true;
    default:
        return false;
    }
}

static bool extended(struct flow *flow, uint32_t word)
{
    unsigned xo = word >> 1 & 0x3ff, rt = rt_of(word), ra = ra_of(word), rb = rb_of(word);
    uint8_t effect = ppc_effects[xo];
    if (word == 0x7fe00008) { /* TRAP */
        flow_end(flow);
        return true;
    }
    if (xo == 339 || xo == 467) {
        move_special(flow, word);
        return true;
    }
    if ((xo & 31) == 15) { /* ISEL */
        use_base(flow, ra);
        flow_use(flow, rb);
        flow_write(flow, rt);
        return true;
    }
    if (effect == UNKNOWN)
        return vector_moves(flow, word);
    switch (effect & ~UPDATE) {
    case ARITHMETIC:
        arithmetic(flow, word);
        break;
    case READS_SAB:
        flow_use(flow, rt);
        use_base(flow, ra);
        flow_use(flow, rb);
        break;
    case READS_AB:
        use_base(flow, ra);
        flow_use(flow, rb);
        break;
    case WRITES_T:
        flow_write(flow, rt);
        break;
    case READS_S:
        flow_use(flow, rt);
        break;
    case LOGICAL:
    case UNARY:
        logical(flow, word, (effect & ~UPDATE) == UNARY);
        break;
    case LOAD:
        load_indexed(flow, word);
        break;
    default:
        break;
    }
    if ((effect & UPDATE) != 0)
        flow_write(flow, ra);
    return true;
}

/* ---- All ---- */

/* ELFv2: at its global entry a function makes the TOC's address from its own, in r12. */
static bool global_entry(struct flow *flow)
{
    uint64_t whole;
    if (flow->at != 0 || flow->search->size < 8 || toc_of(flow) == 0)
        return false;
    uint32_t high = flow_word(flow, 0), low = flow_word(flow, 4);
    if (high >> 16 != 0x3c4c || low >> 16 != 0x3842)
        return false;
    whole = flow->search->address + ((uint64_t)sign_extend(high, 16) << 16) + (uint64_t)sign_extend(low, 16);
    if (whole != toc_of(flow))
        return false;
    flow_set(flow, TOC, HELD_BASE, whole);
    if (flow->telling) {
        enum site_kind kind = flow_base_kind(flow, flow->registers[TOC], SITE_GOT);
        site_start(flow->search, 4);
        site_add_word(flow->search, 0, IMM_BITS, kind == SITE_GOT ? SITE_PART : kind, whole);
        site_add_word(flow->search, 4, IMM_BITS, kind, whole);
    }
    return true;
}

static bool rotates(struct flow *flow, uint32_t word)
{
    unsigned op = word >> 26, form = word >> 1 & 15;
    flow_use(flow, rt_of(word));
    if (op == 20 || (op == 30 && (form >> 1) == 3))
        flow_use(flow, ra_of(word));
    if (op == 23 || (op == 30 && form >= 8))
        flow_use(flow, rb_of(word));
    flow_write(flow, ra_of(word));
    return true;
}

static bool run(struct flow *flow, uint32_t word)
{
    unsigned op = word >> 26;
    switch (op) {
    case 2:
    case 3:
    case 10:
    case 11:
        flow_use(flow, ra_of(word));
        if (op >= 10) {
            flow->bound = word & IMM_BITS;
            flow->bound_at = flow->at;
        }
        return true;
    case 4: /* AltiVec; some of ISA 3.0 write general registers */
        if ((word & 0x3f) >= 48 && (word & 0x3f) <= 51) {
            flow_use(flow, ra_of(word));
            flow_use(flow, rb_of(word));
            flow_use(flow, word >> 6 & 31);
            flow_write(flow, rt_of(word));
        }
        if ((word & 0x7ff) == 0x602) /* VCLZLSBB, VCTZLSBB */
            flow_write(flow, rt_of(word));
        return (word & 0x3f) != 13 || (word >> 6 & 31) < 24;
    case 7:
    case 8:
    case 12:
    case 13:
        flow_use(flow, ra_of(word));
        flow_write(flow, rt_of(word));
        return true;
    case 14:
        add_rest(flow, word);
        return true;
    case 15:
        upper(flow, word);
        return true;
    case 16:
    case 18:
        branch(flow, word);
        return true;
    case 17: /* SC */
        flow_open(flow);
        flow_keep_set(flow, CALL_CHANGED);
        flow_result(flow, 3);
        flow_result(flow, 4);
        return true;
    case 19:
        return branch_register(flow, word);
    case 24:
        or_rest(flow, word);
        return true;
    case 25:
    case 26:
    case 27:
    case 28:
    case 29:
        flow_use(flow, rt_of(word));
        flow_write(flow, ra_of(word));
        return true;
    case 20:
    case 21:
    case 23:
    case 30:
        return rotates(flow, word);
    case 31:
        return extended(flow, word);
    case 59:
    case 60:
    case 63:
        return true; /* floating-point, VSX */
    default:
        return op >= 32 && accesses(flow, word);
    }
}

/* Bytes of a traceback table as gcc puts it behind a function: without optional fields, or with the function's size. */
#define TRACEBACK       12
#define TRACEBACK_SIZED 16

static unsigned step(struct flow *flow)
{
    uint64_t left = flow->search->size - flow->at;
    if (is_wide(flow) && (left == TRACEBACK || left == TRACEBACK_SIZED) && flow_word(flow, flow->at) == 0) {
        flow_idle(flow);
        return (unsigned)left;
    }
    if (global_entry(flow))
        return 8;
    /* One that nobody is known to call, or with several bases: where its slot is cannot be told. */
    if (flow_held(flow, PIC)->kind != HELD_BASE && site_is_stub(flow->search->decoder, here(flow)))
        flow_site(flow, IMM_BITS, SITE_OPAQUE, here(flow));
    return run(flow, flow_word(flow, flow->at)) ? 4 : 0;
}

static void begin(struct flow *flow)
{
    const struct site_stub *stub = base_of_stub(flow->search->decoder, flow->search->address);
    if (stub != NULL && site_is_stub(flow->search->decoder, stub->address))
        flow_set(flow, PIC, HELD_BASE, stub->base);
    if (toc_of(flow) != 0)
        flow_set(flow, TOC, HELD_BASE, toc_of(flow));
}

bool sites_ppc(struct site_search *search)
{
    return flow_run(search, (struct flow_machine){.unit = 4, .step = step, .begin = begin});
}

/* NOP, zero and TRAP. */
bool padding_ppc(const struct decoder *decoder, const uint8_t *bytes, uint64_t size)
{
    for (uint64_t at = 0; at < size;) {
        uint32_t word = size - at < 4 ? 0 : decode_u32(decoder, bytes + at);
        if (word == 0x60000000 || word == 0x7fe00008)
            at += 4;
        else if (bytes[at] == 0)
            at++;
        else
            return false;
    }
    return true;
}
