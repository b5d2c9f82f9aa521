/* Rules: each sets aside what it claims to know in an honest file, and nothing once one part of that is not so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"

static const struct {
    bool is64, big_endian;
} kinds[] = {{true, false}, {true, true}, {false, false}, {false, true}};

/* An honest program, laid out; `change` may alter it before that. */
static void program(struct built *built, void (*change)(struct built *built))
{
    built_program(built, true, false, ET_DYN);
    if (change != NULL)
        change(built);
    built_layout(built);
}

static enum rule_index rule_on(struct built *built, const char *name, uint64_t offset)
{
    return built_rule_at(built, built_named(built, name)->header.sh_offset + offset);
}

/* ---- All kinds of files ---- */

static void rules_apply_in_both_classes_and_byte_orders(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        for (uint16_t type = ET_EXEC; type <= ET_DYN; type++) {
            struct built built;
            built_program(&built, kinds[i].is64, kinds[i].big_endian, type);
            built_layout(&built);
            assert_int_equal(rule_on(&built, ".note.gnu.build-id", 16), RULE_BUILD_ID);
            assert_int_equal(rule_on(&built, ".note.gnu.build-id", 35), RULE_BUILD_ID);
            assert_int_equal(rule_on(&built, ".comment", 0), RULE_COMMENT);
            assert_int_equal(rule_on(&built, ".shstrtab", 1), RULE_SYMBOLS);
            assert_int_equal(built_rule_at(&built, built.header.e_shoff), RULE_SECTION_HEADERS);
            assert_int_equal(built_rule_at(&built, kinds[i].is64 ? 0x28 : 0x20), RULE_ELF_HEADER_SECTIONS);
        }
    }
}

static void nothing_else_of_a_program_is_set_aside(void **state)
{
    (void)state;
    struct built built;
    program(&built, NULL);
    assert_int_equal(rule_on(&built, ".text", 0), RULE_COUNT);
    assert_int_equal(rule_on(&built, ".rodata", 0), RULE_COUNT);
    assert_int_equal(rule_on(&built, ".data", 0), RULE_COUNT);
    assert_int_equal(rule_on(&built, ".note.gnu.build-id", 15), RULE_COUNT);
    assert_int_equal(built_rule_at(&built, 0x18), RULE_COUNT);
    assert_int_equal(built_rule_at(&built, built.header.e_phoff), RULE_COUNT);
}

/* ---- Build ID: each change makes the note another than the canonical one ---- */

static void assert_build_id_stays(struct built *built)
{
    assert_int_equal(rule_on(built, ".note.gnu.build-id", 16), RULE_COUNT);
    assert_int_equal(rule_on(built, ".note.gnu.build-id", 35), RULE_COUNT);
}

static void two_ids(struct built *built)
{
    built_note(built, ".note.more", SHF_ALLOC, NT_GNU_BUILD_ID, "another twenty bytes!", 20);
}

static void executable_id(struct built *built)
{
    built_named(built, ".note.gnu.build-id")->header.sh_flags |= SHF_EXECINSTR;
}

static void writable_id(struct built *built)
{
    built_named(built, ".note.gnu.build-id")->header.sh_flags |= SHF_WRITE;
}

static void wrong_type_of_note(struct built *built)
{
    built_named(built, ".note.gnu.build-id")->content[8] = NT_GNU_ABI_TAG;
}

static void wrong_owner_of_note(struct built *built)
{
    built_named(built, ".note.gnu.build-id")->content[12] = 'g';
}

static void descriptor_of_another_size(struct built *built)
{
    struct built_section *note = built_named(built, ".note.gnu.build-id");
    note->content[4] = 24;
    note->header.sh_size = 40;
}

static void bytes_behind_the_note(struct built *built)
{
    built_named(built, ".note.gnu.build-id")->header.sh_size += 4;
}

static void build_id_that_is_not_canonical_is_not_set_aside(void **state)
{
    (void)state;
    void (*const changes[])(struct built *) = {two_ids,
                                               executable_id,
                                               writable_id,
                                               wrong_type_of_note,
                                               wrong_owner_of_note,
                                               descriptor_of_another_size,
                                               bytes_behind_the_note};
    for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
        struct built built;
        program(&built, changes[i]);
        assert_build_id_stays(&built);
    }
}

