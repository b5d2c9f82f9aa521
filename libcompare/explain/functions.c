/*
 * The functions of both sides, in pairs: those of the proof of what moved, where it was tried; then by name, by name without what a compiler adds to it, by a shape that no other
 * function has, and at last by what stands before and behind. Of several with one name, those of one shape first.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* ---- The functions of a side ---- */

static bool add_function(struct explaining *e, struct list *functions, const struct image *image,
                         const struct symbol *symbol)
{
    struct function *last = functions->count > 0 ? (struct function *)functions->items + functions->count - 1 : NULL;
    if (!symbol_is_function(symbol) || symbol->source == SYMBOL_PLT || range_empty(symbol->bytes) ||
        !image_is_executable(image, symbol->bytes))
        return true;
    if (last != NULL && symbol->bytes.begin < last->bytes.end) {
        /* Of two names for one place, the first by the alphabet: both sides then choose the same. */
        bool aliases = symbol->bytes.begin == last->bytes.begin && symbol->name != NULL;
        if (aliases && (last->name == NULL || strcmp(symbol->name, last->name) < 0))
            last->name = symbol->name;
        if (aliases && symbol->bytes.end > last->bytes.end)
            last->bytes.end = symbol->bytes.end;
        return true;
    }
    struct function *function = list_add(functions);
    if (function == NULL) {
        e->out_of_memory = true;
        return false;
    }
    *function = (struct function){.bytes = symbol->bytes,
                                  .address = symbol->address,
                                  .name = symbol->name,
                                  .thumb = symbol->thumb,
                                  .partner = SIZE_MAX};
    return true;
}

static void list_functions(struct explaining *e, struct explained_side *side)
{
    struct list functions = {.arena = e->arena, .item_size = sizeof(struct function)};
    for (size_t i = 0; i < side->symbols.by_offset_count; i++) {
        if (!add_function(e, &functions, side->image, side->symbols.by_offset[i]))
            return;
    }
    side->functions = functions.items;
    side->function_count = functions.count;
}

static void pair(struct explaining *e, size_t vendor, size_t rebuilt)
{
    e->sides[0].functions[vendor].partner = rebuilt;
    e->sides[1].functions[rebuilt].partner = vendor;
}

/* ---- By the proof of what moved ---- */

/* The rebuilt's function that begins at this place of the file; SIZE_MAX: none. */
static size_t rebuilt_at(const struct explained_side *rebuilt, uint64_t begin)
{
    size_t low = 0, high = rebuilt->function_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rebuilt->functions[middle].bytes.begin < begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rebuilt->function_count && rebuilt->functions[low].bytes.begin == begin ? low : SIZE_MAX;
}

/* Functions whose begins are each other's: proven, or paired and not proven as a whole. Both lists are by place. */
static void pair_by_proof(struct explaining *e)
{
    const struct moved *moved = e->input->moved;
    struct explained_side *vendor = &e->sides[0], *rebuilt = &e->sides[1];
    if (moved == NULL || !moved->tried)
        return;
    for (size_t i = 0, p = 0, c = 0; i < vendor->function_count; i++) {
        uint64_t begin = vendor->functions[i].bytes.begin;
        while (p < moved->proven_count && moved->proven[p].vendor.end <= begin)
            p++;
        while (c < moved->changed_count && moved->changed[c].vendor.begin < begin &&
               !range_empty(moved->changed[c].vendor))
            c++;
        const struct proven *proven = p < moved->proven_count ? &moved->proven[p] : NULL;
        const struct changed_code *changed = c < moved->changed_count ? &moved->changed[c] : NULL;
        size_t partner = SIZE_MAX;
        if (changed != NULL && changed->vendor.begin == begin && !range_empty(changed->rebuilt))
            partner = rebuilt_at(rebuilt, changed->rebuilt.begin);
        else if (proven != NULL && proven->rule == RULE_MOVED_CODE && proven->vendor.begin <= begin)
            partner = rebuilt_at(rebuilt, proven->rebuilt.begin + (begin - proven->vendor.begin));
        if (partner != SIZE_MAX && rebuilt->functions[partner].partner == SIZE_MAX &&
            rebuilt->functions[partner].thumb == vendor->functions[i].thumb)
            pair(e, i, partner);
    }
}

/* ---- By name ---- */

