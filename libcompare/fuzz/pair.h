/* What the targets of two files share. */
#ifndef FUZZ_PAIR_H
#define FUZZ_PAIR_H

#include "fuzz.h"

struct pair_file {
    uint8_t *bytes;
    size_t size;
};

struct pair_input {
    struct compare_policy policy;
    struct pair_file files[2]; /* vendor, rebuilt */
};

/*
 * An input of two files: a byte that chooses a base file, or 255 for two whole files in the input, two bytes for the
 * rules; then the edits that make the rebuilt one of the base, or the first file's size (4 bytes) and both. Close it
 * with pair_close.
 */
void pair_open(struct pair_input *pair, const uint8_t *data, size_t size);
void pair_close(struct pair_input *pair);

/* In whole files the tables of either are changed, as ELF. */
size_t pair_mutate(uint8_t *data, size_t size, size_t most, unsigned seed);

/* The status of compare_files, which must be one that files alone can bring about. */
int pair_compare(const struct pair_file *vendor, const struct pair_file *rebuilt, const struct compare_options *options,
                 struct compare_result **result);

/*
 * An own reading of two files that were judged equivalent, from their bytes alone. Aborts where something that is
 * loaded differs outside a record that was set aside.
 */
void pair_check_loaded(const struct normal_form *vendor, const struct normal_form *rebuilt);

/* The text report is made, and holds nothing that is not printable. */
void pair_check_text(const struct compare_result *result, const struct compare_report_options *options);

#endif
