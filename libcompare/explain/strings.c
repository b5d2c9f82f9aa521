/*
 * Strings that only one side has, in pairs. Strings are looked at as a set: where one has grown, all behind it stand
 * elsewhere, and a linker may merge and sort them anew.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define SHORTEST 3

struct string {
    const uint8_t *bytes;
    uint64_t size; /* without the NUL */
    uint64_t offset;
    bool paired;
};

/* Data of the program that is neither code nor one of the tables that tables.c knows. */
static bool holds_strings(const struct image *image, const struct extent *extent)
{
    if (image_is_executable(image, extent->range) && extent->owner == OWNER_SECTION &&
        (image->sections[extent->index].flags & SHF_EXECINSTR) != 0)
        return false;
    if (extent->owner == OWNER_SEGMENT)
        return image->section_count == 0;
    if (extent->owner != OWNER_SECTION)
        return extent->owner == OWNER_OVERLAY;
    const struct section *section = &image->sections[extent->index];
    bool loaded = (section->flags & SHF_ALLOC) != 0 && (section->flags & SHF_EXECINSTR) == 0;
    return section->type == SHT_PROGBITS && strcmp(section->name, ".interp") != 0 &&
           strncmp(section->name, ".eh_frame", 9) != 0 && strcmp(section->name, ".gcc_except_table") != 0 &&
           strcmp(section->name, ".got") != 0 && strncmp(section->name, ".plt", 4) != 0 &&
           (loaded || strcmp(section->name, ".modinfo") == 0 || strcmp(section->name, ".GCC.command.line") == 0);
}

/* Programs that are loaded where they were linked hold addresses, whose bytes can be those of a short string. */
static bool is_address(const struct image *image, uint64_t begin, uint64_t end)
{
    uint64_t width = image->is64 ? 8 : 4;
    struct range target;
    return image->header.e_type == ET_EXEC && begin % width == 0 && end - begin >= width &&
           image_file_range(image, image_word(image, begin), 1, &target);
}

static bool take_strings(struct explaining *e, const struct image *image, struct range range, struct list *strings)
{
    for (uint64_t at = range.begin; at < range.end;) {
        uint64_t begin = at;
        while (at < range.end && is_string_byte(image->bytes[at]))
            at++;
        if (at < range.end && image->bytes[at] == 0 && at - begin >= SHORTEST && !is_address(image, begin, range.end) &&
            is_text_of_program(image->bytes + begin, at - begin)) {
            if (strings->count >= STRINGS_MOST) {
                incomplete(e, "there are too many strings to look at all of them");
                return true;
            }
            struct string *string = list_add(strings);
            if (string == NULL)
                return false;
            *string = (struct string){image->bytes + begin, at - begin, begin, false};
        }
        at++;
    }
    return true;
}

