/*
 * What the rules of this room share: the claim of a range, which holds the sacred line once for all rules, and the
 * rules' functions for the table. Private to this room.
 */
#ifndef NORMALISE_RULES_H
#define NORMALISE_RULES_H

#include "normalise.h"

#ifndef SHT_MIPS_DWARF
#define SHT_MIPS_DWARF 0x7000001e
#endif

struct claims {
    const struct image *image;
    const struct rule_set *rules;
    struct list asides;
    bool applicable;             /* whether any rule may be used on this file; the layout's are no exception */
    bool *sections;              /* by index: whether the section's content is set aside */
    bool *referred;              /* by index: whether something may refer to it; in relocatable files only */
    const struct section *names; /* a sound section name table: it goes where the section headers go */
    uint64_t decompressed;       /* so far, in bytes */
    int failure;                 /* what ends it all, told in *error: no memory, a limit */
    struct compare_error *error;
};

struct rule {
    struct compare_rule_info info;
    void (*claim)(struct claims *claims); /* NULL: claimed by the layout, which needs the others' claims */
};

extern const struct rule rule_table[RULE_FILES];

/* Those of what holds files, from RULE_FILES on; container/ applies them. */
extern const struct compare_rule_info container_rule_table[RULE_COUNT - RULE_FILES];

/*
 * Sets a range aside, unless it touches the load view. Only a record may lie in it (tier `record`, or a derived
 * value), and nothing ever in an executable mapping. False where it was refused.
 */
bool claim_range(struct claims *claims, enum rule_index rule, struct range range);

/* A section's plain content; a failure that is not the content's own is kept in the claims. */
bool claims_content(struct claims *claims, const struct section *section, struct content *content);
void claims_no_memory(struct claims *claims);

/* The same for the whole content of a section that is not loaded. */
bool claim_section(struct claims *claims, enum rule_index rule, const struct section *section);
bool section_claimed(const struct claims *claims, const struct section *section);

/*
 * The section of this name, if there is exactly one; NULL otherwise. In linked files only those count that are not
 * loaded and have content that debuggers would look for by name: the headers of others go, and their names with them,
 * so that in the normal form they would not be there to be counted.
 */
const struct section *named_section(const struct image *image, const char *name);

/*
 * Whether another segment than the one of this index (UINT32_MAX: than any) names the range, or ld.so may come to it by
 * the dynamic segment, at any address at which a page with it is mapped.
 */
bool is_acted_on(const struct image *image, struct range range, uint32_t own);

/*
 * Marks, by index, the sections of a relocatable file that what is loaded, or another file, can refer to, and the notes
 * that are relocated. False where that cannot be told.
 */
bool references_find(const struct image *image, bool *referred);

/* Printable ASCII and tabs. */
bool is_plain_text(const uint8_t *bytes, uint64_t size);

void claim_build_id(struct claims *claims);
void claim_unloaded_notes(struct claims *claims);
void claim_comment(struct claims *claims);
void claim_symbols(struct claims *claims);
void claim_debug_info(struct claims *claims);
void claim_debuglink(struct claims *claims);
void claim_minidebuginfo(struct claims *claims);

/* The layout: which sections keep their place, and the pieces that follow from the claims. */
int layout_build(struct claims *claims, struct normal_form *form, struct compare_error *error);

#endif
