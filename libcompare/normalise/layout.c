/*
 * The layout of the normal form: the rules about where things lie (section-headers, elf-header-sections,
 * section-placement, padding, compression), which need to know what the other rules set aside, and the pieces.
 *
 * Linked files: everything up to the end of the load view keeps its place, with zeros for what is set aside; behind
 * it, the sections that stay follow one another, then their names and headers. Relocatable files: the sections'
 * content in the order of their indices, then the table. Where the structure for that is not found, nothing moves and
 * what is set aside becomes zeros.
 */
#include <stdlib.h>
#include <string.h>

#include "rules.h"

/* sh_addralign of what is laid out anew: as much as a page may need; more is no honest alignment. */
#define ALIGNMENT_LIMIT 65536

struct layout {
    struct claims *claims;
    struct normal_form *form;
    struct list pieces;
    uint64_t fixed; /* up to here nothing moves */
    bool out_of_memory;
};

/* ---- Claims with what stands in their place ---- */

static void claim_with(struct claims *claims, enum rule_index rule, struct range range, const uint8_t *replacement)
{
    if (claim_range(claims, rule, range)) {
        struct aside *aside = (struct aside *)claims->asides.items + claims->asides.count - 1;
        aside->replacement = replacement;
        aside->restated = replacement != NULL;
    }
}

static int aside_order(const void *left, const void *right)
{
    const struct aside *a = left, *b = right;
    return (a->range.begin > b->range.begin) - (a->range.begin < b->range.begin);
}

static void sort_asides(struct claims *claims)
{
    if (claims->asides.count > 1)
        qsort(claims->asides.items, claims->asides.count, sizeof(struct aside), aside_order);
}

/* ---- Pieces ---- */

static uint64_t add_piece(struct layout *layout, struct piece piece)
{
    if (piece.size == 0)
        return layout->form->size;
    struct piece *added = list_add(&layout->pieces);
    layout->out_of_memory |= added == NULL;
    if (added != NULL)
        *added = piece;
    uint64_t place = layout->form->size;
    layout->form->size += piece.size;
    return place;
}

static void add_zeros(struct layout *layout, uint64_t size)
{
    add_piece(layout, (struct piece){.size = size});
}

static void align(struct layout *layout, uint64_t alignment)
{
    if (alignment > 1)
        add_zeros(layout, (alignment - layout->form->size % alignment) % alignment);
}

static size_t first_aside_behind(const struct layout *layout, uint64_t offset)
{
    const struct aside *asides = layout->claims->asides.items;
    size_t low = 0, high = layout->claims->asides.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (asides[middle].range.end > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The bytes of a range of the file, with replacements or zeros for what is set aside in it. */
static void add_range(struct layout *layout, struct range range, uint32_t anchor)
{
    const struct image *image = layout->claims->image;
    const struct aside *asides = layout->claims->asides.items;
    size_t next = first_aside_behind(layout, range.begin);
    for (uint64_t at = range.begin; at < range.end;) {
        bool more = next < layout->claims->asides.count && asides[next].range.begin < range.end;
        struct range kept = {at, more && asides[next].range.begin > at ? asides[next].range.begin : at};
        if (!more)
            kept.end = range.end;
        struct piece piece = {.bytes = image->bytes + kept.begin,
                              .size = range_size(kept),
                              .source = kept,
                              .anchor = anchor,
                              .offset = kept.begin - range.begin};
        add_piece(layout, piece);
        at = kept.end;
        if (more) {
            uint64_t end = asides[next].range.end < range.end ? asides[next].range.end : range.end;
            add_piece(layout, (struct piece){.bytes = asides[next].replacement, .size = end - at});
            at = end;
            next++;
        }
    }
}

/* ---- Sections that stay, outside the load view ---- */

/* The plain content of a kept section that is compressed; NULL where it stays as it is. */
static const struct content *plain_content(struct layout *layout, const struct section *section)
{
    struct normal_form *form = layout->form;
    if ((section->flags & SHF_COMPRESSED) == 0 || !layout->claims->rules->accepted[RULE_COMPRESSION])
        return NULL;
    size_t low = 0, high = form->content_count; /* in the order of their sections */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (form->contents[middle].section < section->index)
            low = middle + 1;
        else
            high = middle;
    }
    return low < form->content_count && form->contents[low].section == section->index ? &form->contents[low] : NULL;
}

/*
 * Linkers and debuggers decompress debug information, by its name (bfd/compress.c; gcc's LTO has its own prefix). What
 * else reads sections takes them as they are: compressed, the kernel's .BTF or the linker plugin's .gnu.lto_ is void.
 */
static bool is_decompressed_by_its_readers(const struct section *section)
{
    static const char *const prefixes[] = {".debug_", ".gnu.debuglto_.debug_"};
    bool known = false;
    for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++)
        known |= strncmp(section->name, prefixes[i], strlen(prefixes[i])) == 0;
    return known;
}

