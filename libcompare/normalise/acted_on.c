/*
 * Whether the kernel or ld.so may come to a record of the load view by another way than as that record: a program
 * header, a tag of the dynamic segment, or the arithmetic that ld.so does with what stands in its tables (glibc
 * elf/get-dynamic-info.h, elf/dl-lookup.c, elf/dl-runtime.c). ld.so checks no bounds: the stated sizes hold for those
 * tables alone that it walks by them. What cannot be told is acted on.
 */
#include <string.h>

#include "rules.h"

/* How far what an unknown tag points to may reach: a few words. Lower values are counts and flags. */
#define UNKNOWN_REACH  64
#define LOWEST_UNKNOWN 64

enum tag_kind {
    TAG_UNKNOWN = 0, /* may be an address */
    TAG_VALUE,       /* a size, count or flag; ld.so makes no address of it */
    TAG_STRING,      /* an offset, which ld.so adds to DT_STRTAB as it stands */
    TAG_SIZED,       /* a table that is walked by its stated size */
    TAG_PLACE,       /* the address of a function */
    TAG_UNBOUNDED,   /* a table that is entered by index, offset or chain: it may reach anywhere behind its begin */
};

static const struct {
    int64_t tag, size;
    enum tag_kind kind;
} tags[] = {
    {DT_STRTAB, 0, TAG_UNBOUNDED},
    {DT_SYMTAB, 0, TAG_UNBOUNDED},
    {DT_HASH, 0, TAG_UNBOUNDED},
    {DT_GNU_HASH, 0, TAG_UNBOUNDED},
    {DT_VERSYM, 0, TAG_UNBOUNDED},
    {DT_VERNEED, 0, TAG_UNBOUNDED},
    {DT_VERDEF, 0, TAG_UNBOUNDED},
    {DT_PLTGOT, 0, TAG_UNBOUNDED},
    {DT_JMPREL, 0, TAG_UNBOUNDED}, /* by an index that the PLT's code passes on */
    {DT_RELA, DT_RELASZ, TAG_SIZED},
    {DT_REL, DT_RELSZ, TAG_SIZED},
    {DT_RELR, DT_RELRSZ, TAG_SIZED},
    {DT_INIT_ARRAY, DT_INIT_ARRAYSZ, TAG_SIZED},
    {DT_FINI_ARRAY, DT_FINI_ARRAYSZ, TAG_SIZED},
    {DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ, TAG_SIZED},
    {DT_GNU_CONFLICT, DT_GNU_CONFLICTSZ, TAG_SIZED},
    {DT_GNU_LIBLIST, DT_GNU_LIBLISTSZ, TAG_SIZED},
    {DT_MOVETAB, DT_MOVESZ, TAG_SIZED},
    {DT_SYMINFO, DT_SYMINSZ, TAG_SIZED},
    {DT_INIT, 0, TAG_PLACE},
    {DT_FINI, 0, TAG_PLACE},
    {DT_NEEDED, 0, TAG_STRING},
    {DT_SONAME, 0, TAG_STRING},
    {DT_RPATH, 0, TAG_STRING},
    {DT_RUNPATH, 0, TAG_STRING},
    {DT_AUXILIARY, 0, TAG_STRING},
    {DT_FILTER, 0, TAG_STRING},
    {DT_AUDIT, 0, TAG_STRING},
    {DT_DEPAUDIT, 0, TAG_STRING},
    {DT_CONFIG, 0, TAG_STRING},
    {DT_PLTRELSZ, 0, TAG_VALUE},
    {DT_RELASZ, 0, TAG_VALUE},
    {DT_RELAENT, 0, TAG_VALUE},
    {DT_STRSZ, 0, TAG_VALUE},
    {DT_SYMENT, 0, TAG_VALUE},
    {DT_SYMBOLIC, 0, TAG_VALUE},
    {DT_RELSZ, 0, TAG_VALUE},
    {DT_RELENT, 0, TAG_VALUE},
    {DT_PLTREL, 0, TAG_VALUE},
    {DT_DEBUG, 0, TAG_VALUE},
    {DT_TEXTREL, 0, TAG_VALUE},
    {DT_BIND_NOW, 0, TAG_VALUE},
    {DT_INIT_ARRAYSZ, 0, TAG_VALUE},
    {DT_FINI_ARRAYSZ, 0, TAG_VALUE},
    {DT_PREINIT_ARRAYSZ, 0, TAG_VALUE},
    {DT_FLAGS, 0, TAG_VALUE},
    {DT_RELRSZ, 0, TAG_VALUE},
    {DT_RELRENT, 0, TAG_VALUE},
    {DT_RELACOUNT, 0, TAG_VALUE},
    {DT_RELCOUNT, 0, TAG_VALUE},
    {DT_FLAGS_1, 0, TAG_VALUE},
    {DT_GNU_CONFLICTSZ, 0, TAG_VALUE},
    {DT_GNU_LIBLISTSZ, 0, TAG_VALUE},
    {DT_MOVESZ, 0, TAG_VALUE},
    {DT_SYMINSZ, 0, TAG_VALUE},
    {DT_VERDEFNUM, 0, TAG_VALUE},
    {DT_VERNEEDNUM, 0, TAG_VALUE},
};

