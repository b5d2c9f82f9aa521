/*
 * Decoding of ELF records by libelf's translation functions (elf64_xlatetom(3)), which take bytes and no file: bounds
 * are checked here, and libelf's lenient reading of whole files is left alone.
 */
#include <libelf.h>
#include <string.h>

#include "parts.h"

static unsigned encoding(const struct image *image)
{
    return image->big_endian ? ELFDATA2MSB : ELFDATA2LSB;
}

static void translate(const struct image *image, const uint8_t *bytes, size_t file_size, void *record,
                      size_t record_size, Elf_Type type)
{
    Elf_Data from = {.d_buf = (void *)(uintptr_t)bytes, .d_size = file_size, .d_type = type, .d_version = EV_CURRENT};
    Elf_Data to = {.d_buf = record, .d_size = record_size, .d_type = type, .d_version = EV_CURRENT};
    elf_version(EV_CURRENT);
    Elf_Data *done =
        image->is64 ? elf64_xlatetom(&to, &from, encoding(image)) : elf32_xlatetom(&to, &from, encoding(image));
    /* The sizes are those of the record's own type, so this cannot fail; zeros are the safe answer if it did. */
    if (done == NULL)
        memset(record, 0, record_size);
}

void decode_ehdr(const struct image *image, const uint8_t *bytes, Elf64_Ehdr *ehdr)
{
    if (image->is64) {
        translate(image, bytes, sizeof(*ehdr), ehdr, sizeof(*ehdr), ELF_T_EHDR);
        return;
    }
    Elf32_Ehdr narrow;
    translate(image, bytes, sizeof(narrow), &narrow, sizeof(narrow), ELF_T_EHDR);
    *ehdr = (Elf64_Ehdr){
        .e_type = narrow.e_type,
        .e_machine = narrow.e_machine,
        .e_version = narrow.e_version,
        .e_entry = narrow.e_entry,
        .e_phoff = narrow.e_phoff,
        .e_shoff = narrow.e_shoff,
        .e_flags = narrow.e_flags,
        .e_ehsize = narrow.e_ehsize,
        .e_phentsize = narrow.e_phentsize,
        .e_phnum = narrow.e_phnum,
        .e_shentsize = narrow.e_shentsize,
        .e_shnum = narrow.e_shnum,
        .e_shstrndx = narrow.e_shstrndx,
    };
    memcpy(ehdr->e_ident, narrow.e_ident, EI_NIDENT);
}

void decode_phdr(const struct image *image, const uint8_t *bytes, Elf64_Phdr *phdr)
{
    if (image->is64) {
        translate(image, bytes, sizeof(*phdr), phdr, sizeof(*phdr), ELF_T_PHDR);
        return;
    }
    Elf32_Phdr narrow;
    translate(image, bytes, sizeof(narrow), &narrow, sizeof(narrow), ELF_T_PHDR);
    *phdr = (Elf64_Phdr){
        .p_type = narrow.p_type,
        .p_flags = narrow.p_flags,
        .p_offset = narrow.p_offset,
        .p_vaddr = narrow.p_vaddr,
        .p_paddr = narrow.p_paddr,
        .p_filesz = narrow.p_filesz,
        .p_memsz = narrow.p_memsz,
        .p_align = narrow.p_align,
    };
}

void decode_shdr(const struct image *image, const uint8_t *bytes, Elf64_Shdr *shdr)
{
    if (image->is64) {
        translate(image, bytes, sizeof(*shdr), shdr, sizeof(*shdr), ELF_T_SHDR);
        return;
    }
    Elf32_Shdr narrow;
    translate(image, bytes, sizeof(narrow), &narrow, sizeof(narrow), ELF_T_SHDR);
    *shdr = (Elf64_Shdr){
        .sh_name = narrow.sh_name,
        .sh_type = narrow.sh_type,
        .sh_flags = narrow.sh_flags,
        .sh_addr = narrow.sh_addr,
        .sh_offset = narrow.sh_offset,
        .sh_size = narrow.sh_size,
        .sh_link = narrow.sh_link,
        .sh_info = narrow.sh_info,
        .sh_addralign = narrow.sh_addralign,
        .sh_entsize = narrow.sh_entsize,
    };
}

void decode_dyn(const struct image *image, const uint8_t *bytes, Elf64_Dyn *dyn)
{
    if (image->is64) {
        translate(image, bytes, sizeof(*dyn), dyn, sizeof(*dyn), ELF_T_DYN);
        return;
    }
    Elf32_Dyn narrow;
    translate(image, bytes, sizeof(narrow), &narrow, sizeof(narrow), ELF_T_DYN);
    dyn->d_tag = narrow.d_tag;
    dyn->d_un.d_val = narrow.d_un.d_val;
}

void decode_sym(const struct image *image, const uint8_t *bytes, Elf64_Sym *sym)
{
    if (image->is64) {
        translate(image, bytes, sizeof(*sym), sym, sizeof(*sym), ELF_T_SYM);
        return;
    }
    Elf32_Sym narrow;
    translate(image, bytes, sizeof(narrow), &narrow, sizeof(narrow), ELF_T_SYM);
    *sym = (Elf64_Sym){
        .st_name = narrow.st_name,
        .st_info = narrow.st_info,
        .st_other = narrow.st_other,
        .st_shndx = narrow.st_shndx,
        .st_value = narrow.st_value,
        .st_size = narrow.st_size,
    };
}

