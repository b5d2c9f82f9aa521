/*
 * Debug information by libdw: opening it. libdw gets an Elf that is made here, of the sections that are needed and
 * nothing else: their bytes are the image's own, or copies where they were compressed or need relocations. So libelf
 * neither reads the file's headers nor decompresses nor writes into the map, and libdw finds no link to another file:
 * without .gnu_debugaltlink it opens no supplementary file, and split units (DW_AT_dwo_name) are never asked for.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "debug_parts.h"

static const char *const section_names[DEBUG_SECTIONS] = {
    [DEBUG_INFO] = ".debug_info",       [DEBUG_TYPES] = ".debug_types",
    [DEBUG_ABBREV] = ".debug_abbrev",   [DEBUG_STR] = ".debug_str",
    [DEBUG_LINE] = ".debug_line",       [DEBUG_LINE_STR] = ".debug_line_str",
    [DEBUG_RANGES] = ".debug_ranges",   [DEBUG_RNGLISTS] = ".debug_rnglists",
    [DEBUG_ADDR] = ".debug_addr",       [DEBUG_STR_OFFSETS] = ".debug_str_offsets",
    [DEBUG_LOC] = ".debug_loc",         [DEBUG_LOCLISTS] = ".debug_loclists",
    [DEBUG_ARANGES] = ".debug_aranges", [DEBUG_FRAME] = ".debug_frame",
};

/* A DIE takes libdw some 100 ns. Honest queries look at each unit once, at each function once a query. */
#define STEPS_FIXED ((uint64_t)4 << 20)
#define LINES_FIXED ((uint64_t)16 << 20)
#define LINES_TIMES 4

/* ---- libdw out of memory ---- */

/* libdw calls this instead of ending the process; it takes no argument, and must not return. */
static _Thread_local jmp_buf *out_of_memory;

static void __attribute__((noreturn)) on_no_memory(void)
{
    if (out_of_memory != NULL)
        longjmp(*out_of_memory, 1);
    abort();
}

bool debug_run(struct debug *debug, void (*work)(struct debug *debug, void *argument), void *argument)
{
    jmp_buf here, *volatile outer = out_of_memory;
    if (debug->broken)
        return false;
    if (setjmp(here) == 0) {
        out_of_memory = &here;
        work(debug, argument);
    } else {
        debug->broken = true;
    }
    out_of_memory = outer;
    return !debug->broken;
}

/* ---- Sections ---- */

/* The first of each name; there are more in groups of objects, each about one type or inline function. */
static void find_sections(const struct image *image, uint64_t found[DEBUG_SECTIONS])
{
    memset(found, 0, DEBUG_SECTIONS * sizeof(*found));
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (strncmp(section->name, ".debug_", 7) != 0 || section->type == SHT_NOBITS)
            continue;
        for (size_t k = 0; k < DEBUG_SECTIONS; k++) {
            if (found[k] == 0 && strcmp(section->name, section_names[k]) == 0)
                found[k] = i;
        }
    }
}

static int take_section(struct debug *debug, const struct section *section, uint64_t *spent, struct debug_bytes *bytes,
                        struct compare_error *error)
{
    struct content content;
    int status = image_content(debug->image, section, spent, &content, error);
    if (status == COMPARE_ERROR_MALFORMED)
        return error_set(error, status, debug->image->path, "%s cannot be decompressed", section->name);
    if (status != 0)
        return status;
    *bytes = (struct debug_bytes){content.bytes, content.size, content.owned};
    /* Behind the image's bytes there may be no page. */
    bool slack = content.owned == NULL && debug->image->size - section->bytes.end >= DEBUG_SLACK;
    return slack || debug_own(bytes) != NULL ? 0 : image_no_memory(debug->image, error);
}

static int take_sections(struct debug *debug, const uint64_t section_of[DEBUG_SECTIONS], struct compare_error *error)
{
    uint64_t spent = 0;
    int status = 0;
    for (size_t i = 0; i < DEBUG_SECTIONS && status == 0; i++) {
        if (section_of[i] != 0)
            status = take_section(debug, &debug->image->sections[section_of[i]], &spent, &debug->sections[i], error);
    }
    return status;
}

/* ---- The Elf that libdw gets ---- */

static bool add_section(Elf *elf, const void *bytes, uint64_t size, GElf_Shdr *shdr)
{
    GElf_Shdr made;
    Elf_Scn *scn = elf_newscn(elf);
    Elf_Data *data = scn != NULL ? elf_newdata(scn) : NULL;
    if (data == NULL || gelf_getshdr(scn, &made) == NULL)
        return false;
    data->d_buf = (void *)(uintptr_t)bytes;
    data->d_size = size;
    data->d_type = ELF_T_BYTE;
    data->d_align = 1;
    made.sh_name = shdr->sh_name;
    made.sh_type = shdr->sh_type;
    made.sh_size = size;
    return gelf_update_shdr(scn, &made) != 0;
}

