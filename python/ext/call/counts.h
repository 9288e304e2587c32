/* What is counted of a function's results and of their use: cache_info(), and what more is said of
 * numbers. */
#ifndef LCPY_COUNTS_H
#define LCPY_COUNTS_H

#include "call/persisted.h"

extern const char lcpy_counts_info_doc[];
PyObject *lcpy_counts_info(PyObject *object, PyObject *unused);
/* max_entries, or None for no limit. */
PyObject *lcpy_counts_maxsize(const lcpy_persisted *self);

/* What locache_get() answered was looked at only: it counts as no use. Without the GIL. */
void lcpy_counts_looked(locache *cache, locache_status status, const locache_value *value,
                        const locache_error *error);

/* The list of all decorated functions of an interpreter. */
void lcpy_counts_enter(lcpy_persisted *self);
void lcpy_counts_leave(lcpy_persisted *self);
/* Those that are there, the first decorated first: a list. */
PyObject *lcpy_counts_all(PyObject *module, PyObject *unused);

/* locache_summary(), or None where nothing happened; and locache_add_counts(). */
PyObject *lcpy_counts_summary(PyObject *module, PyObject *unused);
PyObject *lcpy_counts_add(PyObject *module, PyObject *unused);

#endif
