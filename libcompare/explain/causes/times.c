/*
 * Causes that show as dates. Both sides must have a plausible date of one form, and nothing else may differ. A bare
 * number, or a date that the text says something will happen by, is not believed.
 */
#include "families.h"

#include <string.h>

/* Dates that are part of what a program does. */
#define DEADLINES "expir|until|valid|before|after|deadline|since|not later|end of|sunset|trial|license|birth"
#define STAMPS    "date|time|stamp|build|built|compiled|epoch|snapshot|generated"

static unsigned lower_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* A form that stands alone says more than one beside others, or in the middle of a text. */
static unsigned weigh(const struct difference *difference, const struct text_pair *pair, const struct forms *forms,
                      enum form form, unsigned alone)
{
    unsigned confidence = alone;
    if (forms->first[form].vendor.size != pair->vendor.size)
        confidence -= 10;
    if (!forms_only(forms, DATE_FORMS))
        confidence = lower_of(confidence, 55);
    if (!forms_beside_are_hinted(difference, pair, forms, 1u << form) || text_mentions(pair->vendor, DEADLINES) ||
        text_mentions(pair->rebuilt, DEADLINES))
        confidence = lower_of(confidence, 35);
    return confidence;
}

static bool string_forms(const struct difference *difference, struct text_pair *pair, struct forms *forms)
{
    if (difference->kind != DIFFERENCE_STRING || !text_pair_of(difference, pair))
        return false;
    forms_of_pair(pair, forms);
    return forms->set != 0;
}

static unsigned guess_form(const struct clues *clues, struct guess *guess, const struct forms *forms, enum form form,
                           unsigned confidence, const char *what)
{
    return guess_pair(clues, guess, confidence, what, forms->first[form].vendor, forms->first[form].rebuilt);
}

/* ---- date-macro ---- */

/* A short string that the compiler stores by instructions: eight of its characters are an immediate. */
static bool immediate_text(uint64_t number, uint8_t text[8])
{
    for (size_t i = 0; i < 8; i++) {
        text[i] = (uint8_t)(number >> (8 * i));
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    }
    return true;
}

/* "10:59:15", or "Nov 24 2" of "Nov 24 2026". */
static bool is_part_of_date(const uint8_t text[8])
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (text[2] == ':' && text[5] == ':')
        return is_digit(text[0]) && is_digit(text[1]) && is_digit(text[3]) && is_digit(text[4]) && is_digit(text[6]) &&
               is_digit(text[7]);
    bool month = false;
    for (size_t i = 0; i < 12; i++)
        month = month || memcmp(text, months + 3 * i, 3) == 0;
    return month && text[3] == ' ' && (text[4] == ' ' || is_digit(text[4])) && is_digit(text[5]) && text[6] == ' ' &&
           (text[7] == '1' || text[7] == '2');
}

static unsigned fits_date_immediate(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    uint8_t vendor[8], rebuilt[8];
    if (strncmp(difference->what, "immediate", 9) != 0 || !immediate_text(difference->vendor_value.number, vendor) ||
        !immediate_text(difference->rebuilt_value.number, rebuilt) || !is_part_of_date(vendor) ||
        !is_part_of_date(rebuilt) || (vendor[2] == ':') != (rebuilt[2] == ':'))
        return 0;
    return guess_pair(clues, guess, 80, "characters of a date in an immediate", (struct text){vendor, 8},
                      (struct text){rebuilt, 8});
}

/* Full hours and minutes are a schedule rather than the time of a build. */
static bool is_round(struct text time)
{
    return text_ends(time, ":00");
}

