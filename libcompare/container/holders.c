/*
 * Pairs of containers: both sides are listed, by two workers or, for directories, here; then members are paired, the
 * containers' own bytes compared, and the members wait for their turn. A container that cannot be read as what it looks
 * like is compared as bytes, and differs; a limit, a crash, a failing system make it inconclusive.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

static char *name_for_messages(const struct tree_run *run, int side, size_t pair)
{
    const char *top = side == 0 ? run->tree->vendor_path : run->tree->rebuilt_path;
    const char *path = run_pair(run, pair)->path;
    char *name = NULL;
    int made = pair == 0 ? asprintf(&name, "%s", top) : asprintf(&name, "%s: %s", top, path);
    return made >= 0 ? name : NULL;
}

/* From a package to what its control archive holds, through the layer about it. */
static bool inherits_digests(const struct tree_run *run, const struct holder *parent, size_t pair)
{
    const char *path = run_pair(run, pair)->path;
    size_t before = strlen(parent->prefix);
    bool control = parent->kind != KIND_DEB || strncmp(path + before, "control.tar", strlen("control.tar")) == 0;
    return parent->digests && control && (parent->kind == KIND_DEB || kind_table[parent->kind].layer);
}

/* What stands before the paths of a container's members. */
static const char *prefix_of(struct tree_run *run, size_t pair)
{
    const char *path = run_pair(run, pair)->path;
    size_t size = strlen(path);
    if (pair == 0 || strcmp(path, ".!") == 0)
        return "";
    char *prefix = arena_alloc(&run->tree->arena, size + 3, 1);
    if (prefix == NULL) {
        run_no_memory(run);
        return "";
    }
    memcpy(prefix, path, size);
    memcpy(prefix + size, path[size - 1] == '!' ? "/" : "!/", path[size - 1] == '!' ? 2 : 3);
    return prefix;
}

static struct holder *holder_new(struct tree_run *run, struct holder *parent, size_t pair, enum kind kind)
{
    struct holder *holder = calloc(1, sizeof(*holder));
    if (holder == NULL)
        return NULL;
    holder->parent = parent;
    holder->pair = pair;
    holder->kind = kind;
    holder->depth = parent != NULL ? parent->depth + 1 : 1;
    holder->directories[0] = holder->directories[1] = -1;
    holder->open = 1; /* until it is listed */
    holder->older = run->open;
    run->open = holder;
    run_pair(run, pair)->container = true;
    holder->digests = parent != NULL && inherits_digests(run, parent, pair);
    holder->prefix = prefix_of(run, pair);
    return holder;
}

void holder_release(struct tree_run *run, struct holder *holder)
{
    struct holder **at = &run->open;
    while (*at != NULL && *at != holder)
        at = &(*at)->older;
    if (*at != NULL)
        *at = holder->older;
    for (int side = 0; side < 2; side++) {
        listing_free(&holder->listings[side]);
        source_drop(holder->bytes[side].source);
        source_drop(holder->contents[side]);
        if (holder->directories[side] >= 0)
            close(holder->directories[side]);
        free(holder->names[side]);
    }
    free(holder->couples);
    free(holder->partners);
    free(holder->differs);
    free(holder);
}

/* ---- What is listed ---- */

/* For pairing: whose members are looked at. */
struct looking {
    const struct tree_run *run;
    const struct holder *holder;
};

/* A member's content, opened. */
static bool open_content(const struct holder *holder, bool rebuilt, uint32_t index, struct stretch *stretch)
{
    const struct inventory *listing = &holder->listings[rebuilt];
    const struct member *member = &listing->members[index];
    struct compare_error error;
    *stretch = (struct stretch){.begin = member->begin, .end = member->end};
    if (member->place == CONTENT_PATH)
        return source_open_member(holder->directories[rebuilt], listing, member, &stretch->source, &error) == 0;
    uint64_t offset = member->place == CONTENT_INPUT ? holder->bytes[rebuilt].begin : 0;
    stretch->begin += offset;
    stretch->end += offset;
    stretch->source =
        source_use(member->place == CONTENT_INPUT ? holder->bytes[rebuilt].source : holder->contents[rebuilt]);
    return stretch->source != NULL;
}

static bool digest_member(void *state, bool rebuilt, uint32_t index, uint8_t digest[32])
{
    const struct looking *looking = state;
    struct stretch stretch;
    bool digested = open_content(looking->holder, rebuilt, index, &stretch) && contents_digest(&stretch, digest);
    source_drop(stretch.source);
    return digested;
}

