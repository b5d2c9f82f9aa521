/*
 * The two files of an input, and the own reading of two equivalent files: no view of image/ is used, only bytes, and of
 * the normal forms only what they set aside. Linked files: ELF header and program headers are equal, and so is each page
 * that a PT_LOAD maps, but for records; nothing executable differs at all. Objects: the same allocated sections with the
 * same content.
 */
#include "pair.h"

#include <string.h>
#include <unistd.h>

/* ---- Making two files ---- */

#define EDIT_LIMIT 12

static void edit_field(struct pair_file *side, struct input *input, const struct built *base)
{
    uint64_t entry = input_u8(input) % base->section_count, at = input_u8(input) % base->header.e_shentsize;
    uint8_t value = input_u8(input);
    side->bytes[base->header.e_shoff + entry * base->header.e_shentsize + at] = value;
}

/* A letter in a section: in some of them, that is what rules set aside. */
static void edit_content(struct pair_file *side, uint8_t choice, uint8_t value, const struct built *base)
{
    const Elf64_Shdr *header = &base->sections[choice % base->section_count].header;
    if (header->sh_type != SHT_NOBITS && header->sh_size > 0)
        side->bytes[header->sh_offset + value / 26 * 3 % header->sh_size] = (uint8_t)('a' + value % 26);
}

static void edit(struct pair_file *side, struct input *input, const struct built *base)
{
    uint8_t kind = input_u8(input);
    size_t at = input_u16(input) % side->size;
    uint8_t value = input_u8(input);
    switch (kind % 8) {
    case 0:
        side->bytes[at] = value;
        break;
    case 1:
        side->bytes[at] ^= (uint8_t)(1u << value % 8);
        break;
    case 2: /* insertions at the end */
        for (unsigned i = 0; i < value; i++)
            side->bytes[side->size++] = kind / 8 % 2 == 0 ? 0 : value;
        break;
    case 3:
        edit_field(side, input, base);
        break;
    case 4: /* one stretch over another */
        memmove(side->bytes + at, side->bytes + input_u16(input) % side->size,
                value < side->size - at ? value % 64 : 0);
        break;
    case 5:
        memset(side->bytes + at, value, side->size - at < 8 ? side->size - at : kind / 8 % 8);
        break;
    default:
        edit_content(side, (uint8_t)at, value, base);
    }
}

static void make_edited(struct input *input, unsigned index, struct pair_file files[2])
{
    static struct built base;
    fuzz_base(index, &base);
    for (unsigned i = 0; i < 2; i++) {
        files[i].size = base.size;
        files[i].bytes = malloc(base.size + EDIT_LIMIT * 256 + 256);
        FUZZ_ASSERT(files[i].bytes != NULL);
        memcpy(files[i].bytes, base.bytes, base.size);
    }
    for (unsigned i = 0; i < EDIT_LIMIT && input->size > 0; i++)
        edit(&files[1], input, &base);
}

static void make_whole(struct input *input, struct pair_file files[2])
{
    size_t first = input_u16(input);
    first |= (size_t)input_u16(input) << 16;
    first = first < input->size ? first : input->size;
    for (unsigned i = 0; i < 2; i++) {
        files[i].size = i == 0 ? first : input->size - first;
        files[i].bytes = malloc(files[i].size + 1);
        FUZZ_ASSERT(files[i].bytes != NULL);
        if (files[i].size > 0)
            memcpy(files[i].bytes, input->bytes + (i == 0 ? 0 : first), files[i].size);
    }
}

void pair_open(struct pair_input *pair, const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    uint8_t base = input_u8(&input);
    uint16_t mask = input_u16(&input);
    memset(pair, 0, sizeof(*pair));
    pair->policy.name = (char *)(uintptr_t) "fuzz";
    for (size_t i = 0; i < RULE_COUNT; i++) {
        /* What moved is tried by a target of its own: it is no matter of normal forms. */
        pair->policy.rules.accepted[i] = (mask >> i & 1) != 0 && !rule_is_moved((enum rule_index)i);
        pair->policy.reasons[i] = pair->policy.rules.accepted[i] ? (char *)(uintptr_t) "fuzz" : NULL;
    }
    if (base == 255)
        make_whole(&input, pair->files);
    else
        make_edited(&input, base % FUZZ_BASES, pair->files);
}

void pair_close(struct pair_input *pair)
{
    free(pair->files[0].bytes);
    free(pair->files[1].bytes);
}

size_t pair_mutate(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    size_t head = 7, first = size > head ? data[3] | (size_t)data[4] << 8 : 0;
    if (size < head + 128 || data[0] != 255 || seed % 8 == 0 || first > size - head)
        return LLVMFuzzerMutate(data, size, most);
    if (seed % 2 == 0) {
        /* The first one keeps its size, so that the second stays where it is. */
        fuzz_mutate_elf(data + head, first, first, seed / 2);
        return size;
    }
    head += first;
    return head + fuzz_mutate_elf(data + head, size - head, most - head, seed / 2);
}

int pair_compare(const struct pair_file *vendor, const struct pair_file *rebuilt, const struct compare_options *options,
                 struct compare_result **result)
{
    char vendor_path[64], rebuilt_path[64];
    struct compare_error error = {0};
    int vendor_fd = fuzz_file(vendor->bytes, vendor->size, vendor_path);
    int rebuilt_fd = fuzz_file(rebuilt->bytes, rebuilt->size, rebuilt_path);
    int status = compare_files(vendor_path, rebuilt_path, options, result, &error);
    close(vendor_fd);
    close(rebuilt_fd);
    FUZZ_ASSERT(status != COMPARE_ERROR_INTERNAL && status != COMPARE_ERROR_SYSTEM && status != COMPARE_ERROR_CHANGED);
    if (status != 0)
        fuzz_check_text(error.message, sizeof(error.message));
    return status;
}

