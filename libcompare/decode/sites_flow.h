/*
 * What registers hold, followed over the control flow of one function, for addresses that several instructions make.
 * Private to sites*.c. A machine gives one function, which runs one instruction on the registers; it is called as often
 * as states reach the instruction, and once more, in order, to tell its sites.
 *
 * What holds a part of an address must be followed to each of its uses. A use that is not is said by flow_use(), and
 * then all instructions that made this part are SITE_OPAQUE.
 */
#ifndef DECODE_SITES_FLOW_H
#define DECODE_SITES_FLOW_H

#include "sites_parts.h"

#define FLOW_REGISTERS 46

enum held_kind {
    HELD_OTHER = 0, /* nothing that other instructions make an address of */
    HELD_SUM,       /* some addition's result: nothing is known of a jump to it */
    HELD_PART,      /* a part of an address, which is one for certain: a page, what stands relative to the pc */
    HELD_HALF,      /* a part of an address, or of a number: what completes it tells */
    HELD_BASE,      /* of the GOT or TOC: what is added to it must be seen */
    HELD_WHOLE,     /* an address that a site has whole */
    HELD_SLOT,      /* read from this place, where a part of an address stands, or a whole one */
    HELD_INDEXED,   /* an address that is known and an index */
    HELD_ENTRY,     /* read from a table: base is not known yet */
    HELD_PLACE,     /* its base and an entry of it */
    HELD_BOUND,  /* what was compared with a number before a branch: address is the number, base whether it is a sum */
    HELD_STUB,   /* of a function that ld.so finds: the address of what stands for it in the file */
    HELD_RESULT, /* a call's result, or what was held before, if the call kept it: address is its number */
    HELD_MIXED,  /* not the same on every way that leads here, and a part or base on one of them */
};

struct held {
    uint64_t address; /* the value; of entries and places the table's first entry; of what is mixed one of its values */
    uint64_t base;    /* of a place; of a part of which it matters where it stands: that */
    uint64_t whole;   /* what it was completed to, where each must be the same */
    uint8_t kind;     /* enum held_kind */
    uint8_t entry_size, shift;
    bool is_signed;
    uint32_t count; /* of entries and places: how many the table has, as far as a comparison told; 0: it did not */
    bool spoiled;   /* of the group: something completed one of several, which is not known */
    uint32_t low;   /* the number of the part that was completed with it; 0: none */
    bool completed; /* something made a whole address of it */
    bool escaped;   /* of the group: there is a use that is not followed */
    uint32_t group; /* values that were mixed, by the number of one of them */
};

struct flow;

struct flow_machine {
    unsigned unit; /* bytes; instructions begin at multiples */
    /* Runs the instruction at flow->at; its size, a multiple of the unit; 0: it is none. */
    unsigned (*step)(struct flow *flow);
    uint64_t steady;                   /* registers that are the same on every way, but where a call did not return */
    void (*begin)(struct flow *flow);  /* sets what registers hold at first; NULL: nothing that matters */
    void (*finish)(struct flow *flow); /* tells sites of data; NULL: there are none */
    void *state;                       /* the machine's own */
};

struct flow {
    struct site_search *search;
    struct flow_machine machine;
    uint64_t at;    /* offset of the instruction at hand */
    bool telling;   /* sites are told now */
    uint64_t bound; /* the number that something was last compared with */
    uint64_t bound_at;
    unsigned bound_register;            /* which was compared, as flow_compare says */
    uint32_t registers[FLOW_REGISTERS]; /* numbers of what is held */

    /* flow's own. */
    struct held *held;
    size_t held_count, held_capacity;
    uint32_t *index; /* of held, by hash; 0: free */
    size_t index_size;
    uint8_t *units;
    uint32_t *states_at; /* of each unit: 1 + the number of its state; 0: no leader */
    uint32_t *blocks;    /* of each unit that was run: where its block began */
    size_t unit_count, unit_capacity;
    uint32_t (*states)[FLOW_REGISTERS];
    size_t state_count, state_capacity;
    uint32_t merging[FLOW_REGISTERS];
    uint32_t anywhere[FLOW_REGISTERS]; /* what may be held where no known way leads */
    bool collects, is_anywhere, opened, called, ended, idle, inside, overlaps, failed;
    uint64_t lowest_dirty, budget;
};

/* ---- For machines: registers ---- */

