/*
 * Debug information: places agree with eu-addr2line for every compiler, format and packing; nothing but the image is
 * opened; crafted sections take bounded time and memory. Files are compiled here; hostile ones come from the assembler.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "../confine/confine.h"
#include "../testing/elf_builder.h"

static const char source[] = "#include <stdio.h>\n"
                             "int counter = 3;\n"
                             "static const short table[4][3] = {{1, 2}, {3, 4}};\n"
                             "static inline __attribute__((always_inline)) int innermost(int x)\n"
                             "{\n"
                             "    return x * 7 + counter++;\n"
                             "}\n"
                             "static inline __attribute__((always_inline)) int middle(int x)\n"
                             "{\n"
                             "    int y = innermost(x + 1);\n"
                             "    return y ^ 5;\n"
                             "}\n"
                             "__attribute__((noinline)) int outer(int x)\n"
                             "{\n"
                             "    return middle(x) + 2;\n"
                             "}\n"
                             "int main(int argc, char **argv)\n"
                             "{\n"
                             "    static int calls;\n"
                             "    printf(\"%d %d %s\\n\", outer(argc), table[argc & 3][++calls & 1], argv[0]);\n"
                             "    return 0;\n"
                             "}\n";

/* ---- Files ---- */

static char folder[] = "/tmp/test_debug.XXXXXX";

static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *format, ...)
{
    char command[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    return system(command);
}

static int begin(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        return -1;
    FILE *file = fopen("small.c", "w");
    return file != NULL && fputs(source, file) != EOF && fclose(file) == 0 ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return chdir("/") == 0 ? run("rm -rf '%s'", folder) : -1;
}

/* Whether the program can be run here; a test that needs it is skipped visibly where not. */
static void need(const char *program)
{
    if (run("command -v %s >/dev/null", program) != 0) {
        print_message("no %s here\n", program);
        skip();
    }
}

struct opened {
    struct image image;
    struct debug *debug;
    struct arena arena;
    struct compare_error error;
};

static void open_image(struct opened *opened, const char *path)
{
    memset(opened, 0, sizeof(*opened));
    assert_int_equal(image_open(path, NULL, &opened->image, &opened->error), 0);
    assert_int_equal(image_parse(&opened->image, &opened->error), 0);
}

static void open_debug(struct opened *opened, const char *path)
{
    open_image(opened, path);
    assert_int_equal(debug_open(&opened->image, &opened->debug, &opened->error), 0);
    assert_non_null(opened->debug);
}

static void shut(struct opened *opened)
{
    debug_close(opened->debug);
    image_close(&opened->image);
    arena_free(&opened->arena);
}

/* Address and size of a symbol, by nm. */
static uint64_t symbol(const char *path, const char *name, uint64_t *size)
{
    char command[512], line[256], found[200];
    unsigned long long address = 0, bytes = 0;
    bool known = false;
    snprintf(command, sizeof(command), "nm -S '%s'", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof(line), pipe) != NULL && !known)
        known = sscanf(line, "%llx %llx %*c %199s", &address, &bytes, found) == 3 && strcmp(found, name) == 0;
    while (fgets(line, sizeof(line), pipe) != NULL)
        continue;
    pclose(pipe);
    assert_true(known);
    if (size != NULL)
        *size = bytes;
    return address;
}

static bool ends_in(const char *text, const char *tail)
{
    size_t text_size = strlen(text), tail_size = strlen(tail);
    return text_size >= tail_size && strcmp(text + text_size - tail_size, tail) == 0;
}

/* ---- Places ---- */

/* elfutils', or that of binutils where it gives up: without .debug_aranges, which clang does not make. */
static const char *addr2line = "eu-addr2line";

