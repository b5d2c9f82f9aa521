/* The table of causes: each detector finds what it is for, by the difference itself or by what else is known. */
#include "test_differences.h"

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
    STRING("temp-name", "/tmp/ccpRSBMC.o", "/tmp/ccTvaC7r.o"),
    STRING("temp-name", "/tmp/ccpwfizA.o", "/tmp/ccjnWLRR.o"),
    STRING("temp-name", "/var/tmp/build-EGYqdskbrg/config", "/var/tmp/build-DGU5KDFQmL/config"),
    STRING("temp-name", "/tmp/tmp.SAGXcjQGBZ", "/tmp/tmp.dehuxnZNTJ"),
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
    {"compiler-version", DIFFERENCE_DEBUG, "DW_AT_producer", "GNU C17 12.2.0 -mtune=generic -march=x86-64 -g -O2",
     "Debian clang version 14.0.6"},
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
    {"linker", DIFFERENCE_HEADER, "segment flags", "R-X RW-", "R-- R-X R-- RW-"},
    {"hash-style", DIFFERENCE_DYNAMIC, "DT_HASH", "present", NULL},
    {"hash-style", DIFFERENCE_SECTION, ".gnu.hash", NULL, "present"},
    {"stripped", DIFFERENCE_SECTION, ".symtab", "present", NULL},
    {"stripped", DIFFERENCE_SECTION, ".gnu_debuglink", NULL, "present"},
    {"debug-compression", DIFFERENCE_SECTION, ".debug_info", "compressed", "plain"},
    {"minidebuginfo", DIFFERENCE_SECTION, ".gnu_debugdata", "present", NULL},
    {"dwz", DIFFERENCE_SECTION, ".gnu_debugaltlink", "present", NULL},
    {"dwz", DIFFERENCE_LINK, ".gnu_debugaltlink name", "../../.dwz/one.debug", "../../.dwz/two.debug"},
    {"build-id-only", DIFFERENCE_LINK, ".gnu_debugaltlink build ID", "aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"},
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
    {"static-init-name", DIFFERENCE_SYMBOLS, ".symtab", "_GLOBAL__sub_I_quick_12.cc\nquick-12.cc\n",
     "_GLOBAL__sub_I_quick_34.cc\nquick-34.cc\n"},
    {"rust-metadata", DIFFERENCE_SYMBOLS, ".symtab",
     "1qezg0pmmody8fhj\n_ZN3foo17h0123456789abcdefE.llvm.12\nfoo.12abcdef-cgu.0\n",
     "_ZN3foo17hfedcba9876543210E\nfoo.fedcba98-cgu.1\n"},
    {"haskell", DIFFERENCE_DEBUG, "DW_AT_comp_dir", "/tmp/ghc1234_0", "/tmp/ghc99_0"},
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

static void the_crc_of_a_debug_file_is_shown(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_texts(DIFFERENCE_LINK, ".gnu_debuglink CRC", "d20e22ba", "e7a66116");
    causes_guess(&fixture.clues, &difference);
    assert_non_null(strstr(difference.guesses[0].evidence, "d20e22ba and e7a66116"));
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

static void segments_of_unusual_rights_are_no_linkers(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_texts(DIFFERENCE_HEADER, "segment flags", "R-- R-X RW-", "RWX RW-");
    causes_guess(&fixture.clues, &difference);
    assert_null(innocent(&difference));
    end(&fixture);
}

static void a_note_of_the_processor_tells_of_no_protection(void **state)
{
    (void)state;
    static const uint8_t isa[] = {0x02, 0x80, 0, 0xc0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t ibt[] = {0x02, 0, 0, 0xc0, 4, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0};
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_texts(DIFFERENCE_NOTE, "GNU property", NULL, "x86 ISA needed");
    difference.rebuilt_value.bytes = isa;
    difference.rebuilt_value.size = sizeof(isa);
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "c-library");
    assert_int_equal(confidence_of(&difference, "hardening-flags"), 0);
    assert_null(innocent(&difference));
    difference.rebuilt_value.bytes = ibt;
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "hardening-flags");
    end(&fixture);
}

static void a_library_that_libc_took_in_tells_of_it_where_both_sides_use_it(void **state)
{
    (void)state;
    const char *imports[] = {"dlsym"};
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_texts(DIFFERENCE_DYNAMIC, "DT_NEEDED", "libdl.so.2", NULL);
    fixture.clues.vendor.imports = (struct names){imports, 1};
    causes_guess(&fixture.clues, &difference);
    assert_int_equal(confidence_of(&difference, "c-library"), 0);
    fixture.clues.rebuilt.imports = (struct names){imports, 1};
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "c-library");
    difference = of_texts(DIFFERENCE_DYNAMIC, "DT_NEEDED", "libm.so.6", NULL);
    causes_guess(&fixture.clues, &difference);
    assert_int_equal(confidence_of(&difference, "c-library"), 0);
    end(&fixture);
}

