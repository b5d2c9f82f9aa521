/*
 * The readers of archives: every byte of an honest archive has its piece, what a rule sets aside is what it says, and
 * what two readers could take for two archives is refused or odd. Cut at any length and with any byte changed, an archive
 * is read or refused, and nothing is read outside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "kinds.h"

/* ---- Archives in memory ---- */

struct built_archive {
    uint8_t bytes[65536];
    size_t size;
};

static void add(struct built_archive *archive, const void *bytes, size_t size)
{
    assert_true(archive->size + size <= sizeof(archive->bytes));
    memcpy(archive->bytes + archive->size, bytes, size);
    archive->size += size;
}

static void fill(struct built_archive *archive, size_t block)
{
    static const uint8_t zeros[512];
    add(archive, zeros, (block - archive->size % block) % block);
}

static void tar_sum(uint8_t *header)
{
    unsigned sum = 0;
    memset(header + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
}

/* The header's place, so that a test can change it (and its sum, with tar_sum). */
static uint8_t *tar_member(struct built_archive *archive, const char *name, char type, const char *content,
                           const char *link)
{
    uint8_t header[512] = {0};
    size_t size = content != NULL ? strlen(content) : 0, at = archive->size;
    snprintf((char *)header, 100, "%s", name);
    memcpy(header + 100, "0000644", 7);
    memcpy(header + 108, "0000000", 7);
    memcpy(header + 116, "0000000", 7);
    snprintf((char *)header + 124, 12, "%011o", (unsigned)size & 0xffff);
    memcpy(header + 136, "14000000000", 11);
    header[156] = (uint8_t)type;
    snprintf((char *)header + 157, 100, "%s", link != NULL ? link : "");
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    memcpy(header + 265, "root", 4);
    memcpy(header + 297, "root", 4);
    tar_sum(header);
    add(archive, header, sizeof(header));
    add(archive, content != NULL ? content : "", size);
    fill(archive, 512);
    return archive->bytes + at;
}

static void tar_end(struct built_archive *archive)
{
    static const uint8_t zeros[1024];
    add(archive, zeros, sizeof(zeros));
}

static void cpio_member(struct built_archive *archive, const char *name, unsigned mode, unsigned inode, unsigned links,
                        const char *content)
{
    char header[200];
    size_t size = content != NULL ? strlen(content) : 0;
    snprintf(header, sizeof(header), "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", inode, mode, 0U,
             0U, links, 1000U, size, 8U, 1U, 0U, 0U, strlen(name) + 1, 0U);
    add(archive, header, 110);
    add(archive, name, strlen(name) + 1);
    fill(archive, 4);
    add(archive, content != NULL ? content : "", size);
    fill(archive, 4);
}

static void ar_member(struct built_archive *archive, const char *name, const char *content)
{
    char header[100];
    snprintf(header, sizeof(header), "%-16s%-12s%-6s%-6s%-8s%-10zu`\n", name, "1000", "1", "2", "100644",
             strlen(content));
    add(archive, header, 60);
    add(archive, content, strlen(content));
    if (archive->size % 2 != 0)
        add(archive, "\n", 1);
}

/* ---- Listing ---- */

struct listed {
    struct inventory listing;
    struct compare_error error;
    uint8_t contents[65536];
};

/* The status of the listing; what is listed must be freed. */
static int list(enum kind kind, const uint8_t *bytes, size_t size, struct listed *listed)
{
    struct compare_limits limits = limits_for(NULL, size);
    struct lister lister;
    int fd = memfd_create("contents", MFD_CLOEXEC);
    assert_true(fd >= 0);
    memset(listed, 0, sizeof(*listed));
    /* A copy of its exact size, so that a sanitizer sees what is read behind it. */
    uint8_t *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, bytes, size);
    lister_begin(&lister, "archive", &limits, &listed->error);
    lister.bytes = copy;
    lister.size = size;
    lister.contents = fd;
    int status = kind_table[kind].list(&lister);
    status = lister.failure != 0 ? lister.failure : status;
    if (status == 0)
        status = listing_of(&lister, &listed->listing);
    if (status == 0)
        assert_true(pread(fd, listed->contents, sizeof(listed->contents), 0) >= 0);
    lister_end(&lister);
    free(copy);
    close(fd);
    return status;
}

static int list_built(enum kind kind, const struct built_archive *archive, struct listed *listed)
{
    return list(kind, archive->bytes, archive->size, listed);
}

