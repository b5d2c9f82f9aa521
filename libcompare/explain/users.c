/*
 * Which function refers to a string, what else it uses there, and where rustc has laid several strings side by side,
 * to which of them. In objects and in data the relocations tell, and otherwise the code.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

struct target {
    uint64_t address;
    struct difference *difference;
    bool inside; /* within a string, which is then one of several that lie side by side */
    bool used;
    const char *user;   /* the first function or object with a name that refers to it */
    const char *beside; /* strings that are used close to it there, each in a line */
};

struct search {
    struct reference_search code;
    struct explaining *e;
    size_t side;
    struct target *targets; /* by address */
    size_t count;
    size_t decoded; /* instructions */
};

static int target_order(const void *left, const void *right)
{
    const struct target *a = left, *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

/* Strings that are joined are short; what is longer is looked at as a whole. */
#define JOINED_MOST     4096u
#define JOINED_ALL_MOST 65536u

static bool may_be_joined(const struct explaining *e, const struct difference *difference)
{
    return difference->kind == DIFFERENCE_STRING && difference->vendor.present && difference->rebuilt.present &&
           e->clues.vendor.is_rust && e->clues.rebuilt.is_rust && difference->vendor_value.size <= JOINED_MOST &&
           difference->rebuilt_value.size <= JOINED_MOST;
}

static void add_target(struct search *search, struct target target)
{
    search->targets[search->count++] = target;
    reference_wanted(&search->code, target.address);
}

static void list_targets(struct search *search)
{
    struct explaining *e = search->e;
    struct difference *differences = e->differences.items;
    uint64_t room = e->differences.count, joined = 0, address;
    for (size_t i = 0; i < e->differences.count; i++) {
        const struct difference *difference = &differences[i];
        uint64_t size = search->side == 0 ? difference->vendor_value.size : difference->rebuilt_value.size;
        joined += may_be_joined(e, difference) && joined + size <= JOINED_ALL_MOST ? size : 0;
    }
    search->targets = arena_alloc(e->arena, room + joined, sizeof(*search->targets));
    for (size_t i = 0; search->targets != NULL && i < e->differences.count; i++) {
        struct place *place = search->side == 0 ? &differences[i].vendor : &differences[i].rebuilt;
        if (differences[i].kind != DIFFERENCE_STRING || !place->present ||
            !image_address(e->sides[search->side].image, place->bytes.begin, &address))
            continue;
        add_target(search, (struct target){.address = address, .difference = &differences[i]});
        uint64_t size = search->side == 0 ? differences[i].vendor_value.size : differences[i].rebuilt_value.size;
        if (!may_be_joined(e, &differences[i]) || size > joined)
            continue;
        joined -= size;
        for (uint64_t within = 1; within < size; within++)
            add_target(search,
                       (struct target){.address = address + within, .difference = &differences[i], .inside = true});
    }
    if (search->targets != NULL && search->count > 1)
        qsort(search->targets, search->count, sizeof(*search->targets), target_order);
}

static const char *function_name(struct explaining *e, size_t side, uint64_t file_offset)
{
    const struct function *function = function_at(&e->sides[side], file_offset);
    if (function == NULL)
        return NULL;
    const char *name = function->name;
    if (name == NULL && function->partner != SIZE_MAX)
        name = e->sides[1 - side].functions[function->partner].name;
    return name != NULL ? name_demangled(name, e->arena) : NULL;
}

static size_t target_from(const struct search *search, uint64_t address)
{
    size_t low = 0, high = search->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (search->targets[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first target at this address, or the number of all. */
static size_t target_at(const struct search *search, uint64_t address)
{
    size_t first = target_from(search, address);
    return first < search->count && search->targets[first].address == address ? first : search->count;
}

/* ---- What stands beside it ---- */

#define BESIDE_LEAST 3u /* characters of a string */
#define BESIDE_EACH  64u
#define BESIDE_ALL   512u /* of all of them */

/* size: what the string has, as far as that is known. */
static void add_beside(struct search *search, struct target *target, uint64_t address, uint64_t most)
{
    const struct image *image = search->e->sides[search->side].image;
    size_t size = target->beside != NULL ? strlen(target->beside) : 0;
    struct range text;
    if (address == target->address || size > BESIDE_ALL || !image_file_range(image, address, 1, &text) ||
        is_code_byte(image, text.begin))
        return;
    while (text.end < image->size && range_size(text) <= most && is_string_byte(image->bytes[text.end - 1]))
        text.end++;
    text.end--;
    if (range_size(text) >= BESIDE_LEAST)
        target->beside = arena_printf(search->e->arena, "%s%.*s\n", size > 0 ? target->beside : "",
                                      (int)range_size(text), (const char *)image->bytes + text.begin);
}

/*
 * What both sides have of two such lists: of each line what also stands at the beginning of one of the other side, for
 * where strings lie side by side without a NUL, a line goes on into what differs.
 */
static const char *beside_both(struct explaining *e, const char *vendor, const char *rebuilt)
{
    const char *both = NULL;
    for (const char *line = vendor; line != NULL && *line != '\0' && rebuilt != NULL; line += strcspn(line, "\n") + 1) {
        size_t most = 0;
        for (const char *other = rebuilt; *other != '\0'; other += strcspn(other, "\n") + 1) {
            size_t same = 0;
            while (line[same] == other[same] && line[same] != '\n')
                same++;
            most = same > most ? same : most;
        }
        if (most >= BESIDE_LEAST)
            both = arena_printf(e->arena, "%s%.*s\n", both != NULL ? both : "", (int)most, line);
    }
    return both;
}

/* ---- Code ---- */

#define NEAR 12 /* instructions before and behind */

static void used_by(struct search *search, size_t index, uint64_t address, const char *name)
{
    for (size_t i = index; i < search->count && search->targets[i].address == address; i++) {
        search->targets[i].used = true;
        if (search->targets[i].user == NULL)
            search->targets[i].user = name;
    }
}

/* All references of a function to what is looked for. */
static void search_decoded(struct search *search, const struct function *function)
{
    struct arena scratch = {0};
    struct list instructions = {.arena = &scratch, .item_size = sizeof(struct instruction)};
    function_decode(search->e, search->side, function, &instructions);
    const struct instruction *items = instructions.items;
    search->decoded += instructions.count;
    for (size_t i = 0; i < instructions.count; i++) {
        if (items[i].reference != REFERENCE_DATA || items[i].partial)
            continue;
        size_t index = target_at(search, items[i].target);
        if (index == search->count)
            continue;
        used_by(search, index, items[i].target, function_name(search->e, search->side, function->bytes.begin));
        for (size_t k = i > NEAR ? i - NEAR : 0; k < instructions.count && k <= i + NEAR; k++) {
            if (items[k].reference == REFERENCE_DATA && !items[k].partial)
                add_beside(search, &search->targets[index], items[k].target, BESIDE_EACH);
        }
    }
    arena_free(&scratch);
}

/* Four bytes may look like a reference by chance: the function says whether they are one. */
static void used_by_code(void *state, uint64_t address, uint64_t file_offset)
{
    struct search *search = state;
    size_t index = target_at(search, address);
    if (index == search->count || search->targets[index].used)
        return;
    const struct function *function = function_at(&search->e->sides[search->side], file_offset);
    if (function != NULL && search->decoded < INSTRUCTIONS_MOST)
        search_decoded(search, function);
}

/* ---- Relocations ---- */

#define ROW 32 /* bytes: a name and what it stands for are no farther apart in a table */

static uint64_t target_of(const struct relocation *relocation)
{
    return (uint64_t)relocation->addend + relocation->symbol_value;
}

/* Rust and Go keep a length behind a pointer to a string; what is no such length is another thing. */
static uint64_t length_behind(const struct image *image, uint64_t pointer)
{
    uint64_t width = image->is64 ? 8 : 4;
    if (pointer >= image->size || image->size - pointer < 2 * width)
        return BESIDE_EACH;
    uint64_t length = image_word(image, pointer + width);
    return length >= BESIDE_LEAST && length < BESIDE_EACH ? length : BESIDE_EACH;
}

static void search_relocations(struct search *search)
{
    struct explained_side *side = &search->e->sides[search->side];
    for (size_t i = 0; i < side->relocation_count; i++) {
        const struct relocation *relocation = &side->relocations[i];
        const struct symbol *object = symbols_at_offset(&side->symbols, relocation->file_offset);
        uint64_t address = target_of(relocation);
        size_t index = target_at(search, address);
        if (index == search->count)
            continue;
        bool named = object != NULL && object->name != NULL;
        used_by(search, index, address, named ? name_demangled(object->name, search->e->arena) : NULL);
        for (size_t k = i > 0 ? i - 1 : 0; k < side->relocation_count && k <= i + 1; k++) {
            uint64_t distance = side->relocations[k].file_offset - relocation->file_offset;
            if (distance + ROW <= 2 * ROW)
                add_beside(search, &search->targets[index], target_of(&side->relocations[k]),
                           length_behind(side->image, side->relocations[k].file_offset));
        }
    }
}

/* A pointer of a program that is loaded where it was linked, such as Go's. */
static void used_by_word(struct search *search, struct range data, uint64_t at)
{
    struct explained_side *side = &search->e->sides[search->side];
    uint64_t width = side->image->is64 ? 8 : 4, address = image_word(side->image, at);
    size_t index = target_at(search, address);
    if (index == search->count)
        return;
    const struct symbol *object = symbols_at_offset(&side->symbols, at);
    bool named = object != NULL && object->name != NULL;
    used_by(search, index, address, named ? name_demangled(object->name, search->e->arena) : NULL);
    for (uint64_t row = at - data.begin > ROW ? at - ROW : data.begin; row + width <= data.end && row <= at + ROW;
         row += width)
        add_beside(search, &search->targets[index], image_word(side->image, row), length_behind(side->image, row));
}

static void search_words(struct search *search)
{
    const struct image *image = search->e->sides[search->side].image;
    uint64_t width = image->is64 ? 8 : 4, left = USERS_DATA_MOST;
    for (uint64_t i = 1; i < image->section_count && image->header.e_type == ET_EXEC; i++) {
        const struct section *section = &image->sections[i];
        if (section->type != SHT_PROGBITS || (section->flags & SHF_ALLOC) == 0 || (section->flags & SHF_EXECINSTR) != 0)
            continue;
        struct range data = section->bytes;
        for (uint64_t at = data.begin + (width - data.begin % width) % width; at + width <= data.end && left > 0;
             at += width, left--)
            used_by_word(search, data, at);
    }
}

/* In objects: a relocation by the section's symbol that leads into the string. */
static void search_object(struct search *search)
{
    struct explaining *e = search->e;
    struct explained_side *side = &e->sides[search->side];
    struct difference *differences = e->differences.items;
    for (size_t d = 0, looked = 0; d < e->differences.count && looked < 100; d++) {
        const struct place *place = search->side == 0 ? &differences[d].vendor : &differences[d].rebuilt;
        if (differences[d].kind != DIFFERENCE_STRING || !place->present || differences[d].user != NULL)
            continue;
        looked++;
        for (size_t i = 0; i < side->relocation_count && differences[d].user == NULL; i++) {
            const struct relocation *relocation = &side->relocations[i];
            uint32_t index = relocation->symbol_section;
            if (index == 0 || index >= side->image->section_count)
                continue;
            uint64_t at = side->image->sections[index].bytes.begin + relocation->symbol_value +
                          (uint64_t)relocation->addend +
                          (side->image->header.e_machine == EM_X86_64 && relocation->addend % 8 != 0 ? 4 : 0);
            if (at == place->bytes.begin)
                differences[d].user = function_name(e, search->side, relocation->file_offset);
        }
    }
}

/* ---- One of several strings that lie side by side ---- */

/*
 * Of a side's string the part that begins at the last place that something refers to, and ends at the next one. *first:
 * the target at its beginning; NULL where nothing refers to it.
 */
static struct range part_at(const struct search *search, const struct difference *difference, uint64_t differs,
                            const struct target **first)
{
    const struct place *place = search->side == 0 ? &difference->vendor : &difference->rebuilt;
    struct range part = {0, range_size(place->bytes)};
    uint64_t address = 0;
    image_address(search->e->sides[search->side].image, place->bytes.begin, &address);
    for (size_t i = target_from(search, address); i < search->count; i++) {
        const struct target *target = &search->targets[i];
        uint64_t within = target->address - address;
        if (within >= range_size(place->bytes))
            break;
        if (target->difference != difference || !target->used)
            continue;
        if (within <= differs) {
            part.begin = within;
            *first = target;
        } else if (within < part.end) {
            part.end = within;
        }
    }
    return part;
}

static void narrow(struct explaining *e, struct difference *difference, size_t side, struct range part)
{
    struct value *value = side == 0 ? &difference->vendor_value : &difference->rebuilt_value;
    struct place *place = side == 0 ? &difference->vendor : &difference->rebuilt;
    place->bytes = (struct range){place->bytes.begin + part.begin, place->bytes.begin + part.end};
    value_bytes(e, value, value->bytes + part.begin, range_size(part));
}

#define PIECES_MOST 64

struct pieces {
    struct range items[PIECES_MOST]; /* of the string */
    const struct target *first[PIECES_MOST];
    size_t count;
};

/* Cuts a side's string where something refers to a byte of it. False: into too many. */
static bool cut(const struct search *search, const struct difference *difference, struct pieces *pieces)
{
    const struct place *place = search->side == 0 ? &difference->vendor : &difference->rebuilt;
    uint64_t address = 0, size = range_size(place->bytes);
    image_address(search->e->sides[search->side].image, place->bytes.begin, &address);
    *pieces = (struct pieces){.items = {{0, size}}, .count = 1};
    for (size_t i = target_from(search, address); i < search->count && search->targets[i].address - address < size;
         i++) {
        const struct target *target = &search->targets[i];
        uint64_t within = target->address - address;
        struct range *last = &pieces->items[pieces->count - 1];
        if (target->difference != difference || !target->used)
            continue;
        if (within > last->begin && pieces->count == PIECES_MOST)
            return false;
        if (within > last->begin) {
            last->end = within;
            pieces->items[pieces->count++] = (struct range){within, size};
        }
        pieces->first[pieces->count - 1] = target;
    }
    return true;
}

/* The one piece of this side that the other has not as often; SIZE_MAX: there is none, or more than one. */
static size_t only_piece(const struct value *mine, const struct pieces *pieces, const struct value *theirs,
                         const struct pieces *others)
{
    bool taken[PIECES_MOST] = {false};
    size_t only = SIZE_MAX;
    for (size_t i = 0; i < pieces->count; i++) {
        struct range x = pieces->items[i];
        size_t k = 0;
        while (k < others->count &&
               (taken[k] || range_size(x) != range_size(others->items[k]) ||
                memcmp(mine->bytes + x.begin, theirs->bytes + others->items[k].begin, range_size(x)) != 0))
            k++;
        if (k < others->count)
            taken[k] = true;
        else if (only != SIZE_MAX)
            return SIZE_MAX;
        else
            only = i;
    }
    return only;
}

/* Where the same strings lie side by side in another order, but for one. */
static void narrow_to_piece(struct explaining *e, struct search searches[2], struct difference *difference)
{
    struct pieces x, y;
    const struct value *a = &difference->vendor_value, *b = &difference->rebuilt_value;
    if (!may_be_joined(e, difference) || !cut(&searches[0], difference, &x) || !cut(&searches[1], difference, &y) ||
        x.count != y.count)
        return;
    size_t vendor = only_piece(a, &x, b, &y), rebuilt = only_piece(b, &y, a, &x);
    if (vendor == SIZE_MAX || rebuilt == SIZE_MAX)
        return;
    const struct target *first[2] = {x.first[vendor], y.first[rebuilt]};
    if (first[0] != NULL && first[1] != NULL) {
        difference->user = first[1]->user != NULL ? first[1]->user : first[0]->user;
        difference->beside = beside_both(e, first[0]->beside, first[1]->beside);
    }
    narrow(e, difference, 0, x.items[vendor]);
    narrow(e, difference, 1, y.items[rebuilt]);
}

/* Who uses it. A part of it is all that is shown only where all that differs lies in it: nothing leaves sight so. */
static void settle_user(struct explaining *e, struct search searches[2], struct difference *difference)
{
    const struct value *a = &difference->vendor_value, *b = &difference->rebuilt_value;
    const struct target *first[2] = {NULL, NULL};
    uint64_t prefix = 0;
    while (may_be_joined(e, difference) && prefix < a->size && prefix < b->size && a->bytes[prefix] == b->bytes[prefix])
        prefix++;
    struct range x = part_at(&searches[0], difference, prefix, &first[0]);
    struct range y = part_at(&searches[1], difference, prefix, &first[1]);
    /* One that goes on where the other ends: there the next one begins, at the byte that differs first. */
    if (x.begin != y.begin) {
        uint64_t begin = x.begin < y.begin ? x.begin : y.begin;
        x = part_at(&searches[0], difference, begin, &first[0]);
        y = part_at(&searches[1], difference, begin, &first[1]);
    }
    for (size_t n = 0; n < 2; n++) {
        /* The rebuilt side is more likely to have names. */
        if (difference->user == NULL && first[1 - n] != NULL)
            difference->user = first[1 - n]->user;
    }
    if (first[0] != NULL && first[1] != NULL)
        difference->beside = beside_both(e, first[0]->beside, first[1]->beside);
    uint64_t rest = a->size - x.end;
    if (!may_be_joined(e, difference) || first[0] == NULL || first[1] == NULL || x.begin != y.begin ||
        b->size - y.end != rest || memcmp(a->bytes + x.end, b->bytes + y.end, rest) != 0) {
        narrow_to_piece(e, searches, difference);
        return;
    }
    narrow(e, difference, 0, x);
    narrow(e, difference, 1, y);
}

void users_find(struct explaining *e)
{
    struct search searches[2] = {{.e = e, .side = 0}, {.e = e, .side = 1}};
    struct difference *differences = e->differences.items;
    for (size_t side = 2; side-- > 0;) {
        struct search *search = &searches[side];
        search->code = (struct reference_search){.e = e, .side = side, .found = used_by_code, .state = search};
        if (image_is_relocatable(e->sides[side].image)) {
            search_object(search);
            continue;
        }
        list_targets(search);
        if (search->targets == NULL)
            e->out_of_memory = true;
        if (search->count == 0 || e->out_of_memory)
            continue;
        references_of_code(&search->code);
        search_relocations(search);
        search_words(search);
    }
    for (size_t i = 0; i < e->differences.count && !e->out_of_memory; i++) {
        if (differences[i].kind == DIFFERENCE_STRING)
            settle_user(e, searches, &differences[i]);
    }
}
