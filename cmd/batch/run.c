/*
 * Pairs through the pool of workers. The parent opens both files, tells equal ones by their bytes, and asks of the
 * others a worker, which keeps these two files and the place for its answer, and nothing else. What goes wrong with a
 * pair costs that pair; what goes wrong with the results ends the run.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "batch.h"
#include "run.h"

/* For all of a pair of archives: a bound on what would never end, not on work. */
#define TREE_SECONDS (UINT64_C(7) * 24 * 3600)

/* ---- A pair on its way ---- */

static struct job *job_new(struct run *run, size_t index)
{
    struct job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        give_up("no memory");
    *job = (struct job){.run = run, .next = run->jobs, .fds = {-1, -1}};
    if (job->next != NULL)
        job->next->before = job;
    run->jobs = job;
    job->key = manifest_key(run->manifest, index);
    manifest_pair(run->manifest, index, &job->pair);
    job->policy = policies_find(&run->policies, job->pair.policy);
    return job;
}

static void job_free(struct job *job)
{
    for (size_t i = 0; i < 2; i++) {
        if (job->fds[i] >= 0)
            close(job->fds[i]);
    }
    if (job->explaining != NULL)
        munmap((void *)job->explaining, sizeof(*job->explaining));
    if (job->before != NULL)
        job->before->next = job->next;
    else
        job->run->jobs = job->next;
    if (job->next != NULL)
        job->next->before = job->before;
    pair_free(&job->pair);
    free(job);
}

