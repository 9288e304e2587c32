/* Which large results were found sound: records that a file, in this very state, was verified since
 * the machine was started (docs/format.md, "What was verified"). A table in the function's
 * directory, for every process. Nobody needs it: whatever fails here, a file is verified once more.
 * Hostile content is harmless: a record counts for one state of one file, which nobody can make by
 * hand, and what is sealed needs the user's key.
 *
 *     lc_verified file;
 *     lc_verified_init(&file, dir, owner, &stamp, checksum);
 *     if (!lc_verified_find(&file)) {
 *         ... read all of it, and see that its stamp has not changed ...
 *         lc_verified_note(&file);
 *     }
 *
 * Any thread. */
#ifndef LC_VERIFIED_H
#define LC_VERIFIED_H

#include "base/hash.h"
#include "disk/directory.h"
#include "disk/stamp.h"

#include <sys/types.h>

#define LC_VERIFIED_NAME "verified" /* in .locache/ */
#define LC_VERIFIED_RECORD 128
/* 2 MiB when full: of large results, 256 KiB at least each, that is enough for 4 GiB and more. Four
 * ways, so that files that fall on one set rarely push each other out; a set is read at once. */
#define LC_VERIFIED_WAYS 4
#define LC_VERIFIED_SETS 4096

/* A file in one state. */
typedef struct lc_verified {
    int dir; /* the function's directory, borrowed */
    uid_t owner;
    bool known;  /* which boot this is: else nothing is recorded nor found */
    bool proves; /* what is said of it now holds as long as its stamp does */
    unsigned char record[LC_VERIFIED_RECORD];
} lc_verified;

void lc_verified_init(lc_verified *out, int dir, uid_t owner, const locache_stamp *stamp,
                      const unsigned char checksum[LC_CHECKSUM_SIZE]);
/* Was a file of that stamp, with that checksum in its header, found sound? */
bool lc_verified_find(lc_verified *file);
/* It was found sound, or written so, while it had its stamp. Does nothing where the stamp proves
 * nothing. */
void lc_verified_note(const lc_verified *file);

/* All in one of a file of `at` that begins with this header (LC_ENTRY_HEADER bytes): it is sound,
 * and its MAC is ours where it has one, so that nobody has to read through it. */
void lc_verified_note_sound(const lc_directory *at, const locache_stamp *stamp,
                            const unsigned char *head);

/* Its MAC verified with this key: to be noted. */
void lc_verified_seal(lc_verified *file, const unsigned char key[LC_MAC_KEY_SIZE]);
/* Of a file that was found: was its MAC verified with this key? */
bool lc_verified_sealed(const lc_verified *file, const unsigned char key[LC_MAC_KEY_SIZE]);

#endif
