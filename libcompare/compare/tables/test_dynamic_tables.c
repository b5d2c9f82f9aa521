/* Tables of the dynamic linker: what is only elsewhere is proven, and what was tampered with is not. */
#include "test_moving.h"

static struct builds library, packed;

static int compile(void **state)
{
    (void)state;
    builds_make(&library,
                "gcc -O1 -shared -fPIC -Wl,--hash-style=both -Wl,-z,lazy -Wl,--default-symver -Wl,-soname,libone.so.1",
                "c", library_source);
    builds_make(&packed, "gcc -O1 -DAS_MANY_POINTERS -fPIE -pie -nostartfiles -Wl,-e,three -Wl,-z,pack-relative-relocs",
                "c", library_source);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    builds_free(&library);
    builds_free(&packed);
    return 0;
}

static void all_that_both_have_is_proven(void **state)
{
    (void)state;
    static const char *const names[] = {".dynsym",   ".dynstr", ".gnu.version", ".gnu.version_r", ".gnu.version_d",
                                        ".gnu.hash", ".hash",   ".rela.dyn",    ".rela.plt",      ".dynamic"};
    struct trial trial;
    trial_begin(&trial, &library, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (unproven(&trial, 0, names[i]) != 0)
            fail_msg("%s: %ju bytes are not proven", names[i], (uintmax_t)unproven(&trial, 0, names[i]));
    }
    /* added, more, printf; their names; two relocations of more[]. */
    assert_int_equal(unproven(&trial, 1, ".dynsym"), 3 * sizeof(Elf64_Sym));
    assert_int_equal(unproven(&trial, 1, ".gnu.version"), 3 * 2);
    assert_true(unproven(&trial, 1, ".dynstr") > 10);
    assert_true(unproven(&trial, 1, ".rela.dyn") >= 2 * sizeof(Elf64_Rela));
    assert_int_equal(unproven(&trial, 1, ".gnu.hash"), 0);
    assert_int_equal(trial.m.counts.relocations, (range_size(section_range(&trial.images[0], ".rela.dyn")) +
                                                  range_size(section_range(&trial.images[0], ".rela.plt"))) /
                                                     sizeof(Elf64_Rela));
    trial_end(&trial);
}

/* ---- Symbols ---- */

static uint8_t *symbol_named(const struct image *image, uint8_t *bytes, const char *name)
{
    struct range range = section_range(image, ".dynsym");
    const uint8_t *strings = image->bytes + section_range(image, ".dynstr").begin;
    for (uint64_t at = range.begin; at < range.end; at += sizeof(Elf64_Sym)) {
        if (strcmp((const char *)strings + image_u32(image, image->bytes + at), name) == 0)
            return bytes + at;
    }
    fail_msg("no symbol %s", name);
    return NULL;
}

static void exchange_values(const struct image *image, uint8_t *bytes)
{
    exchange(symbol_named(image, bytes, "first") + 8, symbol_named(image, bytes, "second") + 8, 8);
}

static void exchange_names(const struct image *image, uint8_t *bytes)
{
    exchange(symbol_named(image, bytes, "first"), symbol_named(image, bytes, "second"), 4);
}

static void other_size(const struct image *image, uint8_t *bytes)
{
    symbol_named(image, bytes, "one")[16] ^= 1;
}

static void other_binding(const struct image *image, uint8_t *bytes)
{
    symbol_named(image, bytes, "one")[4] = ELF64_ST_INFO(STB_WEAK, STT_FUNC);
}

static void other_visibility(const struct image *image, uint8_t *bytes)
{
    symbol_named(image, bytes, "one")[5] = STV_PROTECTED;
}

static void other_section(const struct image *image, uint8_t *bytes)
{
    put_number(symbol_named(image, bytes, "one") + 6, image_section_named(image, ".data")->index, 2);
}

static void absolute(const struct image *image, uint8_t *bytes)
{
    put_number(symbol_named(image, bytes, "one") + 6, SHN_ABS, 2);
}

static void undefined_with_a_place(const struct image *image, uint8_t *bytes)
{
    memcpy(symbol_named(image, bytes, "puts") + 8, symbol_named(image, bytes, "one") + 8, 8);
}

