/*
 * What stands in another order, and has neither a name nor a content of its own: constants and strings, by who refers to
 * them. The n-th reference of a function and the n-th of its counterpart lead to two things; where these hold the same
 * bytes up to where the next thing begins, and no other reference says otherwise, they are counterparts. What has
 * nothing to compare (zeros, .bss) is not paired so: a reference that leads elsewhere would be its own excuse.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define TOGETHER_LEAST 3 /* variables that have moved by as much */
#define ROUNDS         4 /* tables of pointers lead to strings, and structures to tables */

struct lead {
    uint64_t vendor, rebuilt;
};

struct leads {
    struct lead *items;
    size_t count, capacity;
};

struct referring {
    struct matchmaking *m;
    struct correspondence map; /* what is found so far */
    struct leads leads;
    uint64_t *begins[2]; /* where the things of a side that are referred to begin, sorted, once each */
    size_t begin_count[2];
};

/* ---- Leads ---- */

static const struct section *data_section(const struct image *image, uint64_t address)
{
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (section_is_data(section) && (section->flags & SHF_TLS) == 0 && section->type != SHT_NOBITS &&
            address - section->address < section->size)
            return section;
    }
    return NULL;
}

static void add_lead(struct referring *r, uint64_t vendor, uint64_t rebuilt)
{
    if (counterpart_at(&r->map, 0, vendor) != NULL || counterpart_at(&r->map, 1, rebuilt) != NULL)
        return;
    if (r->leads.count == r->leads.capacity) {
        size_t larger = r->leads.capacity == 0 ? 1024 : r->leads.capacity * 2;
        struct lead *items = realloc(r->leads.items, larger * sizeof(*items));
        if (items == NULL) {
            r->m->out_of_memory = true;
            return;
        }
        r->leads.items = items;
        r->leads.capacity = larger;
    }
    r->leads.items[r->leads.count++] = (struct lead){vendor, rebuilt};
}

static void leads_of_code(struct referring *r)
{
    const struct space *a = &r->m->spaces[0], *b = &r->m->spaces[1];
    for (size_t i = 0; i < a->code_count; i++) {
        const struct code_piece *x = &a->code[i];
        if (x->partner == SIZE_MAX || !x->equal)
            continue;
        const struct code_piece *y = &b->code[x->partner];
        for (size_t k = 0; k < x->site_count && k < y->site_count; k++) {
            if (a->sites[x->site + k].kind == SITE_DATA)
                add_lead(r, a->sites[x->site + k].target, b->sites[y->site + k].target);
        }
    }
}

/* Pointers at the same place of two counterparts. */
static void leads_of_data(struct referring *r)
{
    const struct space *a = &r->m->spaces[0], *b = &r->m->spaces[1];
    for (size_t i = 0; i < a->relocation_count; i++) {
        const struct relocation *x = &a->relocations[i];
        const struct counterpart *piece = x->symbol[0] == '\0' ? counterpart_at(&r->map, 0, x->address) : NULL;
        if (piece == NULL || piece->code)
            continue;
        uint64_t address = piece->rebuilt + (x->address - piece->vendor);
        struct range bytes;
        size_t found;
        if (!image_file_range(b->image, address, 1, &bytes))
            continue;
        const struct relocation *y = relocations_in(b->relocations, b->relocation_count, bytes, &found);
        if (found == 1 && y->address == address && y->type == x->type && y->symbol[0] == '\0')
            add_lead(r, (uint64_t)x->addend, (uint64_t)y->addend);
    }
}

/* ---- Things ---- */

static bool list_begins(struct referring *r, size_t side)
{
    uint64_t *begins = calloc(r->leads.count + 1, sizeof(*begins));
    size_t count = 0;
    if (begins == NULL)
        return false;
    for (size_t i = 0; i < r->leads.count; i++)
        begins[i] = side == 0 ? r->leads.items[i].vendor : r->leads.items[i].rebuilt;
    sort_items(begins, r->leads.count, sizeof(*begins), number_order);
    for (size_t i = 0; i < r->leads.count; i++) {
        if (i == 0 || begins[i] != begins[i - 1])
            begins[count++] = begins[i];
    }
    r->begins[side] = begins;
    r->begin_count[side] = count;
    return true;
}

