/*
 * The worker that compares two ELF files, by the way of a byte, and the answer that it gives: verdict, tally and roots in
 * a record of fixed size. The parent believes only what is sound: sums that are right, a verdict that the tally bears,
 * rules that the policy accepts, texts that end. Bytes that the parent saw differ are never called identical.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "works.h"

#define ANSWER_MAGIC 0x656c6166

static void copy_text(char *to, size_t size, const char *from)
{
    size_t length = from != NULL ? strlen(from) : 0;
    bool cut = length >= size;
    length = cut ? size - 4 : length;
    memcpy(to, from != NULL ? from : "", length);
    memcpy(to + length, cut ? "..." : "", cut ? 4 : 1);
}

static void place_text(const struct difference *difference, char *to, size_t size)
{
    const struct place *place = difference->vendor.present ? &difference->vendor : &difference->rebuilt;
    const struct place *lined = difference->vendor.line != 0 ? &difference->vendor : &difference->rebuilt;
    char text[1024] = "";
    size_t used = 0;
    if (place->symbol != NULL)
        used = (size_t)snprintf(text, sizeof(text), "%.400s+%#jx", place->symbol, (uintmax_t)place->inside);
    if (lined->line != 0 && lined->source != NULL && used < sizeof(text))
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.300s:%u", used > 0 ? ", " : "", lined->source,
                                 lined->line);
    if (place->section != NULL && used < sizeof(text))
        snprintf(text + used, sizeof(text) - used, "%s%.100s", used > 0 ? ", " : "", place->section);
    copy_text(to, size, text);
}

static void fill_root(const struct explanation *explanation, const struct root *root, struct answer_root *to)
{
    const struct difference *difference = &explanation->differences[root->first];
    if (root->guess_count > 0) {
        copy_text(to->cause, sizeof(to->cause), cause_info(root->guesses[0].cause)->id);
        copy_text(to->key, sizeof(to->key), root->guesses[0].key);
        to->confidence = root->guesses[0].confidence;
    }
    copy_text(to->what, sizeof(to->what), difference->what);
    copy_text(to->vendor, sizeof(to->vendor), difference->vendor_value.text);
    copy_text(to->rebuilt, sizeof(to->rebuilt), difference->rebuilt_value.text);
    place_text(difference, to->place, sizeof(to->place));
    to->differing = root->differing;
}

static void fill(const struct compare_result *result, struct answer *answer)
{
    const struct explanation *explanation = &result->explanation;
    answer->magic = ANSWER_MAGIC;
    answer->verdict = result->verdict;
    answer->tally[0] = result->vendor_tally;
    answer->tally[1] = result->rebuilt_tally;
    answer->moved.tried = result->moved.tried;
    answer->moved.counts = result->moved.counts;
    answer->moved.changed_functions = result->moved.changed_count;
    copy_text(answer->moved.not_tried, sizeof(answer->moved.not_tried), result->moved.not_tried);
    for (size_t i = 0; i < explanation->root_count && i < ANSWER_ROOTS; i++)
        fill_root(explanation, &explanation->roots[i], &answer->roots[answer->root_count++]);
    answer->roots_left_out = (uint32_t)(explanation->root_count - answer->root_count);
    copy_text(answer->note, sizeof(answer->note), explanation->incomplete);
}

static bool send_answer(int fd, const struct answer *answer)
{
    size_t used = 0;
    while (used < sizeof(*answer)) {
        ssize_t sent = write(fd, (const char *)answer + used, sizeof(*answer) - used);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        used += (size_t)sent;
    }
    return true;
}

static int compare_in_worker_process(void *argument, int *outcome, struct compare_error *error)
{
    const struct files_work *files = argument;
    struct answer answer = {0};
    struct compare_result *result = NULL;
    bool again = files->unexplained[0] != '\0';
    struct compare_options options = {.size = sizeof(options),
                                      .policy = files->options->policy,
                                      .confine = files->options->confine,
                                      .worker = true,
                                      .limits = files->options->limits,
                                      .vendor_debug = files->options->debug[0],
                                      .rebuilt_debug = files->options->debug[1],
                                      .vendor_buildinfo = files->options->buildinfo[0],
                                      .rebuilt_buildinfo = files->options->buildinfo[1],
                                      .explain = files->options->explain && !again,
                                      .explaining = files->explaining,
                                      .unexplained = again ? files->unexplained : NULL};
    struct compare_input inputs[2];
    for (int side = 0; side < 2; side++)
        inputs[side] = (struct compare_input){.name = files->names[side],
                                              .fd = files->stretches[side].source->fd,
                                              .offset = files->stretches[side].begin,
                                              .size = stretch_size(&files->stretches[side])};
    int status = compare_inputs(&inputs[0], &inputs[1], &options, &result, error);
    if (status == 0) {
        *outcome = (int)compare_result_verdict(result);
        fill(result, &answer);
        if (!send_answer(files->output, &answer))
            status =
                error_set(error, COMPARE_ERROR_SYSTEM, files->names[0], "cannot write the result: %s", strerror(errno));
    }
    compare_result_free(result);
    return status;
}

void files_prepare(struct files_work *files, const struct work_options *options, const char *vendor,
                   const char *rebuilt, const struct stretch stretches[2])
{
    *files = (struct files_work){.options = options,
                                 .names = {vendor, rebuilt},
                                 .stretches = {stretches[0], stretches[1]},
                                 .output = -1,
                                 .keep = {stretches[0].source->fd, stretches[1].source->fd, -1}};
    /* One container may hold both; a descriptor is named once. */
    if (files->keep[0] == files->keep[1])
        files->keep[1] = -1;
    void *shared = options->explain
                       ? mmap(NULL, sizeof(bool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
                       : MAP_FAILED;
    files->explaining = shared != MAP_FAILED ? shared : NULL;
    files->work.begun = (struct compare_work){.what = vendor,
                                              .limits = options->limits,
                                              .run = compare_in_worker_process,
                                              .argument = files,
                                              .size = stretch_size(&stretches[0]) + stretch_size(&stretches[1]),
                                              .output = &files->output,
                                              .keep = files->keep};
}

bool files_may_try_again(const struct files_work *files, int status)
{
    bool may_be_its_fault =
        status == COMPARE_ERROR_CRASHED || status == COMPARE_ERROR_LIMIT || status == COMPARE_ERROR_MEMORY;
    return may_be_its_fault && files->explaining != NULL && *files->explaining && files->unexplained[0] == '\0';
}

void files_end(struct files_work *files)
{
    if (files->explaining != NULL)
        munmap((void *)(uintptr_t)files->explaining, sizeof(bool));
    files->explaining = NULL;
}

/* ---- Believing the answer ---- */

/* A text ends within its place; what it says is escaped already, or replaced. */
static bool settle_text(char *text, size_t size)
{
    if (memchr(text, '\0', size) == NULL)
        return false;
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~')
            *text = '?';
    }
    return true;
}

