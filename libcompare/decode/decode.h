/*
 * decode: instructions, with what in them is an address, by Capstone. Knows one side only.
 *
 *   decode.c      the table of machines, and the loop over the bytes
 *   text.c        what people read, and hashes of it
 *   x86.c, ...    what refers to an address, machine by machine
 *   sites.c       the same for proofs: sites_x86.c, ...
 *
 * Machines without a decoder, and bytes that are no instruction, become ".word" and ".byte".
 */
#ifndef DECODE_DECODE_H
#define DECODE_DECODE_H

#include "../image/image.h"
#include "sites.h"

enum reference_kind { REFERENCE_NONE = 0, REFERENCE_CALL, REFERENCE_JUMP, REFERENCE_DATA };

/* Bytes of an instruction that can hold an address operand; what lies behind them never counts as one. */
#define OPERAND_BYTES 16

struct instruction {
    uint64_t address;
    uint16_t size;
    uint32_t id; /* Capstone's; 0: none */

    /*
     * The address operand: relative to the pc, or absolute. Where two instructions make one address (ADRP and ADD,
     * lui and addiu, ...), the completing one has it whole, and the first has its part and is `partial`. So is a word
     * of a literal pool that an instruction adds to the pc.
     */
    enum reference_kind reference;
    uint64_t target;
    bool partial;
    uint32_t pair; /* completing: so many instructions behind the partial one; a partial word: before the completing */

    /*
     * A relocation applies inside it (ET_REL): the operand's value is no address yet, and `target` is what stands
     * there.
     */
    bool relocated;

    bool has_immediate; /* the last immediate operand that is no address, for people */
    int64_t immediate;
    bool got;        /* the target is what the GOT is addressed from: the same on both sides, wherever it is */
    bool decoded;    /* false: ".byte", ".word" */
    bool nop;        /* does nothing, and is there for its size */
    bool trap;       /* int3: what lld fills gaps with */
    bool plain_jump; /* nothing but a condition and a target, in one of several sizes */

    uint64_t skeleton;              /* over mnemonic, operand kinds and registers, without numbers: to align by */
    uint64_t shape;                 /* over all bits but those of the address operand */
    uint8_t operand[OPERAND_BYTES]; /* these bits: the address operand */
};

/* For the image's machine, class and byte order. NULL: no memory. Always falls back to words. The image must outlive it. */
struct decoder *decoder_open(const struct image *image, bool thumb);
void decoder_close(struct decoder *decoder);

/* What ld.so fills in, as relocations_read gives it; it must outlive the decoder. For decode_sites alone. */
void decoder_set_relocations(struct decoder *decoder, const struct relocation *relocations, size_t count);

/* The stubs whose base is known, sorted; they must outlive the decoder. For decode_sites alone. */
void decoder_set_stubs(struct decoder *decoder, const struct site_stub *stubs, size_t count);

/* Addresses of functions that never return, sorted; they must outlive the decoder. For decode_sites alone. */
void decoder_set_endless(struct decoder *decoder, const uint64_t *addresses, size_t count);

/* What gp points to on MIPS, or the TOC is addressed from on PowerPC64; 0: that is not known. */
uint64_t decoder_gp(const struct decoder *decoder);

/* Whether there are instructions, and not only words. */
bool decoder_knows(const struct decoder *decoder);

/*
 * Decodes [bytes, bytes + size) at this address, at most `most` instructions, appended to the list (of struct
 * instruction). Pairs are found within one call: give it a function. false: no memory.
 */
bool decode(struct decoder *decoder, const uint8_t *bytes, uint64_t size, uint64_t address, size_t most,
            struct list *instructions);

/*
 * The text of an instruction: "mov edx, 0x7e6"; the name (escaped by the caller; NULL: none) stands in place of the
 * target: "call printf@plt", "lea rdi, [rip + \"Usage: %s\"]". bytes are the instruction's. Returns buffer.
 */
const char *decode_text(struct decoder *decoder, const uint8_t *bytes, const struct instruction *instruction,
                        const char *target_name, char *buffer, size_t size);
const char *decode_mnemonic(struct decoder *decoder, const uint8_t *bytes, const struct instruction *instruction,
                            char *buffer, size_t size);

/* Whether both are equal, bit for bit, but for the address operand. */
bool decode_equal_but_target(const uint8_t *vendor_bytes, const struct instruction *vendor,
                             const uint8_t *rebuilt_bytes, const struct instruction *rebuilt);

/*
 * Whether both texts are equal but for numbers; then *vendor_number and *rebuilt_number are the first that differ, and
 * *differ tells whether any does.
 */
bool decode_equal_but_numbers(const char *vendor_text, const char *rebuilt_text, bool *differ, int64_t *vendor_number,
                              int64_t *rebuilt_number);

#endif
