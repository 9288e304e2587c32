/* What of a C source is a function: its tokens, in a form that comments and layout do not change.
 *
 * This is the lexical half of a C compiler, before macros: trigraphs, universal character names and
 * what a macro expands to are left as they stand. Where the text is not what this file takes it
 * for, the tokens are others than a compiler's, but the same for the same text: a mistake should
 * invalidate once too often, not once too seldom. */
#include "persist/source.h"
#include "base/alloc.h"

#include <ctype.h>
#include <string.h>

#define MACRO "LOCACHE_PERSIST"
/* The same with options before all else. They are not the text of the function. */
#define MACRO_WITH MACRO "_WITH"

/* --------------------------------------------------------------------------------------- tokens */

typedef struct token {
    size_t start; /* in the bytes */
    size_t size;
    int line;
    bool directive; /* part of a preprocessing directive */
} token;

struct lc_source {
    token *tokens;
    size_t count;
    size_t capacity;
    size_t size;
    char bytes[]; /* of the tokens: their text and what ends each */
};

/* Where reading is: never before a continuation (a backslash at the end of a line), so that whoever
 * looks at a character or advances sees lines that are continued as one. */
typedef struct cursor {
    const char *at;
    const char *end;
    int line;
} cursor;

/* Its size, or 0. With a carriage return, too: sources are embedded as they are on disk. */
static size_t continuation(const cursor *in)
{
    size_t left = (size_t)(in->end - in->at);
    if (left >= 2 && in->at[0] == '\\' && in->at[1] == '\n')
        return 2;
    return left >= 3 && in->at[0] == '\\' && in->at[1] == '\r' && in->at[2] == '\n' ? 3 : 0;
}

static void pass_continuations(cursor *in)
{
    for (size_t size; (size = continuation(in)) > 0;) {
        in->at += size;
        in->line++;
    }
}

/* The character here, or -1. */
static int here(const cursor *in)
{
    return in->at < in->end ? (unsigned char)*in->at : -1;
}

static void advance(cursor *in)
{
    if (in->at == in->end)
        return;
    in->line += *in->at++ == '\n';
    pass_continuations(in);
}

/* The one after it, or -1. */
static int next_character(cursor in)
{
    advance(&in);
    return here(&in);
}

/* Bytes of UTF-8 and the dollar are letters to GCC and Clang. */
static bool is_word_byte(int c)
{
    return c >= 0x80 || c == '_' || c == '$' || isalnum(c);
}

/* Pass over a comment, or blanks that do not end a line. */
static bool pass_blank(cursor *in)
{
    if (here(in) == '/' && next_character(*in) == '/') {
        while (here(in) >= 0 && here(in) != '\n')
            advance(in);
        return true;
    }
    if (here(in) == '/' && next_character(*in) == '*') {
        advance(in);
        advance(in);
        while (here(in) >= 0 && !(here(in) == '*' && next_character(*in) == '/'))
            advance(in);
        advance(in);
        advance(in);
        return true;
    }
    if (here(in) != ' ' && here(in) != '\t' && here(in) != '\r' && here(in) != '\f' &&
        here(in) != '\v')
        return false;
    advance(in);
    return true;
}

static void take_character(lc_source *out, cursor *in)
{
    out->bytes[out->size++] = (char)here(in);
    advance(in);
}

/* A string or a character constant, blanks and all. One that its line does not close, as an
 * apostrophe in a #error line, ends with the line. */
static void take_quoted(lc_source *out, cursor *in)
{
    int quote = here(in);
    take_character(out, in);
    while (here(in) >= 0 && here(in) != quote && here(in) != '\n') {
        if (here(in) == '\\')
            take_character(out, in);
        if (here(in) >= 0)
            take_character(out, in);
    }
    if (here(in) == quote)
        take_character(out, in);
}

/* R"delimiter( ... )delimiter": an extension of GCC's and Clang's. Nothing in it is continued or
 * escaped, so it is copied by bytes and not by the cursor's steps. One that is never closed goes to
 * the end. */
