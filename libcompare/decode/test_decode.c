/* What instructions refer to, on every machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode.h"

#define BASE  0x400000u
#define LOADS 0x100000u

/* A program whose only segment has these bytes, decoded. */
struct bench {
    uint8_t bytes[256];
    size_t size;
    struct segment segment;
    struct image image;
    struct decoder *decoder;
    struct arena arena;
    struct list list;
};

struct target {
    uint16_t machine;
    bool is64, big_endian, thumb;
};

static const struct target x86_64 = {EM_X86_64, true, false, false}, i386 = {EM_386, false, false, false},
                           aarch64 = {EM_AARCH64, true, false, false}, arm = {EM_ARM, false, false, false},
                           thumb = {EM_ARM, false, false, true}, mips = {EM_MIPS, false, true, false},
                           mipsel = {EM_MIPS, false, false, false}, mips64 = {EM_MIPS, true, true, false},
                           ppc = {EM_PPC, false, true, false}, ppc64 = {EM_PPC64, true, true, false},
                           ppc64le = {EM_PPC64, true, false, false}, s390x = {EM_S390, true, true, false},
                           sparc = {EM_SPARC, false, true, false}, sparc64 = {EM_SPARCV9, true, true, false},
                           riscv = {EM_RISCV, true, false, false}, unknown = {0x1234, true, false, false};

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

static const struct instruction *bench_item(const struct bench *bench, size_t index)
{
    assert_true(index < bench->list.count);
    return (const struct instruction *)bench->list.items + index;
}

static void bench_open(struct bench *bench, struct target target, uint16_t type, const char *hex)
{
    memset(bench, 0, sizeof(*bench));
    bench->size = from_hex(hex, bench->bytes);
    bench->segment = (struct segment){.type = PT_LOAD,
                                      .address = BASE,
                                      .file_size = bench->size,
                                      .memory_size = LOADS,
                                      .addresses = {BASE, BASE + LOADS},
                                      .bytes = {0, bench->size}};
    bench->image = (struct image){.bytes = bench->bytes,
                                  .size = bench->size,
                                  .is64 = target.is64,
                                  .big_endian = target.big_endian,
                                  .header = {.e_machine = target.machine, .e_type = type},
                                  .segments = &bench->segment,
                                  .segment_count = 1};
    bench->list = (struct list){.arena = &bench->arena, .item_size = sizeof(struct instruction)};
    bench->decoder = decoder_open(&bench->image, target.thumb);
    assert_non_null(bench->decoder);
    assert_true(decode(bench->decoder, bench->bytes, bench->size, BASE, 100, &bench->list));
}

static void bench_close(struct bench *bench)
{
    decoder_close(bench->decoder);
    arena_free(&bench->arena);
}

/* The reference of the instruction with this index. */
static void refers(struct target target, uint16_t type, const char *hex, size_t index, enum reference_kind kind,
                   uint64_t address)
{
    struct bench bench;
    bench_open(&bench, target, type, hex);
    const struct instruction *instruction = bench_item(&bench, index);
    assert_int_equal(instruction->reference, kind);
    if (kind != REFERENCE_NONE)
        assert_int_equal(instruction->target, address);
    assert_false(instruction->partial);
    bench_close(&bench);
}

/* Two instructions, index and index + distance, make this address. */
static void pairs(struct target target, uint16_t type, const char *hex, size_t first, size_t second, uint64_t address)
{
    struct bench bench;
    bench_open(&bench, target, type, hex);
    assert_int_equal(bench_item(&bench, first)->reference, REFERENCE_DATA);
    assert_true(bench_item(&bench, first)->partial);
    assert_int_equal(bench_item(&bench, second)->reference, REFERENCE_DATA);
    assert_int_equal(bench_item(&bench, second)->target, address);
    assert_int_equal(bench_item(&bench, second)->pair, second - first);
    assert_false(bench_item(&bench, second)->partial);
    bench_close(&bench);
}

static void immediate(struct target target, const char *hex, int64_t value)
{
    struct bench bench;
    bench_open(&bench, target, ET_DYN, hex);
    assert_int_equal(bench_item(&bench, 0)->reference, REFERENCE_NONE);
    assert_true(bench_item(&bench, 0)->has_immediate);
    assert_int_equal(bench_item(&bench, 0)->immediate, value);
    bench_close(&bench);
}

