/*
 * Data that is no string: pointers by what they lead to, and other bytes where nothing moved, or of objects that have a
 * name. Jump tables and other relative words change as code moves, and are no difference of their own then.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define TEXT_OBJECT_MOST 65536
#define GAP_MOST         64 /* between two objects; more is no alignment's */

/* ---- Pointers, by their relocations ---- */

#define SLICE_MOST 4096

/* rustc's strings end where a length behind the pointer says, and what follows there is no part of them. */
static bool same_slice(const struct explaining *e, const struct relocation *a, const struct relocation *b)
{
    const struct image *x = e->sides[0].image, *y = e->sides[1].image;
    uint64_t width = x->is64 ? 8 : 4;
    struct range from, to;
    if (!e->clues.vendor.is_rust || !e->clues.rebuilt.is_rust || x->is64 != y->is64 ||
        x->size - a->file_offset < 2 * width || y->size - b->file_offset < 2 * width)
        return false;
    uint64_t size = image_word(x, a->file_offset + width);
    return size > 0 && size <= SLICE_MOST && size == image_word(y, b->file_offset + width) &&
           image_file_range(x, (uint64_t)a->addend, size, &from) &&
           image_file_range(y, (uint64_t)b->addend, size, &to) && utf8_size(x->bytes + from.begin, size) == size &&
           memcmp(x->bytes + from.begin, y->bytes + to.begin, size) == 0;
}

static bool same_pointer(const struct explaining *e, const struct relocation *a, const struct relocation *b)
{
    if (strcmp(a->symbol, b->symbol) != 0 || a->type != b->type)
        return false;
    if (a->addend == b->addend || a->implicit_addend != b->implicit_addend)
        return true;
    if (a->symbol[0] != '\0' || image_is_relocatable(e->sides[0].image))
        return false;
    return same_meaning(e, (uint64_t)a->addend, (uint64_t)b->addend) || same_slice(e, a, b);
}

static void pointer_text(struct explaining *e, size_t side, struct value *value, const struct relocation *relocation)
{
    char name[256];
    const char *target = relocation->symbol[0] != '\0'
                             ? name_demangled(relocation->symbol, e->arena)
                             : meaning_name(e, side, (uint64_t)relocation->addend, name, sizeof(name));
    value->number = (uint64_t)relocation->addend;
    if (relocation->symbol[0] != '\0' && relocation->addend != 0)
        value_text(e, value, "%s%+jd", target, (intmax_t)relocation->addend);
    else if (target != NULL)
        value_text(e, value, "%s", target);
    else
        value_text(e, value, "%#jx", (uintmax_t)relocation->addend);
}

static void tell_pointer(struct explaining *e, const struct relocation *a, const struct relocation *b)
{
    const struct relocation *of[2] = {a, b};
    struct difference *difference = difference_add(e, DIFFERENCE_DATA, "pointer");
    for (size_t side = 0; difference != NULL && side < 2; side++) {
        uint64_t width = e->sides[side].image->is64 ? 8 : 4;
        struct range bytes = {of[side]->file_offset, of[side]->file_offset + width};
        place_set(e, side == 0 ? &difference->vendor : &difference->rebuilt, side, bytes);
        pointer_text(e, side, side == 0 ? &difference->vendor_value : &difference->rebuilt_value, of[side]);
    }
}

/*
 * Only where both sides have as many: then the n-th belongs to the n-th, in the order of their places. In objects the
 * relocations of code are told of with the code.
 */
static void explain_pointers(struct explaining *e)
{
    const struct explained_side *a = &e->sides[0], *b = &e->sides[1];
    if (a->relocation_count != b->relocation_count || e->reordered)
        return;
    for (size_t i = 0; i < a->relocation_count && !e->out_of_memory; i++) {
        const struct relocation *x = &a->relocations[i], *y = &b->relocations[i];
        struct range place = {x->file_offset, x->file_offset + 1};
        if (place.end > a->image->size || image_is_executable(a->image, place) || same_pointer(e, x, y) ||
            !image_in_load_view(a->image, place))
            continue;
        tell_pointer(e, x, y);
    }
}

/* ---- Objects by name ---- */

struct object {
    const struct symbol *symbol;
    size_t index;
};

static int object_order(const void *left, const void *right)
{
    const struct object *a = left, *b = right;
    int names = strcmp(a->symbol->name, b->symbol->name);
    return names != 0 ? names : (a->index > b->index) - (a->index < b->index);
}