static void take_raw(lc_source *out, cursor *in)
{
    const char *open = memchr(in->at, '(', (size_t)(in->end - in->at));
    const char *close = open ? memchr(open, ')', (size_t)(in->end - open)) : NULL;
    size_t size = open ? (size_t)(open - in->at) - 1 : 0;
    while (close != NULL && ((size_t)(in->end - close) < size + 2 ||
                             memcmp(close + 1, in->at + 1, size) != 0 || close[size + 1] != '"'))
        close = memchr(close + 1, ')', (size_t)(in->end - close) - 1);
    const char *end = close ? close + size + 2 : in->end;
    while (in->at < end) {
        in->line += *in->at == '\n';
        out->bytes[out->size++] = *in->at++;
    }
    pass_continuations(in);
}

/* An identifier, or a number: its letters, digits, points, signs of exponents and separators (C23's
 * apostrophe). A prefix of a string, as u8 or LR, belongs to the string: L"x" is not L "x". */
static void take_word(lc_source *out, cursor *in)
{
    size_t start = out->size;
    bool number = isdigit(here(in)) || here(in) == '.';
    while (here(in) >= 0) {
        int last = out->size > start ? out->bytes[out->size - 1] : 0;
        bool sign = number && (here(in) == '+' || here(in) == '-') && last != 0 &&
                    strchr("eEpP", last) != NULL;
        bool inner =
            number && (here(in) == '.' || (here(in) == '\'' && is_word_byte(next_character(*in))));
        if (!is_word_byte(here(in)) && !sign && !inner)
            break;
        take_character(out, in);
    }
    size_t size = out->size - start;
    const char *word = out->bytes + start;
    bool prefix = (size == 1 && strchr("LuUR", word[0]) != NULL) ||
                  (size == 2 && memcmp(word, "u8", 2) == 0) ||
                  (size == 2 && strchr("LuU", word[0]) != NULL && word[1] == 'R') ||
                  (size == 3 && memcmp(word, "u8R", 3) == 0);
    if (prefix && here(in) == '"' && word[size - 1] == 'R')
        take_raw(out, in);
    else if (prefix && (here(in) == '"' || here(in) == '\''))
        take_quoted(out, in);
}

/* The longest operator here: the table has the longer ones first. That a + +b is not a ++b is why
 * operators are tokens and not characters. */
static void take_operator(lc_source *out, cursor *in)
{
    static const char *const operators[] = {"%:%:", "...", "<<=", ">>=", "->", "++", "--", "<<",
                                            ">>",   "<=",  ">=",  "==",  "!=", "&&", "||", "*=",
                                            "/=",   "%=",  "+=",  "-=",  "&=", "^=", "|=", "##",
                                            "<:",   ":>",  "<%",  "%>",  "%:", "::"};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        cursor ahead = *in;
        size_t size = 0;
        if (operators[i][0] != here(in)) /* most are none of these */
            continue;
        for (; operators[i][size] != '\0' && here(&ahead) == operators[i][size]; size++)
            advance(&ahead);
        if (operators[i][size] != '\0')
            continue;
        memcpy(out->bytes + out->size, operators[i], size);
        out->size += size;
        *in = ahead;
        return;
    }
    take_character(out, in);
}

/* The token here. Its line is for lc_source_definition(); the NUL behind it keeps "a b" from "ab".
 * False: no memory. */
