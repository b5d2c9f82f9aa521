/*
 * image: one side's file, opened: its bytes and every way to look at them. Knows nothing of the other side or of rules.
 *
 *   snapshot   the bytes, as they were when the file was opened
 *   views      ELF header, segments, sections, dynamic segment, notes: decoded, bounds checked, never trusted
 *   load view  the bytes that the kernel and ld.so map or read, and those of them that can run
 *   extents    the partition of [0, size): every byte has exactly one owner
 *   anomalies  where two views of the same bytes disagree
 *
 * Everything hangs on one arena and lives until image_close.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <elf.h>

#include "../base/base.h"

/* ---- Views ---- */

struct segment {
    uint32_t index;
    uint32_t type, flags;
    uint64_t file_offset, address, file_size, memory_size, alignment;
    struct range bytes;     /* of the file: [p_offset, p_offset + p_filesz) */
    struct range addresses; /* [p_vaddr, p_vaddr + p_memsz) */
};

struct section {
    uint32_t index;
    const char *name;        /* escaped and, when very long, cut; never NULL */
    struct range name_bytes; /* of the file: the name as it stands there */
    uint32_t name_offset;
    uint32_t type, link, info;
    uint64_t flags, address, file_offset, size, alignment, entry_size;
    struct range bytes; /* of the file; empty for SHT_NOBITS, SHT_NULL and those of no size */
};

struct dynamic_entry {
    int64_t tag;
    uint64_t value;
};

/* A note: where its parts lie in the file. */
struct note {
    uint32_t type;
    struct range name, descriptor, whole;
    uint32_t segment; /* the PT_NOTE that holds it, or UINT32_MAX */
    uint32_t section; /* the SHT_NOTE that holds it, or UINT32_MAX */
};

/* ---- Extents ---- */

enum owner {
    OWNER_PADDING = 0, /* bytes that nothing claims, between others */
    OWNER_ELF_HEADER,
    OWNER_PROGRAM_HEADERS,
    OWNER_SECTION_HEADERS,
    OWNER_SECTION,
    OWNER_SEGMENT, /* bytes that a program header names and no section claims */
    OWNER_OVERLAY, /* bytes past everything else */
};

struct extent {
    struct range range;
    enum owner owner;
    uint32_t index; /* of the section or segment */
};

/* ---- Anomalies ---- */

struct anomaly {
    const char *id;      /* "section-outside-segment" */
    const char *message; /* escaped */
    uint64_t file_offset;
};

/* ---- The image ---- */

struct snapshot; /* image/snapshot.h */

struct image {
    const char *path;
    const uint8_t *bytes;
    uint64_t size;
    struct snapshot *snapshot;
    struct arena arena;
    struct compare_limits limits; /* what may be spent on it */

    bool is64, big_endian;
    bool separate_debug; /* parsed by image_parse_debug */
    Elf64_Ehdr header;   /* as in the file, widened */
    uint64_t section_count, names_index;
    bool runs_on_linux; /* a machine whose programs Linux loads */
    uint64_t page_size; /* the largest that this machine's kernels use, in bytes */

    struct segment *segments;
    size_t segment_count;
    struct section *sections; /* section_count of them; [0] is the null section */
    struct dynamic_entry *dynamic;
    size_t dynamic_count;
    bool dynamic_ended; /* by DT_NULL, inside p_filesz */
    struct note *notes;
    size_t note_count;

    struct range *load; /* merged; what is sacred */
    size_t load_count;
    struct range *executable; /* merged; what can run */
    size_t executable_count;

    struct extent *extents;
    size_t extent_count;

    struct anomaly *anomalies;
    size_t anomaly_count;
};

/*
 * Opens, reads the bytes and nothing else. Directories and what is not readable are refused. limits NULL: the
 * defaults. The caller closes it with image_close, also after a failure.
 */
int image_open(const char *path, const struct compare_limits *limits, struct image *image, struct compare_error *error);

/* The same of what may be open already. The input's name must outlive the image. */
int image_open_input(const struct compare_input *input, const struct compare_limits *limits, struct image *image,
                     struct compare_error *error);

/* Builds every view of an opened image. */
int image_parse(struct image *image, struct compare_error *error);

