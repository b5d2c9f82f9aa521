/*
 * Symbols of all sources in one list: collected, given sizes and bytes, sorted and made ready for questions. Nothing
 * here may take longer than n log n of what the file holds. The sources are in the files beside this one.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "symbols.h"

/* What a symbol takes with its share of the lists, about: struct symbol twice, pointers, covers. */
#define SYMBOL_COST 192

/* ---- Collecting ---- */

struct symbol *collection_add(struct collection *collection)
{
    if (collection->count == collection->most)
        collection->status = COMPARE_ERROR_LIMIT;
    if (collection->status != 0)
        return NULL;
    if (collection->count == collection->capacity) {
        size_t capacity = collection->capacity + collection->capacity / 2 + 1024;
        struct symbol *items = realloc(collection->items, capacity * sizeof(*items));
        if (items == NULL) {
            collection->status = COMPARE_ERROR_MEMORY;
            return NULL;
        }
        collection->items = items;
        collection->capacity = capacity;
    }
    struct symbol *added = &collection->items[collection->count++];
    *added = (struct symbol){0};
    return added;
}

static uint32_t section_at(const struct collection *collection, uint64_t address)
{
    const struct place *place = places_section(&collection->places, address);
    return place != NULL ? place->index : UINT32_MAX;
}

void collection_add_function(struct collection *collection, const char *name, uint64_t address, uint64_t size,
                             enum symbol_source source)
{
    if (size == 0 || range_empty(places_bytes(&collection->places, address, size)))
        return;
    struct symbol *added = collection_add(collection);
    if (added != NULL)
        *added = (struct symbol){
            .name = name,
            .address = address,
            .size = size,
            .section = section_at(collection, address),
            .type = STT_FUNC,
            .bind = STB_LOCAL,
            .defined = true,
            .source = source,
        };
}

static void fill(const struct collection *collection, const Elf64_Sym *sym, struct symbol *symbol)
{
    const struct image *image = collection->image;
    symbol->address = sym->st_value;
    symbol->size = sym->st_size;
    symbol->type = ELF64_ST_TYPE(sym->st_info);
    symbol->bind = ELF64_ST_BIND(sym->st_info);
    if (image->header.e_machine == EM_ARM && symbol_is_function(symbol)) {
        symbol->thumb = (symbol->address & 1) != 0;
        symbol->address &= ~UINT64_C(1);
    }
    /* gABI chapter 4: the value of STT_TLS is an offset in the template in linked files. */
    if (image_is_linked(image) && symbol->type == STT_TLS && symbol->defined && collection->places.tls != NULL)
        symbol->address += collection->places.tls->address;
}

void collection_add_table(struct collection *collection, const struct symbol_table *table, enum symbol_source source)
{
    struct name_table names;
    if (collection->status == 0 && !names_open(&names, collection->arena, table->strings, table->strings_size))
        collection->status = COMPARE_ERROR_MEMORY;
    if (collection->status != 0)
        return;
    for (uint64_t i = 1; i < table->count; i++) {
        Elf64_Sym sym;
        symbol_table_entry(table, i, &sym);
        struct symbol *symbol = collection_add(collection);
        if (symbol == NULL)
            break;
        symbol->source = source;
        symbol->name = names_at(&names, sym.st_name);
        symbol->defined = symbol_table_place(table, i, &sym, &symbol->section);
        if (symbol->name == NULL)
            collection->status = COMPARE_ERROR_MEMORY;
        fill(collection, &sym, symbol);
        /* Section headers that are not those of this file, or are gone: by the address. */
        if (symbol->defined && image_is_linked(collection->image) &&
            (table->image != collection->image || symbol->section == UINT32_MAX))
            symbol->section = section_at(collection, symbol->address);
    }
    names_close(&names);
}

static void collect(struct collection *collection)
{
    struct symbol_table table;
    if (symbol_table_of_type(collection->image, SHT_SYMTAB, &table))
        collection_add_table(collection, &table, SYMBOL_SYMTAB);
    if (image_is_relocatable(collection->image))
        return;
    if (symbol_table_dynamic(collection->image, &table))
        collection_add_table(collection, &table, SYMBOL_DYNSYM);
    void (*const sources[])(struct collection *) = {minidebuginfo_collect, plt_collect, unwind_collect};
    for (size_t i = 0; i < ARRAY_COUNT(sources) && collection->status == 0; i++)
        sources[i](collection);
}

