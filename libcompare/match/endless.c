/*
 * Functions that never return. What stands behind a call of one is not run by it: registers do not flow there, and it
 * need not be the counterpart.
 * They are known by the names that a program binds them by, and by having no other way out than to such functions.
 */
#include <string.h>

#include "space.h"

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
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return true;
    }
    return strncmp(name, "_ZSt", 4) == 0 && strstr(name, "__throw_") != NULL;
}

static bool is_endless(const struct space *space, uint64_t address)
{
    const struct code_piece *piece = space_code_at(space, address);
    return piece != NULL && piece->address == address && piece->endless;
}

bool space_ends_for_good(const struct space *space, const struct code_piece *piece)
{
    const struct site *last = space->sites + piece->site + piece->site_count - 1;
    return piece->site_count > 0 && last->kind == SITE_CALL && last->offset + (uint64_t)last->size == piece->size &&
           is_endless(space, last->target);
}

/* Whether every way out leads to a function that never returns. */
static bool has_no_way_out(const struct space *space, const struct code_piece *piece)
{
    const struct site *sites = space->sites + piece->site;
    if (!piece->known || !piece->ordinary || !piece->closed ||
        (piece->falls_through && !space_ends_for_good(space, piece)))
        return false;
    for (size_t i = 0; i < piece->site_count; i++) {
        if (sites[i].kind == SITE_JUMP && sites[i].target - piece->address >= piece->size &&
            !is_endless(space, sites[i].target))
            return false;
    }
    return true;
}

void space_find_endless(struct space *space)
{
    bool found = true;
    for (size_t i = 0; i < space->code_count; i++)
        space->code[i].endless =
            space->code[i].name != NULL && strstr(space->code[i].name, "@plt") != NULL && is_known(space->code[i].name);
    for (size_t round = 0; found && round < ROUNDS; round++) {
        found = false;
        for (size_t i = 0; i < space->code_count; i++) {
            if (space->code[i].endless || !has_no_way_out(space, &space->code[i]))
                continue;
            space->code[i].endless = found = true;
        }
    }
}

bool space_never_returns(const struct symbol *symbol)
{
    return !symbol->defined && symbol->address != 0 && symbol->type == STT_FUNC && symbol->name != NULL &&
           is_known(symbol->name);
}
