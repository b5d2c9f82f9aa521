/*
 * Roots and consequences. A difference with a cause that is believed is a root, together with all that the same cause
 * accounts for by the same key; so is one that no cause is known for. The rest follows from one of those: the kinds
 * that the cause's row names, and whatever is made of other bytes. Nothing that is loaded follows from something that
 * is not.
 */
#include <stdlib.h>
#include <string.h>

#include "causes/text_pairs.h"
#include "parts.h"

#define STRINGS_WITH_SIZES 500u /* differences that are searched for the string whose size an immediate is */

struct rooting {
    struct explaining *e;
    struct difference *differences;
    size_t count;
    struct list roots; /* of struct root */
    bool loaded;       /* some root is about what is loaded */
    size_t loaded_root;
    bool rooted[DIFFERENCE_KINDS]; /* some difference of this kind is a root's own */
    size_t summary;                /* the root of code that differs throughout; SIZE_MAX: none */
};

static bool is_believed(const struct difference *difference)
{
    return difference->guess_count > 0 && difference->guesses[0].confidence >= CONFIDENCE_BELIEVED;
}

static bool best_is(const struct difference *difference, const char *id)
{
    return difference->guess_count > 0 && strcmp(difference->guesses[0].cause->info.id, id) == 0;
}

/*
 * The build ID, the links to debug files and the hashes of units in names are digests of the rest, but for a change of
 * their form.
 */
static bool is_digest(const struct difference *difference)
{
    bool note = difference->kind == DIFFERENCE_NOTE;
    bool digest = (note && strcmp(difference->what, "GNU build ID") == 0) ||
                  (note && strcmp(difference->what, "Go build ID") == 0) || difference->kind == DIFFERENCE_LINK;
    return (digest || best_is(difference, "rust-threads")) && !best_is(difference, "build-id-style") &&
           !best_is(difference, "build-id-uuid") && !best_is(difference, "dwz");
}

static bool in_load_view(const struct rooting *r, const struct difference *difference)
{
    const struct place *places[2] = {&difference->vendor, &difference->rebuilt};
    for (size_t side = 0; side < 2; side++) {
        if (places[side]->present && !range_empty(places[side]->bytes) &&
            image_in_load_view(r->e->sides[side].image, places[side]->bytes))
            return true;
    }
    return false;
}

static bool is_about_loaded(const struct rooting *r, const struct difference *difference)
{
    static const bool loaded[DIFFERENCE_KINDS] = {
        [DIFFERENCE_CODE] = true, [DIFFERENCE_ORDER] = true, [DIFFERENCE_DYNAMIC] = true, [DIFFERENCE_HEADER] = true};
    return loaded[difference->kind] || in_load_view(r, difference) ||
           (difference->kind == DIFFERENCE_SYMBOLS && strcmp(difference->what, ".dynsym") == 0);
}

/* ---- Making roots ---- */

static size_t root_new(struct rooting *r, size_t first)
{
    struct root *root = list_add(&r->roots);
    if (root == NULL) {
        r->e->out_of_memory = true;
        return SIZE_MAX;
    }
    root->first = first;
    return r->roots.count - 1;
}

/* Of what is loaded, the rest that is follows from the first such root. */
static void mark_loaded(struct rooting *r, size_t index)
{
    r->loaded_root = r->loaded ? r->loaded_root : index;
    r->loaded = true;
}

static void root_join(struct rooting *r, size_t index, size_t difference)
{
    struct root *root = (struct root *)r->roots.items + index;
    struct difference *joined = &r->differences[difference], *shown = &r->differences[root->first];
    joined->root = index;
    r->rooted[joined->kind] = true;
    root->difference_count++;
    root->differing += joined->differing;
    /* Shown is what runs before what does not, and then the surest. */
    bool loaded = is_about_loaded(r, joined), shown_loaded = is_about_loaded(r, shown);
    if (joined->guess_count > 0 &&
        (shown->guess_count == 0 || loaded > shown_loaded ||
         (loaded == shown_loaded && joined->guesses[0].confidence > shown->guesses[0].confidence)))
        root->first = difference;
    /* A note or a comment that tells of another compiler is not loaded; what it compiled is. */
    bool of_code = is_believed(joined) && joined->guesses[0].cause->info.code;
    if (loaded || of_code)
        mark_loaded(r, index);
}

static void follow(struct rooting *r, size_t index, size_t difference)
{
    r->differences[difference].root = index;
    r->differences[difference].consequence = true;
}

