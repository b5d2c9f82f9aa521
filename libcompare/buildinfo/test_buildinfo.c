/* Reading .buildinfo files: what dpkg writes, what a signer makes of it, and what would harm who believes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buildinfo.h"

#define HEAD                                                                                                           \
    "Format: 1.0\n"                                                                                                    \
    "Source: hello\n"                                                                                                  \
    "Architecture: amd64\n"                                                                                            \
    "Version: 2.10-3\n"
#define PACKAGES                                                                                                       \
    "Installed-Build-Depends:\n"                                                                                       \
    " autoconf (= 2.71-3),\n"                                                                                          \
    " gcc-12 (= 12.2.0-14),\n"                                                                                         \
    " libc6:i386 (= 2.36-9+deb12u10)\n"
#define WHOLE HEAD PACKAGES

struct fixture {
    struct arena arena;
    struct buildinfo buildinfo;
    struct compare_error error;
    int status;
};

/* In memory of exactly their size, so that reading past them is caught. */
static void read_bytes(struct fixture *fixture, const char *text, size_t size)
{
    char *copy = malloc(size + (size == 0));
    assert_non_null(copy);
    memcpy(copy, text, size);
    *fixture = (struct fixture){0};
    fixture->status = buildinfo_read("a.buildinfo", copy, size, &fixture->arena, &fixture->buildinfo, &fixture->error);
    free(copy);
}

static void read_text(struct fixture *fixture, const char *text)
{
    read_bytes(fixture, text, strlen(text));
}

static const char *value_of(const struct buildinfo_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0)
            return list->items[i].value;
    }
    return NULL;
}

static void assert_value(const struct buildinfo_list *list, const char *name, const char *value)
{
    const char *found = value_of(list, name);
    assert_non_null(found);
    assert_string_equal(found, value);
}

static void assert_read(struct fixture *fixture, const char *text)
{
    read_text(fixture, text);
    if (fixture->status != 0)
        fail_msg("%s", fixture->error.message);
}

/* Refused in one printable line, in which this stands. */
static void assert_refused(const char *text, size_t size, int status, const char *message)
{
    struct fixture fixture;
    read_bytes(&fixture, text, size);
    assert_int_equal(fixture.status, status);
    assert_ptr_equal(strstr(fixture.error.message, "a.buildinfo: "), fixture.error.message);
    if (strstr(fixture.error.message, message) == NULL)
        fail_msg("'%s' lacks '%s'", fixture.error.message, message);
    for (const char *at = fixture.error.message; *at != '\0'; at++)
        assert_in_range(*at, 0x20, 0x7e);
    arena_free(&fixture.arena);
}

static void assert_malformed(const char *text, const char *message)
{
    assert_refused(text, strlen(text), COMPARE_ERROR_MALFORMED, message);
}

/* ---- What is read ---- */

static void fields_packages_and_variables_are_read(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_read(&fixture, "# a comment\n" HEAD "Build-Path: /build/hello-2.10\n"
                          "Build-Tainted-By:\n merged-usr-via-aliased-dirs\n usr-local-has-programs\n" PACKAGES
                          "Environment:\n LANG=\"C.UTF-8\"\n# another\n SOURCE_DATE_EPOCH=\"1672062143\"\n");
    const struct buildinfo *buildinfo = &fixture.buildinfo;
    assert_false(buildinfo->clearsigned);
    assert_value(&buildinfo->settings, "Build-Path", "/build/hello-2.10");
    assert_value(&buildinfo->settings, "Build-Tainted-By", "merged-usr-via-aliased-dirs usr-local-has-programs");
    assert_null(value_of(&buildinfo->settings, "Environment"));
    assert_int_equal(buildinfo->packages.count, 3);
    assert_value(&buildinfo->packages, "gcc-12", "12.2.0-14");
    assert_value(&buildinfo->packages, "libc6:i386", "2.36-9+deb12u10");
    assert_int_equal(buildinfo->variables.count, 2);
    assert_value(&buildinfo->variables, "SOURCE_DATE_EPOCH", "1672062143");
    arena_free(&fixture.arena);
}

static void values_are_unescaped_and_may_span_lines(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_read(&fixture, WHOLE "Environment:\n A=\"\"\n B=\"say \\\"hi\\\"\"\n C=\"back\\\\slash\"\n D=\"\\n\"\n"
                                " E=\"one\n two\"\n F=\"a=\"b\"\n G=\"\\\\\"\n");
    const struct buildinfo_list *variables = &fixture.buildinfo.variables;
    assert_int_equal(variables->count, 7);
    assert_value(variables, "A", "");
    assert_value(variables, "B", "say \"hi\"");
    assert_value(variables, "C", "back\\slash");
    assert_value(variables, "D", "\\n");
    assert_value(variables, "E", "one\ntwo");
    assert_value(variables, "F", "a=\"b");
    assert_value(variables, "G", "\\");
    arena_free(&fixture.arena);
}

