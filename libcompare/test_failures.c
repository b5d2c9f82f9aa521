/*
 * When memory runs out, or reading or writing fails: in turn each allocation and each call that the library makes is
 * let fail, alone and with all behind it. Each time the function fails and says why, and nothing is leaked; a verdict
 * it does not give. The calls are caught by the linker (--wrap, see meson.build); what fails inside other libraries is
 * theirs to say, and said for them here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <lzma.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "testing/elf_builder.h"

/* ---- What fails ---- */

static struct {
    bool counting;
    unsigned count, first, last; /* of the calls; those from first to last fail */
    int kept;                    /* allocations and descriptors that are not yet given back */
    bool fresh;                  /* files look as if they were changed just now, and are copied instead of mapped */
} failing;

static bool fails(void)
{
    if (!failing.counting)
        return false;
    failing.count++;
    return failing.count >= failing.first && failing.count <= failing.last;
}

static bool fails_with(int error)
{
    if (!fails())
        return false;
    errno = error;
    return true;
}

/* Other libraries call some of these as well, which the linker sees. */
#pragma GCC visibility push(default)

#define WRAP(type, name, failure, parameters, arguments)                                                               \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return fails_with(ENOMEM) ? (failure) : __real_##name arguments;                                               \
    }

/* The same for what is given back by `free` or `close`. */
#define WRAP_KEPT(type, name, failure, parameters, arguments)                                                          \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        if (fails_with(ENOMEM))                                                                                        \
            return failure;                                                                                            \
        type kept = __real_##name arguments;                                                                           \
        failing.kept += failing.counting && kept != (failure);                                                         \
        return kept;                                                                                                   \
    }

WRAP_KEPT(void *, malloc, NULL, (size_t size), (size))
WRAP_KEPT(void *, calloc, NULL, (size_t count, size_t size), (count, size))
WRAP_KEPT(char *, strdup, NULL, (const char *text), (text))
WRAP(char *, arena_strdup, NULL, (struct arena * arena, const char *text), (arena, text))
WRAP(void *, list_add, NULL, (struct list * list), (list))

void *__real_arena_alloc(struct arena *arena, size_t count, size_t size);
void *__wrap_arena_alloc(struct arena *arena, size_t count, size_t size);
void *__wrap_arena_alloc(struct arena *arena, size_t count, size_t size)
{
    bool failed = fails_with(ENOMEM);
    arena->exhausted |= failed;
    return failed ? NULL : __real_arena_alloc(arena, count, size);
}

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size)
{
    if (fails_with(ENOMEM))
        return NULL;
    failing.kept += failing.counting && memory == NULL;
    return __real_realloc(memory, size);
}

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory)
{
    failing.kept -= failing.counting && memory != NULL;
    __real_free(memory);
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    if (fails_with(EIO))
        return -1;
    int fd = __real_open64(path, flags);
    failing.kept += failing.counting && fd >= 0;
    return fd;
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    failing.kept -= failing.counting;
    return __real_close(fd);
}

void *__real_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t from);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t from);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t from)
{
    if (fails_with(ENOMEM))
        return MAP_FAILED;
    failing.kept += failing.counting;
    return __real_mmap64(at, size, protection, flags, fd, from);
}

int __real_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size)
{
    failing.kept -= failing.counting;
    return __real_munmap(at, size);
}

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int status = __real_clock_gettime(clock, now);
    if (clock == CLOCK_REALTIME)
        now->tv_sec += failing.fresh ? -3600 : 3600;
    return status;
}

WRAP(int, fstat64, -1, (int fd, struct stat *status), (fd, status))
WRAP(ssize_t, read, -1, (int fd, void *to, size_t size), (fd, to, size))
WRAP(ssize_t, pread64, -1, (int fd, void *to, size_t size, off_t at), (fd, to, size, at))
WRAP(int, pipe2, -1, (int ends[2], int flags), (ends, flags))
WRAP(pid_t, fork, -1, (void), ())
WRAP(int, poll, -1, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))

/* A handler that was there before can be put back. */
int __real_sigaction(int number, const struct sigaction *new, struct sigaction *old);
int __wrap_sigaction(int number, const struct sigaction *new, struct sigaction *old);
int __wrap_sigaction(int number, const struct sigaction *new, struct sigaction *old)
{
    return old != NULL && fails_with(EINVAL) ? -1 : __real_sigaction(number, new, old);
}

