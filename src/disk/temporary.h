/* Temporary files: written out of sight, then given a name. Everything by directory descriptor.
 * Results are 0, or -1 and errno. Any thread. */
#ifndef LC_TEMPORARY_H
#define LC_TEMPORARY_H

#include "base/hash.h"

#include <sys/types.h>

#define LC_META ".locache" /* in a function's directory: all that is not an entry */

#define LC_TEMPORARY_NAME 32 /* ".locache/", a prefix, 16 digits */

/* A file that nobody sees until it is whole: created exclusively, locked while its writer lives,
 * then given its name. Or, where the system has such, one that has no name until then.
 *
 *     lc_temporary temporary;
 *     if (lc_temporary_create(&temporary, dir) != 0) ...
 *     if (lc_temporary_write(&temporary, spans, count) != 0 ||
 *         lc_temporary_publish(&temporary, to, name) != 0) ...
 *
 * When writing or publishing fails, the temporary is gone already. */
typedef struct lc_temporary {
    int dir; /* borrowed */
    int fd;
    char name[LC_TEMPORARY_NAME]; /* "": it has none */
} lc_temporary;

int lc_temporary_create(lc_temporary *out, int dir);
/* The same in the directory's .locache/, which the caller has checked (lc_owner_meta()): cheaper
 * than to open that. And where a sweeper was faster, publishing fails with ENOENT, which the caller
 * expects in any case: he tries again. */
int lc_temporary_create_meta(lc_temporary *out, int dir);
/* One without a name, which takes the fewest system calls: -1 where it is not to be had. */
int lc_temporary_create_unnamed(lc_temporary *out, int dir);
/* Give one without a name such a one as lc_temporary_create_meta() makes, so that it can replace
 * something. Does nothing for one that has one. */
int lc_temporary_name_meta(lc_temporary *temporary);
/* With the rights that belong to a mode of directories: lc_share_file(). */
int lc_temporary_share(lc_temporary *temporary, mode_t mode);
int lc_temporary_write(lc_temporary *temporary, const lc_span *spans, size_t count);
/* Flush the content to the device. */
int lc_temporary_flush(lc_temporary *temporary);
/* Give it a name that nothing has yet, and lc_temporary_close() it then. Failed: it is still there,
 * and it is the others' to say why. */
int lc_temporary_place(lc_temporary *temporary, int to_dir, const char *to);
/* The same over whatever has that name. ENOENT: somebody removed it meanwhile. */
int lc_temporary_replace(lc_temporary *temporary, int to_dir, const char *to);
int lc_temporary_close(lc_temporary *temporary);
/* Replace and close. */
int lc_temporary_publish(lc_temporary *temporary, int to_dir, const char *to);
/* Give it a second name where there is none yet (else EEXIST); the first one goes. */
int lc_temporary_link(lc_temporary *temporary, int to_dir, const char *to);
void lc_temporary_discard(lc_temporary *temporary);

/* Remove the temporaries in dir whose writers are provably gone: their locks can be had. */
void lc_temporary_sweep(int dir);

/* A name that nobody else has: prefix and 16 random digits. out has room for both and a NUL. */
void lc_temporary_name(char *out, const char *prefix);

#endif
