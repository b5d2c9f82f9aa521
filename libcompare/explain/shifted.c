/*
 * Data that differs because something before it or the code has moved: the same bytes with other zeros of alignment
 * between them, tables of places in the code; and what has changed among it nevertheless.
 */
#include <string.h>

#include "parts.h"

#define DATA_ALIGNMENT 64 /* of large objects */

/* ---- The same bytes, elsewhere ---- */

/* The next run of bytes that are not zero, from *at on; empty where there is none before the end. */
static struct range next_token(const uint8_t *bytes, struct range room, uint64_t at)
{
    while (at < room.end && bytes[at] == 0)
        at++;
    struct range token = {at, at};
    while (token.end < room.end && bytes[token.end] != 0)
        token.end++;
    return token;
}

/* Numbers keep their place in a word wherever they stand; what is longer may be text. */
static bool same_token(const uint8_t *a, struct range x, const uint8_t *b, struct range y)
{
    return range_size(x) == range_size(y) && memcmp(a + x.begin, b + y.begin, range_size(x)) == 0 &&
           (range_size(x) >= 4 || x.begin % 4 == y.begin % 4);
}

static bool tokens_begin(const uint8_t *a, struct range wanted, const uint8_t *b, struct range window, uint64_t at,
                         uint64_t *looked)
{
    struct range x = next_token(a, wanted, wanted.begin), y = next_token(b, window, at);
    while (!range_empty(x) && !range_empty(y) && same_token(a, x, b, y)) {
        (*looked)++;
        x = next_token(a, wanted, x.end);
        y = next_token(b, window, y.end);
    }
    return range_empty(x);
}

#define SHIFTED_MOST     4096u
#define SHIFTED_ALL_MOST ((uint64_t)16 << 20) /* steps of a search */

/*
 * Whether what one side has in these bytes stands on the other in the same order, with zeros of alignment between, and
 * no farther away than strings have grown.
 */
static bool stands_near(struct explaining *e, size_t side, struct range wanted, struct range room)
{
    const uint8_t *a = e->sides[side].image->bytes, *b = e->sides[1 - side].image->bytes;
    uint64_t reach = e->drift + DATA_ALIGNMENT;
    if (range_size(wanted) > SHIFTED_MOST || reach > SHIFTED_MOST)
        return false;
    while (wanted.begin > room.begin && a[wanted.begin - 1] != 0)
        wanted.begin--;
    while (wanted.end < room.end && a[wanted.end] != 0)
        wanted.end++;
    struct range window = {wanted.begin - room.begin > reach ? wanted.begin - reach : room.begin,
                           room.end - wanted.end > reach ? wanted.end + reach : room.end};
    for (uint64_t at = window.begin; at < window.end;) {
        if (e->looked++ > SHIFTED_ALL_MOST) {
            incomplete(e, "there is too much data to look where all of it has moved");
            return false;
        }
        struct range token = next_token(b, window, at);
        if (tokens_begin(a, wanted, b, window, token.begin, &e->looked))
            return true;
        at = token.end > at ? token.end : window.end;
    }
    return false;
}

bool is_shifted(struct explaining *e, const struct finding *finding, const struct pair *pair)
{
    return e->drift > 0 && pair->vendor.range.begin == pair->rebuilt.range.begin &&
           pair->vendor.range.end == pair->rebuilt.range.end &&
           stands_near(e, 0, finding->vendor, pair->vendor.range) &&
           stands_near(e, 1, finding->rebuilt, pair->rebuilt.range);
}

/* ---- Tables of places ---- */

static struct range widened_to_words(struct range bytes)
{
    return (struct range){bytes.begin - bytes.begin % 4, bytes.end + (4 - bytes.end % 4) % 4};
}

bool are_moved_offsets(const struct explaining *e, struct range vendor, struct range rebuilt)
{
    struct range a = widened_to_words(vendor), b = widened_to_words(rebuilt);
    const struct image *x = e->sides[0].image, *y = e->sides[1].image;
    const struct section *text = image_section_named(x, ".text"), *other = image_section_named(y, ".text");
    uint64_t from, to;
    if (text == NULL || other == NULL || a.begin % 4 != 0 || b.begin % 4 != 0 || range_size(a) != range_size(b) ||
        range_size(a) < 8 || !image_address(x, a.begin, &from) || !image_address(y, b.begin, &to))
        return false;
    uint32_t moved = (uint32_t)((other->address - text->address) - (to - from));
    for (uint64_t i = 0; i + 4 <= range_size(a) && moved != 0; i += 4) {
        if (image_u32(y, y->bytes + b.begin + i) - image_u32(x, x->bytes + a.begin + i) != moved)
            return false;
    }
    return moved != 0;
}

