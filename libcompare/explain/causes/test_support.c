/* What .buildinfo files may say for a cause: they list, and make surer; they make no cause. */
#include "support.h"
#include "test_differences.h"

struct made {
    struct fixture fixture;
    struct difference difference;
    struct root root;
    struct environment_difference items[6];
    struct environments environments;
};

static void made_begin(struct made *made, struct difference difference)
{
    *made = (struct made){.difference = difference};
    begin(&made->fixture);
    made->fixture.clues.differences = &made->difference;
    made->fixture.clues.difference_count = 1;
    causes_guess(&made->fixture.clues, &made->difference);
    memcpy(made->root.guesses, made->difference.guesses, sizeof(made->root.guesses));
    made->root.guess_count = made->difference.guess_count;
    made->environments.differences = made->items;
}

static void made_add(struct made *made, enum environment_kind kind, const char *name, unsigned bears, bool usual)
{
    assert_true(made->environments.difference_count < ARRAY_COUNT(made->items));
    made->items[made->environments.difference_count++] = (struct environment_difference){
        .kind = kind, .name = name, .vendor = "1", .rebuilt = "2", .weight = 50, .bears = bears, .usual = usual};
}

static unsigned made_find(struct made *made)
{
    assert_true(support_find(&made->fixture.clues, &made->environments, &made->root, 1));
    return made->root.guesses[0].confidence;
}

static const char *supporter(const struct made *made, size_t index)
{
    assert_true(index < made->root.support_count);
    return made->environments.differences[made->root.support[index]].name;
}

static struct difference compilers_differ(void)
{
    return of_texts(DIFFERENCE_COMMENT, ".comment", "GCC: (Debian 12.2.0-14) 12.2.0",
                    "GCC: (Debian 12.2.0-14+deb12u1) 12.2.0");
}

static struct difference paths_differ(void)
{
    return of_texts(DIFFERENCE_STRING, "string", "/build/a/hello.c", "/home/joe/b/hello.c");
}

static void every_cause_that_can_have_support_is_in_the_table(void **state)
{
    (void)state;
    const char *id;
    for (size_t i = 0; (id = support_cause_at(i)) != NULL; i++) {
        bool found = false;
        for (size_t k = 0; k < causes_count(); k++)
            found = found || strcmp(cause_info(causes_at(k))->id, id) == 0;
        if (!found)
            fail_msg("no cause %s", id);
    }
}

static void a_package_of_the_compiler_supports_that_compilers_differ(void **state)
{
    (void)state;
    struct made made;
    made_begin(&made, compilers_differ());
    unsigned before = made.root.guesses[0].confidence;
    made_add(&made, ENVIRONMENT_PACKAGE, "bash", 0, false);
    made_add(&made, ENVIRONMENT_PACKAGE, "clang-14", BEARS_ON_CLANG, false);
    made_add(&made, ENVIRONMENT_PACKAGE, "gcc-12", BEARS_ON_GCC, false);
    assert_string_equal(best(&made.difference), "compiler-version");
    assert_true(made_find(&made) > before);
    assert_int_equal(made.root.support_count, 1);
    assert_string_equal(supporter(&made, 0), "gcc-12");
    assert_string_equal(made.environments.differences[0].name, "gcc-12");
    end(&made.fixture);
}

static void a_root_without_a_cause_gets_none(void **state)
{
    (void)state;
    struct made made;
    made_begin(&made, paths_differ());
    made.root = (struct root){.ruled_out = "none fits"};
    made_add(&made, ENVIRONMENT_PACKAGE, "gcc-12", ~0u, false);
    made_find(&made);
    assert_int_equal(made.root.guess_count, 0);
    assert_int_equal(made.root.support_count, 0);
    assert_int_equal(made.root.guesses[0].confidence, 0);
    end(&made.fixture);
}

static void what_bears_on_something_else_is_no_support(void **state)
{
    (void)state;
    struct made made;
    made_begin(&made, compilers_differ());
    unsigned before = made.root.guesses[0].confidence;
    made_add(&made, ENVIRONMENT_SETTING, "Build-Date", BEARS_ON_DATE, true);
    made_add(&made, ENVIRONMENT_VARIABLE, "CFLAGS", BEARS_ON_FLAGS, false);
    assert_int_equal(made_find(&made), before);
    assert_int_equal(made.root.support_count, 0);
    end(&made.fixture);
}

static void what_differs_between_any_two_builds_is_listed_and_makes_nothing_surer(void **state)
{
    (void)state;
    struct made made;
    made_begin(&made, of_texts(DIFFERENCE_STRING, "string", "Nov 24 2026", "Jan  2 2025"));
    unsigned before = made.root.guesses[0].confidence;
    assert_string_equal(best(&made.difference), "date-macro");
    made_add(&made, ENVIRONMENT_SETTING, "Build-Date", BEARS_ON_DATE, true);
    assert_int_equal(made_find(&made), before);
    assert_int_equal(made.root.support_count, 1);
    end(&made.fixture);
}

