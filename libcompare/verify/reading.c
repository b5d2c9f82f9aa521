/*
 * The checker's own reading: gABI chapters 4 and 5, and what Linux' fs/binfmt_elf.c and glibc's elf/dl-load.c make of
 * the program headers. Written apart from image/, on purpose; what both read must come out the same.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "reading.h"

/* What the compressed sections of a file may come to together: a bomb is a small file. */
#define CONTENT_LIMIT(size) (((uint64_t)1 << 30) + 8 * (size))

/* C++ makes names of some kilobytes; longer ones would be read once for each section that has one. */
#define NAME_LIMIT 65536

uint64_t elf_number(const struct elf *elf, uint64_t at, unsigned width)
{
    uint64_t value = 0;
    if (at > elf->size || elf->size - at < width)
        return 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)elf->bytes[at + i] << 8 * (elf->big ? width - 1 - i : i);
    return value;
}

bool elf_zero(const struct elf *elf, struct range range)
{
    for (uint64_t i = range.begin; i < range.end; i++) {
        if (elf->bytes[i] != 0)
            return false;
    }
    return true;
}

static bool fits(const struct elf *elf, uint64_t offset, uint64_t size, struct range *range)
{
    return range_make(offset, size, range) && range->end <= elf->size;
}

/* A member whose place and width depend on the class. */
static uint64_t member(const struct elf *elf, uint64_t at, unsigned at64, unsigned at32)
{
    return elf_number(elf, at + (elf->wide ? at64 : at32), elf->wide ? 8 : 4);
}

static uint64_t word(const struct elf *elf, uint64_t at, unsigned at64, unsigned at32)
{
    return elf_number(elf, at + (elf->wide ? at64 : at32), 4);
}

static uint64_t half(const struct elf *elf, unsigned at64, unsigned at32)
{
    return elf_number(elf, elf->wide ? at64 : at32, 2);
}

/* The largest page that Linux has been configured for on this machine. */
static uint64_t page_size(uint64_t machine)
{
    switch (machine) {
    case EM_386:
    case EM_X86_64:
    case EM_S390:
    case EM_RISCV:
        return 4096;
    case EM_SPARC:
    case EM_SPARC32PLUS:
    case EM_SPARCV9:
    case EM_68K: /* ColdFire */
    case EM_ALPHA:
        return 8192;
    case EM_PPC:
        return 262144;
    case 164: /* Hexagon */
        return 1048576;
    default:
        return 65536;
    }
}

/* Whether Linux has been ported to this machine; what loads programs of others, and by what, is not known here. */
static bool is_of_linux(uint64_t machine)
{
    static const uint64_t others[] = {
        EM_ARM,    EM_AARCH64,     EM_MIPS,         EM_PPC64,      EM_PARISC,     EM_IA_64,        EM_SH, EM_OPENRISC,
        EM_XTENSA, EM_ARC_COMPACT, EM_ALTERA_NIOS2, EM_MICROBLAZE, 195 /* ARC */, 252 /* C-SKY */, 258 /* LoongArch */};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (machine == others[i])
            return true;
    }
    return page_size(machine) != 65536;
}

static bool read_segments(struct elf *elf)
{
    uint64_t phoff = member(elf, 0, 32, 28), entry = elf->wide ? 56 : 32;
    struct range table;
    elf->segment_count = half(elf, 56, 44);
    elf->segments = arena_alloc(elf->arena, elf->segment_count, sizeof(*elf->segments));
    if (elf->segments == NULL || elf->segment_count == PN_XNUM ||
        (elf->segment_count > 0 &&
         (half(elf, 54, 42) != entry || !fits(elf, phoff, elf->segment_count * entry, &table))))
        return false;
    for (size_t i = 0; i < elf->segment_count; i++) {
        uint64_t at = phoff + i * entry;
        struct range range;
        elf->segments[i] = (struct seg){
            .type = elf_number(elf, at, 4),
            .flags = word(elf, at, 4, 24),
            .offset = member(elf, at, 8, 4),
            .address = member(elf, at, 16, 8),
            .file_size = member(elf, at, 32, 16),
            .memory_size = member(elf, at, 40, 20),
            .align = member(elf, at, 48, 28),
        };
        const struct seg *segment = &elf->segments[i];
        if ((segment->type != PT_NULL && segment->file_size > 0 &&
             !fits(elf, segment->offset, segment->file_size, &range)) ||
            !range_make(segment->address, segment->memory_size, &range))
            return false;
    }
    return true;
}