WRAP(int, inflateInit_, Z_MEM_ERROR, (z_stream * stream, const char *version, int size), (stream, version, size))
WRAP(int, inflate, Z_MEM_ERROR, (z_stream * stream, int flush), (stream, flush))
WRAP(int, uncompress2, Z_MEM_ERROR, (Bytef * to, uLongf *to_size, const Bytef *from, uLong *size),
     (to, to_size, from, size))
WRAP(ZSTD_DCtx *, ZSTD_createDCtx, NULL, (void), ())
WRAP(size_t, ZSTD_decompressDCtx, (size_t)-ZSTD_error_memory_allocation,
     (ZSTD_DCtx * context, void *to, size_t room, const void *from, size_t size), (context, to, room, from, size))
WRAP(size_t, ZSTD_decompress, (size_t)-ZSTD_error_memory_allocation,
     (void *to, size_t room, const void *from, size_t size), (to, room, from, size))
WRAP(lzma_ret, lzma_stream_decoder, LZMA_MEM_ERROR, (lzma_stream * stream, uint64_t limit, uint32_t flags),
     (stream, limit, flags))
WRAP(lzma_ret, lzma_code, LZMA_MEM_ERROR, (lzma_stream * stream, lzma_action action), (stream, action))
WRAP(bool, sha256, false, (const void *bytes, size_t size, uint8_t digest[32]), (bytes, size, digest))
WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, NULL, (void), ())
WRAP(int, EVP_DigestInit_ex, 0, (EVP_MD_CTX * context, const EVP_MD *type, ENGINE *engine), (context, type, engine))
WRAP(int, EVP_DigestUpdate, 0, (EVP_MD_CTX * context, const void *bytes, size_t size), (context, bytes, size))
WRAP(int, EVP_DigestFinal_ex, 0, (EVP_MD_CTX * context, unsigned char *digest, unsigned *size), (context, digest, size))
WRAP(json_t *, json_array, NULL, (void), ())
WRAP(json_t *, json_object, NULL, (void), ())
WRAP(json_t *, json_string, NULL, (const char *text), (text))
WRAP(json_t *, json_integer, NULL, (json_int_t value), (value))
WRAP(int, json_dumpf, -1, (const json_t *value, FILE *out, size_t flags), (value, out, flags))

/* These take their items in any case. */
json_t *__wrap_json_pack(const char *format, ...);
json_t *__wrap_json_pack(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    json_t *packed = json_vpack_ex(NULL, 0, format, arguments);
    va_end(arguments);
    if (packed == NULL || !fails())
        return packed;
    json_decref(packed);
    return NULL;
}

int __real_json_array_append_new(json_t *array, json_t *value);
int __wrap_json_array_append_new(json_t *array, json_t *value);
int __wrap_json_array_append_new(json_t *array, json_t *value)
{
    if (!fails())
        return __real_json_array_append_new(array, value);
    json_decref(value);
    return -1;
}

int __real_json_object_set_new(json_t *object, const char *key, json_t *value);
int __wrap_json_object_set_new(json_t *object, const char *key, json_t *value);
int __wrap_json_object_set_new(json_t *object, const char *key, json_t *value)
{
    if (!fails())
        return __real_json_object_set_new(object, key, value);
    json_decref(value);
    return -1;
}

/* Without a word on why: so it is when there is no memory for the tree. */
json_t *__real_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error)
{
    if (!fails())
        return __real_json_loadb(text, size, flags, error);
    memset(error, 0, sizeof(*error));
    return NULL;
}

json_t *__real_json_loadf(FILE *file, size_t flags, json_error_t *error);
json_t *__wrap_json_loadf(FILE *file, size_t flags, json_error_t *error);
json_t *__wrap_json_loadf(FILE *file, size_t flags, json_error_t *error)
{
    if (!fails())
        return __real_json_loadf(file, flags, error);
    memset(error, 0, sizeof(*error));
    return NULL;
}

WRAP(FILE *, fopen64, NULL, (const char *path, const char *mode), (path, mode))

#pragma GCC visibility pop

/* ---- Files ---- */

struct file {
    char path[64];
    int fd;
};

static struct {
    struct file vendor, repacked, changed, copy, object, other_object, report, policy, buildinfo, other_buildinfo;
} files;

static void make_file(struct file *file, const void *bytes, size_t size)
{
    file->fd = memfd_create("file", MFD_CLOEXEC);
    assert_true(file->fd >= 0);
    assert_int_equal(write(file->fd, bytes, size), size);
    snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
}

