/*
 * The result of one pair: a line of JSON. A worker's part of it comes from a process that may have been taken over, and
 * lines come back from files that may have been cut or changed: both are held to the same table of keys, and to what
 * must be true of any result (the sums of the tally, the verdict that goes with them).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"

#define DUMP (JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII)

/* ---- Shapes ---- */

enum kind {
    KIND_TEXT = 1,
    KIND_COUNT = 2, /* an integer from 0 */
    KIND_NUMBER = 4,
    KIND_OBJECT = 8,
    KIND_ARRAY = 16,
    KIND_NULL = 32,
    KIND_PAIR = 64, /* two integers from 0: vendor's, rebuilt's */
    OPTIONAL = 128,
};

struct shape {
    const char *key;
    unsigned kinds;
};

#define SHAPE(shapes) shapes, sizeof(shapes) / sizeof((shapes)[0])

static const struct shape line_shape[] = {
    {"id", KIND_TEXT},
    {"package", KIND_TEXT | OPTIONAL},
    {"verdict", KIND_TEXT},
    {"policy", KIND_OBJECT},
    {"version", KIND_TEXT},
    {"settings", KIND_OBJECT | OPTIONAL},
    {"vendor", KIND_OBJECT},
    {"rebuilt", KIND_OBJECT},
    {"vendor_debug", KIND_TEXT | OPTIONAL},
    {"rebuilt_debug", KIND_TEXT | OPTIONAL},
    {"members", KIND_OBJECT | OPTIONAL},
    {"tally", KIND_OBJECT | KIND_NULL},
    {"anomalies", KIND_PAIR | KIND_NULL},
    {"roots", KIND_ARRAY | KIND_NULL},
    {"more_roots", KIND_COUNT},
    {"incomplete", KIND_TEXT | KIND_NULL},
    {"explanation_lost", KIND_TEXT | OPTIONAL},
    {"error", KIND_OBJECT | KIND_NULL},
    {"report", KIND_TEXT | OPTIONAL},
    {"seconds", KIND_NUMBER | OPTIONAL},
};

/* What a worker says of it. */
static const struct shape answer_shape[] = {
    {"verdict", KIND_TEXT},     {"vendor", KIND_OBJECT},
    {"rebuilt", KIND_OBJECT},   {"tally", KIND_OBJECT},
    {"anomalies", KIND_PAIR},   {"roots", KIND_ARRAY | KIND_NULL},
    {"more_roots", KIND_COUNT}, {"incomplete", KIND_TEXT | KIND_NULL},
};

/* The same of two that hold other files. */
static const struct shape tree_answer_shape[] = {
    {"verdict", KIND_TEXT},
    {"vendor", KIND_OBJECT},
    {"rebuilt", KIND_OBJECT},
    {"members", KIND_OBJECT},
    {"tally", KIND_OBJECT | KIND_NULL},
    {"anomalies", KIND_PAIR},
    {"roots", KIND_ARRAY},
    {"more_roots", KIND_COUNT},
    {"incomplete", KIND_TEXT | KIND_NULL},
    {"explanation_lost", KIND_TEXT | KIND_NULL},
    {"error", KIND_OBJECT | KIND_NULL},
};

static const struct shape policy_shape[] = {{"name", KIND_TEXT}, {"sha256", KIND_TEXT}};
static const struct shape side_shape[] = {{"sha256", KIND_TEXT | KIND_NULL}, {"size", KIND_COUNT | KIND_NULL}};
static const struct shape error_shape[] = {{"kind", KIND_TEXT}, {"message", KIND_TEXT}};
static const struct shape tally_shape[] = {
    {"identical", KIND_PAIR}, {"set_aside", KIND_OBJECT}, {"unexplained", KIND_PAIR}};
static const struct shape root_shape[] = {
    {"cause", KIND_TEXT | KIND_NULL},
    {"confidence", KIND_COUNT | KIND_NULL},
    {"what", KIND_TEXT},
    {"place", KIND_TEXT},
    {"vendor", KIND_TEXT | KIND_NULL},
    {"rebuilt", KIND_TEXT | KIND_NULL},
    {"differences", KIND_COUNT},
};
/* Counts of members by verdict; of both sides those without a partner, and the bytes of all that was compared. */
static const struct shape members_shape[] = {
    {"identical", KIND_COUNT},    {"equivalent", KIND_COUNT}, {"different", KIND_COUNT},
    {"inconclusive", KIND_COUNT}, {"alone", KIND_PAIR},       {"bytes", KIND_PAIR},
};
static const struct shape tree_root_shape[] = {
    {"cause", KIND_TEXT | KIND_NULL},
    {"what", KIND_TEXT},
    {"place", KIND_TEXT},
    {"files", KIND_COUNT},
};

