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

typedef struct writing {
    lcpy_walk *walk;
    lcpy_graph *graph;
    const unsigned char *skeletons;
    locache_writer parts; /* what is said of nodes that are done */
    locache_writer part;  /* of the one that is written now */
    uint32_t *stack;      /* Tarjan's */
    size_t stack_count;
    struct frame {
        uint32_t node;
        uint32_t edge;
    } * frames;
    uint32_t cycles;   /* so far */
    uint32_t in_cycle; /* the number of the cycle that is written, or 0 */
    uint64_t *looks; /* of its members, by number before it is renumbered; and in the next round */
    uint64_t *next;
} writing;

/* What stands in a gap for a member of the cycle that is written. */
typedef enum inner { INNER_NOTHING, INNER_NUMBER } inner;

static int check(const locache_writer *writer)
{
    if (locache_writer_status(writer) == LOCACHE_OK)
        return 0;
    PyErr_NoMemory();
    return -1;
}

/* ------------------------------------------------------------------------------ filling gaps in */

/* What is said of a node that is done. */
static void write_done(writing *w, locache_writer *to, const lcpy_node *node)
{
    if (node->cycle != 0) {
        locache_write_tag(to, LOCACHE_TAG_MEMBER);
        locache_write_array(to, 2);
        locache_write_uint(to, node->number);
    }
    locache_write_raw(to, w->parts.data + node->bytes, node->written);
}

static void write_component_child(writing *w, const lcpy_edge *edge, inner how)
{
    const lcpy_node *child = &w->graph->nodes[edge->child];

    if (w->in_cycle == 0 || child->cycle != w->in_cycle) {
        write_done(w, &w->part, child);
    } else if (how == INNER_NUMBER) {
        locache_write_tag(&w->part, LOCACHE_TAG_ANCESTOR);
        locache_write_uint(&w->part, child->number);
    }
}

/* The gaps from `edge` on that are the members of one set; how many there are. */
static uint32_t group_of(const lcpy_edge *edge, uint32_t left)
{
    uint32_t count = 1;

    while (edge->unordered && count < left && edge[count].unordered && edge[count].at == edge->at)
        count++;
    return count;
}

/* Append a skeleton to the part, its gaps filled. */
static int fill(writing *w, const lcpy_node *node, inner how)
{
    const lcpy_edge *edges = w->graph->edges + node->first_edge;
    size_t at = node->skeleton;

    for (uint32_t i = 0; i < node->edges;) {
        uint32_t count = group_of(&edges[i], node->edges - i);

        locache_write_raw(&w->part, w->skeletons + at, edges[i].at - at);
        at = edges[i].at;
        size_t start = w->part.length;
        for (uint32_t k = 0; k < count; k++)
            write_component_child(w, &edges[i + k], how);
        if (edges[i].unordered)
            locache_write_sorted(&w->part, start, 1);
        i += count;
    }
    locache_write_raw(&w->part, w->skeletons + at, node->skeleton + node->size - at);
    /* Of two equal members one would be lost, and two sets have one key. How they can come to look
     * the same: an object that says it is equal to nothing else, and has no state. */
    if (locache_writer_status(&w->part) == LOCACHE_EINVAL)
        return lcpy_walk_refuse(w->walk, node->object, "having two members that look the same");
    return check(&w->part);
}

static _Thread_local locache_writer *noted;

locache_writer *lcpy_key_note_parts(locache_writer *parts)
{
    locache_writer *before = noted;

    noted = parts;
    return before;
}

/* In the place of the part. */
static void write_part_digest(writing *w)
{
    size_t start = w->parts.length;

    lcpy_walk_write_digest(&w->parts, LOCACHE_TAG_PART, w->part.data, w->part.length);
    if (noted != NULL && locache_writer_status(&w->parts) == LOCACHE_OK &&
        noted->length + w->part.length <= LCPY_NOTED_MAX) {
        locache_write_raw(noted, w->parts.data + start, w->parts.length - start);
        locache_write_raw(noted, w->part.data, w->part.length);
    }
}

/* Keep the part, or its digest where it is long. */
static int keep_part(writing *w, lcpy_node *node, bool whole)
{
    node->bytes = w->parts.length;
    if (whole || w->part.length <= LCPY_PART_MAX)
        locache_write_raw(&w->parts, w->part.data, w->part.length);
    else
        write_part_digest(w);
    node->written = (uint32_t)(w->parts.length - node->bytes);
    return check(&w->parts);
}

/* --------------------------------------------------------------------------------------- cycles */

static const lcpy_edge *edges_of(const writing *w, const lcpy_node *node)
{
    return w->graph->edges + node->first_edge;
}

static bool is_inner(const writing *w, const lcpy_edge *edge)
{
    return w->graph->nodes[edge->child].cycle == w->in_cycle;
}

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
        locache_writer_reset(&w->part);
        if (fill(w, &w->graph->nodes[members[i]], INNER_NOTHING) < 0)
            return -1;
        w->looks[i] = mix_bytes(w->part.data, w->part.length);
    }
    return 0;
}