/* Whether it lists, and its pieces are sound: as the parent would find. */
static bool passes(enum kind kind, const uint8_t *bytes, size_t size)
{
    struct listed listed;
    struct compare_limits limits = limits_for(NULL, size);
    if (list(kind, bytes, size, &listed) != 0) {
        assert_true(listed.error.message[0] != '\0');
        return false;
    }
    uint64_t end = 0;
    for (size_t i = 0; i < listed.listing.piece_count; i++) {
        assert_int_equal(listed.listing.pieces[i].begin, end);
        end = listed.listing.pieces[i].end;
    }
    assert_true((listed.listing.flags & LISTING_ACCOUNTED) == 0 || end == size);
    assert_true(listed.listing.member_count <= limits.members);
    listing_free(&listed.listing);
    return true;
}

/* The rule that sets a byte aside; RULE_COUNT: it is kept, or content. */
static enum rule_index rule_at(const struct inventory *listing, uint64_t offset)
{
    for (size_t i = 0; i < listing->piece_count; i++) {
        if (offset < listing->pieces[i].end)
            return listing->pieces[i].kind == PIECE_ASIDE ? (enum rule_index)listing->pieces[i].rule : RULE_COUNT;
    }
    return RULE_COUNT;
}

static bool has_oddity(const struct inventory *listing, const char *id)
{
    for (size_t i = 0; i < listing->oddity_count; i++) {
        struct text_at text = listing->oddities[i].id;
        if (text.size == strlen(id) && memcmp(listing_bytes(listing, text), id, text.size) == 0)
            return true;
    }
    return false;
}

static void is_odd(enum kind kind, const struct built_archive *archive, const char *id)
{
    struct listed listed;
    assert_int_equal(list_built(kind, archive, &listed), 0);
    assert_true(has_oddity(&listed.listing, id));
    listing_free(&listed.listing);
}

static void is_refused(enum kind kind, const struct built_archive *archive, int status)
{
    struct listed listed;
    assert_int_equal(list_built(kind, archive, &listed), status);
}

static const struct member *named(const struct inventory *listing, const char *name)
{
    for (size_t i = 0; i < listing->member_count; i++) {
        struct text_at path = listing->members[i].path;
        if (path.size == strlen(name) && memcmp(listing_bytes(listing, path), name, path.size) == 0)
            return &listing->members[i];
    }
    fail_msg("no member %s", name);
    return NULL;
}

static void honest_tar(struct built_archive *archive)
{
    memset(archive, 0, sizeof(*archive));
    tar_member(archive, "./", '5', NULL, NULL);
    tar_member(archive, "./usr/", '5', NULL, NULL);
    tar_member(archive, "./usr/file", '0', "content", NULL);
    tar_member(archive, "./usr/hard", '1', NULL, "./usr/file");
    tar_member(archive, "./usr/link", '2', NULL, "/etc/passwd");
    tar_end(archive);
}

/* ---- tar ---- */

static void every_byte_of_a_tar_archive_has_its_piece(void **state)
{
    struct built_archive archive;
    struct listed listed;
    (void)state;
    honest_tar(&archive);
    assert_int_equal(list_built(KIND_TAR, &archive, &listed), 0);
    assert_int_equal(listed.listing.member_count, 5);
    assert_int_equal(listed.listing.oddity_count, 0);
    assert_true((listed.listing.flags & LISTING_ORDER_FREE) != 0);
    assert_true(passes(KIND_TAR, archive.bytes, archive.size));
    const struct member *file = named(&listed.listing, "usr/file"), *hard = named(&listed.listing, "usr/hard");
    assert_int_equal(file->end - file->begin, 7);
    assert_memory_equal(archive.bytes + file->begin, "content", 7);
    /* A hard link is the file. */
    assert_int_equal(hard->type, MEMBER_FILE);
    assert_int_equal(hard->begin, file->begin);
    assert_int_equal(hard->link_leader, file - listed.listing.members);
    assert_int_equal(named(&listed.listing, "usr/link")->type, MEMBER_LINK);
    listing_free(&listed.listing);
}

