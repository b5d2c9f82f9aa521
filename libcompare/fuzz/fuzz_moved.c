/*
 * Two files under policy semantic. Whatever they are: no internal error, no byte proven twice, sums that hold; equal
 * status either way around; what is not looked at has no rule of tier moved; the reports can be written.
 */
#include "fuzz.h"
#include "pair.h"

static void check_moved(const struct compare_result *result)
{
    const struct moved *moved = &result->moved;
    uint64_t set_aside = 0;
    for (size_t i = RULE_MOVED_CODE; i <= RULE_MOVED_PADDING; i++)
        set_aside += result->vendor_tally.by_rule[i] + result->rebuilt_tally.by_rule[i];
    FUZZ_ASSERT(set_aside == 0 || (moved->tried && moved->proven_count > 0));
    FUZZ_ASSERT(result->verdict != COMPARE_EQUIVALENT || result->vendor_tally.unexplained == 0);
    for (size_t i = 0; i < moved->proven_count; i++) {
        FUZZ_ASSERT(moved->proven[i].vendor.end <= result->vendor.size);
        FUZZ_ASSERT(moved->proven[i].rebuilt.end <= result->rebuilt.size);
    }
}

static void check_reports(const struct compare_result *result)
{
    const struct compare_report_options all = {.size = sizeof(all), .all_findings = true};
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    struct compare_error error = {0};
    pair_check_text(result, &all);
    FUZZ_ASSERT(stream != NULL && compare_report_json(result, NULL, stream, &error) == 0);
    fclose(stream);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pair_input pair;
    struct compare_result *result = NULL, *mirrored = NULL;
    pair_open(&pair, data, size);
    for (size_t i = RULE_MOVED_CODE; i <= RULE_MOVED_PADDING; i++)
        pair.policy.reasons[i] = (char *)(uintptr_t) "fuzz";
    for (size_t i = RULE_MOVED_CODE; i <= RULE_MOVED_PADDING; i++)
        pair.policy.rules.accepted[i] = true;
    struct compare_options options = {.size = sizeof(options), .policy = &pair.policy, .explain = size % 8 == 0};
    int status = pair_compare(&pair.files[0], &pair.files[1], &options, &result);
    FUZZ_ASSERT((pair_compare(&pair.files[1], &pair.files[0], &options, &mirrored) == 0) == (status == 0));
    if (status == 0) {
        check_moved(result);
        check_moved(mirrored);
        check_reports(result);
    }
    compare_result_free(result);
    compare_result_free(mirrored);
    pair_close(&pair);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    return pair_mutate(data, size, most, seed);
}
