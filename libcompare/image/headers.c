/*
 * ELF header, program headers, section headers (gABI chapters 4 and 5). Stricter than libelf, the kernel
 * (fs/binfmt_elf.c) and ld.so (elf/dl-load.c): a table that does not lie in the file, or whose entries have another
 * size than the class gives them, makes the file malformed.
 */
#include <string.h>

#include "parts.h"

#ifndef EM_ARC_COMPACT2
#define EM_ARC_COMPACT2 195
#endif

/* C++ names in section names of objects reach a few thousand bytes. */
#define SECTION_NAME_LIMIT 65536
#define SECTION_NAME_SHOWN 1024

static size_t ehdr_size(const struct image *image)
{
    return image->is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
}

static size_t phdr_size(const struct image *image)
{
    return image->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
}

static size_t shdr_size(const struct image *image)
{
    return image->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
}

/*
 * The machines that Linux runs programs of, with the largest page that it maps with on them, in KiB (arch/ * /Kconfig,
 * arch/ * /include/asm/page.h). What loads the files of other machines is not known: CUDA's loader goes by sections.
 */
static const struct {
    uint16_t machine;
    uint16_t page;
} linux_machines[] = {
    {EM_386, 4},         {EM_X86_64, 4},        {EM_S390, 4},       {EM_RISCV, 4},        {EM_68K, 8},
    {EM_SPARC, 8},       {EM_SPARC32PLUS, 8},   {EM_SPARCV9, 8},    {EM_ALPHA, 8},        {EM_PPC, 256},
    {EM_PPC64, 64},      {EM_ARM, 64},          {EM_AARCH64, 64},   {EM_MIPS, 64},        {EM_PARISC, 64},
    {EM_IA_64, 64},      {EM_SH, 64},           {EM_LOONGARCH, 64}, {EM_ARC_COMPACT, 64}, {EM_ARC_COMPACT2, 64},
    {EM_MICROBLAZE, 64}, {EM_ALTERA_NIOS2, 64}, {EM_OPENRISC, 64},  {EM_XTENSA, 64},      {EM_CSKY, 64},
    {EM_QDSP6, 1024},
};

static uint64_t linux_page_size(uint16_t machine)
{
    for (size_t i = 0; i < ARRAY_COUNT(linux_machines); i++) {
        if (linux_machines[i].machine == machine)
            return linux_machines[i].page * (uint64_t)1024;
    }
    return 0;
}

static int identification_parse(struct image *image, struct compare_error *error)
{
    if (image->size == 0)
        return error_set(error, COMPARE_ERROR_NOT_ELF, image->path, "is empty, not an ELF file");
    if (image->size < SELFMAG || memcmp(image->bytes, ELFMAG, SELFMAG) != 0)
        return error_set(error, COMPARE_ERROR_NOT_ELF, image->path, "not an ELF file (no \\x7fELF at its beginning)");
    if (image->size < EI_NIDENT)
        return error_set(error, COMPARE_ERROR_MALFORMED, image->path,
                         "truncated in the ELF header: %ju bytes, e_ident alone has %d", (uintmax_t)image->size,
                         EI_NIDENT);
    const uint8_t *ident = image->bytes;
    if (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64)
        return error_set(error, COMPARE_ERROR_MALFORMED, image->path, "EI_CLASS at offset 4 is %u, neither 1 nor 2",
                         ident[EI_CLASS]);
    if (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB)
        return error_set(error, COMPARE_ERROR_MALFORMED, image->path, "EI_DATA at offset 5 is %u, neither 1 nor 2",
                         ident[EI_DATA]);
    if (ident[EI_VERSION] != EV_CURRENT)
        return error_set(error, COMPARE_ERROR_MALFORMED, image->path, "EI_VERSION at offset 6 is %u, not 1",
                         ident[EI_VERSION]);
    image->is64 = ident[EI_CLASS] == ELFCLASS64;
    image->big_endian = ident[EI_DATA] == ELFDATA2MSB;
    return 0;
}

int headers_parse(struct image *image, struct compare_error *error)
{
    int status = identification_parse(image, error);
    if (status != 0)
        return status;
    struct range range;
    status = image_require(image, 0, ehdr_size(image), "the ELF header", &range, error);
    if (status != 0)
        return status;
    decode_ehdr(image, image->bytes, &image->header);
    const Elf64_Ehdr *header = &image->header;
    image->runs_on_linux = linux_page_size(header->e_machine) != 0;
    image->page_size = image->runs_on_linux ? linux_page_size(header->e_machine) : 64 * 1024;
    if (header->e_version != EV_CURRENT)
        return error_set(error, COMPARE_ERROR_MALFORMED, image->path, "e_version is %u, not 1", header->e_version);
    if (header->e_ehsize != ehdr_size(image))
        return error_set(error, COMPARE_ERROR_MALFORMED, image->path, "e_ehsize is %u, not %zu", header->e_ehsize,
                         ehdr_size(image));
    if (header->e_phnum != 0 && header->e_phentsize != phdr_size(image))
        return error_set(error, COMPARE_ERROR_MALFORMED, image->path, "e_phentsize is %u, not %zu", header->e_phentsize,
                         phdr_size(image));
    /* The kernel takes e_phnum as it stands and refuses such a table (fs/binfmt_elf.c, load_elf_phdrs). */
    if (header->e_phnum == PN_XNUM)
        return error_set(error, COMPARE_ERROR_UNSUPPORTED, image->path,
                         "e_phnum is PN_XNUM: no kernel loads 65,535 program headers or more");
    if (header->e_shoff != 0 && header->e_shentsize != shdr_size(image))
        return error_set(error, COMPARE_ERROR_MALFORMED, image->path, "e_shentsize is %u, not %zu", header->e_shentsize,
                         shdr_size(image));
    return 0;
}