static bool read_sections(struct elf *elf)
{
    struct range table;
    uint64_t entry = elf->wide ? 64 : 40;
    elf->shoff = member(elf, 0, 40, 32);
    elf->shentsize = half(elf, 58, 46);
    if (elf->shoff == 0)
        return true;
    if (elf->shentsize != entry || !fits(elf, elf->shoff, entry, &table))
        return false;
    uint64_t count = half(elf, 60, 48);
    elf->section_count = count != 0 ? count : member(elf, elf->shoff, 32, 20);
    elf->shstrndx = half(elf, 62, 50) != SHN_XINDEX ? half(elf, 62, 50) : word(elf, elf->shoff, 40, 24);
    if (elf->section_count > elf->size / entry || !fits(elf, elf->shoff, elf->section_count * entry, &table))
        return false;
    elf->sections = arena_alloc(elf->arena, elf->section_count, sizeof(*elf->sections));
    if (elf->sections == NULL)
        return false;
    for (size_t i = 1; i < elf->section_count; i++) {
        uint64_t at = elf->shoff + i * entry;
        struct sec *section = &elf->sections[i];
        *section = (struct sec){
            .name = elf_number(elf, at, 4),
            .type = elf_number(elf, at + 4, 4),
            .flags = member(elf, at, 8, 8),
            .address = member(elf, at, 16, 12),
            .offset = member(elf, at, 24, 16),
            .size = member(elf, at, 32, 20),
            .link = word(elf, at, 40, 24),
            .info = word(elf, at, 44, 28),
            .align = member(elf, at, 48, 32),
            .entry_size = member(elf, at, 56, 36),
        };
        if (section->type != SHT_NULL && section->type != SHT_NOBITS && section->size > 0 &&
            !fits(elf, section->offset, section->size, &section->bytes))
            return false;
        uint64_t stated = member(elf, section->bytes.begin, 8, 4);
        if ((section->flags & SHF_COMPRESSED) != 0 &&
            __builtin_add_overflow(elf->decompressed, stated, &elf->decompressed))
            elf->decompressed = UINT64_MAX;
    }
    return true;
}

/* ---- The dynamic table ---- */

static int dyn_order(const void *left, const void *right)
{
    const struct dyn *a = left, *b = right;
    return a->tag != b->tag ? (a->tag < b->tag ? -1 : 1) : (a->at > b->at) - (a->at < b->at);
}

/* ld.so takes one table, and reads on to DT_NULL wherever p_filesz ends (glibc elf/get-dynamic-info.h). */
static bool read_dynamic(struct elf *elf)
{
    unsigned width = elf->wide ? 8 : 4, entry = 2 * width;
    bool found = false;
    for (size_t i = 0; elf->linked && i < elf->segment_count; i++) {
        const struct seg *segment = &elf->segments[i];
        bool ended = false;
        if (segment->type != PT_DYNAMIC)
            continue;
        if (found)
            elf->contradiction = "there is more than one dynamic table";
        if (found)
            break;
        found = true;
        elf->dynamic = arena_alloc(elf->arena, segment->file_size / entry, sizeof(*elf->dynamic));
        if (elf->dynamic == NULL)
            return false;
        for (uint64_t k = 0; !ended && k < segment->file_size / entry; k++) {
            uint64_t at = segment->offset + k * entry;
            struct dyn dyn = {elf_number(elf, at, width), elf_number(elf, at + width, width), at};
            ended = dyn.tag == DT_NULL;
            if (!ended)
                elf->dynamic[elf->dynamic_count++] = dyn;
        }
        if (!ended)
            elf->contradiction = "the dynamic table does not end where its segment does";
    }
    if (elf->dynamic_count > 1)
        qsort(elf->dynamic, elf->dynamic_count, sizeof(*elf->dynamic), dyn_order);
    return true;
}

