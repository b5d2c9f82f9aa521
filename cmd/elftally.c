/* elftally: the thin command line of libcompare. Finds the command, and says what went wrong. */
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

static const struct command *const commands[] = {&command_compare, &command_rules,  &command_causes, &command_normalise,
                                                 &command_digest,  &command_verify, &command_batch,  &command_merge};

static const char general_help[] =
    "elftally: is this shipped ELF binary what this source code builds?\n"
    "\n"
    "Usage: elftally [OPTIONS] VENDOR REBUILT\n"
    "       elftally COMMAND ...\n"
    "\n"
    "Exit status: 0 identical or equivalent, 1 different, 2 trouble (unreadable, malformed, inconclusive).\n";

int fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("elftally: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return EXIT_TROUBLE;
}

int fail_with(const struct compare_error *error)
{
    return fail("%s", error->message);
}

void give_up(const char *message)
{
    output_abandon();
    _exit(fail("%s", message));
}

int usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("elftally: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs(" (elftally --help shows the usage)\n", stderr);
    va_end(arguments);
    return EXIT_TROUBLE;
}

int finish_printing(void)
{
    return fflush(stdout) != 0 || ferror(stdout) ? fail("cannot write to standard output") : 0;
}

int print_usage(const struct command *command)
{
    fputs(command->usage, stdout);
    return finish_printing();
}

void print_escaped(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7f || byte == '\\')
            printf("\\x%02x", byte);
        else
            putchar(byte);
    }
}

struct compare_policy *open_policy(const char *name_or_path)
{
    struct compare_policy *policy = NULL;
    struct compare_error error;
    if (compare_policy_open(name_or_path, &policy, &error) != 0)
        fail_with(&error);
    return policy;
}

static int print_help(void)
{
    fputs(general_help, stdout);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        printf("\n%s", commands[i]->usage);
    printf("\nEvery command that reads files does so in a process without rights:\n"
           "      --limit NAME=VALUE  changes a limit; hitting one is inconclusive, or costs the explanation\n"
           "      --no-sandbox        keeps the rights, with a warning\n"
           "Limits:\n");
    for (size_t i = 0; compare_limit_at(i) != NULL; i++)
        printf("  %-13s %s, in %s\n", compare_limit_at(i)->name, compare_limit_at(i)->help, compare_limit_at(i)->unit);
    return finish_printing();
}

/* Jansson may free twice, or lose a byte, when there is no memory: it is never told. */
static void *memory_or_exit(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL)
        give_up("no memory");
    return memory;
}

int main(int argc, char **argv)
{
    json_set_alloc_funcs(memory_or_exit, free);
    if (argc < 2)
        return usage_error("two files are needed");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return print_help();
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("elftally %s\n", compare_version());
        return finish_printing();
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i]->run(argc - 1, argv + 1);
    }
    return command_compare.run(argc, argv);
}
