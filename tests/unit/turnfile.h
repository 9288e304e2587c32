/* A function's directory with its lock file open twice, as two processes have it. */
#ifndef LC_TURNFILE_H
#define LC_TURNFILE_H

#include "disk/turns.h"
#include "scratch.h"

static int dir;
static lc_directory at;
static struct stat self; /* of the directory */
static lc_turns ours;
static lc_turns theirs;

static inline int turnfile_setup(void **unused)
{
    if (scratch_setup(unused) != 0 || mkdir(foo, 0700) != 0)
        return -1;
    dir = open(foo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    at = (lc_directory){.dir = dir, .owner = geteuid()};
    return dir < 0 || fstat(dir, &self) != 0 ||
           lc_turns_open(&ours, &at, self.st_dev, self.st_ino) != 0 ||
           lc_turns_open(&theirs, &at, self.st_dev, self.st_ino) != 0;
}

static inline int turnfile_teardown(void **unused)
{
    lc_turns_close(&ours);
    lc_turns_close(&theirs);
    close(dir);
    return scratch_teardown(unused);
}

#endif
