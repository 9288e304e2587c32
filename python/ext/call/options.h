/* What persist() was told, checked. */
#ifndef LCPY_OPTIONS_H
#define LCPY_OPTIONS_H

#include "state.h"

typedef struct lcpy_options {
    PyObject *name;         /* str, or NULL */
    PyObject *directory;    /* bytes, or NULL */
    PyObject *ignored;      /* set of str, or NULL */
    PyObject *version;      /* str without NUL, or NULL */
    unsigned flags;         /* LOCACHE_KEEP, LOCACHE_DURABLE, LOCACHE_NO_PICKLE, LOCACHE_UNMAPPED */
    int64_t max_entries;    /* -1: no limit */
    int64_t max_age;        /* nanoseconds; 0: no limit */
    int64_t memory_entries; /* as in locache_options, like the rest */
    int64_t memory_bytes;
    int64_t recheck;
} lcpy_options;

/* From keyword arguments as vectorcall has them. 0; or -1 with TypeError (unknown, of the wrong
 * type) or ValueError (a bad value). Clear it after 0 only. */
int lcpy_options_init(lcpy_options *out, PyObject *const *values, PyObject *kwnames);
void lcpy_options_clear(lcpy_options *options);
/* New references to the same. */
void lcpy_options_copy(lcpy_options *out, const lcpy_options *options);

/* The name= of a cache: a new reference in *out, or NULL there for None. 0 or -1 with an
 * exception. */
int lcpy_option_name(PyObject **out, PyObject *value);

#endif
