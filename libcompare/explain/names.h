/* Names as people write them. Private to this room. */
#ifndef EXPLAIN_NAMES_H
#define EXPLAIN_NAMES_H

#include "../base/base.h"

/*
 * A symbol's name (escaped, as struct symbol has it) as its language has it: C++ (Itanium ABI) and Rust (legacy, whose
 * hash is left out, and v0); "@plt" at its end stays. In the arena, escaped, at most 1 KiB, cut with "..." at its end.
 * The name itself where it is mangled in no such way, longer than 4 KiB or nested too deeply, or there is no memory;
 * NULL for NULL. Reentrant.
 */
const char *name_demangled(const char *mangled, struct arena *arena);

/*
 * Whether two symbols' names are equal but for what compilers add at random or by counting: .llvm.HASH, .lto_priv.N,
 * .constprop.N, .isra.N, .part.N, the hash in anon.HASH.N, and 17h... of Rust's legacy mangling.
 */
bool names_alike(const char *a, const char *b);

#endif