static void text(struct target target, uint16_t type, const char *hex, size_t index, const char *name,
                 const char *expected)
{
    struct bench bench;
    char buffer[200];
    bench_open(&bench, target, type, hex);
    const struct instruction *instruction = bench_item(&bench, index);
    decode_text(bench.decoder, bench.bytes + (instruction->address - BASE), instruction, name, buffer, sizeof(buffer));
    assert_string_equal(buffer, expected);
    bench_close(&bench);
}

/* ---- x86 ---- */

static void x86_calls_and_jumps_have_their_targets(void **state)
{
    (void)state;
    refers(x86_64, ET_DYN, "e8 10000000", 0, REFERENCE_CALL, BASE + 0x15);
    refers(x86_64, ET_DYN, "eb fe", 0, REFERENCE_JUMP, BASE);
    refers(x86_64, ET_DYN, "0f84 00010000", 0, REFERENCE_JUMP, BASE + 0x106);
    refers(i386, ET_DYN, "e8 fbffffff", 0, REFERENCE_CALL, BASE);
    refers(x86_64, ET_DYN, "ffd0", 0, REFERENCE_NONE, 0);
}

static void x86_data_is_referred_to_from_the_pc(void **state)
{
    (void)state;
    refers(x86_64, ET_DYN, "488d3d cb2e0000", 0, REFERENCE_DATA, BASE + 0x2ed2);
    refers(x86_64, ET_DYN, "ff25 cb2e0000", 0, REFERENCE_DATA, BASE + 0x2ed1);
    refers(x86_64, ET_DYN, "66c705 cb2e0000 0500", 0, REFERENCE_DATA, BASE + 0x2ed4);
    refers(x86_64, ET_DYN, "c5fc2805 7b000000", 0, REFERENCE_DATA, BASE + 0x83);
}

static void x86_numbers_are_addresses_only_where_the_program_is_not_moved(void **state)
{
    (void)state;
    refers(x86_64, ET_EXEC, "bf 10404000", 0, REFERENCE_DATA, BASE + 0x4010);
    refers(x86_64, ET_DYN, "bf 10404000", 0, REFERENCE_NONE, 0);
    refers(i386, ET_EXEC, "a1 10404000", 0, REFERENCE_DATA, BASE + 0x4010);
    refers(i386, ET_EXEC, "68 10404000", 0, REFERENCE_DATA, BASE + 0x4010);
    refers(x86_64, ET_EXEC, "8b04c5 10404000", 0, REFERENCE_DATA, BASE + 0x4010);
    refers(x86_64, ET_EXEC, "bf 10000000", 0, REFERENCE_NONE, 0);
    refers(x86_64, ET_EXEC, "64488b0425 10404000", 0, REFERENCE_NONE, 0);
}

static void x86_immediates_are_found(void **state)
{
    (void)state;
    immediate(x86_64, "ba e6070000", 0x7e6);
    immediate(x86_64, "4883ec08", 8);
    immediate(i386, "68 e6070000", 0x7e6);
    immediate(x86_64, "48b8 8877665544332211", 0x1122334455667788);
}

static void what_the_got_of_i386_is_added_to_refers_from_it(void **state)
{
    (void)state;
    struct bench bench;
    struct dynamic_entry pltgot = {DT_PLTGOT, BASE + 0x2fc4};
    bench_open(&bench, i386, ET_DYN, "e8 00010000 81c3 bf2f0000 8d83 44e0ffff 89d8");
    decoder_close(bench.decoder);
    bench.image.dynamic = &pltgot;
    bench.image.dynamic_count = 1;
    bench.list.count = 0;
    bench.decoder = decoder_open(&bench.image, false);
    assert_true(decode(bench.decoder, bench.bytes, bench.size, BASE, 100, &bench.list));
    assert_true(bench_item(&bench, 1)->got);
    assert_int_equal(bench_item(&bench, 1)->target, BASE + 0x2fc4);
    assert_int_equal(bench_item(&bench, 2)->reference, REFERENCE_DATA);
    assert_int_equal(bench_item(&bench, 2)->target, BASE + 0x2fc4 - 0x1fbc);
    assert_int_equal(bench_item(&bench, 3)->reference, REFERENCE_NONE);
    bench_close(&bench);
}

static void the_sizes_of_plain_jumps_are_told_from_others(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, x86_64, ET_DYN, "eb 10 e9 10000000 7410 0f84 10000000 e3 10 f2e9 10000000");
    for (size_t i = 0; i < 4; i++)
        assert_true(bench_item(&bench, i)->plain_jump);
    assert_false(bench_item(&bench, 4)->plain_jump);
    assert_false(bench_item(&bench, 5)->plain_jump);
    bench_close(&bench);
}

