/* Sites of addresses in code, on the machines whose addresses several instructions make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode.h"

#define BASE  0x400000u
#define LOADS 0x100000u
#define NONE  0xff /* no site */

/* A program whose only segment begins with this code. */
struct bench {
    uint8_t bytes[512];
    size_t size;
    struct segment segment;
    struct dynamic_entry pltgot;
    struct section sections[2];
    struct image image;
    struct decoder *decoder;
    struct sites sites;
};

struct target {
    uint16_t machine;
    bool is64, big_endian, thumb;
};

static const struct target aarch64 = {EM_AARCH64, true, false, false};

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

/* Words, in hexadecimal as disassemblers show them, in the byte order of the target. */
static size_t from_words(const char *words, bool big_endian, uint8_t *bytes)
{
    size_t count = from_hex(words, bytes);
    for (size_t i = 0; !big_endian && i + 4 <= count; i += 4) {
        uint8_t turned[4] = {bytes[i + 3], bytes[i + 2], bytes[i + 1], bytes[i]};
        memcpy(bytes + i, turned, sizeof(turned));
    }
    return count;
}

static void bench_run(struct bench *bench, struct target target, uint16_t type)
{
    bench->segment = (struct segment){.type = PT_LOAD,
                                      .address = BASE,
                                      .file_size = sizeof(bench->bytes),
                                      .memory_size = LOADS,
                                      .addresses = {BASE, BASE + LOADS},
                                      .bytes = {0, sizeof(bench->bytes)}};
    bench->pltgot = (struct dynamic_entry){DT_PLTGOT, BASE + 0x8000};
    bench->sections[0].name = "";
    bench->sections[1] = (struct section){.index = 1, .name = ".got", .address = BASE + 0x8000, .size = 64};
    bench->image = (struct image){.bytes = bench->bytes,
                                  .size = sizeof(bench->bytes),
                                  .is64 = target.is64,
                                  .big_endian = target.big_endian,
                                  .header = {.e_machine = target.machine, .e_type = type},
                                  .segments = &bench->segment,
                                  .segment_count = 1,
                                  .sections = bench->sections,
                                  .section_count = 2,
                                  .dynamic = &bench->pltgot,
                                  .dynamic_count = 1};
    bench->decoder = decoder_open(&bench->image, target.thumb);
    assert_non_null(bench->decoder);
    assert_true(decode_sites(bench->decoder, bench->bytes, bench->size, BASE, true, &bench->sites));
}

static void bench_words(struct bench *bench, struct target target, uint16_t type, const char *words)
{
    memset(bench, 0, sizeof(*bench));
    bench->size = from_words(words, target.big_endian, bench->bytes);
    bench_run(bench, target, type);
}

static void bench_close(struct bench *bench)
{
    sites_free(&bench->sites);
    decoder_close(bench->decoder);
}

static const struct site *site_at(const struct bench *bench, size_t offset)
{
    for (size_t i = 0; i < bench->sites.count; i++) {
        if (bench->sites.items[i].offset == offset)
            return &bench->sites.items[i];
    }
    return NULL;
}

static void is_site(const struct bench *bench, size_t offset, enum site_kind kind, uint64_t target)
{
    const struct site *site = site_at(bench, offset);
    assert_non_null(site);
    assert_int_equal(site->kind, kind);
    assert_int_equal(site->target, target);
}

static void is_none(const struct bench *bench, size_t offset)
{
    assert_null(site_at(bench, offset));
}

/* Each word's kind, in order; NONE where it has no site. */
static void kinds_are(struct target target, uint16_t type, const char *words, const uint8_t *kinds, size_t count)
{
    struct bench bench;
    bench_words(&bench, target, type, words);
    assert_int_equal(bench.size, count * 4);
    for (size_t i = 0; i < count; i++) {
        const struct site *site = site_at(&bench, i * 4);
        assert_int_equal(site == NULL ? NONE : site->kind, kinds[i]);
    }
    assert_int_equal(bench.sites.start_count, count);
    bench_close(&bench);
}

#define KINDS(target, type, words, ...)                                                                                \
    do {                                                                                                               \
        static const uint8_t kinds[] = {__VA_ARGS__};                                                                  \
        kinds_are(target, type, words, kinds, sizeof(kinds));                                                          \
    } while (0)

