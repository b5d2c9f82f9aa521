/*
 * The forms that a machine writes. Two texts are walked side by side: where both have a token of one form, it is taken
 * for equal; everywhere else their bytes must be. So "version 1.2" and "version 1.3" have no form in common, and
 * "1.2 (Jan  1 2024)" and "1.3 (Jan  2 2024)" neither.
 */
#include "text_pairs.h"

#include <string.h>

bool plausible_year(uint64_t year)
{
    return year >= 1990 && year <= 2040;
}

bool plausible_epoch(uint64_t seconds)
{
    return seconds >= 631152000 && seconds < 2240524800; /* 1990-01-01 to 2041-01-01 */
}

bool plausible_milliseconds(uint64_t value)
{
    return plausible_epoch(value / 1000);
}

/* ---- Patterns: letters stand for bytes, everything else for itself ---- */

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const long_months[] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};
static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

static size_t one_of(const char *const *words, size_t count, struct text text)
{
    size_t longest = 0;
    for (size_t i = 0; i < count; i++) {
        if (text_begins(text, words[i]) && strlen(words[i]) > longest)
            longest = strlen(words[i]);
    }
    return longest;
}

static uint64_t number_of(struct text text)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.size && i < 18; i++)
        number = number * 10 + (is_digit(text.bytes[i]) ? (uint64_t)(text.bytes[i] - '0') : 0);
    return number;
}

/* Digits that are a number of least to most, space-padded where the pattern allows it. */
static size_t number_in(struct text text, size_t width, uint64_t least, uint64_t most, bool padded)
{
    if (text.size < width)
        return 0;
    for (size_t i = 0; i < width; i++) {
        if (!is_digit(text.bytes[i]) && !(padded && i == 0 && text.bytes[i] == ' '))
            return 0;
    }
    uint64_t number = number_of(text_part(text, 0, width));
    return number >= least && number <= most ? width : 0;
}

static size_t zone_in(struct text text)
{
    size_t size = 0;
    if (text.size > 0 && (text.bytes[0] == '+' || text.bytes[0] == '-')) {
        while (1 + size < text.size && (is_digit(text.bytes[1 + size]) || text.bytes[1 + size] == ':'))
            size++;
        return size >= 2 && size <= 5 ? 1 + size : 0;
    }
    while (size < text.size && text.bytes[size] >= 'A' && text.bytes[size] <= 'Z')
        size++;
    return size >= 1 && size <= 5 ? size : 0;
}

static size_t field_in(char letter, struct text text)
{
    switch (letter) {
    case 'W':
        return one_of(days, ARRAY_COUNT(days), text);
    case 'M':
        return one_of(months, ARRAY_COUNT(months), text);
    case 'L':
        return one_of(long_months, ARRAY_COUNT(long_months), text);
    case 'Y':
        return number_in(text, 4, 1990, 2040, false);
    case 'm':
        return number_in(text, 2, 1, 12, false);
    case 'd':
        return number_in(text, 2, 1, 31, false);
    case 'e':
        return number_in(text, 2, 1, 31, true);
    case 'n': /* a day of one or two digits */
        return number_in(text, 2, 1, 31, false) != 0 ? 2 : number_in(text, 1, 1, 9, false);
    case 'H':
        return number_in(text, 2, 0, 23, false);
    case 'S':
        return number_in(text, 2, 0, 60, false);
    case 'P':
        return text_begins(text, "AM") || text_begins(text, "PM") ? 2 : 0;
    case 'Z':
        return zone_in(text);
    default:
        return text.size > 0 && text.bytes[0] == (uint8_t)letter ? 1 : 0;
    }
}

static size_t pattern_in(const char *pattern, struct text text)
{
    size_t at = 0;
    for (; *pattern != '\0'; pattern++) {
        size_t size = field_in(*pattern, text_part(text, at, text.size));
        if (size == 0)
            return 0;
        at += size;
    }
    return at;
}

/* The longest of the patterns that fits. */
static size_t patterns_in(const char *const *patterns, size_t count, struct text text)
{
    size_t longest = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = pattern_in(patterns[i], text);
        longest = size > longest ? size : longest;
    }
    return longest;
}

