/*
 * Reports that are not right: altered in one place, forged as a whole, or about a file that the checker reads
 * otherwise. Each is refused, and for the reason that it should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../testing/elf_builder.h"
#include "verify.h"

static struct built vendor, rebuilt;
static json_t *report;

/* ---- Making reports ---- */

static int memory_file(const struct built *built, char path[64])
{
    int fd = memfd_create("side", MFD_CLOEXEC);
    assert_int_equal(write(fd, built->bytes, built->size), built->size);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* The report on the two files as they are, and its verdict. */
static enum compare_verdict compared(void)
{
    struct compare_options options = {.size = sizeof(options), .digest = true};
    struct compare_result *result = NULL;
    struct compare_error error = {0};
    char paths[2][64], *text = NULL;
    size_t size = 0;
    int fds[] = {memory_file(&vendor, paths[0]), memory_file(&rebuilt, paths[1])};
    if (compare_files(paths[0], paths[1], &options, &result, &error) != 0)
        fail_msg("%s", error.message);
    FILE *stream = open_memstream(&text, &size);
    assert_int_equal(compare_report_json(result, NULL, stream, &error), 0);
    fclose(stream);
    json_decref(report);
    report = json_loadb(text, size, 0, NULL);
    assert_non_null(report);
    enum compare_verdict verdict = compare_result_verdict(result);
    free(text);
    compare_result_free(result);
    close(fds[0]);
    close(fds[1]);
    return verdict;
}

static int verified(const json_t *altered, struct compare_error *error)
{
    char *text = json_dumps(altered, JSON_COMPACT);
    struct compare_verified ignored;
    int status =
        verify_bytes(text, strlen(text), vendor.bytes, vendor.size, rebuilt.bytes, rebuilt.size, &ignored, error);
    free(text);
    return status;
}

static void assert_verified(void)
{
    struct compare_error error = {0};
    if (verified(report, &error) != 0)
        fail_msg("%s", error.message);
}

static void assert_refused(const json_t *altered, const char *words)
{
    struct compare_error error = {0};
    int status = verified(altered, &error);
    if (status != COMPARE_ERROR_REFUSED || strstr(error.message, words) == NULL)
        fail_msg("%s: not said, but: %d, %s", words, status, error.message);
}

/* Two programs: another build ID and .comment, and in `different` another byte of code and one of data. */
static void programs(bool different)
{
    built_program(&vendor, true, false, ET_DYN);
    built_layout(&vendor);
    rebuilt = vendor;
    built_named(&rebuilt, ".note.gnu.build-id")->content[20] ^= 1;
    built_named(&rebuilt, ".comment")->content[1] = 'c';
    if (different) {
        built_named(&rebuilt, ".text")->content[2] ^= 0xff;
        built_named(&rebuilt, ".data")->content[0] = 'D';
    }
    built_write(&rebuilt);
    assert_int_equal(compared(), different ? COMPARE_DIFFERENT : COMPARE_EQUIVALENT);
    assert_verified();
}

/* ---- One place of a report ---- */

/* What a path of keys and numbers, as in "extents.vendor.0.begin", leads to; *last is its last step. */
static json_t *parent_of(json_t *root, const char *path, char last[32])
{
    json_t *place = root;
    for (const char *dot; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
        snprintf(last, 32, "%.*s", (int)(dot - path), path);
        place = json_is_array(place) ? json_array_get(place, strtoul(last, NULL, 10)) : json_object_get(place, last);
    }
    snprintf(last, 32, "%s", path);
    assert_non_null(place);
    return place;
}

/* A copy of the report with another value there; NULL takes the place away. */
static json_t *altered(const char *path, const char *value)
{
    char last[32];
    json_t *copy = json_deep_copy(report), *parent = parent_of(copy, path, last);
    json_t *other = value != NULL ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
    size_t index = strtoul(last, NULL, 10);
    assert_true(value == NULL || other != NULL);
    if (json_is_array(parent))
        assert_int_equal(value != NULL ? json_array_set_new(parent, index, other) : json_array_remove(parent, index),
                         0);
    else
        assert_int_equal(value != NULL ? json_object_set_new(parent, last, other) : json_object_del(parent, last), 0);
    return copy;
}

static void assert_alteration_refused(const char *path, const char *value, const char *words)
{
    json_t *copy = altered(path, value);
    struct compare_error error = {0};
    int status = verified(copy, &error);
    if (status != COMPARE_ERROR_REFUSED || strstr(error.message, words) == NULL)
        fail_msg("%s = %s: %s: not said, but: %d, %s", path, value != NULL ? value : "(gone)", words, status,
                 error.message);
    json_decref(copy);
}

struct alteration {
    const char *path, *value, *words;
};

static void assert_all_refused(const struct alteration *alterations, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_alteration_refused(alterations[i].path, alterations[i].value, alterations[i].words);
}

static void a_report_says_what_it_is(void **state)
{
    (void)state;
    static const struct alteration cases[] = {
        {"format", NULL, "no report of elftally's"},
        {"format", "\"report\"", "no report of elftally's"},
        {"version", "2", "version 1"},
        {"version", "\"1\"", "version 1"},
        {"verdict", "\"inconclusive\"", "inconclusive"},
        {"verdict", "\"same\"", "no verdict"},
        {"verdict", "3", "no verdict"},
        {"verdict", "\"identical\"", "identical, and the files are not"},
        {"verdict", "\"equivalent\"", "unexplained bytes or anomalies"},
    };
    programs(true);
    assert_all_refused(cases, ARRAY_COUNT(cases));
}

static void a_policy_has_known_rules_with_reasons_once_each(void **state)
{
    (void)state;
    static const struct alteration cases[] = {
        {"policy", "{}", "names no policy"},
        {"policy.name", "\"\"", "names no policy"},
        {"policy.rules", NULL, "names no policy"},
        {"policy.rules", "{}", "names no policy"},
        {"policy.name", "\"exact\"", "policy exact accepts no rules"},
        {"policy.rules.0.rule", "\"no-such-rule\"", "policy rule 0 is not known"},
        {"policy.rules.1.reason", "\"\"", "policy rule 1 is not known, or has no reason"},
        {"policy.rules.1.rule", "\"build-id\"", "policy rule 1 is given twice"},
        {"policy.rules", "[]", "not in the policy"},
    };
    programs(true);
    assert_all_refused(cases, ARRAY_COUNT(cases));
}

static void a_report_is_about_its_files(void **state)
{
    (void)state;
    static const struct alteration cases[] = {
        {"vendor.size", "1", "size or SHA-256"},
        {"vendor.size", "-1", "size or SHA-256"},
        {"rebuilt.sha256", "\"00\"", "size or SHA-256"},
        {"rebuilt.type", "\"EXEC\"", "another type"},
        {"rebuilt.machine", "3", "another type, machine"},
        {"vendor.class", "32", "class or byte order"},
        {"vendor.byte_order", "\"big\"", "class or byte order"},
        {"anomalies", NULL, "anomalies and rules_disabled of the vendor"},
        {"vendor.rules_disabled", NULL, "anomalies and rules_disabled of the vendor"},
        {"rebuilt.rules_disabled", "true", "anomalies and rules_disabled of the rebuilt"},
        {"anomalies", "[{\"side\": \"neither\"}]", "anomaly 0 is of neither side"},
        {"anomalies", "[{\"side\": \"rebuilt\"}]", "anomalies and rules_disabled of the rebuilt"},
    };
    programs(true);
    assert_all_refused(cases, ARRAY_COUNT(cases));
}

static void extents_are_a_partition_that_fits_the_files(void **state)
{
    (void)state;
    static const struct alteration cases[] = {
        {"extents", NULL, "end at 0, before the file"},
        {"extents.vendor.0", NULL, "partition it at offset 0"},
        {"extents.vendor.0.begin", "1", "partition it at offset 0"},
        {"extents.vendor.0.begin", "null", "partition it at offset 0"},
        {"extents.vendor.0.end", "0", "partition it at offset 0"},
        {"extents.vendor.0.end", "99999999", "partition it at offset 0"},
        {"extents.vendor.0.end", "\"8\"", "partition it at offset 0"},
        {"extents.vendor.0.standing", "\"equal\"", "partition it at offset 0"},
        {"extents.vendor.0.rule", "\"comment\"", "rule or peer does not fit"},
        {"extents.vendor.0.peer", "null", "rule or peer does not fit"},
        {"extents.vendor.0.peer", "-1", "rule or peer does not fit"},
        {"extents.vendor.0.standing", "\"unexplained\"", "rule or peer does not fit"},
        {"extents.vendor.0.standing", "\"set-aside\"", "rule or peer does not fit"},
        {"extents.vendor.1.peer", "1", "rule or peer does not fit"},
        {"extents.vendor.1.rule", "null", "rule or peer does not fit"},
        {"extents.vendor.0.peer", "1", "called identical, and its bytes are not"},
        {"extents.vendor.0.peer", "9223372036854775807", "called identical, and its bytes are not"},
        {"extents.vendor.1.rule", "\"comment\"", "comment may not set it aside"},
        {"extents.vendor.1.rule", "\"no-such-rule\"", "not in the policy"},
    };
    programs(true);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(json_object_get(report, "extents"), "vendor"), 1), "rule")),
                        "build-id");
    assert_all_refused(cases, ARRAY_COUNT(cases));
}