static bool is_count(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool is_pair(const json_t *value)
{
    return json_array_size(value) == 2 && is_count(json_array_get(value, 0)) && is_count(json_array_get(value, 1));
}

static bool is_of_kind(const json_t *value, unsigned kinds)
{
    return ((kinds & KIND_TEXT) != 0 && json_is_string(value)) || ((kinds & KIND_COUNT) != 0 && is_count(value)) ||
           ((kinds & KIND_NUMBER) != 0 && json_is_number(value)) ||
           ((kinds & KIND_OBJECT) != 0 && json_is_object(value)) ||
           ((kinds & KIND_ARRAY) != 0 && json_is_array(value)) || ((kinds & KIND_NULL) != 0 && json_is_null(value)) ||
           ((kinds & KIND_PAIR) != 0 && is_pair(value));
}

/* These keys, and no other. */
static bool has_shape(const json_t *object, const struct shape *shapes, size_t count)
{
    size_t known = 0;
    if (!json_is_object(object))
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, shapes[i].key);
        if (value == NULL ? (shapes[i].kinds & OPTIONAL) == 0 : !is_of_kind(value, shapes[i].kinds))
            return false;
        known += value != NULL;
    }
    return known == json_object_size(object);
}

/* ---- What must be true of any result ---- */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static uint64_t count_of(const json_t *object, const char *key, size_t side)
{
    return (uint64_t)json_integer_value(json_array_get(json_object_get(object, key), side));
}

static enum compare_verdict verdict_named(const char *name, bool *known)
{
    for (int verdict = 0; verdict < VERDICTS; verdict++) {
        *known = strcmp(compare_verdict_name((enum compare_verdict)verdict), name) == 0;
        if (*known)
            return (enum compare_verdict)verdict;
    }
    return COMPARE_INCONCLUSIVE;
}

/* A kind of error, as a line has it. */
static bool is_error_kind(const char *kind)
{
    for (int status = COMPARE_ERROR_INTERRUPTED; kind != NULL && status < 0; status++) {
        if (strcmp(compare_status_name(status), kind) == 0)
            return true;
    }
    return false;
}

static bool is_digest(const char *text)
{
    return strlen(text) == KEY_TEXT - 1 && strspn(text, "0123456789abcdef") == KEY_TEXT - 1;
}

static bool side_is_sound(const json_t *side)
{
    const char *digest = text_of(side, "sha256");
    return has_shape(side, SHAPE(side_shape)) && (digest == NULL || is_digest(digest));
}

static bool is_rule(const char *id)
{
    const struct compare_rule_info *rule;
    for (size_t i = 0; (rule = compare_rule_at(i)) != NULL; i++) {
        if (strcmp(rule->id, id) == 0)
            return true;
    }
    return false;
}

/* A result of another version may know other rules; a worker is of this one. */
static bool sums_are_right(const json_t *line, size_t side, bool of_this_version)
{
    static const char *const sides[] = {"vendor", "rebuilt"};
    const json_t *tally = json_object_get(line, "tally"), *set_aside = json_object_get(tally, "set_aside"), *bytes;
    uint64_t sum;
    const char *rule;
    if (__builtin_add_overflow(count_of(tally, "identical", side), count_of(tally, "unexplained", side), &sum))
        return false;
    json_object_foreach((json_t *)set_aside, rule, bytes)
    {
        if (!is_pair(bytes) || (of_this_version && !is_rule(rule)) ||
            __builtin_add_overflow(sum, (uint64_t)json_integer_value(json_array_get(bytes, side)), &sum))
            return false;
    }
    /* What archives hold is more than they are, or less. */
    const json_t *members = json_object_get(line, "members");
    return sum == (members != NULL
                       ? count_of(members, "bytes", side)
                       : (uint64_t)json_integer_value(json_object_get(json_object_get(line, sides[side]), "size")));
}

static bool roots_are_sound(const json_t *roots, bool of_tree)
{
    for (size_t i = 0; i < json_array_size(roots); i++) {
        const json_t *root = json_array_get(roots, i);
        if (of_tree ? !has_shape(root, SHAPE(tree_root_shape)) : !has_shape(root, SHAPE(root_shape)))
            return false;
    }
    return true;
}

static bool has_members(const json_t *members, const char *verdict)
{
    return json_integer_value(json_object_get(members, verdict)) > 0;
}

