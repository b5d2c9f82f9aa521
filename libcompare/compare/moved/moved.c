/*
 * The proof of what moved, step by step. It is one induction over both images: if every byte that is loaded is equal to
 * its counterpart's but for references, and every reference leads to a counterpart, then both do the same, each at its
 * own addresses. So whatever is loaded and is not proven stays, also where its bytes are equal.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define SECTIONS_MOST 2000 /* that are loaded */

/* ---- Shared ---- */

void moving_prove(struct moving *m, struct range vendor, struct range rebuilt, enum rule_index rule)
{
    if ((range_empty(vendor) && range_empty(rebuilt)) || m->out_of_memory)
        return;
    struct proven *last = m->proven.count > 0 ? (struct proven *)m->proven.items + m->proven.count - 1 : NULL;
    /* What goes on where the last ended is one with it. */
    if (last != NULL && last->rule == rule && last->vendor.end == vendor.begin && last->rebuilt.end == rebuilt.begin &&
        range_size(last->vendor) == range_size(last->rebuilt) && range_size(vendor) == range_size(rebuilt)) {
        last->vendor.end = vendor.end;
        last->rebuilt.end = rebuilt.end;
        return;
    }
    struct proven *added = list_add(&m->proven);
    m->out_of_memory |= added == NULL;
    if (added != NULL)
        *added = (struct proven){vendor, rebuilt, rule};
}

void moving_note(struct moving *m, const struct counterpart *counterpart, uint64_t vendor)
{
    uint64_t *first = &m->first_references[counterpart - m->map->items];
    if (vendor < *first)
        *first = vendor;
}

const struct counterpart *moving_find(struct moving *m, uint64_t vendor)
{
    /* One reference is asked about in several ways, and one function's references often lead to one thing. */
    if (m->last_found == NULL || vendor - m->last_found->vendor >= m->last_found->size)
        m->last_found = counterpart_at(m->map, 0, vendor);
    return m->last_found;
}

bool moving_reference(struct moving *m, uint64_t vendor, uint64_t rebuilt)
{
    /* A weak symbol that nobody defines, in an executable that is not moved: gABI chapter 4, symbol table. */
    if (vendor == 0 && rebuilt == 0 && m->images[0]->header.e_type == ET_EXEC)
        return true;
    const struct counterpart *found = moving_find(m, vendor);
    if (found == NULL || found->rebuilt + (vendor - found->vendor) != rebuilt)
        return false;
    moving_note(m, found, vendor);
    return true;
}

const struct counterpart *moving_ends_at(struct moving *m, uint64_t vendor, uint64_t rebuilt)
{
    const struct counterpart *found = moving_find(m, vendor);
    if (found == NULL || found->code || found->vendor != vendor || found->rebuilt != rebuilt || rebuilt == 0)
        return NULL;
    const struct counterpart *before = counterpart_at(m->map, 1, rebuilt - 1);
    return before != NULL && before->vendor + before->size != vendor ? before : NULL;
}

bool moving_pointer(struct moving *m, uint64_t vendor, uint64_t rebuilt)
{
    bool odd = m->has_methods && (vendor & 1) != 0 && (rebuilt & 1) == 0;
    const struct counterpart *found = odd ? moving_find(m, vendor) : NULL;
    return (found == NULL || !found->code) && moving_reference(m, vendor, rebuilt);
}

const struct section_pair *moving_section(const struct moving *m, size_t side, uint32_t section)
{
    for (size_t i = 0; i < m->section_count; i++) {
        if (m->sections[i].sides[side]->index == section)
            return &m->sections[i];
    }
    return NULL;
}

struct range moving_bytes(const struct moving *m, size_t side, uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < m->section_count; i++) {
        const struct section *section = m->sections[i].sides[side];
        if (address >= section->address && address - section->address < section->size &&
            (section->type != SHT_NOBITS || (section->flags & SHF_TLS) == 0)) {
            uint64_t offset = address - section->address;
            if (range_empty(section->bytes) || size > range_size(section->bytes) - offset)
                return (struct range){0, 0};
            return (struct range){section->bytes.begin + offset, section->bytes.begin + offset + size};
        }
    }
    return (struct range){0, 0};
}

/* ---- Whether it can be tried ---- */

