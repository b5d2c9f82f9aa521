/* The checker's own reading of an ELF file. Private to this room. */
#ifndef VERIFY_READING_H
#define VERIFY_READING_H

#include <elf.h>

#include "../base/base.h"

struct seg {
    uint64_t type, flags, offset, address, file_size, memory_size, align;
};

struct sec {
    uint64_t name, type, flags, address, offset, size, link, info, align, entry_size;
    struct range bytes; /* empty where it has none in the file */
    bool referred;      /* in objects: code, data or another file can refer to it, or it is loaded with them */
    bool indexed;       /* in linked files: relocations that are not loaded name its entries */
    /* Found out once, for a report may ask for each byte of it: whether its stream is exact, its content of its kind. */
    enum { NOT_ASKED, YES, NO } exact, of_its_kind;
};

/* An entry of the dynamic table. */
struct dyn {
    uint64_t tag, value, at;
};

/* Bytes that have an owner: a section, or a table. */
struct owned {
    struct range range;
    uint32_t section; /* or one of these: */
};
#define OWNED_HEADER   UINT32_MAX
#define OWNED_SEGMENTS (UINT32_MAX - 1)
#define OWNED_SECTIONS (UINT32_MAX - 2)

struct elf {
    const char *side; /* "vendor", "rebuilt" */
    const uint8_t *bytes;
    uint64_t size;
    struct arena *arena;
    bool program; /* it is no library: the kernel maps it, and ld.so refuses to */
    bool wide, big, linked, relocatable;
    uint64_t type, machine, header_size, shoff, shentsize, shstrndx, page;
    struct seg *segments;
    size_t segment_count;
    struct sec *sections;
    size_t section_count;
    struct owned *owned; /* sorted */
    size_t owned_count;
    struct range *load, *executable; /* merged */
    size_t load_count, executable_count;
    struct dyn *dynamic; /* by tag, then by place; without DT_NULL */
    size_t dynamic_count;
    uint64_t decompressed;     /* what its compressed sections say that they come to */
    uint64_t claimed_end;      /* behind it lies the overlay */
    const char *contradiction; /* two views of the same bytes disagree: no rule may be used. NULL: none */
    bool untold; /* what acts on it cannot be told: no rule may be used either, and it is no contradiction */
};

/* False where the file cannot be read as ELF, or there is no memory; *what then says so. */
bool elf_read(struct elf *elf, const char **what);

/* A number at an offset; 0 past the end of the file. */
uint64_t elf_number(const struct elf *elf, uint64_t at, unsigned width);
bool elf_zero(const struct elf *elf, struct range range);

/* The owner whose bytes hold this whole range; NULL where there is none. */
const struct owned *elf_owner(const struct elf *elf, struct range range);
/* Whether any owner has some of these bytes. */
bool elf_any_owner(const struct elf *elf, struct range range);

/* The value of the last entry of this tag, as ld.so takes it; false where there is none. */
bool elf_dynamic(const struct elf *elf, uint64_t tag, uint64_t *value);

/* A section's name as it stands in the file, NUL-terminated; "" in a file without names. NULL: it cannot be read. */
const char *elf_section_name(const struct elf *elf, const struct sec *section);
/* The same, and "" where it cannot be read: for those who look for a certain name. */
const char *elf_readable_name(const struct elf *elf, const struct sec *section);

/* The plain content of a section; *owned is to be freed. NULL where its stream is not exact, or memory lacks. */
const uint8_t *elf_plain(const struct elf *elf, const struct sec *section, uint64_t *size, uint8_t **owned);
/* Whether there is such a content; found out once. */
bool elf_stream_is_exact(const struct elf *elf, struct sec *section);

/* Whether a PT_LOAD maps the offset as part of its file bytes, and to where. */
bool elf_address(const struct elf *elf, uint64_t at, uint64_t *address);

/* Whether those who read a section with this name decompress it. */
bool section_is_unpacked(const struct elf *elf, const struct sec *section);

/* The file offset of so many bytes at an address. */
bool elf_place(const struct elf *elf, uint64_t address, uint64_t size, uint64_t *at);

/* conditions.c: whether a rule may set these bytes aside, by this file alone. */
bool condition_holds(const struct elf *elf, const char *rule, struct range range);
bool rule_is_known(const char *rule);
/* Whether some rule of the policy's may set the whole of this unloaded section aside. */
bool section_excusable(const struct elf *elf, const struct sec *section, bool (*accepted)(void *, const char *),
                       void *policy);

/* One line of the account of a file, as the report has it. */
enum line_standing { LINE_IDENTICAL, LINE_ASIDE, LINE_UNEXPLAINED };

struct line {
    struct range range;
    enum line_standing standing;
    const char *rule; /* set aside */
    uint64_t peer;    /* identical */
    bool found;       /* by a finding */
};

struct side {
    struct elf elf;
    struct line *lines;
    size_t line_count;
};

/* The line that holds this offset. */
const struct line *line_at(const struct side *side, uint64_t at);

/* sameness.c: NULL when the two may be called equivalent, else why not. at: the offset, on which side. */
const char *sameness_broken(const struct side *vendor, const struct side *rebuilt,
                            bool (*accepted)(void *, const char *), void *policy, uint64_t *at);

#endif
