/* The objects that an argument consists of and how they refer to each other, and the bytes that say
 * it all: in time that grows with their number, however often one is referred to and however deep
 * they lie.
 *
 * Each object is written once, with a gap where it refers to another (its skeleton). When all are
 * known the gaps are filled, from the innermost objects out: with what the other one says where
 * that is short, else with its digest. So a part looks the same whether it is referred to twice or
 * there twice. Objects that refer to each other in a circle are written as one item, in an order
 * that only depends on what they are (docs/format.md, "Keys"). Needs the GIL. */
#ifndef LCPY_GRAPH_H
#define LCPY_GRAPH_H

#include "key/walk.h"

/* Leave a gap for `object` where the walk writes. unordered: this and the gaps before it that are
 * unordered, too, and have nothing between them, are the members of a set. 0, or -1 with an
 * exception. */
int lcpy_graph_refer(lcpy_walk *walk, PyObject *object, bool unordered);
/* Write the objects that were referred to, and what is to be said of the outermost, `object`, whose
 * skeleton the walk's writer holds, to `out`. 0, or -1 with an exception. */
int lcpy_graph_finish(lcpy_walk *walk, locache_cbor_writer *out);
void lcpy_graph_free(lcpy_graph *graph);

#endif
