/* A decorated function, and the key of a call of it: what every file on the way of a call works on.
 *
 * The way of a call (call.h): bind and write the key; open the cache at the first call (open.h);
 * look up in memory, then in the file without the GIL (lookup.h); decode, or call the function,
 * encode and store (store.h). What goes wrong with the cache on that way is said once (warn.h) and
 * counted, and the function's own result is returned. */
#ifndef LCPY_PERSISTED_H
#define LCPY_PERSISTED_H

#include <time.h>

#include "call/target.h"
#include "call/where.h"

/* What persist() was told, as locache._options checked it. Times are in nanoseconds. */
typedef struct lcpy_options {
    PyObject *version;      /* str without NUL, or NULL */
    unsigned flags;         /* LOCACHE_KEEP, LOCACHE_DURABLE, LOCACHE_NO_PICKLE, LOCACHE_UNMAPPED */
    int64_t max_entries;    /* -1: no limit */
    int64_t max_age;        /* 0: no limit */
    int64_t memory_entries; /* as in locache_options, like the rest */
    int64_t memory_bytes;
    int64_t recheck;
} lcpy_options;

typedef struct lcpy_persisted {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    lcpy_state *state; /* lives as long as the type, which every instance holds */
    lcpy_target target;
    lcpy_options options;
    lcpy_where where;
    PyObject *beside;   /* the types.FunctionType whose file the cache is beside, or None */
    locache *cache;     /* NULL until it could be opened */
    int64_t retry_from; /* monotonic nanoseconds; opening is not tried again before */
    uint64_t hits;
    uint64_t misses;
    uint64_t bypassed; /* calls that did without the cache */
    uint64_t errors;
    /* how often results were forgotten or replaced by name: what was read before is not kept in
     * memory */
    uint64_t forgotten;
    unsigned said;  /* bit per lcpy_trouble */
    bool in_memory; /* results are kept there, too */
    PyObject *attributes;
    PyObject *weak_references;
} lcpy_persisted;

/* A key, made once for each call, and the room that most fit in. */
typedef struct lcpy_key {
    locache_writer writer;
    unsigned char room[512]; /* bytes: a dozen scalar arguments */
} lcpy_key;

typedef enum lcpy_found {
    LCPY_INTERRUPTED = -1, /* with an exception that is not the cache's to keep back */
    LCPY_FOUND = 0,
    LCPY_ABSENT = 1,
    LCPY_REJECTED = 2, /* there is an entry, which is no result: said already */
    LCPY_UNUSABLE = 3  /* the cache cannot be used now */
} lcpy_found;

/* Monotonic, nanoseconds. */
static inline int64_t lcpy_persisted_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
