/* Digests of the definitions in a text, made once for all functions of it.
 *
 * A source of 300 functions would otherwise be taken apart 300 times, once at each function's first
 * call. Only digests are kept, not the tokens. A text is known by its checksum and not by its
 * address: a plug-in that was unloaded may leave its place to another one. */
#include "persist/digests.h"
#include "base/alloc.h"
#include "persist/source.h"

#include <stdatomic.h>
#include <string.h>

typedef struct definition_digest {
    locache_id name; /* of the name */
    locache_id text;
    int first_line;
    int last_line;
} definition_digest;

typedef struct text_digests {
    struct text_digests *before;
    unsigned char checksum[LC_CHECKSUM_SIZE];
    locache_id whole;
    size_t count;
    definition_digest definitions[];
} text_digests;

/* The last one first. They stay until the end: any thread may be reading one. */
static _Atomic(text_digests *) known;

static text_digests *make_digests(const lc_source *tokens)
{
    lc_definition found;
    size_t count = 0;
    for (size_t at = 0; lc_source_next(&found, tokens, &at);)
        count++;
    text_digests *made = lc_alloc(sizeof *made + count * sizeof made->definitions[0]);
    if (made == NULL)
        return NULL;
    made->count = 0;
    for (size_t at = 0; made->count < count && lc_source_next(&found, tokens, &at);) {
        definition_digest *next = &made->definitions[made->count++];
        locache_id_of(&next->name, found.name, strlen(found.name));
        locache_id_of(&next->text, found.text.data, found.text.size);
        next->first_line = found.first_line;
        next->last_line = found.last_line;
    }
    lc_span all = lc_source_all(tokens);
    locache_id_of(&made->whole, all.data, all.size);
    return made;
}

/* Those of the text; NULL: no memory. Two threads that read one text at once both keep it: the
 * digests are the same. */
static const text_digests *digests_of(lc_span text)
{
    unsigned char checksum[LC_CHECKSUM_SIZE];
    lc_source *tokens;
    lc_checksum(checksum, &text, 1);
    for (text_digests *at = atomic_load(&known); at != NULL; at = at->before)
        if (memcmp(at->checksum, checksum, sizeof checksum) == 0)
            return at;
    if (lc_source_make(&tokens, text) != LOCACHE_OK)
        return NULL;
    text_digests *made = make_digests(tokens);
    lc_source_free(tokens);
    if (made == NULL)
        return NULL;
    memcpy(made->checksum, checksum, sizeof checksum);
    made->before = atomic_load(&known);
    /* A failed exchange has set made->before to the newest. */
    while (!atomic_compare_exchange_weak(&known, &made->before, made))
        ;
    return made;
}

locache_status lc_digest_definition(bool *found, locache_id *out, lc_span text, const char *name,
                                    int line)
{
    locache_id id;
    const text_digests *digests = digests_of(text);
    if (digests == NULL)
        return LOCACHE_ENOMEM;
    locache_id_of(&id, name, strlen(name));
    *found = false;
    for (size_t i = 0; i < digests->count && !*found; i++) {
        const definition_digest *at = &digests->definitions[i];
        *found = memcmp(id.bytes, at->name.bytes, LOCACHE_ID_SIZE) == 0 && at->first_line <= line &&
                 line <= at->last_line;
        if (*found)
            *out = at->text;
    }
    return LOCACHE_OK;
}

locache_status lc_digest_whole(locache_id *out, lc_span text)
{
    const text_digests *digests = digests_of(text);
    if (digests == NULL)
        return LOCACHE_ENOMEM;
    *out = digests->whole;
    return LOCACHE_OK;
}

void lc_digests_clear(void)
{
    text_digests *at = atomic_exchange(&known, NULL);
    while (at != NULL) {
        text_digests *before = at->before;
        lc_free(at);
        at = before;
    }
}
