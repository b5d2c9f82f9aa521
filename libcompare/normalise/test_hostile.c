/* Hostile structure behind an honest face: references, notes, links and tables that nearly fit. It stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lzma.h>

#include "../testing/elf_builder.h"
#include "rules.h"

static const struct {
    bool wide, big;
} kinds[] = {{true, false}, {true, true}, {false, false}, {false, true}};

static struct built built;

static enum rule_index rule_on(const char *name)
{
    return built_rule_at(&built, built_named(&built, name)->header.sh_offset);
}

static struct built_section *add(const char *name, uint32_t type, uint64_t flags, const void *content, size_t size)
{
    return built_section(&built, name, type, flags, content, size);
}

/* ---- What an object's code can refer to ---- */

/* Symbol 1 is in section 4 (.debug_str); section 6 relocates section `target` by it. */
static void referring(bool wide, bool big, uint16_t machine, unsigned char bind, uint32_t target)
{
    uint8_t symbols[48] = {0}, relocation[24] = {0};
    size_t entry = wide ? 24 : 16;
    built_begin(&built, wide, big, ET_REL);
    built.header.e_machine = machine;
    add(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "code", 4);
    add(".data", SHT_PROGBITS, 0, "data", 4);
    add(".debug_str", SHT_PROGBITS, 0, "any", 4);
    symbols[entry + (wide ? 4 : 12)] = (uint8_t)(bind << 4);
    symbols[entry + (wide ? 6 : 14) + (big ? 1 : 0)] = 4;
    add(".symtab", SHT_SYMTAB, 0, symbols, 2 * entry)->header.sh_entsize = entry;
    /* r_info: the symbol is its upper half; in MIPS' 64 bits its first word; in 32 bits its upper three bytes. */
    relocation[wide ? (machine == EM_MIPS ? (big ? 11 : 8) : (big ? 11 : 12)) : (big ? 6 : 5)] = 1;
    struct built_section *section = add(".rela", SHT_RELA, 0, relocation, wide ? 24 : 12);
    section->header.sh_entsize = wide ? 24 : 12;
    section->header.sh_link = 5;
    section->header.sh_info = target;
    built_layout(&built);
}

static void what_code_or_another_file_can_refer_to_stays(void **state)
{
    (void)state;
    static const uint16_t machines[] = {EM_X86_64, EM_MIPS};
    for (size_t i = 0; i < 2 * ARRAY_COUNT(kinds); i++) {
        bool wide = kinds[i / 2].wide, big = kinds[i / 2].big;
        referring(wide, big, machines[i % 2], STB_LOCAL, 3);
        assert_int_equal(rule_on(".debug_str"), RULE_DEBUG_INFO);
        referring(wide, big, machines[i % 2], STB_LOCAL, 2);
        assert_int_equal(rule_on(".debug_str"), RULE_COUNT);
        referring(wide, big, machines[i % 2], STB_GLOBAL, 3);
        assert_int_equal(rule_on(".debug_str"), RULE_COUNT);
    }
}

static void extended_section_indices_are_followed(void **state)
{
    (void)state;
    uint32_t indices[2] = {0, 4};
    referring(true, false, EM_X86_64, STB_GLOBAL, 3);
    uint8_t *section = built_named(&built, ".symtab")->content + 24 + 6;
    section[0] = section[1] = 0xff; /* SHN_XINDEX */
    built_layout(&built);
    assert_int_equal(rule_on(".debug_str"), RULE_DEBUG_INFO);
    add(".symtab_shndx", SHT_SYMTAB_SHNDX, 0, indices, sizeof(indices))->header.sh_link = 5;
    built_named(&built, ".symtab_shndx")->header.sh_entsize = 4;
    built_layout(&built);
    assert_int_equal(rule_on(".debug_str"), RULE_COUNT);
    section[0] = 0xf1; /* SHN_ABS */
    built_write(&built);
    assert_int_equal(rule_on(".debug_str"), RULE_DEBUG_INFO);
}

