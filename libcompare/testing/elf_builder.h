/*
 * Builds small ELF files in memory for tests: honest by default, so that each test changes the one thing it is about.
 *
 * Linked files get one page of headers and read-only sections, one of code, one of data with a page of .bss, then what
 * is not loaded, then the section headers; each allocated SHT_NOTE section gets a PT_NOTE, and the
 * stack is not executable. Objects get their sections one after the other. The machines have pages of 4096 bytes, in both classes and byte orders.
 */
#ifndef TESTING_ELF_BUILDER_H
#define TESTING_ELF_BUILDER_H

#include "../judge/judge.h"

#define BUILT_SECTIONS 40
#define BUILT_PAGE     4096

struct built_section {
    char name[32];
    Elf64_Shdr header; /* sh_size, sh_offset, sh_addr are set by the layout; all can be changed after it */
    uint8_t content[1024];
};

struct built {
    bool is64, big_endian;
    Elf64_Ehdr header;
    struct built_section sections[BUILT_SECTIONS]; /* [0] is the null section, [1] the names */
    size_t section_count;
    Elf64_Phdr segments[16];
    size_t segment_count;
    uint8_t bytes[65536];
    size_t size;
};

/* An empty file of this kind: ET_REL, ET_EXEC or ET_DYN. */
void built_begin(struct built *built, bool is64, bool big_endian, uint16_t type);

/* Adds a section; the content is copied. */
struct built_section *built_section(struct built *built, const char *name, uint32_t type, uint64_t flags,
                                    const void *content, size_t size);

/* Adds an SHT_NOTE section with one note of owner GNU. */
struct built_section *built_note(struct built *built, const char *name, uint64_t flags, uint32_t type,
                                 const void *descriptor, uint32_t size);

/* .text, .rodata, .data, a build ID and .comment: what every program has. */
void built_program(struct built *built, bool is64, bool big_endian, uint16_t type);

/* Places everything and writes the bytes; built_write alone writes them again after headers were changed. */
void built_layout(struct built *built);
void built_write(struct built *built);

struct built_section *built_named(struct built *built, const char *name);

/* The built file opened as an image (parsed); the status of image_parse. Close with image_close. */
int built_open(const struct built *built, struct image *image, struct compare_error *error);

/* The rule that sets the byte at this offset aside under policy standard, or RULE_COUNT. Fails on a malformed file. */
enum rule_index built_rule_at(const struct built *built, uint64_t file_offset);

/* Writes a result's JSON report and passes it through the checker; fails where that refuses it. */
void built_verify(const struct compare_result *result);

/* The verdict on two built files under policy standard; their status, negated, where there is none.
 * Passed through the checker. */
int built_verdict(const struct built *vendor, const struct built *rebuilt);

#endif
