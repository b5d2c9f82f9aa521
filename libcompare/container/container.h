/*
 * container: trees, archives and packages. Lists what each side holds, pairs the members, hands each pair of ELF files to
 * the way of a byte and compares all else as bytes, and accounts for what is the containers' own. Knows no ELF internals.
 *
 *   kinds.c        what a file is, by its content; streams.c, lz4.c, tar.c, pax.c, cpio.c, ar.c, ar_symbols.c, rpm.c,
 *                  module.c, foreign.c, squashfs.c: one file for each format, run in a confined worker
 *   deb.c, digests.c   what a package says of its own files
 *   listing.c      the list of members and of the container's own bytes, while it is made
 *   received.c     the same from a worker, believed only as far as it is checked
 *   names.c        names that are odd, hard links;  attributes.c  extended attributes
 *   directory.c    the list of a directory's members, made without following a link
 *   sources.c      open files and their ranges: what is judged is what was opened
 *   unpack.c       the worker that lists;  files.c  the one that compares two ELF files;  build_id.c  the one that reads an ID
 *   pairing.c      which member is which;  map.c  the user's --map
 *   metadata.c     modes, owners, links, devices, attributes, times
 *   account.c      the containers' own bytes
 *   contents.c     two files as bytes, and where they first differ
 *   mixed.c        a directory against an archive
 *   tree.c         the order of it all, and the verdict
 */
#ifndef CONTAINER_CONTAINER_H
#define CONTAINER_CONTAINER_H

#include "../judge/judge.h"

enum member_type {
    MEMBER_OTHER = 0,
    MEMBER_FILE,
    MEMBER_DIRECTORY,
    MEMBER_LINK,      /* symbolic */
    MEMBER_HARD_LINK, /* to what is no file before it; sound ones are files */
    MEMBER_CHARACTER_DEVICE,
    MEMBER_BLOCK_DEVICE,
    MEMBER_FIFO,
    MEMBER_SOCKET,
    MEMBER_TYPES,
};

/* How two members were found to be a pair. */
enum tree_pairing {
    PAIRED_BY_PATH = 0,
    PAIRED_BY_MAP,      /* the user's --map */
    PAIRED_BY_CONTENT,  /* renamed: equal contents */
    PAIRED_BY_BUILD_ID, /* renamed: the same build ID */
    PAIRED_BY_NAME,     /* renamed: the same name but for its directory or its numbers */
    ONLY_VENDOR,
    ONLY_REBUILT,
    TREE_PAIRINGS,
};

/* A difference that is no byte of a file's content: of metadata, names, or the container's own bytes. */
struct tree_fact {
    const char *what;             /* "mode", "owner", "security.capability", "header bytes"; escaped */
    const char *vendor, *rebuilt; /* escaped; NULL: none there */
    enum rule_index rule;         /* that sets it aside; RULE_COUNT: none does */
};

/* Something odd about one side's container: no rule applies to it. */
struct tree_anomaly {
    bool rebuilt; /* whose it is */
    const char *id, *message;
};

/* Why a pair of files differs. Texts are escaped; NULL where not known. */
struct tree_root {
    const char *cause; /* an ID of the table of causes; NULL: unknown */
    const char *what, *key, *place, *vendor, *rebuilt, *remedy;
    unsigned confidence;
    uint64_t differing;
};

/* What was proven of two files to have only moved. */
struct tree_moved {
    const char *not_tried; /* why nothing was looked at; NULL: it was */
    struct moved_counts counts;
    uint64_t changed_functions; /* of which not all is proven */
};

struct tree_pair {
    const char *path;         /* escaped, from the top; what is within another file stands behind "!/" */
    const char *rebuilt_path; /* where it has another name there; else NULL */
    const char *kind;         /* "ELF", "tar archive", "symbolic link" */
    enum tree_pairing pairing;
    enum compare_verdict own; /* of what is its own: not of what it holds */
    const char *error;        /* inconclusive: why */
    int status;               /* and of which kind, as of a compare_error; else 0 */
    int unexplained;          /* the same of what cost its explanation alone */
    const char *note;         /* what else is to be said: "compared as bytes: ..." */
    uint64_t size[2];         /* vendor's, rebuilt's */
    struct tally *tally;      /* two, of what is its own; NULL: identical, or nothing of it is known */
    struct tree_moved *moved; /* NULL: not by this policy, or not of what is compared so */
    struct tree_fact *facts;
    struct tree_anomaly *anomalies;
    struct tree_root *roots;
    size_t fact_count, anomaly_count, root_count, roots_left_out;
    size_t holder; /* the pair that holds it; SIZE_MAX: none */
    bool container;
    double seconds;
};

/* Roots of all files that have cause and key in common. */
struct tree_group {
    const char *cause, *key; /* as a root's */
    const char *first;       /* path of the first file */
    uint64_t file_count, differing;
};

struct compare_tree {
    struct arena arena;
    const char *vendor_path, *rebuilt_path;
    const struct compare_policy *policy;
    struct compare_policy *own_policy;
    struct tree_pair *pairs; /* [0] is the whole */
    size_t pair_count;
    struct tree_group *groups; /* most files first */
    size_t group_count;
    uint64_t counts[4]; /* by verdict, of what is each one's own */
    uint64_t alone[2];  /* members of one side */
    uint64_t anomaly_count;
    uint64_t facts_by_rule[RULE_COUNT + 1]; /* [RULE_COUNT]: unexplained */
    struct tally tally[2];                  /* of all files together */
    enum compare_verdict verdict;
    bool interrupted;
    bool digested[2]; /* where it was asked for: a directory has no digest */
    uint8_t digest[2][32];
    uint64_t file_size[2];
    double seconds;
};

const char *tree_pairing_name(enum tree_pairing pairing);

#endif
