/* The machine and the process: clocks, threads, processors, memory, fork(). Any thread. */
#ifndef LC_SYSTEM_H
#define LC_SYSTEM_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* Start a thread that no signal is handed to but those that it raises itself: handlers are the
 * program's, and run in the program's threads. Its stack has `stack` bytes, 0: as many as the
 * system gives. 0 or -1. */
int lc_thread_start(pthread_t *out, size_t stack, void *(*run)(void *context), void *context);
/* Wait until it is gone. No cancellation point: what the thread works on is its starter's. */
void lc_thread_end(pthread_t thread);
unsigned lc_processors(void); /* that this thread may run on; at least 1 */

uint64_t lc_memory_size(void); /* bytes of physical memory; UINT64_MAX where nobody knows */
/* Bytes that may be taken now without other programs being made to suffer for it, and that the
 * process may have at all; UINT64_MAX where nobody knows. Reads a file of the system's. */
uint64_t lc_memory_available(void);
int64_t lc_now(void);       /* nanoseconds since 1970-01-01 UTC */
int64_t lc_monotonic(void); /* nanoseconds of a clock that never goes back */
/* The same, coarse: some milliseconds behind, and cheaper by far. */
int64_t lc_ticks(void);
/* Nanoseconds for which what was looked up of the machine goes on holding for this process: of
 * rights, links and limits that hardly ever change, where a program asks for them many times in a
 * row. Shorter than a person needs to change something and expect it to be seen, and long enough
 * that the looks of a program that goes on asking cost nothing. By lc_ticks(). */
#define LC_LATELY INT64_C(100000000)
/* Sleep so many nanoseconds, less than a second. -1: a signal was handled meanwhile. */
int lc_sleep(int64_t nanoseconds);
/* How many times this process's memory was copied by fork(), counted from 1. */
unsigned lc_generation(void);
uint32_t lc_process(void); /* the id of this process, without a system call but after fork() */
/* A variable of the environment; NULL where there is none, or where the program has more rights
 * than who started it and set the environment (set-user-ID). */
const char *lc_environment(const char *name);
int lc_descriptors(void); /* how many descriptors the process may have open */
/* Descriptors below this number may be held beyond a call, as far as was known lately: a program
 * with many files needs the others, and select() all that are not far below 1,024. */
int lc_hold_below(void);

#endif
