/*
 * Which sections that are not loaded the checker lets a rule set aside: by their kind, by what refers to them in
 * objects, and by what they come to when they are decompressed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"
#include "reading.h"

static const struct {
    bool wide, big;
} kinds[] = {{true, false}, {true, true}, {false, false}, {false, true}};

static struct built built;
static struct arena arena;

/* The checker's reading of what was built; it must be one that it can read. */
static struct elf reading(void)
{
    struct elf elf = {.side = "vendor", .bytes = built.bytes, .size = built.size, .arena = &arena};
    const char *what = NULL;
    if (!elf_read(&elf, &what))
        fail_msg("%s", what);
    return elf;
}

static bool holds_at(const char *rule, uint64_t offset, uint64_t size)
{
    struct elf elf = reading();
    bool holds = condition_holds(&elf, rule, (struct range){offset, offset + size});
    arena_free(&arena);
    return holds;
}

/* Of the first bytes of a section's content. */
static bool holds(const char *rule, const char *name, uint64_t offset, uint64_t size)
{
    return holds_at(rule, built_named(&built, name)->header.sh_offset + offset, size);
}

static void program(void)
{
    built_program(&built, true, false, ET_DYN);
}

static void object(void)
{
    built_program(&built, true, false, ET_REL);
}

static struct built_section *add(const char *name, uint32_t type, uint64_t flags, const void *content, size_t size)
{
    return built_section(&built, name, type, flags, content, size);
}

/* ---- Sections that are not loaded ---- */

struct sample {
    const char *rule, *name;
    uint32_t type;
    uint64_t flags;
    const char *bytes;
    size_t size;
    bool goes;
};

#define XZ_32                                                                                                          \
    "\xfd"                                                                                                             \
    "7zXZ\0"                                                                                                           \
    "twenty-four bytes of it\0"                                                                                        \
    "YZ" /* 6 + 24 + 2 */