/* No rule applies to an object of which that cannot be told. */
static void references_that_cannot_be_told_keep_everything(void **state)
{
    (void)state;
    for (int i = 0; i < 9; i++) {
        referring(true, false, EM_X86_64, i == 2 ? STB_GLOBAL : STB_LOCAL, 2);
        struct built_section *symbols = built_named(&built, ".symtab"), *relocations = built_named(&built, ".rela");
        if (i == 1)
            relocations->content[12] = 2; /* a symbol that is not there */
        if (i == 2)
            symbols->content[24 + 6] = 90; /* in a section that is not there */
        if (i == 3)
            relocations->header.sh_link = 4;
        if (i == 4)
            relocations->header.sh_entsize = 8;
        if (i == 5)
            add(".symtab2", SHT_SYMTAB, 0, "", 0);
        if (i == 6)
            symbols->header.sh_type = SHT_PROGBITS;
        if (i == 7)
            relocations->header.sh_info = 90;
        if (i == 8)
            add(".new", 0x594, 0, "", 0); /* there may be relocations in it, of a kind that is not known */
        add(".debug_line_str", SHT_PROGBITS, 0, "text", 5);
        built_layout(&built);
        if (rule_on(".debug_line_str") != (i == 0 ? RULE_DEBUG_INFO : RULE_COUNT))
            fail_msg("change %d", i);
        for (uint64_t at = 0; i != 0 && at < built.size; at++) {
            if (built_rule_at(&built, at) != RULE_COUNT)
                fail_msg("change %d, byte %#jx", i, (uintmax_t)at);
        }
    }
}

static void relocations_of_nothing_refer_to_nothing(void **state)
{
    (void)state;
    referring(true, false, EM_X86_64, STB_LOCAL, 2);
    built_named(&built, ".rela")->header.sh_size = 0;
    built_layout(&built);
    assert_int_equal(rule_on(".debug_str"), RULE_DEBUG_INFO);
}

static void a_build_id_that_is_relocated_stays(void **state)
{
    (void)state;
    for (uint32_t target = 6; target <= 7; target++) {
        referring(true, false, EM_X86_64, STB_LOCAL, target);
        built_note(&built, ".note.gnu.build-id", SHF_ALLOC, NT_GNU_BUILD_ID, "twenty bytes of an ID", 20);
        built_layout(&built);
        uint64_t id = built_named(&built, ".note.gnu.build-id")->header.sh_offset + 16;
        assert_int_equal(built_rule_at(&built, id), target == 7 ? RULE_COUNT : RULE_BUILD_ID);
    }
}

/* ---- Notes ---- */

static const char attribute[] = "\10\0\0\0\0\0\0\0\0\1\0\0GA$\0013a1";

static void build_attributes_are_annobin_s(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        built_program(&built, true, false, ET_DYN);
        struct built_section *note = add(".gnu.build.attributes", SHT_NOTE, 0, attribute, 20);
        if (i == 1)
            note->content[8] = 1; /* NT_GNU_BUILD_ATTRIBUTE_FUNC */
        if (i == 2)
            note->content[8] = 2;
        if (i == 3)
            note->content[13] = 'B'; /* another owner */
        if (i == 4) {
            note->content[4] = 20; /* a descriptor of more than two addresses */
            note->header.sh_size = 40;
        }
        if (i == 5) {
            note->content[1] = 3; /* a name of 776 bytes */
            note->header.sh_size = 12 + 0x308;
        }
        built_layout(&built);
        if (rule_on(".gnu.build.attributes") != (i < 2 ? RULE_UNLOADED_NOTES : RULE_COUNT))
            fail_msg("change %d", i);
    }
}

static void notes_that_do_not_fill_their_section_stay(void **state)
{
    (void)state;
    for (int more = 0; more < 8; more += 4) {
        built_program(&built, true, false, ET_DYN);
        add(".gnu.build.attributes", SHT_NOTE, 0, attribute, 20)->header.sh_size += (unsigned)more;
        built_layout(&built);
        assert_int_equal(rule_on(".gnu.build.attributes"), more == 0 ? RULE_UNLOADED_NOTES : RULE_COUNT);
    }
}