static void the_path_in_debug_information_of_rust_alone_is_rustc_s(void **state)
{
    (void)state;
    const char *languages[] = {"C11", "Rust"};
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_texts(DIFFERENCE_DEBUG, "DW_AT_comp_dir", "/build/one", "/home/joe/two");
    fixture.clues.vendor.languages = fixture.clues.rebuilt.languages = (struct names){languages + 1, 1};
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "rust-path");
    fixture.clues.rebuilt.languages = (struct names){languages, 2};
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "build-path-debug");
    end(&fixture);
}

static void a_hash_in_a_section_name_is_believed_beside_one_content(void **state)
{
    (void)state;
    struct image vendor = {.bytes = (const uint8_t *)"content", .size = 7};
    struct image rebuilt = vendor, changed = {.bytes = (const uint8_t *)"contend", .size = 7};
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_texts(DIFFERENCE_SECTION, ".gnu.lto_main.0.0123456789abcdef",
                                            ".gnu.lto_main.0.0123456789abcdef", ".gnu.lto_main.0.fedcba9876543210");
    difference.vendor.section = difference.vendor_value.text;
    difference.rebuilt.section = difference.rebuilt_value.text;
    difference.vendor.bytes = difference.rebuilt.bytes = (struct range){0, 7};
    causes_guess(&fixture.clues, &difference);
    assert_null(innocent(&difference));
    fixture.clues.vendor.image = &vendor;
    fixture.clues.rebuilt.image = &rebuilt;
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "lto-section-suffix");
    fixture.clues.rebuilt.image = &changed;
    causes_guess(&fixture.clues, &difference);
    assert_null(innocent(&difference));
    end(&fixture);
}

static void a_seed_of_the_layout_is_told_from_another_kernel(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    struct difference difference = of_texts(DIFFERENCE_STRING, "string", "vermagic=6.1.0 SMP RANDSTRUCT_0123abcd",
                                            "vermagic=6.1.0 SMP RANDSTRUCT_fedc9876");
    difference.vendor.section = difference.rebuilt.section = ".modinfo";
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "randstruct");
    assert_null(innocent(&difference));
    difference = of_texts(DIFFERENCE_STRING, "string", "vermagic=6.1.0 SMP RANDSTRUCT_0123abcd",
                          "vermagic=6.2.0 SMP RANDSTRUCT_fedc9876");
    difference.vendor.section = difference.rebuilt.section = ".modinfo";
    causes_guess(&fixture.clues, &difference);
    assert_string_equal(best(&difference), "module-vermagic");
    end(&fixture);
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
        cmocka_unit_test(a_string_of_one_side_alone_has_no_innocent_cause),
        cmocka_unit_test(a_year_is_believed_in_the_function_that_prints_the_copyright),
        cmocka_unit_test(the_year_in_hello_is_found_beside_its_copyright_notice),
        cmocka_unit_test(a_date_stored_by_instructions_is_a_date_macro),
        cmocka_unit_test(directories_of_debug_information_tell_of_any_path),
        cmocka_unit_test(paths_of_one_substitution_have_one_key),
        cmocka_unit_test(a_build_id_beside_another_difference_follows_from_it),
        cmocka_unit_test(the_crc_of_a_debug_file_is_shown),
        cmocka_unit_test(two_forms_in_one_string_compete),
        cmocka_unit_test(code_that_differs_widely_is_explained_by_the_producers),
        cmocka_unit_test(imports_tell_of_hardening),
        cmocka_unit_test(segments_of_unusual_rights_are_no_linkers),
        cmocka_unit_test(a_note_of_the_processor_tells_of_no_protection),
        cmocka_unit_test(a_library_that_libc_took_in_tells_of_it_where_both_sides_use_it),
        cmocka_unit_test(the_path_in_debug_information_of_rust_alone_is_rustc_s),
        cmocka_unit_test(a_hash_in_a_section_name_is_believed_beside_one_content),
        cmocka_unit_test(a_seed_of_the_layout_is_told_from_another_kernel),
        cmocka_unit_test(a_signed_module_differs_in_its_signature_only_there),
        cmocka_unit_test(a_module_names_its_kernel_and_the_digest_of_its_source),
        cmocka_unit_test(a_build_id_inside_data_is_known_by_its_note),
        cmocka_unit_test(position_independence_is_told_by_the_header),
        cmocka_unit_test(every_cut_of_every_example_does_no_harm),
        cmocka_unit_test(the_table_is_whole_and_its_ids_are_unique),
        cmocka_unit_test(nothing_that_a_source_says_follows_from_an_innocent_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
