/*
 * Two files, as pair.h has them. Whatever they are: no internal error; the verdict mirrors; identical only if the bytes
 * are; equivalent exactly if the normal forms' bytes are equal, and then an own reading of the program headers (or of
 * the allocated sections of an object) finds what is loaded to be equal outside records; the reports can be written;
 * and the checker agrees.
 */
#include <string.h>

#include "../verify/verify.h"
#include "fuzz.h"
#include "pair.h"

/* ---- What must hold ---- */

static void check_forms(const struct compare_result *result)
{
    fuzz_check_form(&result->vendor_form, &result->policy->rules);
    fuzz_check_form(&result->rebuilt_form, &result->policy->rules);
    uint8_t *vendor = fuzz_form_bytes(&result->vendor_form), *rebuilt = fuzz_form_bytes(&result->rebuilt_form);
    if (vendor != NULL && rebuilt != NULL) {
        bool equal = result->vendor_form.size == result->rebuilt_form.size &&
                     memcmp(vendor, rebuilt, result->vendor_form.size) == 0;
        FUZZ_ASSERT(equal == (result->verdict == COMPARE_EQUIVALENT));
    }
    free(vendor);
    free(rebuilt);
}

static void check_json_report(const struct compare_result *result, const struct pair_file *vendor,
                              const struct pair_file *rebuilt)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    struct compare_error error = {0};
    FUZZ_ASSERT(stream != NULL && compare_report_json(result, NULL, stream, &error) == 0);
    fclose(stream);
    if (verify_bytes(text, size, vendor->bytes, vendor->size, rebuilt->bytes, rebuilt->size, NULL, &error) != 0) {
        fprintf(stderr, "the checker refuses: %s\n", error.message);
        abort();
    }
    free(text);
}

static void check_result(const struct compare_result *result, const struct pair_file *vendor,
                         const struct pair_file *rebuilt)
{
    bool same = vendor->size == rebuilt->size && memcmp(vendor->bytes, rebuilt->bytes, vendor->size) == 0;
    FUZZ_ASSERT(result->verdict != COMPARE_INCONCLUSIVE);
    FUZZ_ASSERT((result->verdict == COMPARE_IDENTICAL) == same);
    if (!same)
        check_forms(result);
    if (result->verdict == COMPARE_EQUIVALENT)
        pair_check_loaded(&result->vendor_form, &result->rebuilt_form);
    const struct compare_report_options all = {.size = sizeof(all), .all_findings = true};
    pair_check_text(result, &all);
    check_json_report(result, vendor, rebuilt);
}

static void check_pair(const struct pair_input *pair)
{
    struct compare_options options = {.size = sizeof(options), .policy = &pair->policy, .digest = true};
    struct compare_result *result = NULL, *mirrored = NULL;
    int status = pair_compare(&pair->files[0], &pair->files[1], &options, &result);
    int mirrored_status = pair_compare(&pair->files[1], &pair->files[0], &options, &mirrored);
    FUZZ_ASSERT((status == 0) == (mirrored_status == 0));
    if (status == 0) {
        FUZZ_ASSERT(result->verdict == mirrored->verdict);
        FUZZ_ASSERT(result->vendor_tally.unexplained == mirrored->rebuilt_tally.unexplained ||
                    result->verdict == COMPARE_DIFFERENT);
        check_result(result, &pair->files[0], &pair->files[1]);
    }
    compare_result_free(result);
    compare_result_free(mirrored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pair_input pair;
    pair_open(&pair, data, size);
    check_pair(&pair);
    pair_close(&pair);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    return pair_mutate(data, size, most, seed);
}
