/* What is said of each object of an argument (graph.h), from the innermost out.
 *
 * Objects that refer to each other in a circle form a component, found by Tarjan's algorithm
 * without recursion, which comes to each component after those that it refers to. A component of
 * one object is its skeleton with the gaps filled. One of several is a list of the skeletons, in
 * which they refer to each other by number. Numbers are given by going through it from one that
 * looks like no other: not from the one that was met first, since that depends on what else refers
 * to the component. What they look like is a digest of what they hold, then of what those hold that
 * they refer to, and so on for a few rounds. Objects that look the same after those are numbered
 * as they are met; then it may depend on the order of a set what the key is, but never do two
 * different arguments have the same. */
#include "key/components.h"

#include <stdlib.h>
#include <string.h>

/* Rounds after which objects look as they look: they see so far around them. Where sets are among
 * them, whose members are put in order by it; else one of them is to be chosen, and no more. */
#define ROUNDS_OF_SETS 4
#define ROUNDS 1

/* What is said of a node that is done. */
typedef struct done {
    size_t bytes;     /* where that of it, or of its component, begins among the parts */
    uint32_t written; /* so many of them */
    uint32_t number;  /* within its cycle */
} done;

/* Of a node that was reached. */
typedef struct reached {
    uint32_t order; /* in which it was, from 1 on; 0: not yet. STACKED: it is on the stack */
    /* The earliest that is known to be in its component. Once that is complete: which cycle the
     * component is, from 1 on; 0: none, but one object. */
    uint32_t low;
} reached;

#define STACKED ((uint32_t)1 << 31)

typedef struct writing {
    lcpy_walk *walk;
    const lcpy_graph *graph;
    const unsigned char *skeletons;
    done *done;                /* of each node */
    reached *reached;          /* of each node; all that the search looks at */
    locache_cbor_writer parts; /* what is said of nodes that are done */
    locache_cbor_writer part;  /* of the one that is written now */
    uint32_t *stack;           /* Tarjan's */
    size_t stack_count;
    struct frame {
        uint32_t node;
        uint32_t edge;
    } * frames;
    uint32_t cycles;   /* so far */
    uint32_t in_cycle; /* the number of the cycle that is written, or 0 */
    uint64_t *looks;   /* of each node, made with the first cycle; and in the next round */
    uint64_t *next;
} writing;

/* What stands in a gap for a member of the cycle that is written. */
typedef enum inner { INNER_NOTHING, INNER_NUMBER } inner;

static int check(const locache_cbor_writer *writer)
{
    if (locache_cbor_writer_status(writer) == LOCACHE_OK)
        return 0;
    PyErr_NoMemory();
    return -1;
}

/* ------------------------------------------------------------------------------ filling gaps in */

/* What is said of a node that is done. */
static void write_done(writing *w, locache_cbor_writer *to, uint32_t node)
{
    const done *said = &w->done[node];

    if (w->reached[node].low != 0) {
        locache_cbor_write_tag(to, LOCACHE_TAG_MEMBER);
        locache_cbor_write_array(to, 2);
        locache_cbor_write_uint(to, said->number);
    }
    locache_cbor_write_raw(to, w->parts.data + said->bytes, said->written);
}

/* Of what a component refers to, all that is not of itself is done. */
static bool is_inner(const writing *w, uint32_t child)
{
    return w->in_cycle != 0 && w->reached[child].low == w->in_cycle;
}

static void write_component_child(writing *w, uint32_t child, inner how)
{
    if (!is_inner(w, child)) {
        write_done(w, &w->part, child);
    } else if (how == INNER_NUMBER) {
        locache_cbor_write_tag(&w->part, LOCACHE_TAG_ANCESTOR);
        locache_cbor_write_uint(&w->part, w->done[child].number);
    }
}

/* What a node refers to. */
typedef struct refs {
    const uint32_t *children;
    const lcpy_gap *gaps;
    uint32_t count;
} refs;

static inline refs refs_of(const writing *w, uint32_t node)
{
    const uint32_t *first = &w->graph->first_edges[node];

    return (refs){w->graph->children + first[0], w->graph->gaps + first[0], first[1] - first[0]};
}

/* How many gaps from the nth on are the members of one set, or 1. */
static inline uint32_t group_at(const refs *of, uint32_t n)
{
    uint32_t end = n + 1;

    while (of->gaps[n] & LCPY_GAP_UNORDERED && end < of->count && of->gaps[end] == of->gaps[n])
        end++;
    return end - n;
}

