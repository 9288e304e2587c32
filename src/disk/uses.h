/* Uses that files' times do not show: of results in memory, known to this process alone. Any
 * thread. */
#ifndef LC_USES_H
#define LC_USES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* A use of a file that its times do not show. */
typedef struct lc_use {
    ino_t inode;
    int64_t when; /* nanoseconds since 1970-01-01 UTC */
} lc_use;

/* Those of a directory's files, in order of their numbers; all zeros: none are known. */
typedef struct lc_uses {
    lc_use *all;
    size_t count;
} lc_uses;

/* Up to so many entries, all are asked when there are too many, and those go that were used least
 * recently; that is half a millisecond. Beyond, the hand goes round (disk/hand.h). */
#define LC_LIMITS_FEW 1024
/* So many results more than the limit may be in memory. */
#define LC_LIMITS_MORE 256
/* And so many uses of what is not kept there are known. */
#define LC_LIMITS_READ 64
#define LC_LIMITS_USES (LC_LIMITS_FEW + LC_LIMITS_MORE + LC_LIMITS_READ)

/* Ask for them: fill() gives at most LC_LIMITS_USES, in any order, and says how many; NULL: nobody
 * knows any. Without memory none are known. */
void lc_uses_ask(lc_uses *out, size_t (*fill)(lc_use *out, void *context), void *context);
void lc_uses_free(lc_uses *uses);
/* When a file was used last, by its times and by these. */
int64_t lc_uses_last(const lc_uses *uses, const struct stat *found);

#endif