static void lines_may_end_as_on_other_systems_and_names_be_in_any_case(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_read(&fixture, "\r\nformat: 1.0\r\nSOURCE: hello\r\nArchitecture: amd64\r\nVersion: 1\r\n"
                          "installed-build-depends: gcc-12 (=1), make(= 2)\r\n\r\n\r\n");
    assert_value(&fixture.buildinfo.packages, "gcc-12", "1");
    assert_value(&fixture.buildinfo.packages, "make", "2");
    arena_free(&fixture.arena);
}

static void checksums_are_read(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_read(&fixture, WHOLE "Checksums-Sha256:\n"
                                " 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 52832 "
                                "hello_2.10-3_amd64.deb\n");
    assert_int_equal(fixture.buildinfo.artifacts.count, 1);
    assert_string_equal(fixture.buildinfo.artifacts.items[0].name, "hello_2.10-3_amd64.deb");
    arena_free(&fixture.arena);
    assert_malformed(WHOLE "Checksums-Sha256:\n 0123 52832 hello.deb\n", "line 10: no digest");
}

/* ---- Signed ---- */

#define SIGNED_HEAD "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
#define SIGNATURE   "-----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCgAdFiEE\n=abcd\n-----END PGP SIGNATURE-----\n"

static void a_signed_text_is_taken_out_of_its_frame(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_read(&fixture, SIGNED_HEAD HEAD "- Build-Path: /build/x\n" PACKAGES "\n" SIGNATURE);
    assert_true(fixture.buildinfo.clearsigned);
    assert_value(&fixture.buildinfo.settings, "Build-Path", "/build/x");
    assert_null(value_of(&fixture.buildinfo.settings, "Hash"));
    assert_int_equal(fixture.buildinfo.packages.count, 3);
    arena_free(&fixture.arena);
    assert_read(&fixture, SIGNED_HEAD WHOLE SIGNATURE "\n");
    arena_free(&fixture.arena);
}

static void a_frame_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    assert_malformed(SIGNED_HEAD WHOLE, "truncated?");
    assert_malformed(SIGNED_HEAD WHOLE "-----BEGIN PGP SIGNATURE-----\niQIz\n", "truncated?");
    assert_malformed(SIGNED_HEAD WHOLE "--- other\n" SIGNATURE, "a dash that is not escaped");
    assert_malformed(SIGNED_HEAD WHOLE SIGNATURE "Build-Path: /x\n", "something stands behind the signature");
    assert_malformed("-----BEGIN PGP SIGNED MESSAGE-----\n" WHOLE SIGNATURE, "line 7: no header of a signed text");
    assert_malformed(HEAD SIGNED_HEAD PACKAGES SIGNATURE, "neither a field");
    assert_malformed(WHOLE SIGNATURE, "neither a field");
}

/* ---- Refused ---- */

static void what_is_no_buildinfo_file_is_refused(void **state)
{
    (void)state;
    assert_malformed("", "there is no field");
    assert_malformed("\n\n# nothing\n", "there is no field");
    assert_malformed("\177ELF\2\1\1", "neither a field");
    assert_malformed("Package: hello\nVersion: 1\n", "there is no field Format");
    assert_malformed("Format: 1.0\nSource: x\n", "there is no field Version");
    assert_malformed("Format: 3.0 (quilt)\n" PACKAGES, "a format that is not known (1.0 is): \"3.0 (quilt)\"");
    assert_malformed("Format: 1\n" PACKAGES, "a format that is not known");
}

static void lines_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    assert_malformed(" x\n" WHOLE, "line 1: it continues a field, but none stands before it");
    assert_malformed(HEAD "no colon\n", "line 5: neither a field");
    assert_malformed(HEAD ": empty\n", "line 5: neither a field");
    assert_malformed(HEAD "Two words: x\n", "line 5: neither a field");
    assert_malformed(HEAD "Format: 1.0\n", "line 5: the field Format a second time, after line 1");
    assert_malformed(HEAD "format: 1.0\n", "a second time");
    assert_malformed(WHOLE "\nSource: other\n", "line 10: a second paragraph");
    assert_malformed(WHOLE "\033[2J: x\n", "line 9: neither a field");
    assert_refused("Format: 1.0\nSource: x\0y\n", 24, COMPARE_ERROR_MALFORMED, "line 2: a NUL byte");
}

static void entries_that_do_not_fit_are_refused_and_shown_escaped(void **state)
{
    (void)state;
    static const char *const entries[] = {
        "gcc-12",       "gcc-12 12",      "gcc-12 (= )",       "gcc-12 (>= 1)",   "gcc-12 (= 1",      " (= 1)",
        "gcc 12 (= 1)", "gcc-12 (= 1) x", "a (= 1),, b (= 1)", "g\033[31m (= 1)", "gcc-12 (= 1\033)", ", a (= 1)",
        "()",           "a (= 1 2)",
    };
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        char text[400];
        snprintf(text, sizeof(text), HEAD "Installed-Build-Depends:\n %s\n", entries[i]);
        assert_malformed(text, "line 6: no package with its version");
    }
    assert_malformed(HEAD "Installed-Build-Depends:\n a (= 1)\n b (= 1)\n", "line 7: no comma stands before it");
    assert_malformed(HEAD "Installed-Build-Depends:\n a (= 1),\n b (= 1),\n", "line 7: the list ends with a comma");
    assert_malformed(HEAD "Installed-Build-Depends:\n a (= 1),\n b (= 1),\n a (= 2)\n",
                     "line 8: the same name a second time: \"a\"");
}