static const struct sample samples[] = {
    {"comment", ".comment2", SHT_PROGBITS, 0, "GCC", 4, false},
    {"comment", ".comment.dwo", SHT_PROGBITS, 0, "GCC", 4, false},
    {"debuglink", ".gnu_debuglink", SHT_PROGBITS, 0, "a.debug\0\1\2\3\4", 12, true},
    {"debuglink", ".gnu_debuglink", SHT_PROGBITS, 0, "a.debug\0\1\2\3\4\0\0\0", 16, false},
    {"debuglink", ".gnu_debuglink", SHT_PROGBITS, 0, "a.debu\0x\1\2\3\4", 12, false},
    {"debuglink", ".gnu_debuglink", SHT_PROGBITS, 0, "a\nb\0\1\2\3\4", 8, false},
    {"debuglink", ".gnu_debuglink", SHT_PROGBITS, 0, "\0\0\0\0\1\2\3\4", 8, false},
    {"debuglink", ".gnu_debuglink", SHT_PROGBITS, SHF_STRINGS, "a.debug\0\1\2\3\4", 12, false},
    {"debuglink", ".gnu_debugaltlink", SHT_PROGBITS, 0, "a\tb\0twenty bytes, of an ID", 24, true},
    {"debuglink", ".gnu_debugaltlink", SHT_PROGBITS, 0, "a\tb\0twenty bytes, of an ID", 25, false},
    {"debuglink", ".gnu_debugaltlink", SHT_PROGBITS, 0, "a\tb\0twenty bytes, of an ID", 23, false},
    {"debuglink", ".gnu_debugaltlink", SHT_PROGBITS, 0, "a\177b\0twenty bytes, of an ID", 24, false},
    {"minidebuginfo", ".gnu_debugdata", SHT_PROGBITS, 0, XZ_32, 32, true},
    {"minidebuginfo", ".gnu_debugdata", SHT_PROGBITS, 0, XZ_32, 31, false},
    {"minidebuginfo", ".gnu_debugdata", SHT_PROGBITS, 0, "no such stream, though it ends in the same: YZ", 46, false},
    {"minidebuginfo", ".gnu_debugdata", SHT_NOTE, 0, XZ_32, 32, false},
    {"debug-info", ".debug_info", SHT_PROGBITS, 0, "any", 3, true},
    {"debug-info", ".debug_info.dwo", SHT_PROGBITS, 0, "any", 3, true},
    {"debug-info", ".debug_info", 0x7000001e, 0, "any", 3, true},
    {"comment", ".comment.mips", 0x7000001e, 0, "GCC", 4, false},
    {"debug-info", ".debug_inf", SHT_PROGBITS, 0, "any", 3, false},
    {"debug-info", ".debug_info .debug_types", SHT_PROGBITS, 0, "any", 3, false},
    {"debug-info", "", SHT_PROGBITS, 0, "any", 3, false},
    {"debug-info", ".debug_info", SHT_NOTE, 0, "any", 3, false},
    {"debug-info", ".debug_info", SHT_PROGBITS, SHF_TLS, "any", 3, false},
    {"debug-info", ".debug_info", SHT_PROGBITS, SHF_COMPRESSED, "any", 3, false},
    {"symbols", ".symtab", SHT_SYMTAB, 0, "any", 3, true},
    {"symbols", ".symtab", SHT_SYMTAB, SHF_MERGE, "any", 3, false},
    {"symbols", ".symtab_shndx", SHT_SYMTAB_SHNDX, 0, "any", 3, true},
    {"symbols", ".strtab", SHT_STRTAB, 0, "\0any", 5, true},
    {"symbols", ".strtab", SHT_STRTAB, 0, "any", 4, false},
    {"symbols", ".strtab", SHT_STRTAB, 0, "\0any", 4, false},
    {"unloaded-notes", ".gnu.build.attributes", SHT_NOTE, 0, "\4\0\0\0\0\0\0\0\0\1\0\0GA$\0", 16, true},
    {"unloaded-notes", ".gnu.build.attributes", SHT_NOTE, 0, "\4\0\0\0\0\0\0\0\0\1\0\0GA$\0more", 20, false},
    {"unloaded-notes", ".gnu.build.attributes", SHT_NOTE, 0, "\4\0\0\0\4\0\0\0\0\1\0\0GA$\0", 16, false},
    {"unloaded-notes", ".note.else", SHT_NOTE, 0, "\4\0\0\0\0\0\0\0\0\1\0\0GA$\0", 16, false},
    {"no-such-rule", ".debug_info", SHT_PROGBITS, 0, "any", 3, false},
};

static void sections_go_that_are_what_their_rule_knows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(samples); i++) {
        const struct sample *content = &samples[i];
        program();
        struct built_section *section =
            add(content->name, content->type, content->flags, content->bytes, content->size);
        built_layout(&built);
        for (uint64_t k = 0; k < content->size; k++) {
            if (holds_at(content->rule, section->header.sh_offset + k, 1) != content->goes)
                fail_msg("case %zu, byte %zu", i, (size_t)k);
        }
        assert_false(holds_at(content->rule, section->header.sh_offset, content->size + 1));
    }
}

static void a_comment_is_printable_text_that_ends(void **state)
{
    (void)state;
    program();
    built_layout(&built);
    assert_true(holds("comment", ".comment", 0, 8));
    built_named(&built, ".comment")->content[7] = 'x';
    built_write(&built);
    assert_false(holds("comment", ".comment", 0, 8));
    built_named(&built, ".comment")->content[7] = 0;
    built_named(&built, ".comment")->content[3] = '\x1b';
    built_write(&built);
    assert_false(holds("comment", ".comment", 0, 8));
}

