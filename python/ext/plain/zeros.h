/* Copies of large results that leave pages of zeros alone: memory that nobody wrote to is none, and
 * a program that keeps many arrays of zeros has room for them. No Python is needed. */
#ifndef LCPY_ZEROS_H
#define LCPY_ZEROS_H

#include <stdbool.h>
#include <stddef.h>

/* Is enough of this zeros that a copy into memory from calloc() is worth it? */
bool lcpy_zeros_many(const void *data, size_t size);
/* Copy into what is zeros already. */
void lcpy_zeros_copy(void *out, const void *data, size_t size);

#endif
