/* The notes of versions: read, and compared part by part and line by line. */
#include "note.h"
#include "command.h"
#include "locache.h"
#include "print.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------- JSON, read */

/* The code unit of \uXXXX at text; -1: it is none. */
static int32_t unit_at(const char *text, const char *end)
{
    char digits[5] = "";
    char *stop;
    if (end - text < 6 || text[0] != '\\' || text[1] != 'u')
        return -1;
    memcpy(digits, text + 2, 4);
    /* strtol() would take a sign or blanks as well. */
    if (strspn(digits, "0123456789abcdefABCDEF") != 4)
        return -1;
    return (int32_t)strtol(digits, &stop, 16);
}

static char *put_utf8(char *out, uint32_t point)
{
    if (point < 0x80) {
        *out++ = (char)point;
    } else if (point < 0x800) {
        *out++ = (char)(0xC0 | point >> 6);
        *out++ = (char)(0x80 | (point & 63));
    } else if (point < 0x10000) {
        *out++ = (char)(0xE0 | point >> 12);
        *out++ = (char)(0x80 | (point >> 6 & 63));
        *out++ = (char)(0x80 | (point & 63));
    } else {
        *out++ = (char)(0xF0 | point >> 18);
        *out++ = (char)(0x80 | (point >> 12 & 63));
        *out++ = (char)(0x80 | (point >> 6 & 63));
        *out++ = (char)(0x80 | (point & 63));
    }
    return out;
}

/* What an escape at *at stands for, which is passed. False: it is none. A NUL, or half a pair,
 * becomes '?'. */
static bool take_escape(char **out, const char **at, const char *end)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    int32_t unit = unit_at(*at, end);
    if (unit < 0) {
        const char *found = end - *at < 2 || (*at)[1] == '\0' ? NULL : strchr(letters, (*at)[1]);
        if (found == NULL)
            return false;
        *(*out)++ = meant[found - letters];
        *at += 2;
        return true;
    }
    *at += 6;
    int32_t low = unit >= 0xD800 && unit < 0xDC00 ? unit_at(*at, end) : -1;
    if (low >= 0xDC00 && low < 0xE000) {
        *at += 6;
        *out =
            put_utf8(*out, 0x10000 + ((uint32_t)(unit - 0xD800) << 10 | (uint32_t)(low - 0xDC00)));
    } else {
        bool none = unit == 0 || (unit >= 0xD800 && unit < 0xE000);
        *out = put_utf8(*out, none ? '?' : (uint32_t)unit);
    }
    return true;
}

/* The string at *at, which is passed; NULL: there is none. It is the caller's. */
static char *take_string(const char **at, const char *end)
{
    if (*at == end || **at != '"')
        return NULL;
    /* No escape stands for more bytes than it has. */
    char *text = malloc((size_t)(end - *at));
    char *out = text;
    for (++*at; text != NULL && *at < end && **at != '"';) {
        if (**at == '\0' || (**at == '\\' && !take_escape(&out, at, end)))
            break;
        if (*at < end && **at != '"' && **at != '\\')
            *out++ = *(*at)++;
    }
    if (text == NULL || *at == end || **at != '"') {
        free(text);
        return NULL;
    }
    ++*at;
    *out = '\0';
    return text;
}

static bool take_sign(const char **at, const char *end, char sign)
{
    while (*at < end && **at == ' ')
        ++*at;
    bool there = *at < end && **at == sign;
    *at += there;
    while (*at < end && **at == ' ')
        ++*at;
    return there;
}

static void clear_part(cli_part *part)
{
    free(part->kind);
    free(part->module);
    free(part->name);
    free(part->digest);
    free(part->text);
    *part = (cli_part){.kind = NULL};
}

/* An object whose values are texts. */
static bool take_part(cli_part *out, const char *at, const char *end)
{
    static const char *const names[] = {"kind", "module", "name", "digest", "text"};
    char **values[] = {&out->kind, &out->module, &out->name, &out->digest, &out->text};
    *out = (cli_part){.kind = NULL};
    bool more = take_sign(&at, end, '{');
    while (more) {
        char *name = take_string(&at, end);
        char *value = name != NULL && take_sign(&at, end, ':') ? take_string(&at, end) : NULL;
        for (size_t i = 0; value != NULL && i < 5; i++)
            if (strcmp(name, names[i]) == 0 && *values[i] == NULL) {
                *values[i] = value;
                value = NULL;
                break;
            }
        free(name);
        free(value);
        more = take_sign(&at, end, ',');
    }
    bool whole = take_sign(&at, end, '}') && out->kind != NULL && out->module != NULL &&
                 out->name != NULL && out->digest != NULL && out->text != NULL;
    if (!whole)
        clear_part(out);
    return whole;
}

