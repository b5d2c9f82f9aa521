/* elftally rules [ID]: the table of rules, or one of them explained. */
#include <jansson.h>
#include <string.h>

#include "command.h"

static void list_rules(void)
{
    const struct compare_rule_info *rule;
    printf("%-20s %-8s %s\n", "rule", "tier", "what it may set aside");
    for (size_t i = 0; (rule = compare_rule_at(i)) != NULL; i++)
        printf("%-20s %-8s %s\n", rule->id, rule->tier, rule->hides);
    printf("\nelftally rules ID explains one of them.\n");
}

static void explain_rule(const struct compare_rule_info *rule)
{
    printf("%s (tier %s; policy standard %s it)\n\n", rule->id, rule->tier,
           rule->in_standard ? "accepts" : "does not accept");
    printf("sets aside   %s\n", rule->hides);
    printf("verifies     %s\n", rule->verifies);
    printf("reason       %s\n", rule->reason);
    printf("unsound if   %s\n", rule->unsound);
    printf("source       %s\n", rule->source);
}

static json_t *rule_object(const struct compare_rule_info *rule)
{
    return json_pack("{s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:s}", "id", rule->id, "tier", rule->tier, "in_standard",
                     rule->in_standard, "sets_aside", rule->hides, "verifies", rule->verifies, "reason", rule->reason,
                     "unsound_if", rule->unsound, "source", rule->source);
}

static int print_json(const struct compare_rule_info *only)
{
    json_t *rules = json_array();
    const struct compare_rule_info *rule;
    int failed = 0;
    for (size_t i = 0; (rule = compare_rule_at(i)) != NULL; i++) {
        if ((only == NULL || only == rule) && json_array_append_new(rules, rule_object(rule)) != 0)
            failed = 1;
    }
    failed = failed || json_dumpf(rules, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER) != 0 || putchar('\n') == EOF;
    json_decref(rules);
    return failed;
}

static const struct compare_rule_info *find_rule(const char *id)
{
    const struct compare_rule_info *rule = NULL;
    for (size_t i = 0; (rule = compare_rule_at(i)) != NULL && strcmp(rule->id, id) != 0; i++)
        ;
    return rule;
}

static int run_rules(int argc, char **argv)
{
    const struct compare_rule_info *only = NULL;
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return print_usage(&command_rules);
        bool format = strcmp(argv[i], "--format") == 0 || strcmp(argv[i], "-f") == 0;
        if (format && i + 1 < argc && (strcmp(argv[i + 1], "json") == 0 || strcmp(argv[i + 1], "text") == 0))
            json = strcmp(argv[++i], "json") == 0;
        else if (argv[i][0] == '-' || only != NULL)
            return usage_error("rules takes one ID and --format text or json");
        else if ((only = find_rule(argv[i])) == NULL)
            return fail("no such rule: %s (elftally rules lists them)", argv[i]);
    }
    int failed = 0;
    if (json)
        failed = print_json(only);
    else if (only != NULL)
        explain_rule(only);
    else
        list_rules();
    return failed ? fail("cannot write to standard output") : finish_printing();
}

const struct command command_rules = {
    .name = "rules",
    .usage = "elftally rules [ID] [--format text|json]\n"
             "    Lists the rules, or explains one.\n",
    .run = run_rules,
};
