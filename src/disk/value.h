/* A result as it was read: its file's bytes, held by whoever needs them. Any thread. */
#ifndef LC_VALUE_H
#define LC_VALUE_H

#include "disk/stamp.h"
#include "format/entry.h"

#include <stdalign.h>
#include <stdatomic.h>

/* An entry's file in memory of its own; `entry` is filled by whoever parses it, but where it is
 * sound. Or mapped: then what is before the buffers is in `room`, where nobody can change it. */
struct locache_value {
    lc_entry entry;
    locache_stamp stamp; /* of the file before it was read */
    int64_t used;        /* last, by its times: nanoseconds since 1970-01-01 UTC */
    atomic_uint holders;
    bool mapped; /* bytes are a mapping, and not `room` */
    bool sound;  /* parsed and verified already, as each that is mapped is */
    bool stale;  /* past its end, and given all the same */
    size_t room_size;
    size_t size; /* of the file */
    unsigned char *bytes;
    alignas(LC_ENTRY_ALIGN) unsigned char room[];
};

/* A value with room for size bytes, which are its own; held once, by the caller. NULL: no
 * memory. */
locache_value *lc_value_new(size_t size);
/* Give the memory back that is kept for the next value. */
void lc_value_clear(void);
/* Of a value that is parsed: the size of what is before its buffers. */
size_t lc_value_front(const locache_value *value);

#endif
