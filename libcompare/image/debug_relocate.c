/*
 * Objects (ET_REL): their debug sections refer to others by relocations (gABI chapter 4 and the processor supplements).
 * Each allocated section is given an address of its own, and the relocations of debug sections are applied to copies.
 * Only those types that compilers put into debug sections are known: absolute numbers, offsets in thread-local storage,
 * and the sums and differences of RISC-V and LoongArch. What is not known stays as it is, and leads to no place.
 */
#include <stdlib.h>

#include "debug_parts.h"

/* Numbers that no relocation changed stay below this, and are no address. */
#define FIRST_ADDRESS 0x10000

enum operation { SET, ADD, SUBTRACT };

static const struct kind {
    uint16_t machine;
    uint32_t type;
    uint8_t size; /* bytes */
    enum operation operation;
} kinds[] = {
    {EM_X86_64, R_X86_64_64, 8, SET},
    {EM_X86_64, R_X86_64_32, 4, SET},
    {EM_X86_64, R_X86_64_32S, 4, SET},
    {EM_X86_64, R_X86_64_DTPOFF64, 8, SET},
    {EM_X86_64, R_X86_64_DTPOFF32, 4, SET},
    {EM_386, R_386_32, 4, SET},
    {EM_386, R_386_TLS_LDO_32, 4, SET},
    {EM_AARCH64, R_AARCH64_ABS64, 8, SET},
    {EM_AARCH64, R_AARCH64_ABS32, 4, SET},
    {EM_AARCH64, R_AARCH64_TLS_DTPREL, 8, SET},
    {EM_ARM, R_ARM_ABS32, 4, SET},
    {EM_ARM, R_ARM_TLS_LDO32, 4, SET},
    {EM_MIPS, R_MIPS_32, 4, SET},
    {EM_MIPS, R_MIPS_64, 8, SET},
    {EM_MIPS, R_MIPS_TLS_DTPREL32, 4, SET},
    {EM_MIPS, R_MIPS_TLS_DTPREL64, 8, SET},
    {EM_PPC, R_PPC_ADDR32, 4, SET},
    {EM_PPC, R_PPC_UADDR32, 4, SET},
    {EM_PPC, R_PPC_DTPREL32, 4, SET},
    {EM_PPC64, R_PPC64_ADDR64, 8, SET},
    {EM_PPC64, R_PPC64_UADDR64, 8, SET},
    {EM_PPC64, R_PPC64_ADDR32, 4, SET},
    {EM_PPC64, R_PPC64_UADDR32, 4, SET},
    {EM_PPC64, R_PPC64_DTPREL64, 8, SET},
    {EM_S390, R_390_64, 8, SET},
    {EM_S390, R_390_32, 4, SET},
    {EM_S390, R_390_TLS_LDO64, 8, SET},
    {EM_S390, R_390_TLS_LDO32, 4, SET},
    {EM_SPARC, R_SPARC_32, 4, SET},
    {EM_SPARC, R_SPARC_UA32, 4, SET},
    {EM_SPARCV9, R_SPARC_64, 8, SET},
    {EM_SPARCV9, R_SPARC_UA64, 8, SET},
    {EM_SPARCV9, R_SPARC_32, 4, SET},
    {EM_SPARCV9, R_SPARC_UA32, 4, SET},
    {EM_RISCV, R_RISCV_32, 4, SET},
    {EM_RISCV, R_RISCV_64, 8, SET},
    {EM_RISCV, R_RISCV_TLS_DTPREL32, 4, SET},
    {EM_RISCV, R_RISCV_TLS_DTPREL64, 8, SET},
    {EM_RISCV, R_RISCV_SET8, 1, SET},
    {EM_RISCV, R_RISCV_SET16, 2, SET},
    {EM_RISCV, R_RISCV_SET32, 4, SET},
    {EM_RISCV, R_RISCV_ADD8, 1, ADD},
    {EM_RISCV, R_RISCV_ADD16, 2, ADD},
    {EM_RISCV, R_RISCV_ADD32, 4, ADD},
    {EM_RISCV, R_RISCV_ADD64, 8, ADD},
    {EM_RISCV, R_RISCV_SUB8, 1, SUBTRACT},
    {EM_RISCV, R_RISCV_SUB16, 2, SUBTRACT},
    {EM_RISCV, R_RISCV_SUB32, 4, SUBTRACT},
    {EM_RISCV, R_RISCV_SUB64, 8, SUBTRACT},
    {258 /* EM_LOONGARCH */, 1, 4, SET},
    {258, 2, 8, SET},
    {258, 47, 1, ADD},
    {258, 48, 2, ADD},
    {258, 50, 4, ADD},
    {258, 51, 8, ADD},
    {258, 52, 1, SUBTRACT},
    {258, 53, 2, SUBTRACT},
    {258, 55, 4, SUBTRACT},
    {258, 56, 8, SUBTRACT},
};

