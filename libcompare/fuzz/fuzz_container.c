/*
 * Archives: a byte for the kind, then the bytes; or, for the last kind, what a worker that was taken over may pass as a
 * list of members. What is listed owns each byte once, comes through the parent's checks as it was, and is equal to
 * itself. Formats that other libraries read whole (zip, ISO 9660, squashfs) are not tried here.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../container/account.h"
#include "../container/kinds.h"
#include "fuzz.h"

static const enum kind kinds[] = {KIND_GZIP, KIND_XZ,  KIND_ZSTD, KIND_BZIP2, KIND_LZ4,    KIND_AR,
                                  KIND_DEB,  KIND_TAR, KIND_CPIO, KIND_RPM,   KIND_MODULE, KIND_COUNT};

static struct compare_limits small_limits(void)
{
    struct compare_limits limits = limits_for(NULL, 0);
    limits.unpacked = 1 << 20;
    limits.members = 1000;
    return limits;
}

static int memory_file(void)
{
    int fd = memfd_create("fuzzed", MFD_CLOEXEC);
    FUZZ_ASSERT(fd >= 0);
    return fd;
}

static uint64_t file_size(int fd)
{
    struct stat status;
    FUZZ_ASSERT(fstat(fd, &status) == 0);
    return (uint64_t)status.st_size;
}

/* The pieces of an accounted container partition it. */
static void check_pieces(const struct inventory *listing)
{
    uint64_t at = 0;
    for (size_t i = 0; i < listing->piece_count; i++) {
        FUZZ_ASSERT(listing->pieces[i].begin == at && listing->pieces[i].end >= at);
        at = listing->pieces[i].end;
    }
    if ((listing->flags & LISTING_ACCOUNTED) != 0)
        FUZZ_ASSERT(at == listing->size);
}

static void check_texts(const struct inventory *listing)
{
    for (size_t i = 0; i < listing->oddity_count; i++) {
        struct text_at texts[] = {listing->oddities[i].id, listing->oddities[i].message};
        for (size_t k = 0; k < ARRAY_COUNT(texts); k++) {
            for (uint32_t c = 0; c < texts[k].size; c++) {
                uint8_t byte = listing_bytes(listing, texts[k])[c];
                FUZZ_ASSERT(byte >= ' ' && byte <= '~');
            }
        }
    }
}

/* A container differs in nothing from itself. */
static void check_account(const struct inventory *listing, int fd)
{
    struct arena arena = {0};
    struct facts facts;
    struct compare_error error;
    struct tally tally[2] = {{0}};
    struct rule_set rules;
    struct couple *couples = calloc(listing->member_count + 1, sizeof(*couples));
    bool *differs = calloc(listing->member_count + 1, sizeof(*differs));
    struct source *source = source_new(dup(fd), true);
    FUZZ_ASSERT(couples != NULL && differs != NULL && source != NULL);
    memset(&rules, 1, sizeof(rules));
    struct permits permits = {.rules = &rules, .odd = listing->oddity_count > 0};
    for (uint32_t i = 0; i < listing->member_count; i++)
        couples[i] = (struct couple){i, i, PAIRED_BY_PATH};
    struct account_side side = {.listing = listing, .bytes = {source, 0, listing->size}};
    struct account_input input = {
        .sides = {side, side}, .couples = couples, .couple_count = listing->member_count, .permits = &permits};
    facts_begin(&facts, &arena);
    FUZZ_ASSERT(account_compare(&input, tally, differs, &facts, &error) == 0);
    bool accounted = (listing->flags & LISTING_ACCOUNTED) != 0;
    FUZZ_ASSERT(!accounted || (facts.list.count == 0 && tally[0].unexplained == 0 && tally[0].set_aside == 0));
    for (size_t i = 0; i < listing->member_count; i++)
        FUZZ_ASSERT(!differs[i]);
    arena_free(&arena);
    source_drop(source);
    free(couples);
    free(differs);
}

static void list(enum kind kind, const uint8_t *bytes, size_t size)
{
    struct lister lister;
    struct inventory listing;
    struct compare_error error;
    struct compare_limits limits = small_limits();
    uint8_t *copy = malloc(size > 0 ? size : 1);
    int contents = memory_file(), list = memory_file(), archive = memory_file();
    FUZZ_ASSERT(copy != NULL && write(archive, bytes, size) == (ssize_t)size);
    memcpy(copy, bytes, size);
    lister_begin(&lister, "fuzzed", &limits, &error);
    lister.bytes = copy;
    lister.size = size;
    lister.contents = contents;
    int status = kind_table[kind].list(&lister);
    status = lister.failure != 0 ? lister.failure : status;
    if (status == 0 && listing_send(&lister, list) == 0) {
        FUZZ_ASSERT(listing_take(list, "fuzzed", size, file_size(contents), &limits, &listing, &error) == 0);
        check_pieces(&listing);
        check_texts(&listing);
        check_account(&listing, archive);
        listing_free(&listing);
    } else if (status != 0) {
        fuzz_check_text(error.message, sizeof(error.message));
    }
    lister_end(&lister);
    close(contents);
    close(list);
    close(archive);
    free(copy);
}

/* A list from a worker that may say anything, of a container of so many bytes. */
static void take(const uint8_t *bytes, size_t size)
{
    struct input input = {bytes, size};
    struct inventory listing;
    struct compare_error error;
    struct compare_limits limits = small_limits();
    uint64_t container = input_u16(&input), contents = input_u16(&input);
    int fd = memory_file(), archive = memory_file();
    FUZZ_ASSERT(write(fd, input.bytes, input.size) == (ssize_t)input.size && ftruncate(archive, (off_t)container) == 0);
    if (listing_take(fd, "fuzzed", container, contents, &limits, &listing, &error) == 0) {
        check_pieces(&listing);
        check_texts(&listing);
        check_account(&listing, archive);
        listing_free(&listing);
    }
    close(fd);
    close(archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    enum kind kind = kinds[input_u8(&input) % ARRAY_COUNT(kinds)];
    if (kind == KIND_COUNT)
        take(input.bytes, input.size);
    else
        list(kind, input.bytes, input.size);
    return 0;
}
