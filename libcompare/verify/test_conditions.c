/* What the checker lets a rule set aside, of one file alone; each test changes the one thing that makes it unsound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

static Elf64_Phdr *add_segment(uint32_t type, uint64_t offset, uint64_t size)
{
    Elf64_Phdr *segment = &built.segments[built.segment_count++];
    *segment = (Elf64_Phdr){.p_type = type,
                            .p_flags = PF_R,
                            .p_offset = offset,
                            .p_vaddr = offset,
                            .p_filesz = size,
                            .p_memsz = size,
                            .p_align = 1};
    built.header.e_phnum++;
    return segment;
}

/* ---- Records in the load view ---- */

static uint64_t id_offset(void)
{
    return built_named(&built, ".note.gnu.build-id")->header.sh_offset + 16;
}

static void the_only_build_id_may_go_in_every_class_and_byte_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        for (uint16_t type = ET_REL; type <= ET_DYN; type++) {
            built_program(&built, kinds[i].wide, kinds[i].big, type);
            built_layout(&built);
            assert_true(holds_at("build-id", id_offset(), 20));
            assert_true(holds_at("build-id", id_offset() + 19, 1));
            assert_false(holds_at("build-id", id_offset() - 1, 20));
            assert_false(holds_at("build-id", id_offset(), 21));
        }
    }
}

static void two_ids(void)
{
    built_note(&built, ".note.more", SHF_ALLOC, NT_GNU_BUILD_ID, "another twenty bytes!", 20);
}

static void wrong_size(void)
{
    built_named(&built, ".note.gnu.build-id")->content[built.big_endian ? 7 : 4] = 19;
}

static void wrong_owner(void)
{
    built_named(&built, ".note.gnu.build-id")->content[14] = 'V';
}

static void wrong_type(void)
{
    built_named(&built, ".note.gnu.build-id")->content[8] = NT_GNU_ABI_TAG;
}

static void longer_owner(void)
{
    built_named(&built, ".note.gnu.build-id")->content[0] = 5;
}

static void more_than_notes(void)
{
    built_named(&built, ".note.gnu.build-id")->header.sh_size += 4;
}

static void descriptor_past_its_end(void)
{
    built_named(&built, ".note.gnu.build-id")->content[4] = 32;
}

static void writable(void)
{
    built_named(&built, ".note.gnu.build-id")->header.sh_flags |= SHF_WRITE;
}

static void executable(void)
{
    built_named(&built, ".note.gnu.build-id")->header.sh_flags |= SHF_EXECINSTR;
}

static void a_build_id_that_is_not_the_canonical_one_stays(void **state)
{
    (void)state;
    void (*const changes[])(void) = {
        two_ids,  wrong_size, wrong_owner, wrong_type, longer_owner, more_than_notes, descriptor_past_its_end,
        writable, executable};
    for (size_t i = 0; i < 2 * ARRAY_COUNT(changes); i++) {
        if (i % 2 == 0)
            program();
        else
            object();
        changes[i / 2]();
        built_layout(&built);
        if (holds_at("build-id", id_offset(), 8))
            fail_msg("change %zu", i);
    }
}

static void a_build_id_in_a_note_segment_that_runs_or_is_written_stays(void **state)
{
    (void)state;
    static const uint32_t flags[] = {PF_R | PF_W, PF_R | PF_X};
    for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
        program();
        built_layout(&built);
        assert_int_equal(built.segments[3].p_type, PT_NOTE);
        built.segments[3].p_flags = flags[i];
        built_write(&built);
        assert_false(holds_at("build-id", id_offset(), 20));
    }
}

static void a_build_id_in_a_writable_mapping_stays(void **state)
{
    (void)state;
    program();
    built_layout(&built);
    built.segments[0].p_flags |= PF_W;
    built_write(&built);
    assert_false(holds_at("build-id", id_offset(), 20));
}

static void a_build_id_in_a_section_that_is_no_note_stays(void **state)
{
    (void)state;
    program();
    built_layout(&built);
    built_named(&built, ".note.gnu.build-id")->header.sh_type = SHT_PROGBITS;
    built_write(&built);
    assert_false(holds_at("build-id", id_offset(), 20));
}

