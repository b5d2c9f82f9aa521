/*
 * What stands elsewhere on the other side: tokens of data that no alignment found, by their content. First single ones
 * that both sides have once: strings, mostly. Later, where no reference tells, several in a row: tables of numbers, of
 * which each that both sides have once goes on as far as what stands beside it is the same.
 */
#include "parts.h"

#include <stdlib.h>
#include <xxhash.h>

#define ROW          4 /* tokens that follow each other: numbers are short, and alike */
#define UNIQUE_LEAST 5 /* bytes of a single token, to be known by its content alone */

struct row {
    uint64_t hash;
    size_t place; /* of its first token in the side's list */
    size_t side;
};

static int row_order(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return (a->side > b->side) - (a->side < b->side);
}

/* Whether the next token of a list follows this one with zero bytes between at most. */
static bool is_followed(const struct list *tokens, size_t place)
{
    const struct token *items = tokens->items;
    return place + 1 < tokens->count && items[place + 1].number == items[place].number + 1;
}

/* Over the tokens of a row and their distances; 0: there is no such row. */
static uint64_t hash_row(const struct list *tokens, size_t place, size_t length)
{
    const struct token *items = tokens->items;
    uint64_t shown[2 * ROW];
    for (size_t i = 0; i < length; i++) {
        const struct token *token = &items[place + i];
        if (token->paired || (i + 1 < length && !is_followed(tokens, place + i)))
            return 0;
        shown[2 * i] = token->hash;
        shown[2 * i + 1] = token->address - items[place].address;
    }
    if (length == 1 && items[place].size < UNIQUE_LEAST && !items[place].named)
        return 0;
    return XXH3_64bits(shown, 2 * length * sizeof(*shown)) | 1;
}

/* Whether two tokens are alike, and as far from each other as those two. */
static bool goes_on(const struct token *a, const struct token *b, const struct token *from_a,
                    const struct token *from_b)
{
    return !a->paired && !b->paired && a->hash == b->hash && a->size == b->size &&
           a->address - from_a->address == b->address - from_b->address;
}

static void pair_row(struct matchmaking *m, struct list leftovers[2], size_t a, size_t b, bool alone)
{
    struct token *x = leftovers[0].items, *y = leftovers[1].items;
    size_t before = 0, count = 0;
    if (!goes_on(&x[a], &y[b], &x[a], &y[b]))
        return;
    while (!alone && before < a && before < b && is_followed(&leftovers[0], a - before - 1) &&
           is_followed(&leftovers[1], b - before - 1) && goes_on(&x[a - before - 1], &y[b - before - 1], &x[a], &y[b]))
        before++;
    struct token *first_a = &x[a - before], *first_b = &y[b - before];
    do {
        first_a[count].paired = first_b[count].paired = true;
        count++;
    } while (!alone && is_followed(&leftovers[0], a - before + count - 1) &&
             is_followed(&leftovers[1], b - before + count - 1) &&
             goes_on(&first_a[count], &first_b[count], first_a, first_b));
    const struct token *last = &first_a[count - 1];
    counterpart_add(m, first_a->address, first_b->address, last->address + last->size - first_a->address,
                    EVIDENCE_CONTENT, false);
}

static void pair_rows(struct matchmaking *m, struct list leftovers[2], size_t length)
{
    size_t count = 0;
    struct row *rows = calloc(leftovers[0].count + leftovers[1].count + 1, sizeof(*rows));
    m->out_of_memory |= rows == NULL;
    for (size_t side = 0; rows != NULL && side < 2; side++) {
        for (size_t i = 0; i + length <= leftovers[side].count; i++) {
            uint64_t hash = hash_row(&leftovers[side], i, length);
            if (hash != 0)
                rows[count++] = (struct row){hash, i, side};
        }
    }
    sort_items(rows, count, sizeof(*rows), row_order);
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && rows[end].hash == rows[i].hash)
            end++;
        if (end - i == 2 && rows[i].side != rows[i + 1].side)
            pair_row(m, leftovers, rows[i].place, rows[i + 1].place, length == 1);
        i = end;
    }
    free(rows);
}

void leftovers_pair(struct matchmaking *m, struct list leftovers[2])
{
    pair_rows(m, leftovers, 1);
}

bool rows_pair(struct matchmaking *m, const struct correspondence *map)
{
    size_t before = m->found.count;
    struct left_over *left = m->left_over.items;
    for (size_t i = 0; i < m->left_over.count && !m->out_of_memory; i++) {
        for (size_t side = 0; side < 2; side++) {
            struct token *tokens = left[i].sides[side].items;
            for (size_t k = 0; k < left[i].sides[side].count; k++)
                tokens[k].paired = counterpart_at(map, side, tokens[k].address) != NULL ||
                                   counterpart_at(map, side, tokens[k].address + tokens[k].size - 1) != NULL;
        }
        pair_rows(m, left[i].sides, ROW);
    }
    return m->found.count > before;
}