static uint64_t address_mask(const struct image *image)
{
    return image->is64 ? UINT64_MAX : UINT32_MAX;
}

static bool table_may_cover(uint64_t begin, uint64_t size, struct range range)
{
    struct range table;
    return !range_make(begin, size, &table) || range_overlaps(table, range);
}

/* What ld.so takes of several entries with one tag: the last. By the index of `tags`. */
struct values {
    const struct image *image;
    const struct dynamic_entry *last[ARRAY_COUNT(tags)];
};

static size_t tag_index(int64_t tag)
{
    size_t i = 0;
    while (i < ARRAY_COUNT(tags) && tags[i].tag != tag)
        i++;
    return i;
}

static struct values values_of(const struct image *image)
{
    struct values values = {.image = image};
    for (size_t i = 0; i < image->dynamic_count; i++) {
        size_t index = tag_index(image->dynamic[i].tag);
        if (index < ARRAY_COUNT(tags))
            values.last[index] = &image->dynamic[i];
    }
    return values;
}

/* NULL where there is none, or the tag is not in the table. */
static const struct dynamic_entry *last_of(const struct values *values, int64_t tag)
{
    size_t index = tag_index(tag);
    return index < ARRAY_COUNT(tags) ? values->last[index] : NULL;
}

static enum tag_kind kind_of(const struct image *image, int64_t tag)
{
    size_t index = tag_index(tag);
    if (index < ARRAY_COUNT(tags))
        return tags[index].kind;
    if (tag >= DT_VALRNGLO && tag <= DT_VALRNGHI)
        return TAG_VALUE;
    return (tag >= DT_ADDRRNGLO && tag <= DT_ADDRRNGHI) || (tag == DT_PPC_GOT && image->header.e_machine == EM_PPC)
               ? TAG_UNBOUNDED
               : TAG_UNKNOWN;
}

/* Any of several entries with one tag counts, though ld.so takes the last. */
static bool entry_may_cover(const struct values *values, const struct dynamic_entry *entry, struct range range)
{
    const struct dynamic_entry *size, *strings = last_of(values, DT_STRTAB);
    switch (kind_of(values->image, entry->tag)) {
    case TAG_VALUE:
        return false;
    case TAG_STRING: /* from there up to a zero byte, wherever that is */
        return strings != NULL && ((strings->value + entry->value) & address_mask(values->image)) < range.end;
    case TAG_SIZED:
        size = last_of(values, tags[tag_index(entry->tag)].size);
        return table_may_cover(entry->value, size != NULL ? size->value : 1, range);
    case TAG_PLACE:
        return table_may_cover(entry->value, 1, range);
    case TAG_UNBOUNDED:
        return entry->value < range.end;
    default:
        return entry->value >= LOWEST_UNKNOWN && table_may_cover(entry->value, UNKNOWN_REACH, range);
    }
}

/* ---- Hash tables, whose chains may lead below their begin ---- */

static bool read_at(const struct image *image, uint64_t address, uint64_t size, const uint8_t **bytes)
{
    struct range range;
    if (!image_file_range(image, address, size, &range))
        return false;
    *bytes = image->bytes + range.begin;
    return true;
}

