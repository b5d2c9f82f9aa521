/* Unwind tables and tables of exceptions: of which functions they are proven, and that each of their fields counts. */
#include "../tables/test_moving.h"

static struct builds program, arm, twice;

static const char source[] =
    "#ifdef REBUILT\n"
    "extern \"C\" int added(int n) { return n * 12345 + 678; }\n"
    "const char *more[] = {\"a string that only one has\", 0};\n"
    "#endif\n"
    "extern \"C\" int puts(const char *);\n"
    "extern \"C\" int rand();\n"
    "struct one { virtual ~one(); int n; };\n"
    "one::~one() {}\n"
    "struct two { virtual ~two(); int n; };\n"
    "two::~two() {}\n"
    "struct guard { ~guard() { puts(\"end\"); } };\n"
    "extern \"C\" void thrower(int n) { if (n == 1) throw one(); if (n == 2) throw two(); if (n == 3) throw n; }\n"
    "extern \"C\" int catcher(int n) { guard g; try { thrower(n); } catch (one &a) { return a.n; } catch (two &a) { "
    "return a.n + 1; } return rand(); }\n"
    "extern \"C\" int cleaner(int n) { guard g; thrower(n); return rand() + n; }\n"
    "extern \"C\" int limited(int n) throw(one, int) { thrower(n); return rand() + 2; }\n"
    "extern \"C\" int any(int n) { try { thrower(n); } catch (...) { return 7; } return 8; }\n"
    "int main(int argc, char **) { return catcher(argc) + cleaner(argc) + limited(argc) + any(argc); }\n";

static const char arm_source[] =
    "#include <stdio.h>\n#include <stdlib.h>\n"
    "#ifdef REBUILT\n"
    "int added(int n) { return n * 12345 + 678; }\n"
    "const char *more[] = {\"a string that only one has\", 0};\n"
    "#endif\n"
    "static void end(int *n) { printf(\"%d\", *n); }\n"
    "int one(int n) { int k __attribute__((cleanup(end))) = n; puts(\"one\"); return k + rand(); }\n"
    "int two(int n) { int k __attribute__((cleanup(end))) = n; puts(\"two\"); puts(\"2\"); return k * rand(); }\n"
    "int three(int n) { return one(n) + two(n + 3) + one(n * 5) + rand(); }\n"
    "int main(int argc, char **argv) { return three(argc) + two(atoi(argv[0])); }\n";

/* clang makes functions without end of no bytes: what follows has their address, and lld lists one record for both. */
static const char twice_source[] = "#include <stdlib.h>\n"
                                   "#ifdef REBUILT\n"
                                   "int added(int n) { return n * 12345 + 678; }\n"
                                   "const char *more[] = {\"a string that only one has\", 0};\n"
                                   "#endif\n"
                                   "void empty(void) { __builtin_unreachable(); }\n"
                                   "int behind(int n) { return rand() * n; }\n"
                                   "void empty_too(void) { __builtin_unreachable(); }\n"
                                   "int behind_it(int n, int k) { return behind(n) + behind(k) * rand(); }\n";

static int compile(void **state)
{
    (void)state;
    builds_make(&program, "g++ -O1 -std=c++14 -w", "cc", source);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    builds_free(&program);
    builds_free(&arm);
    builds_free(&twice);
    return 0;
}

static void all_that_both_have_is_proven(void **state)
{
    (void)state;
    static const char *const names[] = {".eh_frame", ".eh_frame_hdr", ".gcc_except_table"};
    struct trial trial;
    trial_begin(&trial, &program, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (unproven(&trial, 0, names[i]) != 0)
            fail_msg("%s: %ju bytes are not proven", names[i], (uintmax_t)unproven(&trial, 0, names[i]));
    }
    assert_true(unproven(&trial, 1, ".eh_frame") > 0); /* that of the added function */
    assert_int_equal(unproven(&trial, 1, ".eh_frame_hdr"), 0);
    assert_int_equal(unproven(&trial, 1, ".gcc_except_table"), 0);
    assert_true(trial.m.counts.unwind_records > 8);
    assert_true(trial.m.counts.exception_tables >= 4);
    trial_end(&trial);
}

