/*
 * The load view: every byte of the file that the kernel or ld.so maps or reads (linux fs/binfmt_elf.c, glibc
 * elf/dl-load.c and elf/dl-map-segments.h).
 *
 * A PT_LOAD is mapped in whole pages, of the largest size that the machine's kernels use: the bytes before it in its
 * first page and behind it in its last are mapped with it. Where a writable segment has p_memsz > p_filesz, the rest
 * of its last page is zeroed and so not seen; in one that is not writable the kernel may fail to zero it, so it counts.
 * Every other program header's range counts too: PT_INTERP, PT_NOTE and PT_GNU_PROPERTY are read at their own offset
 * even where no PT_LOAD maps them. In ET_REL every section that is allocated, relocated, or names symbols counts.
 */
#include <stdlib.h>

#include "parts.h"

static struct range mapped_pages(const struct image *image, const struct segment *segment)
{
    uint64_t page = image->page_size;
    struct range pages = segment->bytes;
    /* One without bytes still maps what stands before its address in its first page (kernels before 6.6, ld.so). */
    if (segment->file_size == 0)
        pages.begin = pages.end = segment->file_offset < image->size ? segment->file_offset : image->size;
    pages.begin -= pages.begin % page;
    bool tail_zeroed = segment->memory_size > segment->file_size && (segment->flags & PF_W) != 0;
    if (!tail_zeroed) {
        uint64_t slack = (page - pages.end % page) % page;
        pages.end = slack > image->size - pages.end ? image->size : pages.end + slack;
    }
    return pages;
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

static void load_linked(struct image *image)
{
    size_t entry = image->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    uint32_t runs = readable_runs(image) ? PF_X | PF_R : PF_X;
    image->load[image->load_count++] = (struct range){0, image->header.e_ehsize};
    image->load[image->load_count++] =
        (struct range){image->header.e_phoff, image->header.e_phoff + image->segment_count * entry};
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        bool mapped = segment->type == PT_LOAD;
        struct range range = mapped ? mapped_pages(image, segment) : segment->bytes;
        image->load[image->load_count++] = range;
        if (mapped && (segment->flags & runs) != 0)
            image->executable[image->executable_count++] = range;
    }
}

/* What a linker or the kernel's module loader acts on; a debug section's relocations only serve that section. */
static void load_relocatable(struct image *image)
{
    image->load[image->load_count++] = (struct range){0, image->header.e_ehsize};
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        bool relocations = section->type == SHT_REL || section->type == SHT_RELA;
        bool loaded = (section->flags & SHF_ALLOC) != 0 || section->type == SHT_SYMTAB ||
                      section->type == SHT_SYMTAB_SHNDX || section->type == SHT_GROUP ||
                      (relocations && section->info < image->section_count &&
                       (image->sections[section->info].flags & SHF_ALLOC) != 0);
        if (!loaded || range_empty(section->bytes))
            continue;
        image->load[image->load_count++] = section->bytes;
        if ((section->flags & SHF_EXECINSTR) != 0)
            image->executable[image->executable_count++] = section->bytes;
    }
}

int load_view_build(struct image *image, struct compare_error *error)
{
    size_t most = image->segment_count + image->section_count + 2;
    image->load = arena_alloc(&image->arena, most, sizeof(*image->load));
    image->executable = arena_alloc(&image->arena, most, sizeof(*image->executable));
    if (image->load == NULL || image->executable == NULL)
        return image_no_memory(image, error);
    if (image_is_linked(image)) {
        load_linked(image);
    } else if (image_is_relocatable(image)) {
        load_relocatable(image);
    } else {
        image->load[image->load_count++] = (struct range){0, image->size};
        image->executable[image->executable_count++] = (struct range){0, image->size};
    }
    image->load_count = ranges_merge(image->load, image->load_count);
    image->executable_count = ranges_merge(image->executable, image->executable_count);
    return 0;
}
