/*
 * What the fuzz targets share: opening bytes as an image, the properties that hold of every image and every normal
 * form, a mutator that knows ELF tables, and base files to change. A property that does not hold aborts.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdlib.h>

#include "../testing/elf_builder.h"

#define FUZZ_ASSERT(condition)                                                                                         \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                             \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A normal form can be larger than its file, by alignment; larger than this, its bytes are not looked at. */
#define FUZZ_FORM_LIMIT ((uint64_t)4 << 20)

/* ---- The interface of libFuzzer ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/* ---- Input ---- */

/* What is left of an input; behind its end there are zeros. */
struct input {
    const uint8_t *bytes;
    size_t size;
};

uint8_t input_u8(struct input *input);
uint16_t input_u16(struct input *input);

/* The bytes in memory of exactly their size, so that reading past them is caught. Close with fuzz_close. */
void fuzz_open(struct image *image, const uint8_t *bytes, size_t size);
void fuzz_close(struct image *image);

/* The status of image_parse; what must hold of its result is checked. */
int fuzz_parse(struct image *image);

/* A file in memory with these bytes, and its path. The caller closes it. */
int fuzz_file(const uint8_t *bytes, size_t size, char path[64]);

/* ---- Properties ---- */

/* Printable ASCII, and terminated. */
void fuzz_check_text(const char *text, size_t room);
void fuzz_check_image(const struct image *image);
void fuzz_check_form(const struct normal_form *form, const struct rule_set *rules);

/* The bytes of a normal form, to be freed; NULL where they are too many to look at. */
uint8_t *fuzz_form_bytes(const struct normal_form *form);

/* ---- Making input ---- */

/* libFuzzer's own mutations, mixed with changes of fields in the program and section headers. */
size_t fuzz_mutate_elf(uint8_t *data, size_t size, size_t most, unsigned seed);

#define FUZZ_BASES 12

/* Small honest files of every type, class and byte order. */
void fuzz_base(unsigned index, struct built *built);

#endif
