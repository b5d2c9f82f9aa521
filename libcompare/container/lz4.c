/*
 * lz4 as a layer: frames of the LZ4 frame format, and the legacy format in which kernels and initramfs images are
 * compressed (lz4 -l; linux lib/decompress_unlz4.c): blocks of at most 8 MiB, each behind its size.
 */
#include "streams.h"

#include <lz4.h>
#include <lz4frame.h>
#include <string.h>

#define LEGACY_MAGIC 0x184c2102
#define FRAME_MAGIC  0x184d2204
#define LEGACY_BLOCK ((size_t)8 << 20)

static uint32_t little32(const struct lister *lister, uint64_t at)
{
    const uint8_t *bytes = lister->bytes + at;
    if (lister->size - at < 4)
        return 0;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static int damaged(struct lister *lister)
{
    return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "is no sound lz4 stream");
}

static int frame(struct lister *lister, LZ4F_dctx *context, uint8_t *block)
{
    uint64_t at = lister->accounted;
    size_t status = 1;
    while (status != 0 && lister->failure == 0) {
        size_t made = STREAM_BLOCK, taken = stream_left(lister, at);
        status = LZ4F_decompress(context, block, &made, lister->bytes + at, &taken, NULL);
        /* Its codes have no names in the stable interface. */
        if (LZ4F_isError(status) && strcmp(LZ4F_getErrorName(status), "ERROR_allocation_failed") == 0)
            return lister_no_memory(lister);
        if (LZ4F_isError(status) || (made == 0 && taken == 0))
            return damaged(lister);
        at += taken;
        lister_write(lister, block, made);
    }
    return lister_aside(lister, at - lister->accounted, RULE_ARCHIVE_COMPRESSION, NO_MEMBER);
}

/* A block that is not full is the last one, or stands before another magic number. */
static int legacy(struct lister *lister)
{
    char *block = arena_alloc(&lister->arena, LEGACY_BLOCK, 1);
    uint64_t at = lister->accounted + 4;
    if (block == NULL)
        return lister_no_memory(lister);
    while (lister->size - at >= 4 && little32(lister, at) != LEGACY_MAGIC && little32(lister, at) != FRAME_MAGIC) {
        uint32_t size = little32(lister, at);
        /* Zeros may pad what is joined behind it. */
        if (size == 0)
            break;
        if (size > LZ4_COMPRESSBOUND(LEGACY_BLOCK) || lister->size - at - 4 < size)
            return damaged(lister);
        int made = LZ4_decompress_safe((const char *)lister->bytes + at + 4, block, (int)size, (int)LEGACY_BLOCK);
        if (made < 0)
            return damaged(lister);
        at += 4 + (uint64_t)size;
        if (lister_write(lister, block, (size_t)made) != 0)
            return lister->failure;
    }
    return lister_aside(lister, at - lister->accounted, RULE_ARCHIVE_COMPRESSION, NO_MEMBER);
}

int list_lz4(struct lister *lister)
{
    LZ4F_dctx *context = NULL;
    uint8_t *block = arena_alloc(&lister->arena, STREAM_BLOCK, 1);
    if (block == NULL || LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        return lister_no_memory(lister);
    int status = stream_begin(lister);
    for (;;) {
        uint32_t magic = little32(lister, lister->accounted);
        if (status != 0 || (magic != FRAME_MAGIC && magic != LEGACY_MAGIC))
            break;
        status = magic == FRAME_MAGIC ? frame(lister, context, block) : legacy(lister);
    }
    LZ4F_freeDecompressionContext(context);
    return status == 0 ? stream_end(lister) : status;
}
