/*
 * Two sequences of hashes, aligned: by what each has once ("patience diff"), then by what stands beside what is aligned,
 * then once more in each gap.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 12
#define ALIKE_MOST 64  /* of what each has as often as the other */
#define SMALL      128 /* gaps of so many items are aligned by their longest common subsequence */

/* What is known of one hash within a box. */
struct slot {
    uint64_t hash;
    uint32_t count_a, count_b; /* 0 and 0: free */
    size_t first_b;            /* the others follow by next_b */
};

struct alike {
    size_t a, b;
};

struct alignment {
    const uint64_t *a, *b;
    size_t *partner;
    struct slot *slots;
    size_t *next_b;
    struct alike *alike;
    size_t *tails, *before;
};

struct box {
    size_t a, a_end, b, b_end;
};

static struct slot *slot_of(const struct alignment *s, size_t mask, uint64_t hash)
{
    size_t at = (size_t)(hash * 0x9e3779b97f4a7c15 >> 20) & mask;
    while ((s->slots[at].count_a != 0 || s->slots[at].count_b != 0) && s->slots[at].hash != hash)
        at = (at + 1) & mask;
    s->slots[at].hash = hash;
    return &s->slots[at];
}

/* Those that occur as often on each side, at most so often, the n-th with the n-th; by their place in a. */
static size_t alike_pairs(struct alignment *s, struct box box, size_t most)
{
    size_t mask = 15, found = 0;
    while (mask < 2 * (box.a_end - box.a + box.b_end - box.b))
        mask = mask * 2 + 1;
    memset(s->slots, 0, (mask + 1) * sizeof(*s->slots));
    for (size_t i = box.a; i < box.a_end; i++)
        slot_of(s, mask, s->a[i])->count_a++;
    for (size_t i = box.b_end; i-- > box.b;) {
        struct slot *slot = slot_of(s, mask, s->b[i]);
        s->next_b[i] = slot->first_b;
        slot->first_b = i;
        slot->count_b++;
    }
    for (size_t i = box.a; i < box.a_end; i++) {
        struct slot *slot = slot_of(s, mask, s->a[i]);
        if (slot->count_a != slot->count_b || slot->count_a > most)
            continue;
        s->alike[found++] = (struct alike){i, slot->first_b};
        slot->first_b = s->next_b[slot->first_b];
    }
    return found;
}

/* The longest of them that rise on both sides, marked in partner. */
static size_t longest_rising(struct alignment *s, size_t count)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        size_t low = 0, high = length;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (s->alike[s->tails[middle]].b < s->alike[i].b)
                low = middle + 1;
            else
                high = middle;
        }
        s->before[i] = low > 0 ? s->tails[low - 1] : SIZE_MAX;
        s->tails[low] = i;
        length = low == length ? length + 1 : length;
    }
    for (size_t i = length > 0 ? s->tails[length - 1] : SIZE_MAX; i != SIZE_MAX; i = s->before[i])
        s->partner[s->alike[i].a] = s->alike[i].b;
    return length;
}

static void align_small(struct alignment *s, struct box box)
{
    uint8_t length[SMALL + 1][SMALL + 1] = {{0}};
    size_t n = box.a_end - box.a, m = box.b_end - box.b;
    for (size_t i = n; i-- > 0;) {
        for (size_t k = m; k-- > 0;) {
            uint8_t down = length[i + 1][k], right = length[i][k + 1];
            length[i][k] = s->a[box.a + i] == s->b[box.b + k] ? (uint8_t)(length[i + 1][k + 1] + 1)
                                                              : (down > right ? down : right);
        }
    }
    for (size_t i = 0, k = 0; i < n && k < m;) {
        if (s->a[box.a + i] == s->b[box.b + k]) {
            s->partner[box.a + i++] = box.b + k++;
        } else if (length[i + 1][k] >= length[i][k + 1]) {
            i++;
        } else {
            k++;
        }
    }
}

static struct box trimmed(struct alignment *s, struct box box)
{
    while (box.a < box.a_end && box.b < box.b_end && s->a[box.a] == s->b[box.b])
        s->partner[box.a++] = box.b++;
    while (box.a < box.a_end && box.b < box.b_end && s->a[box.a_end - 1] == s->b[box.b_end - 1])
        s->partner[--box.a_end] = --box.b_end;
    return box;
}

static void align_box(struct alignment *s, struct box box, unsigned depth)
{
    box = trimmed(s, box);
    size_t n = box.a_end - box.a, m = box.b_end - box.b;
    if (n == 0 || m == 0)
        return;
    if (n <= SMALL && m <= SMALL) {
        align_small(s, box);
        return;
    }
    if (depth == DEPTH_MOST)
        return;
    size_t aligned = longest_rising(s, alike_pairs(s, box, 1));
    for (size_t most = 4; aligned == 0 && most <= ALIKE_MOST; most *= 4)
        aligned = longest_rising(s, alike_pairs(s, box, most));
    if (aligned == 0)
        return;
    struct box gap = {box.a, box.a, box.b, box.b};
    for (size_t i = box.a; i <= box.a_end; i++) {
        if (i < box.a_end && (s->partner[i] == SIZE_MAX || s->partner[i] < gap.b))
            continue;
        gap.a_end = i;
        gap.b_end = i < box.a_end ? s->partner[i] : box.b_end;
        align_box(s, gap, depth + 1);
        gap.a = i + 1;
        gap.b = gap.b_end + 1;
    }
}

bool align_sequences(const uint64_t *a, size_t count_a, const uint64_t *b, size_t count_b, size_t *partner)
{
    size_t slots = 16;
    while (slots < 2 * (count_a + count_b) + 2)
        slots *= 2;
    struct alignment s = {.a = a, .b = b, .partner = partner};
    for (size_t i = 0; i < count_a; i++)
        partner[i] = SIZE_MAX;
    s.slots = calloc(slots, sizeof(*s.slots));
    s.next_b = calloc(count_b + 1, sizeof(*s.next_b));
    s.alike = calloc(count_a + 1, sizeof(*s.alike));
    s.tails = calloc(count_a + 1, sizeof(*s.tails));
    s.before = calloc(count_a + 1, sizeof(*s.before));
    bool made = s.slots != NULL && s.next_b != NULL && s.alike != NULL && s.tails != NULL && s.before != NULL;
    if (made)
        align_box(&s, (struct box){0, count_a, 0, count_b}, 0);
    free(s.slots);
    free(s.next_b);
    free(s.alike);
    free(s.tails);
    free(s.before);
    return made;
}
