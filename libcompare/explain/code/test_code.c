/* Where two functions differ: compiled pairs, and pairs of bytes. */
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "code.h"

extern char **environ;

/* ---- Two sides ---- */

struct bench {
    struct image vendor_image, rebuilt_image;
    struct segment vendor_segment, rebuilt_segment;
    struct code vendor, rebuilt;
    struct decoder *vendor_decoder, *rebuilt_decoder;
    struct code_context context;
    struct arena arena;
    struct code_comparison comparison;
};

static void bench_compare(struct bench *bench)
{
    if (bench->context.most == 0)
        bench->context.most = 100000;
    bench->vendor_decoder = decoder_open(bench->vendor.image, bench->vendor.thumb);
    bench->rebuilt_decoder = decoder_open(bench->rebuilt.image, bench->rebuilt.thumb);
    assert_non_null(bench->vendor_decoder);
    assert_non_null(bench->rebuilt_decoder);
    assert_true(code_compare(bench->vendor_decoder, &bench->vendor, bench->rebuilt_decoder, &bench->rebuilt,
                             &bench->context, &bench->arena, &bench->comparison));
}

static void bench_close(struct bench *bench)
{
    decoder_close(bench->vendor_decoder);
    decoder_close(bench->rebuilt_decoder);
    arena_free(&bench->arena);
    image_close(&bench->vendor_image);
    image_close(&bench->rebuilt_image);
}

static const struct code_difference *difference(const struct bench *bench, size_t index)
{
    assert_true(index < bench->comparison.differences.count);
    return (const struct code_difference *)bench->comparison.differences.items + index;
}

static size_t count_kind(const struct bench *bench, enum code_difference_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < bench->comparison.differences.count; i++)
        count += difference(bench, i)->kind == kind;
    return count;
}

/* What changed is all in differences, and the rest is counted. */
static void check_counts(const struct bench *bench)
{
    size_t vendor = 0, rebuilt = 0;
    uint64_t end = 0;
    for (size_t i = 0; i < bench->comparison.differences.count; i++) {
        const struct code_difference *at = difference(bench, i);
        vendor += at->vendor_count;
        rebuilt += at->rebuilt_count;
        assert_true(at->vendor.begin >= end && at->vendor.begin <= at->vendor.end);
        end = at->vendor.end;
    }
    assert_int_equal(vendor, bench->comparison.changed_vendor);
    assert_int_equal(rebuilt, bench->comparison.changed_rebuilt);
}

/* ---- Pairs of bytes: x86-64, from address 0x1000 ---- */

#define BASE 0x1000u

static uint8_t vendor_bytes[512], rebuilt_bytes[512];

static size_t from_hex(const char *hex, uint8_t *bytes)
{
    size_t count = 0;
    for (; *hex != 0; hex++) {
        if (*hex == ' ')
            continue;
        char digits[3] = {hex[0], hex[1], 0};
        bytes[count++] = (uint8_t)strtoul(digits, NULL, 16);
        hex++;
    }
    return count;
}

static void side_of_bytes(struct image *image, struct segment *segment, struct code *code, const uint8_t *bytes,
                          size_t size, uint16_t machine, uint64_t address)
{
    *segment = (struct segment){.type = PT_LOAD,
                                .address = address,
                                .file_size = size,
                                .memory_size = size,
                                .addresses = {address, address + size}};
    *image = (struct image){.bytes = bytes,
                            .size = size,
                            .is64 = true,
                            .header = {.e_machine = machine, .e_type = ET_DYN},
                            .segments = segment,
                            .segment_count = 1};
    *code = (struct code){.image = image, .bytes = {0, size}, .address = address};
}

static void bench_bytes(struct bench *bench, const char *vendor, const char *rebuilt)
{
    memset(bench, 0, sizeof(*bench));
    side_of_bytes(&bench->vendor_image, &bench->vendor_segment, &bench->vendor, vendor_bytes,
                  from_hex(vendor, vendor_bytes), EM_X86_64, BASE);
    side_of_bytes(&bench->rebuilt_image, &bench->rebuilt_segment, &bench->rebuilt, rebuilt_bytes,
                  from_hex(rebuilt, rebuilt_bytes), EM_X86_64, BASE);
}

static void compare_bytes(struct bench *bench, const char *vendor, const char *rebuilt)
{
    bench_bytes(bench, vendor, rebuilt);
    bench_compare(bench);
    check_counts(bench);
}

static void equal_functions_have_no_difference(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "55 4889e5 b801000000 5d c3", "55 4889e5 b801000000 5d c3");
    assert_int_equal(bench.comparison.differences.count, 0);
    assert_int_equal(bench.comparison.equal, 5);
    assert_true(bench.comparison.complete && bench.comparison.identical_shape);
    bench_close(&bench);
}

