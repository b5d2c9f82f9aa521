/*
 * What detectors of causes share: two texts, what they have in common, the forms that a machine writes into a file
 * (dates, hashes, user@host, temporary names), and evidence for people. Private to this room.
 *
 * A changed source line must not pass for an accident of the build. So a form counts only when it accounts for the
 * whole difference: both texts are equal once every token of a known form is taken for equal.
 */
#ifndef EXPLAIN_TEXT_PAIRS_H
#define EXPLAIN_TEXT_PAIRS_H

#include "causes.h"

/* ---- Texts ---- */

struct text {
    const uint8_t *bytes;
    size_t size;
};

struct text_pair {
    struct text vendor, rebuilt;
};

/* Both sides' bytes; false where a side is absent, or both are equal. */
bool text_pair_of(const struct difference *difference, struct text_pair *pair);

struct text text_of(const char *string);
struct text text_part(struct text text, size_t begin, size_t size); /* clipped to the text */
bool text_equal(struct text a, struct text b);
bool text_begins(struct text text, const char *beginning);
bool text_ends(struct text text, const char *end);
bool text_has(struct text text, const char *needle);
/*
 * Whether a word of the text begins with one of those separated by '|' in needles, without regard to case. Long texts
 * are looked at in their first KiB.
 */
bool text_mentions(struct text text, const char *needles);

size_t text_common_prefix(struct text a, struct text b);
size_t text_common_suffix(struct text a, struct text b);

bool is_digit(uint8_t byte);
bool is_letter(uint8_t byte);
bool is_alphanumeric(uint8_t byte);
bool is_hex_digit(uint8_t byte); /* lower case only, as tools write it */

/* ---- Sorted lists of names ---- */

bool names_have(const struct names *names, const char *name);
/* Whether some name has one of the words separated by '|' in it. */
bool names_mention(const struct names *names, const char *needles);
bool names_equal(const struct names *a, const struct names *b);
/* A name that only the first list has; NULL: none. */
const char *names_only_in(const struct names *names, const struct names *other);

/* ---- What a difference says about its neighbourhood ---- */

/* Whether its symbol or the function that uses it has one of these words in its name. */
bool difference_mentions(const struct difference *difference, const char *needles);
/* Whether both texts have one of them. */
bool pair_mentions(const struct text_pair *pair, const char *needles);
bool difference_is(const struct difference *difference, enum difference_kind kind, const char *what);
/* Whether code within a few instructions of an immediate takes the address of a string with such a word, on both
 * sides. x86-64 and i386; false where it cannot be told. */
bool code_nearby_mentions(const struct clues *clues, const struct difference *difference, const char *needles);

/* ---- Evidence: set it and return the confidence ---- */

unsigned guess_pair(const struct clues *clues, struct guess *guess, unsigned confidence, const char *what,
                    struct text vendor, struct text rebuilt);
/* The same with the pair as the key too: each pair is a root of its own. */
unsigned guess_keyed_pair(const struct clues *clues, struct guess *guess, unsigned confidence, const char *what,
                          struct text vendor, struct text rebuilt);
unsigned guess_text(const struct clues *clues, struct guess *guess, unsigned confidence, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- Forms ---- */

enum form {
    FORM_NONE = 0,
    FORM_CTIME,        /* Tue Nov 24 10:59:15 2026 */
    FORM_DATE_OUTPUT,  /* Tue Nov 24 10:59:15 UTC 2026, and Tue 24 Nov 2026 10:59:15 AM UTC */
    FORM_RFC2822,      /* Tue, 24 Nov 2026 10:59:15 +0000 */
    FORM_DATE_MACRO,   /* Nov 24 2026, Nov  4 2026 */
    FORM_ISO,          /* 2026-11-24, 2026-11-24T10:59:15Z, 20261124T105915Z */
    FORM_COMPACT_DATE, /* 20261124 */
    FORM_PROSE_DATE,   /* 24 November 2026, November 24, 2026 */
    FORM_TIME,         /* 10:59:15 */
    FORM_MILLISECONDS, /* 1795517955000 */
    FORM_EPOCH,        /* 1795517955 */
    FORM_YEAR,         /* 2026 */
    FORM_UUID,
    FORM_USER_HOST,   /* joe@build1 */
    FORM_KERNEL,      /* 6.1.0-28-amd64 */
    FORM_HASH,        /* 7 to 64 hexadecimal digits, of one length */
    FORM_RANDOM_NAME, /* /tmp/ccAb3dEf */
    FORM_COUNT,
};

/* The forms that together account for the difference of two texts; for each, the first pair that differs. */
struct forms {
    unsigned set; /* bit set of (1u << FORM_...); 0: they do not account for it */
    struct text_pair first[FORM_COUNT];
};

void forms_of_pair(const struct text_pair *pair, struct forms *forms);

static inline bool forms_have(const struct forms *forms, enum form form)
{
    return (forms->set & 1u << form) != 0;
}

/* Whether words near it say that a token of this form is no constant of the source; dates and the like need none. */
bool form_is_hinted(const struct difference *difference, const struct text_pair *pair, enum form form);
/* The same of all forms at work but one's own: a mailbox that changed together with a date is no accident. */
bool forms_beside_are_hinted(const struct difference *difference, const struct text_pair *pair,
                             const struct forms *forms, unsigned own);

/* Whether no other forms than these are at work. */
static inline bool forms_only(const struct forms *forms, unsigned set)
{
    return forms->set != 0 && (forms->set & ~set) == 0;
}

#define DATE_FORMS                                                                                                     \
    (1u << FORM_CTIME | 1u << FORM_DATE_OUTPUT | 1u << FORM_RFC2822 | 1u << FORM_DATE_MACRO | 1u << FORM_ISO |         \
     1u << FORM_COMPACT_DATE | 1u << FORM_PROSE_DATE | 1u << FORM_TIME | 1u << FORM_MILLISECONDS | 1u << FORM_EPOCH |  \
     1u << FORM_YEAR)

bool plausible_year(uint64_t year);
bool plausible_epoch(uint64_t seconds);      /* 1990 to 2040 */
bool plausible_milliseconds(uint64_t value); /* the same */

/* ---- Paths ---- */

/* One directory for another: that alone makes the vendor's text the rebuilt one. */
struct substitution {
    struct text vendor, rebuilt; /* directories without a slash at the end; one may be empty or relative */
    struct text tail;            /* what both paths have in common behind it, from its slash on */
    bool absolute;               /* both sides are */
};

bool substitution_of_pair(const struct text_pair *pair, struct substitution *substitution);
/* Whether a directory of the vendor's debug information becomes one of the rebuilt's by it. */
bool substitution_in_facts(const struct clues *clues, const struct substitution *substitution);
/* How many pairs of strings of the program it explains; counting ends at `most`. */
size_t substitution_support(const struct clues *clues, const struct substitution *substitution, size_t most);
/* Whether one of those pairs ends in a source file. */
bool substitution_has_source_file(const struct clues *clues, const struct substitution *substitution);
/* A path that programs read at run time, not where they were built: /etc, /usr/share, /var/lib, ... */
bool is_system_path(struct text path);
bool is_source_file(struct text path);

/* Whether a word is the English name of a day or a month, or its first three letters. */
bool names_day_or_month(struct text word);

#endif
