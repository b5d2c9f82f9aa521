/*
 * The load view against the kernel and ld.so themselves. Programs are run and stopped before their first instruction,
 * or when ld.so has mapped their libraries, and their memory (/proc/PID/maps, /proc/PID/mem) is compared with what
 * the image says of their files. Three things must hold:
 *
 *   - what can be seen of the file in memory is in the load view, and what can run there is executable in the image
 *   - each PT_LOAD is where its header says, with its bytes and its rights, unless a later one lies over it
 *   - what the load view holds beyond that is a range of the headers, or a page that other kernels map
 *
 * The image speaks for all kernels, so it may claim a tail that this one zeroes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../testing/elf_builder.h"

#define PAGE        ((uint64_t)4096)
#define NOT_STARTED 113 /* exit status of a child whose execve failed */
/* No linker option says this of a library, so its header is changed afterwards. */
#define RUNNABLE_DATA "-Wl,-z,norelro -DRUNNABLE_DATA"
#define MAPPINGS      512

static char directory[PATH_MAX];
static bool tracing = true;
static struct {
    unsigned programs, libraries, refused;
    uint64_t pages, bytes;
} totals;

/* ---- Processes that stand still ---- */

struct mapping {
    uint64_t begin, end, file_offset;
    bool visible, write, run; /* visible: any right at all */
    char path[256];           /* "" where it is anonymous */
};

struct process {
    pid_t pid;
    int memory;
    struct mapping mappings[MAPPINGS];
    size_t count;
};

static void read_mappings(struct process *process)
{
    char name[64], line[PATH_MAX + 128];
    snprintf(name, sizeof(name), "/proc/%d/maps", process->pid);
    FILE *maps = fopen(name, "re");
    assert_non_null(maps);
    process->count = 0;
    while (fgets(line, sizeof(line), maps) != NULL) {
        struct mapping *mapping = &process->mappings[process->count++];
        char rights[8] = "";
        assert_true(process->count < MAPPINGS);
        *mapping = (struct mapping){0};
        int found = sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %255[^\n]", &mapping->begin,
                           &mapping->end, rights, &mapping->file_offset, mapping->path);
        assert_true(found >= 4);
        mapping->visible = strncmp(rights, "---", 3) != 0;
        mapping->write = rights[1] == 'w';
        mapping->run = rights[2] == 'x';
    }
    fclose(maps);
}

static void look_at(struct process *process)
{
    char name[64];
    snprintf(name, sizeof(name), "/proc/%d/mem", process->pid);
    process->memory = open(name, O_RDONLY | O_CLOEXEC);
    assert_true(process->memory >= 0);
    read_mappings(process);
}

static void end_process(struct process *process)
{
    close(process->memory);
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
}

static _Noreturn void become(const char *path)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
        execl(path, path, (char *)NULL);
    _exit(NOT_STARTED);
}

/* Runs a program up to its first instruction; false where this kernel does not run it. */
static bool start(const char *path, struct process *process)
{
    int status = 0;
    fflush(NULL);
    process->pid = fork();
    if (process->pid == 0)
        become(path);
    assert_true(process->pid > 0);
    assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
    if (!WIFSTOPPED(status))
        return false;
    if (WSTOPSIG(status) == SIGTRAP) {
        /* A test that fails leaves it behind. */
        ptrace(PTRACE_SETOPTIONS, process->pid, NULL, PTRACE_O_EXITKILL);
        look_at(process);
        return true;
    }
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    return false;
}

/* Lets it run until it stops itself. */
static void run_to_its_stop(struct process *process)
{
    int status = 0;
    close(process->memory);
    assert_int_equal(ptrace(PTRACE_CONT, process->pid, NULL, NULL), 0);
    assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
        fail_msg("the program did not come to its stop: %#x", status);
    look_at(process);
}

static bool peek(const struct process *process, uint64_t address, void *bytes, size_t size)
{
    return pread(process->memory, bytes, size, (off_t)address) == (ssize_t)size;
}

static const struct mapping *mapping_at(const struct process *process, uint64_t address)
{
    for (size_t i = 0; i < process->count; i++) {
        if (process->mappings[i].begin <= address && address < process->mappings[i].end)
            return &process->mappings[i];
    }
    return NULL;
}

/* An entry of the auxiliary vector. */
static uint64_t auxiliary(const struct process *process, uint64_t wanted, bool is64)
{
    uint8_t bytes[1024] = {0};
    char name[64];
    snprintf(name, sizeof(name), "/proc/%d/auxv", process->pid);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, bytes, sizeof(bytes));
    size_t width = is64 ? 8 : 4;
    close(fd);
    for (ssize_t at = 0; at + (ssize_t)(2 * width) <= size; at += (ssize_t)(2 * width)) {
        uint64_t type = 0, value = 0;
        memcpy(&type, bytes + at, width);
        memcpy(&value, bytes + at + width, width);
        if (type == wanted)
            return value;
    }
    fail_msg("no entry %ju in the auxiliary vector", (uintmax_t)wanted);
    return 0;
}

/* ---- One file in one process ---- */

