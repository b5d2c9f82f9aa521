/* Sites of addresses in code, on the machines whose addresses several instructions make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

#define GOT (BASE + 0x100)

static const struct target aarch64 = {EM_AARCH64, true, false, false}, i386 = {EM_386, false, false, false},
                           x86_64 = {EM_X86_64, true, false, false}, arm = {EM_ARM, false, false, false},
                           thumb = {EM_ARM, false, false, true}, mips = {EM_MIPS, false, true, false},
                           ppc = {EM_PPC, false, true, false}, ppc64le = {EM_PPC64, true, false, false};

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
    bench->pltgot = (struct dynamic_entry){DT_PLTGOT, GOT};
    bench->sections[0].name = "";
    bench->sections[1] = (struct section){.index = 1, .name = ".got", .address = GOT, .size = 64};
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

static void bench_bytes(struct bench *bench, struct target target, uint16_t type, const char *hex)
{
    memset(bench, 0, sizeof(*bench));
    bench->size = from_hex(hex, bench->bytes);
    bench_run(bench, target, type);
}

/* A word of the GOT, before the sites are looked for again. */
static void bench_got(struct bench *bench, size_t offset, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        bench->bytes[GOT - BASE + offset + i] = (uint8_t)(value >> (bench->image.big_endian ? 24 - 8 * i : 8 * i));
    assert_true(decode_sites(bench->decoder, bench->bytes, bench->size, BASE, true, &bench->sites));
}

static bool is_certain(const struct sites *sites)
{
    for (size_t i = 0; i < sites->count; i++) {
        if (sites->items[i].kind == SITE_OPAQUE)
            return false;
    }
    return !sites->unfollowed && !sites->undecoded;
}

static bool same_targets(const struct sites *a, const struct sites *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->items[i].kind != SITE_PART && a->items[i].target != b->items[i].target)
            return false;
    }
    return true;
}

/* No masked bit can be changed so that all sites, and what they lead to, stay the same. */
static void tampering_shows(struct bench *bench)
{
    struct sites tampered = {0};
    uint8_t bytes[sizeof(bench->bytes)];
    for (size_t i = 0; is_certain(&bench->sites) && i < bench->sites.count; i++) {
        const struct site *site = &bench->sites.items[i];
        for (size_t bit = 0; bit < site->size * 8u; bit++) {
            if (bit < 32 && (site->mask[bit / 8] >> bit % 8 & 1) == 0)
                continue;
            memcpy(bytes, bench->bytes, sizeof(bytes));
            bytes[site->offset + bit / 8] ^= (uint8_t)(1u << bit % 8);
            bool decoded = decode_sites(bench->decoder, bytes, bench->size, BASE, false, &tampered);
            assert_false(decoded && is_certain(&tampered) &&
                         sites_equal(bench->bytes, &bench->sites, bytes, &tampered, bench->size) &&
                         same_targets(&bench->sites, &tampered));
        }
    }
    sites_free(&tampered);
}

static void bench_close(struct bench *bench)
{
    tampering_shows(bench);
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

static void instructions_of_many_registers_are_not_known(void **state)
{
    struct bench bench;
    (void)state;
    static const struct {
        const struct target *target;
        const char *word;
        bool undecoded;
    } all[] = {{&aarch64, "f83fd002", true},  /* ld64b x2, [x0] */
               {&aarch64, "f83f9002", true},  /* st64b x2, [x0] */
               {&aarch64, "f8208002", false}, /* swp x0, x2, [x0] */
               {&aarch64, "f8bfc002", false}, /* ldapr x2, [x0] */
               {&aarch64, "f8200002", false}, /* ldadd x0, x2, [x0] */
               {&aarch64, "9a022001", true},  /* addpt x1, x0, x2 */
               {&aarch64, "9a020001", false}, /* adc x1, x0, x2 */
               {&ppc, "7ca344aa", true},      /* lswi r5, r3, 8 */
               {&ppc, "7ca345aa", true}};     /* stswi r5, r3, 8 */
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        bench_words(&bench, *all[i].target, ET_DYN, all[i].word);
        assert_int_equal(bench.sites.undecoded, all[i].undecoded);
        bench_close(&bench);
    }
}

static void page_that_is_copied_is_followed(void **state)
{
    (void)state;
    /* adrp x0; mov x19, x0; bl; add x1, x19, #1; ret */
    KINDS(aarch64, ET_DYN, "d0000000 aa0003f3 94000040 91000661 d65f03c0", SITE_PART, NONE, SITE_CALL, SITE_DATA, NONE);
    /* x9 would be used after a call only if that kept it: mov x9, x0; bl; add x1, x9, #1 */
    KINDS(aarch64, ET_DYN, "d0000000 aa0003e9 94000040 91000521 d65f03c0", SITE_PART, NONE, SITE_CALL, SITE_DATA, NONE);
    /* x0 is the call's result, or else was kept, too: add x2, x0, #1; bl; add x1, x0, #1 */
    KINDS(aarch64, ET_DYN, "d0000000 91000402 94000040 91000401 d65f03c0", SITE_OPAQUE, SITE_DATA, SITE_CALL, NONE,
          NONE);
    /* adrp x0; add x2, x0, #1; bl; mov x0, #0: a result that nobody looks at */
    KINDS(aarch64, ET_DYN, "d0000000 91000402 94000040 d2800000 d65f03c0", SITE_PART, SITE_DATA, SITE_CALL, NONE, NONE);
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
    /* cbz x1, 1f; adrp x19, A; add x0, x19, #1; b 2f; 1: adrp x19, B; add x0, x19, #1; bl; 2: ldr w0, [x19, #4]; ret:
       the call may return */
    KINDS(aarch64, ET_DYN, "b4000081 d0000013 91000660 14000004 f0000013 91000660 94000040 b9400660 d65f03c0",
          SITE_JUMP, SITE_OPAQUE, SITE_DATA, SITE_JUMP, SITE_OPAQUE, SITE_DATA, SITE_CALL, NONE, NONE);
}

