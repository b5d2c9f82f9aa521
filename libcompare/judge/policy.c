/*
 * Policies: the built-in ones and those in files. A file is a JSON object with "name" and "rules", each rule an object
 * with "rule" and "reason". What is not understood is an error: a misspelt rule must not pass for a decision.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

/* A policy file is written by hand; whatever is larger is something else. */
#define POLICY_NAME_LIMIT 200

static struct compare_policy *policy_new(const char *name)
{
    struct compare_policy *policy = calloc(1, sizeof(*policy));
    if (policy != NULL)
        policy->name = strdup(name);
    if (policy != NULL && policy->name == NULL) {
        free(policy);
        policy = NULL;
    }
    return policy;
}

void compare_policy_free(struct compare_policy *policy)
{
    if (policy == NULL)
        return;
    for (size_t i = 0; i < RULE_COUNT; i++)
        free(policy->reasons[i]);
    free(policy->name);
    free(policy);
}

const char *compare_policy_name(const struct compare_policy *policy)
{
    return policy->name;
}

static int no_memory(struct compare_error *error, const char *path)
{
    return error_set(error, COMPARE_ERROR_MEMORY, path, "no memory");
}

/* Each text with its NUL, so that no two policies come to the same bytes. */
int compare_policy_digest(const struct compare_policy *policy, uint8_t digest[32], struct compare_error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        return no_memory(error, NULL);
    bool failed = fwrite(policy->name, strlen(policy->name) + 1, 1, stream) != 1;
    for (size_t i = 0; i < RULE_COUNT && !failed; i++) {
        const char *id = compare_rule_at(i)->id;
        if (policy->rules.accepted[i])
            failed = fwrite(id, strlen(id) + 1, 1, stream) != 1 ||
                     fwrite(policy->reasons[i], strlen(policy->reasons[i]) + 1, 1, stream) != 1;
    }
    failed |= fclose(stream) != 0;
    int status = failed                       ? no_memory(error, NULL)
                 : sha256(text, size, digest) ? 0
                                              : error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot compute SHA-256");
    free(text);
    return status;
}

static bool policy_accept(struct compare_policy *policy, enum rule_index rule, const char *reason)
{
    policy->rules.accepted[rule] = true;
    policy->reasons[rule] = strdup(reason);
    return policy->reasons[rule] != NULL;
}

static bool is_built_in(const char *name)
{
    return strcmp(name, "exact") == 0 || strcmp(name, "standard") == 0 || strcmp(name, "semantic") == 0;
}

struct compare_policy *policy_built_in(const char *name)
{
    bool semantic = strcmp(name, "semantic") == 0, standard = semantic || strcmp(name, "standard") == 0;
    if (!is_built_in(name))
        return NULL;
    struct compare_policy *policy = policy_new(name);
    for (size_t i = 0; policy != NULL && standard && i < RULE_COUNT; i++) {
        const struct compare_rule_info *info = compare_rule_at(i);
        bool accepted = info->in_standard || (semantic && strcmp(info->tier, "moved") == 0);
        if (accepted && !policy_accept(policy, (enum rule_index)i, info->reason)) {
            compare_policy_free(policy);
            policy = NULL;
        }
    }
    return policy;
}

static int refuse(struct compare_error *error, const char *path, const char *what, const char *which)
{
    char shown[128];
    return error_set(error, COMPARE_ERROR_POLICY, path, "%s%s%s%s", what, which != NULL ? " '" : "",
                     which != NULL ? escape_text(shown, sizeof(shown), which) : "", which != NULL ? "'" : "");
}

/* The key that is not one of these two, if any. */
static const char *unknown_key(json_t *object, const char *first, const char *second)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (strcmp(key, first) != 0 && strcmp(key, second) != 0)
            return key;
    }
    return NULL;
}

