/* What must hold of an image's bytes: exact streams, whole pages, files that change, and damage anywhere. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"

static const struct kind {
    bool is64, big_endian;
} kinds[] = {{true, false}, {false, false}, {true, true}, {false, true}};

static void program(struct built *built)
{
    built_program(built, true, false, ET_DYN);
    built_layout(built);
}

/* ---- Content: streams of SHF_COMPRESSED ---- */

enum { ZLIB = 1, ZSTD = 2 };

static void put(uint8_t *to, struct kind kind, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        to[i] = (uint8_t)(value >> 8 * (kind.big_endian ? width - 1 - i : i));
}

/* Whether a section with this compression header and stream yields the plain text; it must yield that or nothing. */
static bool content_is(struct kind kind, uint32_t type, uint64_t stated, uint32_t reserved, const void *stream,
                       uint64_t size, const void *plain, uint64_t plain_size)
{
    static struct built built;
    uint8_t bytes[1024] = {0};
    unsigned word = kind.is64 ? 8 : 4;
    struct image image;
    struct compare_error error;
    struct content content;
    assert_true(3 * word + size <= sizeof(bytes));
    put(bytes, kind, type, 4);
    put(bytes + (kind.is64 ? 4 : 8), kind, kind.is64 ? reserved : 1, 4);
    put(bytes + word, kind, stated, word);
    put(bytes + 2 * word, kind, 1, word);
    memcpy(bytes + 3 * word, stream, size);
    built_begin(&built, kind.is64, kind.big_endian, ET_REL);
    built_section(&built, ".debug_str", SHT_PROGBITS, SHF_COMPRESSED, bytes, 3 * word + size);
    built_layout(&built);
    assert_int_equal(built_open(&built, &image, &error), 0);
    uint64_t spent = 0;
    bool sound = image_content(&image, &image.sections[2], &spent, &content, &error) == 0;
    bool equal = sound && content.size == plain_size && memcmp(content.bytes, plain, plain_size) == 0;
    assert_int_equal(sound, equal);
    if (sound)
        content_free(&content);
    image_close(&image);
    return equal;
}

static uint8_t plain_text[500], packed[2][900];
static uint64_t packed_size[2];

static int pack(void **state)
{
    (void)state;
    uLongf zlib_size = sizeof(packed[0]);
    for (unsigned i = 0; i < sizeof(plain_text); i++)
        plain_text[i] = (uint8_t)(i % 50);
    if (compress(packed[0], &zlib_size, plain_text, sizeof(plain_text)) != Z_OK)
        return -1;
    packed_size[0] = zlib_size;
    packed_size[1] = ZSTD_compress(packed[1], sizeof(packed[1]), plain_text, sizeof(plain_text), 3);
    return ZSTD_isError(packed_size[1]) ? -1 : 0;
}

static void an_exact_stream_yields_its_plain_content(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(kinds); i++) {
        for (unsigned k = 0; k < 2; k++)
            assert_true(content_is(kinds[i], k + 1, sizeof(plain_text), 0, packed[k], packed_size[k], plain_text,
                                   sizeof(plain_text)));
    }
}

static void a_stream_that_leaves_bytes_of_its_section_is_refused(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++)
        assert_false(content_is(kinds[k], k + 1, sizeof(plain_text), 0, packed[k], packed_size[k] + 1, plain_text,
                                sizeof(plain_text)));
}

static void a_stream_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        for (uint64_t size = 0; size < packed_size[k]; size++)
            assert_false(
                content_is(kinds[k], k + 1, sizeof(plain_text), 0, packed[k], size, plain_text, sizeof(plain_text)));
    }
}

static void a_stream_that_yields_more_or_less_than_stated_is_refused(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, sizeof(plain_text) - 1, sizeof(plain_text) + 1, 100000};
    for (unsigned i = 0; i < 2 * ARRAY_COUNT(sizes); i++)
        assert_false(content_is(kinds[i % 4], i % 2 + 1, sizes[i / 2], 0, packed[i % 2], packed_size[i % 2], plain_text,
                                sizes[i / 2]));
}

static void a_second_zstd_frame_is_refused(void **state)
{
    (void)state;
    uint8_t twice[2 * sizeof(packed[1])];
    memcpy(twice, packed[1], packed_size[1]);
    memcpy(twice + packed_size[1], packed[1], packed_size[1]);
    assert_false(
        content_is(kinds[0], ZSTD, sizeof(plain_text), 0, twice, 2 * packed_size[1], plain_text, sizeof(plain_text)));
}

