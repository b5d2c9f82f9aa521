#include "route.hh"

#ifndef ABOUT
#define ABOUT "nothing"
#endif
#ifndef LABEL
#define LABEL "note"
#endif
#ifndef YEAR
#define YEAR 2021
#endif
#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

const char *about()
{
    return "route 0.3, copyright " TEXT(YEAR) ", " LABEL " " ABOUT;
}
