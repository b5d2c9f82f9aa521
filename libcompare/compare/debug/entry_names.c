/* What an entry is called, for people: its name, or that of what it stands for; and those of the entries around it. */
#include "parts.h"

#include <string.h>

#define HOPS 5

bool entry_is_named(const struct debug_entry *entry)
{
    return debug_entry_attribute(entry, DW_AT_name) != NULL || debug_entry_attribute(entry, DW_AT_linkage_name) != NULL;
}

/* The unit of a side, and the cursor over it, in which this entry is: most are in the one that is compared. */
static bool read_entry(struct unit_pair *pair, size_t side, uint64_t offset, struct debug_entry *entry)
{
    const struct debug_unit_header *unit = &pair->units[side]->header;
    return offset >= unit->begin && offset < unit->end && debug_cursor_entry_at(&pair->cursors[side], offset, entry);
}

static const struct debug_attribute *link_of(const struct debug_entry *entry)
{
    static const uint16_t names[] = {DW_AT_abstract_origin, DW_AT_specification, DW_AT_call_origin, DW_AT_import,
                                     DW_AT_type};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const struct debug_attribute *link = debug_entry_attribute(entry, names[i]);
        if (link != NULL && link->class == DEBUG_CLASS_ENTRY)
            return link;
    }
    return NULL;
}

/* The name as it is written, which can stand at what this entry completes; or else that of the linker. */
static const struct debug_attribute *name_of(const struct debug_entry *entry, const struct debug_attribute *link)
{
    const struct debug_attribute *name = debug_entry_attribute(entry, DW_AT_name);
    if (name == NULL && (link == NULL || link->name == DW_AT_type))
        name = debug_entry_attribute(entry, DW_AT_linkage_name);
    return name != NULL && name->class == DEBUG_CLASS_TEXT ? name : NULL;
}

/* "limit", "pointer_type of char" */
static void describe(struct unit_pair *pair, size_t side, const struct debug_entry *first, char text[ENTRY_TEXT])
{
    struct debug_entry entry = *first;
    size_t used = 0;
    text[0] = '\0';
    for (unsigned hops = 0; hops < HOPS && used < ENTRY_TEXT - 100; hops++) {
        const struct debug_attribute *link = link_of(&entry), *name = name_of(&entry, link);
        bool origin = link != NULL && link->name != DW_AT_type;
        if (name != NULL) {
            escape_bytes(text + used, ENTRY_TEXT - used, name->bytes, name->size < 200 ? name->size : 200);
            return;
        }
        /* What only points to another goes by that one. */
        if (!origin || entry.tag == DW_TAG_call_site || entry.tag == DW_TAG_GNU_call_site ||
            entry.tag == DW_TAG_inlined_subroutine) {
            const char *tag = debug_tag_name(pair->d->arena, entry.tag) + strlen("DW_TAG_");
            used += (size_t)snprintf(text + used, ENTRY_TEXT - used, "%s%s", tag, link != NULL ? " of " : "");
        }
        if (link == NULL || !read_entry(pair, side, link->number, &entry))
            return;
    }
}

void entry_name_at(struct unit_pair *pair, size_t side, uint64_t offset, char text[ENTRY_TEXT])
{
    struct debug_entry entry;
    if (read_entry(pair, side, offset, &entry))
        describe(pair, side, &entry, text);
    else
        snprintf(text, ENTRY_TEXT, "an entry of another unit");
}

/* Named ones around it, the innermost two: functions and types rather than blocks. */
void entry_path(struct unit_pair *pair, size_t side, const struct debug_entry *entry, char text[ENTRY_TEXT])
{
    char around[2][ENTRY_TEXT], own[ENTRY_TEXT];
    unsigned found = 0;
    struct debug_entry parent;
    for (unsigned depth = entry->depth; depth > 1 && found < 2; depth--) {
        if (depth - 1 >= DEPTH_MOST || !read_entry(pair, side, pair->parents[side][depth - 1], &parent))
            break;
        if (parent.tag == DW_TAG_lexical_block || (!entry_is_named(&parent) && link_of(&parent) == NULL))
            continue;
        describe(pair, side, &parent, around[found++]);
    }
    if (entry->depth == 0) {
        snprintf(text, ENTRY_TEXT, "%s", "the unit");
        return;
    }
    describe(pair, side, entry, own);
    int used = 0;
    for (unsigned i = found; i-- > 0 && used < ENTRY_TEXT - 4;)
        used += snprintf(text + used, ENTRY_TEXT - (size_t)used, "%.110s > ", around[i]);
    snprintf(text + used, ENTRY_TEXT - (size_t)used, "%.160s", own);
}
