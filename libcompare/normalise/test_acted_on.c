/*
 * Records inside the load view are set aside because nothing acts on them. Here something does: ld.so by a table, a
 * tag or an address, or the kernel by a program header that lies over them. Each of them must stay.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"

#define SHOFF_FIELD  0x28
#define SECOND_PLACE 0x9000

struct tag {
    uint64_t tag, value;
};

static void add_segment(struct built *built, Elf64_Phdr segment)
{
    built->segments[built->segment_count++] = segment;
    built->header.e_phnum++;
    built_write(built);
}

static Elf64_Phdr identity(uint32_t type, uint64_t offset, uint64_t size)
{
    return (Elf64_Phdr){.p_type = type,
                        .p_flags = PF_R,
                        .p_offset = offset,
                        .p_vaddr = offset,
                        .p_filesz = size,
                        .p_memsz = size,
                        .p_align = 1};
}

/* A program whose dynamic segment has these entries; DT_NULL is not added. */
static void program(struct built *built, const struct tag *tags, size_t count)
{
    built_program(built, true, false, ET_DYN);
    struct built_section *section =
        built_section(built, ".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE, tags, count * sizeof(*tags));
    section->header.sh_entsize = sizeof(*tags);
    section->header.sh_addralign = 8;
    built_layout(built);
    add_segment(built, identity(PT_DYNAMIC, section->header.sh_offset, section->header.sh_size));
}

static Elf64_Phdr *dynamic_segment(struct built *built)
{
    return &built->segments[built->segment_count - 1];
}

static uint64_t id_offset(struct built *built)
{
    return built_named(built, ".note.gnu.build-id")->header.sh_offset + 16;
}

static void assert_id_rule(struct built *built, enum rule_index rule)
{
    assert_int_equal(built_rule_at(built, id_offset(built)), rule);
    assert_int_equal(built_rule_at(built, id_offset(built) + 19), rule);
}

static void remove_sections(struct built *built)
{
    built->header.e_shoff = built->header.e_shnum = built->header.e_shstrndx = 0;
    image_encode_ehdr(&(struct image){.is64 = true}, &built->header, built->bytes);
}

/* ---- The build ID ---- */

static void build_id_behind_a_table_of_stated_size_is_set_aside(void **state)
{
    (void)state;
    struct built built;
    const struct tag tags[] = {{DT_RELA, 0}, {DT_RELASZ, 8}, {DT_NULL, 0}};
    program(&built, tags, ARRAY_COUNT(tags));
    assert_id_rule(&built, RULE_BUILD_ID);
}

/* ld.so looks at no size of these, and adds what it reads of them to their address. */
static void build_id_behind_a_table_that_is_not_walked_by_its_size_stays(void **state)
{
    (void)state;
    static const uint64_t tables[] = {DT_STRTAB,  DT_SYMTAB, DT_HASH,   DT_GNU_HASH,    DT_VERSYM,
                                      DT_VERNEED, DT_VERDEF, DT_PLTGOT, DT_TLSDESC_PLT, DT_JMPREL};
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        struct built built;
        const struct tag tags[] = {{tables[i], 8}, {DT_STRSZ, 8}, {DT_PLTRELSZ, 8}, {DT_INIT, 16}, {DT_NULL, 0}};
        program(&built, tags, ARRAY_COUNT(tags));
        assert_id_rule(&built, RULE_COUNT);
    }
}

/* ld.so adds the two as they stand. */
static void build_id_that_is_a_string_before_the_string_table_stays(void **state)
{
    (void)state;
    static const uint64_t strings[] = {DT_NEEDED,    DT_SONAME, DT_RPATH, DT_RUNPATH,
                                       DT_AUXILIARY, DT_FILTER, DT_AUDIT, DT_DEPAUDIT};
    for (size_t i = 0; i < ARRAY_COUNT(strings); i++) {
        struct built built;
        struct tag tags[] = {{DT_STRTAB, 0x8000}, {DT_STRSZ, 64}, {strings[i], 8}, {DT_NULL, 0}};
        program(&built, tags, ARRAY_COUNT(tags));
        assert_id_rule(&built, RULE_BUILD_ID);
        tags[2].value = id_offset(&built) - 0x8000;
        program(&built, tags, ARRAY_COUNT(tags));
        assert_id_rule(&built, RULE_COUNT);
    }
}

static void build_id_that_an_unknown_tag_points_to_stays(void **state)
{
    (void)state;
    struct built built;
    struct tag tags[] = {{0x70000000, 5}, {0x60000123, 0x800}, {DT_NULL, 0}};
    program(&built, tags, ARRAY_COUNT(tags));
    assert_id_rule(&built, RULE_BUILD_ID);
    tags[1].value = id_offset(&built) + 16;
    program(&built, tags, ARRAY_COUNT(tags));
    assert_id_rule(&built, RULE_COUNT);
}

