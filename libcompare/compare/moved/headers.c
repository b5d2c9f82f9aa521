/*
 * The ELF header's entry point, and program headers, by what they say: a segment begins and ends where two sections of
 * one name do. What maps it is in this room as it was; what it maps is proven byte by byte elsewhere.
 */
#include "parts.h"

#include <string.h>

static void prove_entry_point(struct moving *m)
{
    uint64_t size = m->images[0]->is64 ? 8 : 4;
    struct range field = {24, 24 + size}; /* e_entry, of both classes: gABI chapter 4 */
    uint64_t a = m->images[0]->header.e_entry, b = m->images[1]->header.e_entry;
    const struct counterpart *found = counterpart_at(m->map, 0, a);
    bool proven = a == 0 && b == 0;
    if (m->images[0]->header.e_machine == EM_ARM && (a & 1) == (b & 1))
        proven = proven || (counterpart_at(m->map, 0, a & ~(uint64_t)1) != NULL &&
                            moving_reference(m, a & ~(uint64_t)1, b & ~(uint64_t)1));
    proven = proven || (found != NULL && found->code && moving_reference(m, a, b));
    if (proven)
        moving_prove(m, field, field, RULE_MOVED_HEADERS);
}

/* All of the header but the entry point; where the section headers are has no address in it, and counts where it is equal. */
static void prove_header(struct moving *m)
{
    const Elf64_Ehdr *a = &m->images[0]->header, *b = &m->images[1]->header;
    bool wide = m->images[0]->is64;
    uint64_t size = wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    struct range identification = {0, 24}, phoff = {wide ? 32 : 28, wide ? 40 : 32};
    struct range shoff = {phoff.end, wide ? 48 : 36}, rest = {shoff.end, size - 6}, table = {rest.end, size};
    if (a->e_ehsize != size || b->e_ehsize != size)
        return;
    const struct range parts[] = {identification, phoff, shoff, rest, table};
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        const uint8_t *x = image_bytes(m->images[0], parts[i]), *y = image_bytes(m->images[1], parts[i]);
        if (x != NULL && y != NULL && memcmp(x, y, range_size(parts[i])) == 0)
            moving_prove(m, parts[i], parts[i], RULE_MOVED_HEADERS);
    }
    prove_entry_point(m);
}

/* ---- Program headers ---- */

struct edge {
    uint64_t address, offset;
    bool has_offset;
};

enum which { BEGIN, END };

static struct edge edge_of(const struct section *section, enum which which)
{
    bool bytes = section->type != SHT_NOBITS;
    return (struct edge){section->address + (which == END ? section->size : 0),
                         section->file_offset + (which == END && bytes ? section->size : 0), bytes};
}

/* Whether some pair of sections begins or ends at both addresses (or offsets in the files). */
static bool at_sections(const struct moving *m, enum which which, bool offsets, uint64_t a, uint64_t b)
{
    for (size_t i = 0; i < m->section_count; i++) {
        struct edge x = edge_of(m->sections[i].sides[0], which), y = edge_of(m->sections[i].sides[1], which);
        if (offsets ? x.has_offset && y.has_offset && x.offset == a && y.offset == b : x.address == a && y.address == b)
            return true;
    }
    return false;
}

static uint64_t aligned_up(uint64_t value, uint64_t alignment)
{
    return alignment > 1 ? (value + alignment - 1) / alignment * alignment : value;
}

/* RELRO ends at the begin of what may still be written, or is rounded up to a page from the last section's end. */
static bool relro_end(const struct moving *m, uint64_t a, uint64_t b)
{
    if (at_sections(m, BEGIN, false, a, b))
        return true;
    for (size_t i = 0; i < m->section_count; i++) {
        uint64_t x = edge_of(m->sections[i].sides[0], END).address, y = edge_of(m->sections[i].sides[1], END).address;
        for (uint64_t page = 4096; page <= m->images[0]->page_size; page *= 2) {
            if (aligned_up(x, page) == a && aligned_up(y, page) == b)
                return true;
        }
    }
    return false;
}

/* Whether two segments begin at the same thing, and end at the same thing, in the file and in memory. */
static bool segment_proven(const struct moving *m, const struct segment *a, const struct segment *b)
{
    uint64_t end_a = a->address + a->memory_size, end_b = b->address + b->memory_size;
    if (a->type != b->type || a->flags != b->flags || a->alignment != b->alignment)
        return false;
    bool equal = a->address == b->address && a->file_offset == b->file_offset && a->file_size == b->file_size &&
                 a->memory_size == b->memory_size;
    /* What maps bytes maps what is compared there; others name a thing, which could have moved away from there. */
    if (equal && (a->type == PT_LOAD || a->type == PT_PHDR || a->memory_size == 0))
        return true;
    bool begins = (a->address == b->address && a->file_offset == 0 && b->file_offset == 0) ||
                  (at_sections(m, BEGIN, false, a->address, b->address) &&
                   at_sections(m, BEGIN, true, a->file_offset, b->file_offset));
    bool ends = at_sections(m, END, false, end_a, end_b) || (a->type == PT_GNU_RELRO && relro_end(m, end_a, end_b));
    bool file_ends = at_sections(m, END, true, a->file_offset + a->file_size, b->file_offset + b->file_size) ||
                     (a->file_size == a->memory_size && b->file_size == b->memory_size && ends) ||
                     (a->file_size == 0 && b->file_size == 0);
    return begins && ends && file_ends && (a->file_size == a->memory_size) == (b->file_size == b->memory_size) &&
           a->address - b->address == a->file_offset - b->file_offset;
}

/* p_paddr: where nothing boots by it, it repeats p_vaddr. */
static bool physical_addresses_repeat(const struct moving *m, size_t side, const struct segment *segment)
{
    const struct image *image = m->images[side];
    uint64_t entry = image->header.e_phoff + (uint64_t)segment->index * image->header.e_phentsize;
    return image_word(image, entry + (image->is64 ? 24 : 12)) == segment->address;
}

static void prove_program_headers(struct moving *m)
{
    const struct image *a = m->images[0], *b = m->images[1];
    if (a->segment_count != b->segment_count || a->header.e_phentsize != b->header.e_phentsize ||
        a->header.e_phentsize != (a->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
        return;
    for (size_t i = 0; i < a->segment_count; i++) {
        uint64_t begin_a = a->header.e_phoff + i * a->header.e_phentsize;
        uint64_t begin_b = b->header.e_phoff + i * b->header.e_phentsize;
        struct range x = {begin_a, begin_a + a->header.e_phentsize}, y = {begin_b, begin_b + b->header.e_phentsize};
        bool equal = memcmp(image_bytes(a, x), image_bytes(b, y), range_size(x)) == 0;
        if (segment_proven(m, &a->segments[i], &b->segments[i]) &&
            (equal ||
             (physical_addresses_repeat(m, 0, &a->segments[i]) && physical_addresses_repeat(m, 1, &b->segments[i]))))
            moving_prove(m, x, y, RULE_MOVED_HEADERS);
    }
}

void headers_prove(struct moving *m)
{
    prove_header(m);
    prove_program_headers(m);
}
