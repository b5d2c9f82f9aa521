/*
 * squashfs images, read by libsquashfs (linux Documentation/filesystems/squashfs.rst): every file with its mode, owner,
 * device, link target, hard links and extended attributes. As with other formats that describe a file system, the image's
 * own bytes are not accounted for, so that two that differ in any byte but the time of the whole are never equivalent.
 */
#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <sqfs/xattr.h>
#include <sqfs/xattr_reader.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "attributes.h"
#include "kinds.h"

#define BLOCK           65536
#define TIME_OFFSET     8 /* of the superblock's modification time, 32 bits */
#define TIME_SIZE       4
#define DEPTH_MOST      256
#define ATTRIBUTES_MOST 64

/* The image in memory, as libsquashfs wants a file. */
struct image_file {
    sqfs_file_t base;
    const struct lister *lister;
};

struct squash {
    struct lister *lister;
    struct image_file file;
    sqfs_super_t super;
    sqfs_compressor_t *compressor;
    sqfs_id_table_t *ids;
    sqfs_dir_reader_t *directories;
    sqfs_data_reader_t *data;
    sqfs_xattr_reader_t *attributes;
    sqfs_tree_node_t *root;
    uint8_t *block;
    char path[4096];
    size_t used;
};

static int read_at(sqfs_file_t *base, sqfs_u64 offset, void *buffer, size_t size)
{
    const struct lister *lister = ((struct image_file *)base)->lister;
    if (offset > lister->size || size > lister->size - offset)
        return SQFS_ERROR_OUT_OF_BOUNDS;
    memcpy(buffer, lister->bytes + offset, size);
    return 0;
}

static int write_at(sqfs_file_t *base, sqfs_u64 offset, const void *buffer, size_t size)
{
    (void)base, (void)offset, (void)buffer, (void)size;
    return SQFS_ERROR_UNSUPPORTED;
}

static sqfs_u64 get_size(const sqfs_file_t *base)
{
    return ((const struct image_file *)base)->lister->size;
}

static int truncate_not(sqfs_file_t *base, sqfs_u64 size)
{
    (void)base, (void)size;
    return SQFS_ERROR_UNSUPPORTED;
}

static void destroy_not(sqfs_object_t *base)
{
    (void)base;
}

static int damaged(struct squash *squash, const char *what, int status)
{
    if (status == SQFS_ERROR_ALLOC)
        return lister_no_memory(squash->lister);
    return lister_fail(squash->lister, COMPARE_ERROR_MALFORMED, 0, "%s cannot be read (error %d of libsquashfs)", what,
                       status);
}

/* ---- Opening ---- */

static int open_compressor(struct squash *squash)
{
    sqfs_compressor_config_t config;
    int status = sqfs_super_read(&squash->super, &squash->file.base);
    if (status != 0)
        return damaged(squash, "the superblock", status);
    /* The image's end, as the superblock has it, and zeros up to a whole block: nothing else. */
    if (squash->super.bytes_used > squash->lister->size)
        return lister_fail(squash->lister, COMPARE_ERROR_MALFORMED, squash->lister->size, "ends early: truncated?");
    sqfs_compressor_config_init(&config, squash->super.compression_id, squash->super.block_size,
                                SQFS_COMP_FLAG_UNCOMPRESS);
    status = sqfs_compressor_create(&config, &squash->compressor);
    return status == 0 ? 0 : damaged(squash, "the compression", status);
}

static int open_tables(struct squash *squash)
{
    sqfs_file_t *file = &squash->file.base;
    squash->ids = sqfs_id_table_create(0);
    squash->directories = sqfs_dir_reader_create(&squash->super, squash->compressor, file, 0);
    squash->data = sqfs_data_reader_create(file, squash->super.block_size, squash->compressor, 0);
    squash->attributes = sqfs_xattr_reader_create(0);
    if (squash->ids == NULL || squash->directories == NULL || squash->data == NULL || squash->attributes == NULL)
        return lister_no_memory(squash->lister);
    /* libsquashfs takes memory for as many fragments as the superblock claims. */
    if ((uint64_t)squash->super.fragment_entry_count > squash->lister->limits.memory / 64)
        return squash->lister->failure = limit_hit(squash->lister->error, squash->lister->name, "memory",
                                                   squash->lister->limits.memory, "memory for a table of fragments");
    int status = sqfs_id_table_read(squash->ids, file, &squash->super, squash->compressor);
    if (status == 0)
        status = sqfs_data_reader_load_fragment_table(squash->data, &squash->super);
    if (status == 0 && (squash->super.flags & SQFS_FLAG_NO_XATTRS) == 0)
        status = sqfs_xattr_reader_load(squash->attributes, &squash->super, file, squash->compressor);
    if (status == 0)
        status = sqfs_dir_reader_get_full_hierarchy(squash->directories, squash->ids, NULL, 0, &squash->root);
    return status == 0 ? 0 : damaged(squash, "a table", status);
}

