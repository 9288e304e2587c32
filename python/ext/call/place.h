/* The text that says where in an argument something is: "self.calls", "df['price']". */
#ifndef LCPY_PLACE_H
#define LCPY_PLACE_H

#include "call/parts.h"

#define LCPY_PLACE_MAX 200 /* bytes; what is longer is cut */

typedef struct lcpy_place {
    char text[LCPY_PLACE_MAX];
    size_t length;
} lcpy_place;

void lcpy_place_append(lcpy_place *at, const char *text, size_t size);
void lcpy_place_append_text(lcpy_place *at, const char *text);
void lcpy_place_append_index(lcpy_place *at, uint64_t n);
/* A key of a dict, or an attribute's name. */
void lcpy_place_append_key(lcpy_place *at, const lcpy_item *key, bool attributes);

#endif