#define PATTERNS(name, ...)                                                                                            \
    static size_t name(struct text text)                                                                               \
    {                                                                                                                  \
        static const char *const patterns[] = {__VA_ARGS__};                                                           \
        return patterns_in(patterns, ARRAY_COUNT(patterns), text);                                                     \
    }

PATTERNS(ctime_in, "W M e H:S:S Y")
PATTERNS(date_output_in, "W M e H:S:S Z Y", "W n M Y H:S:S Z", "W n M Y H:S:S P Z", "W M e H:S:S P Z Y")
PATTERNS(rfc2822_in, "W, n M Y H:S:S Z", "n M Y H:S:S Z", "W, d M Y H:S:S")
PATTERNS(date_macro_in, "M e Y")
PATTERNS(iso_in, "Y-m-d", "Y-m-dTH:S:S", "Y-m-dTH:S:SZ", "Y-m-d H:S:S", "Y-m-d H:S", "Y-m-d H:S:S Z", "Y-m-dTH:SZ",
         "YmdTHSSZ", "Y/m/d", "Y/m/d H:S:S")
PATTERNS(compact_date_in, "Ymd", "Y.m.d", "YmdHSS", "YmdHS", "Ymd-HSS", "Ymd.HSS")
PATTERNS(prose_date_in, "n L Y", "L n, Y", "n M Y", "M n, Y", "n-M-Y", "d/m/Y", "m/d/Y", "d.m.Y", "L Y")
PATTERNS(time_in, "H:S:S")
PATTERNS(year_in, "Y")

/* ---- Other forms ---- */

static size_t digits_in(struct text text)
{
    size_t size = 0;
    while (size < text.size && is_digit(text.bytes[size]))
        size++;
    return size;
}

static size_t epoch_in(struct text text)
{
    size_t size = digits_in(text);
    return (size == 9 || size == 10) && plausible_epoch(number_of(text_part(text, 0, size))) ? size : 0;
}

static size_t milliseconds_in(struct text text)
{
    size_t size = digits_in(text);
    return (size == 12 || size == 13) && plausible_milliseconds(number_of(text_part(text, 0, size))) ? size : 0;
}

static bool is_any_hex(uint8_t byte)
{
    return is_hex_digit(byte) || (byte >= 'A' && byte <= 'F');
}

static size_t uuid_in(struct text text)
{
    if (text.size < 36)
        return 0;
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.bytes[i] != '-' : !is_any_hex(text.bytes[i]))
            return 0;
    }
    return 36;
}

/* Digits and letters both: neither a word nor a number. */
static size_t hash_in(struct text text)
{
    size_t size = 0, digits = 0;
    while (size < text.size && size <= 64 && is_hex_digit(text.bytes[size]))
        digits += is_digit(text.bytes[size++]);
    return size >= 7 && size <= 64 && digits > 0 && digits < size ? size : 0;
}

static bool is_name_byte(uint8_t byte)
{
    return is_alphanumeric(byte) || byte == '.' || byte == '_' || byte == '-';
}

static size_t user_host_in(struct text text)
{
    size_t user = 0;
    while (user < text.size && user <= 64 && is_name_byte(text.bytes[user]))
        user++;
    if (user == 0 || user > 32 || user == text.size || text.bytes[user] != '@')
        return 0;
    size_t end = user + 1;
    while (end < text.size && end <= 128 && is_name_byte(text.bytes[end]))
        end++;
    return end > user + 1 && end <= 128 ? end : 0;
}

