/* Symbols: those that nm lists, functions that no table names, and tables that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"
#include "../testing/program.h"

static const char source[] =
    "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
    "int table[16] = {1, 2, 3};\nstatic int zeros[100];\n_Thread_local int each = 5;\n_Thread_local int none;\n"
    "__attribute__((noinline)) static int twice(int n) { table[n & 15] += n; puts(\"twice\"); return table[n * 2 & "
    "15]; }\n"
    "__attribute__((noinline)) int thrice(int n) { zeros[n & 63]++; each++; none++; return twice(n) * 3 + zeros[5]; }\n"
    "int (*pointers[])(int) = {twice, thrice};\n"
    "int main(int c, char **v)\n{\n    if (c > 3)\n        abort();\n"
    "    printf(\"%d %s\\n\", pointers[c & 1](c), v[0]);\n    return thrice(c) + each + none;\n}\n";

static const char *const functions[] = {"twice", "thrice", "main"};

struct view {
    struct image image;
    struct arena arena;
    struct symbols symbols;
};

static void view_read(struct view *view)
{
    struct compare_error error;
    view->arena = (struct arena){0};
    if (symbols_read(&view->image, &view->arena, &view->symbols, &error) != 0)
        fail_msg("%s", error.message);
}

static void view_open(struct view *view, const char *path)
{
    program_open(path, &view->image);
    view_read(view);
}

static void view_close(struct view *view)
{
    arena_free(&view->arena);
    image_close(&view->image);
}

static const struct symbol *find(const struct symbols *symbols, const char *name, enum symbol_source from)
{
    for (size_t i = 0; i < symbols->count; i++) {
        const struct symbol *symbol = &symbols->items[i];
        if (symbol->source == from && symbol->name != NULL && strcmp(symbol->name, name) == 0)
            return symbol;
    }
    return NULL;
}

/* ---- Tables ---- */

static bool is_listed(const struct symbols *symbols, const char *name, uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < symbols->count; i++) {
        const struct symbol *symbol = &symbols->items[i];
        uint64_t value = symbol->address | (symbol_is_function(symbol) && symbol->thumb ? 1 : 0);
        if (symbol->source == SYMBOL_SYMTAB && strcmp(symbol->name, name) == 0 &&
            (value == address || symbol->address == address) && (size == 0 || symbol->size == size))
            return true;
    }
    return false;
}

static void nm_agrees(const char *compiler, const char *nm)
{
    struct program program;
    struct view view;
    char line[512], name[256], type[8];
    unsigned long address, size, seen = 0;
    program_compile(&program, compiler, "c", source);
    view_open(&view, program.path);
    FILE *output = program_output("%s -f posix --defined-only %s", nm, program.path);
    while (fgets(line, sizeof(line), output) != NULL) {
        size = 0;
        if (sscanf(line, "%255s %7s %lx %lx", name, type, &address, &size) < 3 || strchr("aA", type[0]) != NULL)
            continue;
        name[1 + strcspn(name + 1, "@")] = '\0';
        /* Of thread-local ones nm shows the offset in the template. */
        const struct segment *tls = NULL;
        for (size_t i = 0; i < view.image.segment_count; i++)
            tls = view.image.segments[i].type == PT_TLS ? &view.image.segments[i] : tls;
        if (!is_listed(&view.symbols, name, address, size) &&
            (tls == NULL || !is_listed(&view.symbols, name, tls->address + address, size)))
            fail_msg("%s: %s", compiler, line);
        seen++;
    }
    assert_int_equal(pclose(output), 0);
    assert_true(seen > 20);
    view_close(&view);
    program_remove(&program);
}

static void symbols_are_those_that_nm_lists(void **state)
{
    (void)state;
    nm_agrees("gcc -O2", "nm");
    nm_agrees("gcc -O2 -no-pie", "nm");
    nm_agrees("gcc -O2 -static", "nm");
}

