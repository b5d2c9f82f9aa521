/* Separate debug files: those that the user names, found by build ID where a directory is named. */
#ifndef DEBUG_FILES_H
#define DEBUG_FILES_H

#include "judge/judge.h"

/*
 * Opens what the options name for both sides, whose files are open, not parsed. Before rights are given up: a build ID
 * is read by a process of its own, which gives up its rights before it parses. A file that cannot be opened is an
 * error, a directory that has none for the build ID a note.
 */
int debug_files_open(struct compare_result *result, const struct compare_options *options, struct compare_error *error);

/* Parses them, when both sides are parsed. One of another build is not used, with a note. */
int debug_files_parse(struct compare_result *result, struct compare_error *error);

int debug_files_check_unchanged(const struct compare_result *result, struct compare_error *error);

#endif
