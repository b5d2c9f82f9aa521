/*
 * The load view: every byte of the file that the kernel or ld.so maps or reads (linux fs/binfmt_elf.c, glibc
 * elf/dl-load.c and elf/dl-map-segments.h).
 *
 * A PT_LOAD is mapped in whole pages, of the largest size that the machine's kernels use: the bytes before it in its
 * first page and behind it in its last are mapped with it. Zeroed, and so not seen, is what lies behind p_filesz in the
 * last PT_LOAD, if that is writable and has p_memsz > p_filesz: in a program to the page's end (the kernel's padzero), in
 * a library up to p_memsz, for ld.so leaves the file's bytes behind it. Kernels before 6.6 zero less in the PT_LOADs
 * before the last one.
 * Every other program header's range counts too: PT_INTERP, PT_NOTE and PT_GNU_PROPERTY are read at their own offset
 * even where no PT_LOAD maps them. In ET_REL every section that is allocated, relocated, or names symbols counts.
 */
#include <stdlib.h>

#include "parts.h"

/* Of the first page, up to p_filesz. One without bytes still maps what stands before it (kernels before 6.6, ld.so). */
static struct range mapped_bytes(const struct image *image, const struct segment *segment)
{
    struct range bytes = segment->bytes;
    if (segment->file_size == 0)
        bytes.begin = bytes.end = segment->file_offset < image->size ? segment->file_offset : image->size;
    bytes.begin -= bytes.begin % image->page_size;
    return bytes;
}

/*
 * What only the kernel maps: ld.so refuses to load both kinds (elf/dl-load.c, "cannot dynamically load executable", and
 * from glibc 2.31 "position-independent executable"). Started as an argument of ld.so, they are mapped as libraries are;
 * so no program is meant to be run.
 */
static bool is_program(const struct image *image)
{
    const struct dynamic_entry *flags = image_dynamic(image, DT_FLAGS_1);
    return image->header.e_type == ET_EXEC || (flags != NULL && (flags->value & DF_1_PIE) != 0);
}

/* Behind p_filesz, to the end of the last page: what nothing zeroes. */
static struct range mapped_slack(const struct image *image, const struct segment *segment, uint64_t begin, bool last)
{
    uint64_t page = image->page_size, slack = (page - begin % page) % page, zeroed = 0;
    if (slack > image->size - begin)
        slack = image->size - begin;
    if (last && segment->memory_size > segment->file_size && (segment->flags & PF_W) != 0)
        zeroed = is_program(image) ? slack : segment->memory_size - segment->file_size;
    return (struct range){begin + (zeroed < slack ? zeroed : slack), begin + slack};
}

/*
 * Unless PT_GNU_STACK is there and asks for a stack that cannot run, kernels may make all that is readable executable
 * (READ_IMPLIES_EXEC: elf_read_implies_exec in arch/x86/include/asm/elf.h, for x86-64 before 5.8, and other machines).
 */
static bool readable_runs(const struct image *image)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        if (image->segments[i].type == PT_GNU_STACK)
            return (image->segments[i].flags & PF_X) != 0;
    }
    return true;
}

static void load_range(struct image *image, struct range range, bool runs)
{
    image->load[image->load_count++] = range;
    if (runs)
        image->executable[image->executable_count++] = range;
}

static size_t last_load_segment(const struct image *image)
{
    size_t last = image->segment_count;
    for (size_t i = 0; i < image->segment_count; i++)
        last = image->segments[i].type == PT_LOAD ? i : last;
    return last;
}

static void load_linked(struct image *image)
{
    size_t entry = image->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr), last = last_load_segment(image);
    uint32_t runs = readable_runs(image) ? PF_X | PF_R : PF_X;
    load_range(image, (struct range){0, image->header.e_ehsize}, false);
    load_range(image, (struct range){image->header.e_phoff, image->header.e_phoff + image->segment_count * entry},
               false);
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        if (segment->type != PT_LOAD) {
            load_range(image, segment->bytes, false);
            continue;
        }
        struct range bytes = mapped_bytes(image, segment);
        load_range(image, bytes, (segment->flags & runs) != 0);
        load_range(image, mapped_slack(image, segment, bytes.end, i == last), (segment->flags & runs) != 0);
    }
}

/* What a linker or the kernel's module loader acts on; a debug section's relocations only serve that section. */
static void load_relocatable(struct image *image)
{
    load_range(image, (struct range){0, image->header.e_ehsize}, false);
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        bool relocations = section->type == SHT_REL || section->type == SHT_RELA;
        bool loaded = (section->flags & SHF_ALLOC) != 0 || section->type == SHT_SYMTAB ||
                      section->type == SHT_SYMTAB_SHNDX || section->type == SHT_GROUP ||
                      (relocations && section->info < image->section_count &&
                       (image->sections[section->info].flags & SHF_ALLOC) != 0);
        if (!loaded || range_empty(section->bytes))
            continue;
        load_range(image, section->bytes, (section->flags & SHF_EXECINSTR) != 0);
    }
}

int load_view_build(struct image *image, struct compare_error *error)
{
    size_t most = 2 * image->segment_count + image->section_count + 2;
    image->load = arena_alloc(&image->arena, most, sizeof(*image->load));
    image->executable = arena_alloc(&image->arena, most, sizeof(*image->executable));
    if (image->load == NULL || image->executable == NULL)
        return image_no_memory(image, error);
    if (image_is_linked(image)) {
        load_linked(image);
    } else if (image_is_relocatable(image)) {
        load_relocatable(image);
    } else {
        load_range(image, (struct range){0, image->size}, true);
    }
    image->load_count = ranges_merge(image->load, image->load_count);
    image->executable_count = ranges_merge(image->executable, image->executable_count);
    return 0;
}