static bool wants_plain_content(const struct layout *layout, const struct section *section)
{
    const struct claims *claims = layout->claims;
    return section->bytes.begin >= layout->fixed && (section->flags & (SHF_COMPRESSED | SHF_ALLOC)) == SHF_COMPRESSED &&
           !range_empty(section->bytes) && claims->rules->accepted[RULE_COMPRESSION] &&
           is_decompressed_by_its_readers(section) && !section_claimed(claims, section) &&
           !image_in_load_view(claims->image, section->bytes);
}

/* Decompresses once what is compared by its content; a stream that is not exact stays as it is. */
static bool read_contents(struct layout *layout)
{
    const struct image *image = layout->claims->image;
    struct normal_form *form = layout->form;
    size_t wanted = 0;
    for (uint64_t i = 1; i < image->section_count; i++)
        wanted += wants_plain_content(layout, &image->sections[i]);
    form->contents = arena_alloc(&form->arena, wanted, sizeof(*form->contents));
    if (form->contents == NULL)
        return false;
    for (uint64_t i = 1; i < image->section_count && wanted > 0; i++) {
        const struct section *section = &image->sections[i];
        struct content *content = &form->contents[form->content_count];
        if (!wants_plain_content(layout, section) || !claims_content(layout->claims, section, content))
            continue;
        form->content_count++;
        claim_range(layout->claims, RULE_COMPRESSION, section->bytes);
    }
    return true;
}

static uint64_t add_section(struct layout *layout, const struct section *section, uint32_t anchor)
{
    const struct content *content = plain_content(layout, section);
    if (!section_claimed(layout->claims, section) && !range_empty(section->bytes))
        align(layout, content != NULL ? content->alignment : section->alignment);
    uint64_t place = layout->form->size;
    if (content != NULL)
        add_piece(layout, (struct piece){.bytes = content->bytes, .size = content->size, .anchor = anchor});
    else if (!section_claimed(layout->claims, section))
        add_range(layout, section->bytes, anchor);
    return place;
}

/* ---- Linked files ---- */

static bool stays_unloaded(const struct claims *claims, const struct section *section)
{
    return (section->flags & SHF_ALLOC) == 0 && !range_empty(section->bytes) && !section_claimed(claims, section);
}

static struct range section_table(const struct image *image)
{
    return (struct range){image->header.e_shoff,
                          image->header.e_shoff + image->section_count * image->header.e_shentsize};
}

/* e_shoff, and e_shentsize to e_shstrndx: their places in the two classes' headers (gABI chapter 4). */
static struct range table_offset_field(const struct image *image)
{
    return image->is64 ? (struct range){0x28, 0x30} : (struct range){0x20, 0x24};
}

static struct range table_count_fields(const struct image *image)
{
    return image->is64 ? (struct range){0x3a, 0x40} : (struct range){0x2e, 0x34};
}

/* Where what keeps its place ends: the load view, and a section that reaches over its end. */
static uint64_t fixed_end(const struct image *image)
{
    uint64_t end = image->load_count > 0 ? image->load[image->load_count - 1].end : 0;
    const struct extent *last = end > 0 ? image_extent_at(image, end - 1) : NULL;
    return last != NULL && last->owner == OWNER_SECTION ? last->range.end : end;
}

