/*
 * zip archives and ISO 9660 images, read by libarchive: formats with several descriptions of the same members. What they
 * hold is compared member by member; their own bytes are not accounted for, so that two of them that differ in any byte
 * are never equivalent.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "attributes.h"
#include "kinds.h"

#define BLOCK ((size_t)65536)

static enum member_type type_of(struct archive_entry *entry)
{
    static const struct {
        mode_t bits;
        enum member_type type;
    } types[] = {{AE_IFREG, MEMBER_FILE},         {AE_IFDIR, MEMBER_DIRECTORY},
                 {AE_IFLNK, MEMBER_LINK},         {AE_IFCHR, MEMBER_CHARACTER_DEVICE},
                 {AE_IFBLK, MEMBER_BLOCK_DEVICE}, {AE_IFIFO, MEMBER_FIFO},
                 {AE_IFSOCK, MEMBER_SOCKET}};
    if (archive_entry_hardlink(entry) != NULL)
        return MEMBER_HARD_LINK;
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (archive_entry_filetype(entry) == types[i].bits)
            return types[i].type;
    }
    return MEMBER_OTHER;
}

static int damaged(struct lister *lister, struct archive *archive)
{
    char shown[200];
    const char *why = archive_error_string(archive);
    if (archive_errno(archive) == ENOMEM)
        return lister_no_memory(lister);
    return lister_fail(lister, COMPARE_ERROR_MALFORMED, (uint64_t)archive_read_header_position(archive), "%s",
                       escape_text(shown, sizeof(shown), why != NULL ? why : "it cannot be read"));
}

static int read_content(struct lister *lister, struct archive *archive, uint8_t *block)
{
    uint64_t begin = lister->written;
    for (;;) {
        la_ssize_t got = archive_read_data(archive, block, BLOCK);
        if (got < 0)
            return damaged(lister, archive);
        if (got == 0)
            break;
        if (lister_write(lister, block, (size_t)got) != 0)
            return lister->failure;
    }
    struct member *member = (struct member *)lister->members.items + lister_last(lister);
    member->place = CONTENT_OUTPUT;
    member->begin = begin;
    member->end = lister->written;
    return 0;
}

static struct text_at text_of(struct lister *lister, const char *text)
{
    return text != NULL ? lister_text(lister, text, strlen(text)) : (struct text_at){0, 0};
}

static void describe(struct lister *lister, struct archive_entry *entry, struct member *member)
{
    const char *target = archive_entry_hardlink(entry);
    member->type = type_of(entry);
    member->mode = archive_entry_perm(entry) & 07777;
    member->uid = (uint64_t)archive_entry_uid(entry);
    member->gid = (uint64_t)archive_entry_gid(entry);
    member->owner = text_of(lister, archive_entry_uname(entry));
    member->group = text_of(lister, archive_entry_gname(entry));
    member->target = text_of(lister, target != NULL ? target : archive_entry_symlink(entry));
    member->known = KNOWN_MODE | KNOWN_OWNER | KNOWN_NAMES | KNOWN_LINKS;
    if (archive_entry_mtime_is_set(entry)) {
        member->known |= KNOWN_TIME;
        member->seconds = archive_entry_mtime(entry);
        member->nanoseconds = (uint32_t)archive_entry_mtime_nsec(entry) % 1000000000;
    }
    if (member->type == MEMBER_CHARACTER_DEVICE || member->type == MEMBER_BLOCK_DEVICE) {
        member->major = (uint64_t)archive_entry_rdevmajor(entry);
        member->minor = (uint64_t)archive_entry_rdevminor(entry);
    }
}

static int one_member(struct lister *lister, struct archive *archive, struct archive_entry *entry, uint8_t *block)
{
    const char *path = archive_entry_pathname(entry);
    path = path != NULL ? path : archive_entry_pathname_utf8(entry);
    if (path == NULL)
        return lister_fail(lister, COMPARE_ERROR_UNSUPPORTED, 0, "a name that cannot be told");
    size_t size = strlen(path);
    uint8_t *canonical = arena_alloc(&lister->arena, size + 1, 1);
    if (canonical == NULL)
        return lister_no_memory(lister);
    struct member *member = lister_member(lister, canonical, names_canonical((const uint8_t *)path, size, canonical));
    if (member == NULL)
        return lister->failure;
    describe(lister, entry, member);
    return member->type == MEMBER_FILE ? read_content(lister, archive, block) : lister->failure;
}

static int read_all(struct lister *lister, struct archive *archive)
{
    uint8_t *block = arena_alloc(&lister->arena, BLOCK, 1);
    struct archive_entry *entry;
    if (block == NULL)
        return lister_no_memory(lister);
    while (lister->failure == 0) {
        int status = archive_read_next_header(archive, &entry);
        if (status == ARCHIVE_EOF)
            return names_check(lister, false);
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
            return damaged(lister, archive);
        if (status == ARCHIVE_WARN)
            lister_oddity(lister, "archive-warning", NO_MEMBER, "%s", archive_error_string(archive));
        one_member(lister, archive, entry, block);
    }
    return lister->failure;
}

static int list_by(struct lister *lister, int (*support)(struct archive *archive))
{
    struct archive *archive = archive_read_new();
    if (archive == NULL)
        return lister_no_memory(lister);
    int status;
    if (support(archive) != ARCHIVE_OK || archive_read_support_filter_none(archive) != ARCHIVE_OK ||
        archive_read_open_memory(archive, lister->bytes, lister->size) != ARCHIVE_OK)
        status = damaged(lister, archive);
    else
        status = read_all(lister, archive);
    archive_read_free(archive);
    return status;
}

int list_zip(struct lister *lister)
{
    /* By its central directory, as unzip reads it. */
    return list_by(lister, archive_read_support_format_zip_seekable);
}

int list_iso(struct lister *lister)
{
    return list_by(lister, archive_read_support_format_iso9660);
}
