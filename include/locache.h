/* locache: persistent memoization.
 *
 * An expensive, pure call is computed once; its result is kept as one readable
 * file and served from then on.
 *
 * CALLING SEQUENCE
 *
 *     locache *cache;
 *     locache_error error;
 *     locache_options options = {.size = sizeof options,
 *                                .function = "my_func",
 *                                .identity = identity};
 *     locache_open(&cache, "foo.cache", &options, &error);
 *
 *     locache_writer key;
 *     unsigned char room[256];
 *     locache_writer_init(&key, room, sizeof room);
 *     locache_key_begin(&key, 1);
 *     locache_key_name(&key, "x", 1);
 *     locache_write_int(&key, 1);
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
 *     locache_writer_clear(&key);
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
 * - A put does not look into a body. One that says LOCACHE_CBOR and is not is
 *   found out by its reader, as LOCACHE_ECORRUPT.
 * - LOCACHE_RAW bytes are what they were where they were made: byte order,
 *   sizes and padding of structs are the program's business, also where a cache
 *   is copied to another machine.
 * - What is read is sound and one's own, but may have been made by another
 *   program: check what the types do not, such as ranges.
 * - LOCACHE_MISS is no failure. Its error says LOCACHE_OK where simply nothing
 *   was there.
 * - A writer's `data` moves while it grows, and is gone with
 *   locache_writer_clear(): keep offsets.
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
    locache_status status;
    /* errno of the failed system call, or 0 */
    int os_error;
    /* UTF-8, what, where and the remedy, NUL-terminated */
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
 * by several threads at once. False where there is no memory for four; out is
 * untouched then. Any thread. */
LOCACHE_API LOCACHE_CHECK bool locache_digest_parts(
    unsigned char out[LOCACHE_DIGEST_SIZE], size_t size,
    void (*fill)(void *context, void *out, size_t offset, size_t size),
    void *context);

/* ----------------------------------------------------- writing CBOR (RFC 8949)
 *
 * A writer appends data items to a growing buffer in deterministic encoding
 * (RFC 8949, 4.2): shortest heads, definite lengths, shortest floats that keep
 * the value. It keeps the first failure and ignores what comes after it, so
 * that only locache_writer_status() need be asked, once, at the end. The fields
 * are for reading. Any thread, one at a time for each writer: so is every
 * function of this section, and those for keys and arrays that have a
 * writer. */

typedef struct locache_writer {
    unsigned char *data; /* the bytes so far */
    size_t length;       /* how many */
    size_t capacity;
    bool owned; /* data is on the heap */
    locache_status status;
} locache_writer;

/* Start with the caller's room (may be NULL, 0), which must outlive the writer;
 * the heap is used when it is outgrown. */
LOCACHE_API void locache_writer_init(locache_writer *writer, void *room,
                                     size_t room_size);
/* Free what the writer owns. It may be initialised again. */
LOCACHE_API void locache_writer_clear(locache_writer *writer);
/* Forget the bytes and the failure, keep the memory. */
LOCACHE_API void locache_writer_reset(locache_writer *writer);
/* LOCACHE_OK, or the first failure: LOCACHE_ENOMEM, LOCACHE_EINVAL (text that
 * is not UTF-8, duplicates), LOCACHE_ELIMIT (locache_write_sorted() of items
 * that are too deep). What was written before it stays. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_writer_status(const locache_writer *writer);

LOCACHE_API void locache_write_int(locache_writer *writer, int64_t value);
LOCACHE_API void locache_write_uint(locache_writer *writer, uint64_t value);
/* An integer of any size: magnitude is big-endian, leading zeros allowed. What
 * fits a CBOR integer becomes one, what does not becomes tag 2 or 3 (RFC 8949,
 * 3.4.3). */
LOCACHE_API void locache_write_bigint(locache_writer *writer, bool negative,
                                      const void *magnitude, size_t size);
LOCACHE_API void locache_write_real(locache_writer *writer, double value);
LOCACHE_API void locache_write_bool(locache_writer *writer, bool value);
LOCACHE_API void locache_write_null(locache_writer *writer);
LOCACHE_API void locache_write_bytes(locache_writer *writer, const void *data,
                                     size_t size);
/* size bytes of UTF-8, verified. */
LOCACHE_API void locache_write_text(locache_writer *writer, const char *text,
                                    size_t size);
/* The head of an array of count items, of a map of count pairs, or a tag: the
 * content follows. */
LOCACHE_API void locache_write_array(locache_writer *writer, uint64_t count);
LOCACHE_API void locache_write_map(locache_writer *writer, uint64_t count);
LOCACHE_API void locache_write_tag(locache_writer *writer, uint64_t tag);
/* Bytes that are CBOR already and not the writer's own; not checked. */
LOCACHE_API void locache_write_raw(locache_writer *writer, const void *data,
                                   size_t size);
/* Put what was written since offset `start` into bytewise order: groups of
 * `per_group` items, ordered by the encoding of each group's first item (1 for
 * the members of a set, 2 for the pairs of a map). Two groups with the same
 * first item, a last group that is not whole, and bytes that are not CBOR are
 * LOCACHE_EINVAL; items deeper than LOCACHE_DEPTH_MAX are LOCACHE_ELIMIT. O(n
 * log n), and allocates while it sorts, unless all is in order already. */
LOCACHE_API void locache_write_sorted(locache_writer *writer, size_t start,
                                      unsigned per_group);

/* ---------------------------------------------------------------- reading CBOR
 *
 * A reader pulls items from bytes that it does not own. It is strict: what a
 * writer would not have written (longer heads or floats than needed, bignums
 * that fit an integer or begin with zeros, indefinite lengths, reserved values,
 * text that is not UTF-8, trailing bytes at locache_reader_end()) is
 * LOCACHE_ECORRUPT. It allocates nothing. A count that it returns is never more
 * than the bytes that remain, so that a caller may allocate by it. Any thread,
 * one at a time for each reader. */

typedef struct locache_reader {
    const unsigned char *at;  /* the next item */
    const unsigned char *end; /* one past the last byte */
} locache_reader;

typedef enum locache_kind {
    LOCACHE_UINT = 0,     /* number */
    LOCACHE_NEGATIVE = 1, /* the value is -1 - number */
    LOCACHE_BYTES = 2,    /* data, size */
    LOCACHE_TEXT = 3,     /* data, size: UTF-8 */
    LOCACHE_ARRAY = 4,    /* number of items, which follow */
    LOCACHE_MAP = 5,      /* number of pairs, which follow */
    LOCACHE_TAG = 6,      /* number; the content follows */
    LOCACHE_FALSE = 20,
    LOCACHE_TRUE = 21,
    LOCACHE_NULL = 22,
    LOCACHE_REAL = 27 /* real, bit for bit: NaNs keep their payload */
} locache_kind;

typedef struct locache_item {
    locache_kind kind;
    uint64_t number;
    double real;
    const unsigned char *data;
    size_t size;
} locache_item;

LOCACHE_API void locache_reader_init(locache_reader *reader, const void *data,
                                     size_t size);
/* The next item's head, and all of it where it is a string. OK, END (nothing is
 * left) or ECORRUPT; out is untouched but on OK, and the reader stays where it
 * was. */
LOCACHE_API LOCACHE_CHECK locache_status locache_read(locache_item *out,
                                                      locache_reader *reader);
/* Pass over one whole item. OK, END (nothing is left), ECORRUPT, or ELIMIT
 * where an item is within more than LOCACHE_DEPTH_MAX arrays, maps and tags;
 * the reader stays where it was but on OK. */
LOCACHE_API LOCACHE_CHECK locache_status locache_skip(locache_reader *reader);
/* OK where nothing is left, else ECORRUPT. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_reader_end(const locache_reader *reader);

/* nesting that a reader follows: half of CPython's recursion limit of 1,000 */
#define LOCACHE_DEPTH_MAX 500

/* Tags. The first group is registered with IANA; those from 49600 on are
 * locache's own (docs/format.md). */
