/* A function of the program's that is told of something, and its context: exchanged while other
 * threads call it. */
#ifndef LC_RECEIVER_H
#define LC_RECEIVER_H

#include <stdatomic.h>
#include <stdbool.h>

typedef void (*lc_any_function)(void);

/* Zero: nobody is told. */
typedef struct lc_receiver {
    _Atomic(lc_any_function) fn;
    _Atomic(void *) context;
    atomic_uint turn;
} lc_receiver;

/* NULL: nobody from now on. Any thread. */
void lc_receiver_set(lc_receiver *receiver, lc_any_function fn, void *context);
/* Both words of one lc_receiver_set(). False where there is nobody, or one is being changed for
 * another just now. Any thread. */
bool lc_receiver_get(lc_any_function *fn, void **context, lc_receiver *receiver);

#endif
