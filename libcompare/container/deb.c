/*
 * What a Debian package says of its own files (deb-md5sums(5)): control.tar's md5sums has the MD5 of each file of data.tar.
 * Where every line is right about its own package, the digests follow from the files, which are compared (rule
 * package-digests); the names stay. Both archives are unpacked here once more, in the worker that lists the package.
 */
#include "deb.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DIGEST_DIGITS 32

/* One archive of a package: unpacked, mapped, listed. */
struct unpacked {
    struct lister lister;
    struct compare_error error;
    void *map;
    size_t map_size;
};

void deb_warm_up(void)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = sizeof(digest);
    EVP_Digest("", 0, digest, &size, EVP_md5(), NULL);
}

static enum kind kind_of(const uint8_t *bytes, uint64_t size)
{
    static const struct {
        const char *magic;
        size_t size;
        enum kind kind;
    } kinds[] = {{"\x1f\x8b\x08", 3, KIND_GZIP},
                 {"\xfd"
                  "7zXZ",
                  5, KIND_XZ},
                 {"\x28\xb5\x2f\xfd", 4, KIND_ZSTD}};
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (size >= kinds[i].size && memcmp(bytes, kinds[i].magic, kinds[i].size) == 0)
            return kinds[i].kind;
    }
    return KIND_TAR;
}

static void begin(struct unpacked *unpacked, const struct lister *package, const uint8_t *bytes, uint64_t size)
{
    lister_begin(&unpacked->lister, package->name, &package->limits, &unpacked->error);
    unpacked->lister.bytes = bytes;
    unpacked->lister.size = size;
    unpacked->lister.contents = package->contents;
    unpacked->lister.written = package->written;
}

static bool is_sound(const struct lister *lister, int status)
{
    return status == 0 && lister->failure == 0 && lister->oddities.count == 0;
}

/* Decodes a layer to the end of the file of contents, and maps it. */
static bool unpack_layer(struct unpacked *unpacked, struct lister *package, enum kind kind)
{
    uint64_t from = package->written, page = (uint64_t)sysconf(_SC_PAGESIZE);
    bool sound = is_sound(&unpacked->lister, kind_table[kind].list(&unpacked->lister));
    uint64_t to = unpacked->lister.written, before = from % page;
    package->written = to;
    lister_end(&unpacked->lister);
    if (!sound || to == from)
        return false;
    unpacked->map_size = (size_t)(to - from + before);
    /* A file that is mapped takes address space, which is limited as memory is; the window was taken before that. */
    bool fits = package->window != NULL && to <= package->window_size;
    unpacked->map = mmap(fits ? package->window + (from - before) : NULL, unpacked->map_size, PROT_READ,
                         MAP_PRIVATE | (fits ? MAP_FIXED : 0), package->contents, (off_t)(from - before));
    if (unpacked->map == MAP_FAILED) {
        unpacked->map = NULL;
        error_set(&unpacked->error, COMPARE_ERROR_MEMORY, package->name, "no memory");
        return false;
    }
    begin(unpacked, package, (const uint8_t *)unpacked->map + before, to - from);
    return true;
}

static void unpacked_end(struct unpacked *unpacked)
{
    lister_end(&unpacked->lister);
    if (unpacked->map != NULL)
        munmap(unpacked->map, unpacked->map_size);
    unpacked->map = NULL;
}

/* Where there is no memory, or a limit is hit, that is no word about the package. */
static void pass_on(struct lister *package, const struct compare_error *error)
{
    bool own = error->status == COMPARE_ERROR_MALFORMED || error->status == COMPARE_ERROR_UNSUPPORTED;
    if (error->status == 0 || own || package->failure != 0)
        return;
    package->failure = error->status;
    *package->error = *error;
}

/* The one member whose name begins so, as an archive. */
static bool unpack(struct lister *package, const char *name, struct unpacked *unpacked)
{
    const struct member *members = package->members.items, *found = NULL;
    for (size_t i = 0; i < package->members.count; i++) {
        struct text_at path = members[i].path;
        if (path.size < strlen(name) || memcmp(package->strings + path.offset, name, strlen(name)) != 0)
            continue;
        if (found != NULL)
            return false;
        found = &members[i];
    }
    if (found == NULL || found->place != CONTENT_INPUT)
        return false;
    uint64_t size = found->end - found->begin;
    begin(unpacked, package, package->bytes + found->begin, size);
    enum kind kind = kind_of(package->bytes + found->begin, size);
    return (kind == KIND_TAR || unpack_layer(unpacked, package, kind)) &&
           is_sound(&unpacked->lister, list_tar(&unpacked->lister));
}

/* The file of this path; NULL: none, or another type of member. */
static const struct member *file_named(const struct lister *lister, const uint8_t *name, size_t size)
{
    const struct member *members = lister->members.items;
    for (size_t i = 0; i < lister->members.count; i++) {
        struct text_at path = members[i].path;
        if (path.size == size && memcmp(lister->strings + path.offset, name, size) == 0)
            return members[i].type == MEMBER_FILE ? &members[i] : NULL;
    }
    return NULL;
}

static bool digest_is_right(struct lister *data, const struct member *file, const uint8_t *digits)
{
    static const char hexadecimal[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = sizeof(digest);
    if (EVP_Digest(data->bytes + file->begin, file->end - file->begin, digest, &size, EVP_md5(), NULL) != 1)
        return lister_fail(data, COMPARE_ERROR_SYSTEM, file->begin, "cannot compute an MD5") == 0;
    if (size != DIGEST_DIGITS / 2)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (digits[2 * i] != (uint8_t)hexadecimal[digest[i] >> 4] ||
            digits[2 * i + 1] != (uint8_t)hexadecimal[digest[i] & 15])
            return false;
    }
    return true;
}

/* "DIGEST  PATH", line by line, to the last newline. */
static bool lines_are_right(struct lister *data, const uint8_t *at, uint64_t left)
{
    while (left > 0) {
        const uint8_t *end = memchr(at, '\n', left);
        if (end == NULL || end - at < DIGEST_DIGITS + 3 || at[DIGEST_DIGITS] != ' ' || at[DIGEST_DIGITS + 1] != ' ')
            return false;
        const uint8_t *name = at + DIGEST_DIGITS + 2;
        const struct member *file = file_named(data, name, (size_t)(end - name));
        if (file == NULL || !digest_is_right(data, file, at))
            return false;
        left -= (uint64_t)(end + 1 - at);
        at = end + 1;
    }
    return true;
}

bool deb_digests_right(struct lister *package)
{
    struct unpacked control = {.map = NULL}, data = {.map = NULL};
    bool right = package->failure == 0 && package->oddities.count == 0 && package->contents >= 0 &&
                 unpack(package, "control.tar", &control) && unpack(package, "data.tar", &data);
    const struct member *sums =
        right ? file_named(&control.lister, (const uint8_t *)"md5sums", strlen("md5sums")) : NULL;
    right = sums != NULL && lines_are_right(&data.lister, control.lister.bytes + sums->begin, sums->end - sums->begin);
    pass_on(package, &control.error);
    pass_on(package, &data.error);
    unpacked_end(&control);
    unpacked_end(&data);
    return right;
}
