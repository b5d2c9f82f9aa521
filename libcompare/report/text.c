/*
 * The text report: the verdict first, then what it was reached on, in few lines. A reader sees at a glance what
 * differs and whether it matters.
 */
#include <string.h>

#include "text.h"

#define WIDTH_DEFAULT           100
#define ROWS_SHOWN              40
#define FINDINGS_SHOWN          8
#define FINDINGS_SHOWN_PER_PAIR 2
#define ANOMALIES_SHOWN         8
#define BYTES_SHOWN             16

/* ---- Small parts ---- */

const char *text_paint(const struct text *text, const char *code)
{
    return text->options->color ? code : "";
}

static const char *standing_color(enum standing standing)
{
    return standing == STANDING_UNEXPLAINED ? RED : standing == STANDING_SET_ASIDE ? YELLOW : GREEN;
}

const char *text_grouped(uint64_t value, char buffer[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%ju", (uintmax_t)value), at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            buffer[at++] = ',';
        buffer[at++] = digits[i];
    }
    buffer[at] = '\0';
    return buffer;
}

const char *text_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* A name of at most `width` columns; the middle of a longer one gives way. */
static const char *fitted(const char *name, size_t width, char *buffer, size_t buffer_size)
{
    size_t length = strlen(name);
    if (length <= width || width < 8 || buffer_size <= width)
        snprintf(buffer, buffer_size, "%s", name);
    else
        snprintf(buffer, buffer_size, "%.*s...%s", (int)(width - 3) / 2, name,
                 name + length - (width - 3 - (width - 3) / 2));
    return buffer;
}

/* ---- Verdict ---- */

static void write_verdict(const struct text *text)
{
    const struct compare_result *result = text->result;
    const struct tally *vendor = &result->vendor_tally, *rebuilt = &result->rebuilt_tally;
    uint64_t unexplained = vendor->unexplained > rebuilt->unexplained ? vendor->unexplained : rebuilt->unexplained;
    uint64_t set_aside = vendor->set_aside > rebuilt->set_aside ? vendor->set_aside : rebuilt->set_aside;
    bool good = result->verdict == COMPARE_IDENTICAL || result->verdict == COMPARE_EQUIVALENT;
    char number[32], policy[128];
    size_t rows = 0;
    const struct row *first = NULL;
    for (size_t i = 0; i < result->row_count; i++) {
        if (result->rows[i].standing == STANDING_UNEXPLAINED && rows++ == 0)
            first = &result->rows[i];
    }
    fprintf(text->out, "%s%s%s%s (policy %s)", text_paint(text, BOLD), text_paint(text, good ? GREEN : RED),
            compare_verdict_name(result->verdict), text_paint(text, PLAIN),
            escape_text(policy, sizeof(policy), result->policy->name));
    if (result->verdict == COMPARE_IDENTICAL)
        fprintf(text->out, ": bit for bit");
    else if (result->verdict == COMPARE_EQUIVALENT)
        fprintf(text->out, ": %s byte%s set aside, none unexplained", text_grouped(set_aside, number),
                text_plural(set_aside));
    else if (first != NULL) {
        fprintf(text->out, ": %s byte%s unexplained in %s", text_grouped(unexplained, number), text_plural(unexplained),
                fitted(result->pairs[first->pair].name, 40, policy, sizeof(policy)));
        if (rows > 1)
            fprintf(text->out, " and %zu other place%s", rows - 1, text_plural(rows - 1));
    }
    fprintf(text->out, "\n");
}

static void write_sides(const struct text *text)
{
    struct report_side sides[2];
    report_sides(text->result, sides);
    for (size_t i = 0; i < 2; i++) {
        const Elf64_Ehdr *header = &sides[i].image->header;
        const char *type = report_type_name(header->e_type), *machine = report_machine_name(header->e_machine);
        char number[32], path[1024], other[32];
        snprintf(other, sizeof(other), "machine %u", header->e_machine);
        escape_text(path, sizeof(path), sides[i].path);
        fprintf(text->out, "  %-8s %s  (%s bytes, ELF %d-bit %s, %s, %s)\n", sides[i].label, path,
                text_grouped(sides[i].image->size, number), sides[i].image->is64 ? 64 : 32,
                sides[i].image->big_endian ? "MSB" : "LSB", type != NULL ? type : "other type",
                machine != NULL ? machine : other);
        if (sides[i].digest != NULL) {
            fprintf(text->out, "  %-8s sha256 ", "");
            for (size_t k = 0; k < 32; k++)
                fprintf(text->out, "%02x", sides[i].digest[k]);
            fprintf(text->out, "\n");
        }
    }
}

