/* The walk over an argument that writes its key: what the files of this folder write with. Needs
 * the GIL; what gives it up says so.
 *
 * A value holds values, so that whoever writes one calls for others to be written, whatever they
 * are. Which file writes what only key.c knows, above all of them: it hands the walk the function
 * that writes any value, so that no file below needs to know those beside it. */
#ifndef LCPY_WALK_H
#define LCPY_WALK_H

#include "key/key.h"
#include "plain/strided.h"
#include "plain/types.h"

/* An object that is being written: lives on the C stack of the function that writes it. */
typedef struct lcpy_walk_node {
    PyObject *object; /* borrowed: whoever called for it to be written holds it */
    struct lcpy_walk_node *outer;
    uint64_t index;  /* 0 is the outermost */
    unsigned levels; /* of CBOR nesting that it takes */
} lcpy_walk_node;

typedef struct lcpy_walk lcpy_walk;
struct lcpy_walk {
    int (*value)(lcpy_walk *walk, PyObject *value); /* appends any value */
    lcpy_state *state;
    locache_writer *writer;
    lcpy_walk_node *inner; /* the object being written now */
    unsigned levels;       /* of CBOR nesting so far */
    /* str: why something within cannot be keyed, while that TypeError is on its way out */
    PyObject *refusal;
    PyObject *where; /* str: the way to it, as "['conn'][0]" */
};

/* All of these, and what the other headers of this folder declare: 0, or -1 with an exception. */

/* ------------------------------------------------------------------------------ values by value */

/* Append any value. The caller holds a reference. */
static inline int lcpy_walk_value(lcpy_walk *walk, PyObject *value)
{
    return walk->value(walk, value);
}
/* A value that is made for the occasion (stolen; NULL has its exception). */
int lcpy_walk_new(lcpy_walk *walk, PyObject *value);
/* The value of an attribute; what a method without arguments returns. */
int lcpy_walk_attribute(lcpy_walk *walk, PyObject *object, const char *name);
int lcpy_walk_call(lcpy_walk *walk, PyObject *object, const char *method);
/* An exact list, as an array; an exact dict, as a sorted map; the same where it is the attributes
 * of an instance, which messages show in another way. */
int lcpy_walk_list(lcpy_walk *walk, PyObject *list);
int lcpy_walk_dict(lcpy_walk *walk, PyObject *dict);
int lcpy_walk_attributes(lcpy_walk *walk, PyObject *dict);

/* -------------------------------------------------------------------------------------- nesting */

/* An object that holds others begins and ends. 0: go on, and call leave; 1: it is its own ancestor
 * and a reference was written; -1: it is nested too deep. */
int lcpy_walk_enter(lcpy_walk *walk, lcpy_walk_node *node, PyObject *object, unsigned levels);
void lcpy_walk_leave(lcpy_walk *walk);
/* Both around write(), which is not called where a reference stands for the object. */
int lcpy_walk_nested(lcpy_walk *walk, PyObject *object, unsigned levels,
                     int (*write)(lcpy_walk *walk, PyObject *object));

/* --------------------------------------------------------------------------------- what is said */

/* Tag 49614, "module:qualified.name": the first from a name, the second an object's own. */
int lcpy_walk_name(lcpy_walk *walk, const char *name);
int lcpy_walk_global(lcpy_walk *walk, PyObject *object);
/* Begin an object of tag 49613 by the name of its class; `count` parts follow as its arguments. */
void lcpy_walk_begin_object(lcpy_walk *walk, const char *name, uint64_t count);
/* Byte strings of the size given, or the digest that stands for long ones. Gives the GIL up over
 * very long ones. */
int lcpy_walk_data(lcpy_walk *walk, const void *data, size_t size);
/* The same of bytes that fill() gives, as for locache_digest_parts(). It is called without the
 * GIL. */
int lcpy_walk_parts(lcpy_walk *walk, size_t size,
                    void (*fill)(void *context, void *out, size_t offset, size_t size),
                    void *context);
/* The same of what does not lie together; `object` is whose it is. */
int lcpy_walk_strided(lcpy_walk *walk, lcpy_strided *data, PyObject *object);
/* The digest of a long string, under its tag. */
void lcpy_walk_digest(lcpy_walk *walk, uint64_t tag, const void *data, size_t size);
/* The groups of per_group items written since `start` into order; TypeError where two are the
 * same. */
int lcpy_walk_sort(lcpy_walk *walk, size_t start, unsigned per_group, PyObject *object);

/* ------------------------------------------------------------------------------ what goes wrong */

/* TypeError: object cannot be keyed, because of `why` (may be NULL). Always -1. */
int lcpy_walk_refuse(lcpy_walk *walk, PyObject *object, const char *why);
/* Add a step to the way to what was refused, while its TypeError is set: a printf format for one
 * argument. Always -1. */
int lcpy_walk_step(lcpy_walk *walk, const char *format, ...);
/* RuntimeError: a container changed while it was walked. Always -1. */
int lcpy_walk_changed(const char *what);

#endif
