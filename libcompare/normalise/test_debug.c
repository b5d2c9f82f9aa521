/* Debug sections: the outer structure of each kind, from its first byte to its last, or it stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"

static struct built built;

static enum rule_index rule_on(const char *name)
{
    return built_rule_at(&built, built_named(&built, name)->header.sh_offset);
}

struct sample {
    const char *name, *content;
    size_t size;
    bool fits;
};

static void assert_samples(const struct sample *samples, size_t count, bool wide, uint16_t type)
{
    for (size_t i = 0; i < count; i++) {
        built_program(&built, wide, false, type);
        built_section(&built, samples[i].name, SHT_PROGBITS, 0, samples[i].content, samples[i].size);
        built_layout(&built);
        enum rule_index rule = rule_on(samples[i].name);
        if (rule != (samples[i].fits ? RULE_DEBUG_INFO : RULE_COUNT))
            fail_msg("sample %zu, %s: rule %d", i, samples[i].name, (int)rule);
    }
}

static void units_follow_each_other_to_the_end(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {".debug_info", "\4\0\0\0\5\0\1\10\3\0\0\0\4\0x", 15, true},
        {".debug_info", "\4\0\0\0\5\0\1\10\3\0\0\0\4\0", 14, false},
        {".debug_info", "\4\0\0\0\5\0\1\10\0\0\0", 11, true /* alignment */},
        {".debug_info", "\4\0\0\0\5\0\1\10\0\0\1", 11, false},
        {".debug_info", "\4\0\0\0\1\0\1\10", 8, false},
        {".debug_info", "\377\377\377\377\4\0\0\0\0\0\0\0\5\0\1\10", 16, true /* 64-bit DWARF */},
        {".debug_info", "\377\377\377\377\5\0\0\0\0\0\0\0\5\0\1\10", 16, false},
        {".debug_info", "\377\377\377\377\4\0\0", 7, false},
        {".debug_info", "\1\0\0\0\5", 5, false},
        {".debug_aranges", "\2\0\0\0\2\0", 6, true},
        {".debug_aranges", "\2\0\0\0\3\0", 6, false},
        {".debug_addr", "\2\0\0\0\5\0", 6, true},
        {".debug_addr", "\2\0\0\0\4\0", 6, false},
        {".debug_frame", "\2\0\0\0\377\377", 6, true},
        {".debug_frame", "\3\0\0\0\377\377", 6, false},
    };
    assert_samples(samples, ARRAY_COUNT(samples), true, ET_DYN);
}

static void abbreviations_end(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {".debug_abbrev", "\1\21\0\3\41\5\0\0\0", 9, true /* DW_FORM_implicit_const */},
        {".debug_abbrev", "\1\21\0\3\41\5\0", 7, false},
        {".debug_abbrev", "\1\21\0\3\0\0\10\0\0\0", 10, true /* an attribute or a form of 0 is no end */},
        {".debug_abbrev", "\200\200\200\200\200\200\200\200\200\0\0", 11, true},
        {".debug_abbrev", "\200\200\200\200\200\200\200\200\200\200\0\0", 12, false /* too long a number */},
        {".debug_abbrev", "\200", 1, false},
    };
    assert_samples(samples, ARRAY_COUNT(samples), true, ET_DYN);
}

#define WORD(byte)  byte "\0\0\0"
#define QUAD(byte)  WORD(byte) "\0\0\0\0"
#define BASE_WORD   "\377\377\377\377"
#define BASE_QUAD   BASE_WORD BASE_WORD
#define ENDED_WORDS WORD("\0") WORD("\0")
#define ENDED_QUADS QUAD("\0") QUAD("\0")

