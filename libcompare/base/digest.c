/* SHA-256, by OpenSSL. */
#include <openssl/evp.h>

#include "base.h"

bool digest_is_possible(void)
{
    /* Without a context, for which there may be no memory, OpenSSL 3.0 crashes. */
    return OSSL_LIB_CTX_get0_global_default() != NULL;
}

bool sha256(const void *bytes, size_t size, uint8_t digest[32])
{
    return digest_is_possible() && EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL) == 1;
}
