/* What the files of this room share: one explanation in the making. Private to this room. */
#ifndef EXPLAIN_PARTS_H
#define EXPLAIN_PARTS_H

#include "causes/causes.h"
#include "code/code.h"
#include "names.h"

/*
 * What is looked at, at most: explaining is for people, and a crafted pair must not make it the greater part of the
 * work. What goes beyond makes the explanation incomplete, and says so.
 */
#define DIFFERENCES_MOST  20000u
#define STRINGS_MOST      1000000u             /* of one side */
#define PAIRED_MOST       2000u                /* strings or names of one side that are tried against each other */
#define FUNCTIONS_MOST    20000u               /* pairs that are compared instruction by instruction */
#define INSTRUCTIONS_MOST ((size_t)2 << 20)    /* decoded, of one side, in all */
#define USERS_TEXT_MOST   ((uint64_t)16 << 20) /* bytes of code that are searched for who refers to a string */
#define USERS_DATA_MOST   ((uint64_t)4 << 20)  /* words of data that are */
#define UNITS_MOST        100000u              /* of debug information */
#define LINES_MOST        2000u                /* source lines that are looked up */
#define TEXT_MOST         600u                 /* characters of a value that is shown */
#define LISTINGS_MOST     40u                  /* pairs of functions that are shown side by side */
#define LISTED_LINES_MOST 120u                 /* lines of each */
#define LISTED_BYTES_MOST ((uint64_t)1 << 20)  /* of all of them, of both sides */

/* A function of one side, and its partner on the other. */
struct function {
    struct range bytes; /* of the file */
    uint64_t address;
    const char *name; /* mangled; NULL where only its bounds are known */
    bool thumb;
    size_t partner; /* index on the other side; SIZE_MAX: none */
    uint64_t shape; /* by what does not change when code moves; 0 until it is asked for */
};

struct explained_side {
    const struct image *image;
    const struct image *debug_image; /* a separate debug file; NULL: none */
    struct symbols symbols;
    const struct relocation *relocations;
    size_t relocation_count;
    struct debug *debug;
    struct decoder *decoders[2]; /* [1] of Thumb code */
    struct function *functions;  /* by their place in the file, without overlap */
    size_t function_count;
};

struct explaining {
    const struct explain_input *input;
    struct arena *arena;
    struct explained_side sides[2]; /* vendor, rebuilt */
    struct clues clues;
    struct list differences; /* of struct difference */
    size_t *owners;          /* by index: the difference that tells of a finding; SIZE_MAX: none yet */
    bool moved;              /* something that is loaded has another address or size */
    uint64_t drift;          /* by so much, at most, strings of other lengths have moved what stands behind them */
    bool reordered;          /* functions stand in another order */
    size_t decoded;          /* instructions so far */
    size_t tried;            /* pairs of functions of one name that were compared, to tell which belong together */
    uint64_t searched;       /* bytes in which constants were looked for */
    uint64_t looked;         /* steps in looking where data has moved, so far */
    size_t operands;         /* the difference for operands that mean the same, by its index from 1; 0: none */
    const char *incomplete;
    bool out_of_memory;
};

/* ---- Shared steps ---- */

/* A new difference, or NULL where there are too many or there is no memory. */
struct difference *difference_add(struct explaining *e, enum difference_kind kind, const char *what);

/* A pair of functions, as the comparison of code asks about it (changed_code.c). It must outlive the context. */
struct function_pair {
    struct explaining *e;
    const struct function *functions[2];
};
struct code_context function_pair_context(struct function_pair *pair, size_t most);
struct code function_code(const struct explaining *e, size_t side, const struct function *function);

/* The function or object that holds the begin of a place (places.c). */
void place_symbol(struct explaining *e, struct place *place, size_t side);

/* The source line of a byte of code (places.c). */
bool place_of_code(struct explaining *e, size_t side, uint64_t file_offset, struct debug_place *found);

/* Marks the findings that overlap these bytes of a side as told of by this difference. */
void difference_takes(struct explaining *e, struct difference *difference, size_t side, struct range bytes);

/* A place of bytes of the file; nothing more than these and the section is filled in (places.c does the rest). */
void place_set(struct explaining *e, struct place *place, size_t side, struct range bytes);