static bool linked_extent_may_move(const struct claims *claims, const struct extent *extent, uint64_t fixed)
{
    const struct image *image = claims->image;
    struct range moving = {extent->range.begin > fixed ? extent->range.begin : fixed, extent->range.end};
    switch (extent->owner) {
    case OWNER_SECTION_HEADERS:
        return !image_in_load_view(image, extent->range);
    case OWNER_SECTION: {
        const struct section *section = &image->sections[extent->index];
        return !stays_unloaded(claims, section) || (section->link == 0 && section->info == 0 && section->address == 0 &&
                                                    section->alignment <= ALIGNMENT_LIMIT);
    }
    case OWNER_PADDING:
        return range_empty(moving) || (claims->rules->accepted[RULE_PADDING] && image_all_zero(image, moving));
    case OWNER_OVERLAY:
        return false;
    default:
        return extent->range.end <= fixed;
    }
}

static bool linked_may_move(struct claims *claims, uint64_t fixed)
{
    const struct image *image = claims->image;
    const Elf64_Ehdr *header = &image->header;
    if (!image_is_linked(image) || !claims->rules->accepted[RULE_SECTION_HEADERS] ||
        !claims->rules->accepted[RULE_ELF_HEADER_SECTIONS] ||
        image_is_executable(image, (struct range){0, header->e_ehsize}))
        return false;
    if (is_acted_on(image, table_offset_field(image), UINT32_MAX) ||
        is_acted_on(image, table_count_fields(image), UINT32_MAX))
        return false;
    /* The names go with the headers that they belong to, if their own rule lets them. */
    if (image->section_count > 0 && claims->names == NULL)
        return false;
    if (image->section_count == 0 && (header->e_shoff != 0 || header->e_shnum != 0 || header->e_shstrndx != 0))
        return false;
    size_t stay = 0;
    for (size_t i = 0; i < image->extent_count; i++) {
        bool names = claims->names != NULL && image->extents[i].owner == OWNER_SECTION &&
                     image->extents[i].index == claims->names->index;
        if (!names && !linked_extent_may_move(claims, &image->extents[i], fixed))
            return false;
        stay += image->extents[i].owner == OWNER_SECTION &&
                stays_unloaded(claims, &image->sections[image->extents[i].index]);
    }
    /* What is restated must fit e_shnum. */
    if (stay > SHN_LORESERVE - 8)
        return false;
    if (claims->names != NULL)
        claim_section(claims, RULE_SYMBOLS, claims->names);
    return true;
}

struct restated {
    Elf64_Shdr *headers;
    char *names;
    size_t count, names_size;
};

/* One header for each section that stays, with the name's bytes as they are in the file. */
static bool restate_begin(struct layout *layout, struct restated *restated)
{
    const struct image *image = layout->claims->image;
    size_t count = 0, names_size = 1 + sizeof(".shstrtab");
    for (uint64_t i = 1; i < image->section_count; i++) {
        if (!stays_unloaded(layout->claims, &image->sections[i]))
            continue;
        count++;
        names_size += range_size(image->sections[i].name_bytes) + 1;
    }
    restated->headers = arena_alloc(&layout->form->arena, count + 2, sizeof(*restated->headers));
    restated->names = arena_alloc(&layout->form->arena, names_size, 1);
    restated->count = restated->names_size = 1; /* the null section and the empty name */
    return restated->headers != NULL && restated->names != NULL;
}

static void restate_add(struct restated *restated, const uint8_t *name, uint64_t name_size, Elf64_Shdr header)
{
    header.sh_name = (Elf64_Word)restated->names_size;
    memcpy(restated->names + restated->names_size, name, name_size);
    restated->names_size += name_size + 1;
    restated->headers[restated->count++] = header;
}

