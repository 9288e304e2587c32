/* The walk over what a function reaches: what the files of this folder write with.
 *
 * What is reached is a graph: functions, classes and objects of the user's are its nodes, written
 * one after the other in the order in which they are first referred to; a reference is a node's
 * number, so that cycles end. What refers to what is sorted by the paths that lead there, and no
 * place of a module is written, so that a definition that was only moved is the same. */
#ifndef LCPY_REACH_WALK_H
#define LCPY_REACH_WALK_H

#include "key/key.h"
#include "reach/reach.h"

typedef struct lcpy_reacher lcpy_reacher;
struct lcpy_reacher {
    lcpy_collector collector; /* first: functions and classes within values are nodes */
    lcpy_state *state;
    lcpy_reach *out;
    locache_cbor_writer *writer;
    unsigned scope;
    unsigned shown;     /* LCPY_SHOWN_* that code looks at which was reached */
    PyObject *numbers;  /* dict: (id, mode) to a node's number */
    PyObject *nodes;    /* list of (object, mode, place) */
    PyObject *assigned; /* set of (id of a container, name): state; NULL: none */
    PyObject *mutated;  /* set of ids of objects: state; NULL: none */
    PyObject *place;    /* str: where what is being written is; for parts */
    bool grown;         /* more state was found in this round */
    bool counted;       /* something was written that counts */
};

/* Modes of a node. */
enum {
    LCPY_NODE_WHOLE = 0,
    LCPY_NODE_ROOT = 1,   /* a function whose defaults and closure count elsewhere */
    LCPY_NODE_MEMBER = 2, /* the class of an enumeration's member, without its members */
    LCPY_NODE_OPAQUE = 3  /* of what cannot be looked into, the code that is in it */
};

/* What is written of a value. */
enum {
    LCPY_FORM_VALUE = 0, /* key bytes, or their digest */
    LCPY_FORM_NODE = 1,
    LCPY_FORM_PACKAGE = 2,
    LCPY_FORM_NAME = 3,
    LCPY_FORM_STATE = 4, /* left out */
    LCPY_FORM_MEMBER = 5,
    LCPY_FORM_ITEMS = 6,
    LCPY_FORM_FUNCTION = 7,
    LCPY_FORM_CLASS = 8,
    LCPY_FORM_OBJECT = 9,
    LCPY_FORM_WRAPPER = 10
};

/* All: 0, or -1 with an exception. */

/* Append a value: by its key, or as a reference to a node (value.c). */
int lcpy_reach_value(lcpy_reacher *r, PyObject *value);
/* The same as "nothing that counts", under a label. */
int lcpy_reach_left_out(lcpy_reacher *r);
/* The number of a node, which is one from now on; a text under a form (node.c). */
long lcpy_reach_number(lcpy_reacher *r, PyObject *object, int mode);
int lcpy_reach_text(lcpy_reacher *r, int form, PyObject *text);
/* A reference to a node. */
int lcpy_reach_node(lcpy_reacher *r, PyObject *object, int mode);
/* A package, by its name and version as lcpy_owner_version() has it. */
int lcpy_reach_version(lcpy_reacher *r, PyObject *version);
/* An installed package that a module's name is of, or an extension module of the user's. */
int lcpy_reach_package(lcpy_reacher *r, PyObject *module_name);
/* A function or class that cannot be looked into: by its name, and its package or module. */
int lcpy_reach_foreign(lcpy_reacher *r, PyObject *object);
/* The content of what is at `place`, or its digest, as bytes; None or NULL: there is none. Noted as
 * a part of this kind. */
int lcpy_reach_content(lcpy_reacher *r, const char *kind, PyObject *place, PyObject *content);
/* Note a part that is at r->place, for who asks (parts.c): by what its bytes are, and the object;
 * or a function or class, whose digest whoever asks makes. */