static void name_beyond_the_strings(const struct image *image, uint8_t *bytes)
{
    put_number(symbol_named(image, bytes, "one"), 0x7fffffff, 4);
}

static void symbols_are_proven_by_all_of_their_fields(void **state)
{
    (void)state;
    assert_int_equal(lost(&library, ".dynsym", exchange_values), 2 * sizeof(Elf64_Sym));
    assert_true(lost(&library, ".dynsym", exchange_names) >= 2 * sizeof(Elf64_Sym));
    assert_true(lost(&library, ".dynsym", other_size) >= sizeof(Elf64_Sym));
    assert_int_equal(lost(&library, ".dynsym", other_binding), sizeof(Elf64_Sym));
    assert_int_equal(lost(&library, ".dynsym", other_visibility), sizeof(Elf64_Sym));
    assert_int_equal(lost(&library, ".dynsym", other_section), sizeof(Elf64_Sym));
    assert_int_equal(lost(&library, ".dynsym", absolute), sizeof(Elf64_Sym));
    assert_int_equal(lost(&library, ".dynsym", undefined_with_a_place), sizeof(Elf64_Sym));
    assert_true(lost(&library, ".dynsym", name_beyond_the_strings) > sizeof(Elf64_Sym));
}

static void another_letter(const struct image *image, uint8_t *bytes)
{
    uint8_t *strings = section_in(image, bytes, ".dynstr");
    strings[get_number(symbol_named(image, bytes, "three"), 4)] = 'T';
}

static void name_that_differs_is_not_proven(void **state)
{
    (void)state;
    assert_int_equal(lost(&library, ".dynstr", another_letter), sizeof("three"));
    assert_int_equal(lost(&library, ".gnu.version", another_letter), 2);
    assert_true(lost(&library, ".gnu.hash", another_letter) > 0);
}

/* ---- Versions ---- */

static void other_version(const struct image *image, uint8_t *bytes)
{
    uint64_t index =
        (uint64_t)(symbol_named(image, bytes, "puts") - section_in(image, bytes, ".dynsym")) / sizeof(Elf64_Sym);
    section_in(image, bytes, ".gnu.version")[2 * index] = VER_NDX_GLOBAL;
}

static void hidden_version(const struct image *image, uint8_t *bytes)
{
    uint64_t index =
        (uint64_t)(symbol_named(image, bytes, "one") - section_in(image, bytes, ".dynsym")) / sizeof(Elf64_Sym);
    section_in(image, bytes, ".gnu.version")[2 * index + 1] ^= 0x80;
}

static void version_without_a_record(const struct image *image, uint8_t *bytes)
{
    uint64_t index =
        (uint64_t)(symbol_named(image, bytes, "one") - section_in(image, bytes, ".dynsym")) / sizeof(Elf64_Sym);
    put_number(section_in(image, bytes, ".gnu.version") + 2 * index, 0x7123, 2);
}

static void symbol_of_another_version_is_another(void **state)
{
    (void)state;
    assert_int_equal(lost(&library, ".gnu.version", other_version), 2);
    assert_int_equal(lost(&library, ".dynsym", other_version), sizeof(Elf64_Sym));
    assert_int_equal(lost(&library, ".rela.plt", other_version), sizeof(Elf64_Rela));
    assert_int_equal(lost(&library, ".gnu.version", hidden_version), 2);
    assert_int_equal(lost(&library, ".gnu.version", version_without_a_record), 2);
}

static void needed_flags(const struct image *image, uint8_t *bytes)
{
    section_in(image, bytes, ".gnu.version_r")[16 + 4] = VER_FLG_WEAK;
}

static void needed_hash(const struct image *image, uint8_t *bytes)
{
    section_in(image, bytes, ".gnu.version_r")[16] ^= 1;
}

static void needed_count(const struct image *image, uint8_t *bytes)
{
    section_in(image, bytes, ".gnu.version_r")[3] = 0x7f;
}

static void needed_round(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".gnu.version_r") + 12, 0xfffffff0, 4);
}

static void needed_over_itself(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".gnu.version_r") + 8, 4, 4);
}

