/* elftally causes [ID]: the table of causes, or one of them explained. */
#include <jansson.h>
#include <string.h>

#include "command.h"

static void list_causes(void)
{
    const struct compare_cause_info *cause;
    printf("%-22s %-5s %s\n", "cause", "runs", "why two builds of one source differ");
    for (size_t i = 0; (cause = compare_cause_at(i)) != NULL; i++)
        printf("%-22s %-5s %s\n", cause->id, cause->code ? "CODE" : "", cause->title);
    printf("\nCODE: it changes what runs. No cause excuses a byte.\nelftally causes ID explains one of them.\n");
}

static void explain_cause(const struct compare_cause_info *cause)
{
    printf("%s%s\n\n", cause->id, cause->code ? " (CODE: it changes what runs)" : "");
    printf("cause        %s\n", cause->title);
    printf("shows in     %s\n", cause->footprint);
    printf("evidence     %s\n", cause->evidence);
    printf("remedy       %s\n", cause->remedy);
    if (cause->debian != NULL)
        printf("Debian       %s\n", cause->debian);
}

static json_t *cause_object(const struct compare_cause_info *cause)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s?,s:b}", "id", cause->id, "title", cause->title, "footprint",
                     cause->footprint, "evidence", cause->evidence, "remedy", cause->remedy, "debian", cause->debian,
                     "code", cause->code);
}

static int print_json(const struct compare_cause_info *only)
{
    json_t *causes = json_array();
    const struct compare_cause_info *cause;
    for (size_t i = 0; (cause = compare_cause_at(i)) != NULL; i++) {
        if (only == NULL || only == cause)
            json_array_append_new(causes, cause_object(cause));
    }
    int failed = json_dumpf(causes, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER) != 0 || putchar('\n') == EOF;
    json_decref(causes);
    return failed;
}

static const struct compare_cause_info *find_cause(const char *id)
{
    const struct compare_cause_info *cause = NULL;
    for (size_t i = 0; (cause = compare_cause_at(i)) != NULL && strcmp(cause->id, id) != 0; i++)
        ;
    return cause;
}

static int run_causes(int argc, char **argv)
{
    const struct compare_cause_info *only = NULL;
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(command_causes.usage, stdout);
            return 0;
        }
        bool format = strcmp(argv[i], "--format") == 0 || strcmp(argv[i], "-f") == 0;
        if (format && i + 1 < argc && (strcmp(argv[i + 1], "json") == 0 || strcmp(argv[i + 1], "text") == 0))
            json = strcmp(argv[++i], "json") == 0;
        else if (argv[i][0] == '-' || only != NULL)
            return usage_error("causes takes one ID and --format text or json");
        else if ((only = find_cause(argv[i])) == NULL) {
            char id[64];
            snprintf(id, sizeof(id), "%s", argv[i]);
            return fail("no such cause: %s (elftally causes lists them)", strpbrk(id, "\n\r\x1b") == NULL ? id : "?");
        }
    }
    int failed = 0;
    if (json)
        failed = print_json(only);
    else if (only != NULL)
        explain_cause(only);
    else
        list_causes();
    return failed || fflush(stdout) != 0 || ferror(stdout) ? fail("cannot write to standard output") : 0;
}

const struct command command_causes = {
    .name = "causes",
    .usage = "elftally causes [ID] [--format text|json]\n"
             "    Lists the known causes of differences, or explains one.\n",
    .run = run_causes,
};
