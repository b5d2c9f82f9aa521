/* Relocations: those that readelf lists, their addends, and tables that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"
#include "../testing/program.h"

static const char source[] =
    "#include <stdio.h>\n#include <stdlib.h>\n"
    "int table[16] = {1, 2, 3};\nint *middle = &table[5];\nstatic const char *const words[] = {\"a\", \"b\"};\n"
    "__attribute__((noinline)) static int twice(int n) { table[n & 15] += n; return table[n * 2 & 15]; }\n"
    "int (*function)(int) = twice;\n"
    "int main(int c, char **v) { return printf(\"%s %d\\n\", words[c & 1], function(c)) + (int)strtol(v[0], 0, 0); }\n";

struct view {
    struct image image;
    struct arena arena;
    const struct relocation *items;
    size_t count;
};

static void view_read(struct view *view)
{
    struct compare_error error;
    view->arena = (struct arena){0};
    if (relocations_read(&view->image, &view->arena, &view->items, &view->count, &error) != 0)
        fail_msg("%s", error.message);
}

static void view_close(struct view *view)
{
    arena_free(&view->arena);
    image_close(&view->image);
}

static bool has(const struct view *view, uint64_t offset, uint64_t info, const char *symbol)
{
    bool linked = image_is_linked(&view->image);
    for (size_t i = 0; i < view->count; i++) {
        const struct relocation *item = &view->items[i];
        const struct section *target = &view->image.sections[item->section];
        uint64_t place = linked ? item->address : item->file_offset - target->bytes.begin;
        uint32_t type = view->image.is64 ? (uint32_t)info : (uint32_t)info & 0xff;
        if (place == offset && item->type == type && strcmp(item->symbol, symbol) == 0)
            return true;
    }
    return false;
}

/* Lines such as "0000000000004018  0000000300000007 R_X86_64_JUMP_SLOT 0000000000000000 printf@GLIBC_2.2.5 + 0". */
static bool readelf_line(const char *line, unsigned long *offset, unsigned long *info, char symbol[256])
{
    char kind[64], value[64] = "", name[256] = "";
    int fields = sscanf(line, "%lx %lx %63s %63s %255s", offset, info, kind, value, name);
    symbol[0] = '\0';
    if (fields < 3 || strncmp(kind, "R_", 2) != 0)
        return false;
    /* Without a symbol what follows is the addend, or nothing. */
    if (fields == 5)
        strcpy(symbol, name);
    symbol[strcspn(symbol, "@")] = '\0';
    return true;
}

static void readelf_agrees(const char *compiler)
{
    struct program program;
    struct view view;
    char line[512], symbol[256];
    unsigned long offset, info;
    size_t seen = 0;
    program_compile(&program, compiler, "c", source);
    program_open(program.path, &view.image);
    view_read(&view);
    FILE *output = program_output("readelf -rW %s", program.path);
    while (fgets(line, sizeof(line), output) != NULL) {
        if (!readelf_line(line, &offset, &info, symbol))
            continue;
        if (strstr(line, "_COPY") == NULL && !has(&view, offset, info, symbol))
            fail_msg("%s: %s", compiler, line);
        seen += strstr(line, "_COPY") == NULL;
    }
    assert_int_equal(pclose(output), 0);
    assert_int_equal(view.count, seen);
    assert_true(seen > 3);
    for (size_t i = 1; i < view.count; i++)
        assert_true(view.items[i - 1].file_offset <= view.items[i].file_offset);
    view_close(&view);
    program_remove(&program);
}

static void relocations_are_those_that_readelf_lists(void **state)
{
    (void)state;
    readelf_agrees("gcc -O2");
    readelf_agrees("gcc -O2 -no-pie");
    readelf_agrees("gcc -O2 -static");
    readelf_agrees("gcc -O2 -c -g");
    readelf_agrees("i686-linux-gnu-gcc -O2");
    readelf_agrees("i686-linux-gnu-gcc -O2 -c");
    readelf_agrees("aarch64-linux-gnu-gcc -O2");
    readelf_agrees("arm-linux-gnueabihf-gcc -O2");
    readelf_agrees("arm-linux-gnueabihf-gcc -O2 -c");
    readelf_agrees("mips-linux-gnu-gcc -O2 -c");
    readelf_agrees("powerpc-linux-gnu-gcc -O2");
    readelf_agrees("riscv64-linux-gnu-gcc -O2");
}

static const struct relocation *relocation_of(const struct view *view, const char *symbol, int64_t addend)
{
    for (size_t i = 0; i < view->count; i++) {
        if (strcmp(view->items[i].symbol, symbol) == 0 && view->items[i].addend == addend)
            return &view->items[i];
    }
    return NULL;
}

