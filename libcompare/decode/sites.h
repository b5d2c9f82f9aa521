/*
 * Sites: the places in code that hold an address, for proofs. Where struct instruction serves people, this serves a
 * verdict: what is not certain is not said, and what cannot be followed is SITE_OPAQUE.
 *
 * The contract. Let two sides' code have equal bytes but for the masked bits of their sites, and equal sites but for
 * their targets. If each target of one side is the counterpart of the other's, then both do the same, each at its own
 * address. So every bit whose meaning depends on where code or data lies must be in a site.
 */
#ifndef DECODE_SITES_H
#define DECODE_SITES_H

#include "../image/image.h"

struct decoder;

enum site_kind {
    SITE_CALL = 0,
    SITE_JUMP,
    SITE_DATA,   /* an address is computed, loaded from or stored to */
    SITE_PART,   /* part of an address that other sites of the same code have whole: its bits need no check */
    SITE_GOT,    /* what the GOT, the TOC or gp is addressed from: target is that base */
    SITE_INDEX,  /* the index of a relocation of DT_JMPREL, as lazy PLT entries push it: target is the index */
    SITE_SYMBOL, /* the index of a dynamic symbol, as MIPS's lazy stubs pass it: target is the index */
    SITE_OPAQUE, /* an address, or a part of one, whose use cannot be followed: target is as far as it is known */
};

struct site {
    uint64_t target;
    uint32_t offset;   /* of its bytes, from the begin of the code */
    uint8_t size;      /* bytes that hold bits of it: 1 to 8 */
    uint8_t kind;      /* enum site_kind */
    bool exact;        /* what stands at the target is read or written: no register takes part in its address */
    bool exchanges;    /* a call that goes on in ARM's other state */
    uint8_t alignment; /* the instruction faults where its target is not so aligned; 0: any will do */
    uint8_t mask[4];   /* of the first four bytes, in the order of memory: the bits that are address; the others: all */
};

/*
 * A table of places that code selects from with an index: a switch, or relative addresses of constants. Its entries are
 * no relocated words; entry i leads to base + (sign- or zero-extended entry << shift). How many there are the code does
 * not always tell.
 */
struct site_table {
    uint64_t address; /* of its first entry */
    uint64_t base;
    uint64_t count; /* 0: not known */
    uint8_t entry_size, shift;
    bool is_signed;
    bool code; /* it is jumped to */
};

/*
 * PowerPC of 32 bits: a stub of the linker for calls of other objects, which reads its slot relative to what the caller
 * has in r30; and that.
 */
struct site_stub {
    uint64_t address, base;
};

struct sites {
    struct site *items; /* sorted by offset; malloc */
    size_t count, capacity;
    struct site_table *tables; /* malloc */
    size_t table_count, table_capacity;
    struct site_stub *stubs; /* that are called; malloc */
    size_t stub_count, stub_capacity;
    uint32_t *starts; /* where instructions begin, in order, where wanted; malloc */
    size_t start_count, start_capacity;
    uint64_t hash;      /* XXH3 over the code without the masked bits, and over places, kinds and masks of its sites */
    bool unfollowed;    /* it jumps to a computed place that is none of the tables' */
    bool undecoded;     /* some bytes are no known instruction */
    bool closed;        /* it has no return and no indirect jump: it is left by its sites alone, or by its end */
    bool falls_through; /* what stands behind the code may be run next */
    bool out_of_memory;
};

/*
 * The sites of code at this address, which begins with an instruction: a function. Replaces what `sites` held (zeroed at
 * first) and reuses its memory. bytes are those of the image. starts: list where instructions begin.
 * False where the machine is not known here; then nothing can be proven. Linked files only.
 */
bool decode_sites(struct decoder *decoder, const uint8_t *bytes, uint64_t size, uint64_t address, bool starts,
                  struct sites *sites);
/*
 * The same of what is reached from the begin of the code alone, which may be followed by anything: for finding where
 * functions begin. It proves nothing. Of ARM alone; else false.
 */
bool decode_reached(struct decoder *decoder, const uint8_t *bytes, uint64_t size, uint64_t address,
                    struct sites *sites);
void sites_free(struct sites *sites);

/* Whether such a stub stands at this address. Its size is SITE_STUB_SIZE. */
#define SITE_STUB_SIZE 16
bool site_is_stub(const struct decoder *decoder, uint64_t address);

/* What the entry at this place of the file, which must be there, leads to; false where it has no bytes. */
bool site_table_target(const struct image *image, const struct site_table *table, uint64_t file_offset,
                       uint64_t *target);

/* Whether both codes of this size are equal but for masked bits, and their sites but for targets. No hash is trusted. */
bool sites_equal(const uint8_t *vendor, const struct sites *vendor_sites, const uint8_t *rebuilt,
                 const struct sites *rebuilt_sites, uint64_t size);

/* A part of a code, with the sites that begin in it. */
struct site_stretch {
    const uint8_t *bytes;
    const struct site *sites;
    size_t count;
    uint64_t offset; /* of its begin, in the code that the sites count from */
};

/* The same of two parts of this size; what else there is to say of the codes, it does not look at. */
bool stretches_equal(const struct site_stretch *vendor, const struct site_stretch *rebuilt, uint64_t size);

/* Alignment between functions: instructions that do nothing, or traps, to the end; each with no freedom to hide code. */
bool decode_is_padding(struct decoder *decoder, const uint8_t *bytes, uint64_t size);

#endif
