/*
 * The results as CI servers read them (the JUnit XML of Jenkins and GitLab): a suite for each package, a case for each
 * pair; a pair that differs is a failure with its roots, one that is inconclusive an error.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"

struct test_case {
    char *package;
    size_t index; /* of the line */
    enum compare_verdict verdict;
};

/* Text of a file's or a manifest's: what XML 1.0 has no way to say is shown as \xNN. */
static void print_text(FILE *out, const char *text)
{
    static const struct {
        unsigned char byte;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        const char *entity = NULL;
        for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
            entity = *at == entities[i].byte ? entities[i].entity : entity;
        bool no_character = at[0] == 0xef && at[1] == 0xbf && at[2] >= 0xbe; /* U+FFFE, U+FFFF */
        if (entity != NULL)
            fputs(entity, out);
        else if (*at < 0x20 || *at == 0x7f || no_character)
            fprintf(out, "\\x%02x", *at);
        else
            fputc(*at, out);
        if (no_character) {
            fprintf(out, "\\x%02x\\x%02x", at[1], at[2]);
            at += 2;
        }
    }
}

static void print_attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    print_text(out, value);
    fputc('"', out);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void print_root(FILE *out, const json_t *root)
{
    const char *cause = text_of(root, "cause");
    print_text(out, cause[0] != '\0' ? cause : "cause unknown");
    const char *const parts[][2] = {
        {": ", "what"}, {", ", "place"}, {": vendor ", "vendor"}, {", rebuilt ", "rebuilt"}};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *text = text_of(root, parts[i][1]);
        if (text[0] != '\0') {
            fputs(parts[i][0], out);
            print_text(out, text);
        }
    }
    json_int_t files = json_integer_value(json_object_get(root, "files"));
    if (files > 1)
        fprintf(out, " and %lld more", (long long)files - 1);
    fputc('\n', out);
}

static void print_failure(FILE *out, const json_t *line)
{
    const json_t *roots = json_object_get(line, "roots");
    json_int_t more = json_integer_value(json_object_get(line, "more_roots"));
    size_t count = json_array_size(roots) + (size_t)more;
    char message[80];
    snprintf(message, sizeof(message), "different: %zu root%s", count, count == 1 ? "" : "s");
    fputs("      <failure", out);
    print_attribute(out, "message", count > 0 ? message : "different");
    fputc('>', out);
    for (size_t i = 0; i < json_array_size(roots); i++)
        print_root(out, json_array_get(roots, i));
    if (more > 0)
        fprintf(out, "and %lld more\n", (long long)more);
    fputs("</failure>\n", out);
}

static void print_case(FILE *out, const json_t *line)
{
    char *package;
    const char *name = line_package(line, &package);
    enum compare_verdict verdict = line_verdict(line);
    fputs("    <testcase", out);
    print_attribute(out, "classname", package);
    print_attribute(out, "name", name);
    fputs(verdict == COMPARE_IDENTICAL || verdict == COMPARE_EQUIVALENT ? "/>\n" : ">\n", out);
    free(package);
    if (verdict == COMPARE_DIFFERENT)
        print_failure(out, line);
    if (verdict == COMPARE_INCONCLUSIVE) {
        fputs("      <error", out);
        print_attribute(out, "message", text_of(json_object_get(line, "error"), "message"));
        fputs("/>\n", out);
    }
    if (verdict == COMPARE_DIFFERENT || verdict == COMPARE_INCONCLUSIVE)
        fputs("    </testcase>\n", out);
}

static int by_package(const void *a, const void *b)
{
    const struct test_case *left = a, *right = b;
    int order = strcmp(left->package, right->package);
    return order != 0 ? order : (left->index > right->index) - (left->index < right->index);
}

static void print_counts(FILE *out, const struct test_case *cases, size_t count)
{
    size_t verdicts[VERDICTS] = {0};
    for (size_t i = 0; i < count; i++)
        verdicts[cases[i].verdict]++;
    fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n", count, verdicts[COMPARE_DIFFERENT],
            verdicts[COMPARE_INCONCLUSIVE]);
}

/* The suite that begins here; how many cases it has, or 0 where a line cannot be read again. */
static size_t print_suite(json_t *(*line)(void *state, size_t index), void *state, const struct test_case *cases,
                          size_t left, FILE *out)
{
    size_t count = 1;
    while (count < left && strcmp(cases[count].package, cases[0].package) == 0)
        count++;
    fputs("  <testsuite", out);
    print_attribute(out, "name", cases[0].package);
    print_counts(out, cases, count);
    for (size_t i = 0; i < count; i++) {
        json_t *read = line(state, cases[i].index);
        if (read == NULL)
            return 0;
        print_case(out, read);
        json_decref(read);
    }
    fputs("  </testsuite>\n", out);
    return count;
}

int junit_write(json_t *(*line)(void *state, size_t index), void *state, size_t count, FILE *out)
{
    struct test_case *cases = calloc(count > 0 ? count : 1, sizeof(*cases));
    size_t known = 0, step = 1;
    if (cases == NULL)
        return fail("no memory");
    for (; known < count; known++) {
        json_t *read = line(state, known);
        if (read == NULL)
            break;
        line_package(read, &cases[known].package);
        cases[known].index = known;
        cases[known].verdict = line_verdict(read);
        json_decref(read);
    }
    if (known == count) {
        qsort(cases, count, sizeof(*cases), by_package);
        fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"elftally\"", out);
        print_counts(out, cases, count);
        for (size_t i = 0; i < count && step > 0; i += step)
            step = print_suite(line, state, cases + i, count - i, out);
        fputs("</testsuites>\n", out);
    }
    for (size_t i = 0; i < known; i++)
        free(cases[i].package);
    free(cases);
    return known == count && step > 0 ? 0 : EXIT_TROUBLE;
}
