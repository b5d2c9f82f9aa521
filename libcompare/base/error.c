/* Error messages: one line, naming the file, safe to print. */
#include "base.h"

#include <string.h>

int error_set(struct compare_error *error, int status, const char *file, const char *format, ...)
{
    if (error == NULL)
        return status;
    memset(error, 0, sizeof(*error));
    error->status = status;
    size_t used = 0;
    if (file != NULL) {
        escape_text(error->file, sizeof(error->file), file);
        used = (size_t)snprintf(error->message, sizeof(error->message), "%s: ", error->file);
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message + used, sizeof(error->message) - used, format, arguments);
    va_end(arguments);
    return status;
}

int limit_hit(struct compare_error *error, const char *file, const char *name, uint64_t value, const char *what)
{
    return error_set(error, COMPARE_ERROR_LIMIT, file,
                     "%s: limit %s, which is %ju, is hit (--limit %s=VALUE changes it)", what, name, (uintmax_t)value,
                     name);
}

const char *compare_status_name(int status)
{
    static const char *const names[] = {
        [-COMPARE_OK] = "ok",
        [-COMPARE_ERROR_SYSTEM] = "system",
        [-COMPARE_ERROR_NOT_ELF] = "not-elf",
        [-COMPARE_ERROR_MALFORMED] = "malformed",
        [-COMPARE_ERROR_UNSUPPORTED] = "unsupported",
        [-COMPARE_ERROR_CHANGED] = "changed",
        [-COMPARE_ERROR_POLICY] = "policy",
        [-COMPARE_ERROR_LIMIT] = "limit",
        [-COMPARE_ERROR_INTERNAL] = "internal",
        [-COMPARE_ERROR_REFUSED] = "refused",
        [-COMPARE_ERROR_CRASHED] = "crashed",
        [-COMPARE_ERROR_MEMORY] = "memory",
        [-COMPARE_ERROR_INTERRUPTED] = "interrupted",
    };
    return status <= 0 && status > -(int)ARRAY_COUNT(names) ? names[-status] : "unknown";
}