static void of_a_tar_header_times_sizes_and_sums_are_set_aside(void **state)
{
    struct built_archive archive;
    struct listed listed;
    (void)state;
    honest_tar(&archive);
    assert_int_equal(list_built(KIND_TAR, &archive, &listed), 0);
    size_t header = 1024;
    for (size_t i = 0; i < 512; i++) {
        enum rule_index expected = (i >= 124 && i < 136) || (i >= 148 && i < 156) ? RULE_ARCHIVE_LAYOUT
                                   : i >= 136 && i < 148                          ? RULE_MEMBER_TIMES
                                                                                  : RULE_COUNT;
        assert_int_equal(rule_at(&listed.listing, header + i), expected);
    }
    /* Content, padding, end. */
    assert_int_equal(rule_at(&listed.listing, header + 512), RULE_COUNT);
    assert_int_equal(rule_at(&listed.listing, header + 519), RULE_ARCHIVE_LAYOUT);
    assert_int_equal(rule_at(&listed.listing, archive.size - 1), RULE_ARCHIVE_LAYOUT);
    listing_free(&listed.listing);
}

static void data_where_tar_pads_is_odd(void **state)
{
    struct built_archive archive;
    (void)state;
    honest_tar(&archive);
    archive.bytes[1024 + 512 + 100] = 'x';
    is_odd(KIND_TAR, &archive, "data-in-padding");
}

static void data_behind_the_end_of_a_tar_archive_is_odd(void **state)
{
    struct built_archive archive;
    (void)state;
    honest_tar(&archive);
    tar_member(&archive, "evil", '0', "payload", NULL);
    tar_end(&archive);
    is_odd(KIND_TAR, &archive, "data-behind-end");
}

static void a_lone_block_of_zeros_is_refused(void **state)
{
    struct built_archive archive;
    (void)state;
    honest_tar(&archive);
    archive.size -= 512;
    tar_member(&archive, "evil", '0', "payload", NULL);
    tar_end(&archive);
    is_refused(KIND_TAR, &archive, COMPARE_ERROR_MALFORMED);
}

static void a_link_with_a_content_is_refused(void **state)
{
    static const char flags[] = "123456";
    (void)state;
    for (size_t i = 0; i < strlen(flags); i++) {
        struct built_archive archive = {.size = 0};
        tar_member(&archive, "a", '0', "x", NULL);
        tar_member(&archive, "b", flags[i], "hidden", "a");
        tar_end(&archive);
        is_refused(KIND_TAR, &archive, COMPARE_ERROR_MALFORMED);
    }
}

static void a_tar_header_with_a_wrong_sum_is_refused(void **state)
{
    struct built_archive archive;
    (void)state;
    honest_tar(&archive);
    archive.bytes[1024 + 100] ^= 1;
    is_refused(KIND_TAR, &archive, COMPARE_ERROR_MALFORMED);
}

static void a_time_that_is_no_number_is_kept(void **state)
{
    struct built_archive archive;
    struct listed listed;
    (void)state;
    honest_tar(&archive);
    memcpy(archive.bytes + 1024 + 136, "evil payload", 12);
    tar_sum(archive.bytes + 1024);
    assert_int_equal(list_built(KIND_TAR, &archive, &listed), 0);
    assert_int_equal(rule_at(&listed.listing, 1024 + 136), RULE_COUNT);
    assert_int_equal(named(&listed.listing, "usr/file")->known & KNOWN_TIME, 0);
    listing_free(&listed.listing);
}

