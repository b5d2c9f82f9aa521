/*
 * The code of one side in pieces: functions by their symbols, unwind records and PLT, and what stands between them.
 * Symbols can lie about where functions are; then the pieces of both sides do not fit, and nothing is proven of them.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct space *space;
    struct list stubs; /* of struct site_stub: calls of them */
    struct entries entries;
    struct list pieces;
    size_t site_capacity, table_capacity;
    bool out_of_memory;
};

static bool is_code(const struct section *section)
{
    return (section->flags & SHF_ALLOC) != 0 && (section->flags & SHF_EXECINSTR) != 0 &&
           section->type == SHT_PROGBITS && !range_empty(section->bytes);
}

static void add_piece(struct reading *reading, const struct section *section, struct range bytes, const char *name,
                      bool thumb)
{
    struct code_piece *piece = list_add(&reading->pieces);
    reading->out_of_memory |= piece == NULL;
    if (piece != NULL)
        *piece = (struct code_piece){.address = section->address + (bytes.begin - section->bytes.begin),
                                     .size = range_size(bytes),
                                     .bytes = bytes,
                                     .name = name,
                                     .section = section->index,
                                     .thumb = thumb,
                                     .partner = SIZE_MAX};
}

bool space_is_padding(const struct space *space, struct range bytes)
{
    const uint8_t *at = space->image->bytes + bytes.begin;
    return decode_is_padding(space->decoders[0], at, range_size(bytes)) ||
           (space->decoders[1] != NULL && decode_is_padding(space->decoders[1], at, range_size(bytes)));
}

/* Of which only its place is known, and perhaps where it is entered. */
static void add_pieces(struct reading *reading, const struct section *section, uint64_t begin, uint64_t end)
{
    while (begin < end) {
        uint64_t next = entries_next(&reading->entries, begin, end);
        if (!space_is_padding(reading->space, (struct range){begin, next}))
            add_piece(reading, section, (struct range){begin, next}, NULL, entries_thumb(&reading->entries, begin));
        begin = next;
    }
}

static const char *better_name(const char *a, const char *b)
{
    return a == NULL || (b != NULL && strcmp(b, a) < 0) ? b : a;
}

/* Symbols by their place; those within another one's bytes are part of it. */
static void read_section(struct reading *reading, const struct section *section)
{
    const struct symbols *symbols = reading->space->symbols;
    uint64_t done = section->bytes.begin;
    for (size_t i = 0; i < symbols->by_offset_count && !reading->out_of_memory; i++) {
        const struct symbol *symbol = symbols->by_offset[i];
        if (!symbol_is_function(symbol) || symbol->bytes.begin < done || symbol->bytes.begin >= section->bytes.end)
            continue;
        struct range bytes = symbol->bytes;
        const char *name = symbol->name;
        bool thumb = symbol->thumb;
        /* Of several symbols for one place the longest has the bytes, and the first by the alphabet the name. */
        for (; i + 1 < symbols->by_offset_count && symbols->by_offset[i + 1]->bytes.begin == bytes.begin; i++) {
            const struct symbol *other = symbols->by_offset[i + 1];
            if (!symbol_is_function(other))
                continue;
            name = better_name(name, other->name);
            bytes.end = other->bytes.end > bytes.end ? other->bytes.end : bytes.end;
        }
        bytes.end = bytes.end < section->bytes.end ? bytes.end : section->bytes.end;
        add_pieces(reading, section, done, bytes.begin);
        if (name == NULL && entries_next(&reading->entries, bytes.begin, bytes.end) < bytes.end)
            add_pieces(reading, section, bytes.begin, bytes.end); /* an unwind record can be of several */
        else
            add_piece(reading, section, bytes, name, thumb);
        done = bytes.end;
    }
    add_pieces(reading, section, done, section->bytes.end);
}

/* ---- Sites ---- */

static void *room_for(void *items, size_t *capacity, size_t wanted, size_t size)
{
    if (wanted <= *capacity)
        return items;
    size_t larger = *capacity + *capacity / 2 > wanted ? *capacity + *capacity / 2 : wanted + 1024;
    void *moved = larger > SIZE_MAX / size ? NULL : realloc(items, larger * size);
    if (moved != NULL)
        *capacity = larger;
    return moved;
}