static void root_alone(struct rooting *r, size_t difference)
{
    size_t index = root_new(r, difference);
    if (index != SIZE_MAX)
        root_join(r, index, difference);
}

/* ---- With a cause ---- */

static bool is_build_path(const char *id)
{
    return strncmp(id, "build-path-", 11) == 0 || strcmp(id, "rust-path") == 0 || strcmp(id, "go") == 0;
}

/* One directory for another: mended once, wherever it shows. */
static bool are_one_path(const struct guess *a, const struct guess *b)
{
    return a->key[0] != '\0' && is_build_path(a->cause->info.id) && is_build_path(b->cause->info.id);
}

static size_t root_with(const struct rooting *r, const struct guess *guess)
{
    const struct root *roots = r->roots.items;
    for (size_t i = 0; i < r->roots.count; i++) {
        const struct guess *other = &r->differences[roots[i].first].guesses[0];
        if (strcmp(other->key, guess->key) == 0 && (other->cause == guess->cause || are_one_path(other, guess)))
            return i;
    }
    return SIZE_MAX;
}

/* Where code differs throughout, that it also stands in another order tells nothing of its own. */
static bool is_overshadowed(const struct rooting *r, const struct difference *difference)
{
    if (difference->kind != DIFFERENCE_ORDER)
        return false;
    for (size_t i = 0; i < r->count; i++) {
        if (r->differences[i].kind == DIFFERENCE_CODE && strcmp(r->differences[i].what, "code") == 0)
            return true;
    }
    return false;
}

/* ---- What another cause brings with it ---- */

/* Other linkers and compilers have other defaults; a profile orders functions anew, and rustc does by their hashes. */
static const struct {
    const char *cause, *brings;
} brought[] = {
    {"linker", "|c-library|build-id-style|hash-style|link-order|hardening-flags|"},
    {"compiler-version", "|hash-style|pie|hardening-flags|build-id-style|c-library|linker|link-order|"},
    {"pgo", "|link-order|"},
    {"pie", "|hardening-flags|"},
    {"rust-metadata", "|link-order|"},
    {"rust-path", "|link-order|"},
};

static bool is_clang(const struct facts *facts)
{
    return names_mention(&facts->comments, "clang") || names_mention(&facts->producers, "clang");
}

/* gcc of two versions has the same defaults; gcc and clang have not, nor has clang 13 those of clang 14. */
static bool brings_defaults(const struct rooting *r, const char *cause)
{
    return strcmp(cause, "compiler-version") != 0 || is_clang(&r->e->clues.vendor) || is_clang(&r->e->clues.rebuilt);
}

/* A believed difference whose cause brings this one's with it, and is surer or more telling; SIZE_MAX: none. */
static size_t bringer_of(const struct rooting *r, const struct difference *difference)
{
    char id[64];
    snprintf(id, sizeof(id), "|%s|", difference->guesses[0].cause->info.id);
    for (size_t i = 0; i < r->count; i++) {
        for (size_t k = 0; k < ARRAY_COUNT(brought); k++) {
            if (is_believed(&r->differences[i]) && best_is(&r->differences[i], brought[k].cause) &&
                strstr(brought[k].brings, id) != NULL && brings_defaults(r, brought[k].cause))
                return i;
        }
    }
    return SIZE_MAX;
}

static void follow_the_bringers(struct rooting *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct difference *difference = &r->differences[i];
        if (difference->root != SIZE_MAX || difference->kind == DIFFERENCE_DERIVED || !is_believed(difference) ||
            is_digest(difference))
            continue;
        size_t bringer = bringer_of(r, difference);
        if (bringer == SIZE_MAX || r->differences[bringer].root == SIZE_MAX)
            continue;
        follow(r, r->differences[bringer].root, i);
        if (is_about_loaded(r, difference))
            mark_loaded(r, r->differences[bringer].root);
    }
}

static void root_the_believed(struct rooting *r)
{
    for (size_t i = 0; i < r->count && !r->e->out_of_memory; i++) {
        if (r->differences[i].kind == DIFFERENCE_DERIVED || !is_believed(&r->differences[i]) ||
            is_digest(&r->differences[i]) || is_overshadowed(r, &r->differences[i]) ||
            bringer_of(r, &r->differences[i]) != SIZE_MAX)
            continue;
        size_t index = root_with(r, &r->differences[i].guesses[0]);
        if (index == SIZE_MAX)
            index = root_new(r, i);
        if (index != SIZE_MAX)
            root_join(r, index, i);
    }
}