#define TABLE_REACH 1024 /* bytes that a table has moved, at most, to be looked for */

static bool word_at(const struct image *image, uint64_t file_offset, uint32_t *word)
{
    if (image->size < 4 || file_offset > image->size - 4)
        return false;
    *word = image_u32(image, image->bytes + file_offset);
    return true;
}

/* Three words in a row: by chance, they are not all smaller by just as much as they stand farther on. */
static bool words_moved(const struct image *image, uint64_t at, const struct image *other, int64_t by, int64_t code)
{
    uint32_t word, moved;
    for (uint64_t i = 0; i < 12; i += 4) {
        if (!word_at(image, at + i, &word) || !word_at(other, at + i + (uint64_t)by, &moved) ||
            moved - word != (uint32_t)(code - by))
            return false;
    }
    return true;
}

bool is_in_moved_table(const struct explaining *e, size_t side, uint64_t file_offset)
{
    const struct image *image = e->sides[side].image, *other = e->sides[1 - side].image;
    const struct section *text = image_section_named(image, ".text"), *moved = image_section_named(other, ".text");
    uint64_t at = file_offset - file_offset % 4;
    if (text == NULL || moved == NULL || at < 8)
        return false;
    int64_t code = (int64_t)(moved->address - text->address);
    for (int64_t by = -TABLE_REACH; by <= TABLE_REACH; by += 4) {
        for (uint64_t back = 0; back <= 8 && by != code; back += 4) {
            if (at - back + (uint64_t)by < other->size && words_moved(image, at - back, other, by, code))
                return true;
        }
    }
    return false;
}

/* ---- Letters ---- */

static bool is_letter_of_text(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f;
}

/* One or two signs of text between zeros, of which this byte is one. */
static bool is_short_text(const struct image *image, struct range room, uint64_t at, struct range *text)
{
    *text = (struct range){at, at};
    while (text->begin > room.begin && at - text->begin < 2 && is_letter_of_text(image->bytes[text->begin - 1]))
        text->begin--;
    while (text->end < room.end && text->end - at < 3 && is_letter_of_text(image->bytes[text->end]))
        text->end++;
    return at >= room.begin && at < text->end && range_size(*text) <= 2 && text->begin > room.begin &&
           text->end < room.end && image->bytes[text->begin - 1] == 0 && image->bytes[text->end] == 0;
}

/* Whether the other side has it between zeros, too, no farther away than strings have grown. */
static bool text_is_near(const struct explaining *e, size_t side, struct range text, struct range room)
{
    const struct image *image = e->sides[side].image, *other = e->sides[1 - side].image;
    uint64_t reach = e->drift + DATA_ALIGNMENT, size = range_size(text) + 2;
    uint64_t begin =
        text.begin - 1 > reach && text.begin - 1 - reach > room.begin ? text.begin - 1 - reach : room.begin;
    uint64_t end = room.end - begin > 2 * reach + size ? begin + 2 * reach + size : room.end;
    return end <= other->size && begin < end &&
           memmem(other->bytes + begin, end - begin, image->bytes + text.begin - 1, size) != NULL;
}

bool letters_changed(const struct explaining *e, const struct finding *finding, const struct pair *pair,
                     struct range *vendor, struct range *rebuilt)
{
    const struct image *a = e->sides[0].image, *b = e->sides[1].image;
    struct range from = pair->vendor.range, to = pair->rebuilt.range;
    uint64_t shorter = range_size(finding->vendor) < range_size(finding->rebuilt) ? range_size(finding->vendor)
                                                                                  : range_size(finding->rebuilt);
    for (uint64_t i = 0; i < shorter && i < SHIFTED_MOST; i++) {
        if (a->bytes[finding->vendor.begin + i] == b->bytes[finding->rebuilt.begin + i] ||
            !is_short_text(a, from, finding->vendor.begin + i, vendor) ||
            !is_short_text(b, to, finding->rebuilt.begin + i, rebuilt) || is_relocated(&e->sides[0], vendor->begin) ||
            is_relocated(&e->sides[1], rebuilt->begin) || text_is_near(e, 0, *vendor, to) ||
            text_is_near(e, 1, *rebuilt, from))
            continue;
        return true;
    }
    return false;
}
