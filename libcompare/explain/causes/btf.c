/*
 * Whether two .BTF sections have the same types, numbered otherwise (Linux Documentation/bpf/btf.rst). Each type gets a
 * hash of what it says itself, and then again and again one of that and of the hashes of the types that it names; where
 * as many types of each hash are on both sides, they are taken for the same. Equal hashes prove nothing: this explains.
 */
#include <stdlib.h>
#include <string.h>

#include "btf.h"

#define BTF_MAGIC    0xeb9f
#define HEADER_LEAST 24
#define ROUNDS       16                   /* a difference more references away is not seen */
#define NAME_MOST    512                  /* bytes of a name that are looked at; the kernel's have no more */
#define SECTION_MOST ((uint64_t)64 << 20) /* bytes of types; the kernel's are some 5 MiB */

enum { KIND_INT = 1, KIND_ARRAY = 3, KIND_STRUCT, KIND_UNION, KIND_ENUM, KIND_FUNC_PROTO = 13, KIND_VAR, KIND_DATASEC };
enum { KIND_FLOAT = 16, KIND_DECL_TAG, KIND_TYPE_TAG, KIND_ENUM64, KIND_COUNT };

/* What follows the 12 bytes of a type: words once, and words for each of its vlen members. A letter a word: a number, a
 * name, a type. */
static const struct {
    const char *once, *each;
    bool refers; /* size_or_type is a type */
} kinds[KIND_COUNT] = {
    [KIND_INT] = {"n", "", false},        [2 /* PTR */] = {"", "", true},       [KIND_ARRAY] = {"ttn", "", false},
    [KIND_STRUCT] = {"", "stn", false},   [KIND_UNION] = {"", "stn", false},    [KIND_ENUM] = {"", "sn", false},
    [7 /* FWD */] = {"", "", false},      [8 /* TYPEDEF */] = {"", "", true},   [9 /* VOLATILE */] = {"", "", true},
    [10 /* CONST */] = {"", "", true},    [11 /* RESTRICT */] = {"", "", true}, [12 /* FUNC */] = {"", "", true},
    [KIND_FUNC_PROTO] = {"", "st", true}, [KIND_VAR] = {"n", "", true},         [KIND_DATASEC] = {"", "tnn", false},
    [KIND_FLOAT] = {"", "", false},       [KIND_DECL_TAG] = {"n", "", true},    [KIND_TYPE_TAG] = {"", "", true},
    [KIND_ENUM64] = {"", "snn", false},
};

struct types {
    const struct image *image;
    struct range types, strings; /* of the file */
    uint64_t *offsets;           /* of each type, from 1 on */
    uint64_t *own;               /* hashes of what a type says itself */
    uint64_t *hashes, *next;     /* with what it refers to, of one round and of the next */
    uint64_t count;              /* with the void type, 0 */
};

static uint64_t mixed(uint64_t hash, uint64_t with)
{
    hash = (hash ^ with) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 29;
}

static uint32_t word_at(const struct types *types, uint64_t file_offset)
{
    return image_u32(types->image, types->image->bytes + file_offset);
}

static uint64_t string_hash(const struct types *types, uint32_t offset)
{
    uint64_t hash = 1;
    uint64_t begin = types->strings.begin + offset;
    for (uint64_t at = begin; at < types->strings.end && at - begin < NAME_MOST && types->image->bytes[at] != 0; at++)
        hash = mixed(hash, types->image->bytes[at]);
    return hash;
}

static uint64_t size_behind(uint32_t kind, uint32_t members)
{
    return 4 * (strlen(kinds[kind].once) + (uint64_t)members * strlen(kinds[kind].each));
}

/* The type at this offset; its kind and vlen. False: no such type can be there. */
static bool type_head(const struct types *types, uint64_t at, uint32_t *kind, uint32_t *members)
{
    if (types->types.end - at < 12)
        return false;
    uint32_t info = word_at(types, at + 4);
    *kind = info >> 24 & 0x1f;
    *members = info & 0xffff;
    bool known = *kind > 0 && *kind < KIND_COUNT;
    return known && size_behind(*kind, *members) <= types->types.end - at - 12;
}

