/* Make the nth system call or allocation fail, for n = 1, 2, ... until none does:
 *
 *     bool failed = true;
 *     for (int n = 1; failed; n++) {
 *         fault_set("alloc", n, ENOMEM);
 *         ...
 *         failed = fault_clear();
 *     }
 */
#ifndef TEST_FAULT_H
#define TEST_FAULT_H

#include "base/fault.h"
#include "injected.h"

#include <string.h>

static struct {
    const char *call; /* NULL: any */
    int remaining;
    int code;
    int failed;
} fault;

static int fault_hook(const char *call)
{
    if (fault.call != NULL && strcmp(fault.call, call) != 0)
        return 0;
    if (--fault.remaining != 0)
        return 0;
    fault.failed++;
    count_injections(1);
    return fault.code;
}

static inline void fault_set(const char *call, int nth, int code)
{
    count_injections(0);
    fault.call = call;
    fault.remaining = nth;
    fault.code = code;
    fault.failed = 0;
    lc_fault_hook = fault_hook;
}

/* Did one fail? */
static inline bool fault_clear(void)
{
    lc_fault_hook = NULL;
    return fault.failed > 0;
}

#endif
