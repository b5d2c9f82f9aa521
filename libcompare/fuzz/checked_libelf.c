/*
 * libelf is not instrumented. Its translators, the only functions of it that see bytes of a file, are called through
 * these (the linker's --wrap), which have AddressSanitizer look at the bytes that they are about to read and write.
 */
#include <libelf.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>

#define CHECKED(name)                                                                                                  \
    Elf_Data *__real_##name(Elf_Data *to, const Elf_Data *from, unsigned encoding);                                    \
    Elf_Data *__wrap_##name(Elf_Data *to, const Elf_Data *from, unsigned encoding);                                    \
    Elf_Data *__wrap_##name(Elf_Data *to, const Elf_Data *from, unsigned encoding)                                     \
    {                                                                                                                  \
        if (__asan_region_is_poisoned(from->d_buf, from->d_size) != NULL ||                                            \
            __asan_region_is_poisoned(to->d_buf, to->d_size) != NULL)                                                  \
            abort();                                                                                                   \
        return __real_##name(to, from, encoding);                                                                      \
    }

CHECKED(elf32_xlatetom)
CHECKED(elf64_xlatetom)
CHECKED(elf32_xlatetof)
CHECKED(elf64_xlatetof)
