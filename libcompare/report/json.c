/*
 * The JSON report (report.schema.json). Written object by object, so that its size is not held in memory; Jansson
 * writes all but the hexadecimal strings, which need no escaping and can be as long as the file.
 */
#include <jansson.h>
#include <string.h>

#include "report.h"

#define REPORT_VERSION 1
#define DUMP           (JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY)

/* Sizes and offsets of files, which stay below 2^63. */
static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *escaped(const char *text)
{
    char buffer[16384];
    return json_string(escape_text(buffer, sizeof(buffer), text));
}

/* What lacks one of its parts is no value at all. */
static json_t *whole(json_t *value, int failed)
{
    if (!failed)
        return value;
    json_decref(value);
    return NULL;
}

static json_t *with_item(json_t *array, json_t *item)
{
    return whole(array, json_array_append_new(array, item));
}

/* Writes "key": value and takes the value. */
static int member(FILE *out, const char *key, json_t *value, bool last)
{
    int status = value == NULL || fprintf(out, "\"%s\":", key) < 0 || json_dumpf(value, out, DUMP) != 0 ||
                 fputs(last ? "\n" : ",\n", out) == EOF;
    json_decref(value);
    return status ? COMPARE_ERROR_SYSTEM : 0;
}

static void hex_digits(const uint8_t *bytes, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
}

static json_t *policy_object(const struct compare_policy *policy)
{
    json_t *rules = json_array();
    for (size_t i = 0; i < RULE_FILES; i++) {
        const struct compare_rule_info *info = compare_rule_at(i);
        if (policy->rules.accepted[i])
            rules = with_item(rules, json_pack("{s:s,s:s,s:o}", "rule", info->id, "tier", info->tier, "reason",
                                               escaped(policy->reasons[i])));
    }
    return json_pack("{s:o,s:o}", "name", escaped(policy->name), "rules", rules);
}

static json_t *side_object(const struct report_side *side)
{
    const struct image *image = side->image;
    static const char *const types[] = {"NONE", "REL", "EXEC", "DYN", "CORE"};
    char digest[65], other[16];
    snprintf(other, sizeof(other), "%u", image->header.e_type);
    if (side->digest != NULL)
        hex_digits(side->digest, 32, digest);
    return json_pack("{s:o,s:o,s:o,s:s,s:i,s:i,s:s,s:b}", "path", escaped(side->path), "size", number(image->size),
                     "sha256", side->digest != NULL ? json_string(digest) : json_null(), "type",
                     image->header.e_type < ARRAY_COUNT(types) ? types[image->header.e_type] : other, "machine",
                     (int)image->header.e_machine, "class", image->is64 ? 64 : 32, "byte_order",
                     image->big_endian ? "big" : "little", "rules_disabled", image->anomaly_count > 0);
}

static json_t *confinement_object(const struct compare_confinement *confinement)
{
    return json_pack("{s:b,s:b,s:i,s:b}", "worker", confinement->worker, "no_new_privs", confinement->no_new_privs,
                     "landlock", (int)confinement->landlock, "seccomp", confinement->seccomp);
}

static json_t *anomalies_array(const struct report_side sides[2])
{
    json_t *array = json_array();
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < sides[side].image->anomaly_count; i++) {
            const struct anomaly *anomaly = &sides[side].image->anomalies[i];
            array = with_item(array, json_pack("{s:s,s:s,s:s,s:o}", "side", sides[side].label, "id", anomaly->id,
                                               "message", anomaly->message, "offset", number(anomaly->file_offset)));
        }
    }
    return array;
}

static json_t *tally_object(const struct tally *tally)
{
    json_t *by_rule = json_object();
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (tally->by_rule[i] > 0)
            by_rule = whole(by_rule, json_object_set_new(by_rule, compare_rule_at(i)->id, number(tally->by_rule[i])));
    }
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "size", number(tally->size), "identical", number(tally->identical),
                     "set_aside", number(tally->set_aside), "unexplained", number(tally->unexplained), "by_rule",
                     by_rule);
}

static const char *standing_id(enum standing standing)
{
    return standing == STANDING_SET_ASIDE ? "set-aside" : report_standing_name(standing);
}

static json_t *address_of(const struct image *image, uint64_t file_offset)
{
    uint64_t address;
    /* A string: addresses of kernels are above what JSON's readers hold in a number. */
    return image_address(image, file_offset, &address) ? json_sprintf("%#jx", (uintmax_t)address) : json_null();
}

static json_t *row_side(const struct image *image, const struct pair_side *side)
{
    if (!side->present)
        return json_null();
    return json_pack("{s:o,s:o,s:o,s:o}", "index", side->section != UINT32_MAX ? number(side->section) : json_null(),
                     "offset", number(side->range.begin), "size", number(range_size(side->range)), "address",
                     address_of(image, side->range.begin));
}

