/*
 * --map PATTERN=PATTERN: names that differ in a version, say. A star stands for any characters but a slash; what it stood
 * for in the vendor's name stands in its place in the rebuilt one's. A directory's name maps all that it holds.
 */
#include "pairing.h"

#include <string.h>

#define STARS_MOST 8

bool map_is_sound(const char *map)
{
    const char *equals = strchr(map, '=');
    size_t stars[2] = {0, 0};
    if (equals == NULL || equals == map || equals[1] == '\0' || strchr(equals + 1, '=') != NULL)
        return false;
    for (const char *at = map; *at != '\0'; at++)
        stars[at > equals] += *at == '*';
    return stars[0] == stars[1] && stars[0] <= STARS_MOST;
}

/* Whether the text fits the pattern; what each star stood for. The shortest that fits, with a way back. */
static bool fits(const char *pattern, const char *pattern_end, const char *text, const char *text_end,
                 struct span *spans, size_t index, unsigned *steps)
{
    while (pattern < pattern_end && *pattern != '*') {
        if (text == text_end || *text != *pattern)
            return false;
        pattern++;
        text++;
    }
    if (pattern == pattern_end)
        return text == text_end;
    for (const char *end = text; *steps > 0; end++) {
        (*steps)--;
        spans[index] = (struct span){text, (size_t)(end - text)};
        if (fits(pattern + 1, pattern_end, end, text_end, spans, index + 1, steps))
            return true;
        if (end == text_end || *end == '/')
            return false;
    }
    return false;
}

static size_t map_whole(const char *map, const char *name, size_t size, char *mapped, size_t mapped_size,
                        unsigned *steps)
{
    struct span spans[STARS_MOST];
    const char *equals = strchr(map, '=');
    size_t used = 0, index = 0;
    if (!fits(map, equals, name, name + size, spans, 0, steps))
        return 0;
    for (const char *at = equals + 1; *at != '\0'; at++) {
        struct span part = *at == '*' ? spans[index++] : (struct span){at, 1};
        if (part.size > mapped_size - used)
            return 0;
        memcpy(mapped + used, part.bytes, part.size);
        used += part.size;
    }
    return used;
}

size_t map_name(const char *map, const char *name, size_t size, char *mapped, size_t mapped_size)
{
    unsigned steps = 10000; /* stars can be tried in very many ways */
    /* The name, or a directory on the way to it, the longest first. */
    for (size_t end = size; end > 0; end--) {
        if (end < size && name[end] != '/')
            continue;
        size_t used = map_whole(map, name, end, mapped, mapped_size, &steps);
        if (used == 0 || used > mapped_size - (size - end))
            continue;
        memcpy(mapped + used, name + end, size - end);
        return used + size - end;
    }
    return 0;
}
