/* locache: CBOR (RFC 8949), as keys and results are made of it. locache.h
 * includes it. */
#ifndef LOCACHE_CBOR_H
#define LOCACHE_CBOR_H

#include "locache.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------- writing CBOR (RFC 8949)
 *
 * A writer appends data items to a growing buffer in deterministic encoding
 * (RFC 8949, 4.2): shortest heads, definite lengths, shortest floats that keep
 * the value. It keeps the first failure and ignores what comes after it, so
 * that only locache_cbor_writer_status() need be asked, once, at the end. The
 * fields are for reading. Any thread, one at a time for each writer: so is
 * every function of this section, and those for keys and arrays that have a
 * writer. */

struct locache_cbor_writer {
    unsigned char *data; /* the bytes so far */
    size_t length;       /* how many */
    size_t capacity;
    bool owned; /* data is on the heap */
    int status; /* a locache_status: the first failure */
    uint64_t reserved[4];
};

/* Start with the caller's room (may be NULL, 0), which must outlive the writer;
 * the heap is used when it is outgrown. */
LOCACHE_API void locache_cbor_writer_init(locache_cbor_writer *writer,
                                          void *room, size_t room_size);
/* Free what the writer owns. It may be initialised again. */
LOCACHE_API void locache_cbor_writer_clear(locache_cbor_writer *writer);
/* Forget the bytes and the failure, keep the memory. */
LOCACHE_API void locache_cbor_writer_reset(locache_cbor_writer *writer);
/* LOCACHE_OK, or the first failure: LOCACHE_ENOMEM, LOCACHE_EINVAL (text that
 * is not UTF-8, duplicates), LOCACHE_ELIMIT (locache_cbor_write_sorted() of
 * items that are too deep). What was written before it stays. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_cbor_writer_status(const locache_cbor_writer *writer);

LOCACHE_API void locache_cbor_write_int(locache_cbor_writer *writer,
                                        int64_t value);
LOCACHE_API void locache_cbor_write_uint(locache_cbor_writer *writer,
                                         uint64_t value);
/* An integer of any size: magnitude is big-endian, leading zeros allowed. What
 * fits a CBOR integer becomes one, what does not becomes tag 2 or 3 (RFC 8949,
 * 3.4.3). */
LOCACHE_API void locache_cbor_write_bigint(locache_cbor_writer *writer,
                                           bool negative, const void *magnitude,
                                           size_t size);
LOCACHE_API void locache_cbor_write_real(locache_cbor_writer *writer,
                                         double value);
LOCACHE_API void locache_cbor_write_bool(locache_cbor_writer *writer,
                                         bool value);
LOCACHE_API void locache_cbor_write_null(locache_cbor_writer *writer);
LOCACHE_API void locache_cbor_write_bytes(locache_cbor_writer *writer,
                                          const void *data, size_t size);
/* size bytes of UTF-8, verified. */
LOCACHE_API void locache_cbor_write_text(locache_cbor_writer *writer,
                                         const char *text, size_t size);
/* The head of an array of count items, of a map of count pairs, or a tag: the
 * content follows. */
LOCACHE_API void locache_cbor_write_array(locache_cbor_writer *writer,
                                          uint64_t count);
LOCACHE_API void locache_cbor_write_map(locache_cbor_writer *writer,
                                        uint64_t count);
LOCACHE_API void locache_cbor_write_tag(locache_cbor_writer *writer,
                                        uint64_t tag);
/* Bytes that are CBOR already and not the writer's own; not checked. */
LOCACHE_API void locache_cbor_write_raw(locache_cbor_writer *writer,
                                        const void *data, size_t size);
/* Put what was written since offset `start` into bytewise order: groups of
 * `per_group` items, ordered by the encoding of each group's first item (1 for
 * the members of a set, 2 for the pairs of a map). Two groups with the same
 * first item, a last group that is not whole, and bytes that are not CBOR are
 * LOCACHE_EINVAL; items deeper than LOCACHE_DEPTH_MAX are LOCACHE_ELIMIT. O(n
 * log n), and allocates while it sorts, unless all is in order already. */
