/*
 * The partition of [0, size) into extents with owners. Headers and sections claim their bytes first; what they leave
 * goes to the segment that names it, then to padding, and behind the last claim to the overlay. Claims that overlap
 * are anomalies: the earlier one keeps the bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

struct claims {
    struct extent *items;
    size_t count;
};

static int claim_order(const void *left, const void *right)
{
    const struct extent *a = left, *b = right;
    if (a->range.begin != b->range.begin)
        return a->range.begin < b->range.begin ? -1 : 1;
    if (a->range.end != b->range.end)
        return a->range.end < b->range.end ? -1 : 1;
    if (a->owner != b->owner)
        return a->owner < b->owner ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static void claim(struct claims *claims, struct range range, enum owner owner, uint32_t index)
{
    if (!range_empty(range))
        claims->items[claims->count++] = (struct extent){range, owner, index};
}

static bool claims_collect(struct image *image, struct claims *claims)
{
    const Elf64_Ehdr *header = &image->header;
    claims->items = arena_alloc(&image->arena, image->section_count + 3, sizeof(*claims->items));
    if (claims->items == NULL)
        return false;
    claim(claims, (struct range){0, header->e_ehsize}, OWNER_ELF_HEADER, 0);
    if (image->segment_count > 0)
        claim(claims, (struct range){header->e_phoff, header->e_phoff + image->segment_count * header->e_phentsize},
              OWNER_PROGRAM_HEADERS, 0);
    if (image->section_count > 0)
        claim(claims, (struct range){header->e_shoff, header->e_shoff + image->section_count * header->e_shentsize},
              OWNER_SECTION_HEADERS, 0);
    for (uint64_t i = 1; i < image->section_count; i++)
        claim(claims, image->sections[i].bytes, OWNER_SECTION, (uint32_t)i);
    qsort(claims->items, claims->count, sizeof(*claims->items), claim_order);
    return true;
}

/* The segments as claims without overlap, PT_LOADs cutting nothing off each other's first bytes. */
static bool segments_collect(struct image *image, struct claims *segments)
{
    segments->items = arena_alloc(&image->arena, image->segment_count, sizeof(*segments->items));
    if (segments->items == NULL)
        return false;
    for (size_t i = 0; i < image->segment_count; i++)
        claim(segments, image->segments[i].bytes, OWNER_SEGMENT, (uint32_t)i);
    qsort(segments->items, segments->count, sizeof(*segments->items), claim_order);
    uint64_t end = 0;
    size_t kept = 0;
    for (size_t i = 0; i < segments->count; i++) {
        struct extent segment = segments->items[i];
        if (segment.range.begin < end)
            segment.range.begin = end;
        if (range_empty(segment.range))
            continue;
        end = segment.range.end;
        segments->items[kept++] = segment;
    }
    segments->count = kept;
    return true;
}

struct partition {
    const struct image *image;
    struct list extents;
    const struct claims *segments;
    size_t segment; /* the first that does not end before `end` */
    uint64_t end;   /* of what is partitioned so far */
};

static bool partition_add(struct partition *partition, uint64_t end, enum owner owner, uint32_t index)
{
    if (end <= partition->end)
        return true;
    struct extent *extent = list_add(&partition->extents);
    if (extent == NULL)
        return false;
    *extent = (struct extent){{partition->end, end}, owner, index};
    partition->end = end;
    return true;
}

/* Fills the gap up to `end` with what segments name of it, and with `otherwise` between. */
static bool partition_gap(struct partition *partition, uint64_t end, enum owner otherwise)
{
    bool added = true;
    while (added && partition->end < end) {
        const struct claims *segments = partition->segments;
        while (partition->segment < segments->count && segments->items[partition->segment].range.end <= partition->end)
            partition->segment++;
        if (partition->segment == segments->count)
            return partition_add(partition, end, otherwise, 0);
        const struct extent *next = &segments->items[partition->segment];
        uint64_t begin = next->range.begin < end ? next->range.begin : end;
        added = partition_add(partition, begin, OWNER_PADDING, 0) &&
                partition_add(partition, next->range.end < end ? next->range.end : end, OWNER_SEGMENT, next->index);
    }
    return added;
}

static const char *claim_name(const struct image *image, const struct extent *extent)
{
    static const char *const names[] = {
        [OWNER_PADDING] = "padding",
        [OWNER_ELF_HEADER] = "ELF header",
        [OWNER_PROGRAM_HEADERS] = "program headers",
        [OWNER_SECTION_HEADERS] = "section headers",
        [OWNER_SEGMENT] = "segment",
        [OWNER_OVERLAY] = "overlay",
    };
    return extent->owner == OWNER_SECTION ? image->sections[extent->index].name : names[extent->owner];
}

int extents_build(struct image *image, struct list *anomalies, struct compare_error *error)
{
    struct claims claims = {0}, segments = {0};
    if (!claims_collect(image, &claims) || !segments_collect(image, &segments))
        return image_no_memory(image, error);
    struct partition partition = {
        .image = image,
        .extents = {.arena = &image->arena, .item_size = sizeof(struct extent)},
        .segments = &segments,
    };
    const struct extent *before = NULL;
    for (size_t i = 0; i < claims.count; i++) {
        const struct extent *next = &claims.items[i];
        int status = 0;
        if (next->range.begin < partition.end)
            status = anomaly_add(anomalies, "overlapping-claims", next->range.begin, "%s and %s claim the same bytes",
                                 claim_name(image, before), claim_name(image, next));
        if (status != 0 || !partition_gap(&partition, next->range.begin, OWNER_PADDING) ||
            !partition_add(&partition, next->range.end, next->owner, next->index))
            return image_no_memory(image, error);
        if (before == NULL || next->range.end >= before->range.end)
            before = next;
    }
    if (!partition_gap(&partition, image->size, OWNER_OVERLAY))
        return image_no_memory(image, error);
    image->extents = partition.extents.items;
    image->extent_count = partition.extents.count;
    return 0;
}

const struct extent *image_extent_at(const struct image *image, uint64_t file_offset)
{
    size_t low = 0, high = image->extent_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (image->extents[middle].range.end > file_offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low < image->extent_count ? &image->extents[low] : NULL;
}

const char *image_owner_name(const struct image *image, const struct extent *extent, char *buffer, size_t size)
{
    if (extent->owner == OWNER_SEGMENT)
        snprintf(buffer, size, "segment %u", extent->index);
    else
        snprintf(buffer, size, "%s", claim_name(image, extent));
    return buffer;
}
