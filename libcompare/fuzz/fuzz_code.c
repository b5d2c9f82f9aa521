/*
 * Two functions: a byte for the machine, one of flags (1: a program that is not moved, 2: an object, 4: the targets mean
 * the same), two with the size of the first, both. Every byte is in one instruction; what is counted adds up; a function
 * differs from itself in nothing; where no target means the same, none is moved but inside.
 */
#include <string.h>

#include "../explain/code/code.h"
#include "fuzz.h"

#define ADDRESS 0x10000u
#define MOST    300

/* Longer functions are only slower. */
#define SIDE_LIMIT 700

static const struct {
    uint16_t machine;
    bool is64, big_endian, thumb;
} machines[] = {
    {EM_X86_64, true, false, false},      {EM_386, false, false, false},   {EM_AARCH64, true, false, false},
    {EM_ARM, false, false, false},        {EM_ARM, false, false, true},    {EM_ARM, false, true, true},
    {EM_MIPS, false, true, false},        {EM_MIPS, true, false, false},   {EM_PPC, false, true, false},
    {EM_PPC64, true, false, false},       {EM_S390, true, true, false},    {EM_SPARC, false, true, false},
    {EM_SPARC32PLUS, false, true, false}, {EM_SPARCV9, true, true, false}, {EM_RISCV, true, false, false},
};

struct side {
    struct image image;
    struct segment segment;
    struct dynamic_entry pltgot;
    struct section sections[3];
    struct code code;
    struct decoder *decoder;
};

static bool same_target(void *state, const struct instruction *vendor, struct range vendor_bytes,
                        const struct instruction *rebuilt, struct range rebuilt_bytes)
{
    FUZZ_ASSERT(range_size(vendor_bytes) == vendor->size && range_size(rebuilt_bytes) == rebuilt->size);
    FUZZ_ASSERT(!vendor->got || !rebuilt->got);
    return *(const bool *)state;
}

static const char *target_name(void *state, bool rebuilt, const struct instruction *instruction, struct range bytes,
                               char *buffer, size_t size)
{
    (void)state;
    FUZZ_ASSERT(range_size(bytes) == instruction->size);
    snprintf(buffer, size, "%s", rebuilt ? "rebuilt" : "vendor");
    return instruction->target % 2 == 0 ? buffer : NULL;
}

/* In an object, the second half of the bytes are relocations of the first. */
static void open_object(struct side *side, size_t size)
{
    uint64_t half = size / 2;
    side->sections[1] = (struct section){
        .index = 1, .name = ".text", .type = SHT_PROGBITS, .flags = SHF_EXECINSTR, .size = half, .bytes = {0, half}};
    side->sections[2] = (struct section){
        .index = 2, .name = ".rela.text", .type = SHT_RELA, .info = 1, .size = size - half, .bytes = {half, size}};
    side->sections[0].name = "";
    side->image.sections = side->sections;
    side->image.section_count = 3;
    side->image.segment_count = 0;
    side->code.bytes.end = half;
}

static void open_side(struct side *side, size_t machine, uint8_t flags, const uint8_t *bytes, size_t size)
{
    memset(side, 0, sizeof(*side));
    fuzz_open(&side->image, bytes, size);
    side->segment = (struct segment){.type = PT_LOAD,
                                     .address = ADDRESS,
                                     .file_size = size,
                                     .memory_size = size,
                                     .addresses = {ADDRESS, ADDRESS + 0x8000},
                                     .bytes = {0, size}};
    side->pltgot = (struct dynamic_entry){DT_PLTGOT, ADDRESS + 0x100};
    side->image.is64 = machines[machine].is64;
    side->image.big_endian = machines[machine].big_endian;
    side->image.header.e_machine = machines[machine].machine;
    side->image.header.e_type = (flags & 2) != 0 ? ET_REL : (flags & 1) != 0 ? ET_EXEC : ET_DYN;
    side->image.segments = &side->segment;
    side->image.segment_count = 1;
    side->image.dynamic = &side->pltgot;
    side->image.dynamic_count = 1;
    side->code = (struct code){&side->image, {0, size}, ADDRESS, machines[machine].thumb};
    if ((flags & 2) != 0)
        open_object(side, size);
    side->decoder = decoder_open(&side->image, side->code.thumb);
    FUZZ_ASSERT(side->decoder != NULL);
}

static void close_side(struct side *side)
{
    decoder_close(side->decoder);
    fuzz_close(&side->image);
}

