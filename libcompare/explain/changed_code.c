/*
 * Code: each pair of functions in which something differs, instruction by instruction; functions that only one side
 * has; and whether the same functions stand in another order. What differs in addresses alone, to the same targets, is
 * no difference here: it follows from what made things move.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* Of one function: the rest is counted, not told. */
#define TOLD_OF_FUNCTION 8

/* ---- What a target is ---- */

static const struct relocation *relocation_of(const struct explained_side *side, struct range bytes)
{
    size_t found;
    const struct relocation *relocation = relocations_in(side->relocations, side->relocation_count, bytes, &found);
    return found > 0 ? relocation : NULL;
}

/* The bytes that a relocation by a section's symbol leads to. x86-64 counts from the instruction's end. */
static const struct section *section_target(const struct explained_side *side, const struct relocation *relocation,
                                            uint64_t *inside)
{
    const struct image *image = side->image;
    uint32_t index = relocation->symbol_section;
    if (index == 0 || index >= image->section_count || strcmp(image->sections[index].name, relocation->symbol) != 0)
        return NULL;
    *inside = relocation->symbol_value + (uint64_t)relocation->addend + (image->header.e_machine == EM_X86_64 ? 4 : 0);
    return *inside < range_size(image->sections[index].bytes) ? &image->sections[index] : NULL;
}

/* In code: the same function, however far it has moved. */
static bool same_code(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    const struct function *a = function_at(&e->sides[0], vendor), *b = function_at(&e->sides[1], rebuilt);
    return a != NULL && b != NULL && a->partner != SIZE_MAX && &e->sides[1].functions[a->partner] == b &&
           vendor - a->bytes.begin == rebuilt - b->bytes.begin;
}

static bool same_section_target(const struct explaining *e, const struct relocation *a, const struct relocation *b)
{
    uint64_t x, y;
    const struct section *s = section_target(&e->sides[0], a, &x), *t = section_target(&e->sides[1], b, &y);
    struct range left, right;
    if (s == NULL || t == NULL)
        return false;
    const struct image *vendor = e->sides[0].image, *rebuilt = e->sides[1].image;
    if ((s->flags & SHF_EXECINSTR) != 0)
        return same_code(e, s->bytes.begin + x, t->bytes.begin + y);
    if (string_at(vendor, s->bytes.begin + x, &left) && string_at(rebuilt, t->bytes.begin + y, &right)) {
        left.begin = s->bytes.begin + x;
        right.begin = t->bytes.begin + y;
        if (range_size(left) == range_size(right) &&
            memcmp(vendor->bytes + left.begin, rebuilt->bytes + right.begin, range_size(left)) == 0)
            return true;
    }
    /* Elsewhere in a section that has changed. */
    return x == y || range_size(s->bytes) != range_size(t->bytes);
}

static bool same_relocation(const struct explaining *e, const struct relocation *a, const struct relocation *b)
{
    if (a->type != b->type || strcmp(a->symbol, b->symbol) != 0)
        return false;
    /* By a section's symbol, the same addend may lead to another thing, where the section has changed. */
    uint64_t inside;
    return section_target(&e->sides[0], a, &inside) != NULL ? same_section_target(e, a, b) : a->addend == b->addend;
}

static bool same_target(void *state, const struct instruction *vendor, struct range vendor_bytes,
                        const struct instruction *rebuilt, struct range rebuilt_bytes)
{
    const struct function_pair *pairing = state;
    const struct explaining *e = pairing->e;
    if (image_is_relocatable(e->sides[0].image)) {
        const struct relocation *a = relocation_of(&e->sides[0], vendor_bytes);
        const struct relocation *b = relocation_of(&e->sides[1], rebuilt_bytes);
        if (a != NULL && b != NULL)
            return same_relocation(e, a, b);
        return a == b &&
               vendor->target - pairing->functions[0]->address == rebuilt->target - pairing->functions[1]->address;
    }
    /* The first of a pair of instructions holds a part of an address only; the second tells. */
    return vendor->partial || rebuilt->partial || same_meaning(e, vendor->target, rebuilt->target);
}

