/* Results of one function in memory: what is kept, and whether it is still valid. Any thread. */
#ifndef LC_RECALL_H
#define LC_RECALL_H

#include "base/os.h"
#include "cache/address.h"
#include "cache/handle.h"

/* Set a handle's table up, as the options say. OK or ENOMEM. */
locache_status lc_recall_init(locache *cache, const locache_options *options);
/* Everything is released. One thread. */
void lc_recall_close(locache *cache);
/* A file's result was read now, which is not noted there. */
void lc_recall_note_use(const locache *cache, ino_t inode);
/* For lc_newcomer: context is the handle. */
size_t lc_recall_uses(lc_use *out, void *context);
/* The function's directory is now one on that file system: how it answers decides what is kept.
 * `another`: not the one that it was. */
void lc_recall_found_directory(locache *cache, lc_file_system system, bool another);

/* The following are for handles that keep values themselves, and do nothing for others. */

/* Look a key up, as locache_recall() does: *out is held once more, for the caller. */
locache_status lc_recall_value(locache_value **out, locache *cache, lc_address *address);
/* Keep a value that was read and is valid, if it is one to be kept. */
void lc_recall_keep(locache *cache, lc_address *address, locache_value *value);
/* The same of one that was written. */
void lc_recall_keep_written(locache *cache, lc_address *address, const locache_stamp *stamp,
                            const lc_image *image);
/* Drop one key's result, or all (NULL). */
void lc_recall_forget(locache *cache, const lc_address *address);

#endif
