/* elftally VENDOR REBUILT, where these are directories, archives or packages. */
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "trees.h"

struct shown {
    bool terminal, any;
    double begun;
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A line that replaces itself; on terminals only. */
static void show_progress(void *state, const struct compare_tree_progress *progress)
{
    struct shown *shown = state;
    double seconds = seconds_now() - shown->begun;
    if (!shown->terminal || seconds < 0.5)
        return;
    shown->any = true;
    double rate = (double)progress->bytes_done / seconds;
    fprintf(stderr, "\r\033[K%ju of %ju pairs, %.1f MB, %.1f MB/s", (uintmax_t)progress->pairs_done,
            (uintmax_t)progress->pairs_known, (double)progress->bytes_done / 1e6, rate / 1e6);
    if (progress->pairs_done > 0 && progress->pairs_known > progress->pairs_done)
        fprintf(stderr, ", %.0f s left",
                seconds * (double)(progress->pairs_known - progress->pairs_done) / (double)progress->pairs_done);
    fflush(stderr);
}

static void end_progress(const struct shown *shown)
{
    if (shown->any)
        fputs("\r\033[K", stderr);
}

/* Interrupts end the workers, and what is finished is reported: they are read, not handled. -1: as they always are. */
static int catch_interrupts(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return -1;
    int fd = signalfd(-1, &signals, SFD_CLOEXEC);
    /* Descriptor 0 would stand for none. */
    if (fd < 0)
        sigprocmask(SIG_UNBLOCK, &signals, NULL);
    return fd;
}

static int report(const struct trees *trees, const struct compare_tree *tree, FILE *out, struct compare_error *error)
{
    static int (*const formats[])(const struct compare_tree *, const struct compare_report_options *, FILE *,
                                  struct compare_error *) = {
        [FORMAT_TEXT] = compare_tree_report_text,
        [FORMAT_JSON] = compare_tree_report_json,
        [FORMAT_JUNIT] = compare_tree_report_junit,
    };
    return trees->quiet ? 0 : formats[trees->format](tree, trees->report, out, error);
}

static int compare_and_report(struct trees *trees, struct output *output)
{
    struct compare_tree *tree = NULL;
    struct compare_error error;
    struct shown shown = {.terminal = !trees->quiet && isatty(STDERR_FILENO) != 0, .begun = seconds_now()};
    int stop = catch_interrupts();
    trees->options.stop = stop > 0 ? stop : 0;
    trees->options.progress = show_progress;
    trees->options.state = &shown;
    if (trees->sandbox->off)
        fputs("elftally: warning: --no-sandbox: a crafted file that takes over the program has all its rights\n",
              stderr);
    fflush(NULL);
    int status = compare_trees(trees->files[0], trees->files[1], &trees->options, &tree, &error);
    end_progress(&shown);
    if (status == 0)
        status = report(trees, tree, output->stream, &error);
    int exit_status = compare_exit_status(compare_tree_verdict(tree));
    if (status == 0 && compare_tree_interrupted(tree))
        exit_status = fail("interrupted: not all was compared");
    if (status != 0)
        exit_status = fail_with(&error);
    compare_tree_free(tree);
    if (!trees->quiet && output_close(output, status == 0) != 0)
        return EXIT_TROUBLE;
    return exit_status;
}

int trees_compare(struct trees *trees)
{
    struct output output = {0};
    trees->options.size = sizeof(trees->options);
    trees->options.limits = &trees->sandbox->limits;
    trees->options.confine = !trees->sandbox->off;
    if (!trees->quiet && output_open(&output, trees->output, trees->files) != 0)
        return EXIT_TROUBLE;
    return compare_and_report(trees, &output);
}
