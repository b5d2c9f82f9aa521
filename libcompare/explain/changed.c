/* Functions that are not proven to have only moved: their names and the lines where they differ first. */
#include "parts.h"

#define CHANGED_MOST 1000u

/* The first byte of the function that something is told of, or its begin. */
static uint64_t first_told(const struct explaining *e, size_t side, struct range bytes)
{
    const struct account *account = side == 0 ? &e->input->comparison->vendor : &e->input->comparison->rebuilt;
    size_t low = 0, high = account->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (account->entries[middle].range.end > bytes.begin)
            high = middle;
        else
            low = middle + 1;
    }
    for (; low < account->count && account->entries[low].range.begin < bytes.end; low++) {
        const struct entry *entry = &account->entries[low];
        if (is_to_tell(entry->standing, entry->rule))
            return entry->range.begin > bytes.begin ? entry->range.begin : bytes.begin;
    }
    return bytes.begin;
}

static void tell_side(struct explaining *e, struct place *place, size_t side, struct range bytes)
{
    struct debug_place found;
    if (range_empty(bytes))
        return;
    place_set(e, place, side, bytes);
    place_symbol(e, place, side);
    if (!place_of_code(e, side, first_told(e, side, bytes), &found))
        return;
    place->source = found.frames[0].file;
    place->line = found.frames[0].line;
}

void changed_tell(struct explaining *e, struct explanation *explanation)
{
    const struct moved *moved = e->input->moved;
    if (moved == NULL || !moved->tried || moved->changed_count == 0)
        return;
    size_t count = moved->changed_count < CHANGED_MOST ? moved->changed_count : CHANGED_MOST;
    struct changed_function *changed = arena_alloc(e->arena, count, sizeof(*changed));
    e->out_of_memory |= changed == NULL;
    for (size_t i = 0; changed != NULL && i < count; i++) {
        changed[i].equal = moved->changed[i].equal;
        tell_side(e, &changed[i].vendor, 0, moved->changed[i].vendor);
        tell_side(e, &changed[i].rebuilt, 1, moved->changed[i].rebuilt);
    }
    explanation->changed = changed;
    explanation->changed_count = changed != NULL ? count : 0;
    explanation->changed_left_out = moved->changed_count - explanation->changed_count;
}
