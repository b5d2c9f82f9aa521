/*
 * Which address of the vendor's is which of the rebuilt's: by the correspondence that was made to prove what moved, where
 * there is one; else by symbols, as far behind the symbol of one name; and by the place in the section where there are
 * no symbols. Objects have the addresses that the view of debug information gives to their sections.
 */
#include "parts.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MOST 4096 /* bytes of a text of the program */

/* ---- Named places ---- */

static bool is_place(const struct symbol *symbol)
{
    bool of_file = symbol->source == SYMBOL_SYMTAB || symbol->source == SYMBOL_DYNSYM;
    return of_file && symbol->defined && symbol->name != NULL && symbol->name[0] != '\0' && symbol->name[0] != '$' &&
           (symbol->type == STT_FUNC || symbol->type == STT_OBJECT || symbol->type == STT_NOTYPE ||
            symbol->type == STT_GNU_IFUNC);
}

/* Of two names of one place, the same one on both sides. */
static int by_address(const void *left, const void *right)
{
    const struct named_place *a = left, *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return strcmp(a->name, b->name);
}

static bool read_named(struct debugging *d, size_t side)
{
    struct debug_places *places = &d->places;
    const struct image *image = d->sides[side].image;
    struct symbols symbols;
    struct compare_error error;
    size_t count = 0;
    if (symbols_read(image, &d->own, &symbols, &error) != 0)
        return false;
    struct named_place *named = arena_alloc(&d->own, symbols.count + 1, sizeof(*named));
    for (size_t i = 0; named != NULL && i < symbols.count; i++) {
        const struct symbol *symbol = &symbols.items[i];
        uint64_t address = symbol->address;
        if (is_place(symbol) &&
            (!image_is_relocatable(image) ||
             debug_object_address(d->sides[side].debug, symbol->section, symbol->address, &address)))
            named[count++] = (struct named_place){.address = address, .name = symbol->name, .partner = SIZE_MAX};
    }
    if (named == NULL)
        return false;
    sort_items(named, count, sizeof(*named), by_address);
    places->named[side] = named;
    places->counts[side] = count;
    return true;
}

static int by_name(const void *left, const void *right)
{
    const struct named_place *a = *(const struct named_place *const *)left;
    const struct named_place *b = *(const struct named_place *const *)right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : (a->address > b->address) - (a->address < b->address);
}

static size_t alike(const struct named_place *const *sorted, size_t count, size_t from)
{
    size_t end = from + 1;
    while (end < count && strcmp(sorted[end]->name, sorted[from]->name) == 0)
        end++;
    return end - from;
}

/* The n-th of a name is the n-th on the other side, where both have as many. */
static bool pair_named(struct debugging *d)
{
    struct debug_places *places = &d->places;
    const struct named_place **sorted[2];
    for (size_t side = 0; side < 2; side++) {
        sorted[side] = arena_alloc(&d->own, places->counts[side] + 1, sizeof(*sorted[side]));
        for (size_t i = 0; sorted[side] != NULL && i < places->counts[side]; i++)
            sorted[side][i] = &places->named[side][i];
        if (sorted[side] == NULL)
            return false;
        sort_items(sorted[side], places->counts[side], sizeof(*sorted[side]), by_name);
    }
    for (size_t a = 0, b = 0; a < places->counts[0] && b < places->counts[1];) {
        int order = strcmp(sorted[0][a]->name, sorted[1][b]->name);
        size_t count_a = order <= 0 ? alike(sorted[0], places->counts[0], a) : 0;
        size_t count_b = order >= 0 ? alike(sorted[1], places->counts[1], b) : 0;
        for (size_t i = 0; order == 0 && count_a == count_b && i < count_a; i++)
            places->named[0][sorted[0][a + i] - places->named[0]].partner =
                (size_t)(sorted[1][b + i] - places->named[1]);
        a += count_a;
        b += count_b;
    }
    return true;
}

bool places_open(struct debugging *d)
{
    struct debug_places *places = &d->places;
    for (size_t side = 0; side < 2; side++) {
        places->images[side] = d->sides[side].image;
        places->debugs[side] = d->sides[side].debug;
    }
    return read_named(d, 0) && read_named(d, 1) && pair_named(d);
}

/* ---- Sections ---- */

/* The address that a section has here: where it is loaded, or what the view of an object gives it. */
static bool section_address(const struct debug_places *places, size_t side, const struct section *section,
                            uint64_t *address)
{
    *address = section->address;
    return image_is_relocatable(places->images[side])
               ? debug_object_address(places->debugs[side], section->index, 0, address)
               : (section->flags & SHF_ALLOC) != 0;
}

/* How far behind the begin of a section an address is; false where it is not in it. */
static bool is_in(const struct debug_places *places, size_t side, const struct section *section, uint64_t address,
                  uint64_t *offset)
{
    uint64_t begin;
    if (!section_address(places, side, section, &begin) || address < begin || address - begin >= section->size)
        return false;
    *offset = address - begin;
    return true;
}

/* The section that an address is in; NULL. Most are where the one before was. */
static const struct section *section_at(struct debug_places *places, size_t side, uint64_t address, uint64_t *offset)
{
    const struct image *image = places->images[side];
    const struct section *last = places->last_section[side];
    if (last != NULL && is_in(places, side, last, address, offset))
        return last;
    for (uint64_t i = 1; i < image->section_count; i++) {
        if (is_in(places, side, &image->sections[i], address, offset))
            return places->last_section[side] = &image->sections[i];
    }
    return NULL;
}

