/* report: a finished result, written for people (text.c) and for machines (json.c, line.c). Knows no ELF beyond names. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "../judge/judge.h"

/* One side of a result, so that both are told by the same code. */
struct report_side {
    const char *label; /* "vendor", "rebuilt" */
    const char *path;
    const struct image *image;
    const struct tally *tally;
    const struct account *account;
    const struct normal_form *form;
    const uint8_t *digest; /* NULL where none was taken */
};

void report_sides(const struct compare_result *result, struct report_side sides[2]);

const char *report_standing_name(enum standing standing); /* "set aside": for people */

/* "shared object", "x86-64": from e_type and e_machine; NULL where there is no name for it. */
const char *report_type_name(uint16_t type);
const char *report_machine_name(uint16_t machine);

/* "main+0x1d3, src/hello.c:120 (.text, offset 0x11d3)", cut to size; empty where no place is known. Returns buffer. */
char *report_place(const struct difference *difference, char *buffer, size_t size);

/* "explanation": ... of a JSON report, with the comma behind it. */
int report_json_explanation(const struct explanation *explanation, FILE *out);

/* "moved": ..., likewise. */
int report_json_moved(const struct compare_result *result, FILE *out);
int report_json_debug(const struct compare_result *result, FILE *out);

/* Writes by `write`, guarded against a truncated map and a failing stream. */
int report_write(const struct compare_result *result, const struct compare_report_options *options, FILE *out,
                 int (*write)(const struct compare_result *result, const struct compare_report_options *options,
                              FILE *out),
                 struct compare_error *error);

#endif