/* A hash table of one bucket in .rodata, with a bucket that leads to the chain so far from its first. */
static void hash_table(struct built *built, uint32_t bucket)
{
    const uint32_t table[8] = {1, 100, 1, 0, 0, 0, bucket, 1};
    uint64_t place = 0;
    for (int pass = 0; pass < 2; pass++) {
        const struct tag tags[] = {{DT_GNU_HASH, place}, {DT_NULL, 0}};
        built_program(built, true, false, ET_DYN);
        struct built_section *section = built_section(built, ".dynamic", SHT_DYNAMIC, SHF_ALLOC, tags, sizeof(tags));
        section->header.sh_entsize = sizeof(*tags);
        section->header.sh_addralign = 8;
        built_section(built, ".hashes", SHT_PROGBITS, SHF_ALLOC, table, sizeof(table))->header.sh_addralign = 8;
        built_layout(built);
        place = built_named(built, ".hashes")->header.sh_addr;
    }
    Elf64_Shdr *dynamic = &built_named(built, ".dynamic")->header;
    add_segment(built, identity(PT_DYNAMIC, dynamic->sh_offset, dynamic->sh_size));
}

static void build_id_below_a_hash_table_stays_where_a_chain_leads_down(void **state)
{
    (void)state;
    struct built built;
    hash_table(&built, 100);
    assert_id_rule(&built, RULE_BUILD_ID);
    hash_table(&built, 90);
    assert_id_rule(&built, RULE_COUNT);
    hash_table(&built, 100 + (1 << 20));
    assert_id_rule(&built, RULE_COUNT);
}

/* glibc elf/get-dynamic-info.h: of two entries with one tag the last one stands. */
static void build_id_under_the_table_of_a_second_tag_stays(void **state)
{
    (void)state;
    struct built built;
    const struct tag tags[] = {{DT_RELA, 0}, {DT_RELASZ, 8}, {DT_RELASZ, 4096}, {DT_NULL, 0}};
    program(&built, tags, ARRAY_COUNT(tags));
    assert_id_rule(&built, RULE_COUNT);
}

/* ld.so reads on to DT_NULL and does not look at p_filesz. */
static void build_id_under_a_table_behind_the_dynamic_segment_s_end_stays(void **state)
{
    (void)state;
    struct built built;
    const struct tag tags[] = {{DT_RELA, 0}, {DT_RELASZ, 8}, {DT_RELASZ, 4096}, {DT_NULL, 0}};
    program(&built, tags, ARRAY_COUNT(tags));
    dynamic_segment(&built)->p_filesz = 2 * sizeof(struct tag);
    built_write(&built);
    assert_id_rule(&built, RULE_COUNT);
}

static void build_id_under_a_table_of_a_dynamic_segment_without_file_size_stays(void **state)
{
    (void)state;
    struct built built;
    const struct tag tags[] = {{DT_RELA, 0}, {DT_RELASZ, 4096}, {DT_NULL, 0}};
    program(&built, tags, ARRAY_COUNT(tags));
    dynamic_segment(&built)->p_filesz = 0;
    built_write(&built);
    assert_id_rule(&built, RULE_COUNT);
}

static void build_id_that_a_second_segment_maps_under_a_table_stays(void **state)
{
    (void)state;
    struct built built;
    const struct tag tags[] = {{DT_RELA, SECOND_PLACE}, {DT_RELASZ, 4096}, {DT_NULL, 0}};
    program(&built, tags, ARRAY_COUNT(tags));
    Elf64_Phdr load = identity(PT_LOAD, 0, BUILT_PAGE);
    load.p_vaddr = SECOND_PLACE;
    load.p_align = BUILT_PAGE;
    add_segment(&built, load);
    assert_id_rule(&built, RULE_COUNT);
}

/* The segment itself has the page's last bytes only; the kernel maps the page. */
static void build_id_in_the_page_of_a_second_segment_under_a_table_stays(void **state)
{
    (void)state;
    struct built built;
    const struct tag tags[] = {{DT_RELA, SECOND_PLACE}, {DT_RELASZ, 4080}, {DT_NULL, 0}};
    program(&built, tags, ARRAY_COUNT(tags));
    Elf64_Phdr load = identity(PT_LOAD, BUILT_PAGE - 16, 16);
    load.p_vaddr = SECOND_PLACE + BUILT_PAGE - 16;
    load.p_align = BUILT_PAGE;
    add_segment(&built, load);
    assert_id_rule(&built, RULE_COUNT);
}

