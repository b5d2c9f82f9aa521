/*
 * Where functions begin, in a file that does not say: ARM's stripped files have no .eh_frame, and no symbol tells which
 * of the two instruction sets some code is in. From what is entered for certain (the entry point, functions that are
 * known or pointed to) calls are followed to what they enter, in which state. Where code is cut is no evidence of
 * anything: both sides' pieces are compared whatever they are.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define UNIT       2 /* bytes: instructions stand at multiples */
#define WORD       4
#define REACH_MOST (1u << 18) /* bytes of one function */
#define WORK_MOST  64         /* bytes looked at for each byte of code */

/* Pointers in data that a function refers to. */
struct lead {
    uint64_t function, data;
};

struct entering {
    const struct space *space;
    struct entries *entries;
    struct list queue; /* of uint64_t: addresses, with the lowest bit for Thumb */
    size_t done;       /* of the queue */
    struct list leads; /* of struct lead */
    uint64_t work;
    bool out_of_memory;
};

static const struct section *code_at(const struct image *image, uint64_t address)
{
    for (uint64_t i = 1; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if ((section->flags & SHF_EXECINSTR) != 0 && (section->flags & SHF_ALLOC) != 0 &&
            section->type == SHT_PROGBITS && !range_empty(section->bytes) && address - section->address < section->size)
            return section;
    }
    return NULL;
}

static uint8_t *mark_at(const struct entering *e, uint64_t address)
{
    const struct section *section = code_at(e->space->image, address);
    return section == NULL ? NULL : e->entries->marks + (section->bytes.begin + (address - section->address)) / UNIT;
}

static bool is_entry(const struct entries *entries, uint64_t offset)
{
    return entries->marks[offset / UNIT] == ENTRY_PLAIN || entries->marks[offset / UNIT] == ENTRY_THUMB;
}

/* The lowest bit is Thumb's, as in pointers to functions. What begins in one state does not begin in the other. */
static void enter(struct entering *e, uint64_t pointer)
{
    bool thumb = (pointer & 1) != 0;
    uint64_t address = pointer & ~(uint64_t)1;
    uint8_t *mark = !thumb && (address & 3) != 0 ? NULL : mark_at(e, address);
    if (mark == NULL || *mark != 0)
        return;
    *mark = thumb ? ENTRY_THUMB : ENTRY_PLAIN;
    uint64_t *added = list_add(&e->queue);
    e->out_of_memory |= added == NULL;
    if (added != NULL)
        *added = pointer;
}

static bool is_pointer(const struct entering *e, uint64_t address)
{
    struct range word;
    size_t count = 0;
    if (image_file_range(e->space->image, address, WORD, &word))
        relocations_in(e->space->relocations, e->space->relocation_count, word, &count);
    return count > 0;
}

static void add_lead(struct entering *e, uint64_t function, uint64_t data)
{
    struct lead *added = is_pointer(e, data) ? list_add(&e->leads) : NULL;
    if (added != NULL)
        *added = (struct lead){function, data};
}

/* What is entered from outside of the code. */
static void enter_known(struct entering *e)
{
    const struct space *space = e->space;
    const struct image *image = space->image;
    static const int64_t tags[] = {DT_INIT, DT_FINI};
    enter(e, image->header.e_entry);
    for (size_t i = 0; i < ARRAY_COUNT(tags); i++) {
        const struct dynamic_entry *entry = image_dynamic(image, tags[i]);
        if (entry != NULL)
            enter(e, entry->value);
    }
    for (size_t i = 0; i < space->symbols->by_offset_count; i++) {
        const struct symbol *symbol = space->symbols->by_offset[i];
        if (symbol_is_function(symbol))
            enter(e, symbol->address | symbol->thumb);
    }
}

/* Where no labels of a function stand. */
static bool is_got(const struct section *section)
{
    return section->type == SHT_INIT_ARRAY || section->type == SHT_FINI_ARRAY || strcmp(section->name, ".got") == 0;
}

enum pointers { POINTERS_CERTAIN, POINTERS_ALL };

/* Pointers in data. Those that are certain lead to Thumb code, which labels do not say, or stand where no labels do. */
static void enter_pointers(struct entering *e, enum pointers which)
{
    const struct image *image = e->space->image;
    for (size_t i = 0; i < e->space->relocation_count; i++) {
        const struct relocation *relocation = &e->space->relocations[i];
        const struct extent *extent = image_extent_at(image, relocation->file_offset);
        bool certain = (relocation->addend & 1) != 0 ||
                       (extent != NULL && extent->owner == OWNER_SECTION && is_got(&image->sections[extent->index]));
        if (relocation->symbol[0] == '\0' && (which == POINTERS_ALL || certain))
            enter(e, (uint32_t)relocation->addend);
    }
}

/* Up to where the next function begins, as far as that is known by now. */
static uint64_t reach_of(const struct entering *e, const struct section *section, uint64_t address)
{
    uint64_t offset = section->bytes.begin + (address - section->address);
    uint64_t most = section->bytes.end - offset < REACH_MOST ? section->bytes.end - offset : REACH_MOST;
    for (uint64_t size = UNIT; size < most; size += UNIT) {
        if (is_entry(e->entries, offset + size))
            return size;
    }
    return most;
}

/* Code makes an address: that of code which stands elsewhere is a function's; that of data may be a table's. */
static void refer(struct entering *e, uint64_t function, uint64_t size, uint64_t target)
{
    if ((target & 1) != 0 || target - function >= size)
        enter(e, target);
    add_lead(e, function, target);
}

