/* elftally verify: a report held against its two files, by a second way. */
#include <inttypes.h>
#include <string.h>

#include "command.h"

static int run_verify(int argc, char **argv)
{
    struct compare_verified verified;
    struct compare_error error;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return fputs(command_verify.usage, stdout) == EOF ? EXIT_TROUBLE : 0;
    if (argc > 1 && strcmp(argv[1], "--") == 0) {
        argc--;
        argv++;
    }
    if (argc != 4)
        return usage_error("verify wants REPORT, VENDOR and REBUILT");
    int status = compare_verify(argv[1], argv[2], argv[3], &verified, &error);
    if (status != 0) {
        fail_with(&error);
        return status == COMPARE_ERROR_REFUSED ? 1 : EXIT_TROUBLE;
    }
    printf("verified: %s (policy ", compare_verdict_name(verified.verdict));
    print_escaped(verified.policy);
    printf(")\n%" PRIu64 " bytes identical; set aside: %" PRIu64 " of the vendor's, %" PRIu64
           " of the rebuilt; unexplained: %" PRIu64 ", %" PRIu64 "\n",
           verified.identical, verified.set_aside[0], verified.set_aside[1], verified.unexplained[0],
           verified.unexplained[1]);
    return fflush(stdout) != 0 ? fail("cannot write to standard output") : 0;
}

const struct command command_verify = {
    .name = "verify",
    .usage = "elftally verify REPORT VENDOR REBUILT\n"
             "    Holds a JSON report against its two files, by code that shares nothing with what made it.\n"
             "    Exit status: 0 the report is right, 1 it is refused, 2 trouble.\n",
    .run = run_verify,
};
