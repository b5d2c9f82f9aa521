/*
 * Names as people write them, by libiberty: C++ (Itanium C++ ABI, chapter 5.1) and Rust (RFC 2603, and the legacy
 * scheme before it). A mangled name of 100 bytes can stand for gigabytes, since it may refer to its own parts. So the
 * output is taken piece by piece, and left with a jump once there is enough of it; libiberty's own limits on recursion
 * stay on.
 */
#include "names.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

#define MANGLED_LIMIT   4096
#define DEMANGLED_LIMIT 1024

static const char stub_suffix[] = "@plt";

struct output {
    char text[DEMANGLED_LIMIT + 1]; /* one more than is shown, so that escaping marks the cut */
    size_t size;
    jmp_buf full;
};

static void take(const char *piece, size_t size, void *opaque)
{
    struct output *output = opaque;
    size_t room = sizeof(output->text) - output->size;
    memcpy(output->text + output->size, piece, size < room ? size : room);
    output->size += size < room ? size : room;
    if (output->size == sizeof(output->text))
        longjmp(output->full, 1);
}

static bool may_be_mangled(const char *name)
{
    static const char *const beginnings[] = {"_Z", "__Z", "_R", "_GLOBAL_"};
    for (size_t i = 0; i < ARRAY_COUNT(beginnings); i++) {
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    }
    return false;
}

/*
 * What a jump leaves behind is on the stack, but for the buffer of an identifier in Punycode, which is then lost: a few
 * hundred bytes, and only of names that come to more than is shown.
 */
static bool demangle(const char *name, struct output *output)
{
    output->size = 0;
    if (setjmp(output->full) != 0)
        return true;
    if (rust_demangle_callback(name, 0, take, output) != 0)
        return true;
    output->size = 0;
    return cplus_demangle_v3_callback(name, DMGL_PARAMS | DMGL_ANSI, take, output) != 0;
}

/* "::h0123456789abcdef", where a suffix of the compiler's kept libiberty from seeing that the name is Rust's. */
static void drop_hash(struct output *output)
{
    const size_t hash = strlen("::h0123456789abcdef");
    for (size_t at = 0; at + hash <= output->size; at++) {
        const char *text = output->text + at;
        size_t digits = 3, behind = at + hash;
        while (memcmp(text, "::h", 3) == 0 && digits < hash && memchr("0123456789abcdef", text[digits], 16) != NULL)
            digits++;
        if (digits != hash || (behind < output->size && output->text[behind] != ' '))
            continue;
        memmove(output->text + at, output->text + behind, output->size - behind);
        output->size -= hash;
        return;
    }
}

const char *name_demangled(const char *mangled, struct arena *arena)
{
    size_t size = mangled != NULL ? strlen(mangled) : 0, suffix = sizeof(stub_suffix) - 1;
    if (size > MANGLED_LIMIT || size == 0 || !may_be_mangled(mangled))
        return mangled;
    char name[MANGLED_LIMIT + 1], shown[DEMANGLED_LIMIT + 1];
    memcpy(name, mangled, size + 1);
    bool stub = size > suffix && strcmp(name + size - suffix, stub_suffix) == 0;
    if (stub)
        name[size - suffix] = '\0';
    struct output output;
    if (!demangle(name, &output) || output.size == 0)
        return mangled;
    drop_hash(&output);
    escape_bytes(shown, stub ? sizeof(shown) - suffix : sizeof(shown), output.text, output.size);
    if (stub)
        strcat(shown, stub_suffix);
    const char *kept = arena_strdup(arena, shown);
    return kept != NULL ? kept : mangled;
}

/* How much of the name is made at random here: what is behind it is compared again; 0 for none. */
static size_t random_part(const char *name)
{
    static const char digits[] = "0123456789", hex[] = "0123456789abcdef";
    static const char *const numbered[] = {".llvm.", ".lto_priv.", ".constprop.", ".isra.", ".part."};
    for (size_t i = 0; i < ARRAY_COUNT(numbered); i++) {
        size_t size = strlen(numbered[i]);
        if (strncmp(name, numbered[i], size) == 0)
            return strspn(name + size, digits) > 0 ? size + strspn(name + size, digits) : 0;
    }
    if (strncmp(name, "anon.", 5) == 0 && strspn(name + 5, hex) == 32)
        return 37;
    return strncmp(name, "17h", 3) == 0 && strspn(name + 3, hex) == 16 && name[19] == 'E' ? 19 : 0;
}

bool names_alike(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        size_t skip_a = random_part(a), skip_b = random_part(b);
        if ((skip_a == 0) != (skip_b == 0) || (skip_a > 0 && strncmp(a, b, 3) != 0) || (skip_a == 0 && *a != *b))
            return false;
        a += skip_a > 0 ? skip_a : 1;
        b += skip_b > 0 ? skip_b : 1;
    }
    return *a == *b;
}