/* ---- Records ---- */

/* The record of a function, or the n-th with a table of exceptions; its place in the file. */
static const struct fde *record(const struct image *image, struct frames *frames, struct arena *arena, size_t n)
{
    assert_true(frames_read(image, image_section_named(image, ".eh_frame"), arena, frames));
    assert_true(frames->whole);
    const struct fde *fdes = frames->fdes.items;
    for (size_t i = 0; i < frames->fdes.count; i++) {
        if (fdes[i].lsda != 0 && n-- == 0)
            return &fdes[i];
    }
    fail_msg("too few records");
    return NULL;
}

static struct fde nth_record(const struct image *image, size_t n, struct cie *cie)
{
    struct arena arena = {0};
    struct frames frames;
    struct fde found = *record(image, &frames, &arena, n);
    *cie = ((const struct cie *)frames.cies.items)[found.cie];
    arena_free(&arena);
    return found;
}

#define LSDA_IN_RECORD 17 /* behind the length, the CIE, begin, range, and the length of the augmentation */

/* They are relative to their own places. */
static void exchange_lsdas(const struct image *image, uint8_t *bytes)
{
    struct cie cie;
    struct fde a = nth_record(image, 0, &cie), b = nth_record(image, 1, &cie);
    const struct section *section = image_section_named(image, ".eh_frame");
    const struct fde *const records[2] = {&a, &b};
    for (size_t i = 0; i < 2; i++) {
        uint64_t place = section->address + records[i]->offset + LSDA_IN_RECORD;
        uint8_t *at = section_in(image, bytes, ".eh_frame") + records[i]->offset + LSDA_IN_RECORD;
        assert_int_equal((uint32_t)(place + get_number(at, 4)), (uint32_t)records[i]->lsda);
        put_number(at, records[1 - i]->lsda - place, 4);
    }
}

static void records_that_exchanged_their_tables_are_not_proven(void **state)
{
    (void)state;
    assert_true(lost(&program, ".eh_frame", exchange_lsdas) > 2 * 20);
}

static void lsda_nowhere(const struct image *image, uint8_t *bytes)
{
    struct cie cie;
    put_number(section_in(image, bytes, ".eh_frame") + nth_record(image, 0, &cie).offset + LSDA_IN_RECORD, 0x7ffffff0,
               4);
}

static void no_lsda(const struct image *image, uint8_t *bytes)
{
    struct cie cie;
    put_number(section_in(image, bytes, ".eh_frame") + nth_record(image, 0, &cie).offset + LSDA_IN_RECORD, 0, 4);
}

static void other_range(const struct image *image, uint8_t *bytes)
{
    struct cie cie;
    section_in(image, bytes, ".eh_frame")[nth_record(image, 0, &cie).offset + 12]++;
}

static void other_begin(const struct image *image, uint8_t *bytes)
{
    struct cie cie;
    section_in(image, bytes, ".eh_frame")[nth_record(image, 0, &cie).offset + 8]++;
}

static void other_instruction(const struct image *image, uint8_t *bytes)
{
    struct cie cie;
    section_in(image, bytes, ".eh_frame")[nth_record(image, 0, &cie).offset + LSDA_IN_RECORD + 4] ^= 1;
}

static void other_cie(const struct image *image, uint8_t *bytes)
{
    struct cie cie;
    section_in(image, bytes, ".eh_frame")[nth_record(image, 0, &cie).offset + 4] ^= 4;
}

static void longer_augmentation(const struct image *image, uint8_t *bytes)
{
    struct cie cie;
    section_in(image, bytes, ".eh_frame")[nth_record(image, 0, &cie).offset + 16]++;
}

static void fields_of_records_are_all_looked_at(void **state)
{
    (void)state;
    tampering *const all[] = {lsda_nowhere,      no_lsda,   other_range,        other_begin,
                              other_instruction, other_cie, longer_augmentation};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        if (lost(&program, ".eh_frame", all[i]) < 20)
            fail_msg("tampering %zu", i);
    }
}

/* ---- CIEs ---- */

#define AUGMENTATION_IN_RECORD 9

