/* Sites: what the machines share. Which bits are an address, the machine's own file says. */
#include "sites_parts.h"

#include <stdlib.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* its state can live on the stack */
#include <xxhash.h>

static const struct {
    uint16_t machine;
    bool (*find)(struct site_search *search);
} machines[] = {
    {EM_X86_64, sites_x86}, {EM_386, sites_i386},  {EM_AARCH64, sites_aarch64}, {EM_ARM, sites_arm},
    {EM_PPC, sites_ppc},    {EM_PPC64, sites_ppc}, {EM_MIPS, sites_mips},
};

/* ---- Growing ---- */

static void *grown(void *items, size_t *capacity, size_t size)
{
    size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *larger = wanted > SIZE_MAX / 2 / size ? NULL : realloc(items, wanted * size);
    if (larger != NULL)
        *capacity = wanted;
    return larger;
}

struct site *site_add(struct site_search *search, uint64_t offset, size_t size, enum site_kind kind, uint64_t target)
{
    static _Thread_local struct site none; /* both sides are read at once */
    struct sites *sites = search->sites;
    if (sites->count == sites->capacity) {
        struct site *larger = grown(sites->items, &sites->capacity, sizeof(*larger));
        if (larger == NULL) {
            sites->out_of_memory = true;
            return &none;
        }
        sites->items = larger;
    }
    struct site *site = &sites->items[sites->count++];
    *site = (struct site){.target = target, .offset = (uint32_t)offset, .size = (uint8_t)size, .kind = (uint8_t)kind};
    memset(site->mask, 0xff, size < sizeof(site->mask) ? size : sizeof(site->mask));
    return site;
}

struct site *site_add_word(struct site_search *search, uint64_t offset, uint32_t bits, enum site_kind kind,
                           uint64_t target)
{
    struct site *site = site_add(search, offset, 4, kind, target);
    for (size_t i = 0; i < 4; i++)
        site->mask[i] = (uint8_t)(bits >> (search->decoder->big_endian       ? 24 - 8 * i
                                           : search->decoder->machine->thumb ? (8 * i) ^ 16
                                                                             : 8 * i));
    return site;
}

struct site_table *site_table_add(struct site_search *search, struct site_table table)
{
    struct sites *sites = search->sites;
    for (size_t i = 0; i < sites->table_count; i++) {
        if (sites->tables[i].address == table.address && sites->tables[i].base == table.base)
            return &sites->tables[i];
    }
    if (sites->table_count == sites->table_capacity) {
        struct site_table *larger = grown(sites->tables, &sites->table_capacity, sizeof(*larger));
        if (larger == NULL) {
            sites->out_of_memory = true;
            return NULL;
        }
        sites->tables = larger;
    }
    sites->tables[sites->table_count] = table;
    return &sites->tables[sites->table_count++];
}

void site_stub_add(struct site_search *search, struct site_stub stub)
{
    struct sites *sites = search->sites;
    if (sites->stub_count == sites->stub_capacity) {
        struct site_stub *larger = grown(sites->stubs, &sites->stub_capacity, sizeof(*larger));
        if (larger == NULL) {
            sites->out_of_memory = true;
            return;
        }
        sites->stubs = larger;
    }
    sites->stubs[sites->stub_count++] = stub;
}

void site_start(struct site_search *search, uint64_t offset)
{
    struct sites *sites = search->sites;
    if (!search->starts)
        return;
    if (sites->start_count == sites->start_capacity) {
        uint32_t *larger = grown(sites->starts, &sites->start_capacity, sizeof(*larger));
        if (larger == NULL) {
            sites->out_of_memory = true;
            return;
        }
        sites->starts = larger;
    }
    sites->starts[sites->start_count++] = (uint32_t)offset;
}

void sites_free(struct sites *sites)
{
    free(sites->items);
    free(sites->tables);
    free(sites->stubs);
    free(sites->starts);
    *sites = (struct sites){0};
}

/* ---- Sameness ---- */

static uint8_t mask_at(const struct site *site, size_t i)
{
    return i < sizeof(site->mask) ? site->mask[i] : 0xff;
}

static void hash_site(XXH3_state_t *state, const uint8_t *bytes, const struct site *site)
{
    uint8_t shown[18] = {site->size, site->kind};
    memcpy(shown + 2, &site->offset, sizeof(site->offset));
    memcpy(shown + 6, site->mask, sizeof(site->mask));
    for (size_t i = 0; i < site->size; i++)
        shown[10 + i] = bytes[site->offset + i] & (uint8_t)~mask_at(site, i);
    XXH3_64bits_update(state, shown, sizeof(shown));
}

static uint64_t hash_of(const uint8_t *bytes, uint64_t size, const struct sites *sites)
{
    XXH3_state_t state;
    uint64_t done = 0;
    XXH3_64bits_reset(&state);
    for (size_t i = 0; i < sites->count; i++) {
        const struct site *site = &sites->items[i];
        if (site->offset > done)
            XXH3_64bits_update(&state, bytes + done, site->offset - done);
        hash_site(&state, bytes, site);
        done = site->offset + site->size;
    }
    if (size > done)
        XXH3_64bits_update(&state, bytes + done, size - done);
    return XXH3_64bits_digest(&state);
}

