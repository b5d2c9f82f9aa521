/*
 * For each rule, what must hold of bytes that it sets aside: of one file alone, by where they lie and what stands
 * there. The content of debug information, of symbol tables and of the xz stream is not parsed a second time: that
 * none of it is loaded is established here, from the program headers, and that is what the verdict rests on.
 */
#include <stdlib.h>
#include <string.h>

#include "reading.h"

#define NOTE_HEADER 12

/* ---- Records inside the load view ---- */

static struct range segment_bytes(const struct seg *segment)
{
    return (struct range){segment->offset, segment->offset + segment->file_size};
}

/* Tables of which ld.so reads as many bytes as another tag says. Others it enters at any offset or index. */
static const uint64_t measured[][2] = {
    {DT_GNU_CONFLICT, DT_GNU_CONFLICTSZ},
    {DT_GNU_LIBLIST, DT_GNU_LIBLISTSZ},
    {DT_MOVETAB, DT_MOVESZ},
    {DT_SYMINFO, DT_SYMINSZ},
    {DT_RELA, DT_RELASZ},
    {DT_REL, DT_RELSZ},
    {36 /* DT_RELR */, 35},
    {DT_INIT_ARRAY, DT_INIT_ARRAYSZ},
    {DT_FINI_ARRAY, DT_FINI_ARRAYSZ},
    {DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ},
    {DT_INIT, 0},
    {DT_FINI, 0},
};
static const uint64_t endless[] = {DT_STRTAB, DT_SYMTAB,  DT_HASH,   DT_GNU_HASH, DT_VERSYM,
                                   DT_JMPREL, DT_VERNEED, DT_VERDEF, DT_PLTGOT};
static const uint64_t strings[] = {DT_NEEDED,    DT_SONAME, DT_RPATH, DT_RUNPATH, DT_CONFIG,
                                   DT_AUXILIARY, DT_FILTER, DT_AUDIT, DT_DEPAUDIT};
/* No addresses: DT_PLTRELSZ to DT_STRSZ and so on, by stretches. */
static const uint64_t plain[][2] = {
    {DT_PLTRELSZ, DT_PLTRELSZ},
    {DT_RELASZ, DT_SYMENT},
    {DT_SYMBOLIC, DT_SYMBOLIC},
    {DT_RELSZ, DT_DEBUG},
    {DT_TEXTREL, DT_TEXTREL},
    {DT_BIND_NOW, DT_BIND_NOW},
    {DT_INIT_ARRAYSZ, 28},
    {DT_FLAGS, DT_FLAGS},
    {DT_PREINIT_ARRAYSZ, DT_PREINIT_ARRAYSZ},
    {35, 35},
    {37, 37},
    {DT_VALRNGLO, DT_VALRNGHI},
    {0x6ffffff9, 0x6ffffffb},
    {DT_VERDEFNUM, DT_VERDEFNUM},
    {DT_VERNEEDNUM, DT_VERNEEDNUM},
};

static bool among(const uint64_t *list, size_t count, uint64_t tag)
{
    bool found = false;
    for (size_t i = 0; i < count; i++)
        found |= list[i] == tag;
    return found;
}

static bool is_plain(uint64_t tag)
{
    bool found = false;
    for (size_t i = 0; i < ARRAY_COUNT(plain); i++)
        found |= tag >= plain[i][0] && tag <= plain[i][1];
    return found;
}

static bool overlaps(uint64_t begin, uint64_t size, struct range addresses)
{
    struct range range;
    return !range_make(begin, size, &range) || range_overlaps(range, addresses);
}

