/* An address space in the making of a correspondence: one side's code in pieces, with the sites in it. */
#ifndef MATCH_SPACE_H
#define MATCH_SPACE_H

#include "correspondence.h"

/* A function, an entry of the PLT, or what stands between them and is no padding. */
struct code_piece {
    uint64_t address, size;
    struct range bytes; /* of the file */
    const char *name;   /* NULL: none */
    uint32_t section;
    bool thumb, known;          /* known: its sites could be found */
    bool ordinary;              /* neither undecoded nor unfollowed */
    bool closed, falls_through; /* as in struct sites */
    bool endless;               /* it never returns */
    bool stub;                  /* as in struct site_stub */
    uint64_t hash;              /* as in struct sites; 0 where they could not be found */
    size_t site, site_count;    /* in the space's lists */
    size_t table, table_count;
    size_t partner; /* on the other side; SIZE_MAX: none */
    enum evidence evidence;
    bool equal; /* to its partner, but for what its sites lead to */
};

struct space {
    const struct image *image;
    const struct symbols *symbols;
    const struct relocation *relocations;
    size_t relocation_count;
    struct decoder *decoders[2]; /* [1] of Thumb code */
    struct code_piece *code;     /* by address, without overlap */
    size_t code_count;
    struct address_index code_index;
    struct site *sites; /* malloc */
    size_t site_count;
    struct site_table *tables; /* malloc */
    size_t table_count;
};

/*
 * Fills in the code of a space whose image, symbols and relocations are set. False: no memory. Close it with
 * space_close, also after a failure. May run beside the other side's.
 */
bool space_read(struct space *space, struct arena *arena);
void space_close(struct space *space);

/* Marks the pieces that never return. */
void space_find_endless(struct space *space);

/* Whether a symbol that another object defines never returns, and has a stub's address here (MIPS: its value). */
bool space_never_returns(const struct symbol *symbol);

/* Whether a piece ends in a call of one that never returns. */
bool space_ends_for_good(const struct space *space, const struct code_piece *piece);

/* Whether bytes of the file are alignment between functions, in either state of the decoder. */
bool space_is_padding(const struct space *space, struct range bytes);

/* The piece of code that holds this address; NULL. */
const struct code_piece *space_code_at(const struct space *space, uint64_t address);

/*
 * The same, or the piece behind whose end it is, where nothing else begins: compilers let what cannot be reached, as the
 * default of a switch, lead there.
 */
const struct code_piece *space_code_by(const struct space *space, uint64_t address);

/* Whether what runs behind the ends of two partners is each other's: the next piece, with padding between at most. */
bool space_ends_correspond(const struct space spaces[2], const struct code_piece *vendor,
                           const struct code_piece *rebuilt);

/* The same of two addresses: whether they are behind two such ends. */
bool space_behind_ends(const struct space spaces[2], uint64_t vendor, uint64_t rebuilt);

/* The section with this one's name, type and flags on the other side, where each side loads one of that name; NULL. */
const struct section *section_partner(const struct image *image, const struct image *other,
                                      const struct section *section);

/*
 * The correspondence of two spaces; their pieces learn their partners. Everything made lives in the arena. False: no
 * memory.
 */
bool correspondence_make(struct space spaces[2], struct arena *arena, struct correspondence *map);

#endif
