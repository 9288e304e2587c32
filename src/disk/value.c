/* What a result that was read holds: its parts, and its body as one value of a type.
 *
 * A value is one allocation, counted by its holders: the caller that read it, the table of results
 * in memory, a binding's arrays that lie in it. Its bytes are validated before a program is given
 * it, and nobody writes to them but for buffers, by who alone holds it. */
#include "disk/value.h"
#include "base/alloc.h"
#include "base/fault.h"
#include "base/mapping.h"
#include "base/os.h"
#include "base/sized.h"
#include "base/text.h"
#include "base/watched.h"
#include "format/cbor.h"
#include "format/ndarray.h"

#include <string.h>

locache_codec locache_value_codec(const locache_value *value)
{
    return value->entry.codec;
}

const void *locache_value_body(size_t *size, const locache_value *value)
{
    *size = value->entry.body.size;
    return value->entry.body.data;
}

size_t locache_value_buffer_count(const locache_value *value)
{
    return value->entry.buffer_count;
}

void *locache_value_buffer(size_t *size, const locache_value *value, size_t n)
{
    *size = 0;
    if (n >= value->entry.buffer_count)
        return NULL;
    lc_span span = lc_entry_buffer(value->bytes, &value->entry, (uint32_t)n);
    *size = span.size;
    return (void *)(uintptr_t)span.data;
}

int64_t locache_value_created(const locache_value *value)
{
    return value->entry.created;
}

int64_t locache_value_compute_time(const locache_value *value)
{
    return value->entry.compute_time;
}

size_t locache_value_size(const locache_value *value)
{
    return value->size;
}

bool locache_value_from_base(const locache_value *value)
{
    return value->stamp.words[LC_STAMP_BASE] != 0;
}

bool locache_value_stale(const locache_value *value)
{
    return value->stale;
}

bool locache_value_mapped(const locache_value *value)
{
    return value->mapped;
}

void locache_value_stamp(locache_stamp *out, const locache_value *value)
{
    *out = value->stamp;
}

/* --------------------------------------------------------------------------------------- memory */

/* The memory of the large value that was freed last, for the next one. Results that are not mapped,
 * since there are too many mappings, are read one after the other, and memory that the system gives
 * anew is cleared page by page, which takes longer than the reading. And where a value was is a
 * hole, in which calloc() must clear what it would not touch elsewhere. */
static _Atomic(locache_value *) spare;
#define SPARE_LEAST LOCACHE_MAP_FROM
#define SPARE_MOST ((size_t)4 << 20) /* that a process may well hold for nothing */

static bool is_spare_size(size_t size)
{
    return size >= SPARE_LEAST && size <= SPARE_MOST;
}

static locache_value *new_memory(size_t size)
{
    locache_value *value = is_spare_size(size) ? atomic_exchange(&spare, NULL) : NULL;
    bool fits = value != NULL && value->room_size >= size;
    /* Memory that is there may be refused by tests as any other. */
    if (fits && !lc_fault("alloc"))
        return value;
    if (value != NULL)
        lc_free(value);
    if (fits)
        return NULL;
    /* Aligned like the file's own parts, so that its buffers are aligned in memory, too. */
    value = size <= SIZE_MAX - sizeof *value ? lc_alloc_aligned(sizeof *value + size) : NULL;
    if (value != NULL)
        value->room_size = size;
    return value;
}

static void free_memory(locache_value *value)
{
    if (is_spare_size(value->room_size))
        value = atomic_exchange(&spare, value);
    if (value != NULL)
        lc_free(value);
}

void lc_value_clear(void)
{
    locache_value *value = atomic_exchange(&spare, NULL);
    if (value != NULL)
        lc_free(value);
}

locache_value *lc_value_new(size_t size)
{
    locache_value *value = new_memory(size);
    if (value == NULL)
        return NULL;
    atomic_init(&value->holders, 1);
    value->mapped = value->sound = value->stale = false;
    value->size = size;
    value->bytes = value->room;
    return value;
}

size_t lc_value_front(const locache_value *value)
{
    return (size_t)((const unsigned char *)value->entry.body.data - value->room) +
           value->entry.body.size;
}

void locache_value_retain(locache_value *value)
{
    atomic_fetch_add_explicit(&value->holders, 1, memory_order_relaxed);
}

