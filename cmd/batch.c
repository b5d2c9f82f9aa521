/* elftally batch: the pairs of a manifest, each judged by itself; one line of JSON a pair. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/batch.h"

enum {
    OPTION_RESUME = 256,
    OPTION_SHARD,
    OPTION_FAIL_ON,
    OPTION_REPORTS,
    OPTION_TIMES,
    OPTION_EXPLAIN,
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"policy", required_argument, NULL, 'p'},
    {"jobs", required_argument, NULL, 'j'},
    {"directory", required_argument, NULL, 'C'},
    {"quiet", no_argument, NULL, 'q'},
    {"resume", no_argument, NULL, OPTION_RESUME},
    {"shard", required_argument, NULL, OPTION_SHARD},
    {"fail-on", required_argument, NULL, OPTION_FAIL_ON},
    {"reports", required_argument, NULL, OPTION_REPORTS},
    {"times", no_argument, NULL, OPTION_TIMES},
    {"explain", required_argument, NULL, OPTION_EXPLAIN},
    SANDBOX_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

bool fail_on_parse(const char *text, enum fail_on *fail_on)
{
    *fail_on = strcmp(text, "different") == 0      ? FAIL_ON_DIFFERENT
               : strcmp(text, "inconclusive") == 0 ? FAIL_ON_INCONCLUSIVE
                                                   : FAIL_ON_NOTHING;
    return *fail_on != FAIL_ON_NOTHING;
}

int fail_on_status(enum fail_on fail_on, const size_t verdicts[VERDICTS])
{
    if (fail_on == FAIL_ON_INCONCLUSIVE && verdicts[COMPARE_INCONCLUSIVE] > 0)
        return EXIT_TROUBLE;
    return fail_on != FAIL_ON_NOTHING && verdicts[COMPARE_DIFFERENT] > 0 ? 1 : 0;
}

static bool parse_jobs(const char *text, unsigned *jobs)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    *jobs = (unsigned)number;
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && number >= 1 && number <= 1024;
}

/* A result under other limits is another result. */
static int note_setting(struct batch *batch, int option, const char *argument)
{
    int status = sandbox_option(&batch->sandbox, option, argument);
    const char *equals = option == OPTION_LIMIT ? strchr(argument, '=') : NULL;
    if (status != 0)
        return status;
    if (equals == NULL)
        json_object_set_new(batch->settings, "no-sandbox", json_true());
    else
        json_object_setn_new(batch->settings, argument, (size_t)(equals - argument), json_string(equals + 1));
    return 0;
}

static int parse_explain(struct batch *batch, const char *argument)
{
    batch->explain = strcmp(argument, "none") != 0;
    if (!batch->explain)
        json_object_set_new(batch->settings, "explain", json_string("none"));
    else
        json_object_del(batch->settings, "explain");
    return !batch->explain || strcmp(argument, "roots") == 0 ? 0 : usage_error("batch: --explain is roots or none");
}

static int parse_option(struct batch *batch, int option, const char **directory)
{
    switch (option) {
    case 'o':
        batch->output = optarg;
        return 0;
    case 'p':
        batch->policy = optarg;
        return 0;
    case 'j':
        return parse_jobs(optarg, &batch->jobs) ? 0 : usage_error("batch: --jobs wants a number from 1 to 1024");
    case 'C':
        *directory = optarg;
        return 0;
    case 'q':
        batch->quiet = true;
        return 0;
    case OPTION_RESUME:
        batch->resume = true;
        return 0;
    case OPTION_SHARD:
        return shard_parse(optarg, &batch->shard)
                   ? 0
                   : usage_error("batch: --shard wants I/N, with I from 0 to N-1: %s", optarg);
    case OPTION_FAIL_ON:
        return fail_on_parse(optarg, &batch->fail_on) ? 0
                                                      : usage_error("batch: --fail-on is different or inconclusive");
    case OPTION_REPORTS:
        batch->reports = optarg;
        return 0;
    case OPTION_TIMES:
        batch->times = true;
        return 0;
    case OPTION_EXPLAIN:
        return parse_explain(batch, optarg);
    default:
        return note_setting(batch, option, optarg);
    }
}

