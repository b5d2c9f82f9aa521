/*
 * Pairing members: by path; by the user's map; then what is left, as renamed: by equal content, by build ID, by a name that
 * differs in its directory or in its numbers. A rename is a finding, so a wrong one costs a clear report and no verdict;
 * where two could be meant, none is. What finds no partner is of one side alone.
 */
#include "pairing.h"

#include <stdlib.h>
#include <string.h>

/* A larger one is not worth reading for a guess. */
#define NAME_MOST 4096

struct key {
    const uint8_t *bytes; /* NULL: the digest */
    size_t size;
    uint32_t member;
    uint8_t digest[32];
};

struct pairing {
    const struct pairing_input *input;
    const struct inventory *listings[2];
    uint32_t *partner[2];  /* by member; NO_MEMBER: none yet */
    enum tree_pairing *by; /* by the vendor's member */
    struct key *keys[2];
    size_t key_count[2];
    uint8_t *names;
    size_t names_used, names_size;
};

/* Sorting moves keys, and their digests with them. */
static const uint8_t *bytes_of(const struct key *key)
{
    return key->bytes != NULL ? key->bytes : key->digest;
}

static int by_key(const void *a, const void *b)
{
    const struct key *one = a, *other = b;
    int order = memcmp(bytes_of(one), bytes_of(other), one->size < other->size ? one->size : other->size);
    if (order == 0 && one->size != other->size)
        order = one->size < other->size ? -1 : 1;
    return order != 0 ? order : one->member < other->member ? -1 : one->member > other->member;
}

static bool same_key(const struct key *a, const struct key *b)
{
    return a->size == b->size && memcmp(bytes_of(a), bytes_of(b), a->size) == 0;
}

static void couple(struct pairing *pairing, uint32_t vendor, uint32_t rebuilt, enum tree_pairing by)
{
    pairing->partner[0][vendor] = rebuilt;
    pairing->partner[1][rebuilt] = vendor;
    pairing->by[vendor] = by;
}

static size_t run_of(const struct key *keys, size_t at, size_t count)
{
    size_t end = at + 1;
    while (end < count && same_key(&keys[at], &keys[end]))
        end++;
    return end - at;
}

/* Couples equal keys: where there are several, in their order, or, for guesses, not at all. */
static void join(struct pairing *pairing, enum tree_pairing by, bool only_single)
{
    size_t i = 0, k = 0;
    for (int side = 0; side < 2; side++)
        qsort(pairing->keys[side], pairing->key_count[side], sizeof(struct key), by_key);
    while (i < pairing->key_count[0] && k < pairing->key_count[1]) {
        struct key *vendor = &pairing->keys[0][i], *rebuilt = &pairing->keys[1][k];
        size_t vendor_run = run_of(pairing->keys[0], i, pairing->key_count[0]);
        size_t rebuilt_run = run_of(pairing->keys[1], k, pairing->key_count[1]);
        if (!same_key(vendor, rebuilt)) {
            struct key probe = *rebuilt;
            probe.member = vendor->member;
            if (by_key(vendor, &probe) < 0)
                i += vendor_run;
            else
                k += rebuilt_run;
            continue;
        }
        size_t most = vendor_run < rebuilt_run ? vendor_run : rebuilt_run;
        if (only_single && (vendor_run > 1 || rebuilt_run > 1))
            most = 0;
        for (size_t n = 0; n < most; n++)
            couple(pairing, vendor[n].member, rebuilt[n].member, by);
        i += vendor_run;
        k += rebuilt_run;
    }
}

static void by_path(struct pairing *pairing)
{
    for (int side = 0; side < 2; side++) {
        const struct inventory *listing = pairing->listings[side];
        pairing->key_count[side] = listing->member_count;
        for (uint32_t i = 0; i < listing->member_count; i++)
            pairing->keys[side][i] = (struct key){.bytes = listing_bytes(listing, listing->members[i].path),
                                                  .size = listing->members[i].path.size,
                                                  .member = i};
    }
    join(pairing, PAIRED_BY_PATH, false);
}

/* ---- Names made of others ---- */

static uint8_t *room_for_names(struct pairing *pairing, size_t size)
{
    if (size > pairing->names_size - pairing->names_used)
        return NULL;
    return pairing->names + pairing->names_used;
}

static void add_key(struct pairing *pairing, int side, const uint8_t *bytes, size_t size, uint32_t member)
{
    pairing->keys[side][pairing->key_count[side]++] = (struct key){.bytes = bytes, .size = size, .member = member};
}