/*
 * Builds of an opened separate debug file what can be told from section headers: its program headers are those of
 * another file (gABI has no word on it; eu-strip leaves them as they were). No segments, load view, extents, anomalies.
 */
int image_parse_debug(struct image *image, struct compare_error *error);

void image_close(struct image *image);

/* COMPARE_ERROR_CHANGED unless the file is still what was opened. */
int image_check_unchanged(const struct image *image, struct compare_error *error);

/* Whether both were opened from one file of one device. */
bool image_same_file(const struct image *vendor, const struct image *rebuilt);

static inline bool image_is_linked(const struct image *image)
{
    return image->header.e_type == ET_EXEC || image->header.e_type == ET_DYN;
}

static inline bool image_is_relocatable(const struct image *image)
{
    return image->header.e_type == ET_REL;
}

/* Bytes [range) of the file, or NULL where they are not all there. */
const uint8_t *image_bytes(const struct image *image, struct range range);
bool image_all_zero(const struct image *image, struct range range);

/* Numbers in the file's byte order; the bytes must have been got from image_bytes. */
uint16_t image_u16(const struct image *image, const uint8_t *bytes);
uint32_t image_u32(const struct image *image, const uint8_t *bytes);
uint64_t image_u64(const struct image *image, const uint8_t *bytes);

/* The word of an address's width at this place of the file, which must have room for it. */
static inline uint64_t image_word(const struct image *image, uint64_t file_offset)
{
    return image->is64 ? image_u64(image, image->bytes + file_offset) : image_u32(image, image->bytes + file_offset);
}

/* ELF header and section header in the file's class and byte order; returns their size. out has room for 64 bytes. */
size_t image_encode_ehdr(const struct image *image, const Elf64_Ehdr *ehdr, uint8_t *out);
size_t image_encode_shdr(const struct image *image, const Elf64_Shdr *shdr, uint8_t *out);

bool image_in_load_view(const struct image *image, struct range range);
bool image_is_executable(const struct image *image, struct range range);

/* The virtual address of a file offset, by the segments, or by the section in ET_REL; false where it has none. */
bool image_address(const struct image *image, uint64_t file_offset, uint64_t *address);

/* The file range that an address range is mapped from, wholly inside one PT_LOAD's file bytes. */
bool image_file_range(const struct image *image, uint64_t address, uint64_t size, struct range *range);

/* The section with this name, if there is exactly one; NULL otherwise. */
const struct section *image_section_named(const struct image *image, const char *name);

const struct dynamic_entry *image_dynamic(const struct image *image, int64_t tag);

#define BUILD_ID_LEAST 4 /* bytes */
#define BUILD_ID_MOST  32

/* The descriptor of the build ID (NT_GNU_BUILD_ID), in the file; false where it has none, or one of no use. */
bool image_build_id(const struct image *image, struct range *descriptor);

/* The extent that holds this offset. */
const struct extent *image_extent_at(const struct image *image, uint64_t file_offset);

/* What an extent is called in reports: the section's name, "ELF header", ... Escaped. */
const char *image_owner_name(const struct image *image, const struct extent *extent, char *buffer, size_t size);

/* ---- Content, decompressed where SHF_COMPRESSED says so ---- */

struct content {
    const uint8_t *bytes;
    uint64_t size;
    void *owned; /* NULL where the bytes are those of the image */
    bool compressed;
    uint64_t alignment; /* sh_addralign, or ch_addralign */
    uint32_t section;
};

/*
 * The plain content of a section. A compressed one must use up its stream exactly and yield its stated size exactly:
 * COMPARE_ERROR_MALFORMED otherwise, COMPARE_ERROR_SYSTEM without memory. *spent is what was decompressed of this image
 * before; beyond the limit it is COMPARE_ERROR_LIMIT. Free with content_free.
 */
int image_content(const struct image *image, const struct section *section, uint64_t *spent, struct content *content,
                  struct compare_error *error);
void content_free(struct content *content);

/*
 * Decompresses one xz stream to its end, keeping the first head_size bytes (head may be NULL with 0); *made is what all
 * came to. 0 when it uses up the input exactly and yields no more than most; COMPARE_ERROR_MALFORMED,
 * COMPARE_ERROR_LIMIT, COMPARE_ERROR_SYSTEM without memory.
 */