static void symbols_of_other_machines_are_those_that_nm_lists(void **state)
{
    (void)state;
    nm_agrees("i686-linux-gnu-gcc -O2", "i686-linux-gnu-nm");
    nm_agrees("aarch64-linux-gnu-gcc -O2", "aarch64-linux-gnu-nm");
    nm_agrees("arm-linux-gnueabihf-gcc -O2 -mthumb", "arm-linux-gnueabihf-nm");
    nm_agrees("mips-linux-gnu-gcc -O2", "mips-linux-gnu-nm");
    nm_agrees("powerpc-linux-gnu-gcc -O2", "powerpc-linux-gnu-nm");
    nm_agrees("riscv64-linux-gnu-gcc -O2", "riscv64-linux-gnu-nm");
}

static void the_bytes_of_an_object_are_those_of_its_initialiser(void **state)
{
    (void)state;
    static const uint32_t values[] = {1, 2, 3, 0};
    static const char *const commands[] = {"gcc -O2", "gcc -O2 -c"};
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        struct program program;
        struct view view;
        program_compile(&program, commands[i], "c", source);
        view_open(&view, program.path);
        const struct symbol *table = find(&view.symbols, "table", SYMBOL_SYMTAB);
        assert_int_equal(range_size(table->bytes), 64);
        assert_memory_equal(image_bytes(&view.image, table->bytes), values, sizeof(values));
        assert_ptr_equal(symbols_at_offset(&view.symbols, table->bytes.begin + 63), table);
        const struct symbol *each = find(&view.symbols, "each", SYMBOL_SYMTAB);
        assert_int_equal(image_u32(&view.image, image_bytes(&view.image, each->bytes)), 5);
        assert_true(range_empty(find(&view.symbols, "zeros", SYMBOL_SYMTAB)->bytes));
        assert_true(range_empty(find(&view.symbols, "none", SYMBOL_SYMTAB)->bytes));
        view_close(&view);
        program_remove(&program);
    }
}

static void thumb_functions_are_told_from_arm_functions(void **state)
{
    (void)state;
    static const char *const commands[] = {"arm-linux-gnueabihf-gcc -O2 -marm", "arm-linux-gnueabihf-gcc -O2 -mthumb",
                                           "arm-linux-gnueabihf-gcc -O2 -marm -c",
                                           "arm-linux-gnueabihf-gcc -O2 -mthumb -c"};
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        struct program program;
        struct view view;
        program_compile(&program, commands[i], "c", source);
        view_open(&view, program.path);
        for (size_t k = 0; k < ARRAY_COUNT(functions); k++) {
            const struct symbol *symbol = find(&view.symbols, functions[k], SYMBOL_SYMTAB);
            assert_int_equal(symbol->thumb, i % 2);
            assert_int_equal(symbol->address & 1, 0);
        }
        view_close(&view);
        program_remove(&program);
    }
}

static void names_have_no_version_and_no_control_characters(void **state)
{
    (void)state;
    struct program program;
    struct view view;
    program_compile(&program, "gcc -O2", "c", source);
    program_run("objcopy --redefine-sym thrice=\"$(printf 'a\\033[2Jb')\" %s", program.path);
    view_open(&view, program.path);
    assert_non_null(find(&view.symbols, "a\\x1b[2Jb", SYMBOL_SYMTAB));
    assert_non_null(find(&view.symbols, "puts", SYMBOL_SYMTAB));
    assert_non_null(find(&view.symbols, "puts", SYMBOL_DYNSYM));
    view_close(&view);
    program_remove(&program);
}

/* ---- Functions of stripped files ---- */

/* The stripped file, without section headers too if wanted, has the bounds that the other's symbols state. */
static void bounds_are_found(const char *compiler, const char *strip, bool drop_sections)
{
    struct program program;
    struct view view, stripped;
    program_compile(&program, compiler, "c", source);
    program_strip(&program, strip);
    if (drop_sections)
        program_drop_sections(program.stripped);
    view_open(&view, program.path);
    view_open(&stripped, program.stripped);
    for (size_t i = 0; i < ARRAY_COUNT(functions); i++) {
        const struct symbol *wanted = find(&view.symbols, functions[i], SYMBOL_SYMTAB);
        const struct symbol *found = symbols_at_address(&stripped.symbols, wanted->address + wanted->size - 1);
        if (found == NULL || found->address != wanted->address || found->size != wanted->size)
            fail_msg("%s: %s", compiler, functions[i]);
        assert_ptr_equal(symbols_at_offset(&stripped.symbols, wanted->bytes.begin), found);
    }
    view_close(&view);
    view_close(&stripped);
    program_remove(&program);
}

