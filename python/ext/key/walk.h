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

typedef struct lcpy_walk lcpy_walk;
typedef struct lcpy_graph lcpy_graph;
typedef struct lcpy_outline lcpy_outline; /* key/instance.c */

/* A class whose objects have no form of their own in keys. */
typedef struct lcpy_met {
    PyTypeObject *type; /* owned, or NULL */
    bool asked;         /* it has no __locache_key__, and no function that says what they are */
    bool plain;         /* and they are no more than their attributes */
    int outlines;       /* how often one was made */
    lcpy_outline *outline;
} lcpy_met;

/* Few graphs have more than a handful of classes. */
#define LCPY_MET_MAX 16

struct lcpy_walk {
    /* Appends any value. What holds others is not written within others (graph.h): where this is
     * called for such a one it leaves a gap, unless it is `current`. */
    int (*value)(lcpy_walk *walk, PyObject *value);
    /* Leaves a gap for an object that is written elsewhere (lcpy_graph_refer()). */
    int (*refer)(lcpy_walk *walk, PyObject *object, bool unordered);
    lcpy_state *state;
    lcpy_collector *collector; /* or NULL */
    locache_cbor_writer *writer;
    PyObject *outermost;
    PyObject *current;          /* the object that is to be written here; NULL once it has begun */
    lcpy_graph *graph;          /* NULL until the outermost object refers to another */
    int64_t deadline;           /* lcpy_key_set_deadline() */
    bool inside;                /* the outermost object has begun */
    bool apart;                 /* `current` was written, and has no parts */
    lcpy_met met[LCPY_MET_MAX]; /* those that were met last, each in the slot of its address */
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
/* The value of an attribute, named by a literal; what a method without arguments returns. */
int lcpy_walk_attribute(lcpy_walk *walk, PyObject *object, const char *name);
int lcpy_walk_call(lcpy_walk *walk, PyObject *object, const char *method);
/* The items of an exact list, as an array; of an exact dict, as a map in the order of the dict. In
 * place: for an object that may be referred to they are called by lcpy_walk_nested(). */
int lcpy_walk_items(lcpy_walk *walk, PyObject *list);
int lcpy_walk_pairs(lcpy_walk *walk, PyObject *dict);
/* The attributes of an instance of `type`, in the order of their names, without what instances note
 * down in themselves (cached properties, hashes). type: NULL where the dict is no instance's. */
int lcpy_walk_attributes(lcpy_walk *walk, PyObject *dict, PyTypeObject *type);
/* The members of a set, a tuple that this function may have made for it, in whatever order. */
int lcpy_walk_members(lcpy_walk *walk, PyObject *tuple, PyObject *object);

/* A number, a short text or the like, exactly: written in a few bytes. */
bool lcpy_walk_is_plain(PyObject *value);
/* Is this the name of an attribute that does not count, or does not always? */
bool lcpy_walk_may_be_noted(PyTypeObject *type, PyObject *name);
/* Is there no attribute that counts in the dict of an instance of this class? */
bool lcpy_walk_has_none(PyObject *dict, PyTypeObject *type);

/* ----------------------------------------------------------------------------- classes by value */

/* The slot of a class. */
static inline lcpy_met *lcpy_walk_met(lcpy_walk *walk, const PyTypeObject *type)
{
    /* classes are hundreds of bytes apart */
    return &walk->met[((uintptr_t)type >> 8) % LCPY_MET_MAX];
}
/* Was it met? */
static inline bool lcpy_walk_has_met(lcpy_walk *walk, const PyTypeObject *type)
{
    return lcpy_walk_met(walk, type)->type == type;
}

/* -------------------------------------------------------------------------------------- nesting */

/* An object that others may refer to, by write(), or a gap in its place. */
int lcpy_walk_nested(lcpy_walk *walk, PyObject *object,
                     int (*write)(lcpy_walk *walk, PyObject *object));
/* The same of one that has no parts but is large, or slow to write: it is written once. */
int lcpy_walk_apart(lcpy_walk *walk, PyObject *object,
                    int (*write)(lcpy_walk *walk, PyObject *object));
/* Is it written in place, being the outermost object, or should others refer to it? */
static inline bool lcpy_walk_is_outermost(const lcpy_walk *walk)
{
    return walk->graph == NULL;
}

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
/* Such a digest, to any writer. */
void lcpy_walk_write_digest(locache_cbor_writer *to, uint64_t tag, const void *data, size_t size);
/* One that is known: [size, digest]. */
void lcpy_walk_put_digest(locache_cbor_writer *to, uint64_t tag, size_t size,
                          const unsigned char digest[LOCACHE_DIGEST_SIZE]);

/* ------------------------------------------------------------------------------ what goes wrong */

#define LCPY_WALK_LATE "being part of what takes long, after one like it was refused"
bool lcpy_walk_is_late(const lcpy_walk *walk);
/* TypeError: object cannot be keyed, because of `why` (may be NULL). Always -1. */
int lcpy_walk_refuse(lcpy_walk *walk, PyObject *object, const char *why);
/* Add a step to the way to what was refused, while its TypeError is set: a printf format for one
 * argument. Always -1. */
int lcpy_walk_step(lcpy_walk *walk, const char *format, ...);
/* RuntimeError: a container changed while it was walked. Always -1. */
int lcpy_walk_changed(const char *what);

#endif
