/*
 * What passes between processes: an honest list arrives as it was sent, and a list that lies about where bytes are is
 * refused, whatever was changed in it. And what is made of lists: pairs, mapped names, packed attributes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "attributes.h"
#include "pairing.h"
#include "works.h"

#define SIZE 100

/* A container of 100 bytes: a header, a member's header and content, padding. */
static void honest(struct lister *lister, struct compare_error *error)
{
    static const uint8_t bytes[SIZE];
    static const struct compare_limits limits = {.members = 100, .unpacked = 100};
    lister_begin(lister, "container", &limits, error);
    lister->bytes = bytes;
    lister->size = SIZE;
    lister->flags = LISTING_ACCOUNTED;
    lister_keep(lister, 8, NO_MEMBER);
    struct member *member = lister_member(lister, "dir/file", 8);
    assert_non_null(member);
    member->type = MEMBER_FILE;
    member->mode = 0644;
    member->owner = lister_text(lister, "root", 4);
    lister_keep(lister, 10, 0);
    lister_aside(lister, 12, RULE_MEMBER_TIMES, 0);
    lister_content(lister, 60);
    lister_padding(lister, 10, 0);
    lister_oddity(lister, "some-id", 0, "a message with \033");
}

static int sent(void)
{
    struct lister lister;
    struct compare_error error;
    int fd = memfd_create("list", MFD_CLOEXEC);
    assert_true(fd >= 0);
    honest(&lister, &error);
    assert_int_equal(listing_send(&lister, fd), 0);
    lister_end(&lister);
    return fd;
}

static int take(int fd, struct inventory *listing)
{
    const struct compare_limits limits = {.members = 100, .memory = 1 << 20};
    struct compare_error error;
    return listing_take(fd, "container", SIZE, 0, &limits, listing, &error);
}

static void an_honest_list_arrives_as_it_was_sent(void **state)
{
    struct inventory listing;
    int fd = sent();
    (void)state;
    assert_int_equal(take(fd, &listing), 0);
    assert_int_equal(listing.member_count, 1);
    assert_int_equal(listing.piece_count, 5);
    assert_memory_equal(listing_bytes(&listing, listing.members[0].path), "dir/file", 8);
    assert_int_equal(listing.members[0].begin, 30);
    assert_int_equal(listing.members[0].end, 90);
    assert_memory_equal(listing_bytes(&listing, listing.oddities[0].message), "a message with \\x1b", 19);
    listing_free(&listing);
    close(fd);
}

/* A number in the file, changed: where it stands after the head, and what it becomes. */
static void is_refused_with(size_t offset, const void *bytes, size_t size)
{
    struct inventory listing;
    int fd = sent();
    assert_int_equal(pwrite(fd, bytes, size, (off_t)offset), size);
    assert_int_equal(take(fd, &listing), COMPARE_ERROR_CRASHED);
    close(fd);
}

static void a_list_that_lies_is_refused(void **state)
{
    const size_t head = 48, members = head, pieces = members + sizeof(struct member);
    const uint64_t large = UINT64_MAX, hundred_and_one = 101, zero = 0;
    const uint32_t text = 1 << 30, type = MEMBER_TYPES, mode = 0177777, leader = 7;
    const uint16_t kind = 9, rule = RULE_BUILD_ID;
    (void)state;
    is_refused_with(0, &text, 4);                                                  /* magic */
    is_refused_with(8, &hundred_and_one, 8);                                       /* another container's size */
    is_refused_with(16, &large, 8);                                                /* members */
    is_refused_with(16, &zero, 8);                                                 /* fewer than are there */
    is_refused_with(40, &large, 8);                                                /* strings */
    is_refused_with(members + offsetof(struct member, path), &text, 4);            /* outside the strings */
    is_refused_with(members + offsetof(struct member, owner) + 4, &text, 4);       /* longer than these */
    is_refused_with(members + offsetof(struct member, type), &type, 4);            /* no such type */
    is_refused_with(members + offsetof(struct member, mode), &mode, 4);            /* more than 12 bits */
    is_refused_with(members + offsetof(struct member, link_leader), &leader, 4);   /* no such member */
    is_refused_with(members + offsetof(struct member, end), &hundred_and_one, 8);  /* outside the container */
    is_refused_with(members + offsetof(struct member, begin), &zero, 8);           /* not where the piece is */
    is_refused_with(pieces + offsetof(struct parcel, begin), &hundred_and_one, 8); /* a gap */
    is_refused_with(pieces + offsetof(struct parcel, end), &large, 8);             /* an overlap */
    is_refused_with(pieces + offsetof(struct parcel, member), &leader, 4);         /* no such member */
    is_refused_with(pieces + offsetof(struct parcel, kind), &kind, 2);             /* no such kind */
    is_refused_with(pieces + 2 * sizeof(struct parcel) + offsetof(struct parcel, rule), &rule, 2); /* of ELF files */
}

