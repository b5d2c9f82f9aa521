/* Within two functions that differ: which instructions are which, by runs of those that are equal but for addresses. */
#include "parts.h"

#define XXH_STATIC_LINKING_ONLY /* its state can live on the stack */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define RUN_LEAST 2 /* instructions; one alone can stand anywhere */

struct changed_side {
    const uint8_t *bytes;
    uint64_t size, address;
    struct sites sites;
    uint64_t *hashes; /* of each instruction */
};

static uint64_t end_of(const struct changed_side *side, size_t instruction)
{
    return instruction + 1 < side->sites.start_count ? side->sites.starts[instruction + 1] : side->size;
}

/* Over the bytes without the masked bits. */
static uint64_t hash_instruction(const struct changed_side *side, size_t instruction, size_t *site)
{
    uint8_t shown[64];
    uint64_t begin = side->sites.starts[instruction], end = end_of(side, instruction), size = end - begin;
    if (size > sizeof(shown) - 16)
        return XXH3_64bits(side->bytes + begin, size);
    memcpy(shown, side->bytes + begin, size);
    for (; *site < side->sites.count && side->sites.items[*site].offset < end; ++*site) {
        const struct site *item = &side->sites.items[*site];
        for (size_t i = 0; i < item->size && item->offset >= begin && item->offset + i < end; i++)
            shown[item->offset - begin + i] &= (uint8_t) ~(i < sizeof(item->mask) ? item->mask[i] : 0xff);
        shown[size++] = item->kind;
        if (size == sizeof(shown))
            break;
    }
    return XXH3_64bits(shown, size);
}

static bool read_side(const struct space *space, const struct code_piece *piece, struct changed_side *side)
{
    side->bytes = space->image->bytes + piece->bytes.begin;
    side->size = piece->size;
    side->address = piece->address;
    if (!decode_sites(space->decoders[piece->thumb], side->bytes, side->size, side->address, true, &side->sites))
        return false;
    side->hashes = calloc(side->sites.start_count + 1, sizeof(*side->hashes));
    size_t site = 0;
    for (size_t i = 0; side->hashes != NULL && i < side->sites.start_count; i++)
        side->hashes[i] = hash_instruction(side, i, &site);
    return side->hashes != NULL;
}

static void add_runs(struct matchmaking *m, const struct changed_side *a, const struct changed_side *b,
                     const size_t *partner)
{
    bool begun = false;
    for (size_t i = 0; i < a->sites.start_count;) {
        size_t end = i + 1, k = partner[i];
        if (k == SIZE_MAX) {
            i++;
            continue;
        }
        /* Only the begins are each other's: that is where they are entered. */
        if ((i == 0) != (k == 0)) {
            i++;
            continue;
        }
        while (end < a->sites.start_count && partner[end] == k + (end - i))
            end++;
        uint64_t begin_a = a->sites.starts[i], begin_b = b->sites.starts[k], size = end_of(a, end - 1) - begin_a;
        if (end - i >= RUN_LEAST && size == end_of(b, k + (end - i) - 1) - begin_b) {
            counterpart_add(m, a->address + begin_a, b->address + begin_b, size, EVIDENCE_ORDER, true);
            begun |= begin_a == 0;
        }
        i = end;
    }
    /* Who calls one calls the other, whatever became of their first instructions. */
    if (!begun)
        counterpart_add(m, a->address, b->address, 1, EVIDENCE_ORDER, true);
}

void changed_pair(struct matchmaking *m, const struct code_piece *vendor, const struct code_piece *rebuilt)
{
    struct changed_side a = {0}, b = {0};
    bool read = vendor->known && rebuilt->known && read_side(&m->spaces[0], vendor, &a) &&
                read_side(&m->spaces[1], rebuilt, &b);
    size_t *partner = read ? calloc(a.sites.start_count + 1, sizeof(*partner)) : NULL;
    if (partner != NULL && align_sequences(a.hashes, a.sites.start_count, b.hashes, b.sites.start_count, partner))
        add_runs(m, &a, &b, partner);
    else if (!read)
        counterpart_add(m, vendor->address, rebuilt->address, 1, EVIDENCE_ORDER, true);
    m->out_of_memory |= read && partner == NULL;
    free(partner);
    free(a.hashes);
    free(b.hashes);
    sites_free(&a.sites);
    sites_free(&b.sites);
}
