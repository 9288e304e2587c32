/* What goes wrong with a cache is said once per function and cause, as a CacheWarning, and
 * counted. */
#ifndef LCPY_WARN_H
#define LCPY_WARN_H

#include "call/persisted.h"

/* The cause is in error, or is the exception that is set (which is taken, and error NULL).
 * `culprit` names the argument or the file, or is NULL. 0, or -1 with an exception that is none of
 * the cache's: one that is no Exception, as KeyboardInterrupt. */
int lcpy_warn(lcpy_persisted *self, lcpy_trouble trouble, const locache_error *error,
              PyObject *culprit);
/* The same without a word, where the call has warned already. */
int lcpy_warn_count(lcpy_persisted *self);

/* What was told is news again. */
void lcpy_warn_again(lcpy_persisted *self);
/* The error of an operation that was asked for by name, as an OSError or the like; NULL. With
 * LOCACHE_ETYPE there is an exception already, which stays. */
PyObject *lcpy_warn_raise(locache_status status, const locache_error *error);

#endif
