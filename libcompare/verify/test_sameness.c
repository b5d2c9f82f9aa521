/*
 * What must hold of two files that are called equivalent, whatever has been set aside in each: here everything has
 * been, under a policy that accepts all rules, so that nothing but sameness stands between the pair and its acquittal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"
#include "reading.h"

static struct built vendor, rebuilt;
static const char *refused; /* a rule that the policy lacks */

static bool accepts(void *policy, const char *rule)
{
    (void)policy;
    return refused == NULL || strcmp(rule, refused) != 0;
}

/* Why the pair is not the same, or NULL; the account of either file is one line of these. */
static const char *broken_by(struct line vendor_line, struct line rebuilt_line)
{
    struct arena arena = {0};
    const struct built *files[] = {&vendor, &rebuilt};
    struct line lines[] = {vendor_line, rebuilt_line};
    struct side sides[2];
    const char *what = NULL;
    uint64_t at;
    for (size_t i = 0; i < 2; i++) {
        sides[i] = (struct side){.lines = &lines[i], .line_count = 1};
        sides[i].elf = (struct elf){.bytes = files[i]->bytes, .size = files[i]->size, .arena = &arena};
        if (!elf_read(&sides[i].elf, &what))
            fail_msg("%s", what);
        lines[i].range = (struct range){0, files[i]->size};
    }
    const char *why = sameness_broken(&sides[0], &sides[1], accepts, NULL, &at);
    arena_free(&arena);
    return why;
}

static const char *broken(void)
{
    const struct line aside = {.standing = LINE_ASIDE,
                               .rule = vendor.header.e_type == ET_REL ? "section-placement" : "section-headers"};
    return broken_by(aside, aside);
}

static void assert_broken(const char *words)
{
    const char *why = broken();
    if (why == NULL || strstr(why, words) == NULL)
        fail_msg("%s: not said, but: %s", words, why != NULL ? why : "they are the same");
}

static void assert_same(void)
{
    const char *why = broken();
    if (why != NULL)
        fail_msg("%s", why);
}

/* Two equal files, with a section that stays and one that goes; the test changes the second. */
static void pair_of(bool wide, bool big, uint16_t type)
{
    refused = NULL;
    built_program(&vendor, wide, big, type);
    built_section(&vendor, ".debug_kept", SHT_PROGBITS, 0, "stays as it is", 14);
    built_section(&vendor, ".debug_str", SHT_PROGBITS, 0, "goes", 5);
    built_layout(&vendor);
    rebuilt = vendor;
}

static void programs(void)
{
    pair_of(true, false, ET_DYN);
}

static void objects(void)
{
    pair_of(true, false, ET_REL);
}

static struct built_section *changed(const char *name)
{
    return built_named(&rebuilt, name);
}

static void equal_files_are_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        for (uint16_t type = ET_REL; type <= ET_DYN; type++) {
            pair_of(i % 2 == 0, i / 2 == 0, type);
            assert_same();
        }
    }
}

static void files_of_another_kind_are_not(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        programs();
        if (i < 2)
            built_program(&rebuilt, i != 0, i == 1, ET_DYN);
        if (i == 2)
            rebuilt.header.e_machine = EM_IA_64;
        if (i == 3)
            rebuilt.header.e_type = ET_EXEC;
        if (i < 2)
            built_layout(&rebuilt);
        built_write(&rebuilt);
        assert_broken("another class, byte order, type or machine");
    }
}

static void elf_headers_that_differ_are_not(void **state)
{
    (void)state;
    programs();
    rebuilt.header.e_entry = 1;
    built_write(&rebuilt);
    assert_broken("ELF headers differ");
    programs();
    rebuilt.header.e_flags = 1;
    built_write(&rebuilt);
    assert_broken("ELF headers differ");
    /* In objects the number of sections has a meaning. */
    objects();
    rebuilt.header.e_shnum--;
    built_write(&rebuilt);
    assert_broken("ELF headers differ");
}

