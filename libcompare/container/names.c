/*
 * The names in a container, looked at as a whole: which are there twice, which lead out of it (absolute, "..") or
 * through a link, which could be taken for something else on a terminal, and which members are one file by hard links.
 * What is odd here is told, and no rule applies to such a container; nothing is ever opened by these names.
 */
#include "listing.h"

#include <stdlib.h>
#include <string.h>

struct names {
    struct lister *lister;
    struct member *members;
    uint32_t *order; /* members by path, equal ones in their own order */
    uint32_t *rank;  /* place of a member in that order */
    size_t count;
};

size_t names_canonical(const uint8_t *path, size_t size, uint8_t *canonical)
{
    size_t used = 0, at = 0;
    if (size > 0 && path[0] == '/')
        canonical[used++] = '/';
    while (at < size) {
        size_t end = at;
        while (end < size && path[end] != '/')
            end++;
        if (end > at && !(end - at == 1 && path[at] == '.')) {
            if (used > 0 && canonical[used - 1] != '/')
                canonical[used++] = '/';
            memmove(canonical + used, path + at, end - at);
            used += end - at;
        }
        at = end + 1;
    }
    if (used == 0 && size > 0)
        canonical[used++] = '.';
    return used;
}

int names_compare(const uint8_t *strings, struct text_at a, const uint8_t *other_strings, struct text_at b)
{
    int order = memcmp(strings + a.offset, other_strings + b.offset, a.size < b.size ? a.size : b.size);
    return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size;
}

static int by_path(const void *a, const void *b, void *state)
{
    const struct names *names = state;
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    int order = names_compare(names->lister->strings, names->members[one].path, names->lister->strings,
                              names->members[other].path);
    return order != 0 ? order : one < other ? -1 : one > other;
}

/* The first member of this path, or NO_MEMBER. */
static uint32_t find(const struct names *names, const uint8_t *path, size_t size)
{
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct text_at there = names->members[names->order[middle]].path;
        int order = memcmp(names->lister->strings + there.offset, path, there.size < size ? there.size : size);
        if (order < 0 || (order == 0 && there.size < size))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == names->count)
        return NO_MEMBER;
    struct text_at there = names->members[names->order[low]].path;
    bool found = there.size == size && memcmp(names->lister->strings + there.offset, path, size) == 0;
    return found ? names->order[low] : NO_MEMBER;
}

static void odd(struct names *names, uint32_t member, const char *id, const char *what)
{
    char shown[200];
    struct text_at path = names->members[member].path;
    /* Escaped once more where it is added: the message must not be cut amid an escape. */
    snprintf(shown, sizeof(shown), "%.*s", (int)(path.size < 150 ? path.size : 150),
             (const char *)names->lister->strings + path.offset);
    lister_oddity(names->lister, id, member, "%s: %s", shown, what);
    names->lister->flags &= ~(uint32_t)LISTING_ORDER_FREE;
}

static void check_path(struct names *names, uint32_t index)
{
    const uint8_t *path = names->lister->strings + names->members[index].path.offset;
    size_t size = names->members[index].path.size;
    bool control = false, upwards = false;
    for (size_t i = 0; i < size; i++) {
        control |= path[i] < ' ' || path[i] == 0x7f;
        bool begins = i == 0 || path[i - 1] == '/';
        upwards |= begins && size - i >= 2 && memcmp(path + i, "..", 2) == 0 && (size - i == 2 || path[i + 2] == '/');
    }
    if (size == 0)
        odd(names, index, "empty-name", "a member without a name");
    if (size > 0 && path[0] == '/')
        odd(names, index, "absolute-path", "an absolute path");
    if (upwards)
        odd(names, index, "parent-path", "a path that leads upwards");
    if (control)
        odd(names, index, "control-characters", "control characters in a name");
}

/* Each folder on the way: no link, and there before what is in it. */
static void check_way(struct names *names, uint32_t index)
{
    const uint8_t *path = names->lister->strings + names->members[index].path.offset;
    size_t size = names->members[index].path.size;
    for (size_t i = 1; i < size && names->lister->failure == 0; i++) {
        uint32_t folder = path[i] == '/' ? find(names, path, i) : NO_MEMBER;
        if (folder == NO_MEMBER)
            continue;
        if (names->members[folder].type != MEMBER_DIRECTORY) {
            odd(names, index, "path-through-link", "its path leads through a member that is no directory");
            return;
        }
        if (folder > index)
            names->lister->flags &= ~(uint32_t)LISTING_ORDER_FREE;
        /* The strings may have moved, where something odd was told. */
        path = names->lister->strings + names->members[index].path.offset;
    }
}

/* Archives of objects may hold two of one name; the second is then called "name (2)". */
static void number_duplicate(struct names *names, uint32_t index, size_t number)
{
    char path[4200];
    struct text_at text = names->members[index].path;
    int used = snprintf(path, sizeof(path), "%.*s (%zu)", (int)(text.size < 4096 ? text.size : 4096),
                        (const char *)names->lister->strings + text.offset, number);
    names->members[index].path = lister_text(names->lister, path, (size_t)used);
}