static unsigned fits_date_macro(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct forms forms;
    if (difference->kind == DIFFERENCE_CODE)
        return fits_date_immediate(clues, difference, guess);
    if (!string_forms(difference, &pair, &forms))
        return 0;
    if (forms_have(&forms, FORM_DATE_MACRO))
        return guess_form(clues, guess, &forms, FORM_DATE_MACRO, weigh(difference, &pair, &forms, FORM_DATE_MACRO, 90),
                          "dates as __DATE__ gives them");
    if (!forms_have(&forms, FORM_TIME) || !forms_only(&forms, ~(DATE_FORMS & ~(1u << FORM_TIME))))
        return 0;
    const struct text_pair *times = &forms.first[FORM_TIME];
    unsigned confidence = weigh(difference, &pair, &forms, FORM_TIME, 80);
    if (is_round(times->vendor) || is_round(times->rebuilt))
        confidence = lower_of(confidence, is_round(times->vendor) && is_round(times->rebuilt) ? 35 : 60);
    return guess_form(clues, guess, &forms, FORM_TIME, confidence, "times as __TIME__ gives them");
}

static unsigned fits_timestamp_macro(const struct clues *clues, const struct difference *difference,
                                     struct guess *guess)
{
    struct text_pair pair;
    struct forms forms;
    if (!string_forms(difference, &pair, &forms) || !forms_have(&forms, FORM_CTIME))
        return 0;
    return guess_form(clues, guess, &forms, FORM_CTIME, weigh(difference, &pair, &forms, FORM_CTIME, 90),
                      "dates as __TIMESTAMP__ gives them");
}

/* ---- date-other ---- */

/* How far each form is believed, without and with a word that says that it is one. */
static const struct {
    enum form form;
    unsigned bare, hinted;
} date_forms[] = {
    {FORM_DATE_OUTPUT, 85, 85},  {FORM_RFC2822, 85, 85},      {FORM_ISO, 65, 65},   {FORM_PROSE_DATE, 65, 65},
    {FORM_COMPACT_DATE, 45, 70}, {FORM_MILLISECONDS, 40, 70}, {FORM_EPOCH, 40, 70}, {FORM_YEAR, 35, 80},
};

static unsigned fits_date_string(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct forms forms;
    if (!string_forms(difference, &pair, &forms))
        return 0;
    for (size_t i = 0; i < ARRAY_COUNT(date_forms); i++) {
        enum form form = date_forms[i].form;
        if (!forms_have(&forms, form))
            continue;
        bool hinted = form_is_hinted(difference, &pair, form);
        unsigned confidence =
            weigh(difference, &pair, &forms, form, hinted ? date_forms[i].hinted : date_forms[i].bare);
        return guess_form(clues, guess, &forms, form, confidence, "dates of one form");
    }
    return 0;
}

static bool is_copyright_nearby(const struct clues *clues, const struct difference *difference)
{
    return difference_mentions(difference, "copyright|version_etc|print_version|show_version|usage_version") ||
           code_nearby_mentions(clues, difference, "copyright|(c)");
}

/* Numbers of code and data: years and times, if something near them says so. */
static unsigned fits_number(const struct clues *clues, const struct difference *difference, struct guess *guess,
                            uint64_t vendor, uint64_t rebuilt)
{
    bool year = plausible_year(vendor) && plausible_year(rebuilt);
    bool time = (plausible_epoch(vendor) && plausible_epoch(rebuilt)) ||
                (plausible_milliseconds(vendor) && plausible_milliseconds(rebuilt));
    if (vendor == rebuilt || (!year && !time))
        return 0;
    bool hinted = year ? is_copyright_nearby(clues, difference) : difference_mentions(difference, STAMPS);
    unsigned confidence = hinted && !difference_mentions(difference, DEADLINES) ? (year ? 80 : 65) : 30;
    return guess_text(clues, guess, confidence, "%s: %llu and %llu%s", year ? "years" : "times since 1970",
                      (unsigned long long)vendor, (unsigned long long)rebuilt,
                      year && hinted ? ", beside a copyright notice" : "");
}

