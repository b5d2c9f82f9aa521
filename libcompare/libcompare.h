/*
 * libcompare: is this shipped ELF binary what this source code builds?
 *
 * Two files go in, always in this order: the vendor's and the rebuilt one. A verdict comes out, with an account of
 * every byte: identical, set aside by one named rule, or unexplained.
 *
 *     struct compare_error error;
 *     struct compare_result *result = NULL;
 *     if (compare_files("shipped/prog", "rebuilt/prog", NULL, &result, &error) == 0)
 *         compare_report_text(result, NULL, stdout);
 *     else
 *         fprintf(stderr, "%s\n", error.message);
 *     compare_result_free(result);
 *
 * Sections of this header: errors, policies and rules, causes, limits and confinement, workers, comparing, trees,
 * reports, verifying a report, one file alone.
 *
 * Stability: the ABI is not settled before 1.0; the soname changes when it breaks. Structures that a caller fills in
 * begin with their size, so that they can grow. Everything else is opaque.
 *
 * Threads: no function keeps state between calls, with one exception. While a file is mapped, a SIGBUS (the file was
 * truncated under the map) is caught by a handler that is installed for the process and undone afterwards; one
 * comparison at a time may therefore run in a process.
 */
#ifndef LIBCOMPARE_H
#define LIBCOMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define COMPARE_API __attribute__((visibility("default")))
#else
#define COMPARE_API
#endif

/* ---- Errors ----------------------------------------------------------------------------------------------------- */

/* Functions that can fail return 0, or one of these negative values. */
enum compare_status {
    COMPARE_OK = 0,
    COMPARE_ERROR_SYSTEM = -1,       /* open, read or write failed */
    COMPARE_ERROR_NOT_ELF = -2,      /* the file is something else */
    COMPARE_ERROR_MALFORMED = -3,    /* an ELF file whose structures cannot be read, a truncated one for example */
    COMPARE_ERROR_UNSUPPORTED = -4,  /* sound, but of a kind that is not handled */
    COMPARE_ERROR_CHANGED = -5,      /* the file changed while it was being read */
    COMPARE_ERROR_POLICY = -6,       /* a policy that cannot be used */
    COMPARE_ERROR_LIMIT = -7,        /* a limit was hit */
    COMPARE_ERROR_INTERNAL = -8,     /* an invariant of this library does not hold */
    COMPARE_ERROR_REFUSED = -9,      /* a report that is not right about its files */
    COMPARE_ERROR_CRASHED = -10,     /* a worker process died or gave no answer */
    COMPARE_ERROR_MEMORY = -11,      /* no memory, without a limit on it */
    COMPARE_ERROR_INTERRUPTED = -12, /* a worker process was told to end */
};

/* "not-elf": a name for machines; "unknown" for what is none of them. */
COMPARE_API const char *compare_status_name(int status);

/* What went wrong, in one line that names the file and the place. The text is escaped: it can be shown anywhere. */
struct compare_error {
    int status;
    char file[256];    /* empty where no file is to blame */
    char message[768]; /* includes the file's name */
};

/* ---- Policies and rules ----------------------------------------------------------------------------------------- */

/* A rule is a named normalisation: what it may set aside, and why that is sound. The table is static. */
struct compare_rule_info {
    const char *id;       /* "build-id" */
    const char *tier;     /* "derived", "inert", "record" */
    const char *hides;    /* what it sets aside */
    const char *verifies; /* the structure that is checked before */
    const char *reason;   /* why that is sound */
    const char *unsound;  /* what would make it unsound */
    const char *source;   /* specification or source file that it rests on */
    bool in_standard;     /* whether policy standard accepts it */
};

/* The rules, in the order of their table; NULL past the last one. */
COMPARE_API const struct compare_rule_info *compare_rule_at(size_t index);

/* The set of rules that a user accepts, each with a reason. */
struct compare_policy;

