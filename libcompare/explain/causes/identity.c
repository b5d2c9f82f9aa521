/*
 * Causes that show as names of who, on what and from which revision the file was built, and as random numbers. Most of
 * these forms are also those of constants in a source, so a word beside them must say what they are.
 */
#include "families.h"
#include "own_digest.h"

#include <string.h>

/* Constants that a program checks others against: a changed one is a change of the source. */
#define PINS "sha256|sha-256|sha512|fingerprint|pin|digest|checksum|key|token|secret|cert|hmac"

static bool string_forms(const struct difference *difference, struct text_pair *pair, struct forms *forms)
{
    if (difference->kind != DIFFERENCE_STRING || !text_pair_of(difference, pair))
        return false;
    forms_of_pair(pair, forms);
    return true;
}

/* Of a form: believed alone, less beside others, and not where those others could be constants. */
static unsigned weigh(const struct difference *difference, const struct text_pair *pair, const struct forms *forms,
                      enum form form, unsigned alone)
{
    if (!forms_beside_are_hinted(difference, pair, forms, 1u << form))
        return alone < 35 ? alone : 35;
    return forms_only(forms, 1u << form) || alone < 55 ? alone : 55;
}

static unsigned guess_form(const struct clues *clues, struct guess *guess, const struct forms *forms, enum form form,
                           unsigned confidence, const char *what)
{
    return guess_pair(clues, guess, confidence, what, forms->first[form].vendor, forms->first[form].rebuilt);
}

static bool is_word_byte(uint8_t byte)
{
    return is_alphanumeric(byte) || strchr("._-+~", byte) != NULL;
}

/* The words in which two texts differ, if they are equal but for one. */
static struct text_pair words_that_differ(const struct text_pair *pair)
{
    size_t begin = text_common_prefix(pair->vendor, pair->rebuilt), shorter = pair->vendor.size;
    size_t end = text_common_suffix(pair->vendor, pair->rebuilt);
    shorter = pair->rebuilt.size < shorter ? pair->rebuilt.size : shorter;
    end = end > shorter - begin ? shorter - begin : end;
    while (begin > 0 && pair->vendor.bytes[begin - 1] != '\0' && is_word_byte(pair->vendor.bytes[begin - 1]))
        begin--;
    while (end > 0 && pair->vendor.bytes[pair->vendor.size - end] != '\0' &&
           is_word_byte(pair->vendor.bytes[pair->vendor.size - end]))
        end--;
    return (struct text_pair){text_part(pair->vendor, begin, pair->vendor.size - end - begin),
                              text_part(pair->rebuilt, begin, pair->rebuilt.size - end - begin)};
}

/* ---- user-host ---- */

static bool is_plain_name(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_alphanumeric(text.bytes[i]) && strchr("._-", text.bytes[i]) == NULL)
            return false;
    }
    return text.size > 0 && text.size <= 64;
}

/* The word that differs stands right behind what says that it names a builder: "build host: ". */
static bool is_told_to_be_builder(const struct text_pair *pair, const struct text_pair *words)
{
    static const char *const labels[] = {"build host",    "buildhost",   "build user",   "build machine",
                                         "built on host", "compiled by", "compile host", "hostname of the build"};
    if (words->vendor.size == 0 || words->rebuilt.size == 0)
        return false;
    size_t before = (size_t)(words->vendor.bytes - pair->vendor.bytes);
    while (before > 0 && strchr(" :=", pair->vendor.bytes[before - 1]) != NULL)
        before--;
    struct text label = text_part(pair->vendor, 0, before);
    bool told = false;
    for (size_t i = 0; i < ARRAY_COUNT(labels); i++)
        told = told || text_ends(label, labels[i]);
    return told && is_plain_name(words->vendor) && is_plain_name(words->rebuilt);
}

/* joe@example.org is a mailbox: to write to another one is a change of the source. */
static bool is_mailbox(struct text token)
{
    const uint8_t *at = memchr(token.bytes, '@', token.size);
    return at != NULL && memchr(at, '.', token.size - (size_t)(at - token.bytes)) != NULL;
}

static unsigned fits_user_host(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct forms forms;
    if (!string_forms(difference, &pair, &forms))
        return 0;
    if (!forms_have(&forms, FORM_USER_HOST)) {
        struct text_pair words = words_that_differ(&pair);
        bool named = difference_mentions(difference, "build_user|build_host|buildhost|builduser|compile_host|compile_"
                                                     "by|build user|build host|built by|built on");
        if (named && is_plain_name(pair.vendor) && is_plain_name(pair.rebuilt))
            return guess_pair(clues, guess, 55, "names of a builder", pair.vendor, pair.rebuilt);
        return is_told_to_be_builder(&pair, &words)
                   ? guess_pair(clues, guess, 60, "names of a builder", words.vendor, words.rebuilt)
                   : 0;
    }
    const struct text_pair *token = &forms.first[FORM_USER_HOST];
    unsigned alone = form_is_hinted(difference, &pair, FORM_USER_HOST) ? 75 : 40;
    if (is_mailbox(token->vendor) || is_mailbox(token->rebuilt))
        alone = alone == 75 && pair_mentions(&pair, "built by|compiled by|built on|(") ? 55 : 25;
    return guess_form(clues, guess, &forms, FORM_USER_HOST, weigh(difference, &pair, &forms, FORM_USER_HOST, alone),
                      "user and host");
}