static void a_build_id_of_each_honest_size_goes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {8, 16, 20, 32, 4, 12, 64};
    for (size_t i = 0; i < 2 * ARRAY_COUNT(sizes); i++) {
        built_begin(&built, true, false, i % 2 == 0 ? ET_DYN : ET_REL);
        add(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "code", 4);
        add(".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, "data", 4);
        built_note(&built, ".note.gnu.build-id", SHF_ALLOC, NT_GNU_BUILD_ID,
                   "sixty-four bytes, of which a build ID takes as many as it needs..", sizes[i / 2]);
        built_layout(&built);
        uint64_t id = built_named(&built, ".note.gnu.build-id")->header.sh_offset + 16;
        assert_int_equal(built_rule_at(&built, id), i / 2 < 4 ? RULE_BUILD_ID : RULE_COUNT);
    }
}

/* In a note section only, for which no segment vouches. */
static void a_build_id_of_a_program_outside_its_segments_stays(void **state)
{
    (void)state;
    built_begin(&built, true, false, ET_DYN);
    add(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "code", 4);
    add(".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, "data", 4);
    built_note(&built, ".note.gnu.build-id", 0, NT_GNU_BUILD_ID, "twenty bytes of an ID", 20);
    built_layout(&built);
    assert_int_equal(built_rule_at(&built, built_named(&built, ".note.gnu.build-id")->header.sh_offset + 16),
                     RULE_COUNT);
}

/* ---- Symbols ---- */

static struct built_section *symbol_table(void)
{
    uint8_t symbols[48] = {0};
    symbols[24] = 1;
    built_program(&built, true, false, ET_DYN);
    struct built_section *table = add(".symtab", SHT_SYMTAB, 0, symbols, sizeof(symbols));
    table->header.sh_entsize = 24;
    table->header.sh_info = 1;
    table->header.sh_link = (Elf64_Word)built.section_count;
    add(".strtab", SHT_STRTAB, 0, "\0main", 6);
    return table;
}

static void a_symbol_table_that_is_not_sound_stays(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct built_section *table = symbol_table();
        if (i == 1)
            add(".symtab2", SHT_SYMTAB, 0, "", 0);
        if (i == 2)
            table->header.sh_info = 3;
        if (i == 3)
            table->header.sh_link = 2; /* no string table */
        if (i == 4)
            table->header.sh_flags = SHF_MERGE;
        if (i == 5)
            table->header.sh_size = 0;
        if (i == 6)
            built_named(&built, ".strtab")->header.sh_flags = SHF_MERGE;
        if (i == 7)
            built_named(&built, ".strtab")->header.sh_size = 0;
        built_layout(&built);
        if (rule_on(".strtab") != (i == 0 ? RULE_SYMBOLS : RULE_COUNT) && i != 7)
            fail_msg("change %d: the strings", i);
        if (rule_on(".symtab") != (i == 0 ? RULE_SYMBOLS : RULE_COUNT) && i != 5)
            fail_msg("change %d: the symbols", i);
    }
}

static void extended_indices_go_with_their_symbols(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        uint32_t indices[3] = {0};
        symbol_table();
        struct built_section *section = add(".symtab_shndx", SHT_SYMTAB_SHNDX, 0, indices, 8);
        section->header.sh_entsize = 4;
        section->header.sh_link = (Elf64_Word)(built_named(&built, ".symtab") - built.sections);
        if (i == 1)
            section->header.sh_link = 1;
        if (i == 2)
            section->header.sh_size = 12;
        if (i == 3)
            add(".more", SHT_SYMTAB_SHNDX, 0, indices, 8)->header = section->header;
        built_layout(&built);
        assert_int_equal(rule_on(".symtab"), RULE_SYMBOLS);
        if (rule_on(".symtab_shndx") != (i == 0 ? RULE_SYMBOLS : RULE_COUNT))
            fail_msg("change %d", i);
    }
}

/* ---- Small sections ---- */