/* Whether ld.so may come from this entry to these addresses. */
static bool entry_leads_to(const struct elf *elf, uint64_t tag, uint64_t value, struct range addresses)
{
    uint64_t other = 0;
    if (among(strings, ARRAY_COUNT(strings), tag))
        return elf_dynamic(elf, DT_STRTAB, &other) &&
               (elf->wide ? other + value : (other + value) & UINT32_MAX) < addresses.end;
    for (size_t i = 0; i < ARRAY_COUNT(measured); i++) {
        if (measured[i][0] == tag)
            return overlaps(value, measured[i][1] != 0 && elf_dynamic(elf, measured[i][1], &other) ? other : 1,
                            addresses);
    }
    if (is_plain(tag))
        return false;
    if (among(endless, ARRAY_COUNT(endless), tag) || (tag >= DT_ADDRRNGLO && tag <= DT_ADDRRNGHI) ||
        (elf->machine == EM_PPC && tag == DT_LOPROC))
        return value < addresses.end;
    return value >= 64 && overlaps(value, 64, addresses);
}

static bool table_may_cover(const struct elf *elf, struct range addresses)
{
    for (size_t i = 0; i < elf->dynamic_count; i++) {
        if (entry_leads_to(elf, elf->dynamic[i].tag, elf->dynamic[i].value, addresses))
            return true;
    }
    return false;
}

/* Buckets lead to chains by an index less the first symbol's; none may lead before the chains, or round the world. */
static bool gnu_hash_leads_astray(const struct elf *elf)
{
    uint64_t table, at, end;
    if (!elf_dynamic(elf, DT_GNU_HASH, &table))
        return false;
    if (!elf_place(elf, table, 16, &at))
        return true;
    uint64_t buckets = elf_number(elf, at, 4), first = elf_number(elf, at + 4, 4);
    uint64_t bucket = table + 16 + elf_number(elf, at + 8, 4) * (elf->wide ? 8 : 4), chains = bucket + 4 * buckets;
    if (!elf_place(elf, bucket, 4 * buckets, &at))
        return true;
    for (uint64_t i = 0; i < buckets; i++) {
        uint64_t index = elf_number(elf, at + 4 * i, 4);
        if (index != 0 && (index < first || (index > first && !elf_place(elf, chains + 4 * (index - first), 4, &end))))
            return true;
    }
    return false;
}

static bool hash_leads_astray(const struct elf *elf)
{
    unsigned width = elf->wide && (elf->machine == EM_S390 || elf->machine == EM_ALPHA) ? 8 : 4;
    uint64_t table, at;
    if (!elf_dynamic(elf, DT_HASH, &table))
        return false;
    if (!elf_place(elf, table, 2 * width, &at))
        return true;
    uint64_t buckets = elf_number(elf, at, width), symbols = elf_number(elf, at + width, width);
    if (buckets > elf->size || symbols > elf->size || !elf_place(elf, table, (2 + buckets + symbols) * width, &at))
        return true;
    for (uint64_t i = 2; i < 2 + buckets + symbols; i++) {
        if (elf_number(elf, at + i * width, width) >= symbols)
            return true;
    }
    return false;
}

/* Whether ld.so or the unwinder reads these addresses because of a segment's p_vaddr and p_memsz. */
static bool segment_covers(const struct seg *segment, struct range addresses)
{
    uint64_t size = segment->file_size > segment->memory_size ? segment->file_size : segment->memory_size;
    switch (segment->type) {
    case PT_NULL:
    case PT_LOAD:
    case PT_GNU_STACK:
        return false;
    case PT_GNU_EH_FRAME: /* its table ends where it says itself */
        return segment->address < addresses.end;
    default:
        return overlaps(segment->address, size != 0 ? size : 1, addresses);
    }
}

/* Whether the kernel or ld.so comes to these bytes by another way than the record's own segment (or any). */
static bool is_used(const struct elf *elf, struct range range, const struct seg *own)
{
    if (gnu_hash_leads_astray(elf) || hash_leads_astray(elf))
        return true;
    for (size_t i = 0; i < elf->segment_count; i++) {
        const struct seg *segment = &elf->segments[i];
        struct range bytes = segment_bytes(segment), addresses;
        if (segment->type == PT_NULL)
            continue;
        if (segment->type != PT_LOAD) {
            if (segment != own && range_overlaps(bytes, range))
                return true;
            continue;
        }
        bytes.begin -= bytes.begin % elf->page;
        bytes.end += (elf->page - bytes.end % elf->page) % elf->page;
        if (!range_overlaps(bytes, range))
            continue;
        if (!range_make(segment->address + (range.begin - segment->offset), range_size(range), &addresses) ||
            table_may_cover(elf, addresses))
            return true;
        for (size_t k = 0; k < elf->segment_count; k++) {
            if (&elf->segments[k] != own && segment_covers(&elf->segments[k], addresses))
                return true;
        }
    }
    return false;
}