static const struct segment *segment_of(const struct image *image, uint32_t type)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        if (image->segments[i].type == type)
            return &image->segments[i];
    }
    return NULL;
}

/* Offsets from the thread pointer stand in code as plain numbers. */
static bool same_thread_storage(const struct image *a, const struct image *b)
{
    const struct segment *x = segment_of(a, PT_TLS), *y = segment_of(b, PT_TLS);
    if (x == NULL || y == NULL)
        return x == y;
    return x->file_size == y->file_size && x->memory_size == y->memory_size && x->alignment == y->alignment;
}

static bool has_text_relocations(const struct image *image)
{
    const struct dynamic_entry *flags = image_dynamic(image, DT_FLAGS);
    return image_dynamic(image, DT_TEXTREL) != NULL || (flags != NULL && (flags->value & DF_TEXTREL) != 0);
}

/* Each is looked for among the other side's. Linked files have dozens. */
static bool has_too_many_sections(const struct image *image)
{
    size_t loaded = 0;
    for (uint64_t i = 1; i < image->section_count; i++)
        loaded += (image->sections[i].flags & SHF_ALLOC) != 0;
    return loaded > SECTIONS_MOST;
}

static const char *why_not(const struct image *a, const struct image *b)
{
    if (!image_is_linked(a) || !image_is_linked(b))
        return "only linked files are looked at for what moved";
    if (a->header.e_type != b->header.e_type || a->header.e_machine != b->header.e_machine || a->is64 != b->is64 ||
        a->big_endian != b->big_endian || a->header.e_flags != b->header.e_flags)
        return "the files are of different types or for different machines";
    if (a->anomaly_count > 0 || b->anomaly_count > 0)
        return "a file's views disagree";
    if (!a->runs_on_linux)
        return "how this machine's files are loaded is not known";
    if (a->section_count < 2 || b->section_count < 2)
        return "there are no section headers to go by";
    if (has_too_many_sections(a) || has_too_many_sections(b))
        return "there are too many sections that are loaded";
    if (has_text_relocations(a) || has_text_relocations(b))
        return "the dynamic linker changes code (DT_TEXTREL)";
    if (!same_thread_storage(a, b))
        return "thread-local storage differs, whose offsets stand in code as numbers";
    return NULL;
}

/*
 * MIPS code adds to the pages that local entries of the GOT hold, which ld.so moves by the load address alone (System V
 * psABI, MIPS supplement, "Global Offset Table"); a relocation there would make them something else.
 */
static bool got_is_relocated(const struct moving *m, size_t side)
{
    const struct image *image = m->images[side];
    const struct section *got = image_section_named(image, ".got");
    size_t found = 0;
    if (image->header.e_machine == EM_MIPS && got != NULL)
        relocations_in(m->relocations[side], m->relocation_counts[side], got->bytes, &found);
    return found > 0;
}

static bool is_accepted(const struct rule_set *rules)
{
    bool accepted = true;
    for (size_t i = RULE_MOVED_CODE; i <= RULE_MOVED_PADDING; i++)
        accepted = accepted && rules->accepted[i];
    return accepted;
}

/* ---- The steps ---- */

static bool pair_sections(struct moving *m)
{
    const struct image *a = m->images[0], *b = m->images[1];
    struct section_pair *pairs = arena_alloc(m->arena, a->section_count + 1, sizeof(*pairs));
    for (uint64_t i = 1; pairs != NULL && i < a->section_count; i++) {
        const struct section *partner = section_partner(a, b, &a->sections[i]);
        if ((a->sections[i].flags & SHF_ALLOC) != 0 && partner != NULL)
            pairs[m->section_count++] = (struct section_pair){{&a->sections[i], partner}};
    }
    m->sections = pairs;
    return pairs != NULL;
}

struct reader {
    struct moving *m;
    size_t side;
    struct arena arena, scratch; /* symbols and relocations; the code in pieces */
    int status;
    struct compare_error error;
};