/* The names of the sections, one after the other, behind an empty one. */
static size_t write_names(char *names, uint32_t name_of[DEBUG_SECTIONS])
{
    size_t at = 1;
    names[0] = '\0';
    for (size_t i = 0; i < DEBUG_SECTIONS; i++) {
        size_t size = strlen(section_names[i]) + 1;
        memcpy(names + at, section_names[i], size);
        name_of[i] = (uint32_t)at;
        at += size;
    }
    return at;
}

/*
 * An Elf without anything, which has room for the sections: libelf makes descriptors of files and of other descriptors
 * only, and a copy has the room that its original has. So the original is an ELF header and as many empty sections.
 */
static Elf *empty_elf(struct debug *debug)
{
    const struct image *image = debug->image;
    Elf64_Ehdr ehdr = {.e_type = ET_EXEC, .e_machine = image->header.e_machine, .e_version = EV_CURRENT};
    uint8_t *bytes = arena_alloc(&debug->arena, DEBUG_SECTIONS + 3, sizeof(Elf64_Shdr));
    if (bytes == NULL)
        return NULL;
    memcpy(ehdr.e_ident, image->header.e_ident, EI_NIDENT);
    ehdr.e_ehsize = image->is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    ehdr.e_shentsize = image->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
    ehdr.e_shoff = sizeof(Elf64_Shdr);
    ehdr.e_shnum = DEBUG_SECTIONS + 2;
    image_encode_ehdr(image, &ehdr, bytes);
    elf_version(EV_CURRENT);
    debug->seed = elf_memory((char *)bytes, (DEBUG_SECTIONS + 3) * sizeof(Elf64_Shdr));
    return debug->seed != NULL ? elf_clone(debug->seed, ELF_C_EMPTY) : NULL;
}

static bool make_elf(struct debug *debug)
{
    char *names = arena_alloc(&debug->arena, DEBUG_SECTIONS, 32);
    uint32_t name_of[DEBUG_SECTIONS];
    debug->elf = empty_elf(debug);
    GElf_Ehdr ehdr;
    if (names == NULL || debug->elf == NULL ||
        gelf_newehdr(debug->elf, debug->image->is64 ? ELFCLASS64 : ELFCLASS32) == NULL ||
        gelf_getehdr(debug->elf, &ehdr) == NULL)
        return false;
    memcpy(ehdr.e_ident, debug->image->header.e_ident, EI_NIDENT);
    ehdr.e_type = ET_EXEC;
    ehdr.e_machine = debug->image->header.e_machine;
    ehdr.e_version = EV_CURRENT;
    ehdr.e_shstrndx = 1;
    size_t size = write_names(names, name_of);
    bool made = gelf_update_ehdr(debug->elf, &ehdr) != 0 &&
                add_section(debug->elf, names, size, &(GElf_Shdr){.sh_name = 0, .sh_type = SHT_STRTAB});
    for (size_t i = 0; i < DEBUG_SECTIONS && made; i++) {
        const struct debug_bytes *section = &debug->sections[i];
        if (section->bytes != NULL && section->size > 0)
            made = add_section(debug->elf, section->bytes, section->size,
                               &(GElf_Shdr){.sh_name = name_of[i], .sh_type = SHT_PROGBITS});
    }
    return made;
}

/* ---- Opening ---- */

static int fill(struct debug *debug, uint64_t section_of[DEBUG_SECTIONS], struct compare_error *error)
{
    int status = take_sections(debug, section_of, error);
    if (status == 0)
        status = debug_relocate(debug, section_of, error);
    if (status == 0 && debug_list_units(debug) != 0)
        status = image_no_memory(debug->image, error);
    if (status != 0 || debug->unit_count == 0)
        return status;
    debug->steps = STEPS_FIXED + debug->sections[DEBUG_INFO].size;
    debug->line_work = LINES_FIXED + LINES_TIMES * debug->sections[DEBUG_LINE].size;
    if (!make_elf(debug) || (debug->dwarf = dwarf_begin_elf(debug->elf, DWARF_C_READ, NULL)) == NULL)
        return image_no_memory(debug->image, error);
    dwarf_new_oom_handler(debug->dwarf, on_no_memory);
    return 0;
}

int debug_open(const struct image *image, struct debug **out, struct compare_error *error)
{
    uint64_t section_of[DEBUG_SECTIONS];
    *out = NULL;
    find_sections(image, section_of);
    if (section_of[DEBUG_INFO] == 0 || section_of[DEBUG_ABBREV] == 0)
        return 0;
    struct debug *debug = calloc(1, sizeof(*debug));
    if (debug == NULL)
        return image_no_memory(image, error);
    debug->image = image;
    int status = fill(debug, section_of, error);
    if (status == 0 && debug->dwarf != NULL)
        *out = debug;
    else
        debug_close(debug);
    return status;
}

void debug_close(struct debug *debug)
{
    if (debug == NULL)
        return;
    dwarf_end(debug->dwarf);
    elf_end(debug->elf);
    elf_end(debug->seed);
    for (size_t i = 0; i < debug->unit_count; i++)
        free(debug->units[i].rows);
    for (size_t i = 0; i < DEBUG_SECTIONS; i++)
        free(debug->sections[i].owned);
    free(debug->units);
    arena_free(&debug->arena);
    free(debug);
}