/* "third", "main+0x12": by the function that holds a byte. */
static const char *code_name(const struct function_pair *pairing, bool rebuilt, uint64_t file_offset, char *buffer,
                             size_t size)
{
    const struct function *function = function_at(&pairing->e->sides[rebuilt], file_offset);
    if (function == NULL || function->name == NULL)
        return NULL;
    const char *name = name_demangled(function->name, pairing->e->arena);
    if (file_offset == function->bytes.begin)
        snprintf(buffer, size, "%s", name);
    else
        snprintf(buffer, size, "%s+%#jx", name, (uintmax_t)(file_offset - function->bytes.begin));
    return buffer;
}

/* A call or jump in an object that the assembler has settled: within its section. */
static const char *settled_name(const struct function_pair *pairing, bool rebuilt,
                                const struct instruction *instruction, char *buffer, size_t size)
{
    const struct image *image = pairing->e->sides[rebuilt].image;
    const struct function *here = pairing->functions[rebuilt];
    const struct section *section = section_at(image, here->bytes.begin);
    uint64_t target = here->bytes.begin + (instruction->target - here->address);
    bool code = instruction->reference == REFERENCE_CALL || instruction->reference == REFERENCE_JUMP;
    return code && section != NULL && target >= section->bytes.begin && target < section->bytes.end
               ? code_name(pairing, rebuilt, target, buffer, size)
               : NULL;
}

static const char *target_name(void *state, bool rebuilt, const struct instruction *instruction, struct range bytes,
                               char *buffer, size_t size)
{
    const struct function_pair *pairing = state;
    const struct explained_side *side = &pairing->e->sides[rebuilt];
    const struct image *image = side->image;
    if (!image_is_relocatable(image))
        return instruction->partial ? NULL : meaning_name(pairing->e, rebuilt, instruction->target, buffer, size);
    const struct relocation *relocation = relocation_of(side, bytes);
    uint64_t inside;
    struct range string;
    char text[64];
    if (relocation == NULL)
        return settled_name(pairing, rebuilt, instruction, buffer, size);
    const struct section *section = section_target(side, relocation, &inside);
    const char *name = section != NULL && (section->flags & SHF_EXECINSTR) != 0
                           ? code_name(pairing, rebuilt, section->bytes.begin + inside, buffer, size)
                           : NULL;
    if (name != NULL)
        return name;
    if (section != NULL && string_at(image, section->bytes.begin + inside, &string))
        snprintf(buffer, size, "\"%s\"",
                 escape_bytes(text, sizeof(text), image->bytes + section->bytes.begin + inside,
                              string.end - section->bytes.begin - inside));
    else
        snprintf(buffer, size, "%s", name_demangled(relocation->symbol, pairing->e->arena));
    return buffer;
}

struct code_context function_pair_context(struct function_pair *pair, size_t most)
{
    return (struct code_context){.state = pair, .same_target = same_target, .target_name = target_name, .most = most};
}

struct code function_code(const struct explaining *e, size_t side, const struct function *function)
{
    return (struct code){e->sides[side].image, function->bytes, function->address, function->thumb};
}

/* ---- A pair of functions ---- */

static const char *what_of(struct explaining *e, const struct code_difference *difference)
{
    static const char *const kinds[] = {
        [CODE_IMMEDIATE] = "immediate of",
        [CODE_TARGET] = "target of",
    };
    if (difference->kind != CODE_IMMEDIATE && difference->kind != CODE_TARGET)
        return "instructions";
    const char *mnemonic = difference->mnemonic != NULL ? difference->mnemonic : "an instruction";
    return arena_printf(e->arena, "%s %s", kinds[difference->kind], mnemonic);
}

