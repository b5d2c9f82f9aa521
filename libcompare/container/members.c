/*
 * Pairs of members: each gets its record, its metadata is compared, and its content goes the way that its kind asks for.
 * Equal bytes are recognised here, before any worker starts; two ELF files and two containers of one kind go to workers;
 * all else is compared as bytes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tree.h"

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Records ---- */

static const char *shown_path(struct tree_run *run, const struct holder *holder, const struct inventory *listing,
                              const struct member *member)
{
    size_t before = strlen(holder->prefix), size = before + 4 * (size_t)member->path.size + 8;
    char *path = arena_alloc(&run->tree->arena, size, 1);
    if (path == NULL)
        return NULL;
    memcpy(path, holder->prefix, before);
    escape_bytes(path + before, size - before, listing_bytes(listing, member->path), member->path.size);
    /* The one content of a layer has no name. */
    if (member->path.size == 0)
        path[before > 0 && path[before - 1] == '/' ? before - 1 : before] = '\0';
    if (path[0] == '\0')
        memcpy(path, ".!", 3);
    return path;
}

static uint64_t member_size(const struct member *member)
{
    return member->end - member->begin;
}

static int make_pair(struct tree_run *run, const struct holder *holder, const struct couple *couple)
{
    struct tree_pair *pair = list_add(&run->pairs);
    if (pair == NULL)
        return run_no_memory(run);
    const uint32_t members[2] = {couple->vendor, couple->rebuilt};
    const struct member *shown = NULL;
    pair->pairing = couple->pairing;
    pair->holder = holder->pair;
    for (int side = 1; side >= 0; side--) {
        if (members[side] == NO_MEMBER)
            continue;
        shown = &holder->listings[side].members[members[side]];
        pair->size[side] = member_size(shown);
        pair->path = shown_path(run, holder, &holder->listings[side], shown);
        if (side == 1 && couple->pairing != PAIRED_BY_PATH && couple->pairing != ONLY_REBUILT)
            pair->rebuilt_path = pair->path;
    }
    pair->kind = member_type_name(shown->type);
    run->progress.bytes_known += pair->size[0] + pair->size[1];
    return pair->path != NULL ? 0 : run_no_memory(run);
}

void members_make(struct tree_run *run, struct holder *holder)
{
    holder->first_pair = run->pairs.count;
    for (size_t i = 0; i < holder->couple_count && run->failure == 0; i++)
        make_pair(run, holder, &holder->couples[i]);
    run->progress.pairs_known = run->pairs.count;
}

/* ---- Verdicts ---- */

void pair_settle(struct tree_run *run, size_t index, enum compare_verdict content)
{
    struct tree_pair *pair = run_pair(run, index);
    bool differs = content == COMPARE_DIFFERENT || run->tree->arena.exhausted;
    for (size_t i = 0; i < pair->fact_count; i++)
        differs |= pair->facts[i].rule == RULE_COUNT;
    pair->own = differs ? COMPARE_DIFFERENT : content;
}

void pair_fail(struct tree_run *run, size_t index, const struct compare_error *error)
{
    struct tree_pair *pair = run_pair(run, index);
    const char *message = error->message[0] != '\0' ? error->message : "no reason is known";
    pair->error = arena_strdup(&run->tree->arena, message);
    if (pair->error == NULL)
        pair->error = "no memory";
    pair->status = error->status;
    pair_settle(run, index, COMPARE_INCONCLUSIVE);
}

void pair_ended(struct tree_run *run, struct holder *holder)
{
    run->progress.pairs_done++;
    while (holder != NULL && --holder->open == 0 && holder->next == holder->couple_count) {
        struct holder *parent = holder->parent;
        for (int side = 0; side < 2; side++) {
            struct compare_error error;
            if (source_unchanged(holder->bytes[side].source))
                continue;
            error_set(&error, COMPARE_ERROR_CHANGED, NULL, "the file changed while it was being compared");
            pair_fail(run, holder->pair, &error);
        }
        holder_release(run, holder);
        holder = parent;
    }
}

/* ---- Contents ---- */

static void drop(struct stretch stretches[2])
{
    source_drop(stretches[0].source);
    source_drop(stretches[1].source);
}

static struct tally *new_tally(struct tree_run *run, struct tree_pair *pair)
{
    pair->tally = arena_alloc(&run->tree->arena, 2, sizeof(struct tally));
    if (pair->tally == NULL)
        run_no_memory(run);
    return pair->tally;
}

