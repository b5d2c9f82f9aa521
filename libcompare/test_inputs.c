/* What is open already, and stands in the midst of a file: compared as if it were a file of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "testing/elf_builder.h"

/* No multiple of a page. */
#define BEFORE 4100

/* One file behind the other, with something before and behind. */
static int packed(const struct built *built, size_t count, struct compare_input *inputs)
{
    static const char junk[BEFORE] = "not to be read";
    int fd = memfd_create("packed", MFD_CLOEXEC);
    uint64_t at = BEFORE;
    assert_int_equal(write(fd, junk, BEFORE), BEFORE);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(write(fd, built[i].bytes, built[i].size), built[i].size);
        inputs[i] = (struct compare_input){.name = "member", .fd = fd, .offset = at, .size = built[i].size};
        at += built[i].size;
    }
    assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
    return fd;
}

static void build(struct built *built, uint8_t of_text)
{
    built_program(built, true, false, ET_DYN);
    memset(built_named(built, ".text")->content, of_text, 1);
    built_layout(built);
}

static int verdict_of(const struct compare_input *vendor, const struct compare_input *rebuilt)
{
    struct compare_options options = {.size = sizeof(options), .digest = true};
    struct compare_result *result = NULL;
    struct compare_error error;
    int status = compare_inputs(vendor, rebuilt, &options, &result, &error);
    if (status == 0) {
        uint8_t digest[32];
        assert_int_equal(result->vendor.size, vendor->size);
        assert_true(sha256(result->vendor.bytes, result->vendor.size, digest));
        assert_memory_equal(digest, result->vendor_digest, sizeof(digest));
        assert_string_equal(result->vendor.path, vendor->name);
        status = (int)compare_result_verdict(result);
    }
    compare_result_free(result);
    return status;
}

static void ranges_are_compared_as_files_are(void **state)
{
    static struct built built[3];
    struct compare_input inputs[3];
    (void)state;
    build(&built[0], 0x90);
    build(&built[1], 0x90);
    build(&built[2], 0x91);
    int fd = packed(built, 3, inputs);
    /* First copied, for the file is new; then mapped. */
    for (int round = 0; round < 2; round++) {
        assert_int_equal(verdict_of(&inputs[0], &inputs[1]), COMPARE_IDENTICAL);
        assert_int_equal(verdict_of(&inputs[0], &inputs[2]), COMPARE_DIFFERENT);
        usleep(100000);
    }
    close(fd);
}

static void ranges_that_overlap_prove_nothing(void **state)
{
    static struct built built[1];
    struct compare_input inputs[1];
    (void)state;
    build(&built[0], 0x90);
    int fd = packed(built, 1, inputs);
    assert_int_equal(verdict_of(&inputs[0], &inputs[0]), COMPARE_ERROR_UNSUPPORTED);
    close(fd);
}

static void a_range_past_the_end_is_an_error(void **state)
{
    static const struct {
        uint64_t offset, size;
    } ranges[] = {{0, 1u << 20}, {UINT64_MAX - 10, 100}, {1, UINT64_MAX}, {UINT64_MAX, 0}};
    static struct built built[1];
    struct compare_input inputs[1];
    (void)state;
    build(&built[0], 0x90);
    int fd = packed(built, 1, inputs);
    for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
        struct compare_input past = {"member", fd, ranges[i].offset, ranges[i].size};
        assert_int_equal(verdict_of(&inputs[0], &past), COMPARE_ERROR_CHANGED);
    }
    close(fd);
}

static void what_is_no_regular_file_is_refused(void **state)
{
    static struct built built[1];
    struct compare_input inputs[1], stream = {.name = "pipe"};
    int ends[2];
    (void)state;
    build(&built[0], 0x90);
    int fd = packed(built, 1, inputs);
    assert_int_equal(pipe(ends), 0);
    stream.fd = ends[0];
    assert_int_equal(verdict_of(&inputs[0], &stream), COMPARE_ERROR_UNSUPPORTED);
    close(ends[0]);
    close(ends[1]);
    close(fd);
}

/* ---- Equality, without parsing ---- */

static struct compare_input bytes_of(const char *bytes, size_t size)
{
    int fd = memfd_create("bytes", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes, size), size);
    return (struct compare_input){.name = "bytes", .fd = fd, .size = size};
}

static void equal_bytes_are_told_with_their_digest(void **state)
{
    enum { SIZE = 300000 };
    static const size_t changes[] = {0, 131071, 131072, SIZE - 1};
    static char bytes[SIZE];
    uint8_t digest[32], wanted[32];
    bool equal;
    (void)state;
    memset(bytes, 'a', SIZE);
    struct compare_input vendor = bytes_of(bytes, SIZE), rebuilt = bytes_of(bytes, SIZE);
    assert_int_equal(compare_inputs_equal(&vendor, &rebuilt, &equal, digest, NULL), 0);
    assert_true(equal);
    assert_true(sha256(bytes, SIZE, wanted));
    assert_memory_equal(digest, wanted, sizeof(digest));
    assert_int_equal(compare_input_digest(&rebuilt, digest, NULL), 0);
    assert_memory_equal(digest, wanted, sizeof(digest));
    for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
        assert_int_equal(pwrite(rebuilt.fd, "b", 1, (off_t)changes[i]), 1);
        assert_int_equal(compare_inputs_equal(&vendor, &rebuilt, &equal, digest, NULL), 0);
        assert_false(equal);
        assert_int_equal(pwrite(rebuilt.fd, "a", 1, (off_t)changes[i]), 1);
    }
    rebuilt.size--;
    assert_int_equal(compare_inputs_equal(&vendor, &rebuilt, &equal, NULL, NULL), 0);
    assert_false(equal);
    close(vendor.fd);
    close(rebuilt.fd);
}