static const struct kind *kind_of(uint16_t machine, uint32_t type)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (kinds[i].machine == machine && kinds[i].type == type)
            return &kinds[i];
    }
    return NULL;
}

/* One behind the other; those for which there is no room have none. */
static bool give_addresses(struct debug *debug)
{
    const struct image *image = debug->image;
    uint64_t next = FIRST_ADDRESS, last = image->is64 ? (uint64_t)1 << 62 : UINT32_MAX;
    debug->bases = arena_alloc(&debug->arena, image->section_count, sizeof(*debug->bases));
    for (uint64_t i = 1; debug->bases != NULL && i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if ((section->flags & SHF_ALLOC) == 0 || section->size > last - next)
            continue;
        debug->bases[i] = next;
        /* A gap, so that the end of one is not the beginning of another. */
        next = (next + section->size + 64) & ~(uint64_t)15;
        next = next < last ? next : last;
    }
    return debug->bases != NULL;
}

/* ---- Symbols ---- */

struct symbol_values {
    const struct debug *debug;
    const uint8_t *bytes, *indexes; /* indexes: SHT_SYMTAB_SHNDX, or NULL */
    uint64_t count, index_count;
};

static bool open_symbols(const struct debug *debug, uint32_t link, struct symbol_values *symbols)
{
    const struct image *image = debug->image;
    *symbols = (struct symbol_values){.debug = debug};
    if (link == 0 || link >= image->section_count || image->sections[link].type != SHT_SYMTAB)
        return false;
    const struct section *table = &image->sections[link];
    symbols->bytes = image_bytes(image, table->bytes);
    symbols->count = range_size(table->bytes) / (image->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (section->type == SHT_SYMTAB_SHNDX && section->link == link) {
            symbols->indexes = image_bytes(image, section->bytes);
            symbols->index_count = range_size(section->bytes) / 4;
        }
    }
    return symbols->bytes != NULL;
}

