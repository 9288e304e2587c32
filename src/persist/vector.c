/* Arrays as arguments and results of C functions.
 *
 * Every locache_array() has one shape, a pointer and a count; its kind says the type of an element.
 * As results they are what NumPy's arrays of one dimension are, so that Python reads them: small
 * ones within the body, large ones out of line. */
#include "persist/vector.h"

#include <stdlib.h>
#include <string.h>

/* Bytes from which elements are out of line: below, a page of the file would be mostly padding. */
#define APART_FROM 4096

typedef struct locache_array_char any_array;

/* False where that can be no array: a null pointer with a count, or more bytes than memory has. */
static bool describe(locache_ndarray *out, unsigned kind, const void *value)
{
    any_array array;
    memcpy(&array, value, sizeof array);
    *out = (locache_ndarray){.size = sizeof *out,
                             .type = kind - LOCACHE_CTYPE_ARRAY,
                             .dimensions = 1,
                             .data = array.data};
    size_t size = locache_element_size(out->type);
    if ((array.data == NULL && array.count > 0) || array.count > SIZE_MAX / size)
        return false;
    out->extents[0] = array.count;
    out->data_size = array.count * size;
    return true;
}

/* The caller's mistake: the call runs uncached. */
static void refuse(locache_cbor_writer *writer)
{
    if (writer->status == LOCACHE_OK)
        writer->status = LOCACHE_EINVAL;
}

void lc_vector_key(locache_cbor_writer *key, unsigned kind, const void *value)
{
    locache_ndarray array;
    if (describe(&array, kind, value))
        locache_key_ndarray(key, &array);
    else
        refuse(key);
}

void lc_vector_write(locache_cbor_writer *body, unsigned kind, const void *value)
{
    locache_ndarray array;
    if (!describe(&array, kind, value))
        refuse(body);
    else if (array.data_size >= APART_FROM)
        locache_cbor_write_ndarray_apart(body, &array, 0);
    else
        locache_cbor_write_ndarray(body, &array);
}

bool lc_vector_apart(const void **data, size_t *size, unsigned kind, const void *value)
{
    locache_ndarray array;
    if (kind < LOCACHE_CTYPE_ARRAY || !describe(&array, kind, value) ||
        array.data_size < APART_FROM)
        return false;
    *data = array.data;
    *size = array.data_size;
    return true;
}

char *lc_vector_copy(const void *data, size_t size)
{
    char *copy = malloc(size + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

bool lc_vector_read(void *out, const locache_value *value, unsigned kind)
{
    locache_ndarray array = {.size = sizeof array};
    if (locache_value_ndarray(&array, value) != LOCACHE_OK || array.dimensions != 1 ||
        array.type != kind - LOCACHE_CTYPE_ARRAY)
        return false;
    /* One byte more, so that an empty array is no null pointer, which would be a failure. */
    char *copy = malloc(array.data_size + 1);
    if (copy == NULL)
        return false;
    locache_ndarray_copy(copy, &array);
    any_array result = {.data = copy, .count = (size_t)array.extents[0]};
    memcpy(out, &result, sizeof result);
    return true;
}

void locache_free(const void *memory)
{
    free((void *)(uintptr_t)memory);
}
