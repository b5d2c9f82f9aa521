/* What code.c, which decides, and code_listing.c, which shows, share. Private to them. */
#ifndef EXPLAIN_CODE_PARTS_H
#define EXPLAIN_CODE_PARTS_H

#include "align.h"
#include "code.h"

struct code_side {
    struct decoder *decoder;
    const struct code *code;
    const uint8_t *bytes;
    const struct instruction *items;
    size_t count;
    uint64_t *offsets; /* of each instruction, from the beginning */
    size_t *partner;   /* of each instruction, or ALIGN_NONE */
    bool *landed;      /* a jump goes here from the other's partner too */
    uint8_t *parts;    /* of partial ones, bits: some completing instruction is the same, some is not */
    uint64_t end;      /* behind the last instruction, from the beginning */
};

enum code_relation {
    RELATION_OTHER = 0,
    RELATION_IMMEDIATE,
    RELATION_TARGET,
    RELATION_MOVED,
    RELATION_EQUAL,
};

/* Two functions, aligned. */
struct code_pairing {
    struct code_side vendor, rebuilt;
    const struct code_context *context;
    struct arena scratch;          /* lives until the pairing is closed */
    enum code_relation *relations; /* of the vendor's instructions that have a partner */
    bool complete;
};

/* false: no memory; close it then too. */
bool code_pair(struct decoder *vendor_decoder, const struct code *vendor, struct decoder *rebuilt_decoder,
               const struct code *rebuilt, const struct code_context *context, struct code_pairing *pairing);
void code_pairing_close(struct code_pairing *pairing);

/* What the next step in both is. */
struct code_step {
    enum code_relation relation;     /* of a pair */
    bool paired;                     /* one instruction of each */
    bool skipped;                    /* no difference: padding before a place that both jump to */
    size_t vendor_begin, vendor_end; /* indices */
    size_t rebuilt_begin, rebuilt_end;
};

/* The step that begins at these indices; false at the end. *step is moved from one to the next; zero it before. */
bool code_step_next(const struct code_pairing *pairing, struct code_step *step);

struct range code_file_range(const struct code_side *side, size_t begin, size_t end);

/* The text of one instruction with its target's name. Returns buffer. */
const char *code_text(const struct code_pairing *pairing, bool rebuilt, size_t index, char *buffer, size_t size);

/* Room for the text of an instruction with a name. */
#define CODE_TEXT 400

#endif
