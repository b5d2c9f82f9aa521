/* elftally normalise and elftally digest: one file's normal form, and its SHA-256. */
#include <getopt.h>
#include <string.h>

#include "command.h"

static const struct option long_options[] = {
    {"policy", required_argument, NULL, 'p'},
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* getopt's permutation lets -o stand behind the file. */
static int parse(int argc, char **argv, const char *options, const struct command *command, const char **policy,
                 const char **output)
{
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, options, long_options, NULL)) != -1) {
        if (option == 'p')
            *policy = optarg;
        else if (option == 'o' && output != NULL)
            *output = optarg;
        else if (option == 'h')
            return fputs(command->usage, stdout) == EOF ? EXIT_TROUBLE : -1;
        else
            return usage_error("%s: unknown option, or one without its value: %s", command->name, argv[optind - 1]);
    }
    return 0;
}

static int run_normalise(int argc, char **argv)
{
    const char *policy_name = "standard", *path = NULL;
    struct compare_error error;
    struct output output;
    int status = parse(argc, argv, "p:o:h", &command_normalise, &policy_name, &path);
    if (status != 0)
        return status < 0 ? 0 : status;
    if (argc - optind != 1 || path == NULL)
        return usage_error("normalise wants one FILE and -o OUT");
    struct compare_policy *policy = open_policy(policy_name);
    const char *inputs[] = {argv[optind], NULL};
    if (policy == NULL)
        return EXIT_TROUBLE;
    status = output_open(&output, path, inputs);
    if (status == 0 && compare_normalise(argv[optind], policy, output.stream, &error) != 0) {
        status = fail_with(&error);
        output_close(&output, false);
    } else if (status == 0) {
        status = output_close(&output, true);
    }
    compare_policy_free(policy);
    return status;
}

/* As sha256sum prints it; the name is escaped, for it may hold anything. */
static int print_digest(const char *path, const struct compare_policy *policy)
{
    struct compare_error error;
    uint8_t digest[32];
    if (compare_digest(path, policy, digest, &error) != 0)
        return fail_with(&error);
    for (size_t i = 0; i < sizeof(digest); i++)
        printf("%02x", digest[i]);
    printf("  ");
    print_escaped(path);
    putchar('\n');
    return 0;
}

static int run_digest(int argc, char **argv)
{
    const char *policy_name = "standard";
    int status = parse(argc, argv, "p:h", &command_digest, &policy_name, NULL);
    if (status != 0)
        return status < 0 ? 0 : status;
    if (optind == argc)
        return usage_error("digest wants a FILE");
    struct compare_policy *policy = open_policy(policy_name);
    if (policy == NULL)
        return EXIT_TROUBLE;
    for (; optind < argc; optind++)
        status |= print_digest(argv[optind], policy);
    compare_policy_free(policy);
    return fflush(stdout) != 0 || ferror(stdout) ? fail("cannot write to standard output") : status;
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
