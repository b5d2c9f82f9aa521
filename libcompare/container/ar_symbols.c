/*
 * The symbol table of a static library, recomputed (binutils bfd/archive.c, _bfd_compute_and_write_armap and
 * coff_write_armap): a count, the place of each symbol's member, then the names, in the order of members and of their
 * symbol tables. The places are those of the members' headers. Where it is anything else it is kept, and compared.
 */
#include "ar.h"

#include <gelf.h>
#include <libelf.h>
#include <string.h>

struct table {
    const uint8_t *places, *names, *names_end;
    unsigned place_size;
    struct lister *lister;
    uint64_t count, taken;
    bool right;
};

static uint64_t big(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* One symbol of the member whose header is there: the next one of the table. */
static void expect(struct table *table, const char *name, uint64_t header)
{
    size_t size = strlen(name) + 1;
    table->right = table->right && table->taken < table->count && (size_t)(table->names_end - table->names) >= size &&
                   memcmp(table->names, name, size) == 0 &&
                   big(table->places + table->taken * table->place_size, table->place_size) == header;
    if (!table->right)
        return;
    table->names += size;
    table->taken++;
}

static bool is_listed(const GElf_Sym *symbol)
{
    unsigned bind = GELF_ST_BIND(symbol->st_info);
    return (bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE) && symbol->st_shndx != SHN_UNDEF;
}

static void expect_section(struct table *table, Elf *elf, Elf_Scn *section, const GElf_Shdr *header, uint64_t place)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data != NULL && header->sh_entsize > 0 ? data->d_size / header->sh_entsize : 0;
    for (size_t i = 1; i < count && table->right; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) == NULL) {
            table->right = false;
            return;
        }
        const char *name = is_listed(&symbol) ? elf_strptr(elf, header->sh_link, symbol.st_name) : NULL;
        if (is_listed(&symbol) && name == NULL)
            table->right = false;
        else if (name != NULL)
            expect(table, name, place);
    }
}

static void expect_member(struct table *table, const uint8_t *bytes, size_t size, uint64_t place)
{
    Elf *elf = elf_memory((char *)(uintptr_t)bytes, size);
    Elf_Scn *section = NULL;
    /* Whatever the bytes are: only memory can lack. */
    if (elf == NULL) {
        table->right = false;
        lister_no_memory(table->lister);
        return;
    }
    while (elf_kind(elf) == ELF_K_ELF && table->right && (section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == NULL)
            table->right = false;
        else if (header.sh_type == SHT_SYMTAB)
            expect_section(table, elf, section, &header, place);
    }
    elf_end(elf);
}

/* The header of a member: where its first piece begins. */
static void expect_members(struct lister *lister, struct table *table)
{
    const struct parcel *pieces = lister->pieces.items;
    const struct member *members = lister->members.items;
    uint32_t before = NO_MEMBER;
    for (size_t i = 0; i < lister->pieces.count && table->right; i++) {
        uint32_t index = pieces[i].member;
        if (index == NO_MEMBER || index == before)
            continue;
        before = index;
        /* libelf wants its structures aligned, or copies them. */
        expect_member(table, lister->bytes + members[index].begin, members[index].end - members[index].begin,
                      pieces[i].begin);
    }
}

/* binutils pads the table to an even size with a zero. */
static bool ends(const struct table *table)
{
    size_t left = (size_t)(table->names_end - table->names);
    return table->right && table->taken == table->count &&
           (left == 0 || (left < table->place_size && table->names[0] == 0 &&
                          memcmp(table->names, table->names + 1, left - 1) == 0));
}

bool ar_symbols_right(struct lister *lister, uint64_t offset, uint64_t size, bool wide)
{
    const uint8_t *bytes = lister->bytes + offset;
    struct table table = {.place_size = wide ? 8 : 4, .lister = lister, .right = true};
    if (size < table.place_size || elf_version(EV_CURRENT) == EV_NONE)
        return false;
    table.count = big(bytes, table.place_size);
    if (table.count > (size - table.place_size) / table.place_size)
        return false;
    table.places = bytes + table.place_size;
    table.names = table.places + table.count * table.place_size;
    table.names_end = bytes + size;
    expect_members(lister, &table);
    return ends(&table);
}
