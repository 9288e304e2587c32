/* From the skeletons of an argument's objects to its bytes. */
#ifndef LCPY_COMPONENTS_H
#define LCPY_COMPONENTS_H

#include "key/walk.h"

typedef struct lcpy_node {
    PyObject *object; /* owned */
    size_t skeleton;  /* where it begins among the skeletons */
    size_t size;
    size_t first_edge; /* among the edges, in the order of their gaps */
    uint32_t edges;
    uint32_t parent; /* that it was first met in */
    uint32_t depth;  /* of parents */
    bool atom;       /* it has no parts: it is written as it is, however long */
    /* once components are looked for */
    bool stacked;
    uint32_t order;   /* in which it was reached, from 1 on; 0: not yet */
    uint32_t low;     /* the earliest that is known to be in its component */
    uint32_t cycle;   /* number of the component of several that it is in, from 1 on; 0: none */
    uint32_t number;  /* within that component */
    size_t bytes;     /* where what is said of it, or of its component, begins among the parts */
    uint32_t written; /* so many of them */
} lcpy_node;

/* A gap in a skeleton. */
typedef struct lcpy_edge {
    size_t at; /* among the skeletons */
    uint32_t child;
    bool unordered;
} lcpy_edge;

struct lcpy_graph {
    lcpy_node *nodes; /* 0 is the outermost */
    size_t nodes_count, nodes_room;
    lcpy_edge *edges;
    size_t edges_count, edges_room;
    uint32_t *slots; /* by address of the object: number of the node plus 1 */
    size_t slots_count;
    uint32_t expanding; /* the node that is written now */
    bool seeking;       /* the way to `sought` is looked for: nothing is added */
    uint32_t sought;
};

/* All skeletons of walk->graph are in the walk's writer. 0, or -1 with an exception. */
int lcpy_components_write(lcpy_walk *walk, locache_writer *out);

#endif
