#include "encode.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(const uint8_t *bytes, size_t size, char *text)
{
    size_t out = 0;
    for (size_t i = 0; i < size; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (i + 1 < size)
            group |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < size)
            group |= bytes[i + 2];
        text[out++] = digits[group >> 18];
        text[out++] = digits[group >> 12 & 63];
        text[out++] = i + 1 < size ? digits[group >> 6 & 63] : '=';
        text[out++] = i + 2 < size ? digits[group & 63] : '=';
    }
    return out;
}

static int digit_value(char c)
{
    for (int i = 0; i < 64; i++) {
        if (digits[i] == c)
            return i;
    }
    return -1;
}

size_t base64_decode(const char *text, size_t size, uint8_t *bytes)
{
    uint32_t group = 0;
    size_t out = 0;
    int bits = 0;
    for (size_t i = 0; i < size && text[i] != '='; i++) {
        int value = digit_value(text[i]);
        if (value < 0)
            continue;
        group = group << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[out++] = (uint8_t)(group >> bits);
        }
    }
    return out;
}
