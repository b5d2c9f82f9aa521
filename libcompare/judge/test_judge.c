/* Tally, verdict and exit status, through compare_files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"

/* The result of comparing two built files; the status where there is none. */
static int compare(const struct built *vendor, const struct built *rebuilt, const char *policy_name,
                   struct compare_result **result, struct compare_policy **policy)
{
    const struct built *sides[2] = {vendor, rebuilt};
    char paths[2][64];
    int fds[2];
    struct compare_error error;
    for (size_t i = 0; i < 2; i++) {
        fds[i] = memfd_create("side", MFD_CLOEXEC);
        assert_int_equal(write(fds[i], sides[i]->bytes, sides[i]->size), sides[i]->size);
        snprintf(paths[i], sizeof(paths[i]), "/proc/self/fd/%d", fds[i]);
    }
    *policy = policy_built_in(policy_name);
    struct compare_options options = {.size = sizeof(options), .policy = *policy};
    int status = compare_files(paths[0], paths[1], &options, result, &error);
    close(fds[0]);
    close(fds[1]);
    if (status == COMPARE_ERROR_INTERNAL)
        fail_msg("%s", error.message);
    return status;
}

static void assert_tally(const struct tally *tally, uint64_t size)
{
    uint64_t by_rule = 0;
    for (size_t i = 0; i < RULE_COUNT; i++)
        by_rule += tally->by_rule[i];
    assert_int_equal(tally->size, size);
    assert_int_equal(tally->identical + tally->set_aside + tally->unexplained, size);
    assert_int_equal(by_rule, tally->set_aside);
}

/* The verdict, after the sums of the result have been held against it. */
static int verdict_of(const struct built *vendor, const struct built *rebuilt, const char *policy_name)
{
    struct compare_result *result;
    struct compare_policy *policy;
    int verdict = compare(vendor, rebuilt, policy_name, &result, &policy);
    if (verdict == 0) {
        verdict = (int)compare_result_verdict(result);
        assert_tally(&result->vendor_tally, vendor->size);
        assert_tally(&result->rebuilt_tally, rebuilt->size);
        assert_int_equal(result->vendor_tally.identical, result->rebuilt_tally.identical);
        uint64_t unexplained = result->vendor_tally.unexplained + result->rebuilt_tally.unexplained;
        assert_int_equal(verdict == COMPARE_DIFFERENT, unexplained > 0);
        if (verdict == COMPARE_IDENTICAL)
            assert_int_equal(result->vendor_tally.identical, vendor->size);
    }
    compare_result_free(result);
    compare_policy_free(policy);
    return verdict;
}

static void program(struct built *built)
{
    built_program(built, true, false, ET_DYN);
    built_layout(built);
}

static void change(struct built *built, const char *section, uint64_t offset)
{
    built->bytes[built_named(built, section)->header.sh_offset + offset] ^= 1;
}

static void equal_bytes_are_identical_under_every_policy(void **state)
{
    (void)state;
    struct built built;
    program(&built);
    assert_int_equal(verdict_of(&built, &built, "exact"), COMPARE_IDENTICAL);
    assert_int_equal(verdict_of(&built, &built, "standard"), COMPARE_IDENTICAL);
}

static void another_build_id_is_equivalent_and_under_exact_different(void **state)
{
    (void)state;
    struct built vendor, rebuilt;
    program(&vendor);
    program(&rebuilt);
    change(&rebuilt, ".note.gnu.build-id", 20);
    assert_int_equal(verdict_of(&vendor, &rebuilt, "standard"), COMPARE_EQUIVALENT);
    assert_int_equal(verdict_of(&vendor, &rebuilt, "exact"), COMPARE_DIFFERENT);
}

static void the_tally_names_the_rule_and_its_bytes(void **state)
{
    (void)state;
    struct built vendor, rebuilt;
    struct compare_result *result;
    struct compare_policy *policy;
    program(&vendor);
    program(&rebuilt);
    change(&rebuilt, ".note.gnu.build-id", 20);
    assert_int_equal(compare(&vendor, &rebuilt, "standard", &result, &policy), 0);
    assert_int_equal(result->vendor_tally.set_aside, 1);
    assert_int_equal(result->vendor_tally.by_rule[RULE_BUILD_ID], 1);
    assert_int_equal(result->vendor_tally.unexplained, 0);
    assert_int_equal(result->rebuilt_tally.by_rule[RULE_BUILD_ID], 1);
    compare_result_free(result);
    compare_policy_free(policy);
}

static void another_byte_of_code_is_different(void **state)
{
    (void)state;
    struct built vendor, rebuilt;
    program(&vendor);
    program(&rebuilt);
    change(&rebuilt, ".text", 2);
    assert_int_equal(verdict_of(&vendor, &rebuilt, "standard"), COMPARE_DIFFERENT);
}

