/* What runs while trees are compared. Private to this room. */
#ifndef CONTAINER_TREE_H
#define CONTAINER_TREE_H

#include "account.h"
#include "contents.h"
#include "facts.h"
#include "pairing.h"
#include "works.h"

struct tree_run;

/* A pair of containers while what they hold is compared. */
struct holder {
    struct holder *parent;
    struct holder *below;    /* on the stack of those with members to come */
    struct holder *older;    /* among all that are open */
    size_t pair, first_pair; /* its own, and that of its first couple */
    enum kind kind;
    unsigned depth;
    struct inventory listings[2];
    struct stretch bytes[2];    /* of the containers; no source: a directory */
    struct source *contents[2]; /* what workers wrote */
    int directories[2];         /* -1: none */
    struct couple *couples;
    size_t couple_count, next, open; /* next: to be begun; open: begun and not ended */
    uint32_t *partners;              /* by the vendor's member */
    bool *differs;                   /* by couple: its header */
    struct permits permits;
    const char *prefix; /* of its members' paths */
    bool mixed;         /* one side is a directory, the other an archive */
    bool digests;       /* rule package-digests applies to its md5sums */
    /* While it is listed: */
    struct unpack_work works[2];
    unsigned waiting;
    int statuses[2];
    struct compare_error errors[2];
    char *names[2];
};

/* A work that waits for its place in the pool, or runs there. */
struct job {
    struct job *below;
    struct tree_run *run;
    struct holder *holder; /* that is listed, or that holds the pair of files; NULL: the whole */
    int side;              /* of a listing; -1: a pair of files */
    size_t pair;
    struct files_work files;
    char *names[2];
};

struct tree_run {
    struct compare_tree *tree;
    const struct compare_tree_options *options;
    struct work_options work_options;
    struct compare_limits limits; /* for what does not go by sizes */
    struct compare_pool *pool;
    struct list pairs;
    struct holder *holders; /* with members to come, the newest first: so that few are open at one time */
    struct holder *open;    /* all of them, the newest first */
    struct job *jobs;       /* that wait for a place */
    size_t running;
    bool stopped;
    int failure;
    struct compare_error *error;
    struct compare_tree_progress progress;
};

static inline struct tree_pair *run_pair(const struct tree_run *run, size_t index)
{
    return (struct tree_pair *)run->pairs.items + index;
}

int run_no_memory(struct tree_run *run);

/* ---- members.c: pairs of members ---- */

/* Makes the pairs of a listed holder. */
void members_make(struct tree_run *run, struct holder *holder);
/* Begins the next couple of a holder. */
void members_begin(struct tree_run *run, struct holder *holder);
/* Compares two contents that are open: at once, or by a job or a holder that it makes. Takes the stretches' sources. */
void content_begin(struct tree_run *run, struct holder *holder, size_t pair, struct stretch stretches[2], bool opaque);
/* Where they are compared as bytes, whatever they are. */
void content_as_bytes(struct tree_run *run, size_t pair, const struct stretch stretches[2]);

/* Whether two lists of digests, right about their own packages, differ in the digests alone; the tally then. */
bool content_as_digests(struct tree_run *run, size_t pair, const struct stretch stretches[2]);

/* The pair has come to a verdict of its content; what is known of it beside that counts too. */
void pair_settle(struct tree_run *run, size_t pair, enum compare_verdict content);
void pair_fail(struct tree_run *run, size_t pair, const struct compare_error *error);
/* One pair of a holder less to wait for. */
void pair_ended(struct tree_run *run, struct holder *holder);

/* ---- holders.c: pairs of containers ---- */

/* Lists both sides by jobs. Takes the stretches' sources. */
void holder_begin(struct tree_run *run, struct holder *parent, size_t pair, enum kind kind,
                  struct stretch stretches[2]);
/* Two directories, listed at once. Takes the descriptors. */
void holder_begin_directories(struct tree_run *run, size_t pair, int vendor, int rebuilt);
/* A directory against an archive that is listed already. Takes all of it. */
void holder_begin_mixed(struct tree_run *run, size_t pair, int directory_side, int directory, struct stretch bytes,
                        struct source *contents, struct inventory *listing);
/* mixed.c: opens an archive down to the files in it, and compares these with a directory's. Takes both. */
int mixed_begin(struct tree_run *run, size_t pair, int directory_side, int directory, struct stretch archive);
void holder_listed(struct tree_run *run, struct job *job, const struct compare_ended *ended);
void holder_release(struct tree_run *run, struct holder *holder);

/* ---- files: pairs of ELF files ---- */

void files_begin(struct tree_run *run, struct holder *holder, size_t pair, struct stretch stretches[2]);
void files_ended(struct tree_run *run, struct job *job, const struct compare_ended *ended);
void job_free(struct job *job);

/* ---- result.c ---- */

/* Totals, groups, the verdict. COMPARE_ERROR_MEMORY. */
int tree_sum_up(struct compare_tree *tree, struct compare_error *error);

#endif