static bool add_token(lc_source *out, cursor *in, bool directive)
{
    if (out->count == out->capacity) {
        size_t capacity = out->capacity ? 2 * out->capacity : 1024; /* a short source's */
        token *grown = lc_realloc(out->tokens, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        out->tokens = grown;
        out->capacity = capacity;
    }
    token *added = &out->tokens[out->count++];
    *added = (token){.start = out->size, .line = in->line, .directive = directive};
    if (here(in) == '"' || here(in) == '\'')
        take_quoted(out, in);
    else if (is_word_byte(here(in)) || (here(in) == '.' && isdigit(next_character(*in))))
        take_word(out, in);
    else
        take_operator(out, in);
    added->size = out->size - added->start;
    out->bytes[out->size++] = '\0';
    return true;
}

/* All of them. Blanks count at two points only, both of directives: where their line ends, and in
 * front of a parenthesis. False: no memory. */
static bool add_tokens(lc_source *out, lc_span text)
{
    cursor in = {.at = text.data, .end = (const char *)text.data + text.size, .line = 1};
    bool first = true;      /* of its line */
    bool directive = false; /* the line is one */
    bool apart = false;     /* blanks came before */
    pass_continuations(&in);
    while (here(&in) >= 0) {
        if (pass_blank(&in)) {
            apart = true;
            continue;
        }
        bool ends = here(&in) == '\n';
        if (ends && directive)
            out->bytes[out->size++] = '\n';
        directive = !ends && (directive || (first && here(&in) == '#'));
        /* #define f (x) is not #define f(x). */
        if (directive && apart && here(&in) == '(')
            out->bytes[out->size++] = ' ';
        first = ends;
        apart = false;
        if (ends)
            advance(&in);
        else if (!add_token(out, &in, directive))
            return false;
    }
    return true;
}

locache_status lc_source_make(lc_source **out, lc_span text)
{
    /* No character becomes more than two bytes: a token's own and its end, a line feed, a blank. */
    if (text.size > SIZE_MAX / 4)
        return LOCACHE_ENOMEM;
    lc_source *made = lc_alloc(sizeof *made + 2 * text.size);
    if (made == NULL)
        return LOCACHE_ENOMEM;
    *made = (lc_source){.tokens = NULL};
    if (!add_tokens(made, text)) {
        lc_source_free(made);
        return LOCACHE_ENOMEM;
    }
    *out = made;
    return LOCACHE_OK;
}

void lc_source_free(lc_source *tokens)
{
    if (tokens == NULL)
        return;
    lc_free(tokens->tokens);
    lc_free(tokens);
}

lc_span lc_source_all(const lc_source *tokens)
{
    return (lc_span){tokens->bytes, tokens->size};
}

/* ---------------------------------------------------------------------------------- definitions
 *
 * A definition is found by the macro's name, its second argument, and a brace behind it. No tree is
 * made: what stands between the braces counts as it is. */

static bool is_token(const lc_source *in, size_t i, const char *text)
{
    return i < in->count && strcmp(in->bytes + in->tokens[i].start, text) == 0;
}

/* The token after the parenthesis that closes the one at `open`; *argument is the first of its
 * second argument where that is a single token, else 0. Where it begins with options, what follows
 * their comma counts: *start is the first token of that. */
static size_t pass_parentheses(size_t *argument, size_t *start, const lc_source *in, size_t open)
{
    size_t depth = 0;
    size_t commas[2] = {0, 0};
    size_t count = 0;
    bool options = is_token(in, open - 1, MACRO_WITH);
    *argument = 0;
    *start = open - 1;
    for (size_t i = open; i < in->count; i++) {
        bool closes = is_token(in, i, ")") && depth == 1;
        if (options && depth == 1 && is_token(in, i, ",")) {
            options = false;
            *start = i + 1;
            continue;
        }
        if (depth == 1 && (is_token(in, i, ",") || closes) && count < 2)
            commas[count++] = i;
        if (closes) {
            if (count == 2 && commas[1] == commas[0] + 2)
                *argument = commas[0] + 1;
            return i + 1;
        }
        depth += is_token(in, i, "(");
        depth -= is_token(in, i, ")");
    }
    return in->count;
}

/* Braces over the branches of conditional directives. Nobody knows here which branch is compiled:
 * so each begins with as many open as there are in front of it, and what is open after it is the
 * most that any leaves open, an #if without #else being one that may be passed over. A body may
 * reach too far that way, so that a change behind it invalidates; it never ends too early. */
typedef struct conditional {
    size_t before;
    size_t most;
    bool has_else;
} conditional;

enum { CONDITIONALS_MAX = 64 }; /* beyond that, all to the end of the file counts */

typedef struct nesting {
    conditional open[CONDITIONALS_MAX];
    size_t level;
    size_t depth;
} nesting;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool begins_conditional(const lc_source *in, size_t i)
{
    return is_token(in, i, "if") || is_token(in, i, "ifdef") || is_token(in, i, "ifndef");
}

static bool begins_branch(const lc_source *in, size_t i)
{
    return is_token(in, i, "else") || is_token(in, i, "elif") || is_token(in, i, "elifdef") ||
           is_token(in, i, "elifndef");
}

/* The word of a directive. False: too many are open. */
static bool pass_directive(nesting *at, const lc_source *in, size_t word)
{
    if (begins_conditional(in, word)) {
        if (at->level == CONDITIONALS_MAX)
            return false;
        at->open[at->level++] = (conditional){.before = at->depth};
        return true;
    }
    if (at->level == 0)
        return true;
    conditional *inner = &at->open[at->level - 1];
    if (begins_branch(in, word)) {
        inner->most = larger(inner->most, at->depth);
        inner->has_else = inner->has_else || is_token(in, word, "else");
        at->depth = inner->before;
    } else if (is_token(in, word, "endif")) {
        at->depth = larger(inner->most, at->depth);
        if (!inner->has_else)
            at->depth = larger(at->depth, inner->before);
        at->level--;
    }
    return true;
}

/* One past the closing brace of the body that begins at `open`, or the end. */
static size_t pass_body(const lc_source *in, size_t open)
{
    nesting at = {.level = 0};
    for (size_t i = open; i < in->count; i++) {
        bool directive = in->tokens[i].directive;
        bool begins = directive && is_token(in, i, "#");
        if (begins && !pass_directive(&at, in, i + 1))
            return in->count;
        if (!directive && (is_token(in, i, "{") || is_token(in, i, "<%")))
            at.depth++;
        else if (!directive && at.depth > 0 && (is_token(in, i, "}") || is_token(in, i, "%>")))
            at.depth--;
        /* The body is over where no brace and no conditional is open. Where that is an #endif's
         * '#', its word belongs to it; nothing else follows on that line. */
        if (at.depth == 0 && at.level == 0)
            return begins ? i + 2 : i + 1;
    }
    return in->count;
}

bool lc_source_next(lc_definition *out, const lc_source *in, size_t *at)
{
    for (size_t i = *at; i + 1 < in->count; i++) {
        size_t argument, first;
        if ((!is_token(in, i, MACRO) && !is_token(in, i, MACRO_WITH)) || in->tokens[i].directive ||
            !is_token(in, i + 1, "("))
            continue;
        size_t after = pass_parentheses(&argument, &first, in, i + 1);
        if (argument == 0 || after >= in->count ||
            (!is_token(in, after, "{") && !is_token(in, after, "<%")))
            continue;
        const token *last = &in->tokens[pass_body(in, after) - 1];
        size_t start = in->tokens[first].start;
        *out = (lc_definition){.name = in->bytes + in->tokens[argument].start,
                               .first_line = in->tokens[i].line,
                               .last_line = in->tokens[after - 1].line,
                               .text = {in->bytes + start, last->start + last->size - start}};
        *at = i + 1;
        return true;
    }
    return false;
}

bool lc_source_definition(lc_span *out, const lc_source *in, const char *name, int line)
{
    lc_definition found;
    for (size_t at = 0; lc_source_next(&found, in, &at);) {
        /* Two of one name, in the branches of a conditional: the compiled one is on the line that
         * the program says. */
        if (strcmp(found.name, name) != 0 ||
            (line != 0 && (found.first_line > line || found.last_line < line)))
            continue;
        *out = found.text;
        return true;
    }
    return false;
}
