/* The explanation, in JSON: every difference with its place, its values, its causes and its root. */
#include <jansson.h>
#include <string.h>

#include "json_text.h"
#include "report.h"

#define DUMP (JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY)

static json_t *place_object(const struct place *place, const struct value *value)
{
    if (!place->present && value->text == NULL)
        return json_null();
    bool bytes = place->present && !range_empty(place->bytes);
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:o}", "section", text_or_null(place->section), "offset",
        bytes ? json_integer((json_int_t)place->bytes.begin) : json_null(), "size",
        bytes ? json_integer((json_int_t)range_size(place->bytes)) : json_null(), "symbol", text_or_null(place->symbol),
        "inside", place->symbol != NULL ? json_integer((json_int_t)place->inside) : json_null(), "source",
        text_or_null(place->source), "line", place->line != 0 ? json_integer(place->line) : json_null(), "inlined",
        text_or_null(place->inlined), "borrowed", place->borrowed, "value", text_or_null(value->text));
}

/* The array with one item more; NULL without memory, which json_pack passes on. */
static json_t *with_item(json_t *array, json_t *item)
{
    if (json_array_append_new(array, item) == 0)
        return array;
    json_decref(array);
    return NULL;
}

static json_t *causes_array(const struct guess *guesses, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count && array != NULL; i++) {
        const struct compare_cause_info *info = cause_info(guesses[i].cause);
        array = with_item(array, json_pack("{s:s,s:i,s:b,s:o,s:s,s:o}", "id", info->id, "confidence",
                                           (int)guesses[i].confidence, "code", info->code, "evidence",
                                           text_or_null(guesses[i].evidence), "remedy", info->remedy, "debian",
                                           text_or_null(info->debian)));
    }
    return array;
}

static json_t *index_or_null(size_t index)
{
    return index != SIZE_MAX ? json_integer((json_int_t)index) : json_null();
}

static json_t *difference_object(const struct difference *difference)
{
    static const char *const kinds[DIFFERENCE_KINDS] = {
        [DIFFERENCE_BYTES] = "bytes",     [DIFFERENCE_STRING] = "string",   [DIFFERENCE_CODE] = "code",
        [DIFFERENCE_DATA] = "data",       [DIFFERENCE_ORDER] = "order",     [DIFFERENCE_NOTE] = "note",
        [DIFFERENCE_DYNAMIC] = "dynamic", [DIFFERENCE_HEADER] = "header",   [DIFFERENCE_SYMBOLS] = "symbols",
        [DIFFERENCE_SECTION] = "section", [DIFFERENCE_DEBUG] = "debug",     [DIFFERENCE_COMMENT] = "comment",
        [DIFFERENCE_LINK] = "link",       [DIFFERENCE_DERIVED] = "derived",
    };
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:o}", "kind", kinds[difference->kind], "what",
                     difference->what, "vendor", place_object(&difference->vendor, &difference->vendor_value),
                     "rebuilt", place_object(&difference->rebuilt, &difference->rebuilt_value), "user",
                     text_or_null(difference->user), "finding", index_or_null(difference->finding), "listing",
                     index_or_null(difference->listing), "root", index_or_null(difference->root), "consequence",
                     difference->consequence, "causes", causes_array(difference->guesses, difference->guess_count));
}

static json_t *support_array(const struct root *root)
{
    json_t *array = json_array();
    for (size_t i = 0; i < root->support_count && array != NULL; i++)
        array = with_item(array, json_integer((json_int_t)root->support[i]));
    return array;
}

static json_t *root_object(const struct root *root)
{
    return json_pack("{s:i,s:i,s:i,s:I,s:o,s:o,s:o}", "difference", (int)root->first, "differences",
                     (int)root->difference_count, "consequences", (int)root->consequence_count, "differing",
                     (json_int_t)root->differing, "causes", causes_array(root->guesses, root->guess_count), "ruled_out",
                     text_or_null(root->ruled_out), "support", support_array(root));
}

static json_t *instruction_object(const struct listed_instruction *instruction)
{
    if (instruction->text == NULL)
        return json_null();
    return json_pack("{s:I,s:o,s:s,s:o,s:o}", "offset", (json_int_t)instruction->file_offset, "address",
                     json_sprintf("%#jx", (uintmax_t)instruction->address), "text", instruction->text, "source",
                     text_or_null(instruction->source), "line",
                     instruction->line != 0 ? json_integer(instruction->line) : json_null());
}