enum {
    LOCACHE_TAG_DATETIME = 0,   /* text, RFC 3339 */
    LOCACHE_TAG_BIGNUM = 2,     /* bytes */
    LOCACHE_TAG_BIGNUM_NEG = 3, /* bytes */
    LOCACHE_TAG_DECIMAL = 4,    /* [exponent, mantissa] */
    LOCACHE_TAG_SHARED = 28,    /* the content may be referred to */
    /* unsigned: the nth SHARED, counted from 0 in order of their tags */
    LOCACHE_TAG_REFERENCE = 29,
    LOCACHE_TAG_RATIONAL = 30, /* [numerator, denominator] */
    LOCACHE_TAG_UUID = 37,     /* 16 bytes */
    /* [[extents], typed array], row-major (RFC 8746) */
    LOCACHE_TAG_NDARRAY = 40,
    LOCACHE_TAG_TYPED_FIRST = 64, /* typed arrays (RFC 8746): 64 to 87 */
    LOCACHE_TAG_TYPED_LAST = 87,
    LOCACHE_TAG_SET = 258,        /* array */
    LOCACHE_TAG_DATE = 1004,      /* text, YYYY-MM-DD (RFC 8943) */
    LOCACHE_TAG_NDARRAY_F = 1040, /* as 40, column-major */
    LOCACHE_TAG_COMPLEX = 43000,  /* [real, imaginary] */

    LOCACHE_TAG_TUPLE = 49600,     /* array */
    LOCACHE_TAG_FROZENSET = 49601, /* array */
    LOCACHE_TAG_BYTEARRAY = 49602, /* bytes */
    /* bytes: UTF-8 that holds lone surrogates (WTF-8) */
    LOCACHE_TAG_SURROGATES = 49603,
    /* text: a date and time without a zone, as RFC 3339 without its offset */
    LOCACHE_TAG_LOCALTIME = 49604,
    /* text: HH:MM:SS[.ffffff] without a zone */
    LOCACHE_TAG_TIME = 49605,
    LOCACHE_TAG_DURATION = 49606, /* [days, seconds, microseconds] */
    /* text: a decimal that tag 4 has no form for (NaN, Infinity, -0) */
    LOCACHE_TAG_DECIMAL_TEXT = 49607,
    /* unsigned n: stands for a byte string, the entry's nth out-of-line
     * buffer */
    LOCACHE_TAG_BUFFER = 49608,
    /* [size, 32 bytes]: stands for a long byte string in a key
     * (locache_digest) */
    LOCACHE_TAG_DIGEST = 49609,
    /* [NumPy type string, [extents], "C" or "F", bytes]: element types that
     * RFC 8746 lacks */
    LOCACHE_TAG_ARRAY = 49610,
    LOCACHE_TAG_SCALAR = 49611,  /* [NumPy type string, bytes] */
    LOCACHE_TAG_PYARRAY = 49612, /* [array.array type code, bytes] */
    /* In keys only: */
    /* [class or function, [arguments], state, ...]: by its reduction */
    LOCACHE_TAG_OBJECT = 49613,
    LOCACHE_TAG_GLOBAL = 49614, /* text "module:qualified.name" */
    /* ["module:qualified.name", digest of its code, [captured values],
     * [defaults]] */
    LOCACHE_TAG_FUNCTION = 49615,
    /* unsigned n: the nth object of the cycle (TAG_CYCLE) that this one is
     * part of */
    LOCACHE_TAG_ANCESTOR = 49616,
    /* [class, what its __locache_key__ returned] */
    LOCACHE_TAG_CUSTOM = 49617,
    /* null: the parameter's own default object */
    LOCACHE_TAG_DEFAULT = 49618,
    LOCACHE_TAG_PATH = 49619, /* [class, text] */
    /* [class, format, [extents], bytes]: anything with the buffer protocol */
    LOCACHE_TAG_VIEW = 49620,
    /* [size, 32 bytes]: stands for a long text in a key, of its UTF-8 */
    LOCACHE_TAG_TEXT_DIGEST = 49621,
    /* [size, 32 bytes]: stands for a part of a key, an item of that size */
    LOCACHE_TAG_PART = 49622,
    /* array: objects that refer to each other in a circle */
    LOCACHE_TAG_CYCLE = 49623,
    /* [n, cycle]: the nth object of a cycle */
    LOCACHE_TAG_MEMBER = 49624,
    /* an array (TAG_NDARRAY, TAG_NDARRAY_F, TAG_ARRAY) that must not be written
     * to; in results only */
    LOCACHE_TAG_READONLY = 49625,
    /* [text "module:qualified.name", 16 bytes]: a class, and what it does */
    LOCACHE_TAG_CLASS = 49626,
    /* unsigned n: stands for a text, whose UTF-8 is the entry's nth out-of-line
     * buffer; in results only */
    LOCACHE_TAG_TEXT_BUFFER = 49627
};

/* ----------------------------------------------------------- arrays of numbers
 *
 * What NumPy calls an ndarray, in memory of the caller's: RFC 8746's typed
 * arrays, within an array of several dimensions. */

#define LOCACHE_DIMENSIONS_MAX 64 /* as NumPy has it */

/* Values are pinned: RFC 8746's tags, those of big-endian elements. */
typedef enum locache_element {
    LOCACHE_UINT8 = 64,
    LOCACHE_UINT16 = 65,
    LOCACHE_UINT32 = 66,
    LOCACHE_UINT64 = 67,
    LOCACHE_INT8 = 72,
    LOCACHE_INT16 = 73,
    LOCACHE_INT32 = 74,
    LOCACHE_INT64 = 75,
    LOCACHE_FLOAT16 = 80,
    LOCACHE_FLOAT32 = 81,
    LOCACHE_FLOAT64 = 82
} locache_element;

typedef struct locache_ndarray {
    locache_element type;
    /* elements are in the byte order that this machine does not have */
    bool swapped;
    bool column_major; /* the first index varies fastest */
    unsigned dimensions;
    uint64_t extents[LOCACHE_DIMENSIONS_MAX];
    const void *data; /* size bytes, aligned or not */
    size_t size;      /* bytes of all elements: what type and extents say */
} locache_ndarray;

/* Bytes of one element; 0 where there is no such type. Any thread. */
LOCACHE_API size_t locache_element_size(locache_element type);
/* Copy the elements to out, which has room for array->size bytes, in this
 * machine's byte order. Any thread. */
LOCACHE_API void locache_ndarray_copy(void *out, const locache_ndarray *array);

/* Write a whole array, its elements with it. An array whose type, dimensions
 * and size do not fit each other is LOCACHE_EINVAL. */
LOCACHE_API void locache_write_ndarray(locache_writer *writer,
                                       const locache_ndarray *array);
/* The same with the elements left to the record's nth buffer
 * (locache_record.buffers), which is how a large one is read back without a
 * copy. `data` is not looked at. */
LOCACHE_API void locache_write_ndarray_apart(locache_writer *writer,
                                             const locache_ndarray *array,
                                             uint64_t n);

/* ------------------------------------------------------------------------ keys
 *
 * A key is one CBOR array that alternates labels and values, in the order of
 * the signature: a label is the parameter's name (text), or the position of an
 * argument that has no name (unsigned). Equal calls have equal key bytes. */

/* bytes of an entry's file name: eCryptfs, the strictest in use, allows 143 */
#define LOCACHE_NAME_MAX 140

/* Begin a key of `count` arguments; for each follow one label and one value. */
LOCACHE_API void locache_key_begin(locache_writer *key, uint64_t count);
LOCACHE_API void locache_key_name(locache_writer *key, const char *name,
                                  size_t size);
LOCACHE_API void locache_key_index(locache_writer *key, uint64_t position);
/* Values that may be long. Those of LOCACHE_KEY_LONG bytes and more are
 * represented by their digest, as keys must have it (docs/format.md); all other
 * values are written with locache_write_...(). */
#define LOCACHE_KEY_LONG 4096 /* a page: below, a digest saves nothing */
LOCACHE_API void locache_key_bytes(locache_writer *key, const void *data,
                                   size_t size);
