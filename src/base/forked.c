/* What a child of fork() closes: a few numbers, each in a slot of its own, so that the child finds
 * them whole whenever it was forked. Where all slots are taken a child keeps what it shares. */
#include "base/forked.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* Threads that store under a bound, or switch to another version, at one moment. */
#define SLOTS 64

static atomic_int slots[SLOTS]; /* a descriptor + 1; 0: none */
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void close_all(void)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        int fd = atomic_exchange(&slots[i], 0) - 1;
        if (fd >= 0)
            close(fd); /* not lc_close(): no test makes a child's handler fail */
    }
}

static void close_in_children(void)
{
    /* It fails without memory only: then a child keeps what it shares. */
    int failed = pthread_atfork(NULL, NULL, close_all);
    (void)failed;
}

/* `to` in a slot that holds `from`. */
static void put_for(int from, int to)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        int here = from;
        if (atomic_compare_exchange_strong(&slots[i], &here, to))
            return;
    }
}

void lc_forked_closes(int fd)
{
    pthread_once(&prepared, close_in_children);
    put_for(0, fd + 1);
}

void lc_forked_keeps(int fd)
{
    put_for(fd + 1, 0);
}
