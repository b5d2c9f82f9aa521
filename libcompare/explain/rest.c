/*
 * What no step before has told of: one difference a pair of extents, so that every finding is in one. Tables that are
 * made of other bytes follow from those; other bytes stand for themselves, unless something moved.
 */
#include <string.h>

#include "parts.h"

/* Sections that are made of the others: unwind tables, symbol tables, relocations, offsets. */
static bool is_derived_section(const struct section *section)
{
    static const char *const names[] = {
        ".eh_frame",   ".eh_frame_hdr", ".gcc_except_table", ".ARM.exidx", ".ARM.extab", ".dynamic", ".interp",
        ".gdb_index",  ".plt",          ".plt.sec",          ".plt.got",   ".got",       ".got.plt", ".iplt",
        ".MIPS.stubs", ".init_array",   ".fini_array",       ".ctors",     ".dtors",     ".toc",     ".opd",
        ".itablink",   ".typelink",     ".gopclntab"};
    static const uint32_t types[] = {SHT_SYMTAB,      SHT_STRTAB,     SHT_RELA,         SHT_REL,
                                     SHT_HASH,        SHT_DYNSYM,     SHT_GNU_HASH,     SHT_GNU_versym,
                                     SHT_GNU_verneed, SHT_GNU_verdef, SHT_DYNAMIC,      SHT_INIT_ARRAY,
                                     SHT_FINI_ARRAY,  SHT_GROUP,      SHT_SYMTAB_SHNDX, 19 /* SHT_RELR */,
                                     0x70000001 /* SHT_ARM_EXIDX, SHT_X86_64_UNWIND */};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (section->type == types[i])
            return true;
    }
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(section->name, names[i]) == 0)
            return true;
    }
    return false;
}

static bool is_debug_section(const struct section *section)
{
    return (section->flags & SHF_ALLOC) == 0 && strncmp(section->name, ".debug_", 7) == 0;
}

static enum difference_kind kind_of(const struct explaining *e, const struct pair *pair)
{
    size_t side = pair->vendor.present && pair->vendor.section != UINT32_MAX ? 0 : 1;
    uint32_t index = side == 0 ? pair->vendor.section : pair->rebuilt.section;
    if (pair->owner == OWNER_ELF_HEADER || pair->owner == OWNER_PROGRAM_HEADERS ||
        pair->owner == OWNER_SECTION_HEADERS || pair->owner == OWNER_PADDING)
        return DIFFERENCE_DERIVED;
    if (pair->owner != OWNER_SECTION || index >= e->sides[side].image->section_count)
        return DIFFERENCE_BYTES;
    const struct section *section = &e->sides[side].image->sections[index];
    if (is_debug_section(section))
        return DIFFERENCE_DEBUG;
    return is_derived_section(section) ? DIFFERENCE_DERIVED : DIFFERENCE_BYTES;
}

static void extend(struct range *range, struct range with)
{
    if (range_empty(with))
        return;
    if (range_empty(*range))
        *range = with;
    range->begin = with.begin < range->begin ? with.begin : range->begin;
    range->end = with.end > range->end ? with.end : range->end;
}

static void set_side(struct explaining *e, struct difference *difference, size_t side, struct range bytes)
{
    struct value *value = side == 0 ? &difference->vendor_value : &difference->rebuilt_value;
    char text[3 * 12 + 1];
    if (range_empty(bytes))
        return;
    place_set(e, side == 0 ? &difference->vendor : &difference->rebuilt, side, bytes);
    value->bytes = e->sides[side].image->bytes + bytes.begin;
    value->size = range_size(bytes);
    for (uint64_t i = 0; i < value->size && i < 12; i++)
        snprintf(text + 3 * i, 4, "%02x ", value->bytes[i]);
    text[3 * (value->size < 12 ? value->size : 12) - 1] = '\0';
    value->text = arena_printf(e->arena, "%s%s", text, value->size > 12 ? " ..." : "");
}

static bool is_zero(const struct image *image, struct range bytes)
{
    uint64_t at = bytes.begin;
    while (at < bytes.end && image->bytes[at] == 0)
        at++;
    return at == bytes.end;
}

/* The findings of one pair that are left, from this one on; the index behind them. */
static size_t tell_pair(struct explaining *e, size_t from)
{
    const struct comparison *comparison = e->input->comparison;
    const struct pair *pair = &e->input->pairs[comparison->findings[from].pair];
    struct range vendor = {0, 0}, rebuilt = {0, 0};
    struct difference *difference = difference_add(e, kind_of(e, pair), pair->name);
    size_t i = from;
    bool moved = true;
    for (; i < comparison->finding_count && comparison->findings[i].pair == comparison->findings[from].pair; i++) {
        const struct finding *finding = &comparison->findings[i];
        if (e->owners[i] != SIZE_MAX || difference == NULL)
            continue;
        e->owners[i] = e->differences.count - 1;
        difference->differing += finding->differing;
        moved = moved && finding->kind == FINDING_MOVED;
        if (difference->finding == SIZE_MAX)
            difference->finding = i;
        extend(&vendor, finding->vendor);
        extend(&rebuilt, finding->rebuilt);
    }
    if (difference != NULL) {
        /* The same bytes at another place, or zeros between things: something has pushed them there. */
        moved = moved || (e->moved && pair->owner == OWNER_SEGMENT && is_zero(e->sides[0].image, vendor) &&
                          is_zero(e->sides[1].image, rebuilt));
        if (moved && difference->kind == DIFFERENCE_BYTES)
            difference->kind = DIFFERENCE_DERIVED;
        set_side(e, difference, 0, vendor);
        set_side(e, difference, 1, rebuilt);
    }
    return i;
}

void rest_explain(struct explaining *e)
{
    const struct comparison *comparison = e->input->comparison;
    for (size_t i = 0; i < comparison->finding_count && !e->out_of_memory;) {
        if (e->owners[i] != SIZE_MAX || !is_to_tell(comparison->findings[i].standing, comparison->findings[i].rule))
            i++;
        else
            i = tell_pair(e, i);
    }
}
