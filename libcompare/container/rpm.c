/*
 * RPM packages (rpm's doc/manual/format): the lead, the signature's header, the package's header, and the payload, a
 * compressed cpio archive. The values in headers are members that are compared as bytes: what RPM stores there (digests of
 * files, build host and time) is what it installs by. Sizes are checked, so that nothing stands between them.
 */
#include "kinds.h"

#include <stdlib.h>
#include <string.h>

#define LEAD_SIZE  96
#define INTRO_SIZE 16
#define ENTRY_SIZE 16

static uint64_t big32(const uint8_t *bytes)
{
    return (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 | bytes[3];
}

/* A header's size with its index and its store; 0 where it does not fit. */
static uint64_t header_size(const struct lister *lister)
{
    const uint8_t *bytes = lister->bytes + lister->accounted;
    uint64_t left = lister->size - lister->accounted;
    if (left < INTRO_SIZE || memcmp(bytes, "\x8e\xad\xe8\x01", 4) != 0)
        return 0;
    uint64_t size = INTRO_SIZE + big32(bytes + 8) * ENTRY_SIZE + big32(bytes + 12);
    return size <= left ? size : 0;
}

/* ---- Tags ---- */

struct tag {
    uint64_t number, offset; /* of its value in the store */
};

/* From 1000 on, the signature's header has numbers of its own. */
static const char *tag_name(uint64_t number, bool of_signature)
{
    static const struct {
        uint64_t number;
        const char *name;
    } names[] = {{62, "signatures"},
                 {63, "immutable"},
                 {267, "dsa-header"},
                 {268, "rsa-header"},
                 {269, "sha1-header"},
                 {273, "sha256-header"},
                 {1000, "name"},
                 {1001, "version"},
                 {1002, "release"},
                 {1006, "build-time"},
                 {1007, "build-host"},
                 {1009, "size"},
                 {1023, "pre-install"},
                 {1024, "post-install"},
                 {1025, "pre-uninstall"},
                 {1026, "post-uninstall"},
                 {1028, "file-sizes"},
                 {1030, "file-modes"},
                 {1033, "file-devices"},
                 {1034, "file-times"},
                 {1035, "file-digests"},
                 {1036, "file-links"},
                 {1037, "file-flags"},
                 {1039, "file-users"},
                 {1040, "file-groups"},
                 {1044, "source-rpm"},
                 {1047, "provides"},
                 {1049, "requires"},
                 {1094, "cookie"},
                 {1095, "file-devices-id"},
                 {1096, "file-inodes"},
                 {1117, "base-names"},
                 {1118, "directory-names"},
                 {5010, "file-capabilities"},
                 {5092, "payload-digest"},
                 {5097, "payload-digest-plain"}};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (names[i].number == number && (number < 1000 || !of_signature))
            return names[i].name;
    }
    return NULL;
}

static int by_offset(const void *a, const void *b)
{
    const struct tag *one = a, *other = b;
    return one->offset < other->offset ? -1 : one->offset > other->offset;
}

/* The tags by the place of their values, which do not overlap then; false where two have one place, or one none. */
static bool sort_tags(const uint8_t *index, struct tag *tags, uint64_t count, uint64_t store)
{
    for (uint64_t i = 0; i < count; i++)
        tags[i] = (struct tag){big32(index + i * ENTRY_SIZE), big32(index + i * ENTRY_SIZE + 8)};
    qsort(tags, count, sizeof(*tags), by_offset);
    for (uint64_t i = 0; i < count; i++) {
        if (tags[i].offset >= store || (i > 0 && tags[i].offset == tags[i - 1].offset))
            return false;
    }
    return true;
}

/* Each value is a member, with what pads it; so a report names what differs. */
static int values(struct lister *lister, const char *name, const struct tag *tags, uint64_t count, uint64_t store)
{
    if (count > 0)
        lister_keep(lister, tags[0].offset, NO_MEMBER);
    for (uint64_t i = 0; i < count && lister->failure == 0; i++) {
        char path[64];
        const char *told = tag_name(tags[i].number, strcmp(name, "signature") == 0);
        uint64_t end = i + 1 < count ? tags[i + 1].offset : store;
        if (told != NULL)
            snprintf(path, sizeof(path), "%s/%s", name, told);
        else
            snprintf(path, sizeof(path), "%s/%ju", name, (uintmax_t)tags[i].number);
        lister_part(lister, path, end - tags[i].offset);
    }
    return count > 0 ? lister->failure : lister_keep(lister, store, NO_MEMBER);
}

static int header(struct lister *lister, const char *name)
{
    uint64_t size = header_size(lister);
    const uint8_t *bytes = lister->bytes + lister->accounted;
    if (size == 0)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "no sound header of an RPM package");
    uint64_t count = big32(bytes + 8), store = big32(bytes + 12);
    struct tag *tags = arena_alloc(&lister->arena, count, sizeof(*tags));
    if (tags == NULL)
        return lister_no_memory(lister);
    if (!sort_tags(bytes + INTRO_SIZE, tags, count, store))
        return lister_part(lister, name, size);
    lister_keep(lister, INTRO_SIZE + count * ENTRY_SIZE, NO_MEMBER);
    return values(lister, name, tags, count, store);
}

int list_rpm(struct lister *lister)
{
    if (lister->size < LEAD_SIZE)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, 0, "ends amid its lead: truncated?");
    lister->flags |= LISTING_ACCOUNTED;
    lister_part(lister, "lead", LEAD_SIZE);
    if (header(lister, "signature") != 0)
        return lister->failure;
    uint64_t padding = (8 - lister->accounted % 8) % 8;
    lister_padding(lister, padding, NO_MEMBER);
    if (lister->failure != 0 || header(lister, "header") != 0)
        return lister->failure;
    lister_part(lister, "payload", lister->size - lister->accounted);
    return lister->failure != 0 ? lister->failure : names_check(lister, false);
}
