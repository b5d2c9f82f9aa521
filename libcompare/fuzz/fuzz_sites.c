/*
 * Sites of any bytes, on any machine: a byte for the machine, one of flags (1: a program that is not moved, 2: starts are
 * wanted), the code. Sites are in order, inside, and of 8 bytes at most; so are the places where instructions begin. What
 * is told twice is the same, and a code equals itself.
 */
#include <string.h>

#include "../decode/decode.h"
#include "fuzz.h"

#define ADDRESS 0x10000u
#define MOST    4096 /* bytes: longer code is only slower */

static const struct {
    uint16_t machine;
    bool is64, big_endian, thumb;
} machines[] = {
    {EM_X86_64, true, false, false}, {EM_386, false, false, false}, {EM_AARCH64, true, false, false},
    {EM_ARM, false, false, false},   {EM_ARM, false, true, false},  {EM_ARM, false, false, true},
    {EM_ARM, false, true, true},     {EM_MIPS, false, true, false}, {EM_MIPS, false, false, false},
    {EM_MIPS, true, true, false},    {EM_PPC, false, true, false},  {EM_PPC64, true, false, false},
    {EM_PPC64, true, true, false},   {EM_S390, true, true, false},  {EM_RISCV, true, false, false},
};

struct code {
    struct image image;
    struct segment segment;
    struct dynamic_entry pltgot;
    struct section sections[2];
};

static void open_code(struct code *code, size_t machine, uint8_t flags, const uint8_t *bytes, size_t size)
{
    memset(code, 0, sizeof(*code));
    fuzz_open(&code->image, bytes, size);
    code->segment = (struct segment){.type = PT_LOAD,
                                     .address = ADDRESS,
                                     .file_size = size,
                                     .memory_size = size,
                                     .addresses = {ADDRESS, ADDRESS + 0x8000},
                                     .bytes = {0, size}};
    code->pltgot = (struct dynamic_entry){DT_PLTGOT, ADDRESS + 0x100};
    code->sections[0].name = "";
    code->sections[1] = (struct section){.index = 1, .name = ".got", .address = ADDRESS + 0x100, .size = 0x40};
    code->image.is64 = machines[machine].is64;
    code->image.big_endian = machines[machine].big_endian;
    code->image.header.e_machine = machines[machine].machine;
    code->image.header.e_type = (flags & 1) != 0 ? ET_EXEC : ET_DYN;
    code->image.segments = &code->segment;
    code->image.segment_count = 1;
    code->image.sections = code->sections;
    code->image.section_count = 2;
    code->image.dynamic = &code->pltgot;
    code->image.dynamic_count = 1;
}

static void check_sites(const struct sites *sites, uint64_t size)
{
    uint64_t done = 0;
    for (size_t i = 0; i < sites->count; i++) {
        const struct site *site = &sites->items[i];
        FUZZ_ASSERT(site->size >= 1 && site->size <= 8 && site->kind <= SITE_OPAQUE);
        FUZZ_ASSERT(site->offset >= done && site->offset + (uint64_t)site->size <= size);
        done = site->offset + (uint64_t)site->size;
    }
    for (size_t i = 0; i < sites->start_count; i++)
        FUZZ_ASSERT(sites->starts[i] < size && (i == 0 || sites->starts[i] > sites->starts[i - 1]));
    for (size_t i = 0; i < sites->table_count; i++)
        FUZZ_ASSERT(sites->tables[i].entry_size >= 1 && sites->tables[i].entry_size <= 8 &&
                    sites->tables[i].shift < 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    size_t machine = input_u8(&input) % ARRAY_COUNT(machines);
    uint8_t flags = input_u8(&input);
    size_t length = input.size < MOST ? input.size : MOST;
    struct code code;
    struct sites sites = {0}, again = {0};
    open_code(&code, machine, flags, input.bytes, length);
    struct decoder *decoder = decoder_open(&code.image, machines[machine].thumb);
    FUZZ_ASSERT(decoder != NULL);
    bool known = decode_sites(decoder, code.image.bytes, length, ADDRESS, (flags & 2) != 0, &sites);
    if (known) {
        check_sites(&sites, length);
        FUZZ_ASSERT(decode_sites(decoder, code.image.bytes, length, ADDRESS, false, &again));
        FUZZ_ASSERT(sites.hash == again.hash);
        FUZZ_ASSERT(sites_equal(code.image.bytes, &sites, code.image.bytes, &again, length));
    }
    decode_is_padding(decoder, code.image.bytes, length);
    sites_free(&again);
    sites_free(&sites);
    decoder_close(decoder);
    fuzz_close(&code.image);
    return 0;
}
