/* Escaping of what comes from files: names can carry terminal escape codes. */
#include "base.h"

#include <string.h>

char *escape_bytes(char *buffer, size_t buffer_size, const void *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        bool plain = from[i] >= 0x20 && from[i] < 0x7f && from[i] != '\\';
        size_t needed = plain ? 1 : 4;
        /* Room is kept for the mark of a cut, except where this is the last byte. */
        size_t reserve = i + 1 < count ? 4 : 1;
        if (used + needed + reserve > buffer_size) {
            if (used + 4 <= buffer_size) {
                memcpy(buffer + used, "...", 3);
                used += 3;
            }
            break;
        }
        if (plain) {
            buffer[used++] = (char)from[i];
        } else {
            buffer[used++] = '\\';
            buffer[used++] = 'x';
            buffer[used++] = digits[from[i] >> 4];
            buffer[used++] = digits[from[i] & 15];
        }
    }
    buffer[used] = '\0';
    return buffer;
}

char *escape_text(char *buffer, size_t buffer_size, const char *text)
{
    return escape_bytes(buffer, buffer_size, text, strlen(text));
}
