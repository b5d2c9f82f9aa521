/*
 * Causes that show as paths: where the source was built, and names of temporary files. A path pair is believed when
 * the debug information tells of the same two directories, or when both end in the same source file; that a program
 * opens another file than before is a change of its source.
 */
#include "families.h"

#include <string.h>

/* ---- Build paths ---- */

static bool is_text_kind(const struct difference *difference)
{
    return difference->kind == DIFFERENCE_STRING || difference->kind == DIFFERENCE_DEBUG;
}

static bool string_substitution(const struct difference *difference, struct substitution *substitution)
{
    struct text_pair pair;
    return difference->kind == DIFFERENCE_STRING && text_pair_of(difference, &pair) &&
           substitution_of_pair(&pair, substitution);
}

static bool is_strange_to_source(const struct substitution *substitution)
{
    return is_system_path(substitution->vendor) || is_system_path(substitution->rebuilt);
}

static unsigned confidence_of_source_path(const struct clues *clues, const struct substitution *substitution)
{
    if (substitution_in_facts(clues, substitution))
        return 96;
    if (is_strange_to_source(substitution))
        return 35;
    if (!substitution->absolute)
        return 60;
    return substitution_support(clues, substitution, 2) >= 2 ? 85 : 75;
}

/* Where only build services keep something: no program has a file there. */
static bool is_build_service_directory(struct text path)
{
    return text_begins(path, "/build/") || text_begins(path, "/builddir/") || text_begins(path, "/usr/src/") ||
           text_begins(path, "/__w/");
}

static unsigned confidence_of_other_path(const struct clues *clues, const struct substitution *substitution)
{
    if (!substitution->absolute)
        return 0;
    if (substitution_in_facts(clues, substitution))
        return 95;
    if (is_strange_to_source(substitution))
        return substitution->tail.size > 0 ? 20 : 0;
    if (substitution_has_source_file(clues, substitution))
        return 75;
    if (substitution->tail.size > 0 && is_build_service_directory(substitution->vendor) &&
        is_build_service_directory(substitution->rebuilt))
        return 60;
    return substitution->tail.size > 0 ? 40 : 15;
}

static unsigned guess_substitution(const struct clues *clues, struct guess *guess, unsigned confidence,
                                   const struct substitution *substitution)
{
    if (confidence == 0)
        return 0;
    return guess_keyed_pair(clues, guess, confidence, "one directory for another", substitution->vendor,
                            substitution->rebuilt);
}

static unsigned fits_macro(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct substitution substitution;
    if (!string_substitution(difference, &substitution) || !is_source_file(substitution.tail))
        return 0;
    return guess_substitution(clues, guess, confidence_of_source_path(clues, &substitution), &substitution);
}

static unsigned fits_other(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct substitution substitution;
    if (!string_substitution(difference, &substitution))
        return 0;
    unsigned confidence = confidence_of_other_path(clues, &substitution);
    if (is_source_file(substitution.tail))
        confidence = confidence_of_source_path(clues, &substitution) / 2;
    return guess_substitution(clues, guess, confidence, &substitution);
}

static unsigned fits_debug(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct substitution substitution;
    if (difference->kind != DIFFERENCE_DEBUG || !text_pair_of(difference, &pair) ||
        strcmp(difference->what, "DW_AT_producer") == 0 || !substitution_of_pair(&pair, &substitution))
        return 0;
    bool directory = strcmp(difference->what, "DW_AT_comp_dir") == 0;
    bool told = directory || substitution_in_facts(clues, &substitution);
    unsigned confidence = told ? 95 : substitution.tail.size > 0 ? 85 : 60;
    /* Headers of the compiler's own are not where the program was built. */
    if (is_strange_to_source(&substitution))
        confidence = 35;
    return guess_substitution(clues, guess, confidence, &substitution);
}

