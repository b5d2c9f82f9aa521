/* Differences made of two texts or numbers, for the tests of causes. */
#ifndef EXPLAIN_TEST_DIFFERENCES_H
#define EXPLAIN_TEST_DIFFERENCES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "causes.h"

struct fixture {
    struct arena arena;
    struct clues clues;
};

static inline void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    fixture->clues.arena = &fixture->arena;
}

static inline void end(struct fixture *fixture)
{
    arena_free(&fixture->arena);
}

static inline struct value text_value(const char *text)
{
    return (struct value){.bytes = (const uint8_t *)text, .size = text == NULL ? 0 : strlen(text), .text = text};
}

static inline struct difference of_texts(enum difference_kind kind, const char *what, const char *vendor,
                                         const char *rebuilt)
{
    return (struct difference){
        .kind = kind,
        .what = what,
        .vendor = {.present = vendor != NULL, .section = ".rodata"},
        .rebuilt = {.present = rebuilt != NULL, .section = ".rodata"},
        .vendor_value = text_value(vendor),
        .rebuilt_value = text_value(rebuilt),
    };
}

static inline struct difference of_numbers(const char *what, uint64_t vendor, uint64_t rebuilt)
{
    struct difference difference = of_texts(DIFFERENCE_CODE, what, NULL, NULL);
    difference.vendor.present = difference.rebuilt.present = true;
    difference.vendor_value.number = vendor;
    difference.rebuilt_value.number = rebuilt;
    return difference;
}

static inline const char *best(const struct difference *difference)
{
    return difference->guess_count > 0 ? difference->guesses[0].cause->info.id : "";
}

static inline unsigned confidence_of(const struct difference *difference, const char *id)
{
    for (size_t i = 0; i < difference->guess_count; i++) {
        if (strcmp(difference->guesses[i].cause->info.id, id) == 0)
            return difference->guesses[i].confidence;
    }
    return 0;
}

/* The best believed cause that says that the source is the same; NULL: none. */
static inline const struct guess *innocent(const struct difference *difference)
{
    for (size_t i = 0; i < difference->guess_count; i++) {
        const struct guess *guess = &difference->guesses[i];
        if (!guess->cause->info.code && guess->confidence >= CONFIDENCE_BELIEVED)
            return guess;
    }
    return NULL;
}

static inline void assert_sound(const struct difference *difference)
{
    assert_true(difference->guess_count <= GUESSES);
    for (size_t i = 0; i < difference->guess_count; i++) {
        const struct guess *guess = &difference->guesses[i];
        assert_in_range(guess->confidence, 1, 100);
        assert_non_null(guess->evidence);
        assert_non_null(guess->key);
        assert_true(guess->evidence[0] != '\0' && strlen(guess->evidence) < 512 && strlen(guess->key) < 512);
        for (const char *at = guess->evidence; *at != '\0'; at++)
            assert_true(*at >= 0x20 && *at < 0x7f);
        for (const char *at = guess->key; *at != '\0'; at++)
            assert_true(*at >= 0x20 && *at < 0x7f);
        if (i > 0)
            assert_true(guess->confidence <= difference->guesses[i - 1].confidence);
    }
}

#endif
