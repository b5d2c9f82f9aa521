/*
 * A tree in one line of JSON, for runs over many pairs. What differs is grouped over all members: by its cause where one
 * is known, by what it is where none is. Groups and messages are chosen by the members' names, so that two runs give the
 * same bytes in whatever order their workers ended.
 */
#include <stdlib.h>
#include <string.h>

#include "../container/container.h"
#include "line.h"

#define WHAT_MOST    200
#define MESSAGE_MOST 1000

/* One reason why one member differs. */
struct reason {
    const char *cause, *key; /* NULL: not known */
    const char *what, *path;
};

struct group {
    const struct reason *first; /* by its path */
    uint64_t files;
};

struct reasons {
    struct reason *list; /* NULL while they are counted */
    size_t count;
};

/* ---- Gathering ---- */

static void add(struct reasons *reasons, const struct tree_pair *pair, const struct tree_root *root, const char *what)
{
    const char *cause = root != NULL ? root->cause : NULL;
    if (reasons->list != NULL)
        reasons->list[reasons->count] = (struct reason){cause, cause != NULL ? root->key : NULL, what, pair->path};
    reasons->count++;
}

/* Of what was compared as bytes the root says at which line or offset, which no other file shares. */
static const char *what_of(const struct tree_root *root)
{
    return root->what != NULL && (root->cause != NULL || root->place != NULL) ? root->what : "content";
}

static void add_pair(struct reasons *reasons, const struct tree_pair *pair)
{
    size_t before = reasons->count;
    if (pair->pairing == ONLY_VENDOR)
        add(reasons, pair, NULL, "member of the vendor alone");
    if (pair->pairing == ONLY_REBUILT)
        add(reasons, pair, NULL, "member of the rebuilt alone");
    for (size_t i = 0; i < pair->root_count; i++)
        add(reasons, pair, &pair->roots[i], what_of(&pair->roots[i]));
    for (size_t i = 0; i < pair->fact_count; i++) {
        if (pair->facts[i].rule == RULE_COUNT)
            add(reasons, pair, NULL, pair->facts[i].what);
    }
    for (size_t i = 0; i < pair->anomaly_count; i++)
        add(reasons, pair, NULL, pair->anomalies[i].message);
    /* Nobody was asked for the reason. */
    if (reasons->count == before && pair->own == COMPARE_DIFFERENT)
        add(reasons, pair, NULL, "content");
}

static void add_all(struct reasons *reasons, const struct compare_tree *tree)
{
    reasons->count = 0;
    for (size_t i = 0; i < tree->pair_count; i++)
        add_pair(reasons, &tree->pairs[i]);
}

/* ---- Grouping ---- */

/* What is not known stands last. */
static int text_order(const char *a, const char *b)
{
    return a == NULL || b == NULL ? (a == NULL) - (b == NULL) : strcmp(a, b);
}

static int group_order(const struct reason *a, const struct reason *b)
{
    int order = text_order(a->cause, b->cause);
    if (order == 0)
        order = text_order(a->key, b->key);
    return order != 0 || a->cause != NULL ? order : strcmp(a->what, b->what);
}

static int by_group(const void *a, const void *b)
{
    const struct reason *one = a, *other = b;
    int order = group_order(one, other);
    if (order == 0)
        order = strcmp(one->path, other->path);
    return order != 0 ? order : strcmp(one->what, other->what);
}

static int by_files(const void *a, const void *b)
{
    const struct group *one = a, *other = b;
    if (one->files != other->files)
        return one->files > other->files ? -1 : 1;
    return by_group(one->first, other->first);
}

static size_t make_groups(const struct reasons *reasons, struct group *groups)
{
    size_t count = 0;
    for (size_t i = 0; i < reasons->count; i++) {
        const struct reason *reason = &reasons->list[i];
        bool fresh = i == 0 || group_order(reason - 1, reason) != 0;
        if (fresh)
            groups[count++] = (struct group){.first = reason};
        groups[count - 1].files += fresh || strcmp(reason[-1].path, reason->path) != 0;
    }
    qsort(groups, count, sizeof(*groups), by_files);
    return count;
}

/* ---- Writing ---- */

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *cut_text(const char *text, size_t most)
{
    char buffer[MESSAGE_MOST + 1];
    bool cut = strlen(text) > most;
    snprintf(buffer, sizeof(buffer), "%.*s%s", (int)(cut ? most - 3 : most), text, cut ? "..." : "");
    return json_string(buffer);
}

static json_t *group_object(const struct group *group)
{
    const struct reason *first = group->first;
    return json_pack("{s:o,s:o,s:o,s:o}", "cause", first->cause != NULL ? json_string(first->cause) : json_null(),
                     "what", cut_text(first->what, WHAT_MOST), "place", cut_text(first->path, PLACE_MOST), "files",
                     number(group->files));
}

static json_t *groups_array(const struct group *groups, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count && i < ROOTS_MOST && array != NULL; i++) {
        if (json_array_append_new(array, group_object(&groups[i])) == 0)
            continue;
        json_decref(array);
        array = NULL;
    }
    return array;
}

static json_t *members_object(const struct compare_tree *tree)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "identical", number(tree->counts[COMPARE_IDENTICAL]), "equivalent",
                     number(tree->counts[COMPARE_EQUIVALENT]), "different", number(tree->counts[COMPARE_DIFFERENT]),
                     "inconclusive", number(tree->counts[COMPARE_INCONCLUSIVE]), "alone",
                     line_pair(tree->alone[0], tree->alone[1]), "bytes",
                     line_pair(tree->tally[0].size, tree->tally[1].size));
}

