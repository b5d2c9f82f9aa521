/* One worker process, as the pool sees it: begun, heard, ended, and what is then believed of its answer. */
#ifndef CONFINE_WORKER_H
#define CONFINE_WORKER_H

#include <sys/types.h>

#include "../base/base.h"

struct worker_message {
    uint32_t magic;
    int32_t status, outcome;
    struct compare_error error;
};

enum worker_receipt {
    RECEIPT_NONE = 0, /* the worker ended, or closed its pipe, before all was said */
    RECEIPT_WHOLE,
    RECEIPT_LATE,
    RECEIPT_FAILED,  /* the pipe cannot be read */
    RECEIPT_EXCESS,  /* it said more than its answer */
    RECEIPT_STOPPED, /* it was ended, as all of its pool */
};

struct worker {
    struct compare_work work;
    pid_t pid;               /* 0: none is running here */
    int fd;                  /* its pipe; -1 once there is nothing more to hear */
    int leaving;             /* then: a descriptor that tells when it is gone; -1 where the kernel has none */
    int output;              /* -1: none */
    int status;              /* as waitpid gives it */
    int64_t begun, deadline; /* milliseconds of the monotonic clock */
    uint64_t seconds;        /* the limit on its time */
    uint64_t output_limit;
    size_t got; /* bytes of the message */
    enum worker_receipt receipt;
    struct worker_message message;
};

int64_t worker_clock(void);

/* Starts the work. The new process closes what the count workers of `others` have open. */
int worker_begin(struct worker *worker, const struct compare_work *work, const struct worker *others, size_t count,
                 struct compare_error *error);

/* Takes what can be read from its pipe now, without waiting for more, until all is said. */
void worker_hear(struct worker *worker);

/* What to wait for: first that it speaks, then that it is gone; -1: the latter is looked for now and then. */
int worker_news(struct worker *worker);

/* Whether it has said all, or nothing more can come. Then: whether it is gone; never waits. */
bool worker_has_spoken(const struct worker *worker);
bool worker_has_ended(struct worker *worker);

/* Ends it, for this reason, and waits until it is gone. */
void worker_end(struct worker *worker, enum worker_receipt reason);

/* What came of a worker that is gone: the status of its work. */
int worker_settle(const struct worker *worker, int *outcome, struct compare_error *error);

/* Closes what belongs to it; the place is free again. */
void worker_release(struct worker *worker);

#endif