/* Zeros in one file stand at many places: the other side must say of them that they are these. */
static void identical_extents_are_each_other_s(void **state)
{
    (void)state;
    programs(true);
    json_t *extents = json_object_get(json_object_get(report, "extents"), "vendor");
    size_t last = json_array_size(extents) - 1;
    uint64_t zeros = 0x800; /* of the first page */
    json_t *line = NULL;
    for (size_t i = 0; i <= last; i++) {
        json_t *entry = json_array_get(extents, i);
        if ((uint64_t)json_integer_value(json_object_get(entry, "begin")) <= zeros &&
            (uint64_t)json_integer_value(json_object_get(entry, "end")) > zeros + 16)
            line = entry;
    }
    assert_non_null(line);
    json_t *copy = json_deep_copy(report);
    json_t *lines = json_object_get(json_object_get(copy, "extents"), "vendor");
    for (size_t i = 0; i < json_array_size(lines); i++) {
        json_t *entry = json_array_get(lines, i);
        json_int_t end = json_integer_value(json_object_get(line, "end"));
        if (json_integer_value(json_object_get(entry, "end")) != end)
            continue;
        /* Cut in two, of which the second is said to be the zeros before it. */
        json_object_set_new(entry, "end", json_integer((json_int_t)zeros));
        json_array_insert_new(lines, i + 1,
                              json_pack("{s:I, s:I, s:s, s:n, s:I}", "begin", (json_int_t)zeros, "end",
                                        (json_int_t)zeros + 8, "standing", "identical", "rule", "peer",
                                        (json_int_t)zeros - 8));
        json_array_insert_new(lines, i + 2,
                              json_pack("{s:I, s:I, s:s, s:n, s:I}", "begin", (json_int_t)zeros + 8, "end", end,
                                        "standing", "identical", "rule", "peer", (json_int_t)zeros + 8));
        break;
    }
    assert_refused(copy, "of which the rebuilt file says otherwise");
    json_decref(copy);
}

