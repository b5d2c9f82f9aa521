/* The limits by name. A bomb is a small file, and an honest file of 2 GB is not: defaults grow with the files. */
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define MIB ((uint64_t)1 << 20)

static const struct {
    struct compare_limit_info info;
    size_t place;                   /* in struct compare_limits */
    uint64_t fixed, times, divided; /* the default: fixed + size of the files * times / divided */
} table[] = {
    {{"memory", "bytes", "memory that a comparison may take, beside the files themselves"},
     offsetof(struct compare_limits, memory),
     768 * MIB,
     2,
     1},
    {{"time", "seconds", "time that a comparison may take"}, offsetof(struct compare_limits, time), 10, 1, 8 * MIB},
    {{"decompressed", "bytes", "what the compressed sections of a file may come to"},
     offsetof(struct compare_limits, decompressed),
     256 * MIB,
     2,
     1},
    /* Real objects reach some 600,000 (-ffunction-sections). */
    {{"sections", "count", "section headers of a file"}, offsetof(struct compare_limits, sections), 2000000, 0, 1},
    {{"findings", "count", "differences that are listed"}, offsetof(struct compare_limits, findings), 2000000, 0, 1},
    {{"stream", "bytes", "what is read from a pipe or device"},
     offsetof(struct compare_limits, stream),
     4096 * MIB,
     0,
     1},
    /* A report quotes the bytes that differ, in hexadecimal, and may list each of them with its place. */
    {{"output", "bytes", "what the worker of one of many pairs may write"},
     offsetof(struct compare_limits, output),
     256 * MIB,
     16,
     1},
    /* Of what real packages hold, xz makes a tenth, and now and then a hundredth. */
    {{"unpacked", "bytes", "what a compressed file or an archive may come to"},
     offsetof(struct compare_limits, unpacked),
     1024 * MIB,
     32,
     1},
    {{"members", "count", "members of a directory or archive"},
     offsetof(struct compare_limits, members),
     1000000,
     0,
     1},
    {{"depth", "count", "archives and compressed files within one another"},
     offsetof(struct compare_limits, depth),
     16,
     0,
     1},
};

const struct compare_limit_info *compare_limit_at(size_t index)
{
    return index < ARRAY_COUNT(table) ? &table[index].info : NULL;
}

static uint64_t *value_of(struct compare_limits *limits, size_t index)
{
    return (uint64_t *)(void *)((char *)limits + table[index].place);
}

int compare_limit_set(struct compare_limits *limits, const char *name, uint64_t value)
{
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        if (strcmp(table[i].info.name, name) == 0) {
            *value_of(limits, i) = value;
            return 0;
        }
    }
    return COMPARE_ERROR_LIMIT;
}

struct compare_limits limits_for(const struct compare_limits *wanted, uint64_t file_size)
{
    struct compare_limits limits = {.size = sizeof(limits)};
    if (wanted != NULL)
        limits = *wanted;
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        uint64_t grown, *value = value_of(&limits, i);
        if (__builtin_mul_overflow(file_size, table[i].times, &grown))
            grown = UINT64_MAX / 2;
        if (*value == 0)
            *value = table[i].fixed + grown / table[i].divided;
    }
    return limits;
}