static void records_of_versions_are_walked_strictly(void **state)
{
    (void)state;
    tampering *const all[] = {needed_hash, needed_count, needed_round, needed_over_itself};
    assert_int_equal(lost(&library, ".gnu.version_r", needed_flags), sizeof(Elf64_Vernaux));
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        assert_true(lost(&library, ".gnu.version_r", all[i]) >= 32);
        assert_true(lost(&library, ".dynsym", all[i]) > sizeof(Elf64_Sym));
    }
}

/* ---- Hash tables ---- */

static uint8_t *gnu_hash(const struct image *image, uint8_t *bytes, uint64_t *buckets)
{
    uint8_t *table = section_in(image, bytes, ".gnu.hash");
    *buckets = 16 + 8 * get_number(table + 8, 4);
    return table;
}

static void gnu_bucket(const struct image *image, uint8_t *bytes)
{
    uint64_t buckets;
    uint8_t *table = gnu_hash(image, bytes, &buckets);
    for (uint64_t i = 0; i < get_number(table, 4); i++)
        put_number(table + buckets + 4 * i, 0, 4);
}

static void gnu_bloom_less(const struct image *image, uint8_t *bytes)
{
    uint64_t word, buckets;
    uint8_t *table = gnu_hash(image, bytes, &buckets);
    word = get_number(table + 16, 8);
    put_number(table + 16, word & (word - 1), 8);
}

static void gnu_bloom_more(const struct image *image, uint8_t *bytes)
{
    uint64_t word, buckets;
    uint8_t *table = gnu_hash(image, bytes, &buckets);
    word = get_number(table + 16, 8);
    put_number(table + 16, word | (word + 1), 8);
}

static void gnu_chain(const struct image *image, uint8_t *bytes)
{
    struct range range = section_range(image, ".gnu.hash");
    bytes[range.end - 1] ^= 1;
}

static void gnu_chain_end(const struct image *image, uint8_t *bytes)
{
    struct range range = section_range(image, ".gnu.hash");
    bytes[range.end - 4] ^= 1;
}

static void gnu_first(const struct image *image, uint8_t *bytes)
{
    section_in(image, bytes, ".gnu.hash")[4]++;
}

static void gnu_buckets(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".gnu.hash"), 0xffffffff, 4);
}

static void gnu_no_buckets(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".gnu.hash"), 0, 4);
}

static void gnu_words(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".gnu.hash") + 8, 0x80000000, 4);
}

static void gnu_shift(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".gnu.hash") + 12, 200, 4);
}

static void shift_without_a_symbol(const struct image *image, uint8_t *bytes)
{
    section_in(image, bytes, ".gnu.hash")[12] ^= 1;
}

static void empty_gnu_hash_has_no_free_bits(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial, &packed, NULL);
    assert_int_equal(unproven(&trial, 0, ".gnu.hash"), 0);
    trial_end(&trial);
    assert_true(lost(&packed, ".gnu.hash", shift_without_a_symbol) > 16);
}

static void gnu_hash_that_is_not_right_is_not_proven(void **state)
{
    (void)state;
    tampering *const all[] = {gnu_bucket, gnu_bloom_less, gnu_bloom_more, gnu_chain, gnu_chain_end,
                              gnu_first,  gnu_buckets,    gnu_no_buckets, gnu_words, gnu_shift};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        if (lost(&library, ".gnu.hash", all[i]) < 16 + 8)
            fail_msg("tampering %zu", i);
    }
}

static void sysv_bucket(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".hash") + 8, 0, 4);
}

static void sysv_round(const struct image *image, uint8_t *bytes)
{
    uint8_t *table = section_in(image, bytes, ".hash");
    uint64_t buckets = get_number(table, 4), first = get_number(table + 8, 4);
    put_number(table + 8 + 4 * (buckets + first), first, 4);
}

static void sysv_far(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".hash") + 8, 0x10000000, 4);
}

static void sysv_count(const struct image *image, uint8_t *bytes)
{
    put_number(section_in(image, bytes, ".hash") + 4, 0x7fffffff, 4);
}