/* ---- Words ---- */

static void aarch64_refers_by_branches_and_pages(void **state)
{
    (void)state;
    refers(aarch64, ET_DYN, "04000094", 0, REFERENCE_CALL, BASE + 0x10);
    refers(aarch64, ET_DYN, "ffffff17", 0, REFERENCE_JUMP, BASE - 4);
    refers(aarch64, ET_DYN, "80000054", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(aarch64, ET_DYN, "80000036", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(aarch64, ET_DYN, "80000010", 0, REFERENCE_DATA, BASE + 0x10);
    pairs(aarch64, ET_DYN, "00000090 00400091", 0, 1, BASE + 0x10);
    pairs(aarch64, ET_DYN, "00000090 1f2003d5 010840f9", 0, 2, BASE + 0x10);
    pairs(aarch64, ET_DYN, "00000090 0004c03d", 0, 1, BASE + 0x10);
    immediate(aarch64, "c2fc8052", 0x7e6);
}

static void a_page_that_is_overwritten_is_no_part(void **state)
{
    (void)state;
    /* adrp x0; mov x0, x1; add x0, x0, #16 */
    refers(aarch64, ET_DYN, "00000090 e00301aa 00400091", 2, REFERENCE_NONE, 0);
    /* adrp x0; bl; add x0, x0, #16 */
    refers(aarch64, ET_DYN, "00000090 04000094 00400091", 2, REFERENCE_NONE, 0);
}

static void arm_refers_by_branches_and_movw_movt(void **state)
{
    (void)state;
    refers(arm, ET_DYN, "020000eb", 0, REFERENCE_CALL, BASE + 0x10);
    refers(arm, ET_DYN, "0200000a", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(arm, ET_DYN, "020000fb", 0, REFERENCE_CALL, BASE + 0x12);
    pairs(arm, ET_EXEC, "100004e3 400040e3", 0, 1, BASE + 0x4010);
    refers(arm, ET_DYN, "100004e3 400040e3", 1, REFERENCE_NONE, 0);
    pairs(arm, ET_DYN, "103000e3 003040e3 03308fe0", 1, 2, BASE + 0x20);
    pairs(arm, ET_EXEC, "103008e3 403040e3", 0, 1, BASE + 0x8010);
}

static void words_of_a_literal_pool_are_data(void **state)
{
    (void)state;
    struct bench bench;
    /* ldr r0, [pc]; bx lr; nop?; .word */
    bench_open(&bench, arm, ET_EXEC, "00009fe5 1eff2fe1 10404000");
    assert_int_equal(bench_item(&bench, 0)->target, BASE + 0x4010);
    assert_int_equal(bench_item(&bench, 2)->id, 0);
    assert_int_equal(bench_item(&bench, 2)->reference, REFERENCE_DATA);
    assert_int_equal(bench_item(&bench, 2)->target, BASE + 0x4010);
    bench_close(&bench);
    bench_open(&bench, arm, ET_EXEC, "00009fe5 1eff2fe1 e6070000");
    assert_int_equal(bench_item(&bench, 0)->target, BASE + 8);
    assert_true(bench_item(&bench, 2)->has_immediate);
    assert_int_equal(bench_item(&bench, 2)->immediate, 0x7e6);
    bench_close(&bench);
}

static void a_word_that_is_added_to_the_pc_is_partial(void **state)
{
    (void)state;
    struct bench bench;
    /* ldr r3, [pc, #4]; add r3, pc, r3; bx lr; .word */
    bench_open(&bench, arm, ET_DYN, "04309fe5 03308fe0 1eff2fe1 04010000");
    assert_int_equal(bench_item(&bench, 1)->reference, REFERENCE_DATA);
    assert_int_equal(bench_item(&bench, 1)->target, BASE + 4 + 8 + 0x104);
    assert_true(bench_item(&bench, 3)->partial);
    assert_int_equal(bench_item(&bench, 3)->pair, 2);
    bench_close(&bench);
    /* ldr r0, [pc, #0]; add r0, pc; .word */
    bench_open(&bench, thumb, ET_DYN, "0048 7844 04010000");
    assert_int_equal(bench_item(&bench, 1)->target, BASE + 2 + 4 + 0x104);
    assert_true(bench_item(&bench, 2)->partial);
    bench_close(&bench);
}

static void thumb_refers_by_branches_and_movw_movt(void **state)
{
    (void)state;
    refers(thumb, ET_DYN, "00f006f8", 0, REFERENCE_CALL, BASE + 0x10);
    refers(thumb, ET_DYN, "fff7feff", 0, REFERENCE_CALL, BASE);
    refers(thumb, ET_DYN, "00f006e8", 0, REFERENCE_CALL, BASE + 0x10);
    refers(thumb, ET_DYN, "06e0", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(thumb, ET_DYN, "06d0", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(thumb, ET_DYN, "30b1", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(thumb, ET_DYN, "00f00680", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(thumb, ET_DYN, "00f006b8", 0, REFERENCE_JUMP, BASE + 0x10);
    pairs(thumb, ET_EXEC, "44f21000 c0f24000", 0, 1, BASE + 0x4010);
    immediate(thumb, "2a22", 42);
}

static void mips_refers_by_branches_and_lui(void **state)
{
    (void)state;
    refers(mips, ET_DYN, "0c100004", 0, REFERENCE_CALL, BASE + 0x10);
    refers(mips, ET_DYN, "10400003", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(mips, ET_DYN, "04110003", 0, REFERENCE_CALL, BASE + 0x10);
    refers(mipsel, ET_DYN, "03004010", 0, REFERENCE_JUMP, BASE + 0x10);
    pairs(mips, ET_EXEC, "3c040041 24848010", 0, 1, BASE + 0x8010);
    pairs(mips64, ET_EXEC, "3c040041 64848010", 0, 1, BASE + 0x8010);
    pairs(mips, ET_EXEC, "3c020040 8c424010", 0, 1, BASE + 0x4010);
    /* In the delay slot of a call it still holds its part, and behind it no more. */
    pairs(mips, ET_EXEC, "3c040040 0c100004 24844010 24844010", 0, 2, BASE + 0x4010);
    refers(mips, ET_EXEC, "3c050040 0c100004 00000000 24a44010", 3, REFERENCE_NONE, 0);
    refers(mips, ET_DYN, "3c040040 24844010", 1, REFERENCE_NONE, 0);
    immediate(mips, "240607e6", 0x7e6);
}

static void powerpc_refers_by_branches_and_lis(void **state)
{
    (void)state;
    refers(ppc, ET_DYN, "48000011", 0, REFERENCE_CALL, BASE + 0x10);
    refers(ppc, ET_DYN, "48000010", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(ppc64, ET_DYN, "41820010", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(ppc64le, ET_DYN, "11000048", 0, REFERENCE_CALL, BASE + 0x10);
    pairs(ppc, ET_EXEC, "3d200041 38898010", 0, 1, BASE + 0x8010);
    pairs(ppc64, ET_EXEC, "3d200040 80894010", 0, 1, BASE + 0x4010);
    pairs(ppc64le, ET_EXEC, "4000203d 10402939", 0, 1, BASE + 0x4010);
    refers(ppc, ET_EXEC, "3d200040 39200001 38894010", 2, REFERENCE_NONE, 0);
    immediate(ppc, "38a007e6", 0x7e6);
}

static void s390x_refers_from_the_pc(void **state)
{
    (void)state;
    refers(s390x, ET_DYN, "c0e500000008", 0, REFERENCE_CALL, BASE + 0x10);
    refers(s390x, ET_DYN, "c02000000008", 0, REFERENCE_DATA, BASE + 0x10);
    refers(s390x, ET_DYN, "c418fffffff8", 0, REFERENCE_DATA, BASE - 0x10);
    refers(s390x, ET_DYN, "a7f40008", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(s390x, ET_DYN, "ec260008007e", 0, REFERENCE_JUMP, BASE + 0x10);
    immediate(s390x, "a72907e6", 0x7e6);
}

static void sparc_refers_by_branches_and_sethi(void **state)
{
    (void)state;
    refers(sparc, ET_DYN, "40000004", 0, REFERENCE_CALL, BASE + 0x10);
    refers(sparc, ET_DYN, "10800004", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(sparc64, ET_DYN, "12680004", 0, REFERENCE_JUMP, BASE + 0x10);
    refers(sparc64, ET_DYN, "02c24004", 0, REFERENCE_JUMP, BASE + 0x10);
    pairs(sparc, ET_EXEC, "11001010 90122010", 0, 1, BASE + 0x4010);
    pairs(sparc64, ET_EXEC, "11001010 d0022010", 0, 1, BASE + 0x4010);
    refers(sparc, ET_EXEC, "11001010 40000004 01000000 90122010", 3, REFERENCE_NONE, 0);
    immediate(sparc, "901027e6", 0x7e6);
}

/* ---- Without a decoder ---- */

static void what_cannot_be_decoded_is_bytes_and_decoding_goes_on(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, x86_64, ET_DYN, "06 c3");
    assert_int_equal(bench.list.count, 2);
    assert_false(bench_item(&bench, 0)->decoded);
    assert_true(bench_item(&bench, 1)->decoded);
    bench_close(&bench);
    text(x86_64, ET_DYN, "06 c3", 0, NULL, ".byte 0x6");
}

static void machines_without_a_decoder_have_words(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, riscv, ET_DYN, "1305 0000 01");
    assert_false(decoder_knows(bench.decoder));
    assert_int_equal(bench.list.count, 3);
    assert_int_equal(bench_item(&bench, 0)->size, 2);
    assert_int_equal(bench_item(&bench, 2)->size, 1);
    bench_close(&bench);
    text(riscv, ET_DYN, "1305 0000", 0, NULL, ".word 0x513");
    text(unknown, ET_DYN, "13050000", 0, NULL, ".word 0x513");
}

static void no_more_than_asked_are_decoded(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, x86_64, ET_DYN, "90 90 90");
    bench.list.count = 0;
    assert_true(decode(bench.decoder, bench.bytes, bench.size, BASE, 2, &bench.list));
    assert_int_equal(bench.list.count, 2);
    bench_close(&bench);
}

/* ---- Texts ---- */

static void the_name_of_a_target_stands_in_its_place(void **state)
{
    (void)state;
    text(x86_64, ET_DYN, "ba e6070000", 0, NULL, "mov edx, 0x7e6");
    text(x86_64, ET_DYN, "e8 10000000", 0, "printf@plt", "call printf@plt");
    text(x86_64, ET_DYN, "488d3d cb2e0000", 0, "\"Usage: %s\"", "lea rdi, [rip + \"Usage: %s\"]");
    text(x86_64, ET_DYN, "488d3d 00feffff", 0, "table", "lea rdi, [rip + table]");
    text(x86_64, ET_DYN, "c705 cb2e0000 05000000", 0, "counter", "mov dword ptr [rip + counter], 5");
    text(x86_64, ET_EXEC, "bf 10404000", 0, "\"a\"", "mov edi, \"a\"");
    text(aarch64, ET_DYN, "04000094", 0, "printf@plt", "bl printf@plt");
    text(aarch64, ET_DYN, "00000090 00400091", 1, "\"a\"", "add x0, x0, \"a\"");
    text(mips, ET_EXEC, "3c040040 24844010", 1, "\"a\"", "addiu $a0, $a0, \"a\"");
    text(ppc, ET_EXEC, "3d200041 38898010", 1, "\"a\"", "addi r4, r9, \"a\"");
    text(arm, ET_EXEC, "00009fe5 1eff2fe1 10404000", 2, "\"a\"", ".word \"a\"");
}

static void a_text_too_long_is_cut(void **state)
{
    (void)state;
    struct bench bench;
    char buffer[8];
    bench_open(&bench, x86_64, ET_DYN, "e8 10000000");
    decode_text(bench.decoder, bench.bytes, bench_item(&bench, 0), "a_very_long_name", buffer, sizeof(buffer));
    assert_string_equal(buffer, "call a_");
    bench_close(&bench);
}

static bool same_text(const char *vendor, const char *rebuilt, bool *differ, int64_t numbers[2])
{
    numbers[0] = numbers[1] = 0;
    return decode_equal_but_numbers(vendor, rebuilt, differ, &numbers[0], &numbers[1]);
}

static void numbers_are_told_from_names(void **state)
{
    (void)state;
    bool differ;
    int64_t numbers[2];
    assert_true(same_text("mov edx, 0x7e6", "mov edx, 0x7e9", &differ, numbers) && differ);
    assert_int_equal(numbers[0], 0x7e6);
    assert_int_equal(numbers[1], 0x7e9);
    assert_true(same_text("mov eax, [rbp - 8]", "mov eax, [rbp - 0x10]", &differ, numbers) && differ);
    assert_int_equal(numbers[0], -8);
    assert_int_equal(numbers[1], -16);
    assert_true(same_text("ldr x0, [x1, #-8]", "ldr x0, [x1, #8]", &differ, numbers) && differ);
    assert_true(same_text("ret", "ret", &differ, numbers) && !differ);
    assert_false(same_text("mov r12, 1", "mov r13, 1", &differ, numbers));
    assert_false(same_text("mfc0 $4, $12", "mfc0 $4, $13", &differ, numbers));
    assert_false(same_text("lea rax, [rax*4 + 8]", "lea rax, [rax*8 + 8]", &differ, numbers));
    assert_false(same_text("push 1", "push 1, 2", &differ, numbers));
}

/* ---- Hostile input ---- */

static const struct target all[] = {
    {EM_X86_64, true, false, false},  {EM_386, false, false, false},   {EM_AARCH64, true, false, false},
    {EM_ARM, false, false, false},    {EM_ARM, false, false, true},    {EM_ARM, false, true, false},
    {EM_ARM, false, true, true},      {EM_MIPS, false, true, false},   {EM_MIPS, false, false, false},
    {EM_MIPS, true, true, false},     {EM_MIPS, true, false, false},   {EM_PPC, false, true, false},
    {EM_PPC64, true, true, false},    {EM_PPC64, true, false, false},  {EM_S390, true, true, false},
    {EM_SPARC, false, true, false},   {EM_SPARCV9, true, true, false}, {EM_SPARC32PLUS, false, true, false},
    {EM_RISCV, true, false, false},   {0x1234, true, true, false},     {EM_X86_64, false, false, false},
    {EM_AARCH64, false, true, false}, {EM_SPARC, false, false, false}, {EM_S390, false, false, false},
};

static void try_random(struct target target, uint16_t type, size_t size, uint64_t address)
{
    struct bench bench;
    char buffer[64];
    uint8_t *bytes = malloc(size + (size == 0));
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)rand();
    bench_open(&bench, target, type, "");
    bench.image.bytes = bytes;
    bench.image.size = size;
    assert_true(decode(bench.decoder, bytes, size, address, SIZE_MAX, &bench.list));
    uint64_t at = 0;
    for (size_t i = 0; i < bench.list.count; i++) {
        const struct instruction *instruction = bench_item(&bench, i);
        assert_true(instruction->size > 0 && instruction->size <= size - at);
        assert_true(instruction->pair <= i);
        decode_text(bench.decoder, bytes + at, instruction, i % 2 == 0 ? "name" : NULL, buffer, sizeof(buffer));
        assert_true(strlen(buffer) > 0);
        at += instruction->size;
    }
    assert_int_equal(at, size);
    bench_close(&bench);
    free(bytes);
}

static void random_bytes_are_decoded_to_their_end_on_every_machine(void **state)
{
    (void)state;
    srand(1);
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        for (size_t size = 0; size < 64; size++)
            try_random(all[i], size % 2 == 0 ? ET_EXEC : ET_DYN, size, BASE);
        for (unsigned round = 0; round < 20; round++)
            try_random(all[i], round % 2 == 0 ? ET_EXEC : ET_DYN, 3000, round % 4 == 0 ? BASE : UINT64_MAX - 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x86_calls_and_jumps_have_their_targets),
        cmocka_unit_test(x86_data_is_referred_to_from_the_pc),
        cmocka_unit_test(x86_numbers_are_addresses_only_where_the_program_is_not_moved),
        cmocka_unit_test(x86_immediates_are_found),
        cmocka_unit_test(what_the_got_of_i386_is_added_to_refers_from_it),
        cmocka_unit_test(the_sizes_of_plain_jumps_are_told_from_others),
        cmocka_unit_test(aarch64_refers_by_branches_and_pages),
        cmocka_unit_test(a_page_that_is_overwritten_is_no_part),
        cmocka_unit_test(arm_refers_by_branches_and_movw_movt),
        cmocka_unit_test(words_of_a_literal_pool_are_data),
        cmocka_unit_test(a_word_that_is_added_to_the_pc_is_partial),
        cmocka_unit_test(thumb_refers_by_branches_and_movw_movt),
        cmocka_unit_test(mips_refers_by_branches_and_lui),
        cmocka_unit_test(powerpc_refers_by_branches_and_lis),
        cmocka_unit_test(s390x_refers_from_the_pc),
        cmocka_unit_test(sparc_refers_by_branches_and_sethi),
        cmocka_unit_test(what_cannot_be_decoded_is_bytes_and_decoding_goes_on),
        cmocka_unit_test(machines_without_a_decoder_have_words),
        cmocka_unit_test(no_more_than_asked_are_decoded),
        cmocka_unit_test(the_name_of_a_target_stands_in_its_place),
        cmocka_unit_test(a_text_too_long_is_cut),
        cmocka_unit_test(numbers_are_told_from_names),
        cmocka_unit_test(random_bytes_are_decoded_to_their_end_on_every_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
