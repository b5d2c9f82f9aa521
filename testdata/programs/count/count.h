/* Counts lines, words and bytes, as wc does. */
#ifndef COUNT_H
#define COUNT_H
#include <stdio.h>

struct counts {
    unsigned long lines, words, bytes, longest;
};

int count_stream(FILE *in, struct counts *counts);
void counts_add(struct counts *total, const struct counts *part);
void counts_print(const struct counts *counts, const char *name);
void about(FILE *out);
#endif