static void a_skippable_zstd_frame_is_refused(void **state)
{
    (void)state;
    static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'e', 'v', 'i', 'l'};
    assert_false(content_is(kinds[0], ZSTD, 0, 0, skippable, sizeof(skippable), "x", 1));
}

static void a_size_beyond_any_stream_is_refused_without_taking_memory(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++)
        assert_false(content_is(kinds[0], k + 1, UINT64_MAX - 1, 0, packed[k], packed_size[k], "x", 1));
}

static void a_compression_that_is_not_known_is_refused(void **state)
{
    (void)state;
    static const uint32_t types[] = {0, 3, 0x60000000, UINT32_MAX};
    for (unsigned i = 0; i < ARRAY_COUNT(types); i++)
        assert_false(content_is(kinds[i], types[i], sizeof(plain_text), 0, packed[0], packed_size[0], "x", 1));
}

static void the_reserved_word_is_no_place_for_a_payload(void **state)
{
    (void)state;
    assert_false(content_is(kinds[0], ZLIB, sizeof(plain_text), 1, packed[0], packed_size[0], "x", 1));
}

/* ---- Load view ---- */

static bool executable(const struct image *image, uint64_t offset)
{
    return image_is_executable(image, (struct range){offset, offset + 1});
}

static bool loaded(const struct image *image, uint64_t offset)
{
    return image_in_load_view(image, (struct range){offset, offset + 1});
}

static void the_page_before_a_segment_s_first_byte_is_loaded_with_it(void **state)
{
    (void)state;
    struct built built;
    struct image image;
    struct compare_error error;
    program(&built);
    built.segments[1].p_offset += 2;
    built.segments[1].p_vaddr += 2;
    built.segments[1].p_filesz = built.segments[1].p_memsz = 2;
    built_write(&built);
    assert_int_equal(built_open(&built, &image, &error), 0);
    assert_true(executable(&image, BUILT_PAGE));
    assert_false(executable(&image, BUILT_PAGE - 1));
    image_close(&image);
}

static void a_machine_with_large_pages_loads_large_pages(void **state)
{
    (void)state;
    struct built built;
    struct image image;
    struct compare_error error;
    built_program(&built, true, false, ET_DYN);
    built.header.e_machine = EM_AARCH64;
    built_layout(&built);
    assert_int_equal(built_open(&built, &image, &error), 0);
    assert_true(executable(&image, 0));
    assert_true(executable(&image, built.size - 1));
    image_close(&image);
}

static void the_page_behind_read_only_data_counts_even_with_larger_memory(void **state)
{
    (void)state;
    struct built built;
    struct image image;
    struct compare_error error;
    program(&built);
    uint64_t end = built.segments[2].p_offset + built.segments[2].p_filesz;
    built.segments[2].p_flags = PF_R;
    built_write(&built);
    assert_int_equal(built_open(&built, &image, &error), 0);
    assert_true(loaded(&image, end));
    image_close(&image);
}

/* ld.so zeroes no more than p_memsz asks for. */
static void the_page_behind_a_small_bss_is_loaded_and_runs_with_its_segment(void **state)
{
    (void)state;
    struct built built;
    struct image image;
    struct compare_error error;
    program(&built);
    uint64_t end = built.segments[2].p_offset + built.segments[2].p_filesz;
    built.segments[2].p_memsz = built.segments[2].p_filesz + 8;
    built.segments[2].p_flags = PF_R | PF_W | PF_X;
    built_write(&built);
    assert_int_equal(built_open(&built, &image, &error), 0);
    assert_true(loaded(&image, end - 1));
    assert_false(image_in_load_view(&image, (struct range){end, end + 8}));
    assert_true(ranges_hold(image.executable, image.executable_count, (struct range){end + 8, built.size}));
    image_close(&image);
}

/* Programs, which ld.so refuses to load as libraries, are mapped by the kernel, and it zeroes the page to its end. */
static void the_page_behind_a_small_bss_of_a_program_is_zeroed(void **state)
{
    (void)state;
    for (uint16_t type = ET_EXEC; type <= ET_DYN; type++) {
        struct built built;
        struct image image;
        struct compare_error error;
        built_program(&built, true, false, type);
        built_layout(&built);
        uint64_t end = built.segments[2].p_offset + built.segments[2].p_filesz;
        built.segments[2].p_memsz = built.segments[2].p_filesz + 8;
        built_write(&built);
        assert_int_equal(built_open(&built, &image, &error), 0);
        assert_int_equal(image_in_load_view(&image, (struct range){end, built.size}), type == ET_DYN);
        image_close(&image);
    }
}

