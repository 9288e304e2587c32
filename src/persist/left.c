/* Bodies that are left without a return. Nobody tells a library of a longjmp(); three things find
 * it out.
 *
 * glibc calls the clean-up handlers of the frames that longjmp(), pthread_exit() and
 * cancellation leave, as far as they are noted on its list (_pthread_cleanup_push(), of its
 * first threads library, which every version has kept). The buffer for that is in the call, on
 * the caller's stack. Elsewhere the next call of the thread finds bodies whose frames are not
 * there any more (lc_flight_left()), and the end of a thread ends those that it has. Found
 * falsely, where a program switches between stacks, a flight only gives its turn up: its memory
 * is the call's, which may be there still. */
#include "persist/left.h"
#include "cache/flight.h"
#include "persist/opened.h"

#include <pthread.h>

#ifdef __GLIBC__
typedef struct _pthread_cleanup_buffer cleanup;
_Static_assert(sizeof(cleanup) <= sizeof(((lc_call *)NULL)->left), "a call has room for it");

extern void _pthread_cleanup_push(cleanup *buffer, void (*routine)(void *), void *argument)
    __attribute__((weak));
extern void _pthread_cleanup_pop(cleanup *buffer, int execute) __attribute__((weak));

/* Stacks are read downwards from the frame: a call that is not a little above it is on another
 * stack than glibc compares with, as a sanitizer's. */
#define NEAR ((uintptr_t)1 << 20)

static cleanup *buffer_of(lc_call *call)
{
    return (cleanup *)(void *)call->left;
}

static void leave(void *context)
{
    lc_call *call = context;
    lc_flight_end(call->flight);
    call->flight = NULL;
    call->cache = NULL;
    locache_cbor_writer_clear(&call->key);
    lc_opened_leave(call->function);
}

/* Off the list, on which fibers of one thread may have put others in between. */
static void take_off(cleanup *mine)
{
    cleanup probe;
    _pthread_cleanup_push(&probe, leave, NULL);
    cleanup *at = probe.__prev;
    _pthread_cleanup_pop(&probe, 0);
    if (at == mine) {
        _pthread_cleanup_pop(mine, 0);
        return;
    }
    while (at != NULL && at->__prev != mine)
        at = at->__prev;
    if (at != NULL)
        at->__prev = mine->__prev;
}
#endif

void lc_left_watch(lc_call *call, const void *frame)
{
    lc_flight_bind(call->flight, frame);
#ifdef __GLIBC__
    buffer_of(call)->__routine = NULL;
    if (_pthread_cleanup_push != NULL && (uintptr_t)call - (uintptr_t)frame < NEAR)
        _pthread_cleanup_push(buffer_of(call), leave, call);
#endif
}

void lc_left_forget(lc_call *call)
{
#ifdef __GLIBC__
    if (buffer_of(call)->__routine != NULL)
        take_off(buffer_of(call));
    buffer_of(call)->__routine = NULL;
#else
    (void)call;
#endif
}

void lc_left_find(const void *frame)
{
    lc_flight_left(frame);
}
