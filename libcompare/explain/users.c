/*
 * Which function refers to a string. In objects and in data the relocations tell. In code of x86 a reference is four
 * bytes that, added to the address behind them (or alone, in code with a fixed address), give the string's: they are
 * looked for in all of the code at once. For other machines the functions are decoded.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* Decoding is slower than looking for four bytes. */
#define DECODED_TEXT_MOST ((uint64_t)2 << 20)

struct target {
    uint64_t address;
    struct difference *difference;
};

struct search {
    struct explaining *e;
    size_t side;
    struct target *targets; /* by address */
    size_t count;
    uint8_t filter[8192]; /* of the lowest 16 bits of the addresses: most are ruled out by one look */
};

static int target_order(const void *left, const void *right)
{
    const struct target *a = left, *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

static void list_targets(struct search *search)
{
    struct explaining *e = search->e;
    struct difference *differences = e->differences.items;
    search->targets = arena_alloc(e->arena, e->differences.count, sizeof(*search->targets));
    for (size_t i = 0; search->targets != NULL && i < e->differences.count; i++) {
        struct place *place = search->side == 0 ? &differences[i].vendor : &differences[i].rebuilt;
        uint64_t address;
        if (differences[i].kind != DIFFERENCE_STRING || !place->present || differences[i].user != NULL ||
            !image_address(e->sides[search->side].image, place->bytes.begin, &address))
            continue;
        search->targets[search->count++] = (struct target){address, &differences[i]};
        search->filter[(address & 0xffff) >> 3] |= (uint8_t)(1u << (address & 7));
    }
    if (search->count > 1)
        qsort(search->targets, search->count, sizeof(*search->targets), target_order);
}

static const char *function_name(struct explaining *e, size_t side, uint64_t file_offset)
{
    const struct function *function = function_at(&e->sides[side], file_offset);
    if (function == NULL)
        return NULL;
    const char *name = function->name;
    if (name == NULL && function->partner != SIZE_MAX)
        name = e->sides[1 - side].functions[function->partner].name;
    return name != NULL ? name_demangled(name, e->arena) : NULL;
}

/* The first target at this address, or the number of all. */
static size_t target_at(const struct search *search, uint64_t address)
{
    size_t low = 0, high = search->count;
    if ((search->filter[(address & 0xffff) >> 3] & (1u << (address & 7))) == 0)
        return search->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (search->targets[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < search->count && search->targets[low].address == address ? low : search->count;
}

static void used_at(struct search *search, uint64_t address, const char *name)
{
    for (size_t i = target_at(search, address); i < search->count && search->targets[i].address == address; i++) {
        if (search->targets[i].difference->user == NULL)
            search->targets[i].difference->user = name;
    }
}

static void found(struct search *search, uint64_t address, uint64_t file_offset)
{
    if (target_at(search, address) < search->count)
        used_at(search, address, function_name(search->e, search->side, file_offset));
}

/* ---- Code ---- */

static void search_x86(struct search *search, struct range code, uint64_t address)
{
    const struct image *image = search->e->sides[search->side].image;
    for (uint64_t at = code.begin; at + 4 <= code.end; at++) {
        uint32_t word;
        memcpy(&word, image->bytes + at, sizeof(word)); /* x86 is little-endian, and so is who runs this or not: */
        if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
            word = __builtin_bswap32(word);
        found(search, address + (at - code.begin) + 4 + (uint64_t)(int64_t)(int32_t)word, at);
        found(search, word, at);
    }
}

static void search_decoded(struct search *search, const struct function *function)
{
    struct explained_side *side = &search->e->sides[search->side];
    struct arena scratch = {0};
    struct list instructions = {.arena = &scratch, .item_size = sizeof(struct instruction)};
    if (!decode(side->decoders[function->thumb], side->image->bytes + function->bytes.begin,
                range_size(function->bytes), function->address, INSTRUCTIONS_MOST, &instructions))
        search->e->out_of_memory = true;
    const struct instruction *items = instructions.items;
    for (size_t i = 0; i < instructions.count; i++) {
        if (items[i].reference == REFERENCE_DATA && !items[i].partial)
            found(search, items[i].target, function->bytes.begin + (items[i].address - function->address));
    }
    arena_free(&scratch);
}

static void search_code(struct search *search)
{
    const struct explained_side *side = &search->e->sides[search->side];
    const struct image *image = side->image;
    bool x86 = image->header.e_machine == EM_X86_64 || image->header.e_machine == EM_386;
    uint64_t searched = 0;
    for (size_t i = 0; x86 && i < image->executable_count; i++) {
        struct range code = image->executable[i];
        uint64_t address;
        searched += range_size(code);
        if (searched <= USERS_TEXT_MOST && image_address(image, code.begin, &address))
            search_x86(search, code, address);
    }
    for (size_t i = 0; !x86 && i < side->function_count && searched <= DECODED_TEXT_MOST; i++) {
        searched += range_size(side->functions[i].bytes);
        search_decoded(search, &side->functions[i]);
    }
}

/* ---- Relocations ---- */

static void search_relocations(struct search *search)
{
    struct explained_side *side = &search->e->sides[search->side];
    for (size_t i = 0; i < side->relocation_count; i++) {
        const struct relocation *relocation = &side->relocations[i];
        const struct symbol *object = symbols_at_offset(&side->symbols, relocation->file_offset);
        uint64_t address = (uint64_t)relocation->addend + relocation->symbol_value;
        if (object != NULL && object->name != NULL && target_at(search, address) < search->count)
            used_at(search, address, name_demangled(object->name, search->e->arena));
    }
}

/* In objects: a relocation by the section's symbol that leads into the string. */
static void search_object(struct search *search)
{
    struct explaining *e = search->e;
    struct explained_side *side = &e->sides[search->side];
    struct difference *differences = e->differences.items;
    for (size_t d = 0, looked = 0; d < e->differences.count && looked < 100; d++) {
        const struct place *place = search->side == 0 ? &differences[d].vendor : &differences[d].rebuilt;
        if (differences[d].kind != DIFFERENCE_STRING || !place->present || differences[d].user != NULL)
            continue;
        looked++;
        for (size_t i = 0; i < side->relocation_count && differences[d].user == NULL; i++) {
            const struct relocation *relocation = &side->relocations[i];
            uint32_t index = relocation->symbol_section;
            if (index == 0 || index >= side->image->section_count)
                continue;
            uint64_t at = side->image->sections[index].bytes.begin + relocation->symbol_value +
                          (uint64_t)relocation->addend +
                          (side->image->header.e_machine == EM_X86_64 && relocation->addend % 8 != 0 ? 4 : 0);
            if (at == place->bytes.begin)
                differences[d].user = function_name(e, search->side, relocation->file_offset);
        }
    }
}

void users_find(struct explaining *e)
{
    /* The rebuilt side is more likely to have names. */
    for (size_t n = 0; n < 2; n++) {
        struct search search = {.e = e, .side = 1 - n};
        if (image_is_relocatable(e->sides[search.side].image)) {
            search_object(&search);
            continue;
        }
        list_targets(&search);
        if (search.targets == NULL)
            e->out_of_memory = true;
        if (search.count == 0 || e->out_of_memory)
            continue;
        search_code(&search);
        search_relocations(&search);
    }
}