static void tell_code(struct explaining *e, const struct code_difference *code)
{
    const char *what = what_of(e, code);
    struct difference *difference = difference_add(e, DIFFERENCE_CODE, what != NULL ? what : "instructions");
    if (difference == NULL)
        return;
    bool number = code->kind == CODE_IMMEDIATE || code->kind == CODE_TARGET;
    for (size_t side = 0; side < 2; side++) {
        struct value *value = side == 0 ? &difference->vendor_value : &difference->rebuilt_value;
        struct range bytes = side == 0 ? code->vendor : code->rebuilt;
        const char *text = side == 0 ? code->vendor_text : code->rebuilt_text;
        if (range_empty(bytes))
            continue;
        place_set(e, side == 0 ? &difference->vendor : &difference->rebuilt, side, bytes);
        value_text(e, value, "%s", text != NULL ? text : "");
        if (number)
            value->number = (uint64_t)(side == 0 ? code->vendor_value : code->rebuilt_value);
        difference_takes(e, difference, side, bytes);
    }
}

/* All that differs in the function belongs to the differences that are told of it. */
static void take_rest(struct explaining *e, size_t first, const struct function *a, const struct function *b)
{
    if (first >= e->differences.count)
        return;
    struct difference *told = (struct difference *)e->differences.items + first;
    difference_takes(e, told, 0, a->bytes);
    difference_takes(e, told, 1, b->bytes);
}

/* Operands that differ and mean the same follow from what moved: one difference for those of all functions. */
static void take_operands(struct explaining *e, const struct function *a, const struct function *b)
{
    if (e->operands == 0) {
        struct difference *operands = difference_add(e, DIFFERENCE_DERIVED, "operands that lead to the same");
        if (operands == NULL)
            return;
        place_set(e, &operands->vendor, 0, a->bytes);
        place_set(e, &operands->rebuilt, 1, b->bytes);
        e->operands = e->differences.count;
    }
    take_rest(e, e->operands - 1, a, b);
}

static bool compare_pair(struct explaining *e, const struct function *a, const struct function *b)
{
    struct function_pair pair = {e, {a, b}};
    struct code_context context =
        function_pair_context(&pair, e->decoded < INSTRUCTIONS_MOST ? INSTRUCTIONS_MOST - e->decoded : 1);
    struct code x = function_code(e, 0, a), y = function_code(e, 1, b);
    struct code_comparison comparison = {
        .differences = {.arena = e->arena, .item_size = sizeof(struct code_difference)}};
    if (e->decoded >= INSTRUCTIONS_MOST) {
        incomplete(e, "there is too much code to look at all of it");
        return false;
    }
    if (!code_compare(e->sides[0].decoders[a->thumb], &x, e->sides[1].decoders[b->thumb], &y, &context, e->arena,
                      &comparison)) {
        e->out_of_memory = true;
        return false;
    }
    e->decoded += comparison.equal + comparison.moved + comparison.changed_vendor + comparison.changed_rebuilt;
    size_t first = e->differences.count;
    const struct code_difference *differences = comparison.differences.items;
    bool reordered = reordered_tell(e, pair.functions, &comparison);
    for (size_t i = 0; i < comparison.differences.count && i < TOLD_OF_FUNCTION && !reordered; i++)
        tell_code(e, &differences[i]);
    take_rest(e, first, a, b);
    if (comparison.differences.count == 0 && any_finding(e, 0, a->bytes))
        take_operands(e, a, b);
    return comparison.differences.count > 0;
}

static void tell_function(struct explaining *e, size_t side, const struct function *function)
{
    struct difference *difference = difference_add(e, DIFFERENCE_CODE, "function");
    if (difference == NULL)
        return;
    struct value *value = side == 0 ? &difference->vendor_value : &difference->rebuilt_value;
    place_set(e, side == 0 ? &difference->vendor : &difference->rebuilt, side, function->bytes);
    value_text(e, value, "%ju bytes of code", (uintmax_t)range_size(function->bytes));
    difference_takes(e, difference, side, function->bytes);
}

/* ---- Order ---- */

