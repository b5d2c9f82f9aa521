/*
 * Causes that lie in the compiler, its options and the linker's: they change code widely, so the few things that tell
 * of them directly (producers, .comment, imports, dynamic flags, notes) are looked at, never the code itself.
 */
#include "families.h"
#include "producers.h"

#include <elf.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define X86_ISA_NEEDED 0xc0008002u
#define X86_ISA_USED   0xc0010002u

static struct text bytes_of(const struct value *value)
{
    return (struct text){value->bytes, value->bytes == NULL ? 0 : (size_t)value->size};
}

static unsigned guess_sides(const struct clues *clues, const struct difference *difference, struct guess *guess,
                            unsigned confidence)
{
    const char *vendor = difference->vendor_value.text, *rebuilt = difference->rebuilt_value.text;
    return guess_text(clues, guess, confidence, "%.64s: %.160s and %.160s", difference->what,
                      vendor != NULL ? vendor : "(none)", rebuilt != NULL ? rebuilt : "(none)");
}

static bool one_side_lacks(const struct difference *difference)
{
    return (difference->vendor_value.bytes == NULL) != (difference->rebuilt_value.bytes == NULL);
}

/* ---- Compiler and options ---- */

static bool is_linker_comment(struct text comment)
{
    return text_begins(comment, "Linker:") || text_has(comment, "LLD ") || text_begins(comment, "mold ");
}

static unsigned fits_compiler(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text vendor = bytes_of(&difference->vendor_value), rebuilt = bytes_of(&difference->rebuilt_value);
    struct text_pair pair;
    if (difference->kind == DIFFERENCE_COMMENT) {
        if (is_linker_comment(vendor) || is_linker_comment(rebuilt))
            return 0;
        return guess_pair(clues, guess, vendor.size > 0 && rebuilt.size > 0 ? 92 : 75, "compilers", vendor, rebuilt);
    }
    if (producers_of(clues, difference, &pair)) {
        struct text a = producer_version(pair.vendor), b = producer_version(pair.rebuilt);
        return text_equal(a, b) ? 0 : guess_pair(clues, guess, 92, "compilers", a, b);
    }
    if (!difference_is(difference, DIFFERENCE_CODE, "code"))
        return 0;
    const char *a = names_only_in(&clues->vendor.comments, &clues->rebuilt.comments);
    const char *b = names_only_in(&clues->rebuilt.comments, &clues->vendor.comments);
    if (a == NULL || b == NULL || is_linker_comment(text_of(a)))
        return guess_text(clues, guess, 30, "code differs widely, and .comment does not tell");
    return guess_pair(clues, guess, 90, "compilers", text_of(a), text_of(b));
}

/* gcc tells of all its options, clang of none: what only one of the two tells is no difference of theirs. */
static bool tell_alike(const struct text_pair *producers)
{
    return text_begins(producers->vendor, "GNU ") == text_begins(producers->rebuilt, "GNU ");
}

static unsigned guess_options(const struct clues *clues, const struct difference *difference, struct guess *guess,
                              const char *beginnings, unsigned confidence)
{
    struct text_pair pair, tokens;
    if (!producers_of(clues, difference, &pair) || !tell_alike(&pair) || !options_differ(&pair, beginnings, &tokens))
        return 0;
    return guess_pair(clues, guess, confidence, "options", tokens.vendor, tokens.rebuilt);
}

static unsigned fits_optimisation(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    unsigned told =
        guess_options(clues, difference, guess,
                      "-O|-finline|-fno-inline|-fomit-frame|-fno-omit-frame|-ftree-|-funroll|-flto|-ffast", 93);
    if (told > 0 || !difference_is(difference, DIFFERENCE_CODE, "code"))
        return told;
    uint64_t vendor = clues->vendor.text_size, rebuilt = clues->rebuilt.text_size;
    uint64_t gap = vendor > rebuilt ? vendor - rebuilt : rebuilt - vendor;
    return guess_text(clues, guess, gap > (vendor + rebuilt) / 16 ? 40 : 25, "%llu and %llu bytes of code",
                      (unsigned long long)vendor, (unsigned long long)rebuilt);
}

static bool is_note_of_isa(const struct difference *difference)
{
    return difference_is(difference, DIFFERENCE_NOTE, "GNU property") &&
           ((difference->vendor_value.text != NULL && strstr(difference->vendor_value.text, "x86-64-v") != NULL) ||
            (difference->rebuilt_value.text != NULL && strstr(difference->rebuilt_value.text, "x86-64-v") != NULL));
}