static int string_order(const void *left, const void *right)
{
    const struct string *a = left, *b = right;
    uint64_t shorter = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->bytes, b->bytes, shorter);
    if (order != 0 || a->size != b->size)
        return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static int offset_order(const void *left, const void *right)
{
    const struct string *a = left, *b = right;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

/*
 * Only extents in which something differs are looked at; the other side's like-named ones are looked at too. Each is
 * looked at as a whole: where one side's is longer, a pair of its own for the rest would cut a string in two.
 */
static bool gather(struct explaining *e, size_t side, struct list *strings)
{
    const struct image *image = e->sides[side].image;
    bool *taken = arena_alloc(e->arena, image->extent_count, sizeof(*taken));
    if (taken == NULL)
        return false;
    for (size_t i = 0; i < e->input->pair_count; i++) {
        const struct pair *pair = &e->input->pairs[i];
        const struct pair_side *mine = side == 0 ? &pair->vendor : &pair->rebuilt;
        if (!mine->present || !((pair->vendor.present && any_finding(e, 0, pair->vendor.range)) ||
                                (pair->rebuilt.present && any_finding(e, 1, pair->rebuilt.range))))
            continue;
        const struct extent *extent = image_extent_at(image, mine->range.begin);
        if (extent == NULL || taken[extent - image->extents])
            continue;
        taken[extent - image->extents] = true;
        if (holds_strings(image, extent) && !take_strings(e, image, extent->range, strings))
            return false;
    }
    return true;
}

/* Drops what both sides have, as often as both have it; what is left stands in the file's order. */
static void drop_common(struct list *vendor, struct list *rebuilt)
{
    struct string *x = vendor->items, *y = rebuilt->items;
    size_t a = 0, b = 0, left_a = 0, left_b = 0;
    if (vendor->count > 1)
        qsort(x, vendor->count, sizeof(*x), string_order);
    if (rebuilt->count > 1)
        qsort(y, rebuilt->count, sizeof(*y), string_order);
    while (a < vendor->count || b < rebuilt->count) {
        int order = a == vendor->count ? 1 : b == rebuilt->count ? -1 : 0;
        if (order == 0) {
            uint64_t shorter = x[a].size < y[b].size ? x[a].size : y[b].size;
            order = memcmp(x[a].bytes, y[b].bytes, shorter);
            if (order == 0)
                order = (x[a].size > y[b].size) - (x[a].size < y[b].size);
        }
        if (order < 0)
            x[left_a++] = x[a++];
        else if (order > 0)
            y[left_b++] = y[b++];
        else
            a++, b++;
    }
    vendor->count = left_a;
    rebuilt->count = left_b;
    if (left_a > 1)
        qsort(x, left_a, sizeof(*x), offset_order);
    if (left_b > 1)
        qsort(y, left_b, sizeof(*y), offset_order);
}

/* How alike two strings are: 0 to 100, by what they begin and end with. */
static unsigned likeness(const struct string *a, const struct string *b)
{
    uint64_t shorter = a->size < b->size ? a->size : b->size, longer = a->size + b->size - shorter, front = 0, back = 0;
    while (front < shorter && a->bytes[front] == b->bytes[front])
        front++;
    while (back < shorter - front && a->bytes[a->size - 1 - back] == b->bytes[b->size - 1 - back])
        back++;
    return (unsigned)(100 * (front + back) / longer);
}

#define ALIKE 34

/* The most alike of the nearest ones. */
static struct string *partner_of(const struct string *string, struct list *others, size_t near)
{
    struct string *items = others->items, *best = NULL;
    size_t reach = 200, from = near > reach ? near - reach : 0;
    unsigned most = ALIKE - 1;
    for (size_t i = from; i < others->count && i < near + reach; i++) {
        unsigned alike = items[i].paired ? 0 : likeness(string, &items[i]);
        if (alike > most) {
            most = alike;
            best = &items[i];
        }
    }
    return best;
}

static void tell(struct explaining *e, const struct string *a, const struct string *b)
{
    const struct string *of[2] = {a, b};
    struct difference *difference = difference_add(e, DIFFERENCE_STRING, "string");
    uint64_t sizes[2] = {a != NULL ? a->size : 0, b != NULL ? b->size : 0};
    e->drift += sizes[0] > sizes[1] ? sizes[0] - sizes[1] : sizes[1] - sizes[0];
    for (size_t side = 0; difference != NULL && side < 2; side++) {
        if (of[side] == NULL)
            continue;
        struct range bytes = {of[side]->offset, of[side]->offset + of[side]->size};
        place_set(e, side == 0 ? &difference->vendor : &difference->rebuilt, side, bytes);
        value_bytes(e, side == 0 ? &difference->vendor_value : &difference->rebuilt_value, of[side]->bytes,
                    of[side]->size);
        bytes.end++;
        difference_takes(e, difference, side, bytes);
    }
}

/* What is left over, where as many are on either side: the n-th with the n-th. */
static size_t left_over(const struct list *strings)
{
    const struct string *items = strings->items;
    size_t count = 0;
    for (size_t i = 0; i < strings->count; i++)
        count += !items[i].paired;
    return count;
}

static void tell_all(struct explaining *e, struct list *vendor, struct list *rebuilt)
{
    struct string *x = vendor->items, *y = rebuilt->items, **partners;
    partners = arena_alloc(e->arena, vendor->count, sizeof(struct string *));
    if (partners == NULL) {
        e->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < vendor->count; i++) {
        partners[i] = partner_of(&x[i], rebuilt, i);
        x[i].paired = partners[i] != NULL;
        if (x[i].paired)
            partners[i]->paired = true;
    }
    bool as_many = left_over(vendor) == left_over(rebuilt);
    for (size_t i = 0, next = 0; i < vendor->count; i++) {
        while (next < rebuilt->count && y[next].paired)
            next++;
        if (!x[i].paired && as_many && next < rebuilt->count) {
            partners[i] = &y[next];
            y[next].paired = true;
        }
        tell(e, &x[i], partners[i]);
    }
    for (size_t i = 0; i < rebuilt->count; i++) {
        if (!y[i].paired)
            tell(e, NULL, &y[i]);
    }
}

void strings_explain(struct explaining *e)
{
    struct list vendor = {.arena = e->arena, .item_size = sizeof(struct string)}, rebuilt = vendor;
    if (!gather(e, 0, &vendor) || !gather(e, 1, &rebuilt)) {
        e->out_of_memory = true;
        return;
    }
    drop_common(&vendor, &rebuilt);
    if (vendor.count > PAIRED_MOST || rebuilt.count > PAIRED_MOST) {
        incomplete(e, "there are too many strings that only one side has to tell of each");
        vendor.count = vendor.count < PAIRED_MOST ? vendor.count : PAIRED_MOST;
        rebuilt.count = rebuilt.count < PAIRED_MOST ? rebuilt.count : PAIRED_MOST;
    }
    tell_all(e, &vendor, &rebuilt);
}