static void a_file_name_has_its_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *name, *content;
        size_t size;
        bool goes;
    } cases[] = {
        {".gnu_debuglink", "a\tb\0\1\2\3\4", 8, true},
        {".gnu_debuglink", "\0\0\0\0\1\2\3\4", 8, false},
        {".gnu_debuglink", "a\177b\0\1\2\3\4", 8, false},
        {".gnu_debuglink", "all name", 8, false},
        {".gnu_debugaltlink", "a\0twenty bytes of an ID", 22, true},
        {".gnu_debugaltlink", "\0twenty bytes of an ID", 21, false},
        {".gnu_debugaltlink", "a\nb\0twenty bytes of an ID", 24, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        built_program(&built, true, false, ET_DYN);
        add(cases[i].name, SHT_PROGBITS, 0, cases[i].content, cases[i].size);
        built_layout(&built);
        if (rule_on(cases[i].name) != (cases[i].goes ? RULE_DEBUGLINK : RULE_COUNT))
            fail_msg("case %zu", i);
    }
}

/* What an xz stream must come to: an ELF file of the same kind. */
static void minidebuginfo_is_a_file_of_the_same_kind(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        uint8_t inner[96] = {0}, packed[512];
        size_t size = 0;
        built_program(&built, true, false, ET_DYN);
        image_encode_ehdr(&(struct image){.is64 = true}, &built.header, inner);
        if (i == 1)
            inner[EI_CLASS] = ELFCLASS32;
        if (i == 2)
            inner[18] = EM_386;
        if (i == 3)
            inner[0] = 'E';
        assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, inner, i == 4 ? 64 : sizeof(inner), packed,
                                                 &size, sizeof(packed)),
                         LZMA_OK);
        if (i == 5)
            packed[size++] = 0;
        add(".gnu_debugdata", SHT_PROGBITS, 0, packed, size);
        built_layout(&built);
        if (rule_on(".gnu_debugdata") != (i == 0 ? RULE_MINIDEBUGINFO : RULE_COUNT))
            fail_msg("change %d", i);
    }
}

/* ---- Limits: what cannot be afforded is no content, and ends it all ---- */

static int formed_with(uint64_t decompressed, struct compare_error *error)
{
    struct compare_policy *standard = policy_built_in("standard");
    struct image image;
    struct normal_form form;
    assert_int_equal(built_open(&built, &image, error), 0);
    image.limits.decompressed = decompressed;
    int status = normal_form_build(&image, &standard->rules, &form, error);
    normal_form_close(&form);
    image_close(&image);
    compare_policy_free(standard);
    return status;
}

static void an_xz_bomb_hits_the_limit(void **state)
{
    (void)state;
    static uint8_t inner[300000];
    uint8_t packed[1024];
    size_t size = 0;
    struct compare_error error;
    assert_int_equal(
        lzma_easy_buffer_encode(0, LZMA_CHECK_NONE, NULL, inner, sizeof(inner), packed, &size, sizeof(packed)),
        LZMA_OK);
    built_program(&built, true, false, ET_DYN);
    add(".gnu_debugdata", SHT_PROGBITS, 0, packed, size);
    built_layout(&built);
    assert_int_equal(formed_with(sizeof(inner), &error), 0);
    assert_int_equal(formed_with(sizeof(inner) - 1, &error), COMPARE_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "decompressed"));
    assert_int_equal(formed_with(1000, &error), COMPARE_ERROR_LIMIT);
}

static void compressed_sections_hit_the_limit_together(void **state)
{
    (void)state;
    /* Zstandard, one raw block of four bytes. */
    static const uint8_t packed[] = {2, 0, 0, 0, 0, 0,    0,    0,    4,    0,    0, 0,    0, 0, 0,   0,   1,   0, 0,
                                     0, 0, 0, 0, 0, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 4, 0x21, 0, 0, 'a', 'n', 'y', 0};
    static const char *const names[] = {".debug_str", ".debug_kept"};
    struct compare_error error;
    built_program(&built, true, false, ET_DYN);
    for (size_t i = 0; i < 2; i++)
        add(names[i], SHT_PROGBITS, SHF_COMPRESSED, packed, sizeof(packed));
    built_layout(&built);
    assert_int_equal(rule_on(".debug_str"), RULE_DEBUG_INFO);
    assert_int_equal(rule_on(".debug_kept"), RULE_COMPRESSION);
    assert_int_equal(formed_with(8, &error), 0);
    for (uint64_t limit = 3; limit < 8; limit += 4) {
        assert_int_equal(formed_with(limit, &error), COMPARE_ERROR_LIMIT);
        assert_non_null(strstr(error.message, "decompressed"));
    }
}

