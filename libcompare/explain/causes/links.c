/*
 * Causes that show outside the program: the build ID, what leads to separate debug files, and what strip, objcopy and
 * dwz leave of debug information.
 */
#include "families.h"
#include "producers.h"

#include <string.h>

static struct text bytes_of(const struct value *value)
{
    return (struct text){value->bytes, value->bytes == NULL ? 0 : (size_t)value->size};
}

/* ---- build-id-* ---- */

static bool is_build_id(const struct difference *difference)
{
    return difference_is(difference, DIFFERENCE_NOTE, "GNU build ID") ||
           difference_is(difference, DIFFERENCE_NOTE, "Go build ID");
}

/* Whether something differs of which the ID is a digest: anything but itself and the links to debug files. */
static bool something_else_differs(const struct clues *clues)
{
    for (size_t i = 0; i < clues->difference_count; i++) {
        const struct difference *other = &clues->differences[i];
        if (!is_build_id(other) && other->kind != DIFFERENCE_LINK && other->kind != DIFFERENCE_DERIVED)
            return true;
    }
    return false;
}

static bool is_hex_name(struct text name)
{
    for (size_t i = 0; i + 6 < name.size; i++) {
        if (!is_hex_digit(name.bytes[i]))
            return false;
    }
    return name.size > 6 && text_ends(name, ".debug");
}

/* The debug information that dwz made common to several files: its ID is a digest, as the file's own is. */
static bool is_common_id(const struct difference *difference)
{
    return difference_is(difference, DIFFERENCE_LINK, ".gnu_debugaltlink build ID");
}

/* The build ID itself, that of a common debug file, and a .gnu_debuglink that is named for it. */
static bool shows_build_id(const struct difference *difference, struct text_pair *pair)
{
    if (!text_pair_of(difference, pair))
        return false;
    if (difference_is(difference, DIFFERENCE_LINK, ".gnu_debuglink name"))
        return is_hex_name(pair->vendor) && is_hex_name(pair->rebuilt);
    return (is_build_id(difference) || is_common_id(difference)) && pair->vendor.size > 0 && pair->rebuilt.size > 0;
}

static unsigned guess_build_id(const struct clues *clues, const struct difference *difference, struct guess *guess,
                               unsigned confidence, const struct text_pair *pair)
{
    bool named = difference->kind == DIFFERENCE_LINK && !is_common_id(difference);
    if (named || strcmp(difference->what, "Go build ID") == 0)
        return guess_pair(clues, guess, confidence, "names made of the build ID", pair->vendor, pair->rebuilt);
    char hex[2][33];
    const struct text sides[] = {pair->vendor, pair->rebuilt};
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < 16; i++)
            snprintf(hex[side] + 2 * i, 3, "%02x", i < sides[side].size ? sides[side].bytes[i] : 0);
        hex[side][sides[side].size < 16 ? 2 * sides[side].size : 32] = '\0';
    }
    return guess_text(clues, guess, confidence, "build IDs%s %s%s and %s%s",
                      is_common_id(difference) ? " of the common debug file" : "", hex[0],
                      sides[0].size > 16 ? "..." : "", hex[1], sides[1].size > 16 ? "..." : "");
}

static unsigned fits_build_id_only(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    if (!shows_build_id(difference, &pair) || pair.vendor.size != pair.rebuilt.size || something_else_differs(clues))
        return 0;
    return guess_build_id(clues, difference, guess, 90, &pair);
}

static unsigned fits_build_id_derived(const struct clues *clues, const struct difference *difference,
                                      struct guess *guess)
{
    struct text_pair pair;
    if (!shows_build_id(difference, &pair) || !something_else_differs(clues))
        return 0;
    return guess_build_id(clues, difference, guess, 90, &pair);
}

static unsigned fits_build_id_style(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text vendor = bytes_of(&difference->vendor_value), rebuilt = bytes_of(&difference->rebuilt_value);
    if (difference_is(difference, DIFFERENCE_SECTION, ".note.gnu.build-id"))
        return guess_text(clues, guess, 90, "only one side has a build ID");
    if (!difference_is(difference, DIFFERENCE_NOTE, "GNU build ID") || vendor.size == rebuilt.size)
        return 0;
    return guess_text(clues, guess, 95, "the build ID has %zu and %zu bytes", vendor.size, rebuilt.size);
}

static bool is_random_uuid(struct text id)
{
    return id.size == 16 && id.bytes[6] >> 4 == 4 && id.bytes[8] >> 6 == 2;
}

