/* The name of a function's directory. One that would be too long is cut between two characters of
 * its own, and ends with a hash of the whole, so that two functions never share a directory; where
 * the file system folds case, one with capital letters has it, too. */
#include "format/function_name.h"
#include "base/text.h"
#include "format/key.h"

#include <string.h>

/* What a function's directory is called where its name is taken: no other function's is, since a
 * '~' of a name stands before 32 digits. */
#define OTHER_SUFFIX "~locache"

/* Apart from a '.' at the beginning; all that is not ASCII, too. */
static bool stays_in_name(unsigned char byte)
{
    bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
    return byte >= 0x80 || letter || (byte >= '0' && byte <= '9') || byte == '_' || byte == '.' ||
           byte == ',' || byte == '+' || byte == '@' || byte == '-';
}

static void write_own_name(char out[LOCACHE_NAME_MAX + 1], const char *function, bool folds)
{
    static const char digits[] = "0123456789ABCDEF";
    const size_t short_max = LOCACHE_NAME_MAX - 1 - 2 * LOCACHE_ID_SIZE;
    size_t size = 0;
    size_t cut = 0; /* the longest whole part of the name that leaves room for the hash */
    const unsigned char *at = (const unsigned char *)function;
    for (; *at != '\0'; at++) {
        bool whole = (*at & 0xC0) != 0x80;
        if (whole && size <= short_max)
            cut = size;
        bool plain = stays_in_name(*at) && !(*at == '.' && size == 0);
        if (size + (plain ? 1 : 3) > LOCACHE_NAME_MAX)
            break;
        if (plain) {
            out[size++] = (char)*at;
        } else {
            out[size++] = '%';
            out[size++] = digits[*at >> 4];
            out[size++] = digits[*at & 15];
        }
    }
    out[size] = '\0';
    if (*at == '\0' && !(folds && lc_name_has_capital(out, size)))
        return;
    /* Whole, and short enough for the hash behind it. */
    if (*at == '\0' && size <= short_max)
        cut = size;
    locache_id id;
    locache_id_of(&id, function, strlen(function));
    out[cut] = '~';
    lc_text_hex(out + cut + 1, id.bytes, LOCACHE_ID_SIZE);
}

bool lc_function_name(char out[LOCACHE_NAME_MAX + 1], const char *function, bool folds, bool other)
{
    write_own_name(out, function, folds);
    size_t size = strlen(out);
    if (!other)
        return true;
    if (size + strlen(OTHER_SUFFIX) > LOCACHE_NAME_MAX)
        return false;
    memcpy(out + size, OTHER_SUFFIX, sizeof OTHER_SUFFIX);
    return true;
}