static void functions_of_a_stripped_file_have_the_bounds_of_their_symbols(void **state)
{
    (void)state;
    /* Static programs have no PT_GNU_EH_FRAME. */
    bounds_are_found("gcc -O2 -static", "strip", false);
    for (unsigned i = 0; i < 2; i++) {
        bounds_are_found("gcc -O2", "strip", i == 1);
        bounds_are_found("gcc -O2 -no-pie", "strip", i == 1);
        bounds_are_found("i686-linux-gnu-gcc -O2", "i686-linux-gnu-strip", i == 1);
        bounds_are_found("aarch64-linux-gnu-gcc -O2", "aarch64-linux-gnu-strip", i == 1);
        bounds_are_found("powerpc-linux-gnu-gcc -O2", "powerpc-linux-gnu-strip", i == 1);
        bounds_are_found("mips-linux-gnu-gcc -O2 -fasynchronous-unwind-tables", "mips-linux-gnu-strip", i == 1);
        bounds_are_found("riscv64-linux-gnu-gcc -O2 -fasynchronous-unwind-tables", "riscv64-linux-gnu-strip", i == 1);
    }
}

/* An entry of .ARM.exidx has no end, and functions that unwind alike share one: what begins there is a function. */
static void functions_of_a_stripped_arm_file_are_within_their_exidx_entries(void **state)
{
    (void)state;
    static const char *const commands[] = {"arm-linux-gnueabihf-gcc -O2 -marm -funwind-tables",
                                           "arm-linux-gnueabihf-gcc -O2 -mthumb -funwind-tables"};
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        struct program program;
        struct view view, stripped;
        program_compile(&program, commands[i], "c", source);
        program_strip(&program, "arm-linux-gnueabihf-strip");
        view_open(&view, program.path);
        view_open(&stripped, program.stripped);
        for (size_t k = 0; k < ARRAY_COUNT(functions); k++) {
            const struct symbol *wanted = find(&view.symbols, functions[k], SYMBOL_SYMTAB);
            const struct symbol *found = symbols_at_address(&stripped.symbols, wanted->address);
            assert_non_null(found);
            assert_true(found->address <= wanted->address);
            assert_true(wanted->address + wanted->size <= found->address + found->size);
        }
        view_close(&view);
        view_close(&stripped);
        program_remove(&program);
    }
}

static void the_symbols_of_minidebuginfo_are_read(void **state)
{
    (void)state;
    struct program program;
    struct view view;
    program_compile(&program, "gcc -O2", "c", source);
    program_strip(&program, "strip");
    program_run("objcopy --only-keep-debug %s %s/mini && strip --strip-debug %s/mini && xz %s/mini", program.path,
                program.directory, program.directory, program.directory);
    program_run("objcopy --add-section .gnu_debugdata=%s/mini.xz %s", program.directory, program.stripped);
    view_open(&view, program.stripped);
    const struct symbol *twice = find(&view.symbols, "twice", SYMBOL_MINIDEBUGINFO);
    assert_non_null(twice);
    assert_ptr_equal(symbols_at_offset(&view.symbols, twice->bytes.begin), twice);
    assert_string_equal(view.image.sections[twice->section].name, ".text");
    view_close(&view);
    program_remove(&program);
}

/* ---- The PLT ---- */

