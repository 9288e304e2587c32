/* locache: persistent memoization.
 *
 * An expensive, pure call is computed once; its result is kept as one readable
 * file and served from then on.
 *
 * CALLING SEQUENCE
 *
 *     locache *cache;
 *     locache_error error;
 *     locache_identity identity = {.size = sizeof identity};
 *     locache_identity_explicit(&identity, "1");
 *     locache_options options = {.size = sizeof options,
 *                                .function = "my_func",
 *                                .identity = &identity};
 *     locache_open(&cache, "foo.cache", &options, &error);
 *
 *     locache_cbor_writer key;
 *     unsigned char room[256];
 *     locache_cbor_writer_init(&key, room, sizeof room);
 *     locache_key_begin(&key, 1);
 *     locache_key_name(&key, "x", 1);
 *     locache_cbor_write_int(&key, 1);
 *
 *     locache_value *value;
 *     locache_status status =
 *         locache_get(&value, cache, key.data, key.length, &error);
 *     if (status == LOCACHE_OK) {
 *         ... locache_value_body(value, ...) ... locache_value_free(value);
 *     } else {
 *         ... compute, encode ...
 *         locache_put(cache, key.data, key.length, &record, &error);
 *     }
 *     locache_cbor_writer_clear(&key);
 *     locache_close(cache);
 *
 * ERRORS
 *
 * Functions return a locache_status. Expected outcomes are zero or positive,
 * failures negative. A function that takes a locache_error fills it whenever it
 * returns a failure (and on LOCACHE_MISS when an entry was there but was not
 * valid); the error may be NULL. Nothing is kept from one call to the next:
 * there is no last error.
 *
 * STRUCTS
 *
 * A struct that may grow begins with `size`, which says how much of it there
 * is: whoever makes it sets it to its sizeof. What a program that was compiled
 * with an earlier header lacks is zero, which always means the default; what a
 * later one says beyond what the library knows is refused, unless it is zero.
 * Out of structs that the library is to fill it fills what is there.
 *
 * locache_id, locache_stamp, locache_error, locache_cbor_writer, _reader and
 * _item, which programs make many of, have a size that never changes; they grow
 * into what is `reserved`, which is nobody's until then. All other structs are
 * opaque. None holds another that can grow, other than by a pointer, nor an
 * enum, whose size is the compiler's choice.
 *
 * NULL
 *
 * No argument may be NULL but these, everywhere: `error`; data of 0 bytes; what
 * ..._free(), _close(), _clear(), _abandon() and _give_up() end; the function
 * that ..._set_...() is given, which stops what was set; and what a declaration
 * says can be NULL. Outs come first, the error last.
 *
 * TIME
 *
 * Every time is an int64_t of nanoseconds: moments (created, expires, used)
 * since 1970-01-01 UTC, spans (max_age, recheck, wait, compute_time) on a clock
 * that only goes on. docs/time.md tells them apart.
 *
 * THREADS
 *
 * "Any thread" says of a function that any number of threads may call it at
 * once, with the same arguments too. A `locache` handle may be used by any
 * number of threads at once; none waits for another in it but in
 * locache_begin() and locache_ask(), for what another computes. Writers,
 * readers and flights belong to one thread at a time. After fork() the child
 * may go on using every handle, whatever other threads of the parent were
 * doing.
 *
 * CAVEATS
 *
 * - A function must be pure: what it reads beside its arguments, a file, a
 *   clock, a global, is not in the key. Say it with an argument more, or with
 *   the version.
 * - Keys are typed: 1, 1.0, true and "1" are four arguments, 0.0 and -0.0 are
 *   two. A program that once writes an argument as an integer and once as a
 *   real has two results.
 * - A put does not look into a body. One that says LOCACHE_CODEC_CBOR and is
 *   not is found out by its reader, as LOCACHE_ECORRUPT.
 * - LOCACHE_CODEC_RAW bytes are what they were where they were made: byte
 *   order, sizes and padding of structs are the program's business, also where
 *   a cache is copied to another machine.
 * - What is read is sound and one's own, but may have been made by another
 *   program: check what the types do not, such as ranges.
 * - LOCACHE_MISS is no failure. Its error says LOCACHE_OK where simply nothing
 *   was there.
 * - A writer's `data` moves while it grows, and is gone with
 *   locache_cbor_writer_clear(): keep offsets.
 * - Bytes from a value are valid until locache_value_free(). Texts have no NUL
 *   at their end.
 * - Elements of an ndarray that is read may be unaligned and in the other byte
 *   order: locache_ndarray_copy().
 * - A handle holds one file descriptor, and up to 64 more of entries that are
 *   used much (no more than a quarter of what the process may have), all closed
 *   on exec; a process up to 8 lock files more, and those of what it computes.
 *   Closing a handle while another thread uses it is undefined, but for flights
 *   that are not ended, which may be ended later.
 * - Functions of the caller's own (log, iteration, allocator) must return: no
 *   longjmp() and no C++ exception out of them.
 * - Variables of the environment are read when a cache is located and when a
 *   user's key is needed: do not change them meanwhile.
 * - Nothing here is async-signal-safe.
 */
#ifndef LOCACHE_H
#define LOCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LOCACHE_VERSION_MAJOR 5
#define LOCACHE_VERSION_MINOR 0
#define LOCACHE_VERSION_PATCH 0
#define LOCACHE_VERSION_STRING "5.0.0.dev0"
/* The version as one number that grows with it: 50000 is 5.0.0. */
#define LOCACHE_VERSION_NUMBER                                                 \
    (LOCACHE_VERSION_MAJOR * 10000 + LOCACHE_VERSION_MINOR * 100 +             \
     LOCACHE_VERSION_PATCH)

#if defined(__GNUC__)
#define LOCACHE_API __attribute__((visibility("default")))
#define LOCACHE_CHECK __attribute__((warn_unused_result))
#else
#define LOCACHE_API
#define LOCACHE_CHECK
#endif

/* ------------------------------------------------------ statuses and errors */

