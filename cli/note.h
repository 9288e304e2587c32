/* What a version was made of, as its note tells it: a line of JSON for each part. */
#ifndef CLI_NOTE_H
#define CLI_NOTE_H

#include "json.h"

typedef struct cli_part {
    char *kind;   /* "function", "class", "constant", "package", ... */
    char *module; /* or "" */
    char *name;
    char *digest;
    char *text; /* as the source has it, or what its value is; or "" */
} cli_part;

typedef struct cli_note {
    cli_part *parts;
    size_t count;
} cli_note;

/* The note of the version whose directory is at path. What is no part is passed over; where there
 * is none it is empty. */
void cli_note_read(cli_note *out, const char *path);
void cli_note_clear(cli_note *note);

/* Each part that differs, by name: fn(context, "changed", before, now), with "added" (before is
 * NULL) or "removed" (now is NULL). What was only moved to another module is the same. */
void cli_note_compare(const cli_note *before, const cli_note *now,
                      void (*fn)(void *context, const char *change, const cli_part *before,
                                 const cli_part *now),
                      void *context);

/* The lines that differ in two texts, in order: fn(context, '-' or '+', line, size). Nothing where
 * they have more than is worth it. */
void cli_text_compare(const char *before, const char *now,
                      void (*fn)(void *context, char sign, const char *line, size_t size),
                      void *context);

#endif
