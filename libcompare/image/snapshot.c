/*
 * The bytes of one file, or of a range of it, once: what is judged is what is digested and reported.
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
    void *bytes;
    uint64_t size;
    void *map; /* NULL: the bytes are held in memory of their own */
    size_t map_size;
    uint64_t offset; /* where in the file they stand */
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

static int copy_file(struct snapshot *snapshot, const char *path, uint64_t wanted, struct compare_error *error)
{
    snapshot->bytes = malloc(wanted);
    if (snapshot->bytes == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, path, "no memory for its %ju bytes", (uintmax_t)wanted);
    while (snapshot->size < wanted) {
        ssize_t got = pread(snapshot->fd, (char *)snapshot->bytes + snapshot->size, wanted - snapshot->size,
                            (off_t)(snapshot->offset + snapshot->size));
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

/* A map begins at a page; what stands before the range is not looked at. */
static int map_file(struct snapshot *snapshot, const char *path, uint64_t size, struct compare_error *error)
{
    uint64_t before = snapshot->offset % (uint64_t)sysconf(_SC_PAGESIZE);
    void *map = mmap(NULL, size + before, PROT_READ, MAP_PRIVATE, snapshot->fd, (off_t)(snapshot->offset - before));
    if (map == MAP_FAILED)
        return error_set(error, COMPARE_ERROR_SYSTEM, path, "cannot map: %s", strerror(errno));
    snapshot->map = map;
    snapshot->map_size = size + before;
    snapshot->bytes = (char *)map + before;
    snapshot->size = size;
    return 0;
}

static int read_regular(struct snapshot *snapshot, const char *path, uint64_t size, struct compare_error *error)
{
    if (size == 0)
        return 0; /* the length is checked where the header is read; /proc files, too, look empty */
    return changed_just_now(&snapshot->status) ? copy_file(snapshot, path, size, error)
                                               : map_file(snapshot, path, size, error);
}

static int open_path(struct snapshot *snapshot, const char *path, uint64_t stream_limit, struct compare_error *error)
{
    snapshot->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (snapshot->fd < 0 || fstat(snapshot->fd, &snapshot->status) != 0)
        return error_set(error, COMPARE_ERROR_SYSTEM, path, "cannot open: %s", strerror(errno));
    if (S_ISDIR(snapshot->status.st_mode))
        return error_set(error, COMPARE_ERROR_NOT_ELF, path, "is a directory, not an ELF file");
    return S_ISREG(snapshot->status.st_mode) ? read_regular(snapshot, path, (uint64_t)snapshot->status.st_size, error)
                                             : read_stream(snapshot, path, stream_limit, error);
}

static int open_range(struct snapshot *snapshot, const struct compare_input *input, struct compare_error *error)
{
    struct range range;
    snapshot->offset = input->offset;
    snapshot->fd = fcntl(input->fd, F_DUPFD_CLOEXEC, 0);
    if (snapshot->fd < 0 || fstat(snapshot->fd, &snapshot->status) != 0)
        return error_set(error, COMPARE_ERROR_SYSTEM, input->name, "cannot examine: %s", strerror(errno));
    if (!S_ISREG(snapshot->status.st_mode))
        return error_set(error, COMPARE_ERROR_UNSUPPORTED, input->name, "is not a regular file");
    if (!range_make(input->offset, input->size, &range) || range.end > (uint64_t)snapshot->status.st_size)
        return error_set(error, COMPARE_ERROR_CHANGED, input->name,
                         "%#jx bytes at offset %#jx end past the end of the file: it changed", (uintmax_t)input->size,
                         (uintmax_t)input->offset);
    return read_regular(snapshot, input->name, input->size, error);
}

int snapshot_open(const struct compare_input *input, uint64_t stream_limit, struct snapshot **out,
                  const uint8_t **bytes, uint64_t *size, struct compare_error *error)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (snapshot == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, input->name, "no memory");
    *out = snapshot;
    int status =
        input->fd < 0 ? open_path(snapshot, input->name, stream_limit, error) : open_range(snapshot, input, error);
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
    struct range of_a, of_b;
    bool one_file =
        S_ISREG(a->status.st_mode) && a->status.st_dev == b->status.st_dev && a->status.st_ino == b->status.st_ino;
    /* Two empty ones at one place are the same as any two. */
    return one_file && range_make(a->offset, a->size > 0 ? a->size : 1, &of_a) &&
           range_make(b->offset, b->size > 0 ? b->size : 1, &of_b) && range_overlaps(of_a, of_b);
}

void snapshot_close(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    if (snapshot->map != NULL)
        munmap(snapshot->map, snapshot->map_size);
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
