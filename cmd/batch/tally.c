/* Over all pairs: how many of each verdict, which causes account for them, which differ, which took longest. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"

#define DIFFERING_MOST 50
#define SLOWEST        5

/* A cause, and where it was found. */
struct cause {
    char *id;
    size_t files, roots, last; /* last: the number of the line that was counted last */
    char *values;              /* "/build/a to /build/b", where it is one pair of values everywhere; else NULL */
    bool many_values;
};

struct slow {
    char *id;
    double seconds;
};

struct tally {
    size_t lines, verdicts[VERDICTS];
    struct cause *causes;
    size_t cause_count;
    char *differing[DIFFERING_MOST]; /* each with its first root */
    size_t differing_count;
    struct slow slowest[SLOWEST];
};

static void *checked(void *memory)
{
    if (memory == NULL)
        give_up("no memory");
    return memory;
}

static char *printed(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *printed(const char *format, ...)
{
    va_list arguments;
    char *text;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    return checked(size >= 0 ? text : NULL);
}

struct tally *tally_new(void)
{
    return checked(calloc(1, sizeof(struct tally)));
}

void tally_free(struct tally *tally)
{
    for (size_t i = 0; i < tally->cause_count; i++) {
        free(tally->causes[i].id);
        free(tally->causes[i].values);
    }
    for (size_t i = 0; i < DIFFERING_MOST; i++)
        free(tally->differing[i]);
    for (size_t i = 0; i < SLOWEST; i++)
        free(tally->slowest[i].id);
    free(tally->causes);
    free(tally);
}

/* ---- Adding ---- */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static const char *cause_of(const json_t *root)
{
    const char *cause = text_of(root, "cause");
    return cause != NULL ? cause : "cause unknown";
}

static struct cause *cause_named(struct tally *tally, const char *id)
{
    for (size_t i = 0; i < tally->cause_count; i++) {
        if (strcmp(tally->causes[i].id, id) == 0)
            return &tally->causes[i];
    }
    tally->causes = checked(realloc(tally->causes, (tally->cause_count + 1) * sizeof(*tally->causes)));
    tally->causes[tally->cause_count] = (struct cause){.id = checked(strdup(id))};
    return &tally->causes[tally->cause_count++];
}

static void add_root(struct tally *tally, const json_t *root)
{
    struct cause *cause = cause_named(tally, cause_of(root));
    const char *vendor = text_of(root, "vendor"), *rebuilt = text_of(root, "rebuilt");
    char *values = vendor != NULL && rebuilt != NULL ? printed("%s to %s", vendor, rebuilt) : NULL;
    cause->many_values |= values == NULL || (cause->values != NULL && strcmp(cause->values, values) != 0);
    if (cause->values == NULL)
        cause->values = values;
    else
        free(values);
    cause->files += cause->last != tally->lines;
    cause->last = tally->lines;
    cause->roots++;
}

static void add_differing(struct tally *tally, const json_t *line)
{
    const json_t *root = json_array_get(json_object_get(line, "roots"), 0);
    size_t at = tally->differing_count++;
    if (at >= DIFFERING_MOST)
        return;
    if (root == NULL) {
        tally->differing[at] = printed("%s: no root is told", line_id(line));
        return;
    }
    const char *place = text_of(root, "place");
    tally->differing[at] = printed("%s: %s: %s%s%s", line_id(line), cause_of(root), text_of(root, "what"),
                                   place[0] != '\0' ? ", " : "", place);
}

static void add_seconds(struct tally *tally, const json_t *line)
{
    double seconds = json_number_value(json_object_get(line, "seconds"));
    if (json_object_get(line, "seconds") == NULL || seconds <= tally->slowest[SLOWEST - 1].seconds)
        return;
    free(tally->slowest[SLOWEST - 1].id);
    size_t at = SLOWEST - 1;
    for (; at > 0 && tally->slowest[at - 1].seconds < seconds; at--)
        tally->slowest[at] = tally->slowest[at - 1];
    tally->slowest[at] = (struct slow){checked(strdup(line_id(line))), seconds};
}

void tally_add(struct tally *tally, const json_t *line)
{
    const json_t *roots = json_object_get(line, "roots");
    enum compare_verdict verdict = line_verdict(line);
    tally->lines++;
    tally->verdicts[verdict]++;
    for (size_t i = 0; i < json_array_size(roots); i++)
        add_root(tally, json_array_get(roots, i));
    if (verdict == COMPARE_DIFFERENT)
        add_differing(tally, line);
    add_seconds(tally, line);
}

const size_t *tally_verdicts(const struct tally *tally)
{
    return tally->verdicts;
}

/* ---- Printing ---- */

static void print_plain(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        fprintf(out, byte < 0x20 || byte == 0x7f ? "\\x%02x" : "%c", byte);
    }
}

static int by_files(const void *a, const void *b)
{
    const struct cause *left = a, *right = b;
    if (left->files != right->files)
        return left->files < right->files ? 1 : -1;
    return strcmp(left->id, right->id);
}

static void print_causes(struct tally *tally, FILE *out)
{
    if (tally->cause_count == 0)
        return;
    qsort(tally->causes, tally->cause_count, sizeof(*tally->causes), by_files);
    fputs("\nroots by cause:\n", out);
    for (size_t i = 0; i < tally->cause_count; i++) {
        const struct cause *cause = &tally->causes[i];
        fprintf(out, "  %s: %zu file%s", cause->id, cause->files, cause->files == 1 ? "" : "s");
        if (cause->roots != cause->files)
            fprintf(out, ", %zu roots", cause->roots);
        if (!cause->many_values) {
            fputs(", ", out);
            print_plain(out, cause->values);
        }
        fputc('\n', out);
    }
}

static void print_differing(const struct tally *tally, FILE *out)
{
    if (tally->differing_count > 0)
        fputs("\ndifferent, each with its first root:\n", out);
    for (size_t i = 0; i < tally->differing_count && i < DIFFERING_MOST; i++) {
        fputs("  ", out);
        print_plain(out, tally->differing[i]);
        fputc('\n', out);
    }
    if (tally->differing_count > DIFFERING_MOST)
        fprintf(out, "  and %zu more\n", tally->differing_count - DIFFERING_MOST);
}

void tally_print(struct tally *tally, FILE *out)
{
    static const enum compare_verdict order[] = {COMPARE_IDENTICAL, COMPARE_EQUIVALENT, COMPARE_DIFFERENT,
                                                 COMPARE_INCONCLUSIVE};
    fprintf(out, "%zu pair%s", tally->lines, tally->lines == 1 ? "" : "s");
    for (size_t i = 0; i < VERDICTS; i++)
        fprintf(out, "%s%zu %s", i == 0 ? ": " : ", ", tally->verdicts[order[i]], compare_verdict_name(order[i]));
    fputc('\n', out);
    print_causes(tally, out);
    print_differing(tally, out);
    if (tally->slowest[0].id != NULL)
        fputs("\nslowest:\n", out);
    for (size_t i = 0; i < SLOWEST && tally->slowest[i].id != NULL; i++) {
        fprintf(out, "  %.1f s ", tally->slowest[i].seconds);
        print_plain(out, tally->slowest[i].id);
        fputc('\n', out);
    }
}
