/* Works at once, each its own misfortune: what one of them does costs no other, and the parent never waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pool.h"

#define MANY 40

struct piece {
    int (*run)(struct piece *piece, int *outcome, struct compare_error *error);
    int number, output, kept[3], other;
    int status, outcome; /* what came of it */
    char message[sizeof(((struct compare_error *)NULL)->message)], written[64];
    bool ended;
};

struct all {
    struct compare_pool *pool;
    size_t ended;
    struct piece *again; /* begun in the place of the first that ends */
    struct compare_work work;
};

static int run_piece(void *argument, int *outcome, struct compare_error *error)
{
    struct piece *piece = argument;
    return piece->run(piece, outcome, error);
}

static void take(void *state, const struct compare_ended *ended)
{
    struct all *all = state;
    struct piece *piece = ended->argument;
    assert_false(piece->ended);
    piece->ended = true;
    piece->status = ended->status;
    piece->outcome = ended->outcome;
    snprintf(piece->message, sizeof(piece->message), "%s", ended->error->message);
    if (ended->output >= 0)
        assert_true(pread(ended->output, piece->written, sizeof(piece->written) - 1, 0) >= 0);
    assert_true(ended->seconds >= 0);
    all->ended++;
    if (all->again != NULL) {
        all->work.argument = all->again;
        all->again = NULL;
        assert_int_equal(compare_pool_add(all->pool, &all->work, NULL), 0);
    }
}

static void open_pool(struct all *all, unsigned jobs, int stop)
{
    struct compare_pool_options options = {
        .size = sizeof(options), .jobs = jobs, .stop = stop, .ended = take, .state = all};
    *all = (struct all){0};
    assert_int_equal(compare_pool_open(&options, &all->pool, NULL), 0);
}

static struct compare_work work_of(struct piece *piece, const struct compare_limits *limits)
{
    return (struct compare_work){.what = "some pair",
                                 .limits = limits,
                                 .run = run_piece,
                                 .argument = piece,
                                 .output = &piece->output,
                                 .keep = piece->kept};
}

static void run_all(struct piece *pieces, size_t count, unsigned jobs, const struct compare_limits *limits)
{
    struct all all;
    open_pool(&all, jobs, 0);
    for (size_t i = 0; i < count; i++) {
        struct compare_work work = work_of(&pieces[i], limits);
        pieces[i].number = (int)i;
        if (pieces[i].kept[0] == 0)
            pieces[i].kept[0] = -1;
        assert_int_equal(compare_pool_add(all.pool, &work, NULL), 0);
    }
    assert_int_equal(compare_pool_wait(all.pool, NULL), 0);
    assert_int_equal(all.ended, count);
    compare_pool_close(all.pool);
}

/* ---- What works do ---- */

static int answers(struct piece *piece, int *outcome, struct compare_error *error)
{
    char text[32];
    int size = snprintf(text, sizeof(text), "this is work %d", piece->number);
    (void)error;
    *outcome = piece->number;
    return write(piece->output, text, (size_t)size) == size ? 0 : COMPARE_ERROR_SYSTEM;
}

static int crashes(struct piece *piece, int *outcome, struct compare_error *error)
{
    (void)piece;
    (void)error;
    *outcome = COMPARE_IDENTICAL;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return 0;
}

static int is_killed(struct piece *piece, int *outcome, struct compare_error *error)
{
    (void)piece;
    (void)error;
    *outcome = COMPARE_IDENTICAL;
    kill(getpid(), SIGKILL);
    return 0;
}

static int hangs(struct piece *piece, int *outcome, struct compare_error *error)
{
    (void)piece;
    (void)outcome;
    (void)error;
    while (pause() < 0)
        continue;
    return 0;
}

/* The worker's pipe is not told to a work; one that was taken over finds it. */
static int pipe_of_this_worker(void)
{
    struct stat status;
    for (int fd = 3; fd < 1000; fd++) {
        if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode))
            return fd;
    }
    return -1;
}

static int says(const struct worker_message *message, size_t size)
{
    return write(pipe_of_this_worker(), message, size) == (ssize_t)size ? 0 : COMPARE_ERROR_SYSTEM;
}

