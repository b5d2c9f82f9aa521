/*
 * The full report of each pair, in a file that is named for the digest of the pair's id: an id is no path. A report is
 * on the disk before the line that names it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

struct report_path {
    char path[4096], temporary[4096];
};

int reports_prepare(const char *directory)
{
    if (mkdir(directory, 0777) == 0 || errno == EEXIST)
        return access(directory, W_OK | X_OK) == 0 ? 0 : fail("%s: cannot write: %s", directory, strerror(errno));
    return fail("%s: cannot create: %s", directory, strerror(errno));
}

static int name_report(const char *directory, const struct job *job, struct report_path *report)
{
    char text[KEY_TEXT];
    key_text(job->key, text);
    int size = snprintf(report->path, sizeof(report->path), "%s/%s.json", directory, text);
    int more = snprintf(report->temporary, sizeof(report->temporary), "%s/.%s.json.new", directory, text);
    bool fits = size < (int)sizeof(report->path) && more < (int)sizeof(report->temporary);
    return fits ? 0 : fail("%s: the name is too long", directory);
}

bool reports_has(const char *directory, const struct job *job)
{
    struct report_path report;
    return name_report(directory, job, &report) == 0 && access(report.path, F_OK) == 0;
}

/* One job alone writes to this name; what a killed run left there is written anew. */
static int begin(const char *directory, const struct job *job, struct report_path *report, FILE **out)
{
    int status = name_report(directory, job, report);
    if (status != 0)
        return status;
    *out = fopen(report->temporary, "we");
    return *out != NULL ? 0 : fail("%s: cannot create: %s", report->temporary, strerror(errno));
}

static int end(const struct report_path *report, FILE *out, bool written)
{
    errno = 0;
    written = written && fflush(out) == 0 && fdatasync(fileno(out)) == 0;
    int reason = errno;
    if (fclose(out) != 0 || !written || rename(report->temporary, report->path) != 0) {
        reason = reason != 0 ? reason : errno;
        unlink(report->temporary);
        return fail("%s: cannot write: %s", report->path, strerror(reason));
    }
    return 0;
}

int reports_copy(const char *directory, const struct job *job, int fd, off_t offset)
{
    struct report_path report;
    char block[65536];
    FILE *out;
    int status = begin(directory, job, &report, &out);
    if (status != 0)
        return status;
    bool written = true;
    ssize_t size;
    while (written && (size = pread(fd, block, sizeof(block), offset)) > 0) {
        written = fwrite(block, 1, (size_t)size, out) == (size_t)size;
        offset += size;
    }
    return end(&report, out, written);
}

int reports_write_failure(const char *directory, const struct job *job, const struct compare_error *error)
{
    struct report_path report;
    FILE *out;
    int status = begin(directory, job, &report, &out);
    if (status != 0)
        return status;
    bool written = compare_report_json_error(error, compare_policy_name(job->policy->policy), out, NULL) == 0;
    return end(&report, out, written);
}
