/* Pairs with what is proven cut out of them: whatever is proven, every byte of both files stays in exactly one pair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../compare.h"

#define SECTIONS 3
#define SIZE     60 /* bytes of a section */

static int range_order(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    return (a->begin > b->begin) - (a->begin < b->begin);
}

static void assert_partition(const struct pair *pairs, size_t count, size_t side)
{
    struct range ranges[400];
    size_t found = 0;
    uint64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        const struct pair_side *s = side == 0 ? &pairs[i].vendor : &pairs[i].rebuilt;
        assert_int_equal(s->present, !range_empty(s->range));
        assert_true(found < 400);
        if (s->present)
            ranges[found++] = s->range;
    }
    qsort(ranges, found, sizeof(*ranges), range_order);
    for (size_t i = 0; i < found; i++) {
        assert_int_equal(ranges[i].begin, end);
        end = ranges[i].end;
    }
    assert_int_equal(end, (uint64_t)SECTIONS * SIZE);
}

/* Pieces of one section, disjoint on both sides, in another order on the rebuilt one; some on one side alone. */
static size_t random_proven(struct proven *proven)
{
    size_t count = 0;
    for (size_t section = 0; section < SECTIONS; section++) {
        uint64_t a = section * SIZE, b = (section + 1) * SIZE;
        for (uint64_t room = SIZE / 2; room > 8 && random() % 8 != 0;) {
            uint64_t size = 1 + (uint64_t)random() % 7, skip = (uint64_t)random() % 3;
            struct proven *p = &proven[count++];
            *p = (struct proven){{a + skip, a + skip + size}, {b - size, b}, RULE_MOVED_DATA};
            if (random() % 6 == 0)
                p->rebuilt = (struct range){0, 0};
            a += skip + size;
            b -= size + (uint64_t)random() % 2;
            room -= size;
        }
    }
    return count;
}

static void every_byte_stays_in_one_pair(void **state)
{
    (void)state;
    srandom(3);
    struct image image = {.path = "test"};
    for (size_t round = 0; round < 2000; round++) {
        struct arena arena = {0};
        struct proven proven[200];
        struct pair whole[SECTIONS], *pairs = whole;
        size_t count = SECTIONS;
        struct compare_error error;
        for (size_t i = 0; i < SECTIONS; i++) {
            struct pair_side side = {true, {i * SIZE, (i + 1) * SIZE}, (uint32_t)i + 1};
            whole[i] = (struct pair){.owner = OWNER_SECTION, .name = "section", .vendor = side, .rebuilt = side};
        }
        struct moved moved = {.tried = true, .proven = proven, .proven_count = random_proven(proven)};
        assert_int_equal(moved_split(&moved, &image, &arena, &pairs, &count, &error), 0);
        assert_partition(pairs, count, 0);
        assert_partition(pairs, count, 1);
        size_t cut = 0;
        for (size_t i = 0; i < count; i++)
            cut += pairs[i].moved;
        assert_int_equal(cut, moved.proven_count);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_stays_in_one_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