/* Append a skeleton to the part, its gaps filled. */
static int fill(writing *w, uint32_t node, inner how)
{
    const refs of = refs_of(w, node);
    size_t at = w->graph->nodes[node].skeleton;

    for (uint32_t i = 0; i < of.count;) {
        uint32_t end = i + group_at(&of, i);
        size_t gap = of.gaps[i] & ~LCPY_GAP_UNORDERED;

        locache_cbor_write_raw(&w->part, w->skeletons + at, gap - at);
        size_t start = w->part.length;
        for (uint32_t k = i; k < end; k++)
            write_component_child(w, of.children[k], how);
        if (of.gaps[i] & LCPY_GAP_UNORDERED)
            locache_cbor_write_sorted(&w->part, start, 1);
        at = gap;
        i = end;
    }
    locache_cbor_write_raw(&w->part, w->skeletons + at, w->graph->nodes[node + 1].skeleton - at);
    /* Of two equal members one would be lost, and two sets have one key. How they can come to look
     * the same: an object that says it is equal to nothing else, and has no state. */
    if (locache_cbor_writer_status(&w->part) == LOCACHE_EINVAL)
        return lcpy_walk_refuse(w->walk, w->graph->nodes[node].object,
                                "having two members that look the same");
    return check(&w->part);
}

static _Thread_local locache_cbor_writer *noted;

locache_cbor_writer *lcpy_key_note_parts(locache_cbor_writer *parts)
{
    locache_cbor_writer *before = noted;

    noted = parts;
    return before;
}

/* In the place of the part. */
static void write_part_digest(writing *w)
{
    size_t start = w->parts.length;

    lcpy_walk_write_digest(&w->parts, LOCACHE_TAG_PART, w->part.data, w->part.length);
    if (noted != NULL && locache_cbor_writer_status(&w->parts) == LOCACHE_OK &&
        noted->length + w->part.length <= LCPY_NOTED_MAX) {
        locache_cbor_write_raw(noted, w->parts.data + start, w->parts.length - start);
        locache_cbor_write_raw(noted, w->part.data, w->part.length);
    }
}

/* Keep the part, or its digest where it is long. */
static int keep_part(writing *w, done *node, bool whole)
{
    node->bytes = w->parts.length;
    if (whole || w->part.length <= LCPY_PART_MAX)
        locache_cbor_write_raw(&w->parts, w->part.data, w->part.length);
    else
        write_part_digest(w);
    node->written = (uint32_t)(w->parts.length - node->bytes);
    return check(&w->parts);
}

/* --------------------------------------------------------------------------------------- cycles */

/* No digest: where two that differ come to look the same, nothing is lost but the order. */
static uint64_t mix(uint64_t looks, uint64_t more)
{
    looks = (looks ^ more) * 0x9e3779b97f4a7c15U;
    return looks ^ looks >> 29;
}

static uint64_t mix_bytes(const unsigned char *data, size_t size)
{
    uint64_t looks = size;
    uint64_t word = 0;

    for (; size >= sizeof word; data += sizeof word, size -= sizeof word) {
        memcpy(&word, data, sizeof word);
        looks = mix(looks, word);
    }
    word = 0;
    memcpy(&word, data, size);
    return mix(looks, word);
}

static int compare_looks(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a;
    uint64_t other = *(const uint64_t *)b;

    return one < other ? -1 : one > other;
}

/* What each member holds, of itself and beyond the cycle. */
static int look_first(writing *w, const uint32_t *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        locache_cbor_writer_reset(&w->part);
        if (fill(w, members[i], INNER_NOTHING) < 0)
            return -1;
        w->looks[members[i]] = mix_bytes(w->part.data, w->part.length);
    }
    return 0;
}

/* And what those look like that it refers to: in order, or of a set whatever order it has. */
static uint64_t look_again(const writing *w, uint32_t node)
{
    const refs of = refs_of(w, node);
    uint64_t looks = mix(w->looks[node], of.count);

    for (uint32_t i = 0; i < of.count;) {
        uint32_t end = i + group_at(&of, i);
        uint64_t sum = 0;

        for (; i < end; i++)
            if (is_inner(w, of.children[i]))
                sum += mix(1, w->looks[of.children[i]]);
        looks = mix(looks, sum);
    }
    return looks;
}

static bool has_sets(const writing *w, const uint32_t *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const refs of = refs_of(w, members[i]);

        if (of.count > 1 && of.gaps[0] & LCPY_GAP_UNORDERED)
            return true;
    }
    return false;
}

static int look(writing *w, const uint32_t *members, size_t count)
{
    int rounds = has_sets(w, members, count) ? ROUNDS_OF_SETS : ROUNDS;

    if (look_first(w, members, count) < 0)
        return -1;
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++)
            w->next[members[i]] = look_again(w, members[i]);
        uint64_t *swap = w->looks;
        w->looks = w->next;
        w->next = swap;
    }
    return 0;
}

