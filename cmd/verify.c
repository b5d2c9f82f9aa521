/* elftally verify: a report held against its two files, by a second way. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "command.h"

static const struct option long_options[] = {SANDBOX_OPTIONS, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};

struct verify_job {
    struct sandbox sandbox;
    const char *files[4]; /* report, vendor, rebuilt, NULL */
};

static int verify_in_worker(void *argument, int *outcome, struct compare_error *error)
{
    const struct verify_job *job = argument;
    struct compare_options options = sandbox_options(&job->sandbox, NULL);
    struct compare_verified verified;
    int status = compare_verify(job->files[0], job->files[1], job->files[2], &options, &verified, error);
    if (status != 0)
        return status;
    printf("verified: %s (policy ", compare_verdict_name(verified.verdict));
    print_escaped(verified.policy);
    printf(")\n%" PRIu64 " bytes identical; set aside: %" PRIu64 " of the vendor's, %" PRIu64
           " of the rebuilt; unexplained: %" PRIu64 ", %" PRIu64 "\n",
           verified.identical, verified.set_aside[0], verified.set_aside[1], verified.unexplained[0],
           verified.unexplained[1]);
    *outcome = fflush(stdout) == 0 && !ferror(stdout);
    return 0;
}

static int run_verify(int argc, char **argv)
{
    struct verify_job job = {0};
    struct compare_error error;
    int option, outcome;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h')
            return print_usage(&command_verify);
        if (option == '?')
            return usage_error("verify: unknown option, or one without its value: %s", argv[optind - 1]);
        if (sandbox_option(&job.sandbox, option, optarg) != 0)
            return EXIT_TROUBLE;
    }
    if (argc - optind != 3)
        return usage_error("verify wants REPORT, VENDOR and REBUILT");
    memcpy(job.files, argv + optind, 3 * sizeof(*argv));
    int status = sandbox_run(&job.sandbox, job.files, verify_in_worker, &job, &outcome, &error);
    if (status == 0)
        return outcome == 1 ? 0 : fail("cannot write to standard output");
    fail_with(&error);
    return status == COMPARE_ERROR_REFUSED ? 1 : EXIT_TROUBLE;
}

const struct command command_verify = {
    .name = "verify",
    .usage = "elftally verify [OPTIONS] REPORT VENDOR REBUILT\n"
             "    Holds a JSON report against its two files, by code that shares nothing with what made it.\n"
             "    Exit status: 0 the report is right, 1 it is refused, 2 trouble.\n",
    .run = run_verify,
};