static json_t *anomalies_pair(const struct compare_tree *tree)
{
    uint64_t counts[2] = {0, 0};
    for (size_t i = 0; i < tree->pair_count; i++) {
        for (size_t k = 0; k < tree->pairs[i].anomaly_count; k++)
            counts[tree->pairs[i].anomalies[k].rebuilt]++;
    }
    return line_pair(counts[0], counts[1]);
}

static json_t *incomplete_text(const struct compare_tree *tree)
{
    uint64_t left_out = 0;
    for (size_t i = 0; i < tree->pair_count; i++)
        left_out += tree->pairs[i].roots_left_out;
    return left_out > 0 ? json_sprintf("of files with many roots, %ju are not listed", (uintmax_t)left_out)
                        : json_null();
}

/* ---- What went wrong ---- */

/* It came of something that may be gone the next time. */
static bool may_pass(int status)
{
    return status == COMPARE_ERROR_SYSTEM || status == COMPARE_ERROR_CHANGED || status == COMPARE_ERROR_CRASHED ||
           status == COMPARE_ERROR_MEMORY || status == COMPARE_ERROR_INTERRUPTED;
}

/* The first by its path; before all others, one that may end otherwise another time: this decides whether it is tried. */
static const struct tree_pair *first_failure(const struct compare_tree *tree)
{
    const struct tree_pair *first = NULL;
    for (size_t i = 0; i < tree->pair_count; i++) {
        const struct tree_pair *pair = &tree->pairs[i];
        /* One that differs in its metadata has failed as well, where its content could not be judged. */
        if (pair->status == 0)
            continue;
        int order = first != NULL ? may_pass(first->status) - may_pass(pair->status) : -1;
        if (order < 0 || (order == 0 && strcmp(pair->path, first->path) < 0))
            first = pair;
    }
    return first;
}

static json_t *error_object(const struct tree_pair *failed)
{
    char message[MESSAGE_MOST * 2];
    if (failed == NULL)
        return json_null();
    /* The whole has no name but the file's. */
    bool named = failed->holder == SIZE_MAX || strstr(failed->error, failed->path) != NULL;
    snprintf(message, sizeof(message), "%.900s%s%s", named ? "" : failed->path, named ? "" : ": ", failed->error);
    return json_pack("{s:s,s:o}", "kind", compare_status_name(failed->status), "message",
                     cut_text(message, MESSAGE_MOST));
}

/* Where the verdict stands: what another run may tell beyond this one. */
static json_t *lost_kind(const struct compare_tree *tree)
{
    const struct tree_pair *failed = first_failure(tree);
    int lost = failed != NULL && may_pass(failed->status) ? failed->status : 0;
    for (size_t i = 0; i < tree->pair_count && !may_pass(lost); i++) {
        int status = tree->pairs[i].unexplained;
        if (lost == 0 || may_pass(status))
            lost = status;
    }
    return lost != 0 ? json_string(compare_status_name(lost)) : json_null();
}

static json_t *line_of(const struct compare_tree *tree, const struct group *groups, size_t count)
{
    bool decided = tree->verdict != COMPARE_INCONCLUSIVE;
    json_t *sides[2];
    for (int side = 0; side < 2; side++)
        sides[side] = line_side(tree->digested[side] ? tree->digest[side] : NULL, tree->file_size[side]);
    return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "verdict", compare_verdict_name(tree->verdict),
                     "vendor", sides[0], "rebuilt", sides[1], "members", members_object(tree), "tally",
                     decided ? line_tally(&tree->tally[0], &tree->tally[1]) : json_null(), "anomalies",
                     anomalies_pair(tree), "roots", groups_array(groups, count), "more_roots",
                     number(count > ROOTS_MOST ? count - ROOTS_MOST : 0), "incomplete", incomplete_text(tree),
                     "explanation_lost", decided ? lost_kind(tree) : json_null(), "error",
                     decided ? json_null() : error_object(first_failure(tree)));
}

int compare_tree_report_line(const struct compare_tree *tree, FILE *out, struct compare_error *error)
{
    struct reasons reasons = {0};
    if (tree->interrupted)
        return error_set(error, COMPARE_ERROR_INTERRUPTED, tree->vendor_path, "interrupted: not all was compared");
    add_all(&reasons, tree);
    struct group *groups = malloc((reasons.count + 1) * sizeof(*groups));
    reasons.list = malloc((reasons.count + 1) * sizeof(*reasons.list));
    json_t *line = NULL;
    if (groups != NULL && reasons.list != NULL) {
        add_all(&reasons, tree);
        qsort(reasons.list, reasons.count, sizeof(*reasons.list), by_group);
        line = line_of(tree, groups, make_groups(&reasons, groups));
    }
    bool written = line != NULL && json_dumpf(line, out, DUMP) == 0 && fputc('\n', out) != EOF && fflush(out) == 0;
    int status = line == NULL ? COMPARE_ERROR_MEMORY : written ? 0 : COMPARE_ERROR_SYSTEM;
    json_decref(line);
    free(reasons.list);
    free(groups);
    return status == 0 ? 0 : error_set(error, status, NULL, line == NULL ? "no memory" : "cannot write the line");
}
