/*
 * The order of it all. What is open is opened first and compared as it was then; holders wait on a stack, so that what an
 * archive within an archive holds is done before the next one is opened, and little is open at one time; jobs go to the
 * pool as places become free. The parent compares bytes and lists directories; whatever is parsed, a worker parses.
 */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int run_no_memory(struct tree_run *run)
{
    if (run->failure == 0)
        run->failure = error_set(run->error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    return run->failure;
}

static double run_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Jobs ---- */

static bool is_told_to_stop(struct tree_run *run)
{
    struct pollfd stop = {.fd = run->options->stop, .events = POLLIN};
    if (!run->stopped && run->options->stop > 0)
        run->stopped = poll(&stop, 1, 0) > 0;
    return run->stopped || run->failure != 0;
}

/* The next job; members are begun until one of them makes a job. NULL: nothing is left to begin. */
static struct job *next_job(struct tree_run *run)
{
    while (run->jobs == NULL && run->holders != NULL && !is_told_to_stop(run)) {
        struct holder *holder = run->holders;
        /* With its last member it may be done, and gone. */
        if (holder->next + 1 == holder->couple_count)
            run->holders = holder->below;
        members_begin(run, holder);
    }
    struct job *job = is_told_to_stop(run) ? NULL : run->jobs;
    if (job != NULL)
        run->jobs = job->below;
    return job;
}

static void add_job(struct tree_run *run, struct job *job)
{
    struct compare_error error;
    struct work *work = job->side >= 0 ? &job->holder->works[job->side].work : &job->files.work;
    run->running++;
    if (compare_pool_add(run->pool, &work->begun, &error) == 0)
        return;
    run->running--;
    run->stopped = true;
    job->below = run->jobs;
    run->jobs = job;
}

static void work_ended(void *state, const struct compare_ended *ended)
{
    struct tree_run *run = state;
    const struct work *work = ended->argument;
    struct job *job = work->owner;
    run->running--;
    if (job->side >= 0)
        holder_listed(run, job, ended);
    else
        files_ended(run, job, ended);
    /* In its place; the others wait until the pool has room. */
    job = next_job(run);
    if (job != NULL)
        add_job(run, job);
}

static void tick(void *state)
{
    struct tree_run *run = state;
    if (run->options->progress != NULL)
        run->options->progress(run->options->state, &run->progress);
}

static void work_through(struct tree_run *run)
{
    struct compare_error error;
    for (;;) {
        struct job *job = next_job(run);
        if (job != NULL)
            add_job(run, job);
        else if (run->running > 0)
            compare_pool_wait(run->pool, &error);
        else
            return;
    }
}

/* ---- The two sides ---- */

struct opened {
    int fd;
    struct stat status;
};

static int open_side(const char *path, struct opened *side, struct compare_error *error)
{
    side->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (side->fd < 0 || fstat(side->fd, &side->status) != 0)
        return error_set(error, COMPARE_ERROR_SYSTEM, path, "cannot open: %s", strerror(errno));
    if (!S_ISDIR(side->status.st_mode) && !S_ISREG(side->status.st_mode))
        return error_set(error, COMPARE_ERROR_UNSUPPORTED, path, "is neither a directory nor a regular file");
    return 0;
}

static int check_sides(const struct compare_tree *tree, const struct opened sides[2], struct compare_error *error)
{
    const struct stat *a = &sides[0].status, *b = &sides[1].status;
    if (a->st_dev == b->st_dev && a->st_ino == b->st_ino)
        return error_set(error, COMPARE_ERROR_UNSUPPORTED, tree->rebuilt_path,
                         "vendor and rebuilt are one and the same, which proves nothing");
    return 0;
}

static int begin_whole(struct tree_run *run, const struct opened sides[2])
{
    struct stretch stretches[2];
    struct tree_pair *pair = list_add(&run->pairs);
    if (pair == NULL)
        return run_no_memory(run);
    pair->path = ".";
    pair->holder = SIZE_MAX;
    pair->kind = kind_table[KIND_DIRECTORY].name;
    if (S_ISDIR(sides[0].status.st_mode) && S_ISDIR(sides[1].status.st_mode)) {
        holder_begin_directories(run, 0, dup(sides[0].fd), dup(sides[1].fd));
        return run->failure;
    }
    for (int side = 0; side < 2; side++) {
        if (S_ISDIR(sides[side].status.st_mode)) {
            struct source *archive = source_new(dup(sides[!side].fd), false);
            return archive != NULL ? mixed_begin(run, 0, side, dup(sides[side].fd), archive) : run_no_memory(run);
        }
    }
    for (int side = 0; side < 2; side++) {
        stretches[side] = (struct stretch){.source = source_new(dup(sides[side].fd), false),
                                           .end = (uint64_t)sides[side].status.st_size};
        pair->size[side] = stretches[side].end;
    }
    if (stretches[0].source != NULL && stretches[1].source != NULL)
        content_begin(run, NULL, 0, stretches, false);
    else
        run_no_memory(run);
    return run->failure;
}

/* ---- Beginning and end ---- */

static int run_open(struct tree_run *run)
{
    struct compare_pool_options pool = {.size = sizeof(pool),
                                        .jobs = run->options->jobs,
                                        .stop = run->options->stop,
                                        .ended = work_ended,
                                        .tick = tick,
                                        .state = run};
    run->pairs = (struct list){.arena = &run->tree->arena, .item_size = sizeof(struct tree_pair)};
    run->limits = limits_for(run->options->limits, 0);
    run->work_options =
        (struct work_options){.policy = run->tree->policy,
                              .limits = run->options->limits,
                              .confine = run->options->confine,
                              .explain = run->options->explain,
                              .debug = {run->options->vendor_debug, run->options->rebuilt_debug},
                              .buildinfo = {run->options->vendor_buildinfo, run->options->rebuilt_buildinfo}};
    return compare_pool_open(&pool, &run->pool, run->error);
}

/* What an interruption left undone. */
static void run_close(struct tree_run *run)
{
    compare_pool_close(run->pool);
    while (run->jobs != NULL) {
        struct job *job = run->jobs;
        run->jobs = job->below;
        if (job->side >= 0)
            free(job);
        else
            job_free(job);
    }
    while (run->open != NULL)
        holder_release(run, run->open);
}

static int compare_sides(struct tree_run *run, const struct opened sides[2])
{
    double begun = run_seconds();
    int status = check_sides(run->tree, sides, run->error);
    if (status == 0)
        status = run_open(run);
    if (status == 0)
        status = begin_whole(run, sides);
    if (status == 0) {
        work_through(run);
        status = run->failure;
    }
    run->tree->interrupted = run->stopped;
    run->tree->pairs = run->pairs.items;
    run->tree->pair_count = run->pairs.count;
    run->tree->seconds = run_seconds() - begun;
    if (status == 0)
        status = tree_sum_up(run->tree, run->error);
    run_close(run);
    return status;
}

static struct compare_tree *tree_new(const char *vendor, const char *rebuilt, const struct compare_policy *policy)
{
    struct compare_tree *tree = calloc(1, sizeof(*tree));
    if (tree == NULL)
        return NULL;
    tree->policy = policy != NULL ? policy : (tree->own_policy = policy_built_in("standard"));
    tree->vendor_path = arena_strdup(&tree->arena, vendor);
    tree->rebuilt_path = arena_strdup(&tree->arena, rebuilt);
    if (tree->policy != NULL && tree->vendor_path != NULL && tree->rebuilt_path != NULL)
        return tree;
    compare_tree_free(tree);
    return NULL;
}

int compare_trees(const char *vendor, const char *rebuilt, const struct compare_tree_options *options,
                  struct compare_tree **out, struct compare_error *error)
{
    static const struct compare_tree_options defaults = {.size = sizeof(defaults)};
    struct compare_error ignored;
    struct opened sides[2] = {{.fd = -1}, {.fd = -1}};
    options = options != NULL ? options : &defaults;
    error = error != NULL ? error : &ignored;
    *out = NULL;
    for (size_t i = 0; options->maps != NULL && options->maps[i] != NULL; i++) {
        if (!map_is_sound(options->maps[i]))
            return error_set(error, COMPARE_ERROR_UNSUPPORTED, options->maps[i],
                             "is no PATTERN=PATTERN with as many stars on both sides");
    }
    struct compare_tree *tree = tree_new(vendor, rebuilt, options->policy);
    if (tree == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    struct tree_run run = {.tree = tree, .options = options, .error = error};
    int status = open_side(vendor, &sides[0], error);
    if (status == 0)
        status = open_side(rebuilt, &sides[1], error);
    if (status == 0)
        status = compare_sides(&run, sides);
    for (int side = 0; side < 2; side++) {
        if (sides[side].fd >= 0)
            close(sides[side].fd);
    }
    if (status == 0)
        *out = tree;
    else
        compare_tree_free(tree);
    return status;
}

bool compare_is_tree(const char *path)
{
    struct opened side = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    enum kind kind = KIND_DATA;
    if (side.fd < 0)
        return false;
    if (fstat(side.fd, &side.status) == 0 && S_ISDIR(side.status.st_mode))
        kind = KIND_DIRECTORY;
    else if (S_ISREG(side.status.st_mode))
        kind = kind_tell(side.fd, 0, (uint64_t)side.status.st_size);
    close(side.fd);
    /* A module with its signature is an ELF file first: its report tells of both. */
    return kind == KIND_DIRECTORY || (kind_table[kind].list != NULL && kind != KIND_MODULE);
}