/*
 * The policy of this name ("exact", "standard", "semantic"), or else the one in the JSON file of this path. The caller frees it
 * with compare_policy_free. COMPARE_ERROR_SYSTEM, COMPARE_ERROR_POLICY.
 */
COMPARE_API int compare_policy_open(const char *name_or_path, struct compare_policy **policy,
                                    struct compare_error *error);
COMPARE_API void compare_policy_free(struct compare_policy *policy);
COMPARE_API const char *compare_policy_name(const struct compare_policy *policy);

/* The SHA-256 of what it accepts: its name, its rules and their reasons. COMPARE_ERROR_SYSTEM, COMPARE_ERROR_MEMORY. */
COMPARE_API int compare_policy_digest(const struct compare_policy *policy, uint8_t digest[32],
                                      struct compare_error *error);

/* ---- Causes ----------------------------------------------------------------------------------------------------- */

/* A known reason why two builds of one source differ. It explains bytes and excuses none. The table is static. */
struct compare_cause_info {
    const char *id;        /* "build-path-macro" */
    const char *title;     /* "the build path is in a string of the program (__FILE__)" */
    const char *footprint; /* where it shows */
    const char *evidence;  /* how it is told from two files */
    const char *remedy;    /* what mends it */
    const char *debian;    /* the name of the issue in Debian's reproducible-notes; NULL: none */
    bool code;             /* it changes what runs */
};

/* The causes, in the order of their table; NULL past the last one. */
COMPARE_API const struct compare_cause_info *compare_cause_at(size_t index);

/* ---- Limits and confinement -------------------------------------------------------------------------------------- */

/* What a comparison may take. 0 stands for the default, which grows with the size of the files where that is fair. */
struct compare_limits {
    size_t size; /* sizeof(struct compare_limits) */
    uint64_t memory, time, decompressed, sections, findings, stream, output, unpacked, members, depth;
};

struct compare_limit_info {
    const char *name; /* "memory" */
    const char *unit; /* "bytes", "seconds", "count" */
    const char *help;
};

/* The limits, in the order of their table; NULL past the last one. */
COMPARE_API const struct compare_limit_info *compare_limit_at(size_t index);

/* Sets a limit by its name. COMPARE_ERROR_LIMIT where there is none of that name. */
COMPARE_API int compare_limit_set(struct compare_limits *limits, const char *name, uint64_t value);

/* The rights that a process has given up before it parsed anything. */
struct compare_confinement {
    bool worker, no_new_privs, seccomp;
    unsigned landlock; /* the ABI in use; 0: none */
};

/* ---- Workers ---------------------------------------------------------------------------------------------------- */

/* A piece of work for a process of its own. What is not set is 0. */
struct compare_work {
    const char *what;                    /* for messages: the file that it is about */
    const char *const *files;            /* what it reads, NULL-terminated: the limit on time goes by their size */
    const struct compare_limits *limits; /* NULL: the defaults. Here only time and output are looked at */
    /* Runs in the worker, and returns what compare_in_worker then returns. */
    int (*run)(void *argument, int *outcome, struct compare_error *error);
    void *argument;
    uint64_t size; /* bytes that it reads beside those files: the limit on time goes by them, too */
    /*
     * NULL: it writes nothing. Else a file without a name is made for it, whose descriptor stands here before run is
     * called, in the parent and in the worker. For works of a pool.
     */
    int *output;
    /*
     * The descriptors that the worker keeps beside its output, ended by -1, at most 30, none below 3: all others are
     * closed, and its standard streams lead nowhere. NULL: it keeps what the parent has open.
     */
    const int *keep;
};

/*
 * Runs it in a worker process, which may confine itself (compare_options.confine). The caller flushes its streams
 * before. A worker that crashes, is killed or gives no answer is COMPARE_ERROR_CRASHED, one that takes too long is
 * killed: COMPARE_ERROR_LIMIT. One that SIGINT, SIGTERM, SIGHUP or SIGQUIT ends is COMPARE_ERROR_INTERRUPTED. A worker
 * that is taken over by a crafted file can still lie about its outcome; compare_verify, elsewhere, tells.
 */