static void what_is_loaded_is_no_unloaded_section(void **state)
{
    (void)state;
    program();
    add(".debug_info", SHT_PROGBITS, SHF_ALLOC, "any", 3);
    built_layout(&built);
    assert_false(holds("debug-info", ".debug_info", 0, 3));
    assert_false(holds("compression", ".debug_info", 0, 3));
    assert_false(holds("compression", ".comment", 0, 3)); /* nobody decompresses it */
    /* Nor is what a segment's last page maps beside. */
    built.segments[2].p_memsz = built.segments[2].p_filesz;
    built_write(&built);
    assert_false(holds("comment", ".comment", 0, 8));
    assert_false(holds_at("section-headers", built.header.e_shoff, 64));
}

static void nothing_goes_from_a_file_whose_views_disagree(void **state)
{
    (void)state;
    program();
    built_layout(&built);
    built.header.e_shstrndx = 60;
    built_write(&built);
    assert_false(holds("comment", ".comment", 0, 8));
}

static void names_that_cannot_be_read_are_no_rule_s(void **state)
{
    (void)state;
    program();
    add(".debug_info", SHT_PROGBITS, 0, "any", 3);
    built_layout(&built);
    assert_true(holds("debug-info", ".debug_info", 0, 3));
    /* Past the end of the names. */
    built_named(&built, ".debug_info")->header.sh_name = 5000;
    built_write(&built);
    assert_false(holds("debug-info", ".debug_info", 0, 3));
    /* Without its end. */
    built_layout(&built);
    built_named(&built, ".shstrtab")->header.sh_size -= 1;
    built_write(&built);
    assert_false(holds("debug-info", ".debug_info", 0, 3));
    built.header.e_shstrndx = 0;
    built_write(&built);
    assert_false(holds("debug-info", ".debug_info", 0, 3));
}

/* ---- Objects ---- */

static void relocations_go_with_the_debug_section_that_they_are_for(void **state)
{
    (void)state;
    static const struct {
        uint32_t type, info; /* 6: the debug section; 7: itself */
        bool goes;
    } cases[] = {{SHT_RELA, 6, true},  {SHT_REL, 6, true},    {SHT_RELA, 7, false}, {SHT_RELA, 0, false},
                 {SHT_RELA, 5, false}, {SHT_RELA, 60, false}, {SHT_NOTE, 6, false}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        built_begin(&built, true, false, ET_REL);
        for (int k = 0; k < 4; k++)
            add(".kept", SHT_PROGBITS, 0, "kept", 4);
        assert_int_equal(built.section_count, 6);
        add(".debug_info", SHT_PROGBITS, 0, "any", 3);
        struct built_section *section = add(".rela.debug_info", cases[i].type, 0, "twenty-four bytes of it", 24);
        section->header.sh_info = cases[i].info;
        section->header.sh_entsize = 24;
        built_layout(&built);
        assert_int_equal(holds("debug-info", ".rela.debug_info", 0, 24), cases[i].goes);
    }
}

static void symbols_of_objects_stay(void **state)
{
    (void)state;
    object();
    add(".strtab", SHT_STRTAB, 0, "\0any", 5);
    built_layout(&built);
    assert_false(holds("symbols", ".strtab", 0, 5));
}

/* One symbol, in section 5, and a relocation of .text (2) that names it. */
static void referring(bool wide, bool big, uint16_t machine, unsigned char bind, uint32_t relocated)
{
    uint8_t symbols[48] = {0}, relocation[24] = {0};
    size_t entry = wide ? 24 : 16;
    built_begin(&built, wide, big, ET_REL);
    built.header.e_machine = machine;
    add(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "code", 4);
    add(".data", SHT_PROGBITS, SHF_WRITE, "data", 4);
    add(".more", SHT_PROGBITS, 0, "more", 4);
    add(".debug_str", SHT_PROGBITS, 0, "any", 4);
    symbols[entry + (wide ? 4 : 12)] = (uint8_t)(bind << 4);
    symbols[entry + (wide ? 6 : 14) + (big ? 1 : 0)] = 5;
    add(".symtab", SHT_SYMTAB, 0, symbols, 2 * entry)->header.sh_entsize = entry;
    /* r_info of symbol 1: in its upper part, or with MIPS' 64 bits in its first word. */
    size_t place = wide ? (machine == EM_MIPS ? 8 : 12) + (big ? 3 : 0) : big ? 6 : 5;
    relocation[wide && big && machine != EM_MIPS ? 11 : place] = 1;
    struct built_section *section = add(".rela", SHT_RELA, 0, relocation, wide ? 24 : 12);
    section->header.sh_entsize = wide ? 24 : 12;
    section->header.sh_info = relocated;
    section->header.sh_link = 6;
    built_layout(&built);
}

