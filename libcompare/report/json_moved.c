/* What moved, in JSON. */
#include "json_moved.h"
#include "json_text.h"
#include "report.h"

static json_t *side_object(const struct place *place)
{
    if (!place->present)
        return json_null();
    return json_pack("{s:I,s:I,s:o,s:o,s:o}", "offset", (json_int_t)place->bytes.begin, "size",
                     (json_int_t)range_size(place->bytes), "symbol", text_or_null(place->symbol), "source",
                     text_or_null(place->source), "line", place->line != 0 ? json_integer(place->line) : json_null());
}

static json_t *changed_array(const struct explanation *explanation)
{
    json_t *array = json_array();
    for (size_t i = 0; i < explanation->changed_count && array != NULL; i++) {
        const struct changed_function *function = &explanation->changed[i];
        json_t *item = json_pack("{s:b,s:o,s:o}", "equal", function->equal, "vendor", side_object(&function->vendor),
                                 "rebuilt", side_object(&function->rebuilt));
        if (json_array_append_new(array, item) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

json_t *json_moved_counts(const struct moved_counts *counts, uint64_t changed_functions)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "functions", (json_int_t)counts->functions, "references",
                     (json_int_t)counts->references, "pointers", (json_int_t)counts->pointers, "unwind_records",
                     (json_int_t)counts->unwind_records, "exception_tables", (json_int_t)counts->exception_tables,
                     "symbols", (json_int_t)counts->symbols, "relocations", (json_int_t)counts->relocations,
                     "changed_functions", (json_int_t)changed_functions);
}

json_t *json_moved_not_tried(const char *why)
{
    return json_pack("{s:s}", "not_tried", why);
}

static json_t *moved_object(const struct compare_result *result)
{
    const struct moved *moved = &result->moved;
    if (!moved->tried)
        return moved->not_tried != NULL ? json_moved_not_tried(moved->not_tried) : json_null();
    json_t *object = json_moved_counts(&moved->counts, moved->changed_count);
    if (object == NULL || json_object_set_new(object, "changed", changed_array(&result->explanation)) == 0)
        return object;
    json_decref(object);
    return NULL;
}

int report_json_moved(const struct compare_result *result, FILE *out)
{
    json_t *object = moved_object(result);
    int failed = object == NULL || fputs("\"moved\":", out) == EOF ||
                 json_dumpf(object, out, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY) != 0 ||
                 fputs(",\n", out) == EOF;
    json_decref(object);
    return failed ? COMPARE_ERROR_SYSTEM : 0;
}