typedef struct lcpy_reach_bytes {
    const void *data;
    size_t size;
} lcpy_reach_bytes;
int lcpy_reach_part(lcpy_reacher *r, const char *kind, lcpy_reach_bytes of, PyObject *object);
static inline bool lcpy_reach_notes_parts(const lcpy_reacher *r)
{
    return (r->scope & LCPY_REACH_PARTS) != 0;
}
int lcpy_reach_code_part(lcpy_reacher *r, const char *kind, PyObject *object);

/* What depends= holds (told.c). */
int lcpy_reach_told(lcpy_reacher *r, PyObject *object);
/* Of Python's plain types? */
bool lcpy_reach_is_data(PyObject *value);
/* Is what `container` has under `name` the function's own state? 1, 0, or -1 (own_state.c). */
int lcpy_reach_is_state(lcpy_reacher *r, PyObject *container, PyObject *name, PyObject *value);
/* The key of such a thing, a new reference; and to add one (stolen, may be NULL) to a set. */
PyObject *lcpy_reach_state_key(PyObject *container, PyObject *name);
int lcpy_reach_add_state(lcpy_reacher *r, PyObject **set, PyObject *key);
/* Let functions and classes within values be nodes. */
void lcpy_reach_collect(lcpy_reacher *r);

/* An extension module of the user's, by its name; a library that ctypes loaded, or a function of
 * one: 1 and a new reference to what its functions are declared as, which is to be written next, 0:
 * it is none, or -1 (compiled.c). */
int lcpy_reach_build(lcpy_reacher *r, PyObject *module_name);
int lcpy_reach_library(lcpy_reacher *r, PyObject *value, PyObject **declared);

/* What code looks at of a function or class beside what it does, where there is such code; and that
 * there is (shown.c). */
int lcpy_reach_shown(lcpy_reacher *r, PyObject *object);
void lcpy_reach_add_shown(lcpy_reacher *r, unsigned shown);

/* Watch what a function is made of (code.c). */
int lcpy_reach_guard_function(lcpy_reacher *r, PyObject *function);

/* The nodes: a function (code.c), a class (class.c), an object (value.c). */
int lcpy_reach_code(lcpy_reacher *r, PyObject *function, int mode);
int lcpy_reach_class(lcpy_reacher *r, PyObject *class, int mode);
int lcpy_reach_object(lcpy_reacher *r, PyObject *object);
/* A module of the user's as a whole (whole.c). */
int lcpy_reach_module(lcpy_reacher *r, PyObject *module);
/* What has no key and says nothing of itself: the user's code that is in it (whole.c). */
int lcpy_reach_opaque(lcpy_reacher *r, PyObject *object);
/* Append a dict's values under their keys, in the order of these. owner: they are attributes, whose
 * order says nothing; or NULL. type: of an object of that class; or NULL. */
int lcpy_reach_dict(lcpy_reacher *r, PyObject *dict, PyObject *owner, PyTypeObject *type);

/* What a path of a code leads to (path.c). `globals`: the dict that it starts from. */
typedef struct lcpy_found_path {
    PyObject *value;     /* new reference; NULL: nothing is there */
    PyObject *container; /* borrowed: what it is in, or NULL */
    PyObject *name;      /* borrowed: its name there */
    bool package;        /* value is a module that is not the user's */
    bool whole;          /* the path was followed to its end */
    bool imports;        /* value is a module that the next step imports a name from */
} lcpy_found_path;

/* Places, where parts are noted, else r->place: of a function or class by its own name, of what is
 * in r->place ("%U.%U"), of what a path of that module leads to. New references. */
PyObject *lcpy_reach_place_of(lcpy_reacher *r, PyObject *object);
PyObject *lcpy_reach_place_in(lcpy_reacher *r, const char *format, PyObject *name);
PyObject *lcpy_reach_place_at(lcpy_reacher *r, PyObject *module, PyObject *path,
                              const lcpy_found_path *found);

int lcpy_reach_resolve(lcpy_reacher *r, lcpy_found_path *out, PyObject *path, PyObject *globals);

#endif
