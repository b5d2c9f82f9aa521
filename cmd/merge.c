/*
 * elftally merge: the results of any number of runs and shards, as one. What comes out depends on what was found, not
 * on how many files it lay in, in which order they are given, or how often the runs were interrupted: in one file the
 * last line about a pair counts; of several files, all must tell the same. A result that is none (a worker that was
 * killed, a file that could not be read) gives way to one that is.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/batch.h"

enum { OPTION_SUMMARY = 256, OPTION_FAIL_ON };

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, 'f'},
    {"summary", no_argument, NULL, OPTION_SUMMARY},
    {"fail-on", required_argument, NULL, OPTION_FAIL_ON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* A line about a pair, in one of the files. */
struct found {
    char *id;
    size_t file;
    struct place place;
};

struct merge {
    const char *output;
    bool junit, summary, help;
    enum fail_on fail_on;
    const char *const *paths; /* NULL-terminated */
    size_t file_count, current;
    int *fds;
    struct found *found;
    size_t count, capacity;
    struct tally *tally;
};

/* ---- Reading ---- */

static int take_line(void *state, json_t *line, struct place place)
{
    struct merge *merge = state;
    if (merge->count == merge->capacity) {
        merge->capacity = merge->capacity == 0 ? 256 : merge->capacity * 2;
        struct found *larger = realloc(merge->found, merge->capacity * sizeof(*larger));
        if (larger == NULL)
            return fail("no memory");
        merge->found = larger;
    }
    char *id = strdup(line_id(line));
    if (id == NULL)
        return fail("no memory");
    merge->found[merge->count++] = (struct found){id, merge->current, place};
    return 0;
}

static int read_file(struct merge *merge, size_t file)
{
    const char *path = merge->paths[file];
    bool torn;
    merge->current = file;
    merge->fds[file] = open(path, O_RDONLY | O_CLOEXEC);
    if (merge->fds[file] < 0)
        return fail("%s: cannot open: %s", path, strerror(errno));
    int status = results_each(merge->fds[file], path, take_line, merge, &torn);
    if (status == 0 && torn)
        fprintf(stderr, "elftally: warning: %s: its last line is torn and does not count\n", path);
    return status;
}

static int by_id(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    int order = strcmp(left->id, right->id);
    if (order == 0)
        order = (left->file > right->file) - (left->file < right->file);
    return order != 0 ? order : (left->place.offset > right->place.offset) - (left->place.offset < right->place.offset);
}

static json_t *read_found(const struct merge *merge, const struct found *found)
{
    return results_line_at(merge->fds[found->file], merge->paths[found->file], found->place);
}

/* ---- One result of several ---- */

static const json_t *digest_of(const json_t *line, const char *side)
{
    return json_object_get(json_object_get(line, side), "sha256");
}

/* Below 0: `line` is to stand rather than the other. Of two that do not settle it, always the same one. */
static int order_of(json_t *line, json_t *other)
{
    if (line_rank(line) != line_rank(other))
        return line_rank(line) < line_rank(other) ? -1 : 1;
    char *text = line_text(line), *other_text = line_text(other);
    int order = strcmp(text, other_text);
    free(text);
    free(other_text);
    return order;
}

/* Why they cannot both be right; NULL: they can. */
static const char *conflict_of(json_t *line, json_t *other)
{
    static const char *const sides[] = {"vendor", "rebuilt"}, *const conditions[] = {"policy", "version", "settings"};
    for (size_t i = 0; i < 3; i++) {
        const json_t *a = json_object_get(line, conditions[i]), *b = json_object_get(other, conditions[i]);
        if (a == NULL || b == NULL ? a != b : !json_equal(a, b))
            return "results under different conditions (policy, version, limits)";
    }
    for (size_t i = 0; i < 2; i++) {
        const json_t *a = digest_of(line, sides[i]), *b = digest_of(other, sides[i]);
        if (json_is_string(a) && json_is_string(b) && !json_equal(a, b))
            return "results of different files";
    }
    if (line_rank(line) == LINE_UNDECIDED || line_rank(other) == LINE_UNDECIDED)
        return NULL;
    bool both_settled = line_rank(line) == LINE_SETTLED && line_rank(other) == LINE_SETTLED;
    bool same = both_settled ? order_of(line, other) == 0 : line_same_verdict(line, other);
    return same ? NULL : "different results of the same files";
}