static void core_files_are_not(void **state)
{
    (void)state;
    programs();
    vendor.header.e_type = rebuilt.header.e_type = ET_CORE;
    built_write(&vendor);
    built_write(&rebuilt);
    assert_broken("only programs, shared objects and relocatable files");
}

static void programs_that_load_other_ranges_are_not(void **state)
{
    (void)state;
    programs();
    rebuilt.segments[1].p_filesz = rebuilt.segments[1].p_memsz = 0x1000;
    rebuilt.segments[2].p_filesz += 1;
    built_write(&rebuilt);
    assert_broken("do not load the same ranges");
    programs();
    rebuilt.segments[2].p_type = PT_NULL;
    built_write(&rebuilt);
    assert_broken("do not load the same ranges");
}

static void what_is_unexplained_is_not(void **state)
{
    (void)state;
    const struct line aside = {.standing = LINE_ASIDE, .rule = "comment"}, unexplained = {.standing = LINE_UNEXPLAINED};
    programs();
    assert_null(broken_by(aside, aside));
    assert_string_equal(broken_by(unexplained, aside), "there is an unexplained byte");
    assert_string_equal(broken_by(aside, unexplained), "there is an unexplained byte");
}

static void loaded_bytes_have_one_place(void **state)
{
    (void)state;
    const struct line here = {.standing = LINE_IDENTICAL}, moved = {.standing = LINE_IDENTICAL, .peer = 16};
    programs();
    assert_null(broken_by(here, here));
    assert_string_equal(broken_by(moved, here), "what is loaded is at another place");
    assert_string_equal(broken_by(here, moved), "what is loaded is at another place");
    objects();
    assert_null(broken_by(moved, here));
}

static void a_section_that_stays_is_the_same(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++) {
        for (int i = 0; i < 6; i++) {
            pair_of(true, false, type == 0 ? ET_DYN : ET_REL);
            struct built_section *kept = changed(".debug_kept");
            if (i == 0)
                kept->content[3] ^= 1;
            if (i == 1)
                kept->header.sh_type = SHT_LOUSER;
            if (i == 2)
                kept->header.sh_flags = SHF_EXCLUDE;
            if (i == 3)
                kept->header.sh_entsize = 1;
            if (i == 4)
                kept->header.sh_addralign = 2;
            if (i == 5)
                kept->header.sh_size -= 1;
            built_write(&rebuilt);
            assert_broken("sections that no rule excuses differ");
        }
    }
}

static void a_section_that_stays_keeps_its_name(void **state)
{
    (void)state;
    programs();
    changed(".debug_kept")->name[1] = 'w';
    built_layout(&rebuilt);
    assert_broken("sections that no rule excuses differ");
}

/* Two names that cannot be read may be two names: here they begin at different bytes of one table. */
static void names_that_cannot_be_read_are_not_the_same(void **state)
{
    (void)state;
    programs();
    vendor.sections[1].header.sh_size = rebuilt.sections[1].header.sh_size = 3;
    changed(".debug_kept")->header.sh_name = 2;
    built_named(&vendor, ".debug_kept")->header.sh_name = 1;
    built_write(&vendor);
    built_write(&rebuilt);
    assert_broken("sections that no rule excuses differ");
    programs();
    vendor.header.e_shstrndx = rebuilt.header.e_shstrndx = 0;
    changed(".debug_kept")->header.sh_name = 2;
    built_write(&vendor);
    built_write(&rebuilt);
    assert_same();
}

static void a_program_may_lose_what_a_rule_excuses_and_nothing_else(void **state)
{
    (void)state;
    programs();
    changed(".debug_str")->header.sh_size = 0;
    built_write(&rebuilt);
    assert_same();
    changed(".debug_kept")->header.sh_size = 0;
    built_write(&rebuilt);
    assert_broken("sections that no rule excuses differ");
    struct built swap = vendor;
    vendor = rebuilt;
    rebuilt = swap;
    assert_broken("sections that no rule excuses differ");
}

