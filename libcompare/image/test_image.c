/* Images: what is malformed is refused with its place, extents partition the file, disagreeing views are anomalies. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"

static const struct {
    bool is64, big_endian;
    uint16_t type;
} kinds[] = {
    {true, false, ET_DYN}, {true, true, ET_EXEC}, {false, false, ET_EXEC},
    {false, true, ET_DYN}, {true, false, ET_REL}, {false, true, ET_REL},
};

static void build(struct built *built, size_t kind)
{
    built_program(built, kinds[kind].is64, kinds[kind].big_endian, kinds[kind].type);
    built_layout(built);
}

static int status_of(const struct built *built, struct compare_error *error)
{
    struct image image;
    int status = built_open(built, &image, error);
    image_close(&image);
    return status;
}

/* Whether this anomaly, or with NULL any, is found. */
static bool has_anomaly(const struct built *built, const char *id)
{
    struct image image;
    struct compare_error error;
    if (built_open(built, &image, &error) != 0)
        fail_msg("%s", error.message);
    bool found = false;
    for (size_t i = 0; i < image.anomaly_count; i++)
        found = found || id == NULL || strcmp(image.anomalies[i].id, id) == 0;
    image_close(&image);
    return found;
}

/* ---- Parsing ---- */

static void honest_files_of_all_kinds_have_no_anomaly(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < ARRAY_COUNT(kinds); kind++) {
        struct built built;
        build(&built, kind);
        assert_false(has_anomaly(&built, NULL));
    }
}

static void every_truncation_is_refused_with_a_message(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < ARRAY_COUNT(kinds); kind++) {
        struct built built;
        build(&built, kind);
        for (size_t size = 0; size < built.size; size += size < 300 || size + 600 > built.size ? 1 : 61) {
            struct built cut = built;
            struct compare_error error = {0};
            cut.size = size;
            assert_true(status_of(&cut, &error) < 0);
            assert_non_null(strstr(error.message, "built: "));
        }
    }
}

static void headers_out_of_their_bounds_are_malformed(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint8_t value;
    } changes[] = {
        {EI_CLASS, 3},
        {EI_DATA, 0},
        {EI_VERSION, 2},
        {0x14, 9},
        {0x27, 0xff} /* e_phoff */,
        {0x2f, 0x7f} /* e_shoff */,
        {0x34, 63} /* e_ehsize */,
        {0x36, 55} /* e_phentsize */,
        {0x3a, 63} /* e_shentsize */,
        {0x3d, 0xff} /* e_shnum */,
    };
    for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
        struct built built;
        struct compare_error error;
        build(&built, 0);
        built.bytes[changes[i].offset] = changes[i].value;
        if (status_of(&built, &error) != COMPARE_ERROR_MALFORMED)
            fail_msg("offset %#zx = %#x is not refused", changes[i].offset, changes[i].value);
    }
}

static void segment_and_section_ranges_that_overflow_are_malformed(void **state)
{
    (void)state;
    struct built built;
    struct compare_error error;
    build(&built, 0);
    built.segments[1].p_filesz = UINT64_MAX - 16;
    built_write(&built);
    assert_int_equal(status_of(&built, &error), COMPARE_ERROR_MALFORMED);
    build(&built, 0);
    built.segments[1].p_memsz = UINT64_MAX - 16;
    built_write(&built);
    assert_int_equal(status_of(&built, &error), COMPARE_ERROR_MALFORMED);
}

/* gABI chapter 4: more sections than e_shnum holds are counted in the null section's sh_size. */
static void more_sections_than_e_shnum_holds_are_read(void **state)
{
    (void)state;
    const uint64_t count = 66000;
    size_t size = 64 + count * 64;
    uint8_t *bytes = calloc(1, size);
    struct image encoder = {.is64 = true}, image;
    struct compare_error error;
    Elf64_Ehdr header = {.e_type = ET_REL,
                         .e_machine = EM_X86_64,
                         .e_version = 1,
                         .e_ehsize = 64,
                         .e_shoff = 64,
                         .e_shentsize = 64,
                         .e_shstrndx = SHN_UNDEF};
    Elf64_Shdr null = {.sh_size = count};
    char path[64];
    memcpy(header.e_ident, ELFMAG "\2\1\1", 7);
    image_encode_ehdr(&encoder, &header, bytes);
    image_encode_shdr(&encoder, &null, bytes + 64);
    int fd = memfd_create("many", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes, size), size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    assert_int_equal(image_open(path, NULL, &image, &error), 0);
    assert_int_equal(image_parse(&image, &error), 0);
    assert_int_equal(image.section_count, count);
    image_close(&image);
    close(fd);
    free(bytes);
}