/* Kernels before 6.6 zero no tail of an interpreter but the last one. */
static void the_page_behind_a_bss_counts_where_another_segment_follows(void **state)
{
    (void)state;
    struct built built;
    struct image image;
    struct compare_error error;
    program(&built);
    uint64_t end = built.segments[2].p_offset + built.segments[2].p_filesz;
    built.segments[built.segment_count] = built.segments[1];
    built.segments[built.segment_count++].p_vaddr = (uint64_t)16 * BUILT_PAGE;
    built.header.e_phnum++;
    built_write(&built);
    assert_int_equal(built_open(&built, &image, &error), 0);
    assert_true(ranges_hold(image.load, image.load_count, (struct range){end, built.size}));
    image_close(&image);
}

static void the_range_of_a_program_header_is_loaded_even_where_no_segment_maps_it(void **state)
{
    (void)state;
    static const uint32_t types[] = {PT_INTERP, PT_NOTE, PT_DYNAMIC, PT_GNU_PROPERTY, PT_TLS};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        struct built built;
        struct image image;
        struct compare_error error;
        program(&built);
        uint64_t at = built_named(&built, ".comment")->header.sh_offset;
        built.segments[built.segment_count++] = (Elf64_Phdr){.p_type = types[i], .p_offset = at, .p_filesz = 8};
        built.header.e_phnum++;
        built_write(&built);
        assert_int_equal(built_open(&built, &image, &error), 0);
        assert_true(ranges_hold(image.load, image.load_count, (struct range){at, at + 8}));
        assert_false(executable(&image, at));
        image_close(&image);
    }
}

static void every_byte_of_a_core_file_is_sacred(void **state)
{
    (void)state;
    struct built built;
    struct image image;
    struct compare_error error;
    program(&built);
    built.header.e_type = ET_CORE;
    built_write(&built);
    assert_int_equal(built_open(&built, &image, &error), 0);
    assert_true(ranges_hold(image.load, image.load_count, (struct range){0, built.size}));
    assert_true(ranges_hold(image.executable, image.executable_count, (struct range){0, built.size}));
    image_close(&image);
}

/* ---- Anomalies of counts and indices ---- */

static bool has_anomaly(const struct built *built, const char *id)
{
    struct image image;
    struct compare_error error;
    bool found = false;
    assert_int_equal(built_open(built, &image, &error), 0);
    for (size_t i = 0; i < image.anomaly_count; i++)
        found |= strcmp(image.anomalies[i].id, id) == 0;
    image_close(&image);
    return found;
}

static void a_names_index_that_is_no_section_is_an_anomaly(void **state)
{
    (void)state;
    struct built built;
    program(&built);
    built.header.e_shstrndx = 5000;
    built_write(&built);
    assert_true(has_anomaly(&built, "section-names"));
}

static void a_section_count_without_a_table_is_an_anomaly(void **state)
{
    (void)state;
    struct built built;
    program(&built);
    uint8_t *shoff = built.bytes + 0x28;
    memset(shoff, 0, 8);
    assert_true(has_anomaly(&built, "section-count"));
}

/* An honest program but for these two dynamic entries, and a dynamic segment that begins this much later. */
static void dynamic_program(struct built *built, uint64_t tag, uint64_t value, uint64_t later)
{
    const uint64_t tags[] = {tag, value, DT_NULL, 0};
    built_program(built, true, false, ET_DYN);
    built_section(built, ".init_array", SHT_INIT_ARRAY, SHF_ALLOC | SHF_WRITE, "12345678", 8);
    Elf64_Shdr *header = &built_section(built, ".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE, tags, 32)->header;
    header->sh_entsize = 16;
    built_layout(built);
    built->segments[built->segment_count++] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                                           .p_offset = header->sh_offset + later,
                                                           .p_vaddr = header->sh_addr + later,
                                                           .p_filesz = 32 - later,
                                                           .p_memsz = 32 - later};
    built->header.e_phnum++;
    built_write(built);
}

static void a_dynamic_tag_that_points_past_its_section_is_an_anomaly(void **state)
{
    (void)state;
    struct built built;
    dynamic_program(&built, DT_INIT_ARRAY, 64, 0);
    assert_true(has_anomaly(&built, "dynamic-section"));
}