/* Values are pinned: they never change and are never reused. */
typedef enum locache_status {
    LOCACHE_OK = 0,
    /* no such entry, or one that was not valid (the error says why) */
    LOCACHE_MISS = 1,
    /* locache_open(): say it again with identity.source */
    LOCACHE_NEED_SOURCE = 2,
    LOCACHE_END = 3, /* a reader has no more items */
    /* locache_begin(): somebody else computes it still, and the wait is over */
    LOCACHE_PENDING = 4,

    /* an argument is not what the declaration asks for */
    LOCACHE_EINVAL = -1,
    LOCACHE_ENOMEM = -2,   /* memory could not be had */
    LOCACHE_EIO = -3,      /* a system call failed: locache_error.os_error */
    LOCACHE_ECORRUPT = -4, /* bytes are not what their format says */
    /* a directory or a key file that is not this user's alone, or a MAC of
     * another key */
    LOCACHE_EUNTRUSTED = -5,
    LOCACHE_ETYPE = -6, /* a value of another type than was asked for */
    /* larger or deeper than this library handles, or outside the range of the
     * type asked for */
    LOCACHE_ELIMIT = -7,
    LOCACHE_EFORMAT = -8, /* an entry of a newer format version: left alone */
    LOCACHE_EBUSY = -9    /* a lock could not be had in bounded time */
} locache_status;

#define LOCACHE_MESSAGE_MAX 1024

/* Owned by the caller, needs no initialisation and no clean-up. */
typedef struct locache_error {
    int status; /* a locache_status */
    /* errno of the failed system call, or 0 */
    int os_error;
    uint64_t reserved[7];
    /* UTF-8, what, where and the remedy, NUL-terminated; other bytes of a path
     * are \xNN */
    char message[LOCACHE_MESSAGE_MAX];
} locache_error;

/* The name of a status, as "LOCACHE_ECORRUPT". Static storage; any thread. */
LOCACHE_API const char *locache_status_name(locache_status status);

/* The version of the library that runs, as LOCACHE_VERSION_STRING. Static
 * storage; any thread. */
LOCACHE_API const char *locache_version(void);
/* The same as LOCACHE_VERSION_NUMBER: `locache_version_number() >= 50100` asks
 * the library that runs for what 5.1.0 brought. Any thread. */
LOCACHE_API int locache_version_number(void);

/* ------------------------------------------------------------------- memory */

/* Where the library's memory comes from. Any thread may call these, several at
 * once; none may call the library. What other libraries allocate below
 * (libsodium, libc's own streams of directories) is not asked for here. */
typedef struct locache_allocator {
    size_t size; /* sizeof(locache_allocator) */
    /* size bytes at a multiple of alignment, a power of two of at least
     * sizeof(void *); NULL when there are none. */
    void *(*allocate)(void *context, size_t alignment, size_t size);
    /* Memory of the same content with room for size bytes, aligned as malloc()
     * does; NULL leaves the old one as it was. `old` may be NULL, and was never
     * allocated with a larger alignment. */
    void *(*resize)(void *context, void *old, size_t size);
    /* `memory` may be NULL. */
    void (*release)(void *context, void *memory);
    void *context;
} locache_allocator;

/* Take memory from there instead of malloc(), for as long as the process lives;
 * *allocator is copied. Call it before anything else of this library, while no
 * other thread is within it. OK; EINVAL: an allocator without one of its
 * functions, or one that comes after memory was taken. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_set_allocator(const locache_allocator *allocator, locache_error *error);

/* ------------------------------------------------------------------ digests */

/* 128 bits: BLAKE2b (RFC 7693) of a name or of a source */
#define LOCACHE_ID_SIZE 16
#define LOCACHE_DIGEST_SIZE 32 /* 256 bits: no collision can be found by work */

typedef struct locache_id {
    unsigned char bytes[LOCACHE_ID_SIZE];
} locache_id;

/* BLAKE2b-128 of size bytes. Any thread. */
LOCACHE_API void locache_id_of(locache_id *out, const void *data, size_t size);

/* Digest of a large buffer, as keys hold it: the root of a tree of BLAKE2b-256
 * with leaves of 4 KiB (docs/format.md). Reads the buffer once, in place; from
 * LOCACHE_DIGEST_PARALLEL bytes on with threads of its own, as many as help,
 * that are gone when it returns. The result does not depend on their number.
 * Any thread. */
LOCACHE_API void locache_digest(unsigned char out[LOCACHE_DIGEST_SIZE],
                                const void *data, size_t size);
/* below, starting threads costs more than they save */
#define LOCACHE_DIGEST_PARALLEL ((size_t)8 << 20)
/* The same of data that is not in one piece: fill() copies those `size` bytes
 * of it that begin at `offset` to `out`, at most 4 KiB at a time, and is called
 * by several threads at once. False where there is no memory for eight; out is
 * untouched then. Any thread. */
LOCACHE_API LOCACHE_CHECK bool locache_digest_parts(
    unsigned char out[LOCACHE_DIGEST_SIZE], size_t size,
    void (*fill)(void *context, void *out, size_t offset, size_t size),
    void *context);
/* The same of each of `count` pieces of data of one size: where the processor
 * has vectors, small ones are digested four (AVX2) or eight (AVX-512) at a
 * time, in little more than the time of one. Any thread. */
LOCACHE_API void locache_digest_each(unsigned char (*out)[LOCACHE_DIGEST_SIZE],
                                     const void *const *data, size_t size,
                                     size_t count);

/* nesting that a reader follows: half of CPython's recursion limit of 1,000 */
#define LOCACHE_DEPTH_MAX 500

/* ----------------------------------------------------------- arrays of numbers
 *
 * What NumPy calls an ndarray, in memory of the caller's: RFC 8746's typed
 * arrays, within an array of several dimensions. */

#define LOCACHE_DIMENSIONS_MAX 64 /* as NumPy has it */

/* Values are pinned: RFC 8746's tags, those of big-endian elements. */
typedef enum locache_element {
    LOCACHE_ELEMENT_UINT8 = 64,
    LOCACHE_ELEMENT_UINT16 = 65,
    LOCACHE_ELEMENT_UINT32 = 66,
    LOCACHE_ELEMENT_UINT64 = 67,
    LOCACHE_ELEMENT_INT8 = 72,
    LOCACHE_ELEMENT_INT16 = 73,
    LOCACHE_ELEMENT_INT32 = 74,
    LOCACHE_ELEMENT_INT64 = 75,
    LOCACHE_ELEMENT_FLOAT16 = 80,
    LOCACHE_ELEMENT_FLOAT32 = 81,
    LOCACHE_ELEMENT_FLOAT64 = 82
} locache_element;

