/* Programs compiled while a test runs, and what other tools say of them. */
#ifndef TESTING_PROGRAM_H
#define TESTING_PROGRAM_H

#include "../image/image.h"

struct program {
    char directory[32];
    char path[64], stripped[64]; /* stripped: after program_strip */
};

/* Runs "compiler -o path source.suffix"; skips the test where there is no such compiler. End with program_remove. */
void program_compile(struct program *program, const char *compiler, const char *suffix, const char *source);
void program_strip(struct program *program, const char *strip);
void program_remove(struct program *program);

/* Runs a command made from format, and fails the test where that fails. */
void program_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What a command made from format writes; close with pclose. */
FILE *program_output(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Takes away the section headers, as sstrip does. */
void program_drop_sections(const char *path);

/* An image of a file, parsed; fails the test where it cannot be. Close with image_close. */
void program_open(const char *path, struct image *image);

/* An image of these bytes, then zeros to size, changed by more(); its status is that of image_parse, and must be 0. */
void program_open_bytes(const void *bytes, size_t count, size_t size, void (*more)(uint8_t *bytes, void *argument),
                        void *argument, struct image *image);

#endif
