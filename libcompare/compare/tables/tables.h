/*
 * What the comparators of tables share: a table's account, the tables of the dynamic linker, encoded pointers. Private
 * to this room.
 */
#ifndef COMPARE_TABLES_H
#define COMPARE_TABLES_H

#include <elf.h>

#include "../moved/parts.h"

/* ---- Tables and what they refer to (tables.c) ---- */

/* Two tables, most often sections of a pair. */
struct table {
    struct moving *m;
    enum rule_index rule;
    struct range sides[2]; /* of the files */
};

/* Parts of it that say the same. Either may be empty, where the other side has made the same of fewer bytes. */
void table_prove(const struct table *table, struct range vendor, struct range rebuilt);

static inline struct table table_of(struct moving *m, enum rule_index rule, const struct section_pair *pair)
{
    return (struct table){m, rule, {pair->sides[0]->bytes, pair->sides[1]->bytes}};
}

/* The pair of sections of this type, in memory and not empty, that begin where a tag of each side leads; NULL. */
const struct section_pair *tagged_pair(const struct moving *m, int64_t tag, uint32_t type);

/* The pair of this name whose sections are in memory, have bytes and are of this type; NULL. */
const struct section_pair *named_pair(const struct moving *m, const char *name, uint32_t type);

/* [begin + offset, + size) of a range of a file, which must hold it. */
static inline struct range part_of(struct range whole, uint64_t offset, uint64_t size)
{
    return (struct range){whole.begin + offset, whole.begin + offset + size};
}

/* addresses_correspond for many addresses that lie near each other. */
struct finder {
    struct moving *m;
    const struct counterpart *last;
};

bool finder_counterpart(struct finder *finder, uint64_t vendor, uint64_t *rebuilt);
bool finder_correspond(struct finder *finder, uint64_t vendor, uint64_t rebuilt);

/* moving_reference, likewise: both lead there. */
bool finder_reference(struct finder *finder, uint64_t vendor, uint64_t rebuilt);

/* Whether [vendor, vendor + size) and [rebuilt, rebuilt + size) correspond at their first and last byte. */
bool finder_correspond_range(struct finder *finder, uint64_t vendor, uint64_t rebuilt, uint64_t size);

/* The same of a function, which may have changed at its end: that has then no counterpart at all. */
bool finder_begin_corresponds(struct finder *finder, uint64_t vendor, uint64_t rebuilt, uint64_t size);

/* ---- The tables of the dynamic linker (dynamic_tables.c) ---- */

#define NO_PARTNER UINT32_MAX

/* Entries of a dynamic section; honest ones have a few hundred at most, and each is looked for among all. */
#define DYNAMIC_LIMIT 4096

struct version {
    bool known;
    bool defined;        /* here, by DT_VERDEF; else needed, by DT_VERNEED */
    const char *library; /* of which it is needed; "" where it is defined here */
    const char *name;
};

struct dynamic_symbol {
    Elf64_Sym sym;
    const char *name;
    uint32_t length;
    uint64_t digest;   /* of the name */
    uint32_t rank;     /* its place in the order in which DT_HASH finds namesakes; 0: not found */
    uint32_t gnu_rank; /* the same of DT_GNU_HASH */
    uint16_t version;  /* as it stands in DT_VERSYM; VER_NDX_GLOBAL without one */
    uint32_t partner;  /* the symbol of the other side that ld.so takes for the same; NO_PARTNER */
    bool proven;       /* all of its entry says the same */
};

struct relocation_entry {
    uint64_t offset;
    int64_t addend;
    uint32_t type, symbol;
    uint32_t index;   /* in its table */
    uint32_t partner; /* index of the entry that does the same on the other side; NO_PARTNER */
};

/* One table of relocations of one side, as ld.so walks it. */
struct relocation_table {
    struct range bytes;               /* of the file */
    bool explicit;                    /* with addends */
    struct relocation_entry *entries; /* by offset, then by index */
    uint32_t *partners;               /* by index */
    uint32_t count;
};

enum relocation_tables {
    RELOCATIONS_RELA = 0,
    RELOCATIONS_REL,
    RELOCATIONS_PLT,
    RELOCATIONS_TABLES,
};

