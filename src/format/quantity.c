/* Sizes and ages as people write them. By hand: strtod() reads what the program's locale says. */
#include "format/quantity.h"

#include <stdio.h>
#include <string.h>

/* Digits that count; more say nothing of a size or an age. */
#define DIGITS_MAX 18

typedef struct unit {
    const char *name; /* in small letters */
    int64_t many;     /* of the smallest */
} unit;

#define SECOND INT64_C(1000000000)
#define KIB INT64_C(1024)

/* In each table from the largest on, and of one size that first which is to be written. */
static const unit sizes[] = {{"p", KIB *KIB *KIB *KIB *KIB},
                             {"t", KIB *KIB *KIB *KIB},
                             {"g", KIB *KIB *KIB},
                             {"m", KIB *KIB},
                             {"k", KIB},
                             {"", 1}};
static const unit ages[] = {{"y", 31557600 * SECOND},
                            {"w", 604800 * SECOND},
                            {"d", 86400 * SECOND},
                            {"h", 3600 * SECOND},
                            {"m", 60 * SECOND},
                            {"min", 60 * SECOND},
                            {"s", SECOND},
                            {"ms", SECOND / 1000},
                            {"ns", 1}};
static const unit counts[] = {{"", 1}};

static const unit *units_of(size_t *count, lc_quantity what)
{
    static const struct {
        const unit *units;
        size_t count;
    } tables[] = {
        {counts, 1}, {sizes, sizeof sizes / sizeof *sizes}, {ages, sizeof ages / sizeof *ages}};
    *count = tables[what].count;
    return tables[what].units;
}

static char small(char letter)
{
    return (char)(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
}

/* Is the text that unit's name? Bytes may be said or not: "k", "kb", "kib". */
static bool is_unit(const unit *of, lc_quantity what, const char *text, size_t size)
{
    char name[4] = "";
    if (size >= sizeof name)
        return false;
    for (size_t i = 0; i < size; i++)
        name[i] = small(text[i]);
    if (what == LC_QUANTITY_SIZE && size > 0 && name[size - 1] == 'b') {
        name[--size] = '\0';
        if (size > 1 && name[size - 1] == 'i')
            name[--size] = '\0';
    }
    return strcmp(name, of->name) == 0;
}

/* The number at the front as digits and how many of them are behind the point; its length, or 0. */
static size_t read_number(int64_t *digits, int *behind, const char *text, size_t size)
{
    size_t at = 0;
    int count = 0;
    bool point = false;
    *digits = 0;
    *behind = 0;
    for (; at < size; at++) {
        if (text[at] == '.' && !point) {
            point = true;
            continue;
        }
        if (text[at] < '0' || text[at] > '9')
            break;
        if (++count > DIGITS_MAX)
            return 0;
        *digits = *digits * 10 + (text[at] - '0');
        *behind += point;
    }
    return count > 0 ? at : 0;
}

static bool is_blank(char letter)
{
    return letter == ' ' || letter == '\t' || letter == '\r';
}

bool lc_quantity_read(int64_t *out, lc_quantity what, const char *text, size_t size)
{
    int64_t digits;
    int behind;
    size_t count;
    const unit *units = units_of(&count, what);
    while (size > 0 && is_blank(text[0])) {
        text++;
        size--;
    }
    while (size > 0 && is_blank(text[size - 1]))
        size--;
    size_t length = read_number(&digits, &behind, text, size);
    if (length == 0 || (behind > 0 && what == LC_QUANTITY_COUNT))
        return false;
    /* An age without its unit is days to some and seconds to others; none at all is that to all. */
    if (length == size && what == LC_QUANTITY_AGE && digits == 0) {
        *out = 0;
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_unit(&units[i], what, text + length, size - length))
            continue;
        long double value = (long double)digits * (long double)units[i].many;
        for (; behind > 0; behind--)
            value /= 10;
        if (value >= 9.2e18L)
            return false;
        *out = (int64_t)value;
        return true;
    }
    return false;
}

void lc_quantity_write(char *out, lc_quantity what, int64_t value)
{
    size_t count;
    const unit *units = units_of(&count, what);
    size_t i = 0;
    while (i + 1 < count && (value == 0 || value % units[i].many != 0))
        i++;
    char name = units[i].name[0];
    bool capital = what == LC_QUANTITY_SIZE && name != '\0';
    (void)snprintf(out, LC_QUANTITY_TEXT, "%lld%s", (long long)(value / units[i].many),
                   units[i].name);
    if (capital)
        out[strlen(out) - 1] = (char)(name - 'a' + 'A');
}
