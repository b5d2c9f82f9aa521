/*
 * The worker that lists a container: it has the container's bytes, a file for the list and a file for contents, and no
 * other right. Whatever it makes is checked by who reads it (received.c).
 */
#include "../confine/confine.h"
#include "deb.h"
#include "works.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* A process that may open nothing cannot write its counts. */
#ifdef COMPARE_COVERAGE
#define MAY_CONFINE false
#else
#define MAY_CONFINE true
#endif

struct listing_step {
    struct unpack_work *unpack;
    struct image image; /* opened for its bytes, not parsed */
    void *window;       /* NULL: none */
    struct compare_error *error;
};

static int list_step(void *argument)
{
    struct listing_step *step = argument;
    struct lister lister;
    lister_begin(&lister, step->unpack->name, &step->unpack->limits, step->error);
    lister.bytes = step->image.bytes;
    lister.size = step->image.size;
    lister.contents = step->unpack->contents;
    lister.window = step->window;
    lister.window_size = step->unpack->limits.unpacked;
    int status = kind_table[step->unpack->kind].list(&lister);
    status = lister.failure != 0 ? lister.failure : status;
    if (status == 0)
        status = image_check_unchanged(&step->image, step->error);
    if (status == 0)
        status = listing_send(&lister, step->unpack->output);
    lister_end(&lister);
    return status;
}

/* Where memory was limited, there being none of it is that limit's work. */
static int name_the_limit(const struct unpack_work *unpack, int status, struct compare_error *error)
{
    if (status != COMPARE_ERROR_MEMORY || !unpack->options->confine)
        return status;
    return limit_hit(error, unpack->name, "memory", unpack->limits.memory, "memory");
}

/* What a package holds is looked into at once: place for it, and OpenSSL, before the process gives up its rights. */
static void prepare_for_packages(struct listing_step *step)
{
    void *window =
        mmap(NULL, step->unpack->limits.unpacked, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    step->window = window != MAP_FAILED ? window : NULL;
    deb_warm_up();
}

static int list_in_worker(void *argument, int *outcome, struct compare_error *error)
{
    struct listing_step step = {.unpack = argument, .error = error};
    const struct unpack_work *unpack = step.unpack;
    struct compare_confinement got;
    struct rlimit held, most = {unpack->limits.output, unpack->limits.output};
    const struct compare_input input = {.name = unpack->name,
                                        .fd = unpack->stretch.source->fd,
                                        .offset = unpack->stretch.begin,
                                        .size = stretch_size(&unpack->stretch)};
    if (getrlimit(RLIMIT_FSIZE, &held) == 0 && held.rlim_max < most.rlim_max)
        most.rlim_cur = most.rlim_max = held.rlim_max;
    if (setrlimit(RLIMIT_FSIZE, &most) != 0)
        return error_set(error, COMPARE_ERROR_SYSTEM, unpack->name, "cannot limit what the worker writes");
    int status = image_open_input(&input, &unpack->limits, &step.image, error);
    if (status == 0 && unpack->kind == KIND_DEB)
        prepare_for_packages(&step);
    if (status == 0 && unpack->options->confine && MAY_CONFINE)
        status = confine_process(unpack->limits.memory, &got, error);
    if (status == 0)
        status = image_guard(list_step, &step, error);
    image_close(&step.image);
    *outcome = 0;
    return name_the_limit(unpack, status, error);
}

void unpack_prepare(struct unpack_work *unpack, const struct work_options *options, const char *name, enum kind kind,
                    const struct stretch *stretch, int contents)
{
    *unpack = (struct unpack_work){.options = options,
                                   .name = name,
                                   .kind = kind,
                                   .stretch = *stretch,
                                   .output = -1,
                                   .contents = contents,
                                   .keep = {stretch->source->fd, contents, -1},
                                   .limits = limits_for(options->limits, stretch_size(stretch))};
    /* Decoders take their time by what they make, not by what they read. */
    if (options->limits == NULL || options->limits->time == 0)
        unpack->limits.time *= 4;
    /* What it writes is bounded as contents are. */
    if (unpack->limits.output < unpack->limits.unpacked)
        unpack->limits.output = unpack->limits.unpacked;
    unpack->work.begun = (struct compare_work){.what = name,
                                               .limits = &unpack->limits,
                                               .run = list_in_worker,
                                               .argument = unpack,
                                               .size = stretch_size(stretch),
                                               .output = &unpack->output,
                                               .keep = unpack->keep};
}

void unpack_list_into(struct unpack_work *unpack, int fd)
{
    unpack->output = fd;
    unpack->work.begun.output = NULL;
    unpack->keep[2] = fd;
    unpack->keep[3] = -1;
}