static void stubs_are_named(const char *compiler, const char *objdump)
{
    struct program program;
    struct view view;
    char line[512], name[256];
    unsigned long address, seen = 0;
    program_compile(&program, compiler, "c", source);
    program_run("strip -o %s %s 2>/dev/null || cp %s %s", program.stripped, program.path, program.path,
                program.stripped);
    view_open(&view, program.stripped);
    FILE *output = program_output("%s -d -j .plt -j .plt.sec -j .plt.got %s 2>/dev/null", objdump, program.path);
    while (fgets(line, sizeof(line), output) != NULL) {
        if (sscanf(line, "%lx <%255[^>@]@", &address, name) != 2 || strstr(line, "@plt>:") == NULL ||
            strstr(line, "*ABS*") != NULL)
            continue;
        strcat(name, "@plt");
        const struct symbol *stub = symbols_at_address(&view.symbols, address);
        if (stub == NULL || stub->source != SYMBOL_PLT || strcmp(stub->name, name) != 0)
            fail_msg("%s: %s", compiler, line);
        seen++;
    }
    pclose(output); /* fails where one of the sections is missing */
    assert_true(seen >= 3);
    view_close(&view);
    program_remove(&program);
}

static void stubs_are_named_for_what_they_call(void **state)
{
    (void)state;
    stubs_are_named("gcc -O2", "objdump");
    stubs_are_named("gcc -O2 -no-pie -fcf-protection=none -Wl,-z,lazy", "objdump");
    stubs_are_named("i686-linux-gnu-gcc -O2", "i686-linux-gnu-objdump");
    stubs_are_named("i686-linux-gnu-gcc -O2 -no-pie", "i686-linux-gnu-objdump");
    stubs_are_named("aarch64-linux-gnu-gcc -O2", "aarch64-linux-gnu-objdump");
    stubs_are_named("aarch64-linux-gnu-gcc -O2 -mbranch-protection=standard -Wl,-z,force-bti 2>/dev/null",
                    "aarch64-linux-gnu-objdump");
    stubs_are_named("arm-linux-gnueabihf-gcc -O2 -mthumb", "arm-linux-gnueabihf-objdump");
    stubs_are_named("arm-linux-gnueabihf-gcc -O2 -marm", "arm-linux-gnueabihf-objdump");
    stubs_are_named("riscv64-linux-gnu-gcc -O2", "riscv64-linux-gnu-objdump");
}

/* ---- Which symbol covers a byte ---- */

struct listed {
    const char *name; /* of one letter */
    uint8_t info;
    uint64_t value, size;
};

/* An object whose .text has these symbols, in the builder's memory. */
static void build_object(struct built *built, const struct listed *entries, size_t count)
{
    uint8_t table[1024] = {0};
    char strings[64] = {0};
    for (size_t i = 0; i < count; i++) {
        Elf64_Sym sym = {.st_name = (Elf64_Word)(1 + 2 * i),
                         .st_info = entries[i].info,
                         .st_shndx = 2,
                         .st_value = entries[i].value,
                         .st_size = entries[i].size};
        strings[1 + 2 * i] = entries[i].name[0];
        memcpy(table + (i + 1) * sizeof(sym), &sym, sizeof(sym));
    }
    built_begin(built, true, false, ET_REL);
    built_section(built, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "0123456789abcdef0123456789abcdef", 32);
    struct built_section *symtab =
        built_section(built, ".symtab", SHT_SYMTAB, 0, table, (count + 1) * sizeof(Elf64_Sym));
    symtab->header.sh_entsize = sizeof(Elf64_Sym);
    symtab->header.sh_link = 4;
    built_section(built, ".strtab", SHT_STRTAB, 0, strings, 2 + 2 * count);
    built_layout(built);
}

static void best_is(const struct listed *entries, size_t count, const char *wanted)
{
    static struct built built;
    struct view view;
    struct compare_error error;
    build_object(&built, entries, count);
    assert_int_equal(built_open(&built, &view.image, &error), 0);
    view_read(&view);
    for (size_t i = 0; wanted[i] != '\0'; i++) {
        const struct symbol *found = symbols_at_offset(&view.symbols, view.image.sections[2].bytes.begin + i);
        if ((found == NULL) != (wanted[i] == '-') || (found != NULL && found->name[0] != wanted[i]))
            fail_msg("at %zu: %s", i, found != NULL ? found->name : "none");
    }
    view_close(&view);
}

