#include "count.h"

#include <ctype.h>

#define TAB_WIDTH 8

static unsigned long column_after(unsigned long column, int byte)
{
    return byte == '\t' ? (column / TAB_WIDTH + 1) * TAB_WIDTH : column + 1;
}

int count_stream(FILE *in, struct counts *counts)
{
    unsigned long column = 0;
    int byte, inside = 0;
    while ((byte = getc(in)) != EOF) {
        counts->bytes++;
        if (byte == '\n') {
            counts->lines++;
            column = 0;
        } else {
            column = column_after(column, byte);
        }
        if (column > counts->longest)
            counts->longest = column;
        if (isspace(byte)) {
            inside = 0;
        } else if (!inside) {
            inside = 1;
            counts->words++;
        }
    }
    return ferror(in) ? -1 : 0;
}

void counts_add(struct counts *total, const struct counts *part)
{
    total->lines += part->lines;
    total->words += part->words;
    total->bytes += part->bytes;
    if (part->longest > total->longest)
        total->longest = part->longest;
}