bool elf_dynamic(const struct elf *elf, uint64_t tag, uint64_t *value)
{
    size_t low = 0, high = elf->dynamic_count; /* behind the last of this tag */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (elf->dynamic[middle].tag > tag)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == 0 || elf->dynamic[low - 1].tag != tag)
        return false;
    *value = elf->dynamic[low - 1].value;
    return true;
}

/* ---- The load view ---- */

static void load(struct elf *elf, struct range range, bool executable)
{
    elf->load[elf->load_count++] = range;
    if (executable)
        elf->executable[elf->executable_count++] = range;
}

/*
 * Whole pages: what lies before and behind a segment's bytes in its pages is mapped with them. What p_memsz asks for
 * behind p_filesz becomes zeros for certain only in the last PT_LOAD, if it may be written to. The kernel, which alone
 * maps programs, then clears the page to its end; ld.so, which maps libraries, clears no more than was asked for.
 */
static void load_pages(struct elf *elf, const struct seg *segment, bool is_last, bool runs)
{
    uint64_t at = segment->offset < elf->size ? segment->offset : elf->size;
    uint64_t file_end = segment->file_size > 0 ? at + segment->file_size : at;
    uint64_t page_end = file_end + (elf->page - file_end % elf->page) % elf->page;
    uint64_t seen_again = file_end;
    if (page_end > elf->size)
        page_end = elf->size;
    if (is_last && (segment->flags & PF_W) != 0 && segment->memory_size > segment->file_size) {
        uint64_t cleared = elf->program ? elf->page : segment->memory_size - segment->file_size;
        seen_again = cleared < page_end - file_end ? file_end + cleared : page_end;
    }
    load(elf, (struct range){at - at % elf->page, file_end}, runs);
    load(elf, (struct range){seen_again, page_end}, runs);
}

/* Without a PT_GNU_STACK that says otherwise, kernels may make executable what is readable. */
static bool stack_runs(const struct elf *elf)
{
    for (size_t i = 0; i < elf->segment_count; i++) {
        if (elf->segments[i].type == PT_GNU_STACK)
            return (elf->segments[i].flags & PF_X) != 0;
    }
    return true;
}

static void load_segments(struct elf *elf)
{
    uint64_t runs = stack_runs(elf) ? PF_X | PF_R : PF_X;
    bool is_last = true;
    for (size_t i = elf->segment_count; i > 0; i--) {
        const struct seg *segment = &elf->segments[i - 1];
        if (segment->type == PT_LOAD) {
            load_pages(elf, segment, is_last, (segment->flags & runs) != 0);
            is_last = false;
        } else if (segment->type != PT_NULL && segment->file_size > 0) {
            load(elf, (struct range){segment->offset, segment->offset + segment->file_size}, false);
        }
    }
}

static void load_sections(struct elf *elf)
{
    for (size_t i = 1; i < elf->section_count; i++) {
        const struct sec *section = &elf->sections[i];
        bool relocates = (section->type == SHT_REL || section->type == SHT_RELA) &&
                         section->info < elf->section_count && (elf->sections[section->info].flags & SHF_ALLOC) != 0;
        if ((section->flags & SHF_ALLOC) != 0 || section->type == SHT_SYMTAB || section->type == SHT_SYMTAB_SHNDX ||
            section->type == SHT_GROUP || relocates)
            load(elf, section->bytes, (section->flags & SHF_EXECINSTR) != 0);
    }
}