static uint64_t up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/*
 * Walks the notes of a holder. Counts those of owner GNU and this type; *descriptor is the last one's. False where the
 * notes do not fill the holder.
 */
static bool walk_notes(const struct elf *elf, struct range holder, uint64_t align, uint64_t type,
                       struct range *descriptor, unsigned *count)
{
    uint64_t unit = align == 8 ? 8 : 4, at = holder.begin;
    while (holder.end - at >= NOTE_HEADER) {
        uint64_t name = elf_number(elf, at, 4), size = elf_number(elf, at + 4, 4), room = holder.end - at;
        uint64_t begin = up(NOTE_HEADER + name, unit), next = up(begin + size, unit);
        if (begin + size > room)
            return false;
        if (elf_number(elf, at + 8, 4) == type && name == 4 && memcmp(elf->bytes + at + NOTE_HEADER, "GNU", 4) == 0) {
            *descriptor = (struct range){at + begin, at + begin + size};
            ++*count;
        }
        at += next < room ? next : room;
    }
    return at == holder.end;
}

/* One note is the same to all its readers; of several they go by the alignment, each in its own way. */
static bool is_unambiguous(struct range holder, struct range descriptor, uint64_t align)
{
    return align <= 4 || (align == 8 && descriptor.begin == holder.begin + 16 && descriptor.end == holder.end);
}

/* The one build ID of the file, in a place from which nothing but a note can be read. */
static bool build_id(const struct elf *elf, struct range range)
{
    struct range found = {0, 0}, own = {0, 0};
    const struct seg *holder = NULL;
    unsigned count = 0;
    bool sound = false;
    uint64_t walked = 0;
    for (size_t i = 0; elf->linked && i < elf->segment_count; i++) {
        const struct seg *segment = &elf->segments[i];
        unsigned here = 0;
        if (segment->type != PT_NOTE || segment->file_size == 0)
            continue;
        /* More notes than the file has room for are the same ones, walked again and again. */
        walked += segment->file_size;
        if (walked > elf->size)
            return false;
        bool filled = walk_notes(elf, segment_bytes(segment), segment->align, NT_GNU_BUILD_ID, &found, &here);
        if (here > 0) {
            own = found;
            holder = segment;
            sound = filled && (segment->flags & (PF_W | PF_X)) == 0 && segment->memory_size == segment->file_size &&
                    is_unambiguous(segment_bytes(segment), own, segment->align);
        }
        count += here;
    }
    for (size_t i = 1; elf->relocatable && i < elf->section_count; i++) {
        const struct sec *section = &elf->sections[i];
        unsigned here = 0;
        if (section->type != SHT_NOTE)
            continue;
        bool filled = walk_notes(elf, section->bytes, section->align, NT_GNU_BUILD_ID, &found, &here);
        if (here > 0) {
            own = found;
            sound = filled && (section->flags & (SHF_WRITE | SHF_EXECINSTR)) == 0 && !section->referred &&
                    is_unambiguous(section->bytes, own, section->align) &&
                    strcmp(elf_readable_name(elf, section), ".note.gnu.build-id") == 0;
        }
        count += here;
    }
    for (size_t i = 0; i < elf->segment_count; i++) {
        const struct seg *segment = &elf->segments[i];
        if (segment->type == PT_LOAD && (segment->flags & PF_W) != 0 && range_overlaps(segment_bytes(segment), own))
            sound = false;
    }
    uint64_t size = range_size(own);
    const struct owned *owner = elf_owner(elf, own);
    return sound && count == 1 && (size == 8 || size == 16 || size == 20 || size == 32) && range_contains(own, range) &&
           (owner == NULL || (owner->section < elf->section_count && elf->sections[owner->section].type == SHT_NOTE)) &&
           (elf->relocatable || !is_used(elf, own, holder));
}