/* ---- Sorting ---- */

static int order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Linked files have one space of addresses; in ET_REL each section is its own. Ties stay in the file's order. */
static int linked_order(const void *left, const void *right)
{
    const struct symbol *a = *(const struct symbol *const *)left, *b = *(const struct symbol *const *)right;
    int by_address = order(a->address, b->address);
    return by_address != 0 ? by_address : (a > b) - (a < b);
}

static int relocatable_order(const void *left, const void *right)
{
    const struct symbol *a = *(const struct symbol *const *)left, *b = *(const struct symbol *const *)right;
    int by_section = order(a->section, b->section);
    return by_section != 0 ? by_section : linked_order(left, right);
}

static int offset_order(const void *left, const void *right)
{
    const struct symbol *a = *(const struct symbol *const *)left, *b = *(const struct symbol *const *)right;
    int by_offset = order(a->bytes.begin, b->bytes.begin);
    return by_offset != 0 ? by_offset : (a > b) - (a < b);
}

/* Those of the items that are wanted, sorted, in new memory. */
static struct symbol **sorted(const struct symbol *items, size_t item_count, bool (*wanted)(const struct symbol *),
                              int (*compare)(const void *, const void *), size_t *count)
{
    size_t found = 0;
    for (size_t i = 0; i < item_count; i++)
        found += wanted(&items[i]);
    struct symbol **list = calloc(found + 1, sizeof(*list));
    *count = 0;
    if (list == NULL)
        return NULL;
    for (size_t i = 0; i < item_count; i++) {
        if (wanted(&items[i]))
            list[(*count)++] = (struct symbol *)(uintptr_t)&items[i];
    }
    sort_items(list, found, sizeof(struct symbol *), compare);
    return list;
}

static bool is_landmark(const struct symbol *symbol)
{
    return symbol->defined && !symbol_is_mapping(symbol) && symbol->type != STT_SECTION && symbol->type != STT_FILE;
}

static bool is_thumb_mapping(const struct symbol *symbol)
{
    return symbol->defined && symbol_is_mapping(symbol);
}

static bool has_offset(const struct symbol *symbol)
{
    return symbol_is_subject(symbol) && !range_empty(symbol->bytes);
}

static bool covers_offset(const struct symbol *symbol)
{
    return is_landmark(symbol) && !range_empty(symbol->bytes);
}

/* .tbss has no addresses of its own. */
static bool has_address(const struct symbol *symbol)
{
    return is_landmark(symbol) && (symbol->type != STT_TLS || !range_empty(symbol->bytes));
}

/* ---- Sizes that the file does not state ---- */

static uint64_t end_of_section(const struct collection *collection, const struct symbol *symbol)
{
    const struct image *image = collection->image;
    struct range range = {0, 0};
    if (symbol->section < image->section_count) {
        const struct section *section = &image->sections[symbol->section];
        if (image_is_relocatable(image))
            return section->size;
        if (range_make(section->address, section->size, &range) && range.begin <= symbol->address &&
            symbol->address < range.end)
            return range.end;
    }
    const struct place *segment = places_segment(&collection->places, symbol->address);
    return segment != NULL ? segment->addresses.end : symbol->address;
}

/* list[begin .. end) are at one place; known is the size that an unwind record gives there. */
static void settle_group(const struct collection *collection, struct symbol **list, size_t begin, size_t end,
                         uint64_t next)
{
    uint64_t known = 0;
    for (size_t i = begin; i < end; i++)
        known = list[i]->source == SYMBOL_UNWIND ? list[i]->size : known;
    for (size_t i = begin; i < end; i++) {
        struct symbol *symbol = list[i];
        if (symbol->size != 0 || !symbol_is_subject(symbol))
            continue;
        uint64_t limit = end_of_section(collection, symbol);
        limit = next < limit ? next : limit;
        symbol->guessed = known == 0 || !symbol_is_function(symbol);
        if (!symbol->guessed)
            symbol->size = known;
        else
            symbol->size = limit > symbol->address ? limit - symbol->address : 0;
    }
}

