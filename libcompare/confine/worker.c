/*
 * A process for one piece of work. It tells its outcome through a pipe, in one message of fixed size; whoever waits
 * trusts nothing in it but what is checked here. A worker that dies, or says nothing, or takes too long, has failed.
 *
 * What the parent has open is the parent's: a worker that a crafted file takes over must not write to the results, nor
 * to what another worker writes. So a work that names what it keeps loses everything else before it begins.
 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAGIC 0x656c6674

/* Descriptors that one work keeps: two files, their debug files, its output, and more than that. */
#define KEPT_MOST 32

/* Coverage counts are written at exit, which a worker does not come to. */
#ifdef COMPARE_COVERAGE
void __gcov_dump(void);
#define WRITE_COUNTS() __gcov_dump()
#else
#define WRITE_COUNTS() ((void)0)
#endif

int64_t worker_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- In the worker ---- */

static bool send_message(int fd, const struct worker_message *message)
{
    const char *at = (const char *)message;
    size_t left = sizeof(*message);
    while (left > 0) {
        ssize_t sent = write(fd, at, left);
        if (sent < 0 && errno != EINTR)
            return false;
        at += sent > 0 ? sent : 0;
        left -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

/* Closes [first, last]; kernels before 5.9 have no call for it. */
static void close_between(unsigned first, unsigned last)
{
    if (first > last || close_range(first, last, 0) == 0)
        return;
    long most = sysconf(_SC_OPEN_MAX);
    for (unsigned fd = first; fd <= last && (long)fd < most; fd++)
        close((int)fd);
}

static int by_number(const void *a, const void *b)
{
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static bool keep_only(const struct worker *worker, int fd)
{
    int kept[KEPT_MOST], nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    size_t count = 0;
    unsigned from = 3;
    kept[count++] = fd;
    if (worker->output >= 0)
        kept[count++] = worker->output;
    for (const int *keep = worker->work.keep; *keep >= 0; keep++) {
        if (count == KEPT_MOST)
            return false;
        kept[count++] = *keep;
    }
    for (int standard = 0; standard < 3; standard++) {
        if (nowhere < 0 || dup2(nowhere, standard) < 0)
            return false;
    }
    qsort(kept, count, sizeof(kept[0]), by_number);
    for (size_t i = 0; i < count; i++) {
        close_between(from, (unsigned)kept[i] - 1);
        from = (unsigned)kept[i] + 1;
    }
    close_between(from, UINT32_MAX);
    return true;
}

static void close_what_others_have(const struct worker *others, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (others[i].fd >= 0)
            close(others[i].fd);
        if (others[i].leaving >= 0)
            close(others[i].leaving);
        if (others[i].output >= 0)
            close(others[i].output);
    }
}

/* Signals as a new program has them: what the parent holds back or handles is the parent's. */
static void reset_signals(void)
{
    static const int defaults[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT};
    sigset_t none;
    for (size_t i = 0; i < ARRAY_COUNT(defaults); i++)
        signal(defaults[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool bound_output(const struct worker *worker)
{
    struct rlimit most = {worker->output_limit, worker->output_limit};
    if (worker->output < 0)
        return true;
    signal(SIGXFSZ, SIG_DFL);
    return setrlimit(RLIMIT_FSIZE, &most) == 0;
}

static void be_the_worker(const struct worker *worker, int fd, pid_t parent)
{
    const struct compare_work *work = &worker->work;
    struct worker_message message = {.magic = MESSAGE_MAGIC};
    struct rlimit none = {0, 0};
    reset_signals();
    setrlimit(RLIMIT_CORE, &none);
    /* Whoever started it is gone: nobody waits for the answer, and nobody would end it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
    if (!bound_output(worker) || (work->keep != NULL && !keep_only(worker, fd)))
        _exit(1);
    message.status = work->run(work->argument, &message.outcome, &message.error);
    WRITE_COUNTS();
    _exit(send_message(fd, &message) ? 0 : 1);
}

/* ---- In the parent: the begin ---- */

static uint64_t size_of_work(const struct compare_work *work)
{
    uint64_t size = work->size;
    struct stat status;
    for (const char *const *file = work->files; file != NULL && *file != NULL; file++)
        size += stat(*file, &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    return size;
}

static int64_t deadline_of(int64_t begun, uint64_t seconds)
{
    int64_t deadline;
    if (seconds > INT64_MAX / 2000 || __builtin_add_overflow(begun, (int64_t)seconds * 1000, &deadline))
        return INT64_MAX;
    return deadline;
}

/* Within what the whole process is held to already. */
static uint64_t output_limit_of(uint64_t wanted)
{
    struct rlimit held;
    return getrlimit(RLIMIT_FSIZE, &held) == 0 && held.rlim_max < wanted ? held.rlim_max : wanted;
}

/* A file without a name: on disk where there is a place for it, for a report can be long. */
static int anonymous_file(void)
{
    const char *directory = getenv("TMPDIR");
    int fd = open(directory != NULL && directory[0] != '\0' ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        fd = memfd_create("output", MFD_CLOEXEC);
    if (fd < 0 || fd > 2)
        return fd;
    /* The place of a standard stream, of which a worker is given another. */
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return higher;
}

static int fail_to_begin(struct worker *worker, const int ends[2], const char *what, struct compare_error *error)
{
    int reason = errno;
    for (size_t i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
    }
    worker_release(worker);
    return error_set(error, COMPARE_ERROR_SYSTEM, worker->work.what, "cannot %s: %s", what, strerror(reason));
}

int worker_begin(struct worker *worker, const struct compare_work *work, const struct worker *others, size_t count,
                 struct compare_error *error)
{
    int ends[2] = {-1, -1};
    *worker = (struct worker){.work = *work, .fd = -1, .leaving = -1, .output = -1, .begun = worker_clock()};
    struct compare_limits limits = limits_for(work->limits, size_of_work(work));
    worker->seconds = limits.time;
    worker->output_limit = output_limit_of(limits.output);
    worker->deadline = deadline_of(worker->begun, limits.time);
    if (work->output != NULL) {
        *work->output = worker->output = anonymous_file();
        if (worker->output < 0)
            return fail_to_begin(worker, ends, "create a temporary file", error);
    }
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return fail_to_begin(worker, ends, "make a pipe", error);
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        return fail_to_begin(worker, ends, "start a worker", error);
    if (child == 0) {
        close(ends[0]);
        close_what_others_have(others, count);
        int fd = ends[1] > 2 ? ends[1] : fcntl(ends[1], F_DUPFD_CLOEXEC, 3);
        be_the_worker(worker, fd, parent);
    }
    close(ends[1]);
    worker->pid = child;
    worker->fd = ends[0];
    return 0;
}

/* ---- In the parent: the end ---- */

static void stop_hearing(struct worker *worker, enum worker_receipt receipt)
{
    worker->receipt = receipt;
    close(worker->fd);
    worker->fd = -1;
}

bool worker_has_spoken(const struct worker *worker)
{
    return worker->fd < 0 || worker->got == sizeof(worker->message);
}

void worker_hear(struct worker *worker)
{
    if (worker_has_spoken(worker))
        return;
    ssize_t size = read(worker->fd, (char *)&worker->message + worker->got, sizeof(worker->message) - worker->got);
    if (size > 0)
        worker->got += (size_t)size;
    else if (size == 0)
        stop_hearing(worker, RECEIPT_NONE);
    else if (errno != EINTR && errno != EAGAIN)
        stop_hearing(worker, RECEIPT_FAILED);
}

int worker_news(struct worker *worker)
{
    if (worker->pid == 0 || !worker_has_spoken(worker))
        return worker->fd;
    /* Since Linux 5.3. */
    if (worker->leaving < 0)
        worker->leaving = (int)syscall(SYS_pidfd_open, worker->pid, 0);
    return worker->leaving;
}

/* Nobody is left to write: there is more in the pipe, or its end. */
static void hear_the_end(struct worker *worker)
{
    char excess;
    ssize_t size = worker->fd >= 0 ? read(worker->fd, &excess, 1) : 0;
    if (worker->fd >= 0)
        stop_hearing(worker, size == 0 ? RECEIPT_WHOLE : size > 0 ? RECEIPT_EXCESS : RECEIPT_FAILED);
}

bool worker_has_ended(struct worker *worker)
{
    pid_t ended = waitpid(worker->pid, &worker->status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR))
        return false;
    hear_the_end(worker);
    return true;
}

void worker_end(struct worker *worker, enum worker_receipt reason)
{
    kill(worker->pid, SIGKILL);
    while (waitpid(worker->pid, &worker->status, 0) < 0 && errno == EINTR)
        continue;
    worker->receipt = reason;
}

static bool is_sound(const struct worker_message *message)
{
    return message->magic == MESSAGE_MAGIC && message->status <= 0 && message->status >= COMPARE_ERROR_MEMORY &&
           memchr(message->error.message, '\0', sizeof(message->error.message)) != NULL &&
           memchr(message->error.file, '\0', sizeof(message->error.file)) != NULL;
}

/* What the worker says is shown to people: escaped there, and not trusted to have been. */
static void clean(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~')
            *text = '?';
    }
}

/* By whoever runs it, not by the file that it reads: that is no crash. */
static bool is_interruption(int signal_number)
{
    return signal_number == SIGINT || signal_number == SIGTERM || signal_number == SIGHUP || signal_number == SIGQUIT;
}

static int settle_death(const struct worker *worker, int signal_number, struct compare_error *error)
{
    const char *what = worker->work.what;
    if (is_interruption(signal_number))
        return error_set(error, COMPARE_ERROR_INTERRUPTED, what, "the worker was interrupted (signal %d, %s)",
                         signal_number, strsignal(signal_number));
    if (signal_number == SIGXFSZ && worker->output >= 0)
        return limit_hit(error, what, "output", worker->output_limit, "what it writes");
    if (signal_number == SIGKILL)
        return error_set(error, COMPARE_ERROR_CRASHED, what,
                         "the worker was killed (signal 9): did the machine run out of memory?");
    return error_set(error, COMPARE_ERROR_CRASHED, what, "the worker crashed (signal %d, %s): please report this",
                     signal_number, strsignal(signal_number));
}

int worker_settle(const struct worker *worker, int *outcome, struct compare_error *error)
{
    const char *what = worker->work.what;
    *outcome = 0;
    if (worker->receipt == RECEIPT_STOPPED)
        return error_set(error, COMPARE_ERROR_INTERRUPTED, what, "the worker was ended, as the whole run was");
    if (worker->receipt == RECEIPT_FAILED)
        return error_set(error, COMPARE_ERROR_SYSTEM, what, "cannot hear from the worker");
    if (worker->receipt == RECEIPT_LATE)
        return limit_hit(error, what, "time", worker->seconds, "it takes seconds");
    if (worker->receipt == RECEIPT_EXCESS)
        return error_set(error, COMPARE_ERROR_CRASHED, what, "the worker said more than its answer");
    if (WIFSIGNALED(worker->status))
        return settle_death(worker, WTERMSIG(worker->status), error);
    if (worker->receipt == RECEIPT_NONE || !WIFEXITED(worker->status) || WEXITSTATUS(worker->status) != 0 ||
        !is_sound(&worker->message))
        return error_set(error, COMPARE_ERROR_CRASHED, what, "the worker ended without an answer");
    *outcome = worker->message.outcome;
    *error = worker->message.error;
    error->status = worker->message.status;
    clean(error->message);
    clean(error->file);
    return worker->message.status;
}

void worker_release(struct worker *worker)
{
    if (worker->fd >= 0)
        close(worker->fd);
    if (worker->leaving >= 0)
        close(worker->leaving);
    if (worker->output >= 0)
        close(worker->output);
    worker->fd = worker->leaving = worker->output = -1;
    worker->pid = 0;
}
