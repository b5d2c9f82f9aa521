/*
 * Code that moved: in two counterparts every byte is equal but for the bits of addresses, and each address leads to its
 * counterpart. What leads elsewhere is left out, and so is code whose jumps cannot be followed.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define EDGE_MOST  1024 /* bytes by which an index is offset, at most */
#define TEXT_LEAST 2    /* characters: fewer are a number as well */
#define TEXT_MOST  4096 /* more are one, whatever ends them */
#define NARROW     4    /* bytes: of a table's entry, less can be a number as well */
#define LOOKS_MOST ((uint64_t)1 << 26)

struct code_run {
    const struct counterpart *counterpart;
    const struct code_piece *pieces[2];
    const struct site *sites[2]; /* those within it */
    size_t count;
    uint64_t offsets[2]; /* of its begin in the pieces */
};

/* ---- References ---- */

static bool is_code(struct moving *m, uint64_t vendor)
{
    const struct counterpart *found = moving_find(m, vendor);
    return found != NULL && found->code;
}

/*
 * What the GOT, gp or the TOC is addressed from stands at a fixed distance from a table, and not always in it (System V
 * psABI: MIPS 0x7ff0, PowerPC 0x8000 bytes behind its begin). What is reached from it has sites of its own.
 */
static bool same_base(const struct moving *m, uint64_t vendor, uint64_t rebuilt)
{
    static const char *const names[] = {".got", ".got.plt", ".got2", ".toc"};
    for (size_t i = 0; i < m->section_count; i++) {
        const struct section *a = m->sections[i].sides[0], *b = m->sections[i].sides[1];
        for (size_t k = 0; k < ARRAY_COUNT(names); k++) {
            if (strcmp(a->name, names[k]) == 0 && vendor - a->address == rebuilt - b->address &&
                vendor - a->address <= 0x8000)
                return true;
        }
    }
    return false;
}

/* What the rebuilt's instruction reads aligned the vendor's must, too: it would fault. */
static bool loses_alignment(const struct site *a, const struct site *b)
{
    return b->alignment != 0 && b->target % b->alignment == 0 && a->target % b->alignment != 0;
}

/*
 * Whether an address that begins one thing and ends another is, to this code, perhaps the end: it refers to the other
 * one, too, and the two have been separated. What is read or written right there is no end. Beyond a bound of work all
 * are.
 */
static bool may_be_end(struct moving *m, const struct code_run *run, const struct site *a, const struct site *b)
{
    const struct counterpart *before = a->exact ? NULL : moving_ends_at(m, a->target, b->target);
    const struct site_table *tables = m->spaces[1].tables + run->pieces[1]->table;
    for (size_t i = 0; before != NULL && i < run->pieces[1]->table_count; i++) {
        if (tables[i].address == b->target)
            return m->looks_at_ends++ >= LOOKS_MOST; /* it is selected from what stands here */
    }
    const struct site *sites = m->spaces[1].sites + run->pieces[1]->site;
    for (size_t i = 0; before != NULL && i < run->pieces[1]->site_count; i++) {
        if (m->looks_at_ends++ >= LOOKS_MOST ||
            (sites[i].kind == SITE_DATA && sites[i].target - before->rebuilt < before->size))
            return true;
    }
    return false;
}

static bool is_separated(const struct counterpart *a, const struct counterpart *b)
{
    return b->vendor - (a->vendor + a->size) != b->rebuilt - (a->rebuilt + a->size);
}

/* A text of constants, between two NULs. */
static bool is_text_here(const struct moving *m, uint64_t rebuilt)
{
    const struct image *image = m->images[1];
    struct range bytes = moving_bytes(m, 1, rebuilt, 1);
    const struct extent *extent = range_empty(bytes) ? NULL : image_extent_at(image, bytes.begin);
    if (extent == NULL || extent->owner != OWNER_SECTION || bytes.begin == 0 || image->bytes[bytes.begin - 1] != 0 ||
        (image->sections[extent->index].flags & SHF_WRITE) != 0)
        return false;
    uint64_t at = bytes.begin, end = extent->range.end;
    end = end - at < TEXT_MOST ? end : at + TEXT_MOST;
    while (at < end && ((image->bytes[at] >= 0x20 && image->bytes[at] < 0x7f) || image->bytes[at] == '\n'))
        at++;
    return at - bytes.begin >= TEXT_LEAST && (at == bytes.begin + TEXT_MOST || (at < end && image->bytes[at] == 0));
}