static void a_file_that_shrinks_is_not_equal(void **state)
{
    struct compare_error error;
    struct compare_input vendor = bytes_of("abc", 3), rebuilt = bytes_of("abc", 3);
    bool equal = true;
    (void)state;
    assert_int_equal(ftruncate(rebuilt.fd, 2), 0);
    assert_int_equal(compare_inputs_equal(&vendor, &rebuilt, &equal, NULL, &error), COMPARE_ERROR_CHANGED);
    assert_false(equal);
    assert_int_equal(compare_input_digest(&rebuilt, (uint8_t[32]){0}, &error), COMPARE_ERROR_CHANGED);
    close(vendor.fd);
    close(rebuilt.fd);
    equal = true;
    assert_int_equal(compare_inputs_equal(&vendor, &rebuilt, &equal, NULL, &error), COMPARE_ERROR_SYSTEM);
    assert_false(equal);
}

/* ---- What holds other files ---- */

/* An ar archive of one member, with something before and behind. */
static struct compare_input archive_of(char content)
{
    static const char junk[BEFORE] = "not to be read";
    char archive[256];
    int size = snprintf(archive, sizeof(archive), "!<arch>\n%-16s%-12d%-6d%-6d%-8o%-10d`\n%c\n", "a.txt/", 0, 0, 0,
                        0100644, 2, content);
    int fd = memfd_create("archive", MFD_CLOEXEC);
    assert_int_equal(write(fd, junk, BEFORE), BEFORE);
    assert_int_equal(write(fd, archive, (size_t)size), size);
    assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
    return (struct compare_input){.name = "archive", .fd = fd, .offset = BEFORE, .size = (uint64_t)size};
}

/* The verdict, or the error; the line in a buffer of the caller's. */
static int tree_verdict_of(const struct compare_input *vendor, const struct compare_input *rebuilt, char *line,
                           size_t size)
{
    struct compare_tree_options options = {.size = sizeof(options), .digest = true, .jobs = 1};
    struct compare_tree *tree = NULL;
    struct compare_error error;
    int status = compare_tree_inputs(vendor, rebuilt, &options, &tree, &error);
    FILE *out = fmemopen(line, size, "w");
    assert_non_null(out);
    if (status == 0) {
        assert_int_equal(compare_tree_report_line(tree, out, &error), 0);
        status = (int)compare_tree_verdict(tree);
    }
    fclose(out);
    compare_tree_free(tree);
    return status;
}

static void archives_are_compared_within_their_ranges(void **state)
{
    struct compare_input vendor = archive_of('a'), same = archive_of('a'), other = archive_of('b');
    char line[4096], wanted[256] = "\"vendor\":{\"sha256\":\"";
    uint8_t digest[32];
    (void)state;
    assert_true(compare_input_is_tree(&vendor));
    assert_int_equal(tree_verdict_of(&vendor, &same, line, sizeof(line)), COMPARE_IDENTICAL);
    assert_int_equal(tree_verdict_of(&vendor, &other, line, sizeof(line)), COMPARE_DIFFERENT);
    assert_int_equal(compare_input_digest(&vendor, digest, NULL), 0);
    for (size_t i = 0; i < sizeof(digest); i++)
        sprintf(wanted + strlen(wanted), "%02x", digest[i]);
    sprintf(wanted + strlen(wanted), "\",\"size\":%ju}", (uintmax_t)vendor.size);
    assert_non_null(strstr(line, wanted));
    assert_non_null(strstr(line, "\"roots\":[{\"cause\":null,\"what\":\"content\",\"place\":\"a.txt\",\"files\":1}]"));
    /* At its own offset it is an archive, elsewhere none. */
    vendor.offset--;
    assert_false(compare_input_is_tree(&vendor));
    close(vendor.fd);
    close(same.fd);
    close(other.fd);
}

static void what_is_no_range_of_a_file_is_no_tree(void **state)
{
    struct compare_input vendor = archive_of('a'), past = archive_of('b'), pipe_end = {.name = "pipe"};
    char line[4096];
    int ends[2];
    (void)state;
    assert_int_equal(tree_verdict_of(&vendor, &vendor, line, sizeof(line)), COMPARE_ERROR_UNSUPPORTED);
    past.size = UINT64_MAX;
    assert_int_equal(tree_verdict_of(&vendor, &past, line, sizeof(line)), COMPARE_ERROR_CHANGED);
    past.offset = UINT64_MAX;
    past.size = 1;
    assert_int_equal(tree_verdict_of(&vendor, &past, line, sizeof(line)), COMPARE_ERROR_CHANGED);
    assert_int_equal(pipe(ends), 0);
    pipe_end.fd = ends[0];
    assert_int_equal(tree_verdict_of(&vendor, &pipe_end, line, sizeof(line)), COMPARE_ERROR_UNSUPPORTED);
    /* The descriptors stay the caller's. */
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(close(vendor.fd), 0);
    assert_int_equal(close(past.fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_compared_as_files_are),
        cmocka_unit_test(ranges_that_overlap_prove_nothing),
        cmocka_unit_test(a_range_past_the_end_is_an_error),
        cmocka_unit_test(what_is_no_regular_file_is_refused),
        cmocka_unit_test(archives_are_compared_within_their_ranges),
        cmocka_unit_test(what_is_no_range_of_a_file_is_no_tree),
        cmocka_unit_test(equal_bytes_are_told_with_their_digest),
        cmocka_unit_test(a_file_that_shrinks_is_not_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