/* ---- The sacred line ---- */

static void no_claim_leaves_the_file_or_touches_what_runs(void **state)
{
    (void)state;
    struct compare_policy *standard = policy_built_in("standard");
    struct compare_error error;
    struct image image;
    struct arena arena = {0};
    built_program(&built, true, false, ET_DYN);
    built_layout(&built);
    assert_int_equal(built_open(&built, &image, &error), 0);
    struct claims claims = {.image = &image,
                            .rules = &standard->rules,
                            .asides = {.arena = &arena, .item_size = sizeof(struct aside)},
                            .error = &error};
    uint64_t text = built_named(&built, ".text")->header.sh_offset;
    uint64_t data = built_named(&built, ".data")->header.sh_offset;
    assert_false(claim_range(&claims, RULE_PADDING, (struct range){image.size - 1, image.size + 1}));
    assert_false(claim_range(&claims, RULE_PADDING, (struct range){image.size - 1, image.size - 1}));
    assert_false(claim_range(&claims, RULE_PADDING, (struct range){data, data + 1}));
    assert_false(claim_range(&claims, RULE_BUILD_ID, (struct range){text, text + 1}));
    assert_true(claim_range(&claims, RULE_BUILD_ID, (struct range){data, data + 1}));
    assert_true(claim_range(&claims, RULE_PADDING, (struct range){image.size - 1, image.size}));
    assert_int_equal(claims.asides.count, 2);
    arena_free(&arena);
    image_close(&image);
    compare_policy_free(standard);
}

static void without_section_headers_their_fields_are_zero(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        built_program(&built, true, false, ET_DYN);
        built_layout(&built);
        built.header.e_shoff = built.header.e_shnum = 0;
        built.header.e_shstrndx = i == 0 ? 0 : 1;
        built.size = built.segments[2].p_offset + built.segments[2].p_filesz;
        image_encode_ehdr(&(struct image){.is64 = true}, &built.header, built.bytes);
        assert_int_equal(built_rule_at(&built, 0x28), i == 0 ? RULE_ELF_HEADER_SECTIONS : RULE_COUNT);
    }
}

/* One end of the loaded bytes lies within a section: all of it keeps its place. */
static void what_is_aligned_beyond_any_page_does_not_move(void **state)
{
    (void)state;
    for (uint16_t type = ET_REL; type <= ET_DYN; type += 2) {
        for (unsigned shift = 16; shift <= 17; shift++) {
            built_program(&built, true, false, type);
            add(".kept", SHT_PROGBITS, 0, "stays", 5);
            built_layout(&built);
            built_named(&built, ".kept")->header.sh_addralign = UINT64_C(1) << shift;
            built_write(&built);
            bool moves = built_rule_at(&built, 0x28) != RULE_COUNT;
            assert_int_equal(moves, shift == 16);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_code_or_another_file_can_refer_to_stays),
        cmocka_unit_test(extended_section_indices_are_followed),
        cmocka_unit_test(references_that_cannot_be_told_keep_everything),
        cmocka_unit_test(relocations_of_nothing_refer_to_nothing),
        cmocka_unit_test(a_build_id_that_is_relocated_stays),
        cmocka_unit_test(build_attributes_are_annobin_s),
        cmocka_unit_test(notes_that_do_not_fill_their_section_stay),
        cmocka_unit_test(a_build_id_of_each_honest_size_goes),
        cmocka_unit_test(a_build_id_of_a_program_outside_its_segments_stays),
        cmocka_unit_test(a_symbol_table_that_is_not_sound_stays),
        cmocka_unit_test(extended_indices_go_with_their_symbols),
        cmocka_unit_test(a_file_name_has_its_bounds),
        cmocka_unit_test(minidebuginfo_is_a_file_of_the_same_kind),
        cmocka_unit_test(an_xz_bomb_hits_the_limit),
        cmocka_unit_test(compressed_sections_hit_the_limit_together),
        cmocka_unit_test(no_claim_leaves_the_file_or_touches_what_runs),
        cmocka_unit_test(without_section_headers_their_fields_are_zero),
        cmocka_unit_test(what_is_aligned_beyond_any_page_does_not_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
