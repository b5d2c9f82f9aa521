/*
 * ar archives (ar(5), binutils bfd/archive.c): static libraries and, with other members, Debian packages (deb(5)). Headers
 * are kept but for times, owners and sizes; the symbol table is recomputed (ar_symbols.c). A thin archive names files that
 * are elsewhere: it is not read. The order of members means something to linkers, and is kept.
 */
#include "ar.h"
#include "deb.h"

#include <string.h>

#define MAGIC       "!<arch>\n"
#define HEADER_SIZE 60

struct ar {
    struct lister *lister;
    const uint8_t *names; /* the table of long names */
    uint64_t names_size, names_used;
    uint64_t symbols_offset, symbols_size; /* of the symbol table's content; size 0: none */
    size_t symbols_piece;
    bool symbols_wide;
};

/* Decimal or octal digits with spaces behind them. */
static bool number(const uint8_t *field, size_t size, unsigned base, uint64_t *value)
{
    size_t at = 0;
    *value = 0;
    for (; at < size && field[at] >= '0' && field[at] < (uint8_t)('0' + base); at++)
        *value = *value * base + (uint64_t)(field[at] - '0');
    size_t digits = at;
    while (at < size && field[at] == ' ')
        at++;
    return at == size && (digits > 0 || base != 10 || field[0] == ' ');
}

static void number_piece(struct lister *lister, const uint8_t *field, size_t size, enum rule_index rule,
                         uint32_t member)
{
    uint64_t ignored;
    if (number(field, size, 10, &ignored))
        lister_aside(lister, size, rule, member);
    else
        lister_keep(lister, size, member);
}

/* The header behind the name's 16 bytes. */
static void header_rest(struct lister *lister, const uint8_t *header, uint32_t member)
{
    number_piece(lister, header + 16, 12, RULE_MEMBER_TIMES, member);
    number_piece(lister, header + 28, 6, RULE_AR_OWNERS, member);
    number_piece(lister, header + 34, 6, RULE_AR_OWNERS, member);
    lister_keep(lister, 8, member);
    lister_aside(lister, 10, RULE_ARCHIVE_LAYOUT, member);
    lister_keep(lister, 2, member);
}

static void padding(struct lister *lister, uint32_t member)
{
    if (lister->accounted % 2 == 0 || lister->accounted == lister->size)
        return;
    if (lister->bytes[lister->accounted] == '\n') {
        lister_aside(lister, 1, RULE_ARCHIVE_LAYOUT, member);
        return;
    }
    lister_oddity(lister, "data-in-padding", member, "data in the padding at offset %#jx",
                  (uintmax_t)lister->accounted);
    lister_keep(lister, 1, member);
}

/* ---- Names ---- */

/* "/123": in the table, where names end in a slash and a newline. */
static bool long_name(struct ar *ar, const uint8_t *field, const uint8_t **name, size_t *size)
{
    uint64_t offset;
    if (!number(field + 1, 15, 10, &offset) || offset >= ar->names_size)
        return false;
    const uint8_t *end = memchr(ar->names + offset, '\n', ar->names_size - offset);
    if (end == NULL || end == ar->names + offset || end[-1] != '/')
        return false;
    *name = ar->names + offset;
    *size = (size_t)(end - 1 - *name);
    ar->names_used += *size + 2;
    return true;
}

static void short_name(const uint8_t *field, const uint8_t **name, size_t *size)
{
    size_t used = 16;
    while (used > 0 && field[used - 1] == ' ')
        used--;
    /* GNU's end in a slash, so that they can end in spaces. */
    if (used > 1 && field[used - 1] == '/')
        used--;
    *name = field;
    *size = used;
}

static bool is_table(const uint8_t *field, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = size; i < 16; i++) {
        if (field[i] != ' ')
            return false;
    }
    return memcmp(field, name, size) == 0;
}

/* ---- Members ---- */

static int table(struct ar *ar, const uint8_t *header, uint64_t size, bool of_names)
{
    struct lister *lister = ar->lister;
    bool first = of_names ? ar->names == NULL : lister->members.count == 0 && ar->symbols_size == 0;
    if (!first)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "a table where none is expected");
    lister_keep(lister, 16, NO_MEMBER);
    header_rest(lister, header, NO_MEMBER);
    if (of_names) {
        ar->names = lister->bytes + lister->accounted;
        ar->names_size = size;
    } else {
        ar->symbols_offset = lister->accounted;
        ar->symbols_size = size;
        ar->symbols_piece = lister->pieces.count;
    }
    /* By itself, until it is known whether it can be recomputed: no neighbour is joined to it. */
    lister_piece(lister, size, of_names ? PIECE_KEPT : PIECE_NAME, 0, NO_MEMBER);
    padding(lister, NO_MEMBER);
    return lister->failure;
}

