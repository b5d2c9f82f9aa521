/*
 * The order in which a pair is explained, and what its steps share. Each step tells of some findings by meaning; what
 * none of them tells of is told of as bytes, so that no finding is left out of the account.
 */
#include <string.h>

#include "causes/support.h"
#include "parts.h"

const struct compare_cause_info *cause_info(const struct cause *cause)
{
    return &cause->info;
}

/* ---- What the steps share ---- */

void incomplete(struct explaining *e, const char *why)
{
    if (e->incomplete == NULL)
        e->incomplete = why;
}

struct difference *difference_add(struct explaining *e, enum difference_kind kind, const char *what)
{
    if (e->differences.count >= DIFFERENCES_MOST) {
        incomplete(e, "there are too many differences to tell of each");
        return NULL;
    }
    struct difference *difference = list_add(&e->differences);
    if (difference == NULL) {
        e->out_of_memory = true;
        return NULL;
    }
    difference->kind = kind;
    difference->what = what;
    difference->finding = SIZE_MAX;
    difference->root = SIZE_MAX;
    difference->listing = SIZE_MAX;
    return difference;
}

/* The account of a side, and its first line that ends behind this offset. */
static const struct account *account_from(const struct explaining *e, size_t side, uint64_t file_offset, size_t *first)
{
    const struct comparison *comparison = e->input->comparison;
    const struct account *account = side == 0 ? &comparison->vendor : &comparison->rebuilt;
    size_t low = 0, high = account->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (account->entries[middle].range.end > file_offset)
            high = middle;
        else
            low = middle + 1;
    }
    *first = low;
    return account;
}

bool next_finding(const struct explaining *e, size_t side, struct range bytes, struct range *finding)
{
    size_t i;
    const struct account *account = account_from(e, side, bytes.begin, &i);
    for (; i < account->count && account->entries[i].range.begin < bytes.end; i++) {
        const struct entry *entry = &account->entries[i];
        if (is_to_tell(entry->standing, entry->rule) && range_overlaps(entry->range, bytes)) {
            *finding = (struct range){entry->range.begin > bytes.begin ? entry->range.begin : bytes.begin,
                                      entry->range.end < bytes.end ? entry->range.end : bytes.end};
            return true;
        }
    }
    return false;
}

bool any_finding(const struct explaining *e, size_t side, struct range bytes)
{
    struct range finding;
    return next_finding(e, side, bytes, &finding);
}

static size_t index_of(const struct explaining *e, const struct difference *difference)
{
    return (size_t)(difference - (const struct difference *)e->differences.items);
}

void difference_takes(struct explaining *e, struct difference *difference, size_t side, struct range bytes)
{
    size_t i;
    const struct account *account = account_from(e, side, bytes.begin, &i);
    for (; i < account->count && account->entries[i].range.begin < bytes.end; i++) {
        const struct entry *entry = &account->entries[i];
        if (!is_to_tell(entry->standing, entry->rule) || !range_overlaps(entry->range, bytes))
            continue;
        if (difference->finding == SIZE_MAX)
            difference->finding = entry->finding;
        if (e->owners[entry->finding] != SIZE_MAX)
            continue;
        difference->differing += e->input->comparison->findings[entry->finding].differing;
        e->owners[entry->finding] = index_of(e, difference);
    }
}

const struct section *section_at(const struct image *image, uint64_t file_offset)
{
    const struct extent *extent = image_extent_at(image, file_offset);
    return extent != NULL && extent->owner == OWNER_SECTION ? &image->sections[extent->index] : NULL;
}

void place_set(struct explaining *e, struct place *place, size_t side, struct range bytes)
{
    const struct image *image = e->sides[side].image;
    char name[1100];
    place->present = true;
    place->bytes = bytes;
    const struct extent *extent = image_extent_at(image, bytes.begin);
    if (extent == NULL)
        return;
    if (extent->owner == OWNER_SECTION)
        place->section = image->sections[extent->index].name;
    else
        place->section = arena_strdup(e->arena, image_owner_name(image, extent, name, sizeof(name)));
}

void value_bytes(struct explaining *e, struct value *value, const void *bytes, uint64_t size)
{
    char text[TEXT_MOST];
    value->bytes = bytes;
    value->size = size;
    value->text = bytes != NULL ? arena_strdup(e->arena, escape_bytes(text, sizeof(text), bytes, size)) : NULL;
}

void value_text(struct explaining *e, struct value *value, const char *format, ...)
{
    char text[TEXT_MOST];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    value->text = arena_strdup(e->arena, text);
    value->bytes = (const uint8_t *)value->text;
    value->size = value->text != NULL ? strlen(value->text) : 0;
}

/* ---- The sides ---- */

