/* Two units, entry by entry and attribute by attribute: what each says, with all that it refers to resolved. */
#include "parts.h"

#include <string.h>

/* ---- Which entry is which ---- */

static struct debug_unit_entries *unit_of(struct debug_side *side, const struct debug_unit_entries *from,
                                          uint64_t offset)
{
    size_t low = 0, high = side->unit_count;
    if (offset >= from->header.begin && offset < from->header.end)
        return (struct debug_unit_entries *)(uintptr_t)from;
    if (from->header.in_types)
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct debug_unit_header *unit = &side->units[middle].header;
        if (!unit->in_types && unit->end <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < side->unit_count && !side->units[low].header.in_types && offset >= side->units[low].header.begin
               ? &side->units[low]
               : NULL;
}

static uint32_t entry_index(const struct debug_unit_entries *unit, uint64_t offset)
{
    uint32_t low = 0, high = unit->count, relative = (uint32_t)(offset - unit->header.begin);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (unit->offsets[middle] < relative)
            low = middle + 1;
        else
            high = middle;
    }
    return low < unit->count && unit->offsets[low] == relative ? low : NO_ENTRY;
}

bool entries_correspond(struct unit_pair *pair, uint64_t vendor, uint64_t rebuilt)
{
    struct debugging *d = pair->d;
    struct debug_unit_entries *a = unit_of(&d->sides[0], pair->units[0], vendor);
    struct debug_unit_entries *b = unit_of(&d->sides[1], pair->units[1], rebuilt);
    bool known_a = a != NULL && entry_index(a, vendor) != NO_ENTRY;
    bool known_b = b != NULL && entry_index(b, rebuilt) != NO_ENTRY;
    if (!known_a && !known_b) {
        debug_incomplete(d, "an attribute refers to something that is not there");
        return true;
    }
    if (a == NULL || b == NULL || a->partner != (size_t)(b - d->sides[1].units))
        return false;
    uint32_t index = entry_index(a, vendor);
    uint32_t partner = index != NO_ENTRY ? a->partners[index] : NO_ENTRY;
    return partner != NO_ENTRY && b->header.begin + b->offsets[partner] == rebuilt;
}

/* ---- Values ---- */

