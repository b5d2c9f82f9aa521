/*
 * Relocations: what the linker, or ld.so, will change (gABI chapter 4). Linked files are read as ld.so does (glibc
 * elf/dynamic-link.h), by the dynamic section; without one, as in static programs, by allocated sections.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "symbols.h"

struct table {
    const struct image *image;
    struct arena *arena;
    struct places places;
    struct symbol_table symbols;
    const char **names;       /* of symbols, by index; NULL: without symbols */
    struct relocation *items; /* malloc */
    size_t count, capacity, most;
    uint64_t spent; /* bytes of relocation sections read */
    int status;
};

/* ---- Names: once for each symbol, as many relocations share one ---- */

static const char *name_of(const struct table *table, struct name_table *names, uint64_t index)
{
    const struct image *image = table->image;
    Elf64_Sym sym;
    symbol_table_entry(&table->symbols, index, &sym);
    uint32_t section;
    if (ELF64_ST_TYPE(sym.st_info) == STT_SECTION && sym.st_name == 0 &&
        symbol_table_place(&table->symbols, index, &sym, &section) && section < image->section_count)
        return image->sections[section].name;
    return names_at(names, sym.st_name);
}

static void names_read(struct table *table)
{
    struct name_table names;
    table->names = calloc(table->symbols.count + 1, sizeof(*table->names));
    if (table->names == NULL ||
        !names_open(&names, table->arena, table->symbols.strings, table->symbols.strings_size)) {
        table->status = COMPARE_ERROR_MEMORY;
        return;
    }
    for (uint64_t i = 0; i < table->symbols.count && table->status == 0; i++) {
        table->names[i] = name_of(table, &names, i);
        if (table->names[i] == NULL)
            table->status = COMPARE_ERROR_MEMORY;
    }
    names_close(&names);
}

static void symbols_open(struct table *table)
{
    const struct image *image = table->image;
    bool found = image_is_relocatable(image) ? symbol_table_of_type(image, SHT_SYMTAB, &table->symbols)
                                             : symbol_table_dynamic(image, &table->symbols);
    if (found)
        names_read(table);
    else
        table->symbols.count = 0;
}

/* ---- Addends that stand in the place (SHT_REL) ---- */

static const struct width {
    uint16_t machine;
    uint32_t first, last; /* types */
    uint8_t bits;         /* the lowest ones of the place */
    uint8_t shift;        /* to the left */
} widths[] = {
    {EM_386, R_386_32, R_386_PLT32, 32, 0},
    {EM_386, R_386_RELATIVE, R_386_32PLT, 32, 0},
    {EM_386, R_386_TLS_TPOFF, R_386_TLS_LDM, 32, 0},
    {EM_386, R_386_16, R_386_PC16, 16, 0},
    {EM_386, R_386_8, R_386_PC8, 8, 0},
    {EM_386, R_386_TLS_LDO_32, R_386_TLS_LE_32, 32, 0},
    {EM_386, R_386_TLS_DTPOFF32, R_386_TLS_TPOFF32, 32, 0},
    {EM_386, R_386_IRELATIVE, R_386_GOT32X, 32, 0},
    {EM_ARM, R_ARM_PC24, R_ARM_PC24, 24, 2},
    {EM_ARM, R_ARM_ABS32, R_ARM_REL32, 32, 0},
    {EM_ARM, R_ARM_ABS16, R_ARM_ABS16, 16, 0},
    {EM_ARM, R_ARM_ABS8, R_ARM_ABS8, 8, 0},
    {EM_ARM, R_ARM_TLS_DTPOFF32, R_ARM_TLS_TPOFF32, 32, 0},
    {EM_ARM, R_ARM_RELATIVE, R_ARM_GOT32, 32, 0},
    {EM_ARM, R_ARM_CALL, R_ARM_JUMP24, 24, 2},
    {EM_ARM, R_ARM_TARGET1, R_ARM_TARGET1, 32, 0},
    {EM_ARM, R_ARM_TARGET2, R_ARM_TARGET2, 32, 0},
    {EM_ARM, R_ARM_PREL31, R_ARM_PREL31, 31, 0},
    {EM_ARM, R_ARM_GOT_PREL, R_ARM_GOT_PREL, 32, 0},
    {EM_ARM, R_ARM_TLS_GD32, R_ARM_TLS_LE32, 32, 0},
    {EM_ARM, R_ARM_IRELATIVE, R_ARM_IRELATIVE, 32, 0},
    {EM_MIPS, R_MIPS_32, R_MIPS_REL32, 32, 0},
    {EM_MIPS, R_MIPS_GPREL32, R_MIPS_GPREL32, 32, 0},
    {EM_MIPS, R_MIPS_64, R_MIPS_64, 64, 0},
    {EM_MIPS, R_MIPS_64 << 8 | R_MIPS_REL32, R_MIPS_64 << 8 | R_MIPS_REL32, 64, 0},
    {EM_MIPS, R_MIPS_TLS_DTPREL32, R_MIPS_TLS_DTPREL32, 32, 0},
    {EM_MIPS, R_MIPS_TLS_TPREL32, R_MIPS_TLS_TPREL32, 32, 0},
};

