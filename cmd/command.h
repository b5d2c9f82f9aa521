/* elftally's commands: one file each, its usage beside its code. No comparison logic lives here. */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include <libcompare.h>

#define EXIT_TROUBLE 2

struct command {
    const char *name;
    const char *usage; /* the lines of --help */
    int (*run)(int argc, char **argv);
};

extern const struct command command_compare, command_rules, command_normalise, command_digest, command_verify;

/* Prints "elftally: MESSAGE" on stderr; returns EXIT_TROUBLE. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fail_with(const struct compare_error *error);

/* "elftally: MESSAGE" and where to find help. */
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a name that may hold anything: control characters and the backslash as \xNN. */
void print_escaped(const char *text);

/* A policy by name or path; NULL after a message. */
struct compare_policy *open_policy(const char *name_or_path);

/*
 * Where a report goes: standard output, or a file that appears whole or not at all. A regular file is written beside
 * its place and renamed; anything else (a pipe, a terminal) is written as it is.
 */
struct output {
    const char *path; /* NULL: standard output */
    char *temporary;
    FILE *stream;
};

/* inputs: files that must not be overwritten, NULL-terminated. 0, or EXIT_TROUBLE after a message. */
int output_open(struct output *output, const char *path, const char *const *inputs);
/* Puts the file in place, or drops it where keep is false. 0, or EXIT_TROUBLE after a message. */
int output_close(struct output *output, bool keep);

#endif