static void lists_end_with_two_zeros(void **state)
{
    (void)state;
    static const struct sample wide[] = {
        {".debug_ranges", QUAD("\1") QUAD("\2") ENDED_QUADS, 32, true},
        {".debug_ranges", QUAD("\0") QUAD("\2") ENDED_QUADS, 32, true},
        {".debug_ranges", QUAD("\1") QUAD("\2") ENDED_QUADS, 31, false},
        {".debug_ranges", QUAD("\1") QUAD("\2"), 16, false},
        {".debug_loc", QUAD("\1") QUAD("\2") "\3\0abc" ENDED_QUADS, 37, true},
        {".debug_loc", BASE_QUAD QUAD("\2") ENDED_QUADS, 32, true /* a base address has no expression */},
        {".debug_loc", QUAD("\1") QUAD("\2") "\4\0abc", 21, false},
        {".debug_loc", QUAD("\1") QUAD("\2") "\3\0abc", 21, false},
        {".debug_loc", QUAD("\1") QUAD("\2") "\3", 17, false},
    };
    static const struct sample narrow[] = {
        {".debug_ranges", WORD("\1") WORD("\2") ENDED_WORDS, 16, true},
        {".debug_ranges", WORD("\1") WORD("\2") WORD("\0"), 12, false},
        {".debug_loc", BASE_WORD WORD("\2") ENDED_WORDS, 16, true},
        {".debug_loc", WORD("\1") WORD("\2") "\1\0a" ENDED_WORDS, 19, true},
        {".debug_loc", WORD("\1") WORD("\2") "\1\0" ENDED_WORDS, 18, false},
    };
    assert_samples(wide, ARRAY_COUNT(wide), true, ET_DYN);
    assert_samples(narrow, ARRAY_COUNT(narrow), false, ET_EXEC);
}

/* Their values stand in the relocations, and so does where they end. */
static void lists_of_objects_are_not_looked_into(void **state)
{
    (void)state;
    static const struct sample samples[] = {{".debug_ranges", QUAD("\1") QUAD("\2"), 16, true},
                                            {".debug_loc", QUAD("\1") QUAD("\2"), 16, true}};
    assert_samples(samples, ARRAY_COUNT(samples), true, ET_REL);
}

static void macros_have_a_header_and_an_end(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {".debug_macro", "\5\0\2x\0", 5, true},    {".debug_macro", "\4\0\7\0", 4, true},
        {".debug_macro", "\3\0\2\0", 4, false},    {".debug_macro", "\6\0\2\0", 4, false},
        {".debug_macro", "\5\0\10\0", 4, false},   {".debug_macro", "\5\0\2x", 4, false},
        {".debug_macro", "\5\0", 2, false},        {".debug_macinfo", "\1\2three\0", 8, true},
        {".debug_macinfo", "\1\2three", 7, false},
    };
    assert_samples(samples, ARRAY_COUNT(samples), true, ET_DYN);
}

static void the_tables_of_a_gdb_index_are_in_it_and_in_order(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {".gdb_index", WORD("\10") WORD("\30") WORD("\30") WORD("\30") WORD("\30") WORD("\30"), 24, true},
        {".gdb_index", WORD("\11") WORD("\34") WORD("\34") WORD("\34") WORD("\34") WORD("\34") WORD("\34"), 28, true},
        {".gdb_index", WORD("\11") WORD("\30") WORD("\30") WORD("\30") WORD("\30") WORD("\30"), 24, false},
        {".gdb_index", WORD("\3") WORD("\30") WORD("\30") WORD("\30") WORD("\30") WORD("\30"), 24, false},
        {".gdb_index", WORD("\12") WORD("\30") WORD("\30") WORD("\30") WORD("\30") WORD("\30"), 24, false},
        {".gdb_index", WORD("\10") WORD("\30") WORD("\27") WORD("\30") WORD("\30") WORD("\30"), 24, false},
        {".gdb_index", WORD("\10") WORD("\30") WORD("\30") WORD("\30") WORD("\30") WORD("\31"), 24, false},
        {".gdb_index", WORD("\10") WORD("\0"), 8, false},
    };
    assert_samples(samples, ARRAY_COUNT(samples), true, ET_DYN);
}

static void scripts_are_names_of_files(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {".debug_gdb_scripts", "\1gdb.py\0\3gdb.scm", 17, true},
        {".debug_gdb_scripts", "\1gdb.py\0\3gdb.scm", 16, false},
        {".debug_gdb_scripts", "\1gdb.py\0\4name\ntext", 19, false /* gdb runs it */},
        {".debug_gdb_scripts", "\1gdb.py\0\5name", 14, false},
    };
    assert_samples(samples, ARRAY_COUNT(samples), true, ET_DYN);
}

