/* What the fuzz targets share. */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- Input ---- */

uint8_t input_u8(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->bytes++;
}

uint16_t input_u16(struct input *input)
{
    uint8_t low = input_u8(input), high = input_u8(input);
    return (uint16_t)(high << 8 | low);
}

void fuzz_open(struct image *image, const uint8_t *bytes, size_t size)
{
    memset(image, 0, sizeof(*image));
    image->path = "fuzz";
    uint8_t *copy = malloc(size + (size == 0));
    FUZZ_ASSERT(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes, size);
    image->bytes = copy;
    image->size = size;
    image->limits = limits_for(NULL, size);
}

void fuzz_close(struct image *image)
{
    free((void *)(uintptr_t)image->bytes);
    image_close(image);
}

int fuzz_parse(struct image *image)
{
    struct compare_error error = {0};
    int status = image_parse(image, &error);
    FUZZ_ASSERT(status <= 0 && status != COMPARE_ERROR_INTERNAL && status != COMPARE_ERROR_SYSTEM);
    if (status == 0)
        fuzz_check_image(image);
    else
        fuzz_check_text(error.message, sizeof(error.message));
    return status;
}

int fuzz_file(const uint8_t *bytes, size_t size, char path[64])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    FUZZ_ASSERT(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* ---- Properties of an image ---- */

void fuzz_check_text(const char *text, size_t room)
{
    size_t length = strnlen(text, room);
    FUZZ_ASSERT(length < room);
    for (size_t i = 0; i < length; i++)
        FUZZ_ASSERT(text[i] >= 0x20 && text[i] < 0x7f);
}

static void check_range(const struct image *image, struct range range)
{
    FUZZ_ASSERT(range.begin <= range.end && range.end <= image->size);
}

static void check_merged(const struct image *image, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_range(image, ranges[i]);
        FUZZ_ASSERT(!range_empty(ranges[i]) && (i == 0 || ranges[i - 1].end < ranges[i].begin));
    }
}

static void check_partition(const struct image *image)
{
    uint64_t end = 0;
    for (size_t i = 0; i < image->extent_count; i++) {
        const struct extent *extent = &image->extents[i];
        char name[2600];
        FUZZ_ASSERT(extent->range.begin == end && extent->range.end > end);
        end = extent->range.end;
        FUZZ_ASSERT(image_extent_at(image, extent->range.begin) == extent);
        FUZZ_ASSERT(image_extent_at(image, end - 1) == extent);
        fuzz_check_text(image_owner_name(image, extent, name, sizeof(name)), sizeof(name));
    }
    FUZZ_ASSERT(end == image->size);
    FUZZ_ASSERT(image_extent_at(image, end) == NULL);
}

static void check_sections(const struct image *image)
{
    for (uint64_t i = 0; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        uint64_t address;
        check_range(image, section->bytes);
        check_range(image, section->name_bytes);
        fuzz_check_text(section->name, 4096);
        image_address(image, section->file_offset, &address);
    }
}

static void check_notes(const struct image *image)
{
    for (size_t i = 0; i < image->note_count; i++) {
        const struct note *note = &image->notes[i];
        bool of_segment = note->segment != UINT32_MAX;
        FUZZ_ASSERT(of_segment != (note->section != UINT32_MAX));
        struct range holder = of_segment ? image->segments[note->segment].bytes : image->sections[note->section].bytes;
        FUZZ_ASSERT(range_contains(holder, note->whole));
        FUZZ_ASSERT(range_contains(note->whole, note->name) && range_contains(note->whole, note->descriptor));
        FUZZ_ASSERT(note->name.end <= note->descriptor.begin);
    }
}

void fuzz_check_image(const struct image *image)
{
    check_partition(image);
    check_sections(image);
    check_notes(image);
    check_merged(image, image->load, image->load_count);
    check_merged(image, image->executable, image->executable_count);
    for (size_t i = 0; i < image->executable_count; i++)
        FUZZ_ASSERT(ranges_hold(image->load, image->load_count, image->executable[i]));
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        check_range(image, segment->bytes);
        if (image_is_linked(image) && !range_empty(segment->bytes))
            FUZZ_ASSERT(ranges_hold(image->load, image->load_count, segment->bytes));
    }
    for (size_t i = 0; i < image->anomaly_count; i++)
        fuzz_check_text(image->anomalies[i].message, 4096);
}

/* ---- Properties of a normal form ---- */