/* Where people and build services keep what they build. */
static bool is_build_directory(struct text path)
{
    static const char *const roots[] = {"/build", "/home/", "/root", "/tmp/",      "/var/tmp/", "/usr/src",
                                        "/work",  "/src",   "/mnt/", "/workspace", "/github/",  "/__w/"};
    for (size_t i = 0; i < ARRAY_COUNT(roots); i++) {
        if (text_begins(path, roots[i]))
            return true;
    }
    return false;
}

static unsigned one_sided_runpath(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    bool vendor = difference->vendor_value.bytes != NULL;
    const struct value *value = vendor ? &difference->vendor_value : &difference->rebuilt_value;
    const struct names *directories = vendor ? &clues->vendor.directories : &clues->rebuilt.directories;
    struct text path = {value->bytes, (size_t)value->size};
    if (path.bytes == NULL || !is_build_directory(path))
        return 0;
    bool told = false;
    for (size_t i = 0; i < directories->count && i < 256 && !told; i++)
        told = strlen(directories->items[i]) > 1 && text_begins(path, directories->items[i]);
    return guess_pair(clues, guess, told ? 80 : 45, "search path", vendor ? path : text_of(""),
                      vendor ? text_of("") : path);
}

static unsigned fits_runpath(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct substitution substitution;
    if (!difference_is(difference, DIFFERENCE_DYNAMIC, "DT_RUNPATH") &&
        !difference_is(difference, DIFFERENCE_DYNAMIC, "DT_RPATH"))
        return 0;
    if (difference->vendor_value.bytes == NULL || difference->rebuilt_value.bytes == NULL)
        return one_sided_runpath(clues, difference, guess);
    if (!text_pair_of(difference, &pair) || !substitution_of_pair(&pair, &substitution) || !substitution.absolute)
        return 0;
    bool built = is_build_directory(substitution.vendor) && is_build_directory(substitution.rebuilt);
    unsigned confidence = substitution_in_facts(clues, &substitution) ? 95
                          : built && substitution.tail.size > 0       ? 70
                                                                      : 35;
    return guess_substitution(clues, guess, confidence, &substitution);
}

static bool coverage_substitution(const struct difference *difference, struct substitution *substitution)
{
    return string_substitution(difference, substitution) &&
           (text_ends(substitution->tail, ".gcda") || text_ends(substitution->tail, ".gcno"));
}

/* The tables of gcc's counters (libgcc/gcov.h) have no names, and in them a stamp and checksums of lines: of the path. */
static bool is_word_of_counters(const struct clues *clues, const struct difference *difference)
{
    return difference->kind == DIFFERENCE_DATA && difference->vendor.symbol == NULL &&
           difference->rebuilt.symbol == NULL && difference->vendor_value.size <= 16 &&
           difference->rebuilt_value.size <= 16 && names_have(&clues->vendor.symbols, "__gcov_init") &&
           names_have(&clues->rebuilt.symbols, "__gcov_init");
}

static unsigned fits_coverage(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct substitution substitution;
    if (coverage_substitution(difference, &substitution))
        return guess_substitution(clues, guess, 97, &substitution);
    for (size_t i = 0; i < clues->difference_count && i < 1000 && is_word_of_counters(clues, difference); i++) {
        if (coverage_substitution(&clues->differences[i], &substitution))
            return guess_substitution(clues, guess, 70, &substitution);
    }
    return 0;
}

/* ---- Languages ---- */

static bool both_speak(const struct clues *clues, const char *language)
{
    return names_have(&clues->vendor.languages, language) && names_have(&clues->rebuilt.languages, language);
}

static bool both_have_section(const struct clues *clues, const char *section)
{
    return names_have(&clues->vendor.sections, section) && names_have(&clues->rebuilt.sections, section);
}

/* Of what rustc alone has made, the debug information's path is rustc's, too, and so is what mends it. */
static unsigned fits_rust_debug(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    const struct names *languages[] = {&clues->vendor.languages, &clues->rebuilt.languages};
    for (size_t side = 0; side < 2; side++) {
        if (languages[side]->count != 1 || !names_have(languages[side], "Rust"))
            return 0;
    }
    unsigned confidence = fits_debug(clues, difference, guess);
    return confidence + (confidence >= CONFIDENCE_BELIEVED);
}

