/*
 * A set of rules (two bytes, a bit each), then a file: what the rules set aside, and that the normal form of the
 * normal form is itself.
 */
#include <string.h>

#include "fuzz.h"

/* Two bytes, each rule a bit. */
#define MASK_SIZE 2

static void check_fixed_point(const struct normal_form *form, const struct rule_set *rules)
{
    struct image image;
    struct normal_form again;
    struct compare_error error = {0};
    uint8_t *bytes = fuzz_form_bytes(form);
    if (bytes == NULL)
        return;
    fuzz_open(&image, bytes, form->size);
    FUZZ_ASSERT(fuzz_parse(&image) == 0);
    FUZZ_ASSERT(normal_form_build(&image, rules, &again, &error) == 0);
    fuzz_check_form(&again, rules);
    FUZZ_ASSERT(normal_forms_equal(form, &again) && normal_forms_equal(&again, form));
    uint8_t *bytes_again = fuzz_form_bytes(&again);
    FUZZ_ASSERT(bytes_again != NULL && again.size == form->size && memcmp(bytes_again, bytes, form->size) == 0);
    free(bytes_again);
    free(bytes);
    normal_form_close(&again);
    fuzz_close(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct image image;
    struct rule_set rules = {{0}};
    uint16_t mask = input_u16(&input);
    for (size_t i = 0; i < RULE_COUNT; i++)
        rules.accepted[i] = (mask >> i & 1) != 0;
    fuzz_open(&image, input.bytes, input.size);
    if (fuzz_parse(&image) == 0) {
        struct normal_form form;
        struct compare_error error = {0};
        FUZZ_ASSERT(normal_form_build(&image, &rules, &form, &error) == 0);
        fuzz_check_form(&form, &rules);
        check_fixed_point(&form, &rules);
        normal_form_close(&form);
    }
    fuzz_close(&image);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    if (size < MASK_SIZE + 64 || seed % 16 == 0)
        return LLVMFuzzerMutate(data, size, most);
    return MASK_SIZE + fuzz_mutate_elf(data + MASK_SIZE, size - MASK_SIZE, most - MASK_SIZE, seed);
}