static int open_input(struct job *job, size_t side, struct compare_error *error)
{
    struct compare_input *input = &job->inputs[side];
    struct stat status;
    const char *why = NULL;
    input->name = side == 0 ? job->pair.vendor : job->pair.rebuilt;
    /* What is a pipe, a device or a lock must not hold up all others. */
    input->fd = job->fds[side] = open(input->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (input->fd < 0 || fstat(input->fd, &status) != 0)
        why = strerror(errno);
    else if (S_ISDIR(status.st_mode))
        why = "it is a directory, which has no digest to be known by again (elftally VENDOR REBUILT takes two)";
    else if (!S_ISREG(status.st_mode))
        why = "it is not a regular file";
    else
        input->size = (uint64_t)status.st_size;
    if (why == NULL)
        return 0;
    /* What is no file has no digest. */
    if (input->fd >= 0)
        close(input->fd);
    input->fd = job->fds[side] = -1;
    error->status = COMPARE_ERROR_SYSTEM;
    say(error, input->name, "cannot open: %s", why);
    return error->status;
}

static bool is_one_file(const struct job *job)
{
    struct stat status[2];
    return fstat(job->fds[0], &status[0]) == 0 && fstat(job->fds[1], &status[1]) == 0 &&
           status[0].st_dev == status[1].st_dev && status[0].st_ino == status[1].st_ino;
}

/* ---- What came of it ---- */

static void keep(struct job *job, json_t *line, double seconds)
{
    struct run *run = job->run;
    if (run->batch->times)
        json_object_set_new(line, "seconds", json_real(seconds));
    run->failed |= results_append(run->results, line) != 0 || results_sync(run->results, false) != 0;
    run->progress.verdicts[line_verdict(line)]++;
    run->progress.done++;
    run->progress.bytes += job->inputs[0].size + job->inputs[1].size;
    json_decref(line);
    job_free(job);
}

static void keep_failure(struct job *job, const struct compare_error *error, double seconds)
{
    struct run *run = job->run;
    if (run->batch->reports != NULL)
        run->failed |= reports_write_failure(run->batch->reports, job, error) != 0;
    keep(job, answer_of_failure(job, error), seconds);
}

static void keep_answer(struct job *job, const struct compare_ended *ended)
{
    struct run *run = job->run;
    struct compare_error error = {.status = COMPARE_ERROR_CRASHED};
    size_t size;
    json_t *answer = line_read_answer(ended->output, ended->outcome, job->tree, &size);
    if (answer == NULL) {
        say(&error, job->inputs[0].name, "the worker's answer makes no sense");
        keep_failure(job, &error, ended->seconds);
        return;
    }
    if (run->batch->reports != NULL)
        run->failed |= reports_copy(run->batch->reports, job, ended->output, (off_t)size) != 0;
    json_t *line = answer_of_worker(job, answer);
    json_decref(answer);
    keep(job, line, ended->seconds);
}

/* ---- In the worker ---- */

static int judge_pair(void *argument, int *outcome, struct compare_error *error)
{
    const struct job *job = argument;
    const struct batch *batch = job->run->batch;
    struct compare_options options = sandbox_options(&batch->sandbox, job->policy->policy);
    struct compare_result *result = NULL;
    /* While it may still ask what kind of descriptor that is. */
    FILE *out = fdopen(job->output, "w");
    if (out == NULL) {
        say(error, job->inputs[0].name, "no memory");
        return COMPARE_ERROR_MEMORY;
    }
    options.digest = true;
    options.explain = batch->explain && job->unexplained.status == 0;
    options.explaining = job->explaining;
    options.unexplained = job->unexplained.status != 0 ? job->unexplained.message : NULL;
    options.vendor_debug = job->pair.vendor_debug;
    options.rebuilt_debug = job->pair.rebuilt_debug;
    int status = compare_inputs(&job->inputs[0], &job->inputs[1], &options, &result, error);
    if (status == 0)
        *outcome = (int)compare_result_verdict(result);
    if (status == 0)
        status = compare_report_line(result, out, error);
    if (status == 0 && batch->reports != NULL)
        status = compare_report_json(result, NULL, out, error);
    return status;
}

/*
 * It parses nothing: that is done by workers of its own, one at a time, each confined and within the limits; so this one
 * keeps its rights, to begin those.
 */
static int judge_tree(void *argument, int *outcome, struct compare_error *error)
{
    const struct job *job = argument;
    const struct batch *batch = job->run->batch;
    struct compare_tree_options options = {.size = sizeof(options),
                                           .policy = job->policy->policy,
                                           .limits = &batch->sandbox.limits,
                                           .confine = !batch->sandbox.off,
                                           .explain = batch->explain,
                                           .vendor_debug = job->pair.vendor_debug,
                                           .rebuilt_debug = job->pair.rebuilt_debug,
                                           .jobs = 1,
                                           .digest = true};
    struct compare_tree *tree = NULL;
    int status = compare_tree_inputs(&job->inputs[0], &job->inputs[1], &options, &tree, error);
    FILE *out = status == 0 ? fdopen(job->output, "w") : NULL;
    if (status == 0 && out == NULL) {
        say(error, job->inputs[0].name, "no memory");
        status = COMPARE_ERROR_MEMORY;
    }
    if (status == 0)
        status = compare_tree_report_line(tree, out, error);
    if (status == 0 && batch->reports != NULL)
        status = compare_tree_report_json(tree, NULL, out, error);
    if (status == 0)
        *outcome = (int)compare_tree_verdict(tree);
    /* One of its own was ended by somebody, who did not end this one. */
    return status == COMPARE_ERROR_INTERRUPTED ? COMPARE_ERROR_CRASHED : status;
}

/* ---- In the parent: the end of a worker ---- */

static bool is_stopping(const struct run *run)
{
    struct pollfd stop = {.fd = run->stop, .events = POLLIN};
    return poll(&stop, 1, 0) > 0;
}

/* As elftally does with one pair: what ends the worker amid the explanation costs the explanation alone. */
static bool begin_again(struct job *job, const struct compare_ended *ended)
{
    bool may_be_its_fault = ended->status == COMPARE_ERROR_CRASHED || ended->status == COMPARE_ERROR_LIMIT ||
                            ended->status == COMPARE_ERROR_MEMORY;
    if (!may_be_its_fault || job->explaining == NULL || !*job->explaining || job->unexplained.status != 0)
        return false;
    job->unexplained = *ended->error;
    *job->explaining = false;
    return compare_pool_add(job->run->pool, &job->work, NULL) == 0;
}

static void take_ended(void *state, const struct compare_ended *ended)
{
    struct run *run = state;
    struct job *job = ended->argument;
    if (run->failed || (ended->status != 0 && is_stopping(run)))
        job_free(job); /* not done: the next run does it */
    else if (ended->status == 0)
        keep_answer(job, ended);
    else if (!begin_again(job, ended))
        keep_failure(job, ended->error, ended->seconds);
}

static void take_tick(void *state)
{
    struct run *run = state;
    run->failed |= results_sync(run->results, false) != 0;
    progress_tick(&run->progress);
}

/* ---- In the parent: the begin ---- */

static void share_explaining(struct job *job)
{
    void *shared = mmap(NULL, sizeof(*job->explaining), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    job->explaining = shared != MAP_FAILED ? shared : NULL;
}

/*
 * The limits hold for each worker that a tree's worker begins: for all of them together there can be no other bound than
 * one on what never ends. What it may write bounds theirs, too (RLIMIT_FSIZE), and any of these may be larger.
 */
static void free_of_limits(struct job *job)
{
    job->limits = job->run->batch->sandbox.limits;
    job->limits.size = sizeof(job->limits);
    job->limits.time = job->limits.time > TREE_SECONDS ? job->limits.time : TREE_SECONDS;
    job->limits.output = UINT64_MAX;
}

static int give_to_worker(struct job *job, struct compare_error *error)
{
    job->tree = compare_input_is_tree(&job->inputs[0]) && compare_input_is_tree(&job->inputs[1]);
    if (job->tree)
        free_of_limits(job);
    else
        share_explaining(job);
    job->kept[0] = job->fds[0];
    job->kept[1] = job->fds[1];
    job->kept[2] = -1;
    job->work = (struct compare_work){.what = job->inputs[0].name,
                                      .limits = job->tree ? &job->limits : &job->run->batch->sandbox.limits,
                                      .run = job->tree ? judge_tree : judge_pair,
                                      .argument = job,
                                      .size = job->inputs[0].size + job->inputs[1].size,
                                      .output = &job->output,
                                      .keep = job->kept};
    fflush(NULL);
    int status = compare_pool_add(job->run->pool, &job->work, error);
    if (status != 0)
        job_free(job);
    return status;
}

/* Where reports are wanted, one that is not there is made. */
static bool has_its_report(const struct job *job, const json_t *line)
{
    const char *directory = job->run->batch->reports;
    if (directory == NULL || line_verdict(line) == COMPARE_IDENTICAL)
        return true;
    return json_object_get(line, "report") != NULL && reports_has(directory, job);
}

/* What is known of it already, under the same conditions, needs no second judgement. */
static bool is_done(struct job *job)
{
    struct run *run = job->run;
    json_t *before = run->batch->resume ? results_find(run->results, job->key) : NULL;
    if (before == NULL)
        return false;
    json_t *now = answer_head(job);
    bool done = line_rank(before) == LINE_SETTLED && line_is_of(before, now) && has_its_report(job, before);
    if (done) {
        run->progress.verdicts[line_verdict(before)]++;
        run->progress.done++;
        run->progress.skipped++;
    }
    json_decref(now);
    json_decref(before);
    return done;
}

static double seconds_since(const struct timespec *begun)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begun->tv_sec) + (double)(now.tv_nsec - begun->tv_nsec) / 1e9;
}