static void settle_sizes(struct collection *collection)
{
    bool relocatable = image_is_relocatable(collection->image);
    size_t count;
    struct symbol **list = sorted(collection->items, collection->count, is_landmark,
                                  relocatable ? relocatable_order : linked_order, &count);
    if (list == NULL) {
        collection->status = COMPARE_ERROR_MEMORY;
        return;
    }
    for (size_t begin = 0, end; begin < count; begin = end) {
        const struct symbol *first = list[begin];
        for (end = begin + 1; end < count && list[end]->address == first->address &&
                              (!relocatable || list[end]->section == first->section);)
            end++;
        bool bounded = end < count && (!relocatable || list[end]->section == first->section);
        settle_group(collection, list, begin, end, bounded ? list[end]->address : UINT64_MAX);
    }
    free(list);
}

/* ---- Bytes ---- */

static struct range bytes_in_object(const struct image *image, const struct symbol *symbol)
{
    struct range none = {0, 0}, bytes;
    if (symbol->section >= image->section_count)
        return none;
    const struct section *section = &image->sections[symbol->section];
    uint64_t room = range_size(section->bytes);
    if (symbol->address >= room || (section->flags & SHF_COMPRESSED) != 0)
        return none;
    room -= symbol->address;
    return range_make(section->bytes.begin + symbol->address, symbol->size < room ? symbol->size : room, &bytes) ? bytes
                                                                                                                 : none;
}

/* The addresses of .tbss are those of what follows it. */
static bool is_behind_template(const struct collection *collection, const struct symbol *symbol)
{
    const struct segment *tls = collection->places.tls;
    return symbol->type == STT_TLS && (tls == NULL || symbol->address - tls->address >= tls->file_size);
}

static void settle_bytes(struct collection *collection)
{
    const struct image *image = collection->image;
    for (size_t i = 0; i < collection->count; i++) {
        struct symbol *symbol = &collection->items[i];
        if (!symbol->defined || symbol->size == 0)
            continue;
        if (image_is_relocatable(image))
            symbol->bytes = bytes_in_object(image, symbol);
        else if (!is_behind_template(collection, symbol))
            symbol->bytes = places_bytes(&collection->places, symbol->address, symbol->size);
    }
}

/* ---- Thumb, by mapping symbols (ELF for the Arm Architecture, 5.5.5) ---- */

static bool is_before(const struct symbol *a, const struct symbol *b, bool relocatable)
{
    if (relocatable && a->section != b->section)
        return a->section < b->section;
    return a->address <= b->address;
}

static void settle_thumb(struct collection *collection)
{
    bool relocatable = image_is_relocatable(collection->image);
    if (collection->image->header.e_machine != EM_ARM)
        return;
    size_t count;
    struct symbol **list = sorted(collection->items, collection->count, is_thumb_mapping,
                                  relocatable ? relocatable_order : linked_order, &count);
    if (list == NULL)
        collection->status = COMPARE_ERROR_MEMORY;
    for (size_t i = 0; list != NULL && i < collection->count; i++) {
        struct symbol *symbol = &collection->items[i];
        size_t low = 0, high = count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (is_before(list[middle], symbol, relocatable))
                low = middle + 1;
            else
                high = middle;
        }
        bool holds = low > 0 && symbol->defined && (!relocatable || list[low - 1]->section == symbol->section);
        symbol->thumb |= holds && list[low - 1]->name[1] == 't';
    }
    free(list);
}

/* ---- Unwind records that tell nothing new ---- */

static bool is_named_function(const struct symbol *symbol)
{
    return symbol->source != SYMBOL_UNWIND && symbol_is_function(symbol) && !range_empty(symbol->bytes);
}

static bool is_stub(const struct symbol *symbol)
{
    return symbol->source == SYMBOL_PLT;
}

/* The whole PLT has one unwind record, which is no function. list is sorted by address. */
static bool holds_one_of(const struct symbol *record, struct symbol *const *list, size_t count)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle]->address >= record->address)
            high = middle;
        else
            low = middle + 1;
    }
    return low < count && list[low]->address - record->address < record->size;
}

static void drop_records(struct collection *collection, const struct symbol_cover *covers, size_t cover_count,
                         struct symbol *const *stubs, size_t stub_count)
{
    size_t kept = 0;
    for (size_t i = 0; i < collection->count; i++) {
        const struct symbol *symbol = &collection->items[i];
        if (symbol->source == SYMBOL_UNWIND &&
            (covers_find(covers, cover_count, symbol->bytes.begin) != NULL || holds_one_of(symbol, stubs, stub_count)))
            continue;
        collection->items[kept++] = *symbol;
    }
    collection->count = kept;
}