/* UTF-8, verified: else LOCACHE_EINVAL. */
LOCACHE_API void locache_key_text(locache_writer *key, const char *text,
                                  size_t size);
/* Row-major: a key does not tell arrays apart by their order in memory, and
 * another order is LOCACHE_EINVAL. */
LOCACHE_API void locache_key_ndarray(locache_writer *key,
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
 * a file that does not exist, in a directory that does. Creates nothing. Any
 * thread, while none changes the environment. OK, EINVAL (relative source, a
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
 * the same text. It never needs a source. Any thread. */
LOCACHE_API void locache_identity_explicit(locache_identity *out,
                                           const char *text);

enum {
    LOCACHE_KEEP = 1, /* a changed source does not invalidate */
    /* put() returns when the entry would survive a power cut (fsync) */
    LOCACHE_DURABLE = 2,
    /* entries with codec LOCACHE_PICKLE are neither read nor written */
    LOCACHE_NO_PICKLE = 4,
    /* large results are read into memory, not mapped (see locache_value) */
    LOCACHE_UNMAPPED = 8,
    /* What is there is read, and nothing on disk changes: no version is moved
     * or restored, no use is noted; put() is EINVAL. What forgets or resets
     * results still does. */
    LOCACHE_READ_ONLY = 16
};

/* What a function is where other things are left out of its identity: what it
 * was found to change by running, which is its state and makes no result
 * another (locache_amend()). The tag is that of the identity itself. */
typedef struct locache_alternative {
    /* words that say what is left out, as locache_each_version() has them */
    const char *state;
    locache_identity identity;
} locache_alternative;

/* Bytes at most of what a version keeps for people: locache_options.note. */
#define LOCACHE_NOTE_MAX ((size_t)64 << 10)

/* How many of a function's results a process keeps in memory, where the options
 * say 0; and how many bytes of those of all functions together, where
 * locache_set_memory() says nothing else. */
#define LOCACHE_MEMORY_ENTRIES 32768
#define LOCACHE_MEMORY_BYTES ((int64_t)64 << 20)

/* Here and in locache_record: `size` says which version of the struct a program
 * was compiled with. A shorter one is filled up with zeros, which always mean
 * the default; a longer one is taken where what goes beyond is zero. */
typedef struct locache_options {
    size_t size;          /* sizeof(locache_options) */
    const char *function; /* qualified name, UTF-8 */
    locache_identity identity;
    unsigned flags;
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
    const locache_alternative *alternatives;
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
    size_t size; /* sizeof(locache_version_info) */
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
    LOCACHE_CBOR = 1,   /* data only */
    LOCACHE_PICKLE = 2, /* can run code when read: needs the MAC */
    LOCACHE_RAW = 3     /* bytes as they are: C structs, command output */
} locache_codec;

typedef struct locache_buffer {
    /* in a record: only read; from a value: 64-byte aligned, the caller's to
     * write to, gone with the value */
    void *data;
    size_t size;
} locache_buffer;

/* Which file, in which state, a result was read from or written to, and what is
 * counted when it is given. Opaque. */
typedef struct locache_stamp {
    int64_t words[9];
} locache_stamp;

/* A result to store. */
typedef struct locache_record {
    size_t size; /* sizeof(locache_record) */
    locache_codec codec;
    const void *body;
    size_t body_size;
    /* out of line; may be NULL where buffer_count is 0 */
    const locache_buffer *buffers;
    size_t buffer_count;
    int64_t compute_time; /* nanoseconds that the computation took */
    int64_t expires;      /* nanoseconds since 1970-01-01 UTC; 0: never */
    /* where not NULL: set to the stamp of what was stored */
    locache_stamp *stamp;
} locache_record;

/* A result as read: owns its bytes. One with buffers whose file has
 * LOCACHE_MAP_FROM bytes or more is a private mapping of the file: loaded as it
 * is touched, and its buffers are the caller's to write to, which changes
 * neither the file nor another value. Where somebody truncates that file, which
 * locache never does, touching what was cut off is SIGBUS; LOCACHE_UNMAPPED
 * avoids it. */
typedef struct locache_value locache_value;
/* below, reading is faster than mapping */
#define LOCACHE_MAP_FROM ((size_t)256 << 10)

/* Look a key up. OK: *out is the caller's, free it with locache_value_free().
 * MISS: *out is untouched; error->status is LOCACHE_OK where no entry was
 * there, or a sound one that does not count (error->message says why: expired,
 * of another version of the function, a pickle under LOCACHE_NO_PICKLE; it is
 * empty where none was there), else why it was not valid (ECORRUPT, EUNTRUSTED,
 * EFORMAT, EIO, ELIMIT): a put replaces it, but for EFORMAT. Failures: EINVAL
 * (not a key), ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_get(locache_value **out,
                                                     locache *cache,
                                                     const void *key,
                                                     size_t key_size,
                                                     locache_error *error);
/* Store a result: whole or not at all, under a temporary name first. OK; EINVAL
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
 * and with max_entries, nothing is kept in memory.
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
 * from locache_get(). MISS: *flight is the caller's, who computes and ends it
 * with one locache_commit() or locache_abandon(); error->status as from
 * locache_get(). PENDING: somebody else, a thread or a process, computes it
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
    unsigned asked;
    locache_flight *waits;
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
/* Call fn with each entry's file name, in no order; it returns false to stop.
 * fn may remove entries. OK, also where it was stopped; EIO, EUNTRUSTED,
 * ENOMEM. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_iterate(locache *cache, bool (*fn)(void *context, const char *name),
                void *context, locache_error *error);
/* An entry, as its header says; lives for the call that it is given to. */
typedef struct locache_listed {
    const char *name;     /* of its file: the call, as "x=1_num=3" */
    uint64_t size;        /* bytes of the file */
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
} locache_statistics;

/* Into *out, as much of it as out->size says. Reads no file; exact where no
 * other thread is busy. OK; EINVAL: a size too small for `hits`. Any thread. */
LOCACHE_API LOCACHE_CHECK locache_status locache_info(locache_statistics *out,
                                                      const locache *cache);
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
LOCACHE_API const void *locache_value_body(const locache_value *value,
                                           size_t *size);
LOCACHE_API size_t locache_value_buffer_count(const locache_value *value);
/* The nth buffer; its data is NULL where n is out of range. */
LOCACHE_API locache_buffer locache_value_buffer(const locache_value *value,
                                                size_t n);
/* Nanoseconds since 1970-01-01 UTC at which it was stored; nanoseconds that it
 * took to compute. */
LOCACHE_API int64_t locache_value_created(const locache_value *value);
LOCACHE_API int64_t locache_value_compute_time(const locache_value *value);
/* Bytes of the file that it was read from: about what it takes in memory. */
LOCACHE_API size_t locache_value_size(const locache_value *value);
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
/* Of any type: a reader over the body, for what has parts. Where it meets
 * LOCACHE_TAG_BUFFER n or LOCACHE_TAG_TEXT_BUFFER n, the bytes are
 * locache_value_buffer(value, n); that those of a text are UTF-8 is not
 * checked. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_value_reader(locache_reader *out, const locache_value *value);

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
    locache_event_kind kind;
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

/* ------------------------------------------------------ memoizing a C function
 *
 *     LOCACHE_PERSIST(double, integrate,
 *                     (int, n), (double, tol), (const char *, rule))
 *     {
 *         ... an ordinary body ...
 *     }
 *
 * defines `double integrate(int n, double tol, const char *rule)`: its body
 * runs once for each call that differs, and the result is kept in
 * <source>.cache/integrate/ beside the source. `static` may stand before it,
 * and prototypes anywhere. None to sixteen parameters. Memoized functions may
 * be called by any thread, at any time, and may call themselves.
 *
 * Parameters: numbers, bool, enums, strings (char * or const char *, by their
 * text; NULL is a value of its own), locache_array(double), and structs listed
 * with LOCACHE_STRUCT. Results: numbers, bool, enums, char *, listed structs. A
 * string that a memoized function returns was allocated with malloc(), in its
 * body and by locache alike: it is the caller's to free.
 *
 * Whatever goes wrong with the cache, the body runs and its result is returned;
 * the first time for each function, a line says what and why, on stderr or
 * where locache_set_warn() says.
 *
 * Results hold for one text of the function. The text of the source is put into
 * the program when it is compiled, and a change of the definition, other than
 * of its comments and layout, invalidates. What the definition only refers to
 * (macros, types, constants, other functions, -D options) is not seen. These
 * say more, before locache.h is included:
 *
 *     #define LOCACHE_WHOLE_FILE   any change of the source file, but for
 *                                  comments and layout, invalidates
 *     #define LOCACHE_NO_SOURCE    no text in the program, and no change
 *                                  invalidates but one of LOCACHE_VERSION
 *
 * and these after it, outside of functions and before those that they are for:
 *
 *     LOCACHE_VERSION("2");        another text invalidates the results of
 *                                  every memoized function of this file
 *     LOCACHE_SHARE("primes 1");   results are shared with every function of
 *                                  that name, in that cache directory, that
 *                                  says the same text: in another file or in
 *                                  Python (`version="primes 1"`). The source
 *                                  does not count then.
 *
 * Without LOCACHE_SHARE no two functions share results: the source file counts,
 * for a function from a header the file that includes it, and the types of the
 * result and of the parameters.
 *
 * A result that is NULL is not kept, since that is how C says that something
 * failed. For any other failure the body says LOCACHE_DISCARD(); and its result
 * is returned, but not kept.
 *
 * Threads and processes that call at the same time what is not there wait for
 * the one whose body runs. A body that is left by longjmp(), pthread_exit() or
 * pthread_cancel() is given up, and the next call runs it; after longjmp() that
 * is so at once with glibc, elsewhere when the thread calls a memoized function
 * again. A body ends on the thread where it began.
 *
 * Within a body, __func__ is "locache_body_integrate". */

/* Where functions that were not called yet keep their results: exactly this
 * directory (relative: to the working directory now), for all sources, and
 * before $LOCACHE_DIR; NULL: where they would otherwise. OK; EINVAL, ELIMIT,
 * ENOMEM, EIO. Any thread. */
LOCACHE_API locache_status locache_set_dir(const char *dir,
                                           locache_error *error);

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

/* Print every event on stderr, or stop it: takes locache_set_log() for itself.
 * Any thread. */
LOCACHE_API void locache_verbose(bool on);

/* Forget every result of a function that is memoized above in this file; a
 * failure is said on stderr too. Any thread. */
#define LOCACHE_RESET(function)                                                \
    locache_function_reset(&locache_function_of_##function)

#ifdef __cplusplus
#define LOCACHE_PERSIST(...)                                                   \
    static_assert(false, "locache: LOCACHE_PERSIST is for C; C++ can call a "  \
                         "function that a C file memoizes")
#else

/* It has no form for _Generic, and macros that make definitions. */
/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): most arguments are types and
 * names */

/* What a function takes as one argument: locache_array(double) v, with
 * v.data[0] to v.data[v.count - 1]. The call is
 * mean((locache_array(double)){values, count}). Its elements are part of the
 * call, as those of a NumPy array in one dimension are. Types: the names of one
 * word below. */
#define locache_array(type) struct locache_array_##type

#define LOCACHE_ARRAY_TYPES_(m)                                                \
    m(char, LOCACHE_CHAR_) m(short, LOCACHE_INT8)                              \
    m(int, LOCACHE_INT8) m(long, LOCACHE_INT8)                                 \
    m(unsigned, LOCACHE_UINT8) m(size_t, LOCACHE_UINT8)                        \
    m(int8_t, LOCACHE_INT8) m(int16_t, LOCACHE_INT8)                           \
    m(int32_t, LOCACHE_INT8) m(int64_t, LOCACHE_INT8)                          \
    m(uint8_t, LOCACHE_UINT8) m(uint16_t, LOCACHE_UINT8)                       \
    m(uint32_t, LOCACHE_UINT8) m(uint64_t, LOCACHE_UINT8)                      \
    m(float, LOCACHE_FLOAT16 - 1) m(double, LOCACHE_FLOAT16 - 1)
#define LOCACHE_CHAR_ ((char)-1 < 0 ? LOCACHE_INT8 : LOCACHE_UINT8)

#define LOCACHE_ARRAY_TYPE_(type, first)                                       \
    struct locache_array_##type {                                              \
        const type *data;                                                      \
        size_t count;                                                          \
    };
LOCACHE_ARRAY_TYPES_(LOCACHE_ARRAY_TYPE_)

/* From here to LOCACHE_STRUCT and LOCACHE_PERSIST is what these two are made
 * of. It is no interface, but what the library provides for it keeps its shape:
 * programs carry it. */

enum {
    LOCACHE_KIND_NONE = 0,
    LOCACHE_KIND_BOOL = 1,
    LOCACHE_KIND_INT = 2,
    LOCACHE_KIND_UINT = 3,
    LOCACHE_KIND_REAL = 4, /* float, double */
    LOCACHE_KIND_LONG_REAL = 5,
    LOCACHE_KIND_TEXT = 6,
    LOCACHE_KIND_CONST_TEXT = 7,
    LOCACHE_KIND_ARRAY = 256 /* plus a locache_element */
};

typedef struct locache_member {
    const char *name;
    unsigned kind;
    size_t offset;
    size_t size;  /* of one element */
    size_t count; /* of elements; 0: it is no array */
} locache_member;

typedef struct locache_layout {
    const char *name;
    size_t size;
    size_t count;
    const locache_member *members;
} locache_layout;

typedef struct locache_parameter {
    const char *name;
    unsigned kind;
    size_t size;
    const locache_layout *layout;
} locache_parameter;

/* What LOCACHE_VERSION or LOCACHE_SHARE says, and where. */
typedef struct locache_statement {
    const void *unit; /* one address for each translation unit */
    const char *file; /* __FILE__ */
    unsigned order;   /* grows within the unit */
    bool shared;
    const char *text;
} locache_statement;

typedef struct locache_function_record {
    size_t size; /* of this struct */
    const char *name;
    const char *file;      /* __FILE__ */
    const char *base_file; /* __BASE_FILE__, or __FILE__ */
    int line;
    bool whole_file;
    bool no_source; /* LOCACHE_NO_SOURCE was said */
    unsigned kind;  /* of the result */
    size_t result_size;
    const locache_layout *layout;
    const locache_parameter *parameters;
    size_t parameter_count;
    const void *unit; /* as of its statements */
    unsigned order;
    /* pointers to statements, from here to statements_end */
    const locache_statement *const *statements;
    const locache_statement *const *statements_end;
    const void *text; /* that #embed made, of text_file */
    size_t text_size;
    const char *text_file;
    /* what links functions to texts, from here to links_end: see
     * src/persist/text.h */
    const void *links;
    const void *links_end;
    void *_Atomic cache;
    /* when opening may be tried again, where it failed */
    int64_t _Atomic retry;
    /* calls that use `cache` now, and a bit: at its end */
    unsigned _Atomic users;
    _Atomic bool warned;
} locache_function_record;

typedef struct locache_call {
    locache_function_record *function;
    locache *cache;
    locache_flight *flight;
    int64_t began;
    bool discarded;
    void *left[4]; /* what is called where the body is left without a return */
    locache_writer key;
    unsigned char room[256]; /* of the key: beyond, it is on the heap */
} locache_call;

/* The way of a call: begin, every argument, take; where that is false, the body
 * and keep. */
LOCACHE_API void locache_call_begin(locache_call *call,
                                    locache_function_record *function,
                                    uint64_t count);
LOCACHE_API void locache_call_argument(locache_call *call, const char *name,
                                       unsigned kind, const void *value,
                                       size_t size,
                                       const locache_layout *layout);
LOCACHE_API bool locache_call_take(void *result, locache_call *call);
LOCACHE_API void locache_call_keep(locache_call *call, const void *result);
LOCACHE_API void locache_call_discard(locache_call *call);
LOCACHE_API locache_status
locache_function_reset(locache_function_record *function);
/* The record's program ends, or its shared library is unloaded. */
LOCACHE_API void locache_function_end(locache_function_record *function);

#if defined(__GNUC__)
#define LOCACHE_UNUSED_ __attribute__((unused))
/* Of a body: frames on the stack say which bodies run still. */
#define LOCACHE_APART_ __attribute__((noinline))
/* 5: pointer_type_class, in every version. */
#define LOCACHE_IS_POINTER_(value)                                             \
    (__builtin_classify_type(                                                  \
         _Generic((value), float: 0, default: (value))) == 5)
#else
#define LOCACHE_UNUSED_
#define LOCACHE_APART_
#define LOCACHE_IS_POINTER_(value) 0
#endif

#define LOCACHE_ARRAY_KIND_(type, first)                                       \
    struct locache_array_##type:                                               \
        LOCACHE_KIND_ARRAY + (first) +                                         \
            (sizeof(type) == 8 ? 3                                             \
             : sizeof(type) == 4 ? 2                                           \
             : sizeof(type) == 2 ? 1                                           \
             : 0),
#define LOCACHE_NUMBER_KINDS_                                                  \
    bool: LOCACHE_KIND_BOOL,                                                   \
    char: (char)-1 < 0 ? LOCACHE_KIND_INT : LOCACHE_KIND_UINT,                 \
    signed char: LOCACHE_KIND_INT, short: LOCACHE_KIND_INT,                    \
    int: LOCACHE_KIND_INT, long: LOCACHE_KIND_INT,                             \
    long long: LOCACHE_KIND_INT,                                               \
    unsigned char: LOCACHE_KIND_UINT, unsigned short: LOCACHE_KIND_UINT,       \
    unsigned: LOCACHE_KIND_UINT, unsigned long: LOCACHE_KIND_UINT,             \
    unsigned long long: LOCACHE_KIND_UINT,                                     \
    float: LOCACHE_KIND_REAL, double: LOCACHE_KIND_REAL
/* Of an expression, which is not evaluated; NONE for what has no key of its
 * own. */
#define LOCACHE_KIND_(value)                                                   \
    _Generic((value), LOCACHE_NUMBER_KINDS_,                                   \
             LOCACHE_ARRAY_TYPES_(LOCACHE_ARRAY_KIND_)                         \
             long double: LOCACHE_KIND_LONG_REAL,                              \
             char *: LOCACHE_KIND_TEXT,                                        \
             const char *: LOCACHE_KIND_CONST_TEXT,                            \
             default: LOCACHE_KIND_NONE)
#define LOCACHE_NUMBER_KIND_(value)                                            \
    _Generic((value), LOCACHE_NUMBER_KINDS_, default: LOCACHE_KIND_NONE)

/* A struct is listed where locache_layout_<its name> is an array of two, which
 * only LOCACHE_STRUCT makes it: every use declares it an array of unknown size,
 * which agrees with any, and so with one of one. Types that begin with a
 * keyword have no such name: they all have that of locache_layout_none_. */
#define LOCACHE_1ST_(a, ...) a
#define LOCACHE_2ND_(a, b, ...) b
#define LOCACHE_LAYOUT_(type) LOCACHE_LAYOUT_OF_(locache_layout_##type, ~)
#define LOCACHE_LAYOUT_OF_(...) LOCACHE_1ST_(__VA_ARGS__)
#define LOCACHE_LISTED_(type)                                                  \
    _Generic(&LOCACHE_LAYOUT_(type),                                           \
             const locache_layout(*)[1]: (const locache_layout *)0,            \
             default: LOCACHE_LAYOUT_(type))
#define LOCACHE_IS_LISTED_(type)                                               \
    _Generic(&LOCACHE_LAYOUT_(type), const locache_layout(*)[1]: 0, default: 1)
extern const locache_layout locache_layout_none_[];
#define locache_layout_void locache_layout_none_,
#define locache_layout_bool locache_layout_none_,
#define locache_layout__Bool locache_layout_none_,
#define locache_layout_char locache_layout_none_,
#define locache_layout_signed locache_layout_none_,
#define locache_layout_unsigned locache_layout_none_,
#define locache_layout_short locache_layout_none_,
#define locache_layout_int locache_layout_none_,
#define locache_layout_long locache_layout_none_,
#define locache_layout_float locache_layout_none_,
#define locache_layout_double locache_layout_none_,
#define locache_layout_const locache_layout_none_,
#define locache_layout_volatile locache_layout_none_,
#define locache_layout_enum locache_layout_none_,
#define locache_layout_struct locache_layout_none_,
#define locache_layout_union locache_layout_none_,
#define locache_layout__Complex locache_layout_none_,
#define locache_layout__Atomic locache_layout_none_,

/* LOCACHE_COUNT_(ret, name, parameters...): how many parameters; LOCACHE_FITS_:
 * OK, or MANY beyond sixteen. */
#define LOCACHE_COUNT_(...)                                                    \
    LOCACHE_25TH_(__VA_ARGS__, MANY, MANY, MANY, MANY, MANY, MANY, 16, 15, 14, \
                  13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, ~)
#define LOCACHE_FITS_(...)                                                     \
    LOCACHE_25TH_(__VA_ARGS__, MANY, MANY, MANY, MANY, MANY, MANY, OK, OK, OK, \
                  OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, ~)
#define LOCACHE_25TH_(r, n, a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, s, \
                      t, u, v, w, x, it, ...)                                  \
    it

