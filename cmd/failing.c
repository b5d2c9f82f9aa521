/*
 * Preloaded into elftally by test_failures.py: lets the n-th call of one kind fail, in whichever process and library it
 * is made. The allocations and calls are counted in a file that the processes share:
 *
 *     FAILING=PATH:KIND:FIRST:LAST    KIND: memory, calls, streams, crashes, stalls, interrupts or breaks
 *
 * Those from FIRST to LAST fail; none where FIRST is 0. Crashes, stalls and interrupts are those of Capstone's decoding;
 * breaks are crashes of a worker that writes to a stream.
 *
 * What the C library does inside itself is out of reach, but for its allocations.
 */
/* The functions are defined here by the names that they have in the C library. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT      __attribute__((visibility("default")))
#define IO_ERR_SEEN 0x20 /* what ferror of glibc looks at */

static struct {
    const char *kind;
    unsigned long first, last;
    uint64_t *count;
    pid_t loaded_in;
} failing;

static bool in_worker(void)
{
    return getpid() != failing.loaded_in;
}

static bool fails(const char *kind, int error)
{
    if (failing.count == NULL || strcmp(failing.kind, kind) != 0)
        return false;
    uint64_t index = __atomic_add_fetch(failing.count, 1, __ATOMIC_RELAXED);
    if (index < failing.first || index > failing.last)
        return false;
    errno = error;
    return true;
}

/* ---- Memory ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

EXPORT void *malloc(size_t size)
{
    return fails("memory", ENOMEM) ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    return fails("memory", ENOMEM) ? NULL : __libc_calloc(count, size);
}

EXPORT void *realloc(void *memory, size_t size)
{
    return fails("memory", ENOMEM) ? NULL : __libc_realloc(memory, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return fails("memory", ENOMEM) ? NULL : __libc_memalign(alignment, size);
}

EXPORT int posix_memalign(void **memory, size_t alignment, size_t size)
{
    void *aligned = aligned_alloc(alignment, size);
    if (aligned == NULL)
        return ENOMEM;
    *memory = aligned;
    return 0;
}

/* ---- Calls: the name, its type, what it returns and sets when it fails ---- */

#define CALLS(CALL)                                                                                                    \
    CALL(FILE *, fopen64, NULL, EIO, (const char *path, const char *mode), (path, mode))                               \
    CALL(FILE *, fopen, NULL, EIO, (const char *path, const char *mode), (path, mode))                                 \
    CALL(FILE *, fdopen, NULL, ENOMEM, (int fd, const char *mode), (fd, mode))                                         \
    CALL(FILE *, tmpfile64, NULL, EIO, (void), ())                                                                     \
    CALL(int, mkstemp64, -1, EIO, (char *path), (path))                                                                \
    CALL(int, fstat64, -1, EIO, (int fd, struct stat64 *status), (fd, status))                                         \
    CALL(int, stat64, -1, EIO, (const char *path, struct stat64 *status), (path, status))                              \
    CALL(ssize_t, read, -1, EIO, (int fd, void *to, size_t size), (fd, to, size))                                      \
    CALL(ssize_t, pread64, -1, EIO, (int fd, void *to, size_t size, off64_t at), (fd, to, size, at))                   \
    CALL(ssize_t, write, -1, EIO, (int fd, const void *from, size_t size), (fd, from, size))                           \
    CALL(void *, mmap, MAP_FAILED, ENOMEM, (void *at, size_t size, int protection, int flags, int fd, off_t from),     \
         (at, size, protection, flags, fd, from))                                                                      \
    CALL(void *, mmap64, MAP_FAILED, ENOMEM, (void *at, size_t size, int protection, int flags, int fd, off64_t from), \
         (at, size, protection, flags, fd, from))                                                                      \
    CALL(int, fseeko64, -1, EIO, (FILE * stream, off64_t offset, int whence), (stream, offset, whence))                \
    CALL(int, fsync, -1, EIO, (int fd), (fd))                                                                          \
    CALL(int, ftruncate64, -1, EIO, (int fd, off64_t size), (fd, size))                                                \
    CALL(int, rename, -1, EIO, (const char *from, const char *to), (from, to))                                         \
    CALL(int, pipe2, -1, EMFILE, (int ends[2], int flags), (ends, flags))                                              \
    CALL(pid_t, fork, -1, EAGAIN, (void), ())                                                                          \
    CALL(int, poll, -1, ENOMEM, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))               \
    CALL(int, sigaction, -1, EINVAL, (int number, const struct sigaction *new, struct sigaction *old),                 \
         (number, new, old))                                                                                           \
    CALL(int, setrlimit64, -1, EPERM, (__rlimit_resource_t resource, const struct rlimit64 *limit), (resource, limit)) \
    CALL(int, getrlimit64, -1, EPERM, (__rlimit_resource_t resource, struct rlimit64 * limit), (resource, limit))