/* ---- Sizes of strings ---- */

/* The length of one of several strings that rustc has laid side by side: it has grown by what they all have. */
static bool counts_part(const struct rooting *r, const struct value *counts[2], const struct value *strings[2])
{
    return r->e->clues.vendor.is_rust && r->e->clues.rebuilt.is_rust && counts[0]->number <= strings[0]->size &&
           counts[1]->number <= strings[1]->size &&
           counts[1]->number - counts[0]->number == strings[1]->size - strings[0]->size;
}

/* fputs("...") is compiled to fwrite of so many bytes: the size, with or without the NUL, is an immediate. */
static bool counts_string(const struct rooting *r, const struct difference *code, const struct difference *string)
{
    const struct value *counts[2] = {&code->vendor_value, &code->rebuilt_value};
    const struct value *strings[2] = {&string->vendor_value, &string->rebuilt_value};
    uint64_t beyond = counts[0]->number - strings[0]->size;
    if (string->kind == DIFFERENCE_STRING && strings[0]->bytes != NULL && strings[1]->bytes != NULL &&
        strings[0]->size != strings[1]->size && counts_part(r, counts, strings))
        return true;
    return string->kind == DIFFERENCE_STRING && strings[0]->bytes != NULL && strings[1]->bytes != NULL &&
           strings[0]->size != strings[1]->size && beyond <= 1 && counts[1]->number - strings[1]->size == beyond &&
           string->user != NULL && code->vendor.symbol != NULL && strcmp(string->user, code->vendor.symbol) == 0;
}

/* What a word of data says together with the pointer before it: so many bytes from there on. */
static bool slice_of(const struct explained_side *side, const struct place *place, uint64_t length, struct range *slice)
{
    uint64_t width = side->image->is64 ? 8 : 4, word = place->bytes.begin - place->bytes.begin % width;
    size_t found;
    if (!place->present || word < width)
        return false;
    const struct relocation *pointer =
        relocations_in(side->relocations, side->relocation_count, (struct range){word - width, word}, &found);
    if (length == 0 || found > 1)
        return false;
    if (found == 0) /* loaded where it was linked: an address stands there as it is */
        return side->image->header.e_type == ET_EXEC &&
               image_file_range(side->image, image_word(side->image, word - width), length, slice);
    return pointer->file_offset == word - width && pointer->symbol[0] == '\0' &&
           image_file_range(side->image, (uint64_t)pointer->addend, length, slice);
}

/* Rust and Go keep a string's length behind the pointer to it, and lay the bytes of several side by side. */
static bool counts_slice(const struct rooting *r, const struct difference *data, const struct difference *string)
{
    const struct value *counts[2] = {&data->vendor_value, &data->rebuilt_value};
    const struct value *strings[2] = {&string->vendor_value, &string->rebuilt_value};
    struct range slices[2];
    return string->kind == DIFFERENCE_STRING && string->vendor.present && string->rebuilt.present &&
           strings[0]->size != strings[1]->size &&
           counts[1]->number - counts[0]->number == strings[1]->size - strings[0]->size &&
           slice_of(&r->e->sides[0], &data->vendor, counts[0]->number, &slices[0]) &&
           slice_of(&r->e->sides[1], &data->rebuilt, counts[1]->number, &slices[1]) &&
           range_contains(string->vendor.bytes, slices[0]) && range_contains(string->rebuilt.bytes, slices[1]);
}

static void fold_sizes_of_strings(struct rooting *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct difference *code = &r->differences[i];
        bool immediate = code->kind == DIFFERENCE_CODE && strncmp(code->what, "immediate of ", 13) == 0;
        bool word = code->kind == DIFFERENCE_DATA && code->vendor_value.size <= 8 && code->rebuilt_value.size <= 8;
        if (code->root != SIZE_MAX || (!immediate && !word))
            continue;
        for (size_t k = 0; k < r->count && k < STRINGS_WITH_SIZES && code->root == SIZE_MAX; k++) {
            if (immediate ? !counts_string(r, code, &r->differences[k]) : !counts_slice(r, code, &r->differences[k]))
                continue;
            if (r->differences[k].root == SIZE_MAX)
                root_alone(r, k);
            if (r->differences[k].root != SIZE_MAX)
                follow(r, r->differences[k].root, i);
        }
    }
}

/* ---- Without one ---- */

