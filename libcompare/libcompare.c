/*
 * The way of a byte, from open to verdict: each step is a room of its own. Both files are opened before anything of
 * them is parsed; what is judged is what is digested.
 */
#include "libcompare.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "buildinfo_files.h"
#include "confine/confine.h"
#include "debug_files.h"
#include "judge/judge.h"
#include "verify/verify.h"

const char *compare_version(void)
{
    return COMPARE_VERSION;
}

/* ---- Digests ---- */

static int digest_take(void *state, const uint8_t *bytes, size_t size)
{
    return EVP_DigestUpdate(state, bytes, size) == 1 ? 0 : COMPARE_ERROR_SYSTEM;
}

static int digest_bytes(const uint8_t *bytes, uint64_t size, uint8_t digest[32], struct compare_error *error)
{
    if (sha256(bytes, size, digest))
        return 0;
    return error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot compute SHA-256");
}

/* ---- Confinement ---- */

/* A process that may open nothing cannot write its counts. */
#ifdef COMPARE_COVERAGE
#define MAY_CONFINE false
#else
#define MAY_CONFINE true
#endif

/* What libraries read from files at their first use, they read now. */
static void warm_up(void)
{
    uint8_t digest[32];
    json_object_seed(0);
    json_decref(json_object());
    sha256("", 0, digest);
}

/* All files are open: from here on only what was opened can be read. size: of the files, in bytes. */
static int give_up_rights(const struct compare_options *options, uint64_t size, struct compare_confinement *got,
                          struct compare_error *error)
{
    struct compare_confinement ignored = {0};
    got = got != NULL ? got : &ignored;
    got->worker = options != NULL && options->worker;
    /* Jansson may free twice, or lose a byte of a text, when it is told that there is no memory. */
    if (options != NULL && (options->worker || options->confine))
        json_set_alloc_funcs(image_guarded_malloc, free);
    if (options == NULL || !options->confine || !MAY_CONFINE)
        return 0;
    warm_up();
    return confine_process(limits_for(options->limits, size).memory, got, error);
}

/* Where memory was limited, there being none of it is that limit's work. */
static int name_the_limit(int status, const struct compare_options *options, uint64_t size, struct compare_error *error)
{
    char file[sizeof(error->file)];
    if (status != COMPARE_ERROR_MEMORY || options == NULL || !options->confine)
        return status;
    memcpy(file, error->file, sizeof(file));
    limit_hit(error, NULL, "memory", limits_for(options->limits, size).memory, "memory");
    memcpy(error->file, file, sizeof(file));
    return COMPARE_ERROR_LIMIT;
}

static const struct compare_limits *wanted_limits(const struct compare_options *options)
{
    return options != NULL ? options->limits : NULL;
}

/* ---- Comparing ---- */

struct comparing {
    struct compare_result *result;
    bool digest, explain, list;
    volatile bool *explaining; /* NULL: nobody asks */
    const char *unexplained;
    struct compare_error *error;
};

static int digest_both(struct compare_result *result, struct compare_error *error)
{
    int status = digest_bytes(result->vendor.bytes, result->vendor.size, result->vendor_digest, error);
    if (status == 0)
        status = digest_bytes(result->rebuilt.bytes, result->rebuilt.size, result->rebuilt_digest, error);
    result->digested = status == 0;
    return status;
}

static int match_and_compare(struct compare_result *result, enum pair_by by, struct compare_error *error)
{
    int status =
        match_images(&result->vendor, &result->rebuilt, by, &result->arena, &result->pairs, &result->pair_count, error);
    if (status == 0 && by == PAIR_BY_OWNER)
        status =
            moved_split(&result->moved, &result->vendor, &result->arena, &result->pairs, &result->pair_count, error);
    return status != 0 ? status
                       : compare_pairs(result->pairs, result->pair_count, result->moved.any, &result->vendor_form,
                                       &result->rebuilt_form, result->limits.findings, &result->arena,
                                       &result->comparison, error);
}

