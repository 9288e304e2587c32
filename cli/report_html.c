/* Text within HTML: names and paths are anybody's, and must neither be markup nor look like other
 * text than they are. */
#include "print.h"
#include "report.h"
#include "walk.h"

#include <string.h>

static void put_range(FILE *to, const char *text, size_t size)
{
    while (size > 0) {
        size_t width = cli_printable(text, size);
        const char *entity = *text == '&'    ? "&amp;"
                             : *text == '<'  ? "&lt;"
                             : *text == '>'  ? "&gt;"
                             : *text == '"'  ? "&quot;"
                             : *text == '\'' ? "&#39;"
                                             : NULL;
        if (entity != NULL)
            fputs(entity, to);
        else if (width > 0)
            fwrite(text, 1, width, to);
        else
            fprintf(to, "\\x%02x", (unsigned char)*text);
        text += width > 0 ? width : 1;
        size -= width > 0 ? width : 1;
    }
}

/* Is that a byte within a character of UTF-8, and not its first? */
static bool continues(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

void cli_html_text(FILE *to, const char *text, size_t max)
{
    size_t size = strlen(text);
    if (max == 0 || size <= max) {
        put_range(to, text, size);
        return;
    }
    size_t head = max / 2;
    size_t tail = size - (max - head);
    /* No more than the three that a character has at most: other bytes may be anything. */
    for (int n = 0; n < 3 && head > 0 && continues(text[head]); n++)
        head--;
    for (int n = 0; n < 3 && tail < size && continues(text[tail]); n++)
        tail++;
    put_range(to, text, head);
    fputs("\xE2\x80\xA6", to); /* an ellipsis */
    put_range(to, text + tail, size - tail);
}

/* As long as most paths are. */
#define PATH_SHOWN 120

void cli_html_path(FILE *to, const char *path)
{
    cli_html_text(to, cli_shown_path(path), PATH_SHOWN);
}

const char *cli_html_count(char out[CLI_HTML_COUNT], uint64_t number)
{
    char digits[CLI_HTML_COUNT];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    int at = 0;
    for (int n = 0; n < size; n++) {
        if (n > 0 && (size - n) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[n];
    }
    out[at] = '\0';
    return out;
}
