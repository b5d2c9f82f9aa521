/*
 * The configuration that a Linux kernel carries in itself (kernel/configs.c): a gzip stream between two marks, of lines
 * such as CONFIG_SMP=y. It is unpacked by zlib, into memory and to a limit, and compared line by line.
 */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "kernel_config.h"

#define MARK_BEGIN  "IKCFG_ST"
#define MARK_END    "IKCFG_ED"
#define MARK_SIZE   8u
#define PACKED_MOST ((uint64_t)1 << 20) /* a full one has 60 KiB, and 300 KiB unpacked */
#define PLAIN_MOST  ((uint64_t)4 << 20)

struct config {
    struct arena arena;
    char *text;
    struct names lines; /* sorted */
};

struct range config_find(const struct image *image)
{
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        struct range in = section->bytes;
        if (section->type != SHT_PROGBITS || (section->flags & (SHF_ALLOC | SHF_EXECINSTR)) != SHF_ALLOC)
            continue;
        const uint8_t *found = memmem(image->bytes + in.begin, range_size(in), MARK_BEGIN, MARK_SIZE);
        uint64_t begin = found != NULL ? (uint64_t)(found - image->bytes) + MARK_SIZE : in.end;
        uint64_t most = in.end - begin < PACKED_MOST ? in.end - begin : PACKED_MOST;
        const uint8_t *end = memmem(image->bytes + begin, most, MARK_END, MARK_SIZE);
        if (end != NULL)
            return (struct range){begin, (uint64_t)(end - image->bytes)};
    }
    return (struct range){0, 0};
}

/* Unpacks one gzip stream of text; NULL where it is none, or too much. The text ends with a NUL. */
static char *unpacked(struct arena *arena, const uint8_t *bytes, uint64_t size)
{
    z_stream stream = {.next_in = (uint8_t *)(uintptr_t)bytes, .avail_in = (uInt)size};
    char *text = arena_alloc(arena, PLAIN_MOST, 1);
    if (text == NULL || inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        return NULL;
    stream.next_out = (uint8_t *)text;
    stream.avail_out = (uInt)PLAIN_MOST - 1;
    int status = inflate(&stream, Z_FINISH);
    uint64_t made = stream.total_out;
    inflateEnd(&stream);
    if (status != Z_STREAM_END || memchr(text, '\0', made) != NULL)
        return NULL;
    text[made] = '\0';
    return text;
}

static int line_order(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Cuts the text into lines, in place. */
static bool read_lines(struct config *config)
{
    size_t most = 1;
    for (const char *at = config->text; *at != '\0'; at++)
        most += *at == '\n';
    config->lines.items = arena_alloc(&config->arena, most, sizeof(char *));
    for (char *rest = config->text, *line; config->lines.items != NULL && (line = strsep(&rest, "\n")) != NULL;)
        config->lines.items[config->lines.count++] = line;
    if (config->lines.items == NULL)
        return false;
    qsort(config->lines.items, config->lines.count, sizeof(char *), line_order);
    return true;
}

static bool config_open(const struct image *image, struct range packed, struct config *config)
{
    *config = (struct config){0};
    config->text = unpacked(&config->arena, image->bytes + packed.begin, range_size(packed));
    return config->text != NULL && read_lines(config);
}

static void first_of(char *shown, size_t size, const char *line)
{
    if (shown[0] == '\0')
        escape_bytes(shown, size, (const uint8_t *)line, strlen(line));
}

static void compare_lines(const struct names *a, const struct names *b, struct config_change *change)
{
    size_t i = 0, k = 0, only_a = 0, only_b = 0;
    while (i < a->count || k < b->count) {
        int order = i == a->count ? 1 : k == b->count ? -1 : strcmp(a->items[i], b->items[k]);
        if (order < 0)
            first_of(change->vendor, sizeof(change->vendor), a->items[i]);
        if (order > 0)
            first_of(change->rebuilt, sizeof(change->rebuilt), b->items[k]);
        only_a += order < 0;
        only_b += order > 0;
        i += order <= 0;
        k += order >= 0;
    }
    change->count = only_a > only_b ? only_a : only_b;
}

bool config_holds(const struct clues *clues, const struct difference *difference)
{
    bool vendor = difference->vendor.present, rebuilt = difference->rebuilt.present;
    return (vendor || rebuilt) && (!vendor || range_overlaps(clues->vendor.configuration, difference->vendor.bytes)) &&
           (!rebuilt || range_overlaps(clues->rebuilt.configuration, difference->rebuilt.bytes));
}

bool config_compare(const struct clues *clues, struct config_change *change)
{
    struct config a = {0}, b = {0};
    *change = (struct config_change){0};
    bool read = config_open(clues->vendor.image, clues->vendor.configuration, &a) &&
                config_open(clues->rebuilt.image, clues->rebuilt.configuration, &b);
    if (read)
        compare_lines(&a.lines, &b.lines, change);
    arena_free(&a.arena);
    arena_free(&b.arena);
    return read;
}