typedef struct locache_ndarray {
    size_t size;   /* sizeof(locache_ndarray), set by the caller */
    uint32_t type; /* a locache_element */
    /* elements are in the byte order that this machine does not have */
    bool swapped;
    bool column_major; /* the first index varies fastest */
    uint32_t dimensions;
    const void *data; /* data_size bytes, aligned or not */
    size_t data_size; /* of all elements: what type and extents say */
    uint64_t extents[LOCACHE_DIMENSIONS_MAX];
} locache_ndarray;

/* Bytes of one element; 0 where there is no such type. Any thread. */
LOCACHE_API size_t locache_element_size(locache_element type);
/* Copy the elements to out, which has room for array->data_size bytes, in this
 * machine's byte order. Any thread. */
LOCACHE_API void locache_ndarray_copy(void *out, const locache_ndarray *array);

/* Arrays are written by locache_cbor_write_ndarray() and _apart(). */

/* What writes keys: declared in locache/cbor.h. */
typedef struct locache_cbor_writer locache_cbor_writer;

/* ------------------------------------------------------------------------ keys
 *
 * A key is one CBOR array that alternates labels and values, in the order of
 * the signature: a label is the parameter's name (text), or the position of an
 * argument that has no name (unsigned). Equal calls have equal key bytes. */

/* bytes of an entry's file name: eCryptfs, the strictest in use, allows 143 */
#define LOCACHE_NAME_MAX 140

/* Begin a key of `count` arguments; for each follow one label and one value. */
LOCACHE_API void locache_key_begin(locache_cbor_writer *key, uint64_t count);
LOCACHE_API void locache_key_name(locache_cbor_writer *key, const char *name,
                                  size_t size);
LOCACHE_API void locache_key_index(locache_cbor_writer *key, uint64_t position);
/* Values that may be long. Those of LOCACHE_KEY_LONG bytes and more are
 * represented by their digest, as keys must have it (docs/format.md); all other
 * values are written with locache_cbor_write_...(). */
#define LOCACHE_KEY_LONG 4096 /* a page: below, a digest saves nothing */
LOCACHE_API void locache_key_bytes(locache_cbor_writer *key, const void *data,
                                   size_t size);
/* UTF-8, verified: else LOCACHE_EINVAL. */
LOCACHE_API void locache_key_text(locache_cbor_writer *key, const char *text,
                                  size_t size);
/* Row-major: a key does not tell arrays apart by their order in memory, and
 * another order is LOCACHE_EINVAL. */
LOCACHE_API void locache_key_ndarray(locache_cbor_writer *key,
                                     const locache_ndarray *array);

/* The readable file name of a key, as "x=1_num=3", NUL-terminated:
 * docs/format.md, "Names". This is also what checks that bytes are a key: one
 * strict array of even length, every other item a label. OK; ECORRUPT: no key;
 * ELIMIT: nested deeper than LOCACHE_DEPTH_MAX. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_key_filename(
    char out[LOCACHE_NAME_MAX + 1], const void *key, size_t size);

/* ------------------------------------------------------------------- places */

#define LOCACHE_PATH_MAX 4096

/* not beside the source: it is installed, not written by the user */
enum { LOCACHE_LOCATE_AWAY = 1 };

/* The cache directory of a source file, into out (of LOCACHE_PATH_MAX bytes):
 * 1. $LOCACHE_DIR/<source's path>.cache where that variable is set and not
 *    empty;
 * 2. <directory of the source>/<stem>.cache, symbolic links resolved, where
 *    that is there or can be made;
 * 3. $XDG_CACHE_HOME/locache/<source's path>.cache (default ~/.cache).
 * `stem` replaces the source's own stem where it is not NULL; `source` may name
 * a file that does not exist, in a directory that does. Creates nothing. What
 * was found is taken to be there for a tenth of a second. Any thread, while
 * none changes the environment. OK, EINVAL (relative source, a
 * stem with '/'), ELIMIT (too long), EIO (no home directory). */
LOCACHE_API LOCACHE_CHECK locache_status
locache_locate(char out[LOCACHE_PATH_MAX], const char *source, const char *stem,
               unsigned flags, locache_error *error);

/* ----------------------------------------------------- one function's cache */

typedef struct locache locache;

/* What a function's source is. Two sources are the same where their codes under
 * the same tag are equal, or, where the tags differ, where their sources are
 * equal. */
typedef struct locache_identity {
    size_t size; /* sizeof(locache_identity), set by the caller */
    /* what made `code`, as "cpython-311.0"; [A-Za-z0-9._-], at most 63 bytes;
     * NULL: no identity */
    const char *code_tag;
    locache_id code; /* digest of the compiled code */
    bool has_source; /* `source` is set */
    /* there is no source to be had: never answer NEED_SOURCE */
    bool no_source;
    /* digest of the normalised source text; only asked for when a decision
     * needs it */
    locache_id source;
} locache_identity;

/* The identity of a function whose version is said by hand: `text` is any
 * ("2"), and another text is another version. Every language makes the same of
 * the same text. It never needs a source. out->size is the caller's to set. Any
 * thread. */
LOCACHE_API void locache_identity_explicit(locache_identity *out,
                                           const char *text);

enum {
    LOCACHE_OPEN_KEEP = 1, /* a changed source does not invalidate */
    /* put() returns when the entry would survive a power cut (fsync) */
    LOCACHE_OPEN_DURABLE = 2,
    /* entries with codec LOCACHE_CODEC_PICKLE are neither read nor written */
    LOCACHE_OPEN_NO_PICKLE = 4,
    /* large results are read into memory, not mapped (see locache_value) */
    LOCACHE_OPEN_UNMAPPED = 8,
    /* What is there is read, and nothing on disk changes: no version is moved
     * or restored, no use is noted; put() is EINVAL. What forgets or resets
     * results still does. */
    LOCACHE_OPEN_READ_ONLY = 16
};

