/*
 * Two stories, one truth: where views of the same bytes disagree, the image is anomalous and no rule applies to it.
 * The loader goes by program headers and the dynamic segment; section headers are hearsay that must fit them.
 */
#include <stddef.h>
#include <string.h>

#include "parts.h"

/* More are counted in the last one's message, so that a crafted table cannot fill the memory. */
#define ANOMALY_LIMIT 1000

int anomaly_add(struct list *anomalies, const char *id, uint64_t file_offset, const char *format, ...)
{
    if (anomalies->count >= ANOMALY_LIMIT)
        return 0;
    char text[2600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    struct anomaly *anomaly = list_add(anomalies);
    if (anomaly == NULL)
        return COMPARE_ERROR_SYSTEM;
    anomaly->id = id;
    anomaly->file_offset = file_offset;
    anomaly->message = arena_strdup(anomalies->arena, text);
    return anomaly->message == NULL ? COMPARE_ERROR_SYSTEM : 0;
}

/* ---- Segments ---- */

static int load_segments(const struct image *image, struct list *anomalies)
{
    const struct segment *before = NULL;
    int status = 0;
    for (size_t i = 0; i < image->segment_count && status == 0; i++) {
        const struct segment *segment = &image->segments[i];
        uint64_t at = image->header.e_phoff + i * image->header.e_phentsize;
        if (segment->type != PT_LOAD)
            continue;
        uint64_t alignment = segment->alignment > 4096 ? segment->alignment : 4096;
        if ((alignment & (alignment - 1)) != 0)
            status = anomaly_add(anomalies, "segment-alignment", at, "segment %zu: p_align %#jx is no power of two", i,
                                 (uintmax_t)segment->alignment);
        else if (((segment->address - segment->file_offset) & (4096 - 1)) != 0)
            status = anomaly_add(anomalies, "segment-alignment", at,
                                 "segment %zu: p_vaddr and p_offset differ within a page", i);
        if (status == 0 && segment->file_size > segment->memory_size)
            status = anomaly_add(anomalies, "segment-size", at, "segment %zu: p_filesz is larger than p_memsz", i);
        if (status == 0 && before != NULL && segment->address < before->addresses.end)
            status = anomaly_add(anomalies, "segment-order", at,
                                 "segment %zu: its addresses overlap or precede those of segment %u", i, before->index);
        before = segment;
    }
    if (status == 0 && before == NULL)
        status = anomaly_add(anomalies, "no-load-segment", 0, "an executable or shared object without PT_LOAD");
    return status;
}

/* The types whose address and offset are both used, one by the kernel or open_verify, the other by ld.so. */
static bool has_two_places(uint32_t type)
{
    return type == PT_DYNAMIC || type == PT_INTERP || type == PT_NOTE || type == PT_TLS || type == PT_PHDR ||
           type == PT_GNU_EH_FRAME || type == PT_GNU_RELRO || type == PT_GNU_PROPERTY;
}

static bool must_be_single(uint32_t type)
{
    return type == PT_DYNAMIC || type == PT_INTERP || type == PT_TLS || type == PT_PHDR || type == PT_GNU_STACK ||
           type == PT_GNU_RELRO || type == PT_GNU_PROPERTY;
}

/*
 * ld.so maps a library in one piece and takes all rights from what lies between its PT_LOADs: bytes of the file that
 * are not in the load view. PT_GNU_RELRO, by p_memsz and rounded down to pages, would make them readable again.
 */
static bool protects_what_is_loaded(const struct image *image, const struct segment *relro)
{
    const uint64_t page = 4096;
    struct range pages = {relro->addresses.begin / page * page, relro->addresses.end / page * page};
    bool found = pages.begin >= pages.end;
    for (size_t i = 0; i < image->segment_count && !found; i++) {
        const struct segment *segment = &image->segments[i];
        uint64_t end = segment->addresses.end;
        found = segment->type == PT_LOAD && segment->addresses.begin / page * page <= pages.begin &&
                pages.end <= end + (page - end % page) % page;
    }
    return found;
}

static int other_segments(const struct image *image, struct list *anomalies)
{
    int status = 0;
    uint32_t seen[8];
    size_t seen_count = 0;
    for (size_t i = 0; i < image->segment_count && status == 0; i++) {
        const struct segment *segment = &image->segments[i];
        uint64_t at = image->header.e_phoff + i * image->header.e_phentsize;
        struct range mapped;
        if (must_be_single(segment->type)) {
            for (size_t k = 0; k < seen_count && status == 0; k++) {
                if (seen[k] == segment->type)
                    status = anomaly_add(anomalies, "segment-twice", at, "segment %zu: p_type %#x occurs twice", i,
                                         segment->type);
            }
            if (seen_count < ARRAY_COUNT(seen))
                seen[seen_count++] = segment->type;
        }
        /* ld.so reckons its load address from PT_PHDR's, however long it is. */
        if (status == 0 && has_two_places(segment->type) && (segment->file_size > 0 || segment->type == PT_PHDR) &&
            (!image_file_range(image, segment->address, segment->file_size, &mapped) ||
             mapped.begin != segment->file_offset))
            status =
                anomaly_add(anomalies, "segment-place", at,
                            "segment %zu (p_type %#x): no PT_LOAD maps its p_vaddr to its p_offset", i, segment->type);
        if (status == 0 && segment->type == PT_GNU_RELRO && !protects_what_is_loaded(image, segment))
            status = anomaly_add(anomalies, "segment-place", at,
                                 "segment %zu: PT_GNU_RELRO reaches beyond the pages of a PT_LOAD", i);
        const struct extent *owner = image_extent_at(image, segment->file_offset);
        if (status == 0 && segment->type == PT_NOTE && segment->file_size > 0 && owner != NULL &&
            owner->owner != OWNER_SEGMENT &&
            (owner->owner != OWNER_SECTION || image->sections[owner->index].type != SHT_NOTE))
            status =
                anomaly_add(anomalies, "note-section", at, "segment %zu: a PT_NOTE over what is no note section", i);
        /* ld.so reads on to DT_NULL, wherever p_filesz ends (elf/get-dynamic-info.h). */
        if (status == 0 && segment->type == PT_DYNAMIC && !image->dynamic_ended)
            status = anomaly_add(anomalies, "dynamic-end", at, "PT_DYNAMIC does not end with DT_NULL");
        if (status == 0 && segment->type == PT_PHDR && segment->file_offset != image->header.e_phoff)
            status = anomaly_add(anomalies, "segment-place", at, "PT_PHDR names another table than e_phoff");
    }
    return status;
}

/*
 * The kernel reads the program headers at e_phoff, ld.so in memory, at an address that kernels before 5.18 reckon from
 * the first PT_LOAD, and later ones from the PT_LOAD that has e_phoff. All three must be the same bytes.
 */
static int program_headers_place(const struct image *image, struct list *anomalies)
{
    size_t size = image->segment_count * image->header.e_phentsize;
    const struct segment *first = NULL;
    bool interpreted = false, found = false;
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        struct range table;
        interpreted |= segment->type == PT_INTERP;
        if (segment->type != PT_LOAD || !range_make(image->header.e_phoff, size, &table))
            continue;
        first = first != NULL ? first : segment;
        found |= range_contains(segment->bytes, table) &&
                 segment->address - segment->file_offset == first->address - first->file_offset;
    }
    return !interpreted || found ? 0
                                 : anomaly_add(anomalies, "program-headers-place", image->header.e_phoff,
                                               "no PT_LOAD maps the program headers to where ld.so reads them");
}