static bool tally_is_sound(const struct tally *tally, uint64_t size, const struct compare_policy *policy)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (tally->by_rule[i] > 0 && (i >= RULE_FILES || !policy->rules.accepted[i]))
            return false;
        if (__builtin_add_overflow(sum, tally->by_rule[i], &sum))
            return false;
    }
    return tally->size == size && tally->identical <= size && tally->set_aside <= size - tally->identical &&
           tally->unexplained == size - tally->identical - tally->set_aside && sum == tally->set_aside;
}

/* Nothing is counted more often than there are bits, and nothing where the policy accepts no rule of the tier. */
static bool moved_is_sound(struct answer_moved *moved, uint64_t size, const struct compare_policy *policy)
{
    const struct moved_counts *counts = &moved->counts;
    const uint64_t all[] = {counts->functions,      counts->references,       counts->pointers,
                            counts->unwind_records, counts->exception_tables, counts->symbols,
                            counts->relocations,    moved->changed_functions};
    bool sound = moved->tried <= 1 && settle_text(moved->not_tried, sizeof(moved->not_tried)) &&
                 (policy->rules.accepted[RULE_MOVED_CODE] || (moved->tried == 0 && moved->not_tried[0] == '\0')) &&
                 !(moved->tried != 0 && moved->not_tried[0] != '\0');
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        sound = sound && all[i] / 8 <= size && (moved->tried != 0 || all[i] == 0);
    return sound;
}

static bool verdict_fits(const struct answer *answer)
{
    bool unexplained = answer->tally[0].unexplained > 0 || answer->tally[1].unexplained > 0;
    return answer->verdict == COMPARE_DIFFERENT || (answer->verdict == COMPARE_EQUIVALENT && !unexplained);
}

static bool is_sound(struct answer *answer, int outcome, const struct files_work *files)
{
    bool sound = answer->magic == ANSWER_MAGIC && answer->verdict == (uint32_t)outcome &&
                 answer->root_count <= ANSWER_ROOTS && settle_text(answer->note, sizeof(answer->note));
    for (int side = 0; side < 2 && sound; side++)
        sound = tally_is_sound(&answer->tally[side], stretch_size(&files->stretches[side]), files->options->policy);
    sound =
        sound && moved_is_sound(&answer->moved, stretch_size(&files->stretches[0]) + stretch_size(&files->stretches[1]),
                                files->options->policy);
    for (size_t i = 0; i < ANSWER_ROOTS && sound; i++) {
        struct answer_root *root = &answer->roots[i];
        sound = settle_text(root->cause, sizeof(root->cause)) && settle_text(root->what, sizeof(root->what)) &&
                settle_text(root->key, sizeof(root->key)) && settle_text(root->place, sizeof(root->place)) &&
                settle_text(root->vendor, sizeof(root->vendor)) && settle_text(root->rebuilt, sizeof(root->rebuilt)) &&
                root->confidence <= 100;
    }
    return sound && verdict_fits(answer);
}

int answer_take(int fd, int outcome, const struct files_work *files, struct answer *answer, struct compare_error *error)
{
    struct stat status;
    bool whole = fd >= 0 && fstat(fd, &status) == 0 && status.st_size == (off_t)sizeof(*answer) &&
                 source_read(fd, 0, answer, sizeof(*answer));
    if (whole && is_sound(answer, outcome, files))
        return 0;
    return error_set(error, COMPARE_ERROR_CRASHED, files->names[0], "the worker gave an answer that is not sound");
}
