/*
 * confine: what stands between a hostile file and the machine. The files are open; the process gives up its rights, and
 * only then is anything parsed. Knows nothing of ELF.
 *
 *   confine.c   no new privileges, Landlock, limits on memory, seccomp: for the calling process, for good
 *   worker.c    a process for one piece of work, so that its death costs that work only
 *   pool.c      several of them at once; its functions are public (libcompare.h)
 */
#ifndef CONFINE_CONFINE_H
#define CONFINE_CONFINE_H

#include "../base/base.h"

/*
 * Takes from the calling process whatever reading open files does not need. memory: bytes that it may map from now
 * on. What the kernel lacks is left out and told in *got; what should work and fails is an error. The allowed calls
 * suit one thread that reads, computes, and writes to streams that are open.
 */
int confine_process(uint64_t memory, struct compare_confinement *got, struct compare_error *error);

#endif
