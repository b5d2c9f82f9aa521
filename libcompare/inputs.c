/*
 * Two inputs, byte for byte, without parsing any: what is equal needs no worker. Of equal ones the digest is taken of
 * the very bytes that were compared.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

#define BLOCK ((size_t)128 << 10)

static int read_block(const struct compare_input *input, uint64_t at, uint8_t *block, size_t size,
                      struct compare_error *error)
{
    for (size_t got = 0; got < size;) {
        ssize_t count = pread(input->fd, block + got, size - got, (off_t)(input->offset + at + got));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set(error, COMPARE_ERROR_SYSTEM, input->name, "cannot read: %s", strerror(errno));
        if (count == 0)
            return error_set(error, COMPARE_ERROR_CHANGED, input->name, "the file changed while it was being read");
        got += (size_t)count;
    }
    return 0;
}

static size_t block_at(const struct compare_input *input, uint64_t at)
{
    return input->size - at < BLOCK ? (size_t)(input->size - at) : BLOCK;
}

/* ---- Digests ---- */

static EVP_MD_CTX *digest_begin(void)
{
    EVP_MD_CTX *context = digest_is_possible() ? EVP_MD_CTX_new() : NULL;
    if (context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1)
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

static int digest_failed(const struct compare_input *input, struct compare_error *error)
{
    return error_set(error, COMPARE_ERROR_SYSTEM, input->name, "cannot compute SHA-256");
}

int compare_input_digest(const struct compare_input *input, uint8_t digest[32], struct compare_error *error)
{
    uint8_t block[BLOCK];
    EVP_MD_CTX *context = digest_begin();
    int status = context != NULL ? 0 : digest_failed(input, error);
    for (uint64_t at = 0; at < input->size && status == 0; at += BLOCK) {
        size_t size = block_at(input, at);
        status = read_block(input, at, block, size, error);
        if (status == 0 && EVP_DigestUpdate(context, block, size) != 1)
            status = digest_failed(input, error);
    }
    if (status == 0 && EVP_DigestFinal_ex(context, digest, NULL) != 1)
        status = digest_failed(input, error);
    EVP_MD_CTX_free(context);
    return status;
}

int compare_bytes_digest(const void *bytes, size_t size, uint8_t digest[32], struct compare_error *error)
{
    return sha256(bytes, size, digest) ? 0 : error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot compute SHA-256");
}

/* ---- Equality ---- */

/* digest NULL: none is taken. */
static int pass(const struct compare_input *vendor, const struct compare_input *rebuilt, bool *equal,
                EVP_MD_CTX *digest, struct compare_error *error)
{
    uint8_t blocks[2][BLOCK];
    *equal = vendor->size == rebuilt->size;
    for (uint64_t at = 0; at < vendor->size && *equal; at += BLOCK) {
        size_t size = block_at(vendor, at);
        int status = read_block(vendor, at, blocks[0], size, error);
        if (status == 0)
            status = read_block(rebuilt, at, blocks[1], size, error);
        if (status != 0)
            return status;
        *equal = memcmp(blocks[0], blocks[1], size) == 0;
        if (*equal && digest != NULL && EVP_DigestUpdate(digest, blocks[0], size) != 1)
            return digest_failed(vendor, error);
    }
    return 0;
}

/* Most files that differ do so early: a digest before that is known would cost more than all the rest. */
int compare_inputs_equal(const struct compare_input *vendor, const struct compare_input *rebuilt, bool *equal,
                         uint8_t digest[32], struct compare_error *error)
{
    int status = pass(vendor, rebuilt, equal, NULL, error);
    if (status != 0 || !*equal || digest == NULL) {
        *equal = status == 0 && *equal;
        return status;
    }
    EVP_MD_CTX *context = digest_begin();
    status = context != NULL ? pass(vendor, rebuilt, equal, context, error) : digest_failed(vendor, error);
    if (status == 0 && *equal && EVP_DigestFinal_ex(context, digest, NULL) != 1)
        status = digest_failed(vendor, error);
    EVP_MD_CTX_free(context);
    *equal = status == 0 && *equal;
    return status;
}