static void a_changed_number_is_an_immediate(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "55 bae6070000 c3", "55 bae9070000 c3");
    assert_int_equal(bench.comparison.differences.count, 1);
    const struct code_difference *found = difference(&bench, 0);
    assert_int_equal(found->kind, CODE_IMMEDIATE);
    assert_int_equal(found->vendor_value, 0x7e6);
    assert_int_equal(found->rebuilt_value, 0x7e9);
    assert_string_equal(found->vendor_text, "mov edx, 0x7e6");
    assert_string_equal(found->mnemonic, "mov");
    assert_int_equal(found->vendor.begin, 1);
    assert_int_equal(found->vendor.end, 6);
    assert_false(bench.comparison.identical_shape);
    bench_close(&bench);
}

static void a_number_of_another_size_is_an_immediate(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "55 4883ec08 c3", "55 4881ec88000000 c3");
    assert_int_equal(bench.comparison.differences.count, 1);
    assert_int_equal(difference(&bench, 0)->kind, CODE_IMMEDIATE);
    assert_int_equal(difference(&bench, 0)->rebuilt_value, 0x88);
    bench_close(&bench);
}

static void a_displacement_is_told_by_its_own_values(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "55 c745f805000000 c3", "55 c745f005000000 c3");
    assert_int_equal(difference(&bench, 0)->kind, CODE_IMMEDIATE);
    assert_int_equal(difference(&bench, 0)->vendor_value, -8);
    assert_int_equal(difference(&bench, 0)->rebuilt_value, -16);
    bench_close(&bench);
}

static void another_register_is_another_instruction(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "55 4889c3 4889d8 c3", "55 4889c1 4889c8 c3");
    assert_int_equal(bench.comparison.differences.count, 1);
    assert_int_equal(difference(&bench, 0)->kind, CODE_OTHER);
    assert_int_equal(difference(&bench, 0)->vendor_count, 2);
    assert_string_equal(difference(&bench, 0)->rebuilt_text, "mov rcx, rax; mov rax, rcx");
    bench_close(&bench);
}

static void another_encoding_of_the_same_text_is_a_difference(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "55 4889d8 c3", "55 488bc3 c3");
    assert_int_equal(bench.comparison.differences.count, 1);
    assert_int_equal(difference(&bench, 0)->kind, CODE_OTHER);
    bench_close(&bench);
    compare_bytes(&bench, "55 83c008 c3", "55 81c008000000 c3");
    assert_int_equal(difference(&bench, 0)->kind, CODE_OTHER);
    bench_close(&bench);
}

static void an_inserted_instruction_is_one_difference_and_jumps_over_it_are_moved(void **state)
{
    (void)state;
    struct bench bench;
    /* xor eax, eax; test edi, edi; je end; add eax, 1; [sub ecx, 1]; add eax, 2; end: ret */
    compare_bytes(&bench, "31c0 85ff 7406 83c001 83c002 c3", "31c0 85ff 7409 83c001 83e901 83c002 c3");
    assert_int_equal(bench.comparison.differences.count, 1);
    assert_int_equal(difference(&bench, 0)->kind, CODE_ONLY_REBUILT);
    assert_int_equal(difference(&bench, 0)->rebuilt_count, 1);
    assert_int_equal(difference(&bench, 0)->vendor_count, 0);
    assert_int_equal(difference(&bench, 0)->vendor.begin, 9);
    assert_int_equal(difference(&bench, 0)->vendor.end, 9);
    assert_string_equal(difference(&bench, 0)->vendor_text, "");
    assert_int_equal(bench.comparison.moved, 1);
    bench_close(&bench);
}

static void one_of_several_alike_that_is_inserted_is_the_difference(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "bf01000000 bf02000000 bf03000000 c3", "bf01000000 bf09000000 bf02000000 bf03000000 c3");
    assert_int_equal(bench.comparison.differences.count, 1);
    assert_int_equal(difference(&bench, 0)->kind, CODE_ONLY_REBUILT);
    assert_string_equal(difference(&bench, 0)->rebuilt_text, "mov edi, 9");
    bench_close(&bench);
}

static void a_jump_to_another_place_is_a_target(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "85ff 7403 83c001 83c002 c3", "85ff 7406 83c001 83c002 c3");
    assert_int_equal(bench.comparison.differences.count, 1);
    assert_int_equal(difference(&bench, 0)->kind, CODE_TARGET);
    assert_int_equal(difference(&bench, 0)->vendor_value, BASE + 7);
    assert_int_equal(difference(&bench, 0)->rebuilt_value, BASE + 10);
    assert_true(bench.comparison.identical_shape);
    bench_close(&bench);
}

static void a_jump_with_the_same_bytes_to_another_place_is_a_target(void **state)
{
    (void)state;
    struct bench bench;
    /* Behind the jump something goes and something of the same size comes. */
    compare_bytes(&bench, "85ff 7406 83c001 83c002 83c104 c3", "85ff 7406 83c002 83c104 83c508 c3");
    assert_int_equal(count_kind(&bench, CODE_TARGET), 1);
    bench_close(&bench);
}