/* The next thing behind this address of a side that something refers to; UINT64_MAX: none. O(log n). */
static uint64_t next_begin(const struct referring *r, size_t side, uint64_t address)
{
    size_t low = 0, high = r->begin_count[side];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->begins[side][middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->begin_count[side] ? r->begins[side][low] : UINT64_MAX;
}

/* A text ends with its NUL, whatever stands behind that; of all else the end is not known. */
static uint64_t end_of_text(const struct image *image, struct range bytes)
{
    uint64_t at = bytes.begin;
    while (at < bytes.end && is_text(image->bytes[at]))
        at++;
    return at > bytes.begin && at < bytes.end && image->bytes[at] == 0 ? at + 1 : bytes.end;
}

/* From one begin to the next, or to what is paired already, or to the section's end: in the file. */
static bool thing_at(const struct referring *r, size_t side, uint64_t address, struct range *bytes)
{
    const struct image *image = r->m->spaces[side].image;
    const struct section *section = data_section(image, address);
    if (section == NULL)
        return false;
    uint64_t end = section->address + section->size, next = next_begin(r, side, address);
    end = next < end ? next : end;
    size_t low = 0, high = r->map.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t begin = side == 0 ? r->map.items[middle].vendor : r->map.by_rebuilt[middle]->rebuilt;
        if (begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < r->map.count) {
        uint64_t begin = side == 0 ? r->map.items[low].vendor : r->map.by_rebuilt[low]->rebuilt;
        end = begin < end ? begin : end;
    }
    *bytes = (struct range){section->bytes.begin + (address - section->address),
                            section->bytes.begin + (end - section->address)};
    bytes->end = end_of_text(image, *bytes);
    return true;
}

/* Whether two texts are the same one; neither is a text: nothing speaks against it. */
static bool same_text(const struct referring *r, uint64_t vendor, uint64_t rebuilt)
{
    struct range x, y;
    if (!thing_at(r, 0, vendor, &x) || !thing_at(r, 1, rebuilt, &y))
        return true;
    const uint8_t *a = r->m->spaces[0].image->bytes, *b = r->m->spaces[1].image->bytes;
    bool text_a = is_text(a[x.begin]), text_b = is_text(b[y.begin]);
    return text_a == text_b &&
           (!text_a || (range_size(x) == range_size(y) && memcmp(a + x.begin, b + y.begin, range_size(x)) == 0));
}

/* Whether two pointers can be the same one, as far as it is known by now. */
static bool is_alike(const struct referring *r, const struct relocation *a, const struct relocation *b)
{
    uint64_t vendor = (uint64_t)a->addend, rebuilt = (uint64_t)b->addend;
    if (a->type != b->type || strcmp(a->symbol, b->symbol) != 0)
        return false;
    if (a->symbol[0] != '\0')
        return a->addend == b->addend;
    if (counterpart_at(&r->map, 0, vendor) != NULL || counterpart_at(&r->map, 1, rebuilt) != NULL)
        return addresses_correspond(&r->map, vendor, rebuilt);
    return same_text(r, vendor, rebuilt);
}

/* How far both hold the same plain bytes. */
static uint64_t same_bytes(const uint8_t *a, const uint8_t *b, uint64_t size)
{
    uint64_t same = 0;
    while (same < size && a[same] == b[same])
        same++;
    return same;
}

/*
 * How far both hold the same, but for what pointers lead to, and that is something: *size. Without pointers it is all of
 * the shorter, and what is longer ends in zeros. With them it is a structure or a table, which ends where another
 * pointer follows: nobody refers to what stands behind it yet.
 */
static bool same_thing(const struct referring *r, struct range x, struct range y, uint64_t *size)
{
    const struct space *a = &r->m->spaces[0], *b = &r->m->spaces[1];
    const uint8_t *bytes_a = a->image->bytes + x.begin, *bytes_b = b->image->bytes + y.begin;
    size_t count_a, count_b, i = 0;
    uint64_t word = a->image->is64 ? 8 : 4, done = 0;
    uint64_t shorter = range_size(x) < range_size(y) ? range_size(x) : range_size(y);
    struct range both_a = {x.begin, x.begin + shorter}, both_b = {y.begin, y.begin + shorter};
    const struct relocation *p = relocations_in(a->relocations, a->relocation_count, both_a, &count_a);
    const struct relocation *q = relocations_in(b->relocations, b->relocation_count, both_b, &count_b);
    for (; i < count_a && i < count_b; i++) {
        uint64_t offset = p[i].file_offset - x.begin;
        if (offset != q[i].file_offset - y.begin || offset < done || offset + word > shorter ||
            !is_alike(r, &p[i], &q[i]) || same_bytes(bytes_a + done, bytes_b + done, offset - done) != offset - done)
            break;
        done = offset + word;
    }
    if (i > 0) {
        /* Plain words up to the next pointer of either side. */
        uint64_t end = shorter;
        end = i < count_a && p[i].file_offset - x.begin < end ? p[i].file_offset - x.begin : end;
        end = i < count_b && q[i].file_offset - y.begin < end ? q[i].file_offset - y.begin : end;
        uint64_t more = end > done ? same_bytes(bytes_a + done, bytes_b + done, end - done) : 0;
        *size = done + (done + more == shorter ? more : more / word * word);
        return true;
    }
    *size = shorter;
    return shorter > 0 && count_a == 0 && count_b == 0 && memcmp(bytes_a, bytes_b, shorter) == 0 &&
           !image_all_zero(a->image, both_a) && image_all_zero(a->image, (struct range){both_a.end, x.end}) &&
           image_all_zero(b->image, (struct range){both_b.end, y.end});
}

static int lead_order(const void *left, const void *right)
{
    const struct lead *a = left, *b = right;
    if (a->vendor != b->vendor)
        return a->vendor < b->vendor ? -1 : 1;
    return (a->rebuilt > b->rebuilt) - (a->rebuilt < b->rebuilt);
}

static int rebuilt_order(const void *left, const void *right)
{
    const struct lead *a = left, *b = right;
    if (a->rebuilt != b->rebuilt)
        return a->rebuilt < b->rebuilt ? -1 : 1;
    return (a->vendor > b->vendor) - (a->vendor < b->vendor);
}

/* Keeps those on which all references agree. by_rebuilt: that lead to one of the rebuilt's. */
static void keep_agreed(struct leads *leads, bool by_rebuilt)
{
    size_t kept = 0;
    sort_items(leads->items, leads->count, sizeof(*leads->items), by_rebuilt ? rebuilt_order : lead_order);
    for (size_t i = 0; i < leads->count;) {
        size_t end = i + 1;
        bool agreed = true;
        uint64_t key = by_rebuilt ? leads->items[i].rebuilt : leads->items[i].vendor;
        for (; end < leads->count && (by_rebuilt ? leads->items[end].rebuilt : leads->items[end].vendor) == key; end++)
            agreed = agreed && leads->items[end].vendor == leads->items[i].vendor &&
                     leads->items[end].rebuilt == leads->items[i].rebuilt;
        if (agreed)
            leads->items[kept++] = leads->items[i];
        i = end;
    }
    leads->count = kept;
}

/* ---- .bss, which has nothing to compare ---- */

/* The pair of sections without bytes that both addresses are in; NULL. */
static const struct section *both_in_zeros(const struct referring *r, const struct lead *lead)
{
    const struct image *vendor = r->m->spaces[0].image, *rebuilt = r->m->spaces[1].image;
    for (uint64_t i = 1; i < vendor->section_count; i++) {
        const struct section *a = &vendor->sections[i];
        if (a->type != SHT_NOBITS || !section_is_data(a) || lead->vendor - a->address >= a->size)
            continue;
        const struct section *b = section_partner(vendor, rebuilt, a);
        return b != NULL && lead->rebuilt - b->address < b->size ? a : NULL;
    }
    return NULL;
}

/* How far it is from an address of a side to the next one that something refers to, or to the section's end. */
static uint64_t to_next_begin(const struct referring *r, size_t side, uint64_t address, const struct section *section)
{
    uint64_t end = section->address + section->size, next = next_begin(r, side, address);
    return (next < end ? next : end) - address;
}

/*
 * Where several variables, one after the other, stand as far from each other on both sides, they are counterparts: one
 * more or one less between others moves what stands behind it as a whole. A single one that stands elsewhere could be
 * one that is referred to wrongly. The leads are sorted by the vendor's addresses.
 */
static size_t pair_zeros(struct referring *r)
{
    const struct lead *leads = r->leads.items;
    size_t added = 0;
    for (size_t i = 0; i < r->leads.count;) {
        const struct section *section = both_in_zeros(r, &leads[i]);
        size_t end = i + 1;
        while (section != NULL && end < r->leads.count && both_in_zeros(r, &leads[end]) == section &&
               leads[end].vendor - leads[i].vendor == leads[end].rebuilt - leads[i].rebuilt)
            end++;
        if (section != NULL && end - i >= TOGETHER_LEAST) {
            const struct lead *last = &leads[end - 1];
            const struct section *partner = section_partner(r->m->spaces[0].image, r->m->spaces[1].image, section);
            uint64_t more_a = to_next_begin(r, 0, last->vendor, section);
            uint64_t more_b = to_next_begin(r, 1, last->rebuilt, partner);
            /* With less room behind it than it had, the last one may have lost some of its own. */
            uint64_t more = more_a < more_b ? 0 : more_b;
            counterpart_add(r->m, leads[i].vendor, leads[i].rebuilt, last->vendor - leads[i].vendor + more,
                            EVIDENCE_REFERENCE, false);
            added++;
        }
        i = end;
    }
    return added;
}

static size_t pair_things(struct referring *r)
{
    keep_agreed(&r->leads, true);
    keep_agreed(&r->leads, false);
    size_t added = pair_zeros(r);
    for (size_t i = 0; i < r->leads.count; i++) {
        const struct lead *lead = &r->leads.items[i];
        const struct section *a = data_section(r->m->spaces[0].image, lead->vendor);
        const struct section *b = data_section(r->m->spaces[1].image, lead->rebuilt);
        struct range x, y;
        uint64_t size;
        if (a == NULL || b == NULL || section_partner(r->m->spaces[0].image, r->m->spaces[1].image, a) != b ||
            !thing_at(r, 0, lead->vendor, &x) || !thing_at(r, 1, lead->rebuilt, &y) || !same_thing(r, x, y, &size))
            continue;
        counterpart_add(r->m, lead->vendor, lead->rebuilt, size, EVIDENCE_REFERENCE, false);
        added++;
    }
    return added;
}

/* ---- Tables of places ---- */

/* What an entry leads to is the same. A narrow one leads within its function. */
static bool same_entry(const struct referring *r, const struct code_piece *piece, const struct site_table *a,
                       const struct site_table *b, uint64_t offset)
{
    const struct image *vendor = r->m->spaces[0].image, *rebuilt = r->m->spaces[1].image;
    struct range x, y;
    uint64_t target_a, target_b;
    return image_file_range(vendor, a->address + offset, a->entry_size, &x) &&
           image_file_range(rebuilt, b->address + offset, b->entry_size, &y) &&
           site_table_target(vendor, a, x.begin, &target_a) && site_table_target(rebuilt, b, y.begin, &target_b) &&
           (a->entry_size >= sizeof(uint32_t) || target_a - piece->address < piece->size) &&
           (addresses_correspond(&r->map, target_a, target_b) || space_behind_ends(r->m->spaces, target_a, target_b));
}

static bool list_tables(struct referring *r, size_t side)
{
    const struct space *space = &r->m->spaces[side];
    uint64_t *begins = calloc(space->table_count + 1, sizeof(*begins));
    if (begins == NULL)
        return false;
    for (size_t i = 0; i < space->table_count; i++)
        begins[i] = space->tables[i].address;
    sort_items(begins, space->table_count, sizeof(*begins), number_order);
    r->begins[side] = begins;
    r->begin_count[side] = space->table_count;
    return true;
}

/* How far it is from an address of a side to the end of its section. */
static uint64_t to_end(const struct referring *r, size_t side, uint64_t address)
{
    const struct image *image = r->m->spaces[side].image;
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if ((section->flags & SHF_ALLOC) != 0 && address - section->address < section->size)
            return section->size - (address - section->address);
    }
    return 0;
}