static void a_list_of_another_length_is_refused(void **state)
{
    struct inventory listing;
    (void)state;
    int fd = sent();
    off_t size = lseek(fd, 0, SEEK_END);
    for (off_t cut = 0; cut < size; cut += 7) {
        assert_int_equal(ftruncate(fd, cut), 0);
        assert_int_equal(take(fd, &listing), COMPARE_ERROR_CRASHED);
        close(fd);
        fd = sent();
    }
    assert_int_equal(ftruncate(fd, size + 1), 0);
    assert_int_equal(take(fd, &listing), COMPARE_ERROR_CRASHED);
    close(fd);
}

static void what_is_taken_lies_within_bounds(void **state)
{
    int fd = sent();
    off_t size = lseek(fd, 0, SEEK_END);
    unsigned taken = 0;
    (void)state;
    srand(7);
    close(fd);
    for (int round = 0; round < 5000; round++) {
        struct inventory listing;
        uint8_t byte = (uint8_t)rand();
        fd = sent();
        assert_int_equal(pwrite(fd, &byte, 1, rand() % size), 1);
        if (take(fd, &listing) == 0) {
            uint64_t sum = 0, end = 0;
            taken++;
            for (size_t i = 0; i < listing.member_count; i++) {
                const struct member *member = &listing.members[i];
                for (uint32_t k = 0; k < member->path.size; k++)
                    sum += listing_bytes(&listing, member->path)[k];
                assert_true(member->place != CONTENT_INPUT || member->end <= SIZE);
            }
            for (size_t i = 0; i < listing.piece_count; i++) {
                assert_int_equal(listing.pieces[i].begin, end);
                end = listing.pieces[i].end;
            }
            assert_int_equal(end, SIZE);
            assert_true(sum > 0 || listing.members[0].path.size == 0);
            listing_free(&listing);
        }
        close(fd);
    }
    assert_true(taken > 0);
}

/* ---- Maps ---- */

