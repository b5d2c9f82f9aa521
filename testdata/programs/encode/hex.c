#include "encode.h"

#include <ctype.h>

size_t hex_encode(const uint8_t *bytes, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    return 2 * size;
}

size_t hex_decode(const char *text, size_t size, uint8_t *bytes)
{
    size_t out = 0;
    int high = -1;
    for (size_t i = 0; i < size; i++) {
        int c = tolower((unsigned char)text[i]);
        if (!isxdigit(c))
            continue;
        int value = isdigit(c) ? c - '0' : c - 'a' + 10;
        if (high < 0) {
            high = value;
        } else {
            bytes[out++] = (uint8_t)(high << 4 | value);
            high = -1;
        }
    }
    return out;
}
