/*
 * A finished result in one line of JSON, for runs over many pairs: the verdict, both digests, the tally, and of each
 * root its cause, its place and both values, cut where they are long. Whatever depends on the machine or the hour is
 * left out, so that two runs give the same bytes.
 */
#include <string.h>

#include "line.h"

#define VALUE_MOST 200

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *line_pair(uint64_t vendor, uint64_t rebuilt)
{
    return json_pack("[o,o]", number(vendor), number(rebuilt));
}

json_t *line_side(const uint8_t *digest, uint64_t size)
{
    char text[65] = "";
    for (size_t i = 0; digest != NULL && i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return json_pack("{s:o,s:o}", "sha256", digest != NULL ? json_string(text) : json_null(), "size", number(size));
}

json_t *line_tally(const struct tally *vendor, const struct tally *rebuilt)
{
    json_t *set_aside = json_object();
    int failed = set_aside == NULL;
    for (size_t i = 0; i < RULE_COUNT && !failed; i++) {
        if (vendor->by_rule[i] > 0 || rebuilt->by_rule[i] > 0)
            failed = json_object_set_new(set_aside, compare_rule_at(i)->id,
                                         line_pair(vendor->by_rule[i], rebuilt->by_rule[i]));
    }
    if (failed) {
        json_decref(set_aside);
        return NULL;
    }
    return json_pack("{s:o,s:o,s:o}", "identical", line_pair(vendor->identical, rebuilt->identical), "set_aside",
                     set_aside, "unexplained", line_pair(vendor->unexplained, rebuilt->unexplained));
}

static json_t *value_or_null(const struct value *value)
{
    char text[VALUE_MOST + 1];
    if (value->text == NULL)
        return json_null();
    size_t size = strlen(value->text);
    if (size <= VALUE_MOST)
        return json_string(value->text);
    snprintf(text, sizeof(text), "%.*s...", VALUE_MOST - 3, value->text);
    return json_string(text);
}

static json_t *root_object(const struct root *root, const struct explanation *explanation)
{
    const struct difference *first = &explanation->differences[root->first];
    const struct guess *guess = root->guess_count > 0 ? &root->guesses[0] : NULL;
    char place[PLACE_MOST];
    report_place(first, place, sizeof(place));
    return json_pack("{s:o,s:o,s:s,s:s,s:o,s:o,s:o}", "cause",
                     guess != NULL ? json_string(cause_info(guess->cause)->id) : json_null(), "confidence",
                     guess != NULL ? json_integer((json_int_t)guess->confidence) : json_null(), "what", first->what,
                     "place", place, "vendor", value_or_null(&first->vendor_value), "rebuilt",
                     value_or_null(&first->rebuilt_value), "differences", number(root->difference_count));
}

static json_t *roots_array(const struct explanation *explanation)
{
    json_t *array = json_array();
    size_t count = explanation->root_count < ROOTS_MOST ? explanation->root_count : ROOTS_MOST;
    for (size_t i = 0; i < count && array != NULL; i++) {
        if (json_array_append_new(array, root_object(&explanation->roots[i], explanation)) == 0)
            continue;
        json_decref(array);
        array = NULL;
    }
    return array;
}

static int write_line(const struct compare_result *result, const struct compare_report_options *options, FILE *out)
{
    const struct explanation *explanation = &result->explanation;
    struct report_side sides[2];
    (void)options;
    report_sides(result, sides);
    size_t left_out = explanation->root_count > ROOTS_MOST ? explanation->root_count - ROOTS_MOST : 0;
    json_t *line = json_pack(
        "{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "verdict", compare_verdict_name(result->verdict), "vendor",
        line_side(sides[0].digest, sides[0].image->size), "rebuilt", line_side(sides[1].digest, sides[1].image->size),
        "tally", line_tally(&result->vendor_tally, &result->rebuilt_tally), "anomalies",
        line_pair(result->vendor.anomaly_count, result->rebuilt.anomaly_count), "roots",
        explanation->made ? roots_array(explanation) : json_null(), "more_roots", number(left_out), "incomplete",
        explanation->incomplete != NULL ? json_string(explanation->incomplete) : json_null());
    bool written = line != NULL && json_dumpf(line, out, DUMP) == 0 && fputc('\n', out) != EOF;
    json_decref(line);
    return written ? 0 : COMPARE_ERROR_SYSTEM;
}

int compare_report_line(const struct compare_result *result, FILE *out, struct compare_error *error)
{
    return report_write(result, NULL, out, write_line, error);
}
