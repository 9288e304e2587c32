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
#include "base/sized.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define HEX_SIZE (2 * LOCACHE_ID_SIZE)
/* The longest value of a line: a state's. */
#define VALUE_MAX LC_STATE_MAX

bool lc_version_is_line(const char *text, size_t max)
{
    size_t size = strlen(text);
    if (size == 0 || size > max || text[0] == ' ' || text[size - 1] == ' ')
        return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return true;
}

bool lc_version_same_id(const locache_id *a, const locache_id *b)
{
    return memcmp(a->bytes, b->bytes, LOCACHE_ID_SIZE) == 0;
}

/* Not the whole of it, which has room for far more than most records say. */
void lc_version_clear(lc_version *out)
{
    out->lost = out->newer = false;
    out->has_source = out->has_before = false;
    memset(&out->id, 0, sizeof out->id);
    memset(&out->source, 0, sizeof out->source);
    memset(&out->before, 0, sizeof out->before);
    out->count = out->kept_count = 0;
    out->state[0] = '\0';
}

/* ----------------------------------------------------------------------------------------- text */

/* What is left of a text. */
typedef struct rest {
    const char *at;
    const char *end;
} rest;

/* The value of a line "<label> <value>\n", of `room` bytes with its NUL. Moves past it, or returns
 * false. */
