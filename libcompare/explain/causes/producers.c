/* What compilers say of themselves and of their options: DW_AT_producer and .comment, token by token. */
#include "producers.h"

#include <string.h>

static struct text token_at(struct text text, size_t *at)
{
    while (*at < text.size && text.bytes[*at] == ' ')
        (*at)++;
    size_t begin = *at;
    while (*at < text.size && text.bytes[*at] != ' ')
        (*at)++;
    return text_part(text, begin, *at - begin);
}

static bool has_token(struct text text, struct text wanted)
{
    size_t at = 0;
    struct text token;
    while ((token = token_at(text, &at)).size > 0) {
        if (text_equal(token, wanted))
            return true;
    }
    return false;
}

bool begins_with_one(struct text token, const char *beginnings)
{
    while (*beginnings != '\0') {
        size_t size = strcspn(beginnings, "|");
        if (token.size >= size &&
            text_equal(text_part(token, 0, size), (struct text){(const uint8_t *)beginnings, size}))
            return true;
        beginnings += size + (beginnings[size] == '|');
    }
    return false;
}

/* Options are few; of a longer text the beginning is enough. */
#define PRODUCER_MOST 4096

struct text token_only_in(struct text text, struct text other, const char *beginnings)
{
    size_t at = 0;
    struct text token, clipped = text_part(text, 0, PRODUCER_MOST), against = text_part(other, 0, PRODUCER_MOST);
    while ((token = token_at(clipped, &at)).size > 0) {
        if ((beginnings == NULL || begins_with_one(token, beginnings)) && !has_token(against, token))
            return token;
    }
    return (struct text){NULL, 0};
}

struct text producer_version(struct text producer)
{
    const uint8_t *options = producer.size == 0 ? NULL : memmem(producer.bytes, producer.size, " -", 2);
    return options == NULL ? producer : text_part(producer, 0, (size_t)(options - producer.bytes));
}

/* Of each list of producers, one that the other does not have. They are compared as the pair they are shown as. */
static bool producers_differ(const struct clues *clues, struct text_pair *pair)
{
    const char *vendor = names_only_in(&clues->vendor.producers, &clues->rebuilt.producers);
    const char *rebuilt = names_only_in(&clues->rebuilt.producers, &clues->vendor.producers);
    *pair = (struct text_pair){text_of(vendor), text_of(rebuilt)};
    return vendor != NULL && rebuilt != NULL;
}

bool producers_of(const struct clues *clues, const struct difference *difference, struct text_pair *pair)
{
    if (difference_is(difference, DIFFERENCE_DEBUG, "DW_AT_producer"))
        return text_pair_of(difference, pair);
    return difference_is(difference, DIFFERENCE_CODE, "code") && producers_differ(clues, pair);
}

bool options_differ(const struct text_pair *pair, const char *beginnings, struct text_pair *tokens)
{
    tokens->vendor = token_only_in(pair->vendor, pair->rebuilt, beginnings);
    tokens->rebuilt = token_only_in(pair->rebuilt, pair->vendor, beginnings);
    return tokens->vendor.size > 0 || tokens->rebuilt.size > 0;
}

static bool only_those_differ(struct text text, struct text other, const char *beginnings)
{
    struct text rest = text_part(text, 0, PRODUCER_MOST);
    size_t at = 0;
    while (at < rest.size) {
        struct text token = token_only_in(text_part(rest, at, rest.size), other, NULL);
        if (token.size == 0)
            return true;
        if (!begins_with_one(token, beginnings))
            return false;
        at = (size_t)(token.bytes - rest.bytes) + token.size;
    }
    return true;
}

bool only_options_differ(const struct text_pair *pair, const char *beginnings)
{
    return only_those_differ(pair->vendor, pair->rebuilt, beginnings) &&
           only_those_differ(pair->rebuilt, pair->vendor, beginnings);
}
