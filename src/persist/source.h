/* The text of C sources as programs carry it, and what of it says whether a function is still the
 * same.
 *
 * A program's texts are records one after the other, each at a multiple of 8 bytes: the size of the
 * file's name with its NUL and that of the text (8 bytes each, in the machine's byte order), the
 * name, the text (LOCACHE_PERSIST in locache.h). */
#ifndef LC_SOURCE_H
#define LC_SOURCE_H

#include "base/hash.h"
#include "locache.h"

/* The next text of that file at *at or after it; *at moves past it. False where there is no other
 * before end. */
bool lc_source_next(lc_span *out, const unsigned char **at, const unsigned char *end,
                    const char *file);

/* Tokens of a text, in a form that neither comments nor layout change: each followed by a NUL,
 * directives by a line feed. */
typedef struct lc_source lc_source;

/* OK, or ENOMEM. Any text has tokens: one that is not C has some of which nothing can be said but
 * whether they changed. */
locache_status lc_source_make(lc_source **out, lc_span text);
/* NULL is allowed. */
void lc_source_free(lc_source *tokens);
/* All of them. */
lc_span lc_source_all(const lc_source *tokens);
/* Those of the definition LOCACHE_PERSIST(..., name, ...) { ... } whose parentheses stand on line
 * `line` (counted from 1; 0: any), among others. False where there is none. */
bool lc_source_definition(lc_span *out, const lc_source *tokens, const char *name, int line);

#endif
