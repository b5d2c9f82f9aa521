#include "store.hh"

#include <ostream>

#ifndef ABOUT
#define ABOUT "nothing"
#endif
#ifndef LABEL
#define LABEL "note"
#endif
#ifndef YEAR
#define YEAR 2021
#endif

void about(std::ostream &out)
{
    out << "store 3.1\n" << LABEL << ": " << ABOUT << "\ncopyright " << YEAR << '\n';
}
