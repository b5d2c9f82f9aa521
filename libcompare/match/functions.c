/*
 * Which piece of code is which: by a name that each side has once, by content that each side has once, then by what
 * stands beside those. What could be either of two stays without a partner.
 */
#include "parts.h"

#define XXH_STATIC_LINKING_ONLY /* its state can live on the stack */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define ROUNDS 3 /* who calls one that was alike may be alike, too */

static void pair(struct matchmaking *m, size_t vendor, size_t rebuilt, enum evidence evidence)
{
    struct code_piece *a = &m->spaces[0].code[vendor], *b = &m->spaces[1].code[rebuilt];
    a->partner = rebuilt;
    b->partner = vendor;
    a->evidence = b->evidence = evidence;
}

/* Only pieces of one section, and of one state of the decoder. */
static bool may_pair(const struct matchmaking *m, const struct code_piece *a, const struct code_piece *b)
{
    if (a->partner != SIZE_MAX || b->partner != SIZE_MAX || a->thumb != b->thumb)
        return false;
    const struct section *section = &m->spaces[0].image->sections[a->section];
    const struct section *partner = section_partner(m->spaces[0].image, m->spaces[1].image, section);
    return partner != NULL && partner->index == b->section;
}

/* ---- By what each side has once ---- */

struct key {
    const char *name; /* NULL: by hash */
    uint64_t hash;
    size_t index, side;
};

static int key_compare(const struct key *a, const struct key *b)
{
    if (a->name == NULL || b->name == NULL)
        return (a->hash > b->hash) - (a->hash < b->hash);
    return strcmp(a->name, b->name);
}

static int key_order(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    int order = key_compare(a, b);
    if (order != 0)
        return order;
    if (a->side != b->side)
        return a->side < b->side ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

enum by { BY_NAME, BY_PLAIN_NAME, BY_CONTENT, BY_REFERENCES };

/* What an address is to both sides: a place in functions that are paired, a text. 0: nothing that is known by now. */
static uint64_t identity(const struct matchmaking *m, size_t side, const struct code_piece *own, uint64_t address)
{
    const struct space *space = &m->spaces[side];
    const struct code_piece *piece = space_code_at(space, address);
    if (piece != NULL) {
        bool paired = piece == own || piece->partner != SIZE_MAX;
        size_t index = piece == own ? SIZE_MAX
                       : !paired    ? 0
                       : side == 0  ? (size_t)(piece - space->code)
                                    : piece->partner;
        uint64_t shown[2] = {index, paired ? address - piece->address : 0};
        return XXH3_64bits(shown, sizeof(shown));
    }
    return hash_text(space->image, address);
}

/* Over the code, and what it refers to: alike functions that call others are told apart by that. */
static uint64_t hash_references(const struct matchmaking *m, size_t side, const struct code_piece *piece)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, &piece->hash, sizeof(piece->hash));
    for (size_t i = 0; i < piece->site_count; i++) {
        const struct site *site = &m->spaces[side].sites[piece->site + i];
        uint64_t target = site->kind <= SITE_DATA ? identity(m, side, piece, site->target) : 0;
        XXH3_64bits_update(&state, &target, sizeof(target));
    }
    return XXH3_64bits_digest(&state);
}

static bool key_of(const struct matchmaking *m, size_t side, const struct code_piece *piece, enum by by,
                   struct key *key)
{
    bool content = by >= BY_CONTENT;
    if (content && piece->stub)
        return false;
    if (piece->partner != SIZE_MAX || (content ? piece->hash == 0 : piece->name == NULL))
        return false;
    *key = (struct key){.name = by == BY_NAME ? piece->name : NULL,
                        .hash = by == BY_REFERENCES   ? hash_references(m, side, piece)
                                : by == BY_CONTENT    ? piece->hash
                                : by == BY_PLAIN_NAME ? hash_plain_name(piece->name)
                                                      : 0};
    return true;
}

/* Names that differ are no names of one thing, but for the compiler's numbers. */
static bool names_agree(const struct code_piece *a, const struct code_piece *b)
{
    if (a->name == NULL || b->name == NULL)
        return a->name == b->name;
    return strcmp(a->name, b->name) == 0 || hash_plain_name(a->name) == hash_plain_name(b->name);
}

static void pair_once(struct matchmaking *m, enum by by)
{
    size_t most = m->spaces[0].code_count + m->spaces[1].code_count, count = 0;
    struct key *keys = calloc(most + 1, sizeof(*keys));
    m->out_of_memory |= keys == NULL;
    for (size_t side = 0; keys != NULL && side < 2; side++) {
        for (size_t i = 0; i < m->spaces[side].code_count; i++) {
            if (!key_of(m, side, &m->spaces[side].code[i], by, &keys[count]))
                continue;
            keys[count].index = i;
            keys[count++].side = side;
        }
    }
    sort_items(keys, count, sizeof(*keys), key_order);
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && key_compare(&keys[i], &keys[end]) == 0)
            end++;
        if (end - i == 2 && keys[i].side != keys[i + 1].side) {
            const struct code_piece *a = &m->spaces[0].code[keys[i].index], *b = &m->spaces[1].code[keys[i + 1].index];
            if (may_pair(m, a, b) && (by < BY_CONTENT || names_agree(a, b)))
                pair(m, keys[i].index, keys[i + 1].index, by < BY_CONTENT ? EVIDENCE_NAME : EVIDENCE_CONTENT);
        }
        i = end;
    }
    free(keys);
}

