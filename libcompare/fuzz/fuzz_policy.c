/* Any bytes as a policy file: a policy whose every rule has a reason, or an error that can be shown. */
#include <string.h>

#include "fuzz.h"

static void check_policy(const struct compare_policy *policy)
{
    size_t length = strlen(policy->name);
    FUZZ_ASSERT(length > 0 && length <= 200 && policy->name == compare_policy_name(policy));
    FUZZ_ASSERT(strcmp(policy->name, "exact") != 0 && strcmp(policy->name, "standard") != 0);
    for (size_t i = 0; i < RULE_COUNT; i++) {
        const char *reason = policy->reasons[i];
        FUZZ_ASSERT(policy->rules.accepted[i] == (reason != NULL));
        FUZZ_ASSERT(reason == NULL || reason[strspn(reason, " \t\n")] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct compare_policy *policy = NULL;
    struct compare_error error = {0};
    char *text = malloc(size + (size == 0));
    FUZZ_ASSERT(text != NULL);
    memcpy(text, data, size);
    int status = policy_read(text, size, "fuzz.json", &policy, &error);
    FUZZ_ASSERT(status == 0 || status == COMPARE_ERROR_POLICY);
    FUZZ_ASSERT((status == 0) == (policy != NULL));
    if (status == 0)
        check_policy(policy);
    else
        fuzz_check_text(error.message, sizeof(error.message));
    compare_policy_free(policy);
    free(text);
    return 0;
}
