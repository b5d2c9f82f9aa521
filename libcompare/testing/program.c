/* Programs compiled while a test runs. */
#include "program.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

__attribute__((format(printf, 3, 0))) static void format_command(char *command, size_t size, const char *format,
                                                                 va_list arguments)
{
    int length = vsnprintf(command, size, format, arguments);
    assert_true(length > 0 && (size_t)length < size);
}

void program_run(const char *format, ...)
{
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    format_command(command, sizeof(command), format, arguments);
    va_end(arguments);
    if (system(command) != 0) /* NOLINT(cert-env33-c): commands of the tests' own */
        fail_msg("%s", command);
}

FILE *program_output(const char *format, ...)
{
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    format_command(command, sizeof(command), format, arguments);
    va_end(arguments);
    FILE *output = popen(command, "r"); /* NOLINT(cert-env33-c) */
    assert_non_null(output);
    return output;
}

void program_compile(struct program *program, const char *compiler, const char *suffix, const char *source)
{
    char command[256];
    snprintf(command, sizeof(command), "command -v %.*s >/dev/null", (int)strcspn(compiler, " "), compiler);
    if (system(command) != 0) /* NOLINT(cert-env33-c) */
        skip();
    strcpy(program->directory, "/tmp/program-XXXXXX");
    assert_non_null(mkdtemp(program->directory));
    snprintf(program->path, sizeof(program->path), "%s/program", program->directory);
    snprintf(program->stripped, sizeof(program->stripped), "%s/stripped", program->directory);
    char name[64];
    snprintf(name, sizeof(name), "%s/source.%s", program->directory, suffix);
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(source, file);
    assert_int_equal(fclose(file), 0);
    program_run("%s -o %s %s", compiler, program->path, name);
}

void program_strip(struct program *program, const char *strip)
{
    program_run("%s -o %s %s", strip, program->stripped, program->path);
}

void program_remove(struct program *program)
{
    program_run("rm -r %s", program->directory);
}

void program_drop_sections(const char *path)
{
    struct image image;
    program_open(path, &image);
    Elf64_Ehdr header = image.header;
    uint8_t bytes[64];
    header.e_shoff = 0;
    header.e_shnum = header.e_shstrndx = 0;
    size_t size = image_encode_ehdr(&image, &header, bytes);
    image_close(&image);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, 0), size);
    close(fd);
}

void program_open(const char *path, struct image *image)
{
    struct compare_error error;
    if (image_open(path, NULL, image, &error) != 0 || image_parse(image, &error) != 0)
        fail_msg("%s", error.message);
}

void program_open_bytes(const void *bytes, size_t count, size_t size, void (*more)(uint8_t *bytes, void *argument),
                        void *argument, struct image *image)
{
    char path[64];
    int fd = memfd_create("program", MFD_CLOEXEC);
    assert_true(fd >= 0 && count <= size);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(map != MAP_FAILED);
    memcpy(map, bytes, count);
    if (more != NULL)
        more(map, argument);
    munmap(map, size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    program_open(path, image);
    image->path = "built";
    close(fd);
}