/* ---- AArch64 ---- */

static void page_is_a_part_of_what_completes_it(void **state)
{
    struct bench bench;
    (void)state;
    /* adrp x0, +0x2000; add x0, x0, #0x123; adrp x1, +0x1000; ldr x1, [x1, #0x10]; bl +0x100; ret */
    bench_words(&bench, aarch64, ET_DYN, "d0000000 91048c00 b0000001 f9400821 94000040 d65f03c0");
    is_site(&bench, 0, SITE_PART, BASE + 0x2000);
    is_site(&bench, 4, SITE_DATA, BASE + 0x2123);
    is_site(&bench, 8, SITE_PART, BASE + 0x1000);
    is_site(&bench, 12, SITE_DATA, BASE + 0x1010);
    is_site(&bench, 16, SITE_CALL, BASE + 0x110);
    assert_int_equal(bench.sites.count, 5);
    assert_memory_equal(site_at(&bench, 0)->mask, ((uint8_t[]){0xe0, 0xff, 0xff, 0x60}), 4);
    assert_memory_equal(site_at(&bench, 4)->mask, ((uint8_t[]){0x00, 0xfc, 0x3f, 0x00}), 4);
    assert_false(bench.sites.falls_through);
    assert_false(bench.sites.unfollowed);
    assert_false(bench.sites.undecoded);
    bench_close(&bench);
}

static void page_that_is_used_otherwise_is_opaque(void **state)
{
    (void)state;
    /* adrp x0; add x1, x0, #1; str x0, [x2]; ret */
    KINDS(aarch64, ET_DYN, "d0000000 91000401 f9000040 d65f03c0", SITE_OPAQUE, SITE_DATA, NONE, NONE);
    /* adrp x0; add x1, x0, #1; ldr x3, [x0, x2]; ret */
    KINDS(aarch64, ET_DYN, "d0000000 91000401 f8626803 d65f03c0", SITE_OPAQUE, SITE_DATA, NONE, NONE);
    /* adrp x0; add x1, x0, #1, lsl #12; ret: no low part */
    KINDS(aarch64, ET_DYN, "d0000000 91400401 d65f03c0", SITE_OPAQUE, NONE, NONE);
    /* adrp x0; ldr x1, [x0, #4096]; ret: the page would not be told by the whole */
    KINDS(aarch64, ET_DYN, "d0000000 f9480001 d65f03c0", SITE_OPAQUE, NONE, NONE);
    /* adrp x0; ret: nothing completes it */
    KINDS(aarch64, ET_DYN, "d0000000 d65f03c0", SITE_OPAQUE, NONE);
    /* adrp x0; add x1, x0, #1; .word of SVE: whatever it does */
    KINDS(aarch64, ET_DYN, "d0000000 91000401 04205000 d65f03c0", SITE_OPAQUE, SITE_DATA, NONE, NONE);
}

static void page_that_is_copied_is_followed(void **state)
{
    (void)state;
    /* adrp x0; mov x19, x0; bl; add x1, x19, #1; ret */
    KINDS(aarch64, ET_DYN, "d0000000 aa0003f3 94000040 91000661 d65f03c0", SITE_PART, NONE, SITE_CALL, SITE_DATA, NONE);
    /* The same with x9, which the call may change: add x1, x9, #1 */
    KINDS(aarch64, ET_DYN, "d0000000 91000402 aa0003e9 94000040 91000521 d65f03c0", SITE_OPAQUE, SITE_DATA, NONE,
          SITE_CALL, NONE, NONE);
}