static void sysv_hash_that_is_not_right_is_not_proven(void **state)
{
    (void)state;
    tampering *const all[] = {sysv_bucket, sysv_round, sysv_far, sysv_count};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        if (lost(&library, ".hash", all[i]) < 16)
            fail_msg("tampering %zu", i);
    }
}

/* ---- The dynamic section ---- */

static uint8_t *entry(const struct image *image, uint8_t *bytes, int64_t tag)
{
    struct range range = section_range(image, ".dynamic");
    for (uint64_t at = range.begin; at < range.end; at += sizeof(Elf64_Dyn)) {
        if ((int64_t)image_u64(image, image->bytes + at) == tag)
            return bytes + at + 8;
    }
    fail_msg("no tag %jx", (intmax_t)tag);
    return NULL;
}

static void other_library(const struct image *image, uint8_t *bytes)
{
    memcpy(entry(image, bytes, DT_NEEDED), entry(image, bytes, DT_SONAME), 8);
}

static void other_initialiser(const struct image *image, uint8_t *bytes)
{
    memcpy(entry(image, bytes, DT_INIT), entry(image, bytes, DT_FINI), 8);
}

static void other_array(const struct image *image, uint8_t *bytes)
{
    memcpy(entry(image, bytes, DT_INIT_ARRAY), entry(image, bytes, DT_FINI_ARRAY), 8);
}

static void other_array_size(const struct image *image, uint8_t *bytes)
{
    put_number(entry(image, bytes, DT_INIT_ARRAYSZ), 16, 8);
}

static void more_relative(const struct image *image, uint8_t *bytes)
{
    entry(image, bytes, DT_RELACOUNT)[0]++;
}

static void other_tag(const struct image *image, uint8_t *bytes)
{
    put_number(entry(image, bytes, DT_SYMENT) - 8, DT_BIND_NOW, 8);
}

static void fewer_relocations(const struct image *image, uint8_t *bytes)
{
    uint8_t *size = entry(image, bytes, DT_RELASZ);
    put_number(size, get_number(size, 8) - sizeof(Elf64_Rela), 8);
}

static void other_relocations(const struct image *image, uint8_t *bytes)
{
    memcpy(entry(image, bytes, DT_RELA), entry(image, bytes, DT_JMPREL), 8);
}

static void relocations_of_another_size(const struct image *image, uint8_t *bytes)
{
    entry(image, bytes, DT_RELAENT)[0] = 48;
}

static void no_relocations(const struct image *image, uint8_t *bytes)
{
    put_number(entry(image, bytes, DT_PLTRELSZ), 0, 8);
}

static void entries_of_the_dynamic_section_are_proven_each_by_itself(void **state)
{
    (void)state;
    tampering *const all[] = {other_library, other_initialiser, other_array,       other_array_size, more_relative,
                              other_tag,     fewer_relocations, other_relocations, no_relocations};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        if (lost(&library, ".dynamic", all[i]) < sizeof(Elf64_Dyn))
            fail_msg("tampering %zu", i);
    }
}

static void tables_that_tags_do_not_lead_to_are_not_proven(void **state)
{
    (void)state;
    tampering *const all[] = {fewer_relocations, other_relocations, relocations_of_another_size};
    struct trial trial;
    trial_begin(&trial, &library, NULL);
    uint64_t size = range_size(section_range(&trial.images[0], ".rela.dyn"));
    trial_end(&trial);
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        assert_int_equal(lost(&library, ".rela.dyn", all[i]), size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_both_have_is_proven),
        cmocka_unit_test(symbols_are_proven_by_all_of_their_fields),
        cmocka_unit_test(name_that_differs_is_not_proven),
        cmocka_unit_test(symbol_of_another_version_is_another),
        cmocka_unit_test(records_of_versions_are_walked_strictly),
        cmocka_unit_test(gnu_hash_that_is_not_right_is_not_proven),
        cmocka_unit_test(empty_gnu_hash_has_no_free_bits),
        cmocka_unit_test(sysv_hash_that_is_not_right_is_not_proven),
        cmocka_unit_test(entries_of_the_dynamic_section_are_proven_each_by_itself),
        cmocka_unit_test(tables_that_tags_do_not_lead_to_are_not_proven),
    };
    return cmocka_run_group_tests(tests, compile, clean);
}