static void a_map_makes_one_name_of_another(void **state)
{
    static const struct {
        const char *map, *name, *mapped; /* NULL: it does not fit */
    } cases[] = {
        {"a=b", "a", "b"},
        {"a=b", "aa", NULL},
        {"a=b", "x/a", NULL},
        {"lib*-1.so=lib*-2.so", "libx-1.so", "libx-2.so"},
        {"usr/*/x=opt/*/x", "usr/lib/x", "opt/lib/x"},
        {"usr/*/x=opt/*/x", "usr/lib/y/x", NULL}, /* a star is no slash */
        {"*-1/*=*-2/*", "a-1-1/b", "a-1-2/b"},
        {"*=*", "", ""},
        {"usr/a-*=usr/b-*", "usr/a-1/x/y", "usr/b-1/x/y"}, /* all that a directory holds */
        {"a=b", "ab/c", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char mapped[64];
        assert_true(map_is_sound(cases[i].map));
        size_t size = map_name(cases[i].map, cases[i].name, strlen(cases[i].name), mapped, sizeof(mapped));
        assert_int_equal(size, cases[i].mapped != NULL ? strlen(cases[i].mapped) : 0);
        if (size > 0)
            assert_memory_equal(mapped, cases[i].mapped, size);
    }
}

static void a_map_with_many_stars_ends(void **state)
{
    char name[4096], mapped[4096];
    (void)state;
    memset(name, 'a', sizeof(name));
    assert_int_equal(map_name("*a*a*a*a*a*a*a*ab=********", name, sizeof(name), mapped, sizeof(mapped)), 0);
}

static void a_map_that_is_none_is_told(void **state)
{
    static const char *const maps[] = {"", "=", "a", "a=", "=b", "a=b=c", "*=b", "a=*", "*********=*********"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(maps); i++)
        assert_false(map_is_sound(maps[i]));
}

/* ---- Pairs ---- */

static void list_of(struct inventory *listing, const char *const *paths)
{
    const struct compare_limits limits = {.members = 1000, .unpacked = 100};
    struct compare_error error;
    struct lister lister;
    lister_begin(&lister, "list", &limits, &error);
    for (; *paths != NULL; paths++) {
        struct member *member = lister_member(&lister, *paths, strlen(*paths));
        member->type = MEMBER_FILE;
        member->place = CONTENT_INPUT;
        member->end = 10;
    }
    assert_int_equal(listing_of(&lister, listing), 0);
    lister_end(&lister);
}

/* IDs are those of the first character of the name, if it is a capital. */
static bool identify_by_name(void *state, bool rebuilt, uint32_t member, uint8_t id[32])
{
    const struct inventory *listing = (const struct inventory *)state + rebuilt;
    uint8_t first = listing_bytes(listing, listing->members[member].path)[0];
    memset(id, first, 32);
    return first >= 'A' && first <= 'Z';
}

/* Contents are those of the last character of the name. */
static bool digest_by_name(void *state, bool rebuilt, uint32_t member, uint8_t digest[32])
{
    const struct inventory *listing = (const struct inventory *)state + rebuilt;
    struct text_at path = listing->members[member].path;
    memset(digest, listing_bytes(listing, path)[path.size - 1], 32);
    return true;
}

static void members_are_paired_each_once(void **state)
{
    static const char *const vendor[] = {"same", "old/nameX", "lib.so.2", "v-1/a", "gone?", "twin-1Z", "Id/one", NULL};
    static const char *const rebuilt[] = {"new/otherX", "same",    "lib.so.3", "v-2/a", "more!",
                                          "twin-2Z",    "twin-3Z", "Id/two",   NULL};
    static const char *const maps[] = {"v-1/*=v-2/*", NULL};
    static const struct {
        const char *path;
        enum tree_pairing pairing;
    } expected[] = {{"Id/one", PAIRED_BY_BUILD_ID}, {"gone?", ONLY_VENDOR},           {"lib.so.2", PAIRED_BY_NAME},
                    {"more!", ONLY_REBUILT},        {"old/nameX", PAIRED_BY_CONTENT}, {"same", PAIRED_BY_PATH},
                    {"twin-1Z", ONLY_VENDOR},       {"twin-2Z", ONLY_REBUILT},        {"twin-3Z", ONLY_REBUILT},
                    {"v-1/a", PAIRED_BY_MAP}};
    struct inventory listings[2];
    struct couple *couples;
    struct compare_error error;
    size_t count;
    (void)state;
    list_of(&listings[0], vendor);
    list_of(&listings[1], rebuilt);
    struct pairing_input input = {&listings[0], &listings[1], maps, digest_by_name, identify_by_name, listings};
    assert_int_equal(pair_members(&input, &couples, &count, &error), 0);
    assert_int_equal(count, ARRAY_COUNT(expected));
    for (size_t i = 0; i < count; i++) {
        bool alone = couples[i].vendor == NO_MEMBER;
        const struct inventory *listing = &listings[alone];
        struct text_at path = listing->members[alone ? couples[i].rebuilt : couples[i].vendor].path;
        assert_int_equal(path.size, strlen(expected[i].path));
        assert_memory_equal(listing_bytes(listing, path), expected[i].path, path.size);
        assert_int_equal(couples[i].pairing, expected[i].pairing);
    }
    free(couples);
    listing_free(&listings[0]);
    listing_free(&listings[1]);
}

/* ---- Attributes ---- */

static void attributes_are_sorted_and_read_again(void **state)
{
    const struct compare_limits limits = {.members = 10};
    struct attribute items[] = {{(const uint8_t *)"user.b", (const uint8_t *)"2", 6, 1},
                                {(const uint8_t *)"user.a", (const uint8_t *)"", 6, 0}};
    struct compare_error error;
    struct lister lister;
    struct attribute read;
    (void)state;
    lister_begin(&lister, "list", &limits, &error);
    struct text_at text = attributes_pack(&lister, items, 2);
    const uint8_t *at = lister.strings + text.offset;
    size_t left = text.size;
    assert_true(attributes_next(&at, &left, &read));
    assert_memory_equal(read.name, "user.a", 6);
    assert_true(attributes_next(&at, &left, &read));
    assert_memory_equal(read.value, "2", 1);
    assert_false(attributes_next(&at, &left, &read));
    /* Cut anywhere, nothing is read outside. */
    for (size_t size = 0; size < text.size; size++) {
        at = lister.strings + text.offset;
        left = size;
        while (attributes_next(&at, &left, &read))
            assert_true(read.value + read.value_size <= lister.strings + text.offset + size);
    }
    lister_end(&lister);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_list_arrives_as_it_was_sent),
        cmocka_unit_test(a_list_that_lies_is_refused),
        cmocka_unit_test(a_list_of_another_length_is_refused),
        cmocka_unit_test(what_is_taken_lies_within_bounds),
        cmocka_unit_test(a_map_makes_one_name_of_another),
        cmocka_unit_test(a_map_with_many_stars_ends),
        cmocka_unit_test(a_map_that_is_none_is_told),
        cmocka_unit_test(members_are_paired_each_once),
        cmocka_unit_test(attributes_are_sorted_and_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