/* Beside bytes: in what is no byte, or because one of them is odd, so that nothing may be set aside. */
static bool members_differ(const json_t *line)
{
    const json_t *members = json_object_get(line, "members");
    return has_members(members, "different") || count_of(members, "alone", 0) > 0 ||
           count_of(members, "alone", 1) > 0 || count_of(line, "anomalies", 0) > 0 ||
           count_of(line, "anomalies", 1) > 0;
}

/* Whether they bear the verdict; the tally is asked for itself. Equal bytes are identical without being opened. */
static bool members_are_sound(const json_t *line, enum compare_verdict verdict)
{
    const json_t *members = json_object_get(line, "members");
    if (members == NULL)
        return true;
    if (!has_shape(members, SHAPE(members_shape)) || !is_pair(json_object_get(line, "anomalies")))
        return false;
    bool alone = count_of(members, "alone", 0) > 0 || count_of(members, "alone", 1) > 0;
    bool undecided = has_members(members, "inconclusive");
    if (verdict == COMPARE_INCONCLUSIVE)
        return undecided && !alone && !has_members(members, "different");
    return verdict == COMPARE_DIFFERENT || (verdict == COMPARE_EQUIVALENT && !undecided && !members_differ(line));
}

/* Of what a worker and a line have in common. */
static bool account_is_sound(const json_t *line, enum compare_verdict verdict, bool of_this_version)
{
    const json_t *tally = json_object_get(line, "tally");
    if (!side_is_sound(json_object_get(line, "vendor")) || !side_is_sound(json_object_get(line, "rebuilt")) ||
        !roots_are_sound(json_object_get(line, "roots"), json_object_get(line, "members") != NULL) ||
        !members_are_sound(line, verdict))
        return false;
    if (verdict == COMPARE_INCONCLUSIVE)
        return json_is_null(tally);
    if (text_of(json_object_get(line, "vendor"), "sha256") == NULL ||
        text_of(json_object_get(line, "rebuilt"), "sha256") == NULL || !has_shape(tally, SHAPE(tally_shape)) ||
        !sums_are_right(line, 0, of_this_version) || !sums_are_right(line, 1, of_this_version))
        return false;
    bool accounted = count_of(tally, "unexplained", 0) == 0 && count_of(tally, "unexplained", 1) == 0;
    if (verdict == COMPARE_DIFFERENT)
        return !accounted || (json_object_get(line, "members") != NULL && members_differ(line));
    return accounted;
}

bool line_is_sound(json_t *line, const char **why)
{
    bool known = false;
    *why = "is no result of elftally batch";
    if (!has_shape(line, SHAPE(line_shape)) || !has_shape(json_object_get(line, "policy"), SHAPE(policy_shape)))
        return false;
    enum compare_verdict verdict = verdict_named(text_of(line, "verdict"), &known);
    const json_t *error = json_object_get(line, "error");
    *why = "its verdict is none";
    if (!known)
        return false;
    *why = "its verdict and its error do not go together";
    if (json_is_null(error) ? verdict == COMPARE_INCONCLUSIVE
                            : verdict != COMPARE_INCONCLUSIVE || !has_shape(error, SHAPE(error_shape)))
        return false;
    *why = "its verdict and its tally do not go together";
    return account_is_sound(line, verdict, strcmp(text_of(line, "version"), compare_version()) == 0);
}

/* ---- A worker's answer ---- */

/* All that it says is shown somewhere: printable ASCII, as the reports have it. */
static bool is_printable(const json_t *value)
{
    const char *key, *text = json_string_value(value);
    json_t *item;
    size_t i;
    for (; text != NULL && *text != '\0'; text++) {
        if (*text < ' ' || *text > '~')
            return false;
    }
    json_object_foreach((json_t *)value, key, item)
    {
        if (!is_printable(item))
            return false;
    }
    json_array_foreach(value, i, item)
    {
        if (!is_printable(item))
            return false;
    }
    return true;
}

size_t read_from(int fd, off_t offset, char *text, size_t most)
{
    size_t size = 0;
    ssize_t got = 1;
    while (size < most && got != 0) {
        got = pread(fd, text + size, most - size, offset + (off_t)size);
        if (got < 0 && errno != EINTR)
            break;
        size += got > 0 ? (size_t)got : 0;
    }
    return size;
}