static void a_short_jump_equals_a_long_one_to_the_same_place(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "85ff 7403 83c001 c3", "85ff 0f8403000000 83c001 c3");
    assert_int_equal(bench.comparison.differences.count, 0);
    assert_int_equal(bench.comparison.moved, 1);
    bench_close(&bench);
    compare_bytes(&bench, "eb03 83c001 c3", "e903000000 83c001 c3");
    assert_int_equal(bench.comparison.differences.count, 0);
    bench_close(&bench);
    compare_bytes(&bench, "85ff 7403 83c001 c3", "85ff 0f8503000000 83c001 c3");
    assert_int_equal(difference(&bench, 0)->kind, CODE_OTHER);
    bench_close(&bench);
}

static void padding_before_the_place_that_a_jump_goes_to_is_no_difference(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "eb01 90 83c001 c3", "eb03 0f1f00 83c001 c3");
    assert_int_equal(bench.comparison.differences.count, 0);
    bench_close(&bench);
    compare_bytes(&bench, "85ff 90 83c001 c3", "85ff 0f1f00 83c001 c3");
    assert_int_equal(bench.comparison.differences.count, 1);
    bench_close(&bench);
    compare_bytes(&bench, "eb01 90 83c001 c3", "eb01 f4 83c001 c3");
    assert_int_equal(bench.comparison.differences.count, 1);
    bench_close(&bench);
}

static bool never_same(void *state, const struct instruction *vendor, struct range vendor_bytes_at,
                       const struct instruction *rebuilt, struct range rebuilt_bytes_at)
{
    (void)vendor, (void)vendor_bytes_at, (void)rebuilt, (void)rebuilt_bytes_at;
    ++*(size_t *)state;
    return false;
}

static bool always_same(void *state, const struct instruction *vendor, struct range vendor_bytes_at,
                        const struct instruction *rebuilt, struct range rebuilt_bytes_at)
{
    (void)vendor, (void)vendor_bytes_at, (void)rebuilt, (void)rebuilt_bytes_at;
    ++*(size_t *)state;
    return true;
}

static void equal_bytes_whose_targets_differ_are_a_target(void **state)
{
    (void)state;
    struct bench bench;
    size_t asked = 0;
    bench_bytes(&bench, "55 e800100000 c3", "55 e800100000 c3");
    bench.context.state = &asked;
    bench.context.same_target = never_same;
    bench_compare(&bench);
    assert_true(asked > 0);
    assert_int_equal(bench.comparison.differences.count, 1);
    assert_int_equal(difference(&bench, 0)->kind, CODE_TARGET);
    bench_close(&bench);
}

static void the_caller_is_not_asked_about_jumps_inside(void **state)
{
    (void)state;
    struct bench bench;
    size_t asked = 0;
    bench_bytes(&bench, "85ff 7403 83c001 c3", "85ff 7403 83c001 c3");
    bench.context.state = &asked;
    bench.context.same_target = never_same;
    bench_compare(&bench);
    assert_int_equal(asked, 0);
    assert_int_equal(bench.comparison.differences.count, 0);
    bench_close(&bench);
}

static void registers_and_numbers_differ_whatever_the_caller_says(void **state)
{
    (void)state;
    struct bench bench;
    size_t asked = 0;
    bench_bytes(&bench, "488d3d00100000 c70500100000 05000000 c3", "488d3500100000 c70500200000 06000000 c3");
    bench.context.state = &asked;
    bench.context.same_target = always_same;
    bench_compare(&bench);
    assert_int_equal(bench.comparison.differences.count, 2);
    assert_int_equal(difference(&bench, 0)->kind, CODE_OTHER);
    assert_int_equal(difference(&bench, 1)->kind, CODE_IMMEDIATE);
    bench_close(&bench);
}

static void relocations_of_an_object_decide(void **state)
{
    (void)state;
    struct bench bench;
    size_t asked = 0;
    /* call, whose distance is 0; then a relocation of it: r_offset 2. */
    const char *bytes = "55 e800000000 c3 00 0200000000000000 0000000000000000 0000000000000000";
    bench_bytes(&bench, bytes, bytes);
    struct section sections[3] = {
        {.index = 0},
        {.index = 1, .type = SHT_PROGBITS, .flags = SHF_EXECINSTR, .size = 7, .bytes = {0, 7}},
        {.index = 2, .type = SHT_RELA, .info = 1, .file_offset = 8, .size = 24, .bytes = {8, 32}},
    };
    for (unsigned i = 0; i < 2; i++) {
        struct image *image = i == 0 ? &bench.vendor_image : &bench.rebuilt_image;
        image->header.e_type = ET_REL;
        image->sections = sections;
        image->section_count = 3;
        image->segment_count = 0;
    }
    bench.vendor.bytes.end = bench.rebuilt.bytes.end = 7;
    bench.context.state = &asked;
    bench.context.same_target = never_same;
    bench_compare(&bench);
    assert_true(asked > 0);
    assert_int_equal(bench.comparison.differences.count, 1);
    assert_true(difference(&bench, 0)->vendor_first.relocated);
    assert_int_equal(difference(&bench, 0)->kind, CODE_TARGET);
    bench_close(&bench);
}

