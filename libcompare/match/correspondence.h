/*
 * The correspondence of two address spaces: which address of the vendor's image is which of the rebuilt's. It is made
 * from names, content and order, never from the references that it serves to check: a reference that leads elsewhere
 * must not make its own excuse. It proves nothing itself. What is proven is compare/'s: that all bytes of two
 * counterparts are equal but for references, and that all of these lead to counterparts.
 */
#ifndef MATCH_CORRESPONDENCE_H
#define MATCH_CORRESPONDENCE_H

#include "../decode/decode.h"

enum evidence {
    EVIDENCE_NAME = 0,  /* a symbol that each side has once */
    EVIDENCE_CONTENT,   /* bytes, without addresses, that each side has once */
    EVIDENCE_ORDER,     /* between two others of better evidence */
    EVIDENCE_REFERENCE, /* equal bytes, and all that refers to them agrees */
    EVIDENCE_SECTION,   /* the begin or end of two sections of one name */
};

/* Addresses [vendor, vendor + size) are, one by one, [rebuilt, rebuilt + size). Of one-to-one lists. */
struct counterpart {
    uint64_t vendor, rebuilt;
    uint64_t size; /* bytes, not 0 */
    enum evidence evidence;
    bool code;
};

/*
 * Where to look in a sorted list for an address: of each stretch of so many addresses, which items begin before it. A
 * binary search has a few items left then, which stand beside each other in memory.
 */
struct address_index {
    uint64_t lowest;
    unsigned shift;
    size_t count;    /* stretches; 0: there is no index */
    uint32_t *first; /* one more than there are stretches */
};

/* begin_of gives an item's address, which do not fall. No index is made without memory, or of few items. */
void address_index_make(struct address_index *index, struct arena *arena, const void *items, size_t count,
                        uint64_t (*begin_of)(const void *items, size_t i));

/* Of a list of *high items, the last one that begins at or before this address is below *high, and not before *low - 1. */
static inline void address_index_bounds(const struct address_index *index, uint64_t address, size_t *low, size_t *high)
{
    *low = 0;
    if (index->count == 0 || address < index->lowest)
        return;
    uint64_t stretch = (address - index->lowest) >> index->shift;
    *low = index->first[stretch < index->count ? stretch : index->count];
    *high = stretch < index->count ? index->first[stretch + 1] : *high;
}

struct correspondence {
    struct counterpart *items; /* by vendor address, without overlap on either side */
    size_t count;
    const struct counterpart **by_rebuilt;
    struct address_index indexes[2]; /* of items, of by_rebuilt */
};

/* The same, in another arena; NULL: no memory. */
struct correspondence *correspondence_copy(const struct correspondence *map, struct arena *arena);

/* The counterpart that holds this address of a side (0 vendor, 1 rebuilt); NULL. O(log n). */
const struct counterpart *counterpart_at(const struct correspondence *map, size_t side, uint64_t address);

/* Whether these two addresses are counterparts. */
bool addresses_correspond(const struct correspondence *map, uint64_t vendor, uint64_t rebuilt);

#endif
