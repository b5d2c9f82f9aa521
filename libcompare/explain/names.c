#include "names.h"
const char *name_demangled(const char *mangled, struct arena *arena)
{
    return arena_strdup(arena, mangled);
}