static void more_instructions_than_allowed_are_incomplete(void **state)
{
    (void)state;
    struct bench bench;
    bench_bytes(&bench, "55 55 55 c3", "55 55 55 90");
    bench.context.most = 2;
    bench_compare(&bench);
    assert_false(bench.comparison.complete);
    assert_int_equal(bench.comparison.differences.count, 1);
    bench_close(&bench);
}

static void functions_that_have_nothing_in_common_are_given_up(void **state)
{
    (void)state;
    static uint8_t vendor[16000], rebuilt[16000];
    struct bench bench;
    memset(&bench, 0, sizeof(bench));
    srand(3);
    for (size_t i = 0; i < sizeof(vendor); i += 4) {
        /* mov wN, #...: different registers on both sides */
        memcpy(vendor + i, (uint8_t[]){(uint8_t)(rand() % 15), 0, 0x80, 0x52}, 4);
        memcpy(rebuilt + i, (uint8_t[]){(uint8_t)(16 + rand() % 15), 0, 0x80, 0x52}, 4);
    }
    side_of_bytes(&bench.vendor_image, &bench.vendor_segment, &bench.vendor, vendor, sizeof(vendor), EM_AARCH64, BASE);
    side_of_bytes(&bench.rebuilt_image, &bench.rebuilt_segment, &bench.rebuilt, rebuilt, sizeof(rebuilt), EM_AARCH64,
                  BASE);
    bench_compare(&bench);
    assert_false(bench.comparison.complete);
    assert_int_equal(bench.comparison.differences.count, 1);
    assert_int_equal(difference(&bench, 0)->kind, CODE_OTHER);
    assert_int_equal(difference(&bench, 0)->vendor_count, sizeof(vendor) / 4);
    assert_non_null(strstr(difference(&bench, 0)->vendor_text, "; ..."));
    bench_close(&bench);
}

static void an_empty_side_is_only_on_the_other(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "", "55 c3");
    assert_int_equal(difference(&bench, 0)->kind, CODE_ONLY_REBUILT);
    bench_close(&bench);
    compare_bytes(&bench, "", "");
    assert_int_equal(bench.comparison.differences.count, 0);
    bench_close(&bench);
}

static void bench_list(struct bench *bench, struct code_listing *listing)
{
    assert_true(code_list(bench->vendor_decoder, &bench->vendor, bench->rebuilt_decoder, &bench->rebuilt,
                          &bench->context, &bench->arena, listing));
}

static void a_listing_shows_what_is_around_each_difference(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "55 53 51 52 b801000000 52 51 53 55 b901000000 c3",
                  "55 53 51 52 b802000000 52 51 53 55 b902000000 c3");
    struct code_listing listing = {.around = 1, .most = 100};
    bench_list(&bench, &listing);
    const struct listed_line *line = listing.lines.items;
    assert_int_equal(listing.lines.count, 7);
    assert_int_equal(listing.left_out, 0);
    assert_string_equal(line[0].vendor.text, "push rdx");
    assert_int_equal(line[0].vendor.address, 0x1003);
    assert_int_equal(line[0].vendor.file_offset, 3);
    assert_int_equal(line[0].kind, LISTED_EQUAL);
    assert_string_equal(line[1].vendor.text, "mov eax, 1");
    assert_string_equal(line[1].rebuilt.text, "mov eax, 2");
    assert_int_equal(line[1].kind, LISTED_CHANGED);
    assert_int_equal(line[3].kind, LISTED_GAP);
    assert_null(line[3].vendor.text);
    assert_null(line[3].rebuilt.text);
    assert_int_equal(line[6].vendor.address, 0x1012);
    bench_close(&bench);
}

static void a_listing_is_cut_and_counts_what_is_left_out(void **state)
{
    (void)state;
    struct bench bench;
    compare_bytes(&bench, "55 53 51 52 b801000000 52 51 53 55 b901000000 bb01000000 c3",
                  "55 53 51 52 b802000000 52 51 53 55 b902000000 bb02000000 c3");
    for (size_t most = 0; most < 12; most++) {
        struct code_listing listing = {.around = 1, .most = most};
        size_t shown = 0;
        bench_list(&bench, &listing);
        const struct listed_line *line = listing.lines.items;
        for (size_t i = 0; i < listing.lines.count; i++)
            shown += line[i].kind > LISTED_MOVED;
        assert_true(listing.lines.count <= most);
        assert_int_equal(shown + listing.left_out, 3);
        assert_true(listing.lines.count == 0 || line[listing.lines.count - 1].kind != LISTED_GAP);
    }
    bench_close(&bench);
}

static void a_listing_shows_what_only_one_side_has_and_what_moved(void **state)
{
    (void)state;
    struct bench bench;
    /* jmp over what is inserted; push rbx inserted before the landing. */
    compare_bytes(&bench, "eb02 9090 55 51 c3", "eb03 9090 53 55 c3");
    struct code_listing listing = {.around = 3, .most = 100};
    bench_list(&bench, &listing);
    const struct listed_line *line = listing.lines.items;
    size_t kinds[LISTED_KINDS] = {0};
    for (size_t i = 0; i < listing.lines.count; i++) {
        kinds[line[i].kind]++;
        assert_true((line[i].kind == LISTED_ONLY_VENDOR) == (line[i].rebuilt.text == NULL));
        assert_true((line[i].kind == LISTED_ONLY_REBUILT) == (line[i].vendor.text == NULL));
    }
    assert_int_equal(kinds[LISTED_MOVED], 1);
    assert_int_equal(kinds[LISTED_ONLY_VENDOR], 1);
    assert_int_equal(kinds[LISTED_ONLY_REBUILT], 1);
    bench_close(&bench);
}