static void build_id_in_an_executable_segment_is_not_set_aside(void **state)
{
    (void)state;
    struct built built;
    program(&built, NULL);
    built.segments[0].p_flags |= PF_X;
    built_write(&built);
    assert_build_id_stays(&built);
    /* Nor are the header's fields, which such a segment maps too. */
    assert_int_equal(built_rule_at(&built, 0x28), RULE_COUNT);
}

static void build_id_under_a_table_of_the_dynamic_segment_is_not_set_aside(void **state)
{
    (void)state;
    struct built built;
    built_program(&built, true, false, ET_DYN);
    uint64_t dynamic[6] = {DT_RELA, 0, DT_RELASZ, 4096, DT_NULL, 0};
    struct built_section *section =
        built_section(&built, ".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE, dynamic, sizeof(dynamic));
    section->header.sh_entsize = 16;
    section->header.sh_addralign = 8;
    built_layout(&built);
    built.segments[built.segment_count++] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                                         .p_flags = PF_R | PF_W,
                                                         .p_offset = section->header.sh_offset,
                                                         .p_vaddr = section->header.sh_addr,
                                                         .p_filesz = sizeof(dynamic),
                                                         .p_memsz = sizeof(dynamic),
                                                         .p_align = 8};
    built.header.e_phnum++;
    built_write(&built);
    assert_build_id_stays(&built);
    /* The same tables, ending before the note: now it is set aside. */
    dynamic[3] = 8;
    memcpy(section->content, dynamic, sizeof(dynamic));
    built_write(&built);
    assert_int_equal(rule_on(&built, ".note.gnu.build-id", 16), RULE_BUILD_ID);
}

/* ---- Sections that are named, but are not what the name says ---- */

static void a_comment_with_other_than_text_stays(void **state)
{
    (void)state;
    struct built built;
    program(&built, NULL);
    memcpy(built_named(&built, ".comment")->content, "\x7f\x45\x4c\x46", 4);
    built_write(&built);
    assert_int_equal(rule_on(&built, ".comment", 0), RULE_COUNT);
    memcpy(built_named(&built, ".comment")->content, "GCC: 123", 8); /* no NUL at its end */
    built_write(&built);
    assert_int_equal(rule_on(&built, ".comment", 0), RULE_COUNT);
}

static void loaded_comment(struct built *built)
{
    built_named(built, ".comment")->header.sh_flags |= SHF_ALLOC;
}

static void comment_as_note(struct built *built)
{
    built_named(built, ".comment")->header.sh_type = SHT_NOTE;
}

static void second_comment(struct built *built)
{
    built_section(built, ".comment", SHT_PROGBITS, 0, "payload", 8);
}

static void a_comment_of_other_kind_stays(void **state)
{
    (void)state;
    void (*const changes[])(struct built *) = {loaded_comment, comment_as_note, second_comment};
    for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
        struct built built;
        program(&built, changes[i]);
        assert_int_equal(rule_on(&built, ".comment", 0), RULE_COUNT);
    }
}

static void a_debuglink_is_a_name_zeros_and_a_crc(void **state)
{
    (void)state;
    static const struct {
        const char *content;
        size_t size;
        enum rule_index rule;
    } cases[] = {
        {"ab.debug\0\0\0\0CRC!", 16, RULE_DEBUGLINK}, {"ab.debug\0\0\1\0CRC!", 16, RULE_COUNT},
        {"ab.debug\0\0\0\0CRC!more", 20, RULE_COUNT}, {"\0\0\0\0CRC!", 8, RULE_COUNT},
        {"ab\x1b[m\0\0\0CRC!", 12, RULE_COUNT},       {"abcdefgh", 8, RULE_COUNT},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct built built;
        built_program(&built, true, false, ET_DYN);
        built_section(&built, ".gnu_debuglink", SHT_PROGBITS, 0, cases[i].content, cases[i].size);
        built_layout(&built);
        assert_int_equal(rule_on(&built, ".gnu_debuglink", 0), cases[i].rule);
    }
}