static bool read_load_view(struct elf *elf)
{
    size_t most = 2 * elf->segment_count + elf->section_count + 2;
    uint64_t phoff = member(elf, 0, 32, 28);
    elf->load = arena_alloc(elf->arena, most, sizeof(*elf->load));
    elf->executable = arena_alloc(elf->arena, most, sizeof(*elf->executable));
    if (elf->load == NULL || elf->executable == NULL)
        return false;
    load(elf, (struct range){0, elf->header_size}, false);
    if (elf->linked) {
        load(elf, (struct range){phoff, phoff + elf->segment_count * (elf->wide ? 56 : 32)}, false);
        load_segments(elf);
    } else if (elf->relocatable) {
        load_sections(elf);
    } else {
        load(elf, (struct range){0, elf->size}, true);
    }
    elf->load_count = ranges_merge(elf->load, elf->load_count);
    elf->executable_count = ranges_merge(elf->executable, elf->executable_count);
    return true;
}

/* ---- What an object refers to ---- */

/* Marks the section of a symbol; false where that cannot be told. */
static bool refer(struct elf *elf, const struct sec *symbols, const struct sec *indices, uint64_t symbol)
{
    uint64_t entry = elf->wide ? 24 : 16, at = symbols->bytes.begin + symbol * entry;
    if (symbol >= range_size(symbols->bytes) / entry)
        return false;
    uint64_t section = elf_number(elf, at + (elf->wide ? 6 : 14), 2);
    if (section == SHN_XINDEX && indices != NULL && symbol < range_size(indices->bytes) / 4)
        section = elf_number(elf, indices->bytes.begin + symbol * 4, 4);
    else if (section >= SHN_LORESERVE)
        section = 0;
    if (section < elf->section_count)
        elf->sections[section].referred = true;
    return section < elf->section_count;
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* ld joins sections of one name, and of one name with something behind it: what goes with loaded ones is loaded. */
static void read_companions(struct elf *elf)
{
    for (size_t i = 1; i < elf->section_count; i++) {
        const char *loaded = elf_readable_name(elf, &elf->sections[i]);
        bool info = starts(loaded, ".gnu.linkonce.wi.");
        if ((elf->sections[i].flags & SHF_ALLOC) == 0 ||
            !(starts(loaded, ".debug_") || starts(loaded, ".gdb_index") || starts(loaded, ".comment") ||
              starts(loaded, ".gnu") || starts(loaded, ".note.gnu.gold-version")))
            continue;
        for (size_t k = 1; k < elf->section_count; k++) {
            const char *name = elf_readable_name(elf, &elf->sections[k]);
            if ((elf->sections[k].flags & SHF_ALLOC) == 0 && name[0] != '\0' &&
                (starts(loaded, name) || (info && starts(name, ".debug_info"))))
                elf->sections[k].referred = true;
        }
    }
}

/* Symbols that stand for the size or the address of a section by its name. */
static bool asks_for_sections(const struct elf *elf, const struct sec *symbols)
{
    uint64_t entry = elf->wide ? 24 : 16;
    if (symbols->link >= elf->section_count)
        return true;
    struct range strings = elf->sections[symbols->link].bytes;
    for (uint64_t at = symbols->bytes.begin; symbols->bytes.end - at >= entry; at += entry) {
        uint64_t name = elf_number(elf, at, 4), room = range_size(strings);
        const uint8_t *text = elf->bytes + strings.begin + name;
        if (name < room && ((room - name >= 8 && memcmp(text, ".sizeof.", 8) == 0) ||
                            (room - name >= 9 && memcmp(text, ".startof.", 9) == 0)))
            return true;
    }
    return false;
}

/* Relocations stand in SHT_REL and SHT_RELA; in a type that is not known there may be more of them. */
static bool has_unknown_type(const struct elf *elf)
{
    for (size_t i = 1; i < elf->section_count; i++) {
        uint64_t type = elf->sections[i].type;
        if (type > SHT_SYMTAB_SHNDX && type < 0x6ffffff5 && type >> 8 != 0x6fff4c)
            return true;
    }
    return false;
}

/* By a symbol that is not local, or by a relocation of what is loaded. */
static bool read_references(struct elf *elf)
{
    const struct sec *symbols = NULL, *indices = NULL;
    uint64_t entry = elf->wide ? 24 : 16;
    bool told = true;
    for (size_t i = 1; i < elf->section_count; i++) {
        const struct sec *section = &elf->sections[i];
        told = told && !(section->type == SHT_SYMTAB && symbols != NULL);
        symbols = section->type == SHT_SYMTAB ? section : symbols;
        indices = section->type == SHT_SYMTAB_SHNDX ? section : indices;
    }
    read_companions(elf);
    told = told && !has_unknown_type(elf) && (symbols == NULL || !asks_for_sections(elf, symbols));
    for (uint64_t i = 0; told && symbols != NULL && i < range_size(symbols->bytes) / entry; i++)
        told = elf_number(elf, symbols->bytes.begin + i * entry + (elf->wide ? 4 : 12), 1) >> 4 == STB_LOCAL ||
               refer(elf, symbols, indices, i);
    for (size_t i = 1; told && i < elf->section_count; i++) {
        const struct sec *section = &elf->sections[i];
        bool relocates = section->type == SHT_REL || section->type == SHT_RELA;
        if (!relocates || section->info >= elf->section_count || range_empty(section->bytes) ||
            (elf->sections[section->info].flags & SHF_ALLOC) == 0)
            continue;
        elf->sections[section->info].referred |= elf->sections[section->info].type == SHT_NOTE;
        told = symbols != NULL && section->entry_size >= (elf->wide ? 16 : 8);
        for (uint64_t at = section->bytes.begin; told && section->bytes.end - at >= section->entry_size;
             at += section->entry_size) {
            uint64_t info = elf_number(elf, at + (elf->wide ? 8 : 4), elf->wide ? 8 : 4);
            if (elf->wide && elf->machine == EM_MIPS)
                info = elf_number(elf, at + 8, 4) << 32;
            told = refer(elf, symbols, indices, elf->wide ? info >> 32 : info >> 8);
        }
    }
    return told;
}

/* ---- Owners, and what contradicts ---- */

static int owned_order(const void *left, const void *right)
{
    const struct owned *a = left, *b = right;
    return (a->range.begin > b->range.begin) - (a->range.begin < b->range.begin);
}

static void own(struct elf *elf, struct range range, uint32_t section)
{
    if (!range_empty(range))
        elf->owned[elf->owned_count++] = (struct owned){range, section};
}

static bool read_owners(struct elf *elf)
{
    uint64_t phoff = member(elf, 0, 32, 28);
    elf->owned = arena_alloc(elf->arena, elf->section_count + 3, sizeof(*elf->owned));
    if (elf->owned == NULL)
        return false;
    own(elf, (struct range){0, elf->header_size}, OWNED_HEADER);
    own(elf, (struct range){phoff, phoff + elf->segment_count * (elf->wide ? 56 : 32)}, OWNED_SEGMENTS);
    own(elf, (struct range){elf->shoff, elf->shoff + elf->section_count * elf->shentsize}, OWNED_SECTIONS);
    for (size_t i = 1; i < elf->section_count; i++)
        own(elf, elf->sections[i].bytes, (uint32_t)i);
    qsort(elf->owned, elf->owned_count, sizeof(*elf->owned), owned_order);
    for (size_t i = 0; i < elf->owned_count; i++) {
        if (i > 0 && elf->owned[i].range.begin < elf->owned[i - 1].range.end)
            elf->contradiction = "sections or tables overlap";
        if (elf->owned[i].range.end > elf->claimed_end)
            elf->claimed_end = elf->owned[i].range.end;
    }
    for (size_t i = 0; i < elf->segment_count; i++) {
        const struct seg *segment = &elf->segments[i];
        if (segment->type != PT_NULL && segment->file_size > 0 &&
            segment->offset + segment->file_size > elf->claimed_end)
            elf->claimed_end = segment->offset + segment->file_size;
    }
    return true;
}

/* The PT_LOADs, of which the last that begins at or below an address is the one that can hold it. */
struct loads {
    const struct seg **segments;
    size_t count;
};

/* Whether the segments map these bytes of a section to its address. */
static bool is_where_it_says(const struct loads *loads, const struct sec *section)
{
    size_t low = 0, high = loads->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (loads->segments[middle]->address > section->address)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == 0)
        return false;
    const struct seg *segment = loads->segments[low - 1];
    uint64_t inside = section->address - segment->address;
    if (inside > segment->memory_size || section->size > segment->memory_size - inside)
        return false;
    return section->type == SHT_NOBITS
               ? inside >= segment->file_size
               : inside + section->size <= segment->file_size && segment->offset + inside == section->offset;
}