static int read_rule(struct compare_policy *policy, json_t *entry, const char *path, struct compare_error *error)
{
    if (!json_is_object(entry))
        return refuse(error, path, "each of \"rules\" must be an object with \"rule\" and \"reason\"", NULL);
    const char *unknown = unknown_key(entry, "rule", "reason");
    const char *id = json_string_value(json_object_get(entry, "rule"));
    const char *reason = json_string_value(json_object_get(entry, "reason"));
    if (unknown != NULL)
        return refuse(error, path, "unknown key in a rule:", unknown);
    if (id == NULL)
        return refuse(error, path, "a rule without \"rule\", the rule's ID", NULL);
    enum rule_index rule = rule_named(id);
    if (rule == RULE_COUNT)
        return refuse(error, path, "no such rule:", id);
    if (reason == NULL || reason[strspn(reason, " \t\n")] == '\0')
        return refuse(error, path, "a reason is missing for rule", id);
    if (policy->rules.accepted[rule])
        return refuse(error, path, "this rule is given twice:", id);
    return policy_accept(policy, rule, reason) ? 0 : no_memory(error, path);
}

static int read_policy(json_t *root, const char *path, struct compare_policy **out, struct compare_error *error)
{
    const char *unknown = json_is_object(root) ? unknown_key(root, "name", "rules") : NULL;
    const char *name = json_string_value(json_object_get(root, "name"));
    json_t *rules = json_object_get(root, "rules");
    if (!json_is_object(root))
        return refuse(error, path, "a policy is a JSON object with \"name\" and \"rules\"", NULL);
    if (unknown != NULL)
        return refuse(error, path, "unknown key", unknown);
    if (name == NULL || name[0] == '\0' || strlen(name) > POLICY_NAME_LIMIT)
        return refuse(error, path, "\"name\" must be a string of 1 to 200 bytes", NULL);
    if (is_built_in(name) || strcmp(name, "semantic") == 0)
        return refuse(error, path, "a built-in policy has this name:", name);
    if (!json_is_array(rules))
        return refuse(error, path, "\"rules\" must be a list", NULL);
    *out = policy_new(name);
    int status = *out != NULL ? 0 : no_memory(error, path);
    for (size_t i = 0; i < json_array_size(rules) && status == 0; i++)
        status = read_rule(*out, json_array_get(rules, i), path, error);
    return status;
}

/* The policy of a parsed text, whose ownership it takes; NULL where the text is no JSON. */
static int policy_of(json_t *root, const json_error_t *json_error, const char *path, struct compare_policy **policy,
                     struct compare_error *error)
{
    *policy = NULL;
    if (root == NULL) {
        char shown[200];
        /* Jansson has no word for it. */
        if (json_error->text[0] == '\0')
            return no_memory(error, path);
        escape_text(shown, sizeof(shown), json_error->text);
        return error_set(error, COMPARE_ERROR_POLICY, path, "line %d, column %d: %s", json_error->line,
                         json_error->column, shown);
    }
    int status = read_policy(root, path, policy, error);
    json_decref(root);
    if (status != 0) {
        compare_policy_free(*policy);
        *policy = NULL;
    }
    return status;
}

int policy_read(const char *text, size_t size, const char *path, struct compare_policy **policy,
                struct compare_error *error)
{
    json_error_t json_error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &json_error);
    return policy_of(root, &json_error, path, policy, error);
}

int compare_policy_open(const char *name_or_path, struct compare_policy **policy, struct compare_error *error)
{
    *policy = policy_built_in(name_or_path);
    /* Where there is no memory for one that is built in, a file of its name is not taken for it. */
    if (is_built_in(name_or_path))
        return *policy != NULL ? 0 : no_memory(error, name_or_path);
    FILE *file = fopen(name_or_path, "re");
    if (file == NULL)
        return error_set(error, COMPARE_ERROR_POLICY, name_or_path,
                         "neither a built-in policy (exact, standard) nor a policy file: %s", strerror(errno));
    json_error_t json_error;
    json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &json_error);
    bool failed = ferror(file) != 0;
    fclose(file);
    int status = policy_of(root, &json_error, name_or_path, policy, error);
    if (!failed)
        return status;
    /* Jansson takes it for the end of the file. */
    compare_policy_free(*policy);
    *policy = NULL;
    return refuse(error, name_or_path, "cannot be read", NULL);
}
