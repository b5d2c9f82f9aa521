/* What a worker says of its pair is believed where it can be true, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The program has another. */
#undef fail

#include <sys/mman.h>
#include <unistd.h>

#include "batch.h"

#define A64   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SIDES "\"vendor\":{\"sha256\":\"" A64 "\",\"size\":10},\"rebuilt\":{\"sha256\":\"" A64 "\",\"size\":12},"
#define TALLY(identical, build_id, unexplained)                                                                        \
    "\"tally\":{\"identical\":" identical ",\"set_aside\":{\"build-id\":" build_id "},\"unexplained\":" unexplained "},"
#define REST                          "\"anomalies\":[0,0],\"roots\":null,\"more_roots\":0,\"incomplete\":null"
#define MEMBERS(counts, alone, bytes) "\"members\":{" counts ",\"alone\":" alone ",\"bytes\":" bytes "},"
#define COUNTS(equivalent, different, inconclusive)                                                                    \
    "\"identical\":3,\"equivalent\":" equivalent ",\"different\":" different ",\"inconclusive\":" inconclusive
#define GROUP "{\"cause\":null,\"what\":\"content\",\"place\":\"a\",\"files\":2}"
#define TREE_REST(roots, lost, error)                                                                                  \
    "\"anomalies\":[0,0],\"roots\":[" roots "],\"more_roots\":0,\"incomplete\":null,\"explanation_lost\":" lost        \
    ",\"error\":" error
#define FAILED "{\"kind\":\"limit\",\"message\":\"a: why\"}"
/* The bytes of what is held are more than those of the files. */
#define TREE_DIFFERENT                                                                                                 \
    "{\"verdict\":\"different\"," SIDES MEMBERS(COUNTS("1", "2", "1"), "[0,1]", "[100,102]")                           \
        TALLY("[95,95]", "[1,1]", "[4,6]") TREE_REST(GROUP, "\"crashed\"", "null") "}"
#define TREE_EQUIVALENT                                                                                                \
    "{\"verdict\":\"equivalent\"," SIDES MEMBERS(COUNTS("1", "0", "0"), "[0,0]", "[100,102]")                          \
        TALLY("[95,95]", "[5,7]", "[0,0]") TREE_REST("", "null", "null") "}"
#define TREE_INCONCLUSIVE                                                                                              \
    "{\"verdict\":\"inconclusive\"," SIDES MEMBERS(COUNTS("1", "0", "1"), "[0,0]",                                     \
                                                   "[100,102]") "\"tally\":null," TREE_REST("", "null", FAILED) "}"

#define SOUND "{\"verdict\":\"different\"," SIDES TALLY("[5,5]", "[1,1]", "[4,6]") REST "}"

/* What line.c asks of the program. */
int fail(const char *format, ...)
{
    (void)format;
    return EXIT_TROUBLE;
}

void give_up(const char *message)
{
    (void)message;
    abort();
}

static json_t *read_answer_about(bool tree, const char *text, size_t text_size, int outcome, size_t *size)
{
    int fd = memfd_create("answer", MFD_CLOEXEC);
    assert_int_equal(write(fd, text, text_size), text_size);
    json_t *answer = line_read_answer(fd, outcome, tree, size);
    close(fd);
    return answer;
}

static json_t *read_answer(const char *text, size_t text_size, int outcome, size_t *size)
{
    return read_answer_about(false, text, text_size, outcome, size);
}

static bool is_believed(const char *text, int outcome)
{
    char line[8192];
    size_t size;
    assert_true(strlen(text) < sizeof(line) - 1);
    snprintf(line, sizeof(line), "%s\n", text);
    json_t *answer = read_answer(line, strlen(line), outcome, &size);
    json_decref(answer);
    return answer != NULL;
}

static void an_honest_answer_is_believed_to_its_newline(void **state)
{
    static const char with_report[] = SOUND "\n{\"a report\":1}\n";
    size_t size;
    (void)state;
    json_t *answer = read_answer(with_report, strlen(with_report), COMPARE_DIFFERENT, &size);
    assert_non_null(answer);
    assert_int_equal(size, strlen(SOUND) + 1);
    assert_int_equal(line_verdict(answer), COMPARE_DIFFERENT);
    json_decref(answer);
    assert_true(is_believed("{\"verdict\":\"equivalent\"," SIDES TALLY("[9,9]", "[1,3]", "[0,0]") REST "}",
                            COMPARE_EQUIVALENT));
}

static void an_answer_without_its_end_is_none(void **state)
{
    size_t size;
    (void)state;
    for (size_t cut = 0; cut <= strlen(SOUND); cut++)
        assert_null(read_answer(SOUND, cut, COMPARE_DIFFERENT, &size));
}