/* ---- Extents ---- */

static void extents_partition_every_kind_of_file(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < ARRAY_COUNT(kinds); kind++) {
        struct built built;
        struct image image;
        struct compare_error error;
        build(&built, kind);
        memcpy(built.bytes + built.size, "overlay", 7);
        built.size += 7;
        assert_int_equal(built_open(&built, &image, &error), 0);
        uint64_t end = 0;
        for (size_t i = 0; i < image.extent_count; i++) {
            assert_int_equal(image.extents[i].range.begin, end);
            assert_true(image.extents[i].range.end > end);
            end = image.extents[i].range.end;
        }
        assert_int_equal(end, built.size);
        assert_int_equal(image.extents[image.extent_count - 1].owner, OWNER_OVERLAY);
        assert_int_equal(image_extent_at(&image, 0)->owner, OWNER_ELF_HEADER);
        assert_int_equal(image_extent_at(&image, built.header.e_shoff)->owner, OWNER_SECTION_HEADERS);
        image_close(&image);
    }
}

static void without_section_headers_segments_own_their_bytes(void **state)
{
    (void)state;
    struct built built;
    struct image image;
    struct compare_error error;
    build(&built, 0);
    uint64_t text = built.segments[1].p_offset;
    built.header.e_shoff = 0;
    built.header.e_shnum = built.header.e_shstrndx = 0;
    image_encode_ehdr(&(struct image){.is64 = true}, &built.header, built.bytes);
    assert_int_equal(built_open(&built, &image, &error), 0);
    assert_int_equal(image.anomaly_count, 0);
    assert_int_equal(image_extent_at(&image, text)->owner, OWNER_SEGMENT);
    assert_int_equal(image_extent_at(&image, text)->index, 1);
    image_close(&image);
}

/* ---- Load view ---- */

static void the_load_view_has_whole_pages_but_no_zeroed_tail(void **state)
{
    (void)state;
    struct built built;
    struct image image;
    struct compare_error error;
    build(&built, 0);
    uint64_t data_end = built.segments[2].p_offset + built.segments[2].p_filesz;
    assert_int_equal(built_open(&built, &image, &error), 0);
    assert_true(image_in_load_view(&image, (struct range){BUILT_PAGE - 1, BUILT_PAGE}));
    assert_true(image_is_executable(&image, (struct range){2 * BUILT_PAGE - 1, 2 * BUILT_PAGE}));
    assert_false(image_is_executable(&image, (struct range){0, BUILT_PAGE}));
    assert_true(image_in_load_view(&image, (struct range){data_end - 1, data_end}));
    assert_false(image_in_load_view(&image, (struct range){data_end, built.size}));
    image_close(&image);
}

/* ---- Anomalies: one change each, and its name ---- */

