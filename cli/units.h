/* Ages and sizes as people write them on a command line. */
#ifndef CLI_UNITS_H
#define CLI_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* "90s", "10m" or "10min", "1h", "30d", "2w", "1y", "250ms", "1.5h", "0": nanoseconds. False, said
 * on stderr with the option's name: it is no such text, or negative, or longer than 292 years. */
bool cli_read_span(int64_t *out, const char *option, const char *text);
/* The same where none at all says nothing: an age above zero. */
bool cli_read_age(int64_t *out, const char *option, const char *text);
/* "340", "10K", "1.5G", "1GiB", "1GB": bytes; powers of 1024, in letters of any case. */
bool cli_read_size(uint64_t *out, const char *option, const char *text);
/* A whole number. */
bool cli_read_count(uint64_t *out, const char *option, const char *text);

#endif
