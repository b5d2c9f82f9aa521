/*
 * Debug information by what it says (DWARF 2 to 5). Units are paired by name, their entries in the tree; then every
 * attribute of every pair is compared, with what it refers to resolved: entries by their partners, addresses by what
 * stands there, strings, lists and files by their content. What differs is told by its reasons.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Texts, lists and tables that are looked at; honest files ask for a few times their size. */
#define WORK_FIXED     ((uint64_t)64 << 20)
#define WORK_TIMES     64
#define DIFFERING_MOST 1000u /* units that are told by name */

void debug_incomplete(struct debugging *d, const char *why)
{
    if (d->incomplete == NULL)
        d->incomplete = why;
}

bool debug_afford(struct debugging *d, uint64_t bytes)
{
    if (bytes > d->work) {
        d->work = 0;
        debug_incomplete(d, "there is too much to compare");
        return false;
    }
    d->work -= bytes;
    return true;
}

/* ---- Units ---- */

struct unit_key {
    uint64_t key;
    size_t unit;
};

static int by_key(const void *left, const void *right)
{
    const struct unit_key *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->unit > b->unit) - (a->unit < b->unit);
}

static bool open_unit(struct debug_side *side, size_t unit, struct debug_cursor *cursor, struct debug_entry *entry)
{
    return debug_cursor_open(cursor, side->debug, unit, &side->abbreviations) && debug_cursor_next(cursor, entry);
}

static const char *text_of(const struct debug_entry *entry, unsigned name)
{
    const struct debug_attribute *value = debug_entry_attribute(entry, name);
    return value != NULL && value->class == DEBUG_CLASS_TEXT ? (const char *)value->bytes : NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* What two units that are each other's share: first their path below the compilation directory, then their file's name. */
static uint64_t unit_key(struct debug_side *side, size_t unit, bool by_file)
{
    const struct debug_unit_header *header = &side->units[unit].header;
    struct debug_cursor cursor;
    struct debug_entry entry;
    uint64_t seed = (uint64_t)header->type << 1 | header->in_types;
    if (header->signature != 0 || header->type_entry != 0)
        return XXH3_64bits_withSeed(&header->signature, sizeof(header->signature), seed);
    const char *name = open_unit(side, unit, &cursor, &entry) ? text_of(&entry, DW_AT_name) : NULL;
    if (name == NULL)
        return seed;
    const char *shown = by_file ? base_name(name) : debug_path_below(name, text_of(&entry, DW_AT_comp_dir));
    return XXH3_64bits_withSeed(shown, strlen(shown), seed);
}

static size_t list_unpaired(struct debug_side *side, bool by_file, struct unit_key *keys)
{
    size_t count = 0;
    for (size_t i = 0; i < side->unit_count; i++) {
        if (side->units[i].partner == SIZE_MAX)
            keys[count++] = (struct unit_key){unit_key(side, i, by_file), i};
    }
    sort_items(keys, count, sizeof(*keys), by_key);
    return count;
}

/* The n-th of a key is the n-th on the other side, where both have as many. */
static bool pair_units(struct debugging *d, bool by_file)
{
    struct unit_key *keys[2];
    size_t counts[2];
    for (size_t side = 0; side < 2; side++) {
        keys[side] = arena_alloc(&d->own, d->sides[side].unit_count + 1, sizeof(*keys[side]));
        if (keys[side] == NULL)
            return false;
        counts[side] = list_unpaired(&d->sides[side], by_file, keys[side]);
    }
    for (size_t a = 0, b = 0; a < counts[0] && b < counts[1];) {
        uint64_t key_a = keys[0][a].key, key_b = keys[1][b].key;
        size_t many_a = 0, many_b = 0;
        while (key_a <= key_b && a + many_a < counts[0] && keys[0][a + many_a].key == key_a)
            many_a++;
        while (key_b <= key_a && b + many_b < counts[1] && keys[1][b + many_b].key == key_b)
            many_b++;
        for (size_t i = 0; key_a == key_b && many_a == many_b && i < many_a; i++) {
            d->sides[0].units[keys[0][a + i].unit].partner = keys[1][b + i].unit;
            d->sides[1].units[keys[1][b + i].unit].partner = keys[0][a + i].unit;
        }
        a += many_a;
        b += many_b;
    }
    return true;
}

static bool open_side(struct debugging *d, size_t index)
{
    struct debug_side *side = &d->sides[index];
    bool whole;
    side->unit_count = debug_unit_count(side->debug, &whole);
    d->result->units[index] = side->unit_count;
    if (!whole)
        debug_incomplete(d, "some of it cannot be read");
    side->units = arena_alloc(&d->own, side->unit_count + 1, sizeof(*side->units));
    for (size_t i = 0; side->units != NULL && i < side->unit_count; i++) {
        side->units[i].header = debug_unit_header_at(side->debug, i);
        side->units[i].partner = SIZE_MAX;
        side->units[i].layout_root = NO_ROOT;
        if (side->units[i].header.end - side->units[i].header.begin > UINT32_MAX)
            debug_incomplete(d, "a unit is too large");
    }
    return side->units != NULL;
}

static void close_side(struct debug_side *side)
{
    for (size_t i = 0; i < side->unit_count && side->units != NULL; i++) {
        free(side->units[i].offsets);
        free(side->units[i].partners);
    }
    debug_abbreviations_free(&side->abbreviations);
    debug_close(side->debug);
}

/* ---- Pairs ---- */

static void note_not_whole(struct debugging *d, const struct debug_unit_entries *unit)
{
    if (unit != NULL && !unit->whole)
        debug_incomplete(d, "the entries of a unit could not be read, or are too many");
}

static void pair_entries(struct debugging *d)
{
    struct debug_side *a = &d->sides[0], *b = &d->sides[1];
    for (size_t i = 0; i < a->unit_count && !d->out_of_memory && d->incomplete == NULL; i++) {
        struct debug_unit_entries *partner = a->units[i].partner != SIZE_MAX ? &b->units[a->units[i].partner] : NULL;
        entries_pair(d, &a->units[i], partner);
        note_not_whole(d, &a->units[i]);
        note_not_whole(d, partner);
    }
    for (size_t i = 0; i < b->unit_count && !d->out_of_memory && d->incomplete == NULL; i++) {
        if (b->units[i].partner != SIZE_MAX)
            continue;
        entries_pair(d, NULL, &b->units[i]);
        note_not_whole(d, &b->units[i]);
    }
}

/* What units say is where their entries are: DWARF 5, 3.1.2, and GNU's of version 4. */
static void note_split(struct debugging *d, const struct debug_entry *entry)
{
    if (text_of(entry, DW_AT_dwo_name) != NULL || text_of(entry, DW_AT_GNU_dwo_name) != NULL)
        debug_incomplete(d, "units are split, and their .dwo files are not opened");
}

static const char *unit_name(struct debugging *d, const struct debug_entry *entry)
{
    static const uint16_t names[] = {DW_AT_name, DW_AT_dwo_name, DW_AT_GNU_dwo_name};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const char *name = text_of(entry, names[i]);
        if (name != NULL)
            return root_escaped(d, name, strlen(name));
    }
    return "a unit without a name";
}

