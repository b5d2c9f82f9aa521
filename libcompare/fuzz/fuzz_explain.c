/*
 * Two files, as pair.h has them, explained in full. Whatever they are: verdict and account are those without the
 * explanation; each difference, root and listing is within its bounds and refers to what is there; each text is
 * printable; and both reports can be written, with nothing but printable text in them.
 */
#include <jansson.h>
#include <string.h>

#include "fuzz.h"
#include "pair.h"

/* ---- Texts and places ---- */

static void check_optional(const char *text)
{
    if (text != NULL)
        fuzz_check_text(text, 1 << 16);
}

static void check_place(const struct place *place, const struct image *image)
{
    check_optional(place->section);
    check_optional(place->symbol);
    check_optional(place->source);
    check_optional(place->inlined);
    FUZZ_ASSERT(range_empty(place->bytes) || place->bytes.end <= image->size);
    FUZZ_ASSERT(place->present || range_empty(place->bytes));
}

static void check_guesses(const struct guess *guesses, size_t count)
{
    FUZZ_ASSERT(count <= GUESSES);
    for (size_t i = 0; i < count; i++) {
        FUZZ_ASSERT(guesses[i].cause != NULL && guesses[i].key != NULL);
        FUZZ_ASSERT(guesses[i].confidence >= 1 && guesses[i].confidence <= 100);
        FUZZ_ASSERT(i == 0 || guesses[i].confidence <= guesses[i - 1].confidence);
        check_optional(guesses[i].evidence);
    }
}

/* ---- Differences and roots ---- */

static void check_difference(const struct compare_result *result, const struct difference *difference)
{
    const struct explanation *explanation = &result->explanation;
    FUZZ_ASSERT(difference->kind < DIFFERENCE_KINDS && difference->what != NULL);
    fuzz_check_text(difference->what, 1 << 16);
    check_optional(difference->user);
    check_optional(difference->vendor_value.text);
    check_optional(difference->rebuilt_value.text);
    check_place(&difference->vendor, &result->vendor);
    check_place(&difference->rebuilt, &result->rebuilt);
    check_guesses(difference->guesses, difference->guess_count);
    FUZZ_ASSERT(difference->finding == SIZE_MAX || difference->finding < result->comparison.finding_count);
    FUZZ_ASSERT(difference->root == SIZE_MAX || difference->root < explanation->root_count);
    FUZZ_ASSERT(difference->listing == SIZE_MAX || difference->listing < explanation->listing_count);
    FUZZ_ASSERT(difference->listing == SIZE_MAX || difference->kind == DIFFERENCE_CODE);
}

static void check_root(const struct explanation *explanation, size_t index)
{
    const struct root *root = &explanation->roots[index];
    FUZZ_ASSERT(root->first < explanation->difference_count && root->difference_count > 0);
    FUZZ_ASSERT(explanation->differences[root->first].root == index);
    FUZZ_ASSERT(!explanation->differences[root->first].consequence);
    check_guesses(root->guesses, root->guess_count);
    check_optional(root->ruled_out);
}

/* ---- Listings ---- */

static void check_instruction(const struct listed_instruction *instruction, const struct place *function)
{
    check_optional(instruction->text);
    check_optional(instruction->source);
    if (instruction->text != NULL)
        FUZZ_ASSERT(instruction->file_offset >= function->bytes.begin &&
                    instruction->file_offset < function->bytes.end);
}

static void check_line(const struct listed_line *line, const struct listing *listing)
{
    bool vendor = line->vendor.text != NULL, rebuilt = line->rebuilt.text != NULL;
    FUZZ_ASSERT(line->kind < LISTED_KINDS);
    FUZZ_ASSERT((line->kind == LISTED_GAP) == (!vendor && !rebuilt));
    if (line->kind == LISTED_CHANGED || line->kind == LISTED_EQUAL)
        FUZZ_ASSERT(vendor && rebuilt);
    if (line->kind == LISTED_ONLY_VENDOR || line->kind == LISTED_ONLY_REBUILT)
        FUZZ_ASSERT(vendor == (line->kind == LISTED_ONLY_VENDOR) && vendor != rebuilt);
    check_instruction(&line->vendor, &listing->vendor);
    check_instruction(&line->rebuilt, &listing->rebuilt);
}