/* 6.1.0-28-amd64: a release as uname -r gives it, which ends in a flavour that distributions use. */
static size_t kernel_in(struct text text)
{
    static const char *const flavours[] = {"amd64", "arm64",   "x86_64",     "aarch64",   "generic", "cloud", "azure",
                                           "aws",   "gcp",     "lowlatency", "default",   "pae",     "armmp", "686",
                                           "rpi",   "ppc64le", "s390x",      "microsoft", "arch1",   ".fc",   ".el"};
    size_t parts = 0, at = 0;
    while (parts < 3) {
        size_t digits = digits_in(text_part(text, at, 6));
        if (digits == 0 || digits > 4)
            return 0;
        at += digits;
        if (++parts < 3 && (at >= text.size || text.bytes[at++] != '.'))
            return 0;
    }
    size_t end = at;
    while (end < text.size && end - at < 48 && (is_name_byte(text.bytes[end]) || text.bytes[end] == '+'))
        end++;
    struct text suffix = text_part(text, at, end - at);
    if (suffix.size < 3 || suffix.bytes[0] != '-')
        return 0;
    for (size_t i = 0; i < ARRAY_COUNT(flavours); i++) {
        if (text_has(suffix, flavours[i]))
            return end;
    }
    return 0;
}

static unsigned class_of(uint8_t byte)
{
    if (is_digit(byte))
        return 0;
    return byte >= 'a' ? 1 : 2;
}

/* How often a name changes between capitals, small letters and digits; 0: it has other signs, too. */
static unsigned changes_in(struct text text)
{
    unsigned changes = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_alphanumeric(text.bytes[i]))
            return 0;
        if (i > 0 && class_of(text.bytes[i]) != class_of(text.bytes[i - 1]))
            changes++;
    }
    return changes;
}

/* Of both names together: more often than two words do. */
#define CHANGES_LEAST 3

/* mkstemp and gcc make six signs, mktemp(1) ten, systemd and Python eight to sixteen. */
#define RANDOM_LEAST 6
#define RANDOM_MOST  16

static struct text extension_at(struct text text, size_t dot)
{
    size_t size = 1;
    while (dot + size < text.size && is_alphanumeric(text.bytes[dot + size]))
        size++;
    return text_part(text, dot, size);
}

/* A name below a temporary directory, whose first component ends in what mkstemp makes of XXXXXX. */
static size_t random_name_in(struct text text)
{
    static const char *const directories[] = {"/tmp/", "/var/tmp/", "/dev/shm/"};
    size_t begin = one_of(directories, ARRAY_COUNT(directories), text), end = begin;
    while (begin > 0 && end < text.size && end < 256 &&
           (is_alphanumeric(text.bytes[end]) || text.bytes[end] == '_' || text.bytes[end] == '-' ||
            (text.bytes[end] == '.' && !is_source_file(extension_at(text, end)))))
        end++;
    struct text name = text_part(text, begin, end - begin);
    size_t extension = name.size;
    while (extension > 0 && name.bytes[extension - 1] != '.')
        extension--;
    if (extension > 1 && name.size - extension < 6)
        name.size = extension - 1;
    size_t random = 0;
    while (random < name.size && random < 10 && is_alphanumeric(name.bytes[name.size - 1 - random]))
        random++;
    if (begin == 0 || random < RANDOM_LEAST || changes_in(text_part(name, name.size - random, random)) == 0)
        return 0;
    return begin + name.size;
}

/* Tue, Tuesday, Nov, November. */
bool names_day_or_month(struct text word)
{
    size_t size = one_of(days, ARRAY_COUNT(days), word);
    return (size > 0 && (size == word.size || text_ends(word, "day"))) ||
           (word.size == 3 && one_of(months, ARRAY_COUNT(months), word) > 0) ||
           (word.size > 0 && one_of(long_months, ARRAY_COUNT(long_months), word) == word.size);
}

/* ---- Two texts, side by side ---- */

#define STAMPS    "date|time|stamp|build|built|compiled|epoch|snapshot|generated"
#define BUILDERS  "built|build|compiled|compile_by|linux version|hostname"
#define REVISIONS "git|commit|revis|branch|changeset|vcs|describe|-dirty"
#define RANDOM    "build|random|seed|instance|file_id|file id|vmod"
#define KERNELS   "linux|kernel|uname|vermagic|built|build|compiled"