static unsigned fits_rust_path(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct substitution substitution;
    if (difference->kind == DIFFERENCE_DEBUG)
        return fits_rust_debug(clues, difference, guess);
    if (!string_substitution(difference, &substitution))
        return 0;
    /* rustc lays strings side by side, without a NUL between them. */
    bool rust = clues->vendor.is_rust && clues->rebuilt.is_rust && text_has(substitution.tail, ".rs");
    if (!rust && !text_ends(substitution.tail, ".rs"))
        return 0;
    unsigned confidence = confidence_of_source_path(clues, &substitution);
    return guess_substitution(clues, guess, confidence + (confidence >= CONFIDENCE_BELIEVED), &substitution);
}

static bool is_go_stamp(struct text line)
{
    return text_begins(line, "build\tvcs") || text_begins(line, "build\t-trimpath");
}

static struct text line_at(struct text text, size_t at)
{
    struct text rest = text_part(text, at, text.size);
    const uint8_t *end = rest.size == 0 ? NULL : memchr(rest.bytes, '\n', rest.size);
    return text_part(rest, 0, end == NULL ? rest.size : (size_t)(end - rest.bytes));
}

/* Module information whose lines differ only in what the version control said. */
static bool differs_in_go_stamps(const struct text_pair *pair)
{
    size_t i = 0, j = 0;
    while (i < pair->vendor.size || j < pair->rebuilt.size) {
        struct text a = line_at(pair->vendor, i), b = line_at(pair->rebuilt, j);
        if (text_equal(a, b) && i < pair->vendor.size && j < pair->rebuilt.size) {
            i += a.size + 1;
            j += b.size + 1;
        } else if (is_go_stamp(a)) {
            i += a.size + 1;
        } else if (is_go_stamp(b)) {
            j += b.size + 1;
        } else {
            return false;
        }
    }
    return true;
}

static unsigned fits_go(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct substitution substitution;
    if (!text_pair_of(difference, &pair))
        return 0;
    if (difference_is(difference, DIFFERENCE_NOTE, "Go build ID"))
        return guess_pair(clues, guess, clues->difference_count > 1 ? 45 : 80, "Go build ID", pair.vendor,
                          pair.rebuilt);
    if (difference->kind != DIFFERENCE_STRING)
        return 0;
    if (text_has(pair.vendor, "build\t") && text_has(pair.rebuilt, "build\t") && differs_in_go_stamps(&pair))
        return guess_pair(clues, guess, 70, "module information", pair.vendor, pair.rebuilt);
    if ((!both_speak(clues, "Go") && !both_have_section(clues, ".gopclntab")) ||
        !substitution_of_pair(&pair, &substitution))
        return 0;
    if (!is_source_file(substitution.tail))
        return 0; /* what the toolchain puts there are paths of sources */
    unsigned confidence = confidence_of_source_path(clues, &substitution);
    return guess_substitution(clues, guess, confidence + (confidence >= CONFIDENCE_BELIEVED), &substitution);
}

/* Both begin so, have digits of this kind behind, and are equal but for them. */
static bool differ_in_serial(const struct text_pair *pair, const char *beginning, bool (*is_serial)(uint8_t byte))
{
    if (!text_begins(pair->vendor, beginning) || !text_begins(pair->rebuilt, beginning))
        return false;
    size_t i = strlen(beginning), j = i;
    while (i < pair->vendor.size || j < pair->rebuilt.size) {
        size_t a = 0, b = 0;
        while (i + a < pair->vendor.size && is_serial(pair->vendor.bytes[i + a]))
            a++;
        while (j + b < pair->rebuilt.size && is_serial(pair->rebuilt.bytes[j + b]))
            b++;
        if ((a == 0) != (b == 0))
            return false;
        i += a;
        j += b;
        if (i == pair->vendor.size || j == pair->rebuilt.size)
            break;
        if (pair->vendor.bytes[i++] != pair->rebuilt.bytes[j++])
            return false;
    }
    return i == pair->vendor.size && j == pair->rebuilt.size;
}

