/*
 * explain: what each difference is, where it is, why it probably is there, and what mends it. Runs after the verdict
 * and changes nothing in it: a cause excuses no byte. Knows nothing of output formats.
 *
 *   facts.c        what each file says of itself: producers, flags, paths, imports, notes
 *   strings.c      strings that only one side has, in pairs
 *   users.c        who refers to a string, and what is used beside it (references.c: what code refers to)
 *   data.c         pointers, objects, what is left (shifted.c: what only moved)
 *   functions.c    the functions of both sides, in pairs;  changed_code.c  what differs in a pair
 *   code/          two functions, instruction by instruction, aligned (reordered.c: in another order)
 *   tables.c       headers, dynamic section, symbols, notes, by meaning
 *   meaning.c      whether two addresses stand for the same thing
 *   places.c       section, symbol, source line of a byte
 *   causes/        the table of causes, one row a cause, and the detectors
 *   changed.c      functions that are not proven to have only moved
 *   roots.c        which differences are roots, and what follows from them
 *   listings.c     changed functions, both sides side by side
 */
#ifndef EXPLAIN_EXPLAIN_H
#define EXPLAIN_EXPLAIN_H

#include "../buildinfo/buildinfo.h"
#include "../compare/compare.h"

enum difference_kind {
    DIFFERENCE_BYTES = 0, /* nothing better is known */
    DIFFERENCE_STRING,    /* a string of the program, or a pair of them */
    DIFFERENCE_CODE,      /* instructions of a function: opcode, register, immediate, target */
    DIFFERENCE_DATA,      /* bytes of an object that is no string */
    DIFFERENCE_ORDER,     /* the same functions or objects in another order */
    DIFFERENCE_NOTE,      /* `what` is the note's: "GNU build ID", "GNU property", ... */
    DIFFERENCE_DYNAMIC,   /* an entry of the dynamic section that is no address or size: `what` is "DT_RUNPATH", ... */
    DIFFERENCE_HEADER,    /* a field of the ELF header or a program header: `what` is "e_type", "PT_GNU_STACK", ... */
    DIFFERENCE_SYMBOLS,   /* names that only one side's symbol table has: `what` is ".symtab" or ".dynsym" */
    DIFFERENCE_SECTION,   /* a section that only one side has, or that is compressed there: `what` is its name */
    DIFFERENCE_DEBUG,     /* debug information: `what` is "DW_AT_producer", "DW_AT_comp_dir", "line table", ... */
    DIFFERENCE_COMMENT,   /* .comment */
    DIFFERENCE_LINK,      /* .gnu_debuglink, .gnu_debugaltlink: `what` says which and which part */
    DIFFERENCE_DERIVED,   /* addresses, offsets, sizes, tables that follow from other bytes */
    DIFFERENCE_KINDS,
};

/* Where one side of a difference is. Texts are escaped, and NULL where not known. */
struct place {
    bool present;
    struct range bytes;  /* of the file; empty where the difference has no bytes of its own there */
    const char *section; /* ".text" */
    const char *symbol;  /* demangled */
    uint64_t inside;     /* bytes from the symbol's beginning */
    const char *source;  /* "src/hello.c" */
    unsigned line;       /* 0: not known */
    const char *inlined; /* "print_copyright, inlined into main at src/hello.c:120" */
    bool borrowed;       /* symbol is the other side's, whose code matches */
};

/* One side's value: its bytes as they are for those who look for causes, and its text for people. */
struct value {
    const uint8_t *bytes; /* NULL: none. Of strings without the NUL */
    uint64_t size;
    uint64_t number;  /* an immediate, a target, a field's value */
    const char *text; /* escaped */
};

struct cause; /* a row of the table, causes.h */
const struct compare_cause_info *cause_info(const struct cause *cause);

/* A hypothesis for a root. */
struct guess {
    const struct cause *cause;
    unsigned confidence;  /* 1 to 100 */
    const char *evidence; /* of both sides; escaped */
    const char *key;      /* what differences of one root have in common ("/a to /b"); never NULL */
};

