/*
 * Two files: a byte that chooses a base file, or 255 for two whole files in the input, two bytes for the rules; then
 * the edits that make the rebuilt one of the base, or the first file's size (4 bytes) and both. Whatever they are:
 * no internal error; the verdict mirrors; identical only if the bytes are; equivalent exactly if the normal forms'
 * bytes are equal, and then an own reading of the program headers (or of the allocated sections of an object) finds
 * what is loaded to be equal outside records; the reports can be written; and the checker agrees.
 */
#include <string.h>
#include <unistd.h>

#include "../verify/verify.h"
#include "fuzz.h"
#include "pair.h"

struct side {
    uint8_t *bytes;
    size_t size;
};

/* ---- Making two files ---- */

#define EDIT_LIMIT 12

static void edit_field(struct side *side, struct input *input, const struct built *base)
{
    uint64_t entry = input_u8(input) % base->section_count, at = input_u8(input) % base->header.e_shentsize;
    uint8_t value = input_u8(input);
    side->bytes[base->header.e_shoff + entry * base->header.e_shentsize + at] = value;
}

/* A letter in a section: in some of them, that is what rules set aside. */
static void edit_content(struct side *side, uint8_t choice, uint8_t value, const struct built *base)
{
    const Elf64_Shdr *header = &base->sections[choice % base->section_count].header;
    if (header->sh_type != SHT_NOBITS && header->sh_size > 0)
        side->bytes[header->sh_offset + value / 26 * 3 % header->sh_size] = (uint8_t)('a' + value % 26);
}

static void edit(struct side *side, struct input *input, const struct built *base)
{
    uint8_t kind = input_u8(input);
    size_t at = input_u16(input) % side->size;
    uint8_t value = input_u8(input);
    switch (kind % 8) {
    case 0:
        side->bytes[at] = value;
        break;
    case 1:
        side->bytes[at] ^= (uint8_t)(1u << value % 8);
        break;
    case 2: /* insertions at the end */
        for (unsigned i = 0; i < value; i++)
            side->bytes[side->size++] = kind / 8 % 2 == 0 ? 0 : value;
        break;
    case 3:
        edit_field(side, input, base);
        break;
    case 4: /* one stretch over another */
        memmove(side->bytes + at, side->bytes + input_u16(input) % side->size,
                value < side->size - at ? value % 64 : 0);
        break;
    case 5:
        memset(side->bytes + at, value, side->size - at < 8 ? side->size - at : kind / 8 % 8);
        break;
    default:
        edit_content(side, (uint8_t)at, value, base);
    }
}

static void make_edited(struct input *input, unsigned index, struct side sides[2])
{
    static struct built base;
    fuzz_base(index, &base);
    for (unsigned i = 0; i < 2; i++) {
        sides[i].size = base.size;
        sides[i].bytes = malloc(base.size + EDIT_LIMIT * 256 + 256);
        FUZZ_ASSERT(sides[i].bytes != NULL);
        memcpy(sides[i].bytes, base.bytes, base.size);
    }
    for (unsigned i = 0; i < EDIT_LIMIT && input->size > 0; i++)
        edit(&sides[1], input, &base);
}

static void make_whole(struct input *input, struct side sides[2])
{
    size_t first = input_u16(input);
    first |= (size_t)input_u16(input) << 16;
    first = first < input->size ? first : input->size;
    for (unsigned i = 0; i < 2; i++) {
        sides[i].size = i == 0 ? first : input->size - first;
        sides[i].bytes = malloc(sides[i].size + 1);
        FUZZ_ASSERT(sides[i].bytes != NULL);
        if (sides[i].size > 0)
            memcpy(sides[i].bytes, input->bytes + (i == 0 ? 0 : first), sides[i].size);
    }
}

/* ---- What must hold ---- */

