/* What differs between two environments: complete, escaped, and the weightiest first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buildinfo.h"

#define HEAD "Format: 1.0\nSource: hello\nArchitecture: amd64\nVersion: 2.10-3\n"

struct fixture {
    struct arena arena;
    struct environments environments;
};

static void compare_texts(struct fixture *fixture, const char *vendor, const char *rebuilt)
{
    struct buildinfo sides[2];
    struct compare_error error;
    *fixture = (struct fixture){0};
    if (buildinfo_read("vendor", vendor, strlen(vendor), &fixture->arena, &sides[0], &error) != 0 ||
        buildinfo_read("rebuilt", rebuilt, strlen(rebuilt), &fixture->arena, &sides[1], &error) != 0)
        fail_msg("%s", error.message);
    assert_true(environments_compare(&sides[0], &sides[1], &fixture->arena, &fixture->environments));
}

/* Two files that differ in one variable. */
static const struct environment_difference *variable(struct fixture *fixture, const char *name, const char *vendor,
                                                     const char *rebuilt)
{
    char texts[2][1000];
    snprintf(texts[0], sizeof(texts[0]), HEAD "Installed-Build-Depends:\nEnvironment:\n %s=\"%s\"\n", name, vendor);
    snprintf(texts[1], sizeof(texts[1]), HEAD "Installed-Build-Depends:\nEnvironment:\n %s=\"%s\"\n", name, rebuilt);
    compare_texts(fixture, texts[0], texts[1]);
    assert_int_equal(fixture->environments.difference_count, 1);
    return &fixture->environments.differences[0];
}

static const struct environment_difference *package(struct fixture *fixture, const char *name)
{
    char texts[2][1000];
    snprintf(texts[0], sizeof(texts[0]), HEAD "Installed-Build-Depends: %s (= 1)\n", name);
    snprintf(texts[1], sizeof(texts[1]), HEAD "Installed-Build-Depends: %s (= 2)\n", name);
    compare_texts(fixture, texts[0], texts[1]);
    assert_int_equal(fixture->environments.difference_count, 1);
    return &fixture->environments.differences[0];
}

static void equal_environments_have_no_differences(void **state)
{
    (void)state;
    struct fixture fixture;
    static const char text[] = HEAD "Build-Path: /x\nInstalled-Build-Depends: a1 (= 1)\nEnvironment:\n A=\"b\"\n";
    compare_texts(&fixture, text, text);
    assert_int_equal(fixture.environments.difference_count, 0);
    assert_string_equal(fixture.environments.vendor.build_path, "/x");
    arena_free(&fixture.arena);
}

static void what_one_side_lacks_is_told_as_that(void **state)
{
    (void)state;
    struct fixture fixture;
    compare_texts(&fixture, HEAD "Build-Path: /x\nInstalled-Build-Depends: a1 (= 1), b1 (= 1), c1 (= 1)\n",
                  HEAD "Installed-Build-Depends: b1 (= 1), c1 (= 2), d1 (= 3)\nEnvironment:\n A=\"\"\n");
    const struct environments *environments = &fixture.environments;
    assert_int_equal(environments->difference_count, 5);
    assert_int_equal(environments->counts[ENVIRONMENT_SETTING], 1);
    assert_int_equal(environments->counts[ENVIRONMENT_VARIABLE], 1);
    assert_int_equal(environments->counts[ENVIRONMENT_PACKAGE], 3);
    const struct environment_difference *path = &environments->differences[0];
    assert_string_equal(path->name, "Build-Path");
    assert_string_equal(path->vendor, "/x");
    assert_null(path->rebuilt);
    assert_null(environments->rebuilt.build_path);
    assert_null(environments->differences[1].vendor);
    assert_string_equal(environments->differences[1].rebuilt, "");
    arena_free(&fixture.arena);
}

static void a_compiler_weighs_more_than_a_library_and_that_more_than_the_rest(void **state)
{
    (void)state;
    struct fixture fixture;
    compare_texts(&fixture,
                  HEAD "Installed-Build-Depends: bash (= 1), binutils (= 1), gcc-12:amd64 (= 1), zlib1g-dev (= 1)\n",
                  HEAD "Installed-Build-Depends: bash (= 2), binutils (= 2), gcc-12:amd64 (= 2), zlib1g-dev (= 2)\n");
    static const char *const order[] = {"gcc-12:amd64", "binutils", "zlib1g-dev", "bash"};
    assert_int_equal(fixture.environments.difference_count, ARRAY_COUNT(order));
    for (size_t i = 0; i < ARRAY_COUNT(order); i++)
        assert_string_equal(fixture.environments.differences[i].name, order[i]);
    arena_free(&fixture.arena);
}