locache_status locache_value_copy(locache_value **out, const locache_value *value)
{
    locache_value *copy = lc_value_new(value->size);
    if (copy == NULL)
        return LOCACHE_ENOMEM;
    const unsigned char *key = value->entry.key.data;
    const unsigned char *body = value->entry.body.data;
    size_t front = lc_value_front(value);
    /* In two parts, as a mapping has its front in `room` only; of a value that was read, room and
     * bytes are the same. */
    memcpy(copy->bytes, value->room, front);
    memcpy(copy->bytes + front, value->bytes + front, value->size - front);
    copy->stamp = value->stamp;
    copy->stale = value->stale;
    copy->entry = value->entry;
    copy->entry.key.data = copy->bytes + (key - value->room);
    copy->entry.body.data = copy->bytes + (body - value->room);
    *out = copy;
    return LOCACHE_OK;
}

void locache_value_free(locache_value *value)
{
    /* acq_rel: what any holder did with the value comes before its memory is gone. */
    if (value == NULL)
        return;
    lc_watched_before(&value->holders);
    if (atomic_fetch_sub_explicit(&value->holders, 1, memory_order_acq_rel) > 1)
        return;
    lc_watched_after(&value->holders);
    if (value->mapped)
        lc_unmap(value->bytes, value->size);
    free_memory(value);
}

/* -------------------------------------------------------------------------------- typed readers
 *
 * ETYPE: it is something else; ELIMIT: it is that, but does not fit; ECORRUPT: the body is not what
 * its own bytes announce, which only another writer than ours can bring about. */

locache_status locache_value_reader(locache_cbor_reader *out, const locache_value *value)
{
    if (value->entry.codec != LOCACHE_CODEC_CBOR)
        return LOCACHE_ETYPE;
    locache_cbor_reader_init(out, value->entry.body.data, value->entry.body.size);
    return LOCACHE_OK;
}

/* The first item of the body, and a reader that is past it. */
static locache_status first_item(locache_cbor_item *out, locache_cbor_reader *reader,
                                 const locache_value *value)
{
    locache_status status = locache_value_reader(reader, value);
    if (status != LOCACHE_OK)
        return status;
    return locache_cbor_read(out, reader) == LOCACHE_OK ? LOCACHE_OK : LOCACHE_ECORRUPT;
}

/* A body that is one item of the given kind. */
static locache_status only_item(locache_cbor_item *out, locache_cbor_kind kind,
                                const locache_value *value)
{
    locache_cbor_reader reader;
    locache_status status = first_item(out, &reader, value);
    if (status != LOCACHE_OK)
        return status;
    return out->kind == kind ? locache_cbor_reader_end(&reader) : LOCACHE_ETYPE;
}

/* A number as NumPy has it in memory: kind 'u', 'i', 'f' or 'b', and its bits. */
typedef struct scalar {
    char kind;
    unsigned size;
    uint64_t bits;
} scalar;

/* "<f8" and its like, over as many bytes. */
static bool parse_scalar(scalar *out, const locache_cbor_item *type, const locache_cbor_item *bytes)
{
    if (type->size != 3 || memchr("<>|", type->data[0], 3) == NULL ||
        memchr("uifb", type->data[1], 4) == NULL || memchr("1248", type->data[2], 4) == NULL)
        return false;
    *out = (scalar){.kind = (char)type->data[1], .size = (unsigned)(type->data[2] - '0')};
    if (bytes->size != out->size)
        return false;
    /* The highest byte first. '|' is for one byte, where there is no order. */
    for (unsigned i = 0; i < out->size; i++)
        out->bits = out->bits << 8 | bytes->data[type->data[0] == '<' ? out->size - 1 - i : i];
    return true;
}

/* The scalar of NumPy that the body is, whose tag was read. */
static locache_status read_scalar(scalar *out, locache_cbor_reader *reader)
{
    locache_cbor_item type;
    locache_cbor_item bytes;
    if (locache_cbor_read(&type, reader) != LOCACHE_OK || type.kind != LOCACHE_KIND_ARRAY ||
        type.number != 2 || locache_cbor_read(&type, reader) != LOCACHE_OK ||
        type.kind != LOCACHE_KIND_TEXT || locache_cbor_read(&bytes, reader) != LOCACHE_OK ||
        bytes.kind != LOCACHE_KIND_BYTES || locache_cbor_reader_end(reader) != LOCACHE_OK)
        return LOCACHE_ECORRUPT;
    return parse_scalar(out, &type, &bytes) ? LOCACHE_OK : LOCACHE_ETYPE;
}

/* An integer, whichever way it is written: its sign, and its value or -1 - that. */
typedef struct integer {
    bool negative;
    uint64_t number;
} integer;

