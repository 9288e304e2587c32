/* The decorated function.
 *
 * The way of a call: bind and write the key; open the cache at the first call; look up without the
 * GIL; decode, or call the function, encode and store. What goes wrong with the cache on that way
 * is said once (warn.h) and counted, and the function's own result is returned. */
#ifndef LCPY_PERSIST_H
#define LCPY_PERSIST_H

#include "call/place.h"
#include "call/target.h"
#include "result/result.h"

typedef struct lcpy_persisted {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    lcpy_state *state; /* lives as long as the type, which every instance holds */
    lcpy_target target;
    lcpy_options options;
    lcpy_place place;
    locache *cache;     /* NULL until it could be opened */
    int64_t retry_from; /* monotonic nanoseconds; opening is not tried again before */
    uint64_t hits;
    uint64_t misses;
    uint64_t bypassed; /* calls that did without the cache */
    uint64_t errors;
    uint64_t
        /* how often results were forgotten or replaced by name: what was read before is not
         * remembered */
        forgotten;
    unsigned said;  /* bit per lcpy_trouble */
    bool in_memory; /* results are kept there, too */
    PyObject *attributes;
    PyObject *weak_references;
} lcpy_persisted;

/* Make the types; called once, by the module. 0 or -1. */
int lcpy_persist_exec(PyObject *module);

/* Decorate. New reference, or NULL with an exception. */
PyObject *lcpy_persisted_new(lcpy_state *state, PyObject *callable, const lcpy_options *options);

/* A key and the room that most fit in. */
typedef struct lcpy_key {
    locache_writer writer;
    unsigned char room[512]; /* bytes: a dozen scalar arguments */
} lcpy_key;

/* As lcpy_target_key(). The key is to be cleared in every case. */
lcpy_bound lcpy_persisted_key(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call,
                              PyObject **culprit);
void lcpy_key_clear(lcpy_key *key);

/* Open a cache at a place for this function. As locache_open(), but that NEED_SOURCE is answered
 * here; LOCACHE_ETYPE: with an exception set instead of *error. */
locache_status lcpy_persisted_open_at(locache **out, lcpy_persisted *self, const lcpy_place *place,
                                      locache_error *error);
/* Open the function's own cache where it is not open. OK, or why not, as above. */
locache_status lcpy_persisted_open(lcpy_persisted *self, locache_error *error);

typedef enum lcpy_found {
    LCPY_INTERRUPTED = -1, /* with an exception that is not the cache's to keep back */
    LCPY_FOUND = 0,
    LCPY_ABSENT = 1,
    LCPY_DISBELIEVED = 2, /* there is an entry, which is no result: said already */
    LCPY_UNUSABLE = 3     /* the cache cannot be used now */
} lcpy_found;

/* What is in memory, else what is in the file: decode, count and warn. *out is a new reference
 * where FOUND. */
lcpy_found lcpy_persisted_lookup(PyObject **out, lcpy_persisted *self, const void *key,
                                 size_t key_size);
/* Its two halves: what locache_recall() gave, whose reference is taken; the file. */
lcpy_found lcpy_persisted_give(PyObject **out, lcpy_persisted *self, void *object, const void *key,
                               size_t key_size);
lcpy_found lcpy_persisted_read(PyObject **out, lcpy_persisted *self, const void *key,
                               size_t key_size);
/* Encode and store, count and warn, unless `quiet`: the call has warned already. `fresh`: nothing
 * was looked up before. 0, or -1 with an exception that is not the cache's to keep back. */
int lcpy_persisted_store(lcpy_persisted *self, const void *key, size_t key_size, PyObject *result,
                         int64_t compute_time, int fresh, int quiet);
/* What was removed or replaced by name is not in memory either. After the files were. */
void lcpy_persisted_forget(lcpy_persisted *self);
/* Call the function and store what it returns; for `async def`, a coroutine that will, and that
 * looks the key up first unless `fresh`. `fresh` and `quiet` as above. */
PyObject *lcpy_persisted_compute(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call,
                                 int fresh, int quiet);

/* The same where no key could be made (`bound` says why, and where it is an error its exception is
 * set): warns. */
PyObject *lcpy_persisted_without_key(lcpy_persisted *self, const lcpy_call *call, lcpy_bound bound,
                                     PyObject *culprit);
/* Forget everything; with a name (str), what is stored under that. New reference to None, or NULL
 * with an exception. */
PyObject *lcpy_persisted_reset(lcpy_persisted *self, PyObject *name);

/* vectorcall. */
PyObject *lcpy_persisted_call(PyObject *object, PyObject *const *args, size_t nargsf,
                              PyObject *kwnames);

/* Monotonic, nanoseconds. */
int64_t lcpy_clock(void);

extern PyMethodDef lcpy_persisted_methods[]; /* persist_methods.c */
int lcpy_persist_methods_exec(PyObject *module);

#endif
