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
#include "plain/gil.h"
#include "reach/reach.h"

/* What persist() was told, as locache._options checked it. Times are in nanoseconds. */
typedef struct lcpy_options {
    PyObject *version;      /* str without NUL, or NULL */
    unsigned flags;         /* LOCACHE_OPEN_... but for READ_ONLY, which the mode says */
    int64_t max_entries;    /* -1: no limit */
    int64_t max_age;        /* 0: no limit */
    int64_t memory_entries; /* as in locache_options, like the rest */
    int64_t memory_bytes;
    int64_t recheck;
    int64_t wait;      /* for who computes a result already; 0: as long as he lives */
    PyObject *enabled; /* False, or what is asked at each call; NULL: always */
    PyObject *keep;    /* which results are stored; NULL: all */
    PyObject *depends; /* tuple: what else counts; or NULL */
    bool follow;       /* what the function reaches counts */
    bool packages;     /* and the versions of packages */
    int compress;      /* as in locache_options */
    uint64_t verify;   /* this share of the hits is computed again: verify.h; 0: none */
    int64_t max_bytes; /* as in locache_options, like the next two */
    int64_t ttl;
    int64_t stale;
    PyObject *ttl_of; /* says the ttl of each result; NULL: none does */
    PyObject *base;   /* bytes: which caches are asked besides; NULL: what LOCACHE_BASE says */
    uint32_t mode;
} lcpy_options;

/* Kinds of what goes wrong, told once or a few times each (warn.h). */
typedef enum lcpy_trouble {
    LCPY_TROUBLE_KEY,      /* an argument cannot be part of a key */
    LCPY_TROUBLE_MISFIT,   /* the arguments do not fit the signature, yet the function took them */
    LCPY_TROUBLE_OPEN,     /* no cache directory that can be used */
    LCPY_TROUBLE_READ,     /* an entry could not be read, or is damaged */
    LCPY_TROUBLE_TRUST,    /* an entry is not trusted */
    LCPY_TROUBLE_FORMAT,   /* an entry is of a newer format */
    LCPY_TROUBLE_DECODE,   /* an entry does not become an object here */
    LCPY_TROUBLE_ENCODE,   /* a result cannot be stored */
    LCPY_TROUBLE_WRITE,    /* an entry could not be written */
    LCPY_TROUBLE_CHANGED,  /* the call changes its arguments */
    LCPY_TROUBLE_MISMATCH, /* a result is computed again, and is another */
    LCPY_TROUBLE_UNREAD,   /* stored results are never used: no trouble, but told as one */
    LCPY_TROUBLE_BOUNDS,   /* they are evicted before they are: told as one, too */
    LCPY_TROUBLE_STALE,    /* a stale result could not be computed anew */
    LCPY_TROUBLES          /* how many */
} lcpy_trouble;

/* How a function's cache is used: numbers that locache._switch knows, too. */
typedef enum lcpy_mode {
    LCPY_AS_ALWAYS = 0,
    LCPY_OFF = 1,      /* not at all */
    LCPY_READONLY = 2, /* nothing is stored */
    LCPY_REFRESH = 3   /* each call is computed, once, and stored */
} lcpy_mode;

/* What a call is to give: numbers that locache._async passes on. */
typedef enum lcpy_wanted {
    LCPY_ANY = 0,      /* what is stored, else what is computed */
    LCPY_NEW = 1,      /* what this call computes: f.refresh() */
    LCPY_REFRESHED = 2 /* what is computed in this process, by this call or another: LCPY_REFRESH */
} lcpy_wanted;

/* Is it decorated below @classmethod, where that binds by itself? */
typedef enum lcpy_below {
    LCPY_BELOW_UNKNOWN = 0,
    LCPY_BELOW_NOTHING,
    LCPY_BELOW_CLASSMETHOD
} lcpy_below;

