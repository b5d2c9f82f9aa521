/* Memory that lives as long as one result: taken in blocks, freed as a whole. */
#include "base.h"

#include <stdlib.h>
#include <string.h>

/* Small enough to stay out of the way of small files, large enough that a table of sections takes few blocks. */
#define BLOCK_SIZE ((size_t)64 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *arena_grow(struct arena *arena, size_t size)
{
    size_t wanted = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    size_t total;
    struct arena_block *block = NULL;
    if (!__builtin_add_overflow(wanted, sizeof(struct arena_block), &total))
        block = calloc(1, total);
    if (block == NULL) {
        arena->exhausted = true;
        return NULL;
    }
    block->size = wanted;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    size_t wanted;
    if (__builtin_mul_overflow(count, size, &wanted) ||
        __builtin_add_overflow(wanted, _Alignof(max_align_t) - 1, &wanted)) {
        arena->exhausted = true;
        return NULL;
    }
    wanted &= ~(_Alignof(max_align_t) - 1);
    if (wanted == 0)
        wanted = _Alignof(max_align_t);
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < wanted)
        block = arena_grow(arena, wanted);
    if (block == NULL)
        return NULL;
    void *memory = block->bytes + block->used;
    block->used += wanted;
    return memory;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = arena_alloc(arena, size, 1);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return arena_strdup(arena, text);
}

void arena_free(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}

void arena_join(struct arena *arena, struct arena *joined)
{
    struct arena_block **end = &arena->blocks;
    while (*end != NULL)
        end = &(*end)->next;
    *end = joined->blocks;
    arena->exhausted |= joined->exhausted;
    *joined = (struct arena){0};
}

bool list_reserve(struct list *list, size_t capacity)
{
    if (capacity <= list->capacity)
        return true;
    void *items = arena_alloc(list->arena, capacity, list->item_size);
    if (items == NULL)
        return false;
    if (list->count > 0)
        memcpy(items, list->items, list->count * list->item_size);
    list->items = items;
    list->capacity = capacity;
    return true;
}

void *list_add(struct list *list)
{
    if (list->count == list->capacity && !list_reserve(list, list->capacity == 0 ? 16 : list->capacity * 2))
        return NULL;
    return (char *)list->items + list->item_size * list->count++;
}
