/* Reading of debug sections within bounds, in the file's byte order: DWARF 5, chapter 7. */
#include <stdlib.h>
#include <string.h>

#include "debug_parts.h"

/* Longer names are crafted; looking for their end again and again would take for ever. */
#define TEXT_LIMIT 65536

uint64_t debug_take(struct debug_reader *reader, unsigned size)
{
    if (reader->failed || reader->end - reader->at < size) {
        reader->failed = true;
        return 0;
    }
    const uint8_t *bytes = reader->bytes + reader->at;
    reader->at += size;
    if (size == 3)
        return reader->image->big_endian ? (uint64_t)bytes[0] << 16 | (uint64_t)bytes[1] << 8 | bytes[2]
                                         : (uint64_t)bytes[2] << 16 | (uint64_t)bytes[1] << 8 | bytes[0];
    return size == 1   ? bytes[0]
           : size == 2 ? image_u16(reader->image, bytes)
           : size == 4 ? image_u32(reader->image, bytes)
                       : image_u64(reader->image, bytes);
}

uint64_t debug_take_uleb(struct debug_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint64_t byte = debug_take(reader, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    reader->failed = true;
    return 0;
}

int64_t debug_take_sleb(struct debug_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint64_t byte = debug_take(reader, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        if ((byte & 0x80) != 0)
            continue;
        if ((byte & 0x40) != 0 && shift + 7 < 64)
            value |= UINT64_MAX << (shift + 7);
        return (int64_t)value;
    }
    reader->failed = true;
    return 0;
}

void debug_skip(struct debug_reader *reader, uint64_t size)
{
    if (reader->failed || reader->end - reader->at < size)
        reader->failed = true;
    else
        reader->at += size;
}

/* The string that begins there and ends before size. */
static const char *text_within(const uint8_t *bytes, uint64_t size)
{
    return memchr(bytes, '\0', size < TEXT_LIMIT ? size : TEXT_LIMIT) != NULL ? (const char *)bytes : NULL;
}

const char *debug_take_text(struct debug_reader *reader)
{
    const char *text = reader->failed ? NULL : text_within(reader->bytes + reader->at, reader->end - reader->at);
    if (text != NULL)
        reader->at += strlen(text) + 1;
    else
        reader->failed = true;
    return text;
}

unsigned debug_take_length(struct debug_reader *reader)
{
    uint64_t length = debug_take(reader, 4);
    unsigned offset_size = length == UINT32_MAX ? 8 : 4;
    if (offset_size == 8)
        length = debug_take(reader, 8);
    if (length > reader->end - reader->at)
        reader->failed = true;
    else
        reader->end = reader->at + length;
    return offset_size;
}

const char *debug_text_at(const struct debug *debug, enum debug_section section, uint64_t offset)
{
    const struct debug_bytes *texts = &debug->sections[section];
    return texts->bytes != NULL && offset < texts->size ? text_within(texts->bytes + offset, texts->size - offset)
                                                        : NULL;
}

uint8_t *debug_own(struct debug_bytes *section)
{
    if (section->size > SIZE_MAX - DEBUG_SLACK)
        return NULL;
    uint8_t *bytes = section->owned != NULL ? realloc(section->owned, section->size + DEBUG_SLACK)
                                            : malloc(section->size + DEBUG_SLACK);
    if (bytes == NULL)
        return NULL;
    if (section->owned == NULL)
        memcpy(bytes, section->bytes, section->size);
    memset(bytes + section->size, 0, DEBUG_SLACK);
    section->owned = bytes;
    section->bytes = bytes;
    return bytes;
}