/* It begins with DT_NULL, so ld.so sees no entry at all. */
static void a_dynamic_section_elsewhere_than_its_segment_is_an_anomaly(void **state)
{
    (void)state;
    struct built built;
    dynamic_program(&built, DT_FLAGS, 0, 16);
    assert_true(has_anomaly(&built, "dynamic-section"));
}

/* ---- Damage ---- */

static void damage_anywhere_never_breaks_the_partition(void **state)
{
    (void)state;
    uint64_t random = 12345;
    for (unsigned i = 0; i < 3000; i++) {
        static struct built built;
        struct image image;
        struct compare_error error = {0};
        built_program(&built, kinds[i % 4].is64, kinds[i % 4].big_endian, i / 4 % 3 == 0 ? ET_REL : ET_DYN);
        built_layout(&built);
        for (unsigned k = 0; k <= i % 3; k++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            uint64_t table = built.header.e_shoff;
            uint64_t at = random >> 63 != 0 ? 16 + random % 300 : table + random % (built.size - table);
            built.bytes[at] = (uint8_t)(random >> 40);
        }
        int status = built_open(&built, &image, &error);
        if (status != 0)
            assert_int_equal(error.status, status);
        uint64_t end = 0;
        for (size_t k = 0; status == 0 && k < image.extent_count; k++) {
            assert_int_equal(image.extents[k].range.begin, end);
            assert_true(image.extents[k].range.end > end);
            end = image.extents[k].range.end;
        }
        if (status == 0)
            assert_int_equal(end, image.size);
        image_close(&image);
    }
}

/* ---- Files ---- */

struct writer {
    const uint8_t *bytes;
    size_t size;
    int fd;
};

static void *write_slowly(void *argument)
{
    const struct writer *writer = argument;
    ssize_t done = 1;
    for (size_t at = 0; at < writer->size && done > 0; at += (size_t)done)
        done = write(writer->fd, writer->bytes + at, writer->size - at < 1000 ? writer->size - at : 1000);
    close(writer->fd);
    return NULL;
}

static void a_pipe_is_read_to_its_end(void **state)
{
    (void)state;
    static uint8_t bytes[300000];
    struct built built;
    struct image image;
    struct compare_error error;
    pthread_t thread;
    int ends[2];
    char path[64];
    program(&built);
    memcpy(bytes, built.bytes, built.size);
    assert_int_equal(pipe(ends), 0);
    struct writer writer = {bytes, sizeof(bytes), ends[1]};
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    assert_int_equal(pthread_create(&thread, NULL, write_slowly, &writer), 0);
    assert_int_equal(image_open(path, NULL, &image, &error), 0);
    pthread_join(thread, NULL);
    assert_int_equal(image.size, sizeof(bytes));
    assert_memory_equal(image.bytes, bytes, sizeof(bytes));
    assert_int_equal(image_parse(&image, &error), 0);
    assert_int_equal(image_check_unchanged(&image, &error), 0);
    image_close(&image);
    close(ends[0]);
}

static void a_directory_and_what_is_not_there_are_refused(void **state)
{
    (void)state;
    struct image image;
    struct compare_error error;
    assert_int_equal(image_open(".", NULL, &image, &error), COMPARE_ERROR_NOT_ELF);
    image_close(&image);
    assert_int_equal(image_open("no/such/\x1b"
                                "file",
                                NULL, &image, &error),
                     COMPARE_ERROR_SYSTEM);
    assert_non_null(strstr(error.message, "no/such/\\x1bfile"));
    image_close(&image);
}

/* A file in memory of 100 pages, opened; one old enough to be mapped, for what was changed just now is copied. */
static int open_file(struct image *image, bool old)
{
    struct built built;
    struct compare_error error;
    char path[64];
    program(&built);
    int fd = memfd_create("file", MFD_CLOEXEC);
    assert_int_equal(write(fd, built.bytes, built.size), built.size);
    assert_int_equal(ftruncate(fd, 100 * BUILT_PAGE), 0);
    if (old)
        usleep(80000);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    assert_int_equal(image_open(path, NULL, image, &error), 0);
    image->path = "file";
    return fd;
}