/* Records, and the field of an object's header that its layout restates, may lie in the load view. */
static bool may_be_loaded(const struct image *image, const struct aside *aside)
{
    switch (aside->rule) {
    case RULE_BUILD_ID:
        return true;
    case RULE_ELF_HEADER_SECTIONS:
        return image_is_linked(image) && aside->range.end <= image->header.e_ehsize;
    case RULE_SECTION_PLACEMENT:
        return image_is_relocatable(image) && aside->range.end <= image->header.e_ehsize;
    default:
        return false;
    }
}

static void check_asides(const struct normal_form *form, const struct rule_set *rules)
{
    const struct image *image = form->image;
    uint64_t end = 0;
    for (size_t i = 0; i < form->aside_count; i++) {
        const struct aside *aside = &form->asides[i];
        check_range(image, aside->range);
        FUZZ_ASSERT(!range_empty(aside->range) && aside->range.begin >= end);
        end = aside->range.end;
        FUZZ_ASSERT(aside->rule < RULE_COUNT && rules->accepted[aside->rule]);
        FUZZ_ASSERT(!image_is_executable(image, aside->range));
        FUZZ_ASSERT(!image_in_load_view(image, aside->range) || may_be_loaded(image, aside));
        FUZZ_ASSERT(normal_form_aside(form, aside->range.begin) == aside);
        FUZZ_ASSERT(normal_form_piece(form, aside->range.begin) == NULL);
    }
    FUZZ_ASSERT(image->anomaly_count == 0 || form->aside_count == 0);
}

void fuzz_check_form(const struct normal_form *form, const struct rule_set *rules)
{
    uint64_t size = 0;
    check_asides(form, rules);
    for (size_t i = 0; i < form->piece_count; i++) {
        const struct piece *piece = &form->pieces[i];
        FUZZ_ASSERT(!__builtin_add_overflow(size, piece->size, &size));
        if (range_empty(piece->source))
            continue;
        FUZZ_ASSERT(piece->bytes == form->image->bytes + piece->source.begin);
        FUZZ_ASSERT(range_size(piece->source) == piece->size);
        FUZZ_ASSERT(normal_form_piece(form, piece->source.begin) == piece);
    }
    FUZZ_ASSERT(size == form->size);
}

struct written {
    uint8_t *bytes;
    size_t used;
};

static int take(void *state, const uint8_t *bytes, size_t size)
{
    struct written *written = state;
    memcpy(written->bytes + written->used, bytes, size);
    written->used += size;
    return 0;
}

uint8_t *fuzz_form_bytes(const struct normal_form *form)
{
    struct written written = {0};
    if (form->size > FUZZ_FORM_LIMIT)
        return NULL;
    written.bytes = malloc(form->size + 1);
    FUZZ_ASSERT(written.bytes != NULL && normal_form_each(form, take, &written) == 0);
    FUZZ_ASSERT(written.used == form->size);
    return written.bytes;
}

/* ---- A mutator that knows ELF tables ---- */

struct random {
    uint64_t state;
};

static uint64_t random_below(struct random *random, uint64_t limit)
{
    random->state = random->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return limit == 0 ? 0 : (random->state >> 33) % limit;
}

struct table {
    uint64_t offset, count, entry;
    const uint8_t *fields; /* their offsets, ended by the entry's size */
    unsigned field_count;
};

static const uint8_t phdr64_fields[] = {0, 4, 8, 16, 24, 32, 40, 48, 56};
static const uint8_t shdr64_fields[] = {0, 4, 8, 16, 24, 32, 40, 44, 48, 56, 64};
static const uint8_t phdr32_fields[] = {0, 4, 8, 12, 16, 20, 24, 28, 32};
static const uint8_t shdr32_fields[] = {0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40};
static const uint8_t ehdr64_fields[] = {16, 18, 20, 24, 32, 40, 48, 52, 54, 56, 58, 60, 62, 64};
static const uint8_t ehdr32_fields[] = {16, 18, 20, 24, 28, 32, 36, 40, 42, 44, 46, 48, 50, 52};

static uint64_t number_get(const uint8_t *bytes, unsigned width, bool big_endian)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)bytes[big_endian ? width - 1 - i : i] << (8 * i);
    return value;
}

static void number_put(uint8_t *bytes, unsigned width, bool big_endian, uint64_t value)
{
    for (unsigned i = 0; i < width; i++)
        bytes[big_endian ? width - 1 - i : i] = (uint8_t)(value >> (8 * i));
}

