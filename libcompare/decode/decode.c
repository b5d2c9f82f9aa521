/*
 * The table of machines, and the loop over the bytes. Which bits of an instruction are an address is decided from its
 * bits, machine by machine; Capstone gives its text. What is compared are bits, so that a text that tells too little
 * can make no two instructions equal.
 */
#include "sites_flow.h"

#include <stdlib.h>
#include <string.h>

#ifndef EM_SPARCV9
#define EM_SPARCV9 43
#endif

#define BIG CS_MODE_BIG_ENDIAN

/* The first row that fits; mode64 is that of ELFCLASS64. BIG is added by the image's byte order. */
static const struct machine machines[] = {
    {EM_X86_64, false, 1, 1, true, CS_ARCH_X86, CS_MODE_64, CS_MODE_64, refer_x86},
    {EM_386, false, 1, 1, true, CS_ARCH_X86, CS_MODE_32, CS_MODE_32, refer_x86},
    {EM_AARCH64, false, 4, 4, true, CS_ARCH_ARM64, CS_MODE_ARM, CS_MODE_ARM, refer_aarch64},
    {EM_ARM, false, 4, 4, true, CS_ARCH_ARM, CS_MODE_ARM, CS_MODE_ARM, refer_arm},
    {EM_ARM, true, 2, 2, true, CS_ARCH_ARM, CS_MODE_THUMB, CS_MODE_THUMB, refer_thumb},
    {EM_MIPS, false, 4, 4, true, CS_ARCH_MIPS, CS_MODE_MIPS32, CS_MODE_MIPS64, refer_mips},
    {EM_PPC, false, 4, 4, true, CS_ARCH_PPC, CS_MODE_32, CS_MODE_32, refer_ppc},
    {EM_PPC64, false, 4, 4, true, CS_ARCH_PPC, CS_MODE_64, CS_MODE_64, refer_ppc},
    {EM_S390, false, 2, 2, true, CS_ARCH_SYSZ, CS_MODE_ARM, CS_MODE_ARM, refer_s390},
    {EM_SPARC, false, 4, 4, true, CS_ARCH_SPARC, CS_MODE_ARM, CS_MODE_ARM, refer_sparc},
    {EM_SPARC32PLUS, false, 4, 4, true, CS_ARCH_SPARC, CS_MODE_V9, CS_MODE_V9, refer_sparc},
    {EM_SPARCV9, false, 4, 4, true, CS_ARCH_SPARC, CS_MODE_V9, CS_MODE_V9, refer_sparc},
    {EM_RISCV, false, 2, 2, false, CS_ARCH_MAX, CS_MODE_ARM, CS_MODE_ARM, NULL},
};
static const struct machine no_machine = {EM_NONE, false, 4, 4, false, CS_ARCH_MAX, CS_MODE_ARM, CS_MODE_ARM, NULL};

static const struct machine *machine_of(const struct image *image, bool thumb)
{
    for (size_t i = 0; i < ARRAY_COUNT(machines); i++) {
        if (machines[i].machine == image->header.e_machine && machines[i].thumb == thumb)
            return &machines[i];
    }
    return thumb ? machine_of(image, false) : &no_machine;
}

/* ---- Opening ---- */

