/*
 * From addresses to variables of static storage. No index of DWARF has them, and looking at every DIE of a large file
 * takes seconds: so .debug_info is searched once for the bytes by which a DIE states an address (an expression of
 * DW_OP_addr alone; DWARF 5, 2.6.1.1), and only the units that have some near the address are looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "debug_parts.h"

#define CANDIDATE_LIMIT ((size_t)1 << 21)
/* Bytes that only look like an address can stand between an object and what is asked for. */
#define NEIGHBOURS 32
#define TYPE_HOPS  16
#define DIMENSIONS 8
/* Units that state addresses by an index into .debug_addr are looked at one by one, and not without end. */
#define INDEXED_UNITS 4096

/* ---- Candidates ---- */

struct finder {
    struct debug *debug;
    struct list list;
};

static void find_in_unit(struct finder *finder, uint32_t index)
{
    const struct debug *debug = finder->debug;
    const struct debug_unit_view *unit = &debug->units[index];
    const uint8_t *bytes = debug->sections[DEBUG_INFO].bytes, *at = bytes + unit->root, *end = bytes + unit->end;
    uint8_t mark[2] = {(uint8_t)(unit->address_size + 1), DW_OP_addr};
    while ((at = memchr(at, mark[1], (size_t)(end - at))) != NULL) {
        at++;
        if (at[-2] != mark[0] || end - at < unit->address_size)
            continue;
        uint64_t address = unit->address_size == 8 ? image_u64(debug->image, at) : image_u32(debug->image, at);
        struct debug_candidate *candidate = finder->list.count < CANDIDATE_LIMIT ? list_add(&finder->list) : NULL;
        if (candidate != NULL)
            *candidate = (struct debug_candidate){address, index};
    }
}

static int by_address(const void *a, const void *b)
{
    const struct debug_candidate *left = a, *right = b;
    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    return left->unit < right->unit ? -1 : left->unit > right->unit;
}

static void read_candidates(struct debug *debug)
{
    struct finder finder = {.debug = debug};
    finder.list = (struct list){.arena = &debug->arena, .item_size = sizeof(struct debug_candidate)};
    if (debug->candidates_read)
        return;
    debug->candidates_read = true;
    for (size_t i = 0; i < debug->unit_count; i++) {
        if (!debug->units[i].in_types)
            find_in_unit(&finder, (uint32_t)i);
    }
    debug->candidates = finder.list.items;
    debug->candidate_count = finder.list.count;
    if (debug->candidate_count > 1)
        qsort(debug->candidates, debug->candidate_count, sizeof(*debug->candidates), by_address);
}

/* ---- Variables of a unit ---- */

/* The address at an index of .debug_addr (DWARF 5, 7.27; GNU's extension before). */
static bool indexed_address(struct debug *debug, const struct debug_unit_view *unit, uint64_t index, uint64_t *address)
{
    const struct debug_bytes *section = &debug->sections[DEBUG_ADDR];
    Dwarf_Die root;
    uint64_t base, offset;
    if (section->bytes == NULL || !debug_unit_root(debug, unit, &root) ||
        (!debug_die_number(&root, DW_AT_addr_base, &base) && !debug_die_number(&root, DW_AT_GNU_addr_base, &base)) ||
        __builtin_mul_overflow(index, unit->address_size, &offset) || __builtin_add_overflow(offset, base, &offset))
        return false;
    struct debug_reader reader = {debug->image, section->bytes, offset, section->size, offset > section->size};
    *address = debug_take(&reader, unit->address_size);
    return !reader.failed;
}

/* The address of a variable whose location is one address and nothing else. */
static bool variable_address(struct debug *debug, const struct debug_unit_view *unit, Dwarf_Die *die, uint64_t *address)
{
    Dwarf_Attribute attribute;
    Dwarf_Block block;
    if (dwarf_attr(die, DW_AT_location, &attribute) == NULL || dwarf_formblock(&attribute, &block) != 0 ||
        block.length < 2)
        return false;
    struct debug_reader reader = {debug->image, block.data, 1, block.length, false};
    bool indexed = block.data[0] == DW_OP_addrx || block.data[0] == DW_OP_GNU_addr_index;
    uint64_t number = block.data[0] == DW_OP_addr ? debug_take(&reader, unit->address_size)
                      : indexed                   ? debug_take_uleb(&reader)
                                                  : 0;
    if (reader.failed || reader.at != reader.end)
        return false;
    *address = number;
    return indexed ? indexed_address(debug, unit, number, address) : block.data[0] == DW_OP_addr;
}

static int variable_by_address(const void *a, const void *b)
{
    const struct debug_variable *left = a, *right = b;
    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    return left->die < right->die ? -1 : left->die > right->die;
}

static bool can_hold_variables(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block ||
           tag == DW_TAG_common_block || tag == DW_TAG_inlined_subroutine;
}