static unsigned fits_build_id_uuid(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    if (!difference_is(difference, DIFFERENCE_NOTE, "GNU build ID") || !text_pair_of(difference, &pair) ||
        pair.vendor.size != 16 || pair.rebuilt.size != 16)
        return 0;
    /* ld 2.40 sets no version in its random numbers; but a digest of a whole file that is equal would be equal. */
    bool whole = clues->vendor.has_symtab && clues->rebuilt.has_symtab && !something_else_differs(clues);
    if (!whole && (!is_random_uuid(pair.vendor) || !is_random_uuid(pair.rebuilt)))
        return 0;
    return guess_build_id(clues, difference, guess, 93, &pair);
}

/* ---- Links to debug files ---- */

static unsigned fits_debuglink_crc(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    if (!difference_is(difference, DIFFERENCE_LINK, ".gnu_debuglink CRC"))
        return 0;
    bool named = false;
    for (size_t i = 0; i < clues->difference_count; i++)
        named = named || difference_is(&clues->differences[i], DIFFERENCE_LINK, ".gnu_debuglink name");
    const char *vendor = difference->vendor_value.text, *rebuilt = difference->rebuilt_value.text;
    return guess_text(clues, guess, named ? 75 : 90, "CRC %.8s and %.8s of %s", vendor != NULL ? vendor : "(none)",
                      rebuilt != NULL ? rebuilt : "(none)",
                      named ? "debug files of two names" : "debug files of one name");
}

static unsigned fits_dwz(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    if (difference_is(difference, DIFFERENCE_SECTION, ".gnu_debugaltlink"))
        return guess_text(clues, guess, 90, "only the %s file has .gnu_debugaltlink",
                          difference->vendor.present ? "vendor's" : "rebuilt");
    if (!difference_is(difference, DIFFERENCE_LINK, ".gnu_debugaltlink name"))
        return 0;
    return guess_pair(clues, guess, 85, difference->what, bytes_of(&difference->vendor_value),
                      bytes_of(&difference->rebuilt_value));
}

static unsigned fits_split_dwarf(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    bool id = difference_is(difference, DIFFERENCE_DEBUG, "dwo ID");
    if (!id && !difference_is(difference, DIFFERENCE_DEBUG, "DW_AT_dwo_name"))
        return 0;
    return guess_pair(clues, guess, id ? 85 : 70, difference->what, bytes_of(&difference->vendor_value),
                      bytes_of(&difference->rebuilt_value));
}

/* ---- What strip and objcopy do ---- */

static bool is_stripped_section(const char *name)
{
    static const char *const beginnings[] = {".symtab", ".strtab",    ".debug_",   ".zdebug_", ".gnu_debuglink",
                                             ".stab",   ".gdb_index", ".shstrtab", ".comment"};
    for (size_t i = 0; i < ARRAY_COUNT(beginnings); i++) {
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    }
    return false;
}

static const char *side_with(bool vendor)
{
    return vendor ? "the vendor's file" : "the rebuilt file";
}

static unsigned fits_stripped(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    bool symbols = clues->vendor.has_symtab != clues->rebuilt.has_symtab;
    bool debug = clues->vendor.has_debug != clues->rebuilt.has_debug;
    bool one_side = difference->vendor.present != difference->rebuilt.present;
    bool of_debug = strncmp(difference->what, ".debug_", 7) == 0 || strncmp(difference->what, ".zdebug_", 8) == 0;
    /* One section more or less is the compiler's or dwz's doing, where both have debug information. */
    if (difference->kind == DIFFERENCE_SECTION && one_side && of_debug && !debug)
        return 0;
    if (difference->kind == DIFFERENCE_SECTION && one_side && is_stripped_section(difference->what))
        return guess_text(clues, guess, strcmp(difference->what, ".comment") == 0 ? 60 : 90, "only %s has it",
                          side_with(difference->vendor.present));
    if (difference_is(difference, DIFFERENCE_SYMBOLS, ".symtab") && symbols)
        return guess_text(clues, guess, 90, "only %s has symbols", side_with(clues->vendor.has_symtab));
    if (difference->kind == DIFFERENCE_DEBUG && debug)
        return guess_text(clues, guess, 90, "only %s has debug information", side_with(clues->vendor.has_debug));
    return 0;
}

static bool is_word(const struct value *value, const char *word)
{
    return value->text != NULL && strcmp(value->text, word) == 0;
}

/* The producer records -gz, too. */
static bool differs_in_compression_option(const struct clues *clues, const struct difference *difference)
{
    struct text_pair pair;
    return difference_is(difference, DIFFERENCE_DEBUG, "DW_AT_producer") && producers_of(clues, difference, &pair) &&
           only_options_differ(&pair, "-gz");
}