#define LOCAL(type)  ELF64_ST_INFO(STB_LOCAL, type)
#define GLOBAL(type) ELF64_ST_INFO(STB_GLOBAL, type)

static void the_innermost_symbol_covers_a_byte(void **state)
{
    (void)state;
    static const struct listed nested[] = {
        {"a", GLOBAL(STT_FUNC), 1, 10}, {"b", LOCAL(STT_FUNC), 3, 4}, {"c", LOCAL(STT_FUNC), 4, 1}};
    static const struct listed crossing[] = {{"a", GLOBAL(STT_FUNC), 0, 6}, {"b", GLOBAL(STT_FUNC), 4, 4}};
    best_is(nested, 3, "-aabcbbaaaa-----");
    best_is(crossing, 2, "aaaabbbb--------");
}

static void functions_and_globals_are_preferred(void **state)
{
    (void)state;
    static const struct listed same[] = {{"a", LOCAL(STT_FUNC), 2, 3}, {"b", GLOBAL(STT_FUNC), 2, 3}};
    static const struct listed label[] = {{"a", GLOBAL(STT_NOTYPE), 3, 1}, {"b", LOCAL(STT_FUNC), 2, 3}};
    best_is(same, 2, "--bbb-----------");
    best_is(label, 2, "--bbb-----------");
}

static void a_function_without_a_size_ends_at_the_next_symbol_or_its_section(void **state)
{
    (void)state;
    static const struct listed entries[] = {
        {"a", GLOBAL(STT_FUNC), 2, 0}, {"b", LOCAL(STT_NOTYPE), 5, 0}, {"c", GLOBAL(STT_FUNC), 28, 0}};
    best_is(entries, 3, "--aaa-----------------------cccc-");
}

static void a_size_beyond_the_section_ends_with_it(void **state)
{
    (void)state;
    static const struct listed entries[] = {{"a", GLOBAL(STT_FUNC), 30, UINT64_MAX},
                                            {"b", LOCAL(STT_FUNC), UINT64_MAX, 4}};
    best_is(entries, 2, "------------------------------aa-");
}

/* ---- Hostile files ---- */

static size_t count_of(struct built *built)
{
    struct view view;
    struct compare_error error;
    built_write(built);
    assert_int_equal(built_open(built, &view.image, &error), 0);
    view_read(&view);
    size_t count = view.symbols.count;
    view_close(&view);
    return count;
}

static void a_table_that_cannot_be_read_is_left_out(void **state)
{
    (void)state;
    static const struct listed one[] = {{"a", GLOBAL(STT_FUNC), 2, 0}};
    static const uint32_t links[] = {0, 2, 5, UINT32_MAX};
    static const uint64_t sizes[] = {0, 1, 23, 25, UINT64_MAX};
    static struct built built;
    build_object(&built, one, 1);
    assert_int_equal(count_of(&built), 1);
    for (size_t i = 0; i < ARRAY_COUNT(links); i++) {
        built.sections[3].header.sh_link = links[i];
        assert_int_equal(count_of(&built), 0);
    }
    built.sections[3].header.sh_link = 4;
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        built.sections[3].header.sh_entsize = sizes[i];
        assert_int_equal(count_of(&built), 0);
    }
}

static void a_name_outside_its_table_is_a_question_mark(void **state)
{
    (void)state;
    static const struct listed one[] = {{"a", GLOBAL(STT_FUNC), 2, 0}};
    static struct built built;
    struct view view;
    struct compare_error error;
    build_object(&built, one, 1);
    memset(built.bytes + built.sections[3].header.sh_offset + sizeof(Elf64_Sym), 0xff, 4);
    assert_int_equal(built_open(&built, &view.image, &error), 0);
    view_read(&view);
    assert_string_equal(view.symbols.items[0].name, "?");
    view_close(&view);
}

#define MANY 1000000

struct crowd {
    struct built *built;
    uint64_t spread; /* bytes from one to the next */
};