/* Each frame of the place is what addr2line -i -f says: function, then file:line and what else. */
static void assert_agrees(const char *path, uint64_t address, const struct debug_place *place)
{
    char command[512], function[300], at[600];
    size_t count = 0;
    snprintf(command, sizeof(command), "%s -i -f -e '%s' 0x%jx", addr2line, path, (uintmax_t)address);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(function, sizeof(function), pipe) != NULL && fgets(at, sizeof(at), pipe) != NULL) {
        assert_true(count < place->count);
        const struct debug_frame *frame = &place->frames[count++];
        function[strcspn(function, " \n")] = '\0';
        assert_string_equal(frame->function, function);
        char *colon = strchr(at, ':');
        assert_non_null(colon);
        *colon = '\0';
        /* Strict DWARF 2 does not say where calls were. */
        if (strcmp(at, "??") == 0)
            assert_null(frame->file);
        else
            assert_true(frame->file != NULL && ends_in(at, frame->file));
        assert_int_equal(frame->line, strtoul(colon + 1, NULL, 10));
    }
    pclose(pipe);
    assert_int_equal(count, place->count);
}

static void assert_function_agrees(const char *path, const char *name)
{
    struct opened opened;
    uint64_t size, begin_address = symbol(path, name, &size);
    open_debug(&opened, path);
    size_t deepest = 0;
    for (uint64_t at = begin_address & ~(uint64_t)(size & 1); at < begin_address + size; at += 3) {
        struct debug_place place;
        assert_true(debug_place_at(opened.debug, at, 0, &opened.arena, &place));
        assert_agrees(path, at, &place);
        deepest = place.count > deepest ? place.count : deepest;
    }
    if (strcmp(name, "outer") == 0)
        assert_int_equal(deepest, 3);
    shut(&opened);
}

static void chains_agree_with_addr2line_for_all_compilers_formats_and_packings(void **state)
{
    (void)state;
    static const char *const ways[] = {
        "gcc -O2 -g",
        "gcc -O2 -gdwarf-2 -gstrict-dwarf",
        "gcc -O2 -gdwarf-3",
        "gcc -O2 -gdwarf-4",
        "gcc -O2 -g -gdwarf64",
        "gcc -O2 -g -gz=zlib",
        "gcc -O2 -g -ffunction-sections -Wl,--gc-sections",
        "gcc -O2 -gdwarf-4 -fdebug-types-section",
        "gcc -O2 -g -static",
        "clang -O2 -g",
        "clang -O2 -gdwarf-4",
        "clang -O2 -g -fuse-ld=lld -ffunction-sections -Wl,--gc-sections",
        "i686-linux-gnu-gcc -O2 -g",
    };
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        assert_int_equal(run("%s -o small small.c", ways[i]), 0);
        addr2line = strncmp(ways[i], "clang", 5) == 0 ? "addr2line" : "eu-addr2line";
        assert_function_agrees("small", "outer");
        assert_function_agrees("small", "main");
    }
    addr2line = "eu-addr2line";
}

static void chains_are_found_in_sections_packed_by_zstd(void **state)
{
    (void)state;
    assert_int_equal(run("gcc -O2 -g -o plain small.c"), 0);
    if (run("objcopy --compress-debug-sections=zstd plain packed 2>/dev/null") != 0) {
        print_message("objcopy here knows no zstd\n");
        skip();
    }
    struct opened opened;
    struct debug_place place;
    open_debug(&opened, "packed");
    assert_true((image_section_named(&opened.image, ".debug_info")->flags & SHF_COMPRESSED) != 0);
    uint64_t size, outer = symbol("plain", "outer", &size);
    for (uint64_t at = outer; at < outer + size; at++) {
        assert_true(debug_place_at(opened.debug, at, 0, &opened.arena, &place));
        assert_agrees("plain", at, &place);
    }
    shut(&opened);
}

static void a_separate_debug_file_gives_the_same_places(void **state)
{
    (void)state;
    assert_int_equal(run("gcc -O2 -g -o whole small.c && objcopy --only-keep-debug whole whole.debug"), 0);
    struct opened opened;
    struct debug_place place;
    open_debug(&opened, "whole.debug");
    uint64_t size, outer = symbol("whole", "outer", &size);
    for (uint64_t at = outer; at < outer + size; at++) {
        assert_true(debug_place_at(opened.debug, at, 0, &opened.arena, &place));
        assert_agrees("whole", at, &place);
    }
    shut(&opened);
}