static void names_that_lead_astray_are_odd(void **state)
{
    static const struct {
        const char *name, *id;
    } cases[] = {{"/etc/shadow", "absolute-path"},   {"../up", "parent-path"},
                 {"usr/../../up", "parent-path"},    {"a\033[2Jb", "control-characters"},
                 {"./usr//file", "duplicate-name"},  {"usr/link/x", "path-through-link"},
                 {"usr/file/x", "path-through-link"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct built_archive archive;
        honest_tar(&archive);
        archive.size -= 1024;
        tar_member(&archive, cases[i].name, '0', "x", NULL);
        tar_end(&archive);
        is_odd(KIND_TAR, &archive, cases[i].id);
    }
}

static void names_that_only_look_so_are_not_odd(void **state)
{
    static const char *const names[] = {"usr/..x", "usr/x..", "...", "usr/a b", "usr/link2"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct built_archive archive;
        struct listed listed;
        honest_tar(&archive);
        archive.size -= 1024;
        tar_member(&archive, names[i], '0', "x", NULL);
        tar_end(&archive);
        assert_int_equal(list_built(KIND_TAR, &archive, &listed), 0);
        assert_int_equal(listed.listing.oddity_count, 0);
        listing_free(&listed.listing);
    }
}

static void a_hard_link_to_what_is_not_there_is_odd(void **state)
{
    static const char *const targets[] = {"nothing", "usr", "later", "usr/link"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        struct built_archive archive;
        honest_tar(&archive);
        archive.size -= 1024;
        tar_member(&archive, "dangling", '1', NULL, targets[i]);
        tar_member(&archive, "later", '0', "x", NULL);
        tar_end(&archive);
        is_odd(KIND_TAR, &archive, "dangling-link");
    }
}

static void pax_records_name_and_time_the_next_member(void **state)
{
    struct built_archive archive = {.size = 0};
    struct listed listed;
    (void)state;
    const char *records[] = {"17 path=usr/long\n", "30 mtime=1700000000.123456789\n", "25 SCHILY.xattr.user.a=1\n"};
    char text[200] = "";
    for (size_t i = 0; i < 3; i++)
        strcat(text, records[i]);
    tar_member(&archive, "PaxHeaders/x", 'x', text, NULL);
    tar_member(&archive, "short", '0', "x", NULL);
    tar_end(&archive);
    assert_int_equal(list_built(KIND_TAR, &archive, &listed), 0);
    assert_int_equal(listed.listing.oddity_count, 0);
    const struct member *member = named(&listed.listing, "usr/long");
    assert_int_equal(member->seconds, 1700000000);
    assert_int_equal(member->nanoseconds, 123456789);
    assert_true(member->attributes.size > 0);
    /* The digits of the time are set aside, its key is not; a path is kept. */
    assert_int_equal(rule_at(&listed.listing, 512 + 17 + 9), RULE_MEMBER_TIMES);
    assert_int_equal(rule_at(&listed.listing, 512 + 17 + 4), RULE_COUNT);
    assert_int_equal(rule_at(&listed.listing, 512 + 8), RULE_COUNT);
    listing_free(&listed.listing);
}

static void pax_records_that_two_readers_read_differently_are_refused_or_odd(void **state)
{
    static const struct {
        const char *records, *oddity; /* NULL: refused */
    } cases[] = {
        {"12 path=usr\n12 path=etc\n", "pax-record"},
        {"14 uid=root12\n", "pax-record"},
        {"12 size=100\n", NULL},
        {"9 path=\n", NULL},     /* a length that does not end at a newline */
        {"012 path=us\n", NULL}, /* a length that begins with a zero */
        {"99 path=usr\n", NULL}, /* beyond the header */
        {"11 noequal\n", NULL},
        {"30 GNU.sparse.realsize=12345\n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct built_archive archive = {.size = 0};
        struct listed listed;
        tar_member(&archive, "PaxHeaders/x", 'x', cases[i].records, NULL);
        tar_member(&archive, "short", '0', "x", NULL);
        tar_end(&archive);
        if (cases[i].oddity != NULL)
            is_odd(KIND_TAR, &archive, cases[i].oddity);
        else
            assert_int_not_equal(list_built(KIND_TAR, &archive, &listed), 0);
    }
}

static void a_global_header_that_changes_members_is_odd(void **state)
{
    struct built_archive archive = {.size = 0};
    (void)state;
    tar_member(&archive, "global", 'g', "12 path=usr\n", NULL);
    tar_member(&archive, "short", '0', "x", NULL);
    tar_end(&archive);
    is_odd(KIND_TAR, &archive, "global-header");
}

static void a_header_that_no_member_follows_is_refused(void **state)
{
    struct built_archive archive = {.size = 0};
    (void)state;
    tar_member(&archive, "short", '0', "x", NULL);
    tar_member(&archive, "PaxHeaders/x", 'x', "12 path=usr\n", NULL);
    tar_end(&archive);
    is_refused(KIND_TAR, &archive, COMPARE_ERROR_MALFORMED);
}

static void long_names_end_in_one_nul(void **state)
{
    (void)state;
    for (int sound = 0; sound < 2; sound++) {
        struct built_archive archive = {.size = 0};
        struct listed listed;
        char content[] = "usr/a-long-nameX";
        uint8_t *header = tar_member(&archive, "././@LongLink", 'L', content, NULL);
        if (sound)
            header[512 + 15] = '\0';
        tar_member(&archive, "usr/a-long", '0', "x", NULL);
        tar_end(&archive);
        assert_int_equal(list_built(KIND_TAR, &archive, &listed), sound ? 0 : COMPARE_ERROR_MALFORMED);
        if (sound)
            named(&listed.listing, "usr/a-long-name");
        listing_free(&listed.listing);
    }
}

/* ---- cpio ---- */

static void honest_cpio(struct built_archive *archive)
{
    memset(archive, 0, sizeof(*archive));
    cpio_member(archive, ".", 040755, 1, 2, NULL);
    cpio_member(archive, "init", 0104755, 2, 2, NULL);
    cpio_member(archive, "sh", 0104755, 2, 2, "the program");
    cpio_member(archive, "link", 0120777, 3, 1, "init");
    cpio_member(archive, "TRAILER!!!", 0, 0, 1, NULL);
    fill(archive, 512);
}

static void a_cpio_archive_is_listed_with_its_hard_links(void **state)
{
    struct built_archive archive;
    struct listed listed;
    (void)state;
    honest_cpio(&archive);
    assert_true(passes(KIND_CPIO, archive.bytes, archive.size));
    assert_int_equal(list_built(KIND_CPIO, &archive, &listed), 0);
    assert_int_equal(listed.listing.oddity_count, 0);
    const struct member *init = named(&listed.listing, "init"), *sh = named(&listed.listing, "sh");
    assert_int_equal(init->mode, 04755);
    assert_int_equal(init->link_leader, sh->link_leader);
    assert_int_equal(init->link_leader, init - listed.listing.members);
    /* The content stands with the last, and is all of theirs. */
    assert_int_equal(init->begin, sh->begin);
    assert_int_equal(sh->end - sh->begin, 11);
    /* inode and time of the first header; its mode is kept. */
    assert_int_equal(rule_at(&listed.listing, 6), RULE_ARCHIVE_LAYOUT);
    assert_int_equal(rule_at(&listed.listing, 14), RULE_COUNT);
    assert_int_equal(rule_at(&listed.listing, 46), RULE_MEMBER_TIMES);
    listing_free(&listed.listing);
}

static void joined_archives_are_parts(void **state)
{
    struct built_archive first, second;
    struct listed listed;
    (void)state;
    honest_cpio(&first);
    honest_cpio(&second);
    size_t middle = first.size;
    add(&first, second.bytes, second.size);
    add(&first, "\x1f\x8b\x08 compressed", 14);
    assert_int_equal(list_built(KIND_CPIO, &first, &listed), 0);
    assert_int_equal(listed.listing.member_count, 3);
    assert_int_equal(listed.listing.members[0].end, middle);
    assert_int_equal(listed.listing.members[2].begin, 2 * middle);
    assert_int_equal(listed.listing.members[2].end, first.size);
    listing_free(&listed.listing);
    assert_true(passes(KIND_CPIO, first.bytes, first.size));
}

static void a_cpio_archive_without_an_end_is_refused(void **state)
{
    struct built_archive archive = {.size = 0};
    (void)state;
    cpio_member(&archive, "init", 0100755, 2, 1, "x");
    is_refused(KIND_CPIO, &archive, COMPARE_ERROR_MALFORMED);
}

/* ---- ar ---- */

static void honest_ar(struct built_archive *archive)
{
    memset(archive, 0, sizeof(*archive));
    add(archive, "!<arch>\n", 8);
    ar_member(archive, "//", "a-name-longer-than-sixteen.o/\n");
    ar_member(archive, "/0", "one");
    ar_member(archive, "two.o/", "two!");
}

static void of_an_ar_header_times_owners_and_sizes_are_set_aside(void **state)
{
    struct built_archive archive;
    struct listed listed;
    (void)state;
    honest_ar(&archive);
    assert_true(passes(KIND_AR, archive.bytes, archive.size));
    assert_int_equal(list_built(KIND_AR, &archive, &listed), 0);
    assert_int_equal(listed.listing.oddity_count, 0);
    assert_int_equal(listed.listing.flags & LISTING_ORDER_FREE, 0);
    named(&listed.listing, "a-name-longer-than-sixteen.o");
    const struct member *two = named(&listed.listing, "two.o");
    size_t header = two->begin - 60;
    for (size_t i = 0; i < 60; i++) {
        enum rule_index expected = i >= 16 && i < 28   ? RULE_MEMBER_TIMES
                                   : i >= 28 && i < 40 ? RULE_AR_OWNERS
                                   : i >= 48 && i < 58 ? RULE_ARCHIVE_LAYOUT
                                                       : RULE_COUNT;
        assert_int_equal(rule_at(&listed.listing, header + i), expected);
    }
    listing_free(&listed.listing);
}

static void a_name_that_no_member_has_is_odd(void **state)
{
    struct built_archive archive = {.size = 0};
    (void)state;
    add(&archive, "!<arch>\n", 8);
    ar_member(&archive, "//", "hidden.o/\nused.o/\n");
    ar_member(&archive, "/10", "one");
    is_odd(KIND_AR, &archive, "names-without-member");
}

static void a_thin_archive_is_refused(void **state)
{
    struct built_archive archive;
    (void)state;
    honest_ar(&archive);
    memcpy(archive.bytes, "!<thin>\n", 8);
    is_refused(KIND_AR, &archive, COMPARE_ERROR_UNSUPPORTED);
}

static void members_of_one_name_are_odd_in_packages_and_numbered_in_libraries(void **state)
{
    struct built_archive archive = {.size = 0};
    struct listed listed;
    (void)state;
    add(&archive, "!<arch>\n", 8);
    ar_member(&archive, "debian-binary", "2.0\n");
    ar_member(&archive, "data.tar.xz", "one");
    ar_member(&archive, "data.tar.xz", "two");
    is_odd(KIND_DEB, &archive, "duplicate-name");
    assert_int_equal(list_built(KIND_AR, &archive, &listed), 0);
    named(&listed.listing, "data.tar.xz (2)");
    listing_free(&listed.listing);
}

static void a_symbol_table_that_is_not_the_members_is_kept(void **state)
{
    struct built_archive archive = {.size = 0};
    struct listed listed;
    (void)state;
    add(&archive, "!<arch>\n", 8);
    ar_member(&archive, "/", "not a table!");
    ar_member(&archive, "two.o/", "two!");
    assert_int_equal(list_built(KIND_AR, &archive, &listed), 0);
    assert_int_equal(rule_at(&listed.listing, 68), RULE_COUNT);
    listing_free(&listed.listing);
}

/* ---- gzip ---- */

static void honest_gzip(struct built_archive *archive)
{
    static const char text[] = "compressed, compressed, compressed";
    z_stream stream = {0};
    memset(archive, 0, sizeof(*archive));
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)text;
    stream.avail_in = sizeof(text) - 1;
    stream.next_out = archive->bytes;
    stream.avail_out = sizeof(archive->bytes);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    archive->size = stream.total_out;
    deflateEnd(&stream);
}

static void a_gzip_file_is_one_content(void **state)
{
    struct built_archive archive;
    struct listed listed;
    (void)state;
    honest_gzip(&archive);
    assert_true(passes(KIND_GZIP, archive.bytes, archive.size));
    assert_int_equal(list_built(KIND_GZIP, &archive, &listed), 0);
    assert_int_equal(listed.listing.member_count, 1);
    assert_memory_equal(listed.contents, "compressed, compressed, compressed", 34);
    assert_int_equal(rule_at(&listed.listing, 3), RULE_COUNT);
    assert_int_equal(rule_at(&listed.listing, 4), RULE_GZIP_HEADER);
    assert_int_equal(rule_at(&listed.listing, 9), RULE_GZIP_HEADER);
    assert_int_equal(rule_at(&listed.listing, 10), RULE_ARCHIVE_COMPRESSION);
    listing_free(&listed.listing);
}

static void what_follows_a_stream_is_another_stream_or_odd(void **state)
{
    struct built_archive archive, second;
    struct listed listed;
    (void)state;
    honest_gzip(&archive);
    honest_gzip(&second);
    add(&archive, second.bytes, second.size);
    assert_int_equal(list_built(KIND_GZIP, &archive, &listed), 0);
    assert_int_equal(listed.listing.members[0].end, 68);
    assert_int_equal(listed.listing.oddity_count, 0);
    listing_free(&listed.listing);
    add(&archive, "\0", 1);
    is_odd(KIND_GZIP, &archive, "data-behind-stream");
}

static void a_stream_with_a_wrong_sum_is_refused(void **state)
{
    struct built_archive archive;
    (void)state;
    for (size_t back = 1; back <= 8; back++) {
        honest_gzip(&archive);
        archive.bytes[archive.size - back] ^= 1;
        is_refused(KIND_GZIP, &archive, COMPARE_ERROR_MALFORMED);
    }
}

static void a_stream_that_grows_beyond_the_limit_hits_it(void **state)
{
    struct built_archive archive;
    struct compare_limits limits = limits_for(NULL, 0);
    struct compare_error error;
    struct lister lister;
    (void)state;
    honest_gzip(&archive);
    limits.unpacked = 33;
    lister_begin(&lister, "archive", &limits, &error);
    lister.bytes = archive.bytes;
    lister.size = archive.size;
    lister.contents = memfd_create("contents", MFD_CLOEXEC);
    assert_int_equal(list_gzip(&lister), COMPARE_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "limit unpacked"));
    close(lister.contents);
    lister_end(&lister);
}