static struct range table_offset(const struct elf *elf)
{
    return elf->wide ? (struct range){40, 48} : (struct range){32, 36};
}

static struct range table_counts(const struct elf *elf)
{
    return elf->wide ? (struct range){58, 64} : (struct range){46, 52};
}

static bool header_fields(const struct elf *elf, struct range range)
{
    return elf->linked && (range_contains(table_offset(elf), range) || range_contains(table_counts(elf), range)) &&
           !is_used(elf, range, NULL);
}

/* ---- Where things lie ---- */

static bool section_headers(const struct elf *elf, struct range range)
{
    const struct owned *owner = elf_owner(elf, range);
    return elf->linked && owner != NULL && owner->section == OWNED_SECTIONS;
}

/* e_shoff, and in each section header sh_flags, sh_offset, sh_size and sh_addralign. */
static bool placement(const struct elf *elf, struct range range)
{
    static const unsigned wide[][2] = {{8, 16}, {24, 40}, {48, 56}}, narrow[][2] = {{8, 12}, {16, 24}, {32, 36}};
    const struct owned *owner = elf_owner(elf, range);
    if (!elf->relocatable || owner == NULL)
        return false;
    if (owner->section == OWNED_HEADER)
        return range_contains(table_offset(elf), range);
    if (owner->section != OWNED_SECTIONS)
        return false;
    for (uint64_t at = range.begin; at < range.end; at++) {
        uint64_t inside = (at - elf->shoff) % elf->shentsize;
        bool among = false;
        for (size_t i = 0; i < ARRAY_COUNT(wide); i++)
            among |= elf->wide ? inside >= wide[i][0] && inside < wide[i][1]
                               : inside >= narrow[i][0] && inside < narrow[i][1];
        if (!among)
            return false;
    }
    return true;
}

static bool padding(const struct elf *elf, struct range range)
{
    return !elf_any_owner(elf, range) && elf_zero(elf, range) && range.end <= elf->claimed_end;
}

/* ---- Sections that are not loaded ---- */

static bool printable(const uint8_t *bytes, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        if ((bytes[i] < ' ' || bytes[i] > '~') && bytes[i] != '\t')
            return false;
    }
    return true;
}

static bool is_comment(const struct elf *elf, const struct sec *section)
{
    const uint8_t *bytes = elf->bytes + section->bytes.begin;
    for (uint64_t i = 0; i < section->size; i++) {
        if (bytes[i] != 0 && !printable(bytes + i, 1))
            return false;
    }
    return section->size <= 65536 && bytes[section->size - 1] == 0;
}

/* A name, then 4 bytes of CRC after alignment, or 20 of a build ID. */
static bool is_link(const struct elf *elf, const struct sec *section)
{
    const uint8_t *bytes = elf->bytes + section->bytes.begin;
    uint64_t name = strnlen((const char *)bytes, section->size), crc = up(name + 1, 4);
    if (!printable(bytes, name) || name == 0)
        return false;
    if (strcmp(elf_readable_name(elf, section), ".gnu_debugaltlink") == 0)
        return section->size == name + 21;
    return section->size == crc + 4 &&
           elf_zero(elf, (struct range){section->bytes.begin + name, section->bytes.begin + crc});
}

static bool is_xz(const struct elf *elf, const struct sec *section)
{
    const uint8_t *bytes = elf->bytes + section->bytes.begin;
    return section->size >= 32 &&
           memcmp(bytes,
                  "\xfd"
                  "7zXZ",
                  6) == 0 &&
           memcmp(bytes + section->size - 2, "YZ", 2) == 0;
}

static bool are_notes(const struct elf *elf, const struct sec *section)
{
    struct range ignored;
    unsigned count = 0;
    return walk_notes(elf, section->bytes, section->align, 0, &ignored, &count);
}