typedef struct lcpy_persisted {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    lcpy_state *state; /* lives as long as the type, which every instance holds */
    lcpy_target target;
    lcpy_options options;
    lcpy_where where;
    PyObject *beside; /* the types.FunctionType whose file the cache is beside, or None */
    /* NULL until it could be opened, and again where it is elsewhere: whoever ran Python code looks
     * again */
    locache *cache;
    lcpy_reach *reach; /* what it depends on; NULL: not looked at, or nothing does */
    unsigned turn;     /* how often that was another */
    unsigned running;  /* calls that are being computed */
    unsigned busy;     /* threads that use it without the GIL */
    locache **retired; /* caches that were in use when they should have been closed */
    size_t retired_count;
    unsigned seen;  /* state->watch.generation for which nothing is special */
    unsigned moved; /* how often LOCACHE_DIR had changed when it was looked at */
    lcpy_mode mode;
    PyObject *refreshed; /* set of keys, for LCPY_REFRESH; or NULL */
    int64_t hasty_until; /* monotonic nanoseconds; a key takes no longer long before */
    int64_t retry_from;  /* monotonic nanoseconds; opening is not tried again before */
    uint64_t hits;
    uint64_t misses;
    uint64_t bypassed; /* calls that did without the cache */
    uint64_t errors;
    uint64_t verified;   /* hits that were computed again */
    uint64_t mismatches; /* of these, which gave another result */
    uint64_t drawn;      /* which they are: the state of a generator; 0: none was drawn */
    uint64_t computed;   /* nanoseconds that the results of misses took */
    /* nanoseconds that hits saved, less what the open caches count themselves: lcpy_open_saved() */
    uint64_t saved;
    /* how often results were forgotten or replaced by name: what was read before is not kept in
     * memory */
    uint64_t forgotten;
    unsigned said; /* bit per lcpy_trouble */
    unsigned char told_count[LCPY_TROUBLES];
    PyObject *told;   /* set of causes, of those kinds that are told more than once; or NULL */
    bool in_memory;   /* results are kept there, too */
    bool weighed;     /* a result was stored in this process: weigh.h */
    lcpy_below below; /* asked.c */
    PyObject *attributes;
    PyObject *made;      /* tuple: what decorate() was given, from which it can be made again */
    PyObject *stand_ins; /* tuple, once pickled by name: see locache._sending; or NULL */
    PyObject *weak_references;
    /* From here on each object keeps its own (methods.c, become()). */
    struct lcpy_persisted *older; /* in the list of all: counts.c */
    struct lcpy_persisted *newer;
} lcpy_persisted;

/* A key, made once for each call, and the room that most fit in. */
typedef struct lcpy_key {
    locache_cbor_writer writer;
    bool simple;             /* made of what nobody can change */
    unsigned char room[512]; /* bytes: a dozen scalar arguments */
} lcpy_key;

typedef enum lcpy_found {
    LCPY_INTERRUPTED = -1, /* with an exception that is not the cache's to keep back */
    LCPY_FOUND = 0,
    LCPY_ABSENT = 1,
    LCPY_REJECTED = 2, /* there is an entry, which is no result: said already */
    LCPY_UNUSABLE = 3, /* the cache cannot be used now */
    LCPY_ELSEWHERE = 4 /* somebody else computes it: told to tasks only */
} lcpy_found;

/* Use self->cache without the GIL, as `cache`: it is not closed meanwhile, though self may have
 * another. */
#define LCPY_BEGIN_WITHOUT_GIL(self)                                                               \
    do {                                                                                           \
        locache *cache = (self)->cache;                                                            \
        (self)->busy++;                                                                            \
    LCPY_BEGIN_ALLOW_THREADS
#define LCPY_END_WITHOUT_GIL(self)                                                                 \
    LCPY_END_ALLOW_THREADS(self)->busy--;                                                          \
    }                                                                                              \
    while (0)

/* So long a wait for somebody else's computation takes at a time, in nanoseconds: between two of
 * them Python's own signal handlers run. */
#define LCPY_WAIT_PART INT64_C(50000000)

/* Monotonic, nanoseconds. */
static inline int64_t lcpy_persisted_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