struct sight {
    const struct process *process;
    const struct image *image;
    const char *path;
    uint64_t bias;
    bool at_entry; /* nothing has run yet: every byte is as it was mapped */
};

static uint64_t down(uint64_t value)
{
    return value - value % PAGE;
}

static uint64_t up(uint64_t value)
{
    return down(value + PAGE - 1);
}

static bool is_ours(const struct sight *sight, const struct mapping *mapping)
{
    return mapping != NULL && strcmp(mapping->path, sight->path) == 0;
}

/* The PT_LOAD that has the last word on a page of memory: later ones are mapped over earlier ones. */
static const struct segment *segment_on(const struct sight *sight, uint64_t page)
{
    const struct segment *found = NULL;
    for (size_t i = 0; i < sight->image->segment_count; i++) {
        const struct segment *segment = &sight->image->segments[i];
        if (segment->type == PT_LOAD && !range_empty(segment->addresses) &&
            down(segment->address) + sight->bias <= page && page < up(segment->addresses.end) + sight->bias)
            found = segment;
    }
    return found;
}

static bool has_bss(const struct segment *segment)
{
    return segment->memory_size > segment->file_size;
}

/* Whether zeros may stand at an address instead of the file's bytes. */
static bool may_be_zeroed(const struct segment *segment, uint64_t address, const struct sight *sight)
{
    return segment != NULL && has_bss(segment) && address - sight->bias >= segment->address + segment->file_size;
}

/* Whether the program or ld.so may have written there since. */
static bool may_be_written(const struct sight *sight, const struct segment *segment, uint64_t address)
{
    bool writable = segment == NULL || (segment->flags & PF_W) != 0;
    return !sight->at_entry && writable &&
           (segment == NULL ||
            range_contains(segment->addresses, (struct range){address - sight->bias, address - sight->bias + 1}));
}

static void what_is_seen_is_predicted(const struct sight *sight, const struct mapping *mapping, uint64_t page)
{
    const struct image *image = sight->image;
    uint64_t offset = mapping->file_offset + (page - mapping->begin);
    uint64_t size = offset >= image->size ? 0 : image->size - offset < PAGE ? image->size - offset : PAGE;
    const struct segment *segment = segment_on(sight, page);
    uint8_t seen[PAGE];
    if (!peek(sight->process, page, seen, size))
        return;
    totals.pages++;
    for (uint64_t i = 0; i < size; i++) {
        struct range byte = {offset + i, offset + i + 1};
        bool zeroed = may_be_zeroed(segment, page + i, sight);
        if (may_be_written(sight, segment, page + i)) {
            if (!zeroed && !image_in_load_view(image, byte))
                fail_msg("%s: byte %#jx is mapped, but not in the load view", sight->path, (uintmax_t)byte.begin);
            continue;
        }
        totals.bytes++;
        if (seen[i] != image->bytes[byte.begin] && (seen[i] != 0 || !zeroed))
            fail_msg("%s: byte %#jx is another in memory", sight->path, (uintmax_t)byte.begin);
        if (seen[i] != image->bytes[byte.begin] || seen[i] == 0)
            continue;
        if (!image_in_load_view(image, byte))
            fail_msg("%s: byte %#jx is in memory, but not in the load view", sight->path, (uintmax_t)byte.begin);
        if (mapping->run && !image_is_executable(image, byte))
            fail_msg("%s: byte %#jx can run, but is not executable", sight->path, (uintmax_t)byte.begin);
    }
}

static void all_that_is_seen_is_predicted(const struct sight *sight)
{
    for (size_t i = 0; i < sight->process->count; i++) {
        const struct mapping *mapping = &sight->process->mappings[i];
        for (uint64_t page = mapping->begin; is_ours(sight, mapping) && mapping->visible && page < mapping->end;
             page += PAGE)
            what_is_seen_is_predicted(sight, mapping, page);
    }
}

static void a_byte_is_at_its_address(const struct sight *sight, uint64_t offset)
{
    uint64_t address = 0;
    uint8_t seen;
    assert_true(image_address(sight->image, offset, &address));
    address += sight->bias;
    const struct segment *segment = segment_on(sight, down(address));
    if (segment == NULL || address - sight->bias - segment->address != offset - segment->file_offset)
        return; /* another lies over it */
    if (peek(sight->process, address, &seen, 1) && !may_be_written(sight, segment, address))
        assert_int_equal(seen, sight->image->bytes[offset]);
}

