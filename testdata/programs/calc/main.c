#include "calc.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char line[4096];
    int status = 0;
    if (argc > 1 && strcmp(argv[1], "-V") == 0) {
        about();
        return 0;
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        const char *error = NULL;
        long result = 0;
        line[strcspn(line, "\n")] = '\0';
        if (evaluate(line, &result, &error)) {
            printf("%ld\n", result);
        } else {
            fprintf(stderr, "calc: %s: %s\n", line, error);
            status = 1;
        }
    }
    return status;
}
