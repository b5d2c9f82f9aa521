/*
 * The table of causes, and the guesses of all its rows for one difference. The rows stand beside their detectors, one
 * file a family. A cause explains bytes and excuses none.
 */
#include "families.h"

static const struct family *const families[] = {
    &causes_paths, &causes_times, &causes_identity, &causes_links, &causes_toolchain, &causes_linking, &causes_kernel,
};

size_t causes_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(families); i++)
        count += families[i]->count;
    return count;
}

const struct cause *causes_at(size_t index)
{
    for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
        if (index < families[i]->count)
            return &families[i]->causes[index];
        index -= families[i]->count;
    }
    return NULL;
}

const struct compare_cause_info *compare_cause_at(size_t index)
{
    const struct cause *cause = causes_at(index);
    return cause != NULL ? &cause->info : NULL;
}

/* The best first; of equals, the first of the table. */
static void keep_guess(struct difference *difference, const struct guess *guess)
{
    size_t at = difference->guess_count;
    while (at > 0 && difference->guesses[at - 1].confidence < guess->confidence)
        at--;
    if (at == GUESSES)
        return;
    if (difference->guess_count < GUESSES)
        difference->guess_count++;
    for (size_t i = difference->guess_count - 1; i > at; i--)
        difference->guesses[i] = difference->guesses[i - 1];
    difference->guesses[at] = *guess;
}

void causes_guess(const struct clues *clues, struct difference *difference)
{
    const struct cause *cause;
    difference->guess_count = 0;
    for (size_t i = 0; (cause = causes_at(i)) != NULL; i++) {
        struct guess guess = {.cause = cause, .evidence = "", .key = ""};
        guess.confidence = cause->fits == NULL ? 0 : cause->fits(clues, difference, &guess);
        if (guess.confidence > 0)
            keep_guess(difference, &guess);
    }
}