/* COMPARE_ERROR_INTERRUPTED when the run is to stop. */
static int judge(struct run *run, size_t index)
{
    struct compare_error error = {0};
    struct timespec begun;
    struct job *job = job_new(run, index);
    uint8_t digest[32];
    bool equal = false;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    int status = open_input(job, 0, &error);
    if (status == 0)
        status = open_input(job, 1, &error);
    if (status == 0 && is_done(job)) {
        job_free(job);
        return 0;
    }
    /* Of one file, a worker says why that proves nothing. */
    if (status == 0 && !is_one_file(job))
        status = compare_inputs_equal(&job->inputs[0], &job->inputs[1], &equal, digest, &error);
    if (status != 0)
        keep_failure(job, &error, seconds_since(&begun));
    else if (equal)
        keep(job, answer_of_equal(job, digest), seconds_since(&begun));
    else
        return give_to_worker(job, &error);
    return 0;
}

/* ---- The whole ---- */

static void judge_all(struct run *run)
{
    for (size_t i = 0; i < manifest_count(run->manifest) && !run->interrupted && !run->failed; i++) {
        if (!shard_holds(&run->batch->shard, manifest_key(run->manifest, i)))
            continue;
        run->interrupted = is_stopping(run) || judge(run, i) == COMPARE_ERROR_INTERRUPTED;
        progress_tick(&run->progress);
    }
    if (!run->failed)
        run->interrupted |= compare_pool_wait(run->pool, NULL) == COMPARE_ERROR_INTERRUPTED;
    compare_pool_close(run->pool);
    for (struct job *job = run->jobs, *next; job != NULL; job = next) {
        next = job->next;
        job_free(job);
    }
}

