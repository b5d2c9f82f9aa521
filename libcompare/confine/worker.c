/*
 * A process for one piece of work. It tells its outcome through a pipe, in one message of fixed size; whoever waits
 * trusts nothing in it but what is checked here. A worker that dies, or says nothing, or takes too long, has failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "confine.h"

struct message {
    uint32_t magic;
    int32_t status, outcome;
    struct compare_error error;
};

#define MESSAGE_MAGIC 0x656c6674

/* Coverage counts are written at exit, which a worker does not come to. */
#ifdef COMPARE_COVERAGE
void __gcov_dump(void);
#define WRITE_COUNTS() __gcov_dump()
#else
#define WRITE_COUNTS() ((void)0)
#endif

static int64_t milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool send_message(int fd, const struct message *message)
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

static void be_the_worker(const struct compare_work *work, int fd, pid_t parent)
{
    static const int defaults[] = {SIGINT, SIGTERM, SIGHUP, SIGSEGV, SIGABRT};
    struct message message = {.magic = MESSAGE_MAGIC};
    struct rlimit none = {0, 0};
    for (size_t i = 0; i < ARRAY_COUNT(defaults); i++)
        signal(defaults[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &none);
    /* Whoever started it is gone: nobody waits for the answer, and nobody would end it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
    message.status = work->run(work->argument, &message.outcome, &message.error);
    WRITE_COUNTS();
    _exit(send_message(fd, &message) ? 0 : 1);
}

enum receipt { RECEIPT_NONE, RECEIPT_WHOLE, RECEIPT_LATE, RECEIPT_FAILED };

/* NONE: the worker closed the pipe before; FAILED: the pipe cannot be read. */
static enum receipt receive(int fd, struct message *message, uint64_t seconds)
{
    int64_t now = milliseconds_now(), deadline;
    if (seconds > INT64_MAX / 2000 || __builtin_add_overflow(now, (int64_t)seconds * 1000, &deadline))
        deadline = INT64_MAX;
    for (size_t got = 0; got < sizeof(*message);) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int64_t left = deadline - milliseconds_now();
        if (left <= 0)
            return RECEIPT_LATE;
        int ready = poll(&wait, 1, left < 1000000 ? (int)left : 1000000);
        ssize_t size = ready > 0 ? read(fd, (char *)message + got, sizeof(*message) - got) : -1;
        if (size == 0)
            return RECEIPT_NONE;
        if (size < 0 && ready != 0 && errno != EINTR)
            return RECEIPT_FAILED;
        got += size > 0 ? (size_t)size : 0;
    }
    return RECEIPT_WHOLE;
}

static bool is_sound(const struct message *message)
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

static uint64_t time_limit(const struct compare_work *work)
{
    uint64_t size = 0;
    struct stat status;
    for (const char *const *file = work->files; file != NULL && *file != NULL; file++)
        size += stat(*file, &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    return limits_for(work->limits, size).time;
}

/* By whoever runs it, not by the file that it reads: that is no crash. */
static bool is_interruption(int signal_number)
{
    return signal_number == SIGINT || signal_number == SIGTERM || signal_number == SIGHUP || signal_number == SIGQUIT;
}

static int settle(const struct compare_work *work, uint64_t seconds, enum receipt received, int ended,
                  const struct message *message, int *outcome, struct compare_error *error)
{
    if (received == RECEIPT_FAILED)
        return error_set(error, COMPARE_ERROR_SYSTEM, work->what, "cannot hear from the worker");
    if (received == RECEIPT_LATE)
        return limit_hit(error, work->what, "time", seconds, "it takes seconds");
    if (WIFSIGNALED(ended) && is_interruption(WTERMSIG(ended)))
        return error_set(error, COMPARE_ERROR_INTERRUPTED, work->what, "the worker was interrupted (signal %d, %s)",
                         WTERMSIG(ended), strsignal(WTERMSIG(ended)));
    if (WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL)
        return error_set(error, COMPARE_ERROR_CRASHED, work->what,
                         "the worker was killed (signal 9): did the machine run out of memory?");
    if (WIFSIGNALED(ended))
        return error_set(error, COMPARE_ERROR_CRASHED, work->what,
                         "the worker crashed (signal %d, %s): please report this", WTERMSIG(ended),
                         strsignal(WTERMSIG(ended)));
    if (received == RECEIPT_NONE || !WIFEXITED(ended) || WEXITSTATUS(ended) != 0 || !is_sound(message))
        return error_set(error, COMPARE_ERROR_CRASHED, work->what, "the worker ended without an answer");
    *outcome = message->outcome;
    *error = message->error;
    clean(error->message);
    clean(error->file);
    return message->status;
}

int compare_in_worker(const struct compare_work *work, int *outcome, struct compare_error *error)
{
    struct message message;
    int ends[2], ended = 0;
    *outcome = 0;
    memset(&message, 0, sizeof(message));
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(error, COMPARE_ERROR_SYSTEM, work->what, "cannot make a pipe: %s", strerror(errno));
    pid_t parent = getpid(), worker = fork();
    if (worker < 0) {
        int reason = errno;
        close(ends[0]);
        close(ends[1]);
        return error_set(error, COMPARE_ERROR_SYSTEM, work->what, "cannot start a worker: %s", strerror(reason));
    }
    if (worker == 0) {
        close(ends[0]);
        be_the_worker(work, ends[1], parent);
    }
    close(ends[1]);
    uint64_t seconds = time_limit(work);
    enum receipt received = receive(ends[0], &message, seconds);
    if (received == RECEIPT_LATE || received == RECEIPT_FAILED)
        kill(worker, SIGKILL);
    close(ends[0]);
    while (waitpid(worker, &ended, 0) < 0 && errno == EINTR)
        continue;
    return settle(work, seconds, received, ended, &message, outcome, error);
}
