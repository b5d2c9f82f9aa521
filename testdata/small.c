/* A small program with something in every usual section; the tests compare it with its own changed copies. */
#include <stdio.h>
#include <string.h>

static const char *const words[] = {"vendor", "rebuilt"};
static int counter;
static char buffer[64] = "tally";

__attribute__((constructor)) static void begin(void)
{
    counter++;
}

int main(int argc, char **argv)
{
    strncat(buffer, words[argc % 2], sizeof(buffer) - strlen(buffer) - 1);
    printf("%s %d %s\n", buffer, counter, argc > 1 ? argv[1] : "");
    return 0;
}