static void what_code_or_another_file_can_refer_to_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        static const uint16_t machines[] = {EM_X86_64, EM_MIPS};
        for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
            referring(kinds[i].wide, kinds[i].big, machines[m], STB_LOCAL, 3);
            assert_true(holds("debug-info", ".debug_str", 0, 4));
            referring(kinds[i].wide, kinds[i].big, machines[m], STB_LOCAL, 2);
            assert_false(holds("debug-info", ".debug_str", 0, 4));
            referring(kinds[i].wide, kinds[i].big, machines[m], STB_GLOBAL, 3);
            assert_false(holds("debug-info", ".debug_str", 0, 4));
        }
    }
}

static void a_note_that_is_relocated_stays(void **state)
{
    (void)state;
    referring(true, false, EM_X86_64, STB_LOCAL, 8);
    built_note(&built, ".note.gnu.build-id", SHF_ALLOC, NT_GNU_BUILD_ID, "twenty bytes of an ID", 20);
    built_layout(&built);
    assert_false(holds_at("build-id", built_named(&built, ".note.gnu.build-id")->header.sh_offset + 16, 20));
    built_named(&built, ".rela")->header.sh_info = 4;
    built_write(&built);
    assert_true(holds_at("build-id", built_named(&built, ".note.gnu.build-id")->header.sh_offset + 16, 20));
}

static void extended_section_indices_are_followed(void **state)
{
    (void)state;
    uint32_t indices[2] = {0, 5};
    referring(true, false, EM_X86_64, STB_GLOBAL, 3);
    uint8_t *symbols = built_named(&built, ".symtab")->content;
    symbols[24 + 6] = symbols[24 + 7] = 0xff; /* SHN_XINDEX */
    built_layout(&built);
    assert_true(holds("debug-info", ".debug_str", 0, 4));
    add(".symtab_shndx", SHT_SYMTAB_SHNDX, 0, indices, sizeof(indices))->header.sh_link = 6;
    built_layout(&built);
    assert_false(holds("debug-info", ".debug_str", 0, 4));
    indices[1] = 4;
    memcpy(built_named(&built, ".symtab_shndx")->content, indices, sizeof(indices));
    built_write(&built);
    assert_true(holds("debug-info", ".debug_str", 0, 4));
    symbols[24 + 6] = 0xf1; /* SHN_ABS */
    built_write(&built);
    assert_true(holds("debug-info", ".debug_str", 0, 4));
}

/* ---- Compressed content ---- */

enum packing { PACKED_ZLIB = 1, PACKED_ZSTD = 2, PACKED_OTHER = 3 };

static void packed(bool wide, bool big, enum packing packing, uint64_t stated, int more)
{
    static const char text[] = "strings\0of some length\0strings\0of some length";
    uint8_t content[256] = {0};
    size_t header = wide ? 24 : 12, room = sizeof(content) - header;
    uLongf size = room;
    content[big ? 3 : 0] = (uint8_t)packing;
    for (size_t i = 0; i < (wide ? 8 : 4); i++)
        content[(wide ? 8 : 4) + i] = (uint8_t)(stated >> 8 * (big ? (wide ? 7 : 3) - i : i));
    if (packing == PACKED_ZSTD)
        size = ZSTD_compress(content + header, room, text, sizeof(text), 1);
    else
        assert_int_equal(compress(content + header, &size, (const Bytef *)text, sizeof(text)), Z_OK);
    built_program(&built, wide, big, ET_DYN);
    add(".debug_str", SHT_PROGBITS, SHF_COMPRESSED, content, header + size + (size_t)more);
    built_layout(&built);
}

