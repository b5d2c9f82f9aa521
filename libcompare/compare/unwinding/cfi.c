/*
 * Call frame instructions (DWARF 5, chapter 6.4.2, and the additions of GNU): two sequences do the same when they are
 * the same bytes up to the padding of DW_CFA_nop, and no operand is an address. DW_CFA_set_loc, and expressions with
 * constants as wide as an address, are therefore not known.
 */
#include <dwarf.h>
#include <string.h>

#include "../tables/tables.h"

#ifndef DW_CFA_MIPS_advance_loc8
#define DW_CFA_MIPS_advance_loc8 0x1d
#endif
#ifndef DW_CFA_GNU_window_save
#define DW_CFA_GNU_window_save 0x2d /* AArch64: DW_CFA_AARCH64_negate_ra_state */
#endif
#ifndef DW_CFA_GNU_args_size
#define DW_CFA_GNU_args_size 0x2e
#endif
#define DW_CFA_AARCH64_negate_ra_state_with_pc 0x2c
#define DW_CFA_GNU_negative_offset_extended_   0x2f

/* Operands: u uleb128, s sleb128, 1 2 4 bytes, e an expression; - none. NULL: not known. */
static const char *operands(uint8_t opcode)
{
    switch (opcode) {
    case DW_CFA_nop:
    case DW_CFA_remember_state:
    case DW_CFA_restore_state:
    case DW_CFA_GNU_window_save:
    case DW_CFA_AARCH64_negate_ra_state_with_pc:
        return "";
    case DW_CFA_advance_loc1:
        return "1";
    case DW_CFA_advance_loc2:
        return "2";
    case DW_CFA_advance_loc4:
        return "4";
    case DW_CFA_MIPS_advance_loc8:
        return "44";
    case DW_CFA_restore_extended:
    case DW_CFA_undefined:
    case DW_CFA_same_value:
    case DW_CFA_def_cfa_register:
    case DW_CFA_def_cfa_offset:
    case DW_CFA_GNU_args_size:
        return "u";
    case DW_CFA_offset_extended:
    case DW_CFA_register:
    case DW_CFA_def_cfa:
    case DW_CFA_val_offset:
    case DW_CFA_GNU_negative_offset_extended_:
        return "uu";
    case DW_CFA_offset_extended_sf:
    case DW_CFA_def_cfa_sf:
    case DW_CFA_val_offset_sf:
        return "us";
    case DW_CFA_def_cfa_offset_sf:
        return "s";
    case DW_CFA_def_cfa_expression:
        return "e";
    case DW_CFA_expression:
    case DW_CFA_val_expression:
        return "ue";
    default:
        return NULL;
    }
}

/* Of an operation of an expression, in the same letters. Those that take an address, or a wide constant, are not known. */
static const char *operation(uint8_t opcode)
{
    if ((opcode >= DW_OP_lit0 && opcode <= DW_OP_reg31) || (opcode >= DW_OP_dup && opcode <= DW_OP_over) ||
        (opcode >= DW_OP_swap && opcode <= DW_OP_plus) || (opcode >= DW_OP_shl && opcode <= DW_OP_xor) ||
        (opcode >= DW_OP_eq && opcode <= DW_OP_ne))
        return "";
    if (opcode >= DW_OP_breg0 && opcode <= DW_OP_breg31)
        return "s";
    switch (opcode) {
    case DW_OP_deref:
    case DW_OP_nop:
        return "";
    case DW_OP_const1u:
    case DW_OP_const1s:
    case DW_OP_pick:
    case DW_OP_deref_size:
        return "1";
    case DW_OP_const2u:
    case DW_OP_const2s:
    case DW_OP_skip:
    case DW_OP_bra:
        return "2";
    case DW_OP_plus_uconst:
        return "u";
    case DW_OP_bregx:
        return "us";
    default:
        return NULL;
    }
}

static void take_operands(struct reader *reader, const char *kinds);

static void take_expression(struct reader *reader)
{
    struct reader part = take_part(reader, take_uleb128(reader));
    while (reader_left(&part) > 0)
        take_operands(&part, operation(take_u8(&part)));
    reader->failed = reader->failed || part.failed;
}

static void take_operands(struct reader *reader, const char *kinds)
{
    reader->failed = reader->failed || kinds == NULL;
    for (; !reader->failed && *kinds != '\0'; kinds++) {
        if (*kinds == 'u')
            take_uleb128(reader);
        else if (*kinds == 's')
            take_sleb128(reader);
        else if (*kinds == 'e')
            take_expression(reader);
        else
            take_bytes(reader, (uint64_t)(*kinds - '0'));
    }
}

/* Up to where there is more than padding; false where something is not known. */
static bool measure(struct reader reader, uint64_t *end)
{
    *end = 0;
    while (reader_left(&reader) > 0) {
        uint8_t opcode = take_u8(&reader);
        bool padding = opcode == DW_CFA_nop;
        if ((opcode & 0xc0) == DW_CFA_offset)
            take_uleb128(&reader);
        else if ((opcode & 0xc0) == 0)
            take_operands(&reader, operands(opcode));
        if (!padding)
            *end = reader.at;
    }
    return !reader.failed;
}

bool cfi_same(struct reader vendor, struct reader rebuilt)
{
    uint64_t ends[2];
    return measure(vendor, &ends[0]) && measure(rebuilt, &ends[1]) && ends[0] == ends[1] &&
           (ends[0] == 0 || memcmp(vendor.bytes, rebuilt.bytes, ends[0]) == 0);
}
