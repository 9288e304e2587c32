/* Marks between the stretches of a program that bench/instructions.py counts. */
#ifndef LOCACHE_BENCH_MARKS_H
#define LOCACHE_BENCH_MARKS_H

/* Under callgrind: what was counted since the last mark goes to a file that bears this name. Under
 * strace: a system call with this name in it. Else nothing. */
void mark(const char *name);

#endif
