/*
 * Expressions (DWARF 5, 2.5 and 7.7.1; GNU's of DWARF 4), operation by operation: operations are equal, and so are their
 * operands, addresses by what they stand for and entries by their partners.
 */
#include "parts.h"

#include <string.h>

#define NESTING_MOST 4 /* of expressions in DW_OP_entry_value */

/* Operands: 1 2 4 8 bytes, unsigned and signed LEB128, address, index of an address, offset of an entry in the unit (as a
 * byte sequence of LEB128, 2, 4), in the section, a block with its size, an expression with its size. */
static const char *operands_of(unsigned operation)
{
    if ((operation >= DW_OP_lit0 && operation <= DW_OP_lit31) || (operation >= DW_OP_reg0 && operation <= DW_OP_reg31))
        return "";
    if (operation >= DW_OP_breg0 && operation <= DW_OP_breg31)
        return "s";
    switch (operation) {
    case DW_OP_addr:
        return "a";
    case DW_OP_const1u:
    case DW_OP_const1s:
    case DW_OP_pick:
    case DW_OP_deref_size:
    case DW_OP_xderef_size:
        return "1";
    case DW_OP_const2u:
    case DW_OP_const2s:
    case DW_OP_bra:
    case DW_OP_skip:
        return "2";
    case DW_OP_const4u:
    case DW_OP_const4s:
        return "4";
    case DW_OP_const8u:
    case DW_OP_const8s:
        return "8";
    case DW_OP_constu:
    case DW_OP_plus_uconst:
    case DW_OP_regx:
    case DW_OP_piece:
        return "u";
    case DW_OP_consts:
    case DW_OP_fbreg:
        return "s";
    case DW_OP_bregx:
        return "us";
    case DW_OP_bit_piece:
        return "uu";
    case DW_OP_implicit_value:
        return "b";
    case DW_OP_addrx:
    case DW_OP_constx:
    case DW_OP_GNU_addr_index:
    case DW_OP_GNU_const_index:
        return "x";
    case DW_OP_call2:
        return "t";
    case DW_OP_call4:
    case DW_OP_GNU_parameter_ref:
        return "f";
    case DW_OP_call_ref:
    case DW_OP_GNU_variable_value:
        return "g";
    case DW_OP_implicit_pointer:
    case DW_OP_GNU_implicit_pointer:
        return "gs";
    case DW_OP_entry_value:
    case DW_OP_GNU_entry_value:
        return "e";
    case DW_OP_const_type:
    case DW_OP_GNU_const_type:
        return "lc";
    case DW_OP_regval_type:
    case DW_OP_GNU_regval_type:
        return "ul";
    case DW_OP_deref_type:
    case DW_OP_GNU_deref_type:
    case DW_OP_xderef_type:
        return "1l";
    case DW_OP_convert:
    case DW_OP_reinterpret:
    case DW_OP_GNU_convert:
    case DW_OP_GNU_reinterpret:
        return "l";
    case DW_OP_deref:
    case DW_OP_dup:
    case DW_OP_drop:
    case DW_OP_over:
    case DW_OP_swap:
    case DW_OP_rot:
    case DW_OP_xderef:
    case DW_OP_abs:
    case DW_OP_and:
    case DW_OP_div:
    case DW_OP_minus:
    case DW_OP_mod:
    case DW_OP_mul:
    case DW_OP_neg:
    case DW_OP_not:
    case DW_OP_or:
    case DW_OP_plus:
    case DW_OP_shl:
    case DW_OP_shr:
    case DW_OP_shra:
    case DW_OP_xor:
    case DW_OP_eq:
    case DW_OP_ge:
    case DW_OP_gt:
    case DW_OP_le:
    case DW_OP_lt:
    case DW_OP_ne:
    case DW_OP_nop:
    case DW_OP_push_object_address:
    case DW_OP_form_tls_address:
    case DW_OP_call_frame_cfa:
    case DW_OP_stack_value:
    case DW_OP_GNU_push_tls_address:
    case DW_OP_GNU_uninit:
        return "";
    default:
        return NULL;
    }
}

struct expressions {
    struct unit_pair *pair;
    struct debug_reader sides[2];
    bool unreadable; /* too deep, or not whole, on both sides */
    bool jumps;      /* by bytes: operations must begin at the same ones */
    bool shifted;    /* and do not */
};

static bool agree(struct expressions *x, unsigned nesting);

static bool failed(const struct expressions *x)
{
    return x->sides[0].failed || x->sides[1].failed;
}

static bool entries_agree(const struct expressions *x, uint64_t vendor, uint64_t rebuilt, bool of_unit)
{
    const struct unit_pair *pair = x->pair;
    /* The generic type: DWARF 5, 2.5.1.6. */
    if (of_unit && (vendor == 0 || rebuilt == 0))
        return vendor == rebuilt;
    uint64_t base_a = of_unit ? pair->units[0]->header.begin : 0, base_b = of_unit ? pair->units[1]->header.begin : 0;
    return entries_correspond(x->pair, base_a + vendor, base_b + rebuilt);
}

static bool addresses_agree(const struct expressions *x, uint64_t vendor, uint64_t rebuilt)
{
    return place_agrees(&x->pair->d->places, vendor, rebuilt, false);
}