static int speaks_and_hangs(struct piece *piece, int *outcome, struct compare_error *error)
{
    struct worker_message message = {.magic = 0x656c6674, .outcome = COMPARE_IDENTICAL};
    says(&message, sizeof(message));
    return hangs(piece, outcome, error);
}

static int closes_and_hangs(struct piece *piece, int *outcome, struct compare_error *error)
{
    close(pipe_of_this_worker());
    return hangs(piece, outcome, error);
}

static int speaks_twice(struct piece *piece, int *outcome, struct compare_error *error)
{
    struct worker_message message = {.magic = 0x656c6674, .outcome = COMPARE_IDENTICAL};
    (void)piece;
    (void)error;
    *outcome = COMPARE_IDENTICAL;
    return says(&message, sizeof(message));
}

static int lies_in_its_status(struct piece *piece, int *outcome, struct compare_error *error)
{
    (void)piece;
    *outcome = COMPARE_IDENTICAL;
    memset(error, 'x', sizeof(*error)); /* no end */
    return 1;
}

static int says_half(struct piece *piece, int *outcome, struct compare_error *error)
{
    struct worker_message message = {.magic = 0x656c6674, .outcome = COMPARE_IDENTICAL};
    (void)piece;
    (void)outcome;
    (void)error;
    says(&message, sizeof(message) / 2);
    _exit(0);
}

static int fills_its_output(struct piece *piece, int *outcome, struct compare_error *error)
{
    static const char block[4096];
    (void)error;
    *outcome = COMPARE_IDENTICAL;
    while (write(piece->output, block, sizeof(block)) > 0)
        continue;
    return 0;
}

/* How many descriptors are open beside the standard ones; whether another's is among them. */
static int tells_what_is_open(struct piece *piece, int *outcome, struct compare_error *error)
{
    char text[32];
    int open_count = 0;
    struct stat status, nowhere;
    (void)error;
    if (stat("/dev/null", &nowhere) != 0)
        return COMPARE_ERROR_SYSTEM;
    for (int fd = 0; fd < 3; fd++) {
        if (fstat(fd, &status) != 0 || status.st_rdev != nowhere.st_rdev)
            return COMPARE_ERROR_MALFORMED;
    }
    for (int fd = 3; fd < 1000; fd++)
        open_count += fcntl(fd, F_GETFD) >= 0;
    *outcome = open_count;
    bool others = fcntl(piece->other, F_GETFD) >= 0;
    int size = snprintf(text, sizeof(text), "%s", others ? "others" : "none");
    return write(piece->output, text, (size_t)size) == size ? 0 : COMPARE_ERROR_SYSTEM;
}

/* ---- What must hold ---- */

static void more_works_than_jobs_all_end_with_their_own_output(void **state)
{
    struct piece pieces[MANY] = {0};
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        pieces[i].run = answers;
    run_all(pieces, MANY, 3, NULL);
    for (int i = 0; i < MANY; i++) {
        char wanted[32];
        snprintf(wanted, sizeof(wanted), "this is work %d", i);
        assert_int_equal(pieces[i].status, 0);
        assert_int_equal(pieces[i].outcome, i);
        assert_string_equal(pieces[i].written, wanted);
    }
}

static void each_misfortune_costs_its_own_work_only(void **state)
{
    static const struct {
        int (*run)(struct piece *, int *, struct compare_error *);
        int status;
        const char *message;
    } rows[] = {
        {answers, 0, ""},
        {crashes, COMPARE_ERROR_CRASHED, "some pair: the worker crashed (signal 11, Segmentation fault)"},
        {is_killed, COMPARE_ERROR_CRASHED, "some pair: the worker was killed (signal 9)"},
        {hangs, COMPARE_ERROR_LIMIT, "limit time"},
        {speaks_and_hangs, COMPARE_ERROR_LIMIT, "limit time"},
        {closes_and_hangs, COMPARE_ERROR_LIMIT, "limit time"},
        {speaks_twice, COMPARE_ERROR_CRASHED, "some pair: the worker said more than its answer"},
        {lies_in_its_status, COMPARE_ERROR_CRASHED, "some pair: the worker ended without an answer"},
        {says_half, COMPARE_ERROR_CRASHED, "some pair: the worker ended without an answer"},
        {fills_its_output, COMPARE_ERROR_LIMIT, "limit output, which is 10000"},
        {answers, 0, ""},
    };
    struct compare_limits limits = {.size = sizeof(limits), .time = 1, .output = 10000};
    struct piece pieces[ARRAY_COUNT(rows)] = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        pieces[i].run = rows[i].run;
    run_all(pieces, ARRAY_COUNT(rows), 4, &limits);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        assert_int_equal(pieces[i].status, rows[i].status);
        assert_non_null(strstr(pieces[i].message, rows[i].message));
        assert_int_equal(pieces[i].outcome, rows[i].status == 0 ? (int)i : COMPARE_INCONCLUSIVE);
    }
}