static void too_many_members_hit_the_limit(void **state)
{
    struct built_archive archive;
    struct compare_limits limits = limits_for(NULL, 0);
    struct compare_error error;
    struct lister lister;
    (void)state;
    honest_tar(&archive);
    limits.members = 4;
    lister_begin(&lister, "archive", &limits, &error);
    lister.bytes = archive.bytes;
    lister.size = archive.size;
    assert_int_equal(list_tar(&lister), COMPARE_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "limit members"));
    lister_end(&lister);
}

/* ---- RPM packages, signed modules ---- */

/* A header of two tags, the second one's value before the first one's. */
static void rpm_header(struct built_archive *archive, const char *value)
{
    static const uint8_t intro[] = {0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 12};
    static const uint8_t index[] = {0, 0, 3, 0xe8, 0, 0, 0, 6, 0, 0, 0, 8, 0, 0, 0, 1,  /* 1000, at 8 */
                                    0, 0, 3, 0xee, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1}; /* 1006, at 0 */
    add(archive, intro, sizeof(intro));
    add(archive, index, sizeof(index));
    add(archive, "time\0\0\0\0", 8);
    add(archive, value, 4);
}

static void honest_rpm(struct built_archive *archive)
{
    uint8_t lead[96] = {0xed, 0xab, 0xee, 0xdb};
    memset(archive, 0, sizeof(*archive));
    add(archive, lead, sizeof(lead));
    rpm_header(archive, "sig");
    fill(archive, 8);
    rpm_header(archive, "pkg");
    add(archive, "the payload", 11);
}