/* Tables of the linker's have names too (_DYNAMIC, _GLOBAL_OFFSET_TABLE_); they are told of elsewhere. */
static bool is_data_section(const struct image *image, const struct section *section)
{
    static const char *const tables[] = {".dynamic",          ".got",      ".got.plt",  ".plt",      ".plt.got",
                                         ".plt.sec",          ".toc",      ".opd",      ".interp",   ".init_array",
                                         ".fini_array",       ".eh_frame", ".ctors",    ".dtors",    ".eh_frame_hdr",
                                         ".gcc_except_table", ".itablink", ".typelink", ".gopclntab"};
    if (section == NULL)
        return image->section_count == 0;
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        if (strcmp(section->name, tables[i]) == 0)
            return false;
    }
    return section->type == SHT_PROGBITS && (section->flags & SHF_ALLOC) != 0 && (section->flags & SHF_EXECINSTR) == 0;
}

/* What Go's linker writes of the places and sizes of its own tables (cmd/link/internal/ld/symtab.go). */
static bool is_table_of_go(const struct symbol *symbol)
{
    return symbol != NULL && symbol->name != NULL && strcmp(symbol->name, "runtime.firstmoduledata") == 0;
}

static struct object *objects_of(struct explaining *e, size_t side, size_t *count)
{
    const struct symbols *symbols = &e->sides[side].symbols;
    struct object *objects = arena_alloc(e->arena, symbols->by_offset_count, sizeof(*objects));
    *count = 0;
    e->out_of_memory |= objects == NULL;
    for (size_t i = 0; objects != NULL && i < symbols->by_offset_count; i++) {
        const struct symbol *symbol = symbols->by_offset[i];
        if (symbol->type == STT_OBJECT && !is_table_of_go(symbol) && symbol->name != NULL &&
            !range_empty(symbol->bytes) &&
            is_data_section(e->sides[side].image, section_at(e->sides[side].image, symbol->bytes.begin)))
            objects[(*count)++] = (struct object){symbol, i};
    }
    if (*count > 1)
        qsort(objects, *count, sizeof(*objects), object_order);
    return objects;
}

/* Programs that are loaded where they were linked have addresses in their data without a relocation. */
static bool is_pointer_to_same(const struct explaining *e, uint64_t vendor, uint64_t rebuilt)
{
    const struct image *a = e->sides[0].image, *b = e->sides[1].image;
    uint64_t width = a->is64 ? 8 : 4;
    struct range target;
    vendor -= vendor % width;
    rebuilt -= rebuilt % width;
    if (a->header.e_type != ET_EXEC || b->header.e_type != ET_EXEC || a->is64 != b->is64 || a->size - vendor < width ||
        b->size - rebuilt < width)
        return false;
    uint64_t x = image_word(a, vendor), y = image_word(b, rebuilt);
    return image_file_range(a, x, 1, &target) && image_file_range(b, y, 1, &target) && same_meaning(e, x, y);
}

bool is_relocated(const struct explained_side *side, uint64_t file_offset)
{
    uint64_t width = side->image->is64 ? 8 : 4, begin = file_offset >= width ? file_offset - width + 1 : 0;
    size_t found;
    relocations_in(side->relocations, side->relocation_count, (struct range){begin, file_offset + 1}, &found);
    return found > 0;
}

/* What is joined to a run ends where a pointer begins: that one has a difference of its own, or none. */
static uint64_t run_end(const struct explained_side *side, uint64_t begin, struct run run)
{
    size_t found;
    const struct relocation *pointers = relocations_in(side->relocations, side->relocation_count,
                                                       (struct range){begin + run.begin + 1, begin + run.end}, &found);
    return found > 0 ? pointers[0].file_offset - begin : run.end;
}

/* The next run of bytes, from *at on, that differ and that no relocation fills in; false where there is none. */
static bool next_run(const struct explaining *e, struct range a, struct range b, uint64_t *at, uint64_t *size)
{
    const uint8_t *x = e->sides[0].image->bytes + a.begin, *y = e->sides[1].image->bytes + b.begin;
    uint64_t shorter = range_size(a) < range_size(b) ? range_size(a) : range_size(b);
    struct run run;
    /* Byte by byte at first: a run that is joined over equal bytes would lead from a pointer into what is behind it. */
    for (uint64_t from = *at; run_next(x, y, shorter, 1, &from, &run);) {
        if (is_relocated(&e->sides[0], a.begin + run.begin) || is_relocated(&e->sides[1], b.begin + run.begin) ||
            is_pointer_to_same(e, a.begin + run.begin, b.begin + run.begin))
            continue;
        from = run.begin;
        run_next(x, y, shorter, RUN_GAP, &from, &run);
        run.end = run_end(&e->sides[0], a.begin, run);
        run.end = run_end(&e->sides[1], b.begin, run);
        from = run.end;
        if (are_moved_offsets(e, (struct range){a.begin + run.begin, a.begin + run.end},
                              (struct range){b.begin + run.begin, b.begin + run.end}))
            continue;
        *at = run.begin;
        *size = run.end - run.begin;
        return true;
    }
    return false;
}

