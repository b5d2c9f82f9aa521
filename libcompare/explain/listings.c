/*
 * Changed functions, both sides side by side: those of the gravest roots first, each once. Made where it is asked for,
 * and bounded: what goes beyond is counted.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define AROUND   3 /* lines, as in diff -u */
#define NOT_MADE SIZE_MAX
#define LEFT_OUT (SIZE_MAX - 1)

/* A difference of code, and its function. */
struct changed {
    size_t difference, root;
    bool consequence;
    const struct function *vendor;
};

struct listing_all {
    struct explaining *e;
    struct list listings;
    size_t *of_function; /* by the vendor's function: its listing */
    uint64_t bytes;      /* listed so far */
    size_t left_out;
};

/* The vendor's function that a difference is in, where it has a partner. */
static const struct function *function_of(const struct explaining *e, const struct difference *difference)
{
    bool vendor = difference->vendor.present;
    const struct place *place = vendor ? &difference->vendor : &difference->rebuilt;
    if (difference->kind != DIFFERENCE_CODE || !place->present)
        return NULL;
    const struct function *function = function_at(&e->sides[vendor ? 0 : 1], place->bytes.begin);
    if (function == NULL || function->partner == SIZE_MAX)
        return NULL;
    return vendor ? function : &e->sides[0].functions[function->partner];
}

/* ---- In which order ---- */

static int gravest_first(const void *left, const void *right)
{
    const struct changed *a = left, *b = right;
    if (a->root != b->root)
        return a->root < b->root ? -1 : 1;
    if (a->consequence != b->consequence)
        return a->consequence ? 1 : -1;
    return (a->difference > b->difference) - (a->difference < b->difference);
}

static bool find_changed(struct explaining *e, struct list *changed)
{
    const struct difference *differences = e->differences.items;
    for (size_t i = 0; i < e->differences.count; i++) {
        const struct function *function = function_of(e, &differences[i]);
        struct changed *added = function != NULL ? list_add(changed) : NULL;
        if (function != NULL && added == NULL)
            return false;
        if (added != NULL)
            *added = (struct changed){i, differences[i].root, differences[i].consequence, function};
    }
    if (changed->count > 1)
        qsort(changed->items, changed->count, sizeof(struct changed), gravest_first);
    return true;
}

/* ---- One listing ---- */

static void set_function(struct explaining *e, struct place *place, size_t side, const struct function *function)
{
    const struct function *other =
        function->partner != SIZE_MAX ? &e->sides[1 - side].functions[function->partner] : NULL;
    place_set(e, place, side, function->bytes);
    place->borrowed = function->name == NULL && other != NULL && other->name != NULL;
    const char *name = place->borrowed ? other->name : function->name;
    place->symbol = name != NULL ? name_demangled(name, e->arena) : NULL;
}

static void set_source(struct explaining *e, size_t side, struct listed_instruction *instruction)
{
    struct debug_place found;
    if (instruction->text == NULL || !place_of_code(e, side, instruction->file_offset, &found))
        return;
    instruction->source = found.frames[0].file;
    instruction->line = instruction->source != NULL ? found.frames[0].line : 0;
}

static void set_sources(struct explaining *e, struct listed_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lines[i].kind <= LISTED_MOVED)
            continue;
        set_source(e, 0, &lines[i].vendor);
        set_source(e, 1, &lines[i].rebuilt);
    }
}

static bool list_pair(struct listing_all *all, const struct function *a, const struct function *b,
                      struct code_listing *made)
{
    struct explaining *e = all->e;
    struct function_pair pair = {e, {a, b}};
    struct code_context context = function_pair_context(&pair, LISTED_BYTES_MOST);
    struct code x = function_code(e, 0, a), y = function_code(e, 1, b);
    *made = (struct code_listing){.around = AROUND, .most = LISTED_LINES_MOST};
    return code_list(e->sides[0].decoders[a->thumb], &x, e->sides[1].decoders[b->thumb], &y, &context, e->arena, made);
}

static size_t add_listing(struct listing_all *all, const struct changed *changed)
{
    struct explaining *e = all->e;
    const struct function *a = changed->vendor, *b = &e->sides[1].functions[a->partner];
    uint64_t bytes = range_size(a->bytes) + range_size(b->bytes);
    struct code_listing made;
    if (all->listings.count >= LISTINGS_MOST || bytes > LISTED_BYTES_MOST - all->bytes) {
        all->left_out++;
        return LEFT_OUT;
    }
    all->bytes += bytes;
    struct listing *listing = list_pair(all, a, b, &made) ? list_add(&all->listings) : NULL;
    if (listing == NULL) {
        e->out_of_memory = true;
        return NOT_MADE;
    }
    set_function(e, &listing->vendor, 0, a);
    set_function(e, &listing->rebuilt, 1, b);
    set_sources(e, made.lines.items, made.lines.count);
    listing->lines = made.lines.items;
    listing->line_count = made.lines.count;
    listing->left_out = made.left_out;
    listing->root = changed->root;
    return all->listings.count - 1;
}

/* ---- All of them ---- */

void listings_make(struct explaining *e, struct explanation *explanation)
{
    struct listing_all all = {.e = e, .listings = {.arena = e->arena, .item_size = sizeof(struct listing)}};
    struct list changed = {.arena = e->arena, .item_size = sizeof(struct changed)};
    size_t count = e->sides[0].function_count;
    all.of_function = arena_alloc(e->arena, count, sizeof(*all.of_function));
    e->out_of_memory = all.of_function == NULL || !find_changed(e, &changed);
    for (size_t i = 0; i < count && !e->out_of_memory; i++)
        all.of_function[i] = NOT_MADE;
    for (size_t i = 0; i < changed.count && !e->out_of_memory; i++) {
        const struct changed *at = (const struct changed *)changed.items + i;
        size_t *listing = &all.of_function[at->vendor - e->sides[0].functions];
        if (*listing == NOT_MADE)
            *listing = add_listing(&all, at);
        if (*listing < LEFT_OUT)
            ((struct difference *)e->differences.items)[at->difference].listing = *listing;
    }
    explanation->listed = true;
    explanation->listings = all.listings.items;
    explanation->listing_count = all.listings.count;
    explanation->listings_left_out = all.left_out;
}
