/*
 * Which symbol a byte belongs to, where symbols nest and overlap: one sweep over their beginnings with a heap of those
 * that are open, whose top is the best. The outcome is a flat list, so that each question is one binary search, and a
 * million symbols at one address cost no more than elsewhere.
 */
#include <stdlib.h>
#include <string.h>

#include "symbols.h"

bool symbol_is_mapping(const struct symbol *symbol)
{
    const char *name = symbol->name;
    return symbol->type == STT_NOTYPE && name != NULL && name[0] == '$' && name[1] != '\0' &&
           strchr("atdx", name[1]) != NULL;
}

bool symbol_is_subject(const struct symbol *symbol)
{
    return symbol_is_function(symbol) || symbol->type == STT_OBJECT || symbol->type == STT_TLS;
}

struct range symbol_offsets(const struct symbol *symbol)
{
    return symbol->bytes;
}

/* A label without a size is at its address only. */
struct range symbol_addresses(const struct symbol *symbol)
{
    struct range range;
    uint64_t size = symbol->size > 0 ? symbol->size : 1;
    if (!range_make(symbol->address, size, &range))
        range.end = UINT64_MAX;
    return range;
}

/* ---- The order of preference: lower is better ---- */

static unsigned rank(const struct symbol *symbol)
{
    if (symbol->size == 0)
        return 2;
    return symbol_is_subject(symbol) ? 0 : 1;
}

static bool is_named(const struct symbol *symbol)
{
    return symbol->name != NULL && symbol->name[0] != '\0';
}

static bool is_better(const struct symbol *a, const struct symbol *b)
{
    if (rank(a) != rank(b))
        return rank(a) < rank(b);
    if (a->size != b->size)
        return a->size < b->size;
    if ((a->bind == STB_LOCAL) != (b->bind == STB_LOCAL))
        return b->bind == STB_LOCAL;
    if (is_named(a) != is_named(b))
        return is_named(a);
    if (a->source != b->source)
        return a->source > b->source;
    return a < b; /* both are in one array */
}

/* ---- The heap ---- */

struct sweep {
    const struct symbol **heap;
    size_t open;
    struct range (*range_of)(const struct symbol *);
    struct symbol_cover *covers;
    size_t count;
};

static void push(struct sweep *sweep, const struct symbol *symbol)
{
    size_t at = sweep->open++;
    for (; at > 0 && is_better(symbol, sweep->heap[(at - 1) / 2]); at = (at - 1) / 2)
        sweep->heap[at] = sweep->heap[(at - 1) / 2];
    sweep->heap[at] = symbol;
}

static void pop(struct sweep *sweep)
{
    const struct symbol *last = sweep->heap[--sweep->open];
    size_t at = 0;
    for (size_t child = 1; child < sweep->open; child = 2 * at + 1) {
        if (child + 1 < sweep->open && is_better(sweep->heap[child + 1], sweep->heap[child]))
            child++;
        if (!is_better(sweep->heap[child], last))
            break;
        sweep->heap[at] = sweep->heap[child];
        at = child;
    }
    sweep->heap[at] = last;
}

static void emit(struct sweep *sweep, uint64_t begin, const struct symbol *best)
{
    if (sweep->count > 0 && sweep->covers[sweep->count - 1].best == best)
        return;
    sweep->covers[sweep->count++] = (struct symbol_cover){begin, best};
}

/* Each step opens a symbol or closes one, so that there are at most twice as many covers as symbols, and one. */
static void run(struct sweep *sweep, const struct symbol *const *symbols, size_t count)
{
    size_t next = 0;
    uint64_t at = 0;
    while (next < count || sweep->open > 0) {
        while (sweep->open > 0 && sweep->range_of(sweep->heap[0]).end <= at)
            pop(sweep);
        if (sweep->open == 0) {
            emit(sweep, at, NULL);
            if (next == count)
                return;
            at = sweep->range_of(symbols[next]).begin;
        }
        while (next < count && sweep->range_of(symbols[next]).begin <= at)
            push(sweep, symbols[next++]);
        emit(sweep, at, sweep->heap[0]);
        at = sweep->range_of(sweep->heap[0]).end;
        if (next < count && sweep->range_of(symbols[next]).begin < at)
            at = sweep->range_of(symbols[next]).begin;
    }
}

bool covers_make(const struct symbol *const *symbols, size_t count, struct range (*range_of)(const struct symbol *),
                 struct symbol_cover **covers, size_t *cover_count)
{
    struct sweep sweep = {.range_of = range_of};
    sweep.heap = calloc(count + 1, sizeof(*sweep.heap));
    sweep.covers = calloc(2 * count + 2, sizeof(*sweep.covers));
    *covers = sweep.covers;
    bool made = sweep.heap != NULL && sweep.covers != NULL;
    if (made)
        run(&sweep, symbols, count);
    *cover_count = sweep.count;
    free(sweep.heap);
    return made;
}

const struct symbol *covers_find(const struct symbol_cover *covers, size_t count, uint64_t at)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (covers[middle].begin <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? covers[low - 1].best : NULL;
}

const struct symbol *symbols_at_offset(const struct symbols *symbols, uint64_t file_offset)
{
    return covers_find(symbols->offset_covers, symbols->offset_cover_count, file_offset);
}

size_t symbols_from_address(const struct symbols *symbols, uint64_t address)
{
    size_t low = 0, high = symbols->by_address_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->by_address[middle]->address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct symbol *symbols_at_address(const struct symbols *symbols, uint64_t address)
{
    return covers_find(symbols->address_covers, symbols->address_cover_count, address);
}
