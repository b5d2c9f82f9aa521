/*
 * The build ID of a member that has no partner, as a guess where its partner is (pairing.c). The member is parsed by a
 * confined worker, which leaves the ID in shared memory; a wrong one costs a wrong guess, which the report shows.
 */
#include <string.h>
#include <sys/mman.h>

#include "../confine/confine.h"
#include "works.h"

/* A process that may open nothing cannot write its counts. */
#ifdef COMPARE_COVERAGE
#define MAY_CONFINE false
#else
#define MAY_CONFINE true
#endif

struct reading {
    const struct work_options *options;
    const struct stretch *stretch;
    struct image image;
    uint8_t *shared; /* BUILD_ID_KEY bytes, zeros where there is no ID */
    struct compare_error *error;
};

static int read_step(void *argument)
{
    struct reading *reading = argument;
    struct range id;
    int status = image_parse(&reading->image, reading->error);
    if (status == 0 && image_build_id(&reading->image, &id) && range_size(id) <= BUILD_ID_KEY)
        memcpy(reading->shared, reading->image.bytes + id.begin, range_size(id));
    return status;
}

static int read_in_worker(void *argument, int *outcome, struct compare_error *error)
{
    struct reading *reading = argument;
    struct compare_confinement got;
    const struct compare_input input = {.name = "a member",
                                        .fd = reading->stretch->source->fd,
                                        .offset = reading->stretch->begin,
                                        .size = stretch_size(reading->stretch)};
    reading->error = error;
    *outcome = 0;
    int status = image_open_input(&input, reading->options->limits, &reading->image, error);
    if (status == 0 && reading->options->confine && MAY_CONFINE)
        status = confine_process(limits_for(reading->options->limits, input.size).memory, &got, error);
    if (status == 0)
        status = image_guard(read_step, reading, error);
    image_close(&reading->image);
    return status;
}

bool build_id_of(const struct work_options *options, const struct stretch *stretch, uint8_t id[BUILD_ID_KEY])
{
    struct reading reading = {.options = options, .stretch = stretch};
    const int keep[] = {stretch->source->fd, -1};
    struct compare_work work = {.what = "a member",
                                .size = stretch_size(stretch),
                                .limits = options->limits,
                                .run = read_in_worker,
                                .argument = &reading,
                                .keep = keep};
    static const uint8_t none[BUILD_ID_KEY];
    struct compare_error error;
    int outcome;
    if (kind_tell(stretch->source->fd, stretch->begin, stretch_size(stretch)) != KIND_ELF)
        return false;
    reading.shared = mmap(NULL, BUILD_ID_KEY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (reading.shared == MAP_FAILED)
        return false;
    bool read = compare_in_worker(&work, &outcome, &error) == 0;
    /* The worker is gone, so that nothing changes any more. */
    memcpy(id, reading.shared, BUILD_ID_KEY);
    munmap(reading.shared, BUILD_ID_KEY);
    return read && memcmp(id, none, BUILD_ID_KEY) != 0;
}
