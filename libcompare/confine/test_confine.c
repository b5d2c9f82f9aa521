/* A confined process can read what is open and compute, and nothing else; a worker's death is told and costs nothing. */
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define REFUSED 7

/* Runs an attempt in a confined child; its wait status. */
static int confined(void (*attempt)(int open_file))
{
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), ended = 0;
    assert_true(file >= 0);
    pid_t child = fork();
    if (child == 0) {
        struct compare_confinement got = {0};
        if (confine_process((uint64_t)64 << 20, &got, NULL) != 0)
            _exit(99);
        attempt(file);
        _exit(errno == EACCES || errno == EPERM ? REFUSED : 98);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    close(file);
    return ended;
}

static void opens(int file)
{
    (void)file;
    errno = 0;
    if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0)
        _exit(0);
}

static void creates(int file)
{
    (void)file;
    errno = 0;
    if (open("/tmp/libcompare-test-confine", O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0)
        _exit(0);
}

static void connects(int file)
{
    (void)file;
    if (socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0)
        _exit(0);
}

static void executes(int file)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    (void)file;
    execv("/bin/true", arguments);
}

static void forks(int file)
{
    (void)file;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    if (child > 0)
        _exit(0);
}

static void kills(int file)
{
    (void)file;
    if (kill(getppid(), 0) == 0)
        _exit(0);
}

static void maps_code(int file)
{
    (void)file;
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        _exit(0);
}

static void is_refused_or_killed(void (*attempt)(int))
{
    int ended = confined(attempt);
    assert_true((WIFEXITED(ended) && WEXITSTATUS(ended) == REFUSED) ||
                (WIFSIGNALED(ended) && WTERMSIG(ended) == SIGSYS));
}

static void a_confined_process_opens_nothing(void **state)
{
    (void)state;
    is_refused_or_killed(opens);
    is_refused_or_killed(creates);
}

static void a_confined_process_calls_for_nothing_else(void **state)
{
    void (*const attempts[])(int) = {connects, executes, forks, kills, maps_code};
    (void)state;
    /* Under the sanitizers there is no filter of calls. */
    for (size_t i = 0; i < ARRAY_COUNT(attempts) && !SANITIZED; i++)
        is_refused_or_killed(attempts[i]);
}

static void works(int file)
{
    struct stat status;
    char magic[4];
    void *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
    char *memory = malloc((size_t)8 << 20);
    if (map != MAP_FAILED && memory != NULL && pread(file, magic, 4, 0) == 4 && memcmp(magic, map, 4) == 0 &&
        fstat(file, &status) == 0)
        _exit(42);
}

static void a_confined_process_reads_what_is_open(void **state)
{
    (void)state;
    int ended = confined(works);
    assert_true(WIFEXITED(ended));
    assert_int_equal(WEXITSTATUS(ended), 42);
}

static void takes_much_memory(int file)
{
    (void)file;
    errno = 0;
    /* volatile: a compiler may do without an allocation that nothing is seen of */
    char *volatile memory = malloc((size_t)1 << 30);
    _exit(memory == NULL ? 42 : 0);
}

static void memory_has_its_limit(void **state)
{
    (void)state;
    int ended = confined(takes_much_memory);
    assert_true(SANITIZED || (WIFEXITED(ended) && WEXITSTATUS(ended) == 42));
}

/* ---- Workers ---- */

static int run(int (*work)(void *, int *, struct compare_error *), int *outcome, struct compare_error *error)
{
    struct compare_limits limits = {.size = sizeof(limits), .time = 1};
    struct compare_work piece = {.what = "some file", .limits = &limits, .run = work};
    return compare_in_worker(&piece, outcome, error);
}

static int answers(void *argument, int *outcome, struct compare_error *error)
{
    (void)argument;
    *outcome = 3;
    return error_set(error, COMPARE_ERROR_NOT_ELF, "a\033b", "said");
}

static int crashes(void *argument, int *outcome, struct compare_error *error)
{
    (void)argument;
    (void)outcome;
    (void)error;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return 0;
}

