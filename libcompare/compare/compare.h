/*
 * compare: the bytes of each pair, one against the other. Makes findings, and the account of every byte of both files.
 * Knows nothing of causes or of output.
 *
 *   compare.c, runs.c  bytes against bytes, and the account
 *   moved/             the proof of what moved: code, data, headers, padding; moved.c has its steps
 *   tables/            entries of the dynamic linker's tables, by what they say
 *   unwinding/         call frames, search tables, tables of exceptions
 *   debug/             debug information by what it says; nothing above knows of it
 */
#ifndef COMPARE_COMPARE_H
#define COMPARE_COMPARE_H

#include "../match/match.h"
#include "../normalise/normalise.h"

enum standing {
    STANDING_UNEXPLAINED = 0,
    STANDING_SET_ASIDE,
    STANDING_IDENTICAL,
};

enum finding_kind {
    FINDING_BYTES = 0, /* both sides have bytes here, and they differ */
    FINDING_ONLY_VENDOR,
    FINDING_ONLY_REBUILT,
    FINDING_MOVED,     /* the same bytes at another place */
    FINDING_ONE_SIDED, /* a rule applies on one side only */
    FINDING_UNPROVEN,  /* the same bytes, where things have moved: what they refer to is not shown to be the same */
};

/* One difference: a run, joined over fewer than RUN_GAP equal bytes. */
struct finding {
    enum finding_kind kind;
    enum standing standing;
    enum rule_index rule;      /* RULE_COUNT: none */
    enum rule_index one_sided; /* the rule that applies on one side only; RULE_COUNT: none */
    bool restated;             /* set aside, but its meaning stands elsewhere in the normal form */
    size_t pair;
    struct range vendor, rebuilt; /* of the files; empty where the side has none */
    uint64_t differing;           /* bytes that differ at their place in the run, or have no partner */
};

/* A line of the account of one file. */
struct entry {
    struct range range;
    enum standing standing;
    enum rule_index rule;
    uint64_t peer;  /* identical: the other file's offset */
    size_t finding; /* otherwise: the finding */
};

struct account {
    struct entry *entries; /* sorted; they partition [0, size) */
    size_t count;
};

struct comparison {
    struct finding *findings;
    size_t finding_count;
    struct account vendor, rebuilt;
    bool proven_different; /* a byte that stays, at one place of both normal forms, differs */
};

/* ---- What moved: moved/ ---- */

/* Bytes of both files that say the same, each at its own place. */
struct proven {
    struct range vendor, rebuilt; /* of the files; of one size, unless each side makes them from its own content */
    enum rule_index rule;         /* of tier moved */
};

/* A function that is not proven as a whole; empty where a side has none. */
struct changed_code {
    struct range vendor, rebuilt; /* of the files */
    bool equal;                   /* but for what it refers to */
};

struct moved_counts {
    uint64_t functions;  /* proven, all of each */
    uint64_t references; /* of code, each led to its counterpart */
    uint64_t pointers;   /* of data, and entries of tables of places */
    uint64_t unwind_records, exception_tables;
    uint64_t symbols, relocations; /* of the dynamic linker */
};

/* What was read of one side for the proof. */
struct moved_side {
    struct symbols symbols;
    const struct relocation *relocations;
    size_t relocation_count;
};

struct moved {
    bool tried;            /* the policy accepts tier moved, and both files could be looked at */
    const char *not_tried; /* why not, where the policy accepts it; NULL otherwise */
    bool any;              /* something has another address, so that equal bytes may say different things */
    struct proven *proven; /* by the vendor's place; without overlap on either side */
    size_t proven_count;
    struct changed_code *changed; /* by the vendor's place; those that only the rebuilt has come last */
    size_t changed_count;
    struct moved_counts counts;
    const struct correspondence *map; /* which address is which; NULL: not made */
    struct moved_side sides[2];       /* vendor, rebuilt; where it was tried */
};

/*
 * Proves what moved between two linked files: that bytes are equal but for references, and that each of these leads to
 * its counterpart. It rests on everything that refers to anything being looked at: where something is loaded that is
 * not proven, equal bytes are no proof either. COMPARE_ERROR_MEMORY, COMPARE_ERROR_LIMIT, COMPARE_ERROR_INTERNAL.
 */
int moved_prove(const struct image *vendor, const struct image *rebuilt, const struct rule_set *rules,
                struct arena *arena, struct moved *moved, struct compare_error *error);

/* The pairs with what is proven cut out of them, as pairs of their own. */
int moved_split(const struct moved *moved, const struct image *vendor, struct arena *arena, struct pair **pairs,
                size_t *count, struct compare_error *error);