/* An Elf64_Chdr and a stream; ELFCOMPRESS_ZSTD is newer than Debian 12's elf.h. */
static size_t compressed(uint32_t type, const char *plain, uint8_t *to, size_t room)
{
    Elf64_Chdr header = {.ch_type = type, .ch_size = strlen(plain) + 1, .ch_addralign = 1};
    memcpy(to, &header, sizeof(header));
    uLongf size = room - sizeof(header);
    if (type == ELFCOMPRESS_ZLIB)
        assert_int_equal(compress(to + sizeof(header), &size, (const Bytef *)plain, header.ch_size), Z_OK);
    else
        size = ZSTD_compress(to + sizeof(header), size, plain, header.ch_size, 1);
    assert_false(ZSTD_isError(size));
    return sizeof(header) + size;
}

#define TEXT "a text that compresses, compresses, compresses, compresses, compresses"

/* A program with what takes each way through the rules; packed: its debug information and minidebuginfo are there. */
static void build_program(struct built *built, bool packed, const char *rodata)
{
    uint8_t content[1024];
    size_t size = 0;
    built_begin(built, true, false, ET_DYN);
    built_section(built, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "\x90\x90\xc3", 3);
    built_section(built, ".rodata", SHT_PROGBITS, SHF_ALLOC, rodata, strlen(rodata) + 1);
    if (packed) {
        built_section(built, ".debug_str", SHT_PROGBITS, SHF_COMPRESSED, content,
                      compressed(ELFCOMPRESS_ZLIB, TEXT, content, sizeof(content)));
        built_section(built, ".debug_line_str", SHT_PROGBITS, SHF_COMPRESSED, content,
                      compressed(2, TEXT, content, sizeof(content)));
        /* The beginning of a program, which is what the rule looks at. */
        static struct built inner;
        built_program(&inner, true, false, ET_DYN);
        built_layout(&inner);
        assert_int_equal(
            lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, inner.bytes, 128, content, &size, sizeof(content)),
            LZMA_OK);
        built_section(built, ".gnu_debugdata", SHT_PROGBITS, 0, content, size);
    }
    /* Of no rule but compression's, and compressed by other means. */
    built_section(built, ".debug_kept", SHT_PROGBITS, SHF_COMPRESSED, content,
                  compressed(packed ? ELFCOMPRESS_ZLIB : 2, TEXT, content, sizeof(content)));
    built_layout(built);
}

static void build_object(struct built *built, const char *comment)
{
    uint8_t content[1024];
    built_begin(built, true, false, ET_REL);
    built_section(built, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "\x90\x90\xc3", 3);
    built_section(built, ".debug_str", SHT_PROGBITS, SHF_COMPRESSED, content,
                  compressed(ELFCOMPRESS_ZLIB, comment, content, sizeof(content)));
    built_layout(built);
}

static void make_report(void)
{
    struct compare_options options = {.size = sizeof(options), .digest = true};
    struct compare_result *result = NULL;
    struct compare_error error;
    char *text = NULL;
    size_t size = 0;
    if (compare_files(files.vendor.path, files.repacked.path, &options, &result, &error) != 0)
        fail_msg("%s", error.message);
    assert_int_equal(compare_result_verdict(result), COMPARE_EQUIVALENT);
    FILE *stream = open_memstream(&text, &size);
    assert_int_equal(compare_report_json(result, NULL, stream, &error), 0);
    fclose(stream);
    compare_result_free(result);
    make_file(&files.report, text, size);
    free(text);
}

static void make_buildinfo(struct file *file, const char *version)
{
    char text[400];
    int size = snprintf(text, sizeof(text),
                        "Format: 1.0\nSource: x\nArchitecture: all\nVersion: 1\nBuild-Path: /%s\n"
                        "Installed-Build-Depends: gcc-12 (= %s), bash (= %s)\nEnvironment:\n LANG=\"%s\"\n",
                        version, version, version, version);
    make_file(file, text, (size_t)size);
}

