/*
 * What code refers to. In code of x86 a reference is four bytes that, added to the address behind them (or alone, in
 * code with a fixed address), give what they lead to: they are looked for in all of the code at once. For other machines
 * the functions are decoded.
 */
#include <string.h>

#include "parts.h"

/* Decoding is slower than looking for four bytes. */
#define DECODED_TEXT_MOST ((uint64_t)2 << 20)

void reference_wanted(struct reference_search *search, uint64_t address)
{
    search->filter[(address & 0xffff) >> 3] |= (uint8_t)(1u << (address & 7));
}

static void look_at(struct reference_search *search, uint64_t address, uint64_t file_offset)
{
    if ((search->filter[(address & 0xffff) >> 3] & (1u << (address & 7))) != 0)
        search->found(search->state, address, file_offset);
}

static void search_x86(struct reference_search *search, struct range code, uint64_t address)
{
    const struct image *image = search->e->sides[search->side].image;
    for (uint64_t at = code.begin; at + 4 <= code.end; at++) {
        uint32_t word;
        memcpy(&word, image->bytes + at, sizeof(word)); /* x86 is little-endian, and so is who runs this or not: */
        if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
            word = __builtin_bswap32(word);
        look_at(search, address + (at - code.begin) + 4 + (uint64_t)(int64_t)(int32_t)word, at);
        if (image->header.e_type == ET_EXEC)
            look_at(search, word, at);
    }
}

static void search_range(struct reference_search *search, struct range code, uint64_t *searched)
{
    uint64_t address;
    *searched += range_size(code);
    if (*searched <= USERS_TEXT_MOST && image_address(search->e->sides[search->side].image, code.begin, &address))
        search_x86(search, code, address);
}

void function_decode(struct explaining *e, size_t side, const struct function *function, struct list *instructions)
{
    const struct explained_side *s = &e->sides[side];
    if (!decode(s->decoders[function->thumb], s->image->bytes + function->bytes.begin, range_size(function->bytes),
                function->address, INSTRUCTIONS_MOST, instructions))
        e->out_of_memory = true;
}

static void search_decoded(struct reference_search *search, const struct function *function)
{
    struct arena scratch = {0};
    struct list instructions = {.arena = &scratch, .item_size = sizeof(struct instruction)};
    function_decode(search->e, search->side, function, &instructions);
    const struct instruction *items = instructions.items;
    for (size_t i = 0; i < instructions.count; i++) {
        if (items[i].reference == REFERENCE_DATA && !items[i].partial)
            look_at(search, items[i].target, function->bytes.begin + (items[i].address - function->address));
    }
    arena_free(&scratch);
}

void references_of_code(struct reference_search *search)
{
    const struct explained_side *side = &search->e->sides[search->side];
    const struct image *image = side->image;
    bool x86 = image->header.e_machine == EM_X86_64 || image->header.e_machine == EM_386;
    uint64_t searched = 0;
    /* Tables of offsets may stand in an executable segment, too; sections tell them from code. */
    for (uint64_t i = 1; x86 && i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (section->type == SHT_PROGBITS && (section->flags & SHF_EXECINSTR) != 0)
            search_range(search, section->bytes, &searched);
    }
    for (size_t i = 0; x86 && image->section_count == 0 && i < image->executable_count; i++)
        search_range(search, image->executable[i], &searched);
    for (size_t i = 0; !x86 && i < side->function_count && searched <= DECODED_TEXT_MOST; i++) {
        searched += range_size(side->functions[i].bytes);
        search_decoded(search, &side->functions[i]);
    }
}
