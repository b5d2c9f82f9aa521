/* The options of confinement, and the worker process in which every command reads its files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static bool parse_size(const char *text, uint64_t *value)
{
    static const char suffixes[] = "kMGT";
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *value == 0)
        return false;
    const char *suffix = *end != '\0' ? strchr(suffixes, *end) : NULL;
    if (suffix != NULL && end[1] == '\0')
        return !__builtin_mul_overflow(*value, UINT64_C(1) << 10 * (suffix - suffixes + 1), value);
    return *end == '\0';
}

static int unknown_limit(const char *text)
{
    char names[200] = "";
    const struct compare_limit_info *limit;
    for (size_t i = 0; (limit = compare_limit_at(i)) != NULL; i++) {
        strncat(names, i > 0 ? ", " : "", sizeof(names) - strlen(names) - 1);
        strncat(names, limit->name, sizeof(names) - strlen(names) - 1);
    }
    return usage_error("--limit wants NAME=VALUE, NAME one of %s: %s", names, text);
}

int sandbox_option(struct sandbox *sandbox, int option, const char *argument)
{
    char name[32];
    uint64_t value;
    sandbox->limits.size = sizeof(sandbox->limits);
    if (option == OPTION_NO_SANDBOX) {
        sandbox->off = true;
        return 0;
    }
    const char *equals = strchr(argument, '=');
    if (equals == NULL || (size_t)(equals - argument) >= sizeof(name))
        return unknown_limit(argument);
    memcpy(name, argument, (size_t)(equals - argument));
    name[equals - argument] = '\0';
    if (!parse_size(equals + 1, &value))
        return usage_error("--limit %s wants a number from 1, with k, M, G or T behind it: %s", name, equals + 1);
    return compare_limit_set(&sandbox->limits, name, value) == 0 ? 0 : unknown_limit(argument);
}

struct compare_options sandbox_options(const struct sandbox *sandbox, const struct compare_policy *policy)
{
    return (struct compare_options){.size = sizeof(struct compare_options),
                                    .policy = policy,
                                    .confine = !sandbox->off,
                                    .worker = true,
                                    .limits = &sandbox->limits};
}

void sandbox_warn(const struct sandbox *sandbox)
{
    if (sandbox->off && !sandbox->told)
        fputs("elftally: warning: --no-sandbox: a crafted file that takes over the program has all its rights\n",
              stderr);
}

int sandbox_run(const struct sandbox *sandbox, const char *const *files,
                int (*run)(void *argument, int *outcome, struct compare_error *error), void *argument, int *outcome,
                struct compare_error *error)
{
    struct compare_work work = {
        .what = files[0], .files = files, .limits = &sandbox->limits, .run = run, .argument = argument};
    sandbox_warn(sandbox);
    fflush(NULL);
    return compare_in_worker(&work, outcome, error);
}
