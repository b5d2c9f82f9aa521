/*
 * The table of causes: each detector finds what it is for, and no changed line of a source passes for an accident of
 * the build.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "causes.h"

/* ---- Differences made of texts ---- */

struct fixture {
    struct arena arena;
    struct clues clues;
};

static void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    fixture->clues.arena = &fixture->arena;
}

static void end(struct fixture *fixture)
{
    arena_free(&fixture->arena);
}

static struct value text_value(const char *text)
{
    return (struct value){.bytes = (const uint8_t *)text, .size = text == NULL ? 0 : strlen(text), .text = text};
}

static struct difference of_texts(enum difference_kind kind, const char *what, const char *vendor, const char *rebuilt)
{
    return (struct difference){
        .kind = kind,
        .what = what,
        .vendor = {.present = vendor != NULL, .section = ".rodata"},
        .rebuilt = {.present = rebuilt != NULL, .section = ".rodata"},
        .vendor_value = text_value(vendor),
        .rebuilt_value = text_value(rebuilt),
    };
}

static struct difference of_numbers(const char *what, uint64_t vendor, uint64_t rebuilt)
{
    struct difference difference = of_texts(DIFFERENCE_CODE, what, NULL, NULL);
    difference.vendor.present = difference.rebuilt.present = true;
    difference.vendor_value.number = vendor;
    difference.rebuilt_value.number = rebuilt;
    return difference;
}

static const char *best(const struct difference *difference)
{
    return difference->guess_count > 0 ? difference->guesses[0].cause->info.id : "";
}

static unsigned confidence_of(const struct difference *difference, const char *id)
{
    for (size_t i = 0; i < difference->guess_count; i++) {
        if (strcmp(difference->guesses[i].cause->info.id, id) == 0)
            return difference->guesses[i].confidence;
    }
    return 0;
}

/* The best believed cause that says that the source is the same; NULL: none. */
static const struct guess *innocent(const struct difference *difference)
{
    for (size_t i = 0; i < difference->guess_count; i++) {
        const struct guess *guess = &difference->guesses[i];
        if (!guess->cause->info.code && guess->confidence >= CONFIDENCE_BELIEVED)
            return guess;
    }
    return NULL;
}

static void assert_sound(const struct difference *difference)
{
    assert_true(difference->guess_count <= GUESSES);
    for (size_t i = 0; i < difference->guess_count; i++) {
        const struct guess *guess = &difference->guesses[i];
        assert_in_range(guess->confidence, 1, 100);
        assert_non_null(guess->evidence);
        assert_non_null(guess->key);
        assert_true(guess->evidence[0] != '\0' && strlen(guess->evidence) < 512 && strlen(guess->key) < 512);
        for (const char *at = guess->evidence; *at != '\0'; at++)
            assert_true(*at >= 0x20 && *at < 0x7f);
        for (const char *at = guess->key; *at != '\0'; at++)
            assert_true(*at >= 0x20 && *at < 0x7f);
        if (i > 0)
            assert_true(guess->confidence <= difference->guesses[i - 1].confidence);
    }
}

/* ---- What each detector is for ---- */

struct example {
    const char *cause;
    enum difference_kind kind;
    const char *what, *vendor, *rebuilt;
};

#define STRING(cause, vendor, rebuilt)                                                                                 \
    {                                                                                                                  \
        cause, DIFFERENCE_STRING, "string", vendor, rebuilt                                                            \
    }

