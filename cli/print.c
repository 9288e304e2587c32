/* What the command prints for people: names that cannot harm a terminal, numbers with units. */
#include "print.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is_terminal(int *known, int fd)
{
    if (*known == 0)
        *known = isatty(fd) ? 1 : -1;
    return *known > 0;
}

bool cli_on_terminal(void)
{
    static int known;
    return is_terminal(&known, STDOUT_FILENO);
}

bool cli_errors_on_terminal(void)
{
    static int known;
    return is_terminal(&known, STDERR_FILENO);
}

/* ----------------------------------------------------------------------------------------- text */

size_t cli_printable(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    /* Of a first byte: how many follow, and the least that the whole may stand for. */
    static const uint32_t floors[] = {0x20, 0xA0, 0x800, 0x10000};
    size_t more = bytes[0] < 0x80   ? 0
                  : bytes[0] < 0xC2 ? 4
                  : bytes[0] < 0xE0 ? 1
                  : bytes[0] < 0xF0 ? 2
                  : bytes[0] < 0xF5 ? 3
                                    : 4;
    if (more == 4 || more >= size)
        return 0;
    uint32_t point = more == 0 ? bytes[0] : bytes[0] & (0x3FU >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (bytes[i] & 0x3F);
    }
    /* Surrogates, and what turns the direction of writing, which makes a name look like another. */
    bool harmful = (point >= 0xD800 && point < 0xE000) || (point >= 0x202A && point <= 0x202E) ||
                   (point >= 0x2066 && point <= 0x2069) || point == 0x2028 || point == 0x2029;
    return point < floors[more] || point == 0x7F || point > 0x10FFFF || harmful ? 0 : more + 1;
}

static void put_escaped(FILE *to, const char *text, size_t size)
{
    while (size > 0) {
        size_t width = cli_printable(text, size);
        if (width > 0) {
            fwrite(text, 1, width, to);
        } else {
            fprintf(to, "\\x%02x", (unsigned char)*text);
            width = 1;
        }
        text += width;
        size -= width;
    }
}

void cli_put_text(const char *text, size_t size)
{
    if (cli_on_terminal())
        put_escaped(stdout, text, size);
    else
        fwrite(text, 1, size, stdout);
}

void cli_error(const char *format, ...)
{
    char text[4096]; /* paths are as long, at most; what is longer is cut */
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fflush(stdout);
    fputs("locache: ", stderr);
    if (cli_errors_on_terminal())
        put_escaped(stderr, text, strlen(text));
    else
        fputs(text, stderr);
    fputc('\n', stderr);
}

/* -------------------------------------------------------------------------- colours and columns */

static bool coloured(void)
{
    const char *refused = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return cli_on_terminal() && (refused == NULL || refused[0] == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

const char *cli_colour_on(cli_colour colour)
{
    static const char *const codes[] = {"",         "\x1b[1m",  "\x1b[2m",
                                        "\x1b[31m", "\x1b[32m", "\x1b[33m"};
    return coloured() ? codes[colour] : "";
}

const char *cli_colour_off(void)
{
    return coloured() ? "\x1b[0m" : "";
}

void cli_put_cell(int width, const char *text)
{
    if (cli_on_terminal())
        printf("%*s  ", width, text);
    else
        printf("%s\t", text);
}

/* ---------------------------------------------------------------------------------------- units */

void cli_size_text(char out[CLI_SIZE_TEXT], uint64_t bytes)
{
    static const char units[] = "BKMGTPE";
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 999.5 && unit + 1 < sizeof units - 1; unit++)
        size /= 1024;
    if (unit == 0)
        (void)snprintf(out, CLI_SIZE_TEXT, "%u", (unsigned)bytes);
    else
        (void)snprintf(out, CLI_SIZE_TEXT, size < 9.95 ? "%.1f%c" : "%.0f%c", size, units[unit]);
}

void cli_size_words(char out[CLI_SIZE_WORDS], uint64_t bytes)
{
    char text[CLI_SIZE_TEXT];
    cli_size_text(text, bytes);
    bool bare = text[strlen(text) - 1] <= '9';
    (void)snprintf(out, CLI_SIZE_WORDS, "%s%s", text, !bare ? "" : bytes == 1 ? " byte" : " bytes");
}

void cli_span_text(char out[CLI_SPAN_TEXT], int64_t nanoseconds)
{
    /* Each from where it is at least two of its kind on, but for the first. */
    static const struct {
        double from;
        double unit;
        const char *name;
    } units[] = {{2 * 365.25 * 86400e9, 365.25 * 86400e9, "y"},
                 {2 * 86400e9, 86400e9, "d"},
                 {2 * 3600e9, 3600e9, "h"},
                 {2 * 60e9, 60e9, "min"},
                 {1e9, 1e9, "s"},
                 {1e6, 1e6, "ms"},
                 {1e3, 1e3, "us"},
                 {0, 1, "ns"}};
    double span = nanoseconds > 0 ? (double)nanoseconds : 0;
    size_t n = 0;
    while (span < units[n].from)
        n++;
    double shown = span / units[n].unit;
    bool fine = shown < 9.95 && units[n].unit > 1 && units[n].unit < 60e9;
    (void)snprintf(out, CLI_SPAN_TEXT, fine ? "%.1f%s" : "%.0f%s", shown, units[n].name);
}

void cli_time_text(char out[CLI_TIME_TEXT], int64_t nanoseconds)
{
    struct tm parts;
    time_t seconds = (time_t)(nanoseconds / 1000000000 - (nanoseconds % 1000000000 < 0));
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, CLI_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        out[0] = '\0';
}

const char *cli_plural(uint64_t number)
{
    return number == 1 ? "" : "s";
}

void cli_results_text(char out[CLI_RESULTS_TEXT], uint64_t results, uint64_t unusable)
{
    int size = snprintf(out, CLI_RESULTS_TEXT, "%llu result%s", (unsigned long long)results,
                        cli_plural(results));
    if (unusable > 0)
        (void)snprintf(out + size, CLI_RESULTS_TEXT - (size_t)size, " and %llu file%s of no use",
                       (unsigned long long)unusable, cli_plural(unusable));
}
