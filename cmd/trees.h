/* The comparison of directories, archives and packages: compare's other half. */
#ifndef CMD_TREES_H
#define CMD_TREES_H

#include "command.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JUNIT };

struct trees {
    const char *const *files; /* vendor, rebuilt, and what else is read; NULL-terminated */
    const char *output;
    bool quiet;
    enum format format;
    const struct compare_report_options *report;
    const struct sandbox *sandbox;
    struct compare_tree_options options; /* but for what stands above */
};

/* Compares, reports, and returns the exit status. */
int trees_compare(struct trees *trees);

#endif