static void sections_that_tell_another_story_are_anomalies(void **state)
{
    (void)state;
    static const struct {
        const char *section;
        size_t member; /* of Elf64_Shdr */
        uint64_t value;
        bool wide;
        const char *id;
    } changes[] = {
        {".text", offsetof(Elf64_Shdr, sh_type), SHT_NOBITS, false, "nobits-over-bytes"},
        {".text", offsetof(Elf64_Shdr, sh_flags), 0, true, "section-not-alloc"},
        {".text", offsetof(Elf64_Shdr, sh_addr), 0x400000, true, "section-outside-segments"},
        {".rodata", offsetof(Elf64_Shdr, sh_addr), 64, true, "section-place"},
        {".rodata", offsetof(Elf64_Shdr, sh_flags), SHF_ALLOC | SHF_EXECINSTR, true, "section-flags"},
        {".rodata", offsetof(Elf64_Shdr, sh_flags), SHF_ALLOC | SHF_WRITE, true, "section-flags"},
        {".rodata", offsetof(Elf64_Shdr, sh_flags), SHF_ALLOC | SHF_COMPRESSED, true, "section-flags"},
        {".rodata", offsetof(Elf64_Shdr, sh_addralign), 3, true, "section-alignment"},
        {".rodata", offsetof(Elf64_Shdr, sh_link), 99, false, "section-link"},
        {".rodata", offsetof(Elf64_Shdr, sh_name), 9999, false, "section-name"},
        {".comment", offsetof(Elf64_Shdr, sh_type), SHT_RELA, false, "section-entries"},
        {".comment", offsetof(Elf64_Shdr, sh_offset), BUILT_PAGE, true, "overlapping-claims"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
        struct built built;
        build(&built, 0);
        uint8_t *member = (uint8_t *)&built_named(&built, changes[i].section)->header + changes[i].member;
        uint32_t narrow = (uint32_t)changes[i].value;
        if (changes[i].wide)
            memcpy(member, &changes[i].value, 8);
        else
            memcpy(member, &narrow, 4);
        built_write(&built);
        if (!has_anomaly(&built, changes[i].id))
            fail_msg("case %zu: no anomaly %s", i, changes[i].id);
    }
}

/* .rodata ends eight bytes into the second segment, as patchelf lays sections. */
static void build_across_segments(struct built *built)
{
    build(built, 0);
    Elf64_Shdr *rodata = &built_named(built, ".rodata")->header, *text = &built_named(built, ".text")->header;
    rodata->sh_offset = rodata->sh_addr = BUILT_PAGE - 8;
    rodata->sh_size = 16;
    text->sh_size = 0;
    built->segments[0].p_filesz = built->segments[0].p_memsz = BUILT_PAGE;
    built->segments[1].p_filesz = built->segments[1].p_memsz = 32;
}

static void a_section_across_adjacent_segments_is_no_anomaly(void **state)
{
    (void)state;
    struct built built;
    build_across_segments(&built);
    built_write(&built);
    assert_false(has_anomaly(&built, NULL));
}

static void a_section_across_segments_that_map_other_bytes_is_an_anomaly(void **state)
{
    (void)state;
    struct built built;
    build_across_segments(&built);
    built.segments[1].p_offset = (uint64_t)2 * BUILT_PAGE;
    built_write(&built);
    assert_true(has_anomaly(&built, "section-place"));

    build_across_segments(&built);
    built.segments[1].p_filesz = built.segments[1].p_memsz = 4;
    built_write(&built);
    assert_true(has_anomaly(&built, "section-outside-segments"));

    build_across_segments(&built);
    built_named(&built, ".rodata")->header.sh_flags |= SHF_EXECINSTR;
    built.segments[0].p_flags |= PF_X;
    built.segments[1].p_flags = PF_R;
    built_write(&built);
    assert_true(has_anomaly(&built, "section-flags"));
}

static void segments_that_tell_another_story_are_anomalies(void **state)
{
    (void)state;
    static const struct {
        Elf64_Phdr added;
        const char *id;
    } cases[] = {
        {{.p_type = PT_LOAD, .p_vaddr = 0x1000, .p_memsz = 16, .p_align = 4096}, "segment-order"},
        {{.p_type = PT_LOAD, .p_vaddr = 0x9001, .p_memsz = 16, .p_align = 4096}, "segment-alignment"},
        {{.p_type = PT_LOAD, .p_vaddr = 0x9000, .p_memsz = 16, .p_align = 12288}, "segment-alignment"},
        {{.p_type = PT_LOAD, .p_vaddr = 0x9000, .p_filesz = 32, .p_memsz = 16, .p_align = 4096}, "segment-size"},
        {{.p_type = PT_INTERP, .p_vaddr = 0x9000, .p_filesz = 8, .p_memsz = 8}, "segment-place"},
        {{.p_type = PT_GNU_RELRO, .p_vaddr = 0x8000, .p_memsz = 4096}, "segment-place"},
        {{.p_type = PT_GNU_RELRO, .p_vaddr = 0x2000, .p_memsz = 0x3000}, "segment-place"},
        {{.p_type = PT_PHDR, .p_offset = 8, .p_vaddr = 8, .p_filesz = 8, .p_memsz = 8}, "segment-place"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct built built;
        build(&built, 0);
        built.segments[built.segment_count++] = cases[i].added;
        built.header.e_phnum++;
        built_write(&built);
        if (!has_anomaly(&built, cases[i].id))
            fail_msg("case %zu: no anomaly %s", i, cases[i].id);
    }
    struct built built;
    build(&built, 0);
    for (int i = 0; i < 2; i++)
        built.segments[built.segment_count++] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W};
    built.header.e_phnum = (Elf64_Half)(built.header.e_phnum + 2);
    built_write(&built);
    assert_true(has_anomaly(&built, "segment-twice"));
}

static void a_program_without_segments_is_an_anomaly(void **state)
{
    (void)state;
    struct built built;
    build(&built, 0);
    built.header.e_phnum = 0;
    built.segment_count = 0;
    built_write(&built);
    assert_true(has_anomaly(&built, "no-load-segment"));
}

static void names_are_escaped(void **state)
{
    (void)state;
    struct built built;
    struct image image;
    struct compare_error error;
    built_program(&built, true, false, ET_DYN);
    built_section(&built, ".\033[31mred", SHT_PROGBITS, 0, "x", 1);
    built_layout(&built);
    assert_int_equal(built_open(&built, &image, &error), 0);
    assert_non_null(image_section_named(&image, ".\\x1b[31mred"));
    image_close(&image);
}

/* ---- The snapshot ---- */

static void a_file_that_changes_meanwhile_is_told(void **state)
{
    (void)state;
    struct built built;
    struct image image;
    struct compare_error error;
    char path[] = "/tmp/test_image.XXXXXX";
    build(&built, 0);
    int fd = mkstemp(path);
    assert_int_equal(write(fd, built.bytes, built.size), built.size);
    assert_int_equal(image_open(path, NULL, &image, &error), 0);
    assert_int_equal(image_check_unchanged(&image, &error), 0);
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_int_equal(image_check_unchanged(&image, &error), COMPARE_ERROR_CHANGED);
    image_close(&image);
    close(fd);
    unlink(path);
}

static int read_page(void *argument)
{
    return *(volatile uint8_t *)argument;
}

static void a_page_that_is_gone_ends_the_work_and_not_the_process(void **state)
{
    (void)state;
    struct compare_error error;
    int fd = memfd_create("short", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, 4096), 0);
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_true(page != MAP_FAILED);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(image_guard(read_page, page, &error), COMPARE_ERROR_CHANGED);
    munmap(page, 4096);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_files_of_all_kinds_have_no_anomaly),
        cmocka_unit_test(every_truncation_is_refused_with_a_message),
        cmocka_unit_test(headers_out_of_their_bounds_are_malformed),
        cmocka_unit_test(segment_and_section_ranges_that_overflow_are_malformed),
        cmocka_unit_test(more_sections_than_e_shnum_holds_are_read),
        cmocka_unit_test(extents_partition_every_kind_of_file),
        cmocka_unit_test(without_section_headers_segments_own_their_bytes),
        cmocka_unit_test(the_load_view_has_whole_pages_but_no_zeroed_tail),
        cmocka_unit_test(sections_that_tell_another_story_are_anomalies),
        cmocka_unit_test(a_section_across_adjacent_segments_is_no_anomaly),
        cmocka_unit_test(a_section_across_segments_that_map_other_bytes_is_an_anomaly),
        cmocka_unit_test(segments_that_tell_another_story_are_anomalies),
        cmocka_unit_test(a_program_without_segments_is_an_anomaly),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(a_file_that_changes_meanwhile_is_told),
        cmocka_unit_test(a_page_that_is_gone_ends_the_work_and_not_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
