/* elftally VENDOR REBUILT: the main job. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trees.h"

#define MAPS_MOST 64

struct arguments {
    const char *policy, *output, *color;
    const char *files[7]; /* vendor, rebuilt, then debug and .buildinfo files, NULL */
    const char *vendor_debug, *rebuilt_debug;
    const char *vendor_buildinfo, *rebuilt_buildinfo;
    enum format format;
    bool quiet, digest, explain;
    unsigned jobs; /* 0: as many as there are processors */
    const char *maps[MAPS_MOST + 1];
    size_t map_count;
    struct compare_report_options report;
    struct sandbox sandbox;
};

enum {
    OPTION_BYTES = 256,
    OPTION_DIGEST,
    OPTION_COLOR,
    OPTION_WIDTH,
    OPTION_EXPLAIN,
    OPTION_VENDOR_DEBUG,
    OPTION_REBUILT_DEBUG,
    OPTION_VENDOR_BUILDINFO,
    OPTION_REBUILT_BUILDINFO,
    OPTION_MAP,
};

static const struct option long_options[] = {
    {"policy", required_argument, NULL, 'p'},
    {"format", required_argument, NULL, 'f'},
    {"output", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"all", no_argument, NULL, 'a'},
    {"explain", required_argument, NULL, OPTION_EXPLAIN},
    {"bytes", required_argument, NULL, OPTION_BYTES},
    {"digest", no_argument, NULL, OPTION_DIGEST},
    {"color", required_argument, NULL, OPTION_COLOR},
    {"width", required_argument, NULL, OPTION_WIDTH},
    {"vendor-debug", required_argument, NULL, OPTION_VENDOR_DEBUG},
    {"rebuilt-debug", required_argument, NULL, OPTION_REBUILT_DEBUG},
    {"vendor-buildinfo", required_argument, NULL, OPTION_VENDOR_BUILDINFO},
    {"rebuilt-buildinfo", required_argument, NULL, OPTION_REBUILT_BUILDINFO},
    {"jobs", required_argument, NULL, 'j'},
    {"map", required_argument, NULL, OPTION_MAP},
    SANDBOX_OPTIONS,
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

static int parse_format(const char *name, enum format *format)
{
    static const char *const names[] = {[FORMAT_TEXT] = "text", [FORMAT_JSON] = "json", [FORMAT_JUNIT] = "junit"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = (enum format)i;
            return 0;
        }
    }
    return usage_error("--format is text, json or junit");
}

static int parse_option(struct arguments *arguments, int option)
{
    uint64_t number = 0;
    switch (option) {
    case 'p':
        arguments->policy = optarg;
        return 0;
    case 'f':
        return parse_format(optarg, &arguments->format);
    case 'j':
        if (!parse_number(optarg, 1024, &number))
            return usage_error("--jobs wants a number from 1 to 1024");
        arguments->jobs = (unsigned)number;
        return 0;
    case OPTION_MAP:
        if (arguments->map_count == MAPS_MOST)
            return usage_error("--map can be given %d times", MAPS_MOST);
        arguments->maps[arguments->map_count++] = optarg;
        return 0;
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
    case OPTION_EXPLAIN:
        arguments->explain = strcmp(optarg, "none") != 0;
        arguments->report.explain_all = strcmp(optarg, "all") == 0;
        return !arguments->explain || arguments->report.explain_all || strcmp(optarg, "roots") == 0
                   ? 0
                   : usage_error("--explain is roots, all or none");
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
    case OPTION_VENDOR_DEBUG:
        arguments->vendor_debug = optarg;
        return 0;
    case OPTION_REBUILT_DEBUG:
        arguments->rebuilt_debug = optarg;
        return 0;
    case OPTION_VENDOR_BUILDINFO:
        arguments->vendor_buildinfo = optarg;
        return 0;
    case OPTION_REBUILT_BUILDINFO:
        arguments->rebuilt_buildinfo = optarg;
        return 0;
    default:
        return sandbox_option(&arguments->sandbox, option, optarg);
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

/* All that is read, so that no report overwrites it, and more time is given for more. */
static void list_other_files(struct arguments *arguments)
{
    const char *const others[] = {arguments->vendor_debug, arguments->rebuilt_debug, arguments->vendor_buildinfo,
                                  arguments->rebuilt_buildinfo};
    size_t count = 2;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (others[i] != NULL)
            arguments->files[count++] = others[i];
    }
    arguments->files[count] = NULL;
}

static int parse(int argc, char **argv, struct arguments *arguments, bool *help)
{
    int option, status = 0;
    *help = false;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+p:f:o:qahj:", long_options, NULL)) != -1 && status == 0) {
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
    list_other_files(arguments);
    settle_terminal(arguments);
    return 0;
}

struct compare_job {
    const struct arguments *arguments;
    const struct compare_policy *policy;
    FILE *out;                 /* NULL: the exit status is the report */
    volatile bool *explaining; /* shared with the worker; NULL where there is no explanation to go without */
    const char *unexplained;   /* why the first worker's explanation failed */
};

static void warn_of_what_is_lacking(const struct compare_confinement *confinement)
{
    if (confinement->landlock == 0 || !confinement->seccomp)
        fprintf(stderr, "elftally: warning: less confined than usual: the kernel or this build has no%s%s\n",
                confinement->landlock == 0 ? " Landlock" : "", !confinement->seccomp ? " seccomp" : "");
}

static void warn_of_other_files(const struct compare_result *result)
{
    const char *notes[] = {compare_result_vendor_debug_note(result), compare_result_rebuilt_debug_note(result),
                           compare_result_vendor_buildinfo_note(result), compare_result_rebuilt_buildinfo_note(result)};
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        if (notes[i] != NULL)
            fprintf(stderr, "elftally: warning: %s\n", notes[i]);
    }
}