static void words_are_listed_where_no_instructions_are_known(void **state)
{
    (void)state;
    static const uint8_t vendor[] = {1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0},
                         rebuilt[] = {1, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0};
    struct bench bench;
    memset(&bench, 0, sizeof(bench));
    side_of_bytes(&bench.vendor_image, &bench.vendor_segment, &bench.vendor, vendor, sizeof(vendor), EM_NONE, BASE);
    side_of_bytes(&bench.rebuilt_image, &bench.rebuilt_segment, &bench.rebuilt, rebuilt, sizeof(rebuilt), EM_NONE,
                  BASE);
    bench_compare(&bench);
    struct code_listing listing = {.around = 3, .most = 100};
    bench_list(&bench, &listing);
    const struct listed_line *line = listing.lines.items;
    assert_int_equal(listing.lines.count, 3);
    assert_string_equal(line[1].vendor.text, ".word 0x2");
    assert_string_equal(line[1].rebuilt.text, ".word 0x9");
    bench_close(&bench);
}

/* Longest common subsequences by the table that everyone knows. */
static size_t longest_common(const uint8_t *a, size_t n, const uint8_t *b, size_t m)
{
    static size_t table[65][65];
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0)
                table[i][j] = 0;
            else if (a[i - 1] == b[j - 1])
                table[i][j] = table[i - 1][j - 1] + 1;
            else
                table[i][j] = table[i - 1][j] > table[i][j - 1] ? table[i - 1][j] : table[i][j - 1];
        }
    }
    return table[n][m];
}

static void as_many_instructions_are_paired_as_can_be(void **state)
{
    (void)state;
    srand(5);
    for (unsigned round = 0; round < 2000; round++) {
        struct bench bench;
        memset(&bench, 0, sizeof(bench));
        size_t n = (size_t)rand() % 65, m = (size_t)rand() % 65;
        /* push of one of some registers */
        for (size_t i = 0; i < n; i++)
            vendor_bytes[i] = (uint8_t)(0x50 + rand() % (1 + (int)round % 8));
        for (size_t i = 0; i < m; i++)
            rebuilt_bytes[i] = (uint8_t)(0x50 + rand() % (1 + (int)round % 8));
        side_of_bytes(&bench.vendor_image, &bench.vendor_segment, &bench.vendor, vendor_bytes, n, EM_X86_64, BASE);
        side_of_bytes(&bench.rebuilt_image, &bench.rebuilt_segment, &bench.rebuilt, rebuilt_bytes, m, EM_X86_64, BASE);
        bench_compare(&bench);
        check_counts(&bench);
        assert_int_equal(bench.comparison.equal, longest_common(vendor_bytes, n, rebuilt_bytes, m));
        assert_int_equal(bench.comparison.equal + bench.comparison.changed_vendor, n);
        assert_int_equal(bench.comparison.equal + bench.comparison.changed_rebuilt, m);
        bench_close(&bench);
    }
}

/* ---- Compiled pairs ---- */

static const char source[] =
    "int one(int x); int two(int x); int work(int n);\n"
    "__attribute__((noinline)) void say(const char *text, int n) { __asm__ volatile(\"\" :: \"r\"(text), \"r\"(n) : "
    "\"memory\"); }\n"
    "__attribute__((noinline)) int one(int x) { __asm__ volatile(\"\" : \"+r\"(x)); return x * 3 + 1; }\n"
    "__attribute__((noinline)) int two(int x) { __asm__ volatile(\"\" : \"+r\"(x)); return x * 5 + 7; }\n"
    "__attribute__((noinline)) int work(int n) {\n"
    "    int total = 0;\n"
    "    say(TEXT, YEAR);\n"
    "    for (int i = 0; i < n; i++) {\n"
    "        total += FUNCTION(i);\n"
    "        if (total > 100) { say(\"a longer one\", total); MORE }\n"
    "    }\n"
    "    say(\"done\", total);\n"
    "    return total;\n"
    "}\n"
    "void begin(void) { work(3); for (;;) { } }\n";

struct compiler {
    const char *name;
    const char *options[8];
};