/*
 * The MIPS 64 ABI (section 2.9.1) has no r_info but a 32-bit symbol and four bytes, of which the last is r_type: in big
 * endian files that comes to the generic form.
 */
static uint64_t generic_info(const struct image *image, uint64_t info)
{
    if (image->header.e_machine != EM_MIPS || image->big_endian)
        return info;
    return info << 32 | __builtin_bswap32((uint32_t)(info >> 32));
}

void decode_rel(const struct image *image, const uint8_t *bytes, Elf64_Rel *rel)
{
    if (image->is64) {
        translate(image, bytes, sizeof(*rel), rel, sizeof(*rel), ELF_T_REL);
        rel->r_info = generic_info(image, rel->r_info);
        return;
    }
    Elf32_Rel narrow;
    translate(image, bytes, sizeof(narrow), &narrow, sizeof(narrow), ELF_T_REL);
    rel->r_offset = narrow.r_offset;
    rel->r_info = ELF64_R_INFO((uint64_t)ELF32_R_SYM(narrow.r_info), ELF32_R_TYPE(narrow.r_info));
}

void decode_rela(const struct image *image, const uint8_t *bytes, Elf64_Rela *rela)
{
    if (image->is64) {
        translate(image, bytes, sizeof(*rela), rela, sizeof(*rela), ELF_T_RELA);
        rela->r_info = generic_info(image, rela->r_info);
        return;
    }
    Elf32_Rela narrow;
    translate(image, bytes, sizeof(narrow), &narrow, sizeof(narrow), ELF_T_RELA);
    rela->r_offset = narrow.r_offset;
    rela->r_info = ELF64_R_INFO((uint64_t)ELF32_R_SYM(narrow.r_info), ELF32_R_TYPE(narrow.r_info));
    rela->r_addend = narrow.r_addend;
}

static size_t encode(const struct image *image, void *record, size_t size, uint8_t *out, Elf_Type type)
{
    Elf_Data from = {.d_buf = record, .d_size = size, .d_type = type, .d_version = EV_CURRENT};
    Elf_Data to = {.d_buf = out, .d_size = size, .d_type = type, .d_version = EV_CURRENT};
    elf_version(EV_CURRENT);
    Elf_Data *done =
        image->is64 ? elf64_xlatetof(&to, &from, encoding(image)) : elf32_xlatetof(&to, &from, encoding(image));
    return done != NULL ? size : 0;
}

size_t image_encode_ehdr(const struct image *image, const Elf64_Ehdr *ehdr, uint8_t *out)
{
    Elf64_Ehdr wide = *ehdr;
    if (image->is64)
        return encode(image, &wide, sizeof(wide), out, ELF_T_EHDR);
    Elf32_Ehdr narrow = {
        .e_type = ehdr->e_type,
        .e_machine = ehdr->e_machine,
        .e_version = ehdr->e_version,
        .e_entry = (Elf32_Addr)ehdr->e_entry,
        .e_phoff = (Elf32_Off)ehdr->e_phoff,
        .e_shoff = (Elf32_Off)ehdr->e_shoff,
        .e_flags = ehdr->e_flags,
        .e_ehsize = ehdr->e_ehsize,
        .e_phentsize = ehdr->e_phentsize,
        .e_phnum = ehdr->e_phnum,
        .e_shentsize = ehdr->e_shentsize,
        .e_shnum = ehdr->e_shnum,
        .e_shstrndx = ehdr->e_shstrndx,
    };
    memcpy(narrow.e_ident, ehdr->e_ident, EI_NIDENT);
    return encode(image, &narrow, sizeof(narrow), out, ELF_T_EHDR);
}

size_t image_encode_shdr(const struct image *image, const Elf64_Shdr *shdr, uint8_t *out)
{
    Elf64_Shdr wide = *shdr;
    if (image->is64)
        return encode(image, &wide, sizeof(wide), out, ELF_T_SHDR);
    Elf32_Shdr narrow = {
        .sh_name = shdr->sh_name,
        .sh_type = shdr->sh_type,
        .sh_flags = (Elf32_Word)shdr->sh_flags,
        .sh_addr = (Elf32_Addr)shdr->sh_addr,
        .sh_offset = (Elf32_Off)shdr->sh_offset,
        .sh_size = (Elf32_Word)shdr->sh_size,
        .sh_link = shdr->sh_link,
        .sh_info = shdr->sh_info,
        .sh_addralign = (Elf32_Word)shdr->sh_addralign,
        .sh_entsize = (Elf32_Word)shdr->sh_entsize,
    };
    return encode(image, &narrow, sizeof(narrow), out, ELF_T_SHDR);
}

/* These are read where no record type of libelf fits: note headers, compression headers, debug information. */
uint16_t image_u16(const struct image *image, const uint8_t *bytes)
{
    unsigned high = bytes[image->big_endian ? 0 : 1], low = bytes[image->big_endian ? 1 : 0];
    return (uint16_t)(high << 8 | low);
}

uint32_t image_u32(const struct image *image, const uint8_t *bytes)
{
    uint32_t first = image_u16(image, bytes), second = image_u16(image, bytes + 2);
    return image->big_endian ? first << 16 | second : second << 16 | first;
}

uint64_t image_u64(const struct image *image, const uint8_t *bytes)
{
    uint64_t first = image_u32(image, bytes), second = image_u32(image, bytes + 4);
    return image->big_endian ? first << 32 | second : second << 32 | first;
}