/* ---- Asking ---- */

/* The last named place of a side at or before this address; SIZE_MAX: none. */
static size_t named_at(struct debug_places *places, size_t side, uint64_t address)
{
    const struct named_place *named = places->named[side];
    size_t count = places->counts[side], low = 0, high = count, last = places->last_named[side];
    if (last < count && named[last].address <= address && (last + 1 == count || address < named[last + 1].address))
        return last;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (named[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    /* Of several names of one place, the first. */
    while (low > 1 && named[low - 2].address == named[low - 1].address)
        low--;
    places->last_named[side] = low - 1;
    return low - 1;
}

/* As far behind a symbol of its section. offset: of the address in its section. */
static bool by_symbol(struct debug_places *places, uint64_t vendor, uint64_t offset, uint64_t *rebuilt)
{
    size_t at = named_at(places, 0, vendor);
    if (at >= places->counts[0] || vendor - places->named[0][at].address > offset)
        return false;
    uint64_t place = places->named[0][at].address;
    /* Any of its names will do. */
    for (; at < places->counts[0] && places->named[0][at].address == place; at++) {
        size_t partner = places->named[0][at].partner;
        if (partner != SIZE_MAX) {
            *rebuilt = places->named[1][partner].address + (vendor - place);
            return true;
        }
    }
    return false;
}

/* The n-th of a name is the n-th on the other side. */
static const struct section *section_of_name(const struct image *image, const struct section *section,
                                             const struct image *other)
{
    size_t before = 0;
    for (uint64_t i = 1; i < section->index; i++)
        before += strcmp(image->sections[i].name, section->name) == 0;
    for (uint64_t i = 1; i < other->section_count; i++) {
        if (strcmp(other->sections[i].name, section->name) == 0 && before-- == 0)
            return &other->sections[i];
    }
    return NULL;
}

static bool by_section(struct debug_places *places, const struct section *section, uint64_t offset, uint64_t *rebuilt)
{
    if (places->last_named_section != section) {
        places->last_named_section = section;
        places->section_partner = section_of_name(places->images[0], section, places->images[1]);
    }
    if (places->section_partner == NULL || !section_address(places, 1, places->section_partner, rebuilt))
        return false;
    *rebuilt += offset;
    return true;
}

bool place_partner(struct debug_places *places, uint64_t vendor, uint64_t *rebuilt)
{
    const struct counterpart *found = places->last;
    uint64_t offset;
    if (places->map != NULL && (found == NULL || vendor - found->vendor >= found->size)) {
        found = counterpart_at(places->map, 0, vendor);
        places->last = found != NULL ? found : places->last;
    }
    if (places->map != NULL && found != NULL) {
        *rebuilt = found->rebuilt + (vendor - found->vendor);
        return true;
    }
    /*
     * What the linker dropped has an address where nothing is: 0, 1 in .debug_ranges, or the highest two (ld, lld and
     * gold; DWARF 6 draft, "tombstones"), or some bytes behind one of these.
     */
    const struct section *section = section_at(places, 0, vendor, &offset);
    if (section == NULL) {
        *rebuilt = vendor;
        return section_at(places, 1, vendor, &offset) == NULL;
    }
    return by_symbol(places, vendor, offset, rebuilt) || by_section(places, section, offset, rebuilt);
}

/* Whether a symbol says that something of its own begins here. */
static bool is_named(struct debug_places *places, size_t side, uint64_t address)
{
    size_t at = named_at(places, side, address);
    return at < places->counts[side] && places->named[side][at].address == address;
}

/*
 * Texts have no symbols of their own, and the linker merges them: the same text is the same. With its NUL, wherever it
 * stands; without bytes of the file there is none.
 */
static bool is_same_text(struct debug_places *places, uint64_t vendor, uint64_t rebuilt)
{
    const uint8_t *texts[2];
    uint64_t sizes[2], addresses[2] = {vendor, rebuilt}, offset;
    for (size_t side = 0; side < 2; side++) {
        const struct section *section = section_at(places, side, addresses[side], &offset);
        if (section == NULL || (section->flags & (SHF_EXECINSTR | SHF_WRITE)) != 0 || section->type == SHT_NOBITS ||
            range_size(section->bytes) <= offset || is_named(places, side, addresses[side]))
            return false;
        texts[side] = image_bytes(places->images[side], section->bytes) + offset;
        sizes[side] = range_size(section->bytes) - offset;
        sizes[side] = sizes[side] < TEXT_MOST ? sizes[side] : TEXT_MOST;
    }
    const uint8_t *end = memchr(texts[0], '\0', sizes[0]);
    uint64_t size = end != NULL ? (uint64_t)(end - texts[0]) + 1 : 0;
    return size > 1 && size <= sizes[1] && memcmp(texts[0], texts[1], size) == 0;
}

bool place_agrees(struct debug_places *places, uint64_t vendor, uint64_t rebuilt, bool end)
{
    uint64_t partner;
    if (place_partner(places, vendor - end, &partner) && partner + end == rebuilt)
        return true;
    /* Where one thing ends another begins: a list can be meant to go up to it. */
    if (end)
        return place_partner(places, vendor, &partner) && partner == rebuilt;
    return is_same_text(places, vendor, rebuilt);
}
