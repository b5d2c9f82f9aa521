/*
 * Reasons why debug information differs, each told once: one renamed directory shows in every unit, one inserted line in
 * every entry and row behind it.
 */
#include "parts.h"

#include <string.h>
#include <xxhash.h>

#define ROOTS_MOST 4096u
#define SLOTS      (4 * ROOTS_MOST)
#define TEXT_MOST  500

struct root_slot {
    uint64_t key;
    uint32_t root; /* from 1 on; 0: free */
};

uint64_t root_key(enum debug_root_kind kind, const char *const *texts, size_t count)
{
    uint64_t key = (uint64_t)kind + 1;
    for (size_t i = 0; i < count; i++)
        key = XXH3_64bits_withSeed(texts[i], strlen(texts[i]), key);
    return key;
}

const char *root_text(struct debugging *d, const char *text)
{
    const char *copy = text != NULL ? arena_strdup(d->arena, text) : NULL;
    d->out_of_memory |= text != NULL && copy == NULL;
    return copy;
}

const char *root_escaped(struct debugging *d, const void *bytes, uint64_t size)
{
    char text[TEXT_MOST];
    return root_text(d, escape_bytes(text, sizeof(text), bytes, size));
}

/* Its slot, or a free one; NULL: there are too many roots. */
static struct root_slot *slot_of(struct debugging *d, uint64_t key)
{
    if (d->slots == NULL)
        d->slots = arena_alloc(&d->own, SLOTS, sizeof(*d->slots));
    d->out_of_memory |= d->slots == NULL;
    if (d->slots == NULL)
        return NULL;
    size_t at = (size_t)(key ^ key >> 32) % SLOTS;
    while (d->slots[at].root != 0 && d->slots[at].key != key)
        at = (at + 1) % SLOTS;
    return d->slots[at].root != 0 || d->roots.count < ROOTS_MOST ? &d->slots[at] : NULL;
}

static struct debug_root *root_at(struct debugging *d, size_t index)
{
    return (struct debug_root *)d->roots.items + index;
}

void root_add(struct unit_pair *pair, size_t root, uint64_t count)
{
    struct debugging *d = pair->d;
    struct debug_root *counted = root != NO_ROOT ? root_at(d, root) : NULL;
    size_t unit = pair->units[0] != NULL ? (size_t)(pair->units[0] - d->sides[0].units) : SIZE_MAX;
    if (unit == SIZE_MAX)
        unit = d->sides[0].unit_count + (size_t)(pair->units[1] - d->sides[1].units);
    pair->differs = true;
    pair->entry_differs = true;
    if (counted == NULL)
        return;
    counted->count += count;
    counted->units += counted->last_unit != unit;
    counted->last_unit = unit;
}

size_t root_count(struct unit_pair *pair, enum debug_root_kind kind, uint64_t key, uint64_t count,
                  struct debug_root **made)
{
    struct debugging *d = pair->d;
    struct root_slot *slot = slot_of(d, key);
    size_t index = slot == NULL ? NO_ROOT : slot->root != 0 ? slot->root - 1 : d->roots.count;
    *made = NULL;
    if (index == NO_ROOT) {
        d->result->roots_left_out++;
    } else if (slot->root == 0) {
        struct debug_root *root = list_add(&d->roots);
        d->out_of_memory |= root == NULL;
        if (root == NULL) {
            index = NO_ROOT;
        } else {
            *slot = (struct root_slot){key, (uint32_t)d->roots.count};
            *root = (struct debug_root){.kind = kind,
                                        .what = "",
                                        .unit = pair->name,
                                        .offsets = {UINT64_MAX, UINT64_MAX},
                                        .last_unit = SIZE_MAX};
            *made = root;
        }
    }
    root_add(pair, index, count);
    return index;
}

/* ---- Paths ---- */

/* The common begin, up to and with a slash or a whole side; and then the common end, from a slash on. */
static void cut_path(const char *a, size_t size_a, const char *b, size_t size_b, size_t *before, size_t *behind)
{
    size_t same = 0, end = 0, most = size_a < size_b ? size_a : size_b;
    while (same < most && a[same] == b[same])
        same++;
    bool whole = same == most && (size_a == size_b || (size_a > most ? a : b)[same] == '/');
    while (!whole && same > 0 && a[same - 1] != '/')
        same--;
    while (end < most - same && a[size_a - 1 - end] == b[size_b - 1 - end])
        end++;
    /* The common end begins with a slash, or behind one. */
    while (end > 0 && a[size_a - end] != '/' && !(same == size_a - end && same == size_b - end) &&
           !((size_a == end || a[size_a - end - 1] == '/') && (size_b == end || b[size_b - end - 1] == '/')))
        end--;
    *before = same;
    *behind = end;
}

static size_t without_slashes(const char *text, size_t size)
{
    while (size > 1 && text[size - 1] == '/')
        size--;
    return size;
}

void root_path(struct unit_pair *pair, const char *vendor, const char *rebuilt)
{
    size_t size_a = strlen(vendor), size_b = strlen(rebuilt), before, behind;
    char a[TEXT_MOST], b[TEXT_MOST];
    cut_path(vendor, size_a, rebuilt, size_b, &before, &behind);
    escape_bytes(a, sizeof(a), vendor, without_slashes(vendor, size_a - behind));
    escape_bytes(b, sizeof(b), rebuilt, without_slashes(rebuilt, size_b - behind));
    struct debug_root *made;
    root_count(pair, DEBUG_ROOT_PATH, root_key(DEBUG_ROOT_PATH, (const char *const[]){a, b}, 2), 1, &made);
    if (made != NULL) {
        made->what = "path";
        made->vendor = root_text(pair->d, a);
        made->rebuilt = root_text(pair->d, b);
    }
}

/* ---- Lines ---- */

void root_lines(struct unit_pair *pair, const char *file, uint32_t vendor, uint32_t rebuilt)
{
    struct debug_root *made;
    char number[32];
    int64_t shift = (int64_t)rebuilt - (int64_t)vendor;
    snprintf(number, sizeof(number), "%jd", (intmax_t)shift);
    size_t index = root_count(pair, DEBUG_ROOT_LINES,
                              root_key(DEBUG_ROOT_LINES, (const char *const[]){file, number}, 2), 1, &made);
    if (made != NULL) {
        made->what = "lines";
        made->entry = root_escaped(pair->d, file, strlen(file));
        made->shift = shift;
        made->line = vendor;
    } else if (index != NO_ROOT && vendor < root_at(pair->d, index)->line) {
        root_at(pair->d, index)->line = vendor;
    }
}

/* ---- In the end ---- */

static int by_count(const void *left, const void *right)
{
    const struct debug_root *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return (a->offsets[0] > b->offsets[0]) - (a->offsets[0] < b->offsets[0]);
}

size_t roots_finish(struct debugging *d)
{
    sort_items(d->roots.items, d->roots.count, sizeof(struct debug_root), by_count);
    d->result->roots = d->roots.items;
    d->result->root_count = d->roots.count;
    return d->roots.count;
}