static void the_tags_of_an_rpm_package_are_members(void **state)
{
    struct built_archive archive;
    struct listed listed;
    (void)state;
    honest_rpm(&archive);
    assert_int_equal(list_built(KIND_RPM, &archive, &listed), 0);
    assert_int_equal(listed.listing.oddity_count, 0);
    const struct member *name = named(&listed.listing, "header/name"),
                        *when = named(&listed.listing, "header/build-time");
    assert_memory_equal(archive.bytes + name->begin, "pkg", 4);
    assert_memory_equal(archive.bytes + when->begin, "time", 4);
    named(&listed.listing, "signature/1000");
    const struct member *payload = named(&listed.listing, "payload");
    assert_int_equal(payload->end, archive.size);
    assert_int_equal(payload->end - payload->begin, 11);
    listing_free(&listed.listing);
}

static void honest_module(struct built_archive *archive)
{
    static const uint8_t info[] = {0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 9};
    memset(archive, 0, sizeof(*archive));
    add(archive,
        "\x7f"
        "ELF and code",
        13);
    add(archive, "signature", 9);
    add(archive, info, sizeof(info));
    add(archive, "~Module signature appended~\n", 28);
}

static void a_module_s_signature_is_a_member(void **state)
{
    struct built_archive archive;
    struct listed listed;
    (void)state;
    honest_module(&archive);
    assert_int_equal(list_built(KIND_MODULE, &archive, &listed), 0);
    assert_int_equal(named(&listed.listing, "module")->end, 13);
    assert_int_equal(named(&listed.listing, "signature")->end, archive.size);
    listing_free(&listed.listing);
    /* A size that is larger than the file. */
    archive.bytes[archive.size - 29] = 200;
    is_refused(KIND_MODULE, &archive, COMPARE_ERROR_MALFORMED);
}

