/* Lock files that are open, one for each function's directory however many computations of it there
 * are. A few stay open when the last one ended, for the next. Any thread. */
#ifndef LC_LANE_H
#define LC_LANE_H

#include "disk/turns.h"

#include <stdatomic.h>

/* Borrowed by who took it; what is in it does not change meanwhile. */
typedef struct lc_lane {
    dev_t device; /* of the function's directory */
    ino_t inode;
    lc_turns turns;
    atomic_uint held; /* turns that are taken by it: flight.c counts */
    /* the rest is lane.c's own */
    unsigned users;
    bool stale; /* its file was deleted: for those only who have it */
    struct lc_lane *next;
} lc_lane;

/* The lane of a function's directory, its lock file opened and made where need be. NULL and errno:
 * there is none to be had; ENOENT: the directory is deleted. */
lc_lane *lc_lane_take(const lc_directory *at, dev_t device, ino_t inode);
/* Take it once more, which somebody has who does not leave it meanwhile. */
void lc_lane_retake(lc_lane *lane);
/* NULL is allowed. */
void lc_lane_leave(lc_lane *lane);
/* Its lock file was deleted: who takes the lane from now on opens another. */
void lc_lane_renew(lc_lane *lane);
/* Close what stays open for a directory and is not used. */
void lc_lane_forget(dev_t device, ino_t inode);

/* Around fork(), in the thread that forks: nobody is within this file meanwhile; in the child, all
 * are closed, and what others took is not to be given back. */
void lc_lane_before_fork(void);
void lc_lane_after_fork(bool in_child);

#endif