COMPARE_API int compare_in_worker(const struct compare_work *work, int *outcome, struct compare_error *error);

/* What became of a work of a pool. */
struct compare_ended {
    void *argument;                    /* the work's */
    int status, outcome;               /* as compare_in_worker gives them */
    const struct compare_error *error; /* set where status is not 0 */
    /*
     * What the worker wrote, -1: nothing. Its position is anywhere: pread from 0. Closed when the callback returns.
     * The worker may have been taken over: none of it is to be trusted.
     */
    int output;
    double seconds;
};

struct compare_pool;

struct compare_pool_options {
    size_t size;   /* sizeof(struct compare_pool_options) */
    unsigned jobs; /* works that run at once; 0: as many as there are processors for this process */
    /*
     * A descriptor, a signalfd for example; 0: none. Once it can be read, no work is begun any more, and those that
     * run are ended: COMPARE_ERROR_INTERRUPTED. The pool reads nothing from it.
     */
    int stop;
    /* Called in the parent for each work that has ended, in that order. It may add one work in its place. */
    void (*ended)(void *state, const struct compare_ended *ended);
    void (*tick)(void *state); /* NULL: none. Called some times a second, while the pool waits */
    void *state;
};

/*
 * A pool of workers: works that are added run at once, up to the number of jobs, each in a process of its own. One that
 * crashes, hangs or hits a limit costs that work alone. Streams are flushed before a work is added. One thread at a
 * time may use a pool. COMPARE_ERROR_MEMORY.
 */
COMPARE_API int compare_pool_open(const struct compare_pool_options *options, struct compare_pool **pool,
                                  struct compare_error *error);

/*
 * Begins a work, once there is a place for it; calls `ended` for others meanwhile. What the work points to must stay
 * until it has ended. A work that cannot be begun has ended: COMPARE_ERROR_SYSTEM. The one error that is returned is
 * COMPARE_ERROR_INTERRUPTED: the pool was told to stop, and the work is not begun.
 */
COMPARE_API int compare_pool_add(struct compare_pool *pool, const struct compare_work *work,
                                 struct compare_error *error);

/* Waits until all works have ended. COMPARE_ERROR_INTERRUPTED when the pool was told to stop. */
COMPARE_API int compare_pool_wait(struct compare_pool *pool, struct compare_error *error);

/* Frees the pool; works that still run are ended, and nobody hears of them. */
COMPARE_API void compare_pool_close(struct compare_pool *pool);

/* ---- Comparing -------------------------------------------------------------------------------------------------- */

enum compare_verdict {
    COMPARE_INCONCLUSIVE = 0, /* could not be decided: never to be taken for equality */
    COMPARE_IDENTICAL,        /* bit for bit */
    COMPARE_EQUIVALENT,       /* the two normal forms under the policy are equal byte for byte */
    COMPARE_DIFFERENT,
};

COMPARE_API const char *compare_verdict_name(enum compare_verdict verdict);