static void restate_section(struct layout *layout, struct restated *restated, const struct section *section,
                            uint64_t place)
{
    const struct content *content = plain_content(layout, section);
    restate_add(restated, layout->claims->image->bytes + section->name_bytes.begin, range_size(section->name_bytes),
                (Elf64_Shdr){
                    .sh_type = section->type,
                    .sh_flags = content != NULL ? section->flags & ~(uint64_t)SHF_COMPRESSED : section->flags,
                    .sh_offset = place,
                    .sh_size = content != NULL ? content->size : section->size,
                    .sh_addralign = content != NULL ? content->alignment : section->alignment,
                    .sh_entsize = section->entry_size,
                });
}

/* The table of what was restated, and the ELF header's fields for it, which were left for this. */
static bool restate_end(struct layout *layout, struct restated *restated, uint8_t *header)
{
    const struct image *image = layout->claims->image;
    Elf64_Ehdr restated_header = image->header;
    restated_header.e_shoff = 0;
    restated_header.e_shnum = restated_header.e_shstrndx = 0;
    restated_header.e_shentsize = image->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
    if (restated->count > 1) {
        static const char own_name[] = ".shstrtab";
        restate_add(restated, (const uint8_t *)own_name, sizeof(own_name) - 1,
                    (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = layout->form->size, .sh_addralign = 1});
        restated->headers[restated->count - 1].sh_size = restated->names_size;
        add_piece(layout, (struct piece){.bytes = (uint8_t *)restated->names, .size = restated->names_size});
        align(layout, 8);
        restated_header.e_shoff = layout->form->size;
        restated_header.e_shnum = (Elf64_Half)restated->count;
        restated_header.e_shstrndx = (Elf64_Half)(restated->count - 1);
        uint8_t *table = arena_alloc(&layout->form->arena, restated->count, sizeof(Elf64_Shdr));
        if (table == NULL)
            return false;
        for (size_t i = 0; i < restated->count; i++)
            image_encode_shdr(image, &restated->headers[i], table + i * restated_header.e_shentsize);
        add_piece(layout, (struct piece){.bytes = table, .size = restated->count * restated_header.e_shentsize});
    }
    image_encode_ehdr(image, &restated_header, header);
    return true;
}

/* The table in stretches: the headers of sections that stay are restated, the others are gone. */
static void claim_section_table(struct claims *claims)
{
    const struct image *image = claims->image;
    uint64_t entry = image->header.e_shentsize;
    struct range stretch = {image->header.e_shoff, image->header.e_shoff};
    bool restated = false;
    for (uint64_t i = 0; i <= image->section_count; i++) {
        bool stays = i < image->section_count && stays_unloaded(claims, &image->sections[i]);
        if (i == image->section_count || stays != restated) {
            if (claim_range(claims, RULE_SECTION_HEADERS, stretch))
                ((struct aside *)claims->asides.items + claims->asides.count - 1)->restated = restated;
            stretch.begin = stretch.end;
            restated = stays;
        }
        stretch.end += entry;
    }
}

static void claim_linked(struct claims *claims, uint64_t fixed, const uint8_t *header)
{
    const struct image *image = claims->image;
    struct range offset = table_offset_field(image), counts = table_count_fields(image);
    claim_with(claims, RULE_ELF_HEADER_SECTIONS, offset, header + offset.begin);
    claim_with(claims, RULE_ELF_HEADER_SECTIONS, counts, header + counts.begin);
    if (image->section_count > 0)
        claim_section_table(claims);
    for (size_t i = 0; i < image->extent_count; i++) {
        struct range range = image->extents[i].range;
        if (range.begin < fixed)
            range.begin = fixed;
        if (image->extents[i].owner == OWNER_PADDING)
            claim_range(claims, RULE_PADDING, range);
    }
}

static bool lay_out_linked(struct layout *layout)
{
    struct claims *claims = layout->claims;
    const struct image *image = claims->image;
    uint8_t *header = arena_alloc(&layout->form->arena, 1, sizeof(Elf64_Ehdr));
    struct restated restated;
    uint32_t anchor = 0;
    if (header == NULL || !read_contents(layout) || !restate_begin(layout, &restated))
        return false;
    claim_linked(claims, layout->fixed, header);
    sort_asides(claims);
    add_range(layout, (struct range){0, layout->fixed}, 0);
    for (size_t i = 0; i < image->extent_count; i++) {
        const struct extent *extent = &image->extents[i];
        if (extent->owner != OWNER_SECTION || !stays_unloaded(claims, &image->sections[extent->index]))
            continue;
        const struct section *section = &image->sections[extent->index];
        uint64_t place =
            section->bytes.begin < layout->fixed ? section->file_offset : add_section(layout, section, ++anchor);
        restate_section(layout, &restated, section, place);
    }
    return restate_end(layout, &restated, header);
}

