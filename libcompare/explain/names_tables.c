/* Lists of names that both files have: which only one side has. Symbol tables, and what others here tell in pairs. */
#include <string.h>

#include "parts.h"

/* Of the names of one side. */
#define LISTED_MOST ((size_t)64 << 10)

void names_apart(struct explaining *e, const struct names *vendor, const struct names *rebuilt,
                 struct names *only_vendor, struct names *only_rebuilt)
{
    size_t a = 0, b = 0;
    only_vendor->items = arena_alloc(e->arena, vendor->count, sizeof(char *));
    only_rebuilt->items = arena_alloc(e->arena, rebuilt->count, sizeof(char *));
    only_vendor->count = only_rebuilt->count = 0;
    if (only_vendor->items == NULL || only_rebuilt->items == NULL) {
        e->out_of_memory = true;
        return;
    }
    while (a < vendor->count || b < rebuilt->count) {
        int order = a == vendor->count ? 1 : b == rebuilt->count ? -1 : strcmp(vendor->items[a], rebuilt->items[b]);
        if (order < 0)
            only_vendor->items[only_vendor->count++] = vendor->items[a];
        if (order > 0)
            only_rebuilt->items[only_rebuilt->count++] = rebuilt->items[b];
        a += order <= 0;
        b += order >= 0;
    }
}

void names_tell(struct explaining *e, enum difference_kind kind, const char *what, const struct names *vendor,
                const struct names *rebuilt, size_t most)
{
    struct names a, b;
    names_apart(e, vendor, rebuilt, &a, &b);
    for (size_t i = 0; !e->out_of_memory && i < most && (i < a.count || i < b.count); i++) {
        struct difference *difference = difference_add(e, kind, what);
        if (difference == NULL)
            return;
        difference->vendor.present = i < a.count;
        difference->rebuilt.present = i < b.count;
        if (i < a.count)
            value_bytes(e, &difference->vendor_value, a.items[i], strlen(a.items[i]));
        if (i < b.count)
            value_bytes(e, &difference->rebuilt_value, b.items[i], strlen(b.items[i]));
    }
}

/* The names, each ended by a newline; shown: how many, and the first. */
static void list_names(struct explaining *e, struct value *value, const struct names *names)
{
    size_t size = 0, used = 0;
    for (size_t i = 0; i < names->count; i++)
        size += strlen(names->items[i]) + 1;
    size = size < LISTED_MOST ? size : LISTED_MOST;
    char *text = arena_alloc(e->arena, size + 1, 1);
    if (text == NULL) {
        e->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < names->count && used + strlen(names->items[i]) + 1 <= size; i++)
        used += (size_t)snprintf(text + used, size + 1 - used, "%s\n", names->items[i]);
    value_text(e, value, "%zu name%s of its own%s%s%s", names->count, names->count == 1 ? "" : "s",
               names->count > 0 ? ": " : "", names->count > 0 ? name_demangled(names->items[0], e->arena) : "",
               names->count > 1 ? ", ..." : "");
    value->bytes = (const uint8_t *)text;
    value->size = used;
    value->number = names->count;
}

static void explain_table(struct explaining *e, const char *what, const struct names *vendor,
                          const struct names *rebuilt)
{
    struct names a, b;
    names_apart(e, vendor, rebuilt, &a, &b);
    if (e->out_of_memory || a.count + b.count == 0)
        return;
    struct difference *difference = difference_add(e, DIFFERENCE_SYMBOLS, what);
    if (difference == NULL)
        return;
    difference->vendor.present = difference->rebuilt.present = true;
    difference->vendor.section = difference->rebuilt.section = what;
    list_names(e, &difference->vendor_value, &a);
    list_names(e, &difference->rebuilt_value, &b);
}

void names_explain(struct explaining *e)
{
    const struct facts *a = &e->clues.vendor, *b = &e->clues.rebuilt;
    if (a->has_symtab && b->has_symtab)
        explain_table(e, ".symtab", &a->symbols, &b->symbols);
    explain_table(e, ".dynsym", &a->imports, &b->imports);
    explain_table(e, ".dynsym", &a->exports, &b->exports);
}
