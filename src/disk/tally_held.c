/* A tally that stays open between stores.
 *
 * What a number of a descriptor stands for is asked before each use: the program may have closed
 * it, as a daemon does with all it finds open, and opened a file of its own. The same answer says
 * whether the tally was removed, or has a second name. */
#include "disk/tally_held.h"
#include "base/os.h"
#include "base/system.h"

#include <errno.h>
#include <sys/stat.h>

#define NOTHING (-1)
#define LOOKED_AT (-2)

void lc_tally_held_init(lc_tally_held *held)
{
    atomic_init(&held->fd, NOTHING);
}

/* Take it out, whatever it is. */
static int take_from(lc_tally_which *which, lc_tally_held *held)
{
    int fd = atomic_load(&held->fd);
    if (fd < 0 || !atomic_compare_exchange_strong(&held->fd, &fd, LOOKED_AT))
        return NOTHING;
    *which = held->which;
    atomic_store(&held->fd, NOTHING);
    return fd;
}

/* Not where its number is another file's, or nobody's. Where nothing can be asked, `found` is of no
 * file. */
static bool may_close(struct stat *found, int fd, const lc_tally_which *which)
{
    *found = (struct stat){.st_nlink = 0};
    if (lc_fstat(fd, found) != 0)
        return errno != EBADF;
    return found->st_dev == which->device && found->st_ino == which->inode;
}

int lc_tally_held_take(lc_tally_which *which, const lc_directory *at)
{
    struct stat found;
    int fd = at->tally != NULL ? take_from(which, at->tally) : NOTHING;
    if (fd >= 0 && may_close(&found, fd, which)) {
        if (which->generation == lc_generation() && which->dir_device == at->device &&
            which->dir_inode == at->inode && found.st_nlink == 1)
            return fd;
        lc_close(fd);
    }
    which->generation = 0;
    return NOTHING;
}

bool lc_tally_held_put(const lc_directory *at, int fd, const lc_tally_which *which)
{
    lc_tally_which now = *which;
    int nothing = NOTHING;
    if (at->tally == NULL)
        return false;
    if (which->generation == 0) {
        struct stat found;
        if (fd >= lc_hold_below() || lc_fstat(fd, &found) != 0)
            return false;
        now = (lc_tally_which){.device = found.st_dev,
                               .inode = found.st_ino,
                               .dir_device = at->device,
                               .dir_inode = at->inode,
                               .generation = lc_generation()};
    }
    if (now.generation != lc_generation() ||
        !atomic_compare_exchange_strong(&at->tally->fd, &nothing, LOOKED_AT))
        return false;
    at->tally->which = now;
    atomic_store(&at->tally->fd, fd);
    return true;
}

void lc_tally_held_close(lc_tally_held *held)
{
    lc_tally_which which;
    struct stat found;
    int fd = take_from(&which, held);
    if (fd >= 0 && may_close(&found, fd, &which))
        lc_close(fd);
}