static int compare(const struct side *vendor, const struct side *rebuilt, const struct compare_policy *policy,
                   struct compare_result **result)
{
    char vendor_path[64], rebuilt_path[64];
    struct compare_error error = {0};
    struct compare_options options = {.size = sizeof(options), .policy = policy, .digest = true};
    int vendor_fd = fuzz_file(vendor->bytes, vendor->size, vendor_path);
    int rebuilt_fd = fuzz_file(rebuilt->bytes, rebuilt->size, rebuilt_path);
    int status = compare_files(vendor_path, rebuilt_path, &options, result, &error);
    close(vendor_fd);
    close(rebuilt_fd);
    FUZZ_ASSERT(status != COMPARE_ERROR_INTERNAL && status != COMPARE_ERROR_SYSTEM && status != COMPARE_ERROR_CHANGED);
    if (status != 0)
        fuzz_check_text(error.message, sizeof(error.message));
    return status;
}

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

static void check_text_report(const struct compare_result *result)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    struct compare_report_options options = {.size = sizeof(options), .all_findings = true};
    struct compare_error error = {0};
    FUZZ_ASSERT(stream != NULL && compare_report_text(result, &options, stream, &error) == 0);
    fclose(stream);
    for (size_t i = 0; i < size; i++)
        FUZZ_ASSERT(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
    free(text);
}

static void check_json_report(const struct compare_result *result, const struct side *vendor,
                              const struct side *rebuilt)
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

static void check_result(const struct compare_result *result, const struct side *vendor, const struct side *rebuilt)
{
    bool same = vendor->size == rebuilt->size && memcmp(vendor->bytes, rebuilt->bytes, vendor->size) == 0;
    FUZZ_ASSERT(result->verdict != COMPARE_INCONCLUSIVE);
    FUZZ_ASSERT((result->verdict == COMPARE_IDENTICAL) == same);
    if (!same)
        check_forms(result);
    if (result->verdict == COMPARE_EQUIVALENT)
        pair_check_loaded(&result->vendor_form, &result->rebuilt_form);
    check_text_report(result);
    check_json_report(result, vendor, rebuilt);
}

static void check_pair(const struct side sides[2], const struct compare_policy *policy)
{
    struct compare_result *result = NULL, *mirrored = NULL;
    int status = compare(&sides[0], &sides[1], policy, &result);
    int mirrored_status = compare(&sides[1], &sides[0], policy, &mirrored);
    FUZZ_ASSERT((status == 0) == (mirrored_status == 0));
    if (status == 0) {
        FUZZ_ASSERT(result->verdict == mirrored->verdict);
        FUZZ_ASSERT(result->vendor_tally.unexplained == mirrored->rebuilt_tally.unexplained ||
                    result->verdict == COMPARE_DIFFERENT);
        check_result(result, &sides[0], &sides[1]);
    }
    compare_result_free(result);
    compare_result_free(mirrored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct side sides[2];
    struct compare_policy policy = {.name = (char *)(uintptr_t) "fuzz"};
    uint8_t base = input_u8(&input);
    uint16_t mask = input_u16(&input);
    for (size_t i = 0; i < RULE_COUNT; i++) {
        policy.rules.accepted[i] = (mask >> i & 1) != 0;
        policy.reasons[i] = policy.rules.accepted[i] ? (char *)(uintptr_t) "fuzz" : NULL;
    }
    if (base == 255)
        make_whole(&input, sides);
    else
        make_edited(&input, base % FUZZ_BASES, sides);
    check_pair(sides, &policy);
    free(sides[0].bytes);
    free(sides[1].bytes);
    return 0;
}

/* In whole files the tables of either are changed, as ELF. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    size_t head = 7, first = size > head ? data[3] | (size_t)data[4] << 8 : 0;
    if (size < head + 128 || data[0] != 255 || seed % 8 == 0 || first > size - head)
        return LLVMFuzzerMutate(data, size, most);
    if (seed % 2 == 0) {
        /* The first one keeps its size, so that the second stays where it is. */
        fuzz_mutate_elf(data + head, first, first, seed / 2);
        return size;
    }
    head += first;
    return head + fuzz_mutate_elf(data + head, size - head, most - head, seed / 2);
}