/* What a program imports and exports does not follow from what leaves its code as it is. */
static bool may_follow(const struct cause *cause, const struct difference *difference)
{
    bool dynamic = difference->kind == DIFFERENCE_SYMBOLS && strcmp(difference->what, ".dynsym") == 0;
    return (cause->follows & (1u << difference->kind)) != 0 && (cause->info.code || !dynamic);
}

/* The believed root from which this kind follows, the surest first. */
static size_t root_followed_by(const struct rooting *r, const struct difference *difference)
{
    const struct root *roots = r->roots.items;
    size_t best = SIZE_MAX;
    unsigned surest = 0;
    for (size_t i = 0; i < r->roots.count; i++) {
        const struct difference *first = &r->differences[roots[i].first];
        if (!is_believed(first) || !may_follow(first->guesses[0].cause, difference) ||
            first->guesses[0].confidence <= surest)
            continue;
        best = i;
        surest = first->guesses[0].confidence;
    }
    return best;
}

static void fold_what_follows(struct rooting *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct difference *difference = &r->differences[i];
        if (difference->root != SIZE_MAX || difference->kind == DIFFERENCE_DERIVED || is_digest(difference))
            continue;
        size_t index = root_followed_by(r, difference);
        if (index != SIZE_MAX)
            follow(r, index, i);
    }
}

static bool same_function(const struct difference *a, const struct difference *b)
{
    if (a->vendor.symbol != NULL && b->vendor.symbol != NULL)
        return strcmp(a->vendor.symbol, b->vendor.symbol) == 0;
    if (a->rebuilt.symbol != NULL && b->rebuilt.symbol != NULL)
        return strcmp(a->rebuilt.symbol, b->rebuilt.symbol) == 0;
    /* What only the vendor's has, and what only the rebuilt one has. */
    if (a->vendor.symbol != NULL && b->rebuilt.symbol != NULL)
        return strcmp(a->vendor.symbol, b->rebuilt.symbol) == 0;
    if (a->rebuilt.symbol != NULL && b->vendor.symbol != NULL)
        return strcmp(a->rebuilt.symbol, b->vendor.symbol) == 0;
    /* No name on either side: by where the function begins. */
    return a->vendor.present && b->vendor.present && a->vendor.symbol == NULL && b->vendor.symbol == NULL &&
           a->vendor.bytes.begin - a->vendor.inside == b->vendor.bytes.begin - b->vendor.inside;
}

/* Instructions of one function that no cause is known for are one root: they were told of one after the other. */
static void root_unknown_code(struct rooting *r)
{
    size_t previous = SIZE_MAX;
    for (size_t i = 0; i < r->count; i++) {
        if (r->differences[i].kind != DIFFERENCE_CODE || strcmp(r->differences[i].what, "code") != 0)
            continue;
        if (r->differences[i].root == SIZE_MAX)
            root_alone(r, i);
        r->summary = r->differences[i].root;
    }
    for (size_t i = 0; i < r->count && !r->e->out_of_memory; i++) {
        struct difference *difference = &r->differences[i];
        if (difference->kind != DIFFERENCE_CODE || difference->root != SIZE_MAX)
            continue;
        if (r->summary != SIZE_MAX)
            follow(r, r->summary, i);
        else if (previous != SIZE_MAX && same_function(&r->differences[previous], difference))
            root_join(r, r->differences[previous].root, i);
        else
            root_alone(r, i);
        previous = r->summary == SIZE_MAX ? i : previous;
    }
}

/* The root of an unknown change of code in this function. */
static size_t root_of_function(const struct rooting *r, const char *name)
{
    for (size_t i = 0; name != NULL && i < r->count; i++) {
        const struct difference *code = &r->differences[i];
        if (code->kind == DIFFERENCE_CODE && code->root != SIZE_MAX && !is_believed(code) &&
            ((code->vendor.symbol != NULL && strcmp(code->vendor.symbol, name) == 0) ||
             (code->rebuilt.symbol != NULL && strcmp(code->rebuilt.symbol, name) == 0)))
            return code->root;
    }
    return SIZE_MAX;
}

static void root_unknown_strings(struct rooting *r)
{
    for (size_t i = 0; i < r->count && !r->e->out_of_memory; i++) {
        struct difference *difference = &r->differences[i];
        if (difference->kind != DIFFERENCE_STRING || difference->root != SIZE_MAX)
            continue;
        size_t index = root_of_function(r, difference->user);
        if (index != SIZE_MAX)
            follow(r, index, i);
        else
            root_alone(r, i);
    }
}