/* ---- Sections against segments ---- */

static bool is_tbss(const struct section *section)
{
    return section->type == SHT_NOBITS && (section->flags & SHF_TLS) != 0;
}

/* The part of an allocated section that one segment holds, against that segment. */
static int allocated_part(const struct section *section, struct range part, const struct segment *segment, uint64_t at,
                          struct list *anomalies)
{
    uint64_t inside = part.begin - segment->address, before = part.begin - section->address;
    if (section->type == SHT_NOBITS)
        return inside >= segment->file_size
                   ? 0
                   : anomaly_add(anomalies, "nobits-over-bytes", at,
                                 "%s is SHT_NOBITS, but segment %u maps bytes of the file there", section->name,
                                 segment->index);
    if (inside + range_size(part) > segment->file_size ||
        segment->file_offset + inside != section->file_offset + before)
        return anomaly_add(anomalies, "section-place", at, "%s claims other bytes than segment %u maps at its address",
                           section->name, segment->index);
    if ((section->flags & SHF_EXECINSTR) != 0 && (segment->flags & PF_X) == 0)
        return anomaly_add(anomalies, "section-flags", at, "%s is SHF_EXECINSTR, but segment %u is not executable",
                           section->name, segment->index);
    if ((section->flags & SHF_WRITE) != 0 && (segment->flags & PF_W) == 0)
        return anomaly_add(anomalies, "section-flags", at, "%s is SHF_WRITE, but segment %u is not writable",
                           section->name, segment->index);
    return 0;
}