static void check_listing(const struct compare_result *result, const struct listing *listing)
{
    check_place(&listing->vendor, &result->vendor);
    check_place(&listing->rebuilt, &result->rebuilt);
    FUZZ_ASSERT(listing->root == SIZE_MAX || listing->root < result->explanation.root_count);
    for (size_t i = 0; i < listing->line_count; i++)
        check_line(&listing->lines[i], listing);
}

static void check_explanation(const struct compare_result *result)
{
    const struct explanation *explanation = &result->explanation;
    FUZZ_ASSERT(explanation->made == (result->verdict != COMPARE_IDENTICAL));
    check_optional(explanation->incomplete);
    FUZZ_ASSERT(explanation->consequence_count <= result->comparison.finding_count);
    FUZZ_ASSERT(explanation->difference_count == 0 || explanation->root_count > 0);
    for (size_t i = 0; i < explanation->difference_count; i++)
        check_difference(result, &explanation->differences[i]);
    for (size_t i = 0; i < explanation->root_count; i++)
        check_root(explanation, i);
    for (size_t i = 0; i < explanation->listing_count; i++)
        check_listing(result, &explanation->listings[i]);
}

/* ---- Reports ---- */

static void check_json_report(const struct compare_result *result)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    struct compare_error error = {0};
    struct compare_report_options options = {.size = sizeof(options), .max_bytes = 1};
    FUZZ_ASSERT(stream != NULL && compare_report_json(result, &options, stream, &error) == 0);
    fclose(stream);
    json_t *report = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    FUZZ_ASSERT(report != NULL);
    FUZZ_ASSERT(json_is_object(json_object_get(report, "explanation")) == result->explanation.made);
    json_decref(report);
    free(text);
}

/* ---- With and without ---- */

static void check_same_account(const struct compare_result *result, const struct compare_result *plain)
{
    FUZZ_ASSERT(result->verdict == plain->verdict && !plain->explanation.made);
    FUZZ_ASSERT(memcmp(&result->vendor_tally, &plain->vendor_tally, sizeof(plain->vendor_tally)) == 0);
    FUZZ_ASSERT(memcmp(&result->rebuilt_tally, &plain->rebuilt_tally, sizeof(plain->rebuilt_tally)) == 0);
    FUZZ_ASSERT(result->comparison.finding_count == plain->comparison.finding_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pair_input pair;
    struct compare_result *result = NULL, *plain = NULL;
    pair_open(&pair, data, size);
    struct compare_options options = {.size = sizeof(options), .policy = &pair.policy}, explaining = options;
    explaining.explain = explaining.list = true;
    int status = pair_compare(&pair.files[0], &pair.files[1], &explaining, &result);
    FUZZ_ASSERT(status == pair_compare(&pair.files[0], &pair.files[1], &options, &plain));
    if (status == 0) {
        check_same_account(result, plain);
        check_explanation(result);
        const bool all = size % 2 == 0;
        const struct compare_report_options shown = {
            .size = sizeof(shown), .all_findings = all, .explain_all = true, .width = all ? 0 : 1};
        pair_check_text(result, &shown);
        check_json_report(result);
    }
    compare_result_free(result);
    compare_result_free(plain);
    pair_close(&pair);
    return 0;
}

#define STRETCH 64

/* Half of the changes stay in place, so that offsets into debug information, code and strings lead where they did. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    if (seed % 2 == 0 || size < 3 + STRETCH)
        return pair_mutate(data, size, most, seed / 2);
    LLVMFuzzerMutate(data + 3 + seed / 2 % (size - 2 - STRETCH), STRETCH, STRETCH);
    return size;
}
