/* Sizes and ages as people write them in a setting: "10G", "30d". No I/O. Any thread. */
#ifndef LC_QUANTITY_H
#define LC_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum lc_quantity {
    LC_QUANTITY_COUNT, /* 1000 */
    LC_QUANTITY_SIZE,  /* bytes: 1024, 500K, 1.5G, 10GiB, in powers of 1024 */
    LC_QUANTITY_AGE    /* nanoseconds: 90s, 10m, 12h, 30d, 2w, 1y; no unit: seconds */
} lc_quantity;

/* Blanks around it are left out. False: it is none, or more than there can be; *out is
 * untouched. */
bool lc_quantity_read(int64_t *out, lc_quantity what, const char *text, size_t size);
/* The shortest text that says exactly that; out has room for LC_QUANTITY_TEXT bytes. */
#define LC_QUANTITY_TEXT 24
void lc_quantity_write(char *out, lc_quantity what, int64_t value);

#endif
