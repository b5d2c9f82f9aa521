/* Names: C++ and Rust as they are written, everything else as it stands, and none that grows without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "names.h"

static void is(const char *mangled, const char *wanted)
{
    struct arena arena = {0};
    const char *name = name_demangled(mangled, &arena);
    assert_string_equal(name, wanted);
    arena_free(&arena);
}

static void a_template_of_cpp_is_written_out(void **state)
{
    (void)state;
    is("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back(int const&)");
    is("_ZN3foo3barEv.cold", "foo::bar() [clone .cold]");
}

static void a_legacy_name_of_rust_loses_its_hash(void **state)
{
    (void)state;
    is("_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE", "core::fmt::Formatter::write_str");
    is("_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE.llvm.123", "core::fmt::Formatter::write_str");
    is("_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE",
       "<Test + 'static as foo::Bar<Test>>::bar");
}

static void a_v0_name_of_rust_is_written_out(void **state)
{
    (void)state;
    is("_RNvC6_123foo3bar", "123foo::bar");
    is("_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate", "<std::path::PathBuf>::new");
}

static void what_is_not_ascii_is_escaped(void **state)
{
    (void)state;
    is("_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y",
       "utf8_idents::"
       "\\xe1\\x83\\xa1\\xe1\\x83\\x90\\xe1\\x83\\xad\\xe1\\x83\\x9b\\xe1\\x83\\x94\\xe1\\x83\\x9a\\xe1\\x83"
       "\\x90\\xe1\\x83\\x93_\\xe1\\x83\\x92\\xe1\\x83\\x94\\xe1\\x83\\x9b\\xe1\\x83\\xa0\\xe1\\x83\\x98\\xe1\\x83\\x94"
       "\\xe1\\x83\\x9a\\xe1\\x83\\x98_\\xe1\\x83\\xa1\\xe1\\x83\\x90\\xe1\\x83\\x93\\xe1\\x83\\x98\\xe1\\x83\\x9a\\xe1"
       "\\x83\\x98");
}

static void a_stub_stays_one(void **state)
{
    (void)state;
    is("_ZdlPv@plt", "operator delete(void*)@plt");
}

static void what_is_no_mangled_name_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const names[] = {"main",
                                        "",
                                        "_Z",
                                        "_ZN",
                                        "_R",
                                        "_RNvC",
                                        "@plt",
                                        "_Z@plt",
                                        "i",
                                        "_ZN3fooE99x",
                                        "_RZZZ",
                                        "_ZNSt6vectorI",
                                        "_GLOBAL_OFFSET_TABLE_",
                                        "__Zzz",
                                        "_ZN\\x1b[2J",
                                        "?foo@@YAXXZ"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct arena arena = {0};
        assert_ptr_equal(name_demangled(names[i], &arena), names[i]);
        arena_free(&arena);
    }
    assert_null(name_demangled(NULL, NULL));
}

/* One that is nested in itself, `depth` times. */
static char *nested(const char *begin, const char *open, const char *inner, const char *close, unsigned depth)
{
    char *name = calloc(1, strlen(begin) + strlen(inner) + depth * (strlen(open) + strlen(close)) + 1);
    char *end = stpcpy(name, begin);
    for (unsigned i = 0; i < depth; i++)
        end = stpcpy(end, open);
    end = stpcpy(end, inner);
    for (unsigned i = 0; i < depth; i++)
        end = stpcpy(end, close);
    return name;
}

static void a_name_that_is_nested_deeply_neither_crashes_nor_grows(void **state)
{
    (void)state;
    static const unsigned depths[] = {10, 100, 400, 1000, 1300, 100000};
    for (size_t i = 0; i < ARRAY_COUNT(depths); i++) {
        char *names[] = {nested("_Z1f", "P", "i", "", depths[i]), nested("_Z1fI", "1aI", "i", "E", depths[i]),
                         nested("_RMC0", "R", "u", "", depths[i]), nested("_RMC0", "T", "u", "E", depths[i])};
        for (size_t k = 0; k < ARRAY_COUNT(names); k++) {
            struct arena arena = {0};
            const char *name = name_demangled(names[k], &arena);
            assert_true(name == names[k] || strlen(name) <= 1024);
            assert_true(strlen(names[k]) <= 4096 || name == names[k]);
            arena_free(&arena);
            free(names[k]);
        }
    }
}

/* Each level holds the one before it twice: 2 to the power of 40 in full. */
static void a_name_that_doubles_at_each_level_is_cut_at_once(void **state)
{
    (void)state;
    char rust[2048] = "_RMC0", cpp[2048] = "_Z1fSt4pairIiiE";
    char *end = rust + strlen(rust);
    const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    size_t at = 0;
    /* _R M C0 T (T (T u u E) B_ E) ...: a tuple of the one inside it and a reference back to that. */
    for (unsigned i = 0; i < 30; i++)
        *end++ = 'T';
    end = stpcpy(end, "uuE");
    for (unsigned i = 29; i > 0; i--) {
        at = 3 + i; /* where the inner tuple begins, counted behind _R */
        end += sprintf(end, "B%c_E", letters[at - 1]);
    }
    end = cpp + strlen(cpp);
    for (unsigned i = 0; i < 30; i++)
        end += i == 0 ? sprintf(end, "St4pairIS0_S0_E") : sprintf(end, "St4pairIS%c_S%c_E", letters[i], letters[i]);
    clock_t start = clock();
    const char *const names[] = {rust, cpp};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct arena arena = {0};
        for (unsigned k = 0; k < 1000; k++)
            assert_true(strlen(name_demangled(names[i], &arena)) <= 1024);
        arena_free(&arena);
    }
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 10);
}

static void output_is_cut_at_a_kibibyte(void **state)
{
    (void)state;
    struct arena arena = {0};
    char name[1024] = "_Z950";
    memset(name + 5, 'a', 950);
    strcat(name, "ISt6vectorISsSaISsEES_ISsSaISsEES0_S0_S0_S0_S0_S0_S0_E");
    const char *shown = name_demangled(name, &arena);
    assert_true(shown == name || strlen(shown) <= 1024);
    strcpy(name + 5 + 950, "St6vectorISsSaISsEESsSsSs");
    shown = name_demangled(name, &arena);
    assert_int_equal(strlen(shown), 1024);
    assert_string_equal(shown + 1021, "...");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_of_cpp_is_written_out),
        cmocka_unit_test(a_legacy_name_of_rust_loses_its_hash),
        cmocka_unit_test(a_v0_name_of_rust_is_written_out),
        cmocka_unit_test(what_is_not_ascii_is_escaped),
        cmocka_unit_test(a_stub_stays_one),
        cmocka_unit_test(what_is_no_mangled_name_stays_as_it_is),
        cmocka_unit_test(a_name_that_is_nested_deeply_neither_crashes_nor_grows),
        cmocka_unit_test(a_name_that_doubles_at_each_level_is_cut_at_once),
        cmocka_unit_test(output_is_cut_at_a_kibibyte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
