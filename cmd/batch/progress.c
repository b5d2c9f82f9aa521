/* What is said on stderr while pairs are judged: one line that changes on a terminal, else a line now and then. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "batch.h"

#define SECONDS_BETWEEN_LINES 30.0

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void show_bytes(uint64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1000;
        unit++;
    }
    snprintf(text, size, unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void show_time(double seconds, char *text, size_t size)
{
    unsigned long whole = seconds > 0 ? (unsigned long)seconds : 0;
    if (whole >= 3600)
        snprintf(text, size, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, size, "%lu:%02lu", whole / 60, whole % 60);
}

static void print(const struct progress *progress, const char *before, const char *after)
{
    char bytes[32], left[32];
    double passed = seconds_now() - progress->begun;
    size_t judged = progress->done - progress->skipped;
    double rate = passed > 0 ? (double)judged / passed : 0;
    show_bytes(progress->bytes, bytes, sizeof(bytes));
    fprintf(stderr, "%s%zu of %zu pairs, %s, %.0f a second", before, progress->done, progress->wanted, bytes, rate);
    if (judged > 0 && progress->done < progress->wanted) {
        show_time((double)(progress->wanted - progress->done) / rate, left, sizeof(left));
        fprintf(stderr, ", %s left", left);
    }
    fprintf(stderr, "; %zu different, %zu inconclusive%s", progress->verdicts[COMPARE_DIFFERENT],
            progress->verdicts[COMPARE_INCONCLUSIVE], after);
}

void progress_begin(struct progress *progress, bool quiet, size_t wanted)
{
    *progress = (struct progress){.quiet = quiet, .terminal = isatty(STDERR_FILENO) != 0, .wanted = wanted};
    progress->begun = seconds_now();
    progress->next = progress->begun + (progress->terminal ? 0 : SECONDS_BETWEEN_LINES);
}

void progress_tick(struct progress *progress)
{
    double now = seconds_now();
    if (progress->quiet || now < progress->next)
        return;
    progress->next = now + (progress->terminal ? 0.2 : SECONDS_BETWEEN_LINES);
    progress->shown = progress->terminal;
    /* To the end of the line: what stood there may have been longer. */
    print(progress, progress->terminal ? "\r" : "elftally: ", progress->terminal ? "\x1b[K" : "\n");
}

void progress_end(struct progress *progress, bool finished)
{
    char took[32];
    if (progress->quiet)
        return;
    show_time(seconds_now() - progress->begun, took, sizeof(took));
    fprintf(stderr, "%s%s%zu of %zu pairs",
            progress->shown ? "\r\x1b[K" : "elftally: ", finished ? "" : "stopped after ", progress->done,
            progress->wanted);
    if (progress->skipped > 0)
        fprintf(stderr, " (%zu were done before)", progress->skipped);
    fprintf(stderr, " in %s: %zu identical, %zu equivalent, %zu different, %zu inconclusive\n", took,
            progress->verdicts[COMPARE_IDENTICAL], progress->verdicts[COMPARE_EQUIVALENT],
            progress->verdicts[COMPARE_DIFFERENT], progress->verdicts[COMPARE_INCONCLUSIVE]);
}