/* One side's symbols, relocations and code, which know nothing of the other's. */
static int read_side(void *argument)
{
    struct reader *reader = argument;
    struct moving *m = reader->m;
    size_t side = reader->side;
    struct space *space = &m->spaces[side];
    reader->status = symbols_read(m->images[side], &reader->arena, &m->symbols[side], &reader->error);
    if (reader->status == 0)
        reader->status = relocations_read(m->images[side], &reader->arena, &m->relocations[side],
                                          &m->relocation_counts[side], &reader->error);
    if (reader->status != 0)
        return reader->status;
    *space = (struct space){.image = m->images[side],
                            .symbols = &m->symbols[side],
                            .relocations = m->relocations[side],
                            .relocation_count = m->relocation_counts[side]};
    if (!space_read(space, &reader->scratch))
        reader->status =
            error_set(&reader->error, COMPARE_ERROR_MEMORY, m->images[side]->path, "no memory for its code");
    return reader->status;
}

static int read_both(struct reader readers[2], struct compare_error *error)
{
    int (*const works[2])(void *) = {read_side, read_side};
    void *const arguments[2] = {&readers[0], &readers[1]};
    int status = moving_beside(readers[0].m, works, arguments, error);
    for (size_t i = 0; i < 2 && status != 0; i++) {
        if (readers[i].status == status) {
            *error = readers[i].error;
            return status;
        }
    }
    return status;
}

static int no_memory(const struct moving *m, struct compare_error *error)
{
    return error_set(error, COMPARE_ERROR_MEMORY, m->images[0]->path, "no memory to prove what moved");
}

static bool any_moved(const struct correspondence *map)
{
    for (size_t i = 0; i < map->count; i++) {
        if (map->items[i].vendor != map->items[i].rebuilt)
            return true;
    }
    return false;
}

static int vendor_order(const void *left, const void *right)
{
    const struct proven *a = left, *b = right;
    return (a->vendor.begin > b->vendor.begin) - (a->vendor.begin < b->vendor.begin);
}

static int rebuilt_order(const void *left, const void *right)
{
    const struct proven *a = *(const struct proven *const *)left, *b = *(const struct proven *const *)right;
    return (a->rebuilt.begin > b->rebuilt.begin) - (a->rebuilt.begin < b->rebuilt.begin);
}

/* No byte is proven twice: that would be two stories of one byte. Where one is, *at is its place. */
static bool is_disjoint(struct moving *m, uint64_t *at)
{
    struct proven *proven = m->proven.items;
    const struct proven **sorted = arena_alloc(m->arena, m->proven.count + 1, sizeof(*sorted));
    m->out_of_memory |= sorted == NULL;
    sort_items(proven, m->proven.count, sizeof(*proven), vendor_order);
    for (size_t i = 0; sorted != NULL && i < m->proven.count; i++)
        sorted[i] = &proven[i];
    sort_items(sorted, m->proven.count, sizeof(*sorted), rebuilt_order);
    for (size_t side = 0; sorted != NULL && side < 2; side++) {
        uint64_t end = 0;
        for (size_t i = 0; i < m->proven.count; i++) {
            struct range range = side == 0 ? proven[i].vendor : sorted[i]->rebuilt;
            if (!range_empty(range) && range.begin < end) {
                *at = range.begin;
                return false;
            }
            end = range_empty(range) ? end : range.end;
        }
    }
    return true;
}

static uint64_t to_end_of_owner(const struct image *image, uint64_t offset)
{
    const struct extent *extent = image_extent_at(image, offset);
    return extent != NULL ? extent->range.end - offset : UINT64_MAX;
}

/* Each in one owner's bytes on either side, as pairs are. */
static void cut_at_owners(struct moving *m)
{
    struct list whole = m->proven;
    const struct proven *items = whole.items;
    m->proven = (struct list){.arena = m->arena, .item_size = sizeof(struct proven)};
    for (size_t i = 0; i < whole.count && !m->out_of_memory; i++) {
        struct range a = items[i].vendor, b = items[i].rebuilt;
        while (range_size(a) == range_size(b) && !range_empty(a)) {
            uint64_t left_a = to_end_of_owner(m->images[0], a.begin), left_b = to_end_of_owner(m->images[1], b.begin);
            uint64_t size = left_a < left_b ? left_a : left_b;
            if (size >= range_size(a))
                break;
            struct proven *part = list_add(&m->proven);
            m->out_of_memory |= part == NULL;
            if (part != NULL)
                *part = (struct proven){{a.begin, a.begin + size}, {b.begin, b.begin + size}, items[i].rule};
            a.begin += size;
            b.begin += size;
        }
        struct proven *rest = list_add(&m->proven);
        m->out_of_memory |= rest == NULL;
        if (rest != NULL)
            *rest = (struct proven){a, b, items[i].rule};
    }
}

