/* The table of rules, and the one place where a range is set aside. */
#include "rules.h"

#include <string.h>

const struct rule rule_table[RULE_FILES] = {
    [RULE_BUILD_ID] =
        {
            .info =
                {
                    .id = "build-id",
                    .tier = "record",
                    .hides = "the descriptor of the build-ID note (8, 16, 20 or 32 bytes)",
                    .verifies = "one NT_GNU_BUILD_ID note of owner GNU in the image; its PT_NOTE consists of whole "
                                "notes to its end, the same to readers of any alignment; the descriptor is in no "
                                "executable mapping, under no other program header, and no tag of the dynamic segment "
                                "leads to it; in relocatable files it is named .note.gnu.build-id and nothing refers "
                                "to it",
                    .reason = "the ID is a digest of the linked file or a random number; neither kernel nor ld.so "
                              "acts on it, and debuggers use it only to find debug files",
                    .unsound = "a program that reads its own build ID and acts on its value, which its source shows",
                    .source = "binutils ld --build-id; glibc elf/dl-load.c (open_verify reads ABI tags only)",
                    .in_standard = true,
                },
            .claim = claim_build_id,
        },
    [RULE_ELF_HEADER_SECTIONS] =
        {
            .info =
                {
                    .id = "elf-header-sections",
                    .tier = "record",
                    .hides = "e_shoff, e_shentsize, e_shnum and e_shstrndx of the ELF header of linked files",
                    .verifies = "rule section-headers applies to the table that they name; the ELF header is in no "
                                "executable mapping",
                    .reason = "neither the kernel nor ld.so reads these fields",
                    .unsound = "a program that reads its own ELF header to find data by section",
                    .source = "gABI chapter 4; linux fs/binfmt_elf.c; glibc elf/dl-load.c",
                    .in_standard = true,
                },
        },
    [RULE_SECTION_HEADERS] =
        {
            .info =
                {
                    .id = "section-headers",
                    .tier = "inert",
                    .hides = "the section header table of linked files; headers of sections that stay are restated",
                    .verifies = "a machine that Linux runs; every allocated section lies where its segment maps it; no "
                                "view disagrees; the table "
                                "lies outside the load view; the file has no overlay that could be found by its "
                                "offset; sections that stay refer to no other",
                    .reason = "a program is loaded by its program headers alone",
                    .unsound = "a program that reads its own section headers; a loader that goes by them (Android's "
                               "refuses a library without, U-Boot's bootelf may)",
                    .source = "gABI chapters 4 and 5; linux fs/binfmt_elf.c",
                    .in_standard = true,
                },
        },
    [RULE_SECTION_PLACEMENT] =
        {
            .info =
                {
                    .id = "section-placement",
                    .tier = "derived",
                    .hides = "in relocatable files, e_shoff and sh_offset, and the size and compression of sections "
                             "whose content is set aside; the section header table is restated with these "
                             "recomputed",
                    .verifies = "sections do not overlap, and what is between them is zero",
                    .reason = "a linker finds a section by its index; where it lies in the file has no meaning",
                    .unsound = "a consumer that reads an object by fixed offsets",
                    .source = "gABI chapter 4",
                    .in_standard = true,
                },
        },
    [RULE_COMMENT] =
        {
            .info =
                {
                    .id = "comment",
                    .tier = "inert",
                    .hides = ".comment",
                    .verifies = "the only section of that name that is not loaded; SHT_PROGBITS, flags MERGE and "
                                "STRINGS at most, outside the load view; NUL-terminated printable strings of at most "
                                "64 KiB together; in relocatable files "
                                "nothing that is loaded refers to it",
                    .reason = "names of the compilers and the linker; never loaded",
                    .unsound = "a program that reads its own file",
                    .source = "gABI chapter 4, special sections",
                    .in_standard = true,
                },
            .claim = claim_comment,
        },
    [RULE_SYMBOLS] =
        {
            .info =
                {
                    .id = "symbols",
                    .tier = "inert",
                    .hides = ".symtab, its string table and .shstrtab, in linked files",
                    .verifies = "found by type and sh_link, outside the load view; whole entries; every name inside "
                                "its string table; every string of the tables is some symbol's or section's name; no "
                                "relocations that stay name its entries",
                    .reason = "ld.so binds by .dynsym alone; these serve debuggers and strip",
                    .unsound = "a program that reads its own symbol table",
                    .source = "gABI chapter 4, symbol table",
                    .in_standard = true,
                },
            .claim = claim_symbols,
        },
    [RULE_DEBUG_INFO] =
        {
            .info =
                {
                    .id = "debug-info",
                    .tier = "inert",
                    .hides = "the .debug_* sections of DWARF 2 to 5, .gdb_index and .debug_gdb_scripts that name "
                             "files, and in relocatable files their relocations",
                    .verifies = "known names only, once each among what linked files do not load; SHT_PROGBITS, "
                                "outside the load view; the content, decompressed, is a chain of units, strings or "
                                "tables that ends where the section ends; in relocatable files "
                                "nothing that is loaded refers to it or has its name",
                    .reason = "debuggers read it; it is never loaded",
                    .unsound = "a program that reads its own debug information, to print a backtrace for example",
                    .source = "DWARF 5, chapters 6 and 7; gdb documentation, \"Index Section Format\"",
                    .in_standard = true,
                },
            .claim = claim_debug_info,
        },
    [RULE_DEBUGLINK] =
        {
            .info =
                {
                    .id = "debuglink",
                    .tier = "inert",
                    .hides = ".gnu_debuglink and .gnu_debugaltlink",
                    .verifies =
                        "outside the load view; a printable file name, zero padding, and a CRC (debuglink) or a "
                        "20-byte build ID (altlink), and nothing else",
                    .reason = "tells debuggers the name of the separate debug file; never loaded, and never followed "
                              "by this tool",
                    .unsound = "a program that reads its own file",
                    .source = "gdb documentation, \"Separate Debug Files\"; dwz(1)",
                    .in_standard = true,
                },
            .claim = claim_debuglink,
        },
    [RULE_MINIDEBUGINFO] =
        {
            .info =
                {
                    .id = "minidebuginfo",
                    .tier = "inert",
                    .hides = ".gnu_debugdata",
                    .verifies =
                        "outside the load view; one xz stream that ends where the section ends and holds an ELF "
                        "file of the same class, byte order and machine",
                    .reason = "a compressed symbol table for debuggers; never loaded",
                    .unsound = "a program that reads its own file",
                    .source = "gdb documentation, \"MiniDebugInfo\"",
                    .in_standard = true,
                },
            .claim = claim_minidebuginfo,
        },
    [RULE_UNLOADED_NOTES] =
        {
            .info =
                {
                    .id = "unloaded-notes",
                    .tier = "inert",
                    .hides = ".note.gnu.gold-version and annobin's .gnu.build.attributes",
                    .verifies = "SHT_NOTE outside the load view; whole notes to its end, all of owner GNU and type 4, "
                                "or of an owner that begins with GA and of type 0x100 or 0x101",
                    .reason = "name the linker and the compiler's options; never loaded",
                    .unsound = "a program that reads its own file",
                    .source = "gold/layout.cc; annobin documentation, \"Watermark notes\"",
                    .in_standard = true,
                },
            .claim = claim_unloaded_notes,
        },
    [RULE_COMPRESSION] =
        {
            .info =
                {
                    .id = "compression",
                    .tier = "derived",
                    .hides = "the compressed form of SHF_COMPRESSED .debug_* sections, which are compared by their "
                             "plain content",
                    .verifies = "debug information by its name, which its readers decompress; zlib or zstd; the stream "
                                "uses up the section exactly and yields ch_size exactly; the section is outside the "
                                "load view and may be laid out anew",
                    .reason = "the same content, compressed by other means or not at all",
                    .unsound = "nothing that reads the section by its content",
                    .source = "gABI chapter 4, compressed sections; RFC 1950; RFC 8878",
                    .in_standard = true,
                },
        },
    [RULE_PADDING] =
        {
            .info =
                {
                    .id = "padding",
                    .tier = "inert",
                    .hides = "zero bytes between sections behind the load view, and in relocatable files",
                    .verifies = "all zero; claimed by no header, section or segment; outside the load view",
                    .reason = "alignment",
                    .unsound = "a program that reads its own file by offsets",
                    .source = "gABI chapter 4, sh_addralign",
                    .in_standard = true,
                },
        },
    [RULE_MOVED_CODE] =
        {
            .info =
                {
                    .id = "moved-code",
                    .tier = "moved",
                    .hides = "in code, the bits of addresses, and all of code that stands elsewhere",
                    .verifies = "both sides' instructions are equal but for address operands, and each of these leads "
                                "to its counterpart; indirect jumps are followed through their tables",
                    .reason = "the same reference to the same thing, which stands at another address",
                    .unsound =
                        "a program that reads its own code or data as bytes, or acts on how far apart two things are",
                    .source = "the machine's architecture manual; System V psABI",
                },
        },
    [RULE_MOVED_DATA] =
        {
            .info =
                {
                    .id = "moved-data",
                    .tier = "moved",
                    .hides = "in data, pointers, and all of data that stands elsewhere",
                    .verifies =
                        "both sides' bytes are equal but for words that a relocation fills in, that are addresses in "
                        "an executable that is not moved, or that are places in a table that code jumps by; each leads "
                        "to its counterpart; data that stands elsewhere is found by a name or a reference of its own",
                    .reason = "the same reference to the same thing, which stands at another address",
                    .unsound =
                        "a program that reads its own code or data as bytes, or acts on how far apart two things are",
                    .source = "gABI chapter 5, relocations; System V psABI",
                },
        },
    [RULE_MOVED_TABLES] =
        {
            .info =
                {
                    .id = "moved-tables",
                    .tier = "moved",
                    .hides = "entries of the dynamic section, symbol, string, hash, version and relocation tables",
                    .verifies = "each entry has one on the other side that says the same of the counterpart; hash "
                                "tables are recomputed on both sides",
                    .reason = "ld.so finds entries by name and by what they say, not by their place",
                    .unsound = "a program that reads these tables by index",
                    .source = "gABI chapter 5; glibc elf/dl-lookup.c",
                },
        },
    [RULE_MOVED_UNWIND] =
        {
            .info =
                {
                    .id = "moved-unwind",
                    .tier = "moved",
                    .hides = ".eh_frame, .eh_frame_hdr, .gcc_except_table, .ARM.exidx and .ARM.extab",
                    .verifies = "each record describes the counterpart of a function, by the same instructions, and "
                                "leads to counterparts; the search table is recomputed on both sides",
                    .reason = "unwinders find records by the address that they describe",
                    .unsound = "a program that reads these tables by itself",
                    .source = "LSB, Exception Frames; DWARF 5, chapter 6.4; ARM EHABI",
                },
        },
    [RULE_MOVED_HEADERS] =
        {
            .info =
                {
                    .id = "moved-headers",
                    .tier = "moved",
                    .hides = "e_entry and program headers",
                    .verifies = "the entry points are counterparts; each segment has one on the other side of the same "
                                "type, flags and alignment that begins and ends with the same sections",
                    .reason = "what is mapped by them is compared byte by byte",
                    .unsound = "a program that reads its own program headers and acts on sizes",
                    .source = "gABI chapter 5",
                },
        },
    [RULE_MOVED_PADDING] =
        {
            .info =
                {
                    .id = "moved-padding",
                    .tier = "moved",
                    .hides = "alignment between functions, data and sections that are loaded",
                    .verifies = "nothing refers to it; instructions that do nothing or traps between functions, zeros "
                                "elsewhere, fewer than 64 bytes between two things of a section; what follows in data "
                                "is found by a name or a reference",
                    .reason = "things are aligned at other addresses",
                    .unsound = "a program that reads beyond the end of an object",
                    .source = "System V psABI, alignment",
                },
        },
};

