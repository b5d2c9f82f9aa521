/*
 * RPM packages (rpm's doc/manual/format): the lead, the signature's header, the package's header, and the payload, a
 * compressed cpio archive. Headers are members that are compared as bytes: what RPM stores there (digests of files, build
 * host and time) is what it installs by. Their sizes are checked, so that nothing stands between them.
 */
#include "kinds.h"

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

static int header(struct lister *lister, const char *name)
{
    uint64_t size = header_size(lister);
    if (size == 0)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "no sound header of an RPM package");
    return lister_part(lister, name, size);
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
    return lister_part(lister, "payload", lister->size - lister->accounted);
}
