/*
 * Functions that never return. What stands behind a call of one is not run, so that it need not be the counterpart.
 * They are known by the names that a program binds them by, and by having no other way out than to such functions.
 */
#include <string.h>

#include "parts.h"

#define ROUNDS 16 /* who only calls one is one, and so on */

/* POSIX's and C's, glibc's and libstdc++'s. */
static bool is_known(const char *name)
{
    static const char *const names[] = {"abort",
                                        "exit",
                                        "_exit",
                                        "_Exit",
                                        "quick_exit",
                                        "pthread_exit",
                                        "longjmp",
                                        "siglongjmp",
                                        "_longjmp",
                                        "__longjmp_chk",
                                        "__stack_chk_fail",
                                        "__assert_fail",
                                        "__fortify_fail",
                                        "__chk_fail",
                                        "__cxa_throw",
                                        "__cxa_rethrow",
                                        "__cxa_bad_cast",
                                        "__cxa_bad_typeid",
                                        "_Unwind_Resume",
                                        "_ZSt9terminatev",
                                        "__cxa_throw_bad_array_new_length"};
    size_t length = strcspn(name, "@");
    if (strstr(name, "@plt") == NULL)
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return true;
    }
    return strncmp(name, "_ZSt", 4) == 0 && strstr(name, "__throw_") != NULL;
}

static bool is_endless(const struct moving *m, uint64_t address)
{
    const struct code_piece *piece = space_code_at(&m->spaces[0], address);
    return piece != NULL && piece->address == address && m->endless[piece - m->spaces[0].code];
}

bool ends_for_good(const struct moving *m, const struct code_piece *piece)
{
    const struct site *last = m->spaces[0].sites + piece->site + piece->site_count - 1;
    return piece->site_count > 0 && last->kind == SITE_CALL && last->offset + (uint64_t)last->size == piece->size &&
           is_endless(m, last->target);
}

/* Whether every way out leads to a function that never returns. */
static bool has_no_way_out(const struct moving *m, const struct code_piece *piece)
{
    const struct site *sites = m->spaces[0].sites + piece->site;
    if (!piece->known || !piece->ordinary || !piece->closed || (piece->falls_through && !ends_for_good(m, piece)))
        return false;
    for (size_t i = 0; i < piece->site_count; i++) {
        if (sites[i].kind == SITE_JUMP && sites[i].target - piece->address >= piece->size &&
            !is_endless(m, sites[i].target))
            return false;
    }
    return true;
}

void find_endless(struct moving *m)
{
    const struct space *space = &m->spaces[0];
    bool found = true;
    m->endless = arena_alloc(m->arena, space->code_count + 1, sizeof(*m->endless));
    m->out_of_memory |= m->endless == NULL;
    for (size_t i = 0; !m->out_of_memory && i < space->code_count; i++)
        m->endless[i] = space->code[i].name != NULL && is_known(space->code[i].name);
    for (size_t round = 0; found && !m->out_of_memory && round < ROUNDS; round++) {
        found = false;
        for (size_t i = 0; i < space->code_count; i++) {
            if (m->endless[i] || !has_no_way_out(m, &space->code[i]))
                continue;
            m->endless[i] = found = true;
        }
    }
}
