/* How many entries a function's directory holds, and how many bytes: the tally of .locache/tally,
 * which all processes keep together that store in it under a bound (docs/format.md, "The tally").
 * It is advice: deleted, damaged or wrong it is made again from the directory, and nothing but
 * bounds depends on it. Any thread. */
#ifndef LC_TALLY_H
#define LC_TALLY_H

#include "disk/directory.h"
#include "disk/tally_held.h"
#include "disk/temporary.h"

#include <stdbool.h>
#include <sys/stat.h>

#define LC_TALLY LC_META "/tally"

/* Entries are regular files whose names do not begin with a dot; bytes are what their sizes sum up
 * to, as `ls -l` shows them, and not the blocks that they take. */
typedef struct lc_tally {
    int64_t entries;
    int64_t bytes;
} lc_tally;

static inline void lc_tally_plus(lc_tally *sum, int64_t entries, int64_t bytes)
{
    sum->entries += entries;
    sum->bytes += bytes;
}

/* What was evicted is there no more, nor was it more than all there was. */
static inline void lc_tally_minus(lc_tally *sum, const lc_tally *less)
{
    sum->entries -= sum->entries > less->entries ? less->entries : sum->entries;
    sum->bytes -= sum->bytes > less->bytes ? less->bytes : sum->bytes;
}

/* What the file says, without a lock and without a handle: at->dir, owner and path are enough.
 * False: there is none, it is damaged, or not ours. A moment later it may say something else. */
bool lc_tally_read(lc_tally *out, const lc_directory *at);
/* Count the directory itself, one fstatat() for each entry. False: it could not be listed. */
bool lc_tally_survey(lc_tally *out, const lc_directory *at);
/* Add to what the file says, where there is a file that says something; else nothing: who bounds
 * the directory makes it. Waits for another process for a second at most. */
void lc_tally_add(const lc_directory *at, lc_tally more);
/* The same of one entry, which was removed: its file was `found`. */
void lc_tally_removed(const lc_directory *at, const struct stat *found);

/* The tally in the hands of one process:
 *
 *     lc_tallying in;
 *     if (lc_tally_begin(&in, at, true)) {
 *         if (!in.known)
 *             in.known = lc_tally_survey(&in.now, at);
 *         in.now.bytes += ...;
 *         lc_tally_end(&in);
 *     }
 */
typedef struct lc_tallying {
    lc_tally now;
    lc_tally before; /* what the file says; end() writes nothing where that is `now` */
    bool known;      /* `now` is said by the file, or was counted; else end() writes nothing */
    bool stored;     /* an entry, which is larger than the tally, in this call */
    bool locked;     /* nobody else has it: where that could not be had, what others add is lost */
    int fd;
    const lc_directory *at;
    lc_tally_which which;
} lc_tallying;

/* False: there is no such file (which `make` makes), or it is not ours to write to. `at` is
 * borrowed until end(). */
bool lc_tally_begin(lc_tallying *out, const lc_directory *at, bool make);
void lc_tally_end(lc_tallying *in);

#endif