static void addresses_outside_all_units_have_no_place(void **state)
{
    (void)state;
    struct opened opened;
    struct debug_place place;
    static const uint64_t addresses[] = {0, 1, 0x100, UINT64_MAX, UINT64_MAX / 2};
    assert_int_equal(run("gcc -O2 -g -o small small.c"), 0);
    open_debug(&opened, "small");
    for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
        assert_false(debug_place_at(opened.debug, addresses[i], 0, &opened.arena, &place));
        assert_int_equal(place.count, 0);
    }
    shut(&opened);
}

/* ---- Objects and other machines ---- */

static void assert_chain(const struct debug_place *place)
{
    static const char *const functions[] = {"innermost", "middle", "outer"};
    static const unsigned lines[] = {6, 10, 15};
    assert_int_equal(place->count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(place->frames[i].function, functions[i]);
        assert_string_equal(place->frames[i].file, "small.c");
        assert_int_equal(place->frames[i].line, lines[i]);
    }
}

static void objects_have_places_by_section_and_offset_on_every_machine(void **state)
{
    (void)state;
    static const char *const compilers[] = {
        "gcc",
        "gcc -gdwarf-4",
        "gcc -gz=zlib",
        "clang",
        "i686-linux-gnu-gcc",
        "aarch64-linux-gnu-gcc",
        "arm-linux-gnueabihf-gcc",
        "mips-linux-gnu-gcc",
        "powerpc-linux-gnu-gcc",
        "riscv64-linux-gnu-gcc",
    };
    for (size_t i = 0; i < ARRAY_COUNT(compilers); i++) {
        struct opened opened;
        struct debug_place place = {.count = 0};
        assert_int_equal(run("%s -g -O2 -ffunction-sections -c -o small.o small.c", compilers[i]), 0);
        open_debug(&opened, "small.o");
        const struct section *section = image_section_named(&opened.image, ".text.outer");
        assert_non_null(section);
        for (uint64_t at = 0; at < section->size && place.count < 3; at += 2) {
            assert_true(debug_place_at(opened.debug, at, section->index, &opened.arena, &place));
            assert_string_equal(place.frames[place.count - 1].function, "outer");
        }
        assert_chain(&place);
        assert_false(debug_place_at(opened.debug, section->size, section->index, &opened.arena, &place));
        assert_false(debug_place_at(opened.debug, 0, UINT32_MAX, &opened.arena, &place));
        shut(&opened);
    }
}

static void linked_files_of_both_byte_orders_have_places_and_variables(void **state)
{
    (void)state;
    static const char *const compilers[] = {"mips-linux-gnu-gcc", "powerpc-linux-gnu-gcc", "aarch64-linux-gnu-gcc",
                                            "riscv64-linux-gnu-gcc"};
    for (size_t i = 0; i < ARRAY_COUNT(compilers); i++) {
        struct opened opened;
        struct debug_place place = {.count = 0};
        struct debug_frame declared;
        const char *name;
        assert_int_equal(run("%s -g -O2 -o small small.c", compilers[i]), 0);
        open_debug(&opened, "small");
        uint64_t size, outer = symbol("small", "outer", &size);
        for (uint64_t at = outer; at < outer + size && place.count < 3; at += 2)
            assert_true(debug_place_at(opened.debug, at, 0, &opened.arena, &place));
        assert_chain(&place);
        assert_true(debug_object_at(opened.debug, symbol("small", "counter", NULL), &opened.arena, &name, &declared));
        assert_string_equal(name, "counter");
        shut(&opened);
    }
}

static void the_variable_at_an_address_is_named_with_its_declaration(void **state)
{
    (void)state;
    static const char *const ways[] = {"gcc -g -O0", "gcc -gdwarf-4 -O0", "clang -g -O0", "clang -gdwarf-4 -O0",
                                       "gcc -g -O0 -gz"};
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        struct opened opened;
        struct debug_frame declared;
        const char *name;
        uint64_t size;
        assert_int_equal(run("%s -o small small.c", ways[i]), 0);
        open_debug(&opened, "small");
        uint64_t table = symbol("small", "table", &size);
        assert_int_equal(size, 24);
        for (uint64_t at = 0; at < size; at++) {
            assert_true(debug_object_at(opened.debug, table + at, &opened.arena, &name, &declared));
            assert_string_equal(name, "table");
            assert_string_equal(declared.file, "small.c");
            assert_int_equal(declared.line, 3);
        }
        assert_false(debug_object_at(opened.debug, table + size, &opened.arena, &name, &declared));
        assert_null(name);
        assert_true(debug_object_at(opened.debug, symbol("small", "counter", NULL), &opened.arena, &name, &declared));
        assert_string_equal(name, "counter");
        assert_false(debug_object_at(opened.debug, symbol("small", "main", NULL), &opened.arena, &name, &declared));
        shut(&opened);
    }
}

