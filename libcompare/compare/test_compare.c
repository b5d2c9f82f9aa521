/*
 * Runs against a naive second implementation, and whole comparisons of randomly changed files: whatever is called
 * equivalent has equal normal forms and differs, in what is mapped, in the build ID at most.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"

static void runs_are_what_a_naive_search_finds(void **state)
{
    (void)state;
    static uint8_t a[100000], b[100000];
    srand(2);
    for (int round = 0; round < 60; round++) {
        size_t size = (size_t)rand() % sizeof(a), changes = (size_t)rand() % 50;
        uint64_t gap = 1 + (uint64_t)rand() % 20, at = 0, naive = 0;
        for (size_t i = 0; i < size; i++)
            a[i] = b[i] = (uint8_t)rand();
        for (size_t i = 0; i < changes && size > 0; i++)
            b[(size_t)rand() % size] ^= 1;
        for (;;) {
            struct run run = {0, 0, 0};
            while (naive < size && a[naive] == b[naive])
                naive++;
            bool found = run_next(a, b, size, gap, &at, &run);
            assert_int_equal(found, naive < size);
            if (!found)
                break;
            uint64_t end = naive + 1, differing = 0;
            for (uint64_t i = end; i < size && i - end < gap; i++)
                end = a[i] != b[i] ? i + 1 : end;
            for (uint64_t i = naive; i < end; i++)
                differing += a[i] != b[i];
            assert_int_equal(run.begin, naive);
            assert_int_equal(run.end, end);
            assert_int_equal(run.differing, differing);
            naive = end;
        }
    }
}

/* By this test's own reading: what the kernel maps of a built program, and the build ID's descriptor in it. */
static bool mapped_bytes_equal(const struct built *a, const struct built *b, uint64_t id)
{
    for (size_t i = 0; i < 3; i++) {
        uint64_t begin = a->segments[i].p_offset, end = begin + a->segments[i].p_filesz;
        if (i < 2)
            end = (end + BUILT_PAGE - 1) / BUILT_PAGE * BUILT_PAGE;
        for (uint64_t at = begin; at < end; at++) {
            bool field = (at >= 0x28 && at < 0x30) || (at >= 0x3a && at < 0x40);
            if (a->bytes[at] != b->bytes[at] && !field && (at < id || at >= id + 20))
                return false;
        }
    }
    return true;
}

static void what_is_called_equivalent_is_mapped_the_same(void **state)
{
    (void)state;
    struct built vendor;
    unsigned verdicts[4] = {0};
    built_program(&vendor, true, false, ET_DYN);
    built_section(&vendor, ".debug_str", SHT_PROGBITS, 0, "one\0two", 8);
    built_section(&vendor, ".kept", SHT_PROGBITS, 0, "content", 8);
    built_layout(&vendor);
    uint64_t id = built_named(&vendor, ".note.gnu.build-id")->header.sh_offset + 16;
    srand(3);
    for (int round = 0; round < 6000; round++) {
        struct built rebuilt = vendor;
        for (int changes = 1 + rand() % 3; changes > 0; changes--) {
            size_t at = (size_t)rand() % vendor.size;
            /* Most bytes are padding of pages: what has a structure is changed more often. */
            if (rand() % 4 != 0)
                at = rand() % 2 ? (size_t)rand() % 1100 : vendor.size - 1 - (size_t)rand() % 700;
            unsigned changed = rand() % 3 ? (unsigned)rand() : rebuilt.bytes[at] ^ 1u << rand() % 8;
            rebuilt.bytes[at] = (uint8_t)changed;
        }
        int verdict = built_verdict(&vendor, &rebuilt);
        if (verdict < 0)
            continue;
        verdicts[verdict]++;
        bool same = memcmp(vendor.bytes, rebuilt.bytes, vendor.size) == 0;
        assert_int_equal(verdict == COMPARE_IDENTICAL, same);
        if (verdict == COMPARE_EQUIVALENT)
            assert_true(mapped_bytes_equal(&vendor, &rebuilt, id));
        assert_int_equal(verdict, built_verdict(&rebuilt, &vendor));
    }
    assert_true(verdicts[COMPARE_EQUIVALENT] > 100 && verdicts[COMPARE_DIFFERENT] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_what_a_naive_search_finds),
        cmocka_unit_test(what_is_called_equivalent_is_mapped_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
