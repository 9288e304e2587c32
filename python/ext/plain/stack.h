/* How much of the C stack is left to the thread that runs. */
#ifndef LCPY_STACK_H
#define LCPY_STACK_H

#include <stdbool.h>

#include "state.h"

/* Before a function is called that may call back to here: 0, or -1 with RecursionError where too
 * little C stack is left for what a call needs besides. */
int lcpy_stack_check(void);
/* Are so many bytes of it left, beside what is kept back? True, too, where that is not known. */
bool lcpy_stack_has(size_t size);

#endif