static bool keep_sites(struct reading *reading, struct code_piece *piece, const struct sites *sites)
{
    struct space *space = reading->space;
    struct site *items =
        room_for(space->sites, &reading->site_capacity, space->site_count + sites->count, sizeof(*items));
    if (items == NULL && sites->count > 0)
        return false;
    space->sites = items;
    struct site_table *tables =
        room_for(space->tables, &reading->table_capacity, space->table_count + sites->table_count, sizeof(*tables));
    if (tables == NULL && sites->table_count > 0)
        return false;
    space->tables = tables;
    piece->site = space->site_count;
    piece->site_count = sites->count;
    piece->table = space->table_count;
    piece->table_count = sites->table_count;
    if (sites->count > 0)
        memcpy(space->sites + space->site_count, sites->items, sites->count * sizeof(*items));
    if (sites->table_count > 0)
        memcpy(space->tables + space->table_count, sites->tables, sites->table_count * sizeof(*tables));
    space->site_count += sites->count;
    space->table_count += sites->table_count;
    return true;
}

static bool read_piece(struct reading *reading, struct code_piece *piece, struct sites *sites)
{
    const struct space *space = reading->space;
    piece->known = decode_sites(space->decoders[piece->thumb], space->image->bytes + piece->bytes.begin, piece->size,
                                piece->address, false, sites);
    if (!piece->known)
        return true;
    piece->hash = sites->hash | 1;
    piece->ordinary = !sites->undecoded && !sites->unfollowed;
    piece->closed = sites->closed;
    piece->falls_through = sites->falls_through;
    piece->stub = piece->size >= SITE_STUB_SIZE && site_is_stub(space->decoders[piece->thumb], piece->address);
    for (size_t i = 0; i < sites->stub_count && !reading->out_of_memory; i++) {
        struct site_stub *added = list_add(&reading->stubs);
        reading->out_of_memory |= added == NULL;
        if (added != NULL)
            *added = sites->stubs[i];
    }
    return keep_sites(reading, piece, sites);
}

/* Whether it calls one that never returns, and goes on behind the call. */
static bool calls_endless(const struct space *space, const struct code_piece *piece)
{
    for (size_t i = 0; i < piece->site_count; i++) {
        const struct site *site = &space->sites[piece->site + i];
        const struct code_piece *called = site->kind == SITE_CALL ? space_code_at(space, site->target) : NULL;
        if (called != NULL && called->endless && called->address == site->target)
            return true;
    }
    return false;
}

static int stub_order(const void *left, const void *right)
{
    const struct site_stub *a = left, *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return (a->base > b->base) - (a->base < b->base);
}

/* The stubs once more, with the base that all their callers agree on. */
static bool read_stubs(struct reading *reading, struct sites *sites)
{
    struct space *space = reading->space;
    struct site_stub *stubs = reading->stubs.items;
    size_t count = reading->stubs.count, kept = 0;
    sort_items(stubs, count, sizeof(*stubs), stub_order);
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && stubs[end].address == stubs[i].address)
            end++;
        if (stubs[end - 1].base == stubs[i].base)
            stubs[kept++] = stubs[i];
        i = end;
    }
    decoder_set_stubs(space->decoders[0], stubs, kept);
    for (size_t i = 0; i < space->code_count && kept > 0; i++) {
        if (space->code[i].stub && !read_piece(reading, &space->code[i], sites))
            return false;
    }
    return true;
}

/* Once more where a function was taken to return that does not: registers do not flow from there. */
static bool read_again(struct reading *reading, struct arena *arena, struct sites *sites)
{
    struct space *space = reading->space;
    bool mips = space->image->header.e_machine == EM_MIPS;
    uint64_t *endless =
        arena_alloc(arena, space->code_count + (mips ? space->symbols->count : 0) + 1, sizeof(*endless));
    size_t count = 0;
    if (endless == NULL)
        return false;
    space_find_endless(space);
    for (size_t i = 0; i < space->code_count; i++) {
        if (space->code[i].endless)
            endless[count++] = space->code[i].address;
    }
    for (size_t i = 0; mips && i < space->symbols->count; i++) {
        if (space_never_returns(&space->symbols->items[i]))
            endless[count++] = space->symbols->items[i].address;
    }
    sort_items(endless, count, sizeof(*endless), number_order);
    for (size_t i = 0; i < ARRAY_COUNT(space->decoders) && count > 0; i++) {
        if (space->decoders[i] != NULL)
            decoder_set_endless(space->decoders[i], endless, count);
    }
    /* x86-64 has each address in one instruction: what registers hold does not matter. */
    if (space->image->header.e_machine == EM_X86_64)
        return true;
    for (size_t i = 0; i < space->code_count && count > 0; i++) {
        /* MIPS calls by registers, whatever they hold. */
        if ((mips || calls_endless(space, &space->code[i])) && !read_piece(reading, &space->code[i], sites))
            return false;
    }
    return true;
}

