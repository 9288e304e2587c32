/* What Python's objects are called, so that a name means the same in every process. Needs the
 * GIL. */
#ifndef LCPY_NAMES_H
#define LCPY_NAMES_H

#include "state.h"

/* A text of ASCII and its length, for tables. */
typedef struct lcpy_text {
    Py_ssize_t size;
    const char *text;
} lcpy_text;
#define LCPY_TEXT(text)                                                                            \
    {                                                                                              \
        sizeof(text) - 1, text                                                                     \
    }

/* The str of a literal, made once: borrowed from the state; NULL with MemoryError. By its address:
 * LCPY_NAME takes nothing but a literal. */
PyObject *lcpy_names_text(lcpy_state *state, const char *literal);
#define LCPY_NAME(state, literal) lcpy_names_text(state, "" literal "")
void lcpy_names_free(lcpy_state *state);

/* Is a name (str) one of these? */
bool lcpy_names_is_one_of(PyObject *name, const lcpy_text *texts, size_t count);

/* "module:qualified.name" of a class, function or built-in, as a new str; the module as
 * lcpy_names_module() gives it. NULL with TypeError where it has no such name. */
PyObject *lcpy_names_global(lcpy_state *state, PyObject *object);
/* A module's name; new reference. "__main__" is replaced by the name that the main script is
 * imported by (its spec's name, else its file's stem; in a notebook or REPL it stays), so that a
 * script and the same file imported agree. */
PyObject *lcpy_names_module(lcpy_state *state, PyObject *name);
/* Is `object` what is found in the module `module` under the dotted `name` (both str)? 1 yes, 0 no,
 * -1 with an exception. Compares by identity. May import `module` where its package is loaded. */
int lcpy_names_has(PyObject *object, PyObject *module, PyObject *name);
/* Attribute `name` of the loaded module `module`, looked up in its dict alone: a borrowed
 * reference, or NULL without exception where either is not there. Imports nothing. */
PyObject *lcpy_names_loaded(const char *module, const char *name);
/* Is the object of that class, or of one that derives from it? Not where that is not loaded. */
/* The same by names that are kept: LCPY_LOADED takes literals. */
PyObject *lcpy_names_loaded_by(PyObject *module, PyObject *name);
#define LCPY_LOADED(state, module, name)                                                           \
    lcpy_names_loaded_by(LCPY_NAME(state, module), LCPY_NAME(state, name))
bool lcpy_names_is_of(PyObject *object, const char *module, const char *name);

/* The name under which the module of its class has this object: a str, or NULL without an
 * exception. */
PyObject *lcpy_names_in_module(PyObject *object);

#endif
