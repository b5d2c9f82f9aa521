/* What reading symbols and relocations is made of. Private to this room. */
#ifndef IMAGE_SYMBOLS_H
#define IMAGE_SYMBOLS_H

#include "image.h"

/* ---- Where addresses lie, for many questions (places.c) ---- */

struct place {
    struct range addresses;
    struct range bytes; /* of the file; can be fewer */
    uint32_t index;     /* of the segment or section */
};

struct places {
    struct place *segments, *sections; /* PT_LOAD; SHF_ALLOC, linked files only. By address */
    size_t segment_count, section_count;
    const struct segment *tls; /* PT_TLS or NULL */
};

bool places_make(const struct image *image, struct places *places); /* false: no memory */
void places_free(struct places *places);

/* The last segment or section that begins at or before this address, if it holds it; NULL. O(log n). */
const struct place *places_segment(const struct places *places, uint64_t address);
const struct place *places_section(const struct places *places, uint64_t address);

/* The bytes of the file at this address, at most size, and to the end of what the segment has. Can be empty. */
struct range places_bytes(const struct places *places, uint64_t address, uint64_t size);

/* ---- Symbol tables and their names (symbol_table.c) ---- */

/* A copy of a string table, whose names need no copies of their own unless they must be escaped, cut or shortened. */
struct name_table {
    struct arena *arena;
    const char *text;
    uint64_t size;
    uint64_t *odd;   /* a bit for each byte that a name cannot have as it stands; NULL: there is none */
    uint64_t budget; /* bytes that names of their own may still take */
};

bool names_open(struct name_table *names, struct arena *arena, const uint8_t *bytes,
                uint64_t size); /* false: no memory */
void names_close(struct name_table *names);

/* The name here, escaped, without a version; "?" where there is none or too much was asked. NULL: no memory. */
const char *names_at(struct name_table *names, uint64_t offset);

struct symbol_table {
    const struct image *image; /* the file that it is in: the inner one of .gnu_debugdata */
    const uint8_t *entries;
    uint64_t count;
    const uint8_t *strings;
    uint64_t strings_size;
    const uint8_t *indices; /* SHT_SYMTAB_SHNDX */
    uint64_t index_count;
};

/* False where there is no such table, or none that can be read. The bytes are those of the image. */
bool symbol_table_of_section(const struct image *image, const struct section *section, struct symbol_table *table);
bool symbol_table_of_type(const struct image *image, uint32_t type, struct symbol_table *table);
bool symbol_table_dynamic(const struct image *image, struct symbol_table *table);

/* index is below count. *section as in struct symbol; returns whether the symbol has a place. */
void symbol_table_entry(const struct symbol_table *table, uint64_t index, Elf64_Sym *sym);
bool symbol_table_place(const struct symbol_table *table, uint64_t index, const Elf64_Sym *sym, uint32_t *section);

/* ---- Collecting (symbols.c) ---- */

struct collection {
    const struct image *image;
    struct arena *arena; /* for names */
    struct places places;
    struct symbol *items; /* malloc */
    size_t count, capacity, most;
    int status;
};

/* A zeroed new last symbol; NULL, with status set, without memory or beyond the limit. */
struct symbol *collection_add(struct collection *collection);

/* A new function at this address; left out, without an error, where no bytes of the file are. */
void collection_add_function(struct collection *collection, const char *name, uint64_t address, uint64_t size,
                             enum symbol_source source);

/* Adds the symbols of one table. */
void collection_add_table(struct collection *collection, const struct symbol_table *table, enum symbol_source source);

/* ---- Further sources; each adds what it finds, and sets status when there is no memory ---- */

void minidebuginfo_collect(struct collection *collection); /* minidebuginfo.c */
void plt_collect(struct collection *collection);           /* plt.c */
void unwind_collect(struct collection *collection);        /* unwind.c; unsorted, with doubles */

/* ---- Covers: for each stretch of bytes or addresses the best symbol (covers.c) ---- */

struct symbol_cover {
    uint64_t begin;            /* to the next one's */
    const struct symbol *best; /* NULL: none */
};

/* What a symbol covers, by offset or by address. Empty: nothing. */
struct range symbol_offsets(const struct symbol *symbol);
struct range symbol_addresses(const struct symbol *symbol);

/*
 * symbols are sorted by the begin of what range_of gives, and none is empty. *covers is malloc'ed. False: no memory.
 */
bool covers_make(const struct symbol *const *symbols, size_t count, struct range (*range_of)(const struct symbol *),
                 struct symbol_cover **covers, size_t *cover_count);
const struct symbol *covers_find(const struct symbol_cover *covers, size_t count, uint64_t at);

bool symbol_is_mapping(const struct symbol *symbol); /* $a, $t, $d, $x of ARM, AArch64 and RISC-V */
bool symbol_is_subject(const struct symbol *symbol); /* a function or an object */

#endif
