/* Whether debug information says the same, in JSON. */
#include <jansson.h>

#include "json_text.h"
#include "report.h"

static json_t *offset_or_null(uint64_t offset)
{
    return offset != UINT64_MAX ? json_integer((json_int_t)offset) : json_null();
}

static json_t *root_object(const struct debug_root *root)
{
    static const char *const kinds[DEBUG_ROOT_KINDS] = {
        [DEBUG_ROOT_VALUE] = "value", [DEBUG_ROOT_PATH] = "path",   [DEBUG_ROOT_LINES] = "lines",
        [DEBUG_ROOT_CODE] = "code",   [DEBUG_ROOT_ROWS] = "rows",   [DEBUG_ROOT_ENTRY] = "entry",
        [DEBUG_ROOT_UNIT] = "unit",   [DEBUG_ROOT_TABLE] = "table",
    };
    bool lines = root->kind == DEBUG_ROOT_LINES;
    return json_pack(
        "{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:o}", "kind", kinds[root->kind], "what", root->what, "unit",
        text_or_null(root->unit), "entry", text_or_null(root->entry), "vendor", text_or_null(root->vendor), "rebuilt",
        text_or_null(root->rebuilt), "vendor_offset", offset_or_null(root->offsets[0]), "rebuilt_offset",
        offset_or_null(root->offsets[1]), "count", (json_int_t)root->count, "units", (json_int_t)root->units, "line",
        lines ? json_integer(root->line) : json_null(), "shift", lines ? json_integer(root->shift) : json_null());
}

static json_t *roots_array(const struct debug_comparison *debug)
{
    json_t *array = json_array();
    for (size_t i = 0; i < debug->root_count && array != NULL; i++) {
        if (json_array_append_new(array, root_object(&debug->roots[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static json_t *differing_array(const struct debug_comparison *debug)
{
    json_t *array = json_array();
    for (size_t i = 0; i < debug->differing_count && array != NULL; i++) {
        const struct debug_differing *unit = &debug->differing[i];
        json_t *item =
            json_pack("{s:s,s:I,s:o,s:o}", "name", unit->name, "entries", (json_int_t)unit->entries, "vendor_offset",
                      offset_or_null(unit->offsets[0]), "rebuilt_offset", offset_or_null(unit->offsets[1]));
        if (json_array_append_new(array, item) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static json_t *side_object(const struct debug_comparison *debug, size_t side)
{
    return json_pack("{s:I,s:I}", "units", (json_int_t)debug->units[side], "entries", (json_int_t)debug->entries[side]);
}

static json_t *debug_object(const struct debug_comparison *debug)
{
    static const char *const verdicts[] = {
        [DEBUG_NOT_COMPARED] = "not-compared",
        [DEBUG_SAME] = "same",
        [DEBUG_DIFFERENT] = "different",
        [DEBUG_UNDECIDED] = "undecided",
    };
    if (debug->verdict == DEBUG_NOT_COMPARED && debug->why == NULL)
        return json_null();
    return json_pack("{s:s,s:o,s:o,s:o,s:I,s:o,s:I,s:I,s:o,s:I}", "verdict", verdicts[debug->verdict], "incomplete",
                     text_or_null(debug->why), "vendor", side_object(debug, 0), "rebuilt", side_object(debug, 1),
                     "differing_units", (json_int_t)debug->differing_units, "differing", differing_array(debug),
                     "differing_entries", (json_int_t)debug->differing_entries, "line_rows", (json_int_t)debug->rows,
                     "roots", roots_array(debug), "roots_left_out", (json_int_t)debug->roots_left_out);
}

int report_json_debug(const struct compare_result *result, FILE *out)
{
    json_t *object = debug_object(&result->debug);
    int failed = object == NULL || fputs("\"debug_information\":", out) == EOF ||
                 json_dumpf(object, out, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY) != 0 ||
                 fputs(",\n", out) == EOF;
    json_decref(object);
    return failed ? COMPARE_ERROR_SYSTEM : 0;
}