static void data_text(struct explaining *e, size_t side, struct value *value, struct range bytes)
{
    const uint8_t *from = e->sides[side].image->bytes + bytes.begin;
    uint64_t size = range_size(bytes);
    char text[3 * 16 + 1];
    value->bytes = from;
    value->size = size;
    for (uint64_t i = 0; i < size && i < 16; i++)
        snprintf(text + 3 * i, 4, "%02x ", from[i]);
    text[size == 0 ? 0 : 3 * (size < 16 ? size : 16) - 1] = '\0';
    value->text = arena_printf(e->arena, "%s%s", text, size > 16 ? " ..." : "");
    if (size <= 8) {
        for (uint64_t i = 0; i < size; i++)
            value->number |= (uint64_t)from[i] << 8 * (e->sides[side].image->big_endian ? size - 1 - i : i);
    }
}

/* A run, widened to the words that it lies in, as a person reads numbers. */
static void tell_data(struct explaining *e, const char *what, struct range a, struct range b)
{
    struct difference *difference = difference_add(e, DIFFERENCE_DATA, what);
    if (difference == NULL)
        return;
    for (size_t side = 0; side < 2; side++) {
        struct range bytes = side == 0 ? a : b;
        if (range_empty(bytes))
            continue;
        place_set(e, side == 0 ? &difference->vendor : &difference->rebuilt, side, bytes);
        data_text(e, side, side == 0 ? &difference->vendor_value : &difference->rebuilt_value, bytes);
        difference_takes(e, difference, side, bytes);
    }
}

static struct range widened(const struct image *image, struct range bytes, struct range room)
{
    uint64_t word = image->is64 && range_size(bytes) > 4 ? 8 : 4;
    struct range wide = {bytes.begin - bytes.begin % word, bytes.end + (word - bytes.end % word) % word};
    return range_size(bytes) <= 8 && range_contains(room, wide) ? wide : bytes;
}

/* A string without a NUL, as rustc makes them, whose symbol says where it ends. */
static bool is_text_object(const struct image *image, struct range bytes)
{
    bool text = range_size(bytes) >= 3 && range_size(bytes) <= TEXT_OBJECT_MOST && bytes.end < image->size &&
                image->bytes[bytes.end] != 0;
    for (uint64_t at = bytes.begin; at < bytes.end && text; at++)
        text = is_string_byte(image->bytes[at]);
    return text && is_text_of_program(image->bytes + bytes.begin, range_size(bytes));
}

#define RUNS_MOST 16u /* of one object; the rest of what differs in it is the last one's */

/* Strings are told of as such; *end: behind the one that begins at or around this byte of the object on both sides. */
static bool is_string_of_both(const struct explaining *e, struct range a, struct range b, uint64_t at, uint64_t *end)
{
    struct range x, y;
    if (!string_at(e->sides[0].image, a.begin + at, &x) || range_size(x) < 3 ||
        !string_at(e->sides[1].image, b.begin + at, &y))
        return false;
    *end = x.end - a.begin > y.end - b.begin ? x.end - a.begin : y.end - b.begin;
    return true;
}

/* Each run of its own, for one may follow from something and the next one from nothing. */
static void tell_runs(struct explaining *e, struct range a, struct range b, uint64_t at, uint64_t size)
{
    size_t before = e->differences.count;
    bool more = true;
    for (size_t i = 0; i < RUNS_MOST && more; i++) {
        struct range x = {a.begin + at, a.begin + at + size}, y = {b.begin + at, b.begin + at + size};
        if (!is_string_of_both(e, a, b, at, &at)) {
            tell_data(e, "data", widened(e->sides[0].image, x, a), widened(e->sides[1].image, y, b));
            at += size;
        }
        more = next_run(e, a, b, &at, &size);
    }
    if (e->differences.count > before) {
        struct difference *last = (struct difference *)e->differences.items + e->differences.count - 1;
        difference_takes(e, last, 0, a);
        difference_takes(e, last, 1, b);
    }
}

