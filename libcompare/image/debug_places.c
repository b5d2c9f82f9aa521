/*
 * From addresses to source: the unit by the address ranges of all units, in its line table the row, among its DIEs the
 * function and the functions that are inlined there; and from addresses of objects to their variables. Everything is
 * read when it is first asked for, of those units only that it is asked of.
 */
#include <stdlib.h>
#include <string.h>

#include "debug_parts.h"

#define SPAN_LIMIT     ((size_t)1 << 21)
#define FUNCTION_LIMIT ((size_t)1 << 20)
#define INLINE_LIMIT   64
/* Ranges overlap where the linker dropped code; a few are looked at. */
#define OVERLAPS 16
/* DIEs of one function. */
#define FUNCTION_STEPS ((uint64_t)1 << 18)

/* ---- Which unit ---- */

struct spans {
    struct debug *debug;
    struct list list;
    uint32_t unit;
};

static bool keep_span(void *state, uint64_t low, uint64_t high)
{
    struct spans *spans = state;
    /* What the linker dropped begins at 0, or near the end of the address space. */
    if ((low == 0 && !image_is_relocatable(spans->debug->image)) || high < low)
        return true;
    struct debug_span *span = spans->list.count < SPAN_LIMIT ? list_add(&spans->list) : NULL;
    if (span != NULL)
        *span = (struct debug_span){low, high, spans->unit};
    return span != NULL;
}

static int span_by_low(const void *a, const void *b)
{
    const struct debug_span *left = a, *right = b;
    if (left->low != right->low)
        return left->low < right->low ? -1 : 1;
    return left->unit < right->unit ? -1 : left->unit > right->unit;
}

static bool has_code(const struct debug_unit_view *unit)
{
    return unit->type == DW_UT_compile || unit->type == DW_UT_skeleton;
}

static void read_spans(struct debug *debug)
{
    struct spans spans = {.debug = debug};
    spans.list = (struct list){.arena = &debug->arena, .item_size = sizeof(struct debug_span)};
    if (debug->spans_read)
        return;
    debug->spans_read = true;
    for (size_t i = 0; i < debug->unit_count; i++) {
        Dwarf_Die root;
        spans.unit = (uint32_t)i;
        if (has_code(&debug->units[i]) && debug_unit_root(debug, &debug->units[i], &root))
            debug_each_range(debug, &root, keep_span, &spans);
    }
    debug->spans = spans.list.items;
    debug->span_count = spans.list.count;
    if (debug->span_count > 1)
        qsort(debug->spans, debug->span_count, sizeof(*debug->spans), span_by_low);
}

static struct debug_unit_view *unit_at(struct debug *debug, uint64_t address)
{
    size_t low = 0, high = debug->span_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (debug->spans[middle].low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = 0; i < OVERLAPS && i < low; i++) {
        const struct debug_span *span = &debug->spans[low - 1 - i];
        if (address < span->high)
            return &debug->units[span->unit];
    }
    return NULL;
}

/* ---- Which function ---- */

struct functions {
    struct list list;
    Dwarf_Off die;
};

static bool keep_function(void *state, uint64_t low, uint64_t high)
{
    struct functions *functions = state;
    struct debug_function *function = functions->list.count < FUNCTION_LIMIT ? list_add(&functions->list) : NULL;
    if (function != NULL)
        *function = (struct debug_function){low, high, functions->die};
    return function != NULL;
}

static int function_by_low(const void *a, const void *b)
{
    const struct debug_function *left = a, *right = b;
    if (left->low != right->low)
        return left->low < right->low ? -1 : 1;
    return left->die < right->die ? -1 : left->die > right->die;
}

/* Functions can be in namespaces, types and other functions, nowhere else. */
static bool can_hold_functions(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block ||
           tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type ||
           tag == DW_TAG_enumeration_type;
}

static void read_functions(struct debug *debug, struct debug_unit_view *unit)
{
    struct functions functions = {.list = {.arena = &debug->arena, .item_size = sizeof(struct debug_function)}};
    struct debug_walk walk = {.unit = unit};
    bool descend = true;
    if (unit->functions_read || !debug_unit_root(debug, unit, &walk.die))
        return;
    unit->functions_read = true;
    while (debug_walk_next(debug, &walk, descend)) {
        int tag = dwarf_tag(&walk.die);
        descend = can_hold_functions(tag);
        functions.die = dwarf_dieoffset(&walk.die);
        if (tag == DW_TAG_subprogram)
            debug_each_range(debug, &walk.die, keep_function, &functions);
    }
    unit->functions = functions.list.items;
    unit->function_count = functions.list.count;
    if (unit->function_count > 1)
        qsort(unit->functions, unit->function_count, sizeof(*unit->functions), function_by_low);
}