struct compare_options {
    size_t size;                         /* sizeof(struct compare_options) */
    const struct compare_policy *policy; /* NULL: standard. Must outlive the result */
    bool digest;                         /* take the SHA-256 of both files */
    bool confine;                        /* once the files are open, give up the rights of this process, for good */
    bool worker;                         /* this process is a worker: told in the report */
    const struct compare_limits *limits; /* NULL: the defaults */
    /*
     * Separate debug files, for explanations: each a file, or a directory that is searched by build ID, as
     * DIR/.build-id/ab/cdef.debug, DIR/ab/cdef.debug or DIR/usr/lib/debug/.build-id/ab/cdef.debug. NULL: none. No file
     * is opened because a compared file names it. For a directory the build ID is read by a process of its own.
     */
    const char *vendor_debug, *rebuilt_debug;
    bool explain; /* say where and why they differ; the verdict does not rest on it */
    /*
     * The .buildinfo files of both builds (deb-buildinfo(5)), for explanations: what differs between them is listed,
     * and weighed for the causes that were found. NULL: none. Signatures are not checked.
     */
    const char *vendor_buildinfo, *rebuilt_buildinfo;
    bool list; /* and show changed functions instruction by instruction, both sides side by side */
    /*
     * Set when the verdict stands and explaining begins; NULL: nobody asks. In memory that is shared with a worker it
     * tells, after its death, whether a comparison without the explanation may succeed: one that is made anew, for
     * nothing that a dead worker leaves can be relied on.
     */
    volatile bool *explaining;
    /* Where explain is false, though an explanation was tried: why it failed, for the report. As a compare_error's. */
    const char *unexplained;
};

struct compare_result;

/*
 * Compares two files. On success *result holds the verdict and its account; the caller frees it with
 * compare_result_free. The files stay mapped until then: reports quote their bytes. On failure there is no verdict
 * other than inconclusive, and *error says why. Directories are refused; pipes are read to their end.
 */
COMPARE_API int compare_files(const char *vendor, const char *rebuilt, const struct compare_options *options,
                              struct compare_result **result, struct compare_error *error);

/* Something to compare that may be open already: a whole file, or what stands in one (the member of an archive). */
struct compare_input {
    const char *name;      /* what reports and messages call it */
    int fd;                /* of a regular file; stays the caller's, whose position is not used. -1: name is opened */
    uint64_t offset, size; /* the bytes of it, exactly; not looked at where name is opened */
};

/*
 * Compares two inputs, as compare_files does. The names need not outlive the call. A range that ends past its file is
 * COMPARE_ERROR_CHANGED. Two ranges of one file that overlap are refused as one and the same file is.
 */
COMPARE_API int compare_inputs(const struct compare_input *vendor, const struct compare_input *rebuilt,
                               const struct compare_options *options, struct compare_result **result,
                               struct compare_error *error);

/*
 * Whether two open inputs are equal byte for byte; nothing of them is parsed. digest, where it is not NULL, has room
 * for 32 bytes: the SHA-256 of equal ones. *equal is true on success only. COMPARE_ERROR_SYSTEM, COMPARE_ERROR_CHANGED.
 */
COMPARE_API int compare_inputs_equal(const struct compare_input *vendor, const struct compare_input *rebuilt,
                                     bool *equal, uint8_t digest[32], struct compare_error *error);

/* The SHA-256 of an open input's bytes, of which nothing is parsed. Errors as of compare_inputs_equal. */
COMPARE_API int compare_input_digest(const struct compare_input *input, uint8_t digest[32],
                                     struct compare_error *error);

/* The same of bytes in memory. COMPARE_ERROR_SYSTEM. */
COMPARE_API int compare_bytes_digest(const void *bytes, size_t size, uint8_t digest[32], struct compare_error *error);

COMPARE_API void compare_result_free(struct compare_result *result);
COMPARE_API enum compare_verdict compare_result_verdict(const struct compare_result *result);
COMPARE_API struct compare_confinement compare_result_confinement(const struct compare_result *result);

/*
 * Why a separate debug file that was asked for is not used, in one line, escaped: none was found, or it belongs to
 * another build. NULL where there is nothing to say. The result owns it.
 */
COMPARE_API const char *compare_result_vendor_debug_note(const struct compare_result *result);
COMPARE_API const char *compare_result_rebuilt_debug_note(const struct compare_result *result);

/* The same of a .buildinfo file: it is malformed, or there is none of the other side. */
COMPARE_API const char *compare_result_vendor_buildinfo_note(const struct compare_result *result);
COMPARE_API const char *compare_result_rebuilt_buildinfo_note(const struct compare_result *result);

/* 0 identical or equivalent, 1 different, 2 inconclusive: as cmp and diff have it. */
COMPARE_API int compare_exit_status(enum compare_verdict verdict);

