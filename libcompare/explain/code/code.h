/*
 * Two functions, instruction by instruction: where they differ. Private to this room. An address operand is no
 * difference where the caller says that both sides' targets mean the same; everything else is compared bit for bit.
 *
 *   align.c          which instruction of one side belongs to which of the other
 *   code.c           what differs in those that belong together
 *   code_listing.c   both side by side
 */
#ifndef EXPLAIN_CODE_H
#define EXPLAIN_CODE_H

#include "../../decode/decode.h"
#include "../explain.h"

/* A function of one side. */
struct code {
    const struct image *image;
    struct range bytes; /* of the file */
    uint64_t address;
    bool thumb;
};

/* What the caller knows. */
struct code_context {
    void *state;
    /*
     * Whether the two targets mean the same thing on their sides (same function, same string, ...). Not asked about
     * targets inside the two functions, about partial ones, or about the GOT itself. Where an instruction is `relocated` (ET_REL), the
     * relocations within the two file ranges decide, together with what stands in their fields; asked then also where
     * there is no reference. NULL: the same are equal addresses.
     */
    bool (*same_target)(void *state, const struct instruction *vendor, struct range vendor_bytes,
                        const struct instruction *rebuilt, struct range rebuilt_bytes);
    /* Escaped; NULL: none. The function pointer may be NULL too. */
    const char *(*target_name)(void *state, bool rebuilt, const struct instruction *instruction, struct range bytes,
                               char *buffer, size_t size);
    size_t most; /* instructions of a side to decode */
};

enum code_difference_kind {
    CODE_OTHER = 0, /* opcode, registers, encoding */
    CODE_IMMEDIATE,
    CODE_TARGET,
    CODE_ONLY_VENDOR,
    CODE_ONLY_REBUILT,
};

struct code_difference {
    enum code_difference_kind kind;
    struct range vendor, rebuilt; /* of the files; empty on the side that has nothing, at the place where it would be */
    struct instruction vendor_first, rebuilt_first; /* zero on the side that has nothing */
    size_t vendor_count, rebuilt_count;             /* instructions */
    int64_t vendor_value, rebuilt_value;            /* the immediates that differ, or the targets */
    const char *vendor_text, *rebuilt_text; /* at most 4 instructions, joined by "; ", then "..."; "" for none */
    const char *mnemonic;                   /* of the first, the vendor's where it has one */
};

struct code_comparison {
    struct list differences; /* of struct code_difference, in address order */
    size_t equal;            /* pairs of instructions that are equal in bytes, and in what their targets mean */
    size_t moved;            /* equal but for bits of an address operand whose targets mean the same */
    size_t lost;             /* undecodable on either side */
    bool complete;           /* false: too many instructions, or too different to align within the bound */
    bool identical_shape;    /* no difference but targets */
    size_t changed_vendor, changed_rebuilt; /* instructions in differences */
};

/* Aligns two functions and lists where they differ. What is made lives in the arena. false: no memory. */
bool code_compare(struct decoder *vendor_decoder, const struct code *vendor, struct decoder *rebuilt_decoder,
                  const struct code *rebuilt, const struct code_context *context, struct arena *arena,
                  struct code_comparison *comparison);

/* What is wanted, and what comes of it. */
struct code_listing {
    size_t around;     /* lines before and behind each difference */
    size_t most;       /* lines */
    struct list lines; /* of struct listed_line, without sources */
    size_t left_out;   /* lines that differ, of which there were too many */
};

/* Adds the lines around each difference. What is made lives in the arena. false: no memory. */
bool code_list(struct decoder *vendor_decoder, const struct code *vendor, struct decoder *rebuilt_decoder,
               const struct code *rebuilt, const struct code_context *context, struct arena *arena,
               struct code_listing *listing);

#endif
