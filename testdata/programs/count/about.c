#include "count.h"

#ifndef ABOUT
#define ABOUT "nothing"
#endif
#ifndef YEAR
#define YEAR 2021
#endif

void about(FILE *out)
{
    fputs("count 1.4\n", out);
    fputs(ABOUT, out);
    fprintf(out, "\nCopyright (C) %d the authors of count\n", YEAR);
}
