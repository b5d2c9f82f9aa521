/* What the proof of what moved is made of. Private to this room. */
#ifndef COMPARE_PARTS_H
#define COMPARE_PARTS_H

#include "../compare.h"

/* Two sections of one name, type and flags, each the only one of its name on its side. */
struct section_pair {
    const struct section *sides[2]; /* vendor, rebuilt */
};

/* An entry of a table of places, at the same place of two counterparts. */
struct table_entry {
    uint64_t address; /* the vendor's */
    uint8_t size;
    bool proven;
};

struct moving {
    const struct image *images[2];
    struct arena *arena;
    const struct correspondence *map;
    const struct counterpart *last_found; /* of what was asked last */
    uint64_t
        *first_references; /* for each counterpart: the lowest of its vendor's addresses that something refers to */
    struct space spaces[2];
    bool has_methods; /* the rebuilt file has names of C++ */
    struct symbols symbols[2];
    const struct relocation *relocations[2];
    size_t relocation_counts[2];
    const struct section_pair *sections;
    size_t section_count;
    struct list proven;  /* of struct proven */
    struct list changed; /* of struct changed_code */
    struct list entries; /* of struct table_entry */
    struct moved_counts counts;
    uint64_t looks_at_ends; /* how much was looked at to tell begins from ends */
    bool out_of_memory;
    struct dynamic_tables *dynamic; /* dynamic_tables.c; NULL: not asked for yet */
};

/*
 * Bytes of both files that are proven to say the same: nothing in them is left unchecked. They must not be empty on
 * both sides; a table that each side makes from its own content (a hash table) may have two sizes.
 */
void moving_prove(struct moving *m, struct range vendor, struct range rebuilt, enum rule_index rule);

/* The counterpart that holds this address of the vendor's; NULL. */
const struct counterpart *moving_find(struct moving *m, uint64_t vendor);

/* Whether these two addresses are counterparts; if so, the reference counts for what is found by it. */
bool moving_reference(struct moving *m, uint64_t vendor, uint64_t rebuilt);

/*
 * An address between two things can be the begin of one or the end of the other: a loop's end is compared with what
 * stands behind its array. Where both things still stand side by side that is one; where the vendor's do not, the
 * counterpart that ends there in the rebuilt file. NULL: no doubt.
 */
const struct counterpart *moving_ends_at(struct moving *m, uint64_t vendor, uint64_t rebuilt);

/* Whether it is data, rather than code, or the mere border of a section. */
static inline bool is_data(const struct counterpart *counterpart)
{
    return !counterpart->code && counterpart->evidence != EVIDENCE_SECTION;
}

/* Counts a reference to this address of the vendor's, which lies in this counterpart. */
void moving_note(struct moving *m, const struct counterpart *counterpart, uint64_t vendor);

/*
 * The same of an address that is stored or computed, rather than called: in C++ the lowest bit of a pointer to a member
 * function tells whether it is virtual (Itanium C++ ABI, 2.3), so that an even function must not become an odd one.
 */
bool moving_pointer(struct moving *m, uint64_t vendor, uint64_t rebuilt);

/* The file bytes of addresses that lie in one section; empty where they have none. */
struct range moving_bytes(const struct moving *m, size_t side, uint64_t address, uint64_t size);

/* ---- Two parts of the work at once: beside.c ---- */

/*
 * Runs both, which share nothing that either changes, on two threads where the files are large. 0, or the first one's
 * failure; of one that is not the work's own *error says what it is. Returns when both have ended.
 */
int moving_beside(const struct moving *m, int (*const works[2])(void *argument), void *const arguments[2],
                  struct compare_error *error);

/* ---- The steps, in their order ---- */

int code_and_tables_prove(struct moving *m, struct compare_error *error); /* beside.c: what they refer to is noted */
void code_prove(struct moving *m);    /* code.c: and the tables that code selects from */
void data_prove(struct moving *m);    /* data.c */
void headers_prove(struct moving *m); /* headers.c: ELF header and program headers */
void padding_prove(struct moving *m); /* padding.c: last, for it is what nothing else has */

/* The pair of this section of a side; NULL. */
const struct section_pair *moving_section(const struct moving *m, size_t side, uint32_t section);

/* ---- Tables of the dynamic linker and of unwinding, by meaning. Each looks at both sides' whole tables ---- */

/* .dynsym, .dynstr, .gnu.version*, hash tables, relocations, .dynamic. */
void dynamic_tables_prove(struct moving *m);

/*
 * Whether the entries of DT_JMPREL with these indexes bind the same symbol, to counterparts. Whether what ld.so fills
 * in at these two addresses, by at least one relocation, is the same.
 */
bool symbols_correspond_by_index(struct moving *m, uint64_t vendor, uint64_t rebuilt); /* of the dynamic symbols */
bool relocations_correspond_by_index(struct moving *m, uint64_t vendor, uint64_t rebuilt);
bool relocations_correspond_at(struct moving *m, uint64_t vendor, uint64_t rebuilt);

/* .eh_frame, .eh_frame_hdr, .gcc_except_table; .ARM.exidx, .ARM.extab. */
void unwind_prove(struct moving *m);
void exidx_prove(struct moving *m);

#endif