struct named {
    const char *name;
    size_t length; /* of the part that is looked at */
    size_t index;
};

static int named_order(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->name, b->name, shorter);
    if (order != 0 || a->length != b->length)
        return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
    return (a->index > b->index) - (a->index < b->index);
}

static size_t whole_name(const char *name)
{
    return strlen(name);
}

/* Without .constprop.0, .isra.1, .part.2, .lto_priv.3, .cold, .llvm.123, and Rust's hash. */
static size_t plain_name(const char *name)
{
    const char *dot = strchr(name + (name[0] == '.'), '.');
    size_t length = dot != NULL ? (size_t)(dot - name) : strlen(name);
    return length > 20 && memcmp(name + length - 20, "17h", 3) == 0 && name[length - 1] == 'E' ? length - 20 : length;
}

static struct named *unpaired_names(struct explaining *e, const struct explained_side *side,
                                    size_t (*length)(const char *), size_t *count)
{
    struct named *names = arena_alloc(e->arena, side->function_count, sizeof(*names));
    *count = 0;
    e->out_of_memory |= names == NULL;
    for (size_t i = 0; names != NULL && i < side->function_count; i++) {
        const struct function *function = &side->functions[i];
        if (function->partner == SIZE_MAX && function->name != NULL)
            names[(*count)++] = (struct named){function->name, length(function->name), i};
    }
    if (*count > 1)
        qsort(names, *count, sizeof(*names), named_order);
    return names;
}

static uint64_t shape_of(struct explaining *e, size_t side, const struct function *function)
{
    struct arena scratch = {0};
    struct list instructions = {.arena = &scratch, .item_size = sizeof(struct instruction)};
    const struct image *image = e->sides[side].image;
    uint64_t shape = 0x9e3779b97f4a7c15;
    size_t most = e->decoded < INSTRUCTIONS_MOST ? INSTRUCTIONS_MOST - e->decoded : 0;
    if (most == 0)
        incomplete(e, "there is too much code to look at all of it");
    if (most == 0 || !decode(e->sides[side].decoders[function->thumb], image->bytes + function->bytes.begin,
                             range_size(function->bytes), function->address, most, &instructions))
        shape = 0;
    const struct instruction *items = instructions.items;
    for (size_t i = 0; i < instructions.count && shape != 0; i++)
        shape = ((shape ^ items[i].shape) * 0x100000001b3 + (shape >> 47)) | 1;
    e->decoded += instructions.count;
    arena_free(&scratch);
    return shape;
}

static size_t same_names(const struct named *names, size_t count, size_t from)
{
    size_t to = from;
    while (to < count && names[to].length == names[from].length &&
           memcmp(names[to].name, names[from].name, names[from].length) == 0)
        to++;
    return to - from;
}

#define GROUP_MOST 200 /* of one name, whose code is looked at */

static void shape_group(struct explaining *e, size_t side, const struct named *names, size_t count)
{
    struct function *functions = e->sides[side].functions;
    for (size_t i = 0; i < count; i++)
        functions[names[i].index].shape = shape_of(e, side, &functions[names[i].index]);
}

static bool same_shape(const struct function *a, const struct function *b)
{
    return a->partner == SIZE_MAX && b->partner == SIZE_MAX && a->shape != 0 && a->shape == b->shape;
}

/* Whether what they refer to means the same, as far as functions are paired by now. */
static bool refer_to_the_same(struct explaining *e, const struct function *a, const struct function *b)
{
    if (e->tried++ > FUNCTIONS_MOST)
        return false;
    struct function_pair functions = {e, {a, b}};
    struct code_context context = function_pair_context(&functions, INSTRUCTIONS_MOST);
    struct code x = function_code(e, 0, a), y = function_code(e, 1, b);
    struct code_comparison comparison;
    struct arena scratch = {0};
    bool same = code_compare(e->sides[0].decoders[a->thumb], &x, e->sides[1].decoders[b->thumb], &y, &context, &scratch,
                             &comparison) &&
                comparison.complete && comparison.differences.count == 0;
    arena_free(&scratch);
    return same;
}