/* What a function is where other things are left out of its identity: what it
 * was found to change by running, which is its state and makes no result
 * another (locache_amend()). The tag is that of the identity itself. */
typedef struct locache_alternative {
    size_t size; /* sizeof(locache_alternative) */
    /* words that say what is left out, as locache_each_version() has them */
    const char *state;
    const locache_identity *identity;
} locache_alternative;

/* Bytes at most of what a version keeps for people: locache_options.note. */
#define LOCACHE_NOTE_MAX ((size_t)64 << 10)

/* How many of a function's results a process keeps in memory, where the options
 * say 0; and how many bytes of those of all functions together, where
 * locache_set_memory() says nothing else. */
#define LOCACHE_MEMORY_ENTRIES 32768
#define LOCACHE_MEMORY_BYTES ((int64_t)64 << 20)

/* locache_options.compress, beside the levels 1 to LOCACHE_COMPRESS_MAX of
 * zstd, with which all is compressed that gets smaller, arrays too: they are
 * read into memory then, not mapped. */
enum {
    LOCACHE_COMPRESS_NONE = 0,
    /* where the first bytes of a result's parts, 64 KiB in all, say that a
     * fourth is saved at least; not what is mapped when it is read, nor what
     * takes less than 4 KiB */
    LOCACHE_COMPRESS_AUTO = -1,
    /* none, where NONE is what locache_configure() says */
    LOCACHE_COMPRESS_NEVER = -2,
    LOCACHE_COMPRESS_DEFAULT = 3, /* zstd's own choice */
    LOCACHE_COMPRESS_MAX = 22
};

typedef struct locache_options {
    size_t size;          /* sizeof(locache_options) */
    const char *function; /* qualified name, UTF-8 */
    /* what its source is; NULL: nothing is said of it */
    const locache_identity *identity;
    uint32_t flags; /* LOCACHE_OPEN_... */
    /* evict the least recently used beyond so many; 0 or less: no limit */
    int64_t max_entries;
    /* nanoseconds since an entry was last used until it expires; 0 or less:
     * never */
    int64_t max_age;
    /* Results in memory, beside their files ("results in memory", below). */
    /* at most so many; 0: LOCACHE_MEMORY_ENTRIES; negative: none */
    int64_t memory_entries;
    /* at most so many, within what all may have (locache_set_memory()); 0: no
     * bound of its own; negative: none */
    int64_t memory_bytes;
    /* Nanoseconds for which a result in memory is given without asking for its
     * file, counted in the system's ticks (some milliseconds) and not while the
     * machine sleeps; what this handle itself changes is seen at once. 0:
     * always ask. */
    int64_t recheck;
    /* of objects of the caller's, for locache_recall(); both or none */
    void (*retain)(void *object);
    void (*release)(void *object);
    /* Nanoseconds that locache_begin() waits for somebody else's computation;
     * 0: as long as he lives; negative: not at all. */
    int64_t wait;
    /* For versions whose record says that something was left out. */
    const locache_alternative *const *alternatives;
    size_t alternative_count;
    /* What the version is made of, in words of the caller's own, to say later
     * what changed: kept beside its results where its directory is made for
     * this identity, or has none yet. At most LOCACHE_NOTE_MAX bytes; more are
     * left out. */
    const void *note;
    size_t note_size;
    /* Where the identity is new: it is the same as the version before, whose
     * results go on being used, as locache_keep_results() says it. Who says so;
     * NULL: nobody. */
    const char *kept_by;
    /* Where release() needs what not every call of this library has, as the
     * lock of one of several interpreters: any address that stands for it. Only
     * handles of one group make each other release results for room. */
    const void *group;
    /* How results are compressed that are stored: LOCACHE_COMPRESS_..., or a
     * level. Whatever it says, all are read. */
    int64_t compress;
    /* Caches that are only read, where this has no result: cache directories,
     * or directories with several in them, parted by ':' and asked in that
     * order (docs/sharing.md). NULL: what LOCACHE_BASE says; "": none. What is
     * there need not be this user's: plain data is taken from wherever not all
     * users can write, pickles where their MAC verifies. Nothing is written
     * there. Is it about one function, a directory that only has the right name
     * is taken for its own, too. */
    const char *base;
    /* At most so many bytes, of all entries' files of the function together
     * (their sizes), whatever number of processes stores; 0 or less: no bound.
     * What goes first is what is worth least: what is cheap to compute for its
     * size and was not used for long (GreedyDual-Size, by compute_time). An
     * entry larger than this is not kept: ELIMIT. */
    int64_t max_bytes;
    /* Nanoseconds since an entry was stored until it expires; 0 or less: never.
     * It is who reads that says it, so that another ttl holds for what is there
     * already, too. */
    int64_t ttl;
    /* For so many nanoseconds after it expired, by ttl or by its record, an
     * entry is given all the same: locache_begin() then gives one caller, of
     * all processes, a flight beside it, to compute it anew. 0 or less: no
     * time. */
    int64_t stale;
    /* The mode of directories that are made (files: the same without the rights
     * to execute, and the owner's own), whatever the umask says: 02770, a
     * group shares the cache, of which every member can make up results, and
     * sign pickles with the key that LOCACHE_GROUP_KEY names; 02750, 0755: it
     * may be read. Only with a mode that the group may write by is a directory
     * used that is a group's and another member's. 0: what LOCACHE_MODE says,
     * else 0700, which is nobody's but this user's (docs/sharing.md). */
    uint32_t mode;
} locache_options;

/* Open the cache of one function within the cache directory `dir` (as
 * foo.cache; an absolute path). Nothing is created before the first put. Where
 * the directory there belongs to another identity, it is moved to .versions/
 * and this identity's takes its place (docs/format.md, "Versions"): that does
 * happen here. OK; NEED_SOURCE: call again with identity.source (or no_source)
 * set; EINVAL, ENOMEM, EIO, EBUSY, EUNTRUSTED: the directory is owned by
 * another user, writable by others, or a symbolic link. *out is set on OK only.
 * Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_open(locache **out, const char *dir, const locache_options *options,
             locache_error *error);
/* NULL is allowed. One thread, when no other uses the handle any more. */
LOCACHE_API void locache_close(locache *cache);

