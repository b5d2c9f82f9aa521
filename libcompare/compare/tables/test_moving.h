/*
 * Two builds of one source, one of them with an addition that moves everything, and what the comparators of tables
 * prove of them after the vendor's was tampered with.
 */
#ifndef COMPARE_TEST_MOVING_H
#define COMPARE_TEST_MOVING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../testing/program.h"
#include "tables.h"

/* The files, as the compiler made them. */
struct builds {
    uint8_t *bytes[2];
    size_t sizes[2];
};

/* Functions and pointers of all kinds; the other build has one more of each, before these. */
static const char library_source[] =
    "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
    "#ifdef REBUILT\n"
    "int added(int n) { return printf(\"%d added\\n\", n * 3); }\n"
    "#ifndef AS_MANY_POINTERS\n"
    "void *more[] = {&more, \"a string\", 0};\n"
    "#endif\n"
    "#endif\n"
    "int first[4] = {1, 2, 3, 4}, second[4] = {5, 6, 7, 8};\n"
    "static int own(int n) { return n * first[n & 3]; }\n"
    "static int other(int n) { return n + second[n & 3]; }\n"
    "int (*const functions[])(int) = {own, other};\n"
    "int *pointers[] = {&first[1], &second[2], &first[0]};\n"
    "int one(int n) { return puts(\"one\") + own(n) + abs(rand()); }\n"
    "int two(int n) { return puts(\"two\") + other(n) + (int)strlen(getenv(\"two\")); }\n"
    "int three(int n) { return one(n) + two(n) + functions[n & 1](n); }\n";

/* Changes the vendor's bytes; image is the vendor's, untouched. */
typedef void tampering(const struct image *image, uint8_t *bytes);

struct trial {
    struct image images[2];
    struct arena arena;
    struct correspondence map;
    struct moving m;
};

/* The source is compiled twice, once with REBUILT defined. */
static inline void builds_make(struct builds *builds, const char *compiler, const char *suffix, const char *source)
{
    for (size_t side = 0; side < 2; side++) {
        struct program program;
        struct image image;
        char command[256];
        snprintf(command, sizeof(command), "%s%s", compiler, side == 1 ? " -DREBUILT" : "");
        program_compile(&program, command, suffix, source);
        program_open(program.path, &image);
        builds->sizes[side] = image.size;
        builds->bytes[side] = malloc(image.size);
        assert_non_null(builds->bytes[side]);
        memcpy(builds->bytes[side], image.bytes, image.size);
        image_close(&image);
        program_remove(&program);
    }
}

static inline void builds_free(struct builds *builds)
{
    free(builds->bytes[0]);
    free(builds->bytes[1]);
}

static inline void trial_pair_sections(struct trial *trial)
{
    struct moving *m = &trial->m;
    const struct image *vendor = m->images[0], *rebuilt = m->images[1];
    struct section_pair *pairs = arena_alloc(&trial->arena, vendor->section_count + 1, sizeof(*pairs));
    assert_non_null(pairs);
    for (uint64_t i = 1; i < vendor->section_count; i++) {
        const struct section *partner = section_partner(vendor, rebuilt, &vendor->sections[i]);
        if ((vendor->sections[i].flags & SHF_ALLOC) != 0 && partner != NULL)
            pairs[m->section_count++] = (struct section_pair){{&vendor->sections[i], partner}};
    }
    m->sections = pairs;
}

