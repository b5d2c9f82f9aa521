/* What the files sites*.c share. Private to them. */
#ifndef DECODE_SITES_PARTS_H
#define DECODE_SITES_PARTS_H

#include "parts.h"

struct site_search {
    struct decoder *decoder;
    const uint8_t *bytes;
    uint64_t size, address;
    bool starts;
    bool reached; /* only what is reached from the begin */
    struct sites *sites;
};

/*
 * A new site of whole bytes; without memory one that nobody sees, and the search fails at its end. A word's bits are those
 * of the 32-bit number in the byte order of instructions; of Thumb, the first halfword is the upper one.
 */
struct site *site_add(struct site_search *search, uint64_t offset, size_t size, enum site_kind kind, uint64_t target);
struct site *site_add_word(struct site_search *search, uint64_t offset, uint32_t bits, enum site_kind kind,
                           uint64_t target);
/* A stub that is called. */
void site_stub_add(struct site_search *search, struct site_stub stub);
/* A table, once; NULL without memory. */
struct site_table *site_table_add(struct site_search *search, struct site_table table);
/* An instruction begins here; kept where it is wanted. */
void site_start(struct site_search *search, uint64_t offset);

/* Machines: false where nothing can be said of this code. */
bool sites_x86(struct site_search *search);
bool sites_i386(struct site_search *search);
bool sites_aarch64(struct site_search *search);
bool sites_arm(struct site_search *search);
bool sites_mips(struct site_search *search);
bool sites_ppc(struct site_search *search);

/* Whether a lazy entry of the PLT pushes its index here, and which: that of an entry of DT_JMPREL. */
bool pushes_index_x86(const struct site_search *search, uint64_t at, uint64_t *index);

/* Whether these bytes are padding, as decode_is_padding says. */
bool padding_x86(const uint8_t *bytes, uint64_t size);
bool padding_aarch64(const uint8_t *bytes, uint64_t size);
bool padding_ppc(const struct decoder *decoder, const uint8_t *bytes, uint64_t size);
bool padding_zero(const uint8_t *bytes, uint64_t size);
bool padding_arm(const struct decoder *decoder, const uint8_t *bytes, uint64_t size);

#endif
