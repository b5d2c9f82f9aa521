/* What sites_ppc.c and sites_ppc_effects.c share. Private to them. */
#ifndef DECODE_SITES_PPC_H
#define DECODE_SITES_PPC_H

#include <stdint.h>

/* What an instruction of opcode 31 does with its operands T (or S), A and B. */
enum effect {
    UNKNOWN = 0,
    NOTHING,
    READS_AB,
    READS_SAB,
    WRITES_T,
    READS_S,
    LOGICAL, /* writes A of S and B */
    UNARY,   /* writes A of S */
    LOAD,
    ARITHMETIC,   /* writes T of A and B */
    UPDATE = 0x10 /* and A becomes the address */
};

/* By the extended opcode of 10 bits. */
extern const uint8_t ppc_effects[1024];

#endif
