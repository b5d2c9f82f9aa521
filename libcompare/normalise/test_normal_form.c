/* Properties of the normal form, over built files, random changes of them, and random sets of rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"

/* What a built file can become at most: its own size, and what alignments and restated headers add. */
#define FORM_LIMIT (4 * sizeof(((struct built *)NULL)->bytes))

#define ROUNDS 1500

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* One of six kinds: programs and objects, with sections that stay and sections that go. */
static void build(struct built *built, uint64_t kind)
{
    bool object = kind % 3 == 2;
    built_program(built, kind % 2 == 0, kind / 2 % 2 == 0, object ? ET_REL : kind % 3 == 1 ? ET_EXEC : ET_DYN);
    built_section(built, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL, 64)->header.sh_addralign = 32;
    if (kind / 3 % 2 == 0)
        built_section(built, ".kept", SHT_PROGBITS, 0, "stays as it is", 14)->header.sh_addralign = 16;
    built_section(built, ".debug_str", SHT_PROGBITS, SHF_MERGE | SHF_STRINGS, "main\0file.c", 12);
    built_layout(built);
    if (kind / 5 % 4 == 0 && built->size + 4 <= sizeof(built->bytes)) {
        memcpy(built->bytes + built->size, "over", 4);
        built->size += 4;
    }
}

static void change(struct built *built, uint64_t *random)
{
    uint64_t table = built->header.e_shoff;
    for (uint64_t k = random_next(random) % 4; k > 0; k--) {
        uint64_t where = random_next(random), at = where % built->size;
        if (where >> 60 < 6)
            at = table + where % (built->size - table);
        else if (where >> 60 < 9)
            at = 16 + where % 400;
        if (random_next(random) % 2 == 0)
            built->bytes[at] = (uint8_t)random_next(random);
        else
            built->bytes[at] ^= (uint8_t)(1u << where % 8);
    }
}

static struct rule_set all_rules(void)
{
    struct rule_set rules = {{0}};
    for (size_t i = 0; i < RULE_COUNT; i++)
        rules.accepted[i] = true;
    return rules;
}

static struct rule_set some_rules(uint64_t *random)
{
    struct rule_set rules = all_rules();
    uint64_t bits = random_next(random) | random_next(random);
    for (size_t i = 0; i < RULE_COUNT; i++)
        rules.accepted[i] = (bits >> i & 1) != 0;
    return rules;
}

struct formed {
    struct image image;
    struct normal_form form;
    bool formed;
};

/* Files that are refused are no matter of the normal form; a sound image must have one. */
static void form(struct formed *formed, const struct built *built, const struct rule_set *rules)
{
    struct compare_error error;
    memset(formed, 0, sizeof(*formed));
    if (built_open(built, &formed->image, &error) != 0)
        return;
    if (normal_form_build(&formed->image, rules, &formed->form, &error) != 0)
        fail_msg("%s", error.message);
    formed->formed = true;
}

static void form_close(struct formed *formed)
{
    normal_form_close(&formed->form);
    image_close(&formed->image);
}

static int take_bytes(void *state, const uint8_t *bytes, size_t size)
{
    struct built *written = state;
    if (written->size + size > sizeof(written->bytes))
        return -1;
    memcpy(written->bytes + written->size, bytes, size);
    written->size += size;
    return 0;
}

/* The form's bytes; false where they are more than a built file holds. */
static bool write_form(const struct formed *formed, struct built *written)
{
    written->size = 0;
    return formed->form.size <= sizeof(written->bytes) && normal_form_each(&formed->form, take_bytes, written) == 0;
}

/* ---- Properties ---- */

static void assert_every_byte_once(const struct normal_form *form)
{
    uint8_t *seen = calloc(1, form->image->size);
    uint64_t size = 0;
    for (size_t i = 0; i < form->piece_count; i++) {
        const struct piece *piece = &form->pieces[i];
        size += piece->size;
        if (!range_empty(piece->source)) {
            assert_int_equal(range_size(piece->source), piece->size);
            assert_ptr_equal(piece->bytes, form->image->bytes + piece->source.begin);
        }
        for (uint64_t at = piece->source.begin; at < piece->source.end; at++)
            seen[at]++;
    }
    for (size_t i = 0; i < form->aside_count; i++) {
        for (uint64_t at = form->asides[i].range.begin; at < form->asides[i].range.end; at++)
            seen[at]++;
    }
    assert_int_equal(size, form->size);
    for (uint64_t at = 0; at < form->image->size; at++)
        assert_int_equal(seen[at], 1);
    free(seen);
}

static void every_byte_is_shown_or_set_aside_once(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        static struct built built;
        struct formed formed;
        struct rule_set rules = i % 2 == 0 ? all_rules() : some_rules(&random);
        build(&built, i);
        change(&built, &random);
        form(&formed, &built, &rules);
        if (formed.formed)
            assert_every_byte_once(&formed.form);
        form_close(&formed);
    }
}

