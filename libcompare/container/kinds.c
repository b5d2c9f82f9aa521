/*
 * What a file is, by its content and never by its name: the magic numbers of file formats (gABI; RFC 1952; the .xz and
 * LZ4 frame formats; RFC 8878; ar(5); POSIX ustar; cpio(5); ECMA-119; the kernel's module signatures). A wrong guess
 * costs an explanation, never a verdict: what cannot be read as what it looks like is compared as bytes.
 */
#include "kinds.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

const struct kind_info kind_table[KIND_COUNT] = {
    [KIND_DATA] = {"data", NULL, false},
    [KIND_ELF] = {"ELF", NULL, false},
    [KIND_DIRECTORY] = {"directory", NULL, false},
    [KIND_GZIP] = {"gzip", list_gzip, true},
    [KIND_XZ] = {"xz", list_xz, true},
    [KIND_ZSTD] = {"zstd", list_zstd, true},
    [KIND_BZIP2] = {"bzip2", list_bzip2, true},
    [KIND_LZ4] = {"lz4", list_lz4, true},
    [KIND_AR] = {"ar archive", list_ar, false},
    [KIND_DEB] = {"Debian package", list_deb, false},
    [KIND_TAR] = {"tar archive", list_tar, false},
    [KIND_CPIO] = {"cpio archive", list_cpio, false},
    [KIND_RPM] = {"RPM package", list_rpm, false},
    [KIND_MODULE] = {"signed module", list_module, false},
    [KIND_ZIP] = {"zip archive", list_zip, false},
    [KIND_ISO] = {"ISO 9660 image", list_iso, false},
    [KIND_SQUASHFS] = {"squashfs image", list_squashfs, false},
};

#define HEAD_SIZE  512
#define TEXT(text) text, sizeof(text) - 1

/* In this order: a package is an ar archive too. */
static const struct {
    const char *magic;
    size_t size;
    uint64_t offset;
    enum kind kind;
} magics[] = {
    {TEXT("\x7f"
          "ELF"),
     0, KIND_ELF},
    {TEXT("!<arch>\ndebian-binary"), 0, KIND_DEB},
    {TEXT("!<arch>\n"), 0, KIND_AR},
    {TEXT("!<thin>\n"), 0, KIND_AR},
    {TEXT("\x1f\x8b\x08"), 0, KIND_GZIP},
    {TEXT("\xfd"
          "7zXZ\0"),
     0, KIND_XZ},
    {TEXT("\x28\xb5\x2f\xfd"), 0, KIND_ZSTD},
    {TEXT("BZh"), 0, KIND_BZIP2},
    {TEXT("\x04\x22\x4d\x18"), 0, KIND_LZ4},
    {TEXT("\x02\x21\x4c\x18"), 0, KIND_LZ4},
    {TEXT("070701"), 0, KIND_CPIO},
    {TEXT("070702"), 0, KIND_CPIO},
    {TEXT("\xed\xab\xee\xdb"), 0, KIND_RPM},
    {TEXT("PK\3\4"), 0, KIND_ZIP},
    {TEXT("PK\5\6"), 0, KIND_ZIP},
    {TEXT("hsqs"), 0, KIND_SQUASHFS},
    {TEXT("ustar"), 257, KIND_TAR},
    {TEXT("CD001"), 32769, KIND_ISO},
};

#define MODULE_MAGIC "~Module signature appended~\n"

static size_t read_at(int fd, uint64_t offset, void *bytes, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = pread(fd, (char *)bytes + used, size - used, (off_t)(offset + used));
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        used += got > 0 ? (size_t)got : 0;
    }
    return used;
}

/* A tar archive from before POSIX has no magic, only its checksum: 6 octal digits, and a size in octal before. */
static bool looks_like_old_tar(const uint8_t *head)
{
    uint64_t sum = 0, told = 0;
    for (size_t i = 0; i < HEAD_SIZE; i++)
        sum += i >= 148 && i < 156 ? ' ' : head[i];
    for (size_t i = 148; i < 154; i++) {
        if (head[i] < '0' || head[i] > '7')
            return false;
        told = told * 8 + (head[i] - '0');
    }
    return head[0] != '\0' && sum == told;
}

enum kind kind_tell(int fd, uint64_t offset, uint64_t size)
{
    uint8_t head[HEAD_SIZE], there[32];
    size_t got = read_at(fd, offset, head, size < sizeof(head) ? (size_t)size : sizeof(head));
    for (size_t i = 0; i < ARRAY_COUNT(magics); i++) {
        const uint8_t *at = there;
        if (magics[i].offset + magics[i].size > size)
            continue;
        if (magics[i].offset + magics[i].size <= got)
            at = head + magics[i].offset;
        else if (read_at(fd, offset + magics[i].offset, there, magics[i].size) != magics[i].size)
            continue;
        if (memcmp(at, magics[i].magic, magics[i].size) != 0)
            continue;
        size_t trailer = sizeof(MODULE_MAGIC) - 1;
        if (magics[i].kind == KIND_ELF && size > trailer &&
            read_at(fd, offset + size - trailer, there, trailer) == trailer &&
            memcmp(there, MODULE_MAGIC, trailer) == 0)
            return KIND_MODULE;
        return magics[i].kind;
    }
    return got == HEAD_SIZE && looks_like_old_tar(head) ? KIND_TAR : KIND_DATA;
}
