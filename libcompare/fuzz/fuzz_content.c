/*
 * Compressed content, in a program that is sound otherwise: a byte for what is compressed and how, one that chooses the
 * section's name, then the bytes. As a stream they may be anything; as plain content they are compressed here, and must
 * come back as they were, and not at all when a byte is added to or taken from the stream or its stated size.
 */
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "fuzz.h"

/* What a section of the builder holds. */
#define STREAM_LIMIT 900

enum mode {
    MODE_ZLIB = 0, /* a stream of zlib, with a Chdr that fits */
    MODE_ZSTD,
    MODE_WHOLE, /* a Chdr and a stream */
    MODE_XZ,    /* .gnu_debugdata */
    MODE_PLAIN_ZLIB,
    MODE_PLAIN_ZSTD,
    MODE_DEBUG, /* not compressed: the outer structure of debug information */
    MODE_COUNT,
};

static const char *const names[] = {".debug_info",  ".debug_abbrev",   ".debug_str",         ".debug_line",
                                    ".debug_loc",   ".debug_ranges",   ".debug_macro",       ".gdb_index",
                                    ".debug_addr",  ".debug_cu_index", ".debug_gdb_scripts", ".kept",
                                    ".debug_frame", ".debug_aranges",  ".gnu_debuglink",     ".gnu_debugaltlink"};

static size_t with_header(uint8_t *to, uint32_t type, uint64_t plain_size, const uint8_t *stream, size_t size)
{
    Elf64_Chdr header = {.ch_type = type, .ch_size = plain_size, .ch_addralign = 1};
    size = size < STREAM_LIMIT ? size : STREAM_LIMIT;
    memcpy(to, &header, sizeof(header));
    if (size > 0)
        memcpy(to + sizeof(header), stream, size);
    return sizeof(header) + size;
}

static size_t compress_plain(enum mode mode, struct input *input, uint8_t *to)
{
    uint8_t stream[STREAM_LIMIT];
    uLongf zlib_size = sizeof(stream);
    size_t size = 0;
    if (mode == MODE_PLAIN_ZLIB && compress2(stream, &zlib_size, input->bytes, input->size, 6) == Z_OK)
        size = zlib_size;
    if (mode == MODE_PLAIN_ZSTD)
        size = ZSTD_compress(stream, sizeof(stream), input->bytes, input->size, 1);
    if (size == 0 || ZSTD_isError(size))
        return 0;
    return with_header(to, mode == MODE_PLAIN_ZLIB ? ELFCOMPRESS_ZLIB : 2, input->size, stream, size);
}

static size_t section_content(enum mode mode, struct input *input, uint8_t *to)
{
    size_t size = input->size < STREAM_LIMIT ? input->size : STREAM_LIMIT;
    switch (mode) {
    case MODE_ZLIB:
    case MODE_ZSTD: {
        uint16_t plain_size = input_u16(input);
        return with_header(to, mode == MODE_ZLIB ? ELFCOMPRESS_ZLIB : 2, plain_size, input->bytes, input->size);
    }
    case MODE_PLAIN_ZLIB:
    case MODE_PLAIN_ZSTD:
        return compress_plain(mode, input, to);
    default:
        if (size > 0)
            memcpy(to, input->bytes, size);
        return size;
    }
}

static void check_rules(const struct image *image)
{
    struct normal_form form;
    struct compare_error error = {0};
    struct rule_set rules;
    memset(&rules, 1, sizeof(rules));
    FUZZ_ASSERT(normal_form_build(image, &rules, &form, &error) == 0);
    fuzz_check_form(&form, &rules);
    free(fuzz_form_bytes(&form));
    normal_form_close(&form);
}

/* Whether the section's content can be had; it must then be `plain`, where that is known. */
static bool read_content(const char *name, uint64_t flags, const uint8_t *bytes, size_t size, const struct input *plain)
{
    static struct built built;
    struct image image;
    struct content content;
    uint64_t spent = 0;
    built_program(&built, true, false, ET_DYN);
    built_section(&built, name, SHT_PROGBITS, flags, bytes, size);
    built_layout(&built);
    fuzz_open(&image, built.bytes, built.size);
    FUZZ_ASSERT(fuzz_parse(&image) == 0);
    bool sound = image_content(&image, &image.sections[built.section_count - 1], &spent, &content, NULL) == 0;
    FUZZ_ASSERT(spent <= image.limits.decompressed);
    if (sound && plain != NULL)
        FUZZ_ASSERT(content.size == plain->size &&
                    (plain->size == 0 || memcmp(content.bytes, plain->bytes, plain->size) == 0));
    if (sound && content.size > 0)
        FUZZ_ASSERT((unsigned)content.bytes[0] + content.bytes[content.size - 1] < 512); /* both can be read */
    content_free(&content);
    check_rules(&image);
    fuzz_close(&image);
    return sound;
}

static void check_exactness(const char *name, uint8_t *bytes, size_t size, const struct input *plain)
{
    FUZZ_ASSERT(read_content(name, SHF_COMPRESSED, bytes, size, plain));
    bytes[size] = 0;
    FUZZ_ASSERT(!read_content(name, SHF_COMPRESSED, bytes, size + 1, NULL));
    FUZZ_ASSERT(!read_content(name, SHF_COMPRESSED, bytes, size - 1, NULL));
    bytes[8] += 1; /* ch_size; its lowest byte is made so that there is no carry to think of */
    FUZZ_ASSERT(bytes[8] == 0 || !read_content(name, SHF_COMPRESSED, bytes, size, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    uint8_t bytes[sizeof(Elf64_Chdr) + STREAM_LIMIT + 1];
    enum mode mode = (enum mode)(input_u8(&input) % MODE_COUNT);
    const char *name = names[input_u8(&input) % ARRAY_COUNT(names)];
    struct input plain = input;
    size_t content_size = section_content(mode, &input, bytes);
    if (mode == MODE_PLAIN_ZLIB || mode == MODE_PLAIN_ZSTD) {
        if (content_size > 0)
            check_exactness(name, bytes, content_size, &plain);
        return 0;
    }
    if (mode == MODE_XZ || mode == MODE_DEBUG)
        read_content(mode == MODE_XZ ? ".gnu_debugdata" : name, 0, bytes, content_size, NULL);
    else
        read_content(name, SHF_COMPRESSED, bytes, content_size, NULL);
    return 0;
}
