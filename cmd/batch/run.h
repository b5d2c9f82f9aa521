/* A run of elftally batch, as run.c, policies.c, answer.c and reports.c see it. */
#ifndef CMD_BATCH_RUN_H
#define CMD_BATCH_RUN_H

#include "batch.h"

/* A policy that some pair names, opened once. */
struct named_policy {
    char *name;
    struct compare_policy *policy;
    json_t *object; /* its name and digest, as a line has them */
};

struct policies {
    struct named_policy *list;
    size_t count;
    const char *usual; /* of pairs that name none */
};

struct job;

struct run {
    const struct batch *batch;
    struct manifest *manifest;
    struct policies policies;
    struct results *results;
    struct compare_pool *pool;
    struct progress progress;
    struct job *jobs; /* on their way, the latest first */
    int stop;         /* readable once a signal asks for the end */
    bool interrupted;
    bool failed; /* results can no longer be written: told already */
};

struct job {
    struct run *run;
    struct job *next, *before; /* in run->jobs */
    struct pair pair;
    const struct key *key;
    const struct named_policy *policy;
    int fds[2]; /* vendor's, rebuilt's; -1: not open */
    struct compare_input inputs[2];
    int output, kept[3];
    bool tree;                    /* both hold other files: compared with all that they hold */
    struct compare_limits limits; /* a tree's, of its worker alone */
    struct compare_work work;
    volatile bool *explaining;        /* shared with the worker; NULL: no memory for it */
    struct compare_error unexplained; /* why the first worker's explanation failed */
};

/* "FILE: what went wrong" into error->message, the name escaped. */
void say(struct compare_error *error, const char *file, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- Policies ---- */

/* Every policy that a pair names. 0, or EXIT_TROUBLE after a message with the line's number. */
int policies_open(struct policies *policies, const struct batch *batch, const struct manifest *manifest);
const struct named_policy *policies_find(const struct policies *policies, const char *name);
void policies_close(struct policies *policies);

/* ---- Lines ---- */

/* What was compared with what, under which conditions: all by which a result is known again. Reads both files. */
json_t *answer_head(const struct job *job);
json_t *answer_of_equal(const struct job *job, const uint8_t digest[32]);
json_t *answer_of_failure(const struct job *job, const struct compare_error *error);
json_t *answer_of_worker(const struct job *job, const json_t *answer);

/* ---- Full reports, DIRECTORY/KEY.json ---- */

int reports_prepare(const char *directory);
bool reports_has(const char *directory, const struct job *job);
/* From this place of the worker's output to its end. 0, or EXIT_TROUBLE after a message. */
int reports_copy(const char *directory, const struct job *job, int fd, off_t offset);
int reports_write_failure(const char *directory, const struct job *job, const struct compare_error *error);

#endif