static void the_verdict_is_the_one_that_was_told_and_one_that_can_be(void **state)
{
    static const char *const verdicts[] = {"identical", "equivalent", "inconclusive", "different", "equal", ""};
    (void)state;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        char text[2048];
        snprintf(text, sizeof(text), "{\"verdict\":\"%s\"," SIDES "%s" REST "}", verdicts[i],
                 i < 2 ? TALLY("[9,9]", "[1,3]", "[0,0]") : TALLY("[5,5]", "[1,1]", "[4,6]"));
        for (int outcome = -1; outcome <= 5; outcome++) {
            bool honest = (i == 1 && outcome == COMPARE_EQUIVALENT) || (i == 3 && outcome == COMPARE_DIFFERENT);
            assert_int_equal(is_believed(text, outcome), honest);
        }
    }
}

static void the_sums_are_those_of_the_files(void **state)
{
    static const char *const tallies[] = {
        TALLY("[5,5]", "[1,1]", "[4,5]"),
        TALLY("[6,5]", "[1,1]", "[4,6]"),
        TALLY("[5,5]", "[2,1]", "[4,6]"),
        TALLY("[9,9]", "[1,3]", "[0,0]"),
        TALLY("[-5,5]", "[11,1]", "[4,6]"),
        TALLY("[5]", "[1,1]", "[4,6]"),
        TALLY("[5,5,5]", "[1,1]", "[4,6]"),
        TALLY("[5.0,5]", "[1,1]", "[4,6]"),
        TALLY("[9223372036854775807,5]", "[9223372036854775807,1]", "[12,6]"),
        TALLY("[5,5]", "1", "[4,6]"),
        "\"tally\":null,",
        "\"tally\":{},",
        "\"tally\":{\"identical\":[5,5],\"set_aside\":{\"everything\":[1,1]},\"unexplained\":[4,6]},",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(tallies) / sizeof(tallies[0]); i++) {
        char text[2048];
        snprintf(text, sizeof(text), "{\"verdict\":\"different\"," SIDES "%s" REST "}", tallies[i]);
        assert_false(is_believed(text, COMPARE_DIFFERENT));
    }
    /* Nothing unexplained is not different, and the other way about. */
    assert_false(is_believed("{\"verdict\":\"equivalent\"," SIDES TALLY("[5,5]", "[1,1]", "[4,6]") REST "}",
                             COMPARE_EQUIVALENT));
}

/* Replaces what stands first in the sound answer. */
static void assert_refused(const char *what, const char *by)
{
    char text[8192];
    const char *at = strstr(SOUND, what);
    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - SOUND), SOUND, by, at + strlen(what));
    assert_false(is_believed(text, COMPARE_DIFFERENT));
}

static void every_key_is_known_and_of_its_kind(void **state)
{
    (void)state;
    assert_refused("\"more_roots\":0", "\"more_roots\":-1");
    assert_refused("\"more_roots\":0", "\"more_roots\":0,\"id\":\"another\"");
    assert_refused("\"more_roots\":0", "\"more_roots\":0,\"more_roots\":0");
    assert_refused(",\"more_roots\":0", "");
    assert_refused("\"roots\":null", "\"roots\":[{}]");
    assert_refused("\"roots\":null", "\"roots\":[1]");
    assert_refused("\"roots\":null", "\"roots\":\"none\"");
    assert_refused("\"anomalies\":[0,0]", "\"anomalies\":null");
    assert_refused(A64, "a");
    assert_refused("\"" A64 "\"", "null");
    assert_refused("\"size\":10", "\"size\":\"10\"");
    assert_refused("\"incomplete\":null", "\"incomplete\":7");
    assert_refused("{\"verdict\"", "[{\"verdict\"");
}

static void what_cannot_be_shown_is_refused(void **state)
{
    (void)state;
    assert_refused("\"incomplete\":null", "\"incomplete\":\"a\\u001b[31m\"");
    assert_refused("\"incomplete\":null", "\"incomplete\":\"a\\nb\"");
    assert_refused("\"incomplete\":null", "\"incomplete\":\"\\u202e\"");
    assert_refused("\"roots\":null",
                   "\"roots\":[{\"cause\":null,\"confidence\":null,\"what\":\"\\u0007\",\"place\":\"\",\"vendor\":null,"
                   "\"rebuilt\":null,\"differences\":1}]");
}

static void a_flood_is_no_answer(void **state)
{
    enum { SIZE = 3 << 20 };
    char *text = malloc(SIZE);
    size_t size;
    (void)state;
    assert_non_null(text);
    memset(text, '[', SIZE);
    assert_null(read_answer(text, SIZE, COMPARE_DIFFERENT, &size));
    text[1 << 19] = '\n';
    assert_null(read_answer(text, SIZE, COMPARE_DIFFERENT, &size));
    memset(text, ' ', SIZE);
    memcpy(text + LINE_MOST, SOUND "\n", strlen(SOUND) + 1);
    assert_null(read_answer(text, SIZE, COMPARE_DIFFERENT, &size));
    free(text);
}

/* What is replaced must be there: once is enough. */
static bool is_believed_of_trees(const char *sound, const char *what, const char *by, int outcome)
{
    char text[8192];
    size_t size;
    const char *at = strstr(sound, what);
    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s\n", (int)(at - sound), sound, by, at + strlen(what));
    json_t *answer = read_answer_about(true, text, strlen(text), outcome, &size);
    json_decref(answer);
    return answer != NULL;
}

