/*
 * What the pairs come to: counts, the tally of all files, roots grouped over them, and the verdict. A proven difference
 * stands, whatever else could not be decided: the whole is different; else one pair that is inconclusive makes it so; what a
 * rule set aside anywhere makes it equivalent at most, and where something is odd it is not even that.
 */
#include <stdlib.h>
#include <string.h>

#include "tree.h"

static void add_tally(struct tally *to, const struct tally *from)
{
    to->size += from->size;
    to->identical += from->identical;
    to->set_aside += from->set_aside;
    to->unexplained += from->unexplained;
    for (size_t i = 0; i < RULE_COUNT; i++)
        to->by_rule[i] += from->by_rule[i];
}

/* Of what has no tally of its own, nothing is known but that it is equal, or alone, or failed. */
static void add_bytes(struct compare_tree *tree, const struct tree_pair *pair)
{
    for (int side = 0; side < 2; side++) {
        struct tally whole = {.size = pair->size[side]};
        if (pair->tally != NULL) {
            add_tally(&tree->tally[side], &pair->tally[side]);
            continue;
        }
        bool equal = pair->own == COMPARE_IDENTICAL ||
                     (pair->own != COMPARE_INCONCLUSIVE && pair->pairing < ONLY_VENDOR && !pair->container);
        whole.identical = equal ? whole.size : 0;
        whole.unexplained = equal ? 0 : whole.size;
        if (!pair->container || pair->own == COMPARE_INCONCLUSIVE || pair->own == COMPARE_IDENTICAL)
            add_tally(&tree->tally[side], &whole);
    }
}

static void add_pair(struct compare_tree *tree, const struct tree_pair *pair)
{
    if (pair->pairing == ONLY_VENDOR || pair->pairing == ONLY_REBUILT)
        tree->alone[pair->pairing == ONLY_REBUILT]++;
    else
        tree->counts[pair->own]++;
    for (size_t i = 0; i < pair->fact_count; i++)
        tree->facts_by_rule[pair->facts[i].rule]++;
    tree->anomaly_count += pair->anomaly_count;
    add_bytes(tree, pair);
}

static enum compare_verdict verdict_of(const struct compare_tree *tree)
{
    bool unexplained = tree->facts_by_rule[RULE_COUNT] > 0 || tree->alone[0] + tree->alone[1] > 0;
    bool aside = tree->counts[COMPARE_EQUIVALENT] > 0;
    if (tree->counts[COMPARE_DIFFERENT] > 0 || unexplained)
        return COMPARE_DIFFERENT;
    if (tree->counts[COMPARE_INCONCLUSIVE] > 0 || tree->interrupted)
        return COMPARE_INCONCLUSIVE;
    for (size_t i = 0; i < RULE_COUNT; i++)
        aside |= tree->facts_by_rule[i] > 0 || tree->tally[0].by_rule[i] + tree->tally[1].by_rule[i] > 0;
    /* No byte may be left over that a pair's verdict does not tell of. */
    if ((aside && tree->anomaly_count > 0) || tree->tally[0].unexplained + tree->tally[1].unexplained > 0)
        return COMPARE_DIFFERENT;
    return aside ? COMPARE_EQUIVALENT : COMPARE_IDENTICAL;
}

/* ---- Roots of all files ---- */

struct grouped {
    const struct tree_root *root;
    size_t pair;
};

static int text_order(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

static int by_cause(const void *a, const void *b)
{
    const struct grouped *one = a, *other = b;
    int order = text_order(one->root->cause, other->root->cause);
    if (order == 0)
        order = text_order(one->root->key, other->root->key);
    return order != 0 ? order : one->pair < other->pair ? -1 : one->pair > other->pair;
}

static int by_files(const void *a, const void *b)
{
    const struct tree_group *one = a, *other = b;
    if (one->file_count != other->file_count)
        return one->file_count > other->file_count ? -1 : 1;
    int order = text_order(one->cause, other->cause);
    return order != 0 ? order : text_order(one->key, other->key);
}

static bool same_group(const struct grouped *a, const struct grouped *b)
{
    return text_order(a->root->cause, b->root->cause) == 0 && text_order(a->root->key, b->root->key) == 0;
}

static void make_groups(struct compare_tree *tree, const struct grouped *roots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tree_group *group = tree->group_count > 0 ? &tree->groups[tree->group_count - 1] : NULL;
        bool fresh = i == 0 || !same_group(&roots[i - 1], &roots[i]);
        if (fresh) {
            group = &tree->groups[tree->group_count++];
            *group = (struct tree_group){
                .cause = roots[i].root->cause, .key = roots[i].root->key, .first = tree->pairs[roots[i].pair].path};
        }
        group->file_count += fresh || roots[i].pair != roots[i - 1].pair;
        group->differing += roots[i].root->differing;
    }
}

static int group_roots(struct compare_tree *tree, struct compare_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < tree->pair_count; i++)
        count += tree->pairs[i].root_count;
    struct grouped *roots = malloc((count + 1) * sizeof(*roots));
    tree->groups = arena_alloc(&tree->arena, count + 1, sizeof(*tree->groups));
    if (roots == NULL || tree->groups == NULL) {
        free(roots);
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    }
    count = 0;
    for (size_t i = 0; i < tree->pair_count; i++) {
        for (size_t k = 0; k < tree->pairs[i].root_count; k++)
            roots[count++] = (struct grouped){&tree->pairs[i].roots[k], i};
    }
    qsort(roots, count, sizeof(*roots), by_cause);
    make_groups(tree, roots, count);
    qsort(tree->groups, tree->group_count, sizeof(*tree->groups), by_files);
    free(roots);
    return 0;
}

int tree_sum_up(struct compare_tree *tree, struct compare_error *error)
{
    if (tree->arena.exhausted)
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    for (size_t i = 0; i < tree->pair_count; i++)
        add_pair(tree, &tree->pairs[i]);
    tree->verdict = verdict_of(tree);
    return group_roots(tree, error);
}

const char *tree_pairing_name(enum tree_pairing pairing)
{
    static const char *const names[TREE_PAIRINGS] = {
        [PAIRED_BY_PATH] = "path",         [PAIRED_BY_MAP] = "map",   [PAIRED_BY_CONTENT] = "content",
        [PAIRED_BY_BUILD_ID] = "build-id", [PAIRED_BY_NAME] = "name", [ONLY_VENDOR] = "only-vendor",
        [ONLY_REBUILT] = "only-rebuilt",
    };
    return names[pairing];
}

enum compare_verdict compare_tree_verdict(const struct compare_tree *tree)
{
    return tree != NULL ? tree->verdict : COMPARE_INCONCLUSIVE;
}

bool compare_tree_interrupted(const struct compare_tree *tree)
{
    return tree->interrupted;
}

void compare_tree_free(struct compare_tree *tree)
{
    if (tree == NULL)
        return;
    compare_policy_free(tree->own_policy);
    arena_free(&tree->arena);
    free(tree);
}