/* ---- Relocatable files ---- */

static bool relocatable_extent_may_move(const struct claims *claims, const struct extent *extent)
{
    switch (extent->owner) {
    case OWNER_ELF_HEADER:
    case OWNER_SECTION_HEADERS:
    case OWNER_OVERLAY:
        return true;
    case OWNER_SECTION:
        return claims->image->sections[extent->index].alignment <= ALIGNMENT_LIMIT;
    case OWNER_PADDING:
        return claims->rules->accepted[RULE_PADDING] && image_all_zero(claims->image, extent->range);
    default:
        return false;
    }
}

static bool relocatable_may_move(const struct claims *claims)
{
    const struct image *image = claims->image;
    if (!image_is_relocatable(image) || !claims->rules->accepted[RULE_SECTION_PLACEMENT] || image->section_count == 0)
        return false;
    for (size_t i = 0; i < image->extent_count; i++) {
        if (!relocatable_extent_may_move(claims, &image->extents[i]))
            return false;
    }
    return true;
}

struct field {
    uint8_t at64, at32;
};

/* Members of Elf64_Shdr and Elf32_Shdr: their offsets, which are also their width apart. */
static const struct field field_flags = {8, 8}, field_offset = {24, 16}, field_size = {32, 20},
                          field_alignment = {48, 32};

static void claim_field(struct claims *claims, const struct section *section, struct field field,
                        const uint8_t *restated)
{
    const struct image *image = claims->image;
    uint64_t entry = image->header.e_shoff + section->index * (uint64_t)image->header.e_shentsize;
    uint64_t at = image->is64 ? field.at64 : field.at32, width = image->is64 ? 8 : 4;
    claim_with(claims, RULE_SECTION_PLACEMENT, (struct range){entry + at, entry + at + width}, restated + at);
}

/* The fields of the headers that follow from the layout, from restated headers that are filled in later. */
static void claim_placement(struct layout *layout, const uint8_t *header, const uint8_t *table)
{
    struct claims *claims = layout->claims;
    const struct image *image = claims->image;
    struct range offset = table_offset_field(image);
    claim_with(claims, RULE_SECTION_PLACEMENT, offset, header + offset.begin);
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        const uint8_t *restated = table + i * image->header.e_shentsize;
        claim_field(claims, section, field_offset, restated);
        if (!section_claimed(claims, section) && plain_content(layout, section) == NULL)
            continue;
        claim_field(claims, section, field_flags, restated);
        claim_field(claims, section, field_size, restated);
        claim_field(claims, section, field_alignment, restated);
    }
    for (size_t i = 0; i < image->extent_count; i++) {
        if (image->extents[i].owner == OWNER_PADDING)
            claim_range(claims, RULE_PADDING, image->extents[i].range);
    }
}

static Elf64_Shdr restated_in_place(struct layout *layout, const struct section *section, uint64_t place)
{
    const struct content *content = plain_content(layout, section);
    bool claimed = section_claimed(layout->claims, section);
    bool plain = claimed || content != NULL;
    return (Elf64_Shdr){
        .sh_flags = plain ? section->flags & ~(uint64_t)SHF_COMPRESSED : section->flags,
        .sh_offset = place,
        .sh_size = content != NULL ? content->size
                   : claimed       ? 0
                                   : section->size,
        .sh_addralign = content != NULL ? content->alignment
                        : claimed       ? 1
                                        : section->alignment,
    };
}