static void nothing_executable_is_ever_set_aside(void **state)
{
    (void)state;
    uint64_t random = 2;
    struct rule_set rules = all_rules();
    for (unsigned i = 0; i < ROUNDS; i++) {
        static struct built built;
        struct formed formed;
        build(&built, i);
        change(&built, &random);
        form(&formed, &built, &rules);
        for (size_t k = 0; k < formed.form.aside_count; k++)
            assert_false(image_is_executable(&formed.image, formed.form.asides[k].range));
        form_close(&formed);
    }
}

static void an_image_with_anomalies_is_its_own_normal_form(void **state)
{
    (void)state;
    static struct built built, written;
    struct formed formed;
    struct rule_set rules = all_rules();
    build(&built, 0);
    built_named(&built, ".comment")->header.sh_addralign = 3;
    built_write(&built);
    form(&formed, &built, &rules);
    assert_true(formed.image.anomaly_count > 0);
    assert_int_equal(formed.form.aside_count, 0);
    assert_true(write_form(&formed, &written));
    assert_int_equal(written.size, built.size);
    assert_memory_equal(written.bytes, built.bytes, built.size);
    form_close(&formed);
}

static void without_rules_an_image_is_its_own_normal_form(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        static struct built built, written;
        struct formed formed;
        struct rule_set none = {{0}};
        build(&built, i);
        form(&formed, &built, &none);
        assert_true(formed.formed && write_form(&formed, &written));
        assert_int_equal(written.size, built.size);
        assert_memory_equal(written.bytes, built.bytes, built.size);
        form_close(&formed);
    }
}

static void assert_fixed_point(const struct built *built, const struct rule_set *rules)
{
    static struct built first, second;
    struct formed formed;
    form(&formed, built, rules);
    bool written = formed.formed && write_form(&formed, &first);
    form_close(&formed);
    if (!written)
        return;
    form(&formed, &first, rules);
    assert_true(formed.formed);
    assert_true(write_form(&formed, &second));
    form_close(&formed);
    assert_int_equal(second.size, first.size);
    assert_memory_equal(second.bytes, first.bytes, first.size);
}

static void the_normal_form_is_a_fixed_point(void **state)
{
    (void)state;
    struct rule_set rules = all_rules();
    for (unsigned i = 0; i < 60; i++) {
        static struct built built;
        build(&built, i);
        assert_fixed_point(&built, &rules);
    }
}

static void the_normal_form_of_a_changed_file_is_a_fixed_point(void **state)
{
    (void)state;
    uint64_t random = 3;
    struct rule_set rules = all_rules();
    for (unsigned i = 0; i < ROUNDS; i++) {
        static struct built built;
        build(&built, i);
        change(&built, &random);
        assert_fixed_point(&built, &rules);
    }
}

static void the_normal_form_is_a_fixed_point_under_any_set_of_rules(void **state)
{
    (void)state;
    uint64_t random = 4;
    for (unsigned i = 0; i < ROUNDS; i++) {
        static struct built built;
        struct rule_set rules = some_rules(&random);
        build(&built, i);
        assert_fixed_point(&built, &rules);
    }
}

/* A section whose header goes may bear the name of one that a rule knows: it must not count in the first form alone. */
static void a_name_that_goes_with_its_header_does_not_count(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t type;
        uint64_t flags;
    } namesakes[] = {
        {".debug_str", SHT_NOBITS, SHF_ALLOC | SHF_WRITE},
        {".debug_str", SHT_PROGBITS, SHF_ALLOC},
        {".debug_str", SHT_NOBITS, 0},
        {".comment", SHT_NOBITS, SHF_ALLOC | SHF_WRITE},
        {".comment", SHT_PROGBITS, SHF_ALLOC},
        {".comment", SHT_SYMTAB, 0},
    };
    struct rule_set rules = all_rules();
    for (size_t i = 0; i < ARRAY_COUNT(namesakes); i++) {
        static struct built built;
        bool symbols = namesakes[i].type == SHT_SYMTAB;
        built_program(&built, true, false, ET_EXEC);
        built_section(&built, ".debug_str", SHT_PROGBITS, SHF_MERGE | SHF_STRINGS, "main\0file.c", 12);
        struct built_section *namesake = built_section(&built, namesakes[i].name, namesakes[i].type, namesakes[i].flags,
                                                       (const uint8_t[24]){0}, symbols ? 24 : 8);
        namesake->header.sh_entsize = symbols ? 24 : 0;
        namesake->header.sh_link = symbols ? (uint32_t)built.section_count : 0;
        built_section(&built, ".strtab", SHT_STRTAB, 0, "", 1);
        built_layout(&built);
        assert_fixed_point(&built, &rules);
    }
}