LOCACHE_API void locache_cbor_write_sorted(locache_cbor_writer *writer,
                                           size_t start, unsigned per_group);

/* ---------------------------------------------------------------- reading CBOR
 *
 * A reader pulls items from bytes that it does not own. It is strict: what a
 * writer would not have written (longer heads or floats than needed, bignums
 * that fit an integer or begin with zeros, indefinite lengths, reserved values,
 * text that is not UTF-8, trailing bytes at locache_cbor_reader_end()) is
 * LOCACHE_ECORRUPT. It allocates nothing. A count that it returns is never more
 * than the bytes that remain, so that a caller may allocate by it. Any thread,
 * one at a time for each reader. */

typedef struct locache_cbor_reader {
    const unsigned char *at;  /* the next item */
    const unsigned char *end; /* one past the last byte */
    uint64_t reserved[2];
} locache_cbor_reader;

typedef enum locache_cbor_kind {
    LOCACHE_KIND_UINT = 0,     /* number */
    LOCACHE_KIND_NEGATIVE = 1, /* the value is -1 - number */
    LOCACHE_KIND_BYTES = 2,    /* data, size */
    LOCACHE_KIND_TEXT = 3,     /* data, size: UTF-8 */
    LOCACHE_KIND_ARRAY = 4,    /* number of items, which follow */
    LOCACHE_KIND_MAP = 5,      /* number of pairs, which follow */
    LOCACHE_KIND_TAG = 6,      /* number; the content follows */
    LOCACHE_KIND_FALSE = 20,
    LOCACHE_KIND_TRUE = 21,
    LOCACHE_KIND_NULL = 22,
    LOCACHE_KIND_REAL = 27 /* real, bit for bit: NaNs keep their payload */
} locache_cbor_kind;

typedef struct locache_cbor_item {
    uint32_t kind; /* a locache_cbor_kind */
    uint32_t reserved;
    uint64_t number;
    double real;
    const unsigned char *data;
    size_t size;
} locache_cbor_item;

LOCACHE_API void locache_cbor_reader_init(locache_cbor_reader *reader,
                                          const void *data, size_t size);
/* The next item's head, and all of it where it is a string. OK, END (nothing is
 * left) or ECORRUPT; out is untouched but on OK, and the reader stays where it
 * was. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_cbor_read(locache_cbor_item *out, locache_cbor_reader *reader);
/* Pass over one whole item. OK, END (nothing is left), ECORRUPT, or ELIMIT
 * where an item is within more than LOCACHE_DEPTH_MAX arrays, maps and tags;
 * the reader stays where it was but on OK. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_cbor_skip(locache_cbor_reader *reader);
/* OK where nothing is left, else ECORRUPT. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_cbor_reader_end(const locache_cbor_reader *reader);

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

/* Write a whole array, its elements with it. An array whose type, dimensions
 * and size do not fit each other is LOCACHE_EINVAL. */
LOCACHE_API void locache_cbor_write_ndarray(locache_cbor_writer *writer,
                                            const locache_ndarray *array);
/* The same with the elements left to the record's nth buffer
 * (locache_record.buffers), which is how a large one is read back without a
 * copy. `data` is not looked at. */
LOCACHE_API void locache_cbor_write_ndarray_apart(locache_cbor_writer *writer,
                                                  const locache_ndarray *array,
                                                  uint64_t n);

/* Of any type: a reader over the body, for what has parts. Where it meets
 * LOCACHE_TAG_BUFFER n or LOCACHE_TAG_TEXT_BUFFER n, the bytes are
 * locache_value_buffer(value, n); that those of a text are UTF-8 is not
 * checked. */
LOCACHE_API LOCACHE_CHECK locache_status
locache_value_reader(locache_cbor_reader *out, const locache_value *value);

#ifdef __cplusplus
}
#endif

#endif