/* Kernels and ld.so come to the program headers by different ways, which must end at the same bytes. */
static bool maps_its_headers(const struct elf *elf)
{
    uint64_t phoff = member(elf, 0, 32, 28), end = phoff + elf->segment_count * (elf->wide ? 56 : 32), difference = 0;
    bool interpreted = false, mapped = false, first = true;
    for (size_t i = 0; i < elf->segment_count; i++) {
        const struct seg *segment = &elf->segments[i];
        interpreted |= segment->type == PT_INTERP;
        if (segment->type != PT_LOAD)
            continue;
        if (first)
            difference = segment->address - segment->offset;
        first = false;
        mapped |= segment->offset <= phoff && end <= segment->offset + segment->file_size &&
                  segment->address - segment->offset == difference;
    }
    return !interpreted || mapped;
}

/* Pages between PT_LOADs hold bytes of the file that ld.so made unreadable, and would make readable as RELRO. */
static bool relro_is_loaded(const struct elf *elf, const struct seg *relro)
{
    uint64_t first = relro->address >> 12, behind = (relro->address + relro->memory_size) >> 12;
    if (first >= behind)
        return true;
    for (size_t i = 0; i < elf->segment_count; i++) {
        const struct seg *segment = &elf->segments[i];
        uint64_t end = segment->address + segment->memory_size;
        if (segment->type == PT_LOAD && segment->address >> 12 <= first && behind <= (end >> 12) + (end % 4096 != 0))
            return true;
    }
    return false;
}