/* A page that a segment maps from the file. */
static void a_page_of_the_file_is_there(const struct sight *sight, const struct segment *segment, uint64_t page)
{
    const struct mapping *mapping = mapping_at(sight->process, page);
    uint64_t offset = down(segment->file_offset) + (page - sight->bias - down(segment->address));
    if (!is_ours(sight, mapping) || mapping->file_offset + (page - mapping->begin) != offset)
        fail_msg("%s: no page %#jx of the file at %#jx", sight->path, (uintmax_t)offset, (uintmax_t)page);
    struct range bytes = {offset, offset + PAGE < sight->image->size ? offset + PAGE : sight->image->size};
    bool run = (segment->flags & PF_X) != 0;
    if (mapping->run != run && !(mapping->run && image_is_executable(sight->image, bytes)))
        fail_msg("%s: page %#jx %s run", sight->path, (uintmax_t)offset, mapping->run ? "can" : "cannot");
    if (sight->at_entry)
        assert_int_equal(mapping->write, (segment->flags & PF_W) != 0);
    uint64_t first = offset > segment->bytes.begin ? offset : segment->bytes.begin;
    uint64_t last = (bytes.end < segment->bytes.end ? bytes.end : segment->bytes.end) - 1;
    a_byte_is_at_its_address(sight, first);
    a_byte_is_at_its_address(sight, last);
    if (!image_in_load_view(sight->image, (struct range){first, last + 1}))
        fail_msg("%s: page %#jx is mapped, but not in the load view", sight->path, (uintmax_t)offset);
}

/* Memory behind a segment's last page of the file; of much, the ends are looked at. */
static void a_page_of_bss_is_there(const struct sight *sight, uint64_t page)
{
    const struct mapping *mapping = mapping_at(sight->process, page);
    if (mapping == NULL || is_ours(sight, mapping))
        fail_msg("%s: no memory without a file at %#jx", sight->path, (uintmax_t)page);
    uint8_t seen[PAGE], zero[PAGE] = {0};
    if (sight->at_entry && peek(sight->process, page, seen, PAGE))
        assert_memory_equal(seen, zero, PAGE);
}

static void a_segment_is_where_its_header_says(const struct sight *sight, const struct segment *segment)
{
    uint64_t begin = down(segment->address) + sight->bias, end = up(segment->addresses.end) + sight->bias;
    uint64_t middle = segment->file_size == 0 ? begin : up(segment->address + segment->file_size) + sight->bias;
    for (uint64_t page = begin; page < middle; page += PAGE) {
        if (segment_on(sight, page) == segment)
            a_page_of_the_file_is_there(sight, segment, page);
    }
    for (uint64_t page = middle; page < end; page += PAGE) {
        bool looked_at = page - middle < 8 * PAGE || end - page <= 8 * PAGE;
        if (looked_at && segment_on(sight, page) == segment)
            a_page_of_bss_is_there(sight, page);
    }
}

/* Whether it is a range of the headers, or of a segment that was mapped over, or that other kernels map. */
static bool is_seen_elsewhere(const struct sight *sight, uint64_t offset)
{
    for (size_t i = 0; i < sight->image->segment_count; i++) {
        const struct segment *segment = &sight->image->segments[i];
        if (segment->type != PT_LOAD) {
            if (segment->bytes.begin <= offset && offset < segment->bytes.end)
                return true;
            continue;
        }
        uint64_t page = down(segment->address) + sight->bias + (down(offset) - down(segment->file_offset));
        bool covers = down(segment->file_offset) <= offset && offset < up(segment->file_offset + segment->file_size);
        bool no_rights = (segment->flags & (PF_R | PF_W | PF_X)) == 0;
        if ((covers && (no_rights || segment_on(sight, page) != segment)) ||
            (segment->file_size == 0 && down(segment->file_offset) == down(offset)))
            return true;
    }
    const Elf64_Ehdr *header = &sight->image->header;
    uint64_t table = header->e_phoff + (uint64_t)header->e_phnum * header->e_phentsize;
    return offset < header->e_ehsize || (header->e_phoff <= offset && offset < table);
}

static bool is_mapped(const struct sight *sight, uint64_t offset, bool run)
{
    for (size_t i = 0; i < sight->process->count; i++) {
        const struct mapping *mapping = &sight->process->mappings[i];
        if (is_ours(sight, mapping) && mapping->visible && (mapping->run || !run) && mapping->file_offset <= offset &&
            offset - mapping->file_offset < mapping->end - mapping->begin)
            return true;
    }
    return false;
}

/* READ_IMPLIES_EXEC: what other kernels make of a program whose stack can run. */
static bool asks_for_a_stack_that_runs(const struct image *image)
{
    const struct segment *stack = NULL;
    for (size_t i = 0; i < image->segment_count && stack == NULL; i++)
        stack = image->segments[i].type == PT_GNU_STACK ? &image->segments[i] : NULL;
    return stack == NULL || (stack->flags & PF_X) != 0;
}

static void no_more_is_predicted(const struct sight *sight)
{
    const struct image *image = sight->image;
    for (size_t i = 0; i < image->load_count; i++) {
        for (uint64_t at = image->load[i].begin; at < image->load[i].end; at++) {
            if (!is_mapped(sight, at, false) && !is_seen_elsewhere(sight, at))
                fail_msg("%s: byte %#jx of the load view is not mapped", sight->path, (uintmax_t)at);
            at = at - at % 64 + 63; /* of each 64 bytes the first in the view */
        }
    }
    for (size_t i = 0; i < image->executable_count && !asks_for_a_stack_that_runs(image); i++) {
        for (uint64_t at = image->executable[i].begin; at < image->executable[i].end; at = down(at) + PAGE) {
            if (!is_mapped(sight, at, true) && !is_seen_elsewhere(sight, at))
                fail_msg("%s: byte %#jx is executable, but cannot run", sight->path, (uintmax_t)at);
        }
    }
}