/* What both sides have in common is told once. */
static bool same_anomalies(const struct image *a, const struct image *b)
{
    if (a->anomaly_count != b->anomaly_count)
        return false;
    for (size_t i = 0; i < a->anomaly_count; i++) {
        if (strcmp(a->anomalies[i].message, b->anomalies[i].message) != 0)
            return false;
    }
    return true;
}

static void write_anomalies_of(const struct text *text, const char *label, const struct image *image)
{
    size_t most = text->options->all_findings ? SIZE_MAX : ANOMALIES_SHOWN;
    for (size_t i = 0; i < image->anomaly_count && i < most; i++)
        fprintf(text->out, "%sanomaly%s  %s: %s (offset %#jx)\n", text_paint(text, RED), text_paint(text, PLAIN), label,
                image->anomalies[i].message, (uintmax_t)image->anomalies[i].file_offset);
    if (image->anomaly_count > most)
        fprintf(text->out, "anomaly  %s: %zu more (--all shows them)\n", label, image->anomaly_count - most);
}

static void write_anomalies(const struct text *text)
{
    const struct compare_result *result = text->result;
    if (result->vendor.anomaly_count + result->rebuilt.anomaly_count == 0)
        return;
    fprintf(text->out, "\n");
    if (same_anomalies(&result->vendor, &result->rebuilt)) {
        write_anomalies_of(text, "both", &result->vendor);
    } else {
        write_anomalies_of(text, "vendor", &result->vendor);
        write_anomalies_of(text, "rebuilt", &result->rebuilt);
    }
    fprintf(text->out, "no rule is applied to a file whose views of its own bytes disagree\n");
}

/* ---- Sections ---- */

static const char *row_sizes(const struct row *row, char *buffer, size_t size)
{
    char vendor[32], rebuilt[32];
    text_grouped(range_size(row->vendor.range), vendor);
    text_grouped(range_size(row->rebuilt.range), rebuilt);
    if (!row->rebuilt.present)
        snprintf(buffer, size, "%s, -", vendor);
    else if (!row->vendor.present)
        snprintf(buffer, size, "-, %s", rebuilt);
    else if (strcmp(vendor, rebuilt) == 0)
        snprintf(buffer, size, "%s", vendor);
    else
        snprintf(buffer, size, "%s, %s", vendor, rebuilt);
    return buffer;
}

static void write_row(const struct text *text, const struct row *row, int name_width)
{
    char name[256], sizes[80], number[32];
    fprintf(text->out, "%-*s %23s %12s  %s%-11s%s", name_width,
            fitted(text->result->pairs[row->pair].name, (size_t)name_width, name, sizeof(name)),
            row_sizes(row, sizes, sizeof(sizes)), text_grouped(row->differing, number),
            text_paint(text, standing_color(row->standing)), report_standing_name(row->standing),
            text_paint(text, PLAIN));
    const char *separator = "  ";
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (row->rules[i]) {
            fprintf(text->out, "%s%s", separator, compare_rule_at(i)->id);
            separator = ", ";
        }
    }
    if (!row->rebuilt.present || !row->vendor.present)
        fprintf(text->out, "%s%s", separator, row->rebuilt.present ? "rebuilt only" : "vendor only");
    else if (row->moved > 0)
        fprintf(text->out, "%ssame bytes moved: %s", separator, text_grouped(row->moved, number));
    fprintf(text->out, "\n");
}

static void write_rows(const struct text *text)
{
    const struct compare_result *result = text->result;
    size_t most = text->options->all_findings ? SIZE_MAX : ROWS_SHOWN, shown = 0, identical = 0, hidden = 0;
    int name_width = text->width > 90 ? 24 : 16;
    for (int pass = 0; pass < 2; pass++) {
        /* What is unexplained comes first. */
        enum standing wanted = pass == 0 ? STANDING_UNEXPLAINED : STANDING_SET_ASIDE;
        for (size_t i = 0; i < result->row_count; i++) {
            const struct row *row = &result->rows[i];
            identical += pass == 0 && row->standing == STANDING_IDENTICAL;
            if (row->standing != wanted)
                continue;
            if (shown == 0)
                fprintf(text->out, "\n%-*s %23s %12s  %-11s  %s\n", name_width, "section", "bytes", "differing",
                        "standing", "rule");
            if (shown < most)
                write_row(text, row, name_width);
            hidden += shown >= most;
            shown++;
        }
    }
    if (hidden > 0)
        fprintf(text->out, "%zu more that differ are not shown (--all shows them)\n", hidden);
    if (shown > 0)
        fprintf(text->out, "%zu other section%s and gap%s: identical\n", identical, text_plural(identical),
                text_plural(identical));
}

/* ---- Both in three lines: what a person reads first ---- */