static void by_map(struct pairing *pairing)
{
    const char *const *maps = pairing->input->maps;
    for (; maps != NULL && *maps != NULL; maps++) {
        pairing->key_count[0] = pairing->key_count[1] = 0;
        pairing->names_used = 0;
        for (uint32_t i = 0; i < pairing->listings[0]->member_count; i++) {
            struct text_at path = pairing->listings[0]->members[i].path;
            uint8_t *name = room_for_names(pairing, NAME_MOST);
            size_t size = name != NULL && pairing->partner[0][i] == NO_MEMBER
                              ? map_name(*maps, (const char *)listing_bytes(pairing->listings[0], path), path.size,
                                         (char *)name, NAME_MOST)
                              : 0;
            if (size == 0)
                continue;
            pairing->names_used += size;
            add_key(pairing, 0, name, size, i);
        }
        for (uint32_t i = 0; i < pairing->listings[1]->member_count; i++) {
            struct text_at path = pairing->listings[1]->members[i].path;
            if (pairing->partner[1][i] == NO_MEMBER)
                add_key(pairing, 1, listing_bytes(pairing->listings[1], path), path.size, i);
        }
        join(pairing, PAIRED_BY_MAP, true);
    }
}

static bool is_file_alone(const struct pairing *pairing, int side, uint32_t member)
{
    return pairing->partner[side][member] == NO_MEMBER && pairing->listings[side]->members[member].type == MEMBER_FILE;
}

/* The name without its directory, each run of digits as one "0". */
static size_t likeness(const struct inventory *listing, const struct member *member, uint8_t *name)
{
    const uint8_t *path = listing_bytes(listing, member->path);
    size_t size = member->path.size, begin = size, used = 0;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    for (size_t i = begin; i < size; i++) {
        bool digit = path[i] >= '0' && path[i] <= '9';
        if (!digit)
            name[used++] = path[i];
        else if (used == 0 || name[used - 1] != '0')
            name[used++] = '0';
    }
    return used;
}

/* A rename is no guess where one is ten times the other. */
static bool sizes_are_alike(const struct pairing *pairing, uint32_t vendor, uint32_t rebuilt)
{
    const struct member *a = &pairing->listings[0]->members[vendor], *b = &pairing->listings[1]->members[rebuilt];
    uint64_t one = a->end - a->begin, other = b->end - b->begin;
    return one / 10 <= other && other / 10 <= one;
}

static void by_name(struct pairing *pairing)
{
    pairing->names_used = 0;
    for (int side = 0; side < 2; side++) {
        pairing->key_count[side] = 0;
        for (uint32_t i = 0; i < pairing->listings[side]->member_count; i++) {
            const struct member *member = &pairing->listings[side]->members[i];
            uint8_t *name = room_for_names(pairing, member->path.size + 1);
            if (!is_file_alone(pairing, side, i) || name == NULL)
                continue;
            size_t size = likeness(pairing->listings[side], member, name);
            pairing->names_used += size;
            add_key(pairing, side, name, size, i);
        }
    }
    join(pairing, PAIRED_BY_NAME, true);
    for (uint32_t i = 0; i < pairing->listings[0]->member_count; i++) {
        uint32_t other = pairing->partner[0][i];
        if (other == NO_MEMBER || pairing->by[i] != PAIRED_BY_NAME || sizes_are_alike(pairing, i, other))
            continue;
        pairing->partner[0][i] = pairing->partner[1][other] = NO_MEMBER;
    }
}

/* ---- Contents ---- */

static uint64_t size_of(const struct pairing *pairing, int side, uint32_t member)
{
    const struct member *there = &pairing->listings[side]->members[member];
    return there->end - there->begin;
}

static int by_number(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return one < other ? -1 : one > other;
}

/* The sizes of what is left on one side, sorted: only files whose size is there need be read. */
static size_t sizes_alone(const struct pairing *pairing, int side, uint64_t *sizes)
{
    size_t count = 0;
    for (uint32_t i = 0; i < pairing->listings[side]->member_count; i++) {
        if (is_file_alone(pairing, side, i))
            sizes[count++] = size_of(pairing, side, i);
    }
    qsort(sizes, count, sizeof(*sizes), by_number);
    return count;
}

/* Contents are equal where their digests are and, as the comparison will show, their bytes. Empty ones tell nothing. */
static bool by_content(struct pairing *pairing)
{
    for (int side = 0; side < 2; side++) {
        uint64_t *sizes = malloc((pairing->listings[!side]->member_count + 1) * sizeof(*sizes));
        if (sizes == NULL)
            return false;
        size_t count = sizes_alone(pairing, !side, sizes);
        pairing->key_count[side] = 0;
        for (uint32_t i = 0; i < pairing->listings[side]->member_count; i++) {
            uint64_t size = is_file_alone(pairing, side, i) ? size_of(pairing, side, i) : 0;
            struct key *key = &pairing->keys[side][pairing->key_count[side]];
            *key = (struct key){.member = i, .size = sizeof(key->digest)};
            if (size > 0 && bsearch(&size, sizes, count, sizeof(*sizes), by_number) != NULL &&
                pairing->input->digest(pairing->input->state, side == 1, i, key->digest))
                pairing->key_count[side]++;
        }
        free(sizes);
    }
    join(pairing, PAIRED_BY_CONTENT, true);
    return true;
}

