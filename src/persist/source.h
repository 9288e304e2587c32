/* What of a C source says whether a function is still the same. */
#ifndef LC_SOURCE_H
#define LC_SOURCE_H

#include "base/hash.h"
#include "locache.h"

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

/* A definition: LOCACHE_PERSIST(..., name, ...) { ... }. */
typedef struct lc_definition {
    const char *name;
    int first_line; /* of its parentheses, counted from 1 */
    int last_line;
    lc_span text; /* its tokens */
} lc_definition;

/* The next one at *at or after it; *at begins with 0 and moves past it. False where there is
 * none. */
bool lc_source_next(lc_definition *out, const lc_source *tokens, size_t *at);
/* Those of the definition LOCACHE_PERSIST(..., name, ...) { ... } whose parentheses stand on line
 * `line` (counted from 1; 0: any), among others. False where there is none. */
bool lc_source_definition(lc_span *out, const lc_source *tokens, const char *name, int line);

#endif