struct dynamic_side {
    const struct image *image;
    const uint8_t *strings;
    uint64_t strings_size;
    struct dynamic_symbol *symbols;
    uint32_t count;
    struct version *versions; /* by index, VERSION_LIMIT of them; NULL: without versions */
    uint64_t needs, definitions;
    struct relocation_table tables[RELOCATIONS_TABLES];
    uint64_t *relative; /* the places of DT_RELR, ascending */
    uint64_t relative_count;
};

/* A string that the same user reads on both sides: offsets in DT_STRTAB. */
struct shared_string {
    uint64_t offsets[2];
    uint64_t length; /* without its end */
};

struct dynamic_tables {
    struct moving *m;
    struct finder finder, targets;        /* targets: of what relocations lead to */
    const struct relocation_types *types; /* relocation_tables.c */
    const struct section_pair *symbols, *strings, *versions, *needs, *definitions; /* NULL: absent, or not the same */
    struct dynamic_side sides[2];
    bool versions_unknown;                  /* they cannot be told: no symbol with a version is known */
    struct version_walks *walks;            /* versions.c */
    struct key *keys[2];                    /* dynamic_symbols.c: its symbols, by name */
    const struct section_pair **by_section; /* that of each of the vendor's sections; NULL: none */
    struct list shared;                     /* of struct shared_string */
    bool relative_proven;
};

/* Made when first asked for; it lives in the arena of m. NULL: no memory. */
struct dynamic_tables *dynamic_tables(struct moving *m);

/* The string at this offset of DT_STRTAB, if it ends there and is no longer than most bytes; NULL. */
const char *strtab_string(const struct dynamic_side *side, uint64_t offset, uint64_t most, uint64_t *length);

/* Notes that a user reads these strings; false where they are not equal. */
bool dynamic_strings_share(struct dynamic_tables *tables, uint64_t vendor, uint64_t rebuilt);

/* hash_tables.c; what gABI chapter 5 has as the hash of a name. */
uint32_t sysv_hash(const char *name, uint64_t length);

#define VERSION_LIMIT 0x8000 /* indexes have 15 bits */
#define VERSION_NAME  4096   /* bytes; honest ones have a few dozen */

/* The steps, in their order. */
void versions_read(struct dynamic_tables *tables);
void versions_prove(struct dynamic_tables *tables);
void dynamic_symbols_pair(struct dynamic_tables *tables);
void dynamic_symbols_prove(struct dynamic_tables *tables);
void hash_tables_prove(struct dynamic_tables *tables);
void relocation_tables_pair(struct dynamic_tables *tables);
void relocation_tables_prove(struct dynamic_tables *tables);
void packed_relocations_pair(struct dynamic_tables *tables);
void packed_relocations_prove(struct dynamic_tables *tables);
void dynamic_section_prove(struct dynamic_tables *tables);
void dynamic_strings_prove(struct dynamic_tables *tables);

/* Whether two symbols, by their indexes, are the same to ld.so. */
bool dynamic_symbols_same(struct dynamic_tables *tables, uint32_t vendor, uint32_t rebuilt);

/* Whether ld.so takes two symbols that are the same as addresses, without looking them up; these are their values. */
bool dynamic_symbols_fixed(const struct dynamic_tables *tables, uint32_t vendor, uint32_t rebuilt, uint64_t values[2]);

/* Whether two offsets in the template of PT_TLS mean the same variable. */
bool tls_offsets_correspond(struct dynamic_tables *tables, uint64_t vendor, uint64_t rebuilt);

/* Whether the dynamic section has this tag, with this value. */
bool dynamic_value_is(const struct image *image, int64_t tag, uint64_t value);

/* Whether DT_RELR of this side has this place. */
bool packed_relocations_have(const struct dynamic_side *side, uint64_t address);

/* Whether sections of this type, each of a pair, make up this range of addresses of a side, without a gap. */
bool relocation_sections_make(const struct moving *m, size_t side, struct range addresses, uint32_t type);

/* The number of relative relocations that a table begins with. */
uint64_t leading_relative(const struct dynamic_side *side, enum relocation_tables table);

/* ---- Encoded pointers and numbers of unwind tables (encoded.c) ---- */