/* ---- kernel-version ---- */

static unsigned fits_kernel_version(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct forms forms;
    if (!string_forms(difference, &pair, &forms) || !forms_have(&forms, FORM_KERNEL))
        return 0;
    /* What a program demands of the kernel that it runs on is its source's. */
    unsigned alone = pair_mentions(&pair, "require|need|minimum|at least|support|or newer|or later") ? 35
                     : form_is_hinted(difference, &pair, FORM_KERNEL)                                ? 75
                                                                                                     : 40;
    return guess_form(clues, guess, &forms, FORM_KERNEL, weigh(difference, &pair, &forms, FORM_KERNEL, alone),
                      "kernel releases");
}

/* ---- vcs-revision ---- */

/* The end of what git describe prints: "-45-gabcdef0", "-dirty" behind it; 0 where the text has no such end. */
static size_t describe_size(struct text text)
{
    size_t end = text.size, begin;
    if (text_ends(text, "-dirty"))
        end -= 6;
    for (begin = end; begin > 0 && is_hex_digit(text.bytes[begin - 1]); begin--)
        ;
    if (end - begin < 7 || end - begin > 40 || begin < 2 || text.bytes[begin - 1] != 'g' ||
        text.bytes[begin - 2] != '-')
        return 0;
    size_t digits = begin - 2;
    while (digits > 0 && is_digit(text.bytes[digits - 1]))
        digits--;
    return digits < begin - 2 && digits > 0 && text.bytes[digits - 1] == '-' ? text.size - digits + 1 : 0;
}

static bool is_version(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_digit(text.bytes[i]) && text.bytes[i] != '.')
            return false;
    }
    return text.size <= 12;
}

/* 80: commits behind one tag; 70: behind tags that differ in their numbers; 0: no two such texts. */
static unsigned differ_in_describe(const struct text_pair *pair)
{
    struct text_pair words = words_that_differ(pair);
    pair = &words;
    size_t vendor = describe_size(pair->vendor), rebuilt = describe_size(pair->rebuilt);
    if (vendor == 0 || rebuilt == 0)
        return 0;
    struct text a = text_part(pair->vendor, 0, pair->vendor.size - vendor);
    struct text b = text_part(pair->rebuilt, 0, pair->rebuilt.size - rebuilt);
    if (text_equal(a, b))
        return 80;
    size_t begin = text_common_prefix(a, b);
    return is_version(text_part(a, begin, a.size)) && is_version(text_part(b, begin, b.size)) ? 70 : 0;
}

static bool is_dirty_of(struct text dirty, struct text clean)
{
    return dirty.size == clean.size + 6 && text_ends(dirty, "-dirty") &&
           text_equal(text_part(dirty, 0, clean.size), clean);
}

static unsigned fits_revision(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct forms forms;
    if (!string_forms(difference, &pair, &forms))
        return 0;
    if (differ_in_describe(&pair) > 0)
        return guess_pair(clues, guess, differ_in_describe(&pair), "git describe", pair.vendor, pair.rebuilt);
    if (is_dirty_of(pair.vendor, pair.rebuilt) || is_dirty_of(pair.rebuilt, pair.vendor))
        return guess_pair(clues, guess, 70, "git describe", pair.vendor, pair.rebuilt);
    if (!forms_have(&forms, FORM_HASH))
        return 0;
    size_t size = forms.first[FORM_HASH].vendor.size;
    bool pin = pair_mentions(&pair, PINS) || difference_mentions(difference, PINS);
    bool revision = form_is_hinted(difference, &pair, FORM_HASH) && !pin && size <= 40;
    unsigned alone = revision ? 75 : size == 40 && !pin ? 45 : 25;
    return guess_form(clues, guess, &forms, FORM_HASH, weigh(difference, &pair, &forms, FORM_HASH, alone), "revisions");
}

/* ---- random-id ---- */

static bool is_random_uuid(struct text uuid)
{
    return uuid.size == 36 && uuid.bytes[14] == '4' && strchr("89abAB", uuid.bytes[19]) != NULL;
}