/* LOCACHE_EACH_<count>(first, next, none, x, ret, name, parameters...):
 * first(x, parameter), then next(x, parameter) of each of the others; `none`
 * where there is none. */
#define LOCACHE_EACH_0(F, N, none, x, r, n) none
#define LOCACHE_EACH_1(F, N, none, x, r, n, a) F(x, a)
#define LOCACHE_EACH_2(F, N, none, x, r, n, a, b) F(x, a) N(x, b)
#define LOCACHE_EACH_3(F, N, none, x, r, n, a, b, c) F(x, a) N(x, b) N(x, c)
#define LOCACHE_EACH_4(F, N, none, x, r, n, a, b, c, d)                        \
    F(x, a) N(x, b) N(x, c) N(x, d)
#define LOCACHE_EACH_5(F, N, none, x, r, n, a, b, c, d, e)                     \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e)
#define LOCACHE_EACH_6(F, N, none, x, r, n, a, b, c, d, e, f)                  \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f)
#define LOCACHE_EACH_7(F, N, none, x, r, n, a, b, c, d, e, f, g)               \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g)
#define LOCACHE_EACH_8(F, N, none, x, r, n, a, b, c, d, e, f, g, h)            \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)
#define LOCACHE_EACH_9(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i)         \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i)
#define LOCACHE_EACH_10(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j)     \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j)
#define LOCACHE_EACH_11(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k)  \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k)
#define LOCACHE_EACH_12(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k,  \
                        l)                                                     \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k) N(x, l)