static void close_all(struct squash *squash)
{
    if (squash->root != NULL)
        sqfs_dir_tree_destroy(squash->root);
    void *objects[] = {squash->attributes, squash->data, squash->directories, squash->ids, squash->compressor};
    for (size_t i = 0; i < ARRAY_COUNT(objects); i++)
        sqfs_destroy(objects[i]);
}

/* ---- Members ---- */

static bool read_attribute(struct squash *squash, struct attribute *attribute)
{
    sqfs_xattr_entry_t *key = NULL;
    sqfs_xattr_value_t *value = NULL;
    bool read = sqfs_xattr_reader_read_key(squash->attributes, &key) == 0 &&
                sqfs_xattr_reader_read_value(squash->attributes, key, &value) == 0;
    if (read) {
        /* The reader gives the name with its prefix; sizes are those of the suffix. */
        uint32_t name_size = (uint32_t)strlen((const char *)key->key);
        uint8_t *name = arena_alloc(&squash->lister->arena, name_size + 1, 1);
        uint8_t *copy = arena_alloc(&squash->lister->arena, (size_t)value->size + 1, 1);
        read = name != NULL && copy != NULL;
        if (read) {
            memcpy(name, key->key, name_size);
            memcpy(copy, value->value, value->size);
            *attribute =
                (struct attribute){.name = name, .value = copy, .name_size = name_size, .value_size = value->size};
        }
    }
    free(key);
    free(value);
    return read;
}

static struct text_at read_attributes(struct squash *squash, const sqfs_inode_generic_t *inode)
{
    struct attribute items[ATTRIBUTES_MOST];
    const struct text_at none = {0, 0};
    sqfs_xattr_id_t description;
    sqfs_u32 index = UINT32_MAX;
    if (sqfs_inode_get_xattr_index(inode, &index) != 0 || index == UINT32_MAX ||
        (squash->super.flags & SQFS_FLAG_NO_XATTRS) != 0)
        return none;
    int status = sqfs_xattr_reader_get_desc(squash->attributes, index, &description);
    if (status == 0)
        status = sqfs_xattr_reader_seek_kv(squash->attributes, &description);
    if (status != 0 || description.count > ATTRIBUTES_MOST) {
        damaged(squash, "an extended attribute", status);
        return none;
    }
    for (sqfs_u32 i = 0; i < description.count; i++) {
        if (!read_attribute(squash, &items[i])) {
            bool exhausted = squash->lister->arena.exhausted;
            damaged(squash, "an extended attribute", exhausted ? SQFS_ERROR_ALLOC : SQFS_ERROR_CORRUPTED);
            return none;
        }
    }
    return attributes_pack(squash->lister, items, description.count);
}

static int read_content(struct squash *squash, const sqfs_inode_generic_t *inode)
{
    struct lister *lister = squash->lister;
    uint64_t begin = lister->written;
    sqfs_u64 size = 0;
    sqfs_inode_get_file_size(inode, &size);
    for (sqfs_u64 at = 0; at < size && lister->failure == 0;) {
        sqfs_u32 part = size - at < BLOCK ? (sqfs_u32)(size - at) : BLOCK;
        sqfs_s32 got = sqfs_data_reader_read(squash->data, inode, at, squash->block, part);
        if (got <= 0)
            return damaged(squash, "a file's content", got);
        lister_write(lister, squash->block, (size_t)got);
        at += (sqfs_u64)got;
    }
    struct member *member = (struct member *)lister->members.items + lister_last(lister);
    member->place = CONTENT_OUTPUT;
    member->begin = begin;
    member->end = lister->written;
    return lister->failure;
}