static bool symbol_value(const struct symbol_values *symbols, uint64_t index, uint64_t *value)
{
    const struct image *image = symbols->debug->image;
    if (index >= symbols->count)
        return false;
    const uint8_t *symbol = symbols->bytes + index * (image->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
    uint64_t section = image_u16(image, symbol + (image->is64 ? 6 : 14));
    *value = image->is64 ? image_u64(image, symbol + 8) : image_u32(image, symbol + 4);
    if (section == SHN_XINDEX && symbols->indexes != NULL && index < symbols->index_count)
        section = image_u32(image, symbols->indexes + 4 * index);
    else if (section == SHN_ABS)
        return true;
    else if (section >= SHN_LORESERVE)
        return false;
    if (section == SHN_UNDEF || section >= image->section_count)
        return false;
    *value += symbols->debug->bases[section];
    return true;
}

/* ---- Relocations ---- */

struct debug_relocation {
    uint64_t offset, symbol;
    int64_t addend;
    uint32_t type;
};

static struct debug_relocation decode(const struct image *image, const uint8_t *bytes, bool with_addend)
{
    struct debug_relocation relocation = {0};
    if (!image->is64) {
        uint32_t info = image_u32(image, bytes + 4);
        relocation =
            (struct debug_relocation){.offset = image_u32(image, bytes), .symbol = info >> 8, .type = info & 0xff};
        relocation.addend = with_addend ? (int32_t)image_u32(image, bytes + 8) : 0;
        return relocation;
    }
    uint64_t info = image_u64(image, bytes + 8);
    relocation =
        (struct debug_relocation){.offset = image_u64(image, bytes), .symbol = info >> 32, .type = (uint32_t)info};
    relocation.addend = with_addend ? (int64_t)image_u64(image, bytes + 16) : 0;
    /* These two have more in r_info than a symbol and a type. */
    if (image->header.e_machine == EM_MIPS || image->header.e_machine == EM_SPARCV9)
        relocation.type &= 0xff;
    if (image->header.e_machine == EM_MIPS && !image->big_endian) {
        relocation.symbol = (uint32_t)info;
        relocation.type = (uint32_t)(info >> 56);
    }
    return relocation;
}

static uint64_t get_number(const struct image *image, const uint8_t *bytes, unsigned size)
{
    return size == 1   ? bytes[0]
           : size == 2 ? image_u16(image, bytes)
           : size == 4 ? image_u32(image, bytes)
                       : image_u64(image, bytes);
}

static void put_number(const struct image *image, uint8_t *bytes, unsigned size, uint64_t number)
{
    for (unsigned i = 0; i < size; i++)
        bytes[image->big_endian ? size - 1 - i : i] = (uint8_t)(number >> 8 * i);
}

static void apply(const struct symbol_values *symbols, const struct debug_relocation *relocation, bool with_addend,
                  uint8_t *bytes, uint64_t size)
{
    const struct image *image = symbols->debug->image;
    const struct kind *kind = kind_of(image->header.e_machine, relocation->type);
    uint64_t value;
    if (kind == NULL || relocation->offset > size || size - relocation->offset < kind->size ||
        !symbol_value(symbols, relocation->symbol, &value))
        return;
    uint8_t *at = bytes + relocation->offset;
    uint64_t before = get_number(image, at, kind->size);
    value += with_addend ? (uint64_t)relocation->addend : kind->operation == SET ? before : 0;
    put_number(image, at, kind->size,
               kind->operation == SET   ? value
               : kind->operation == ADD ? before + value
                                        : before - value);
}

static int apply_section(const struct debug *debug, const struct section *relocations, struct debug_bytes *target,
                         uint64_t *spent, struct compare_error *error)
{
    const struct image *image = debug->image;
    bool with_addend = relocations->type == SHT_RELA;
    uint64_t entry = (image->is64 ? 16 : 8) + (with_addend ? (image->is64 ? 8 : 4) : 0);
    struct symbol_values symbols;
    struct content content;
    if (!open_symbols(debug, relocations->link, &symbols))
        return 0;
    /* What cannot be read is left alone: it is about debug information only. */
    int status = image_content(image, relocations, spent, &content, error);
    if (status != 0)
        return status == COMPARE_ERROR_MALFORMED ? 0 : status;
    uint8_t *bytes = debug_own(target);
    for (uint64_t at = 0; bytes != NULL && at + entry <= content.size; at += entry) {
        struct debug_relocation relocation = decode(image, content.bytes + at, with_addend);
        apply(&symbols, &relocation, with_addend, bytes, target->size);
    }
    content_free(&content);
    return bytes != NULL ? 0 : image_no_memory(image, error);
}

int debug_relocate(struct debug *debug, const uint64_t section_of[DEBUG_SECTIONS], struct compare_error *error)
{
    const struct image *image = debug->image;
    bool done[DEBUG_SECTIONS] = {false}; /* by one section each: more could ask for any work */
    uint64_t spent = 0;
    int status = 0;
    if (!image_is_relocatable(image))
        return 0;
    if (!give_addresses(debug))
        return image_no_memory(image, error);
    for (uint64_t i = 1; i < image->section_count && status == 0; i++) {
        const struct section *section = &image->sections[i];
        if (section->type != SHT_REL && section->type != SHT_RELA)
            continue;
        for (size_t k = 0; k < DEBUG_SECTIONS && status == 0; k++) {
            if (section_of[k] == 0 || section->info != section_of[k] || done[k])
                continue;
            done[k] = true;
            status = apply_section(debug, section, &debug->sections[k], &spent, error);
        }
    }
    return status;
}
