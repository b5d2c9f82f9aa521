#include "encode.h"

#ifndef ABOUT
#define ABOUT "nothing"
#endif
#ifndef LABEL
#define LABEL "note"
#endif
#ifndef YEAR
#define YEAR 2021
#endif

struct fact {
    const char *name, *value;
};

static const struct fact facts[] = {
    {"program", "encode"},
    {"version", "0.9"},
    {LABEL, ABOUT},
};

void about(void)
{
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        fprintf(stderr, "%-12s %s\n", facts[i].name, facts[i].value);
    fprintf(stderr, "%-12s %d\n", "copyright", YEAR);
}
