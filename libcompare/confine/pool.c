/*
 * The pool of workers. One loop waits for all of them: for their pipes, for the descriptor that tells to stop, for the
 * nearest deadline and the next tick. A worker has ended when it is gone, not when it has spoken: one that answers and
 * goes on, or closes its pipe and goes on, is ended at its deadline as any other.
 */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"

#define JOBS_MOST         1024
#define TICK_MILLISECONDS 200
/* From the closing of a pipe to a process's being gone: looked for in steps of this, where the kernel does not tell. */
#define LEAVING_MILLISECONDS 1

/* Those that this process may run on: a batch system gives each of its tasks a part. */
static unsigned processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (unsigned)count : 1;
}

int compare_pool_open(const struct compare_pool_options *options, struct compare_pool **out,
                      struct compare_error *error)
{
    struct compare_pool *pool = calloc(1, sizeof(*pool));
    *out = pool;
    if (pool == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    pool->options = *options;
    if (pool->options.jobs == 0)
        pool->options.jobs = processors();
    if (pool->options.jobs > JOBS_MOST)
        pool->options.jobs = JOBS_MOST;
    pool->workers = calloc(pool->options.jobs, sizeof(*pool->workers));
    pool->waits = calloc(pool->options.jobs + 1, sizeof(*pool->waits));
    if (pool->workers == NULL || pool->waits == NULL) {
        free(pool->workers);
        free(pool->waits);
        free(pool);
        *out = NULL;
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory for %u workers", options->jobs);
    }
    for (unsigned i = 0; i < pool->options.jobs; i++)
        pool->workers[i].fd = pool->workers[i].leaving = pool->workers[i].output = -1;
    pool->next_tick = worker_clock() + TICK_MILLISECONDS;
    return 0;
}

static bool is_free(const struct worker *worker)
{
    return worker->pid == 0;
}

/* The place is free before the caller hears of it, so that there is room for a work in its stead. */
static void tell(struct compare_pool *pool, struct worker *worker)
{
    struct compare_error error = {0};
    struct compare_ended ended = {.argument = worker->work.argument,
                                  .error = &error,
                                  .output = worker->output,
                                  .seconds = (double)(worker_clock() - worker->begun) / 1000};
    ended.status = worker_settle(worker, &ended.outcome, &error);
    worker->output = -1;
    worker_release(worker);
    pool->running--;
    if (pool->options.ended != NULL)
        pool->options.ended(pool->options.state, &ended);
    if (ended.output >= 0)
        close(ended.output);
}

static void end_all(struct compare_pool *pool, enum worker_receipt reason)
{
    for (unsigned i = 0; i < pool->options.jobs; i++) {
        if (!is_free(&pool->workers[i])) {
            worker_end(&pool->workers[i], reason);
            tell(pool, &pool->workers[i]);
        }
    }
}

/* ---- Waiting ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Fills in what is waited for; until when, at most. */
static int64_t list_waits(struct compare_pool *pool, int64_t now)
{
    int64_t until = pool->options.tick != NULL ? pool->next_tick : INT64_MAX;
    for (unsigned i = 0; i < pool->options.jobs; i++) {
        struct worker *worker = &pool->workers[i];
        pool->waits[i] = (struct pollfd){.fd = worker_news(worker), .events = POLLIN};
        if (is_free(worker))
            continue;
        until = earlier(until, worker->deadline);
        if (pool->waits[i].fd < 0)
            until = earlier(until, now + LEAVING_MILLISECONDS);
    }
    bool stoppable = pool->options.stop > 0 && !pool->stopped;
    pool->waits[pool->options.jobs] = (struct pollfd){.fd = stoppable ? pool->options.stop : -1, .events = POLLIN};
    return until;
}

static void look_after(struct compare_pool *pool, struct worker *worker)
{
    /* First it is heard, then seen to be gone: one thing at a time, so that nothing depends on which came sooner. */
    bool ended = worker_has_spoken(worker) && worker_has_ended(worker);
    if (!ended)
        worker_hear(worker);
    if (worker->receipt == RECEIPT_FAILED && !ended)
        worker_end(worker, RECEIPT_FAILED);
    else if (!ended && worker_clock() >= worker->deadline)
        worker_end(worker, RECEIPT_LATE);
    else if (!ended)
        return;
    tell(pool, worker);
}

static void tick(struct compare_pool *pool)
{
    int64_t now = worker_clock();
    if (pool->options.tick == NULL || now < pool->next_tick)
        return;
    pool->next_tick = now + TICK_MILLISECONDS;
    pool->options.tick(pool->options.state);
}

/* Waits for something to happen to some work, once. */
static void wait_once(struct compare_pool *pool)
{
    int64_t now = worker_clock(), left = list_waits(pool, now) - now;
    int timeout = left < 0 ? 0 : left < 1000000 ? (int)left : 1000000;
    int ready = poll(pool->waits, pool->options.jobs + 1, timeout);
    if (ready < 0 && errno != EINTR) {
        end_all(pool, RECEIPT_FAILED);
        return;
    }
    if (ready > 0 && pool->waits[pool->options.jobs].revents != 0) {
        pool->stopped = true;
        end_all(pool, RECEIPT_STOPPED);
        return;
    }
    for (unsigned i = 0; i < pool->options.jobs; i++) {
        if (!is_free(&pool->workers[i]))
            look_after(pool, &pool->workers[i]);
    }
    tick(pool);
}

/* ---- What callers do ---- */

static int interrupted(struct compare_error *error)
{
    return error_set(error, COMPARE_ERROR_INTERRUPTED, NULL, "interrupted");
}

static bool is_told_to_stop(struct compare_pool *pool)
{
    struct pollfd stop = {.fd = pool->options.stop, .events = POLLIN};
    if (!pool->stopped && pool->options.stop > 0 && poll(&stop, 1, 0) > 0) {
        pool->stopped = true;
        end_all(pool, RECEIPT_STOPPED);
    }
    return pool->stopped;
}

static void begin(struct compare_pool *pool, struct worker *worker, const struct compare_work *work)
{
    struct compare_error error = {0};
    struct compare_ended ended = {.argument = work->argument, .error = &error, .output = -1};
    struct worker begun;
    ended.status = worker_begin(&begun, work, pool->workers, pool->options.jobs, &error);
    if (ended.status == 0) {
        *worker = begun;
        pool->running++;
    } else if (pool->options.ended != NULL) {
        pool->options.ended(pool->options.state, &ended);
    }
}

int compare_pool_add(struct compare_pool *pool, const struct compare_work *work, struct compare_error *error)
{
    while (!is_told_to_stop(pool)) {
        for (unsigned i = 0; i < pool->options.jobs; i++) {
            if (is_free(&pool->workers[i])) {
                begin(pool, &pool->workers[i], work);
                return 0;
            }
        }
        wait_once(pool);
    }
    return interrupted(error);
}

int compare_pool_wait(struct compare_pool *pool, struct compare_error *error)
{
    while (pool->running > 0)
        wait_once(pool);
    return is_told_to_stop(pool) ? interrupted(error) : 0;
}

void compare_pool_close(struct compare_pool *pool)
{
    if (pool == NULL)
        return;
    pool->options.ended = NULL;
    if (pool->running > 0)
        end_all(pool, RECEIPT_STOPPED);
    free(pool->workers);
    free(pool->waits);
    free(pool);
}

/* ---- One work alone: a pool of one, which needs no memory ---- */

struct answer {
    int status, *outcome;
    struct compare_error *error;
};

static void take_answer(void *state, const struct compare_ended *ended)
{
    struct answer *answer = state;
    answer->status = ended->status;
    *answer->outcome = ended->outcome;
    *answer->error = *ended->error;
}

int compare_in_worker(const struct compare_work *work, int *outcome, struct compare_error *error)
{
    struct worker worker = {.fd = -1, .leaving = -1, .output = -1};
    struct pollfd waits[2];
    struct compare_error ignored;
    struct answer answer = {.outcome = outcome, .error = error != NULL ? error : &ignored};
    struct compare_pool pool = {
        .options = {.size = sizeof(pool.options), .jobs = 1, .ended = take_answer, .state = &answer},
        .workers = &worker,
        .waits = waits};
    struct compare_work alone = *work;
    alone.output = NULL; /* it would be closed before the caller could read it */
    compare_pool_add(&pool, &alone, answer.error);
    compare_pool_wait(&pool, answer.error);
    return answer.status;
}
