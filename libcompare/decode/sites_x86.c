/*
 * Sites of x86-64 and i386, by Zydis ("Intel 64 and IA-32 Architectures Software Developer's Manual", volume 2, chapter
 * 2: where displacement and immediate stand). Tables of switches are known by what loads from them: System V psABI,
 * "medium code models", and what gcc and clang make: lea T(%rip), movslq (T, index, 4), add T, jmp.
 */
#include <string.h>

#include <Zydis/Zydis.h>

#include "sites_parts.h"

#define REGISTERS    16
#define TABLE_WINDOW 12 /* instructions from the load of an entry to the addition and the jump */
/* rax, rcx, rdx, rsi, rdi, r8 to r11. */
#define CALL_CLOBBERED 0x0fc7u

/* What a register holds, as far as instructions in their order tell: the address of a lea. */
struct held {
    bool set;
    uint64_t address;
};

struct x86 {
    struct site_search *search;
    bool wide; /* x86-64 */
    ZydisDecoder zydis;
    ZydisDecodedInstruction now;
    uint64_t at;
    struct held held[REGISTERS];
    bool computed[REGISTERS]; /* the register was last written by an addition */
    bool narrow[REGISTERS];   /* by a load of 32 bits that extends their sign, or by an addition of such */
    struct {
        unsigned left; /* instructions in which the addition may still come; 0: none is awaited */
        unsigned base, entry;
    } unknown; /* an entry of a table was loaded, of which it is not known where it is */
    struct {
        bool open, added;
        unsigned left;  /* instructions in which the addition and the jump may still come */
        unsigned entry; /* the register that has it */
        struct site_table table;
    } load;
    bool opened; /* it can be left otherwise than by its sites */
    bool ended;  /* by the last instruction that does something */
};