static bool read_sites(struct reading *reading, struct arena *arena)
{
    struct space *space = reading->space;
    struct sites sites = {0};
    bool kept = true;
    /* Never NULL, so that what has no sites has a place among them, too. */
    space->sites = calloc(1, sizeof(*space->sites));
    space->tables = calloc(1, sizeof(*space->tables));
    if (space->sites == NULL || space->tables == NULL)
        return false;
    reading->site_capacity = reading->table_capacity = 1;
    for (size_t i = 0; i < space->code_count && kept; i++)
        kept = read_piece(reading, &space->code[i], &sites);
    kept = kept && read_stubs(reading, &sites) && read_again(reading, arena, &sites);
    sites_free(&sites);
    return kept;
}

static int address_order(const void *left, const void *right)
{
    const struct code_piece *a = left, *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

static uint64_t code_begin(const void *items, size_t i)
{
    return ((const struct code_piece *)items)[i].address;
}

bool space_read(struct space *space, struct arena *arena)
{
    struct reading reading = {.space = space,
                              .stubs = {.arena = arena, .item_size = sizeof(struct site_stub)},
                              .pieces = {.arena = arena, .item_size = sizeof(struct code_piece)}};
    space->decoders[0] = decoder_open(space->image, false);
    space->decoders[1] = space->image->header.e_machine == EM_ARM ? decoder_open(space->image, true) : NULL;
    if (space->decoders[0] == NULL || (space->image->header.e_machine == EM_ARM && space->decoders[1] == NULL))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(space->decoders); i++) {
        if (space->decoders[i] != NULL)
            decoder_set_relocations(space->decoders[i], space->relocations, space->relocation_count);
    }
    if (!entries_find(space, arena, &reading.entries))
        return false;
    for (uint64_t i = 1; i < space->image->section_count; i++) {
        if (is_code(&space->image->sections[i]))
            read_section(&reading, &space->image->sections[i]);
    }
    space->code = reading.pieces.items;
    space->code_count = reading.pieces.count;
    sort_items(space->code, space->code_count, sizeof(*space->code), address_order);
    address_index_make(&space->code_index, arena, space->code, space->code_count, code_begin);
    return !reading.out_of_memory && read_sites(&reading, arena);
}

void space_close(struct space *space)
{
    decoder_close(space->decoders[0]);
    decoder_close(space->decoders[1]);
    free(space->sites);
    free(space->tables);
    space->sites = NULL;
    space->tables = NULL;
    space->decoders[0] = space->decoders[1] = NULL;
}

/* The last one that begins here or before; NULL. */
static const struct code_piece *last_begun(const struct space *space, uint64_t address)
{
    size_t low, high = space->code_count;
    address_index_bounds(&space->code_index, address, &low, &high);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (space->code[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &space->code[low - 1] : NULL;
}

const struct code_piece *space_code_at(const struct space *space, uint64_t address)
{
    const struct code_piece *piece = last_begun(space, address);
    return piece != NULL && address - piece->address < piece->size ? piece : NULL;
}

const struct code_piece *space_code_by(const struct space *space, uint64_t address)
{
    const struct code_piece *piece = last_begun(space, address);
    return piece != NULL && address - piece->address <= piece->size ? piece : NULL;
}

static const struct code_piece *code_before(const struct space *space, uint64_t address)
{
    const struct code_piece *piece = last_begun(space, address);
    return piece != NULL && piece->size > 0 && address - piece->address == piece->size ? piece : NULL;
}

bool space_ends_correspond(const struct space spaces[2], const struct code_piece *vendor,
                           const struct code_piece *rebuilt)
{
    const struct space *a = &spaces[0], *b = &spaces[1];
    const struct code_piece *x = vendor + 1, *y = rebuilt + 1;
    return vendor->partner == (size_t)(rebuilt - b->code) && x < a->code + a->code_count &&
           y < b->code + b->code_count && x->section == vendor->section && y->section == rebuilt->section &&
           x->partner == (size_t)(y - b->code);
}

bool space_behind_ends(const struct space spaces[2], uint64_t vendor, uint64_t rebuilt)
{
    const struct code_piece *a = code_before(&spaces[0], vendor);
    const struct code_piece *b = a != NULL ? code_before(&spaces[1], rebuilt) : NULL;
    return b != NULL && space_ends_correspond(spaces, a, b);
}
