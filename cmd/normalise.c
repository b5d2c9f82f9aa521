/* elftally normalise and elftally digest: one file's normal form, and its SHA-256. */
#include <getopt.h>
#include <string.h>

#include "command.h"

static const struct option long_options[] = {
    {"policy", required_argument, NULL, 'p'},
    {"output", required_argument, NULL, 'o'},
    SANDBOX_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* getopt's permutation lets -o stand behind the file. */
static int parse(int argc, char **argv, const char *options, const struct command *command, const char **policy,
                 const char **output, struct sandbox *sandbox)
{
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, options, long_options, NULL)) != -1) {
        if (option == 'p')
            *policy = optarg;
        else if (option == 'o' && output != NULL)
            *output = optarg;
        else if (option == 'h')
            return print_usage(command) == 0 ? -1 : EXIT_TROUBLE;
        else if (option == OPTION_LIMIT || option == OPTION_NO_SANDBOX) {
            if (sandbox_option(sandbox, option, optarg) != 0)
                return EXIT_TROUBLE;
        } else
            return usage_error("%s: unknown option, or one without its value: %s", command->name, argv[optind - 1]);
    }
    return 0;
}

struct one_file {
    const struct sandbox *sandbox;
    const struct compare_policy *policy;
    const char *path;
    FILE *out;
};

static int normalise_in_sandbox(void *argument, int *outcome, struct compare_error *error)
{
    const struct one_file *job = argument;
    struct compare_options options = sandbox_options(job->sandbox, job->policy);
    int status = compare_normalise(job->path, &options, job->out, error);
    *outcome = status == 0;
    return status;
}

static int run_normalise(int argc, char **argv)
{
    const char *policy_name = "standard", *path = NULL;
    struct sandbox sandbox = {0};
    struct compare_error error;
    struct output output;
    int outcome, status = parse(argc, argv, "p:o:h", &command_normalise, &policy_name, &path, &sandbox);
    if (status != 0)
        return status < 0 ? 0 : status;
    if (argc - optind != 1 || path == NULL)
        return usage_error("normalise wants one FILE and -o OUT");
    struct compare_policy *policy = open_policy(policy_name);
    const char *inputs[] = {argv[optind], NULL};
    if (policy == NULL)
        return EXIT_TROUBLE;
    status = output_open(&output, path, inputs);
    if (status == 0) {
        struct one_file job = {&sandbox, policy, argv[optind], output.stream};
        bool done = sandbox_run(&sandbox, inputs, normalise_in_sandbox, &job, &outcome, &error) == 0;
        if (!done)
            fail_with(&error);
        status = output_close(&output, done) != 0 || !done ? EXIT_TROUBLE : 0;
    }
    compare_policy_free(policy);
    return status;
}

/* As sha256sum prints it; the name is escaped, for it may hold anything. */
static int digest_in_sandbox(void *argument, int *outcome, struct compare_error *error)
{
    const struct one_file *job = argument;
    struct compare_options options = sandbox_options(job->sandbox, job->policy);
    uint8_t digest[32];
    int status = compare_digest(job->path, &options, digest, error);
    if (status != 0)
        return status;
    for (size_t i = 0; i < sizeof(digest); i++)
        printf("%02x", digest[i]);
    printf("  ");
    print_escaped(job->path);
    putchar('\n');
    *outcome = fflush(stdout) == 0 && !ferror(stdout);
    return 0;
}

static int run_digest(int argc, char **argv)
{
    const char *policy_name = "standard";
    struct sandbox sandbox = {0};
    int status = parse(argc, argv, "p:h", &command_digest, &policy_name, NULL, &sandbox);
    if (status != 0)
        return status < 0 ? 0 : status;
    if (optind == argc)
        return usage_error("digest wants a FILE");
    struct compare_policy *policy = open_policy(policy_name);
    if (policy == NULL)
        return EXIT_TROUBLE;
    for (; optind < argc; optind++) {
        const char *const files[] = {argv[optind], NULL};
        struct one_file job = {&sandbox, policy, argv[optind], stdout};
        struct compare_error error;
        int written = 0;
        if (sandbox_run(&sandbox, files, digest_in_sandbox, &job, &written, &error) != 0)
            status = fail_with(&error);
        else if (written == 0)
            status = fail("cannot write to standard output");
    }
    compare_policy_free(policy);
    return status;
}

const struct command command_normalise = {
    .name = "normalise",
    .usage = "elftally normalise [-p POLICY] FILE -o OUT\n"
             "    Writes the normal form: what the policy's rules do not set aside, an ELF file that loads the same.\n",
    .run = run_normalise,
};

const struct command command_digest = {
    .name = "digest",
    .usage = "elftally digest [-p POLICY] FILE...\n"
             "    Prints the SHA-256 of the normal form, so that two parties compare without exchanging binaries.\n",
    .run = run_digest,
};