/* On some machines the kernel takes EI_CLASS from e_machine: e_phentsize must not fit where the other class has it. */
static bool read_by_other_class(const struct elf *elf)
{
    static const uint64_t of_32_bits[] = {EM_386, EM_ARM, EM_PPC, EM_SPARC, EM_SPARC32PLUS, EM_68K, EM_SH};
    if (!elf->wide)
        return elf->size >= 64 && elf_number(elf, 54, 2) == 56;
    for (size_t i = 0; i < ARRAY_COUNT(of_32_bits); i++) {
        if (elf->machine == of_32_bits[i])
            return true;
    }
    return false;
}

/* ld.so reckons where it is from PT_PHDR; Android's goes by .dynamic's header to the names of libraries. */
static bool misleads_about_itself(const struct elf *elf)
{
    uint64_t phoff = member(elf, 0, 32, 28), at, strings;
    for (size_t i = 0; i < elf->segment_count; i++) {
        const struct seg *segment = &elf->segments[i];
        if (segment->type == PT_PHDR &&
            (segment->offset != phoff || !elf_place(elf, segment->address, 1, &at) || at != phoff))
            return true;
    }
    for (size_t i = 1; elf_dynamic(elf, DT_STRTAB, &strings) && i < elf->section_count; i++) {
        const struct sec *section = &elf->sections[i];
        if (section->type == SHT_DYNAMIC && (section->flags & SHF_ALLOC) != 0 && section->size > 0 &&
            section->link != 0 && section->link < elf->section_count && elf->sections[section->link].address != strings)
            return true;
    }
    return false;
}

