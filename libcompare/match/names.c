/*
 * What of a symbol's name is the source's. Compilers add components behind dots; those that count up are another in the
 * next build: "main.cold" is one name, "search.constprop.3" is "search.constprop".
 */
#define XXH_STATIC_LINKING_ONLY /* its state can live on the stack */
#include "parts.h"

#include <string.h>
#include <xxhash.h>

static bool is_number(const char *component, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (component[i] < '0' || component[i] > '9')
            return false;
    }
    return length > 0;
}

/*
 * Link-time optimisation makes local names unique: .lto_priv.N (GCC, lto-partition.cc, privatize_symbol_name_1),
 * .llvm.N (LLVM, FunctionImportUtils.cpp, getPromotedName).
 */
static bool is_made_unique(const char *component, size_t length)
{
    return (length == 8 && memcmp(component, "lto_priv", 8) == 0) || (length == 4 && memcmp(component, "llvm", 4) == 0);
}

uint64_t hash_plain_name(const char *name)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    size_t first = strcspn(name + (name[0] == '.'), ".") + (name[0] == '.');
    XXH3_64bits_update(&state, name, first);
    for (const char *at = name + first; *at == '.';) {
        const char *component = at + 1;
        size_t length = strcspn(component, ".");
        if (!is_number(component, length) && !is_made_unique(component, length))
            XXH3_64bits_update(&state, at, length + 1);
        at = component + length;
    }
    return XXH3_64bits_digest(&state);
}