/* ----------------------------------------------------------------- versions */

/* A version of a function, as its directory records it (docs/format.md,
 * "Versions"). What it points to lives for the call. */
typedef struct locache_version_info {
    size_t size; /* sizeof(locache_version_info), set by the library */
    locache_id id;
    const char *path;  /* of its directory */
    bool current;      /* its directory has the function's name */
    bool has_before;   /* `before` is set */
    locache_id before; /* the version that it took the place of */
    int64_t used;      /* of earlier ones: nanoseconds since 1970-01-01 UTC */
    const char *state; /* words for what is left out of its identity, or "" */
    /* who said of how many later versions that they are the same, and when:
     * the last one, as "2024-02-29T12:30:00Z nn@host"; or "" */
    const char *kept;
    size_t kept_count;
} locache_version_info;

/* Call fn with each version of a function that is in the cache directory `dir`,
 * the current one first, others in no order; it returns false to stop. What is
 * not to be trusted or has lost its record is passed over. OK, also where there
 * is none; EINVAL, EIO, EUNTRUSTED, ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_each_version(
    const char *dir, const char *function,
    bool (*fn)(void *context, const locache_version_info *version),
    void *context, locache_error *error);
/* The note of the version whose directory is at that path, into out, which has
 * room for LOCACHE_NOTE_MAX bytes. OK; MISS: it has none; EINVAL, EIO,
 * EUNTRUSTED. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_version_note(
    void *out, size_t *size, const char *path, locache_error *error);
/* Record of the version that the handle has that something was found to be the
 * function's state: `state` in words without spaces, parted by one (printable
 * ASCII, at most 1000 bytes in all), `identity` without it, and another note in
 * the place of its own (NULL: it stays). Later handles that give this identity
 * as an alternative find the version. OK; MISS: its directory is gone; EINVAL,
 * EIO, EUNTRUSTED. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_amend(locache *cache, const locache_alternative *without,
              const void *note, size_t note_size, locache_error *error);
/* Take the version that the handle has for the same as the one before, in whose
 * place it was made: the results of both are used from now on, by whoever runs
 * either, and it is recorded who said so (`who` in printable ASCII; what else
 * is in it becomes '?'). OK; MISS: there is none before, or it was said
 * already; EINVAL (a handle for reading only), EIO, EUNTRUSTED, EBUSY, ENOMEM.
 * Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_keep_results(locache *cache, const char *who, locache_error *error);

/* What a run (a process, and those that share its work) has to say of whether
 * results are ever used. */
enum {
    LOCACHE_RUN_READ = 0,   /* it found some: what was counted is forgotten */
    LOCACHE_RUN_UNREAD = 1, /* it stored one before it found any */
    LOCACHE_RUN_SAID = 2    /* the user was told: later runs count no more */
};
typedef unsigned locache_run;
/* Once for each run that stores a result. How many runs before it were unread,
 * with none in between that was not; -1 where the run does not count: it did
 * already, the user was told, or the cache cannot be written to. A number for
 * advice: runs at the same time may get the same. Any thread. */
LOCACHE_API int64_t locache_count_run(locache *cache, locache_run run);

/* How an entry's body is encoded. */
typedef enum locache_codec {
    LOCACHE_CODEC_CBOR = 1,   /* data only */
    LOCACHE_CODEC_PICKLE = 2, /* can run code when read: needs the MAC */
    LOCACHE_CODEC_RAW = 3     /* bytes as they are: C structs, command output */
} locache_codec;

/* Which file, in which state, a result was read from or written to, and what is
 * counted when it is given. Opaque. */
typedef struct locache_stamp {
    int64_t words[12];
} locache_stamp;

enum {
    /* who reads it copies what is in its buffers, such as texts, so that they
     * may as well be compressed: LOCACHE_COMPRESS_AUTO leaves others alone */
    LOCACHE_RECORD_COPIED = 1,
    /* its buffers are in mappings of files, to which nobody wrote: their pages
     * are given back as soon as they were read, so that what is larger than
     * memory can be stored */
    LOCACHE_RECORD_PASSING = 2
};

/* A result to store. */
typedef struct locache_record {
    size_t size;    /* sizeof(locache_record) */
    uint32_t codec; /* a locache_codec */
    const void *body;
    size_t body_size;
    /* What is out of line, as often as buffer_count says: where each is, and
     * how many bytes it has. */
    const void *const *buffers;
    const size_t *buffer_sizes;
    size_t buffer_count;
    int64_t compute_time; /* nanoseconds that the computation took */
    int64_t expires;      /* nanoseconds since 1970-01-01 UTC; 0: never */
    /* where not NULL: set to the stamp of what was stored */
    locache_stamp *stamp;
    uint64_t flags; /* LOCACHE_RECORD_... */
} locache_record;

/* A result as read: owns its bytes. One with buffers whose file has
 * LOCACHE_MAP_FROM bytes or more is a private mapping of the file: loaded as it
 * is touched, and its buffers are the caller's to write to, which changes
 * neither the file nor another value. Where somebody truncates that file, which
 * locache never does, touching what was cut off is SIGBUS;
 * LOCACHE_OPEN_UNMAPPED avoids it. */
typedef struct locache_value locache_value;
/* below, reading is faster than mapping */
#define LOCACHE_MAP_FROM ((size_t)256 << 10)

