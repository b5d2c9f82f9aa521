/*
 * Data that differs because something before it or the code has moved: the same bytes with other zeros of alignment
 * between them, tables of places in the code; and what has changed among it nevertheless.
 */
#include <string.h>

#include "parts.h"

#define SHIFTED_MOST   4096u
#define DATA_ALIGNMENT 64  /* of large objects */
#define LAID_IN_MOST   16  /* bytes of a string that ld lays into the end of another */
#define LAID_IN_LOOKED 200 /* differences that are looked at for it */

/* ---- Tables of places ---- */

/* By how much the code of the other side stands farther on; false: there is none. */
static bool code_moved(const struct image *image, const struct image *other, int64_t *code)
{
    const struct section *text = image_section_named(image, ".text"), *moved = image_section_named(other, ".text");
    if (text == NULL || moved == NULL)
        return false;
    *code = (int64_t)(moved->address - text->address);
    return true;
}

static struct range widened_to_words(struct range bytes)
{
    return (struct range){bytes.begin - bytes.begin % 4, bytes.end + (4 - bytes.end % 4) % 4};
}

bool are_moved_offsets(const struct explaining *e, struct range vendor, struct range rebuilt)
{
    struct range a = widened_to_words(vendor), b = widened_to_words(rebuilt);
    const struct image *x = e->sides[0].image, *y = e->sides[1].image;
    uint64_t from, to;
    int64_t code;
    if (a.begin % 4 != 0 || b.begin % 4 != 0 || range_size(a) != range_size(b) || range_size(a) < 8 ||
        !code_moved(x, y, &code) || !image_address(x, a.begin, &from) || !image_address(y, b.begin, &to))
        return false;
    uint32_t moved = (uint32_t)((uint64_t)code - (to - from));
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

/* Three words in a row: by chance, they have not all changed by just as much. */
static bool words_moved(const struct image *image, const struct image *other, uint64_t at, uint64_t other_at,
                        int64_t by)
{
    uint32_t word, moved;
    for (uint64_t i = 0; i < 12; i += 4) {
        if (!word_at(image, at + i, &word) || !word_at(other, other_at + i, &moved) || moved - word != (uint32_t)by)
            return false;
    }
    return true;
}

bool is_moved_table(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    const struct image *a = e->sides[0].image, *b = e->sides[1].image;
    int64_t code;
    return code_moved(a, b, &code) && words_moved(a, b, vendor, rebuilt, code - (int64_t)(rebuilt - vendor));
}

bool is_table_of_partner(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    const struct image *a = e->sides[0].image, *b = e->sides[1].image;
    uint64_t from, to;
    uint32_t word;
    struct range target;
    if (!image_address(a, vendor, &from) || !image_address(b, rebuilt, &to) || !word_at(a, vendor, &word) ||
        !image_file_range(a, from + (uint64_t)(int64_t)(int32_t)word, 1, &target))
        return false;
    const struct function *function = function_at(&e->sides[0], target.begin);
    if (function == NULL || function->partner == SIZE_MAX)
        return false;
    int64_t code = (int64_t)(e->sides[1].functions[function->partner].address - function->address);
    return words_moved(a, b, vendor, rebuilt, code - (int64_t)(to - from));
}

bool is_place_in_code(const struct image *image, uint64_t file_offset)
{
    uint64_t at = file_offset - file_offset % 4, address;
    uint32_t word;
    struct range target;
    if (!word_at(image, at, &word) || !image_address(image, at, &address))
        return false;
    /* From the beginning of its table, which is not far. */
    for (uint64_t back = 0; back <= TABLE_REACH; back += 4) {
        if (image_file_range(image, address - back + (uint64_t)(int64_t)(int32_t)word, 1, &target) &&
            is_code_byte(image, target.begin))
            return true;
    }
    return false;
}

bool is_in_moved_table(const struct explaining *e, size_t side, uint64_t file_offset)
{
    const struct image *image = e->sides[side].image, *other = e->sides[1 - side].image;
    uint64_t at = file_offset - file_offset % 4;
    int64_t code, reach = TABLE_REACH;
    uint32_t word;
    /* A place in the code is no farther away than that. */
    if (at < 8 || !word_at(image, at, &word) || (word >> 24 != 0 && word >> 24 != 0xff) ||
        !code_moved(image, other, &code))
        return false;
    /* Where the sections are as large as before, what strings have grown by tells how far it can have moved. */
    if (e->drift > 0 && !e->moved && e->drift + DATA_ALIGNMENT < TABLE_REACH)
        reach = (int64_t)(e->drift + DATA_ALIGNMENT + 3) / 4 * 4;
    for (int64_t by = -reach; by <= reach; by += 4) {
        for (uint64_t back = 0; back <= 8 && by != code; back += 4) {
            if (at - back + (uint64_t)by < other->size &&
                words_moved(image, other, at - back, at - back + (uint64_t)by, code - by))
                return true;
        }
    }
    return false;
}

/* ---- The same bytes, elsewhere ---- */

/*
 * The next run of bytes, from *at on, that are not zero, and no words of a table that has moved; empty where there is
 * none before the end.
 */
static struct range next_token(struct explaining *e, size_t side, struct range room, uint64_t at)
{
    const uint8_t *bytes = e->sides[side].image->bytes;
    struct range token;
    bool table = true;
    while (at < room.end && (bytes[at] == 0 || table)) {
        while (at < room.end && bytes[at] == 0)
            at++;
        e->looked++;
        table = at < room.end && is_in_moved_table(e, side, at);
        at += table ? 4 - at % 4 : 0;
        at = at < room.end ? at : room.end;
    }
    for (token = (struct range){at, at}; token.end < room.end && bytes[token.end] != 0; token.end++) {
        if (token.end % 4 == 0 && token.end > at && is_in_moved_table(e, side, token.end))
            break;
    }
    return token;
}

static bool is_letter_of_text(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f;
}

/* Numbers keep their place in a word wherever they stand; what is longer, or three letters, may be text. */
static bool same_token(const uint8_t *a, struct range x, const uint8_t *b, struct range y)
{
    bool text = range_size(x) >= 3;
    for (uint64_t i = 0; i < range_size(x) && range_size(x) == 3; i++)
        text = text && is_letter_of_text(a[x.begin + i]);
    return range_size(x) == range_size(y) && memcmp(a + x.begin, b + y.begin, range_size(x)) == 0 &&
           (text || x.begin % 4 == y.begin % 4);
}

/* Whether ld has laid this string into the end of one that only the other side has. */
static bool ends_another(const struct explaining *e, size_t side, struct range token)
{
    const struct difference *differences = e->differences.items;
    const uint8_t *bytes = e->sides[side].image->bytes + token.begin;
    uint64_t size = range_size(token);
    for (size_t i = 0; i < e->differences.count && i < LAID_IN_LOOKED && size <= LAID_IN_MOST; i++) {
        const struct value *other = side == 0 ? &differences[i].rebuilt_value : &differences[i].vendor_value;
        if (differences[i].kind == DIFFERENCE_STRING && other->bytes != NULL && other->size > size &&
            memcmp(other->bytes + other->size - size, bytes, size) == 0)
            return true;
    }
    return false;
}

/* Whether what a side has in these bytes stands in the other's window, from this token on. */
static bool tokens_begin(struct explaining *e, size_t side, struct range wanted, struct range window, uint64_t at)
{
    const uint8_t *a = e->sides[side].image->bytes, *b = e->sides[1 - side].image->bytes;
    struct range x = next_token(e, side, wanted, wanted.begin), y = next_token(e, 1 - side, window, at);
    while (!range_empty(x)) {
        e->looked++;
        if (!range_empty(y) && same_token(a, x, b, y))
            y = next_token(e, 1 - side, window, y.end);
        else if (!ends_another(e, side, x))
            return false;
        x = next_token(e, side, wanted, x.end);
    }
    return true;
}

#define SHIFTED_ALL_MOST ((uint64_t)16 << 20) /* steps of a search */

/*
 * Whether what one side has in these bytes stands on the other in the same order, with zeros of alignment between, and
 * no farther away than strings have grown.
 */
static bool stands_near(struct explaining *e, size_t side, struct range wanted, struct range room)
{
    const uint8_t *a = e->sides[side].image->bytes;
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
        struct range token = next_token(e, 1 - side, window, at);
        if (tokens_begin(e, side, wanted, window, token.begin))
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

/* ---- Constants in another order ---- */

static bool is_text_word(const uint8_t *word)
{
    bool text = true;
    for (size_t i = 0; i < 4; i++)
        text = text && (word[i] == 0 || (word[i] < 0x80 && is_string_byte(word[i])));
    return text;
}

static bool has_aligned(const struct image *image, struct range room, const uint8_t *wanted, uint64_t size)
{
    const uint8_t *found, *from = image->bytes + room.begin, *end = image->bytes + room.end;
    while ((found = memmem(from, (size_t)(end - from), wanted, size)) != NULL) {
        if ((uint64_t)(found - image->bytes) % size == 0)
            return true;
        from = found + 1;
    }
    return false;
}

#define SEARCHED_MOST ((uint64_t)4 << 30) /* bytes that are searched for constants: a second or two */

/* Eight bytes together, or four that are no small number, which the other side may well have by chance. */
bool stand_elsewhere(struct explaining *e, size_t side, struct range bytes, struct range room)
{
    const struct image *image = e->sides[side].image, *other = e->sides[1 - side].image;
    bool all = range_size(bytes) <= SHIFTED_MOST;
    for (uint64_t at = bytes.begin - bytes.begin % 8; at < bytes.end && at + 8 <= image->size && all; at += 8) {
        const uint8_t *word = image->bytes + at;
        if (is_text_word(word) && is_text_word(word + 4))
            continue;
        if (e->searched > SEARCHED_MOST) {
            incomplete(e, "there are too many constants to look where each of them stands");
            return false;
        }
        e->searched += range_size(room);
        if (has_aligned(other, room, word, 8))
            continue;
        for (uint64_t half = 0; half < 8; half += 4)
            all = all && (is_text_word(word + half) ||
                          ((word[half + 1] | word[half + 2]) != 0 && has_aligned(other, room, word + half, 4)));
    }
    return all;
}

/* ---- Letters ---- */

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