static bool table_choose(const uint8_t *data, size_t size, struct random *random, struct table *table)
{
    bool wide = data[EI_CLASS] == ELFCLASS64, big = data[EI_DATA] == ELFDATA2MSB;
    uint64_t choice = random_below(random, 8);
    if (choice == 0)
        *table = (struct table){0, 1, wide ? 64 : 52, wide ? ehdr64_fields : ehdr32_fields, 13};
    else if (choice < 4)
        *table = (struct table){number_get(data + (wide ? 32 : 28), wide ? 8 : 4, big),
                                number_get(data + (wide ? 56 : 44), 2, big), wide ? 56 : 32,
                                wide ? phdr64_fields : phdr32_fields, 8};
    else
        *table = (struct table){number_get(data + (wide ? 40 : 32), wide ? 8 : 4, big),
                                number_get(data + (wide ? 60 : 48), 2, big), wide ? 64 : 40,
                                wide ? shdr64_fields : shdr32_fields, 10};
    return table->count > 0 && table->offset < size && table->count <= (size - table->offset) / table->entry;
}

static uint64_t interesting(uint64_t value, uint64_t other, uint64_t size, struct random *random)
{
    static const uint64_t steps[] = {1, 2, 4, 8, 16, 64, 4096, 65536};
    uint64_t step = steps[random_below(random, ARRAY_COUNT(steps))];
    switch (random_below(random, 10)) {
    case 0:
        return 0;
    case 1:
        return value + step;
    case 2:
        return value - step;
    case 3:
        return value ^ step;
    case 4:
        return random_below(random, size);
    case 5:
        return size;
    case 6:
        return random_below(random, 32);
    case 7:
        return UINT64_MAX - random_below(random, 2) * 4095;
    default:
        return other;
    }
}

static size_t entry_change(uint8_t *data, size_t size, const struct table *table, struct random *random)
{
    bool big = data[EI_DATA] == ELFDATA2MSB;
    uint64_t entry = random_below(random, table->count), peer = random_below(random, table->count);
    unsigned field = (unsigned)random_below(random, table->field_count);
    unsigned twin = random_below(random, 3) == 0 ? (unsigned)random_below(random, table->field_count) : field;
    unsigned width = table->fields[field + 1] - table->fields[field];
    unsigned twin_width = table->fields[twin + 1] - table->fields[twin];
    uint8_t *to = data + table->offset + entry * table->entry, *from = data + table->offset + peer * table->entry;
    uint64_t other = number_get(from + table->fields[twin], twin_width, big);
    uint64_t value = number_get(to + table->fields[field], width, big);
    if (random_below(random, 16) == 0)
        memmove(to, from, table->entry);
    else
        number_put(to + table->fields[field], width, big, interesting(value, other, size, random));
    return size;
}

size_t fuzz_mutate_elf(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    struct random random = {seed};
    struct table table;
    if (size < 64 || memcmp(data, ELFMAG, SELFMAG) != 0 || random_below(&random, 3) == 0 ||
        !table_choose(data, size, &random, &table))
        return LLVMFuzzerMutate(data, size, most);
    return entry_change(data, size, &table, &random);
}

/* ---- Base files ---- */

void fuzz_base(unsigned index, struct built *built)
{
    static const uint16_t types[] = {ET_DYN, ET_EXEC, ET_REL};
    static const uint8_t zlib[] = {0x78, 0x01, 0x01, 5, 0, 0xfa, 0xff, 'p', 'l', 'a', 'i', 'n', 0x06, 0x48, 0x02, 0x15};
    uint16_t type = types[index % 3];
    bool is64 = index / 3 % 2 == 0, big_endian = index / 6 % 2 == 1;
    built_program(built, is64, big_endian, type);
    built_section(built, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL, 64)->header.sh_addralign = 32;
    built_section(built, ".kept", SHT_PROGBITS, 0, "stays as it is", 14)->header.sh_addralign = 16;
    built_section(built, ".debug_str", SHT_PROGBITS, SHF_MERGE | SHF_STRINGS, "main\0file.c", 12);
    built_section(built, ".gnu_debuglink", SHT_PROGBITS, 0, "a.debug\0crc!", 12)->header.sh_addralign = 4;
    if (is64 && !big_endian) {
        uint8_t content[24 + sizeof(zlib)];
        Elf64_Chdr header = {.ch_type = ELFCOMPRESS_ZLIB, .ch_size = 5, .ch_addralign = 1};
        memcpy(content, &header, sizeof(header));
        memcpy(content + sizeof(header), zlib, sizeof(zlib));
        built_section(built, ".packed", SHT_PROGBITS, SHF_COMPRESSED, content, sizeof(content))->header.sh_addralign =
            8;
    }
    built_layout(built);
}
