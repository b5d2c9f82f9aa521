/*
 * Open files. What is compared is what was opened: a member of a directory is opened component by component without
 * following links (openat(2), O_NOFOLLOW) and held to what was listed of it; a file that was written to within the last
 * clock tick could be written to again without a trace, and is waited for.
 */
#include "sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Above any kernel's clock tick, as in image/snapshot.c; in nanoseconds. */
#define TIMESTAMP_GRAIN INT64_C(50000000)

int64_t status_nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void let_it_settle(const struct stat *status)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = status_nanoseconds(now) - status_nanoseconds(status->st_ctim);
    if (age >= 0 && age < TIMESTAMP_GRAIN) {
        struct timespec rest = {0, TIMESTAMP_GRAIN - age};
        nanosleep(&rest, NULL);
    }
}

struct source *source_new(int fd, bool anonymous)
{
    struct source *source = calloc(1, sizeof(*source));
    if (source == NULL || fstat(fd, &source->status) != 0) {
        free(source);
        close(fd);
        return NULL;
    }
    source->fd = fd;
    source->users = 1;
    source->anonymous = anonymous;
    if (!anonymous)
        let_it_settle(&source->status);
    return source;
}

struct source *source_use(struct source *source)
{
    if (source != NULL)
        source->users++;
    return source;
}

bool source_unchanged(const struct source *source)
{
    struct stat now;
    if (source == NULL || source->anonymous)
        return true;
    return fstat(source->fd, &now) == 0 && now.st_size == source->status.st_size &&
           status_nanoseconds(now.st_mtim) == status_nanoseconds(source->status.st_mtim) &&
           status_nanoseconds(now.st_ctim) == status_nanoseconds(source->status.st_ctim);
}

void source_drop(struct source *source)
{
    if (source == NULL || --source->users > 0)
        return;
    close(source->fd);
    free(source);
}

int source_anonymous(void)
{
    const char *directory = getenv("TMPDIR");
    int fd = open(directory != NULL && directory[0] == '/' ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        fd = memfd_create("elftally", MFD_CLOEXEC);
    return fd;
}

/* The folder that holds the last component, opened; `last` begins there. -1, with errno. */
static int open_folder(int directory, char *path, const char **last)
{
    int folder = dup(directory);
    char *at = path, *slash;
    while (folder >= 0 && (slash = strchr(at, '/')) != NULL) {
        *slash = '\0';
        int next = openat(folder, at, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int reason = errno;
        close(folder);
        errno = reason;
        folder = next;
        at = slash + 1;
    }
    *last = at;
    return folder;
}

static bool is_the_listed(const struct stat *status, const struct member *member)
{
    return S_ISREG(status->st_mode) && status->st_dev == member->device && status->st_ino == member->inode &&
           (uint64_t)status->st_size == member->end - member->begin &&
           (uint64_t)status_nanoseconds(status->st_ctim) == member->changed;
}

int source_open_member(int directory, const struct inventory *listing, const struct member *member,
                       struct source **source, struct compare_error *error)
{
    char path[4097], name[4097];
    const char *last = NULL;
    if (member->path.size >= sizeof(path))
        return error_set(error, COMPARE_ERROR_SYSTEM, NULL, "a path that is too long");
    memcpy(path, listing_bytes(listing, member->path), member->path.size);
    path[member->path.size] = '\0';
    memcpy(name, path, member->path.size + 1);
    int folder = open_folder(directory, path, &last);
    int fd = folder >= 0 ? openat(folder, last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
    int reason = errno;
    if (folder >= 0)
        close(folder);
    if (fd < 0)
        return error_set(error, COMPARE_ERROR_SYSTEM, name, "cannot open: %s", strerror(reason));
    *source = source_new(fd, false);
    if (*source == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, name, "no memory");
    if (is_the_listed(&(*source)->status, member))
        return 0;
    source_drop(*source);
    *source = NULL;
    return error_set(error, COMPARE_ERROR_CHANGED, name, "the file changed since the directory was read");
}

bool source_read(int fd, uint64_t offset, void *bytes, size_t size)
{
    for (size_t used = 0; used < size;) {
        ssize_t got = pread(fd, (char *)bytes + used, size - used, (off_t)(offset + used));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        used += (size_t)got;
    }
    return true;
}

bool stretch_read(const struct stretch *stretch, uint64_t offset, void *bytes, size_t size)
{
    return offset <= stretch_size(stretch) && size <= stretch_size(stretch) - offset &&
           source_read(stretch->source->fd, stretch->begin + offset, bytes, size);
}