static unsigned fits_random(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct forms forms;
    if (!string_forms(difference, &pair, &forms))
        return 0;
    enum form form = forms_have(&forms, FORM_UUID) ? FORM_UUID : FORM_HASH;
    size_t size = forms.first[form].vendor.size;
    if (!forms_have(&forms, form) || (form == FORM_HASH && size != 16 && size != 32 && size != 64))
        return 0;
    bool pin = pair_mentions(&pair, PINS) || difference_mentions(difference, PINS);
    bool random =
        form == FORM_HASH || (is_random_uuid(forms.first[form].vendor) && is_random_uuid(forms.first[form].rebuilt));
    bool hinted = form_is_hinted(difference, &pair, FORM_UUID);
    unsigned alone = hinted && random && !pin ? 65 : random && form == FORM_UUID ? 40 : 25;
    return guess_form(clues, guess, &forms, form, weigh(difference, &pair, &forms, form, alone),
                      "numbers of one length");
}

/* ---- package-note, fips-hmac ---- */

static unsigned fits_package_note(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    bool section = difference_is(difference, DIFFERENCE_SECTION, ".note.package");
    if (!section && !difference_is(difference, DIFFERENCE_NOTE, "package note"))
        return 0;
    return guess_pair(clues, guess, 90, "package metadata",
                      (struct text){difference->vendor_value.bytes, (size_t)difference->vendor_value.size},
                      (struct text){difference->rebuilt_value.bytes, (size_t)difference->rebuilt_value.size});
}

#define FIPS_NOTE   ".note.fdo.integrity" /* of libgcrypt: 16 bytes of head and name, and the digest */
#define DIGEST_SIZE 32u

/* The digest that a difference is about: of an object by its beginning, for a difference may be a part of it. */
static struct range digest_at(const struct place *place)
{
    bool note = place->section != NULL && strcmp(place->section, FIPS_NOTE) == 0;
    uint64_t begin = note ? place->bytes.begin - place->bytes.begin % 4 : place->bytes.begin - place->inside;
    return (struct range){begin, begin + DIGEST_SIZE};
}

static bool is_part_of_digest(const struct difference *difference)
{
    bool data = difference->kind == DIFFERENCE_DATA || difference->kind == DIFFERENCE_STRING;
    bool note = difference->vendor.section != NULL && strcmp(difference->vendor.section, FIPS_NOTE) == 0;
    return (difference->vendor.present || difference->rebuilt.present) &&
           (note || (data && difference_mentions(difference, "fips|hmac|integrity")));
}

/* Of what is on one side only, as it looks like text there, the other side's stands at the same place. */
static unsigned fits_hmac(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    if (!is_part_of_digest(difference))
        return 0;
    struct range vendor = digest_at(difference->vendor.present ? &difference->vendor : &difference->rebuilt);
    struct range rebuilt = digest_at(difference->rebuilt.present ? &difference->rebuilt : &difference->vendor);
    const char *a = own_digest(clues->vendor.image, vendor), *b = own_digest(clues->rebuilt.image, rebuilt);
    guess->key = "a digest of the file";
    if (a != NULL && a == b)
        return guess_text(clues, guess, 95, "recomputed on both sides, and right: %s", a);
    bool whole = difference->vendor_value.size == DIGEST_SIZE && difference->rebuilt_value.size == DIGEST_SIZE;
    return whole ? guess_text(clues, guess, 30, "32 bytes, which are no digest of their files that could be recomputed")
                 : 0;
}

static const struct cause rows[] = {
    {
        .info = {"user-host", "who built it, and on which machine, is in the program", ".rodata",
                 "two user@host, or two names of a builder by the symbol's name; mailboxes are none",
                 "build as a fixed user in a container with a fixed host name",
                 "user_hostname_manually_added_requiring_further_investigation", false},
        .fits = fits_user_host,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"kernel-version", "the kernel of the build machine is in the program", ".rodata",
                 "two releases as uname -r gives them, beside what says that they are a kernel's",
                 "let no build script ask uname", "captures_kernel_version", false},
        .fits = fits_kernel_version,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"vcs-revision", "the revision in version control is in the program", ".rodata",
                 "two hashes of one length beside what says that they are revisions, git describe, -dirty",
                 "build the same revision, and export its version into the source", NULL, false},
        .fits = fits_revision,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"random-id", "a random number was made during the build", ".rodata",
                 "two UUIDs or hexadecimal numbers of one length, beside what says that they are random",
                 "derive the ID from the content", "varnish_vmodtool_random_file_id", false},
        .fits = fits_random,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"package-note", "the package's name and version are recorded in a note", ".note.package (JSON)",
                 "the note of owner FDO differs, or is on one side only", "use the same --package-metadata", NULL,
                 false},
        .fits = fits_package_note,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"fips-hmac", "a digest of the file's own code is in it", "32 bytes of data, .note.fdo.integrity",
                 "recomputed on both sides, with the keys of fipscheck, hmaccalc, OpenSSL, libgcrypt or none",
                 "mend the others, and compute it anew", NULL, false},
        .fits = fits_hmac,
        .follows = 0,
    },
};

const struct family causes_identity = {rows, ARRAY_COUNT(rows)};
