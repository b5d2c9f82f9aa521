/*
 * Two contents as bytes: whether they are equal, and the nearest thing to an explanation where they are no ELF files: the
 * line of text where they first differ, or the bytes there. Blocks are read side by side; nothing is held in memory.
 */
#include "contents.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t)256 * 1024)
#define SHOWN 100 /* bytes of a line */

struct blocks {
    uint8_t *vendor, *rebuilt;
};

static int gone(struct compare_error *error)
{
    return error_set(error, COMPARE_ERROR_CHANGED, NULL, "the file changed while it was being compared");
}

static int blocks_begin(struct blocks *blocks, struct compare_error *error)
{
    blocks->vendor = malloc(2 * BLOCK);
    blocks->rebuilt = blocks->vendor + BLOCK;
    return blocks->vendor != NULL ? 0 : error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
}

int contents_equal(const struct stretch *vendor, const struct stretch *rebuilt, bool *equal,
                   struct compare_error *error)
{
    struct blocks blocks;
    uint64_t size = stretch_size(vendor);
    *equal = false;
    if (size != stretch_size(rebuilt))
        return 0;
    int status = blocks_begin(&blocks, error);
    uint64_t at = 0;
    for (size_t part = 0; status == 0 && at < size; at += part) {
        part = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
        if (!stretch_read(vendor, at, blocks.vendor, part) || !stretch_read(rebuilt, at, blocks.rebuilt, part))
            status = gone(error);
        else if (memcmp(blocks.vendor, blocks.rebuilt, part) != 0)
            break;
    }
    *equal = status == 0 && at >= size;
    free(blocks.vendor);
    return status;
}

/* ---- Where they differ ---- */

struct search {
    bool text, found;
    uint64_t line_begin, lines;
};

static void search_block(struct search *search, const uint8_t *vendor, const uint8_t *rebuilt, size_t size, uint64_t at,
                         struct content_difference *difference)
{
    for (size_t i = 0; i < size; i++) {
        bool differs = vendor[i] != rebuilt[i];
        if (differs && !search->found) {
            search->found = true;
            difference->first = at + i;
        }
        difference->equal += !differs;
        if (search->found)
            continue;
        if (vendor[i] == '\n') {
            search->lines++;
            search->line_begin = at + i + 1;
        } else if ((vendor[i] < ' ' && vendor[i] != '\t' && vendor[i] != '\r') || vendor[i] == 0x7f) {
            search->text = false;
        }
    }
}

/* The line, or what of it is around the place where it differs; of what is no text, some bytes from there. */
static const char *show(const struct stretch *stretch, const struct search *search, uint64_t first, struct arena *arena)
{
    uint8_t bytes[SHOWN];
    char shown[4 * SHOWN + 8];
    bool near = search->text && first - search->line_begin < SHOWN / 2;
    uint64_t from = !search->text ? first : near ? search->line_begin : first - SHOWN / 2;
    uint64_t left = stretch_size(stretch) > from ? stretch_size(stretch) - from : 0;
    size_t size = search->text ? SHOWN : 16;
    size = left < size ? (size_t)left : size;
    if (size == 0 || !stretch_read(stretch, from, bytes, size))
        return size == 0 ? "(the end)" : NULL;
    const uint8_t *end = search->text ? memchr(bytes, '\n', size) : NULL;
    size = end != NULL ? (size_t)(end - bytes) : size;
    if (search->text)
        return arena_printf(arena, "%s%s", near ? "" : "...", escape_bytes(shown, sizeof(shown), bytes, size));
    for (size_t i = 0; i < size; i++)
        snprintf(shown + 3 * i, 4, "%02x ", bytes[i]);
    shown[size > 0 ? 3 * size - 1 : 0] = '\0';
    return arena_strdup(arena, shown);
}

/* What is text up to there may be none behind it. */
static bool is_text_here(const struct stretch *stretch, uint64_t from)
{
    uint8_t bytes[SHOWN];
    uint64_t left = stretch_size(stretch) > from ? stretch_size(stretch) - from : 0;
    size_t size = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
    if (size > 0 && !stretch_read(stretch, from, bytes, size))
        return false;
    for (size_t i = 0; i < size && bytes[i] != '\n'; i++) {
        if ((bytes[i] < ' ' && bytes[i] != '\t' && bytes[i] != '\r') || bytes[i] == 0x7f)
            return false;
    }
    return true;
}

int contents_differ(const struct stretch *vendor, const struct stretch *rebuilt, struct arena *arena,
                    struct content_difference *difference, struct compare_error *error)
{
    struct blocks blocks;
    struct search search = {.text = true};
    uint64_t one = stretch_size(vendor), other = stretch_size(rebuilt), size = one < other ? one : other;
    *difference = (struct content_difference){0};
    int status = blocks_begin(&blocks, error);
    for (uint64_t at = 0; status == 0 && at < size;) {
        size_t part = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
        if (!stretch_read(vendor, at, blocks.vendor, part) || !stretch_read(rebuilt, at, blocks.rebuilt, part))
            status = gone(error);
        else
            search_block(&search, blocks.vendor, blocks.rebuilt, part, at, difference);
        at += part;
    }
    free(blocks.vendor);
    if (status != 0)
        return status;
    difference->first = search.found ? difference->first : size;
    search.text = search.text && is_text_here(vendor, difference->first) && is_text_here(rebuilt, difference->first);
    difference->line = search.text ? search.lines + 1 : 0;
    difference->vendor = show(vendor, &search, difference->first, arena);
    difference->rebuilt = show(rebuilt, &search, difference->first, arena);
    return 0;
}

bool contents_digest(const struct stretch *stretch, uint8_t digest[32])
{
    EVP_MD_CTX *context = digest_is_possible() ? EVP_MD_CTX_new() : NULL;
    uint8_t *block = malloc(BLOCK);
    bool right = context != NULL && block != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (uint64_t at = 0; right && at < stretch_size(stretch);) {
        size_t part = stretch_size(stretch) - at < BLOCK ? (size_t)(stretch_size(stretch) - at) : BLOCK;
        right = stretch_read(stretch, at, block, part) && EVP_DigestUpdate(context, block, part) == 1;
        at += part;
    }
    right = right && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    free(block);
    return right;
}
