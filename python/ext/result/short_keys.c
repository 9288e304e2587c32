/* The short dict keys of a result that is being decoded: one str for each. */
#include "result/short_keys.h"

#include <string.h>

/* FNV-1a: a few multiplications for a text of this size, and nothing depends on how good it is. */
static size_t hash_short(const unsigned char *text, size_t size)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ text[i]) * 16777619U;
    return (hash ^ hash >> 16) % LCPY_SHORT_KEYS; /* its low bits alone mix too little */
}

void lcpy_short_keys_init(lcpy_short_keys *keys)
{
    memset(keys->marks, 0, sizeof keys->marks);
}

/* A later key of the same hash takes the place of an earlier one: no chains, no probing. */
PyObject *lcpy_short_keys_get(lcpy_short_keys *keys, const unsigned char *text, size_t size)
{
    size_t at = hash_short(text, size);
    uint64_t *marks = &keys->marks[at / 64];
    uint64_t mark = UINT64_C(1) << at % 64;
    PyObject **kept = &keys->known[at];
    Py_ssize_t kept_size;
    const char *known = *marks & mark ? PyUnicode_AsUTF8AndSize(*kept, &kept_size) : NULL;

    if (known != NULL && (size_t)kept_size == size && memcmp(known, text, size) == 0)
        return Py_NewRef(*kept);
    PyObject *key = PyUnicode_DecodeUTF8((const char *)text, (Py_ssize_t)size, "strict");
    /* Others would keep a second copy of themselves, as UTF-8, once they are compared. */
    if (key != NULL && PyUnicode_IS_ASCII(key)) {
        PyObject *old = *marks & mark ? *kept : NULL;

        *kept = Py_NewRef(key);
        *marks |= mark;
        Py_XDECREF(old);
    }
    return key;
}

void lcpy_short_keys_clear(lcpy_short_keys *keys)
{
    for (size_t i = 0; i < LCPY_SHORT_KEYS; i++) {
        uint64_t rest = keys->marks[i / 64] >> i % 64;

        if (rest == 0)
            i |= 63; /* none in the rest of this word */
        else if (rest & 1)
            Py_DECREF(keys->known[i]);
    }
}