static void what_a_rule_outside_the_policy_knows_stays(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++) {
        pair_of(true, false, type == 0 ? ET_DYN : ET_REL);
        changed(".debug_str")->content[0] ^= 1;
        built_write(&rebuilt);
        assert_same();
        refused = "debug-info";
        assert_broken("sections that no rule excuses differ");
    }
}

/* An overlay, a reference, or no rule for it: then a file of another size cannot be the same. */
static void nothing_moves_in_programs_where_places_mean_something(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        programs();
        struct built_section *kept = built_named(&vendor, ".debug_kept");
        if (i == 0)
            vendor.size += 8;
        if (i == 1)
            kept->header.sh_link = 2;
        if (i == 2)
            kept->header.sh_info = 2;
        if (i == 3)
            kept->header.sh_addr = 16;
        if (i == 4)
            kept->header.sh_addralign = 1 << 17;
        if (i == 5)
            refused = "section-headers";
        built_write(&vendor);
        rebuilt.size += i == 0 ? 0 : 8;
        assert_broken("something in them has moved, and nothing may");
    }
    /* A reference of what goes refers to nothing. */
    programs();
    built_named(&vendor, ".debug_str")->header.sh_info = 2;
    built_write(&vendor);
    changed(".debug_str")->header.sh_size = 60;
    built_layout(&rebuilt);
    assert_true(rebuilt.size > vendor.size);
    assert_same();
}

static void objects_move_by_their_rule_alone(void **state)
{
    (void)state;
    objects();
    changed(".debug_str")->header.sh_size = 60;
    built_layout(&rebuilt);
    assert_true(rebuilt.size != vendor.size);
    assert_same();
    refused = "section-placement";
    assert_broken("something in them has moved, and nothing may");
}

static void sections_of_objects_refer_to_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        objects();
        struct built_section *section = changed(i < 3 ? ".debug_kept" : ".debug_str");
        if (i % 3 == 0)
            section->header.sh_link = 1;
        if (i % 3 == 1)
            section->header.sh_info = 1;
        if (i % 3 == 2)
            section->header.sh_addr = 1;
        built_write(&rebuilt);
        assert_broken("sections that no rule excuses differ");
    }
}

static void an_emptied_section_of_an_object_must_have_been_excusable(void **state)
{
    (void)state;
    objects();
    changed(".debug_str")->header.sh_size = 0;
    built_write(&rebuilt);
    assert_same();
    objects();
    changed(".debug_kept")->header.sh_size = 0;
    built_write(&rebuilt);
    assert_broken("sections that no rule excuses differ");
    objects();
    changed(".text")->header.sh_type = SHT_NOBITS;
    built_write(&rebuilt);
    assert_broken("sections that no rule excuses differ");
}

static void objects_have_as_many_sections(void **state)
{
    (void)state;
    objects();
    /* More than fit e_shnum stand in the null section: the ELF headers are the same. */
    vendor.header.e_shnum = rebuilt.header.e_shnum = 0;
    vendor.sections[0].header.sh_size = vendor.section_count;
    rebuilt.sections[0].header.sh_size = rebuilt.section_count - 1;
    built_write(&vendor);
    built_write(&rebuilt);
    assert_broken("not the same number of sections");
}

static void the_overlay_of_objects_is_the_same(void **state)
{
    (void)state;
    objects();
    rebuilt.size += 1;
    assert_broken("behind everything else");
    vendor.size += 1;
    assert_same();
    rebuilt.bytes[rebuilt.size - 1] = 'x';
    assert_broken("behind everything else");
}

/* ---- Compression ---- */