static void explain_object(struct explaining *e, const struct symbol *a, const struct symbol *b)
{
    uint64_t at = 0, size;
    if (!any_finding(e, 0, a->bytes) && !any_finding(e, 1, b->bytes))
        return;
    if (!next_run(e, a->bytes, b->bytes, &at, &size)) {
        if (range_size(a->bytes) != range_size(b->bytes))
            tell_data(e, "size of data", a->bytes, b->bytes);
        return;
    }
    if (is_text_object(e->sides[0].image, a->bytes) && is_text_object(e->sides[1].image, b->bytes))
        string_tell(e, a->bytes, b->bytes);
    else
        tell_runs(e, a->bytes, b->bytes, at, size);
}

static void explain_objects(struct explaining *e)
{
    size_t count_a, count_b, x = 0, y = 0;
    struct object *a = objects_of(e, 0, &count_a), *b = objects_of(e, 1, &count_b);
    while (!e->out_of_memory && x < count_a && y < count_b) {
        int order = strcmp(a[x].symbol->name, b[y].symbol->name);
        if (order == 0)
            explain_object(e, a[x].symbol, b[y].symbol);
        x += order <= 0;
        y += order >= 0;
    }
}

/* ---- What is left, where nothing moved ---- */

bool is_gap(const struct explained_side *side, struct range bytes)
{
    const struct symbols *symbols = &side->symbols;
    size_t low = 0, high = symbols->by_offset_count, found;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->by_offset[middle]->bytes.begin >= bytes.end)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == 0 || low == symbols->by_offset_count)
        return false;
    struct range gap = {symbols->by_offset[low - 1]->bytes.end, symbols->by_offset[low]->bytes.begin};
    if (gap.begin > bytes.begin || range_size(gap) > GAP_MOST ||
        section_at(side->image, gap.begin) != section_at(side->image, gap.end))
        return false;
    relocations_in(side->relocations, side->relocation_count, gap, &found);
    return found == 0;
}

/* One difference for all findings that follow in the same way; its index from 1 is kept in *index. */
static void take_together(struct explaining *e, const struct finding *finding, const char *what, size_t *index)
{
    if (*index == 0) {
        struct difference *difference = difference_add(e, DIFFERENCE_DERIVED, what);
        if (difference == NULL)
            return;
        place_set(e, &difference->vendor, 0, finding->vendor);
        place_set(e, &difference->rebuilt, 1, finding->rebuilt);
        *index = e->differences.count;
    }
    struct difference *difference = (struct difference *)e->differences.items + *index - 1;
    difference_takes(e, difference, 0, finding->vendor);
    difference_takes(e, difference, 1, finding->rebuilt);
}

/* Whether a byte is part of a string that is told of as one. */
static bool is_told_as_string(const struct explaining *e, size_t side, uint64_t file_offset)
{
    const struct difference *differences = e->differences.items;
    for (size_t i = 0; i < e->differences.count && i < PAIRED_MOST; i++) {
        const struct place *place = side == 0 ? &differences[i].vendor : &differences[i].rebuilt;
        if (differences[i].kind == DIFFERENCE_STRING && place->present && file_offset >= place->bytes.begin &&
            file_offset <= place->bytes.end)
            return true;
    }
    return false;
}

/*
 * A finding is joined over a few equal bytes: a number that differs close behind a string is in one with it. Where the
 * strings are of one length, what follows stands where it did.
 */
static void explain_beside_string(struct explaining *e, const struct finding *finding, const struct difference *string)
{
    struct range a = finding->vendor, b = finding->rebuilt;
    if (range_size(string->vendor.bytes) != range_size(string->rebuilt.bytes) ||
        string->vendor.bytes.begin - a.begin != string->rebuilt.bytes.begin - b.begin)
        return;
    uint64_t at = 0, size;
    for (size_t i = 0; i < RUNS_MOST && next_run(e, a, b, &at, &size); i++) {
        uint64_t from = at, behind = string->vendor.bytes.end - a.begin + 1;
        if (a.begin + at >= string->vendor.bytes.begin && at < behind)
            from = behind < at + size ? behind : at + size;
        while (from < at + size && is_told_as_string(e, 0, a.begin + from) && is_told_as_string(e, 1, b.begin + from))
            from++;
        struct range x = {a.begin + from, a.begin + at + size}, y = {b.begin + from, b.begin + at + size};
        at += size;
        while (!range_empty(x) && e->sides[0].image->bytes[x.begin] == e->sides[1].image->bytes[y.begin]) {
            x.begin++;
            y.begin++;
        }
        if (!range_empty(x))
            tell_data(e, "data", widened(e->sides[0].image, x, a), widened(e->sides[1].image, y, b));
    }
}