static void a_build_id_under_another_segment_stays(void **state)
{
    (void)state;
    program();
    built_layout(&built);
    add_segment(PT_TLS, id_offset() + 4, 4);
    built_write(&built);
    assert_false(holds_at("build-id", id_offset(), 20));
    /* One that is void names nothing. */
    built.segments[built.segment_count - 1].p_type = PT_NULL;
    built_write(&built);
    assert_true(holds_at("build-id", id_offset(), 20));
}

/* Each names the same bytes once more: walking them for each would take its time. */
static void note_segments_over_each_other_do_not_make_much_work(void **state)
{
    (void)state;
    program();
    built_layout(&built);
    uint64_t size = built.size;
    for (int i = 0; i < 3; i++)
        add_segment(PT_NOTE, 0, size / 2);
    built_write(&built);
    assert_false(holds_at("build-id", id_offset(), 20));
}

struct tag {
    uint64_t tag, value;
};

static void dynamic(const struct tag *tags, size_t count)
{
    program();
    struct built_section *section = add(".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE, tags, count * sizeof(*tags));
    section->header.sh_entsize = sizeof(*tags);
    section->header.sh_addralign = 8;
    built_layout(&built);
    add_segment(PT_DYNAMIC, section->header.sh_offset, section->header.sh_size);
    built_write(&built);
}

static void a_table_of_the_dynamic_segment_over_a_build_id_keeps_it(void **state)
{
    (void)state;
    program();
    built_layout(&built);
    uint64_t id = id_offset(); /* the same in all that follow */
    const struct {
        struct tag tags[5]; /* to DT_NULL */
        bool free;
    } cases[] = {
        {{{DT_REL, 0}, {DT_RELSZ, 8}}, true},
        {{{DT_REL, 0}, {DT_RELSZ, id + 1}}, false},
        {{{DT_REL, 0}, {DT_RELSZ, id + 1}, {DT_RELSZ, 8}}, true /* the last one stands */},
        {{{DT_REL, 0}, {DT_RELSZ, 8}, {DT_RELSZ, id + 1}}, false},
        {{{DT_STRTAB, 0}, {DT_STRSZ, 8}}, false /* ld.so knows no end of it */},
        {{{DT_STRTAB, id}}, false},
        {{{DT_REL, UINT64_MAX}, {DT_RELSZ, 2}}, false /* overflows */},
        {{{DT_INIT, id + 19}}, false},
        {{{DT_INIT, id + 20}}, true},
        {{{DT_SYMTAB, id}}, false},
        {{{DT_SYMTAB, id + 20}}, true},
        {{{DT_SYMTAB, 8}}, false /* who knows where it ends */},
        {{{DT_SYMTAB, 16}, {DT_STRTAB, 24}, {DT_STRSZ, 8}}, false /* another behind it is no end */},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        dynamic(cases[i].tags, 5);
        assert_int_equal(id_offset(), id);
        if (holds_at("build-id", id, 20) != cases[i].free)
            fail_msg("case %zu", i);
    }
}

static void the_fields_of_the_elf_header_may_go_where_nothing_else_names_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        bool wide = kinds[i].wide;
        uint64_t offset = wide ? 40 : 32, counts = wide ? 58 : 46;
        built_program(&built, wide, kinds[i].big, ET_EXEC);
        built_layout(&built);
        assert_true(holds_at("elf-header-sections", offset, wide ? 8 : 4));
        assert_true(holds_at("elf-header-sections", counts, 6));
        assert_false(holds_at("elf-header-sections", offset - 1, 2));
        assert_false(holds_at("elf-header-sections", counts - 2, 4));
        add_segment(PT_INTERP, offset, 4);
        built_write(&built);
        assert_false(holds_at("elf-header-sections", offset, 4));
        object();
        built_layout(&built);
        assert_false(holds_at("elf-header-sections", 40, 8));
    }
}

