/* Results in memory: objects that nobody can change as they are, others as stored values. */
#include "call/kept.h"

#include "result/frozen.h"
#include "result/result.h"

/* Objects and values are aligned to more than one byte. */
static locache_value *value_of(void *object)
{
    return (locache_value *)((uintptr_t)object - 1);
}

static void *mark_value(locache_value *value)
{
    return (void *)((uintptr_t)value + 1);
}

void lcpy_kept_retain(void *object)
{
    if (lcpy_kept_is_result(object))
        Py_INCREF((PyObject *)object);
    else
        locache_value_retain(value_of(object));
}

void lcpy_kept_release(void *object)
{
    if (lcpy_kept_is_result(object))
        Py_DECREF((PyObject *)object);
    else
        locache_value_free(value_of(object));
}

/* Does decoding leave the value as it is? What is unpickled keeps the buffers, and is the caller's
 * to write to; other arrays that are not mapped have copies. */
static bool stays_as_it_is(const locache_value *value)
{
    return locache_value_buffer_count(value) == 0 ||
           locache_value_codec(value) == LOCACHE_CODEC_CBOR;
}

static locache_value *with_own_buffers(locache_value *value)
{
    locache_value *copy = NULL;
    if (stays_as_it_is(value))
        return value;
    if (locache_value_copy(&copy, value) != LOCACHE_OK)
        PyErr_NoMemory();
    locache_value_free(value);
    return copy;
}

PyObject *lcpy_kept_decode(lcpy_state *state, void *object, PyObject *module)
{
    locache_value *value = with_own_buffers(value_of(object));
    return value != NULL ? lcpy_decode(state, value, module) : NULL;
}

locache_value *lcpy_kept_value(locache_value *value)
{
    locache_value *copy = NULL;
    /* What is mapped is mapped again as quickly. */
    if (locache_value_buffer_count(value) > 0 && locache_value_size(value) >= LOCACHE_MAP_FROM)
        return NULL;
    if (stays_as_it_is(value)) {
        locache_value_retain(value);
        return value;
    }
    if (locache_value_copy(&copy, value) != LOCACHE_OK)
        return NULL;
    return copy;
}

bool lcpy_kept_store(lcpy_persisted *self, const lcpy_key *key, const locache_stamp *stamp,
                     PyObject *result, locache_value *value)
{
    void *object = result;
    size_t size = lcpy_frozen_size(self->state, result);
    if (size == 0) {
        if (value == NULL)
            return false;
        object = mark_value(value);
        size = locache_value_size(value);
    }
    locache_remember(self->cache, key->writer.data, key->writer.length, stamp, object, size);
    return true;
}
