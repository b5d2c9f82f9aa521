/*
 * Many pairs: what elftally batch and elftally merge share.
 *
 *   manifest.c  the pairs that are wanted: read and checked as a whole before any work begins
 *   line.c      a result line: made here of what a worker said, and checked wherever it is read
 *   results.c   a file of such lines: appended to, synced, gone on with after an interruption
 *   run.c       pairs through the pool of workers
 *   progress.c  what is said on stderr meanwhile
 *   tally.c     verdicts and causes counted over all lines
 *   junit.c     the lines as a JUnit report
 */
#ifndef CMD_BATCH_BATCH_H
#define CMD_BATCH_BATCH_H

#include <jansson.h>
#include <libcompare.h>
#include <sys/types.h>

#include "../command.h"

#define VERDICTS 4

/* The SHA-256 of an id: by it shards are chosen, results found, reports named. */
struct key {
    uint8_t bytes[32];
};

struct key key_of(const char *id);
#define KEY_TEXT 65
char *key_text(const struct key *key, char text[KEY_TEXT]);

/* ---- Manifest ---- */

struct pair {
    const char *id, *vendor, *rebuilt;
    const char *vendor_debug, *rebuilt_debug, *policy, *package; /* NULL: not given */
    json_t *owner;                                               /* what the strings belong to, or NULL */
    char *storage;
};

struct manifest;

/* "-" is the standard input. NULL after messages, one for each bad line (the first ten of them). */
struct manifest *manifest_open(const char *path);
void manifest_free(struct manifest *manifest);
size_t manifest_count(const struct manifest *manifest);
size_t manifest_line(const struct manifest *manifest, size_t index);
const struct key *manifest_key(const struct manifest *manifest, size_t index);
/* The pair; the caller frees it with pair_free. */
void manifest_pair(const struct manifest *manifest, size_t index, struct pair *pair);
void pair_free(struct pair *pair);

/* "3/8": which of how many. */
struct shard {
    uint64_t index, count;
};
bool shard_parse(const char *text, struct shard *shard);
bool shard_holds(const struct shard *shard, const struct key *key);

/* ---- Result lines ---- */

#define LINE_MOST ((size_t)1 << 20) /* bytes; what a worker says of one pair is never longer */

/* The keys and types of a line are right; why not, otherwise. */
bool line_is_sound(json_t *line, const char **why);

/*
 * What a worker wrote about a pair, to the first newline: checked, and never longer than LINE_MOST. NULL: no answer.
 * tree: it was asked about two that hold other files. size: of the answer, with its newline.
 */
json_t *line_read_answer(int fd, int outcome, bool tree, size_t *size);

/* As many bytes from this offset on as there are, at most so many. */
size_t read_from(int fd, off_t offset, char *text, size_t most);

enum compare_verdict line_verdict(const json_t *line);
const char *line_id(const json_t *line);

/*
 * Whether it stands, or came of something that may be gone the next time: a worker that was killed, a file that could
 * not be read. Then the pair is judged again, and any result that stands goes before it.
 */
enum line_rank {
    LINE_SETTLED = 0,
    LINE_UNEXPLAINED, /* there is a verdict; its explanation was lost */
    LINE_UNDECIDED,
};
enum line_rank line_rank(const json_t *line);

/* Both of the same contents under the same conditions: digests, policy, version, settings. */
bool line_is_of(const json_t *line, const json_t *other);
/* And that came to the same, whatever its explanation. */
bool line_same_verdict(const json_t *line, const json_t *other);

/* The line without what differs from run to run; as it is written, without the newline. The caller frees it. */
char *line_text(json_t *line);

/* "coreutils", "usr/bin/ls" of the id "coreutils/usr/bin/ls", or of the field "package"; the caller frees *package. */
const char *line_package(const json_t *line, char **package);

/* ---- Files of results ---- */

struct results;

struct place {
    off_t offset;
    size_t size;
};

/*
 * Opens for writing; path NULL: the standard output. Without resume the file must be empty or absent; with it, what is
 * there is read, and a torn last line dropped. NULL after a message.
 */
struct results *results_open(const char *path, bool resume);
/* The last line about this id, or NULL; the caller decrefs it. */
json_t *results_find(const struct results *results, const struct key *key);
/* 0, or EXIT_TROUBLE after a message: nothing more can be written. */
int results_append(struct results *results, json_t *line);
/* What was appended is on the disk, if `now` or a second has passed. */
int results_sync(struct results *results, bool now);
int results_close(struct results *results);

/*
 * Calls `take` for each line of an open file in its order, up to the first that is torn, which is told in *torn. 0, or
 * EXIT_TROUBLE after a message that names the line, or what `take` returned.
 */
int results_each(int fd, const char *path, int (*take)(void *state, json_t *line, struct place place), void *state,
                 bool *torn);
/* The line at a place that results_each told; NULL after a message. */
json_t *results_line_at(int fd, const char *path, struct place place);

/* ---- Progress ---- */

struct progress {
    bool quiet, terminal, shown;
    size_t wanted, done, skipped;
    size_t verdicts[VERDICTS];
    uint64_t bytes;
    double begun, next;
};

void progress_begin(struct progress *progress, bool quiet, size_t wanted);
void progress_tick(struct progress *progress);
void progress_end(struct progress *progress, bool finished);

/* ---- Over all lines ---- */

struct tally;
struct tally *tally_new(void);
void tally_add(struct tally *tally, const json_t *line);
const size_t *tally_verdicts(const struct tally *tally);
void tally_print(struct tally *tally, FILE *out);
void tally_free(struct tally *tally);

/* One suite a package. `line` gives the lines in order of their ids. */
int junit_write(json_t *(*line)(void *state, size_t index), void *state, size_t count, FILE *out);

/* ---- --fail-on ---- */

enum fail_on { FAIL_ON_NOTHING = 0, FAIL_ON_DIFFERENT, FAIL_ON_INCONCLUSIVE };
bool fail_on_parse(const char *text, enum fail_on *fail_on);
int fail_on_status(enum fail_on fail_on, const size_t verdicts[VERDICTS]);

/* ---- The run ---- */

struct batch {
    const char *manifest, *output, *policy, *reports;
    struct shard shard;
    unsigned jobs;
    bool resume, quiet, times, explain;
    enum fail_on fail_on;
    struct sandbox sandbox;
    json_t *settings; /* limits and whatever else a result depends on, as the lines tell them */
};

/* As many as the system allows: shards and jobs have theirs. No file takes the place of a standard stream. */
void many_descriptors(void);

int batch_run(const struct batch *batch);

#endif
