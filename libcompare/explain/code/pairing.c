/*
 * Which instructions of two functions belong together, and whether they mean the same. First those that are equal but
 * for the address of a target are paired, so that something inserted is found where it is; then, between those, the
 * ones that are equal but for numbers. Whether a jump's target is the same is known only after that: it is where it
 * lands on instructions that belong together.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* More edits than these, and two functions are not worth aligning. */
#define MOST_EDITS 1000

#define PART_SAME  1
#define PART_OTHER 2

/* ---- Places ---- */

static const uint8_t *bytes_of(const struct code_side *side, size_t index)
{
    return side->bytes + side->offsets[index];
}

struct range code_file_range(const struct code_side *side, size_t begin, size_t end)
{
    uint64_t from = begin < side->count ? side->offsets[begin] : side->end;
    uint64_t to = end < side->count ? side->offsets[end] : side->end;
    return (struct range){side->code->bytes.begin + from, side->code->bytes.begin + to};
}

/* The instruction that holds this address, or ALIGN_NONE. */
static size_t index_at(const struct code_side *side, uint64_t address)
{
    uint64_t offset = address - side->code->address;
    if (!side->code->image->is64)
        offset = (uint32_t)offset;
    if (side->count == 0 || offset >= side->end)
        return ALIGN_NONE;
    size_t low = 0, high = side->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (side->offsets[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool is_inside(const struct code_side *side, const struct instruction *instruction)
{
    return instruction->reference != REFERENCE_NONE && !instruction->relocated && !instruction->partial &&
           index_at(side, instruction->target) != ALIGN_NONE;
}

/* ---- Aligning ---- */

static bool ask(const struct code_pairing *pairing, size_t vendor, size_t rebuilt)
{
    const struct instruction *a = &pairing->vendor.items[vendor], *b = &pairing->rebuilt.items[rebuilt];
    if (a->got && b->got)
        return true;
    if (pairing->context->same_target == NULL)
        return a->target == b->target;
    return pairing->context->same_target(pairing->context->state, a,
                                         code_file_range(&pairing->vendor, vendor, vendor + 1), b,
                                         code_file_range(&pairing->rebuilt, rebuilt, rebuilt + 1));
}

static bool equal_but_target(const struct code_pairing *pairing, size_t vendor, size_t rebuilt)
{
    return decode_equal_but_target(bytes_of(&pairing->vendor, vendor), &pairing->vendor.items[vendor],
                                   bytes_of(&pairing->rebuilt, rebuilt), &pairing->rebuilt.items[rebuilt]);
}

/* Equal, as far as is known before the alignment. */
static bool strongly_same(void *state, size_t vendor, size_t rebuilt)
{
    const struct code_pairing *pairing = state;
    const struct instruction *a = &pairing->vendor.items[vendor], *b = &pairing->rebuilt.items[rebuilt];
    if (a->shape != b->shape || !equal_but_target(pairing, vendor, rebuilt))
        return false;
    if (a->relocated)
        return ask(pairing, vendor, rebuilt);
    if (a->reference == REFERENCE_NONE || a->partial)
        return true;
    bool inside = is_inside(&pairing->vendor, a);
    return inside == is_inside(&pairing->rebuilt, b) && (inside || ask(pairing, vendor, rebuilt));
}

/* Equal but for numbers. Padding is none: it aligns by what is behind it. */
static bool weakly_same(void *state, size_t vendor, size_t rebuilt)
{
    const struct code_pairing *pairing = state;
    const struct instruction *a = &pairing->vendor.items[vendor], *b = &pairing->rebuilt.items[rebuilt];
    return a->skeleton == b->skeleton && a->id == b->id && a->decoded == b->decoded && !a->nop && !b->nop;
}

static bool align_gaps(struct code_pairing *pairing, struct align *align)
{
    size_t i = 0, j = 0;
    while (i < pairing->vendor.count || j < pairing->rebuilt.count) {
        struct align_box gap = {i, i, j, j};
        while (gap.vendor_end < pairing->vendor.count && align->vendor[gap.vendor_end] == ALIGN_NONE)
            gap.vendor_end++;
        while (gap.rebuilt_end < pairing->rebuilt.count && align->rebuilt[gap.rebuilt_end] == ALIGN_NONE)
            gap.rebuilt_end++;
        if (!align_box(align, gap))
            return false;
        i = gap.vendor_end + 1;
        j = gap.rebuilt_end + 1;
    }
    return true;
}

static bool align_both(struct code_pairing *pairing)
{
    struct align align = {strongly_same, pairing, pairing->vendor.partner, pairing->rebuilt.partner, MOST_EDITS, false};
    if (!align_box(&align, (struct align_box){0, pairing->vendor.count, 0, pairing->rebuilt.count}))
        return false;
    align.same = weakly_same;
    align.given_up = false;
    if (!align_gaps(pairing, &align))
        return false;
    pairing->complete = pairing->complete && !align.given_up;
    return true;
}

/* ---- Relations ---- */

/* Where the instructions without a partner that this one is among begin. */
static bool begins_gap(const struct code_side *side, size_t index)
{
    return index == 0 || side->partner[index - 1] != ALIGN_NONE;
}

/*
 * Whether both places are the same one: they belong together, or both stand where one difference begins, which is
 * listed.
 */
static bool same_place(const struct code_pairing *pairing, size_t vendor, size_t rebuilt)
{
    const struct code_side *v = &pairing->vendor, *r = &pairing->rebuilt;
    if (v->partner[vendor] == rebuilt)
        return true;
    if (v->partner[vendor] != ALIGN_NONE && r->partner[rebuilt] != ALIGN_NONE)
        return false;
    if (!begins_gap(v, vendor) || !begins_gap(r, rebuilt))
        return false;
    if (vendor == 0 || rebuilt == 0)
        return vendor == rebuilt;
    return v->partner[vendor - 1] == rebuilt - 1;
}

/* Both go into their own function. */
static bool same_inside(const struct code_pairing *pairing, const struct instruction *a, const struct instruction *b)
{
    size_t vendor = index_at(&pairing->vendor, a->target), rebuilt = index_at(&pairing->rebuilt, b->target);
    const struct instruction *at = &pairing->vendor.items[vendor], *other = &pairing->rebuilt.items[rebuilt];
    if (a->target - at->address != b->target - other->address || !same_place(pairing, vendor, rebuilt))
        return false;
    /* Into the middle of an instruction: its rest must be the same. */
    return a->target == at->address || (pairing->vendor.partner[vendor] == rebuilt && at->size == other->size &&
                                        equal_but_target(pairing, vendor, rebuilt) && at->reference == REFERENCE_NONE);
}

static bool same_target(const struct code_pairing *pairing, size_t vendor, size_t rebuilt)
{
    const struct instruction *a = &pairing->vendor.items[vendor], *b = &pairing->rebuilt.items[rebuilt];
    bool inside = is_inside(&pairing->vendor, a);
    if (a->relocated || b->relocated)
        return a->relocated == b->relocated && ask(pairing, vendor, rebuilt);
    if (a->reference == REFERENCE_NONE || a->partial)
        return true;
    if (inside != is_inside(&pairing->rebuilt, b))
        return false;
    if (!inside)
        return ask(pairing, vendor, rebuilt);
    return same_inside(pairing, a, b);
}

/* jmp and jcc, in one of their two sizes each. */
static bool same_jump(const struct instruction *a, const struct instruction *b)
{
    return a->plain_jump && b->plain_jump && a->id == b->id && a->skeleton == b->skeleton && !a->relocated &&
           !b->relocated;
}

static enum code_relation relation_of(const struct code_pairing *pairing, size_t vendor, size_t rebuilt)
{
    const struct instruction *a = &pairing->vendor.items[vendor], *b = &pairing->rebuilt.items[rebuilt];
    bool equal = equal_but_target(pairing, vendor, rebuilt);
    if (equal || same_jump(a, b)) {
        if (!same_target(pairing, vendor, rebuilt))
            return RELATION_TARGET;
        if (!equal)
            return RELATION_MOVED;
        return memcmp(bytes_of(&pairing->vendor, vendor), bytes_of(&pairing->rebuilt, rebuilt), a->size) == 0
                   ? RELATION_EQUAL
                   : RELATION_MOVED;
    }
    char vendor_text[CODE_TEXT], rebuilt_text[CODE_TEXT];
    bool differ = false;
    int64_t numbers[2];
    decode_text(pairing->vendor.decoder, bytes_of(&pairing->vendor, vendor), a, NULL, vendor_text, CODE_TEXT);
    decode_text(pairing->rebuilt.decoder, bytes_of(&pairing->rebuilt, rebuilt), b, NULL, rebuilt_text, CODE_TEXT);
    if (!decode_equal_but_numbers(vendor_text, rebuilt_text, &differ, &numbers[0], &numbers[1]) || !differ)
        return RELATION_OTHER;
    bool targets =
        a->reference != REFERENCE_NONE && (uint64_t)numbers[0] == a->target && (uint64_t)numbers[1] == b->target;
    return targets ? RELATION_TARGET : RELATION_IMMEDIATE;
}

static bool is_pool_word(const struct instruction *instruction)
{
    return instruction->id == 0;
}

/* Whether both are the same, and complete what belongs together. */
static bool same_pair(const struct code_pairing *pairing, size_t vendor, size_t vendor_pair, size_t rebuilt,
                      size_t rebuilt_pair)
{
    return pairing->vendor.partner[vendor] == rebuilt && pairing->relations[vendor] >= RELATION_MOVED &&
           rebuilt_pair != 0 && rebuilt_pair <= rebuilt &&
           pairing->vendor.partner[vendor - vendor_pair] == rebuilt - rebuilt_pair;
}

/* A partial word of a literal pool stands behind what completes it. */
static bool same_pool_word(const struct code_pairing *pairing, size_t vendor, size_t rebuilt)
{
    size_t pair = pairing->vendor.items[vendor].pair, other = pairing->rebuilt.items[rebuilt].pair;
    return pair != 0 && pair <= vendor && other != 0 && other <= rebuilt &&
           pairing->vendor.partner[vendor - pair] == rebuilt - other &&
           pairing->relations[vendor - pair] >= RELATION_MOVED;
}

/* What completes it is listed where it differs; then a part with equal bytes is not listed once more. */
static bool same_part(const struct code_pairing *pairing, size_t vendor, size_t rebuilt)
{
    bool equal = pairing->relations[vendor] == RELATION_EQUAL;
    uint8_t parts = pairing->vendor.parts[vendor] | pairing->rebuilt.parts[rebuilt];
    if (is_pool_word(&pairing->vendor.items[vendor]))
        return equal || same_pool_word(pairing, vendor, rebuilt);
    /* Nothing that was found completes it: then it stands for itself. */
    if (parts == 0)
        return equal && pairing->vendor.items[vendor].target == pairing->rebuilt.items[rebuilt].target;
    return equal || parts == PART_SAME;
}

/* Partial addresses are judged by what completes them: that stands behind them, so from the last to the first. */
static void judge_parts(struct code_pairing *pairing)
{
    struct code_side *v = &pairing->vendor, *r = &pairing->rebuilt;
    for (size_t j = r->count; j-- > 0;) {
        size_t pair = r->items[j].pair;
        if (pair != 0 && pair <= j && !is_pool_word(&r->items[j]) && r->partner[j] == ALIGN_NONE)
            r->parts[j - pair] |= PART_OTHER;
    }
    for (size_t i = v->count; i-- > 0;) {
        size_t pair = v->items[i].pair, j = v->partner[i];
        if (is_pool_word(&v->items[i]))
            continue;
        if (v->items[i].partial && j != ALIGN_NONE && pairing->relations[i] >= RELATION_MOVED &&
            !same_part(pairing, i, j))
            pairing->relations[i] = RELATION_TARGET;
        if (pair != 0 && pair <= i)
            v->parts[i - pair] |=
                j != ALIGN_NONE && same_pair(pairing, i, pair, j, r->items[j].pair) ? PART_SAME : PART_OTHER;
    }
    for (size_t i = 0; i < v->count; i++) {
        size_t j = v->partner[i];
        if (is_pool_word(&v->items[i]) && v->items[i].partial && j != ALIGN_NONE &&
            pairing->relations[i] >= RELATION_MOVED && !same_part(pairing, i, j))
            pairing->relations[i] = RELATION_TARGET;
    }
}

static void judge(struct code_pairing *pairing)
{
    struct code_side *v = &pairing->vendor, *r = &pairing->rebuilt;
    for (size_t i = 0; i < v->count; i++) {
        size_t j = v->partner[i];
        if (j == ALIGN_NONE)
            continue;
        pairing->relations[i] = relation_of(pairing, i, j);
        /* Nothing runs into a literal pool, so that padding before it is as good as that before a jump's target. */
        if (is_pool_word(&v->items[i]) && v->items[i].decoded)
            v->landed[i] = r->landed[j] = true;
        if (v->items[i].reference == REFERENCE_JUMP && pairing->relations[i] >= RELATION_MOVED &&
            is_inside(v, &v->items[i])) {
            v->landed[index_at(v, v->items[i].target)] = true;
            r->landed[index_at(r, r->items[j].target)] = true;
        }
    }
    judge_parts(pairing);
}

/* ---- Steps ---- */

static bool is_padding(const struct code_side *side, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        if (!side->items[i].nop || side->items[i].relocated || side->landed[i])
            return false;
    }
    return true;
}

/* What linkers fill the end of a function with: nothing comes there but by running on. */
static bool is_filling(const struct code_side *side, size_t begin)
{
    for (size_t i = begin; i < side->count; i++) {
        if ((!side->items[i].nop && !side->items[i].trap) || side->items[i].relocated || side->landed[i])
            return false;
    }
    return begin > 0;
}

bool code_step_next(const struct code_pairing *pairing, struct code_step *step)
{
    const struct code_side *v = &pairing->vendor, *r = &pairing->rebuilt;
    size_t i = step->vendor_end, j = step->rebuilt_end;
    *step = (struct code_step){.vendor_begin = i, .vendor_end = i, .rebuilt_begin = j, .rebuilt_end = j};
    if (i == v->count && j == r->count)
        return false;
    if (i < v->count && j < r->count && v->partner[i] == j) {
        step->paired = true;
        step->relation = pairing->relations[i];
        step->vendor_end++;
        step->rebuilt_end++;
        return true;
    }
    while (step->vendor_end < v->count && v->partner[step->vendor_end] == ALIGN_NONE)
        step->vendor_end++;
    while (step->rebuilt_end < r->count && r->partner[step->rebuilt_end] == ALIGN_NONE)
        step->rebuilt_end++;
    i = step->vendor_end;
    j = step->rebuilt_end;
    step->skipped = is_padding(v, step->vendor_begin, i) && is_padding(r, step->rebuilt_begin, j) && i < v->count &&
                    j < r->count && v->partner[i] == j && v->landed[i] && r->landed[j];
    if (i == v->count && j == r->count)
        step->skipped |= is_filling(v, step->vendor_begin) && is_filling(r, step->rebuilt_begin);
    return true;
}

/* ---- A pairing ---- */

static bool open_side(struct code_pairing *pairing, struct code_side *side, struct decoder *decoder,
                      const struct code *code)
{
    struct list list = {.arena = &pairing->scratch, .item_size = sizeof(struct instruction)};
    side->decoder = decoder;
    side->code = code;
    side->bytes = image_bytes(code->image, code->bytes);
    if (side->bytes == NULL)
        return true;
    if (!decode(decoder, side->bytes, range_size(code->bytes), code->address, pairing->context->most, &list))
        return false;
    side->items = list.items;
    side->count = list.count;
    side->offsets = arena_alloc(&pairing->scratch, list.count, sizeof(*side->offsets));
    side->partner = arena_alloc(&pairing->scratch, list.count, sizeof(*side->partner));
    side->landed = arena_alloc(&pairing->scratch, list.count, sizeof(*side->landed));
    side->parts = arena_alloc(&pairing->scratch, list.count, sizeof(*side->parts));
    if (side->offsets == NULL || side->partner == NULL || side->landed == NULL || side->parts == NULL)
        return false;
    for (size_t i = 0; i < list.count; i++) {
        side->partner[i] = ALIGN_NONE;
        side->offsets[i] = side->end;
        side->end += side->items[i].size;
    }
    pairing->complete = pairing->complete && side->end == range_size(code->bytes);
    return true;
}

bool code_pair(struct decoder *vendor_decoder, const struct code *vendor, struct decoder *rebuilt_decoder,
               const struct code *rebuilt, const struct code_context *context, struct code_pairing *pairing)
{
    *pairing = (struct code_pairing){.context = context, .complete = true};
    if (!open_side(pairing, &pairing->vendor, vendor_decoder, vendor) ||
        !open_side(pairing, &pairing->rebuilt, rebuilt_decoder, rebuilt))
        return false;
    pairing->relations = arena_alloc(&pairing->scratch, pairing->vendor.count, sizeof(*pairing->relations));
    if (pairing->relations == NULL || !align_both(pairing))
        return false;
    judge(pairing);
    return true;
}

void code_pairing_close(struct code_pairing *pairing)
{
    arena_free(&pairing->scratch);
}

const char *code_text(const struct code_pairing *pairing, bool rebuilt, size_t index, char *buffer, size_t size)
{
    const struct code_side *side = rebuilt ? &pairing->rebuilt : &pairing->vendor;
    const struct instruction *instruction = &side->items[index];
    char room[CODE_TEXT / 2];
    const char *name = NULL;
    if (pairing->context->target_name != NULL && !instruction->partial &&
        (instruction->reference != REFERENCE_NONE || instruction->relocated))
        name = pairing->context->target_name(pairing->context->state, rebuilt, instruction,
                                             code_file_range(side, index, index + 1), room, sizeof(room));
    return decode_text(side->decoder, bytes_of(side, index), instruction, name, buffer, size);
}
