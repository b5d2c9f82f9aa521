/*
 * Whether bytes of a file are a digest of that file. It is recomputed by OpenSSL, with the keys that are public: those of
 * fipscheck and hmaccalc, which libkcapi, GnuTLS and nettle use as well; of OpenSSL's old FIPS module; of libgcrypt
 * (src/fips.c: the file to the end of its last segment, without what the ELF header says of section headers); and none.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "own_digest.h"

#define DIGEST_SIZE 32u
#define FILE_MOST   ((uint64_t)256 << 20) /* bytes of a file that is digested for an explanation */

/* Of the file, its bytes in order; a byte of `zeroed` counts as zero. */
struct covered {
    struct range bytes, zeroed[3];
};

static const struct {
    const char *key; /* NULL: a plain digest */
    const char *file, *segments, *code;
} makers[] = {
    {"orboDeJITITejsirpADONivirpUkvarP", "HMAC-SHA256 of the file with zeros in its place, as fipscheck makes it",
     "HMAC-SHA256 of the file's segments, with fipscheck's key", "HMAC-SHA256 of .text, with fipscheck's key"},
    {"FIPS-FTW-RHT2009", "HMAC-SHA256 of the file with zeros in its place, as hmaccalc makes it",
     "HMAC-SHA256 of the file's segments, with hmaccalc's key", "HMAC-SHA256 of .text, with hmaccalc's key"},
    {"etaonrishdlcupfm", "HMAC-SHA256 of the file with zeros in its place, with OpenSSL's key",
     "HMAC-SHA256 of the file's segments, with OpenSSL's key", "HMAC-SHA256 of .text, with OpenSSL's key"},
    {"What am I, a doctor or a moonshuttle conductor?",
     "HMAC-SHA256 of the file with zeros in its place, with libgcrypt's key",
     "HMAC-SHA256 of the file's segments, as libgcrypt makes it", "HMAC-SHA256 of .text, with libgcrypt's key"},
    {NULL, "SHA-256 of the file with zeros in its place", "SHA-256 of the file's segments", "SHA-256 of .text"},
};

/* ---- What is digested ---- */

static struct covered whole_file(const struct image *image, struct range digest)
{
    return (struct covered){.bytes = {0, image->size}, .zeroed = {digest}};
}

static struct covered segments(const struct image *image, struct range digest)
{
    uint64_t end = 0;
    for (uint64_t i = 0; i < image->segment_count; i++) {
        struct range bytes = image->segments[i].bytes;
        end = bytes.end > end ? bytes.end : end;
    }
    /* e_shoff; e_shentsize, e_shnum and e_shstrndx. */
    struct range offset = image->is64 ? (struct range){40, 48} : (struct range){32, 36};
    struct range counts = image->is64 ? (struct range){58, 64} : (struct range){46, 52};
    return (struct covered){.bytes = {0, end}, .zeroed = {offset, counts, digest}};
}

static struct covered code(const struct image *image, struct range digest)
{
    const struct section *text = image_section_named(image, ".text");
    (void)digest;
    return (struct covered){.bytes = text != NULL && text->type == SHT_PROGBITS ? text->bytes : (struct range){0, 0}};
}

/* ---- Digesting ---- */

struct hashing {
    EVP_MAC_CTX *mac; /* NULL: a plain digest */
    EVP_MD_CTX *plain;
    bool failed;
};

static void take(struct hashing *hashing, const uint8_t *bytes, uint64_t size)
{
    int done = hashing->mac != NULL ? EVP_MAC_update(hashing->mac, bytes, size)
                                    : EVP_DigestUpdate(hashing->plain, bytes, size);
    hashing->failed |= done != 1;
}

static void take_covered(struct hashing *hashing, const struct image *image, const struct covered *covered)
{
    static const uint8_t zeros[64];
    for (uint64_t at = covered->bytes.begin; at < covered->bytes.end && !hashing->failed;) {
        uint64_t end = covered->bytes.end;
        bool zero = false;
        for (size_t i = 0; i < ARRAY_COUNT(covered->zeroed); i++) {
            struct range room = covered->zeroed[i];
            if (at >= room.begin && at < room.end) {
                zero = true;
                end = room.end < end ? room.end : end;
            } else if (room.begin > at && room.begin < end && !range_empty(room)) {
                end = room.begin;
            }
        }
        end = zero && end - at > sizeof(zeros) ? at + sizeof(zeros) : end;
        take(hashing, zero ? zeros : image->bytes + at, end - at);
        at = end;
    }
}

static bool begin(struct hashing *hashing, const char *key)
{
    char name[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                               OSSL_PARAM_construct_end()};
    if (!digest_is_possible())
        return false;
    if (key == NULL) {
        hashing->plain = EVP_MD_CTX_new();
        return hashing->plain != NULL && EVP_DigestInit_ex(hashing->plain, EVP_sha256(), NULL) == 1;
    }
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    hashing->mac = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    return hashing->mac != NULL && EVP_MAC_init(hashing->mac, (const uint8_t *)key, strlen(key), parameters) == 1;
}

static bool end(struct hashing *hashing, uint8_t digest[DIGEST_SIZE])
{
    size_t size = 0;
    if (hashing->mac != NULL)
        return EVP_MAC_final(hashing->mac, digest, &size, DIGEST_SIZE) == 1 && size == DIGEST_SIZE;
    return EVP_DigestFinal_ex(hashing->plain, digest, NULL) == 1;
}

static bool is_digest_of(const struct image *image, const struct covered *covered, const char *key, struct range digest)
{
    struct hashing hashing = {0};
    uint8_t made[DIGEST_SIZE];
    bool same = !range_empty(covered->bytes) && begin(&hashing, key);
    if (same)
        take_covered(&hashing, image, covered);
    same =
        same && !hashing.failed && end(&hashing, made) && memcmp(made, image->bytes + digest.begin, DIGEST_SIZE) == 0;
    EVP_MAC_CTX_free(hashing.mac);
    EVP_MD_CTX_free(hashing.plain);
    return same;
}

const char *own_digest(const struct image *image, struct range digest)
{
    if (image == NULL || range_size(digest) != DIGEST_SIZE || digest.end > image->size || image->size > FILE_MOST)
        return NULL;
    for (size_t i = 0; i < ARRAY_COUNT(makers); i++) {
        struct covered file = whole_file(image, digest), loaded = segments(image, digest), text = code(image, digest);
        if (is_digest_of(image, &file, makers[i].key, digest))
            return makers[i].file;
        if (is_digest_of(image, &loaded, makers[i].key, digest))
            return makers[i].segments;
        if (is_digest_of(image, &text, makers[i].key, digest))
            return makers[i].code;
    }
    return NULL;
}
