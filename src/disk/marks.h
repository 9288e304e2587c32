/* Files beside a function's results to which processes add bytes: how many there are is what they
 * say. Deleted, one begins anew. Any thread. */
#ifndef LC_MARKS_H
#define LC_MARKS_H

#include "disk/directory.h"
#include "disk/temporary.h"

#include <stdbool.h>

#define LC_MARKS_RUNS LC_META "/unread" /* runs that found none: cache/runs.c */

/* Open for reading and adding; -1: not to be had, or not ours to write to. *made: it was not
 * there. */
int lc_marks_open(const lc_directory *at, const char *name, bool *made);
/* Add so many of the byte; 0 or -1. */
int lc_marks_add(int fd, unsigned char byte, size_t count);
/* How many there are, and the last one (-1: none). -1: not known. */
int64_t lc_marks_size(int fd, int *last);

#endif
