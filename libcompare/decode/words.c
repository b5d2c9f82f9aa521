/* What machines with fixed words share: addresses in fields, and addresses that two instructions make. */
#include "parts.h"

#include <string.h>

uint32_t form_field(uint32_t word, uint32_t bits)
{
    return (word & bits) >> __builtin_ctz(bits);
}

bool form_refer(const struct decoder *decoder, const struct form *forms, size_t count, uint32_t word, uint64_t pc,
                struct instruction *instruction)
{
    for (size_t i = 0; i < count; i++) {
        const struct form *form = &forms[i];
        if ((word & form->mask) != form->match)
            continue;
        int64_t distance = sign_extend(form_field(word, form->bits), (unsigned)__builtin_popcount(form->bits));
        refer_to(instruction, form->kind, decode_wrap(decoder, pc + ((uint64_t)distance << form->shift)));
        operand_word(decoder, instruction, form->bits);
        return true;
    }
    return false;
}

/* ---- Registers ---- */

void known_set(struct decoder *decoder, unsigned number, uint64_t value, uint32_t operand)
{
    decoder->registers[number] =
        (struct known){.set = true, .value = value, .index = decoder->index, .operand = operand};
}

void known_set_whole(struct decoder *decoder, unsigned number, uint64_t value)
{
    decoder->registers[number] = (struct known){.set = true, .whole = true, .value = value, .index = decoder->index};
}

void known_clear(struct decoder *decoder, unsigned number)
{
    decoder->registers[number].set = false;
}

void known_clear_set(struct decoder *decoder, uint64_t numbers)
{
    for (unsigned i = 0; i < KNOWN_REGISTERS; i++) {
        if ((numbers >> i & 1) != 0)
            known_clear(decoder, i);
    }
}

void known_clear_all(struct decoder *decoder)
{
    memset(decoder->registers, 0, sizeof(decoder->registers));
}

/* The word of the pool is added to the pc by the instruction at hand. */
static void complete_pool_word(struct decoder *decoder, uint64_t slot)
{
    for (size_t i = 0; i < decoder->pool_count; i++) {
        if (decoder->pool[i].address == slot) {
            decoder->pool[i].completed = true;
            decoder->pool[i].completer = decoder->index;
        }
    }
}

void known_make_partial(struct decoder *decoder, const struct known *known)
{
    struct instruction *first = &decoder->first[known->index];
    const uint8_t *bytes = decoder->bytes + decode_wrap(decoder, first->address - decoder->address);
    if (first->reference == REFERENCE_NONE)
        refer_to(first, REFERENCE_DATA, known->value);
    first->partial = true;
    first->has_immediate = false;
    operand_word(decoder, first, known->operand);
    decode_set_shape(bytes, first);
}

void known_complete(struct decoder *decoder, struct instruction *instruction, unsigned number, uint64_t target,
                    uint32_t operand)
{
    const struct known *known = &decoder->registers[number];
    refer_to(instruction, REFERENCE_DATA, target);
    operand_word(decoder, instruction, operand);
    if (known->whole)
        return;
    instruction->pair = (uint32_t)(decoder->index - known->index);
    if (known->slot != 0)
        complete_pool_word(decoder, known->slot);
    else if (!decoder->first[known->index].partial)
        known_make_partial(decoder, known);
}