/* Functions of one name: those of one shape that refer to the same, those of one shape, and the rest in their order. */
static void pair_group(struct explaining *e, const struct named *x, size_t count_a, const struct named *y,
                       size_t count_b)
{
    struct function *vendor = e->sides[0].functions, *rebuilt = e->sides[1].functions;
    if (count_a <= GROUP_MOST && count_b <= GROUP_MOST) {
        shape_group(e, 0, x, count_a);
        shape_group(e, 1, y, count_b);
    }
    for (int surely = 1; surely >= 0; surely--) {
        for (size_t i = 0; i < count_a; i++) {
            for (size_t k = 0; k < count_b && vendor[x[i].index].partner == SIZE_MAX; k++) {
                const struct function *a = &vendor[x[i].index], *b = &rebuilt[y[k].index];
                if (same_shape(a, b) && (!surely || refer_to_the_same(e, a, b)))
                    pair(e, x[i].index, y[k].index);
            }
        }
    }
    for (size_t i = 0, k = 0; i < count_a; i++) {
        while (k < count_b && rebuilt[y[k].index].partner != SIZE_MAX)
            k++;
        if (k < count_b && vendor[x[i].index].partner == SIZE_MAX)
            pair(e, x[i].index, y[k].index);
    }
}

/* First what has a name of its own on both sides, for by that the others are told apart. */
static void pair_by_name(struct explaining *e, size_t (*length)(const char *), bool groups)
{
    size_t count_a, count_b, a = 0, b = 0;
    struct named *x = unpaired_names(e, &e->sides[0], length, &count_a);
    struct named *y = unpaired_names(e, &e->sides[1], length, &count_b);
    while (!e->out_of_memory && a < count_a && b < count_b) {
        size_t shorter = x[a].length < y[b].length ? x[a].length : y[b].length;
        int order = memcmp(x[a].name, y[b].name, shorter);
        if (order == 0)
            order = (x[a].length > y[b].length) - (x[a].length < y[b].length);
        size_t group_a = order <= 0 ? same_names(x, count_a, a) : 0;
        size_t group_b = order >= 0 ? same_names(y, count_b, b) : 0;
        if (group_a == 1 && group_b == 1)
            pair(e, x[a].index, y[b].index);
        else if (order == 0 && groups)
            pair_group(e, x + a, group_a, y + b, group_b);
        a += group_a;
        b += group_b;
    }
}

/* ---- By shape alone ---- */

struct shaped {
    uint64_t shape;
    size_t index;
};

