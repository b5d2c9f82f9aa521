/*
 * Two sequences of hashes, aligned: by what each has once ("patience diff"), then by what stands beside what is aligned,
 * then once more in each gap.
 */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 12
#define ALIKE_MOST 64 /* of what each has as often as the other */
#define SMALL      128 /* gaps of so many items are aligned by their longest common subsequence */

struct alignment {
    const uint64_t *a, *b;
    size_t *partner;
    struct keyed *keys; /* room for both sequences */
    size_t *tails, *before;
    bool out_of_memory;
};

struct keyed {
    uint64_t hash;
    size_t index;
    bool second; /* of b */
};

struct box {
    size_t a, a_end, b, b_end;
};

static int keyed_order(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    if (a->second != b->second)
        return a->second ? 1 : -1;
    return (a->index > b->index) - (a->index < b->index);
}

static int index_order(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    return (a->index > b->index) - (a->index < b->index);
}

/*
 * Those that occur as often on each side, at most so often, the n-th with the n-th: keys[i].index of a, keys[i].hash the
 * index of b; by a.
 */
static size_t alike_pairs(struct alignment *s, struct box box, size_t most)
{
    size_t count = 0, found = 0;
    for (size_t i = box.a; i < box.a_end; i++)
        s->keys[count++] = (struct keyed){s->a[i], i, false};
    for (size_t i = box.b; i < box.b_end; i++)
        s->keys[count++] = (struct keyed){s->b[i], i, true};
    qsort(s->keys, count, sizeof(*s->keys), keyed_order);
    for (size_t i = 0; i < count;) {
        size_t end = i + 1, half;
        while (end < count && s->keys[end].hash == s->keys[i].hash)
            end++;
        half = (end - i) / 2;
        bool alike = (end - i) % 2 == 0 && half <= most && !s->keys[i + half - 1].second && s->keys[i + half].second;
        for (size_t k = 0; alike && k < half; k++)
            s->keys[found++] = (struct keyed){s->keys[i + half + k].index, s->keys[i + k].index, false};
        i = end;
    }
    if (found > 1)
        qsort(s->keys, found, sizeof(*s->keys), index_order);
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
            if (s->keys[s->tails[middle]].hash < s->keys[i].hash)
                low = middle + 1;
            else
                high = middle;
        }
        s->before[i] = low > 0 ? s->tails[low - 1] : SIZE_MAX;
        s->tails[low] = i;
        length = low == length ? length + 1 : length;
    }
    for (size_t i = length > 0 ? s->tails[length - 1] : SIZE_MAX; i != SIZE_MAX; i = s->before[i])
        s->partner[s->keys[i].index] = (size_t)s->keys[i].hash;
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
    size_t most = count_a + count_b + 1;
    struct alignment s = {.a = a, .b = b, .partner = partner};
    for (size_t i = 0; i < count_a; i++)
        partner[i] = SIZE_MAX;
    s.keys = calloc(most, sizeof(*s.keys));
    s.tails = calloc(most, sizeof(*s.tails));
    s.before = calloc(most, sizeof(*s.before));
    bool made = s.keys != NULL && s.tails != NULL && s.before != NULL;
    if (made)
        align_box(&s, (struct box){0, count_a, 0, count_b}, 0);
    free(s.keys);
    free(s.tails);
    free(s.before);
    return made;
}