static void check_duplicates(struct names *names, bool may_be)
{
    const struct text_at *before = NULL;
    struct text_at first = {0, 0};
    size_t number = 1;
    for (size_t i = 0; i < names->count && names->lister->failure == 0; i++) {
        uint32_t index = names->order[i];
        struct text_at path = names->members[index].path;
        bool same = before != NULL && names_compare(names->lister->strings, first, names->lister->strings, path) == 0;
        number = same ? number + 1 : 1;
        if (same && may_be)
            number_duplicate(names, index, number);
        else if (same)
            odd(names, index, "duplicate-name", "this name is there more than once");
        if (!same)
            first = path;
        before = &first;
    }
}

/* ---- Hard links ---- */

static uint32_t leader_of(struct names *names, uint32_t index)
{
    while (names->members[index].link_leader != NO_MEMBER && names->members[index].link_leader != index)
        index = names->members[index].link_leader;
    return index;
}

/* One group of two; the path that comes first leads. */
static void join(struct names *names, uint32_t a, uint32_t b)
{
    a = leader_of(names, a);
    b = leader_of(names, b);
    uint32_t first = names->rank[a] < names->rank[b] ? a : b;
    names->members[a].link_leader = first;
    names->members[b].link_leader = first;
}

/* A hard link by name, as tar has it: the file that it is a link to, which must stand before it. */
static void resolve(struct names *names, uint32_t index)
{
    struct member *member = &names->members[index];
    uint8_t *canonical = arena_alloc(&names->lister->arena, member->target.size + 1, 1);
    if (canonical == NULL) {
        lister_no_memory(names->lister);
        return;
    }
    size_t size = names_canonical(names->lister->strings + member->target.offset, member->target.size, canonical);
    uint32_t target = find(names, canonical, size);
    if (target == NO_MEMBER || target >= index || names->members[target].type != MEMBER_FILE) {
        odd(names, index, "dangling-link", "a hard link to what is no file before it");
        return;
    }
    member->type = MEMBER_FILE;
    member->target = (struct text_at){0, 0};
    member->place = names->members[target].place;
    member->begin = names->members[target].begin;
    member->end = names->members[target].end;
    member->opaque = names->members[target].opaque;
    join(names, index, target);
}

static int by_inode(const void *a, const void *b, void *state)
{
    const struct names *names = state;
    const struct member *one = &names->members[*(const uint32_t *)a], *other = &names->members[*(const uint32_t *)b];
    if (one->device != other->device)
        return one->device < other->device ? -1 : 1;
    if (one->inode != other->inode)
        return one->inode < other->inode ? -1 : 1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : *(const uint32_t *)a > *(const uint32_t *)b;
}

/* Those that give inode numbers of their own: cpio, directories. inode 0: none. */
static void join_inodes(struct names *names)
{
    uint32_t *order = arena_alloc(&names->lister->arena, names->count + 1, sizeof(*order));
    if (order == NULL) {
        lister_no_memory(names->lister);
        return;
    }
    memcpy(order, names->order, names->count * sizeof(*order));
    qsort_r(order, names->count, sizeof(*order), by_inode, names);
    for (size_t i = 1; i < names->count; i++) {
        const struct member *a = &names->members[order[i - 1]], *b = &names->members[order[i]];
        if (a->inode != 0 && a->inode == b->inode && a->device == b->device && a->type != MEMBER_DIRECTORY)
            join(names, order[i - 1], order[i]);
    }
}

static void find_links(struct names *names)
{
    for (uint32_t i = 0; i < names->count && names->lister->failure == 0; i++) {
        if (names->members[i].type == MEMBER_HARD_LINK)
            resolve(names, i);
    }
    join_inodes(names);
    for (uint32_t i = 0; i < names->count; i++) {
        if (names->members[i].link_leader != NO_MEMBER)
            names->members[i].link_leader = leader_of(names, i);
    }
}

int names_check(struct lister *lister, bool duplicates_may_be)
{
    struct names names = {.lister = lister, .members = lister->members.items, .count = lister->members.count};
    names.order = arena_alloc(&lister->arena, names.count + 1, sizeof(*names.order));
    names.rank = arena_alloc(&lister->arena, names.count + 1, sizeof(*names.rank));
    if (names.order == NULL || names.rank == NULL)
        return lister_no_memory(lister);
    for (uint32_t i = 0; i < names.count; i++)
        names.order[i] = i;
    qsort_r(names.order, names.count, sizeof(*names.order), by_path, &names);
    for (uint32_t i = 0; i < names.count; i++)
        names.rank[names.order[i]] = i;
    for (uint32_t i = 0; i < names.count && lister->failure == 0; i++) {
        check_path(&names, i);
        check_way(&names, i);
    }
    find_links(&names);
    check_duplicates(&names, duplicates_may_be);
    return lister->failure;
}
