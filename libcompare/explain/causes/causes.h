/* The table of causes, and what its rows are given to look at. Private to this room. */
#ifndef EXPLAIN_CAUSES_H
#define EXPLAIN_CAUSES_H

#include "../explain.h"

/* What one file says of itself. Lists of strings are sorted, without doubles, and escaped nowhere. */
struct names {
    const char **items;
    size_t count;
};

struct facts {
    const struct image *image;
    struct names producers;   /* DW_AT_producer of every unit */
    struct names directories; /* DW_AT_comp_dir, and absolute directories of line tables */
    struct names unit_names;  /* DW_AT_name of every unit */
    struct names dwo_names;   /* DW_AT_dwo_name */
    struct names languages;   /* "C11", "C++14", "Rust", "Go", "Ada", "Fortran", "OCaml", "asm", ... */
    struct names comments;    /* strings of .comment */
    struct names sections;    /* section names */
    struct names imports;     /* undefined dynamic symbols */
    struct names exports;     /* defined dynamic symbols */
    struct names symbols;     /* of .symtab: functions and objects, local ones too */
    struct names needed;      /* DT_NEEDED */
    bool has_debug, has_symtab, has_section_headers;
    bool is_rust;                         /* some unit of it at least */
    struct range configuration;           /* of a kernel, packed in its data (kernel_config.c); empty: none */
    uint64_t text_size;                   /* bytes that can run */
    size_t function_count, guarded_count; /* guarded: they begin with a landing pad for indirect jumps */
};

/* Both sides, and how much of the code differs: for cross-checks. */
struct clues {
    struct arena *arena; /* for evidence and keys */
    struct facts vendor, rebuilt;
    const struct difference *differences;
    size_t difference_count;
    size_t kinds[DIFFERENCE_KINDS];        /* how many differences there are of each kind */
    size_t functions, functions_differing; /* of those paired by name or content */
};

struct cause {
    struct compare_cause_info info;
    /*
     * How well it fits this difference: 0 not at all, to 100 certain; then guess->evidence is set (both sides' values,
     * in one line, escaped, in the arena), and guess->key where one root can show in several differences.
     */
    unsigned (*fits)(const struct clues *clues, const struct difference *difference, struct guess *guess);
    unsigned follows; /* bit set of (1u << DIFFERENCE_...): kinds of differences that follow from it */
};

/* A cause that says that nothing else has changed is believed from here on; below, the root stays unknown. */
#define CONFIDENCE_BELIEVED 50

size_t causes_count(void);
const struct cause *causes_at(size_t index);

/* The guesses of the whole table for one difference, the best first. */
void causes_guess(const struct clues *clues, struct difference *difference);

#endif