static const struct example examples[] = {
    STRING("date-macro", "Jan  1 2024", "Dec 12 2025"),
    STRING("date-macro", "10:59:15", "23:01:44"),
    STRING("date-macro", "Nov 24 2026 10:59:15", "Nov 25 2026 11:03:09"),
    STRING("date-macro", "foo 1.0 (compiled Jan  1 2024, 10:00:01)", "foo 1.0 (compiled Feb 12 2025, 23:11:59)"),
    STRING("timestamp-macro", "Tue Nov 24 10:59:15 2026", "Wed Nov 25 09:00:01 2026"),
    STRING("date-other", "2024-01-01T10:11:12Z", "2025-06-07T08:09:10Z"),
    STRING("date-other", "built 2024-01-01 10:11:12", "built 2025-06-07 08:09:10"),
    STRING("date-other", "Tue, 24 Nov 2026 10:59:15 +0000", "Wed, 25 Nov 2026 10:59:16 +0000"),
    STRING("date-other", "Tue Nov 24 10:59:15 UTC 2026", "Wed Nov 25 10:59:16 UTC 2026"),
    STRING("date-other", "Copyright (C) 2023 The Authors", "Copyright (C) 2024 The Authors"),
    STRING("date-other", "build date: 1700000000", "build date: 1710000001"),
    STRING("date-other", "buildtime=1700000000123", "buildtime=1710000001456"),
    STRING("date-other", "snapshot 20240102", "snapshot 20250304"),
    STRING("date-other", "Released 2021-03-04", "Released 2022-05-06"),
    STRING("locale-timezone", "Tue, 24 Nov 2026 10:59:15 +0000", "Tue, 24 Nov 2026 11:59:15 +0100"),
    STRING("locale-timezone", "Tue Nov 24 10:59:15 UTC 2026", "Tue Nov 24 11:59:15 CET 2026"),
    STRING("kernel-banner", "Linux version 6.1.0 (joe@a) (gcc) #1 SMP Tue Nov 24 10:59:15 UTC 2026",
           "Linux version 6.1.0 (ann@b) (gcc) #1 SMP Wed Nov 25 10:59:15 UTC 2026"),
    STRING("build-path-macro", "/build/one/src/main.c", "/build/two/src/main.c"),
    STRING("build-path-macro", "/build/one/src/main.c", "/home/joe/longer/path/src/main.c"),
    STRING("build-path-macro", "../src/main.c", "/build/foo/src/main.c"),
    STRING("build-path-macro", "src/main.c", "/build/foo/src/main.c"),
    STRING("build-path-macro", "assertion failed: x (/build/a/x.c:12)", "assertion failed: x (/build/b/x.c:12)"),
    STRING("build-path-macro", "/build/a/x.c /build/a/y.c", "/build/b/x.c /build/b/y.c"),
    STRING("rust-path", "/home/joe/.cargo/registry/src/x/lib.rs", "/root/.cargo/registry/src/x/lib.rs"),
    STRING("coverage", "/build/a/main.gcda", "/build/b/main.gcda"),
    STRING("ocaml", "/tmp/camlobj3fa2c1.o", "/tmp/camlobj99bd0e.o"),
    STRING("haskell", "/tmp/ghc1234_0/ghc_2.hc", "/tmp/ghc99_0/ghc_3.hc"),
    STRING("temp-name", "/tmp/ccAb3dEf.o", "/tmp/ccXy9qZ2.o"),
    STRING("home-or-path", "HOME=/home/joe", "HOME=/root"),
    STRING("user-host", "built by joe@build1", "built by ann@laptop"),
    STRING("kernel-version", "Linux 6.1.0-28-amd64", "Linux 5.10.0-8-amd64"),
    STRING("vcs-revision", "git commit 0123abc", "git commit fed9876"),
    STRING("vcs-revision", "v1.2-45-g0123abc", "v1.2-46-gfed9876"),
    STRING("vcs-revision", "v1.2-45-g0123abc", "v1.2-45-g0123abc-dirty"),
    STRING("random-id", "build id 0f8fad5b-d9cb-469f-a165-70867728950e",
           "build id 7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    STRING("leaked-address", "object at 0x55d0a1b2c3d0", "object at 0x5612deadb3d0"),
    STRING("go", "path\tx\nbuild\tvcs.time=2024-01-01T00:00:00Z\n", "path\tx\nbuild\tvcs.time=2025-01-01T00:00:00Z\n"),
    {"build-path-debug", DIFFERENCE_DEBUG, "DW_AT_comp_dir", "/build/one", "/home/joe/two"},
    {"build-path-debug", DIFFERENCE_DEBUG, "line table directories", "/build/one/src", "/build/two/src"},
    {"build-path-runpath", DIFFERENCE_DYNAMIC, "DT_RUNPATH", "/build/a/lib", "/build/b/lib"},
    {"flags-recorded", DIFFERENCE_DEBUG, "DW_AT_producer", "GNU C17 12.2.0 -g -ffile-prefix-map=/a=.",
     "GNU C17 12.2.0 -g -ffile-prefix-map=/b=."},
    {"compiler-version", DIFFERENCE_DEBUG, "DW_AT_producer", "GNU C17 12.2.0 -g", "GNU C17 13.1.0 -g"},
    {"compiler-version", DIFFERENCE_COMMENT, ".comment", "GCC: (Debian 12.2.0-14) 12.2.0", "GCC: (GNU) 13.1.0"},
    {"optimisation", DIFFERENCE_DEBUG, "DW_AT_producer", "GNU C17 12.2.0 -g -O2", "GNU C17 12.2.0 -g -O3"},
    {"march-drift", DIFFERENCE_DEBUG, "DW_AT_producer", "GNU C17 12.2.0 -march=x86-64", "GNU C17 12.2.0 -march=native"},
    {"march-drift", DIFFERENCE_HEADER, "e_flags", "0x5000400", "0x5000200"},
    {"march-drift", DIFFERENCE_CODE, "instructions", "movups xmm0, [rax]", "vmovups ymm0, [rax]"},
    {"pgo", DIFFERENCE_DEBUG, "DW_AT_producer", "GNU C17 12.2.0 -O2", "GNU C17 12.2.0 -O2 -fprofile-use"},
    {"hardening-flags", DIFFERENCE_DEBUG, "DW_AT_producer", "GNU C17 12.2.0 -fstack-protector-strong",
     "GNU C17 12.2.0"},
    {"hardening-flags", DIFFERENCE_DYNAMIC, "DT_FLAGS", "BIND_NOW", NULL},
    {"hardening-flags", DIFFERENCE_HEADER, "PT_GNU_RELRO", "present", NULL},
    {"hardening-flags", DIFFERENCE_NOTE, "GNU property", "IBT, SHSTK", "none"},
    {"linker", DIFFERENCE_COMMENT, ".comment", "Linker: Debian LLD 14.0.6", NULL},
    {"linker", DIFFERENCE_NOTE, "gold version", "gold 1.16", NULL},
    {"hash-style", DIFFERENCE_DYNAMIC, "DT_HASH", "present", NULL},
    {"hash-style", DIFFERENCE_SECTION, ".gnu.hash", NULL, "present"},
    {"stripped", DIFFERENCE_SECTION, ".symtab", "present", NULL},
    {"stripped", DIFFERENCE_SECTION, ".debug_info", NULL, "present"},
    {"debug-compression", DIFFERENCE_SECTION, ".debug_info", "compressed", "plain"},
    {"minidebuginfo", DIFFERENCE_SECTION, ".gnu_debugdata", "present", NULL},
    {"dwz", DIFFERENCE_SECTION, ".gnu_debugaltlink", "present", NULL},
    {"dwz", DIFFERENCE_LINK, ".gnu_debugaltlink build ID", "aaaa", "bbbb"},
    {"debuglink-crc", DIFFERENCE_LINK, ".gnu_debuglink CRC", "1234", "5678"},
    {"split-dwarf", DIFFERENCE_DEBUG, "dwo ID", "12345678", "87654321"},
    {"build-id-only", DIFFERENCE_NOTE, "GNU build ID", "aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"},
    {"build-id-style", DIFFERENCE_NOTE, "GNU build ID", "aaaaaaaaaaaaaaaaaaaa", "bbbbbbbb"},
    {"build-id-style", DIFFERENCE_NOTE, "GNU build ID", "aaaaaaaaaaaaaaaaaaaa", NULL},
    {"build-id-uuid", DIFFERENCE_NOTE, "GNU build ID", "abcdefAh\x8fjklmnop", "qrstuvBh\x9fzyxwvut"},
    {"package-note", DIFFERENCE_NOTE, "package note", "{\"name\":\"a\"}", "{\"name\":\"b\"}"},
    {"go", DIFFERENCE_NOTE, "Go build ID", "a/b/c/d", "a/b/c/e"},
    {"lto-private-suffix", DIFFERENCE_SYMBOLS, ".symtab", "f.lto_priv.0\ng.constprop.1\n",
     "g.constprop.0\nf.lto_priv.3\n"},
    {"static-init-name", DIFFERENCE_SYMBOLS, ".symtab", "_GLOBAL__sub_I_a1b2c3\n", "_GLOBAL__sub_I_ffee00\n"},
    {"rust-metadata", DIFFERENCE_SYMBOLS, ".symtab", "_ZN3foo3bar17h0123456789abcdefE\n",
     "_ZN3foo3bar17hfedcba9876543210E\n"},
    {"rust-metadata", DIFFERENCE_SYMBOLS, ".symtab", "_RNvCs4fqI2P2rA04_3foo3bar\n", "_RNvCs9xyZ1P2rA05_3foo3bar\n"},
    {"rust-threads", DIFFERENCE_SYMBOLS, ".symtab", "foo.llvm.123456789\n", "foo.llvm.987654321\n"},
    {"link-order", DIFFERENCE_ORDER, "order of functions", "a, b, c", "c, a, b"},
    {"link-order", DIFFERENCE_ORDER, "order of objects", "a, b, c", "c, a, b"},
    {"compiler-hash-order", DIFFERENCE_ORDER, "order of instructions", "a, b, c", "c, a, b"},
};

static void every_detector_finds_what_it_is_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        const struct example *example = &examples[i];
        struct fixture fixture;
        begin(&fixture);
        struct difference difference = of_texts(example->kind, example->what, example->vendor, example->rebuilt);
        causes_guess(&fixture.clues, &difference);
        assert_sound(&difference);
        if (confidence_of(&difference, example->cause) < CONFIDENCE_BELIEVED ||
            difference.guesses[0].confidence < CONFIDENCE_BELIEVED)
            fail_msg("%s is not believed for %s and %s (%s is)", example->cause, example->vendor, example->rebuilt,
                     best(&difference));
        end(&fixture);
    }
}