static int64_t number_at(const struct image *image, uint64_t file_offset, unsigned bits, unsigned shift)
{
    uint64_t size = bits > 32 ? 8 : bits > 16 ? 4 : bits / 8;
    struct range bytes;
    if (size == 0 || !range_make(file_offset, size, &bytes) || image_bytes(image, bytes) == NULL)
        return 0;
    const uint8_t *at = image_bytes(image, bytes);
    uint64_t value = size == 1   ? at[0]
                     : size == 2 ? image_u16(image, at)
                     : size == 4 ? image_u32(image, at)
                                 : image_u64(image, at);
    /* Sign-extended from its highest bit. */
    uint64_t sign = UINT64_C(1) << (bits - 1), mask = sign | (sign - 1);
    value = ((value & mask) ^ sign) - sign;
    return (int64_t)(value << shift);
}

static int64_t implicit_addend(const struct image *image, uint32_t type, uint64_t file_offset)
{
    for (size_t i = 0; i < ARRAY_COUNT(widths); i++) {
        const struct width *width = &widths[i];
        if (width->machine == image->header.e_machine && width->first <= type && type <= width->last)
            return number_at(image, file_offset, width->bits, width->shift);
    }
    return 0;
}

/* ---- Collecting ---- */

static struct relocation *add(struct table *table)
{
    if (table->count == table->most)
        table->status = COMPARE_ERROR_LIMIT;
    if (table->status != 0)
        return NULL;
    if (table->count == table->capacity) {
        size_t capacity = table->capacity + table->capacity / 2 + 1024;
        struct relocation *items = realloc(table->items, capacity * sizeof(*items));
        if (items == NULL) {
            table->status = COMPARE_ERROR_MEMORY;
            return NULL;
        }
        table->items = items;
        table->capacity = capacity;
    }
    struct relocation *added = &table->items[table->count++];
    *added = (struct relocation){.symbol = ""};
    return added;
}

static void set_symbol(const struct table *table, uint64_t index, struct relocation *relocation)
{
    if (index == 0 || index >= table->symbols.count)
        return;
    Elf64_Sym sym;
    symbol_table_entry(&table->symbols, index, &sym);
    symbol_table_place(&table->symbols, index, &sym, &relocation->symbol_section);
    relocation->symbol = table->names[index];
    relocation->symbol_value = sym.st_value;
}

/* The byte of the file that an address, or an offset in the target section, means; false where it has none. */
static bool place_of(const struct table *table, const struct section *target, uint64_t offset, uint64_t *file_offset)
{
    if (target == NULL) {
        struct range bytes = places_bytes(&table->places, offset, 1);
        *file_offset = bytes.begin;
        return !range_empty(bytes);
    }
    *file_offset = target->bytes.begin + offset;
    return offset < range_size(target->bytes);
}