static void variables_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    assert_malformed(WHOLE "Environment:\n LANG\n", "line 10: no variable with its value");
    assert_malformed(WHOLE "Environment:\n LANG=C\n", "line 10: no variable with its value");
    assert_malformed(WHOLE "Environment:\n LANG=\n", "line 10: no variable with its value");
    assert_malformed(WHOLE "Environment:\n =\"C\"\n", "line 10: no variable with its value");
    assert_malformed(WHOLE "Environment:\n A\033[0m=\"C\"\n", "NAME=\"value\": \"A\\x1b[0m");
    assert_malformed(WHOLE "Environment:\n LANG=\"C\n X=\\\"\n", "line 10: the value has no closing quote");
    assert_malformed(WHOLE "Environment:\n A=\"1\"\n A=\"2\"\n", "line 11: the same name a second time");
}

/* ---- Too much ---- */

static char *repeated(const char *head, const char *unit, size_t count, const char *tail)
{
    size_t head_size = strlen(head), size = strlen(unit);
    char *text = malloc(head_size + size * count + strlen(tail) + 1);
    assert_non_null(text);
    memcpy(text, head, head_size);
    for (size_t i = 0; i < count; i++)
        memcpy(text + head_size + i * size, unit, size);
    strcpy(text + head_size + size * count, tail);
    return text;
}

static void what_is_far_beyond_real_files_is_refused(void **state)
{
    (void)state;
    char *lines = repeated(HEAD, "\n", 300000, ""),
         *many = repeated(HEAD "Installed-Build-Depends: ", "ab (= 1),", 150000, "");
    assert_refused(lines, strlen(lines), COMPARE_ERROR_LIMIT, "more than 200000 lines");
    assert_refused(many, strlen(many), COMPARE_ERROR_LIMIT, "line 5: more than 100000 entries");
    free(lines);
    free(many);
    char *fields = malloc(200000);
    assert_non_null(fields);
    size_t used = (size_t)sprintf(fields, HEAD);
    for (unsigned i = 0; i < 2000; i++)
        used += (size_t)sprintf(fields + used, "X-%u: y\n", i);
    assert_refused(fields, used, COMPARE_ERROR_LIMIT, "line 1001: more than 1000 fields");
    free(fields);
    char *large = calloc(1, BUILDINFO_SIZE_MOST + 1);
    assert_non_null(large);
    assert_refused(large, BUILDINFO_SIZE_MOST + 1, COMPARE_ERROR_LIMIT, "more than the 16 MiB");
    free(large);
}

static void long_lines_and_names_do_no_harm(void **state)
{
    (void)state;
    struct fixture fixture;
    char *value = repeated(WHOLE "Build-Path: /", "x", 1000000, "\n"), *name = repeated(WHOLE, "x", 1000, ": y\n");
    char *package = repeated(HEAD "Installed-Build-Depends: ", "x", 1000, " (= 1)\n");
    assert_read(&fixture, value);
    assert_int_equal(strlen(value_of(&fixture.buildinfo.settings, "Build-Path")), 1000001);
    arena_free(&fixture.arena);
    assert_malformed(name, "line 9: a field with a very long name");
    assert_malformed(package, "line 5: no package with its version");
    free(value);
    free(name);
    free(package);
}

/* Whatever is cut off is found missing, or was a line, or the end of one, that may be missing. */
static void a_file_that_is_cut_anywhere_is_read_or_refused(void **state)
{
    (void)state;
    static const char whole[] = SIGNED_HEAD WHOLE "Environment:\n A=\"1\\\"\"\n" SIGNATURE;
    for (size_t size = 0; size + 2 < sizeof(whole); size++) {
        struct fixture fixture;
        read_bytes(&fixture, whole, size);
        assert_int_equal(fixture.status, COMPARE_ERROR_MALFORMED);
        arena_free(&fixture.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_packages_and_variables_are_read),
        cmocka_unit_test(values_are_unescaped_and_may_span_lines),
        cmocka_unit_test(lines_may_end_as_on_other_systems_and_names_be_in_any_case),
        cmocka_unit_test(checksums_are_read),
        cmocka_unit_test(a_signed_text_is_taken_out_of_its_frame),
        cmocka_unit_test(a_frame_that_is_not_whole_is_refused),
        cmocka_unit_test(what_is_no_buildinfo_file_is_refused),
        cmocka_unit_test(lines_that_do_not_fit_are_refused),
        cmocka_unit_test(entries_that_do_not_fit_are_refused_and_shown_escaped),
        cmocka_unit_test(variables_that_do_not_fit_are_refused),
        cmocka_unit_test(what_is_far_beyond_real_files_is_refused),
        cmocka_unit_test(long_lines_and_names_do_no_harm),
        cmocka_unit_test(a_file_that_is_cut_anywhere_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