static void the_order_of_the_sides_does_not_matter(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        const struct example *example = &examples[i];
        struct fixture fixture;
        begin(&fixture);
        struct difference difference = of_texts(example->kind, example->what, example->rebuilt, example->vendor);
        causes_guess(&fixture.clues, &difference);
        assert_sound(&difference);
        if (confidence_of(&difference, example->cause) < CONFIDENCE_BELIEVED)
            fail_msg("%s is not believed for %s and %s", example->cause, example->rebuilt, example->vendor);
        end(&fixture);
    }
}

/* ---- What is a change of the source ---- */

static const char *const changed_lines[][2] = {
    /* messages */
    {"Usage: foo [-a]", "Usage: foo [-b]"},
    {"Hello, world", "Hello, World"},
    {"access denied", "access granted"},
    {"file not found", "no such file"},
    {"error", "warning"},
    {"yes", "no"},
    {"a", "b"},
    {"", "x"},
    {"password", "passw0rd"},
    {"  -v, --verbose   print more", "  -v, --verbose   say more"},
    {"retrying in 5 seconds", "retrying in 10 seconds"},
    {"May be slow", "Mar be slow"},
    {"at most 64 files", "at most 128 files"},
    {"PATH=/usr/bin:/bin", "PATH=/tmp/x:/usr/bin:/bin"},
    {"/usr/local/bin:/usr/bin:/bin", "/usr/bin:/bin"},
    /* versions */
    {"1.2", "1.3"},
    {"version 1.2.3", "version 1.2.4"},
    {"2.0.2023", "2.0.2024"},
    {"2023.1", "2024.1"},
    {"v2023", "v2024"},
    {"foo-20210304", "foo-20220405"},
    {"foo 1.2 (Jan  1 2024)", "foo 1.3 (Jan  2 2024)"},
    {"foo 1.2.3-generic", "foo 1.2.4-generic"},
    {"foo 1.2.3-4.el8.x86_64", "foo 1.2.4-5.el8.x86_64"},
    {"2023.01.15", "2024.02.20"},
    {"libfoo.so.1", "libfoo.so.2"},
    {"GLIBC_2.34", "GLIBC_2.35"},
    {"HTTP/1.0", "HTTP/1.1"},
    {"1.2.3-4-foo", "1.2.4-5-foo"},
    {"requires Linux 5.10.0-8-amd64 or newer", "requires Linux 6.1.0-28-amd64 or newer"},
    {"TLSv1.2", "TLSv1.0"},
    /* paths that a program uses */
    {"/etc/foo.conf", "/etc/bar.conf"},
    {"/etc/foo.conf", "/tmp/foo.conf"},
    {"/opt/app/conf.d", "/opt/other/conf.d"},
    {"/home/ftp", "/home/www"},
    {"/bin/sh", "/tmp/sh"},
    {"/bin/sh", "/bin/bash"},
    {"/usr/share/foo/data.txt", "/usr/share/bar/data.txt"},
    {"/usr/lib/foo/plugin.so", "/opt/bar/plugin.so"},
    {"/usr/lib/foo/x.c", "/usr/lib/bar/x.c"},
    {"/var/lib/app/db", "/var/lib/app2/db"},
    {"/run/app.sock", "/tmp/app.sock"},
    {"/opt/app/plugins/a.so", "/opt/other/plugins/a.so"},
    {"/home/app/config.json", "/home/other/config.json"},
    {"/tmp/socket1", "/tmp/socket2"},
    {"/tmp/alpha1", "/tmp/gamma2"},
    {"/tmp/config", "/tmp/secret"},
    {"/tmp/foo.lock", "/tmp/bar.lock"},
    {"/dev/random", "/dev/urandom"},
    {"/proc/self/maps", "/proc/self/exe"},
    {"/build/a/x.c:12", "/build/b/x.c:13"},
    {"/src/foo.c", "/src/bar.c"},
    {"main.c", "other.c"},
    {"foo/main.c", "bar/main.c"},
    {"/a", "/b"},
    {"/", "/x"},
    {"%s/.config/app", "%s/.local/app"},
    /* URLs and names */
    {"https://example.org/a", "https://example.com/a"},
    {"https://example.org/src/x.c", "https://evil.example/src/x.c"},
    {"https://updates.example.org/v1/", "http://updates.example.org/v1/"},
    {"ftp://a.example/pub", "ftp://b.example/pub"},
    {"bugs@example.org", "help@example.org"},
    {"root@localhost", "admin@localhost"},
    {"Report bugs to <foo@example.org>, 2021-01-01", "Report bugs to <bar@example.org>, 2022-02-02"},
    {"Jane Doe", "John Doe"},
    {"192.168.0.1", "192.168.0.2"},
    {"localhost:8080", "localhost:9090"},
    {"00:11:22:33:44:55", "00:11:22:33:44:66"},
    /* numbers */
    {"100", "200"},
    {"2000", "2020"},
    {"1000000007", "1000000009"},
    {"1234567890", "1987654321"},
    {"1600000000 bytes", "1700000000 bytes"},
    {"0x1f", "0x2f"},
    {"0xdeadbeef", "0xcafebabe"},
    {"deadbeef", "cafebabe"},
    {"1234567", "7654321"},
    {"0x7f454c46", "0x7f454c47"},
    {"0.5", "0.25"},
    {"3.14159", "3.1416"},
    {"port 1999", "port 2001"},
    {"max 2000 clients", "max 2010 clients"},
    {"07:00:00", "08:00:00"},
    {"cron: 23:59:00", "cron: 00:30:00"},
    /* hashes and IDs that a program checks */
    {"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0fc63daf-8483-4772-8e79-3d69d8477de4"},
    {"0FC63DAF-8483-4772-8E79-3D69D8477DE4", "933AC7E1-2EB4-4F13-B844-0E14E2AEF915"},
    {"{6ba7b810-9dad-41d1-80b4-00c04fd430c8}", "{6ba7b811-9dad-41d1-80b4-00c04fd430c8}"},
    {"da39a3ee5e6b4b0d3255bfef95601890afd80709", "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"},
    {"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    {"d41d8cd98f00b204e9800998ecf8427e", "098f6bcd4621d373cade4e832627b4f6"},
    {"build key fingerprint d41d8cd98f00b204e9800998ecf8427e",
     "build key fingerprint 098f6bcd4621d373cade4e832627b4f6"},
    {"commit key sha256 0123456789abcdef", "commit key sha256 fedcba9876543210"},
    {"a1b2c3d4", "d4c3b2a1"},
    /* format strings */
    {"%d of %s\n", "%u of %s\n"},
    {"%08x", "%016x"},
    {"%Y-%m-%d", "%d.%m.%Y"},
    {"%s: %s", "%s - %s"},
    /* dates that a program acts on */
    {"license expires 2030-01-01", "license expires 2031-01-01"},
    {"valid until Jan  1 2030", "valid until Jan  1 2031"},
    {"not after 2026-11-24T10:59:15Z", "not after 2027-11-24T10:59:15Z"},
    {"since 2010", "since 2012"},
    {"1970-01-01", "1900-01-01"},
    {"2021-03-04", "2021-13-04"},
    {"Jan 32 2024", "Jan 33 2024"},
    {"2021-03-04 1.0", "2022-03-04 1.1"},
    {"2021-03-04", "2021/03/04"},
    {"3 March 2021", "March 3, 2021"},
    {"updates 20240102", "updates 20250304"},
    {"digits a1b2c3d4", "digits d4c3b2a1"},
    {"ISO 8601:2004", "ISO 8601:2019"},
    {"RFC 2822", "RFC 5322"},
    /* code in strings */
    {"SELECT * FROM users", "SELECT * FROM admins"},
    {"{\"debug\": false}", "{\"debug\": true}"},
    {"rm -rf /tmp/x", "rm -rf /"},
    {"x-api-version: 2021", "x-api-version: 2022"},
    {"linux", "darwin"},
    {"utf-8", "latin1"},
    {"vermagic=5.10", "vermagic=6.1"},
};

static void a_changed_line_of_the_source_has_no_innocent_cause(void **state)
{
    (void)state;
    assert_true(ARRAY_COUNT(changed_lines) >= 60);
    size_t faults = 0;
    for (size_t i = 0; i < 2 * ARRAY_COUNT(changed_lines); i++) {
        const char *const *lines = changed_lines[i / 2];
        struct fixture fixture;
        begin(&fixture);
        struct difference difference = of_texts(DIFFERENCE_STRING, "string", lines[i % 2], lines[1 - i % 2]);
        causes_guess(&fixture.clues, &difference);
        assert_sound(&difference);
        const struct guess *guess = innocent(&difference);
        if (guess != NULL) {
            print_error("%s to %u for \"%s\" and \"%s\"\n", guess->cause->info.id, guess->confidence, lines[i % 2],
                        lines[1 - i % 2]);
            faults++;
        }
        end(&fixture);
    }
    assert_int_equal(faults, 0);
}

static void a_changed_line_has_no_innocent_cause_beside_other_accidents(void **state)
{
    (void)state;
    const char *directories[2][2] = {{"/build/one", "/build/one/src"}, {"/build/two", "/build/two/src"}};
    struct difference others[] = {
        of_texts(DIFFERENCE_STRING, "string", "/build/one/src/main.c", "/build/two/src/main.c"),
        of_texts(DIFFERENCE_STRING, "string", "Jan  1 2024", "Jan  2 2024"),
        of_texts(DIFFERENCE_DEBUG, "DW_AT_comp_dir", "/build/one", "/build/two"),
    };
    for (size_t i = 0; i < ARRAY_COUNT(changed_lines); i++) {
        struct fixture fixture;
        begin(&fixture);
        fixture.clues.vendor.directories = (struct names){directories[0], 2};
        fixture.clues.rebuilt.directories = (struct names){directories[1], 2};
        fixture.clues.differences = others;
        fixture.clues.difference_count = ARRAY_COUNT(others);
        struct difference difference = of_texts(DIFFERENCE_STRING, "string", changed_lines[i][0], changed_lines[i][1]);
        causes_guess(&fixture.clues, &difference);
        if (innocent(&difference) != NULL)
            fail_msg("%s for \"%s\"", best(&difference), changed_lines[i][0]);
        end(&fixture);
    }
}

static void a_string_of_one_side_alone_has_no_innocent_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        struct fixture fixture;
        begin(&fixture);
        struct difference difference = of_texts(DIFFERENCE_STRING, "string", examples[i].vendor, NULL);
        causes_guess(&fixture.clues, &difference);
        assert_null(innocent(&difference));
        end(&fixture);
    }
}

