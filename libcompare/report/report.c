/* What all formats share. */
#include "report.h"

#include <errno.h>
#include <string.h>

void report_sides(const struct compare_result *result, struct report_side sides[2])
{
    sides[0] = (struct report_side){
        .label = "vendor",
        .path = result->vendor_path,
        .image = &result->vendor,
        .tally = &result->vendor_tally,
        .account = &result->comparison.vendor,
        .form = &result->vendor_form,
        .digest = result->digested ? result->vendor_digest : NULL,
    };
    sides[1] = (struct report_side){
        .label = "rebuilt",
        .path = result->rebuilt_path,
        .image = &result->rebuilt,
        .tally = &result->rebuilt_tally,
        .account = &result->comparison.rebuilt,
        .form = &result->rebuilt_form,
        .digest = result->digested ? result->rebuilt_digest : NULL,
    };
}

const char *report_standing_name(enum standing standing)
{
    return standing == STANDING_IDENTICAL ? "identical" : standing == STANDING_SET_ASIDE ? "set aside" : "unexplained";
}

const char *report_type_name(uint16_t type)
{
    static const char *const names[] = {
        [ET_REL] = "relocatable", [ET_EXEC] = "executable", [ET_DYN] = "shared object", [ET_CORE] = "core file"};
    return type < ARRAY_COUNT(names) ? names[type] : NULL;
}

const char *report_machine_name(uint16_t machine)
{
    static const struct {
        uint16_t machine;
        const char *name;
    } names[] = {
        {EM_X86_64, "x86-64"}, {EM_386, "i386"},       {EM_AARCH64, "AArch64"},  {EM_ARM, "ARM"},
        {EM_MIPS, "MIPS"},     {EM_PPC, "PowerPC"},    {EM_PPC64, "PowerPC 64"}, {EM_RISCV, "RISC-V"},
        {EM_S390, "s390"},     {EM_SPARC, "SPARC"},    {EM_SPARCV9, "SPARC V9"}, {EM_68K, "m68k"},
        {EM_BPF, "BPF"},       {EM_PARISC, "PA-RISC"}, {EM_ALPHA, "Alpha"},      {258, "LoongArch"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (names[i].machine == machine)
            return names[i].name;
    }
    return NULL;
}

struct writing {
    const struct compare_result *result;
    const struct compare_report_options *options;
    FILE *out;
    int (*write)(const struct compare_result *result, const struct compare_report_options *options, FILE *out);
};

static int write_step(void *argument)
{
    struct writing *writing = argument;
    return writing->write(writing->result, writing->options, writing->out);
}

int report_write(const struct compare_result *result, const struct compare_report_options *options, FILE *out,
                 int (*write)(const struct compare_result *result, const struct compare_report_options *options,
                              FILE *out),
                 struct compare_error *error)
{
    static const struct compare_report_options defaults = {.size = sizeof(defaults)};
    struct writing writing = {result, options != NULL ? options : &defaults, out, write};
    errno = 0;
    int status = image_guard(write_step, &writing, error);
    if (status == COMPARE_ERROR_CHANGED || status == COMPARE_ERROR_MEMORY)
        return status;
    if (status != 0 || fflush(out) != 0 || ferror(out))
        return error_set(error, COMPARE_ERROR_SYSTEM, NULL, "cannot write the report: %s",
                         errno != 0 ? strerror(errno) : "the stream failed");
    /* The bytes quoted must be those that were judged. */
    status = image_check_unchanged(&result->vendor, error);
    return status == 0 ? image_check_unchanged(&result->rebuilt, error) : status;
}
