/* Where two functions differ: the pairing's steps that are no equality, told one by one. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define TEXTS 4

static const char *texts(const struct code_pairing *pairing, bool rebuilt, size_t begin, size_t end,
                         struct arena *arena)
{
    char joined[TEXTS * (CODE_TEXT / 2) + 16], one[CODE_TEXT];
    size_t used = 0;
    joined[0] = 0;
    for (size_t i = begin; i < end && i < begin + TEXTS && used < sizeof(joined); i++) {
        code_text(pairing, rebuilt, i, one, i == begin && end - begin == 1 ? sizeof(one) : CODE_TEXT / 2);
        used += (size_t)snprintf(joined + used, sizeof(joined) - used, "%s%s", i == begin ? "" : "; ", one);
    }
    if (end - begin > TEXTS && used < sizeof(joined))
        snprintf(joined + used, sizeof(joined) - used, "; ...");
    return arena_strdup(arena, joined);
}

static const char *mnemonic(const struct code_pairing *pairing, const struct code_step *step, struct arena *arena)
{
    bool rebuilt = step->vendor_begin == step->vendor_end;
    const struct code_side *side = rebuilt ? &pairing->rebuilt : &pairing->vendor;
    size_t index = rebuilt ? step->rebuilt_begin : step->vendor_begin;
    char buffer[64];
    struct range bytes = code_file_range(side, index, index + 1);
    decode_mnemonic(side->decoder, side->code->image->bytes + bytes.begin, &side->items[index], buffer, sizeof(buffer));
    return arena_strdup(arena, buffer);
}

static int64_t value_of(const struct instruction *instruction)
{
    return instruction->reference != REFERENCE_NONE ? (int64_t)instruction->target : instruction->immediate;
}

/* The first numbers that differ: an immediate, or a displacement. */
static void find_numbers(const struct code_pairing *pairing, const struct code_step *step,
                         struct code_difference *difference)
{
    char vendor_text[CODE_TEXT], rebuilt_text[CODE_TEXT];
    bool differ = false;
    int64_t vendor = 0, rebuilt = 0;
    decode_text(pairing->vendor.decoder, pairing->vendor.code->image->bytes + difference->vendor.begin,
                &pairing->vendor.items[step->vendor_begin], NULL, vendor_text, sizeof(vendor_text));
    decode_text(pairing->rebuilt.decoder, pairing->rebuilt.code->image->bytes + difference->rebuilt.begin,
                &pairing->rebuilt.items[step->rebuilt_begin], NULL, rebuilt_text, sizeof(rebuilt_text));
    if (decode_equal_but_numbers(vendor_text, rebuilt_text, &differ, &vendor, &rebuilt) && differ) {
        difference->vendor_value = vendor;
        difference->rebuilt_value = rebuilt;
    }
}

static enum code_difference_kind kind_of(const struct code_step *step)
{
    if (step->vendor_begin == step->vendor_end)
        return CODE_ONLY_REBUILT;
    if (step->rebuilt_begin == step->rebuilt_end)
        return CODE_ONLY_VENDOR;
    if (!step->paired || step->relation == RELATION_OTHER)
        return CODE_OTHER;
    return step->relation == RELATION_TARGET ? CODE_TARGET : CODE_IMMEDIATE;
}

static bool add_difference(const struct code_pairing *pairing, const struct code_step *step, struct arena *arena,
                           struct code_comparison *comparison)
{
    const struct code_side *v = &pairing->vendor, *r = &pairing->rebuilt;
    struct code_difference *difference = list_add(&comparison->differences);
    if (difference == NULL)
        return false;
    difference->kind = kind_of(step);
    difference->vendor = code_file_range(v, step->vendor_begin, step->vendor_end);
    difference->rebuilt = code_file_range(r, step->rebuilt_begin, step->rebuilt_end);
    difference->vendor_count = step->vendor_end - step->vendor_begin;
    difference->rebuilt_count = step->rebuilt_end - step->rebuilt_begin;
    if (difference->vendor_count > 0)
        difference->vendor_first = v->items[step->vendor_begin];
    if (difference->rebuilt_count > 0)
        difference->rebuilt_first = r->items[step->rebuilt_begin];
    difference->vendor_value = value_of(&difference->vendor_first);
    difference->rebuilt_value = value_of(&difference->rebuilt_first);
    if (difference->kind == CODE_IMMEDIATE)
        find_numbers(pairing, step, difference);
    difference->vendor_text = texts(pairing, false, step->vendor_begin, step->vendor_end, arena);
    difference->rebuilt_text = texts(pairing, true, step->rebuilt_begin, step->rebuilt_end, arena);
    difference->mnemonic = mnemonic(pairing, step, arena);
    comparison->changed_vendor += difference->vendor_count;
    comparison->changed_rebuilt += difference->rebuilt_count;
    comparison->identical_shape = comparison->identical_shape && difference->kind == CODE_TARGET;
    return difference->vendor_text != NULL && difference->rebuilt_text != NULL && difference->mnemonic != NULL;
}