static void a_stream_must_be_exact(void **state)
{
    (void)state;
    const uint64_t exact = sizeof("strings\0of some length\0strings\0of some length");
    static const struct {
        enum packing packing;
        int64_t stated;
        int more;
        bool goes;
    } cases[] = {{PACKED_ZLIB, 0, 0, true},   {PACKED_ZLIB, 0, 1, false},   {PACKED_ZLIB, 1, 0, false},
                 {PACKED_ZLIB, -1, 0, false}, {PACKED_ZSTD, 0, 0, true},    {PACKED_ZSTD, 0, 1, false},
                 {PACKED_ZSTD, 1, 0, false},  {PACKED_ZSTD, -1, 0, false},  {PACKED_ZSTD, 0, -1, false},
                 {PACKED_OTHER, 0, 0, false}, {PACKED_ZLIB, 0, -30, false}, {PACKED_ZLIB, INT32_MAX, 0, false}};
    for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
        for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
            packed(kinds[k].wide, kinds[k].big, cases[i].packing, exact + (uint64_t)cases[i].stated, cases[i].more);
            if (holds("debug-info", ".debug_str", 0, 1) != cases[i].goes)
                fail_msg("kind %zu, case %zu", k, i);
        }
    }
    /* ch_reserved says something, or the header is not whole. */
    packed(true, false, PACKED_ZLIB, exact, 0);
    built_named(&built, ".debug_str")->content[4] = 1;
    built_write(&built);
    assert_false(holds("debug-info", ".debug_str", 0, 1));
    packed(true, false, PACKED_ZLIB, exact, 0);
    built_named(&built, ".debug_str")->header.sh_size = 20;
    built_write(&built);
    assert_false(holds("debug-info", ".debug_str", 0, 1));
}

/* Two sections of which each may be as large as the limit, and both together may not. */
static void what_a_file_decompresses_to_is_bounded_as_a_whole(void **state)
{
    (void)state;
    const uint64_t exact = sizeof("strings\0of some length\0strings\0of some length");
    packed(true, false, PACKED_ZLIB, exact, 0);
    uint8_t bomb[32] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40}; /* 1 GiB */
    add(".other", SHT_PROGBITS, SHF_COMPRESSED, bomb, sizeof(bomb));
    built_layout(&built);
    assert_true(holds("debug-info", ".debug_str", 0, 1));
    add(".another", SHT_PROGBITS, SHF_COMPRESSED, bomb, sizeof(bomb));
    built_layout(&built);
    assert_false(holds("debug-info", ".debug_str", 0, 1));
    memset(built_named(&built, ".another")->content + 8, 0xff, 8);
    built_write(&built);
    assert_false(holds("debug-info", ".debug_str", 0, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_go_that_are_what_their_rule_knows),
        cmocka_unit_test(a_comment_is_printable_text_that_ends),
        cmocka_unit_test(what_is_loaded_is_no_unloaded_section),
        cmocka_unit_test(nothing_goes_from_a_file_whose_views_disagree),
        cmocka_unit_test(names_that_cannot_be_read_are_no_rule_s),
        cmocka_unit_test(relocations_go_with_the_debug_section_that_they_are_for),
        cmocka_unit_test(symbols_of_objects_stay),
        cmocka_unit_test(what_code_or_another_file_can_refer_to_stays),
        cmocka_unit_test(a_note_that_is_relocated_stays),
        cmocka_unit_test(extended_section_indices_are_followed),
        cmocka_unit_test(a_stream_must_be_exact),
        cmocka_unit_test(what_a_file_decompresses_to_is_bounded_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