static bool is_string_table(const struct elf *elf, const struct sec *section)
{
    return elf->bytes[section->bytes.begin] == 0 && elf->bytes[section->bytes.end - 1] == 0;
}

/* Names of scripts; the text of one, which gdb runs, is not excused. */
static bool are_script_names(const struct elf *elf, const struct sec *section)
{
    uint64_t size;
    uint8_t *owned;
    const uint8_t *bytes = elf_plain(elf, section, &size, &owned);
    bool sound = bytes != NULL;
    for (uint64_t at = 0; sound && at < size; at++) {
        sound = bytes[at] == 1 || bytes[at] == 3;
        at += sound ? strnlen((const char *)bytes + at, size - at) : 0;
        sound = sound && at < size;
    }
    free(owned);
    return sound;
}

static bool is_anything(const struct elf *elf, const struct sec *section)
{
    (void)elf;
    (void)section;
    return true;
}

#define MERGED     (SHF_MERGE | SHF_STRINGS)
#define MIPS_DWARF 0x7000001e

static const struct kind {
    const char *rule;
    const char *names; /* of which the section has one; "": any */
    uint64_t type, flags;
    bool (*fits)(const struct elf *elf, const struct sec *section);
} kinds[] = {
    {"comment", " .comment ", SHT_PROGBITS, MERGED, is_comment},
    {"debuglink", " .gnu_debuglink .gnu_debugaltlink ", SHT_PROGBITS, 0, is_link},
    {"minidebuginfo", " .gnu_debugdata ", SHT_PROGBITS, 0, is_xz},
    {"unloaded-notes", " .note.gnu.gold-version .gnu.build.attributes ", SHT_NOTE, ~(uint64_t)SHF_COMPRESSED,
     are_notes},
    {"symbols", "", SHT_SYMTAB, 0, is_anything},
    {"symbols", "", SHT_SYMTAB_SHNDX, UINT64_MAX, is_anything},
    {"symbols", "", SHT_STRTAB, SHF_STRINGS, is_string_table},
    {"debug-info",
     " .debug_info .debug_types .debug_line .debug_aranges .debug_pubnames .debug_pubtypes .debug_gnu_pubnames "
     ".debug_gnu_pubtypes .debug_str_offsets .debug_addr .debug_rnglists .debug_loclists .debug_names .debug_frame "
     ".debug_abbrev .debug_str .debug_line_str .debug_ranges .debug_loc .debug_macinfo .debug_macro .debug_cu_index "
     ".debug_tu_index .gdb_index ",
     SHT_PROGBITS, MERGED | SHF_COMPRESSED | SHF_GROUP | SHF_EXCLUDE, is_anything},
    {"debug-info", " .debug_gdb_scripts ", SHT_PROGBITS, MERGED | SHF_COMPRESSED | SHF_GROUP | SHF_EXCLUDE,
     are_script_names},
};

static bool is_named(const char *name, const char *names)
{
    char wanted[64];
    if (names[0] == '\0')
        return true;
    size_t length = name != NULL ? strnlen(name, sizeof(wanted)) : 0;
    if (length > 4 && length < sizeof(wanted) && strncmp(name, ".debug_", 7) == 0 &&
        strcmp(name + length - 4, ".dwo") == 0)
        length -= 4;
    if (length == 0 || length > sizeof(wanted) - 3 || memchr(name, ' ', length) != NULL)
        return false;
    snprintf(wanted, sizeof(wanted), " %.*s ", (int)length, name);
    return strstr(names, wanted) != NULL;
}

/* A section comes to one kind's content at most: by their names and types they exclude each other. */
static bool has_content_of(const struct elf *elf, const struct sec *section, const struct kind *kind)
{
    struct sec *asked = &elf->sections[section - elf->sections];
    if (asked->of_its_kind == NOT_ASKED)
        asked->of_its_kind = kind->fits(elf, section) ? YES : NO;
    return asked->of_its_kind == YES;
}

