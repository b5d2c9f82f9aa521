/*
 * Compressed files as layers of one content: gzip (RFC 1952), xz, zstd (RFC 8878) and bzip2. Each stream must decode to
 * its exact end, with its checksums right; streams that follow one another are one content, as their tools have it. What
 * stands behind the last stream is kept as it is and told as odd: a place to hide something.
 */
#include "streams.h"

#include <bzlib.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

int stream_begin(struct lister *lister)
{
    struct member *member = lister_member(lister, "", 0);
    if (member == NULL)
        return lister->failure;
    member->type = MEMBER_FILE;
    member->place = CONTENT_OUTPUT;
    member->begin = lister->written;
    return 0;
}

int stream_end(struct lister *lister)
{
    uint64_t rest = lister->size - lister->accounted;
    struct member *member = lister->members.items;
    member->end = lister->written;
    lister->flags |= LISTING_ACCOUNTED;
    if (rest > 0)
        lister_oddity(lister, "data-behind-stream", NO_MEMBER, "%ju bytes behind the compressed stream, at offset %#jx",
                      (uintmax_t)rest, (uintmax_t)lister->accounted);
    return lister_keep(lister, rest, NO_MEMBER);
}

static bool magic_at(const struct lister *lister, uint64_t offset, const char *magic, size_t size)
{
    return lister->size - offset >= size && memcmp(lister->bytes + offset, magic, size) == 0;
}

static int damaged(struct lister *lister, const char *what)
{
    return lister_fail(lister, COMPARE_ERROR_MALFORMED, lister->accounted, "is no sound %s stream", what);
}

/* ---- gzip ---- */

#define GZIP_HEADER 10
enum { GZIP_HCRC = 2, GZIP_EXTRA = 4, GZIP_NAME = 8, GZIP_COMMENT = 16 };

/* The size of a header's parts behind the first ten bytes; 0 where they do not end. */
static uint64_t gzip_rest(const struct lister *lister, uint64_t at)
{
    const uint8_t *bytes = lister->bytes;
    uint8_t flags = bytes[at + 3];
    uint64_t end = at + GZIP_HEADER;
    if ((flags & GZIP_EXTRA) != 0) {
        if (lister->size - end < 2)
            return 0;
        uint64_t extra = 2 + (uint64_t)bytes[end] + (uint64_t)bytes[end + 1] * 256;
        if (lister->size - end < extra)
            return 0;
        end += extra;
    }
    for (int flag = GZIP_NAME; flag <= GZIP_COMMENT; flag *= 2) {
        const uint8_t *nul = (flags & flag) != 0 ? memchr(bytes + end, '\0', lister->size - end) : bytes + end;
        if (nul == NULL)
            return 0;
        end = (uint64_t)(nul - bytes) + ((flags & flag) != 0);
    }
    end += (flags & GZIP_HCRC) != 0 ? 2 : 0;
    return end <= lister->size ? end - at : 0;
}

static int gzip_header(struct lister *lister)
{
    uint64_t at = lister->accounted, rest;
    if (lister->size - at < GZIP_HEADER || (lister->bytes[at + 3] & 0xe0) != 0 || (rest = gzip_rest(lister, at)) == 0)
        return damaged(lister, "gzip");
    lister_keep(lister, 4, NO_MEMBER);
    /* The checksum of a header covers the time. */
    bool summed = (lister->bytes[at + 3] & GZIP_HCRC) != 0;
    if (summed)
        lister_keep(lister, 6, NO_MEMBER);
    else
        lister_aside(lister, 6, RULE_GZIP_HEADER, NO_MEMBER);
    return lister_keep(lister, rest - GZIP_HEADER, NO_MEMBER);
}

static uint32_t little32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

struct inflating {
    z_stream stream;
    uint8_t block[STREAM_BLOCK];
    uLong sum;
    uint32_t size;
};