static int compare_differing(struct compare_result *result, struct compare_error *error)
{
    int status = normal_form_build(&result->vendor, &result->policy->rules, &result->vendor_form, error);
    if (status == 0)
        status = normal_form_build(&result->rebuilt, &result->policy->rules, &result->rebuilt_form, error);
    if (status == 0 && !normal_forms_equal(&result->vendor_form, &result->rebuilt_form))
        status = moved_prove(&result->vendor, &result->rebuilt, &result->policy->rules, &result->arena, &result->moved,
                             error);
    if (status == 0)
        status = match_and_compare(result, result->moved.tried ? PAIR_BY_OWNER : PAIR_BY_PLACE, error);
    /* Where nothing may move and the forms are equal, each byte that stays has its partner at its own place. */
    if (status == 0 && !result->vendor_form.laid_out_anew && !result->rebuilt_form.laid_out_anew &&
        !result->comparison.proven_different && normal_forms_equal(&result->vendor_form, &result->rebuilt_form))
        status = match_and_compare(result, PAIR_BY_PLACE_ALONE, error);
    return status;
}

/* After the verdict, and without a way back to it. */
static void explain_result(const struct comparing *comparing)
{
    struct compare_result *result = comparing->result;
    struct explain_input input = {.vendor = &result->vendor,
                                  .rebuilt = &result->rebuilt,
                                  .vendor_debug = result->has_vendor_debug ? &result->vendor_debug : NULL,
                                  .rebuilt_debug = result->has_rebuilt_debug ? &result->rebuilt_debug : NULL,
                                  .pairs = result->pairs,
                                  .pair_count = result->pair_count,
                                  .comparison = &result->comparison,
                                  .moved = &result->moved,
                                  .environments = result->has_environments ? &result->environments : NULL,
                                  .list = comparing->list};
    if (comparing->explaining != NULL)
        *comparing->explaining = true;
    debug_compare(result->has_vendor_debug ? &result->vendor_debug : &result->vendor,
                  result->has_rebuilt_debug ? &result->rebuilt_debug : &result->rebuilt, result->moved.map,
                  &result->arena, &result->debug);
    explain(&input, &result->arena, &result->explanation);
}

/* In place of an explanation: why there is none. */
static void tell_unexplained(const struct comparing *comparing)
{
    struct explanation *explanation = &comparing->result->explanation;
    explanation->made = true;
    explanation->incomplete =
        arena_printf(&comparing->result->arena,
                     "explaining failed, and the comparison was made once more without it: %s", comparing->unexplained);
    if (explanation->incomplete == NULL)
        explanation->incomplete = "explaining failed, and the comparison was made once more without it";
}

static int compare_step(void *argument)
{
    struct comparing *comparing = argument;
    struct compare_result *result = comparing->result;
    struct compare_error *error = comparing->error;
    int status = image_parse(&result->vendor, error);
    if (status == 0)
        status = image_parse(&result->rebuilt, error);
    if (status == 0)
        status = debug_files_parse(result, error);
    if (status != 0)
        return status;
    bool equal = result->vendor.size == result->rebuilt.size &&
                 memcmp(result->vendor.bytes, result->rebuilt.bytes, result->vendor.size) == 0;
    if (equal)
        status = match_images(&result->vendor, &result->rebuilt, PAIR_BY_PLACE_ALONE, &result->arena, &result->pairs,
                              &result->pair_count, error);
    if (status == 0)
        status = equal ? compare_equal(&result->vendor, &result->arena, &result->comparison, error)
                       : compare_differing(result, error);
    if (status == 0)
        status = judge(result, equal, error);
    if (status == 0)
        buildinfo_files_read(result);
    if (status == 0 && comparing->explain && !equal)
        explain_result(comparing);
    else if (status == 0 && comparing->unexplained != NULL && !equal)
        tell_unexplained(comparing);
    if (status == 0 && comparing->digest)
        status = digest_both(result, error);
    if (status == 0)
        status = image_check_unchanged(&result->vendor, error);
    if (status == 0)
        status = image_check_unchanged(&result->rebuilt, error);
    if (status == 0)
        status = debug_files_check_unchanged(result, error);
    return status == 0 ? buildinfo_files_check_unchanged(result, error) : status;
}

/* What limits go by. */
static uint64_t size_of_all(const struct compare_result *result)
{
    return result->vendor.size + result->rebuilt.size + result->vendor_debug.size + result->rebuilt_debug.size +
           buildinfo_files_size(result);
}

