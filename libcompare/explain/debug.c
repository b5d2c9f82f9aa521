/* Debug information: what its units say of themselves, where the two sides say it differently. */
#include <string.h>

#include "parts.h"

/* Of one kind: a renamed build directory shows in every unit, and one of them tells it. */
#define TOLD_MOST 60

void debug_explain(struct explaining *e)
{
    const struct facts *a = &e->clues.vendor, *b = &e->clues.rebuilt;
    if (!a->has_debug || !b->has_debug)
        return;
    names_tell(e, DIFFERENCE_DEBUG, "DW_AT_producer", &a->producers, &b->producers, TOLD_MOST);
    names_tell(e, DIFFERENCE_DEBUG, "DW_AT_comp_dir", &a->directories, &b->directories, TOLD_MOST);
    names_tell(e, DIFFERENCE_DEBUG, "DW_AT_name", &a->unit_names, &b->unit_names, TOLD_MOST);
    names_tell(e, DIFFERENCE_DEBUG, "DW_AT_dwo_name", &a->dwo_names, &b->dwo_names, TOLD_MOST);
}
