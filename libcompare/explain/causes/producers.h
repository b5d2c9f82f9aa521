/* What compilers say of themselves and of their options. Private to this room. */
#ifndef EXPLAIN_PRODUCERS_H
#define EXPLAIN_PRODUCERS_H

#include "text_pairs.h"

/* The producers that a difference is about: its own values, or the files' where it is that code differs widely. */
bool producers_of(const struct clues *clues, const struct difference *difference, struct text_pair *pair);

/* "GNU C17 12.2.0" of "GNU C17 12.2.0 -mtune=generic -g -O2". */
struct text producer_version(struct text producer);

/* Whether the token begins with one of the words separated by '|'. */
bool begins_with_one(struct text token, const char *beginnings);

/* A token of text that other does not have, of those that begin so; beginnings NULL: any. Empty where there is none. */
struct text token_only_in(struct text text, struct text other, const char *beginnings);

/* Whether an option that begins so is on one side only; tokens: of each side, empty where it has none. */
bool options_differ(const struct text_pair *pair, const char *beginnings, struct text_pair *tokens);

/* Whether nothing but options that begin so is on one side only. */
bool only_options_differ(const struct text_pair *pair, const char *beginnings);

#endif