static void a_date_does_not_hide_what_changed_beside_it(void **state)
{
    (void)state;
    static const char *const ends[][2] = {
        {"1.2", "1.3"},
        {"a@x.org", "b@x.org"},
        {"admin", "root"},
        {"port 1999", "port 2001"},
        {"limit 1000000000", "limit 1700000000"},
        {"/etc/a", "/etc/b"},
        {"key 0123abcd", "key 4567cdef"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        struct fixture fixture;
        begin(&fixture);
        const char *vendor = arena_printf(&fixture.arena, "Jan  1 2024: %s", ends[i][0]);
        const char *rebuilt = arena_printf(&fixture.arena, "Feb  2 2024: %s", ends[i][1]);
        struct difference difference = of_texts(DIFFERENCE_STRING, "string", vendor, rebuilt);
        causes_guess(&fixture.clues, &difference);
        if (innocent(&difference) != NULL)
            fail_msg("%s for \"%s\"", best(&difference), vendor);
        end(&fixture);
    }
}

/* ---- Numbers, data, code ---- */

static void a_number_in_code_has_no_innocent_cause_by_itself(void **state)
{
    (void)state;
    static const uint64_t numbers[][2] = {
        {100, 200},
        {0, 1},
        {2000, 2020},
        {2023, 2024},
        {1989, 1990},
        {1600000000, 1700000000},
        {0xdeadbeef, 0xcafebabe},
        {0x5f3759df, 0x5f375a86},
        {1000000007, 998244353},
        {1600000000000, 1700000000000},
        {8080, 9090},
        {0x55d0a1b2c3d0, 0x5612deadb3d0},
        {UINT64_MAX, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        struct fixture fixture;
        begin(&fixture);
        struct difference difference = of_numbers("immediate of mov", numbers[i][0], numbers[i][1]);
        causes_guess(&fixture.clues, &difference);
        assert_sound(&difference);
        assert_null(innocent(&difference));
        end(&fixture);
    }
}

static void a_year_is_believed_in_the_function_that_prints_the_copyright(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_numbers("immediate of mov", 2022, 2026);
    difference.vendor.symbol = difference.rebuilt.symbol = "print_copyright";
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "date-other");
    assert_true(difference.guesses[0].confidence >= CONFIDENCE_BELIEVED);
    end(&fixture);
}

static void open_hello(const char *side, struct image *image)
{
    struct compare_error error;
    char path[512];
    snprintf(path, sizeof(path), "%s/hello.%s", getenv("TESTDATA_HELLO"), side);
    assert_int_equal(image_open(path, NULL, image, &error), 0);
    assert_int_equal(image_parse(image, &error), 0);
}

static void the_year_in_hello_is_found_beside_its_copyright_notice(void **state)
{
    (void)state;
    if (getenv("TESTDATA_HELLO") == NULL)
        skip();
    struct fixture fixture;
    struct image vendor, rebuilt;
    begin(&fixture);
    open_hello("vendor", &vendor);
    open_hello("rebuilt", &rebuilt);
    fixture.clues.vendor.image = &vendor;
    fixture.clues.rebuilt.image = &rebuilt;
    struct difference difference = of_numbers("immediate of mov", 2022, 2026);
    difference.vendor.bytes = difference.rebuilt.bytes = (struct range){0x248c, 0x248d};
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "date-other");
    assert_true(difference.guesses[0].confidence >= CONFIDENCE_BELIEVED);
    difference.vendor.bytes = difference.rebuilt.bytes = (struct range){0x3800, 0x3801};
    causes_guess(&fixture.clues, &difference);
    assert_null(innocent(&difference));
    image_close(&vendor);
    image_close(&rebuilt);
    end(&fixture);
}

