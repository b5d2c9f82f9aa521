/* Texts that may be absent, in JSON. Private to this room. */
#ifndef REPORT_JSON_TEXT_H
#define REPORT_JSON_TEXT_H

#include <jansson.h>

static inline json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

#endif