static int by_offset(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static const struct section *relocated_section(const struct image *image, const struct section *section)
{
    if ((section->type != SHT_REL && section->type != SHT_RELA) || section->info >= image->section_count)
        return NULL;
    const struct section *target = &image->sections[section->info];
    return (target->flags & SHF_EXECINSTR) != 0 ? target : NULL;
}

static uint64_t relocation_size(const struct image *image, const struct section *section)
{
    if (section->type == SHT_REL)
        return image->is64 ? sizeof(Elf64_Rel) : sizeof(Elf32_Rel);
    return image->is64 ? sizeof(Elf64_Rela) : sizeof(Elf32_Rela);
}

/* Which bytes of an object's code relocations apply to. Every entry begins with r_offset. */
static bool read_relocations(struct decoder *decoder)
{
    const struct image *image = decoder->image;
    size_t most = 0;
    for (uint64_t i = 1; i < image->section_count; i++) {
        if (relocated_section(image, &image->sections[i]) != NULL)
            most += range_size(image->sections[i].bytes) / relocation_size(image, &image->sections[i]);
    }
    if (most == 0)
        return true;
    decoder->relocations = calloc(most, sizeof(*decoder->relocations));
    if (decoder->relocations == NULL)
        return false;
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i], *target = relocated_section(image, section);
        const uint8_t *bytes = target == NULL ? NULL : image_bytes(image, section->bytes);
        uint64_t size = bytes == NULL ? 1 : relocation_size(image, section);
        for (uint64_t left = bytes == NULL ? 0 : range_size(section->bytes); left >= size; left -= size) {
            uint64_t offset = image->is64 ? image_u64(image, bytes) : image_u32(image, bytes);
            if (offset < target->size && decoder->relocation_count < most)
                decoder->relocations[decoder->relocation_count++] = target->file_offset + offset;
            bytes += size;
        }
    }
    qsort(decoder->relocations, decoder->relocation_count, sizeof(*decoder->relocations), by_offset);
    return true;
}

/* Where r2 of PowerPC64 and gp of MIPS point, and what i386's PIC code adds to: all from the place of the GOT. */
static void find_bases(struct decoder *decoder)
{
    const struct image *image = decoder->image;
    const struct section *got = image_section_named(image, ".got");
    const struct section *got_plt = image_section_named(image, ".got.plt");
    const struct dynamic_entry *pltgot = image_dynamic(image, DT_PLTGOT);
    if (image->header.e_machine == EM_PPC64 && got != NULL)
        decoder->gp = got->address + 0x8000;
    if (image->header.e_machine == EM_MIPS && (pltgot != NULL || got != NULL))
        decoder->gp = (pltgot != NULL ? pltgot->value : got->address) + 0x7ff0;
    if (image->header.e_machine == EM_386)
        decoder->got = pltgot != NULL ? pltgot->value : got_plt != NULL ? got_plt->address : 0;
}

static void find_stubs(struct decoder *decoder)
{
    static const char *const names[] = {".plt", ".plt.sec", ".plt.got", ".iplt"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const struct section *section = image_section_named(decoder->image, names[i]);
        if (section != NULL && (section->flags & SHF_EXECINSTR) != 0)
            decoder->stubs[decoder->stub_count++] = (struct range){section->address, section->address + section->size};
    }
}

static bool open_capstone(struct decoder *decoder)
{
    const struct machine *machine = decoder->machine;
    unsigned mode = decoder->image->is64 ? machine->mode64 : machine->mode32;
    if (decoder->big_endian)
        mode |= (unsigned)BIG;
    cs_err error = cs_open(machine->arch, (cs_mode)mode, &decoder->handle);
    if (error != CS_ERR_OK)
        return error != CS_ERR_MEM;
    decoder->open = true;
    cs_option(decoder->handle, CS_OPT_DETAIL, CS_OPT_ON);
    decoder->insn = cs_malloc(decoder->handle);
    return decoder->insn != NULL;
}

struct decoder *decoder_open(const struct image *image, bool thumb)
{
    struct decoder *decoder = calloc(1, sizeof(*decoder));
    if (decoder == NULL)
        return NULL;
    decoder->image = image;
    decoder->machine = machine_of(image, thumb);
    decoder->big_endian = image->big_endian;
    /* AArch64 always, and ARM where this flag says so (BE8), have instructions in little endian. */
    if (image->header.e_machine == EM_AARCH64 ||
        (image->header.e_machine == EM_ARM && (image->header.e_flags & EF_ARM_BE8) != 0))
        decoder->big_endian = false;
    if (image_is_linked(image)) {
        find_bases(decoder);
        find_stubs(decoder);
    }
    if ((decoder->machine->known && !open_capstone(decoder)) ||
        (image_is_relocatable(image) && !read_relocations(decoder))) {
        decoder_close(decoder);
        return NULL;
    }
    return decoder;
}

uint64_t decoder_gp(const struct decoder *decoder)
{
    return decoder->gp;
}

