/*
 * What people read of an instruction, and hashes of it. A number in a text is what begins with a digit and is no part
 * of a name: no register, and no scale of an index.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

uint64_t decode_hash(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

/* ---- Numbers in a text ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Whether a number begins here; before: the character before, or 0. */
static bool number_begins(char before, const char *text)
{
    return is_digit(*text) && !is_name(before) && before != '.' && before != '$' && before != '%' && before != '*';
}

static const char *number_end(const char *text)
{
    while (is_name(*text) || *text == '.')
        text++;
    return text;
}

/* A sign belongs to the number: "- 0x10" and "-0x10", but "+" is that of another text with the same operands. */
static bool is_sign(const char *text)
{
    if (*text != '-' && *text != '+')
        return false;
    return is_digit(text[1]) || (text[1] == ' ' && is_digit(text[2]));
}

/* The next character of a text without its numbers, each of which is '#'; 0 at the end. */
static char next_without_numbers(const char **text, char *before)
{
    const char *at = *text;
    char last = *before;
    bool sign = is_sign(at);
    if (sign) {
        last = *at;
        at += at[1] == ' ' ? 2 : 1;
    }
    if ((sign || *at != 0) && number_begins(last, at)) {
        *text = number_end(at);
        *before = '#';
        /* A blank before the sign, and none where it is part of the number: "[rbp - 8]". */
        return '#';
    }
    *before = **text;
    return *(*text)++;
}

uint64_t decode_hash_skeleton(uint64_t hash, const char *text)
{
    char before = 0;
    while (*text != 0) {
        char c = next_without_numbers(&text, &before);
        hash = (hash ^ (uint8_t)c) * 0x100000001b3u;
    }
    return hash ^ hash >> 31;
}

struct number {
    const char *begin, *end; /* without the sign */
    int64_t value;
};

/* The next number at or behind *text, which is moved behind it. */
static bool number_next(const char **text, char *before, struct number *number)
{
    bool minus = false;
    for (const char *at = *text; *at != 0; at++) {
        if (number_begins(*before, at)) {
            *text = number_end(at);
            *before = '#';
            *number = (struct number){at, *text, (int64_t)strtoull(at, NULL, 0)};
            if (minus)
                number->value = (int64_t)(0 - (uint64_t)number->value);
            return true;
        }
        if (is_sign(at))
            minus = *at == '-';
        else if (*at != ' ' || (*before != '-' && *before != '+'))
            minus = false;
        *before = *at;
    }
    return false;
}

bool decode_equal_but_numbers(const char *vendor_text, const char *rebuilt_text, bool *differ, int64_t *vendor_number,
                              int64_t *rebuilt_number)
{
    const char *vendor = vendor_text, *rebuilt = rebuilt_text;
    char before_vendor = 0, before_rebuilt = 0;
    while (*vendor != 0 && *rebuilt != 0) {
        if (next_without_numbers(&vendor, &before_vendor) != next_without_numbers(&rebuilt, &before_rebuilt))
            return false;
    }
    if (*vendor != *rebuilt)
        return false;
    struct number a, b;
    *differ = false;
    before_vendor = before_rebuilt = 0;
    while (!*differ && number_next(&vendor_text, &before_vendor, &a) &&
           number_next(&rebuilt_text, &before_rebuilt, &b)) {
        *differ = a.value != b.value;
        *vendor_number = a.value;
        *rebuilt_number = b.value;
    }
    return true;
}

/* ---- Texts ---- */

/* The number that stands for the target: that of the same value, else the distance to it, else the last. */
static bool target_number(const char *text, const struct instruction *instruction, struct number *found)
{
    uint64_t distance = instruction->target - instruction->address - instruction->size;
    struct number number;
    char before = 0;
    unsigned best = 0;
    while (number_next(&text, &before, &number)) {
        bool whole =
            (uint64_t)number.value == instruction->target || (uint32_t)number.value == (uint32_t)instruction->target;
        unsigned fits = whole ? 3 : (uint32_t)number.value == (uint32_t)distance ? 2 : 1;
        if (fits >= best) {
            best = fits;
            *found = number;
        }
    }
    return best > 0;
}

static void join(char *buffer, size_t size, const char *mnemonic, const char *operands)
{
    snprintf(buffer, size, "%s%s%s", mnemonic, *operands != 0 ? " " : "", operands);
}

static void text_with_name(const struct decoder *decoder, const struct instruction *instruction, const char *name,
                           char *buffer, size_t size)
{
    const cs_insn *insn = decoder->insn;
    struct number number;
    if (!target_number(insn->op_str, instruction, &number)) {
        snprintf(buffer, size, "%s %s  ; %s", insn->mnemonic, insn->op_str, name);
        return;
    }
    const char *begin = number.begin;
    /* "#0x10" is a number's mark; with a name it would read as something else. "- 0x10" becomes "+ name". */
    if (begin > insn->op_str && begin[-1] == '-')
        begin--;
    if (begin > insn->op_str && begin[-1] == '#')
        begin--;
    bool minus = begin - insn->op_str >= 2 && begin[-1] == ' ' && begin[-2] == '-';
    int before = (int)(begin - insn->op_str) - (minus ? 2 : 0);
    snprintf(buffer, size, "%s %.*s%s%s%s", insn->mnemonic, before, insn->op_str, minus ? "+ " : "", name, number.end);
}

static void text_of_data(const uint8_t *bytes, const struct instruction *instruction, const char *name, char *buffer,
                         size_t size)
{
    const char *directive = instruction->size == 1 ? ".byte" : ".word";
    if (name != NULL)
        snprintf(buffer, size, "%s %s", directive, name);
    else if (instruction->reference != REFERENCE_NONE)
        snprintf(buffer, size, "%s 0x%llx", directive, (unsigned long long)instruction->target);
    else if (instruction->has_immediate)
        snprintf(buffer, size, "%s 0x%llx", directive, (unsigned long long)instruction->immediate);
    else
        snprintf(buffer, size, "%s 0x%x", directive, bytes[0]);
}

static bool decode_again(struct decoder *decoder, const uint8_t *bytes, const struct instruction *instruction)
{
    return instruction->decoded && instruction->id != 0 &&
           decode_one(decoder, bytes, instruction->size, instruction->address) &&
           decoder->insn->size == instruction->size;
}

const char *decode_text(struct decoder *decoder, const uint8_t *bytes, const struct instruction *instruction,
                        const char *target_name, char *buffer, size_t size)
{
    if (!decode_again(decoder, bytes, instruction))
        text_of_data(bytes, instruction, target_name, buffer, size);
    else if (target_name != NULL && instruction->reference != REFERENCE_NONE)
        text_with_name(decoder, instruction, target_name, buffer, size);
    else
        join(buffer, size, decoder->insn->mnemonic, decoder->insn->op_str);
    return buffer;
}

const char *decode_mnemonic(struct decoder *decoder, const uint8_t *bytes, const struct instruction *instruction,
                            char *buffer, size_t size)
{
    if (decode_again(decoder, bytes, instruction))
        snprintf(buffer, size, "%s", decoder->insn->mnemonic);
    else
        snprintf(buffer, size, "%s", instruction->size == 1 ? ".byte" : ".word");
    return buffer;
}