static void explain_left(struct explaining *e)
{
    const struct comparison *comparison = e->input->comparison;
    size_t pointers = 0, shifted = 0, go = 0, tables = 0;
    for (size_t i = 0; i < comparison->finding_count && !e->out_of_memory; i++) {
        const struct finding *finding = &comparison->findings[i];
        const struct pair *pair = &e->input->pairs[finding->pair];
        if (!is_to_tell(finding->standing, finding->rule))
            continue;
        const struct difference *owner =
            e->owners[i] != SIZE_MAX ? (struct difference *)e->differences.items + e->owners[i] : NULL;
        if (owner != NULL && owner->kind == DIFFERENCE_STRING && owner->vendor.present && owner->rebuilt.present &&
            finding->kind == FINDING_BYTES) {
            struct difference string = *owner; /* what is told makes the list grow */
            explain_beside_string(e, finding, &string);
        }
        if (e->owners[i] != SIZE_MAX || range_empty(finding->vendor) || range_empty(finding->rebuilt) ||
            !is_data_section(e->sides[0].image, section_at(e->sides[0].image, finding->vendor.begin)) ||
            !is_data_section(e->sides[1].image, section_at(e->sides[1].image, finding->rebuilt.begin)))
            continue;
        if (e->moved && range_size(pair->vendor.range) != range_size(pair->rebuilt.range)) {
            struct range x, y;
            if (letters_changed(e, finding, pair, &x, &y))
                tell_data(e, "text", x, y);
            continue;
        }
        uint64_t at = 0, size;
        if (is_table_of_go(symbols_at_offset(&e->sides[0].symbols, finding->vendor.begin)) &&
            is_table_of_go(symbols_at_offset(&e->sides[1].symbols, finding->rebuilt.begin))) {
            take_together(e, finding, "the Go linker's table of tables", &go);
            continue;
        }
        if (!next_run(e, finding->vendor, finding->rebuilt, &at, &size)) {
            take_together(e, finding, "pointers that lead to the same", &pointers);
            continue;
        }
        if (is_shifted(e, finding, pair)) {
            take_together(e, finding, "data that a string has moved", &shifted);
            continue;
        }
        struct range vendor = {finding->vendor.begin + at, finding->vendor.begin + at + size};
        struct range rebuilt = {finding->rebuilt.begin + at, finding->rebuilt.begin + at + size};
        if (are_moved_offsets(e, vendor, rebuilt)) {
            take_together(e, finding, "tables of places in the code", &tables);
            continue;
        }
        const struct symbol *symbol = symbols_at_offset(&e->sides[0].symbols, vendor.begin);
        const struct symbol *other = symbols_at_offset(&e->sides[1].symbols, rebuilt.begin);
        if (symbol != NULL && other != NULL && is_text_object(e->sides[0].image, symbol->bytes) &&
            is_text_object(e->sides[1].image, other->bytes)) {
            string_tell(e, symbol->bytes, other->bytes);
            continue;
        }
        /* Jump tables have no name, and their words change as code moves; they are constants. */
        const struct section *section = section_at(e->sides[0].image, finding->vendor.begin);
        if (e->moved && symbol == NULL && section != NULL && (section->flags & SHF_WRITE) == 0) {
            struct range x, y;
            if (letters_changed(e, finding, pair, &x, &y))
                tell_data(e, "text", x, y);
            else if ((!is_place_in_code(e->sides[0].image, vendor.begin) ||
                      !is_place_in_code(e->sides[1].image, rebuilt.begin)) &&
                     (!stand_elsewhere(e, 0, vendor, pair->rebuilt.range) ||
                      !stand_elsewhere(e, 1, rebuilt, pair->vendor.range)))
                tell_data(e, "data", widened(e->sides[0].image, vendor, pair->vendor.range),
                          widened(e->sides[1].image, rebuilt, pair->rebuilt.range));
            continue;
        }
        bool padding = symbol == NULL && is_gap(&e->sides[0], vendor) && is_gap(&e->sides[1], rebuilt);
        tell_data(e, padding ? "padding" : "data", widened(e->sides[0].image, vendor, pair->vendor.range),
                  widened(e->sides[1].image, rebuilt, pair->rebuilt.range));
    }
}

void data_explain(struct explaining *e)
{
    explain_pointers(e);
    explain_objects(e);
    if (!e->reordered)
        explain_left(e);
}