static bool is_of_kind(const struct elf *elf, const struct sec *section, const struct kind *kind)
{
    bool type = section->type == kind->type || (strcmp(kind->rule, "debug-info") == 0 && section->type == MIPS_DWARF);
    if (section->referred)
        return false;
    if ((section->flags & SHF_COMPRESSED) != 0 && type &&
        !elf_stream_is_exact(elf, &elf->sections[section - elf->sections]))
        return false;
    return type && (section->flags & SHF_ALLOC) == 0 && (section->flags & ~kind->flags) == 0 &&
           !range_empty(section->bytes) && is_named(elf_section_name(elf, section), kind->names) &&
           (strcmp(kind->rule, "symbols") != 0 || (elf->linked && !section->indexed)) &&
           has_content_of(elf, section, kind);
}

static bool is_excused_by(const struct elf *elf, const struct sec *section, const char *rule)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (strcmp(kinds[i].rule, rule) == 0 && is_of_kind(elf, section, &kinds[i]))
            return true;
    }
    /* In objects, the relocations of debug information go with it. */
    return strcmp(rule, "debug-info") == 0 && elf->relocatable && (section->flags & SHF_ALLOC) == 0 &&
           (section->type == SHT_REL || section->type == SHT_RELA) && section->info > 0 &&
           section->info < elf->section_count && elf->sections[section->info].type != SHT_REL &&
           elf->sections[section->info].type != SHT_RELA && is_excused_by(elf, &elf->sections[section->info], rule);
}

static const struct sec *unloaded_section(const struct elf *elf, struct range range)
{
    const struct owned *owner = elf_owner(elf, range);
    return owner != NULL && owner->section < elf->section_count &&
                   (elf->sections[owner->section].flags & SHF_ALLOC) == 0
               ? &elf->sections[owner->section]
               : NULL;
}

/* Debug information alone is decompressed by its readers; the linker's plugin and the kernel decompress nothing. */
bool section_is_unpacked(const struct elf *elf, const struct sec *section)
{
    static const char debug[] = ".debug_", early[] = ".gnu.debuglto_.debug_";
    const char *name = elf_readable_name(elf, section);
    return strncmp(name, debug, sizeof(debug) - 1) == 0 || strncmp(name, early, sizeof(early) - 1) == 0;
}

/* Of one side alone: the other's section may be the compressed one. That their plain contents agree is sameness.c's. */
static bool compression(const struct elf *elf, struct range range)
{
    const struct sec *section = unloaded_section(elf, range);
    return section != NULL && section_is_unpacked(elf, section);
}

bool section_excusable(const struct elf *elf, const struct sec *section, bool (*accepted)(void *, const char *),
                       void *policy)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (accepted(policy, kinds[i].rule) && is_excused_by(elf, section, kinds[i].rule))
            return true;
    }
    return false;
}

/* ---- All rules ---- */

static const struct {
    const char *rule;
    bool loaded; /* whether it may touch the load view */
    bool (*holds)(const struct elf *elf, struct range range);
} conditions[] = {
    {"build-id", true, build_id},           {"elf-header-sections", true, header_fields},
    {"section-placement", true, placement}, {"section-headers", false, section_headers},
    {"compression", false, compression},    {"padding", false, padding},
};

bool rule_is_known(const char *rule)
{
    bool known = false;
    for (size_t i = 0; i < ARRAY_COUNT(conditions); i++)
        known |= strcmp(conditions[i].rule, rule) == 0;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        known |= strcmp(kinds[i].rule, rule) == 0;
    return known;
}

bool condition_holds(const struct elf *elf, const char *rule, struct range range)
{
    if (elf->contradiction != NULL || elf->untold || ranges_overlap(elf->executable, elf->executable_count, range))
        return false;
    bool loaded = ranges_overlap(elf->load, elf->load_count, range);
    for (size_t i = 0; i < ARRAY_COUNT(conditions); i++) {
        if (strcmp(conditions[i].rule, rule) == 0)
            return (conditions[i].loaded || !loaded) && conditions[i].holds(elf, range);
    }
    const struct sec *section = unloaded_section(elf, range);
    return !loaded && section != NULL && is_excused_by(elf, section, rule);
}
