/* Output that appears whole or not at all: a full disk or an interrupt leaves what was there before. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

/* For the handler of an interrupt, which has no other way to know it. */
static char temporary_path[4096];

void output_abandon(void)
{
    if (temporary_path[0] != '\0')
        unlink(temporary_path);
}

static void on_interrupt(int signal_number)
{
    output_abandon();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static bool is_an_input(const struct stat *status, const char *const *inputs)
{
    struct stat input;
    for (; *inputs != NULL; inputs++) {
        if (stat(*inputs, &input) == 0 && input.st_dev == status->st_dev && input.st_ino == status->st_ino)
            return true;
    }
    return false;
}

static int open_temporary(struct output *output, const char *path)
{
    if (asprintf(&output->temporary, "%s.XXXXXX", path) < 0) {
        output->temporary = NULL;
        return fail("%s: no memory", path);
    }
    if (strlen(output->temporary) >= sizeof(temporary_path)) {
        free(output->temporary);
        output->temporary = NULL;
        return fail("%s: cannot create: the name is too long", path);
    }
    int fd = mkstemp(output->temporary);
    if (fd < 0) {
        int reason = errno;
        free(output->temporary);
        output->temporary = NULL;
        return fail("%s: cannot create: %s", path, strerror(reason));
    }
    memcpy(temporary_path, output->temporary, strlen(output->temporary) + 1);
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    signal(SIGHUP, on_interrupt);
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    output->stream = fdopen(fd, "w");
    if (output->stream != NULL)
        return 0;
    close(fd);
    output_close(output, false);
    return fail("%s: no memory", path);
}

static int open_nameless(struct output *output, FILE *copy_to)
{
    output->copy_to = copy_to;
    output->stream = tmpfile();
    return output->stream != NULL ? 0 : fail("cannot create a temporary file: %s", strerror(errno));
}

int output_open(struct output *output, const char *path, const char *const *inputs)
{
    struct stat status;
    *output = (struct output){.path = path};
    if (path == NULL || strcmp(path, "-") == 0) {
        output->path = NULL;
        return open_nameless(output, stdout);
    }
    bool exists = stat(path, &status) == 0;
    if (exists && is_an_input(&status, inputs))
        return fail("%s: is an input; it is not overwritten", path);
    if (!exists || S_ISREG(status.st_mode))
        return open_temporary(output, path);
    if (S_ISDIR(status.st_mode))
        return fail("%s: is a directory", path);
    FILE *there = fopen(path, "w");
    return there != NULL ? open_nameless(output, there) : fail("%s: cannot write: %s", path, strerror(errno));
}

bool output_restart(struct output *output)
{
    /* The worker wrote through the same file, and moved its position. */
    return ftruncate(fileno(output->stream), 0) == 0 && fseeko(output->stream, 0, SEEK_SET) == 0;
}

static bool copy_out(struct output *output)
{
    char block[65536];
    size_t size;
    if (fseeko(output->stream, 0, SEEK_SET) != 0)
        return false;
    while ((size = fread(block, 1, sizeof(block), output->stream)) > 0) {
        if (fwrite(block, 1, size, output->copy_to) != size)
            return false;
    }
    return ferror(output->stream) == 0 && fflush(output->copy_to) == 0;
}

/* What was written goes to its place; errno tells why not. */
static bool put_in_place(struct output *output)
{
    if (fflush(output->stream) != 0 || ferror(output->stream))
        return false;
    if (output->copy_to != NULL)
        return copy_out(output);
    return fsync(fileno(output->stream)) == 0 && rename(output->temporary, output->path) == 0;
}

int output_close(struct output *output, bool keep)
{
    const char *name = output->path != NULL ? output->path : "standard output";
    errno = 0;
    bool placed = keep && output->stream != NULL && put_in_place(output);
    int reason = errno;
    if (output->stream != NULL)
        fclose(output->stream);
    if (output->copy_to != NULL && output->copy_to != stdout && fclose(output->copy_to) != 0 && placed) {
        placed = false;
        reason = errno;
    }
    if (output->temporary != NULL && !placed)
        unlink(output->temporary);
    temporary_path[0] = '\0';
    free(output->temporary);
    bool told = output->told;
    *output = (struct output){0};
    if (!keep || placed)
        return 0;
    if (told)
        return EXIT_TROUBLE;
    return fail("%s: cannot write: %s", name, reason != 0 ? strerror(reason) : "the stream failed");
}
