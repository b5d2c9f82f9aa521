/*
 * All single-byte changes of a program, one after the other: each must be noticed, or lie in an extent that the
 * verdict names; and what is named must lie outside what the kernel maps, by this file's own reading of the program
 * headers, or in one of the two records that may lie in it.
 *
 * Usage: test_every_byte FILE (ELF, of this machine's own class and byte order)
 */
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "testing/elf_builder.h"

static uint8_t *original;
static size_t original_size;
static const char *original_path;

static bool mapped(uint64_t offset)
{
    const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)original;
    const Elf64_Phdr *phdr = (const Elf64_Phdr *)(original + ehdr->e_phoff);
    for (size_t i = 0; i < ehdr->e_phnum; i++) {
        uint64_t begin = phdr[i].p_offset & ~UINT64_C(4095), end = phdr[i].p_offset + phdr[i].p_filesz;
        if (phdr[i].p_type != PT_LOAD || phdr[i].p_filesz == 0)
            continue;
        if ((phdr[i].p_flags & PF_W) == 0 || phdr[i].p_memsz == phdr[i].p_filesz)
            end = (end + 4095) & ~UINT64_C(4095);
        if (begin <= offset && offset < end)
            return true;
    }
    return false;
}

static const struct entry *entry_at(const struct account *account, uint64_t offset)
{
    for (size_t i = 0; i < account->count; i++) {
        if (account->entries[i].range.begin <= offset && offset < account->entries[i].range.end)
            return &account->entries[i];
    }
    fail_msg("offset %ju has no entry in the account", (uintmax_t)offset);
    return NULL;
}

static void check(const struct compare_result *result, uint64_t offset)
{
    const struct entry *entry = entry_at(&result->comparison.rebuilt, offset);
    if (result->verdict == COMPARE_DIFFERENT)
        return;
    if (result->verdict != COMPARE_EQUIVALENT || entry->standing != STANDING_SET_ASIDE || entry->rule >= RULE_COUNT)
        fail_msg("offset %#jx: %s, but the changed byte is not set aside by a rule", (uintmax_t)offset,
                 compare_verdict_name(result->verdict));
    if (mapped(offset) && entry->rule != RULE_BUILD_ID && entry->rule != RULE_ELF_HEADER_SECTIONS)
        fail_msg("offset %#jx is mapped, and rule %s set it aside", (uintmax_t)offset,
                 compare_rule_at(entry->rule)->id);
}

static size_t change_every_byte(uint8_t mask)
{
    size_t equivalent = 0;
    int fd = memfd_create("changed", MFD_CLOEXEC);
    char path[64];
    assert_true(fd >= 0);
    assert_int_equal(write(fd, original, original_size), original_size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    for (size_t i = 0; i < original_size; i++) {
        struct compare_result *result = NULL;
        struct compare_error error;
        uint8_t changed = original[i] ^ mask;
        assert_int_equal(pwrite(fd, &changed, 1, (off_t)i), 1);
        struct compare_options options = {.size = sizeof(options), .digest = true};
        int status = compare_files(original_path, path, &options, &result, &error);
        if (status == COMPARE_ERROR_INTERNAL)
            fail_msg("offset %#zx: %s", i, error.message);
        if (status == 0) {
            check(result, i);
            /* Each acquittal, and some of the rest. */
            if (result->verdict == COMPARE_EQUIVALENT || i % 16 == 0)
                built_verify(result);
            equivalent += result->verdict == COMPARE_EQUIVALENT;
        }
        compare_result_free(result);
        assert_int_equal(pwrite(fd, &original[i], 1, (off_t)i), 1);
    }
    close(fd);
    return equivalent;
}

static void every_changed_byte_is_noticed_or_in_a_named_extent(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0xff, 0x01};
    for (size_t i = 0; i < ARRAY_COUNT(masks); i++) {
        size_t equivalent = change_every_byte(masks[i]);
        /* A test that no change could fail would prove nothing: the build ID alone has 20 bytes. */
        assert_true(equivalent >= 20 && equivalent < original_size);
        print_message("mask %#x: %zu of %zu changes set aside by a rule, the rest noticed\n", masks[i], equivalent,
                      original_size);
    }
}

int main(int argc, char **argv)
{
    struct stat status;
    if (argc != 2)
        return 2;
    original_path = argv[1];
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        return 2;
    original_size = (size_t)status.st_size;
    original = mmap(NULL, original_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (original == MAP_FAILED)
        return 2;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_changed_byte_is_noticed_or_in_a_named_extent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