static void bytes_behind_the_end_are_different(void **state)
{
    (void)state;
    struct built vendor, rebuilt;
    program(&vendor);
    program(&rebuilt);
    rebuilt.size += 4;
    assert_int_equal(verdict_of(&vendor, &rebuilt, "standard"), COMPARE_DIFFERENT);
    assert_int_equal(verdict_of(&rebuilt, &vendor, "standard"), COMPARE_DIFFERENT);
}

static void an_anomaly_on_either_side_is_never_equivalent(void **state)
{
    (void)state;
    struct built vendor, rebuilt;
    program(&vendor);
    program(&rebuilt);
    built_named(&rebuilt, ".comment")->header.sh_addralign = 3;
    built_write(&rebuilt);
    assert_int_equal(verdict_of(&vendor, &rebuilt, "standard"), COMPARE_DIFFERENT);
    assert_int_equal(verdict_of(&rebuilt, &vendor, "standard"), COMPARE_DIFFERENT);
    vendor = rebuilt;
    change(&vendor, ".note.gnu.build-id", 20);
    assert_int_equal(verdict_of(&vendor, &rebuilt, "standard"), COMPARE_DIFFERENT);
}

static void a_stripped_program_is_equivalent_to_the_whole_one(void **state)
{
    (void)state;
    struct built vendor, rebuilt;
    program(&vendor);
    program(&rebuilt);
    rebuilt.header.e_shoff = rebuilt.header.e_shnum = rebuilt.header.e_shstrndx = 0;
    rebuilt.size = rebuilt.segments[2].p_offset + rebuilt.segments[2].p_filesz;
    image_encode_ehdr(&(struct image){.is64 = true}, &rebuilt.header, rebuilt.bytes);
    assert_int_equal(verdict_of(&vendor, &rebuilt, "standard"), COMPARE_EQUIVALENT);
}