/* ---- Units ---- */

struct seen {
    struct debug_unit last;
    size_t count, stop_after;
};

static bool see(void *state, const struct debug_unit *unit)
{
    struct seen *seen = state;
    seen->last = *unit;
    return ++seen->count != seen->stop_after;
}

static bool lists(const char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] != NULL && strcmp(list[i], text) == 0)
            return true;
    }
    return false;
}

static void a_unit_tells_its_name_directory_producer_language_and_files(void **state)
{
    (void)state;
    for (unsigned version = 2; version <= 5; version++) {
        struct opened opened;
        struct seen seen = {.count = 0};
        assert_int_equal(run("gcc -O1 -gdwarf-%u -o small small.c", version), 0);
        open_debug(&opened, "small");
        assert_true(debug_units(opened.debug, SIZE_MAX, &opened.arena, see, &seen));
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.last.version, version);
        assert_string_equal(seen.last.name, "small.c");
        assert_string_equal(seen.last.comp_dir, folder);
        assert_memory_equal(seen.last.producer, "GNU C", 5);
        assert_non_null(strstr(seen.last.producer, "-O1"));
        assert_memory_equal(seen.last.language, "C", 1);
        assert_null(seen.last.dwo_name);
        assert_true(lists(seen.last.files, seen.last.file_count, "small.c"));
        assert_int_equal(lists(seen.last.directories, seen.last.directory_count, folder), version == 5);
        shut(&opened);
    }
}

static void units_end_when_told_to(void **state)
{
    (void)state;
    struct opened opened;
    struct seen seen = {.stop_after = 2}, most = {.count = 0};
    assert_int_equal(run("gcc -g -c small.c -o 1.o && for i in 2 3 4; do echo \"int v$i = $i;\" >$i.c; "
                         "gcc -g -c $i.c -o $i.o; done; gcc -o four 1.o 2.o 3.o 4.o"),
                     0);
    open_debug(&opened, "four");
    assert_true(debug_units(opened.debug, SIZE_MAX, &opened.arena, see, &seen));
    assert_int_equal(seen.count, 2);
    assert_true(debug_units(opened.debug, 3, &opened.arena, see, &most));
    assert_int_equal(most.count, 3);
    shut(&opened);
}

static void a_file_without_debug_information_has_none(void **state)
{
    (void)state;
    struct opened opened;
    assert_int_equal(run("gcc -O2 -o bare small.c"), 0);
    open_image(&opened, "bare");
    assert_int_equal(debug_open(&opened.image, &opened.debug, &opened.error), 0);
    assert_null(opened.debug);
    shut(&opened);
}

/* ---- Files that the file names: opening them would hang, for they are pipes that nobody writes to ---- */

static void no_dwo_file_is_opened(void **state)
{
    (void)state;
    struct opened opened;
    struct debug_place place;
    struct seen seen = {.count = 0};
    struct debug_frame declared;
    const char *name;
    static const char *const ways[] = {"gcc -gdwarf-5", "gcc -gdwarf-4", "clang -gdwarf-5"};
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        assert_int_equal(run("rm -f *.dwo; %s -O2 -gsplit-dwarf -c -o small.o small.c && gcc -o split small.o && "
                             "ls *.dwo >/dev/null && for i in *.dwo; do rm $i; mkfifo $i; done",
                             ways[i]),
                         0);
        alarm(60);
        open_debug(&opened, "split");
        assert_true(debug_units(opened.debug, SIZE_MAX, &opened.arena, see, &seen));
        assert_non_null(seen.last.dwo_name);
        assert_true(seen.last.has_dwo_id);
        uint64_t outer = symbol("split", "outer", NULL);
        if (debug_place_at(opened.debug, outer, 0, &opened.arena, &place)) {
            assert_int_equal(place.count, 1);
            assert_true(ends_in(place.frames[0].file, "small.c"));
        }
        assert_false(debug_object_at(opened.debug, symbol("split", "counter", NULL), &opened.arena, &name, &declared));
        alarm(0);
        shut(&opened);
    }
}

