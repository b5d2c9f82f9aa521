/* The .buildinfo files of both builds, which the user names: evidence for the explanation. */
#ifndef BUILDINFO_FILES_H
#define BUILDINFO_FILES_H

#include "judge/judge.h"

/* Opens what the options name. Before rights are given up. A file that cannot be opened is an error. */
int buildinfo_files_open(struct compare_result *result, const struct compare_options *options,
                         struct compare_error *error);

/*
 * Reads and compares them, when there is a verdict: what is wrong with them is a note. Without both there is nothing to
 * compare, and the one is not used, with a note.
 */
void buildinfo_files_read(struct compare_result *result);

int buildinfo_files_check_unchanged(const struct compare_result *result, struct compare_error *error);

/* Their sizes, in bytes. */
uint64_t buildinfo_files_size(const struct compare_result *result);

#endif