/* The part of a function that is seldom run stands elsewhere, and is given whatever registers hold. */
static void part_that_leaves_is_opaque(void **state)
{
    (void)state;
    /* adrp x4; add x1, x4, #1; b far away */
    KINDS(aarch64, ET_DYN, "d0000004 91000481 14010000", SITE_OPAQUE, SITE_DATA, SITE_JUMP);
    /* lui a0, 0x40; lw v1, 0x40(a0); b far away; nop */
    KINDS(mips, ET_EXEC, "3c040040 8c830040 10004000 00000000", SITE_OPAQUE, SITE_DATA, SITE_JUMP, NONE);
    /* lis r9, 0x40; lwz r10, 0x40(r9); b far away */
    KINDS(ppc, ET_EXEC, "3d200040 81490040 48010000", SITE_OPAQUE, SITE_DATA, SITE_JUMP);
}

/* What stands relative to a register that a function has from others, or from the program's begin, is an address. */
static void small_data_is_opaque(void **state)
{
    (void)state;
    /* lw t9, -0x7fd8(gp); addiu v0, gp, 8; addu v0, v1, gp; jr ra; nop: where gp comes from is not seen */
    KINDS(mips, ET_EXEC, "8f998028 27820008 007c1021 03e00008 00000000", SITE_OPAQUE, SITE_OPAQUE, SITE_OPAQUE, NONE,
          NONE);
    /* sw gp, 16(sp); jr ra; nop: it is only kept */
    KINDS(mips, ET_EXEC, "afbc0010 03e00008 00000000", NONE, NONE, NONE);
    /* lwz r9, -0x7ff0(r13); addi r9, r13, 8; addis r9, r13, 1; stwu r9, 8(r13); blr */
    KINDS(ppc, ET_EXEC, "812d8010 392d0008 3d2d0001 952d0008 4e800020", SITE_OPAQUE, SITE_OPAQUE, SITE_OPAQUE,
          SITE_OPAQUE, NONE);
    /* ld r9, 8(r13); blr: of 64 bits it is the thread's */
    KINDS(ppc64le, ET_EXEC, "e92d0008 4e800020", NONE, NONE);
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

static void table_is_as_long_as_the_branch_that_leads_to_it_says(void **state)
{
    struct bench bench;
    (void)state;
    /* cmp w0, #1; b.ls 1f; cmp w1, #63; ret; ret; 1: adrp x1; add x1, x1, #0x80; ldrb w0, [x1, w0, uxtw]; adr x2, 2f;
       add x0, x2, w0, sxtb #2; br x0; 2: adrp x3; 3: add x0, x3, #1; ret */
    bench_words(&bench, aarch64, ET_DYN,
                "7100041f 54000089 7100fc3f d65f03c0 d65f03c0 90000001 91020021 38604820 10000062 8b208840 d61f0000 "
                "b0000003 91000460 d65f03c0");
    bench.bytes[0x82] = 1; /* not of the table; as an entry it would lead to 3 */
    assert_true(decode_sites(bench.decoder, bench.bytes, bench.size, BASE, true, &bench.sites));
    assert_int_equal(bench.sites.table_count, 1);
    assert_false(bench.sites.unfollowed);
    is_site(&bench, 0x2c, SITE_PART, BASE + 0x1000);
    is_site(&bench, 0x30, SITE_DATA, BASE + 0x1001);
    bench.bytes[0x81] = 1; /* of the table */
    assert_true(decode_sites(bench.decoder, bench.bytes, bench.size, BASE, true, &bench.sites));
    is_site(&bench, 0x2c, SITE_OPAQUE, BASE + 0x1000);
    bench_close(&bench);
}

static void what_is_held_at_the_end_of_code_that_goes_on_is_opaque(void **state)
{
    (void)state;
    /* adrp x19; add x0, x19, #1: some other function's code may follow */
    KINDS(aarch64, ET_DYN, "d0000013 91000660", SITE_OPAQUE, SITE_DATA);
}

static void nothing_flows_from_a_call_that_never_returns(void **state)
{
    static const uint64_t endless[] = {BASE + 0x10c};
    struct bench bench;
    (void)state;
    /* cbz x1, 1f; adrp x19; add x0, x19, #1; bl; 1: str x19, [x2]; ret */
    bench_words(&bench, aarch64, ET_DYN, "b4000081 d0000013 91000660 94000040 f9000053 d65f03c0");
    is_site(&bench, 4, SITE_OPAQUE, BASE + 0x2000);
    decoder_set_endless(bench.decoder, endless, 1);
    assert_true(decode_sites(bench.decoder, bench.bytes, bench.size, BASE, true, &bench.sites));
    is_site(&bench, 4, SITE_PART, BASE + 0x2000);
    bench_close(&bench);
}

static void call_on_a_condition_may_not_be_made(void **state)
{
    static const uint64_t endless[] = {BASE + 0x10c};
    struct bench bench;
    (void)state;
    bench_words(&bench, arm, ET_DYN, "e3510000 0b000040"); /* cmp r1, #0; bleq */
    decoder_set_endless(bench.decoder, endless, 1);
    assert_true(decode_sites(bench.decoder, bench.bytes, bench.size, BASE, true, &bench.sites));
    is_site(&bench, 4, SITE_CALL, BASE + 0x10c);
    assert_true(bench.sites.falls_through);
    bench_close(&bench);
    bench_words(&bench, arm, ET_DYN, "e3510000 eb000040"); /* cmp r1, #0; bl */
    decoder_set_endless(bench.decoder, endless, 1);
    assert_true(decode_sites(bench.decoder, bench.bytes, bench.size, BASE, true, &bench.sites));
    assert_false(bench.sites.falls_through);
    bench_close(&bench);
}

static void no_register_that_a_call_may_change_comes_back_from_a_stub(void **state)
{
    struct bench bench;
    (void)state;
    /* adrp x9; add x0, x9, #1; bl; str x9, [x2]; ret */
    bench_words(&bench, aarch64, ET_DYN, "d0000009 91000520 94000040 f9000049 d65f03c0");
    is_site(&bench, 0, SITE_OPAQUE, BASE + 0x2000);
    decoder_close(bench.decoder);
    bench.sections[1].name = ".plt";
    bench.sections[1].flags = SHF_ALLOC | SHF_EXECINSTR;
    bench.decoder = decoder_open(&bench.image, false);
    assert_non_null(bench.decoder);
    assert_true(decode_sites(bench.decoder, bench.bytes, bench.size, BASE, true, &bench.sites));
    is_site(&bench, 0, SITE_PART, BASE + 0x2000);
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

/* ---- i386 ---- */

static void address_of_the_got_is_followed(void **state)
{
    struct bench bench;
    (void)state;
    /* push %ebx; call thunk; add $GOT, %ebx; lea -0x1000(%ebx), %eax; mov %ebx, 4(%esp); mov 4(%esp), %edx;
       mov 0x100000(%edx, %ecx, 4), %eax; push %eax; call *0x100010(%ebx); pop %eax; pop %ebx; ret;
       thunk: mov (%esp), %ebx; ret */
    bench_bytes(&bench, i386, ET_DYN,
                "53 e825000000 81c3fa000000 8d8300f0ffff 895c2404 8b542404 8b848a00001000 50 ff9310001000 58 5b c3 "
                "8b1c24 c3");
    /* Without the thunk, which is a function of its own. */
    bench.size = 0x2b;
    assert_true(decode_sites(bench.decoder, bench.bytes, bench.size, BASE, true, &bench.sites));
    is_site(&bench, 2, SITE_CALL, BASE + 0x2b);
    is_site(&bench, 8, SITE_GOT, GOT);
    is_site(&bench, 0x0e, SITE_DATA, GOT - 0x1000);
    is_site(&bench, 0x1d, SITE_DATA, GOT + 0x100000);
    is_site(&bench, 0x24, SITE_DATA, GOT + 0x100010);
    assert_int_equal(bench.sites.count, 5);
    bench_close(&bench);
}

static void address_of_the_got_that_goes_elsewhere_is_opaque(void **state)
{
    struct bench bench;
    (void)state;
    /* call thunk; add $GOT, %eax; mov %eax, (%edx); lea -0x100000(%eax), %ecx; ret; thunk: mov (%esp), %eax; ret */
    bench_bytes(&bench, i386, ET_DYN, "e80e000000 05fb000000 8902 8d880000f0ff c3 8b0424 c3");
    is_site(&bench, 6, SITE_OPAQUE, GOT);
    is_site(&bench, 0x0e, SITE_DATA, GOT - 0x100000);
    bench_close(&bench);
    /* The distance is in another register: mov (%eax, %edx), %ecx */
    bench_bytes(&bench, i386, ET_DYN, "e80b000000 05fb000000 8b0c10 90 90 c3 8b0424 c3");
    is_site(&bench, 6, SITE_OPAQUE, GOT);
    bench_close(&bench);
    /* What stands behind is called and popped, and jumps away on a condition: call 1f; 1: pop %eax; add $GOT, %eax;
       jne far; ret */
    bench_bytes(&bench, i386, ET_DYN, "e800000000 58 05fb000000 0f8500100000 c3");
    is_site(&bench, 7, SITE_OPAQUE, GOT);
    bench_close(&bench);
}

/* ---- ARM, Thumb ---- */

static void word_of_a_table_is_a_pointer(void **state)
{
    struct bench bench;
    (void)state;
    /* ldr r3, 1f; 2: add r3, pc, r3; ldr r3, [r3, r0, lsl #2]; mov pc, r3; 1: .word table - 2b */
    bench_words(&bench, arm, ET_DYN, "e59f3008 e08f3003 e7933100 e1a0f003 00001000");
    is_site(&bench, 16, SITE_DATA, BASE + 0x100c);
    assert_false(bench.sites.unfollowed);
    assert_false(bench.sites.falls_through);
    bench_close(&bench);
    /* ldrh r3, [r3, r0]: a halfword is none */
    bench_words(&bench, arm, ET_DYN, "e59f3008 e08f3003 e19330b0 e1a0f003 00001000");
    assert_int_equal(bench.sites.table_count, 0);
    bench_close(&bench);
}

static void jump_by_an_index_within_code_leads_as_far_on_both_sides(void **state)
{
    struct bench bench;
    (void)state;
    /* adr r2, 1f; add.w r3, r2, r3, lsl #4; mov pc, r3; 1: bx lr */
    bench_bytes(&bench, thumb, ET_DYN, "01a2 02eb0313 9f46 7047");
    is_site(&bench, 0, SITE_DATA, BASE + 8);
    assert_false(bench.sites.unfollowed);
    bench_close(&bench);
    /* The same from a place that is not in this code. */
    bench_bytes(&bench, thumb, ET_DYN, "20a2 02eb0313 9f46 7047");
    assert_true(bench.sites.unfollowed);
    bench_close(&bench);
    /* ldr r1, 2f before it: where it leads, r1 may hold a part of an address */
    bench_bytes(&bench, thumb, ET_DYN, "0249 01a2 02eb0313 9f46 7047 00100000");
    assert_true(bench.sites.unfollowed);
    bench_close(&bench);
}

static void word_of_a_pool_has_the_address_it_is_completed_to(void **state)
{
    struct bench bench;
    (void)state;
    /* ldr r3, [pc, #8]; add r3, pc, r3; ldr r0, [pc, #4]; bx lr; .word 0x1000; .word 7 */
    bench_words(&bench, arm, ET_DYN, "e59f3008 e08f3003 e59f0004 e12fff1e 00001000 00000007");
    is_site(&bench, 0, SITE_DATA, BASE + 0x10);
    is_site(&bench, 8, SITE_DATA, BASE + 0x14);
    is_site(&bench, 0x10, SITE_DATA, BASE + 0x100c);
    assert_int_equal(bench.sites.count, 3);
    assert_int_equal(bench.sites.start_count, 4);
    bench_close(&bench);
    /* Two additions at two places: add r2, pc, r3; add r1, pc, r3 */
    bench_words(&bench, arm, ET_DYN, "e59f3008 e08f2003 e08f1003 e12fff1e 00001000");
    is_site(&bench, 0x10, SITE_OPAQUE, BASE + 0x1010);
    bench_close(&bench);
    /* Whole, in what is not moved. */
    bench_words(&bench, arm, ET_EXEC, "e59f3004 e12fff1e e12fff1e 00401000");
    is_site(&bench, 12, SITE_DATA, BASE + 0x1000);
    bench_close(&bench);
}

static void pc_and_something_unknown_is_not_followed(void **state)
{
    struct bench bench;
    (void)state;
    bench_words(&bench, arm, ET_DYN, "e5913000 e08f3003 e12fff1e"); /* ldr r3, [r1]; add r3, pc, r3; bx lr */
    assert_true(bench.sites.unfollowed);
    bench_close(&bench);
}

static void halves_under_conditions_are_kept_apart(void **state)
{
    (void)state;
    /* cmp; movweq r1; movwne r1; movteq r1; movtne r1; movw r2, a number; str r2, [r1]; bx lr */
    KINDS(arm, ET_EXEC, "e3500000 03011234 13011238 03401040 13401040 e3012234 e5812000 e12fff1e", NONE, SITE_PART,
          SITE_PART, SITE_DATA, SITE_DATA, NONE, NONE, NONE);
    /* The upper half is common to both: movw r1, 0x1234; movwne r1, 0x1238; movt r1, 0x40 */
    KINDS(arm, ET_EXEC, "e3011234 13011238 e3401040 e12fff1e", SITE_OPAQUE, SITE_OPAQUE, SITE_OPAQUE, NONE);
}

static void table_branch_has_data_behind_it(void **state)
{
    struct bench bench;
    (void)state;
    /* ldr r3, [pc, #16]; add r3, pc; cmp r0, #1; bhi 1f; tbb [pc, r0]; .byte 1, 2; bx lr; 1: bx lr; nop; .word 0x1000 */
    bench_bytes(&bench, thumb, ET_DYN, "044b 7b44 0128 03d8 dfe800f0 0102 7047 7047 00bf 00100000");
    is_site(&bench, 0, SITE_DATA, BASE + 0x14);
    is_site(&bench, 6, SITE_JUMP, BASE + 0x10);
    is_site(&bench, 0x14, SITE_DATA, BASE + 0x1006);
    assert_int_equal(bench.sites.count, 3);
    assert_int_equal(bench.sites.start_count, 8);
    assert_int_equal(bench.sites.starts[5], 0x0e);
    assert_false(bench.sites.unfollowed);
    assert_false(bench.sites.undecoded);
    bench_close(&bench);
}

static void table_of_addresses_behind_a_jump_is_checked(void **state)
{
    struct bench bench;
    (void)state;
    /* cmp r0, #1; bhi 1f; adr r2, table; ldr.w pc, [r2, r0, lsl #2]; table: .word 1f + 1, 2f + 1; 1: bx lr; 2: bx lr */
    bench_bytes(&bench, thumb, ET_EXEC, "0128 07d8 01a2 52f820f0 00bf 15004000 17004000 7047 7047");
    is_site(&bench, 0x0c, SITE_JUMP, BASE + 0x14);
    is_site(&bench, 0x10, SITE_JUMP, BASE + 0x16);
    assert_int_equal(site_at(&bench, 0x0c)->mask[0], 0xfe);
    assert_false(bench.sites.unfollowed);
    bench_close(&bench);
}

/* What gcc -O0 makes of a switch: the table stands in the code, and its entries count from its begin. */
static void table_of_distances_in_the_code_leads_inside(void **state)
{
    struct bench bench;
    (void)state;
    /* cmp r0, #1; bhi 1f; adr r2, table; ldr.w r3, [r2, r0, lsl #2]; add r2, r3; bx r2; nop;
       table: .word 1f - table + 1, 2f - table + 1; 1: bx lr; 2: bx lr */
    bench_bytes(&bench, thumb, ET_DYN, "0128 09d8 02a2 52f82030 1a44 1047 00bf 09000000 0b000000 7047 7047");
    assert_false(bench.sites.unfollowed || bench.sites.undecoded);
    assert_int_equal(bench.sites.table_count, 1);
    assert_int_equal(bench.sites.start_count, 9);
    bench_close(&bench);
    /* The second leads out of the code: nothing would compare what it leads to. */
    bench_bytes(&bench, thumb, ET_DYN, "0128 09d8 02a2 52f82030 1a44 1047 00bf 09000000 01010000 7047 7047");
    assert_true(bench.sites.unfollowed);
    bench_close(&bench);
    /* No comparison tells how many there are. */
    bench_bytes(&bench, thumb, ET_DYN, "00bf 00bf 02a2 52f82030 1a44 1047 00bf 09000000 0b000000 7047 7047");
    assert_true(bench.sites.unfollowed);
    bench_close(&bench);
}

static void number_that_is_loaded_by_its_address_is_data(void **state)
{
    struct bench bench;
    (void)state;
    /* adr r3, 1f; ldrd r0, r1, [r3]; bx lr; 1: a number that is no instruction */
    bench_bytes(&bench, thumb, ET_DYN, "01a3 d3e90001 7047 6364a5b7 dcbc1bcf");
    is_site(&bench, 0, SITE_DATA, BASE + 8);
    assert_false(bench.sites.undecoded);
    assert_int_equal(bench.sites.start_count, 3);
    bench_close(&bench);
    /* strd, and ldrd with writing back: not what a compiler does to a number of its own */
    bench_bytes(&bench, thumb, ET_DYN, "01a3 c3e90001 7047 6364a5b7 dcbc1bcf");
    assert_true(bench.sites.undecoded);
    bench_close(&bench);
    bench_bytes(&bench, thumb, ET_DYN, "01a3 f3e90001 7047 6364a5b7 dcbc1bcf");
    assert_true(bench.sites.undecoded);
    bench_close(&bench);
}

/* ---- PowerPC ---- */

static void table_whose_index_is_added_first_is_followed(void **state)
{
    struct bench bench;
    (void)state;
    /* lis r9; addi r9, r9, 0x80; slwi r10, r8, 2; add r9, r10, r9; lwz r10, 0(r9); lis r9; addi r9, r9, 0x80;
       add r9, r10, r9; mtctr r9; bctr */
    bench_words(&bench, ppc, ET_EXEC,
                "3d200040 39290080 550a103a 7d2a4a14 81490000 3d200040 39290080 7d2a4a14 7d2903a6 4e800420");
    assert_false(bench.sites.unfollowed);
    assert_int_equal(bench.sites.table_count, 1);
    assert_int_equal(bench.sites.tables[0].address, BASE + 0x80);
    assert_int_equal(bench.sites.tables[0].base, BASE + 0x80);
    assert_int_equal(bench.sites.tables[0].entry_size, 4);
    bench_close(&bench);
    /* The same, but lwz r10, 4(r9): of another place than the site's. */
    bench_words(&bench, ppc, ET_EXEC,
                "3d200040 39290080 550a103a 7d2a4a14 81490004 3d200040 39290080 7d2a4a14 7d2903a6 4e800420");
    assert_true(bench.sites.unfollowed);
    bench_close(&bench);
    /* lis r9; addi r9, r9, 0x80; slwi r10, r8, 2; add r9, r10, r9; mtctr r9; bctr: into the table itself */
    bench_words(&bench, ppc, ET_EXEC, "3d200040 39290080 550a103a 7d2a4a14 7d2903a6 4e800420");
    assert_true(bench.sites.unfollowed);
    bench_close(&bench);
    /* On another way r9 holds a pointer of which nothing is known: cmpwi r3, 0; beq 1f; ...; 1: mtctr r9; bctr */
    bench_words(&bench, ppc, ET_EXEC, "2c030000 41820014 3d200040 39290080 550a103a 7d2a4a14 7d2903a6 4e800420");
    assert_true(bench.sites.unfollowed);
    bench_close(&bench);
}

static void toc_is_followed(void **state)
{
    struct bench bench;
    (void)state;
    /* addis r2, r12, 1; addi r2, r2, lo; addis r9, r2, -1; ld r3, 0x1238(r9); addi r4, r2, -0x7ff8; std r2, 24(r1);
       bctrl; ld r2, 24(r1); blr */
    bench_words(&bench, ppc64le, ET_DYN,
                "3c4c0001 38428100 3d22ffff e8691238 38828008 f8410018 4e800421 e8410018 4e800020");
    is_site(&bench, 0, SITE_PART, GOT + 0x8000);
    is_site(&bench, 4, SITE_GOT, GOT + 0x8000);
    is_site(&bench, 8, SITE_PART, GOT + 0x8000 - 0x10000);
    is_site(&bench, 12, SITE_DATA, GOT + 0x8000 - 0x10000 + 0x1238);
    is_site(&bench, 16, SITE_DATA, GOT + 8);
    assert_int_equal(bench.sites.count, 5);
    assert_int_equal(bench.sites.start_count, 9);
    bench_close(&bench);
    /* The same, but std r9, 32(r1): part of it is stored. */
    KINDS(ppc64le, ET_DYN, "3c4c0001 38428100 3d22ffff e8691238 f9210020 4e800020", SITE_PART, SITE_GOT, SITE_OPAQUE,
          SITE_DATA, NONE, NONE);
    /* std r2, 32(r1): so is the TOC's address. */
    KINDS(ppc64le, ET_DYN, "3c4c0001 38428100 f8410020 4e800020", SITE_OPAQUE, SITE_OPAQUE, NONE, NONE);
}

/* In the bench's file at GOT: lwz r11, 0x10(r30); mtctr r11; bctr; nop. */
static void bench_stub(struct bench *bench)
{
    from_words("817e0010 7d6903a6 4e800420 60000000", true, bench->bytes + (GOT - BASE));
    assert_true(decode_sites(bench->decoder, bench->bytes, bench->size, BASE, true, &bench->sites));
}

static void stub_reads_relative_to_what_its_callers_hand_over(void **state)
{
    struct bench bench;
    struct sites sites = {0};
    (void)state;
    /* bcl 20,31,1f; 1: mflr r30; addis r30, r30, 1; addi r30, r30, lo; bl stub; blr */
    bench_words(&bench, ppc, ET_DYN, "429f0005 7fc802a6 3fde0001 3bde8ffc 480000f1 4e800020");
    bench_stub(&bench);
    is_site(&bench, 16, SITE_CALL, GOT);
    assert_int_equal(bench.sites.stub_count, 1);
    assert_int_equal(bench.sites.stubs[0].address, GOT);
    assert_int_equal(bench.sites.stubs[0].base, BASE + 4 + 0x10000 - 0x7004);
    /* Its own code, when the base is known. */
    struct site_stub stub = bench.sites.stubs[0];
    uint64_t base = stub.base;
    const uint8_t *code = bench.bytes + (GOT - BASE);
    assert_true(decode_sites(bench.decoder, code, 16, GOT, true, &sites));
    assert_int_equal(sites.count, 1);
    assert_int_equal(sites.items[0].kind, SITE_OPAQUE);
    decoder_set_stubs(bench.decoder, &stub, 1);
    assert_true(decode_sites(bench.decoder, code, 16, GOT, true, &sites));
    assert_int_equal(sites.count, 1);
    assert_int_equal(sites.items[0].kind, SITE_DATA);
    assert_int_equal(sites.items[0].target, base + 0x10);
    sites_free(&sites);
    decoder_set_stubs(bench.decoder, NULL, 0);
    sites_free(&bench.sites);
    decoder_close(bench.decoder);
    /* bl stub; blr: nothing is known of r30 */
    bench_words(&bench, ppc, ET_DYN, "48000101 4e800020");
    bench_stub(&bench);
    is_site(&bench, 0, SITE_OPAQUE, GOT);
    assert_int_equal(bench.sites.stub_count, 0);
    bench_close(&bench);
}

static void table_whose_address_is_loaded_is_followed(void **state)
{
    struct bench bench;
    struct extent extent = {{0x100, 0x140}, OWNER_SECTION, 1};
    (void)state;
    /* bcl 20,31,1f; 1: mflr r30; addis r30, r30, 0; addi r30, r30, GOT - 1b; lwz r10, 0(r30); lwzx r9, r10, r9;
       add r9, r9, r10; mtctr r9; bctr; blr */
    bench_words(&bench, ppc, ET_DYN,
                "429f0005 7fc802a6 3fde0000 3bde00fc 815e0000 7d2a482e 7d295214 7d2903a6 4e800420 4e800020");
    assert_true(bench.sites.unfollowed);
    struct relocation relocation = {
        .file_offset = 0x100, .address = GOT, .addend = GOT + 0x20, .type = R_PPC_RELATIVE, .symbol = ""};
    bench.image.extents = &extent;
    bench.image.extent_count = 1;
    bench.sections[1].flags = SHF_ALLOC;
    decoder_set_relocations(bench.decoder, &relocation, 1);
    assert_true(decode_sites(bench.decoder, bench.bytes, bench.size, BASE, true, &bench.sites));
    assert_false(bench.sites.unfollowed);
    assert_int_equal(bench.sites.table_count, 1);
    assert_int_equal(bench.sites.tables[0].address, GOT + 0x20);
    assert_int_equal(bench.sites.tables[0].base, GOT + 0x20);
    is_site(&bench, 16, SITE_DATA, GOT);
    /* Another relocation of the word: nothing is known of it. */
    relocation.type = R_PPC_GLOB_DAT;
    assert_true(decode_sites(bench.decoder, bench.bytes, bench.size, BASE, true, &bench.sites));
    assert_true(bench.sites.unfollowed);
    bench_close(&bench);
}

static void address_from_the_link_register_is_followed(void **state)
{
    (void)state;
    /* bcl 20,31,1f; 1: mflr r30; addis r30, r30, 1; addi r30, r30, lo; lwz r3, 16(r30); lis r9, 0x40; lwz r4, 0x123(r9);
       lis r10, 0x7fff; ori r10, r10, 0xffff; blr */
    KINDS(ppc, ET_EXEC, "429f0005 7fc802a6 3fde0001 3bde8ffc 807e0010 3d200040 80890123 3d407fff 614affff 4e800020",
          SITE_CALL, NONE, SITE_PART, SITE_PART, SITE_DATA, SITE_PART, SITE_DATA, NONE, NONE, NONE);
    /* Nothing is addressed from it. */
    KINDS(ppc, ET_EXEC, "429f0005 7fc802a6 3fde0001 3bde8ffc 4e800020", SITE_CALL, NONE, SITE_PART, SITE_GOT, NONE);
    /* lis r9, 0x40; stw r9, 8(r1); lwz r4, 0x123(r9): a number, or not? */
    KINDS(ppc, ET_EXEC, "3d200040 91210008 80890123 4e800020", SITE_OPAQUE, NONE, SITE_DATA, NONE);
    KINDS(ppc, ET_EXEC, "3d200040 91210008 4e800020", SITE_OPAQUE, NONE, NONE);
    /* In what can be moved it is a number. */
    KINDS(ppc, ET_DYN, "3d200040 91210008 80890123 4e800020", NONE, NONE, NONE, NONE);
}

/* ---- MIPS ---- */

static void stub_of_lazy_binding_passes_a_symbol(void **state)
{
    struct bench bench;
    (void)state;
    /* lw t9, -0x7ff0(gp); move t7, ra; jalr t9; li t8, 231 */
    bench_words(&bench, mips, ET_DYN, "8f998010 03e07825 0320f809 241800e7");
    assert_int_equal(bench.sites.count, 1);
    is_site(&bench, 12, SITE_SYMBOL, 231);
    assert_false(bench.sites.falls_through);
    bench_close(&bench);
    /* li t8, -1: no index */
    bench_words(&bench, mips, ET_DYN, "8f998010 03e07825 0320f809 2418ffff");
    is_none(&bench, 12);
    bench_close(&bench);
}

static void page_that_is_kept_on_the_stack_is_followed(void **state)
{
    struct bench bench;
    (void)state;
    /* lui gp, hi; addiu gp, gp, lo; addu gp, gp, t9; lw v0, -0x7fe8(gp); sw v0, 36(sp); addiu a0, v0, 0x120; lw v1, 36(sp);
       addiu a1, v1, 0x124; jr ra; nop */
    bench_words(&bench, mips, ET_DYN,
                "3c1c0001 279c80f0 0399e021 8f828018 afa20024 24440120 8fa30024 24650124 03e00008 00000000");
    bench_got(&bench, 8, BASE);
    is_site(&bench, 12, SITE_PART, GOT + 8);
    is_site(&bench, 20, SITE_DATA, BASE + 0x120);
    is_site(&bench, 28, SITE_DATA, BASE + 0x124);
    bench_close(&bench);
    /* lh v1, 36(sp): a part of it */
    bench_words(&bench, mips, ET_DYN,
                "3c1c0001 279c80f0 0399e021 8f828018 afa20024 24440120 87a30024 24650124 03e00008 00000000");
    bench_got(&bench, 8, BASE);
    is_site(&bench, 12, SITE_OPAQUE, GOT + 8);
    bench_close(&bench);
    /* addiu sp, sp, -8; lw v1, 44(sp): the same place */
    bench_words(&bench, mips, ET_DYN,
                "3c1c0001 279c80f0 0399e021 8f828018 afa20024 24440120 27bdfff8 8fa3002c 24650124 03e00008 00000000");
    bench_got(&bench, 8, BASE);
    is_site(&bench, 12, SITE_OPAQUE, GOT + 8);
    bench_close(&bench);
}

/* What a GOT's entry leads to is kept on the stack; the last word of the code is what is done meanwhile. */
static void bench_kept(struct bench *bench, const char *meanwhile)
{
    char words[256];
    /* lui gp, hi; addiu gp, gp, lo; addu gp, gp, t9; lw a0, -0x7fe8(gp); addiu a0, a0, 0x180; sw a0, 32(sp); (...);
       lw v1, 32(sp); sll v0, v0, 2; addu v0, v1, v0; lw v0, 0(v0); addu v0, v0, gp; jr v0; nop */
    snprintf(words, sizeof(words),
             "3c1c0001 279c80f0 0399e021 8f848018 24840180 afa40020 %s 8fa30020 00021080 00621021 8c420000 005c1021 "
             "00400008 00000000",
             meanwhile);
    bench_words(bench, mips, ET_DYN, words);
    bench_got(bench, 8, BASE);
}

static void address_of_a_table_is_kept_on_the_stack(void **state)
{
    static struct extent extent = {{0, 512}, OWNER_SECTION, 1};
    struct bench bench;
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        /* nop; sw zero, 32(sp); sb zero, 34(sp); addiu sp, sp, -8 */
        static const char *const meanwhile[] = {"00000000", "afa00020", "a3a00022", "27bdfff8"};
        bench_kept(&bench, meanwhile[i]);
        bench.image.extents = &extent;
        bench.image.extent_count = 1;
        assert_true(decode_sites(bench.decoder, bench.bytes, bench.size, BASE, true, &bench.sites));
        assert_int_equal(bench.sites.table_count, i == 0);
        assert_int_equal(bench.sites.unfollowed, i != 0);
        if (i == 0)
            assert_int_equal(bench.sites.tables[0].address, BASE + 0x180);
        bench_close(&bench);
    }
}

static void page_from_the_got_is_completed(void **state)
{
    struct bench bench;
    (void)state;
    /* lui gp; addiu gp; addu gp, gp, t9; lw v0, page(gp); lw t9, function(gp); addiu a0, v0, 0x123; jalr t9;
       sw gp, 16(sp); lw gp, 16(sp); jr ra; nop */
    bench_words(&bench, mips, ET_DYN,
                "3c1c0001 279c80f0 0399e021 8f828018 8f998044 24440123 0320f809 afbc0010 8fbc0010 03e00008 00000000");
    bench_got(&bench, 8, BASE + 0x10000);
    bench_got(&bench, 0x34, BASE + 0x101);
    is_site(&bench, 0, SITE_PART, 0x10000);
    is_site(&bench, 4, SITE_GOT, GOT + 0x7ff0);
    is_site(&bench, 12, SITE_PART, GOT + 8);
    is_site(&bench, 16, SITE_DATA, GOT + 0x34);
    is_site(&bench, 20, SITE_DATA, BASE + 0x10123);
    assert_int_equal(bench.sites.count, 5);
    assert_int_equal(bench.sites.start_count, 11);
    assert_false(bench.sites.falls_through);
    bench_close(&bench);
    /* The page is stored too: sw v0, 0(a0) */
    bench_words(&bench, mips, ET_DYN, "3c1c0001 279c80f0 0399e021 8f828018 24440123 ac820000 03e00008 00000000");
    bench_got(&bench, 8, BASE + 0x10000);
    is_site(&bench, 12, SITE_OPAQUE, GOT + 8);
    bench_close(&bench);
}

static void slot_of_a_branch_runs_before_it(void **state)
{
    (void)state;
    /* lui v0, 0x40; beqz a0, 1f; lw v1, 0x1234(v0); lui v0, 0x41; 1: addiu a1, v0, 16; jr ra; nop */
    KINDS(mips, ET_EXEC, "3c020040 10800002 8c431234 3c020041 24450010 03e00008 00000000", SITE_OPAQUE, SITE_JUMP,
          SITE_DATA, SITE_OPAQUE, NONE, NONE, NONE);
    /* jr ra; ori of a number's half */
    KINDS(mips, ET_EXEC, "3c037fff 03e00008 3463ffff", NONE, NONE, NONE);
    /* lui v0, 0x40; jr ra; addiu v0, v0, 0x1234 */
    KINDS(mips, ET_EXEC, "3c020040 03e00008 24421234", SITE_PART, NONE, SITE_DATA);
}

/* ---- All ---- */

static void code_without_return_is_closed(void **state)
{
    struct bench bench;
    (void)state;
    bench_words(&bench, aarch64, ET_DYN, "94000040 17ffffff"); /* bl; b back */
    assert_true(bench.sites.closed);
    bench_close(&bench);
    bench_words(&bench, aarch64, ET_DYN, "b4000040 14000040 d65f03c0");
    assert_false(bench.sites.closed);
    bench_close(&bench);
    bench_words(&bench, arm, ET_DYN, "012fff1e eafffffd"); /* bxeq lr; b back */
    assert_false(bench.sites.closed);
    bench_close(&bench);
}

static void branches_whose_width_processors_disagree_on_are_opaque(void **state)
{
    struct bench bench;
    (void)state;
    bench_bytes(&bench, x86_64, ET_DYN, "e8 00100000 c3");
    is_site(&bench, 1, SITE_CALL, BASE + 0x1005);
    bench_close(&bench);
    /* The call of __tls_get_addr: REX.W says what 66 before it could not. */
    bench_bytes(&bench, x86_64, ET_DYN, "66 66 48 e8 00100000 c3");
    is_site(&bench, 4, SITE_CALL, BASE + 0x1008);
    bench_close(&bench);
    bench_bytes(&bench, x86_64, ET_DYN, "66 e8 00100000 c3 90 90");
    is_site(&bench, 2, SITE_OPAQUE, BASE + 0x1006);
    bench_close(&bench);
    bench_bytes(&bench, x86_64, ET_DYN, "48 66 e8 00100000 c3 90 90"); /* no REX there */
    is_site(&bench, 3, SITE_OPAQUE, BASE + 0x1007);
    bench_close(&bench);
    bench_bytes(&bench, x86_64, ET_DYN, "66 41 e8 00100000 c3 90 90");
    is_site(&bench, 3, SITE_OPAQUE, BASE + 0x1007);
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
        cmocka_unit_test(part_that_leaves_is_opaque),
        cmocka_unit_test(instructions_of_many_registers_are_not_known),
        cmocka_unit_test(small_data_is_opaque),
        cmocka_unit_test(page_that_leaves_by_a_condition_is_opaque),
        cmocka_unit_test(table_of_a_switch_is_followed),
        cmocka_unit_test(table_is_as_long_as_the_branch_that_leads_to_it_says),
        cmocka_unit_test(what_is_held_at_the_end_of_code_that_goes_on_is_opaque),
        cmocka_unit_test(nothing_flows_from_a_call_that_never_returns),
        cmocka_unit_test(call_on_a_condition_may_not_be_made),
        cmocka_unit_test(no_register_that_a_call_may_change_comes_back_from_a_stub),
        cmocka_unit_test(word_of_a_table_is_a_pointer),
        cmocka_unit_test(jump_by_an_index_within_code_leads_as_far_on_both_sides),
        cmocka_unit_test(stub_of_lazy_binding_passes_a_symbol),
        cmocka_unit_test(page_that_is_kept_on_the_stack_is_followed),
        cmocka_unit_test(address_of_a_table_is_kept_on_the_stack),
        cmocka_unit_test(computed_jump_is_not_followed),
        cmocka_unit_test(address_of_the_got_is_followed),
        cmocka_unit_test(address_of_the_got_that_goes_elsewhere_is_opaque),
        cmocka_unit_test(word_of_a_pool_has_the_address_it_is_completed_to),
        cmocka_unit_test(pc_and_something_unknown_is_not_followed),
        cmocka_unit_test(halves_under_conditions_are_kept_apart),
        cmocka_unit_test(table_branch_has_data_behind_it),
        cmocka_unit_test(table_of_addresses_behind_a_jump_is_checked),
        cmocka_unit_test(table_of_distances_in_the_code_leads_inside),
        cmocka_unit_test(number_that_is_loaded_by_its_address_is_data),
        cmocka_unit_test(table_whose_index_is_added_first_is_followed),
        cmocka_unit_test(toc_is_followed),
        cmocka_unit_test(address_from_the_link_register_is_followed),
        cmocka_unit_test(stub_reads_relative_to_what_its_callers_hand_over),
        cmocka_unit_test(table_whose_address_is_loaded_is_followed),
        cmocka_unit_test(page_from_the_got_is_completed),
        cmocka_unit_test(slot_of_a_branch_runs_before_it),
        cmocka_unit_test(code_without_return_is_closed),
        cmocka_unit_test(branches_whose_width_processors_disagree_on_are_opaque),
        cmocka_unit_test(padding_has_no_freedom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