static bool take_line(char *value, size_t room, rest *text, const char *label)
{
    size_t size = strlen(label);
    if ((size_t)(text->end - text->at) <= size || memcmp(text->at, label, size) != 0 ||
        text->at[size] != ' ')
        return false;
    const char *start = text->at + size + 1;
    const char *end = memchr(start, '\n', (size_t)(text->end - start));
    if (end == NULL || (size_t)(end - start) >= room)
        return false;
    memcpy(value, start, (size_t)(end - start));
    value[end - start] = '\0';
    text->at = end + 1;
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

/* "<id> <source> <said>", where the source may be "-". The line is cut up. */
static bool take_kept(lc_version *out, char *line)
{
    if (out->kept_count == LC_VERSION_KEPT_MAX || strlen(line) < HEX_SIZE + 2 ||
        line[HEX_SIZE] != ' ')
        return false;
    lc_version_kept *next = &out->kept[out->kept_count++];
    char *source = line + HEX_SIZE + 1;
    char *said = strchr(source, ' ');
    if (said == NULL || !lc_version_is_line(said + 1, LC_SAID_MAX))
        return false;
    line[HEX_SIZE] = '\0';
    *said++ = '\0';
    memcpy(next->said, said, strlen(said) + 1);
    next->has_source = strcmp(source, "-") != 0;
    memset(&next->source, 0, sizeof next->source);
    return lc_text_unhex(next->id.bytes, LOCACHE_ID_SIZE, line) &&
           (!next->has_source || lc_text_unhex(next->source.bytes, LOCACHE_ID_SIZE, source));
}

/* The lines that a record may have or not: true where those that are there are sound. */
static bool parse_more(lc_version *out, rest *text)
{
    char line[VALUE_MAX + 1];
    if (take_line(line, sizeof line, text, "source")) {
        out->has_source = true;
        if (!lc_text_unhex(out->source.bytes, LOCACHE_ID_SIZE, line))
            return false;
    }
    if (take_line(line, sizeof line, text, "state")) {
        if (!lc_version_is_line(line, LC_STATE_MAX))
            return false;
        memcpy(out->state, line, strlen(line) + 1);
    }
    while (take_line(line, sizeof line, text, "kept"))
        if (!take_kept(out, line))
            return false;
    return true;
}

static bool parse_lines(lc_version *out, rest *text)
{
    char line[VALUE_MAX + 1];
    if (!take_line(line, sizeof line, text, "locache"))
        return false;
    /* Of a later format only that much is known: whatever follows is not ours to judge. */
    out->newer = strcmp(line, "1") != 0;
    if (out->newer)
        return strspn(line, "0123456789") == strlen(line) && line[0] >= '1' && line[0] <= '9';
    if (!take_line(line, sizeof line, text, "id") ||
        !lc_text_unhex(out->id.bytes, LOCACHE_ID_SIZE, line))
        return false;
    if (take_line(line, sizeof line, text, "before")) {
        out->has_before = true;
        if (!lc_text_unhex(out->before.bytes, LOCACHE_ID_SIZE, line))
            return false;
    }
    while (take_line(line, sizeof line, text, "code"))
        if (!take_code(out, line))
            return false;
    return parse_more(out, text) && text->at == text->end;
}

bool lc_version_parse(lc_version *out, const char *text, size_t size)
{
    rest all = {text, text + size};
    lc_version_clear(out);
    bool sound =
        size <= LC_VERSION_TEXT_MAX && memchr(text, '\0', size) == NULL && parse_lines(out, &all);
    if (!sound)
        lc_version_clear(out);
    out->lost = !sound;
    return sound;
}

/* What is printed so far. */
typedef struct printer {
    char *out;
    size_t size;
} printer;

/* "<label> <value>\n". */
static void print_line(printer *to, const char *label, const char *value)
{
    int size =
        snprintf(to->out + to->size, LC_VERSION_TEXT_MAX - to->size, "%s %s\n", label, value);
    to->size += (size_t)size;
}

static void print_id(printer *to, const char *label, const locache_id *id)
{
    char hex[HEX_SIZE + 1];
    lc_text_hex(hex, id->bytes, LOCACHE_ID_SIZE);
    print_line(to, label, hex);
}

static void print_code(printer *to, const lc_version_code *code)
{
    char line[LC_TAG_MAX + 1 + HEX_SIZE + 1];
    char hex[HEX_SIZE + 1];
    lc_text_hex(hex, code->digest.bytes, LOCACHE_ID_SIZE);
    (void)snprintf(line, sizeof line, "%s %s", code->tag, hex);
    print_line(to, "code", line);
}

static void print_kept(printer *to, const lc_version_kept *kept)
{
    char line[2 * (HEX_SIZE + 1) + LC_SAID_MAX + 1];
    char id[HEX_SIZE + 1];
    char source[HEX_SIZE + 1] = "-";
    lc_text_hex(id, kept->id.bytes, LOCACHE_ID_SIZE);
    if (kept->has_source)
        lc_text_hex(source, kept->source.bytes, LOCACHE_ID_SIZE);
    (void)snprintf(line, sizeof line, "%s %s %s", id, source, kept->said);
    print_line(to, "kept", line);
}

size_t lc_version_print(char out[LC_VERSION_TEXT_MAX], const lc_version *from)
{
    printer to = {.size = 0};
    to.out = out;
    print_line(&to, "locache", "1");
    print_id(&to, "id", &from->id);
    if (from->has_before)
        print_id(&to, "before", &from->before);
    for (size_t i = 0; i < from->count; i++)
        print_code(&to, &from->codes[i]);
    if (from->has_source)
        print_id(&to, "source", &from->source);
    if (from->state[0] != '\0')
        print_line(&to, "state", from->state);
    for (size_t i = 0; i < from->kept_count; i++)
        print_kept(&to, &from->kept[i]);
    return to.size;
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
static const lc_version_code *find_code(const lc_version *in, const char *tag,
                                        const locache_id *code)
{
    for (size_t i = 0; tag != NULL && i < in->count; i++)
        if (strcmp(in->codes[i].tag, tag) == 0 && lc_version_same_id(&in->codes[i].digest, code))
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

/* Was it not there yet? */
static bool learn_code(lc_version *to, const char *tag, const locache_id *code)
{
    if (tag == NULL || find_code(to, tag, code) != NULL)
        return false;
    make_room(to, tag);
    lc_version_code *next = &to->codes[to->count++];
    memcpy(next->tag, tag, strlen(tag) + 1);
    next->digest = *code;
    return true;
}

bool lc_version_learn(lc_version *to, const locache_identity *identity)
{
    /* The caller has seen to it that the identity is of the same source: it compared them, or makes
     * the directory. */
    bool news = learn_code(to, identity->code_tag, &identity->code);
    if (identity->has_source && !to->has_source) {
        to->has_source = true;
        to->source = identity->source;
        news = true;
    }
    return news;
}

/* Which of what is asked for leaves out what this record left out? NULL: none does. */
static const locache_identity *find_asked(const lc_version *found, const lc_identities *asked)
{
    if (found->state[0] == '\0')
        return asked->main;
    for (size_t i = 0; i < asked->count; i++)
        if (strcmp(found->state, asked->others[i].state) == 0)
            return &asked->others[i].identity;
    return NULL;
}

static bool is_source_of(const lc_version *found, const locache_id *source)
{
    bool same = lc_version_same_id(&found->source, source);
    for (size_t i = 0; !same && i < found->kept_count; i++)
        same = found->kept[i].has_source && lc_version_same_id(&found->kept[i].source, source);
    return same;
}

locache_status lc_version_compare(const locache_identity **as, const lc_version *found,
                                  const lc_identities *asked)
{
    const locache_identity *unused;
    const locache_identity *main = asked->main;
    if (as == NULL)
        as = &unused;
    *as = main;
    /* A code that was recorded is of this version, whatever was left out since. */
    if (!has_identity(main) || find_code(found, main->code_tag, &main->code) != NULL)
        return LOCACHE_OK;
    const locache_identity *same = find_asked(found, asked);
    if (same != NULL && find_code(found, same->code_tag, &same->code) != NULL) {
        *as = same;
        return LOCACHE_OK;
    }
    /* Another code may still be of the same source: a comment moved its lines, another Python made
     * it. Without a source on both sides nobody can say so. */
    if (!found->has_source)
        return LOCACHE_MISS;
    if (same != NULL && same->has_source) {
        *as = same;
        return is_source_of(found, &same->source) ? LOCACHE_OK : LOCACHE_MISS;
    }
    return lc_version_could_ask(same != NULL ? same : main) ? LOCACHE_NEED_SOURCE : LOCACHE_MISS;
}

/* ------------------------------------------------------------------------- said to be the same */

static void add_kept(lc_version *to, const lc_version_kept *kept)
{
    for (size_t i = 0; i < to->kept_count; i++)
        if (lc_version_same_id(&to->kept[i].id, &kept->id))
            return;
    /* The one said longest ago goes: at worst what it stands for is computed again. */
    if (to->kept_count == LC_VERSION_KEPT_MAX)
        memmove(to->kept, to->kept + 1, --to->kept_count * sizeof to->kept[0]);
    to->kept[to->kept_count++] = *kept;
}

void lc_version_take(lc_version *to, const lc_version *other, const char *said)
{
    lc_version_kept kept = {
        .id = other->id, .has_source = other->has_source, .source = other->source};
    memcpy(kept.said, said, strlen(said) + 1);
    for (size_t i = 0; i < other->kept_count; i++)
        add_kept(to, &other->kept[i]);
    add_kept(to, &kept);
    /* The edit before is no present one any more: to say it again takes in nothing else. */
    to->has_before = false;
    to->before = (locache_id){{0}};
    for (size_t i = 0; i < other->count; i++)
        (void)learn_code(to, other->codes[i].tag, &other->codes[i].digest);
}

bool lc_version_has_id(const lc_version *found, const locache_id *id)
{
    bool has = lc_version_same_id(&found->id, id);
    for (size_t i = 0; !has && i < found->kept_count; i++)
        has = lc_version_same_id(&found->kept[i].id, id);
    return has;
}

/* --------------------------------------------------------------------------- said by the caller */

void locache_identity_explicit(locache_identity *out, const char *text)
{
    /* A tag of no interpreter, so that programs in two languages can share results. */
    locache_identity identity = {.code_tag = "explicit", .no_source = true};
    locache_id_of(&identity.code, text, strlen(text));
    lc_sized_give(out, &identity, sizeof identity);
}
