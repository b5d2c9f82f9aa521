/* The two works that are done in confined workers: listing a container, comparing two ELF files. Private to this room. */
#ifndef CONTAINER_WORKS_H
#define CONTAINER_WORKS_H

#include "kinds.h"
#include "sources.h"

/* What both need to know. */
struct work_options {
    const struct compare_policy *policy;
    const struct compare_limits *limits; /* what the user gave; NULL: the defaults */
    bool confine, explain;
    const char *debug[2], *buildinfo[2]; /* vendor's, rebuilt's; NULL: none */
};

/* A work as the pool gets it, whose argument is this; the first member of each of them. */
struct work {
    struct compare_work begun;
    void *owner;
};

/* ---- Listing (unpack.c) ---- */

struct unpack_work {
    struct work work;
    const struct work_options *options;
    const char *name; /* for messages */
    enum kind kind;
    struct stretch stretch;
    int output;   /* the list */
    int contents; /* what is in no other file as it is */
    int keep[4];
    struct compare_limits limits;
};

/* Fills in the work; contents is the caller's, who keeps all of it until the work has ended. */
void unpack_prepare(struct unpack_work *unpack, const struct work_options *options, const char *name, enum kind kind,
                    const struct stretch *stretch, int contents);

/* For a work that runs outside the pool: the list goes to a file of the caller's. */
void unpack_list_into(struct unpack_work *unpack, int fd);

/* ---- Build IDs (build_id.c) ---- */

#define BUILD_ID_KEY 32

/* The build ID of what is an ELF file, with zeros behind it, read by a worker. False where there is none. */
bool build_id_of(const struct work_options *options, const struct stretch *stretch, uint8_t id[BUILD_ID_KEY]);

/* ---- Comparing ELF files (files.c) ---- */

#define ANSWER_ROOTS 8

struct answer_root {
    char cause[48], what[128], key[256], place[256], vendor[200], rebuilt[200];
    uint32_t confidence;
    uint64_t differing;
};

struct answer_moved {
    uint32_t tried; /* 0 or 1 */
    char not_tried[128];
    struct moved_counts counts;
    uint64_t changed_functions;
};

/* What a worker says of a pair. All of it is checked (answer_take) before it is believed. */
struct answer {
    uint32_t magic, verdict, root_count, roots_left_out;
    struct tally tally[2];
    struct answer_moved moved;
    struct answer_root roots[ANSWER_ROOTS];
    char note[512];
};

struct files_work {
    struct work work;
    const struct work_options *options;
    const char *names[2];
    struct stretch stretches[2];
    int output;
    int keep[3];
    volatile bool *explaining; /* shared with the worker */
    char unexplained[768];     /* why a first try of explaining failed; empty: it is the first */
};

void files_prepare(struct files_work *files, const struct work_options *options, const char *vendor,
                   const char *rebuilt, const struct stretch stretches[2]);
/* For a second try, without the explanation, where the first one failed amid it. */
bool files_may_try_again(const struct files_work *files, int status);
void files_end(struct files_work *files);

/* What the worker wrote, if it is sound and fits what is known of the pair. */
int answer_take(int fd, int outcome, const struct files_work *files, struct answer *answer,
                struct compare_error *error);

#endif
