/* Where a difference is: the function or object, and the line of the source. */
#include <string.h>

#include "parts.h"

struct lookup {
    struct explaining *e;
    size_t lines; /* looked up so far */
};

static bool address_of(const struct image *image, uint64_t file_offset, uint64_t *address, uint32_t *section)
{
    const struct section *owner = section_at(image, file_offset);
    *section = owner != NULL ? owner->index : 0;
    if (!image_is_relocatable(image))
        return image_address(image, file_offset, address);
    *address = owner != NULL ? file_offset - owner->bytes.begin : 0;
    return owner != NULL;
}

void place_symbol(struct explaining *e, struct place *place, size_t side)
{
    const struct symbol *symbol = symbols_at_offset(&e->sides[side].symbols, place->bytes.begin);
    const struct function *function = function_at(&e->sides[side], place->bytes.begin);
    if (symbol != NULL && symbol->name != NULL && symbol->name[0] != '\0') {
        place->symbol = name_demangled(symbol->name, e->arena);
        place->inside = place->bytes.begin - symbol->bytes.begin;
        return;
    }
    if (function == NULL)
        return;
    place->inside = place->bytes.begin - function->bytes.begin;
    const char *other = function->partner != SIZE_MAX ? e->sides[1 - side].functions[function->partner].name : NULL;
    place->borrowed = other != NULL;
    place->symbol = other != NULL ? name_demangled(other, e->arena) : NULL;
}

static bool is_of_system(const char *file)
{
    return file == NULL || strncmp(file, "/usr/include/", 13) == 0 || strncmp(file, "/usr/lib/", 9) == 0;
}

/* The innermost line that a developer can change: not one of a header that the system has. 0 where all are such. */
static size_t frame_of_program(const struct debug_place *found)
{
    for (size_t i = 0; i < found->count; i++) {
        if (!is_of_system(found->frames[i].file))
            return i;
    }
    return 0;
}

static const char *inlined_text(struct explaining *e, const struct debug_place *found)
{
    char text[512];
    size_t used = 0;
    if (found->count < 2)
        return NULL;
    text[0] = '\0';
    for (size_t i = 0; i + 1 < found->count && used < sizeof(text) - 1; i++) {
        const char *name = found->frames[i].function, *caller = found->frames[i + 1].function;
        char header[300] = "";
        if (i < frame_of_program(found) && found->frames[i].file != NULL)
            snprintf(header, sizeof(header), " (%s:%u)", found->frames[i].file, found->frames[i].line);
        int wrote =
            snprintf(text + used, sizeof(text) - used, "%s%s%s inlined into %s at %s:%u", i > 0 ? ", " : "",
                     name != NULL ? name_demangled(name, e->arena) : "?", header,
                     caller != NULL ? name_demangled(caller, e->arena) : "?",
                     found->frames[i + 1].file != NULL ? found->frames[i + 1].file : "?", found->frames[i + 1].line);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    return arena_strdup(e->arena, text);
}

bool place_of_code(struct explaining *e, size_t side, uint64_t file_offset, struct debug_place *found)
{
    const struct explained_side *s = &e->sides[side];
    uint64_t address;
    uint32_t section;
    return s->debug != NULL && address_of(s->image, file_offset, &address, &section) &&
           debug_place_at(s->debug, address, section, e->arena, found) && found->count > 0;
}

/* A stripped file's functions are named by its debug information alone; that goes before the other side's name. */
static void name_by_debug(struct explaining *e, size_t side, struct place *place, const struct debug_place *found)
{
    const char *name = found->frames[found->count - 1].function;
    bool cut = found->count == ARRAY_COUNT(found->frames); /* the function itself may not be among them */
    if (name == NULL || cut || (place->symbol != NULL && !place->borrowed) ||
        function_at(&e->sides[side], place->bytes.begin) == NULL)
        return;
    place->symbol = name_demangled(name, e->arena);
    place->borrowed = false;
}

static void find_line(struct lookup *lookup, const struct difference *difference, struct place *place, size_t side)
{
    struct explaining *e = lookup->e;
    struct explained_side *s = &e->sides[side];
    struct debug_place found;
    struct debug_frame declared;
    const char *name;
    uint64_t address;
    uint32_t section;
    if (s->debug == NULL || lookup->lines++ >= LINES_MOST ||
        !address_of(s->image, place->bytes.begin, &address, &section))
        return;
    if (difference->kind == DIFFERENCE_CODE || difference->kind == DIFFERENCE_ORDER) {
        if (!place_of_code(e, side, place->bytes.begin, &found))
            return;
        const struct debug_frame *frame = &found.frames[frame_of_program(&found)];
        place->source = frame->file;
        place->line = frame->line;
        place->inlined = inlined_text(e, &found);
        name_by_debug(e, side, place, &found);
    } else if (debug_object_at(s->debug, address, e->arena, &name, &declared)) {
        place->source = declared.file;
        place->line = declared.line;
        if (place->symbol == NULL && name != NULL)
            place->symbol = name_demangled(name, e->arena);
    }
}

static bool is_in_program(const struct difference *difference, const struct place *place)
{
    bool kind = difference->kind == DIFFERENCE_STRING || difference->kind == DIFFERENCE_CODE ||
                difference->kind == DIFFERENCE_DATA || difference->kind == DIFFERENCE_ORDER;
    return kind && place->present && !range_empty(place->bytes);
}

void places_name(struct explaining *e)
{
    struct difference *differences = e->differences.items;
    for (size_t i = 0; i < e->differences.count; i++) {
        for (size_t side = 0; side < 2; side++) {
            struct place *place = side == 0 ? &differences[i].vendor : &differences[i].rebuilt;
            if (is_in_program(&differences[i], place))
                place_symbol(e, place, side);
        }
    }
}

void places_find(struct explaining *e)
{
    struct lookup lookup = {.e = e};
    struct difference *differences = e->differences.items;
    for (size_t i = 0; i < e->differences.count; i++) {
        for (size_t side = 0; side < 2; side++) {
            struct place *place = side == 0 ? &differences[i].vendor : &differences[i].rebuilt;
            if (is_in_program(&differences[i], place))
                find_line(&lookup, &differences[i], place, side);
        }
    }
}
