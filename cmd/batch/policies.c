/* The policies of a manifest: opened before any work begins, so that one that cannot be read costs no hours. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

static struct named_policy *find(const struct policies *policies, const char *name)
{
    name = name != NULL ? name : policies->usual;
    for (size_t i = 0; i < policies->count; i++) {
        if (strcmp(policies->list[i].name, name) == 0)
            return &policies->list[i];
    }
    return NULL;
}

const struct named_policy *policies_find(const struct policies *policies, const char *name)
{
    return find(policies, name);
}

static int open_one(struct named_policy *named, struct compare_error *error)
{
    char text[KEY_TEXT];
    struct key digest;
    int status = compare_policy_open(named->name, &named->policy, error);
    if (status == 0)
        status = compare_policy_digest(named->policy, digest.bytes, error);
    if (status != 0)
        return status;
    named->object =
        json_pack("{s:s,s:s}", "name", compare_policy_name(named->policy), "sha256", key_text(&digest, text));
    if (named->object == NULL) {
        say(error, named->name, "its name is not UTF-8");
        return COMPARE_ERROR_POLICY;
    }
    return 0;
}

static int add(struct policies *policies, const char *name, const char *manifest, size_t line)
{
    struct compare_error error;
    struct named_policy *larger = realloc(policies->list, (policies->count + 1) * sizeof(*larger));
    char *copy = strdup(name);
    if (larger == NULL || copy == NULL)
        give_up("no memory");
    policies->list = larger;
    policies->list[policies->count] = (struct named_policy){.name = copy};
    if (open_one(&policies->list[policies->count++], &error) == 0)
        return 0;
    return line > 0 ? fail("%s: line %zu: %s", manifest, line, error.message) : fail_with(&error);
}

int policies_open(struct policies *policies, const struct batch *batch, const struct manifest *manifest)
{
    int status = 0;
    *policies = (struct policies){.usual = batch->policy};
    status = add(policies, batch->policy, NULL, 0);
    for (size_t i = 0; i < manifest_count(manifest) && status == 0; i++) {
        struct pair pair;
        manifest_pair(manifest, i, &pair);
        if (find(policies, pair.policy) == NULL)
            status = add(policies, pair.policy, batch->manifest, manifest_line(manifest, i));
        pair_free(&pair);
    }
    return status;
}

void policies_close(struct policies *policies)
{
    for (size_t i = 0; i < policies->count; i++) {
        free(policies->list[i].name);
        compare_policy_free(policies->list[i].policy);
        json_decref(policies->list[i].object);
    }
    free(policies->list);
}