/* ---- The own reading ---- */

/* The least that is mapped with a segment's bytes, on every machine. */
#define PAGE 4096

struct file {
    const uint8_t *bytes;
    uint64_t size;
    bool wide, big;
    const struct normal_form *form;
};

static uint64_t number(const struct file *file, uint64_t at, unsigned width)
{
    uint64_t value = 0;
    FUZZ_ASSERT(at <= file->size && width <= file->size - at);
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)file->bytes[at + (file->big ? width - 1 - i : i)] << (8 * i);
    return value;
}

/* A member that is a word wide in its class. */
static uint64_t word(const struct file *file, uint64_t entry, unsigned at64, unsigned at32)
{
    return number(file, entry + (file->wide ? at64 : at32), file->wide ? 8 : 4);
}

static struct file read_file(const struct normal_form *form)
{
    struct file file = {.bytes = form->image->bytes, .size = form->image->size, .form = form};
    FUZZ_ASSERT(file.size >= 52 && memcmp(file.bytes,
                                          "\x7f"
                                          "ELF",
                                          4) == 0);
    file.wide = file.bytes[4] == 2;
    file.big = file.bytes[5] == 2;
    return file;
}

/* Whether the byte is in a record: the build ID, or the header's fields about sections. */
static bool in_record(const struct file *file, uint64_t offset)
{
    const struct aside *aside = normal_form_aside(file->form, offset);
    return aside != NULL && aside->range.begin <= offset &&
           (aside->rule == RULE_BUILD_ID || aside->rule == RULE_ELF_HEADER_SECTIONS ||
            aside->rule == RULE_SECTION_PLACEMENT);
}

static void check_equal(const struct file *a, uint64_t at_a, const struct file *b, uint64_t at_b, uint64_t size,
                        bool records)
{
    FUZZ_ASSERT(at_a <= a->size && size <= a->size - at_a && at_b <= b->size && size <= b->size - at_b);
    for (uint64_t i = 0; i < size; i++) {
        if (a->bytes[at_a + i] != b->bytes[at_b + i])
            FUZZ_ASSERT(records && in_record(a, at_a + i) && in_record(b, at_b + i));
    }
}

static void check_segments(const struct file *a, const struct file *b)
{
    uint64_t table = word(a, 0, 32, 28), count = number(a, a->wide ? 56 : 44, 2), entry = a->wide ? 56 : 32;
    check_equal(a, table, b, table, count * entry, false);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = table + i * entry, type = number(a, at, 4), flags = number(a, at + (a->wide ? 4 : 24), 4);
        uint64_t begin = word(a, at, 8, 4), size = word(a, at, 32, 16);
        if (type == PT_NULL || size == 0)
            continue;
        check_equal(a, begin, b, begin, size, (flags & PF_X) == 0 || type != PT_LOAD);
        /* The page's rest is mapped too, but where it is zeroed behind the bytes. */
        uint64_t end = begin + size, rest = (PAGE - end % PAGE) % PAGE, memory = word(a, at, 40, 20);
        if (type != PT_LOAD || ((flags & PF_W) != 0 && memory > size))
            continue;
        uint64_t in_a = a->size - end < rest ? a->size - end : rest, in_b = b->size - end < rest ? b->size - end : rest;
        FUZZ_ASSERT(in_a == in_b);
        check_equal(a, end, b, end, in_a, (flags & PF_X) == 0);
    }
}

static void check_objects(const struct file *a, const struct file *b)
{
    uint64_t table_a = word(a, 0, 40, 32), table_b = word(b, 0, 40, 32), entry = a->wide ? 64 : 40;
    uint64_t count = table_a != 0 ? number(a, a->wide ? 60 : 48, 2) : 0;
    FUZZ_ASSERT((table_a == 0) == (table_b == 0));
    for (uint64_t i = 1; i < count; i++) {
        uint64_t at_a = table_a + i * entry, at_b = table_b + i * entry, type = number(a, at_a + 4, 4);
        uint64_t flags = word(a, at_a, 8, 8), size = word(a, at_a, 32, 20);
        FUZZ_ASSERT(number(b, at_b + 4, 4) == type);
        FUZZ_ASSERT(number(a, at_a, 4) == number(b, at_b, 4)); /* sh_name */
        if ((flags & SHF_ALLOC) == 0 && type != SHT_SYMTAB && type != SHT_GROUP)
            continue;
        FUZZ_ASSERT(word(b, at_b, 8, 8) == flags && word(b, at_b, 32, 20) == size);
        if (type != SHT_NOBITS && type != SHT_NULL && size > 0)
            check_equal(a, word(a, at_a, 24, 16), b, word(b, at_b, 24, 16), size, (flags & SHF_EXECINSTR) == 0);
    }
}

void pair_check_loaded(const struct normal_form *vendor, const struct normal_form *rebuilt)
{
    struct file a = read_file(vendor), b = read_file(rebuilt);
    uint64_t type = number(&a, 16, 2);
    check_equal(&a, 0, &b, 0, a.wide ? 64 : 52, true);
    if (type == ET_EXEC || type == ET_DYN)
        check_segments(&a, &b);
    else if (type == ET_REL)
        check_objects(&a, &b);
    else
        FUZZ_ASSERT(false); /* nothing else can be equivalent */
}

/* ---- Reports ---- */

void pair_check_text(const struct compare_result *result, const struct compare_report_options *options)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    struct compare_error error = {0};
    FUZZ_ASSERT(stream != NULL && compare_report_text(result, options, stream, &error) == 0);
    fclose(stream);
    for (size_t i = 0; i < size; i++)
        FUZZ_ASSERT(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
    free(text);
}