static bool has_methods(const struct symbols *symbols)
{
    for (size_t i = 0; i < symbols->count; i++) {
        if (symbols->items[i].name != NULL && strncmp(symbols->items[i].name, "_Z", 2) == 0)
            return true;
    }
    return false;
}

static void *kept(const struct list *list, struct arena *arena)
{
    void *items = arena_alloc(arena, list->count, list->item_size);
    if (items != NULL && list->count > 0)
        memcpy(items, list->items, list->count * list->item_size);
    return items;
}

/* What others ask about, out of what it was made of. */
static bool settle(const struct moving *m, struct arena *arena, struct moved *moved)
{
    moved->tried = true;
    moved->any = any_moved(m->map);
    moved->proven = kept(&m->proven, arena);
    moved->proven_count = m->proven.count;
    moved->changed = kept(&m->changed, arena);
    moved->changed_count = m->changed.count;
    moved->counts = m->counts;
    moved->map = correspondence_copy(m->map, arena);
    for (size_t side = 0; side < 2; side++)
        moved->sides[side] = (struct moved_side){m->symbols[side], m->relocations[side], m->relocation_counts[side]};
    return moved->proven != NULL && moved->changed != NULL && moved->map != NULL;
}

static int prove(struct moving *m, struct arena *arena, struct moved *moved, struct compare_error *error)
{
    struct correspondence *map = arena_alloc(m->arena, 1, sizeof(*map));
    if (map == NULL || !pair_sections(m) || !correspondence_make(m->spaces, m->arena, map))
        return no_memory(m, error);
    m->map = map;
    m->has_methods = has_methods(&m->symbols[1]);
    int status = code_and_tables_prove(m, error);
    if (status != 0)
        return status;
    void (*const steps[])(struct moving *) = {data_prove, headers_prove, padding_prove};
    for (size_t i = 0; i < ARRAY_COUNT(steps) && !m->out_of_memory; i++)
        steps[i](m);
    cut_at_owners(m);
    uint64_t twice = 0;
    bool disjoint = is_disjoint(m, &twice);
    if (m->out_of_memory)
        return no_memory(m, error);
    if (!disjoint)
        return error_set(error, COMPARE_ERROR_INTERNAL, m->images[0]->path,
                         "the byte at offset %#jx was proven twice to have moved: please report this",
                         (uintmax_t)twice);
    return settle(m, arena, moved) ? 0 : no_memory(m, error);
}

int moved_prove(const struct image *vendor, const struct image *rebuilt, const struct rule_set *rules,
                struct arena *arena, struct moved *moved, struct compare_error *error)
{
    struct arena scratch = {0};
    struct moving m = {.images = {vendor, rebuilt},
                       .arena = &scratch,
                       .proven = {.arena = &scratch, .item_size = sizeof(struct proven)},
                       .changed = {.arena = &scratch, .item_size = sizeof(struct changed_code)},
                       .entries = {.arena = &scratch, .item_size = sizeof(struct table_entry)}};
    struct reader readers[2] = {{.m = &m, .side = 0}, {.m = &m, .side = 1}};
    *moved = (struct moved){0};
    if (!is_accepted(rules))
        return 0;
    moved->not_tried = why_not(vendor, rebuilt);
    if (moved->not_tried != NULL)
        return 0;
    int status = read_both(readers, error);
    if (status == 0 && (got_is_relocated(&m, 0) || got_is_relocated(&m, 1)))
        moved->not_tried = "a relocation changes MIPS's GOT, which code takes pages from";
    else if (status == 0)
        status = prove(&m, arena, moved, error);
    for (size_t i = 0; i < 2; i++) {
        space_close(&m.spaces[i]);
        arena_free(&readers[i].scratch);
        if (status == 0 && moved->tried)
            arena_join(arena, &readers[i].arena);
        arena_free(&readers[i].arena);
    }
    arena_free(&scratch);
    return status;
}