static json_t *line_object(const struct listed_line *line)
{
    static const char *const kinds[LISTED_KINDS] = {
        [LISTED_GAP] = "gap",
        [LISTED_EQUAL] = "equal",
        [LISTED_MOVED] = "moved",
        [LISTED_CHANGED] = "changed",
        [LISTED_ONLY_VENDOR] = "only-vendor",
        [LISTED_ONLY_REBUILT] = "only-rebuilt",
    };
    return json_pack("{s:s,s:o,s:o}", "kind", kinds[line->kind], "vendor", instruction_object(&line->vendor), "rebuilt",
                     instruction_object(&line->rebuilt));
}

/* NULL where it would lack a line. */
static json_t *lines_array(const struct listing *listing)
{
    json_t *array = json_array();
    for (size_t i = 0; i < listing->line_count && array != NULL; i++) {
        if (json_array_append_new(array, line_object(&listing->lines[i])) == 0)
            continue;
        json_decref(array);
        array = NULL;
    }
    return array;
}

static json_t *listing_object(const struct listing *listing)
{
    static const struct value none;
    return json_pack("{s:o,s:o,s:o,s:I,s:o}", "vendor", place_object(&listing->vendor, &none), "rebuilt",
                     place_object(&listing->rebuilt, &none), "root", index_or_null(listing->root), "left_out",
                     (json_int_t)listing->left_out, "lines", lines_array(listing));
}

static bool write_item(json_t *item, bool last, FILE *out)
{
    bool written = item != NULL && json_dumpf(item, out, DUMP) == 0 && fputs(last ? "\n" : ",\n", out) != EOF;
    json_decref(item);
    return written;
}

static json_t *environment_object(const struct environment_difference *difference)
{
    static const char *const kinds[ENVIRONMENT_KINDS] = {
        [ENVIRONMENT_SETTING] = "setting", [ENVIRONMENT_VARIABLE] = "variable", [ENVIRONMENT_PACKAGE] = "package"};
    return json_pack("{s:s,s:o,s:o,s:o,s:i}", "kind", kinds[difference->kind], "name", text_or_null(difference->name),
                     "vendor", text_or_null(difference->vendor), "rebuilt", text_or_null(difference->rebuilt), "weight",
                     (int)difference->weight);
}

static json_t *environment_side(const struct environment_side *side)
{
    return json_pack("{s:o,s:b}", "path", text_or_null(side->path), "clearsigned", side->clearsigned);
}

static bool write_environments(const struct environments *environments, FILE *out)
{
    if (environments == NULL)
        return fputs("\"environments\":null,\n", out) != EOF;
    bool written = fputs("\"environments\":{\"vendor\":", out) != EOF &&
                   write_item(environment_side(&environments->vendor), false, out) &&
                   fputs("\"rebuilt\":", out) != EOF &&
                   write_item(environment_side(&environments->rebuilt), false, out) &&
                   fprintf(out, "\"artifacts\":%zu,\"artifacts_equal\":%zu,\"differences\":[\n",
                           environments->artifacts, environments->artifacts_equal) > 0;
    for (size_t i = 0; i < environments->difference_count && written; i++)
        written =
            write_item(environment_object(&environments->differences[i]), i + 1 == environments->difference_count, out);
    return written && fputs("]},\n", out) != EOF;
}

/* "listings": null where none were asked for. */
static bool write_listings(const struct explanation *explanation, FILE *out)
{
    if (!explanation->listed)
        return fputs("\"listings\":null,", out) != EOF;
    bool written = fprintf(out, "\"listings\":{\"left_out\":%zu,\"functions\":[\n", explanation->listings_left_out) > 0;
    for (size_t i = 0; i < explanation->listing_count && written; i++)
        written = write_item(listing_object(&explanation->listings[i]), i + 1 == explanation->listing_count, out);
    return written && fputs("]},", out) != EOF;
}

int report_json_explanation(const struct explanation *explanation, FILE *out)
{
    if (!explanation->made)
        return fputs("\"explanation\":null,\n", out) == EOF ? COMPARE_ERROR_SYSTEM : 0;
    bool written =
        fprintf(out, "\"explanation\":{\"consequences\":%zu,\"incomplete\":", explanation->consequence_count) > 0 &&
        write_item(text_or_null(explanation->incomplete), false, out) &&
        write_environments(explanation->environments, out) && fputs("\"roots\":[\n", out) != EOF;
    for (size_t i = 0; i < explanation->root_count && written; i++)
        written = write_item(root_object(&explanation->roots[i]), i + 1 == explanation->root_count, out);
    written = written && fputs("],", out) != EOF && write_listings(explanation, out) &&
              fputs("\"differences\":[\n", out) != EOF;
    for (size_t i = 0; i < explanation->difference_count && written; i++)
        written =
            write_item(difference_object(&explanation->differences[i]), i + 1 == explanation->difference_count, out);
    return written && fputs("]},\n", out) != EOF ? 0 : COMPARE_ERROR_SYSTEM;
}