int segments_parse(struct image *image, struct compare_error *error)
{
    size_t count = image->header.e_phnum, entry = phdr_size(image);
    struct range table;
    if (count == 0)
        return 0;
    int status = image_require(image, image->header.e_phoff, count * entry, "the program header table", &table, error);
    if (status != 0)
        return status;
    image->segments = arena_alloc(&image->arena, count, sizeof(*image->segments));
    if (image->segments == NULL)
        return image_no_memory(image, error);
    for (size_t i = 0; i < count; i++) {
        Elf64_Phdr phdr;
        decode_phdr(image, image->bytes + table.begin + i * entry, &phdr);
        struct segment *segment = &image->segments[i];
        *segment = (struct segment){
            .index = (uint32_t)i,
            .type = phdr.p_type,
            .flags = phdr.p_flags,
            .file_offset = phdr.p_offset,
            .address = phdr.p_vaddr,
            .file_size = phdr.p_filesz,
            .memory_size = phdr.p_memsz,
            .alignment = phdr.p_align,
        };
        char what[64];
        snprintf(what, sizeof(what), "segment %zu (p_type %#x)", i, phdr.p_type);
        if (phdr.p_type == PT_NULL || phdr.p_filesz == 0)
            segment->bytes = (struct range){0, 0};
        else
            status = image_require(image, phdr.p_offset, phdr.p_filesz, what, &segment->bytes, error);
        if (status != 0)
            return status;
        if (!range_make(phdr.p_vaddr, phdr.p_memsz, &segment->addresses))
            return error_set(error, COMPARE_ERROR_MALFORMED, image->path, "%s: p_vaddr + p_memsz overflows", what);
    }
    image->segment_count = count;
    return 0;
}

/* gABI chapter 4: what does not fit e_shnum and e_shstrndx stands in the null section's sh_size and sh_link. */
static int section_numbers(struct image *image, struct compare_error *error)
{
    const Elf64_Ehdr *header = &image->header;
    if (header->e_shoff == 0)
        return 0;
    struct range first;
    int status = image_require(image, header->e_shoff, shdr_size(image), "the section header table", &first, error);
    if (status != 0)
        return status;
    Elf64_Shdr null;
    decode_shdr(image, image->bytes + first.begin, &null);
    image->section_count = header->e_shnum != 0 ? header->e_shnum : null.sh_size;
    image->names_index = header->e_shstrndx != SHN_XINDEX ? header->e_shstrndx : null.sh_link;
    if (image->section_count > image->limits.sections)
        return limit_hit(error, image->path, "sections", image->limits.sections, "section headers");
    return 0;
}

static int section_parse(struct image *image, uint64_t index, const uint8_t *bytes, struct compare_error *error)
{
    Elf64_Shdr shdr;
    decode_shdr(image, bytes, &shdr);
    struct section *section = &image->sections[index];
    *section = (struct section){
        .index = (uint32_t)index,
        .name = "",
        .name_offset = shdr.sh_name,
        .type = shdr.sh_type,
        .link = shdr.sh_link,
        .info = shdr.sh_info,
        .flags = shdr.sh_flags,
        .address = shdr.sh_addr,
        .file_offset = shdr.sh_offset,
        .size = shdr.sh_size,
        .alignment = shdr.sh_addralign,
        .entry_size = shdr.sh_entsize,
    };
    if (index == 0 || shdr.sh_type == SHT_NULL || shdr.sh_type == SHT_NOBITS || shdr.sh_size == 0)
        return 0;
    if (range_make(shdr.sh_offset, shdr.sh_size, &section->bytes) && section->bytes.end <= image->size)
        return 0;
    char what[64];
    snprintf(what, sizeof(what), "section %ju", (uintmax_t)index);
    return image_require(image, shdr.sh_offset, shdr.sh_size, what, &section->bytes, error);
}

/* Names are hearsay and only shown: one that cannot be read is "?" and listed as an anomaly later. */
static int section_names(struct image *image, struct compare_error *error)
{
    if (image->names_index >= image->section_count)
        return 0;
    struct range table = image->sections[image->names_index].bytes;
    for (uint64_t i = 1; i < image->section_count; i++) {
        struct section *section = &image->sections[i];
        section->name = "?";
        if (section->name_offset >= range_size(table))
            continue;
        const uint8_t *begin = image->bytes + table.begin + section->name_offset;
        uint64_t room = range_size(table) - section->name_offset;
        const uint8_t *end = memchr(begin, 0, room < SECTION_NAME_LIMIT ? room : SECTION_NAME_LIMIT);
        if (end == NULL)
            continue;
        section->name_bytes.begin = (uint64_t)(begin - image->bytes);
        section->name_bytes.end = (uint64_t)(end - image->bytes);
        char shown[SECTION_NAME_SHOWN];
        section->name = arena_strdup(&image->arena, escape_bytes(shown, sizeof(shown), begin, (size_t)(end - begin)));
        if (section->name == NULL)
            return image_no_memory(image, error);
    }
    return 0;
}

int sections_parse(struct image *image, struct compare_error *error)
{
    int status = section_numbers(image, error);
    if (status != 0 || image->section_count == 0)
        return status;
    size_t entry = shdr_size(image);
    struct range table;
    status = image_require(image, image->header.e_shoff, image->section_count * entry, "the section header table",
                           &table, error);
    if (status != 0)
        return status;
    image->sections = arena_alloc(&image->arena, image->section_count, sizeof(*image->sections));
    if (image->sections == NULL)
        return image_no_memory(image, error);
    for (uint64_t i = 0; i < image->section_count && status == 0; i++)
        status = section_parse(image, i, image->bytes + table.begin + i * entry, error);
    return status != 0 ? status : section_names(image, error);
}