/* Equal bytes that are fewer than this do not end a run: a pointer's high bytes, for example. */
#define RUN_GAP 8

/*
 * moved: things stand at other addresses, so that equal bytes of the load view that are not proven say nothing.
 * Compares every pair; more than `most` findings are COMPARE_ERROR_LIMIT. Everything made lives in the arena.
 */
int compare_pairs(const struct pair *pairs, size_t count, bool moved, const struct normal_form *vendor,
                  const struct normal_form *rebuilt, uint64_t most, struct arena *arena, struct comparison *comparison,
                  struct compare_error *error);

/* The account of two files that are equal bit for bit. */
int compare_equal(const struct image *vendor, struct arena *arena, struct comparison *comparison,
                  struct compare_error *error);

/* ---- Debug information by meaning: debug/ ---- */

enum debug_verdict {
    DEBUG_NOT_COMPARED = 0, /* `why` says why; NULL: nobody asked, or neither side has any */
    DEBUG_SAME,             /* every entry, line and place on one side has its partner, which says the same */
    DEBUG_DIFFERENT,
    DEBUG_UNDECIDED, /* nothing differs in what was looked at, but `why` tells what was not */
};

enum debug_root_kind {
    DEBUG_ROOT_VALUE = 0, /* an attribute of an entry, or of several entries of one name in several units */
    DEBUG_ROOT_PATH,      /* a part of paths became another: in names, directories and line tables */
    DEBUG_ROOT_LINES,     /* all line numbers of a file from `line` on are `shift` higher or lower */
    DEBUG_ROOT_CODE,      /* the code of a function differs: places, lines and calls in it */
    DEBUG_ROOT_ROWS,      /* rows of a unit's line table */
    DEBUG_ROOT_ENTRY,     /* an entry that only one side has */
    DEBUG_ROOT_UNIT,      /* a unit that only one side has */
    DEBUG_ROOT_TABLE,     /* another table: `what` is ".debug_aranges" or ".debug_frame" */
    DEBUG_ROOT_KINDS,
};

/* A reason why debug information differs, told once. Texts are escaped. */
struct debug_root {
    enum debug_root_kind kind;
    const char *what;             /* "DW_AT_byte_size", "DW_TAG_variable", "path"; never NULL */
    const char *unit;             /* the first that it is in; NULL */
    const char *entry;            /* "parse_header > limit"; the file of DEBUG_ROOT_LINES; NULL */
    const char *vendor, *rebuilt; /* the values; NULL: the side has none, or it is not shown */
    uint64_t offsets[2];          /* of the first entry in the section of debug information; UINT64_MAX: none */
    uint64_t count;               /* differences */
    uint64_t units;               /* in how many units */
    size_t last_unit;
    uint32_t line;
    int64_t shift;
};

/* A unit that does not say the same, or that only one side has. */
struct debug_differing {
    const char *name;    /* escaped */
    uint64_t entries;    /* that differ, or that only one side has */
    uint64_t offsets[2]; /* of the units in their sections; UINT64_MAX: the side has none */
};

struct debug_comparison {
    enum debug_verdict verdict;
    const char *why;
    uint64_t units[2], entries[2];     /* vendor, rebuilt */
    uint64_t differing_units;          /* pairs, and those that only one side has */
    uint64_t differing_entries;        /* likewise */
    uint64_t rows;                     /* of line tables, compared */
    struct debug_differing *differing; /* the first of the differing units, in the vendor's order */
    size_t differing_count;
    struct debug_root *roots; /* those of most differences first */
    size_t root_count, roots_left_out;
};

/*
 * Compares what the debug information of both sides says: entries (DIEs) with their references, strings, addresses and
 * lists resolved, line tables, .debug_aranges, .debug_frame. The images are those that have it: the files themselves or
 * separate debug files. Tells people; no verdict on the files rests on it. Everything told lives in the arena.
 */
void debug_compare(const struct image *vendor, const struct image *rebuilt, const struct correspondence *map,
                   struct arena *arena, struct debug_comparison *comparison);

/* ---- Runs ---- */

struct run {
    uint64_t begin, end; /* from the beginning of what is compared */
    uint64_t differing;
};

/*
 * The next run of differing bytes at or behind *at, joined over gaps of fewer than `gap` equal bytes; false when there
 * is none. *at is moved behind it.
 */
bool run_next(const uint8_t *vendor, const uint8_t *rebuilt, uint64_t size, uint64_t gap, uint64_t *at,
              struct run *run);

#endif
