/*
 * What two members are beside their contents: type, the 12 bits of the mode, owner, link target, hard links, device,
 * extended attributes with capabilities and ACLs, time. Any difference is a finding; times alone have a rule. What a
 * container does not tell (an ar archive of links, a cpio archive of attributes) is compared with nothing.
 */
#include <inttypes.h>
#include <string.h>

#include "attributes.h"
#include "facts.h"

void facts_begin(struct facts *facts, struct arena *arena)
{
    *facts = (struct facts){.arena = arena, .list = {.arena = arena, .item_size = sizeof(struct tree_fact)}};
}

void fact_add(struct facts *facts, const char *what, const char *vendor, const char *rebuilt, enum rule_index rule)
{
    struct tree_fact *fact = list_add(&facts->list);
    if (fact != NULL)
        *fact = (struct tree_fact){.what = what, .vendor = vendor, .rebuilt = rebuilt, .rule = rule};
}

bool facts_unexplained(const struct facts *facts)
{
    const struct tree_fact *items = facts->list.items;
    for (size_t i = 0; i < facts->list.count; i++) {
        if (items[i].rule == RULE_COUNT)
            return true;
    }
    /* What could not be noted could have been one. */
    return facts->arena->exhausted;
}

const char *member_type_name(enum member_type type)
{
    static const char *const names[MEMBER_TYPES] = {
        [MEMBER_OTHER] = "other",
        [MEMBER_FILE] = "file",
        [MEMBER_DIRECTORY] = "directory",
        [MEMBER_LINK] = "symbolic link",
        [MEMBER_HARD_LINK] = "hard link",
        [MEMBER_CHARACTER_DEVICE] = "character device",
        [MEMBER_BLOCK_DEVICE] = "block device",
        [MEMBER_FIFO] = "named pipe",
        [MEMBER_SOCKET] = "socket",
    };
    return names[type];
}

static const char *shown(struct facts *facts, const struct inventory *listing, struct text_at text)
{
    char buffer[512];
    return arena_strdup(facts->arena, escape_bytes(buffer, sizeof(buffer), listing_bytes(listing, text), text.size));
}

static const char *mode_text(struct facts *facts, uint32_t mode)
{
    return arena_printf(facts->arena, "%04o%s%s%s", (unsigned)mode, (mode & 04000) != 0 ? " (setuid)" : "",
                        (mode & 02000) != 0 ? " (setgid)" : "", (mode & 01000) != 0 ? " (sticky)" : "");
}

static const char *time_text(struct facts *facts, const struct member *member)
{
    return arena_printf(facts->arena, "%" PRId64 ".%09u", member->seconds, (unsigned)member->nanoseconds);
}

/* ---- Attributes ---- */

static const char *attribute_text(struct facts *facts, const struct attribute *attribute)
{
    char buffer[200];
    size_t used = 0;
    for (uint32_t i = 0; i < attribute->value_size && used + 6 < sizeof(buffer); i++)
        used += (size_t)snprintf(buffer + used, sizeof(buffer) - used, "%02x", attribute->value[i]);
    buffer[used] = '\0';
    return arena_printf(facts->arena, "%s%s (%u bytes)", buffer, used < 2 * (size_t)attribute->value_size ? "..." : "",
                        (unsigned)attribute->value_size);
}

static const char *attribute_name(struct facts *facts, const struct attribute *attribute)
{
    char buffer[256];
    return arena_printf(facts->arena, "attribute %s",
                        escape_bytes(buffer, sizeof(buffer), attribute->name, attribute->name_size));
}

struct attributes {
    const uint8_t *at;
    size_t left;
    struct attribute current;
    bool has;
};

static void step(struct attributes *attributes)
{
    attributes->has = attributes_next(&attributes->at, &attributes->left, &attributes->current);
}

static int name_order(const struct attribute *a, const struct attribute *b)
{
    uint32_t shorter = a->name_size < b->name_size ? a->name_size : b->name_size;
    int order = memcmp(a->name, b->name, shorter);
    return order != 0 ? order : a->name_size < b->name_size ? -1 : a->name_size > b->name_size;
}

static bool same_value(const struct attribute *a, const struct attribute *b)
{
    return a->value_size == b->value_size && memcmp(a->value, b->value, a->value_size) == 0;
}

static void compare_attributes(struct facts *facts, struct attributes *one, struct attributes *other)
{
    step(one);
    step(other);
    while (one->has || other->has) {
        int order = !one->has ? 1 : !other->has ? -1 : name_order(&one->current, &other->current);
        if (order != 0 || !same_value(&one->current, &other->current))
            fact_add(facts, attribute_name(facts, order <= 0 ? &one->current : &other->current),
                     order <= 0 ? attribute_text(facts, &one->current) : NULL,
                     order >= 0 ? attribute_text(facts, &other->current) : NULL, RULE_COUNT);
        if (order <= 0)
            step(one);
        if (order >= 0)
            step(other);
    }
}

