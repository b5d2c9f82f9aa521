/* Names as people wrote them. Private to this room. */
#ifndef EXPLAIN_NAMES_H
#define EXPLAIN_NAMES_H
#include "../image/image.h"
const char *name_demangled(const char *mangled, struct arena *arena);
#endif