static int make_files(void **state)
{
    static const char policy[] = "{\"name\": \"ours\", \"rules\": [{\"rule\": \"symbols\", \"reason\": \"none\"}]}";
    static struct built built;
    (void)state;
    build_program(&built, true, "rodata");
    make_file(&files.vendor, built.bytes, built.size);
    make_file(&files.copy, built.bytes, built.size);
    build_program(&built, false, "rodata");
    make_file(&files.repacked, built.bytes, built.size);
    build_program(&built, true, "radota");
    make_file(&files.changed, built.bytes, built.size);
    build_object(&built, TEXT);
    make_file(&files.object, built.bytes, built.size);
    build_object(&built, "another " TEXT);
    make_file(&files.other_object, built.bytes, built.size);
    make_file(&files.policy, policy, sizeof(policy) - 1);
    make_buildinfo(&files.buildinfo, "12.1");
    make_buildinfo(&files.other_buildinfo, "12.2");
    make_report();
    return 0;
}

/* ---- Letting fail ---- */

/* What a run had to show. */
struct shown {
    int verdict; /* or whatever else tells of success */
    size_t size;
    char text[65536];
};

static ssize_t show(void *cookie, const char *bytes, size_t size)
{
    struct shown *shown = cookie;
    if (fails_with(EIO))
        return 0;
    assert_true(size <= sizeof(shown->text) - shown->size);
    memcpy(shown->text + shown->size, bytes, size);
    shown->size += size;
    return (ssize_t)size;
}

/* A stream with a small buffer, so that writing can fail at many places. */
static FILE *open_shown(struct shown *shown, char *buffer, size_t size)
{
    FILE *stream = fopencookie(shown, "w", (cookie_io_functions_t){.write = show});
    assert_non_null(stream);
    setvbuf(stream, buffer, _IOFBF, size);
    return stream;
}

typedef int (*attempt_function)(struct shown *shown, struct compare_error *error);

static int let_fail_from(attempt_function attempt, unsigned first, unsigned last, struct shown *shown,
                         struct compare_error *error)
{
    memset(error, 0, sizeof(*error));
    memset(shown, 0, sizeof(*shown));
    failing.count = 0;
    failing.kept = 0;
    failing.first = first;
    failing.last = last;
    failing.counting = true;
    int status = attempt(shown, error);
    failing.counting = false;
    return status;
}

/* Until nothing is left that could fail. */
static void let_each_fail(attempt_function attempt)
{
    static struct shown undisturbed, shown;
    struct compare_error error;
    assert_int_equal(let_fail_from(attempt, UINT32_MAX, 0, &undisturbed, &error), 0);
    assert_int_equal(failing.kept, 0);
    unsigned count = failing.count;
    assert_true(count > 0);
    for (unsigned i = 0; i < 2 * count; i++) {
        unsigned first = i / 2 + 1, last = i % 2 == 0 ? first : UINT32_MAX;
        int status = let_fail_from(attempt, first, last, &shown, &error);
        if (status >= 0)
            fail_msg("call %u of %u failed, and the status is %d, the verdict %d", first, count, status, shown.verdict);
        if (error.message[0] == '\0' || strchr(error.message, '\n') != NULL || error.status != status)
            fail_msg("call %u of %u failed, and the message is '%s'", first, count, error.message);
        if (shown.verdict != 0)
            fail_msg("call %u of %u failed, and the verdict is %d", first, count, shown.verdict);
        if (failing.kept != 0)
            fail_msg("call %u of %u failed, and %d things are not given back", first, count, failing.kept);
    }
    assert_int_equal(let_fail_from(attempt, UINT32_MAX, 0, &shown, &error), 0);
    assert_memory_equal(&shown, &undisturbed, sizeof(shown));
    print_message("%u calls\n", count);
}

/* ---- Comparing ---- */

static int compare_and_show(const struct file *vendor, const struct file *rebuilt, bool json, struct shown *shown,
                            struct compare_error *error)
{
    struct compare_options options = {.size = sizeof(options), .digest = true};
    struct compare_report_options everything = {.size = sizeof(everything), .all_findings = true};
    struct compare_result *result = NULL;
    char buffer[256];
    int status = compare_files(vendor->path, rebuilt->path, &options, &result, error);
    if (status != 0) {
        assert_null(result);
        return status;
    }
    FILE *stream = open_shown(shown, buffer, sizeof(buffer));
    status = json ? compare_report_json(result, &everything, stream, error)
                  : compare_report_text(result, &everything, stream, error);
    if (status == 0)
        shown->verdict = compare_result_verdict(result);
    bool counting = failing.counting;
    failing.counting = false; /* what is left in its buffer is of no interest */
    fclose(stream);
    failing.counting = counting;
    compare_result_free(result);
    return status;
}

