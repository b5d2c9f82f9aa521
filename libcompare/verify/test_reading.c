/*
 * Files that the checker cannot read, and files of which two views disagree. The report on the latter must say so; one
 * that does not is refused, however right it is otherwise.
 */
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

static bool is_read(struct elf *elf)
{
    const char *what = NULL;
    *elf = (struct elf){.side = "vendor", .bytes = built.bytes, .size = built.size, .arena = &arena};
    bool read = elf_read(elf, &what);
    assert_non_null(what);
    return read;
}

static bool is_readable(void)
{
    struct elf elf;
    bool read = is_read(&elf);
    arena_free(&arena);
    return read;
}

static void assert_contradiction(const char *words)
{
    struct elf elf;
    assert_true(is_read(&elf));
    arena_free(&arena);
    if (words == NULL ? elf.contradiction != NULL
                      : elf.contradiction == NULL || strstr(elf.contradiction, words) == NULL)
        fail_msg("%s: not said, but: %s", words != NULL ? words : "(none)",
                 elf.contradiction != NULL ? elf.contradiction : "(none)");
}

static void program(void)
{
    built_program(&built, true, false, ET_DYN);
    built_layout(&built);
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

/* ---- What cannot be read ---- */

static void short_file(void)
{
    built.size = 15;
}

static void short_header(void)
{
    built.size = built.is64 ? 63 : 51;
}

static void no_magic(void)
{
    built.header.e_ident[2] = 'l';
}

static void class_none(void)
{
    built.header.e_ident[EI_CLASS] = 0;
}

static void class_3(void)
{
    built.header.e_ident[EI_CLASS] = 3;
}

static void order_none(void)
{
    built.header.e_ident[EI_DATA] = 0;
}

static void order_3(void)
{
    built.header.e_ident[EI_DATA] = 3;
}

static void too_many_segments(void)
{
    built.header.e_phnum = PN_XNUM;
}

static void other_segment_size(void)
{
    built.header.e_phentsize += 8;
}

static void segments_past_the_end(void)
{
    built.segment_count = 0;
    built.header.e_phoff = built.size - 8;
}

static void segments_that_overflow(void)
{
    built.segment_count = 0;
    built.header.e_phoff = UINT64_MAX;
}

static void segment_past_the_end(void)
{
    built.segments[0].p_filesz = built.size + 1;
}

static void segment_that_overflows(void)
{
    built.segments[0].p_offset = UINT64_MAX;
}

static void other_header_size(void)
{
    built.header.e_shentsize += 8;
}

static void headers_past_the_end(void)
{
    built.size -= 1;
}

static void more_headers_than_bytes(void)
{
    built.header.e_shnum = 65000;
}

static void section_past_the_end(void)
{
    built.sections[2].header.sh_size = built.size;
}

static void files_that_cannot_be_read_are_told(void **state)
{
    (void)state;
    void (*const changes[])(void) = {short_file,
                                     short_header,
                                     no_magic,
                                     class_none,
                                     class_3,
                                     order_none,
                                     order_3,
                                     too_many_segments,
                                     other_segment_size,
                                     segments_past_the_end,
                                     segments_that_overflow,
                                     segment_past_the_end,
                                     segment_that_overflows,
                                     other_header_size,
                                     headers_past_the_end,
                                     more_headers_than_bytes};
    for (size_t i = 0; i < ARRAY_COUNT(changes) * ARRAY_COUNT(kinds); i++) {
        built_program(&built, kinds[i % 4].wide, kinds[i % 4].big, ET_EXEC);
        built_layout(&built);
        assert_true(is_readable());
        uint64_t table = built.header.e_phoff;
        changes[i / 4]();
        /* The encoder knows the class and order that the header says. */
        if (built.header.e_phoff == table)
            built_write(&built);
        else
            image_encode_ehdr(&(struct image){.is64 = built.is64, .big_endian = built.big_endian}, &built.header,
                              built.bytes);
        if (is_readable())
            fail_msg("change %zu, kind %zu", i / 4, i % 4);
    }
}

static void sections_past_the_end_cannot_be_read(void **state)
{
    (void)state;
    program();
    built_named(&built, ".comment")->header.sh_type = SHT_NOBITS;
    section_past_the_end();
    built.sections[2].header.sh_type = SHT_NOBITS; /* has no bytes, whatever its size */
    built_write(&built);
    assert_true(is_readable());
    built.sections[2].header.sh_type = SHT_NULL;
    built.bytes[built.header.e_shoff + 2 * 64 + 4] = SHT_NULL;
    assert_true(is_readable());
    built.bytes[built.header.e_shoff + 2 * 64 + 4] = SHT_PROGBITS;
    assert_false(is_readable());
}

static void addresses_that_overflow_cannot_be_read(void **state)
{
    (void)state;
    program();
    built.segments[0].p_vaddr = UINT64_MAX;
    built_write(&built);
    assert_false(is_readable());
}

/* More than fit e_shnum and e_shstrndx stand in the null section. */
static void counts_in_the_null_section_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        struct elf elf;
        built_program(&built, kinds[i].wide, kinds[i].big, ET_DYN);
        built_layout(&built);
        built.header.e_shnum = 0;
        built.header.e_shstrndx = SHN_XINDEX;
        built.sections[0].header.sh_size = built.section_count;
        built.sections[0].header.sh_link = 1;
        built_write(&built);
        assert_true(is_read(&elf));
        assert_int_equal(elf.section_count, built.section_count);
        assert_string_equal(elf_section_name(&elf, &elf.sections[2]), ".text");
        arena_free(&arena);
        built.sections[0].header.sh_size = UINT32_MAX;
        built_write(&built);
        assert_false(is_readable());
    }
}

