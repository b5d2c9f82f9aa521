/*
 * The text report of a tree: the verdict and the counts first, then the roots of all files together, then what differs,
 * each with its first root, then metadata, what is odd, what could not be decided, and the account of bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "../container/container.h"
#include "text.h"

#define GROUPS_SHOWN  20
#define FILES_SHOWN   40
#define SLOWEST_SHOWN 3

struct tree_text {
    const struct compare_tree *tree;
    const struct compare_report_options *options;
    FILE *out;
};

static const char *paint(const struct tree_text *text, const char *code)
{
    return text->options->color ? code : "";
}

static bool is_alone(const struct tree_pair *pair)
{
    return pair->pairing == ONLY_VENDOR || pair->pairing == ONLY_REBUILT;
}

/* ---- Head ---- */

static void write_verdict(const struct tree_text *text)
{
    const struct compare_tree *tree = text->tree;
    bool good = tree->verdict == COMPARE_IDENTICAL || tree->verdict == COMPARE_EQUIVALENT;
    char policy[128], number[32], other[32];
    fprintf(text->out, "%s%s%s%s (policy %s)", paint(text, BOLD), paint(text, good ? GREEN : RED),
            compare_verdict_name(tree->verdict), paint(text, PLAIN),
            escape_text(policy, sizeof(policy), compare_policy_name(tree->policy)));
    uint64_t alone = tree->alone[0] + tree->alone[1], differing = tree->counts[COMPARE_DIFFERENT];
    if (tree->verdict == COMPARE_IDENTICAL)
        fprintf(text->out, ": all contents, and what is known of their metadata");
    else if (tree->verdict == COMPARE_EQUIVALENT)
        fprintf(text->out, ": what differs was set aside, nothing is unexplained");
    else if (tree->verdict == COMPARE_DIFFERENT)
        fprintf(text->out, ": %s of %s pairs differ, %s member%s of one side alone", text_grouped(differing, number),
                text_grouped(tree->pair_count - alone, other), text_grouped(alone, policy), text_plural(alone));
    else
        fprintf(text->out, ": %s of %s pairs could not be decided",
                text_grouped(tree->counts[COMPARE_INCONCLUSIVE], number),
                text_grouped(tree->pair_count - alone, other));
    fprintf(text->out, "%s\n", tree->interrupted ? "; interrupted, not all was compared" : "");
}

static void write_sides(const struct tree_text *text)
{
    const char *const paths[] = {text->tree->vendor_path, text->tree->rebuilt_path};
    static const char *const labels[] = {"vendor", "rebuilt"};
    char path[1024], number[32];
    for (int side = 0; side < 2; side++)
        fprintf(text->out, "  %-8s %s  (%s bytes compared)\n", labels[side],
                escape_text(path, sizeof(path), paths[side]), text_grouped(text->tree->tally[side].size, number));
}

static void write_counts(const struct tree_text *text)
{
    const struct compare_tree *tree = text->tree;
    char numbers[6][32];
    fprintf(text->out,
            "\n%s identical, %s equivalent, %s different, %s inconclusive; %s of the vendor alone, %s of the rebuilt "
            "alone\n",
            text_grouped(tree->counts[COMPARE_IDENTICAL], numbers[0]),
            text_grouped(tree->counts[COMPARE_EQUIVALENT], numbers[1]),
            text_grouped(tree->counts[COMPARE_DIFFERENT], numbers[2]),
            text_grouped(tree->counts[COMPARE_INCONCLUSIVE], numbers[3]), text_grouped(tree->alone[0], numbers[4]),
            text_grouped(tree->alone[1], numbers[5]));
}

/* ---- Roots of all files ---- */

static void write_groups(const struct tree_text *text)
{
    const struct compare_tree *tree = text->tree;
    size_t shown = 0, most = text->options->all_findings ? SIZE_MAX : GROUPS_SHOWN, known = 0;
    char number[32];
    for (size_t i = 0; i < tree->group_count; i++)
        known += tree->groups[i].cause != NULL;
    if (known == 0)
        return;
    fprintf(text->out, "\n%sroots over all files%s\n", paint(text, BOLD), paint(text, PLAIN));
    for (size_t i = 0; i < tree->group_count && shown < most; i++) {
        const struct tree_group *group = &tree->groups[i];
        if (group->cause == NULL)
            continue;
        shown++;
        fprintf(text->out, "  %s%s%s: %s file%s%s%s", paint(text, YELLOW), group->cause, paint(text, PLAIN),
                text_grouped(group->file_count, number), text_plural(group->file_count), group->key != NULL ? ", " : "",
                group->key != NULL ? group->key : "");
        fprintf(text->out, group->file_count == 1 ? "  (%s)\n" : "  (first: %s)\n", group->first);
    }
    if (shown < known)
        fprintf(text->out, "  %zu more (--all shows them)\n", known - shown);
}

/* ---- Pairs ---- */