static int conflict(const struct merge *merge, const struct found *a, const struct found *b, const char *what)
{
    char shown[300] = "";
    for (const char *at = a->id; *at != '\0' && strlen(shown) < sizeof(shown) - 5; at++)
        sprintf(shown + strlen(shown), (unsigned char)*at < 0x20 || *at == 0x7f ? "\\x%02x" : "%c", (unsigned char)*at);
    return fail("%s and %s: %s about '%s'", merge->paths[a->file], merge->paths[b->file], what, shown);
}

/* Each is held against each, so that the order of the files has no say. */
static int compare_all(const struct merge *merge, const struct found *found, json_t **lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            const char *what = conflict_of(lines[i], lines[j]);
            if (what != NULL)
                return conflict(merge, &found[i], &found[j], what);
        }
    }
    return 0;
}

/* The lines of one id, of which there is one a file, come to one. */
static int choose(const struct merge *merge, const struct found *found, size_t count, size_t *chosen)
{
    json_t **lines = calloc(count, sizeof(json_t *));
    int status = 0;
    *chosen = 0;
    if (lines == NULL)
        return fail("no memory");
    for (size_t i = 0; i < count && status == 0; i++) {
        lines[i] = read_found(merge, &found[i]);
        status = lines[i] != NULL ? 0 : EXIT_TROUBLE;
    }
    if (status == 0)
        status = compare_all(merge, found, lines, count);
    for (size_t i = 1; i < count && status == 0; i++) {
        if (order_of(lines[i], lines[*chosen]) < 0)
            *chosen = i;
    }
    for (size_t i = 0; i < count; i++)
        json_decref(lines[i]);
    free(lines);
    return status;
}

/* Leaves one of each id in merge->found. */
static int settle(struct merge *merge)
{
    size_t kept = 0;
    int status = 0;
    if (merge->count > 0)
        qsort(merge->found, merge->count, sizeof(*merge->found), by_id);
    for (size_t i = 0, end; i < merge->count && status == 0; i = end) {
        struct found *group = &merge->found[kept];
        size_t count = 0, chosen;
        for (end = i; end < merge->count && strcmp(merge->found[end].id, merge->found[i].id) == 0; end++)
            continue;
        /* Of one file, the last. */
        struct found *lines = calloc(end - i, sizeof(*lines));
        if (lines == NULL)
            return fail("no memory");
        for (size_t at = i; at < end; at++) {
            if (at + 1 == end || merge->found[at + 1].file != merge->found[at].file)
                lines[count++] = merge->found[at];
        }
        status = choose(merge, lines, count, &chosen);
        struct found stays = lines[chosen];
        free(lines);
        for (size_t at = i; at < end; at++) {
            if (merge->found[at].id != stays.id)
                free(merge->found[at].id);
            merge->found[at].id = NULL;
        }
        *group = stays;
        kept++;
    }
    merge->count = status == 0 ? kept : merge->count;
    return status;
}

/* ---- Writing ---- */

static json_t *line_of(void *state, size_t index)
{
    const struct merge *merge = state;
    return read_found(merge, &merge->found[index]);
}

static int count_all(struct merge *merge)
{
    for (size_t i = 0; i < merge->count; i++) {
        json_t *line = line_of(merge, i);
        if (line == NULL)
            return EXIT_TROUBLE;
        tally_add(merge->tally, line);
        json_decref(line);
    }
    return 0;
}

static int write_lines(struct merge *merge, FILE *out)
{
    for (size_t i = 0; i < merge->count; i++) {
        json_t *line = line_of(merge, i);
        if (line == NULL)
            return EXIT_TROUBLE;
        char *text = line_text(line);
        fprintf(out, "%s\n", text);
        free(text);
        json_decref(line);
    }
    return 0;
}