static int open_both(struct compare_result *result, const struct compare_input *inputs[2],
                     const struct compare_options *options, struct compare_error *error)
{
    /* The result outlives its caller's names. */
    struct compare_input vendor = *inputs[0], rebuilt = *inputs[1];
    vendor.name = result->vendor_path;
    rebuilt.name = result->rebuilt_path;
    int status = image_open_input(&vendor, wanted_limits(options), &result->vendor, error);
    if (status == 0)
        status = image_open_input(&rebuilt, wanted_limits(options), &result->rebuilt, error);
    if (status == 0 && image_same_file(&result->vendor, &result->rebuilt))
        status = error_set(error, COMPARE_ERROR_UNSUPPORTED, result->rebuilt_path,
                           "vendor and rebuilt are one and the same file, which proves nothing");
    if (status == 0)
        status = debug_files_open(result, options, error);
    if (status == 0)
        status = buildinfo_files_open(result, options, error);
    result->limits = limits_for(wanted_limits(options), size_of_all(result));
    return status == 0 ? give_up_rights(options, size_of_all(result), &result->confinement, error) : status;
}

/* A fault under a map has no file in its message; the one that changed can be found. */
static void name_the_changed(struct compare_result *result, struct compare_error *error)
{
    struct compare_error named;
    if (error->file[0] != '\0')
        return;
    if (image_check_unchanged(&result->vendor, &named) != 0 || image_check_unchanged(&result->rebuilt, &named) != 0 ||
        debug_files_check_unchanged(result, &named) != 0 || buildinfo_files_check_unchanged(result, &named) != 0)
        *error = named;
}

int compare_files(const char *vendor, const char *rebuilt, const struct compare_options *options,
                  struct compare_result **out, struct compare_error *error)
{
    const struct compare_input inputs[] = {{.name = vendor, .fd = -1}, {.name = rebuilt, .fd = -1}};
    return compare_inputs(&inputs[0], &inputs[1], options, out, error);
}

