/* Ages and sizes as people write them, read strictly: what is not understood is refused. */
#include "units.h"
#include "print.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The number at the beginning of text, and what stands behind it. Negative: there is none. strtod()
 * would take hexadecimal numbers, "inf" and leading blanks as well. */
static double number(const char *text, const char **rest)
{
    size_t digits = strspn(text, "0123456789.");
    char copy[32]; /* no size or age needs more digits */
    if (digits == 0 || digits >= sizeof copy)
        return -1;
    memcpy(copy, text, digits);
    copy[digits] = '\0';
    char *end;
    double value = strtod(copy, &end);
    *rest = text + digits;
    return *end == '\0' ? value : -1;
}

bool cli_read_span(int64_t *out, const char *option, const char *text)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"ms", 0.001}, {"s", 1},     {"m", 60},     {"min", 60},
                 {"h", 3600},   {"d", 86400}, {"w", 604800}, {"y", 31557600}};
    const char *unit = "";
    double value = number(text, &unit);
    for (size_t n = 0; value >= 0 && n < sizeof units / sizeof *units; n++) {
        double nanoseconds = value * units[n].seconds * 1e9;
        bool meant = strcmp(unit, units[n].name) == 0 || (value == 0 && *unit == '\0');
        if (meant && nanoseconds < (double)INT64_MAX) {
            *out = (int64_t)nanoseconds;
            return true;
        }
    }
    cli_error("--%s takes an age with its unit, as 90s, 10m, 12h, 30d or 1y, not '%.99s'", option,
              text);
    return false;
}

bool cli_read_age(int64_t *out, const char *option, const char *text)
{
    if (!cli_read_span(out, option, text))
        return false;
    if (*out > 0)
        return true;
    cli_error("--%s takes an age above zero", option);
    return false;
}

bool cli_read_size(uint64_t *out, const char *option, const char *text)
{
    static const char letters[] = "KMGTPE";
    const char *unit = "";
    double value = number(text, &unit);
    const char *found = *unit != '\0' ? strchr(letters, *unit & ~0x20) : NULL;
    if (found != NULL) {
        for (const char *at = letters; at <= found; at++)
            value *= 1024;
        unit++;
    }
    bool known = *unit == '\0' || strcasecmp(unit, "B") == 0 ||
                 (found != NULL && strcasecmp(unit, "iB") == 0);
    if (value >= 0 && known && value < (double)INT64_MAX) {
        *out = (uint64_t)value;
        return true;
    }
    cli_error("--%s takes a size as 500K, 10M or 1.5G, not '%.99s'", option, text);
    return false;
}

bool cli_read_count(uint64_t *out, const char *option, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0) {
        *out = value;
        return true;
    }
    cli_error("--%s takes a whole number, not '%.99s'", option, text);
    return false;
}
