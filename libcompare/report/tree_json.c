/* The JSON report of a tree (tree.schema.json), pair by pair, so that its size is not held in memory. */
#include <jansson.h>
#include <string.h>

#include "../container/container.h"
#include "json_moved.h"
#include "json_text.h"
#include "report.h"

#define TREE_VERSION 1
#define DUMP         (JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY)

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *escaped(const char *text)
{
    char buffer[16384];
    return json_string(escape_text(buffer, sizeof(buffer), text));
}

/* NULL, which json_pack passes on, where a part of it is lacking. */
static json_t *with_item(json_t *array, json_t *item)
{
    if (array != NULL && json_array_append_new(array, item) == 0)
        return array;
    json_decref(array);
    return NULL;
}

static int member(FILE *out, const char *key, json_t *value)
{
    int failed = value == NULL || fprintf(out, "\"%s\":", key) < 0 || json_dumpf(value, out, DUMP) != 0 ||
                 fputs(",\n", out) == EOF;
    json_decref(value);
    return failed;
}

static json_t *policy_object(const struct compare_policy *policy)
{
    json_t *rules = json_array();
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (policy->rules.accepted[i])
            rules = with_item(
                rules, json_pack("{s:s,s:o}", "rule", compare_rule_at(i)->id, "reason", escaped(policy->reasons[i])));
    }
    return json_pack("{s:o,s:o}", "name", escaped(policy->name), "rules", rules);
}

static json_t *counts_object(const struct compare_tree *tree)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "identical", number(tree->counts[COMPARE_IDENTICAL]), "equivalent",
                     number(tree->counts[COMPARE_EQUIVALENT]), "different", number(tree->counts[COMPARE_DIFFERENT]),
                     "inconclusive", number(tree->counts[COMPARE_INCONCLUSIVE]), "only_vendor", number(tree->alone[0]),
                     "only_rebuilt", number(tree->alone[1]));
}

static json_t *tally_object(const struct tally *tally)
{
    json_t *by_rule = json_object();
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (tally->by_rule[i] > 0 &&
            json_object_set_new(by_rule, compare_rule_at(i)->id, number(tally->by_rule[i])) != 0) {
            json_decref(by_rule);
            by_rule = NULL;
        }
    }
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "size", number(tally->size), "identical", number(tally->identical),
                     "set_aside", number(tally->set_aside), "unexplained", number(tally->unexplained), "by_rule",
                     by_rule);
}

static json_t *tallies_object(const struct tally tally[2])
{
    return json_pack("{s:o,s:o}", "vendor", tally_object(&tally[0]), "rebuilt", tally_object(&tally[1]));
}

static json_t *groups_array(const struct compare_tree *tree)
{
    json_t *array = json_array();
    for (size_t i = 0; i < tree->group_count; i++) {
        const struct tree_group *group = &tree->groups[i];
        array = with_item(array, json_pack("{s:o,s:o,s:o,s:o,s:s}", "cause", text_or_null(group->cause), "key",
                                           text_or_null(group->key), "files", number(group->file_count), "differing",
                                           number(group->differing), "first", group->first));
    }
    return array;
}

static json_t *roots_array(const struct tree_pair *pair)
{
    json_t *array = json_array();
    for (size_t i = 0; i < pair->root_count; i++) {
        const struct tree_root *root = &pair->roots[i];
        array = with_item(array, json_pack("{s:o,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "cause", text_or_null(root->cause),
                                           "confidence", (int)root->confidence, "what", text_or_null(root->what), "key",
                                           text_or_null(root->key), "place", text_or_null(root->place), "vendor",
                                           text_or_null(root->vendor), "rebuilt", text_or_null(root->rebuilt), "remedy",
                                           text_or_null(root->remedy), "differing", number(root->differing)));
    }
    return array;
}