static void read_one(struct table *table, const uint8_t *bytes, bool explicit, const struct section *target)
{
    Elf64_Rela rela = {0};
    if (explicit) {
        decode_rela(table->image, bytes, &rela);
    } else {
        Elf64_Rel rel;
        decode_rel(table->image, bytes, &rel);
        rela.r_offset = rel.r_offset;
        rela.r_info = rel.r_info;
    }
    uint64_t file_offset;
    struct relocation *added = place_of(table, target, rela.r_offset, &file_offset) ? add(table) : NULL;
    if (added == NULL)
        return;
    added->file_offset = file_offset;
    added->address = target == NULL ? rela.r_offset : 0;
    added->section = target != NULL ? target->index : 0;
    added->type = (uint32_t)ELF64_R_TYPE(rela.r_info);
    added->implicit_addend = !explicit;
    added->addend = explicit ? rela.r_addend : implicit_addend(table->image, added->type, file_offset);
    set_symbol(table, ELF64_R_SYM(rela.r_info), added);
}

/* Honest tables do not overlap, and so come to less than the file; a million that are all one range would not end. */
static void read_range(struct table *table, struct range range, bool explicit, const struct section *target)
{
    const uint8_t *bytes = image_bytes(table->image, range);
    size_t entry = explicit ? (table->image->is64 ? sizeof(Elf64_Rela) : sizeof(Elf32_Rela))
                            : (table->image->is64 ? sizeof(Elf64_Rel) : sizeof(Elf32_Rel));
    if (bytes == NULL || range_size(range) > table->image->size - table->spent)
        return;
    table->spent += range_size(range);
    for (uint64_t at = 0; range_size(range) - at >= entry && table->status == 0; at += entry)
        read_one(table, bytes + at, explicit, target);
}

static void read_sections(struct table *table)
{
    const struct image *image = table->image;
    bool relocatable = image_is_relocatable(image);
    for (uint64_t i = 1; i < image->section_count && table->status == 0; i++) {
        const struct section *section = &image->sections[i];
        const struct section *target = section->info < image->section_count ? &image->sections[section->info] : NULL;
        if ((section->type != SHT_REL && section->type != SHT_RELA) || (section->flags & SHF_COMPRESSED) != 0)
            continue;
        if (relocatable && target != NULL && target->index != 0 && (target->flags & SHF_COMPRESSED) == 0)
            read_range(table, section->bytes, section->type == SHT_RELA, target);
        if (!relocatable && (section->flags & SHF_ALLOC) != 0)
            read_range(table, section->bytes, section->type == SHT_RELA, NULL);
    }
}

/* ---- The dynamic section ---- */

static bool dynamic_range(const struct image *image, int64_t tag, int64_t size_tag, struct range *range)
{
    const struct dynamic_entry *entry = image_dynamic(image, tag), *size = image_dynamic(image, size_tag);
    return entry != NULL && size != NULL && image_file_range(image, entry->value, size->value, range);
}

static void add_relative(struct table *table, uint64_t address)
{
    struct range bytes = places_bytes(&table->places, address, 1);
    struct relocation *added = range_empty(bytes) ? NULL : add(table);
    if (added == NULL)
        return;
    added->file_offset = bytes.begin;
    added->address = address;
    added->implicit_addend = true;
    added->addend = number_at(table->image, bytes.begin, table->image->is64 ? 64 : 32, 0);
}

/* gABI, SHT_RELR: an even word is an address, an odd one a bitmap of the words behind. */
static void read_relr(struct table *table, struct range range)
{
    unsigned word = table->image->is64 ? 8 : 4;
    const uint8_t *bytes = image_bytes(table->image, range);
    uint64_t next = 0;
    for (uint64_t at = 0; bytes != NULL && range_size(range) - at >= word && table->status == 0; at += word) {
        uint64_t entry = word == 8 ? image_u64(table->image, bytes + at) : image_u32(table->image, bytes + at);
        if ((entry & 1) == 0) {
            add_relative(table, entry);
            next = entry + word;
            continue;
        }
        for (uint64_t i = 0, bits = entry >> 1; bits != 0; i++, bits >>= 1) {
            if ((bits & 1) != 0)
                add_relative(table, next + i * word);
        }
        next += (8 * word - 1) * word;
    }
}