/* The number of this value; equal values have equal numbers. */
uint32_t flow_number(struct flow *flow, struct held held);
static inline const struct held *flow_held(const struct flow *flow, unsigned reg)
{
    return &flow->held[flow->registers[reg]];
}
void flow_set(struct flow *flow, unsigned reg, enum held_kind kind, uint64_t address);
static inline void flow_write(struct flow *flow, unsigned reg)
{
    flow->registers[reg] = HELD_OTHER;
}
void flow_write_set(struct flow *flow, uint64_t registers);
static inline void flow_copy(struct flow *flow, unsigned to, unsigned from)
{
    flow->registers[to] = flow->registers[from];
}
/* The register's value goes where it is not followed. */
void flow_use(struct flow *flow, unsigned reg);
void flow_use_set(struct flow *flow, uint64_t registers);
/* The same; all that complete it must do so to one address. */
void flow_complete_to(struct flow *flow, unsigned reg, uint64_t whole);
/* It completes whichever part the register holds, if any: an address of which nothing is known. */
void flow_spoil(struct flow *flow, unsigned reg);
/* What escapes of the one escapes of the other: one was made of the other. */
void flow_join(struct flow *flow, uint32_t a, uint32_t b);
/* The value is part of a whole address that a site of the instruction at hand tells. */
void flow_complete(struct flow *flow, unsigned reg);
/* The register was written if some condition held; before, it held this number. */
void flow_perhaps(struct flow *flow, unsigned reg, uint32_t before);
/*
 * A call may have changed the register. What is used after it was kept by a function that a compiler knew (gcc's
 * -fipa-ra), or else nobody would use it; what holds a result, where calls return one, may be either.
 */
void flow_keep(struct flow *flow, unsigned reg);
void flow_keep_set(struct flow *flow, uint64_t registers);
void flow_result(struct flow *flow, unsigned reg);
/* It may have changed or not, by something that is not understood. */
void flow_blur(struct flow *flow, unsigned reg);

/* ---- For machines: sites. Nothing is done unless they are told now ---- */

void flow_site(struct flow *flow, uint32_t bits, enum site_kind kind, uint64_t target);
/* The same of data that is read or written there, and nowhere else: nothing is added to the address. */
void flow_access(struct flow *flow, uint32_t bits, uint64_t target);
/* The site just told is of a call that goes on in the other state. */
void flow_exchange(struct flow *flow);
/* Of the instruction that makes this part, by its value's number; what it is, its uses tell. */
void flow_site_part(struct flow *flow, uint64_t offset, uint32_t bits, uint32_t number);
/* The kind of a part: none, where it is a number. */
bool flow_part_kind(struct flow *flow, uint32_t number, enum site_kind *kind);

/* The kind of what makes this base: opaque, where the base goes where it is not followed. */
enum site_kind flow_base_kind(struct flow *flow, uint32_t number, enum site_kind kind);

/* ---- For machines: control flow ---- */

/* What comes next is not run after this, but a return, a trap, or what no site tells. */
void flow_end(struct flow *flow);
/* The code can be left here otherwise than by its sites: a return on a condition, a call of the kernel. */
void flow_open(struct flow *flow);
/* The registers as they are go there as well; outside of the function: flow_leave(). */
void flow_jump(struct flow *flow, uint64_t target, bool conditional);
/*
 * Registers as they are go to code elsewhere: all, unless that is known to be no part of this function; then `kept`, which
 * belong to the caller and hold what it had there. A compiler may put what is seldom run apart, with what registers hold.
 */
void flow_leave(struct flow *flow, uint64_t kept);
/* A jump to what the register holds; `word` is the size of an address. */
void flow_jump_register(struct flow *flow, unsigned reg);
/*
 * A jump to what an index selects in this code, counted from a place that is in it. Both sides' leads as far into code
 * that is the same. It is not followed: in code that holds a part of an address anywhere, nothing would be certain.
 */
void flow_jump_inside(struct flow *flow);
/* The registers as they are go there, which is in the function: an entry of a table. False where it is not. */
bool flow_jump_within(struct flow *flow, uint64_t target);
/*
 * How many entries the table that is jumped through at hand has, at most, as a comparison before tells; 0: not known.
 * That tells where control can flow, as compilers write it; it is no proof of a table's size.
 */
uint64_t flow_bound(const struct flow *flow);
/* A register (FLOW_REGISTERS: none that counts) is compared with a number; then, a branch is taken, or not, by whether it is at most that, unsigned. */
void flow_compare(struct flow *flow, unsigned reg, uint64_t number);
void flow_branch_bound(struct flow *flow, bool below);
/* As flow_bound, of an index that the register holds: by the branch that led here, wherever it stands. */
uint64_t flow_bound_of(const struct flow *flow, unsigned reg);
/* Whether it can be a pointer to code, as far as is known: nothing is known of it. */
bool flow_is_unknown(const struct flow *flow, unsigned reg);
/* A call: an exception can lead anywhere. */
void flow_call(struct flow *flow);
/*
 * What the call at hand leads to; after flow_call(). Where that is known never to return, nothing comes back. What is
 * called through the procedure linkage table was no function that a compiler knew: of the registers that a call may
 * change none holds what it did.
 */
void flow_called(struct flow *flow, uint64_t target, uint64_t changed);
/* Whether this is in the procedure linkage table: no part of a function that stands elsewhere. */
bool flow_is_stub(const struct flow *flow, uint64_t target);
/* These bytes are data. False where they are not of this function, or are run. */
bool flow_data(struct flow *flow, uint64_t address, uint64_t size);
/* The instruction does nothing: whether what is before it ended the flow still holds. */
void flow_idle(struct flow *flow);

/* ---- For machines: numbers in words ---- */

uint32_t flow_word(const struct flow *flow, uint64_t offset);

/* Follows the whole code and tells its sites; false without memory, or where it is too much. */
bool flow_run(struct site_search *search, struct flow_machine machine);
void flow_free(struct flow *flow);

#endif