static void sums_are_those_of_the_extents(void **state)
{
    (void)state;
    static const struct alteration cases[] = {
        {"tally.vendor.identical", "1", "identical is not"},
        {"tally.vendor.set_aside", "null", "set_aside is not"},
        {"tally.rebuilt.unexplained", "0", "unexplained is not"},
        {"tally.rebuilt.size", "1", "its size is wrong"},
        {"tally.rebuilt.by_rule", "[]", "no sums by rule"},
        {"tally.vendor.by_rule.comment", "9", "under rule comment is wrong"},
        {"tally.vendor.by_rule.comment", "\"1\"", "under rule comment is wrong"},
        {"tally.vendor.by_rule.comment", NULL, "leaves out a rule"},
        {"tally.vendor.by_rule.padding", "0", "under rule padding is wrong"},
    };
    programs(true);
    assert_all_refused(cases, ARRAY_COUNT(cases));
}

static void findings_are_extents_with_their_bytes(void **state)
{
    (void)state;
    static const struct alteration cases[] = {
        {"findings", NULL, "not those of the vendor file's extents"},
        {"findings.0", NULL, "its sides are not of one size"}, /* the next one's ID is not its place */
        {"findings.3", NULL, "not those of the vendor file's extents"},
        {"findings.0.id", "1", "its sides are not of one size"},
        {"findings.0.standing", "\"identical\"", "has no standing"},
        {"findings.0.standing", "\"unexplained\"", "has another standing or rule there"},
        {"findings.0.rule", "\"comment\"", "has another standing or rule there"},
        {"findings.0.rule", "null", "has another standing or rule there"},
        {"findings.1.rule", "\"comment\"", "has another standing or rule there"},
        {"findings.1.standing", "\"set-aside\"", "has another standing or rule there"},
        {"findings.0.differing", "7", "do not differ as it says"},
        {"findings.0.differing", "-1", "its sides are not of one size"},
        {"findings.0.kind", "\"moved\"", "do not differ as it says"},
        {"findings.0.kind", "\"one-sided\"", "do not differ as it says"},
        {"findings.0.kind", "\"only-vendor\"", "not only-vendor"},
        {"findings.0.kind", "\"only-rebuilt\"", "not only-rebuilt"},
        {"findings.0.vendor", "null", "its sides are not of one size"},
        {"findings.0.rebuilt", "null", "its sides are not of one size"},
        {"findings.0.vendor.offset", "0", "is no extent of the vendor file"},
        {"findings.0.vendor.offset", "999999999", "is no extent of the vendor file"},
        {"findings.0.vendor.offset", "null", "is no extent of the vendor file"},
        {"findings.0.rebuilt.size", "2", "is no extent of the rebuilt file"},
        {"findings.0.rebuilt.size", "-2", "is no extent of the rebuilt file"},
        {"findings.0.vendor.bytes", "\"00\"", "address or bytes are not those"},
        {"findings.0.vendor.bytes", "\"zz\"", "address or bytes are not those"},
        {"findings.0.vendor.bytes", "\"\"", "address or bytes are not those"},
        {"findings.0.vendor.omitted", "2", "address or bytes are not those"},
        {"findings.0.vendor.omitted", "null", "address or bytes are not those"},
        {"findings.0.vendor.address", "\"0x1\"", "address or bytes are not those"},
        {"findings.0.vendor.address", "null", "address or bytes are not those"},
    };
    programs(true);
    assert_int_equal(json_array_size(json_object_get(report, "findings")), 4);
    assert_all_refused(cases, ARRAY_COUNT(cases));
}