/* What was not decoded, because it is too much, differs unless its bytes are the same. */
static bool add_rest(const struct code_pairing *pairing, struct arena *arena, struct code_comparison *comparison)
{
    const struct code_side *v = &pairing->vendor, *r = &pairing->rebuilt;
    struct range vendor = {v->code->bytes.begin + v->end, v->code->bytes.end};
    struct range rebuilt = {r->code->bytes.begin + r->end, r->code->bytes.end};
    const uint8_t *a = image_bytes(v->code->image, vendor), *b = image_bytes(r->code->image, rebuilt);
    if (range_empty(vendor) && range_empty(rebuilt))
        return true;
    if (a != NULL && b != NULL && range_size(vendor) == range_size(rebuilt) && memcmp(a, b, range_size(vendor)) == 0)
        return true;
    struct code_difference *difference = list_add(&comparison->differences);
    if (difference == NULL)
        return false;
    difference->vendor = vendor;
    difference->rebuilt = rebuilt;
    difference->vendor_text = range_empty(vendor) ? "" : "...";
    difference->rebuilt_text = range_empty(rebuilt) ? "" : "...";
    difference->mnemonic = arena_strdup(arena, "...");
    comparison->identical_shape = false;
    return difference->mnemonic != NULL;
}

static size_t count_lost(const struct code_side *side)
{
    size_t lost = 0;
    for (size_t i = 0; i < side->count; i++)
        lost += !side->items[i].decoded;
    return lost;
}

/* A run of pairs that differ in opcode or registers, and of what has no partner, is one difference. */
static bool joins(const struct code_step *step)
{
    return !step->skipped && (!step->paired || step->relation == RELATION_OTHER);
}

static bool list_differences(const struct code_pairing *pairing, struct arena *arena,
                             struct code_comparison *comparison)
{
    struct code_step step = {0}, run = {0};
    bool running = false;
    while (code_step_next(pairing, &step)) {
        if (joins(&step)) {
            if (!running)
                run = step;
            run.paired = false;
            run.vendor_end = step.vendor_end;
            run.rebuilt_end = step.rebuilt_end;
            running = true;
            continue;
        }
        if (running && !add_difference(pairing, &run, arena, comparison))
            return false;
        running = false;
        comparison->equal += step.paired && step.relation == RELATION_EQUAL;
        comparison->moved += step.skipped || (step.paired && step.relation == RELATION_MOVED);
        if (!step.skipped && step.relation < RELATION_MOVED && !add_difference(pairing, &step, arena, comparison))
            return false;
    }
    return !running || add_difference(pairing, &run, arena, comparison);
}

bool code_compare(struct decoder *vendor_decoder, const struct code *vendor, struct decoder *rebuilt_decoder,
                  const struct code *rebuilt, const struct code_context *context, struct arena *arena,
                  struct code_comparison *comparison)
{
    struct code_pairing pairing;
    *comparison = (struct code_comparison){
        .differences = {.arena = arena, .item_size = sizeof(struct code_difference)},
        .identical_shape = true,
    };
    bool made = code_pair(vendor_decoder, vendor, rebuilt_decoder, rebuilt, context, &pairing) &&
                list_differences(&pairing, arena, comparison) && add_rest(&pairing, arena, comparison);
    comparison->complete = made && pairing.complete;
    comparison->lost = count_lost(&pairing.vendor) + count_lost(&pairing.rebuilt);
    code_pairing_close(&pairing);
    return made;
}