/* Look a key up. OK: *out is the caller's, free it with locache_value_free().
 * MISS: *out is untouched; error->status is LOCACHE_OK where no entry was
 * there, or a sound one that does not count (error->message says why: expired,
 * of another version of the function, a pickle under LOCACHE_OPEN_NO_PICKLE; it
 * is empty where none was there), else why it was not valid (ECORRUPT,
 * EUNTRUSTED, EFORMAT, EIO, ELIMIT): a put replaces it, but for EFORMAT.
 * Failures: EINVAL (not a key), ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_get(locache_value **out,
                                                     locache *cache,
                                                     const void *key,
                                                     size_t key_size,
                                                     locache_error *error);
/* Store a result: whole or not at all, its name comes last. OK; EINVAL
 * (also where somebody changed a large buffer meanwhile), ENOMEM, EIO,
 * EUNTRUSTED (a pickle without a usable key file, a directory that must not be
 * used), EFORMAT (a newer entry is there). Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_put(locache *cache, const void *key, size_t key_size,
            const locache_record *record, locache_error *error);

/* ----------------------------------------------------------- results in memory
 *
 * A handle keeps results in memory, in a bounded table from keys to results,
 * and evicts by S3-FIFO (Yang et al., SOSP 2023), so that a scan over many keys
 * does not push out those that are used again. Before a result is given from
 * memory it is validated: its file is asked whether it is still there and the
 * same, unless `recheck` says that it was asked lately enough. What anybody
 * deletes, replaces or resets is seen at the next call. Where the file system's
 * clock or its caches make that answer worthless (a network, a foreign system),
 * nothing is kept in memory.
 *
 * By default it is values that are kept, those of at most 64 KiB without
 * buffers, and locache_get() gives them: nothing is to be done. A binding that
 * has objects of its own gives `retain` and `release`, and keeps and recalls
 * them itself; locache_get() reads the file then, and the functions below do
 * nothing on other handles. retain() is called with a lock held, and must do
 * nothing but count; release() without one, and only from within
 * locache_recall(), locache_remember(), locache_forget_memory() and
 * locache_close(), of this handle or of another one of the same `group`, and
 * locache_set_memory(). Thus locache_put(), locache_remove() and
 * locache_reset() leave objects where they are: with `recheck`, a binding
 * calls locache_remember() or locache_forget_memory() after them. */

/* Look a key up in memory. OK: *object is what is kept for it, retained, and
 * its file is still the same. Else MISS. Takes no key that locache_get() would
 * not. Allocates nothing. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_recall(void **object,
                                                        locache *cache,
                                                        const void *key,
                                                        size_t key_size);
/* Keep an object, which is retained, as what the file of that stamp holds
 * (locache_record.stamp, locache_value_stamp()), in the place of what was kept
 * for the key. object_size: bytes of memory that it takes. Whatever prevents
 * it, nothing is kept for the key. Any thread. */
LOCACHE_API void locache_remember(locache *cache, const void *key,
                                  size_t key_size, const locache_stamp *stamp,
                                  void *object, size_t object_size);
/* Drop what is kept in memory; files stay. Any thread. */
LOCACHE_API void locache_forget_memory(locache *cache);
/* Bound what all handles of the process keep in memory, in bytes; 0:
 * LOCACHE_MEMORY_BYTES, as where nothing is said; negative: nothing is kept.
 * Where one result more would pass that, those that are used least go,
 * whichever handle's they are. What is over a new bound goes at once from
 * handles of that locache_options.group, from others with what they keep next.
 * Any thread. */
LOCACHE_API void locache_set_memory(int64_t bytes, const void *group);

/* ----------------------------------------------------------- computing it once
 *
 * However many threads and processes ask for a result that is not there, one
 * computes it, and the others wait until it is stored: locache_begin() in the
 * place of locache_get(), and locache_commit() in that of locache_put(). Who
 * dies loses his turn at once, and the next who waits computes. A computation
 * may begin others. One that would wait for itself, through whatever others, is
 * not made to: it is given a flight like any other, and computes. Where turns
 * cannot be taken (a directory that is read only, a file system without locks),
 * everybody computes.
 *
 * Between processes a turn is a lock on one byte of .locache/turns
 * (docs/format.md, "Turns"); to begin makes the function's directory where it
 * is not there. After fork(), the flights of the parent stay the parent's; a
 * child that asks for what it was forked within computes. */

/* The undertaking to compute one result. */
typedef struct locache_flight locache_flight;

/* Look a key up, or undertake to compute it. OK: *value is the caller's, as
 * from locache_get(); with locache_options.stale, *flight is set, too: NULL, or
 * the caller's, where *value is stale and nobody else computes it anew: it is
 * ended as after MISS, and nobody waits for it. MISS: *flight is the caller's,
 * who computes and ends it with one locache_commit() or locache_abandon();
 * error->status as from locache_get(). PENDING: somebody else, a thread or a
 * process, computes it
 * still after locache_options.wait: ask again, or compute without a flight.
 * Neither out is touched but as said. Failures: EINVAL (not a key), ENOMEM.
 * Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_begin(locache_value **value, locache_flight **flight, locache *cache,
              const void *key, size_t key_size, locache_error *error);

/* A request for a result, with all that can be said of it; zeros are what
 * locache_begin() does. It stays where it is while it is asked for. */
typedef struct locache_request {
    size_t size; /* sizeof(locache_request) */
    const void *key;
    size_t key_size;
    /* as locache_options.wait, and 0: what that says */
    int64_t wait;
    /* The flight that the caller computes; NULL: the one that this thread began
     * last and has not ended. */
    locache_flight *within;
    /* The flight that is given is a task's, which may move between threads or
     * take turns with others on one: it is not the thread's. */
    bool detached;
    /* The result is to be computed anew: what is stored does not count, but
     * what another thread of this process stores meanwhile; other processes are
     * not waited for, and wait where the turn can be had. */
    bool fresh;
    /* monotonic nanoseconds at which it was asked for first; set by the library
     * where it is 0 */
    int64_t since;
    /* From here on the library's own. */
    int64_t seen;
    int64_t looked;
    int64_t from;
    uint32_t asked;
    locache_flight *waits;
    /* The caller's again. What was stored before this moment (nanoseconds since
     * 1970-01-01 UTC) does not count, as if it had expired; who computes it
     * anew is waited for. 0: all that is stored counts. */
    int64_t newer_than;
    /* A flight that is given beside a stale result is computed by another
     * thread or a task, and not by this thread: as of `detached`. The caller
     * does not wait for it: it is not within anything. A thread that computes
     * it says so with locache_adopt(). */
    bool behind;
} locache_request;

/* The same as locache_begin(). After PENDING it may be asked again with the
 * same request, or is given up with locache_give_up(): until then whoever
 * computes `within` counts as waiting. Any thread, one at a time for each
 * request. */