static void the_index_of_a_package_has_the_size_that_it_says(void **state)
{
    (void)state;
    /* Two columns, one unit, two slots: 16 + 2 * 12 + 2 * 4 + 2 * 1 * 2 * 4. */
    static const char columns[16 + 17 * 4] = {2, 0, 0, 0, 17}; /* more than there are kinds of sections */
    static const char index[64] = {5, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0};
    static const struct sample samples[] = {
        {".debug_cu_index", index, 64, true},
        {".debug_cu_index", index, 63, false},
        {".debug_tu_index", "\2\0\0\0" WORD("\0") WORD("\0") WORD("\0"), 16, true},
        {".debug_tu_index", "\3\0\0\0" WORD("\0") WORD("\0") WORD("\0"), 16, false},
        {".debug_tu_index", "\2\0\1\0" WORD("\0") WORD("\0") WORD("\0"), 16, false},
        {".debug_tu_index", columns, sizeof(columns), false},
        {".debug_tu_index", "\2\0\0\0" WORD("\0") WORD("\1") WORD("\0"), 16, false},
        {".debug_tu_index", "\2\0\0\0" WORD("\0") WORD("\0"), 12, false},
    };
    assert_samples(samples, ARRAY_COUNT(samples), true, ET_DYN);
}

static void split_units_bear_the_same_names(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {".debug_str.dwo", "one\0two", 8, true},
        {".debug_str.dwo", "one\0two", 7, false},
        {".debug_str.dwp", "one\0two", 8, false},
    };
    assert_samples(samples, ARRAY_COUNT(samples), true, ET_DYN);
}

static void an_empty_section_is_no_debug_information(void **state)
{
    (void)state;
    built_program(&built, true, false, ET_DYN);
    built_section(&built, ".debug_str", SHT_PROGBITS, 0, "", 0);
    built_section(&built, ".behind", SHT_PROGBITS, 0, "behind", 6);
    built_layout(&built);
    assert_int_equal(rule_on(".behind"), RULE_COUNT);
}

/* A stream that is exact, of nothing. */
static void compressed_content_of_nothing_is_no_debug_information(void **state)
{
    (void)state;
    static const uint8_t nothing[] = {1, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0,
                                      1, 0, 0, 0, 0, 0, 0, 0, 0x78, 0x9c, 3, 0, 0, 0, 0, 1};
    built_program(&built, true, false, ET_DYN);
    built_section(&built, ".debug_str", SHT_PROGBITS, SHF_COMPRESSED, nothing, sizeof(nothing));
    built_layout(&built);
    assert_int_not_equal(rule_on(".debug_str"), RULE_DEBUG_INFO);
}

static void relocations_of_debug_sections_alone_go(void **state)
{
    (void)state;
    static const char entries[48] = {0};
    static const struct {
        uint32_t type, info; /* 6: the debug section */
        uint64_t flags;
        bool goes;
    } cases[] = {{SHT_REL, 6, 0, true},   {SHT_RELA, 6, 0, true},  {SHT_RELA, 0, 0, false},
                 {SHT_RELA, 5, 0, false}, {SHT_NOTE, 6, 0, false}, {SHT_RELA, 6, SHF_COMPRESSED, false}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        built_begin(&built, true, false, ET_REL);
        for (int k = 0; k < 4; k++)
            built_section(&built, ".kept", SHT_PROGBITS, 0, "kept", 4);
        built_section(&built, ".debug_str", SHT_PROGBITS, 0, "any", 4);
        struct built_section *section =
            built_section(&built, ".rela.debug_str", cases[i].type, cases[i].flags, entries, sizeof(entries));
        section->header.sh_info = cases[i].info;
        section->header.sh_entsize = cases[i].type == SHT_REL ? 16 : 24;
        built_layout(&built);
        if (rule_on(".rela.debug_str") != (cases[i].goes ? RULE_DEBUG_INFO : RULE_COUNT))
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_follow_each_other_to_the_end),
        cmocka_unit_test(abbreviations_end),
        cmocka_unit_test(lists_end_with_two_zeros),
        cmocka_unit_test(lists_of_objects_are_not_looked_into),
        cmocka_unit_test(macros_have_a_header_and_an_end),
        cmocka_unit_test(the_tables_of_a_gdb_index_are_in_it_and_in_order),
        cmocka_unit_test(scripts_are_names_of_files),
        cmocka_unit_test(the_index_of_a_package_has_the_size_that_it_says),
        cmocka_unit_test(split_units_bear_the_same_names),
        cmocka_unit_test(an_empty_section_is_no_debug_information),
        cmocka_unit_test(compressed_content_of_nothing_is_no_debug_information),
        cmocka_unit_test(relocations_of_debug_sections_alone_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
