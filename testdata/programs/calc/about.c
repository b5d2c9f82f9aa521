#include "calc.h"

#include <stdio.h>

#ifndef ABOUT
#define ABOUT "nothing"
#endif
#ifndef LABEL
#define LABEL "note"
#endif
#ifndef YEAR
#define YEAR 2021
#endif

void about(void)
{
    printf("calc 2.0 (" LABEL ": " ABOUT ")\nCopyright %d by its authors\n", YEAR);
}
