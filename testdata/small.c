/* A small program with something in every usual section; the tests compare it with its own changed copies. */
#include <stdio.h>
#include <string.h>

static const char *const words[] = {"vendor", "rebuilt"};
static int counter;
/* Pages of .bss: where there is less, ld.so leaves the file's bytes behind it in memory, and they are compared. */
static volatile char room[65536];
static char buffer[64] = "tally";

__attribute__((constructor)) static void begin(void)
{
    room[counter] = (char)counter;
    counter++;
}

int main(int argc, char **argv)
{
    strncat(buffer, words[argc % 2], sizeof(buffer) - strlen(buffer) - 1);
    printf("%s %d %s\n", buffer, counter, argc > 1 ? argv[1] : "");
    return 0;
}
