/*
 * What differs between the environments of two builds, the weightiest first. A package, a variable or a setting is
 * weighed by what it can do to a binary: a compiler much, a documentation tool little. What the table does not know
 * weighs little and bears on nothing. That it did do something is not said here: causes rest on bytes (explain/).
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "buildinfo.h"

/* ---- Weights ---- */

struct weight {
    const char *pattern; /* of fnmatch(3); the first that matches counts */
    enum environment_kind kind;
    unsigned weight, bears;
    bool usual;
};

#define ANY_FLAGS (BEARS_ON_FLAGS | BEARS_ON_PROCESSOR)

static const struct weight weights[] = {
    {"Source", ENVIRONMENT_SETTING, 100, BEARS_ON_VERSION, false},
    {"Version", ENVIRONMENT_SETTING, 100, BEARS_ON_VERSION, false},
    {"Architecture", ENVIRONMENT_SETTING, 95, BEARS_ON_PROCESSOR, false},
    {"Build-Architecture", ENVIRONMENT_SETTING, 95, BEARS_ON_PROCESSOR, false},
    {"Build-Path", ENVIRONMENT_SETTING, 75, BEARS_ON_PATH, true},
    {"Build-Tainted-By", ENVIRONMENT_SETTING, 60, 0, false},
    {"Build-Origin", ENVIRONMENT_SETTING, 40, 0, false},
    {"Build-Date", ENVIRONMENT_SETTING, 35, BEARS_ON_DATE, true},
    {"Build-Kernel-Version", ENVIRONMENT_SETTING, 30, BEARS_ON_KERNEL, true},

    {"MAKEFLAGS", ENVIRONMENT_VARIABLE, 40, BEARS_ON_ORDER, true},
    {"RUSTFLAGS", ENVIRONMENT_VARIABLE, 85, ANY_FLAGS | BEARS_ON_RUST, false},
    {"GOFLAGS", ENVIRONMENT_VARIABLE, 85, ANY_FLAGS | BEARS_ON_GO, false},
    {"*FLAGS*", ENVIRONMENT_VARIABLE, 85, ANY_FLAGS, false},
    {"DEB_BUILD_MAINT_OPTIONS", ENVIRONMENT_VARIABLE, 85, ANY_FLAGS, false},
    {"CC", ENVIRONMENT_VARIABLE, 85, BEARS_ON_GCC | BEARS_ON_CLANG, false},
    {"CXX", ENVIRONMENT_VARIABLE, 85, BEARS_ON_GCC | BEARS_ON_CLANG, false},
    {"LD", ENVIRONMENT_VARIABLE, 85, BEARS_ON_LINKER, false},
    {"DEB_HOST_*", ENVIRONMENT_VARIABLE, 80, BEARS_ON_PROCESSOR, false},
    {"SOURCE_DATE_EPOCH", ENVIRONMENT_VARIABLE, 75, BEARS_ON_DATE, false},
    {"DEB_BUILD_PROFILES", ENVIRONMENT_VARIABLE, 65, 0, false},
    {"LD_*", ENVIRONMENT_VARIABLE, 60, 0, false},
    {"TZ", ENVIRONMENT_VARIABLE, 60, BEARS_ON_LOCALE, false},
    {"LANG*", ENVIRONMENT_VARIABLE, 45, BEARS_ON_LOCALE, false},
    {"LC_*", ENVIRONMENT_VARIABLE, 45, BEARS_ON_LOCALE, false},
    {"HOME", ENVIRONMENT_VARIABLE, 40, BEARS_ON_USER, true},
    {"USER", ENVIRONMENT_VARIABLE, 40, BEARS_ON_USER, true},
    {"LOGNAME", ENVIRONMENT_VARIABLE, 40, BEARS_ON_USER, true},
    {"PATH", ENVIRONMENT_VARIABLE, 40, BEARS_ON_USER, false},

    {"libgcc-*-dev", ENVIRONMENT_PACKAGE, 85, BEARS_ON_GCC, false},
    {"libstdc++-*-dev", ENVIRONMENT_PACKAGE, 85, BEARS_ON_GCC, false},
    {"gcc-*-base", ENVIRONMENT_PACKAGE, 60, BEARS_ON_GCC, false},
    {"gccgo*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_GO | BEARS_ON_GCC, false},
    {"gcc*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_GCC, false},
    {"g++*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_GCC, false},
    {"cpp*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_GCC, false},
    {"gfortran*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_GCC, false},
    {"gnat*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_GCC, false},
    {"gdc*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_GCC, false},
    {"clang*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_CLANG, false},
    {"libclang*", ENVIRONMENT_PACKAGE, 85, BEARS_ON_CLANG, false},
    {"llvm*", ENVIRONMENT_PACKAGE, 85, BEARS_ON_CLANG, false},
    {"libllvm*", ENVIRONMENT_PACKAGE, 85, BEARS_ON_CLANG, false},
    {"rustc*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_RUST, false},
    {"libstd-rust-*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_RUST, false},
    {"cargo*", ENVIRONMENT_PACKAGE, 60, BEARS_ON_RUST, false},
    {"golang-*-dev", ENVIRONMENT_PACKAGE, 60, 0, false},
    {"golang-go*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_GO, false},
    {"golang-[0-9]*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_GO, false},
    {"golang-src", ENVIRONMENT_PACKAGE, 90, BEARS_ON_GO, false},
    {"ghc*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_HASKELL, false},
    {"ocaml*", ENVIRONMENT_PACKAGE, 90, BEARS_ON_OCAML, false},
    {"binutils*", ENVIRONMENT_PACKAGE, 85, BEARS_ON_LINKER, false},
    {"libbinutils", ENVIRONMENT_PACKAGE, 80, BEARS_ON_LINKER, false},
    {"lld*", ENVIRONMENT_PACKAGE, 85, BEARS_ON_LINKER, false},
    {"mold", ENVIRONMENT_PACKAGE, 85, BEARS_ON_LINKER, false},
    {"libc6-dev*", ENVIRONMENT_PACKAGE, 80, 0, false},
    {"linux-libc-dev", ENVIRONMENT_PACKAGE, 50, 0, false},
    {"linux-headers-*", ENVIRONMENT_PACKAGE, 60, BEARS_ON_KERNEL, false},
    {"linux-kbuild-*", ENVIRONMENT_PACKAGE, 60, BEARS_ON_KERNEL, false},
    {"dpkg-dev", ENVIRONMENT_PACKAGE, 70, BEARS_ON_FLAGS, false},
    {"libdpkg-perl", ENVIRONMENT_PACKAGE, 70, BEARS_ON_FLAGS, false},
    {"debhelper", ENVIRONMENT_PACKAGE, 65, BEARS_ON_FLAGS | BEARS_ON_STRIP, false},
    {"libdebhelper-perl", ENVIRONMENT_PACKAGE, 65, BEARS_ON_FLAGS | BEARS_ON_STRIP, false},
    {"dh-*", ENVIRONMENT_PACKAGE, 50, 0, false},
    {"dwz", ENVIRONMENT_PACKAGE, 60, BEARS_ON_DWZ, false},
    {"make", ENVIRONMENT_PACKAGE, 55, BEARS_ON_ORDER, false},
    {"ninja-build", ENVIRONMENT_PACKAGE, 55, BEARS_ON_ORDER, false},
    {"cmake*", ENVIRONMENT_PACKAGE, 55, BEARS_ON_ORDER, false},
    {"meson", ENVIRONMENT_PACKAGE, 55, BEARS_ON_ORDER, false},
    {"libtool", ENVIRONMENT_PACKAGE, 55, 0, false},
    {"auto*", ENVIRONMENT_PACKAGE, 50, 0, false},
    {"bison", ENVIRONMENT_PACKAGE, 50, 0, false},
    {"flex", ENVIRONMENT_PACKAGE, 50, 0, false},
    {"locales*", ENVIRONMENT_PACKAGE, 40, BEARS_ON_LOCALE, false},
    {"tzdata*", ENVIRONMENT_PACKAGE, 40, BEARS_ON_LOCALE, false},
    {"*-dev", ENVIRONMENT_PACKAGE, 50, 0, false},
};

/* Words of DEB_BUILD_OPTIONS (Debian Policy, 4.9.1; dpkg-buildflags(1)). */
static const struct weight option_weights[] = {
    {"parallel=*", ENVIRONMENT_VARIABLE, 40, BEARS_ON_ORDER, true},
    {"nostrip", ENVIRONMENT_VARIABLE, 70, BEARS_ON_STRIP, false},
    {"noautodbgsym", ENVIRONMENT_VARIABLE, 50, BEARS_ON_STRIP, false},
    {"noopt", ENVIRONMENT_VARIABLE, 85, ANY_FLAGS, false},
    {"debug", ENVIRONMENT_VARIABLE, 85, ANY_FLAGS, false},
    {"*=*", ENVIRONMENT_VARIABLE, 85, ANY_FLAGS, false},
};

#define LEAST 10u
/* dpkg writes some hundred characters; longer ones are not taken apart. */
#define OPTIONS_MOST 2000u
#define WORDS_MOST   100u

static struct weight weight_in(const struct weight *rows, size_t count, enum environment_kind kind, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].kind == kind && fnmatch(rows[i].pattern, name, 0) == 0)
            return rows[i];
    }
    return (struct weight){name, kind, LEAST, 0, false};
}

struct words {
    char text[OPTIONS_MOST + 1];
    const char *items[WORDS_MOST];
    size_t count;
};

static bool words_split(struct words *words, const char *text)
{
    char *rest = NULL;
    words->count = 0;
    if (text != NULL && strlen(text) > OPTIONS_MOST)
        return false;
    snprintf(words->text, sizeof(words->text), "%s", text != NULL ? text : "");
    for (char *word = strtok_r(words->text, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
        if (words->count == WORDS_MOST)
            return false;
        words->items[words->count++] = word;
    }
    return true;
}

/* Adds what those words bear on that the other side does not have. */
static void weigh_words(const struct words *words, const struct words *other, struct weight *weight)
{
    for (size_t i = 0; i < words->count; i++) {
        bool shared = false;
        for (size_t k = 0; k < other->count && !shared; k++)
            shared = strcmp(words->items[i], other->items[k]) == 0;
        if (shared)
            continue;
        struct weight one =
            weight_in(option_weights, ARRAY_COUNT(option_weights), ENVIRONMENT_VARIABLE, words->items[i]);
        weight->bears |= one.bears;
        weight->usual = weight->usual && one.usual;
        weight->weight = one.weight > weight->weight ? one.weight : weight->weight;
    }
}

static struct weight weight_of_options(const char *vendor, const char *rebuilt)
{
    struct words a, b;
    struct weight weight = {NULL, ENVIRONMENT_VARIABLE, LEAST, 0, true};
    if (words_split(&a, vendor) && words_split(&b, rebuilt)) {
        weigh_words(&a, &b, &weight);
        weigh_words(&b, &a, &weight);
    }
    return weight;
}

static struct weight weight_of(enum environment_kind kind, const char *name, const char *vendor, const char *rebuilt)
{
    char plain[256];
    if (kind == ENVIRONMENT_VARIABLE && strcmp(name, "DEB_BUILD_OPTIONS") == 0)
        return weight_of_options(vendor, rebuilt);
    /* Without the architecture of a package. */
    snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(name, ":"), name);
    return weight_in(weights, ARRAY_COUNT(weights), kind, plain);
}

/* ---- Comparing ---- */

struct comparing {
    struct arena *arena;
    struct environments *out;
    struct list differences; /* of struct environment_difference */
    bool failed;
};

/* A value longer than this is cut, visibly. */
#define SHOWN_MOST ((size_t)16 << 10)

static const char *shown(struct comparing *c, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t room = 4 * strnlen(text, SHOWN_MOST) + 4;
    char *escaped = arena_alloc(c->arena, room < SHOWN_MOST ? room : SHOWN_MOST, 1);
    if (escaped == NULL)
        c->failed = true;
    else
        escape_text(escaped, room < SHOWN_MOST ? room : SHOWN_MOST, text);
    return escaped;
}

static void add(struct comparing *c, enum environment_kind kind, const char *name, const char *vendor,
                const char *rebuilt)
{
    struct environment_difference *difference = list_add(&c->differences);
    struct weight weight = weight_of(kind, name, vendor, rebuilt);
    if (difference == NULL) {
        c->failed = true;
        return;
    }
    *difference = (struct environment_difference){
        .kind = kind,
        .name = shown(c, name),
        .vendor = shown(c, vendor),
        .rebuilt = shown(c, rebuilt),
        .weight = weight.weight,
        .bears = weight.bears,
        .usual = weight.usual,
    };
    c->out->counts[kind]++;
}

static void compare_lists(struct comparing *c, enum environment_kind kind, const struct buildinfo_list *vendor,
                          const struct buildinfo_list *rebuilt)
{
    size_t i = 0, k = 0;
    while ((i < vendor->count || k < rebuilt->count) && !c->failed) {
        const struct buildinfo_entry *a = i < vendor->count ? &vendor->items[i] : NULL;
        const struct buildinfo_entry *b = k < rebuilt->count ? &rebuilt->items[k] : NULL;
        int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a->name, b->name);
        const struct buildinfo_entry *named = order <= 0 ? a : b;
        const char *left = order <= 0 && a != NULL ? a->value : NULL,
                   *right = order >= 0 && b != NULL ? b->value : NULL;
        if (named != NULL && (left == NULL || right == NULL || strcmp(left, right) != 0))
            add(c, kind, named->name, left, right);
        i += order <= 0;
        k += order >= 0;
    }
}

static void compare_artifacts(struct environments *out, const struct buildinfo_list *vendor,
                              const struct buildinfo_list *rebuilt)
{
    for (size_t i = 0, k = 0; i < vendor->count && k < rebuilt->count;) {
        int order = strcmp(vendor->items[i].name, rebuilt->items[k].name);
        out->artifacts += order == 0;
        out->artifacts_equal += order == 0 && strcmp(vendor->items[i].value, rebuilt->items[k].value) == 0;
        i += order <= 0;
        k += order >= 0;
    }
}

/* As long as a path can be (PATH_MAX of Linux); roots are searched for it. */
#define PATH_MOST 4096u

static const char *build_path(const struct buildinfo *buildinfo)
{
    for (size_t i = 0; i < buildinfo->settings.count; i++) {
        const struct buildinfo_entry *entry = &buildinfo->settings.items[i];
        if (strcmp(entry->name, "Build-Path") == 0)
            return strnlen(entry->value, PATH_MOST) < PATH_MOST ? entry->value : NULL;
    }
    return NULL;
}

bool environments_compare(const struct buildinfo *vendor, const struct buildinfo *rebuilt, struct arena *arena,
                          struct environments *environments)
{
    struct comparing c = {.arena = arena,
                          .out = environments,
                          .differences = {.arena = arena, .item_size = sizeof(struct environment_difference)}};
    *environments = (struct environments){
        .vendor = {.clearsigned = vendor->clearsigned, .build_path = build_path(vendor)},
        .rebuilt = {.clearsigned = rebuilt->clearsigned, .build_path = build_path(rebuilt)},
    };
    compare_lists(&c, ENVIRONMENT_SETTING, &vendor->settings, &rebuilt->settings);
    compare_lists(&c, ENVIRONMENT_VARIABLE, &vendor->variables, &rebuilt->variables);
    compare_lists(&c, ENVIRONMENT_PACKAGE, &vendor->packages, &rebuilt->packages);
    compare_artifacts(environments, &vendor->artifacts, &rebuilt->artifacts);
    environments->differences = c.differences.items;
    environments->difference_count = c.differences.count;
    if (!c.failed)
        environments_sort(environments);
    return !c.failed;
}

static int difference_order(const void *left, const void *right)
{
    const struct environment_difference *a = left, *b = right;
    if (a->supports != b->supports)
        return a->supports ? -1 : 1;
    if (a->weight != b->weight)
        return a->weight > b->weight ? -1 : 1;
    return a->kind != b->kind ? (a->kind < b->kind ? -1 : 1) : strcmp(a->name, b->name);
}

void environments_sort(struct environments *environments)
{
    if (environments->difference_count > 1)
        qsort(environments->differences, environments->difference_count, sizeof(*environments->differences),
              difference_order);
}