/* The confidence of the path's root when the files tell of these two; support: whether they count. */
static unsigned with_paths(const char *vendor, const char *rebuilt, bool support)
{
    struct made made;
    made_begin(&made, paths_differ());
    assert_string_equal(best(&made.difference), "build-path-macro");
    made.environments.vendor.build_path = vendor;
    made.environments.rebuilt.build_path = rebuilt;
    made_add(&made, ENVIRONMENT_SETTING, "Build-Path", BEARS_ON_PATH, true);
    unsigned confidence = made_find(&made);
    assert_int_equal(made.root.support_count, support ? 1 : 0);
    end(&made.fixture);
    return confidence;
}

static void the_very_build_paths_make_a_path_surer_and_others_do_not(void **state)
{
    (void)state;
    unsigned plain = with_paths("/elsewhere/x", "/elsewhere/y", false);
    assert_true(with_paths("/build/a", "/home/joe/b", true) > plain);
    assert_true(with_paths("/build/a/same", "/home/joe/b/same", true) > plain);
    assert_int_equal(with_paths("/build/a", "/elsewhere/y", false), plain);
    assert_int_equal(with_paths("/home/joe/b", "/build/a", false), plain);
    assert_int_equal(with_paths("/build/a", NULL, true), plain);
    assert_int_equal(with_paths("/buil", NULL, false), plain);
    assert_int_equal(with_paths("", "", false), plain);
    assert_int_equal(with_paths("/", "/", false), plain);
}

static void many_of_both_share_one_bounded_list(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    static struct root roots[MANY];
    static struct environment_difference items[MANY];
    struct made made;
    made_begin(&made, compilers_differ());
    for (size_t i = 0; i < MANY; i++) {
        roots[i] = made.root;
        items[i] = (struct environment_difference){.name = "gcc-12", .weight = 90, .bears = BEARS_ON_GCC};
    }
    made.environments.differences = items;
    made.environments.difference_count = MANY;
    assert_true(support_find(&made.fixture.clues, &made.environments, roots, MANY));
    assert_int_equal(roots[0].support_count, 50);
    assert_int_equal(roots[0].support[49], 49);
    assert_ptr_equal(roots[0].support, roots[MANY - 1].support);
    end(&made.fixture);
}

static void a_path_that_one_side_mapped_away_is_listed(void **state)
{
    (void)state;
    struct made made;
    made_begin(&made, of_texts(DIFFERENCE_DEBUG, "DW_AT_comp_dir", ".", "/home/joe/b"));
    unsigned before = made.root.guesses[0].confidence;
    made.environments.vendor.build_path = "/build/a";
    made.environments.rebuilt.build_path = "/home/joe/b";
    made_add(&made, ENVIRONMENT_SETTING, "Build-Path", BEARS_ON_PATH, true);
    assert_int_equal(made_find(&made), before);
    assert_int_equal(made.root.support_count, 1);
    end(&made.fixture);
}

static void nothing_gets_certain(void **state)
{
    (void)state;
    for (unsigned confidence = CONFIDENCE_BELIEVED; confidence <= 100; confidence++) {
        struct made made;
        made_begin(&made, compilers_differ());
        made.root.guesses[0].confidence = confidence;
        made_add(&made, ENVIRONMENT_PACKAGE, "gcc-12", BEARS_ON_GCC, false);
        unsigned surer = made_find(&made);
        assert_true(surer >= confidence && (surer <= 98 || surer == confidence));
        end(&made.fixture);
    }
}

static void differences_keep_what_the_bytes_say(void **state)
{
    (void)state;
    struct made made;
    made_begin(&made, compilers_differ());
    unsigned before = made.difference.guesses[0].confidence;
    made_add(&made, ENVIRONMENT_PACKAGE, "gcc-12", BEARS_ON_GCC, false);
    made_find(&made);
    assert_int_equal(made.difference.guesses[0].confidence, before);
    end(&made.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cause_that_can_have_support_is_in_the_table),
        cmocka_unit_test(a_package_of_the_compiler_supports_that_compilers_differ),
        cmocka_unit_test(a_root_without_a_cause_gets_none),
        cmocka_unit_test(what_bears_on_something_else_is_no_support),
        cmocka_unit_test(what_differs_between_any_two_builds_is_listed_and_makes_nothing_surer),
        cmocka_unit_test(the_very_build_paths_make_a_path_surer_and_others_do_not),
        cmocka_unit_test(many_of_both_share_one_bounded_list),
        cmocka_unit_test(a_path_that_one_side_mapped_away_is_listed),
        cmocka_unit_test(nothing_gets_certain),
        cmocka_unit_test(differences_keep_what_the_bytes_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