void text_list(const struct text *text, const char *label, const char *list)
{
    size_t room = text->width > strlen(label) + 4 ? text->width - strlen(label) : 4;
    bool whole = text->options->all_findings || text->options->explain_all || strlen(list) <= room;
    fprintf(text->out, "%s%.*s%s\n", label, whole ? (int)strlen(list) : (int)(room - 3), list, whole ? "" : "...");
}

/* The sections of one standing, each with its differing bytes. */
static void list_rows(const struct compare_result *result, enum standing standing, char *list, size_t size)
{
    size_t used = 0;
    char number[32];
    list[0] = '\0';
    for (size_t i = 0; i < result->row_count && used + 128 < size; i++) {
        const struct row *row = &result->rows[i];
        if (row->standing == standing)
            used += (size_t)snprintf(list + used, size - used, "%s%.80s %s", used > 0 ? ", " : "",
                                     result->pairs[row->pair].name, text_grouped(row->differing, number));
    }
}

static void write_standing(const struct text *text, enum standing standing, uint64_t vendor, uint64_t rebuilt)
{
    char list[4096], label[160], left[32], right[32];
    if (vendor + rebuilt == 0)
        return;
    list_rows(text->result, standing, list, sizeof(list));
    text_grouped(vendor, left);
    text_grouped(rebuilt, right);
    snprintf(label, sizeof(label), "%s%-12s%s%s%s%s byte%s: ", text_paint(text, standing_color(standing)),
             report_standing_name(standing), text_paint(text, PLAIN), left, vendor != rebuilt ? ", " : "",
             vendor != rebuilt ? right : "", vendor == 1 && rebuilt == 1 ? "" : "s");
    text_list(text, label, list);
}

static void write_summary(const struct text *text)
{
    const struct compare_result *result = text->result;
    const struct tally *vendor = &result->vendor_tally, *rebuilt = &result->rebuilt_tally;
    char number[32];
    write_standing(text, STANDING_UNEXPLAINED, vendor->unexplained, rebuilt->unexplained);
    write_standing(text, STANDING_SET_ASIDE, vendor->set_aside, rebuilt->set_aside);
    fprintf(text->out, "%s%-12s%s%s bytes", text_paint(text, standing_color(STANDING_IDENTICAL)), "identical",
            text_paint(text, PLAIN), text_grouped(vendor->identical, number));
    const char *separator = "; set aside by ";
    for (size_t rule = 0; rule < RULE_COUNT; rule++) {
        if (vendor->by_rule[rule] + rebuilt->by_rule[rule] == 0)
            continue;
        fprintf(text->out, "%s%s", separator, compare_rule_at(rule)->id);
        separator = ", ";
    }
    fprintf(text->out, "\n");
}

/* ---- Tally ---- */

static void write_tally(const struct text *text)
{
    const struct tally *vendor = &text->result->vendor_tally, *rebuilt = &text->result->rebuilt_tally;
    const struct {
        const char *name;
        uint64_t vendor, rebuilt;
    } lines[] = {
        {"identical", vendor->identical, rebuilt->identical},
        {"set aside", vendor->set_aside, rebuilt->set_aside},
        {"unexplained", vendor->unexplained, rebuilt->unexplained},
        {"size", vendor->size, rebuilt->size},
    };
    char left[32], right[32];
    fprintf(text->out, "\n%-12s %16s %16s\n", "tally", "vendor", "rebuilt");
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        fprintf(text->out, "%-12s %16s %16s", lines[i].name, text_grouped(lines[i].vendor, left),
                text_grouped(lines[i].rebuilt, right));
        const char *separator = "  ";
        for (size_t rule = 0; i == 1 && rule < RULE_COUNT; rule++) {
            if (vendor->by_rule[rule] + rebuilt->by_rule[rule] == 0)
                continue;
            fprintf(text->out, "%s%s", separator, compare_rule_at(rule)->id);
            separator = ", ";
        }
        fprintf(text->out, "\n");
    }
}

/* ---- Findings ---- */

static void write_bytes(const struct text *text, const char *label, const struct image *image, struct range range)
{
    char plain[BYTES_SHOWN + 1];
    uint64_t size = range_size(range), shown = size < BYTES_SHOWN ? size : BYTES_SHOWN;
    if (size == 0)
        return;
    fprintf(text->out, "  %-8s", label);
    for (uint64_t i = 0; i < shown; i++) {
        uint8_t byte = image->bytes[range.begin + i];
        fprintf(text->out, " %02x", byte);
        plain[i] = byte >= 0x20 && byte < 0x7f ? (char)byte : '.';
    }
    plain[shown] = '\0';
    fprintf(text->out, "%s%*s  |%s|\n", size > shown ? " ..." : "", size > shown ? 0 : (int)(BYTES_SHOWN - shown) * 3,
            "", plain);
}

