/* Texts of both sides, what stands near them, and evidence. What comes from a file is escaped and cut here. */
#include "text_pairs.h"

#include <stdlib.h>
#include <string.h>

/* Words that hint at a meaning stand near a text's beginning, and names are short. */
#define MENTION_SIZE 1024
#define BEFORE_SIZE  48 /* before a difference, that belongs to it */
/* Of each side, in evidence and keys. */
#define SHOWN_SIZE 96
/* Bytes around an immediate in which its neighbours are: some dozen instructions. */
#define NEARBY_SIZE 64

bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

bool is_alphanumeric(uint8_t byte)
{
    return is_digit(byte) || is_letter(byte);
}

bool is_hex_digit(uint8_t byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f');
}

/* ---- Texts ---- */

struct text text_of(const char *string)
{
    return (struct text){(const uint8_t *)string, string == NULL ? 0 : strlen(string)};
}

struct text text_part(struct text text, size_t begin, size_t size)
{
    if (begin >= text.size)
        return (struct text){NULL, 0};
    return (struct text){text.bytes + begin, size < text.size - begin ? size : text.size - begin};
}

bool text_equal(struct text a, struct text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

bool text_begins(struct text text, const char *beginning)
{
    size_t size = strlen(beginning);
    return text.size >= size && text_equal(text_part(text, 0, size), text_of(beginning));
}

bool text_ends(struct text text, const char *end)
{
    size_t size = strlen(end);
    return text.size >= size && text_equal(text_part(text, text.size - size, size), text_of(end));
}

bool text_has(struct text text, const char *needle)
{
    return text.size > 0 && memmem(text.bytes, text.size, needle, strlen(needle)) != NULL;
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

/* "date" begins in build_date and buildDate, and not in update. */
static bool word_begins(struct text text, size_t at)
{
    uint8_t before = at == 0 ? 0 : text.bytes[at - 1], here = text.bytes[at];
    return !is_letter(before) || !is_letter(here) || (before >= 'a' && here <= 'Z');
}

static bool has_word(struct text text, struct text word)
{
    for (size_t at = 0; at + word.size <= text.size; at++) {
        if (!word_begins(text, at))
            continue;
        size_t same = 0;
        while (same < word.size && lower(text.bytes[at + same]) == lower(word.bytes[same]))
            same++;
        if (same == word.size)
            return true;
    }
    return false;
}

bool text_mentions(struct text text, const char *needles)
{
    struct text start = text_part(text, 0, MENTION_SIZE);
    while (*needles != '\0') {
        size_t size = strcspn(needles, "|");
        if (has_word(start, (struct text){(const uint8_t *)needles, size}))
            return true;
        needles += size + (needles[size] == '|');
    }
    return false;
}

size_t text_common_prefix(struct text a, struct text b)
{
    size_t most = a.size < b.size ? a.size : b.size, size = 0;
    while (size < most && a.bytes[size] == b.bytes[size])
        size++;
    return size;
}

size_t text_common_suffix(struct text a, struct text b)
{
    size_t most = a.size < b.size ? a.size : b.size, size = 0;
    while (size < most && a.bytes[a.size - 1 - size] == b.bytes[b.size - 1 - size])
        size++;
    return size;
}

bool text_pair_of(const struct difference *difference, struct text_pair *pair)
{
    const struct value *vendor = &difference->vendor_value, *rebuilt = &difference->rebuilt_value;
    *pair = (struct text_pair){{vendor->bytes, (size_t)vendor->size}, {rebuilt->bytes, (size_t)rebuilt->size}};
    return vendor->bytes != NULL && rebuilt->bytes != NULL && !text_equal(pair->vendor, pair->rebuilt);
}

/* ---- Names ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool names_have(const struct names *names, const char *name)
{
    return names->count > 0 &&
           bsearch(&name, names->items, names->count, sizeof(names->items[0]), compare_names) != NULL;
}

bool names_mention(const struct names *names, const char *needles)
{
    for (size_t i = 0; i < names->count; i++) {
        if (text_mentions(text_of(names->items[i]), needles))
            return true;
    }
    return false;
}

const char *names_only_in(const struct names *names, const struct names *other)
{
    for (size_t i = 0; i < names->count; i++) {
        if (!names_have(other, names->items[i]))
            return names->items[i];
    }
    return NULL;
}

bool names_equal(const struct names *a, const struct names *b)
{
    return a->count == b->count && names_only_in(a, b) == NULL;
}

/* ---- The neighbourhood ---- */

bool difference_is(const struct difference *difference, enum difference_kind kind, const char *what)
{
    return difference->kind == kind && strcmp(difference->what, what) == 0;
}

bool difference_mentions(const struct difference *difference, const char *needles)
{
    return text_mentions(text_of(difference->user), needles) || text_mentions(text_of(difference->beside), needles) ||
           text_mentions(text_of(difference->vendor.symbol), needles) ||
           text_mentions(text_of(difference->rebuilt.symbol), needles);
}

bool pair_mentions(const struct text_pair *pair, const char *needles)
{
    if (text_mentions(pair->vendor, needles) && text_mentions(pair->rebuilt, needles))
        return true;
    /* What stands before the difference stands in both. Rust's strings lie side by side, so their beginning is far. */
    size_t common = text_common_prefix(pair->vendor, pair->rebuilt),
           before = common < BEFORE_SIZE ? common : BEFORE_SIZE;
    return text_mentions(text_part(pair->vendor, common - before, before), needles);
}

static bool string_at_mentions(const struct image *image, uint64_t address, const char *needles)
{
    struct range range;
    if (!image_file_range(image, address, 1, &range) || image_is_executable(image, range))
        return false;
    range.end = image->size - range.begin < MENTION_SIZE ? image->size : range.begin + MENTION_SIZE;
    const uint8_t *bytes = image_bytes(image, range);
    return bytes != NULL &&
           text_mentions((struct text){bytes, strnlen((const char *)bytes, (size_t)range_size(range))}, needles);
}

/* An operand relative to the next instruction, or an address; any offset is tried, for a chance hit is improbable. */
static bool operand_mentions(const struct image *image, uint64_t at, const char *needles)
{
    const uint8_t *bytes = image_bytes(image, (struct range){at, at + 4});
    uint64_t address;
    if (bytes == NULL || !image_address(image, at, &address))
        return false;
    uint32_t operand = image_u32(image, bytes);
    uint64_t relative = address + 4 + (uint64_t)(int64_t)(int32_t)operand;
    return string_at_mentions(image, relative, needles) ||
           (image->header.e_type == ET_EXEC && string_at_mentions(image, operand, needles));
}

static bool side_nearby_mentions(const struct image *image, struct range place, const char *needles)
{
    if (image == NULL || range_empty(place) || place.end > image->size ||
        (image->header.e_machine != EM_X86_64 && image->header.e_machine != EM_386))
        return false;
    uint64_t begin = place.begin > NEARBY_SIZE ? place.begin - NEARBY_SIZE : 0;
    uint64_t end = image->size - place.begin < NEARBY_SIZE ? image->size : place.begin + NEARBY_SIZE;
    for (uint64_t at = begin; at + 4 <= end; at++) {
        if (operand_mentions(image, at, needles))
            return true;
    }
    return false;
}

bool code_nearby_mentions(const struct clues *clues, const struct difference *difference, const char *needles)
{
    return side_nearby_mentions(clues->vendor.image, difference->vendor.bytes, needles) &&
           side_nearby_mentions(clues->rebuilt.image, difference->rebuilt.bytes, needles);
}

/* ---- Evidence ---- */

unsigned guess_text(const struct clues *clues, struct guess *guess, unsigned confidence, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const char *copy = arena_strdup(clues->arena, text);
    guess->evidence = copy != NULL ? copy : "";
    return confidence;
}

unsigned guess_pair(const struct clues *clues, struct guess *guess, unsigned confidence, const char *what,
                    struct text vendor, struct text rebuilt)
{
    char a[SHOWN_SIZE], b[SHOWN_SIZE];
    escape_bytes(a, sizeof(a), vendor.bytes, vendor.size);
    escape_bytes(b, sizeof(b), rebuilt.bytes, rebuilt.size);
    return guess_text(clues, guess, confidence, "%s: \"%s\" and \"%s\"", what, a, b);
}

unsigned guess_keyed_pair(const struct clues *clues, struct guess *guess, unsigned confidence, const char *what,
                          struct text vendor, struct text rebuilt)
{
    char a[SHOWN_SIZE], b[SHOWN_SIZE];
    escape_bytes(a, sizeof(a), vendor.bytes, vendor.size);
    escape_bytes(b, sizeof(b), rebuilt.bytes, rebuilt.size);
    const char *key = arena_printf(clues->arena, "%s -> %s", a, b);
    if (key != NULL)
        guess->key = key;
    return guess_pair(clues, guess, confidence, what, vendor, rebuilt);
}