/*
 * patchelf lays sections across the border of adjacent segments; each part must be what its segment maps. One pass is
 * enough, for segments that are not in the order of their addresses are an anomaly of their own.
 */
static int allocated_section(const struct image *image, const struct section *section, uint64_t at,
                             struct list *anomalies)
{
    if ((section->flags & SHF_COMPRESSED) != 0)
        return anomaly_add(anomalies, "section-flags", at, "%s is both SHF_ALLOC and SHF_COMPRESSED", section->name);
    if (section->size == 0 || is_tbss(section))
        return 0;
    struct range left;
    bool sound = range_make(section->address, section->size, &left);
    size_t before = anomalies->count;
    for (size_t i = 0; sound && i < image->segment_count && !range_empty(left); i++) {
        const struct segment *segment = &image->segments[i];
        if (segment->type != PT_LOAD || left.begin < segment->addresses.begin || left.begin >= segment->addresses.end)
            continue;
        struct range part = {left.begin, segment->addresses.end < left.end ? segment->addresses.end : left.end};
        int status = allocated_part(section, part, segment, at, anomalies);
        if (status != 0 || anomalies->count != before)
            return status;
        left.begin = part.end;
    }
    return sound && range_empty(left)
               ? 0
               : anomaly_add(anomalies, "section-outside-segments", at,
                             "%s is SHF_ALLOC, but no PT_LOAD holds its addresses", section->name);
}

static int unloaded_section(const struct image *image, const struct section *section, uint64_t at,
                            struct list *anomalies)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        if (segment->type == PT_LOAD && range_overlaps(segment->bytes, section->bytes))
            return anomaly_add(anomalies, "section-not-alloc", at, "%s is not SHF_ALLOC, but segment %u maps its bytes",
                               section->name, segment->index);
    }
    return 0;
}

/* ---- Sections by themselves ---- */

static uint64_t table_entry_size(const struct image *image, uint32_t type)
{
    switch (type) {
    case SHT_SYMTAB:
    case SHT_DYNSYM:
        return image->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    case SHT_RELA:
        return image->is64 ? sizeof(Elf64_Rela) : sizeof(Elf32_Rela);
    case SHT_REL:
        return image->is64 ? sizeof(Elf64_Rel) : sizeof(Elf32_Rel);
    case SHT_DYNAMIC:
        return image->is64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
    default:
        return 0;
    }
}

static int section_itself(const struct image *image, const struct section *section, uint64_t at, struct list *anomalies)
{
    uint64_t entry = table_entry_size(image, section->type);
    if (section->alignment > 1 && (section->alignment & (section->alignment - 1)) != 0)
        return anomaly_add(anomalies, "section-alignment", at, "%s: sh_addralign is no power of two", section->name);
    if (section->type != SHT_NULL && section->link >= image->section_count)
        return anomaly_add(anomalies, "section-link", at, "%s: sh_link %u is no section", section->name, section->link);
    if (entry != 0 && section->size != 0 && (section->entry_size != entry || section->size % entry != 0))
        return anomaly_add(anomalies, "section-entries", at, "%s: its size or sh_entsize does not fit its type",
                           section->name);
    if (strcmp(section->name, "?") == 0)
        return anomaly_add(anomalies, "section-name", at, "section %u: its name cannot be read", section->index);
    return 0;
}

/* ---- Dynamic tags against the sections that claim them ---- */

