/* Facts while they are gathered, and which rules may set something aside. Private to this room. */
#ifndef CONTAINER_FACTS_H
#define CONTAINER_FACTS_H

#include "listing.h"

struct facts {
    struct arena *arena;
    struct list list; /* of struct tree_fact */
};

/* What may be set aside in one pair of containers: where one of them is odd, nothing. */
struct permits {
    const struct rule_set *rules;
    bool odd;
};

static inline bool permitted(const struct permits *permits, enum rule_index rule)
{
    return !permits->odd && permits->rules->accepted[rule];
}

void facts_begin(struct facts *facts, struct arena *arena);
/* The texts must live as long as the arena. rule: RULE_COUNT where none sets it aside. */
void fact_add(struct facts *facts, const char *what, const char *vendor, const char *rebuilt, enum rule_index rule);
/* Whether some fact is set aside by no rule. */
bool facts_unexplained(const struct facts *facts);

/* metadata.c: what differs between two members beside their contents. partners: of the vendor's members, by index. */
void metadata_compare(const struct inventory *vendor, const struct member *one, const struct inventory *rebuilt,
                      const struct member *other, const uint32_t *partners, const struct permits *permits,
                      struct facts *facts);

const char *member_type_name(enum member_type type);

#endif