/* And what those look like that it refers to: in order, or of a set whatever order it has. */
static uint64_t look_again(const writing *w, const lcpy_node *node)
{
    const lcpy_edge *edges = edges_of(w, node);
    uint64_t looks = mix(w->looks[node->number], node->edges);

    for (uint32_t i = 0; i < node->edges;) {
        uint32_t group = group_of(&edges[i], node->edges - i);
        uint64_t sum = 0;

        for (uint32_t k = 0; k < group; k++)
            if (is_inner(w, &edges[i + k]))
                sum += mix(1, w->looks[w->graph->nodes[edges[i + k].child].number]);
        looks = mix(looks, sum);
        i += group;
    }
    return looks;
}

static bool has_sets(const writing *w, const uint32_t *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const lcpy_node *node = &w->graph->nodes[members[i]];

        if (node->edges > 1 && edges_of(w, node)->unordered)
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
            w->next[i] = look_again(w, &w->graph->nodes[members[i]]);
        uint64_t *swap = w->looks;
        w->looks = w->next;
        w->next = swap;
    }
    return 0;
}

/* The member whose looks no other has, of those the one that is first by them; where there is none,
 * the one that was met first. */
static uint32_t choose_first(writing *w, const uint32_t *members, size_t count)
{
    size_t unique = count;

    memcpy(w->next, w->looks, count * sizeof *w->next);
    qsort(w->next, count, sizeof *w->next, compare_looks);
    for (size_t i = 0; i < count && unique == count; i++)
        if ((i == 0 || w->next[i] != w->next[i - 1]) &&
            (i + 1 == count || w->next[i] != w->next[i + 1]))
            unique = i;
    for (size_t i = 0; unique < count && i < count; i++)
        if (w->looks[i] == w->next[unique])
            return members[i];
    return members[0];
}

typedef struct ranked {
    uint64_t looks;
    uint32_t node;
} ranked;

/* The members of a set that are in the cycle, by their looks. */
static int sort_group(writing *w, const lcpy_edge *edges, uint32_t count, uint32_t *out,
                      uint32_t *out_count)
{
    ranked *all = PyMem_Malloc(count * sizeof *all);

    *out_count = 0;
    if (all == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < count; i++)
        if (is_inner(w, &edges[i]))
            all[(*out_count)++] =
                (ranked){w->looks[w->graph->nodes[edges[i].child].number], edges[i].child};
    qsort(all, *out_count, sizeof *all, compare_looks);
    for (uint32_t i = 0; i < *out_count; i++)
        out[i] = all[i].node;
    PyMem_Free(all);
    return 0;
}

