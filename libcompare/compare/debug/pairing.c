/*
 * Which entries (DIEs) of two units are each other's: those of one tag and name at one place of the tree, in their
 * order; then those that moved among their siblings. What has no name goes by what it refers to and holds: a pointer by
 * its type, an inlined call by its function, an array by its bounds as well, a structure by its members.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define ENTRIES_MOST ((uint64_t)48 << 20) /* of both sides */
#define HOPS         4

struct node {
    uint64_t key, weak;    /* weak: without what it holds */
    uint32_t offset, link; /* link: of what an entry without a name goes by; 0: none */
    uint32_t end;          /* the first node that is not in it */
    uint32_t bound;
    uint16_t tag;
    bool named;
};

struct nodes {
    struct node *items; /* malloc */
    size_t count, capacity;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    a ^= b * 0x9e3779b97f4a7c15;
    a *= 0xd6e8feb86659fd93;
    return a ^ a >> 32;
}

/* ---- Reading ---- */

static const struct debug_attribute *name_of(const struct debug_entry *entry)
{
    const struct debug_attribute *name = debug_entry_attribute(entry, DW_AT_linkage_name);
    if (name == NULL)
        name = debug_entry_attribute(entry, DW_AT_MIPS_linkage_name);
    if (name == NULL)
        name = debug_entry_attribute(entry, DW_AT_name);
    return name != NULL && name->class == DEBUG_CLASS_TEXT ? name : NULL;
}

static uint32_t link_of(const struct debug_unit_header *unit, const struct debug_entry *entry)
{
    static const uint16_t names[] = {DW_AT_abstract_origin, DW_AT_specification, DW_AT_import,
                                     DW_AT_call_origin,     DW_AT_type,          DW_AT_containing_type};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const struct debug_attribute *link = debug_entry_attribute(entry, names[i]);
        if (link != NULL && link->class == DEBUG_CLASS_ENTRY && link->number > unit->begin && link->number < unit->end)
            return (uint32_t)(link->number - unit->begin);
    }
    return 0;
}

static struct node *add_node(struct nodes *nodes)
{
    if (nodes->count == nodes->capacity) {
        size_t capacity = nodes->capacity == 0 ? 1024 : nodes->capacity * 2;
        struct node *larger = realloc(nodes->items, capacity * sizeof(*larger));
        if (larger == NULL)
            return NULL;
        nodes->items = larger;
        nodes->capacity = capacity;
    }
    return &nodes->items[nodes->count++];
}

static void set_node(struct node *node, const struct debug_unit_header *unit, const struct debug_entry *entry)
{
    const struct debug_attribute *name = name_of(entry);
    *node = (struct node){.offset = (uint32_t)(entry->offset - unit->begin), .tag = entry->tag, .key = entry->tag};
    node->named = name != NULL;
    /* Names of units are paths, and there is one unit entry. */
    const struct debug_attribute *bound = debug_entry_attribute(entry, DW_AT_upper_bound);
    bound = bound != NULL ? bound : debug_entry_attribute(entry, DW_AT_count);
    node->bound = bound != NULL && bound->class == DEBUG_CLASS_NUMBER ? (uint32_t)bound->number : 0;
    if (name != NULL && entry->depth > 0)
        node->key = mix(node->key, XXH3_64bits(name->bytes, name->size));
    else if (name == NULL)
        node->link = link_of(unit, entry);
}

/* Where entries say that their siblings are (DW_AT_sibling): readers that skip what is between must see the same. */
struct siblings {
    uint64_t stated[DEPTH_MOST]; /* by depth; 0: nothing */
    unsigned depth;              /* of the last entry */
    uint64_t last;
};

static bool siblings_fit(struct siblings *siblings, const struct debug_entry *entry)
{
    const struct debug_attribute *sibling = debug_entry_attribute(entry, DW_AT_sibling);
    bool fits = true;
    for (unsigned depth = siblings->depth; depth > entry->depth; depth--) {
        uint64_t stated = siblings->stated[depth];
        /* Behind the last of them is the end of the siblings. */
        fits = fits && (stated == 0 || (stated > siblings->last && stated <= entry->offset));
    }
    bool follows = siblings->last != 0 && siblings->depth >= entry->depth;
    uint64_t stated = follows ? siblings->stated[entry->depth] : 0;
    siblings->stated[entry->depth] = sibling != NULL ? sibling->number : 0;
    siblings->depth = entry->depth;
    siblings->last = entry->offset;
    return fits && (stated == 0 || stated == entry->offset);
}

