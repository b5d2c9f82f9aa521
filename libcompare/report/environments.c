/*
 * The text report of two .buildinfo files: under each root what they say for its cause, and behind the roots what
 * differs between them, the weightiest first.
 */
#include <string.h>

#include "text.h"

#define SHOWN       8
#define AROUND      24 /* characters that are alike, shown before what differs */
#define VALUE_WHOLE 60 /* so short a value is shown from its beginning */
#define VALUE_SHOWN 200

/* A value from some place on; where it is long, its end is left out, too. */
static const char *shown(const char *value, size_t from, char *buffer, size_t size)
{
    if (value == NULL)
        return "(none)";
    bool cut = strlen(value + from) > VALUE_SHOWN;
    snprintf(buffer, size, "%s%.*s%s", from > 0 ? "..." : "", VALUE_SHOWN, value + from, cut ? "..." : "");
    return buffer;
}

/* "gcc-12 12.2.0-14 -> (none)", the common beginning of long values left out. */
static void write_change(const struct environment_difference *difference, char *buffer, size_t size)
{
    const char *vendor = difference->vendor, *rebuilt = difference->rebuilt;
    char left[VALUE_SHOWN + 8], right[VALUE_SHOWN + 8];
    size_t front = 0;
    while (vendor != NULL && rebuilt != NULL && vendor[front] != '\0' && vendor[front] == rebuilt[front])
        front++;
    bool long_one =
        (vendor != NULL && strlen(vendor) > VALUE_WHOLE) || (rebuilt != NULL && strlen(rebuilt) > VALUE_WHOLE);
    size_t from = long_one && front > AROUND ? front - AROUND : 0;
    /* Not within an escape: \xNN. */
    while (from > 0 && memchr(vendor + from - (from < 3 ? from : 3), '\\', from < 3 ? from : 3) != NULL)
        from--;
    snprintf(buffer, size, "%.200s %s -> %s", difference->name, shown(vendor, from, left, sizeof(left)),
             shown(rebuilt, from, right, sizeof(right)));
}

void text_support(const struct text *text, const struct root *root)
{
    const struct environments *environments = text->result->explanation.environments;
    char list[4096], change[700];
    size_t used = 0, i = 0;
    for (; i < root->support_count && used + sizeof(change) + 32 < sizeof(list); i++) {
        write_change(&environments->differences[root->support[i]], change, sizeof(change));
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used > 0 ? ", " : "", change);
    }
    if (i < root->support_count)
        snprintf(list + used, sizeof(list) - used, ", %zu more", root->support_count - i);
    if (root->support_count > 0)
        text_list(text, "  buildinfo ", list);
}

static void write_signatures(const struct text *text, const struct environments *environments)
{
    bool vendor = environments->vendor.clearsigned, rebuilt = environments->rebuilt.clearsigned;
    if (vendor && rebuilt)
        fprintf(text->out, "  the signatures of both .buildinfo files are not checked\n");
    else if (vendor || rebuilt)
        fprintf(text->out, "  the signature of the %s .buildinfo file is not checked\n",
                vendor ? "vendor's" : "rebuilt");
}

void text_environments(const struct text *text)
{
    const struct environments *environments = text->result->explanation.environments;
    size_t most = text->options->explain_all || text->options->all_findings ? SIZE_MAX : SHOWN;
    char change[700];
    if (environments == NULL)
        return;
    size_t settings = environments->counts[ENVIRONMENT_SETTING] + environments->counts[ENVIRONMENT_VARIABLE];
    size_t packages = environments->counts[ENVIRONMENT_PACKAGE];
    fprintf(text->out, "build environments: %zu setting%s, %zu package%s differ\n", settings, text_plural(settings),
            packages, text_plural(packages));
    for (size_t i = 0; i < environments->difference_count && i < most; i++) {
        write_change(&environments->differences[i], change, sizeof(change));
        text_list(text, "  ", change);
    }
    if (environments->difference_count > most)
        fprintf(text->out, "  %zu more are not shown (--explain all)\n", environments->difference_count - most);
    if (environments->artifacts > 0)
        fprintf(text->out, "  of %zu built file%s of one name, %zu ha%s the same checksum\n", environments->artifacts,
                text_plural(environments->artifacts), environments->artifacts_equal,
                environments->artifacts_equal == 1 ? "s" : "ve");
    write_signatures(text, environments);
}
