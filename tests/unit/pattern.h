/* Bytes to digest, the same everywhere: PATTERN_SIZE of them, which is defined before this is
 * included. */
#ifndef TEST_PATTERN_H
#define TEST_PATTERN_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static unsigned char *pattern; /* byte i is bits 24 to 31 of i * 2654435761 */

static int make_pattern(void **state)
{
    (void)state;
    pattern = malloc(PATTERN_SIZE);
    if (pattern == NULL)
        return -1;
    for (size_t i = 0; i < PATTERN_SIZE; i++)
        pattern[i] = (unsigned char)((uint64_t)i * 2654435761U >> 24);
    return 0;
}

static int free_pattern(void **state)
{
    (void)state;
    free(pattern);
    return 0;
}

#endif