static void note_bytes(struct tree_run *run, struct tree_pair *pair, const struct content_difference *difference)
{
    struct tree_root *root = arena_alloc(&run->tree->arena, 1, sizeof(*root));
    struct tally *tally = new_tally(run, pair);
    if (root == NULL || tally == NULL)
        return;
    *root = (struct tree_root){.vendor = difference->vendor, .rebuilt = difference->rebuilt};
    uint64_t longer = pair->size[0] > pair->size[1] ? pair->size[0] : pair->size[1];
    root->differing = longer - difference->equal;
    root->what = difference->line > 0
                     ? arena_printf(&run->tree->arena, "line %" PRIu64, difference->line)
                     : arena_printf(&run->tree->arena, "bytes from offset %" PRIu64, difference->first);
    pair->roots = root;
    pair->root_count = 1;
    for (int side = 0; side < 2; side++)
        tally[side] = (struct tally){.size = pair->size[side],
                                     .identical = difference->equal,
                                     .unexplained = pair->size[side] - difference->equal};
}

void content_as_bytes(struct tree_run *run, size_t index, const struct stretch stretches[2])
{
    struct content_difference difference;
    struct compare_error error;
    int status = contents_differ(&stretches[0], &stretches[1], &run->tree->arena, &difference, &error);
    if (status != 0) {
        pair_fail(run, index, &error);
        return;
    }
    note_bytes(run, run_pair(run, index), &difference);
    pair_settle(run, index, COMPARE_DIFFERENT);
}

/* The kind by which both are compared: that of both, or KIND_DATA. */
static enum kind common_kind(struct tree_run *run, size_t index, const struct stretch stretches[2])
{
    enum kind kinds[2];
    struct tree_pair *pair = run_pair(run, index);
    for (int side = 0; side < 2; side++)
        kinds[side] = kind_tell(stretches[side].source->fd, stretches[side].begin, stretch_size(&stretches[side]));
    bool module =
        (kinds[0] == KIND_MODULE && kinds[1] == KIND_ELF) || (kinds[1] == KIND_MODULE && kinds[0] == KIND_ELF);
    enum kind kind = module ? KIND_MODULE : kinds[0] == kinds[1] ? kinds[0] : KIND_DATA;
    pair->kind = kind_table[kind].name;
    if (kinds[0] != kinds[1])
        pair->note =
            arena_printf(&run->tree->arena, "%s there, %s here", kind_table[kinds[0]].name, kind_table[kinds[1]].name);
    return kind;
}

static bool one_and_the_same(const struct stretch stretches[2])
{
    const struct source *a = stretches[0].source, *b = stretches[1].source;
    return !a->anonymous && !b->anonymous && a->status.st_dev == b->status.st_dev &&
           a->status.st_ino == b->status.st_ino;
}

/* Settles a pair whose bytes were compared here, if its files are still what they were. */
static void settle_here(struct tree_run *run, size_t index, const struct stretch stretches[2],
                        enum compare_verdict verdict)
{
    struct compare_error error;
    if (source_unchanged(stretches[0].source) && source_unchanged(stretches[1].source)) {
        pair_settle(run, index, verdict);
        return;
    }
    error_set(&error, COMPARE_ERROR_CHANGED, NULL, "the file changed while it was being compared");
    pair_fail(run, index, &error);
}

static bool is_list_of_digests(const struct tree_run *run, const struct holder *holder, size_t index)
{
    const struct tree_pair *pair = run_pair(run, index);
    return holder != NULL && holder->digests && holder->kind == KIND_TAR && !holder->permits.odd &&
           pair->pairing == PAIRED_BY_PATH && strcmp(pair->path + strlen(holder->prefix), "md5sums") == 0;
}

/* What differs: by the way of its kind. True where somebody else goes on with it, and has the sources. */
static bool go_on(struct tree_run *run, struct holder *holder, size_t index, struct stretch stretches[2], bool opaque)
{
    enum kind kind = opaque ? KIND_DATA : common_kind(run, index, stretches);
    unsigned depth = holder != NULL ? holder->depth + 1 : 1;
    if (kind == KIND_ELF) {
        files_begin(run, holder, index, stretches);
        return true;
    }
    if (kind_table[kind].list != NULL && depth <= run->limits.depth) {
        holder_begin(run, holder, index, kind, stretches);
        return true;
    }
    if (kind_table[kind].list != NULL) {
        struct compare_error error;
        limit_hit(&error, NULL, "depth", run->limits.depth, "archives within archives");
        pair_fail(run, index, &error);
        return false;
    }
    if (is_list_of_digests(run, holder, index) && content_as_digests(run, index, stretches)) {
        settle_here(run, index, stretches, COMPARE_EQUIVALENT);
        return false;
    }
    content_as_bytes(run, index, stretches);
    if (run_pair(run, index)->error == NULL)
        settle_here(run, index, stretches, COMPARE_DIFFERENT);
    return false;
}