/* The first of them by name. units: NULL where a side has none. */
static void note_differing(struct debugging *d, const char *name, uint64_t entries,
                           struct debug_unit_entries *const units[2])
{
    struct debug_differing *added = d->differing.count < DIFFERING_MOST ? list_add(&d->differing) : NULL;
    d->result->differing_units++;
    if (added == NULL)
        return;
    *added = (struct debug_differing){.name = name, .entries = entries};
    for (size_t side = 0; side < 2; side++)
        added->offsets[side] = units[side] != NULL ? units[side]->header.begin : UINT64_MAX;
}

/* A unit that only one side has. */
static void tell_unit(struct debugging *d, size_t side, size_t unit)
{
    struct debug_side *from = &d->sides[side];
    struct unit_pair pair = {.d = d};
    struct debug_entry entry;
    struct debug_root *made;
    pair.units[side] = &from->units[unit];
    d->result->differing_entries += from->units[unit].count;
    bool opened = open_unit(from, unit, &pair.cursors[side], &entry);
    pair.name = opened ? unit_name(d, &entry) : "a unit that cannot be read";
    if (pair.name == NULL)
        return;
    note_differing(d, pair.name, from->units[unit].count, pair.units);
    if (!opened)
        return;
    const char *const texts[] = {pair.name, side == 0 ? "vendor" : "rebuilt"};
    root_count(&pair, DEBUG_ROOT_UNIT, root_key(DEBUG_ROOT_UNIT, texts, 2), 1, &made);
    if (made == NULL)
        return;
    made->what = debug_tag_name(d->arena, entry.tag);
    made->offsets[side] = entry.offset;
    *(side == 0 ? &made->vendor : &made->rebuilt) = pair.name;
}