static int parse(int argc, char **argv, struct batch *batch, const char **directory, bool *help)
{
    int option, status = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "o:p:j:C:qh", long_options, NULL)) != -1 && status == 0) {
        if (option == 'h') {
            *help = true;
            return 0;
        }
        if (option == '?')
            return usage_error("batch: unknown option, or one without its value: %s", argv[optind - 1]);
        status = parse_option(batch, option, directory);
    }
    if (status != 0)
        return status;
    if (argc - optind != 1)
        return usage_error("batch wants one MANIFEST");
    batch->manifest = argv[optind];
    if (batch->output != NULL && strcmp(batch->output, "-") == 0)
        batch->output = NULL;
    if (batch->resume && batch->output == NULL)
        return usage_error("batch: --resume wants the file to go on with: --output FILE");
    return 0;
}

/* -C is about the paths in the manifest; those on the command line are its user's. */
static int run_in(struct batch *batch, const char *directory)
{
    const char **const paths[] = {&batch->manifest, &batch->output, &batch->reports, &batch->policy};
    char *absolute[4] = {NULL}, *here = directory != NULL ? getcwd(NULL, 0) : NULL;
    int status = 0;
    if (directory != NULL && (here == NULL || chdir(directory) != 0))
        status = fail("%s: cannot enter: %s", directory, strerror(errno));
    for (size_t i = 0; i < 4 && here != NULL; i++) {
        const char *path = *paths[i];
        bool named = path != NULL && (strcmp(path, "-") == 0 || strcmp(path, "standard") == 0 ||
                                      strcmp(path, "exact") == 0 || strcmp(path, "semantic") == 0);
        if (path != NULL && path[0] != '/' && !named && asprintf(&absolute[i], "%s/%s", here, path) > 0)
            *paths[i] = absolute[i];
    }
    if (status == 0)
        status = batch_run(batch);
    for (size_t i = 0; i < 4; i++)
        free(absolute[i]);
    free(here);
    return status;
}

static int run_batch(int argc, char **argv)
{
    struct batch batch = {.policy = "standard", .explain = true, .settings = json_object()};
    const char *directory = NULL;
    bool help = false;
    int status = parse(argc, argv, &batch, &directory, &help);
    if (status == 0 && help)
        status = print_usage(&command_batch);
    else if (status == 0) {
        sandbox_warn(&batch.sandbox);
        status = run_in(&batch, directory);
    }
    json_decref(batch.settings);
    return status;
}

const struct command command_batch = {
    .name = "batch",
    .usage = "elftally batch [OPTIONS] MANIFEST\n"
             "    Judges many pairs of ELF files, archives or packages, each in a worker of its own, and writes\n"
             "    a line of JSON for each.\n"
             "    MANIFEST: TSV with a head line, or JSON Lines: id, vendor, rebuilt, and if wanted vendor_debug,\n"
             "    rebuilt_debug, policy, package. Exit status: 0 all pairs were judged, 2 they were not.\n"
             "  -o, --output RESULTS    append the lines there (default: standard output)\n"
             "      --resume            go on with RESULTS: what is done there is skipped\n"
             "      --shard I/N         only the pairs of this shard, I from 0 to N-1\n"
             "  -j, --jobs N            so many pairs at once (default: the number of processors)\n"
             "  -C, --directory DIR     paths in the manifest are relative to DIR\n"
             "  -p, --policy NAME|FILE  of pairs that name none (default: standard)\n"
             "      --explain WHAT      roots (default) or none\n"
             "      --reports DIR       write the full JSON report of each pair that is not identical there\n"
             "      --times             tell the seconds that each pair took; merge drops them\n"
             "      --fail-on WHAT      different: exit status 1 where a pair is; inconclusive: that, and 2 where\n"
             "                          a pair is inconclusive\n"
             "  -q, --quiet             no progress\n",
    .run = run_batch,
};