/* False: no memory. */
static bool read_nodes(struct debugging *d, size_t side, size_t index, struct nodes *nodes)
{
    struct debug_side *from = &d->sides[side];
    struct debug_unit_entries *unit = &from->units[index];
    uint32_t open[DEPTH_MOST];
    unsigned depth = 0;
    bool fits = true;
    struct siblings siblings = {.depth = 0};
    struct debug_cursor cursor;
    struct debug_entry entry;
    if (!debug_cursor_open(&cursor, from->debug, index, &from->abbreviations))
        return false;
    while (debug_cursor_next(&cursor, &entry)) {
        if (entry.depth >= DEPTH_MOST || nodes->count == NO_ENTRY - 1 || d->entry_count++ >= ENTRIES_MOST ||
            cursor.text_bytes > d->work)
            break;
        fits = siblings_fit(&siblings, &entry) && fits;
        for (; depth > entry.depth; depth--)
            nodes->items[open[depth - 1]].end = (uint32_t)nodes->count;
        struct node *node = add_node(nodes);
        if (node == NULL)
            return false;
        set_node(node, &unit->header, &entry);
        open[depth++] = (uint32_t)nodes->count - 1;
    }
    for (; depth > 0; depth--)
        nodes->items[open[depth - 1]].end = (uint32_t)nodes->count;
    unit->whole = cursor.ended && fits && debug_afford(d, cursor.text_bytes);
    d->result->entries[side] += nodes->count;
    return true;
}

