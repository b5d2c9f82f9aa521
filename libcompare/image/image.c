/* Opening an image and looking at it: the face of the room. The views are made in the files beside this one. */
#include "image.h"

#include <string.h>

#include "parts.h"
#include "snapshot.h"

int image_no_memory(const struct image *image, struct compare_error *error)
{
    return error_set(error, COMPARE_ERROR_MEMORY, image->path, "no memory");
}

int image_require(const struct image *image, uint64_t offset, uint64_t size, const char *what, struct range *range,
                  struct compare_error *error)
{
    if (range_make(offset, size, range) && range->end <= image->size)
        return 0;
    return error_set(error, COMPARE_ERROR_MALFORMED, image->path,
                     "%s at offset %#jx, size %#jx, ends past the end of the file (%#jx bytes): truncated?", what,
                     (uintmax_t)offset, (uintmax_t)size, (uintmax_t)image->size);
}

int image_open_input(const struct compare_input *input, const struct compare_limits *limits, struct image *image,
                     struct compare_error *error)
{
    memset(image, 0, sizeof(*image));
    image->path = input->name;
    int status =
        snapshot_open(input, limits_for(limits, 0).stream, &image->snapshot, &image->bytes, &image->size, error);
    image->limits = limits_for(limits, image->size);
    return status;
}

int image_open(const char *path, const struct compare_limits *limits, struct image *image, struct compare_error *error)
{
    return image_open_input(&(struct compare_input){.name = path, .fd = -1}, limits, image, error);
}

int image_parse(struct image *image, struct compare_error *error)
{
    struct list anomalies = {.arena = &image->arena, .item_size = sizeof(struct anomaly)};
    int (*const steps[])(struct image *, struct compare_error *) = {
        headers_parse, segments_parse, sections_parse, dynamic_parse, notes_parse, load_view_build,
    };
    int status = 0;
    for (size_t i = 0; i < ARRAY_COUNT(steps) && status == 0; i++)
        status = steps[i](image, error);
    if (status == 0)
        status = extents_build(image, &anomalies, error);
    if (status == 0)
        status = anomalies_find(image, &anomalies, error);
    image->anomalies = anomalies.items;
    image->anomaly_count = anomalies.count;
    return status;
}

int image_parse_debug(struct image *image, struct compare_error *error)
{
    image->separate_debug = true;
    int status = headers_parse(image, error);
    if (status == 0)
        status = sections_parse(image, error);
    return status == 0 ? notes_parse(image, error) : status;
}

void image_close(struct image *image)
{
    arena_free(&image->arena);
    snapshot_close(image->snapshot);
    image->snapshot = NULL;
    image->bytes = NULL;
}

int image_check_unchanged(const struct image *image, struct compare_error *error)
{
    return snapshot_check(image->snapshot, image->path, error);
}

bool image_same_file(const struct image *vendor, const struct image *rebuilt)
{
    return snapshot_same_file(vendor->snapshot, rebuilt->snapshot);
}

const uint8_t *image_bytes(const struct image *image, struct range range)
{
    if (range.begin > range.end || range.end > image->size || image->bytes == NULL)
        return NULL;
    return image->bytes + range.begin;
}

bool image_all_zero(const struct image *image, struct range range)
{
    const uint8_t *bytes = image_bytes(image, range);
    uint64_t size = range_size(range);
    return bytes != NULL && (size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0));
}

bool image_in_load_view(const struct image *image, struct range range)
{
    return ranges_overlap(image->load, image->load_count, range);
}

bool image_is_executable(const struct image *image, struct range range)
{
    return ranges_overlap(image->executable, image->executable_count, range);
}

bool image_address(const struct image *image, uint64_t file_offset, uint64_t *address)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        if (segment->type == PT_LOAD && segment->bytes.begin <= file_offset && file_offset < segment->bytes.end) {
            *address = segment->address + (file_offset - segment->bytes.begin);
            return true;
        }
    }
    return false;
}

bool image_file_range(const struct image *image, uint64_t address, uint64_t size, struct range *range)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        uint64_t offset = address - segment->address;
        if (segment->type == PT_LOAD && address >= segment->address && offset <= segment->file_size &&
            size <= segment->file_size - offset)
            return range_make(segment->file_offset + offset, size, range);
    }
    return false;
}

const struct section *image_section_named(const struct image *image, const char *name)
{
    const struct section *found = NULL;
    for (uint64_t i = 1; i < image->section_count; i++) {
        if (strcmp(image->sections[i].name, name) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = &image->sections[i];
    }
    return found;
}

const struct dynamic_entry *image_dynamic(const struct image *image, int64_t tag)
{
    /* Of several, ld.so takes the last (glibc elf/get-dynamic-info.h). */
    for (size_t i = image->dynamic_count; i > 0; i--) {
        if (image->dynamic[i - 1].tag == tag)
            return &image->dynamic[i - 1];
    }
    return NULL;
}