/* ---- What disagrees ---- */

static void an_honest_file_has_no_contradiction(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        for (uint16_t type = ET_REL; type <= ET_DYN; type++) {
            built_program(&built, kinds[i].wide, kinds[i].big, type);
            built_section(&built, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL, 32);
            built_section(&built, ".tbss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE | SHF_TLS, NULL, 0)->header.sh_size =
                9000; /* a template: it takes no memory of its own */
            built_layout(&built);
            assert_contradiction(NULL);
        }
    }
}

static void segments_in_the_same_memory_are_told(void **state)
{
    (void)state;
    program();
    built.segments[1].p_memsz += 2 * BUILT_PAGE;
    built_write(&built);
    assert_contradiction("PT_LOADs overlap");
    program();
    built.segments[1].p_memsz -= 1;
    built_write(&built);
    assert_contradiction("more in the file than in memory");
}

static void program_headers_that_are_not_mapped_are_told(void **state)
{
    (void)state;
    program();
    uint64_t name = built_named(&built, ".rodata")->header.sh_offset;
    add_segment(PT_INTERP, name, 8);
    built_write(&built);
    assert_contradiction(NULL);
    built.segments[0].p_offset = built.segments[0].p_vaddr = name;
    built.segments[0].p_filesz = built.segments[0].p_memsz = 64;
    built_write(&built);
    assert_contradiction("no PT_LOAD maps the program headers");
}

static void sections_over_each_other_are_told(void **state)
{
    (void)state;
    program();
    built_named(&built, ".comment")->header.sh_offset -= 1;
    built_write(&built);
    assert_contradiction("overlap");
}

static void sections_that_claim_other_bytes_are_told(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        program();
        Elf64_Shdr *header = &built_named(&built, ".data")->header;
        if (i == 0)
            header->sh_addr += 1;
        if (i == 1)
            header->sh_addr = UINT64_MAX;
        if (i == 2)
            header->sh_size = 100; /* past p_filesz and p_memsz */
        if (i == 3)
            header->sh_type = SHT_NOBITS;
        if (i == 4)
            header->sh_size = 10; /* past p_filesz */
        if (i == 5)
            built.segments[0].p_vaddr = 64;
        if (i == 6)
            header->sh_offset -= 1;
        if (i == 5)
            built_named(&built, ".rodata")->header.sh_addr = 0;
        built_write(&built);
        assert_contradiction(i == 2 || i == 4 ? "" : "claims other bytes");
    }
}