static bool identify_member(void *state, bool rebuilt, uint32_t index, uint8_t id[BUILD_ID_KEY])
{
    const struct looking *looking = state;
    struct stretch stretch;
    bool identified = open_content(looking->holder, rebuilt, index, &stretch) &&
                      build_id_of(&looking->run->work_options, &stretch, id);
    source_drop(stretch.source);
    return identified;
}

static int pair_up(struct tree_run *run, struct holder *holder, struct compare_error *error)
{
    struct looking looking = {run, holder};
    struct pairing_input input = {.vendor = &holder->listings[0],
                                  .rebuilt = &holder->listings[1],
                                  .maps = run->options->maps,
                                  .digest = digest_member,
                                  .build_id = identify_member,
                                  .state = &looking};
    int status = pair_members(&input, &holder->couples, &holder->couple_count, error);
    if (status != 0)
        return status;
    size_t count = holder->listings[0].member_count;
    holder->partners = malloc((count + 1) * sizeof(*holder->partners));
    holder->differs = calloc(holder->couple_count + 1, sizeof(*holder->differs));
    if (holder->partners == NULL || holder->differs == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    memset(holder->partners, 0xff, (count + 1) * sizeof(*holder->partners));
    for (size_t i = 0; i < holder->couple_count; i++) {
        if (holder->couples[i].vendor != NO_MEMBER)
            holder->partners[holder->couples[i].vendor] = holder->couples[i].rebuilt;
    }
    return 0;
}

static const char *clean_text(struct tree_run *run, const struct inventory *listing, struct text_at text)
{
    /* Escaped where it was made; a worker that was taken over may not have. */
    char *copy = arena_alloc(&run->tree->arena, (size_t)text.size + 1, 1);
    for (uint32_t i = 0; copy != NULL && i < text.size; i++) {
        uint8_t byte = listing_bytes(listing, text)[i];
        copy[i] = byte < ' ' || byte > '~' ? '?' : (char)byte;
    }
    return copy != NULL ? copy : "";
}

/* What is odd is told, whatever else the verdict is. */
static void note_anomalies(struct tree_run *run, struct holder *holder)
{
    struct list anomalies = {.arena = &run->tree->arena, .item_size = sizeof(struct tree_anomaly)};
    for (int side = 0; side < 2; side++) {
        const struct inventory *listing = &holder->listings[side];
        for (size_t i = 0; i < listing->oddity_count; i++) {
            struct tree_anomaly *anomaly = list_add(&anomalies);
            if (anomaly == NULL)
                break;
            *anomaly = (struct tree_anomaly){.rebuilt = side == 1,
                                             .id = clean_text(run, listing, listing->oddities[i].id),
                                             .message = clean_text(run, listing, listing->oddities[i].message)};
        }
        holder->permits.odd |= listing->oddity_count > 0;
    }
    run_pair(run, holder->pair)->anomalies = anomalies.items;
    run_pair(run, holder->pair)->anomaly_count = anomalies.count;
}

static int take_account(struct tree_run *run, struct holder *holder, struct facts *facts, struct compare_error *error)
{
    struct account_input input = {
        .sides = {{&holder->listings[0], holder->bytes[0]}, {&holder->listings[1], holder->bytes[1]}},
        .couples = holder->couples,
        .couple_count = holder->couple_count,
        .permits = &holder->permits};
    struct tally *tally = arena_alloc(&run->tree->arena, 2, sizeof(*tally));
    if (tally == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    run_pair(run, holder->pair)->tally = tally;
    return account_compare(&input, tally, holder->differs, facts, error);
}

/* The archive's own bytes have no partner. Nor has its directory "." where it has none: that is the other one itself. */
static int take_archive_alone(struct tree_run *run, struct holder *holder, struct facts *facts,
                              struct compare_error *error)
{
    int side = holder->bytes[0].source != NULL ? 0 : 1;
    const struct inventory *listing = &holder->listings[side];
    struct tally *tally = arena_alloc(&run->tree->arena, 2, sizeof(*tally));
    bool aside = permitted(&holder->permits, RULE_ARCHIVE_ALONE) && (listing->flags & LISTING_ACCOUNTED) != 0;
    size_t count = 0;
    if (tally == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    run_pair(run, holder->pair)->tally = tally;
    for (size_t i = 0; i < listing->piece_count; i++)
        tally[side].size +=
            listing->pieces[i].kind == PIECE_CONTENT ? 0 : listing->pieces[i].end - listing->pieces[i].begin;
    *(aside ? &tally[side].set_aside : &tally[side].unexplained) = tally[side].size;
    tally[side].by_rule[RULE_ARCHIVE_ALONE] = aside ? tally[side].size : 0;
    fact_add(facts, "an archive against a directory", side == 0 ? "archive" : "directory",
             side == 1 ? "archive" : "directory", aside ? RULE_ARCHIVE_ALONE : RULE_COUNT);
    for (size_t i = 0; i < holder->couple_count; i++) {
        const struct couple *couple = &holder->couples[i];
        uint32_t own = side == 0 ? couple->rebuilt : couple->vendor;
        bool alone = (side == 0 ? couple->vendor : couple->rebuilt) == NO_MEMBER;
        struct text_at path = own != NO_MEMBER ? holder->listings[!side].members[own].path : (struct text_at){0, 0};
        if (!(alone && path.size == 1 && listing_bytes(&holder->listings[!side], path)[0] == '.'))
            holder->couples[count++] = *couple;
    }
    holder->couple_count = count;
    return 0;
}

/* The verdict on what is the containers' own. */
static void settle_own(struct tree_run *run, struct holder *holder, const struct facts *facts)
{
    struct tree_pair *pair = run_pair(run, holder->pair);
    size_t count = pair->fact_count + facts->list.count;
    struct tree_fact *all = arena_alloc(&run->tree->arena, count, sizeof(*all));
    bool aside = pair->tally != NULL && pair->tally[0].set_aside + pair->tally[1].set_aside > 0;
    if (all != NULL && pair->fact_count > 0)
        memcpy(all, pair->facts, pair->fact_count * sizeof(*all));
    if (all != NULL && facts->list.count > 0)
        memcpy(all + pair->fact_count, facts->list.items, facts->list.count * sizeof(*all));
    pair->facts = all;
    pair->fact_count = all != NULL ? count : 0;
    bool odd = holder->permits.odd && holder->bytes[0].source != NULL;
    pair_settle(run, holder->pair, odd ? COMPARE_DIFFERENT : aside ? COMPARE_EQUIVALENT : COMPARE_IDENTICAL);
}

/* Both lists are there. */
static void go_on(struct tree_run *run, struct holder *holder)
{
    struct compare_error error;
    struct facts facts;
    facts_begin(&facts, &run->tree->arena);
    holder->permits = (struct permits){.rules = &run->tree->policy->rules};
    note_anomalies(run, holder);
    if (holder->kind == KIND_DEB)
        holder->digests = permitted(&holder->permits, RULE_PACKAGE_DIGESTS) &&
                          (holder->listings[0].flags & holder->listings[1].flags & LISTING_DIGESTS_RIGHT) != 0;
    int status = pair_up(run, holder, &error);
    if (status == 0 && holder->mixed)
        status = take_archive_alone(run, holder, &facts, &error);
    if (status == 0 && !holder->mixed && holder->bytes[0].source != NULL)
        status = take_account(run, holder, &facts, &error);
    if (status == 0) {
        settle_own(run, holder, &facts);
        members_make(run, holder);
    }
    if (status == 0 && run->failure == 0 && holder->couple_count > 0) {
        holder->below = run->holders;
        run->holders = holder;
        pair_ended(run, holder);
        return;
    }
    holder->couple_count = 0;
    if (status != 0)
        pair_fail(run, holder->pair, &error);
    pair_ended(run, holder);
}

/* ---- Listing ---- */

/* What one side's directory holds, at once. */
static int list_folder(struct tree_run *run, struct holder *holder, int side)
{
    struct lister lister;
    lister_begin(&lister, side == 0 ? run->tree->vendor_path : run->tree->rebuilt_path, &run->limits,
                 &holder->errors[0]);
    int status = list_directory(&lister, holder->directories[side]);
    if (status == 0)
        status = listing_of(&lister, &holder->listings[side]);
    lister_end(&lister);
    return status;
}

static void folders_listed(struct tree_run *run, struct holder *holder, int status)
{
    if (status == 0) {
        go_on(run, holder);
        return;
    }
    pair_fail(run, holder->pair, &holder->errors[0]);
    holder_release(run, holder);
}

void holder_begin_directories(struct tree_run *run, size_t pair, int vendor, int rebuilt)
{
    struct holder *holder = holder_new(run, NULL, pair, KIND_DIRECTORY);
    if (holder == NULL) {
        close(vendor);
        close(rebuilt);
        run_no_memory(run);
        return;
    }
    holder->directories[0] = vendor;
    holder->directories[1] = rebuilt;
    int status = list_folder(run, holder, 0);
    if (status == 0)
        status = list_folder(run, holder, 1);
    folders_listed(run, holder, status);
}

void holder_begin_mixed(struct tree_run *run, size_t pair, int directory_side, int directory, struct stretch bytes,
                        struct source *contents, struct inventory *listing)
{
    struct holder *holder = holder_new(run, NULL, pair, KIND_DIRECTORY);
    if (holder == NULL) {
        close(directory);
        source_drop(bytes.source);
        source_drop(contents);
        listing_free(listing);
        run_no_memory(run);
        return;
    }
    holder->mixed = true;
    holder->directories[directory_side] = directory;
    holder->bytes[!directory_side] = bytes;
    holder->contents[!directory_side] = contents;
    holder->listings[!directory_side] = *listing;
    folders_listed(run, holder, list_folder(run, holder, directory_side));
}

static struct job *listing_job(struct tree_run *run, struct holder *holder, int side)
{
    struct job *job = calloc(1, sizeof(*job));
    int fd = job != NULL ? source_anonymous() : -1;
    holder->contents[side] = fd >= 0 ? source_new(fd, true) : NULL;
    holder->names[side] = name_for_messages(run, side, holder->pair);
    if (holder->contents[side] == NULL || holder->names[side] == NULL) {
        free(job);
        return NULL;
    }
    *job = (struct job){.run = run, .holder = holder, .side = side, .pair = holder->pair};
    unpack_prepare(&holder->works[side], &run->work_options, holder->names[side], holder->kind, &holder->bytes[side],
                   fd);
    holder->works[side].work.owner = job;
    return job;
}

void holder_begin(struct tree_run *run, struct holder *parent, size_t pair, enum kind kind, struct stretch stretches[2])
{
    struct holder *holder = holder_new(run, parent, pair, kind);
    struct job *jobs[2] = {NULL, NULL};
    for (int side = 0; side < 2 && holder != NULL; side++) {
        holder->bytes[side] = stretches[side];
        jobs[side] = listing_job(run, holder, side);
    }
    if (holder != NULL && jobs[0] != NULL && jobs[1] != NULL) {
        holder->waiting = 2;
        jobs[1]->below = run->jobs;
        jobs[0]->below = jobs[1];
        run->jobs = jobs[0];
        return;
    }
    struct compare_error error;
    error_set(&error, COMPARE_ERROR_SYSTEM, NULL, "cannot make a temporary file, or no memory");
    pair_fail(run, pair, &error);
    free(jobs[0]);
    free(jobs[1]);
    if (holder != NULL)
        holder_release(run, holder);
    else
        source_drop(stretches[0].source), source_drop(stretches[1].source);
    pair_ended(run, parent);
}

/* What does not read as what it looks like is something else. */
static bool is_something_else(int status)
{
    return status == COMPARE_ERROR_MALFORMED || status == COMPARE_ERROR_UNSUPPORTED || status == COMPARE_ERROR_NOT_ELF;
}

static void give_up(struct tree_run *run, struct holder *holder)
{
    int side = holder->statuses[0] != 0 ? 0 : 1;
    /* Where one side fails for another reason, nothing is known. */
    if (holder->statuses[1] != 0 && !is_something_else(holder->statuses[1]))
        side = 1;
    struct tree_pair *pair = run_pair(run, holder->pair);
    if (!is_something_else(holder->statuses[side])) {
        pair_fail(run, holder->pair, &holder->errors[side]);
        return;
    }
    char note[900];
    snprintf(note, sizeof(note), "compared as bytes, for it is not read as %s: %s", kind_table[holder->kind].name,
             holder->errors[side].message);
    pair->note = arena_strdup(&run->tree->arena, note);
    pair->container = false;
    content_as_bytes(run, holder->pair, holder->bytes);
}

static void take_list(struct tree_run *run, struct holder *holder, int side, const struct compare_ended *ended)
{
    struct stat status;
    int *result = &holder->statuses[side];
    *result = ended->status;
    holder->errors[side] = *ended->error;
    if (*result == 0 && fstat(holder->contents[side]->fd, &status) != 0)
        *result = error_set(&holder->errors[side], COMPARE_ERROR_SYSTEM, holder->names[side], "cannot examine");
    if (*result == 0)
        *result = listing_take(ended->output, holder->names[side], stretch_size(&holder->bytes[side]),
                               (uint64_t)status.st_size, &holder->works[side].limits, &holder->listings[side],
                               &holder->errors[side]);
    run->stopped |= *result == COMPARE_ERROR_INTERRUPTED;
}

void holder_listed(struct tree_run *run, struct job *job, const struct compare_ended *ended)
{
    struct holder *holder = job->holder;
    take_list(run, holder, job->side, ended);
    free(job);
    if (--holder->waiting > 0)
        return;
    if (holder->statuses[0] == 0 && holder->statuses[1] == 0) {
        go_on(run, holder);
        return;
    }
    give_up(run, holder);
    pair_ended(run, holder);
}