/* The member whose looks no other has, of those the one that is first by them; where there is none,
 * the one that was met first. */
static uint32_t choose_first(const writing *w, const uint32_t *members, size_t count,
                             uint64_t *sorted)
{
    size_t unique = count;

    for (size_t i = 0; i < count; i++)
        sorted[i] = w->looks[members[i]];
    qsort(sorted, count, sizeof *sorted, compare_looks);
    for (size_t i = 0; i < count && unique == count; i++)
        if ((i == 0 || sorted[i] != sorted[i - 1]) &&
            (i + 1 == count || sorted[i] != sorted[i + 1]))
            unique = i;
    for (size_t i = 0; unique < count && i < count; i++)
        if (w->looks[members[i]] == sorted[unique])
            return members[i];
    return members[0];
}

typedef struct ranked {
    uint64_t looks;
    uint32_t node;
} ranked;

/* The members of a set that are in the cycle, by their looks. */
static int sort_group(const writing *w, const uint32_t *children, uint32_t count, uint32_t *out,
                      uint32_t *out_count)
{
    ranked *all = PyMem_Malloc(count * sizeof *all);

    *out_count = 0;
    if (all == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < count; i++)
        if (is_inner(w, children[i]))
            all[(*out_count)++] = (ranked){w->looks[children[i]], children[i]};
    qsort(all, *out_count, sizeof *all, compare_looks);
    for (uint32_t i = 0; i < *out_count; i++)
        out[i] = all[i].node;
    PyMem_Free(all);
    return 0;
}

/* Put those into the queue that are not there yet. */
static void enqueue(writing *w, const uint32_t *children, uint32_t count, uint32_t *queue,
                    size_t *queued)
{
    for (uint32_t i = 0; i < count; i++) {
        reached *child = &w->reached[children[i]];

        if (child->order & STACKED) {
            child->order &= ~STACKED;
            queue[(*queued)++] = children[i];
        }
    }
}

/* Number what a member refers to, if it is not numbered yet: `queue` holds the numbered ones. */
static int number_children(writing *w, uint32_t node, uint32_t *queue, size_t *queued)
{
    const refs of = refs_of(w, node);

    for (uint32_t i = 0; i < of.count;) {
        uint32_t group = group_at(&of, i);

        if (group == 1) {
            if (is_inner(w, of.children[i]))
                enqueue(w, &of.children[i], 1, queue, queued);
        } else {
            uint32_t *sorted = PyMem_Malloc(group * sizeof *sorted);
            uint32_t count = 0;
            int result = -1;

            if (sorted == NULL)
                PyErr_NoMemory();
            else
                result = sort_group(w, &of.children[i], group, sorted, &count);
            if (result == 0)
                enqueue(w, sorted, count, queue, queued);
            PyMem_Free(sorted);
            if (result < 0)
                return -1;
        }
        i += group;
    }
    return 0;
}

/* Every member is reached from every other. */
static int number_members(writing *w, uint32_t first, uint32_t *queue, size_t count)
{
    size_t queued = 1;

    queue[0] = first;
    w->reached[first].order &= ~STACKED;
    for (size_t i = 0; i < queued; i++)
        if (number_children(w, queue[i], queue, &queued) < 0)
            return -1;
    for (size_t i = 0; i < count; i++)
        w->done[queue[i]].number = (uint32_t)i;
    return 0;
}

/* [skeleton of member 0, of member 1, ...]; the bytes are the same for all members. */
static int write_cycle_members(writing *w, const uint32_t *queue, size_t count)
{
    done *first = &w->done[queue[0]];

    locache_cbor_writer_reset(&w->part);
    locache_cbor_write_tag(&w->part, LOCACHE_TAG_CYCLE);
    locache_cbor_write_array(&w->part, count);
    for (size_t i = 0; i < count; i++)
        if (fill(w, queue[i], INNER_NUMBER) < 0)
            return -1;
    if (keep_part(w, first, false) < 0)
        return -1;
    for (size_t i = 1; i < count; i++) {
        w->done[queue[i]].bytes = first->bytes;
        w->done[queue[i]].written = first->written;
    }
    return 0;
}

/* Once for all cycles: there may be as many as there are nodes. */
static int make_looks(writing *w)
{
    size_t count = w->graph->nodes_count;

    if (w->looks != NULL)
        return 0;
    w->looks = PyMem_Malloc(count * sizeof *w->looks);
    w->next = PyMem_Malloc(count * sizeof *w->next);
    if (w->looks != NULL && w->next != NULL)
        return 0;
    PyErr_NoMemory();
    return -1;
}

