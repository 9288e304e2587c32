/* Filling a caller's locache_error. Any thread; no error is kept between calls. */
#ifndef LC_ERROR_H
#define LC_ERROR_H

#include "locache.h"

#if defined(__GNUC__)
#define LC_PRINTF(position, first) __attribute__((format(printf, position, first)))
#else
#define LC_PRINTF(position, first)
#endif

/* Fill error (which may be NULL) and return status, so that a function can fail in one statement:
 * `return lc_fail(error, LOCACHE_EINVAL, "...", ...);`. os_error is 0. */
locache_status lc_fail(locache_error *error, locache_status status, const char *format, ...)
    LC_PRINTF(3, 4);

/* The same for a failed system call: os_error is the errno given and its text is appended ("...: No
 * space left on device"), with the remedy where one is known (ENOSPC, EACCES, EROFS, EMFILE,
 * EDQUOT). Status ENOMEM for ENOMEM, else EIO.
 *
 * Messages are cut ("...") where they do not fit, never so that the cause of a failed system call
 * is lost, and bytes that are not UTF-8 (a path's may be any) become \xNN. Arguments may lie within
 * the error that is filled. */
locache_status lc_fail_os(locache_error *error, int os_error, const char *format, ...)
    LC_PRINTF(3, 4);

/* Nothing went wrong; but there is something to say. error may be NULL. */
void lc_error_remark(locache_error *error, const char *text);
/* Nothing went wrong so far. */
void lc_error_clear(locache_error *error);

#endif
