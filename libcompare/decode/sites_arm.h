/* What sites_arm.c and sites_thumb.c share. Private to them. */
#ifndef DECODE_SITES_ARM_H
#define DECODE_SITES_ARM_H

#include "sites_flow.h"

#define ARM_PC 15u
#define ARM_LR 14u
#define ARM_SP 13u
/* r0 to r3, r12. */
#define ARM_CHANGED 0x100fu
/* r4 to r11. */
#define ARM_KEPT 0x0ff0u
/* Pseudo-registers: what is held where an even, or an odd condition holds. */
#define ARM_EVEN 16u
#define ARM_ODD  31u
#define ARM_ALL  0x7fffu

struct arm {
    uint64_t got;     /* what it is addressed from; 0: not known */
    bool conditional; /* the instruction at hand is run on some condition */
    uint64_t it_next; /* Thumb: where the next instruction of an IT block stands */
    unsigned it_left;
    unsigned it_odd; /* the lowest bit: of the next instruction */
};

static inline struct arm *arm_of(const struct flow *flow)
{
    return flow->machine.state;
}

/* The address of the instruction at hand. */
static inline uint64_t arm_here(const struct flow *flow)
{
    return flow->search->address + flow->at;
}

void arm_uses(struct flow *flow, unsigned a, unsigned b);
void arm_write(struct flow *flow, unsigned reg);

/* A word is loaded from this place, which is relative to the pc; the instruction's own site is the caller's. */
void arm_load_literal(struct flow *flow, unsigned rt, uint64_t slot);
/* What is only read from there: numbers. */
void arm_skip_literal(struct flow *flow, uint64_t slot, uint64_t size);

void arm_move_low(struct flow *flow, unsigned rd, uint32_t value, uint32_t bits);
void arm_move_high(struct flow *flow, unsigned rd, uint32_t value, uint32_t bits);

/* rd = rn + rm without a shift; pc is what reading it gives. */
void arm_add(struct flow *flow, unsigned rd, unsigned rn, unsigned rm, uint64_t pc);
/* rd = rn + (rm << some shift). */
void arm_add_shifted(struct flow *flow, unsigned rd, unsigned rn, unsigned rm);
/* The address rn + (rm << shift) is loaded from or stored to. */
void arm_indexed(struct flow *flow, unsigned rn, unsigned rm, unsigned shift, uint64_t pc);
/* The same, of a load that could be a table's; size is of the entry. */
bool arm_load_entry(struct flow *flow, unsigned rt, unsigned rn, unsigned rm, unsigned shift, unsigned size,
                    bool is_signed);

void arm_jump(struct flow *flow, uint64_t target, bool conditional);
void arm_jump_register(struct flow *flow, unsigned reg);
/* A jump through a table of addresses. */
void arm_jump_by_table(struct flow *flow, uint64_t table);
/* Whether it is an address that is known. */
bool arm_is_whole(const struct flow *flow, const struct held *held);
/* The end of the way, unless the instruction is conditional. */
void arm_end(struct flow *flow);
void arm_call(struct flow *flow);
/* What the call leads to, unless it is not taken. */
void arm_called(struct flow *flow, uint64_t target);
void arm_system_call(struct flow *flow);

/* Coprocessors, VFP and SIMD: bits 27 to 0, which both instruction sets have alike. */
void arm_coprocessor(struct flow *flow, uint32_t word, uint64_t pc);

unsigned thumb_step(struct flow *flow);

#endif