static size_t count_wanted(const struct run *run)
{
    size_t wanted = 0;
    for (size_t i = 0; i < manifest_count(run->manifest); i++)
        wanted += shard_holds(&run->batch->shard, manifest_key(run->manifest, i));
    return wanted;
}

/*
 * The signals that end a run are news like any other. They stay held back to the end of the program, whose exit status
 * tells of them; each worker takes its own as it comes.
 */
static int hold_signals(void)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
        sigaddset(&held, ending[i]);
    sigprocmask(SIG_BLOCK, &held, NULL);
    return signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
}

void many_descriptors(void)
{
    struct rlimit limit;
    int fd;
    while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= STDERR_FILENO)
        continue;
    if (fd >= 0)
        close(fd);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int end_status(struct run *run)
{
    progress_end(&run->progress, !run->interrupted && !run->failed);
    if (run->interrupted)
        return fail(run->batch->output != NULL ? "interrupted: what is finished is kept, --resume goes on"
                                               : "interrupted");
    return run->failed ? EXIT_TROUBLE : fail_on_status(run->batch->fail_on, run->progress.verdicts);
}

static int open_and_judge(struct run *run)
{
    struct compare_pool_options options = {.size = sizeof(options),
                                           .jobs = run->batch->jobs,
                                           .stop = run->stop,
                                           .ended = take_ended,
                                           .tick = take_tick,
                                           .state = run};
    struct compare_error error;
    run->results = results_open(run->batch->output, run->batch->resume);
    if (run->results == NULL)
        return EXIT_TROUBLE;
    if (compare_pool_open(&options, &run->pool, &error) != 0)
        return results_close(run->results), fail_with(&error);
    progress_begin(&run->progress, run->batch->quiet, count_wanted(run));
    judge_all(run);
    run->failed |= results_close(run->results) != 0;
    return end_status(run);
}

int batch_run(const struct batch *batch)
{
    struct run run = {.batch = batch};
    many_descriptors();
    run.manifest = manifest_open(batch->manifest);
    if (run.manifest == NULL)
        return EXIT_TROUBLE;
    int status = policies_open(&run.policies, batch, run.manifest);
    if (status == 0 && batch->reports != NULL)
        status = reports_prepare(batch->reports);
    if (status == 0) {
        run.stop = hold_signals();
        status = run.stop >= 0 ? open_and_judge(&run) : fail("cannot wait for signals: %s", strerror(errno));
    }
    if (run.stop > 0)
        close(run.stop);
    policies_close(&run.policies);
    manifest_free(run.manifest);
    return status;
}
