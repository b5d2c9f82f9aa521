/*
 * Symbol tables as they stand in the file (gABI chapter 4), and the names in their string tables. In files without
 * section headers the dynamic section says where the table is, and a hash table how long (gABI chapter 5; glibc
 * elf/dl-lookup.c for DT_GNU_HASH).
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "symbols.h"

/* C++ reaches a few thousand bytes. */
#define NAME_LIMIT 4096

/* ---- Names ---- */

/* The '@' begins a version. */
static bool is_odd(unsigned char byte)
{
    return byte != 0 && (byte < 0x20 || byte >= 0x7f || byte == '\\' || byte == '@');
}

static bool mark_odd(struct name_table *names)
{
    uint64_t first = 0;
    while (first < names->size && !is_odd((unsigned char)names->text[first]))
        first++;
    if (first == names->size)
        return true;
    names->odd = calloc(names->size / 64 + 1, sizeof(*names->odd));
    for (uint64_t i = first; names->odd != NULL && i < names->size; i++)
        names->odd[i / 64] |= (uint64_t)is_odd((unsigned char)names->text[i]) << (i % 64);
    return names->odd != NULL;
}

bool names_open(struct name_table *names, struct arena *arena, const uint8_t *bytes, uint64_t size)
{
    /* Names may share their ends, so that together they may come to more than the table; a crafted one to far more. */
    *names = (struct name_table){.arena = arena, .size = size, .budget = ((uint64_t)16 << 20) + 4 * size};
    char *text = arena_alloc(arena, size + 1, 1);
    if (text == NULL)
        return false;
    if (size > 0)
        memcpy(text, bytes, size);
    names->text = text;
    return mark_odd(names);
}

void names_close(struct name_table *names)
{
    free(names->odd);
    names->odd = NULL;
}

static bool has_odd(const struct name_table *names, uint64_t offset, uint64_t length)
{
    if (names->odd == NULL || length == 0)
        return false;
    uint64_t first = offset / 64, last = (offset + length - 1) / 64;
    uint64_t head = UINT64_MAX << (offset % 64), tail = UINT64_MAX >> (63 - (offset + length - 1) % 64);
    if (first == last)
        return (names->odd[first] & head & tail) != 0;
    bool found = (names->odd[first] & head) != 0 || (names->odd[last] & tail) != 0;
    for (uint64_t i = first + 1; i < last && !found; i++)
        found = names->odd[i] != 0;
    return found;
}

/* "printf@GLIBC_2.2.5" and "printf@@GLIBC_2.2.5"; what begins with '?' is a name of another mangling. */
static uint64_t without_version(const char *name, uint64_t length)
{
    const char *at = length > 0 && name[0] != '?' ? memchr(name, '@', length) : NULL;
    return at != NULL && at > name ? (uint64_t)(at - name) : length;
}

const char *names_at(struct name_table *names, uint64_t offset)
{
    if (offset >= names->size)
        return offset == 0 ? "" : "?";
    const char *name = names->text + offset;
    /* The copy has a NUL behind its end. */
    uint64_t room = names->size - offset + 1;
    uint64_t length = strnlen(name, room < NAME_LIMIT + 1 ? room : NAME_LIMIT + 1);
    if (length <= NAME_LIMIT && !has_odd(names, offset, length))
        return name;
    length = without_version(name, length);
    char shown[NAME_LIMIT + 1];
    uint64_t size = length < sizeof(shown) ? length + 1 : sizeof(shown);
    if (size > names->budget)
        return "?";
    escape_bytes(shown, sizeof(shown), name, length);
    size = strlen(shown) + 1;
    if (size > names->budget)
        return "?";
    names->budget -= size;
    return arena_strdup(names->arena, shown);
}

/* ---- Tables ---- */

static size_t entry_size(const struct image *image)
{
    return image->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

static const struct section *linked_section(const struct image *image, const struct section *section)
{
    if (section->link == 0 || section->link >= image->section_count)
        return NULL;
    const struct section *linked = &image->sections[section->link];
    return linked->type == SHT_STRTAB && (linked->flags & SHF_COMPRESSED) == 0 ? linked : NULL;
}

static void find_indices(const struct section *symtab, struct symbol_table *table)
{
    const struct image *image = table->image;
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (section->type != SHT_SYMTAB_SHNDX || section->link != symtab->index)
            continue;
        table->indices = image_bytes(image, section->bytes);
        table->index_count = table->indices != NULL ? range_size(section->bytes) / sizeof(uint32_t) : 0;
        return;
    }
}

bool symbol_table_of_section(const struct image *image, const struct section *section, struct symbol_table *table)
{
    const struct section *strings = linked_section(image, section);
    *table = (struct symbol_table){.image = image};
    if (strings == NULL || section->entry_size != entry_size(image) || (section->flags & SHF_COMPRESSED) != 0)
        return false;
    table->entries = image_bytes(image, section->bytes);
    table->count = range_size(section->bytes) / entry_size(image);
    table->strings = image_bytes(image, strings->bytes);
    table->strings_size = range_size(strings->bytes);
    if (table->entries == NULL || table->strings == NULL)
        return false;
    find_indices(section, table);
    return true;
}

/* Of several, the first: honest files have one. */
bool symbol_table_of_type(const struct image *image, uint32_t type, struct symbol_table *table)
{
    for (uint64_t i = 1; i < image->section_count; i++) {
        if (image->sections[i].type == type)
            return symbol_table_of_section(image, &image->sections[i], table);
    }
    return false;
}

/* ---- The dynamic symbol table without section headers ---- */