static unsigned fits_ocaml(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    if (!is_text_kind(difference) || !text_pair_of(difference, &pair) || pair.vendor.size != pair.rebuilt.size ||
        (!differ_in_serial(&pair, "/tmp/camlobj", is_hex_digit) &&
         !differ_in_serial(&pair, "/tmp/camlstartup", is_hex_digit)))
        return 0;
    return guess_pair(clues, guess, 85, "temporary names of ocamlopt", pair.vendor, pair.rebuilt);
}

static unsigned fits_haskell(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    if (!is_text_kind(difference) || !text_pair_of(difference, &pair) || !differ_in_serial(&pair, "/tmp/ghc", is_digit))
        return 0;
    /* Surer than that one directory became another one, which is true as well. */
    return guess_pair(clues, guess, 97, "temporary names of ghc", pair.vendor, pair.rebuilt);
}

static unsigned fits_temporary(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct forms forms;
    if (!is_text_kind(difference) || !text_pair_of(difference, &pair))
        return 0;
    forms_of_pair(&pair, &forms);
    if (!forms_have(&forms, FORM_RANDOM_NAME))
        return 0;
    const struct text_pair *first = &forms.first[FORM_RANDOM_NAME];
    bool only = forms_only(&forms, 1u << FORM_RANDOM_NAME);
    return guess_pair(clues, guess, only ? 80 : 55, "names as mkstemp makes them", first->vendor, first->rebuilt);
}

/* ---- The environment of who built it ---- */

static bool is_home(struct text path)
{
    struct text rest;
    if (text_equal(path, text_of("/root")))
        return true;
    if (text_begins(path, "/home/"))
        rest = text_part(path, 6, path.size);
    else if (text_begins(path, "/Users/"))
        rest = text_part(path, 7, path.size);
    else
        return false;
    return rest.size > 0 && memchr(rest.bytes, '/', rest.size) == NULL;
}

static bool names_begin(const struct names *names, struct text beginning)
{
    for (size_t i = 0; i < names->count && i < 256; i++) {
        if (text_equal(text_part(text_of(names->items[i]), 0, beginning.size), beginning))
            return true;
    }
    return false;
}

/*
 * A program can have a home directory in its source too; the builder's is also in debug information, or named. One
 * user's hidden directory (.cache, .cargo) is in no source.
 */
static bool is_builders_home(const struct clues *clues, const struct difference *difference,
                             const struct text_pair *pair, const struct substitution *homes)
{
    bool hidden = text_begins(homes->tail, "/.") && homes->tail.size > 2 && is_letter(homes->tail.bytes[2]);
    return hidden || pair_mentions(pair, "HOME=") || difference_mentions(difference, "home") ||
           (names_begin(&clues->vendor.directories, homes->vendor) &&
            names_begin(&clues->rebuilt.directories, homes->rebuilt));
}

#define HINTS "build|built|compiled|configured"

static bool is_path_list(struct text text)
{
    return text_has(text, ":/") && text_has(text, "/bin");
}

static unsigned fits_home(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct substitution substitution;
    if (difference->kind != DIFFERENCE_STRING || !text_pair_of(difference, &pair))
        return 0;
    if (substitution_of_pair(&pair, &substitution) && is_home(substitution.vendor) && is_home(substitution.rebuilt))
        return guess_substitution(clues, guess, is_builders_home(clues, difference, &pair, &substitution) ? 60 : 40,
                                  &substitution);
    if (is_path_list(pair.vendor) && is_path_list(pair.rebuilt))
        return guess_pair(clues, guess,
                          (pair_mentions(&pair, HINTS) || difference_mentions(difference, HINTS)) ? 60 : 40,
                          "lists of directories", pair.vendor, pair.rebuilt);
    return 0;
}