static void a_date_stored_by_instructions_is_a_date_macro(void **state)
{
    (void)state;
    struct fixture fixture;
    uint64_t vendor, rebuilt;
    begin(&fixture);
    memcpy(&vendor, "10:59:15", 8);
    memcpy(&rebuilt, "23:01:44", 8);
    struct difference difference = of_numbers("immediate of movabs", vendor, rebuilt);
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "date-macro");
    memcpy(&rebuilt, "password", 8);
    difference = of_numbers("immediate of movabs", vendor, rebuilt);
    causes_guess(&fixture.clues, &difference);
    assert_null(innocent(&difference));
    end(&fixture);
}

static void changed_instructions_have_no_innocent_cause(void **state)
{
    (void)state;
    static const char *const what[] = {"instructions", "function", "code", "target of call", "immediate of cmp"};
    for (size_t i = 0; i < ARRAY_COUNT(what); i++) {
        struct fixture fixture;
        begin(&fixture);
        struct difference difference = of_texts(DIFFERENCE_CODE, what[i], "cmp eax, 5", "test eax, eax");
        causes_guess(&fixture.clues, &difference);
        assert_sound(&difference);
        assert_null(innocent(&difference));
        end(&fixture);
    }
}

static struct difference of_words(const char *what, uint64_t vendor, uint64_t rebuilt, uint8_t bytes[2][8])
{
    struct difference difference = of_texts(DIFFERENCE_DATA, what, "", "");
    memcpy(bytes[0], &vendor, 8);
    memcpy(bytes[1], &rebuilt, 8);
    difference.vendor_value = (struct value){.bytes = bytes[0], .size = 8};
    difference.rebuilt_value = (struct value){.bytes = bytes[1], .size = 8};
    return difference;
}

static void changed_data_has_no_innocent_cause(void **state)
{
    (void)state;
    static const uint64_t words[][2] = {{100, 200},
                                        {0x3ff0000000000000, 0x4000000000000000},
                                        {1600000000, 1700000000},
                                        {2022, 2026},
                                        {0x55d0a1b2c3d0, 0x5612deadb3d8}};
    for (size_t i = 0; i < 2 * ARRAY_COUNT(words); i++) {
        struct fixture fixture;
        uint8_t bytes[2][8];
        begin(&fixture);
        fixture.clues.vendor.has_symtab = fixture.clues.rebuilt.has_symtab = true;
        struct difference difference =
            of_words(i % 2 == 0 ? "data" : "padding", words[i / 2][0], words[i / 2][1], bytes);
        causes_guess(&fixture.clues, &difference);
        assert_sound(&difference);
        assert_null(innocent(&difference));
        end(&fixture);
    }
}

static void addresses_of_a_process_end_in_the_same_twelve_bits(void **state)
{
    (void)state;
    struct fixture fixture;
    uint8_t bytes[2][8];
    begin(&fixture);
    struct difference difference = of_words("data", 0x55d0a1b2c3d0, 0x5612deadb3d0, bytes);
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "leaked-address");
    assert_non_null(innocent(&difference));
    end(&fixture);
}

static void gaps_are_believed_in_data_and_not_among_constants(void **state)
{
    (void)state;
    struct fixture fixture;
    uint8_t bytes[2][8];
    begin(&fixture);
    fixture.clues.vendor.has_symtab = fixture.clues.rebuilt.has_symtab = true;
    struct difference difference = of_words("padding", 0, 0x1234, bytes);
    difference.vendor.section = difference.rebuilt.section = ".data";
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "uninitialised-padding");
    assert_non_null(innocent(&difference));
    difference.vendor.section = difference.rebuilt.section = ".rodata";
    causes_guess(&fixture.clues, &difference);
    assert_null(innocent(&difference));
    end(&fixture);
}

/* ---- Clues ---- */

static void directories_of_debug_information_tell_of_any_path(void **state)
{
    (void)state;
    const char *vendor[] = {"/usr/share/one"}, *rebuilt[] = {"/usr/share/two"};
    struct fixture fixture;
    begin(&fixture);
    struct difference difference =
        of_texts(DIFFERENCE_STRING, "string", "/usr/share/one/data/x.dat", "/usr/share/two/data/x.dat");
    causes_guess(&fixture.clues, &difference);
    assert_null(innocent(&difference));
    fixture.clues.vendor.directories = (struct names){vendor, 1};
    fixture.clues.rebuilt.directories = (struct names){rebuilt, 1};
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "build-path-other");
    assert_true(difference.guesses[0].confidence >= 95);
    assert_string_equal(difference.guesses[0].key, "/usr/share/one -> /usr/share/two");
    end(&fixture);
}

