/* The graph of objects of one argument: which there are, and their skeletons (graph.h).
 *
 * Objects are found by identity and held for as long as the walk goes on, so that no other one can
 * come to live at an address that is known. They are written one after the other, in the order in
 * which they are met, never within each other: how deep they lie costs no C stack. What their
 * skeletons become is in components.c. */
#include "key/graph.h"

#include <string.h>

#include "key/components.h"

/* What has no end (an object whose reduction makes a new one, and so on) is refused after a
 * fraction of a second; a list linked through so many objects is keyed. */
#define DEPTH_MAX 250000
/* Bytes of all skeletons: no argument that is worth a key has more, and time goes on. */
#define SKELETONS_MAX ((size_t)256 << 20)
/* How many steps of the way to what was refused are looked for: a message shows no more. */
#define STEPS_MAX 40

/* How many objects are written, and how many references to others, before the deadline is looked at
 * again: some 10 microseconds. */
#define NODES_BETWEEN 16
#define EDGES_BETWEEN 256

#define NODES_FIRST 16
#define EDGES_FIRST 32

/* ------------------------------------------------------------------------------ nodes and edges */

/* Room for so many items of `size` bytes: 0, or -1 with MemoryError. */
static int resize(void **items, size_t room, size_t size)
{
    void *grown = PyMem_Realloc(*items, room * size);

    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *items = grown;
    return 0;
}

/* For one more, and for the one that ends them. */
static int make_node_room(lcpy_graph *graph)
{
    size_t room = graph->nodes_room == 0 ? NODES_FIRST : 2 * graph->nodes_room;

    if (graph->nodes_count + 1 < graph->nodes_room)
        return 0;
    if (resize((void **)&graph->nodes, room, sizeof *graph->nodes) < 0 ||
        resize((void **)&graph->first_edges, room, sizeof *graph->first_edges) < 0)
        return -1;
    graph->nodes_room = room;
    return 0;
}

static int make_edge_room(lcpy_graph *graph)
{
    size_t room = graph->edges_room == 0 ? EDGES_FIRST : 2 * graph->edges_room;

    if (graph->edges_count < graph->edges_room)
        return 0;
    if (resize((void **)&graph->gaps, room, sizeof *graph->gaps) < 0 ||
        resize((void **)&graph->children, room, sizeof *graph->children) < 0)
        return -1;
    graph->edges_room = room;
    return 0;
}

/* Where an object is in the table, or the free slot where it would be. */
static lcpy_slot *slot_of(const lcpy_graph *graph, const PyObject *object)
{
    /* objects are at least 16 bytes apart */
    uint64_t hash = (uint64_t)((uintptr_t)object >> 4) * 0x9e3779b97f4a7c15U;
    size_t at = (size_t)(hash >> 32) & (graph->slots_count - 1);

    while (graph->slots[at].object != NULL && graph->slots[at].object != object)
        at = (at + 1) & (graph->slots_count - 1);
    return &graph->slots[at];
}