/* Number what a member refers to, if it is not numbered yet: `queue` holds the numbered ones. */
static int number_children(writing *w, const lcpy_node *node, uint32_t *queue, size_t *queued)
{
    const lcpy_edge *edges = edges_of(w, node);

    for (uint32_t i = 0; i < node->edges;) {
        uint32_t group = group_of(&edges[i], node->edges - i);
        uint32_t one = edges[i].child;
        uint32_t *children = group > 1 ? PyMem_Malloc(group * sizeof *children) : &one;
        uint32_t count = is_inner(w, &edges[i]) ? 1 : 0;
        int result = 0;

        if (children == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        if (group > 1)
            result = sort_group(w, &edges[i], group, children, &count);
        for (uint32_t k = 0; result == 0 && k < count; k++) {
            lcpy_node *child = &w->graph->nodes[children[k]];

            if (child->stacked) {
                child->stacked = false;
                queue[(*queued)++] = children[k];
            }
        }
        if (group > 1)
            PyMem_Free(children);
        if (result < 0)
            return -1;
        i += group;
    }
    return 0;
}

/* Every member is reached from every other. Their old numbers, by which their looks are found, are
 * theirs until all are in the queue. */
static int number_members(writing *w, uint32_t first, uint32_t *queue, size_t count)
{
    size_t queued = 1;

    queue[0] = first;
    w->graph->nodes[first].stacked = false;
    for (size_t i = 0; i < queued; i++)
        if (number_children(w, &w->graph->nodes[queue[i]], queue, &queued) < 0)
            return -1;
    for (size_t i = 0; i < count; i++)
        w->graph->nodes[queue[i]].number = (uint32_t)i;
    return 0;
}

/* [skeleton of member 0, of member 1, ...]; the bytes are the same for all members. */
static int write_cycle_members(writing *w, const uint32_t *queue, size_t count)
{
    lcpy_node *first = &w->graph->nodes[queue[0]];

    locache_writer_reset(&w->part);
    locache_write_tag(&w->part, LOCACHE_TAG_CYCLE);
    locache_write_array(&w->part, count);
    for (size_t i = 0; i < count; i++)
        if (fill(w, &w->graph->nodes[queue[i]], INNER_NUMBER) < 0)
            return -1;
    if (keep_part(w, first, false) < 0)
        return -1;
    for (size_t i = 1; i < count; i++) {
        w->graph->nodes[queue[i]].bytes = first->bytes;
        w->graph->nodes[queue[i]].written = first->written;
    }
    return 0;
}

static int write_cycle(writing *w, const uint32_t *members, size_t count)
{
    uint32_t *queue = PyMem_Malloc(count * sizeof *queue);
    int result = -1;

    w->in_cycle = ++w->cycles;
    for (size_t i = 0; i < count; i++) {
        w->graph->nodes[members[i]].cycle = w->in_cycle;
        w->graph->nodes[members[i]].number = (uint32_t)i;
    }
    w->looks = PyMem_Malloc(count * sizeof *w->looks);
    w->next = PyMem_Malloc(count * sizeof *w->next);
    if (queue == NULL || w->looks == NULL || w->next == NULL)
        PyErr_NoMemory();
    else if (look(w, members, count) == 0 &&
             number_members(w, choose_first(w, members, count), queue, count) == 0)
        result = write_cycle_members(w, queue, count);
    PyMem_Free(w->next);
    PyMem_Free(w->looks);
    PyMem_Free(queue);
    w->in_cycle = 0;
    return result;
}

/* ----------------------------------------------------------------------------------- components */

static bool refers_to_itself(const writing *w, uint32_t node)
{
    const lcpy_edge *edges = edges_of(w, &w->graph->nodes[node]);

    for (uint32_t i = 0; i < w->graph->nodes[node].edges; i++)
        if (edges[i].child == node)
            return true;
    return false;
}

/* The top of the stack, from `node` on, is a component. */
static int write_component(writing *w, uint32_t node)
{
    lcpy_node *nodes = w->graph->nodes;
    size_t count = 0;

    do
        count++;
    while (w->stack[w->stack_count - count] != node);
    w->stack_count -= count;
    if (count > 1 || refers_to_itself(w, node)) /* its members become unstacked as they are met */
        return write_cycle(w, w->stack + w->stack_count, count);
    nodes[node].stacked = false;
    locache_writer_reset(&w->part);
    if (fill(w, &nodes[node], INNER_NOTHING) < 0)
        return -1;
    return node == 0 ? 0 : keep_part(w, &nodes[node], nodes[node].atom);
}

static void reach(writing *w, size_t *depth, uint32_t *order, uint32_t number)
{
    lcpy_node *node = &w->graph->nodes[number];

    node->order = node->low = ++*order;
    node->stacked = true;
    w->stack[w->stack_count++] = number;
    w->frames[(*depth)++] = (struct frame){number, 0};
}

/* One step of the search: on to the next child, or back. */
static int step(writing *w, size_t *depth, uint32_t *order)
{
    struct frame *frame = &w->frames[*depth - 1];
    lcpy_node *node = &w->graph->nodes[frame->node];

    if (frame->edge < node->edges) {
        uint32_t number = edges_of(w, node)[frame->edge++].child;
        const lcpy_node *child = &w->graph->nodes[number];

        if (child->order == 0)
            reach(w, depth, order, number);
        else if (child->stacked && child->order < node->low)
            node->low = child->order;
        return 0;
    }
    --*depth;
    if (*depth > 0) {
        lcpy_node *outer = &w->graph->nodes[w->frames[*depth - 1].node];

        if (node->low < outer->low)
            outer->low = node->low;
    }
    return node->low == node->order ? write_component(w, frame->node) : 0;
}

static int write_all(writing *w, locache_writer *out)
{
    size_t depth = 0;
    uint32_t order = 0;

    reach(w, &depth, &order, 0);
    while (depth > 0)
        if (step(w, &depth, &order) < 0)
            return -1;
    if (w->graph->nodes[0].cycle != 0)
        write_done(w, out, &w->graph->nodes[0]);
    else
        locache_write_raw(out, w->part.data, w->part.length);
    return 0;
}

int lcpy_components_write(lcpy_walk *walk, locache_writer *out)
{
    size_t count = walk->graph->nodes_count;
    writing w = {.walk = walk, .graph = walk->graph, .skeletons = walk->writer->data};
    int result = -1;

    locache_writer_init(&w.parts, NULL, 0);
    locache_writer_init(&w.part, NULL, 0);
    w.stack = PyMem_Malloc(count * sizeof *w.stack);
    w.frames = PyMem_Malloc(count * sizeof *w.frames);
    if (w.stack == NULL || w.frames == NULL)
        PyErr_NoMemory();
    else if (check(walk->writer) == 0)
        result = write_all(&w, out);
    PyMem_Free(w.frames);
    PyMem_Free(w.stack);
    locache_writer_clear(&w.part);
    locache_writer_clear(&w.parts);
    return result;
}