/* hints: words that must stand near a token that could as well be a constant of the source; NULL: none needed. */
static const struct {
    size_t (*in)(struct text text);
    bool same_size;
    const char *hints;
} forms_table[FORM_COUNT] = {
    [FORM_CTIME] = {ctime_in, true, NULL},
    [FORM_DATE_OUTPUT] = {date_output_in, false, NULL},
    [FORM_RFC2822] = {rfc2822_in, false, NULL},
    [FORM_DATE_MACRO] = {date_macro_in, true, NULL},
    [FORM_ISO] = {iso_in, true, NULL},
    [FORM_COMPACT_DATE] = {compact_date_in, true, STAMPS},
    [FORM_PROSE_DATE] = {prose_date_in, false, NULL},
    [FORM_TIME] = {time_in, true, NULL},
    [FORM_MILLISECONDS] = {milliseconds_in, true, STAMPS},
    [FORM_EPOCH] = {epoch_in, false, STAMPS},
    [FORM_YEAR] = {year_in, true, "copyright|(c)|\xc2\xa9"},
    [FORM_UUID] = {uuid_in, true, RANDOM},
    [FORM_USER_HOST] = {user_host_in, false, BUILDERS},
    [FORM_KERNEL] = {kernel_in, false, KERNELS},
    [FORM_HASH] = {hash_in, true, REVISIONS},
    [FORM_RANDOM_NAME] = {random_name_in, true, NULL},
};

bool form_is_hinted(const struct difference *difference, const struct text_pair *pair, enum form form)
{
    const char *hints = forms_table[form].hints;
    return hints == NULL || pair_mentions(pair, hints) || difference_mentions(difference, hints);
}

bool forms_beside_are_hinted(const struct difference *difference, const struct text_pair *pair,
                             const struct forms *forms, unsigned own)
{
    for (enum form form = FORM_NONE + 1; form < FORM_COUNT; form++) {
        if (forms_have(forms, form) && (own & 1u << form) == 0 && !form_is_hinted(difference, pair, form))
            return false;
    }
    return true;
}

/* git describe writes -gHASH: there a token begins behind the g. */
static bool token_begins(struct text text, size_t at)
{
    return at == 0 || !is_alphanumeric(text.bytes[at - 1]) || !is_alphanumeric(text.bytes[at]) ||
           (text.bytes[at - 1] == 'g' && at > 1 && text.bytes[at - 2] == '-');
}

/* A number that goes on behind a dot or a dash is part of a longer one: a version, a range. */
static bool token_ends(struct text text, size_t end, enum form form)
{
    if (end >= text.size)
        return true;
    bool goes_on = text.bytes[end] == '.' && end + 1 < text.size && is_digit(text.bytes[end + 1]);
    if (form == FORM_YEAR)
        goes_on = goes_on || text.bytes[end] == '.' || text.bytes[end] == ':' || text.bytes[end] == '/';
    return !is_alphanumeric(text.bytes[end]) && !goes_on;
}

/* No token is longer. */
#define TOKEN_MOST 512

static size_t token_in(enum form form, struct text text, size_t at)
{
    if (at >= text.size || !token_begins(text, at))
        return 0;
    if (form == FORM_YEAR && at > 0 && (text.bytes[at - 1] == '.' || text.bytes[at - 1] == '#'))
        return 0;
    size_t size = forms_table[form].in(text_part(text, at, TOKEN_MOST));
    return size > 0 && token_ends(text, at + size, form) ? size : 0;
}

/* A changed sign of a temporary name is no accident: nearly all of its random ones differ then. */
static bool differs_randomly(struct text vendor, struct text rebuilt)
{
    size_t same = 0, random = vendor.size - text_common_prefix(vendor, rebuilt);
    random = random < RANDOM_LEAST ? RANDOM_LEAST : random;
    if (random > RANDOM_MOST)
        return false;
    unsigned a = changes_in(text_part(vendor, vendor.size - random, random));
    unsigned b = changes_in(text_part(rebuilt, rebuilt.size - random, random));
    struct text before = text_part(vendor, 0, vendor.size - random);
    /* What gcc, mktemp(1) and Python begin their names with says as much as a change more. */
    bool known = text_ends(before, "/cc") || text_ends(before, "/tmp") || text_ends(before, "/tmp.");
    if (a == 0 || b == 0 || a + b + known < CHANGES_LEAST)
        return false;
    for (size_t i = 1; i <= random; i++)
        same += vendor.bytes[vendor.size - i] == rebuilt.bytes[rebuilt.size - i];
    return same <= random / 4;
}

