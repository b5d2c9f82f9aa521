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

extern const struct command command_batch, command_compare, command_merge, command_rules, command_causes,
    command_normalise, command_digest, command_verify;

/* Prints "elftally: MESSAGE" on stderr; returns EXIT_TROUBLE. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fail_with(const struct compare_error *error);

/* The end of the program amid its work: a message, and nothing half-written left behind. */
_Noreturn void give_up(const char *message);

/* "elftally: MESSAGE" and where to find help. */
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether all that was printed on standard output is there: 0, or EXIT_TROUBLE after a message. */
int finish_printing(void);
int print_usage(const struct command *command);

/* Prints a name that may hold anything: control characters and the backslash as \xNN. */
void print_escaped(const char *text);

/* A policy by name or path; NULL after a message. */
struct compare_policy *open_policy(const char *name_or_path);

/*
 * Where a report goes: it appears whole or not at all. A regular file is written beside its place and renamed; for
 * anything else (standard output, a pipe, a terminal) it is written to a file without a name first, and copied.
 */
struct output {
    const char *path; /* NULL: standard output */
    char *temporary;
    FILE *stream;
    FILE *copy_to; /* NULL where there is nothing to copy */
    bool told;     /* a message is out, or will be: there is no second one */
};

/* inputs: files that must not be overwritten, NULL-terminated. 0, or EXIT_TROUBLE after a message. */
int output_open(struct output *output, const char *path, const char *const *inputs);
/* Drops what was written so far; false where that fails. */
bool output_restart(struct output *output);
/* Puts the file in place, or drops it where keep is false. 0, or EXIT_TROUBLE after a message. */
int output_close(struct output *output, bool keep);
/* For the end of the program amid its work: nothing half-written is left behind. */
void output_abandon(void);

/*
 * The worker process in which a command reads its files, and what its user says of it. The files are opened, the
 * worker gives up its rights, and then they are parsed.
 */
struct sandbox {
    struct compare_limits limits;
    bool off;
    bool told; /* that it is off */
};

enum { OPTION_LIMIT = 512, OPTION_NO_SANDBOX };
#define SANDBOX_OPTIONS                                                                                                \
    {"limit", required_argument, NULL, OPTION_LIMIT},                                                                  \
    {                                                                                                                  \
        "no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX                                                             \
    }

/* One of these options; 0, or EXIT_TROUBLE after a message. */
int sandbox_option(struct sandbox *sandbox, int option, const char *argument);

/* That it is off, where it is. */
void sandbox_warn(const struct sandbox *sandbox);

/* What the worker passes to the library. The sandbox must outlive it. */
struct compare_options sandbox_options(const struct sandbox *sandbox, const struct compare_policy *policy);

/* compare_in_worker for these files, NULL-terminated. */
int sandbox_run(const struct sandbox *sandbox, const char *const *files,
                int (*run)(void *argument, int *outcome, struct compare_error *error), void *argument, int *outcome,
                struct compare_error *error);

#endif
