/*
 * Which object of one section is which: by a name that each side has once, and by what is paired already. Objects of
 * thread storage are not told apart: code counts them from its begin.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- Those of a side ---- */

static bool read_objects(const struct symbols *symbols, const struct section *section, struct list *objects)
{
    uint64_t section_end = section->address + section->size, done = section->address;
    for (size_t i = symbols_from_address(symbols, done);
         i < symbols->by_address_count && symbols->by_address[i]->address < section_end; i++) {
        const struct symbol *symbol = symbols->by_address[i];
        if (symbol->type != STT_OBJECT || symbol->name == NULL || symbol->size == 0 || symbol->guessed ||
            symbol->address < done || symbol->size > section_end - symbol->address || symbol->section != section->index)
            continue;
        struct object *object = list_add(objects);
        if (object == NULL)
            return false;
        *object = (struct object){{symbol->address, symbol->address + symbol->size}, symbol->name, SIZE_MAX};
        done = object->addresses.end;
    }
    return true;
}

static int object_order(const void *left, const void *right)
{
    const struct object *a = left, *b = right;
    if (a->addresses.begin != b->addresses.begin)
        return a->addresses.begin < b->addresses.begin ? -1 : 1;
    return (a->name != NULL) - (b->name != NULL);
}

/* What is paired already in this section, in between; what has a name does not count where they overlap. */
static bool add_paired(const struct matchmaking *m, const struct section *section, size_t side, size_t before,
                       struct list *objects)
{
    const struct counterpart *found = m->found.items;
    for (size_t i = 0; i < before; i++) {
        uint64_t address = side == 0 ? found[i].vendor : found[i].rebuilt;
        if (found[i].code || address - section->address >= section->size)
            continue;
        struct object *object = list_add(objects);
        if (object == NULL)
            return false;
        *object = (struct object){{address, address + found[i].size}, NULL, i};
    }
    struct object *all = objects->items;
    size_t kept = 0;
    sort_items(all, objects->count, sizeof(*all), object_order);
    for (size_t i = 0; i < objects->count; i++) {
        bool named = all[i].name != NULL, after = kept > 0 && all[i].addresses.begin < all[kept - 1].addresses.end;
        bool hides = named && i + 1 < objects->count && all[i + 1].name == NULL &&
                     all[i + 1].addresses.begin < all[i].addresses.end;
        if (!named || (!after && !hides))
            all[kept++] = all[i];
    }
    objects->count = kept;
    return true;
}

/* ---- Pairing ---- */

/* Those that were paired before, by the index of their counterpart. */
static bool pair_paired(const struct objects *a, const struct objects *b, size_t before)
{
    size_t *places = calloc(before + 1, sizeof(*places));
    if (places == NULL)
        return false;
    for (size_t i = 0; i < b->count; i++) {
        if (b->items[i].name == NULL)
            places[b->items[i].partner] = i + 1;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->items[i].name != NULL)
            continue;
        size_t place = places[a->items[i].partner];
        a->items[i].partner = place > 0 ? place - 1 : SIZE_MAX;
        if (place > 0)
            b->items[place - 1].partner = i;
    }
    free(places);
    return true;
}

struct named_object {
    uint64_t hash; /* of the plain name; 0 where whole names are compared */
    struct object *object;
};

static int named_order(const void *left, const void *right)
{
    const struct named_object *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->hash != 0 ? 0 : strcmp(a->object->name, b->object->name);
}

/* What has a name and no partner. */
static struct named_object *by_name(const struct objects *objects, bool plain, struct arena *arena, size_t *count)
{
    struct named_object *list = arena_alloc(arena, objects->count + 1, sizeof(*list));
    *count = 0;
    for (size_t i = 0; list != NULL && i < objects->count; i++) {
        struct object *object = &objects->items[i];
        if (object->name != NULL && object->partner == SIZE_MAX)
            list[(*count)++] = (struct named_object){plain ? hash_plain_name(object->name) | 1 : 0, object};
    }
    if (list != NULL)
        sort_items(list, *count, sizeof(*list), named_order);
    return list;
}

static bool is_once(const struct named_object *list, size_t count, size_t i)
{
    return (i == 0 || named_order(&list[i - 1], &list[i]) != 0) &&
           (i + 1 == count || named_order(&list[i + 1], &list[i]) != 0);
}

static bool pair_named(const struct objects *a, const struct objects *b, bool plain, struct arena *arena)
{
    size_t count_a, count_b;
    struct named_object *x = by_name(a, plain, arena, &count_a), *y = by_name(b, plain, arena, &count_b);
    for (size_t i = 0, k = 0; x != NULL && y != NULL && i < count_a && k < count_b;) {
        int order = named_order(&x[i], &y[k]);
        if (order == 0 && is_once(x, count_a, i) && is_once(y, count_b, k) &&
            range_size(x[i].object->addresses) == range_size(y[k].object->addresses)) {
            x[i].object->partner = (size_t)(y[k].object - b->items);
            y[k].object->partner = (size_t)(x[i].object - a->items);
        }
        i += order <= 0;
        k += order >= 0;
    }
    return x != NULL && y != NULL;
}

bool objects_pair(const struct matchmaking *m, const struct section *const sections[2], size_t before,
                  struct arena *arena, struct objects objects[2])
{
    bool named = ((sections[0]->flags | sections[1]->flags) & SHF_TLS) == 0;
    for (size_t side = 0; side < 2; side++) {
        struct list list = {.arena = arena, .item_size = sizeof(struct object)};
        if ((named && !read_objects(m->spaces[side].symbols, sections[side], &list)) ||
            !add_paired(m, sections[side], side, before, &list))
            return false;
        objects[side] = (struct objects){list.items, list.count};
    }
    return pair_paired(&objects[0], &objects[1], before) && pair_named(&objects[0], &objects[1], false, arena) &&
           pair_named(&objects[0], &objects[1], true, arena);
}
