/* The record of a version: its text, and the rule by which two are of one source.
 *
 * A result is stale when it is served for a source that it was not computed from, so the rule errs
 * to the other side: a directory is a source's own only where a digest says so. An equal digest of
 * the code that this interpreter made of it says so at once; else only the source's digest can
 * tell, which costs a parse, and the caller is asked for it (NEED_SOURCE). What was learned that
 * way is recorded, so that each interpreter asks once.
 *
 * The text comes from a file, which a crash, an editor or another program may have changed. It is
 * parsed strictly: what lc_version_print() would not write is no record (but for a later format's),
 * and a lost record is replaced. At worst results are computed again, since entries carry their
 * version themselves. */
#include "format/version_text.h"
#include "base/hash.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define HEX_SIZE (2 * LOCACHE_ID_SIZE)

bool lc_version_same_id(const locache_id *a, const locache_id *b)
{
    return memcmp(a->bytes, b->bytes, LOCACHE_ID_SIZE) == 0;
}

/* ----------------------------------------------------------------------------------------- text */

/* The value of a line "<label> <value>\n", of `room` bytes with its NUL. Moves *at past it, or
 * returns false. */
static bool take_line(char *value, size_t room, const char **at, const char *label)
{
    size_t size = strlen(label);
    if (strncmp(*at, label, size) != 0 || (*at)[size] != ' ')
        return false;
    const char *start = *at + size + 1;
    const char *end = strchr(start, '\n');
    if (end == NULL || (size_t)(end - start) >= room)
        return false;
    memcpy(value, start, (size_t)(end - start));
    value[end - start] = '\0';
    *at = end + 1;
    return true;
}

/* "<tag> <digest>". */
static bool take_code(lc_version *out, const char *line)
{
    const char *space = strchr(line, ' ');
    if (space == NULL || space == line || (size_t)(space - line) > LC_TAG_MAX ||
        out->count == LC_VERSION_CODES_MAX)
        return false;
    lc_version_code *next = &out->codes[out->count++];
    memcpy(next->tag, line, (size_t)(space - line));
    next->tag[space - line] = '\0';
    return lc_text_unhex(next->digest.bytes, LOCACHE_ID_SIZE, space + 1);
}

static bool parse_lines(lc_version *out, const char *text)
{
    char line[LC_TAG_MAX + 1 + HEX_SIZE + 1]; /* the longest value, which is a code's */
    *out = (lc_version){.count = 0};
    if (!take_line(line, sizeof line, &text, "locache"))
        return false;
    /* Of a later format only that much is known: whatever follows is not ours to judge. */
    out->newer = strcmp(line, "1") != 0;
    if (out->newer)
        return strspn(line, "0123456789") == strlen(line) && line[0] >= '1' && line[0] <= '9';
    if (!take_line(line, sizeof line, &text, "id") ||
        !lc_text_unhex(out->id.bytes, LOCACHE_ID_SIZE, line))
        return false;
    while (take_line(line, sizeof line, &text, "code"))
        if (!take_code(out, line))
            return false;
    if (take_line(line, sizeof line, &text, "source")) {
        out->has_source = true;
        if (!lc_text_unhex(out->source.bytes, LOCACHE_ID_SIZE, line))
            return false;
    }
    return *text == '\0';
}

bool lc_version_parse(lc_version *out, const char *text, size_t size)
{
    char line[LC_VERSION_TEXT_MAX + 1];
    /* Bytes of a file have no NUL at their end, and may have one before. */
    bool text_only = size <= LC_VERSION_TEXT_MAX && memchr(text, '\0', size) == NULL;
    if (text_only) {
        memcpy(line, text, size);
        line[size] = '\0';
    }
    bool sound = text_only && parse_lines(out, line);
    if (!sound)
        *out = (lc_version){.lost = true};
    return sound;
}

size_t lc_version_print(char out[LC_VERSION_TEXT_MAX], const lc_version *from)
{
    char hex[HEX_SIZE + 1];
    lc_text_hex(hex, from->id.bytes, LOCACHE_ID_SIZE);
    int size = snprintf(out, LC_VERSION_TEXT_MAX, "locache 1\nid %s\n", hex);
    for (size_t i = 0; i < from->count; i++) {
        lc_text_hex(hex, from->codes[i].digest.bytes, LOCACHE_ID_SIZE);
        size += snprintf(out + size, LC_VERSION_TEXT_MAX - (size_t)size, "code %s %s\n",
                         from->codes[i].tag, hex);
    }
    if (from->has_source) {
        lc_text_hex(hex, from->source.bytes, LOCACHE_ID_SIZE);
        size += snprintf(out + size, LC_VERSION_TEXT_MAX - (size_t)size, "source %s\n", hex);
    }
    return (size_t)size;
}