/* The tables of two functions, as far as their entries agree. */
static void pair_tables(struct referring *r, const struct code_piece *x, const struct code_piece *y)
{
    for (size_t i = 0; i < x->table_count && x->table_count == y->table_count; i++) {
        const struct site_table *a = &r->m->spaces[0].tables[x->table + i], *b = &r->m->spaces[1].tables[y->table + i];
        uint64_t size = 0, size_known = a->count * a->entry_size;
        const struct symbol *named = symbols_at_address(r->m->spaces[0].symbols, a->address);
        if (!a->code || (named != NULL && named->type == STT_OBJECT && named->address == a->address) ||
            a->entry_size != b->entry_size || a->shift != b->shift || a->is_signed != b->is_signed)
            continue;
        /* What is read beyond the next table's begin would be of that one. */
        uint64_t most_a = next_begin(r, 0, a->address) - a->address, most_b = next_begin(r, 1, b->address) - b->address;
        uint64_t most = most_a < most_b ? most_a : most_b;
        most = most < to_end(r, 0, a->address) ? most : to_end(r, 0, a->address);
        most = most < to_end(r, 1, b->address) ? most : to_end(r, 1, b->address);
        most = a->count != 0 && size_known < most ? size_known : most;
        while (size + a->entry_size <= most && counterpart_at(&r->map, 0, a->address + size) == NULL &&
               counterpart_at(&r->map, 1, b->address + size) == NULL && same_entry(r, x, a, b, size))
            size += a->entry_size;
        if (size > 0)
            counterpart_add(r->m, a->address, b->address, size, EVIDENCE_REFERENCE, false);
    }
}

