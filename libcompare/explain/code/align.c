/* Which items of two sequences belong together. The work is bounded by (vendor + rebuilt) * most. */
#include "align.h"

#include <stdlib.h>

#define INVALID (-1)

/* A box of n by m, the furthest x on each diagonal forwards, and backwards from the other corner. */
struct search {
    struct align *align;
    struct align_box box;
    int64_t n, m;
    int64_t *forward, *backward; /* of diagonals -most - 1 ... most + 1, from their middles */
};

struct snake {
    int64_t x_begin, x_end, y_begin, y_end;
};

static bool same_forward(const struct search *search, int64_t x, int64_t y)
{
    return search->align->same(search->align->state, search->box.vendor_begin + (size_t)x,
                               search->box.rebuilt_begin + (size_t)y);
}

static bool same_backward(const struct search *search, int64_t x, int64_t y)
{
    return search->align->same(search->align->state, search->box.vendor_end - 1 - (size_t)x,
                               search->box.rebuilt_end - 1 - (size_t)y);
}

/* Where the furthest path with one more edit begins on this diagonal, or INVALID. */
static int64_t step(const struct search *search, const int64_t *furthest, int64_t d, int64_t k)
{
    if (d == 0)
        return 0;
    int64_t right = k > -d && furthest[k - 1] != INVALID ? furthest[k - 1] + 1 : INVALID;
    int64_t down = k < d && furthest[k + 1] != INVALID ? furthest[k + 1] : INVALID;
    if (right > search->n)
        right = INVALID;
    if (down != INVALID && down - k > search->m)
        down = INVALID;
    return right > down ? right : down;
}

/* The diagonals that d edits can reach inside the box. */
static int64_t lowest(const struct search *search, int64_t d)
{
    return d > search->m ? d - 2 * search->m : -d;
}

static int64_t highest(const struct search *search, int64_t d)
{
    return d > search->n ? 2 * search->n - d : d;
}

static bool meets(const int64_t *other, int64_t diagonal, int64_t reach, int64_t x, int64_t n)
{
    return diagonal >= -reach && diagonal <= reach && (diagonal - reach) % 2 == 0 && other[diagonal] != INVALID &&
           x + other[diagonal] >= n;
}

static bool search_forward(const struct search *search, int64_t d, struct snake *snake)
{
    int64_t delta = search->n - search->m;
    for (int64_t k = lowest(search, d); k <= highest(search, d); k += 2) {
        int64_t begin = step(search, search->forward, d, k), x = begin;
        while (x != INVALID && x < search->n && x - k < search->m && same_forward(search, x, x - k))
            x++;
        search->forward[k] = x;
        if (x != INVALID && delta % 2 != 0 && meets(search->backward, delta - k, d - 1, x, search->n)) {
            *snake = (struct snake){begin, x, begin - k, x - k};
            return true;
        }
    }
    return false;
}

static bool search_backward(const struct search *search, int64_t d, struct snake *snake)
{
    int64_t delta = search->n - search->m;
    for (int64_t k = lowest(search, d); k <= highest(search, d); k += 2) {
        int64_t begin = step(search, search->backward, d, k), x = begin;
        while (x != INVALID && x < search->n && x - k < search->m && same_backward(search, x, x - k))
            x++;
        search->backward[k] = x;
        if (x != INVALID && delta % 2 == 0 && meets(search->forward, delta - k, d, x, search->n)) {
            *snake = (struct snake){search->n - x, search->n - begin, search->m - (x - k), search->m - (begin - k)};
            return true;
        }
    }
    return false;
}

/* Some diagonal run in the middle of a shortest path; false: it has too many edits. */
static bool middle_snake(struct search *search, struct snake *snake)
{
    /* What stands on a diagonal that this search has not reached yet is another box's. */
    for (int64_t d = 0; d <= search->align->most; d++) {
        search->forward[-d] = search->forward[d] = INVALID;
        search->backward[-d] = search->backward[d] = INVALID;
        if (search_forward(search, d, snake) || search_backward(search, d, snake))
            return true;
    }
    return false;
}

static void pair_up(struct align *align, size_t vendor, size_t rebuilt)
{
    align->vendor[vendor] = rebuilt;
    align->rebuilt[rebuilt] = vendor;
}

/* What is equal at both ends belongs together. */
static void trim(struct align *align, struct align_box *box)
{
    while (box->vendor_begin < box->vendor_end && box->rebuilt_begin < box->rebuilt_end &&
           align->same(align->state, box->vendor_begin, box->rebuilt_begin))
        pair_up(align, box->vendor_begin++, box->rebuilt_begin++);
    while (box->vendor_begin < box->vendor_end && box->rebuilt_begin < box->rebuilt_end &&
           align->same(align->state, box->vendor_end - 1, box->rebuilt_end - 1))
        pair_up(align, --box->vendor_end, --box->rebuilt_end);
}

static size_t box_size(struct align_box box)
{
    return box.vendor_end - box.vendor_begin + (box.rebuilt_end - box.rebuilt_begin);
}

/* Splits a box at its middle; false: it is given up. */
static bool split(struct search *search, struct align_box *left, struct align_box *right)
{
    struct align_box box = search->box;
    struct snake snake;
    search->n = (int64_t)(box.vendor_end - box.vendor_begin);
    search->m = (int64_t)(box.rebuilt_end - box.rebuilt_begin);
    if (!middle_snake(search, &snake)) {
        search->align->given_up = true;
        return false;
    }
    for (int64_t i = 0; i < snake.x_end - snake.x_begin; i++)
        pair_up(search->align, box.vendor_begin + (size_t)(snake.x_begin + i),
                box.rebuilt_begin + (size_t)(snake.y_begin + i));
    *left = (struct align_box){box.vendor_begin, box.vendor_begin + (size_t)snake.x_begin, box.rebuilt_begin,
                               box.rebuilt_begin + (size_t)snake.y_begin};
    *right = (struct align_box){box.vendor_begin + (size_t)snake.x_end, box.vendor_end,
                                box.rebuilt_begin + (size_t)snake.y_end, box.rebuilt_end};
    return true;
}

/* The larger half waits, so that as many wait as halvings are possible. */
#define WAITING 64

bool align_box(struct align *align, struct align_box box)
{
    trim(align, &box);
    if (box.vendor_begin == box.vendor_end || box.rebuilt_begin == box.rebuilt_end)
        return true;
    int64_t half = align->most;
    if ((uint64_t)half > box_size(box))
        half = (int64_t)box_size(box);
    struct align bounded = *align;
    bounded.most = half;
    size_t diagonals = 2 * (size_t)half + 5;
    int64_t *furthest = calloc(2 * diagonals, sizeof(*furthest));
    if (furthest == NULL)
        return false;
    struct search search = {&bounded, box, 0, 0, furthest + half + 2, furthest + diagonals + half + 2};
    struct align_box waiting[WAITING] = {box};
    for (size_t count = 1; count > 0;) {
        struct align_box left, right;
        search.box = waiting[--count];
        trim(align, &search.box);
        if (search.box.vendor_begin == search.box.vendor_end || search.box.rebuilt_begin == search.box.rebuilt_end ||
            !split(&search, &left, &right) || count + 2 > WAITING)
            continue;
        bool left_waits = box_size(left) > box_size(right);
        waiting[count++] = left_waits ? left : right;
        waiting[count++] = left_waits ? right : left;
    }
    align->given_up = align->given_up || bounded.given_up;
    free(furthest);
    return true;
}