/* Bytes at an address that an entry of the dynamic section gives: at least this many, and all that its segment has. */
static const uint8_t *dynamic_bytes(const struct image *image, int64_t tag, uint64_t least, uint64_t *room)
{
    const struct dynamic_entry *entry = image_dynamic(image, tag);
    struct range bytes;
    if (entry == NULL || !image_file_range(image, entry->value, least, &bytes))
        return NULL;
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        if (segment->type == PT_LOAD && range_contains(segment->bytes, bytes))
            bytes.end = segment->bytes.end;
    }
    *room = range_size(bytes);
    return image_bytes(image, bytes);
}

/* nchain is the number of symbols. Two machines have words of 64 bits there. */
static uint64_t count_by_hash(const struct image *image)
{
    bool wide = image->is64 && (image->header.e_machine == EM_S390 || image->header.e_machine == EM_ALPHA);
    uint64_t room, word = wide ? 8 : 4;
    const uint8_t *hash = dynamic_bytes(image, DT_HASH, 2 * word, &room);
    if (hash == NULL)
        return 0;
    return wide ? image_u64(image, hash + 8) : image_u32(image, hash + 4);
}

/* The last chain is that of the highest bucket; it ends at the first hash whose bit 0 is set. */
static uint64_t count_by_gnu_hash(const struct image *image)
{
    uint64_t room, highest = 0;
    const uint8_t *hash = dynamic_bytes(image, DT_GNU_HASH, 16, &room);
    if (hash == NULL)
        return 0;
    uint64_t buckets = image_u32(image, hash), first = image_u32(image, hash + 4);
    uint64_t bloom = (uint64_t)image_u32(image, hash + 8) * (image->is64 ? 8 : 4);
    uint64_t chains = 16 + bloom + 4 * buckets;
    if (chains > room)
        return 0;
    for (uint64_t i = 0; i < buckets; i++) {
        uint64_t bucket = image_u32(image, hash + 16 + bloom + 4 * i);
        highest = bucket > highest ? bucket : highest;
    }
    if (highest < first)
        return first;
    for (uint64_t at = chains + 4 * (highest - first); at <= room - 4; at += 4, highest++) {
        if ((image_u32(image, hash + at) & 1) != 0)
            return highest + 1;
    }
    return 0;
}

/* DT_GNU_HASH leaves out the undefined symbols, and so all of them where none is defined. Relocations name them. */
static uint64_t count_by_relocations(const struct image *image)
{
    const struct dynamic_entry *kind = image_dynamic(image, DT_PLTREL);
    const struct {
        int64_t tag, size;
        bool explicit;
    } tables[] = {
        {DT_RELA, DT_RELASZ, true},
        {DT_REL, DT_RELSZ, false},
        {DT_JMPREL, DT_PLTRELSZ, kind != NULL && kind->value == DT_RELA},
    };
    uint64_t count = 0, room;
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        const struct dynamic_entry *size = image_dynamic(image, tables[i].size);
        const uint8_t *bytes = size != NULL ? dynamic_bytes(image, tables[i].tag, size->value, &room) : NULL;
        uint64_t entry = (image->is64 ? 8 : 4) * (tables[i].explicit ? 3 : 2);
        for (uint64_t at = 0; bytes != NULL && size->value - at >= entry; at += entry) {
            Elf64_Rel rel; /* Rela begins with it */
            decode_rel(image, bytes + at, &rel);
            count = ELF64_R_SYM(rel.r_info) >= count ? ELF64_R_SYM(rel.r_info) + 1 : count;
        }
    }
    return count;
}

static bool by_dynamic_section(const struct image *image, struct symbol_table *table)
{
    uint64_t room = 0, count = count_by_hash(image);
    if (count == 0) {
        uint64_t related = count_by_relocations(image);
        count = count_by_gnu_hash(image);
        count = related > count ? related : count;
    }
    *table = (struct symbol_table){.image = image};
    table->entries = dynamic_bytes(image, DT_SYMTAB, 0, &room);
    table->count = count < room / entry_size(image) ? count : room / entry_size(image);
    table->strings = dynamic_bytes(image, DT_STRTAB, 0, &table->strings_size);
    const struct dynamic_entry *size = image_dynamic(image, DT_STRSZ);
    if (size != NULL && size->value < table->strings_size)
        table->strings_size = size->value;
    return table->entries != NULL && table->strings != NULL;
}

bool symbol_table_dynamic(const struct image *image, struct symbol_table *table)
{
    return symbol_table_of_type(image, SHT_DYNSYM, table) || by_dynamic_section(image, table);
}

/* ---- Entries ---- */

void symbol_table_entry(const struct symbol_table *table, uint64_t index, Elf64_Sym *sym)
{
    decode_sym(table->image, table->entries + index * entry_size(table->image), sym);
}

bool symbol_table_place(const struct symbol_table *table, uint64_t index, const Elf64_Sym *sym, uint32_t *section)
{
    *section = sym->st_shndx;
    if (sym->st_shndx == SHN_XINDEX)
        *section = index < table->index_count ? image_u32(table->image, table->indices + 4 * index) : UINT32_MAX;
    else if (sym->st_shndx >= SHN_LORESERVE)
        *section = UINT32_MAX;
    bool placed = *section != SHN_UNDEF && *section != UINT32_MAX;
    /* In linked files the address alone is enough; section headers may be gone. */
    if (*section >= table->image->section_count && *section != SHN_UNDEF)
        *section = UINT32_MAX;
    return placed && (*section != UINT32_MAX || image_is_linked(table->image));
}
