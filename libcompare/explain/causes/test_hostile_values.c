/* What a file can hold to harm who looks for causes: absent, empty, huge and random values, and escape codes. */
#include "test_differences.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_and_empty_values_do_no_harm),
        cmocka_unit_test(a_mebibyte_of_anything_does_no_harm),
        cmocka_unit_test(random_bytes_do_no_harm_and_have_no_innocent_cause),
        cmocka_unit_test(escape_codes_stay_out_of_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