static void write_names(const struct tree_text *text, const struct tree_pair *pair)
{
    fprintf(text->out, "  %s", pair->path);
    if (pair->rebuilt_path != NULL)
        fprintf(text->out, " -> %s (paired by %s)", pair->rebuilt_path, tree_pairing_name(pair->pairing));
    fprintf(text->out, "  %s", pair->kind);
}

static void write_root(const struct tree_text *text, const struct tree_root *root)
{
    fprintf(text->out, "    %s%s%s%s", paint(text, root->cause != NULL ? YELLOW : RED),
            root->cause != NULL  ? root->cause
            : root->what != NULL ? root->what
                                 : "bytes",
            paint(text, PLAIN), root->cause != NULL && root->what != NULL ? ": " : "");
    if (root->cause != NULL && root->what != NULL)
        fprintf(text->out, "%s", root->what);
    fprintf(text->out, "%s%s\n", root->place != NULL ? ", " : "", root->place != NULL ? root->place : "");
    if (root->vendor != NULL)
        fprintf(text->out, "      vendor   %s\n", root->vendor);
    if (root->rebuilt != NULL)
        fprintf(text->out, "      rebuilt  %s\n", root->rebuilt);
}

static void write_facts(const struct tree_text *text, const struct tree_pair *pair)
{
    for (size_t i = 0; i < pair->fact_count; i++) {
        const struct tree_fact *fact = &pair->facts[i];
        if (fact->rule != RULE_COUNT)
            continue;
        fprintf(text->out, "    %s%s%s", paint(text, RED), fact->what, paint(text, PLAIN));
        if (fact->vendor != NULL || fact->rebuilt != NULL)
            fprintf(text->out, ": %s, rebuilt: %s", fact->vendor != NULL ? fact->vendor : "none",
                    fact->rebuilt != NULL ? fact->rebuilt : "none");
        fprintf(text->out, "\n");
    }
}

static void write_differing(const struct tree_text *text, const struct tree_pair *pair)
{
    size_t most = text->options->all_findings ? pair->root_count : 1;
    write_names(text, pair);
    if (pair->tally != NULL && pair->tally[0].unexplained + pair->tally[1].unexplained > 0) {
        char number[32];
        uint64_t unexplained = pair->tally[0].unexplained > pair->tally[1].unexplained ? pair->tally[0].unexplained
                                                                                       : pair->tally[1].unexplained;
        fprintf(text->out, ", %s byte%s unexplained", text_grouped(unexplained, number), text_plural(unexplained));
    }
    fprintf(text->out, "\n");
    if (pair->note != NULL)
        fprintf(text->out, "    %s\n", pair->note);
    if (pair->error != NULL)
        fprintf(text->out, "    content not compared: %s\n", pair->error);
    write_facts(text, pair);
    for (size_t i = 0; i < pair->root_count && i < most; i++)
        write_root(text, &pair->roots[i]);
    size_t left = pair->root_count + pair->roots_left_out;
    left -= left < most ? left : most;
    if (left > 0 && pair->root_count > 0)
        fprintf(text->out, "    and %zu more root%s\n", left, text_plural(left));
}

static void write_failed(const struct tree_text *text, const struct tree_pair *pair)
{
    write_names(text, pair);
    fprintf(text->out, "\n    %s\n", pair->error != NULL ? pair->error : "not compared: interrupted");
}

static void write_alone(const struct tree_text *text, const struct tree_pair *pair)
{
    char number[32];
    write_names(text, pair);
    fprintf(text->out, ", %s bytes, %s only\n", text_grouped(pair->size[pair->pairing == ONLY_REBUILT], number),
            pair->pairing == ONLY_VENDOR ? "vendor" : "rebuilt");
}

static bool wants_differing(const struct tree_pair *pair)
{
    return !is_alone(pair) && pair->own == COMPARE_DIFFERENT;
}

static bool wants_failed(const struct tree_pair *pair)
{
    return !is_alone(pair) && pair->own == COMPARE_INCONCLUSIVE;
}

static bool wants_equivalent(const struct tree_pair *pair)
{
    return !is_alone(pair) && pair->own == COMPARE_EQUIVALENT;
}

static void write_equivalent(const struct tree_text *text, const struct tree_pair *pair)
{
    const char *separator = ": ";
    write_names(text, pair);
    for (size_t i = 0; i < RULE_COUNT && pair->tally != NULL; i++) {
        if (pair->tally[0].by_rule[i] + pair->tally[1].by_rule[i] > 0) {
            fprintf(text->out, "%s%s", separator, compare_rule_at(i)->id);
            separator = ", ";
        }
    }
    fprintf(text->out, "\n");
}

/* A list of pairs, cut where it is long. */
static void write_list(const struct tree_text *text, const char *title, bool (*wants)(const struct tree_pair *pair),
                       void (*write)(const struct tree_text *text, const struct tree_pair *pair))
{
    size_t most = text->options->all_findings ? SIZE_MAX : FILES_SHOWN, count = 0;
    for (size_t i = 0; i < text->tree->pair_count; i++) {
        const struct tree_pair *pair = &text->tree->pairs[i];
        if (!wants(pair))
            continue;
        if (count == 0)
            fprintf(text->out, "\n%s%s%s\n", paint(text, BOLD), title, paint(text, PLAIN));
        if (count++ < most)
            write(text, pair);
    }
    if (count > most)
        fprintf(text->out, "  %zu more (--all shows them)\n", count - most);
}

