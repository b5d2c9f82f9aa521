/*
 * What a directory holds, at any depth: read entry by entry (openat(2), fstatat(2)), no link followed, nothing opened but
 * directories. Names are data. What cannot be read is an error: a tree that was not seen whole is no tree to compare.
 */
#include "sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "attributes.h"

/* Each level holds a descriptor. */
#define DEPTH_MOST      200
#define ATTRIBUTES_MOST 65536 /* XATTR_LIST_MAX, XATTR_SIZE_MAX */

struct walk {
    struct lister *lister;
    char path[PATH_MAX]; /* of the folder, from the top; a slash behind it */
    size_t used;
    unsigned depth;
};

static int cannot(struct walk *walk, const char *name, const char *what, int reason)
{
    char shown[600];
    snprintf(shown, sizeof(shown), "%.*s%s", (int)(walk->used < 300 ? walk->used : 300), walk->path, name);
    if (walk->lister->failure == 0) {
        char escaped[700];
        escape_text(escaped, sizeof(escaped), shown);
        walk->lister->failure = error_set(walk->lister->error, COMPARE_ERROR_SYSTEM, walk->lister->name, "%s: %s: %s",
                                          escaped, what, strerror(reason));
    }
    return walk->lister->failure;
}

static enum member_type type_of(mode_t mode)
{
    static const struct {
        mode_t bits;
        enum member_type type;
    } types[] = {{S_IFREG, MEMBER_FILE},         {S_IFDIR, MEMBER_DIRECTORY},
                 {S_IFLNK, MEMBER_LINK},         {S_IFCHR, MEMBER_CHARACTER_DEVICE},
                 {S_IFBLK, MEMBER_BLOCK_DEVICE}, {S_IFIFO, MEMBER_FIFO},
                 {S_IFSOCK, MEMBER_SOCKET}};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if ((mode & S_IFMT) == types[i].bits)
            return types[i].type;
    }
    return MEMBER_OTHER;
}

/* ---- Extended attributes ---- */

/* The attributes that are named in a list of `size` bytes. */
static struct text_at read_attributes(struct walk *walk, const char *place, const char *name, const char *list,
                                      size_t size)
{
    struct attribute items[256];
    size_t count = 0;
    for (const char *at = list; at < list + size && count < ARRAY_COUNT(items); at += strlen(at) + 1) {
        ssize_t value_size = lgetxattr(place, at, NULL, 0);
        uint8_t *value = value_size >= 0 ? arena_alloc(&walk->lister->arena, (size_t)value_size + 1, 1) : NULL;
        if (value != NULL)
            value_size = lgetxattr(place, at, value, (size_t)value_size);
        if (value == NULL || value_size < 0) {
            cannot(walk, name, "cannot read its extended attributes", errno);
            return (struct text_at){0, 0};
        }
        items[count++] = (struct attribute){.name = (const uint8_t *)at,
                                            .value = value,
                                            .name_size = (uint32_t)strlen(at),
                                            .value_size = (uint32_t)value_size};
    }
    if (count == ARRAY_COUNT(items))
        cannot(walk, name, "too many extended attributes", E2BIG);
    return attributes_pack(walk->lister, items, count);
}

/* By way of /proc, for there is no call that takes a folder and follows no link; -1 where there is no /proc. */
static int add_attributes(struct walk *walk, int folder, const char *name, struct text_at *text)
{
    char place[NAME_MAX + 64], list[ATTRIBUTES_MOST];
    snprintf(place, sizeof(place), "/proc/self/fd/%d/%s", folder, name);
    ssize_t size = llistxattr(place, list, sizeof(list));
    *text = (struct text_at){0, 0};
    if (size < 0 && (errno == ENOTSUP || errno == EPERM))
        return 0;
    if (size < 0)
        return cannot(walk, name, "cannot list its extended attributes", errno);
    if (size > 0)
        *text = read_attributes(walk, place, name, list, (size_t)size);
    return walk->lister->failure;
}

/* ---- Entries ---- */