static void pages_that_meet_are_opaque(void **state)
{
    (void)state;
    /* cbz x1, 1f; adrp x0, A; b 2f; 1: adrp x0, B; 2: add x0, x0, #1; ret */
    KINDS(aarch64, ET_DYN, "b4000061 d0000000 14000002 b0000000 91000400 d65f03c0", SITE_JUMP, SITE_OPAQUE, SITE_JUMP,
          SITE_OPAQUE, NONE, NONE);
    /* The same page on both ways is one. */
    KINDS(aarch64, ET_DYN, "b4000061 d0000000 14000002 d0000000 91000400 d65f03c0", SITE_JUMP, SITE_PART, SITE_JUMP,
          SITE_PART, SITE_DATA, NONE);
    /* adrp x0, A; 1: add x1, x0, #1; adrp x0, B; cbnz x1, 1b; ret: the loop brings another page */
    KINDS(aarch64, ET_DYN, "d0000000 91000401 b0000000 b5ffffc1 d65f03c0", SITE_OPAQUE, NONE, SITE_OPAQUE, SITE_JUMP,
          NONE);
}

static void page_that_leaves_by_a_condition_is_opaque(void **state)
{
    (void)state;
    /* adrp x0; add x1, x0, #1; cbz x1, far away; ret: a part of this function may go on there */
    KINDS(aarch64, ET_DYN, "d0000000 91000401 b4100001 d65f03c0", SITE_OPAQUE, SITE_DATA, SITE_JUMP, NONE);
    /* adrp x19; add x1, x19, #1; b far away */
    KINDS(aarch64, ET_DYN, "d0000013 91000661 14010000", SITE_OPAQUE, SITE_DATA, SITE_JUMP);
}

static void table_of_a_switch_is_followed(void **state)
{
    struct bench bench;
    (void)state;
    /* cmp w0, #1; b.hi end; adrp x1; add x1, x1, #0x80; ldrb w0, [x1, w0, uxtw]; adr x2, 1f;
       add x0, x2, w0, sxtb #2; br x0; 1: adrp x3; ret; 2: add x0, x3, #1; end: ret */
    bench_words(&bench, aarch64, ET_DYN,
                "7100041f 54000148 90000001 91020021 38604820 10000062 8b208840 d61f0000 b0000003 d65f03c0 91000460 "
                "d65f03c0");
    bench.bytes[0x80] = 0;
    bench.bytes[0x81] = 2;
    assert_true(decode_sites(bench.decoder, bench.bytes, bench.size, BASE, true, &bench.sites));
    assert_int_equal(bench.sites.table_count, 1);
    const struct site_table *table = &bench.sites.tables[0];
    assert_int_equal(table->address, BASE + 0x80);
    assert_int_equal(table->base, BASE + 0x20);
    assert_int_equal(table->entry_size, 1);
    assert_int_equal(table->shift, 2);
    assert_true(table->is_signed);
    assert_true(table->code);
    assert_false(bench.sites.unfollowed);
    is_none(&bench, 40);
    is_site(&bench, 32, SITE_OPAQUE, BASE + 0x1000);
    bench_close(&bench);
}

static void computed_jump_is_not_followed(void **state)
{
    struct bench bench;
    (void)state;
    bench_words(&bench, aarch64, ET_DYN, "8b020020 d61f0000"); /* add x0, x1, x2; br x0 */
    assert_true(bench.sites.unfollowed);
    bench_close(&bench);
    bench_words(&bench, aarch64, ET_DYN, "f9400020 d61f0000"); /* ldr x0, [x1]; br x0 */
    assert_false(bench.sites.unfollowed);
    assert_false(bench.sites.falls_through);
    bench_close(&bench);
}

static void padding_has_no_freedom(void **state)
{
    struct bench bench;
    (void)state;
    bench_words(&bench, aarch64, ET_DYN, "d503201f 00000000 d503201f");
    assert_true(decode_is_padding(bench.decoder, bench.bytes, 12));
    assert_true(decode_is_padding(bench.decoder, bench.bytes, 6));
    bench.bytes[4] = 1;
    assert_false(decode_is_padding(bench.decoder, bench.bytes, 12));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_is_a_part_of_what_completes_it),
        cmocka_unit_test(page_that_is_used_otherwise_is_opaque),
        cmocka_unit_test(page_that_is_copied_is_followed),
        cmocka_unit_test(pages_that_meet_are_opaque),
        cmocka_unit_test(page_that_leaves_by_a_condition_is_opaque),
        cmocka_unit_test(table_of_a_switch_is_followed),
        cmocka_unit_test(computed_jump_is_not_followed),
        cmocka_unit_test(padding_has_no_freedom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