static uint8_t *cie_of_first(const struct image *image, uint8_t *bytes)
{
    struct cie cie;
    nth_record(image, 0, &cie);
    assert_string_equal(cie.augmentation, "zPLR");
    return section_in(image, bytes, ".eh_frame") + cie.offset;
}

static void unknown_augmentation(const struct image *image, uint8_t *bytes)
{
    cie_of_first(image, bytes)[AUGMENTATION_IN_RECORD + 1] = 'Q';
}

static void unknown_encoding(const struct image *image, uint8_t *bytes)
{
    /* "zPLR", its end, alignments, register, length; the personality's encoding */
    cie_of_first(image, bytes)[AUGMENTATION_IN_RECORD + 9] = 0x2b;
}

static void unknown_version(const struct image *image, uint8_t *bytes)
{
    cie_of_first(image, bytes)[AUGMENTATION_IN_RECORD - 1] = 9;
}

static void other_personality(const struct image *image, uint8_t *bytes)
{
    cie_of_first(image, bytes)[AUGMENTATION_IN_RECORD + 10] += 8;
}

static void other_alignment(const struct image *image, uint8_t *bytes)
{
    cie_of_first(image, bytes)[AUGMENTATION_IN_RECORD + 6] ^= 4;
}

static void signal_frame(const struct image *image, uint8_t *bytes)
{
    memcpy(cie_of_first(image, bytes) + AUGMENTATION_IN_RECORD, "zPLS", 4);
}

static void records_of_a_cie_that_differs_are_not_proven(void **state)
{
    (void)state;
    tampering *const all[] = {unknown_augmentation, unknown_encoding, unknown_version,
                              other_personality,    other_alignment,  signal_frame};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        if (lost(&program, ".eh_frame", all[i]) < 4 * 20)
            fail_msg("tampering %zu", i);
    }
}

static void endless_length(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".eh_frame"), 0xfffffff0, 4);
}

static void wide_length(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".eh_frame"), 0xffffffff, 4);
}

static void no_records(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".eh_frame"), 0, 4);
}

static void records_without_an_end_are_not_proven(void **state)
{
    (void)state;
    tampering *const all[] = {endless_length, wide_length, no_records};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        assert_true(lost(&program, ".eh_frame", all[i]) > 200);
        assert_true(lost(&program, ".eh_frame_hdr", all[i]) > 50);
        assert_true(lost(&program, ".gcc_except_table", all[i]) > 50);
    }
}

/* ---- .eh_frame_hdr ---- */

static void header_exchanged(const struct image *image, uint8_t *bytes)
{
    uint8_t *table = section_in(image, bytes, ".eh_frame_hdr") + 12;
    exchange(table, table + 8, 8);
}

static void header_exchanged_records(const struct image *image, uint8_t *bytes)
{
    uint8_t *table = section_in(image, bytes, ".eh_frame_hdr") + 12;
    exchange(table + 4, table + 12, 4);
}

static void header_count(const struct image *image, uint8_t *bytes)
{
    section_in(image, bytes, ".eh_frame_hdr")[8]--;
}

static void header_encoding(const struct image *image, uint8_t *bytes)
{
    section_in(image, bytes, ".eh_frame_hdr")[3] = 0x1b;
}

static void header_elsewhere(const struct image *image, uint8_t *bytes)
{
    section_in(image, bytes, ".eh_frame_hdr")[4] += 4;
}

static void header_is_proven_when_it_is_right(void **state)
{
    (void)state;
    tampering *const all[] = {header_exchanged, header_exchanged_records, header_count, header_encoding,
                              header_elsewhere};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        assert_true(lost(&program, ".eh_frame_hdr", all[i]) > 50);
    assert_int_equal(lost(&program, ".eh_frame", header_exchanged), 0);
    assert_true(lost(&program, ".eh_frame", header_elsewhere) > 200);
}

/* ---- Records of one address ---- */

