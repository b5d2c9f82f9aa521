/*
 * Strings that only one side has, in pairs. Strings are looked at as a set: where one has grown, all behind it stand
 * elsewhere, and a linker may merge and sort them anew. Pointers are none, and what stands before a string without a NUL
 * between them (the end of a jump table, of a number) is no part of it.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "parts.h"

#define SHORTEST 3
/* A word of text; of what is printable and stands before a string, anything shorter may as well be data. */
#define WORD           4
#define SHORT          6
#define TEXT_OF_NUMBER 8  /* bytes */
#define SEARCHED_MOST  16 /* strings that are looked for in a side's bytes rather than among all of its strings */
#define LAID_IN        4  /* a short string that ld lays into the end of one of the two, and not of the other */
#define LONG_TEXT      12 /* rustc ends no text by a NUL; what is shorter than this may be numbers */

struct string {
    const uint8_t *bytes;
    uint64_t size; /* without the NUL */
    uint64_t offset;
    uint64_t hash; /* of its text, once they are sorted */
    bool paired;
    bool common; /* the other side has it too, though not as often */
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
           strncmp(section->name, ".got", 4) != 0 && strncmp(section->name, ".plt", 4) != 0 &&
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

/* What follows a table whose bytes all happen to be printable. */
static uint64_t begin_of_text(const uint8_t *bytes, uint64_t begin, uint64_t end)
{
    uint64_t text = end;
    if (is_text_of_program(bytes + begin, end - begin))
        return begin;
    while (text > begin && bytes[text - 1] < 0xf8)
        text--;
    return text;
}

/* Of bytes none of which is a NUL the first long text: before and behind it tables may stand. False: there is none. */
static bool long_text_in(const uint8_t *bytes, struct range *range)
{
    uint64_t at = range->begin;
    while (at < range->end) {
        uint64_t size = utf8_size(bytes + at, range->end - at);
        if (size >= LONG_TEXT) {
            *range = (struct range){at, at + size};
            return true;
        }
        at += size > 0 ? size : 1;
    }
    return false;
}

/* Addresses of three bytes can be printable. */
static bool is_pointer(const struct explained_side *side, uint64_t file_offset)
{
    return !image_is_relocatable(side->image) && is_relocated(side, file_offset);
}

static bool take_strings(struct explaining *e, const struct explained_side *side, struct range range,
                         struct list *strings)
{
    bool is_rust = e->clues.vendor.is_rust && e->clues.rebuilt.is_rust;
    const struct image *image = side->image;
    for (uint64_t at = range.begin; at < range.end;) {
        uint64_t begin = at;
        while (at < range.end && is_string_byte(image->bytes[at]))
            at++;
        if (!is_rust && (at - begin < SHORTEST || at == range.end || image->bytes[at] != 0)) {
            at++;
            continue;
        }
        struct range joined = {begin, at};
        if (is_rust && long_text_in(image->bytes, &joined)) {
            begin = joined.begin;
            at = joined.end;
        } else {
            begin = begin_of_text(image->bytes, begin, at);
        }
        bool ends = at < range.end && image->bytes[at] == 0;
        uint64_t end = is_rust ? begin + utf8_size(image->bytes + begin, at - begin) : at;
        /* In the middle of numbers, a few letters are one. */
        ends = ends && (at - begin >= SHORT || begin == range.begin || image->bytes[begin - 1] == 0);
        if ((ends ? end - begin >= SHORTEST : is_rust && end - begin >= LONG_TEXT) &&
            is_text_of_program(image->bytes + begin, end - begin) && !is_pointer(side, begin) &&
            !is_address(image, begin, range.end)) {
            if (strings->count >= STRINGS_MOST) {
                incomplete(e, "there are too many strings to look at all of them");
                return true;
            }
            struct string *string = list_add(strings);
            if (string == NULL)
                return false;
            *string = (struct string){.bytes = image->bytes + begin, .size = end - begin, .offset = begin};
        }
        at++;
    }
    return true;
}

/* By their hashes first, since all that is asked is which are equal. */
static int text_order(const struct string *a, const struct string *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return memcmp(a->bytes, b->bytes, a->size);
}

static int string_order(const void *left, const void *right)
{
    const struct string *a = left, *b = right;
    int order = text_order(a, b);
    return order != 0 ? order : (a->offset > b->offset) - (a->offset < b->offset);
}

static void sort_by_text(struct list *strings)
{
    struct string *items = strings->items;
    for (size_t i = 0; i < strings->count; i++)
        items[i].hash = XXH3_64bits(items[i].bytes, items[i].size);
    sort_items(items, strings->count, sizeof(*items), string_order);
}

static int offset_order(const void *left, const void *right)
{
    const struct string *a = left, *b = right;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

/* Does something with each extent of a side in which something differs, and that holds strings; false: it failed. */
static bool for_each_extent(struct explaining *e, size_t side,
                            bool (*work)(struct explaining *e, size_t side, struct range bytes, void *argument),
                            void *argument)
{
    const struct image *image = e->sides[side].image;
    bool *taken = arena_alloc(e->arena, image->extent_count, sizeof(*taken));
    if (taken == NULL)
        return false;
    for (size_t i = 0; i < e->input->pair_count; i++) {
        const struct pair *pair = &e->input->pairs[i];
        const struct pair_side *mine = side == 0 ? &pair->vendor : &pair->rebuilt;
        /* What is cut out of a section leaves pairs of one side, whose other is known all the same. */
        bool known = mine->present || (mine->section != 0 && mine->section != UINT32_MAX);
        uint64_t begin = mine->present ? mine->range.begin : known ? image->sections[mine->section].bytes.begin : 0;
        const struct extent *extent = known ? image_extent_at(image, begin) : NULL;
        if (extent == NULL || taken[extent - image->extents] || pair->moved ||
            !((pair->vendor.present && any_finding(e, 0, pair->vendor.range)) ||
              (pair->rebuilt.present && any_finding(e, 1, pair->rebuilt.range))))
            continue;
        taken[extent - image->extents] = true;
        if (holds_strings(image, extent) && !work(e, side, extent->range, argument))
            return false;
    }
    return true;
}

/* Each is looked at as a whole: where one side's is longer, a pair of its own for the rest would cut a string in two. */
static bool take_all(struct explaining *e, size_t side, struct range bytes, void *strings)
{
    return take_strings(e, &e->sides[side], bytes, strings);
}

/* From the byte behind the NUL before to the next NUL. */
static struct range whole_strings(const struct image *image, struct range extent, struct range bytes)
{
    while (bytes.begin > extent.begin && image->bytes[bytes.begin - 1] != 0)
        bytes.begin--;
    while (bytes.end < extent.end && image->bytes[bytes.end - 1] != 0)
        bytes.end++;
    return bytes;
}

/* Those in which something differs: of all others it is proven that the other side has them, too. */
static bool take_differing(struct explaining *e, size_t side, struct range extent, void *strings)
{
    const struct image *image = e->sides[side].image;
    struct range taken = {extent.begin, extent.begin}, finding;
    for (uint64_t at = extent.begin; next_finding(e, side, (struct range){at, extent.end}, &finding);
         at = finding.end) {
        struct range bytes = whole_strings(image, extent, finding);
        if (bytes.begin <= taken.end) {
            taken.end = bytes.end > taken.end ? bytes.end : taken.end;
            continue;
        }
        if (!take_strings(e, &e->sides[side], taken, strings))
            return false;
        taken = bytes;
    }
    return take_strings(e, &e->sides[side], taken, strings);
}

static bool gather(struct explaining *e, size_t side, struct list *strings)
{
    return for_each_extent(e, side, has_proof(e) ? take_differing : take_all, strings);
}

static bool keep(struct list *left, const struct string *string)
{
    struct string *kept = list_add(left);
    if (kept != NULL)
        *kept = *string;
    return kept != NULL;
}

/* Leaves what one side has more often than the other, in the file's order. Both lists are in text_order then. */
static bool drop_common(struct list *vendor, struct list *rebuilt, struct list *left_vendor, struct list *left_rebuilt)
{
    struct string *x = vendor->items, *y = rebuilt->items;
    size_t a = 0, b = 0;
    sort_by_text(vendor);
    sort_by_text(rebuilt);
    while (a < vendor->count || b < rebuilt->count) {
        int order = a == vendor->count ? 1 : b == rebuilt->count ? -1 : text_order(&x[a], &y[b]);
        if ((order < 0 && !keep(left_vendor, &x[a])) || (order > 0 && !keep(left_rebuilt, &y[b])))
            return false;
        a += order <= 0;
        b += order >= 0;
    }
    sort_items(left_vendor->items, left_vendor->count, sizeof(*x), offset_order);
    sort_items(left_rebuilt->items, left_rebuilt->count, sizeof(*y), offset_order);
    return true;
}

/* Marks those that stand among all of the other side, which are in text_order. */
static void mark_common(struct list *left, const struct list *all)
{
    struct string *strings = left->items;
    const struct string *others = all->items;
    for (size_t i = 0; i < left->count; i++) {
        size_t low = 0, high = all->count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (text_order(&others[middle], &strings[i]) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        strings[i].common = low < all->count && text_order(&others[low], &strings[i]) == 0;
    }
}

/* The same by a look at the bytes: a string of its own there, to its NUL. */
static bool mark_in(struct explaining *e, size_t side, struct range extent, void *left)
{
    const struct list *list = left;
    struct string *strings = list->items;
    const uint8_t *bytes = e->sides[side].image->bytes, *end = bytes + extent.end;
    for (size_t i = 0; i < list->count; i++) {
        const uint8_t *from = bytes + extent.begin, *found;
        while (!strings[i].common &&
               (found = memmem(from, (size_t)(end - from), strings[i].bytes, strings[i].size)) != NULL) {
            strings[i].common = (found == bytes + extent.begin || !is_string_byte(found[-1])) &&
                                (found + strings[i].size == end || found[strings[i].size] == 0);
            from = found + 1;
        }
    }
    return true;
}

static void drop_marked(struct list *left)
{
    struct string *strings = left->items;
    size_t kept = 0;
    for (size_t i = 0; i < left->count; i++) {
        if (!strings[i].common)
            strings[kept++] = strings[i];
    }
    left->count = kept;
}

/*
 * `all` has those of the other side in which something differs, at least. Where it has no more, what is marked is dropped:
 * its like over there was not among those it could have been found equal to.
 */
static bool mark_all_common(struct explaining *e, struct list *left, size_t other, struct list *all)
{
    if (!has_proof(e)) {
        mark_common(left, all);
        return true;
    }
    struct list whole = {.arena = e->arena, .item_size = sizeof(struct string)};
    bool few = left->count <= SEARCHED_MOST;
    if (!for_each_extent(e, other, few ? mark_in : take_all, few ? left : &whole))
        return false;
    if (!few) {
        sort_by_text(&whole);
        mark_common(left, &whole);
    }
    drop_marked(left);
    return true;
}

/* ---- Where they begin ---- */

struct starts {
    struct list *strings; /* by offset */
    const struct image *image;
    uint64_t *least;  /* of each string, the offset before which it is no text */
    uint64_t *starts; /* where something refers to it first behind that; UINT64_MAX: nothing does */
};

static void starts_at(void *state, uint64_t address, uint64_t file_offset)
{
    struct starts *search = state;
    const struct string *strings = search->strings->items;
    size_t low = 0, high = search->strings->count;
    struct range byte;
    (void)file_offset;
    if (!image_file_range(search->image, address, 1, &byte))
        return;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strings[middle].offset + strings[middle].size > byte.begin)
            high = middle;
        else
            low = middle + 1;
    }
    if (low < search->strings->count && search->least[low] <= byte.begin && byte.begin < search->starts[low])
        search->starts[low] = byte.begin;
}

/* Behind the last byte that is part of no character of UTF-8, if another byte of the text is referred to there. */
static uint64_t end_of_data(const uint8_t *bytes, uint64_t size)
{
    uint64_t end = 0;
    for (uint64_t at = utf8_size(bytes, size); at < size; at += utf8_size(bytes + at, size - at))
        end = ++at;
    return end;
}

/* Bytes before a string that need not be text. */
static bool may_be_data(const uint8_t *bytes, uint64_t size)
{
    bool printable = true;
    for (uint64_t i = 0; i < size; i++)
        printable = printable && bytes[i] < 0x80;
    return !printable || size < WORD;
}

/* A string to whose beginning nothing refers, but to a byte of it, begins there: before it stands data. */
static void cut_beginnings(struct explaining *e, size_t side, struct list *strings)
{
    const struct explained_side *s = &e->sides[side];
    struct string *items = strings->items;
    if (items == NULL)
        return;
    struct arena scratch = {0};
    struct starts state = {strings, s->image, arena_alloc(&scratch, strings->count, sizeof(uint64_t)),
                           arena_alloc(&scratch, strings->count, sizeof(uint64_t))};
    struct reference_search *search = arena_alloc(&scratch, 1, sizeof(*search));
    if (state.least == NULL || state.starts == NULL || search == NULL) {
        e->out_of_memory = true;
        arena_free(&scratch);
        return;
    }
    *search = (struct reference_search){.e = e, .side = side, .found = starts_at, .state = &state};
    for (size_t i = 0; i < strings->count; i++) {
        uint64_t address;
        bool loaded = image_address(s->image, items[i].offset, &address);
        state.starts[i] = UINT64_MAX;
        state.least[i] = items[i].offset + end_of_data(items[i].bytes, items[i].size);
        /* The filter looks at 16 bits of an address: more bytes of a string add nothing to it. */
        for (uint64_t k = 0; loaded && k < items[i].size && k <= UINT16_MAX; k++)
            reference_wanted(search, address + k);
    }
    references_of_code(search);
    for (size_t i = 0; i < s->relocation_count; i++)
        starts_at(&state, (uint64_t)s->relocations[i].addend + s->relocations[i].symbol_value, 0);
    size_t left = 0;
    for (size_t i = 0; i < strings->count; i++) {
        struct string string = items[i];
        uint64_t before = state.starts[i] != UINT64_MAX ? state.starts[i] - string.offset : 0;
        if (before > 0 && may_be_data(string.bytes, before))
            string = (struct string){
                .bytes = string.bytes + before, .size = string.size - before, .offset = string.offset + before};
        if (string.size >= SHORTEST)
            items[left++] = string;
    }
    strings->count = left;
    arena_free(&scratch);
}

/* ---- Pairs ---- */

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

static bool is_writable_place(const struct image *image, uint64_t file_offset)
{
    const struct section *section = section_at(image, file_offset);
    return section != NULL && (section->flags & SHF_WRITE) != 0;
}

/* What stands between two objects is no string of the program, whatever its bytes are. */
static bool is_in_gap(const struct explaining *e, size_t side, const struct string *string)
{
    return string == NULL || (is_writable_place(e->sides[side].image, string->offset) &&
                              is_gap(&e->sides[side], (struct range){string->offset, string->offset + string->size}));
}

/* A few bytes that look like text on one side only, in an object that both have: a number, which data.c tells of. */
static bool is_in_object(const struct explaining *e, size_t side, const struct string *string)
{
    const struct symbol *symbol = symbols_at_offset(&e->sides[side].symbols, string->offset);
    if (symbol == NULL || symbol->name == NULL || symbol->type != STT_OBJECT || string->size >= TEXT_OF_NUMBER)
        return false;
    uint64_t inside = string->offset - symbol->bytes.begin;
    const struct symbols *others = &e->sides[1 - side].symbols;
    for (size_t i = 0; inside > 0 && i < others->by_offset_count; i++) {
        const struct symbol *other = others->by_offset[i];
        if (inside < range_size(other->bytes) && other->name != NULL && strcmp(other->name, symbol->name) == 0)
            return true;
    }
    return false;
}

static void tell(struct explaining *e, const struct string *a, const struct string *b)
{
    if ((is_in_gap(e, 0, a) && is_in_gap(e, 1, b)) || (b == NULL && is_in_object(e, 0, a)) ||
        (a == NULL && is_in_object(e, 1, b)))
        return;
    const struct string *of[2] = {a, b};
    struct difference *difference = difference_add(e, DIFFERENCE_STRING, "string");
    uint64_t sizes[2] = {a != NULL ? a->size : 0, b != NULL ? b->size : 0};
    uint64_t grown = sizes[0] > sizes[1] ? sizes[0] - sizes[1] : sizes[1] - sizes[0];
    e->drift += grown > LAID_IN ? grown : LAID_IN;
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

void string_tell(struct explaining *e, struct range vendor, struct range rebuilt)
{
    struct string a = {.bytes = e->sides[0].image->bytes + vendor.begin, range_size(vendor), vendor.begin};
    struct string b = {.bytes = e->sides[1].image->bytes + rebuilt.begin, range_size(rebuilt), rebuilt.begin};
    tell(e, &a, &b);
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

/* Of those that are not alike, what stands at one place on both sides. Both lists are in the order of their places. */
static void pair_in_place(struct list *vendor, struct list *rebuilt, struct string **partners)
{
    struct string *x = vendor->items, *y = rebuilt->items;
    for (size_t i = 0, k = 0; i < vendor->count; i++) {
        while (k < rebuilt->count && y[k].offset < x[i].offset)
            k++;
        if (x[i].paired || k == rebuilt->count || y[k].paired || y[k].offset != x[i].offset)
            continue;
        partners[i] = &y[k];
        x[i].paired = y[k].paired = true;
    }
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
    pair_in_place(vendor, rebuilt, partners);
    bool as_many = left_over(vendor) == left_over(rebuilt);
    for (size_t i = 0, next = 0; i < vendor->count; i++) {
        while (next < rebuilt->count && y[next].paired)
            next++;
        if (!x[i].paired && as_many && next < rebuilt->count) {
            partners[i] = &y[next];
            y[next].paired = true;
        }
        /* How often a compiler or linker keeps one text is no difference of the text. */
        if (partners[i] != NULL || !x[i].common)
            tell(e, &x[i], partners[i]);
    }
    for (size_t i = 0; i < rebuilt->count; i++) {
        if (!y[i].paired && !y[i].common)
            tell(e, NULL, &y[i]);
    }
}

/*
 * What looks like text in a table of places in the code, and is none; its words change as the table moves. The first
 * of them can seem to be the end of a string of rustc's.
 */
static void cut_tables(const struct explaining *e, size_t side, struct list *strings)
{
    struct string *items = strings->items;
    size_t left = 0;
    for (size_t i = 0; i < strings->count; i++) {
        struct string string = items[i];
        uint64_t end = string.offset + string.size, tail = end % 4;
        if (tail > 0 && string.size > tail && e->clues.vendor.is_rust && is_in_moved_table(e, side, end))
            string.size -= tail;
        if (string.size >= SHORTEST && (string.size > WORD || !is_in_moved_table(e, side, string.offset)))
            items[left++] = string;
    }
    strings->count = left;
}

/* What both have now that it is known where strings end, or begin. */
static bool drop_common_again(struct list *vendor, struct list *rebuilt)
{
    struct list empty = {.arena = vendor->arena, .item_size = sizeof(struct string)};
    struct list left_vendor = empty, left_rebuilt = empty;
    if (!drop_common(vendor, rebuilt, &left_vendor, &left_rebuilt))
        return false;
    *vendor = left_vendor;
    *rebuilt = left_rebuilt;
    return true;
}

/* Those that only one side has, and where they begin and end. */
static bool find_apart(struct explaining *e, struct list *all_vendor, struct list *all_rebuilt, struct list *vendor,
                       struct list *rebuilt)
{
    bool done = drop_common(all_vendor, all_rebuilt, vendor, rebuilt);
    if (done && !image_is_relocatable(e->sides[0].image) && vendor->count + rebuilt->count > 0) {
        cut_tables(e, 0, vendor);
        cut_tables(e, 1, rebuilt);
        done = drop_common_again(vendor, rebuilt);
        cut_beginnings(e, 0, vendor);
        cut_beginnings(e, 1, rebuilt);
        done = done && drop_common_again(vendor, rebuilt);
    }
    return done && mark_all_common(e, vendor, 1, all_rebuilt) && mark_all_common(e, rebuilt, 0, all_vendor);
}

void strings_explain(struct explaining *e)
{
    struct list empty = {.arena = e->arena, .item_size = sizeof(struct string)};
    struct list all_vendor = empty, all_rebuilt = empty, vendor = empty, rebuilt = empty;
    if (!gather(e, 0, &all_vendor) || !gather(e, 1, &all_rebuilt) ||
        !find_apart(e, &all_vendor, &all_rebuilt, &vendor, &rebuilt)) {
        e->out_of_memory = true;
        return;
    }
    if (vendor.count > PAIRED_MOST || rebuilt.count > PAIRED_MOST) {
        incomplete(e, "there are too many strings that only one side has to tell of each");
        vendor.count = vendor.count < PAIRED_MOST ? vendor.count : PAIRED_MOST;
        rebuilt.count = rebuilt.count < PAIRED_MOST ? rebuilt.count : PAIRED_MOST;
    }
    tell_all(e, &vendor, &rebuilt);
}
