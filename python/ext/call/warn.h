/* What goes wrong with a cache is said once per function and kind, as a CacheWarning, and
 * counted. */
#ifndef LCPY_WARN_H
#define LCPY_WARN_H

#include "call/persisted.h"

typedef enum lcpy_trouble {
    LCPY_TROUBLE_KEY,    /* an argument cannot be part of a key */
    LCPY_TROUBLE_MISFIT, /* the arguments do not fit the signature, yet the function took them */
    LCPY_TROUBLE_OPEN,   /* no cache directory that can be used */
    LCPY_TROUBLE_READ,   /* an entry could not be read, or is damaged */
    LCPY_TROUBLE_TRUST,  /* an entry is not trusted */
    LCPY_TROUBLE_FORMAT, /* an entry is of a newer format */
    LCPY_TROUBLE_DECODE, /* an entry does not become an object here */
    LCPY_TROUBLE_ENCODE, /* a result cannot be stored */
    LCPY_TROUBLE_WRITE   /* an entry could not be written */
} lcpy_trouble;

/* The cause is in error, or is the exception that is set (which is taken, and error NULL).
 * `culprit` names the argument or the file, or is NULL. 0, or -1 with an exception that is none of
 * the cache's: one that is no Exception, as KeyboardInterrupt. */
int lcpy_warn(lcpy_persisted *self, lcpy_trouble trouble, const locache_error *error,
              PyObject *culprit);
/* The same without a word, where the call has warned already. */
int lcpy_warn_count(lcpy_persisted *self);

#endif