static bool find_contradictions(struct elf *elf)
{
    struct loads loads = {arena_alloc(elf->arena, elf->segment_count, sizeof(*loads.segments)), 0};
    uint64_t end = 0;
    if (loads.segments == NULL)
        return false;
    for (size_t i = 0; elf->linked && i < elf->segment_count; i++) {
        const struct seg *segment = &elf->segments[i];
        if (segment->type != PT_LOAD)
            continue;
        if (segment->address < end || segment->file_size > segment->memory_size)
            elf->contradiction = "PT_LOADs overlap, or one has more in the file than in memory";
        end = segment->address + segment->memory_size;
        loads.segments[loads.count++] = segment;
    }
    for (size_t i = 0; elf->linked && i < elf->segment_count; i++) {
        if (elf->segments[i].type == PT_GNU_RELRO && !relro_is_loaded(elf, &elf->segments[i]))
            elf->contradiction = "PT_GNU_RELRO reaches beyond the pages of a PT_LOAD";
    }
    if (elf->linked && !maps_its_headers(elf))
        elf->contradiction = "no PT_LOAD maps the program headers to where ld.so reads them";
    for (size_t i = 1; elf->linked && elf->contradiction == NULL && i < elf->section_count; i++) {
        const struct sec *section = &elf->sections[i];
        bool loaded = (section->flags & SHF_ALLOC) != 0,
             tbss = section->type == SHT_NOBITS && (section->flags & SHF_TLS) != 0;
        if (section->type == SHT_NULL || section->size == 0 || tbss)
            continue;
        if (loaded && !is_where_it_says(&loads, section))
            elf->contradiction = "a section claims other bytes than its segment maps";
    }
    for (size_t i = 1; elf->linked && i < elf->section_count; i++) {
        const struct sec *section = &elf->sections[i];
        if ((section->flags & SHF_ALLOC) == 0 && section->link < elf->section_count &&
            section->type != SHT_SYMTAB_SHNDX && !range_empty(section->bytes))
            elf->sections[section->link].indexed = elf->sections[section->link].type == SHT_SYMTAB;
    }
    if (elf->linked && misleads_about_itself(elf))
        elf->contradiction = "PT_PHDR or the header of .dynamic names another place than ld.so reads";
    if (elf->linked && read_by_other_class(elf))
        elf->contradiction = "a kernel may read it as a file of the other class";
    elf->untold = elf->relocatable ? !read_references(elf) : !is_of_linux(elf->machine);
    if (elf->section_count > 0 && elf->shstrndx >= elf->section_count)
        elf->contradiction = "e_shstrndx is no section";
    return true;
}

bool elf_read(struct elf *elf, const char **what)
{
    *what = "is no ELF file that can be read";
    if (elf->size < 16 || memcmp(elf->bytes, ELFMAG, SELFMAG) != 0 || elf->bytes[EI_CLASS] < 1 ||
        elf->bytes[EI_CLASS] > 2 || elf->bytes[EI_DATA] < 1 || elf->bytes[EI_DATA] > 2)
        return false;
    elf->wide = elf->bytes[EI_CLASS] == ELFCLASS64;
    elf->big = elf->bytes[EI_DATA] == ELFDATA2MSB;
    elf->header_size = elf->wide ? 64 : 52;
    if (elf->size < elf->header_size)
        return false;
    elf->type = elf_number(elf, 16, 2);
    elf->machine = elf_number(elf, 18, 2);
    elf->linked = elf->type == ET_EXEC || elf->type == ET_DYN;
    elf->relocatable = elf->type == ET_REL;
    elf->page = page_size(elf->machine);
    if (!read_segments(elf) || !read_sections(elf) || !read_dynamic(elf))
        return false;
    uint64_t flags = 0;
    elf->program = elf->type == ET_EXEC || (elf_dynamic(elf, DT_FLAGS_1, &flags) && (flags & DF_1_PIE) != 0);
    if (!read_load_view(elf) || !read_owners(elf) || !find_contradictions(elf))
        return false;
    return true;
}

/* ---- Looking things up ---- */