void decoder_set_relocations(struct decoder *decoder, const struct relocation *relocations, size_t count)
{
    decoder->filled = relocations;
    decoder->filled_count = count;
}

void decoder_set_stubs(struct decoder *decoder, const struct site_stub *stubs, size_t count)
{
    decoder->based = stubs;
    decoder->based_count = count;
}

void decoder_set_endless(struct decoder *decoder, const uint64_t *addresses, size_t count)
{
    decoder->endless = addresses;
    decoder->endless_count = count;
}

void decoder_close(struct decoder *decoder)
{
    if (decoder == NULL)
        return;
    if (decoder->insn != NULL)
        cs_free(decoder->insn, 1);
    if (decoder->open)
        cs_close(&decoder->handle);
    free(decoder->relocations);
    flow_free(decoder->flow);
    free(decoder);
}

bool decoder_knows(const struct decoder *decoder)
{
    return decoder->open;
}

/* ---- What the machines share ---- */

uint64_t decode_wrap(const struct decoder *decoder, uint64_t address)
{
    return decoder->image->is64 ? address : (uint32_t)address;
}

bool decode_is_loaded(const struct decoder *decoder, uint64_t address)
{
    const struct image *image = decoder->image;
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        if (segment->type == PT_LOAD && address >= segment->addresses.begin && address < segment->addresses.end)
            return true;
    }
    return false;
}

bool decode_is_absolute(const struct decoder *decoder, uint64_t value)
{
    /* What is loaded at 0 would make an address of every small number. */
    /* The end of the last variable is the end of what is loaded. */
    return decoder->image->header.e_type == ET_EXEC && value >= 4096 &&
           (decode_is_loaded(decoder, value) || decode_is_loaded(decoder, value - 1));
}

uint16_t decode_u16(const struct decoder *decoder, const uint8_t *bytes)
{
    uint8_t high = bytes[decoder->big_endian ? 0 : 1], low = bytes[decoder->big_endian ? 1 : 0];
    return (uint16_t)((unsigned)high << 8 | low);
}

uint32_t decode_u32(const struct decoder *decoder, const uint8_t *bytes)
{
    uint32_t first = decode_u16(decoder, bytes), second = decode_u16(decoder, bytes + 2);
    return decoder->big_endian ? first << 16 | second : second << 16 | first;
}

void operand_bytes(struct instruction *instruction, size_t at, size_t size)
{
    for (size_t i = at; i < at + size && i < OPERAND_BYTES; i++)
        instruction->operand[i] = 0xff;
}

void operand_half(const struct decoder *decoder, struct instruction *instruction, size_t at, uint16_t bits)
{
    instruction->operand[at + (decoder->big_endian ? 0 : 1)] |= (uint8_t)(bits >> 8);
    instruction->operand[at + (decoder->big_endian ? 1 : 0)] |= (uint8_t)bits;
}

void operand_word(const struct decoder *decoder, struct instruction *instruction, uint32_t bits)
{
    bool upper_first = decoder->big_endian || decoder->machine->thumb;
    operand_half(decoder, instruction, upper_first ? 0 : 2, (uint16_t)(bits >> 16));
    operand_half(decoder, instruction, upper_first ? 2 : 0, (uint16_t)bits);
}

void refer_to(struct instruction *instruction, enum reference_kind kind, uint64_t target)
{
    instruction->reference = kind;
    instruction->target = target;
}

/* ---- Shapes ---- */

void decode_set_shape(const uint8_t *bytes, struct instruction *instruction)
{
    uint8_t masked[WINDOW] = {0};
    memcpy(masked, bytes, instruction->size);
    for (size_t i = 0; i < OPERAND_BYTES; i++)
        masked[i] &= (uint8_t)~instruction->operand[i];
    uint64_t hash = decode_hash(DECODE_HASH_START, masked, instruction->size);
    hash = decode_hash(hash, instruction->operand, sizeof(instruction->operand));
    uint8_t kinds[] = {(uint8_t)instruction->size, (uint8_t)instruction->reference, instruction->partial,
                       instruction->relocated, instruction->decoded};
    instruction->shape = decode_hash(hash, kinds, sizeof(kinds));
}

