/* No changed line of a source passes for an accident of the build: the grave fault of a table of causes. */
#include "test_differences.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_line_of_the_source_has_no_innocent_cause),
        cmocka_unit_test(a_changed_line_has_no_innocent_cause_beside_other_accidents),
        cmocka_unit_test(a_date_does_not_hide_what_changed_beside_it),
        cmocka_unit_test(a_number_in_code_has_no_innocent_cause_by_itself),
        cmocka_unit_test(changed_instructions_have_no_innocent_cause),
        cmocka_unit_test(changed_data_has_no_innocent_cause),
        cmocka_unit_test(addresses_of_a_process_end_in_the_same_twelve_bits),
        cmocka_unit_test(gaps_are_believed_in_data_and_not_among_constants),
        cmocka_unit_test(other_names_of_symbols_have_no_innocent_cause),
        cmocka_unit_test(another_way_to_find_libraries_has_no_innocent_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