static int write_output(struct merge *merge)
{
    struct output output;
    if (output_open(&output, merge->output, merge->paths) != 0)
        return EXIT_TROUBLE;
    int status =
        merge->junit ? junit_write(line_of, merge, merge->count, output.stream) : write_lines(merge, output.stream);
    if (output_close(&output, status == 0) != 0)
        status = EXIT_TROUBLE;
    return status;
}

static int write_all(struct merge *merge)
{
    int status = count_all(merge);
    /* A summary stands alone, unless a file is named for the rest. */
    if (status == 0 && (!merge->summary || merge->output != NULL))
        status = write_output(merge);
    if (status == 0 && merge->summary) {
        tally_print(merge->tally, stdout);
        status = finish_printing();
    }
    return status == 0 ? fail_on_status(merge->fail_on, tally_verdicts(merge->tally)) : status;
}

/* ---- The command ---- */

static int parse_option(struct merge *merge, int option)
{
    switch (option) {
    case 'o':
        merge->output = optarg;
        return 0;
    case 'f':
        merge->junit = strcmp(optarg, "junit") == 0;
        return merge->junit || strcmp(optarg, "json") == 0 ? 0 : usage_error("merge: --format is json or junit");
    case OPTION_SUMMARY:
        merge->summary = true;
        return 0;
    default:
        return fail_on_parse(optarg, &merge->fail_on) ? 0
                                                      : usage_error("merge: --fail-on is different or inconclusive");
    }
}

static int parse(int argc, char **argv, struct merge *merge)
{
    int option, status = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "o:f:h", long_options, NULL)) != -1 && status == 0) {
        merge->help |= option == 'h';
        if (merge->help)
            return 0;
        if (option == '?')
            return usage_error("merge: unknown option, or one without its value: %s", argv[optind - 1]);
        status = parse_option(merge, option);
    }
    if (status == 0 && optind == argc)
        return usage_error("merge wants at least one file of RESULTS");
    merge->paths = (const char *const *)argv + optind;
    merge->file_count = (size_t)(argc - optind);
    return status;
}

static int merge_all(struct merge *merge)
{
    int status = 0;
    merge->fds = calloc(merge->file_count + 1, sizeof(*merge->fds));
    if (merge->fds == NULL)
        return fail("no memory");
    for (size_t i = 0; i < merge->file_count; i++)
        merge->fds[i] = -1;
    for (size_t i = 0; i < merge->file_count && status == 0; i++)
        status = read_file(merge, i);
    if (status == 0)
        status = settle(merge);
    if (status == 0)
        status = write_all(merge);
    for (size_t i = 0; i < merge->count; i++)
        free(merge->found[i].id);
    for (size_t i = 0; i < merge->file_count; i++) {
        if (merge->fds[i] >= 0)
            close(merge->fds[i]);
    }
    free(merge->found);
    free(merge->fds);
    return status;
}

static int run_merge(int argc, char **argv)
{
    struct merge merge = {0};
    int status = parse(argc, argv, &merge);
    if (status != 0)
        return status;
    if (merge.help)
        return print_usage(&command_merge);
    many_descriptors();
    merge.tally = tally_new();
    status = merge_all(&merge);
    tally_free(merge.tally);
    return status;
}

const struct command command_merge = {
    .name = "merge",
    .usage = "elftally merge [OPTIONS] RESULTS...\n"
             "    Makes one of the results of any number of shards and runs: the same bytes whatever their order.\n"
             "    Exit status: 0 they are merged, 2 they are not.\n"
             "  -o, --output FILE       write there, whole or not at all\n"
             "  -f, --format json|junit a line of JSON a pair (default), or JUnit for CI\n"
             "      --summary           verdicts, causes and differing files counted; alone, unless -o is given\n"
             "      --fail-on WHAT      as of batch\n",
    .run = run_merge,
};
