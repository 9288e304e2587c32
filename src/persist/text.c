/* The texts that a program carries: the function's own among those of all. */
#include "persist/text.h"

#include <string.h>

typedef struct text_link {
    intptr_t function;
    intptr_t base;
    intptr_t own;
} text_link;

static const void *at_distance(const intptr_t *distance)
{
    return *distance == 0 ? NULL : (const char *)distance + *distance;
}

static lc_span text_at(const intptr_t *distance)
{
    const unsigned char *at = at_distance(distance);
    uint64_t size;
    if (at == NULL)
        return (lc_span){NULL, 0};
    memcpy(&size, at, sizeof size);
    return (lc_span){at + sizeof size, (size_t)size};
}

static bool same_text(lc_span a, lc_span b)
{
    if (a.data == NULL || b.data == NULL)
        return a.data == b.data;
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static bool same_names(const locache_function_record *a, const locache_function_record *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->file, b->file) == 0 &&
           strcmp(a->base_file, b->base_file) == 0 && a->line == b->line;
}

/* Is the file that was compiled a header? Then it was precompiled, and the code is of that moment,
 * but the text of the one when it was used: nobody knows whether they fit each other. */
static bool was_precompiled(const char *base_file)
{
    static const char *const suffixes[] = {"h", "H", "pch", "inc", "inl", "def"};
    const char *slash = strrchr(base_file, '/');
    const char *dot = strrchr(slash ? slash : base_file, '.');
    for (size_t i = 0; dot != NULL && i < sizeof suffixes / sizeof *suffixes; i++)
        if (strncmp(dot + 1, suffixes[i], strlen(suffixes[i])) == 0)
            return true;
    return false;
}

void lc_text_find(lc_text *out, const locache_function_record *function)
{
    const text_link *end = function->links_end;
    const text_link *mine = function->links;
    *out = (lc_text){.ordinal = 0};
    if (was_precompiled(function->base_file))
        return;
    while (mine != end && at_distance(&mine->function) != function)
        mine++;
    if (mine != end) {
        out->base = text_at(&mine->base);
        out->own = text_at(&mine->own);
    }
    /* #embed reads the same file at the same moment, but in a precompiled header another. */
    if (out->base.data == NULL && function->text != NULL &&
        strcmp(function->text_file, function->base_file) == 0)
        out->base = (lc_span){function->text, function->text_size};
    if (out->own.data == NULL && strcmp(function->file, function->base_file) == 0)
        out->own = out->base;
    if (mine == end)
        return;
    for (const text_link *other = function->links; other != mine; other++)
        out->ordinal += same_names(at_distance(&other->function), function) &&
                        same_text(text_at(&other->base), out->base) &&
                        same_text(text_at(&other->own), out->own);
}
