/*
 * The own reading of two equivalent files: no view of image/ is used, only bytes, and of the normal forms only what
 * they set aside. Linked files: ELF header and program headers are equal, and so is each page that a PT_LOAD maps, but
 * for records; nothing executable differs at all. Objects: the same allocated sections with the same content.
 */
#include "pair.h"

#include <string.h>

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
