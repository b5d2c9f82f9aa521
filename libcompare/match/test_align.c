/* Sequences: what is aligned is alike and rises on both sides; what was put in or taken out is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parts.h"

#define MOST 4096

static uint64_t vendor[MOST], rebuilt[MOST];
static size_t partner[MOST];

/* Aligns, holds what must hold of any alignment, and counts what is aligned. */
static size_t aligned(size_t count_a, size_t count_b)
{
    size_t found = 0, next = 0;
    assert_true(align_sequences(vendor, count_a, rebuilt, count_b, partner));
    for (size_t i = 0; i < count_a; i++) {
        if (partner[i] == SIZE_MAX)
            continue;
        assert_true(partner[i] < count_b);
        assert_true(partner[i] >= next);
        assert_true(vendor[i] == rebuilt[partner[i]]);
        next = partner[i] + 1;
        found++;
    }
    return found;
}

static void equal_sequences_are_aligned_one_by_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOST; i++)
        vendor[i] = rebuilt[i] = i % 7;
    assert_int_equal(aligned(MOST, MOST), MOST);
    assert_int_equal(aligned(0, 0), 0);
    assert_int_equal(aligned(1, 0), 0);
    assert_int_equal(aligned(0, 1), 0);
}

static void what_was_put_in_has_no_partner(void **state)
{
    (void)state;
    for (size_t at = 0; at <= 1000; at += 125) {
        for (size_t i = 0; i < 1000; i++)
            vendor[i] = i * i;
        memcpy(rebuilt, vendor, at * sizeof(*vendor));
        rebuilt[at] = rebuilt[at + 1] = UINT64_MAX;
        memcpy(rebuilt + at + 2, vendor + at, (1000 - at) * sizeof(*vendor));
        assert_int_equal(aligned(1000, 1002), 1000);
    }
}

/* Nothing occurs once: what repeats as often on both sides is aligned in its order. */
static void what_repeats_is_aligned_around_a_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < 1200; i++)
        vendor[i] = rebuilt[i] = i / 3 % 200;
    rebuilt[600] = 7777;
    assert_int_equal(aligned(1200, 1200), 1199);
}

static void of_a_block_that_moved_the_longer_part_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < 1000; i++)
        vendor[i] = i;
    for (size_t i = 0; i < 1000; i++)
        rebuilt[i] = (i + 300) % 1000;
    assert_int_equal(aligned(1000, 1000), 700);
}

static void any_two_sequences_end_soon(void **state)
{
    (void)state;
    srandom(1);
    for (size_t round = 0; round < 50; round++) {
        uint64_t kinds = 1 + (uint64_t)random() % 50;
        size_t a = (size_t)random() % MOST, b = (size_t)random() % MOST;
        for (size_t i = 0; i < MOST; i++) {
            vendor[i] = (uint64_t)random() % kinds;
            rebuilt[i] = (uint64_t)random() % kinds;
        }
        aligned(a, b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_sequences_are_aligned_one_by_one),
        cmocka_unit_test(what_was_put_in_has_no_partner),
        cmocka_unit_test(what_repeats_is_aligned_around_a_change),
        cmocka_unit_test(of_a_block_that_moved_the_longer_part_stays),
        cmocka_unit_test(any_two_sequences_end_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
