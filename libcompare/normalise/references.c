/*
 * Which sections of a relocatable file its code and data, or other files, can refer to: by a relocation of what is
 * loaded, or by the name of a symbol (gABI chapter 4). Such a section is not set aside, whatever it looks like: ld puts
 * the offset of a merged string into code, and the kernel's module loader gives sections that are not loaded an
 * address while it loads (kernel/module/main.c, rewrite_section_headers). What cannot be told counts.
 */
#include "rules.h"

struct symtab {
    const struct image *image;
    const struct section *table, *indices; /* SHT_SYMTAB and SHT_SYMTAB_SHNDX, or NULL */
    uint64_t entry, count;
};

/* The one symbol table (gABI chapter 4: an object has no more), if there is any; false where there are two. */
static bool symbols_find(const struct image *image, struct symtab *symbols)
{
    *symbols = (struct symtab){.image = image, .entry = image->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym)};
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        const struct section **found = section->type == SHT_SYMTAB         ? &symbols->table
                                       : section->type == SHT_SYMTAB_SHNDX ? &symbols->indices
                                                                           : NULL;
        if (found != NULL && *found != NULL)
            return false;
        if (found != NULL)
            *found = section;
    }
    symbols->count = symbols->table != NULL ? range_size(symbols->table->bytes) / symbols->entry : 0;
    return true;
}

static const uint8_t *symbol_bytes(const struct symtab *symbols, uint64_t index)
{
    return symbols->image->bytes + symbols->table->bytes.begin + index * symbols->entry;
}

static uint64_t symbol_section(const struct symtab *symbols, uint64_t index)
{
    const struct image *image = symbols->image;
    uint16_t section = image_u16(image, symbol_bytes(symbols, index) + (image->is64 ? 6 : 14));
    if (section == SHN_XINDEX && symbols->indices != NULL && index < range_size(symbols->indices->bytes) / 4)
        return image_u32(image, image->bytes + symbols->indices->bytes.begin + index * 4);
    return section < SHN_LORESERVE ? section : 0;
}

static bool mark(const struct symtab *symbols, uint64_t index, bool *referred)
{
    uint64_t section = index < symbols->count ? symbol_section(symbols, index) : UINT64_MAX;
    if (section >= symbols->image->section_count)
        return false;
    referred[section] = true;
    return true;
}

/* Others can refer to what is not local. */
static bool mark_symbols(const struct symtab *symbols, bool *referred)
{
    bool told = true;
    for (uint64_t i = 0; i < symbols->count && told; i++) {
        uint8_t info = symbol_bytes(symbols, i)[symbols->image->is64 ? 4 : 12];
        told = ELF64_ST_BIND(info) == STB_LOCAL || mark(symbols, i, referred);
    }
    return told;
}

static uint64_t relocation_symbol(const struct image *image, const uint8_t *relocation)
{
    if (!image->is64)
        return image_u32(image, relocation + 4) >> 8;
    /* MIPS has four members in the place of r_info, of which the symbol is the first. */
    return image->header.e_machine == EM_MIPS ? image_u32(image, relocation + 8)
                                              : image_u64(image, relocation + 8) >> 32;
}

static bool mark_relocations(const struct symtab *symbols, const struct section *relocations, bool *referred)
{
    const struct image *image = symbols->image;
    uint64_t size = range_size(relocations->bytes), entry = relocations->entry_size;
    if (size == 0)
        return true;
    if (symbols->table == NULL || relocations->link != symbols->table->index ||
        entry < (image->is64 ? sizeof(Elf64_Rel) : sizeof(Elf32_Rel)))
        return false;
    bool told = true;
    for (uint64_t at = 0; at + entry <= size && told; at += entry)
        told = mark(symbols, relocation_symbol(image, image->bytes + relocations->bytes.begin + at), referred);
    return told;
}

bool references_find(const struct image *image, bool *referred)
{
    struct symtab symbols;
    bool told = symbols_find(image, &symbols) && mark_symbols(&symbols, referred);
    for (uint64_t i = 1; i < image->section_count && told; i++) {
        const struct section *section = &image->sections[i];
        if (section->type != SHT_REL && section->type != SHT_RELA)
            continue;
        told = section->info < image->section_count;
        if (!told || (image->sections[section->info].flags & SHF_ALLOC) == 0)
            continue;
        referred[section->info] |= image->sections[section->info].type == SHT_NOTE; /* the linker writes into it */
        told = mark_relocations(&symbols, section, referred);
    }
    return told;
}
