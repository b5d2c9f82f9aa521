/*
 * The line of a pair: its head says what was compared under which conditions, so that a later run knows it again; then
 * comes what a worker found, or what went wrong, or that there was nothing to find.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

void say(struct compare_error *error, const char *file, const char *format, ...)
{
    size_t used = 0, size = sizeof(error->message);
    for (; *file != '\0' && used < size / 2; file++) {
        bool plain = *file >= ' ' && *file <= '~' && *file != '\\';
        used += (size_t)snprintf(error->message + used, size - used, plain ? "%c" : "\\x%02x", (unsigned char)*file);
    }
    used += (size_t)snprintf(error->message + used, size - used, "%s: ", *file != '\0' ? "..." : "");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message + used, size - used, format, arguments);
    va_end(arguments);
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        give_up("no memory");
}

/* ---- The head ---- */

static json_t *digest_or_null(const struct compare_input *input, bool open)
{
    char text[KEY_TEXT];
    struct key digest;
    struct compare_error error;
    return open && compare_input_digest(input, digest.bytes, &error) == 0 ? json_string(key_text(&digest, text))
                                                                          : json_null();
}

static json_t *side_of(json_t *digest, const struct compare_input *input, bool open)
{
    return json_pack("{s:o,s:o}", "sha256", digest, "size", open ? json_integer((json_int_t)input->size) : json_null());
}

/* A directory of debug files is known by its name alone. */
static json_t *debug_text(const char *path)
{
    char text[KEY_TEXT];
    struct key digest;
    struct stat status;
    struct compare_error error;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct compare_input input = {.name = path, .fd = fd};
    json_t *value = NULL;
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        input.size = (uint64_t)status.st_size;
        if (compare_input_digest(&input, digest.bytes, &error) == 0)
            value = json_sprintf("sha256:%s", key_text(&digest, text));
    } else if (fd >= 0) {
        char shown[sizeof(error.message)];
        say(&error, path, "not a file");
        snprintf(shown, sizeof(shown), "%s", error.message);
        value = json_string(shown);
    }
    if (fd >= 0)
        close(fd);
    return value != NULL ? value : json_string("unreadable");
}

static json_t *head_without_sides(const struct job *job, enum compare_verdict verdict)
{
    const struct batch *batch = job->run->batch;
    json_t *line = json_object();
    set(line, "id", json_string(job->pair.id));
    if (job->pair.package != NULL)
        set(line, "package", json_string(job->pair.package));
    set(line, "verdict", json_string(compare_verdict_name(verdict)));
    set(line, "policy", json_incref(job->policy->object));
    set(line, "version", json_string(compare_version()));
    if (json_object_size(batch->settings) > 0)
        set(line, "settings", json_incref(batch->settings));
    return line;
}

static void add_debug(const struct job *job, json_t *line)
{
    if (job->pair.vendor_debug != NULL)
        set(line, "vendor_debug", debug_text(job->pair.vendor_debug));
    if (job->pair.rebuilt_debug != NULL)
        set(line, "rebuilt_debug", debug_text(job->pair.rebuilt_debug));
}

static json_t *head(const struct job *job, enum compare_verdict verdict, json_t *digests[2])
{
    static const char *const sides[] = {"vendor", "rebuilt"};
    json_t *line = head_without_sides(job, verdict);
    for (size_t i = 0; i < 2; i++) {
        bool open = job->fds[i] >= 0;
        json_t *digest = digests != NULL ? digests[i] : digest_or_null(&job->inputs[i], open);
        set(line, sides[i], side_of(digest, &job->inputs[i], open));
    }
    add_debug(job, line);
    return line;
}

json_t *answer_head(const struct job *job)
{
    return head(job, COMPARE_INCONCLUSIVE, NULL);
}

/* ---- The whole line ---- */

static json_t *with_rest(json_t *line, json_t *tally, json_t *anomalies, json_t *roots, json_int_t more, json_t *error)
{
    set(line, "tally", tally);
    set(line, "anomalies", anomalies);
    set(line, "roots", roots);
    set(line, "more_roots", json_integer(more));
    set(line, "incomplete", json_null());
    set(line, "error", error);
    return line;
}

static void add_report(const struct job *job, json_t *line)
{
    char text[KEY_TEXT];
    if (job->run->batch->reports != NULL)
        set(line, "report", json_sprintf("%s.json", key_text(job->key, text)));
}

json_t *answer_of_equal(const struct job *job, const uint8_t digest[32])
{
    char text[KEY_TEXT];
    struct key key;
    memcpy(key.bytes, digest, sizeof(key.bytes));
    key_text(&key, text);
    json_t *digests[] = {json_string(text), json_string(text)};
    json_int_t size = (json_int_t)job->inputs[0].size;
    json_t *tally = json_pack("{s:[I,I],s:{},s:[i,i]}", "identical", size, size, "set_aside", "unexplained", 0, 0);
    /* Nothing was parsed, and no anomaly looked for: there is none between equal bytes. */
    return with_rest(head(job, COMPARE_IDENTICAL, digests), tally, json_null(), json_null(), 0, json_null());
}

json_t *answer_of_failure(const struct job *job, const struct compare_error *error)
{
    json_t *told = json_pack("{s:s,s:s}", "kind", compare_status_name(error->status), "message", error->message);
    json_t *line = with_rest(head(job, COMPARE_INCONCLUSIVE, NULL), json_null(), json_null(), json_null(), 0, told);
    add_report(job, line);
    return line;
}

json_t *answer_of_worker(const struct job *job, const json_t *answer)
{
    static const char *const parts[] = {"tally", "anomalies", "roots", "more_roots", "incomplete"};
    json_t *members = json_object_get(answer, "members"), *lost = json_object_get(answer, "explanation_lost");
    json_t *error = json_object_get(answer, "error");
    json_t *line = head_without_sides(job, line_verdict(answer));
    set(line, "vendor", json_incref(json_object_get(answer, "vendor")));
    set(line, "rebuilt", json_incref(json_object_get(answer, "rebuilt")));
    add_debug(job, line);
    if (members != NULL)
        set(line, "members", json_incref(members));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        set(line, parts[i], json_incref(json_object_get(answer, parts[i])));
    if (job->unexplained.status != 0)
        set(line, "explanation_lost", json_string(compare_status_name(job->unexplained.status)));
    else if (json_is_string(lost))
        set(line, "explanation_lost", json_incref(lost));
    set(line, "error", error != NULL ? json_incref(error) : json_null());
    add_report(job, line);
    return line;
}