static void check_sight(const struct sight *sight)
{
    all_that_is_seen_is_predicted(sight);
    for (size_t i = 0; i < sight->image->segment_count; i++) {
        if (sight->image->segments[i].type == PT_LOAD)
            a_segment_is_where_its_header_says(sight, &sight->image->segments[i]);
    }
    no_more_is_predicted(sight);
}

static void open_image(const char *path, struct image *image)
{
    struct compare_error error;
    if (image_open(path, NULL, image, &error) != 0 || image_parse(image, &error) != 0)
        fail_msg("%s: %s", path, error.message);
}

static void check_program(const char *path, const struct process *process)
{
    struct image image;
    open_image(path, &image);
    uint64_t entry = auxiliary(process, AT_ENTRY, image.is64);
    check_sight(&(struct sight){process, &image, path, entry - image.header.e_entry, true});
    totals.programs++;
    image_close(&image);
}

/* The interpreter, or a library, by the lowest place where it is mapped. */
static void check_mapped_file(const char *path, const struct process *process, bool at_entry)
{
    struct image image;
    const struct segment *first = NULL;
    uint64_t lowest = UINT64_MAX;
    open_image(path, &image);
    for (size_t i = 0; i < image.segment_count && first == NULL; i++)
        first = image.segments[i].type == PT_LOAD ? &image.segments[i] : NULL;
    for (size_t i = 0; i < process->count; i++) {
        if (strcmp(process->mappings[i].path, path) == 0 && process->mappings[i].begin < lowest)
            lowest = process->mappings[i].begin;
    }
    assert_non_null(first);
    check_sight(&(struct sight){process, &image, path, lowest - down(first->address), at_entry});
    totals.libraries++;
    image_close(&image);
}

/* ---- Files to run ---- */

static void in_directory(char path[PATH_MAX], const char *name)
{
    int size = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    assert_true(size > 0 && size < PATH_MAX);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

/* Makes what can be written to executable, too. */
static void make_data_runnable(const char *path)
{
    Elf64_Ehdr ehdr;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &ehdr, sizeof(ehdr), 0), sizeof(ehdr));
    for (size_t i = 0; i < ehdr.e_phnum; i++) {
        Elf64_Phdr phdr;
        off_t at = (off_t)(ehdr.e_phoff + i * sizeof(phdr));
        assert_int_equal(pread(fd, &phdr, sizeof(phdr), at), sizeof(phdr));
        if (phdr.p_type == PT_LOAD && (phdr.p_flags & PF_W) != 0)
            phdr.p_flags |= PF_X;
        assert_int_equal(pwrite(fd, &phdr, sizeof(phdr), at), sizeof(phdr));
    }
    close(fd);
}

/* Runs a command line in the directory; its exit status. */
static int shell(const char *command)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (chdir(directory) == 0)
            execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(NOT_STARTED);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool compile(const char *compiler, const char *options, const char *source, const char *name)
{
    char command[PATH_MAX];
    snprintf(command, sizeof(command), "%s -O1 -o %s %s %s >compiler.log 2>&1", compiler, name, source, options);
    return shell(command) == 0;
}

static bool check_at_entry(const char *path)
{
    struct process process;
    if (!start(path, &process)) {
        totals.refused++;
        return false;
    }
    check_program(path, &process);
    end_process(&process);
    return true;
}

/* ---- Compiled programs ---- */

static void memory_at_entry_is_what_the_load_view_predicts(void **state)
{
    (void)state;
    static const char *const options[] = {
        "-fPIE -pie",
        "-no-pie",
        "-static -no-pie",
        "-static-pie -fPIE",
        "-Wl,-z,noseparate-code",
        "-static -no-pie -Wl,-z,noseparate-code",
        "-nostdlib -static -no-pie -Wl,-N,-e,main",
        "-nostdlib -static -no-pie -Wl,-n,-e,main",
        "-Wl,-z,max-page-size=0x200000",
        "-Wl,-z,max-page-size=0x10000",
        "-static -no-pie -Wl,-z,max-page-size=0x200000",
        "-Wl,-z,execstack",
        "-Wl,-z,norelro -s",
        "-Wl,-z,relro,-z,now -g",
        "-DHUGE",
        "-static -no-pie -DHUGE",
        "-fuse-ld=lld",
        "-fuse-ld=lld -static -no-pie",
        "-fuse-ld=gold",
        "-fuse-ld=gold -static -no-pie",
    };
    unsigned checked = 0;
    if (!tracing)
        skip();
    for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
        char name[32], path[PATH_MAX];
        snprintf(name, sizeof(name), "program%zu", i);
        in_directory(path, name);
        bool made = compile("gcc", options[i], "program.c", name);
        if (made && check_at_entry(path))
            checked++;
        else
            print_message("%s with \"%s\"\n", made ? "not run:" : "not linked:", options[i]);
    }
    assert_true(checked >= 14);
}