static bool has_modrm(const struct x86 *x)
{
    return (x->now.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
}

static bool has_sib(const struct x86 *x)
{
    return (x->now.attributes & ZYDIS_ATTRIB_HAS_SIB) != 0;
}

static bool is_default(const struct x86 *x, uint8_t opcode)
{
    return x->now.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && x->now.opcode == opcode &&
           x->now.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY;
}

static bool is_0f(const struct x86 *x, uint8_t first, uint8_t last)
{
    return x->now.opcode_map == ZYDIS_OPCODE_MAP_0F && x->now.opcode >= first && x->now.opcode <= last;
}

static unsigned reg_of(const struct x86 *x)
{
    return (unsigned)x->now.raw.modrm.reg | (unsigned)x->now.raw.rex.R << 3;
}

static unsigned rm_of(const struct x86 *x)
{
    return (unsigned)x->now.raw.modrm.rm | (unsigned)x->now.raw.rex.B << 3;
}

static uint64_t wrapped(const struct x86 *x, uint64_t address)
{
    return x->wide ? address : (uint32_t)address;
}

static uint64_t next_address(const struct x86 *x)
{
    return x->search->address + x->at + x->now.length;
}

/* ---- Operands ---- */

static bool has_prefix(const struct x86 *x, uint8_t value)
{
    for (size_t i = 0; i < x->now.raw.prefix_count; i++) {
        if (x->now.raw.prefixes[i].value == value)
            return true;
    }
    return false;
}

/* Whether Zydis's place of a field is one of this instruction. */
static bool is_field(const struct x86 *x, uint8_t offset, uint8_t bits)
{
    return bits >= 8 && bits <= 64 && bits % 8 == 0 && offset > 0 && offset + bits / 8 <= x->now.length;
}

static void branch(struct x86 *x)
{
    const uint8_t offset = x->now.raw.imm[0].offset, bits = x->now.raw.imm[0].size;
    bool call = is_default(x, 0xe8);
    uint64_t target = wrapped(x, next_address(x) + (uint64_t)x->now.raw.imm[0].value.s);
    /*
     * With a prefix 66 processors differ in what is the target (AMD's volume 3, "CALL (Near)": 16 bits; Intel's volume 2:
     * 64), but not where REX.W says it is 64: calls of __tls_get_addr have both (x86-64 psABI, "General Dynamic").
     */
    bool odd = bits == 16 || (has_prefix(x, 0x66) && x->now.raw.rex.W == 0);
    site_add(x->search, x->at + offset, bits / 8, odd ? SITE_OPAQUE : call ? SITE_CALL : SITE_JUMP, target);
}

static bool is_absolute(const struct x86 *x, uint64_t value)
{
    return decode_is_absolute(x->search->decoder, value);
}

static bool is_rip_relative(const struct x86 *x)
{
    return x->wide && has_modrm(x) && x->now.raw.modrm.mod == 0 && x->now.raw.modrm.rm == 5;
}

/*
 * How far an operand in memory must be aligned (volume 1, chapter 4.11.2, "Data types and alignment"; volume 2, chapter
 * 2.4, exceptions of types 1 and 4): 128 bits of SSE always, of AVX where the instruction says so.
 */
static uint8_t operand_alignment(const struct x86 *x)
{
    static const struct {
        uint8_t map, first, last;
    } whole[] = {{1, 0x14, 0x15}, {1, 0x28, 0x29}, {1, 0x2b, 0x2b}, {1, 0x51, 0x59}, {1, 0x5b, 0x6d}, {1, 0x74, 0x76},
                 {1, 0x7c, 0x7d}, {1, 0xc2, 0xc2}, {1, 0xc6, 0xc6}, {1, 0xd0, 0xd5}, {1, 0xd8, 0xe5}, {1, 0xe7, 0xef},
                 {1, 0xf1, 0xfe}, {2, 0x00, 0x0b}, {2, 0x10, 0x17}, {2, 0x1c, 0x1e}, {2, 0x28, 0x2b}, {2, 0x37, 0x41},
                 {2, 0xc8, 0xcd}, {2, 0xdb, 0xdf}, {3, 0x08, 0x09}, {3, 0x0c, 0x0f}, {3, 0x40, 0x44}, {3, 0x60, 0x63}};
    unsigned map = x->now.opcode_map == ZYDIS_OPCODE_MAP_0F     ? 1
                   : x->now.opcode_map == ZYDIS_OPCODE_MAP_0F38 ? 2
                   : x->now.opcode_map == ZYDIS_OPCODE_MAP_0F3A ? 3
                                                                : 0;
    uint8_t opcode = x->now.opcode;
    if (map == 0 || !has_modrm(x))
        return 0;
    if (x->now.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) {
        bool aligned = map == 1 ? opcode == 0x28 || opcode == 0x29 || opcode == 0x2b || opcode == 0x6f ||
                                      opcode == 0x7f || opcode == 0xe7
                                : map == 2 && opcode == 0x2a;
        bool unaligned = x->now.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX ? (unsigned)x->now.raw.evex.pp >= 2
                                                                            : (unsigned)x->now.raw.vex.pp >= 2;
        unsigned length = x->now.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX
                              ? (unsigned)x->now.raw.evex.L2 * 2u + (unsigned)x->now.raw.evex.L
                          : x->now.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX ? (unsigned)x->now.raw.vex.L
                                                                              : 0;
        return aligned && !unaligned && length < 3 ? (uint8_t)(16u << length) : 0;
    }
    if (has_prefix(x, 0xf2) || has_prefix(x, 0xf3))
        return map == 1 && opcode == 0x70 ? 16 : 0;
    if (map == 1 && (opcode == 0x6f || opcode == 0x70 || opcode == 0x7f || opcode == 0x5a))
        return has_prefix(x, 0x66) ? 16 : 0;
    for (size_t i = 0; i < ARRAY_COUNT(whole); i++) {
        if (whole[i].map == map && opcode >= whole[i].first && opcode <= whole[i].last)
            return 16;
    }
    return 0;
}

/* Whether a register is added to an address that stands in a displacement. */
static bool has_registers(const struct x86 *x)
{
    bool sib = x->now.raw.modrm.rm == 4 && has_sib(x);
    if (!has_modrm(x)) /* moffs */
        return false;
    if (x->now.raw.modrm.mod != 0)
        return true;
    return sib ? x->now.raw.sib.base != 5 || x->now.raw.sib.index != 4 || x->now.raw.rex.X != 0
               : x->now.raw.modrm.rm != 5;
}

/* An address in a displacement: relative to the pc, or one of what is not moved. */
static bool displacement(struct x86 *x, uint64_t *target)
{
    const uint8_t offset = x->now.raw.disp.offset, bits = x->now.raw.disp.size;
    uint64_t value = wrapped(x, (uint64_t)x->now.raw.disp.value);
    if (bits == 0 || !is_field(x, offset, bits))
        return false;
    if (is_rip_relative(x)) {
        *target = next_address(x) + value;
        bool odd = has_prefix(x, 0x67) || has_prefix(x, 0x64) || has_prefix(x, 0x65);
        struct site *site = site_add(x->search, x->at + offset, bits / 8, odd ? SITE_OPAQUE : SITE_DATA, *target);
        site->alignment = operand_alignment(x);
        site->exact = !is_default(x, 0x8d);
        return true;
    }
    if (bits < 32 || has_prefix(x, 0x64) || has_prefix(x, 0x65) || !is_absolute(x, value))
        return false;
    *target = value;
    struct site *site = site_add(x->search, x->at + offset, bits / 8, SITE_DATA, value);
    site->alignment = operand_alignment(x);
    site->exact = !is_default(x, 0x8d) && !has_registers(x);
    return true;
}

/* ---- Lazy entries of the PLT: push $index; [bnd] jmp PLT0 (System V psABI, "Procedure Linkage Table") ---- */

/* PLT0 pushes the second word of the GOT: relative to the pc, to %ebx, or absolute. */
static bool is_plt0(const struct image *image, uint64_t address)
{
    struct range bytes;
    if (!image_file_range(image, address, 6, &bytes))
        return false;
    const uint8_t *code = image_bytes(image, bytes);
    const struct dynamic_entry *got = image_dynamic(image, DT_PLTGOT);
    uint64_t word = image->is64 ? 8 : 4, operand = (uint64_t)(int64_t)(int32_t)image_u32(image, code + 2);
    if (got == NULL || code[0] != 0xff)
        return false;
    if (image->is64)
        return code[1] == 0x35 && address + 6 + operand == got->value + word;
    return code[1] == 0x35 ? (uint32_t)operand == got->value + word : code[1] == 0xb3 && operand == word;
}

bool pushes_index_x86(const struct site_search *search, uint64_t at, uint64_t *index)
{
    const struct image *image = search->decoder->image;
    const uint8_t *code = search->bytes + at;
    uint64_t left = search->size - at, mask = image->is64 ? UINT64_MAX : UINT32_MAX;
    if (left < 10 || code[0] != 0x68)
        return false;
    unsigned bnd = code[5] == 0xf2;
    if (left < bnd + 10u || code[bnd + 5] != 0xe9)
        return false;
    uint64_t distance = (uint64_t)(int64_t)(int32_t)image_u32(image, code + bnd + 6);
    /* i386 pushes the offset of the entry. */
    uint64_t pushed = image_u32(image, code + 1), unit = image->is64 ? 1 : sizeof(Elf32_Rel);
    *index = pushed / unit;
    return pushed % unit == 0 && is_plt0(image, (search->address + at + bnd + 10 + distance) & mask);
}

static bool immediate(struct x86 *x, uint64_t *target)
{
    const uint8_t offset = x->now.raw.imm[0].offset, bits = x->now.raw.imm[0].size;
    if (bits < 32 || !is_field(x, offset, bits))
        return false;
    uint64_t value = bits == 32 ? (uint32_t)x->now.raw.imm[0].value.u : x->now.raw.imm[0].value.u;
    uint64_t index;
    if (is_default(x, 0x68) && pushes_index_x86(x->search, x->at, &index)) {
        site_add(x->search, x->at + offset, bits / 8, SITE_INDEX, index);
        return false;
    }
    if (!is_absolute(x, value))
        return false;
    *target = value;
    site_add(x->search, x->at + offset, bits / 8, SITE_DATA, value);
    return true;
}

/* ---- Registers ---- */

static void forget(struct x86 *x, unsigned number)
{
    if (number < REGISTERS) {
        x->held[number].set = false;
        x->computed[number] = x->narrow[number] = false;
    }
}

static bool writes_reg(const struct x86 *x)
{
    static const uint8_t plain[] = {0x03, 0x0b, 0x13, 0x1b, 0x23, 0x2b, 0x33, 0x63, 0x69, 0x6b, 0x8b, 0x8d};
    if (x->now.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
        return memchr(plain, x->now.opcode, sizeof(plain)) != NULL;
    return is_0f(x, 0x40, 0x4f) || is_0f(x, 0xaf, 0xaf) || is_0f(x, 0xb6, 0xb8) || is_0f(x, 0xbc, 0xbf);
}

static bool writes_rm(const struct x86 *x)
{
    static const uint8_t plain[] = {0x01, 0x09, 0x11, 0x19, 0x21, 0x29, 0x31, 0x81, 0x83,
                                    0x87, 0x89, 0x8f, 0xc1, 0xc7, 0xd1, 0xd3, 0xf7, 0xff};
    return x->now.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && x->now.raw.modrm.mod == 3 &&
           memchr(plain, x->now.opcode, sizeof(plain)) != NULL && !(x->now.opcode == 0xff && x->now.raw.modrm.reg > 1);
}

/* Whether LEA adds two registers. */
static bool lea_adds(const struct x86 *x, unsigned *base, unsigned *index)
{
    if (!is_default(x, 0x8d) || !has_sib(x) || (x->now.raw.sib.base == 5 && x->now.raw.modrm.mod == 0))
        return false;
    *base = (unsigned)x->now.raw.sib.base | (unsigned)x->now.raw.rex.B << 3;
    *index = (unsigned)x->now.raw.sib.index | (unsigned)x->now.raw.rex.X << 3;
    return *index != 4;
}

static void forget_written(struct x86 *x)
{
    unsigned low = (unsigned)(x->now.opcode & 7) | (unsigned)x->now.raw.rex.B << 3;
    unsigned base, index;
    bool addition = is_default(x, 0x01) || is_default(x, 0x03) || lea_adds(x, &base, &index);
    unsigned written = REGISTERS;
    if (is_default(x, 0xe8) || (is_default(x, 0xff) && x->now.raw.modrm.reg == 2)) {
        for (unsigned i = 0; i < REGISTERS; i++) {
            if ((CALL_CLOBBERED >> i & 1) != 0)
                forget(x, i);
        }
    } else if (has_modrm(x) && writes_reg(x)) {
        written = reg_of(x);
    } else if (has_modrm(x) && writes_rm(x)) {
        written = rm_of(x);
    } else if (x->now.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && !has_modrm(x) &&
               ((x->now.opcode >= 0xb8 && x->now.opcode <= 0xbf) || (x->now.opcode >= 0x58 && x->now.opcode <= 0x5f))) {
        written = low;
    }
    bool narrow = is_default(x, 0x63) && x->now.raw.modrm.mod != 3;
    if (addition && is_default(x, 0x8d))
        narrow = x->narrow[base] || x->narrow[index];
    else if (addition && x->now.raw.modrm.mod == 3)
        narrow = x->narrow[reg_of(x)] || x->narrow[rm_of(x)];
    forget(x, written);
    if (written < REGISTERS) {
        x->computed[written] = addition;
        x->narrow[written] = narrow;
    }
}

/* ---- Tables ---- */

/* A load of 32 bits from a held address and an index. */
static bool loads_entry(const struct x86 *x, uint64_t *table)
{
    bool extended = is_default(x, 0x63), plain = is_default(x, 0x8b) && x->now.raw.rex.W == 0;
    /* rbp and r13 as a base need a displacement. */
    bool direct = x->now.raw.modrm.mod == 0 || (x->now.raw.modrm.mod == 1 && x->now.raw.disp.value == 0);
    if (!has_sib(x) || !direct || (!extended && !plain))
        return false;
    unsigned base = (unsigned)x->now.raw.sib.base | (unsigned)x->now.raw.rex.B << 3;
    unsigned index = (unsigned)x->now.raw.sib.index | (unsigned)x->now.raw.rex.X << 3;
    unsigned scale = x->now.raw.sib.scale;
    bool based = x->now.raw.sib.base != 5 || x->now.raw.modrm.mod != 0;
    if (based && x->held[base].set && (scale == 2 || scale == 0)) {
        *table = x->held[base].address;
        return true;
    }
    if (scale == 0 && index != 4 && x->held[index].set) {
        *table = x->held[index].address;
        return true;
    }
    return false;
}

static bool holds_table(const struct x86 *x, unsigned number)
{
    return x->held[number].set && x->held[number].address == x->load.table.address;
}

static bool adds_table(const struct x86 *x)
{
    unsigned base, index;
    if (lea_adds(x, &base, &index))
        return x->now.raw.disp.value == 0 && x->now.raw.sib.scale == 0 &&
               (holds_table(x, base) || holds_table(x, index));
    if ((!is_default(x, 0x01) && !is_default(x, 0x03)) || x->now.raw.modrm.mod != 3)
        return false;
    return holds_table(x, reg_of(x)) || holds_table(x, rm_of(x));
}

/*
 * The same, where it is not known what the base holds: movslq (base, index, 4), entry; add base, entry. Numbers that are
 * distances from where they stand, as clang makes them of tables of strings.
 */
static void follow_unknown(struct x86 *x)
{
    unsigned base = (unsigned)x->now.raw.sib.base | (unsigned)x->now.raw.rex.B << 3;
    bool adds = (is_default(x, 0x01) || is_default(x, 0x03)) && x->now.raw.modrm.mod == 3;
    if (x->unknown.left > 0) {
        unsigned reg = reg_of(x), rm = rm_of(x), from = x->unknown.base, to = x->unknown.entry;
        if (adds && ((reg == from && rm == to) || (reg == to && rm == from)))
            x->search->sites->unfollowed = true;
        x->unknown.left--;
    }
    if (is_default(x, 0x63) && has_sib(x) && x->now.raw.disp.value == 0 && x->now.raw.sib.scale == 2 &&
        (x->now.raw.sib.base != 5 || x->now.raw.modrm.mod != 0) && !x->held[base].set) {
        x->unknown.left = TABLE_WINDOW;
        x->unknown.base = base;
        x->unknown.entry = reg_of(x);
    }
}

static bool calls_register(const struct x86 *x)
{
    return is_default(x, 0xff) && x->now.raw.modrm.reg == 2 && x->now.raw.modrm.mod == 3;
}

static bool jumps_to_register(const struct x86 *x)
{
    return is_default(x, 0xff) && x->now.raw.modrm.reg == 4 && x->now.raw.modrm.mod == 3;
}

/* An absolute table: what is jumped through stands in it. */
static void absolute_table(struct x86 *x)
{
    uint64_t address = wrapped(x, (uint64_t)x->now.raw.disp.value);
    if (is_default(x, 0xff) && x->now.raw.modrm.reg == 4 && has_sib(x) && x->now.raw.modrm.mod == 0 &&
        x->now.raw.sib.base == 5 && x->now.raw.sib.scale == (x->wide ? 3 : 2) && is_absolute(x, address))
        site_table_add(x->search, (struct site_table){.address = address, .entry_size = x->wide ? 8 : 4, .code = true});
}

static void follow_tables(struct x86 *x)
{
    uint64_t table;
    if (jumps_to_register(x)) {
        if (x->load.open && x->load.added) {
            x->load.table.code = true;
            site_table_add(x->search, x->load.table);
            x->load.open = false;
        } else if (x->computed[rm_of(x)]) {
            x->search->sites->unfollowed = true;
        }
        return;
    }
    if (calls_register(x) && x->computed[rm_of(x)] && x->narrow[rm_of(x)])
        x->search->sites->unfollowed = true; /* a table of distances to functions */
    follow_unknown(x);
    if (x->load.open && adds_table(x))
        x->load.added = true;
    if (x->load.open && --x->load.left == 0) {
        /* Added to, but not jumped to: relative addresses of constants. */
        if (x->load.added)
            site_table_add(x->search, x->load.table);
        x->load.open = false;
    }
    if (loads_entry(x, &table)) {
        if (x->load.open && x->load.added)
            site_table_add(x->search, x->load.table);
        x->load.open = true;
        x->load.added = false;
        x->load.left = TABLE_WINDOW;
        x->load.table = (struct site_table){.address = table, .base = table, .entry_size = 4, .is_signed = true};
    }
    absolute_table(x);
}

/* ---- The end of the code ---- */

static bool ends_flow(const struct x86 *x)
{
    if (x->now.opcode_map == ZYDIS_OPCODE_MAP_0F)
        return x->now.opcode == 0x0b; /* ud2 */
    if (x->now.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
        return false;
    switch (x->now.opcode) {
    case 0xc2:
    case 0xc3:
    case 0xcc: /* int3: a trap, as clang puts behind what never returns */
    case 0xe9:
    case 0xeb:
    case 0xf4:
        return true;
    case 0xff:
        return x->now.raw.modrm.reg == 4 || x->now.raw.modrm.reg == 5;
    default:
        return false;
    }
}

/* Returns, of any kind; jumps and calls to a kernel. */
static bool leaves(const struct x86 *x)
{
    if (x->now.opcode_map == ZYDIS_OPCODE_MAP_0F)
        return x->now.opcode == 0x05 || x->now.opcode == 0x07 || x->now.opcode == 0x34 || x->now.opcode == 0x35;
    if (x->now.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
        return false;
    switch (x->now.opcode) {
    case 0xc2:
    case 0xc3:
    case 0xca:
    case 0xcb:
    case 0xcf:
    case 0xea:
        return true;
    case 0xff:
        return x->now.raw.modrm.reg == 4 || x->now.raw.modrm.reg == 5;
    default:
        return false;
    }
}

static bool is_nop(const struct x86 *x)
{
    return is_0f(x, 0x1f, 0x1f) || is_default(x, 0x90);
}

static void take(struct x86 *x)
{
    uint64_t address = 0;
    bool lea = is_default(x, 0x8d);
    bool led =
        x->now.raw.imm[0].size == 0 || !x->now.raw.imm[0].is_relative ? displacement(x, &address) : (branch(x), false);
    bool moved = !x->now.raw.imm[0].is_relative && immediate(x, &address);
    follow_tables(x);
    forget_written(x);
    bool loaded = lea && led && is_rip_relative(x);
    bool constant = moved && !has_modrm(x) && x->now.opcode >= 0xb8 && x->now.opcode <= 0xbf;
    if (loaded || constant)
        x->held[loaded ? reg_of(x) : (unsigned)(x->now.opcode & 7) | (unsigned)x->now.raw.rex.B << 3] =
            (struct held){true, address};
    if (!is_nop(x))
        x->ended = ends_flow(x);
    x->opened = x->opened || leaves(x);
}

bool sites_x86(struct site_search *search)
{
    struct x86 x = {.search = search, .wide = search->decoder->image->is64};
    ZydisDecoderInit(&x.zydis, x.wide ? ZYDIS_MACHINE_MODE_LONG_64 : ZYDIS_MACHINE_MODE_LEGACY_32,
                     x.wide ? ZYDIS_STACK_WIDTH_64 : ZYDIS_STACK_WIDTH_32);
    if (!ZYAN_SUCCESS(ZydisDecoderEnableMode(&x.zydis, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE)))
        return false;
    for (x.at = 0; x.at < search->size; x.at += x.now.length) {
        site_start(search, x.at);
        if (ZYAN_SUCCESS(
                ZydisDecoderDecodeInstruction(&x.zydis, NULL, search->bytes + x.at, search->size - x.at, &x.now))) {
            take(&x);
        } else {
            search->sites->undecoded = true;
            x.now.length = 1;
            x.ended = false;
        }
    }
    if (x.load.open && x.load.added)
        site_table_add(search, x.load.table);
    search->sites->falls_through = !x.ended;
    search->sites->closed = !x.opened && !search->sites->undecoded;
    return true;
}

/* ---- Padding ---- */

/* What gas and lld fill with; a number in them is zero, so that nothing can stand in it. */
bool padding_x86(const uint8_t *bytes, uint64_t size)
{
    static const struct {
        uint8_t size, bytes[8];
    } forms[] = {
        {1, {0x90}},
        {1, {0xcc}},
        {1, {0x00}},
        {3, {0x0f, 0x1f, 0x00}},
        {4, {0x0f, 0x1f, 0x40, 0x00}},
        {5, {0x0f, 0x1f, 0x44, 0x00, 0x00}},
        {7, {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00}},
        {8, {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00}},
        {2, {0x89, 0xf6}}, /* those of i386 */
        {3, {0x8d, 0x76, 0x00}},
        {4, {0x8d, 0x74, 0x26, 0x00}},
        {6, {0x8d, 0xb6, 0x00, 0x00, 0x00, 0x00}},
        {7, {0x8d, 0xb4, 0x26, 0x00, 0x00, 0x00, 0x00}},
    };
    uint64_t at = 0;
    while (at < size) {
        uint64_t form_at = at;
        while (form_at < size && (bytes[form_at] == 0x66 || bytes[form_at] == 0x2e) && form_at - at < 15)
            form_at++;
        size_t form = 0;
        while (form < ARRAY_COUNT(forms) &&
               (size - form_at < forms[form].size || memcmp(bytes + form_at, forms[form].bytes, forms[form].size) != 0))
            form++;
        if (form == ARRAY_COUNT(forms) || (form_at > at && forms[form].size < 3 && forms[form].bytes[0] != 0x90))
            return false;
        at = form_at + forms[form].size;
    }
    return true;
}