/* At least twice as many slots as nodes. */
static int grow_table_slots(lcpy_graph *graph)
{
    size_t count = graph->slots_count == 0 ? 4 * (size_t)NODES_FIRST : 2 * graph->slots_count;
    lcpy_slot *slots;

    if (2 * (graph->nodes_count + 1) <= graph->slots_count)
        return 0;
    slots = PyMem_Calloc(count, sizeof *slots);
    if (slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyMem_Free(graph->slots);
    graph->slots = slots;
    graph->slots_count = count;
    for (size_t i = 0; i < graph->nodes_count; i++)
        *slot_of(graph, graph->nodes[i].object) = (lcpy_slot){graph->nodes[i].object, (uint32_t)i};
    return 0;
}

static int add_node(lcpy_graph *graph, PyObject *object, uint32_t parent)
{
    if (graph->nodes_count == UINT32_MAX / 2) {
        PyErr_NoMemory();
        return -1;
    }
    if (make_node_room(graph) < 0 || grow_table_slots(graph) < 0)
        return -1;
    *slot_of(graph, object) = (lcpy_slot){object, (uint32_t)graph->nodes_count};
    graph->nodes[graph->nodes_count] = (lcpy_node){
        .object = Py_NewRef(object),
        .parent = parent,
        .depth = graph->nodes_count == 0 ? 0 : (graph->nodes[parent].depth + 1) & INT32_MAX,
    };
    graph->nodes_count++;
    return 0;
}

/* The number of an object's node, which is made if there is none. -1 with an exception. */
static int64_t node_of(lcpy_graph *graph, PyObject *object, uint32_t parent)
{
    const lcpy_slot *found = slot_of(graph, object);

    if (found->object != NULL)
        return found->node;
    return add_node(graph, object, parent) < 0 ? -1 : (int64_t)graph->nodes_count - 1;
}

/* With the outermost object as node 0. */
static lcpy_graph *start_graph(lcpy_walk *walk)
{
    lcpy_graph *graph = PyMem_Calloc(1, sizeof *graph);

    if (graph == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    walk->graph = graph;
    return add_node(graph, walk->outermost, 0) < 0 ? NULL : graph;
}

static int add_edge(lcpy_walk *walk, lcpy_graph *graph, PyObject *object, bool unordered)
{
    int64_t child;

    /* 48 GiB of them: who counts them has 32 bits for it */
    if (graph->edges_count == UINT32_MAX) {
        PyErr_NoMemory();
        return -1;
    }
    child = make_edge_room(graph) < 0 ? -1 : node_of(graph, object, graph->expanding);
    if (child < 0)
        return -1;
    if (graph->edges_count % EDGES_BETWEEN == EDGES_BETWEEN - 1 && lcpy_walk_is_late(walk))
        return lcpy_walk_refuse(walk, object, LCPY_WALK_LATE);
    graph->gaps[graph->edges_count] = walk->writer->length | (unordered ? LCPY_GAP_UNORDERED : 0);
    graph->children[graph->edges_count++] = (uint32_t)child;
    return 0;
}

/* While the way to what was refused is looked for, the gap that leads on to it is refused. */
static int is_on_the_way(lcpy_walk *walk, const lcpy_graph *graph, const PyObject *object)
{
    if (graph->nodes[graph->sought].object != object)
        return 0;
    PyErr_SetObject(PyExc_TypeError, walk->refusal);
    return -1;
}

int lcpy_graph_refer(lcpy_walk *walk, PyObject *object, bool unordered)
{
    lcpy_graph *graph = walk->graph != NULL ? walk->graph : start_graph(walk);

    if (graph == NULL)
        return -1;
    if (graph->seeking)
        return is_on_the_way(walk, graph, object);
    return add_edge(walk, graph, object, unordered);
}

void lcpy_graph_free(lcpy_graph *graph)
{
    if (graph == NULL)
        return;
    for (size_t i = 0; i < graph->nodes_count; i++)
        Py_DECREF(graph->nodes[i].object);
    PyMem_Free(graph->nodes);
    PyMem_Free(graph->first_edges);
    PyMem_Free(graph->gaps);
    PyMem_Free(graph->children);
    PyMem_Free(graph->slots);
    PyMem_Free(graph);
}

/* -------------------------------------------------------------------------------- the way to it */

/* One step: the parent is written again, up to where it refers to the node. */
static void seek_step(lcpy_walk *walk, uint32_t node)
{
    lcpy_graph *graph = walk->graph;
    PyObject *parent = graph->nodes[graph->nodes[node].parent].object;

    graph->sought = node;
    graph->expanding = graph->nodes[node].parent;
    walk->current = parent;
    walk->value(walk, parent);
    PyErr_Clear();
}

/* The steps from the outermost object to this one, innermost first, as lcpy_walk_step() has it. */
static void seek_way(lcpy_walk *walk, uint32_t node)
{
    PyObject *raised, *value, *traceback;

    PyErr_Fetch(&raised, &value, &traceback);
    walk->graph->seeking = true;
    while (walk->graph->nodes[node].depth > STEPS_MAX)
        node = walk->graph->nodes[node].parent;
    for (; node != 0; node = walk->graph->nodes[node].parent)
        seek_step(walk, node);
    walk->graph->seeking = false;
    PyErr_Restore(raised, value, traceback);
}

/* ------------------------------------------------------------------------------------ skeletons */

static int expand(lcpy_walk *walk, uint32_t number)
{
    lcpy_graph *graph = walk->graph;
    PyObject *object = graph->nodes[number].object;
    size_t start = walk->writer->length;

    graph->nodes[number].skeleton = start;
    graph->first_edges[number] = (uint32_t)graph->edges_count;
    if (graph->nodes[number].depth > DEPTH_MAX)
        return lcpy_walk_refuse(walk, object, "being nested too deep");
    if (number % NODES_BETWEEN == 0 && lcpy_walk_is_late(walk))
        return lcpy_walk_refuse(walk, object, LCPY_WALK_LATE);
    if (start > SKELETONS_MAX)
        return lcpy_walk_refuse(walk, object, "being part of something too large");
    graph->expanding = number;
    walk->current = object;
    walk->apart = false;
    if (walk->value(walk, object) < 0)
        return -1;
    /* What did not enter itself has no parts. */
    graph->nodes[number].atom = walk->current == object || walk->apart;
    return 0;
}

int lcpy_graph_finish(lcpy_walk *walk, locache_cbor_writer *out)
{
    lcpy_graph *graph = walk->graph;

    graph->first_edges[0] = 0;
    for (uint32_t i = 1; i < graph->nodes_count; i++) {
        if (expand(walk, i) < 0) {
            if (walk->refusal != NULL)
                seek_way(walk, i);
            return -1;
        }
        if (i % 65536 == 0 && PyErr_CheckSignals() < 0)
            return -1;
    }
    walk->current = NULL;
    graph->nodes[graph->nodes_count] = (lcpy_node){.skeleton = walk->writer->length};
    graph->first_edges[graph->nodes_count] = (uint32_t)graph->edges_count;
    return lcpy_components_write(walk, out);
}