static bool side_open(struct explaining *e, size_t index)
{
    struct explained_side *side = &e->sides[index];
    struct compare_error error;
    side->image = index == 0 ? e->input->vendor : e->input->rebuilt;
    side->debug_image = index == 0 ? e->input->vendor_debug : e->input->rebuilt_debug;
    if (has_proof(e)) {
        const struct moved_side *read = &e->input->moved->sides[index];
        side->symbols = read->symbols;
        side->relocations = read->relocations;
        side->relocation_count = read->relocation_count;
    } else if (symbols_read(side->image, e->arena, &side->symbols, &error) != 0 ||
               relocations_read(side->image, e->arena, &side->relocations, &side->relocation_count, &error) != 0) {
        return false;
    }
    if (side->debug_image != NULL && debug_open(side->debug_image, &side->debug, &error) != 0)
        incomplete(e, "a separate debug file could not be read");
    if (side->debug == NULL && debug_open(side->image, &side->debug, &error) != 0)
        incomplete(e, "the debug information could not be read");
    side->decoders[0] = decoder_open(side->image, false);
    side->decoders[1] = decoder_open(side->image, true);
    return side->decoders[0] != NULL && side->decoders[1] != NULL;
}

static void side_close(struct explained_side *side)
{
    debug_close(side->debug);
    decoder_close(side->decoders[0]);
    decoder_close(side->decoders[1]);
}

/* Whether loaded sections, or without them segments, have kept their places and sizes. */
static bool layout_moved(const struct image *a, const struct image *b)
{
    if (a->segment_count != b->segment_count)
        return true;
    for (size_t i = 0; i < a->segment_count; i++) {
        if (a->segments[i].type == PT_LOAD &&
            (a->segments[i].address != b->segments[i].address || a->segments[i].file_size != b->segments[i].file_size))
            return true;
    }
    if (a->section_count == 0 || b->section_count == 0)
        return false;
    size_t x = 1, y = 1;
    for (;;) {
        while (x < a->section_count && (a->sections[x].flags & SHF_ALLOC) == 0)
            x++;
        while (y < b->section_count && (b->sections[y].flags & SHF_ALLOC) == 0)
            y++;
        if (x >= a->section_count || y >= b->section_count)
            return (x < a->section_count) != (y < b->section_count);
        if (a->sections[x].address != b->sections[y].address || a->sections[x].size != b->sections[y].size)
            return true;
        x++;
        y++;
    }
}

static void count_kinds(struct explaining *e)
{
    struct difference *differences = e->differences.items;
    for (size_t i = 0; i < e->differences.count; i++)
        e->clues.kinds[differences[i].kind]++;
    e->clues.differences = differences;
    e->clues.difference_count = e->differences.count;
}

static void guess_all(struct explaining *e)
{
    struct difference *differences = e->differences.items;
    count_kinds(e);
    for (size_t i = 0; i < e->differences.count; i++) {
        if (differences[i].kind != DIFFERENCE_DERIVED)
            causes_guess(&e->clues, &differences[i]);
    }
}

void explain(const struct explain_input *input, struct arena *arena, struct explanation *explanation)
{
    static void (*const steps[])(struct explaining *) = {
        facts_read,   functions_find, tables_explain, names_explain, debug_explain, strings_explain, functions_explain,
        data_explain, rest_explain,   users_find,     places_name,   guess_all,     places_find,
    };
    struct explaining e = {
        .input = input,
        .arena = arena,
        .differences = {.arena = arena, .item_size = sizeof(struct difference)},
        .clues = {.arena = arena},
    };
    e.owners = arena_alloc(arena, input->comparison->finding_count, sizeof(*e.owners));
    for (size_t i = 0; e.owners != NULL && i < input->comparison->finding_count; i++)
        e.owners[i] = SIZE_MAX;
    e.out_of_memory = e.owners == NULL || !side_open(&e, 0) || !side_open(&e, 1);
    e.moved = layout_moved(input->vendor, input->rebuilt);
    for (size_t i = 0; i < ARRAY_COUNT(steps) && !e.out_of_memory; i++)
        steps[i](&e);
    roots_find(&e, explanation);
    if (input->list && !e.out_of_memory)
        listings_make(&e, explanation);
    if (!e.out_of_memory)
        changed_tell(&e, explanation);
    explanation->environments = input->environments;
    if (input->environments != NULL)
        e.out_of_memory |= !support_find(&e.clues, input->environments, explanation->roots, explanation->root_count);
    if (e.out_of_memory)
        incomplete(&e, "there is no memory to tell more");
    explanation->incomplete = e.incomplete;
    explanation->made = true;
    side_close(&e.sides[0]);
    side_close(&e.sides[1]);
}