/* ---- Whatever the bytes are ---- */

static const struct {
    enum kind kind;
    void (*build)(struct built_archive *archive);
} honest[] = {{KIND_TAR, honest_tar},   {KIND_CPIO, honest_cpio}, {KIND_AR, honest_ar},
              {KIND_GZIP, honest_gzip}, {KIND_RPM, honest_rpm},   {KIND_MODULE, honest_module}};

static void an_archive_that_is_cut_is_read_or_refused(void **state)
{
    struct built_archive archive;
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(honest); i++) {
        honest[i].build(&archive);
        assert_true(passes(honest[i].kind, archive.bytes, archive.size));
        for (size_t size = 0; size < archive.size; size++)
            passes(honest[i].kind, archive.bytes, size);
    }
}

static void an_archive_with_changed_bytes_is_read_or_refused(void **state)
{
    (void)state;
    srand(6);
    for (int round = 0; round < 4000; round++) {
        struct built_archive archive;
        size_t which = (size_t)round % ARRAY_COUNT(honest);
        honest[which].build(&archive);
        for (int change = rand() % 4; change >= 0; change--)
            archive.bytes[(size_t)rand() % archive.size] = (uint8_t)rand();
        for (size_t at = 0; which == 0 && rand() % 2 == 0 && at + 512 <= archive.size; at += 512)
            tar_sum(archive.bytes + at);
        /* Any reader may come to any bytes. */
        for (enum kind kind = KIND_GZIP; kind < KIND_COUNT; kind++)
            passes(kind, archive.bytes, archive.size);
    }
}

