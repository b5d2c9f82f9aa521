/*
 * One directory for another, as when a source tree was built elsewhere: /build/a/src/x.c and /build/b/src/x.c. Both
 * paths must end in the same whole components, and the whole rest of the text must be equal, or differ in the same way.
 */
#include "text_pairs.h"

#include <string.h>

static bool is_path_byte(uint8_t byte)
{
    return is_alphanumeric(byte) || strchr("/._-+~@%,", byte) != NULL;
}

/* Where the path that holds the byte at `at` begins: behind the last byte that no path has. */
static size_t path_begin(struct text text, size_t at)
{
    while (at > 0 && text.bytes[at - 1] != '\0' && is_path_byte(text.bytes[at - 1]))
        at--;
    return at;
}

static size_t path_end(struct text text, size_t at)
{
    while (at < text.size && text.bytes[at] != '\0' && is_path_byte(text.bytes[at]))
        at++;
    return at;
}

/* -I/build/a: the option is no part of the path. */
static size_t skip_option(struct text text, size_t begin, size_t end)
{
    if (begin < end && text.bytes[begin] == '-') {
        while (begin < end && text.bytes[begin] != '/' && text.bytes[begin] != '.')
            begin++;
    }
    return begin;
}

/* The end that both have in common, cut to whole components: it begins with a slash, or is a whole side. */
static size_t common_tail(struct text vendor, struct text rebuilt)
{
    size_t tail = text_common_suffix(vendor, rebuilt);
    bool whole = (tail == vendor.size && (tail == rebuilt.size || rebuilt.bytes[rebuilt.size - tail - 1] == '/')) ||
                 (tail == rebuilt.size && tail < vendor.size && vendor.bytes[vendor.size - tail - 1] == '/');
    if (whole)
        return tail;
    while (tail > 0 && vendor.bytes[vendor.size - tail] != '/')
        tail--;
    return tail;
}

static struct text without_slash(struct text text)
{
    while (text.size > 1 && text.bytes[text.size - 1] == '/')
        text.size--;
    return text;
}

static bool begins_path(struct text text, size_t at, struct text directory)
{
    struct text here = text_part(text, at, directory.size);
    if (directory.size == 0 || !text_equal(here, directory))
        return false;
    size_t next = at + directory.size;
    return next == text.size || !is_path_byte(text.bytes[next]) || text.bytes[next] == '/' || text.bytes[next] == '\0';
}

/* Both texts again, side by side, with nothing but the substitution between them. */
static bool is_all(const struct text_pair *pair, const struct substitution *substitution)
{
    size_t i = 0, j = 0;
    bool one_empty = substitution->vendor.size == 0 || substitution->rebuilt.size == 0;
    while (i < pair->vendor.size || j < pair->rebuilt.size) {
        if (!one_empty && begins_path(pair->vendor, i, substitution->vendor) &&
            begins_path(pair->rebuilt, j, substitution->rebuilt)) {
            i += substitution->vendor.size;
            j += substitution->rebuilt.size;
        } else if (i < pair->vendor.size && j < pair->rebuilt.size && pair->vendor.bytes[i] == pair->rebuilt.bytes[j]) {
            i++;
            j++;
        } else {
            return false;
        }
    }
    return true;
}

/* One side's path is relative to the directory that the other names: one occurrence, and nothing else differs. */
static bool is_all_relative(const struct text_pair *pair, struct text vendor_path, struct text rebuilt_path)
{
    const uint8_t *vendor_end = vendor_path.bytes + vendor_path.size;
    const uint8_t *rebuilt_end = rebuilt_path.bytes + rebuilt_path.size;
    struct text a = {vendor_end, (size_t)(pair->vendor.bytes + pair->vendor.size - vendor_end)};
    struct text b = {rebuilt_end, (size_t)(pair->rebuilt.bytes + pair->rebuilt.size - rebuilt_end)};
    return text_equal(a, b);
}

bool substitution_of_pair(const struct text_pair *pair, struct substitution *substitution)
{
    size_t at = text_common_prefix(pair->vendor, pair->rebuilt);
    size_t begin = path_begin(pair->vendor, at);
    size_t vendor_end = path_end(pair->vendor, begin), rebuilt_end = path_end(pair->rebuilt, begin);
    begin = skip_option(pair->vendor, begin, vendor_end);
    if (begin > at || begin > rebuilt_end)
        return false;
    struct text vendor = text_part(pair->vendor, begin, vendor_end - begin);
    struct text rebuilt = text_part(pair->rebuilt, begin, rebuilt_end - begin);
    /* What follows "https:" is no path. */
    if (vendor.size == 0 || rebuilt.size == 0 || text_equal(vendor, rebuilt) || text_begins(vendor, "//") ||
        text_begins(rebuilt, "//"))
        return false;
    size_t tail = common_tail(vendor, rebuilt);
    *substitution = (struct substitution){
        .vendor = without_slash(text_part(vendor, 0, vendor.size - tail)),
        .rebuilt = without_slash(text_part(rebuilt, 0, rebuilt.size - tail)),
        .tail = text_part(vendor, vendor.size - tail, tail),
        .absolute = vendor.bytes[0] == '/' && rebuilt.bytes[0] == '/',
    };
    if (vendor.bytes[0] != '/' && rebuilt.bytes[0] != '/' && !(text_begins(vendor, "..") && text_begins(rebuilt, "..")))
        return false;
    /* Without a common tail only a directory for a directory is told; a lone slash is none. */
    if (substitution->vendor.size == 1 && vendor.bytes[0] == '/')
        return false;
    if (substitution->rebuilt.size == 1 && rebuilt.bytes[0] == '/')
        return false;
    if (substitution->vendor.size == 0 || substitution->rebuilt.size == 0)
        return is_all_relative(pair, vendor, rebuilt);
    return is_all(pair, substitution);
}