static int compares_equivalent(struct shown *shown, struct compare_error *error)
{
    int status = compare_and_show(&files.vendor, &files.repacked, false, shown, error);
    assert_true(status != 0 || shown->verdict == COMPARE_EQUIVALENT);
    return status;
}

static int compares_different(struct shown *shown, struct compare_error *error)
{
    int status = compare_and_show(&files.vendor, &files.changed, true, shown, error);
    assert_true(status != 0 || shown->verdict == COMPARE_DIFFERENT);
    return status;
}

static int compares_identical(struct shown *shown, struct compare_error *error)
{
    int status = compare_and_show(&files.vendor, &files.copy, true, shown, error);
    assert_true(status != 0 || shown->verdict == COMPARE_IDENTICAL);
    return status;
}

static int compares_objects(struct shown *shown, struct compare_error *error)
{
    int status = compare_and_show(&files.object, &files.other_object, true, shown, error);
    assert_true(status != 0 || shown->verdict == COMPARE_EQUIVALENT);
    return status;
}

static void an_equivalent_pair_is_never_taken_for_another(void **state)
{
    (void)state;
    let_each_fail(compares_equivalent);
}

static void a_different_pair_is_never_taken_for_another(void **state)
{
    (void)state;
    let_each_fail(compares_different);
}

static void an_identical_pair_is_never_taken_for_another(void **state)
{
    (void)state;
    let_each_fail(compares_identical);
}

static void a_pair_of_objects_is_never_taken_for_another(void **state)
{
    (void)state;
    let_each_fail(compares_objects);
}

/* .buildinfo files that there is no memory for are not used; the report, in which they are, is looked at elsewhere. */
static int compares_with_buildinfo_files(struct shown *shown, struct compare_error *error)
{
    struct compare_options options = {.size = sizeof(options),
                                      .vendor_buildinfo = files.buildinfo.path,
                                      .rebuilt_buildinfo = files.other_buildinfo.path};
    struct compare_result *result = NULL;
    int status = compare_files(files.vendor.path, files.changed.path, &options, &result, error);
    shown->verdict = compare_result_verdict(result);
    if (status == 0 && failing.first <= failing.count)
        assert_true(compare_result_vendor_buildinfo_note(result) != NULL ||
                    compare_result_rebuilt_buildinfo_note(result) != NULL);
    compare_result_free(result);
    return status;
}

static void no_buildinfo_file_is_worth_a_verdict(void **state)
{
    (void)state;
    static struct shown shown;
    struct compare_error error;
    assert_int_equal(let_fail_from(compares_with_buildinfo_files, UINT32_MAX, 0, &shown, &error), 0);
    unsigned count = failing.count, without = 0;
    for (unsigned i = 0; i < 2 * count; i++) {
        unsigned first = i / 2 + 1, last = i % 2 == 0 ? first : UINT32_MAX;
        int status = let_fail_from(compares_with_buildinfo_files, first, last, &shown, &error);
        assert_int_equal(failing.kept, 0);
        assert_int_equal(shown.verdict, status == 0 ? COMPARE_DIFFERENT : COMPARE_INCONCLUSIVE);
        assert_true(status == 0 || (error.status == status && error.message[0] != '\0'));
        without += status == 0;
    }
    assert_true(without > 0);
}

static void files_that_are_copied_are_read_or_the_failure_told(void **state)
{
    (void)state;
    failing.fresh = true;
    let_each_fail(compares_identical);
    failing.fresh = false;
}

/* The vendor's file through a pipe. */
static int compares_a_stream(struct shown *shown, struct compare_error *error)
{
    static struct built built;
    struct file stream;
    int ends[2];
    build_program(&built, true, "rodata");
    assert_int_equal(__real_pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], built.bytes, built.size), built.size);
    __real_close(ends[1]);
    snprintf(stream.path, sizeof(stream.path), "/proc/self/fd/%d", ends[0]);
    int status = compare_and_show(&stream, &files.copy, false, shown, error);
    __real_close(ends[0]);
    return status;
}

static void a_stream_is_read_to_its_end_or_the_failure_told(void **state)
{
    (void)state;
    let_each_fail(compares_a_stream);
}

/* ---- The other functions ---- */

static int verifies(struct shown *shown, struct compare_error *error)
{
    struct compare_verified verified;
    int status = compare_verify(files.report.path, files.vendor.path, files.repacked.path, NULL, &verified, error);
    if (status == COMPARE_ERROR_REFUSED)
        fail_msg("%s", error->message);
    shown->verdict = status == 0 ? (int)verified.verdict : 0;
    return status;
}