#define LOCACHE_EACH_13(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k,  \
                        l, m)                                                  \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k) N(x, l) N(x, m)
#define LOCACHE_EACH_14(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k,  \
                        l, m, o)                                               \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k) N(x, l) N(x, m) N(x, o)
#define LOCACHE_EACH_15(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k,  \
                        l, m, o, p)                                            \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k) N(x, l) N(x, m) N(x, o) N(x, p)
#define LOCACHE_EACH_16(F, N, none, x, r, n, a, b, c, d, e, f, g, h, i, j, k,  \
                        l, m, o, p, q)                                         \
    F(x, a) N(x, b) N(x, c) N(x, d) N(x, e) N(x, f) N(x, g) N(x, h)            \
    N(x, i) N(x, j) N(x, k) N(x, l) N(x, m) N(x, o) N(x, p) N(x, q)

/* LOCACHE_WITH_(macro, x, (type, name)) is macro(x, type, name). */
#define LOCACHE_WITH_(macro, x, pair)                                          \
    LOCACHE_APPLY_(macro, x, LOCACHE_OPEN_ pair)
#define LOCACHE_APPLY_(macro, ...) macro(__VA_ARGS__)
#define LOCACHE_OPEN_(...) __VA_ARGS__

/* ------------------------------------------------------------------ structs */

