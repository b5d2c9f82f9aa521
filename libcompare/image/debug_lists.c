/* Lists of address ranges and of locations: DWARF 5, 2.17.3, 2.6.2, 7.7.3, 7.25; DWARF 4, 2.17.3 and 2.6.2. */
#include "debug_parts.h"

static enum debug_section section_of(bool locations, bool old)
{
    if (old)
        return locations ? DEBUG_LOC : DEBUG_RANGES;
    return locations ? DEBUG_LOCLISTS : DEBUG_RNGLISTS;
}

bool debug_list_open(struct debug_list *list, const struct debug_cursor *cursor, uint64_t offset, bool locations)
{
    const struct debug *debug = cursor->debug;
    bool old = cursor->unit->version < 5;
    const struct debug_bytes *section = &debug->sections[section_of(locations, old)];
    *list = (struct debug_list){.cursor = cursor, .locations = locations, .old = old, .base = cursor->low};
    list->reader = (struct debug_reader){debug->image, section->bytes, offset, section->size, false};
    return section->bytes != NULL && offset < section->size;
}

static void take_expression(struct debug_list *list, struct debug_list_item *item, uint64_t size)
{
    item->bytes = list->reader.bytes + list->reader.at;
    item->size = size;
    debug_skip(&list->reader, size);
}

/* Pairs of addresses, each with an expression in lists of locations. */
static bool next_old(struct debug_list *list, struct debug_list_item *item)
{
    struct debug_reader *reader = &list->reader;
    unsigned size = list->cursor->unit->address_size;
    uint64_t most = size == 8 ? UINT64_MAX : UINT32_MAX;
    for (;;) {
        uint64_t low = debug_take(reader, size), high = debug_take(reader, size);
        if (reader->failed)
            return false;
        if (low == 0 && high == 0) {
            list->ended = true;
            return false;
        }
        if (low == most) {
            list->base = high;
            continue;
        }
        *item = (struct debug_list_item){.low = (list->base + low) & most, .high = (list->base + high) & most};
        if (list->locations)
            take_expression(list, item, debug_take(reader, 2));
        return !reader->failed;
    }
}

/* The kinds of entries have the same numbers and operands in both sorts of lists up to base_address, and later on not. */
enum entry_kind {
    END,
    BASE,
    BASE_INDEX,
    INDEX_END,
    INDEX_LENGTH,
    OFFSETS,
    DEFAULT,
    START_END,
    START_LENGTH,
    VIEWS,
    BAD
};

static enum entry_kind kind_of(const struct debug_list *list, uint64_t code)
{
    static const uint8_t ranges[] = {[DW_RLE_end_of_list] = END,       [DW_RLE_base_addressx] = BASE_INDEX,
                                     [DW_RLE_startx_endx] = INDEX_END, [DW_RLE_startx_length] = INDEX_LENGTH,
                                     [DW_RLE_offset_pair] = OFFSETS,   [DW_RLE_base_address] = BASE,
                                     [DW_RLE_start_end] = START_END,   [DW_RLE_start_length] = START_LENGTH};
    static const uint8_t locations[] = {[DW_LLE_end_of_list] = END,           [DW_LLE_base_addressx] = BASE_INDEX,
                                        [DW_LLE_startx_endx] = INDEX_END,     [DW_LLE_startx_length] = INDEX_LENGTH,
                                        [DW_LLE_offset_pair] = OFFSETS,       [DW_LLE_default_location] = DEFAULT,
                                        [DW_LLE_base_address] = BASE,         [DW_LLE_start_end] = START_END,
                                        [DW_LLE_start_length] = START_LENGTH, [DW_LLE_GNU_view_pair] = VIEWS};
    if (list->locations)
        return code < ARRAY_COUNT(locations) ? (enum entry_kind)locations[code] : BAD;
    return code < ARRAY_COUNT(ranges) ? (enum entry_kind)ranges[code] : BAD;
}

static uint64_t take_indexed(struct debug_list *list)
{
    uint64_t address = 0;
    if (!debug_cursor_address(list->cursor, debug_take_uleb(&list->reader), &address))
        list->reader.failed = true;
    return address;
}

static bool next_new(struct debug_list *list, struct debug_list_item *item)
{
    struct debug_reader *reader = &list->reader;
    unsigned size = list->cursor->unit->address_size;
    for (;;) {
        enum entry_kind kind = kind_of(list, debug_take(reader, 1));
        *item = (struct debug_list_item){0};
        if (reader->failed || kind == BAD)
            return false;
        switch (kind) {
        case END:
            list->ended = true;
            return false;
        case BASE:
            list->base = debug_take(reader, size);
            continue;
        case BASE_INDEX:
            list->base = take_indexed(list);
            continue;
        case VIEWS:
            item->views = true;
            item->low = debug_take_uleb(reader);
            item->high = debug_take_uleb(reader);
            return !reader->failed;
        case OFFSETS:
            item->low = list->base + debug_take_uleb(reader);
            item->high = list->base + debug_take_uleb(reader);
            break;
        case INDEX_END:
            item->low = take_indexed(list);
            item->high = take_indexed(list);
            break;
        case INDEX_LENGTH:
            item->low = take_indexed(list);
            item->high = item->low + debug_take_uleb(reader);
            break;
        case START_END:
            item->low = debug_take(reader, size);
            item->high = debug_take(reader, size);
            break;
        case START_LENGTH:
            item->low = debug_take(reader, size);
            item->high = item->low + debug_take_uleb(reader);
            break;
        default:
            item->everywhere = true;
        }
        if (list->locations)
            take_expression(list, item, debug_take_uleb(reader));
        return !reader->failed;
    }
}

bool debug_list_next(struct debug_list *list, struct debug_list_item *item)
{
    return list->old ? next_old(list, item) : next_new(list, item);
}