static bool function_at(struct debug *debug, const struct debug_unit_view *unit, uint64_t address, Dwarf_Die *die)
{
    size_t low = 0, high = unit->function_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (unit->functions[middle].low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = 0; i < OVERLAPS && i < low; i++) {
        const struct debug_function *function = &unit->functions[low - 1 - i];
        if (address < function->high)
            return debug_die_at(debug, unit, function->die, die);
    }
    return false;
}

/* ---- What is inlined there ---- */

struct covering {
    uint64_t address;
    bool any, covers; /* any: the DIE has address ranges at all */
};

static bool cover(void *state, uint64_t low, uint64_t high)
{
    struct covering *covering = state;
    covering->any = true;
    covering->covers |= covering->address >= low && covering->address < high;
    return !covering->covers;
}

static bool can_hold_inlined(int tag)
{
    return tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_try_block ||
           tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt;
}

/* The inlined calls that cover the address, the outermost first. */
static size_t inlined_at(struct debug *debug, const struct debug_unit_view *unit, const Dwarf_Die *function,
                         uint64_t address, Dwarf_Die calls[INLINE_LIMIT])
{
    struct debug_walk walk = {.unit = unit, .die = *function};
    unsigned depths[INLINE_LIMIT];
    size_t count = 0;
    bool descend = true;
    for (uint64_t i = 0; i < FUNCTION_STEPS && debug_walk_next(debug, &walk, descend); i++) {
        int tag = dwarf_tag(&walk.die);
        struct covering covering = {.address = address};
        descend = can_hold_inlined(tag);
        if (!descend)
            continue;
        debug_each_range(debug, &walk.die, cover, &covering);
        descend = covering.covers || (!covering.any && tag != DW_TAG_inlined_subroutine);
        if (tag != DW_TAG_inlined_subroutine || !covering.covers)
            continue;
        /* Of two that claim the same address side by side, the later. */
        while (count > 0 && depths[count - 1] >= walk.depth)
            count--;
        if (count == INLINE_LIMIT)
            break;
        depths[count] = walk.depth;
        calls[count++] = walk.die;
    }
    return count;
}

/* ---- The place ---- */

static const char *escaped_name(const struct debug *debug, Dwarf_Die *die, struct arena *arena)
{
    char escaped[4096];
    const char *name = debug_die_name(debug, die);
    return name != NULL ? arena_strdup(arena, escape_text(escaped, sizeof(escaped), name)) : NULL;
}

struct place_query {
    uint64_t address;
    struct arena *arena;
    struct debug_place *place;
    bool found;
};

static void add_frame(struct debug_place *place, struct debug_frame frame)
{
    if (place->count < ARRAY_COUNT(place->frames))
        place->frames[place->count++] = frame;
}

/* Each frame has its own function, and the place in it: the row's, or that of the call of the frame before. */
static void add_frames(struct debug *debug, const struct debug_unit_view *unit, Dwarf_Die *function,
                       struct debug_frame frame, struct place_query *query)
{
    Dwarf_Die calls[INLINE_LIMIT];
    size_t count = inlined_at(debug, unit, function, query->address, calls);
    for (size_t i = count; i > 0; i--) {
        uint64_t file = 0, line = 0;
        frame.function = escaped_name(debug, &calls[i - 1], query->arena);
        add_frame(query->place, frame);
        debug_die_number(&calls[i - 1], DW_AT_call_line, &line);
        frame = (struct debug_frame){.line = (unsigned)line};
        if (debug_die_number(&calls[i - 1], DW_AT_call_file, &file))
            frame.file = debug_unit_file(debug, unit, file, query->arena);
    }
    frame.function = escaped_name(debug, function, query->arena);
    add_frame(query->place, frame);
}

static void find_place(struct debug *debug, void *argument)
{
    struct place_query *query = argument;
    struct debug_frame frame = {0};
    Dwarf_Die function;
    read_spans(debug);
    struct debug_unit_view *unit = unit_at(debug, query->address);
    if (unit == NULL)
        return;
    debug_unit_lines(debug, unit);
    read_functions(debug, unit);
    const struct line_row *row = debug_unit_row(unit, query->address);
    if (row != NULL) {
        frame.line = row->line;
        frame.file = debug_unit_file(debug, unit, row->file, query->arena);
    }
    if (function_at(debug, unit, query->address, &function))
        add_frames(debug, unit, &function, frame, query);
    else if (frame.file != NULL)
        add_frame(query->place, frame);
    query->found = query->place->count > 0;
}

bool debug_place_at(struct debug *debug, uint64_t address, uint32_t section, struct arena *arena,
                    struct debug_place *place)
{
    struct place_query query = {.address = address, .arena = arena, .place = place};
    *place = (struct debug_place){.count = 0};
    if (image_is_relocatable(debug->image)) {
        if (section >= debug->image->section_count || debug->bases[section] == 0 ||
            address >= debug->image->sections[section].size)
            return false;
        query.address = debug->bases[section] + address;
    }
    return debug_run(debug, find_place, &query) && query.found;
}
