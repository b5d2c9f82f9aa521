/* Pairs of ELF files: a job for the pool, what is believed of its answer, and the second try without an explanation. */
#include <stdlib.h>
#include <string.h>

#include "tree.h"

static char *name_of(const struct tree_run *run, int side, size_t index)
{
    const char *top = side == 0 ? run->tree->vendor_path : run->tree->rebuilt_path;
    const struct tree_pair *pair = run_pair(run, index);
    const char *path = side == 1 && pair->rebuilt_path != NULL ? pair->rebuilt_path : pair->path;
    char *name = NULL;
    int made = index == 0 ? asprintf(&name, "%s", top) : asprintf(&name, "%s: %s", top, path);
    return made >= 0 ? name : NULL;
}

void job_free(struct job *job)
{
    files_end(&job->files);
    for (int side = 0; side < 2; side++) {
        source_drop(job->files.stretches[side].source);
        free(job->names[side]);
    }
    free(job);
}

void files_begin(struct tree_run *run, struct holder *holder, size_t pair, struct stretch stretches[2])
{
    struct job *job = calloc(1, sizeof(*job));
    char *names[2] = {name_of(run, 0, pair), name_of(run, 1, pair)};
    if (job != NULL && names[0] != NULL && names[1] != NULL) {
        *job = (struct job){.below = run->jobs, .run = run, .holder = holder, .side = -1, .pair = pair};
        files_prepare(&job->files, &run->work_options, names[0], names[1], stretches);
        job->files.work.owner = job;
        memcpy(job->names, names, sizeof(names));
        run->jobs = job;
        return;
    }
    struct compare_error error;
    error_set(&error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    pair_fail(run, pair, &error);
    free(job);
    for (int side = 0; side < 2; side++) {
        free(names[side]);
        source_drop(stretches[side].source);
    }
    pair_ended(run, holder);
}

static const struct compare_cause_info *cause_named(const char *id)
{
    const struct compare_cause_info *cause = NULL;
    for (size_t i = 0; (cause = compare_cause_at(i)) != NULL && strcmp(cause->id, id) != 0; i++)
        ;
    return cause;
}

static const char *kept(struct tree_run *run, const char *text)
{
    return text[0] != '\0' ? arena_strdup(&run->tree->arena, text) : NULL;
}

static void take_root(struct tree_run *run, const struct answer_root *from, struct tree_root *to)
{
    const struct compare_cause_info *cause = from->cause[0] != '\0' ? cause_named(from->cause) : NULL;
    *to = (struct tree_root){.cause = cause != NULL ? cause->id : NULL,
                             .remedy = cause != NULL ? cause->remedy : NULL,
                             .what = kept(run, from->what),
                             .key = cause != NULL ? kept(run, from->key) : NULL,
                             .place = kept(run, from->place),
                             .vendor = kept(run, from->vendor),
                             .rebuilt = kept(run, from->rebuilt),
                             .confidence = from->confidence,
                             .differing = from->differing};
}

static bool take_moved(struct tree_run *run, struct tree_pair *pair, const struct answer_moved *from)
{
    if (from->tried == 0 && from->not_tried[0] == '\0')
        return true;
    pair->moved = arena_alloc(&run->tree->arena, 1, sizeof(*pair->moved));
    if (pair->moved != NULL)
        *pair->moved = (struct tree_moved){kept(run, from->not_tried), from->counts, from->changed_functions};
    return pair->moved != NULL && (pair->moved->not_tried != NULL || from->tried != 0);
}

static void take_answer(struct tree_run *run, size_t index, const struct answer *answer, const char *unexplained)
{
    struct arena *arena = &run->tree->arena;
    struct tree_root *roots = arena_alloc(arena, answer->root_count, sizeof(*roots));
    struct tally *tally = arena_alloc(arena, 2, sizeof(*tally));
    if (roots == NULL || tally == NULL) {
        run_no_memory(run);
        return;
    }
    memcpy(tally, answer->tally, sizeof(answer->tally));
    for (size_t i = 0; i < answer->root_count; i++)
        take_root(run, &answer->roots[i], &roots[i]);
    struct tree_pair *pair = run_pair(run, index);
    pair->tally = tally;
    if (!take_moved(run, pair, &answer->moved)) {
        run_no_memory(run);
        return;
    }
    pair->roots = roots;
    pair->root_count = answer->root_count;
    pair->roots_left_out = answer->roots_left_out;
    if (unexplained[0] != '\0')
        pair->note = arena_printf(arena, "not explained: %s", unexplained);
    else if (answer->note[0] != '\0')
        pair->note = arena_printf(arena, "explained in part: %s", answer->note);
    pair_settle(run, index, answer->verdict == COMPARE_EQUIVALENT ? COMPARE_EQUIVALENT : COMPARE_DIFFERENT);
}

static void try_again(struct tree_run *run, struct job *job, const struct compare_error *error)
{
    snprintf(job->files.unexplained, sizeof(job->files.unexplained), "%s", error->message);
    run_pair(run, job->pair)->unexplained = error->status;
    job->below = run->jobs;
    run->jobs = job;
}

static bool files_unchanged(const struct job *job)
{
    return source_unchanged(job->files.stretches[0].source) && source_unchanged(job->files.stretches[1].source);
}

void files_ended(struct tree_run *run, struct job *job, const struct compare_ended *ended)
{
    struct compare_error error = *ended->error;
    struct answer answer;
    int status = ended->status;
    run->stopped |= status == COMPARE_ERROR_INTERRUPTED;
    if (files_may_try_again(&job->files, status) && !run->stopped) {
        try_again(run, job, &error);
        return;
    }
    if (status == 0)
        status = answer_take(ended->output, ended->outcome, &job->files, &answer, &error);
    if (status == 0 && !files_unchanged(job))
        status =
            error_set(&error, COMPARE_ERROR_CHANGED, job->names[0], "the file changed while it was being compared");
    run_pair(run, job->pair)->seconds += ended->seconds;
    if (status == 0)
        take_answer(run, job->pair, &answer, job->files.unexplained);
    else
        pair_fail(run, job->pair, &error);
    struct holder *holder = job->holder;
    job_free(job);
    pair_ended(run, holder);
}