/* As many as there should be, but one of them twice. */
static void no_finding_stands_for_another(void **state)
{
    (void)state;
    programs(true);
    json_t *copy = json_deep_copy(report), *findings = json_object_get(copy, "findings");
    json_t *twice = json_deep_copy(json_array_get(findings, 1));
    json_object_set_new(twice, "id", json_integer(2));
    json_array_set_new(findings, 2, twice);
    assert_refused(copy, "another one has its extent");
    json_decref(copy);
}

static void sections_cover_the_files_once(void **state)
{
    (void)state;
    static const struct alteration cases[] = {
        {"sections", NULL, "do not cover the vendor file"},
        {"sections.0", NULL, "do not cover the vendor file"},
        {"sections.0.standing", "\"unexplained\"", "row 0 of its sections stands otherwise"},
        {"sections.0.vendor.offset", "null", "row 0 of its sections is not in the vendor file"},
        {"sections.0.vendor.offset", "-1", "row 0 of its sections is not in the vendor file"},
        {"sections.0.vendor.size", "null", "row 0 of its sections is not in the vendor file"},
        {"sections.0.vendor.size", "99999999", "row 0 of its sections is not in the vendor file"},
        {"sections.0.rebuilt.size", "9223372036854775807", "row 0 of its sections is not in the rebuilt file"},
        {"sections.0.vendor.address", "\"0x1\"", "row 0 of its sections is not in the vendor file"},
        {"sections.0.vendor.index", "1", "row 0 of its sections is not in the vendor file"},
        {"sections.0.vendor.index", "99", "row 0 of its sections is not in the vendor file"},
        {"sections.0.vendor.index", "\"1\"", "row 0 of its sections is not in the vendor file"},
        {"sections.0.rebuilt", "null", "do not cover the rebuilt file"},
    };
    programs(true);
    assert_all_refused(cases, ARRAY_COUNT(cases));
}