/* Of the partners' indices in the vendor's order: how many do not stand in one rising line (patience sorting). */
static size_t out_of_line(struct explaining *e, size_t *first)
{
    const struct explained_side *vendor = &e->sides[0];
    size_t *ends = arena_alloc(e->arena, vendor->function_count, sizeof(*ends)), length = 0, paired = 0, highest = 0;
    *first = SIZE_MAX;
    if (ends == NULL) {
        e->out_of_memory = true;
        return 0;
    }
    for (size_t i = 0; i < vendor->function_count; i++) {
        size_t partner = vendor->functions[i].partner, low = 0, high = length;
        if (partner == SIZE_MAX)
            continue;
        if (paired++ > 0 && partner < highest && *first == SIZE_MAX)
            *first = i;
        highest = partner > highest ? partner : highest;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (ends[middle] < partner)
                low = middle + 1;
            else
                high = middle;
        }
        ends[low] = partner;
        length += low == length;
    }
    return paired - length;
}

static void explain_order(struct explaining *e)
{
    size_t first, count = out_of_line(e, &first);
    if (count == 0 || first == SIZE_MAX)
        return;
    e->reordered = true;
    struct difference *difference = difference_add(e, DIFFERENCE_ORDER, "order of functions");
    if (difference == NULL)
        return;
    const struct function *a = &e->sides[0].functions[first], *b = &e->sides[1].functions[a->partner];
    place_set(e, &difference->vendor, 0, a->bytes);
    place_set(e, &difference->rebuilt, 1, b->bytes);
    value_text(e, &difference->vendor_value, "number %zu of %zu", first + 1, e->sides[0].function_count);
    value_text(e, &difference->rebuilt_value, "number %zu of %zu; %zu stand elsewhere in all", a->partner + 1,
               e->sides[1].function_count, count);
    difference->vendor_value.number = difference->rebuilt_value.number = count;
}

/* ---- All of it ---- */

static void summarise(struct explaining *e)
{
    size_t differing = e->clues.functions_differing;
    if (differing < 3 || differing * 3 <= e->clues.functions)
        return;
    struct difference *difference = difference_add(e, DIFFERENCE_CODE, "code");
    if (difference == NULL)
        return;
    difference->vendor.present = difference->rebuilt.present = true;
    difference->rebuilt_value.number = e->clues.functions;
    value_text(e, &difference->vendor_value, "%zu of %zu functions differ", differing, e->clues.functions);
    difference->vendor_value.number = differing;
}

/* What is proven to have moved needs no second opinion. */
static bool is_proven(const struct explaining *e, const struct function *a, const struct function *b)
{
    const struct moved *moved = e->input->moved;
    return moved != NULL && moved->tried && !any_finding(e, 0, a->bytes) && !any_finding(e, 1, b->bytes);
}

void functions_explain(struct explaining *e)
{
    size_t compared = 0;
    explain_order(e); /* first: what addresses mean depends on it */
    for (size_t i = 0; i < e->sides[0].function_count && !e->out_of_memory; i++) {
        const struct function *a = &e->sides[0].functions[i];
        const struct function *b = a->partner != SIZE_MAX ? &e->sides[1].functions[a->partner] : NULL;
        if (b == NULL) {
            if (any_finding(e, 0, a->bytes))
                tell_function(e, 0, a);
            continue;
        }
        bool equal = range_size(a->bytes) == range_size(b->bytes) &&
                     memcmp(e->sides[0].image->bytes + a->bytes.begin, e->sides[1].image->bytes + b->bytes.begin,
                            range_size(a->bytes)) == 0;
        if ((equal && !image_is_relocatable(e->sides[0].image)) || is_proven(e, a, b))
            continue;
        if (compared++ >= FUNCTIONS_MOST)
            incomplete(e, "there are too many functions that differ to look at all of them");
        else
            e->clues.functions_differing += compare_pair(e, a, b);
    }
    for (size_t i = 0; i < e->sides[1].function_count && !e->out_of_memory; i++) {
        const struct function *b = &e->sides[1].functions[i];
        if (b->partner == SIZE_MAX && any_finding(e, 1, b->bytes))
            tell_function(e, 1, b);
    }
    summarise(e);
}