int compare_inputs(const struct compare_input *vendor, const struct compare_input *rebuilt,
                   const struct compare_options *options, struct compare_result **out, struct compare_error *error)
{
    const struct compare_input *inputs[] = {vendor, rebuilt};
    struct compare_error ignored;
    struct compare_result *result = calloc(1, sizeof(*result));
    error = error != NULL ? error : &ignored;
    *out = NULL;
    if (result == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    struct comparing comparing = {.result = result, .error = error};
    result->policy = options != NULL ? options->policy : NULL;
    comparing.digest = options != NULL && options->digest;
    comparing.explain = options != NULL && options->explain;
    comparing.list = options != NULL && options->list;
    comparing.explaining = options != NULL ? options->explaining : NULL;
    comparing.unexplained = options != NULL ? options->unexplained : NULL;
    result->vendor_path = arena_strdup(&result->arena, vendor->name);
    result->rebuilt_path = arena_strdup(&result->arena, rebuilt->name);
    if (result->policy == NULL)
        result->policy = result->own_policy = policy_built_in("standard");
    int status = result->policy != NULL && result->vendor_path != NULL && result->rebuilt_path != NULL
                     ? open_both(result, inputs, options, error)
                     : error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    if (status == 0) {
        status = image_guard(compare_step, &comparing, error);
        if (status == COMPARE_ERROR_CHANGED)
            name_the_changed(result, error);
    }
    status = name_the_limit(status, options, size_of_all(result), error);
    if (status != 0) {
        compare_result_free(result);
        return status;
    }
    *out = result;
    return 0;
}

void compare_result_free(struct compare_result *result)
{
    if (result == NULL)
        return;
    normal_form_close(&result->vendor_form);
    normal_form_close(&result->rebuilt_form);
    image_close(&result->vendor);
    image_close(&result->rebuilt);
    image_close(&result->vendor_debug);
    image_close(&result->rebuilt_debug);
    image_close(&result->buildinfo[0]);
    image_close(&result->buildinfo[1]);
    compare_policy_free(result->own_policy);
    arena_free(&result->arena);
    free(result);
}

struct compare_confinement compare_result_confinement(const struct compare_result *result)
{
    return result->confinement;
}

const char *compare_result_vendor_debug_note(const struct compare_result *result)
{
    return result->debug_note[0];
}

const char *compare_result_rebuilt_debug_note(const struct compare_result *result)
{
    return result->debug_note[1];
}

const char *compare_result_vendor_buildinfo_note(const struct compare_result *result)
{
    return result->buildinfo_note[0];
}

const char *compare_result_rebuilt_buildinfo_note(const struct compare_result *result)
{
    return result->buildinfo_note[1];
}

enum compare_verdict compare_result_verdict(const struct compare_result *result)
{
    return result != NULL ? result->verdict : COMPARE_INCONCLUSIVE;
}

/* ---- Verifying a report ---- */

struct verifying {
    struct image files[3]; /* report, vendor, rebuilt: opened for their bytes, not parsed */
    struct compare_verified *verified;
    struct compare_error *error;
};

static int verify_step(void *argument)
{
    struct verifying *work = argument;
    const struct image *files = work->files;
    int status = verify_bytes((const char *)files[0].bytes, files[0].size, files[1].bytes, files[1].size,
                              files[2].bytes, files[2].size, work->verified, work->error);
    for (size_t i = 0; i < ARRAY_COUNT(work->files) && status == 0; i++)
        status = image_check_unchanged(&files[i], work->error);
    return status;
}

int compare_verify(const char *report, const char *vendor, const char *rebuilt, const struct compare_options *options,
                   struct compare_verified *verified, struct compare_error *error)
{
    struct verifying work = {.verified = verified, .error = error};
    const char *const paths[] = {report, vendor, rebuilt};
    uint64_t size = 0;
    int status = 0;
    for (size_t i = 0; i < ARRAY_COUNT(paths) && status == 0; i++) {
        status = image_open(paths[i], wanted_limits(options), &work.files[i], error);
        /* Jansson makes of a report some ten times its size. */
        size += work.files[i].size * (i == 0 ? 10 : 1);
    }
    if (status == 0)
        status = give_up_rights(options, size, NULL, error);
    if (status == 0)
        status = image_guard(verify_step, &work, error);
    status = name_the_limit(status, options, size, error);
    for (size_t i = 0; i < ARRAY_COUNT(work.files); i++)
        image_close(&work.files[i]);
    return status;
}

/* ---- One file alone ---- */

struct normalising {
    struct image image;
    struct normal_form form;
    const struct rule_set *rules;
    int (*take)(void *state, const uint8_t *bytes, size_t size);
    void *state;
    struct compare_error *error;
};

static int normalise_step(void *argument)
{
    struct normalising *work = argument;
    int status = image_parse(&work->image, work->error);
    if (status == 0)
        status = normal_form_build(&work->image, work->rules, &work->form, work->error);
    if (status == 0 && normal_form_each(&work->form, work->take, work->state) != 0)
        status =
            error_set(work->error, COMPARE_ERROR_SYSTEM, NULL, "cannot write the normal form: %s", strerror(errno));
    return status == 0 ? image_check_unchanged(&work->image, work->error) : status;
}

static int normalise_into(const char *path, const struct compare_options *options,
                          int (*take)(void *state, const uint8_t *bytes, size_t size), void *state,
                          struct compare_error *error)
{
    const struct compare_policy *policy = options != NULL ? options->policy : NULL;
    struct compare_policy *own = policy == NULL ? policy_built_in("standard") : NULL;
    struct normalising work = {.take = take, .state = state, .error = error};
    if (policy == NULL)
        policy = own;
    if (policy == NULL)
        return error_set(error, COMPARE_ERROR_MEMORY, NULL, "no memory");
    work.rules = &policy->rules;
    int status = image_open(path, wanted_limits(options), &work.image, error);
    if (status == 0)
        status = give_up_rights(options, work.image.size, NULL, error);
    if (status == 0)
        status = image_guard(normalise_step, &work, error);
    status = name_the_limit(status, options, work.image.size, error);
    normal_form_close(&work.form);
    image_close(&work.image);
    compare_policy_free(own);
    return status;
}

static int write_take(void *state, const uint8_t *bytes, size_t size)
{
    return fwrite(bytes, 1, size, state) == size ? 0 : COMPARE_ERROR_SYSTEM;
}

int compare_normalise(const char *path, const struct compare_options *options, FILE *out, struct compare_error *error)
{
    int status = normalise_into(path, options, write_take, out, error);
    if (status == 0 && fflush(out) != 0)
        status = error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot write the normal form: %s", strerror(errno));
    return status;
}

int compare_digest(const char *path, const struct compare_options *options, uint8_t digest[32],
                   struct compare_error *error)
{
    EVP_MD_CTX *context = digest_is_possible() ? EVP_MD_CTX_new() : NULL;
    int status = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1
                     ? 0
                     : error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot compute SHA-256");
    if (status == 0)
        status = normalise_into(path, options, digest_take, context, error);
    if (status == 0 && EVP_DigestFinal_ex(context, digest, NULL) != 1)
        status = error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot compute SHA-256");
    EVP_MD_CTX_free(context);
    return status;
}
