/*
 * Whether anything in a relocatable file refers to a section: a symbol by whose name others could, a relocation of
 * code or data by its symbol, or relocations of the section itself (gABI chapter 4). What cannot be told counts.
 */
#include "rules.h"

static uint64_t relocation_symbol(const struct image *image, const uint8_t *relocation)
{
    if (!image->is64)
        return image_u32(image, relocation + 4) >> 8;
    /* MIPS has four members in the place of r_info, of which the symbol is the first. */
    return image->header.e_machine == EM_MIPS ? image_u32(image, relocation + 8)
                                              : image_u64(image, relocation + 8) >> 32;
}

/* Whether a symbol is defined in the section; its type and binding go to *info. */
static bool symbol_is_in(const struct image *image, const struct section *symtab, uint64_t index, uint32_t section,
                         uint8_t *info)
{
    uint64_t entry = image->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    if (symtab->type != SHT_SYMTAB || index >= range_size(symtab->bytes) / entry)
        return true;
    const uint8_t *symbol = image->bytes + symtab->bytes.begin + index * entry;
    *info = symbol[image->is64 ? 4 : 12];
    return image_u16(image, symbol + (image->is64 ? 6 : 14)) == section;
}

/* Nobody can refer to a local section symbol but this file's relocations. */
static bool has_symbol(const struct image *image, const struct section *symtab, uint32_t section)
{
    uint64_t count = range_size(symtab->bytes) / (image->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
    for (uint64_t i = 0; i < count; i++) {
        uint8_t info = 0;
        if (symbol_is_in(image, symtab, i, section, &info) && info != ELF64_ST_INFO(STB_LOCAL, STT_SECTION))
            return true;
    }
    return false;
}

static bool has_relocation(const struct image *image, const struct section *relocations, uint32_t section)
{
    uint64_t size = range_size(relocations->bytes), entry = relocations->entry_size;
    uint8_t info;
    if (relocations->info == section || relocations->link >= image->section_count ||
        entry < (image->is64 ? sizeof(Elf64_Rel) : sizeof(Elf32_Rel)))
        return true;
    for (uint64_t at = 0; at + entry <= size; at += entry) {
        uint64_t symbol = relocation_symbol(image, image->bytes + relocations->bytes.begin + at);
        if (symbol_is_in(image, &image->sections[relocations->link], symbol, section, &info))
            return true;
    }
    return false;
}

bool is_referred_to(const struct image *image, const struct section *section)
{
    /* A symbol's section beyond this stands in SHT_SYMTAB_SHNDX. */
    bool found = section->index >= SHN_LORESERVE;
    for (uint64_t i = 1; i < image->section_count && !found; i++) {
        const struct section *other = &image->sections[i];
        if (other->type == SHT_SYMTAB)
            found = has_symbol(image, other, section->index);
        else if ((other->type == SHT_REL || other->type == SHT_RELA) && !range_empty(other->bytes))
            found = has_relocation(image, other, section->index);
    }
    return found;
}