static bool same_bytes(const struct debug_attribute *a, const struct debug_attribute *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

/* DW_AT_high_pc as an address is where the code ends; as a number, how long it is. */
static bool values_agree(struct unit_pair *pair, const struct debug_attribute *a, const struct debug_attribute *b)
{
    struct debug_places *places = &pair->d->places;
    if (a->class != b->class)
        return false;
    switch (a->class) {
    case DEBUG_CLASS_TEXT:
    case DEBUG_CLASS_BLOCK:
        return debug_afford(pair->d, a->size) && same_bytes(a, b);
    case DEBUG_CLASS_ADDRESS:
        return place_agrees(places, a->number, b->number, a->name == DW_AT_high_pc);
    case DEBUG_CLASS_ENTRY:
        return entries_correspond(pair, a->number, b->number);
    case DEBUG_CLASS_EXPRESSION:
        return expressions_agree(pair, a, b);
    case DEBUG_CLASS_RANGES:
    case DEBUG_CLASS_LOCATIONS:
        return lists_agree(pair, a->number, b->number, a->class == DEBUG_CLASS_LOCATIONS);
    case DEBUG_CLASS_FILE:
        if (a->name == DW_AT_call_file && pair->function.root != NO_ROOT &&
            strcmp(file_name(pair, 0, a->number), file_name(pair, 1, b->number)) != 0)
            return false;
        return files_agree(pair, a->number, b->number);
    case DEBUG_CLASS_ELSEWHERE:
        debug_incomplete(pair->d, "some refers to a supplementary file (dwz), which is not opened");
        return a->number == b->number;
    case DEBUG_CLASS_MACROS:
        debug_incomplete(pair->d, "macros are not compared");
        return true;
    case DEBUG_CLASS_UNKNOWN:
        debug_incomplete(pair->d, "an attribute refers to something that is not there");
        return true;
    case DEBUG_CLASS_LINES: /* compared as a whole */
    case DEBUG_CLASS_LAYOUT:
        return true;
    default:
        return a->number == b->number;
    }
}

static void show_bytes(const struct debug_attribute *value, char text[ENTRY_TEXT])
{
    int used = snprintf(text, ENTRY_TEXT, "%ju bytes:", (uintmax_t)value->size);
    for (uint64_t i = 0; i < value->size && i < 24; i++)
        used += snprintf(text + used, ENTRY_TEXT - (size_t)used, " %02x", value->bytes[i]);
}

/* An expression that is an address and nothing else. */
static bool is_address(const struct unit_pair *pair, size_t side, const struct debug_attribute *value,
                       uint64_t *address)
{
    unsigned size = pair->units[side]->header.address_size;
    struct debug_reader reader = {pair->d->sides[side].image, value->bytes, 1, value->size, false};
    if (value->size != 1U + size || value->bytes[0] != DW_OP_addr)
        return false;
    *address = debug_take(&reader, size);
    return true;
}

/* A value for people. */
static void show_value(struct unit_pair *pair, size_t side, const struct debug_attribute *value, char text[ENTRY_TEXT])
{
    uint64_t address;
    if (value == NULL) {
        text[0] = '\0';
        return;
    }
    switch (value->class) {
    case DEBUG_CLASS_TEXT:
        escape_bytes(text, ENTRY_TEXT, value->bytes, value->size);
        return;
    case DEBUG_CLASS_ADDRESS:
        snprintf(text, ENTRY_TEXT, "%#jx", (uintmax_t)value->number);
        return;
    case DEBUG_CLASS_ENTRY:
        entry_name_at(pair, side, value->number, text);
        return;
    case DEBUG_CLASS_EXPRESSION:
        if (is_address(pair, side, value, &address)) {
            snprintf(text, ENTRY_TEXT, "%#jx", (uintmax_t)address);
            return;
        }
        show_bytes(value, text);
        return;
    case DEBUG_CLASS_BLOCK:
        show_bytes(value, text);
        return;
    case DEBUG_CLASS_RANGES:
    case DEBUG_CLASS_LOCATIONS:
        snprintf(text, ENTRY_TEXT, "a list at %#jx", (uintmax_t)value->number);
        return;
    case DEBUG_CLASS_FILE:
        escape_text(text, ENTRY_TEXT, file_name(pair, side, value->number));
        return;
    case DEBUG_CLASS_SIGNATURE:
        snprintf(text, ENTRY_TEXT, "%016jx", (uintmax_t)value->number);
        return;
    case DEBUG_CLASS_UNKNOWN:
        snprintf(text, ENTRY_TEXT, "what cannot be read");
        return;
    default:
        snprintf(text, ENTRY_TEXT, "%jd", (intmax_t)value->number);
    }
}

/* ---- Differences ---- */

/* What is of a function's code: it follows where that has another size, or other instructions. */
static bool is_of_code(const struct debug_attribute *value)
{
    switch (value->name) {
    case DW_AT_high_pc:
    case DW_AT_entry_pc:
    case DW_AT_GNU_entry_view:
    case DW_AT_GNU_locviews:
    case DW_AT_const_value: /* where a variable is optimised to one */
    case DW_AT_call_file:   /* of what is inlined there */
    case DW_AT_call_line:
    case DW_AT_call_column:
        return true;
    default:
        return value->class == DEBUG_CLASS_ADDRESS || value->class == DEBUG_CLASS_RANGES ||
               value->class == DEBUG_CLASS_LOCATIONS || value->class == DEBUG_CLASS_EXPRESSION;
    }
}

/* What shows, in a function of one size, that its instructions are others: scopes, calls, lists of locations. */
static bool shows_other_code(const struct unit_pair *pair, const struct debug_entry *entry,
                             const struct debug_attribute *value)
{
    return pair->function.any && entry->depth > pair->function.depth &&
           (value->class == DEBUG_CLASS_RANGES || value->class == DEBUG_CLASS_LOCATIONS ||
            value->class == DEBUG_CLASS_ADDRESS || value->name == DW_AT_high_pc || value->name == DW_AT_entry_pc ||
            value->name == DW_AT_GNU_locviews);
}

static bool is_line(unsigned name)
{
    return name == DW_AT_decl_line || name == DW_AT_call_line;
}

static bool is_path(const struct debug_entry *entry, unsigned name)
{
    return (entry->depth == 0 && name == DW_AT_name) || name == DW_AT_comp_dir || name == DW_AT_dwo_name ||
           name == DW_AT_GNU_dwo_name;
}

/* The file that an entry's line or column is of. */
static const char *file_of(struct unit_pair *pair, size_t side, const struct debug_entry *entry, unsigned name)
{
    bool call = name == DW_AT_call_line || name == DW_AT_call_column;
    const struct debug_attribute *file = debug_entry_attribute(entry, call ? DW_AT_call_file : DW_AT_decl_file);
    return file != NULL ? file_name(pair, side, file->number) : pair->name;
}

/* ---- Functions whose code differs ---- */

/* The address ranges of a function, the first few. */
static size_t code_of(struct unit_pair *pair, size_t side, const struct debug_entry *entry,
                      struct range ranges[CODE_PARTS_MOST])
{
    const struct debug_attribute *low = debug_entry_attribute(entry, DW_AT_low_pc);
    const struct debug_attribute *high = debug_entry_attribute(entry, DW_AT_high_pc);
    const struct debug_attribute *list = debug_entry_attribute(entry, DW_AT_ranges);
    size_t count = 0;
    if (low != NULL && high != NULL && low->class == DEBUG_CLASS_ADDRESS) {
        uint64_t end = high->class == DEBUG_CLASS_ADDRESS ? high->number : low->number + high->number;
        ranges[0] = (struct range){low->number, end};
        return 1;
    }
    struct debug_list items;
    struct debug_list_item item;
    if (list == NULL || list->class != DEBUG_CLASS_RANGES || pair->d->work == 0 ||
        !debug_list_open(&items, &pair->cursors[side], list->number, false))
        return 0;
    uint64_t begin = items.reader.at;
    while (count < CODE_PARTS_MOST && debug_list_next(&items, &item))
        ranges[count++] = (struct range){item.low, item.high};
    debug_afford(pair->d, items.reader.at - begin);
    return count;
}

static void show_size(const struct function_pair *function, size_t side, char text[32])
{
    uint64_t size = 0;
    for (size_t i = 0; i < function->counts[side]; i++)
        size += range_size(function->code[side][i]);
    snprintf(text, 32, "%ju bytes", (uintmax_t)size);
    if (size == 0)
        snprintf(text, 32, "none of its own");
}

/* That the code of the function that is compared differs: a root of its own, for all that follows from it. */
static void tell_code(struct unit_pair *pair)
{
    struct function_pair *function = &pair->function;
    struct debug_root *made;
    struct debug_entry entry;
    char path[ENTRY_TEXT] = "?", size[32];
    if (debug_cursor_entry_at(&pair->cursors[0], function->offsets[0], &entry)) {
        entry.depth = function->depth;
        entry_path(pair, 0, &entry, path);
    }
    uint64_t key = root_key(DEBUG_ROOT_CODE, (const char *const[]){pair->name, path}, 2);
    function->root = root_count(pair, DEBUG_ROOT_CODE, key, 0, &made);
    for (size_t i = 0; i < function->counts[0] || i < function->counts[1]; i++) {
        struct range a = i < function->counts[0] ? function->code[0][i] : (struct range){0, 0};
        struct range b = i < function->counts[1] ? function->code[1][i] : (struct range){0, 0};
        struct changed_range *of_unit = list_add(&pair->changed), *of_all = list_add(&pair->d->changed);
        pair->d->out_of_memory |= of_unit == NULL || of_all == NULL;
        if (of_unit != NULL && of_all != NULL)
            *of_unit = *of_all = (struct changed_range){{a, b}, function->root};
    }
    if (made == NULL)
        return;
    made->what = "code";
    made->entry = root_text(pair->d, path);
    for (size_t side = 0; side < 2; side++) {
        show_size(function, side, size);
        *(side == 0 ? &made->vendor : &made->rebuilt) = root_text(pair->d, size);
        made->offsets[side] = function->offsets[side];
    }
}

static void enter_function(struct unit_pair *pair, const struct debug_entry *const entries[2])
{
    struct function_pair *function = &pair->function;
    *function = (struct function_pair){.depth = entries[0]->depth, .root = NO_ROOT};
    for (size_t side = 0; side < 2; side++) {
        function->offsets[side] = entries[side]->offset;
        function->counts[side] = code_of(pair, side, entries[side], function->code[side]);
    }
    function->any = function->counts[0] > 0 || function->counts[1] > 0;
    bool resized = function->counts[0] != function->counts[1];
    for (size_t i = 0; i < function->counts[0] && !resized; i++)
        resized = range_size(function->code[0][i]) != range_size(function->code[1][i]);
    if (resized)
        tell_code(pair);
    if (resized && pair->layout_root == NO_ROOT)
        pair->layout_root = function->root;
}

/* ---- Attributes ---- */

/* a or b: NULL where the side has no such attribute. */
static void tell_value(struct unit_pair *pair, const struct debug_entry *const entries[2],
                       const struct debug_attribute *a, const struct debug_attribute *b)
{
    const struct debug_attribute *any = a != NULL ? a : b;
    char path[ENTRY_TEXT], vendor[ENTRY_TEXT], rebuilt[ENTRY_TEXT], what[64];
    struct debug_root *made;
    if (pair->function.root == NO_ROOT && shows_other_code(pair, entries[0], any))
        tell_code(pair);
    if (pair->function.root != NO_ROOT && is_of_code(any)) {
        root_add(pair, pair->function.root, 1);
        return;
    }
    if (entries[0]->depth == 0 && pair->layout_root != NO_ROOT && is_of_code(any)) {
        root_add(pair, pair->layout_root, 1);
        return;
    }
    if (a != NULL && b != NULL && a->class == b->class) {
        if (is_line(a->name)) {
            root_lines(pair, file_of(pair, 1, entries[1], a->name), (uint32_t)a->number, (uint32_t)b->number);
            return;
        }
        if (a->class == DEBUG_CLASS_TEXT && is_path(entries[0], a->name)) {
            root_path(pair, (const char *)a->bytes, (const char *)b->bytes);
            return;
        }
    }
    entry_path(pair, 0, entries[0], path);
    show_value(pair, 0, a, vendor);
    show_value(pair, 1, b, rebuilt);
    snprintf(what, sizeof(what), "%u %u", any->name, entries[0]->tag);
    uint64_t key = root_key(DEBUG_ROOT_VALUE, (const char *const[]){what, path, vendor, rebuilt}, 4);
    /* What stands behind a longer word of a line: one reason for each file. */
    if (any->name == DW_AT_decl_column || any->name == DW_AT_call_column)
        key = root_key(DEBUG_ROOT_VALUE, (const char *const[]){"column", file_of(pair, 1, entries[1], any->name)}, 2);
    root_count(pair, DEBUG_ROOT_VALUE, key, 1, &made);
    if (made == NULL)
        return;
    made->what = debug_attribute_name(pair->d->arena, any->name);
    made->entry = root_text(pair->d, path);
    made->vendor = a != NULL ? root_text(pair->d, vendor) : NULL;
    made->rebuilt = b != NULL ? root_text(pair->d, rebuilt) : NULL;
    made->offsets[0] = entries[0]->offset;
    made->offsets[1] = entries[1]->offset;
}

static bool says_something(const struct debug_attribute *value)
{
    return value->class != DEBUG_CLASS_LAYOUT;
}

/* Attributes in their order where that is the same on both sides, and else by name. */
static void compare_attributes(struct unit_pair *pair, const struct debug_entry *a, const struct debug_entry *b)
{
    const struct debug_entry *const entries[2] = {a, b};
    bool in_order = a->count == b->count, other_list = false;
    for (size_t i = 0; i < a->count && in_order; i++)
        in_order = a->attributes[i].name == b->attributes[i].name;
    for (size_t i = 0; i < a->count; i++) {
        const struct debug_attribute *value = &a->attributes[i];
        const struct debug_attribute *other = in_order ? &b->attributes[i] : debug_entry_attribute(b, value->name);
        if (other == NULL ? !says_something(value) : values_agree(pair, value, other))
            continue;
        if (pair->d->work == 0) /* it was not looked at as a whole, which is said */
            return;
        /* The views of a list are told of with it. */
        if (value->name != DW_AT_GNU_locviews || !other_list)
            tell_value(pair, entries, value, other);
        other_list |= value->name == DW_AT_location;
    }
    for (size_t i = 0; i < b->count && !in_order; i++) {
        if (debug_entry_attribute(a, b->attributes[i].name) == NULL && says_something(&b->attributes[i]))
            tell_value(pair, entries, NULL, &b->attributes[i]);
    }
    /* What a loop over two ways of saying it can not see: an attribute that stands there twice. */
    if (!in_order && a->count != b->count)
        pair->entry_differs = pair->differs = true;
}

static void tell_tags(struct unit_pair *pair, const struct debug_entry *a, const struct debug_entry *b)
{
    struct debug_root *made;
    const char *vendor = debug_tag_name(pair->d->arena, a->tag), *rebuilt = debug_tag_name(pair->d->arena, b->tag);
    uint64_t key = root_key(DEBUG_ROOT_VALUE, (const char *const[]){"tag", vendor, rebuilt}, 3);
    root_count(pair, DEBUG_ROOT_VALUE, key, 1, &made);
    if (made == NULL)
        return;
    made->what = "tag";
    made->vendor = vendor;
    made->rebuilt = rebuilt;
}

/* ---- Entries that one side has ---- */

/* What compilers make of code, rather than of what was written. */
static bool is_made_of_code(const struct debug_entry *entry)
{
    switch (entry->tag) {
    case DW_TAG_lexical_block:
    case DW_TAG_inlined_subroutine:
    case DW_TAG_call_site:
    case DW_TAG_call_site_parameter:
    case DW_TAG_GNU_call_site:
    case DW_TAG_GNU_call_site_parameter:
        return true;
    default:
        return debug_entry_attribute(entry, DW_AT_abstract_origin) != NULL;
    }
}

static void tell_alone(struct unit_pair *pair, size_t side, const struct debug_entry *entry)
{
    struct debug_root *made;
    char path[ENTRY_TEXT], what[32];
    if (pair->function.root != NO_ROOT && is_made_of_code(entry)) {
        root_add(pair, pair->function.root, 1);
        return;
    }
    entry_path(pair, side, entry, path);
    snprintf(what, sizeof(what), "%u %zu", entry->tag, side);
    size_t root =
        root_count(pair, DEBUG_ROOT_ENTRY, root_key(DEBUG_ROOT_ENTRY, (const char *const[]){what, path}, 2), 1, &made);
    if (entry->tag == DW_TAG_subprogram && pair->layout_root == NO_ROOT)
        pair->layout_root = root;
    if (made == NULL)
        return;
    made->what = debug_tag_name(pair->d->arena, entry->tag);
    made->entry = root_text(pair->d, path);
    made->offsets[side] = entry->offset;
}

/* ---- All of two units ---- */

static void leave_functions(struct unit_pair *pair, unsigned depth)
{
    if (depth <= pair->function.depth)
        pair->function = (struct function_pair){.root = NO_ROOT};
}

/* Calls `met` for each entry of a side: top is false for what stands inside an entry without a partner. */
static void walk(struct unit_pair *pair, size_t side,
                 void (*met)(struct unit_pair *pair, size_t side, const struct debug_entry *entry, uint32_t index,
                             bool top))
{
    struct debug_unit_entries *unit = pair->units[side];
    struct debug_cursor *cursor = &pair->cursors[side];
    struct debug_entry entry;
    unsigned alone = UINT32_MAX; /* the depth of the entry without a partner that this one is in */
    for (uint32_t i = 0; i < unit->count && !pair->d->out_of_memory && debug_cursor_next(cursor, &entry); i++) {
        if (entry.depth >= DEPTH_MOST || pair->d->work == 0)
            break;
        pair->parents[side][entry.depth] = entry.offset;
        leave_functions(pair, entry.depth);
        if (entry.depth <= alone)
            alone = UINT32_MAX;
        bool top = alone == UINT32_MAX;
        if (top && unit->partners[i] == NO_ENTRY)
            alone = entry.depth;
        met(pair, side, &entry, i, top);
    }
}

static void met_vendor(struct unit_pair *pair, size_t side, const struct debug_entry *entry, uint32_t index, bool top)
{
    const struct debug_unit_entries *other = pair->units[1];
    uint32_t partner = pair->units[side]->partners[index];
    struct debug_entry rebuilt;
    pair->d->result->differing_entries += partner == NO_ENTRY;
    if (!top)
        return;
    if (partner == NO_ENTRY) {
        tell_alone(pair, 0, entry);
        return;
    }
    /* The unit's own entry comes last: it follows from the others. */
    if (entry->depth == 0)
        return;
    uint64_t offset = other->header.begin + other->offsets[partner];
    if (!debug_cursor_entry_at(&pair->cursors[1], offset, &rebuilt)) {
        debug_incomplete(pair->d, "an entry could not be read again");
        return;
    }
    rebuilt.depth = entry->depth;
    const struct debug_entry *const entries[2] = {entry, &rebuilt};
    pair->entry_differs = false;
    /* They are paired by hashes, in which the tag is. */
    if (entry->tag != rebuilt.tag)
        tell_tags(pair, entry, &rebuilt);
    if (entry->tag == DW_TAG_subprogram)
        enter_function(pair, entries);
    compare_attributes(pair, entry, &rebuilt);
    pair->d->result->differing_entries += pair->entry_differs;
}

/* What it costs to look through all code that is told to differ, as bytes that are compared. */
uint64_t changed_work(const struct unit_pair *pair)
{
    return pair->changed.count / 8;
}

/* In the rebuilt's order: which function it is in, if its code was told to differ, is known by where that begins. */
static void met_rebuilt(struct unit_pair *pair, size_t side, const struct debug_entry *entry, uint32_t index, bool top)
{
    uint32_t partner = pair->units[side]->partners[index];
    const struct changed_range *changed = pair->changed.items;
    struct range ranges[CODE_PARTS_MOST];
    if (top && entry->tag == DW_TAG_subprogram && partner != NO_ENTRY && pair->changed.count > 0 &&
        debug_afford(pair->d, changed_work(pair)) && code_of(pair, 1, entry, ranges) > 0) {
        pair->function = (struct function_pair){.depth = entry->depth, .root = NO_ROOT};
        for (size_t i = 0; i < pair->changed.count; i++) {
            if (changed[i].sides[1].begin == ranges[0].begin && !range_empty(changed[i].sides[1]))
                pair->function.root = changed[i].root;
        }
    }
    pair->d->result->differing_entries += partner == NO_ENTRY;
    if (top && partner == NO_ENTRY)
        tell_alone(pair, 1, entry);
}

/* type_offset of a type unit's header: DWARF 5, 7.5.1.3. */
static void compare_type_entries(struct unit_pair *pair)
{
    uint64_t a = pair->units[0]->header.type_entry, b = pair->units[1]->header.type_entry;
    char vendor[ENTRY_TEXT], rebuilt[ENTRY_TEXT];
    struct debug_root *made;
    if ((a == 0 && b == 0) || entries_correspond(pair, a, b))
        return;
    entry_name_at(pair, 0, a, vendor);
    entry_name_at(pair, 1, b, rebuilt);
    uint64_t key = root_key(DEBUG_ROOT_VALUE, (const char *const[]){"type unit", vendor, rebuilt}, 3);
    root_count(pair, DEBUG_ROOT_VALUE, key, 1, &made);
    if (made == NULL)
        return;
    made->what = "type of a type unit";
    made->vendor = root_text(pair->d, vendor);
    made->rebuilt = root_text(pair->d, rebuilt);
}

void entries_compare(struct unit_pair *pair)
{
    struct debug_entry roots[2];
    struct debug_cursor again = pair->cursors[1];
    walk(pair, 0, met_vendor);
    pair->function = (struct function_pair){.root = NO_ROOT};
    pair->cursors[1] = again;
    walk(pair, 1, met_rebuilt);
    pair->function = (struct function_pair){.root = NO_ROOT};
    for (size_t side = 0; side < 2; side++) {
        if (!debug_cursor_entry_at(&pair->cursors[side],
                                   pair->units[side]->header.begin + pair->units[side]->offsets[0], &roots[side])) {
            debug_incomplete(pair->d, "a unit's own entry could not be read again");
            return;
        }
        roots[side].depth = 0;
    }
    lines_compare(pair);
    pair->entry_differs = false;
    if (roots[0].tag != roots[1].tag)
        tell_tags(pair, &roots[0], &roots[1]);
    compare_type_entries(pair);
    compare_attributes(pair, &roots[0], &roots[1]);
    pair->d->result->differing_entries += pair->entry_differs;
}
