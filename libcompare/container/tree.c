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

struct side {
    const char *name;
    int fd;
    struct stat status;
    struct stretch bytes; /* of a file; no source: it is a directory */
};

static int open_range(const struct compare_input *input, struct side *side, struct compare_error *error)
{
    bool open_already = input->fd >= 0;
    uint64_t size = (uint64_t)side->status.st_size, begin = open_already ? input->offset : 0;
    uint64_t wanted = open_already ? input->size : size;
    if (begin > size || wanted > size - begin)
        return error_set(error, COMPARE_ERROR_CHANGED, side->name, "the file ends before what is to be compared does");
    side->bytes = (struct stretch){.source = source_new(dup(side->fd), false), .begin = begin, .end = begin + wanted};
    return side->bytes.source != NULL ? 0 : error_set(error, COMPARE_ERROR_MEMORY, side->name, "no memory");
}

static int open_side(const struct compare_input *input, struct side *side, struct compare_error *error)
{
    side->name = input->name;
    side->fd = input->fd >= 0 ? dup(input->fd) : open(input->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (side->fd < 0 || fstat(side->fd, &side->status) != 0)
        return error_set(error, COMPARE_ERROR_SYSTEM, side->name, "cannot open: %s", strerror(errno));
    if (S_ISDIR(side->status.st_mode))
        return 0;
    if (!S_ISREG(side->status.st_mode))
        return error_set(error, COMPARE_ERROR_UNSUPPORTED, side->name, "is neither a directory nor a regular file");
    return open_range(input, side, error);
}

static void close_side(struct side *side)
{
    source_drop(side->bytes.source);
    if (side->fd >= 0)
        close(side->fd);
}

static int check_sides(const struct side sides[2], struct compare_error *error)
{
    const struct stat *a = &sides[0].status, *b = &sides[1].status;
    if (a->st_dev == b->st_dev && a->st_ino == b->st_ino)
        return error_set(error, COMPARE_ERROR_UNSUPPORTED, sides[1].name,
                         "vendor and rebuilt are one and the same, which proves nothing");
    return 0;
}

static struct stretch bytes_of(const struct side *side)
{
    struct stretch bytes = side->bytes;
    source_use(bytes.source);
    return bytes;
}

static int begin_whole(struct tree_run *run, const struct side sides[2])
{
    struct tree_pair *pair = list_add(&run->pairs);
    if (pair == NULL)
        return run_no_memory(run);
    pair->path = ".";
    pair->holder = SIZE_MAX;
    pair->kind = kind_table[KIND_DIRECTORY].name;
    if (sides[0].bytes.source == NULL && sides[1].bytes.source == NULL) {
        holder_begin_directories(run, 0, dup(sides[0].fd), dup(sides[1].fd));
        return run->failure;
    }
    for (int side = 0; side < 2; side++) {
        if (sides[side].bytes.source == NULL)
            return mixed_begin(run, 0, side, dup(sides[side].fd), bytes_of(&sides[!side]));
    }
    struct stretch stretches[2] = {bytes_of(&sides[0]), bytes_of(&sides[1])};
    for (int side = 0; side < 2; side++)
        pair->size[side] = stretch_size(&stretches[side]);
    content_begin(run, NULL, 0, stretches, false);
    return run->failure;
}

/* Of the bytes that were judged: the files must be what they were when they were opened. */
static int take_digests(struct compare_tree *tree, const struct side sides[2], struct compare_error *error)
{
    for (int side = 0; side < 2; side++) {
        if (sides[side].bytes.source == NULL)
            continue;
        bool read = contents_digest(&sides[side].bytes, tree->digest[side]);
        if (!source_unchanged(sides[side].bytes.source))
            return error_set(error, COMPARE_ERROR_CHANGED, sides[side].name,
                             "the file changed while it was being compared");
        if (!read)
            return error_set(error, COMPARE_ERROR_SYSTEM, sides[side].name, "cannot take its digest");
        tree->digested[side] = true;
        tree->file_size[side] = stretch_size(&sides[side].bytes);
    }
    return 0;
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

static int compare_sides(struct tree_run *run, const struct side sides[2])
{
    double begun = run_seconds();
    int status = check_sides(sides, run->error);
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
    if (status == 0 && run->options->digest)
        status = take_digests(run->tree, sides, run->error);
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

static int check_maps(const char *const *maps, struct compare_error *error)
{
    for (size_t i = 0; maps != NULL && maps[i] != NULL; i++) {
        if (!map_is_sound(maps[i]))
            return error_set(error, COMPARE_ERROR_UNSUPPORTED, maps[i],
                             "is no PATTERN=PATTERN with as many stars on both sides");
    }
    return 0;
}

int compare_tree_inputs(const struct compare_input *vendor, const struct compare_input *rebuilt,
                        const struct compare_tree_options *options, struct compare_tree **out,
                        struct compare_error *error)
{
    static const struct compare_tree_options defaults = {.size = sizeof(defaults)};
    struct compare_error ignored;
    struct side sides[2] = {{.fd = -1}, {.fd = -1}};
    options = options != NULL ? options : &defaults;
    error = error != NULL ? error : &ignored;
    *out = NULL;
    if (check_maps(options->maps, error) != 0)
        return error->status;
    struct compare_tree *tree = tree_new(vendor->name, rebuilt->name, options->policy);
    if (tree == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    struct tree_run run = {.tree = tree, .options = options, .error = error};
    int status = open_side(vendor, &sides[0], error);
    if (status == 0)
        status = open_side(rebuilt, &sides[1], error);
    if (status == 0)
        status = compare_sides(&run, sides);
    close_side(&sides[0]);
    close_side(&sides[1]);
    if (status == 0)
        *out = tree;
    else
        compare_tree_free(tree);
    return status;
}

int compare_trees(const char *vendor, const char *rebuilt, const struct compare_tree_options *options,
                  struct compare_tree **tree, struct compare_error *error)
{
    const struct compare_input inputs[] = {{.name = vendor, .fd = -1}, {.name = rebuilt, .fd = -1}};
    return compare_tree_inputs(&inputs[0], &inputs[1], options, tree, error);
}

bool compare_input_is_tree(const struct compare_input *input)
{
    enum kind kind = kind_tell(input->fd, input->offset, input->size);
    /* A module with its signature is an ELF file first: its report tells of both. */
    return kind_table[kind].list != NULL && kind != KIND_MODULE;
}

bool compare_is_tree(const char *path)
{
    struct compare_input input = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    struct stat status;
    bool is_tree = false;
    if (input.fd < 0)
        return false;
    if (fstat(input.fd, &status) == 0) {
        input.size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
        is_tree = S_ISDIR(status.st_mode) || compare_input_is_tree(&input);
    }
    close(input.fd);
    return is_tree;
}