static json_t *read_line(int fd, size_t *line_size)
{
    char *text = malloc(LINE_MOST);
    if (text == NULL)
        give_up("no memory");
    size_t size = read_from(fd, 0, text, LINE_MOST);
    const char *end = memchr(text, '\n', size);
    *line_size = end != NULL ? (size_t)(end - text) + 1 : 0;
    json_t *line = end != NULL ? json_loadb(text, *line_size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(text);
    return line;
}

/* Of a tree, the worker itself says which member could not be decided, and whether another run may tell more. */
static bool errors_are_sound(const json_t *answer, enum compare_verdict verdict)
{
    const json_t *error = json_object_get(answer, "error"), *lost = json_object_get(answer, "explanation_lost");
    if (verdict == COMPARE_INCONCLUSIVE)
        return has_shape(error, SHAPE(error_shape)) && is_error_kind(text_of(error, "kind")) && json_is_null(lost);
    return json_is_null(error) && (json_is_null(lost) || is_error_kind(json_string_value(lost)));
}

static bool answer_is_sound(json_t *answer, int outcome, bool tree)
{
    bool known = false;
    if (!is_printable(answer) ||
        (tree ? !has_shape(answer, SHAPE(tree_answer_shape)) : !has_shape(answer, SHAPE(answer_shape))))
        return false;
    enum compare_verdict verdict = verdict_named(text_of(answer, "verdict"), &known);
    /* That the bytes differ is known: no worker is asked about those that do not. */
    bool possible =
        verdict == COMPARE_EQUIVALENT || verdict == COMPARE_DIFFERENT || (tree && verdict == COMPARE_INCONCLUSIVE);
    return known && possible && (int)verdict == outcome && (!tree || errors_are_sound(answer, verdict)) &&
           account_is_sound(answer, verdict, true);
}

json_t *line_read_answer(int fd, int outcome, bool tree, size_t *size)
{
    json_t *answer = read_line(fd, size);
    if (answer_is_sound(answer, outcome, tree))
        return answer;
    json_decref(answer);
    return NULL;
}

/* ---- What is asked of a line ---- */

enum compare_verdict line_verdict(const json_t *line)
{
    bool known;
    return verdict_named(text_of(line, "verdict"), &known);
}

const char *line_id(const json_t *line)
{
    return text_of(line, "id");
}

static bool may_pass(const char *kind)
{
    static const int passing[] = {COMPARE_ERROR_SYSTEM, COMPARE_ERROR_CHANGED, COMPARE_ERROR_CRASHED,
                                  COMPARE_ERROR_MEMORY, COMPARE_ERROR_INTERRUPTED};
    for (size_t i = 0; kind != NULL && i < sizeof(passing) / sizeof(passing[0]); i++) {
        if (strcmp(kind, compare_status_name(passing[i])) == 0)
            return true;
    }
    return false;
}

enum line_rank line_rank(const json_t *line)
{
    if (may_pass(text_of(json_object_get(line, "error"), "kind")))
        return LINE_UNDECIDED;
    return may_pass(text_of(line, "explanation_lost")) ? LINE_UNEXPLAINED : LINE_SETTLED;
}

bool line_same_verdict(const json_t *line, const json_t *other)
{
    if (!line_is_of(line, other) || line_verdict(line) != line_verdict(other))
        return false;
    /* Of a tree, a member that was lost is not in its tally as it would be. */
    bool trees = json_object_get(line, "members") != NULL && json_object_get(other, "members") != NULL;
    return trees || json_equal(json_object_get(line, "tally"), json_object_get(other, "tally"));
}

bool line_is_of(const json_t *line, const json_t *other)
{
    static const char *const keys[] = {"id",     "policy",  "version",      "settings",
                                       "vendor", "rebuilt", "vendor_debug", "rebuilt_debug"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const json_t *a = json_object_get(line, keys[i]), *b = json_object_get(other, keys[i]);
        if (a == NULL || b == NULL ? a != b : !json_equal(a, b))
            return false;
    }
    return true;
}

char *line_text(json_t *line)
{
    json_object_del(line, "seconds");
    char *text = json_dumps(line, DUMP);
    if (text == NULL)
        give_up("no memory");
    return text;
}

const char *line_package(const json_t *line, char **package)
{
    const char *given = text_of(line, "package"), *id = line_id(line);
    const char *slash = given == NULL ? strchr(id, '/') : NULL;
    *package = given != NULL ? strdup(given) : slash != NULL ? strndup(id, (size_t)(slash - id)) : strdup("elftally");
    if (*package == NULL)
        give_up("no memory");
    return slash != NULL && slash > id && slash[1] != '\0' ? slash + 1 : id;
}