/* Names in tables and debug information follow from the program, and data without a name from code around it. */
static bool follows_from_program(const struct rooting *r, const struct difference *difference)
{
    bool code = r->rooted[DIFFERENCE_CODE] || r->rooted[DIFFERENCE_ORDER];
    if (difference->kind == DIFFERENCE_DEBUG || difference->kind == DIFFERENCE_SYMBOLS)
        return code || r->rooted[DIFFERENCE_STRING] || r->rooted[DIFFERENCE_DATA];
    if (difference->kind == DIFFERENCE_DATA)
        return code && difference->vendor.symbol == NULL && difference->rebuilt.symbol == NULL;
    /* Objects that are unique in a process or chosen at run time come with code. */
    if (difference->kind == DIFFERENCE_HEADER && strcmp(difference->what, "EI_OSABI") == 0)
        return code;
    /* Code that changed throughout may stand in another order, too. */
    if (difference->kind == DIFFERENCE_ORDER)
        return r->summary != SIZE_MAX;
    return difference->kind == DIFFERENCE_BYTES && r->loaded && (r->e->moved || r->e->reordered || code);
}

/* Runs of one object are told of one after the other; those that no cause is known for are one root. */
static bool goes_on(const struct rooting *r, size_t i)
{
    const struct difference *previous = &r->differences[i > 0 ? i - 1 : i], *difference = &r->differences[i];
    return i > 0 && difference->kind == DIFFERENCE_DATA && previous->kind == DIFFERENCE_DATA &&
           previous->root != SIZE_MAX && !previous->consequence && !is_believed(previous) &&
           previous->vendor.symbol != NULL && difference->vendor.symbol != NULL &&
           strcmp(previous->vendor.symbol, difference->vendor.symbol) == 0;
}

static void root_other_unknown(struct rooting *r)
{
    /* What stands for itself first, so that names in tables find their root. */
    static const enum difference_kind order[] = {
        DIFFERENCE_ORDER,   DIFFERENCE_HEADER,  DIFFERENCE_DYNAMIC, DIFFERENCE_DATA,  DIFFERENCE_NOTE,
        DIFFERENCE_SECTION, DIFFERENCE_COMMENT, DIFFERENCE_SYMBOLS, DIFFERENCE_BYTES, DIFFERENCE_DEBUG};
    for (size_t k = 0; k < ARRAY_COUNT(order); k++) {
        for (size_t i = 0; i < r->count && !r->e->out_of_memory; i++) {
            struct difference *difference = &r->differences[i];
            if (difference->kind != order[k] || difference->root != SIZE_MAX || is_digest(difference))
                continue;
            bool debug_section = difference->kind == DIFFERENCE_SECTION && strncmp(difference->what, ".debug_", 7) == 0;
            bool table_of_debug = debug_section || (difference->kind == DIFFERENCE_DEBUG && difference->what[0] == '.');
            if ((follows_from_program(r, difference) || (table_of_debug && r->roots.count > 0)) && r->roots.count > 0)
                follow(r, r->loaded ? r->loaded_root : 0, i);
            else if (goes_on(r, i))
                root_join(r, r->differences[i - 1].root, i);
            else
                root_alone(r, i);
        }
    }
}

/* ---- What is made of other bytes ---- */

static bool is_unexplained(const struct rooting *r, const struct difference *difference)
{
    const struct comparison *comparison = r->e->input->comparison;
    return difference->finding < comparison->finding_count &&
           comparison->findings[difference->finding].standing == STANDING_UNEXPLAINED;
}

static void fold_the_made(struct rooting *r)
{
    /* Hashes of units in names, where they are all that differs, stand before the places of tables. */
    for (size_t i = 0; i < r->count && r->roots.count == 0; i++) {
        if (best_is(&r->differences[i], "rust-threads") && is_believed(&r->differences[i]))
            root_alone(r, i);
    }
    /* First what is loaded, then the rest, then digests: each may be the root of those behind it. */
    for (int pass = 0; pass < 3; pass++) {
        for (size_t i = 0; i < r->count && !r->e->out_of_memory; i++) {
            struct difference *difference = &r->differences[i];
            bool loaded = in_load_view(r, difference) && is_unexplained(r, difference), digest = is_digest(difference);
            if (difference->root != SIZE_MAX || (pass < 2 && digest) || (pass == 0) != (loaded && !digest))
                continue;
            /* What the ELF header's own fields say is told of with them; left are the places of tables. */
            bool places = difference->kind == DIFFERENCE_DERIVED && strcmp(difference->what, "ELF header") == 0;
            bool from_loaded = pass != 0 || r->loaded || places;
            if (r->roots.count > 0 && from_loaded)
                follow(r, r->loaded ? r->loaded_root : 0, i);
            else
                root_alone(r, i);
        }
    }
}