static void paths_of_one_substitution_have_one_key(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    struct difference differences[] = {
        of_texts(DIFFERENCE_STRING, "string", "/build/a/src/x.c", "/build/b/src/x.c"),
        of_texts(DIFFERENCE_STRING, "string", "/build/a/share", "/build/b/share"),
        of_texts(DIFFERENCE_DEBUG, "DW_AT_comp_dir", "/build/a", "/build/b"),
    };
    fixture.clues.differences = differences;
    fixture.clues.difference_count = ARRAY_COUNT(differences);
    for (size_t i = 0; i < ARRAY_COUNT(differences); i++) {
        causes_guess(&fixture.clues, &differences[i]);
        assert_non_null(innocent(&differences[i]));
        assert_string_equal(differences[i].guesses[0].key, "/build/a -> /build/b");
    }
    end(&fixture);
}

static void a_build_id_beside_another_difference_follows_from_it(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    struct difference differences[] = {
        of_texts(DIFFERENCE_NOTE, "GNU build ID", "aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"),
        of_texts(DIFFERENCE_LINK, ".gnu_debuglink CRC", "1234", "5678"),
        of_texts(DIFFERENCE_STRING, "string", "yes", "no"),
    };
    fixture.clues.differences = differences;
    fixture.clues.difference_count = 2;
    causes_guess(&fixture.clues, &differences[0]);
    assert_string_equal(best(&differences[0]), "build-id-only");
    fixture.clues.difference_count = 3;
    causes_guess(&fixture.clues, &differences[0]);
    assert_string_equal(best(&differences[0]), "build-id-derived");
    assert_int_equal(confidence_of(&differences[0], "build-id-only"), 0);
    end(&fixture);
}

static void two_forms_in_one_string_compete(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    struct difference difference =
        of_texts(DIFFERENCE_STRING, "string", "built by joe@host1 on Jan  1 2024", "built by ann@host2 on Feb 12 2025");
    causes_guess(&fixture.clues, &difference);
    assert_true(confidence_of(&difference, "date-macro") >= CONFIDENCE_BELIEVED);
    assert_true(confidence_of(&difference, "user-host") >= CONFIDENCE_BELIEVED);
    end(&fixture);
}

static void code_that_differs_widely_is_explained_by_the_producers(void **state)
{
    (void)state;
    const char *vendor[] = {"GNU C17 12.2.0 -O2"}, *rebuilt[] = {"GNU C17 12.2.0 -O3"};
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_numbers("code", 5, 9);
    causes_guess(&fixture.clues, &difference);
    for (size_t i = 0; i < difference.guess_count; i++)
        assert_true(difference.guesses[i].confidence < CONFIDENCE_BELIEVED);
    fixture.clues.vendor.producers = (struct names){vendor, 1};
    fixture.clues.rebuilt.producers = (struct names){rebuilt, 1};
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "optimisation");
    end(&fixture);
}

static void imports_tell_of_hardening(void **state)
{
    (void)state;
    const char *vendor[] = {"__printf_chk"}, *rebuilt[] = {"printf"};
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_texts(DIFFERENCE_SYMBOLS, ".dynsym", "__printf_chk\n", "printf\n");
    fixture.clues.vendor.imports = (struct names){vendor, 1};
    fixture.clues.rebuilt.imports = (struct names){rebuilt, 1};
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "hardening-flags");
    assert_null(innocent(&difference));
    end(&fixture);
}

static void a_hash_in_a_section_name_is_compared_with_the_other_sides(void **state)
{
    (void)state;
    const char *rebuilt[] = {".gnu.lto_main.0.fedcba9876543210"};
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_texts(DIFFERENCE_SECTION, ".gnu.lto_main.0.0123456789abcdef", "present", NULL);
    causes_guess(&fixture.clues, &difference);
    assert_null(innocent(&difference));
    fixture.clues.rebuilt.sections = (struct names){rebuilt, 1};
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "lto-section-suffix");
    end(&fixture);
}

static void other_names_of_symbols_have_no_innocent_cause(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"open_door\n", "open_gate\n"},
        {"f.constprop.0\n", "g.constprop.0\n"},
        {"f.constprop.0\nextra\n", "f.constprop.1\nother\n"},
        {"_ZN3foo3bar17h0123456789abcdefE\n", "_ZN3foo3baz17hfedcba9876543210E\n"},
        {"f.llvm.1\n", "f.llvm.2\nbackdoor\n"},
        {"_GLOBAL__sub_I_a\nhook\n", "_GLOBAL__sub_I_b\nhack\n"},
        {"", "backdoor\n"},
    };
    for (size_t i = 0; i < 2 * ARRAY_COUNT(names); i++) {
        struct fixture fixture;
        begin(&fixture);
        struct difference difference =
            of_texts(DIFFERENCE_SYMBOLS, i % 2 == 0 ? ".symtab" : ".dynsym", names[i / 2][0], names[i / 2][1]);
        causes_guess(&fixture.clues, &difference);
        assert_sound(&difference);
        if (innocent(&difference) != NULL)
            fail_msg("%s for %s", best(&difference), names[i / 2][1]);
        end(&fixture);
    }
}

static void another_way_to_find_libraries_has_no_innocent_cause(void **state)
{
    (void)state;
    static const char *const entries[][3] = {
        {"DT_NEEDED", "libc.so.6", "libevil.so.6"},
        {"DT_RUNPATH", "/usr/lib/a", "/usr/lib/b"},
        {"DT_RUNPATH", "/usr/lib/a", "/tmp/a"},
        {"DT_RUNPATH", "$ORIGIN", "/tmp"},
        {"DT_RUNPATH", NULL, "/tmp/x"},
        {"DT_SONAME", "liba.so.1", "liba.so.2"},
        {"DT_INIT", "0x1000", "0x2000"},
        {"DT_AUDIT", NULL, "libaudit.so"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        struct fixture fixture;
        begin(&fixture);
        struct difference difference = of_texts(DIFFERENCE_DYNAMIC, entries[i][0], entries[i][1], entries[i][2]);
        causes_guess(&fixture.clues, &difference);
        assert_sound(&difference);
        assert_null(innocent(&difference));
        end(&fixture);
    }
}

static void a_signed_module_differs_in_its_signature_only_there(void **state)
{
    (void)state;
    static uint8_t bytes[200];
    static const char magic[] = "~Module signature appended~\n";
    struct arena none = {0};
    memcpy(bytes + 200 - 28, magic, 28);
    bytes[200 - 29] = 60;
    struct image image = {.bytes = bytes, .size = 200, .arena = none};
    struct fixture fixture;
    begin(&fixture);
    fixture.clues.vendor.image = fixture.clues.rebuilt.image = &image;
    struct difference difference = of_texts(DIFFERENCE_BYTES, "bytes", "a", "b");
    difference.vendor.bytes = difference.rebuilt.bytes = (struct range){100, 160};
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "module-signature");
    difference.vendor.bytes = difference.rebuilt.bytes = (struct range){99, 160};
    causes_guess(&fixture.clues, &difference);
    assert_null(innocent(&difference));
    end(&fixture);
}