/* ---- Trees ------------------------------------------------------------------------------------------------------ */

struct compare_tree_progress {
    uint64_t pairs_done, pairs_known; /* more come to be known as archives are opened */
    uint64_t bytes_done, bytes_known; /* of both sides */
};

struct compare_tree_options {
    size_t size;                         /* sizeof(struct compare_tree_options) */
    const struct compare_policy *policy; /* NULL: standard. Must outlive the tree */
    const struct compare_limits *limits; /* NULL: the defaults. For each worker by itself */
    bool confine;                        /* workers give up their rights before they parse anything */
    bool explain;                        /* say where and why ELF files differ */
    /* As of compare_options; debug files are found by build ID, in directories. */
    const char *vendor_debug, *rebuilt_debug, *vendor_buildinfo, *rebuilt_buildinfo;
    unsigned jobs; /* workers that run at once; 0: as many as there are processors */
    /*
     * "PATTERN=PATTERN", NULL-terminated, NULL: none. Pairs members whose names differ: a star stands for any characters
     * but a slash, and what it stood for in the vendor's name stands in its place in the rebuilt one's. A directory's name
     * maps all that it holds.
     */
    const char *const *maps;
    int stop;                                                                    /* as of a pool; 0: none */
    void (*progress)(void *state, const struct compare_tree_progress *progress); /* NULL: none. Some times a second */
    void *state;
    bool digest; /* take the SHA-256 of both, where they are files */
};

/* Two directories, archives or packages, with all that they hold. */
struct compare_tree;

/*
 * Compares two directories, or two files with what they hold: members are paired, each pair of ELF files is compared as
 * compare_files does, all else as bytes, metadata field by field, and the containers' own bytes are accounted for. What a
 * file is, its content tells. This process lists directories and compares bytes; what is parsed is parsed by workers, and
 * one that fails costs its pair alone. On success, an interruption included, the caller frees *tree with
 * compare_tree_free. Not while a comparison runs in this process.
 */
COMPARE_API int compare_trees(const char *vendor, const char *rebuilt, const struct compare_tree_options *options,
                              struct compare_tree **tree, struct compare_error *error);

/*
 * The same of what may be open already: files, what stands in them, directories (whose offset and size are not looked
 * at). The names need not outlive the call. A range that ends past its file is COMPARE_ERROR_CHANGED. Two ranges of one
 * file are refused.
 */
COMPARE_API int compare_tree_inputs(const struct compare_input *vendor, const struct compare_input *rebuilt,
                                    const struct compare_tree_options *options, struct compare_tree **tree,
                                    struct compare_error *error);
COMPARE_API void compare_tree_free(struct compare_tree *tree);

/*
 * identical: all contents and metadata are equal. equivalent: what differs was set aside by rules. different: something is
 * unexplained, or of one side alone; this stands whatever else is inconclusive.
 */
COMPARE_API enum compare_verdict compare_tree_verdict(const struct compare_tree *tree);
COMPARE_API bool compare_tree_interrupted(const struct compare_tree *tree);

/* Whether this is a directory, or a file that holds others. Nothing is parsed; false where it cannot be read. */
COMPARE_API bool compare_is_tree(const char *path);
/* Whether an open input is a file that holds others. */
COMPARE_API bool compare_input_is_tree(const struct compare_input *input);

/* ---- Reports ---------------------------------------------------------------------------------------------------- */

struct compare_report_options {
    size_t size;        /* sizeof(struct compare_report_options) */
    bool color;         /* text: escape sequences for a terminal */
    bool all_findings;  /* text: every finding, not the telling ones only */
    bool explain_all;   /* text: every root with all its places, causes that are less likely, and listings */
    unsigned width;     /* text: columns; 0 for 100 */
    uint64_t max_bytes; /* JSON: bytes quoted of each side of a finding; 0 for all */
};