static json_t *facts_array(const struct tree_pair *pair)
{
    json_t *array = json_array();
    for (size_t i = 0; i < pair->fact_count; i++) {
        const struct tree_fact *fact = &pair->facts[i];
        array = with_item(
            array, json_pack("{s:s,s:o,s:o,s:o}", "what", fact->what, "vendor", text_or_null(fact->vendor), "rebuilt",
                             text_or_null(fact->rebuilt), "rule",
                             fact->rule < RULE_COUNT ? json_string(compare_rule_at(fact->rule)->id) : json_null()));
    }
    return array;
}

static json_t *anomalies_array(const struct tree_pair *pair)
{
    json_t *array = json_array();
    for (size_t i = 0; i < pair->anomaly_count; i++)
        array = with_item(array, json_pack("{s:s,s:s,s:s}", "side", pair->anomalies[i].rebuilt ? "rebuilt" : "vendor",
                                           "id", pair->anomalies[i].id, "message", pair->anomalies[i].message));
    return array;
}

static json_t *size_of(const struct tree_pair *pair, int side)
{
    bool there = pair->pairing != (side == 0 ? ONLY_REBUILT : ONLY_VENDOR);
    return there ? number(pair->size[side]) : json_null();
}

static json_t *pair_object(const struct tree_pair *pair)
{
    /* A pair that was not come to, because of an interruption, has no reason of its own. */
    const char *error = pair->error;
    const struct tree_moved *moved = pair->moved;
    if (error == NULL && pair->own == COMPARE_INCONCLUSIVE && pair->pairing < ONLY_VENDOR)
        error = "not compared: interrupted";
    return json_pack("{s:s,s:o,s:s,s:s,s:s,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:f}", "path", pair->path,
                     "rebuilt_path", text_or_null(pair->rebuilt_path), "kind", pair->kind, "paired_by",
                     tree_pairing_name(pair->pairing), "verdict", compare_verdict_name(pair->own), "container",
                     pair->container, "holder", pair->holder != SIZE_MAX ? number(pair->holder) : json_null(),
                     "vendor_size", size_of(pair, 0), "rebuilt_size", size_of(pair, 1), "tally",
                     pair->tally != NULL ? tallies_object(pair->tally) : json_null(), "moved",
                     moved == NULL              ? json_null()
                     : moved->not_tried != NULL ? json_moved_not_tried(moved->not_tried)
                                                : json_moved_counts(&moved->counts, moved->changed_functions),
                     "roots", roots_array(pair), "roots_left_out", number(pair->roots_left_out), "facts",
                     facts_array(pair), "anomalies", anomalies_array(pair), "note", text_or_null(pair->note), "error",
                     text_or_null(error), "seconds", pair->seconds);
}

static int write_pairs(const struct compare_tree *tree, FILE *out)
{
    int failed = fputs("\"pairs\":[\n", out) == EOF;
    for (size_t i = 0; i < tree->pair_count && !failed; i++) {
        json_t *pair = pair_object(&tree->pairs[i]);
        failed = pair == NULL || json_dumpf(pair, out, DUMP) != 0 ||
                 fputs(i + 1 < tree->pair_count ? ",\n" : "\n", out) == EOF;
        json_decref(pair);
    }
    return failed || fputs("]}\n", out) == EOF;
}

int compare_tree_report_json(const struct compare_tree *tree, const struct compare_report_options *options, FILE *out,
                             struct compare_error *error)
{
    (void)options;
    int failed = fputs("{", out) == EOF || member(out, "format", json_string("elftally-tree")) ||
                 member(out, "version", number(TREE_VERSION)) ||
                 member(out, "tool", json_pack("{s:s,s:s}", "name", "elftally", "version", compare_version())) ||
                 member(out, "verdict", json_string(compare_verdict_name(tree->verdict))) ||
                 member(out, "policy", policy_object(tree->policy)) ||
                 member(out, "vendor", escaped(tree->vendor_path)) ||
                 member(out, "rebuilt", escaped(tree->rebuilt_path)) ||
                 member(out, "interrupted", json_boolean(tree->interrupted)) ||
                 member(out, "counts", counts_object(tree)) || member(out, "tally", tallies_object(tree->tally)) ||
                 member(out, "groups", groups_array(tree)) || write_pairs(tree, out) || fflush(out) != 0;
    return failed ? error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot write the report") : 0;
}