/* ---- The loop ---- */

bool decode_one(struct decoder *decoder, const uint8_t *bytes, uint64_t size, uint64_t address)
{
    uint8_t window[WINDOW] = {0};
    const uint8_t *code = window;
    size_t left = size < WINDOW / 2 + 8 ? (size_t)size : WINDOW / 2 + 8;
    memcpy(window, bytes, left);
    size_t given = left;
    uint64_t at = address;
    return decoder->open && cs_disasm_iter(decoder->handle, &code, &left, &at, decoder->insn) &&
           decoder->insn->size > 0 && decoder->insn->size <= given;
}

bool relocation_in(const struct decoder *decoder, const uint8_t *bytes, uint64_t size)
{
    const struct image *image = decoder->image;
    if (decoder->relocation_count == 0 || (uintptr_t)bytes < (uintptr_t)image->bytes ||
        (uintptr_t)bytes >= (uintptr_t)image->bytes + image->size)
        return false;
    uint64_t offset = (uint64_t)((uintptr_t)bytes - (uintptr_t)image->bytes);
    size_t low = 0, high = decoder->relocation_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (decoder->relocations[middle] < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < decoder->relocation_count && decoder->relocations[low] - offset < size;
}

/* Where the last immediate operand stands depends on the machine; its kind does not. */
static void set_immediate(const struct decoder *decoder, struct instruction *instruction)
{
    const cs_detail *detail = decoder->insn->detail;
#define LAST_IMMEDIATE(machine)                                                                                        \
    for (size_t i = detail->machine.op_count; i-- > 0 && !instruction->has_immediate;) {                               \
        if ((int)detail->machine.operands[i].type == CS_OP_IMM) {                                                      \
            instruction->has_immediate = true;                                                                         \
            instruction->immediate = (int64_t)detail->machine.operands[i].imm;                                         \
        }                                                                                                              \
    }
    switch (decoder->machine->arch) {
    case CS_ARCH_X86:
        LAST_IMMEDIATE(x86)
        break;
    case CS_ARCH_ARM64:
        LAST_IMMEDIATE(arm64)
        break;
    case CS_ARCH_ARM:
        LAST_IMMEDIATE(arm)
        break;
    case CS_ARCH_MIPS:
        LAST_IMMEDIATE(mips)
        break;
    case CS_ARCH_PPC:
        LAST_IMMEDIATE(ppc)
        break;
    case CS_ARCH_SYSZ:
        LAST_IMMEDIATE(sysz)
        break;
    case CS_ARCH_SPARC:
        LAST_IMMEDIATE(sparc)
        break;
    default:
        break;
    }
#undef LAST_IMMEDIATE
    if (instruction->has_immediate && instruction->reference != REFERENCE_NONE &&
        (uint64_t)instruction->immediate == instruction->target)
        instruction->has_immediate = false;
}

static void decode_instruction(struct decoder *decoder, const uint8_t *bytes, struct instruction *instruction)
{
    const cs_insn *insn = decoder->insn;
    instruction->size = insn->size;
    instruction->id = insn->id;
    instruction->decoded = true;
    instruction->nop = strcmp(insn->mnemonic, "nop") == 0;
    instruction->relocated = relocation_in(decoder, bytes, insn->size);
    if (decoder->machine->refer != NULL)
        decoder->machine->refer(decoder, bytes, instruction);
    set_immediate(decoder, instruction);
    uint64_t hash = decode_hash(DECODE_HASH_START, insn->mnemonic, strlen(insn->mnemonic));
    instruction->skeleton = decode_hash_skeleton(hash, insn->op_str);
}

/* What is no instruction: a unit of it. All such are of one kind, so that they align as numbers do. */
static void decode_unit(struct decoder *decoder, const uint8_t *bytes, uint64_t left, struct instruction *instruction)
{
    uint8_t unit = decoder->open ? decoder->machine->unit : decoder->machine->word;
    instruction->size = left < unit ? (uint16_t)left : unit;
    instruction->relocated = relocation_in(decoder, bytes, instruction->size);
    instruction->has_immediate = true;
    for (size_t i = 0; i < instruction->size; i++) {
        size_t at = decoder->big_endian ? i : instruction->size - 1 - i;
        instruction->immediate = instruction->immediate << 8 | bytes[at];
    }
    /* Without a decoder any two words would fit each other; only equal ones do. */
    instruction->skeleton = decode_hash(instruction->size, decoder->open ? (const uint8_t *)"?" : bytes,
                                        decoder->open ? 1 : instruction->size);
}

static const struct pool_word *pool_here(struct decoder *decoder, uint64_t address)
{
    const struct pool_word *found = NULL;
    for (size_t i = 0; i < decoder->pool_count; i++) {
        while (i < decoder->pool_count && decoder->pool[i].address < address)
            decoder->pool[i] = decoder->pool[--decoder->pool_count];
        if (i < decoder->pool_count && decoder->pool[i].address == address)
            found = &decoder->pool[i];
    }
    return found;
}

/* A word that an instruction before it loads: data, whatever it would be as an instruction. */
static void decode_pool_word(struct decoder *decoder, const uint8_t *bytes, const struct pool_word *word,
                             struct instruction *instruction)
{
    instruction->size = 4;
    instruction->decoded = true;
    instruction->relocated = relocation_in(decoder, bytes, 4);
    uint32_t value = image_u32(decoder->image, bytes);
    if (word->completed || instruction->relocated || decode_is_absolute(decoder, value)) {
        refer_to(instruction, REFERENCE_DATA, value);
        operand_bytes(instruction, 0, 4);
        instruction->partial = word->completed && !instruction->relocated;
        instruction->pair = instruction->partial ? (uint32_t)(decoder->index - word->completer) : 0;
    } else {
        instruction->has_immediate = true;
        instruction->immediate = value;
    }
    instruction->skeleton = decode_hash(DECODE_HASH_START, ".word", 5);
}

static void decode_next(struct decoder *decoder, const uint8_t *bytes, uint64_t left, struct instruction *instruction)
{
    const struct pool_word *word =
        decoder->pool_count == 0 || left < 4 ? NULL : pool_here(decoder, instruction->address);
    if (word != NULL)
        decode_pool_word(decoder, bytes, word, instruction);
    else if (decode_one(decoder, bytes, left, instruction->address))
        decode_instruction(decoder, bytes, instruction);
    else
        decode_unit(decoder, bytes, left, instruction);
    decode_set_shape(bytes, instruction);
}

bool decode(struct decoder *decoder, const uint8_t *bytes, uint64_t size, uint64_t address, size_t most,
            struct list *instructions)
{
    size_t first = instructions->count;
    decoder->bytes = bytes;
    decoder->size = size;
    decoder->address = address;
    decoder->pool_count = 0;
    decoder->delayed = false;
    known_clear_all(decoder);
    for (uint64_t at = 0; at < size && instructions->count - first < most;) {
        struct instruction *instruction = list_add(instructions);
        if (instruction == NULL)
            return false;
        decoder->index = instructions->count - 1 - first;
        decoder->first = (struct instruction *)instructions->items + first;
        instruction->address = decode_wrap(decoder, address + at);
        decode_next(decoder, bytes + at, size - at, instruction);
        at += instruction->size;
    }
    return true;
}

bool decode_equal_but_target(const uint8_t *vendor_bytes, const struct instruction *vendor,
                             const uint8_t *rebuilt_bytes, const struct instruction *rebuilt)
{
    if (vendor->shape != rebuilt->shape || vendor->size != rebuilt->size || vendor->reference != rebuilt->reference ||
        vendor->partial != rebuilt->partial || vendor->relocated != rebuilt->relocated ||
        memcmp(vendor->operand, rebuilt->operand, sizeof(vendor->operand)) != 0)
        return false;
    for (size_t i = 0; i < vendor->size; i++) {
        uint8_t operand = i < OPERAND_BYTES ? vendor->operand[i] : 0;
        if (((vendor_bytes[i] ^ rebuilt_bytes[i]) & (uint8_t)~operand) != 0)
            return false;
    }
    return true;
}
