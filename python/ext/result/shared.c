/* Which objects of a result are met twice: a walk over all of it before anything is written, since
 * the first time that an object is written it must carry its SHARED tag already.
 *
 * Why it matters: a list that is twice in a result must be one list when it is read again, so that
 * what is appended to one is in the other; and a cycle must end. Objects are told apart by their
 * addresses, and are held while the table has them, so that no other can take the address. */
#include "result/shared.h"

/* The slot of an object, or the free one where it belongs. */
static lcpy_seen *seen_slot(const lcpy_shared *shared, PyObject *object)
{
    /* Fibonacci hashing: 2^64 divided by the golden ratio spreads addresses, whose low bits are
     * equal. */
    size_t at = (size_t)(((uint64_t)(uintptr_t)object * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
    for (;; at++) {
        lcpy_seen *slot = &shared->table[at & (shared->slots - 1)];
        if (slot->object == NULL || slot->object == object)
            return slot;
    }
}

/* Doubled, so that it is at most half full and probing is short. */
static int grow_seen(lcpy_shared *shared)
{
    lcpy_shared larger = *shared;
    larger.slots = shared->slots == 0 ? 64 : shared->slots * 2;
    larger.table = PyMem_Calloc(larger.slots, sizeof *larger.table);
    if (larger.table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < shared->slots; i++)
        if (shared->table[i].object != NULL)
            *seen_slot(&larger, shared->table[i].object) = shared->table[i];
    PyMem_Free(shared->table);
    shared->table = larger.table;
    shared->slots = larger.slots;
    return 0;
}

/* 1 where the object was met before, 0 where it is new, -1 with MemoryError. */
static int meet(lcpy_shared *shared, PyObject *object)
{
    if (shared->used * 2 >= shared->slots && grow_seen(shared) < 0)
        return -1;
    lcpy_seen *slot = seen_slot(shared, object);
    /* Its items are not walked a second time, so that a cycle ends. */
    if (slot->object != NULL) {
        slot->twice = true;
        return 1;
    }
    *slot = (lcpy_seen){.object = Py_NewRef(object), .number = -1};
    shared->used++;
    return 0;
}

/* Freeing an object may run code of its class; the table is no longer used by then. */
void lcpy_shared_clear(lcpy_shared *shared)
{
    for (size_t i = 0; i < shared->slots; i++)
        Py_XDECREF(shared->table[i].object);
    PyMem_Free(shared->table);
}

static lcpy_written find_in_list(lcpy_shared *shared, PyObject *list)
{
    lcpy_written found = LCPY_DONE;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list) && found == LCPY_DONE; i++) {
        /* Held: other code may run below, and take it out of the list. */
        PyObject *item = Py_NewRef(PyList_GET_ITEM(list, i));
        found = lcpy_shared_find(shared, item);
        Py_DECREF(item);
    }
    return found;
}

static lcpy_written find_in_tuple(lcpy_shared *shared, PyObject *tuple)
{
    lcpy_written found = LCPY_DONE;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple) && found == LCPY_DONE; i++) {
        PyObject *item = Py_NewRef(PyTuple_GET_ITEM(tuple, i));
        found = lcpy_shared_find(shared, item);
        Py_DECREF(item);
    }
    return found;
}

/* PyDict_Next() borrows: both are held, since other code may run below. */
static lcpy_written find_in_dict(lcpy_shared *shared, PyObject *dict)
{
    lcpy_written found = LCPY_DONE;
    Py_ssize_t position = 0;
    PyObject *key;
    PyObject *item;
    while (found == LCPY_DONE && PyDict_Next(dict, &position, &key, &item)) {
        Py_INCREF(key);
        Py_INCREF(item);
        found = lcpy_shared_find(shared, key);
        if (found == LCPY_DONE)
            found = lcpy_shared_find(shared, item);
        Py_DECREF(key);
        Py_DECREF(item);
    }
    return found;
}

/* For lcpy_shape_each_member(). */
static lcpy_written find_in_member(void *context, PyObject *member)
{
    return lcpy_shared_find(context, member);
}

/* `value` is held by the caller beside whatever it lies in: with two references it can only be met
 * here, which spares most objects the table. More references than that may be anybody's. */
lcpy_written lcpy_shared_find(lcpy_shared *shared, PyObject *value)
{
    lcpy_class class_of;
    lcpy_shape shape = lcpy_shape_of(shared->state, &class_of, value);
    if (shape == LCPY_SHAPE_SCALAR)
        return LCPY_DONE;
    if (shape == LCPY_SHAPE_OTHER)
        return lcpy_shape_refuse(shared->obstacle, value,
                                 "an object of a class that has no plain form");
    if (Py_REFCNT(value) > 2 && lcpy_shape_is_shareable(value, shape)) {
        int before = meet(shared, value);
        if (before != 0)
            return before < 0 ? LCPY_ERROR : LCPY_DONE;
    }
    /* Deeper than what can be written, so that this walk ends, on a C stack of that size. */
    if (shared->depth >= LOCACHE_DEPTH_MAX)
        return lcpy_shape_refuse(shared->obstacle, value, "nesting deeper than entries hold");
    lcpy_written found = LCPY_DONE;
    shared->depth++;
    if (shape == LCPY_SHAPE_LIST)
        found = find_in_list(shared, value);
    else if (shape == LCPY_SHAPE_TUPLE)
        found = find_in_tuple(shared, value);
    else if (shape == LCPY_SHAPE_DICT)
        found = find_in_dict(shared, value);
    else if (shape == LCPY_SHAPE_SET || shape == LCPY_SHAPE_FROZENSET)
        found = lcpy_shape_each_member(value, find_in_member, shared);
    shared->depth--;
    return found;
}

lcpy_seen *lcpy_shared_get(const lcpy_shared *shared, PyObject *value, lcpy_shape shape)
{
    lcpy_seen *seen;

    if (shared->used == 0 || !lcpy_shape_is_shareable(value, shape))
        return NULL;
    seen = seen_slot(shared, value);
    return seen->object != NULL && seen->twice ? seen : NULL;
}
