/* Tally and verdict. */
#include "judge.h"

#include <string.h>

/* ---- Tally ---- */

/* Sums an account, and holds that it partitions [0, size): no byte without a standing, none with two. */
static bool tally_account(const struct account *account, uint64_t size, struct tally *tally)
{
    uint64_t end = 0;
    *tally = (struct tally){.size = size};
    for (size_t i = 0; i < account->count; i++) {
        const struct entry *entry = &account->entries[i];
        uint64_t bytes = range_size(entry->range);
        if (entry->range.begin != end || range_empty(entry->range))
            return false;
        end = entry->range.end;
        if (entry->standing == STANDING_IDENTICAL) {
            tally->identical += bytes;
        } else if (entry->standing == STANDING_SET_ASIDE && entry->rule < RULE_COUNT) {
            tally->set_aside += bytes;
            tally->by_rule[entry->rule] += bytes;
        } else {
            tally->unexplained += bytes;
        }
    }
    return end == size && tally->identical + tally->set_aside + tally->unexplained == size;
}

static int tally_both(struct compare_result *result, struct compare_error *error)
{
    const struct comparison *comparison = &result->comparison;
    if (tally_account(&comparison->vendor, result->vendor.size, &result->vendor_tally) &&
        tally_account(&comparison->rebuilt, result->rebuilt.size, &result->rebuilt_tally) &&
        result->vendor_tally.identical == result->rebuilt_tally.identical)
        return 0;
    return error_set(error, COMPARE_ERROR_INTERNAL, result->vendor_path,
                     "the tally does not account for every byte once: please report this");
}

/* ---- Verdict ---- */

static void restand(struct account *account, const struct finding *findings)
{
    for (size_t i = 0; i < account->count; i++) {
        struct entry *entry = &account->entries[i];
        if (entry->standing == STANDING_IDENTICAL)
            continue;
        entry->standing = findings[entry->finding].standing;
        entry->rule = findings[entry->finding].rule;
    }
}

static bool any_unexplained(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->finding_count; i++) {
        if (comparison->findings[i].standing == STANDING_UNEXPLAINED)
            return true;
    }
    return false;
}

/*
 * The forms differ, and yet each differing byte was set aside: then what differs is a restatement (a header that was
 * kept in other words), and its bytes in the file are not explained.
 */
static void unexplain_restated(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->finding_count; i++) {
        struct finding *finding = &comparison->findings[i];
        if (finding->standing == STANDING_SET_ASIDE && finding->restated) {
            finding->standing = STANDING_UNEXPLAINED;
            finding->rule = RULE_COUNT;
        }
    }
}

/*
 * The forms are equal, and yet bytes stay on one side that have no partner in the other's file: there they are
 * restated, or stand elsewhere. They belong to the rule by which that side says the same in other words. This is what
 * a file shows against its own normal form.
 */
static void explain_restated(struct compare_result *result)
{
    bool linked = image_is_linked(&result->vendor);
    bool laid_out_anew = result->vendor_form.laid_out_anew || result->rebuilt_form.laid_out_anew;
    for (size_t i = 0; i < result->comparison.finding_count; i++) {
        struct finding *finding = &result->comparison.findings[i];
        if (finding->standing != STANDING_UNEXPLAINED || (finding->one_sided == RULE_COUNT && !laid_out_anew))
            continue;
        finding->standing = STANDING_SET_ASIDE;
        finding->rule = finding->one_sided < RULE_COUNT ? finding->one_sided
                        : linked                        ? RULE_SECTION_HEADERS
                                                        : RULE_SECTION_PLACEMENT;
        finding->restated = true;
    }
}

/* What is proven of bytes says nothing of what a form has in other words: headers of sections that stay. */
static bool restates(const struct compare_result *result)
{
    return normal_form_restates(&result->vendor_form) || normal_form_restates(&result->rebuilt_form);
}

/* The one exception to the equality of the forms: tier `moved`. Every byte was looked at, and what is left is proven. */
static bool proven_equal(const struct compare_result *result)
{
    return result->moved.proven_count > 0 && !any_unexplained(&result->comparison) && !restates(result);
}

/* Every byte is explained, and yet not all that counts is in the bytes: then what moved is no explanation. */
static void unexplain_moved(struct comparison *comparison)
{
    bool left = any_unexplained(comparison);
    for (size_t i = 0; i < comparison->finding_count && !left; i++) {
        struct finding *finding = &comparison->findings[i];
        if (finding->standing == STANDING_SET_ASIDE && rule_is_moved(finding->rule)) {
            finding->standing = STANDING_UNEXPLAINED;
            finding->rule = RULE_COUNT;
        }
    }
}