/*
 * Write the report of a finished result. NULL options stand for the defaults. COMPARE_ERROR_SYSTEM when the stream
 * fails, COMPARE_ERROR_CHANGED when a file is found truncated while its bytes are quoted.
 */
COMPARE_API int compare_report_text(const struct compare_result *result, const struct compare_report_options *options,
                                    FILE *out, struct compare_error *error);
COMPARE_API int compare_report_json(const struct compare_result *result, const struct compare_report_options *options,
                                    FILE *out, struct compare_error *error);

/*
 * The result in one line of JSON, for runs over many pairs: verdict, SHA-256 (where options.digest took it) and size of
 * both, the tally, and the first roots with cause, confidence, place and values. No paths; nothing of the machine.
 */
COMPARE_API int compare_report_line(const struct compare_result *result, FILE *out, struct compare_error *error);

/* The JSON report of a comparison that failed: verdict inconclusive, with the error. policy may be NULL. */
COMPARE_API int compare_report_json_error(const struct compare_error *failure, const char *policy, FILE *out,
                                          struct compare_error *error);

/*
 * The same of a tree: for people; for machines (tree.schema.json); for CI, as JUnit has it, each pair of files a test
 * case. Of the options text looks at color, all_findings and width.
 */
COMPARE_API int compare_tree_report_text(const struct compare_tree *tree, const struct compare_report_options *options,
                                         FILE *out, struct compare_error *error);
COMPARE_API int compare_tree_report_json(const struct compare_tree *tree, const struct compare_report_options *options,
                                         FILE *out, struct compare_error *error);
COMPARE_API int compare_tree_report_junit(const struct compare_tree *tree, const struct compare_report_options *options,
                                          FILE *out, struct compare_error *error);

/*
 * The same in one line of JSON: verdict, SHA-256 (where options.digest took it) and size of both files, the members
 * counted by verdict, the tally of all bytes, why it differs, grouped over all members, and the error of an inconclusive
 * one. Nothing of the machine; of an interrupted comparison there is no line: COMPARE_ERROR_INTERRUPTED.
 */
COMPARE_API int compare_tree_report_line(const struct compare_tree *tree, FILE *out, struct compare_error *error);

/* ---- Verifying a report ----------------------------------------------------------------------------------------- */

/* What a report was found to be right about. */
struct compare_verified {
    enum compare_verdict verdict;
    char policy[256];                      /* the name of its policy; not escaped */
    uint64_t identical;                    /* bytes, of each file */
    uint64_t set_aside[2], unexplained[2]; /* bytes, vendor's and rebuilt's */
};

/*
 * A second way to the same answer: holds a JSON report (with digests, as the command line writes it) against the two
 * files, by code that shares nothing with what made it but the reading of the files. 0 when the report is right;
 * COMPARE_ERROR_REFUSED with what is not; other errors when a file cannot be read. A verdict of `different` is held
 * to the bytes that it says differ; that no rule could excuse them is not shown.
 */
COMPARE_API int compare_verify(const char *report, const char *vendor, const char *rebuilt,
                               const struct compare_options *options, struct compare_verified *verified,
                               struct compare_error *error);

/* ---- One file alone --------------------------------------------------------------------------------------------- */

/*
 * Writes the normal form of a file: everything that the policy's rules do not set aside, as a valid ELF file that
 * loads the same. Two files have bit-identical normal forms exactly when compare_files calls them identical or
 * equivalent under the same policy. options NULL: policy standard; their digest is not looked at.
 */
COMPARE_API int compare_normalise(const char *path, const struct compare_options *options, FILE *out,
                                  struct compare_error *error);

/* The SHA-256 of that normal form. digest has room for 32 bytes. */
COMPARE_API int compare_digest(const char *path, const struct compare_options *options, uint8_t digest[32],
                               struct compare_error *error);

COMPARE_API const char *compare_version(void);

#ifdef __cplusplus
}
#endif

#endif