static bool word_of(const struct clues *clues, const struct value *value, uint64_t *number)
{
    bool big = clues->vendor.image != NULL && clues->vendor.image->big_endian;
    *number = 0;
    if (value->bytes == NULL || (value->size != 4 && value->size != 8))
        return false;
    for (uint64_t i = 0; i < value->size; i++)
        *number |= (uint64_t)value->bytes[i] << (8 * (big ? value->size - 1 - i : i));
    return true;
}

static unsigned fits_date_other(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    uint64_t vendor = difference->vendor_value.number, rebuilt = difference->rebuilt_value.number;
    if (difference->kind == DIFFERENCE_STRING)
        return fits_date_string(clues, difference, guess);
    if (difference->kind == DIFFERENCE_CODE && strncmp(difference->what, "immediate", 9) == 0)
        return fits_number(clues, difference, guess, vendor, rebuilt);
    if (difference->kind == DIFFERENCE_DATA && word_of(clues, &difference->vendor_value, &vendor) &&
        word_of(clues, &difference->rebuilt_value, &rebuilt))
        return fits_number(clues, difference, guess, vendor, rebuilt);
    return 0;
}

/* ---- locale-timezone ---- */

/* What a date says of its zone: +0100, or CET. */
static struct text zone_of(struct text date)
{
    for (size_t begin = 0; begin < date.size; begin++) {
        size_t end = begin + 1;
        bool sign = date.bytes[begin] == '+' || date.bytes[begin] == '-';
        if (begin == 0 || date.bytes[begin - 1] != ' ')
            continue;
        while (end < date.size && (sign ? is_digit(date.bytes[end]) : date.bytes[end] >= 'A' && date.bytes[end] <= 'Z'))
            end++;
        struct text zone = text_part(date, begin, end - begin);
        bool letters = !sign && is_letter(date.bytes[begin]) && date.bytes[begin] <= 'Z' && zone.size >= 3;
        if ((sign && zone.size == 5) || letters)
            return zone;
    }
    return (struct text){NULL, 0};
}

static unsigned fits_zone(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct forms forms;
    if (!string_forms(difference, &pair, &forms))
        return 0;
    for (enum form form = FORM_CTIME; form <= FORM_ISO; form++) {
        struct text vendor = zone_of(forms.first[form].vendor), rebuilt = zone_of(forms.first[form].rebuilt);
        if (forms_have(&forms, form) && vendor.size > 0 && rebuilt.size > 0 && !text_equal(vendor, rebuilt))
            return guess_pair(clues, guess, weigh(difference, &pair, &forms, form, 90), "time zones", vendor, rebuilt);
    }
    return 0;
}

static bool is_word_byte(uint8_t byte)
{
    return is_letter(byte) || byte >= 0x80;
}

static size_t word_size(struct text text, size_t at)
{
    size_t size = 0;
    while (at + size < text.size && is_word_byte(text.bytes[at + size]))
        size++;
    return size;
}

/*
 * One moment in two languages: all but words is equal, a time of day and a year among it, and each word that differs is
 * the name of a day or a month, in English on one side.
 */
static bool differ_in_language(const struct text_pair *pair, struct text_pair *word)
{
    size_t i = 0, j = 0, differing = 0, colons = 0, years = 0, digits = 0;
    while (i < pair->vendor.size && j < pair->rebuilt.size) {
        struct text a = text_part(pair->vendor, i, word_size(pair->vendor, i));
        struct text b = text_part(pair->rebuilt, j, word_size(pair->rebuilt, j));
        if ((a.size == 0) != (b.size == 0))
            return false;
        if (a.size > 0 && !text_equal(a, b)) {
            if (!names_day_or_month(a) && !names_day_or_month(b))
                return false;
            *word = differing++ == 0 ? (struct text_pair){a, b} : *word;
        }
        if (a.size == 0 && pair->vendor.bytes[i] != pair->rebuilt.bytes[j])
            return false;
        digits = a.size == 0 && is_digit(pair->vendor.bytes[i]) ? digits + 1 : 0;
        years += digits == 4;
        colons += a.size == 0 && pair->vendor.bytes[i] == ':';
        i += a.size > 0 ? a.size : 1;
        j += b.size > 0 ? b.size : 1;
    }
    return i == pair->vendor.size && j == pair->rebuilt.size && differing > 0 && years > 0 && colons >= 2;
}

