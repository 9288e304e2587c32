/* The user's own key, which pickled results are signed with: found, checked, made once.
 *
 * To read a pickle is to run what it says, so that a MAC with this key is all that stands between a
 * cache that came from elsewhere and the user's account. Hence it is never in a cache, never
 * readable by others, and one that may have been read is refused rather than replaced: to replace
 * it would throw away, without a word, that somebody may know the old one. Where there is no sound
 * key, pickles are misses and all else works. */
#include "disk/userkey.h"
#include "base/os.h"
#include "disk/locate.h"
#include "disk/owner.h"
#include "disk/temporary.h"
#include "disk/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define VARIABLE "XDG_STATE_HOME" /* what puts the key elsewhere */

static locache_status check_outside(const lc_climb *how, const lc_step *step)
{
    const struct stat *cache = how->context;
    if (step->here->st_dev == cache->st_dev && step->here->st_ino == cache->st_ino)
        return lc_fail(how->error, LOCACHE_EUNTRUSTED,
                       "the key in %s lies inside the cache directory: set %s to a place outside",
                       how->path, how->variable);
    return LOCACHE_OK;
}

/* Whoever gives the cache away would give the key away with it. By device and inode, up from the
 * key's directory: paths may lead there by links. */
locache_status lc_userkey_check_outside(int dir, const lc_climb *from, const char *cache)
{
    struct stat inside;
    if (lc_fstatat(AT_FDCWD, cache, &inside) != 0)
        return errno == ENOENT ? LOCACHE_OK
                               : lc_fail_os(from->error, errno, "cannot examine %s", cache);
    lc_climb up = *from;
    up.visit = check_outside;
    up.context = &inside;
    return lc_owner_climb(dir, &up);
}

/* By what fstat() says of the open file, not of its name. */
static locache_status check_key(const struct stat *file, const char *path, locache_error *error)
{
    if (!S_ISREG(file->st_mode) || file->st_size != LC_MAC_KEY_SIZE)
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "the key file %s/key is not a file of %d bytes: delete it", path,
                       LC_MAC_KEY_SIZE);
    if (file->st_uid != geteuid())
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "the key file %s/key belongs to another user (uid %lu): delete it, or set "
                       "XDG_STATE_HOME to a directory of yours",
                       path, (unsigned long)file->st_uid);
    if (file->st_mode & (S_IRWXG | S_IRWXO))
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "the key file %s/key is open to other users, who may have read it: delete "
                       "it, or if nobody did, chmod 600 '%s/key'",
                       path, path);
    return LOCACHE_OK;
}

/* OK, MISS where there is none, or what is wrong with it. */
static locache_status read_key(unsigned char out[LC_MAC_KEY_SIZE], int dir, const char *path,
                               locache_error *error)
{
    int fd = lc_openat(dir, "key", O_RDONLY, 0);
    if (fd < 0 && errno == ENOENT)
        return LOCACHE_MISS;
    if (fd < 0 && (errno == ELOOP || errno == ENXIO))
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "the key file %s/key is not a regular file: delete it", path);
    if (fd < 0)
        return lc_fail_os(error, errno, "cannot open the key file %s/key", path);
    struct stat found;
    locache_status status;
    if (lc_fstat(fd, &found) != 0)
        status = lc_fail_os(error, errno, "cannot examine the key file %s/key", path);
    else
        status = check_key(&found, path, error);
    if (status == LOCACHE_OK) {
        ssize_t got = lc_read_full(fd, out, LC_MAC_KEY_SIZE);
        if (got < 0)
            status = lc_fail_os(error, errno, "cannot read the key file %s/key", path);
        else if (got != LC_MAC_KEY_SIZE)
            status = lc_fail(error, LOCACHE_EUNTRUSTED, "the key file %s/key is cut off: delete it",
                             path);
    }
    lc_close(fd);
    return status;
}

/* Of several makers one wins, since a link, unlike a rename, never replaces; and all read that
 * one's key. */
static locache_status make_key(int dir, const char *path, locache_error *error)
{
    unsigned char key[LC_MAC_KEY_SIZE];
    lc_temporary temporary;
    lc_temporary_sweep(dir);
    lc_random(key, sizeof key);
    if (lc_temporary_create(&temporary, dir) != 0)
        return lc_fail_os(error, errno, "cannot make the key file %s/key", path);
    /* Flushed: a key that a power cut takes away takes all pickled results with it. */
    if (lc_temporary_write(&temporary, &(lc_span){key, sizeof key}, 1) != 0 ||
        lc_temporary_flush(&temporary) != 0)
        return lc_fail_os(error, errno, "cannot write the key file %s/key", path);
    if (lc_temporary_link(&temporary, dir, "key") != 0 && errno != EEXIST)
        return lc_fail_os(error, errno, "cannot make the key file %s/key", path);
    return LOCACHE_OK;
}

locache_status lc_userkey_read(unsigned char out[LC_MAC_KEY_SIZE], bool make, const char *cache,
                               locache_error *error)
{
    char path[LOCACHE_PATH_MAX];
    int dir = -1;
    locache_status status = lc_locate_user_directory(path, sizeof path - sizeof "/locache",
                                                     VARIABLE, "/.local/state", error);
    if (status != LOCACHE_OK)
        return status;
    memcpy(path + strlen(path), "/locache", sizeof "/locache");
    if (make && lc_tree_make(path) != 0)
        return lc_fail_os(
            error, errno,
            "cannot make the directory %s for the key that pickled results are signed with", path);
    const lc_owner_place place = {.where = "", .name = path, .variable = VARIABLE};
    status = lc_owner_open(&dir, AT_FDCWD, &place, error);
    if (status == LOCACHE_OK)
        status = lc_owner_above(dir, path, false, VARIABLE, error);
    if (status == LOCACHE_OK)
        status = lc_userkey_check_outside(
            dir, &(lc_climb){.path = path, .variable = VARIABLE, .error = error}, cache);
    if (status == LOCACHE_OK)
        status = read_key(out, dir, path, error);
    if (status == LOCACHE_MISS && make && (status = make_key(dir, path, error)) == LOCACHE_OK)
        status = read_key(out, dir, path, error);
    if (status == LOCACHE_MISS)
        status = lc_fail(error, LOCACHE_EUNTRUSTED,
                         "there is no key file %s/key to verify pickled results with", path);
    if (dir >= 0)
        lc_close(dir);
    return status;
}