static json_t *row_object(const struct compare_result *result, const struct row *row)
{
    static const char *const owners[] = {
        [OWNER_PADDING] = "padding",
        [OWNER_ELF_HEADER] = "elf-header",
        [OWNER_PROGRAM_HEADERS] = "program-headers",
        [OWNER_SECTION_HEADERS] = "section-headers",
        [OWNER_SECTION] = "section",
        [OWNER_SEGMENT] = "segment",
        [OWNER_OVERLAY] = "overlay",
    };
    json_t *rules = json_array();
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (row->rules[i])
            rules = with_item(rules, json_string(compare_rule_at(i)->id));
    }
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:b,s:s,s:o}", "name", result->pairs[row->pair].name, "owner",
                     owners[result->pairs[row->pair].owner], "vendor", row_side(&result->vendor, &row->vendor),
                     "rebuilt", row_side(&result->rebuilt, &row->rebuilt), "differing", number(row->differing), "moved",
                     row->moved > 0, "standing", standing_id(row->standing), "rules", rules);
}

static int write_rows(const struct compare_result *result, FILE *out)
{
    int failed = fputs("\"sections\":[\n", out) == EOF;
    for (size_t i = 0; i < result->row_count && !failed; i++) {
        json_t *row = row_object(result, &result->rows[i]);
        failed = row == NULL || json_dumpf(row, out, DUMP) != 0 ||
                 fputs(i + 1 < result->row_count ? ",\n" : "\n", out) == EOF;
        json_decref(row);
    }
    return failed || fputs("],\n", out) == EOF ? COMPARE_ERROR_SYSTEM : 0;
}

static int write_bytes(const struct image *image, struct range range, FILE *out)
{
    char text[2 * 4096 + 1];
    for (uint64_t at = range.begin; at < range.end; at += 4096) {
        size_t size = range.end - at < 4096 ? range.end - at : 4096;
        hex_digits(image->bytes + at, size, text);
        if (fputs(text, out) == EOF)
            return COMPARE_ERROR_SYSTEM;
    }
    return 0;
}

static int write_finding_side(const char *label, const struct image *image, struct range range, uint64_t most,
                              FILE *out)
{
    struct range quoted = range;
    uint64_t address = 0;
    if (range_empty(range))
        return fprintf(out, ",\"%s\":null", label) < 0 ? COMPARE_ERROR_SYSTEM : 0;
    if (most != 0 && range_size(range) > most)
        quoted.end = range.begin + most;
    bool mapped = image_address(image, range.begin, &address);
    if (fprintf(out, ",\"%s\":{\"offset\":%ju,\"size\":%ju,\"omitted\":%ju,\"address\":", label, (uintmax_t)range.begin,
                (uintmax_t)range_size(range), (uintmax_t)(range.end - quoted.end)) < 0 ||
        (mapped ? fprintf(out, "\"%#jx\"", (uintmax_t)address) : fprintf(out, "null")) < 0 ||
        fputs(",\"bytes\":\"", out) == EOF || write_bytes(image, quoted, out) != 0)
        return COMPARE_ERROR_SYSTEM;
    return fputs("\"}", out) == EOF ? COMPARE_ERROR_SYSTEM : 0;
}

static int write_finding(const struct compare_result *result, size_t index, uint64_t most, FILE *out)
{
    static const char *const kinds[] = {
        [FINDING_BYTES] = "bytes", [FINDING_ONLY_VENDOR] = "only-vendor", [FINDING_ONLY_REBUILT] = "only-rebuilt",
        [FINDING_MOVED] = "moved", [FINDING_ONE_SIDED] = "one-sided",     [FINDING_UNPROVEN] = "unproven",
    };
    const struct finding *finding = &result->comparison.findings[index];
    json_t *name = json_string(result->pairs[finding->pair].name);
    int failed = name == NULL ||
                 fprintf(out, "{\"id\":%zu,\"kind\":\"%s\",\"section\":", index, kinds[finding->kind]) < 0 ||
                 json_dumpf(name, out, DUMP) != 0 ||
                 fprintf(out, ",\"standing\":\"%s\",\"differing\":%ju,\"rule\":", standing_id(finding->standing),
                         (uintmax_t)finding->differing) < 0;
    json_decref(name);
    if (!failed && finding->rule < RULE_COUNT)
        failed = fprintf(out, "\"%s\"", compare_rule_at(finding->rule)->id) < 0;
    else if (!failed)
        failed = fputs("null", out) == EOF;
    if (failed || write_finding_side("vendor", &result->vendor, finding->vendor, most, out) != 0 ||
        write_finding_side("rebuilt", &result->rebuilt, finding->rebuilt, most, out) != 0)
        return COMPARE_ERROR_SYSTEM;
    return fputs("}", out) == EOF ? COMPARE_ERROR_SYSTEM : 0;
}

