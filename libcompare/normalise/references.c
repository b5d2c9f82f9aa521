/*
 * Which sections of a relocatable file its code and data, or other files, can refer to: by a relocation of what is
 * loaded, or by the name of a symbol (gABI chapter 4). Such a section is not set aside, whatever it looks like: ld puts
 * the offset of a merged string into code, and the kernel's module loader gives sections that are not loaded an
 * address while it loads (kernel/module/main.c, rewrite_section_headers). So is one that ld puts into the same output
 * section as a loaded one. What cannot be told counts.
 */
#include <string.h>

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

/* ---- By name ---- */

/*
 * Sections of which it is known that they relocate nothing and are read by themselves: those of the gABI up to
 * SHT_SYMTAB_SHNDX, GNU's, LLVM's and the processors'. In others there may be relocations: SHT_RELR, SHT_CREL.
 */
static bool type_is_known(uint32_t type)
{
    return type <= SHT_SYMTAB_SHNDX || (type >= 0x6fff4c00 && type <= 0x6fff4cff) || type >= SHT_GNU_ATTRIBUTES;
}

/* Symbols that ld makes of any section's name (ld/ldlang.c, lang_init_startof_stop): its size, its address. */
static bool names_a_section(const struct symtab *symbols, uint64_t index)
{
    static const char *const prefixes[] = {".sizeof.", ".startof."};
    const struct image *image = symbols->image;
    const struct section *strings = &image->sections[symbols->table->link];
    uint64_t name = image_u32(image, symbol_bytes(symbols, index)), size = range_size(strings->bytes);
    bool named = false;
    for (size_t i = 0; i < ARRAY_COUNT(prefixes) && name < size; i++) {
        uint64_t length = strlen(prefixes[i]);
        named |= size - name >= length && memcmp(image->bytes + strings->bytes.begin + name, prefixes[i], length) == 0;
    }
    return named;
}

static bool names_are_told(const struct symtab *symbols)
{
    bool told = true;
    for (uint64_t i = 1; i < symbols->image->section_count && told; i++)
        told = type_is_known(symbols->image->sections[i].type);
    for (uint64_t i = 0; i < symbols->count && told; i++)
        told = !names_a_section(symbols, i);
    return told;
}

static bool begins_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Whether ld may put sections of these names into one: of one name, and .debug_line with .debug_line.text. */
static bool go_together(const char *loaded, const char *name)
{
    return begins_with(loaded, name) || (begins_with(loaded, ".gnu.linkonce.wi.") && begins_with(name, ".debug_info"));
}

static void mark_namesakes(const struct image *image, bool *referred)
{
    static const char *const prefixes[] = {".debug_", ".comment", ".gdb_index", ".gnu", ".note.gnu.gold-version"};
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *loaded = &image->sections[i];
        bool may = false;
        for (size_t p = 0; p < ARRAY_COUNT(prefixes); p++)
            may |= begins_with(loaded->name, prefixes[p]);
        for (uint64_t k = 1; may && (loaded->flags & SHF_ALLOC) != 0 && k < image->section_count; k++) {
            const struct section *section = &image->sections[k];
            referred[k] |= (section->flags & SHF_ALLOC) == 0 && section->name[0] != '\0' &&
                           go_together(loaded->name, section->name);
        }
    }
}

bool references_find(const struct image *image, bool *referred)
{
    struct symtab symbols;
    bool told = symbols_find(image, &symbols) && names_are_told(&symbols) && mark_symbols(&symbols, referred);
    mark_namesakes(image, referred);
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