static bool blocks_agree(struct expressions *x, uint64_t size_a, uint64_t size_b)
{
    struct debug_reader *a = &x->sides[0], *b = &x->sides[1];
    const uint8_t *bytes_a = a->bytes + a->at, *bytes_b = b->bytes + b->at;
    debug_skip(a, size_a);
    debug_skip(b, size_b);
    return size_a == size_b && !failed(x) && memcmp(bytes_a, bytes_b, size_a) == 0;
}

static bool nested_agree(struct expressions *x, unsigned nesting)
{
    struct expressions inner = *x;
    inner.jumps = inner.shifted = false;
    for (size_t side = 0; side < 2; side++) {
        uint64_t size = debug_take_uleb(&x->sides[side]);
        inner.sides[side] = x->sides[side];
        debug_skip(&x->sides[side], size);
        inner.sides[side].end = inner.sides[side].at + size;
    }
    bool agreed = !failed(x) && nesting < NESTING_MOST && agree(&inner, nesting + 1);
    x->unreadable |= inner.unreadable || nesting >= NESTING_MOST;
    return agreed;
}

static bool indexed_agree(struct expressions *x, uint64_t vendor, uint64_t rebuilt)
{
    uint64_t a, b;
    bool known_a = debug_cursor_address(&x->pair->cursors[0], vendor, &a);
    bool known_b = debug_cursor_address(&x->pair->cursors[1], rebuilt, &b);
    x->unreadable |= !known_a && !known_b;
    return known_a && known_b && addresses_agree(x, a, b);
}

static bool operand_agrees(struct expressions *x, char kind, unsigned nesting)
{
    struct debug_reader *a = &x->sides[0], *b = &x->sides[1];
    const struct debug_unit_header *unit_a = &x->pair->units[0]->header, *unit_b = &x->pair->units[1]->header;
    uint64_t vendor, rebuilt;
    switch (kind) {
    case 'a':
        vendor = debug_take(a, unit_a->address_size);
        rebuilt = debug_take(b, unit_b->address_size);
        return addresses_agree(x, vendor, rebuilt);
    case 'x':
        vendor = debug_take_uleb(a);
        rebuilt = debug_take_uleb(b);
        return indexed_agree(x, vendor, rebuilt);
    case 'u':
    case 's':
        vendor = kind == 's' ? (uint64_t)debug_take_sleb(a) : debug_take_uleb(a);
        rebuilt = kind == 's' ? (uint64_t)debug_take_sleb(b) : debug_take_uleb(b);
        return vendor == rebuilt;
    case 'l':
        vendor = debug_take_uleb(a);
        rebuilt = debug_take_uleb(b);
        return entries_agree(x, vendor, rebuilt, true);
    case 't':
    case 'f':
        vendor = debug_take(a, kind == 't' ? 2 : 4);
        rebuilt = debug_take(b, kind == 't' ? 2 : 4);
        return entries_agree(x, vendor, rebuilt, true);
    case 'g':
        vendor = debug_take(a, unit_a->version == 2 ? unit_a->address_size : unit_a->offset_size);
        rebuilt = debug_take(b, unit_b->version == 2 ? unit_b->address_size : unit_b->offset_size);
        return entries_agree(x, vendor, rebuilt, false);
    case 'b':
        vendor = debug_take_uleb(a);
        rebuilt = debug_take_uleb(b);
        return blocks_agree(x, vendor, rebuilt);
    case 'c': /* a constant with its size in a byte */
        vendor = debug_take(a, 1);
        rebuilt = debug_take(b, 1);
        return blocks_agree(x, vendor, rebuilt);
    case 'e':
        return nested_agree(x, nesting);
    default:
        vendor = debug_take(a, (unsigned)(kind - '0'));
        rebuilt = debug_take(b, (unsigned)(kind - '0'));
        return vendor == rebuilt;
    }
}

static bool agree(struct expressions *x, unsigned nesting)
{
    struct debug_reader *a = &x->sides[0], *b = &x->sides[1];
    uint64_t begin_a = a->at, begin_b = b->at;
    while (a->at < a->end && b->at < b->end) {
        x->shifted |= a->at - begin_a != b->at - begin_b;
        unsigned operation = (unsigned)debug_take(a, 1);
        if (operation != debug_take(b, 1))
            return false;
        x->jumps |= operation == DW_OP_bra || operation == DW_OP_skip;
        const char *operands = operands_of(operation);
        /* What is not known ends the expression: from there on, bytes are compared. */
        if (operands == NULL)
            return blocks_agree(x, a->end - a->at, b->end - b->at);
        for (; *operands != '\0'; operands++) {
            bool agrees = operand_agrees(x, *operands, nesting);
            x->unreadable |= a->failed && b->failed;
            if (!agrees || failed(x))
                return false;
        }
    }
    x->shifted |= a->end - begin_a != b->end - begin_b;
    return a->at == a->end && b->at == b->end && !(x->jumps && x->shifted);
}

bool expressions_agree(struct unit_pair *pair, const struct debug_attribute *vendor,
                       const struct debug_attribute *rebuilt)
{
    struct expressions x = {.pair = pair};
    const struct debug_attribute *values[2] = {vendor, rebuilt};
    for (size_t side = 0; side < 2; side++)
        x.sides[side] =
            (struct debug_reader){pair->d->sides[side].image, values[side]->bytes, 0, values[side]->size, false};
    if (agree(&x, 0))
        return true;
    if (x.unreadable)
        debug_incomplete(pair->d, "an expression could not be read");
    return x.unreadable && vendor->size == rebuilt->size && memcmp(vendor->bytes, rebuilt->bytes, vendor->size) == 0;
}