static void a_worker_keeps_what_it_is_given_and_nothing_else(void **state)
{
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), results = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct piece pieces[4] = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
        pieces[i] = (struct piece){.run = tells_what_is_open, .kept = {file, -1}, .other = results};
    run_all(pieces, ARRAY_COUNT(pieces), 4, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
        assert_int_equal(pieces[i].status, 0);
        assert_int_equal(pieces[i].outcome, 3); /* its pipe, its output, the file */
        assert_string_equal(pieces[i].written, "none");
    }
    close(file);
    close(results);
}

static void a_work_can_be_added_in_the_place_of_one_that_ended(void **state)
{
    struct piece first = {.run = is_killed, .kept = {-1}}, second = {.run = answers, .number = 7, .kept = {-1}};
    struct all all;
    (void)state;
    open_pool(&all, 1, 0);
    struct compare_work work = work_of(&first, NULL);
    all.work = work_of(&second, NULL);
    all.again = &second;
    assert_int_equal(compare_pool_add(all.pool, &work, NULL), 0);
    assert_int_equal(compare_pool_wait(all.pool, NULL), 0);
    assert_int_equal(first.status, COMPARE_ERROR_CRASHED);
    assert_string_equal(second.written, "this is work 7");
    compare_pool_close(all.pool);
}

static void stopping_ends_what_runs_and_begins_nothing(void **state)
{
    struct compare_error error;
    struct piece done = {.run = answers, .kept = {-1}}, running = {.run = hangs, .kept = {-1}},
                 never = {.run = answers, .kept = {-1}};
    struct piece *const begun[] = {&done, &running};
    int stop = eventfd(0, EFD_CLOEXEC);
    struct all all;
    (void)state;
    open_pool(&all, 2, stop);
    for (size_t i = 0; i < ARRAY_COUNT(begun); i++) {
        struct compare_work work = work_of(begun[i], NULL);
        assert_int_equal(compare_pool_add(all.pool, &work, NULL), 0);
    }
    /* Room is made by the first; then the third would be begun. */
    struct compare_work work = work_of(&never, NULL);
    assert_int_equal(eventfd_write(stop, 1), 0);
    assert_int_equal(compare_pool_add(all.pool, &work, &error), COMPARE_ERROR_INTERRUPTED);
    assert_int_equal(compare_pool_wait(all.pool, &error), COMPARE_ERROR_INTERRUPTED);
    assert_true(running.ended);
    assert_int_equal(running.status, COMPARE_ERROR_INTERRUPTED);
    assert_false(never.ended);
    compare_pool_close(all.pool);
    close(stop);
}

static void a_closed_pool_leaves_no_worker_behind(void **state)
{
    struct piece pieces[2] = {{.run = hangs, .kept = {-1}}, {.run = hangs, .kept = {-1}}};
    struct all all;
    (void)state;
    open_pool(&all, 2, 0);
    for (size_t i = 0; i < 2; i++) {
        struct compare_work work = work_of(&pieces[i], NULL);
        assert_int_equal(compare_pool_add(all.pool, &work, NULL), 0);
    }
    pid_t pid = all.pool->workers[0].pid;
    compare_pool_close(all.pool);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    assert_false(pieces[0].ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_works_than_jobs_all_end_with_their_own_output),
        cmocka_unit_test(each_misfortune_costs_its_own_work_only),
        cmocka_unit_test(a_worker_keeps_what_it_is_given_and_nothing_else),
        cmocka_unit_test(a_work_can_be_added_in_the_place_of_one_that_ended),
        cmocka_unit_test(stopping_ends_what_runs_and_begins_nothing),
        cmocka_unit_test(a_closed_pool_leaves_no_worker_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