/* ------------------------------------------------------------------------------------- identity */

static bool has_identity(const locache_identity *identity)
{
    return identity->code_tag != NULL || identity->has_source;
}

bool lc_version_could_ask(const locache_identity *identity)
{
    return identity->code_tag != NULL && !identity->has_source && !identity->no_source;
}

void lc_version_own_id(locache_id *out, const locache_identity *identity)
{
    /* Each kind with a word of its own before it: a code's digest is never taken for a source's. */
    if (identity->has_source) {
        lc_span parts[] = {{"source", 6}, {identity->source.bytes, LOCACHE_ID_SIZE}};
        lc_blake2b(out->bytes, LOCACHE_ID_SIZE, parts, 2);
    } else if (identity->code_tag != NULL) {
        lc_span parts[] = {{"code", 4},
                           {identity->code_tag, strlen(identity->code_tag)},
                           {identity->code.bytes, LOCACHE_ID_SIZE}};
        lc_blake2b(out->bytes, LOCACHE_ID_SIZE, parts, 3);
    } else {
        *out = (locache_id){{0}};
    }
}

/* The recorded code of that tag and digest, or NULL. */
static const lc_version_code *find_code(const lc_version *in, const locache_identity *identity)
{
    for (size_t i = 0; identity->code_tag != NULL && i < in->count; i++)
        if (strcmp(in->codes[i].tag, identity->code_tag) == 0 &&
            lc_version_same_id(&in->codes[i].digest, &identity->code))
            return &in->codes[i];
    return NULL;
}

/* Make room for one more of that tag: the one recorded longest ago goes, of this tag where it has
 * all that one tag may have, so that an editor at work does not push out other interpreters. */
static void make_room(lc_version *in, const char *tag)
{
    size_t of_tag = 0;
    size_t oldest = in->count;
    for (size_t i = in->count; i-- > 0;)
        if (strcmp(in->codes[i].tag, tag) == 0) {
            of_tag++;
            oldest = i;
        }
    if (of_tag < LC_VERSION_CODES_OF_TAG)
        oldest = 0;
    if (of_tag < LC_VERSION_CODES_OF_TAG && in->count < LC_VERSION_CODES_MAX)
        return;
    in->count--;
    memmove(in->codes + oldest, in->codes + oldest + 1, (in->count - oldest) * sizeof in->codes[0]);
}

bool lc_version_learn(lc_version *to, const locache_identity *identity)
{
    bool news = false;
    /* The caller has seen to it that the identity is of the same source: it compared them, or makes
     * the directory. */
    if (identity->code_tag != NULL && find_code(to, identity) == NULL) {
        make_room(to, identity->code_tag);
        lc_version_code *next = &to->codes[to->count++];
        memcpy(next->tag, identity->code_tag, strlen(identity->code_tag) + 1);
        next->digest = identity->code;
        news = true;
    }
    if (identity->has_source && !to->has_source) {
        to->has_source = true;
        to->source = identity->source;
        news = true;
    }
    return news;
}

locache_status lc_version_compare(const lc_version *found, const locache_identity *identity)
{
    if (!has_identity(identity) || find_code(found, identity) != NULL)
        return LOCACHE_OK;
    /* Another code may still be of the same source: a comment moved its lines, another Python made
     * it. Without a source on both sides nobody can say so. */
    if (!found->has_source)
        return LOCACHE_MISS;
    if (identity->has_source)
        return lc_version_same_id(&found->source, &identity->source) ? LOCACHE_OK : LOCACHE_MISS;
    return lc_version_could_ask(identity) ? LOCACHE_NEED_SOURCE : LOCACHE_MISS;
}

/* --------------------------------------------------------------------------- said by the caller */

void locache_identity_explicit(locache_identity *out, const char *text)
{
    /* A tag of no interpreter, so that programs in two languages can share results. */
    *out = (locache_identity){.code_tag = "explicit", .no_source = true};
    locache_id_of(&out->code, text, strlen(text));
}