/* ld.so comes to a chain by the bucket less the first symbol's index, which it does not compare. */
static bool gnu_hash_is_bounded(const struct image *image, uint64_t address)
{
    const uint8_t *header, *buckets, *chain;
    if (!read_at(image, address, 16, &header))
        return false;
    uint64_t count = image_u32(image, header), first = image_u32(image, header + 4),
             words = image_u32(image, header + 8), begin = address + 16 + words * (image->is64 ? 8 : 4),
             highest = first;
    if (!read_at(image, begin, count * 4, &buckets))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bucket = image_u32(image, buckets + 4 * i);
        if (bucket != 0 && bucket < first)
            return false;
        highest = bucket > highest ? bucket : highest;
    }
    return highest == first || read_at(image, begin + 4 * count + 4 * (highest - first), 4, &chain);
}

/* gABI chapter 5, "Hash Table"; its words have 8 bytes on Alpha and on 64-bit S/390. */
static bool hash_is_bounded(const struct image *image, uint64_t address)
{
    bool wide = image->is64 && (image->header.e_machine == EM_ALPHA || image->header.e_machine == EM_S390);
    uint64_t width = wide ? 8 : 4, counts[2];
    const uint8_t *words;
    if (!read_at(image, address, 2 * width, &words))
        return false;
    for (unsigned i = 0; i < 2; i++)
        counts[i] = wide ? image_u64(image, words + 8 * i) : image_u32(image, words + 4 * i);
    if (counts[0] > image->size || counts[1] > image->size ||
        !read_at(image, address + 2 * width, (counts[0] + counts[1]) * width, &words))
        return false;
    for (uint64_t i = 0; i < counts[0] + counts[1]; i++) {
        if ((wide ? image_u64(image, words + 8 * i) : image_u32(image, words + 4 * i)) >= counts[1])
            return false;
    }
    return true;
}

static bool hashes_are_bounded(const struct image *image)
{
    const struct dynamic_entry *gnu = image_dynamic(image, DT_GNU_HASH), *sysv = image_dynamic(image, DT_HASH);
    return (gnu == NULL || gnu_hash_is_bounded(image, gnu->value)) &&
           (sysv == NULL || hash_is_bounded(image, sysv->value));
}

/* ---- Program headers ---- */

/*
 * ld.so and the unwinder go by p_vaddr and, if at all, by p_memsz; the kernel by p_offset and p_filesz. The unwinder's
 * table has no end that a program header could tell. PT_GNU_STACK and PT_NULL name no place.
 */
static bool segment_may_cover(const struct segment *segment, struct range addresses)
{
    uint64_t size = segment->memory_size > segment->file_size ? segment->memory_size : segment->file_size;
    if (segment->type == PT_GNU_STACK || segment->type == PT_NULL || segment->type == PT_LOAD)
        return false;
    if (segment->type == PT_GNU_EH_FRAME)
        return segment->address < addresses.end;
    return table_may_cover(segment->address, size > 0 ? size : 1, addresses);
}

static bool address_is_acted_on(const struct values *values, struct range addresses, uint32_t own)
{
    const struct image *image = values->image;
    for (size_t i = 0; i < image->segment_count; i++) {
        if (i != own && segment_may_cover(&image->segments[i], addresses))
            return true;
    }
    for (size_t i = 0; i < image->dynamic_count; i++) {
        if (entry_may_cover(values, &image->dynamic[i], addresses))
            return true;
    }
    return false;
}

bool is_acted_on(const struct image *image, struct range range, uint32_t own)
{
    struct values values = values_of(image);
    if (!hashes_are_bounded(image))
        return true;
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        struct range pages = segment->bytes, addresses;
        if (segment->type != PT_LOAD) {
            if (i != own && range_overlaps(segment->bytes, range))
                return true;
            continue;
        }
        pages.begin -= pages.begin % image->page_size;
        pages.end += (image->page_size - pages.end % image->page_size) % image->page_size;
        /* Each mapping gives the bytes an address of its own, by whose arithmetic ld.so may come to them. */
        if (range_overlaps(pages, range) &&
            (!range_make(segment->address + (range.begin - segment->file_offset), range_size(range), &addresses) ||
             address_is_acted_on(&values, addresses, own)))
            return true;
    }
    return false;
}