/* Runs the comparators. The correspondence is that of the files as they are, which is what a hostile one gets, too. */
static inline void trial_begin(struct trial *trial, const struct builds *builds, tampering *tamper)
{
    struct compare_error error;
    struct image untouched;
    uint8_t *bytes = malloc(builds->sizes[0]);
    assert_non_null(bytes);
    memcpy(bytes, builds->bytes[0], builds->sizes[0]);
    *trial = (struct trial){.m = {.images = {&trial->images[0], &trial->images[1]}}};
    struct moving *m = &trial->m;
    program_open_bytes(bytes, builds->sizes[0], builds->sizes[0], NULL, NULL, &untouched);
    if (tamper != NULL)
        tamper(&untouched, bytes);
    image_close(&untouched);
    program_open_bytes(bytes, builds->sizes[0], builds->sizes[0], NULL, NULL, &trial->images[0]);
    program_open_bytes(builds->bytes[1], builds->sizes[1], builds->sizes[1], NULL, NULL, &trial->images[1]);
    free(bytes);
    m->arena = &trial->arena;
    m->map = &trial->map;
    m->proven = (struct list){.arena = &trial->arena, .item_size = sizeof(struct proven)};
    trial_pair_sections(trial);
    for (size_t side = 0; side < 2; side++) {
        const struct relocation *relocations;
        size_t count;
        assert_int_equal(symbols_read(m->images[side], &trial->arena, &m->symbols[side], &error), 0);
        assert_int_equal(relocations_read(m->images[side], &trial->arena, &relocations, &count, &error), 0);
        m->spaces[side] = (struct space){.image = m->images[side],
                                         .symbols = &m->symbols[side],
                                         .relocations = relocations,
                                         .relocation_count = count};
        assert_true(space_read(&m->spaces[side], &trial->arena));
    }
    assert_true(correspondence_make(m->spaces, &trial->arena, &trial->map));
    m->first_references = arena_alloc(&trial->arena, trial->map.count + 1, sizeof(*m->first_references));
    assert_non_null(m->first_references);
    memset(m->first_references, 0xff, (trial->map.count + 1) * sizeof(*m->first_references));
    m->entries = (struct list){.arena = &trial->arena, .item_size = sizeof(struct table_entry)};
    m->changed = (struct list){.arena = &trial->arena, .item_size = sizeof(struct changed_code)};
    code_prove(m);
    dynamic_tables_prove(m);
    unwind_prove(m);
    exidx_prove(m);
    assert_false(m->out_of_memory);
}

static inline void trial_end(struct trial *trial)
{
    for (size_t side = 0; side < 2; side++) {
        space_close(&trial->m.spaces[side]);
        image_close(&trial->images[side]);
    }
    arena_free(&trial->arena);
}

/* ---- What was proven ---- */

static inline bool byte_is_proven(const struct trial *trial, size_t side, uint64_t offset)
{
    const struct proven *proven = trial->m.proven.items;
    bool found = false;
    for (size_t i = 0; i < trial->m.proven.count; i++) {
        struct range range = side == 0 ? proven[i].vendor : proven[i].rebuilt;
        bool holds = range.begin <= offset && offset < range.end;
        assert_false(found && holds); /* no byte is proven twice */
        found |= holds;
    }
    return found;
}

static inline struct range section_range(const struct image *image, const char *name)
{
    const struct section *section = image_section_named(image, name);
    if (section == NULL)
        fail_msg("no section %s", name);
    return section->bytes;
}

/* How many bytes of a section are not proven. */
static inline uint64_t unproven(const struct trial *trial, size_t side, const char *name)
{
    struct range range = section_range(&trial->images[side], name);
    uint64_t count = 0;
    for (uint64_t at = range.begin; at < range.end; at++)
        count += !byte_is_proven(trial, side, at);
    return count;
}

/* How many bytes of the vendor's section a tampering leaves unproven that were proven without it. */
static inline uint64_t lost(const struct builds *builds, const char *name, tampering *tamper)
{
    struct trial trial;
    uint64_t before, after;
    trial_begin(&trial, builds, NULL);
    before = unproven(&trial, 0, name);
    trial_end(&trial);
    trial_begin(&trial, builds, tamper);
    after = unproven(&trial, 0, name);
    trial_end(&trial);
    assert_true(after >= before);
    return after - before;
}

/* ---- Tampering ---- */

static inline uint8_t *section_in(const struct image *image, uint8_t *bytes, const char *name)
{
    return bytes + section_range(image, name).begin;
}

static inline void put_number(uint8_t *to, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static inline uint64_t get_number(const uint8_t *from, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static inline void exchange(uint8_t *a, uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

#endif