/* Registers that the baseline of x86-64 does not have. */
static bool has_wide_registers(const struct value *value)
{
    return value->text != NULL && (strstr(value->text, "ymm") != NULL || strstr(value->text, "zmm") != NULL);
}

static unsigned fits_march(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    unsigned told =
        guess_options(clues, difference, guess, "-march|-mtune|-mcpu|-mfpu|-mavx|-msse|-mfma|-mbmi|-mabi", 94);
    if (told > 0)
        return told;
    if (difference_is(difference, DIFFERENCE_HEADER, "e_flags") || is_note_of_isa(difference))
        return guess_sides(clues, difference, guess, 70);
    bool vendor = has_wide_registers(&difference->vendor_value),
         rebuilt = has_wide_registers(&difference->rebuilt_value);
    return difference->kind == DIFFERENCE_CODE && vendor != rebuilt ? guess_sides(clues, difference, guess, 65) : 0;
}

static unsigned fits_pgo(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    unsigned told =
        guess_options(clues, difference, guess, "-fprofile-use|-fauto-profile|-fbranch-prob|-fprofile-gen", 95);
    if (told > 0 || !difference_is(difference, DIFFERENCE_CODE, "code"))
        return told;
    bool vendor = names_have(&clues->vendor.sections, ".text.hot") || names_mention(&clues->vendor.symbols, ".cold");
    bool rebuilt = names_have(&clues->rebuilt.sections, ".text.hot") || names_mention(&clues->rebuilt.symbols, ".cold");
    return vendor != rebuilt ? guess_text(clues, guess, 60, "only %s has hot and cold parts of functions",
                                          vendor ? "the vendor's file" : "the rebuilt file")
                             : 0;
}

/* ---- Hardening ---- */

static bool is_check(const char *import)
{
    struct text name = text_of(import);
    return text_begins(name, "__stack_chk_") || text_ends(name, "_chk") || text_begins(name, "__stack_smash");
}

static const char *check_only_in(const struct names *names, const struct names *other)
{
    for (size_t i = 0; i < names->count; i++) {
        if (is_check(names->items[i]) && !names_have(other, names->items[i]))
            return names->items[i];
    }
    return NULL;
}

static unsigned fits_checks(const struct clues *clues, struct guess *guess)
{
    const char *vendor = check_only_in(&clues->vendor.imports, &clues->rebuilt.imports);
    const char *rebuilt = check_only_in(&clues->rebuilt.imports, &clues->vendor.imports);
    if (vendor == NULL && rebuilt == NULL)
        return 0;
    return guess_pair(clues, guess, 85, "imports that only one side has", text_of(vendor), text_of(rebuilt));
}

static bool is_hardening_tag(const char *what)
{
    return strcmp(what, "DT_BIND_NOW") == 0 || strcmp(what, "DT_FLAGS") == 0 || strcmp(what, "DT_FLAGS_1") == 0;
}

/* What a GNU property note of x86 says of protection (IBT, SHSTK); false where it says what is not known here. */
static bool protection_of(struct text note, uint32_t *protection)
{
    uint32_t type, size, value;
    *protection = 0;
    while (note.size >= 12) {
        memcpy(&type, note.bytes, sizeof(type));
        memcpy(&size, note.bytes + 4, sizeof(size));
        memcpy(&value, note.bytes + 8, sizeof(value));
        bool known = le32toh(type) == GNU_PROPERTY_X86_FEATURE_1_AND || le32toh(type) == X86_ISA_NEEDED ||
                     le32toh(type) == X86_ISA_USED;
        if (!known || le32toh(size) != 4)
            return false;
        if (le32toh(type) == GNU_PROPERTY_X86_FEATURE_1_AND)
            *protection = value;
        note = text_part(note, 16, note.size); /* of 64 bit; where a property takes 12 bytes, the next is not known */
    }
    return note.size == 0;
}

static bool same_protection(const struct difference *difference)
{
    uint32_t vendor, rebuilt;
    return protection_of(bytes_of(&difference->vendor_value), &vendor) &&
           protection_of(bytes_of(&difference->rebuilt_value), &rebuilt) && vendor == rebuilt;
}

