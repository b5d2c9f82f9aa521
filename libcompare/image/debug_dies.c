/*
 * DIEs by libdw (DWARF 5, chapter 2): attributes, names, address ranges, and a walk through a unit. libdw's own ways
 * through the tree recurse, or search again what they have seen, and its strings may lack an end: not so here.
 */
#include <string.h>

#include "debug_parts.h"

/* Concrete instances refer to abstract ones, which refer to declarations; crafted ones go round. */
#define HOP_LIMIT   8
#define RANGE_LIMIT 65536

bool debug_unit_root(struct debug *debug, const struct debug_unit_view *unit, Dwarf_Die *root)
{
    return debug_die_at(debug, unit, unit->root, root);
}

bool debug_die_at(struct debug *debug, const struct debug_unit_view *unit, Dwarf_Off offset, Dwarf_Die *die)
{
    return (unit->in_types ? dwarf_offdie_types(debug->dwarf, offset, die) : dwarf_offdie(debug->dwarf, offset, die)) !=
           NULL;
}

/* ---- Attributes ---- */

/* libdw's string, if it ends inside its section. */
static const char *ends_inside(const struct debug *debug, const char *text)
{
    for (size_t i = 0; text != NULL && i < DEBUG_SECTIONS; i++) {
        uintptr_t begin = (uintptr_t)debug->sections[i].bytes, at = (uintptr_t)text;
        if (begin != 0 && at >= begin && at - begin < debug->sections[i].size)
            return debug_text_at(debug, (enum debug_section)i, at - begin);
    }
    return NULL;
}

const char *debug_die_text(const struct debug *debug, Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    return dwarf_attr(die, name, &attribute) != NULL ? ends_inside(debug, dwarf_formstring(&attribute)) : NULL;
}

bool debug_die_number(Dwarf_Die *die, unsigned name, uint64_t *number)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    if (dwarf_attr(die, name, &attribute) == NULL || dwarf_formudata(&attribute, &value) != 0)
        return false;
    *number = value;
    return true;
}

bool debug_die_follow(Dwarf_Die *die, unsigned name, Dwarf_Die *to)
{
    Dwarf_Attribute attribute;
    return dwarf_attr(die, name, &attribute) != NULL && dwarf_whatform(&attribute) != DW_FORM_ref_sig8 &&
           dwarf_formref_die(&attribute, to) != NULL;
}

const char *debug_die_name(const struct debug *debug, Dwarf_Die *die)
{
    Dwarf_Die at = *die, next;
    const char *plain = NULL;
    for (unsigned hops = 0; hops < HOP_LIMIT; hops++) {
        const char *linkage = debug_die_text(debug, &at, DW_AT_linkage_name);
        if (linkage == NULL)
            linkage = debug_die_text(debug, &at, DW_AT_MIPS_linkage_name);
        if (linkage != NULL)
            return linkage;
        if (plain == NULL)
            plain = debug_die_text(debug, &at, DW_AT_name);
        if (!debug_die_follow(&at, DW_AT_abstract_origin, &next) && !debug_die_follow(&at, DW_AT_specification, &next))
            break;
        at = next;
    }
    return plain;
}

void debug_each_range(struct debug *debug, Dwarf_Die *die, bool (*take)(void *state, uint64_t low, uint64_t high),
                      void *state)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t at = 0;
    for (unsigned i = 0; i < RANGE_LIMIT && debug->steps > 0; i++) {
        at = dwarf_ranges(die, at, &base, &low, &high);
        if (at <= 0)
            return;
        debug->steps--;
        if (low < high && !take(state, low, high))
            return;
    }
}

/* ---- Walking ---- */

bool debug_walk_next(struct debug *debug, struct debug_walk *walk, bool descend)
{
    Dwarf_Die next = {0};
    if (debug->steps == 0)
        return false;
    debug->steps--;
    int status = descend ? dwarf_child(&walk->die, &next) : 1;
    if (status == 0) {
        walk->depth++;
        walk->die = next;
        return true;
    }
    if (status < 0)
        return false;
    status = dwarf_siblingof(&walk->die, &next);
    if (status == 0) {
        walk->die = next;
        return walk->depth > 0;
    }
    if (status < 0 || next.addr == NULL)
        return false;
    /* libdw has left us at the end mark of the siblings: each mark is one level up. */
    const struct debug_bytes *section = &debug->sections[walk->unit->in_types ? DEBUG_TYPES : DEBUG_INFO];
    const uint8_t *at = next.addr, *end = section->bytes + walk->unit->end;
    for (; at < end && *at == 0; at++) {
        if (walk->depth <= 1)
            return false;
        walk->depth--;
    }
    walk->die = (Dwarf_Die){.addr = (void *)(uintptr_t)at, .cu = walk->die.cu};
    return at < end;
}