/* How many instructions there are, of which each is inside the bytes. */
static size_t check_decoding(const struct side *side, struct arena *arena)
{
    struct list list = {.arena = arena, .item_size = sizeof(struct instruction)};
    uint64_t size = range_size(side->code.bytes), at = 0;
    char text[96];
    FUZZ_ASSERT(decode(side->decoder, side->image.bytes, size, side->code.address, MOST, &list));
    FUZZ_ASSERT(list.count <= MOST);
    for (size_t i = 0; i < list.count; i++) {
        const struct instruction *instruction = (const struct instruction *)list.items + i;
        FUZZ_ASSERT(instruction->size > 0 && instruction->size <= size - at && instruction->pair <= i);
        FUZZ_ASSERT(instruction->reference != REFERENCE_NONE || !instruction->partial);
        decode_text(side->decoder, side->image.bytes + at, instruction, i % 2 == 0 ? "name" : NULL, text, sizeof(text));
        fuzz_check_text(text, sizeof(text));
        at += instruction->size;
    }
    FUZZ_ASSERT(list.count == MOST || at == size);
    return list.count;
}

static void check_comparison(const struct side *vendor, const struct side *rebuilt, bool same, struct arena *arena)
{
    struct code_context context = {&same, same_target, target_name, MOST};
    struct code_comparison comparison;
    size_t vendor_count = check_decoding(vendor, arena), rebuilt_count = check_decoding(rebuilt, arena);
    size_t vendor_changed = 0, rebuilt_changed = 0;
    FUZZ_ASSERT(
        code_compare(vendor->decoder, &vendor->code, rebuilt->decoder, &rebuilt->code, &context, arena, &comparison));
    uint64_t vendor_end = 0, rebuilt_end = 0;
    for (size_t i = 0; i < comparison.differences.count; i++) {
        const struct code_difference *at = (const struct code_difference *)comparison.differences.items + i;
        FUZZ_ASSERT(at->vendor.begin >= vendor_end && range_contains(vendor->code.bytes, at->vendor));
        FUZZ_ASSERT(at->rebuilt.begin >= rebuilt_end && range_contains(rebuilt->code.bytes, at->rebuilt));
        vendor_end = at->vendor.end;
        rebuilt_end = at->rebuilt.end;
        vendor_changed += at->vendor_count;
        rebuilt_changed += at->rebuilt_count;
        fuzz_check_text(at->vendor_text, strlen(at->vendor_text) + 1);
        fuzz_check_text(at->rebuilt_text, strlen(at->rebuilt_text) + 1);
    }
    FUZZ_ASSERT(vendor_changed == comparison.changed_vendor && rebuilt_changed == comparison.changed_rebuilt);
    FUZZ_ASSERT(comparison.equal + vendor_changed <= vendor_count);
    FUZZ_ASSERT(comparison.equal + rebuilt_changed <= rebuilt_count);
    struct code_listing listing = {.around = 2, .most = MOST};
    FUZZ_ASSERT(code_list(vendor->decoder, &vendor->code, rebuilt->decoder, &rebuilt->code, &context, arena, &listing));
    FUZZ_ASSERT((listing.lines.count > 0) == (vendor_changed + rebuilt_changed > 0));
    FUZZ_ASSERT(listing.lines.count <= MOST);
    bool equal = vendor->image.size == rebuilt->image.size &&
                 memcmp(vendor->image.bytes, rebuilt->image.bytes, vendor->image.size) == 0;
    if (equal && same && comparison.complete)
        FUZZ_ASSERT(comparison.identical_shape);
    if (!equal && range_size(vendor->code.bytes) == vendor->image.size && comparison.moved == 0)
        FUZZ_ASSERT(comparison.differences.count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    size_t machine = input_u8(&input) % ARRAY_COUNT(machines);
    uint8_t flags = input_u8(&input);
    size_t first = input_u16(&input);
    first = first < input.size ? first : input.size;
    struct side vendor, rebuilt;
    struct arena arena = {0};
    size_t second = input.size - first;
    open_side(&vendor, machine, flags, input.bytes, first < SIDE_LIMIT ? first : SIDE_LIMIT);
    open_side(&rebuilt, machine, flags, input.bytes + first, second < SIDE_LIMIT ? second : SIDE_LIMIT);
    check_comparison(&vendor, &rebuilt, (flags & 4) != 0, &arena);
    check_comparison(&vendor, &vendor, true, &arena);
    arena_free(&arena);
    close_side(&rebuilt);
    close_side(&vendor);
    return 0;
}
