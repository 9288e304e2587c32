/* Open lock files of the process. To open one costs more than all else that a computation needs to
 * keep others from it, and programs compute many results of few functions: so the last few stay
 * open.
 *
 * A descriptor belongs to a file that anybody may delete, and to a number that a program may close
 * or exchange: who takes a turn by it asks whether it is valid (lc_turns_valid()). A child of
 * fork() has the same open file descriptions, and with them its parent's locks: it closes them, so
 * that the locks go when the parent does. It must not unlock. */
#include "cache/lane.h"
#include "base/alloc.h"
#include "base/os.h"
#include "base/system.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

/* Descriptors that wait for the next computation: more functions than most programs compute in
 * turns, and few beside the 1,024 that a process mostly may have. */
#define IDLE_MAX 8
/* Where only few descriptors may be held, the part of them that may wait: none of one. */
#define IDLE_PART 4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static lc_lane *lanes; /* the last used first */
/* Those that a child of fork() found: it must not free memory between fork() and exec(). */
static lc_lane *spare;
static unsigned forks;

static lc_lane *lane_of_lock_held(dev_t device, ino_t inode)
{
    for (lc_lane *lane = lanes; lane != NULL; lane = lane->next)
        if (lane->device == device && lane->inode == inode && !lane->stale)
            return lane;
    return NULL;
}

static void unlink_lock_held(const lc_lane *lane)
{
    lc_lane **at = &lanes;
    while (*at != lane)
        at = &(*at)->next;
    *at = lane->next;
}

/* Take the lane that has been idle longest off the list, where there are too many; else NULL. */
static lc_lane *surplus_lock_held(int hold_below)
{
    int part = hold_below / IDLE_PART;
    int idle_max = part < IDLE_MAX ? part : IDLE_MAX;
    lc_lane *oldest = NULL;
    int idle = 0;
    for (lc_lane *lane = lanes; lane != NULL; lane = lane->next) {
        if (lane->users == 0) {
            oldest = lane;
            idle++;
        }
    }
    if (idle <= idle_max)
        return NULL;
    unlink_lock_held(oldest);
    return oldest;
}

static void close_lane(lc_lane *lane)
{
    if (lane == NULL)
        return;
    lc_turns_close(&lane->turns);
    lc_free(lane);
}

static lc_lane *new_lane(const lc_directory *at, dev_t device, ino_t inode)
{
    pthread_mutex_lock(&lock);
    lc_lane *lane = spare;
    if (lane != NULL)
        spare = lane->next;
    pthread_mutex_unlock(&lock);
    if (lane == NULL)
        lane = lc_alloc(sizeof *lane);
    if (lane == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    *lane = (lc_lane){.device = device, .inode = inode, .users = 1};
    if (lc_turns_open(&lane->turns, at, device, inode) != 0) {
        int code = errno;
        lc_free(lane);
        errno = code;
        return NULL;
    }
    return lane;
}

/* Put a lane that was opened on the list. What another thread put there meanwhile is taken instead,
 * and NULL returned where the process forked since: then a child that knows nothing of it has that
 * open file description, and would keep its locks beyond this process. */
static lc_lane *list_lane(lc_lane *opened, unsigned forks_before)
{
    pthread_mutex_lock(&lock);
    lc_lane *lane = lane_of_lock_held(opened->device, opened->inode);
    if (lane != NULL) {
        lane->users++;
    } else if (forks == forks_before) {
        opened->next = lanes;
        lanes = lane = opened;
    }
    pthread_mutex_unlock(&lock);
    if (lane != opened)
        close_lane(opened);
    return lane;
}

static lc_lane *open_lane(const lc_directory *at, dev_t device, ino_t inode)
{
    lc_lane *lane = NULL;
    while (lane == NULL) {
        pthread_mutex_lock(&lock);
        unsigned forks_before = forks;
        pthread_mutex_unlock(&lock);
        lane = new_lane(at, device, inode);
        if (lane == NULL)
            return NULL;
        lane = list_lane(lane, forks_before);
    }
    return lane;
}

lc_lane *lc_lane_take(const lc_directory *at, dev_t device, ino_t inode)
{
    pthread_mutex_lock(&lock);
    lc_lane *lane = lane_of_lock_held(device, inode);
    if (lane != NULL)
        lane->users++;
    pthread_mutex_unlock(&lock);
    if (lane != NULL)
        return lane;
    return open_lane(at, device, inode);
}

void lc_lane_retake(lc_lane *lane)
{
    pthread_mutex_lock(&lock);
    lane->users++;
    pthread_mutex_unlock(&lock);
}

void lc_lane_leave(lc_lane *lane)
{
    lc_lane *old = NULL;
    if (lane == NULL)
        return;
    int hold_below = lc_hold_below();
    pthread_mutex_lock(&lock);
    if (--lane->users == 0) {
        unlink_lock_held(lane);
        if (lane->stale || lane->turns.fd >= hold_below) {
            old = lane;
        } else {
            lane->next = lanes;
            lanes = lane;
            old = surplus_lock_held(hold_below);
        }
    }
    pthread_mutex_unlock(&lock);
    close_lane(old);
}

void lc_lane_renew(lc_lane *lane)
{
    pthread_mutex_lock(&lock);
    lane->stale = true;
    pthread_mutex_unlock(&lock);
}

void lc_lane_forget(dev_t device, ino_t inode)
{
    pthread_mutex_lock(&lock);
    lc_lane *lane = lane_of_lock_held(device, inode);
    if (lane != NULL && lane->users > 0)
        lane = NULL;
    if (lane != NULL)
        unlink_lock_held(lane);
    pthread_mutex_unlock(&lock);
    close_lane(lane);
}

void lc_lane_before_fork(void)
{
    pthread_mutex_lock(&lock);
    forks++;
}

void lc_lane_after_fork(bool in_child)
{
    while (in_child && lanes != NULL) {
        lc_lane *lane = lanes;
        lanes = lane->next;
        lc_turns_close(&lane->turns);
        lane->next = spare;
        spare = lane;
    }
    pthread_mutex_unlock(&lock);
}