static size_t first_owned_behind(const struct elf *elf, uint64_t at)
{
    size_t low = 0, high = elf->owned_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (elf->owned[middle].range.end > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct owned *elf_owner(const struct elf *elf, struct range range)
{
    size_t at = first_owned_behind(elf, range.begin);
    return at < elf->owned_count && range_contains(elf->owned[at].range, range) ? &elf->owned[at] : NULL;
}

bool elf_any_owner(const struct elf *elf, struct range range)
{
    size_t at = first_owned_behind(elf, range.begin);
    return at < elf->owned_count && range_overlaps(elf->owned[at].range, range);
}

const char *elf_section_name(const struct elf *elf, const struct sec *section)
{
    if (elf->shstrndx == 0 || elf->shstrndx >= elf->section_count)
        return "";
    struct range names = elf->sections[elf->shstrndx].bytes;
    if (section->name >= range_size(names))
        return NULL;
    const uint8_t *begin = elf->bytes + names.begin + section->name;
    uint64_t room = range_size(names) - section->name;
    return memchr(begin, 0, room < NAME_LIMIT ? room : NAME_LIMIT) != NULL ? (const char *)begin : NULL;
}

const char *elf_readable_name(const struct elf *elf, const struct sec *section)
{
    const char *name = elf_section_name(elf, section);
    return name != NULL ? name : "";
}

bool elf_address(const struct elf *elf, uint64_t at, uint64_t *address)
{
    for (size_t i = 0; i < elf->segment_count; i++) {
        const struct seg *segment = &elf->segments[i];
        if (segment->type == PT_LOAD && at >= segment->offset && at - segment->offset < segment->file_size) {
            *address = segment->address + (at - segment->offset);
            return true;
        }
    }
    return false;
}

bool elf_place(const struct elf *elf, uint64_t address, uint64_t size, uint64_t *at)
{
    for (size_t i = 0; i < elf->segment_count; i++) {
        const struct seg *segment = &elf->segments[i];
        uint64_t inside = address - segment->address;
        if (segment->type != PT_LOAD || address < segment->address || inside > segment->file_size ||
            size > segment->file_size - inside)
            continue;
        *at = segment->offset + inside;
        return true;
    }
    return false;
}

const uint8_t *elf_plain(const struct elf *elf, const struct sec *section, uint64_t *size, uint8_t **owned)
{
    uint64_t begin = section->bytes.begin, header = elf->wide ? 24 : 12;
    *owned = NULL;
    *size = range_size(section->bytes);
    if ((section->flags & SHF_COMPRESSED) == 0)
        return elf->bytes + begin;
    uint64_t packed = *size - header, type = elf_number(elf, begin, 4);
    if (*size < header)
        return NULL;
    *size = elf_number(elf, begin + (elf->wide ? 8 : 4), elf->wide ? 8 : 4);
    if (elf->decompressed > CONTENT_LIMIT(elf->size) || (elf->wide && elf_number(elf, begin + 4, 4) != 0))
        return NULL;
    *owned = malloc(*size + 1);
    uLong made = *size, used = packed;
    bool exact = false, exhausted = *owned == NULL;
    if (*owned != NULL && type == ELFCOMPRESS_ZLIB) {
        int status = uncompress2(*owned, &made, elf->bytes + begin + header, &used);
        exact = status == Z_OK && used == packed;
        exhausted = status == Z_MEM_ERROR;
    } else if (*owned != NULL && type == 2) {
        exact = packed >= 4 && memcmp(elf->bytes + begin + header, "\x28\xb5\x2f\xfd", 4) == 0 &&
                ZSTD_findFrameCompressedSize(elf->bytes + begin + header, packed) == packed &&
                (made = ZSTD_decompress(*owned, *size, elf->bytes + begin + header, packed)) == *size;
        exhausted = !exact && ZSTD_getErrorCode(made) == ZSTD_error_memory_allocation;
    }
    elf->arena->exhausted |= exhausted;
    return exact && made == *size ? *owned : NULL;
}

bool elf_stream_is_exact(const struct elf *elf, struct sec *section)
{
    if (section->exact == NOT_ASKED) {
        uint64_t size;
        uint8_t *owned;
        section->exact = elf_plain(elf, section, &size, &owned) != NULL ? YES : NO;
        free(owned);
    }
    return section->exact == YES;
}
