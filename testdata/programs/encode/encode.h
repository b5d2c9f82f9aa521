/* Base64 and hexadecimal, both ways. */
#ifndef ENCODE_H
#define ENCODE_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct codec {
    const char *name;
    size_t (*encode)(const uint8_t *bytes, size_t size, char *text);
    size_t (*decode)(const char *text, size_t size, uint8_t *bytes);
};

size_t base64_encode(const uint8_t *bytes, size_t size, char *text);
size_t base64_decode(const char *text, size_t size, uint8_t *bytes);
size_t hex_encode(const uint8_t *bytes, size_t size, char *text);
size_t hex_decode(const char *text, size_t size, uint8_t *bytes);
void about(void);
#endif