static const struct cause rows[] = {
    {
        .info = {"build-path-debug", "the build path is in the debug information",
                 ".debug_line_str, .debug_str, .debug_line, .debug_info",
                 "DW_AT_comp_dir or the directories of line tables differ by a common prefix",
                 "build with -ffile-prefix-map=DIR=.", "gcc_captures_build_path", false},
        .fits = fits_debug,
        .follows = FOLLOWS(DEBUG) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"build-path-macro", "the build path is in a string of the program (__FILE__)",
                 ".rodata, and what a longer string moves", "two paths with the same source file at their end",
                 "build with -fmacro-prefix-map=DIR=.", "captures_build_path_via_assert", false},
        .fits = fits_macro,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"build-path-other", "the build path is in a string or a table of the program", ".rodata, .data",
                 "one directory for another explains every pair, and debug information or source paths tell of it too",
                 "give relative paths at configure time", "captures_build_path", false},
        .fits = fits_other,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"build-path-runpath", "the build path is where the program looks for its libraries",
                 "DT_RUNPATH or DT_RPATH", "the strings of the dynamic tag differ by their directory",
                 "set CMAKE_BUILD_RPATH_USE_ORIGIN=ON, or remove it with chrpath", "cmake_rpath_contains_build_path",
                 false},
        .fits = fits_runpath,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"coverage", "the path of the coverage data is in the program", ".rodata: an absolute path to *.gcda",
                 "a path pair that ends in .gcda", "build with -fprofile-prefix-map=DIR=.", NULL, false},
        .fits = fits_coverage,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"rust-path", "rustc put the build path into the program",
                 "nearly every section: paths enter panics, debug information and the hashes of symbols",
                 "two paths with the same .rs file at their end", "build with --remap-path-prefix=DIR=.", NULL, false},
        .fits = fits_rust_path,
        .follows = FOLLOWS(SYMBOLS) | FOLLOWS(ORDER) | FOLLOWS(DEBUG) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"go", "the Go toolchain put build paths or version control stamps into the program",
                 ".note.go.buildid, .gopclntab, .go.buildinfo",
                 "path pairs of a Go program; module information that differs in vcs lines; the parts of the build ID",
                 "build with -trimpath -buildvcs=false -ldflags=-buildid=",
                 "golang_compiler_captures_build_path_in_binary", false},
        .fits = fits_go,
        .follows = FOLLOWS(DEBUG) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"ocaml", "a temporary name of ocamlopt is in the file", "debug information: /tmp/camlobjXXXXXX",
                 "two names of that shape", "set BUILD_PATH_PREFIX_MAP",
                 "ocaml_captures_build_path, "
                 "randomness_in_ocaml_custom_executables",
                 false},
        .fits = fits_ocaml,
        .follows = FOLLOWS(DEBUG) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"haskell", "a temporary name of ghc is in the file", "/tmp/ghcNNNN_0 in strings or debug information",
                 "two names of that shape", "use a newer ghc, or build with -j1", "ghc_captures_build_path_via_tempdir",
                 false},
        .fits = fits_haskell,
        .follows = FOLLOWS(DEBUG) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"temp-name", "the random name of a temporary file is in the file", ".rodata or debug information",
                 "two names in one temporary directory that differ in the six characters of mkstemp",
                 "give the temporary file a fixed name", NULL, false},
        .fits = fits_temporary,
        .follows = FOLLOWS(DEBUG) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"home-or-path", "the builder's home directory or PATH is in the program", ".rodata",
                 "two home directories that debug information or HOME= tells of; two colon-separated lists",
                 "build in a clean environment", "captures_home_dir, leaks_path_environment_variable", false},
        .fits = fits_home,
        .follows = FOLLOWS_FROM_SIZE,
    },
};

const struct family causes_paths = {rows, ARRAY_COUNT(rows)};