/* Whether name begins with directory, at the end of a component. */
static bool is_below(struct text name, struct text directory)
{
    return directory.size > 0 && name.size >= directory.size &&
           text_equal(text_part(name, 0, directory.size), directory) &&
           (name.size == directory.size || name.bytes[directory.size] == '/');
}

static bool some_is(const struct names *names, struct text beginning, struct text rest)
{
    for (size_t i = 0; i < names->count; i++) {
        struct text name = text_of(names->items[i]);
        if (name.size == beginning.size + rest.size && text_equal(text_part(name, 0, beginning.size), beginning) &&
            text_equal(text_part(name, beginning.size, rest.size), rest))
            return true;
    }
    return false;
}

/* Lists of directories are short; a longer one is looked at in its beginning. */
#define DIRECTORIES_LOOKED_AT 256

bool substitution_in_facts(const struct clues *clues, const struct substitution *substitution)
{
    const struct names *vendor = &clues->vendor.directories, *rebuilt = &clues->rebuilt.directories;
    for (size_t i = 0; i < vendor->count && i < DIRECTORIES_LOOKED_AT; i++) {
        struct text name = text_of(vendor->items[i]);
        if (!is_below(name, substitution->vendor) || names_have(rebuilt, vendor->items[i]))
            continue;
        struct text rest = text_part(name, substitution->vendor.size, name.size);
        if (some_is(rebuilt, substitution->rebuilt, rest))
            return true;
    }
    return false;
}

/* Whether this pair of strings has the same two directories in it; *tail is what the vendor's has behind its own. */
static bool explains(const struct difference *difference, const struct substitution *substitution, struct text *tail)
{
    struct text_pair pair;
    if (difference->kind != DIFFERENCE_STRING || !text_pair_of(difference, &pair))
        return false;
    size_t at = path_begin(pair.vendor, text_common_prefix(pair.vendor, pair.rebuilt));
    at = skip_option(pair.vendor, at, pair.vendor.size);
    size_t behind = at + substitution->vendor.size;
    if (!begins_path(pair.vendor, at, substitution->vendor) || !begins_path(pair.rebuilt, at, substitution->rebuilt))
        return false;
    *tail = text_part(pair.vendor, behind, path_end(pair.vendor, behind) - behind);
    return true;
}

/* Of very many differences, the first are enough to tell. */
#define DIFFERENCES_LOOKED_AT 2048

size_t substitution_support(const struct clues *clues, const struct substitution *substitution, size_t most)
{
    size_t count = 0;
    struct text tail;
    for (size_t i = 0; i < clues->difference_count && i < DIFFERENCES_LOOKED_AT && count < most; i++)
        count += explains(&clues->differences[i], substitution, &tail);
    return count;
}

bool substitution_has_source_file(const struct clues *clues, const struct substitution *substitution)
{
    struct text tail;
    for (size_t i = 0; i < clues->difference_count && i < DIFFERENCES_LOOKED_AT; i++) {
        if (explains(&clues->differences[i], substitution, &tail) && is_source_file(tail))
            return true;
    }
    return false;
}

bool is_system_path(struct text path)
{
    static const char *const built_in[] = {"/usr/src",        "/usr/local/src",   "/var/tmp",        "/usr/obj",
                                           "/var/lib/buildd", "/var/lib/jenkins", "/var/cache/build"};
    static const char *const system[] = {"/etc",  "/usr",  "/var", "/lib", "/lib64", "/bin",
                                         "/sbin", "/proc", "/sys", "/dev", "/run",   "/boot"};
    for (size_t i = 0; i < ARRAY_COUNT(built_in); i++) {
        if (is_below(path, text_of(built_in[i])))
            return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(system); i++) {
        if (is_below(path, text_of(system[i])))
            return true;
    }
    return false;
}

bool is_source_file(struct text path)
{
    static const char *const endings[] = {".c",   ".h",   ".cc",  ".cpp", ".cxx", ".hpp", ".hh",   ".hxx", ".inl",
                                          ".ipp", ".tcc", ".C",   ".c++", ".m",   ".mm",  ".rs",   ".go",  ".s",
                                          ".S",   ".asm", ".y",   ".l",   ".ml",  ".mli", ".hs",   ".adb", ".ads",
                                          ".f",   ".f90", ".F90", ".zig", ".nim", ".cu",  ".vala", ".inc"};
    for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
        if (text_ends(path, endings[i]))
            return true;
    }
    return false;
}