/* ---- Build IDs ---- */

/* Each takes a worker; more are not worth their time. */
#define BUILD_IDS_MOST 256

static size_t files_alone(const struct pairing *pairing, int side)
{
    size_t count = 0;
    for (uint32_t i = 0; i < pairing->listings[side]->member_count; i++)
        count += is_file_alone(pairing, side, i);
    return count;
}

static void by_build_id(struct pairing *pairing)
{
    size_t most[2] = {files_alone(pairing, 0), files_alone(pairing, 1)};
    if (most[0] == 0 || most[1] == 0 || most[0] > BUILD_IDS_MOST || most[1] > BUILD_IDS_MOST)
        return;
    for (int side = 0; side < 2; side++) {
        pairing->key_count[side] = 0;
        for (uint32_t i = 0; i < pairing->listings[side]->member_count; i++) {
            struct key *key = &pairing->keys[side][pairing->key_count[side]];
            *key = (struct key){.member = i, .size = sizeof(key->digest)};
            if (is_file_alone(pairing, side, i) &&
                pairing->input->build_id(pairing->input->state, side == 1, i, key->digest))
                pairing->key_count[side]++;
        }
    }
    join(pairing, PAIRED_BY_BUILD_ID, true);
}

/* ---- All of it ---- */

static const struct text_at *path_of(const struct pairing *pairing, const struct couple *couple, int *side)
{
    *side = couple->vendor == NO_MEMBER;
    uint32_t member = *side == 0 ? couple->vendor : couple->rebuilt;
    return &pairing->listings[*side]->members[member].path;
}

static int in_order(const void *a, const void *b, void *state)
{
    const struct pairing *pairing = state;
    int one, other;
    const struct text_at *first = path_of(pairing, a, &one), *second = path_of(pairing, b, &other);
    int order = names_compare(pairing->listings[one]->strings, *first, pairing->listings[other]->strings, *second);
    return order != 0 ? order : one - other;
}

static void collect(struct pairing *pairing, struct couple *couples, size_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < pairing->listings[0]->member_count; i++) {
        uint32_t other = pairing->partner[0][i];
        couples[(*count)++] = (struct couple){i, other, other == NO_MEMBER ? ONLY_VENDOR : pairing->by[i]};
    }
    for (uint32_t i = 0; i < pairing->listings[1]->member_count; i++) {
        if (pairing->partner[1][i] == NO_MEMBER)
            couples[(*count)++] = (struct couple){NO_MEMBER, i, ONLY_REBUILT};
    }
    qsort_r(couples, *count, sizeof(*couples), in_order, pairing);
}

static bool begin(struct pairing *pairing)
{
    pairing->names_size = NAME_MOST;
    for (int side = 0; side < 2; side++) {
        size_t count = pairing->listings[side]->member_count;
        pairing->partner[side] = malloc((count + 1) * sizeof(uint32_t));
        pairing->keys[side] = calloc(count + 1, sizeof(struct key));
        if (pairing->partner[side] == NULL || pairing->keys[side] == NULL)
            return false;
        memset(pairing->partner[side], 0xff, (count + 1) * sizeof(uint32_t));
        pairing->names_size += pairing->listings[side]->strings_size + count;
    }
    pairing->names_size += pairing->listings[0]->strings_size;
    pairing->by = calloc(pairing->listings[0]->member_count + 1, sizeof(*pairing->by));
    pairing->names = malloc(pairing->names_size);
    return pairing->by != NULL && pairing->names != NULL;
}

static void end(struct pairing *pairing)
{
    for (int side = 0; side < 2; side++) {
        free(pairing->partner[side]);
        free(pairing->keys[side]);
    }
    free(pairing->by);
    free(pairing->names);
}

int pair_members(const struct pairing_input *input, struct couple **couples, size_t *count, struct compare_error *error)
{
    struct pairing pairing = {.input = input, .listings = {input->vendor, input->rebuilt}};
    bool made = begin(&pairing);
    *couples = malloc((input->vendor->member_count + input->rebuilt->member_count + 1) * sizeof(**couples));
    if (made && *couples != NULL) {
        by_path(&pairing);
        by_map(&pairing);
        made = by_content(&pairing);
        by_build_id(&pairing);
        by_name(&pairing);
        collect(&pairing, *couples, count);
    }
    made = made && *couples != NULL;
    end(&pairing);
    if (made)
        return 0;
    free(*couples);
    *couples = NULL;
    return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
}
