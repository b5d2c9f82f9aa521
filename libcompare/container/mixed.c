/*
 * A directory against an archive: the archive is opened down to the files that it installs (through compression, a Debian
 * package's data.tar, an RPM's payload), and its members are compared with the directory's. The archive's own bytes have
 * no partner: they are unexplained, unless the policy accepts rule archive-alone.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

struct opening {
    struct tree_run *run;
    int side; /* the archive's */
    const char *name;
    struct stretch bytes;     /* of what is opened now */
    struct source *contents;  /* what the worker wrote of it */
    struct inventory listing; /* its members */
    enum kind kind;
};

/* The member that goes on to the files; NO_MEMBER: these are the files. */
static uint32_t way_on(const struct opening *opening)
{
    static const struct {
        enum kind kind;
        const char *name;
    } ways[] = {{KIND_DEB, "data.tar"}, {KIND_RPM, "payload"}};
    if (kind_table[opening->kind].layer)
        return opening->listing.member_count == 1 ? 0 : NO_MEMBER;
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        for (uint32_t k = 0; opening->kind == ways[i].kind && k < opening->listing.member_count; k++) {
            struct text_at path = opening->listing.members[k].path;
            if (path.size >= strlen(ways[i].name) &&
                memcmp(listing_bytes(&opening->listing, path), ways[i].name, strlen(ways[i].name)) == 0)
                return k;
        }
    }
    return NO_MEMBER;
}

/* Lists what is opened now, by a worker. */
static int list_now(struct opening *opening, struct compare_error *error)
{
    struct unpack_work unpack;
    int outcome, list = source_anonymous(), contents = source_anonymous();
    struct stat status;
    opening->contents = contents >= 0 ? source_new(contents, true) : NULL;
    if (list < 0 || opening->contents == NULL) {
        if (list >= 0)
            close(list);
        return error_set(error, COMPARE_ERROR_SYSTEM, opening->name, "cannot make a temporary file");
    }
    unpack_prepare(&unpack, &opening->run->work_options, opening->name, opening->kind, &opening->bytes, contents);
    unpack_list_into(&unpack, list);
    int result = compare_in_worker(&unpack.work.begun, &outcome, error);
    if (result == 0 && fstat(contents, &status) != 0)
        result = error_set(error, COMPARE_ERROR_SYSTEM, opening->name, "cannot examine a temporary file");
    if (result == 0)
        result = listing_take(list, opening->name, stretch_size(&opening->bytes), (uint64_t)status.st_size,
                              &unpack.limits, &opening->listing, error);
    close(list);
    return result;
}

/* From a container to the one of its members that goes on. */
static int enter(struct opening *opening, uint32_t index, struct compare_error *error)
{
    const struct member *member = &opening->listing.members[index];
    struct stretch next = {.begin = member->begin, .end = member->end};
    if (opening->listing.oddity_count > 0)
        return error_set(error, COMPARE_ERROR_UNSUPPORTED, opening->name,
                         "has anomalies, and is compared with another archive only");
    if (member->place == CONTENT_INPUT) {
        next.begin += opening->bytes.begin;
        next.end += opening->bytes.begin;
        next.source = source_use(opening->bytes.source);
    } else {
        next.source = source_use(opening->contents);
    }
    source_drop(opening->bytes.source);
    source_drop(opening->contents);
    opening->contents = NULL;
    listing_free(&opening->listing);
    opening->bytes = next;
    return 0;
}

static int open_to_the_files(struct opening *opening, struct compare_error *error)
{
    for (uint64_t depth = 0; depth < opening->run->limits.depth; depth++) {
        opening->kind = kind_tell(opening->bytes.source->fd, opening->bytes.begin, stretch_size(&opening->bytes));
        if (kind_table[opening->kind].list == NULL || opening->kind == KIND_MODULE)
            return error_set(error, COMPARE_ERROR_UNSUPPORTED, opening->name,
                             "is compared with a directory, and is neither a directory nor an archive");
        int status = list_now(opening, error);
        uint32_t next = status == 0 ? way_on(opening) : NO_MEMBER;
        if (status != 0 || next == NO_MEMBER)
            return status;
        status = enter(opening, next, error);
        if (status != 0)
            return status;
    }
    return limit_hit(error, opening->name, "depth", opening->run->limits.depth, "archives within archives");
}

int mixed_begin(struct tree_run *run, size_t pair, int directory_side, int directory, struct stretch archive)
{
    struct opening opening = {.run = run,
                              .side = !directory_side,
                              .name = directory_side == 0 ? run->tree->rebuilt_path : run->tree->vendor_path,
                              .bytes = archive};
    struct compare_error error;
    int status = open_to_the_files(&opening, &error);
    if (status == 0) {
        holder_begin_mixed(run, pair, directory_side, directory, opening.bytes, opening.contents, &opening.listing);
        return 0;
    }
    listing_free(&opening.listing);
    source_drop(opening.bytes.source);
    source_drop(opening.contents);
    close(directory);
    *run->error = error;
    run->failure = status;
    return status;
}