/* A million functions, all named by one long string. */
static void crowd_write(uint8_t *bytes, void *argument)
{
    const struct crowd *crowd = argument;
    for (size_t i = 1; i < MANY; i++) {
        Elf64_Sym sym = {.st_name = 1,
                         .st_info = GLOBAL(STT_FUNC),
                         .st_shndx = 2,
                         .st_value = i * crowd->spread,
                         .st_size = i % 3 == 0 ? 0 : MANY};
        memcpy(bytes + crowd->built->sections[3].header.sh_offset + i * sizeof(sym), &sym, sizeof(sym));
    }
    memset(bytes + crowd->built->sections[4].header.sh_offset + 1, '\n', MANY - 2);
}

static double crowd_time(uint64_t spread)
{
    static const struct listed none[1];
    static struct built built;
    struct view view;
    struct crowd crowd = {&built, spread};
    build_object(&built, none, 0);
    size_t begin = (built.size + 4095) & ~(size_t)4095;
    const size_t places[] = {2, 3, 4}, sizes[] = {MANY, MANY * sizeof(Elf64_Sym), MANY};
    for (size_t i = 0; i < 3; i++) {
        struct built_section *section = &built.sections[places[i]];
        section->header.sh_size = 0;
    }
    built_write(&built);
    for (size_t i = 0; i < 3; i++) {
        struct built_section *section = &built.sections[places[i]];
        section->header.sh_offset = begin;
        section->header.sh_size = sizes[i];
        begin += sizes[i];
        struct image encoder = {.is64 = true};
        image_encode_shdr(&encoder, &section->header, built.bytes + built.header.e_shoff + places[i] * 64);
    }
    program_open_bytes(built.bytes, built.size, begin, crowd_write, &crowd, &view.image);
    clock_t start = clock();
    view_read(&view);
    assert_int_equal(view.symbols.count, MANY - 1);
    assert_non_null(symbols_at_offset(&view.symbols, view.image.sections[2].bytes.begin + MANY / 2));
    view_close(&view);
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

static void a_million_symbols_anywhere_take_seconds_at_most(void **state)
{
    (void)state;
    /* Around one second; quadratic ones would take hours. */
    assert_true(crowd_time(0) < 60);
    assert_true(crowd_time(1) < 60);
}

/* ---- Hostile unwind tables ---- */

static void put_words(uint8_t *to, const uint32_t *words, size_t count)
{
    memcpy(to, words, count * sizeof(*words));
}

/* A program whose .eh_frame is a CIE (pointers relative, 4 bytes) and one FDE of .text; the words can be changed. */
static size_t unwound_functions(size_t index, uint32_t value)
{
    static struct built built;
    uint8_t frame[44] = {0};
    /* length, id, version 1 and "zR", code and data alignment, return column, size 1, DW_EH_PE_pcrel | sdata4 */
    uint32_t words[11] = {16, 0, 0x00527a01, 0x01107801, 0x0000001b, 16, 24, 0, 8, 0, 0};
    struct view view;
    struct compare_error error;
    built_program(&built, true, false, ET_DYN);
    struct built_section *section = built_section(&built, ".eh_frame", SHT_PROGBITS, SHF_ALLOC, frame, sizeof(frame));
    built_layout(&built);
    words[7] = (uint32_t)(built_named(&built, ".text")->header.sh_addr - (section->header.sh_addr + 28));
    if (index < ARRAY_COUNT(words))
        words[index] = value;
    put_words(section->content, words, ARRAY_COUNT(words));
    built_write(&built);
    assert_int_equal(built_open(&built, &view.image, &error), 0);
    view_read(&view);
    size_t count = view.symbols.count;
    if (count == 1) {
        assert_null(view.symbols.items[0].name);
        assert_int_equal(view.symbols.items[0].source, SYMBOL_UNWIND);
    }
    view_close(&view);
    return count;
}

static void unwind_records_that_lie_are_left_out(void **state)
{
    (void)state;
    assert_int_equal(unwound_functions(SIZE_MAX, 0), 1);
    assert_int_equal(unwound_functions(0, 0), 0);          /* the chain ends at once */
    assert_int_equal(unwound_functions(0, UINT32_MAX), 0); /* a length of 64 bits that is not there */
    assert_int_equal(unwound_functions(0, 0x7fffffff), 0); /* past the end */
    assert_int_equal(unwound_functions(5, 0), 0);          /* an FDE of no length */
    assert_int_equal(unwound_functions(6, 4), 0);          /* its CIE is itself */
    assert_int_equal(unwound_functions(6, 0x80000000), 0); /* its CIE is elsewhere */
    assert_int_equal(unwound_functions(8, 0), 0);          /* a function of no length */
    assert_int_equal(unwound_functions(4, 0x0000009b), 0); /* an indirect pointer */
    assert_int_equal(unwound_functions(4, 0x000000ff), 0); /* no pointer */
    assert_int_equal(unwound_functions(7, 0x40000000), 0); /* nowhere */
}

static void a_bomb_in_xz_is_left_out(void **state)
{
    (void)state;
    struct program program;
    struct view view;
    struct compare_error error;
    struct compare_limits limits = {.size = sizeof(limits), .decompressed = (uint64_t)8 << 20};
    program_compile(&program, "gcc -O2", "c", source);
    program_strip(&program, "strip");
    program_run("head -c 100M /dev/zero | xz >%s/bomb.xz", program.directory);
    program_run("objcopy --add-section .gnu_debugdata=%s/bomb.xz %s", program.directory, program.stripped);
    assert_int_equal(image_open(program.stripped, &limits, &view.image, &error), 0);
    assert_int_equal(image_parse(&view.image, &error), 0);
    view_read(&view);
    for (size_t i = 0; i < view.symbols.count; i++)
        assert_int_not_equal(view.symbols.items[i].source, SYMBOL_MINIDEBUGINFO);
    assert_true(view.symbols.count > 0);
    view_close(&view);
    program_remove(&program);
}

static void more_symbols_than_the_memory_holds_are_an_error(void **state)
{
    (void)state;
    struct program program;
    struct image image;
    struct arena arena = {0};
    struct symbols symbols;
    struct compare_error error;
    struct compare_limits limits = {.size = sizeof(limits), .memory = 4096};
    program_compile(&program, "gcc -O2", "c", source);
    assert_int_equal(image_open(program.path, &limits, &image, &error), 0);
    assert_int_equal(image_parse(&image, &error), 0);
    assert_int_equal(symbols_read(&image, &arena, &symbols, &error), COMPARE_ERROR_LIMIT);
    assert_int_equal(symbols.count, 0);
    assert_null(symbols_at_offset(&symbols, 0));
    arena_free(&arena);
    image_close(&image);
    program_remove(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_are_those_that_nm_lists),
        cmocka_unit_test(symbols_of_other_machines_are_those_that_nm_lists),
        cmocka_unit_test(the_bytes_of_an_object_are_those_of_its_initialiser),
        cmocka_unit_test(thumb_functions_are_told_from_arm_functions),
        cmocka_unit_test(names_have_no_version_and_no_control_characters),
        cmocka_unit_test(functions_of_a_stripped_file_have_the_bounds_of_their_symbols),
        cmocka_unit_test(functions_of_a_stripped_arm_file_are_within_their_exidx_entries),
        cmocka_unit_test(the_symbols_of_minidebuginfo_are_read),
        cmocka_unit_test(stubs_are_named_for_what_they_call),
        cmocka_unit_test(the_innermost_symbol_covers_a_byte),
        cmocka_unit_test(functions_and_globals_are_preferred),
        cmocka_unit_test(a_function_without_a_size_ends_at_the_next_symbol_or_its_section),
        cmocka_unit_test(a_size_beyond_the_section_ends_with_it),
        cmocka_unit_test(a_table_that_cannot_be_read_is_left_out),
        cmocka_unit_test(a_name_outside_its_table_is_a_question_mark),
        cmocka_unit_test(a_million_symbols_anywhere_take_seconds_at_most),
        cmocka_unit_test(unwind_records_that_lie_are_left_out),
        cmocka_unit_test(a_bomb_in_xz_is_left_out),
        cmocka_unit_test(more_symbols_than_the_memory_holds_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