static void memory_of_a_32_bit_program_is_what_the_load_view_predicts(void **state)
{
    (void)state;
    char path[PATH_MAX];
    in_directory(path, "program32");
    if (!tracing || !compile("i686-linux-gnu-gcc", "-static -no-pie", "program.c", "program32") ||
        !check_at_entry(path)) {
        print_message("no 32-bit program was made and run\n");
        skip();
    }
}

static void code_in_the_slack_of_an_executable_page_is_in_memory_and_executable(void **state)
{
    (void)state;
    struct image image;
    char path[PATH_MAX], changed[PATH_MAX];
    if (!tracing)
        skip();
    in_directory(path, "program");
    in_directory(changed, "slack");
    open_image(path, &image);
    uint8_t *bytes = malloc(image.size);
    assert_non_null(bytes);
    memcpy(bytes, image.bytes, image.size);
    unsigned filled = 0;
    for (size_t i = 0; i < image.segment_count; i++) {
        const struct segment *segment = &image.segments[i];
        for (uint64_t at = segment->bytes.end;
             segment->type == PT_LOAD && (segment->flags & PF_X) != 0 && at < up(segment->bytes.end); at++) {
            bytes[at] = 0xcc;
            filled++;
            assert_true(image_is_executable(&image, (struct range){at, at + 1}));
        }
    }
    assert_true(filled > 0);
    write_file(changed, bytes, image.size);
    assert_true(check_at_entry(changed));
    free(bytes);
    image_close(&image);
}

/* ---- Crafted programs ---- */

/* Three segments on pages of their own, and no byte zero where only a page's slack is. */
static void crafted(struct built *built, uint16_t type)
{
    built_program(built, true, false, type);
    built_layout(built);
    if (type == ET_EXEC) {
        for (size_t i = 0; i < built->segment_count; i++)
            built->segments[i].p_vaddr += 0x10000000;
    }
    built->header.e_entry = built->segments[1].p_vaddr;
}

static void craft_nothing(struct built *built)
{
    (void)built;
}

static Elf64_Phdr *add(struct built *built, const Elf64_Phdr *like)
{
    Elf64_Phdr *added = &built->segments[built->segment_count++];
    *added = *like;
    built->header.e_phnum++;
    return added;
}

static void craft_one_over_another(struct built *built)
{
    Elf64_Phdr *over = add(built, &built->segments[1]);
    over->p_vaddr = built->segments[2].p_vaddr;
}

static void craft_bss_over_another(struct built *built)
{
    Elf64_Phdr *over = add(built, &built->segments[2]);
    over->p_vaddr = built->segments[0].p_vaddr;
    over->p_memsz = 2 * PAGE;
}

static void craft_no_bss(struct built *built)
{
    built->segments[2].p_memsz = built->segments[2].p_filesz;
}

static void craft_little_bss(struct built *built)
{
    built->segments[2].p_memsz = built->segments[2].p_filesz + 8;
}

static void craft_bss_of_read_only(struct built *built)
{
    craft_little_bss(built);
    built->segments[2].p_flags = PF_R;
}

static void craft_large_bss_of_read_only(struct built *built)
{
    built->segments[2].p_flags = PF_R;
    built->segments[2].p_memsz = 3 * PAGE;
}

static void craft_bss_of_code(struct built *built)
{
    built->segments[1].p_memsz = 2 * BUILT_PAGE / 3;
}

static void craft_bss_that_runs(struct built *built)
{
    craft_little_bss(built);
    built->segments[2].p_flags = PF_R | PF_W | PF_X;
}

static void craft_bss_before_another(struct built *built)
{
    craft_little_bss(built);
    Elf64_Phdr *behind = add(built, &built->segments[1]);
    behind->p_vaddr = built->segments[2].p_vaddr + 4 * PAGE;
}

static void craft_a_shared_page(struct built *built)
{
    Elf64_Phdr *same = add(built, &built->segments[1]);
    same->p_vaddr += 8 * PAGE;
    same->p_flags = PF_R;
}

static void craft_another_order(struct built *built)
{
    Elf64_Phdr code = built->segments[1];
    built->segments[1] = built->segments[2];
    built->segments[2] = code;
}

static void craft_no_bytes(struct built *built)
{
    Elf64_Phdr *empty = add(built, &built->segments[2]);
    empty->p_vaddr += 8 * PAGE + 0x100;
    empty->p_offset += 0x100;
    empty->p_filesz = 0;
}

static void craft_no_stack_header(struct built *built)
{
    for (size_t i = 0; i < built->segment_count; i++) {
        if (built->segments[i].p_type == PT_GNU_STACK)
            built->segments[i].p_type = PT_NULL;
    }
}

static void craft_a_stack_that_runs(struct built *built)
{
    for (size_t i = 0; i < built->segment_count; i++) {
        if (built->segments[i].p_type == PT_GNU_STACK)
            built->segments[i].p_flags |= PF_X;
    }
}

static void craft_the_middle_of_pages(struct built *built)
{
    for (size_t i = 1; i < 3; i++) {
        built->segments[i].p_offset += 2;
        built->segments[i].p_vaddr += 2;
        built->segments[i].p_filesz = 2;
        built->segments[i].p_memsz = 2;
    }
}