static void compare_units(struct debugging *d, size_t vendor)
{
    size_t units[2] = {vendor, d->sides[0].units[vendor].partner};
    struct unit_pair pair = {.d = d, .function = {.root = NO_ROOT}, .layout_root = NO_ROOT};
    struct debug_entry entries[2];
    uint64_t before = d->result->differing_entries;
    pair.changed = (struct list){.arena = &pair.own, .item_size = sizeof(struct changed_range)};
    for (size_t side = 0; side < 2; side++) {
        pair.units[side] = &d->sides[side].units[units[side]];
        /* Read from the beginning once more. */
        if (!open_unit(&d->sides[side], units[side], &pair.cursors[side], &entries[side]) ||
            !debug_cursor_open(&pair.cursors[side], d->sides[side].debug, units[side], &d->sides[side].abbreviations)) {
            debug_incomplete(d, "a unit could not be read");
            return;
        }
    }
    pair.name = unit_name(d, &entries[0]);
    note_split(d, &entries[0]);
    note_split(d, &entries[1]);
    if (pair.name != NULL) {
        lines_open(&pair);
        entries_compare(&pair);
    }
    for (size_t side = 0; side < 2; side++)
        debug_afford(d, pair.cursors[side].text_bytes);
    if (pair.differs && pair.name != NULL)
        note_differing(d, pair.name, d->result->differing_entries - before, pair.units);
    pair.units[0]->layout_root = pair.layout_root;
    arena_free(&pair.own);
}

static void compare_all(struct debugging *d)
{
    struct debug_side *a = &d->sides[0], *b = &d->sides[1];
    for (size_t i = 0; i < a->unit_count && !d->out_of_memory && d->work > 0; i++) {
        if (a->units[i].partner == SIZE_MAX)
            tell_unit(d, 0, i);
        else
            compare_units(d, i);
    }
    for (size_t i = 0; i < b->unit_count && !d->out_of_memory; i++) {
        if (b->units[i].partner == SIZE_MAX)
            tell_unit(d, 1, i);
    }
}

/* ---- The verdict ---- */

static void judge(struct debugging *d, bool compared)
{
    struct debug_comparison *result = d->result;
    size_t roots = roots_finish(d);
    if (d->out_of_memory)
        debug_incomplete(d, "there is no memory");
    result->why = d->incomplete;
    result->differing = d->differing.items;
    result->differing_count = d->differing.count;
    if (roots > 0 || result->roots_left_out > 0 || result->differing_entries > 0)
        result->verdict = DEBUG_DIFFERENT;
    else if (!compared)
        result->verdict = DEBUG_NOT_COMPARED;
    else
        result->verdict = d->incomplete != NULL ? DEBUG_UNDECIDED : DEBUG_SAME;
}

static bool open_both(struct debugging *d)
{
    struct compare_error error;
    for (size_t side = 0; side < 2; side++) {
        if (debug_open(d->sides[side].image, &d->sides[side].debug, &error) != 0) {
            debug_incomplete(d, "a section of it cannot be read");
            return false;
        }
    }
    if (d->sides[0].debug == NULL && d->sides[1].debug == NULL)
        return false;
    if (d->sides[0].debug == NULL || d->sides[1].debug == NULL) {
        debug_incomplete(d, d->sides[0].debug == NULL ? "the vendor's file has none" : "the rebuilt file has none");
        return false;
    }
    return true;
}

void debug_compare(const struct image *vendor, const struct image *rebuilt, const struct correspondence *map,
                   struct arena *arena, struct debug_comparison *comparison)
{
    struct debugging d = {.sides = {{.image = vendor}, {.image = rebuilt}},
                          .arena = arena,
                          .result = comparison,
                          .roots = {.arena = arena, .item_size = sizeof(struct debug_root)},
                          .places = {.map = map, .last_named = {SIZE_MAX, SIZE_MAX}},
                          .work = WORK_FIXED + WORK_TIMES * (vendor->size + rebuilt->size)};
    d.differing = (struct list){.arena = arena, .item_size = sizeof(struct debug_differing)};
    d.changed = (struct list){.arena = &d.own, .item_size = sizeof(struct changed_range)};
    *comparison = (struct debug_comparison){0};
    bool compared = false;
    if (open_both(&d)) {
        d.out_of_memory = !open_side(&d, 0) || !open_side(&d, 1);
        if (!d.out_of_memory && d.incomplete == NULL)
            d.out_of_memory = !places_open(&d) || !pair_units(&d, false) || !pair_units(&d, true);
        if (!d.out_of_memory && d.incomplete == NULL)
            pair_entries(&d);
        compared = !d.out_of_memory && d.incomplete == NULL;
        if (compared) {
            compare_all(&d);
            aranges_compare(&d);
            frames_compare(&d);
        }
    }
    judge(&d, compared);
    close_side(&d.sides[0]);
    close_side(&d.sides[1]);
    arena_free(&d.own);
}
