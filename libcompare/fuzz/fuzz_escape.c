/* A buffer's size, then bytes: what is escaped is printable, terminated, inside the buffer, and says the same. */
#include <string.h>

#include "fuzz.h"

static int digit(char character)
{
    return character >= 'a' ? character - 'a' + 10 : character - '0';
}

/* Reads back up to `end`; the bytes must be those of the input, in their order. Returns how many there are. */
static size_t read_back(const char *text, size_t end, const uint8_t *bytes, size_t count)
{
    size_t read = 0;
    for (size_t at = 0; at < end; read++) {
        int byte = (unsigned char)text[at];
        if (byte == '\\') {
            FUZZ_ASSERT(end - at >= 4 && text[at + 1] == 'x');
            byte = digit(text[at + 2]) << 4 | digit(text[at + 3]);
            at += 3;
        }
        at++;
        FUZZ_ASSERT(read < count && bytes[read] == byte);
    }
    return read;
}

static void check_error(const uint8_t *bytes, size_t size)
{
    struct compare_error error;
    char *name = strndup((const char *)bytes, size);
    FUZZ_ASSERT(name != NULL && error_set(&error, COMPARE_ERROR_LIMIT, name, "words") == COMPARE_ERROR_LIMIT);
    fuzz_check_text(error.file, sizeof(error.file));
    fuzz_check_text(error.message, sizeof(error.message));
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    size_t room = (size_t)input_u16(&input) % 1500 + 1;
    char *buffer = malloc(room);
    FUZZ_ASSERT(buffer != NULL && escape_bytes(buffer, room, input.bytes, input.size) == buffer);
    fuzz_check_text(buffer, room);
    size_t length = strlen(buffer), needed = 1;
    for (size_t i = 0; i < input.size; i++)
        needed += input.bytes[i] >= 0x20 && input.bytes[i] < 0x7f && input.bytes[i] != '\\' ? 1 : 4;
    /* What has room, with that for the mark of a cut, is shown whole; what is cut says so, where there is room. */
    bool marked = length >= 3 && memcmp(buffer + length - 3, "...", 3) == 0;
    if (needed + 3 <= room || (length + 1 == needed && !marked)) {
        FUZZ_ASSERT(read_back(buffer, length, input.bytes, input.size) == input.size);
    } else {
        FUZZ_ASSERT(marked || room < 4);
        read_back(buffer, marked ? length - 3 : length, input.bytes, input.size);
    }
    free(buffer);
    check_error(input.bytes, input.size);
    return 0;
}