static unsigned fits_locale(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair, word = {{NULL, 0}, {NULL, 0}};
    if (difference->kind == DIFFERENCE_STRING && text_pair_of(difference, &pair) && differ_in_language(&pair, &word))
        return guess_pair(clues, guess, 85, "names in two languages", word.vendor, word.rebuilt);
    return fits_zone(clues, difference, guess);
}

/* ---- kernel-banner ---- */

static unsigned fits_banner(const struct clues *clues, const struct difference *difference, struct guess *guess)
{
    struct text_pair pair;
    struct forms forms;
    if (difference->kind != DIFFERENCE_STRING || !text_pair_of(difference, &pair))
        return 0;
    bool banner = text_begins(pair.vendor, "Linux version ") && text_begins(pair.rebuilt, "Linux version ");
    bool version =
        text_begins(pair.vendor, "#") && text_begins(pair.rebuilt, "#") && pair_mentions(&pair, "SMP|PREEMPT");
    if (!banner && !version)
        return 0;
    forms_of_pair(&pair, &forms);
    bool whole = banner && pair_mentions(&pair, "SMP|PREEMPT") && pair_mentions(&pair, "gcc|clang");
    unsigned confidence = whole ? 80 : 40;
    return guess_pair(clues, guess, forms.set != 0 ? 92 : confidence, "the kernel's banner", pair.vendor, pair.rebuilt);
}

static const struct cause rows[] = {
    {
        .info = {"date-macro", "the date of the build is in the program (__DATE__, __TIME__)",
                 ".rodata, or immediates where the compiler stores a short string by instructions",
                 "\"Mmm dd yyyy\" or \"hh:mm:ss\" on both sides, and nothing else",
                 "set SOURCE_DATE_EPOCH (gcc obeys it from version 7, clang from 16), or leave the date out",
                 "timestamps_from_cpp_macros", false},
        .fits = fits_date_macro,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"timestamp-macro", "the date of a source file is in the program (__TIMESTAMP__)", ".rodata",
                 "the 24 characters of ctime on both sides",
                 "pin the file's modification time; gcc 12 does not obey "
                 "SOURCE_DATE_EPOCH here",
                 NULL, false},
        .fits = fits_timestamp_macro,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"date-other", "a date that the build's own scripts wrote is in the program",
                 ".rodata, .data, immediates of instructions (a copyright year)",
                 "ISO 8601, RFC 2822, the output of date(1), years, seconds or milliseconds since 1970, from 1990 to "
                 "2040 on both sides; bare numbers only beside what says that they are a date",
                 "use SOURCE_DATE_EPOCH in the build's scripts",
                 "timestamps_manually_added_needs_further_investigation", false},
        .fits = fits_date_other,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"locale-timezone", "the locale or the time zone of the build is in the program", ".rodata",
                 "dates of one form whose zones differ; one date in two languages", "build with LC_ALL=C.UTF-8 TZ=UTC",
                 "different_encoding", false},
        .fits = fits_locale,
        .follows = FOLLOWS_FROM_SIZE,
    },
    {
        .info = {"kernel-banner", "the banner of the Linux kernel names when, where and by whom it was built",
                 "linux_banner, UTS version", "the string that begins with \"Linux version\", or with \"#1 SMP\"",
                 "set KBUILD_BUILD_TIMESTAMP, KBUILD_BUILD_USER and KBUILD_BUILD_HOST", NULL, false},
        .fits = fits_banner,
        .follows = FOLLOWS_FROM_SIZE,
    },
};

const struct family causes_times = {rows, ARRAY_COUNT(rows)};