/* One deflate stream, from where the header ended; the bytes that it takes. */
static int inflate_one(struct lister *lister, struct inflating *work, uint64_t *used)
{
    uint64_t at = lister->accounted;
    int status = Z_OK;
    while (status == Z_OK && lister->failure == 0) {
        work->stream.next_in = (Bytef *)(uintptr_t)(lister->bytes + at);
        work->stream.avail_in = (uInt)stream_left(lister, at);
        work->stream.next_out = work->block;
        work->stream.avail_out = sizeof(work->block);
        uInt before = work->stream.avail_in;
        status = inflate(&work->stream, Z_NO_FLUSH);
        size_t made = sizeof(work->block) - work->stream.avail_out;
        at += before - work->stream.avail_in;
        work->sum = crc32(work->sum, work->block, (uInt)made);
        work->size += (uint32_t)made;
        lister_write(lister, work->block, made);
    }
    *used = at - lister->accounted;
    if (status == Z_MEM_ERROR)
        return lister_no_memory(lister);
    return status == Z_STREAM_END || lister->failure != 0 ? lister->failure : damaged(lister, "gzip");
}

static int gzip_member(struct lister *lister, struct inflating *work)
{
    uint64_t used = 0;
    int status = gzip_header(lister);
    if (status == 0 && inflateReset(&work->stream) != Z_OK)
        status = damaged(lister, "gzip");
    work->sum = crc32(0, NULL, 0);
    work->size = 0;
    if (status == 0)
        status = inflate_one(lister, work, &used);
    if (status != 0)
        return status;
    const uint8_t *trailer = lister->bytes + lister->accounted + used;
    if (lister->size - lister->accounted - used < 8 || little32(trailer) != work->sum ||
        little32(trailer + 4) != work->size)
        return damaged(lister, "gzip");
    return lister_aside(lister, used + 8, RULE_ARCHIVE_COMPRESSION, NO_MEMBER);
}

int list_gzip(struct lister *lister)
{
    struct inflating *work = arena_alloc(&lister->arena, 1, sizeof(*work));
    if (work == NULL || inflateInit2(&work->stream, -MAX_WBITS) != Z_OK)
        return lister_no_memory(lister);
    int status = stream_begin(lister);
    do {
        status = status == 0 ? gzip_member(lister, work) : status;
    } while (status == 0 && magic_at(lister, lister->accounted, "\x1f\x8b\x08", 3));
    inflateEnd(&work->stream);
    return status == 0 ? stream_end(lister) : status;
}

/* ---- xz ---- */

static int xz_stream(struct lister *lister, lzma_stream *stream, uint8_t *block)
{
    uint64_t at = lister->accounted;
    /* Dictionaries are held in memory. */
    lzma_ret status =
        lzma_stream_decoder(stream, lister->limits.memory / 2, LZMA_TELL_NO_CHECK | LZMA_TELL_UNSUPPORTED_CHECK);
    while (status == LZMA_OK && lister->failure == 0) {
        size_t left = stream_left(lister, at);
        stream->next_in = lister->bytes + at;
        stream->avail_in = left;
        stream->next_out = block;
        stream->avail_out = STREAM_BLOCK;
        status = lzma_code(stream, LZMA_RUN);
        at += left - stream->avail_in;
        lister_write(lister, block, STREAM_BLOCK - stream->avail_out);
    }
    if (status == LZMA_MEMLIMIT_ERROR && lister->failure == 0)
        lister->failure = limit_hit(lister->error, lister->name, "memory", lister->limits.memory, "memory for xz");
    if (lister->failure == 0 && status != LZMA_STREAM_END)
        return status == LZMA_MEM_ERROR ? lister_no_memory(lister) : damaged(lister, "xz");
    return lister_aside(lister, at - lister->accounted, RULE_ARCHIVE_COMPRESSION, NO_MEMBER);
}

int list_xz(struct lister *lister)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    uint8_t *block = arena_alloc(&lister->arena, STREAM_BLOCK, 1);
    int status = block != NULL ? stream_begin(lister) : lister_no_memory(lister);
    do {
        status = status == 0 ? xz_stream(lister, &stream, block) : status;
    } while (status == 0 && magic_at(lister, lister->accounted,
                                     "\xfd"
                                     "7zXZ",
                                     6));
    lzma_end(&stream);
    return status == 0 ? stream_end(lister) : status;
}

/* ---- zstd ---- */

