/* One xz stream, as in .gnu_debugdata, to its exact end (liblzma; the .xz file format, version 1.1). */
#include <lzma.h>
#include <string.h>

#include "image.h"

/* Memory for the decoder; xz -9 asks for 65 MiB. */
#define DICTIONARY_LIMIT ((uint64_t)128 << 20)

int image_unxz(const uint8_t *bytes, uint64_t size, uint64_t most, uint8_t *head, uint64_t head_size, uint64_t *made)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    uint8_t buffer[65536];
    *made = 0;
    if (lzma_stream_decoder(&stream, DICTIONARY_LIMIT, 0) != LZMA_OK)
        return COMPARE_ERROR_SYSTEM;
    stream.next_in = bytes;
    stream.avail_in = size;
    lzma_ret status = LZMA_OK;
    while (status == LZMA_OK && *made <= most) {
        stream.next_out = buffer;
        stream.avail_out = sizeof(buffer);
        status = lzma_code(&stream, LZMA_FINISH);
        size_t got = sizeof(buffer) - stream.avail_out;
        if (*made < head_size)
            memcpy(head + *made, buffer, got < head_size - *made ? got : head_size - *made);
        *made += got;
    }
    bool exactly = status == LZMA_STREAM_END && stream.avail_in == 0;
    lzma_end(&stream);
    if (*made > most)
        return COMPARE_ERROR_LIMIT;
    return exactly ? 0 : status == LZMA_MEM_ERROR ? COMPARE_ERROR_SYSTEM : COMPARE_ERROR_MALFORMED;
}
