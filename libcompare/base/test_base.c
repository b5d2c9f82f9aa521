/* The ground floor: ranges, arenas, escaping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"

static void a_range_that_overflows_is_refused(void **state)
{
    (void)state;
    struct range range;
    assert_true(range_make(UINT64_MAX - 4, 4, &range));
    assert_false(range_make(UINT64_MAX - 4, 5, &range));
}

static void merged_ranges_answer_as_a_bitmap_would(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 500; round++) {
        struct range ranges[12];
        bool bitmap[64] = {false};
        for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
            ranges[i].begin = (uint64_t)rand() % 60;
            ranges[i].end = ranges[i].begin + (uint64_t)rand() % 4;
            for (uint64_t at = ranges[i].begin; at < ranges[i].end; at++)
                bitmap[at] = true;
        }
        size_t count = ranges_merge(ranges, ARRAY_COUNT(ranges));
        for (uint64_t begin = 0; begin < 63; begin++) {
            struct range asked = {begin, begin + 1 + (uint64_t)rand() % 2};
            bool any = false, all = true;
            for (uint64_t at = asked.begin; at < asked.end; at++) {
                any = any || bitmap[at];
                all = all && bitmap[at];
            }
            assert_int_equal(ranges_overlap(ranges, count, asked), any);
            assert_int_equal(ranges_hold(ranges, count, asked), all);
        }
    }
}

static void an_arena_refuses_what_overflows_and_zeroes_the_rest(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_null(arena_alloc(&arena, SIZE_MAX / 2, 4));
    uint8_t *bytes = arena_alloc(&arena, 200000, 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < 200000; i++)
        assert_int_equal(bytes[i], 0);
    arena_free(&arena);
    assert_null(arena.blocks);
}

static void a_list_keeps_its_items_as_it_grows(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct list list = {.arena = &arena, .item_size = sizeof(int)};
    for (int i = 0; i < 1000; i++)
        *(int *)list_add(&list) = i;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(((int *)list.items)[i], i);
    arena_free(&arena);
}

static void control_characters_and_backslashes_are_escaped(void **state)
{
    (void)state;
    char buffer[64];
    assert_string_equal(escape_text(buffer, sizeof(buffer), "a\033[1m\\\n\x7f\x80"), "a\\x1b[1m\\x5c\\x0a\\x7f\\x80");
    assert_string_equal(escape_bytes(buffer, sizeof(buffer), "a\0b", 3), "a\\x00b");
}

static void an_escaped_text_always_fits_its_buffer(void **state)
{
    (void)state;
    for (size_t size = 1; size < 30; size++) {
        for (size_t count = 0; count < 30; count++) {
            char *buffer = malloc(size), bytes[30];
            for (size_t i = 0; i < count; i++)
                bytes[i] = i % 3 == 0 ? '\033' : 'x';
            escape_bytes(buffer, size, bytes, count);
            assert_true(strlen(buffer) < size);
            free(buffer);
        }
    }
}

static void an_error_names_its_file_escaped(void **state)
{
    (void)state;
    struct compare_error error;
    assert_int_equal(error_set(&error, COMPARE_ERROR_LIMIT, "a\nb", "%d too many", 3), COMPARE_ERROR_LIMIT);
    assert_string_equal(error.message, "a\\x0ab: 3 too many");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_that_overflows_is_refused),
        cmocka_unit_test(merged_ranges_answer_as_a_bitmap_would),
        cmocka_unit_test(an_arena_refuses_what_overflows_and_zeroes_the_rest),
        cmocka_unit_test(a_list_keeps_its_items_as_it_grows),
        cmocka_unit_test(control_characters_and_backslashes_are_escaped),
        cmocka_unit_test(an_escaped_text_always_fits_its_buffer),
        cmocka_unit_test(an_error_names_its_file_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
