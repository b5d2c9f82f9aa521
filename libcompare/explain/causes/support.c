/*
 * What two .buildinfo files say for the causes that were found. They are the builders' own word, and a vendor can write
 * anything into his: so they come last, when each root has its cause by the bytes of both files or has none. They
 * make no cause, and none believed that was not; what they say of a believed one is listed with it, and makes it a
 * little surer.
 */
#include "support.h"

#include <string.h>

#include "text_pairs.h"

static const struct {
    const char *cause;
    unsigned bears;
} supports[] = {
    {"build-path-debug", BEARS_ON_PATH},
    {"build-path-macro", BEARS_ON_PATH},
    {"build-path-other", BEARS_ON_PATH},
    {"build-path-runpath", BEARS_ON_PATH},
    {"coverage", BEARS_ON_PATH},
    {"rust-path", BEARS_ON_PATH},
    {"home-or-path", BEARS_ON_USER},
    {"user-host", BEARS_ON_USER},
    {"date-macro", BEARS_ON_DATE},
    {"timestamp-macro", BEARS_ON_DATE},
    {"date-other", BEARS_ON_DATE},
    {"locale-timezone", BEARS_ON_LOCALE},
    {"kernel-banner", BEARS_ON_DATE | BEARS_ON_KERNEL | BEARS_ON_USER},
    {"kernel-version", BEARS_ON_KERNEL},
    {"module-vermagic", BEARS_ON_KERNEL},
    {"vcs-revision", BEARS_ON_VERSION},
    {"package-note", BEARS_ON_VERSION},
    {"compiler-version", BEARS_ON_COMPILERS},
    {"compiler-hash-order", BEARS_ON_GCC | BEARS_ON_CLANG},
    {"optimisation", BEARS_ON_FLAGS},
    {"march-drift", BEARS_ON_PROCESSOR},
    {"pgo", BEARS_ON_FLAGS},
    {"hardening-flags", BEARS_ON_FLAGS},
    {"flags-recorded", BEARS_ON_FLAGS | BEARS_ON_PATH},
    {"pie", BEARS_ON_FLAGS},
    {"split-dwarf", BEARS_ON_FLAGS},
    {"debug-compression", BEARS_ON_FLAGS | BEARS_ON_LINKER | BEARS_ON_STRIP},
    {"stripped", BEARS_ON_STRIP},
    {"dwz", BEARS_ON_DWZ},
    {"linker", BEARS_ON_LINKER},
    {"hash-style", BEARS_ON_LINKER | BEARS_ON_FLAGS},
    {"build-id-style", BEARS_ON_LINKER | BEARS_ON_FLAGS},
    {"link-order", BEARS_ON_ORDER},
    {"parallel-race", BEARS_ON_ORDER},
    {"rust-threads", BEARS_ON_ORDER | BEARS_ON_RUST},
    {"rust-metadata", BEARS_ON_RUST},
    {"go", BEARS_ON_GO | BEARS_ON_PATH},
    {"ocaml", BEARS_ON_OCAML | BEARS_ON_PATH},
    {"haskell", BEARS_ON_HASKELL | BEARS_ON_ORDER},
};

const char *support_cause_at(size_t index)
{
    return index < ARRAY_COUNT(supports) ? supports[index].cause : NULL;
}

/* ---- What bears on a guess ---- */

/* How compilers name themselves in .comment and DW_AT_producer. */
static const struct {
    const char *name;
    unsigned bears;
} compilers[] = {
    {"GCC: ", BEARS_ON_GCC},         {"GNU C", BEARS_ON_GCC},   {"GNU Fortran", BEARS_ON_GCC},
    {"GNU Ada", BEARS_ON_GCC},       {"clang", BEARS_ON_CLANG}, {"rustc", BEARS_ON_RUST},
    {"Go cmd/compile", BEARS_ON_GO}, {"GNU Go", BEARS_ON_GO},   {"ocaml", BEARS_ON_OCAML},
    {"Glasgow", BEARS_ON_HASKELL},
};

/* Of a compiler that names itself, that one alone. */
static unsigned compilers_named(const struct guess *guess)
{
    unsigned named = 0;
    for (size_t i = 0; i < ARRAY_COUNT(compilers); i++)
        named |= strstr(guess->evidence, compilers[i].name) != NULL ? compilers[i].bears : 0;
    return named != 0 ? named : BEARS_ON_COMPILERS;
}

/* Whether a directory, or what is below it, stands in the bytes. The root directory says nothing. */
static bool value_has(const struct value *value, const char *path)
{
    size_t size = strlen(path), at = 0, end = value->bytes != NULL ? (size_t)value->size : 0;
    while (size > 1 && at < end) {
        const uint8_t *found = memmem(value->bytes + at, end - at, path, size);
        if (found == NULL)
            return false;
        at = (size_t)(found - value->bytes) + size;
        if (at == end || value->bytes[at] == '/')
            return true;
    }
    return false;
}

/* Where the path was mapped away (-ffile-prefix-map), what stands in its place is relative. */
static bool value_may_stand_for(const struct value *value, const char *path)
{
    return path == NULL || value->bytes == NULL || value->size == 0 || value->bytes[0] != '/' || value_has(value, path);
}

