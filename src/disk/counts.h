/* How often a function's results were used, summed up over processes: docs/format.md, "Counts", is
 * normative for the file. Nobody waits for anybody; what cannot be written is its caller's to keep
 * and to add later. Any thread. */
#ifndef LC_COUNTS_H
#define LC_COUNTS_H

#include "disk/directory.h"
#include "disk/temporary.h"

#include <stdbool.h>
#include <stdint.h>

#define LC_COUNTS_NAME LC_META "/counts"

/* In the order in which a record has them. */
enum {
    LC_COUNT_HITS,
    LC_COUNT_MISSES,
    LC_COUNT_REJECTS,
    LC_COUNT_STORES,
    LC_COUNT_SAVED_TIME,
    LC_COUNT_COMPUTE_TIME,
    LC_COUNT_BYTES_READ,
    LC_COUNT_BYTES_STORED,
    LC_COUNTS
};

/* What one process counted in a span of time, or a sum of such. Times are nanoseconds since
 * 1970-01-01 UTC. */
typedef struct lc_counts {
    uint64_t numbers[LC_COUNTS];
    int64_t since;    /* when counting began; 0: nothing was counted */
    int64_t until;    /* and when it ended */
    uint32_t process; /* whose they are; 0: several */
} lc_counts;

/* Take more into a sum; numbers stop at their greatest. */
void lc_counts_join(lc_counts *sum, const lc_counts *more);

/* Add what was counted, to a file that is made where there is none, if `make`. 0, or -1: it was not
 * added. */
int lc_counts_add(const lc_directory *at, const lc_counts *more, bool make);
/* Call fn with each record, in no order. False: there is no file that can be read. */
bool lc_counts_each(const lc_directory *at, void (*fn)(void *context, const lc_counts *one),
                    void *context);
/* Their sum. False: as above, and *out is zero. */
bool lc_counts_read(lc_counts *out, const lc_directory *at);
/* Begin anew. */
void lc_counts_forget(int dir);

#endif