static void of_trees_each_verdict_but_one_is_believed(void **state)
{
    (void)state;
    assert_true(is_believed_of_trees(TREE_DIFFERENT, "", "", COMPARE_DIFFERENT));
    assert_true(is_believed_of_trees(TREE_EQUIVALENT, "", "", COMPARE_EQUIVALENT));
    assert_true(is_believed_of_trees(TREE_INCONCLUSIVE, "", "", COMPARE_INCONCLUSIVE));
    assert_false(is_believed_of_trees(TREE_EQUIVALENT, "equivalent", "identical", COMPARE_IDENTICAL));
    assert_false(is_believed_of_trees(TREE_EQUIVALENT, "", "", COMPARE_DIFFERENT));
    assert_false(is_believed_of_trees(TREE_INCONCLUSIVE, "", "", COMPARE_EQUIVALENT));
    /* Of two ELF files nobody says what they hold, of two archives everybody does. */
    assert_false(is_believed(TREE_DIFFERENT, COMPARE_DIFFERENT));
    assert_false(is_believed(TREE_INCONCLUSIVE, COMPARE_INCONCLUSIVE));
    assert_false(is_believed_of_trees(SOUND, "", "", COMPARE_DIFFERENT));
}

static void the_members_bear_the_verdict_and_the_sums(void **state)
{
    static const char *const lies[][2] = {
        {"\"different\":0", "\"different\":1"},
        {"\"inconclusive\":0", "\"inconclusive\":1"},
        {"\"alone\":[0,0]", "\"alone\":[1,0]"},
        {"\"alone\":[0,0]", "\"alone\":[0,1]"},
        {"\"bytes\":[100,102]", "\"bytes\":[10,12]"},
        {"\"bytes\":[100,102]", "\"bytes\":[100,-102]"},
        {"\"identical\":3,", ""},
        {"\"identical\":3", "\"identical\":-3"},
        {"\"identical\":3", "\"identical\":3,\"x\":1"},
        {"[5,7]", "[5,6]"},
        {"\"anomalies\":[0,0]", "\"anomalies\":[0,1]"},
        {"build-id", "everything"},
        {"\"roots\":[]", "\"roots\":null"},
        {"\"error\":null", "\"error\":" FAILED},
        {"\"explanation_lost\":null", "\"explanation_lost\":\"ok\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        assert_false(is_believed_of_trees(TREE_EQUIVALENT, lies[i][0], lies[i][1], COMPARE_EQUIVALENT));
}

static void what_differs_in_no_byte_is_a_member_or_an_anomaly(void **state)
{
    static const char *const sound =
        "{\"verdict\":\"different\"," SIDES MEMBERS(COUNTS("1", "0", "0"), "[0,0]", "[100,102]")
            TALLY("[95,95]", "[5,7]", "[0,0]") TREE_REST("", "null", "null") "}";
    (void)state;
    assert_false(is_believed_of_trees(sound, "", "", COMPARE_DIFFERENT));
    assert_true(is_believed_of_trees(sound, "\"different\":0", "\"different\":1", COMPARE_DIFFERENT));
    assert_true(is_believed_of_trees(sound, "\"alone\":[0,0]", "\"alone\":[0,1]", COMPARE_DIFFERENT));
    assert_true(is_believed_of_trees(sound, "\"anomalies\":[0,0]", "\"anomalies\":[1,0]", COMPARE_DIFFERENT));
}

static void an_undecided_member_is_told_with_its_error(void **state)
{
    static const char *const lies[][2] = {
        {"\"inconclusive\":1", "\"inconclusive\":0"},
        {"\"different\":0", "\"different\":1"},
        {"\"kind\":\"limit\"", "\"kind\":\"ok\""},
        {"\"kind\":\"limit\"", "\"kind\":\"unknown\""},
        {FAILED, "null"},
        {"a: why", "a\\u0007"},
        {"\"tally\":null", "\"tally\":{}"},
        {"\"explanation_lost\":null", "\"explanation_lost\":\"limit\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        assert_false(is_believed_of_trees(TREE_INCONCLUSIVE, lies[i][0], lies[i][1], COMPARE_INCONCLUSIVE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_answer_is_believed_to_its_newline),
        cmocka_unit_test(an_answer_without_its_end_is_none),
        cmocka_unit_test(the_verdict_is_the_one_that_was_told_and_one_that_can_be),
        cmocka_unit_test(the_sums_are_those_of_the_files),
        cmocka_unit_test(every_key_is_known_and_of_its_kind),
        cmocka_unit_test(what_cannot_be_shown_is_refused),
        cmocka_unit_test(a_flood_is_no_answer),
        cmocka_unit_test(of_trees_each_verdict_but_one_is_believed),
        cmocka_unit_test(the_members_bear_the_verdict_and_the_sums),
        cmocka_unit_test(what_differs_in_no_byte_is_a_member_or_an_anomaly),
        cmocka_unit_test(an_undecided_member_is_told_with_its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