/* The first two of one begin, and the place of that in the table. */
static void records_of_one_begin(const struct image *image, struct fde found[2], uint8_t *bytes, uint8_t **entry)
{
    struct arena arena = {0};
    struct frames frames;
    const struct section *header = image_section_named(image, ".eh_frame_hdr");
    assert_true(frames_read(image, image_section_named(image, ".eh_frame"), &arena, &frames));
    const struct fde *fdes = frames.fdes.items;
    size_t i = 1;
    while (i < frames.fdes.count && fdes[i].begin != fdes[i - 1].begin)
        i++;
    assert_true(i < frames.fdes.count);
    found[0] = fdes[i - 1];
    found[1] = fdes[i];
    *entry = section_in(image, bytes, ".eh_frame_hdr") + 12;
    while ((uint32_t)(header->address + get_number(*entry, 4)) != (uint32_t)found[0].begin)
        *entry += 8;
    arena_free(&arena);
}

static void list_the_other(const struct image *image, uint8_t *bytes)
{
    struct fde found[2];
    uint8_t *entry;
    records_of_one_begin(image, found, bytes, &entry);
    put_number(entry + 4, get_number(entry + 4, 4) + found[1].offset - found[0].offset, 4);
}

static void list_behind_the_end(const struct image *image, uint8_t *bytes)
{
    const struct section *header = image_section_named(image, ".eh_frame_hdr");
    section_in(image, bytes, ".eh_frame_hdr")[header->size - 1] = 1;
}

/* Relative to its own place. */
static void exchange_records(const struct image *image, uint8_t *bytes)
{
    struct fde found[2];
    uint8_t *entry, *frames = section_in(image, bytes, ".eh_frame");
    records_of_one_begin(image, found, bytes, &entry);
    assert_true(get_number(frames + found[0].offset + 12, 4) == 0 && get_number(frames + found[1].offset + 12, 4) != 0);
    exchange(frames + found[0].offset + 12, frames + found[1].offset + 12, 4);
}

static void records_of_one_address_are_paired_in_their_order(void **state)
{
    (void)state;
    struct trial trial;
    builds_make(&twice, "clang -O1 -shared -fPIC -fuse-ld=lld -w", "c", twice_source);
    trial_begin(&trial, &twice, NULL);
    assert_int_equal(unproven(&trial, 0, ".eh_frame"), 0);
    assert_int_equal(unproven(&trial, 0, ".eh_frame_hdr"), 0);
    trial_end(&trial);
    /* Without a table that tells which of them is found, none is proven. */
    tampering *const tables[] = {list_the_other, list_behind_the_end};
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        assert_true(lost(&twice, ".eh_frame_hdr", tables[i]) > 30);
        assert_true(lost(&twice, ".eh_frame", tables[i]) > 4 * 16);
    }
    assert_true(lost(&twice, ".eh_frame", exchange_records) > 2 * 16);
}

/* ---- Tables of exceptions ---- */

/* That of the record with two types: catcher(). */
static uint8_t *lsda_of_two_types(const struct image *image, uint8_t *bytes, uint8_t **types)
{
    const struct section *section = image_section_named(image, ".gcc_except_table");
    for (size_t n = 0; n < 4; n++) {
        struct cie cie;
        uint8_t *lsda =
            section_in(image, bytes, ".gcc_except_table") + (nth_record(image, n, &cie).lsda - section->address);
        *types = lsda + 3 + lsda[2];
        if (lsda[1] == 0x9b && get_number(*types - 4, 4) != 0 && get_number(*types - 8, 4) != 0)
            return lsda;
    }
    fail_msg("no table with two types");
    return NULL;
}

static void exchange_types(const struct image *image, uint8_t *bytes)
{
    uint8_t *types;
    lsda_of_two_types(image, bytes, &types);
    uint64_t a = get_number(types - 4, 4), b = get_number(types - 8, 4);
    put_number(types - 4, b - 4, 4);
    put_number(types - 8, a + 4, 4);
}

static void any_type(const struct image *image, uint8_t *bytes)
{
    uint8_t *types;
    lsda_of_two_types(image, bytes, &types);
    put_number(types - 4, 0, 4);
}

static void landing_pad(const struct image *image, uint8_t *bytes)
{
    uint8_t *types;
    lsda_of_two_types(image, bytes, &types)[7]++;
}

