/* The steps by which image_parse builds an image's views, in their order. Private to this room. */
#ifndef IMAGE_PARTS_H
#define IMAGE_PARTS_H

#include "image.h"

int headers_parse(struct image *image, struct compare_error *error);
int segments_parse(struct image *image, struct compare_error *error);
int sections_parse(struct image *image, struct compare_error *error);
int dynamic_parse(struct image *image, struct compare_error *error);
int notes_parse(struct image *image, struct compare_error *error);
int load_view_build(struct image *image, struct compare_error *error);
int extents_build(struct image *image, struct list *anomalies, struct compare_error *error);

/* Lists where the views disagree; extents_build has added what overlaps. */
int anomalies_find(struct image *image, struct list *anomalies, struct compare_error *error);
int anomaly_add(struct list *anomalies, const char *id, uint64_t file_offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* For a failure to get memory, which has no place in the file. */
int image_no_memory(const struct image *image, struct compare_error *error);

/* The range of an image that a table or record must occupy, or an error that names it. */
int image_require(const struct image *image, uint64_t offset, uint64_t size, const char *what, struct range *range,
                  struct compare_error *error);

/* Decoding of single records: bytes in the file's class and byte order, widened to the 64-bit form. */
void decode_ehdr(const struct image *image, const uint8_t *bytes, Elf64_Ehdr *ehdr);
void decode_phdr(const struct image *image, const uint8_t *bytes, Elf64_Phdr *phdr);
void decode_shdr(const struct image *image, const uint8_t *bytes, Elf64_Shdr *shdr);
void decode_dyn(const struct image *image, const uint8_t *bytes, Elf64_Dyn *dyn);
void decode_sym(const struct image *image, const uint8_t *bytes, Elf64_Sym *sym);
/* r_info is in the 64-bit form, and in the generic one where MIPS 64 has its own. */
void decode_rel(const struct image *image, const uint8_t *bytes, Elf64_Rel *rel);
void decode_rela(const struct image *image, const uint8_t *bytes, Elf64_Rela *rela);

#endif
