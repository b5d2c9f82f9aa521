/* The normal form: claims of the accepted rules, then their layout into pieces; and the only equality that acquits. */
#include <stdlib.h>
#include <string.h>

#include "rules.h"

int normal_form_build(const struct image *image, const struct rule_set *rules, struct normal_form *form,
                      struct compare_error *error)
{
    memset(form, 0, sizeof(*form));
    form->image = image;
    struct claims claims = {
        .image = image,
        .rules = rules,
        .asides = {.arena = &form->arena, .item_size = sizeof(struct aside)},
        .error = error,
    };
    claims.sections = arena_alloc(&form->arena, image->section_count + 1, sizeof(bool));
    claims.referred = arena_alloc(&form->arena, image->section_count + 1, sizeof(bool));
    if (claims.sections == NULL || claims.referred == NULL)
        claims_no_memory(&claims);
    /* The rules for linked files rest on how Linux loads them: by program headers. Other machines' loaders may not. */
    claims.applicable =
        image->anomaly_count == 0 && (image_is_relocatable(image) || (image_is_linked(image) && image->runs_on_linux));
    if (claims.applicable && claims.failure == 0 && image_is_relocatable(image))
        claims.applicable = references_find(image, claims.referred);
    for (size_t i = 0; i < RULE_FILES && claims.applicable && claims.failure == 0; i++) {
        if (rules->accepted[i] && rule_table[i].claim != NULL)
            rule_table[i].claim(&claims);
    }
    if (claims.failure != 0)
        return claims.failure;
    int status = layout_build(&claims, form, error);
    return claims.failure != 0 ? claims.failure : status;
}

void normal_form_close(struct normal_form *form)
{
    for (size_t i = 0; i < form->content_count; i++)
        content_free(&form->contents[i]);
    arena_free(&form->arena);
    memset(form, 0, sizeof(*form));
}

/* ---- Equality ---- */

struct cursor {
    const struct normal_form *form;
    size_t piece;
    uint64_t used; /* of that piece */
};

static uint64_t cursor_left(struct cursor *cursor)
{
    while (cursor->piece < cursor->form->piece_count && cursor->used == cursor->form->pieces[cursor->piece].size) {
        cursor->piece++;
        cursor->used = 0;
    }
    return cursor->piece < cursor->form->piece_count ? cursor->form->pieces[cursor->piece].size - cursor->used : 0;
}

static bool zero_bytes(const uint8_t *bytes, uint64_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static bool pieces_equal(const struct cursor *vendor, const struct cursor *rebuilt, uint64_t size)
{
    const uint8_t *a = vendor->form->pieces[vendor->piece].bytes, *b = rebuilt->form->pieces[rebuilt->piece].bytes;
    if (a != NULL && b != NULL)
        return memcmp(a + vendor->used, b + rebuilt->used, size) == 0;
    if (a != NULL)
        return zero_bytes(a + vendor->used, size);
    return b == NULL || zero_bytes(b + rebuilt->used, size);
}

bool normal_forms_equal(const struct normal_form *vendor, const struct normal_form *rebuilt)
{
    struct cursor a = {.form = vendor}, b = {.form = rebuilt};
    if (vendor->size != rebuilt->size)
        return false;
    for (;;) {
        uint64_t left_a = cursor_left(&a), left_b = cursor_left(&b), size = left_a < left_b ? left_a : left_b;
        if (size == 0)
            return left_a == left_b;
        if (!pieces_equal(&a, &b, size))
            return false;
        a.used += size;
        b.used += size;
    }
}

bool normal_form_restates(const struct normal_form *form)
{
    for (size_t i = 0; i < form->piece_count; i++) {
        if (form->pieces[i].anchor != 0)
            return true;
    }
    return form->content_count > 0;
}

/* ---- Looking things up ---- */

const struct aside *normal_form_aside(const struct normal_form *form, uint64_t file_offset)
{
    size_t low = 0, high = form->aside_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (form->asides[middle].range.end > file_offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low < form->aside_count ? &form->asides[low] : NULL;
}

const struct piece *normal_form_piece(const struct normal_form *form, uint64_t file_offset)
{
    size_t low = 0, high = form->sourced_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (form->sourced[middle]->source.end > file_offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low < form->sourced_count && form->sourced[low]->source.begin <= file_offset ? form->sourced[low] : NULL;
}

int normal_form_each(const struct normal_form *form, int (*take)(void *state, const uint8_t *bytes, size_t size),
                     void *state)
{
    static const uint8_t zeros[4096];
    int status = 0;
    for (size_t i = 0; i < form->piece_count && status == 0; i++) {
        const struct piece *piece = &form->pieces[i];
        for (uint64_t at = 0; piece->bytes == NULL && at < piece->size && status == 0; at += sizeof(zeros))
            status = take(state, zeros, piece->size - at < sizeof(zeros) ? piece->size - at : sizeof(zeros));
        if (piece->bytes != NULL && piece->size > 0)
            status = take(state, piece->bytes, piece->size);
    }
    return status;
}