/* More functions of one side begin with ENDBR or BTI: as many as half of those that differ. */
static bool one_side_is_guarded(const struct clues *clues)
{
    size_t vendor = clues->vendor.guarded_count, rebuilt = clues->rebuilt.guarded_count;
    size_t more = vendor > rebuilt ? vendor - rebuilt : rebuilt - vendor;
    return more >= 3 && more >= clues->functions_differing / 2;
}

static unsigned fits_hardening(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    unsigned told = guess_options(clues, difference, guess,
                                  "-fstack-protector|-fstack-clash|-fcf-protection|-D_FORTIFY_SOURCE|-fno-stack-prot|"
                                  "-mbranch-protection|-fsanitize|-fhardened",
                                  94);
    if (told > 0)
        return told;
    if (difference->kind == DIFFERENCE_DYNAMIC && is_hardening_tag(difference->what))
        return guess_sides(clues, difference, guess, 80);
    if (difference_is(difference, DIFFERENCE_HEADER, "PT_GNU_STACK") ||
        difference_is(difference, DIFFERENCE_HEADER, "PT_GNU_RELRO"))
        return guess_sides(clues, difference, guess, 85);
    if (difference_is(difference, DIFFERENCE_NOTE, "GNU property") && !same_protection(difference))
        return guess_sides(clues, difference, guess, 65);
    if (difference_is(difference, DIFFERENCE_CODE, "code") && one_side_is_guarded(clues))
        return guess_text(clues, guess, 80, "%zu of %zu and %zu of %zu functions begin with a landing pad",
                          clues->vendor.guarded_count, clues->vendor.function_count, clues->rebuilt.guarded_count,
                          clues->rebuilt.function_count);
    if (difference_is(difference, DIFFERENCE_CODE, "code") || difference_is(difference, DIFFERENCE_SYMBOLS, ".dynsym"))
        return fits_checks(clues, guess);
    return 0;
}

/* ---- Recorded options ---- */

/* Options that choose names and places, not code. */
#define HARMLESS                                                                                                       \
    "-ffile-prefix-map|-fdebug-prefix-map|-fmacro-prefix-map|-frandom-seed|-fprofile-prefix-map|-I|-iquote|-isystem|"  \
    "-idirafter|-fdebug-compilation-dir|-ffile-compilation-dir|-grecord|-gno-record|-fdiagnostics"

static unsigned fits_flags(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair, tokens;
    if (difference_is(difference, DIFFERENCE_SECTION, ".GCC.command.line"))
        return guess_text(clues, guess, 85, "only one side has it");
    bool producer = difference_is(difference, DIFFERENCE_DEBUG, "DW_AT_producer");
    bool command = difference->vendor.section != NULL && strcmp(difference->vendor.section, ".GCC.command.line") == 0;
    if ((!producer && !command) || !text_pair_of(difference, &pair) || !options_differ(&pair, NULL, &tokens))
        return 0;
    bool harmless = only_options_differ(&pair, HARMLESS);
    return guess_pair(clues, guess, harmless ? 90 : 40, harmless ? "options that change no code" : "options",
                      tokens.vendor, tokens.rebuilt);
}

/* ---- Linker ---- */

/* Segments of the usual rights, some of them of constants alone: -z separate-code, ld's default since 2.31. */
static bool separates_code(struct text flags, bool *usual)
{
    bool separate = false;
    for (size_t at = 0; at < flags.size; at += 4) {
        struct text rights = text_part(flags, at, 3);
        bool constant = text_equal(rights, text_of("R--"));
        separate = separate || constant;
        *usual = *usual && (constant || text_equal(rights, text_of("R-X")) || text_equal(rights, text_of("RW-")));
    }
    return separate;
}

static unsigned fits_segments(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    bool usual = true;
    bool vendor = separates_code(bytes_of(&difference->vendor_value), &usual);
    bool rebuilt = separates_code(bytes_of(&difference->rebuilt_value), &usual);
    if (!usual || vendor == rebuilt)
        return 0;
    return guess_text(clues, guess, 60, "only the %s file has constants in segments of their own, as ld has since 2.31",
                      vendor ? "vendor's" : "rebuilt");
}