static int shaped_order(const void *left, const void *right)
{
    const struct shaped *a = left, *b = right;
    if (a->shape != b->shape)
        return a->shape < b->shape ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static struct shaped *unpaired_shapes(struct explaining *e, size_t side, size_t *count)
{
    struct explained_side *s = &e->sides[side];
    struct shaped *shapes = arena_alloc(e->arena, s->function_count, sizeof(*shapes));
    *count = 0;
    e->out_of_memory |= shapes == NULL;
    for (size_t i = 0; shapes != NULL && i < s->function_count; i++) {
        struct function *function = &s->functions[i];
        if (function->partner != SIZE_MAX)
            continue;
        function->shape = shape_of(e, side, function);
        if (function->shape != 0)
            shapes[(*count)++] = (struct shaped){function->shape, i};
    }
    if (*count > 1)
        qsort(shapes, *count, sizeof(*shapes), shaped_order);
    return shapes;
}

static size_t same_shapes(const struct shaped *shapes, size_t count, size_t from)
{
    size_t to = from;
    while (to < count && shapes[to].shape == shapes[from].shape)
        to++;
    return to - from;
}

/* Those that as many functions of the other side share are paired in their order: small ones are often alike. */
static void pair_by_shape(struct explaining *e)
{
    size_t count_a, count_b, a = 0, b = 0;
    struct shaped *x = unpaired_shapes(e, 0, &count_a), *y = unpaired_shapes(e, 1, &count_b);
    while (!e->out_of_memory && a < count_a && b < count_b) {
        if (x[a].shape != y[b].shape) {
            bool below = x[a].shape < y[b].shape;
            a += below;
            b += !below;
            continue;
        }
        size_t alike_a = same_shapes(x, count_a, a), alike_b = same_shapes(y, count_b, b);
        for (size_t i = 0; alike_a == alike_b && i < alike_a; i++)
            pair(e, x[a + i].index, y[b + i].index);
        a += alike_a;
        b += alike_b;
    }
}

/* Names prove nothing alone: a function that only one side names is not another's by its place. */
static bool may_be_one(const struct function *a, const struct function *b)
{
    return a->partner == SIZE_MAX && b->partner == SIZE_MAX && (a->name == NULL || b->name == NULL);
}

/* Where nothing moved, a function that changed still begins where it did. */
static void pair_by_place(struct explaining *e)
{
    struct explained_side *vendor = &e->sides[0], *rebuilt = &e->sides[1];
    size_t y = 0;
    for (size_t x = 0; x < vendor->function_count && !e->moved; x++) {
        while (y < rebuilt->function_count && rebuilt->functions[y].bytes.begin < vendor->functions[x].bytes.begin)
            y++;
        if (y < rebuilt->function_count && rebuilt->functions[y].bytes.begin == vendor->functions[x].bytes.begin &&
            may_be_one(&vendor->functions[x], &rebuilt->functions[y]))
            pair(e, x, y);
    }
}

/* Between two pairs, as many on either side: in their order. */
static void pair_between(struct explaining *e)
{
    struct explained_side *vendor = &e->sides[0], *rebuilt = &e->sides[1];
    size_t y = 0;
    for (size_t x = 0; x < vendor->function_count; x++) {
        if (vendor->functions[x].partner != SIZE_MAX) {
            y = vendor->functions[x].partner + 1;
            continue;
        }
        size_t gap_a = 0, gap_b = 0;
        while (x + gap_a < vendor->function_count && vendor->functions[x + gap_a].partner == SIZE_MAX)
            gap_a++;
        while (y + gap_b < rebuilt->function_count && rebuilt->functions[y + gap_b].partner == SIZE_MAX)
            gap_b++;
        for (size_t i = 0; gap_a == gap_b && i < gap_a; i++) {
            if (may_be_one(&vendor->functions[x + i], &rebuilt->functions[y + i]))
                pair(e, x + i, y + i);
        }
        x += gap_a - 1;
        y += gap_b;
    }
}

/* ENDBR64 and ENDBR32 of x86; BTI c, BTI jc and PACIASP of AArch64. */
static bool is_landing_pad(const struct image *image, struct range bytes)
{
    static const struct {
        uint16_t machine;
        uint8_t bytes[4];
    } pads[] = {
        {EM_X86_64, {0xf3, 0x0f, 0x1e, 0xfa}},  {EM_386, {0xf3, 0x0f, 0x1e, 0xfb}},
        {EM_AARCH64, {0x5f, 0x24, 0x03, 0xd5}}, {EM_AARCH64, {0xdf, 0x24, 0x03, 0xd5}},
        {EM_AARCH64, {0x3f, 0x23, 0x03, 0xd5}},
    };
    bool pad = false;
    for (size_t i = 0; i < ARRAY_COUNT(pads) && range_size(bytes) >= 4; i++)
        pad = pad ||
              (image->header.e_machine == pads[i].machine && memcmp(image->bytes + bytes.begin, pads[i].bytes, 4) == 0);
    return pad;
}

static size_t count_guarded(const struct explained_side *side)
{
    size_t guarded = 0;
    for (size_t i = 0; i < side->function_count; i++)
        guarded += is_landing_pad(side->image, side->functions[i].bytes);
    return guarded;
}

static void count_functions(struct explaining *e)
{
    e->clues.vendor.guarded_count = count_guarded(&e->sides[0]);
    e->clues.rebuilt.guarded_count = count_guarded(&e->sides[1]);
    size_t paired = 0;
    for (size_t i = 0; i < e->sides[0].function_count; i++)
        paired += e->sides[0].functions[i].partner != SIZE_MAX;
    e->clues.functions = paired;
    e->clues.vendor.function_count = e->sides[0].function_count;
    e->clues.rebuilt.function_count = e->sides[1].function_count;
}

void functions_find(struct explaining *e)
{
    list_functions(e, &e->sides[0]);
    list_functions(e, &e->sides[1]);
    pair_by_proof(e);
    pair_by_name(e, whole_name, false);
    pair_by_name(e, whole_name, true);
    pair_by_name(e, plain_name, false);
    pair_by_name(e, plain_name, true);
    pair_by_place(e);
    pair_by_shape(e);
    pair_between(e);
    count_functions(e);
}