/* Whether something is known to begin at this address of the rebuilt file: an object, a text, a table of places. */
static bool begins_a_thing(const struct moving *m, const struct code_run *run, uint64_t rebuilt)
{
    const struct symbol *symbol = symbols_at_address(&m->symbols[1], rebuilt);
    if (symbol != NULL && symbol->name != NULL && symbol->type == STT_OBJECT &&
        (!symbol->guessed || symbol->address == rebuilt))
        return symbol->address == rebuilt;
    for (size_t i = 0; i < run->pieces[1]->table_count; i++) {
        if (m->spaces[1].tables[run->pieces[1]->table + i].address == rebuilt)
            return true;
    }
    return is_text_here(m, rebuilt);
}

/*
 * What an index is added to need not lie in what is meant: arr[i - 3] counts from 12 bytes before arr, in what stands
 * there. Where two things were separated, an address near either's edge could go with the wrong one; it is believed
 * where something begins there, and where nothing is added to it.
 */
static bool may_be_beside(struct moving *m, const struct code_run *run, const struct site *a, const struct site *b)
{
    const struct counterpart *items = m->map->items, *found = a->exact ? NULL : moving_find(m, a->target);
    if (found == NULL || !is_data(found))
        return false;
    bool last = found + 1 == items + m->map->count;
    uint64_t before = a->target - found->vendor, behind = found->size - before;
    bool near_end = behind <= EDGE_MOST && (last || is_separated(found, found + 1));
    bool near_begin = before > 0 && before <= EDGE_MOST && (found == items || is_separated(found - 1, found));
    bool began = before == 0 && found->evidence != EVIDENCE_REFERENCE;
    return (near_end || near_begin) && !began && !begins_a_thing(m, run, b->target);
}

static bool site_proven(struct moving *m, const struct code_run *run, const struct site *a, const struct site *b)
{
    const struct counterpart *own = run->counterpart;
    switch (a->kind) {
    case SITE_PART:
        return true;
    case SITE_CALL:
    case SITE_JUMP:
        if (a->target - own->vendor < own->size)
            return b->target - own->rebuilt == a->target - own->vendor;
        if (a->kind == SITE_JUMP && space_behind_ends(m->spaces, a->target, b->target))
            return true;
        return moving_reference(m, a->target, b->target) && (is_code(m, a->target) || a->target == 0);
    case SITE_DATA:
        return !loses_alignment(a, b) && !may_be_end(m, run, a, b) && !may_be_beside(m, run, a, b) &&
               moving_pointer(m, a->target, b->target);
    case SITE_GOT:
        return same_base(m, a->target, b->target) || moving_reference(m, a->target, b->target);
    case SITE_SYMBOL:
        return symbols_correspond_by_index(m, a->target, b->target);
    case SITE_INDEX:
        return relocations_correspond_by_index(m, a->target, b->target);
    default:
        return false; /* what cannot be followed */
    }
}

static struct range bytes_of(const struct code_run *run, size_t side, uint64_t from, uint64_t to)
{
    uint64_t begin = run->pieces[side]->bytes.begin + run->offsets[side];
    return (struct range){begin + from, begin + to};
}

/* From one place that is not proven to the next, up to `size`; whether there is none. */
static bool prove_sites(struct moving *m, const struct code_run *run, uint64_t size)
{
    uint64_t done = 0;
    bool all = true;
    for (size_t i = 0; i < run->count && run->sites[0][i].offset - run->offsets[0] < size; i++) {
        const struct site *a = &run->sites[0][i], *b = &run->sites[1][i];
        if (site_proven(m, run, a, b)) {
            m->counts.references++;
            continue;
        }
        uint64_t begin = a->offset - run->offsets[0], end = begin + a->size;
        moving_prove(m, bytes_of(run, 0, done, begin), bytes_of(run, 1, done, begin), RULE_MOVED_CODE);
        done = end;
        all = false;
    }
    moving_prove(m, bytes_of(run, 0, done, size), bytes_of(run, 1, done, size), RULE_MOVED_CODE);
    return all;
}

/* ---- Runs ---- */