#define GUESSES 3

struct difference {
    enum difference_kind kind;
    const char *what; /* "string", "immediate of mov", "GNU build ID", "DT_RUNPATH"; never NULL */
    struct place vendor, rebuilt;
    struct value vendor_value, rebuilt_value;
    const char *user;   /* the function that refers to it; NULL */
    const char *beside; /* strings that both sides use together with it, such as "built by"; NULL */
    uint64_t differing; /* bytes */
    size_t finding;     /* the first finding that it is part of; SIZE_MAX where it is none's */
    struct guess guesses[GUESSES];
    size_t guess_count;
    size_t listing;   /* index of the listing that shows it; SIZE_MAX: none */
    size_t root;      /* index of the root it belongs to, or follows from */
    bool consequence; /* it follows from that root, and is not the root itself */
};

/* What would remain if all others were mended: one or more differences that one cause accounts for. */
struct root {
    size_t first; /* the difference that shows it best */
    size_t difference_count, consequence_count;
    uint64_t differing;            /* bytes, of its differences */
    struct guess guesses[GUESSES]; /* the best first */
    size_t guess_count;            /* 0: unknown */
    const char *ruled_out;         /* unknown: what was looked for; NULL otherwise */
    const size_t *support;         /* indices of differences of the environments that speak for the best guess */
    size_t support_count;
};

/* ---- Changed functions, side by side ---- */

enum listed_kind {
    LISTED_GAP = 0, /* lines without a difference, left out */
    LISTED_EQUAL,
    LISTED_MOVED, /* equal but for an address, which means the same; or padding that differs in size */
    LISTED_CHANGED,
    LISTED_ONLY_VENDOR,
    LISTED_ONLY_REBUILT,
    LISTED_KINDS,
};

/* An instruction of one side; a word where the machine's are not known. */
struct listed_instruction {
    uint64_t file_offset, address;
    const char *text;   /* escaped; NULL: nothing there */
    const char *source; /* of what differs: "src/hello.c"; NULL: not known */
    unsigned line;
};

struct listed_line {
    enum listed_kind kind;
    struct listed_instruction vendor, rebuilt;
};

/* A pair of functions: what differs, and some lines around it. */
struct listing {
    struct place vendor, rebuilt; /* the functions */
    const struct listed_line *lines;
    size_t line_count;
    size_t left_out; /* lines that differ and are too many to list */
    size_t root;     /* the gravest root that a difference in it belongs to, or follows from */
};

/* ---- Functions that are not proven to have only moved ---- */

struct changed_function {
    struct place vendor, rebuilt; /* the functions; not present where a side has none */
    bool equal;                   /* but for what it refers to */
};

struct explanation {
    bool made;
    const struct changed_function *changed; /* where what moved was proven */
    size_t changed_count;
    size_t changed_left_out; /* too many to tell of each */
    struct difference *differences;
    size_t difference_count;
    struct root *roots; /* the gravest first */
    size_t root_count;
    size_t consequence_count; /* differences that are no root's own, and findings that are in no difference */
    bool listed;              /* listings were asked for */
    const struct listing *listings;
    size_t listing_count;
    size_t listings_left_out;                /* pairs of functions that differ and are too many to list */
    const char *incomplete;                  /* why not all was looked at; NULL when all was */
    const struct environments *environments; /* those of the input */
};

struct explain_input {
    const struct image *vendor, *rebuilt;
    const struct image *vendor_debug, *rebuilt_debug; /* separate debug files, opened and parsed; NULL: none */
    const struct pair *pairs;
    size_t pair_count;
    const struct comparison *comparison;
    const struct moved *moved;         /* what is proven needs no explanation */
    struct environments *environments; /* what differs where they were built; sorted here. NULL: not known */
    bool list;                         /* make listings */
};

/* Everything made lives in the arena. Without memory the explanation is incomplete; that is no failure. */
void explain(const struct explain_input *input, struct arena *arena, struct explanation *explanation);

#endif
