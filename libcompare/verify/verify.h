/*
 * verify: a second, independent way to a verdict. Takes a finished JSON report and the two files, and holds the one
 * against the others by a reading of its own. Shares no code with what made the report: of this library it uses
 * base/ alone.
 *
 *   reading.c     ELF header, program headers, section headers, the load view, which section owns which bytes
 *   conditions.c  for each rule, what must hold of bytes that it sets aside
 *   sameness.c    what must hold of two files that are called equivalent
 *   verify.c      the report: its extents, sums, findings and verdict
 */
#ifndef VERIFY_VERIFY_H
#define VERIFY_VERIFY_H

#include "../base/base.h"

/* 0 when the report is right; COMPARE_ERROR_REFUSED with what is wrong; COMPARE_ERROR_SYSTEM. verified may be NULL. */
int verify_bytes(const char *report, size_t report_size, const uint8_t *vendor, uint64_t vendor_size,
                 const uint8_t *rebuilt, uint64_t rebuilt_size, struct compare_verified *verified,
                 struct compare_error *error);

#endif