static void build_id_under_another_segment_stays(void **state)
{
    (void)state;
    static const uint32_t types[] = {PT_INTERP, PT_TLS, PT_GNU_RELRO, PT_GNU_PROPERTY, PT_GNU_EH_FRAME};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        struct built built;
        built_program(&built, true, false, ET_DYN);
        built_layout(&built);
        add_segment(&built, identity(types[i], id_offset(&built) + 8, 4));
        assert_id_rule(&built, RULE_COUNT);
    }
}

/* Of no bytes in the file: ld.so and the unwinder go by p_vaddr, and by p_memsz at most. */
static void build_id_under_the_memory_of_another_segment_stays(void **state)
{
    (void)state;
    static const uint32_t types[] = {PT_TLS, PT_GNU_PROPERTY, PT_GNU_EH_FRAME, PT_LOPROC + 1};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        struct built built;
        built_program(&built, true, false, ET_DYN);
        built_layout(&built);
        Elf64_Phdr segment = identity(types[i], id_offset(&built) + 8, 4);
        segment.p_filesz = 0;
        add_segment(&built, segment);
        assert_id_rule(&built, RULE_COUNT);
    }
}

/* A note in the descriptor of the note. */
static void build_id_under_a_second_note_segment_stays(void **state)
{
    (void)state;
    struct built built;
    built_program(&built, true, false, ET_DYN);
    built_layout(&built);
    Elf64_Phdr segment = identity(PT_NOTE, id_offset(&built) + 4, 16);
    segment.p_align = 4;
    add_segment(&built, segment);
    assert_id_rule(&built, RULE_COUNT);
}

/*
 * Without section headers the note is known by its segment alone. This one begins in the unused members of
 * PT_GNU_STACK, and its descriptor ends with p_type and p_flags of the code.
 */
static void note_over_program_headers(struct built *built, uint32_t code_flags)
{
    built_program(built, true, false, ET_DYN);
    built_layout(built);
    Elf64_Phdr note = built->segments[3], code = built->segments[1];
    uint64_t at = built->header.e_phoff + sizeof(Elf64_Phdr) + 16;
    code.p_flags = code_flags;
    note.p_offset = note.p_vaddr = at;
    note.p_filesz = note.p_memsz = 48;
    built->segments[4] = note;
    built->segments[3] = built->segments[2];
    built->segments[2] = code;
    built->segments[1] = (Elf64_Phdr){.p_type = PT_GNU_STACK,
                                      .p_flags = PF_R | PF_W,
                                      .p_vaddr = UINT64_C(32) << 32 | 4,
                                      .p_paddr = UINT64_C(0x554e47) << 32 | NT_GNU_BUILD_ID};
    built->segment_count = built->header.e_phnum = 5;
    built_write(built);
    remove_sections(built);
}

static void a_note_over_program_headers_sets_no_flags_aside(void **state)
{
    (void)state;
    struct built vendor, rebuilt;
    note_over_program_headers(&vendor, PF_R | PF_X);
    note_over_program_headers(&rebuilt, PF_R | PF_W | PF_X);
    assert_int_equal(built_verdict(&vendor, &rebuilt), COMPARE_DIFFERENT);
}

static void build_id_in_a_segment_alone_is_set_aside_without_sections(void **state)
{
    (void)state;
    struct built built;
    built_program(&built, true, false, ET_DYN);
    built_layout(&built);
    remove_sections(&built);
    assert_id_rule(&built, RULE_BUILD_ID);
}

/* ---- The ELF header's fields ---- */

static void header_fields_that_nothing_else_names_are_set_aside(void **state)
{
    (void)state;
    struct built built;
    built_program(&built, true, false, ET_DYN);
    built_layout(&built);
    assert_int_equal(built_rule_at(&built, SHOFF_FIELD), RULE_ELF_HEADER_SECTIONS);
}

/* e_shoff of 0x612f is the path "/a". */
static void header_fields_under_another_segment_stay(void **state)
{
    (void)state;
    static const uint32_t types[] = {PT_INTERP, PT_TLS, PT_NOTE, PT_GNU_PROPERTY, PT_GNU_EH_FRAME};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        struct built built;
        built_program(&built, true, false, ET_DYN);
        built_layout(&built);
        add_segment(&built, identity(types[i], SHOFF_FIELD, 8));
        assert_int_equal(built_rule_at(&built, SHOFF_FIELD), RULE_COUNT);
    }
}

/* e_shoff of 0x401000 is a function of a program that is not position independent. */
static void header_fields_under_a_table_of_the_dynamic_segment_stay(void **state)
{
    (void)state;
    static const struct tag tables[][2] = {
        {{DT_INIT_ARRAY, SHOFF_FIELD}, {DT_INIT_ARRAYSZ, 8}},
        {{DT_STRTAB, 0}, {DT_STRSZ, 64}},
        {{DT_RELA, 0x20}, {DT_RELASZ, 24}},
    };
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        struct built built;
        const struct tag tags[] = {tables[i][0], tables[i][1], {DT_NULL, 0}};
        program(&built, tags, ARRAY_COUNT(tags));
        assert_int_equal(built_rule_at(&built, SHOFF_FIELD), RULE_COUNT);
    }
}

