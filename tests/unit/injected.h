/* How many faults a program injected, said when it ends: tools/faults.py adds it to the table in
 * docs/reliability.md. */
#ifndef TEST_INJECTED_H
#define TEST_INJECTED_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    unsigned long count;
    pid_t process; /* whose they are: a child that ends by exit() does not say them once more */
} injected;

static inline void injected_say(void)
{
    if (getpid() == injected.process)
        printf("%lu injections\n", injected.count);
}

/* What must hold after each of them is the caller's to assert. */
static inline void count_injections(unsigned long more)
{
    if (injected.process == 0 && atexit(injected_say) == 0)
        injected.process = getpid();
    injected.count += more;
}

#endif