static locache_status scalar_integer(integer *out, locache_cbor_reader *reader)
{
    scalar read;
    locache_status status = read_scalar(&read, reader);
    if (status != LOCACHE_OK)
        return status;
    if (read.kind != 'u' && read.kind != 'i')
        return LOCACHE_ETYPE;
    uint64_t sign = UINT64_C(1) << (8 * read.size - 1);
    out->negative = read.kind == 'i' && (read.bits & sign) != 0;
    /* -1 - x is x with every bit turned: of those that there are. */
    out->number = out->negative ? ~read.bits & (sign - 1) : read.bits;
    return LOCACHE_OK;
}

static locache_status read_integer(integer *out, const locache_value *value)
{
    locache_cbor_reader reader;
    locache_cbor_item item;
    locache_status status = first_item(&item, &reader, value);
    if (status != LOCACHE_OK)
        return status;
    if (item.kind == LOCACHE_KIND_TAG) {
        /* A bignum never fits 64 bits, or the reader would have refused it. */
        if (item.number == LOCACHE_TAG_BIGNUM || item.number == LOCACHE_TAG_BIGNUM_NEG)
            return lc_cbor_check(value->entry.body.data, value->entry.body.size) == LOCACHE_OK
                       ? LOCACHE_ELIMIT
                       : LOCACHE_ECORRUPT;
        return item.number == LOCACHE_TAG_SCALAR ? scalar_integer(out, &reader) : LOCACHE_ETYPE;
    }
    if (item.kind != LOCACHE_KIND_UINT && item.kind != LOCACHE_KIND_NEGATIVE)
        return LOCACHE_ETYPE;
    *out = (integer){.negative = item.kind == LOCACHE_KIND_NEGATIVE, .number = item.number};
    return locache_cbor_reader_end(&reader);
}

locache_status locache_value_int(int64_t *out, const locache_value *value)
{
    integer read;
    locache_status status = read_integer(&read, value);
    if (status != LOCACHE_OK)
        return status;
    if (read.number > INT64_MAX)
        return LOCACHE_ELIMIT;
    *out = read.negative ? -1 - (int64_t)read.number : (int64_t)read.number;
    return LOCACHE_OK;
}

locache_status locache_value_uint(uint64_t *out, const locache_value *value)
{
    integer read;
    locache_status status = read_integer(&read, value);
    if (status != LOCACHE_OK)
        return status;
    if (read.negative)
        return LOCACHE_ELIMIT;
    *out = read.number;
    return LOCACHE_OK;
}

static locache_status scalar_real(double *out, locache_cbor_reader *reader)
{
    scalar read;
    float narrow;
    locache_status status = read_scalar(&read, reader);
    if (status != LOCACHE_OK)
        return status;
    /* binary16 has no type in C11. */
    if (read.kind != 'f' || read.size < 4)
        return LOCACHE_ETYPE;
    if (read.size == 8) {
        memcpy(out, &read.bits, sizeof *out);
        return LOCACHE_OK;
    }
    uint32_t bits = (uint32_t)read.bits;
    memcpy(&narrow, &bits, sizeof narrow);
    *out = (double)narrow;
    return LOCACHE_OK;
}

locache_status locache_value_real(double *out, const locache_value *value)
{
    locache_cbor_reader reader;
    locache_cbor_item item;
    locache_status status = first_item(&item, &reader, value);
    if (status != LOCACHE_OK)
        return status;
    if (item.kind == LOCACHE_KIND_TAG && item.number == LOCACHE_TAG_SCALAR)
        return scalar_real(out, &reader);
    if (item.kind != LOCACHE_KIND_REAL)
        return LOCACHE_ETYPE;
    status = locache_cbor_reader_end(&reader);
    if (status == LOCACHE_OK)
        *out = item.real;
    return status;
}

locache_status locache_value_bool(bool *out, const locache_value *value)
{
    locache_cbor_reader reader;
    locache_cbor_item item;
    scalar read;
    locache_status status = first_item(&item, &reader, value);
    if (status != LOCACHE_OK)
        return status;
    if (item.kind == LOCACHE_KIND_TAG && item.number == LOCACHE_TAG_SCALAR) {
        status = read_scalar(&read, &reader);
        if (status == LOCACHE_OK && (read.kind != 'b' || read.size != 1))
            return LOCACHE_ETYPE;
        if (status == LOCACHE_OK)
            *out = read.bits != 0;
        return status;
    }
    if (item.kind != LOCACHE_KIND_TRUE && item.kind != LOCACHE_KIND_FALSE)
        return LOCACHE_ETYPE;
    status = locache_cbor_reader_end(&reader);
    if (status == LOCACHE_OK)
        *out = item.kind == LOCACHE_KIND_TRUE;
    return status;
}

