/*
 * judge: policy, tally and verdict. The verdict rests on the equality of the two normal forms; findings only account
 * for it. Knows nothing of output formats.
 */
#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

#include "../explain/explain.h"

struct compare_policy {
    char *name;
    struct rule_set rules;
    char *reasons[RULE_COUNT]; /* of the rules it accepts */
};

/* What one side's bytes come to. */
struct tally {
    uint64_t size, identical, set_aside, unexplained;
    uint64_t by_rule[RULE_COUNT];
};

/* A line of the table of sections: one pair, or several that share owner and section. */
struct row {
    size_t pair; /* whose name and owner it bears */
    struct pair_side vendor, rebuilt;
    uint64_t differing;     /* bytes that differ or have no partner, on the side that has more */
    uint64_t moved;         /* bytes of the vendor's that are the same at another place */
    enum standing standing; /* the gravest of its findings */
    bool rules[RULE_COUNT];
    size_t finding_count;
    bool cut; /* of sections out of which is cut what moved, in any order */
};

struct compare_result {
    struct arena arena;
    const char *vendor_path, *rebuilt_path;
    struct image vendor, rebuilt;
    struct image vendor_debug,
        rebuilt_debug; /* separate debug files: parsed by image_parse_debug where they are used */
    bool has_vendor_debug, has_rebuilt_debug;
    const char *debug_note[2]; /* vendor's, rebuilt's: why one that was asked for is not used; escaped, or NULL */
    struct image buildinfo[2]; /* vendor's, rebuilt's .buildinfo files: opened for their bytes, not parsed */
    bool has_buildinfo[2];
    const char *buildinfo_note[2]; /* why one that was asked for is not used; escaped, or NULL */
    struct environments environments;
    bool has_environments;
    struct normal_form vendor_form, rebuilt_form;
    struct compare_policy *own_policy; /* made for this result, where the caller gave none */
    const struct compare_policy *policy;
    struct pair *pairs;
    size_t pair_count;
    struct moved moved; /* where the policy accepts it */
    struct comparison comparison;
    struct debug_comparison debug;  /* made with the explanation */
    struct explanation explanation; /* made after the verdict, which does not rest on it */
    struct row *rows;
    size_t row_count;
    struct tally vendor_tally, rebuilt_tally;
    struct compare_limits limits; /* of both files together */
    struct compare_confinement confinement;
    bool digested;
    uint8_t vendor_digest[32], rebuilt_digest[32];
    enum compare_verdict verdict;
};

/* The verdict of a compared pair, its tally and its rows; checks the tally's sums. */
int judge(struct compare_result *result, bool equal_bytes, struct compare_error *error);

/* A built-in policy, or NULL where the name is none or there is no memory. */
struct compare_policy *policy_built_in(const char *name);

/* The policy in the text of a policy file; path is for messages. As compare_policy_open otherwise. */
int policy_read(const char *text, size_t size, const char *path, struct compare_policy **policy,
                struct compare_error *error);

#endif
