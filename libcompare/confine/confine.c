/*
 * Giving up rights (landlock(7), seccomp(2), prctl(2) PR_SET_NO_NEW_PRIVS, setrlimit(2)). Each of the layers holds by
 * itself; a kernel may lack some.
 */
#include "confine.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The sanitizers of addresses and of threads map terabytes and call much that a plain build does not: such builds are for
 * tests only.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONFINE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CONFINE_SANITIZED 1
#endif
#endif
#ifndef CONFINE_SANITIZED
#define CONFINE_SANITIZED 0
#endif

/* ---- Landlock ---- */

/* The ruleset of the newest ABI that is known here (6, Linux 6.12), whatever the headers know. */
struct ruleset {
    uint64_t handled_access_fs, handled_access_net, scoped;
};

static const struct {
    uint64_t fs, net, scoped;
    size_t size;
} abis[] = {
    {0, 0, 0, 0},
    {(1 << 13) - 1, 0, 0, 8},  /* 1: execute, read, write, make, remove */
    {(1 << 14) - 1, 0, 0, 8},  /* 2: refer */
    {(1 << 15) - 1, 0, 0, 8},  /* 3: truncate */
    {(1 << 15) - 1, 3, 0, 16}, /* 4: bind and connect TCP */
    {(1 << 16) - 1, 3, 0, 16}, /* 5: ioctl of devices */
    {(1 << 16) - 1, 3, 3, 24}, /* 6: abstract sockets, signals */
};

/* Handles every right and grants none. The ABI, 0 where the kernel has no Landlock, or -1. */
static int landlock_nothing(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return 0;
    size_t known = (size_t)abi < ARRAY_COUNT(abis) ? (size_t)abi : ARRAY_COUNT(abis) - 1;
    struct ruleset ruleset = {abis[known].fs, abis[known].net, abis[known].scoped};
    int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, abis[known].size, 0);
    if (fd < 0)
        return -1;
    long status = syscall(SYS_landlock_restrict_self, fd, 0);
    close(fd);
    return status == 0 ? (int)known : -1;
}

/* ---- seccomp ---- */

static const int allowed_calls[] = {
    SCMP_SYS(read),          SCMP_SYS(pread64),         SCMP_SYS(write),
    SCMP_SYS(writev),        SCMP_SYS(lseek),           SCMP_SYS(fstat),
    SCMP_SYS(close),         SCMP_SYS(munmap),          SCMP_SYS(mremap),
    SCMP_SYS(brk),           SCMP_SYS(madvise),         SCMP_SYS(exit),
    SCMP_SYS(exit_group),    SCMP_SYS(rt_sigaction),    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),  SCMP_SYS(futex),           SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(gettimeofday),
    SCMP_SYS(getpid),        SCMP_SYS(gettid),          SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq),          SCMP_SYS(set_robust_list),
};

/* Libraries try these and go on without: opening, asking for the machine. To be refused, not to be killed for. */
static const int refused_calls[] = {
    SCMP_SYS(openat),  SCMP_SYS(open),  SCMP_SYS(access),    SCMP_SYS(readlink),          SCMP_SYS(readlinkat),
    SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(prlimit64), SCMP_SYS(sched_getaffinity),
};

static bool add_rules(scmp_filter_ctx filter)
{
    int failed = 0;
    for (size_t i = 0; i < ARRAY_COUNT(allowed_calls); i++)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
    for (size_t i = 0; i < ARRAY_COUNT(refused_calls); i++)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused_calls[i], 0);
    /* fstat of an open file, as glibc makes it; memory that cannot be executed; whether a stream is a terminal. */
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                               SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    failed |=
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, TCGETS, 0));
    /* A thread, which has no more rights than this one, but no process. What clone3 is given no filter can see; without
       it glibc takes clone. */
    failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    return failed == 0;
}

/*
 * 1 when the filter stands, 0 where the kernel has none, -1 on failure. Any other call kills the process: who makes it
 * is no longer the code that was meant to run, and a dead worker is no verdict.
 */
static int filter_calls(void)
{
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 && errno == EINVAL)
        return 0;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return -1;
    int status = add_rules(filter) ? seccomp_load(filter) : -1;
    seccomp_release(filter);
    return status == 0 ? 1 : -1;
}

/* ---- All of it ---- */

static uint64_t mapped_already(void)
{
    unsigned long pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    char text[64] = "";
    if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
        sscanf(text, "%lu", &pages);
    if (fd >= 0)
        close(fd);
    /* Where /proc is not mounted: what the program and its libraries take. */
    return pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : (uint64_t)64 << 20;
}

static bool limit_memory(uint64_t memory)
{
    uint64_t total;
    if (__builtin_add_overflow(memory, mapped_already(), &total))
        total = RLIM_INFINITY;
    struct rlimit space = {total, total}, none = {0, 0};
    struct rlimit before;
    if (getrlimit(RLIMIT_AS, &before) == 0 && before.rlim_max < space.rlim_max)
        space.rlim_cur = space.rlim_max = before.rlim_max;
    return setrlimit(RLIMIT_AS, &space) == 0 && setrlimit(RLIMIT_CORE, &none) == 0;
}

int confine_process(uint64_t memory, struct compare_confinement *got, struct compare_error *error)
{
    const char *failed = NULL;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        failed = "no new privileges";
    got->no_new_privs = failed == NULL;
    if (failed == NULL && !CONFINE_SANITIZED && !limit_memory(memory))
        failed = "the limit on memory";
    int landlock = failed == NULL ? landlock_nothing() : 0;
    if (landlock < 0)
        failed = "Landlock";
    got->landlock = landlock > 0 ? (unsigned)landlock : 0;
    int filter = failed == NULL && !CONFINE_SANITIZED ? filter_calls() : 0;
    if (filter < 0)
        failed = "seccomp";
    got->seccomp = filter > 0;
    return failed == NULL ? 0
                          : error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot confine the process: %s: %s", failed,
                                      strerror(errno));
}