static void craft_only_run(struct built *built)
{
    built->segments[1].p_flags = PF_X;
}

static void craft_only_written(struct built *built)
{
    built->segments[2].p_flags = PF_W;
}

static void craft_no_rights(struct built *built)
{
    built->segments[2].p_flags = 0;
    built->segments[2].p_memsz = built->segments[2].p_filesz;
}

static void craft_no_alignment(struct built *built)
{
    for (size_t i = 0; i < 3; i++)
        built->segments[i].p_align = i;
}

static void craft_large_alignment(struct built *built)
{
    for (size_t i = 0; i < 3; i++)
        built->segments[i].p_align = 0x200000;
}

static void craft_huge_bss(struct built *built)
{
    built->segments[2].p_memsz = (uint64_t)1 << 30;
}

static void craft_to_the_end_of_the_file(struct built *built)
{
    built->segments[2].p_filesz = built->size - built->segments[2].p_offset;
    built->segments[2].p_memsz = built->segments[2].p_filesz;
}

static void craft_more_file_than_memory(struct built *built)
{
    built->segments[2].p_memsz = 1;
}

static void craft_another_place_in_the_page(struct built *built)
{
    built->segments[2].p_vaddr += 8;
}

static const struct craft {
    const char *name;
    void (*change)(struct built *built);
} crafts[] = {
    {"nothing changed", craft_nothing},
    {"a segment over another", craft_one_over_another},
    {".bss over other segments", craft_bss_over_another},
    {"no .bss", craft_no_bss},
    {"little .bss", craft_little_bss},
    {".bss in a read-only segment", craft_bss_of_read_only},
    {"pages of .bss in a read-only segment", craft_large_bss_of_read_only},
    {".bss in a segment of code", craft_bss_of_code},
    {".bss that runs", craft_bss_that_runs},
    {".bss before another segment", craft_bss_before_another},
    {"two segments of one page", craft_a_shared_page},
    {"not in the order of addresses", craft_another_order},
    {"a segment without bytes", craft_no_bytes},
    {"no PT_GNU_STACK", craft_no_stack_header},
    {"a stack that runs", craft_a_stack_that_runs},
    {"the middle of pages", craft_the_middle_of_pages},
    {"only PF_X", craft_only_run},
    {"only PF_W", craft_only_written},
    {"no right at all", craft_no_rights},
    {"p_align 0, 1, 2", craft_no_alignment},
    {"p_align of 2 MiB", craft_large_alignment},
    {"1 GiB of .bss", craft_huge_bss},
    {"to the end of the file", craft_to_the_end_of_the_file},
    {"more in the file than in memory", craft_more_file_than_memory},
    {"p_vaddr and p_offset differ within the page", craft_another_place_in_the_page},
};

static void write_crafted(struct built *built, const char *path)
{
    built_write(built);
    uint64_t headers = built->header.e_phoff + (uint64_t)built->header.e_phnum * built->header.e_phentsize;
    for (uint64_t i = headers; i < built->header.e_shoff; i++)
        built->bytes[i] = built->bytes[i] != 0 ? built->bytes[i] : 0xa5;
    memset(built->bytes + built->size, 0xa5, 2 * PAGE);
    write_file(path, built->bytes, built->size + 2 * PAGE);
}

static void memory_of_crafted_programs_is_what_the_load_view_predicts(void **state)
{
    (void)state;
    static const uint16_t types[] = {ET_EXEC, ET_DYN};
    static struct built built;
    unsigned checked = 0;
    char path[PATH_MAX], name[32];
    if (!tracing)
        skip();
    for (size_t i = 0; i < 2 * ARRAY_COUNT(crafts); i++) {
        crafted(&built, types[i % 2]);
        crafts[i / 2].change(&built);
        snprintf(name, sizeof(name), "crafted%zu", i);
        in_directory(path, name);
        write_crafted(&built, path);
        if (check_at_entry(path))
            checked++;
        else
            print_message("this kernel does not run %s: %s\n", i % 2 == 0 ? "ET_EXEC" : "ET_DYN", crafts[i / 2].name);
    }
    assert_true(checked >= 30);
}

/* ---- Interpreter and libraries ---- */

static void memory_of_an_interpreter_is_what_the_load_view_predicts(void **state)
{
    (void)state;
    struct process process;
    char path[PATH_MAX], interpreter[PATH_MAX];
    if (!tracing)
        skip();
    in_directory(path, "program");
    assert_true(start(path, &process));
    const struct mapping *mapping = mapping_at(&process, auxiliary(&process, AT_BASE, true));
    assert_non_null(mapping);
    snprintf(interpreter, sizeof(interpreter), "%s", mapping->path);
    check_mapped_file(interpreter, &process, true);
    end_process(&process);
}