static void write_place(const struct text *text, const struct finding *finding)
{
    const struct compare_result *result = text->result;
    const struct pair *pair = &result->pairs[finding->pair];
    bool vendor = !range_empty(finding->vendor);
    const struct image *image = vendor ? &result->vendor : &result->rebuilt;
    const struct pair_side *side = vendor ? &pair->vendor : &pair->rebuilt;
    struct range range = vendor ? finding->vendor : finding->rebuilt;
    uint64_t begin = side->section != UINT32_MAX ? image->sections[side->section].bytes.begin : side->range.begin;
    uint64_t address;
    char name[64];
    fprintf(text->out, "\n%s%s + %#jx%s (offset %#jx", text_paint(text, BOLD),
            fitted(pair->name, 40, name, sizeof(name)), (uintmax_t)(range.begin - begin), text_paint(text, PLAIN),
            (uintmax_t)range.begin);
    if (vendor && !range_empty(finding->rebuilt) && finding->rebuilt.begin != finding->vendor.begin)
        fprintf(text->out, ", rebuilt %#jx", (uintmax_t)finding->rebuilt.begin);
    if (image_address(image, range.begin, &address))
        fprintf(text->out, ", address %#jx", (uintmax_t)address);
    fprintf(text->out, ")");
}

static void write_finding(const struct text *text, const struct finding *finding)
{
    static const char *const kinds[] = {
        [FINDING_BYTES] = "",
        [FINDING_ONLY_VENDOR] = ", vendor only",
        [FINDING_ONLY_REBUILT] = ", rebuilt only",
        [FINDING_MOVED] = ", the same bytes at another place",
        [FINDING_ONE_SIDED] = ", a rule applies to one side only",
        [FINDING_UNPROVEN] = ", the same bytes, where it is not shown that they refer to the same",
    };
    uint64_t size = range_size(finding->vendor) > range_size(finding->rebuilt) ? range_size(finding->vendor)
                                                                               : range_size(finding->rebuilt);
    char number[32];
    write_place(text, finding);
    fprintf(text->out, ": %s byte%s%s%s%s\n", text_grouped(size, number), text_plural(size), kinds[finding->kind],
            finding->standing == STANDING_SET_ASIDE ? ", set aside by " : "",
            finding->rule < RULE_COUNT ? compare_rule_at(finding->rule)->id : "");
    write_bytes(text, "vendor", &text->result->vendor, finding->vendor);
    if (finding->kind != FINDING_MOVED)
        write_bytes(text, "rebuilt", &text->result->rebuilt, finding->rebuilt);
}

/* The first few of each place that differs, unexplained ones only: the rest mostly repeats them. */
static void write_findings(const struct text *text)
{
    const struct comparison *comparison = &text->result->comparison;
    bool all = text->options->all_findings;
    size_t shown = 0, of_pair = 0, pair = SIZE_MAX, unexplained = 0;
    for (size_t i = 0; i < comparison->finding_count; i++) {
        const struct finding *finding = &comparison->findings[i];
        bool telling = finding->standing == STANDING_UNEXPLAINED;
        unexplained += telling;
        if (finding->pair != pair) {
            pair = finding->pair;
            of_pair = 0;
        }
        if (!all && (!telling || finding->kind == FINDING_MOVED || shown >= FINDINGS_SHOWN ||
                     of_pair >= FINDINGS_SHOWN_PER_PAIR))
            continue;
        write_finding(text, finding);
        shown++;
        of_pair++;
    }
    if (!all && unexplained > shown)
        fprintf(text->out, "\n%zu more unexplained finding%s: --all shows them, --format json has all bytes\n",
                unexplained - shown, text_plural(unexplained - shown));
}

static int write_text(const struct compare_result *result, const struct compare_report_options *options, FILE *out)
{
    struct text text = {result, options, out, options->width != 0 ? options->width : WIDTH_DEFAULT};
    write_verdict(&text);
    write_sides(&text);
    write_anomalies(&text);
    bool explained = result->explanation.made && result->explanation.root_count > 0;
    text_explanation(&text);
    text_moved(&text);
    text_debug(&text);
    if (explained && !options->all_findings) {
        write_summary(&text);
    } else if (result->verdict != COMPARE_IDENTICAL) {
        write_rows(&text);
        write_tally(&text);
        write_findings(&text);
    }
    return ferror(out) ? COMPARE_ERROR_SYSTEM : 0;
}

int compare_report_text(const struct compare_result *result, const struct compare_report_options *options, FILE *out,
                        struct compare_error *error)
{
    return report_write(result, options, out, write_text, error);
}