static int one_member(struct ar *ar, const uint8_t *header, uint64_t size)
{
    struct lister *lister = ar->lister;
    const uint8_t *name = header;
    size_t name_size = 0;
    uint64_t inside = 0, mode = 0;
    /* BSD: the name stands before the content, and is padded with NULs. */
    if (memcmp(header, "#1/", 3) == 0 && number(header + 3, 13, 10, &inside) && inside > 0 && inside <= size) {
        name = header + HEADER_SIZE;
        name_size = strnlen((const char *)name, inside);
    } else if (header[0] == '/' ? !long_name(ar, header, &name, &name_size)
                                : (short_name(header, &name, &name_size), false))
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted,
                           "a name that is not in the table of names");
    struct member *member = lister_member(lister, name, name_size);
    if (member == NULL)
        return lister->failure;
    uint32_t index = lister_last(lister);
    member->type = MEMBER_FILE;
    member->known = number(header + 40, 8, 8, &mode) ? KNOWN_MODE : 0;
    member->mode = mode & 07777;
    lister_piece(lister, 16, PIECE_NAME, 0, index);
    header_rest(lister, header, index);
    lister_piece(lister, inside, PIECE_NAME, 0, index);
    member->place = CONTENT_INPUT;
    member->begin = member->end = lister->accounted;
    lister_content(lister, size - inside);
    padding(lister, index);
    return lister->failure;
}

static int next_member(struct ar *ar)
{
    struct lister *lister = ar->lister;
    const uint8_t *header = lister->bytes + lister->accounted;
    uint64_t left = lister->size - lister->accounted, size;
    if (left < HEADER_SIZE || memcmp(header + 58, "`\n", 2) != 0 || !number(header + 48, 10, 10, &size) ||
        size > left - HEADER_SIZE)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "no sound ar header: truncated?");
    ar->symbols_wide |= is_table(header, "/SYM64/");
    if (is_table(header, "/") || is_table(header, "/SYM64/"))
        return table(ar, header, size, false);
    return is_table(header, "//") ? table(ar, header, size, true) : one_member(ar, header, size);
}

/* The table is set aside where it is what the members make it. */
static int settle_symbols(struct ar *ar)
{
    struct parcel *piece = (struct parcel *)ar->lister->pieces.items + ar->symbols_piece;
    if (ar->symbols_size == 0)
        return 0;
    bool right = ar_symbols_right(ar->lister, ar->symbols_offset, ar->symbols_size, ar->symbols_wide);
    piece->kind = right ? PIECE_ASIDE : PIECE_KEPT;
    piece->rule = right ? RULE_AR_SYMBOL_TABLE : 0;
    return ar->lister->failure;
}

static int list_members(struct lister *lister, bool package)
{
    struct ar ar = {.lister = lister};
    size_t magic = sizeof(MAGIC) - 1;
    if (lister->size < magic || memcmp(lister->bytes, MAGIC, magic) != 0)
        return lister_fail(lister, COMPARE_ERROR_UNSUPPORTED, 0, "a thin archive, whose members are other files");
    lister->flags |= LISTING_ACCOUNTED;
    lister_keep(lister, magic, NO_MEMBER);
    while (lister->accounted < lister->size && lister->failure == 0)
        next_member(&ar);
    if (lister->failure == 0 && ar.names_used != ar.names_size)
        lister_oddity(lister, "names-without-member", NO_MEMBER, "the table of names holds what is no member's name");
    if (lister->failure == 0)
        settle_symbols(&ar);
    return lister->failure != 0 ? lister->failure : names_check(lister, !package);
}

int list_ar(struct lister *lister)
{
    return list_members(lister, false);
}

int list_deb(struct lister *lister)
{
    int status = list_members(lister, true);
    if (status == 0 && deb_digests_right(lister))
        lister->flags |= LISTING_DIGESTS_RIGHT;
    return lister->failure != 0 ? lister->failure : status;
}