/* Each row is held against all the extents that it covers: many rows over everything would be endless work. */
static void sections_that_cover_more_than_the_file_are_refused_at_once(void **state)
{
    (void)state;
    programs(true);
    json_t *copy = json_deep_copy(report), *rows = json_object_get(copy, "sections");
    json_array_insert(rows, 1, json_array_get(rows, 0));
    for (int i = 0; i < 4; i++)
        json_array_extend(rows, json_object_get(report, "sections"));
    assert_refused(copy, "cover more than the vendor file");
    json_decref(copy);
}

/* ---- Text that is no report ---- */

static void what_is_no_json_is_refused_with_its_line(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "\n[1,", "{\"verdict\": 1, \"verdict\": 2}"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct compare_error error = {0};
        assert_int_equal(
            verify_bytes(texts[i], strlen(texts[i]), (const uint8_t *)"", 0, (const uint8_t *)"", 0, NULL, &error),
            COMPARE_ERROR_REFUSED);
        assert_non_null(strstr(error.message, "refused: line "));
    }
    json_t *list = json_array();
    programs(true);
    assert_refused(list, "no report of elftally's");
    json_decref(list);
}

/* ---- Verdicts ---- */

static void equal_files_are_identical_and_nothing_else(void **state)
{
    (void)state;
    programs(false);
    rebuilt = vendor;
    assert_int_equal(compared(), COMPARE_IDENTICAL);
    assert_verified();
    assert_alteration_refused("verdict", "\"equivalent\"", "equivalent, and the files are identical");
    assert_alteration_refused("verdict", "\"different\"", "different, and the files are identical");
}

static void different_files_have_an_unexplained_byte(void **state)
{
    (void)state;
    programs(false);
    assert_alteration_refused("verdict", "\"different\"", "different, and no byte is unexplained");
}

