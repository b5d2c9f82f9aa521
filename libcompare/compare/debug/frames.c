/*
 * .debug_frame (DWARF 5, 6.4.1): for each function, how its callers' registers are found. Records are paired by the
 * address that they begin at. .eh_frame is loaded, and has its own proof (unwinding/).
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

/* A common information entry or a frame description entry. */
struct record {
    uint64_t offset;      /* in the section */
    uint64_t low, size;   /* of code */
    uint64_t cie;         /* of an FDE: the offset of its CIE */
    const uint8_t *bytes; /* what is behind the identifier, or behind the addresses */
    uint64_t byte_count;
    bool is_cie;
};

struct records {
    struct list list; /* of struct record, by offset */
    struct record **by_low;
    size_t count; /* of by_low: FDEs */
    bool whole;
};

/* CIEs of version 4 state the size of addresses; those before go by the file's. */
static unsigned address_size_of(const struct image *image)
{
    return image->is64 ? 8 : 4;
}

static bool read_record(const struct image *image, struct debug_reader *reader, struct record *record)
{
    uint64_t end = reader->end;
    record->offset = reader->at;
    unsigned offset_size = debug_take_length(reader);
    uint64_t id = debug_take(reader, offset_size);
    record->is_cie = id == (offset_size == 8 ? UINT64_MAX : UINT32_MAX);
    record->cie = id;
    if (!record->is_cie) {
        record->low = debug_take(reader, address_size_of(image));
        record->size = debug_take(reader, address_size_of(image));
    }
    record->bytes = reader->bytes + reader->at;
    record->byte_count = reader->end - reader->at;
    reader->at = reader->end;
    reader->end = end;
    return !reader->failed;
}

static int by_low(const void *left, const void *right)
{
    const struct record *a = *(const struct record *const *)left, *b = *(const struct record *const *)right;
    if (a->low != b->low)
        return a->low < b->low ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static void read_records(struct debugging *d, size_t side, struct records *records)
{
    struct debug_reader reader = debug_table_reader(d->sides[side].debug, DEBUG_TABLE_FRAME);
    *records = (struct records){.list = {.arena = &d->own, .item_size = sizeof(struct record)}, .whole = true};
    while (!reader.failed && reader.at < reader.end) {
        struct record record = {0}, *added;
        if (!read_record(d->sides[side].image, &reader, &record)) {
            records->whole = false;
            return;
        }
        added = list_add(&records->list);
        d->out_of_memory |= added == NULL;
        if (added == NULL)
            return;
        *added = record;
    }
    struct record *items = records->list.items;
    records->by_low = arena_alloc(&d->own, records->list.count + 1, sizeof(struct record *));
    d->out_of_memory |= records->by_low == NULL;
    for (size_t i = 0; records->by_low != NULL && i < records->list.count; i++) {
        if (!items[i].is_cie)
            records->by_low[records->count++] = &items[i];
    }
    sort_items(records->by_low, records->count, sizeof(struct record *), by_low);
}

static const struct record *cie_at(const struct records *records, uint64_t offset)
{
    const struct record *items = records->list.items;
    size_t low = 0, high = records->list.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (items[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < records->list.count && items[low].offset == offset && items[low].is_cie ? &items[low] : NULL;
}

/* DW_CFA_nop at the end is alignment: 6.4.1, "padding". */
static uint64_t without_padding(const struct record *record)
{
    uint64_t size = record->byte_count;
    while (size > 0 && record->bytes[size - 1] == DW_CFA_nop)
        size--;
    return size;
}

static bool bytes_agree(struct debugging *d, const struct record *a, const struct record *b)
{
    uint64_t size = without_padding(a);
    return debug_afford(d, size) && size == without_padding(b) && memcmp(a->bytes, b->bytes, size) == 0;
}

/* Call frame instructions hold no addresses but as distances, and DW_CFA_set_loc, which compilers do not use here. */
static bool records_agree(struct debugging *d, const struct records records[2], const struct record *a,
                          const struct record *b)
{
    const struct record *cie_a = cie_at(&records[0], a->cie), *cie_b = cie_at(&records[1], b->cie);
    if (cie_a == NULL && cie_b == NULL)
        debug_incomplete(d, "a record of .debug_frame has no CIE");
    return a->size == b->size && bytes_agree(d, a, b) && (cie_a == NULL) == (cie_b == NULL) &&
           (cie_a == NULL || bytes_agree(d, cie_a, cie_b));
}

static size_t find(const struct records *records, uint64_t low)
{
    size_t begin = 0, end = records->count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (records->by_low[middle]->low < low)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* A record of one side, or two that do not agree. What follows from other code has been told. */
static void tell(struct debugging *d, size_t side, const struct record *record)
{
    const struct changed_range *changed = d->changed.items;
    struct debug_root *made;
    struct unit_pair pair = {.d = d};
    pair.units[side] = d->sides[side].units;
    for (size_t i = 0; i < d->changed.count; i++) {
        struct range code = changed[i].sides[side];
        if (record->low >= code.begin && record->low < code.end) {
            root_add(&pair, changed[i].root, 1);
            return;
        }
    }
    root_count(&pair, DEBUG_ROOT_TABLE, root_key(DEBUG_ROOT_TABLE, (const char *const[]){".debug_frame"}, 1), 1, &made);
    if (made != NULL)
        made->what = ".debug_frame";
}

void frames_compare(struct debugging *d)
{
    struct records records[2];
    read_records(d, 0, &records[0]);
    read_records(d, 1, &records[1]);
    if (d->out_of_memory)
        return;
    if (!records[0].whole || !records[1].whole) {
        debug_incomplete(d, ".debug_frame could not be read");
        return;
    }
    bool *taken = arena_alloc(&d->own, records[1].count + 1, sizeof(*taken));
    d->out_of_memory |= taken == NULL;
    for (size_t i = 0; taken != NULL && i < records[0].count; i++) {
        const struct record *a = records[0].by_low[i];
        uint64_t low;
        /* What the linker dropped begins at 0, as often as there was some. */
        bool known = a->low == 0 || place_partner(&d->places, a->low, &low);
        size_t at = known ? find(&records[1], a->low == 0 ? 0 : low) : records[1].count;
        uint64_t wanted = at < records[1].count ? records[1].by_low[at]->low : 0;
        while (at < records[1].count && taken[at] && records[1].by_low[at]->low == wanted)
            at++;
        bool found = at < records[1].count && records[1].by_low[at]->low == (a->low == 0 ? 0 : low);
        if (found)
            taken[at] = true;
        if (!found || !records_agree(d, records, a, records[1].by_low[at]))
            tell(d, 0, a);
    }
    for (size_t i = 0; taken != NULL && i < records[1].count; i++) {
        if (!taken[i])
            tell(d, 1, records[1].by_low[i]);
    }
}
