/* JSON, written as it comes: nothing is kept. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What the writer knows of where it is: whether a comma is due. How deep in containers that is,
 * whoever writes them knows. Starts as zeros. */
typedef struct cli_json {
    bool comma;
    FILE *to; /* NULL: standard output */
} cli_json;

/* '[' or '{', and ']' or '}'. */
void cli_json_open(cli_json *json, char bracket);
void cli_json_close(cli_json *json, char bracket);
/* The name of the value that follows, of an object: plain ASCII. */
void cli_json_name(cli_json *json, const char *name);

/* Any bytes. Those that are no UTF-8 are \udcNN, as Python's surrogateescape has them: valid JSON
 * from which os.fsencode() makes the same bytes again. */
void cli_json_text(cli_json *json, const char *text, size_t size);
/* A text: the two hexadecimal digits of each byte, behind a sign or nothing. */
void cli_json_hex(cli_json *json, const char *sign, const unsigned char *data, size_t size);
void cli_json_int(cli_json *json, int64_t number);
void cli_json_uint(cli_json *json, uint64_t number);
/* null where it is no finite number, which JSON has none of. */
void cli_json_real(cli_json *json, double number);
void cli_json_bool(cli_json *json, bool value);
void cli_json_null(cli_json *json);
/* ASCII that is JSON already. */
void cli_json_raw(cli_json *json, const char *text);

/* A name and its value. A text of NULL is null; moments of 0 are null. */
void cli_json_member_text(cli_json *json, const char *name, const char *text);
void cli_json_member_uint(cli_json *json, const char *name, uint64_t number);
void cli_json_member_bool(cli_json *json, const char *name, bool value);
/* A moment, nanoseconds since 1970, as seconds with their fraction. */
void cli_json_member_time(cli_json *json, const char *name, int64_t nanoseconds);
/* A span of nanoseconds as seconds. */
void cli_json_member_span(cli_json *json, const char *name, int64_t nanoseconds);

#endif