static bool lay_out_relocatable(struct layout *layout)
{
    struct claims *claims = layout->claims;
    const struct image *image = claims->image;
    const Elf64_Ehdr *header = &image->header;
    uint8_t *new_header = arena_alloc(&layout->form->arena, 1, sizeof(Elf64_Ehdr));
    uint8_t *table = arena_alloc(&layout->form->arena, image->section_count, header->e_shentsize);
    if (new_header == NULL || table == NULL || !read_contents(layout))
        return false;
    claim_placement(layout, new_header, table);
    sort_asides(claims);
    add_range(layout, (struct range){0, header->e_ehsize}, 0);
    for (uint64_t i = 1; i < image->section_count; i++) {
        uint64_t place = add_section(layout, &image->sections[i], (uint32_t)i);
        Elf64_Shdr restated = restated_in_place(layout, &image->sections[i], place);
        image_encode_shdr(image, &restated, table + i * header->e_shentsize);
    }
    align(layout, 8);
    Elf64_Ehdr restated = *header;
    restated.e_shoff = layout->form->size;
    image_encode_ehdr(image, &restated, new_header);
    add_range(layout, section_table(image), (uint32_t)image->section_count);
    const struct extent *last = &image->extents[image->extent_count - 1];
    if (last->owner == OWNER_OVERLAY)
        add_range(layout, last->range, (uint32_t)image->section_count + 1);
    return true;
}

/* ---- Both ---- */

static int source_order(const void *left, const void *right)
{
    const struct piece *const *a = left, *const *b = right;
    return ((*a)->source.begin > (*b)->source.begin) - ((*a)->source.begin < (*b)->source.begin);
}

static bool index_sources(struct normal_form *form)
{
    form->sourced = arena_alloc(&form->arena, form->piece_count, sizeof(*form->sourced));
    if (form->sourced == NULL)
        return false;
    for (size_t i = 0; i < form->piece_count; i++) {
        if (!range_empty(form->pieces[i].source))
            form->sourced[form->sourced_count++] = &form->pieces[i];
    }
    if (form->sourced_count > 1)
        qsort(form->sourced, form->sourced_count, sizeof(*form->sourced), source_order);
    return true;
}

/* Every byte is either shown by a piece or set aside: a gap in this would be a place to hide in. */
static bool every_byte_has_a_place(const struct normal_form *form)
{
    uint64_t total = 0, aside_end = 0, source_end = 0;
    for (size_t i = 0; i < form->aside_count; i++) {
        if (form->asides[i].range.begin < aside_end)
            return false;
        aside_end = form->asides[i].range.end;
        total += range_size(form->asides[i].range);
    }
    for (size_t i = 0; i < form->sourced_count; i++) {
        if (form->sourced[i]->source.begin < source_end)
            return false;
        source_end = form->sourced[i]->source.end;
        total += range_size(form->sourced[i]->source);
    }
    return total == form->image->size;
}

int layout_build(struct claims *claims, struct normal_form *form, struct compare_error *error)
{
    const struct image *image = claims->image;
    struct layout layout = {
        .claims = claims,
        .form = form,
        .pieces = {.arena = &form->arena, .item_size = sizeof(struct piece)},
    };
    uint64_t fixed = fixed_end(image);
    bool done = true;
    if (claims->applicable && linked_may_move(claims, fixed)) {
        form->laid_out_anew = true;
        layout.fixed = fixed;
        done = lay_out_linked(&layout);
    } else if (claims->applicable && relocatable_may_move(claims)) {
        form->laid_out_anew = true;
        done = lay_out_relocatable(&layout);
    } else {
        sort_asides(claims);
        add_range(&layout, (struct range){0, image->size}, 0);
    }
    form->pieces = layout.pieces.items;
    form->piece_count = layout.pieces.count;
    form->asides = claims->asides.items;
    form->aside_count = claims->asides.count;
    if (claims->failure != 0)
        return claims->failure;
    if (!done || layout.out_of_memory || !index_sources(form))
        return error_set(error, COMPARE_ERROR_MEMORY, image->path, "no memory for its normal form");
    if (!every_byte_has_a_place(form))
        return error_set(error, COMPARE_ERROR_INTERNAL, image->path,
                         "the normal form neither shows nor sets aside every byte of it once");
    return 0;
}