static bool follow(struct entering *e, uint64_t pointer, struct sites *sites)
{
    const struct space *space = e->space;
    bool thumb = (pointer & 1) != 0;
    uint64_t address = pointer & ~(uint64_t)1;
    const struct section *section = code_at(space->image, address);
    uint64_t size = reach_of(e, section, address);
    const uint8_t *bytes = space->image->bytes + section->bytes.begin + (address - section->address);
    e->work += size;
    if (!decode_reached(space->decoders[thumb], bytes, size, address, sites))
        return !sites->out_of_memory;
    for (size_t i = 0; i < sites->count; i++) {
        const struct site *site = &sites->items[i];
        if (site->kind == SITE_CALL)
            enter(e, (site->target & ~(uint64_t)1) | (thumb != site->exchanges));
        else if (site->kind == SITE_DATA && !site->exact)
            refer(e, address, size, site->target);
    }
    return true;
}

static void follow_all(struct entering *e, struct sites *sites)
{
    while (e->done < e->queue.count && !e->out_of_memory && e->work / WORK_MOST <= e->space->image->size)
        e->out_of_memory |= !follow(e, ((const uint64_t *)e->queue.items)[e->done++], sites);
}

/*
 * A computed goto's labels: pointers in a table that a function refers to, which lead behind its begin, and before that
 * of the next one. A function that stands there and is entered by these alone is taken for a part of it.
 */
static void mark_labels(struct entering *e, const struct lead *lead)
{
    const struct space *space = e->space;
    const struct section *section = code_at(space->image, lead->function);
    struct range rest;
    size_t count;
    if (!image_file_range(space->image, lead->data, WORD, &rest))
        return;
    rest.end = space->image->size;
    uint64_t reach = reach_of(e, section, lead->function);
    const struct relocation *words = relocations_in(space->relocations, space->relocation_count, rest, &count);
    for (size_t i = 0; i < count; i++) {
        uint64_t label = (uint32_t)words[i].addend;
        if (words[i].address != lead->data + i * WORD || words[i].symbol[0] != '\0' || (label & 1) != 0 ||
            label - lead->function >= reach)
            return;
        uint8_t *mark = mark_at(e, label);
        if (mark != NULL && *mark == 0)
            *mark = ENTRY_LABEL;
    }
}

/* PowerPC's stubs, one by one, and what stands behind the last. */
static void find_stubs(const struct space *space, struct entries *entries)
{
    for (uint64_t i = 1; i < space->image->section_count; i++) {
        const struct section *section = &space->image->sections[i];
        bool inside = false;
        for (uint64_t at = 0; code_at(space->image, section->address) == section && at < section->size; at += WORD) {
            bool stub = site_is_stub(space->decoders[0], section->address + at);
            if (stub || inside)
                entries->marks[(section->bytes.begin + at) / UNIT] = ENTRY_PLAIN;
            inside = stub;
            at += stub ? SITE_STUB_SIZE - WORD : 0;
        }
    }
}

static uint32_t word_at(const struct image *image, uint64_t offset)
{
    return image_u32(image, image->bytes + offset);
}

/*
 * MIPS: a function makes gp of its own address, which is in t9 (System V ABI, MIPS supplement, "Position-independent
 * function prologue"): LUI and ADDIU of gp, where their sum and the place make what gp is.
 */
static void find_prologues(const struct space *space, struct entries *entries)
{
    const struct image *image = space->image;
    uint64_t gp = decoder_gp(space->decoders[0]);
    for (uint64_t i = 1; i < image->section_count && gp != 0; i++) {
        const struct section *section = &image->sections[i];
        if (code_at(image, section->address) != section)
            continue;
        for (uint64_t at = 0; at + 2 * WORD <= section->size; at += WORD) {
            uint32_t high = word_at(image, section->bytes.begin + at);
            uint32_t low = word_at(image, section->bytes.begin + at + WORD);
            uint32_t whole = (high << 16) + (uint32_t)(int16_t)low + (uint32_t)(section->address + at);
            if (high >> 16 == 0x3c1c && low >> 16 == 0x279c && whole == (uint32_t)gp)
                entries->marks[(section->bytes.begin + at) / UNIT] = ENTRY_PLAIN;
        }
    }
}

bool entries_find(const struct space *space, struct arena *arena, struct entries *entries)
{
    struct arena scratch = {0};
    struct entering e = {.space = space,
                         .entries = entries,
                         .queue = {.arena = &scratch, .item_size = sizeof(uint64_t)},
                         .leads = {.arena = &scratch, .item_size = sizeof(struct lead)}};
    struct sites sites = {0};
    *entries = (struct entries){0};
    uint16_t machine = space->image->header.e_machine;
    if (machine != EM_ARM && machine != EM_PPC && (machine != EM_MIPS || space->image->is64))
        return true;
    entries->marks = arena_alloc(arena, (size_t)(space->image->size / UNIT) + 1, 1);
    if (entries->marks == NULL)
        return false;
    if (machine != EM_ARM) {
        (machine == EM_PPC ? find_stubs : find_prologues)(space, entries);
        return true;
    }
    enter_known(&e);
    follow_all(&e, &sites);
    enter_pointers(&e, POINTERS_CERTAIN);
    follow_all(&e, &sites);
    for (size_t i = 0; i < e.leads.count; i++)
        mark_labels(&e, (const struct lead *)e.leads.items + i);
    enter_pointers(&e, POINTERS_ALL);
    follow_all(&e, &sites);
    sites_free(&sites);
    arena_free(&scratch);
    return !e.out_of_memory;
}

uint64_t entries_next(const struct entries *entries, uint64_t offset, uint64_t end)
{
    offset += UNIT;
    while (entries->marks != NULL && offset < end && !is_entry(entries, offset))
        offset += UNIT;
    return entries->marks != NULL && offset < end ? offset : end;
}

bool entries_thumb(const struct entries *entries, uint64_t offset)
{
    return entries->marks != NULL && entries->marks[offset / UNIT] == ENTRY_THUMB;
}
