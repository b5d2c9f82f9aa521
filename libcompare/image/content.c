/*
 * The plain content of a section. SHF_COMPRESSED (gABI chapter 4): an Elf_Chdr, then one zlib (RFC 1950) or zstd (RFC
 * 8878) stream, which must use up the section exactly and yield ch_size exactly. libelf 0.188 knows no zstd and does
 * not report what is left of a zlib stream, so the two libraries are called here.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "parts.h"

/* No honest section asks for more. */
#define ALIGNMENT_LIMIT 65536

/* These two: 0, COMPARE_ERROR_MALFORMED, or COMPARE_ERROR_SYSTEM where there is no memory to tell. */
static int inflate_exactly(const uint8_t *from, uint64_t from_size, uint8_t *to, uint64_t to_size)
{
    z_stream stream = {0};
    if (inflateInit(&stream) != Z_OK)
        return COMPARE_ERROR_SYSTEM;
    uint64_t used = 0, made = 0;
    int status = Z_OK;
    /* avail_in and avail_out are 32 bits wide. */
    while (status == Z_OK) {
        uInt in = from_size - used > UINT32_MAX ? UINT32_MAX : (uInt)(from_size - used);
        uInt room = to_size - made > UINT32_MAX ? UINT32_MAX : (uInt)(to_size - made);
        stream.next_in = (Bytef *)(uintptr_t)(from + used);
        stream.avail_in = in;
        stream.next_out = to + made;
        stream.avail_out = room;
        status = inflate(&stream, Z_NO_FLUSH);
        used += in - stream.avail_in;
        made += room - stream.avail_out;
    }
    inflateEnd(&stream);
    if (status == Z_MEM_ERROR)
        return COMPARE_ERROR_SYSTEM;
    return status == Z_STREAM_END && used == from_size && made == to_size ? 0 : COMPARE_ERROR_MALFORMED;
}

static int zstd_exactly(const uint8_t *from, uint64_t from_size, uint8_t *to, uint64_t to_size)
{
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd}; /* a skippable frame could hold anything */
    size_t frame = ZSTD_findFrameCompressedSize(from, from_size);
    if (from_size < sizeof(magic) || memcmp(from, magic, sizeof(magic)) != 0 || ZSTD_isError(frame) ||
        frame != from_size)
        return COMPARE_ERROR_MALFORMED;
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (context == NULL)
        return COMPARE_ERROR_SYSTEM;
    size_t made = ZSTD_decompressDCtx(context, to, to_size, from, from_size);
    ZSTD_freeDCtx(context);
    if (ZSTD_isError(made) && ZSTD_getErrorCode(made) == ZSTD_error_memory_allocation)
        return COMPARE_ERROR_SYSTEM;
    return !ZSTD_isError(made) && made == to_size ? 0 : COMPARE_ERROR_MALFORMED;
}

static int decompress(const struct image *image, const struct section *section, uint64_t *spent,
                      struct content *content)
{
    size_t header_size = image->is64 ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
    uint64_t size = range_size(section->bytes);
    if (size < header_size)
        return COMPARE_ERROR_MALFORMED;
    const uint8_t *bytes = image->bytes + section->bytes.begin;
    uint32_t type = image_u32(image, bytes);
    content->size = image->is64 ? image_u64(image, bytes + 8) : image_u32(image, bytes + 4);
    content->alignment = image->is64 ? image_u64(image, bytes + 16) : image_u32(image, bytes + 8);
    content->compressed = true;
    /* ch_reserved has no meaning yet, and so no place for a payload. */
    if (image->is64 && image_u32(image, bytes + 4) != 0)
        return COMPARE_ERROR_MALFORMED;
    if ((content->alignment & (content->alignment - 1)) != 0 || content->alignment > ALIGNMENT_LIMIT)
        return COMPARE_ERROR_MALFORMED;
    /* zlib cannot grow more than this; zstd can. */
    if (content->size / 1100 > size * (type == ELFCOMPRESS_ZLIB ? 1 : 1000))
        return COMPARE_ERROR_MALFORMED;
    if (content->size > image->limits.decompressed - *spent)
        return COMPARE_ERROR_LIMIT;
    *spent += content->size;
    content->owned = malloc(content->size + 1);
    content->bytes = content->owned;
    if (content->owned == NULL)
        return COMPARE_ERROR_SYSTEM;
    if (type == ELFCOMPRESS_ZLIB)
        return inflate_exactly(bytes + header_size, size - header_size, content->owned, content->size);
    return type == 2 /* ELFCOMPRESS_ZSTD, newer than Debian 12's elf.h */
               ? zstd_exactly(bytes + header_size, size - header_size, content->owned, content->size)
               : COMPARE_ERROR_MALFORMED;
}

int image_content(const struct image *image, const struct section *section, uint64_t *spent, struct content *content,
                  struct compare_error *error)
{
    *content = (struct content){.alignment = section->alignment, .section = section->index};
    if ((section->flags & SHF_COMPRESSED) == 0) {
        content->bytes = image_bytes(image, section->bytes);
        content->size = range_size(section->bytes);
        return content->bytes != NULL ? 0 : COMPARE_ERROR_MALFORMED;
    }
    int status = decompress(image, section, spent, content);
    if (status != 0)
        content_free(content);
    if (status == COMPARE_ERROR_LIMIT)
        return limit_hit(error, image->path, "decompressed", image->limits.decompressed, section->name);
    if (status == COMPARE_ERROR_SYSTEM)
        return error_set(error, status, image->path, "no memory to decompress %s", section->name);
    return status;
}

void content_free(struct content *content)
{
    free(content->owned);
    content->owned = NULL;
    content->bytes = NULL;
}
