/*
 * The rule for the symbol table of linked files and the string tables (gABI chapter 4). A string table could carry a
 * payload beside the names, so each of its strings must be the name, or end in the name, of some symbol or section.
 */
#include <stdlib.h>
#include <string.h>

#include "rules.h"

struct names {
    const struct section *table;
    uint8_t *used; /* one bit for each byte at which a name begins */
};

static bool names_begin(struct claims *claims, struct names *names, const struct section *table)
{
    const struct image *image = claims->image;
    bool sound =
        table != NULL && table->type == SHT_STRTAB && (table->flags & ~(uint64_t)SHF_STRINGS) == 0 && table->size > 0;
    if (sound) {
        const uint8_t *bytes = image->bytes + table->bytes.begin;
        sound = bytes[0] == 0 && bytes[table->size - 1] == 0;
    }
    names->table = table;
    names->used = sound ? calloc(1, table->size / 8 + 1) : NULL;
    if (sound && names->used == NULL)
        claims_no_memory(claims);
    return names->used != NULL;
}

static bool names_use(struct names *names, uint64_t offset)
{
    if (offset >= names->table->size)
        return false;
    names->used[offset / 8] |= (uint8_t)(1u << (offset % 8));
    return true;
}

static bool names_all_used(const struct names *names, const struct image *image)
{
    const char *bytes = (const char *)image->bytes + names->table->bytes.begin;
    for (uint64_t at = 0; at < names->table->size;) {
        uint64_t end = at + strlen(bytes + at);
        bool used = at == end;
        for (uint64_t i = at; i < end && !used; i++)
            used = (names->used[i / 8] >> (i % 8) & 1) != 0;
        if (!used)
            return false;
        at = end + 1;
    }
    return true;
}

static bool use_symbol_names(const struct image *image, const struct section *symtab, struct names *names)
{
    size_t entry = image->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    const uint8_t *bytes = image->bytes + symtab->bytes.begin;
    for (uint64_t at = 0; at + entry <= symtab->size; at += entry) {
        /* st_name is the first member in both classes. */
        if (!names_use(names, image_u32(image, bytes + at)))
            return false;
    }
    return true;
}

static bool use_section_names(const struct image *image, struct names *names)
{
    for (uint64_t i = 0; i < image->section_count; i++) {
        if (!names_use(names, image->sections[i].name_offset))
            return false;
    }
    return true;
}

static const struct section *only_of_type(const struct image *image, uint32_t type)
{
    const struct section *found = NULL;
    for (uint64_t i = 1; i < image->section_count; i++) {
        if (image->sections[i].type != type)
            continue;
        if (found != NULL)
            return NULL;
        found = &image->sections[i];
    }
    return found;
}

static bool symtab_is_sound(const struct image *image, const struct section *symtab)
{
    uint64_t count = symtab->entry_size != 0 ? symtab->size / symtab->entry_size : 0;
    return symtab->flags == 0 && count > 0 && symtab->info <= count && symtab->link < image->section_count;
}

/* Relocations that stay (ld --emit-relocs) name symbols by their index: without these they mean something else. */
static bool is_named_by_what_stays(const struct claims *claims, const struct section *symtab)
{
    const struct image *image = claims->image;
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (section->link == symtab->index && section->type != SHT_SYMTAB_SHNDX && (section->flags & SHF_ALLOC) == 0 &&
            !range_empty(section->bytes))
            return true;
    }
    return false;
}

/* The extended section indices (more than 65,279 sections): a word for each symbol. */
static void claim_symtab_shndx(struct claims *claims, const struct section *symtab)
{
    const struct section *indices = only_of_type(claims->image, SHT_SYMTAB_SHNDX);
    if (indices != NULL && indices->link == symtab->index && indices->size / 4 == symtab->size / symtab->entry_size)
        claim_section(claims, RULE_SYMBOLS, indices);
}

void claim_symbols(struct claims *claims)
{
    const struct image *image = claims->image;
    if (!image_is_linked(image) || image->section_count == 0)
        return;
    const struct section *symtab = only_of_type(image, SHT_SYMTAB);
    const struct section *section_strings = &image->sections[image->names_index];
    struct names section_names = {0}, symbol_names = {0};
    bool sections_sound =
        names_begin(claims, &section_names, section_strings) && use_section_names(image, &section_names);
    bool symbols_sound = false, shared = false;
    if (symtab != NULL && symtab_is_sound(image, symtab)) {
        /* Some linkers keep both kinds of names in one table. */
        shared = symtab->link == section_strings->index;
        const struct section *table = &image->sections[symtab->link];
        symbols_sound = shared ? sections_sound && use_symbol_names(image, symtab, &section_names)
                               : names_begin(claims, &symbol_names, table) &&
                                     use_symbol_names(image, symtab, &symbol_names) &&
                                     names_all_used(&symbol_names, image);
    }
    sections_sound = sections_sound && names_all_used(&section_names, image);
    if (sections_sound)
        claims->names = section_strings;
    if (symbols_sound && (!shared || sections_sound) && !is_named_by_what_stays(claims, symtab) &&
        claim_section(claims, RULE_SYMBOLS, symtab)) {
        claim_symtab_shndx(claims, symtab);
        if (!shared)
            claim_section(claims, RULE_SYMBOLS, &image->sections[symtab->link]);
    }
    free(section_names.used);
    free(symbol_names.used);
}