LOCACHE_API LOCACHE_CHECK locache_status locache_ask(locache_value **value,
                                                     locache_flight **flight,
                                                     locache *cache,
                                                     locache_request *request,
                                                     locache_error *error);
/* NULL is allowed, and so is a request that was answered. */
LOCACHE_API void locache_give_up(locache_request *request);

/* Store the result and let those who wait have it. The flight is gone whatever
 * is returned, which is what locache_put() returns. Where that is a failure
 * (a record of NULL, which is EINVAL, says that the result cannot be stored),
 * those who wait in this process compute at once, all of them. Any thread, not
 * only the one that began. */
LOCACHE_API LOCACHE_CHECK locache_status locache_commit(
    locache_flight *flight, const locache_record *record, locache_error *error);
/* Nothing is stored, and the next who waits computes. NULL is allowed. Any
 * thread, not only the one that began. */
LOCACHE_API void locache_abandon(locache_flight *flight);
/* This thread computes the flight from here on: what it begins next is within
 * it, as if it had begun the flight itself, so that a computation that would
 * wait for itself is known as one. For a flight that another thread began, or
 * that was given beside a stale result (`behind`); before the computation, and
 * not while another thread goes on with it. NULL is allowed. Any thread. */
LOCACHE_API void locache_adopt(locache_flight *flight);

/* Forget one result. OK, or MISS where there was none. Failures: EINVAL (not a
 * key), EIO, EUNTRUSTED, ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_remove(locache *cache,
                                                        const void *key,
                                                        size_t key_size,
                                                        locache_error *error);
/* Forget every result of the function, those of its earlier versions too. OK,
 * also where there were none; EIO, EUNTRUSTED, EBUSY, ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_reset(locache *cache,
                                                       locache_error *error);
/* How many entries the current version holds. Reads the directory. OK; EIO,
 * EUNTRUSTED, ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_count(uint64_t *out,
                                                       locache *cache,
                                                       locache_error *error);
/* The same, and of how many bytes their files are, all together. Asks for each
 * file. OK; EIO, EUNTRUSTED, ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_measure(uint64_t *count,
                                                         uint64_t *bytes,
                                                         locache *cache,
                                                         locache_error *error);
/* Call fn with each entry's file name, in no order; it returns false to stop.
 * fn may remove entries. OK, also where it was stopped; EIO, EUNTRUSTED,
 * ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_iterate(locache *cache, bool (*fn)(void *context, const char *name),
                void *context, locache_error *error);
/* An entry, as its header says; lives for the call that it is given to. */
typedef struct locache_listed {
    size_t size;          /* sizeof(locache_listed), set by the library */
    const char *name;     /* of its file: the call, as "x=1_num=3" */
    uint64_t file_size;   /* bytes */
    int64_t created;      /* nanoseconds since 1970-01-01 UTC */
    int64_t compute_time; /* nanoseconds */
    /* The call's key; of one of LOCACHE_KEY_LONG bytes or more, its digest, a
     * byte string under a tag in place of an array. */
    const void *key;
    size_t key_size;
} locache_listed;

/* Call fn with each entry that could be given, as far as its header and its key
 * say, in no order; it returns false to stop. Nothing else of a file is read,
 * so that an entry whose content is damaged, or that carries a MAC of another's
 * key, is listed; what is no entry of the function's present version is not.
 * fn may remove entries. OK, also where it was stopped; EIO, EUNTRUSTED,
 * ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_list(
    locache *cache, bool (*fn)(void *context, const locache_listed *entry),
    void *context, locache_error *error);
/* Forget every result in a cache directory (an absolute path), of all functions
 * and their earlier versions. What locache did not make stays, and so do the
 * directories. OK, also where there is no such directory; EINVAL, EIO,
 * EUNTRUSTED, EBUSY, ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_clear(const char *dir,
                                                       locache_error *error);
/* The absolute path of a key's entry, whether it is there or not. OK; EINVAL:
 * not a key. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_path(char out[LOCACHE_PATH_MAX], locache *cache, const void *key,
             size_t key_size, locache_error *error);

/* The absolute path of the file that a value of that key was read from, which
 * may be a base's. OK; EINVAL: not a key, or a value of another handle. Any
 * thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_value_path(
    char out[LOCACHE_PATH_MAX], const locache_value *value, locache *cache,
    const void *key, size_t key_size, locache_error *error);

/* What happened through one handle since it was opened, as its events say. */
typedef struct locache_statistics {
    size_t size;   /* sizeof(locache_statistics), set by the caller */
    uint64_t hits; /* looked up and given */
    /* not there, or there and not to be used (expired, of another version) */
    uint64_t misses;
    uint64_t rejects; /* there, but not valid */
    uint64_t stores;
    uint64_t removals; /* by locache_remove() */
    uint64_t resets;
    /* nanoseconds: what the results that were stored took to compute
     * (locache_record.compute_time), and what those took that were given */
    uint64_t compute_time;
    uint64_t saved_time;
    /* of entries' files: of results that were read, and of those stored */
    uint64_t bytes_read;
    uint64_t bytes_stored;
    uint64_t
        base_hits; /* of the hits: read from a base (locache_options.base) */
    /* 1: bounds evict what was stored or used a moment ago, and did so with as
     * many results as there are: they are too small for what is asked for */
    uint64_t thrashing;
} locache_statistics;

/* Into *out, as much of it as out->size says. Reads no file; exact where no
 * other thread is busy. OK; EINVAL: a size too small for `hits`. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_info(locache_statistics *out,
                                                      const locache *cache);
/* locache_get() gave this value, or gave none (NULL), being a MISS with an
 * error of OK: it was looked at only, and counts as no use of the cache. Any
 * thread. */
LOCACHE_API void locache_uncount(locache *cache, const locache_value *value);
/* What processes counted, all together: locache_total(), in locache/inspect.h.
 */
/* The function's name and the absolute path of its directory, as long as the
 * handle is open. Any thread. */
LOCACHE_API const char *locache_function(const locache *cache);
LOCACHE_API const char *locache_directory(const locache *cache);

/* ------------------------------------------------------------ a result's value
 *
 * What the functions below point to belongs to the value, and goes with it.
 * They change nothing: any thread, several at once for one value, but for
 * locache_value_free(). */