/* Whatever differs is said to be set aside by one rule, and all sums are made to fit. */
static json_t *forged(const char *rule)
{
    static const char *const names[] = {"vendor", "rebuilt"};
    json_t *copy = json_deep_copy(report), *entry;
    size_t i;
    json_object_set_new(copy, "verdict", json_string("equivalent"));
    json_object_set_new(copy, "anomalies", json_array());
    for (size_t s = 0; s < 2; s++) {
        json_t *tally = json_object_get(json_object_get(copy, "tally"), names[s]);
        json_t *by_rule = json_object_get(tally, "by_rule");
        json_int_t moved = json_integer_value(json_object_get(tally, "unexplained"));
        json_object_set_new(json_object_get(copy, names[s]), "rules_disabled", json_false());
        json_array_foreach(json_object_get(json_object_get(copy, "extents"), names[s]), i, entry)
        {
            if (strcmp(json_string_value(json_object_get(entry, "standing")), "unexplained") != 0)
                continue;
            json_object_set_new(entry, "standing", json_string("set-aside"));
            json_object_set_new(entry, "rule", json_string(rule));
        }
        if (moved > 0)
            json_object_set_new(by_rule, rule,
                                json_integer(json_integer_value(json_object_get(by_rule, rule)) + moved));
        json_object_set_new(tally, "set_aside",
                            json_integer(json_integer_value(json_object_get(tally, "set_aside")) + moved));
        json_object_set_new(tally, "unexplained", json_integer(0));
    }
    for (size_t part = 0; part < 2; part++) {
        json_array_foreach(json_object_get(copy, part == 0 ? "findings" : "sections"), i, entry)
        {
            if (strcmp(json_string_value(json_object_get(entry, "standing")), "unexplained") != 0)
                continue;
            json_object_set_new(entry, "standing", json_string("set-aside"));
            if (part == 0)
                json_object_set_new(entry, "rule", json_string(rule));
        }
    }
    return copy;
}

static void assert_forgeries_refused(void)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        json_t *copy = forged(compare_rule_at(i)->id);
        assert_refused(copy, "refused: ");
        json_decref(copy);
    }
}

static void no_rule_acquits_code_and_data(void **state)
{
    (void)state;
    programs(true);
    assert_forgeries_refused();
}

/* The build ID lies under a table that ld.so comes to by reading on behind the segment's end. */
static void no_rule_acquits_what_an_endless_dynamic_table_may_name(void **state)
{
    (void)state;
    uint64_t dynamic[] = {DT_STRTAB, 0, DT_STRSZ, 8, DT_STRSZ, 4096, DT_NULL, 0};
    built_program(&vendor, true, false, ET_DYN);
    struct built_section *section =
        built_section(&vendor, ".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE, dynamic, sizeof(dynamic));
    section->header.sh_addralign = 8;
    built_layout(&vendor);
    vendor.segments[vendor.segment_count++] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                                           .p_flags = PF_R | PF_W,
                                                           .p_offset = section->header.sh_offset,
                                                           .p_vaddr = section->header.sh_addr,
                                                           .p_filesz = 32,
                                                           .p_memsz = 32,
                                                           .p_align = 8};
    vendor.header.e_phnum++;
    built_write(&vendor);
    rebuilt = vendor;
    built_named(&rebuilt, ".note.gnu.build-id")->content[20] ^= 1;
    built_write(&rebuilt);
    assert_int_equal(compared(), COMPARE_DIFFERENT);
    assert_verified();
    assert_forgeries_refused();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_says_what_it_is),
        cmocka_unit_test(a_policy_has_known_rules_with_reasons_once_each),
        cmocka_unit_test(a_report_is_about_its_files),
        cmocka_unit_test(extents_are_a_partition_that_fits_the_files),
        cmocka_unit_test(identical_extents_are_each_other_s),
        cmocka_unit_test(sums_are_those_of_the_extents),
        cmocka_unit_test(findings_are_extents_with_their_bytes),
        cmocka_unit_test(no_finding_stands_for_another),
        cmocka_unit_test(sections_cover_the_files_once),
        cmocka_unit_test(sections_that_cover_more_than_the_file_are_refused_at_once),
        cmocka_unit_test(what_is_no_json_is_refused_with_its_line),
        cmocka_unit_test(equal_files_are_identical_and_nothing_else),
        cmocka_unit_test(different_files_have_an_unexplained_byte),
        cmocka_unit_test(no_rule_acquits_code_and_data),
        cmocka_unit_test(no_rule_acquits_what_an_endless_dynamic_table_may_name),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(report);
    return failed;
}
