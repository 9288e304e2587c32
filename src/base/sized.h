/* Structs that begin with their own size, as programs of other versions of the header pass them. */
#ifndef LC_SIZED_H
#define LC_SIZED_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Does *given, whose first member is its size_t size, have at least `least` bytes, and beyond those
 * that are known here nothing but zeros? Any thread. */
static inline bool lc_sized_fits(size_t known, size_t least, const void *given)
{
    const size_t size = *(const size_t *)given;
    if (size < least)
        return false;
    for (size_t i = known; i < size; i++)
        if (((const unsigned char *)given)[i] != 0)
            return false;
    return true;
}

/* Copy *given, whose first member is its size_t size, into *out, which has `known` bytes, those
 * that were not given zero. False: it is shorter than `least`, or says something beyond what is
 * known here. Any thread. */
static inline bool lc_sized_take(void *out, size_t known, size_t least, const void *given)
{
    const size_t size = *(const size_t *)given;
    if (!lc_sized_fits(known, least, given))
        return false;
    memset(out, 0, known);
    memcpy(out, given, size < known ? size : known);
    return true;
}

/* Fill *out, whose first member says how many bytes of it there are, with as many of *from, and
 * leave that member as it is. Any thread. */
static inline void lc_sized_give(void *out, const void *from, size_t known)
{
    size_t size;
    memcpy(&size, out, sizeof size);
    memcpy(out, from, size < known ? size : known);
    memcpy(out, &size, sizeof size);
}

/* The size of a struct up to and with one of its members. */
#define LC_SIZED_UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)NULL)->member))

#endif