/* Two changes of one file, so that forms of equal and of different bytes both occur. */
static void forms_are_equal_exactly_when_their_bytes_are(void **state)
{
    (void)state;
    uint64_t random = 5;
    struct rule_set rules = all_rules();
    unsigned equal = 0, different = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        static struct built built, bytes_a, bytes_b;
        struct formed a, b;
        build(&built, i);
        form(&a, &built, &rules);
        change(&built, &random);
        form(&b, &built, &rules);
        if (a.formed && b.formed && write_form(&a, &bytes_a) && write_form(&b, &bytes_b)) {
            bool same = bytes_a.size == bytes_b.size && memcmp(bytes_a.bytes, bytes_b.bytes, bytes_a.size) == 0;
            assert_int_equal(normal_forms_equal(&a.form, &b.form), same);
            assert_int_equal(normal_forms_equal(&b.form, &a.form), same);
            *(same ? &equal : &different) += 1;
        }
        form_close(&a);
        form_close(&b);
    }
    assert_true(equal > 100 && different > 100);
}

/* ---- Its size ---- */

static void the_alignment_of_a_section_without_bytes_does_not_inflate_it(void **state)
{
    (void)state;
    static struct built built;
    struct formed formed;
    struct rule_set rules = all_rules();
    built_program(&built, true, false, ET_REL);
    built_section(&built, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL, 64);
    built_layout(&built);
    built_named(&built, ".bss")->header.sh_addralign = UINT64_C(1) << 40;
    built_write(&built);
    form(&formed, &built, &rules);
    assert_true(formed.formed);
    assert_true(formed.form.size <= FORM_LIMIT);
    form_close(&formed);
}

/* A section that stays and is compressed (zlib, "plain"), with this ch_addralign. */
static void compressed(struct built *built, uint16_t type, uint64_t alignment)
{
    static const uint8_t stream[] = {0x78, 0x01, 0x01, 5,   0,    0xfa, 0xff, 'p',
                                     'l',  'a',  'i',  'n', 0x06, 0x48, 0x02, 0x15};
    uint8_t content[24 + sizeof(stream)];
    Elf64_Chdr header = {.ch_type = ELFCOMPRESS_ZLIB, .ch_size = 5, .ch_addralign = alignment};
    memcpy(content, &header, sizeof(header));
    memcpy(content + sizeof(header), stream, sizeof(stream));
    built_program(built, true, false, type);
    built_section(built, ".debug_kept", SHT_PROGBITS, SHF_COMPRESSED, content, sizeof(content))->header.sh_addralign =
        8;
    built_layout(built);
}

static void an_honest_compressed_section_is_compared_by_its_plain_content(void **state)
{
    (void)state;
    static struct built built, written;
    struct formed formed;
    struct rule_set rules = all_rules();
    compressed(&built, ET_DYN, 1);
    assert_int_equal(built_rule_at(&built, built_named(&built, ".debug_kept")->header.sh_offset), RULE_COMPRESSION);
    form(&formed, &built, &rules);
    assert_true(write_form(&formed, &written));
    assert_non_null(memmem(written.bytes, written.size, "plain", 5));
    form_close(&formed);
}

static void the_alignment_in_a_compression_header_does_not_inflate_it(void **state)
{
    (void)state;
    static const uint64_t alignments[] = {UINT64_C(1) << 40, UINT64_C(1) << 63, UINT64_MAX, 1000003};
    for (size_t i = 0; i < 2 * ARRAY_COUNT(alignments); i++) {
        static struct built built;
        struct formed formed;
        struct rule_set rules = all_rules();
        compressed(&built, i % 2 == 0 ? ET_DYN : ET_REL, alignments[i / 2]);
        form(&formed, &built, &rules);
        assert_true(formed.formed);
        assert_true(formed.form.size <= FORM_LIMIT);
        form_close(&formed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_shown_or_set_aside_once),
        cmocka_unit_test(nothing_executable_is_ever_set_aside),
        cmocka_unit_test(an_image_with_anomalies_is_its_own_normal_form),
        cmocka_unit_test(without_rules_an_image_is_its_own_normal_form),
        cmocka_unit_test(the_normal_form_is_a_fixed_point),
        cmocka_unit_test(the_normal_form_of_a_changed_file_is_a_fixed_point),
        cmocka_unit_test(the_normal_form_is_a_fixed_point_under_any_set_of_rules),
        cmocka_unit_test(a_name_that_goes_with_its_header_does_not_count),
        cmocka_unit_test(forms_are_equal_exactly_when_their_bytes_are),
        cmocka_unit_test(the_alignment_of_a_section_without_bytes_does_not_inflate_it),
        cmocka_unit_test(an_honest_compressed_section_is_compared_by_its_plain_content),
        cmocka_unit_test(the_alignment_in_a_compression_header_does_not_inflate_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
