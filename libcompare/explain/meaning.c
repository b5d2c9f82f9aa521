/*
 * What an address stands for. Two addresses mean the same when what they point at is the same thing on its side: the
 * function or object of one name, the same string, the partner of a function, or the same place of one section. This
 * serves explaining only; the proof of correspondence that a verdict could rest on is another matter.
 */
#include <ctype.h>
#include <string.h>

#include "parts.h"

#define STRING_MOST     4096
#define SHORT_TEXT      8
#define TABLE_BEGINNING 8

const struct function *function_at(const struct explained_side *side, uint64_t file_offset)
{
    size_t low = 0, high = side->function_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (side->functions[middle].bytes.end > file_offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low < side->function_count && side->functions[low].bytes.begin <= file_offset ? &side->functions[low] : NULL;
}

bool is_code_byte(const struct image *image, uint64_t file_offset)
{
    const struct section *section = section_at(image, file_offset);
    return section != NULL ? (section->flags & SHF_EXECINSTR) != 0
                           : image_is_executable(image, (struct range){file_offset, file_offset + 1});
}

/* The owner's bytes, so that a string does not run on into another section. */
static struct range room_of(const struct image *image, uint64_t file_offset)
{
    const struct extent *extent = image_extent_at(image, file_offset);
    return extent != NULL ? extent->range : (struct range){0, 0};
}

/* The character of UTF-8 that begins here; 0: none does. */
static uint64_t character_size(const uint8_t *bytes, uint64_t size)
{
    uint64_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xc2 ? 0 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    if (length > size || bytes[0] >= 0xf8)
        return 0;
    for (uint64_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

uint64_t utf8_size(const uint8_t *bytes, uint64_t size)
{
    uint64_t whole = 0, length;
    while (whole < size && (length = character_size(bytes + whole, size - whole)) > 0)
        whole += length;
    return whole;
}

/* The offsets of a jump table may hold no NUL for long; half of their bytes are none of UTF-8, few of Latin-1. */
bool is_text_of_program(const uint8_t *bytes, uint64_t size)
{
    /* A table that runs into a text without a NUL is known by its first two offsets. */
    if (size > TABLE_BEGINNING && !is_text_of_program(bytes, TABLE_BEGINNING))
        return false;
    uint64_t strange = 0, beyond = 0;
    for (uint64_t i = 0; i < size; i++) {
        strange += bytes[i] >= 0xf8; /* begins and continues no character of UTF-8 */
        beyond += bytes[i] >= 0x80;
    }
    /* A number before a zero is no short text. */
    return size == 0 || (strange * 4 < size && (size >= SHORT_TEXT || beyond == 0 || utf8_size(bytes, size) == size));
}

/* From begin to the NUL that follows this byte of it. False where there is none, or what stands there is no text. */
static bool string_until_nul(const struct image *image, struct range room, uint64_t begin, uint64_t byte,
                             struct range *string)
{
    uint64_t end = byte;
    while (end < room.end && end - byte < STRING_MOST && is_string_byte(image->bytes[end]))
        end++;
    *string = (struct range){begin, end};
    return end < room.end && image->bytes[end] == 0 && is_text_of_program(image->bytes + begin, end - begin);
}

bool string_at(const struct image *image, uint64_t file_offset, struct range *string)
{
    struct range room = room_of(image, file_offset);
    if (range_empty(room))
        return false;
    uint64_t begin = file_offset;
    while (begin > room.begin && file_offset - begin < STRING_MOST && is_string_byte(image->bytes[begin - 1]))
        begin--;
    return string_until_nul(image, room, begin, file_offset, string) && !range_empty(*string);
}

/* The string that begins at an address, as a pointer to it is read. */
static bool string_from(const struct image *image, uint64_t address, struct range *string)
{
    struct range byte;
    if (!image_file_range(image, address, 1, &byte) || is_code_byte(image, byte.begin))
        return false;
    return string_until_nul(image, room_of(image, byte.begin), byte.begin, byte.begin, string);
}

/* ---- The kinds of sameness ---- */

enum answer { SAME_UNKNOWN, SAME_YES, SAME_NO };

static bool is_named(const struct symbol *symbol)
{
    return symbol != NULL && symbol->name != NULL && symbol->name[0] != '\0';
}

/* Whether a symbol of this name stands at the address, too: two names of a constructor, of the end of a table. */
static bool has_alias(const struct symbols *symbols, uint64_t address, const char *name)
{
    size_t first = symbols_from_address(symbols, address);
    for (size_t i = first;
         i < symbols->by_address_count && symbols->by_address[i]->address == address && i < first + 64; i++) {
        if (is_named(symbols->by_address[i]) && strcmp(symbols->by_address[i]->name, name) == 0)
            return true;
    }
    return false;
}

static enum answer same_symbols(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    const struct symbol *a = symbols_at_address(&e->sides[0].symbols, vendor);
    const struct symbol *b = symbols_at_address(&e->sides[1].symbols, rebuilt);
    if (!is_named(a) || !is_named(b))
        return SAME_UNKNOWN;
    bool one_name = strcmp(a->name, b->name) == 0;
    if (!one_name &&
        (has_alias(&e->sides[1].symbols, b->address, a->name) || has_alias(&e->sides[0].symbols, a->address, b->name)))
        return vendor - a->address == rebuilt - b->address ? SAME_YES : SAME_NO;
    if (!one_name && !names_alike(a->name, b->name))
        return SAME_NO;
    if (!one_name && symbol_is_function(a))
        return SAME_UNKNOWN; /* its partner is known */
    /* Within a function that changed, places have moved. */
    bool within = symbol_is_function(a) && vendor != a->address && rebuilt != b->address;
    return within || vendor - a->address == rebuilt - b->address ? SAME_YES : SAME_NO;
}

static enum answer same_functions(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    struct range a, b;
    if (!image_file_range(e->sides[0].image, vendor, 1, &a) || !image_file_range(e->sides[1].image, rebuilt, 1, &b))
        return SAME_UNKNOWN;
    const struct function *x = function_at(&e->sides[0], a.begin), *y = function_at(&e->sides[1], b.begin);
    if (x == NULL || y == NULL || x->partner == SIZE_MAX || y->partner == SIZE_MAX)
        return SAME_UNKNOWN;
    if (&e->sides[1].functions[x->partner] != y)
        return SAME_NO;
    bool at_begin = a.begin == x->bytes.begin;
    return at_begin == (b.begin == y->bytes.begin) ? SAME_YES : SAME_NO;
}

static const struct relocation *slot_at(const struct explained_side *side, uint64_t address)
{
    struct range byte;
    const struct section *section;
    size_t found;
    if (!image_file_range(side->image, address, 1, &byte))
        return NULL;
    section = section_at(side->image, byte.begin);
    if (section == NULL || strncmp(section->name, ".got", 4) != 0)
        return NULL;
    const struct relocation *slot = relocations_in(side->relocations, side->relocation_count, byte, &found);
    return found == 1 && slot->file_offset == byte.begin ? slot : NULL;
}

/* A slot of the GOT stands for what it is filled with, wherever in the table it is. */
static enum answer same_slots(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    const struct relocation *a = slot_at(&e->sides[0], vendor), *b = slot_at(&e->sides[1], rebuilt);
    if (a == NULL || b == NULL)
        return SAME_UNKNOWN;
    if (a->symbol[0] != '\0' || b->symbol[0] != '\0')
        return strcmp(a->symbol, b->symbol) == 0 && a->addend == b->addend ? SAME_YES : SAME_NO;
    enum answer answer = same_symbols(e, (uint64_t)a->addend, (uint64_t)b->addend);
    return answer != SAME_UNKNOWN ? answer : same_functions(e, (uint64_t)a->addend, (uint64_t)b->addend);
}

/* Constants that the linker has put into another order: of eight bytes, which are hardly the same by chance. */
static bool same_constant(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    struct range a, b;
    unsigned filled = 0;
    if ((!e->reordered && !e->moved) || !image_file_range(e->sides[0].image, vendor, 8, &a) ||
        !image_file_range(e->sides[1].image, rebuilt, 8, &b) || is_code_byte(e->sides[0].image, a.begin) ||
        is_code_byte(e->sides[1].image, b.begin))
        return false;
    const uint8_t *x = e->sides[0].image->bytes + a.begin, *y = e->sides[1].image->bytes + b.begin;
    for (size_t i = 0; i < 8; i++)
        filled += x[i] != 0;
    return filled >= 4 && memcmp(x, y, 8) == 0;
}

static bool is_number_before_text(const struct image *image, struct range string)
{
    return range_size(string) >= 8 && utf8_size(image->bytes + string.begin, range_size(string)) < 8;
}

/* One text of rustc's, behind which a table stands that has moved: what differs first is the table's. */
static bool part_in_tables(const struct explaining *e, struct range x, struct range y)
{
    const uint8_t *a = e->sides[0].image->bytes + x.begin, *b = e->sides[1].image->bytes + y.begin;
    uint64_t same = 0;
    if (!e->clues.vendor.is_rust || !e->clues.rebuilt.is_rust)
        return false;
    while (same < range_size(x) && same < range_size(y) && a[same] == b[same])
        same++;
    return same > 0 && is_in_moved_table(e, 0, x.begin + same) && is_in_moved_table(e, 1, y.begin + same);
}

static enum answer same_strings(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    const struct image *a = e->sides[0].image, *b = e->sides[1].image;
    struct range x, y;
    if (!string_from(a, vendor, &x) || !string_from(b, rebuilt, &y) || range_empty(x) || range_empty(y) ||
        is_relocated(&e->sides[0], x.begin) || is_relocated(&e->sides[1], y.begin)) /* a pointer, and no letter */
        return SAME_UNKNOWN;
    /* ld lays "r" into the end of "letter". What one side has a single letter of, and the other more, may be a number. */
    bool alone = range_size(x) < 2 || range_size(y) < 2;
    if (range_size(x) == range_size(y) && memcmp(a->bytes + x.begin, b->bytes + y.begin, range_size(x)) == 0)
        return SAME_YES;
    if (part_in_tables(e, x, y))
        return SAME_YES;
    /* A pair that differs is told of as a pair of strings. */
    const struct difference *differences = e->differences.items;
    for (size_t i = 0; i < e->differences.count; i++) {
        const struct difference *pair = &differences[i];
        if (pair->kind == DIFFERENCE_STRING && pair->vendor.present && pair->rebuilt.present &&
            range_contains(pair->vendor.bytes, x) && range_contains(pair->rebuilt.bytes, y))
            return SAME_YES;
    }
    /* A number that runs into a text is read as a part of it; what is text is compared as that, to its end. */
    if (is_number_before_text(a, x) && same_constant(e, vendor, rebuilt))
        return SAME_YES;
    return alone && range_size(x) != range_size(y) ? SAME_UNKNOWN : SAME_NO;
}

static const struct section *section_of_address(const struct image *image, uint64_t address)
{
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if ((section->flags & SHF_ALLOC) != 0 && (section->flags & SHF_TLS) == 0 && address >= section->address &&
            address - section->address < section->size)
            return section;
    }
    return NULL;
}

/* As much of what two addresses lead to as a struct or a number has; pointers in it are not followed. */
#define CONTENT_ALIKE 16
#define ALIGNMENT     64 /* by so much more may alignment have moved it */

static bool same_content(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    struct range a, b;
    return image_file_range(e->sides[0].image, vendor, CONTENT_ALIKE, &a) &&
           image_file_range(e->sides[1].image, rebuilt, CONTENT_ALIKE, &b) &&
           (memcmp(e->sides[0].image->bytes + a.begin, e->sides[1].image->bytes + b.begin, CONTENT_ALIKE) == 0 ||
            is_moved_table(e, a.begin, b.begin));
}

/*
 * The same section, and no farther from the same place in it than the section has grown or shrunk. Where it is as
 * large as before, padding has taken up what strings in it have grown: then what stands there must be alike, too.
 */
static bool same_place(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    const struct section *a = section_of_address(e->sides[0].image, vendor);
    const struct section *b = section_of_address(e->sides[1].image, rebuilt);
    if (a == NULL || b == NULL)
        return a == b && vendor == rebuilt;
    uint64_t x = vendor - a->address, y = rebuilt - b->address;
    uint64_t distance = x > y ? x - y : y - x, change = a->size > b->size ? a->size - b->size : b->size - a->size;
    if (strcmp(a->name, b->name) != 0 || x == y)
        return x == y && strcmp(a->name, b->name) == 0;
    return (e->moved && distance <= change + ALIGNMENT) ||
           (e->drift > 0 && distance <= e->drift + ALIGNMENT && same_content(e, vendor, rebuilt));
}

/* A table of places in a function moves with it, wherever the linker puts it. */
static bool same_table(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    struct range a, b;
    return e->reordered && image_file_range(e->sides[0].image, vendor, 1, &a) &&
           image_file_range(e->sides[1].image, rebuilt, 1, &b) && is_table_of_partner(e, a.begin, b.begin);
}

bool same_meaning(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    static enum answer (*const ways[])(const struct explaining *, uint64_t, uint64_t) = {same_slots, same_symbols,
                                                                                         same_functions, same_strings};
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        enum answer answer = ways[i](e, vendor, rebuilt);
        if (answer != SAME_UNKNOWN)
            return answer == SAME_YES;
    }
    if (same_constant(e, vendor, rebuilt) || same_table(e, vendor, rebuilt))
        return true;
    return e->moved || e->drift > 0 ? same_place(e, vendor, rebuilt) : vendor == rebuilt;
}

const char *meaning_name(const struct explaining *e, size_t side, uint64_t address, char *buffer, size_t size)
{
    const struct explained_side *s = &e->sides[side];
    const struct symbol *symbol = symbols_at_address(&s->symbols, address);
    struct range string;
    if (is_named(symbol)) {
        const char *name = name_demangled(symbol->name, e->arena);
        if (address == symbol->address)
            snprintf(buffer, size, "%s", name);
        else
            snprintf(buffer, size, "%s+%#jx", name, (uintmax_t)(address - symbol->address));
        return buffer;
    }
    if (string_from(s->image, address, &string) && range_size(string) > 1) {
        char text[64];
        snprintf(buffer, size, "\"%s\"",
                 escape_bytes(text, sizeof(text), s->image->bytes + string.begin, range_size(string)));
        return buffer;
    }
    const struct section *section = section_of_address(s->image, address);
    if (section == NULL || section->name[0] == '\0')
        return NULL;
    snprintf(buffer, size, "%s+%#jx", section->name, (uintmax_t)(address - section->address));
    return buffer;
}