static void what_dwz_put_into_another_file_is_missing_and_that_file_is_not_opened(void **state)
{
    (void)state;
    need("dwz");
    struct opened opened;
    struct debug_place place;
    struct seen seen = {.count = 0};
    assert_int_equal(run("gcc -O2 -g -o one small.c && gcc -O2 -g -o two small.c && gcc -O2 -g -o three small.c && "
                         "dwz -m common one two three && readelf -SW one | grep -q gnu_debugaltlink && "
                         "rm common && mkfifo common"),
                     0);
    alarm(60);
    open_debug(&opened, "one");
    debug_units(opened.debug, SIZE_MAX, &opened.arena, see, &seen);
    assert_true(seen.count > 0);
    uint64_t size, outer = symbol("one", "outer", &size);
    for (uint64_t at = outer; at < outer + size; at++) {
        assert_true(debug_place_at(opened.debug, at, 0, &opened.arena, &place));
        assert_true(place.frames[0].line > 0);
    }
    alarm(0);
    shut(&opened);
}

/* libdw asks where its file lies; it must take a no for an answer. */
static void everything_works_in_a_confined_process(void **state)
{
    (void)state;
    int ended = 0;
    assert_int_equal(run("gcc -O2 -g -o small small.c"), 0);
    uint64_t outer = symbol("small", "outer", NULL);
    pid_t child = fork();
    if (child == 0) {
        struct opened opened = {.debug = NULL};
        struct debug_place place;
        struct seen seen = {.count = 0};
        struct compare_confinement got = {0};
        bool done = image_open("small", NULL, &opened.image, &opened.error) == 0 &&
                    confine_process((uint64_t)256 << 20, &got, &opened.error) == 0 &&
                    image_parse(&opened.image, &opened.error) == 0 &&
                    debug_open(&opened.image, &opened.debug, &opened.error) == 0 && opened.debug != NULL &&
                    debug_place_at(opened.debug, outer, 0, &opened.arena, &place) &&
                    debug_units(opened.debug, SIZE_MAX, &opened.arena, see, &seen);
        debug_close(opened.debug);
        _exit(done ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
}

/* AddressSanitizer ends the process when memory is short. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Without memory libdw would end the process. */
static void without_memory_there_is_no_place_and_the_process_lives(void **state)
{
    (void)state;
    int ended = 0;
    if (SANITIZED)
        skip();
    assert_int_equal(run("gcc -O2 -g -o small small.c"), 0);
    uint64_t outer = symbol("small", "outer", NULL);
    pid_t child = fork();
    if (child == 0) {
        struct opened opened;
        struct debug_place place;
        struct rlimit none = {0, 0};
        open_debug(&opened, "small");
        /* Kept, in the eyes of the compiler: it may leave out what is allocated for nothing. */
        static void *volatile taken;
        bool limited = setrlimit(RLIMIT_AS, &none) == 0 && setrlimit(RLIMIT_DATA, &none) == 0;
        do
            taken = limited ? malloc(100) : NULL;
        while (taken != NULL);
        bool found = debug_place_at(opened.debug, outer, 0, &opened.arena, &place);
        found |= debug_place_at(opened.debug, outer, 0, &opened.arena, &place);
        debug_close(opened.debug);
        _exit(limited && !found ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
}

/* ---- Crafted sections ---- */

/* Abbreviations: 1 a unit with name, low_pc, high_pc, stmt_list; 2 a function; 3 a block; 4 an inlined call. */
#define HOSTILE_BEGIN                                                                                                  \
    ".text\n.globl f\nf: .skip 64\n"                                                                                   \
    ".section .debug_abbrev,\"\",@progbits\n"                                                                          \
    ".byte 1,0x11,1, 3,8, 0x11,1, 0x12,6, 0x10,0x17, 0,0\n"                                                            \
    ".byte 2,0x2e,1, 3,8, 0x11,1, 0x12,6, 0,0\n"                                                                       \
    ".byte 3,0xb,1, 0,0\n"                                                                                             \
    ".byte 4,0x1d,1, 0x31,0x13, 0x11,1, 0x12,6, 0x58,0xb, 0x59,0xb, 0,0\n"                                             \
    ".byte 0\n"                                                                                                        \
    ".section .debug_info,\"\",@progbits\n"                                                                            \
    "begin: .long end - begin - 4\n.short 4\n.long 0\n.byte 8\n"                                                       \
    ".byte 1\n.asciz \"h.c\"\n.quad f\n.long 64\n.long 0\n"                                                            \
    ".byte 2\n.asciz \"f\"\n.quad f\n.long 64\n"
#define HOSTILE_END "end:\n"

static void assemble(const char *text)
{
    FILE *file = fopen("hostile.s", "w");
    assert_non_null(file);
    assert_true(fputs(text, file) != EOF && fclose(file) == 0);
    assert_int_equal(run("gcc -c -o hostile.o hostile.s"), 0);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Asks everything of hostile.o; what matters is that it ends, soon. The place lives until the next call. */
static bool ask(struct debug_place *place)
{
    static struct arena kept;
    struct opened opened;
    struct seen seen = {.count = 0};
    double started = seconds();
    bool found = false;
    open_image(&opened, "hostile.o");
    if (debug_open(&opened.image, &opened.debug, &opened.error) == 0 && opened.debug != NULL) {
        const struct section *text = image_section_named(&opened.image, ".text");
        debug_units(opened.debug, SIZE_MAX, &opened.arena, see, &seen);
        found = debug_place_at(opened.debug, 8, text->index, &opened.arena, place);
        for (unsigned i = 0; i < 20; i++)
            debug_place_at(opened.debug, i, text->index, &opened.arena, place);
        assert_int_equal(debug_place_at(opened.debug, 8, text->index, &opened.arena, place), found);
    }
    arena_free(&kept);
    kept = opened.arena;
    opened.arena = (struct arena){0};
    shut(&opened);
    assert_true(seconds() - started < 30);
    return found;
}

static void a_million_nested_blocks_neither_crash_nor_hang(void **state)
{
    (void)state;
    struct debug_place place;
    assemble(HOSTILE_BEGIN ".rept 1000000\n.byte 3\n.endr\n" HOSTILE_END);
    assert_true(ask(&place));
    assert_string_equal(place.frames[0].function, "f");
}

static void a_hundred_thousand_nested_calls_give_the_innermost_of_a_few(void **state)
{
    (void)state;
    struct debug_place place;
    assemble(HOSTILE_BEGIN ".rept 100000\n.byte 4\n.long 11\n.quad f\n.long 64\n.byte 1,1\n.endr\n" HOSTILE_END);
    assert_true(ask(&place));
    assert_int_equal(place.count, 8);
}

static void an_abstract_origin_that_is_itself_ends(void **state)
{
    (void)state;
    struct debug_place place;
    assemble(HOSTILE_BEGIN
             "again: .byte 4\n.long again - begin\n.quad f\n.long 64\n.byte 1,7\n.byte 0,0,0\n" HOSTILE_END);
    assert_true(ask(&place));
    assert_int_equal(place.count, 2);
    assert_null(place.frames[0].function);
    assert_string_equal(place.frames[1].function, "f");
    assert_int_equal(place.frames[1].line, 7);
}

static void line_tables_that_claim_huge_counts_are_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {
        ".byte 1, 1,8\n.byte 0xff,0xff,0xff,0xff,0xff,0xff,0xff,0x7f\n.asciz \"d\"\n",
        ".byte 1, 1,0x19\n.byte 0xff,0xff,0xff,0x7f\n",
        ".byte 0\n.byte 0xff,0xff,0xff,0x7f\n",
        ".byte 255, 1,8\n.byte 1\n",
        ".byte 1, 1,0x1f\n.byte 1\n.long 0xfffffff0\n.byte 1, 1,0x1f\n.byte 1\n.long 0xfffffff0\n",
    };
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
        char text[4096];
        struct debug_place place;
        snprintf(text, sizeof(text),
                 "%s.section .debug_line,\"\",@progbits\n.long line_end - line - 4\nline = . - 4\n.short 5\n.byte 8,0\n"
                 ".long 40\n.byte 1,1,1,251,14,13,0,1,1,1,1,0,0,0,1,0,0,1\n%s.skip 64\nline_end:\n",
                 HOSTILE_BEGIN ".byte 0,0\n" HOSTILE_END, lists[i]);
        assemble(text);
        assert_true(ask(&place));
        assert_null(place.frames[0].file);
    }
}

static void abbreviations_of_endless_attributes_are_not_shown_to_libdw(void **state)
{
    (void)state;
    struct debug_place place;
    /* DW_FORM_flag_present takes no byte: each byte of .debug_info would be 100,000 attributes. */
    assemble(".text\n.skip 64\n.section .debug_abbrev,\"\",@progbits\n.byte 1,0x11,1\n"
             ".rept 100000\n.byte 0x3f,0x19\n.endr\n.byte 0,0,0\n.section .debug_info,\"\",@progbits\n"
             "begin: .long end - begin - 4\n.short 4\n.long 0\n.byte 8\n.rept 1000000\n.byte 1\n.endr\nend:\n");
    assert_false(ask(&place));
}

static void many_units_that_share_one_large_table_take_bounded_memory(void **state)
{
    (void)state;
    struct debug_place place;
    struct rusage before, after;
    /* 10,000 units, each asks for the last of 100,000 abbreviations: 64 GB in libdw. */
    assemble(".text\n.skip 64\n.section .debug_abbrev,\"\",@progbits\n.set i,1\n"
             ".rept 100000\n.uleb128 i\n.byte 0x34,0,0,0\n.set i,i+1\n.endr\n.byte 0\n"
             ".section .debug_info,\"\",@progbits\n"
             ".rept 10000\n.long 10\n.short 4\n.long 0\n.byte 8\n.uleb128 100000\n.endr\n");
    getrusage(RUSAGE_SELF, &before);
    ask(&place);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 700000);
}

static void headers_that_share_a_stream_are_held_to_the_limit(void **state)
{
    (void)state;
    static struct built built;
    static const char *const names[] = {".debug_info", ".debug_abbrev",   ".debug_str",
                                        ".debug_line", ".debug_ranges",   ".debug_rnglists",
                                        ".debug_addr", ".debug_line_str", ".debug_str_offsets"};
    static uint8_t plain[400000];
    struct {
        Elf64_Chdr header;
        uint8_t stream[900];
    } packed = {.header = {.ch_type = ELFCOMPRESS_ZLIB, .ch_size = sizeof(plain), .ch_addralign = 1}};
    uLongf size = sizeof(packed.stream);
    assert_int_equal(compress2(packed.stream, &size, plain, sizeof(plain), 9), Z_OK);
    built_begin(&built, true, false, ET_REL);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        built_section(&built, names[i], SHT_PROGBITS, SHF_COMPRESSED, &packed, sizeof(packed.header) + size);
    built_layout(&built);
    struct image image;
    struct compare_error error;
    struct debug *debug;
    assert_int_equal(built_open(&built, &image, &error), 0);
    image.limits.decompressed = 3 * sizeof(plain);
    assert_int_equal(debug_open(&image, &debug, &error), COMPARE_ERROR_LIMIT);
    assert_null(debug);
    image_close(&image);
}

/* ---- Damage ---- */

static void query_all(struct opened *opened)
{
    struct debug_place place;
    struct debug_frame declared;
    struct seen seen = {.count = 0};
    const char *name;
    if (debug_open(&opened->image, &opened->debug, &opened->error) != 0 || opened->debug == NULL)
        return;
    debug_units(opened->debug, 100, &opened->arena, see, &seen);
    for (uint64_t at = 0x1000; at < 0x1300; at += 7)
        debug_place_at(opened->debug, at, 1, &opened->arena, &place);
    for (uint64_t at = 0x2000; at < 0x4100; at += 64)
        debug_object_at(opened->debug, at, &opened->arena, &name, &declared);
    debug_close(opened->debug);
    opened->debug = NULL;
    arena_free(&opened->arena);
}

static void sections_that_are_cut_anywhere_do_no_harm(void **state)
{
    (void)state;
    static const char *const ways[] = {"gcc -O2 -g", "gcc -O2 -gdwarf-4", "clang -O2 -g"};
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        struct opened opened;
        assert_int_equal(run("%s -o small small.c", ways[i]), 0);
        open_image(&opened, "small");
        for (uint64_t k = 1; k < opened.image.section_count; k++) {
            struct section *section = &opened.image.sections[k];
            if (strncmp(section->name, ".debug_", 7) != 0)
                continue;
            struct range whole = section->bytes;
            for (uint64_t size = 0; size < range_size(whole); size += size < 80 ? 1 : 13) {
                section->bytes.end = whole.begin + size;
                query_all(&opened);
            }
            section->bytes = whole;
        }
        shut(&opened);
    }
}

static void bytes_that_are_changed_anywhere_do_no_harm(void **state)
{
    (void)state;
    static const char *const ways[] = {"gcc -O2 -g", "gcc -O2 -gdwarf-4", "clang -O2 -g", "gcc -O2 -g -c"};
    uint64_t random = 1;
    for (size_t i = 0; i < 400 * ARRAY_COUNT(ways); i++) {
        static struct opened opened;
        if (i % 400 == 0) {
            assert_int_equal(run("%s -o small small.c", ways[i / 400]), 0);
            open_image(&opened, "small");
        }
        uint8_t *changed = malloc(opened.image.size);
        const uint8_t *kept = opened.image.bytes;
        assert_non_null(changed);
        memcpy(changed, kept, opened.image.size);
        for (uint64_t k = 1; k < opened.image.section_count; k++) {
            const struct section *section = &opened.image.sections[k];
            uint64_t size = range_size(section->bytes);
            if (strncmp(section->name, ".debug_", 7) != 0 || size == 0)
                continue;
            for (unsigned n = 0; n < 2; n++) {
                random = random * 6364136223846793005 + 1442695040888963407;
                changed[section->bytes.begin + (random >> 33) % size] = (uint8_t)(random >> 20);
            }
        }
        opened.image.bytes = changed;
        query_all(&opened);
        opened.image.bytes = kept;
        free(changed);
        if (i % 400 == 399)
            shut(&opened);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_agree_with_addr2line_for_all_compilers_formats_and_packings),
        cmocka_unit_test(chains_are_found_in_sections_packed_by_zstd),
        cmocka_unit_test(a_separate_debug_file_gives_the_same_places),
        cmocka_unit_test(addresses_outside_all_units_have_no_place),
        cmocka_unit_test(objects_have_places_by_section_and_offset_on_every_machine),
        cmocka_unit_test(linked_files_of_both_byte_orders_have_places_and_variables),
        cmocka_unit_test(the_variable_at_an_address_is_named_with_its_declaration),
        cmocka_unit_test(a_unit_tells_its_name_directory_producer_language_and_files),
        cmocka_unit_test(units_end_when_told_to),
        cmocka_unit_test(a_file_without_debug_information_has_none),
        cmocka_unit_test(no_dwo_file_is_opened),
        cmocka_unit_test(what_dwz_put_into_another_file_is_missing_and_that_file_is_not_opened),
        cmocka_unit_test(everything_works_in_a_confined_process),
        cmocka_unit_test(without_memory_there_is_no_place_and_the_process_lives),
        cmocka_unit_test(a_million_nested_blocks_neither_crash_nor_hang),
        cmocka_unit_test(a_hundred_thousand_nested_calls_give_the_innermost_of_a_few),
        cmocka_unit_test(an_abstract_origin_that_is_itself_ends),
        cmocka_unit_test(line_tables_that_claim_huge_counts_are_refused),
        cmocka_unit_test(abbreviations_of_endless_attributes_are_not_shown_to_libdw),
        cmocka_unit_test(many_units_that_share_one_large_table_take_bounded_memory),
        cmocka_unit_test(headers_that_share_a_stream_are_held_to_the_limit),
        cmocka_unit_test(sections_that_are_cut_anywhere_do_no_harm),
        cmocka_unit_test(bytes_that_are_changed_anywhere_do_no_harm),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