static void a_module_names_its_kernel_and_the_digest_of_its_source(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    struct difference difference =
        of_texts(DIFFERENCE_STRING, "string", "vermagic=6.1.0-28-amd64 SMP", "vermagic=6.1.0-29-amd64 SMP");
    difference.vendor.section = difference.rebuilt.section = ".modinfo";
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "module-vermagic");
    difference = of_texts(DIFFERENCE_STRING, "string", "srcversion=0123456789ABCDEF", "srcversion=FEDCBA9876543210");
    difference.vendor.section = difference.rebuilt.section = ".modinfo";
    causes_guess(&fixture.clues, &difference);
    assert_null(innocent(&difference));
    end(&fixture);
}

static void a_build_id_inside_data_is_known_by_its_note(void **state)
{
    (void)state;
    static uint8_t bytes[128];
    static const uint8_t note[] = {4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0};
    memcpy(bytes + 40, note, sizeof(note));
    struct image image = {.bytes = bytes, .size = sizeof(bytes)};
    struct fixture fixture;
    begin(&fixture);
    fixture.clues.vendor.image = fixture.clues.rebuilt.image = &image;
    struct difference difference = of_texts(DIFFERENCE_DATA, "data", "a", "b");
    difference.vendor.bytes = difference.rebuilt.bytes = (struct range){56, 76};
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "nested-build-id");
    difference.vendor.bytes = difference.rebuilt.bytes = (struct range){56, 77};
    causes_guess(&fixture.clues, &difference);
    assert_null(innocent(&difference));
    end(&fixture);
}

static void position_independence_is_told_by_the_header(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_texts(DIFFERENCE_HEADER, "e_type", NULL, NULL);
    difference.vendor_value.number = ET_EXEC;
    difference.rebuilt_value.number = ET_DYN;
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "pie");
    difference.rebuilt_value.number = ET_REL;
    causes_guess(&fixture.clues, &difference);
    assert_int_equal(difference.guess_count, 0);
    end(&fixture);
}

/* ---- Hostile values ---- */

static const enum difference_kind kinds[] = {
    DIFFERENCE_BYTES, DIFFERENCE_STRING,  DIFFERENCE_CODE,   DIFFERENCE_DATA,    DIFFERENCE_ORDER,
    DIFFERENCE_NOTE,  DIFFERENCE_DYNAMIC, DIFFERENCE_HEADER, DIFFERENCE_SYMBOLS, DIFFERENCE_SECTION,
    DIFFERENCE_DEBUG, DIFFERENCE_COMMENT, DIFFERENCE_LINK,   DIFFERENCE_DERIVED,
};
static const char *const whats[] = {
    "",
    "string",
    "code",
    "GNU build ID",
    "GNU property",
    "DT_RUNPATH",
    "e_type",
    ".symtab",
    ".gnu.hash",
    "DW_AT_producer",
    "DW_AT_comp_dir",
    "dwo ID",
    ".gnu_debuglink CRC",
    "immediate of mov",
    "padding",
    ".gnu_debuglink name",
    ".gnu.lto_x.0",
    "Go build ID",
    "package note",
};

/* Every kind with every `what`: none of them may crash, and evidence is escaped and bounded. */
static void try_all(const uint8_t *vendor, size_t vendor_size, const uint8_t *rebuilt, size_t rebuilt_size)
{
    struct fixture fixture;
    begin(&fixture);
    for (size_t i = 0; i < ARRAY_COUNT(kinds) * ARRAY_COUNT(whats); i++) {
        struct difference difference =
            of_texts(kinds[i % ARRAY_COUNT(kinds)], whats[i / ARRAY_COUNT(kinds)], NULL, NULL);
        difference.vendor_value = (struct value){.bytes = vendor, .size = vendor_size};
        difference.rebuilt_value = (struct value){.bytes = rebuilt, .size = rebuilt_size};
        fixture.clues.differences = &difference;
        fixture.clues.difference_count = 1;
        causes_guess(&fixture.clues, &difference);
        assert_sound(&difference);
    }
    end(&fixture);
}

static void absent_and_empty_values_do_no_harm(void **state)
{
    (void)state;
    const uint8_t *x = (const uint8_t *)"x";
    try_all(NULL, 0, NULL, 0);
    try_all(x, 0, x, 0);
    try_all(NULL, 0, x, 1);
    try_all(x, 1, NULL, 0);
    try_all(x, 0, x, 1);
}

static void every_cut_of_every_example_does_no_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        const struct example *example = &examples[i];
        size_t vendor = example->vendor == NULL ? 0 : strlen(example->vendor);
        size_t rebuilt = example->rebuilt == NULL ? 0 : strlen(example->rebuilt);
        for (size_t cut = 0; cut <= vendor || cut <= rebuilt; cut++) {
            struct fixture fixture;
            begin(&fixture);
            struct difference difference = of_texts(example->kind, example->what, NULL, NULL);
            size_t a = cut < vendor ? cut : vendor, b = cut < rebuilt ? cut : rebuilt;
            /* Of their own size on the heap, so that a read behind the end is found. */
            uint8_t *left = malloc(a + (a == 0)), *right = malloc(b + (b == 0));
            if (a > 0)
                memcpy(left, example->vendor, a);
            if (b > 0)
                memcpy(right, example->rebuilt, b);
            difference.vendor_value = (struct value){.bytes = left, .size = a};
            difference.rebuilt_value = (struct value){.bytes = right, .size = b};
            causes_guess(&fixture.clues, &difference);
            assert_sound(&difference);
            free(left);
            free(right);
            end(&fixture);
        }
    }
}

static void fill(uint8_t *bytes, size_t size, const char *pattern)
{
    size_t length = strlen(pattern);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)pattern[i % length];
}