static unsigned fits_linker(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text vendor = bytes_of(&difference->vendor_value), rebuilt = bytes_of(&difference->rebuilt_value);
    if (difference->kind == DIFFERENCE_COMMENT && (is_linker_comment(vendor) || is_linker_comment(rebuilt)))
        return guess_pair(clues, guess, 92, "linkers", vendor, rebuilt);
    if (difference_is(difference, DIFFERENCE_NOTE, "gold version") ||
        difference_is(difference, DIFFERENCE_SECTION, ".note.gnu.gold-version"))
        return guess_sides(clues, difference, guess, 92);
    if (difference_is(difference, DIFFERENCE_HEADER, "segment flags"))
        return fits_segments(clues, difference, guess);
    if (difference_is(difference, DIFFERENCE_NOTE, "GNU property") && one_side_lacks(difference) &&
        !same_protection(difference))
        return guess_sides(clues, difference, guess, 55);
    return 0;
}

/* ---- The C library ---- */

/* Libraries that became part of libc.so.6 in glibc 2.34, and what is imported from them. */
static const struct merged {
    const char *library, *names;
} merged[] = {
    {"libdl.so.2", "dlopen|dlsym|dlvsym|dlclose|dlerror|dladdr|dlinfo"},
    {"libpthread.so.0", "pthread_|sem_"},
    {"librt.so.1", "timer_|shm_|mq_|aio_|lio_"},
    {"libutil.so.1", "openpty|forkpty|login_tty"},
};

static const char *import_of(const struct names *imports, const char *beginnings)
{
    for (size_t i = 0; i < imports->count; i++) {
        if (begins_with_one(text_of(imports->items[i]), beginnings))
            return imports->items[i];
    }
    return NULL;
}

/* Needed by one side only, though both import what it had. */
static unsigned fits_merged_library(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    const struct value *value = difference->vendor.present ? &difference->vendor_value : &difference->rebuilt_value;
    for (size_t i = 0; i < ARRAY_COUNT(merged); i++) {
        const char *vendor = import_of(&clues->vendor.imports, merged[i].names);
        const char *rebuilt = import_of(&clues->rebuilt.imports, merged[i].names);
        if (text_equal(bytes_of(value), text_of(merged[i].library)) && vendor != NULL && rebuilt != NULL)
            return guess_text(clues, guess, 85, "%s is a part of libc.so.6 from glibc 2.34; %s and %s are imported",
                              merged[i].library, vendor, rebuilt);
    }
    return 0;
}

/* Since glibc 2.33 crt1.o says in a note which processor it needs. */
static bool is_note_of_crt(const struct difference *difference)
{
    return difference_is(difference, DIFFERENCE_NOTE, "GNU property") && one_side_lacks(difference) &&
           same_protection(difference);
}

static unsigned fits_c_library(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    if (difference_is(difference, DIFFERENCE_DYNAMIC, "DT_NEEDED") && one_side_lacks(difference))
        return fits_merged_library(clues, difference, guess);
    if (is_note_of_crt(difference))
        return guess_text(clues, guess, 60, "only the %s file has the note that crt1.o of glibc 2.33 brought",
                          difference->vendor.present ? "vendor's" : "rebuilt");
    if (!difference_is(difference, DIFFERENCE_HEADER, "PT_GNU_PROPERTY"))
        return 0;
    for (size_t i = 0; i < clues->difference_count; i++) {
        if (is_note_of_crt(&clues->differences[i]))
            return guess_text(clues, guess, 55, "the segment of a note of the C library's");
    }
    return 0;
}

static unsigned fits_hash_style(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    bool tag = difference_is(difference, DIFFERENCE_DYNAMIC, "DT_HASH") ||
               difference_is(difference, DIFFERENCE_DYNAMIC, "DT_GNU_HASH");
    bool section = difference_is(difference, DIFFERENCE_SECTION, ".hash") ||
                   difference_is(difference, DIFFERENCE_SECTION, ".gnu.hash");
    if (!tag && !section)
        return 0;
    return guess_text(clues, guess, 92, "only one side has %.32s", difference->what);
}

static bool is_kind_of_program(uint64_t type)
{
    return type == ET_EXEC || type == ET_DYN;
}

static uint64_t flags_of(const struct value *value)
{
    return value->text != NULL ? strtoull(value->text, NULL, 16) : 0;
}

static bool says_pie(const struct value *value)
{
    return (flags_of(value) & DF_1_PIE) != 0;
}