static size_t first_site(const struct space *space, const struct code_piece *piece, uint64_t offset)
{
    size_t low = 0, high = piece->site_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (space->sites[piece->site + middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The sites within the run, and whether both sides are equal but for what they lead to. */
static bool run_equal(struct moving *m, struct code_run *run)
{
    uint64_t size = run->counterpart->size;
    struct site_stretch stretches[2];
    for (size_t side = 0; side < 2; side++) {
        const struct code_piece *piece = run->pieces[side];
        size_t first = first_site(&m->spaces[side], piece, run->offsets[side]);
        run->count = first_site(&m->spaces[side], piece, run->offsets[side] + size) - first;
        run->sites[side] = m->spaces[side].sites + piece->site + first;
        stretches[side] = (struct site_stretch){m->images[side]->bytes + bytes_of(run, side, 0, 0).begin,
                                                run->sites[side], run->count, run->offsets[side]};
    }
    return stretches_equal(&stretches[0], &stretches[1], size);
}

static bool run_of(struct moving *m, const struct counterpart *counterpart, struct code_run *run)
{
    uint64_t addresses[2] = {counterpart->vendor, counterpart->rebuilt};
    *run = (struct code_run){.counterpart = counterpart};
    for (size_t side = 0; side < 2; side++) {
        const struct code_piece *piece = run->pieces[side] = space_code_at(&m->spaces[side], addresses[side]);
        if (piece == NULL || !piece->known || !piece->ordinary)
            return false;
        run->offsets[side] = addresses[side] - piece->address;
        if (counterpart->size > piece->size - run->offsets[side])
            return false;
    }
    return run->pieces[0]->partner == (size_t)(run->pieces[1] - m->spaces[1].code);
}

/* What runs behind the end is the counterpart's, too. */
static bool end_proven(const struct moving *m, const struct code_run *run)
{
    return !run->pieces[0]->falls_through || space_ends_for_good(&m->spaces[0], run->pieces[0]) ||
           space_ends_correspond(m->spaces, run->pieces[0], run->pieces[1]);
}

/* ---- Tables ---- */

static bool table_entry(const struct moving *m, size_t side, const struct site_table *table, uint64_t address,
                        uint64_t *target)
{
    struct range bytes = moving_bytes(m, side, address, table->entry_size);
    return range_size(bytes) == table->entry_size && site_table_target(m->images[side], table, bytes.begin, target);
}

/* What an entry of a table can lead to: code, or else anything that has a counterpart. */
static bool is_place(const struct moving *m, size_t side, const struct site_table *table, uint64_t target)
{
    if (!table->code)
        return counterpart_at(m->map, side, target) != NULL;
    return space_code_by(&m->spaces[side], target) != NULL;
}

static const struct site_table *table_partner(const struct moving *m, const struct code_piece *rebuilt,
                                              const struct site_table *table)
{
    for (size_t i = 0; i < rebuilt->table_count; i++) {
        const struct site_table *other = &m->spaces[1].tables[rebuilt->table + i];
        if (addresses_correspond(m->map, table->address, other->address) && other->entry_size == table->entry_size &&
            other->shift == table->shift && other->is_signed == table->is_signed && other->code == table->code &&
            other->count == table->count)
            return other;
    }
    return NULL;
}

static void add_entry(struct moving *m, uint64_t address, uint8_t size, bool proven)
{
    struct table_entry *entry = list_add(&m->entries);
    m->out_of_memory |= entry == NULL;
    if (entry != NULL)
        *entry = (struct table_entry){address, size, proven};
    m->counts.pointers += proven;
}

static bool same_entry(const struct moving *m, const struct site_table *a, uint64_t vendor, uint64_t rebuilt)
{
    struct range x = moving_bytes(m, 0, vendor, a->entry_size), y = moving_bytes(m, 1, rebuilt, a->entry_size);
    return memcmp(m->images[0]->bytes + x.begin, m->images[1]->bytes + y.begin, a->entry_size) == 0;
}

/*
 * Entry by entry, as long as there are places on either side: where only one side has one, that is a difference. A table
 * ends at the latest where its counterpart does, or where another begins.
 *
 * A word that leads into code is no number. But a number behind a table of constants' places can lead to a constant as
 * well, and a byte or a halfword, as a distance, to some code: where neither the code nor a symbol tells the table's
 * end, an entry of these that differs is not proven. A narrow one leads within its function.
 */
static void prove_table(struct moving *m, const struct code_piece *x_piece, const struct site_table *a,
                        const struct code_piece *y_piece, const struct site_table *b, uint64_t next)
{
    bool narrow = a->entry_size < NARROW;
    const struct counterpart *room = counterpart_at(m->map, 0, a->address);
    uint64_t end = room->vendor + room->size;
    end = next < end ? next : end;
    bool bounded = a->count != 0 || (room->evidence == EVIDENCE_NAME && room->vendor == a->address);
    for (uint64_t i = 0, at = a->address; at + a->entry_size <= end; i++, at += a->entry_size) {
        uint64_t x, y;
        bool read = table_entry(m, 0, a, at, &x) && table_entry(m, 1, b, b->address + (at - a->address), &y);
        bool place_a = read && is_place(m, 0, a, x), place_b = read && is_place(m, 1, b, y);
        if (!read || (a->count != 0 ? i >= a->count : !place_a && !place_b))
            return;
        if (narrow && !bounded && x - x_piece->address >= x_piece->size && y - y_piece->address >= y_piece->size)
            return;
        bool certain = bounded || (a->code && !narrow) || same_entry(m, a, at, b->address + (at - a->address));
        bool same = addresses_correspond(m->map, x, y) && (!a->code || is_code(m, x));
        bool proven = place_a && place_b && certain && (same || (a->code && space_behind_ends(m->spaces, x, y)));
        if (proven && same)
            moving_reference(m, x, y);
        add_entry(m, at, a->entry_size, proven);
    }
}

struct owned_table {
    const struct site_table *table;
    const struct code_piece *piece;
};

static int owned_order(const void *left, const void *right)
{
    const struct owned_table *a = left, *b = right;
    return (a->table->address > b->table->address) - (a->table->address < b->table->address);
}

static void prove_tables(struct moving *m)
{
    const struct space *vendor = &m->spaces[0];
    struct owned_table *list = calloc(vendor->table_count + 1, sizeof(*list));
    size_t count = 0;
    m->out_of_memory |= list == NULL;
    for (size_t i = 0; list != NULL && i < vendor->code_count; i++) {
        for (size_t k = 0; k < vendor->code[i].table_count; k++)
            list[count++] = (struct owned_table){&vendor->tables[vendor->code[i].table + k], &vendor->code[i]};
    }
    sort_items(list, count, sizeof(*list), owned_order);
    for (size_t i = 0; i < count; i++) {
        const struct code_piece *piece = list[i].piece;
        const struct site_table *a = list[i].table, *b;
        if (piece->partner == SIZE_MAX || (i > 0 && list[i - 1].table->address == a->address))
            continue;
        size_t next = i + 1;
        while (next < count && list[next].table->address == a->address)
            next++;
        b = table_partner(m, &m->spaces[1].code[piece->partner], a);
        if (b != NULL)
            prove_table(m, piece, a, &m->spaces[1].code[piece->partner], b,
                        next < count ? list[next].table->address : UINT64_MAX);
    }
    free(list);
}

/* Where the last site begins; 0 without one. */
static uint64_t last_site(const struct code_run *run)
{
    return run->count > 0 ? run->sites[0][run->count - 1].offset - run->offsets[0] : 0;
}

static void add_changed(struct moving *m, struct changed_code changed)
{
    struct changed_code *added = list_add(&m->changed);
    m->out_of_memory |= added == NULL;
    if (added != NULL)
        *added = changed;
}

/* In the order of the vendor's code: what is not the whole of what was proven. */
static void list_changed(struct moving *m, const bool *whole)
{
    for (size_t i = 0; i < m->spaces[0].code_count; i++) {
        const struct code_piece *piece = &m->spaces[0].code[i];
        struct range rebuilt = {0, 0};
        if (piece->partner != SIZE_MAX)
            rebuilt = m->spaces[1].code[piece->partner].bytes;
        if (!whole[i])
            add_changed(m, (struct changed_code){piece->bytes, rebuilt, piece->equal});
    }
    for (size_t i = 0; i < m->spaces[1].code_count; i++) {
        if (m->spaces[1].code[i].partner == SIZE_MAX)
            add_changed(m, (struct changed_code){{0, 0}, m->spaces[1].code[i].bytes, false});
    }
}

/* A run of code, to its last site where its end is not proven: where it goes on is elsewhere then. Whether all of it is. */
static bool prove_run(struct moving *m, const struct code_run *run)
{
    bool equal = run->pieces[0]->equal, ended = !equal || end_proven(m, run);
    bool all = prove_sites(m, run, ended ? run->counterpart->size : last_site(run));
    return equal && ended && all;
}

void code_prove(struct moving *m)
{
    bool *whole = calloc(m->spaces[0].code_count + 1, sizeof(*whole));
    m->out_of_memory |= whole == NULL;
    for (size_t i = 0; i < m->map->count && !m->out_of_memory; i++) {
        const struct counterpart *counterpart = &m->map->items[i];
        struct code_run run;
        if (!counterpart->code || !run_of(m, counterpart, &run) || !run_equal(m, &run) || !prove_run(m, &run))
            continue;
        whole[run.pieces[0] - m->spaces[0].code] = true;
        m->counts.functions++;
    }
    if (!m->out_of_memory)
        list_changed(m, whole);
    free(whole);
    prove_tables(m);
}