bool stretches_equal(const struct site_stretch *vendor, const struct site_stretch *rebuilt, uint64_t size)
{
    const uint8_t *a = vendor->bytes, *b = rebuilt->bytes;
    uint64_t done = 0;
    if (vendor->count != rebuilt->count)
        return false;
    for (size_t i = 0; i < vendor->count; i++) {
        const struct site *x = &vendor->sites[i], *y = &rebuilt->sites[i];
        uint64_t begin = x->offset - vendor->offset;
        if (begin != y->offset - rebuilt->offset || begin < done || begin + x->size > size || x->size != y->size ||
            x->kind != y->kind || memcmp(x->mask, y->mask, sizeof(x->mask)) != 0 ||
            memcmp(a + done, b + done, begin - done) != 0)
            return false;
        for (size_t k = 0; k < x->size; k++) {
            if (((a[begin + k] ^ b[begin + k]) & (uint8_t)~mask_at(x, k)) != 0)
                return false;
        }
        done = begin + x->size;
    }
    return memcmp(a + done, b + done, size - done) == 0;
}

bool sites_equal(const uint8_t *vendor, const struct sites *vendor_sites, const uint8_t *rebuilt,
                 const struct sites *rebuilt_sites, uint64_t size)
{
    struct site_stretch a = {vendor, vendor_sites->items, vendor_sites->count, 0};
    struct site_stretch b = {rebuilt, rebuilt_sites->items, rebuilt_sites->count, 0};
    return vendor_sites->undecoded == rebuilt_sites->undecoded &&
           vendor_sites->falls_through == rebuilt_sites->falls_through &&
           vendor_sites->unfollowed == rebuilt_sites->unfollowed && stretches_equal(&a, &b, size);
}

/* ---- Tables ---- */

bool site_table_target(const struct image *image, const struct site_table *table, uint64_t file_offset,
                       uint64_t *target)
{
    const uint8_t *at = image_bytes(image, (struct range){file_offset, file_offset + table->entry_size});
    if (at == NULL)
        return false;
    uint64_t value = table->entry_size == 1   ? *at
                     : table->entry_size == 2 ? image_u16(image, at)
                     : table->entry_size == 4 ? image_u32(image, at)
                                              : image_u64(image, at);
    unsigned bits = table->entry_size * 8u;
    if (table->is_signed && bits < 64 && (value >> (bits - 1) & 1) != 0)
        value |= ~(uint64_t)0 << bits;
    *target = table->base + (value << table->shift);
    if (!image->is64)
        *target = (uint32_t)*target;
    return true;
}

/* ---- Padding ---- */

bool decode_is_padding(struct decoder *decoder, const uint8_t *bytes, uint64_t size)
{
    switch (decoder->image->header.e_machine) {
    case EM_X86_64:
    case EM_386:
        return padding_x86(bytes, size);
    case EM_AARCH64:
        return padding_aarch64(bytes, size);
    case EM_ARM:
        return padding_arm(decoder, bytes, size);
    case EM_MIPS:
        return padding_zero(bytes, size);
    case EM_PPC:
    case EM_PPC64:
        return padding_ppc(decoder, bytes, size);
    default:
        return false;
    }
}

/* ---- Searching ---- */

/* Sites are found in the order of instructions; words of a literal pool may be found before their place comes. */
static int site_order(const void *left, const void *right)
{
    const struct site *a = left, *b = right;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static bool in_order(const struct sites *sites, uint64_t size)
{
    uint64_t done = 0;
    for (size_t i = 0; i < sites->count; i++) {
        const struct site *site = &sites->items[i];
        if (site->offset < done || site->size > 8 || site->offset + (uint64_t)site->size > size)
            return false;
        done = site->offset + site->size;
    }
    return true;
}

bool decode_reached(struct decoder *decoder, const uint8_t *bytes, uint64_t size, uint64_t address, struct sites *sites)
{
    struct site_search search = {decoder, bytes, size, address, false, true, sites};
    sites->count = sites->table_count = sites->stub_count = sites->start_count = 0;
    sites->out_of_memory = false;
    return decoder->image->header.e_machine == EM_ARM && size <= UINT32_MAX && sites_arm(&search) &&
           !sites->out_of_memory;
}

bool decode_sites(struct decoder *decoder, const uint8_t *bytes, uint64_t size, uint64_t address, bool starts,
                  struct sites *sites)
{
    struct site_search search = {decoder, bytes, size, address, starts, false, sites};
    sites->count = sites->table_count = sites->stub_count = sites->start_count = 0;
    sites->unfollowed = sites->undecoded = sites->closed = sites->falls_through = sites->out_of_memory = false;
    for (size_t i = 0; i < ARRAY_COUNT(machines); i++) {
        if (machines[i].machine != decoder->image->header.e_machine || size > UINT32_MAX)
            continue;
        if (!machines[i].find(&search) || sites->out_of_memory)
            return false;
        if (!in_order(sites, size)) {
            qsort(sites->items, sites->count, sizeof(*sites->items), site_order);
            if (!in_order(sites, size))
                return false;
        }
        sites->hash = hash_of(bytes, size, sites);
        return true;
    }
    return false;
}