/* Zstandard, one raw block (RFC 8878), of four bytes; ch_addralign is 1. */
static void pack(struct built *built, const char *name, const char *text)
{
    struct built_section *section = built_named(built, name);
    uint8_t packed[37] = {2, 0, 0, 0, 0, 0, 0, 0,    4,    0,    0,    0,    0, 0,    0, 0, 1,
                          0, 0, 0, 0, 0, 0, 0, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 4, 0x21, 0, 0};
    memcpy(packed + 33, text, 4);
    memcpy(section->content, packed, sizeof(packed));
    section->header.sh_size = sizeof(packed);
    section->header.sh_flags |= SHF_COMPRESSED;
    built_layout(built);
}

static void plain(struct built *built, const char *name, const char *text)
{
    struct built_section *section = built_named(built, name);
    memcpy(section->content, text, 4);
    section->header.sh_size = 4;
    built_layout(built);
}

static void contents_are_compared_whatever_their_compression(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++) {
        pair_of(true, false, type == 0 ? ET_DYN : ET_REL);
        plain(&vendor, ".debug_kept", "text");
        pack(&rebuilt, ".debug_kept", "text");
        assert_same();
        pack(&rebuilt, ".debug_kept", "test");
        assert_broken("sections that no rule excuses differ");
        pack(&rebuilt, ".debug_kept", "text");
        refused = "compression";
        assert_broken("sections that no rule excuses differ");
        refused = NULL;
        built_named(&vendor, ".debug_kept")->header.sh_addralign = 2;
        built_layout(&vendor);
        assert_broken("sections that no rule excuses differ");
        /* Streams that are not exact are compared as they are. */
        pack(&vendor, ".debug_kept", "text");
        changed(".debug_kept")->content[8] = built_named(&vendor, ".debug_kept")->content[8] = 5;
        built_layout(&vendor);
        built_layout(&rebuilt);
        assert_same();
        changed(".debug_kept")->content[36] ^= 1;
        built_layout(&rebuilt);
        assert_broken("sections that no rule excuses differ");
    }
}

/* What is said to be set aside for its compression has no other excuse: the content decides. */
static void what_compression_sets_aside_has_no_other_excuse(void **state)
{
    (void)state;
    const struct line compression = {.standing = LINE_ASIDE, .rule = "compression"};
    for (int type = 0; type < 2; type++) {
        pair_of(true, false, type == 0 ? ET_DYN : ET_REL);
        pack(&vendor, ".debug_str", "text");
        pack(&rebuilt, ".debug_str", "test");
        assert_same();
        assert_non_null(broken_by(compression, compression));
        pack(&rebuilt, ".debug_str", "text");
        assert_null(broken_by(compression, compression));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_files_are_the_same),
        cmocka_unit_test(files_of_another_kind_are_not),
        cmocka_unit_test(elf_headers_that_differ_are_not),
        cmocka_unit_test(core_files_are_not),
        cmocka_unit_test(programs_that_load_other_ranges_are_not),
        cmocka_unit_test(what_is_unexplained_is_not),
        cmocka_unit_test(loaded_bytes_have_one_place),
        cmocka_unit_test(a_section_that_stays_is_the_same),
        cmocka_unit_test(a_section_that_stays_keeps_its_name),
        cmocka_unit_test(names_that_cannot_be_read_are_not_the_same),
        cmocka_unit_test(a_program_may_lose_what_a_rule_excuses_and_nothing_else),
        cmocka_unit_test(what_a_rule_outside_the_policy_knows_stays),
        cmocka_unit_test(nothing_moves_in_programs_where_places_mean_something),
        cmocka_unit_test(objects_move_by_their_rule_alone),
        cmocka_unit_test(sections_of_objects_refer_to_the_same),
        cmocka_unit_test(an_emptied_section_of_an_object_must_have_been_excusable),
        cmocka_unit_test(objects_have_as_many_sections),
        cmocka_unit_test(the_overlay_of_objects_is_the_same),
        cmocka_unit_test(contents_are_compared_whatever_their_compression),
        cmocka_unit_test(what_compression_sets_aside_has_no_other_excuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