/* ---- What is told of a root ---- */

static void settle_guesses(struct rooting *r, struct root *root)
{
    const struct difference *first = &r->differences[root->first];
    memcpy(root->guesses, first->guesses, sizeof(root->guesses));
    root->guess_count = first->guess_count;
    if (is_believed(first))
        return;
    root->ruled_out = first->guess_count > 0
                          ? arena_printf(r->e->arena, "%zu causes were looked for; the nearest is %s, at %u %%",
                                         causes_count(), first->guesses[0].cause->info.id, first->guesses[0].confidence)
                          : arena_printf(r->e->arena, "%zu causes were looked for; none fits", causes_count());
    root->guess_count = 0;
}

/* The gravest first: unexplained, loaded, unknown or changing what runs, many bytes. */
static unsigned gravity(const struct rooting *r, const struct root *root)
{
    const struct difference *first = &r->differences[root->first];
    bool code = root->guess_count == 0 || root->guesses[0].cause->info.code;
    return (is_unexplained(r, first) ? 4u : 0u) + (is_about_loaded(r, first) ? 2u : 0u) + (code ? 1u : 0u);
}

struct ranked {
    struct root root;
    unsigned gravity;
    size_t index;
};

static int ranked_order(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->gravity != b->gravity)
        return a->gravity > b->gravity ? -1 : 1;
    if (a->root.differing != b->root.differing)
        return a->root.differing > b->root.differing ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static void rank(struct rooting *r)
{
    struct root *roots = r->roots.items;
    struct ranked *ranked = arena_alloc(r->e->arena, r->roots.count, sizeof(*ranked));
    size_t *places = arena_alloc(r->e->arena, r->roots.count, sizeof(*places));
    if (ranked == NULL || places == NULL)
        return;
    for (size_t i = 0; i < r->roots.count; i++)
        ranked[i] = (struct ranked){roots[i], gravity(r, &roots[i]), i};
    if (r->roots.count > 1)
        qsort(ranked, r->roots.count, sizeof(*ranked), ranked_order);
    for (size_t i = 0; i < r->roots.count; i++) {
        roots[i] = ranked[i].root;
        places[ranked[i].index] = i;
    }
    for (size_t i = 0; i < r->count; i++) {
        if (r->differences[i].root != SIZE_MAX)
            r->differences[i].root = places[r->differences[i].root];
    }
}

/* Findings, not differences: what a person would otherwise have to read. */
static void count_consequences(struct rooting *r, struct explanation *explanation)
{
    const struct comparison *comparison = r->e->input->comparison;
    struct root *roots = r->roots.items;
    for (size_t i = 0; r->e->owners != NULL && i < comparison->finding_count; i++) {
        size_t owner = r->e->owners[i];
        if (!is_to_tell(comparison->findings[i].standing, comparison->findings[i].rule))
            continue;
        const struct difference *difference = owner < r->count ? &r->differences[owner] : NULL;
        if (difference != NULL && !difference->consequence)
            continue;
        explanation->consequence_count++;
        if (difference != NULL && difference->root < r->roots.count)
            roots[difference->root].consequence_count++;
    }
}

void roots_find(struct explaining *e, struct explanation *explanation)
{
    struct rooting r = {.e = e,
                        .summary = SIZE_MAX,
                        .differences = e->differences.items,
                        .count = e->differences.count,
                        .roots = {.arena = e->arena, .item_size = sizeof(struct root)}};
    root_the_believed(&r);
    follow_the_bringers(&r);
    fold_sizes_of_strings(&r);
    fold_what_follows(&r);
    root_unknown_code(&r);
    root_unknown_strings(&r);
    root_other_unknown(&r);
    fold_the_made(&r);
    struct root *roots = r.roots.items;
    for (size_t i = 0; i < r.roots.count; i++)
        settle_guesses(&r, &roots[i]);
    rank(&r);
    count_consequences(&r, explanation);
    explanation->differences = r.differences;
    explanation->difference_count = r.count;
    explanation->roots = r.roots.items;
    explanation->root_count = r.roots.count;
}
