/*
 * The stubs of the procedure linkage table, which have no symbols: each jumps through a slot that a relocation fills,
 * and is named for that relocation's symbol. Where the stub's code is simple it is read (x86-64, i386, AArch64, ARM:
 * what ld, gold and lld write); on other machines the n-th stub is taken to belong to the n-th slot. Only with section
 * headers, which say where the stubs are.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "symbols.h"

#ifndef EM_LOONGARCH /* newer than some elf.h */
#define EM_LOONGARCH 258
#endif

struct slot {
    uint64_t address;
    uint32_t type;
    const char *symbol;
    const char *stub; /* "printf@plt", once it is needed */
};

struct plt {
    struct collection *collection;
    const struct section *section;
    const uint8_t *code;
    uint64_t size;      /* of code */
    struct slot *slots; /* by address */
    size_t slot_count;
    uint64_t budget; /* bytes that names may still take: one long name can stand in many slots */
};

/* ---- Slots ---- */

static int slot_order(const void *left, const void *right)
{
    const struct slot *a = left, *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

static void slots_fill(struct plt *plt, const struct relocation *items, size_t count)
{
    plt->slots = calloc(count + 1, sizeof(*plt->slots));
    if (plt->slots == NULL) {
        plt->collection->status = COMPARE_ERROR_MEMORY;
        return;
    }
    for (size_t i = 0; i < count; i++)
        plt->slots[plt->slot_count++] =
            (struct slot){.address = items[i].address, .type = items[i].type, .symbol = items[i].symbol};
    sort_items(plt->slots, plt->slot_count, sizeof(*plt->slots), slot_order);
}

static struct slot *slot_at(const struct plt *plt, uint64_t address)
{
    struct slot key = {.address = address};
    return bsearch(&key, plt->slots, plt->slot_count, sizeof(key), slot_order);
}

static const char *stub_name(struct plt *plt, struct slot *slot)
{
    uint64_t size = strlen(slot->symbol) + sizeof("@plt");
    if (slot->stub != NULL || size > plt->budget)
        return slot->stub;
    plt->budget -= size;
    char *name = arena_alloc(plt->collection->arena, size, 1);
    if (name == NULL)
        plt->collection->status = COMPARE_ERROR_MEMORY;
    else
        snprintf(name, size, "%s@plt", slot->symbol);
    return slot->stub = name;
}

static void add_stub(struct plt *plt, uint64_t at, uint64_t size, struct slot *slot)
{
    const char *name = slot != NULL && slot->symbol[0] != '\0' ? stub_name(plt, slot) : NULL;
    if (name != NULL)
        collection_add_function(plt->collection, name, plt->section->address + at, size, SYMBOL_PLT);
}

/* ---- x86: [endbr] [bnd] jmp *slot ---- */

static uint32_t little(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint64_t x86_slot(const struct plt *plt, uint64_t stub)
{
    const struct image *image = plt->collection->image;
    const uint8_t *code = plt->code;
    uint64_t at = stub, size = plt->size;
    if (size - at >= 4 && (little(code + at) == 0xfa1e0ff3 || little(code + at) == 0xfb1e0ff3))
        at += 4;
    if (size - at >= 1 && code[at] == 0xf2)
        at++;
    if (size - at < 6 || code[at] != 0xff)
        return 0;
    uint32_t operand = little(code + at + 2);
    if (image->header.e_machine == EM_X86_64)
        return code[at + 1] == 0x25 ? plt->section->address + at + 6 + (uint64_t)(int64_t)(int32_t)operand : 0;
    const struct dynamic_entry *got = image_dynamic(image, DT_PLTGOT);
    if (code[at + 1] == 0xa3) /* from %ebx, which holds the address of the GOT */
        return got != NULL ? (uint32_t)(got->value + operand) : 0;
    return code[at + 1] == 0x25 ? operand : 0;
}

static void x86_stubs(struct plt *plt)
{
    uint64_t entry = strcmp(plt->section->name, ".plt.got") == 0 ? 8 : 16;
    if (plt->section->entry_size == 8 || plt->section->entry_size == 16)
        entry = plt->section->entry_size;
    for (uint64_t at = 0; plt->size - at >= entry; at += entry) {
        uint64_t slot = x86_slot(plt, at);
        if (slot != 0)
            add_stub(plt, at, entry, slot_at(plt, slot));
    }
}

/* ---- AArch64: [bti c] adrp x16; ldr x17, [x16, #n]; add x16...; [autia1716] br x17; [nop] ---- */

#define A64_BTI_C  0xd503245f
#define A64_NOP    0xd503201f
#define A64_BR_X17 0xd61f0220

static uint64_t aarch64_end(const struct plt *plt, uint64_t begin, uint64_t at)
{
    const uint64_t most = 24;
    while (plt->size - at >= 4 && at - begin < most && little(plt->code + at) != A64_BR_X17)
        at += 4;
    do
        at += 4;
    while (at < plt->size && plt->size - at >= 4 && at - begin < most && little(plt->code + at) == A64_NOP);
    return at < plt->size ? at : plt->size;
}

static void aarch64_stubs(struct plt *plt)
{
    for (uint64_t at = 0; plt->size - at >= 16;) {
        uint32_t adrp = little(plt->code + at), ldr = little(plt->code + at + 4);
        if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211) {
            at += 4;
            continue;
        }
        uint64_t pages = (adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3);
        pages = (pages ^ 0x100000) - 0x100000;
        uint64_t slot = ((plt->section->address + at) & ~UINT64_C(4095)) + pages * 4096 + (ldr >> 10 & 0xfff) * 8;
        uint64_t begin = at >= 4 && little(plt->code + at - 4) == A64_BTI_C ? at - 4 : at;
        uint64_t end = aarch64_end(plt, begin, at + 8);
        add_stub(plt, begin, end - begin, slot_at(plt, slot));
        at = end;
    }
}

/* ---- ARM: [bx pc; nop] add ip, pc, #a; add ip, ip, #b; [add ip, ip, #c]; ldr pc, [ip, #d]! ---- */

#define ARM_THUMB_ENTRY 0x46c04778

static uint32_t arm_word(const struct plt *plt, uint64_t at)
{
    const struct image *image = plt->collection->image;
    /* Only in the older of two forms of big endian files is code big endian. */
    bool big = image->big_endian && (image->header.e_flags & EF_ARM_BE8) == 0;
    return big ? image_u32(image, plt->code + at) : little(plt->code + at);
}

static uint32_t arm_immediate(uint32_t word)
{
    unsigned by = (word >> 8 & 15) * 2;
    uint32_t value = word & 0xff;
    return by == 0 ? value : value >> by | value << (32 - by);
}

/* The end of the stub that begins here, and the slot; 0 where there is none. */
static uint64_t arm_stub(const struct plt *plt, uint64_t at, uint32_t *slot)
{
    if ((arm_word(plt, at) & 0xfffff000) != 0xe28fc000)
        return 0;
    *slot = (uint32_t)(plt->section->address + at) + 8 + arm_immediate(arm_word(plt, at));
    for (unsigned i = 1; i < 4 && plt->size - at >= 4 * (i + UINT64_C(1)); i++) {
        uint32_t word = arm_word(plt, at + UINT64_C(4) * i);
        if ((word & 0xfffff000) == 0xe5bcf000) {
            *slot += word & 0xfff;
            return at + UINT64_C(4) * (i + 1);
        }
        if ((word & 0xfffff000) != 0xe28cc000)
            return 0;
        *slot += arm_immediate(word);
    }
    return 0;
}

static void arm_stubs(struct plt *plt)
{
    for (uint64_t at = 0; plt->size - at >= 4;) {
        uint32_t slot = 0;
        uint64_t end = arm_stub(plt, at, &slot);
        if (end != 0) {
            uint64_t begin = at >= 4 && arm_word(plt, at - 4) == ARM_THUMB_ENTRY ? at - 4 : at;
            add_stub(plt, begin, end - begin, slot_at(plt, slot));
        }
        at = end != 0 ? end : at + 4;
    }
}

/* ---- Other machines: by order ---- */

static const struct {
    uint16_t machine;
    uint8_t header, entry;    /* bytes */
    uint32_t jump, irelative; /* the types of relocation that have a stub */
} by_order[] = {
    {EM_RISCV, 32, 16, R_RISCV_JUMP_SLOT, 58 /* R_RISCV_IRELATIVE */},
    {EM_S390, 32, 32, R_390_JMP_SLOT, R_390_IRELATIVE},
    {EM_LOONGARCH, 32, 16, 5 /* R_LARCH_JUMP_SLOT */, 12 /* R_LARCH_IRELATIVE */},
    {EM_MIPS, 32, 16, R_MIPS_JUMP_SLOT, 128 /* R_MIPS_IRELATIVE */},
};

static void ordered_stubs(struct plt *plt, size_t row)
{
    uint64_t count = 0, at = by_order[row].header;
    for (size_t i = 0; i < plt->slot_count; i++)
        count += plt->slots[i].type == by_order[row].jump || plt->slots[i].type == by_order[row].irelative;
    /* Where the numbers do not fit there are stubs of another kind among them. */
    if (plt->size != at + count * by_order[row].entry)
        return;
    for (size_t i = 0; i < plt->slot_count; i++) {
        struct slot *slot = &plt->slots[i];
        if (slot->type != by_order[row].jump && slot->type != by_order[row].irelative)
            continue;
        add_stub(plt, at, by_order[row].entry, slot);
        at += by_order[row].entry;
    }
}

/* ---- All ---- */

static void stubs_of_machine(struct plt *plt)
{
    uint16_t machine = plt->collection->image->header.e_machine;
    if (machine == EM_X86_64 || machine == EM_386)
        x86_stubs(plt);
    if (machine == EM_AARCH64)
        aarch64_stubs(plt);
    if (machine == EM_ARM)
        arm_stubs(plt);
    for (size_t i = 0; i < ARRAY_COUNT(by_order); i++) {
        if (by_order[i].machine == machine && strcmp(plt->section->name, ".plt") == 0)
            ordered_stubs(plt, i);
    }
}

static const struct section *stubs_section(const struct image *image, const char *name)
{
    const struct section *section = image_section_named(image, name);
    bool code = section != NULL && section->type == SHT_PROGBITS && (section->flags & SHF_EXECINSTR) != 0 &&
                (section->flags & SHF_COMPRESSED) == 0 && !range_empty(section->bytes);
    return code ? section : NULL;
}

void plt_collect(struct collection *collection)
{
    static const char *const names[] = {".plt", ".plt.sec", ".plt.got"};
    const struct image *image = collection->image;
    struct plt plt = {.collection = collection, .budget = ((uint64_t)16 << 20) + 4 * image->size};
    struct arena arena = {0};
    const struct relocation *items;
    struct compare_error ignored;
    size_t count;
    int status = relocations_read(image, &arena, &items, &count, &ignored);
    if (status == COMPARE_ERROR_MEMORY)
        collection->status = status;
    if (status == 0)
        slots_fill(&plt, items, count);
    for (size_t i = 0; i < ARRAY_COUNT(names) && collection->status == 0 && plt.slot_count > 0; i++) {
        plt.section = stubs_section(image, names[i]);
        if (plt.section == NULL)
            continue;
        plt.code = image_bytes(image, plt.section->bytes);
        plt.size = range_size(plt.section->bytes);
        stubs_of_machine(&plt);
    }
    free(plt.slots);
    arena_free(&arena);
}