static void each_package_bears_on_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned bears;
    } rows[] = {
        {"gcc-12", BEARS_ON_GCC},
        {"g++-12", BEARS_ON_GCC},
        {"libgcc-12-dev", BEARS_ON_GCC},
        {"clang-14", BEARS_ON_CLANG},
        {"rustc", BEARS_ON_RUST},
        {"golang-1.19-go", BEARS_ON_GO},
        {"golang-github-x-y-dev", 0},
        {"ghc", BEARS_ON_HASKELL},
        {"ocaml-nox", BEARS_ON_OCAML},
        {"binutils-x86-64-linux-gnu", BEARS_ON_LINKER},
        {"lld-14", BEARS_ON_LINKER},
        {"libssl-dev", 0},
        {"dpkg-dev", BEARS_ON_FLAGS},
        {"make", BEARS_ON_ORDER},
        {"bash", 0},
        {"gccgo-12", BEARS_ON_GO | BEARS_ON_GCC},
        {"libc6-dev:i386", 0},
        {"dwz", BEARS_ON_DWZ},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;
        const struct environment_difference *difference = package(&fixture, rows[i].name);
        if (difference->bears != rows[i].bears)
            fail_msg("%s bears on %#x", rows[i].name, difference->bears);
        assert_false(difference->usual);
        arena_free(&fixture.arena);
    }
}

static void build_options_bear_on_what_their_differing_words_do(void **state)
{
    (void)state;
    static const struct {
        const char *vendor, *rebuilt;
        unsigned bears;
        bool usual;
    } rows[] = {
        {"parallel=4", "parallel=8", BEARS_ON_ORDER, true},
        {"nocheck parallel=4", "parallel=4", 0, false},
        {"noopt", "", BEARS_ON_FLAGS | BEARS_ON_PROCESSOR, false},
        {"parallel=4 nostrip", "parallel=8", BEARS_ON_ORDER | BEARS_ON_STRIP, false},
        {"hardening=-all", "hardening=+all", BEARS_ON_FLAGS | BEARS_ON_PROCESSOR, false},
        {"a b", "b a", 0, true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;
        const struct environment_difference *difference =
            variable(&fixture, "DEB_BUILD_OPTIONS", rows[i].vendor, rows[i].rebuilt);
        assert_int_equal(difference->bears, rows[i].bears);
        assert_int_equal(difference->usual, rows[i].usual);
        arena_free(&fixture.arena);
    }
}

static void variables_bear_on_flags_dates_and_locales(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_int_equal(variable(&fixture, "DEB_CFLAGS_SET", "-O2", "-O1")->bears & BEARS_ON_FLAGS, BEARS_ON_FLAGS);
    arena_free(&fixture.arena);
    assert_int_equal(variable(&fixture, "SOURCE_DATE_EPOCH", "1", "2")->bears, BEARS_ON_DATE);
    arena_free(&fixture.arena);
    assert_int_equal(variable(&fixture, "LC_ALL", "C", "C.UTF-8")->bears, BEARS_ON_LOCALE);
    arena_free(&fixture.arena);
    assert_int_equal(variable(&fixture, "MAKEFLAGS", "-j1", "-j2")->bears, BEARS_ON_ORDER);
    arena_free(&fixture.arena);
}

static void what_is_shown_is_escaped(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct environment_difference *difference = variable(&fixture, "LANG", "\033[31m\303\251", "C");
    assert_string_equal(difference->vendor, "\\x1b[31m\\xc3\\xa9");
    assert_string_equal(difference->rebuilt, "C");
    arena_free(&fixture.arena);
}

static void very_long_values_are_cut_and_compared_whole(void **state)
{
    (void)state;
    enum { SIZE = 100000 };
    static char texts[2][SIZE + 200];
    struct fixture fixture;
    for (size_t i = 0; i < 2; i++) {
        int used = snprintf(texts[i], sizeof(texts[i]), HEAD "Installed-Build-Depends:\nBuild-Path: ");
        memset(texts[i] + used, '\x01', SIZE);
        texts[i][used + SIZE - 1] = i == 0 ? 'a' : 'b';
        texts[i][used + SIZE] = '\0';
    }
    compare_texts(&fixture, texts[0], texts[1]);
    assert_int_equal(fixture.environments.difference_count, 1);
    assert_null(fixture.environments.vendor.build_path);
    const char *shown = fixture.environments.differences[0].vendor;
    assert_true(strlen(shown) < 20000);
    assert_string_equal(shown + strlen(shown) - 3, "...");
    arena_free(&fixture.arena);
}

static void built_files_of_one_name_are_counted(void **state)
{
    (void)state;
    struct fixture fixture;
    char texts[2][1000];
    for (int i = 0; i < 2; i++)
        snprintf(texts[i], sizeof(texts[i]),
                 HEAD "Installed-Build-Depends:\nChecksums-Sha256:\n %064d 1 a.deb\n %064d 1 b.deb\n %064d 1 %s.deb\n",
                 1, i, 3, i == 0 ? "c" : "d");
    compare_texts(&fixture, texts[0], texts[1]);
    assert_int_equal(fixture.environments.artifacts, 2);
    assert_int_equal(fixture.environments.artifacts_equal, 1);
    arena_free(&fixture.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_environments_have_no_differences),
        cmocka_unit_test(what_one_side_lacks_is_told_as_that),
        cmocka_unit_test(a_compiler_weighs_more_than_a_library_and_that_more_than_the_rest),
        cmocka_unit_test(each_package_bears_on_its_own),
        cmocka_unit_test(build_options_bear_on_what_their_differing_words_do),
        cmocka_unit_test(variables_bear_on_flags_dates_and_locales),
        cmocka_unit_test(what_is_shown_is_escaped),
        cmocka_unit_test(very_long_values_are_cut_and_compared_whole),
        cmocka_unit_test(built_files_of_one_name_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
