/* The texts of sources that a program carries, and which of them is a function's.
 *
 * A text is its size (8 bytes, in the machine's byte order) and its bytes. A link is three words,
 * each the distance from itself: to a function's record, to the text of the file that was compiled,
 * and to that of the file that the definition is in, the same one unless that is a header; 0 where
 * there is none. Which links there are, the function's record says (LOCACHE_LINK_ in locache.h). */
#ifndef LC_TEXT_H
#define LC_TEXT_H

#include "base/hash.h"
#include "locache.h"

/* Texts of one function. Their data is NULL where the program does not carry them. */
typedef struct lc_text {
    lc_span base; /* the file that was compiled */
    lc_span own;  /* the file of the definition */
    /* How many functions before this one in its program have the same names and the same texts: two
     * directories may have one file each that only another header tells apart. */
    uint64_t ordinal;
} lc_text;

/* Never fails. Any thread. */
void lc_text_find(lc_text *out, const locache_function_record *function);

#endif