static struct text_at read_link(struct walk *walk, int folder, const char *name)
{
    char target[PATH_MAX];
    ssize_t size = readlinkat(folder, name, target, sizeof(target));
    if (size < 0) {
        cannot(walk, name, "cannot read the link", errno);
        return (struct text_at){0, 0};
    }
    return lister_text(walk->lister, target, (size_t)size);
}

static void describe(const struct stat *status, struct member *member)
{
    member->type = type_of(status->st_mode);
    member->mode = status->st_mode & 07777;
    member->uid = status->st_uid;
    member->gid = status->st_gid;
    member->seconds = status->st_mtim.tv_sec;
    member->nanoseconds = (uint32_t)status->st_mtim.tv_nsec;
    member->known = KNOWN_MODE | KNOWN_OWNER | KNOWN_TIME | KNOWN_ATTRIBUTES | KNOWN_LINKS;
    member->changed = (uint64_t)status_nanoseconds(status->st_ctim);
    member->device = status->st_dev;
    member->inode = status->st_ino;
    if (member->type == MEMBER_CHARACTER_DEVICE || member->type == MEMBER_BLOCK_DEVICE) {
        member->major = major(status->st_rdev);
        member->minor = minor(status->st_rdev);
    }
    if (member->type == MEMBER_FILE) {
        member->place = CONTENT_PATH;
        member->end = (uint64_t)status->st_size;
    }
}

/* The name "." at the top is the directory itself. */
static int add_entry(struct walk *walk, int folder, const char *name, struct stat *status)
{
    size_t size = strlen(name);
    struct text_at target = {0, 0}, attributes;
    if (fstatat(folder, name, status, AT_SYMLINK_NOFOLLOW) != 0)
        return cannot(walk, name, "cannot examine", errno);
    if (walk->used + size + 2 > sizeof(walk->path))
        return cannot(walk, name, "the path is too long", ENAMETOOLONG);
    if (S_ISLNK(status->st_mode))
        target = read_link(walk, folder, name);
    if (add_attributes(walk, folder, name, &attributes) != 0)
        return walk->lister->failure;
    memcpy(walk->path + walk->used, name, size + 1);
    struct member *member = lister_member(walk->lister, walk->path, walk->used + size);
    if (member == NULL)
        return walk->lister->failure;
    describe(status, member);
    member->target = target;
    member->attributes = attributes;
    return walk->lister->failure;
}

static int walk_folder(struct walk *walk, DIR *stream);

static int enter(struct walk *walk, int folder, const char *name)
{
    size_t size = strlen(name);
    if (walk->depth >= DEPTH_MOST)
        return cannot(walk, name, "directories are nested too deeply", ELOOP);
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        cannot(walk, name, "cannot read the directory", errno);
        if (fd >= 0)
            close(fd);
        return walk->lister->failure;
    }
    memcpy(walk->path + walk->used, name, size);
    walk->used += size;
    walk->path[walk->used++] = '/';
    walk->depth++;
    walk_folder(walk, stream);
    walk->depth--;
    walk->used -= size + 1;
    closedir(stream);
    return walk->lister->failure;
}

static int walk_folder(struct walk *walk, DIR *stream)
{
    struct dirent *entry;
    struct stat status;
    for (;;) {
        errno = 0;
        entry = readdir(stream);
        if (entry == NULL)
            return errno != 0 ? cannot(walk, "", "cannot read the directory", errno) : 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (add_entry(walk, dirfd(stream), entry->d_name, &status) != 0)
            return walk->lister->failure;
        if (S_ISDIR(status.st_mode) && enter(walk, dirfd(stream), entry->d_name) != 0)
            return walk->lister->failure;
    }
}

int list_directory(struct lister *lister, int directory)
{
    struct walk walk = {.lister = lister};
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        cannot(&walk, "", "cannot read the directory", errno);
        if (fd >= 0)
            close(fd);
        return lister->failure;
    }
    struct stat status;
    lister->flags |= LISTING_ORDER_FREE;
    if (add_entry(&walk, fd, ".", &status) == 0)
        walk_folder(&walk, stream);
    closedir(stream);
    return lister->failure != 0 ? lister->failure : names_check(lister, false);
}