/* A window is held in memory: as large as half of what there is, and as ever there are. */
static int window_log(const struct lister *lister)
{
    int most = 10;
    while (most < 31 && (uint64_t)1 << (most + 1) <= lister->limits.memory / 2)
        most++;
    return most;
}

/* Why a frame was not decoded: an error of libzstd. */
static int zstd_failed(struct lister *lister, size_t status)
{
    ZSTD_ErrorCode code = ZSTD_isError(status) ? ZSTD_getErrorCode(status) : ZSTD_error_no_error;
    if (code == ZSTD_error_memory_allocation)
        return lister_no_memory(lister);
    if (code == ZSTD_error_frameParameter_windowTooLarge && lister->failure == 0)
        lister->failure = limit_hit(lister->error, lister->name, "memory", lister->limits.memory, "memory for zstd");
    return lister->failure != 0 ? lister->failure : damaged(lister, "zstd");
}

static int zstd_frame(struct lister *lister, ZSTD_DCtx *context, uint8_t *block)
{
    uint64_t at = lister->accounted;
    size_t status = 1;
    while (status != 0 && lister->failure == 0) {
        ZSTD_inBuffer in = {lister->bytes + at, stream_left(lister, at), 0};
        ZSTD_outBuffer out = {block, STREAM_BLOCK, 0};
        status = ZSTD_decompressStream(context, &out, &in);
        if (ZSTD_isError(status) || (in.pos == 0 && out.pos == 0))
            return zstd_failed(lister, status);
        at += in.pos;
        lister_write(lister, block, out.pos);
    }
    return lister_aside(lister, at - lister->accounted, RULE_ARCHIVE_COMPRESSION, NO_MEMBER);
}

int list_zstd(struct lister *lister)
{
    uint8_t *block = arena_alloc(&lister->arena, STREAM_BLOCK, 1);
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (block == NULL || context == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, window_log(lister)))) {
        ZSTD_freeDCtx(context);
        return lister_no_memory(lister);
    }
    int status = stream_begin(lister);
    do {
        status = status == 0 ? zstd_frame(lister, context, block) : status;
    } while (status == 0 && magic_at(lister, lister->accounted, "\x28\xb5\x2f\xfd", 4));
    ZSTD_freeDCtx(context);
    return status == 0 ? stream_end(lister) : status;
}

/* ---- bzip2 ---- */

static int bzip2_stream(struct lister *lister, uint8_t *block)
{
    bz_stream stream = {0};
    uint64_t at = lister->accounted;
    int status = BZ2_bzDecompressInit(&stream, 0, 0);
    if (status != BZ_OK)
        return lister_no_memory(lister);
    while (status == BZ_OK && lister->failure == 0) {
        unsigned left = (unsigned)stream_left(lister, at);
        stream.next_in = (char *)(uintptr_t)(lister->bytes + at);
        stream.avail_in = left;
        stream.next_out = (char *)block;
        stream.avail_out = STREAM_BLOCK;
        status = BZ2_bzDecompress(&stream);
        at += left - stream.avail_in;
        lister_write(lister, block, STREAM_BLOCK - stream.avail_out);
        /* At the end of the bytes it would wait for more. */
        if (status == BZ_OK && left == stream.avail_in && stream.avail_out == STREAM_BLOCK)
            status = BZ_UNEXPECTED_EOF;
    }
    BZ2_bzDecompressEnd(&stream);
    if (lister->failure == 0 && status != BZ_STREAM_END)
        return status == BZ_MEM_ERROR ? lister_no_memory(lister) : damaged(lister, "bzip2");
    return lister_aside(lister, at - lister->accounted, RULE_ARCHIVE_COMPRESSION, NO_MEMBER);
}

int list_bzip2(struct lister *lister)
{
    uint8_t *block = arena_alloc(&lister->arena, STREAM_BLOCK, 1);
    int status = block != NULL ? stream_begin(lister) : lister_no_memory(lister);
    do {
        status = status == 0 ? bzip2_stream(lister, block) : status;
    } while (status == 0 && magic_at(lister, lister->accounted, "BZh", 3));
    return status == 0 ? stream_end(lister) : status;
}