/* In the worker: compares, and writes the report to the stream that is open for it. */
static int compare_in_sandbox(void *argument, int *outcome, struct compare_error *error)
{
    const struct compare_job *job = argument;
    const struct arguments *arguments = job->arguments;
    struct compare_options options = sandbox_options(&arguments->sandbox, job->policy);
    struct compare_result *result = NULL;
    options.vendor_debug = arguments->vendor_debug;
    options.rebuilt_debug = arguments->rebuilt_debug;
    options.vendor_buildinfo = arguments->vendor_buildinfo;
    options.rebuilt_buildinfo = arguments->rebuilt_buildinfo;
    options.digest = arguments->digest || (arguments->format == FORMAT_JSON && !arguments->quiet);
    options.explain = arguments->explain && job->out != NULL && job->unexplained == NULL;
    options.explaining = job->explaining;
    options.unexplained = job->unexplained;
    options.list = arguments->report.explain_all;
    int status = compare_files(arguments->files[0], arguments->files[1], &options, &result, error);
    if (status == 0) {
        struct compare_confinement confinement = compare_result_confinement(result);
        *outcome = (int)compare_result_verdict(result);
        if (options.confine && !arguments->quiet)
            warn_of_what_is_lacking(&confinement);
        warn_of_other_files(result);
    }
    if (status == 0 && job->out != NULL)
        status = arguments->format == FORMAT_JSON ? compare_report_json(result, &arguments->report, job->out, error)
                                                  : compare_report_text(result, &arguments->report, job->out, error);
    compare_result_free(result);
    return status;
}

static bool explaining_failed(const struct compare_job *job, int status)
{
    bool may_be_its_fault =
        status == COMPARE_ERROR_CRASHED || status == COMPARE_ERROR_LIMIT || status == COMPARE_ERROR_MEMORY;
    return may_be_its_fault && job->explaining != NULL && *job->explaining;
}

/*
 * Explaining uses libraries that the comparison does not need, and no verdict rests on it: what ends the worker there
 * costs the explanation alone. The comparison is then made anew, as without --explain, by a worker of its own; nothing
 * of the first one's is kept. There is no third.
 */
static int run_workers(struct compare_job *job, struct output *output, int *verdict, struct compare_error *error)
{
    const struct arguments *arguments = job->arguments;
    int status = sandbox_run(&arguments->sandbox, arguments->files, compare_in_sandbox, job, verdict, error);
    if (!explaining_failed(job, status) || !output_restart(output))
        return status;
    struct compare_error first = *error;
    struct sandbox again = arguments->sandbox;
    again.told = true;
    job->unexplained = first.message;
    job->explaining = NULL;
    status = sandbox_run(&again, arguments->files, compare_in_sandbox, job, verdict, error);
    job->unexplained = NULL;
    return status;
}

/* Without memory for it there is no second worker. */
static int compare_in_workers(struct compare_job *job, struct output *output, int *verdict, struct compare_error *error)
{
    size_t size = sizeof(*job->explaining);
    bool wanted = job->arguments->explain && job->out != NULL;
    void *shared = wanted ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
    job->explaining = shared != MAP_FAILED ? shared : NULL;
    int status = run_workers(job, output, verdict, error);
    if (shared != MAP_FAILED)
        munmap(shared, size);
    return status;
}

/* A comparison that came to no verdict: a report for machines. Whether it is written; the line for people is not. */
static bool report_failure(const struct arguments *arguments, const struct compare_error *failure,
                           const struct compare_policy *policy, struct output *output)
{
    output->told = true;
    return arguments->format == FORMAT_JSON && !arguments->quiet && output_restart(output) &&
           compare_report_json_error(failure, compare_policy_name(policy), output->stream, NULL) == 0;
}

