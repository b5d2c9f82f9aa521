/*
 * Bytes of notes and of a dynamic segment, in a program that is sound otherwise: a byte of flags (1: 32 bits, 2: big
 * endian, 4: notes aligned to 8, 8: the notes in an executable segment, 16: an object), two with the size of the notes,
 * the notes, the dynamic segment. A build ID that is set aside is found to be one by an own reading.
 */
#include <string.h>

#include "fuzz.h"

#define CONTENT_LIMIT 1000

static void add_dynamic(struct built *built, const struct built_section *section)
{
    built->segments[built->segment_count++] = (Elf64_Phdr){
        .p_type = PT_DYNAMIC,
        .p_flags = PF_R | PF_W,
        .p_offset = section->header.sh_offset,
        .p_vaddr = section->header.sh_addr,
        .p_filesz = section->header.sh_size,
        .p_memsz = section->header.sh_size,
        .p_align = 8,
    };
    built->header.e_phnum++;
}

static void build(struct built *built, struct input *input)
{
    uint8_t flags = input_u8(input);
    size_t notes_size = input_u16(input) % CONTENT_LIMIT;
    bool object = (flags & 16) != 0;
    uint64_t place = SHF_ALLOC | ((flags & 8) != 0 ? SHF_EXECINSTR : 0);
    notes_size = notes_size < input->size ? notes_size : input->size;
    size_t rest = input->size - notes_size < CONTENT_LIMIT ? input->size - notes_size : CONTENT_LIMIT;
    built_begin(built, (flags & 1) == 0, (flags & 2) != 0, object ? ET_REL : ET_DYN);
    built_section(built, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, "\x90\x90\xc3 code", 8);
    struct built_section *notes = built_section(built, ".note", SHT_NOTE, place, input->bytes, notes_size);
    if ((flags & 4) != 0)
        notes->header.sh_addralign = 8;
    struct built_section *dynamic = built_section(built, ".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE,
                                                  input->bytes + notes_size, rest - rest % 16);
    dynamic->header.sh_addralign = 8;
    dynamic->header.sh_entsize = (flags & 1) == 0 ? 16 : 8;
    built_layout(built);
    for (size_t i = 0; i < built->segment_count && (flags & 4) != 0; i++) {
        if (built->segments[i].p_type == PT_NOTE)
            built->segments[i].p_align = 8;
    }
    if (!object && dynamic->header.sh_size > 0)
        add_dynamic(built, dynamic);
    built_write(built);
}

static void check_build_id(const struct image *image, struct range descriptor)
{
    uint64_t size = range_size(descriptor);
    const uint8_t *note = image->bytes + descriptor.begin - 16;
    FUZZ_ASSERT(size == 8 || size == 16 || size == 20 || size == 32);
    FUZZ_ASSERT(image_u32(image, note) == 4 && image_u32(image, note + 4) == size);
    FUZZ_ASSERT(image_u32(image, note + 8) == NT_GNU_BUILD_ID && memcmp(note + 12, "GNU", 4) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct built built;
    struct input input = {data, size};
    struct image image;
    struct normal_form form;
    struct compare_error error = {0};
    struct rule_set rules;
    memset(&rules, 1, sizeof(rules));
    build(&built, &input);
    fuzz_open(&image, built.bytes, built.size);
    FUZZ_ASSERT(fuzz_parse(&image) == 0);
    FUZZ_ASSERT(normal_form_build(&image, &rules, &form, &error) == 0);
    fuzz_check_form(&form, &rules);
    unsigned build_ids = 0;
    for (size_t i = 0; i < form.aside_count; i++) {
        if (form.asides[i].rule == RULE_BUILD_ID) {
            check_build_id(&image, form.asides[i].range);
            build_ids++;
        }
    }
    FUZZ_ASSERT(build_ids <= 1);
    normal_form_close(&form);
    fuzz_close(&image);
    return 0;
}