static const struct compiler compilers[] = {
    {"gcc", {"-fPIE", "-pie"}},
    {"gcc", {"-fno-pie", "-no-pie"}},
    {"clang", {"-fPIE", "-pie"}},
    {"i686-linux-gnu-gcc", {"-fPIE", "-pie"}},
    {"i686-linux-gnu-gcc", {"-fno-pie", "-no-pie"}},
    {"aarch64-linux-gnu-gcc", {"-fPIE", "-pie"}},
    {"aarch64-linux-gnu-gcc", {"-fno-pie", "-no-pie"}},
    {"arm-linux-gnueabihf-gcc", {"-fPIE", "-pie"}},
    {"arm-linux-gnueabihf-gcc", {"-fno-pie", "-no-pie"}},
    {"arm-linux-gnueabihf-gcc", {"-marm", "-fPIE", "-pie"}},
    {"arm-linux-gnueabihf-gcc", {"-marm", "-fno-pie", "-no-pie"}},
    {"arm-linux-gnueabihf-gcc", {"-marm", "-march=armv6+fp", "-fno-pie", "-no-pie"}},
    {"mips-linux-gnu-gcc", {"-fPIE", "-pie"}},
    {"mips-linux-gnu-gcc", {"-fno-pie", "-no-pie", "-mno-abicalls", "-fno-pic"}},
    {"powerpc-linux-gnu-gcc", {"-fPIE", "-pie"}},
    {"powerpc-linux-gnu-gcc", {"-fno-pie", "-no-pie"}},
};

