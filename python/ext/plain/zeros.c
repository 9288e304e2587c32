/* Pages of zeros in large results: found, and left out of a copy. */
#include "plain/zeros.h"

#include <stdint.h>
#include <string.h>

/* As the system gives memory out, mostly; where its pages are larger nothing is wrong. */
#define PAGE 4096
/* What malloc() takes from memory that was used before, where calloc() would have to clear it. */
#define LEAST ((size_t)128 << 10)
/* One page of so many has to be zeros. */
#define PART 4
/* Pages that are looked at, at least half as many: each that is not in the processor's cache takes
 * a tenth of a microsecond. */
#define SAMPLE ((size_t)2048)
/* Looked at first: data hardly ever begins so. */
#define FRONT 32

static const unsigned char zeros[PAGE];

static bool is_zeros(const unsigned char *data, size_t size)
{
    return memcmp(data, zeros, size < FRONT ? size : FRONT) == 0 && memcmp(data, zeros, size) == 0;
}

bool lcpy_zeros_many(const void *data, size_t size)
{
    const unsigned char *from = data;
    size_t pages = size / PAGE;
    size_t step = pages / SAMPLE + 1;
    size_t looked = 0;
    size_t found = 0;
    if (size < LEAST)
        return false;
    for (size_t n = 0; n < pages; n += step, looked++)
        found += is_zeros(from + n * PAGE, PAGE);
    return found >= looked / PART;
}

/* By the pages of the copy: of one that is left alone not a byte is written. */
void lcpy_zeros_copy(void *out, const void *data, size_t size)
{
    unsigned char *to = out;
    const unsigned char *from = data;
    size_t piece = PAGE - (uintptr_t)to % PAGE;
    for (size_t at = 0; at < size; at += piece, piece = PAGE) {
        if (piece > size - at)
            piece = size - at;
        if (!is_zeros(from + at, piece))
            memcpy(to + at, from + at, piece);
    }
}
