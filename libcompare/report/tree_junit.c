/*
 * The report of a tree for CI, in the XML that JUnit made common: each pair of files is a test case, what holds it its
 * class. A difference is a failure, what could not be decided an error. All texts are printable ASCII already; what XML
 * gives a meaning is written as an entity.
 */
#include <string.h>

#include "../container/container.h"
#include "report.h"

static void write_text(FILE *out, const char *text)
{
    static const struct {
        char byte;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
    for (; text != NULL && *text != '\0'; text++) {
        const char *entity = NULL;
        for (size_t i = 0; i < ARRAY_COUNT(entities); i++)
            entity = entities[i].byte == *text ? entities[i].entity : entity;
        if (entity != NULL)
            fputs(entity, out);
        else
            fputc(*text, out);
    }
}

static void write_attribute(FILE *out, const char *name, const char *text)
{
    fprintf(out, " %s=\"", name);
    write_text(out, text);
    fputc('"', out);
}

static bool is_alone(const struct tree_pair *pair)
{
    return pair->pairing == ONLY_VENDOR || pair->pairing == ONLY_REBUILT;
}

static void write_side(FILE *out, const char *label, const char *text)
{
    if (text == NULL)
        return;
    fprintf(out, "  %s ", label);
    write_text(out, text);
    fputc('\n', out);
}

static void write_failure(FILE *out, const struct tree_pair *pair)
{
    fputs("<failure", out);
    write_attribute(out, "message",
                    is_alone(pair) ? (pair->pairing == ONLY_VENDOR ? "vendor only" : "rebuilt only") : "different");
    fputc('>', out);
    for (size_t i = 0; i < pair->root_count; i++) {
        const struct tree_root *root = &pair->roots[i];
        write_text(out, root->cause != NULL ? root->cause : root->what);
        fputs(root->place != NULL ? ", " : "", out);
        write_text(out, root->place);
        fputc('\n', out);
        write_side(out, "vendor", root->vendor);
        write_side(out, "rebuilt", root->rebuilt);
    }
    for (size_t i = 0; i < pair->fact_count; i++) {
        if (pair->facts[i].rule != RULE_COUNT)
            continue;
        write_text(out, pair->facts[i].what);
        fputc('\n', out);
        write_side(out, "vendor", pair->facts[i].vendor);
        write_side(out, "rebuilt", pair->facts[i].rebuilt);
    }
    for (size_t i = 0; i < pair->anomaly_count; i++) {
        write_text(out, pair->anomalies[i].message);
        fputc('\n', out);
    }
    fputs("</failure>", out);
}

static void write_case(FILE *out, const struct compare_tree *tree, const struct tree_pair *pair, const char *package)
{
    fputs("<testcase", out);
    write_attribute(out, "classname",
                    pair->holder != SIZE_MAX && pair->holder > 0 ? tree->pairs[pair->holder].path : package);
    write_attribute(out, "name", pair->path);
    fprintf(out, " time=\"%.3f\">", pair->seconds);
    if (is_alone(pair) || pair->own == COMPARE_DIFFERENT) {
        write_failure(out, pair);
    } else if (pair->own == COMPARE_INCONCLUSIVE) {
        fputs("<error", out);
        write_attribute(out, "message", pair->error != NULL ? pair->error : "not compared: interrupted");
        fputs("/>", out);
    }
    fputs("</testcase>\n", out);
}

int compare_tree_report_junit(const struct compare_tree *tree, const struct compare_report_options *options, FILE *out,
                              struct compare_error *error)
{
    char path[16384];
    (void)options;
    escape_text(path, sizeof(path), tree->vendor_path);
    const char *package = strrchr(path, '/') != NULL && strrchr(path, '/')[1] != '\0' ? strrchr(path, '/') + 1 : path;
    uint64_t failures = tree->counts[COMPARE_DIFFERENT] + tree->alone[0] + tree->alone[1];
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites><testsuite", out);
    write_attribute(out, "name", package);
    fprintf(out, " tests=\"%zu\" failures=\"%ju\" errors=\"%ju\" time=\"%.3f\">\n", tree->pair_count,
            (uintmax_t)failures, (uintmax_t)tree->counts[COMPARE_INCONCLUSIVE], tree->seconds);
    for (size_t i = 0; i < tree->pair_count; i++)
        write_case(out, tree, &tree->pairs[i], package);
    fputs("</testsuite></testsuites>\n", out);
    if (fflush(out) != 0 || ferror(out))
        return error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot write the report");
    return 0;
}