static void one_dynamic_table_that_ends_is_no_contradiction(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        uint64_t table[] = {DT_DEBUG, 0, DT_NULL, 0};
        built_program(&built, true, false, ET_DYN);
        struct built_section *section =
            built_section(&built, ".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE, table, sizeof(table));
        section->header.sh_addralign = 8;
        built_layout(&built);
        add_segment(PT_DYNAMIC, section->header.sh_offset, i == 1 ? 16 : 32);
        if (i == 2)
            add_segment(PT_DYNAMIC, section->header.sh_offset, 32);
        built_write(&built);
        assert_contradiction(i == 0   ? NULL
                             : i == 1 ? "does not end where its segment does"
                                      : "more than one dynamic table");
    }
}

static void names_in_no_section_are_told(void **state)
{
    (void)state;
    program();
    built.header.e_shstrndx = (Elf64_Half)built.section_count;
    built_write(&built);
    assert_contradiction("e_shstrndx is no section");
}

/* A symbol in section 5 and a relocation of .text by it, each as it should be; `i` alters one thing. */
static void references_that_cannot_be_told_are_told(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        uint8_t symbols[48] = {0}, relocation[24] = {0};
        symbols[24 + 6] = i == 1 ? 99 : 3;
        relocation[12] = i == 2 ? 2 : 1;
        built_begin(&built, true, false, ET_REL);
        built_section(&built, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "code", 4);
        built_section(&built, ".data", SHT_PROGBITS, 0, "data", 4);
        if (i != 3)
            built_section(&built, ".symtab", SHT_SYMTAB, 0, symbols, sizeof(symbols));
        if (i == 4)
            built_section(&built, ".symtab2", SHT_SYMTAB, 0, symbols, sizeof(symbols));
        struct built_section *section = built_section(&built, ".rela", SHT_RELA, 0, relocation, sizeof(relocation));
        section->header.sh_info = i == 6 ? 60 : 2;
        section->header.sh_entsize = i == 5 ? 8 : 24;
        built_layout(&built);
        struct elf elf;
        assert_true(is_read(&elf));
        assert_null(elf.contradiction);
        assert_int_equal(elf.untold, i != 0 && i != 6);
        arena_free(&arena);
    }
}

static void pages_are_those_of_the_machine(void **state)
{
    (void)state;
    static const struct {
        uint16_t machine;
        uint64_t page;
    } cases[] = {{EM_386, 4096},   {EM_X86_64, 4096},      {EM_S390, 4096},    {EM_RISCV, 4096}, {EM_68K, 8192},
                 {EM_SPARC, 8192}, {EM_SPARC32PLUS, 8192}, {EM_SPARCV9, 8192}, {EM_PPC, 262144}, {EM_AARCH64, 65536}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct elf elf;
        program();
        built.header.e_machine = cases[i].machine;
        built_write(&built);
        assert_true(is_read(&elf));
        assert_int_equal(elf.page, cases[i].page);
        arena_free(&arena);
    }
}

static void numbers_past_the_end_are_zero(void **state)
{
    (void)state;
    struct elf elf;
    program();
    assert_true(is_read(&elf));
    assert_int_equal(elf_number(&elf, 0, 4), 0x464c457f);
    built.bytes[elf.size - 1] = 7;
    assert_int_equal(elf_number(&elf, elf.size - 1, 1), 7);
    assert_int_equal(elf_number(&elf, elf.size - 1, 2), 0);
    assert_int_equal(elf_number(&elf, elf.size + 1, 1), 0);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_cannot_be_read_are_told),
        cmocka_unit_test(sections_past_the_end_cannot_be_read),
        cmocka_unit_test(addresses_that_overflow_cannot_be_read),
        cmocka_unit_test(counts_in_the_null_section_are_read),
        cmocka_unit_test(an_honest_file_has_no_contradiction),
        cmocka_unit_test(segments_in_the_same_memory_are_told),
        cmocka_unit_test(program_headers_that_are_not_mapped_are_told),
        cmocka_unit_test(sections_over_each_other_are_told),
        cmocka_unit_test(sections_that_claim_other_bytes_are_told),
        cmocka_unit_test(one_dynamic_table_that_ends_is_no_contradiction),
        cmocka_unit_test(names_in_no_section_are_told),
        cmocka_unit_test(references_that_cannot_be_told_are_told),
        cmocka_unit_test(pages_are_those_of_the_machine),
        cmocka_unit_test(numbers_past_the_end_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