static int write_findings(const struct compare_result *result, uint64_t most, FILE *out)
{
    int failed = fputs("\"findings\":[\n", out) == EOF;
    for (size_t i = 0; i < result->comparison.finding_count && !failed; i++)
        failed = write_finding(result, i, most, out) != 0 ||
                 fputs(i + 1 < result->comparison.finding_count ? ",\n" : "\n", out) == EOF;
    return failed || fputs("],\n", out) == EOF ? COMPARE_ERROR_SYSTEM : 0;
}

static int write_account(const struct report_side *side, FILE *out)
{
    int failed = fprintf(out, "\"%s\":[\n", side->label) < 0;
    for (size_t i = 0; i < side->account->count && !failed; i++) {
        const struct entry *entry = &side->account->entries[i];
        failed = fprintf(out, "{\"begin\":%ju,\"end\":%ju,\"standing\":\"%s\",\"rule\":", (uintmax_t)entry->range.begin,
                         (uintmax_t)entry->range.end, standing_id(entry->standing)) < 0;
        failed = failed || (entry->rule < RULE_COUNT ? fprintf(out, "\"%s\"", compare_rule_at(entry->rule)->id)
                                                     : fprintf(out, "null")) < 0;
        failed =
            failed || (entry->standing == STANDING_IDENTICAL ? fprintf(out, ",\"peer\":%ju}", (uintmax_t)entry->peer)
                                                             : fprintf(out, ",\"peer\":null}")) < 0;
        failed = failed || fputs(i + 1 < side->account->count ? ",\n" : "]", out) == EOF;
    }
    return failed ? COMPARE_ERROR_SYSTEM : 0;
}

static int write_accounts(const struct report_side sides[2], FILE *out)
{
    if (fputs("\"extents\":{", out) == EOF || write_account(&sides[0], out) != 0 || fputs(",\n", out) == EOF ||
        write_account(&sides[1], out) != 0)
        return COMPARE_ERROR_SYSTEM;
    return fputs("}\n", out) == EOF ? COMPARE_ERROR_SYSTEM : 0;
}

static int write_head(enum compare_verdict verdict, FILE *out)
{
    int status = fputs("{", out) == EOF ? COMPARE_ERROR_SYSTEM : 0;
    if (status == 0)
        status = member(out, "format", json_string("elftally-report"), false);
    if (status == 0)
        status = member(out, "version", number(REPORT_VERSION), false);
    if (status == 0)
        status = member(out, "tool", json_pack("{s:s,s:s}", "name", "elftally", "version", compare_version()), false);
    if (status == 0)
        status = member(out, "verdict", json_string(compare_verdict_name(verdict)), false);
    return status;
}

static int write_json(const struct compare_result *result, const struct compare_report_options *options, FILE *out)
{
    struct report_side sides[2];
    report_sides(result, sides);
    int status = write_head(result->verdict, out);
    if (status == 0)
        status = member(out, "policy", policy_object(result->policy), false);
    for (size_t i = 0; i < 2 && status == 0; i++)
        status = member(out, sides[i].label, side_object(&sides[i]), false);
    if (status == 0)
        status = member(out, "confinement", confinement_object(&result->confinement), false);
    if (status == 0)
        status = member(out, "anomalies", anomalies_array(sides), false);
    if (status == 0)
        status = member(out, "tally",
                        json_pack("{s:o,s:o}", "vendor", tally_object(&result->vendor_tally), "rebuilt",
                                  tally_object(&result->rebuilt_tally)),
                        false);
    if (status == 0)
        status = report_json_moved(result, out);
    if (status == 0)
        status = report_json_debug(result, out);
    if (status == 0)
        status = report_json_explanation(&result->explanation, out);
    if (status == 0)
        status = write_rows(result, out);
    if (status == 0)
        status = write_findings(result, options->max_bytes, out);
    if (status == 0)
        status = write_accounts(sides, out);
    return status != 0 || fputs("}\n", out) == EOF ? COMPARE_ERROR_SYSTEM : 0;
}

int compare_report_json(const struct compare_result *result, const struct compare_report_options *options, FILE *out,
                        struct compare_error *error)
{
    return report_write(result, options, out, write_json, error);
}

int compare_report_json_error(const struct compare_error *failure, const char *policy, FILE *out,
                              struct compare_error *error)
{
    int status = write_head(COMPARE_INCONCLUSIVE, out);
    if (status == 0)
        status = member(out, "policy",
                        json_pack("{s:o,s:[]}", "name", escaped(policy != NULL ? policy : "standard"), "rules"), false);
    if (status == 0)
        status = member(out, "error", json_pack("{s:s,s:s}", "file", failure->file, "message", failure->message), true);
    if (status != 0 || fputs("}\n", out) == EOF || fflush(out) != 0)
        return error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot write the report");
    return 0;
}