/* Values: bytes of the file or of the arena, shown escaped; or a text alone. */
void value_bytes(struct explaining *e, struct value *value, const void *bytes, uint64_t size);
void value_text(struct explaining *e, struct value *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void incomplete(struct explaining *e, const char *why);

/* Whether a finding, or a line of an account, is to be told of: what is proven to have moved is not. */
static inline bool is_to_tell(enum standing standing, enum rule_index rule)
{
    return standing == STANDING_UNEXPLAINED || (standing == STANDING_SET_ASIDE && !rule_is_moved(rule));
}

/* Whether it was tried to prove what moved: what it left is all that differs. */
static inline bool has_proof(const struct explaining *e)
{
    return e->input->moved != NULL && e->input->moved->tried;
}

/* Whether something differs in these bytes of a side. */
bool any_finding(const struct explaining *e, size_t side, struct range bytes);

/* The first part of these bytes of a side that differs; false: there is none. */
bool next_finding(const struct explaining *e, size_t side, struct range bytes, struct range *finding);

/* The section of an extent's byte; NULL where it belongs to none. */
const struct section *section_at(const struct image *image, uint64_t file_offset);

/* A string of the dynamic string table, NUL-terminated; NULL where it is not there. */
const char *dynamic_string(const struct image *image, uint64_t offset);

/* What only one side has of two sorted lists; both results live in the arena. */
void names_apart(struct explaining *e, const struct names *vendor, const struct names *rebuilt,
                 struct names *only_vendor, struct names *only_rebuilt);

/* A difference for each pair of names that only one side has: the n-th with the n-th. At most `most`. */
void names_tell(struct explaining *e, enum difference_kind kind, const char *what, const struct names *vendor,
                const struct names *rebuilt, size_t most);

/* ---- The steps, in their order ---- */

void facts_read(struct explaining *e);        /* facts.c */
void tables_explain(struct explaining *e);    /* tables.c: headers, notes, dynamic section, sections, links */
void names_explain(struct explaining *e);     /* names_tables.c: symbol tables */
void debug_explain(struct explaining *e);     /* debug.c */
void functions_find(struct explaining *e);    /* functions.c */
void strings_explain(struct explaining *e);   /* strings.c */
void functions_explain(struct explaining *e); /* changed_code.c */
void data_explain(struct explaining *e);      /* data.c */
void rest_explain(struct explaining *e);      /* rest.c */
void users_find(struct explaining *e);        /* users.c */
void places_name(struct explaining *e);       /* places.c: the symbols, which say what a thing is */
void places_find(struct explaining *e);       /* places.c: the lines */
void roots_find(struct explaining *e, struct explanation *explanation);
void changed_tell(struct explaining *e, struct explanation *explanation);  /* changed.c: after all others */
void listings_make(struct explaining *e, struct explanation *explanation); /* listings.c: where they are asked for */

/* ---- What an address means (meaning.c) ---- */

/* Whether two addresses stand for the same thing, each on its side. */
bool same_meaning(const struct explaining *e, uint64_t vendor, uint64_t rebuilt);

/* "printf", "main+0x12", "\"Usage: %s\""; NULL where nothing better than a number is known. */
const char *meaning_name(const struct explaining *e, size_t side, uint64_t address, char *buffer, size_t size);

/* The function that holds a byte of the file; NULL. */
const struct function *function_at(const struct explained_side *side, uint64_t file_offset);

/* Tells of two strings that belong together (strings.c). */
void string_tell(struct explaining *e, struct range vendor, struct range rebuilt);

/* Whether a byte is code: by its section, for a page of constants may be mapped once more with the code beside it. */
bool is_code_byte(const struct image *image, uint64_t file_offset);

/* Whether a byte may stand in a string of a program: text of any encoding, white space, terminal escapes. */
static inline bool is_string_byte(uint8_t byte)
{
    return (byte >= 0x20 && byte != 0x7f) || byte == '\t' || byte == '\n' || byte == '\r' || byte == 0x1b;
}

/* How many bytes from the first on are whole characters of UTF-8. */
uint64_t utf8_size(const uint8_t *bytes, uint64_t size);

/* Whether such bytes are a text, rather than a table whose bytes happen to be none but those. */
bool is_text_of_program(const uint8_t *bytes, uint64_t size);

/* ---- What code refers to: references.c ---- */

/* The instructions of a function; none where there is no memory, which is noted. */
void function_decode(struct explaining *e, size_t side, const struct function *function, struct list *instructions);

struct reference_search {
    struct explaining *e;
    size_t side;
    void (*found)(void *state, uint64_t address, uint64_t file_offset); /* what is referred to, and by which code */
    void *state;
    uint8_t filter[8192]; /* of the lowest 16 bits of what is wanted: most addresses are ruled out by one look */
};

void reference_wanted(struct reference_search *search, uint64_t address);

/* Calls found for each reference that the filter lets pass, others than the wanted ones among them. Linked files. */
void references_of_code(struct reference_search *search);

/*
 * Padding: no symbol covers it, one ends shortly before it and one begins shortly behind it, and no relocation fills in
 * anything between the two. Objects without a symbol are no padding: rustc makes tables of strings so.
 */
bool is_gap(const struct explained_side *side, struct range bytes);

/* ---- Another order that does the same: reordered.c ---- */

/* Tells of a pair of functions that differ in the order of independent instructions alone; false where they do not. */
bool reordered_tell(struct explaining *e, const struct function *const functions[2],
                    const struct code_comparison *comparison);

/* ---- What moved: shifted.c ---- */

/* In sections of one place and size: what a longer string has pushed on. */
bool is_shifted(struct explaining *e, const struct finding *finding, const struct pair *pair);

/*
 * Words that all differ by as much as the code has moved farther than they have: a table of places in the code, relative
 * to the table (what compilers make of a switch).
 */
bool are_moved_offsets(const struct explaining *e, struct range vendor, struct range rebuilt);

/* Whether such a table begins at these two offsets. */
bool is_moved_table(const struct explaining *e, uint64_t vendor, uint64_t rebuilt);

/* The same of a table of places in one function, which stands elsewhere on the other side. */
bool is_table_of_partner(const struct explaining *e, uint64_t vendor, uint64_t rebuilt);

/* Whether the word that this byte is in leads to code, from itself or from a little before it. */
bool is_place_in_code(const struct image *image, uint64_t file_offset);

/* Whether a byte is of a table that has moved as a whole, which may look like text, wherever the table stands on the other side. */
bool is_in_moved_table(const struct explaining *e, size_t side, uint64_t file_offset);

/* Whether constants of a side, which the linker may have put into another order, stand in the other's room, too. */
bool stand_elsewhere(struct explaining *e, size_t side, struct range bytes, struct range room);

/* In what moved, too, a letter that became another one is a change: "r" or "w" for a file. The first one of a finding. */
bool letters_changed(const struct explaining *e, const struct finding *finding, const struct pair *pair,
                     struct range *vendor, struct range *rebuilt);

/* Whether a relocation fills in this byte: it is part of a pointer. */
bool is_relocated(const struct explained_side *side, uint64_t file_offset);

/* The NUL-terminated printable string that holds this byte of data: without its NUL. False where there is none. */
bool string_at(const struct image *image, uint64_t file_offset, struct range *string);

#endif