/* ---- Notes that are not loaded: a place for nothing but themselves ---- */

static void set_name(struct built_section *section, const char *name)
{
    snprintf(section->name, sizeof(section->name), "%s", name);
}

/* A gold note with a text of 8 bytes in its descriptor. */
static struct built_section *gold_note(struct built *built)
{
    built_program(built, true, false, ET_DYN);
    return built_note(built, ".note.gnu.gold-version", 0, NT_GNU_GOLD_VERSION, "gold 1\0", 7);
}

static void assert_gold_rule(struct built *built, enum rule_index rule)
{
    built_layout(built);
    assert_int_equal(built_rule_at(built, built_named(built, ".note.gnu.gold-version")->header.sh_offset), rule);
}

static void the_gold_linker_s_note_is_set_aside(void **state)
{
    (void)state;
    struct built built;
    gold_note(&built);
    assert_gold_rule(&built, RULE_UNLOADED_NOTES);
}

static void a_note_with_bytes_in_its_padding_stays(void **state)
{
    (void)state;
    struct built built;
    gold_note(&built)->content[23] = 'x';
    assert_gold_rule(&built, RULE_COUNT);
}

static void a_note_with_bytes_behind_its_text_stays(void **state)
{
    (void)state;
    struct built built;
    struct built_section *note = gold_note(&built);
    note->content[17] = 0;
    assert_gold_rule(&built, RULE_COUNT);
}

static void a_note_whose_owner_only_begins_with_gnu_stays(void **state)
{
    (void)state;
    struct built built;
    struct built_section *note = gold_note(&built);
    note->content[0] = 12; /* "GNU", NUL, and eight bytes more */
    note->content[4] = 0;
    assert_gold_rule(&built, RULE_COUNT);
}

static void a_gold_note_that_is_loaded_stays(void **state)
{
    (void)state;
    struct built built;
    gold_note(&built)->header.sh_flags = SHF_ALLOC;
    assert_gold_rule(&built, RULE_COUNT);
}

static void a_note_under_an_unknown_name_stays(void **state)
{
    (void)state;
    struct built built;
    struct built_section *note = gold_note(&built);
    set_name(note, ".note.gnu.silver-version");
    built_layout(&built);
    assert_int_equal(built_rule_at(&built, note->header.sh_offset), RULE_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(build_id_behind_a_table_of_stated_size_is_set_aside),
        cmocka_unit_test(build_id_behind_a_table_that_is_not_walked_by_its_size_stays),
        cmocka_unit_test(build_id_that_is_a_string_before_the_string_table_stays),
        cmocka_unit_test(build_id_that_an_unknown_tag_points_to_stays),
        cmocka_unit_test(build_id_below_a_hash_table_stays_where_a_chain_leads_down),
        cmocka_unit_test(build_id_under_the_memory_of_another_segment_stays),
        cmocka_unit_test(build_id_under_a_second_note_segment_stays),
        cmocka_unit_test(build_id_under_the_table_of_a_second_tag_stays),
        cmocka_unit_test(build_id_under_a_table_behind_the_dynamic_segment_s_end_stays),
        cmocka_unit_test(build_id_under_a_table_of_a_dynamic_segment_without_file_size_stays),
        cmocka_unit_test(build_id_that_a_second_segment_maps_under_a_table_stays),
        cmocka_unit_test(build_id_in_the_page_of_a_second_segment_under_a_table_stays),
        cmocka_unit_test(build_id_under_another_segment_stays),
        cmocka_unit_test(a_note_over_program_headers_sets_no_flags_aside),
        cmocka_unit_test(build_id_in_a_segment_alone_is_set_aside_without_sections),
        cmocka_unit_test(header_fields_that_nothing_else_names_are_set_aside),
        cmocka_unit_test(header_fields_under_another_segment_stay),
        cmocka_unit_test(header_fields_under_a_table_of_the_dynamic_segment_stay),
        cmocka_unit_test(the_gold_linker_s_note_is_set_aside),
        cmocka_unit_test(a_note_with_bytes_in_its_padding_stays),
        cmocka_unit_test(a_note_with_bytes_behind_its_text_stays),
        cmocka_unit_test(a_note_whose_owner_only_begins_with_gnu_stays),
        cmocka_unit_test(a_gold_note_that_is_loaded_stays),
        cmocka_unit_test(a_note_under_an_unknown_name_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