void tables_pair(struct matchmaking *m)
{
    struct referring r = {.m = m};
    m->out_of_memory |= !correspondence_settle(m, &r.map) || !list_tables(&r, 0) || !list_tables(&r, 1);
    for (size_t i = 0; i < m->spaces[0].code_count && !m->out_of_memory; i++) {
        const struct code_piece *piece = &m->spaces[0].code[i];
        if (piece->partner != SIZE_MAX && piece->equal && piece->table_count > 0)
            pair_tables(&r, piece, &m->spaces[1].code[piece->partner]);
    }
    free(r.begins[0]);
    free(r.begins[1]);
    m->out_of_memory |= !correspondence_settle(m, &r.map); /* tables that several functions share, once */
}

void references_pair(struct matchmaking *m)
{
    size_t added = 1;
    for (size_t round = 0; round < ROUNDS && added > 0 && !m->out_of_memory; round++) {
        struct referring r = {.m = m};
        if (!correspondence_settle(m, &r.map)) {
            m->out_of_memory = true;
            return;
        }
        leads_of_code(&r);
        leads_of_data(&r);
        bool listed = list_begins(&r, 0) && list_begins(&r, 1);
        m->out_of_memory |= !listed;
        added = listed ? pair_things(&r) : 0;
        free(r.leads.items);
        free(r.begins[0]);
        free(r.begins[1]);
    }
}