/* List every member of a struct, by its typedef name, so that it may be a
 * parameter or a result of memoized functions:
 *
 *     typedef struct point { double x, y; char label[16]; } point;
 *     LOCACHE_STRUCT(point, (double, x), (double, y), (char, label))
 *
 * In their order, at most sixteen, each with the type of what it holds: a
 * number or bool, or, of an array, its elements'. A member of a struct within
 * is named `a.x`, a row of a matrix `m[0]`. What is between members would be in
 * no key, so a struct with padding is refused: give it a member there. */
#define LOCACHE_STRUCT(...)                                                    \
    LOCACHE_STRUCT_(LOCACHE_FITS_(~, __VA_ARGS__),                             \
                    LOCACHE_COUNT_(~, __VA_ARGS__),                            \
                    LOCACHE_1ST_(__VA_ARGS__, ~), ~, __VA_ARGS__)
#define LOCACHE_STRUCT_(fits, ...) LOCACHE_STRUCT_IF_(fits, __VA_ARGS__)
#define LOCACHE_STRUCT_IF_(fits, ...) LOCACHE_STRUCT_##fits(__VA_ARGS__)
#define LOCACHE_STRUCT_MANY(count, type, ...)                                  \
    _Static_assert(0, "locache: LOCACHE_STRUCT(" #type                         \
                      ") can list at most sixteen members");
#define LOCACHE_STRUCT_OK(count, type, ...)                                    \
    LOCACHE_EACH_##count(LOCACHE_CHECK_MEMBER_, LOCACHE_CHECK_MEMBER_, , type, \
                         __VA_ARGS__)                                          \
    _Static_assert(0 == LOCACHE_EACH_##count(LOCACHE_TILE_, LOCACHE_TILE_, ,   \
                                             type, __VA_ARGS__) sizeof(type),  \
                   "locache: LOCACHE_STRUCT(" #type ") must list every "       \
                   "member, in order, and the struct must have no padding: "   \
                   "give it a member where that would be");                    \
    static const locache_member locache_members_##type[] LOCACHE_UNUSED_ = {   \
        LOCACHE_EACH_##count(LOCACHE_MEMBER_, LOCACHE_MEMBER_, , type,         \
                             __VA_ARGS__)};                                    \
    static const locache_layout locache_layout_##type[2] LOCACHE_UNUSED_ = {   \
        {#type, sizeof(type),                                                  \
         sizeof locache_members_##type / sizeof(locache_member),               \
         locache_members_##type},                                              \
        {NULL, 0, 0, NULL}};
#define LOCACHE_CHECK_MEMBER_(type, pair)                                      \
    LOCACHE_WITH_(LOCACHE_MEMBER_AS_TYPE_comma_NAME_IN_PARENTHESES, type, pair)
#define LOCACHE_TILE_(type, pair) LOCACHE_WITH_(LOCACHE_TILE_OF_, type, pair)
#define LOCACHE_MEMBER_(type, pair)                                            \
    LOCACHE_WITH_(LOCACHE_MEMBER_OF_, type, pair)
#define LOCACHE_AT_(type, member) (((type *)0)->member)
/* The number of elements, 0 where it is none of an array, -1 where `of` is
 * another type. */
#define LOCACHE_ELEMENTS_(type, of, member)                                    \
    _Generic(&LOCACHE_AT_(type, member), of *: 0,                              \
             of(*)[sizeof LOCACHE_AT_(type, member) / sizeof(of)]:             \
             (int)(sizeof LOCACHE_AT_(type, member) / sizeof(of)),             \
             default: -1)