static bool run(const char *const *arguments)
{
    pid_t child;
    int status;
    if (posix_spawnp(&child, arguments[0], NULL, NULL, (char *const *)(uintptr_t)arguments, environ) != 0)
        return false;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct variant {
    const char *name, *year, *text, *function, *more;
};

static const struct variant plain = {"plain", "2022", "\"hello\"", "one", ""};

static char directory[] = "/tmp/test_code.XXXXXX";

/* Compiled once for all tests; false: there is no such compiler. */
static bool compile(const struct compiler *compiler, const struct variant *variant, char output[64])
{
    char file[64], year[64], text[80], function[64], more[80];
    snprintf(output, 64, "%s/%zu-%s", directory, (size_t)(compiler - compilers), variant->name);
    if (access(output, F_OK) == 0)
        return true;
    snprintf(file, sizeof(file), "%s/source.c", directory);
    snprintf(year, sizeof(year), "-DYEAR=%s", variant->year);
    snprintf(text, sizeof(text), "-DTEXT=%s", variant->text);
    snprintf(function, sizeof(function), "-DFUNCTION=%s", variant->function);
    snprintf(more, sizeof(more), "-DMORE=%s", variant->more);
    const char *arguments[32] = {compiler->name,
                                 "-w",
                                 "-O1",
                                 "-nostdlib",
                                 "-nostartfiles",
                                 "-ffreestanding",
                                 "-fno-stack-protector",
                                 "-Wl,-e,begin",
                                 "-o",
                                 output,
                                 file,
                                 year,
                                 text,
                                 function,
                                 more};
    size_t count = 15;
    for (size_t i = 0; compiler->options[i] != NULL; i++)
        arguments[count++] = compiler->options[i];
    return run(arguments);
}

static int make_directory(void **state)
{
    (void)state;
    char file[64];
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(file, sizeof(file), "%s/source.c", directory);
    FILE *stream = fopen(file, "w");
    if (stream == NULL)
        return -1;
    bool written = fputs(source, stream) >= 0;
    return fclose(stream) == 0 && written ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    const char *const arguments[] = {"rm", "-rf", directory, NULL};
    return run(arguments) ? 0 : -1;
}

struct test_symbol {
    const char *name;
    uint64_t address, size;
};

static bool symbol_at(const struct image *image, size_t index, struct test_symbol *symbol)
{
    const struct section *table = image_section_named(image, ".symtab"), *names = image_section_named(image, ".strtab");
    size_t size = image->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    if (table == NULL || names == NULL || (index + 1) * size > table->size)
        return false;
    const uint8_t *bytes = image->bytes + table->bytes.begin + index * size;
    symbol->name = (const char *)image->bytes + names->bytes.begin + image_u32(image, bytes);
    symbol->address = image->is64 ? image_u64(image, bytes + 8) : image_u32(image, bytes + 4);
    symbol->size = image->is64 ? image_u64(image, bytes + 16) : image_u32(image, bytes + 8);
    return true;
}

static const char *name_at(const struct image *image, uint64_t address)
{
    struct test_symbol symbol;
    for (size_t i = 1; symbol_at(image, i, &symbol); i++) {
        if (symbol.size > 0 &&
            (symbol.address == address || (image->header.e_machine == EM_ARM && symbol.address == address + 1)))
            return symbol.name;
    }
    return NULL;
}

static const char *text_at(const struct image *image, uint64_t address)
{
    struct range range;
    if (!image_file_range(image, address, 1, &range) || image->bytes[range.begin] < ' ')
        return NULL;
    return (const char *)image->bytes + range.begin;
}

/* What a word of the GOT points to. */
static uint64_t word_at(const struct image *image, uint64_t address)
{
    struct range range;
    if (!image_file_range(image, address, 4, &range) || image->is64)
        return address;
    for (uint64_t i = 1; i < image->section_count; i++) {
        struct range entries = image->sections[i].bytes;
        for (uint64_t at = entries.begin; image->sections[i].type == SHT_RELA && at + 12 <= entries.end; at += 12) {
            if (image_u32(image, image->bytes + at) == address)
                return image_u32(image, image->bytes + at + 8);
        }
    }
    return image_u32(image, image->bytes + range.begin);
}

static bool same_by_content(void *state, const struct instruction *vendor, struct range vendor_at,
                            const struct instruction *rebuilt, struct range rebuilt_at)
{
    (void)vendor_at, (void)rebuilt_at;
    const struct bench *bench = state;
    const struct image *a = &bench->vendor_image, *b = &bench->rebuilt_image;
    const char *name = name_at(a, vendor->target), *other = name_at(b, rebuilt->target);
    if (name == NULL && other == NULL) {
        name = text_at(a, vendor->target);
        other = text_at(b, rebuilt->target);
    }
    if (name == NULL && other == NULL) {
        uint64_t word = word_at(a, vendor->target), other_word = word_at(b, rebuilt->target);
        name = name_at(a, word) != NULL ? name_at(a, word) : text_at(a, word);
        other = name_at(b, other_word) != NULL ? name_at(b, other_word) : text_at(b, other_word);
    }
    return name != NULL && other != NULL && strcmp(name, other) == 0;
}

static const char *name_by_content(void *state, bool rebuilt, const struct instruction *instruction, struct range bytes,
                                   char *buffer, size_t size)
{
    (void)bytes, (void)buffer, (void)size;
    const struct bench *bench = state;
    return name_at(rebuilt ? &bench->rebuilt_image : &bench->vendor_image, instruction->target);
}

static void find_function(const struct image *image, const char *name, struct code *code)
{
    struct test_symbol symbol;
    for (size_t i = 1; symbol_at(image, i, &symbol); i++) {
        if (strcmp(symbol.name, name) != 0)
            continue;
        code->image = image;
        code->thumb = image->header.e_machine == EM_ARM && (symbol.address & 1) != 0;
        code->address = symbol.address - code->thumb;
        assert_true(image_file_range(image, code->address, symbol.size, &code->bytes));
        return;
    }
    fail_msg("there is no function %s", name);
}

static void open_image(struct image *image, const char *path)
{
    struct compare_error error;
    assert_int_equal(image_open(path, NULL, image, &error), 0);
    assert_int_equal(image_parse(image, &error), 0);
}

/* false: there is no such compiler. */
static bool bench_compiled(struct bench *bench, const struct compiler *compiler, const struct variant *variant)
{
    char vendor[64], rebuilt[64];
    memset(bench, 0, sizeof(*bench));
    if (!compile(compiler, &plain, vendor) || !compile(compiler, variant, rebuilt)) {
        /* There is a compiler where this was built. */
        assert_true(compiler != compilers);
        return false;
    }
    open_image(&bench->vendor_image, vendor);
    open_image(&bench->rebuilt_image, rebuilt);
    find_function(&bench->vendor_image, "work", &bench->vendor);
    find_function(&bench->rebuilt_image, "work", &bench->rebuilt);
    bench->context = (struct code_context){bench, same_by_content, name_by_content, 0};
    bench_compare(bench);
    check_counts(bench);
    assert_true(bench->comparison.complete);
    assert_int_equal(bench->comparison.lost, 0);
    return true;
}

static void print_differences(const struct bench *bench, const struct compiler *compiler)
{
    print_message("%s %s: %zu equal, %zu moved\n", compiler->name, compiler->options[0], bench->comparison.equal,
                  bench->comparison.moved);
    for (size_t i = 0; i < bench->comparison.differences.count; i++) {
        const struct code_difference *at = difference(bench, i);
        print_message("%s %s: %d: %s | %s\n", compiler->name, compiler->options[0], (int)at->kind, at->vendor_text,
                      at->rebuilt_text);
    }
}

static void a_changed_constant_is_one_immediate_with_every_compiler(void **state)
{
    (void)state;
    const struct variant variant = {"year", "2025", plain.text, plain.function, plain.more};
    for (size_t i = 0; i < ARRAY_COUNT(compilers); i++) {
        struct bench bench;
        if (!bench_compiled(&bench, &compilers[i], &variant))
            continue;
        if (bench.comparison.differences.count != 1)
            print_differences(&bench, &compilers[i]);
        assert_int_equal(bench.comparison.differences.count, 1);
        assert_int_equal(difference(&bench, 0)->kind, CODE_IMMEDIATE);
        assert_int_equal(difference(&bench, 0)->vendor_value, 2022);
        assert_int_equal(difference(&bench, 0)->rebuilt_value, 2025);
        bench_close(&bench);
    }
}

static void strings_that_moved_are_no_difference_with_every_compiler(void **state)
{
    (void)state;
    /* It is first in .rodata, or last: the others move, or it does; itself is a difference of targets. */
    const struct variant variant = {"text", plain.year, "\"hello, and a good deal more of it\"", plain.function,
                                    plain.more};
    for (size_t i = 0; i < ARRAY_COUNT(compilers); i++) {
        struct bench bench;
        if (!bench_compiled(&bench, &compilers[i], &variant))
            continue;
        /* The text of movw is its own difference beside that of movt, where its bytes differ too. */
        if (bench.comparison.differences.count > 3 || bench.comparison.differences.count == 0)
            print_differences(&bench, &compilers[i]);
        assert_true(bench.comparison.identical_shape);
        assert_in_range(bench.comparison.differences.count, 1, 3);
        for (size_t k = 0; k < bench.comparison.differences.count; k++) {
            const struct code_difference *at = difference(&bench, k);
            const char *text = text_at(&bench.vendor_image, at->vendor_first.target);
            assert_true(at->vendor_first.partial || at->vendor_first.target == 0 || text == NULL ||
                        strcmp(text, "hello") == 0);
        }
        bench_close(&bench);
    }
}

static void another_function_that_is_called_is_a_target_with_every_compiler(void **state)
{
    (void)state;
    const struct variant variant = {"function", plain.year, plain.text, "two", plain.more};
    for (size_t i = 0; i < ARRAY_COUNT(compilers); i++) {
        struct bench bench;
        if (!bench_compiled(&bench, &compilers[i], &variant))
            continue;
        if (bench.comparison.differences.count != 1)
            print_differences(&bench, &compilers[i]);
        assert_true(bench.comparison.identical_shape);
        assert_in_range(bench.comparison.differences.count, 1, 2);
        assert_int_equal(difference(&bench, 0)->kind, CODE_TARGET);
        bench_close(&bench);
    }
}

static void an_inserted_statement_is_one_run_with_every_compiler(void **state)
{
    (void)state;
    const struct variant variant = {"more", plain.year, plain.text, plain.function,
                                    "__asm__ volatile(\"nop\\n nop\\n nop\" ::: \"memory\");"};
    for (size_t i = 0; i < ARRAY_COUNT(compilers); i++) {
        struct bench bench;
        if (!bench_compiled(&bench, &compilers[i], &variant))
            continue;
        if (bench.comparison.differences.count != 1)
            print_differences(&bench, &compilers[i]);
        assert_int_equal(bench.comparison.differences.count, 1);
        assert_int_equal(difference(&bench, 0)->kind, CODE_ONLY_REBUILT);
        assert_true(bench.comparison.moved > 0);
        bench_close(&bench);
    }
}

static void names_stand_in_texts(void **state)
{
    (void)state;
    struct bench bench;
    const struct variant variant = {"function", plain.year, plain.text, "two", plain.more};
    if (!bench_compiled(&bench, &compilers[0], &variant))
        skip();
    assert_string_equal(difference(&bench, 0)->vendor_text, "call one");
    assert_string_equal(difference(&bench, 0)->rebuilt_text, "call two");
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_functions_have_no_difference),
        cmocka_unit_test(a_changed_number_is_an_immediate),
        cmocka_unit_test(a_number_of_another_size_is_an_immediate),
        cmocka_unit_test(a_displacement_is_told_by_its_own_values),
        cmocka_unit_test(another_register_is_another_instruction),
        cmocka_unit_test(another_encoding_of_the_same_text_is_a_difference),
        cmocka_unit_test(an_inserted_instruction_is_one_difference_and_jumps_over_it_are_moved),
        cmocka_unit_test(one_of_several_alike_that_is_inserted_is_the_difference),
        cmocka_unit_test(a_jump_to_another_place_is_a_target),
        cmocka_unit_test(a_jump_with_the_same_bytes_to_another_place_is_a_target),
        cmocka_unit_test(a_short_jump_equals_a_long_one_to_the_same_place),
        cmocka_unit_test(padding_before_the_place_that_a_jump_goes_to_is_no_difference),
        cmocka_unit_test(equal_bytes_whose_targets_differ_are_a_target),
        cmocka_unit_test(the_caller_is_not_asked_about_jumps_inside),
        cmocka_unit_test(registers_and_numbers_differ_whatever_the_caller_says),
        cmocka_unit_test(relocations_of_an_object_decide),
        cmocka_unit_test(more_instructions_than_allowed_are_incomplete),
        cmocka_unit_test(functions_that_have_nothing_in_common_are_given_up),
        cmocka_unit_test(an_empty_side_is_only_on_the_other),
        cmocka_unit_test(a_listing_shows_what_is_around_each_difference),
        cmocka_unit_test(a_listing_is_cut_and_counts_what_is_left_out),
        cmocka_unit_test(a_listing_shows_what_only_one_side_has_and_what_moved),
        cmocka_unit_test(words_are_listed_where_no_instructions_are_known),
        cmocka_unit_test(as_many_instructions_are_paired_as_can_be),
        cmocka_unit_test(a_changed_constant_is_one_immediate_with_every_compiler),
        cmocka_unit_test(strings_that_moved_are_no_difference_with_every_compiler),
        cmocka_unit_test(another_function_that_is_called_is_a_target_with_every_compiler),
        cmocka_unit_test(an_inserted_statement_is_one_run_with_every_compiler),
        cmocka_unit_test(names_stand_in_texts),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
