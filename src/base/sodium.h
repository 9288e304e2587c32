/* The start of libsodium. Any thread. */
#ifndef LC_SODIUM_H
#define LC_SODIUM_H

#include <stdbool.h>

/* Before anything of libsodium is called, each time. Not when the library is loaded: choosing the
 * fastest implementation costs system calls that no import should pay. */
void lc_sodium_start(void);
/* Was it started? */
bool lc_sodium_is_ready(void);

#endif
