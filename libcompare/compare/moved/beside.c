/*
 * Two parts of the work beside each other: the reading of both sides, and the proofs of code and of tables. What they
 * make does not depend on which is faster.
 */
#include <pthread.h>
#include <string.h>

#include "../tables/tables.h"
#include "parts.h"

/* Below this many bytes a thread costs more than it saves. */
#define THREAD_LEAST ((uint64_t)2 << 20)

struct task {
    int (*work)(void *argument);
    void *argument;
    int status;
    struct compare_error error;
};

/* A file that is cut short meanwhile must end neither the process nor one thread under the other's hands. */
static void *run_guarded(void *argument)
{
    struct task *task = argument;
    task->status = image_guard(task->work, task->argument, &task->error);
    return NULL;
}

int moving_beside(const struct moving *m, int (*const works[2])(void *argument), void *const arguments[2],
                  struct compare_error *error)
{
    pthread_t beside;
    struct task tasks[2] = {{.work = works[0], .argument = arguments[0]}, {.work = works[1], .argument = arguments[1]}};
    bool threaded = m->images[0]->size >= THREAD_LEAST && pthread_create(&beside, NULL, run_guarded, &tasks[1]) == 0;
    run_guarded(&tasks[0]);
    if (threaded)
        pthread_join(beside, NULL);
    else
        run_guarded(&tasks[1]);
    for (size_t i = 0; i < 2; i++) {
        /* Without a message it is the work's own failure, which says what it was. */
        if (tasks[i].status != 0 && tasks[i].error.message[0] != '\0')
            *error = tasks[i].error;
        if (tasks[i].status != 0)
            return tasks[i].status;
    }
    return 0;
}

/* ---- Code beside tables ---- */

static int prove_code(void *argument)
{
    code_prove(argument);
    return 0;
}

static int prove_tables(void *argument)
{
    struct moving *m = argument;
    void (*const steps[])(struct moving *) = {dynamic_tables_prove, unwind_prove, exidx_prove};
    for (size_t i = 0; i < ARRAY_COUNT(steps) && !m->out_of_memory; i++)
        steps[i](m);
    return 0;
}

static void add_counts(struct moved_counts *counts, const struct moved_counts *more)
{
    counts->functions += more->functions;
    counts->references += more->references;
    counts->pointers += more->pointers;
    counts->unwind_records += more->unwind_records;
    counts->exception_tables += more->exception_tables;
    counts->symbols += more->symbols;
    counts->relocations += more->relocations;
}

static bool references_begin(struct moving *m)
{
    m->first_references = arena_alloc(m->arena, m->map->count + 1, sizeof(*m->first_references));
    if (m->first_references != NULL)
        memset(m->first_references, 0xff, (m->map->count + 1) * sizeof(*m->first_references));
    return m->first_references != NULL;
}

/* What was proven of code stands before what was proven of tables, as if it had been made before. */
static void join_code(struct moving *m, struct moving *code)
{
    struct list tables = m->proven;
    for (size_t i = 0; i < m->map->count; i++) {
        if (code->first_references[i] < m->first_references[i])
            m->first_references[i] = code->first_references[i];
    }
    m->proven = code->proven;
    m->changed = code->changed;
    m->entries = code->entries;
    m->proven.arena = m->changed.arena = m->entries.arena = m->arena;
    arena_join(m->arena, code->arena);
    for (size_t i = 0; i < tables.count; i++) {
        struct proven *added = list_add(&m->proven);
        m->out_of_memory |= added == NULL;
        if (added == NULL)
            return;
        *added = ((const struct proven *)tables.items)[i];
    }
    add_counts(&m->counts, &code->counts);
    m->out_of_memory |= code->out_of_memory;
}

int code_and_tables_prove(struct moving *m, struct compare_error *error)
{
    struct arena arena = {0};
    /* Code asks the dynamic linker's tables about indexes, and changes nothing in them. */
    bool begun = references_begin(m);
    dynamic_tables(m);
    struct moving code = *m;
    code.arena = &arena;
    code.proven = (struct list){.arena = &arena, .item_size = sizeof(struct proven)};
    code.changed = (struct list){.arena = &arena, .item_size = sizeof(struct changed_code)};
    code.entries = (struct list){.arena = &arena, .item_size = sizeof(struct table_entry)};
    code.counts = (struct moved_counts){0};
    m->out_of_memory |= !begun || !references_begin(&code);
    int (*const works[2])(void *) = {prove_tables, prove_code};
    void *const arguments[2] = {m, &code};
    int status = m->out_of_memory ? 0 : moving_beside(m, works, arguments, error);
    if (status == 0 && !m->out_of_memory)
        join_code(m, &code);
    arena_free(&arena);
    return status;
}