static void an_addend_is_read_from_the_place_where_the_entry_has_none(void **state)
{
    (void)state;
    static const char *const commands[] = {"gcc -O2 -c", "i686-linux-gnu-gcc -O2 -c", "arm-linux-gnueabihf-gcc -O2 -c",
                                           "mips-linux-gnu-gcc -O2 -c"};
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        struct program program;
        struct view view;
        program_compile(&program, commands[i], "c", source);
        program_open(program.path, &view.image);
        view_read(&view);
        const struct relocation *middle = relocation_of(&view, "table", 20);
        assert_non_null(middle);
        assert_int_equal(middle->implicit_addend, i != 0);
        view_close(&view);
        program_remove(&program);
    }
}

static void a_section_symbol_has_the_name_of_its_section(void **state)
{
    (void)state;
    struct program program;
    struct view view;
    program_compile(&program, "gcc -O2 -c -g", "c", source);
    program_open(program.path, &view.image);
    view_read(&view);
    assert_non_null(relocation_of(&view, ".debug_abbrev", 0));
    view_close(&view);
    program_remove(&program);
}

static void packed_relative_relocations_are_read_too(void **state)
{
    (void)state;
    struct program program;
    struct view plain, packed;
    program_compile(&program, "clang -O2 -fPIE -pie -fuse-ld=lld", "c", source);
    program_run("cd %s && clang -O2 -fPIE -pie -fuse-ld=lld -Wl,--pack-dyn-relocs=relr -o stripped source.c",
                program.directory);
    program_open(program.path, &plain.image);
    program_open(program.stripped, &packed.image);
    view_read(&plain);
    view_read(&packed);
    size_t relative = 0, found = 0;
    for (size_t i = 0; i < plain.count; i++)
        relative += plain.items[i].type == R_X86_64_RELATIVE;
    for (size_t i = 0; i < packed.count; i++) {
        found += packed.items[i].type == 0 || packed.items[i].type == R_X86_64_RELATIVE;
        assert_int_equal(packed.items[i].implicit_addend, packed.items[i].type == 0);
    }
    assert_non_null(image_dynamic(&packed.image, DT_RELR));
    assert_true(relative > 2);
    assert_int_equal(found, relative);
    view_close(&plain);
    view_close(&packed);
    program_remove(&program);
}

static void those_in_a_range_are_those_whose_place_begins_there(void **state)
{
    (void)state;
    static const struct relocation items[] = {
        {.file_offset = 4}, {.file_offset = 8}, {.file_offset = 8}, {.file_offset = 20}};
    static const struct {
        struct range bytes;
        size_t first, count;
    } cases[] = {{{0, 4}, 0, 0}, {{0, 5}, 0, 1}, {{5, 9}, 1, 2}, {{8, 20}, 1, 2}, {{8, 21}, 1, 3}, {{21, 9}, 0, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t found;
        const struct relocation *first = relocations_in(items, ARRAY_COUNT(items), cases[i].bytes, &found);
        assert_int_equal(found, cases[i].count);
        assert_ptr_equal(first, found > 0 ? &items[cases[i].first] : NULL);
    }
    /* Every range among some. */
    struct relocation many[40] = {{0}};
    for (size_t i = 0; i < ARRAY_COUNT(many); i++)
        many[i].file_offset = i / 3 * 2;
    for (uint64_t begin = 0; begin < 30; begin++) {
        for (uint64_t end = begin; end < 32; end++) {
            size_t found, count = 0, first = 0;
            for (size_t i = 0; i < ARRAY_COUNT(many); i++) {
                first += many[i].file_offset < begin;
                count += many[i].file_offset >= begin && many[i].file_offset < end;
            }
            const struct relocation *at = relocations_in(many, ARRAY_COUNT(many), (struct range){begin, end}, &found);
            assert_int_equal(found, count);
            assert_ptr_equal(at, count > 0 ? &many[first] : NULL);
        }
    }
}

/* ---- Kinds that no compiler here makes, and hostile ones ---- */

/* An object with one relocation of .text: its place, info and addend as they stand. */
static void build_object(struct built *built, uint16_t machine, bool big_endian, const uint8_t entry[24])
{
    uint8_t symbols[48] = {0};
    built_begin(built, true, big_endian, ET_REL);
    built->header.e_machine = machine;
    built_section(built, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "0123456789abcdef", 16);
    symbols[24 + (big_endian ? 3 : 0)] = 1;
    struct built_section *symtab = built_section(built, ".symtab", SHT_SYMTAB, 0, symbols, sizeof(symbols));
    symtab->header.sh_entsize = sizeof(Elf64_Sym);
    symtab->header.sh_link = 4;
    built_section(built, ".strtab", SHT_STRTAB, 0, "\0name", 6);
    struct built_section *rela = built_section(built, ".rela.text", SHT_RELA, 0, entry, 24);
    rela->header.sh_entsize = sizeof(Elf64_Rela);
    rela->header.sh_link = 3;
    rela->header.sh_info = 2;
    built_layout(built);
}

static void the_entries_of_mips_64_are_read_as_its_abi_has_them(void **state)
{
    (void)state;
    static const uint8_t little[24] = {4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 5, 24, 7};
    static const uint8_t big[24] = {0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 5, 24, 7};
    for (unsigned i = 0; i < 2; i++) {
        static struct built built;
        struct view view;
        struct compare_error error;
        build_object(&built, EM_MIPS, i == 1, i == 1 ? big : little);
        assert_int_equal(built_open(&built, &view.image, &error), 0);
        view_read(&view);
        assert_int_equal(view.count, 1);
        assert_int_equal(view.items[0].type, 5 << 16 | 24 << 8 | 7);
        assert_string_equal(view.items[0].symbol, "name");
        assert_int_equal(view.items[0].file_offset, view.image.sections[2].bytes.begin + 4);
        view_close(&view);
    }
}

static size_t count_of(struct built *built)
{
    struct view view;
    struct compare_error error;
    built_write(built);
    assert_int_equal(built_open(built, &view.image, &error), 0);
    view_read(&view);
    size_t count = view.count;
    view_close(&view);
    return count;
}

static void what_cannot_be_read_is_left_out(void **state)
{
    (void)state;
    static const uint8_t sound[24] = {4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1};
    static const uint8_t outside[24] = {16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1};
    static const uint8_t far_outside[24] = {255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 1};
    static const uint32_t targets[] = {0, 6, UINT32_MAX};
    static struct built built;
    build_object(&built, EM_X86_64, false, outside);
    assert_int_equal(count_of(&built), 0);
    build_object(&built, EM_X86_64, false, far_outside);
    assert_int_equal(count_of(&built), 0);
    build_object(&built, EM_X86_64, false, sound);
    assert_int_equal(count_of(&built), 1);
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        built.sections[5].header.sh_info = targets[i];
        assert_int_equal(count_of(&built), 0);
    }
}

