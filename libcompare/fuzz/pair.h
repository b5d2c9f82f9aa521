/* An own reading of two files that were judged equivalent, from their bytes alone. */
#ifndef FUZZ_PAIR_H
#define FUZZ_PAIR_H

#include "fuzz.h"

/* Aborts where something that is loaded differs outside a record that was set aside. */
void pair_check_loaded(const struct normal_form *vendor, const struct normal_form *rebuilt);

#endif
