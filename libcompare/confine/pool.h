/*
 * Many works at once, each in a worker process of its own; what runs at one time is bounded by the pool's jobs, and so
 * is what the parent holds of it. The functions are public: libcompare.h describes them.
 */
#ifndef CONFINE_POOL_H
#define CONFINE_POOL_H

#include "worker.h"

struct pollfd;

struct compare_pool {
    struct compare_pool_options options;
    struct worker *workers; /* options.jobs of them */
    struct pollfd *waits;   /* one more than workers */
    size_t running;
    bool stopped;
    int64_t next_tick;
};

#endif