static void a_debugaltlink_is_a_name_and_twenty_bytes(void **state)
{
    (void)state;
    for (size_t size = 22; size < 27; size++) {
        struct built built;
        built_program(&built, true, false, ET_DYN);
        built_section(&built, ".gnu_debugaltlink", SHT_PROGBITS, 0, "dwz\0twenty bytes of an ID....", size);
        built_layout(&built);
        assert_int_equal(rule_on(&built, ".gnu_debugaltlink", 0), size == 24 ? RULE_DEBUGLINK : RULE_COUNT);
    }
}

static void what_is_no_xz_stream_is_no_minidebuginfo(void **state)
{
    (void)state;
    struct built built;
    built_program(&built, true, false, ET_DYN);
    built_section(&built, ".gnu_debugdata", SHT_PROGBITS, 0,
                  "\xfd"
                  "7zXZ\0payload",
                  13);
    built_layout(&built);
    assert_int_equal(rule_on(&built, ".gnu_debugdata", 0), RULE_COUNT);
}

static void debug_sections_end_where_their_structure_ends(void **state)
{
    (void)state;
    static const struct {
        const char *name, *content;
        size_t size;
        bool fits;
    } cases[] = {
        {".debug_str", "one\0two", 8, true},
        {".debug_str", "one\0two", 7, false},
        {".debug_info", "\4\0\0\0\5\0\1\10", 8, true},
        {".debug_info", "\4\0\0\0\5\0\1\10payload", 15, false},
        {".debug_info", "\5\0\0\0\5\0\1\10", 8, false},
        {".debug_info", "\4\0\0\0\6\0\1\10", 8, false},
        {".debug_abbrev", "\1\21\0\3\16\0\0\0", 8, true},
        {".debug_abbrev", "\1\21\0\3\16\0\0", 7, true},
        {".debug_abbrev", "\1\21\0\3\16\0", 6, false},
        {".debug_abbrev", "\1\21\2\3\16\0\0\0", 8, false},
        {".debug_ranges", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, true},
        {".debug_ranges", "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16, false},
        {".debug_gdb_scripts", "\1gdb.py", 8, true},
        {".debug_gdb_scripts", "\2gdb.py", 8, false},
        {".debug_cu_index", "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, true},
        {".debug_cu_index", "\2\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 16, false},
        {".debug_unknown", "one\0two", 8, false},
        {".debugger", "one\0two", 8, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct built built;
        built_program(&built, true, false, ET_DYN);
        built_section(&built, cases[i].name, SHT_PROGBITS, 0, cases[i].content, cases[i].size);
        built_layout(&built);
        enum rule_index rule = rule_on(&built, cases[i].name, 0);
        if (rule != (cases[i].fits ? RULE_DEBUG_INFO : RULE_COUNT))
            fail_msg("case %zu, %s: rule %d", i, cases[i].name, (int)rule);
    }
}

static void debug_sections_of_other_kind_stay(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct built built;
        built_program(&built, true, false, ET_DYN);
        struct built_section *section = built_section(&built, ".debug_str", SHT_PROGBITS, 0, "one\0two", 8);
        if (i == 0)
            section->header.sh_type = SHT_NOTE;
        if (i == 1)
            section->header.sh_flags = SHF_ALLOC;
        if (i == 2)
            section->header.sh_flags = SHF_OS_NONCONFORMING;
        if (i == 3)
            built_section(&built, ".debug_str", SHT_PROGBITS, 0, "again", 6);
        built_layout(&built);
        assert_int_equal(rule_on(&built, ".debug_str", 0), RULE_COUNT);
    }
}

/* ---- Compression ---- */

static struct built_section *compressed(struct built *built, const char *name, uint64_t stated, size_t more)
{
    static const char text[] = "strings\0of some length\0strings\0of some length";
    uint8_t content[256] = {1};
    uLongf size = sizeof(content) - 24;
    memcpy(content + 8, &stated, 8);
    content[16] = 1;
    assert_int_equal(compress(content + 24, &size, (const Bytef *)text, sizeof(text)), Z_OK);
    return built_section(built, name, SHT_PROGBITS, SHF_COMPRESSED, content, 24 + size + more);
}

static void a_stream_that_is_not_exact_is_no_content(void **state)
{
    (void)state;
    const uint64_t exact = sizeof("strings\0of some length\0strings\0of some length");
    const struct {
        uint64_t stated;
        size_t more;
        bool sound;
    } cases[] = {
        {exact, 0, true}, {exact, 1, false}, {exact - 1, 0, false}, {exact + 1, 0, false}, {1ull << 40, 0, false}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct built built;
        built_program(&built, true, false, ET_DYN);
        compressed(&built, ".debug_str", cases[i].stated, cases[i].more);
        compressed(&built, ".debug_other", cases[i].stated, cases[i].more);
        built_layout(&built);
        assert_int_equal(rule_on(&built, ".debug_str", 0), cases[i].sound ? RULE_DEBUG_INFO : RULE_COUNT);
        assert_int_equal(rule_on(&built, ".debug_other", 30), cases[i].sound ? RULE_COMPRESSION : RULE_COUNT);
    }
}

/* ---- Symbols ---- */

static void add_symbols(struct built *built, const char *strings, size_t size, uint32_t name)
{
    uint8_t symbols[48] = {0};
    memcpy(symbols + 24, &name, 4);
    struct built_section *table = built_section(built, ".symtab", SHT_SYMTAB, 0, symbols, sizeof(symbols));
    table->header.sh_entsize = 24;
    table->header.sh_info = 1;
    table->header.sh_link = (Elf64_Word)built->section_count;
    built_section(built, ".strtab", SHT_STRTAB, 0, strings, size);
}

static void symbols_are_set_aside_with_all_their_strings_used(void **state)
{
    (void)state;
    static const struct {
        const char *strings;
        size_t size;
        uint32_t name;
        bool sound;
    } cases[] = {
        {"\0main", 6, 1, true},  {"\0main\0payload", 14, 1, false},
        {"\0main", 6, 6, false}, {"\0xmain", 7, 2, true /* a suffix */},
        {"\0main", 5, 1, false}, {"main", 5, 0, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct built built;
        built_program(&built, true, false, ET_DYN);
        add_symbols(&built, cases[i].strings, cases[i].size, cases[i].name);
        built_layout(&built);
        enum rule_index expected = cases[i].sound ? RULE_SYMBOLS : RULE_COUNT;
        assert_int_equal(rule_on(&built, ".symtab", 0), expected);
        assert_int_equal(rule_on(&built, ".strtab", 0), expected);
    }
}

static void symbols_of_objects_stay(void **state)
{
    (void)state;
    struct built built;
    built_begin(&built, true, false, ET_REL);
    add_symbols(&built, "\0main", 6, 1);
    built_layout(&built);
    assert_int_equal(rule_on(&built, ".symtab", 0), RULE_COUNT);
    assert_int_equal(rule_on(&built, ".strtab", 0), RULE_COUNT);
}

static void an_unused_section_name_keeps_the_names(void **state)
{
    (void)state;
    struct built built;
    program(&built, NULL);
    struct built_section *names = built_named(&built, ".shstrtab");
    memcpy(names->content + names->header.sh_size, "payload", 8);
    /* There is room before the section headers only where nothing follows: the comment is moved away. */
    built_named(&built, ".comment")->header.sh_offset += 64;
    names->header.sh_size += 8;
    built.header.e_shoff += 128;
    built.size += 128;
    built_write(&built);
    assert_int_equal(rule_on(&built, ".shstrtab", 1), RULE_COUNT);
}

/* ---- Notes outside the load view ---- */

static void unloaded_notes_are_known_ones_only(void **state)
{
    (void)state;
    struct built built;
    built_program(&built, true, false, ET_DYN);
    built_note(&built, ".note.gnu.gold-version", 0, NT_GNU_GOLD_VERSION, "gold 1.16\0\0", 12);
    built_note(&built, ".note.other", 0, NT_GNU_GOLD_VERSION, "gold 1.16\0\0", 12);
    built_layout(&built);
    assert_int_equal(rule_on(&built, ".note.gnu.gold-version", 0), RULE_UNLOADED_NOTES);
    assert_int_equal(rule_on(&built, ".note.other", 0), RULE_COUNT);
    built_named(&built, ".note.gnu.gold-version")->content[8] = 9;
    built_write(&built);
    assert_int_equal(rule_on(&built, ".note.gnu.gold-version", 0), RULE_COUNT);
}

/* ---- Layout ---- */

static void nothing_moves_in_a_file_with_an_overlay(void **state)
{
    (void)state;
    struct built built;
    program(&built, NULL);
    built.bytes[built.size++] = 'x';
    assert_int_equal(built_rule_at(&built, built.header.e_shoff), RULE_COUNT);
    assert_int_equal(built_rule_at(&built, 0x28), RULE_COUNT);
    assert_int_equal(built_rule_at(&built, built.size - 1), RULE_COUNT);
    assert_int_equal(rule_on(&built, ".comment", 0), RULE_COMMENT);
}

static void padding_that_is_not_zero_stays(void **state)
{
    (void)state;
    struct built built;
    program(&built, NULL);
    uint64_t gap = built.header.e_shoff - 1;
    const struct built_section *last = built_named(&built, ".comment");
    assert_true(last->header.sh_offset + last->header.sh_size <= gap);
    assert_int_equal(built_rule_at(&built, gap), RULE_PADDING);
    built.bytes[gap] = 1;
    assert_int_equal(built_rule_at(&built, gap), RULE_COUNT);
}

static void a_section_that_stays_keeps_its_name_and_type(void **state)
{
    (void)state;
    struct built vendor, rebuilt;
    built_program(&vendor, true, false, ET_DYN);
    built_section(&vendor, ".payload", SHT_PROGBITS, 0, "content", 8);
    rebuilt = vendor;
    built_layout(&vendor);
    struct built_section *section = built_named(&rebuilt, ".payload");
    memcpy(section->name, ".payl0ad", 9);
    built_layout(&rebuilt);
    assert_int_equal(built_verdict(&vendor, &rebuilt), COMPARE_DIFFERENT);
    memcpy(section->name, ".payload", 9);
    section->header.sh_type = SHT_LOUSER;
    built_layout(&rebuilt);
    assert_int_equal(built_verdict(&vendor, &rebuilt), COMPARE_DIFFERENT);
    section->header.sh_type = SHT_PROGBITS;
    section->header.sh_entsize = 4;
    built_layout(&rebuilt);
    assert_int_equal(built_verdict(&vendor, &rebuilt), COMPARE_DIFFERENT);
    section->header.sh_entsize = 0;
    built_named(&rebuilt, ".comment")->content[0] = 'g';
    built_layout(&rebuilt);
    assert_int_equal(built_verdict(&vendor, &rebuilt), COMPARE_EQUIVALENT);
}

static void slack_of_an_executable_page_is_not_set_aside(void **state)
{
    (void)state;
    struct built vendor, rebuilt;
    program(&vendor, NULL);
    rebuilt = vendor;
    rebuilt.bytes[vendor.segments[1].p_offset + vendor.segments[1].p_filesz] = 0xcc;
    assert_int_equal(built_verdict(&vendor, &rebuilt), COMPARE_DIFFERENT);
}

static void what_is_behind_data_without_bss_is_mapped_and_stays(void **state)
{
    (void)state;
    struct built built;
    program(&built, NULL);
    assert_int_equal(rule_on(&built, ".comment", 0), RULE_COMMENT);
    built.segments[2].p_memsz = built.segments[2].p_filesz;
    built_write(&built);
    assert_int_equal(rule_on(&built, ".comment", 0), RULE_COUNT);
    assert_int_equal(built_rule_at(&built, built.header.e_shoff), RULE_COUNT);
}

static void an_anomaly_disables_every_rule(void **state)
{
    (void)state;
    struct built built;
    program(&built, NULL);
    built_named(&built, ".text")->header.sh_type = SHT_NOBITS;
    built_write(&built);
    for (uint64_t offset = 0; offset < built.size; offset++) {
        if (offset % 64 == 0)
            assert_int_equal(built_rule_at(&built, offset), RULE_COUNT);
    }
}

/* Relocations of debug information go with it; what relocates those has no meaning that is known. */
static void relocations_of_relocations_stay(void **state)
{
    (void)state;
    static struct built built;
    built_program(&built, true, false, ET_REL);
    built_section(&built, ".debug_str", SHT_PROGBITS, 0, "name", 5);
    uint32_t debug = (uint32_t)built.section_count - 1;
    for (uint32_t i = 0; i < 2; i++) {
        char name[32];
        snprintf(name, sizeof(name), ".rela.%u", i);
        struct built_section *section =
            built_section(&built, name, SHT_RELA, SHF_INFO_LINK, "relocates what is before it", 24);
        section->header.sh_entsize = 24;
        section->header.sh_info = debug + i;
    }
    built_layout(&built);
    assert_int_equal(rule_on(&built, ".rela.0", 0), RULE_DEBUG_INFO);
    assert_int_equal(rule_on(&built, ".rela.1", 0), RULE_COUNT);
}

static void relocations_of_what_another_rule_sets_aside_stay(void **state)
{
    (void)state;
    static struct built built;
    built_program(&built, true, false, ET_REL);
    uint32_t comment = (uint32_t)(built_named(&built, ".comment") - built.sections);
    struct built_section *section =
        built_section(&built, ".rela", SHT_RELA, SHF_INFO_LINK, "relocates what is before it", 24);
    section->header.sh_entsize = 24;
    section->header.sh_info = comment;
    built_layout(&built);
    assert_int_equal(rule_on(&built, ".comment", 0), RULE_COMMENT);
    assert_int_equal(rule_on(&built, ".rela", 0), RULE_COUNT);
}

static void objects_may_move_their_sections(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        struct built vendor, rebuilt;
        built_begin(&vendor, kinds[i].is64, kinds[i].big_endian, ET_REL);
        built_section(&vendor, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "code", 4);
        built_section(&vendor, ".debug_str", SHT_PROGBITS, 0, "/short", 7);
        built_section(&vendor, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, "data", 4);
        rebuilt = vendor;
        struct built_section *strings = built_named(&rebuilt, ".debug_str");
        memcpy(strings->content, "/much/longer", 13);
        strings->header.sh_size = 13;
        built_layout(&vendor);
        built_layout(&rebuilt);
        assert_int_equal(built_verdict(&vendor, &rebuilt), COMPARE_EQUIVALENT);
        built_named(&rebuilt, ".data")->content[0] = 'D';
        built_write(&rebuilt);
        assert_int_equal(built_verdict(&vendor, &rebuilt), COMPARE_DIFFERENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_apply_in_both_classes_and_byte_orders),
        cmocka_unit_test(nothing_else_of_a_program_is_set_aside),
        cmocka_unit_test(build_id_that_is_not_canonical_is_not_set_aside),
        cmocka_unit_test(build_id_in_an_executable_segment_is_not_set_aside),
        cmocka_unit_test(build_id_under_a_table_of_the_dynamic_segment_is_not_set_aside),
        cmocka_unit_test(a_comment_with_other_than_text_stays),
        cmocka_unit_test(a_comment_of_other_kind_stays),
        cmocka_unit_test(a_debuglink_is_a_name_zeros_and_a_crc),
        cmocka_unit_test(a_debugaltlink_is_a_name_and_twenty_bytes),
        cmocka_unit_test(what_is_no_xz_stream_is_no_minidebuginfo),
        cmocka_unit_test(debug_sections_end_where_their_structure_ends),
        cmocka_unit_test(debug_sections_of_other_kind_stay),
        cmocka_unit_test(a_stream_that_is_not_exact_is_no_content),
        cmocka_unit_test(symbols_are_set_aside_with_all_their_strings_used),
        cmocka_unit_test(symbols_of_objects_stay),
        cmocka_unit_test(an_unused_section_name_keeps_the_names),
        cmocka_unit_test(unloaded_notes_are_known_ones_only),
        cmocka_unit_test(nothing_moves_in_a_file_with_an_overlay),
        cmocka_unit_test(padding_that_is_not_zero_stays),
        cmocka_unit_test(a_section_that_stays_keeps_its_name_and_type),
        cmocka_unit_test(slack_of_an_executable_page_is_not_set_aside),
        cmocka_unit_test(what_is_behind_data_without_bss_is_mapped_and_stays),
        cmocka_unit_test(an_anomaly_disables_every_rule),
        cmocka_unit_test(relocations_of_relocations_stay),
        cmocka_unit_test(relocations_of_what_another_rule_sets_aside_stay),
        cmocka_unit_test(objects_may_move_their_sections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