int image_unxz(const uint8_t *bytes, uint64_t size, uint64_t most, uint8_t *head, uint64_t head_size, uint64_t *made);

/* ---- Symbols and functions: hints to say where a byte lies. A file can lie; no verdict rests on them ---- */

enum symbol_source {
    SYMBOL_UNWIND = 0,    /* .eh_frame, .ARM.exidx */
    SYMBOL_PLT,           /* a stub, and the relocation of the slot that it jumps through */
    SYMBOL_DYNSYM,        /* .dynsym, or DT_SYMTAB in files without section headers */
    SYMBOL_MINIDEBUGINFO, /* the symbol table of the ELF file inside .gnu_debugdata */
    SYMBOL_SYMTAB,        /* .symtab */
};

struct symbol {
    const char *name; /* as in the file (mangled), escaped, without a version; NULL: only unwind tables know of it.
                         "printf@plt" for SYMBOL_PLT. Longer than 4 KiB: cut, "..." at its end */
    uint64_t address; /* linked files: virtual (STT_TLS: in the template); ET_REL: the offset in its section */
    uint64_t size; /* bytes; where the file states 0 and it is a function or object: that of its unwind record, else up
                         to the next symbol, at most to its section's or segment's end */
    struct range bytes; /* of the file; empty: undefined, .bss, absolute */
    uint32_t section;   /* its index; 0: undefined; UINT32_MAX: absolute, common or not known */
    uint8_t type, bind; /* STT_, STB_ */
    bool defined;       /* it has a place in this file or its memory: neither undefined, common nor absolute */
    bool thumb;   /* ARM: bit 0 of the address was set (and is cleared here), or a $t mapping symbol holds there */
    bool guessed; /* its size is how far it is to the next symbol, or to an end */
    enum symbol_source source;
};

struct symbol_cover; /* image/symbols.h */

struct symbols {
    const struct symbol *items; /* all, in the file's order: .symtab, .dynsym, .gnu_debugdata, PLT, unwind */
    size_t count;
    const struct symbol **by_offset; /* functions and objects with bytes, by bytes.begin */
    size_t by_offset_count;
    const struct symbol **by_address; /* linked files: those with an address, no mapping symbols, by address */
    size_t by_address_count;
    const struct symbol_cover *offset_covers, *address_covers; /* what symbols_at_... search */
    size_t offset_cover_count, address_cover_count;
};

/*
 * Reads all symbols of a parsed image. What is made lives in the arena and refers to nothing of the image. What cannot
 * be read is left out: a table whose entries have another size than the class gives them, names past their table ("?"),
 * unwind records of a kind not known. A function that a named symbol covers is not listed again for its unwind record.
 * A .gnu_debugdata that yields more than limits.decompressed is one of these. Time is n log n in the file's size,
 * whatever it states. COMPARE_ERROR_MEMORY; COMPARE_ERROR_LIMIT where half of limits.memory does not hold them.
 * Reentrant.
 */
int symbols_read(const struct image *image, struct arena *arena, struct symbols *symbols, struct compare_error *error);

/* Where in by_address those begin that have this address or a higher one; by_address_count: none has. O(log n). */
size_t symbols_from_address(const struct symbols *symbols, uint64_t address);

/*
 * The best symbol that covers this byte of the file, or this address of a linked file: functions and objects before
 * others, then the innermost (smallest), global before local, named before unnamed; NULL without one. At its very
 * address, a label without a size is taken where nothing covers that. O(log n).
 */
const struct symbol *symbols_at_offset(const struct symbols *symbols, uint64_t file_offset);
const struct symbol *symbols_at_address(const struct symbols *symbols, uint64_t address);

static inline bool symbol_is_function(const struct symbol *symbol)
{
    return symbol->type == STT_FUNC || symbol->type == STT_GNU_IFUNC;
}

/* ---- Relocations: hints too ---- */

struct relocation {
    uint64_t file_offset;    /* of the place that it changes */
    uint64_t address;        /* linked files: r_offset; ET_REL: 0 */
    uint32_t type;           /* R_ of the machine. MIPS 64: r_ssym << 24 | r_type3 << 16 | r_type2 << 8 | r_type */
    uint32_t section;        /* ET_REL: sh_info, the section that it changes; linked files: 0 */
    const char *symbol;      /* name, escaped; "" without one. ET_REL section symbols: the section's name */
    uint64_t symbol_value;   /* st_value as it stands */
    uint32_t symbol_section; /* as in struct symbol */
    int64_t addend;          /* SHT_REL, RELR: read from the place where its width is known, else 0 */
    bool implicit_addend;
};