static int write_cycle(writing *w, const uint32_t *members, size_t count)
{
    uint32_t *queue = PyMem_Malloc(count * sizeof *queue);
    uint64_t *sorted = PyMem_Malloc(count * sizeof *sorted);
    int result = -1;

    w->in_cycle = ++w->cycles;
    for (size_t i = 0; i < count; i++)
        w->reached[members[i]].low = w->in_cycle;
    if (queue == NULL || sorted == NULL)
        PyErr_NoMemory();
    else if (make_looks(w) == 0 && look(w, members, count) == 0 &&
             number_members(w, choose_first(w, members, count, sorted), queue, count) == 0)
        result = write_cycle_members(w, queue, count);
    PyMem_Free(sorted);
    PyMem_Free(queue);
    w->in_cycle = 0;
    return result;
}

/* ----------------------------------------------------------------------------------- components */

static bool refers_to_itself(const writing *w, uint32_t node)
{
    const refs of = refs_of(w, node);

    for (uint32_t i = 0; i < of.count; i++)
        if (of.children[i] == node)
            return true;
    return false;
}

/* The top of the stack, from `node` on, is a component. */
static int write_component(writing *w, uint32_t node)
{
    size_t count = 0;

    do
        count++;
    while (w->stack[w->stack_count - count] != node);
    w->stack_count -= count;
    if (count > 1 || refers_to_itself(w, node)) /* its members become unstacked as they are met */
        return write_cycle(w, w->stack + w->stack_count, count);
    w->reached[node] = (reached){.order = w->reached[node].order & ~STACKED, .low = 0};
    locache_cbor_writer_reset(&w->part);
    if (fill(w, node, INNER_NOTHING) < 0)
        return -1;
    return node == 0 ? 0 : keep_part(w, &w->done[node], w->graph->nodes[node].atom);
}

static void reach(writing *w, size_t *depth, uint32_t *order, uint32_t number)
{
    ++*order;
    w->reached[number] = (reached){.order = *order | STACKED, .low = *order};
    w->stack[w->stack_count++] = number;
    w->frames[(*depth)++] = (struct frame){number, 0};
}

/* One step of the search: on to the next child, or back. */
static int step(writing *w, size_t *depth, uint32_t *order)
{
    struct frame *frame = &w->frames[*depth - 1];
    reached *node = &w->reached[frame->node];
    const refs of = refs_of(w, frame->node);

    if (frame->edge < of.count) {
        uint32_t number = of.children[frame->edge++];
        uint32_t child = w->reached[number].order;

        if (child == 0)
            reach(w, depth, order, number);
        else if (child & STACKED && (child & ~STACKED) < node->low)
            node->low = child & ~STACKED;
        return 0;
    }
    --*depth;
    if (*depth > 0) {
        reached *outer = &w->reached[w->frames[*depth - 1].node];

        if (node->low < outer->low)
            outer->low = node->low;
    }
    return node->low == (node->order & ~STACKED) ? write_component(w, frame->node) : 0;
}

static int write_all(writing *w, locache_cbor_writer *out)
{
    size_t depth = 0;
    uint32_t order = 0;

    reach(w, &depth, &order, 0);
    while (depth > 0)
        if (step(w, &depth, &order) < 0)
            return -1;
    if (w->reached[0].low != 0)
        write_done(w, out, 0);
    else
        locache_cbor_write_raw(out, w->part.data, w->part.length);
    return 0;
}

int lcpy_components_write(lcpy_walk *walk, locache_cbor_writer *out)
{
    size_t count = walk->graph->nodes_count;
    writing w = {.walk = walk, .graph = walk->graph, .skeletons = walk->writer->data};
    int result = -1;

    locache_cbor_writer_init(&w.parts, NULL, 0);
    locache_cbor_writer_init(&w.part, NULL, 0);
    w.stack = PyMem_Malloc(count * sizeof *w.stack);
    w.frames = PyMem_Malloc(count * sizeof *w.frames);
    w.done = PyMem_Calloc(count, sizeof *w.done);
    w.reached = PyMem_Calloc(count, sizeof *w.reached);
    if (w.stack == NULL || w.frames == NULL || w.done == NULL || w.reached == NULL)
        PyErr_NoMemory();
    else if (check(walk->writer) == 0)
        result = write_all(&w, out);
    PyMem_Free(w.next);
    PyMem_Free(w.looks);
    PyMem_Free(w.reached);
    PyMem_Free(w.done);
    PyMem_Free(w.frames);
    PyMem_Free(w.stack);
    locache_cbor_writer_clear(&w.part);
    locache_cbor_writer_clear(&w.parts);
    return result;
}
