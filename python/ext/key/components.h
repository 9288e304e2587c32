/* From the skeletons of an argument's objects to its bytes. */
#ifndef LCPY_COMPONENTS_H
#define LCPY_COMPONENTS_H

#include "key/walk.h"

/* Nodes and edges are many and are looked at in no order: in a cycle of 200,000 objects, each is a
 * line of the processor's cache that is not there. So they are small, and what is looked at
 * together lies together: what only the second half of the work needs is in components.c. */
typedef struct lcpy_node {
    PyObject *object;    /* owned */
    size_t skeleton;     /* where it begins among the skeletons; it ends where the next one does */
    uint32_t parent;     /* that it was first met in */
    uint32_t depth : 31; /* of parents */
    uint32_t atom : 1;   /* it has no parts: it is written as it is, however long */
} lcpy_node;

/* Where a gap is among the skeletons; the highest bit: it is a member of a set. */
typedef size_t lcpy_gap;
#define LCPY_GAP_UNORDERED (~(SIZE_MAX >> 1))

/* Where an object's node is. */
typedef struct lcpy_slot {
    const PyObject *object; /* NULL: free */
    uint32_t node;
} lcpy_slot;

struct lcpy_graph {
    /* 0 is the outermost; one more, without an object, ends them, and the edges of the last */
    lcpy_node *nodes;
    uint32_t *first_edges; /* of each node: its edges are in the order of their gaps */
    size_t nodes_count, nodes_room;
    /* each has a gap, and the node that belongs there */
    lcpy_gap *gaps;
    uint32_t *children;
    size_t edges_count, edges_room;
    lcpy_slot *slots; /* by address of the object */
    size_t slots_count;
    uint32_t expanding; /* the node that is written now */
    bool seeking;       /* the way to `sought` is looked for: nothing is added */
    uint32_t sought;
};

/* All skeletons of walk->graph are in the walk's writer. 0, or -1 with an exception. */
int lcpy_components_write(lcpy_walk *walk, locache_cbor_writer *out);

#endif