static size_t find_node(const struct nodes *nodes, uint32_t offset)
{
    size_t low = 0, high = nodes->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (nodes->items[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < nodes->count && nodes->items[low].offset == offset ? low : SIZE_MAX;
}

static bool goes_by_content(const struct node *node)
{
    return !node->named && (node->tag == DW_TAG_array_type || node->tag == DW_TAG_structure_type ||
                            node->tag == DW_TAG_union_type || node->tag == DW_TAG_enumeration_type ||
                            node->tag == DW_TAG_subroutine_type || node->tag == DW_TAG_class_type);
}

/* Keys of entries without a name, by what they lead to, up to one that has a name, and by what they hold. */
static void complete_keys(struct nodes *nodes)
{
    struct node *items = nodes->items;
    for (size_t i = 0; i < nodes->count; i++) {
        uint64_t key = items[i].tag;
        uint32_t link = items[i].link;
        for (unsigned hops = 0; link != 0 && hops < HOPS; hops++) {
            size_t to = find_node(nodes, link);
            if (to == SIZE_MAX)
                break;
            key = mix(key, items[to].named ? items[to].key : items[to].tag);
            link = items[to].named ? 0 : items[to].link;
        }
        if (items[i].link != 0)
            items[i].key = key;
        items[i].weak = items[i].key;
    }
    /* What is held comes behind what holds it. */
    for (size_t i = nodes->count; i-- > 0;) {
        if (items[i].tag == DW_TAG_subrange_type)
            items[i].key = mix(items[i].key, items[i].bound);
        for (uint32_t at = (uint32_t)i + 1; goes_by_content(&items[i]) && at < items[i].end; at = items[at].end)
            items[i].key = mix(items[i].key, items[at].key);
    }
}

/* ---- Pairing ---- */

struct pairing {
    struct debugging *d;
    const struct nodes *sides[2];
    uint32_t *partners; /* of the vendor's nodes */
};

struct children {
    uint32_t *nodes;
    uint64_t *keys, *weak;
    size_t count;
};

static bool list_children(const struct nodes *nodes, uint32_t parent, struct children *children)
{
    uint32_t end = nodes->items[parent].end;
    children->count = 0;
    for (uint32_t at = parent + 1; at < end; at = nodes->items[at].end)
        children->count++;
    children->nodes = malloc((children->count + 1) * sizeof(*children->nodes));
    children->keys = malloc((children->count + 1) * sizeof(*children->keys));
    children->weak = malloc((children->count + 1) * sizeof(*children->weak));
    if (children->nodes == NULL || children->keys == NULL || children->weak == NULL)
        return false;
    size_t i = 0;
    for (uint32_t at = parent + 1; at < end; at = nodes->items[at].end, i++) {
        children->nodes[i] = at;
        children->keys[i] = nodes->items[at].key;
        children->weak[i] = nodes->items[at].weak;
    }
    return true;
}

static void free_children(struct children children[2])
{
    for (size_t side = 0; side < 2; side++) {
        free(children[side].nodes);
        free(children[side].keys);
        free(children[side].weak);
    }
}

struct leftover {
    uint64_t key;
    size_t index;
};

static int by_key(const void *left, const void *right)
{
    const struct leftover *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/* Those that stand in another order among their siblings: by keys that both sides have left as often. */
static void pair_leftovers(const struct children children[2], bool weak, size_t *partner, bool *taken,
                           struct leftover *lists[2])
{
    size_t counts[2] = {0, 0}, b = 0;
    const uint64_t *keys[2] = {weak ? children[0].weak : children[0].keys, weak ? children[1].weak : children[1].keys};
    for (size_t i = 0; i < children[0].count; i++) {
        if (partner[i] == SIZE_MAX)
            lists[0][counts[0]++] = (struct leftover){keys[0][i], i};
    }
    for (size_t i = 0; i < children[1].count; i++) {
        if (!taken[i])
            lists[1][counts[1]++] = (struct leftover){keys[1][i], i};
    }
    for (size_t side = 0; side < 2; side++)
        sort_items(lists[side], counts[side], sizeof(*lists[side]), by_key);
    for (size_t a = 0; a < counts[0];) {
        uint64_t key = lists[0][a].key;
        size_t many_a = 1, many_b = 0;
        while (a + many_a < counts[0] && lists[0][a + many_a].key == key)
            many_a++;
        while (b < counts[1] && lists[1][b].key < key)
            b++;
        while (b + many_b < counts[1] && lists[1][b + many_b].key == key)
            many_b++;
        for (size_t i = 0; many_a == many_b && i < many_a; i++) {
            partner[lists[0][a + i].index] = lists[1][b + i].index;
            taken[lists[1][b + i].index] = true;
        }
        a += many_a;
        b += many_b;
    }
}

/* The partners of one list of siblings in the other. False: no memory. */
static bool align_children(const struct children children[2], size_t *partner)
{
    size_t a = children[0].count, b = children[1].count;
    if (a == b && memcmp(children[0].keys, children[1].keys, a * sizeof(*children[0].keys)) == 0) {
        for (size_t i = 0; i < a; i++)
            partner[i] = i;
        return true;
    }
    bool *taken = calloc(b + 1, sizeof(*taken));
    struct leftover *lists[2] = {malloc((a + 1) * sizeof(*lists[0])), malloc((b + 1) * sizeof(*lists[1]))};
    bool done = taken != NULL && lists[0] != NULL && lists[1] != NULL &&
                align_sequences(children[0].keys, a, children[1].keys, b, partner);
    for (size_t i = 0; done && i < a; i++) {
        if (partner[i] != SIZE_MAX)
            taken[partner[i]] = true;
    }
    if (done) {
        pair_leftovers(children, false, partner, taken, lists);
        pair_leftovers(children, true, partner, taken, lists);
    }
    free(taken);
    free(lists[0]);
    free(lists[1]);
    return done;
}

static bool has_children(const struct node *node, uint32_t index)
{
    return node->end > index + 1;
}

/* Recursion is as deep as entries are in entries. */
static bool pair_below(struct pairing *p, uint32_t vendor, uint32_t rebuilt)
{
    struct children children[2] = {{0}, {0}};
    size_t *partner = NULL;
    p->partners[vendor] = rebuilt;
    if (!has_children(&p->sides[0]->items[vendor], vendor) || !has_children(&p->sides[1]->items[rebuilt], rebuilt))
        return true;
    bool paired = list_children(p->sides[0], vendor, &children[0]) && list_children(p->sides[1], rebuilt, &children[1]);
    if (paired)
        partner = malloc((children[0].count + 1) * sizeof(*partner));
    paired = paired && partner != NULL && align_children(children, partner);
    for (size_t i = 0; paired && i < children[0].count; i++) {
        if (partner[i] != SIZE_MAX)
            paired = pair_below(p, children[0].nodes[i], children[1].nodes[partner[i]]);
    }
    free(partner);
    free_children(children);
    return paired;
}

static bool keep(struct debug_unit_entries *unit, const struct nodes *nodes)
{
    unit->count = (uint32_t)nodes->count;
    unit->offsets = malloc((nodes->count + 1) * sizeof(*unit->offsets));
    unit->partners = malloc((nodes->count + 1) * sizeof(*unit->partners));
    if (unit->offsets == NULL || unit->partners == NULL)
        return false;
    for (size_t i = 0; i < nodes->count; i++) {
        unit->offsets[i] = nodes->items[i].offset;
        unit->partners[i] = NO_ENTRY;
    }
    return true;
}

void entries_pair(struct debugging *d, struct debug_unit_entries *vendor, struct debug_unit_entries *rebuilt)
{
    struct debug_unit_entries *units[2] = {vendor, rebuilt};
    struct nodes nodes[2] = {{0}, {0}};
    bool done = true;
    for (size_t side = 0; side < 2 && done; side++) {
        if (units[side] == NULL)
            continue;
        done = read_nodes(d, side, (size_t)(units[side] - d->sides[side].units), &nodes[side]);
        if (done)
            complete_keys(&nodes[side]);
        done = done && keep(units[side], &nodes[side]);
    }
    struct pairing p = {.d = d, .sides = {&nodes[0], &nodes[1]}, .partners = vendor != NULL ? vendor->partners : NULL};
    if (done && nodes[0].count > 0 && nodes[1].count > 0)
        done = pair_below(&p, 0, 0);
    for (uint32_t i = 0; done && nodes[1].count > 0 && i < nodes[0].count; i++) {
        if (p.partners[i] != NO_ENTRY)
            rebuilt->partners[p.partners[i]] = i;
    }
    d->out_of_memory |= !done;
    free(nodes[0].items);
    free(nodes[1].items);
}
