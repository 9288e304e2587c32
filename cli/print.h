/* What the command prints, for people. Colours and columns are for terminals; elsewhere a line's
 * cells are parted by one tab. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is standard output, or is standard error, a terminal? Asked once. */
bool cli_on_terminal(void);
bool cli_errors_on_terminal(void);

/* A line on stderr, "locache: ...", a newline at its end. printf()'s format. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void cli_error(const char *format, ...);

/* Colours, where standard output is a terminal and NO_COLOR is not set: else nothing. */
typedef enum cli_colour { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_RED, CLI_GREEN, CLI_YELLOW } cli_colour;
const char *cli_colour_on(cli_colour colour);
const char *cli_colour_off(void);

/* How many bytes at text, of which there are `size`, are one printable character of UTF-8; 0: none.
 * C1 controls are none, nor what turns the direction of writing. */
size_t cli_printable(const char *text, size_t size);

/* Text of somebody else's (a name, a path, a result) on standard output. On a terminal what is not
 * printable UTF-8 is \xNN, so that no name can move the cursor; elsewhere the bytes are as they
 * are. */
void cli_put_text(const char *text, size_t size);

/* A cell of a line, of `width` columns on a terminal (negative: flushed left; 0: as wide as it is),
 * a tab behind it elsewhere. ASCII. */
void cli_put_cell(int width, const char *text);

/* "1.5K", "340", "2.0G": powers of 1024. */
#define CLI_SIZE_TEXT 8
void cli_size_text(char out[CLI_SIZE_TEXT], uint64_t bytes);
/* The same within a sentence: "340 bytes", "1.5K". */
#define CLI_SIZE_WORDS 16
void cli_size_words(char out[CLI_SIZE_WORDS], uint64_t bytes);
/* Nanoseconds as "350us", "1.2s", "3h", "12d". */
#define CLI_SPAN_TEXT 16
void cli_span_text(char out[CLI_SPAN_TEXT], int64_t nanoseconds);
/* Nanoseconds since 1970 as "2024-02-29T12:30:00Z". */
#define CLI_TIME_TEXT 32
void cli_time_text(char out[CLI_TIME_TEXT], int64_t nanoseconds);

/* "s" behind a word, but of one. */
const char *cli_plural(uint64_t number);
/* "2 results", "1 result and 3 files of no use": what bytes that follow are the bytes of. */
#define CLI_RESULTS_TEXT 80
void cli_results_text(char out[CLI_RESULTS_TEXT], uint64_t results, uint64_t unusable);

#endif