static void one_file_compared_with_itself_proves_nothing(void **state)
{
    (void)state;
    struct built built;
    struct compare_result *result;
    struct compare_error error;
    char path[64];
    program(&built);
    int fd = memfd_create("one", MFD_CLOEXEC);
    assert_int_equal(write(fd, built.bytes, built.size), built.size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    assert_int_equal(compare_files(path, path, NULL, &result, &error), COMPARE_ERROR_UNSUPPORTED);
    assert_null(result);
    close(fd);
}

static void a_malformed_side_yields_no_result(void **state)
{
    (void)state;
    struct built vendor, rebuilt;
    program(&vendor);
    program(&rebuilt);
    rebuilt.size -= 1;
    assert_int_equal(verdict_of(&vendor, &rebuilt, "standard"), COMPARE_ERROR_MALFORMED);
    assert_int_equal(verdict_of(&rebuilt, &rebuilt, "standard"), COMPARE_ERROR_MALFORMED);
}

/* Whatever differs, the sums hold, both orders get one verdict, and no invariant of the library breaks. */
static void random_changes_keep_the_tally_and_the_verdict_consistent(void **state)
{
    (void)state;
    uint64_t random = 7;
    for (unsigned i = 0; i < 2000; i++) {
        static struct built vendor, rebuilt;
        built_program(&vendor, i % 2 == 0, i / 2 % 2 == 0, i / 4 % 3 == 0 ? ET_REL : ET_DYN);
        built_section(&vendor, ".kept", SHT_PROGBITS, 0, "stays as it is", 14);
        built_layout(&vendor);
        rebuilt = vendor;
        for (unsigned k = 0; k <= i % 3; k++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            uint64_t table = rebuilt.header.e_shoff;
            uint64_t at = i % 5 < 2   ? table + random % (rebuilt.size - table)
                          : i % 5 < 3 ? 16 + random % 300
                                      : random % rebuilt.size;
            (k % 2 == 0 ? &rebuilt : &vendor)->bytes[at] = (uint8_t)(random >> 40);
        }
        int verdict = verdict_of(&vendor, &rebuilt, "standard");
        assert_int_equal(verdict_of(&rebuilt, &vendor, "standard") < 0, verdict < 0);
        if (verdict >= 0)
            assert_int_equal(verdict_of(&rebuilt, &vendor, "standard"), verdict);
    }
}

static void exit_statuses_are_those_of_cmp(void **state)
{
    (void)state;
    assert_int_equal(compare_exit_status(COMPARE_IDENTICAL), 0);
    assert_int_equal(compare_exit_status(COMPARE_EQUIVALENT), 0);
    assert_int_equal(compare_exit_status(COMPARE_DIFFERENT), 1);
    assert_int_equal(compare_exit_status(COMPARE_INCONCLUSIVE), 2);
    assert_int_equal(compare_exit_status((enum compare_verdict)17), 2);
}

static void no_result_and_no_known_verdict_are_inconclusive(void **state)
{
    (void)state;
    assert_int_equal(compare_result_verdict(NULL), COMPARE_INCONCLUSIVE);
    assert_string_equal(compare_verdict_name((enum compare_verdict)17), "inconclusive");
    assert_string_equal(compare_verdict_name(COMPARE_EQUIVALENT), "equivalent");
}

/* ---- What cannot be, and must not become a verdict ---- */

/* The status of judging two files of 8 bytes with these accounts; their findings and forms are empty. */
static int judged(struct entry *vendor, size_t vendor_count, struct entry *rebuilt, size_t rebuilt_count,
                  struct compare_result *result)
{
    struct compare_error error = {0};
    *result = (struct compare_result){.vendor = {.size = 8}, .rebuilt = {.size = 8}, .verdict = COMPARE_IDENTICAL};
    result->comparison.vendor = (struct account){vendor, vendor_count};
    result->comparison.rebuilt = (struct account){rebuilt, rebuilt_count};
    return judge(result, true, &error);
}

static void an_account_that_is_no_partition_is_no_verdict(void **state)
{
    (void)state;
    static const struct {
        struct entry entries[2];
        bool sound;
    } cases[] = {
        {{{{0, 4}, STANDING_IDENTICAL, RULE_COUNT, 0, 0}, {{4, 8}, STANDING_IDENTICAL, RULE_COUNT, 4, 0}}, true},
        {{{{0, 4}, STANDING_IDENTICAL, RULE_COUNT, 0, 0}, {{5, 8}, STANDING_IDENTICAL, RULE_COUNT, 5, 0}}, false},
        {{{{0, 4}, STANDING_IDENTICAL, RULE_COUNT, 0, 0}, {{3, 8}, STANDING_IDENTICAL, RULE_COUNT, 3, 0}}, false},
        {{{{0, 8}, STANDING_IDENTICAL, RULE_COUNT, 0, 0}, {{8, 8}, STANDING_IDENTICAL, RULE_COUNT, 8, 0}}, false},
        {{{{0, 4}, STANDING_IDENTICAL, RULE_COUNT, 0, 0}, {{4, 7}, STANDING_IDENTICAL, RULE_COUNT, 4, 0}}, false},
        {{{{0, 4}, STANDING_IDENTICAL, RULE_COUNT, 0, 0}, {{4, 9}, STANDING_IDENTICAL, RULE_COUNT, 4, 0}}, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct entry broken[2], whole[] = {{{0, 8}, STANDING_IDENTICAL, RULE_COUNT, 0, 0}};
        struct compare_result result;
        memcpy(broken, cases[i].entries, sizeof(broken));
        int expected = cases[i].sound ? 0 : COMPARE_ERROR_INTERNAL;
        assert_int_equal(judged(broken, 2, whole, 1, &result), expected);
        assert_int_equal(result.verdict, cases[i].sound ? COMPARE_IDENTICAL : COMPARE_INCONCLUSIVE);
        assert_int_equal(judged(whole, 1, broken, 2, &result), expected);
        assert_int_equal(result.verdict, cases[i].sound ? COMPARE_IDENTICAL : COMPARE_INCONCLUSIVE);
    }
}

static void what_is_identical_is_so_on_both_sides(void **state)
{
    (void)state;
    struct entry whole[] = {{{0, 8}, STANDING_IDENTICAL, RULE_COUNT, 0, 0}};
    struct entry other[] = {{{0, 4}, STANDING_IDENTICAL, RULE_COUNT, 0, 0}, {{4, 8}, STANDING_SET_ASIDE, 0, 0, 0}};
    struct compare_result result;
    assert_int_equal(judged(whole, 1, other, 2, &result), COMPARE_ERROR_INTERNAL);
    assert_int_equal(result.verdict, COMPARE_INCONCLUSIVE);
    assert_int_equal(judged(other, 2, other, 2, &result), 0);
    assert_int_equal(result.vendor_tally.by_rule[0], 4);
}

static void what_no_rule_has_set_aside_is_unexplained(void **state)
{
    (void)state;
    struct entry entries[] = {{{0, 8}, STANDING_SET_ASIDE, RULE_COUNT, 0, 0}};
    struct compare_result result;
    assert_int_equal(judged(entries, 1, entries, 1, &result), 0);
    assert_int_equal(result.vendor_tally.unexplained, 8);
    assert_int_equal(result.vendor_tally.set_aside, 0);
}

/* Forms of `sizes` zeros, and one finding. */
static int decided(struct finding finding, const uint64_t sizes[2], bool laid_out_anew, struct compare_result *result)
{
    struct compare_error error = {0};
    struct entry entries[] = {{{0, 8}, finding.standing, finding.rule, 0, 0}};
    struct piece pieces[] = {{.size = sizes[0]}, {.size = sizes[1]}};
    *result = (struct compare_result){.vendor = {.size = 8}, .rebuilt = {.size = 8}};
    result->vendor_form = (struct normal_form){.pieces = &pieces[0], .piece_count = 1, .size = sizes[0]};
    result->rebuilt_form =
        (struct normal_form){.pieces = &pieces[1], .piece_count = 1, .size = sizes[1], .laid_out_anew = laid_out_anew};
    result->vendor.header.e_type = ET_REL;
    result->comparison =
        (struct comparison){.findings = &finding, .finding_count = 1, .vendor = {entries, 1}, .rebuilt = {entries, 1}};
    int status = judge(result, false, &error);
    result->comparison.findings = NULL;
    return status;
}

static void findings_that_disagree_with_the_forms_are_no_verdict(void **state)
{
    (void)state;
    static const uint64_t equal[] = {8, 8}, unequal[] = {8, 9};
    struct finding unexplained = {.standing = STANDING_UNEXPLAINED, .rule = RULE_COUNT, .one_sided = RULE_COUNT};
    struct finding aside = {.standing = STANDING_SET_ASIDE, .rule = RULE_COMMENT, .one_sided = RULE_COUNT};
    struct compare_result result;
    assert_int_equal(decided(aside, equal, false, &result), 0);
    assert_int_equal(result.verdict, COMPARE_EQUIVALENT);
    assert_int_equal(decided(unexplained, unequal, false, &result), 0);
    assert_int_equal(result.verdict, COMPARE_DIFFERENT);
    assert_int_equal(decided(unexplained, equal, false, &result), COMPARE_ERROR_INTERNAL);
    assert_int_equal(result.verdict, COMPARE_INCONCLUSIVE);
    assert_int_equal(decided(aside, unequal, false, &result), COMPARE_ERROR_INTERNAL);
    assert_int_equal(result.verdict, COMPARE_INCONCLUSIVE);
}

/* What is kept in other words: its difference belongs to the rule that restates it, or, in unequal forms, to none. */
static void restated_bytes_follow_the_forms(void **state)
{
    (void)state;
    static const uint64_t equal[] = {8, 8}, unequal[] = {8, 9};
    struct finding restated = {
        .standing = STANDING_SET_ASIDE, .rule = RULE_SECTION_HEADERS, .one_sided = RULE_COUNT, .restated = true};
    struct finding moved = {.standing = STANDING_UNEXPLAINED, .rule = RULE_COUNT, .one_sided = RULE_COUNT};
    struct finding one_sided = {.standing = STANDING_UNEXPLAINED, .rule = RULE_COUNT, .one_sided = RULE_COMPRESSION};
    struct compare_result result;
    assert_int_equal(decided(restated, unequal, false, &result), 0);
    assert_int_equal(result.vendor_tally.unexplained, 8);
    assert_int_equal(decided(moved, equal, true, &result), 0);
    assert_int_equal(result.verdict, COMPARE_EQUIVALENT);
    assert_int_equal(result.vendor_tally.by_rule[RULE_SECTION_PLACEMENT], 8);
    assert_int_equal(decided(one_sided, equal, false, &result), 0);
    assert_int_equal(result.vendor_tally.by_rule[RULE_COMPRESSION], 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_bytes_are_identical_under_every_policy),
        cmocka_unit_test(another_build_id_is_equivalent_and_under_exact_different),
        cmocka_unit_test(the_tally_names_the_rule_and_its_bytes),
        cmocka_unit_test(another_byte_of_code_is_different),
        cmocka_unit_test(bytes_behind_the_end_are_different),
        cmocka_unit_test(an_anomaly_on_either_side_is_never_equivalent),
        cmocka_unit_test(a_stripped_program_is_equivalent_to_the_whole_one),
        cmocka_unit_test(one_file_compared_with_itself_proves_nothing),
        cmocka_unit_test(a_malformed_side_yields_no_result),
        cmocka_unit_test(random_changes_keep_the_tally_and_the_verdict_consistent),
        cmocka_unit_test(an_account_that_is_no_partition_is_no_verdict),
        cmocka_unit_test(what_is_identical_is_so_on_both_sides),
        cmocka_unit_test(what_no_rule_has_set_aside_is_unexplained),
        cmocka_unit_test(findings_that_disagree_with_the_forms_are_no_verdict),
        cmocka_unit_test(restated_bytes_follow_the_forms),
        cmocka_unit_test(exit_statuses_are_those_of_cmp),
        cmocka_unit_test(no_result_and_no_known_verdict_are_inconclusive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