static int decide(struct compare_result *result, struct compare_error *error)
{
    struct comparison *comparison = &result->comparison;
    bool equal = result->moved.tried
                     ? proven_equal(result)
                     : !comparison->proven_different && normal_forms_equal(&result->vendor_form, &result->rebuilt_form);
    result->verdict = equal ? COMPARE_EQUIVALENT : COMPARE_DIFFERENT;
    if (equal == any_unexplained(comparison)) {
        if (equal)
            explain_restated(result);
        else
            unexplain_restated(comparison);
        if (!equal && result->moved.tried)
            unexplain_moved(comparison);
        restand(&comparison->vendor, comparison->findings);
        restand(&comparison->rebuilt, comparison->findings);
    }
    if (equal == any_unexplained(comparison))
        return error_set(error, COMPARE_ERROR_INTERNAL, result->vendor_path,
                         "the findings and the normal forms disagree: please report this");
    return 0;
}

/* ---- Rows ---- */

/* Whether a pair goes on where the row ends, or is cut out of the same sections. */
static bool same_row(const struct row *row, const struct pair *first, const struct pair *pair)
{
    bool sections = pair->owner == OWNER_SECTION;
    if (sections && first->owner == OWNER_SECTION && row->cut)
        return row->vendor.section == pair->vendor.section && row->rebuilt.section == pair->rebuilt.section;
    return first->owner == pair->owner && strcmp(first->name, pair->name) == 0 &&
           row->vendor.present == pair->vendor.present && row->rebuilt.present == pair->rebuilt.present &&
           (!sections ||
            (row->vendor.section == pair->vendor.section && row->rebuilt.section == pair->rebuilt.section)) &&
           (!pair->vendor.present || row->vendor.range.end == pair->vendor.range.begin) &&
           (!pair->rebuilt.present || row->rebuilt.range.end == pair->rebuilt.range.begin);
}

static void extend_side(struct pair_side *side, const struct pair_side *more)
{
    if (!more->present)
        return;
    if (!side->present) {
        *side = *more;
        return;
    }
    side->range.begin = more->range.begin < side->range.begin ? more->range.begin : side->range.begin;
    side->range.end = more->range.end > side->range.end ? more->range.end : side->range.end;
}

static void row_add(struct row *row, const struct finding *finding)
{
    if (finding->standing == STANDING_IDENTICAL)
        return;
    row->finding_count++;
    if (finding->kind == FINDING_MOVED)
        row->moved += range_size(finding->vendor);
    row->differing += finding->differing;
    if (finding->standing == STANDING_UNEXPLAINED || row->standing == STANDING_IDENTICAL)
        row->standing = finding->standing;
    if (finding->rule < RULE_COUNT)
        row->rules[finding->rule] = true;
}

static int rows_build(struct compare_result *result, struct compare_error *error)
{
    struct list rows = {.arena = &result->arena, .item_size = sizeof(struct row)};
    size_t finding = 0;
    for (size_t i = 0; i < result->pair_count; i++) {
        const struct pair *pair = &result->pairs[i];
        struct row *row = rows.count > 0 ? (struct row *)rows.items + rows.count - 1 : NULL;
        if (row != NULL && same_row(row, &result->pairs[row->pair], pair)) {
            extend_side(&row->vendor, &pair->vendor);
            extend_side(&row->rebuilt, &pair->rebuilt);
        } else {
            row = list_add(&rows);
            if (row == NULL)
                return error_set(error, COMPARE_ERROR_MEMORY, result->vendor_path, "no memory");
            *row = (struct row){.pair = i,
                                .vendor = pair->vendor,
                                .rebuilt = pair->rebuilt,
                                .standing = STANDING_IDENTICAL,
                                .cut = result->moved.tried};
        }
        for (; finding < result->comparison.finding_count && result->comparison.findings[finding].pair == i; finding++)
            row_add(row, &result->comparison.findings[finding]);
    }
    result->rows = rows.items;
    result->row_count = rows.count;
    return 0;
}

int judge(struct compare_result *result, bool equal_bytes, struct compare_error *error)
{
    int status = 0;
    if (equal_bytes)
        result->verdict = COMPARE_IDENTICAL;
    else
        status = decide(result, error);
    if (status == 0)
        status = tally_both(result, error);
    if (status == 0)
        status = rows_build(result, error);
    if (status != 0)
        result->verdict = COMPARE_INCONCLUSIVE;
    return status;
}

const char *compare_verdict_name(enum compare_verdict verdict)
{
    static const char *const names[] = {
        [COMPARE_INCONCLUSIVE] = "inconclusive",
        [COMPARE_IDENTICAL] = "identical",
        [COMPARE_EQUIVALENT] = "equivalent",
        [COMPARE_DIFFERENT] = "different",
    };
    return (unsigned)verdict < ARRAY_COUNT(names) ? names[verdict] : names[COMPARE_INCONCLUSIVE];
}

int compare_exit_status(enum compare_verdict verdict)
{
    return verdict == COMPARE_IDENTICAL || verdict == COMPARE_EQUIVALENT ? 0 : verdict == COMPARE_DIFFERENT ? 1 : 2;
}