static unsigned fits_pie(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    uint64_t vendor = difference->vendor_value.number, rebuilt = difference->rebuilt_value.number;
    if (difference_is(difference, DIFFERENCE_DYNAMIC, "DT_FLAGS_1") &&
        says_pie(&difference->vendor_value) != says_pie(&difference->rebuilt_value))
        return guess_sides(clues, difference, guess, 90);
    if (!difference_is(difference, DIFFERENCE_HEADER, "e_type") || vendor == rebuilt || !is_kind_of_program(vendor) ||
        !is_kind_of_program(rebuilt))
        return 0;
    return guess_text(clues, guess, 95, "e_type is %s and %s", vendor == ET_DYN ? "ET_DYN" : "ET_EXEC",
                      rebuilt == ET_DYN ? "ET_DYN" : "ET_EXEC");
}

static const struct cause rows[] = {
    {
        .info = {"compiler-version", "the compilers are of different versions", ".comment, DW_AT_producer, .text",
                 "the strings in which they name themselves", "pin the toolchain", NULL, true},
        .fits = fits_compiler,
        .follows = FOLLOWS_FROM_CODE,
    },
    {
        .info = {"optimisation", "the optimisation options differ", ".text widely, sizes",
                 "-O and the like in DW_AT_producer; sizes hint at it", "pin the options", NULL, true},
        .fits = fits_optimisation,
        .follows = FOLLOWS_FROM_CODE,
    },
    {
        .info = {"march-drift", "the code is for different processors", ".text, e_flags",
                 "-march in DW_AT_producer, e_flags, registers of an extension on one side only", "pin -march",
                 "captures_build_arch", true},
        .fits = fits_march,
        .follows = FOLLOWS_FROM_CODE,
    },
    {
        .info = {"pgo", "one side was optimised by a profile, or by another one",
                 ".text widely, .text.hot, .text.unlikely",
                 "-fprofile-use in DW_AT_producer; hot and cold parts on one side only", "ship the profile", NULL,
                 true},
        .fits = fits_pgo,
        .follows = FOLLOWS_FROM_CODE,
    },
    {
        .info = {"hardening-flags", "the hardening options differ",
                 "calls of the stack protector, *_chk imports, GNU property, PT_GNU_RELRO, DT_BIND_NOW",
                 "imports, dynamic flags, program headers and notes", "pin the options", NULL, true},
        .fits = fits_hardening,
        .follows = FOLLOWS_FROM_CODE | FOLLOWS(DYNAMIC) | FOLLOWS(HEADER),
    },
    {
        .info = {"flags-recorded", "the compiler's options are recorded in the file",
                 "DW_AT_producer, .GCC.command.line",
                 "tokens that only one side has; only those that map paths are "
                 "harmless",
                 "build with -gno-record-gcc-switches", "records_build_flags", false},
        .fits = fits_flags,
        .follows = FOLLOWS(DEBUG) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"linker", "the linkers differ", ".comment (\"Linker:\"), .note.gnu.gold-version, .note.gnu.property",
                 "the strings and notes by which they are known", "pin the linker", NULL, false},
        .fits = fits_linker,
        .follows = FOLLOWS(SECTION) | FOLLOWS(COMMENT) | FOLLOWS(ORDER) | FOLLOWS(HEADER) | FOLLOWS(NOTE) |
                   FOLLOWS(SYMBOLS) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"c-library", "the C libraries are of different versions",
                 "DT_NEEDED of libdl, libpthread, librt or libutil, .note.gnu.property",
                 "a library that glibc took in, needed on one side only; the processor that crt1.o asks for",
                 "pin the C library", NULL, true},
        .fits = fits_c_library,
        .follows = FOLLOWS(SECTION) | FOLLOWS(NOTE) | FOLLOWS(DYNAMIC) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"hash-style", "the tables by which symbols are found are of different kinds",
                 ".hash, .gnu.hash, order of .dynsym", "DT_HASH or DT_GNU_HASH on one side only",
                 "link with the same --hash-style", NULL, false},
        .fits = fits_hash_style,
        .follows = FOLLOWS(SECTION) | FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"pie", "one side is position-independent, the other not", "e_type, and nearly all code",
                 "ET_DYN on one side, ET_EXEC on the other", "pin -pie or -no-pie", NULL, true},
        .fits = fits_pie,
        .follows = FOLLOWS_FROM_CODE | FOLLOWS(DYNAMIC) | FOLLOWS(HEADER),
    },
};

const struct family causes_toolchain = {rows, ARRAY_COUNT(rows)};