/* Of a stream: its error flag is set, as the C library would. */
#define STREAM_CALLS(CALL)                                                                                             \
    CALL(size_t, fread, 0, EIO, (void *to, size_t size, size_t count, FILE *stream), (to, size, count, stream))        \
    CALL(size_t, fwrite, 0, EIO, (const void *from, size_t size, size_t count, FILE *stream),                          \
         (from, size, count, stream))                                                                                  \
    CALL(int, fgetc, EOF, EIO, (FILE * stream), (stream))                                                              \
    CALL(int, fputs, EOF, EIO, (const char *text, FILE *stream), (text, stream))                                       \
    CALL(int, putc, EOF, EIO, (int byte, FILE *stream), (byte, stream))

#define DECLARE(type, name, failure, error, parameters, arguments) static type(*real_##name) parameters;
#define FIND(type, name, failure, error, parameters, arguments)                                                        \
    real_##name = (type(*) parameters)dlsym(RTLD_NEXT, #name);
#define DEFINE(type, name, failure, error, parameters, arguments)                                                      \
    EXPORT type name parameters;                                                                                       \
    type name parameters                                                                                               \
    {                                                                                                                  \
        return fails("calls", error) ? failure : real_##name arguments;                                                \
    }
/* Standard error is spared: its line is what the test looks for. */
#define DEFINE_STREAM(type, name, failure, error, parameters, arguments)                                               \
    EXPORT type name parameters;                                                                                       \
    type name parameters                                                                                               \
    {                                                                                                                  \
        if (stream != stderr && in_worker() && fails("breaks", 0))                                                     \
            __builtin_trap();                                                                                          \
        if (stream == stderr || !fails("streams", error))                                                              \
            return real_##name arguments;                                                                              \
        stream->_flags |= IO_ERR_SEEN;                                                                                 \
        return failure;                                                                                                \
    }

/* The third argument is there when a file may be created. */
#define DEFINE_OPEN(name)                                                                                              \
    static int (*real_##name)(const char *path, int flags, ...);                                                       \
    EXPORT int name(const char *path, int flags, ...)                                                                  \
    {                                                                                                                  \
        va_list arguments;                                                                                             \
        va_start(arguments, flags);                                                                                    \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;                            \
        va_end(arguments);                                                                                             \
        return fails("calls", EIO) ? -1 : real_##name(path, flags, mode);                                              \
    }

DEFINE_OPEN(open)
DEFINE_OPEN(open64)
CALLS(DECLARE)
STREAM_CALLS(DECLARE)
CALLS(DEFINE)
STREAM_CALLS(DEFINE_STREAM)

static int (*real_fflush)(FILE *stream);

EXPORT int fflush(FILE *stream)
{
    if (stream == NULL || stream == stderr || !fails("streams", EIO))
        return real_fflush(stream);
    stream->_flags |= IO_ERR_SEEN;
    return EOF;
}

/* Of Capstone, without its header: handle and instruction are its own. */
static bool (*real_cs_disasm_iter)(size_t handle, const uint8_t **code, size_t *size, uint64_t *address, void *insn);

EXPORT bool cs_disasm_iter(size_t handle, const uint8_t **code, size_t *size, uint64_t *address, void *insn);
bool cs_disasm_iter(size_t handle, const uint8_t **code, size_t *size, uint64_t *address, void *insn)
{
    static volatile bool forever = true;
    if (fails("crashes", 0))
        __builtin_trap();
    while (fails("stalls", 0) && forever)
        continue;
    if (fails("interrupts", 0))
        raise(SIGINT);
    return real_cs_disasm_iter(handle, code, size, address, insn);
}

__attribute__((constructor)) static void begin(void)
{
    static char setting[4096], kind[16];
    real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    real_open64 = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    real_fflush = (int (*)(FILE *))dlsym(RTLD_NEXT, "fflush");
    real_cs_disasm_iter =
        (bool (*)(size_t, const uint8_t **, size_t *, uint64_t *, void *))dlsym(RTLD_NEXT, "cs_disasm_iter");
    CALLS(FIND)
    STREAM_CALLS(FIND)
    const char *given = getenv("FAILING");
    if (given == NULL || strlen(given) >= sizeof(setting))
        return;
    strcpy(setting, given);
    char *separator = strchr(setting, ':');
    if (separator == NULL || sscanf(separator + 1, "%15[a-z]:%lu:%lu", kind, &failing.first, &failing.last) != 3)
        return;
    *separator = '\0';
    int fd = real_open64(setting, O_RDWR | O_CLOEXEC, 0);
    void *shared = real_mmap64(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    failing.kind = kind;
    failing.loaded_in = getpid();
    failing.count = shared != MAP_FAILED ? shared : NULL;
}
