/*
 * The rule for debug information: DWARF 2 to 5 (chapters 6 and 7), GNU's .gdb_index and .debug_gdb_scripts. A section
 * is set aside when its decompressed content has the outer structure of its kind from the first byte to the last: a
 * chain of units, strings, abbreviations, lists. What the entries say is not looked at; they are never loaded.
 */
#include <string.h>

#include "rules.h"

struct reader {
    const struct image *image;
    const uint8_t *bytes;
    uint64_t size, at;
    bool failed;
};

static uint64_t take(struct reader *reader, unsigned size)
{
    if (reader->failed || reader->size - reader->at < size) {
        reader->failed = true;
        return 0;
    }
    const uint8_t *bytes = reader->bytes + reader->at;
    reader->at += size;
    return size == 1   ? bytes[0]
           : size == 2 ? image_u16(reader->image, bytes)
           : size == 4 ? image_u32(reader->image, bytes)
                       : image_u64(reader->image, bytes);
}

static uint64_t take_leb(struct reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint64_t byte = take(reader, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    reader->failed = true;
    return 0;
}

static bool all_zero(const struct reader *reader)
{
    for (uint64_t i = reader->at; i < reader->size; i++) {
        if (reader->bytes[i] != 0)
            return false;
    }
    return true;
}

static bool at_end(const struct reader *reader)
{
    return !reader->failed && reader->at == reader->size;
}

/* unit_length, then a version in this range, and so on to the end; alignment behind the last is zero. */
static bool units(struct reader *reader, uint64_t lowest, uint64_t highest)
{
    while (!reader->failed && reader->at < reader->size) {
        if (all_zero(reader))
            return true;
        uint64_t length = take(reader, 4);
        if (length == 0xffffffff)
            length = take(reader, 8);
        uint64_t begin = reader->at, version = take(reader, 2);
        if (reader->failed || version < lowest || version > highest || length > reader->size - begin)
            return false;
        reader->at = begin + length;
    }
    return at_end(reader);
}

static bool info_units(struct reader *reader)
{
    return units(reader, 2, 5);
}

static bool name_units(struct reader *reader)
{
    return units(reader, 2, 2);
}

static bool version_5_units(struct reader *reader)
{
    return units(reader, 5, 5);
}

static bool frames(struct reader *reader)
{
    return units(reader, 0, UINT64_MAX);
}

static bool strings(struct reader *reader)
{
    return reader->bytes[reader->size - 1] == 0;
}

static bool abbreviations(struct reader *reader)
{
    while (!reader->failed && reader->at < reader->size) {
        if (take_leb(reader) == 0)
            continue;
        take_leb(reader);
        if (take(reader, 1) > 1)
            return false;
        uint64_t attribute, form;
        do {
            attribute = take_leb(reader);
            form = take_leb(reader);
            if (form == 0x21 /* DW_FORM_implicit_const */)
                take_leb(reader);
        } while (!reader->failed && (attribute != 0 || form != 0));
    }
    return at_end(reader);
}

/* Lists of address pairs, ended by two zeros. In ET_REL the values stand in the relocations. */
static bool address_pairs(struct reader *reader, bool with_expression)
{
    unsigned width = reader->image->is64 ? 8 : 4;
    uint64_t base = reader->image->is64 ? UINT64_MAX : UINT32_MAX;
    bool open = false;
    if (image_is_relocatable(reader->image))
        return true;
    while (!reader->failed && reader->at < reader->size) {
        uint64_t begin = take(reader, width), end = take(reader, width);
        open = begin != 0 || end != 0;
        if (with_expression && open && begin != base) {
            uint64_t length = take(reader, 2);
            reader->failed |= length > reader->size - reader->at;
            reader->at += reader->failed ? 0 : length;
        }
    }
    return at_end(reader) && !open;
}

static bool range_lists(struct reader *reader)
{
    return address_pairs(reader, false);
}

static bool location_lists(struct reader *reader)
{
    return address_pairs(reader, true);
}

/* Macro units end in a zero byte and have no length: the header and the last byte are what can be held. */
static bool macros(struct reader *reader)
{
    uint64_t version = take(reader, 2), flags = take(reader, 1);
    return !reader->failed && (version == 4 || version == 5) && flags <= 7 && strings(reader);
}

static bool gdb_index(struct reader *reader)
{
    uint64_t version = take(reader, 4), before = 0;
    unsigned count = version >= 9 ? 6 : 5;
    if (version < 4 || version > 9)
        return false;
    for (unsigned i = 0; i < count; i++) {
        uint64_t offset = take(reader, 4);
        if (offset < before || offset > reader->size)
            return false;
        before = offset;
    }
    return !reader->failed;
}

/* A type byte and a file's name (1: Python, 3: Guile), to the end. gdb runs the texts that others hold: they stay. */
static bool gdb_scripts(struct reader *reader)
{
    while (reader->at < reader->size) {
        uint64_t type = take(reader, 1);
        const uint8_t *end = memchr(reader->bytes + reader->at, 0, reader->size - reader->at);
        if ((type != 1 && type != 3) || end == NULL)
            return false;
        reader->at = (uint64_t)(end - reader->bytes) + 1;
    }
    return true;
}

/* DWARF 5 section 7.3.5.3: header, hash table, indices, offsets and sizes. Counts are 32 bits: no overflow. */
static bool unit_index(struct reader *reader)
{
    uint64_t version = take(reader, 2), unused = take(reader, 2), columns = take(reader, 4);
    uint64_t count = take(reader, 4), slots = take(reader, 4);
    if (reader->failed || (version != 2 && version != 5) || unused != 0 || columns > 16 || count > slots)
        return false;
    return reader->size == 16 + slots * 12 + columns * 4 + 2 * count * columns * 4;
}

static const struct {
    const char *name;
    bool (*fits)(struct reader *reader);
} debug_sections[] = {
    {".debug_info", info_units},
    {".debug_types", info_units},
    {".debug_line", info_units},
    {".debug_aranges", name_units},
    {".debug_pubnames", name_units},
    {".debug_pubtypes", name_units},
    {".debug_gnu_pubnames", name_units},
    {".debug_gnu_pubtypes", name_units},
    {".debug_str_offsets", version_5_units},
    {".debug_addr", version_5_units},
    {".debug_rnglists", version_5_units},
    {".debug_loclists", version_5_units},
    {".debug_names", version_5_units},
    {".debug_frame", frames},
    {".debug_abbrev", abbreviations},
    {".debug_str", strings},
    {".debug_line_str", strings},
    {".debug_ranges", range_lists},
    {".debug_loc", location_lists},
    {".debug_macinfo", strings},
    {".debug_macro", macros},
    {".debug_cu_index", unit_index},
    {".debug_tu_index", unit_index},
    {".debug_gdb_scripts", gdb_scripts},
    {".gdb_index", gdb_index},
};

static bool (*fits_of(const char *name))(struct reader *)
{
    for (size_t i = 0; i < ARRAY_COUNT(debug_sections); i++) {
        size_t length = strlen(debug_sections[i].name);
        if (strncmp(name, debug_sections[i].name, length) == 0 &&
            (name[length] == '\0' || strcmp(name + length, ".dwo") == 0))
            return debug_sections[i].fits;
    }
    return NULL;
}

static bool is_debug_section(struct claims *claims, const struct section *section)
{
    const struct image *image = claims->image;
    uint64_t allowed = SHF_MERGE | SHF_STRINGS | SHF_COMPRESSED;
    bool (*fits)(struct reader *) = fits_of(section->name);
    if (fits == NULL || range_empty(section->bytes) ||
        (section->type != SHT_PROGBITS && section->type != SHT_MIPS_DWARF))
        return false;
    if (image_is_relocatable(image))
        allowed |= SHF_GROUP | SHF_EXCLUDE;
    else if (named_section(image, section->name) != section)
        return false;
    struct content content;
    if ((section->flags & ~allowed) != 0 || !claims_content(claims, section, &content))
        return false;
    struct reader reader = {.image = image, .bytes = content.bytes, .size = content.size};
    bool sound = content.size > 0 && fits(&reader);
    content_free(&content);
    return sound;
}

static bool is_relocations(const struct section *section)
{
    return section->type == SHT_REL || section->type == SHT_RELA;
}

/* In relocatable files: the relocations of a debug section that is set aside change that one and nothing else. */
static void claim_relocations(struct claims *claims)
{
    const struct image *image = claims->image;
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (!is_relocations(section) || section->info == 0 || section->info >= image->section_count ||
            (section->flags & SHF_COMPRESSED) != 0)
            continue;
        const struct section *target = &image->sections[section->info];
        if (!is_relocations(target) && fits_of(target->name) != NULL && section_claimed(claims, target))
            claim_section(claims, RULE_DEBUG_INFO, section);
    }
}

void claim_debug_info(struct claims *claims)
{
    const struct image *image = claims->image;
    for (uint64_t i = 1; i < image->section_count && claims->failure == 0; i++) {
        if (is_debug_section(claims, &image->sections[i]))
            claim_section(claims, RULE_DEBUG_INFO, &image->sections[i]);
    }
    if (image_is_relocatable(image))
        claim_relocations(claims);
}