static void a_report_is_never_refused_for_want_of_memory(void **state)
{
    (void)state;
    let_each_fail(verifies);
}

static int normalises(struct shown *shown, struct compare_error *error)
{
    char buffer[256];
    FILE *stream = open_shown(shown, buffer, sizeof(buffer));
    int status = compare_normalise(files.vendor.path, NULL, stream, error);
    bool counting = failing.counting;
    failing.counting = false;
    fclose(stream);
    failing.counting = counting;
    return status;
}

static void a_normal_form_is_written_whole_or_the_failure_told(void **state)
{
    (void)state;
    let_each_fail(normalises);
}

static int digests(struct shown *shown, struct compare_error *error)
{
    shown->size = 32;
    return compare_digest(files.vendor.path, NULL, (uint8_t *)shown->text, error);
}

static void a_digest_is_right_or_the_failure_told(void **state)
{
    (void)state;
    let_each_fail(digests);
}

static int opens_policy(const char *name, struct shown *shown, struct compare_error *error)
{
    struct compare_policy *policy = NULL;
    int status = compare_policy_open(name, &policy, error);
    assert_true((status == 0) == (policy != NULL));
    if (policy != NULL)
        shown->size = (size_t)snprintf(shown->text, sizeof(shown->text), "%s", compare_policy_name(policy));
    compare_policy_free(policy);
    return status;
}

static int opens_policy_file(struct shown *shown, struct compare_error *error)
{
    return opens_policy(files.policy.path, shown, error);
}

static int opens_built_in_policy(struct shown *shown, struct compare_error *error)
{
    return opens_policy("standard", shown, error);
}

static void a_policy_is_whole_or_the_failure_told(void **state)
{
    (void)state;
    let_each_fail(opens_policy_file);
    let_each_fail(opens_built_in_policy);
}

/* It would be found in the working directory. */
static void a_file_is_never_taken_for_a_built_in_policy(void **state)
{
    struct compare_policy *policy = NULL;
    struct compare_error error;
    char directory[] = "/tmp/libcompare-test-XXXXXX", before[4096];
    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    assert_int_equal(symlink(files.policy.path, "standard"), 0);
    failing = (typeof(failing)){.counting = true, .first = 1, .last = 1};
    int status = compare_policy_open("standard", &policy, &error);
    failing.counting = false;
    assert_int_equal(unlink("standard"), 0);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(directory), 0);
    compare_policy_free(policy);
    assert_int_equal(status, COMPARE_ERROR_MEMORY);
}

static int answers(void *argument, int *outcome, struct compare_error *error)
{
    (void)argument;
    (void)error;
    failing.counting = false; /* what fails here is the worker's own */
    *outcome = COMPARE_IDENTICAL;
    return 0;
}

static int works(struct shown *shown, struct compare_error *error)
{
    struct compare_work work = {.what = "some file", .run = answers};
    int status = compare_in_worker(&work, &shown->verdict, error);
    failing.kept = 0; /* the pipe has two ends */
    return status;
}

static void a_worker_that_cannot_be_heard_is_no_verdict(void **state)
{
    (void)state;
    let_each_fail(works);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_equivalent_pair_is_never_taken_for_another),
        cmocka_unit_test(a_different_pair_is_never_taken_for_another),
        cmocka_unit_test(an_identical_pair_is_never_taken_for_another),
        cmocka_unit_test(a_pair_of_objects_is_never_taken_for_another),
        cmocka_unit_test(no_buildinfo_file_is_worth_a_verdict),
        cmocka_unit_test(files_that_are_copied_are_read_or_the_failure_told),
        cmocka_unit_test(a_stream_is_read_to_its_end_or_the_failure_told),
        cmocka_unit_test(a_report_is_never_refused_for_want_of_memory),
        cmocka_unit_test(a_normal_form_is_written_whole_or_the_failure_told),
        cmocka_unit_test(a_digest_is_right_or_the_failure_told),
        cmocka_unit_test(a_policy_is_whole_or_the_failure_told),
        cmocka_unit_test(a_file_is_never_taken_for_a_built_in_policy),
        cmocka_unit_test(a_worker_that_cannot_be_heard_is_no_verdict),
    };
    return cmocka_run_group_tests(tests, make_files, NULL);
}