static void read_variables(struct debug *debug, struct debug_unit_view *unit)
{
    struct list list = {.arena = &debug->arena, .item_size = sizeof(struct debug_variable)};
    struct debug_walk walk = {.unit = unit};
    bool descend = true;
    uint64_t address;
    if (unit->variables_read || !debug_unit_root(debug, unit, &walk.die))
        return;
    unit->variables_read = true;
    while (debug_walk_next(debug, &walk, descend)) {
        int tag = dwarf_tag(&walk.die);
        descend = can_hold_variables(tag);
        if (tag != DW_TAG_variable || !variable_address(debug, unit, &walk.die, &address))
            continue;
        struct debug_variable *variable = list_add(&list);
        if (variable == NULL)
            break;
        *variable = (struct debug_variable){address, dwarf_dieoffset(&walk.die)};
    }
    unit->variables = list.items;
    unit->variable_count = list.count;
    if (unit->variable_count > 1)
        qsort(unit->variables, unit->variable_count, sizeof(*unit->variables), variable_by_address);
}

/* ---- Their sizes ---- */

/* The product of an array's dimensions; 0 where one is not known. */
static uint64_t element_count(Dwarf_Die *array)
{
    Dwarf_Die dimension;
    uint64_t count = 1;
    int status = dwarf_child(array, &dimension);
    for (unsigned i = 0; i < DIMENSIONS && status == 0; i++) {
        uint64_t number;
        if (debug_die_number(&dimension, DW_AT_upper_bound, &number))
            number++;
        else if (!debug_die_number(&dimension, DW_AT_count, &number))
            return 0;
        if (__builtin_mul_overflow(count, number, &count))
            return 0;
        Dwarf_Die next;
        status = dwarf_siblingof(&dimension, &next);
        dimension = next;
    }
    return count;
}

/* In bytes; 0: not known. */
static uint64_t variable_size(Dwarf_Die *variable)
{
    Dwarf_Die at = *variable, next;
    uint64_t size, count = 1;
    for (unsigned hops = 0; hops < TYPE_HOPS; hops++) {
        if (hops > 0 && debug_die_number(&at, DW_AT_byte_size, &size))
            return __builtin_mul_overflow(size, count, &size) ? 0 : size;
        if (dwarf_tag(&at) == DW_TAG_array_type && __builtin_mul_overflow(count, element_count(&at), &count))
            return 0;
        if (!debug_die_follow(&at, DW_AT_type, &next) && !debug_die_follow(&at, DW_AT_specification, &next) &&
            !debug_die_follow(&at, DW_AT_abstract_origin, &next))
            return 0;
        at = next;
    }
    return 0;
}

/* ---- The object ---- */

struct object_query {
    uint64_t address;
    struct arena *arena;
    const char **name;
    struct debug_frame *declared;
    bool found;
};

static void describe(struct debug *debug, struct debug_unit_view *unit, Dwarf_Die *die, struct object_query *query)
{
    char escaped[4096];
    const char *name = debug_die_name(debug, die);
    Dwarf_Die at = *die, next;
    uint64_t line = 0, file = 0;
    for (unsigned hops = 0; hops < TYPE_HOPS && !debug_die_number(&at, DW_AT_decl_line, &line); hops++) {
        if (!debug_die_follow(&at, DW_AT_specification, &next) && !debug_die_follow(&at, DW_AT_abstract_origin, &next))
            break;
        at = next;
    }
    if (name == NULL)
        return;
    debug_unit_lines(debug, unit);
    *query->name = arena_strdup(query->arena, escape_text(escaped, sizeof(escaped), name));
    query->declared->function = *query->name;
    query->declared->line = (unsigned)line;
    if (line > 0 && debug_die_number(&at, DW_AT_decl_file, &file))
        query->declared->file = debug_unit_file(debug, unit, file, query->arena);
    query->found = *query->name != NULL;
}

/* The variable of a unit that holds the address. */
static void look_in(struct debug *debug, struct debug_unit_view *unit, struct object_query *query)
{
    size_t low = 0, high;
    Dwarf_Die die;
    read_variables(debug, unit);
    for (high = unit->variable_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (unit->variables[middle].address <= query->address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i > 0 && low - i < NEIGHBOURS && !query->found; i--) {
        const struct debug_variable *variable = &unit->variables[i - 1];
        if (debug_die_at(debug, unit, variable->die, &die) &&
            (variable->address == query->address || query->address - variable->address < variable_size(&die)))
            describe(debug, unit, &die, query);
    }
}

static void find_object(struct debug *debug, void *argument)
{
    struct object_query *query = argument;
    size_t low = 0, high;
    read_candidates(debug);
    for (high = debug->candidate_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (debug->candidates[middle].address <= query->address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i > 0 && low - i < NEIGHBOURS && !query->found; i--)
        look_in(debug, &debug->units[debug->candidates[i - 1].unit], query);
    bool indexed = debug->sections[DEBUG_ADDR].bytes != NULL;
    for (size_t i = 0; indexed && i < debug->unit_count && i < INDEXED_UNITS && !query->found; i++) {
        if (!debug->units[i].in_types)
            look_in(debug, &debug->units[i], query);
    }
}

bool debug_object_at(struct debug *debug, uint64_t address, struct arena *arena, const char **name,
                     struct debug_frame *declared)
{
    struct object_query query = {.address = address, .arena = arena, .name = name, .declared = declared};
    *name = NULL;
    *declared = (struct debug_frame){.line = 0};
    if (!image_is_linked(debug->image))
        return false;
    return debug_run(debug, find_object, &query) && query.found;
}
