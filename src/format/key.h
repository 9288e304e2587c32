/* A key as it stands in an entry, and the name that is made of that. */
#ifndef LC_KEY_H
#define LC_KEY_H

#include "base/hash.h"
#include "locache.h"

/* [size, digest] under a tag: heads of 3, 1, 9 and 2 bytes, and 32. */
#define LC_KEY_DIGEST_MAX 47

/* The key as it stands in an entry: itself, or from LOCACHE_KEY_LONG bytes on its digest, in
 * `room`. No array, which every key is: so that neither is taken for the other. Takes as long as
 * locache_digest(). */
lc_span lc_key_stored(unsigned char room[LC_KEY_DIGEST_MAX], const void *key, size_t size);

/* locache_key_filename() of a key of which lc_key_stored() was asked already. */
locache_status lc_key_filename(char out[LOCACHE_NAME_MAX + 1], const void *key, size_t size,
                               lc_span stored, bool folds);
/* Is that the file name of a key that stands in an entry as these bytes? Of a long one, only the
 * hash at the name's end can be told. */
bool lc_key_has_filename(lc_span stored, const char *name);
/* Has a name anything that a file system which folds case takes for another? */
bool lc_name_has_capital(const char *name, size_t size);

#endif