static enum member_type type_of(const sqfs_inode_generic_t *inode)
{
    static const enum member_type types[] = {
        [SQFS_INODE_DIR] = MEMBER_DIRECTORY,
        [SQFS_INODE_FILE] = MEMBER_FILE,
        [SQFS_INODE_SLINK] = MEMBER_LINK,
        [SQFS_INODE_BDEV] = MEMBER_BLOCK_DEVICE,
        [SQFS_INODE_CDEV] = MEMBER_CHARACTER_DEVICE,
        [SQFS_INODE_FIFO] = MEMBER_FIFO,
        [SQFS_INODE_SOCKET] = MEMBER_SOCKET,
    };
    unsigned type = inode->base.type > SQFS_INODE_SOCKET ? inode->base.type - SQFS_INODE_SOCKET : inode->base.type;
    return type < ARRAY_COUNT(types) ? types[type] : MEMBER_OTHER;
}

static uint32_t device_of(const sqfs_inode_generic_t *inode)
{
    bool extended = inode->base.type == SQFS_INODE_EXT_BDEV || inode->base.type == SQFS_INODE_EXT_CDEV;
    return extended ? inode->data.dev_ext.devno : inode->data.dev.devno;
}

static void describe(struct squash *squash, const sqfs_tree_node_t *node, struct member *member)
{
    const sqfs_inode_generic_t *inode = node->inode;
    member->type = type_of(inode);
    member->mode = inode->base.mode & 07777;
    member->uid = node->uid;
    member->gid = node->gid;
    member->seconds = inode->base.mod_time;
    member->known = KNOWN_MODE | KNOWN_OWNER | KNOWN_TIME | KNOWN_ATTRIBUTES | KNOWN_LINKS;
    member->inode = member->type != MEMBER_DIRECTORY ? inode->base.inode_number : 0;
    if (member->type == MEMBER_LINK)
        member->target = lister_text(squash->lister, inode->extra, strlen((const char *)inode->extra));
    if (member->type == MEMBER_CHARACTER_DEVICE || member->type == MEMBER_BLOCK_DEVICE) {
        member->major = major(device_of(inode));
        member->minor = minor(device_of(inode));
    }
    member->attributes = read_attributes(squash, inode);
}

static int one_member(struct squash *squash, const sqfs_tree_node_t *node)
{
    /* The root is a member too: its mode and owner are those of the whole. */
    bool is_root = squash->used == 0;
    struct member *member = lister_member(squash->lister, is_root ? "." : squash->path, is_root ? 1 : squash->used);
    if (member == NULL)
        return squash->lister->failure;
    describe(squash, node, member);
    return member->type == MEMBER_FILE ? read_content(squash, node->inode) : squash->lister->failure;
}

static int walk(struct squash *squash, const sqfs_tree_node_t *node, unsigned depth)
{
    size_t used = squash->used;
    int status = one_member(squash, node);
    if (depth > DEPTH_MOST)
        return lister_fail(squash->lister, COMPARE_ERROR_UNSUPPORTED, 0, "directories are nested too deeply");
    for (const sqfs_tree_node_t *child = node->children; child != NULL && status == 0; child = child->next) {
        size_t size = strlen((const char *)child->name);
        if (used + size + 2 > sizeof(squash->path))
            return lister_fail(squash->lister, COMPARE_ERROR_UNSUPPORTED, 0, "a path that is too long");
        if (used > 0)
            squash->path[used] = '/';
        memcpy(squash->path + used + (used > 0), child->name, size);
        squash->used = used + (used > 0) + size;
        status = walk(squash, child, depth + 1);
        squash->used = used;
    }
    return status;
}

int list_squashfs(struct lister *lister)
{
    struct squash *squash = arena_alloc(&lister->arena, 1, sizeof(*squash));
    if (squash == NULL)
        return lister_no_memory(lister);
    squash->lister = lister;
    squash->block = arena_alloc(&lister->arena, BLOCK, 1);
    squash->file = (struct image_file){.base = {.base = {.destroy = destroy_not},
                                                .read_at = read_at,
                                                .write_at = write_at,
                                                .get_size = get_size,
                                                .truncate = truncate_not},
                                       .lister = lister};
    int status = squash->block != NULL ? open_compressor(squash) : lister_no_memory(lister);
    if (status == 0)
        status = open_tables(squash);
    if (status == 0)
        status = walk(squash, squash->root, 0);
    close_all(squash);
    if (status != 0)
        return status;
    lister->flags |= LISTING_ACCOUNTED;
    lister_keep(lister, TIME_OFFSET, NO_MEMBER);
    lister_aside(lister, TIME_SIZE, RULE_MEMBER_TIMES, NO_MEMBER);
    lister_keep(lister, lister->size - lister->accounted, NO_MEMBER);
    return lister->failure != 0 ? lister->failure : names_check(lister, false);
}
