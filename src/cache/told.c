/* What a handle was told of its version beside the identity, in one block of memory. */
#include "cache/told.h"
#include "base/alloc.h"
#include "base/sized.h"

#include <string.h>

/* More than are tried at once: a binding has one for each state that a record says. */
#define ALTERNATIVES_MAX 1000

bool lc_told_identity(locache_identity *out, const locache_identity *given)
{
    memset(out, 0, sizeof *out);
    return given == NULL ||
           lc_sized_take(out, sizeof *out, LC_SIZED_UP_TO(locache_identity, source), given);
}

bool lc_told_alternative(lc_alternative *out, const locache_alternative *given)
{
    if (given == NULL ||
        !lc_sized_fits(sizeof *given, LC_SIZED_UP_TO(locache_alternative, identity), given) ||
        given->state == NULL || !lc_version_is_line(given->state, LC_STATE_MAX))
        return false;
    out->state = given->state;
    return given->identity != NULL && lc_told_identity(&out->identity, given->identity);
}

locache_status lc_told_check(const locache_options *options, locache_error *error)
{
    if (options->alternative_count > ALTERNATIVES_MAX ||
        (options->alternatives == NULL && options->alternative_count > 0) ||
        (options->note == NULL && options->note_size > 0))
        return lc_fail(error, LOCACHE_EINVAL, "too many alternatives, or a size and no data");
    lc_alternative other;
    for (size_t i = 0; i < options->alternative_count; i++)
        if (!lc_told_alternative(&other, options->alternatives[i]))
            return lc_fail(error, LOCACHE_EINVAL,
                           "an alternative needs an identity, and a state of 1 to %d of printable "
                           "ASCII",
                           LC_STATE_MAX);
    return LOCACHE_OK;
}

/* Copy `size` bytes to *at, which moves past them. */
static void *place_copy(char **at, const void *from, size_t size)
{
    char *copy = *at;
    if (size > 0)
        memcpy(copy, from, size);
    *at += size;
    return copy;
}

locache_status lc_told_new(lc_told **out, const locache_options *options)
{
    size_t count = options->alternative_count;
    size_t note = options->note_size <= LOCACHE_NOTE_MAX ? options->note_size : 0;
    size_t kept = options->kept_by != NULL ? strlen(options->kept_by) + 1 : 0;
    size_t text = note + kept;
    *out = NULL;
    if (count == 0 && text == 0)
        return LOCACHE_OK;
    for (size_t i = 0; i < count; i++)
        text += strlen(options->alternatives[i]->state) + 1;
    lc_told *told = lc_alloc(sizeof *told + count * sizeof told->others[0] + text);
    if (told == NULL)
        return LOCACHE_ENOMEM;
    char *at = (char *)(told->others + count);
    told->count = count;
    for (size_t i = 0; i < count; i++) {
        const char *state = options->alternatives[i]->state;
        (void)lc_told_alternative(&told->others[i], options->alternatives[i]);
        told->others[i].state = place_copy(&at, state, strlen(state) + 1);
    }
    told->kept_by = kept > 0 ? place_copy(&at, options->kept_by, kept) : NULL;
    told->note = (lc_span){place_copy(&at, options->note, note), note};
    *out = told;
    return LOCACHE_OK;
}
