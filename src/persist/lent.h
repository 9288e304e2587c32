/* Texts that the library lends: results of functions that return const char *, which no caller
 * frees. */
#ifndef LC_LENT_H
#define LC_LENT_H

#include <stddef.h>

/* That text with a NUL behind it, the same address for the same text, until lc_lent_clear(). NULL
 * without memory. Any thread. */
const char *lc_lent_text(const char *text, size_t size);
/* Free all of them. No other thread may be in here, and nobody may use one any more. */
void lc_lent_clear(void);

#endif
