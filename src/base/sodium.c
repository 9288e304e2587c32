/* Once in a process, by who comes first. */
#include "base/sodium.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_bool is_ready;

static void start_sodium(void)
{
    /* It fails only where a mutex does; everything used here is correct then too, merely slower. */
    int failed = sodium_init();
    (void)failed;
    atomic_store(&is_ready, true);
}

void lc_sodium_start(void)
{
    pthread_once(&once, start_sodium);
}

bool lc_sodium_is_ready(void)
{
    return atomic_load(&is_ready);
}