#define LOCACHE_MEMBER_AS_TYPE_comma_NAME_IN_PARENTHESES(type, of, member)     \
    _Static_assert(LOCACHE_NUMBER_KIND_(*(of *)0) != LOCACHE_KIND_NONE,        \
                   "locache: LOCACHE_STRUCT(" #type "): the member (" #of      \
                   ", " #member ") is no number");                             \
    _Static_assert(LOCACHE_ELEMENTS_(type, of, member) >= 0,                   \
                   "locache: LOCACHE_STRUCT(" #type "): the member " #member   \
                   " is not of type " #of);
#define LOCACHE_TILE_OF_(type, of, member)                                     \
    offsetof(type, member) &&                                                  \
        offsetof(type, member) + sizeof LOCACHE_AT_(type, member) ==
#define LOCACHE_MEMBER_OF_(type, of, member)                                   \
    {#member, LOCACHE_NUMBER_KIND_(*(of *)0), offsetof(type, member),          \
     sizeof(of), LOCACHE_ELEMENTS_(type, of, member)},

/* --------------------------------------------------------------- parameters */

#define LOCACHE_LAYOUT_DECLARED_(fn, pair)                                     \
    LOCACHE_WITH_(LOCACHE_LAYOUT_DECLARED_OF_, fn, pair)
#define LOCACHE_LAYOUT_DECLARED_OF_(fn, type, param)                           \
    extern const locache_layout LOCACHE_LAYOUT_(type)[];
#define LOCACHE_CHECK_(fn, pair)                                               \
    LOCACHE_WITH_(LOCACHE_PARAMETER_AS_TYPE_comma_NAME_IN_PARENTHESES, fn, pair)
/* Within a function of its own, so that no two functions' names meet. */
#define LOCACHE_PARAMETER_AS_TYPE_comma_NAME_IN_PARENTHESES(fn, type, param)   \
    struct locache_##param;                                                    \
    enum {                                                                     \
        locache_##param##_is_no_bare_pointer =                                 \
            !LOCACHE_IS_POINTER_(*(type *)0) ||                                \
            LOCACHE_KIND_(*(type *)0) != LOCACHE_KIND_NONE                     \
    };                                                                         \
    _Static_assert(locache_##param##_is_no_bare_pointer,                       \
                   "locache: the parameter (" #type ", " #param ") of " #fn    \
                   " is a pointer, which has no key: use char *, "             \
                   "locache_array(type), or a struct listed with "             \
                   "LOCACHE_STRUCT");
#define LOCACHE_CHECK_KEY_(fn, pair)                                           \
    LOCACHE_WITH_(LOCACHE_CHECK_KEY_OF_, fn, pair)
#define LOCACHE_CHECK_KEY_OF_(fn, type, param)                                 \
    enum {                                                                     \
        locache_##param##_has_a_key =                                          \
            LOCACHE_KIND_(*(type *)0) != LOCACHE_KIND_NONE ||                  \
            LOCACHE_IS_LISTED_(type)                                           \
    };                                                                         \
    _Static_assert(locache_##param##_has_a_key,                                \
                   "locache: the parameter (" #type ", " #param ") of " #fn    \
                   " has no key: its type must be a number, bool, an enum, "   \
                   "char *, locache_array(type), or the typedef name of a "    \
                   "struct listed with LOCACHE_STRUCT");
#define LOCACHE_RECORD_(fn, pair) LOCACHE_WITH_(LOCACHE_RECORD_OF_, fn, pair)
#define LOCACHE_RECORD_OF_(fn, type, param)                                    \
    {#param, LOCACHE_KIND_(*(type *)0), sizeof(type), LOCACHE_LISTED_(type)},
#define LOCACHE_DECLARE_(fn, pair)                                             \
    LOCACHE_WITH_(LOCACHE_DECLARE_AS_TYPE_comma_NAME_IN_PARENTHESES, fn, pair)
#define LOCACHE_DECLARE_AS_TYPE_comma_NAME_IN_PARENTHESES(fn, type, param)     \
    type param
#define LOCACHE_PASS_(fn, pair) LOCACHE_WITH_(LOCACHE_PASS_OF_, fn, pair)
#define LOCACHE_PASS_OF_(fn, type, param) param
#define LOCACHE_DECLARE_NEXT_(fn, pair) , LOCACHE_DECLARE_(fn, pair)
#define LOCACHE_PASS_NEXT_(fn, pair) , LOCACHE_PASS_(fn, pair)
#define LOCACHE_ARGUMENT_(fn, pair)                                            \
    LOCACHE_WITH_(LOCACHE_ARGUMENT_OF_, fn, pair)
#define LOCACHE_ARGUMENT_OF_(fn, type, param)                                  \
    {                                                                          \
        LOCACHE_UNQUALIFIED_(type, param) locache_argument_ = param;           \
        locache_call_argument(&locache_call_, #param, LOCACHE_KIND_(param),    \
                              &locache_argument_, sizeof locache_argument_,    \
                              LOCACHE_LISTED_(type));                          \
    }
/* The library takes the address of each argument as a const void *, which
 * volatile and restrict would not become. */
#if defined(__GNUC__)
#define LOCACHE_UNQUALIFIED_(type, param) __typeof__(((void)0, param))
#else
#define LOCACHE_UNQUALIFIED_(type, param) type
#endif

/* ----------------------------------- the text of the source, in the program */

/* One address for each translation unit, which tells statements of one from
 * those of another. */
static char locache_unit_ LOCACHE_UNUSED_;

#if defined(__GNUC__) && defined(__ELF__)
#define LOCACHE_SECTION_START_(section) "__start_" section
#define LOCACHE_SECTION_END_(section) "__stop_" section
#define LOCACHE_SECTION_NAME_(section) section
#elif defined(__GNUC__) && defined(__MACH__)
#define LOCACHE_SECTION_START_(section) "section$start$__DATA$" section
#define LOCACHE_SECTION_END_(section) "section$end$__DATA$" section
#define LOCACHE_SECTION_NAME_(section) "__DATA," section
#else
#error "locache: LOCACHE_PERSIST needs GCC or Clang, and ELF or Mach-O"
#endif
#define LOCACHE_WEAK_HIDDEN_ __attribute__((visibility("hidden"), weak))

/* A unity build has several: what counts for a function is the last that was
 * said in its file, else the last of all, before it. */
#define LOCACHE_VERSION(text) LOCACHE_STATEMENT_(__COUNTER__, false, text)
#define LOCACHE_SHARE(text) LOCACHE_STATEMENT_(__COUNTER__, true, text)
#define LOCACHE_STATEMENT_(order, shared, text)                                \
    LOCACHE_STATEMENT_OF_(order, shared, text)
#define LOCACHE_STATEMENT_OF_(order, shared, text)                             \
    static const locache_statement locache_statement_##order = {               \
        &locache_unit_, __FILE__, order, shared, text};                        \
    static const locache_statement *const locache_statement_at_##order         \
        __attribute__((used, section(LOCACHE_SECTION_NAME_(                    \
                                 "locache_said")))) = &locache_statement_##order
extern const locache_statement *const locache_statements_[] __asm__(
    LOCACHE_SECTION_START_("locache_said")) LOCACHE_WEAK_HIDDEN_;
extern const locache_statement *const locache_statements_end_[] __asm__(
    LOCACHE_SECTION_END_("locache_said")) LOCACHE_WEAK_HIDDEN_;

#if defined(__BASE_FILE__)
#define LOCACHE_BASE_FILE_ __BASE_FILE__
#else
#define LOCACHE_BASE_FILE_ __FILE__
#endif

#if !defined(LOCACHE_NO_SOURCE) && defined(__has_embed) &&                     \
    defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L
#if __has_embed(LOCACHE_BASE_FILE_) == __STDC_EMBED_FOUND__
#define LOCACHE_EMBEDDED_
static const unsigned char locache_embedded_[] LOCACHE_UNUSED_ = {
#embed LOCACHE_BASE_FILE_
};
/* In a precompiled header it is not that of the function's record. */
static const char locache_embedded_file_[] LOCACHE_UNUSED_ =
    LOCACHE_BASE_FILE_;
#endif
#endif
#ifdef LOCACHE_EMBEDDED_
#define LOCACHE_TEXT_                                                          \
    .text = locache_embedded_, .text_size = sizeof locache_embedded_,          \
    .text_file = locache_embedded_file_,
#else
#define LOCACHE_TEXT_
#endif

/* Each text once for each object file, in a section of its own, and in another
 * one a link for each function: how far it is from there to the function's
 * record, and to the texts of the two files that its definition is from. These
 * are distances between addresses of one object file, so that no name has to be
 * unique, and no relocation is left when the program is loaded.
 *
 * All of it is in a function that is never called: weak and hidden, so that a
 * compiler must make it, but link-time optimisation, which sees that nobody
 * calls it, does not. For the assembler would run at link time then, in the
 * linker's directory, on a source that may have been edited since. Such a
 * program is told from others by what its linker noted of all of it
 * (src/persist/text.h). Without optimisation GCC would keep it all the same,
 * but for `inline`.
 *
 * "R" keeps a linker that drops what nothing refers to from it. ".inc" "bin" is
 * in two parts, since ccache takes the directive for a dependency that it does
 * not know; what it compares, the preprocessed source, is enough. */
#ifndef LOCACHE_NO_SOURCE
#if defined(__has_attribute)
#if __has_attribute(retain)
#define LOCACHE_SECTION_FLAGS_ "aR"
#endif
#endif
#ifndef LOCACHE_SECTION_FLAGS_
#define LOCACHE_SECTION_FLAGS_ "a"
#endif
#ifdef __ELF__
#define LOCACHE_PUSH_SECTION_(section)                                         \
    ".pushsection " section ",\"" LOCACHE_SECTION_FLAGS_ "\",%progbits\n"
#define LOCACHE_SYMBOL_(name) name
#else
#define LOCACHE_PUSH_SECTION_(section)                                         \
    ".pushsection __DATA," section ",regular,no_dead_strip\n"
#define LOCACHE_SYMBOL_(name) "_" name
#endif
#if __SIZEOF_POINTER__ == 8
#define LOCACHE_WORD_ ".quad "
#else
#define LOCACHE_WORD_ ".long "
#endif
#define LOCACHE_LABEL_(file) "\".Llocache_text_" file "\""
#define LOCACHE_EMBED_(file)                                                   \
    LOCACHE_PUSH_SECTION_("locache_source")                                    \
    ".ifndef " LOCACHE_LABEL_(file) "\n"                                       \
    ".balign 8\n"                                                              \
    LOCACHE_LABEL_(file) ": .quad 72f - 71f\n"                                 \
    "71: .inc" "bin \"" file "\"\n"                                            \
    "72:\n"                                                                    \
    ".endif\n"                                                                 \
    ".popsection\n"
#ifdef LOCACHE_EMBEDDED_
#define LOCACHE_EMBED_BASE_
#define LOCACHE_LINK_BASE_ LOCACHE_WORD_ "0\n"
#else
#define LOCACHE_EMBED_BASE_ LOCACHE_EMBED_(__BASE_FILE__)
#define LOCACHE_LINK_BASE_                                                     \
    LOCACHE_WORD_ LOCACHE_LABEL_(__BASE_FILE__) " - .\n"
#endif
#define LOCACHE_LINK_(name)                                                    \
    __asm__ volatile(                                                          \
        LOCACHE_EMBED_BASE_ LOCACHE_EMBED_(__FILE__)                           \
        LOCACHE_PUSH_SECTION_("locache_links")                                 \
        ".balign 8\n"                                                          \
        LOCACHE_WORD_ LOCACHE_SYMBOL_("locache_function_of_" name) " - .\n"    \
        LOCACHE_LINK_BASE_                                                     \
        LOCACHE_WORD_ LOCACHE_LABEL_(__FILE__) " - .\n"                        \
        ".popsection\n")
#if defined(__clang__) || defined(__GNUC_GNU_INLINE__)
#define LOCACHE_EXTERN_INLINE_
#else
#define LOCACHE_EXTERN_INLINE_ extern inline
#endif
extern const char locache_links_[] __asm__(
    LOCACHE_SECTION_START_("locache_links")) LOCACHE_WEAK_HIDDEN_;
extern const char locache_links_end_[] __asm__(
    LOCACHE_SECTION_END_("locache_links")) LOCACHE_WEAK_HIDDEN_;
#define LOCACHE_TEXTS_ .links = locache_links_, .links_end = locache_links_end_,
#define LOCACHE_EMBED_FOR_(name)                                               \
    LOCACHE_WEAK_HIDDEN_ void locache_embed_for_##name(void);                  \
    LOCACHE_EXTERN_INLINE_ void locache_embed_for_##name(void)                 \
    {                                                                          \
        LOCACHE_LINK_(#name);                                                  \
    }
#define LOCACHE_HAS_NO_SOURCE_ false
#else
#define LOCACHE_TEXTS_
#define LOCACHE_EMBED_FOR_(name)
#define LOCACHE_HAS_NO_SOURCE_ true
#endif

#ifdef LOCACHE_WHOLE_FILE
#define LOCACHE_IS_WHOLE_FILE_ true
#else
#define LOCACHE_IS_WHOLE_FILE_ false
#endif

/* ----------------------------------------------------------- the definition */

#define LOCACHE_PERSIST(...)                                                   \
    LOCACHE_PERSIST_(LOCACHE_FITS_(__VA_ARGS__), LOCACHE_COUNT_(__VA_ARGS__),  \
                     LOCACHE_1ST_(__VA_ARGS__, ~),                             \
                     LOCACHE_2ND_(__VA_ARGS__, ~, ~), __VA_ARGS__)
#define LOCACHE_PERSIST_(fits, ...) LOCACHE_PERSIST_IF_(fits, __VA_ARGS__)
#define LOCACHE_PERSIST_IF_(fits, ...) LOCACHE_PERSIST_##fits(__VA_ARGS__)
#define LOCACHE_PERSIST_MANY(count, ret, fn, ...)                              \
    _Static_assert(0, "locache: " #fn " can have at most sixteen parameters"); \
    ret fn(void)

/* A warning here would be about the library's own: a layout declared twice. */
#define LOCACHE_QUIET_BEGIN_                                                   \
    _Pragma("GCC diagnostic push")                                             \
    _Pragma("GCC diagnostic ignored \"-Wredundant-decls\"")
#define LOCACHE_QUIET_END_ _Pragma("GCC diagnostic pop")

/* The first declaration takes `static` and the like. The body's own comes last,
 * so that the body follows it as it was written. */
#define LOCACHE_PERSIST_OK(count, ret, fn, ...)                                \
    ret fn(LOCACHE_EACH_##count(LOCACHE_DECLARE_, LOCACHE_DECLARE_NEXT_, void, \
                                fn, __VA_ARGS__));                             \
    static inline LOCACHE_UNUSED_ void locache_check_pointers_##fn(void)       \
    {                                                                          \
        LOCACHE_EACH_##count(LOCACHE_CHECK_, LOCACHE_CHECK_, , fn,             \
                             __VA_ARGS__)                                      \
    }                                                                          \
    LOCACHE_QUIET_BEGIN_                                                       \
    LOCACHE_EACH_##count(LOCACHE_LAYOUT_DECLARED_, LOCACHE_LAYOUT_DECLARED_, , \
                         fn, __VA_ARGS__)                                      \
    extern const locache_layout LOCACHE_LAYOUT_(ret)[];                        \
    LOCACHE_EMBED_FOR_(fn)                                                     \
    LOCACHE_QUIET_END_                                                         \
    static inline LOCACHE_UNUSED_ void locache_check_##fn(void)                \
    {                                                                          \
        LOCACHE_EACH_##count(LOCACHE_CHECK_KEY_, LOCACHE_CHECK_KEY_, , fn,     \
                             __VA_ARGS__)                                      \
        _Static_assert(LOCACHE_IS_RESULT_(ret) || LOCACHE_IS_LISTED_(ret),     \
                       "locache: the result of " #fn ", of type " #ret         \
                       ", cannot be kept: it must be a number, bool, an "      \
                       "enum, char * (allocated with malloc, the caller "      \
                       "frees it), or the typedef name of a struct listed "    \
                       "with LOCACHE_STRUCT");                                 \
    }                                                                          \
    static const locache_parameter locache_parameters_##fn[] = {               \
        LOCACHE_EACH_##count(LOCACHE_RECORD_, LOCACHE_RECORD_, , fn,           \
                             __VA_ARGS__) {NULL, 0, 0, NULL}};                 \
    static locache_function_record locache_function_of_##fn                    \
        __attribute__((used)) = {                                              \
            .size = sizeof(locache_function_record),                           \
            .name = #fn,                                                       \
            .file = __FILE__,                                                  \
            .base_file = LOCACHE_BASE_FILE_,                                   \
            .line = __LINE__,                                                  \
            .whole_file = LOCACHE_IS_WHOLE_FILE_,                              \
            .no_source = LOCACHE_HAS_NO_SOURCE_,                               \
            .kind = LOCACHE_KIND_(*(ret *)0),                                  \
            .result_size = sizeof(ret),                                        \
            .layout = LOCACHE_LISTED_(ret),                                    \
            .parameters = locache_parameters_##fn,                             \
            .parameter_count = count,                                          \
            .unit = &locache_unit_,                                            \
            .order = __COUNTER__,                                              \
            .statements = locache_statements_,                                 \
            .statements_end = locache_statements_end_,                         \
            LOCACHE_TEXT_ LOCACHE_TEXTS_};                                     \
    static __attribute__((destructor)) void locache_end_##fn(void)             \
    {                                                                          \
        locache_function_end(&locache_function_of_##fn);                       \
    }                                                                          \
    LOCACHE_APART_ static ret locache_body_##fn(                               \
        locache_call *locache_this_call_ LOCACHE_EACH_##count(                 \
            LOCACHE_DECLARE_NEXT_, LOCACHE_DECLARE_NEXT_, , fn, __VA_ARGS__)); \
    ret fn(LOCACHE_EACH_##count(LOCACHE_DECLARE_, LOCACHE_DECLARE_NEXT_, void, \
                                fn, __VA_ARGS__))                              \
    {                                                                          \
        locache_call locache_call_;                                            \
        ret locache_result_;                                                   \
        locache_call_begin(&locache_call_, &locache_function_of_##fn, count);  \
        LOCACHE_EACH_##count(LOCACHE_ARGUMENT_, LOCACHE_ARGUMENT_, , fn,       \
                             __VA_ARGS__)                                      \
        if (!locache_call_take(&locache_result_, &locache_call_)) {            \
            locache_result_ = locache_body_##fn(                               \
                &locache_call_ LOCACHE_EACH_##count(                           \
                    LOCACHE_PASS_NEXT_, LOCACHE_PASS_NEXT_, , fn,              \
                    __VA_ARGS__));                                             \
            locache_call_keep(&locache_call_, &locache_result_);               \
        }                                                                      \
        return locache_result_;                                                \
    }                                                                          \
    static ret locache_body_##fn(                                              \
        locache_call *locache_this_call_ LOCACHE_UNUSED_ LOCACHE_EACH_##count( \
            LOCACHE_DECLARE_NEXT_, LOCACHE_DECLARE_NEXT_, , fn, __VA_ARGS__))
/* As a statement within the body of a memoized function. */
#define LOCACHE_DISCARD() locache_call_discard(locache_this_call_)
#define LOCACHE_IS_RESULT_(ret)                                                \
    (LOCACHE_NUMBER_KIND_(*(ret *)0) != LOCACHE_KIND_NONE ||                   \
     LOCACHE_KIND_(*(ret *)0) == LOCACHE_KIND_LONG_REAL ||                     \
     LOCACHE_KIND_(*(ret *)0) == LOCACHE_KIND_TEXT)
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */
#endif /* __cplusplus */

#ifdef __cplusplus
}
#endif

#endif
