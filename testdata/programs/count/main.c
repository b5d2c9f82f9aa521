#include "count.h"

#include <errno.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct counts total = {0};
    int status = 0;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        about(stdout);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        struct counts counts = {0};
        FILE *in = fopen(argv[i], "r");
        if (in == NULL || count_stream(in, &counts) != 0) {
            fprintf(stderr, "count: %s: %s\n", argv[i], strerror(errno));
            status = 1;
        } else {
            counts_print(&counts, argv[i]);
            counts_add(&total, &counts);
        }
        if (in != NULL)
            fclose(in);
    }
    if (argc > 2)
        counts_print(&total, "total");
    return status;
}