static void read_dynamic(struct table *table)
{
    const struct image *image = table->image;
    struct range rela = {0, 0}, rel = {0, 0}, plt = {0, 0}, relr;
    if (dynamic_range(image, DT_RELA, DT_RELASZ, &rela))
        read_range(table, rela, true, NULL);
    if (dynamic_range(image, DT_REL, DT_RELSZ, &rel))
        read_range(table, rel, false, NULL);
    const struct dynamic_entry *kind = image_dynamic(image, DT_PLTREL);
    /* Some linkers count the PLT's among the others. */
    if (kind != NULL && dynamic_range(image, DT_JMPREL, DT_PLTRELSZ, &plt) &&
        !range_contains(kind->value == DT_RELA ? rela : rel, plt))
        read_range(table, plt, kind->value == DT_RELA, NULL);
    if (dynamic_range(image, DT_RELR, DT_RELRSZ, &relr))
        read_relr(table, relr);
}

/* ---- What is handed out ---- */

/* Several at one place have a meaning in their order. */
static int place_order(const void *left, const void *right)
{
    const struct relocation *a = *(const struct relocation *const *)left, *b = *(const struct relocation *const *)right;
    if (a->file_offset != b->file_offset)
        return a->file_offset < b->file_offset ? -1 : 1;
    return (a > b) - (a < b);
}

static struct relocation *hand_out(struct table *table)
{
    const struct relocation **order = calloc(table->count + 1, sizeof(*order));
    struct relocation *kept = arena_alloc(table->arena, table->count, sizeof(*kept));
    if (order == NULL || kept == NULL) {
        table->status = COMPARE_ERROR_MEMORY;
    } else {
        for (size_t i = 0; i < table->count; i++)
            order[i] = &table->items[i];
        sort_items(order, table->count, sizeof(*order), place_order);
        for (size_t i = 0; i < table->count; i++)
            kept[i] = *order[i];
    }
    free(order);
    return kept;
}

int relocations_read(const struct image *image, struct arena *arena, const struct relocation **items, size_t *count,
                     struct compare_error *error)
{
    struct table table = {.image = image, .arena = arena};
    *items = NULL;
    *count = 0;
    table.most = image->limits.memory / 2 / (2 * sizeof(struct relocation));
    if (!places_make(image, &table.places))
        return image_no_memory(image, error);
    symbols_open(&table);
    if (table.status == 0 && image_is_linked(image) && image->dynamic_count > 0)
        read_dynamic(&table);
    else if (table.status == 0)
        read_sections(&table);
    if (table.status == 0 && table.count > 0)
        *items = hand_out(&table);
    *count = table.status == 0 ? table.count : 0;
    free(table.items);
    free(table.names);
    places_free(&table.places);
    if (table.status == COMPARE_ERROR_LIMIT)
        return limit_hit(error, image->path, "memory", image->limits.memory, "relocations");
    return table.status != 0 ? image_no_memory(image, error) : 0;
}

/* The first from `low` on that is not before an offset. */
static size_t first_not_before(const struct relocation *items, size_t low, size_t high, uint64_t offset)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (items[middle].file_offset >= offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct relocation *relocations_in(const struct relocation *items, size_t count, struct range bytes, size_t *found)
{
    size_t first = first_not_before(items, 0, count, bytes.begin), low = first, step = 1;
    /* Mostly few are asked for: the end is not far. */
    while (step < count - low && items[low + step].file_offset < bytes.end) {
        low += step;
        step *= 2;
    }
    *found = first_not_before(items, low, step < count - low ? low + step : count, bytes.end) - first;
    return *found > 0 ? items + first : NULL;
}
