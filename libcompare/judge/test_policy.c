/* Policy files: what is not understood is an error that names the place, and never a decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "judge.h"

static int open_text(const char *text, struct compare_policy **policy, struct compare_error *error)
{
    char path[64];
    int fd = memfd_create("policy", MFD_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int status = compare_policy_open(path, policy, error);
    close(fd);
    return status;
}

/* Refused with COMPARE_ERROR_POLICY, with these words in the message, and without a policy. */
static void assert_refused(const char *text, const char *words)
{
    struct compare_policy *policy = (struct compare_policy *)(uintptr_t)1;
    struct compare_error error = {0};
    int status = open_text(text, &policy, &error);
    if (status != COMPARE_ERROR_POLICY || strstr(error.message, words) == NULL)
        fail_msg("%s: status %d, %s", text, status, error.message);
    assert_null(policy);
}

static void a_file_accepts_the_rules_that_it_names(void **state)
{
    (void)state;
    struct compare_policy *policy;
    struct compare_error error;
    assert_int_equal(open_text("{\"name\": \"ours\", \"rules\": [{\"rule\": \"comment\", \"reason\": \"names a tool\"},"
                               "{\"rule\": \"build-id\", \"reason\": \"follows\"}]}",
                               &policy, &error),
                     0);
    assert_string_equal(compare_policy_name(policy), "ours");
    for (size_t i = 0; i < RULE_COUNT; i++)
        assert_int_equal(policy->rules.accepted[i], i == RULE_COMMENT || i == RULE_BUILD_ID);
    assert_string_equal(policy->reasons[RULE_COMMENT], "names a tool");
    compare_policy_free(policy);
}

static void a_file_without_rules_accepts_none(void **state)
{
    (void)state;
    struct compare_policy *policy;
    struct compare_error error;
    assert_int_equal(open_text("{\"name\": \"none\", \"rules\": []}", &policy, &error), 0);
    for (size_t i = 0; i < RULE_COUNT; i++)
        assert_false(policy->rules.accepted[i]);
    compare_policy_free(policy);
}

static void policy_exact_accepts_nothing_and_standard_what_its_rules_say(void **state)
{
    (void)state;
    struct compare_policy *exact = policy_built_in("exact"), *standard = policy_built_in("standard");
    for (size_t i = 0; i < RULE_COUNT; i++) {
        assert_false(exact->rules.accepted[i]);
        assert_int_equal(standard->rules.accepted[i], compare_rule_at(i)->in_standard);
        assert_int_equal(standard->reasons[i] != NULL, standard->rules.accepted[i]);
    }
    compare_policy_free(exact);
    compare_policy_free(standard);
}

static void a_name_that_is_no_policy_and_no_file_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"Semantic", "Standard", "", "no/such/file", "."};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct compare_policy *policy;
        struct compare_error error;
        assert_int_equal(compare_policy_open(names[i], &policy, &error), COMPARE_ERROR_POLICY);
        assert_null(policy);
    }
}

static void text_that_is_no_json_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"x\",\n\"rules\": [}", "line 2");
    assert_refused("{\"name\": \"x\", \"rules\": []} more", "line 1");
    assert_refused("{\"name\": \"x\", \"rules\": []", "line 1");
    assert_refused("", "line 1");
}

static void keys_that_occur_twice_are_refused(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"x\", \"name\": \"y\", \"rules\": []}", "duplicate");
    assert_refused("{\"name\": \"x\", \"rules\": [{\"rule\": \"comment\", \"reason\": \"a\", \"reason\": \"b\"}]}",
                   "duplicate");
}

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    assert_refused("[]", "JSON object");
    assert_refused("[{\"name\": \"x\", \"rules\": []}]", "JSON object");
}

static void unknown_keys_are_refused_by_name(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"x\", \"rules\": [], \"rule\": []}", "'rule'");
    assert_refused("{\"name\": \"x\", \"rules\": [{\"rule\": \"comment\", \"reason\": \"a\", \"Reason\": \"b\"}]}",
                   "'Reason'");
}

static void a_key_with_control_characters_is_escaped(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"x\", \"rules\": [], \"\\u001b[2J\": 1}", "\\x1b[2J");
}

static void a_policy_without_a_sound_name_is_refused(void **state)
{
    (void)state;
    char text[400] = "{\"rules\": [], \"name\": \"";
    memset(text + strlen(text), 'n', 201);
    strcat(text, "\"}");
    assert_refused("{\"rules\": []}", "\"name\"");
    assert_refused("{\"name\": \"\", \"rules\": []}", "\"name\"");
    assert_refused("{\"name\": 1, \"rules\": []}", "\"name\"");
    assert_refused(text, "\"name\"");
}

static void the_name_of_a_built_in_policy_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"exact\", \"rules\": []}", "'exact'");
    assert_refused("{\"name\": \"standard\", \"rules\": []}", "'standard'");
    assert_refused("{\"name\": \"semantic\", \"rules\": []}", "'semantic'");
}

