/* The builder of test inputs. */
#include "elf_builder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../verify/verify.h"

void built_begin(struct built *built, bool is64, bool big_endian, uint16_t type)
{
    memset(built, 0, sizeof(*built));
    built->is64 = is64;
    built->big_endian = big_endian;
    memcpy(built->header.e_ident, ELFMAG, SELFMAG);
    built->header.e_ident[EI_CLASS] = is64 ? ELFCLASS64 : ELFCLASS32;
    built->header.e_ident[EI_DATA] = big_endian ? ELFDATA2MSB : ELFDATA2LSB;
    built->header.e_ident[EI_VERSION] = EV_CURRENT;
    built->header.e_type = type;
    /* Machines with pages of 4 KiB. */
    built->header.e_machine = big_endian ? EM_S390 : is64 ? EM_X86_64 : EM_386;
    built->header.e_version = EV_CURRENT;
    built->header.e_ehsize = is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    built->header.e_shentsize = is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
    built->header.e_shstrndx = 1;
    built->section_count = 1;
    built_section(built, ".shstrtab", SHT_STRTAB, 0, "", 1);
}

struct built_section *built_section(struct built *built, const char *name, uint32_t type, uint64_t flags,
                                    const void *content, size_t size)
{
    assert_true(built->section_count < BUILT_SECTIONS && size <= sizeof(built->sections[0].content));
    struct built_section *section = &built->sections[built->section_count++];
    snprintf(section->name, sizeof(section->name), "%s", name);
    section->header = (Elf64_Shdr){.sh_type = type, .sh_flags = flags, .sh_size = size, .sh_addralign = 1};
    if (type == SHT_NOTE)
        section->header.sh_addralign = 4;
    if (type != SHT_NOBITS)
        memcpy(section->content, content, size);
    return section;
}

static void put_word(const struct built *built, uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (built->big_endian ? 24 - 8 * i : 8 * i));
}

struct built_section *built_note(struct built *built, const char *name, uint64_t flags, uint32_t type,
                                 const void *descriptor, uint32_t size)
{
    uint8_t note[512] = {0};
    put_word(built, note, 4);
    put_word(built, note + 4, size);
    put_word(built, note + 8, type);
    memcpy(note + 12, "GNU", 4);
    memcpy(note + 16, descriptor, size);
    return built_section(built, name, SHT_NOTE, flags, note, (16 + size + 3) & ~3u);
}

void built_program(struct built *built, bool is64, bool big_endian, uint16_t type)
{
    built_begin(built, is64, big_endian, type);
    built_section(built, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "\x90\x90\xc3 code", 8);
    built_section(built, ".rodata", SHT_PROGBITS, SHF_ALLOC, "read only", 10);
    built_section(built, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, "data", 4);
    built_note(built, ".note.gnu.build-id", SHF_ALLOC, NT_GNU_BUILD_ID, "twenty bytes of an ID", 20);
    built_section(built, ".comment", SHT_PROGBITS, SHF_MERGE | SHF_STRINGS, "GCC: 12", 8)->header.sh_entsize = 1;
}

static void write_names(struct built *built)
{
    struct built_section *names = &built->sections[1];
    size_t size = 1;
    for (size_t i = 1; i < built->section_count; i++) {
        built->sections[i].header.sh_name = (Elf64_Word)size;
        memcpy(names->content + size, built->sections[i].name, strlen(built->sections[i].name) + 1);
        size += strlen(built->sections[i].name) + 1;
    }
    names->header.sh_size = size;
}

static size_t place(struct built *built, size_t at, uint64_t flags, bool objects)
{
    const uint64_t kinds = SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR;
    for (size_t i = 1; i < built->section_count; i++) {
        Elf64_Shdr *header = &built->sections[i].header;
        if (!objects && (header->sh_flags & kinds) != flags)
            continue;
        if (header->sh_addralign > 1)
            at = (at + header->sh_addralign - 1) & ~(header->sh_addralign - 1);
        header->sh_offset = at;
        if (!objects && (flags & SHF_ALLOC) != 0)
            header->sh_addr = at;
        if (header->sh_type != SHT_NOBITS)
            at += header->sh_size;
    }
    return at;
}

static void add_segment(struct built *built, uint32_t type, uint32_t flags, size_t begin, size_t end, size_t tail)
{
    built->segments[built->segment_count++] = (Elf64_Phdr){
        .p_type = type,
        .p_flags = flags,
        .p_offset = begin,
        .p_vaddr = begin,
        .p_paddr = begin,
        .p_filesz = end - begin,
        .p_memsz = end - begin + tail,
        .p_align = type == PT_LOAD ? BUILT_PAGE : 4,
    };
}