static unsigned fits_compression(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    if (differs_in_compression_option(clues, difference))
        return guess_text(clues, guess, 80, "the option -gz");
    const struct value *vendor = &difference->vendor_value, *rebuilt = &difference->rebuilt_value;
    if (difference->kind != DIFFERENCE_SECTION || vendor->text == NULL || rebuilt->text == NULL ||
        (!is_word(vendor, "compressed") && !is_word(rebuilt, "compressed")))
        return 0;
    return guess_text(clues, guess, 95, "%.32s and %.32s", vendor->text, rebuilt->text);
}

static bool is_in_section(const struct difference *difference, const char *section)
{
    return (difference->vendor.section != NULL && strcmp(difference->vendor.section, section) == 0) ||
           (difference->rebuilt.section != NULL && strcmp(difference->rebuilt.section, section) == 0);
}

static unsigned fits_minidebuginfo(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    bool one_side = difference->vendor.present != difference->rebuilt.present;
    if (difference_is(difference, DIFFERENCE_SECTION, ".gnu_debugdata") && one_side)
        return guess_text(clues, guess, 92, "only %s has it", side_with(difference->vendor.present));
    return is_in_section(difference, ".gnu_debugdata")
               ? guess_text(clues, guess, 80, "the compressed symbol tables of both sides")
               : 0;
}

static const struct cause rows[] = {
    {
        .info = {"build-id-only", "nothing differs but the build ID", "the build-ID note, and .gnu_debuglink with it",
                 "no other difference: it is a digest of something that strip took away",
                 "build with -ffile-prefix-map=DIR=. and the same debug information", "build_id_differences_only",
                 false},
        .fits = fits_build_id_only,
        .follows = FOLLOWS(LINK),
    },
    {
        .info = {"build-id-derived", "the build ID follows from another difference",
                 "the build-ID note, and .gnu_debuglink with it", "there are other differences; it is a digest of them",
                 "mend the others", "build_id_variation_requiring_further_investigation", false},
        .fits = fits_build_id_derived,
        .follows = FOLLOWS(LINK),
    },
    {
        .info = {"build-id-style", "the build IDs are of different kinds", "the size of the build-ID note",
                 "20 bytes: sha1; 16: md5 or uuid; 8: lld's fast; or only one side has an ID",
                 "link both with --build-id=sha1", NULL, false},
        .fits = fits_build_id_style,
        .follows = FOLLOWS(LINK) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"build-id-uuid", "the build ID is a random number", "a build-ID note of 16 bytes",
                 "version and variant of a random UUID (RFC 4122), or all else equal and not stripped",
                 "link with --build-id=sha1", NULL, false},
        .fits = fits_build_id_uuid,
        .follows = FOLLOWS(LINK),
    },
    {
        .info = {"debuglink-crc", "the separate debug files differ", "the last 4 bytes of .gnu_debuglink",
                 "the names are equal, the CRC of the debug file is not", "compare the debug files", NULL, false},
        .fits = fits_debuglink_crc,
        .follows = 0,
    },
    {
        .info = {"dwz", "dwz moved debug information to a common file", ".gnu_debugaltlink, .debug_info",
                 "the section is on one side only, or its name or ID differs",
                 "run dwz on the same set of files in the same order", NULL, false},
        .fits = fits_dwz,
        .follows = FOLLOWS(DEBUG) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"split-dwarf", "the debug information lies in .dwo files", "DW_AT_dwo_name, the dwo ID",
                 "the ID or the name differs: a digest of paths and of debug information",
                 "build with -ffile-prefix-map=DIR=.", NULL, false},
        .fits = fits_split_dwarf,
        .follows = FOLLOWS(DEBUG) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"stripped", "one side is stripped", ".symtab, .strtab, .debug_*, .shstrtab",
                 "only one side has the section; what is loaded does not come into it", "strip both alike", NULL,
                 false},
        .fits = fits_stripped,
        .follows = FOLLOWS(SYMBOLS) | FOLLOWS(DEBUG) | FOLLOWS(LINK) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"debug-compression", "debug information is compressed on one side, or by other means",
                 ".debug_* with SHF_COMPRESSED", "the section's form differs; the plain content is compared",
                 "use the same -gz or objcopy --compress-debug-sections", NULL, false},
        .fits = fits_compression,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"minidebuginfo", "the compressed symbol table for debuggers differs", ".gnu_debugdata (xz)",
                 "the section differs, or is on one side only", "use the same xz and the same symbols", NULL, false},
        .fits = fits_minidebuginfo,
        .follows = FOLLOWS_FROM_SIZE,
    },
};

const struct family causes_links = {rows, ARRAY_COUNT(rows)};
