/* What the parts of the text report share. Private to this room. */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include "report.h"

struct text {
    const struct compare_result *result;
    const struct compare_report_options *options;
    FILE *out;
    unsigned width;
};

#define PLAIN  "\033[0m"
#define BOLD   "\033[1m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"

/* The escape sequence where colour is wanted, else nothing. */
const char *text_paint(const struct text *text, const char *code);

/* With a comma between thousands. The buffer holds any uint64_t. */
const char *text_grouped(uint64_t value, char buffer[32]);

/* "s", unless there is one. */
const char *text_plural(uint64_t count);

/* As much of a list as one line holds; the rest is marked by dots. */
void text_list(const struct text *text, const char *label, const char *list);

/* environments.c: what .buildinfo files say for a root, in a line, and then what differs between them. */
void text_support(const struct text *text, const struct root *root);
void text_environments(const struct text *text);
/* listed.c: the lines of a changed function, both sides side by side. */
void text_listing(const struct text *text, const struct listing *listing);

/* explained.c: roots, each in a short block, and what follows from them in a line. */
void text_explanation(const struct text *text);

/* moved.c: which functions did not only move, and what was checked. */
void text_moved(const struct text *text);

/* Whether the debug information of both says the same. */
void text_debug(const struct text *text);

#endif