static void action(const struct image *image, uint8_t *bytes)
{
    uint8_t *types, *lsda = lsda_of_two_types(image, bytes, &types);
    lsda[5 + lsda[4]] ^= 3;
}

static void far_action(const struct image *image, uint8_t *bytes)
{
    uint8_t *types, *lsda = lsda_of_two_types(image, bytes, &types);
    lsda[5 + lsda[4] + 1] = 0x3f;
}

static void types_far_away(const struct image *image, uint8_t *bytes)
{
    uint8_t *types;
    lsda_of_two_types(image, bytes, &types)[2] = 0x7f;
}

static void types_encoding(const struct image *image, uint8_t *bytes)
{
    uint8_t *types;
    lsda_of_two_types(image, bytes, &types)[1] = 0x3b;
}

static void base_of_pads(const struct image *image, uint8_t *bytes)
{
    uint8_t *types;
    lsda_of_two_types(image, bytes, &types)[0] = 0x1b;
}

static void sites_size(const struct image *image, uint8_t *bytes)
{
    uint8_t *types;
    lsda_of_two_types(image, bytes, &types)[4] = 0x7f;
}

static void tables_of_exceptions_are_proven_by_all_that_is_read_of_them(void **state)
{
    (void)state;
    tampering *const all[] = {exchange_types, any_type,       landing_pad,  action,    far_action,
                              types_far_away, types_encoding, base_of_pads, sites_size};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        if (lost(&program, ".gcc_except_table", all[i]) < 16 || lost(&program, ".eh_frame", all[i]) < 20)
            fail_msg("tampering %zu", i);
    }
}

/* ---- Instructions ---- */

static bool same(const char *vendor, size_t size, const char *rebuilt, size_t other_size)
{
    static const struct image image = {.is64 = true};
    struct reader a = {.image = &image, .bytes = (const uint8_t *)vendor, .size = size};
    struct reader b = {.image = &image, .bytes = (const uint8_t *)rebuilt, .size = other_size};
    return cfi_same(a, b);
}

#define SAME(a, b) same(a, sizeof(a) - 1, b, sizeof(b) - 1)