static size_t layout_linked(struct built *built)
{
    size_t headers = built->header.e_ehsize + 16 * (built->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
    size_t end = place(built, headers, SHF_ALLOC, false);
    assert_true(end < BUILT_PAGE);
    add_segment(built, PT_LOAD, PF_R, 0, end, 0);
    end = place(built, BUILT_PAGE, SHF_ALLOC | SHF_EXECINSTR, false);
    add_segment(built, PT_LOAD, PF_R | PF_X, BUILT_PAGE, end, 0);
    end = place(built, (size_t)2 * BUILT_PAGE, SHF_ALLOC | SHF_WRITE, false);
    add_segment(built, PT_LOAD, PF_R | PF_W, (size_t)2 * BUILT_PAGE, end, BUILT_PAGE);
    for (size_t i = 1; i < built->section_count; i++) {
        const Elf64_Shdr *header = &built->sections[i].header;
        if (header->sh_type == SHT_NOTE && (header->sh_flags & SHF_ALLOC) != 0)
            add_segment(built, PT_NOTE, PF_R, header->sh_offset, header->sh_offset + header->sh_size, 0);
    }
    add_segment(built, PT_GNU_STACK, PF_R | PF_W, 0, 0, 0);
    built->header.e_phoff = built->header.e_ehsize;
    built->header.e_phentsize = built->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    built->header.e_phnum = (Elf64_Half)built->segment_count;
    return place(built, end, 0, false);
}

void built_layout(struct built *built)
{
    write_names(built);
    built->segment_count = 0;
    size_t end = built->header.e_type == ET_REL ? place(built, built->header.e_ehsize, 0, true) : layout_linked(built);
    built->header.e_shoff = (end + 7) & ~(size_t)7;
    built->header.e_shnum = (Elf64_Half)built->section_count;
    built->size = built->header.e_shoff + built->section_count * built->header.e_shentsize;
    assert_true(built->size <= sizeof(built->bytes));
    built_write(built);
}

/* Elf64_Phdr and Elf32_Phdr order their members differently; there is no encoder for them in the library. */
static void write_phdr(struct built *built, size_t index)
{
    const Elf64_Phdr *phdr = &built->segments[index];
    uint8_t *to = built->bytes + built->header.e_phoff + index * built->header.e_phentsize;
    const uint64_t wide[] = {phdr->p_offset, phdr->p_vaddr, phdr->p_paddr,
                             phdr->p_filesz, phdr->p_memsz, phdr->p_align};
    put_word(built, to, phdr->p_type);
    put_word(built, to + (built->is64 ? 4 : 24), phdr->p_flags);
    for (size_t i = 0; i < ARRAY_COUNT(wide); i++) {
        uint8_t *at = built->is64 ? to + 8 + 8 * i : to + 4 + 4 * i + (i == 5 ? 4 : 0);
        if (built->is64) {
            put_word(built, at + (built->big_endian ? 0 : 4), (uint32_t)(wide[i] >> 32));
            at += built->big_endian ? 4 : 0;
        }
        put_word(built, at, (uint32_t)wide[i]);
    }
}

void built_write(struct built *built)
{
    struct image encoder = {.is64 = built->is64, .big_endian = built->big_endian};
    memset(built->bytes, 0, sizeof(built->bytes));
    image_encode_ehdr(&encoder, &built->header, built->bytes);
    for (size_t i = 0; i < built->section_count; i++) {
        const struct built_section *section = &built->sections[i];
        if (i > 0 && section->header.sh_type != SHT_NOBITS)
            memcpy(built->bytes + section->header.sh_offset, section->content, section->header.sh_size);
        image_encode_shdr(&encoder, &section->header,
                          built->bytes + built->header.e_shoff + i * built->header.e_shentsize);
    }
    for (size_t i = 0; i < built->segment_count; i++)
        write_phdr(built, i);
}

struct built_section *built_named(struct built *built, const char *name)
{
    for (size_t i = 1; i < built->section_count; i++) {
        if (strcmp(built->sections[i].name, name) == 0)
            return &built->sections[i];
    }
    fail_msg("no section %s was built", name);
    return NULL;
}

static int built_file(const struct built *built, char path[64])
{
    int fd = memfd_create("built", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, built->bytes, built->size), built->size);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

int built_open(const struct built *built, struct image *image, struct compare_error *error)
{
    char path[64];
    int fd = built_file(built, path);
    int status = image_open(path, NULL, image, error);
    close(fd);
    image->path = "built";
    return status != 0 ? status : image_parse(image, error);
}

enum rule_index built_rule_at(const struct built *built, uint64_t file_offset)
{
    struct compare_policy *standard = policy_built_in("standard");
    struct compare_error error;
    struct image image;
    struct normal_form form;
    if (built_open(built, &image, &error) != 0)
        fail_msg("%s", error.message);
    if (normal_form_build(&image, &standard->rules, &form, &error) != 0)
        fail_msg("%s", error.message);
    const struct aside *aside = normal_form_aside(&form, file_offset);
    enum rule_index rule = aside != NULL && aside->range.begin <= file_offset ? aside->rule : RULE_COUNT;
    normal_form_close(&form);
    image_close(&image);
    compare_policy_free(standard);
    return rule;
}

void built_verify(const struct compare_result *result)
{
    struct compare_error error = {0};
    char *report = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&report, &size);
    assert_non_null(stream);
    assert_int_equal(compare_report_json(result, NULL, stream, &error), 0);
    fclose(stream);
    int status = verify_bytes(report, size, result->vendor.bytes, result->vendor.size, result->rebuilt.bytes,
                              result->rebuilt.size, NULL, &error);
    if (status != 0)
        fail_msg("%s: the checker says: %s", compare_verdict_name(result->verdict), error.message);
    free(report);
}

int built_verdict(const struct built *vendor, const struct built *rebuilt)
{
    struct compare_result *result = NULL;
    struct compare_error error;
    char vendor_path[64], rebuilt_path[64];
    int vendor_fd = built_file(vendor, vendor_path), rebuilt_fd = built_file(rebuilt, rebuilt_path);
    struct compare_options options = {.size = sizeof(options), .digest = true};
    int status = compare_files(vendor_path, rebuilt_path, &options, &result, &error);
    if (status == COMPARE_ERROR_INTERNAL)
        fail_msg("%s", error.message);
    if (status == 0)
        built_verify(result);
    if (status == 0)
        status = (int)compare_result_verdict(result);
    compare_result_free(result);
    close(vendor_fd);
    close(rebuilt_fd);
    return status;
}