static int dynamic_sections(const struct image *image, const struct section *section, uint64_t at,
                            struct list *anomalies)
{
    static const struct {
        uint32_t type;
        int64_t tag;
    } pairs[] = {
        {SHT_DYNSYM, DT_SYMTAB},         {SHT_HASH, DT_HASH},
        {SHT_GNU_HASH, DT_GNU_HASH},     {SHT_GNU_versym, DT_VERSYM},
        {SHT_GNU_verneed, DT_VERNEED},   {SHT_GNU_verdef, DT_VERDEF},
        {SHT_INIT_ARRAY, DT_INIT_ARRAY}, {SHT_FINI_ARRAY, DT_FINI_ARRAY},
    };
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        if (section->type == SHT_DYNAMIC && segment->type == PT_DYNAMIC && segment->file_offset != section->file_offset)
            return anomaly_add(anomalies, "dynamic-section", at, "%s is not where PT_DYNAMIC is", section->name);
    }
    if (image->dynamic_count == 0 || (section->flags & SHF_ALLOC) == 0 || section->size == 0)
        return 0;
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        const struct dynamic_entry *entry = image_dynamic(image, pairs[i].tag);
        if (section->type == pairs[i].type && entry != NULL && entry->value != section->address)
            return anomaly_add(anomalies, "dynamic-section", at, "%s is not at the address of dynamic tag %#jx",
                               section->name, (uintmax_t)pairs[i].tag);
    }
    const struct dynamic_entry *strings = image_dynamic(image, DT_STRTAB);
    /* Android's ld.so takes the names of libraries from there, if from anywhere (bionic's linker_phdr.cpp). */
    bool names_strings = section->type == SHT_DYNSYM || (section->type == SHT_DYNAMIC && section->link != 0);
    if (names_strings && strings != NULL && section->link < image->section_count &&
        image->sections[section->link].address != strings->value)
        return anomaly_add(anomalies, "dynamic-section", at, "the strings of %s are not at DT_STRTAB", section->name);
    return 0;
}

static int sections_find(const struct image *image, struct list *anomalies)
{
    int status = 0;
    for (uint64_t i = 1; i < image->section_count && status == 0; i++) {
        const struct section *section = &image->sections[i];
        uint64_t at = image->header.e_shoff + i * image->header.e_shentsize;
        if (section->type == SHT_NULL)
            continue;
        status = section_itself(image, section, at, anomalies);
        if (status == 0 && image_is_linked(image))
            status = (section->flags & SHF_ALLOC) != 0 ? allocated_section(image, section, at, anomalies)
                                                       : unloaded_section(image, section, at, anomalies);
        if (status == 0 && image_is_linked(image))
            status = dynamic_sections(image, section, at, anomalies);
        if (status == 0 && image_is_relocatable(image) && (section->flags & SHF_EXECINSTR) != 0 &&
            section->type == SHT_NOBITS && section->size != 0)
            status = anomaly_add(anomalies, "section-flags", at, "%s is SHF_EXECINSTR and SHT_NOBITS", section->name);
    }
    return status;
}

/*
 * Kernels choose the reader of a file by e_machine, and some do not look at EI_CLASS (arch/x86/include/asm/elf.h,
 * elf_check_arch): such a one takes the header of a file for another, if e_phentsize fits where that has it.
 */
static int other_class(const struct image *image, struct list *anomalies)
{
    static const uint16_t narrow[] = {EM_386, EM_68K, EM_ARM, EM_PPC, EM_SPARC, EM_SPARC32PLUS, EM_SH};
    bool twofold = !image->is64 && image->size >= sizeof(Elf64_Ehdr) &&
                   image_u16(image, image->bytes + offsetof(Elf64_Ehdr, e_phentsize)) == sizeof(Elf64_Phdr);
    for (size_t i = 0; i < ARRAY_COUNT(narrow); i++)
        twofold |= image->is64 && image->header.e_machine == narrow[i];
    return twofold ? anomaly_add(anomalies, "two-classes", EI_CLASS,
                                 "a kernel that goes by e_machine reads a header of the other class here")
                   : 0;
}

int anomalies_find(struct image *image, struct list *anomalies, struct compare_error *error)
{
    int status = 0;
    if (image->header.e_shoff == 0 && image->header.e_shnum != 0)
        status = anomaly_add(anomalies, "section-count", 0, "e_shnum is %u, but there is no section header table",
                             image->header.e_shnum);
    if (status == 0 && image->section_count > 0 && image->names_index >= image->section_count)
        status =
            anomaly_add(anomalies, "section-names", 0, "e_shstrndx %ju is no section", (uintmax_t)image->names_index);
    if (status == 0 && image_is_linked(image))
        status = other_class(image, anomalies);
    if (status == 0 && image_is_linked(image))
        status = load_segments(image, anomalies);
    if (status == 0 && image_is_linked(image))
        status = other_segments(image, anomalies);
    if (status == 0 && image_is_linked(image))
        status = program_headers_place(image, anomalies);
    if (status == 0)
        status = sections_find(image, anomalies);
    return status == 0 ? 0 : image_no_memory(image, error);
}