/* ---- By what stands beside ---- */

/* From each pair on, in one direction, as long as what follows is alike. */
static void pair_beside(struct matchmaking *m, bool forward)
{
    const struct space *a = &m->spaces[0], *b = &m->spaces[1];
    for (size_t n = 0; n < a->code_count; n++) {
        size_t i = forward ? n : a->code_count - 1 - n, k = a->code[i].partner;
        if (k == SIZE_MAX)
            continue;
        size_t next = forward ? i + 1 : i - 1, other = forward ? k + 1 : k - 1;
        if (next < a->code_count && other < b->code_count && a->code[next].hash != 0 && !a->code[next].stub &&
            a->code[next].hash == b->code[other].hash && names_agree(&a->code[next], &b->code[other]) &&
            may_pair(m, &a->code[next], &b->code[other]))
            pair(m, next, other, EVIDENCE_ORDER);
    }
}

/* Between two pairs that follow each other on both sides: as many on either, in their order. */
static void pair_between(struct matchmaking *m)
{
    const struct space *a = &m->spaces[0], *b = &m->spaces[1];
    size_t left = 0;
    bool begun = false;
    for (size_t i = 0; i <= a->code_count; i++) {
        size_t end = i < a->code_count ? a->code[i].partner : b->code_count;
        if (end == SIZE_MAX)
            continue;
        size_t begin = begun ? a->code[left].partner + 1 : 0, first = begun ? left + 1 : 0;
        bool even = end >= begin && end - begin == i - first;
        for (size_t k = begin; k < end && even; k++)
            even = b->code[k].partner == SIZE_MAX;
        for (size_t k = 0; even && k < i - first; k++) {
            if (names_agree(&a->code[first + k], &b->code[begin + k]) &&
                may_pair(m, &a->code[first + k], &b->code[begin + k]))
                pair(m, first + k, begin + k, EVIDENCE_ORDER);
        }
        left = i;
        begun = true;
    }
}

/* ---- By who calls ---- */

/*
 * Stubs of the linker, all alike: those that the n-th calls of two alike functions lead to. That is no excuse for the
 * calls, for what a stub reads is looked at.
 */
static void pair_stubs(struct matchmaking *m)
{
    struct space *a = &m->spaces[0], *b = &m->spaces[1];
    for (size_t i = 0; i < a->code_count; i++) {
        const struct code_piece *x = &a->code[i], *y = x->partner != SIZE_MAX ? &b->code[x->partner] : NULL;
        if (y == NULL || x->hash == 0 || x->hash != y->hash)
            continue;
        for (size_t k = 0; k < x->site_count && k < y->site_count; k++) {
            const struct site *call = &a->sites[x->site + k], *other = &b->sites[y->site + k];
            const struct code_piece *p = call->kind == SITE_CALL ? space_code_at(a, call->target) : NULL;
            const struct code_piece *q = other->kind == SITE_CALL ? space_code_at(b, other->target) : NULL;
            if (p != NULL && q != NULL && p->stub && q->stub && may_pair(m, p, q))
                pair(m, (size_t)(p - a->code), (size_t)(q - b->code), EVIDENCE_ORDER);
        }
    }
}

/* ---- Counterparts ---- */

static bool pieces_equal(const struct matchmaking *m, const struct code_piece *a, const struct code_piece *b)
{
    const struct space *vendor = &m->spaces[0], *rebuilt = &m->spaces[1];
    if (a->size != b->size || a->known != b->known || (a->known && a->hash != b->hash))
        return false;
    struct sites x = {.items = vendor->sites + a->site, .count = a->site_count};
    struct sites y = {.items = rebuilt->sites + b->site, .count = b->site_count};
    x.undecoded = !a->ordinary;
    y.undecoded = !b->ordinary;
    x.falls_through = a->falls_through;
    y.falls_through = b->falls_through;
    return sites_equal(vendor->image->bytes + a->bytes.begin, &x, rebuilt->image->bytes + b->bytes.begin, &y, a->size);
}

void functions_pair(struct matchmaking *m)
{
    pair_once(m, BY_NAME);
    pair_once(m, BY_CONTENT);
    pair_once(m, BY_PLAIN_NAME);
    for (size_t i = 0; i < ROUNDS; i++)
        pair_once(m, BY_REFERENCES);
    /* Of functions that several objects have, each has its own neighbours; the last one that is left has the name alone. */
    for (size_t i = 0; i < 2; i++) {
        pair_beside(m, true);
        pair_beside(m, false);
        pair_once(m, BY_NAME);
        pair_once(m, BY_REFERENCES);
    }
    pair_stubs(m);
    pair_between(m);
    for (size_t i = 0; i < m->spaces[0].code_count && !m->out_of_memory; i++) {
        struct code_piece *a = &m->spaces[0].code[i];
        if (a->partner == SIZE_MAX)
            continue;
        struct code_piece *b = &m->spaces[1].code[a->partner];
        a->equal = b->equal = pieces_equal(m, a, b);
        if (a->equal)
            counterpart_add(m, a->address, b->address, a->size, a->evidence, true);
        else
            changed_pair(m, a, b);
    }
}
