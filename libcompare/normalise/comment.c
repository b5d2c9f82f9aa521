/* Rules for the small sections that name a tool or a file: .comment, .gnu_debuglink, .gnu_debugaltlink, .gnu_debugdata. */
#include <stdlib.h>
#include <string.h>

#include "rules.h"

#define COMMENT_LIMIT 65536

/* The one section of this name, if it is what such a section is: plain bytes, not loaded. */
static const struct section *plain_section(const struct image *image, const char *name, uint64_t allowed_flags)
{
    const struct section *section = named_section(image, name);
    return section != NULL && section->type == SHT_PROGBITS && (section->flags & ~allowed_flags) == 0 &&
                   !range_empty(section->bytes)
               ? section
               : NULL;
}

void claim_comment(struct claims *claims)
{
    const struct section *section = plain_section(claims->image, ".comment", SHF_MERGE | SHF_STRINGS);
    if (section == NULL || section->size > COMMENT_LIMIT)
        return;
    const uint8_t *bytes = claims->image->bytes + section->bytes.begin;
    if (bytes[section->size - 1] != 0)
        return;
    for (uint64_t at = 0; at < section->size;) {
        uint64_t length = strlen((const char *)bytes + at);
        if (!is_plain_text(bytes + at, length))
            return;
        at += length + 1;
    }
    claim_section(claims, RULE_COMMENT, section);
}

static bool is_file_name(const uint8_t *bytes, uint64_t length)
{
    return length > 0 && length <= 4096 && is_plain_text(bytes, length);
}

static bool is_debuglink(const struct image *image, const struct section *section)
{
    const uint8_t *bytes = image->bytes + section->bytes.begin;
    uint64_t length = strnlen((const char *)bytes, section->size), crc = (length + 4) & ~UINT64_C(3);
    struct range padding = {section->bytes.begin + length, section->bytes.begin + crc};
    return crc + 4 == section->size && is_file_name(bytes, length) && image_all_zero(image, padding);
}

static bool is_debugaltlink(const struct image *image, const struct section *section)
{
    const uint8_t *bytes = image->bytes + section->bytes.begin;
    uint64_t length = strnlen((const char *)bytes, section->size);
    return length + 1 + 20 == section->size && is_file_name(bytes, length);
}

void claim_debuglink(struct claims *claims)
{
    const struct section *link = plain_section(claims->image, ".gnu_debuglink", 0);
    const struct section *altlink = plain_section(claims->image, ".gnu_debugaltlink", 0);
    if (link != NULL && is_debuglink(claims->image, link))
        claim_section(claims, RULE_DEBUGLINK, link);
    if (altlink != NULL && is_debugaltlink(claims->image, altlink))
        claim_section(claims, RULE_DEBUGLINK, altlink);
}

void claim_minidebuginfo(struct claims *claims)
{
    const struct image *image = claims->image;
    const struct section *section = plain_section(image, ".gnu_debugdata", 0);
    uint8_t head[20];
    uint64_t made = 0, most = image->limits.decompressed - claims->decompressed;
    if (section == NULL)
        return;
    int status = image_unxz(image->bytes + section->bytes.begin, section->size, most, head, sizeof(head), &made);
    claims->decompressed += made < most ? made : most;
    if (status == COMPARE_ERROR_SYSTEM)
        claims_no_memory(claims);
    if (status == COMPARE_ERROR_LIMIT)
        claims->failure =
            limit_hit(claims->error, image->path, "decompressed", image->limits.decompressed, section->name);
    if (status == 0 && made > sizeof(Elf64_Ehdr) && memcmp(head, image->bytes, EI_OSABI) == 0 &&
        image_u16(image, head + 18) == image->header.e_machine)
        claim_section(claims, RULE_MINIDEBUGINFO, section);
}