static void memory_of_shared_libraries_is_what_the_load_view_predicts(void **state)
{
    (void)state;
    static const char *const options[] = {
        "",
        "-g",
        "-Wl,-z,norelro",
        "-Wl,-z,noseparate-code",
        "-Wl,-z,max-page-size=0x200000",
        "-Wl,-z,relro,-z,now -Wl,-z,max-page-size=0x10000",
        "-DHUGE",
        RUNNABLE_DATA,
        "-fuse-ld=lld",
        "-fuse-ld=gold",
    };
    char link[1024] = "-Wl,--no-as-needed -Wl,-rpath,'$ORIGIN' -L.", all[64], path[PATH_MAX];
    size_t made = 0;
    struct process process;
    if (!tracing)
        skip();
    for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
        snprintf(all, sizeof(all), "libtest%zu.so", i);
        char with[256];
        snprintf(with, sizeof(with), "-shared -fPIC %s", options[i]);
        if (!compile("gcc", with, "library.c", all)) {
            print_message("not linked: a library with \"%s\"\n", options[i]);
            continue;
        }
        made++;
        in_directory(path, all);
        if (strcmp(options[i], RUNNABLE_DATA) == 0)
            make_data_runnable(path);
        snprintf(link + strlen(link), sizeof(link) - strlen(link), " -ltest%zu", i);
    }
    assert_true(made >= 8);
    assert_true(compile("gcc", link, "stopping.c", "stopping"));
    in_directory(path, "stopping");
    assert_true(start(path, &process));
    check_program(path, &process);
    run_to_its_stop(&process);
    size_t seen = 0;
    for (size_t i = 0; i < process.count; i++) {
        const char *name = process.mappings[i].path;
        bool library = strstr(name, "/libtest") != NULL || strstr(name, "/libc.so") != NULL;
        if (!library || (i > 0 && strcmp(process.mappings[i - 1].path, name) == 0) ||
            process.mappings[i].file_offset != 0 || process.mappings[i].write)
            continue;
        check_mapped_file(name, &process, false);
        seen++;
    }
    end_process(&process);
    if (seen < made + 1)
        fail_msg("%zu of %zu libraries were seen", seen, made + 1);
}

/* Whether ld.so makes the page at this address of a library readable; -1 where it does not map it. */
static int is_visible(const char *path, const struct process *process, uint64_t address)
{
    uint64_t lowest = UINT64_MAX;
    for (size_t i = 0; i < process->count; i++) {
        if (strcmp(process->mappings[i].path, path) == 0 && process->mappings[i].begin < lowest)
            lowest = process->mappings[i].begin;
    }
    const struct mapping *mapping = mapping_at(process, lowest + address);
    return mapping == NULL || strcmp(mapping->path, path) != 0 ? -1 : mapping->visible;
}

/* Points PT_GNU_RELRO to a page. */
static void move_relro(const char *path, uint64_t address)
{
    Elf64_Ehdr ehdr;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &ehdr, sizeof(ehdr), 0), sizeof(ehdr));
    for (size_t i = 0; i < ehdr.e_phnum; i++) {
        Elf64_Phdr phdr;
        off_t at = (off_t)(ehdr.e_phoff + i * sizeof(phdr));
        assert_int_equal(pread(fd, &phdr, sizeof(phdr), at), sizeof(phdr));
        if (phdr.p_type == PT_GNU_RELRO)
            phdr = (Elf64_Phdr){.p_type = PT_GNU_RELRO, .p_flags = PF_R, .p_vaddr = address, .p_memsz = PAGE};
        assert_int_equal(pwrite(fd, &phdr, sizeof(phdr), at), sizeof(phdr));
    }
    close(fd);
}

static void relro_shows_what_lies_between_segments_and_is_an_anomaly(void **state)
{
    (void)state;
    const uint64_t hole = 0x10000;
    struct image image;
    struct process process;
    char path[PATH_MAX], program[PATH_MAX];
    if (!tracing)
        skip();
    in_directory(path, "libhole.so");
    in_directory(program, "hole");
    assert_true(compile("gcc", "-shared -fPIC -Wl,-z,relro,-z,max-page-size=0x200000", "library.c", "libhole.so"));
    assert_true(compile("gcc", "-Wl,--no-as-needed -Wl,-rpath,'$ORIGIN' -L. -lhole", "stopping.c", "hole"));
    for (int moved = 0; moved < 2; moved++) {
        if (moved)
            move_relro(path, hole);
        open_image(path, &image);
        assert_true(start(program, &process));
        run_to_its_stop(&process);
        int visible = is_visible(path, &process, hole);
        end_process(&process);
        assert_int_equal(visible != 1 || image.anomaly_count > 0, true);
        assert_int_equal(image.anomaly_count > 0, moved);
        assert_false(image_in_load_view(&image, (struct range){hole, hole + PAGE}));
        image_close(&image);
    }
}