static void drop_known(struct collection *collection)
{
    size_t named_count, stub_count, cover_count;
    struct symbol_cover *covers = NULL;
    struct symbol **named = sorted(collection->items, collection->count, is_named_function, offset_order, &named_count);
    struct symbol **stubs = sorted(collection->items, collection->count, is_stub, linked_order, &stub_count);
    if (named != NULL && stubs != NULL &&
        covers_make((const struct symbol *const *)named, named_count, symbol_offsets, &covers, &cover_count))
        drop_records(collection, covers, cover_count, stubs, stub_count);
    else
        collection->status = COMPARE_ERROR_MEMORY;
    free(covers);
    free(named);
    free(stubs);
}

/* ---- What is handed out ---- */

static const void *keep(struct collection *collection, const void *from, size_t count, size_t size)
{
    void *copy = from != NULL ? arena_alloc(collection->arena, count, size) : NULL;
    if (copy == NULL)
        collection->status = COMPARE_ERROR_MEMORY;
    else if (count > 0)
        memcpy(copy, from, count * size);
    return copy;
}

static const struct symbol **list_of(struct collection *collection, const struct symbols *symbols,
                                     bool (*wanted)(const struct symbol *), int (*compare)(const void *, const void *),
                                     size_t *count)
{
    struct symbol **list = sorted(symbols->items, symbols->count, wanted, compare, count);
    const struct symbol **kept =
        (const struct symbol **)(uintptr_t)keep(collection, list, *count, sizeof(struct symbol *));
    free(list);
    return kept;
}

static const struct symbol_cover *cover_list(struct collection *collection, const struct symbol *const *list,
                                             size_t list_count, struct range (*range_of)(const struct symbol *),
                                             size_t *count)
{
    struct symbol_cover *covers = NULL;
    bool made = list != NULL && covers_make(list, list_count, range_of, &covers, count);
    const struct symbol_cover *kept = keep(collection, made ? covers : NULL, made ? *count : 0, sizeof(*kept));
    free(covers);
    return kept;
}

static void hand_out(struct collection *collection, struct symbols *symbols)
{
    symbols->items = keep(collection, collection->items, collection->count, sizeof(*symbols->items));
    if (symbols->items == NULL)
        return;
    symbols->count = collection->count;
    symbols->by_offset = list_of(collection, symbols, has_offset, offset_order, &symbols->by_offset_count);
    size_t count;
    struct symbol **covering = sorted(symbols->items, symbols->count, covers_offset, offset_order, &count);
    symbols->offset_covers = cover_list(collection, (const struct symbol *const *)covering, count, symbol_offsets,
                                        &symbols->offset_cover_count);
    free(covering);
    if (image_is_relocatable(collection->image))
        return;
    symbols->by_address = list_of(collection, symbols, has_address, linked_order, &symbols->by_address_count);
    symbols->address_covers = cover_list(collection, symbols->by_address, symbols->by_address_count, symbol_addresses,
                                         &symbols->address_cover_count);
}

int symbols_read(const struct image *image, struct arena *arena, struct symbols *symbols, struct compare_error *error)
{
    struct collection collection = {.image = image, .arena = arena};
    *symbols = (struct symbols){0};
    collection.most = image->limits.memory / 2 / SYMBOL_COST;
    if (!places_make(image, &collection.places))
        return image_no_memory(image, error);
    void (*const steps[])(struct collection *) = {collect, settle_sizes, settle_bytes, settle_thumb, drop_known};
    for (size_t i = 0; i < ARRAY_COUNT(steps) && collection.status == 0; i++)
        steps[i](&collection);
    if (collection.status == 0 && collection.count > 0)
        hand_out(&collection, symbols);
    free(collection.items);
    places_free(&collection.places);
    if (collection.status == 0)
        return 0;
    *symbols = (struct symbols){0};
    return collection.status == COMPARE_ERROR_LIMIT
               ? limit_hit(error, image->path, "memory", image->limits.memory, "symbols")
               : image_no_memory(image, error);
}