static void what_runs_is_never_set_aside(void **state)
{
    (void)state;
    program();
    built_layout(&built);
    built.segments[0].p_flags |= PF_X;
    built_write(&built);
    assert_false(holds_at("elf-header-sections", 40, 8));
    assert_false(holds_at("build-id", id_offset(), 20));
    /* Without a PT_GNU_STACK kernels may run what is readable. */
    program();
    built_layout(&built);
    built.segments[built.segment_count - 1].p_type = PT_LOOS;
    built_write(&built);
    assert_false(holds_at("build-id", id_offset(), 20));
}

/* ---- Where things lie ---- */

static void section_headers_go_in_programs_only(void **state)
{
    (void)state;
    program();
    built_layout(&built);
    assert_true(holds_at("section-headers", built.header.e_shoff, 64));
    assert_false(holds_at("section-headers", built.header.e_shoff - 1, 64));
    assert_false(holds("section-headers", ".comment", 0, 4));
    object();
    built_layout(&built);
    assert_false(holds_at("section-headers", built.header.e_shoff, 64));
}

static void of_section_headers_in_objects_only_the_placement_goes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        bool wide = kinds[i].wide;
        built_program(&built, wide, kinds[i].big, ET_REL);
        built_layout(&built);
        uint64_t entry = built.header.e_shoff + 2 * built.header.e_shentsize;
        for (uint64_t k = 0; k < built.header.e_shentsize; k++) {
            bool placed = wide ? (k >= 8 && k < 16) || (k >= 24 && k < 40) || (k >= 48 && k < 56)
                               : (k >= 8 && k < 12) || (k >= 16 && k < 24) || (k >= 32 && k < 36);
            assert_int_equal(holds_at("section-placement", entry + k, 1), placed);
        }
        assert_true(holds_at("section-placement", wide ? 40 : 32, 4));
        assert_false(holds_at("section-placement", 16, 2));
        assert_false(holds("section-placement", ".comment", 0, 1));
        built_program(&built, wide, kinds[i].big, ET_DYN);
        built_layout(&built);
        assert_false(holds_at("section-placement", built.header.e_shoff + 8, 1));
    }
}

static void padding_is_zero_and_nobody_s(void **state)
{
    (void)state;
    program();
    built_layout(&built);
    uint64_t gap = built.header.e_shoff - 1;
    assert_true(holds_at("padding", gap, 1));
    assert_false(holds_at("padding", gap, 2));
    assert_false(holds_at("padding", built_named(&built, ".comment")->header.sh_offset, 1));
    built.bytes[gap] = 1;
    assert_false(holds_at("padding", gap, 1));
    /* Zeros behind everything are an overlay, by whose offset something could be found. */
    memset(built.bytes + built.size, 0, 4);
    built.size += 4;
    assert_false(holds_at("padding", built.size - 4, 4));
}

static void every_rule_is_known_by_its_name(void **state)
{
    (void)state;
    /* What moved is no matter of one file alone. */
    for (size_t i = 0; i < RULE_FILES; i++)
        assert_int_equal(rule_is_known(compare_rule_at(i)->id), !rule_is_moved((enum rule_index)i));
    assert_false(rule_is_known("no-such-rule"));
    assert_false(rule_is_known(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_only_build_id_may_go_in_every_class_and_byte_order),
        cmocka_unit_test(a_build_id_that_is_not_the_canonical_one_stays),
        cmocka_unit_test(a_build_id_in_a_note_segment_that_runs_or_is_written_stays),
        cmocka_unit_test(a_build_id_in_a_writable_mapping_stays),
        cmocka_unit_test(a_build_id_in_a_section_that_is_no_note_stays),
        cmocka_unit_test(a_build_id_under_another_segment_stays),
        cmocka_unit_test(note_segments_over_each_other_do_not_make_much_work),
        cmocka_unit_test(a_table_of_the_dynamic_segment_over_a_build_id_keeps_it),
        cmocka_unit_test(the_fields_of_the_elf_header_may_go_where_nothing_else_names_them),
        cmocka_unit_test(what_runs_is_never_set_aside),
        cmocka_unit_test(section_headers_go_in_programs_only),
        cmocka_unit_test(of_section_headers_in_objects_only_the_placement_goes),
        cmocka_unit_test(padding_is_zero_and_nobody_s),
        cmocka_unit_test(every_rule_is_known_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
