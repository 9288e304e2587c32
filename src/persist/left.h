/* Bodies that are left without a return: by longjmp(), or with their thread. One thread for each
 * call, that of the body. */
#ifndef LC_LEFT_H
#define LC_LEFT_H

#include "persist/call.h"

/* The call's flight has begun, in a frame of this address, and its body is about to run: where it
 * is left, the flight ends and the call's memory is freed. */
void lc_left_watch(lc_call *call, const void *frame);
/* The body has returned. */
void lc_left_forget(lc_call *call);
/* The stack is back at this frame: flights of bodies that were left give their turns up. */
void lc_left_find(const void *frame);

#endif
