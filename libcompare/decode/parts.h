/* What the files decode*.c share. Private to them. */
#ifndef DECODE_PARTS_H
#define DECODE_PARTS_H

#include <capstone/capstone.h>

#include "decode.h"

/* Longer than any instruction; Capstone sees a copy of so many bytes, so that it cannot read past the range. */
#define WINDOW 32

/* A register that holds an address or a part of it, as far as the instructions since the beginning tell. */
struct known {
    bool set;
    bool whole; /* all of it: what is added is no part of a pair */
    uint64_t value;
    size_t index;     /* of the instruction that set it */
    uint32_t operand; /* the bits of that instruction's word that are its part */
    size_t low;       /* 1 + the index of the one before it, which set the lower half; 0: none */
    uint64_t slot;    /* the literal pool's word it was loaded from; 0: none */
};

/* A word of a literal pool that is still to come. */
struct pool_word {
    uint64_t address;
    bool completed;   /* some instruction adds it to the pc */
    size_t completer; /* that instruction */
};

#define KNOWN_REGISTERS 64
#define POOL_WORDS      256

struct machine {
    uint16_t machine; /* e_machine */
    bool thumb;
    uint8_t unit; /* the smallest step, in bytes */
    uint8_t word; /* of what cannot be decoded at all */
    bool known;   /* Capstone has it */
    cs_arch arch;
    cs_mode mode32, mode64;
    /* Sets reference, target, operand and the like; NULL: none. */
    void (*refer)(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction);
};

struct decoder {
    const struct image *image;
    const struct machine *machine;
    bool big_endian; /* instructions, not data */
    bool open;
    csh handle;
    cs_insn *insn;         /* the last that was decoded */
    uint64_t *relocations; /* ET_REL: file offsets, sorted */
    size_t relocation_count;
    uint64_t gp;           /* MIPS: _gp, PowerPC64: the TOC; 0: not known */
    uint64_t got;          /* i386: what PIC code adds to; 0: not known */
    struct range stubs[4]; /* addresses: of the procedure linkage table's sections */
    size_t stub_count;
    const struct relocation *filled; /* linked files: what ld.so fills in, by file offset */
    size_t filled_count;
    const struct site_stub *based; /* PowerPC: stubs whose base is known, sorted */
    size_t based_count;
    const uint64_t *endless; /* functions that never return, sorted */
    size_t endless_count;

    /* Of one call of decode(). */
    const uint8_t *bytes;
    uint64_t size, address;
    size_t index;              /* of the instruction, from the first */
    struct instruction *first; /* those before it */
    struct known registers[KNOWN_REGISTERS];
    struct pool_word pool[POOL_WORDS];
    size_t pool_count;
    bool delayed; /* the next instruction runs before the call does */

    struct flow *flow; /* of sites_flow.c, kept for its memory; NULL */
};

/* ---- Numbers ---- */

/* The low `width` bits, as a signed number. */
static inline int64_t sign_extend(uint64_t value, unsigned width)
{
    uint64_t sign = (uint64_t)1 << (width - 1);
    value &= (sign << 1) - 1;
    return (int64_t)((value ^ sign) - sign);
}

/* Addresses of this class: in ELFCLASS32 the sum wraps at 2^32. */
uint64_t decode_wrap(const struct decoder *decoder, uint64_t address);

/* Whether something is loaded at this address. */
bool decode_is_loaded(const struct decoder *decoder, uint64_t address);

/* In an executable that is not moved: whether this number can be an address of it. */
bool decode_is_absolute(const struct decoder *decoder, uint64_t value);

uint16_t decode_u16(const struct decoder *decoder, const uint8_t *bytes);
uint32_t decode_u32(const struct decoder *decoder, const uint8_t *bytes);

/* ---- Operands ---- */

void operand_bytes(struct instruction *instruction, size_t at, size_t size);
/*
 * Bits of the 32-bit word at the instruction's beginning, in the byte order of instructions; of Thumb, the first
 * halfword is the upper one.
 */
void operand_word(const struct decoder *decoder, struct instruction *instruction, uint32_t bits);
/* Bits of the halfword at this place. */
void operand_half(const struct decoder *decoder, struct instruction *instruction, size_t at, uint16_t bits);

/* Whether a relocation applies within these bytes of the file. */
bool relocation_in(const struct decoder *decoder, const uint8_t *bytes, uint64_t size);

/* Of an instruction whose other fields are all set. */
void decode_set_shape(const uint8_t *bytes, struct instruction *instruction);

void refer_to(struct instruction *instruction, enum reference_kind kind, uint64_t target);

/* ---- Pairs ---- */

/* The register holds a part of an address, from this instruction, in these bits of its word. */
void known_set(struct decoder *decoder, unsigned number, uint64_t value, uint32_t operand);
/* It holds an address that other instructions add to. */
void known_set_whole(struct decoder *decoder, unsigned number, uint64_t value);
void known_clear(struct decoder *decoder, unsigned number);
/* Those whose bit is set. */
void known_clear_set(struct decoder *decoder, uint64_t numbers);
void known_clear_all(struct decoder *decoder);
/*
 * The instruction completes the address that this register holds a part of; operand: its own bits of it. The first
 * instruction, whose part could have been a plain number until now, becomes partial.
 */
void known_complete(struct decoder *decoder, struct instruction *instruction, unsigned number, uint64_t target,
                    uint32_t operand);

/* The instruction that set the register, which could have been one with a number until now. */
void known_make_partial(struct decoder *decoder, const struct known *known);

/* ---- Forms of words ---- */

/* An instruction with an address relative to the pc, in adjacent bits. */
struct form {
    uint32_t mask, match, bits;
    uint8_t shift;
    enum reference_kind kind;
};

/* The bits as a number, moved to its lowest. */
uint32_t form_field(uint32_t word, uint32_t bits);
/* Sets the reference by the first form that fits; false: none does. */
bool form_refer(const struct decoder *decoder, const struct form *forms, size_t count, uint32_t word, uint64_t pc,
                struct instruction *instruction);

/* ---- Text ---- */

uint64_t decode_hash(uint64_t hash, const void *bytes, size_t size);
#define DECODE_HASH_START 0x9e3779b97f4a7c15u
/* Over the text with every number left out. */
uint64_t decode_hash_skeleton(uint64_t hash, const char *text);

/* Decodes one instruction into decoder->insn; false: there is none. */
bool decode_one(struct decoder *decoder, const uint8_t *bytes, uint64_t size, uint64_t address);

/* ---- Machines ---- */

void refer_x86(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction);
void refer_aarch64(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction);
void refer_arm(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction);
void refer_thumb(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction);
void refer_mips(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction);
void refer_ppc(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction);
void refer_s390(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction);
void refer_sparc(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction);

#endif