static void a_symbol_outside_the_table_has_no_name(void **state)
{
    (void)state;
    static const uint8_t entry[24] = {4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255};
    static struct built built;
    struct view view;
    struct compare_error error;
    build_object(&built, EM_X86_64, false, entry);
    assert_int_equal(built_open(&built, &view.image, &error), 0);
    view_read(&view);
    assert_int_equal(view.count, 1);
    assert_string_equal(view.items[0].symbol, "");
    view_close(&view);
}

static void sections_that_all_claim_the_same_entries_are_read_no_longer_than_the_file(void **state)
{
    (void)state;
    static const uint8_t sound[24] = {4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1};
    static struct built built;
    struct view view;
    struct compare_error error;
    build_object(&built, EM_X86_64, false, sound);
    struct built_section *first = &built.sections[5];
    for (unsigned i = 0; i < 40; i++)
        memcpy(first->content + 24 * i, sound, 24);
    first->header.sh_size = 40 * sizeof(sound);
    for (unsigned i = 0; i < 30; i++) {
        struct built_section *again = built_section(&built, ".rela", SHT_RELA, 0, sound, 24);
        again->header = first->header;
        again->header.sh_size = 0;
    }
    built_layout(&built);
    struct image encoder = {.is64 = true};
    for (unsigned i = 6; i < 36; i++) {
        Elf64_Shdr header = first->header;
        header.sh_name = built.sections[i].header.sh_name;
        image_encode_shdr(&encoder, &header, built.bytes + built.header.e_shoff + i * 64);
    }
    assert_int_equal(built_open(&built, &view.image, &error), 0);
    view_read(&view);
    assert_true(view.count >= 40 && view.count * sizeof(Elf64_Rela) <= view.image.size);
    view_close(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relocations_are_those_that_readelf_lists),
        cmocka_unit_test(an_addend_is_read_from_the_place_where_the_entry_has_none),
        cmocka_unit_test(a_section_symbol_has_the_name_of_its_section),
        cmocka_unit_test(packed_relative_relocations_are_read_too),
        cmocka_unit_test(those_in_a_range_are_those_whose_place_begins_there),
        cmocka_unit_test(the_entries_of_mips_64_are_read_as_its_abi_has_them),
        cmocka_unit_test(what_cannot_be_read_is_left_out),
        cmocka_unit_test(a_symbol_outside_the_table_has_no_name),
        cmocka_unit_test(sections_that_all_claim_the_same_entries_are_read_no_longer_than_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