/* Where numbers are taken from; past the end, or in an encoding that is not known, all that is taken fails. */
struct reader {
    const struct image *image;
    const uint8_t *bytes; /* of the whole stretch */
    uint64_t size, at;
    uint64_t address; /* of bytes */
    bool failed;
};

struct reader reader_of(const struct image *image, const struct section *section);

uint64_t reader_left(const struct reader *reader);
uint8_t take_u8(struct reader *reader);
uint16_t take_u16(struct reader *reader);
uint32_t take_u32(struct reader *reader);
uint64_t take_uleb128(struct reader *reader);
int64_t take_sleb128(struct reader *reader);
const uint8_t *take_bytes(struct reader *reader, uint64_t count); /* NULL: failed */

/* A reader of the next bytes, which are taken. */
struct reader take_part(struct reader *reader, uint64_t count);

/*
 * A pointer by its encoding (DW_EH_PE_*), absolute or relative to its place; 0 stays 0. One that is indirect gives the
 * place of the pointer. Other encodings fail.
 */
uint64_t take_encoded(struct reader *reader, uint8_t encoding);

/* A number in the format of such an encoding. */
uint64_t take_number(struct reader *reader, uint8_t encoding);

/* The bytes that a pointer of this encoding takes; 0: it has no fixed size, or is not known. */
unsigned encoded_size(const struct image *image, uint8_t encoding);

/* ---- Unwind tables ---- */

/* Whether the instructions of a CIE or FDE do the same as those of another (cfi.c). */
bool cfi_same(struct reader vendor, struct reader rebuilt);

/* What personality routines read of functions (exceptions.c): a pair of sections, or parts of one. */
struct exception_tables {
    struct finder finder;
    struct reader sides[2]; /* of the whole sections */
    uint64_t spent;         /* bytes read: tables can be referred to many times */
    bool words;             /* ARM: types are words, relative and indirect, whatever their encoding says */
};

/* How much may be read: honest tables are read once. */
#define EXCEPTIONS_BUDGET 16 /* times the section */

/* Whether the tables at these offsets say the same; *size bytes of each are all that is read of them. */
bool exceptions_same(struct exception_tables *tables, uint64_t vendor, uint64_t rebuilt, uint64_t *size);

/* Bytes of two sections that say the same, by their offsets in these. */
struct shared_bytes {
    uint64_t offsets[2], size;
};

/* Proves such tables of exceptions (a list of struct shared_bytes, which is sorted), and what fills up between them. */
void exceptions_prove(const struct exception_tables *tables, struct moving *m, const struct section_pair *pair,
                      struct list *shared);

/* ---- .eh_frame, read (frames.c) ---- */

struct cie {
    uint64_t offset, size; /* in the section, with its length */
    bool known;            /* all of it could be read */
    uint8_t version;
    const char *augmentation;
    uint64_t code_alignment, return_register;
    int64_t data_alignment;
    uint8_t pointer_encoding, lsda_encoding, personality_encoding;
    uint64_t personality; /* 0: none; of one that is indirect, where its pointer lies */
    struct reader instructions;
    uint32_t partner; /* on the other side; NO_PARTNER */
};

struct fde {
    uint64_t offset, size;
    bool known;
    uint32_t cie;
    uint64_t begin, range; /* addresses */
    uint64_t lsda;         /* an address; 0: none */
    struct reader instructions;
    uint32_t partner;
};

struct frames {
    const struct section *section;
    struct list cies, fdes;      /* of struct cie, struct fde; by offset */
    const struct fde **by_begin; /* all, those of one begin by offset */
    uint64_t end;                /* where zeros end them: the section's size without any */
    bool whole;                  /* all could be walked, and each record is known */
};

/* False: no memory. What is not known, or comes behind what has no end, is not known to be a record. */
bool frames_read(const struct image *image, const struct section *section, struct arena *arena, struct frames *frames);

/* Whether .eh_frame_hdr, of this section, is what the frames of its side make it; *table: it lists them (frames_header.c). */
bool frames_header_is_right(const struct image *image, const struct section *header, const struct frames *frames,
                            bool *table);

/* Whether it leads to these frames. */
bool frames_header_leads_to(const struct image *image, const struct section *header, const struct section *section);

#endif