LOCACHE_API locache_codec locache_value_codec(const locache_value *value);
/* The body as it is: CBOR, a pickle, or raw bytes; aligned or not, so that
 * structs are to be copied out. */
LOCACHE_API const void *locache_value_body(size_t *size,
                                           const locache_value *value);
LOCACHE_API size_t locache_value_buffer_count(const locache_value *value);
/* The nth buffer, 64-byte aligned, the caller's to write to, and its size; NULL
 * and 0 where n is out of range. */
LOCACHE_API void *locache_value_buffer(size_t *size, const locache_value *value,
                                       size_t n);
/* Nanoseconds since 1970-01-01 UTC at which it was stored; nanoseconds that it
 * took to compute. */
LOCACHE_API int64_t locache_value_created(const locache_value *value);
LOCACHE_API int64_t locache_value_compute_time(const locache_value *value);
/* Bytes of the file that it was read from: about what it takes in memory. */
LOCACHE_API size_t locache_value_size(const locache_value *value);
/* Was it read from a base (locache_options.base)? */
LOCACHE_API bool locache_value_from_base(const locache_value *value);
/* Is it past its end, and given all the same (locache_options.stale)? */
LOCACHE_API bool locache_value_stale(const locache_value *value);
/* Are its buffers a mapping of the file? */
LOCACHE_API bool locache_value_mapped(const locache_value *value);
/* For locache_remember(). */
LOCACHE_API void locache_value_stamp(locache_stamp *out,
                                     const locache_value *value);
/* Another holder of the same value, buffers and all: each ends with
 * locache_value_free(). Any thread. */
LOCACHE_API void locache_value_retain(locache_value *value);
/* Another value with bytes of its own. OK or ENOMEM. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_value_copy(locache_value **out, const locache_value *value);
/* NULL is allowed. Any thread; the last holder's frees it. */
LOCACHE_API void locache_value_free(locache_value *value);

/* Typed readers, of a body that is CBOR and one value of that type. OK; ETYPE:
 * it is of another type, or its codec is another; ELIMIT: it is of that type,
 * but outside of the range of *out; ECORRUPT: it is not what docs/format.md
 * says. Outs are untouched but on OK. Nothing is converted: 3 is no real, 3.0
 * no integer, 1 no bool. NumPy's scalars are read as the numbers that they
 * are. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_value_int(int64_t *out, const locache_value *value);
LOCACHE_API LOCACHE_CHECK locache_status
locache_value_uint(uint64_t *out, const locache_value *value);
LOCACHE_API LOCACHE_CHECK locache_status
locache_value_real(double *out, const locache_value *value);
LOCACHE_API LOCACHE_CHECK locache_status
locache_value_bool(bool *out, const locache_value *value);
/* OK where it is null (None). */
LOCACHE_API LOCACHE_CHECK locache_status
locache_value_null(const locache_value *value);
/* UTF-8 without a NUL at its end, though it may have some within; in the body
 * or out of line. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_value_text(const char **out, size_t *size, const locache_value *value);
LOCACHE_API LOCACHE_CHECK locache_status
locache_value_bytes(const void **out, size_t *size, const locache_value *value);
/* Numbers of the types in locache_element; arrays of other elements are
 * ETYPE. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_value_ndarray(locache_ndarray *out, const locache_value *value);
/* What has parts is read with locache_value_reader(), of locache/cbor.h. */

/* ---------------------------------------------------------------------- log */

typedef enum locache_event_kind {
    LOCACHE_EVENT_HIT = 1,
    LOCACHE_EVENT_MISS = 2,
    LOCACHE_EVENT_STORE = 3,
    LOCACHE_EVENT_REMOVE = 4,
    LOCACHE_EVENT_RESET = 5,
    /* the source changed: the results so far went to .versions/ */
    LOCACHE_EVENT_INVALIDATE = 6,
    /* an earlier source came back, and its results with it */
    LOCACHE_EVENT_RESTORE = 7,
    /* an entry or an earlier version was removed by a limit */
    LOCACHE_EVENT_EVICT = 8,
    LOCACHE_EVENT_REJECT = 9, /* an entry was there but was not valid */
    /* somebody else computes the result for some seconds already: the detail
     * says who, and since when */
    LOCACHE_EVENT_WAIT = 10,
    /* somebody said that the source means the same as the one before */
    LOCACHE_EVENT_KEEP = 11
} locache_event_kind;

typedef struct locache_event {
    size_t size;          /* sizeof(locache_event), set by the library */
    uint32_t kind;        /* a locache_event_kind */
    const char *function; /* qualified name */
    const char *path;     /* the entry or the directory */
    const char *detail;   /* why, or "" */
} locache_event;

/* Call fn(context, event) at every event from now on, on the thread where it
 * happens, with no lock held; NULL stops it. One receiver per process. Costs
 * nothing while there is none. The event lives for the call only. A call that
 * began before is not waited for. Any thread. */
LOCACHE_API void locache_set_log(void (*fn)(void *context,
                                            const locache_event *event),
                                 void *context);

/* Call fn(context, message) with each line that the user of the program should
 * see, on the thread where it arises, instead of printing it on stderr; NULL:
 * print again. Nothing is printed where descriptor 2 is another file than it
 * was when the library was loaded, but for a terminal, a pipe and a file that
 * was opened for appending: a program may have closed it and opened its data.
 * One receiver per process; the message lives for the call only. Any thread. */
LOCACHE_API void
locache_set_warn(void (*fn)(void *context, const char *message), void *context);

/* Free what the library holds for all memoized functions; they go on, and what
 * locache_set_dir() said is forgotten. Happens by itself when the program ends
 * or the library is unloaded. One thread, when no other is in a first call. */
LOCACHE_API void locache_shutdown(void);

/* Print every event on stderr, and locache_summary() when this process ends, or
 * stop it: takes locache_set_log() for itself. Children of fork() print no
 * summary. Any thread. */
LOCACHE_API void locache_verbose(bool on);

#ifdef __cplusplus
}
#endif

#include "locache/cbor.h"
#include "locache/inspect.h"
#include "locache/persist.h"

#endif
