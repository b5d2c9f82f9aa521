/* Relocations: those that do the same are proven, in any order, and what was tampered with is not. */
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

/* ---- Relocations ---- */

/* The n-th entry of this type in a section; NULL where there are fewer. */
static uint8_t *rela(const struct image *image, uint8_t *bytes, const char *section, uint32_t type, size_t n)
{
    struct range range = section_range(image, section);
    for (uint64_t at = range.begin; at < range.end; at += sizeof(Elf64_Rela)) {
        if (image_u32(image, bytes + at + 8) == type && n-- == 0)
            return bytes + at;
    }
    fail_msg("%s has too few entries", section);
    return NULL;
}

static void retarget(const struct image *image, uint8_t *bytes)
{
    uint8_t *a = rela(image, bytes, ".rela.plt", R_X86_64_JUMP_SLOT, 0),
            *b = rela(image, bytes, ".rela.plt", R_X86_64_JUMP_SLOT, 1);
    memcpy(a + 12, b + 12, 4);
}

static void relocation_with_another_symbol_is_not_proven(void **state)
{
    (void)state;
    assert_int_equal(lost(&library, ".rela.plt", retarget), sizeof(Elf64_Rela));
}

static void exchange_symbols(const struct image *image, uint8_t *bytes)
{
    exchange(rela(image, bytes, ".rela.dyn", R_X86_64_64, 0) + 12, rela(image, bytes, ".rela.dyn", R_X86_64_64, 1) + 12,
             4);
}

static void relocations_that_exchanged_their_symbols_are_not_proven(void **state)
{
    (void)state;
    assert_int_equal(lost(&library, ".rela.dyn", exchange_symbols), 2 * sizeof(Elf64_Rela));
}

static void exchange_addends(const struct image *image, uint8_t *bytes)
{
    uint8_t *a = rela(image, bytes, ".rela.dyn", R_X86_64_RELATIVE, 0),
            *b = rela(image, bytes, ".rela.dyn", R_X86_64_RELATIVE, 1);
    exchange(a + 16, b + 16, 8);
}

static void relocations_that_exchanged_their_addends_are_not_proven(void **state)
{
    (void)state;
    assert_int_equal(lost(&library, ".rela.dyn", exchange_addends), 2 * sizeof(Elf64_Rela));
}

static void shift_addend(const struct image *image, uint8_t *bytes)
{
    (void)image;
    struct image rebuilt;
    program_open_bytes(library.bytes[1], library.sizes[1], library.sizes[1], NULL, NULL, &rebuilt);
    uint8_t *a = rela(image, bytes, ".rela.dyn", R_X86_64_RELATIVE, 0);
    const uint8_t *b = rela(&rebuilt, library.bytes[1], ".rela.dyn", R_X86_64_RELATIVE, 0);
    assert_memory_not_equal(a + 16, b + 16, 8);
    memcpy(a + 16, b + 16, 8);
    image_close(&rebuilt);
}

static void addend_that_is_equal_where_its_target_moved_is_not_proven(void **state)
{
    (void)state;
    assert_int_equal(lost(&library, ".rela.dyn", shift_addend), sizeof(Elf64_Rela));
}

static void reorder(const struct image *image, uint8_t *bytes)
{
    exchange(rela(image, bytes, ".rela.dyn", R_X86_64_RELATIVE, 0),
             rela(image, bytes, ".rela.dyn", R_X86_64_RELATIVE, 2), sizeof(Elf64_Rela));
    exchange(rela(image, bytes, ".rela.plt", R_X86_64_JUMP_SLOT, 0),
             rela(image, bytes, ".rela.plt", R_X86_64_JUMP_SLOT, 2), sizeof(Elf64_Rela));
}

static void relocations_may_be_in_another_order(void **state)
{
    (void)state;
    assert_int_equal(lost(&library, ".rela.dyn", reorder), 0);
    assert_int_equal(lost(&library, ".rela.plt", reorder), 0);
}

static void indexes_of_the_plt_are_told_by_what_they_bind(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial, &library, reorder);
    size_t pairs = 0, count = range_size(section_range(&trial.images[0], ".rela.plt")) / sizeof(Elf64_Rela);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count + 3; k++)
            pairs += relocations_correspond_by_index(&trial.m, i, k);
    }
    assert_int_equal(pairs, count);
    assert_false(relocations_correspond_by_index(&trial.m, 0, 0));
    assert_false(relocations_correspond_by_index(&trial.m, UINT64_MAX, UINT64_MAX));
    const struct relocation_table *table = &dynamic_tables(&trial.m)->sides[0].tables[RELOCATIONS_PLT];
    for (uint32_t i = 0; i < table->count; i++) {
        uint64_t other;
        assert_true(finder_counterpart(&dynamic_tables(&trial.m)->finder, table->entries[i].offset, &other));
        assert_true(relocations_correspond_at(&trial.m, table->entries[i].offset, other));
        assert_false(relocations_correspond_at(&trial.m, table->entries[i].offset, other + 8));
    }
    assert_false(relocations_correspond_at(&trial.m, 0, 0));
    trial_end(&trial);
}

