/* A directory of the test's own, open, for tests of system calls. */
#ifndef TEST_PLACE_H
#define TEST_PLACE_H

#include "base/fault.h"
#include "base/listing.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char place[64];
static int dir = -1; /* open on it */

static bool remove_name(void *context, const char *name)
{
    (void)context;
    if (unlinkat(dir, name, 0) != 0)
        unlinkat(dir, name, AT_REMOVEDIR);
    return true;
}

static int enter(void **state)
{
    (void)state;
    strcpy(place, "/tmp/locache-test-XXXXXX");
    if (mkdtemp(place) == NULL)
        return -1;
    dir = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -1 : 0;
}

static int leave(void **state)
{
    (void)state;
    lc_fault_hook = NULL;
    lc_each_name(dir, remove_name, NULL);
    close(dir);
    return rmdir(place);
}

#endif