static void a_mebibyte_of_anything_does_no_harm(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "a",   "/",         "/a",           "\n",        " ",    "0123456789abcdef",    "\xff\x01",
        "x@y", "-g0123abc", "Jan  1 2024 ", ".llvm.1\n", "-O2 ", "17h0123456789abcdefE"};
    size_t size = (size_t)1 << 20;
    uint8_t *vendor = malloc(size), *rebuilt = malloc(size);
    for (size_t i = 0; i < ARRAY_COUNT(patterns); i++) {
        struct fixture fixture;
        begin(&fixture);
        fill(vendor, size, patterns[i]);
        fill(rebuilt, size, patterns[i]);
        for (size_t place = 0; place < size; place += size / 2) {
            rebuilt[place] ^= 1;
            for (size_t kind = 0; kind < ARRAY_COUNT(kinds); kind++) {
                struct difference difference = of_texts(kinds[kind], "DW_AT_producer", NULL, NULL);
                difference.vendor_value = (struct value){.bytes = vendor, .size = size};
                difference.rebuilt_value = (struct value){.bytes = rebuilt, .size = size};
                causes_guess(&fixture.clues, &difference);
                assert_sound(&difference);
            }
        }
        end(&fixture);
    }
    free(vendor);
    free(rebuilt);
}

static void random_bytes_do_no_harm_and_have_no_innocent_cause(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 2000; round++) {
        uint8_t vendor[64], rebuilt[64];
        size_t size = (size_t)rand() % sizeof(vendor) + 1;
        for (size_t i = 0; i < size; i++) {
            vendor[i] = (uint8_t)rand();
            rebuilt[i] = (uint8_t)(rand() % 4 == 0 ? rand() : vendor[i]);
        }
        struct fixture fixture;
        begin(&fixture);
        struct difference difference = of_texts(DIFFERENCE_STRING, "string", NULL, NULL);
        difference.vendor_value = (struct value){.bytes = vendor, .size = size};
        difference.rebuilt_value = (struct value){.bytes = rebuilt, .size = size};
        causes_guess(&fixture.clues, &difference);
        assert_sound(&difference);
        assert_null(innocent(&difference));
        end(&fixture);
    }
}

static void escape_codes_stay_out_of_evidence(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    struct difference difference =
        of_texts(DIFFERENCE_DEBUG, "DW_AT_comp_dir", "/build/\x1b[31mone", "/build/\x1b[32mtwo");
    causes_guess(&fixture.clues, &difference);
    assert_sound(&difference);
    difference = of_texts(DIFFERENCE_COMMENT, ".comment", "GCC: \x1b[2J\n1", "GCC: \x07\\2");
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "compiler-version");
    assert_sound(&difference);
    end(&fixture);
}

/* ---- The table ---- */

static void the_table_is_whole_and_its_ids_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < causes_count(); i++) {
        const struct compare_cause_info *info = compare_cause_at(i);
        assert_ptr_equal(info, &causes_at(i)->info);
        assert_true(info->id != NULL && info->title != NULL && info->footprint != NULL && info->evidence != NULL &&
                    info->remedy != NULL);
        for (size_t other = 0; other < i; other++)
            assert_string_not_equal(info->id, compare_cause_at(other)->id);
    }
    assert_null(causes_at(causes_count()));
    assert_null(compare_cause_at(causes_count()));
}

static void nothing_that_a_source_says_follows_from_an_innocent_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < causes_count(); i++) {
        const struct cause *cause = causes_at(i);
        assert_false((cause->follows & 1u << DIFFERENCE_STRING) != 0);
        if (!cause->info.code)
            assert_int_equal(cause->follows & (1u << DIFFERENCE_CODE | 1u << DIFFERENCE_DATA | 1u << DIFFERENCE_BYTES),
                             0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_detector_finds_what_it_is_for),
        cmocka_unit_test(the_order_of_the_sides_does_not_matter),
        cmocka_unit_test(a_changed_line_of_the_source_has_no_innocent_cause),
        cmocka_unit_test(a_changed_line_has_no_innocent_cause_beside_other_accidents),
        cmocka_unit_test(a_string_of_one_side_alone_has_no_innocent_cause),
        cmocka_unit_test(a_date_does_not_hide_what_changed_beside_it),
        cmocka_unit_test(a_number_in_code_has_no_innocent_cause_by_itself),
        cmocka_unit_test(a_year_is_believed_in_the_function_that_prints_the_copyright),
        cmocka_unit_test(the_year_in_hello_is_found_beside_its_copyright_notice),
        cmocka_unit_test(a_date_stored_by_instructions_is_a_date_macro),
        cmocka_unit_test(changed_instructions_have_no_innocent_cause),
        cmocka_unit_test(changed_data_has_no_innocent_cause),
        cmocka_unit_test(addresses_of_a_process_end_in_the_same_twelve_bits),
        cmocka_unit_test(gaps_are_believed_in_data_and_not_among_constants),
        cmocka_unit_test(directories_of_debug_information_tell_of_any_path),
        cmocka_unit_test(paths_of_one_substitution_have_one_key),
        cmocka_unit_test(a_build_id_beside_another_difference_follows_from_it),
        cmocka_unit_test(two_forms_in_one_string_compete),
        cmocka_unit_test(code_that_differs_widely_is_explained_by_the_producers),
        cmocka_unit_test(imports_tell_of_hardening),
        cmocka_unit_test(a_hash_in_a_section_name_is_compared_with_the_other_sides),
        cmocka_unit_test(other_names_of_symbols_have_no_innocent_cause),
        cmocka_unit_test(another_way_to_find_libraries_has_no_innocent_cause),
        cmocka_unit_test(a_signed_module_differs_in_its_signature_only_there),
        cmocka_unit_test(a_module_names_its_kernel_and_the_digest_of_its_source),
        cmocka_unit_test(a_build_id_inside_data_is_known_by_its_note),
        cmocka_unit_test(position_independence_is_told_by_the_header),
        cmocka_unit_test(absent_and_empty_values_do_no_harm),
        cmocka_unit_test(every_cut_of_every_example_does_no_harm),
        cmocka_unit_test(a_mebibyte_of_anything_does_no_harm),
        cmocka_unit_test(random_bytes_do_no_harm_and_have_no_innocent_cause),
        cmocka_unit_test(escape_codes_stay_out_of_evidence),
        cmocka_unit_test(the_table_is_whole_and_its_ids_are_unique),
        cmocka_unit_test(nothing_that_a_source_says_follows_from_an_innocent_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
