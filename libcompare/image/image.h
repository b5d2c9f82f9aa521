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
    Elf64_Ehdr header; /* as in the file, widened */
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

/* Builds every view of an opened image. */
int image_parse(struct image *image, struct compare_error *error);

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
 * Runs work(argument) so that a page of a map that is gone (the file was truncated) ends it with
 * COMPARE_ERROR_CHANGED instead of killing the process.
 */
int image_guard(int (*work)(void *argument), void *argument, struct compare_error *error);

/* malloc for a library that cannot do without: where there is none, the guarded work ends with COMPARE_ERROR_MEMORY. */
void *image_guarded_malloc(size_t size);

#endif