void content_begin(struct tree_run *run, struct holder *holder, size_t index, struct stretch stretches[2], bool opaque)
{
    struct compare_error error;
    bool equal = false;
    double begun = seconds_now();
    int status = one_and_the_same(stretches)
                     ? error_set(&error, COMPARE_ERROR_UNSUPPORTED, NULL,
                                 "vendor and rebuilt are one and the same file, which proves nothing")
                     : contents_equal(&stretches[0], &stretches[1], &equal, &error);
    run->progress.bytes_done += stretch_size(&stretches[0]) + stretch_size(&stretches[1]);
    if (status != 0)
        pair_fail(run, index, &error);
    else if (equal)
        settle_here(run, index, stretches, COMPARE_IDENTICAL);
    else if (go_on(run, holder, index, stretches, opaque))
        return;
    run_pair(run, index)->seconds = seconds_now() - begun;
    drop(stretches);
    pair_ended(run, holder);
}

/* ---- Members ---- */

static int open_member(struct holder *holder, int side, const struct member *member, struct stretch *stretch,
                       struct compare_error *error)
{
    *stretch = (struct stretch){.begin = member->begin, .end = member->end};
    if (member->place == CONTENT_PATH)
        return source_open_member(holder->directories[side], &holder->listings[side], member, &stretch->source, error);
    if (member->place == CONTENT_NONE)
        return error_set(error, COMPARE_ERROR_MALFORMED, NULL, "a file without a content");
    if (member->place == CONTENT_INPUT) {
        stretch->begin += holder->bytes[side].begin;
        stretch->end += holder->bytes[side].begin;
        stretch->source = source_use(holder->bytes[side].source);
    } else {
        stretch->source = source_use(holder->contents[side]);
    }
    return stretch->source != NULL ? 0 : error_set(error, COMPARE_ERROR_INTERNAL, NULL, "a content that is nowhere");
}

static void compare_names(struct tree_run *run, const struct holder *holder, size_t index, const struct couple *couple,
                          struct facts *facts)
{
    const struct tree_pair *pair = run_pair(run, index);
    bool mapped = couple->pairing == PAIRED_BY_MAP && permitted(&holder->permits, RULE_MAPPED_NAME);
    if (couple->pairing != PAIRED_BY_PATH)
        fact_add(facts, "name", pair->path, pair->rebuilt_path, mapped ? RULE_MAPPED_NAME : RULE_COUNT);
}

/* The record keeps as much as there is: most members have nothing to tell. */
static void keep_facts(struct tree_run *run, struct tree_pair *pair, const struct facts *facts)
{
    size_t count = facts->list.count;
    pair->facts = count > 0 ? arena_alloc(&run->tree->arena, count, sizeof(*pair->facts)) : NULL;
    pair->fact_count = pair->facts != NULL ? count : 0;
    if (pair->facts != NULL)
        memcpy(pair->facts, facts->list.items, count * sizeof(*pair->facts));
}

static void gather_facts(struct tree_run *run, struct holder *holder, size_t index, size_t place)
{
    const struct couple *couple = &holder->couples[place];
    const struct inventory *listings = holder->listings;
    struct arena scratch = {0};
    struct facts facts;
    facts_begin(&facts, &run->tree->arena);
    facts.list.arena = &scratch;
    compare_names(run, holder, index, couple, &facts);
    metadata_compare(&listings[0], &listings[0].members[couple->vendor], &listings[1],
                     &listings[1].members[couple->rebuilt], holder->partners, &holder->permits, &facts);
    if (holder->differs[place] && !facts_unexplained(&facts))
        fact_add(&facts, "bytes of its header", NULL, NULL, RULE_COUNT);
    keep_facts(run, run_pair(run, index), &facts);
    if (scratch.exhausted)
        run_no_memory(run);
    arena_free(&scratch);
}

static void begin_contents(struct tree_run *run, struct holder *holder, size_t index, const struct member *vendor,
                           const struct member *rebuilt)
{
    struct stretch stretches[2] = {{0}};
    struct compare_error error;
    int status = open_member(holder, 0, vendor, &stretches[0], &error);
    if (status == 0)
        status = open_member(holder, 1, rebuilt, &stretches[1], &error);
    if (status == 0) {
        content_begin(run, holder, index, stretches, vendor->opaque || rebuilt->opaque);
        return;
    }
    drop(stretches);
    pair_fail(run, index, &error);
    pair_ended(run, holder);
}

void members_begin(struct tree_run *run, struct holder *holder)
{
    size_t place = holder->next++, index = holder->first_pair + place;
    const struct couple *couple = &holder->couples[place];
    holder->open++;
    if (couple->vendor == NO_MEMBER || couple->rebuilt == NO_MEMBER) {
        pair_settle(run, index, COMPARE_DIFFERENT);
        pair_ended(run, holder);
        return;
    }
    const struct member *vendor = &holder->listings[0].members[couple->vendor];
    const struct member *rebuilt = &holder->listings[1].members[couple->rebuilt];
    gather_facts(run, holder, index, place);
    if (vendor->type == MEMBER_FILE && rebuilt->type == MEMBER_FILE) {
        begin_contents(run, holder, index, vendor, rebuilt);
        return;
    }
    pair_settle(run, index, COMPARE_IDENTICAL);
    pair_ended(run, holder);
}