const struct compare_rule_info *compare_rule_at(size_t index)
{
    if (index < RULE_FILES)
        return &rule_table[index].info;
    return index < RULE_COUNT ? &container_rule_table[index - RULE_FILES] : NULL;
}

enum rule_index rule_named(const char *id)
{
    size_t index = 0;
    while (index < RULE_COUNT && strcmp(compare_rule_at(index)->id, id) != 0)
        index++;
    return (enum rule_index)index;
}

bool claim_range(struct claims *claims, enum rule_index rule, struct range range)
{
    bool record = strcmp(rule_table[rule].info.tier, "inert") != 0;
    if (!claims->rules->accepted[rule] || range_empty(range) || range.end > claims->image->size)
        return false;
    if (image_is_executable(claims->image, range) || (!record && image_in_load_view(claims->image, range)))
        return false;
    struct aside *aside = list_add(&claims->asides);
    if (aside == NULL)
        claims_no_memory(claims);
    if (aside != NULL)
        *aside = (struct aside){.range = range, .rule = rule};
    return aside != NULL;
}

void claims_no_memory(struct claims *claims)
{
    claims->failure =
        error_set(claims->error, COMPARE_ERROR_MEMORY, claims->image->path, "no memory for its normal form");
}

bool claims_content(struct claims *claims, const struct section *section, struct content *content)
{
    struct compare_error error;
    int status = image_content(claims->image, section, &claims->decompressed, content, &error);
    if (status == 0 || status == COMPARE_ERROR_MALFORMED || claims->failure != 0)
        return status == 0;
    claims->failure = status;
    if (claims->error != NULL)
        *claims->error = error;
    return false;
}

