/*
 * A report that was altered, or any bytes as one, against the two files it tells of: never verified with another
 * verdict, sum or extent than the true report's. A byte that chooses the pair, then edits of its true report (0 to
 * 127), or the whole text of a report (from 128).
 */
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "../verify/verify.h"
#include "fuzz.h"

#define PAIRS 24

struct pair_of_files {
    struct built vendor, rebuilt;
    char *report;
    size_t report_size;
    enum compare_verdict verdict;
};

/* The rebuilt one differs in nothing, in its build ID and comment, or in its code. */
static void make_pair(unsigned index, struct pair_of_files *pair)
{
    char vendor_path[64], rebuilt_path[64];
    struct compare_result *result = NULL;
    struct compare_error error = {0};
    fuzz_base(index % FUZZ_BASES, &pair->vendor);
    pair->rebuilt = pair->vendor;
    if (index / FUZZ_BASES > 0)
        built_named(&pair->rebuilt, ".note.gnu.build-id")->content[20] ^= 1;
    if (index / FUZZ_BASES > 0)
        built_named(&pair->rebuilt, ".comment")->content[0] = 'g';
    if (index % 5 == 4)
        built_named(&pair->rebuilt, ".text")->content[0] = 0xcc;
    built_write(&pair->rebuilt);
    int vendor_fd = fuzz_file(pair->vendor.bytes, pair->vendor.size, vendor_path);
    int rebuilt_fd = fuzz_file(pair->rebuilt.bytes, pair->rebuilt.size, rebuilt_path);
    struct compare_options options = {.size = sizeof(options), .digest = true};
    FUZZ_ASSERT(compare_files(vendor_path, rebuilt_path, &options, &result, &error) == 0);
    FILE *stream = open_memstream(&pair->report, &pair->report_size);
    FUZZ_ASSERT(stream != NULL && compare_report_json(result, NULL, stream, &error) == 0);
    fclose(stream);
    pair->verdict = result->verdict;
    compare_result_free(result);
    close(vendor_fd);
    close(rebuilt_fd);
}

static int verify(const struct pair_of_files *pair, const char *report, size_t size)
{
    struct compare_error error = {0};
    int status = verify_bytes(report, size, pair->vendor.bytes, pair->vendor.size, pair->rebuilt.bytes,
                              pair->rebuilt.size, NULL, &error);
    if (status != 0)
        fuzz_check_text(error.message, sizeof(error.message));
    return status;
}

static const struct pair_of_files *pair_at(unsigned index)
{
    static struct pair_of_files *pairs;
    if (pairs == NULL) {
        pairs = calloc(PAIRS, sizeof(*pairs));
        FUZZ_ASSERT(pairs != NULL);
        for (unsigned i = 0; i < PAIRS; i++) {
            make_pair(i, &pairs[i]);
            FUZZ_ASSERT(verify(&pairs[i], pairs[i].report, pairs[i].report_size) == 0);
        }
    }
    return &pairs[index % PAIRS];
}

/* Bytes changed, digits changed, or one stretch over another, at places that the input names. */
static void edit_report(char *text, size_t size, struct input *input)
{
    while (input->size > 0) {
        uint8_t kind = input_u8(input);
        size_t at = input_u16(input) % size, from = input_u16(input) % size;
        if (kind % 3 == 0) {
            text[at] = (char)input_u8(input);
        } else if (kind % 3 == 1) {
            while (at < size && (text[at] < '0' || text[at] > '9'))
                at++;
            if (at < size)
                text[at] = (char)('0' + kind / 3 % 10);
        } else {
            size_t count = input_u8(input);
            if (at + count <= size && from + count <= size)
                memmove(text + at, text + from, count);
        }
    }
}

static void check_members(const json_t *altered, const json_t *honest, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        FUZZ_ASSERT(json_equal(json_object_get(altered, keys[i]), json_object_get(honest, keys[i])));
}

static void check_side(const json_t *altered, const json_t *honest, const char *side)
{
    static const char *const sums[] = {"size", "identical", "set_aside", "unexplained", "by_rule"};
    static const char *const lines[] = {"begin", "end", "standing", "rule"};
    check_members(json_object_get(json_object_get(altered, "tally"), side),
                  json_object_get(json_object_get(honest, "tally"), side), sums, ARRAY_COUNT(sums));
    const json_t *extents = json_object_get(json_object_get(altered, "extents"), side);
    const json_t *wanted = json_object_get(json_object_get(honest, "extents"), side);
    FUZZ_ASSERT(json_array_size(extents) == json_array_size(wanted));
    for (size_t i = 0; i < json_array_size(wanted); i++)
        check_members(json_array_get(extents, i), json_array_get(wanted, i), lines, ARRAY_COUNT(lines));
}

/* What a verified report says must be what is true; texts that are shown only, and more members, may be other ones. */
static void check_verified(const struct pair_of_files *pair, const char *text, size_t size)
{
    json_t *altered = json_loadb(text, size, 0, NULL), *honest = json_loadb(pair->report, pair->report_size, 0, NULL);
    FUZZ_ASSERT(altered != NULL && honest != NULL);
    const char *verdict = json_string_value(json_object_get(altered, "verdict"));
    FUZZ_ASSERT(verdict != NULL && strcmp(verdict, compare_verdict_name(pair->verdict)) == 0);
    /* Of what is different, it is not held how much of it no rule could have set aside. */
    if (pair->verdict != COMPARE_DIFFERENT) {
        check_side(altered, honest, "vendor");
        check_side(altered, honest, "rebuilt");
    }
    json_decref(altered);
    json_decref(honest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    uint8_t choice = input_u8(&input);
    const struct pair_of_files *pair = pair_at(choice % 128);
    size_t text_size = choice < 128 ? pair->report_size : input.size;
    char *text = malloc(text_size + (text_size == 0));
    FUZZ_ASSERT(text != NULL);
    if (text_size > 0)
        memcpy(text, choice < 128 ? pair->report : (const char *)input.bytes, text_size);
    if (choice < 128)
        edit_report(text, text_size, &input);
    if (verify(pair, text, text_size) == 0)
        check_verified(pair, text, text_size);
    free(text);
    return 0;
}