/* push $index, behind endbr64 or the jump, of the second entry. */
static uint8_t *pushed_index(const struct image *image, uint8_t *bytes)
{
    uint8_t *entry = section_in(image, bytes, ".plt") + 2 * 16;
    for (unsigned i = 0; i < 11; i++) {
        if (entry[i] == 0x68 && get_number(entry + i + 1, 4) == 1)
            return entry + i + 1;
    }
    fail_msg("no lazy entry of the PLT");
    return NULL;
}

static void push_another_index(const struct image *image, uint8_t *bytes)
{
    *pushed_index(image, bytes) = 2;
}

/* The other build binds printf, too, so that it has other indexes. */
static void code_of_the_plt_is_proven_with_its_indexes(void **state)
{
    (void)state;
    struct trial trial;
    trial_begin(&trial, &library, NULL);
    assert_int_equal(unproven(&trial, 0, ".plt"), 0);
    trial_end(&trial);
    assert_int_equal(lost(&library, ".plt", push_another_index), 4);
    assert_true(lost(&library, ".plt", retarget) >= 4);
}

static void repeat(const struct image *image, uint8_t *bytes)
{
    memcpy(rela(image, bytes, ".rela.plt", R_X86_64_JUMP_SLOT, 0),
           rela(image, bytes, ".rela.plt", R_X86_64_JUMP_SLOT, 1), sizeof(Elf64_Rela));
}

static void place_that_is_filled_twice_is_not_proven(void **state)
{
    (void)state;
    assert_int_equal(lost(&library, ".rela.plt", repeat), 2 * sizeof(Elf64_Rela));
}

static void other_type(const struct image *image, uint8_t *bytes)
{
    put_number(rela(image, bytes, ".rela.plt", R_X86_64_JUMP_SLOT, 0) + 8, R_X86_64_GLOB_DAT, 4);
}

static void symbol_beyond_the_table(const struct image *image, uint8_t *bytes)
{
    put_number(rela(image, bytes, ".rela.plt", R_X86_64_JUMP_SLOT, 0) + 12, 0xffffffff, 4);
}

static void place_nowhere(const struct image *image, uint8_t *bytes)
{
    put_number(rela(image, bytes, ".rela.plt", R_X86_64_JUMP_SLOT, 0), UINT64_MAX - 3, 8);
}

static void fields_of_relocations_are_all_looked_at(void **state)
{
    (void)state;
    assert_int_equal(lost(&library, ".rela.plt", other_type), sizeof(Elf64_Rela));
    assert_int_equal(lost(&library, ".rela.plt", symbol_beyond_the_table), sizeof(Elf64_Rela));
    assert_int_equal(lost(&library, ".rela.plt", place_nowhere), sizeof(Elf64_Rela));
}

/* ---- DT_RELR ---- */

static void another_place(const struct image *image, uint8_t *bytes)
{
    uint8_t *first = section_in(image, bytes, ".relr.dyn");
    put_number(first, get_number(first, 8) + 8, 8);
}

static void endless_bitmaps(const struct image *image, uint8_t *bytes)
{
    struct range range = section_range(image, ".relr.dyn");
    memset(bytes + range.begin, 0xff, range_size(range));
}

static void packed_relocations_are_proven_by_their_places(void **state)
{
    (void)state;
    struct trial trial;
    uint64_t size;
    trial_begin(&trial, &packed, NULL);
    size = range_size(section_range(&trial.images[0], ".relr.dyn"));
    assert_int_equal(unproven(&trial, 0, ".relr.dyn"), 0);
    assert_int_equal(unproven(&trial, 1, ".relr.dyn"), 0);
    trial_end(&trial);
    assert_int_equal(lost(&packed, ".relr.dyn", another_place), size);
    assert_int_equal(lost(&packed, ".relr.dyn", endless_bitmaps), size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relocation_with_another_symbol_is_not_proven),
        cmocka_unit_test(relocations_that_exchanged_their_symbols_are_not_proven),
        cmocka_unit_test(relocations_that_exchanged_their_addends_are_not_proven),
        cmocka_unit_test(addend_that_is_equal_where_its_target_moved_is_not_proven),
        cmocka_unit_test(relocations_may_be_in_another_order),
        cmocka_unit_test(indexes_of_the_plt_are_told_by_what_they_bind),
        cmocka_unit_test(code_of_the_plt_is_proven_with_its_indexes),
        cmocka_unit_test(place_that_is_filled_twice_is_not_proven),
        cmocka_unit_test(fields_of_relocations_are_all_looked_at),
        cmocka_unit_test(packed_relocations_are_proven_by_their_places),
    };
    return cmocka_run_group_tests(tests, compile, clean);
}