void cli_note_read(cli_note *out, const char *path)
{
    char *text = malloc(LOCACHE_NOTE_MAX);
    size_t size = 0;
    locache_error error;
    *out = (cli_note){.parts = NULL};
    if (text == NULL || locache_version_note(text, &size, path, &error) != LOCACHE_OK)
        size = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - text) - at : size - at;
        cli_part part;
        if (take_part(&part, text + at, text + at + length)) {
            cli_part *grown = realloc(out->parts, (out->count + 1) * sizeof *grown);
            if (grown == NULL) {
                cli_error("no memory");
                exit(CLI_FAILED);
            }
            out->parts = grown;
            out->parts[out->count++] = part;
        }
        at += length + 1;
    }
    free(text);
}

void cli_note_clear(cli_note *note)
{
    for (size_t i = 0; i < note->count; i++)
        clear_part(&note->parts[i]);
    free(note->parts);
    *note = (cli_note){.parts = NULL};
}

/* ------------------------------------------------------------------------------------- compared */

static const cli_part *find_part(const cli_note *note, const cli_part *like, bool by_digest)
{
    for (size_t i = 0; i < note->count; i++) {
        const cli_part *part = &note->parts[i];
        bool same = by_digest ? part->digest[0] != '\0' && strcmp(part->digest, like->digest) == 0
                              : strcmp(part->module, like->module) == 0 &&
                                    strcmp(part->name, like->name) == 0;
        if (same && strcmp(part->kind, like->kind) == 0)
            return part;
    }
    return NULL;
}

void cli_note_compare(const cli_note *before, const cli_note *now,
                      void (*fn)(void *context, const char *change, const cli_part *before,
                                 const cli_part *now),
                      void *context)
{
    /* What is not recorded cannot be compared. */
    if (before->count == 0 || now->count == 0)
        return;
    for (size_t i = 0; i < now->count; i++) {
        const cli_part *part = &now->parts[i];
        const cli_part *old = find_part(before, part, false);
        if (old != NULL && strcmp(old->digest, part->digest) != 0)
            fn(context, "changed", old, part);
        else if (old == NULL && find_part(before, part, true) == NULL)
            fn(context, "added", NULL, part);
    }
    for (size_t i = 0; i < before->count; i++) {
        const cli_part *part = &before->parts[i];
        if (find_part(now, part, false) == NULL && find_part(now, part, true) == NULL)
            fn(context, "removed", part, NULL);
    }
}

/* A part's text has at most 4,000 characters, thus rarely more lines. */
#define LINES_MAX 500

typedef struct lines {
    const char *at[LINES_MAX];
    size_t size[LINES_MAX];
    size_t count;
} lines;

static bool split(lines *out, const char *text)
{
    out->count = 0;
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        if (out->count == LINES_MAX)
            return false;
        out->at[out->count] = text;
        out->size[out->count++] = size;
        text += size + (text[size] == '\n');
    }
    return true;
}

static bool same_line(const lines *a, size_t i, const lines *b, size_t j)
{
    return a->size[i] == b->size[j] && memcmp(a->at[i], b->at[j], a->size[i]) == 0;
}

/* The longest common subsequence of what follows each pair of lines: at [i][j]. */
typedef struct common {
    unsigned short length[LINES_MAX + 1][LINES_MAX + 1];
} common;

void cli_text_compare(const char *before, const char *now,
                      void (*fn)(void *context, char sign, const char *line, size_t size),
                      void *context)
{
    static lines old;
    static lines new;
    static common of;
    if (!split(&old, before) || !split(&new, now))
        return;
    for (size_t i = old.count + 1; i-- > 0;)
        for (size_t j = new.count + 1; j-- > 0;) {
            if (i == old.count || j == new.count)
                of.length[i][j] = 0;
            else if (same_line(&old, i, &new, j))
                of.length[i][j] = (unsigned short)(of.length[i + 1][j + 1] + 1);
            else
                of.length[i][j] = of.length[i + 1][j] > of.length[i][j + 1] ? of.length[i + 1][j]
                                                                            : of.length[i][j + 1];
        }
    for (size_t i = 0, j = 0; i < old.count || j < new.count;) {
        if (i < old.count && j < new.count &&same_line(&old, i, &new, j)) {
            i++;
            j++;
        } else if (i < old.count &&
                   (j == new.count || of.length[i + 1][j] >= of.length[i][j + 1])) {
            fn(context, '-', old.at[i], old.size[i]);
            i++;
        } else {
            fn(context, '+', new.at[j], new.size[j]);
            j++;
        }
    }
}