/* The same signs between letters and digits: 2026-11-24 and 2026/11/24 were not made by one script. */
static bool same_shape(struct text vendor, struct text rebuilt)
{
    size_t i = 0, j = 0;
    for (;;) {
        while (i < vendor.size && is_alphanumeric(vendor.bytes[i]))
            i++;
        while (j < rebuilt.size && is_alphanumeric(rebuilt.bytes[j]))
            j++;
        if (i == vendor.size || j == rebuilt.size)
            return i == vendor.size && j == rebuilt.size;
        uint8_t a = vendor.bytes[i++], b = rebuilt.bytes[j++];
        if (a != b && !((a == '+' && b == '-') || (a == '-' && b == '+')))
            return false;
    }
}

static bool has_shape(enum form form)
{
    return form == FORM_ISO || form == FORM_COMPACT_DATE || form == FORM_PROSE_DATE;
}

static bool both_have(enum form form, const struct text_pair *pair, size_t i, size_t j, struct text_pair *token)
{
    size_t vendor = token_in(form, pair->vendor, i);
    size_t rebuilt = vendor == 0 ? 0 : token_in(form, pair->rebuilt, j);
    if (rebuilt == 0 || (forms_table[form].same_size && vendor != rebuilt))
        return false;
    *token = (struct text_pair){text_part(pair->vendor, i, vendor), text_part(pair->rebuilt, j, rebuilt)};
    if (has_shape(form) && !same_shape(token->vendor, token->rebuilt))
        return false;
    return text_equal(token->vendor, token->rebuilt) || form != FORM_RANDOM_NAME ||
           differs_randomly(token->vendor, token->rebuilt);
}

/* Bytes before the first and behind the last differing one that are looked at. */
#define CONTEXT_SIZE 512
/* A longer difference is no token. */
#define WINDOW_MOST 8192

static bool window_of(const struct text_pair *pair, struct text_pair *window)
{
    size_t prefix = text_common_prefix(pair->vendor, pair->rebuilt);
    size_t begin = prefix > CONTEXT_SIZE ? prefix - CONTEXT_SIZE : 0;
    struct text vendor = text_part(pair->vendor, begin, pair->vendor.size);
    struct text rebuilt = text_part(pair->rebuilt, begin, pair->rebuilt.size);
    size_t suffix = text_common_suffix(vendor, rebuilt);
    size_t cut = suffix > CONTEXT_SIZE ? suffix - CONTEXT_SIZE : 0;
    window->vendor = text_part(vendor, 0, vendor.size - cut);
    window->rebuilt = text_part(rebuilt, 0, rebuilt.size - cut);
    return window->vendor.size > 0 && window->rebuilt.size > 0 && window->vendor.size <= WINDOW_MOST &&
           window->rebuilt.size <= WINDOW_MOST;
}

static bool step(const struct text_pair *pair, size_t *i, size_t *j, struct forms *forms)
{
    for (enum form form = FORM_NONE + 1; form < FORM_COUNT; form++) {
        struct text_pair token;
        if (!both_have(form, pair, *i, *j, &token))
            continue;
        if (!text_equal(token.vendor, token.rebuilt) && !forms_have(forms, form)) {
            forms->set |= 1u << form;
            forms->first[form] = token;
        }
        *i += token.vendor.size;
        *j += token.rebuilt.size;
        return true;
    }
    if (*i >= pair->vendor.size || *j >= pair->rebuilt.size || pair->vendor.bytes[*i] != pair->rebuilt.bytes[*j])
        return false;
    *i += 1;
    *j += 1;
    return true;
}

void forms_of_pair(const struct text_pair *pair, struct forms *forms)
{
    struct text_pair window;
    *forms = (struct forms){0};
    if (!window_of(pair, &window))
        return;
    size_t i = 0, j = 0;
    while (i < window.vendor.size || j < window.rebuilt.size) {
        if (!step(&window, &i, &j, forms)) {
            forms->set = 0;
            return;
        }
    }
}