/* ---- All of it ---- */

struct two {
    const struct inventory *vendor, *rebuilt;
    const struct member *one, *other;
    struct facts *facts;
};

static void compare_attribute_texts(const struct two *two)
{
    const struct text_at a = two->one->attributes, b = two->other->attributes;
    size_t before = two->facts->list.count;
    if (listing_same(two->vendor, a, two->rebuilt, b))
        return;
    struct attributes one = {.at = listing_bytes(two->vendor, a), .left = a.size};
    struct attributes other = {.at = listing_bytes(two->rebuilt, b), .left = b.size};
    compare_attributes(two->facts, &one, &other);
    /* Where a worker gave what is no list of attributes. */
    if (two->facts->list.count == before)
        fact_add(two->facts, "attributes", NULL, NULL, RULE_COUNT);
}

static void compare_texts(const struct two *two, const char *what, struct text_at a, struct text_at b)
{
    if (!listing_same(two->vendor, a, two->rebuilt, b))
        fact_add(two->facts, what, shown(two->facts, two->vendor, a), shown(two->facts, two->rebuilt, b), RULE_COUNT);
}

static void compare_owner(const struct two *two, uint32_t known)
{
    const struct member *one = two->one, *other = two->other;
    struct arena *arena = two->facts->arena;
    if ((known & KNOWN_OWNER) != 0 && (one->uid != other->uid || one->gid != other->gid))
        fact_add(two->facts, "owner", arena_printf(arena, "%" PRIu64 ":%" PRIu64, one->uid, one->gid),
                 arena_printf(arena, "%" PRIu64 ":%" PRIu64, other->uid, other->gid), RULE_COUNT);
    if ((known & KNOWN_NAMES) != 0) {
        compare_texts(two, "owner's name", one->owner, other->owner);
        compare_texts(two, "group's name", one->group, other->group);
    }
}

static void compare_device(const struct two *two)
{
    const struct member *one = two->one, *other = two->other;
    struct arena *arena = two->facts->arena;
    if (one->major != other->major || one->minor != other->minor)
        fact_add(two->facts, "device", arena_printf(arena, "%" PRIu64 ":%" PRIu64, one->major, one->minor),
                 arena_printf(arena, "%" PRIu64 ":%" PRIu64, other->major, other->minor), RULE_COUNT);
}

static const char *leader_text(const struct two *two, const struct inventory *listing, uint32_t leader)
{
    return leader != NO_MEMBER ? shown(two->facts, listing, listing->members[leader].path) : NULL;
}

static void compare_links(const struct two *two, const uint32_t *partners)
{
    uint32_t a = two->one->link_leader, b = two->other->link_leader;
    bool same = a == NO_MEMBER ? b == NO_MEMBER : b != NO_MEMBER && partners[a] == b;
    if (!same)
        fact_add(two->facts, "hard link to", leader_text(two, two->vendor, a), leader_text(two, two->rebuilt, b),
                 RULE_COUNT);
}

static void compare_time(const struct two *two, const struct permits *permits)
{
    const struct member *one = two->one, *other = two->other;
    if (one->seconds != other->seconds || one->nanoseconds != other->nanoseconds)
        fact_add(two->facts, "time", time_text(two->facts, one), time_text(two->facts, other),
                 permitted(permits, RULE_MEMBER_TIMES) ? RULE_MEMBER_TIMES : RULE_COUNT);
}

void metadata_compare(const struct inventory *vendor, const struct member *one, const struct inventory *rebuilt,
                      const struct member *other, const uint32_t *partners, const struct permits *permits,
                      struct facts *facts)
{
    struct two two = {vendor, rebuilt, one, other, facts};
    uint32_t known = one->known & other->known;
    if (one->type != other->type)
        fact_add(facts, "type", member_type_name(one->type), member_type_name(other->type), RULE_COUNT);
    if ((known & KNOWN_MODE) != 0 && one->mode != other->mode)
        fact_add(facts, "mode", mode_text(facts, one->mode), mode_text(facts, other->mode), RULE_COUNT);
    compare_owner(&two, known);
    compare_texts(&two, "link target", one->target, other->target);
    compare_device(&two);
    if ((known & KNOWN_LINKS) != 0)
        compare_links(&two, partners);
    if ((known & KNOWN_ATTRIBUTES) != 0)
        compare_attribute_texts(&two);
    if ((known & KNOWN_TIME) != 0)
        compare_time(&two, permits);
}
