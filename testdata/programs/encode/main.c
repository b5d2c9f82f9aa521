#include "encode.h"

#include <string.h>

#define BLOCK 3072

static const struct codec codecs[] = {
    {"base64", base64_encode, base64_decode},
    {"hex", hex_encode, hex_decode},
};

static int run(const struct codec *codec, int decode)
{
    static char text[4 * BLOCK];
    static uint8_t bytes[BLOCK];
    size_t size;
    if (decode) {
        while ((size = fread(text, 1, sizeof(text) / 4, stdin)) > 0)
            fwrite(bytes, 1, codec->decode(text, size, bytes), stdout);
        return ferror(stdin) != 0;
    }
    while ((size = fread(bytes, 1, sizeof(bytes), stdin)) > 0) {
        fwrite(text, 1, codec->encode(bytes, size, text), stdout);
        putchar('\n');
    }
    return ferror(stdin) != 0;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]) && argc > 1; i++) {
        if (strcmp(argv[1], codecs[i].name) == 0)
            return run(&codecs[i], argc > 2 && strcmp(argv[2], "-d") == 0);
    }
    about();
    fprintf(stderr, "usage: encode base64|hex [-d]\n");
    return 2;
}