static void a_file_that_is_written_to_meanwhile_is_found_out(void **state)
{
    (void)state;
    static const off_t places[] = {0, 50 * BUILT_PAGE, 100 * BUILT_PAGE};
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        struct image image;
        struct compare_error error;
        int fd = open_file(&image, true);
        assert_int_equal(image_check_unchanged(&image, &error), 0);
        assert_int_equal(pwrite(fd, "\x7f", 1, places[i]), 1);
        assert_int_equal(image_check_unchanged(&image, &error), COMPARE_ERROR_CHANGED);
        image_close(&image);
        close(fd);
    }
}

static int sum_bytes(void *argument)
{
    const struct image *image = argument;
    unsigned sum = 0;
    for (uint64_t i = 0; i < image->size; i++)
        sum += ((const volatile uint8_t *)image->bytes)[i];
    return sum == UINT_MAX ? 1 : 0; /* never: no file is that large */
}

static void a_file_changed_just_before_is_judged_by_a_copy(void **state)
{
    (void)state;
    struct image image;
    struct compare_error error;
    int fd = open_file(&image, false);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(image_guard(sum_bytes, &image, &error), 0);
    image_close(&image);
    close(fd);
}

static void truncation_under_the_map_is_an_error_and_no_crash(void **state)
{
    (void)state;
    struct image image;
    struct compare_error error;
    int fd = open_file(&image, true);
    assert_int_equal(image_guard(sum_bytes, &image, &error), 0);
    assert_int_equal(ftruncate(fd, 10), 0);
    assert_int_equal(image_guard(sum_bytes, &image, &error), COMPARE_ERROR_CHANGED);
    image_close(&image);
    close(fd);
}

static int guard_inside(void *argument)
{
    struct compare_error error;
    int inner = image_guard(sum_bytes, argument, &error);
    return inner == COMPARE_ERROR_CHANGED ? sum_bytes(argument) : -100;
}

static void a_guard_inside_a_guard_leaves_the_outer_one_standing(void **state)
{
    (void)state;
    struct image image;
    struct compare_error error;
    int fd = open_file(&image, true);
    assert_int_equal(ftruncate(fd, 10), 0);
    assert_int_equal(image_guard(guard_inside, &image, &error), COMPARE_ERROR_CHANGED);
    image_close(&image);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_stream_yields_its_plain_content),
        cmocka_unit_test(a_stream_that_leaves_bytes_of_its_section_is_refused),
        cmocka_unit_test(a_stream_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(a_stream_that_yields_more_or_less_than_stated_is_refused),
        cmocka_unit_test(a_second_zstd_frame_is_refused),
        cmocka_unit_test(a_skippable_zstd_frame_is_refused),
        cmocka_unit_test(a_size_beyond_any_stream_is_refused_without_taking_memory),
        cmocka_unit_test(a_compression_that_is_not_known_is_refused),
        cmocka_unit_test(the_reserved_word_is_no_place_for_a_payload),
        cmocka_unit_test(the_page_before_a_segment_s_first_byte_is_loaded_with_it),
        cmocka_unit_test(a_machine_with_large_pages_loads_large_pages),
        cmocka_unit_test(the_page_behind_read_only_data_counts_even_with_larger_memory),
        cmocka_unit_test(the_page_behind_a_small_bss_is_loaded_and_runs_with_its_segment),
        cmocka_unit_test(the_page_behind_a_small_bss_of_a_program_is_zeroed),
        cmocka_unit_test(the_page_behind_a_bss_counts_where_another_segment_follows),
        cmocka_unit_test(the_range_of_a_program_header_is_loaded_even_where_no_segment_maps_it),
        cmocka_unit_test(every_byte_of_a_core_file_is_sacred),
        cmocka_unit_test(a_names_index_that_is_no_section_is_an_anomaly),
        cmocka_unit_test(a_section_count_without_a_table_is_an_anomaly),
        cmocka_unit_test(a_dynamic_tag_that_points_past_its_section_is_an_anomaly),
        cmocka_unit_test(a_dynamic_section_elsewhere_than_its_segment_is_an_anomaly),
        cmocka_unit_test(damage_anywhere_never_breaks_the_partition),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
        cmocka_unit_test(a_directory_and_what_is_not_there_are_refused),
        cmocka_unit_test(a_file_that_is_written_to_meanwhile_is_found_out),
        cmocka_unit_test(a_file_changed_just_before_is_judged_by_a_copy),
        cmocka_unit_test(truncation_under_the_map_is_an_error_and_no_crash),
        cmocka_unit_test(a_guard_inside_a_guard_leaves_the_outer_one_standing),
    };
    return cmocka_run_group_tests(tests, pack, NULL);
}