bool claim_section(struct claims *claims, enum rule_index rule, const struct section *section)
{
    if ((section->flags & SHF_ALLOC) != 0 || claims->referred[section->index] ||
        image_in_load_view(claims->image, section->bytes) || section_claimed(claims, section) ||
        !claim_range(claims, rule, section->bytes))
        return false;
    claims->sections[section->index] = true;
    return true;
}

bool section_claimed(const struct claims *claims, const struct section *section)
{
    return claims->sections[section->index];
}

static bool goes_by_its_name(const struct section *section)
{
    return (section->flags & SHF_ALLOC) == 0 && !range_empty(section->bytes) &&
           (section->type == SHT_PROGBITS || section->type == SHT_MIPS_DWARF);
}

const struct section *named_section(const struct image *image, const char *name)
{
    const struct section *found = NULL;
    if (!image_is_linked(image))
        return image_section_named(image, name);
    for (uint64_t i = 1; i < image->section_count; i++) {
        if (!goes_by_its_name(&image->sections[i]) || strcmp(image->sections[i].name, name) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = &image->sections[i];
    }
    return found;
}

bool is_plain_text(const uint8_t *bytes, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        if ((bytes[i] < 0x20 || bytes[i] > 0x7e) && bytes[i] != '\t')
            return false;
    }
    return true;
}