static void instructions_are_the_same_up_to_their_padding(void **state)
{
    (void)state;
    assert_true(SAME("\x0e\x10\x86\x02", "\x0e\x10\x86\x02\x00\x00\x00"));
    assert_true(SAME("", "\x00"));
    assert_true(SAME("\x0e\x00", "\x0e\x00\x00")); /* DW_CFA_def_cfa_offset 0 */
    assert_false(SAME("\x0e", "\x0e\x00\x00"));    /* cut off */
    assert_false(SAME("\x0e\x10", "\x0e\x11"));
    assert_false(SAME("\x3f\x10", "\x3f\x10"));                         /* not known */
    assert_false(SAME("\x01\0\0\0\0\0\0\0\0", "\x01\0\0\0\0\0\0\0\0")); /* DW_CFA_set_loc */
    assert_true(SAME("\x0f\x03\x77\x08\x06", "\x0f\x03\x77\x08\x06\x00"));
    assert_false(SAME("\x0f\x05\x0c\x01\x02\x03\x04", "\x0f\x05\x0c\x01\x02\x03\x04")); /* DW_OP_const4u */
    assert_false(SAME("\x0f\x7f\x77\x08", "\x0f\x7f\x77\x08"));
    assert_false(
        SAME("\x0e\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "\x0e\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"));
}

/* ---- .ARM.exidx ---- */

static void arm_builds(void)
{
    if (arm.bytes[0] == NULL)
        builds_make(&arm, "arm-linux-gnueabihf-gcc -O1 -fexceptions -marm", "c", arm_source);
}

/* The n-th entry of .ARM.exidx that leads to .ARM.extab. */
static uint8_t *extended(const struct image *image, uint8_t *bytes, size_t n, uint64_t *address)
{
    const struct section *section = image_section_named(image, ".ARM.exidx");
    uint8_t *entries = section_in(image, bytes, ".ARM.exidx");
    for (uint64_t at = 0; at < section->size; at += 8) {
        uint64_t content = get_number(entries + at + 4, 4);
        if (content != 1 && (content & 0x80000000) == 0 && n-- == 0) {
            *address = section->address + at + 4 + (uint64_t)(int64_t)((int32_t)(uint32_t)(content << 1) >> 1);
            return entries + at;
        }
    }
    fail_msg("too few entries");
    return NULL;
}

static void arm_exchanged(const struct image *image, uint8_t *bytes)
{
    uint64_t addresses[2];
    uint8_t *entries[2] = {extended(image, bytes, 0, &addresses[0]), extended(image, bytes, 1, &addresses[1])};
    uint64_t a = get_number(entries[0] + 4, 4), b = get_number(entries[1] + 4, 4),
             distance = (uint64_t)(entries[1] - entries[0]);
    put_number(entries[0] + 4, (b + distance) & 0x7fffffff, 4);
    put_number(entries[1] + 4, (a - distance) & 0x7fffffff, 4);
}

static void arm_cannot(const struct image *image, uint8_t *bytes)
{
    uint64_t address;
    put_number(extended(image, bytes, 0, &address) + 4, 1, 4);
}

static void arm_inline(const struct image *image, uint8_t *bytes)
{
    uint64_t address;
    put_number(extended(image, bytes, 0, &address) + 4, 0x80b0b0b0, 4);
}

static void arm_other_begin(const struct image *image, uint8_t *bytes)
{
    uint64_t address;
    extended(image, bytes, 0, &address)[0] += 4;
}

static uint8_t *extab(const struct image *image, uint8_t *bytes, size_t n)
{
    uint64_t address;
    const struct section *section = image_section_named(image, ".ARM.extab");
    extended(image, bytes, n, &address);
    return section_in(image, bytes, ".ARM.extab") + (address - section->address);
}

static void arm_personality(const struct image *image, uint8_t *bytes)
{
    extab(image, bytes, 0)[0] += 4;
}

static void arm_instruction(const struct image *image, uint8_t *bytes)
{
    extab(image, bytes, 0)[4] ^= 1;
}

static void arm_words(const struct image *image, uint8_t *bytes)
{
    extab(image, bytes, 0)[7] = 0xff;
}

static void arm_site(const struct image *image, uint8_t *bytes)
{
    extab(image, bytes, 0)[8 + 4] ^= 1;
}

static void arm_index_is_proven_with_what_it_leads_to(void **state)
{
    (void)state;
    arm_builds();
    tampering *const index[] = {arm_exchanged, arm_cannot, arm_inline, arm_other_begin};
    tampering *const table[] = {arm_personality, arm_instruction, arm_words, arm_site};
    struct trial trial;
    trial_begin(&trial, &arm, NULL);
    assert_int_equal(unproven(&trial, 0, ".ARM.exidx"), 0);
    assert_int_equal(unproven(&trial, 0, ".ARM.extab"), 0);
    trial_end(&trial);
    for (size_t i = 0; i < ARRAY_COUNT(index); i++)
        assert_true(lost(&arm, ".ARM.exidx", index[i]) >= 8);
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        assert_true(lost(&arm, ".ARM.exidx", table[i]) >= 8);
        assert_true(lost(&arm, ".ARM.extab", table[i]) >= 8);
    }
    assert_true(lost(&arm, ".ARM.exidx", arm_exchanged) >= 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_both_have_is_proven),
        cmocka_unit_test(records_that_exchanged_their_tables_are_not_proven),
        cmocka_unit_test(fields_of_records_are_all_looked_at),
        cmocka_unit_test(records_of_a_cie_that_differs_are_not_proven),
        cmocka_unit_test(records_without_an_end_are_not_proven),
        cmocka_unit_test(header_is_proven_when_it_is_right),
        cmocka_unit_test(records_of_one_address_are_paired_in_their_order),
        cmocka_unit_test(tables_of_exceptions_are_proven_by_all_that_is_read_of_them),
        cmocka_unit_test(instructions_are_the_same_up_to_their_padding),
        cmocka_unit_test(arm_index_is_proven_with_what_it_leads_to),
    };
    return cmocka_run_group_tests(tests, compile, clean);
}
