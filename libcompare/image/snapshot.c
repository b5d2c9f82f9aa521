/*
 * The bytes of one file, once: what is judged is what is digested and reported.
 *
 * A regular file is mapped, and found to be the same one afterwards by its size, mtime and ctime. Timestamps have the
 * grain of a clock tick, so a file that was changed within the last moments could change again unseen: it is copied
 * instead. Pipes and devices are read to their end. A truncation under the map raises SIGBUS (mmap(2)), which
 * image_guard turns into an error.
 */
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Above any kernel's clock tick (10 ms at HZ=100), in nanoseconds. */
#define TIMESTAMP_GRAIN INT64_C(50000000)

struct snapshot {
    int fd;
    bool mapped;
    void *bytes;
    uint64_t size;
    struct stat status;
};

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool changed_just_now(const struct stat *status)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = nanoseconds(now) - nanoseconds(status->st_ctim);
    return age < TIMESTAMP_GRAIN;
}

/* What comes through a pipe is held in memory. */
static int read_stream(struct snapshot *snapshot, const char *path, uint64_t limit, struct compare_error *error)
{
    uint64_t capacity = 0;
    for (;;) {
        if (snapshot->size == capacity) {
            capacity = capacity == 0 ? 65536 : capacity * 2;
            void *larger = realloc(snapshot->bytes, capacity);
            if (larger == NULL)
                return error_set(error, COMPARE_ERROR_MEMORY, path, "no memory for %ju bytes", (uintmax_t)capacity);
            snapshot->bytes = larger;
        }
        ssize_t got = read(snapshot->fd, (char *)snapshot->bytes + snapshot->size, capacity - snapshot->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(error, COMPARE_ERROR_SYSTEM, path, "cannot read: %s", strerror(errno));
        if (got == 0)
            return 0;
        snapshot->size += (uint64_t)got;
        if (snapshot->size > limit)
            return limit_hit(error, path, "stream", limit, "bytes from a pipe or device");
    }
}

static int copy_file(struct snapshot *snapshot, const char *path, struct compare_error *error)
{
    uint64_t wanted = (uint64_t)snapshot->status.st_size;
    snapshot->bytes = malloc(wanted);
    if (snapshot->bytes == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, path, "no memory for its %ju bytes", (uintmax_t)wanted);
    while (snapshot->size < wanted) {
        ssize_t got = pread(snapshot->fd, (char *)snapshot->bytes + snapshot->size, wanted - snapshot->size,
                            (off_t)snapshot->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(error, COMPARE_ERROR_SYSTEM, path, "cannot read: %s", strerror(errno));
        if (got == 0)
            return error_set(error, COMPARE_ERROR_CHANGED, path, "the file changed while it was being read");
        snapshot->size += (uint64_t)got;
    }
    return 0;
}

static int map_file(struct snapshot *snapshot, const char *path, struct compare_error *error)
{
    uint64_t size = (uint64_t)snapshot->status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, snapshot->fd, 0);
    if (bytes == MAP_FAILED)
        return error_set(error, COMPARE_ERROR_SYSTEM, path, "cannot map: %s", strerror(errno));
    snapshot->bytes = bytes;
    snapshot->size = size;
    snapshot->mapped = true;
    return 0;
}

int snapshot_open(const char *path, uint64_t stream_limit, struct snapshot **out, const uint8_t **bytes, uint64_t *size,
                  struct compare_error *error)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (snapshot == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, path, "no memory");
    *out = snapshot;
    snapshot->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (snapshot->fd < 0 || fstat(snapshot->fd, &snapshot->status) != 0)
        return error_set(error, COMPARE_ERROR_SYSTEM, path, "cannot open: %s", strerror(errno));
    if (S_ISDIR(snapshot->status.st_mode))
        return error_set(error, COMPARE_ERROR_NOT_ELF, path, "is a directory, not an ELF file");
    int status;
    if (!S_ISREG(snapshot->status.st_mode))
        status = read_stream(snapshot, path, stream_limit, error);
    else if (snapshot->status.st_size == 0)
        status = 0; /* the length is checked where the header is read; /proc files, too, look empty */
    else if (changed_just_now(&snapshot->status))
        status = copy_file(snapshot, path, error);
    else
        status = map_file(snapshot, path, error);
    *bytes = snapshot->bytes;
    *size = snapshot->size;
    return status;
}

int snapshot_check(const struct snapshot *snapshot, const char *path, struct compare_error *error)
{
    struct stat now;
    if (!S_ISREG(snapshot->status.st_mode))
        return 0;
    if (fstat(snapshot->fd, &now) != 0)
        return error_set(error, COMPARE_ERROR_SYSTEM, path, "cannot examine: %s", strerror(errno));
    if (now.st_size != snapshot->status.st_size || nanoseconds(now.st_mtim) != nanoseconds(snapshot->status.st_mtim) ||
        nanoseconds(now.st_ctim) != nanoseconds(snapshot->status.st_ctim))
        return error_set(error, COMPARE_ERROR_CHANGED, path, "the file changed while it was being compared");
    return 0;
}

bool snapshot_same_file(const struct snapshot *a, const struct snapshot *b)
{
    return S_ISREG(a->status.st_mode) && a->status.st_dev == b->status.st_dev && a->status.st_ino == b->status.st_ino;
}

void snapshot_close(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    if (snapshot->mapped)
        munmap(snapshot->bytes, snapshot->size);
    else
        free(snapshot->bytes);
    if (snapshot->fd >= 0)
        close(snapshot->fd);
    free(snapshot);
}

/* ---- The guard: a signal has no argument to carry state in, hence the one variable of this library ---- */

static _Thread_local sigjmp_buf *volatile guard;

enum { GUARD_TRUNCATED = 1, GUARD_NO_MEMORY };

void *image_guarded_malloc(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL && guard != NULL)
        siglongjmp(*guard, GUARD_NO_MEMORY);
    return memory;
}

static void on_bus_error(int signal_number)
{
    if (guard != NULL)
        siglongjmp(*guard, GUARD_TRUNCATED);
    /* Not ours: let it kill the process as it would have. */
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

int image_guard(int (*work)(void *argument), void *argument, struct compare_error *error)
{
    struct sigaction action = {.sa_handler = on_bus_error, .sa_flags = SA_NODEFER}, before;
    sigjmp_buf here, *volatile outer = guard;
    volatile int status;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGBUS, &action, &before) != 0)
        return error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot catch SIGBUS: %s", strerror(errno));
    switch (sigsetjmp(here, 1)) {
    case 0:
        guard = &here;
        status = work(argument);
        break;
    case GUARD_NO_MEMORY:
        status = error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
        break;
    default:
        status = error_set(error, COMPARE_ERROR_CHANGED, NULL, "a file was truncated while it was being read");
    }
    guard = outer;
    sigaction(SIGBUS, &before, NULL);
    return status;
}