static int compare_outcome(bool compared, int verdict, const struct arguments *arguments,
                           const struct compare_error *error)
{
    if (compared)
        return compare_exit_status((enum compare_verdict)verdict);
    /* A verdict whose report could not be written. */
    if (verdict != COMPARE_INCONCLUSIVE && arguments->output != NULL)
        return fail("%s: %s", arguments->output, error->message);
    return fail_with(error);
}

static int compare_and_report(const struct arguments *arguments, const struct compare_policy *policy)
{
    struct output output = {0};
    struct compare_error error;
    int verdict = COMPARE_INCONCLUSIVE;
    if (!arguments->quiet && output_open(&output, arguments->output, arguments->files) != 0)
        return EXIT_TROUBLE;
    struct compare_job job = {.arguments = arguments, .policy = policy, .out = output.stream};
    bool compared = compare_in_workers(&job, &output, &verdict, &error) == 0;
    bool keep = compared;
    /* A verdict whose report could not be written leaves what was there before. */
    if (!compared && verdict == COMPARE_INCONCLUSIVE)
        keep = report_failure(arguments, &error, policy, &output);
    bool closed = arguments->quiet || output_close(&output, keep) == 0;
    return compared && !closed ? EXIT_TROUBLE : compare_outcome(compared, verdict, arguments, &error);
}

static bool are_trees(const struct arguments *arguments)
{
    return compare_is_tree(arguments->files[0]) || compare_is_tree(arguments->files[1]);
}

static int compare_as_trees(const struct arguments *arguments, const struct compare_policy *policy)
{
    struct trees trees = {.files = arguments->files,
                          .output = arguments->output,
                          .quiet = arguments->quiet,
                          .format = arguments->format,
                          .report = &arguments->report,
                          .sandbox = &arguments->sandbox,
                          .options = {.policy = policy,
                                      .explain = arguments->explain,
                                      .vendor_debug = arguments->vendor_debug,
                                      .rebuilt_debug = arguments->rebuilt_debug,
                                      .vendor_buildinfo = arguments->vendor_buildinfo,
                                      .rebuilt_buildinfo = arguments->rebuilt_buildinfo,
                                      .jobs = arguments->jobs,
                                      .maps = arguments->maps}};
    return trees_compare(&trees);
}

static int compare_either(const struct arguments *arguments, const struct compare_policy *policy)
{
    if (are_trees(arguments))
        return compare_as_trees(arguments, policy);
    if (arguments->format == FORMAT_JUNIT)
        return usage_error("--format junit is for directories, archives and packages");
    return compare_and_report(arguments, policy);
}

static int run_compare(int argc, char **argv)
{
    struct arguments arguments = {
        .policy = "standard", .color = "auto", .explain = true, .report = {.size = sizeof(arguments.report)}};
    bool help;
    int status = parse(argc, argv, &arguments, &help);
    if (status != 0)
        return status;
    if (help)
        return print_usage(&command_compare);
    struct compare_policy *policy = open_policy(arguments.policy);
    if (policy == NULL)
        return EXIT_TROUBLE;
    status = compare_either(&arguments, policy);
    compare_policy_free(policy);
    return status;
}

const struct command command_compare = {
    .name = "compare",
    .usage = "elftally [compare] [OPTIONS] VENDOR REBUILT\n"
             "    Compares the vendor's file, directory, archive or package with the rebuilt one.\n"
             "  -p, --policy NAME|FILE  exact, standard (default), semantic (what is proven to\n"
             "                          have only moved, too), or a JSON file of accepted rules\n"
             "  -f, --format text|json|junit\n"
             "                          text for people (default), JSON for machines, JUnit's XML for CI (trees)\n"
             "  -o, --output FILE       write the report there, whole or not at all\n"
             "  -q, --quiet             print nothing; the exit status tells\n"
             "  -a, --all               text: show every section and every finding\n"
             "      --explain WHAT      roots (default): what each difference is, where and why; none;\n"
             "                          all: in full, with changed functions instruction by instruction\n"
             "      --bytes N           JSON: at most N bytes of each side of a finding (default: all)\n"
             "      --digest            text: the SHA-256 of both files (JSON always has them)\n"
             "      --color WHEN        auto (default), always or never; NO_COLOR is honoured\n"
             "      --width N           text: columns (default: the terminal's, else 100)\n"
             "      --vendor-debug PATH, --rebuilt-debug PATH\n"
             "                          a side's separate debug file, or a directory that has it by build ID\n"
             "      --vendor-buildinfo FILE, --rebuilt-buildinfo FILE\n"
             "                          the .buildinfo files of both builds, as evidence for causes\n"
             "  -j, --jobs N            trees: workers that run at once (default: as many as there are processors)\n"
             "      --map PATTERN=PATTERN\n"
             "                          trees: pair members whose names differ; * stands for the same on both sides\n"
             "      --limit NAME=VALUE  change a limit (below);  --no-sandbox  keep the process's rights\n"
             "  -h, --help              print this;  -V, --version  print the version\n",
    .run = run_compare,
};