static void write_anomalies(const struct tree_text *text)
{
    size_t most = text->options->all_findings ? SIZE_MAX : FILES_SHOWN, count = 0;
    for (size_t i = 0; i < text->tree->pair_count; i++) {
        const struct tree_pair *pair = &text->tree->pairs[i];
        for (size_t k = 0; k < pair->anomaly_count; k++) {
            if (count == 0)
                fprintf(text->out, "\n");
            if (count++ < most)
                fprintf(text->out, "%sanomaly%s  %s, %s: %s\n", paint(text, RED), paint(text, PLAIN),
                        pair->anomalies[k].rebuilt ? "rebuilt" : "vendor", pair->path, pair->anomalies[k].message);
        }
    }
    if (count > most)
        fprintf(text->out, "anomaly  %zu more (--all shows them)\n", count - most);
    if (count > 0)
        fprintf(text->out, "no rule is applied to what has an anomaly\n");
}

/* ---- The account ---- */

static void write_tally(const struct tree_text *text, const char *label, const struct tally *tally)
{
    char numbers[3][32];
    fprintf(text->out, "  %-8s %s identical, %s set aside, %s unexplained\n", label,
            text_grouped(tally->identical, numbers[0]), text_grouped(tally->set_aside, numbers[1]),
            text_grouped(tally->unexplained, numbers[2]));
}

static void write_account(const struct tree_text *text)
{
    const struct compare_tree *tree = text->tree;
    const char *separator = "  set aside by ";
    char number[32];
    fprintf(text->out, "\n%sbytes%s\n", paint(text, BOLD), paint(text, PLAIN));
    write_tally(text, "vendor", &tree->tally[0]);
    write_tally(text, "rebuilt", &tree->tally[1]);
    for (size_t i = 0; i < RULE_COUNT; i++) {
        uint64_t bytes = tree->tally[0].by_rule[i] > tree->tally[1].by_rule[i] ? tree->tally[0].by_rule[i]
                                                                               : tree->tally[1].by_rule[i];
        if (bytes == 0 && tree->facts_by_rule[i] == 0)
            continue;
        fprintf(text->out, "%s%s", separator, compare_rule_at(i)->id);
        if (bytes > 0)
            fprintf(text->out, " %s", text_grouped(bytes, number));
        if (tree->facts_by_rule[i] > 0)
            fprintf(text->out, " (%s member%s)", text_grouped(tree->facts_by_rule[i], number),
                    text_plural(tree->facts_by_rule[i]));
        separator = ", ";
    }
    if (separator[0] == ',')
        fprintf(text->out, "\n");
}

static int slower(const void *a, const void *b)
{
    const struct tree_pair *one = *(const struct tree_pair *const *)a, *other = *(const struct tree_pair *const *)b;
    return one->seconds > other->seconds ? -1 : one->seconds < other->seconds;
}

static void write_slowest(const struct tree_text *text)
{
    const struct compare_tree *tree = text->tree;
    const struct tree_pair **sorted = malloc((tree->pair_count + 1) * sizeof(*sorted));
    for (size_t i = 0; i < tree->pair_count && sorted != NULL; i++)
        sorted[i] = &tree->pairs[i];
    if (sorted != NULL)
        qsort(sorted, tree->pair_count, sizeof(*sorted), slower);
    for (size_t i = 0; sorted != NULL && i < tree->pair_count && i < SLOWEST_SHOWN && sorted[i]->seconds >= 0.1; i++)
        fprintf(text->out, "%s%s (%.1f s)", i == 0 ? "\nslowest: " : ", ", sorted[i]->path, sorted[i]->seconds);
    if (sorted != NULL && tree->pair_count > 0 && sorted[0]->seconds >= 0.1)
        fprintf(text->out, "\n");
    free(sorted);
}

int compare_tree_report_text(const struct compare_tree *tree, const struct compare_report_options *options, FILE *out,
                             struct compare_error *error)
{
    static const struct compare_report_options defaults = {.size = sizeof(defaults)};
    struct tree_text text = {.tree = tree, .options = options != NULL ? options : &defaults, .out = out};
    write_verdict(&text);
    write_sides(&text);
    write_counts(&text);
    write_anomalies(&text);
    write_groups(&text);
    write_list(&text, "differ", wants_differing, write_differing);
    write_list(&text, "of one side alone", is_alone, write_alone);
    write_list(&text, "inconclusive", wants_failed, write_failed);
    if (text.options->all_findings || tree->verdict == COMPARE_EQUIVALENT)
        write_list(&text, "equivalent", wants_equivalent, write_equivalent);
    write_account(&text);
    write_slowest(&text);
    if (fflush(out) != 0 || ferror(out))
        return error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot write the report");
    return 0;
}
