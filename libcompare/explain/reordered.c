/*
 * Instructions of a function that stand in another order and do the same: each puts a constant into a register of its
 * own. More is not asked for, so what could depend on what stays a difference of the code.
 */
#include <string.h>

#include "parts.h"

#define WINDOW_MOST   128 /* bytes of code */
#define REORDERED     16  /* instructions */
#define TEXT_SIZE     64
#define REGISTER_SIZE 8

struct moves {
    char texts[REORDERED][TEXT_SIZE];
    char registers[REORDERED][REGISTER_SIZE];
    size_t count;
};

/* "mov esi, 1": esi without what says how wide it is, which all of x86 and AArch64 spell in front or behind. */
static bool read_move(const char *text, char name[REGISTER_SIZE])
{
    const char *at = strncmp(text, "mov ", 4) == 0 ? text + 4 : strncmp(text, "movabs ", 7) == 0 ? text + 7 : NULL;
    size_t size = at != NULL ? strcspn(at, ",") : 0;
    if (size < 2 || size >= REGISTER_SIZE || memchr(at, '[', size) != NULL || memchr(at, ' ', size) != NULL)
        return false;
    const char *value = at + size + strspn(at + size, ", #");
    if ((value[0] < '0' || value[0] > '9') && value[0] != '-')
        return false;
    size_t digits = strspn(at + 1, "0123456789");
    if (digits == 0 && size == 3 && (at[0] == 'r' || at[0] == 'e')) {
        at++; /* rsi, esi */
        size--;
    } else if (digits > 0 && (at[0] == 'w' || at[0] == 'x' || at[0] == 'r') &&
               (digits + 1 == size || (at[0] == 'r' && digits + 2 == size && at[size - 1] == 'd'))) {
        at++; /* w1, x1; r8, r8d */
        size = digits;
    } else {
        return false; /* al, si: a part of a register */
    }
    memcpy(name, at, size);
    name[size] = '\0';
    return true;
}

static bool read_moves(struct explaining *e, size_t side, const struct function *function, struct range bytes,
                       struct moves *moves)
{
    struct arena scratch = {0};
    struct list list = {.arena = &scratch, .item_size = sizeof(struct instruction)};
    const struct image *image = e->sides[side].image;
    struct decoder *decoder = e->sides[side].decoders[function->thumb];
    uint64_t address = function->address + (bytes.begin - function->bytes.begin), at = bytes.begin;
    bool read = range_contains(function->bytes, bytes) && range_size(bytes) <= WINDOW_MOST &&
                decode(decoder, image->bytes + bytes.begin, range_size(bytes), address, REORDERED, &list);
    const struct instruction *items = list.items;
    for (moves->count = 0; read && moves->count < list.count; moves->count++) {
        const struct instruction *instruction = &items[moves->count];
        char *text = moves->texts[moves->count];
        decode_text(decoder, image->bytes + at, instruction, NULL, text, TEXT_SIZE);
        read = instruction->decoded && instruction->reference == REFERENCE_NONE && !instruction->relocated &&
               strlen(text) < TEXT_SIZE - 1 && read_move(text, moves->registers[moves->count]);
        at += instruction->size;
    }
    arena_free(&scratch);
    return read && at == bytes.end && moves->count > 1;
}

static bool has_text(const struct moves *moves, const char *text)
{
    size_t i = 0;
    while (i < moves->count && strcmp(moves->texts[i], text) != 0)
        i++;
    return i < moves->count;
}

/* Whether something jumps between them: then only some are run. */
static bool is_entered(struct explaining *e, size_t side, const struct function *function, struct range window)
{
    struct arena scratch = {0};
    struct list list = {.arena = &scratch, .item_size = sizeof(struct instruction)};
    uint64_t begin = function->address + (window.begin - function->bytes.begin), end = begin + range_size(window);
    bool entered = false;
    function_decode(e, side, function, &list);
    const struct instruction *items = list.items;
    for (size_t i = 0; i < list.count; i++)
        entered = entered || (items[i].reference == REFERENCE_JUMP && items[i].target > begin && items[i].target < end);
    arena_free(&scratch);
    return entered;
}

/* Each register once, and each move on the other side, too. */
static bool are_same_moves(const struct moves *a, const struct moves *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++) {
        for (size_t k = 0; k < i; k++)
            same = same && strcmp(a->registers[i], a->registers[k]) != 0;
        same = same && has_text(b, a->texts[i]);
    }
    return same;
}

static struct range window_of(const struct code_comparison *comparison, size_t side)
{
    const struct code_difference *differences = comparison->differences.items;
    struct range window = {UINT64_MAX, 0};
    for (size_t i = 0; i < comparison->differences.count; i++) {
        struct range bytes = side == 0 ? differences[i].vendor : differences[i].rebuilt;
        window.begin = bytes.begin < window.begin ? bytes.begin : window.begin;
        window.end = bytes.end > window.end ? bytes.end : window.end;
    }
    return window;
}

static void moves_text(struct explaining *e, struct value *value, const struct moves *moves)
{
    char text[TEXT_SIZE * 4];
    size_t used = 0;
    for (size_t i = 0; i < moves->count && i < 3; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? "; " : "", moves->texts[i]);
    value_text(e, value, "%s%s", text, moves->count > 3 ? "; ..." : "");
}

bool reordered_tell(struct explaining *e, const struct function *const functions[2],
                    const struct code_comparison *comparison)
{
    struct moves moves[2];
    struct range windows[2];
    for (size_t side = 0; side < 2; side++) {
        windows[side] = window_of(comparison, side);
        if (comparison->differences.count == 0 || !comparison->complete ||
            !read_moves(e, side, functions[side], windows[side], &moves[side]) ||
            is_entered(e, side, functions[side], windows[side]))
            return false;
    }
    if (!are_same_moves(&moves[0], &moves[1]))
        return false;
    struct difference *difference = difference_add(e, DIFFERENCE_ORDER, "order of instructions");
    for (size_t side = 0; difference != NULL && side < 2; side++) {
        place_set(e, side == 0 ? &difference->vendor : &difference->rebuilt, side, windows[side]);
        moves_text(e, side == 0 ? &difference->vendor_value : &difference->rebuilt_value, &moves[side]);
        difference_takes(e, difference, side, windows[side]);
    }
    return difference != NULL;
}