/* The kernel reads the interpreter's name at p_offset, wherever p_vaddr points. */
static void an_interpreter_named_outside_every_segment_is_run_and_sacred(void **state)
{
    (void)state;
    struct image image;
    struct process process;
    char path[PATH_MAX], changed[PATH_MAX], name[PATH_MAX];
    if (!tracing)
        skip();
    in_directory(path, "program");
    in_directory(changed, "interpreted");
    in_directory(name, "interpreter");
    assert_true(compile("gcc", "-nostdlib -static -no-pie", "interpreter.c", "interpreter"));
    open_image(path, &image);
    size_t size = image.size + strlen(name) + 1;
    uint8_t *bytes = calloc(1, size);
    assert_non_null(bytes);
    memcpy(bytes, image.bytes, image.size);
    memcpy(bytes + image.size, name, strlen(name));
    for (size_t i = 0; i < image.segment_count; i++) {
        Elf64_Phdr phdr;
        uint8_t *at = bytes + image.header.e_phoff + i * sizeof(phdr);
        memcpy(&phdr, at, sizeof(phdr));
        if (phdr.p_type == PT_INTERP) {
            phdr.p_offset = image.size;
            phdr.p_filesz = phdr.p_memsz = strlen(name) + 1;
        }
        memcpy(at, &phdr, sizeof(phdr));
    }
    struct range named = {image.size, size};
    write_file(changed, bytes, size);
    free(bytes);
    image_close(&image);

    assert_int_equal(shell("./interpreted"), 42);
    assert_true(start(changed, &process));
    size_t mapped = 0;
    for (size_t i = 0; i < process.count; i++)
        mapped += strcmp(process.mappings[i].path, name) == 0;
    assert_true(mapped > 0);
    check_program(changed, &process);
    end_process(&process);
    open_image(changed, &image);
    assert_true(ranges_hold(image.load, image.load_count, named));
    assert_false(image_is_executable(&image, named));
    image_close(&image);
}

/* ---- The whole ---- */

static const char program_source[] = "#ifdef HUGE\n"
                                     "static char huge[1 << 30];\n"
                                     "#else\n"
                                     "static char huge[8];\n"
                                     "#endif\n"
                                     "static int data = 7;\n"
                                     "int main(int argc, char **argv)\n"
                                     "{\n"
                                     "    (void)argv;\n"
                                     "    data += huge[argc]++;\n"
                                     "    return data;\n"
                                     "}\n";

static const char library_source[] = "#ifdef HUGE\n"
                                     "char huge[1 << 28];\n"
                                     "#endif\n"
                                     "static char small[1];\n"
                                     "static int data = 7, *pointer = &data;\n"
                                     "static const char *const words[] = {\"vendor\", \"rebuilt\"};\n"
                                     "const char *word(int i)\n"
                                     "{\n"
                                     "    return words[(small[0]++ + *pointer + i) % 2];\n"
                                     "}\n";

static const char stopping_source[] = "#include <signal.h>\n"
                                      "int main(void)\n"
                                      "{\n"
                                      "    return raise(SIGSTOP);\n"
                                      "}\n";

static const char interpreter_source[] = "void _start(void)\n"
                                         "{\n"
                                         "    __asm__ volatile(\"mov $42, %edi; mov $60, %eax; syscall\");\n"
                                         "}\n";

static void write_source(const char *name, const char *source)
{
    char path[PATH_MAX];
    in_directory(path, name);
    write_file(path, source, strlen(source));
}

/* Whether a program of one's own can be run, stopped and looked at here. */
static bool can_trace(void)
{
    struct process process;
    char path[PATH_MAX];
    in_directory(path, "program");
    int ran = shell("./program");
    bool stopped = start(path, &process);
    if (stopped)
        end_process(&process);
    return stopped && ran == 7;
}

static int make_directory(void **state)
{
    (void)state;
    char here[PATH_MAX - 32];
    if (getcwd(here, sizeof(here)) == NULL)
        return -1;
    snprintf(directory, sizeof(directory), "%s/memory.XXXXXX", here);
    if (mkdtemp(directory) == NULL)
        return -1;
    write_source("program.c", program_source);
    write_source("library.c", library_source);
    write_source("stopping.c", stopping_source);
    write_source("interpreter.c", interpreter_source);
    if (!compile("gcc", "", "program.c", "program"))
        return -1;
#ifdef __x86_64__
    tracing = can_trace();
#else
    tracing = false;
#endif
    if (!tracing)
        print_message("SKIPPED: here no x86-64 program can be run and traced\n");
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    print_message("checked %u programs and %u libraries, %ju pages, %ju bytes; %u were not run\n", totals.programs,
                  totals.libraries, (uintmax_t)totals.pages, (uintmax_t)totals.bytes, totals.refused);
    return chdir("/") != 0 || shell("rm -rf \"$PWD\"") != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_at_entry_is_what_the_load_view_predicts),
        cmocka_unit_test(memory_of_a_32_bit_program_is_what_the_load_view_predicts),
        cmocka_unit_test(code_in_the_slack_of_an_executable_page_is_in_memory_and_executable),
        cmocka_unit_test(memory_of_crafted_programs_is_what_the_load_view_predicts),
        cmocka_unit_test(memory_of_an_interpreter_is_what_the_load_view_predicts),
        cmocka_unit_test(memory_of_shared_libraries_is_what_the_load_view_predicts),
        cmocka_unit_test(relro_shows_what_lies_between_segments_and_is_an_anomaly),
        cmocka_unit_test(an_interpreter_named_outside_every_segment_is_run_and_sacred),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
