/* The signal that a file over the bound brings, which would end the program in the middle. */
#include "limit.h"

#include <signal.h>
#include <stddef.h>

static struct sigaction before;

void cli_limit_ignore(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGXFSZ, &ignore, &before);
}

void cli_limit_restore(void)
{
    (void)sigaction(SIGXFSZ, &before, NULL);
}