/* Whether the paths that are told stand in the bytes, each on its side. */
static bool paths_are_there(const struct environments *environments, const struct difference *difference)
{
    const char *vendor = environments->vendor.build_path, *rebuilt = environments->rebuilt.build_path;
    bool any = (vendor != NULL && value_has(&difference->vendor_value, vendor)) ||
               (rebuilt != NULL && value_has(&difference->rebuilt_value, rebuilt));
    return any && value_may_stand_for(&difference->vendor_value, vendor) &&
           value_may_stand_for(&difference->rebuilt_value, rebuilt);
}

/* Whether the guess is one directory for another, and they are those where both were built. */
static bool paths_are_the_guess(const struct clues *clues, const struct environments *environments,
                                const struct guess *guess)
{
    struct guess probe = {.cause = guess->cause, .key = ""};
    struct substitution substitution;
    struct text_pair paths;
    if (environments->vendor.build_path == NULL || environments->rebuilt.build_path == NULL)
        return false;
    paths = (struct text_pair){text_of(environments->vendor.build_path), text_of(environments->rebuilt.build_path)};
    if (!substitution_of_pair(&paths, &substitution))
        return false;
    guess_keyed_pair(clues, &probe, 1, "", substitution.vendor, substitution.rebuilt);
    return guess->key[0] != '\0' && strcmp(probe.key, guess->key) == 0;
}

static unsigned bears_on(const struct clues *clues, const struct environments *environments, const struct root *root)
{
    unsigned bears = 0;
    if (root->guess_count == 0)
        return 0;
    const struct guess *guess = &root->guesses[0];
    for (size_t i = 0; i < ARRAY_COUNT(supports); i++) {
        if (strcmp(supports[i].cause, cause_info(guess->cause)->id) == 0)
            bears = supports[i].bears;
    }
    if (bears == BEARS_ON_COMPILERS)
        bears = compilers_named(guess);
    if (!paths_are_there(environments, &clues->differences[root->first]) &&
        !paths_are_the_guess(clues, environments, guess))
        bears &= ~(unsigned)BEARS_ON_PATH;
    return bears;
}

/* ---- Roots ---- */

#define SURER_BY      4u
#define SURER_BY_PATH 10u
#define SUREST        98u
#define SUPPORT_MOST  50u /* that is listed with a root; it is sorted by weight */

static void make_surer(struct guess *guess, unsigned by)
{
    if (guess->confidence < SUREST)
        guess->confidence = guess->confidence + by < SUREST ? guess->confidence + by : SUREST;
}

/* What bears on the same things: one list for all roots that need it, for there can be many of both. */
struct known {
    unsigned bears;
    size_t *support;
    size_t count;
    bool telling; /* not all of it differs between any two builds */
};

/* The list for these bits, or NULL without memory. */
static const struct known *known_for(struct list *all, const struct environments *environments, unsigned bears)
{
    const struct known *before = all->items;
    for (size_t i = 0; i < all->count; i++) {
        if (before[i].bears == bears)
            return &before[i];
    }
    struct known *known = list_add(all);
    size_t *support = known != NULL ? arena_alloc(all->arena, SUPPORT_MOST, sizeof(*support)) : NULL;
    if (support == NULL)
        return NULL;
    *known = (struct known){.bears = bears, .support = support};
    for (size_t i = 0; i < environments->difference_count && known->count < SUPPORT_MOST; i++) {
        if ((environments->differences[i].bears & bears) == 0)
            continue;
        known->support[known->count++] = i;
        known->telling = known->telling || !environments->differences[i].usual;
    }
    return known;
}

static void support_root(const struct clues *clues, const struct environments *environments, const struct known *known,
                         struct root *root)
{
    root->support = known->support;
    root->support_count = known->count;
    if (known->count == 0)
        return;
    if ((known->bears & BEARS_ON_PATH) != 0 && paths_are_the_guess(clues, environments, &root->guesses[0]))
        make_surer(&root->guesses[0], SURER_BY_PATH);
    else if (known->telling)
        make_surer(&root->guesses[0], SURER_BY);
}

bool support_find(const struct clues *clues, struct environments *environments, struct root *roots, size_t root_count)
{
    struct list all = {.arena = clues->arena, .item_size = sizeof(struct known)};
    unsigned any = 0, *bears = arena_alloc(clues->arena, root_count, sizeof(*bears));
    if (bears == NULL)
        return false;
    for (size_t i = 0; i < root_count; i++) {
        bears[i] = bears_on(clues, environments, &roots[i]);
        any |= bears[i];
    }
    for (size_t i = 0; i < environments->difference_count; i++)
        environments->differences[i].supports = (environments->differences[i].bears & any) != 0;
    /* Before roots refer to them by their place. */
    environments_sort(environments);
    for (size_t i = 0; i < root_count; i++) {
        if (bears[i] == 0)
            continue;
        const struct known *known = known_for(&all, environments, bears[i]);
        if (known == NULL)
            return false;
        support_root(clues, environments, known, &roots[i]);
    }
    return true;
}
