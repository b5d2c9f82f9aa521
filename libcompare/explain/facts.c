/* What each file says of itself: producers, directories, flags, imports, sections. */
#include <stdlib.h>
#include <string.h>

#include "causes/kernel_config.h"
#include "causes/text_pairs.h"
#include "parts.h"

/* Names of one kind; more are no help to people. */
#define NAMES_MOST 100000u

struct gathering {
    struct explaining *e;
    struct list producers, directories, unit_names, languages, dwo_names;
    bool failed;
};

static void add_name(struct gathering *gathering, struct list *names, const char *name)
{
    if (name == NULL || name[0] == '\0' || names->count >= NAMES_MOST)
        return;
    const char **last = names->count > 0 ? (const char **)names->items + names->count - 1 : NULL;
    if (last != NULL && strcmp(*last, name) == 0)
        return;
    const char **added = list_add(names);
    if (added == NULL)
        gathering->failed = true;
    else
        *added = name;
}

static int name_order(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static struct names sorted(struct list *list)
{
    struct names names = {list->items, 0};
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(char *), name_order);
    for (size_t i = 0; i < list->count; i++) {
        if (names.count == 0 || strcmp(names.items[names.count - 1], names.items[i]) != 0)
            names.items[names.count++] = names.items[i];
    }
    return names;
}

static bool take_unit(void *state, const struct debug_unit *unit)
{
    struct gathering *gathering = state;
    add_name(gathering, &gathering->producers, unit->producer);
    add_name(gathering, &gathering->directories, unit->comp_dir);
    add_name(gathering, &gathering->unit_names, unit->name);
    add_name(gathering, &gathering->languages, unit->language);
    add_name(gathering, &gathering->dwo_names, unit->dwo_name);
    for (size_t i = 0; i < unit->directory_count; i++) {
        if (unit->directories[i] != NULL && unit->directories[i][0] == '/')
            add_name(gathering, &gathering->directories, unit->directories[i]);
    }
    return !gathering->failed;
}

static struct list names_list(struct explaining *e)
{
    return (struct list){.arena = e->arena, .item_size = sizeof(char *)};
}

static void read_units(struct explaining *e, size_t side, struct facts *facts)
{
    struct gathering gathering = {.e = e};
    gathering.producers = gathering.directories = gathering.unit_names = gathering.languages = gathering.dwo_names =
        names_list(e);
    facts->has_debug = e->sides[side].debug != NULL;
    if (facts->has_debug && !debug_units(e->sides[side].debug, UNITS_MOST, e->arena, take_unit, &gathering))
        incomplete(e, "not all of the debug information could be read");
    e->out_of_memory |= gathering.failed;
    facts->producers = sorted(&gathering.producers);
    facts->directories = sorted(&gathering.directories);
    facts->unit_names = sorted(&gathering.unit_names);
    facts->languages = sorted(&gathering.languages);
    facts->dwo_names = sorted(&gathering.dwo_names);
}

static void read_symbols(struct explaining *e, size_t side, struct facts *facts)
{
    struct gathering gathering = {.e = e};
    struct list imports = names_list(e), exports = names_list(e), symbols = names_list(e);
    const struct symbols *all = &e->sides[side].symbols;
    for (size_t i = 0; i < all->count; i++) {
        const struct symbol *symbol = &all->items[i];
        if (symbol->source == SYMBOL_DYNSYM)
            add_name(&gathering, symbol->section == 0 ? &imports : &exports, symbol->name);
        if (symbol->source == SYMBOL_SYMTAB)
            add_name(&gathering, &symbols, symbol->name);
        facts->has_symtab |= symbol->source == SYMBOL_SYMTAB;
    }
    e->out_of_memory |= gathering.failed;
    facts->imports = sorted(&imports);
    facts->exports = sorted(&exports);
    facts->symbols = sorted(&symbols);
}

static void read_comments(struct explaining *e, const struct image *image, struct facts *facts)
{
    struct gathering gathering = {.e = e};
    struct list comments = names_list(e);
    const struct section *section = image_section_named(image, ".comment");
    uint64_t at = section != NULL ? section->bytes.begin : 0, end = section != NULL ? section->bytes.end : 0;
    while (at < end) {
        const char *text = (const char *)image->bytes + at;
        size_t size = strnlen(text, end - at);
        if (size == end - at)
            break; /* not ended */
        add_name(&gathering, &comments, text);
        at += size + 1;
    }
    e->out_of_memory |= gathering.failed;
    facts->comments = sorted(&comments);
}

static void read_sections(struct explaining *e, const struct image *image, struct facts *facts)
{
    struct gathering gathering = {.e = e};
    struct list sections = names_list(e);
    for (uint64_t i = 1; i < image->section_count; i++)
        add_name(&gathering, &sections, image->sections[i].name);
    for (size_t i = 0; i < image->executable_count; i++)
        facts->text_size += range_size(image->executable[i]);
    e->out_of_memory |= gathering.failed;
    facts->has_section_headers = image->section_count > 0;
    facts->sections = sorted(&sections);
}

static void read_needed(struct explaining *e, const struct image *image, struct facts *facts)
{
    struct gathering gathering = {.e = e};
    struct list needed = names_list(e);
    for (size_t i = 0; i < image->dynamic_count; i++) {
        if (image->dynamic[i].tag == DT_NEEDED)
            add_name(&gathering, &needed, dynamic_string(image, image->dynamic[i].value));
    }
    e->out_of_memory |= gathering.failed;
    facts->needed = sorted(&needed);
}

const char *dynamic_string(const struct image *image, uint64_t offset)
{
    const struct dynamic_entry *table = image_dynamic(image, DT_STRTAB), *size = image_dynamic(image, DT_STRSZ);
    struct range strings;
    if (table == NULL || size == NULL || offset >= size->value ||
        !image_file_range(image, table->value, size->value, &strings))
        return NULL;
    const char *text = (const char *)image->bytes + strings.begin + offset;
    return strnlen(text, size->value - offset) < size->value - offset ? text : NULL;
}

static bool is_rust(const struct facts *facts)
{
    bool rust = names_have(&facts->languages, "Rust");
    for (size_t i = 0; i < facts->comments.count && !rust; i++)
        rust = strncmp(facts->comments.items[i], "rustc version ", 14) == 0;
    return rust;
}

void facts_read(struct explaining *e)
{
    for (size_t side = 0; side < 2; side++) {
        struct facts *facts = side == 0 ? &e->clues.vendor : &e->clues.rebuilt;
        const struct image *image = e->sides[side].image;
        facts->image = image;
        read_units(e, side, facts);
        read_symbols(e, side, facts);
        read_comments(e, image, facts);
        read_sections(e, image, facts);
        read_needed(e, image, facts);
        facts->is_rust = is_rust(facts);
        facts->configuration = config_find(image);
    }
}
