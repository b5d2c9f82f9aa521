/* Any bytes as a file: every view of an image, and that its extents partition it. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image image;
    fuzz_open(&image, data, size);
    fuzz_parse(&image);
    fuzz_close(&image);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    return fuzz_mutate_elf(data, size, most, seed);
}
