/* The words of the option `ignore`, and the parameters that they name. Few of both, so that they
 * are compared one by one; where nothing is ignored, a call asks for a null pointer. */
#include "persist/ignored.h"
#include "persist/convert.h"

#include <string.h>

#define BETWEEN ", \t\n"

/* The next word from *at on, which moves past it; its size, 0 at the end. */
static size_t next_word(const char **word, const char **at)
{
    *word = *at + strspn(*at, BETWEEN);
    size_t size = strcspn(*word, BETWEEN);
    *at = *word + size;
    return size;
}

static bool is_this_word(const char *word, size_t size, const char *name)
{
    return strlen(name) == size && memcmp(word, name, size) == 0;
}

bool lc_ignored_is(const locache_function_record *function, const char *name)
{
    const char *at = function->options->ignore;
    const char *word;
    size_t size;
    while ((size = next_word(&word, &at)) > 0)
        if (is_this_word(word, size, name))
            return true;
    return false;
}

uint64_t lc_ignored_count(const locache_function_record *function)
{
    uint64_t count = 0;
    const locache_parameter *parameter = function->parameters;
    for (size_t i = 0; i < function->parameter_count; i++, parameter = lc_convert_next(parameter))
        count += lc_ignored_is(function, parameter->name);
    return count;
}

static bool is_parameter(const locache_function_record *function, const char *word, size_t size)
{
    const locache_parameter *parameter = function->parameters;
    for (size_t i = 0; i < function->parameter_count; i++, parameter = lc_convert_next(parameter))
        if (is_this_word(word, size, parameter->name))
            return true;
    return false;
}

bool lc_ignored_known(const locache_function_record *function)
{
    const char *at = function->options->ignore;
    const char *word;
    size_t size;
    while ((size = next_word(&word, &at)) > 0)
        if (!is_parameter(function, word, size))
            return false;
    return true;
}
