/*
 * The report against the files. Every field that the verdict rests on or that a reader acts on is held: digests and
 * kinds of the files, extents, sums, findings with their quoted bytes, the table of sections, the policy's rules.
 *
 * "different" is held to this: the files differ, what is called unexplained is so accounted, and bytes that are said
 * to differ do. That no rule could have set them aside is not shown: a wrong "different" harms nobody but the vendor.
 */
#include "verify.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "reading.h"

struct verification {
    const json_t *report;
    struct side sides[2];
    struct arena arena;
    int failure; /* what kept it from telling, which is no fault of the report's; told in *error */
    struct compare_error *error;
};

static const char *const side_names[] = {"vendor", "rebuilt"};

static bool refuse(struct verification *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(struct verification *v, const char *format, ...)
{
    char text[600], shown[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    error_set(v->error, COMPARE_ERROR_REFUSED, NULL, "refused: %s", escape_text(shown, sizeof(shown), text));
    return false;
}

/* ---- Reading the report ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static bool number_of(const json_t *object, const char *key, uint64_t *number)
{
    const json_t *value = json_object_get(object, key);
    *number = (uint64_t)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool number_is(const json_t *object, const char *key, uint64_t wanted)
{
    uint64_t number;
    return number_of(object, key, &number) && number == wanted;
}

static bool accepted(void *policy, const char *rule)
{
    const json_t *rules = json_object_get(policy, "rules"), *entry;
    size_t i;
    json_array_foreach(rules, i, entry)
    {
        if (strcmp(text_of(entry, "rule"), rule) == 0)
            return true;
    }
    return false;
}

/* What moved is no matter of a report, and a report without it has nothing to tell of it. */
static bool check_moved(struct verification *v)
{
    return json_is_null(json_object_get(v->report, "moved")) || refuse(v, "it tells of what moved, which is not shown");
}

static bool check_policy(struct verification *v)
{
    const json_t *policy = json_object_get(v->report, "policy"), *rules = json_object_get(policy, "rules"), *entry;
    size_t i;
    if (text_of(policy, "name")[0] == '\0' || !json_is_array(rules))
        return refuse(v, "it names no policy");
    if (strcmp(text_of(policy, "name"), "exact") == 0 && json_array_size(rules) > 0)
        return refuse(v, "policy exact accepts no rules, but the report lists some");
    json_array_foreach(rules, i, entry)
    {
        if (strncmp(text_of(entry, "rule"), "moved-", 6) == 0)
            return refuse(v,
                          "it rests on rule %s: what moved can be shown only by comparing the files again, under the "
                          "same policy",
                          text_of(entry, "rule"));
        if (!rule_is_known(text_of(entry, "rule")) || text_of(entry, "reason")[0] == '\0')
            return refuse(v, "policy rule %zu is not known, or has no reason", i);
        /* Each once: so the list is no longer than the rules are many. */
        for (size_t k = 0; k < i; k++) {
            if (strcmp(text_of(json_array_get(rules, k), "rule"), text_of(entry, "rule")) == 0)
                return refuse(v, "policy rule %zu is given twice", i);
        }
    }
    return true;
}

/* ---- The files ---- */

static bool check_file(struct verification *v, struct side *side)
{
    static const char *const types[] = {"NONE", "REL", "EXEC", "DYN", "CORE"};
    const struct elf *elf = &side->elf;
    const json_t *file = json_object_get(v->report, elf->side);
    uint8_t digest[32];
    char hex[65], type[16];
    if (!sha256(elf->bytes, elf->size, digest)) {
        v->failure = error_set(v->error, COMPARE_ERROR_SYSTEM, NULL, "cannot compute SHA-256");
        return false;
    }
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (!number_is(file, "size", elf->size) || strcmp(text_of(file, "sha256"), hex) != 0)
        return refuse(v, "the %s file is not the one that was compared: its size or SHA-256 is another", elf->side);
    snprintf(type, sizeof(type), "%ju", (uintmax_t)elf->type);
    if (strcmp(text_of(file, "type"), elf->type < ARRAY_COUNT(types) ? types[elf->type] : type) != 0 ||
        !number_is(file, "machine", elf->machine) || !number_is(file, "class", elf->wide ? 64 : 32) ||
        strcmp(text_of(file, "byte_order"), elf->big ? "big" : "little") != 0)
        return refuse(v, "the %s file is of another type, machine, class or byte order", elf->side);
    return true;
}

/* Anomalies disable rules; a contradiction that the checker sees for itself must be among them. */
static bool check_anomalies(struct verification *v, const struct side *side)
{
    const json_t *anomalies = json_object_get(v->report, "anomalies"), *anomaly;
    const json_t *disabled = json_object_get(json_object_get(v->report, side->elf.side), "rules_disabled");
    bool found = false;
    size_t i;
    json_array_foreach(anomalies, i, anomaly)
    {
        const char *name = text_of(anomaly, "side");
        found |= strcmp(name, side->elf.side) == 0;
        if (strcmp(name, side_names[0]) != 0 && strcmp(name, side_names[1]) != 0)
            return refuse(v, "anomaly %zu is of neither side", i);
    }
    if (!json_is_array(anomalies) || !json_is_boolean(disabled) || json_is_true(disabled) != found)
        return refuse(v, "its anomalies and rules_disabled of the %s file do not fit", side->elf.side);
    if (!found && side->elf.contradiction != NULL)
        return refuse(v, "%s file: %s, and the report does not say so", side->elf.side, side->elf.contradiction);
    return true;
}

/* ---- Extents ---- */

static bool read_line(struct verification *v, const struct side *side, const json_t *extent, uint64_t begin,
                      struct line *line)
{
    static const char *const standings[] = {"identical", "set-aside", "unexplained"};
    const char *standing = text_of(extent, "standing");
    bool known = false;
    for (size_t i = 0; i < ARRAY_COUNT(standings); i++) {
        if (strcmp(standing, standings[i]) == 0) {
            line->standing = (enum line_standing)i;
            known = true;
        }
    }
    if (!known || !number_of(extent, "begin", &line->range.begin) || !number_of(extent, "end", &line->range.end) ||
        line->range.begin != begin || line->range.end <= begin || line->range.end > side->elf.size)
        return refuse(v, "the extents of the %s file do not partition it at offset %#jx", side->elf.side,
                      (uintmax_t)begin);
    const json_t *rule = json_object_get(extent, "rule"), *peer = json_object_get(extent, "peer");
    line->rule = json_string_value(rule);
    if ((line->standing == LINE_ASIDE ? line->rule == NULL : !json_is_null(rule)) ||
        (line->standing == LINE_IDENTICAL ? !number_of(extent, "peer", &line->peer) : !json_is_null(peer)))
        return refuse(v, "the %s extent at %#jx: rule or peer does not fit its standing", side->elf.side,
                      (uintmax_t)begin);
    return true;
}

static bool read_extents(struct verification *v, struct side *side)
{
    const json_t *extents = json_object_get(json_object_get(v->report, "extents"), side->elf.side), *extent;
    uint64_t end = 0;
    size_t i;
    side->lines = arena_alloc(&v->arena, json_array_size(extents), sizeof(*side->lines));
    if (side->lines == NULL)
        return refuse(v, "there is no memory to read it");
    json_array_foreach(extents, i, extent)
    {
        if (!read_line(v, side, extent, end, &side->lines[i]))
            return false;
        end = side->lines[i].range.end;
    }
    side->line_count = json_array_size(extents);
    return end == side->elf.size ||
           refuse(v, "the extents of the %s file end at %#jx, before the file", side->elf.side, (uintmax_t)end);
}

/* The same bytes, and the other side says so too. */
static bool check_identical(struct verification *v, const struct line *line, const struct side *side,
                            const struct side *other)
{
    uint64_t size = range_size(line->range);
    struct range peer;
    if (!range_make(line->peer, size, &peer) || peer.end > other->elf.size ||
        memcmp(side->elf.bytes + line->range.begin, other->elf.bytes + peer.begin, size) != 0)
        return refuse(v, "the %s extent at %#jx is called identical, and its bytes are not", side->elf.side,
                      (uintmax_t)line->range.begin);
    for (uint64_t at = peer.begin; at < peer.end;) {
        const struct line *back = line_at(other, at);
        if (back == NULL || back->standing != LINE_IDENTICAL ||
            back->peer + (at - back->range.begin) != line->range.begin + (at - peer.begin))
            return refuse(v, "the %s extent at %#jx is called identical to bytes of which the %s file says otherwise",
                          side->elf.side, (uintmax_t)line->range.begin, other->elf.side);
        at = back->range.end;
    }
    return true;
}

/* Zeros in place of what the other side has set aside: what a normal form has there. */
static bool is_emptied(const struct elf *elf, struct range range)
{
    return elf->contradiction == NULL && !elf->untold && !ranges_overlap(elf->load, elf->load_count, range) &&
           elf_zero(elf, range);
}

static bool check_extents(struct verification *v, const struct side *side, const struct side *other)
{
    json_t *policy = json_object_get(v->report, "policy");
    for (size_t i = 0; i < side->line_count; i++) {
        const struct line *line = &side->lines[i];
        if (line->standing == LINE_IDENTICAL && !check_identical(v, line, side, other))
            return false;
        if (line->standing != LINE_ASIDE)
            continue;
        if (!accepted(policy, line->rule))
            return refuse(v, "the %s extent at %#jx is set aside by %s, which is not in the policy", side->elf.side,
                          (uintmax_t)line->range.begin, line->rule);
        /* In this order: what holds of zeros anywhere must not ask a condition again for each of many extents. */
        if (!is_emptied(&side->elf, line->range) && !condition_holds(&side->elf, line->rule, line->range))
            return refuse(v, "the %s extent at %#jx, size %ju: %s may not set it aside", side->elf.side,
                          (uintmax_t)line->range.begin, (uintmax_t)range_size(line->range), line->rule);
    }
    return true;
}

/* ---- Sums ---- */

static bool check_rule_sums(struct verification *v, const struct side *side, const json_t *by_rule)
{
    const char *rule;
    json_t *value;
    uint64_t total = 0, aside = 0;
    if (!json_is_object(by_rule))
        return refuse(v, "the tally of the %s file has no sums by rule", side->elf.side);
    json_object_foreach((json_t *)by_rule, rule, value)
    {
        uint64_t sum = 0;
        for (size_t i = 0; i < side->line_count; i++) {
            if (side->lines[i].standing == LINE_ASIDE && strcmp(side->lines[i].rule, rule) == 0)
                sum += range_size(side->lines[i].range);
        }
        if (!json_is_integer(value) || (uint64_t)json_integer_value(value) != sum || sum == 0)
            return refuse(v, "the tally of the %s file under rule %s is wrong", side->elf.side, rule);
        total += sum;
    }
    for (size_t i = 0; i < side->line_count; i++)
        aside += side->lines[i].standing == LINE_ASIDE ? range_size(side->lines[i].range) : 0;
    return total == aside || refuse(v, "the tally of the %s file leaves out a rule", side->elf.side);
}

static bool check_sums(struct verification *v, const struct side *side, uint64_t sums[3])
{
    const json_t *tally = json_object_get(json_object_get(v->report, "tally"), side->elf.side);
    static const char *const keys[] = {"identical", "set_aside", "unexplained"};
    for (size_t i = 0; i < side->line_count; i++)
        sums[side->lines[i].standing] += range_size(side->lines[i].range);
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        if (!number_is(tally, keys[i], sums[i]))
            return refuse(v, "the tally of the %s file: %s is not %ju", side->elf.side, keys[i], (uintmax_t)sums[i]);
    }
    return (number_is(tally, "size", side->elf.size) ||
            refuse(v, "the tally of the %s file: its size is wrong", side->elf.side)) &&
           check_rule_sums(v, side, json_object_get(tally, "by_rule"));
}

/* ---- Findings ---- */

static int nibble(char digit)
{
    return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool quotes(const uint8_t *bytes, uint64_t size, const char *hex)
{
    if (strlen(hex) != 2 * size)
        return false;
    for (uint64_t i = 0; i < size; i++) {
        if (nibble(hex[2 * i]) != bytes[i] >> 4 || nibble(hex[2 * i + 1]) != (bytes[i] & 15))
            return false;
    }
    return true;
}

/* An address as the report writes it, against the program headers. */
static bool address_fits(const struct elf *elf, const json_t *place, uint64_t at)
{
    uint64_t address;
    char text[32];
    if (!elf_address(elf, at, &address))
        return json_is_null(json_object_get(place, "address"));
    snprintf(text, sizeof(text), "%#jx", (uintmax_t)address);
    return strcmp(text_of(place, "address"), text) == 0;
}

/* One side of a finding is a whole extent of the same standing and rule, and its quoted bytes are the file's. */
static bool check_run(struct verification *v, size_t index, const json_t *finding, const struct side *side,
                      struct range *range)
{
    const json_t *run = json_object_get(finding, side->elf.side);
    uint64_t size, omitted;
    const json_t *rule = json_object_get(finding, "rule");
    *range = (struct range){0, 0};
    if (json_is_null(run))
        return true;
    const struct line *line = number_of(run, "offset", &range->begin) ? line_at(side, range->begin) : NULL;
    if (!number_of(run, "size", &size) || !range_make(range->begin, size, range) || line == NULL ||
        line->range.begin != range->begin || line->range.end != range->end || line->standing == LINE_IDENTICAL ||
        (line->standing == LINE_ASIDE) != (strcmp(text_of(finding, "standing"), "set-aside") == 0) ||
        (line->rule != NULL ? !json_is_string(rule) || strcmp(line->rule, json_string_value(rule)) != 0
                            : !json_is_null(rule)))
        return refuse(v, "finding %zu is no extent of the %s file, or has another standing or rule there", index,
                      side->elf.side);
    if (line->found)
        return refuse(v, "finding %zu: another one has its extent of the %s file", index, side->elf.side);
    side->lines[line - side->lines].found = true;
    if (!number_of(run, "omitted", &omitted) || omitted > size ||
        !quotes(side->elf.bytes + range->begin, size - omitted, text_of(run, "bytes")) ||
        !address_fits(&side->elf, run, range->begin))
        return refuse(v, "finding %zu: address or bytes are not those of the %s file", index, side->elf.side);
    return true;
}

/* A section that is compared by its plain content makes one finding, however long either side is. */
static bool is_packed(const struct elf *elf, struct range range)
{
    const struct owned *owner = elf_owner(elf, range);
    return owner != NULL && owner->section < elf->section_count &&
           (elf->sections[owner->section].flags & SHF_COMPRESSED) != 0;
}

static bool check_finding(struct verification *v, size_t index, const json_t *finding, size_t covered[2])
{
    struct range a, b;
    const char *kind = text_of(finding, "kind"), *standing = text_of(finding, "standing");
    uint64_t differing, counted = 0;
    if (strcmp(standing, "set-aside") != 0 && strcmp(standing, "unexplained") != 0)
        return refuse(v, "finding %zu has no standing", index);
    if (!check_run(v, index, finding, &v->sides[0], &a) || !check_run(v, index, finding, &v->sides[1], &b))
        return false;
    covered[0] += !range_empty(a);
    covered[1] += !range_empty(b);
    bool fits = number_is(finding, "id", index) && number_of(finding, "differing", &differing);
    if (strcmp(kind, "only-vendor") == 0)
        return (fits && range_empty(b) && differing == range_size(a)) || refuse(v, "finding %zu: not %s", index, kind);
    if (strcmp(kind, "only-rebuilt") == 0)
        return (fits && range_empty(a) && differing == range_size(b)) || refuse(v, "finding %zu: not %s", index, kind);
    uint64_t larger = range_size(a) > range_size(b) ? range_size(a) : range_size(b);
    if (fits && strcmp(kind, "bytes") == 0 && !range_empty(a) && !range_empty(b) && differing == larger &&
        (is_packed(&v->sides[0].elf, a) || is_packed(&v->sides[1].elf, b)))
        return true;
    if (!fits || range_empty(a) || range_size(a) != range_size(b))
        return refuse(v, "finding %zu: its sides are not of one size", index);
    for (uint64_t i = 0; i < range_size(a); i++)
        counted += v->sides[0].elf.bytes[a.begin + i] != v->sides[1].elf.bytes[b.begin + i];
    if (strcmp(kind, "bytes") == 0 && counted == differing && counted > 0)
        return true;
    if (strcmp(kind, "moved") == 0 && counted == 0)
        return true;
    return (strcmp(kind, "one-sided") == 0 && differing == 0) ||
           refuse(v, "finding %zu: its bytes do not differ as it says", index);
}

static bool check_findings(struct verification *v)
{
    const json_t *findings = json_object_get(v->report, "findings"), *finding;
    size_t i, covered[2] = {0, 0};
    json_array_foreach(findings, i, finding)
    {
        if (!check_finding(v, i, finding, covered))
            return false;
    }
    for (size_t s = 0; s < 2; s++) {
        size_t wanted = 0;
        for (size_t k = 0; k < v->sides[s].line_count; k++)
            wanted += v->sides[s].lines[k].standing != LINE_IDENTICAL;
        if (!json_is_array(findings) || wanted != covered[s])
            return refuse(v, "its findings are not those of the %s file's extents", v->sides[s].elf.side);
    }
    return true;
}

/* ---- The table of sections ---- */

/* The gravest standing of a stretch of a file. */
static int gravest(const struct side *side, struct range range)
{
    int standing = LINE_IDENTICAL;
    const struct line *line = line_at(side, range.begin), *end = side->lines + side->line_count;
    for (; line != NULL && line < end && line->range.begin < range.end; line++)
        standing = (int)line->standing > standing ? (int)line->standing : standing;
    return standing;
}

static bool check_row_side(const json_t *row, const struct side *side, int *standing, struct range *covered)
{
    const json_t *place = json_object_get(row, side->elf.side), *number = json_object_get(place, "index");
    struct range range;
    uint64_t size, index;
    if (json_is_null(place))
        return true;
    if (!number_of(place, "offset", &range.begin) || !number_of(place, "size", &size) ||
        !range_make(range.begin, size, &range) || range.end > side->elf.size ||
        !address_fits(&side->elf, place, range.begin))
        return false;
    if (!json_is_null(number) &&
        (!number_of(place, "index", &index) || index >= side->elf.section_count ||
         (side->elf.contradiction == NULL && !range_contains(side->elf.sections[index].bytes, range))))
        return false;
    int here = gravest(side, range);
    *standing = here > *standing ? here : *standing;
    *covered = range;
    return true;
}

static bool check_rows(struct verification *v)
{
    static const char *const standings[] = {"identical", "set-aside", "unexplained"};
    const json_t *rows = json_object_get(v->report, "sections"), *row;
    struct range *covered[2];
    uint64_t sums[2] = {0, 0};
    size_t i;
    for (size_t s = 0; s < 2; s++) {
        covered[s] = arena_alloc(&v->arena, json_array_size(rows), sizeof(**covered));
        if (covered[s] == NULL)
            return refuse(v, "there is no memory to read it");
    }
    json_array_foreach(rows, i, row)
    {
        int standing = LINE_IDENTICAL;
        for (size_t s = 0; s < 2; s++) {
            if (!check_row_side(row, &v->sides[s], &standing, &covered[s][i]))
                return refuse(v, "row %zu of its sections is not in the %s file", i, v->sides[s].elf.side);
            sums[s] += range_size(covered[s][i]);
            if (sums[s] > v->sides[s].elf.size)
                return refuse(v, "its sections cover more than the %s file", v->sides[s].elf.side);
        }
        if (strcmp(text_of(row, "standing"), standings[standing]) != 0)
            return refuse(v, "row %zu of its sections stands otherwise: %s", i, standings[standing]);
    }
    /* As many bytes as the file has, and without a gap: each once. */
    for (size_t s = 0; s < 2; s++) {
        uint64_t size = v->sides[s].elf.size;
        size_t count = ranges_merge(covered[s], json_array_size(rows));
        if (!json_is_array(rows) || sums[s] != size || count != 1 || range_size(covered[s][0]) != size)
            return refuse(v, "its sections do not cover the %s file", v->sides[s].elf.side);
    }
    return true;
}

/* ---- The verdict ---- */

static bool check_verdict(struct verification *v, uint64_t unexplained, enum compare_verdict *verdict)
{
    const struct elf *a = &v->sides[0].elf, *b = &v->sides[1].elf;
    const char *said = text_of(v->report, "verdict"), *why = NULL;
    bool equal = a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
    uint64_t at = 0;
    if (strcmp(said, "identical") == 0) {
        *verdict = COMPARE_IDENTICAL;
        return equal || refuse(v, "the verdict is identical, and the files are not");
    }
    if (equal)
        return refuse(v, "the verdict is %s, and the files are identical", said);
    if (strcmp(said, "different") == 0) {
        *verdict = COMPARE_DIFFERENT;
        return unexplained > 0 || refuse(v, "the verdict is different, and no byte is unexplained");
    }
    if (strcmp(said, "equivalent") != 0)
        return refuse(v, "there is no verdict in it that could be verified");
    *verdict = COMPARE_EQUIVALENT;
    if (unexplained > 0 || json_array_size(json_object_get(v->report, "anomalies")) > 0)
        return refuse(v, "the verdict is equivalent, and there are unexplained bytes or anomalies");
    why = sameness_broken(&v->sides[0], &v->sides[1], accepted, json_object_get(v->report, "policy"), &at);
    return why == NULL || refuse(v, "the verdict is equivalent, but at offset %#jx %s", (uintmax_t)at, why);
}

static bool check(struct verification *v, struct compare_verified *verified)
{
    uint64_t sums[2][3] = {{0}};
    if (strcmp(text_of(v->report, "format"), "elftally-report") != 0 || !number_is(v->report, "version", 1))
        return refuse(v, "it is no report of elftally's, version 1");
    if (strcmp(text_of(v->report, "verdict"), "inconclusive") == 0)
        return refuse(v, "an inconclusive report has no verdict that could be verified");
    if (!check_policy(v) || !check_moved(v))
        return false;
    for (size_t i = 0; i < 2; i++) {
        const char *what;
        if (!elf_read(&v->sides[i].elf, &what))
            return refuse(v, "the %s file %s", side_names[i], what);
        if (!check_file(v, &v->sides[i]) || !check_anomalies(v, &v->sides[i]) || !read_extents(v, &v->sides[i]))
            return false;
    }
    for (size_t i = 0; i < 2; i++) {
        if (!check_extents(v, &v->sides[i], &v->sides[1 - i]) || !check_sums(v, &v->sides[i], sums[i]))
            return false;
    }
    if (!check_findings(v) || !check_rows(v) ||
        !check_verdict(v, sums[0][LINE_UNEXPLAINED] + sums[1][LINE_UNEXPLAINED], &verified->verdict))
        return false;
    snprintf(verified->policy, sizeof(verified->policy), "%s", text_of(json_object_get(v->report, "policy"), "name"));
    verified->identical = sums[0][LINE_IDENTICAL];
    for (size_t i = 0; i < 2; i++) {
        verified->set_aside[i] = sums[i][LINE_ASIDE];
        verified->unexplained[i] = sums[i][LINE_UNEXPLAINED];
    }
    return true;
}

int verify_bytes(const char *report, size_t report_size, const uint8_t *vendor, uint64_t vendor_size,
                 const uint8_t *rebuilt, uint64_t rebuilt_size, struct compare_verified *verified,
                 struct compare_error *error)
{
    struct verification v = {.error = error};
    struct compare_verified ignored;
    json_error_t json_error;
    v.sides[0].elf = (struct elf){.side = side_names[0], .bytes = vendor, .size = vendor_size, .arena = &v.arena};
    v.sides[1].elf = (struct elf){.side = side_names[1], .bytes = rebuilt, .size = rebuilt_size, .arena = &v.arena};
    json_t *root = json_loadb(report, report_size, JSON_REJECT_DUPLICATES, &json_error);
    v.report = root;
    /* Jansson has no word for there being no memory. */
    v.arena.exhausted = root == NULL && json_error.text[0] == '\0';
    bool sound = root != NULL ? check(&v, verified != NULL ? verified : &ignored)
                              : refuse(&v, "line %d: %s", json_error.line, json_error.text);
    if (v.arena.exhausted)
        v.failure = error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory to verify the report");
    json_decref(root);
    arena_free(&v.arena);
    return v.failure != 0 ? v.failure : sound ? 0 : COMPARE_ERROR_REFUSED;
}