locache_status locache_value_null(const locache_value *value)
{
    locache_cbor_item item;
    return only_item(&item, LOCACHE_KIND_NULL, value);
}

/* The string of that kind that comes next, here or in a buffer. ETYPE: something else comes. */
static locache_status next_string(const void **out, size_t *size, locache_cbor_reader *reader,
                                  locache_cbor_kind kind, const locache_value *value)
{
    locache_cbor_item item;
    uint64_t tag = kind == LOCACHE_KIND_TEXT ? LOCACHE_TAG_TEXT_BUFFER : LOCACHE_TAG_BUFFER;
    if (locache_cbor_read(&item, reader) != LOCACHE_OK)
        return LOCACHE_ECORRUPT;
    if (item.kind == kind) {
        *out = item.data;
        *size = item.size;
        return LOCACHE_OK;
    }
    if (item.kind != LOCACHE_KIND_TAG || item.number != tag)
        return LOCACHE_ETYPE;
    /* The number of an out-of-line buffer: from the body, and so held to those that there are. */
    if (locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_UINT ||
        item.number > SIZE_MAX)
        return LOCACHE_ECORRUPT;
    size_t buffer_size;
    const void *buffer = locache_value_buffer(&buffer_size, value, (size_t)item.number);
    if (buffer == NULL)
        return LOCACHE_ECORRUPT;
    /* The reader has checked a text that is in the body; a buffer is any bytes. */
    if (kind == LOCACHE_KIND_TEXT && !lc_text_is_utf8(buffer, buffer_size))
        return LOCACHE_ECORRUPT;
    *out = buffer;
    *size = buffer_size;
    return LOCACHE_OK;
}

/* A body that is one string of that kind. */
static locache_status only_string(const void **out, size_t *size, locache_cbor_kind kind,
                                  const locache_value *value)
{
    locache_cbor_reader reader;
    locache_status status = locache_value_reader(&reader, value);
    if (status == LOCACHE_OK)
        status = next_string(out, size, &reader, kind, value);
    return status == LOCACHE_OK ? locache_cbor_reader_end(&reader) : status;
}

locache_status locache_value_text(const char **out, size_t *size, const locache_value *value)
{
    const void *text;
    size_t text_size;
    locache_status status = only_string(&text, &text_size, LOCACHE_KIND_TEXT, value);
    if (status != LOCACHE_OK)
        return status;
    *out = text;
    *size = text_size;
    return LOCACHE_OK;
}

locache_status locache_value_bytes(const void **out, size_t *size, const locache_value *value)
{
    const void *data;
    size_t data_size;
    locache_status status = only_string(&data, &data_size, LOCACHE_KIND_BYTES, value);
    if (status != LOCACHE_OK)
        return status;
    *out = data;
    *size = data_size;
    return LOCACHE_OK;
}

locache_status locache_value_ndarray(locache_ndarray *out, const locache_value *value)
{
    locache_cbor_reader reader;
    locache_cbor_item item;
    locache_ndarray array;
    size_t size;
    if (out->size < LC_SIZED_UP_TO(locache_ndarray, extents))
        return LOCACHE_EINVAL;
    locache_status status = first_item(&item, &reader, value);
    if (status != LOCACHE_OK)
        return status;
    /* To a C program it says nothing: what it gets is its own to write to. */
    if (item.kind == LOCACHE_KIND_TAG && item.number == LOCACHE_TAG_READONLY &&
        locache_cbor_read(&item, &reader) != LOCACHE_OK)
        return LOCACHE_ECORRUPT;
    if (item.kind != LOCACHE_KIND_TAG ||
        (item.number != LOCACHE_TAG_NDARRAY && item.number != LOCACHE_TAG_NDARRAY_F))
        return LOCACHE_ETYPE;
    status = lc_ndarray_read_head(&array, &reader, item.number == LOCACHE_TAG_NDARRAY_F);
    if (status != LOCACHE_OK)
        return status;
    status = next_string(&array.data, &size, &reader, LOCACHE_KIND_BYTES, value);
    if (status != LOCACHE_OK || size != array.data_size ||
        locache_cbor_reader_end(&reader) != LOCACHE_OK)
        return LOCACHE_ECORRUPT;
    lc_sized_give(out, &array, sizeof array);
    return LOCACHE_OK;
}