static void rules_that_are_no_list_are_refused(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"x\"}", "\"rules\"");
    assert_refused("{\"name\": \"x\", \"rules\": {}}", "\"rules\"");
    assert_refused("{\"name\": \"x\", \"rules\": \"comment\"}", "\"rules\"");
}

static void a_rule_that_is_no_object_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"x\", \"rules\": [\"comment\"]}", "object");
    assert_refused("{\"name\": \"x\", \"rules\": [null]}", "object");
}

static void a_rule_without_its_id_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"x\", \"rules\": [{\"reason\": \"a\"}]}", "\"rule\"");
    assert_refused("{\"name\": \"x\", \"rules\": [{\"rule\": 3, \"reason\": \"a\"}]}", "\"rule\"");
}

static void a_misspelt_rule_is_refused_by_name(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"x\", \"rules\": [{\"rule\": \"coment\", \"reason\": \"a\"}]}", "'coment'");
    assert_refused("{\"name\": \"x\", \"rules\": [{\"rule\": \"Comment\", \"reason\": \"a\"}]}", "'Comment'");
    assert_refused("{\"name\": \"x\", \"rules\": [{\"rule\": \"\", \"reason\": \"a\"}]}", "no such rule");
}

static void a_rule_without_a_reason_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"x\", \"rules\": [{\"rule\": \"comment\"}]}", "reason");
    assert_refused("{\"name\": \"x\", \"rules\": [{\"rule\": \"comment\", \"reason\": \"\"}]}", "reason");
    assert_refused("{\"name\": \"x\", \"rules\": [{\"rule\": \"comment\", \"reason\": \" \\t\\n\"}]}", "reason");
    assert_refused("{\"name\": \"x\", \"rules\": [{\"rule\": \"comment\", \"reason\": true}]}", "reason");
}

static void a_rule_that_is_given_twice_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"x\", \"rules\": [{\"rule\": \"comment\", \"reason\": \"a\"},"
                   "{\"rule\": \"comment\", \"reason\": \"b\"}]}",
                   "twice");
}

static void a_string_with_a_nul_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"name\": \"x\\u0000y\", \"rules\": []}", "line 1");
}

static void digest_of(const char *text, uint8_t digest[32])
{
    struct compare_policy *policy = NULL;
    assert_int_equal(policy_read(text, strlen(text), "text", &policy, NULL), 0);
    assert_int_equal(compare_policy_digest(policy, digest, NULL), 0);
    compare_policy_free(policy);
}

static void the_digest_is_of_what_a_policy_accepts(void **state)
{
    static const char *const others[] = {
        "{\"name\": \"y\", \"rules\": [{\"rule\": \"comment\", \"reason\": \"a\"}]}",
        "{\"name\": \"x\", \"rules\": [{\"rule\": \"symbols\", \"reason\": \"a\"}]}",
        "{\"name\": \"x\", \"rules\": [{\"rule\": \"comment\", \"reason\": \"b\"}]}",
        "{\"name\": \"x\", \"rules\": []}",
        "{\"name\": \"xcomment\", \"rules\": []}",
    };
    uint8_t digest[32], other[32];
    (void)state;
    digest_of("{\"name\": \"x\", \"rules\": [{\"rule\": \"comment\", \"reason\": \"a\"}]}", digest);
    digest_of("{\"rules\":[{\"reason\":\"a\",\"rule\":\"comment\"}],\n\"name\":\"x\"}", other);
    assert_memory_equal(digest, other, sizeof(digest));
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        digest_of(others[i], other);
        assert_memory_not_equal(digest, other, sizeof(digest));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_accepts_the_rules_that_it_names),
        cmocka_unit_test(a_file_without_rules_accepts_none),
        cmocka_unit_test(policy_exact_accepts_nothing_and_standard_what_its_rules_say),
        cmocka_unit_test(a_name_that_is_no_policy_and_no_file_is_refused),
        cmocka_unit_test(text_that_is_no_json_is_refused_with_its_line),
        cmocka_unit_test(keys_that_occur_twice_are_refused),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(unknown_keys_are_refused_by_name),
        cmocka_unit_test(a_key_with_control_characters_is_escaped),
        cmocka_unit_test(a_policy_without_a_sound_name_is_refused),
        cmocka_unit_test(the_name_of_a_built_in_policy_is_refused),
        cmocka_unit_test(rules_that_are_no_list_are_refused),
        cmocka_unit_test(a_rule_that_is_no_object_is_refused),
        cmocka_unit_test(a_rule_without_its_id_is_refused),
        cmocka_unit_test(a_misspelt_rule_is_refused_by_name),
        cmocka_unit_test(a_rule_without_a_reason_is_refused),
        cmocka_unit_test(a_rule_that_is_given_twice_is_refused),
        cmocka_unit_test(a_string_with_a_nul_is_refused),
        cmocka_unit_test(the_digest_is_of_what_a_policy_accepts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