/* What these words say: themselves, with the names that they stand for, or else by the types that they refer to. */
static uint64_t words_hash(const struct types *types, const char *letters, uint64_t at, uint64_t hash, bool own)
{
    for (; *letters != '\0'; letters++, at += 4) {
        uint32_t word = word_at(types, at);
        if (*letters == 't' && !own)
            hash = mixed(hash, word < types->count ? types->hashes[word] : 0);
        else if (*letters != 't' && own)
            hash = mixed(hash, *letters == 's' ? string_hash(types, word) : word);
    }
    return hash;
}

static uint64_t type_hash(const struct types *types, uint64_t at, uint64_t hash, bool own)
{
    uint32_t kind = 0, members = 0, last = word_at(types, at + 8);
    if (!type_head(types, at, &kind, &members))
        return 0;
    if (own)
        hash = mixed(mixed(mixed(hash, string_hash(types, word_at(types, at))), word_at(types, at + 4)),
                     kinds[kind].refers ? 0 : last);
    else if (kinds[kind].refers)
        hash = mixed(hash, last < types->count ? types->hashes[last] : 0);
    uint64_t once = 4 * strlen(kinds[kind].once), each = 4 * strlen(kinds[kind].each);
    hash = words_hash(types, kinds[kind].once, at + 12, hash, own);
    for (uint32_t i = 0; i < members; i++)
        hash = words_hash(types, kinds[kind].each, at + 12 + once + each * i, hash, own);
    return hash;
}

static bool find_parts(const struct image *image, const struct section *section, struct types *types)
{
    struct range bytes = section->bytes;
    if (section->type == SHT_NOBITS || (section->flags & SHF_COMPRESSED) != 0 || range_size(bytes) < HEADER_LEAST ||
        range_size(bytes) > SECTION_MOST)
        return false;
    const uint8_t *header = image->bytes + bytes.begin;
    uint64_t head = image_u32(image, header + 4), type_at = image_u32(image, header + 8),
             type_size = image_u32(image, header + 12), string_at = image_u32(image, header + 16),
             string_size = image_u32(image, header + 20), size = range_size(bytes);
    if (image_u16(image, header) != BTF_MAGIC || head < HEADER_LEAST || head + type_at + type_size > size ||
        head + string_at + string_size > size)
        return false;
    *types = (struct types){.image = image,
                            .types = {bytes.begin + head + type_at, bytes.begin + head + type_at + type_size},
                            .strings = {bytes.begin + head + string_at, bytes.begin + head + string_at + string_size}};
    return true;
}

static bool read_types(struct arena *arena, const struct image *image, struct types *types)
{
    const struct section *section = image_section_named(image, ".BTF");
    uint32_t kind, members;
    if (section == NULL || !find_parts(image, section, types))
        return false;
    uint64_t most = range_size(types->types) / 12 + 1, at = types->types.begin;
    types->offsets = arena_alloc(arena, most, sizeof(uint64_t));
    types->own = arena_alloc(arena, most, sizeof(uint64_t));
    types->hashes = arena_alloc(arena, most, sizeof(uint64_t));
    types->next = arena_alloc(arena, most, sizeof(uint64_t));
    if (types->offsets == NULL || types->own == NULL || types->hashes == NULL || types->next == NULL)
        return false;
    for (types->count = 1; at < types->types.end; types->count++) {
        if (!type_head(types, at, &kind, &members))
            return false;
        types->offsets[types->count] = at;
        at += 12 + size_behind(kind, members);
    }
    return true;
}

/* The hashes of all types, sorted. */
static void hash_types(struct types *types)
{
    for (uint64_t i = 0; i < types->count; i++)
        types->hashes[i] = types->own[i] = i > 0 ? type_hash(types, types->offsets[i], 1, true) : 0;
    for (int round = 0; round < ROUNDS; round++) {
        types->next[0] = 0;
        for (uint64_t i = 1; i < types->count; i++)
            types->next[i] = type_hash(types, types->offsets[i], types->own[i], false);
        uint64_t *made = types->next;
        types->next = types->hashes;
        types->hashes = made;
    }
    qsort(types->hashes, types->count, sizeof(uint64_t), number_order);
}

bool btf_has_same_types(const struct image *vendor, const struct image *rebuilt, uint64_t *count)
{
    struct arena arena = {0};
    struct types a, b;
    bool same = read_types(&arena, vendor, &a) && read_types(&arena, rebuilt, &b) && a.count == b.count;
    if (same) {
        hash_types(&a);
        hash_types(&b);
        same = memcmp(a.hashes, b.hashes, a.count * sizeof(uint64_t)) == 0;
        *count = a.count - 1;
    }
    arena_free(&arena);
    return same;
}