static int is_killed(void *argument, int *outcome, struct compare_error *error)
{
    (void)argument;
    (void)error;
    *outcome = COMPARE_IDENTICAL;
    kill(getpid(), SIGKILL);
    return 0;
}

static int is_interrupted(void *argument, int *outcome, struct compare_error *error)
{
    (void)argument;
    (void)error;
    *outcome = COMPARE_IDENTICAL;
    kill(getpid(), SIGINT);
    return 0;
}

static int leaves(void *argument, int *outcome, struct compare_error *error)
{
    (void)argument;
    (void)error;
    *outcome = COMPARE_IDENTICAL;
    _exit(0);
}

static int sleeps(void *argument, int *outcome, struct compare_error *error)
{
    (void)argument;
    (void)outcome;
    (void)error;
    sleep(60);
    return 0;
}

static int forges_its_status(void *argument, int *outcome, struct compare_error *error)
{
    (void)argument;
    (void)outcome;
    memset(error, 'x', sizeof(*error)); /* no end */
    return 1;
}

static void a_worker_s_answer_is_taken_and_escaped(void **state)
{
    struct compare_error error;
    int outcome;
    (void)state;
    assert_int_equal(run(answers, &outcome, &error), COMPARE_ERROR_NOT_ELF);
    assert_int_equal(outcome, 3);
    assert_string_equal(error.message, "a\\x1bb: said");
}

static void a_worker_that_dies_is_told(void **state)
{
    static const struct {
        int (*work)(void *, int *, struct compare_error *);
        const char *message;
    } deaths[] = {{crashes, "some file: the worker crashed (signal 11, Segmentation fault)"},
                  {is_killed, "some file: the worker was killed (signal 9)"},
                  {leaves, "some file: the worker ended without an answer"},
                  {forges_its_status, "some file: the worker ended without an answer"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(deaths); i++) {
        struct compare_error error;
        int outcome = 99;
        assert_int_equal(run(deaths[i].work, &outcome, &error), COMPARE_ERROR_CRASHED);
        assert_int_equal(outcome, COMPARE_INCONCLUSIVE);
        assert_int_equal(strncmp(error.message, deaths[i].message, strlen(deaths[i].message)), 0);
    }
}

static void a_worker_that_is_interrupted_has_not_crashed(void **state)
{
    struct compare_error error;
    int outcome = 99;
    (void)state;
    assert_int_equal(run(is_interrupted, &outcome, &error), COMPARE_ERROR_INTERRUPTED);
    assert_int_equal(outcome, COMPARE_INCONCLUSIVE);
    assert_string_equal(error.message, "some file: the worker was interrupted (signal 2, Interrupt)");
}

static void a_worker_that_takes_too_long_hits_the_limit(void **state)
{
    struct compare_error error;
    int outcome;
    (void)state;
    assert_int_equal(run(sleeps, &outcome, &error), COMPARE_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "limit time, which is 1"));
}

static void limits_grow_with_the_files_unless_they_are_set(void **state)
{
    struct compare_limits wanted = {.size = sizeof(wanted)};
    (void)state;
    assert_int_equal(compare_limit_set(&wanted, "time", 5), 0);
    assert_int_equal(compare_limit_set(&wanted, "patience", 5), COMPARE_ERROR_LIMIT);
    struct compare_limits small = limits_for(&wanted, 0), large = limits_for(&wanted, (uint64_t)4 << 30);
    assert_int_equal(small.time, 5);
    assert_int_equal(large.time, 5);
    assert_true(large.memory > small.memory && small.memory > 0);
    assert_true(limits_for(NULL, UINT64_MAX).memory > large.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_confined_process_opens_nothing),
        cmocka_unit_test(a_confined_process_calls_for_nothing_else),
        cmocka_unit_test(a_confined_process_reads_what_is_open),
        cmocka_unit_test(memory_has_its_limit),
        cmocka_unit_test(a_worker_s_answer_is_taken_and_escaped),
        cmocka_unit_test(a_worker_that_dies_is_told),
        cmocka_unit_test(a_worker_that_is_interrupted_has_not_crashed),
        cmocka_unit_test(a_worker_that_takes_too_long_hits_the_limit),
        cmocka_unit_test(limits_grow_with_the_files_unless_they_are_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
