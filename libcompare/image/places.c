/*
 * Where addresses lie: segments and sections sorted by address. image_file_range asks every segment; with a million
 * symbols and 65,535 segments that would not end. Where segments overlap (an anomaly) the answer is one of them.
 */
#include <stdlib.h>

#include "symbols.h"

static int place_order(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    if (a->addresses.begin != b->addresses.begin)
        return a->addresses.begin < b->addresses.begin ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static void segments_collect(const struct image *image, struct places *places)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        if (segment->type == PT_TLS && places->tls == NULL)
            places->tls = segment;
        if (segment->type == PT_LOAD && !range_empty(segment->addresses))
            places->segments[places->segment_count++] =
                (struct place){segment->addresses, segment->bytes, segment->index};
    }
}

/* .tbss takes no addresses: those that it states are its neighbours'. */
static bool has_addresses(const struct section *section, struct range *addresses)
{
    bool tbss = section->type == SHT_NOBITS && (section->flags & SHF_TLS) != 0;
    return (section->flags & SHF_ALLOC) != 0 && !tbss && section->size > 0 &&
           range_make(section->address, section->size, addresses);
}

static void sections_collect(const struct image *image, struct places *places)
{
    if (!image_is_linked(image))
        return;
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        struct range addresses;
        if (has_addresses(section, &addresses))
            places->sections[places->section_count++] = (struct place){addresses, section->bytes, section->index};
    }
}

bool places_make(const struct image *image, struct places *places)
{
    *places = (struct places){0};
    places->segments = calloc(image->segment_count + 1, sizeof(*places->segments));
    places->sections = calloc(image->section_count + 1, sizeof(*places->sections));
    if (places->segments == NULL || places->sections == NULL) {
        places_free(places);
        return false;
    }
    segments_collect(image, places);
    sections_collect(image, places);
    qsort(places->segments, places->segment_count, sizeof(*places->segments), place_order);
    qsort(places->sections, places->section_count, sizeof(*places->sections), place_order);
    return true;
}

void places_free(struct places *places)
{
    free(places->segments);
    free(places->sections);
    *places = (struct places){0};
}

static const struct place *find(const struct place *places, size_t count, uint64_t address)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (places[middle].addresses.begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address < places[low - 1].addresses.end ? &places[low - 1] : NULL;
}

const struct place *places_segment(const struct places *places, uint64_t address)
{
    return find(places->segments, places->segment_count, address);
}

const struct place *places_section(const struct places *places, uint64_t address)
{
    return find(places->sections, places->section_count, address);
}

struct range places_bytes(const struct places *places, uint64_t address, uint64_t size)
{
    struct range none = {0, 0}, bytes;
    const struct place *segment = places_segment(places, address);
    if (segment == NULL || address - segment->addresses.begin >= range_size(segment->bytes))
        return none;
    uint64_t offset = address - segment->addresses.begin, room = range_size(segment->bytes) - offset;
    return range_make(segment->bytes.begin + offset, size < room ? size : room, &bytes) ? bytes : none;
}
