/* What of a symbol's name is the source's, and what stands elsewhere on the other side. */
#include "parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* ---- Names ---- */

static void assert_plain(const char *a, const char *b, bool same)
{
    if ((hash_plain_name(a) == hash_plain_name(b)) != same)
        fail_msg("%s and %s are %s", a, b, same ? "one name" : "two names");
}

static void numbers_and_unique_names_are_the_compilers(void **state)
{
    (void)state;
    assert_plain("search.constprop.3", "search.constprop.12", true);
    assert_plain("parse.part.0.isra.0", "parse.part.1.isra.7", true);
    assert_plain("db_getregistry", "db_getregistry.lto_priv.0", true);
    assert_plain("io_open.cold", "io_open.lto_priv.0.cold", true);
    assert_plain("defaults.lto_priv.2.lto_priv.0", "defaults.1", true);
    assert_plain("name.llvm.1234567890", "name", true);
    assert_plain(".L.str.5", ".L.str.17", true);
}

static void other_parts_are_other_things(void **state)
{
    (void)state;
    assert_plain("search", "search.constprop.0", false);
    assert_plain("search.part.0", "search.isra.0", false);
    assert_plain("main", "main.cold", false);
    assert_plain("a.lto_priv", "b.lto_priv", false);
    assert_plain("name.lto_private.0", "name", false);
    assert_plain("name1", "name2", false);
    assert_plain("name.1x", "name.2x", false);
    assert_plain("", ".", false);
    assert_plain("a.b", "ab", false);
}

/* ---- Leftovers ---- */

struct trial {
    struct arena arena;
    struct matchmaking m;
    struct list leftovers[2];
    uint32_t numbers[2];
};

static struct trial *begin(struct trial *trial)
{
    *trial = (struct trial){0};
    trial->m = (struct matchmaking){
        .arena = &trial->arena,
        .found = {.arena = &trial->arena, .item_size = sizeof(struct counterpart)},
        .left_over = {.arena = &trial->arena, .item_size = sizeof(struct left_over)},
    };
    for (size_t side = 0; side < 2; side++)
        trial->leftovers[side] = (struct list){.arena = &trial->arena, .item_size = sizeof(struct token)};
    return trial;
}

/* Four bytes each, one after the other. */
static void add(struct trial *trial, size_t side, uint64_t address, const uint64_t *hashes, size_t count)
{
    trial->numbers[side]++; /* it does not follow what was added before */
    for (size_t i = 0; i < count; i++) {
        struct token *token = list_add(&trial->leftovers[side]);
        assert_non_null(token);
        *token = (struct token){address + 4 * i, hashes[i], 4, trial->numbers[side]++, false, false};
    }
}

static size_t paired_rows(struct trial *trial)
{
    struct correspondence none = {0};
    struct left_over *left = list_add(&trial->m.left_over);
    assert_non_null(left);
    *left = (struct left_over){{trial->leftovers[0], trial->leftovers[1]}};
    bool any = rows_pair(&trial->m, &none);
    assert_int_equal(any, trial->m.found.count > 0);
    assert_false(trial->m.out_of_memory);
    return trial->m.found.count;
}

static void a_row_goes_on_as_far_as_it_is_the_same(void **state)
{
    (void)state;
    static const uint64_t vendor[] = {9, 7, 7, 7, 1, 2, 3, 4, 7, 7, 5}, rebuilt[] = {8, 7, 7, 7, 1, 2, 3, 4, 7, 7, 6};
    struct trial trial;
    add(begin(&trial), 0, 1000, vendor, 11);
    add(&trial, 1, 5000, rebuilt, 11);
    assert_int_equal(paired_rows(&trial), 1);
    const struct counterpart *found = trial.m.found.items;
    assert_int_equal(found->vendor, 1004);
    assert_int_equal(found->rebuilt, 5004);
    assert_int_equal(found->size, 9 * 4);
    arena_free(&trial.arena);
}

static void a_row_that_stands_twice_is_neither(void **state)
{
    (void)state;
    static const uint64_t row[] = {1, 2, 3, 4, 5};
    struct trial trial;
    add(begin(&trial), 0, 1000, row, 5);
    add(&trial, 1, 5000, row, 5);
    add(&trial, 1, 6000, row, 5);
    assert_int_equal(paired_rows(&trial), 0);
    arena_free(&trial.arena);
}

static void a_row_has_nothing_else_in_between(void **state)
{
    (void)state;
    static const uint64_t row[] = {1, 2, 3, 4};
    struct trial trial;
    add(begin(&trial), 0, 1000, row, 2);
    add(&trial, 0, 1008, row + 2, 2); /* something stood between them that has its counterpart */
    add(&trial, 1, 5000, row, 4);
    assert_int_equal(paired_rows(&trial), 0);
    arena_free(&trial.arena);
}

static void another_distance_is_another_row(void **state)
{
    (void)state;
    static const uint64_t row[] = {1, 2, 3, 4};
    struct trial trial;
    add(begin(&trial), 0, 1000, row, 4);
    add(&trial, 1, 5000, row, 4);
    ((struct token *)trial.leftovers[1].items)[3].address += 4; /* a word of zeros */
    assert_int_equal(paired_rows(&trial), 0);
    arena_free(&trial.arena);
}

static void a_single_number_is_not_known_by_its_content(void **state)
{
    (void)state;
    static const uint64_t one[] = {1};
    struct trial trial;
    add(begin(&trial), 0, 1000, one, 1);
    add(&trial, 1, 5000, one, 1);
    leftovers_pair(&trial.m, trial.leftovers);
    assert_int_equal(trial.m.found.count, 0);
    ((struct token *)trial.leftovers[0].items)->size = ((struct token *)trial.leftovers[1].items)->size = 5;
    leftovers_pair(&trial.m, trial.leftovers);
    assert_int_equal(trial.m.found.count, 1);
    arena_free(&trial.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_unique_names_are_the_compilers),
        cmocka_unit_test(other_parts_are_other_things),
        cmocka_unit_test(a_row_goes_on_as_far_as_it_is_the_same),
        cmocka_unit_test(a_row_that_stands_twice_is_neither),
        cmocka_unit_test(a_row_has_nothing_else_in_between),
        cmocka_unit_test(another_distance_is_another_row),
        cmocka_unit_test(a_single_number_is_not_known_by_its_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
