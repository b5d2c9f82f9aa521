/* elftally VENDOR REBUILT: the main job. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command.h"

struct arguments {
    const char *policy, *output, *color;
    const char *files[3]; /* vendor, rebuilt, NULL */
    bool json, quiet, digest;
    struct compare_report_options report;
};

enum { OPTION_BYTES = 256, OPTION_DIGEST, OPTION_COLOR, OPTION_WIDTH };

static const struct option long_options[] = {
    {"policy", required_argument, NULL, 'p'},
    {"format", required_argument, NULL, 'f'},
    {"output", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"all", no_argument, NULL, 'a'},
    {"bytes", required_argument, NULL, OPTION_BYTES},
    {"digest", no_argument, NULL, OPTION_DIGEST},
    {"color", required_argument, NULL, OPTION_COLOR},
    {"width", required_argument, NULL, OPTION_WIDTH},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool parse_number(const char *text, uint64_t most, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && *number > 0 && *number <= most;
}

static int parse_option(struct arguments *arguments, int option)
{
    uint64_t number = 0;
    switch (option) {
    case 'p':
        arguments->policy = optarg;
        return 0;
    case 'f':
        arguments->json = strcmp(optarg, "json") == 0;
        return arguments->json || strcmp(optarg, "text") == 0 ? 0 : usage_error("--format is text or json");
    case 'o':
        arguments->output = optarg;
        return 0;
    case 'q':
        arguments->quiet = true;
        return 0;
    case 'a':
        arguments->report.all_findings = true;
        return 0;
    case OPTION_BYTES:
        if (!parse_number(optarg, UINT64_MAX, &number))
            return usage_error("--bytes wants a number from 1");
        arguments->report.max_bytes = number;
        return 0;
    case OPTION_DIGEST:
        arguments->digest = true;
        return 0;
    case OPTION_COLOR:
        arguments->color = optarg;
        return strcmp(optarg, "auto") == 0 || strcmp(optarg, "always") == 0 || strcmp(optarg, "never") == 0
                   ? 0
                   : usage_error("--color is auto, always or never");
    case OPTION_WIDTH:
        if (!parse_number(optarg, 10000, &number))
            return usage_error("--width wants a number from 1 to 10000");
        arguments->report.width = (unsigned)number;
        return 0;
    default:
        return EXIT_TROUBLE;
    }
}

static void settle_terminal(struct arguments *arguments)
{
    const char *no_color = getenv("NO_COLOR");
    bool terminal = arguments->output == NULL && isatty(STDOUT_FILENO) != 0;
    struct winsize window;
    arguments->report.color =
        strcmp(arguments->color, "always") == 0 ||
        (strcmp(arguments->color, "auto") == 0 && terminal && (no_color == NULL || no_color[0] == '\0'));
    if (arguments->report.width == 0 && terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0)
        arguments->report.width = window.ws_col;
}

static int parse(int argc, char **argv, struct arguments *arguments, bool *help)
{
    int option, status = 0;
    *help = false;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+p:f:o:qah", long_options, NULL)) != -1 && status == 0) {
        if (option == 'h') {
            *help = true;
            return 0;
        }
        if (option == '?')
            return usage_error("unknown option, or one without its value: %s", argv[optind - 1]);
        status = parse_option(arguments, option);
    }
    if (status != 0)
        return status;
    /* Options may also stand behind the files. */
    while (optind < argc) {
        size_t count = (arguments->files[0] != NULL) + (size_t)(arguments->files[1] != NULL);
        if (count == 2)
            return usage_error("two files are compared, not more: %s", argv[optind]);
        arguments->files[count] = argv[optind++];
        if (optind < argc && argv[optind][0] == '-' && argv[optind][1] != '\0')
            return parse(argc, argv, arguments, help);
    }
    if (arguments->files[1] == NULL)
        return usage_error("two files are needed: VENDOR and REBUILT");
    settle_terminal(arguments);
    return 0;
}

/* A comparison that came to no verdict: one line for people, and a report for machines. */
static int inconclusive(const struct arguments *arguments, const struct compare_error *failure, const char *policy)
{
    struct compare_error error;
    struct output output;
    fail_with(failure);
    if (!arguments->json || arguments->quiet || output_open(&output, arguments->output, arguments->files) != 0)
        return EXIT_TROUBLE;
    bool written = compare_report_json_error(failure, policy, output.stream, &error) == 0;
    if (!written)
        fail_with(&error);
    output_close(&output, written);
    return EXIT_TROUBLE;
}

static int report(const struct arguments *arguments, const struct compare_result *result)
{
    struct compare_error error;
    struct output output;
    if (arguments->quiet)
        return 0;
    if (output_open(&output, arguments->output, arguments->files) != 0)
        return EXIT_TROUBLE;
    int status = arguments->json ? compare_report_json(result, &arguments->report, output.stream, &error)
                                 : compare_report_text(result, &arguments->report, output.stream, &error);
    if (status == 0)
        return output_close(&output, true);
    output_close(&output, false);
    return fail("%s%s%s", arguments->output != NULL ? arguments->output : "", arguments->output != NULL ? ": " : "",
                error.message);
}

static int run_compare(int argc, char **argv)
{
    struct arguments arguments = {.policy = "standard", .color = "auto", .report = {.size = sizeof(arguments.report)}};
    struct compare_result *result = NULL;
    struct compare_error error;
    bool help;
    int status = parse(argc, argv, &arguments, &help);
    if (status != 0)
        return status;
    if (help) {
        fputs(command_compare.usage, stdout);
        return 0;
    }
    struct compare_policy *policy = open_policy(arguments.policy);
    if (policy == NULL)
        return EXIT_TROUBLE;
    struct compare_options options = {
        .size = sizeof(options), .policy = policy, .digest = arguments.digest || (arguments.json && !arguments.quiet)};
    status = compare_files(arguments.files[0], arguments.files[1], &options, &result, &error);
    if (status != 0)
        status = inconclusive(&arguments, &error, compare_policy_name(policy));
    else if (report(&arguments, result) != 0)
        status = EXIT_TROUBLE;
    else
        status = compare_exit_status(compare_result_verdict(result));
    compare_result_free(result);
    compare_policy_free(policy);
    return status;
}

const struct command command_compare = {
    .name = "compare",
    .usage = "elftally [compare] [OPTIONS] VENDOR REBUILT\n"
             "    Compares the vendor's file with the rebuilt one.\n"
             "  -p, --policy NAME|FILE  exact, standard (default), or a JSON file of accepted rules\n"
             "  -f, --format text|json  text for people (default), JSON for machines\n"
             "  -o, --output FILE       write the report there, whole or not at all\n"
             "  -q, --quiet             print nothing; the exit status tells\n"
             "  -a, --all               text: show every section and every finding\n"
             "      --bytes N           JSON: at most N bytes of each side of a finding (default: all)\n"
             "      --digest            text: the SHA-256 of both files (JSON always has them)\n"
             "      --color WHEN        auto (default), always or never; NO_COLOR is honoured\n"
             "      --width N           text: columns (default: the terminal's, else 100)\n"
             "  -h, --help              print this;  -V, --version  print the version\n",
    .run = run_compare,
};