static void names_are_made_canonical(void **state)
{
    static const struct {
        const char *path, *canonical;
    } cases[] = {{"./", "."},       {".", "."},       {"./usr/", "usr"},    {"usr//bin", "usr/bin"},
                 {"/etc/", "/etc"}, {"a/./b", "a/b"}, {"a/../b", "a/../b"}, {"", ""},
                 {"//", "/"},       {".a", ".a"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t canonical[64];
        size_t size = names_canonical((const uint8_t *)cases[i].path, strlen(cases[i].path), canonical);
        assert_int_equal(size, strlen(cases[i].canonical));
        assert_memory_equal(canonical, cases[i].canonical, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_of_a_tar_archive_has_its_piece),
        cmocka_unit_test(of_a_tar_header_times_sizes_and_sums_are_set_aside),
        cmocka_unit_test(data_where_tar_pads_is_odd),
        cmocka_unit_test(data_behind_the_end_of_a_tar_archive_is_odd),
        cmocka_unit_test(a_lone_block_of_zeros_is_refused),
        cmocka_unit_test(a_link_with_a_content_is_refused),
        cmocka_unit_test(a_tar_header_with_a_wrong_sum_is_refused),
        cmocka_unit_test(a_time_that_is_no_number_is_kept),
        cmocka_unit_test(names_that_lead_astray_are_odd),
        cmocka_unit_test(names_that_only_look_so_are_not_odd),
        cmocka_unit_test(a_hard_link_to_what_is_not_there_is_odd),
        cmocka_unit_test(pax_records_name_and_time_the_next_member),
        cmocka_unit_test(pax_records_that_two_readers_read_differently_are_refused_or_odd),
        cmocka_unit_test(a_global_header_that_changes_members_is_odd),
        cmocka_unit_test(a_header_that_no_member_follows_is_refused),
        cmocka_unit_test(long_names_end_in_one_nul),
        cmocka_unit_test(a_cpio_archive_is_listed_with_its_hard_links),
        cmocka_unit_test(joined_archives_are_parts),
        cmocka_unit_test(a_cpio_archive_without_an_end_is_refused),
        cmocka_unit_test(of_an_ar_header_times_owners_and_sizes_are_set_aside),
        cmocka_unit_test(a_name_that_no_member_has_is_odd),
        cmocka_unit_test(a_thin_archive_is_refused),
        cmocka_unit_test(members_of_one_name_are_odd_in_packages_and_numbered_in_libraries),
        cmocka_unit_test(a_symbol_table_that_is_not_the_members_is_kept),
        cmocka_unit_test(a_gzip_file_is_one_content),
        cmocka_unit_test(what_follows_a_stream_is_another_stream_or_odd),
        cmocka_unit_test(a_stream_with_a_wrong_sum_is_refused),
        cmocka_unit_test(a_stream_that_grows_beyond_the_limit_hits_it),
        cmocka_unit_test(too_many_members_hit_the_limit),
        cmocka_unit_test(the_tags_of_an_rpm_package_are_members),
        cmocka_unit_test(a_module_s_signature_is_a_member),
        cmocka_unit_test(an_archive_that_is_cut_is_read_or_refused),
        cmocka_unit_test(an_archive_with_changed_bytes_is_read_or_refused),
        cmocka_unit_test(names_are_made_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
