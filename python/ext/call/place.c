/* Where in an argument something is, as text for a message. */
#include "call/place.h"

#include <stdio.h>
#include <string.h>

void lcpy_place_append(lcpy_place *at, const char *text, size_t size)
{
    if (size > LCPY_PLACE_MAX - at->length)
        size = LCPY_PLACE_MAX - at->length;
    memcpy(at->text + at->length, text, size);
    at->length += size;
}

void lcpy_place_append_text(lcpy_place *at, const char *text)
{
    lcpy_place_append(at, text, strlen(text));
}

void lcpy_place_append_index(lcpy_place *at, uint64_t n)
{
    char text[32];
    (void)snprintf(text, sizeof text, "[%llu]", (unsigned long long)n);
    lcpy_place_append_text(at, text);
}

void lcpy_place_append_key(lcpy_place *at, const lcpy_item *key, bool attributes)
{
    if (key->head.kind == LOCACHE_KIND_TEXT) {
        lcpy_place_append_text(at, attributes ? "." : "['");
        lcpy_place_append(at, (const char *)key->head.data, key->head.size);
        lcpy_place_append_text(at, attributes ? "" : "']");
    } else if (key->head.kind == LOCACHE_KIND_UINT) {
        lcpy_place_append_index(at, key->head.number);
    } else {
        lcpy_place_append_text(at, "[...]");
    }
}
