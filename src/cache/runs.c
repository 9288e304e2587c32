/* Runs that stored results and found none: whether it pays to keep them.
 *
 * A run that stores a result before it found one adds a byte of its process's number to
 * `.locache/unread`; one that found some before takes that file away. So a run pays for it once,
 * when it has computed something, and no hit does. */
#include "base/os.h"
#include "base/system.h"
#include "cache/dirhold.h"
#include "disk/marks.h"

/* So many bytes: it was said, or so many runs found nothing that could be said. */
#define SAID 64

/* Enough of the process to tell it from the one before. */
static unsigned char own_byte(void)
{
    return (unsigned char)lc_process();
}

static int64_t count_run(const lc_directory *at)
{
    bool made;
    int last;
    int fd = lc_marks_open(at, LC_MARKS_RUNS, &made);
    if (fd < 0)
        return -1;
    int64_t before = lc_marks_size(fd, &last);
    /* The function may be made again and again, as by a cell of a notebook. */
    bool counts = before >= 0 && before < SAID && last != own_byte();
    if (counts)
        counts = lc_marks_add(fd, own_byte(), 1) == 0;
    lc_close(fd);
    return counts ? before : -1;
}

static void fill_up(const lc_directory *at)
{
    bool made;
    int fd = lc_marks_open(at, LC_MARKS_RUNS, &made);
    if (fd < 0)
        return;
    (void)lc_marks_add(fd, own_byte(), SAID);
    lc_close(fd);
}

int64_t locache_count_run(locache *cache, locache_run run)
{
    int64_t before = -1;
    if (cache->flags & LOCACHE_OPEN_READ_ONLY)
        return -1;
    int funcdir = lc_dirhold_borrow(cache);
    lc_directory at = lc_handle_directory(cache, funcdir);
    if (funcdir >= 0 && run == LOCACHE_RUN_UNREAD)
        before = count_run(&at);
    else if (funcdir >= 0 && run == LOCACHE_RUN_SAID)
        fill_up(&at);
    else if (funcdir >= 0)
        (void)lc_unlinkat(funcdir, LC_MARKS_RUNS, 0);
    lc_dirhold_return(cache);
    return before;
}