/*
 * All whose place has bytes of the file, sorted by file_offset: those of each SHT_REL and SHT_RELA section in ET_REL;
 * in linked files those that the dynamic section names (DT_RELA, DT_REL, DT_JMPREL, and DT_RELR, as type 0 with symbol
 * ""), or without one, of allocated sections. What is made lives in the arena; names of sections are the image's. What
 * cannot be read is left out. COMPARE_ERROR_MEMORY; COMPARE_ERROR_LIMIT where half of limits.memory does not hold
 * them. Reentrant.
 */
int relocations_read(const struct image *image, struct arena *arena, const struct relocation **items, size_t *count,
                     struct compare_error *error);

/* Those whose place begins in these bytes; *found of them. O(log n). */
const struct relocation *relocations_in(const struct relocation *items, size_t count, struct range bytes,
                                        size_t *found);
/* ---- Debug information, by libdw: hints for people; no verdict rests on them ---- */

struct debug; /* opaque */

/*
 * Opens the debug information of a parsed image: the file itself, or a separate debug file. 0 with *debug NULL where it
 * has none that can be used. The image must outlive it; close with debug_close. COMPARE_ERROR_MALFORMED (a section
 * cannot be decompressed), COMPARE_ERROR_LIMIT, COMPARE_ERROR_MEMORY. Only this image is read: no supplementary file
 * (dwz), no .dwo file, no debug file that it names. Not for two threads at a time.
 */
int debug_open(const struct image *image, struct debug **debug, struct compare_error *error);
void debug_close(struct debug *debug);

/* Where in the source. Texts are escaped, in the caller's arena, and NULL where not known; line 0: not known. */
struct debug_frame {
    const char *function; /* linkage name, or else the plain one: not demangled */
    const char *file;     /* relative to the compilation directory where it is below it */
    unsigned line;
};

struct debug_place {
    struct debug_frame frames[8]; /* [0] the innermost; the others the callers into which it is inlined */
    size_t count;                 /* of a deeper chain, the innermost 8 */
};

/*
 * The source place of an instruction: by its address in linked files, where section is not looked at, and by section
 * and offset in it in ET_REL. false: not known.
 */
bool debug_place_at(struct debug *debug, uint64_t address, uint32_t section, struct arena *arena,
                    struct debug_place *place);

/*
 * The variable of static storage that holds this address: its name, as a frame's function, and where it is declared.
 * Linked files only. false: not known.
 */
bool debug_object_at(struct debug *debug, uint64_t address, struct arena *arena, const char **name,
                     struct debug_frame *declared);

/* What a unit says of itself. Texts are raw, not escaped, and NULL where absent (also: in a supplementary file). */
struct debug_unit {
    const char *name, *comp_dir, *producer, *dwo_name;
    const char *language; /* "C11", "C++14", "Rust", "Go", "Ada95", "Fortran95", "OCaml", "Haskell", "asm", "D", ... */
    uint64_t dwo_id;
    bool has_dwo_id;
    const char *const *directories; /* of its line table, as they stand there; an element may be NULL */
    size_t directory_count;
    const char *const *files; /* likewise */
    size_t file_count;
    uint32_t version; /* of DWARF */
};

/*
 * Calls take for each unit (compile, type, partial, skeleton) until it returns false or `most` are done. Lists are in
 * the arena, texts live until debug_close. false where something could not be read.
 */
bool debug_units(struct debug *debug, size_t most, struct arena *arena,
                 bool (*take)(void *state, const struct debug_unit *unit), void *state);

/*
 * Runs work(argument) so that a page of a map that is gone (the file was truncated) ends it with
 * COMPARE_ERROR_CHANGED instead of killing the process.
 */
int image_guard(int (*work)(void *argument), void *argument, struct compare_error *error);

/* malloc for a library that cannot do without: where there is none, the guarded work ends with COMPARE_ERROR_MEMORY. */
void *image_guarded_malloc(size_t size);

/* Entry by entry, for those who compare it. */
#include "debug_entries.h"

#endif
