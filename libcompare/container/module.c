/*
 * A kernel module with an appended signature (linux include/linux/module_signature.h, kernel/module/signing.c): the ELF
 * file, the signature (PKCS#7), twelve bytes that give its size, and a magic text. The two are compared as members, so
 * that the code is judged by itself and the signature by itself. A module without a signature lists as the one member.
 */
#include "kinds.h"

#include <string.h>

#define MAGIC     "~Module signature appended~\n"
#define INFO_SIZE 12

int list_module(struct lister *lister)
{
    size_t magic = sizeof(MAGIC) - 1;
    lister->flags |= LISTING_ACCOUNTED;
    if (lister->size < magic || memcmp(lister->bytes + lister->size - magic, MAGIC, magic) != 0)
        return lister_part(lister, "module", lister->size);
    if (lister->size < magic + INFO_SIZE)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, 0, "a module's signature without its size");
    const uint8_t *info = lister->bytes + lister->size - magic - INFO_SIZE;
    uint64_t signature = (uint64_t)info[8] << 24 | (uint64_t)info[9] << 16 | (uint64_t)info[10] << 8 | info[11];
    if (signature > lister->size - magic - INFO_SIZE)
        return lister_fail(lister, COMPARE_ERROR_MALFORMED, 0, "a module's signature that is larger than the file");
    lister_part(lister, "module", lister->size - magic - INFO_SIZE - signature);
    /* With the bytes that describe it: one side may have none of it. */
    return lister_part(lister, "signature", signature + INFO_SIZE + magic);
}
